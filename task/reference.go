package task

import (
	"fmt"
	"strings"
)

// Reference is the task's page of the reference, in Markdown: what `galen tasks NAME` prints and
// docs/reference/ holds.
func (t *Task) Reference() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n%s\n\nNeeds: %s\n\n## Example\n\n```yaml\n%s\n```\n\n## Parameters\n\n", t.Name, t.Short, strings.TrimSpace(t.Long), t.Needs, strings.TrimSpace(t.Example))
	b.WriteString("Each is a key under `params:` in the study file and a flag of `galen run`. The last column names the\nearliest step that is done anew when the value changes.\n\n")
	b.WriteString("| name | type | default | allowed | unit | what it does | step |\n|---|---|---|---|---|---|---|\n")
	for i := range t.Params {
		p := &t.Params[i]
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", p.Name, p.Kind, p.defaultText(), cell(p.Range()), cell(p.Unit), cell(p.Help), p.Step)
	}
	return b.String()
}

func (p *Param) defaultText() string {
	if p.Required {
		return "required"
	}
	switch v := p.Value().(type) {
	case string:
		if v == "" {
			return ""
		}
		return "`" + v + "`"
	case []string:
		return strings.Join(v, ", ")
	case []float64:
		return strings.Trim(fmt.Sprint(v), "[]")
	case map[string]float64:
		return strings.TrimPrefix(strings.Trim(fmt.Sprint(v), "[]"), "map[")
	default:
		return fmt.Sprint(v)
	}
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
