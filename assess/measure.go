package assess

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"

	"galen.dev/conformal"
	"galen.dev/metric"
)

// Measure scores the first repeat's predictions, with bootstrap intervals over patients; further repeats give the
// spread between splits. Two classes are scored as an event, more as classes.
func Measure(ctx context.Context, o Outcome, repeats []*Predictions, opt Options) (*Assessment, error) {
	if len(opt.DecisionRange) == 0 {
		opt.DecisionRange = []float64{.05, .5}
	}
	if opt.Rounds == 0 {
		opt.Rounds = 1000
	}
	t := repeats[0]
	a := &Assessment{Outcome: o, Tested: t, opt: opt, repeats: len(repeats)}
	a.Cases, a.Counts = len(t.Y), make([]int, len(o.Classes))
	for _, class := range t.Y {
		a.Counts[class]++
	}
	a.Scores.Sets = conformal.Measure(t.Sets, t.Y, len(o.Classes))
	resample := metric.Resample{N: len(t.Y), Groups: t.Patient, Rounds: opt.Rounds, Seed: opt.Seed}
	var err error
	if o.Binary() {
		err = a.measureBinary(ctx, resample)
	} else {
		err = a.measureClasses(ctx, resample)
	}
	if err == nil && len(repeats) > 1 {
		a.spread(repeats)
	}
	return a, err
}

// headline are the scores that runs are listed and compared by.
var headline = []string{"auroc", "auprc", "brier", "log_loss", "calibration_slope", "ici", "accuracy"}

// Headline hands out the scores that runs are listed by, under kebab-case names; the means of repeats begin
// with "mean-". Scores that are not defined are left out.
func (a *Assessment) Headline(tell func(name string, v float64)) {
	for _, m := range a.Main {
		if slices.Contains(headline, m.Name) && !math.IsNaN(m.Value) { // a slope needs risks that differ
			tell(kebab(m.Name), m.Value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Spread)) {
		if v := a.Spread[name]; !math.IsNaN(v.Value) {
			tell("mean-"+kebab(name), v.Value)
		}
	}
}

// Score finds one of the main scores.
func (a *Assessment) Score(name string) (metric.Score, bool) {
	for _, s := range a.Main {
		if s.Name == name {
			return s, true
		}
	}
	return metric.Score{}, false
}

func kebab(name string) string { return strings.ReplaceAll(name, "_", "-") }

func (a *Assessment) progress(stage int64) {
	if a.opt.Progress != nil {
		a.opt.Progress(stage, 4)
	}
}

func (a *Assessment) measureBinary(ctx context.Context, resample metric.Resample) error {
	t, s := a.Tested, &a.Scores
	event, p := isClass(t.Y, 1), t.Risk(1)
	thresholds := a.opt.Thresholds
	own := len(thresholds) == 0
	if own {
		thresholds = []float64{a.opt.Kept}
	}
	opt := metric.BinaryOptions{Thresholds: thresholds}
	if own && a.opt.Pooled {
		opt.Thresholds = nil // there is not one threshold, but one of each fold
	}
	a.progress(0)
	all, err := metric.NewBinary(p, event, opt).Intervals(ctx, resample)
	if err != nil {
		return err
	}
	s.Main = all
	if s.Raw, err = a.measureRaw(ctx, event, resample); err != nil {
		return err
	}
	if !Clustered(t.Patient) { // DeLong's method takes rows for independent
		d := metric.DeLong(p, event)
		s.DeLong = &d.Logit
	}
	s.Threshold = metric.AtThresholds(p, event, thresholds)
	if own && a.opt.Pooled {
		s.Threshold = t.atOwnThresholds(event, a.opt.Kept)
	}
	a.progress(2)
	if s.Decision, err = metric.DecisionBands(ctx, resample, p, event, decisionThresholds(a.opt.DecisionRange)); err != nil {
		return err
	}
	if a.curve, err = metric.SmoothBands(ctx, resample, p, event, grid(p)); err != nil {
		return err
	}
	a.progress(3)
	return a.subgroups(ctx, resample, p, event, thresholds[0])
}

// measureRaw scores the probabilities before recalibration.
func (a *Assessment) measureRaw(ctx context.Context, event []bool, resample metric.Resample) ([]metric.Score, error) {
	b := metric.NewBinary(column(a.Tested.Raw, 0), event, metric.BinaryOptions{})
	if !a.Tested.Recalibrated { // they are those that have been scored, and this is the longest bootstrap
		return slices.Clone(a.Main[:len(b.Names())]), nil
	}
	a.progress(1)
	return b.Intervals(ctx, resample)
}

// atOwnThresholds decides each case by the threshold of the model that was tested on it. The threshold of the
// model that is kept was chosen on all cases, these among them: measured on them it would look too good.
func (p *Predictions) atOwnThresholds(event []bool, kept float64) []metric.Operating {
	positive := make([]float64, len(p.Prob))
	for i := range positive {
		if p.Prob[i][1] >= p.Thresholds[i] {
			positive[i] = 1
		}
	}
	out := metric.AtThresholds(positive, event, []float64{1})
	out[0].Threshold = kept
	return out
}

// Clustered tells whether a patient has several rows.
func Clustered(patient []int) bool {
	return len(slices.Compact(slices.Sorted(slices.Values(patient)))) < len(patient)
}

// decisionThresholds are evenly spaced over the range, of which the caller has seen that it rises.
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

func (a *Assessment) measureClasses(ctx context.Context, resample metric.Resample) error {
	t, s := a.Tested, &a.Scores
	names := []string{"auroc", "log_loss", "brier", "accuracy", "balanced_accuracy", "ece"}
	for _, c := range a.Outcome.Classes {
		names = append(names, "auroc of "+c)
	}
	likeliest := metric.MostLikely(t.Prob)
	ivs, err := metric.Bootstrap(ctx, resample, func(rows []int) []float64 {
		P, y, top := t.Prob, t.Y, likeliest
		if rows != nil {
			P, y, top = pick(t.Prob, rows), pick(t.Y, rows), pick(likeliest, rows)
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
	n := len(a.Outcome.Classes)
	s.Confusion = make([][]int, n)
	for k := range s.Confusion {
		s.Confusion[k] = make([]int, n)
	}
	for i, y := range t.Y {
		s.Confusion[y][likeliest[i]]++
	}
	return nil
}

func classScores(P [][]float64, y, top []int) []float64 {
	auc := metric.AUROCOneVsRest(P, y)
	accuracy, balanced := math.NaN(), math.NaN()
	if c, err := metric.NewConfusion(y, top, len(P[0])); err == nil {
		accuracy, balanced = c.Accuracy(), c.BalancedAccuracy()
	}
	out := []float64{auc.Macro, metric.MulticlassLogLoss(P, y), metric.MulticlassBrier(P, y), accuracy, balanced, metric.ClasswiseECE(P, y, metric.DefaultBins, metric.EqualCount)}
	return append(out, auc.Each...)
}
