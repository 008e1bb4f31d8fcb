package metric

import (
	"context"
	"fmt"
	"math"
	"sync"
)

// sample is predictions sorted once, from which a resample is tallied in O(n).
type sample struct {
	tally *tally  // over all rows; only x and bad are used by resamples
	at    []int32 // place of each row among x
	y     []bool
	logit []float64
	log   []float64 // log of clipped x, and of 1 - x
	log1m []float64
	pool  sync.Pool
}

// scratch is what one goroutine needs to score a resample.
type scratch struct {
	tally  tally
	smooth loess
}

func newSample(p []float64, y []bool) *sample {
	sameLength(len(p), len(y))
	t, at := groupByValue(p)
	s := &sample{tally: t, at: at, y: y, logit: t.logits()}
	s.log, s.log1m = make([]float64, len(t.x)), make([]float64, len(t.x))
	for i, x := range t.x {
		x = math.Min(math.Max(x, logClip), 1-logClip)
		s.log[i], s.log1m[i] = math.Log(x), math.Log1p(-x)
	}
	s.pool.New = func() any {
		return &scratch{tally: tally{
			x: t.x, bad: t.bad,
			pos: make([]float64, len(t.x)), neg: make([]float64, len(t.x)),
		}}
	}
	return s
}

// borrow tallies rows in a scratch of the pool; nil rows are all rows.
func (s *sample) borrow(rows []int) *scratch {
	w := s.pool.Get().(*scratch)
	t := &w.tally
	clear(t.pos)
	clear(t.neg)
	t.nPos, t.nNeg = 0, 0
	if rows == nil {
		for i, g := range s.at {
			t.count(int(g), s.y[i], 1)
		}
		return w
	}
	for _, i := range rows {
		t.count(int(s.at[i]), s.y[i], 1)
	}
	return w
}

func (s *sample) giveBack(w *scratch) { s.pool.Put(w) }

func (s *sample) logLoss(t *tally) float64 {
	if t.empty() {
		return math.NaN()
	}
	sum := 0.0
	for i := range t.x {
		sum -= t.pos[i]*s.log[i] + t.neg[i]*s.log1m[i]
	}
	return sum / t.n()
}

// BinaryOptions chooses what Binary computes.
type BinaryOptions struct {
	Thresholds []float64 // rules "p ≥ t" to score; nil = none
	Bins       int       // of ECE, equal counts; 0 = DefaultBins
}

// Binary scores one set of predictions many times, on all rows or on resamples, at O(n) a time. It is made for
// Bootstrap: pass Scores as the statistic. Safe for concurrent use.
type Binary struct {
	s   *sample
	opt BinaryOptions
}

// NewBinary sorts the predictions. y is kept, not copied.
func NewBinary(p []float64, y []bool, opt BinaryOptions) *Binary {
	return &Binary{newSample(p, y), opt}
}

var binaryNames = []string{
	"prevalence", "auroc", "auprc", "min_se_ppv", "brier", "scaled_brier", "log_loss", "calibration_intercept",
	"calibration_slope", "ece", "ici", "e50", "e90", "emax",
}

var thresholdNames = []string{
	"sensitivity", "specificity", "ppv", "npv", "accuracy", "balanced_accuracy", "f1", "mcc", "net_benefit",
}

// Names returns the names of the values of Scores, in order: the overall ones (prevalence, auroc, auprc,
// min_se_ppv, brier, scaled_brier, log_loss, calibration_intercept, calibration_slope, ece, ici, e50, e90,
// emax), then for each threshold t sensitivity@t, specificity@t, ppv@t, npv@t, accuracy@t,
// balanced_accuracy@t, f1@t, mcc@t, net_benefit@t.
func (b *Binary) Names() []string {
	names := append([]string(nil), binaryNames...)
	for _, t := range b.opt.Thresholds {
		for _, n := range thresholdNames {
			names = append(names, fmt.Sprintf("%s@%g", n, t))
		}
	}
	return names
}

// Scores computes all metrics of the given rows, which may repeat; nil means all rows. The order is that of
// Names.
func (b *Binary) Scores(rows []int) []float64 {
	w := b.s.borrow(rows)
	defer b.s.giveBack(w)
	t := &w.tally
	_, slope := t.calibrationSlope(b.s.logit)
	ici, e50, e90, emax := math.NaN(), math.NaN(), math.NaN(), math.NaN()
	if w.smooth.fit(t) {
		ici, e50, e90, emax = w.smooth.distances()
	}
	out := make([]float64, 0, len(binaryNames)+len(b.opt.Thresholds)*len(thresholdNames))
	out = append(out, t.prevalence(), t.auroc(), t.averagePrecision(), t.minSensitivityPPV(), t.brier(), t.scaledBrier(),
		b.s.logLoss(t), t.calibrationIntercept(b.s.logit), slope, t.ece(b.opt.Bins, EqualCount), ici, e50, e90, emax)
	for _, th := range b.opt.Thresholds {
		c := t.countsAt(th)
		out = append(out, c.Sensitivity(), c.Specificity(), c.PPV(), c.NPV(), c.Accuracy(), c.BalancedAccuracy(), c.F1(),
			c.MCC(), c.NetBenefit(th))
	}
	return out
}

func (t *tally) prevalence() float64 {
	if t.empty() {
		return math.NaN()
	}
	return t.nPos / t.n()
}

// Intervals bootstraps all scores. r.N must be the number of predictions.
func (b *Binary) Intervals(ctx context.Context, r Resample) ([]Score, error) {
	sameLength(r.N, len(b.s.y))
	return named(b.Names())(Bootstrap(ctx, r, b.Scores))
}

// Differences bootstraps the scores of b minus those of other, of the same patients and options, on the same
// samples.
func (b *Binary) Differences(ctx context.Context, other *Binary, r Resample) ([]Score, error) {
	sameLength(r.N, len(b.s.y))
	sameLength(len(other.s.y), len(b.s.y))
	return named(b.Names())(BootstrapDifference(ctx, r, b.Scores, other.Scores))
}

// SmoothBand is a point of the smooth calibration curve with its bootstrap interval.
type SmoothBand struct {
	Risk     float64  `json:"risk"`
	Observed Interval `json:"observed"`
}

// SmoothBands returns the smooth calibration curve (see SmoothCalibration) at the given risks, with intervals by
// Bootstrap. A round gives no value at risks outside those it drew: these rounds are counted as undefined.
func SmoothBands(ctx context.Context, r Resample, p []float64, y []bool, risks []float64) ([]SmoothBand, error) {
	s := newSample(p, y)
	sameLength(r.N, len(y))
	ivs, err := Bootstrap(ctx, r, func(rows []int) []float64 {
		w := s.borrow(rows)
		defer s.giveBack(w)
		out := make([]float64, len(risks))
		ok := w.smooth.fit(&w.tally)
		for i, x := range risks {
			out[i] = math.NaN()
			if ok && x >= w.smooth.vx[0] && x <= w.smooth.vx[len(w.smooth.vx)-1] {
				out[i] = w.smooth.at(x)
			}
		}
		return out
	})
	if err != nil {
		return nil, err
	}
	out := make([]SmoothBand, len(risks))
	for i, v := range ivs {
		out[i] = SmoothBand{risks[i], v}
	}
	return out, nil
}
