package tree

import (
	"context"
	"math"
	"math/rand/v2"
)

// FitBoost fits gradient boosting. X holds one column for each feature, y one value a row: any finite number
// for regression, 0 or 1 for Logistic, a class index for Softmax. w are non-negative row weights or nil for 1;
// rows of weight 0 count as absent. Columns are read, not kept.
//
// Errors are fault.Usage for parameters, fault.Data for data (all findings at once), or ctx.Err().
func FitBoost(ctx context.Context, x [][]float64, y, w []float64, p BoostParams) (*Boost, error) {
	p = p.withDefaults(len(y))
	if err := p.check(len(x)); err != nil {
		return nil, err
	}
	t := target{classes: p.classCount(), classWeights: p.ClassWeights, balanced: p.Balanced}
	use, weight, err := prepare(x, y, w, p.Categories, t)
	if err != nil {
		return nil, err
	}
	if p.Valid != nil {
		if err := checkTable("validation rows", p.Valid.X, p.Valid.Y, p.Valid.W, p.Categories, t.classes, len(x)); err != nil {
			return nil, err
		}
	}
	bins, err := bin(ctx, x, use, p.Categories, p.Bins)
	if err != nil {
		return nil, err
	}
	f := newBoostFit(bins, y, weight, use, p)
	if err := f.run(ctx); err != nil {
		return nil, err
	}
	return f.model, nil
}

// A boostFit is the state of one fit.
type boostFit struct {
	p      BoostParams
	bins   *binned
	y, w   []float64
	use    []uint32 // rows with weight, ascending
	score  [][]float64
	grad   []float64
	hess   []float64
	grower *grower
	rng    *rand.Rand
	model  *Boost
	// Validation: rows in row-major order and their margins.
	validRows  []float64
	validScore [][]float64
}

func newBoostFit(b *binned, y, w []float64, use []uint32, p BoostParams) *boostFit {
	k := 1
	if p.Loss == Softmax {
		k = p.Classes
	}
	if p.Loss == Huber && p.Alpha == 0 {
		p.Alpha = or(1.35*spread(y, w, use), 1)
	}
	f := &boostFit{p: p, bins: b, y: y, w: w, use: use, rng: stream(p.Seed, 0)}
	f.model = &Boost{loss: p.Loss, classes: p.classCount(), base: baseMargin(p, y, w, use)}
	f.model.ens = newEnsemble(len(b.col), k, 1, b.cat)
	f.score = make([][]float64, k)
	for i := range f.score {
		f.score[i] = make([]float64, b.rows)
		fill(f.score[i], f.model.base[i])
	}
	f.grad, f.hess = make([]float64, b.rows), make([]float64, b.rows)
	f.grower = newGrower(b, p)
	if v := p.Valid; v != nil {
		n := len(v.Y)
		f.validRows = make([]float64, n*len(v.X))
		gather(f.validRows, v.X, 0, n)
		f.validScore = make([][]float64, k)
		for i := range f.validScore {
			f.validScore[i] = make([]float64, n)
			fill(f.validScore[i], f.model.base[i])
		}
	}
	return f
}

func fill(v []float64, x float64) {
	for i := range v {
		v[i] = x
	}
}

// run grows the rounds and keeps the best.
func (f *boostFit) run(ctx context.Context) error {
	e := f.model.ens
	best, bestLoss := 0, math.Inf(1)
	var bestGain []float64
	var bestSplits []int
	if f.p.Valid != nil {
		bestLoss = f.validLoss()
		im := e.importance()
		bestGain, bestSplits = im.Gain, im.Splits
	}
	for round := range f.p.Rounds {
		grew, err := f.round(ctx)
		if err != nil {
			return err
		}
		if f.p.Valid != nil {
			l := f.validLoss()
			f.model.History = append(f.model.History, l)
			if l < bestLoss {
				best, bestLoss = round+1, l
				im := e.importance()
				bestGain, bestSplits = im.Gain, im.Splits
			} else if round+1-best >= f.p.Patience {
				break
			}
		}
		// Without draws the next round would see the same sums and find nothing either.
		if !grew && f.p.RowFraction == 1 && f.p.FeatureFraction == 1 {
			break
		}
	}
	if f.p.Valid != nil {
		e.truncate(best*e.outputs, bestGain, bestSplits)
	}
	return nil
}

// round adds one tree for each output and tells whether any of them has a split.
func (f *boostFit) round(ctx context.Context) (grew bool, err error) {
	rows := f.use
	if f.p.RowFraction < 1 {
		rows = drawRows(f.rng, f.use, f.p.RowFraction)
	}
	var prob [][]float64
	if f.p.Loss == Softmax {
		prob = f.softmax() // before any tree of the round moves a score
	}
	for k := range f.score {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		unit := f.gradients(k, prob)
		features := drawFeatures(f.rng, len(f.bins.col), f.p.FeatureFraction)
		tree, leaves, err := f.grower.grow(ctx, rows, f.grad, f.hess, unit, features)
		if err != nil {
			return false, err
		}
		f.setLeaves(k, tree, leaves)
		grew = grew || len(leaves) > 1
		f.model.ens.appendTree(tree)
		f.advance(k, tree, leaves, len(rows) < len(f.use))
	}
	return grew, nil
}

// setLeaves replaces the leaf values, found on integer sums, by values from the exact sums.
func (f *boostFit) setLeaves(k int, tree []buildNode, leaves []grownLeaf) {
	parallel(len(leaves), func(_, i int) {
		l := &leaves[i]
		rows := f.grower.rows[l.from:l.to]
		v := 0.0
		switch f.p.Loss {
		case Absolute, Quantile:
			level := 0.5
			if f.p.Loss == Quantile {
				level = f.p.Alpha
			}
			v = residualQuantile(f.y, f.score[k], f.w, rows, level)
		default:
			var g, h float64
			for _, r := range rows {
				g += f.grad[r]
				h += f.hess[r]
			}
			v = f.grower.newton(g, h)
		}
		var c float64
		if f.w == nil {
			c = float64(len(rows))
		} else {
			for _, r := range rows {
				c += f.w[r]
			}
		}
		tree[l.node].value = []float64{v * f.p.LearningRate}
		tree[l.node].cover = c
	})
	sumCover(tree, 0)
	if f.grower.constrained {
		keepMonotone(tree, f.p.Monotone)
	}
}

// advance adds a new tree to the scores of all rows.
func (f *boostFit) advance(k int, tree []buildNode, leaves []grownLeaf, drawn bool) {
	score := f.score[k]
	parallel(len(leaves), func(_, i int) {
		v := tree[leaves[i].node].value[0]
		for _, r := range f.grower.rows[leaves[i].from:leaves[i].to] {
			score[r] += v
		}
	})
	e := f.model.ens
	if drawn {
		seen := f.grower.seen()
		chunks(f.bins.rows, func(_, from, to int) {
			for r := from; r < to; r++ {
				if !seen[r] {
					score[r] += f.grower.predictBins(tree, uint32(r))
				}
			}
		})
	}
	if f.p.Valid != nil {
		p, out := e.features, f.validScore[k]
		root := e.roots[e.trees()-1]
		chunks(len(out), func(_, from, to int) {
			for i := from; i < to; i++ {
				out[i] += e.nodes[e.leaf(root, f.validRows[i*p:(i+1)*p])].value
			}
		})
	}
}

// drawRows draws a share of rows without replacement, in ascending order (selection sampling, Knuth 3.4.2).
func drawRows(rng *rand.Rand, rows []uint32, share float64) []uint32 {
	want := max(1, int(math.Round(share*float64(len(rows)))))
	out := make([]uint32, 0, want)
	for i, r := range rows {
		if rng.Float64()*float64(len(rows)-i) < float64(want-len(out)) {
			out = append(out, r)
		}
	}
	return out
}

// drawFeatures marks a share of the features; nil stands for all.
func drawFeatures(rng *rand.Rand, features int, share float64) []bool {
	if share >= 1 {
		return nil
	}
	want := max(1, int(math.Round(share*float64(features))))
	use := make([]bool, features)
	for _, f := range rng.Perm(features)[:min(want, features)] {
		use[f] = true
	}
	return use
}

// sumCover fills the covers of inner nodes from those of the leaves.
func sumCover(tree []buildNode, i int) float64 {
	n := &tree[i]
	if n.left >= 0 {
		n.cover = sumCover(tree, n.left) + sumCover(tree, n.right)
	}
	return n.cover
}

// keepMonotone moves leaf values so that the two sides of every split on a constrained feature are in order:
// all leaves below its left child stay on one side of a bound, all below the right one on the other.
func keepMonotone(tree []buildNode, monotone []int8) {
	var clamp func(i int, lo, hi float64)
	clamp = func(i int, lo, hi float64) {
		if n := &tree[i]; n.left < 0 {
			n.value[0] = min(max(n.value[0], lo), hi)
		} else {
			clamp(n.left, lo, hi)
			clamp(n.right, lo, hi)
		}
	}
	var mean func(i int) float64
	mean = func(i int) float64 {
		n := &tree[i]
		if n.left < 0 {
			return n.value[0]
		}
		l, r := &tree[n.left], &tree[n.right]
		return (mean(n.left)*l.cover + mean(n.right)*r.cover) / (l.cover + r.cover)
	}
	var visit func(i int)
	visit = func(i int) {
		n := &tree[i]
		if n.left < 0 {
			return
		}
		if m := monotone[n.feature]; m != 0 && !n.cat {
			mid := mean(n.left)/2 + mean(n.right)/2
			below, above := n.left, n.right
			if m < 0 {
				below, above = above, below
			}
			clamp(below, math.Inf(-1), mid)
			clamp(above, mid, math.Inf(1))
		}
		visit(n.left)
		visit(n.right)
	}
	visit(0)
}
