package glm

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// sums are the gradient (minus the derivative of the loss by the margin) and curvature of a bin's rows.
type sums struct{ g, h float64 }

// stateMax bounds exp(margin): beyond it a probability is 0 or 1 to all digits, and products could overflow.
const stateMax = 1e30

// booster fits one bag. Bins and outcomes are shared by all bags; a bag has its own weights and state. Rows
// that it holds back for validation take part in each pass with weight zero, which costs less than keeping
// them apart.
//
// Classes keep exp(margin), which a step multiplies bin by bin, so that no exponential is taken for a row.
type booster struct {
	family    Family
	k         int
	p         *AdditiveParams
	rnd       *rand.Rand
	y         []float64
	w         []float64   // weights of the training rows, mean one; zero for all others
	held      []int       // validation rows
	heldW     []float64   // their weights, sum one
	col       [][]uint16  // [term][row]
	state     [][]float64 // [class][row]: exp(margin), or the margin itself for Gaussian
	pending   int         // term whose step the state still lacks, or -1
	intercept []float64
	scores    [][][]float64 // [term][class][bin]
	best      [][][]float64 // scores of the best round, from the first term that is boosted
	rows      [][]float64   // [term][bin]: training rows
	cats      []bool        // [term]: bins have no order
	hist      [][]sums      // [class][bin], scratch
	update    [][]float64   // [class][bin], the step last proposed
	factor    [][]float64   // exp(update), or update for Gaussian
}

// newBooster draws the bag's training rows: all but a share, the same share of each class.
func newBooster(b *binned, y []float64, k int, p *AdditiveParams, bag int) *booster {
	o := &booster{family: p.Family, k: k, p: p, rnd: rand.New(rand.NewPCG(p.Seed, uint64(bag))), y: y, pending: -1}
	held := o.draw(y, b.w)
	o.w = make([]float64, b.n)
	var in []int
	for i, h := range held {
		switch {
		case b.w[i] == 0:
		case h:
			o.held = append(o.held, i)
		default:
			in = append(in, i)
			o.w[i] = b.w[i]
		}
	}
	if len(o.held) == 0 { // too few rows to spare any
		o.held = in
	}
	o.startAt(y, b.w, in)
	// Weights of mean one keep the least curvature of a leaf meaningful.
	floats.Scale(float64(len(in))/floats.Sum(o.w), o.w)
	o.heldW = pick(b.w, o.held)
	floats.Scale(1/floats.Sum(o.heldW), o.heldW)
	o.col = slices.Clone(b.col)
	o.state = rect(k, b.n)
	o.restate()
	return o
}

func (o *booster) draw(y, w []float64) []bool {
	groups := make([][]int, 1)
	for i, v := range y {
		if w[i] == 0 {
			continue
		}
		g := 0
		if o.family != Gaussian {
			g = int(v)
		}
		for g >= len(groups) {
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	held := make([]bool, len(y))
	for _, rows := range groups {
		o.rnd.Shuffle(len(rows), func(a, b int) { rows[a], rows[b] = rows[b], rows[a] })
		m := int(math.Round(float64(len(rows)) * o.p.Validation))
		for _, i := range rows[:min(m, max(len(rows)-1, 0))] {
			held[i] = true
		}
	}
	return held
}

// startAt sets the intercepts to the best constant for the training rows.
func (o *booster) startAt(y, w []float64, rows []int) {
	o.intercept = make([]float64, o.k)
	share := make([]float64, max(o.k, 2))
	var total float64
	for _, i := range rows {
		total += w[i]
		if o.family == Gaussian {
			o.intercept[0] += w[i] * y[i]
		} else {
			share[int(y[i])] += w[i]
		}
	}
	switch o.family {
	case Gaussian:
		o.intercept[0] /= total
	case Binomial:
		o.intercept[0] = math.Log(share[1] / share[0])
	case Multinomial:
		for c := range o.intercept {
			o.intercept[c] = math.Log(share[c] / total)
		}
	}
}

// addTerms makes room for terms with the given numbers of bins; o.col has their columns already.
func (o *booster) addTerms(bins []int, cats []bool) {
	first := len(o.scores)
	for t, n := range bins {
		o.scores = append(o.scores, rect(o.k, n))
		rows := make([]float64, n)
		for i, q := range o.col[first+t] {
			if o.w[i] > 0 {
				rows[q]++
			}
		}
		o.rows = append(o.rows, rows)
	}
	o.cats = append(o.cats, cats...)
	o.hist, o.update, o.factor = make([][]sums, o.k), rect(o.k, 1024), rect(o.k, 1024)
	for c := range o.hist {
		o.hist[c] = make([]sums, 1024)
	}
}

// stepper proposes updates for a term from its histogram: o.update, and o.factor.
type stepper func(t, bins int, random bool)

// block is the number of rounds between looks at the validation loss.
const block = 8

// boostAll boosts the terms from first on in all bags, until the validation loss has not fallen for Patience
// rounds, and leaves the scores of the best round. The loss that decides is the mean over the bags: one bag's
// few validation rows say little, and where they happen to be easy its margins would grow without end.
func boostAll(ctx context.Context, bags []*booster, first int, propose []stepper) error {
	p := bags[0].p
	best, since := meanLoss(bags), 0
	mark := best
	for _, o := range bags {
		o.best = clone3(o.scores[first:])
	}
	for round := 0; round < p.Rounds && since < p.Patience; round += block {
		n := min(block, p.Rounds-round)
		each(len(bags), math.Inf(1), func(i int) {
			for r := 0; r < n && ctx.Err() == nil; r++ {
				bags[i].round(first, propose[i], round+r < p.Smoothing)
			}
		})
		if err := ctx.Err(); err != nil {
			return err
		}
		loss := meanLoss(bags)
		since += n
		// Gains too small to matter must not keep it going.
		if loss < mark-1e-4*math.Abs(mark) {
			mark, since = loss, 0
		}
		if loss < best {
			best = loss
			for _, o := range bags {
				copy3(o.best, o.scores[first:])
			}
		}
	}
	each(len(bags), math.Inf(1), func(i int) { bags[i].finish(first) })
	return nil
}

func meanLoss(bags []*booster) (sum float64) {
	loss := make([]float64, len(bags))
	each(len(bags), math.Inf(1), func(i int) { loss[i] = bags[i].loss() })
	return floats.Sum(loss) / float64(len(bags))
}

// round takes one step for each term from first on.
func (o *booster) round(first int, propose stepper, random bool) {
	for t := first; t < len(o.scores); t++ {
		bins := len(o.scores[t][0])
		o.advance(t, bins)
		propose(t, bins, random)
		for c := range o.k {
			floats.Add(o.scores[t][c], o.update[c][:bins])
		}
		o.pending = t
	}
}

// finish goes back to the best scores.
func (o *booster) finish(first int) {
	copy3(o.scores[first:], o.best)
	o.best, o.pending = nil, -1
	o.restate()
}

// restate computes the state from the scores.
func (o *booster) restate() {
	for c, state := range o.state {
		for i := range state {
			v := o.intercept[c]
			for t := range o.scores {
				v += o.scores[t][c][o.col[t][i]]
			}
			if o.family != Gaussian {
				v = clampState(math.Exp(v))
			}
			state[i] = v
		}
	}
}

func clampState(v float64) float64 { return min(max(v, 1/stateMax), stateMax) }

// loss is the weighted mean loss of the validation rows.
func (o *booster) loss() (sum float64) {
	o.settle()
	for a, i := range o.held {
		y := o.y[i]
		var l float64
		switch o.family {
		case Gaussian:
			l = (y - o.state[0][i]) * (y - o.state[0][i]) / 2
		case Binomial:
			e := o.state[0][i]
			if y == 1 {
				e = 1 / e
			}
			l = math.Log1p(e)
		case Multinomial:
			var total float64
			for c := range o.state {
				total += o.state[c][i]
			}
			l = math.Log(total / o.state[int(y)][i])
		}
		sum += o.heldW[a] * l
	}
	return sum
}

func clone3(v [][][]float64) [][][]float64 {
	out := make([][][]float64, len(v))
	for i := range v {
		out[i] = clone(v[i])
	}
	return out
}

func copy3(to, from [][][]float64) {
	for i := range from {
		for c := range from[i] {
			copy(to[i][c], from[i][c])
		}
	}
}
