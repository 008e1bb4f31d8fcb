package risk

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sort"
	"sync"

	"galen.dev/tree"
)

// attributor splits predictions of a model into what each column of cases adds: exact coefficients for
// linear and additive models, TreeSHAP for trees. Contributions are on the scale of the model before
// recalibration: log odds, or probability for the forest.
type attributor struct {
	f       *fitted
	trees   *tree.Explainer
	typical []float64
}

func newAttributor(f *fitted) (*attributor, error) {
	a := &attributor{f: f, typical: f.plan.typical()}
	var err error
	switch columns := backgroundColumns(f.Background); {
	case f.forest != nil && columns != nil:
		a.trees, err = f.forest.ExplainerAgainst(columns)
	case f.forest != nil:
		a.trees = f.forest.Explainer()
	case f.boost != nil && columns != nil:
		a.trees, err = f.boost.ExplainerAgainst(columns)
	case f.boost != nil:
		a.trees = f.boost.Explainer()
	}
	return a, err
}

func backgroundColumns(cells [][]cell) [][]float64 {
	var out [][]float64
	for _, c := range cells {
		x := make([]float64, len(c))
		for i, v := range c {
			x[i] = float64(v)
		}
		out = append(out, x)
	}
	return out
}

// scale names the scale of contributions.
func (a *attributor) scale() string {
	if a.f.forest != nil {
		return "probability"
	}
	return "log odds"
}

// attribution is one explanation: base and contributions add up to value, the model's output for the case.
type attribution struct {
	base, value float64
	phi         []float64 // for each column of the plan
}

// output is one output of the model for an encoded case, on the scale of contributions.
func (a *attributor) output(row []float64, output int) float64 {
	f := a.f
	if f.forest != nil {
		return f.forest.Predict(row)[output]
	}
	if f.boost != nil {
		return f.boost.Margin(row)[output]
	}
	out := make([]float64, f.outputs)
	if f.linear != nil {
		f.linear.Margin(f.linearRow(row), out)
	} else {
		f.additive.Margin(row, out)
	}
	return out[output]
}

// explain explains one output of one encoded case.
func (a *attributor) explain(row []float64, output int) attribution {
	f := a.f
	x := attribution{value: a.output(row, output), phi: make([]float64, len(f.plan.Columns))}
	switch {
	case f.linear != nil:
		parts, base := f.linear.Contributions(output, f.linearRow(row), f.mean)
		x.base = base
		for k := range parts {
			x.phi[f.features[k].Column] += parts[k]
		}
	case f.additive != nil:
		parts, base := f.additive.Contributions(output, row)
		x.base, x.phi = base, f.additive.PerFeature(parts) // a pair's share is halved between its columns
	default:
		t := a.trees.Explain(row)
		x.base, x.phi = t.Base[output], t.Phi[output]
	}
	return x
}

// hidden bounds how many columns faithfulness hides: what lies beyond the ten largest contributions is small.
const hidden = 10

// faithfulness tells how well the contributions describe what the model does, from -1 to 1. The columns are
// hidden one after the other, by a typical value: once from the largest contribution down, once in the
// opposite order. If the contributions are right, the output leaves its value at once the first way and late
// the other way. The result is the difference of the two mean changes as a share of the whole change (the
// deletion curve of Petsiuk et al. 2018, against its reverse); 0 is no better than chance. It is NaN where
// hiding changes nothing.
func (a *attributor) faithfulness(row []float64, x attribution, output int) float64 {
	order := make([]int, len(row))
	for j := range order {
		order[j] = j
	}
	sort.SliceStable(order, func(i, j int) bool { return math.Abs(x.phi[order[i]]) > math.Abs(x.phi[order[j]]) })
	order = order[:min(hidden, len(order))]
	down := a.hide(row, order, output)
	slices.Reverse(order)
	up := a.hide(row, order, output)
	whole := x.value - down[len(down)-1]
	if math.Abs(whole) < 1e-12 { // rounding, not change
		return nan
	}
	sum, most := 0.0, 0.0
	for k := range down[:len(down)-1] { // the last is the same both ways
		sum += (up[k] - down[k]) / whole
		most++
	}
	if most == 0 {
		return nan
	}
	return math.Max(-1, math.Min(1, sum/most))
}

// hide gives the output after hiding one column after the other.
func (a *attributor) hide(row []float64, order []int, output int) []float64 {
	row = slices.Clone(row)
	out := make([]float64, len(order))
	for k, j := range order {
		row[j] = a.typical[j]
		out[k] = a.output(row, output)
	}
	return out
}

// all explains an output of many encoded cases, phi[row][column], on all processors; rows do not depend on
// each other, so the result does not depend on their number.
func (a *attributor) all(ctx context.Context, X [][]float64, output int) ([]attribution, error) {
	n := 0
	if len(X) > 0 {
		n = len(X[0])
	}
	out := make([]attribution, n)
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			row := make([]float64, len(X))
			for i := w; i < n && ctx.Err() == nil; i += workers {
				for j := range X {
					row[j] = X[j][i]
				}
				out[i] = a.explain(row, output)
			}
		})
	}
	wg.Wait()
	return out, ctx.Err()
}
