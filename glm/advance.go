package glm

import "math"

// advance applies the pending step of term prev (-1: none) to the state of a side and, in the same pass over
// the rows, sums gradients and curvatures into the bins of term next (-1: none). One pass instead of three is
// what makes boosting fast: a row's state is read and written once for each term.
func (o *booster) advance(s *side, prev, next, bins int) {
	var from, to []uint16
	if prev >= 0 {
		from = s.col[prev]
	}
	if next >= 0 {
		to = s.col[next]
		for c := range o.hist {
			clear(o.hist[c][:bins])
		}
	}
	switch {
	case next < 0:
		o.apply(s, from)
	case o.family == Multinomial:
		o.apply(s, from)
		o.sumClasses(s, to)
	case o.family == Binomial:
		o.passBinary(s, from, to)
	default:
		o.passNumber(s, from, to)
	}
}

// apply brings the state up to date.
func (o *booster) apply(s *side, from []uint16) {
	if from == nil {
		return
	}
	for c, state := range s.state {
		f := o.factor[c]
		if o.family == Gaussian {
			for i, b := range from {
				state[i] += f[b]
			}
			continue
		}
		for i, b := range from {
			state[i] = clampState(state[i] * f[b])
		}
	}
}

func (o *booster) passBinary(s *side, from, to []uint16) {
	hist, f := o.hist[0], o.factor[0]
	state, y, w := s.state[0][:len(to)], s.y[:len(to)], s.w[:len(to)]
	if from == nil {
		for i, q := range to {
			p := state[i] / (1 + state[i])
			b := &hist[q]
			b.g += w[i] * (y[i] - p)
			b.h += w[i] * p * (1 - p)
		}
		return
	}
	from = from[:len(to)]
	for i, q := range to {
		e := state[i] * f[from[i]]
		if e > stateMax || e < 1/stateMax {
			e = clampState(e)
		}
		state[i] = e
		p := e / (1 + e)
		b := &hist[q]
		b.g += w[i] * (y[i] - p)
		b.h += w[i] * p * (1 - p)
	}
}

func (o *booster) passNumber(s *side, from, to []uint16) {
	hist, f := o.hist[0], o.factor[0]
	state, y, w := s.state[0][:len(to)], s.y[:len(to)], s.w[:len(to)]
	for i, q := range to {
		if from != nil {
			state[i] += f[from[i]]
		}
		b := &hist[q]
		b.g += w[i] * (y[i] - state[i])
		b.h += w[i]
	}
}

func (o *booster) sumClasses(s *side, to []uint16) {
	for i, q := range to {
		var total float64
		for c := range s.state {
			total += s.state[c][i]
		}
		own := int(s.y[i])
		for c := range s.state {
			p := s.state[c][i] / total
			g := -p
			if c == own {
				g++
			}
			b := &o.hist[c][q]
			b.g += s.w[i] * g
			b.h += s.w[i] * p * (1 - p)
		}
	}
}

// step writes a Newton step for the bins listed, all in one leaf with the sums given for a class.
func (o *booster) step(c int, leaf sums, bins []int) {
	u := o.leafValue(leaf)
	f := u
	if o.family != Gaussian {
		f = math.Exp(u)
	}
	for _, b := range bins {
		o.update[c][b], o.factor[c][b] = u, f
	}
}

// minCurvature is the least curvature of a leaf; below it a Newton step is mostly rounding. It is
// InterpretML's.
const minCurvature = 1e-4

func (o *booster) leafValue(s sums) float64 {
	if s.h < minCurvature {
		return 0
	}
	u := o.p.LearningRate * s.g / s.h
	if o.k > 2 {
		u *= float64(o.k-1) / float64(o.k) // one step of all classes at once, Friedman 2001
	}
	return u
}

// quiet resets the proposal to no change.
func (o *booster) quiet(bins int) {
	still := 1.0
	if o.family == Gaussian {
		still = 0
	}
	for c := range o.k {
		for b := range bins {
			o.update[c][b], o.factor[c][b] = 0, still
		}
	}
}
