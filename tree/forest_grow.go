package tree

import (
	"cmp"
	"context"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// A forestGrower grows the trees of one thread, one at a time. A tree is grown depth first, and a node looks
// only at the features drawn for it, so there is nothing to subtract and no histogram to keep.
//
// For regression and two classes the sums are fixed (see quantise.go) with the target's distance from its mean
// as gradient and the weight as hessian: the gain of boosting with λ = 0 is then the fall in variance, and for
// y in {0,1} half the fall in Gini impurity, which has the same best split. With more classes each bin
// holds the weight of every class.
type forestGrower struct {
	f         *forestFit
	width     int
	rng       *rand.Rand
	count     []uint16 // per entry of use: how often it was drawn
	rows, tmp []uint32
	gh        []fixed // per row
	grad      []float64
	hess      []float64
	sc        scale
	order     []int // features, shuffled as they are drawn
	classHist []float64
	total     []float64
	leftSum   []float64
	rowHist   [256]uint32
	h         [256]fixed
	nodes     []buildNode
	exact     bool // the hessian counts drawn rows exactly
}

func newForestGrower(f *forestFit, width int) *forestGrower {
	n := f.bins.rows
	g := &forestGrower{f: f, width: width, count: make([]uint16, len(f.use)), exact: f.w == nil}
	g.rows, g.tmp = make([]uint32, 0, n), make([]uint32, n)
	g.hess = make([]float64, n)
	if f.multi {
		g.classHist = make([]float64, 256*width)
		g.total, g.leftSum = make([]float64, width), make([]float64, width)
	} else {
		g.gh, g.grad = make([]fixed, n), make([]float64, n)
	}
	g.order = make([]int, len(f.bins.col))
	return g
}

// tree draws the rows of tree t and grows it. A cancelled context leaves the tree unfinished.
func (g *forestGrower) tree(ctx context.Context, t int) []buildNode {
	f := g.f
	g.rng = stream(f.p.Seed, uint64(t))
	f.draw(g.rng, g.count)
	g.rows = g.rows[:0]
	for i, r := range f.use {
		if c := g.count[i]; c > 0 {
			g.rows = append(g.rows, r)
			g.hess[r] = float64(c) * weightOf(f.w, r)
		}
	}
	if f.bags != nil {
		bag := make([]uint64, (f.bins.rows+63)/64)
		for _, r := range g.rows {
			bag[r>>6] |= 1 << (r & 63)
		}
		f.bags[t] = bag
	}
	if !f.multi {
		g.quantise()
	}
	for i := range g.order {
		g.order[i] = i
	}
	g.nodes = nil
	g.grow(ctx, 0, len(g.rows), 0)
	return g.nodes
}

func weightOf(w []float64, r uint32) float64 {
	if w == nil {
		return 1
	}
	return w[r]
}

// quantise packs the drawn rows; see the function of that name, which this does in one thread and with exact
// counts of drawn rows where rows have no weights.
func (g *forestGrower) quantise() {
	var sumG, sumH float64
	for _, r := range g.rows {
		g.grad[r] = g.hess[r] * (g.f.y[r] - g.f.mean)
		sumG += math.Abs(g.grad[r])
		sumH += g.hess[r]
	}
	sc, toG, toH := rowScale(sumG, sumH, len(g.rows), g.exact)
	for _, r := range g.rows {
		g.gh[r] = fixed(roundEven(g.grad[r]*toG)<<32 + int64(g.hess[r]*toH+0.5))
	}
	g.sc = sc
}

// A forestSplit is the best split of a node.
type forestSplit struct {
	split
	found bool
}

// grow adds the subtree of rows[from:to] and returns its node.
func (g *forestGrower) grow(ctx context.Context, from, to, depth int) int {
	at := len(g.nodes)
	g.nodes = append(g.nodes, buildNode{left: -1})
	rows := g.rows[from:to]
	var drawn, weight float64
	for _, r := range rows {
		weight += g.hess[r]
	}
	drawn = weight
	if !g.exact {
		drawn = float64(g.drawn(rows))
	}
	g.nodes[at].cover = weight
	if depth < g.f.p.Depth && drawn >= 2*float64(g.f.p.MinLeaf) && ctx.Err() == nil {
		if s := g.search(rows); s.found {
			table := s.table()
			m := partitionChunk(rows, g.tmp, g.f.bins.col[s.feature], &table)
			copy(rows[m:], g.tmp[:len(rows)-m])
			n := &g.nodes[at]
			n.feature, n.cat, n.missLeft = s.feature, s.cat, s.missLeft
			n.gain = s.gain / float64(g.f.p.Trees)
			majority := m*2 >= len(rows)
			if !s.sawMissing {
				n.missLeft = majority
			}
			if s.cat {
				n.set = s.setWithUnseen(majority)
			} else {
				n.threshold = g.f.bins.threshold(s.feature, s.bin)
			}
			l := g.grow(ctx, from, from+m, depth+1)
			r := g.grow(ctx, from+m, to, depth+1)
			g.nodes[at].left, g.nodes[at].right = l, r
			return at
		}
	}
	g.nodes[at].value = g.leafValue(rows, weight)
	return at
}

// drawn is the number of drawn rows, counting repeats, where rows have weights.
func (g *forestGrower) drawn(rows []uint32) int {
	var n float64
	for _, r := range rows {
		n += math.Round(g.hess[r] / g.f.w[r])
	}
	return int(n)
}

// leafValue is the mean of the leaf, or its shares of classes, divided by the number of trees.
func (g *forestGrower) leafValue(rows []uint32, weight float64) []float64 {
	v := make([]float64, g.width)
	if g.f.multi {
		for _, r := range rows {
			v[int(g.f.y[r])] += g.hess[r]
		}
	} else {
		for _, r := range rows {
			v[0] += g.hess[r] * g.f.y[r]
		}
	}
	for k := range v {
		v[k] /= weight * float64(g.f.p.Trees)
	}
	return v
}

// search draws features until FeaturesPerSplit of them could have parted the node, as scikit-learn does, so
// that constant features do not use up the draw.
func (g *forestGrower) search(rows []uint32) (best forestSplit) {
	if g.pure(rows) {
		return best
	}
	tried := 0
	for i := range g.order {
		j := i + g.rng.IntN(len(g.order)-i)
		g.order[i], g.order[j] = g.order[j], g.order[i]
		f := g.order[i]
		varies := false
		if g.f.multi {
			varies = g.classSplit(f, rows, &best)
		} else {
			varies = g.meanSplit(f, rows, &best)
		}
		if varies {
			if tried++; tried == g.f.p.FeaturesPerSplit {
				break
			}
		}
	}
	return best
}

// pure tells whether all targets of a node are the same.
func (g *forestGrower) pure(rows []uint32) bool {
	y := g.f.y[rows[0]]
	for _, r := range rows[1:] {
		if g.f.y[r] != y {
			return false
		}
	}
	return true
}

// meanSplit tries the splits of a node on one feature by their fall in variance.
func (g *forestGrower) meanSplit(f int, rows []uint32, best *forestSplit) (varies bool) {
	col, h := g.f.bins.col[f], &g.h
	var used catSet
	var total fixed
	for _, r := range rows {
		b, v := col[r], g.gh[r]
		h[b] += v
		used.add(b)
		total += v
	}
	if used.count() < 2 {
		g.clear(used)
		return false
	}
	if !g.exact {
		for _, r := range rows {
			g.rowHist[col[r]] += uint32(math.Round(g.hess[r] / g.f.w[r]))
		}
	}
	if g.f.bins.cat[f] != nil {
		g.scanMeans(f, g.byMean(used), used, total, false, best)
	} else {
		order := used.list()
		g.scanMeans(f, order, used, total, false, best)
		if used.has(missingBin) {
			// The list ends with the missing bin: move it to the front.
			copy(order[1:], order[:len(order)-1])
			order[0] = missingBin
			g.scanMeans(f, order, used, total, true, best)
		}
	}
	g.clear(used)
	return true
}

func (g *forestGrower) clear(used catSet) {
	for _, b := range used.list() {
		g.h[b] = 0
		g.rowHist[b] = 0
	}
}

// byMean orders bins by their mean target.
func (g *forestGrower) byMean(used catSet) []uint8 {
	order := used.list()
	var mean [256]float64
	for _, b := range order {
		mean[b] = float64(g.h[b].grad()) / float64(max(1, g.h[b].hess()))
	}
	slices.SortStableFunc(order, func(a, b uint8) int { return cmp.Compare(mean[a], mean[b]) })
	return order
}

// scanMeans tries every cut of an order of bins.
func (g *forestGrower) scanMeans(f int, order []uint8, used catSet, total fixed, missFirst bool, best *forestSplit) {
	own := square(total) * g.sc.unit()
	floor := max(best.gain, 1e-12*own)
	var all, rows uint32
	if !g.exact {
		for _, b := range order {
			all += g.rowHist[b]
		}
	}
	var left fixed
	limit := int64(g.f.p.MinLeaf)
	for i, b := range order[:len(order)-1] {
		left += g.h[b]
		right := total - left
		if g.exact {
			if left.hess() < limit {
				continue
			}
			if right.hess() < limit {
				break
			}
		} else {
			rows += g.rowHist[b]
			if int64(rows) < limit || left.hess() == 0 {
				continue
			}
			if int64(all-rows) < limit || right.hess() == 0 {
				break
			}
		}
		if i == 0 && missFirst {
			continue // all values against the missing ones: the last cut of the other order
		}
		gain := (square(left)+square(right))*g.sc.unit() - own
		if gain > floor {
			floor = gain
			best.set(g.f.bins, f, order, i, used, gain, missFirst)
		}
	}
}

// square is G²/H in units.
func square(v fixed) float64 {
	g := float64(v.grad())
	return g * g / float64(v.hess())
}

// unit turns square into numbers.
func (s scale) unit() float64 { return s.g * s.g / s.h }

// set records the cut after place i of an order of bins.
func (s *forestSplit) set(b *binned, f int, order []uint8, i int, used catSet, gain float64, missFirst bool) {
	s.found, s.gain, s.feature = true, gain, f
	s.sawMissing = used.has(missingBin)
	s.cat = b.cat[f] != nil
	s.present = used
	s.missLeft = missFirst
	if s.cat {
		s.split.set = catSet{}
		for _, c := range order[:i+1] {
			s.split.set.add(c)
		}
		s.missLeft = s.split.set.has(missingBin)
		return
	}
	// The middle of the empty bins between two used ones: see centre.
	s.bin = (int(order[i]) + int(order[i+1]) - 1) / 2
	if order[i+1] == missingBin {
		s.bin = b.bins[f] - 1 // all values left, also those above what the node has seen
	}
}

func (s *catSet) count() int {
	return bits.OnesCount64(s[0]) + bits.OnesCount64(s[1]) + bits.OnesCount64(s[2]) + bits.OnesCount64(s[3])
}

// list gives the members in ascending order.
func (s *catSet) list() []uint8 {
	out := make([]uint8, 0, 256)
	for w, v := range s {
		for ; v != 0; v &= v - 1 {
			out = append(out, uint8(w*64+bits.TrailingZeros64(v)))
		}
	}
	return out
}
