package risk

import (
	"context"
	"fmt"
	"math"
	"slices"

	"galen.dev/explain"
	"galen.dev/metric"
)

// maxExplained bounds the test cases that importance is measured on. Shapley values of a forest take
// milliseconds a case, and five hundred cases settle the order of columns.
const maxExplained = 500

// explained draws the test cases that importance is measured on, and says how to resample them.
func (e *evaluation) explained() ([]int, metric.Resample) {
	rows := slices.Clone(e.tested.rows)
	if len(rows) > maxExplained {
		rng := e.run.Rand("explained")
		rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		rows = rows[:maxExplained]
		slices.Sort(rows)
	}
	return rows, metric.Resample{N: len(rows), Groups: pick(e.trainer.cohort.Patient, rows), Rounds: e.run.Int("bootstrap"), Seed: e.run.Seed("bootstrap")}
}

// importance attributes the kept model's predictions on test cases.
func (e *evaluation) importance(ctx context.Context) error {
	output := 0
	e.base.output = output
	a, err := newAttributor(e.kept)
	if err != nil {
		return err
	}
	e.Scale = a.scale()
	sample, resample := e.explained()
	e.Explained = len(sample)
	e.base.X = e.kept.plan.encode(e.trainer.table, sample, e.trainer.cohort.Options.IndexDate)
	sum := make([][]float64, len(sample))
	for k := range e.kept.outputs {
		all, err := a.all(ctx, e.base.X, k)
		if err != nil {
			return err
		}
		for i, x := range all {
			if err := explain.CheckAdditivity(x.phi, x.base, x.value); err != nil {
				return fmt.Errorf("explaining test cases: %w", err)
			}
			if k == 0 {
				e.base.phi = append(e.base.phi, x.phi)
				sum[i] = make([]float64, len(x.phi))
			}
			for j, v := range x.phi { // with several classes: the sum over classes
				sum[i][j] += math.Abs(v)
			}
		}
	}
	cols := len(e.kept.plan.Columns)
	ivs, err := metric.Bootstrap(ctx, resample, func(rows []int) []float64 {
		mean := make([]float64, cols)
		n := len(sum)
		if rows != nil {
			n = len(rows)
		}
		for k := range n {
			i := k
			if rows != nil {
				i = rows[k]
			}
			for j, v := range sum[i] {
				mean[j] += v
			}
		}
		for j := range mean {
			mean[j] /= float64(n)
		}
		return mean
	})
	if err != nil {
		return err
	}
	for j, v := range ivs {
		e.Importance = append(e.Importance, importance{e.kept.plan.Columns[j].Name, v})
	}
	slices.SortStableFunc(e.Importance, func(a, b importance) int {
		switch {
		case a.Value.Value > b.Value.Value:
			return -1
		case a.Value.Value < b.Value.Value:
			return 1
		}
		return 0
	})
	return nil
}
