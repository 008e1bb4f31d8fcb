package glm

import (
	"fmt"
	"math"
	"strings"

	"galen.dev/fault"
	"gonum.org/v1/gonum/floats"
)

// collinear refuses unpenalised columns that are linear combinations of columns before them, naming these.
func (d *design) collinear(free []int, p *Params) error {
	m := len(free)
	g := d.gram(d.w, free)
	var fs []fault.Finding
	var kept []int // positions in free
	l := make([]float64, m*m)
	for a := range free {
		v := l[len(kept)*m : len(kept)*m+len(kept)]
		for s, b := range kept {
			v[s] = (g[(a+1)*(m+1)+b+1] - floats.Dot(v[:s], l[s*m:s*m+s])) / l[s*m+s]
		}
		diag := g[(a+1)*(m+1)+a+1]
		// 1e-11 of the variance left is a column that differs from the others in its sixth digit.
		if rest := diag - floats.Dot(v, v); rest > 1e-11*diag {
			l[len(kept)*m+len(kept)] = math.Sqrt(rest)
			kept = append(kept, a)
			continue
		}
		var with []string
		for s := len(kept) - 1; s >= 0; s-- {
			for s2 := s + 1; s2 < len(kept); s2++ {
				v[s] -= l[s2*m+s] * v[s2]
			}
			v[s] /= l[s*m+s]
		}
		for s, b := range kept {
			if math.Abs(v[s]) > 1e-6 && len(with) < fault.MaxRows {
				with = append(with, p.name(free[b]))
			}
		}
		fs = append(fs, fault.Finding{
			Name: "collinear-column", Severity: fault.Severe, Column: p.name(free[a]),
			Message: "is a linear combination of " + strings.Join(with, ", "),
			Hint:    "drop one of them, or use a lambda above zero",
		})
	}
	return fault.Refuse("glm: fitting without a penalty", fs)
}

// separates tells whether a step, reduced to what is not penalised, is a direction along which the likelihood
// of no row falls and that of some row grows: then it grows without end and has no maximum (Albert and
// Anderson, "On the existence of maximum likelihood estimates in logistic regression models", Biometrika
// 71(1), 1984). Newton steps on separated data turn into such directions.
func (f *fitter) separates(lambda float64, work []int, st step) bool {
	if f.p.Family == Gaussian {
		return false
	}
	delta := f.marginOf(work, f.openPart(lambda, work, st))
	var low, high float64
	for i, y := range f.y {
		if f.d.w[i] == 0 {
			continue
		}
		if f.k == 1 {
			v := delta[0][i] * (2*y - 1)
			low, high = min(low, v), max(high, v)
			continue
		}
		for c := range delta {
			v := delta[int(y)][i] - delta[c][i]
			low, high = min(low, v), max(high, v)
		}
	}
	// A step of 1e-3 or more in some margin: smaller ones end the iteration by themselves.
	return high > 1e-3 && -low <= 1e-5*high
}

// openPart is the step with the penalised coordinates at rest.
func (f *fitter) openPart(lambda float64, work []int, st step) step {
	out := step{b0: st.b0, b: rect(f.k, len(work))}
	for a, j := range work {
		if lambda*f.d.l1[j] == 0 && lambda*f.d.l2[j] == 0 {
			for c := range out.b {
				out.b[c][a] = st.b[c][a]
			}
		}
	}
	return out
}

func (f *fitter) separation(lambda float64, work []int, st step) error {
	open := f.openPart(lambda, work, st)
	var top float64
	size := make([]float64, len(work))
	for a := range work {
		for c := range open.b {
			size[a] = max(size[a], math.Abs(open.b[c][a]))
		}
		top = max(top, size[a])
	}
	var fs []fault.Finding
	for a, j := range work {
		if size[a] > 1e-3*top {
			fs = append(fs, fault.Finding{
				Name: "perfect-separation", Severity: fault.Severe, Column: f.p.name(j),
				Message: "takes part in separating the classes perfectly",
			})
		}
	}
	err := fault.Refuse(fmt.Sprintf("glm: %s regression without a penalty has no finite solution", f.p.Family), fs)
	return fault.WithHint(err, "use a lambda above zero; or check whether a column was recorded after the outcome")
}
