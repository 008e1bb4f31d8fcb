package glm

import "gonum.org/v1/gonum/floats"

// conjugate proposes a Newton step for wide problems without an L1 penalty, from conjugate gradients
// preconditioned by the diagonal: it needs products with the Hessian only, never the Hessian.
func (f *fitter) conjugate(lambda float64, work []int) step {
	d := f.zeroStep(work) // the step
	r := f.descentDirection(lambda, work)
	pre := f.diagonal(lambda, work)
	z := precondition(r, pre)
	v := z.clone()
	rz := r.dot(z)
	first := rz
	// A residual of 1e-4 shrinks the error by as much in each outer step, which is enough; 2·dimension
	// iterations bound the work where rounding spoils conjugacy.
	for range 2 * f.k * (len(work) + 1) {
		if !(rz > 1e-8*first) {
			break
		}
		hv := f.curvatureTimes(lambda, work, v)
		vhv := v.dot(hv)
		if !(vhv > 0) {
			break
		}
		t := rz / vhv
		d.add(t, v)
		r.add(-t, hv)
		z = precondition(r, pre)
		next := r.dot(z)
		v.scale(next / rz)
		v.add(1, z)
		rz = next
	}
	for c := range d.b {
		d.size = max(d.size, pre.b0[c]*d.b0[c]*d.b0[c])
		for a, v := range d.b[c] {
			d.size = max(d.size, pre.b[c][a]*v*v)
		}
	}
	d.slope = f.slope(lambda, work, d)
	return d
}

// pullBack returns Xᵀt over the working features and the sums of t.
func (f *fitter) pullBack(work []int, t [][]float64) step {
	g := f.zeroStep(work)
	for c := range t {
		g.b0[c] = floats.Sum(t[c])
	}
	each(len(work), float64(f.d.n*f.k*len(work)), func(a int) {
		for c := range t {
			g.b[c][a] = floats.Dot(t[c], f.d.x[work[a]])
		}
	})
	return g
}

// descentDirection is minus the gradient of the objective.
func (f *fitter) descentDirection(lambda float64, work []int) step {
	g := f.pullBack(work, f.res)
	for c := range g.b {
		for a, j := range work {
			g.b[c][a] -= lambda * f.d.l2[j] * f.b[c][j]
		}
	}
	return g
}

func (f *fitter) curvatureTimes(lambda float64, work []int, v step) step {
	u := f.marginOf(work, v)
	each(chunks(f.d.n), float64(f.d.n*f.k), func(q int) {
		lo, hi := chunk(f.d.n, q)
		for i := lo; i < hi; i++ {
			var mean float64
			for c := range u {
				mean += f.prob[c][i] * u[c][i]
			}
			for c := range u {
				switch f.p.Family {
				case Gaussian:
					u[c][i] *= f.d.w[i]
				case Binomial:
					u[c][i] *= f.d.w[i] * f.prob[c][i] * (1 - f.prob[c][i])
				case Multinomial:
					u[c][i] = f.d.w[i] * f.prob[c][i] * (u[c][i] - mean)
				}
			}
		}
	})
	out := f.pullBack(work, u)
	for c := range out.b {
		for a, j := range work {
			out.b[c][a] += lambda * f.d.l2[j] * v.b[c][a]
		}
	}
	return out
}

// diagonal of the curvature of the objective; entries too small to divide by become one.
func (f *fitter) diagonal(lambda float64, work []int) step {
	out := f.zeroStep(work)
	omega := make([]float64, f.d.n)
	for c := range out.b {
		f.weightsOf(c, c, omega)
		out.b0[c] = positive(floats.Sum(omega))
		each(len(work), float64(f.d.n*len(work)), func(a int) {
			j := work[a]
			var s float64
			for i, x := range f.d.x[j] {
				s += omega[i] * x * x
			}
			out.b[c][a] = positive(s + lambda*f.d.l2[j])
		})
	}
	return out
}

func positive(v float64) float64 {
	if v > 1e-300 {
		return v
	}
	return 1
}

func precondition(r, pre step) step {
	z := r.clone()
	floats.Div(z.b0, pre.b0)
	for c := range z.b {
		floats.Div(z.b[c], pre.b[c])
	}
	return z
}

func (s step) clone() step { return step{b0: append([]float64(nil), s.b0...), b: clone(s.b)} }

func (s step) dot(o step) float64 {
	v := floats.Dot(s.b0, o.b0)
	for c := range s.b {
		v += floats.Dot(s.b[c], o.b[c])
	}
	return v
}

func (s step) add(t float64, o step) {
	floats.AddScaled(s.b0, t, o.b0)
	for c := range s.b {
		floats.AddScaled(s.b[c], t, o.b[c])
	}
}

func (s step) scale(t float64) {
	floats.Scale(t, s.b0)
	for c := range s.b {
		floats.Scale(t, s.b[c])
	}
}
