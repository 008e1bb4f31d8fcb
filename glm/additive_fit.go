package glm

import (
	"cmp"
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// FitAdditive fits an additive model. X may hold NaN for missing values and, for features with Levels, level
// indices; y is as for Fit; w are case weights, nil = all 1. The same data, parameters and seed give the same
// model whatever the number of processors. Errors: Usage for parameters, Data for rows that cannot be fitted
// (infinite values, one class, too many levels), with every finding; ctx.Err() after cancellation.
func FitAdditive(ctx context.Context, X [][]float64, y, w []float64, p AdditiveParams) (*Additive, error) {
	k, err := checkAdditive(X, y, w, &p)
	if err != nil {
		return nil, err
	}
	weights, _, _ := normalised(w, len(y))
	b := bin(X, len(y), weights, &p)
	bags := make([]*booster, p.Bags)
	shapes := make([]stepper, p.Bags)
	each(p.Bags, math.Inf(1), func(i int) {
		bags[i] = newBooster(b, y, k, &p, i)
		bags[i].addMains(b)
		shapes[i] = bags[i].shapes()
	})
	if err := boostAll(ctx, bags, 0, shapes); err != nil {
		return nil, err
	}
	surfaces, err := fitPairs(ctx, b, bags, &p)
	if err != nil {
		return nil, err
	}
	m := &Additive{Family: p.Family, Features: len(X), Intercept: make([]float64, k)}
	m.Terms = b.terms(surfaces)
	m.average(bags, surfaces)
	for j, s := range p.Monotone {
		if s != 0 {
			m.Terms[j].isotonic(float64(s))
			m.Terms[j].centre(m.Intercept)
		}
	}
	return m, nil
}

func (o *booster) addMains(b *binned) {
	bins, cats := make([]int, len(b.axes)), make([]bool, len(b.axes))
	for j := range b.axes {
		bins[j], cats[j] = b.axes[j].Bins(), b.axes[j].Levels != nil
	}
	o.addTerms(bins, cats)
}

// surface is a chosen pair, with what turns a bag's positions back into bins.
type surface struct {
	a, b   int
	to     [][]int // coarse bins of the features, indexed by feature
	sizes  []int
	axes   [][]pairAxis // [bag][feature]
	weight []float64    // share of each bin
}

// fitPairs chooses the pairs that gain most on average over the bags and boosts them in each bag.
func fitPairs(ctx context.Context, b *binned, bags []*booster, p *AdditiveParams) ([]surface, error) {
	if p.Pairs <= 0 || p.Family == Multinomial {
		return nil, nil
	}
	to, sizes := make([][]int, len(b.axes)), make([]int, len(b.axes))
	var pairs [][2]int
	for j := range b.axes {
		to[j], sizes[j] = coarse(&b.axes[j], b.share[j])
		for i := range j {
			if p.Monotone == nil || p.Monotone[i] == 0 && p.Monotone[j] == 0 {
				pairs = append(pairs, [2]int{i, j})
			}
		}
	}
	axes, gains := make([][]pairAxis, len(bags)), make([][]float64, len(bags))
	each(len(bags), math.Inf(1), func(i int) {
		if ctx.Err() == nil {
			axes[i] = bags[i].pairAxes(b, to, sizes)
			gains[i] = bags[i].rankPairs(axes[i], pairs)
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	chosen := strongest(pairs, gains, p.Pairs)
	if len(chosen) == 0 {
		return nil, nil
	}
	steps := make([]stepper, len(bags))
	each(len(bags), math.Inf(1), func(i int) {
		surface, shape := bags[i].addPairs(axes[i], chosen), bags[i].shapes()
		steps[i] = func(t, bins int, random bool) {
			if t < surface.base {
				shape(t, bins, false)
			} else {
				surface.propose(t, bins, random)
			}
		}
	})
	// Main effects take part again: without the pairs they had been fitted to noisier data and stopped early.
	if err := boostAll(ctx, bags, 0, steps); err != nil {
		return nil, err
	}
	out := make([]surface, len(chosen))
	for i, pr := range chosen {
		s := surface{a: pr[0], b: pr[1], to: to, sizes: sizes, axes: axes}
		s.weight = make([]float64, sizes[s.a]*sizes[s.b])
		for r := range b.n {
			s.weight[to[s.a][b.col[s.a][r]]*sizes[s.b]+to[s.b][b.col[s.b][r]]] += b.w[r]
		}
		out[i] = s
	}
	return out, nil
}

func strongest(pairs [][2]int, gains [][]float64, most int) [][2]int {
	total := make([]float64, len(pairs))
	for _, g := range gains {
		floats.Add(total, g)
	}
	order := make([]int, len(pairs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(total[b], total[a]) })
	var out [][2]int
	for _, i := range order[:min(most, len(order))] {
		if total[i] > 0 {
			out = append(out, pairs[i])
		}
	}
	return out
}

// terms makes the empty terms of the model.
func (b *binned) terms(surfaces []surface) []Term {
	var out []Term
	for j := range b.axes {
		out = append(out, Term{Axes: []Axis{b.axes[j]}, Weight: b.share[j]})
	}
	for _, s := range surfaces {
		out = append(out, Term{
			Axes:   []Axis{coarseAxis(&b.axes[s.a], s.to[s.a]), coarseAxis(&b.axes[s.b], s.to[s.b])},
			Weight: s.weight,
		})
	}
	return out
}

// average makes each bag's terms pure and centred, and takes mean and standard deviation over the bags.
func (m *Additive) average(bags []*booster, surfaces []surface) {
	each := make([][][][]float64, len(bags)) // [bag][term][class][bin]
	for i, o := range bags {
		intercept := slices.Clone(o.intercept)
		each[i] = o.pureTerms(m, surfaces, i, intercept)
		floats.AddScaled(m.Intercept, 1/float64(len(bags)), intercept)
	}
	if len(m.Intercept) > 1 {
		floats.AddConst(-floats.Sum(m.Intercept)/float64(len(m.Intercept)), m.Intercept)
	}
	for t := range m.Terms {
		m.Terms[t].Scores, m.Terms[t].Std = rect(len(m.Intercept), len(m.Terms[t].Weight)), rect(len(m.Intercept), len(m.Terms[t].Weight))
		for c := range m.Intercept {
			meanStd(each, t, c, m.Terms[t].Scores[c], m.Terms[t].Std[c])
		}
		m.Terms[t].centre(m.Intercept) // takes out what rounding left
	}
}

func meanStd(each [][][][]float64, t, c int, mean, std []float64) {
	n := float64(len(each))
	for b := range mean {
		for i := range each {
			mean[b] += each[i][t][c][b] / n
		}
		for i := range each {
			d := each[i][t][c][b] - mean[b]
			std[b] += d * d
		}
		std[b] = math.Sqrt(std[b] / max(n-1, 1))
	}
}

// pureTerms are a bag's terms with the means of pairs moved to the main effects and those to the intercept.
// For several classes the mean over the classes, which no probability depends on, is taken out of each bin.
func (o *booster) pureTerms(m *Additive, surfaces []surface, bag int, intercept []float64) [][][]float64 {
	out := clone3(o.scores)
	base := len(out) - len(surfaces)
	for i, s := range surfaces {
		grid := s.unrank(out[base+i][0], bag)
		rows, cols := purify(grid, s.weight, s.sizes[s.a], s.sizes[s.b])
		for bin, q := range s.to[s.a] {
			out[s.a][0][bin] += rows[q]
		}
		for bin, q := range s.to[s.b] {
			out[s.b][0][bin] += cols[q]
		}
		out[base+i][0] = grid
	}
	for t := range out {
		term := Term{Scores: out[t], Weight: m.Terms[t].Weight}
		term.centre(intercept)
		for b, w := range term.Weight {
			var mean float64
			for c := range out[t] {
				if w == 0 && t < base {
					out[t][c][b] = 0 // nothing was seen here: neither raise nor lower the risk
				}
				mean += out[t][c][b] / float64(o.k)
			}
			if o.k > 1 {
				for c := range out[t] {
					out[t][c][b] -= mean
				}
			}
		}
	}
	return out
}

// unrank brings a bag's surface from its own order of levels into the order of the bins.
func (s *surface) unrank(scores []float64, bag int) []float64 {
	axA, axB := s.axes[bag][s.a], s.axes[bag][s.b]
	out := make([]float64, len(scores))
	for binA, qa := range s.to[s.a] {
		for binB, qb := range s.to[s.b] {
			out[qa*s.sizes[s.b]+qb] = scores[int(axA.rank[binA])*axB.bins+int(axB.rank[binB])]
		}
	}
	return out
}

// purify takes the weighted means out of the rows and columns of a surface and returns them: what depends on
// one feature only belongs to that feature's term. Rows and columns without weight, where nothing was seen,
// become zero.
func purify(grid, weight []float64, high, wide int) (rows, cols []float64) {
	rows, cols = make([]float64, high), make([]float64, wide)
	for range 200 {
		var top float64
		for r := range high {
			top = max(top, takeMean(grid, weight, r*wide, 1, wide, &rows[r]))
		}
		for c := range wide {
			top = max(top, takeMean(grid, weight, c, wide, high, &cols[c]))
		}
		if top < 1e-13 {
			break
		}
	}
	return rows, cols
}

func takeMean(grid, weight []float64, start, stride, n int, out *float64) float64 {
	var sum, total float64
	for i := range n {
		sum += grid[start+i*stride] * weight[start+i*stride]
		total += weight[start+i*stride]
	}
	if total == 0 {
		for i := range n {
			grid[start+i*stride] = 0
		}
		return 0
	}
	mean := sum / total
	*out += mean
	for i := range n {
		grid[start+i*stride] -= mean
	}
	return math.Abs(mean)
}

// isotonic replaces the scores of a numeric feature by the closest that rise (sign 1) or fall (-1), pooling
// adjacent violators. The bin of missing values is left alone; means stay as they are.
func (t *Term) isotonic(sign float64) {
	for _, s := range t.Scores {
		type block struct {
			value, weight float64
			bins          int
		}
		var stack []block
		for b := 1; b < len(s); b++ {
			// Empty bins get a weight that matters to no other bin but keeps the division defined.
			stack = append(stack, block{s[b] * sign, max(t.Weight[b], 1e-12), 1})
			for n := len(stack); n > 1 && stack[n-2].value > stack[n-1].value; n-- {
				x, y := stack[n-2], stack[n-1]
				w := x.weight + y.weight
				stack = append(stack[:n-2], block{(x.value*x.weight + y.value*y.weight) / w, w, x.bins + y.bins})
			}
		}
		b := 1
		for _, k := range stack {
			for range k.bins {
				s[b] = k.value * sign
				b++
			}
		}
	}
}
