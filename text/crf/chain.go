package crf

import (
	"math"
)

// chain is a conditional random field over the labels of a sentence: the score of a path is the sum of the weights of
// the features at each token for its label, and of the steps between labels.
type chain struct {
	Labels   int       `json:"labels"`
	Features []string  `json:"features"` // sorted
	State    []float32 `json:"state"`    // [feature*labels+label]
	Step     []float32 `json:"step"`     // [from*labels+to]

	tags  *tagset
	index map[string]int32
	step  []float64 // with what is not allowed at -Inf
	exp   []float64
}

// open builds the tables that are not stored.
func (c *chain) open(tags *tagset) {
	c.tags, c.index = tags, make(map[string]int32, len(c.Features))
	for k, f := range c.Features {
		c.index[f] = int32(k)
	}
	c.step, c.exp = make([]float64, len(c.Step)), make([]float64, len(c.Step))
	for k, w := range c.Step {
		if c.step[k] = math.Inf(-1); tags.allow[k] {
			c.step[k], c.exp[k] = float64(w), math.Exp(float64(w))
		}
	}
}

// scores are those of each label at each token, from the weights alone.
func (c *chain) scores(rows [][]int32) []float64 {
	out := make([]float64, len(rows)*c.Labels)
	for i, row := range rows {
		at := out[i*c.Labels : (i+1)*c.Labels]
		for _, f := range row {
			w := c.State[int(f)*c.Labels : (int(f)+1)*c.Labels]
			for y, v := range w {
				at[y] += float64(v)
			}
		}
	}
	return out
}

// viterbi is the best path.
func (c *chain) viterbi(rows [][]int32) []int {
	n, m := len(rows), c.Labels
	if n == 0 {
		return nil
	}
	s := c.scores(rows)
	back := make([]int32, n*m)
	for y := range m {
		if !c.tags.start[y] {
			s[y] = math.Inf(-1)
		}
	}
	for i := 1; i < n; i++ {
		for y := range m {
			best, from := math.Inf(-1), 0
			for x := range m {
				if v := s[(i-1)*m+x] + c.step[x*m+y]; v > best {
					best, from = v, x
				}
			}
			s[i*m+y] += best
			back[i*m+y] = int32(from)
		}
	}
	last := 0
	for y := range m {
		if c.tags.end[y] && s[(n-1)*m+y] > s[(n-1)*m+last] {
			last = y
		}
	}
	path := make([]int, n)
	for i := n - 1; i >= 0; i-- {
		path[i] = last
		last = int(back[i*m+last])
	}
	return path
}

// lattice holds the forward and backward sums of a sentence, each token's scaled to sum 1.
type lattice struct {
	n, m        int
	psi         []float64 // exp of scores, each token's divided by its largest
	alpha, beta []float64
	scale       []float64
	logZ        float64
	exp         []float64
	tags        *tagset
}

func (c *chain) lattice(rows [][]int32) *lattice {
	l := &lattice{exp: c.exp, tags: c.tags}
	l.run(c.scores(rows), c.Labels)
	return l
}

// run fills the sums from scores. Slices are kept between calls.
func (l *lattice) run(scores []float64, m int) {
	l.m, l.n = m, len(scores)/m
	size := len(scores)
	if cap(l.psi) < size {
		l.psi, l.alpha, l.beta = make([]float64, size), make([]float64, size), make([]float64, size)
		l.scale = make([]float64, l.n)
	}
	l.psi, l.alpha, l.beta = l.psi[:size], l.alpha[:size], l.beta[:size]
	if cap(l.scale) < l.n {
		l.scale = make([]float64, l.n)
	}
	l.scale = l.scale[:l.n]
	l.logZ = 0
	if l.n == 0 {
		return
	}
	for i := range l.n {
		at := scores[i*m : (i+1)*m]
		top := at[0]
		for _, v := range at {
			top = max(top, v)
		}
		for y, v := range at {
			l.psi[i*m+y] = math.Exp(v - top)
		}
		l.logZ += top
	}
	for i := range l.n {
		a := l.alpha[i*m : (i+1)*m]
		sum := 0.0
		for y := range m {
			v := 0.0
			if i == 0 {
				if l.tags.start[y] {
					v = 1
				}
			} else {
				for x, p := range l.alpha[(i-1)*m : i*m] {
					v += p * l.exp[x*m+y]
				}
			}
			v *= l.psi[i*m+y]
			if i == l.n-1 && !l.tags.end[y] {
				v = 0
			}
			a[y] = v
			sum += v
		}
		if sum == 0 { // every allowed path has vanished by underflow
			sum = math.SmallestNonzeroFloat64
		}
		l.scale[i] = sum
		l.logZ += math.Log(sum)
		for y := range a {
			a[y] /= sum
		}
	}
	last := l.beta[(l.n-1)*m:]
	for y := range m {
		if last[y] = 0; l.tags.end[y] {
			last[y] = 1
		}
	}
	for i := l.n - 2; i >= 0; i-- {
		for x := range m {
			v := 0.0
			for y := range m {
				v += l.exp[x*m+y] * l.psi[(i+1)*m+y] * l.beta[(i+1)*m+y]
			}
			l.beta[i*m+x] = v / l.scale[i+1]
		}
	}
}

// at is the marginal probability of a label at a token.
func (l *lattice) at(i, y int) float64 { return l.alpha[i*l.m+y] * l.beta[i*l.m+y] }

// step is the marginal probability of two labels in a row, at tokens i-1 and i.
func (l *lattice) step(i, x, y int) float64 {
	return l.alpha[(i-1)*l.m+x] * l.exp[x*l.m+y] * l.psi[i*l.m+y] * l.beta[i*l.m+y] / l.scale[i]
}

// path is the marginal probability that tokens from … to-1 have the labels of a path.
func (l *lattice) path(labels []int, from, to int) float64 {
	p := l.at(from, labels[from])
	for i := from + 1; i < to; i++ {
		if there := l.at(i-1, labels[i-1]); there > 0 {
			p *= l.step(i, labels[i-1], labels[i]) / there
		}
	}
	return min(p, 1)
}

// marginals are the probabilities of labels at each token.
func (c *chain) marginals(rows [][]int32) [][]float64 {
	l := c.lattice(rows)
	out := make([][]float64, l.n)
	for i := range out {
		out[i] = make([]float64, l.m)
		for y := range out[i] {
			out[i][y] = l.at(i, y)
		}
	}
	return out
}
