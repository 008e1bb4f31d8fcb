package glm

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// hessian is the curvature of the loss on a set of features, kept over steps and path points while it serves:
// it costs O(rows·features²), a gradient only O(rows·features).
type hessian struct {
	work  []int     // features, ascending
	h     []float64 // row-major over (class, intercept or feature)
	stale bool
}

// newton solves the penalised quadratic model of the objective on the working features.
func (f *fitter) newton(lambda float64, work []int) (step, bool) {
	fresh := f.hess.h == nil || (f.hess.stale && f.p.Family != Gaussian) || !contains(f.hess.work, work)
	if fresh {
		wide := slices.Clone(work)
		// The curvature of squared error stays as it is: one Gram matrix serves the whole path.
		if all := f.d.live(); f.p.Family == Gaussian && f.dense(all) {
			wide = all
		}
		f.hess = hessian{work: wide, h: f.curvature(wide)}
	}
	m := len(work) + 1
	q := f.quadratic(lambda, work)
	grad := slices.Clone(q.c)
	q.shiftRHS()
	old := slices.Clone(q.theta)
	exact := q.solve(1e-12 * f.null)
	st := f.zeroStep(work)
	// Squared error is its own quadratic model: one exact step ends at the optimum, up to rounding.
	st.last = exact && f.p.Family == Gaussian && f.tol >= tolPath
	st.slope = q.slope(grad, old)
	for c := range f.k {
		for a := range m {
			i := c*m + a
			d := q.theta[i] - old[i]
			st.size = max(st.size, q.h[i*q.n+i]*d*d)
			if a == 0 {
				st.b0[c] = d
			} else {
				st.b[c][a-1] = d
			}
		}
		if math.IsNaN(floats.Sum(st.b[c]) + st.b0[c]) {
			st.size = math.NaN()
		}
	}
	return st, fresh || f.p.Family == Gaussian
}

// contains tells whether the ascending list a holds all of the ascending list b.
func contains(a, b []int) bool {
	for _, v := range b {
		if _, ok := slices.BinarySearch(a, v); !ok {
			return false
		}
	}
	return true
}

// quadratic writes the model of the objective at the present coefficients; c is minus the gradient of the loss.
func (f *fitter) quadratic(lambda float64, work []int) *quad {
	m := len(work) + 1
	q := newQuad(f.k * m)
	at := make([]int, m) // position in the kept Hessian
	for a, j := range work {
		at[a+1], _ = slices.BinarySearch(f.hess.work, j)
		at[a+1]++
	}
	wide := len(f.hess.work) + 1
	for c := range f.k {
		for a := range m {
			i := c*m + a
			row := f.hess.h[(c*wide+at[a])*f.k*wide:]
			for c2 := range f.k {
				for a2 := range m {
					q.h[i*q.n+c2*m+a2] = row[c2*wide+at[a2]]
				}
			}
		}
	}
	for c := range f.k {
		q.theta[c*m] = f.b0[c]
		q.c[c*m] = floats.Sum(f.res[c])
	}
	each(len(work), float64(f.d.n*f.k*len(work)), func(a int) {
		j := work[a]
		for c := range f.k {
			i := c*m + a + 1
			q.theta[i] = f.b[c][j]
			q.l1[i], q.l2[i] = lambda*f.d.l1[j], lambda*f.d.l2[j]
			q.c[i] = floats.Dot(f.res[c], f.d.x[j])
		}
	})
	if f.k > 1 {
		f.tie(q, m)
	}
	return q
}

// tie adds curvature along "the same for every class", which leaves the probabilities as they are. For
// coefficients without a penalty the loss is flat there; the term keeps their sum over the classes.
func (f *fitter) tie(q *quad, m int) {
	for a := range m {
		if q.l1[a] > 0 || q.l2[a] > 0 {
			continue
		}
		var mean float64
		for c := range f.k {
			mean += q.h[(c*m+a)*q.n+c*m+a] / float64(f.k)
		}
		for c := range f.k {
			for c2 := range f.k {
				q.h[(c*m+a)*q.n+c2*m+a] += mean / float64(f.k)
			}
		}
	}
}

// curvature is the Hessian of the loss over intercept and working features of all classes.
func (f *fitter) curvature(work []int) []float64 {
	m := len(work) + 1
	dim := f.k * m
	h := make([]float64, dim*dim)
	omega := make([]float64, f.d.n)
	for c := range f.k {
		for c2 := range c + 1 {
			f.weightsOf(c, c2, omega)
			g := f.d.gram(omega, work)
			for a := range m {
				for a2 := range m {
					v := g[max(a, a2)*m+min(a, a2)]
					h[(c*m+a)*dim+c2*m+a2] = v
					h[(c2*m+a2)*dim+c*m+a] = v
				}
			}
		}
	}
	return h
}

// weightsOf writes the second derivatives of the loss by the margins of two classes.
func (f *fitter) weightsOf(c, c2 int, omega []float64) {
	each(chunks(f.d.n), float64(f.d.n), func(q int) {
		lo, hi := chunk(f.d.n, q)
		for i := lo; i < hi; i++ {
			switch {
			case f.p.Family == Gaussian:
				omega[i] = f.d.w[i]
			case c == c2:
				omega[i] = f.d.w[i] * f.prob[c][i] * (1 - f.prob[c][i])
			default:
				omega[i] = -f.d.w[i] * f.prob[c][i] * f.prob[c2][i]
			}
		}
	})
}

// gram is the lower triangle of [1 X]ᵀ diag(omega) [1 X] over the working features. Rows are taken in blocks
// that stay in the cache; blocks belong to fixed groups whose sums are added in order.
func (d *design) gram(omega []float64, work []int) []float64 {
	m := len(work) + 1
	const blockRows = 512
	blocks := (d.n + blockRows - 1) / blockRows
	groups := min(blocks, 16)
	part := make([][]float64, groups)
	each(groups, float64(d.n)*float64(m*m), func(q int) {
		g := make([]float64, m*m)
		t := make([]float64, blockRows)
		for b := blocks * q / groups; b < blocks*(q+1)/groups; b++ {
			lo, hi := b*blockRows, min(d.n, (b+1)*blockRows)
			om := omega[lo:hi]
			g[0] += floats.Sum(om)
			for a, j := range work {
				tx := floats.MulTo(t[:hi-lo], om, d.x[j][lo:hi])
				row := g[(a+1)*m:]
				row[0] += floats.Sum(tx)
				for a2, j2 := range work[:a+1] {
					row[a2+1] += floats.Dot(tx, d.x[j2][lo:hi])
				}
			}
		}
		part[q] = g
	})
	for _, g := range part[1:] {
		floats.Add(part[0], g)
	}
	return part[0]
}
