package quality

import (
	"fmt"
	"slices"
	"strings"

	"galen.dev/fault"
)

// Waive parts findings into those that stand and those that the study accepts. A waiver is the name of a
// check, or "name:column" for one column of it. A waiver that names no check, or that matches no finding,
// comes back as an "unused-waiver" finding in unknown, so that a stale or misspelt waiver is seen.
func Waive(findings []fault.Finding, names []string) (kept, waived, unknown []fault.Finding) {
	used := make([]bool, len(names))
	for _, f := range findings {
		hit := false
		for i, w := range names {
			name, column, one := strings.Cut(w, ":")
			if name == f.Name && (!one || column == f.Column) {
				used[i], hit = true, true
			}
		}
		if hit {
			waived = append(waived, f)
		} else {
			kept = append(kept, f)
		}
	}
	for i, w := range names {
		if !used[i] {
			unknown = append(unknown, unusedWaiver(w, findings))
		}
	}
	return kept, waived, unknown
}

func unusedWaiver(w string, findings []fault.Finding) fault.Finding {
	f := fault.Finding{Name: "unused-waiver", Severity: fault.Warning}
	name, column, _ := strings.Cut(w, ":")
	if _, known := checkIndex[name]; !known {
		f.Message = fmt.Sprintf("waiver %q names no check", w)
		all := make([]string, len(checks))
		for i, c := range checks {
			all[i] = c.Name
		}
		f.Hint = fault.DidYouMean(name, all)
		return f
	}
	f.Message = fmt.Sprintf("waiver %q matches no finding", w)
	var columns []string
	for _, g := range findings {
		if g.Name == name && g.Column != "" && !slices.Contains(columns, g.Column) {
			columns = append(columns, g.Column)
		}
	}
	if f.Hint = fault.DidYouMean(column, columns); f.Hint == "" {
		f.Hint = "remove it from the study"
	}
	return f
}

// Severe returns the findings that stop a run.
func Severe(findings []fault.Finding) []fault.Finding {
	var out []fault.Finding
	for _, f := range findings {
		if f.Severity == fault.Severe {
			out = append(out, f)
		}
	}
	return out
}
