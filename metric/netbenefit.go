package metric

import (
	"context"
	"math"
)

// DecisionPoint compares three policies at one threshold probability t: treat whom the model puts at t or
// above, treat all, treat none (whose net benefit is 0). The unit is true positives for each patient, after
// taking off false positives at the exchange rate t / (1 - t): who treats at 20 % accepts four needless
// treatments for one needed. Avoided is the number of needless interventions saved per 100 patients against
// treating all, at no loss of true positives.
type DecisionPoint struct{ Threshold, Model, All, None, Avoided float64 }

// DecisionCurve computes net benefit (Vickers & Elkin 2006) at thresholds within 0 … 1. Show it on calibrated
// risks, over the range of thresholds that clinicians find sensible. Points are NaN if there are no rows;
// Avoided is NaN at threshold 0, All and Model may be -Inf at 1.
func DecisionCurve(p []float64, y []bool, thresholds []float64) []DecisionPoint {
	t := newTally(p, y, nil)
	out := make([]DecisionPoint, len(thresholds))
	for i, th := range thresholds {
		out[i] = t.decisionPoint(th)
	}
	return out
}

func (t *tally) decisionPoint(th float64) DecisionPoint {
	d := DecisionPoint{Threshold: th}
	d.Model = t.countsAt(th).NetBenefit(th)
	d.All = Counts{TP: t.nPos, FP: t.nNeg}.NetBenefit(th)
	d.Avoided = 100 * (d.Model - d.All) / (th / (1 - th))
	if t.bad {
		d.All = math.NaN()
	}
	return d
}

// DecisionBand is a point of a decision curve with bootstrap intervals.
type DecisionBand struct {
	Threshold float64  `json:"threshold"`
	Model     Interval `json:"model"`
	All       Interval `json:"all"`
	Avoided   Interval `json:"avoided_per_100"`
	Benefit   Interval `json:"benefit"` // Model minus the better of treating all and none
}

// DecisionBands is DecisionCurve with intervals by Bootstrap.
func DecisionBands(ctx context.Context, r Resample, p []float64, y []bool, thresholds []float64) ([]DecisionBand, error) {
	sameLength(r.N, len(p))
	s := newSample(p, y)
	ivs, err := Bootstrap(ctx, r, func(rows []int) []float64 {
		w := s.borrow(rows)
		defer s.giveBack(w)
		out := make([]float64, 0, 4*len(thresholds))
		for _, th := range thresholds {
			d := w.tally.decisionPoint(th)
			out = append(out, d.Model, d.All, d.Avoided, d.Model-math.Max(d.All, 0))
		}
		return out
	})
	if err != nil {
		return nil, err
	}
	out := make([]DecisionBand, len(thresholds))
	for i, th := range thresholds {
		v := ivs[4*i:]
		out[i] = DecisionBand{th, v[0], v[1], v[2], v[3]}
	}
	return out, nil
}
