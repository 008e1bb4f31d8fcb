package glm

import (
	"context"
	"math"

	"galen.dev/fault"
	"gonum.org/v1/gonum/floats"
)

// fitter is the state of a fit: standardised coefficients and, for them, margins, residuals and loss.
type fitter struct {
	d *design
	p *Params
	y []float64
	k int // margins

	b0   []float64
	b    [][]float64 // [class][feature]
	ever []bool      // features that were active at some λ of the path

	eta, prob, res [][]float64 // [class][row]; res = w (y - prob), minus the gradient of the loss by eta
	loss           float64     // weighted mean
	null           float64     // loss of the intercept alone: the yardstick of convergence
	tol            float64     // bound on the squared Newton step, as a share of null

	hess  hessian
	grads []float64 // of gradients, while the residuals stay as they are
}

// Bounds on the squared step: single fits are to agree with other programs to the last printed digit, points
// of a path need no more than their share of a standard error.
const (
	tolFit  = 1e-20
	tolPath = 1e-12
)

// denseMax is the largest Newton system that is built and factorised; beyond it, coordinate descent works on
// residuals, which costs O(rows) for each coordinate but no Gram matrix.
const denseMax = 400

func newFitter(d *design, y []float64, k int, p *Params, tol float64) *fitter {
	f := &fitter{d: d, p: p, y: y, k: k, tol: tol, ever: make([]bool, d.p)}
	f.b0 = make([]float64, k)
	f.b, f.eta, f.prob, f.res = rect(k, d.p), rect(k, d.n), rect(k, d.n), rect(k, d.n)
	f.startIntercept()
	for c := range f.eta {
		for i := range f.eta[c] {
			f.eta[c][i] = f.b0[c]
		}
	}
	f.refresh()
	f.null = f.loss
	return f
}

func rect(k, n int) [][]float64 {
	out := make([][]float64, k)
	for i := range out {
		out[i] = make([]float64, n)
	}
	return out
}

// startIntercept sets the intercepts to the best ones without features.
func (f *fitter) startIntercept() {
	share := make([]float64, max(f.k, 2))
	for i, y := range f.y {
		if f.p.Family == Gaussian {
			f.b0[0] += f.d.w[i] * y
		} else {
			share[int(y)] += f.d.w[i]
		}
	}
	switch f.p.Family {
	case Binomial:
		f.b0[0] = math.Log(share[1] / share[0])
	case Multinomial:
		for c := range f.b0 {
			f.b0[c] = math.Log(share[c])
		}
		floats.AddConst(-floats.Sum(f.b0)/float64(f.k), f.b0)
	}
}

// refresh computes means, residuals and the loss from the margins.
func (f *fitter) refresh() {
	f.grads = nil
	part := make([]float64, chunks(f.d.n))
	each(len(part), float64(f.d.n*f.k)*20, func(c int) {
		lo, hi := chunk(f.d.n, c)
		part[c] = f.refreshRows(lo, hi)
	})
	f.loss = floats.Sum(part)
}

func (f *fitter) refreshRows(lo, hi int) (loss float64) {
	switch f.p.Family {
	case Gaussian:
		for i := lo; i < hi; i++ {
			r := f.y[i] - f.eta[0][i]
			f.res[0][i] = f.d.w[i] * r
			loss += f.d.w[i] * r * r / 2
		}
	case Binomial:
		for i := lo; i < hi; i++ {
			eta := f.eta[0][i]
			e := math.Exp(-math.Abs(eta))
			q := 1 / (1 + e)
			pr := q
			if eta < 0 {
				pr = e * q
			}
			f.prob[0][i] = pr
			f.res[0][i] = f.d.w[i] * (f.y[i] - pr)
			loss += f.d.w[i] * (max(eta, 0) + math.Log1p(e) - f.y[i]*eta)
		}
	case Multinomial:
		v := make([]float64, f.k)
		for i := lo; i < hi; i++ {
			for c := range v {
				v[c] = f.eta[c][i]
			}
			own := int(f.y[i])
			etaOwn := v[own]
			loss += f.d.w[i] * (softmax(v) - etaOwn)
			for c, pr := range v {
				f.prob[c][i] = pr
				f.res[c][i] = -f.d.w[i] * pr
			}
			f.res[own][i] += f.d.w[i]
		}
	}
	return loss
}

func (f *fitter) penalty(lambda float64, b [][]float64) (s float64) {
	for _, bk := range b {
		for j, v := range bk {
			if v != 0 {
				s += lambda * (f.d.l1[j]*math.Abs(v) + f.d.l2[j]*v*v/2)
			}
		}
	}
	return s
}

// step is a proposed change of the working coefficients.
type step struct {
	b0   []float64
	b    [][]float64 // [class][position in work]
	size float64     // largest curvature-weighted squared change
	// slope bounds the change of the objective along the step: negative for a descent direction.
	slope float64
	last  bool // no further step is needed
}

func (f *fitter) zeroStep(work []int) step {
	return step{b0: make([]float64, f.k), b: rect(f.k, len(work))}
}

// solve finds the optimum over the working features, all others staying as they are (zero).
func (f *fitter) solve(ctx context.Context, lambda float64, work []int) error {
	limit := f.p.MaxIter
	if limit == 0 {
		limit = 100
	}
	dense := f.dense(work)
	if !dense && lambda*f.p.Alpha > 0 {
		limit *= 10 // coordinate descent is cheap but converges linearly
	}
	prev := math.Inf(1)
	for it := range limit {
		if err := ctx.Err(); err != nil {
			return err
		}
		var st step
		fresh := true
		switch {
		case dense:
			st, fresh = f.newton(lambda, work)
		case lambda*f.p.Alpha == 0:
			st = f.conjugate(lambda, work)
		default:
			st = f.sweep(lambda, work)
		}
		if math.IsNaN(st.size) {
			return fault.Errorf(fault.Internal, "glm: a Newton step is not a number")
		}
		moved := f.move(lambda, work, st)
		if it >= 9 && f.separates(lambda, work, st) {
			return f.separation(lambda, work, st)
		}
		// After a true Newton step the error is of the order of the squared step.
		done := st.size <= f.tol*f.null || fresh && dense && st.size <= 1e-12*f.null
		// Near the optimum rounding, not the model, bounds the step. Coordinate descent alone converges slowly;
		// only a step that grows shows the bound there.
		stalled := fresh && st.size <= 1e-13*f.null && (st.size >= prev || dense && st.size >= prev/4 || !moved)
		if done || stalled || st.last && moved {
			return nil
		}
		if !moved && fresh && dense {
			// No descent along a true Newton direction: the objective is flat to rounding.
			if st.size <= 1e-7*f.null {
				return nil
			}
			return f.unsettled(lambda, work, st)
		}
		// A kept Hessian pays while steps shrink fast; else the next step gets a fresh one.
		if !moved || st.size > prev/30 {
			f.hess.stale = true
		}
		prev = st.size
	}
	return f.unsettled(lambda, work, step{})
}

func (f *fitter) dense(work []int) bool { return f.k*(len(work)+1) <= denseMax }

func (f *fitter) unsettled(lambda float64, work []int, st step) error {
	if st.b != nil && f.separates(lambda, work, st) {
		return f.separation(lambda, work, st)
	}
	err := fault.Errorf(fault.Data, "glm: %s regression did not converge at lambda %.3g", f.p.Family, lambda)
	return fault.WithHint(err, "use a larger lambda, allow more iterations, or look for a column that separates the classes")
}

// move takes the step, halved until the objective falls enough, and tells whether it moved.
func (f *fitter) move(lambda float64, work []int, st step) bool {
	before := f.loss + f.penalty(lambda, f.b)
	slope := min(st.slope, 0)
	old := clone(f.eta)
	oldB0, oldB := append([]float64(nil), f.b0...), clone(f.b)
	delta := f.marginOf(work, st)
	slack := 1e-14 * (math.Abs(before) + f.null)
	for t := 1.0; t > 1e-10; t /= 2 {
		for c := range f.eta {
			floats.AddScaledTo(f.eta[c], old[c], t, delta[c])
			f.b0[c] = oldB0[c] + t*st.b0[c]
			for a, j := range work {
				f.b[c][j] = oldB[c][j] + t*st.b[c][a]
				// A full step may land on zero exactly; rounding must not blur that.
				if t == 1 && st.b[c][a] == -oldB[c][j] {
					f.b[c][j] = 0
				}
			}
		}
		f.refresh()
		if f.loss+f.penalty(lambda, f.b) <= before+1e-4*t*slope+slack {
			return true
		}
	}
	f.eta, f.b0, f.b = old, oldB0, oldB
	f.refresh()
	return false
}

// slope computes step.slope.
func (f *fitter) slope(lambda float64, work []int, st step) (s float64) {
	for c := range f.b0 {
		s -= st.b0[c] * floats.Sum(f.res[c])
		for a, j := range work {
			v, db := f.b[c][j], st.b[c][a]
			if db == 0 {
				continue
			}
			s -= db * floats.Dot(f.res[c], f.d.x[j])
			s += lambda * (f.d.l1[j]*(math.Abs(v+db)-math.Abs(v)) + f.d.l2[j]*v*db)
		}
	}
	return s
}

// marginOf is the change of the margins that a whole step makes.
func (f *fitter) marginOf(work []int, st step) [][]float64 {
	delta := rect(f.k, f.d.n)
	each(chunks(f.d.n), float64(f.d.n*f.k*len(work)), func(q int) {
		lo, hi := chunk(f.d.n, q)
		for c := range delta {
			out := delta[c][lo:hi]
			floats.AddConst(st.b0[c], out)
			for a, j := range work {
				if v := st.b[c][a]; v != 0 {
					floats.AddScaled(out, v, f.d.x[j][lo:hi])
				}
			}
		}
	})
	return delta
}

func clone(v [][]float64) [][]float64 {
	out := make([][]float64, len(v))
	for i := range v {
		out[i] = append([]float64(nil), v[i]...)
	}
	return out
}

// gradients returns, for each feature of js (those that are not constant), the largest |gradient of the loss|
// over the classes. The end of one path point and the start of the next ask for the same.
func (f *fitter) gradients(js []int) []float64 {
	if f.grads != nil {
		return f.grads
	}
	g := make([]float64, len(js))
	each(len(js), float64(len(js)*f.d.n*f.k), func(a int) {
		for c := range f.res {
			g[a] = max(g[a], math.Abs(floats.Dot(f.res[c], f.d.x[js[a]])))
		}
	})
	f.grads = g
	return g
}
