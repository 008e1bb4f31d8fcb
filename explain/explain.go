// Package explain says why a predictor gave the risk it gave, how far that explanation can be trusted, and
// whether the case resembles those the predictor was trained on.
//
// Everything works over a function of columns (Predict), not over a kind of model, so that one explanation
// can be held against another: the exact contributions of a tree or of a linear model against sampled Shapley
// values, partial dependence against accumulated local effects. For a patient: Shapley values (Exact, Sample)
// and their faithfulness (Faith). For a model: Permutation, Global, PartialDependence, LocalEffects. For the
// reach of a model: Neighbours.
//
// Sources: Shapley 1953; Štrumbelj and Kononenko, Knowl Inf Syst 2014; Breiman, Machine Learning 2001 and
// Fisher et al., JMLR 2019 (permutation); Friedman, Ann Stat 2001 (partial dependence); Goldstein et al., JCGS
// 2015 (ICE); Apley and Zhu, JRSS B 2020 (ALE); Yeh et al., NeurIPS 2019 (infidelity); Petsiuk et al., BMVC
// 2018 (deletion, insertion); Gower, Biometrics 1971 (distance).
//
// Start reading at Predict. Functions panic when lengths do not match, for that is a defect of the caller.
package explain

import (
	"context"
	"math"

	"galen.dev/fault"
)

// Predict writes the prediction for every row of X, given as X[feature][row] with NaN for missing, into out,
// which has one element for each row. It must not keep or change X, and may be called from one goroutine at a
// time only.
type Predict func(X [][]float64, out []float64)

// batchRows is how many rows are handed to Predict at once: enough to amortise a call, little enough memory.
const batchRows = 4096

// Tolerance is the largest difference between a prediction and its explanation's sum that rounding excuses.
const Tolerance = 1e-9

// CheckAdditivity tells whether contributions add up to the prediction: |base + Σphi − value| must be at most
// Tolerance, or Tolerance times the largest of the numbers where they exceed 1. An explanation that fails is
// not to be shown. The error's kind is Internal.
func CheckAdditivity(phi []float64, base, value float64) error {
	sum, lost, scale := base, 0.0, max(1, math.Abs(base), math.Abs(value))
	for _, p := range phi {
		scale = max(scale, math.Abs(p))
		// Neumaier's sum: the guard must not fail by its own rounding.
		t := sum + p
		if math.Abs(sum) >= math.Abs(p) {
			lost += (sum - t) + p
		} else {
			lost += (p - t) + sum
		}
		sum = t
	}
	if d := math.Abs(sum + lost - value); !(d <= Tolerance*scale) {
		return fault.Errorf(fault.Internal, "contributions miss the prediction by %.3g: the explanation is withheld", d)
	}
	return nil
}

// batch gathers rows for Predict and hands each result to the function given with the row.
type batch struct {
	f    Predict
	X    [][]float64
	out  []float64
	done []func(float64)
	n    int
}

func newBatch(f Predict, features int) *batch {
	b := &batch{f: f, X: make([][]float64, features), out: make([]float64, batchRows), done: make([]func(float64), batchRows)}
	for j := range b.X {
		b.X[j] = make([]float64, batchRows)
	}
	return b
}

// add queues one row; done is called with its prediction at the latest by flush.
func (b *batch) add(row []float64, done func(float64)) {
	for j, v := range row {
		b.X[j][b.n] = v
	}
	b.done[b.n] = done
	if b.n++; b.n == batchRows {
		b.flush()
	}
}

func (b *batch) flush() {
	X := make([][]float64, len(b.X))
	for j := range X {
		X[j] = b.X[j][:b.n]
	}
	if b.n > 0 {
		b.f(X, b.out[:b.n])
	}
	for i := range b.n {
		b.done[i](b.out[i])
	}
	b.n = 0
}

// rowsOf is the number of rows of X; all columns must have it.
func rowsOf(X [][]float64) int {
	if len(X) == 0 {
		return 0
	}
	for _, x := range X {
		if len(x) != len(X[0]) {
			panic("explain: length mismatch")
		}
	}
	return len(X[0])
}

func noRows(what string) error { return fault.Errorf(fault.Usage, "%s of no rows", what) }

// rowOf copies row i of X into dst.
func rowOf(dst []float64, X [][]float64, i int) {
	for j := range X {
		dst[j] = X[j][i]
	}
}

// predictAll predicts in batches, so that a cancelled context is seen soon.
func predictAll(ctx context.Context, f Predict, X [][]float64, out []float64) error {
	part := make([][]float64, len(X))
	for from := 0; from < len(out); from += batchRows {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		to := min(from+batchRows, len(out))
		for j := range X {
			part[j] = X[j][from:to]
		}
		f(part, out[from:to])
	}
	return ctx.Err()
}
