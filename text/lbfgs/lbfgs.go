// Package lbfgs minimises smooth convex functions of many numbers, such as the penalised likelihoods of package linear
// and of package crf: the limited-memory method of Liu and Nocedal (Mathematical Programming 45, 1989) with a line
// search that backtracks to the Wolfe conditions (Nocedal and Wright, Numerical Optimization, 2006, ch. 3 and 7).
//
// Sums run in a fixed order, so that the same function and start give the same bits.
package lbfgs

import (
	"context"
	"math"

	"galen.dev/fault"
)

// Options of Minimise. The zero value is good for likelihoods.
type Options struct {
	History    int     // pairs that the curvature is known from; 0 means 8
	Iterations int     // at most; 0 means 200
	Tolerance  float64 // stop when the value falls by less than this share in five iterations; 0 means 1e-5
	Progress   func(done, most int)
}

// Function gives the value at x and writes the gradient.
type Function func(x, gradient []float64) float64

// Minimise walks x to a minimum of f and returns the value there. A value that is not finite at the start is a Data
// error; ctx is looked at before each evaluation.
func Minimise(ctx context.Context, f Function, x []float64, o Options) (float64, error) {
	if o.History == 0 {
		o.History = 8
	}
	if o.Iterations == 0 {
		o.Iterations = 200
	}
	if o.Tolerance == 0 {
		o.Tolerance = 1e-5
	}
	n := len(x)
	g, d, next, gNext := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	value := f(x, g)
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return value, fault.Errorf(fault.Data, "the likelihood is not finite at the start")
	}
	var m memory
	past := []float64{value}
	for it := range o.Iterations {
		if o.Progress != nil {
			o.Progress(it, o.Iterations)
		}
		if norm(g) <= 1e-9*math.Max(1, norm(x)) {
			break
		}
		m.direction(g, d)
		slope := dot(g, d)
		if !(slope < 0) { // the memory has gone bad by rounding: go downhill anew
			m = memory{}
			m.direction(g, d)
			slope = dot(g, d)
		}
		step := 1.0
		if len(m.s) == 0 {
			step = 1 / math.Max(1, norm(g))
		}
		low, high := 0.0, math.Inf(1)
		found := false
		var v float64
		for range 30 {
			if err := ctx.Err(); err != nil {
				return value, err
			}
			for i := range next {
				next[i] = x[i] + step*d[i]
			}
			v = f(next, gNext)
			switch {
			case !(v <= value+1e-4*step*slope):
				high = step
			case dot(gNext, d) < .9*slope:
				low = step
			default:
				found = true
			}
			if found {
				break
			}
			if step = (low + high) / 2; math.IsInf(high, 1) {
				step = 2 * low
			}
		}
		if !found && !(v < value) {
			break // rounding hides any further fall
		}
		m.add(x, next, g, gNext, o.History)
		copy(x, next)
		g, gNext = gNext, g
		value = v
		past = append(past, value)
		if k := len(past) - 6; k >= 0 && past[k]-value <= o.Tolerance*math.Max(math.Abs(value), 1e-12) {
			break
		}
	}
	return value, nil
}

// memory holds steps s and changes of the gradient y, oldest first.
type memory struct {
	s, y [][]float64
	rho  []float64
}

func (m *memory) add(x, next, g, gNext []float64, most int) {
	s, y := make([]float64, len(x)), make([]float64, len(x))
	for i := range s {
		s[i], y[i] = next[i]-x[i], gNext[i]-g[i]
	}
	sy := dot(s, y)
	if !(sy > 1e-12*norm(s)*norm(y)) {
		return
	}
	if len(m.s) == most {
		m.s, m.y, m.rho = m.s[1:], m.y[1:], m.rho[1:]
	}
	m.s, m.y, m.rho = append(m.s, s), append(m.y, y), append(m.rho, 1/sy)
}

// direction is minus the inverse Hessian, as far as the memory knows it, times g.
func (m *memory) direction(g, d []float64) {
	for i := range d {
		d[i] = -g[i]
	}
	k := len(m.s)
	if k == 0 {
		return
	}
	alpha := make([]float64, k)
	for j := k - 1; j >= 0; j-- {
		alpha[j] = m.rho[j] * dot(m.s[j], d)
		axpy(-alpha[j], m.y[j], d)
	}
	scale := 1 / (m.rho[k-1] * dot(m.y[k-1], m.y[k-1]))
	for i := range d {
		d[i] *= scale
	}
	for j := range k {
		axpy(alpha[j]-m.rho[j]*dot(m.y[j], d), m.s[j], d)
	}
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func axpy(c float64, x, y []float64) {
	for i := range x {
		y[i] += c * x[i]
	}
}

func norm(a []float64) float64 { return math.Sqrt(dot(a, a)) }
