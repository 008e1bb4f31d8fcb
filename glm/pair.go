package glm

import "slices"

// quadrants proposes steps for a pair of features, and ranks pairs (FAST, Lou et al. 2013): one cut on each
// axis, a leaf for each quadrant.
type quadrants struct {
	o    *booster
	wide []int // [term - first]: bins of the second axis
	base int   // first pair term
	p    []cell
}

// cell holds prefix sums of a rectangle from the corner.
type cell struct{ g, h, n float64 }

func (q *quadrants) propose(t, bins int, random bool) {
	o := q.o
	o.quiet(bins)
	wide := q.wide[t-q.base]
	high := bins / wide
	q.prefix(o.hist[0][:bins], o.rows[t], high, wide)
	a, b, gain := 0, 0, 0.0
	if random && high > 1 && wide > 1 {
		a, b = 1+o.rnd.IntN(high-1), 1+o.rnd.IntN(wide-1)
		gain = q.gain(a, b, high, wide)
	} else if !random {
		a, b, gain = q.best(high, wide)
	}
	if gain <= 0 {
		return
	}
	for i, c := range q.corners(a, b, high, wide) {
		if c.n < float64(o.p.MinLeaf) {
			continue
		}
		rowLo, rowHi, colLo, colHi := 0, a, 0, b
		if i >= 2 {
			rowLo, rowHi = a, high
		}
		if i%2 == 1 {
			colLo, colHi = b, wide
		}
		var list []int
		for r := rowLo; r < rowHi; r++ {
			for s := colLo; s < colHi; s++ {
				list = append(list, r*wide+s)
			}
		}
		o.step(0, sums{c.g, c.h}, list)
	}
}

// prefix fills q.p, (high+1)×(wide+1), with the sums of all cells above and left.
func (q *quadrants) prefix(hist []sums, rows []float64, high, wide int) {
	w := wide + 1
	q.p = append(q.p[:0], make([]cell, (high+1)*w)...)
	for r := range high {
		var run cell
		for s := range wide {
			b := r*wide + s
			run.g += hist[b].g
			run.h += hist[b].h
			run.n += rows[b]
			up := q.p[r*w+s+1]
			q.p[(r+1)*w+s+1] = cell{up.g + run.g, up.h + run.h, up.n + run.n}
		}
	}
}

// corners are the sums of the quadrants: low low, low high, high low, high high.
func (q *quadrants) corners(a, b, high, wide int) [4]cell {
	w := wide + 1
	ll, top, left, all := q.p[a*w+b], q.p[a*w+wide], q.p[high*w+b], q.p[high*w+wide]
	lh := cell{top.g - ll.g, top.h - ll.h, top.n - ll.n}
	hl := cell{left.g - ll.g, left.h - ll.h, left.n - ll.n}
	return [4]cell{ll, lh, hl, {all.g - top.g - hl.g, all.h - top.h - hl.h, all.n - top.n - hl.n}}
}

func (q *quadrants) gain(a, b, high, wide int) (g float64) {
	least := float64(q.o.p.MinLeaf)
	for _, c := range q.corners(a, b, high, wide) {
		if c.n >= least && c.h >= minCurvature {
			g += c.g * c.g / c.h
		}
	}
	return g
}

func (q *quadrants) best(high, wide int) (a, b int, gain float64) {
	for r := 1; r < high; r++ {
		for s := 1; s < wide; s++ {
			if g := q.gain(r, s, high, wide); g > gain {
				a, b, gain = r, s, g
			}
		}
	}
	return a, b, gain
}

// pairAxis is how a bag sees a feature in pairs: coarse bins, levels of a category in the order of the bag's
// own main effect, so that one cut can part the levels that raise the risk from those that lower it.
type pairAxis struct {
	rank []uint16 // [bin of the feature] → position
	bins int
}

func (o *booster) pairAxes(b *binned, to [][]int, sizes []int) []pairAxis {
	out := make([]pairAxis, len(b.axes))
	for j := range out {
		place := make([]uint16, sizes[j])
		for i := range place {
			place[i] = uint16(i)
		}
		if b.axes[j].Levels != nil {
			order := o.byEffect(j, to[j], sizes[j])
			for pos, q := range order {
				place[q] = uint16(pos + 1)
			}
		}
		out[j] = pairAxis{rank: make([]uint16, len(to[j])), bins: sizes[j]}
		for bin, q := range to[j] {
			out[j].rank[bin] = place[q]
		}
	}
	return out
}

// byEffect orders the coarse bins from 1 by the mean main effect of the training rows in them.
func (o *booster) byEffect(j int, to []int, size int) []int {
	sum, rows := make([]float64, size), make([]float64, size)
	for bin, q := range to {
		sum[q] += o.rows[j][bin] * o.scores[j][0][bin]
		rows[q] += o.rows[j][bin]
	}
	order := make([]int, size-1)
	for i := range order {
		order[i] = i + 1
		if rows[i+1] > 0 {
			sum[i+1] /= rows[i+1]
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case sum[a] < sum[b]:
			return -1
		case sum[a] > sum[b]:
			return 1
		}
		return 0
	})
	return order
}

// fastRows bounds the training rows that rank pairs: ranks need less data than shapes.
const fastRows = 100000

// rankPairs returns the gain of the best four quadrants of each pair on what the main effects left over, for
// each mean training row.
func (o *booster) rankPairs(axes []pairAxis, pairs [][2]int) []float64 {
	stride := (len(o.y) + fastRows - 1) / fastRows
	var grads []sums
	at := make([][]uint16, len(axes))
	for i := 0; i < len(o.y); i += stride {
		if o.w[i] == 0 {
			continue
		}
		g := sums{o.w[i] * (o.y[i] - o.state[0][i]), o.w[i]}
		if o.family == Binomial {
			p := o.state[0][i] / (1 + o.state[0][i])
			g = sums{o.w[i] * (o.y[i] - p), o.w[i] * p * (1 - p)}
		}
		grads = append(grads, g)
		for j := range axes {
			at[j] = append(at[j], axes[j].rank[o.col[j][i]])
		}
	}
	out := make([]float64, len(pairs))
	q := &quadrants{o: o}
	hist, rows := make([]sums, pairBins*pairBins), make([]float64, pairBins*pairBins)
	for k, pr := range pairs {
		high, wide := axes[pr[0]].bins, axes[pr[1]].bins
		clear(hist)
		clear(rows)
		second := at[pr[1]]
		for i, r := range at[pr[0]] {
			b := int(r)*wide + int(second[i])
			hist[b].g += grads[i].g
			hist[b].h += grads[i].h
			rows[b]++
		}
		q.prefix(hist[:high*wide], rows, high, wide)
		_, _, gain := q.best(high, wide)
		out[k] = gain / float64(len(grads))
	}
	return out
}

// addPairs adds the chosen pairs as terms, to be boosted on top of the main effects.
func (o *booster) addPairs(axes []pairAxis, pairs [][2]int) *quadrants {
	q := &quadrants{o: o, base: len(o.scores)}
	var bins []int
	for _, pr := range pairs {
		a, b := axes[pr[0]], axes[pr[1]]
		q.wide = append(q.wide, b.bins)
		bins = append(bins, a.bins*b.bins)
		col := make([]uint16, len(o.y))
		first, second := o.col[pr[0]], o.col[pr[1]]
		for i := range col {
			col[i] = a.rank[first[i]]*uint16(b.bins) + b.rank[second[i]]
		}
		o.col = append(o.col, col)
	}
	o.addTerms(bins, make([]bool, len(pairs)))
	return q
}
