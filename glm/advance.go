package glm

import "math"

// advance applies the pending step to the state and, in the same pass over the rows, sums gradients and
// curvatures into the bins of term next. One pass instead of three is what makes boosting fast: a row's state
// is read and written once for each term.
func (o *booster) advance(next, bins int) {
	for c := range o.hist {
		clear(o.hist[c][:bins])
	}
	var from []uint16
	if o.pending >= 0 {
		from = o.col[o.pending]
	}
	switch o.family {
	case Gaussian:
		o.passNumber(from, o.col[next])
	case Binomial:
		o.passBinary(from, o.col[next])
	default:
		o.settle()
		o.sumClasses(o.col[next])
	}
	o.pending = -1
}

// settle applies the pending step alone.
func (o *booster) settle() {
	if o.pending < 0 {
		return
	}
	for c, state := range o.state {
		f := o.factor[c]
		for i, b := range o.col[o.pending] {
			if o.family == Gaussian {
				state[i] += f[b]
			} else {
				state[i] = clampState(state[i] * f[b])
			}
		}
	}
	o.pending = -1
}

func (o *booster) passBinary(from, to []uint16) {
	hist, f := o.hist[0], o.factor[0]
	state, y, w := o.state[0][:len(to)], o.y[:len(to)], o.w[:len(to)]
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

func (o *booster) passNumber(from, to []uint16) {
	hist, f := o.hist[0], o.factor[0]
	state, y, w := o.state[0][:len(to)], o.y[:len(to)], o.w[:len(to)]
	for i, q := range to {
		if from != nil {
			state[i] += f[from[i]]
		}
		b := &hist[q]
		b.g += w[i] * (y[i] - state[i])
		b.h += w[i]
	}
}

func (o *booster) sumClasses(to []uint16) {
	for i, q := range to {
		var total float64
		for c := range o.state {
			total += o.state[c][i]
		}
		own := int(o.y[i])
		for c := range o.state {
			p := o.state[c][i] / total
			g := -p
			if c == own {
				g++
			}
			b := &o.hist[c][q]
			b.g += o.w[i] * g
			b.h += o.w[i] * p * (1 - p)
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
