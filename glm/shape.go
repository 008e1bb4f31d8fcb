package glm

import "slices"

// cutter proposes steps for one feature: one cut of its bins, with a leaf on
// each side and another for missing values. More leaves a step were found to fit noise.
type cutter struct {
	o     *booster
	order []int    // bins from 1, in the order in which they are cut
	sum   [][]sums // [class][position]: sums of the positions before
	rows  []float64
}

func (o *booster) shapes() stepper {
	s := &cutter{o: o, sum: make([][]sums, o.k)}
	return s.propose
}

func (s *cutter) propose(t, bins int, random bool) {
	o := s.o
	o.quiet(bins)
	s.arrange(t, bins)
	if o.rows[t][0] >= float64(o.p.MinLeaf) {
		for c := range o.k {
			o.step(c, o.hist[c][0], []int{0})
		}
	}
	cut := s.bestCut(bins-1, random)
	if cut == 0 {
		return // a constant would only shift the intercept
	}
	for c := range o.k {
		o.step(c, s.between(c, 0, cut), s.order[:cut])
		o.step(c, s.between(c, cut, bins-1), s.order[cut:])
	}
}

// arrange orders the bins and sums them up. Levels of a category are ordered by the step that each alone would
// take, with which the best cut of a convex loss is among the cuts of the order (Fisher 1958); a curvature of
// one is added so that rare levels stay in the middle.
func (s *cutter) arrange(t, bins int) {
	o := s.o
	s.order = s.order[:0]
	for b := 1; b < bins; b++ {
		s.order = append(s.order, b)
	}
	if o.cats[t] {
		// More than two classes have no single order; rounds take the classes in turn by their largest gradient.
		c := o.loudest(bins)
		key := func(b int) float64 { return o.hist[c][b].g / (o.hist[c][b].h + 1) }
		slices.SortStableFunc(s.order, func(a, b int) int {
			switch ka, kb := key(a), key(b); {
			case ka < kb:
				return -1
			case ka > kb:
				return 1
			}
			return 0
		})
	}
	s.rows = append(s.rows[:0], 0)
	for i, b := range s.order {
		s.rows = append(s.rows, s.rows[i]+o.rows[t][b])
	}
	for c := range s.sum {
		var run sums
		s.sum[c] = append(s.sum[c][:0], run)
		for _, b := range s.order {
			run.g += o.hist[c][b].g
			run.h += o.hist[c][b].h
			s.sum[c] = append(s.sum[c], run)
		}
	}
}

// loudest is the class whose gradients over the bins are largest in sum of squares per curvature.
func (o *booster) loudest(bins int) (class int) {
	var top float64
	for c := range o.k {
		var v float64
		for _, s := range o.hist[c][1:bins] {
			v += s.g * s.g / (s.h + 1)
		}
		if v > top {
			class, top = c, v
		}
	}
	return class
}

func (s *cutter) between(c, lo, hi int) sums {
	a, b := s.sum[c][lo], s.sum[c][hi]
	return sums{b.g - a.g, b.h - a.h}
}

// bestCut finds the position before n at which two leaves gain most over one, or tries one random position;
// 0 = none.
func (s *cutter) bestCut(n int, random bool) (at int) {
	first, last := 1, n-1
	if first > last {
		return 0
	}
	if random {
		first += s.o.rnd.IntN(last)
		last = first
	}
	least := float64(s.o.p.MinLeaf)
	var top float64
	for i := first; i <= last; i++ {
		if s.rows[i] < least {
			continue
		}
		if s.rows[n]-s.rows[i] < least {
			break
		}
		if g := s.gain(i, n); g > top {
			at, top = i, g
		}
	}
	return at
}

// gain is (up to a factor) the fall of the quadratic model of the loss by a cut at i, less that without it.
func (s *cutter) gain(i, n int) (g float64) {
	for c := range s.sum {
		l, r := s.between(c, 0, i), s.between(c, i, n)
		if l.h < minCurvature || r.h < minCurvature {
			continue
		}
		// l.g²/l.h + r.g²/r.h − (l.g+r.g)²/(l.h+r.h), written so that it needs one division and cannot be negative
		d := l.g*r.h - r.g*l.h
		g += d * d / (l.h * r.h * (l.h + r.h))
	}
	return g
}
