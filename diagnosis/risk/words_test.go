package risk

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

	"galen.dev/fault"
	"galen.dev/table"
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
	if fmt.Sprint(got[0].Missing, got[0].OutOfRange) != "[] []" || fmt.Sprint(got[1].Missing, got[1].OutOfRange) != "[] [job]" {
		t.Errorf("an unseen level is missing %q and outside %q", got[1].Missing, got[1].OutOfRange)
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

// TestAppliedCases: what cases may lack, and what they may hold, beside a model with codes, a category without
// rare levels, and dates.
func TestAppliedCases(t *testing.T) {
	res, x, err := study(t, generated(200, ",code,site,seen,born", func(i, y int, r *rand.Rand) string {
		return fmt.Sprintf("%d,%s,2020-%02d-05,19%d-03-04", 10000000+(r.IntN(2)+y)%3, []string{"north", "south"}[r.IntN(2)], r.IntN(12)+1, r.IntN(40)+30)
	}), map[string]any{"categories": []string{"code"}, "index-date": "seen", "rare": 1})
	if err != nil {
		t.Fatal(err)
	}
	apply := func(text string) ([]Prediction, error) {
		var out bytes.Buffer
		if _, err := x.Apply(t.Context(), res.Run, task.Input{Path: "in.csv", Reader: strings.NewReader(text)}, map[string]any{"abstain": 1.0}, &out, task.JSON); err != nil {
			return nil, err
		}
		var got []Prediction
		return got, json.Unmarshal(out.Bytes(), &got)
	}
	got, err := apply("extra,x,code,site,seen,born\n<b>,0.5,10000001,north,2020-05-06,1950-01-02\nq,0.5,10000001.0,north,2020-05-06,1950-01-02\nq,0.5,10000001,NORTH,,\n")
	if err != nil {
		t.Fatal(err)
	}
	if *got[0].Risk != *got[1].Risk {
		t.Errorf("a code and the same number spelled otherwise have risks %v and %v", *got[0].Risk, *got[1].Risk)
	}
	if fmt.Sprint(got[2].Missing, got[2].OutOfRange) != "[born] [site]" {
		t.Errorf("missing are %q and outside %q", got[2].Missing, got[2].OutOfRange)
	}
	for _, c := range got[0].Why.Contributions {
		if c.Column == "code" && c.Value != "10000001" {
			t.Errorf("the code reads %q", c.Value)
		}
	}
	for text, say := range map[string]string{
		"x,code,site,born\n1,10000001,north,1950-01-02\n":                          "seen",
		"x,code,site,seen,born\n1,ten,north,2020-05-06,1950-01-02\n":               "code",
		"x (mmol/l),code,site,seen,born\n1,10000001,north,2020-05-06,1950-01-02\n": "x",
	} {
		_, err := apply(text)
		if err == nil || !strings.Contains(err.Error(), say) || !strings.Contains(fault.HintOf(err), "born, seen") {
			t.Errorf("the error of %q is %v (%s)", text, err, fault.HintOf(err))
		}
		if err != nil && strings.Contains(err.Error(), "ten") {
			t.Errorf("the error tells a cell: %v", err)
		}
	}
}

// TestCells: no small count is shown, and none can be computed from what is shown.
func TestCells(t *testing.T) {
	for _, c := range []struct {
		n    []int
		want string
	}{
		{[]int{90, 8, 2}, "90 (90.0 %)|≥5|<5"},
		{[]int{97, 3}, "≥5|<5"},
		{[]int{93, 3, 4}, "93 (93.0 %)|<5|<5"},
		{[]int{60, 40, 0}, "60 (60.0 %)|40 (40.0 %)|0"},
		{[]int{3}, "<5"},
	} {
		sum := 0
		for _, v := range c.n {
			sum += v
		}
		if got := strings.Join(cellTexts(c.n, sum), "|"); got != c.want {
			t.Errorf("%v: %s, not %s", c.n, got, c.want)
		}
	}
	col := &table.Column{Name: "c", Kind: table.Category, Levels: []string{"rare", "a", "b"}}
	var byClass [2][]int
	for i := range 100 {
		l := int32(1 + i%2)
		switch {
		case i < 2:
			l = 0
		case i < 9:
			l = -1
		}
		col.Cat = append(col.Cat, l)
		byClass[i/50] = append(byClass[i/50], i)
	}
	if got := fmt.Sprint(categoryRows(col, byClass[:])); got != "[[c: b 21 (48.8 %) 25 (50.0 %) 7] [c: a ≥5 25 (50.0 %) ] [c: 1 more level]]" {
		t.Errorf("the rows are %s", got)
	}
}
