package risk

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"galen.dev/assess"
	"galen.dev/explain"
	"galen.dev/fault"
	"galen.dev/glm"
	"galen.dev/tree"
)

// fitted is a model with what makes its numbers fit to act on: recalibration, the interval of a risk, the
// prediction sets and the training cases that a new case is held against.
type fitted struct {
	predictor
	modelFile
	neighbours *explain.Neighbours
}

// modelFile is model.json; docs/format/risk.md describes it. The numbers of the model itself are in model.bin.
type modelFile struct {
	Format  int            `json:"format"`
	Kind    string         `json:"kind"`
	Outcome assess.Outcome `json:"outcome"`
	Options planOptions    `json:"options"`
	Plan    *plan          `json:"plan"`
	Mean    []float64      `json:"mean,omitempty"` // of the linear design's columns: where contributions start

	assess.Readout
	// Background are training cases, encoded, that interventional Shapley values compare with: [column][row].
	Background [][]cell `json:"background,omitempty"`
}

const modelFormat = 1

// cell is a number of an encoded case; missing is NaN, and null in JSON.
type cell float64

func (c cell) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(c)) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(c))
}

func (c *cell) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*c = cell(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(c))
}

// backgroundRows is the customary number of cases to compare with; time grows with it.
const backgroundRows = 100

// background draws the cases that interventional Shapley values compare with.
func background(X [][]float64, seed uint64) [][]cell {
	n := len(X[0])
	rows := rand.New(rand.NewPCG(seed, 1)).Perm(n)[:min(n, backgroundRows)]
	slices.Sort(rows)
	out := make([][]cell, len(X))
	for j := range X {
		for _, i := range rows {
			out[j] = append(out[j], cell(X[j][i]))
		}
	}
	return out
}

// train takes the rows through the whole procedure: choice, fit to all rows, recalibration and prediction
// sets from the held-out predictions of the choice, neighbours.
//
// Calibrator, interval, sets and threshold are fitted to predictions of the models of the folds, and serve the
// model of all rows. That model has seen more cases and is a little better, so that the map errs to the
// cautious side; setting rows apart for it alone would cost more in small cohorts. The choice between
// few kinds by the same predictions makes them a little too good.
func (tr *trainer) train(ctx context.Context, rows []int, kinds []string, seed uint64) (*fitted, *choice, error) {
	c, err := tr.choose(ctx, rows, kinds, seed)
	if err != nil {
		return nil, nil, err
	}
	p := fitPlan(tr.table, rows, tr.cohort.Options)
	cs := tr.cases(p, rows)
	m, err := tr.fit(ctx, c.Chosen, p, cs, seed)
	if err != nil {
		return nil, nil, err
	}
	f := &fitted{predictor: *m, modelFile: modelFile{
		Format: modelFormat, Kind: m.kind, Outcome: tr.cohort.Outcome, Options: tr.cohort.Options, Plan: p, Mean: m.mean,
	}}
	if tr.Interventional && (f.forest != nil || f.boost != nil) {
		f.Background = background(cs.X, seed)
	}
	readout, err := assess.FitReadout(columnsToRows(c.heldOut), cs.Y, cs.Patient, cs.Classes, assess.ReadoutOptions{Calibration: tr.Calibration, Coverage: tr.Coverage, Seed: seed})
	if err != nil {
		return nil, nil, err
	}
	f.Readout = *readout
	f.neighbours, err = explain.NewNeighbours(ctx, cs.X, categories(p), explain.NeighbourOptions{Seed: seed})
	return f, c, err
}

// categories is the plan's categories as explain takes them.
func categories(p *plan) []bool {
	out := make([]bool, len(p.Columns))
	for j := range out {
		out[j] = p.Columns[j].Kind == categoryColumn
	}
	return out
}

func columnsToRows(P [][]float64) [][]float64 {
	rows := make([][]float64, len(P[0]))
	for i := range rows {
		rows[i] = make([]float64, len(P))
		for k := range P {
			rows[i][k] = P[k][i]
		}
	}
	return rows
}

// rowwise turns raw outputs [output][row] into calibrated probabilities of every class, [row][class].
func (f *fitted) rowwise(raw [][]float64) [][]float64 {
	rows := columnsToRows(raw)
	for i := range rows {
		rows[i] = f.Probabilities(rows[i])
	}
	return rows
}

// bytes writes the numbers of the model itself.
func (m *predictor) bytes() ([]byte, error) {
	switch {
	case m.linear != nil:
		return m.linear.MarshalBinary()
	case m.additive != nil:
		return m.additive.MarshalBinary()
	case m.forest != nil:
		return m.forest.MarshalBinary()
	}
	return m.boost.MarshalBinary()
}

// readFitted rebuilds a model from its files. neighbours may be nil where they are not needed.
func readFitted(meta, numbers, neighbours []byte) (*fitted, error) {
	f := &fitted{}
	if err := json.Unmarshal(meta, &f.modelFile); err != nil {
		return nil, fault.Errorf(fault.Corrupt, "reading the model: %w", err)
	}
	if f.Format != modelFormat || f.Plan == nil || f.Sets == nil || len(f.Outcome.Classes) < 2 {
		return nil, fault.WithHint(fault.Errorf(fault.Corrupt, "the model is of format %d, or incomplete", f.Format), "this Galen reads format %d: run the study again", modelFormat)
	}
	f.plan, f.kind, f.mean, f.outputs = f.Plan, f.Kind, f.Mean, 1
	if n := len(f.Outcome.Classes); n > 2 {
		f.outputs = n
	}
	var err error
	switch f.Kind {
	case "logistic":
		f.features = f.plan.linear()
		f.linear = new(glm.Model)
		if err = f.linear.UnmarshalBinary(numbers); err == nil && (f.linear.Features() != len(f.features) || len(f.mean) != len(f.features) || f.linear.Outputs() != f.outputs) {
			err = fault.Errorf(fault.Corrupt, "the regression does not fit the plan")
		}
	case "ebm":
		f.additive = new(glm.Additive)
		if err = f.additive.UnmarshalBinary(numbers); err == nil && (f.additive.Features != len(f.plan.Columns) || f.additive.Outputs() != f.outputs) {
			err = fault.Errorf(fault.Corrupt, "the additive model does not fit the plan")
		}
	case "forest":
		f.forest = new(tree.Forest)
		if err = f.forest.UnmarshalBinary(numbers); err == nil && (f.forest.Features() != len(f.plan.Columns) || f.forest.Outputs() != f.outputs) {
			err = fault.Errorf(fault.Corrupt, "the forest does not fit the plan")
		}
	case "boost":
		f.boost = new(tree.Boost)
		if err = f.boost.UnmarshalBinary(numbers); err == nil && (f.boost.Features() != len(f.plan.Columns) || f.boost.Outputs() != f.outputs) {
			err = fault.Errorf(fault.Corrupt, "the trees do not fit the plan")
		}
	default:
		err = fault.Errorf(fault.Corrupt, "no model is called %q", f.Kind)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	if err := f.Readout.Check(len(f.Outcome.Classes)); err != nil {
		return nil, err
	}
	if neighbours != nil {
		f.neighbours = new(explain.Neighbours)
		if err := f.neighbours.UnmarshalBinary(neighbours); err != nil {
			return nil, fmt.Errorf("reading the neighbours: %w", err)
		}
	}
	return f, nil
}
