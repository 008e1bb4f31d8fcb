package explain

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"galen.dev/fault"
)

// FaithOptions tune Faith.
type FaithOptions struct {
	Subsets int    // random subsets for the infidelity, and random orders to compare the curves with; 0 = 100
	Seed    uint64 // draws them
}

// Faithfulness says how well contributions describe what the predictor does when features are taken away.
// "Taken away" means replaced by the background's rows, one after the other, and averaged: the value that
// Exact gives a coalition. A background of one row is a baseline.
type Faithfulness struct {
	// Deletion is the area under the prediction as features are taken away, those that push hardest towards
	// the prediction first; 1 = no change at all, below RandomDeletion = better than a random order.
	Deletion       *float64 `json:"deletion"`
	RandomDeletion *float64 `json:"randomDeletion"`
	// Insertion is the area as they are added to the background in that order; more is better.
	Insertion       *float64 `json:"insertion"`
	RandomInsertion *float64 `json:"randomInsertion"`
	// Infidelity is the mean squared difference between the contributions of a random subset and the change of
	// the prediction when it is taken away; 0 is perfect, reached by a predictor without interactions.
	Infidelity float64 `json:"infidelity"`
	// Unexplained is Infidelity over the mean squared change: 0 is perfect, 1 no better than no explanation.
	Unexplained *float64 `json:"unexplained"`
}

// Faith measures the faithfulness of phi, the contributions of case x (Yeh et al. 2019; Petsiuk et al. 2018).
// Areas are of the curve scaled to 1 at the case and 0 at the background; they, and Unexplained, are nil where the prediction
// does not differ from the background's.
func Faith(ctx context.Context, f Predict, x, phi []float64, background [][]float64, o FaithOptions) (*Faithfulness, error) {
	p, rows := len(x), rowsOf(background)
	if len(phi) != p || len(background) != p {
		panic("explain: length mismatch")
	}
	if p == 0 || rows == 0 {
		return nil, fault.Errorf(fault.Usage, "faithfulness of %d contributions over %d background rows", p, rows)
	}
	if o.Subsets == 0 {
		o.Subsets = 100
	}
	c := &coalitions{b: newBatch(f, p), x: x, background: background, rows: rows, row: make([]float64, p)}
	rng := rand.New(rand.NewPCG(o.Seed, 0xfa17))
	ends, err := c.values(ctx, [][]bool{make([]bool, p), slices.Repeat([]bool{true}, p)})
	if err != nil {
		return nil, err
	}
	out := &Faithfulness{}
	if err := out.curves(ctx, c, phi, ends, rng, o.Subsets); err != nil {
		return nil, err
	}
	return out, out.subsets(ctx, c, phi, ends[1], rng, o.Subsets)
}

// curves fills the areas in the order of the contributions and, as means, in random orders.
func (out *Faithfulness) curves(ctx context.Context, c *coalitions, phi, ends []float64, rng *rand.Rand, orders int) error {
	p, span := len(phi), ends[1]-ends[0]
	if math.Abs(span) <= Tolerance*max(1, math.Abs(ends[1])) {
		return ctx.Err()
	}
	order := make([]int, p)
	for j := range order {
		order[j] = j
	}
	towards := math.Copysign(1, span)
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(towards*phi[b], towards*phi[a]) })
	deletion, insertion, err := c.areas(ctx, order, ends[0], span)
	if err != nil {
		return err
	}
	var meanDeletion, meanInsertion float64
	for range orders {
		d, i, err := c.areas(ctx, rng.Perm(p), ends[0], span)
		if err != nil {
			return err
		}
		meanDeletion += d / float64(orders)
		meanInsertion += i / float64(orders)
	}
	out.Deletion, out.Insertion, out.RandomDeletion, out.RandomInsertion = &deletion, &insertion, &meanDeletion, &meanInsertion
	return nil
}

// subsets fills the infidelity over random subsets: first their size, evenly from 1 to all, then its members.
func (out *Faithfulness) subsets(ctx context.Context, c *coalitions, phi []float64, value float64, rng *rand.Rand, count int) error {
	p := len(phi)
	kept, claimed := make([][]bool, count), make([]float64, count)
	for s := range kept {
		kept[s] = slices.Repeat([]bool{true}, p)
		for _, j := range rng.Perm(p)[:1+rng.IntN(p)] {
			kept[s][j] = false
			claimed[s] += phi[j]
		}
	}
	left, err := c.values(ctx, kept)
	if err != nil {
		return err
	}
	squares := 0.0
	for s, v := range left {
		d := claimed[s] - (value - v)
		out.Infidelity += d * d / float64(count)
		squares += (value - v) * (value - v) / float64(count)
	}
	if squares > 0 {
		share := out.Infidelity / squares
		out.Unexplained = &share
	}
	return nil
}

// coalitions predicts a case of which only some features are kept.
type coalitions struct {
	b          *batch
	x, row     []float64
	background [][]float64
	rows       int
}

// values returns the mean prediction over the background for each set of kept features.
func (c *coalitions) values(ctx context.Context, kept [][]bool) ([]float64, error) {
	sum := make([]float64, len(kept))
	for s, keep := range kept {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for i := range c.rows {
			rowOf(c.row, c.background, i)
			for j, k := range keep {
				if k {
					c.row[j] = c.x[j]
				}
			}
			c.b.add(c.row, func(v float64) { sum[s] += v })
		}
	}
	c.b.flush()
	for s := range sum {
		sum[s] /= float64(c.rows)
	}
	return sum, nil
}

// areas takes features away, and adds them, in the given order; trapezoids over the share of features.
func (c *coalitions) areas(ctx context.Context, order []int, base, span float64) (deletion, insertion float64, err error) {
	p := len(order)
	kept := make([][]bool, 0, 2*(p+1))
	for _, start := range []bool{true, false} {
		keep := slices.Repeat([]bool{start}, p)
		kept = append(kept, slices.Clone(keep))
		for _, j := range order {
			keep[j] = !start
			kept = append(kept, slices.Clone(keep))
		}
	}
	v, err := c.values(ctx, kept)
	if err != nil {
		return 0, 0, err
	}
	for k := range p {
		deletion += ((v[k]+v[k+1])/2 - base) / span / float64(p)
		insertion += ((v[p+1+k]+v[p+2+k])/2 - base) / span / float64(p)
	}
	return deletion, insertion, nil
}
