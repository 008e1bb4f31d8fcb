package tree

import (
	"cmp"
	"math"
	"slices"
)

// A split is the best way found to part a leaf. Its gain is
//
//	G_L²/(H_L+λ) + G_R²/(H_R+λ) − G²/(H+λ)
//
// for sums G of gradients and H of hessians: twice the loss that the second-order expansion says is won
// (Chen and Guestrin, XGBoost, KDD 2016, eq. 7 without the factor ½). With bounds or L1 each term is the same
// expansion at the bounded value.
type split struct {
	gain       float64 // > 0, or 0: none
	feature    int
	bin        int // numeric: bins ≤ bin go left
	missLeft   bool
	sawMissing bool // missing values were among the rows
	cat        bool
	set        catSet // categorical: the bins with rows that go left
	present    catSet // categorical: the bins with rows
	left       fixed  // sums of the left side
}

// take keeps the better of two splits; the first wins a tie, so order is by feature.
func (s *split) take(o *split) {
	if o.gain > s.gain {
		*s = *o
	}
}

// table tells for each bin whether it goes left.
func (s *split) table() (t [256]uint8) {
	for b := range t {
		left := b <= s.bin
		if b == missingBin {
			left = s.missLeft
		}
		if s.cat {
			left = s.set.has(uint8(b))
		}
		if left {
			t[b] = 1
		}
	}
	return t
}

// setWithUnseen sends the categories that had no rows to one side.
func (s *split) setWithUnseen(left bool) catSet {
	out := s.set
	if left {
		for i := range out {
			out[i] |= ^s.present[i]
		}
	}
	return out
}

// A search is the search for the split of one leaf.
type search struct {
	g        *grower
	leaf     *leafState
	own      float64 // score of the leaf unsplit
	floor    float64 // gain that a split must exceed
	rowLimit int64   // smallest possible hessian of MinRows rows: less is surely too few rows
	minHess  float64 // in units
	counts   *[256]uint32
}

func (g *grower) newSearch(l *leafState) search {
	s := search{g: g, leaf: l}
	gr, he := float64(l.sum.grad())*g.sc.g, float64(l.sum.hess())*g.sc.h
	s.own = s.score(gr, he)
	// Sums of rounded gradients are off by about half a unit for the root of the number of rows: a gain that
	// could come from that is no gain.
	s.floor = g.p.MinGain
	if d := he + g.p.L2; d > 0 {
		s.floor = max(s.floor, 4*float64(l.to-l.from)*g.sc.g*g.sc.g/d)
	}
	s.rowLimit = int64(g.p.MinRows) * g.sc.minHess
	if g.sc.h > 0 {
		s.minHess = g.p.MinHessian / g.sc.h
	}
	return s
}

// score is the term of one side in the gain.
func (s *search) score(gr, he float64) float64 {
	d := he + s.g.p.L2
	if d <= 0 {
		return 0
	}
	if s.g.plain {
		return gr * gr / d
	}
	w := min(max(-shrink(gr, s.g.p.L1)/d, s.leaf.lo), s.leaf.hi)
	return -2*gr*w - d*w*w - 2*s.g.p.L1*math.Abs(w)
}

// bestOf finds the best split of a leaf over the eight features of a group.
func (g *grower) bestOf(group int, h *groupHist, l *leafState) (best split) {
	if !g.splittable(l) {
		return best
	}
	s := g.newSearch(l)
	for j := range min(8, len(g.bins.col)-group*8) {
		if f := group*8 + j; g.allowed(f, l.path) {
			s.feature(f, &h[j], &best)
		}
	}
	return best
}

func (s *search) feature(f int, h *[256]fixed, best *split) {
	if s.g.bins.cat[f] != nil {
		s.categories(f, h, best)
		return
	}
	s.numeric(f, h, best)
}

// enough tells whether a side may have enough rows and hessian. Rows are judged by the smallest hessian of a
// row here; settle counts them where that leaves a doubt.
func (s *search) enough(side fixed, rows uint32) bool {
	h := side.hess()
	if float64(h) < s.minHess {
		return false
	}
	if s.counts != nil {
		return int(rows) >= s.g.p.MinRows
	}
	// At least MinRows rows have at least rowLimit units, so fewer units are surely too few rows.
	return h >= s.rowLimit
}

// numeric tries every threshold, with missing values on the right and then on the left.
func (s *search) numeric(f int, h *[256]fixed, best *split) {
	bins, missing := s.g.bins.bins[f], h[missingBin]
	var direction int8
	if s.g.constrained {
		direction = s.g.p.Monotone[f]
	}
	var missRows uint32
	if s.counts != nil {
		missRows = s.counts[missingBin]
	}
	last := bins - 1 // with missing values the last cut parts them from all others
	if missing != 0 {
		last = bins
	}
	before := best.gain
	s.scan(f, h, last, 0, 0, missing != 0, direction, best)
	if missing != 0 {
		s.scan(f, h, bins-1, missing, missRows, true, direction, best)
	}
	if best.gain > before {
		s.centre(f, h, best)
	}
}

// centre moves the cut of a split on feature f, just found, to the middle of the empty bins that follow it: all
// of them part the rows of the leaf alike, and new rows fall between. With no bin left above, the split parts
// missing values from all others, and then from any other.
func (s *search) centre(f int, h *[256]fixed, best *split) {
	bins := s.g.bins.bins[f]
	next := best.bin + 1
	for next < bins && s.empty(h, next) {
		next++
	}
	if next == bins {
		best.bin = bins - 1
	} else {
		best.bin = (best.bin + next - 1) / 2
	}
}

func (s *search) empty(h *[256]fixed, b int) bool {
	if s.counts != nil {
		return s.counts[b] == 0
	}
	return h[b] == 0
}

// scan tries the thresholds after bins 0..last-1 on top of what starts on the left.
func (s *search) scan(f int, h *[256]fixed, last int, left fixed, rows uint32, sawMissing bool, direction int8, best *split) {
	g := s.g
	total, n := s.leaf.sum, uint32(s.leaf.to-s.leaf.from)
	missLeft := left != 0
	for b := 0; b < last; b++ {
		if s.empty(h, b) {
			continue // the same rows as at the bin before
		}
		left += h[b]
		if s.counts != nil {
			rows += s.counts[b]
		}
		right := total - left
		if !s.enough(left, rows) {
			continue
		}
		if !s.enough(right, n-rows) {
			break
		}
		gl, hl := float64(left.grad())*g.sc.g, float64(left.hess())*g.sc.h
		gr, hr := float64(right.grad())*g.sc.g, float64(right.hess())*g.sc.h
		var gain float64
		if g.plain {
			dl, dr := hl+g.p.L2, hr+g.p.L2
			if d := dl * dr; d > 0 {
				gain = (gl*gl*dr+gr*gr*dl)/d - s.own
			}
		} else {
			if direction != 0 && !s.inOrder(left, right, direction) {
				continue
			}
			gain = s.score(gl, hl) + s.score(gr, hr) - s.own
		}
		if gain > s.floor && gain > best.gain {
			*best = split{gain: gain, feature: f, bin: b, missLeft: missLeft, sawMissing: sawMissing, left: left}
		}
	}
}

// inOrder tells whether the values of both sides respect a monotone direction.
func (s *search) inOrder(left, right fixed, direction int8) bool {
	l, r := s.g.value(left, s.leaf.lo, s.leaf.hi), s.g.value(right, s.leaf.lo, s.leaf.hi)
	return (direction > 0 && l <= r) || (direction < 0 && l >= r)
}

// categories puts the categories of a leaf in the order of their mean gradients and tries every cut of that
// order, which holds the best of all subsets (Fisher 1958). Missing values count as one more category.
func (s *search) categories(f int, h *[256]fixed, best *split) {
	g := s.g
	n := s.leaf.to - s.leaf.from
	smooth := g.p.CatSmooth * float64(s.leaf.sum.hess()) / float64(n) // CatSmooth rows of average hessian
	type category struct {
		bin  uint8
		mean float64
	}
	var order [256]category
	k := 0
	var present catSet
	for b, v := range h {
		if v != 0 {
			order[k] = category{uint8(b), float64(v.grad()) / (float64(v.hess()) + smooth)}
			present.add(uint8(b))
			k++
		}
	}
	if k < 2 {
		return
	}
	slices.SortStableFunc(order[:k], func(a, b category) int { return cmp.Compare(a.mean, b.mean) })
	var set catSet
	var left fixed
	var rows uint32
	l2 := g.p.L2 + g.p.CatL2
	for _, c := range order[:k-1] {
		left += h[c.bin]
		set.add(c.bin)
		if s.counts != nil {
			rows += s.counts[c.bin]
		}
		right := s.leaf.sum - left
		if !s.enough(left, rows) || !s.enough(right, uint32(n)-rows) {
			continue
		}
		gain := s.catScore(left, l2) + s.catScore(right, l2) - s.own
		if gain > s.floor && gain > best.gain {
			*best = split{
				gain: gain, feature: f, cat: true, set: set, present: present, left: left,
				missLeft: set.has(missingBin), sawMissing: present.has(missingBin),
			}
		}
	}
}

// catScore is score with the stronger shrinkage of categorical splits.
func (s *search) catScore(side fixed, l2 float64) float64 {
	gr, d := float64(side.grad())*s.g.sc.g, float64(side.hess())*s.g.sc.h+l2
	if d <= 0 {
		return 0
	}
	w := min(max(-shrink(gr, s.g.p.L1)/d, s.leaf.lo), s.leaf.hi)
	return -2*gr*w - d*w*w - 2*s.g.p.L1*math.Abs(w)
}

// settle makes sure of MinRows. A hessian bounds the number of rows only roughly, so a split whose sides might
// be too small is counted; if it is, the leaf is searched again with exact counts. The best split among more
// candidates than allowed is the best of the allowed ones too if it is allowed itself.
func (g *grower) settle(l *leafState) {
	s := &l.best
	if s.gain <= 0 {
		return
	}
	surely := int64(g.p.MinRows) * g.sc.maxHess
	if s.left.hess() >= surely && (l.sum-s.left).hess() >= surely {
		return
	}
	table, col := s.table(), g.bins.col[s.feature]
	n, left := l.to-l.from, 0
	for _, r := range g.rows[l.from:l.to] {
		left += int(table[col[r]])
	}
	if left >= g.p.MinRows && n-left >= g.p.MinRows {
		return
	}
	g.recount(l)
}

// recount searches a leaf with exact counts of rows.
func (g *grower) recount(l *leafState) {
	rows := g.rows[l.from:l.to]
	best := make([]split, len(g.bins.col))
	parallel(len(best), func(_, f int) {
		if !g.allowed(f, l.path) {
			return
		}
		var h [256]fixed
		var counts [256]uint32
		col := g.bins.col[f]
		for _, r := range rows {
			b := col[r]
			h[b] += g.gh[r]
			counts[b]++
		}
		s := g.newSearch(l)
		s.counts = &counts
		s.feature(f, &h, &best[f])
	})
	l.best = split{}
	for f := range best {
		l.best.take(&best[f])
	}
}
