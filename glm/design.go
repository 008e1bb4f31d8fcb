package glm

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// design is the data of a fit in the solver's own scale: columns of mean zero and variance one, weights of
// sum one. Centring changes nothing but the intercept, which is not penalised, and keeps the Newton systems
// well conditioned; what the user wants penalised is in l1 and l2.
type design struct {
	n, p        int
	x           [][]float64 // standardised columns; nil for a constant one, whose coefficient is zero
	mean, scale []float64
	w           []float64 // sum one
	total       float64   // sum of the weights as given
	cases       int       // rows of positive weight
	l1, l2      []float64 // penalty of a standardised coefficient for λ = 1
}

func newDesign(X [][]float64, n int, p *Params) *design {
	d := &design{n: n, p: len(X)}
	d.w, d.total, d.cases = normalised(p.Weights, n)
	d.x = make([][]float64, d.p)
	d.mean, d.scale = make([]float64, d.p), make([]float64, d.p)
	d.l1, d.l2 = make([]float64, d.p), make([]float64, d.p)
	each(d.p, float64(n*d.p), func(j int) {
		d.x[j], d.mean[j], d.scale[j] = standardise(X[j], d.w)
		v, s := 1.0, 1.0
		if p.PenaltyFactor != nil {
			v = p.PenaltyFactor[j]
		}
		if p.Unstandardised {
			s = d.scale[j]
		}
		d.l1[j] = v * p.Alpha / s
		d.l2[j] = v * (1 - p.Alpha) / (s * s)
	})
	return d
}

func normalised(weights []float64, n int) (w []float64, total float64, cases int) {
	w = make([]float64, n)
	if weights == nil {
		for i := range w {
			w[i] = 1 / float64(n)
		}
		return w, float64(n), n
	}
	for _, v := range weights {
		total += v
	}
	for i, v := range weights {
		w[i] = v / total
		if v > 0 {
			cases++
		}
	}
	return w, total, cases
}

// standardise returns the column with weighted mean zero and variance one. A column whose spread is within
// rounding of its mean counts as constant: it is returned as nil, with scale one.
func standardise(x, w []float64) (z []float64, mean, scale float64) {
	for i, v := range x {
		mean += w[i] * v
	}
	z = make([]float64, len(x))
	var shift, ss, top float64
	for i, v := range x {
		z[i] = v - mean
		shift += w[i] * z[i]
		if w[i] > 0 {
			top = max(top, math.Abs(v))
		}
	}
	mean += shift // a second pass takes out the rounding of the first
	for i, v := range x {
		z[i] = v - mean
		ss += w[i] * z[i] * z[i]
	}
	scale = math.Sqrt(ss)
	if scale <= 1e-13*top || scale == 0 {
		return nil, mean, 1
	}
	for i := range z {
		z[i] /= scale
	}
	return z, mean, scale
}

// live lists the features that are not constant.
func (d *design) live() []int {
	var js []int
	for j, x := range d.x {
		if x != nil {
			js = append(js, j)
		}
	}
	return js
}

// model turns standardised coefficients into those for the columns as given.
func (d *design) model(b0 []float64, b [][]float64, p *Params, lambda float64) *Model {
	m := &Model{Family: p.Family, Alpha: p.Alpha, Lambda: lambda, Intercept: make([]float64, len(b0)), Coef: make([][]float64, len(b0))}
	for k := range b0 {
		m.Coef[k] = make([]float64, d.p)
		m.Intercept[k] = b0[k]
		for j, v := range b[k] {
			if v == 0 {
				continue
			}
			m.Coef[k][j] = v / d.scale[j]
			m.Intercept[k] -= m.Coef[k][j] * d.mean[j]
		}
	}
	if p.Family == Multinomial {
		// A common shift of the intercepts changes no probability; their sum is kept at zero.
		floats.AddConst(-floats.Sum(m.Intercept)/float64(len(b0)), m.Intercept)
	}
	return m
}
