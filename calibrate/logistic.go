package calibrate

import (
	"math"

	"galen.dev/metric"
)

// The bounds of 1/T: beyond them a temperature only says that the data cannot tell.
const minSharpness, maxSharpness = 1. / 100, 100

// fitTemperature finds the b = 1/T where the log loss of expit(b l) is least, by bisection of its derivative,
// which rises in b: nothing to tune and nothing that can diverge.
func fitTemperature(g grouped) float64 {
	l := make([]float64, len(g.x))
	for i, x := range g.x {
		l[i] = metric.Logit(x)
	}
	return bisectSharpness(func(b float64) float64 {
		s := 0.0
		for i, v := range l {
			s += v * ((g.pos[i]+g.neg[i])*expit(b*v) - g.pos[i])
		}
		return s
	})
}

// bisectSharpness finds the root of a rising derivative within the bounds, on the log scale; 1 if it is 0 there.
func bisectSharpness(derivative func(b float64) float64) float64 {
	if derivative(1) == 0 {
		return 1
	}
	if derivative(minSharpness) >= 0 {
		return minSharpness
	}
	if derivative(maxSharpness) <= 0 {
		return maxSharpness
	}
	lo, hi := math.Log(minSharpness), math.Log(maxSharpness)
	for range 60 {
		mid := (lo + hi) / 2
		if derivative(math.Exp(mid)) < 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	return math.Exp((lo + hi) / 2)
}

// fitPlatt replaces the outcomes 1 and 0 by (N+ + 1)/(N+ + 2) and 1/(N- + 2), as if one more patient of either
// class had been seen, so that a fit exists even where the classes separate.
func fitPlatt(g grouped) (*Calibrator, error) {
	np, nn := sum(g.pos), sum(g.neg)
	high, low := (np+1)/(np+2), 1/(nn+2)
	rows := make([]logisticRow, len(g.x))
	for i, x := range g.x {
		rows[i] = logisticRow{
			x: [3]float64{1, metric.Logit(x)}, n: g.pos[i] + g.neg[i], events: g.pos[i]*high + g.neg[i]*low,
		}
	}
	b, ok := logistic(rows, 2)
	if !ok {
		return nil, noFit(Platt)
	}
	return &Calibrator{Method: Platt, A: b[0], B: b[1]}, nil
}

// fitBeta drops a slope that comes out negative and fits again, as the authors do, so that the map never falls.
func fitBeta(g grouped) (*Calibrator, error) {
	if g.parted() {
		return nil, noFit(Beta)
	}
	fit := func(useA, useB float64) (a, b, c float64, ok bool) {
		rows := make([]logisticRow, len(g.x))
		for i, x := range g.x {
			u, v := betaFeatures(x)
			r := logisticRow{x: [3]float64{1, u, v}, n: g.pos[i] + g.neg[i], events: g.pos[i]}
			if useA == 0 {
				r.x[1] = v
			}
			rows[i] = r
		}
		w, ok := logistic(rows, 1+int(useA+useB))
		switch {
		case useA == 0 && useB == 1:
			return 0, w[1], w[0], ok
		case useB == 0:
			return w[1], 0, w[0], ok
		}
		return w[1], w[2], w[0], ok
	}
	a, b, c, ok := fit(1, 1)
	switch {
	case a < 0:
		a, b, c, ok = fit(0, 1)
	case b < 0:
		a, b, c, ok = fit(1, 0)
	}
	if a < 0 || b < 0 { // the risks point the wrong way: the best map that does not fall is constant
		return &Calibrator{Method: Beta, C: metric.Logit(sum(g.pos) / (sum(g.pos) + sum(g.neg)))}, nil
	}
	if !ok {
		return nil, noFit(Beta)
	}
	return &Calibrator{Method: Beta, A: a, B: b, C: c}, nil
}

// betaFeatures are log p and -log(1 - p), clipped like metric.Logit, so that both rise with p.
func betaFeatures(p float64) (u, v float64) {
	p = math.Min(math.Max(p, metric.LogitClip), 1-metric.LogitClip)
	return math.Log(p), -math.Log1p(-p)
}

// logisticRow is a weight n of cases that share features, of which events (any fraction) are positive.
type logisticRow struct {
	x         [3]float64
	n, events float64
}

// logistic maximises the likelihood of the first k ≤ 3 features by Newton with step halving; false if there is
// no finite or no unique maximum. The coefficients are the last ones even then: their signs still tell.
func logistic(rows []logisticRow, k int) (b [3]float64, ok bool) {
	f := likelihood(rows, b)
	for range 200 {
		step, solved := newtonStep(rows, b, k)
		if !solved {
			return b, false
		}
		scale, next, g := 1.0, b, 0.0
		for range 40 {
			for j := range k {
				next[j] = b[j] + scale*step[j]
			}
			if g = likelihood(rows, next); g >= f-1e-13*math.Abs(f) {
				break
			}
			scale /= 2
		}
		small := true
		for j := range k {
			small = small && math.Abs(next[j]-b[j]) <= 1e-10*(1+math.Abs(b[j]))
		}
		b, f = next, g
		if small {
			return b, true
		}
	}
	return b, false
}

func likelihood(rows []logisticRow, b [3]float64) float64 {
	s := 0.0
	for i := range rows {
		r := &rows[i]
		eta := r.x[0]*b[0] + r.x[1]*b[1] + r.x[2]*b[2]
		s += r.events*eta - r.n*(math.Max(eta, 0)+math.Log1p(math.Exp(-math.Abs(eta))))
	}
	return s
}

// newtonStep solves H s = gradient by Cholesky; false if H is not safely positive definite.
func newtonStep(rows []logisticRow, b [3]float64, k int) (s [3]float64, ok bool) {
	var h [3][3]float64
	for i := range rows {
		r := &rows[i]
		q := expit(r.x[0]*b[0] + r.x[1]*b[1] + r.x[2]*b[2])
		e, w := r.events-r.n*q, r.n*q*(1-q)
		for j := range k {
			s[j] += e * r.x[j]
			for m := range j + 1 {
				h[j][m] += w * r.x[j] * r.x[m]
			}
		}
	}
	for j := range k {
		diagonal := h[j][j]
		for m := range j + 1 {
			for n := range m {
				h[j][m] -= h[j][n] * h[m][n]
			}
			if m < j {
				h[j][m] /= h[m][m]
			}
		}
		if !(h[j][j] > 1e-13*diagonal) {
			return s, false
		}
		h[j][j] = math.Sqrt(h[j][j])
	}
	for j := range k {
		for n := range j {
			s[j] -= h[j][n] * s[n]
		}
		s[j] /= h[j][j]
	}
	for j := k - 1; j >= 0; j-- {
		for n := j + 1; n < k; n++ {
			s[j] -= h[n][j] * s[n]
		}
		s[j] /= h[j][j]
	}
	return s, true
}
