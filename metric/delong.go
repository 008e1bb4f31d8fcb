package metric

import "math"

// This file implements the variance of AUROC by DeLong, DeLong & Clarke-Pearson (Biometrics 1988) with the
// fast algorithm of Sun & Xu (IEEE Signal Processing Letters 2014): midranks give the structural components
// in O(n log n) rather than O(mn). It takes rows to be independent: with several rows for each patient, use
// Bootstrap with Groups.

// DeLongEstimate is an AUROC with its variance and two 95 % intervals. Logit, computed on the log-odds scale,
// stays within 0 and 1 and covers better near 1; Plain is symmetric and is what most programs print.
type DeLongEstimate struct {
	AUROC, Variance float64
	Plain, Logit    Interval
}

// DeLong estimates AUROC with its variance. Everything is NaN unless there are at least two events and two
// non-events. At AUROC 0 or 1 the variance is 0 and both intervals are that point, which says nothing about
// how sure one can be: use a larger set.
func DeLong(p []float64, y []bool) DeLongEstimate {
	sameLength(len(p), len(y))
	c, ok := structural(p, y)
	if !ok {
		u := undefinedInterval()
		return DeLongEstimate{math.NaN(), math.NaN(), u, u}
	}
	e := DeLongEstimate{AUROC: c.auroc, Variance: c.covariance(c)}
	se := math.Sqrt(e.Variance)
	e.Plain = Interval{Value: c.auroc, Low: math.Max(0, c.auroc-z975*se), High: math.Min(1, c.auroc+z975*se)}
	e.Logit = e.Plain
	if c.auroc > 0 && c.auroc < 1 {
		l, s := math.Log(c.auroc/(1-c.auroc)), se/(c.auroc*(1-c.auroc))
		e.Logit.Low, e.Logit.High = expit(l-z975*s), expit(l+z975*s)
	}
	return e
}

// DeLongComparison compares two predictions of the same patients. Difference is A - B, Low and High its 95 %
// interval, P the two-sided p-value of no difference.
type DeLongComparison struct {
	A, B, Difference, SE, Z, P, Low, High float64
}

// DeLongTest compares the AUROCs of p1 and p2 on the same outcomes, with the correlation that comes from
// sharing patients. If the standard error is 0 (the predictions rank alike), Z is 0 and P is 1.
// Everything is NaN where DeLong's is. Do not use it on nested models in the data they were fitted on.
func DeLongTest(p1, p2 []float64, y []bool) DeLongComparison {
	sameLength(len(p1), len(y))
	sameLength(len(p2), len(y))
	a, okA := structural(p1, y)
	b, okB := structural(p2, y)
	if !okA || !okB {
		u := math.NaN()
		return DeLongComparison{u, u, u, u, u, u, u, u}
	}
	d := DeLongComparison{A: a.auroc, B: b.auroc, Difference: a.auroc - b.auroc}
	// The difference of components, rather than var + var - 2 cov, cannot come out below zero.
	diff := components{auroc: d.Difference, pos: minus(a.pos, b.pos), neg: minus(a.neg, b.neg)}
	d.SE = math.Sqrt(diff.covariance(diff))
	d.Low, d.High = d.Difference-z975*d.SE, d.Difference+z975*d.SE
	d.P = 1
	if d.SE > 0 {
		d.Z = d.Difference / d.SE
		d.P = math.Erfc(math.Abs(d.Z) / math.Sqrt2)
	} else if d.Difference != 0 {
		d.Z, d.P = math.NaN(), math.NaN()
	}
	return d
}

// components are DeLong's V10 (one for each event) and V01 (one for each non-event).
type components struct {
	auroc    float64
	pos, neg []float64
}

// structural computes the components from midranks among all, among events and among non-events.
func structural(p []float64, y []bool) (components, bool) {
	t, at := groupByValue(p)
	for i, g := range at {
		t.count(int(g), y[i], 1)
	}
	if t.bad || t.nPos < 2 || t.nNeg < 2 {
		return components{}, false
	}
	c := components{auroc: t.auroc(), pos: make([]float64, 0, int(t.nPos)), neg: make([]float64, 0, int(t.nNeg))}
	below := make([]float64, len(t.x)) // share of non-events below a value, ties half: the midrank difference
	above := make([]float64, len(t.x)) // share of events above it, ties half
	n, m := 0.0, 0.0
	for g := range t.x {
		below[g] = (n + t.neg[g]/2) / t.nNeg
		n += t.neg[g]
		m += t.pos[g]
		above[g] = (t.nPos - m + t.pos[g]/2) / t.nPos
	}
	for i, g := range at {
		if y[i] {
			c.pos = append(c.pos, below[g])
		} else {
			c.neg = append(c.neg, above[g])
		}
	}
	return c, true
}

func (c components) covariance(d components) float64 {
	return covariance(c.pos, d.pos)/float64(len(c.pos)) + covariance(c.neg, d.neg)/float64(len(c.neg))
}

func minus(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	return d
}

// covariance is the sample covariance with divisor n - 1, in two passes for accuracy.
func covariance(a, b []float64) float64 {
	ma, mb := mean(a), mean(b)
	s := 0.0
	for i := range a {
		s += (a[i] - ma) * (b[i] - mb)
	}
	return s / float64(len(a)-1)
}

func mean(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s / float64(len(v))
}
