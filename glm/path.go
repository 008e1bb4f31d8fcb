package glm

import (
	"context"
	"math"

	"galen.dev/fault"
)

// Path is a sequence of models of falling λ.
type Path struct {
	Lambdas []float64
	Models  []*Model
	Loss    []float64 // weighted mean loss on the training rows (½ squared error, or minus log likelihood)
	Null    float64   // that of the intercept alone; 1 - Loss/Null is the explained deviance
}

// Fit fits one model at Params.Lambda. y holds an outcome for each row. Errors: Usage for parameters, Data
// for rows that cannot be fitted (missing values, one class; for λ 0 also collinear columns and classes that
// are perfectly separated), with every finding; ctx.Err() after cancellation.
func Fit(ctx context.Context, X [][]float64, y []float64, p Params) (*Model, error) {
	k, err := check(X, y, &p)
	if err != nil {
		return nil, err
	}
	d := newDesign(X, len(y), &p)
	if err := d.unpenalised(p.Lambda, &p); err != nil {
		return nil, err
	}
	f := newFitter(d, y, k, &p, tolFit)
	steps, err := f.approach(ctx, p.Lambda)
	if err != nil {
		return nil, err
	}
	for _, l := range steps {
		if err := f.at(ctx, l[0], l[1]); err != nil {
			return nil, err
		}
	}
	m := d.model(f.b0, f.b, &p, p.Lambda)
	if p.Lambda == 0 {
		m.Covariance, err = f.covariance()
	}
	return m, err
}

// FitPath fits a model for each of Params.Lambdas, or for a path of its own (see Params). Errors are as for Fit.
func FitPath(ctx context.Context, X [][]float64, y []float64, p Params) (*Path, error) {
	k, err := check(X, y, &p)
	if err != nil {
		return nil, err
	}
	return fitPath(ctx, X, y, k, &p)
}

func fitPath(ctx context.Context, X [][]float64, y []float64, k int, p *Params) (*Path, error) {
	d := newDesign(X, len(y), p)
	last := 1.0
	if len(p.Lambdas) > 0 {
		last = p.Lambdas[len(p.Lambdas)-1]
	}
	if err := d.unpenalised(last, p); err != nil {
		return nil, err
	}
	f := newFitter(d, y, k, p, tolPath)
	top, err := f.lambdaMax(ctx)
	if err != nil {
		return nil, err
	}
	lambdas, own := p.Lambdas, false
	if len(lambdas) == 0 {
		lambdas, own = f.sequence(top), true
	}
	out := &Path{Null: f.null}
	prev := max(top, lambdas[0])
	for i, l := range lambdas {
		if err := f.at(ctx, l, prev); err != nil {
			return nil, err
		}
		prev = l
		out.Lambdas = append(out.Lambdas, l)
		out.Loss = append(out.Loss, f.loss)
		out.Models = append(out.Models, d.model(f.b0, f.b, p, l))
		if own && i >= 5 && f.null > 0 {
			gain := out.Loss[i-1] - f.loss
			// glmnet's rules: nothing is left to explain, or nothing more is gained.
			if 1-f.loss/f.null > .999 || p.Alpha > 0 && gain < 1e-5*(f.null-f.loss) {
				break
			}
		}
	}
	return out, nil
}

// lambdaMax fits what is not penalised and returns the smallest λ for which that is all.
func (f *fitter) lambdaMax(ctx context.Context) (float64, error) {
	var free []int
	js := f.d.live()
	for _, j := range js {
		if f.d.l1[j] == 0 && f.d.l2[j] == 0 {
			free = append(free, j)
		}
	}
	if len(free) > 0 {
		if err := f.solve(ctx, 0, free); err != nil {
			return 0, err
		}
	}
	var top float64
	for a, g := range f.gradients(js) {
		j := js[a]
		// Ridge has no such λ; glmnet takes that of α = 0.001.
		l1 := f.d.l1[j]
		if f.p.Alpha < 1e-3 && f.d.l2[j] > 0 {
			l1 = f.d.l2[j] * 1e-3
			if f.p.Unstandardised {
				l1 *= f.d.scale[j]
			}
		}
		if l1 > 0 {
			top = max(top, g/l1)
		}
	}
	return top, nil
}

func (f *fitter) sequence(top float64) []float64 {
	n := f.p.PathLength
	if n == 0 {
		n = 100
	}
	ratio := 1e-4
	if f.d.n < f.d.p {
		ratio = 1e-2
	}
	if top == 0 { // nothing to gain from any feature
		return []float64{1}
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = top
		if n > 1 {
			out[i] *= math.Pow(ratio, float64(i)/float64(n-1))
		}
	}
	return out
}

// approach lists (λ, λ before) on the way to a single λ: wide lasso problems come by a short path, so that the
// strong rule keeps the working sets small.
func (f *fitter) approach(ctx context.Context, lambda float64) ([][2]float64, error) {
	direct := [][2]float64{{lambda, math.Inf(1)}}
	if f.p.Alpha == 0 || lambda == 0 || f.d.p*f.k < denseMax {
		return direct, nil
	}
	top, err := f.lambdaMax(ctx)
	if err != nil || top <= lambda {
		return direct, err
	}
	const steps = 10
	var out [][2]float64
	prev := top
	for i := 1; i <= steps; i++ {
		l := top * math.Pow(lambda/top, float64(i)/steps)
		if i == steps {
			l = lambda
		}
		out = append(out, [2]float64{l, prev})
		prev = l
	}
	return out, nil
}

// at finds the optimum for λ from the solution for the λ before it (infinite: not known). The working set
// comes from the strong rule; features that turn out to violate the optimality conditions join it.
func (f *fitter) at(ctx context.Context, lambda, before float64) error {
	js := f.d.live()
	in := make([]bool, f.d.p)
	if lambda*f.p.Alpha == 0 || math.IsInf(before, 1) {
		for _, j := range js {
			in[j] = true
		}
	} else {
		for a, g := range f.gradients(js) {
			j := js[a]
			l1 := f.d.l1[j]
			in[j] = l1 == 0 || f.ever[j] || g >= l1*(2*lambda-before)
		}
	}
	for {
		if err := f.narrow(ctx, lambda, js, in); err != nil {
			return err
		}
		work := chosen(js, in)
		if err := f.solve(ctx, lambda, work); err != nil {
			return err
		}
		for _, j := range work {
			for c := range f.b {
				f.ever[j] = f.ever[j] || f.b[c][j] != 0
			}
		}
		if len(work) == len(js) || !f.admit(js, in, lambda) {
			return nil
		}
	}
}

func chosen(js []int, in []bool) (work []int) {
	for _, j := range js {
		if in[j] {
			work = append(work, j)
		}
	}
	return work
}

// narrow replaces a working set too wide for Newton systems by the support of a rough solution, if that is
// narrow enough: it is quickly solved to full precision, and admit puts back what was left out wrongly.
func (f *fitter) narrow(ctx context.Context, lambda float64, js []int, in []bool) error {
	work := chosen(js, in)
	if f.dense(work) || lambda*f.p.Alpha == 0 {
		return nil
	}
	tol := f.tol
	f.tol = max(tol, 1e-8)
	err := f.solve(ctx, lambda, work)
	f.tol = tol
	if err != nil {
		return err
	}
	var on []int
	for _, j := range work {
		active := f.d.l1[j] == 0
		for c := range f.b {
			active = active || f.b[c][j] != 0
		}
		if active {
			on = append(on, j)
		}
	}
	if f.dense(on) {
		clear(in)
		for _, j := range on {
			in[j] = true
		}
	}
	return nil
}

// admit lets in the features whose gradient exceeds the penalty, and tells whether there were any.
func (f *fitter) admit(js []int, in []bool, lambda float64) (any bool) {
	for a, g := range f.gradients(js) {
		j := js[a]
		if !in[j] && g > lambda*f.d.l1[j]*(1+1e-9) {
			in[j], any = true, true
		}
	}
	return any
}

// unpenalised refuses data for which a fit at λ without a penalty on some columns has no single answer.
func (d *design) unpenalised(lambda float64, p *Params) error {
	var free []int
	for _, j := range d.live() {
		if lambda == 0 || d.l1[j] == 0 && d.l2[j] == 0 {
			free = append(free, j)
		}
	}
	if len(free) == 0 {
		return nil
	}
	if len(free) >= d.cases {
		return fault.WithHint(fault.Refuse("glm: fitting without a penalty", []fault.Finding{{
			Name: "too-few-rows", Severity: fault.Severe, Count: d.cases,
			Message: "as many columns as rows, or more",
		}}), "use a lambda above zero, or fewer columns")
	}
	return d.collinear(free, p)
}
