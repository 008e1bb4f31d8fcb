package note

import (
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"strconv"

	"galen.dev/assess"
	"galen.dev/fault"
	"galen.dev/metric"
	"galen.dev/task"
	"galen.dev/text/assertion"
	"galen.dev/text/crf"
)

// Files that evaluate leaves.
const (
	scoresFile      = "scores.json"
	predictionsFile = "predictions.csv"
	reportFile      = "report.html"
)

// scores are what evaluate measures. Class scores are there for classify, the others for entities and assertion.
type scores struct {
	Classes *assess.Scores `json:"classes,omitempty"`
	Rows    []scoreRow     `json:"rows,omitempty"`
	Errors  []errorRow     `json:"errors,omitempty"`
	// Faithfulness is the share of explained notes of which taking out the words named changes more than taking out
	// as many others.
	Faithfulness *float64 `json:"faithfulness,omitempty"`
}

// scoreRow are precision, recall and F1 of one thing, with bootstrap intervals over documents or patients.
type scoreRow struct {
	Name      string          `json:"name"`
	Counts    crf.Counts      `json:"counts"`
	Precision metric.Interval `json:"precision"`
	Recall    metric.Interval `json:"recall"`
	F1        metric.Interval `json:"f1"`
}

// errorRow counts one sort of mistake.
type errorRow struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

type evaluation struct {
	run    *task.Run
	model  *model
	data   *data
	class  *assess.Assessment
	why    []*Explanation
	shown  []int // test rows that were explained
	scores scores
}

// evaluate measures the model on notes that it has not seen, and writes the report.
func evaluate(ctx context.Context, r *task.Run) error {
	if span := r.Floats("decision-range"); len(span) != 2 || span[0] >= span[1] {
		return fault.WithHint(fault.Errorf(fault.Usage, "the parameter decision-range is two risks, the lower one first"), "for example [0.05, 0.5]")
	}
	d, err := loadData(ctx, r)
	if err != nil {
		return err
	}
	m, err := loadModel(r)
	if err != nil {
		return err
	}
	defer m.Close()
	e := &evaluation{run: r, model: m, data: d}
	switch m.Kind {
	case entities:
		err = e.entities(ctx)
	case assertions:
		err = e.assertions(ctx)
	default:
		err = e.classes(ctx)
	}
	if err != nil {
		return err
	}
	if err := r.WriteJSON(scoresFile, e.scores); err != nil {
		return err
	}
	return e.report()
}

// classes scores whole notes.
func (e *evaluation) classes(ctx context.Context) error {
	r, m, co := e.run, e.model, e.data.cohort
	if !m.Outcome.Binary() && (r.Given("thresholds") || r.Given("decision-range")) {
		return fault.WithHint(fault.Errorf(fault.Usage, "the parameters thresholds and decision-range need an event, and this outcome has %d classes", m.classes()), "leave them out, or name the labels that are the event under positive")
	}
	docs := e.data.docs(e.data.splits.Test)
	raw, err := m.predict(ctx, docs)
	if err != nil {
		return err
	}
	var p assess.Predictions
	for k, i := range e.data.splits.Test {
		p.Add(0, co.Patient[i], co.Y[i], raw[k], m.Readout)
	}
	a, err := assess.Measure(ctx, m.Outcome, []*assess.Predictions{&p}, assess.Options{
		Rounds: r.Int("bootstrap"), Seed: r.Seed("bootstrap"), Thresholds: r.Floats("thresholds"), Kept: m.Readout.Threshold,
		DecisionRange: r.Floats("decision-range"), Progress: func(k, n int64) { r.Progress("bootstrap", k, n) },
	})
	if err != nil {
		return err
	}
	e.class, e.scores.Classes = a, &a.Scores
	a.Headline(r.Metric)
	faithful := 0
	for k := range docs[:min(r.Int("explained"), len(docs))] {
		why, err := m.explain(ctx, docs[k], likeliest(raw[k]), 5)
		if err != nil {
			return err
		}
		e.why, e.shown = append(e.why, why), append(e.shown, e.data.splits.Test[k])
		if why.Deletion > why.Random {
			faithful++
		}
	}
	if len(e.why) > 0 {
		v := float64(faithful) / float64(len(e.why))
		e.scores.Faithfulness = &v
	}
	header := []string{"row", "patient", "label"}
	for _, c := range m.Outcome.Classes {
		header = append(header, "p("+c+")")
	}
	var rows [][]string
	for k, i := range e.data.splits.Test {
		cells := []string{strconv.Itoa(co.Row[i]), strconv.Itoa(co.Patient[i]), m.Outcome.Classes[co.Y[i]]}
		for _, v := range a.Tested.Prob[k] {
			cells = append(cells, strconv.FormatFloat(v, 'g', -1, 64))
		}
		rows = append(rows, cells)
	}
	return writeCSV(r, predictionsFile, header, rows)
}

// likeliest is the class of the greatest raw probability.
func likeliest(raw []float64) int {
	if len(raw) == 1 {
		if raw[0] >= .5 {
			return 1
		}
		return 0
	}
	return argmax(raw)
}

// counted are counts of one thing in each test row.
type counted struct {
	name string
	rows []crf.Counts
}

// measure bootstraps counts over patients.
func (e *evaluation) measure(ctx context.Context, all []counted) error {
	groups := pick(e.data.cohort.Patient, e.data.splits.Test)
	res := metric.Resample{N: len(groups), Groups: groups, Rounds: e.run.Int("bootstrap"), Seed: e.run.Seed("bootstrap")}
	for k, c := range all {
		if err := ctx.Err(); err != nil {
			return err
		}
		e.run.Progress("bootstrap", int64(k), int64(len(all)))
		v, err := metric.Bootstrap(ctx, res, func(rows []int) []float64 {
			var sum crf.Counts
			for _, i := range rows {
				sum = sum.Add(c.rows[i])
			}
			return []float64{sum.Precision(), sum.Recall(), sum.F1()}
		})
		if err != nil {
			return err
		}
		var sum crf.Counts
		for _, x := range c.rows {
			sum = sum.Add(x)
		}
		e.scores.Rows = append(e.scores.Rows, scoreRow{c.name, sum, v[0], v[1], v[2]})
	}
	return nil
}

func (e *evaluation) score(name string, i int) {
	if v := e.scores.Rows[i].F1.Value; !math.IsNaN(v) {
		e.run.Metric(name, v)
	}
}

// entities scores what is found in sentences: strict and lenient over all types, strict for each.
func (e *evaluation) entities(ctx context.Context) error {
	test := sentences(e.data, e.data.splits.Test)
	found, err := e.model.Tagger.Find(ctx, test)
	if err != nil {
		return err
	}
	all := []counted{{"all types, strict", nil}, {"all types, lenient", nil}}
	for _, y := range e.model.Tagger.Types {
		all = append(all, counted{y + ", strict", nil})
	}
	mistakes := make([]errorRow, 4)
	for k, name := range []string{"missed", "found where none is", "ends differ", "type differs"} {
		mistakes[k].Name = name
	}
	rows := [][]string{}
	for k := range test {
		strict, lenient := crf.Compare(test[k].Entities, found[k])
		all[0].rows, all[1].rows = append(all[0].rows, strict), append(all[1].rows, lenient)
		for j, y := range e.model.Tagger.Types {
			s, _ := crf.Compare(ofType(test[k].Entities, y), ofType(found[k], y))
			all[2+j].rows = append(all[2+j].rows, s)
		}
		tell(test[k].Entities, found[k], mistakes)
		for _, f := range found[k] {
			rows = append(rows, []string{strconv.Itoa(e.data.cohort.Row[e.data.splits.Test[k]]), strconv.Itoa(test[k].Tokens[f.From].Start), strconv.Itoa(test[k].Tokens[f.To-1].End), f.Type, strconv.FormatFloat(f.Confidence, 'g', -1, 64)})
		}
	}
	e.scores.Errors = mistakes
	if err := e.measure(ctx, all); err != nil {
		return err
	}
	e.score("f1", 0)
	e.score("f1-lenient", 1)
	return writeCSV(e.run, predictionsFile, []string{"row", "start", "end", "type", "confidence"}, rows)
}

func ofType(all []crf.Entity, y string) (out []crf.Entity) {
	for _, e := range all {
		if e.Type == y {
			out = append(out, e)
		}
	}
	return out
}

// tell sorts mistakes.
func tell(marked, found []crf.Entity, count []errorRow) {
	meets := func(e crf.Entity, list []crf.Entity) *crf.Entity {
		for k := range list {
			if list[k].From < e.To && e.From < list[k].To {
				return &list[k]
			}
		}
		return nil
	}
	for _, m := range marked {
		switch f := meets(m, found); {
		case f == nil:
			count[0].Count++
		case f.Type != m.Type:
			count[3].Count++
		case f.From != m.From || f.To != m.To:
			count[2].Count++
		}
	}
	for _, f := range found {
		if meets(f, marked) == nil {
			count[1].Count++
		}
	}
}

// assertions scores each value but the usual one.
func (e *evaluation) assertions(ctx context.Context) error {
	test := examples(e.data, e.data.splits.Test)
	said := make([]assertion.Answer, len(test))
	for k := range test {
		if err := ctx.Err(); err != nil {
			return err
		}
		said[k] = e.model.Assertions.Assess(&test[k].Finding)
	}
	var all []counted
	for property, values := range assertion.Values {
		for _, v := range values[1:] {
			c := counted{v, make([]crf.Counts, len(test))}
			marked := 0
			for k := range test {
				truth, got := test[k].Get(property) == v, said[k].Get(property) == v
				if truth {
					c.rows[k].Marked++
					marked++
				}
				if got {
					c.rows[k].Found++
				}
				if truth && got {
					c.rows[k].Right++
				}
			}
			if marked > 0 {
				all = append(all, c)
			}
		}
	}
	if err := e.measure(ctx, all); err != nil {
		return err
	}
	for k, c := range all {
		e.score("f1-"+c.name, k)
	}
	right := 0
	for k := range test {
		if test[k].Presence == said[k].Presence {
			right++
		}
	}
	e.run.Metric("accuracy", float64(right)/float64(len(test)))
	var rows [][]string
	for k, i := range e.data.splits.Test {
		a := said[k]
		rows = append(rows, []string{strconv.Itoa(e.data.cohort.Row[i]), a.Presence, a.Temporality, a.Experiencer, strconv.FormatFloat(slices.Min(a.Confidence[:]), 'g', -1, 64)})
	}
	return writeCSV(e.run, predictionsFile, []string{"row", "presence", "temporality", "experiencer", "confidence"}, rows)
}

func writeCSV(r *task.Run, name string, header []string, rows [][]string) error {
	w, err := r.Create(name)
	if err != nil {
		return err
	}
	out := csv.NewWriter(w)
	if err = out.Write(header); err == nil {
		err = out.WriteAll(rows)
	}
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
