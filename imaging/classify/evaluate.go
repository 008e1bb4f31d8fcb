package classify

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"strconv"

	"galen.dev/assess"
	"galen.dev/fault"
	"galen.dev/metric"
	"galen.dev/task"
)

// Files that evaluate leaves.
const (
	scoresFile      = "scores.json"
	predictionsFile = "predictions.csv"
	reportFile      = "report.html"
)

// scores is everything that evaluate measures; docs/format/classify.md describes it.
type scores struct {
	Kind labelKind `json:"kind"`
	// MedMNIST's evaluator (Yang et al. 2023): AUC of the event, or the mean over classes or findings; accuracy at
	// above .5, of the likeliest class, or the mean over findings.
	AUC             float64 `json:"auc"`
	ACC             float64 `json:"acc"`
	ACCRaw          float64 `json:"acc_uncalibrated"`           // of probabilities before recalibration
	ACCAtThreshold  float64 `json:"acc_at_threshold,omitempty"` // at the threshold chosen on validation images; of an event
	QuadraticKappa  float64 `json:"quadratic_kappa,omitempty"`  // of grades
	MeanGradesApart float64 `json:"mean_grades_apart,omitempty"`
	// Foreign counts test images that apply would abstain from.
	Foreign   int             `json:"foreign"`
	Questions []assess.Scores `json:"questions"` // one, or one for each finding
}

// evaluation is the work of one evaluate step.
type evaluation struct {
	run      *task.Run
	cohort   *cohort
	model    *model
	answers  []answer
	assessed []*assess.Assessment
	scores   scores
	shown    []shown
}

// evaluate measures the model on images that it has not seen, and writes the report.
func evaluate(ctx context.Context, r *task.Run) error {
	e := &evaluation{run: r, cohort: new(cohort)}
	if span := r.Floats("decision-range"); len(span) != 2 || span[0] >= span[1] {
		return fault.WithHint(fault.Errorf(fault.Usage, "the parameter decision-range is two risks, the lower one first"), "for example [0.05, 0.5]")
	}
	if err := r.ReadJSON(task.Preprocess, cohortFile, e.cohort); err != nil {
		return err
	}
	var err error
	if e.model, err = loadModel(r); err != nil {
		return err
	}
	in, err := openInputs(r, e.model.Plan, len(e.cohort.Case))
	if err != nil {
		return err
	}
	defer in.close()
	ens, backend, stop, err := e.model.start()
	if err != nil {
		return err
	}
	defer stop()
	test := e.cohort.Splits.Test
	e.answers, err = ens.predict(ctx, len(test), func(i int, dst []float32) error { return in.read(test[i], dst) }, func(done int) {
		r.Progress("predicting", int64(done), int64(len(test)))
	})
	if err != nil {
		return err
	}
	if err := e.measure(ctx); err != nil {
		return err
	}
	if err := r.WriteJSON(scoresFile, e.scores); err != nil {
		return err
	}
	if err := e.writePredictions(); err != nil {
		return err
	}
	if e.shown, err = e.show(ctx, backend, in); err != nil {
		return err
	}
	return e.report()
}

// measure scores every question.
func (e *evaluation) measure(ctx context.Context) error {
	r, l := e.run, &e.cohort.Labels
	e.scores.Kind = l.Kind
	for q := range l.questions() {
		p := new(assess.Predictions)
		for j, i := range e.cohort.Splits.Test {
			if class := e.cohort.class(i, q); class >= 0 {
				p.Add(0, e.cohort.Patient[i], class, l.raw(e.answers[j].p, q), e.model.Readouts[q])
			}
		}
		opt := assess.Options{
			Rounds: r.Int("bootstrap"), Seed: r.Seed("bootstrap"), Kept: e.model.Readouts[q].Threshold, DecisionRange: r.Floats("decision-range"),
			TestShare: float64(len(e.cohort.Splits.Test)) / float64(len(e.cohort.Splits.Train)),
			Progress:  func(k, n int64) { r.Progress("bootstrap", k, n) },
		}
		if l.classes() == 2 {
			opt.Thresholds = r.Floats("thresholds")
		} else if r.Given("thresholds") {
			return fault.WithHint(fault.Errorf(fault.Usage, "the parameter thresholds needs an event, and these images have %d classes", len(l.Names)), "leave it out, or name the classes that are the event under positive")
		}
		a, err := assess.Measure(ctx, l.outcome(q), []*assess.Predictions{p}, opt)
		if err != nil {
			return err
		}
		e.assessed = append(e.assessed, a)
		e.scores.Questions = append(e.scores.Questions, a.Scores)
	}
	e.evaluator()
	if l.Kind == multiLabel {
		e.meanOfFindings()
	} else {
		e.assessed[0].Headline(r.Metric)
	}
	r.Metric("auc", e.scores.AUC)
	r.Metric("acc", e.scores.ACC)
	r.Metric("acc-uncalibrated", e.scores.ACCRaw)
	r.Metric("foreign", float64(e.scores.Foreign))
	if l.Kind == binary {
		r.Metric("acc-at-threshold", e.scores.ACCAtThreshold)
	}
	if l.Kind == ordinal {
		r.Metric("quadratic-kappa", e.scores.QuadraticKappa)
	}
	return nil
}

// meanOfFindings is what lists show of several findings: their mean.
func (e *evaluation) meanOfFindings() {
	for _, name := range []string{"brier", "calibration_slope"} {
		sum, n := 0.0, 0
		for _, a := range e.assessed {
			if s, ok := a.Score(name); ok && !math.IsNaN(s.Value) {
				sum += s.Value
				n++
			}
		}
		if n > 0 {
			e.run.Metric(map[string]string{"brier": "brier", "calibration_slope": "calibration-slope"}[name], sum/float64(n))
		}
	}
}

// calibrated are the probabilities of the classes, or of the findings, as the model tells them.
func (m *model) calibrated(p []float64) []float64 {
	if m.Labels.Kind != multiLabel {
		return m.Readouts[0].Probabilities(m.Labels.raw(p, 0))
	}
	out := make([]float64, len(p))
	for q := range p {
		out[q] = m.Readouts[q].Probabilities(p[q : q+1])[1]
	}
	return out
}

// evaluator scores as MedMNIST's does.
func (e *evaluation) evaluator() {
	h, test := e.cohort, e.cohort.Splits.Test
	var p, raw [][]float64
	for j, i := range test {
		raw = append(raw, e.answers[j].p)
		p = append(p, e.model.calibrated(e.answers[j].p))
		if len(e.model.Reach.foreign(h.Stats[i])) > 0 {
			e.scores.Foreign++
		}
	}
	e.scores.AUC, e.scores.ACC, e.scores.ACCRaw = h.auc(p, test), h.accuracy(p, test, .5), h.accuracy(raw, test, .5)
	switch h.Labels.Kind {
	case binary:
		right := 0
		for j, i := range test {
			if (p[j][1] >= e.model.Readouts[0].Threshold) == (h.Y[i] == 1) {
				right++
			}
		}
		e.scores.ACCAtThreshold = float64(right) / float64(len(test))
	case ordinal:
		var y, said []int
		apart := 0.0
		for j, i := range test {
			y, said = append(y, h.Y[i]), append(said, largest(p[j]))
			apart += math.Abs(float64(h.Y[i]-said[j])) / float64(len(test))
		}
		e.scores.MeanGradesApart = apart
		if c, err := metric.NewConfusion(y, said, len(h.Labels.Names)); err == nil {
			e.scores.QuadraticKappa = c.Kappa(metric.Quadratic)
		}
	}
}

// auc is the area under the ROC curve as MedMNIST's evaluator takes it: of the event; the mean over classes, each
// against the rest; or the mean over findings.
func (h *cohort) auc(p [][]float64, ids []int) float64 {
	l := &h.Labels
	sum, n := 0.0, 0
	for k := range l.Names {
		if l.Kind == binary && k == 0 {
			continue
		}
		var score []float64
		var yes []bool
		for j, i := range ids {
			if l.Kind == multiLabel {
				if h.Marks[i][k] < 0 {
					continue
				}
				yes = append(yes, h.Marks[i][k] == 1)
			} else {
				yes = append(yes, h.Y[i] == k)
			}
			score = append(score, p[j][k])
		}
		if a := metric.AUROC(score, yes); !math.IsNaN(a) {
			sum += a
			n++
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}

// accuracy is that of an event at above the threshold, of the likeliest class, or the mean over findings.
func (h *cohort) accuracy(p [][]float64, ids []int, threshold float64) float64 {
	right, n := 0.0, 0.0
	switch h.Labels.Kind {
	case multiLabel:
		for k := range h.Labels.Names {
			hit, all := 0.0, 0.0
			for j, i := range ids {
				if v := h.Marks[i][k]; v >= 0 {
					all++
					if (p[j][k] > threshold) == (v == 1) {
						hit++
					}
				}
			}
			if all > 0 {
				right += hit / all
				n++
			}
		}
	case binary:
		for j, i := range ids {
			n++
			if (p[j][1] > threshold) == (h.Y[i] == 1) {
				right++
			}
		}
	default:
		for j, i := range ids {
			n++
			if largest(p[j]) == h.Y[i] {
				right++
			}
		}
	}
	return right / n
}

func largest(v []float64) int {
	best := 0
	for k := range v {
		if v[k] > v[best] {
			best = k
		}
	}
	return best
}

// writePredictions writes what the model says of test images, by their numbers in the container.
func (e *evaluation) writePredictions() error {
	w, err := e.run.Create(predictionsFile)
	if err != nil {
		return err
	}
	l := &e.cohort.Labels
	buf := bufio.NewWriter(w)
	out := csv.NewWriter(buf)
	header := []string{"case", "patient"}
	if l.Kind != multiLabel {
		header = append(header, "outcome")
	}
	for _, name := range l.Names {
		if l.Kind == multiLabel {
			header = append(header, name)
		}
		header = append(header, "p("+name+")")
	}
	err = out.Write(append(header, "foreign"))
	for j, i := range e.cohort.Splits.Test {
		cells := []string{strconv.Itoa(e.cohort.Case[i] + 1), strconv.Itoa(e.cohort.Patient[i])}
		if l.Kind != multiLabel {
			cells = append(cells, l.Names[e.cohort.Y[i]])
		}
		for k, p := range e.model.calibrated(e.answers[j].p) {
			if l.Kind == multiLabel {
				cells = append(cells, map[int8]string{-1: "", 0: "0", 1: "1"}[e.cohort.Marks[i][k]])
			}
			cells = append(cells, strconv.FormatFloat(p, 'g', -1, 64))
		}
		if err == nil {
			err = out.Write(append(cells, fmt.Sprint(len(e.model.Reach.foreign(e.cohort.Stats[i])) > 0)))
		}
	}
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	if err == nil {
		err = buf.Flush()
	}
	if e := w.Close(); err == nil {
		err = e
	}
	return err
}
