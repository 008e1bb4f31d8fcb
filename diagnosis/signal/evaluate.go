package signal

import (
	"context"
	"fmt"
	"strconv"

	"galen.dev/assess"
	"galen.dev/fault"
	"galen.dev/report"
	"galen.dev/task"
)

// Files that evaluate leaves.
const (
	scoresFile      = "scores.json"
	predictionsFile = "predictions.csv"
	reportFile      = "report.html"
)

// scores are what evaluate measures, for each head.
type scores struct {
	Heads []headScores `json:"heads"`
	// MeanAUROC is over the labels, where there are several.
	MeanAUROC *float64 `json:"mean_auroc,omitempty"`
	// Faithfulness are those of the traces that the report shows.
	Faithfulness []float64 `json:"faithfulness,omitempty"`
}

type headScores struct {
	Target string `json:"target"`
	assess.Scores
}

// evaluation is the work of one evaluate step.
type evaluation struct {
	run   *task.Run
	model *ensemble
	data  *data
	split *splits

	raw     [][]float64   // of each test recording
	each    [][][]float64 // and of its windows
	heads   []*assess.Assessment
	scores  scores
	figures []report.Block
}

// evaluate measures the model on recordings that it has not seen, and writes the report.
func evaluate(ctx context.Context, r *task.Run) error {
	d, sp, err := loadData(r, func(s *splits) []int { return s.Test })
	if err != nil {
		return err
	}
	if span := r.Floats("decision-range"); len(span) != 2 || span[0] >= span[1] {
		return fault.WithHint(fault.Errorf(fault.Usage, "the parameter decision-range is two risks, the lower one first"), "for example [0.05, 0.5]")
	}
	if len(d.Heads) == 1 && !d.Heads[0].Binary() && (r.Given("thresholds") || r.Given("decision-range")) {
		return fault.WithHint(fault.Errorf(fault.Usage, "the parameters thresholds and decision-range need an event, and this outcome has %d classes", len(d.Heads[0].Classes)), "leave them out, or name the labels that are the event under positive")
	}
	model, _, _, err := loadModel(r, false)
	if err != nil {
		return err
	}
	defer model.Close()
	e := &evaluation{run: r, model: model, data: d, split: sp}
	for k, i := range sp.Test {
		r.Progress("predicting", int64(k), int64(len(sp.Test)))
		raw, each, err := model.predict(ctx, d.x[i])
		if err != nil {
			return err
		}
		e.raw, e.each = append(e.raw, raw), append(e.each, each)
	}
	if err := e.measure(ctx); err != nil {
		return err
	}
	if err := e.traces(ctx); err != nil {
		return err
	}
	if err := r.WriteJSON(scoresFile, e.scores); err != nil {
		return err
	}
	if err := e.predictions(); err != nil {
		return err
	}
	return e.report()
}

// measure scores each head.
func (e *evaluation) measure(ctx context.Context) error {
	sum, known := 0.0, 0
	for h, head := range e.data.Heads {
		var p assess.Predictions
		for k, i := range e.split.Test {
			p.Add(0, e.data.Patient[i], e.data.Y[i][h], rawOf(e.raw[k], h, len(e.data.Heads)), e.model.Readouts[h])
		}
		a, err := assess.Measure(ctx, head, []*assess.Predictions{&p}, assess.Options{
			Rounds: e.run.Int("bootstrap"), Seed: e.run.Seed("bootstrap"), Thresholds: e.run.Floats("thresholds"), Kept: e.model.Readouts[h].Threshold,
			DecisionRange: e.run.Floats("decision-range"), Progress: func(k, n int64) {
				e.run.Progress("bootstrap", int64(h)*n+k, int64(len(e.data.Heads))*n)
			},
		})
		if err != nil {
			return err
		}
		e.heads = append(e.heads, a)
		e.scores.Heads = append(e.scores.Heads, headScores{head.Target, a.Scores})
		if s, ok := a.Score("auroc"); ok && s.Value == s.Value {
			sum, known = sum+s.Value, known+1
		}
	}
	if len(e.heads) == 1 {
		e.heads[0].Headline(e.run.Metric)
		return nil
	}
	if known > 0 {
		mean := sum / float64(known)
		e.scores.MeanAUROC = &mean
		e.run.Metric("auroc", mean)
	}
	return nil
}

// traces explains some test recordings: the first of each class in turn, so that none was picked by hand.
func (e *evaluation) traces(ctx context.Context) error {
	x, err := newExplainer(e.model, e.run.String("explain"))
	if err != nil || x == nil {
		return err
	}
	defer x.Close()
	want := e.run.Int("traces")
	shown := map[int]bool{}
	for round := 0; len(shown) < min(want, len(e.split.Test)); round++ {
		for h, head := range e.data.Heads {
			for class := range head.Classes {
				k := e.nth(h, class, shown)
				if len(shown) == want || k < 0 || len(e.data.Heads) > 1 && class == 0 && round == 0 {
					continue
				}
				shown[k] = true
				i := e.split.Test[k]
				why, err := x.explain(ctx, e.data.x[i], e.each[k], h, class)
				if err != nil {
					return err
				}
				e.scores.Faithfulness = append(e.scores.Faithfulness, why.Faithfulness)
				e.figures = append(e.figures, report.FigureBlock{
					Figure: why.draw(e.data.plan), Title: fmt.Sprintf("Row %d, %s: %s", e.data.Row[i], head.Target, head.Classes[class]),
					Caption: fmt.Sprintf("By %s. The probability of %s is %.2f; it averages %.2f while the parts named first are covered one by one, and %.2f while they are put back (faithfulness %+.2f).",
						why.Method, why.Of, x.chance(e.raw[k], h, class), why.Deletion, why.Insertion, why.Faithfulness),
				})
			}
		}
		if round > want {
			break
		}
	}
	return nil
}

// nth is the first test recording of a class that is not shown yet, or -1.
func (e *evaluation) nth(head, class int, shown map[int]bool) int {
	for k, i := range e.split.Test {
		if e.data.Y[i][head] == class && !shown[k] {
			return k
		}
	}
	return -1
}

// predictions writes what the model says of test recordings, by the row of the user's data.
func (e *evaluation) predictions() error {
	header := []string{"row", "patient"}
	for _, h := range e.data.Heads {
		header = append(header, h.Target)
		for _, c := range h.Classes {
			header = append(header, "p("+h.Target+"="+c+")")
		}
	}
	var rows [][]string
	for k, i := range e.split.Test {
		cells := []string{strconv.Itoa(e.data.Row[i]), strconv.Itoa(e.data.Patient[i])}
		for h, head := range e.data.Heads {
			cells = append(cells, head.Classes[e.data.Y[i][h]])
			for _, p := range e.heads[h].Tested.Prob[k] {
				cells = append(cells, strconv.FormatFloat(p, 'g', -1, 64))
			}
		}
		rows = append(rows, cells)
	}
	return writeCSV(e.run, predictionsFile, header, rows)
}
