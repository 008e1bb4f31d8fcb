package tree

import (
	"context"
	"math"
	"math/bits"
	"math/rand/v2"
)

// ForestParams are the parameters of a random forest (Breiman 2001). The zero value of every field is a good
// default for tables from a few hundred to some hundred thousand rows.
type ForestParams struct {
	Classes int // number of classes of y, or 0 for regression
	Trees   int // 0 = 300: more trees never hurt accuracy, and beyond some hundreds they hardly help
	// FeaturesPerSplit is how many features compete for a split. 0 = the root of their number for
	// classification, a third for regression (Breiman's own advice).
	FeaturesPerSplit int
	// MinLeaf is the fewest drawn rows of a leaf. 0 = 3 for two classes, where pure leaves make the risks of a
	// cohort of some hundred patients jump, 1 for more classes, some of which may be small, and 5 for regression
	// (Breiman). 1 is scikit-learn's default.
	MinLeaf int
	Depth   int // most splits from root to leaf; 0 = 1000, which is no bound: averaging, not pruning, holds a forest back
	Bins    int // most bins of a feature, 2..255; 0 = 255

	Categories   []int     // number of levels of each categorical feature, 0 for a numeric one; nil = all numeric
	ClassWeights []float64 // factor on the rows of each class; nil = 1
	Balanced     bool      // weigh classes so that each counts the same, on top of ClassWeights

	// RowFraction is how many rows are drawn with replacement for each tree, as a share of all; 0 = 1.
	RowFraction float64
	NoBootstrap bool // every tree sees every row once; then there are no out-of-bag predictions
	OutOfBag    bool // compute Forest.OutOfBag

	Seed uint64 // of all draws; each tree has its own stream
}

// Forest is a fitted random forest. It is safe for concurrent use.
type Forest struct {
	classes int
	ens     *ensemble

	// OutOfBag is, for each training row, the prediction of those trees that did not draw it, as
	// [output][row] like PredictColumns; NaN where every tree drew it. Set by ForestParams.OutOfBag; not part
	// of the model's bytes.
	OutOfBag [][]float64
}

func (p ForestParams) withDefaults(features int) ForestParams {
	p.Trees = orInt(p.Trees, 300)
	if p.FeaturesPerSplit == 0 {
		p.FeaturesPerSplit = max(1, features/3)
		if p.Classes > 0 {
			p.FeaturesPerSplit = max(1, int(math.Sqrt(float64(features))))
		}
	}
	if p.MinLeaf == 0 {
		switch {
		case p.Classes == 0:
			p.MinLeaf = 5
		case p.Classes == 2:
			p.MinLeaf = 3
		default:
			p.MinLeaf = 1
		}
	}
	p.Depth = orInt(p.Depth, maxDepth)
	p.Bins = orInt(p.Bins, maxBins)
	p.RowFraction = or(p.RowFraction, 1)
	return p
}

func (p *ForestParams) check(features int) error {
	var c checker
	c.require(p.Classes == 0 || p.Classes >= 2 && p.Classes <= maxClasses, "classes", "must be 0 or 2 to 1000")
	c.require(p.Trees > 0, "trees", "must be positive")
	c.require(p.FeaturesPerSplit > 0, "features-per-split", "must be positive")
	c.require(p.MinLeaf > 0, "min-leaf", "must be positive")
	c.require(p.Depth > 0 && p.Depth <= maxDepth, "depth", "must lie in 1..1000")
	c.require(p.Bins >= 2 && p.Bins <= maxBins, "bins", "must lie in 2..255")
	c.require(p.RowFraction > 0 && p.RowFraction <= 1, "row-fraction", "must lie in (0, 1]")
	c.require(!p.OutOfBag || !p.NoBootstrap, "out-of-bag", "needs the bootstrap: without it no row is out of bag")
	c.categories(p.Categories, features)
	c.classWeights(p.ClassWeights, p.Classes)
	return c.usage("forest parameters")
}

// FitForest fits a random forest. X holds one column for each feature; y is a class index where
// p.Classes > 0, else any finite number; w are non-negative row weights or nil for 1. Rows of weight 0 count as
// absent; the others are drawn with equal chance and carry their weight into splits and leaves.
//
// Errors are fault.Usage for parameters, fault.Data for data (all findings at once), or ctx.Err().
func FitForest(ctx context.Context, x [][]float64, y, w []float64, p ForestParams) (*Forest, error) {
	p = p.withDefaults(len(x))
	if err := p.check(len(x)); err != nil {
		return nil, err
	}
	use, weight, err := prepare(x, y, w, p.Categories, target{p.Classes, p.ClassWeights, p.Balanced})
	if err != nil {
		return nil, err
	}
	b, err := bin(ctx, x, use, p.Categories, p.Bins)
	if err != nil {
		return nil, err
	}
	f := &forestFit{p: p, bins: b, y: y, w: weight, use: use, multi: p.Classes > 2}
	return f.run(ctx)
}

// A forestFit is what all trees of one fit share.
type forestFit struct {
	p     ForestParams
	bins  *binned
	y, w  []float64
	use   []uint32
	multi bool // more than two classes: leaves hold shares of classes; else one mean
	mean  float64
	bags  [][]uint64 // per tree: bit set of drawn rows, for out-of-bag predictions
}

func (f *forestFit) run(ctx context.Context) (*Forest, error) {
	f.mean = weightedMean(f.y, f.w, f.use)
	width := 1
	if f.multi {
		width = f.p.Classes
	}
	if f.p.OutOfBag {
		f.bags = make([][]uint64, f.p.Trees)
	}
	trees := make([][]buildNode, f.p.Trees)
	growers := make([]*forestGrower, maxWorkers)
	parallel(f.p.Trees, func(w, t int) {
		if ctx.Err() != nil {
			return
		}
		if growers[w] == nil {
			growers[w] = newForestGrower(f, width)
		}
		trees[t] = growers[w].tree(ctx, t)
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m := &Forest{classes: f.p.Classes, ens: newEnsemble(len(f.bins.col), width, width, f.bins.cat)}
	for t := range trees {
		m.ens.appendTree(trees[t])
		trees[t] = nil
	}
	if f.p.OutOfBag {
		m.OutOfBag = f.outOfBag(m.ens)
	}
	return m, nil
}

// outOfBag averages for each row the trees that did not draw it.
func (f *forestFit) outOfBag(e *ensemble) [][]float64 {
	out := make([][]float64, e.width)
	for k := range out {
		out[k] = make([]float64, f.bins.rows)
	}
	follow := newBinTrees(e, f.bins)
	chunks(f.bins.rows, func(_, from, to int) {
		for r := from; r < to; r++ {
			n := 0.0
			for t, bag := range f.bags {
				if bag[r>>6]>>(r&63)&1 != 0 {
					continue
				}
				n += float64(f.p.Trees)
				i := follow.leaf(e.roots[t], uint32(r))
				if e.width == 1 {
					out[0][r] += e.nodes[i].value
					continue
				}
				at := int(e.nodes[i].value)
				for k := range out {
					out[k][r] += e.leaves[at+k]
				}
			}
			// Leaf values are already divided by the number of trees.
			for k := range out {
				out[k][r] *= float64(f.p.Trees) * float64(f.p.Trees) / n
			}
		}
	})
	for k := range out {
		for r, v := range out[k] {
			if math.IsInf(v, 0) || math.IsNaN(v) {
				out[k][r] = math.NaN()
			}
		}
	}
	return out
}

// binTrees follows rows of the training table through an ensemble by their bins.
type binTrees struct {
	e    *ensemble
	b    *binned
	bins []uint8 // per node: last bin that goes left
}

func newBinTrees(e *ensemble, b *binned) *binTrees {
	t := &binTrees{e: e, b: b, bins: make([]uint8, len(e.nodes))}
	chunks(len(e.nodes), func(_, from, to int) {
		for i := from; i < to; i++ {
			n := &e.nodes[i]
			if n.feat&(isLeaf|isCat) == 0 {
				var at [1]uint8
				binColumn(at[:], []float64{min(n.value, math.MaxFloat64)}, b.cuts[n.feat>>flagBits])
				t.bins[i] = at[0]
			}
		}
	})
	return t
}

func (t *binTrees) leaf(i int32, row uint32) int32 {
	for {
		n := &t.e.nodes[i]
		if n.feat&isLeaf != 0 {
			return i
		}
		b := t.b.col[n.feat>>flagBits][row]
		var left bool
		switch {
		case n.feat&isCat != 0:
			left = t.e.sets[int(n.value)].has(b)
		case b == missingBin:
			left = n.feat&missLeft != 0
		default:
			left = b <= t.bins[i]
		}
		if left {
			i++
		} else {
			i = n.right
		}
	}
}

// draw counts how often each row of use is drawn for a tree.
func (f *forestFit) draw(rng *rand.Rand, count []uint16) {
	n := uint64(len(f.use))
	if f.p.NoBootstrap {
		for i := range count {
			count[i] = 1
		}
		return
	}
	clear(count)
	for range max(1, int(math.Round(f.p.RowFraction*float64(n)))) {
		// The upper half of a 128-bit product maps a draw to 0..n-1; its bias is below n/2^64.
		at, _ := bits.Mul64(rng.Uint64(), n)
		if count[at] < math.MaxUint16 {
			count[at]++
		}
	}
}

// Outputs is the number of predictions of a row: Classes where there are more than two, else 1.
func (f *Forest) Outputs() int { return f.ens.outputs }

// Features is the number of features of a row.
func (f *Forest) Features() int { return f.ens.features }

// Classes is the number of classes, or 0 for regression.
func (f *Forest) Classes() int { return f.classes }

// Trees is the number of trees.
func (f *Forest) Trees() int { return f.ens.trees() }

// Importance sums gains and counts of splits by feature. Gain is the fall of the weighted variance, which for
// classes is the Gini impurity, averaged over trees: the customary mean decrease in impurity.
func (f *Forest) Importance() Importance { return f.ens.importance() }

// Predict gives the mean for regression, the probability of class 1 for two classes, or the probability of each
// class.
func (f *Forest) Predict(x []float64) []float64 {
	out := make([]float64, f.ens.outputs)
	f.ens.sum(x, out)
	return out
}

// PredictColumns predicts many rows as out[output][row]; the same bits as Predict.
func (f *Forest) PredictColumns(x [][]float64) [][]float64 {
	n := rowCount(x, f.ens.features)
	out := make([][]float64, f.ens.outputs)
	for k := range out {
		out[k] = make([]float64, n)
	}
	f.ens.sumColumns(x, out)
	return out
}
