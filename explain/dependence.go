package explain

import (
	"context"
	"math"
	"slices"
)

// Grid returns the values at which a feature's effect is to be drawn: for a category its codes, for a number
// the distinct quantiles from 5 % to 95 %, evenly spaced in rank, at most points of them (0 = 20). Missing
// values are left out; the extremes are too, for they are single patients and say more about noise.
func Grid(x []float64, categorical bool, points int) []float64 {
	v := present(x)
	if points == 0 {
		points = 20
	}
	if len(v) == 0 {
		return nil
	}
	if categorical {
		return slices.Compact(v)
	}
	grid := make([]float64, points)
	for i := range grid {
		grid[i] = quantile(v, .05+.9*float64(i)/float64(max(points-1, 1)))
	}
	return slices.Compact(grid)
}

// present returns the sorted values that are not missing.
func present(x []float64) []float64 {
	v := slices.DeleteFunc(slices.Clone(x), math.IsNaN)
	slices.Sort(v)
	return v
}

// quantile is the linear one (type 7) of sorted values.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	h := q * float64(len(sorted)-1)
	i := int(h)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (h-float64(i))*(sorted[i+1]-sorted[i])
}

// Dependence is the effect of one feature on the prediction.
type Dependence struct {
	Feature int         `json:"feature"`
	Grid    []float64   `json:"grid"`
	Mean    []float64   `json:"mean"`          // mean prediction over all rows, at each grid value
	ICE     [][]float64 `json:"ice,omitempty"` // predictions of single rows: ICE[row][grid value]
}

// PartialDependence sets a feature to each grid value in turn, in all rows, and averages the predictions. Rows
// listed in ice are returned one by one. Where features depend on each other it asks about patients who do not
// exist (a small child of 90 kg); LocalEffects does not.
func PartialDependence(ctx context.Context, f Predict, X [][]float64, feature int, grid []float64, ice []int) (*Dependence, error) {
	n := rowsOf(X)
	if n == 0 {
		return nil, noRows("partial dependence")
	}
	d := &Dependence{Feature: feature, Grid: grid, Mean: make([]float64, len(grid)), ICE: make([][]float64, len(ice))}
	for i := range ice {
		d.ICE[i] = make([]float64, len(grid))
	}
	fixed, pred, same := slices.Clone(X), make([]float64, n), make([]float64, n)
	fixed[feature] = same
	for g, v := range grid {
		for i := range same {
			same[i] = v
		}
		if err := predictAll(ctx, f, fixed, pred); err != nil {
			return nil, err
		}
		for _, p := range pred {
			d.Mean[g] += p
		}
		d.Mean[g] /= float64(n)
		for i, r := range ice {
			d.ICE[i][g] = pred[r]
		}
	}
	return d, nil
}

// Local is the accumulated local effect of one numeric feature.
type Local struct {
	Feature int       `json:"feature"`
	Edges   []float64 `json:"edges"`  // of the bins, ascending
	Effect  []float64 `json:"effect"` // at each edge, relative to the mean prediction
	Count   []int     `json:"count"`  // rows in each bin; one fewer than edges
}

// LocalEffects accumulates, over bins of equally many rows (0 = 20), how the prediction changes when each row
// of a bin is moved from its lower to its upper edge. Only values near the patient's own are asked about, so
// correlated features do not mislead. Rows with the feature missing are left out. A category has no order to
// accumulate along: use PartialDependence.
func LocalEffects(ctx context.Context, f Predict, X [][]float64, feature, bins int) (*Local, error) {
	if bins == 0 {
		bins = 20
	}
	v := present(X[feature])
	l := &Local{Feature: feature}
	if len(v) == 0 || v[0] == v[len(v)-1] {
		return l, ctx.Err()
	}
	for k := range bins + 1 {
		// The quantile that is itself a value (type 1): an edge between two values would move every row.
		l.Edges = append(l.Edges, v[max(int(math.Ceil(float64(k)/float64(bins)*float64(len(v))))-1, 0)])
	}
	l.Edges = slices.Compact(l.Edges)
	l.Count, l.Effect = make([]int, len(l.Edges)-1), make([]float64, len(l.Edges))
	if err := l.differences(ctx, f, X); err != nil {
		return nil, err
	}
	middle, rows := 0.0, 0
	for k, n := range l.Count {
		if n > 0 {
			l.Effect[k+1] /= float64(n)
		}
		l.Effect[k+1] += l.Effect[k]
		middle += float64(n) * (l.Effect[k] + l.Effect[k+1]) / 2
		rows += n
	}
	for k := range l.Effect {
		l.Effect[k] -= middle / float64(rows)
	}
	return l, nil
}

// differences sums f(upper edge) − f(lower edge) of the rows of bin k into Effect[k+1].
func (l *Local) differences(ctx context.Context, f Predict, X [][]float64) error {
	b, row := newBatch(f, len(X)), make([]float64, len(X))
	for i, x := range X[l.Feature] {
		if math.IsNaN(x) {
			continue
		}
		if i%batchRows == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		k, _ := slices.BinarySearch(l.Edges, x)
		k = max(k-1, 0) // bin k is (edge k, edge k+1]; the first has its lower edge too
		l.Count[k]++
		rowOf(row, X, i)
		row[l.Feature] = l.Edges[k+1]
		b.add(row, func(v float64) { l.Effect[k+1] += v })
		row[l.Feature] = l.Edges[k]
		b.add(row, func(v float64) { l.Effect[k+1] -= v })
	}
	b.flush()
	return ctx.Err()
}
