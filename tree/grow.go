package tree

import (
	"context"
	"math"
	"sync/atomic"
	"unsafe"
)

// histBudget bounds the memory of the histograms kept for subtraction. Beyond it (tens of thousands of
// features) both children are summed anew, which gives the same integers more slowly.
const histBudget = 1 << 29

// parallelWork is the number of row-feature pairs below which waking other threads costs more than it saves.
const parallelWork = 1 << 14

// A grower grows trees leaf by leaf: always the leaf whose split gains most (best-first, as LightGBM). For a
// given number of leaves this reaches a lower loss than growing level by level; Depth reins it in.
type grower struct {
	p           BoostParams
	bins        *binned
	words       []uint64 // bins by row, see binned.words
	stride      int
	groups      int // of eight features
	rows, tmp   []uint32
	gh          []fixed // per row
	sc          scale
	features    []bool // drawn for this tree; nil = all
	constrained bool   // some feature is monotone
	plain       bool   // no constraint, no L1: the fast formula holds
	keep        bool   // histograms are kept for subtraction
	free        []hist
	scratch     []hist // histograms of one worker each
	sets        [][]bool
	inBag       []bool
	touched     atomic.Uint64
}

// A leafState is a leaf that may be split.
type leafState struct {
	from, to int
	sum      fixed
	depth    int
	lo, hi   float64 // bounds of its value from monotone splits above
	node     int
	hist     hist
	path     []int // features used above, kept only with interaction constraints
	best     split
}

// A grownLeaf ties a leaf's node to its rows in grower.rows.
type grownLeaf struct{ node, from, to int }

func newGrower(b *binned, p BoostParams) *grower {
	g := &grower{p: p, bins: b}
	g.words, g.stride = b.words()
	g.groups = g.stride
	g.gh = make([]fixed, b.rows)
	g.rows, g.tmp = make([]uint32, 0, b.rows), make([]uint32, b.rows)
	for _, m := range p.Monotone {
		g.constrained = g.constrained || m != 0
	}
	g.plain = !g.constrained && p.L1 == 0
	size := g.groups * int(unsafe.Sizeof(groupHist{}))
	g.keep = size*min(p.Leaves, b.rows) <= histBudget
	g.scratch = make([]hist, maxWorkers)
	if p.Interactions != nil {
		g.sets = interactionSets(p.Interactions, len(b.col))
	}
	return g
}

// grow fits one tree to the gradients of the given rows. The node values are left for the caller to set.
func (g *grower) grow(ctx context.Context, rows []uint32, grad, hess []float64, unit bool, features []bool) ([]buildNode, []grownLeaf, error) {
	g.rows = append(g.rows[:0], rows...)
	g.features = features
	root := &leafState{to: len(rows), lo: math.Inf(-1), hi: math.Inf(1)}
	g.sc, root.sum = quantise(g.gh, rows, grad, hess, unit)
	tree := []buildNode{{left: -1}}
	leaves := []*leafState{root}
	g.search(root, nil, nil)
	for len(leaves) < g.p.Leaves {
		if err := ctx.Err(); err != nil {
			g.release(leaves)
			return nil, nil, err
		}
		at := -1
		for i, l := range leaves {
			if l.best.gain > 0 && (at < 0 || l.best.gain > leaves[at].best.gain) {
				at = i
			}
		}
		if at < 0 {
			break
		}
		left, right := g.split(&tree, leaves[at])
		leaves[at] = left
		leaves = append(leaves, right)
		if len(leaves) < g.p.Leaves {
			g.searchChildren(left, right)
		}
	}
	g.release(leaves)
	out := make([]grownLeaf, len(leaves))
	for i, l := range leaves {
		out[i] = grownLeaf{l.node, l.from, l.to}
	}
	return tree, out, nil
}

func (g *grower) release(leaves []*leafState) {
	for _, l := range leaves {
		if l.hist != nil {
			g.free = append(g.free, l.hist)
			l.hist = nil
		}
	}
}

// split carries out the best split of a leaf. The left child takes over its histogram for subtraction.
func (g *grower) split(tree *[]buildNode, l *leafState) (left, right *leafState) {
	s := &l.best
	table := s.table()
	m := partition(g.rows[l.from:l.to], g.tmp[l.from:l.to], g.bins.col[s.feature], &table)
	t := *tree
	n := &t[l.node]
	n.feature, n.cat, n.set, n.gain = s.feature, s.cat, s.set, s.gain
	n.missLeft = s.missLeft
	// What the rows of the leaf do not show follows the majority: missing values, categories.
	majority := m*2 >= l.to-l.from
	if !s.sawMissing {
		n.missLeft = majority
	}
	if s.cat {
		n.set = s.setWithUnseen(majority)
	} else {
		n.threshold = g.bins.threshold(s.feature, s.bin)
	}
	n.left, n.right = len(t), len(t)+1
	*tree = append(t, buildNode{left: -1}, buildNode{left: -1})
	left = &leafState{from: l.from, to: l.from + m, sum: s.left, depth: l.depth + 1, lo: l.lo, hi: l.hi, node: len(t)}
	right = &leafState{from: l.from + m, to: l.to, sum: l.sum - s.left, depth: l.depth + 1, lo: l.lo, hi: l.hi, node: len(t) + 1}
	if g.constrained {
		if d := g.p.Monotone[s.feature]; d != 0 {
			mid := g.value(left.sum, l.lo, l.hi)/2 + g.value(right.sum, l.lo, l.hi)/2
			if d > 0 {
				left.hi, right.lo = mid, mid
			} else {
				left.lo, right.hi = mid, mid
			}
		}
	}
	if g.sets != nil {
		path := append(append([]int(nil), l.path...), s.feature)
		left.path, right.path = path, path
	}
	left.hist = l.hist
	l.hist = nil
	return left, right
}

// searchChildren finds the splits of two new leaves. The smaller one's histogram is summed over its rows, the
// larger one's is what is left of the parent's.
func (g *grower) searchChildren(left, right *leafState) {
	small, large := left, right
	if right.to-right.from < left.to-left.from {
		small, large = right, left
	}
	parent := left.hist
	left.hist = nil
	if !g.splittable(small) && !g.splittable(large) {
		if parent != nil {
			g.free = append(g.free, parent)
		}
		return
	}
	g.search(small, large, parent)
}

// splittable tells whether a leaf can have a split at all.
func (g *grower) splittable(l *leafState) bool {
	return l.depth < g.p.Depth && l.to-l.from >= 2*g.p.MinRows
}

// search finds the best split of a leaf, and of its larger sibling if that is given.
func (g *grower) search(small, large *leafState, parent hist) {
	best := make([]split, 2*g.groups)
	if g.keep {
		g.searchKept(small, large, parent, best)
	} else {
		g.searchAnew(small, large, best)
	}
	for t := range g.groups {
		small.best.take(&best[2*t])
		if large != nil {
			large.best.take(&best[2*t+1])
		}
	}
	g.settle(small)
	if large != nil {
		g.settle(large)
	}
}

// searchKept sums the smaller leaf and subtracts it from the parent's histogram. Rows are shared out between
// threads, each with a histogram of its own: integers give the same sum in any order.
func (g *grower) searchKept(small, large *leafState, parent hist, best []split) {
	rows := g.rows[small.from:small.to]
	ranges := (g.groups + histRange - 1) / histRange
	parts := 1
	if w := workers(); ranges < w {
		parts = max(1, min(w, len(rows)*g.groups/(parallelWork/8)))
	}
	small.hist = g.take()
	dst := []hist{small.hist}
	for i := 1; i < parts; i++ {
		dst = append(dst, g.scratchHist(i))
	}
	tasks := ranges * parts
	if len(rows)*g.groups*8 < parallelWork {
		tasks = 1
	}
	parallel(tasks, func(_, t int) {
		if tasks == 1 {
			clear(small.hist)
			g.accumulateAll(small.hist, rows)
			return
		}
		r, c := t%ranges, t/ranges
		first, last := r*histRange, min((r+1)*histRange, g.groups)
		h := dst[c][first:last]
		clear(h)
		g.accumulate(h, first, rows[len(rows)*c/parts:len(rows)*(c+1)/parts])
	})
	if large != nil {
		large.hist = parent
	}
	finish := func(_, t int) {
		for _, d := range dst[1:] {
			small.hist[t].add(&d[t])
		}
		best[2*t] = g.bestOf(t, &small.hist[t], small)
		if large != nil {
			large.hist[t].subtract(&small.hist[t])
			best[2*t+1] = g.bestOf(t, &large.hist[t], large)
		}
	}
	parallel(g.groups, finish)
}

func (g *grower) accumulateAll(h hist, rows []uint32) {
	for first := 0; first < len(h); first += histRange {
		g.accumulate(h[first:min(first+histRange, len(h))], first, rows)
	}
}

// searchAnew sums both leaves range by range and keeps nothing.
func (g *grower) searchAnew(small, large *leafState, best []split) {
	parallel((g.groups+histRange-1)/histRange, func(w, t int) {
		if g.scratch[w] == nil {
			g.scratch[w] = make(hist, histRange)
		}
		first, last := t*histRange, min((t+1)*histRange, g.groups)
		for i, l := range []*leafState{small, large} {
			if l == nil {
				continue
			}
			h := g.scratch[w][:last-first]
			clear(h)
			g.accumulate(h, first, g.rows[l.from:l.to])
			for k := range h {
				best[2*(first+k)+i] = g.bestOf(first+k, &h[k], l)
			}
		}
	})
}

// scratchHist is a histogram of all features that is free during one search.
func (g *grower) scratchHist(i int) hist {
	for len(g.scratch) <= i {
		g.scratch = append(g.scratch, nil)
	}
	if g.scratch[i] == nil {
		g.scratch[i] = make(hist, g.groups)
	}
	return g.scratch[i]
}

func (g *grower) take() hist {
	if n := len(g.free); n > 0 {
		h := g.free[n-1]
		g.free = g.free[:n-1]
		return h
	}
	return make(hist, g.groups)
}

// newton is the best value of a leaf with the given exact sums: one Newton step, shrunk.
func (g *grower) newton(grad, hess float64) float64 {
	d := hess + g.p.L2
	if d <= 0 {
		return 0
	}
	return -shrink(grad, g.p.L1) / d
}

// value is newton on fixed sums within bounds.
func (g *grower) value(s fixed, lo, hi float64) float64 {
	return min(max(g.newton(float64(s.grad())*g.sc.g, float64(s.hess())*g.sc.h), lo), hi)
}

// shrink is the soft threshold of L1 regularisation.
func shrink(v, l1 float64) float64 {
	switch {
	case v > l1:
		return v - l1
	case v < -l1:
		return v + l1
	}
	return 0
}

// seen marks the rows of the tree just grown.
func (g *grower) seen() []bool {
	if g.inBag == nil {
		g.inBag = make([]bool, g.bins.rows)
	}
	clear(g.inBag)
	for _, r := range g.rows {
		g.inBag[r] = true
	}
	return g.inBag
}

// predictBins follows a row of the training table through a tree.
func (g *grower) predictBins(tree []buildNode, row uint32) float64 {
	i := 0
	for tree[i].left >= 0 {
		n := &tree[i]
		b := g.bins.col[n.feature][row]
		left := false
		switch {
		case n.cat:
			left = n.set.has(b)
		case b == missingBin:
			left = n.missLeft
		default:
			left = g.bins.threshold(n.feature, int(b)) <= n.threshold
		}
		if left {
			i = n.left
		} else {
			i = n.right
		}
	}
	return tree[i].value[0]
}

// interactionSets completes the groups by one for each feature that is in none.
func interactionSets(groups [][]int, features int) [][]bool {
	var sets [][]bool
	covered := make([]bool, features)
	for _, g := range groups {
		s := make([]bool, features)
		for _, f := range g {
			s[f], covered[f] = true, true
		}
		sets = append(sets, s)
	}
	for f, c := range covered {
		if !c {
			s := make([]bool, features)
			s[f] = true
			sets = append(sets, s)
		}
	}
	return sets
}

// allowed tells whether a feature may be used below a path: some group holds it and all of the path.
func (g *grower) allowed(f int, path []int) bool {
	if g.features != nil && !g.features[f] {
		return false
	}
	if g.sets == nil {
		return true
	}
next:
	for _, s := range g.sets {
		if !s[f] {
			continue
		}
		for _, u := range path {
			if !s[u] {
				continue next
			}
		}
		return true
	}
	return false
}
