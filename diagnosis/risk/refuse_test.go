package risk

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galen.dev/fault"
	"galen.dev/store"
	"galen.dev/task"
	"galen.dev/task/tasktest"
)

// What a study asks of data that cannot give it: one error of the right kind, which names the place and holds no
// patient, before any model is fitted.
func TestRefusedStudies(t *testing.T) {
	folder := t.TempDir()
	data := cohortCSV(t, folder, 200, 1, false)
	text, err := os.ReadFile(data)
	if err != nil {
		t.Fatal(err)
	}
	// edit writes the cohort with each row changed; cells has name, seen, age, lab, noise, site, died.
	edit := func(name string, f func(i int, cells []string)) string {
		rows := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		for i := 1; i < len(rows); i++ {
			cells := strings.Split(rows[i], ",")
			f(i, cells)
			rows[i] = strings.Join(cells, ",")
		}
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(strings.Join(rows, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	leak := edit("leak.csv", func(_ int, c []string) { c[4] = map[string]string{"yes": "1", "no": "0"}[c[6]] })
	rare := edit("rare.csv", func(i int, c []string) {
		c[6] = "no"
		if i < 3 {
			c[6] = "yes"
		}
	})
	named := edit("named.csv", func(_ int, c []string) { c[6] = map[string]string{"yes": "grade B", "no": "grade A"}[c[6]] })
	parts := edit("parts.csv", func(i int, c []string) { c[5] = []string{"train", "test", "train"}[i%3] })
	many := edit("many.csv", func(_ int, c []string) { c[6] = c[2] })
	for _, c := range []struct {
		name, data string
		params     map[string]any
		kind       fault.Kind
		want       []string
	}{
		{"target absent", data, map[string]any{"target": "dies"}, fault.Data, []string{"cohort.csv: dies: ", `did you mean "died"`}},
		{"every column of the study absent", data, map[string]any{"patient": "nam", "index-date": "sen", "exclude": []string{"agee"}, "categories": []string{"sitt"}}, fault.Data, []string{"nam: the parameter patient", "sen: the parameter index-date", "agee: the parameter exclude", "sitt: the parameter categories"}},
		{"index date is no date", data, map[string]any{"index-date": "age"}, fault.Data, []string{"age: the index-date is a numeric column"}},
		{"positive is no level", data, map[string]any{"positive": []string{"yess"}}, fault.Data, []string{"died: no case has the level", `did you mean "yes"`}},
		{"positive is every level", data, map[string]any{"positive": []string{"yes", "no"}}, fault.Data, []string{"died: positive names every level"}},
		{"two levels that do not speak", named, nil, fault.Data, []string{"died: two levels, and it is not plain which one is the event", "set the parameter positive"}},
		{"a quantity as target", many, nil, fault.Data, []string{"died: ", "distinct values are no classes"}},
		{"too few events", rare, nil, fault.Data, []string{"rare.csv: died: ", "gather more cases|too few"}},
		{"a column that gives the outcome away", leak, nil, fault.Data, []string{"leak.csv: noise: ", "waive: [target-leakage:noise]|waive:"}},
		{"repeats of a split that is one", parts, map[string]any{"split": "column", "split-column": "site", "repeats": 2, "patient": ""}, fault.Usage, []string{"repeats needs split: random or folds"}},
		{"a patient in both parts", parts, map[string]any{"split": "column", "split-column": "site"}, fault.Data, []string{"site: rows of a patient who is in another part already"}},
		{"split by a column that is no split", data, map[string]any{"split": "column", "split-column": "site"}, fault.Data, []string{"site"}},
		{"nothing to predict from", data, map[string]any{"exclude": []string{"age", "lab (mmol/l)", "noise", "site"}}, fault.Data, []string{"no column is left that could be a predictor"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "runs"), store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			var told strings.Builder
			x := &task.Runner{Tasks: []*task.Task{Task}, Store: s, Version: "test", Monitor: func(e task.Event) { told.WriteString(e.Text + "\n") }}
			study := &task.Study{Name: "s", Task: Task.Name, Data: c.data, Params: map[string]any{"target": "died", "patient": "name", "model": "logistic", "folds": 3, "bootstrap": 100}}
			for k, v := range c.params {
				study.Params[k] = v
			}
			res, err := x.Run(t.Context(), study, task.Evaluate)
			if fault.KindOf(err) != c.kind {
				t.Fatalf("kind %v of %v", fault.KindOf(err), err)
			}
			seen := err.Error() + "\n" + fault.HintOf(err)
			for _, w := range c.want {
				found := false
				for alternative := range strings.SplitSeq(w, "|") {
					found = found || strings.Contains(seen, alternative)
				}
				if !found {
					t.Errorf("the error lacks %q:\n%s", w, seen)
				}
			}
			if strings.Contains(seen+told.String(), tasktest.Canary) {
				t.Errorf("a patient is named:\n%s\n%s", seen, &told)
			}
			if len(res.Steps) > 1 {
				t.Errorf("%d steps were done before it was refused", len(res.Steps))
			}
		})
	}
}
