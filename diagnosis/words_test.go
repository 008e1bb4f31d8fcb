package diagnosis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"galen.dev/task"
)

var tag = regexp.MustCompile(`<[^>]*>`)

// page is the text of a run's report, without its tags.
func page(t *testing.T, res *task.Result) string {
	t.Helper()
	data, err := os.ReadFile(res.Report)
	if err != nil {
		t.Fatal(err)
	}
	return html.UnescapeString(tag.ReplaceAllString(string(data), ""))
}

// TestWords: the page says what was done, for each option that changes it.
func TestWords(t *testing.T) {
	plain := generated(160, "", nil)
	dated := generated(160, ",d", func(_, _ int, r *rand.Rand) string { return fmt.Sprintf("2020-%02d-11", r.IntN(12)+1) })
	for _, c := range []struct {
		name, text  string
		params      map[string]any
		says, omits []string
	}{
		{"random", plain, nil, []string{"drawn at random", "no other site or time", "The study names the kind of model"}, []string{"fitted to all cases", "Over 2 repeated", "simplest is taken"}},
		{"repeats", plain, map[string]any{"repeats": 2}, []string{"Patients were drawn 2 times", "Over 2 repeated splits"}, nil},
		{"folds", plain, map[string]any{"split": "folds"}, []string{"The model that is kept is fitted to all cases", "cut into 3 folds", "at the threshold that its own training cases chose", "which was fitted to them", "each tested once by a model of the other 2 folds"}, []string{"Over 3"}},
		{"repeated folds", plain, map[string]any{"split": "folds", "repeats": 2}, []string{"cut into 3 folds", "The folds were drawn 2 times", "between single folds"}, nil},
		{"time", dated, map[string]any{"split": "time", "index-date": "d"}, []string{"The latest patients", "later than the training cases"}, []string{"no other site or time"}},
		{"no calibration", plain, map[string]any{"calibration": "none"}, []string{"The probabilities are not recalibrated"}, []string{"Before and after recalibration.", "Recalibration ("}},
		{"calibration", plain, map[string]any{"calibration": "platt"}, []string{"are recalibrated (platt)", "Before and after recalibration.", "Recalibration (platt)"}, []string{"are not recalibrated"}},
		{"weights alone", plain, map[string]any{"calibration": "none", "class-weight": "balanced"}, []string{"too high for rare classes", "were not recalibrated: those of rare classes"}, []string{"recalibrated afterwards"}},
		{"weights mended", plain, map[string]any{"calibration": "platt", "class-weight": "balanced"}, []string{"recalibrated afterwards"}, []string{"too high for rare classes"}},
		{"two candidates", plain, map[string]any{"model": "auto", "candidates": []string{"logistic", "boost"}, "rounds": 10}, []string{"simplest is taken", "Choice by cross-validation"}, []string{"The study names the kind of model"}},
		{"three classes", classes(40, 40, 40), map[string]any{"calibration": "temperature"}, []string{"summed over the classes", "Recalibration (temperature)"}, []string{"net benefit with bootstrap", "Before and after recalibration."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, _, err := study(t, c.text, c.params)
			if err != nil {
				t.Fatal(err)
			}
			text := page(t, res)
			for _, s := range c.says {
				if !strings.Contains(text, s) {
					t.Errorf("the page does not say %q", s)
				}
			}
			for _, s := range c.omits {
				if strings.Contains(text, s) {
					t.Errorf("the page says %q", s)
				}
			}
		})
	}
}

// TestRareLevels: neither the page nor the plan's names tell a level that few patients have, while a
// prediction shows the case's own.
func TestRareLevels(t *testing.T) {
	res, x, err := study(t, generated(160, ",job", func(i, _ int, r *rand.Rand) string {
		if i%40 == 7 {
			return fmt.Sprintf("mayor of village %d", i)
		}
		return []string{"nurse", "baker"}[r.IntN(2)]
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if text := page(t, res); strings.Contains(text, "mayor") || !strings.Contains(text, "nurse") {
		t.Error("the page names a level that one patient has, or none")
	}
	var out bytes.Buffer
	in := "x,job\n0.1,mayor of village 7\n0.2,pilot\n1000000,nurse\n,\n"
	if _, err := x.Apply(t.Context(), res.Run, task.Input{Path: "in.csv", Reader: strings.NewReader(in)}, nil, &out, task.JSON); err != nil {
		t.Fatal(err)
	}
	var got []Prediction
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	value := func(p Prediction, column string) string {
		for _, c := range p.Why.Contributions {
			if c.Column == column {
				return c.Value
			}
		}
		return "no such column"
	}
	if v := value(got[0], "job"); v != "mayor of village 7" {
		t.Errorf("the value of a rare level is %q", v)
	}
	if v := value(got[1], "job"); v != "pilot" {
		t.Errorf("the value of an unseen level is %q", v)
	}
	for i, p := range got[2:] {
		if !p.Abstained || p.Risk != nil || len(p.Set) > 0 {
			t.Errorf("case %d, far away or empty: %+v", i+3, p)
		}
		for _, r := range p.Reasons {
			if strings.Contains(r, "prediction set") {
				t.Errorf("case %d abstains and speaks of a set that it does not give: %s", i+3, r)
			}
		}
	}
}
