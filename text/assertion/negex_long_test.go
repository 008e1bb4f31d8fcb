//go:build long

package assertion

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galen.dev/table"
	"galen.dev/text"
)

// negex reads the NegEx sentences. The file names no documents and is shuffled: sentences that say the same but for
// capitals and space stand together in a fold.
func negex(t *testing.T) (examples []Example, group []int) {
	t.Helper()
	data := os.Getenv("GALEN_DATA")
	if data == "" {
		t.Skip("GALEN_DATA is not set")
	}
	b, err := os.ReadFile(filepath.Join(data, "text/negex_annotations.txt"))
	if err != nil {
		t.Skip(err)
	}
	s, err := text.Clean(b, text.CleanOptions{Replace: true})
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]int{}
	values := map[string]string{"affirmed": Affirmed, "negated": Negated, "possible": Possible, "recent": Recent, "historical": Historical, "not particular": Hypothetical, "patient": Patient, "other": Other, "family member": Other}
	for k, line := range strings.Split(strings.TrimSpace(s), "\n")[1:] {
		cells := strings.Split(strings.TrimRight(line, "\r"), "\t")
		if len(cells) < 6 {
			t.Fatalf("line %d has %d cells", k+2, len(cells))
		}
		f, ok := Locate(cells[2], cells[1])
		if !ok { // eleven findings run over the end of their sentence
			f = Finding{Text: cells[2], Tokens: text.Tokens(cells[2])}
			f.To = len(f.Tokens)
		}
		if secs := text.Sections(cells[2]); len(secs) > 0 {
			f.Section = secs[0].Name
		}
		get := func(i int) string { return values[strings.ToLower(strings.TrimSpace(cells[i]))] }
		examples = append(examples, Example{f, Assertion{get(3), get(4), get(5)}})
		key := strings.Join(strings.Fields(strings.ToLower(cells[2])), " ")
		if _, seen := known[key]; !seen {
			known[key] = len(known)
		}
		group = append(group, known[key])
	}
	return examples, group
}

// f1 of a value, with precision and recall.
func f1(examples []Example, said []Assertion, property int, value string) (f, precision, recall float64, marked int) {
	var right, found int
	for k := range examples {
		truth, got := examples[k].Get(property) == value, said[k].Get(property) == value
		if truth {
			marked++
		}
		if got {
			found++
		}
		if truth && got {
			right++
		}
	}
	return 2 * float64(right) / float64(found+marked), float64(right) / float64(found), float64(right) / float64(marked), marked
}

// TestNegEx measures rules and classifier by ten folds, of which each is judged by what the others taught.
func TestNegEx(t *testing.T) {
	examples, group := negex(t)
	folds, err := table.Folds(len(examples), 10, group, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	rules, model := make([]Assertion, len(examples)), make([]Assertion, len(examples))
	for _, fold := range folds {
		var train []Example
		for _, k := range fold.Train {
			train = append(train, examples[k])
		}
		m, err := Train(t.Context(), Default, train, Params{})
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range fold.Test {
			rules[k], _ = Default.Assess(&examples[k].Finding)
			model[k] = m.Assess(&examples[k].Finding).Assertion
		}
	}
	for _, c := range []struct {
		property int
		value    string
	}{{0, Negated}, {1, Historical}, {1, Hypothetical}, {2, Other}} {
		var line []string
		for name, said := range map[string][]Assertion{"rules": rules, "both": model} {
			f, p, r, _ := f1(examples, said, c.property, c.value)
			line = append(line, fmt.Sprintf("%s F1 %.4f (precision %.4f, recall %.4f)", name, f, p, r))
		}
		slices.Sort(line)
		_, _, _, n := f1(examples, model, c.property, c.value)
		t.Logf("%s, %d findings: %s", c.value, n, strings.Join(line, "; "))
	}
	for k := range Properties {
		right := 0
		for i := range examples {
			if examples[i].Get(k) == model[i].Get(k) {
				right++
			}
		}
		t.Logf("%s: accuracy %.4f", Properties[k], float64(right)/float64(len(examples)))
	}
	if f, _, _, _ := f1(examples, model, 0, Negated); f < .95 {
		t.Errorf("negation: F1 %.4f, want .95", f)
	}
}
