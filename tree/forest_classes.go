package tree

import (
	"cmp"
	"math"
	"slices"
)

// classSplit tries the splits of a node on one feature by their fall in Gini impurity over several classes.
func (g *forestGrower) classSplit(f int, rows []uint32, best *forestSplit) (varies bool) {
	col, k := g.f.bins.col[f], g.width
	var used catSet
	clear(g.total)
	for _, r := range rows {
		b, w, c := col[r], g.hess[r], int(g.f.y[r])
		g.classHist[int(b)*k+c] += w
		g.total[c] += w
		used.add(b)
		if !g.exact {
			g.rowHist[b] += uint32(math.Round(w / g.f.w[r]))
		}
	}
	if varies = used.count() >= 2; varies {
		order := used.list()
		switch {
		case g.f.bins.cat[f] != nil:
			// The best subset for several classes is not on one line; the orders by the share of each
			// class are good candidates, and exact for two classes.
			for c := range k {
				if g.total[c] > 0 {
					g.scanClasses(f, g.byShare(used, c), used, false, best)
				}
			}
		default:
			g.scanClasses(f, order, used, false, best)
			if used.has(missingBin) {
				copy(order[1:], order[:len(order)-1])
				order[0] = missingBin
				g.scanClasses(f, order, used, true, best)
			}
		}
	}
	for _, b := range used.list() {
		clear(g.classHist[int(b)*k : int(b)*k+k])
		g.rowHist[b] = 0
	}
	return varies
}

// byShare orders bins by their share of one class.
func (g *forestGrower) byShare(used catSet, class int) []uint8 {
	order := used.list()
	var share [256]float64
	for _, b := range order {
		var sum float64
		h := g.classHist[int(b)*g.width : (int(b)+1)*g.width]
		for _, v := range h {
			sum += v
		}
		share[b] = h[class] / sum
	}
	slices.SortStableFunc(order, func(a, b uint8) int { return cmp.Compare(share[a], share[b]) })
	return order
}

// scanClasses tries every cut of an order of bins: gain is the sum over sides of Σ S_c²/W less the same for
// the node, for weights S_c of the classes.
func (g *forestGrower) scanClasses(f int, order []uint8, used catSet, missFirst bool, best *forestSplit) {
	var all, own float64
	for _, v := range g.total {
		all += v
		own += v * v
	}
	own /= all
	var allRows, rows uint32
	if !g.exact {
		for _, b := range order {
			allRows += g.rowHist[b]
		}
	}
	clear(g.leftSum)
	var left float64
	floor := max(best.gain, 1e-12*own)
	limit := float64(g.f.p.MinLeaf)
	for i, b := range order[:len(order)-1] {
		var sl, sr float64
		h := g.classHist[int(b)*g.width : (int(b)+1)*g.width]
		for c, v := range h {
			left += v
			g.leftSum[c] += v
			l := g.leftSum[c]
			r := g.total[c] - l
			sl += l * l
			sr += r * r
		}
		if g.exact {
			if left < limit {
				continue
			}
			if all-left < limit {
				break
			}
		} else {
			rows += g.rowHist[b]
			if float64(rows) < limit {
				continue
			}
			if float64(allRows-rows) < limit {
				break
			}
		}
		if i == 0 && missFirst {
			continue
		}
		gain := sl/left + sr/(all-left) - own
		if gain > floor {
			floor = gain
			best.set(g.f.bins, f, order, i, used, gain, missFirst)
		}
	}
}
