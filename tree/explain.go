package tree

import (
	"context"

	"galen.dev/fault"
)

// An Explainer splits predictions of one model into contributions of its features: Shapley values of the game
// in which features join in random order (Lundberg et al., Nature Machine Intelligence 2020). For every row
// and output, the base and the contributions add up to the explained value, within rounding.
//
// What a feature that has not joined contributes is a choice, and the two customary ones are offered:
//
//   - path-dependent (no background): trees average over both children by their training weight. No data are
//     needed; contributions follow the correlations of the training rows.
//   - interventional (with background rows): the feature takes its values from the background. Contributions
//     then answer "compared with these patients", and features that the model does not use get exactly 0.
//
// Boosting is explained as margins (log odds for Logistic), a forest as probabilities. An Explainer is safe
// for concurrent use.
type Explainer struct {
	e    *ensemble
	base []float64
	path *pathTables
	back *background
}

// Attribution is the explanation of one row.
type Attribution struct {
	Base []float64   // per output: what is predicted when no feature is known
	Phi  [][]float64 // [output][feature]: contribution, in the units of the output
}

// Explainer prepares path-dependent explanations of margins.
func (b *Boost) Explainer() *Explainer { return newPathExplainer(b.ens, b.base) }

// Explainer prepares path-dependent explanations of probabilities or means.
func (f *Forest) Explainer() *Explainer {
	return newPathExplainer(f.ens, make([]float64, f.ens.outputs))
}

// ExplainerAgainst prepares interventional explanations of margins against background rows, given as columns.
// A hundred rows that stand for the patients to compare with are customary; time grows with their number.
func (b *Boost) ExplainerAgainst(background [][]float64) (*Explainer, error) {
	return newBackgroundExplainer(b.ens, b.base, background)
}

// ExplainerAgainst prepares interventional explanations of probabilities or means against background rows.
func (f *Forest) ExplainerAgainst(background [][]float64) (*Explainer, error) {
	return newBackgroundExplainer(f.ens, make([]float64, f.ens.outputs), background)
}

func newPathExplainer(e *ensemble, base []float64) *Explainer {
	x := &Explainer{e: e, base: append([]float64(nil), base...), path: newPathTables(e)}
	x.path.addBase(x.base)
	return x
}

func newBackgroundExplainer(e *ensemble, base []float64, columns [][]float64) (*Explainer, error) {
	if len(columns) != e.features || e.features == 0 {
		return nil, fault.Errorf(fault.Data, "background has %d columns where the model has %d features", len(columns), e.features)
	}
	n := len(columns[0])
	for _, c := range columns {
		if len(c) != n {
			return nil, fault.Errorf(fault.Data, "background columns differ in length")
		}
	}
	if n == 0 {
		return nil, fault.Errorf(fault.Data, "background has no rows")
	}
	x := &Explainer{e: e, base: append([]float64(nil), base...), back: newBackground(e, columns)}
	x.back.addBase(x.base)
	return x, nil
}

// Base is, per output, what is predicted when no feature is known: the training or the background mean.
func (x *Explainer) Base() []float64 { return append([]float64(nil), x.base...) }

// Explain explains one row.
func (x *Explainer) Explain(row []float64) Attribution {
	if len(row) != x.e.features {
		panic("tree: row length mismatch")
	}
	p := x.e.features
	flat := make([]float64, x.e.outputs*p)
	x.explainRows(row, 1, flat)
	a := Attribution{Base: x.Base(), Phi: make([][]float64, x.e.outputs)}
	for k := range a.Phi {
		a.Phi[k] = flat[k*p : (k+1)*p : (k+1)*p]
	}
	return a
}

// shapRows is how many rows one task explains: enough to reuse what is prepared for a tree while it is in
// cache, few enough to share work between threads; fewer where rows are wide.
const shapRows = 64

// ExplainColumns explains many rows as phi[output][feature][row]; the same bits as Explain. It returns
// ctx.Err() soon after cancellation.
func (x *Explainer) ExplainColumns(ctx context.Context, columns [][]float64) (phi [][][]float64, err error) {
	n, p, k := rowCount(columns, x.e.features), x.e.features, x.e.outputs
	phi = make([][][]float64, k)
	for o := range phi {
		phi[o] = make([][]float64, p)
		for f := range phi[o] {
			phi[o][f] = make([]float64, n)
		}
	}
	size := blockOf(shapRows, k*p)
	parallel((n+size-1)/size, func(_, b int) {
		if ctx.Err() != nil {
			return
		}
		from, to := b*size, min((b+1)*size, n)
		rows := make([]float64, (to-from)*p)
		gather(rows, columns, from, to)
		flat := make([]float64, (to-from)*k*p)
		x.explainRows(rows, to-from, flat)
		for o := range phi {
			for f := range phi[o] {
				for i := range to - from {
					phi[o][f][from+i] = flat[(i*k+o)*p+f]
				}
			}
		}
	})
	return phi, ctx.Err()
}

// explainRows fills phi[row][output][feature] for rows in row-major order.
func (x *Explainer) explainRows(rows []float64, n int, phi []float64) {
	if x.path != nil {
		x.path.explain(rows, n, phi)
		return
	}
	x.back.explain(rows, n, phi)
}
