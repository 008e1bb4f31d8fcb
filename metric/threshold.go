package metric

import "math"

// Counts is what a yes-or-no rule did, in patients (or weight): true and false positives and negatives.
// Each rate is NaN where its denominator is 0.
type Counts struct{ TP, FP, TN, FN float64 }

// CountsAt applies the rule "positive if p ≥ threshold". All counts are NaN if a prediction is NaN.
func CountsAt(p []float64, y []bool, threshold float64) Counts {
	return newTally(p, y, nil).countsAt(threshold)
}

func (t *tally) countsAt(threshold float64) Counts {
	if t.bad {
		u := math.NaN()
		return Counts{u, u, u, u}
	}
	var c Counts
	for i := len(t.x) - 1; i >= 0 && t.x[i] >= threshold; i-- {
		c.TP += t.pos[i]
		c.FP += t.neg[i]
	}
	c.FN, c.TN = t.nPos-c.TP, t.nNeg-c.FP
	return c
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

// Sensitivity is the share of patients with the event that the rule finds (recall).
func (c Counts) Sensitivity() float64 { return ratio(c.TP, c.TP+c.FN) }

// Specificity is the share of patients without the event that the rule leaves alone.
func (c Counts) Specificity() float64 { return ratio(c.TN, c.TN+c.FP) }

// PPV is the share of positives that have the event (precision). It moves with prevalence.
func (c Counts) PPV() float64 { return ratio(c.TP, c.TP+c.FP) }

// NPV is the share of negatives that do not have the event. It moves with prevalence.
func (c Counts) NPV() float64 { return ratio(c.TN, c.TN+c.FN) }

// LRPositive is sensitivity / (1 - specificity): by how much a positive multiplies the odds of the event.
// +Inf if there is no false positive.
func (c Counts) LRPositive() float64 {
	s, f := c.Sensitivity(), ratio(c.FP, c.TN+c.FP)
	if s == 0 && f == 0 {
		return math.NaN()
	}
	return s / f
}

// LRNegative is (1 - sensitivity) / specificity: by how much a negative multiplies the odds.
func (c Counts) LRNegative() float64 {
	s, f := ratio(c.FN, c.TP+c.FN), c.Specificity()
	if s == 0 && f == 0 {
		return math.NaN()
	}
	return s / f
}

// Accuracy is the share of right answers; with rare events always saying no earns nearly 1.
func (c Counts) Accuracy() float64 { return ratio(c.TP+c.TN, c.TP+c.TN+c.FP+c.FN) }

// BalancedAccuracy is the mean of sensitivity and specificity, .5 for a coin.
func (c Counts) BalancedAccuracy() float64 { return (c.Sensitivity() + c.Specificity()) / 2 }

// F1 is the harmonic mean of sensitivity and PPV, 0 to 1. NaN if there are neither events nor positives.
func (c Counts) F1() float64 { return ratio(2*c.TP, 2*c.TP+c.FP+c.FN) }

// MCC is Matthews' correlation of rule and outcome, -1 to 1. NaN if either is constant.
func (c Counts) MCC() float64 {
	d := math.Sqrt(c.TP+c.FP) * math.Sqrt(c.TP+c.FN) * math.Sqrt(c.TN+c.FP) * math.Sqrt(c.TN+c.FN)
	return ratio(c.TP*c.TN-c.FP*c.FN, d)
}

// Kappa is Cohen's agreement beyond chance of rule and outcome, -1 to 1. NaN if both are constant.
func (c Counts) Kappa() float64 {
	n := c.TP + c.TN + c.FP + c.FN
	chance := ((c.TP+c.FP)*(c.TP+c.FN) + (c.TN+c.FN)*(c.TN+c.FP)) / (n * n)
	return ratio(c.Accuracy()-chance, 1-chance)
}

// NetBenefit is TP/n - FP/n · t/(1-t); see DecisionCurve.
func (c Counts) NetBenefit(threshold float64) float64 {
	n := c.TP + c.TN + c.FP + c.FN
	return ratio(c.TP-c.FP*threshold/(1-threshold), n)
}

// Operating is a threshold with what it does to patients; proportions carry Wilson's 95 % interval, which
// takes rows to be independent.
type Operating struct {
	Threshold                          float64
	Counts                             Counts
	Sensitivity, Specificity, PPV, NPV Interval
	LRPositive, LRNegative             float64
}

// AtThresholds reports every given threshold in the given order; the rule is "positive if p ≥ threshold".
func AtThresholds(p []float64, y []bool, thresholds []float64) []Operating {
	t := newTally(p, y, nil)
	out := make([]Operating, len(thresholds))
	for i, th := range thresholds {
		c := t.countsAt(th)
		out[i] = Operating{
			Threshold: th, Counts: c,
			Sensitivity: Wilson(c.TP, c.TP+c.FN), Specificity: Wilson(c.TN, c.TN+c.FP),
			PPV: Wilson(c.TP, c.TP+c.FP), NPV: Wilson(c.TN, c.TN+c.FN),
			LRPositive: c.LRPositive(), LRNegative: c.LRNegative(),
		}
	}
	return out
}

// YoudenThreshold is the prediction t at which "p ≥ t" has the largest sensitivity + specificity - 1 (Youden 1950), the
// highest such t in case of ties. It weighs a missed patient like a false alarm scaled by prevalence, which is
// rarely what a clinic wants: prefer ThresholdForCost. Choose on validation data only. NaN if there is one
// class only.
func YoudenThreshold(p []float64, y []bool) float64 {
	t := newTally(p, y, nil)
	if t.oneClass() {
		return math.NaN()
	}
	return t.bestThreshold(func(c Counts) float64 { return c.Sensitivity() + c.Specificity() })
}

// bestThreshold is the highest distinct prediction whose rule has the largest score.
func (t *tally) bestThreshold(score func(Counts) float64) float64 {
	best, at := math.Inf(-1), math.NaN()
	c := Counts{TN: t.nNeg, FN: t.nPos}
	for i := len(t.x) - 1; i >= 0; i-- {
		c.TP, c.FN = c.TP+t.pos[i], c.FN-t.pos[i]
		c.FP, c.TN = c.FP+t.neg[i], c.TN-t.neg[i]
		if s := score(c); s > best {
			best, at = s, t.x[i]
		}
	}
	return at
}

// ThresholdForSensitivity is the highest prediction t at which "p ≥ t" finds at least the target share (0 to 1)
// of events. NaN if there are no events.
func ThresholdForSensitivity(p []float64, y []bool, target float64) float64 {
	t := newTally(p, y, nil)
	if t.bad || t.nPos <= 0 {
		return math.NaN()
	}
	tp := 0.0
	for i := len(t.x) - 1; i >= 0; i-- {
		tp += t.pos[i]
		// The small allowance keeps a target of .9 reachable by 9 of 10.
		if t.pos[i] > 0 && tp >= target*t.nPos-1e-9 {
			return t.x[i]
		}
	}
	return t.x[0]
}

// ThresholdForCost is the prediction t at which "p ≥ t" is cheapest in these data when a missed event costs as
// much as ratio false alarms; +Inf (nobody is positive) if that is cheapest. For calibrated risks theory gives
// 1 / (1 + ratio), free of noise: prefer it where the calibration holds. NaN if there are no rows.
func ThresholdForCost(p []float64, y []bool, ratio float64) float64 {
	t := newTally(p, y, nil)
	if t.empty() {
		return math.NaN()
	}
	gain := func(c Counts) float64 { return -c.FP - ratio*c.FN }
	at := t.bestThreshold(gain)
	if gain(t.countsAt(at)) < -ratio*t.nPos {
		return math.Inf(1)
	}
	return at
}
