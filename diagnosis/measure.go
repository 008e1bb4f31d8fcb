package diagnosis

import (
	"context"
	"math"
	"slices"
	"strings"

	"galen.dev/conformal"
	"galen.dev/metric"
)

func (e *evaluation) measure(ctx context.Context, repeats []*tested) error {
	t, o := e.tested, e.trainer.cohort.Outcome
	s := &e.scores
	s.Cases, s.Counts = len(t.rows), make([]int, len(o.Classes))
	for _, class := range t.y {
		s.Counts[class]++
	}
	s.Sets = conformal.Measure(t.sets, t.y, len(o.Classes))
	var err error
	if o.binary() {
		err = e.measureBinary(ctx)
	} else {
		err = e.measureClasses(ctx)
	}
	if err != nil {
		return err
	}
	for _, m := range s.Main {
		if slices.Contains(headline, m.Name) && !math.IsNaN(m.Value) { // a slope needs risks that differ
			e.run.Metric(kebab(m.Name), m.Value)
		}
	}
	if e.splits.Repeats > 1 {
		s.spread(repeats, o, e.splits)
		for name, v := range s.Spread {
			if !math.IsNaN(v.Value) {
				e.run.Metric("mean-"+kebab(name), v.Value)
			}
		}
	}
	return e.importance(ctx)
}

// headline are the scores that runs are listed and compared by.
var headline = []string{"auroc", "auprc", "brier", "log_loss", "calibration_slope", "ici", "accuracy"}

func kebab(name string) string { return strings.ReplaceAll(name, "_", "-") }

func (e *evaluation) measureBinary(ctx context.Context) error {
	t, s, r := e.tested, &e.scores, e.run
	event, p := isClass(t.y, 1), t.risk(1)
	thresholds := r.Floats("thresholds")
	own := len(thresholds) == 0
	if own {
		thresholds = []float64{e.kept.Threshold}
	}
	opt := metric.BinaryOptions{Thresholds: thresholds}
	if own && e.splits.Pooled {
		opt.Thresholds = nil // there is not one threshold, but one of each fold
	}
	r.Progress("bootstrap", 0, 4)
	all, err := metric.NewBinary(p, event, opt).Intervals(ctx, e.resample)
	if err != nil {
		return err
	}
	s.Main = all
	if s.Raw, err = e.measureRaw(ctx, event); err != nil {
		return err
	}
	if !clustered(e.resample.Groups) { // DeLong's method takes rows for independent
		d := metric.DeLong(p, event)
		s.DeLong = &d.Logit
	}
	s.Threshold = metric.AtThresholds(p, event, thresholds)
	if own && e.splits.Pooled {
		s.Threshold = t.atOwnThresholds(event, e.kept.Threshold)
	}
	r.Progress("bootstrap", 2, 4)
	if s.Decision, err = metric.DecisionBands(ctx, e.resample, p, event, decisionThresholds(r.Floats("decision-range"))); err != nil {
		return err
	}
	if e.curve, err = metric.SmoothBands(ctx, e.resample, p, event, grid(p)); err != nil {
		return err
	}
	r.Progress("bootstrap", 3, 4)
	return e.subgroups(ctx, p, event, thresholds[0])
}

// measureRaw scores the probabilities before recalibration.
func (e *evaluation) measureRaw(ctx context.Context, event []bool) ([]metric.Score, error) {
	raw := make([]float64, len(e.tested.raw))
	for i := range raw {
		raw[i] = e.tested.raw[i][0]
	}
	b := metric.NewBinary(raw, event, metric.BinaryOptions{})
	if !e.tested.mapped { // they are those that have been scored, and this is the longest bootstrap
		return slices.Clone(e.scores.Main[:len(b.Names())]), nil
	}
	e.run.Progress("bootstrap", 1, 4)
	return b.Intervals(ctx, e.resample)
}

// atOwnThresholds decides each case by the threshold of the model that was tested on it. The threshold of the
// model that is kept was chosen on all cases, these among them: measured on them it would look too good.
func (t *tested) atOwnThresholds(event []bool, kept float64) []metric.Operating {
	positive := make([]float64, len(t.prob))
	for i := range positive {
		positive[i] = indicator(t.prob[i][1] >= t.youden[i])
	}
	out := metric.AtThresholds(positive, event, []float64{1})
	out[0].Threshold = kept
	return out
}

// clustered tells whether a patient has several rows.
func clustered(patient []int) bool {
	return len(slices.Compact(slices.Sorted(slices.Values(patient)))) < len(patient)
}

// decisionThresholds are evenly spaced over the range, which checkEvaluation has seen.
func decisionThresholds(span []float64) []float64 {
	lo, hi := span[0], span[1]
	const n = 46
	out := make([]float64, n)
	for i := range out {
		out[i] = lo + (hi-lo)*float64(i)/(n-1)
	}
	return out
}

// grid is where the smooth calibration curve is drawn: 50 risks between the 1st and 99th percentile, beyond
// which there are too few cases to say anything.
func grid(p []float64) []float64 {
	sorted := slices.Sorted(slices.Values(p))
	lo, hi := sorted[len(sorted)/100], sorted[len(sorted)-1-len(sorted)/100]
	const n = 50
	out := make([]float64, n)
	for i := range out {
		out[i] = lo + (hi-lo)*float64(i)/(n-1)
	}
	return out
}

func (e *evaluation) measureClasses(ctx context.Context) error {
	t, s := e.tested, &e.scores
	names := []string{"auroc", "log_loss", "brier", "accuracy", "balanced_accuracy", "ece"}
	for _, c := range e.trainer.cohort.Outcome.Classes {
		names = append(names, "auroc of "+c)
	}
	likeliest := metric.MostLikely(t.prob)
	ivs, err := metric.Bootstrap(ctx, e.resample, func(rows []int) []float64 {
		P, y, top := t.prob, t.y, likeliest
		if rows != nil {
			P, y, top = pick(t.prob, rows), pick(t.y, rows), pick(likeliest, rows)
		}
		return classScores(P, y, top)
	})
	if err != nil {
		return err
	}
	for k, v := range ivs {
		score := metric.Score{Name: names[k], Interval: v}
		if k < 6 {
			s.Main = append(s.Main, score)
		} else {
			s.PerClass = append(s.PerClass, score)
		}
	}
	n := len(e.trainer.cohort.Outcome.Classes)
	s.Confusion = make([][]int, n)
	for k := range s.Confusion {
		s.Confusion[k] = make([]int, n)
	}
	for i, y := range t.y {
		s.Confusion[y][likeliest[i]]++
	}
	return nil
}

func classScores(P [][]float64, y, top []int) []float64 {
	a := metric.AUROCOneVsRest(P, y)
	accuracy, balanced := math.NaN(), math.NaN()
	if c, err := metric.NewConfusion(y, top, len(P[0])); err == nil {
		accuracy, balanced = c.Accuracy(), c.BalancedAccuracy()
	}
	out := []float64{a.Macro, metric.MulticlassLogLoss(P, y), metric.MulticlassBrier(P, y), accuracy, balanced, metric.ClasswiseECE(P, y, metric.DefaultBins, metric.EqualCount)}
	return append(out, a.Each...)
}
