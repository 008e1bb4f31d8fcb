package signal

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"

	"galen.dev/fault"
)

// section is a filter of second order: b over a, where a starts with 1.
type section struct{ b, a [3]float64 }

// Filter is a recursive filter as a chain of second-order sections, which keep their precision where one
// polynomial of high order would not.
type Filter struct{ sections []section }

// Band says what a Butterworth filter lets pass.
type Band struct {
	Low, High float64 // Hz; Low 0 = from the lowest on, High 0 = up to the highest
	Order     int     // of the analogue prototype; 0 means 4. A band-pass has twice as many poles.
}

// Butterworth designs a filter for a sampling rate, by the bilinear transform with prewarped edges. At the edges
// it lets pass half of the power, applied once.
func Butterworth(o Band, rate float64) (*Filter, error) {
	order := o.Order
	if order == 0 {
		order = 4
	}
	nyquist := rate / 2
	ok := order > 0 && order <= 16 && o.Low >= 0 && o.High >= 0 && o.Low < nyquist && o.High < nyquist && (o.Low > 0 || o.High > 0) && (o.High == 0 || o.Low < o.High)
	if !ok {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "no filter of order %d passes %g to %g Hz at %g samples in a second", order, o.Low, o.High, rate), "edges lie between 0 and half the rate, %g Hz; the order is 1 to 16", nyquist)
	}
	warp := func(hz float64) float64 { return 4 * math.Tan(math.Pi*hz/rate) } // for a rate of 2
	var poles []complex128
	for k := range order {
		p := -cmplx.Exp(complex(0, math.Pi*float64(2*k-order+1)/float64(2*order)))
		switch low, high := warp(o.Low), warp(o.High); {
		case o.Low == 0:
			poles = append(poles, p*complex(high, 0))
		case o.High == 0:
			poles = append(poles, complex(low, 0)/p)
		default:
			half := p * complex((high-low)/2, 0)
			root := cmplx.Sqrt(half*half - complex(low*high, 0))
			poles = append(poles, half+root, half-root)
		}
	}
	for i, p := range poles {
		poles[i] = (4 + p) / (4 - p)
	}
	f := &Filter{sections: pairPoles(poles)}
	f.zeros(o, rate)
	return f, nil
}

// pairPoles makes sections of conjugate poles, and of real ones two by two.
func pairPoles(poles []complex128) []section {
	var out []section
	var reals []float64
	for _, p := range poles {
		switch {
		case math.Abs(imag(p)) < 1e-10*cmplx.Abs(p):
			reals = append(reals, real(p))
		case imag(p) > 0:
			out = append(out, section{a: [3]float64{1, -2 * real(p), real(p)*real(p) + imag(p)*imag(p)}})
		}
	}
	slices.Sort(reals)
	for ; len(reals) >= 2; reals = reals[2:] {
		out = append(out, section{a: [3]float64{1, -reals[0] - reals[1], reals[0] * reals[1]}})
	}
	if len(reals) == 1 {
		out = append(out, section{a: [3]float64{1, -reals[0], 0}})
	}
	return out
}

// zeros gives each section its zeros, and the whole a gain of 1 at the middle of what passes.
func (f *Filter) zeros(o Band, rate float64) {
	for i := range f.sections {
		s := &f.sections[i]
		switch first := s.a[2] == 0; {
		case o.Low > 0 && o.High > 0:
			s.b = [3]float64{1, 0, -1}
		case o.Low > 0 && first:
			s.b = [3]float64{1, -1, 0}
		case o.Low > 0:
			s.b = [3]float64{1, -2, 1}
		case first:
			s.b = [3]float64{1, 1, 0}
		default:
			s.b = [3]float64{1, 2, 1}
		}
		middle := 0.0
		switch {
		case o.Low > 0 && o.High > 0: // the geometric mean of the warped edges
			middle = rate / math.Pi * math.Atan(math.Sqrt(math.Tan(math.Pi*o.Low/rate)*math.Tan(math.Pi*o.High/rate)))
		case o.Low > 0:
			middle = rate / 2
		}
		g := cmplx.Abs(s.gain(cmplx.Exp(complex(0, 2*math.Pi*middle/rate))))
		for k := range s.b {
			s.b[k] /= g
		}
	}
}

func (s *section) gain(z complex128) complex128 {
	value := func(c [3]float64) complex128 {
		return complex(c[0], 0) + complex(c[1], 0)/z + complex(c[2], 0)/(z*z)
	}
	return value(s.b) / value(s.a)
}

// Gain is the factor by which a sine of a frequency comes out, applied once.
func (f *Filter) Gain(hz, rate float64) float64 {
	g, z := complex(1, 0), cmplx.Exp(complex(0, 2*math.Pi*hz/rate))
	for i := range f.sections {
		g *= f.sections[i].gain(z)
	}
	return cmplx.Abs(g)
}

// Notch designs a filter that takes out one frequency, such as that of the mains; quality is the frequency over
// the width of the notch at half the power, 30 where 0.
func Notch(hz, quality, rate float64) (*Filter, error) {
	if quality == 0 {
		quality = 30
	}
	if !(hz > 0) || hz >= rate/2 || !(quality > 0) {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "no notch at %g Hz of quality %g at %g samples in a second", hz, quality, rate), "a notch lies between 0 and half the rate")
	}
	w := 2 * math.Pi * hz / rate
	g := 1 / (1 + math.Tan(w/quality/2))
	return &Filter{[]section{{b: [3]float64{g, -2 * g * math.Cos(w), g}, a: [3]float64{1, -2 * g * math.Cos(w), 2*g - 1}}}}, nil
}

// Apply filters forwards and backwards, so that nothing is shifted in time, and returns a new slice. The ends are
// continued by their mirror image through the end point. Gaps (NaN) are bridged by lines for the filter and are
// gaps again in what comes out.
func (f *Filter) Apply(x []float64) ([]float64, error) {
	edge := f.edge()
	if len(x) <= edge {
		return nil, fault.Errorf(fault.Data, "%s are too few for this filter, which needs %d", fault.Count(len(x), "sample"), edge+1)
	}
	n := len(x)
	y := make([]float64, n+2*edge)
	if !bridge(y[edge:edge+n], x) {
		return slices.Clone(x), nil // nothing but gap
	}
	first, last := y[edge], y[edge+n-1]
	for k := 1; k <= edge; k++ {
		y[edge-k], y[edge+n-1+k] = 2*first-y[edge+k], 2*last-y[edge+n-1-k]
	}
	f.run(y)
	slices.Reverse(y)
	f.run(y)
	slices.Reverse(y)
	out := y[edge : edge+n : edge+n]
	for i, v := range x {
		if math.IsNaN(v) {
			out[i] = v
		}
	}
	return out, nil
}

// edge is how far the ends are continued: three times the length of the filter.
func (f *Filter) edge() int {
	short := 0
	for i := range f.sections {
		if f.sections[i].a[2] == 0 {
			short++
		}
	}
	return 3 * (2*len(f.sections) + 1 - short)
}

// run filters in place, starting as if the first value had been there for ever.
func (f *Filter) run(y []float64) {
	level := y[0]
	for i := range f.sections {
		s := &f.sections[i]
		b0, b1, b2, a1, a2 := s.b[0], s.b[1], s.b[2], s.a[1], s.a[2]
		g := (b0 + b1 + b2) / (1 + a1 + a2)
		z1 := (b2 - a2*g) * level
		z0 := (b1-a1*g)*level + z1
		level *= g
		for k, v := range y {
			out := b0*v + z0
			z0, z1 = b1*v-a1*out+z1, b2*v-a2*out
			y[k] = out
		}
	}
}

// bridge copies x into y with lines across gaps; at the ends the nearest value is held. It returns false where
// there is no value.
func bridge(y, x []float64) bool {
	copy(y, x)
	last := -1
	for i, v := range x {
		if math.IsNaN(v) {
			continue
		}
		for k := last + 1; k < i; k++ {
			if last < 0 {
				y[k] = v
				continue
			}
			share := float64(k-last) / float64(i-last)
			y[k] = x[last] + share*(v-x[last])
		}
		last = i
	}
	for k := last + 1; last >= 0 && k < len(x); k++ {
		y[k] = x[last]
	}
	return last >= 0
}

// RemoveBaseline subtracts what drifts slowly: the median over 0.2 s, which takes out QRS and P waves, and of that
// the median over 0.6 s, which takes out T waves (de Chazal et al. 2004). Ends are held.
func RemoveBaseline(x []float64, rate float64) ([]float64, error) {
	short, long := int(.2*rate)|1, int(.6*rate)|1
	if short < 3 {
		return nil, fault.Errorf(fault.Usage, "a rate of %g samples in a second is too low to tell a baseline from a beat", rate)
	}
	filled := make([]float64, len(x))
	if !bridge(filled, x) {
		return slices.Clone(x), nil
	}
	drift := Median(Median(filled, short), long)
	out := make([]float64, len(x))
	for i := range out {
		out[i] = x[i] - drift[i]
	}
	return out, nil
}

// Median is the running median over a window of an odd number of samples; at the ends the outermost value is held.
// It panics for an even width.
func Median(x []float64, width int) []float64 {
	if width%2 == 0 {
		panic(fmt.Sprintf("signal: a median over %d samples has no middle", width))
	}
	n, half := len(x), width/2
	out := make([]float64, n)
	if n == 0 {
		return out
	}
	at := func(i int) float64 { return x[min(max(i, 0), n-1)] }
	window := make([]float64, 0, width)
	for i := -half; i <= half; i++ {
		window = append(window, at(i))
	}
	slices.Sort(window)
	for i := range n {
		out[i] = window[half]
		gone, _ := slices.BinarySearch(window, at(i-half))
		window = slices.Delete(window, gone, gone+1)
		next := at(i + half + 1)
		place, _ := slices.BinarySearch(window, next)
		window = slices.Insert(window, place, next)
	}
	return out
}
