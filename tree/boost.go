package tree

import (
	"context"
	"math"
	"math/rand/v2"

	"galen.dev/fault"
)

// BoostParams are the parameters of gradient boosting. The zero value of every field is a good default for
// tables from a few hundred to some million rows.
type BoostParams struct {
	Loss    Loss    // what to predict; 0 = Squared
	Classes int     // number of classes of Softmax; else ignored
	Alpha   float64 // the level of Quantile, 0 = 0.5; the δ of Huber in units of y, 0 = 1.35 times the spread of y

	// Rounds is the number of trees (of groups of Classes trees for Softmax). 0 = 200: with the default
	// learning rate the fit has settled on tables of any size, and larger tables should use Valid anyway.
	Rounds int
	// LearningRate shrinks each tree. 0 = 0.05: on tables of a few hundred rows, smaller steps win accuracy
	// over the customary 0.1 for twice the time, which is still below a second.
	LearningRate float64
	// Leaves bounds the leaves of a tree. 0 = 31, the value LightGBM made customary; MinRows bounds small tables.
	Leaves int
	// Depth bounds the splits from root to leaf. 0 = 4 below 10,000 rows, where deeper trees fit noise, and 6
	// from there on, which keeps leaf-wise growth from running down one branch; negative = 1000, which is no bound.
	Depth int
	// MinRows is the fewest rows of a leaf. 0 = 20, as in LightGBM and scikit-learn: a risk from fewer patients
	// is noise. Negative = 1.
	MinRows int
	// MinHessian is the smallest sum of second derivatives in a leaf. 0 = 0.001, which only stops leaves
	// of certain cases; negative = none.
	MinHessian float64
	L2         float64 // shrinks leaf values, in units of the hessian; 0 = 1, as in XGBoost; negative = none
	L1         float64 // soft threshold on the gradient sum of a leaf; 0 = none
	MinGain    float64 // smallest reduction of twice the loss that a split must bring; 0 = any

	Bins int // most bins of a feature, 2..255; 0 = 255
	// RowFraction and FeatureFraction are the shares of the rows drawn without replacement for each round,
	// and of the features drawn for each tree. 0 = 0.7 and 0.5: trees that see different parts err
	// differently, which on cohorts of some hundred patients is worth more than any other parameter, and the
	// fit takes a third of the time. 1 uses all.
	RowFraction, FeatureFraction float64

	// Categories gives the number of levels of each categorical feature and 0 for a numeric one; nil = all
	// numeric.
	Categories []int
	// CatSmooth pulls the mean gradient of a category towards 0 before categories are put in order, in rows.
	// 0 = 10 as in LightGBM, so that rare categories do not lead the order by chance; negative = none.
	CatSmooth float64
	// CatL2 is added to L2 when a split on categories is judged, because choosing a subset fits noise more
	// easily than choosing a threshold. 0 = 1; negative = none.
	CatL2 float64

	// Monotone gives 1 for a feature in which the prediction must not fall, -1 where it must not rise, 0 where it
	// is free; nil = all free. It holds exactly, over all values but missing ones. Not for categories.
	Monotone []int8
	// Interactions lists groups of features that may be used together on one path; a feature in no group is
	// used alone. nil = all may.
	Interactions [][]int

	ClassWeights []float64 // factor on the rows of each class (Logistic: two); nil = 1
	Balanced     bool      // weigh classes so that each counts the same, on top of ClassWeights

	Valid *Valid // rows on which the loss is watched; nil = no early stopping
	// Patience is how many rounds without a better loss on Valid end the fit. 0 = 30.
	Patience int

	Seed uint64 // of the draws of rows and features
}

// Valid holds rows that are kept out of the fit and decide when it stops.
type Valid struct {
	X [][]float64
	Y []float64
	W []float64 // nil = 1
}

// Boost is a fitted boosting model. It is safe for concurrent use.
type Boost struct {
	loss    Loss
	classes int
	base    []float64 // margin before the first tree, per output
	ens     *ensemble

	// History is the mean loss on Valid after each round, also of those past the best; nil without Valid.
	// It is not part of the model's bytes.
	History []float64
}

func (p BoostParams) withDefaults(rows int) BoostParams {
	p.Rounds = orInt(p.Rounds, 200)
	p.LearningRate = or(p.LearningRate, 0.05)
	p.Leaves = orInt(p.Leaves, 31)
	if p.Depth == 0 {
		p.Depth = 6
		if rows < 10_000 {
			p.Depth = 4
		}
	}
	if p.Depth < 0 {
		p.Depth = maxDepth
	}
	p.MinRows = max(1, orInt(p.MinRows, 20))
	p.MinHessian = max(0, or(p.MinHessian, 1e-3))
	p.L2 = max(0, or(p.L2, 1))
	p.Bins = orInt(p.Bins, maxBins)
	p.RowFraction = or(p.RowFraction, 0.7)
	p.FeatureFraction = or(p.FeatureFraction, 0.5)
	p.CatSmooth = max(0, or(p.CatSmooth, 10))
	p.CatL2 = max(0, or(p.CatL2, 1))
	p.Patience = orInt(p.Patience, 30)
	if p.Loss == Quantile {
		p.Alpha = or(p.Alpha, 0.5)
	}
	return p
}

func or(v, def float64) float64 {
	if v == 0 {
		return def
	}
	return v
}

func orInt(v, def int) int {
	if v == 0 {
		return def
	}
	return v
}

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

// classCount is the number of classes of y, 0 for regression.
func (p *BoostParams) classCount() int {
	switch p.Loss {
	case Logistic:
		return 2
	case Softmax:
		return p.Classes
	}
	return 0
}

func (p *BoostParams) check(features int) error {
	var c checker
	c.require(p.Loss < lossCount, "loss", "unknown loss")
	if p.Loss == Softmax {
		c.require(p.Classes >= 2 && p.Classes <= maxClasses, "classes", "softmax needs 2 to 1000 classes")
	}
	switch p.Loss {
	case Quantile:
		c.require(p.Alpha > 0 && p.Alpha < 1, "alpha", "a quantile level lies between 0 and 1")
	case Huber:
		c.require(p.Alpha >= 0 && finite(p.Alpha), "alpha", "Huber's delta is a positive number")
	}
	c.require(p.Rounds > 0, "rounds", "must be positive")
	c.require(p.LearningRate > 0 && p.LearningRate <= 1, "learning-rate", "must lie in (0, 1]")
	c.require(p.Leaves >= 2 && p.Leaves <= 1<<16, "leaves", "must lie in 2..65536")
	c.require(p.Depth <= maxDepth, "depth", "must be at most 1000")
	c.require(finite(p.MinHessian) && finite(p.L2) && finite(p.CatSmooth) && finite(p.CatL2), "l2", "must be finite")
	c.require(p.L1 >= 0 && finite(p.L1), "l1", "must not be negative")
	c.require(p.MinGain >= 0 && finite(p.MinGain), "min-gain", "must not be negative")
	c.require(p.Bins >= 2 && p.Bins <= maxBins, "bins", "must lie in 2..255")
	c.require(p.RowFraction > 0 && p.RowFraction <= 1, "row-fraction", "must lie in (0, 1]")
	c.require(p.FeatureFraction > 0 && p.FeatureFraction <= 1, "feature-fraction", "must lie in (0, 1]")
	c.require(p.Patience > 0, "patience", "must be positive")
	c.categories(p.Categories, features)
	c.classWeights(p.ClassWeights, p.classCount())
	c.require(p.Monotone == nil || len(p.Monotone) == features, "monotone", "needs one entry a feature")
	if len(p.Monotone) == features {
		for f, m := range p.Monotone {
			c.require(m >= -1 && m <= 1, "monotone", "entries are -1, 0 or 1")
			cat := len(p.Categories) == features && p.Categories[f] > 0
			c.require(m == 0 || !cat, "monotone", "a categorical feature has no direction")
			c.require(m == 0 || p.Loss != Softmax, "monotone", "softmax has no direction: each class pushes the others")
		}
	}
	for _, g := range p.Interactions {
		for _, f := range g {
			c.require(f >= 0 && f < features, "interactions", "names a feature that does not exist")
		}
	}
	return c.usage("boosting parameters")
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

// Outputs is the number of margins of a row: Classes for Softmax, else 1.
func (b *Boost) Outputs() int { return b.ens.outputs }

// Features is the number of features of a row.
func (b *Boost) Features() int { return b.ens.features }

// Loss is the loss the model was fitted with.
func (b *Boost) Loss() Loss { return b.loss }

// Classes is the number of classes, or 0 for regression.
func (b *Boost) Classes() int { return b.classes }

// Rounds is the number of rounds kept.
func (b *Boost) Rounds() int { return b.ens.trees() / b.ens.outputs }

// Importance sums gains and counts of splits by feature.
func (b *Boost) Importance() Importance { return b.ens.importance() }

// Margin is the sum of the trees for one row: the value itself for regression, the log odds of class 1 for
// Logistic, one value a class for Softmax.
func (b *Boost) Margin(x []float64) []float64 {
	out := append([]float64(nil), b.base...)
	b.ens.sum(x, out)
	return out
}

// MarginColumns gives margins of many rows as out[output][row].
func (b *Boost) MarginColumns(x [][]float64) [][]float64 {
	n := rowCount(x, b.ens.features)
	out := make([][]float64, b.ens.outputs)
	for k := range out {
		out[k] = make([]float64, n)
		fill(out[k], b.base[k])
	}
	b.ens.sumColumns(x, out)
	return out
}

// Predict gives the value for regression, the probability of class 1 for Logistic, or the probability of
// each class for Softmax.
func (b *Boost) Predict(x []float64) []float64 {
	out := b.Margin(x)
	b.respond(out)
	return out
}

// PredictColumns predicts many rows as out[output][row]; the same bits as Predict.
func (b *Boost) PredictColumns(x [][]float64) [][]float64 {
	out := b.MarginColumns(x)
	if b.loss != Logistic && b.loss != Softmax {
		return out
	}
	chunks(len(out[0]), func(_, from, to int) {
		row := make([]float64, len(out))
		for i := from; i < to; i++ {
			for k := range out {
				row[k] = out[k][i]
			}
			b.respond(row)
			for k := range out {
				out[k][i] = row[k]
			}
		}
	})
	return out
}

// respond turns margins into predictions in place.
func (b *Boost) respond(m []float64) {
	switch b.loss {
	case Logistic:
		m[0] = sigmoid(m[0])
	case Softmax:
		softmaxInPlace(m)
	}
}

func errRows(n int) error {
	return fault.Errorf(fault.Data, "%d rows are more than one model can be fitted on", n)
}
