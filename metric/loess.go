package metric

import (
	"math"
	"slices"
)

// This file smooths outcome against risk by loess (Cleveland & Devlin 1988) as Austin & Steyerberg ("The
// Integrated Calibration Index", Statistics in Medicine 2019) do: local quadratic regression, tricube
// weights, span .75, no robustness rounds. Like R's loess, it fits directly only at some vertices and joins them by
// cubic Hermite pieces through the fitted values and slopes, here 21 equally spaced and 21 at quantiles of
// the risks, so that O(vertices × n) bounds the cost. Values are clamped to 0 … 1.

// Span is the share of the cases that each local fit uses.
const Span = .75

const verticesEach = 21

// SmoothPoint is a point of the smooth calibration curve: among patients given this Risk, the share Observed.
type SmoothPoint struct{ Risk, Observed float64 }

// Smooth is how far a smooth calibration curve is from the diagonal, over the patients at hand: ICI is the
// mean distance |observed - risk| (also called Eavg), E50 and E90 its median and 90th percentile, EMax its
// largest. All are in units of probability, 0 (ideal) to 1.
type Smooth struct {
	ICI, E50, E90, EMax float64
	Curve               []SmoothPoint
}

// SmoothCalibration smooths outcomes against risks and summarises the distance. Curve has 101 points equally
// spaced from the smallest to the largest risk. Everything is NaN, and Curve nil, for fewer than 4 rows or one
// class only.
func SmoothCalibration(p []float64, y []bool) Smooth {
	t := newTally(p, y, nil)
	var f loess
	if !f.fit(t) {
		return Smooth{math.NaN(), math.NaN(), math.NaN(), math.NaN(), nil}
	}
	ici, e50, e90, emax := f.distances(t)
	s := Smooth{ICI: ici, E50: e50, E90: e90, EMax: emax}
	lo, hi := t.x[0], t.x[len(t.x)-1]
	for i := range 101 {
		x := lo + (hi-lo)*float64(i)/100
		s.Curve = append(s.Curve, SmoothPoint{x, f.at(x)})
	}
	return s
}

// loess is a fitted smoother. Its slices are reused from fit to fit.
type loess struct {
	vx, value, slope []float64
	dist             []distance
}

type distance struct{ d, w float64 }

// fit places the vertices and fits at each; it is false where a curve is not defined.
func (f *loess) fit(t *tally) bool {
	if t.oneClass() || t.n() < 4 {
		return false
	}
	f.place(t)
	f.value, f.slope = f.value[:0], f.slope[:0]
	for _, x := range f.vx {
		v, s := localQuadratic(t, x, Span*t.n())
		f.value = append(f.value, v)
		f.slope = append(f.slope, s)
	}
	return true
}

// place chooses the vertices: equally spaced ones serve sparse tails, quantiles serve crowds.
func (f *loess) place(t *tally) {
	f.vx = f.vx[:0]
	first, last := 0, len(t.x)-1
	for t.pos[first]+t.neg[first] == 0 {
		first++
	}
	for t.pos[last]+t.neg[last] == 0 {
		last--
	}
	lo, hi := t.x[first], t.x[last]
	for i := range verticesEach {
		f.vx = append(f.vx, lo+(hi-lo)*float64(i)/(verticesEach-1))
	}
	seen, next := 0.0, 1
	for i := first; i <= last && next < verticesEach-1; i++ {
		seen += t.pos[i] + t.neg[i]
		for next < verticesEach-1 && seen >= t.n()*float64(next)/(verticesEach-1) {
			f.vx = append(f.vx, t.x[i])
			next++
		}
	}
	slices.Sort(f.vx)
	// Vertices closer than a thousandth of the range would only make the cubic pieces stiff.
	kept := f.vx[:1]
	for _, x := range f.vx[1:] {
		if x-kept[len(kept)-1] > 1e-3*(hi-lo) {
			kept = append(kept, x)
		}
	}
	kept[len(kept)-1] = hi
	f.vx = kept
}

// localQuadratic fits around x0 with the q nearest cases and returns the value and the slope there.
func localQuadratic(t *tally, x0, q float64) (value, slope float64) {
	lo, hi, h := window(t, x0, q)
	if h == 0 {
		h = 1 // all weight is at x0 itself
	}
	var s [5]float64
	var r [3]float64
	distinct := 0
	for i := lo; i < hi; i++ {
		n := t.pos[i] + t.neg[i]
		if n == 0 {
			continue
		}
		u := (t.x[i] - x0) / h
		w := 1 - math.Abs(u*u*u)
		if w <= 0 {
			continue
		}
		w = w * w * w
		distinct++
		wn, wy := w*n, w*t.pos[i]
		s[0] += wn
		s[1] += wn * u
		s[2] += wn * u * u
		s[3] += wn * u * u * u
		s[4] += wn * u * u * u * u
		r[0] += wy
		r[1] += wy * u
		r[2] += wy * u * u
	}
	c0, c1 := solveLocal(s, r, distinct)
	return c0, c1 / h
}

// window finds the distance h to the q-th nearest case, counting weights, and the values within it. With
// fewer than all distinct values inside, h is the distance of the farthest one needed.
func window(t *tally, x0, q float64) (lo, hi int, h float64) {
	hi, _ = slices.BinarySearch(t.x, x0)
	lo = hi
	for got := 0.0; got < q-1e-9; {
		left, right := math.Inf(1), math.Inf(1)
		if lo > 0 {
			left = x0 - t.x[lo-1]
		}
		if hi < len(t.x) {
			right = t.x[hi] - x0
		}
		var i int
		if left <= right {
			lo--
			i, h = lo, left
		} else {
			i, h = hi, right
			hi++
		}
		got += t.pos[i] + t.neg[i]
	}
	return lo, hi, h
}

// solveLocal solves the normal equations of the highest degree that the distinct values allow.
func solveLocal(s [5]float64, r [3]float64, distinct int) (c0, c1 float64) {
	m := s[1] / s[0]
	v := s[2]/s[0] - m*m // spread of the window
	if distinct < 2 || v <= 1e-12 {
		return r[0] / s[0], 0
	}
	y := r[0] / s[0]
	b := (r[1]/s[0] - m*y) / v
	if distinct < 3 {
		return y - b*m, b
	}
	// The quadratic part is what is left of u² after regressing it on 1 and u.
	k := (s[3]/s[0] - m*s[2]/s[0]) / v
	e := s[2]/s[0] - k*m
	left := s[4]/s[0] - e*s[2]/s[0] - k*s[3]/s[0]
	if left <= 1e-12 {
		return y - b*m, b
	}
	c := (r[2]/s[0] - e*y - k*r[1]/s[0]) / left
	// y + b(u-m) + c(u² - e - k u) at u = 0, and its slope.
	return y - b*m - c*e, b - c*k
}

// at evaluates the curve between the vertices, held constant outside them.
func (f *loess) at(x float64) float64 {
	i, _ := slices.BinarySearch(f.vx, x)
	return f.piece(min(max(i, 1), len(f.vx)-1), x)
}

// piece evaluates the cubic that ends at vertex i.
func (f *loess) piece(i int, x float64) float64 {
	if len(f.vx) == 1 || x <= f.vx[0] {
		return clamp01(f.value[0])
	}
	if x >= f.vx[len(f.vx)-1] {
		return clamp01(f.value[len(f.vx)-1])
	}
	w := f.vx[i] - f.vx[i-1]
	u := (x - f.vx[i-1]) / w
	v := 1 - u
	return clamp01(v*v*(1+2*u)*f.value[i-1] + u*u*(3-2*u)*f.value[i] + u*v*v*w*f.slope[i-1] - u*u*v*w*f.slope[i])
}

func clamp01(x float64) float64 { return math.Min(math.Max(x, 0), 1) }

// distances summarises |curve - risk| over the cases of a tally.
func (f *loess) distances(t *tally) (ici, e50, e90, emax float64) {
	f.dist = f.dist[:0]
	i := 1
	for g, x := range t.x {
		w := t.pos[g] + t.neg[g]
		if w == 0 {
			continue
		}
		for i < len(f.vx)-1 && f.vx[i] < x {
			i++
		}
		d := math.Abs(f.piece(i, x) - x)
		ici += w * d
		emax = math.Max(emax, d)
		f.dist = append(f.dist, distance{d, w})
	}
	e50 = weightedQuantile(f.dist, .5*t.n())
	e90 = weightedQuantile(f.dist, .9*t.n())
	return ici / t.n(), e50, e90, emax
}

// weightedQuantile is the smallest d whose cumulated weight reaches target, by quickselect: sorting 10,000
// distances would dominate a bootstrap round. It reorders ds.
func weightedQuantile(ds []distance, target float64) float64 {
	for len(ds) > 1 {
		pivot := medianOfThree(ds[0].d, ds[len(ds)/2].d, ds[len(ds)-1].d)
		below, equal := 0, 0
		var wBelow, wEqual float64
		for i := range ds {
			switch d := ds[i]; {
			case d.d < pivot:
				ds[i], ds[below+equal] = ds[below+equal], d
				ds[below+equal], ds[below] = ds[below], ds[below+equal]
				below++
				wBelow += d.w
			case d.d == pivot:
				ds[i], ds[below+equal] = ds[below+equal], d
				equal++
				wEqual += d.w
			}
		}
		switch {
		case target <= wBelow:
			ds = ds[:below]
		case target <= wBelow+wEqual || below+equal == len(ds):
			return pivot
		default:
			target -= wBelow + wEqual
			ds = ds[below+equal:]
		}
	}
	return ds[0].d
}

func medianOfThree(a, b, c float64) float64 {
	return math.Max(math.Min(a, b), math.Min(math.Max(a, b), c))
}
