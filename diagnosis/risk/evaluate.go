package risk

import (
	"bufio"
	"context"
	"encoding/csv"
	"strconv"

	"galen.dev/assess"
	"galen.dev/fault"
	"galen.dev/metric"
	"galen.dev/table"
	"galen.dev/task"
)

// Files that evaluate leaves.
const (
	scoresFile      = "scores.json"
	predictionsFile = "predictions.csv"
	reportFile      = "report.html"
)

// scores is everything that evaluate measures, as the report shows it; docs/format/risk.md describes it.
type scores struct {
	assess.Scores
	// Importance is the mean absolute contribution of each column on test cases, largest first.
	Importance []importance `json:"importance"`
	Scale      string       `json:"scale"`
	Explained  int          `json:"explained"` // test cases that importance was measured on
}

type importance struct {
	Column string          `json:"column"`
	Value  metric.Interval `json:"value"`
}

// tested is one repeat's predictions for its test cases.
type tested struct {
	assess.Predictions
	rows   []int    // prepared rows
	models []string // kind of the model of each split
}

// evaluate measures the models on cases that they have not seen, and writes the report.
func evaluate(ctx context.Context, r *task.Run) error {
	tr, sp, err := load(ctx, r)
	if err != nil {
		return err
	}
	if err := checkEvaluation(r, tr); err != nil {
		return err
	}
	kept, err := loadFitted(r, "")
	if err != nil {
		return err
	}
	repeats, err := test(ctx, r, tr, sp, kept)
	if err != nil {
		return err
	}
	e := &evaluation{run: r, trainer: tr, splits: sp, kept: kept, tested: repeats[0]}
	if err := e.measure(ctx, repeats); err != nil {
		return err
	}
	if err := r.WriteJSON(scoresFile, scores{e.Scores, e.Importance, e.Scale, e.Explained}); err != nil {
		return err
	}
	if err := writePredictions(r, tr, repeats); err != nil {
		return err
	}
	return e.report(ctx)
}

// checkEvaluation refuses parameters of this step that the data cannot serve, before the long work.
func checkEvaluation(r *task.Run, tr *trainer) error {
	var findings []fault.Finding
	wrong := func(column, hint, message string) {
		findings = append(findings, fault.Finding{Name: "subgroups", Severity: fault.Severe, Column: column, Message: message, Hint: hint})
	}
	if !tr.cohort.Outcome.Binary() {
		for _, param := range []string{"thresholds", "decision-range", "subgroups"} {
			if r.Given(param) {
				return fault.WithHint(fault.Errorf(fault.Usage, "the parameter %s needs an event, and this outcome has %d classes", param, len(tr.cohort.Outcome.Classes)), "leave it out, or name the levels that are the event under positive")
			}
		}
		return nil
	}
	if span := r.Floats("decision-range"); len(span) != 2 || span[0] >= span[1] {
		return fault.WithHint(fault.Errorf(fault.Usage, "the parameter decision-range is two risks, the lower one first"), "for example [0.05, 0.5]")
	}
	for _, name := range r.Strings("subgroups") {
		switch c := tr.table.Column(name); {
		case c == nil:
			wrong(name, fault.DidYouMean(name, columnNames(tr.table)), "the parameter subgroups names a column that is not in the data")
		case name == tr.cohort.Outcome.Target:
			wrong(name, "name a column that was known before the outcome", "the parameter subgroups names the target")
		case name == r.String("patient"):
			wrong(name, "name a column that patients have in common", "the parameter subgroups names the patients")
		case c.Kind == table.Text:
			wrong(name, "subgroups are levels of a category, or quarters of numbers and dates; a schema file says what a column is", "the parameter subgroups names a text column")
		}
	}
	return fault.Refuse("parameter subgroups", findings)
}

// test predicts the test cases of each part with that part's model.
func test(ctx context.Context, r *task.Run, tr *trainer, sp *splits, kept *fitted) ([]*tested, error) {
	var out []*tested
	for k, p := range sp.Parts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f := kept
		if k > 0 || sp.Pooled {
			var err error
			if f, err = loadFitted(r, partFile(k, "")); err != nil {
				return nil, err
			}
		}
		if k%sp.perRepeat() == 0 {
			out = append(out, &tested{})
		}
		t := out[len(out)-1]
		raw := f.predict(f.plan.encode(tr.table, p.Test, tr.cohort.Options.IndexDate))
		for i, raw := range columnsToRows(raw) {
			row := p.Test[i]
			t.rows = append(t.rows, row)
			t.Add(k, tr.cohort.Patient[row], tr.cohort.Y[row], raw, &f.Readout)
		}
		t.models = append(t.models, f.Kind)
		r.Progress("predicting", int64(k+1), int64(len(sp.Parts)))
	}
	return out, nil
}

// evaluation is the work of one evaluate step.
type evaluation struct {
	*assess.Assessment
	run     *task.Run
	trainer *trainer
	splits  *splits
	kept    *fitted
	tested  *tested

	Importance []importance
	Scale      string
	Explained  int
	base       attributions
}

// measure scores the predictions, and says what the kept model goes by.
func (e *evaluation) measure(ctx context.Context, repeats []*tested) error {
	r, first := e.run, e.splits.Parts[0]
	opt := assess.Options{
		Rounds: r.Int("bootstrap"), Seed: r.Seed("bootstrap"), Thresholds: r.Floats("thresholds"), Kept: e.kept.Threshold, DecisionRange: r.Floats("decision-range"),
		Pooled: e.splits.Pooled, TestShare: float64(len(first.Test)) / float64(len(first.Train)), Progress: func(k, n int64) { r.Progress("bootstrap", k, n) },
	}
	for _, name := range r.Strings("subgroups") {
		opt.Groups = append(opt.Groups, assess.GroupBy(e.trainer.table.Column(name), e.tested.rows))
	}
	all := make([]*assess.Predictions, len(repeats))
	for k, t := range repeats {
		all[k] = &t.Predictions
	}
	var err error
	if e.Assessment, err = assess.Measure(ctx, e.trainer.cohort.Outcome, all, opt); err != nil {
		return err
	}
	e.Headline(r.Metric)
	return e.importance(ctx)
}

// attributions are the contributions on test cases.
type attributions struct {
	X      [][]float64 // encoded by the kept model's plan
	phi    [][]float64 // [row][column]
	output int
}

// writePredictions writes the predictions for test cases, by the row of the user's data.
func writePredictions(r *task.Run, tr *trainer, repeats []*tested) error {
	w, err := r.Create(predictionsFile)
	if err != nil {
		return err
	}
	buf := bufio.NewWriter(w)
	out := csv.NewWriter(buf)
	header := []string{"repeat", "part", "row", "patient", "outcome"}
	for _, c := range tr.cohort.Outcome.Classes {
		header = append(header, "p("+c+")")
	}
	err = out.Write(header)
	for k, t := range repeats {
		for i, row := range t.rows {
			cells := []string{strconv.Itoa(k), strconv.Itoa(t.Part[i]), strconv.Itoa(tr.cohort.Row[row]), strconv.Itoa(tr.cohort.Patient[row]), tr.cohort.Outcome.Classes[t.Y[i]]}
			for _, p := range t.Prob[i] {
				cells = append(cells, strconv.FormatFloat(p, 'g', -1, 64))
			}
			if err == nil {
				err = out.Write(cells)
			}
		}
	}
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	if err == nil {
		err = buf.Flush()
	}
	if err != nil {
		w.Close()
		return err
	}
	return w.Close()
}
