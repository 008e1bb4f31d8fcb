package risk

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"galen.dev/fault"
	"galen.dev/table"
	"galen.dev/task"
)

// part is one split into training and test rows, as indexes of prepared rows.
type part struct {
	Train []int `json:"train"`
	Test  []int `json:"test"`
}

// splits are the parts of a study. Where Pooled is set, the parts of one repeat are folds whose test rows
// together are all rows, and the model that is kept is fitted on all rows; else the first part's model is.
type splits struct {
	Kind    string `json:"kind"`
	Pooled  bool   `json:"pooled"`
	Repeats int    `json:"repeats"`
	Parts   []part `json:"parts"`
	// Patients are the numbers of the patients on each side of the first part, for whoever checks that
	// none is on both.
	Patients map[string][]int `json:"patients"`
}

// kept returns the rows from which the model that is kept is fitted.
func (s *splits) kept() []int {
	if !s.Pooled {
		return s.Parts[0].Train
	}
	all := append(append([]int(nil), s.Parts[0].Train...), s.Parts[0].Test...)
	sort.Ints(all)
	return all
}

// perRepeat is the number of parts of one repeat.
func (s *splits) perRepeat() int { return len(s.Parts) / s.Repeats }

func split(t *table.Table, c *cohort, r *task.Run) (*splits, error) {
	s := &splits{Kind: r.String("split"), Repeats: 1}
	test, folds, repeats := r.Float("test"), r.Int("folds"), r.Int("repeats")
	var err error
	switch s.Kind {
	case "random":
		s.Repeats = repeats
		for i := range repeats {
			h, err := table.Holdout(len(c.Y), c.Patient, c.Y, 0, test, c.Seed+uint64(i))
			if err != nil {
				return nil, err
			}
			s.Parts = append(s.Parts, part{h.Train, h.Test})
		}
	case "folds":
		s.Pooled, s.Repeats = true, repeats
		var fs []table.Split
		if fs, err = table.RepeatedFolds(len(c.Y), folds, repeats, c.Patient, c.Y, c.Seed); err != nil {
			return nil, err
		}
		for _, f := range fs {
			s.Parts = append(s.Parts, part{f.Train, f.Test})
		}
	case "time":
		err = s.byTime(t, c, r.String("index-date"), test)
	case "column":
		err = s.byColumn(t, c, r.String("split-column"))
	}
	if err != nil {
		return nil, err
	}
	if repeats > 1 && s.Repeats == 1 {
		return nil, fault.Errorf(fault.Usage, "repeats needs split: random or folds; split: %s gives one split", s.Kind)
	}
	s.Patients = map[string][]int{"train": patientsOf(c, s.Parts[0].Train), "test": patientsOf(c, s.Parts[0].Test)}
	return s, s.enough(t, c, folds)
}

func patientsOf(c *cohort, rows []int) []int {
	var out []int
	for _, i := range rows {
		out = append(out, c.Patient[i])
	}
	sort.Ints(out)
	return slices.Compact(out)
}

// enough refuses a split with a side that cannot be learned from or measured on. Of each class the training
// rows need so many patients that two are left when cross-validation holds one fold out of folds back: models
// tune themselves by a second cross-validation within what is left.
func (s *splits) enough(t *table.Table, c *cohort, folds int) error {
	refuse := func(name, hint, format string, args ...any) error {
		return fault.Refuse(subject(t), []fault.Finding{{
			Name: name, Severity: fault.Severe, File: t.File, Column: c.Outcome.Target, Message: fmt.Sprintf(format, args...), Hint: hint,
		}})
	}
	const hint = "there are too few cases of a class for this split: take fewer folds, another share for testing, or more data"
	for _, p := range s.Parts {
		train, test := c.patientsByClass(p.Train), c.patientsByClass(p.Test)
		if slices.Contains(train, 0) {
			return refuse("one-class", hint, "the training rows of a split lack a class")
		}
		if len(test)-zeros(test) < 2 {
			return refuse("one-class", hint, "the test rows of a split lack a class")
		}
		n := slices.Min(train)
		if n-(n+folds-1)/folds < 2 {
			return refuse("few-cases", "gather more cases, name several levels under positive, or set fewer cases apart for testing",
				"the training rows of a split have %d patients with a class: too few to choose and calibrate a model on others", n)
		}
	}
	return nil
}

// patientsByClass counts the patients that have a row of each class.
func (c *cohort) patientsByClass(rows []int) []int {
	type pair struct{ patient, class int }
	seen := map[pair]bool{}
	n := make([]int, len(c.Outcome.Classes))
	for _, i := range rows {
		if p := (pair{c.Patient[i], c.Y[i]}); !seen[p] {
			seen[p] = true
			n[p.class]++
		}
	}
	return n
}

func zeros(n []int) int {
	count := 0
	for _, v := range n {
		if v == 0 {
			count++
		}
	}
	return count
}

// byTime tests on the latest cases: the cut is the date before which the share 1 - test of the cases lies.
func (s *splits) byTime(t *table.Table, c *cohort, column string, test float64) error {
	if column == "" {
		return fault.WithHint(fault.Errorf(fault.Usage, "split: time needs the parameter index-date"), "name the date column of the moment of prediction")
	}
	when := t.Column(column).Num
	known := slices.DeleteFunc(slices.Clone(when), math.IsNaN)
	if len(known) == 0 {
		return fault.Errorf(fault.Data, "%s: %s: no case has a date", subject(t), column)
	}
	sort.Float64s(known)
	cut := min(len(known)-1, int(math.Round(float64(len(known))*(1-test))))
	h, err := table.ByTime(when, c.Patient, nan, known[cut])
	s.Parts = []part{{h.Train, h.Test}}
	return userRows(err, c)
}

func (s *splits) byColumn(t *table.Table, c *cohort, column string) error {
	if column == "" {
		return fault.Errorf(fault.Usage, "split: column needs the parameter split-column")
	}
	h, err := table.ByColumn(t.Column(column), c.Patient)
	s.Parts = []part{{append(h.Train, h.Validation...), h.Test}}
	sort.Ints(s.Parts[0].Train)
	return userRows(err, c)
}

// userRows turns the rows of findings from prepared rows into the user's.
func userRows(err error, c *cohort) error {
	for _, f := range fault.FindingsOf(err) {
		for k, row := range f.Rows {
			f.Rows[k] = c.Row[row-1]
		}
	}
	return err
}

// foldIDs numbers the fold of each row for cross-validation, stratified by class and whole by patient.
func foldIDs(y, patient []int, k int, seed uint64) ([]int, error) {
	fs, err := table.Folds(len(y), k, patient, y, seed)
	if err != nil {
		return nil, err
	}
	id := make([]int, len(y))
	for f, s := range fs {
		for _, i := range s.Test {
			id[i] = f
		}
	}
	return id, nil
}
