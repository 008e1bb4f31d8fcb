package glm

import (
	"context"
	"fmt"
	"math"

	"galen.dev/fault"
)

// CVResult is the evidence for the choice of λ.
type CVResult struct {
	Lambdas []float64
	Loss    []float64 // mean held-out loss: log loss, or squared error for Gaussian
	SE      []float64 // its standard error over the folds
	Min     int       // index of the lowest loss
	OneSE   int       // index of the largest λ whose loss is within one standard error of the lowest
	Path    *Path     // fitted to all rows
}

// FitCV fits a path to all rows and chooses λ by held-out loss. fold holds for each row the number of its
// fold, 0..F-1; patients with several rows belong into one fold. The model returned is the one at the lowest
// loss, or, with Params.OneSE, the most penalised one whose loss is within one standard error of it.
// Errors are as for Fit; a fold whose remaining rows lack a class is a Data error.
func FitCV(ctx context.Context, X [][]float64, y []float64, fold []int, p Params) (*Model, *CVResult, error) {
	k, err := check(X, y, &p)
	if err != nil {
		return nil, nil, err
	}
	folds, err := checkFolds(fold, y, &p)
	if err != nil {
		return nil, nil, err
	}
	path, err := fitPath(ctx, X, y, k, &p)
	if err != nil {
		return nil, nil, err
	}
	res := &CVResult{Lambdas: path.Lambdas, Path: path}
	loss := make([][]float64, folds)
	weight := make([]float64, folds)
	errs := make([]error, folds)
	each(folds, math.Inf(1), func(q int) {
		loss[q], weight[q], errs[q] = holdOut(ctx, X, y, fold, q, k, &p, path.Lambdas)
	})
	for q, err := range errs {
		if err != nil {
			return nil, nil, fmt.Errorf("fold %d: %w", q, err)
		}
	}
	res.summarise(loss, weight)
	at := res.Min
	if p.OneSE {
		at = res.OneSE
	}
	return path.Models[at], res, nil
}

func checkFolds(fold []int, y []float64, p *Params) (folds int, err error) {
	if len(fold) != len(y) {
		return 0, fault.Errorf(fault.Usage, "glm: %d folds for %d rows", len(fold), len(y))
	}
	for _, q := range fold {
		if q < 0 || q >= len(fold) {
			return 0, fault.Errorf(fault.Usage, "glm: fold %d is not between 0 and the number of rows", q)
		}
		folds = max(folds, q+1)
	}
	weight := make([]float64, folds)
	for i, q := range fold {
		weight[q] += weightOf(p.Weights, i)
	}
	if folds < 2 {
		return 0, fault.Errorf(fault.Usage, "glm: cross-validation needs at least two folds")
	}
	for q, w := range weight {
		if w == 0 {
			return 0, fault.Errorf(fault.Usage, "glm: fold %d is empty", q)
		}
	}
	return folds, nil
}

func weightOf(w []float64, i int) float64 {
	if w == nil {
		return 1
	}
	return w[i]
}

// holdOut fits the path without one fold and returns the mean loss on that fold for each λ.
func holdOut(ctx context.Context, X [][]float64, y []float64, fold []int, q, k int, p *Params, lambdas []float64) ([]float64, float64, error) {
	var in, out []int
	for i, f := range fold {
		if f == q {
			out = append(out, i)
		} else {
			in = append(in, i)
		}
	}
	train := *p
	train.Lambdas = lambdas
	if p.Weights != nil {
		train.Weights = pick(p.Weights, in)
	}
	xs := make([][]float64, len(X))
	for j := range X {
		xs[j] = pick(X[j], in)
	}
	ys := pick(y, in)
	if got, err := check(xs, ys, &train); err != nil {
		return nil, 0, err
	} else if got != k {
		return nil, 0, fault.Refuse("glm: cross-validation", []fault.Finding{{
			Name: "absent-class", Severity: fault.Severe, Column: "outcome",
			Message: "a class occurs in one fold only", Hint: "use stratified folds, fewer folds, or pool rare classes",
		}})
	}
	path, err := fitPath(ctx, xs, ys, k, &train)
	if err != nil {
		return nil, 0, err
	}
	var weight float64
	loss := make([]float64, len(lambdas))
	row := make([]float64, len(X))
	eta := make([]float64, k)
	for _, i := range out {
		w := weightOf(p.Weights, i)
		weight += w
		for j := range X {
			row[j] = X[j][i]
		}
		for l, m := range path.Models {
			m.Margin(row, eta)
			loss[l] += w * caseLoss(p.Family, y[i], eta)
		}
	}
	for l := range loss {
		loss[l] /= weight
	}
	return loss, weight, nil
}

// caseLoss is the squared error (Gaussian) or minus the log likelihood of one row; eta is overwritten.
func caseLoss(f Family, y float64, eta []float64) float64 {
	switch f {
	case Gaussian:
		return (y - eta[0]) * (y - eta[0])
	case Binomial:
		return max(eta[0], 0) + math.Log1p(math.Exp(-math.Abs(eta[0]))) - y*eta[0]
	}
	own := eta[int(y)]
	return softmax(eta) - own
}

func pick[T any](v []T, rows []int) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = v[r]
	}
	return out
}

// summarise averages over the folds by weight; the standard error is that of glmnet: the weighted variance
// of the folds' losses over the number of folds less one.
func (r *CVResult) summarise(loss [][]float64, weight []float64) {
	n := len(r.Lambdas)
	r.Loss, r.SE = make([]float64, n), make([]float64, n)
	var total float64
	for _, w := range weight {
		total += w
	}
	for l := range n {
		for q := range loss {
			r.Loss[l] += weight[q] / total * loss[q][l]
		}
		for q := range loss {
			d := loss[q][l] - r.Loss[l]
			r.SE[l] += weight[q] / total * d * d
		}
		r.SE[l] = math.Sqrt(r.SE[l] / float64(len(loss)-1))
		if r.Loss[l] < r.Loss[r.Min] {
			r.Min = l
		}
	}
	for r.Loss[r.OneSE] > r.Loss[r.Min]+r.SE[r.Min] {
		r.OneSE++
	}
}
