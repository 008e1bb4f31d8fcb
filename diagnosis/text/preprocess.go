package note

import (
	"context"
	"fmt"
	"slices"

	"galen.dev/assess"
	"galen.dev/fault"
	"galen.dev/table"
	"galen.dev/task"
	"galen.dev/text"
)

// Files that preprocess leaves.
const (
	planFile   = "plan.json"
	cohortFile = "cohort.json"
	splitsFile = "splits.json"
)

// cohort is what is predicted, and of whom. Classes are there for kind: classify alone.
type cohort struct {
	Kind    string         `json:"kind"`
	Outcome assess.Outcome `json:"outcome"`
	Y       []int          `json:"y,omitempty"`
	Row     []int          `json:"row"`
	Patient []int          `json:"patient"` // numbered; of entities the document
}

type splits struct {
	Kind     string           `json:"kind"` // given or random
	Train    []int            `json:"train"`
	Test     []int            `json:"test"`
	Patients map[string][]int `json:"patients"`
}

// preprocess sets test patients apart and learns the words of training notes.
func preprocess(ctx context.Context, r *task.Run) error {
	records, err := loadRecords(ctx, r)
	if err != nil {
		return err
	}
	var src source
	if err := r.ReadJSON(task.Collect, sourceFile, &src); err != nil {
		return err
	}
	co, err := makeCohort(records, src.Kind, r.Strings("positive"))
	if err != nil {
		return err
	}
	sp, err := divide(records, co, r.String("split"), r.Float("test"), r.Seed("split"))
	if err != nil {
		return err
	}
	if src.Kind == classify {
		if err := checkSplit(co, sp); err != nil {
			return err
		}
	}
	docs := make([]*text.Document, len(sp.Train))
	patients := make([]int, len(sp.Train))
	for k, i := range sp.Train {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.Progress("reading words", int64(k), int64(len(sp.Train)))
		docs[k], patients[k] = text.Parse(records[i].Text), co.Patient[i]
	}
	p := newPlan(docs, patients, r.Int("ngrams"), r.Int("min-count"), r.Int("max-features"))
	if len(p.Words) == 0 && src.Kind == classify {
		return fault.WithHint(fault.Errorf(fault.Data, "no word stands in the notes of %d training patients", r.Int("min-count")), "lower min-count")
	}
	for name, v := range map[string]any{planFile: p, cohortFile: co, splitsFile: sp} {
		if err := r.WriteJSON(name, v); err != nil {
			return err
		}
	}
	return nil
}

func makeCohort(records []record, kind string, positive []string) (*cohort, error) {
	co := &cohort{Kind: kind}
	known := map[string]int{}
	for i, x := range records {
		name := "p" + x.Patient
		switch {
		case kind == entities:
			name = fmt.Sprint("d", x.Document)
		case x.Patient == "":
			name = fmt.Sprint("r", i)
		}
		if _, ok := known[name]; !ok {
			known[name] = len(known)
		}
		co.Row, co.Patient = append(co.Row, x.Row), append(co.Patient, known[name])
	}
	if kind != classify {
		return co, nil
	}
	var levels []string
	for _, x := range records {
		levels = append(levels, x.Label)
	}
	slices.Sort(levels)
	levels = slices.Compact(levels)
	var findings []fault.Finding
	for _, p := range positive {
		if !slices.Contains(levels, p) {
			findings = append(findings, fault.Finding{Name: "positive", Severity: fault.Severe, Column: "label", Message: "the parameter positive names a label that no note has", Hint: fault.DidYouMean(p, levels)})
		}
	}
	if err := fault.Refuse("parameter positive", findings); err != nil {
		return nil, err
	}
	switch {
	case len(levels) < 2:
		return nil, fault.WithHint(fault.Errorf(fault.Data, "the notes have %s, and nothing can be told apart", fault.Count(len(levels), "label")), "there must be two or more")
	case len(levels) > 1000:
		return nil, fault.Errorf(fault.Data, "the notes have %d labels, and at most 1000 classes are learnt", len(levels))
	case len(positive) == len(levels):
		return nil, fault.Errorf(fault.Usage, "the parameter positive names every label")
	case len(positive) == 0 && len(levels) == 2 && !speaks(levels):
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "of the two labels neither is plainly the event"), "name the event: positive: [%s]", levels[1])
	case len(positive) > 0:
		co.Outcome = assess.Outcome{Target: "label", Classes: []string{"other", "event"}, Event: positive}
	default:
		co.Outcome = assess.Outcome{Target: "label", Classes: levels}
	}
	for _, x := range records {
		y, _ := slices.BinarySearch(levels, x.Label)
		if len(positive) > 0 {
			if y = 0; slices.Contains(positive, x.Label) {
				y = 1
			}
		}
		co.Y = append(co.Y, y)
	}
	return co, nil
}

// speaks says whether the second of two sorted labels is an event by its name.
func speaks(levels []string) bool {
	for _, pair := range [][]string{{"0", "1"}, {"no", "yes"}, {"No", "Yes"}, {"false", "true"}, {"-1", "1"}, {"negative", "positive"}, {"neg", "pos"}} {
		if slices.Equal(levels, pair) {
			return true
		}
	}
	return false
}

// divide takes the split that the data give, or draws one.
func divide(records []record, co *cohort, kind string, test float64, seed uint64) (*splits, error) {
	sp := &splits{Kind: "random", Patients: map[string][]int{}}
	for i, x := range records {
		switch x.Split {
		case "train":
			sp.Train = append(sp.Train, i)
		case "test":
			sp.Test = append(sp.Test, i)
		}
	}
	if kind == "auto" && len(sp.Train) > 0 && len(sp.Test) > 0 && len(sp.Train)+len(sp.Test) == len(records) {
		sp.Kind = "given"
	} else {
		s, err := table.Holdout(len(records), co.Patient, co.Y, 0, test, seed)
		if err != nil {
			return nil, err
		}
		sp.Train, sp.Test = s.Train, s.Test
	}
	for _, side := range []struct {
		name string
		rows []int
	}{{"train", sp.Train}, {"test", sp.Test}} {
		var list []int
		for _, i := range side.rows {
			list = append(list, co.Patient[i])
		}
		slices.Sort(list)
		sp.Patients[side.name] = slices.Compact(list)
	}
	var both []int
	for _, p := range sp.Patients["train"] {
		if _, in := slices.BinarySearch(sp.Patients["test"], p); in {
			both = append(both, p)
		}
	}
	if len(both) > 0 {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "%s on both sides of the given split", fault.Count(len(both), "patient")), "correct the column split, or set split: random")
	}
	if len(sp.Train) == 0 || len(sp.Test) == 0 {
		return nil, fault.Errorf(fault.Data, "a side of the split is empty: there are too few notes")
	}
	return sp, nil
}

// checkSplit refuses a split on which nothing can be learnt or tested.
func checkSplit(co *cohort, sp *splits) error {
	var findings []fault.Finding
	for class, name := range co.Outcome.Classes {
		n := [2]int{}
		for side, rows := range [][]int{sp.Train, sp.Test} {
			for _, i := range rows {
				if co.Y[i] == class {
					n[side]++
				}
			}
		}
		if n[0] < 2 || n[1] < 1 && co.Outcome.Binary() {
			findings = append(findings, fault.Finding{Name: "class-too-small", Severity: fault.Severe, Column: "label", Message: fmt.Sprintf("class %q has %s for training and %d for testing, and needs 2 and 1", name, fault.Count(n[0], "note"), n[1])})
		}
	}
	return fault.Refuse("split", findings)
}
