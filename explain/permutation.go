package explain

import (
	"context"
	"math/rand/v2"
	"slices"
)

// Score rates predictions, higher being better: pred[k] belongs to row rows[k] of the data, and rows may
// repeat. Negate a loss.
type Score func(rows []int, pred []float64) float64

// PermutationOptions tune Permutation.
type PermutationOptions struct {
	Groups  [][]int // features that are permuted together, such as the indicators of one category; nil = each alone
	Repeats int     // permutations of each group; 0 = 10
	Samples int     // bootstrap samples for the interval; 0 = 200
	Level   float64 // of the interval; 0 = .95
	Patient []int   // patient of each row, resampled as a whole; nil = every row is its own
	Seed    uint64
}

// Importance is how much a group of features matters to a model.
type Importance struct {
	Features []int   `json:"features"`
	Mean     float64 `json:"mean"`
	Low      float64 `json:"low"` // bootstrap percentile interval over patients (and permutations)
	High     float64 `json:"high"`
}

// Permutation measures by how much the score falls when a group's values are dealt to other patients. It asks
// what this model uses, not what causes the outcome; features that stand in for each other share importance, so
// group them. The predictions of permuted data are made once for each repeat, and the interval comes from
// scoring bootstrap samples of them: a group costs Repeats predictions of all rows and Repeats + Samples scores.
func Permutation(ctx context.Context, f Predict, X [][]float64, score Score, o PermutationOptions) ([]Importance, error) {
	n := rowsOf(X)
	if n == 0 {
		return nil, noRows("permutation importance")
	}
	if o.Repeats == 0 {
		o.Repeats = 10
	}
	rng := rand.New(rand.NewPCG(o.Seed, 0x9e77))
	orders := make([][]int, o.Repeats)
	for r := range orders {
		orders[r] = rng.Perm(n)
	}
	return permutation(ctx, f, X, score, o, orders)
}

// permutation is the pure part: row i of repeat r takes the group's values of row orders[r][i].
func permutation(ctx context.Context, f Predict, X [][]float64, score Score, o PermutationOptions, orders [][]int) ([]Importance, error) {
	n := rowsOf(X)
	all, base := make([]int, n), make([]float64, n)
	for i := range all {
		all[i] = i
	}
	if err := predictAll(ctx, f, X, base); err != nil {
		return nil, err
	}
	if o.Samples == 0 {
		o.Samples = 200
	}
	samples := resampler{members: membersOf(n, o.Patient), seed: o.Seed}
	full := score(all, base)
	sampled := make([]float64, o.Samples)
	for s := range sampled {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		rows := samples.draw(s)
		sampled[s] = score(rows, pick(base, rows))
	}
	var out []Importance
	for _, group := range groupsOr(o.Groups, len(X)) {
		mixed, pred := slices.Clone(X), make([]float64, n)
		imp, falls := Importance{Features: group}, make([]float64, o.Samples)
		for r, order := range orders {
			for _, j := range group {
				mixed[j] = pick(X[j], order)
			}
			if err := predictAll(ctx, f, mixed, pred); err != nil {
				return nil, err
			}
			imp.Mean += (full - score(all, pred)) / float64(len(orders))
			// Each repeat serves its share of the bootstrap samples.
			for s := r; s < o.Samples && ctx.Err() == nil; s += len(orders) {
				rows := samples.draw(s)
				falls[s] = sampled[s] - score(rows, pick(pred, rows))
			}
		}
		imp.Low, imp.High = interval(falls, o.Level)
		out = append(out, imp)
	}
	return out, ctx.Err()
}

func pick(v []float64, rows []int) []float64 {
	out := make([]float64, len(rows))
	for i, r := range rows {
		out[i] = v[r]
	}
	return out
}

func groupsOr(groups [][]int, features int) [][]int {
	if groups != nil {
		return groups
	}
	for j := range features {
		groups = append(groups, []int{j})
	}
	return groups
}

// resampler draws bootstrap samples of rows with replacement, by patient. Samples are drawn anew each time, for
// keeping hundreds of them would take more memory than the data.
type resampler struct {
	members [][]int
	seed    uint64
	rows    []int
}

// draw returns sample s; the slice is good until the next draw.
func (r *resampler) draw(s int) []int {
	rng := rand.New(rand.NewPCG(r.seed, 0xb007<<32+uint64(s)))
	r.rows = r.rows[:0]
	for range r.members {
		r.rows = append(r.rows, r.members[rng.IntN(len(r.members))]...)
	}
	return r.rows
}

// membersOf lists each patient's rows, patients in order of their first row.
func membersOf(n int, patient []int) [][]int {
	if patient != nil && len(patient) != n {
		panic("explain: length mismatch")
	}
	var members [][]int
	at := make(map[int]int)
	for i := range n {
		if patient == nil {
			members = append(members, []int{i})
			continue
		}
		k, ok := at[patient[i]]
		if !ok {
			k = len(members)
			at[patient[i]] = k
			members = append(members, nil)
		}
		members[k] = append(members[k], i)
	}
	return members
}

// interval is the percentile interval of bootstrap values; level 0 means .95.
func interval(values []float64, level float64) (low, high float64) {
	if level == 0 {
		level = .95
	}
	// A sample without cases of one class has no score.
	v := present(values)
	return quantile(v, (1-level)/2), quantile(v, (1+level)/2)
}
