package tree

import (
	"fmt"
	"math"
	"slices"
)

// Loss is what boosting minimises. All losses are weighted means over rows.
type Loss uint8

// The losses, with the first and second derivative by the margin m that the trees are fitted to.
const (
	Squared  Loss = iota // (m-y)²/2: the mean
	Logistic             // log loss of y in {0,1}, m the log odds
	Softmax              // log loss over Classes classes, one margin each
	Absolute             // |m-y|: the median; leaves hold medians of residuals
	Huber                // squared within Alpha of y, linear beyond: a mean that outliers do not pull
	Quantile             // pinball loss: the Alpha quantile; leaves hold quantiles of residuals
	lossCount
)

var lossNames = [...]string{"squared", "logistic", "softmax", "absolute", "huber", "quantile"}

func (l Loss) String() string {
	if l < lossCount {
		return lossNames[l]
	}
	return fmt.Sprintf("loss(%d)", uint8(l))
}

// baseMargin is the best constant margin: log odds or log shares of classes, mean, median or quantile.
func baseMargin(p BoostParams, y, w []float64, use []uint32) []float64 {
	switch p.Loss {
	case Absolute, Huber:
		return []float64{weightedQuantile(y, w, use, 0.5)}
	case Quantile:
		return []float64{weightedQuantile(y, w, use, p.Alpha)}
	case Softmax:
		share := classShares(y, w, use, p.Classes)
		for k, s := range share {
			share[k] = math.Log(max(s, 1e-10)) // a class without rows gets a probability of about zero
		}
		return share
	}
	m := weightedMean(y, w, use)
	if p.Loss == Logistic {
		m = min(max(m, 1e-10), 1-1e-10) // one class alone gets finite odds
		m = math.Log(m / (1 - m))
	}
	return []float64{m}
}

func weightedMean(y, w []float64, use []uint32) float64 {
	var s, t float64
	for _, r := range use {
		v := 1.0
		if w != nil {
			v = w[r]
		}
		s += v * y[r]
		t += v
	}
	return s / t
}

func classShares(y, w []float64, use []uint32, classes int) []float64 {
	s := make([]float64, classes)
	var t float64
	for _, r := range use {
		v := 1.0
		if w != nil {
			v = w[r]
		}
		s[int(y[r])] += v
		t += v
	}
	for k := range s {
		s[k] /= t
	}
	return s
}

// weightedQuantile is the smallest value whose share of weight at or below reaches the level; where the
// level is met exactly, the mean with the next value.
func weightedQuantile(y, w []float64, rows []uint32, level float64) float64 {
	return residualQuantile(y, nil, w, rows, level)
}

// residualQuantile is the weighted quantile of y - score over rows.
func residualQuantile(y, score, w []float64, rows []uint32, level float64) float64 {
	type item struct{ v, w float64 }
	items := make([]item, len(rows))
	var total float64
	for i, r := range rows {
		items[i] = item{y[r], 1}
		if score != nil {
			items[i].v -= score[r]
		}
		if w != nil {
			items[i].w = w[r]
		}
		total += items[i].w
	}
	slices.SortFunc(items, func(a, b item) int {
		switch {
		case a.v < b.v:
			return -1
		case a.v > b.v:
			return 1
		}
		return 0
	})
	want, sum := level*total, 0.0
	for i := range items {
		sum += items[i].w
		if sum > want || i == len(items)-1 {
			return items[i].v
		}
		if sum == want {
			return items[i].v/2 + items[i+1].v/2
		}
	}
	return 0
}

// spread is the median absolute deviation, scaled to the standard deviation of a normal law.
func spread(y, w []float64, use []uint32) float64 {
	m := weightedQuantile(y, w, use, 0.5)
	d := make([]float64, len(y))
	for _, r := range use {
		d[r] = math.Abs(y[r] - m)
	}
	return 1.4826 * weightedQuantile(d, w, use, 0.5)
}

// gradients fills grad and hess of output k with the derivatives times the weights. It tells whether all
// second derivatives are 1, which makes the hessian an exact count of rows.
func (f *boostFit) gradients(k int, prob [][]float64) (unit bool) {
	chunks(f.bins.rows, func(_, from, to int) {
		y, s := f.y[from:to], f.score[k][from:to]
		g, h := f.grad[from:to], f.hess[from:to]
		switch f.p.Loss {
		case Squared:
			for i := range y {
				g[i], h[i] = s[i]-y[i], 1
			}
		case Logistic:
			for i := range y {
				p := sigmoid(s[i])
				g[i], h[i] = p-y[i], max(p*(1-p), 1e-16)
			}
		case Softmax:
			// Friedman's factor: classes share one degree of freedom.
			factor := float64(f.p.Classes) / float64(f.p.Classes-1)
			for i, p := range prob[k][from:to] {
				g[i], h[i] = p, max(factor*p*(1-p), 1e-16)
				if int(y[i]) == k {
					g[i]--
				}
			}
		case Absolute, Quantile:
			up, down := 1.0, -1.0
			if f.p.Loss == Quantile {
				up, down = 1-f.p.Alpha, -f.p.Alpha
			}
			for i := range y {
				g[i], h[i] = up, 1
				if y[i] > s[i] {
					g[i] = down
				} else if y[i] == s[i] {
					g[i] = 0
				}
			}
		case Huber:
			for i := range y {
				g[i], h[i] = min(max(s[i]-y[i], -f.p.Alpha), f.p.Alpha), 1
			}
		}
		if f.w != nil {
			for i, v := range f.w[from:to] {
				g[i] *= v
				h[i] *= v
			}
		}
	})
	return f.w == nil && f.p.Loss != Logistic && f.p.Loss != Softmax
}

// softmax gives the probabilities of all classes from the scores.
func (f *boostFit) softmax() [][]float64 {
	prob := make([][]float64, len(f.score))
	for k := range prob {
		prob[k] = make([]float64, f.bins.rows)
	}
	chunks(f.bins.rows, func(_, from, to int) {
		row := make([]float64, len(prob))
		for i := from; i < to; i++ {
			for k := range row {
				row[k] = f.score[k][i]
			}
			softmaxInPlace(row)
			for k := range row {
				prob[k][i] = row[k]
			}
		}
	})
	return prob
}

func softmaxInPlace(m []float64) {
	top := slices.Max(m)
	var sum float64
	for k, v := range m {
		m[k] = math.Exp(v - top)
		sum += m[k]
	}
	for k := range m {
		m[k] /= sum
	}
}

// validLoss is the mean loss on the validation rows.
func (f *boostFit) validLoss() float64 {
	v := f.p.Valid
	n := len(v.Y)
	var total float64
	for i := range n {
		total += weightAt(v.W, i)
	}
	return sumChunks(n, func(from, to int) float64 {
		var s float64
		m := make([]float64, len(f.validScore))
		for i := from; i < to; i++ {
			for k := range m {
				m[k] = f.validScore[k][i]
			}
			s += weightAt(v.W, i) * f.p.rowLoss(v.Y[i], m)
		}
		return s
	}) / total
}

func weightAt(w []float64, i int) float64 {
	if w == nil {
		return 1
	}
	return w[i]
}

// rowLoss is the loss of one row.
func (p *BoostParams) rowLoss(y float64, m []float64) float64 {
	d := m[0] - y
	switch p.Loss {
	case Logistic:
		// log(1+exp(±m)) without overflow.
		z := m[0]
		if y == 1 {
			z = -z
		}
		return max(z, 0) + math.Log1p(math.Exp(-math.Abs(z)))
	case Softmax:
		top := slices.Max(m)
		var sum float64
		for _, v := range m {
			sum += math.Exp(v - top)
		}
		return top + math.Log(sum) - m[int(y)]
	case Absolute:
		return math.Abs(d)
	case Quantile:
		return max((1-p.Alpha)*d, -p.Alpha*d)
	case Huber:
		if a := math.Abs(d); a > p.Alpha {
			return p.Alpha * (a - p.Alpha/2)
		}
	}
	return d * d / 2
}
