package glm

import (
	"math"

	"galen.dev/fault"
)

// covariance is the inverse Fisher information of an unpenalised fit, for the columns as given, or nil where
// no degree of freedom is left to estimate a variance.
func (f *fitter) covariance() ([]float64, error) {
	js := f.d.live()
	m := len(js) + 1
	spread := 1 / f.d.total
	if f.p.Family == Gaussian {
		df := f.d.total - float64(m)
		if df <= 0 {
			return nil, nil
		}
		spread *= 2 * f.loss * f.d.total / df
	}
	q := newQuad(f.k * m)
	q.h = f.curvature(js)
	if f.k > 1 {
		f.tie(q, m)
	}
	inv, ok := inverse(q.h, q.n)
	if !ok {
		return nil, fault.Errorf(fault.Data, "glm: the information matrix is singular")
	}
	if f.k > 1 {
		f.untie(inv, q.n, m)
	}
	return f.d.uncentre(inv, f.k, js, spread), nil
}

// untie takes out of the inverse what tie put along the flat directions, which leaves the pseudo-inverse.
func (f *fitter) untie(inv []float64, n, m int) {
	h := f.curvatureDiagonal(m)
	for a := range m {
		for c := range f.k {
			for c2 := range f.k {
				inv[(c*m+a)*n+c2*m+a] -= 1 / (float64(f.k) * h[a])
			}
		}
	}
}

// curvatureDiagonal is the mean over the classes of the diagonal of the loss's Hessian.
func (f *fitter) curvatureDiagonal(m int) []float64 {
	js := f.d.live()
	out := make([]float64, m)
	omega := make([]float64, f.d.n)
	for c := range f.k {
		f.weightsOf(c, c, omega)
		for i, o := range omega {
			out[0] += o / float64(f.k)
			for a, j := range js {
				out[a+1] += o * f.d.x[j][i] * f.d.x[j][i] / float64(f.k)
			}
		}
	}
	return out
}

// inverse of a symmetric positive definite matrix.
func inverse(h []float64, n int) ([]float64, bool) {
	l := append([]float64(nil), h...)
	if cholesky(l, n, 1e-14) >= 0 {
		return nil, false
	}
	out := make([]float64, n*n)
	v := make([]float64, n)
	for i := range n {
		clear(v)
		v[i] = 1
		cholSolve(l, n, v)
		copy(out[i*n:], v)
	}
	for i := range n {
		for j := range i {
			s := (out[i*n+j] + out[j*n+i]) / 2
			out[i*n+j], out[j*n+i] = s, s
		}
	}
	return out, true
}

// uncentre carries a covariance from standardised to given columns: C' = A C Aᵀ with b = b_std/scale and
// b0 = b0_std − Σ mean·b. Constant columns get rows of zeros.
func (d *design) uncentre(c []float64, k int, js []int, spread float64) []float64 {
	m, wide := len(js)+1, d.p+1
	n, dim := k*m, k*wide
	scaleRow := func(i int) float64 {
		if a := i % m; a > 0 {
			return 1 / d.scale[js[a-1]]
		}
		return 1
	}
	for i := range n {
		for i2 := range n {
			c[i*n+i2] *= spread * scaleRow(i) * scaleRow(i2)
		}
	}
	for cls := range k {
		for i := range n {
			for a, j := range js {
				c[cls*m*n+i] -= d.mean[j] * c[(cls*m+a+1)*n+i]
			}
		}
	}
	for cls := range k {
		for i := range n {
			for a, j := range js {
				c[i*n+cls*m] -= d.mean[j] * c[i*n+cls*m+a+1]
			}
		}
	}
	out := make([]float64, dim*dim)
	place := func(i int) int {
		cls, a := i/m, i%m
		if a == 0 {
			return cls * wide
		}
		return cls*wide + js[a-1] + 1
	}
	for i := range n {
		for i2 := range n {
			out[place(i)*dim+place(i2)] = c[i*n+i2]
		}
	}
	// Cancellation may leave a variance of a huge-mean column at minus a rounding error.
	for i := range dim {
		out[i*dim+i] = math.Max(out[i*dim+i], 0)
	}
	return out
}
