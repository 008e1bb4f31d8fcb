package metric

import (
	"math"
	"slices"
	"sort"
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
type SmoothPoint struct {
	Risk     float64 `json:"risk"`
	Observed float64 `json:"observed"`
}

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
	ici, e50, e90, emax := f.distances()
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
	x, n, events     []float64 // distinct risks with cases, their cases and events
	before           []float64 // cases before each risk, and of all
	vx, value, slope []float64
	dist             []distance
}

type distance struct{ d, w float64 }

// fit places the vertices and fits at each; it is false where a curve is not defined.
func (f *loess) fit(t *tally) bool {
	if t.oneClass() || t.n() < 4 {
		return false
	}
	f.compact(t)
	f.place()
	f.value, f.slope = f.value[:0], f.slope[:0]
	for _, x := range f.vx {
		v, s := f.localQuadratic(x, Span*t.n())
		f.value = append(f.value, v)
		f.slope = append(f.slope, s)
	}
	return true
}

// compact drops the risks that a resample left out, a third of them, before 42 passes over the rest.
func (f *loess) compact(t *tally) {
	f.x, f.n, f.events, f.before = f.x[:0], f.n[:0], f.events[:0], append(f.before[:0], 0)
	for i, x := range t.x {
		if n := t.pos[i] + t.neg[i]; n > 0 {
			f.before = append(f.before, f.before[len(f.x)]+n)
			f.x, f.n, f.events = append(f.x, x), append(f.n, n), append(f.events, t.pos[i])
		}
	}
}

// place chooses the vertices: equally spaced ones serve sparse tails, quantiles serve crowds.
func (f *loess) place() {
	f.vx = f.vx[:0]
	last := len(f.x) - 1
	lo, hi, all := f.x[0], f.x[last], f.before[last+1]
	for i := range verticesEach {
		share := float64(i) / (verticesEach - 1)
		at, _ := slices.BinarySearch(f.before[1:], share*all)
		f.vx = append(f.vx, lo+(hi-lo)*share, f.x[min(at, last)])
	}
	slices.Sort(f.vx)
	// Vertices closer than a thousandth of the range would only make the cubic pieces stiff.
	kept := f.vx[:1]
	for _, x := range f.vx[1:] {
		if x-kept[len(kept)-1] > 1e-3*(hi-lo) {
			kept = append(kept, x)
		}
	}
	if hi > lo {
		kept[len(kept)-1] = hi
	}
	f.vx = kept
}

// localQuadratic fits around x0 with the q nearest cases and returns the value and the slope there.
func (f *loess) localQuadratic(x0, q float64) (value, slope float64) {
	lo, hi, h := f.window(x0, q)
	if h == 0 {
		h = 1 // all cases of the window are at x0 itself
	}
	s, r, distinct := f.moments(lo, hi, x0, h)
	if distinct == 0 { // all are at distance h, where the weight is 0
		h *= 1.001
		s, r, distinct = f.moments(lo, hi, x0, h)
	}
	c0, c1 := solveLocal(s, r, distinct)
	return c0, c1 / h
}

// moments sums tricube weights times powers of u = (x - x0) / h, alone and times the events.
func (f *loess) moments(lo, hi int, x0, h float64) (s [5]float64, r [3]float64, distinct int) {
	events, cases := f.events[lo:hi], f.n[lo:hi]
	for i, x := range f.x[lo:hi] {
		u := (x - x0) / h
		uu := u * u
		w := 1 - uu*math.Abs(u)
		if w <= 0 {
			continue
		}
		w = w * w * w
		distinct++
		wn, wy := w*cases[i], w*events[i]
		wu := wn * uu
		s[0] += wn
		s[1] += wn * u
		s[2] += wu
		s[3] += wu * u
		s[4] += wu * uu
		r[0] += wy
		r[1] += wy * u
		r[2] += wy * uu
	}
	return s, r, distinct
}

// window finds the distance h to the q-th nearest case and the risks within it. The count within a distance
// grows with it, so h is the smaller of the first sufficient distances to the left and to the right.
func (f *loess) window(x0, q float64) (lo, hi int, h float64) {
	within := func(d float64) (lo, hi int, enough bool) {
		lo = sort.Search(len(f.x), func(i int) bool { return x0-f.x[i] <= d })
		hi = sort.Search(len(f.x), func(i int) bool { return f.x[i]-x0 > d })
		return lo, hi, f.before[hi]-f.before[lo] >= q-1e-9
	}
	at, _ := slices.BinarySearch(f.x, x0)
	left := sort.Search(at, func(k int) bool { _, _, ok := within(x0 - f.x[at-1-k]); return ok })
	right := sort.Search(len(f.x)-at, func(k int) bool { _, _, ok := within(f.x[at+k] - x0); return ok })
	h = math.Inf(1)
	if left < at {
		h = x0 - f.x[at-1-left]
	}
	if at+right < len(f.x) {
		h = math.Min(h, f.x[at+right]-x0)
	}
	lo, hi, _ = within(h)
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

// distances summarises |curve - risk| over the cases that were fitted.
func (f *loess) distances() (ici, e50, e90, emax float64) {
	f.dist = f.dist[:0]
	i := 1
	for g, x := range f.x {
		w := f.n[g]
		for i < len(f.vx)-1 && f.vx[i] < x {
			i++
		}
		d := math.Abs(f.piece(i, x) - x)
		ici += w * d
		emax = math.Max(emax, d)
		f.dist = append(f.dist, distance{d, w})
	}
	all := f.before[len(f.x)]
	e50 = weightedQuantile(f.dist, .5*all)
	e90 = weightedQuantile(f.dist, .9*all)
	return ici / all, e50, e90, emax
}

// weightedQuantile is the smallest d whose cumulated weight reaches target, by quickselect: sorting 10,000
// distances would dominate a bootstrap round. It reorders ds.
func weightedQuantile(ds []distance, target float64) float64 {
	for len(ds) > 1 {
		pivot := medianOfThree(ds[0].d, ds[len(ds)/2].d, ds[len(ds)-1].d)
		if math.IsNaN(pivot) {
			return pivot
		}
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
