package glm

import (
	"fmt"
	"math"
	"slices"

	"galen.dev/fault"
)

// binned holds the features of an additive model as small integers.
type binned struct {
	n     int
	axes  []Axis
	col   [][]uint16 // [feature][row]
	w     []float64  // sum one
	share [][]float64
}

// pairBins bounds the bins of one feature in a pair: finer surfaces cannot be told from noise.
const pairBins = 16

// bin cuts numeric features into intervals of equal weight with edges midway between neighbouring values, and
// gives each level of a category its own bin.
func bin(X [][]float64, n int, w []float64, p *AdditiveParams) *binned {
	b := &binned{n: n, axes: make([]Axis, len(X)), col: make([][]uint16, len(X)), share: make([][]float64, len(X))}
	b.w = w
	each(len(X), float64(n*len(X))*50, func(j int) {
		b.axes[j] = Axis{Feature: j}
		if p.Levels != nil && p.Levels[j] > 0 {
			b.axes[j].Levels = make([]int, p.Levels[j])
			for l := range b.axes[j].Levels {
				b.axes[j].Levels[l] = l + 1
			}
		} else {
			b.axes[j].Edges = edges(X[j], w, p.MaxBins-1)
		}
		b.col[j] = make([]uint16, n)
		b.share[j] = make([]float64, b.axes[j].Bins())
		for i, v := range X[j] {
			q := b.axes[j].Bin(v)
			b.col[j][i] = uint16(q)
			b.share[j][q] += w[i]
		}
	})
	return b
}

// edges returns at most most-1 cuts between the distinct values of a column.
func edges(x, w []float64, most int) []float64 {
	order := make([]int, 0, len(x))
	for i, v := range x {
		if !math.IsNaN(v) && w[i] > 0 {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case x[a] < x[b]:
			return -1
		case x[a] > x[b]:
			return 1
		}
		return a - b
	})
	var values, weights []float64
	var total float64
	for _, i := range order {
		if len(values) == 0 || x[i] != values[len(values)-1] {
			values, weights = append(values, x[i]), append(weights, 0)
		}
		weights[len(weights)-1] += w[i]
		total += w[i]
	}
	var out []float64
	var sum, cut float64
	for i := range len(values) - 1 {
		sum += weights[i]
		left := most - len(out) // bins still to be made, this one included
		// A bin is full when it holds its part of what was left at its start; values heavier than that get a
		// bin of their own and the rest is shared anew.
		if left < 2 {
			break
		}
		if len(values)-1-i > left-1 && sum-cut < (total-cut)/float64(left)*(1-1e-12) {
			continue
		}
		e := values[i] + (values[i+1]-values[i])/2
		if e <= values[i] { // neighbours too close for a number between
			e = values[i+1]
		}
		out = append(out, e)
		cut = sum
	}
	return out
}

// coarse maps the bins of a feature to at most pairBins for pairs: neighbouring intervals of equal weight, or
// the most frequent levels with the rest in one.
func coarse(a *Axis, share []float64) (to []int, bins int) {
	to = make([]int, len(share))
	if len(share) <= pairBins {
		for b := range to {
			to[b] = b
		}
		return to, len(share)
	}
	if a.Levels != nil {
		order := make([]int, len(share)-1)
		for i := range order {
			order[i] = i + 1
		}
		slices.SortStableFunc(order, func(x, y int) int {
			if share[x] > share[y] {
				return -1
			}
			if share[x] < share[y] {
				return 1
			}
			return 0
		})
		for rank, b := range order {
			to[b] = min(rank+1, pairBins-1)
		}
		return to, pairBins
	}
	var total float64
	for _, s := range share[1:] {
		total += s
	}
	var sum, cut float64
	group := 1
	for b := 1; b < len(share); b++ {
		to[b] = group
		sum += share[b]
		if left := pairBins - group; left > 1 && sum-cut >= (total-cut)/float64(left) {
			group++
			cut = sum
		}
	}
	return to, slices.Max(to) + 1
}

// coarseAxis is the axis of a pair term.
func coarseAxis(a *Axis, to []int) Axis {
	out := Axis{Feature: a.Feature}
	for b := 1; b < len(to); b++ {
		if a.Levels != nil {
			out.Levels = append(out.Levels, to[b])
		} else if b > 1 && to[b] != to[b-1] {
			out.Edges = append(out.Edges, a.Edges[b-2])
		}
	}
	return out
}

// checkAdditive fills in defaults and refuses wrong parameters and unusable data.
func checkAdditive(X [][]float64, y, w []float64, p *AdditiveParams) (k int, err error) {
	lin := Params{Family: p.Family, Weights: w, Names: p.Names}
	if err := checkParams(X, y, &lin); err != nil {
		return 0, err
	}
	if err := p.defaults(len(X), len(y)); err != nil {
		return 0, err
	}
	subject := "glm: fitting an additive model"
	if len(y) == 0 {
		return 0, fault.Refuse(subject, []fault.Finding{{Name: "no-rows", Severity: fault.Severe, Message: "there are no rows to fit"}})
	}
	var fs []fault.Finding
	for j, x := range X {
		if p.Levels != nil && p.Levels[j] >= p.MaxBins {
			fs = append(fs, fault.Finding{
				Name: "too-many-levels", Severity: fault.Severe, Column: featureName(p.Names, j),
				Message: fmt.Sprintf("%d levels, at most %d can be used", p.Levels[j], p.MaxBins-1), Hint: "pool rare levels, or leave the column out",
			})
		}
		f, bad := badNumbers(x, true)
		if !bad && p.Levels != nil && p.Levels[j] > 0 {
			f, bad = badLevels(x, p.Levels[j])
		}
		if bad {
			f.Column = featureName(p.Names, j)
			fs = append(fs, f)
		}
	}
	if f, bad := badWeights(w); bad {
		fs = append(fs, f)
	}
	k, more := checkOutcome(y, &lin)
	return k, fault.Refuse(subject, append(fs, more...))
}

// badLevels is a finding about values of a category that are neither missing nor one of its levels.
func badLevels(x []float64, levels int) (f fault.Finding, bad bool) {
	f = fault.Finding{
		Name: "not-a-level", Severity: fault.Severe,
		Message: "values that are not levels of the category", Hint: "number the levels 0, 1, … and mark missing ones as such",
	}
	for i, v := range x {
		if math.IsNaN(v) || v >= 0 && v < float64(levels) && v == math.Trunc(v) {
			continue
		}
		f.Count++
		if len(f.Rows) < fault.MaxRows {
			f.Rows = append(f.Rows, i+1)
		}
	}
	return f, f.Count > 0
}

// rowsPerPair is how many rows each default pair term must be worth: with more pairs than that, held-out log
// loss grew on data sets of a few hundred rows.
const rowsPerPair = 500

func (p *AdditiveParams) defaults(features, rows int) error {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&p.MaxBins, 256)
	if p.Pairs == 0 {
		p.Pairs = min(rows/rowsPerPair, 10)
	}
	set(&p.Bags, 14)
	set(&p.Rounds, 5000)
	set(&p.Patience, 50)
	set(&p.Smoothing, 500)
	set(&p.MinLeaf, 4)
	if p.Validation == 0 {
		p.Validation = 0.15
	}
	if p.LearningRate == 0 {
		p.LearningRate = 0.02
	}
	switch {
	case p.MaxBins < 3 || p.MaxBins > 256:
		return fault.Errorf(fault.Usage, "glm: the number of bins must be between 3 and 256")
	case p.Bags < 0 || p.Rounds < 0 || p.Patience < 0 || p.MinLeaf < 0:
		return fault.Errorf(fault.Usage, "glm: bags, rounds, patience and the smallest leaf must not be negative")
	case !(p.Validation > 0 && p.Validation < 1):
		return fault.Errorf(fault.Usage, "glm: the validation share must be between 0 and 1")
	case !(p.LearningRate > 0 && p.LearningRate <= 1):
		return fault.Errorf(fault.Usage, "glm: the learning rate must be above 0 and at most 1")
	case p.Levels != nil && len(p.Levels) != features:
		return fault.Errorf(fault.Usage, "glm: %d level counts for %d features", len(p.Levels), features)
	case p.Monotone != nil && len(p.Monotone) != features:
		return fault.Errorf(fault.Usage, "glm: %d monotone constraints for %d features", len(p.Monotone), features)
	}
	for j, l := range p.Levels {
		if l < 0 {
			return fault.Errorf(fault.Usage, "glm: a negative number of levels")
		}
		if l > 0 && p.Monotone != nil && p.Monotone[j] != 0 {
			return fault.Errorf(fault.Usage, "glm: the categorical column %q cannot be monotone", featureName(p.Names, j))
		}
	}
	for _, s := range p.Monotone {
		if s < -1 || s > 1 {
			return fault.Errorf(fault.Usage, "glm: monotone constraints are -1, 0 or +1")
		}
	}
	return nil
}
