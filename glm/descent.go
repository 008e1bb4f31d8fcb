package glm

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// quad is the problem: minimise ½θᵀ(H+diag l2)θ − cᵀθ + Σ l1|θ|.
type quad struct {
	n         int
	h         []float64 // symmetric, row-major
	c, l1, l2 []float64
	theta     []float64 // start, then solution
}

func newQuad(n int) *quad {
	return &quad{
		n: n, h: make([]float64, n*n),
		c: make([]float64, n), l1: make([]float64, n), l2: make([]float64, n), theta: make([]float64, n),
	}
}

// shiftRHS turns c from the negative gradient of the loss at theta into the linear term of the model.
func (q *quad) shiftRHS() {
	for i := range q.c {
		q.c[i] += floats.Dot(q.h[i*q.n:(i+1)*q.n], q.theta)
	}
}

// slope bounds the change of the objective from old to theta, grad being minus the gradient of the loss at old.
func (q *quad) slope(grad, old []float64) (s float64) {
	for i, t := range q.theta {
		d := t - old[i]
		s += -grad[i]*d + q.l1[i]*(math.Abs(t)-math.Abs(old[i])) + q.l2[i]*old[i]*d
	}
	return s
}

// solve alternates coordinate descent, which finds the support and signs, with the exact solution on that
// support, until the exact solution has the same signs and no other coordinate wants to enter; it tells whether
// it came to that.
func (q *quad) solve(tol float64) (exact bool) {
	if !slices.ContainsFunc(q.l1, func(v float64) bool { return v > 0 }) {
		if q.exact() {
			return true
		}
		q.descend(tol*1e-8, 100000)
		return false
	}
	for range 6 {
		q.descend(tol, 10000)
		if q.exact() && q.optimal() {
			return true
		}
		tol *= 1e-3
	}
	return false
}

// descend runs cyclic coordinate descent until no curvature-weighted squared change exceeds tol.
func (q *quad) descend(tol float64, sweeps int) {
	r := slices.Clone(q.c) // c − Hθ
	for i, t := range q.theta {
		if t != 0 {
			floats.AddScaled(r, -t, q.h[i*q.n:(i+1)*q.n])
		}
	}
	for s := range sweeps {
		all := s%10 == 0 // between whole sweeps only coordinates on the support move
		top := q.pass(r, all)
		if top <= tol {
			if all {
				return
			}
			if q.pass(r, true) <= tol {
				return
			}
		}
	}
}

func (q *quad) pass(r []float64, all bool) (top float64) {
	for i, t := range q.theta {
		if t == 0 && !all {
			continue
		}
		hii := q.h[i*q.n+i]
		if hii+q.l2[i] <= 1e-300 {
			continue
		}
		next := soft(r[i]+hii*t, q.l1[i]) / (hii + q.l2[i])
		if d := next - t; d != 0 {
			q.theta[i] = next
			floats.AddScaled(r, -d, q.h[i*q.n:(i+1)*q.n])
			top = max(top, (hii+q.l2[i])*d*d)
		}
	}
	return top
}

func soft(v, t float64) float64 {
	switch {
	case v > t:
		return v - t
	case v < -t:
		return v + t
	}
	return 0
}

// exact replaces theta by the solution on its support with its signs; false where the system is singular or a
// sign would change, and then theta stays.
func (q *quad) exact() bool {
	var on []int
	for i, t := range q.theta {
		if q.l1[i] == 0 || t != 0 {
			on = append(on, i)
		}
	}
	m := len(on)
	a := make([]float64, m*m)
	v := make([]float64, m)
	for s, i := range on {
		for s2, i2 := range on[:s+1] {
			a[s*m+s2] = q.h[i*q.n+i2]
		}
		a[s*m+s] += q.l2[i]
		v[s] = q.c[i]
		if q.l1[i] > 0 {
			v[s] -= math.Copysign(q.l1[i], q.theta[i])
		}
	}
	if bad := cholesky(a, m, 1e-13); bad >= 0 {
		return false
	}
	cholSolve(a, m, v)
	for s, i := range on {
		if q.l1[i] > 0 && (v[s] == 0 || math.Signbit(v[s]) != math.Signbit(q.theta[i])) {
			return false
		}
	}
	for s, i := range on {
		q.theta[i] = v[s]
	}
	return true
}

// optimal tells whether every coordinate at zero may stay there.
func (q *quad) optimal() bool {
	for i, t := range q.theta {
		if t != 0 || q.l1[i] == 0 {
			continue
		}
		if math.Abs(q.c[i]-floats.Dot(q.h[i*q.n:(i+1)*q.n], q.theta)) > q.l1[i]*(1+1e-10) {
			return false
		}
	}
	return true
}

// cholesky factorises the symmetric matrix in the lower triangle of a into L Lᵀ, in place. It returns -1, or
// the first row whose pivot falls to rel of its diagonal: a linear combination of the rows before it.
func cholesky(a []float64, n int, rel float64) int {
	for i := range n {
		ri := a[i*n : i*n+i+1]
		diag := ri[i]
		for j := range i {
			rj := a[j*n : j*n+j+1]
			ri[j] = (ri[j] - floats.Dot(ri[:j], rj[:j])) / rj[j]
		}
		v := diag - floats.Dot(ri[:i], ri[:i])
		if !(v > rel*diag) || !(v > 0) {
			return i
		}
		ri[i] = math.Sqrt(v)
	}
	return -1
}

// cholSolve solves L Lᵀ x = v in place.
func cholSolve(l []float64, n int, v []float64) {
	for i := range n {
		v[i] = (v[i] - floats.Dot(l[i*n:i*n+i], v[:i])) / l[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		v[i] /= l[i*n+i]
		floats.AddScaled(v[:i], -v[i], l[i*n:i*n+i])
	}
}

// sweep proposes a step from coordinate descent on the residuals of each class in turn, for problems too wide
// for a Newton system. Inner precision follows the outer: a tenth of a percent of the first squared change.
func (f *fitter) sweep(lambda float64, work []int) step {
	st := f.zeroStep(work)
	sizes := make([]float64, f.k)
	// Classes are independent here: each takes the others' margins as they are. For that the softmax curvature
	// diag(p)−ppᵀ is replaced by diag(p), which bounds it from above when all classes move at once.
	each(f.k, float64(f.k*f.d.n*len(work)), func(c int) {
		sizes[c] = f.sweepClass(lambda, work, c, st)
	})
	st.size = floats.Max(sizes)
	st.slope = f.slope(lambda, work, st)
	return st
}

func (f *fitter) sweepClass(lambda float64, work []int, c int, st step) (size float64) {
	omega := make([]float64, f.d.n)
	if f.k == 1 {
		f.weightsOf(c, c, omega)
	} else {
		floats.MulTo(omega, f.d.w, f.prob[c])
	}
	h0 := floats.Sum(omega)
	if h0 <= 1e-300 {
		return 0
	}
	curve := make([]float64, len(work))
	t := make([]float64, f.d.n)
	for a, j := range work {
		curve[a] = floats.Dot(floats.MulTo(t, omega, f.d.x[j]), f.d.x[j])
	}
	r := slices.Clone(f.res[c])
	active := make([]bool, len(work))
	var first float64
	for s := range 1000 {
		all := s%8 == 0
		d0 := floats.Sum(r) / h0
		st.b0[c] += d0
		floats.AddScaled(r, -d0, omega)
		top := h0 * d0 * d0
		for a, j := range work {
			if !all && !active[a] {
				continue
			}
			top = max(top, f.coordinate(lambda, c, j, curve[a], &st.b[c][a], r, omega))
			active[a] = f.b[c][j]+st.b[c][a] != 0
		}
		if s == 0 {
			first = top
		}
		if all && top <= max(f.tol*f.null/4, 1e-3*first) || all && top == 0 {
			break
		}
	}
	size = h0 * st.b0[c] * st.b0[c]
	for a, d := range st.b[c] {
		size = max(size, curve[a]*d*d)
	}
	return size
}

// coordinate minimises over one coefficient and returns its curvature-weighted squared change.
func (f *fitter) coordinate(lambda float64, c, j int, curve float64, d *float64, r, omega []float64) float64 {
	l2 := lambda * f.d.l2[j]
	if curve+l2 <= 1e-300 {
		return 0
	}
	x := f.d.x[j]
	now := f.b[c][j] + *d
	next := soft(floats.Dot(r, x)+curve*now, lambda*f.d.l1[j]) / (curve + l2)
	change := next - now
	if change == 0 {
		return 0
	}
	*d = next - f.b[c][j]
	for i, v := range x {
		r[i] -= change * omega[i] * v
	}
	return (curve + l2) * change * change
}
