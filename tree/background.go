package tree

import "math/bits"

// Interventional Shapley values, against background rows.
//
// For one row and one background row, a leaf counts only if every feature on its path leads there in at least
// one of the two. Let a features lead there only in the row and c only in the background row; then each of the
// a gets V·(a−1)!c!/(a+c)! and each of the c loses V·a!(c−1)!/(a+c)! (Lundberg et al. 2020, algorithm 3).
//
// Background rows that share the same two sets of features share the walk through the tree: the walk carries
// a bit set of rows, splits it at each node by where the rows go, and ends where it is empty. Near the root,
// where most of the work lies, there are few such groups, whatever the number of rows.
type background struct {
	e     *ensemble
	rows  int
	words int
	left  []uint64  // per node, words each: background rows that go left
	mean  []float64 // mean of the trees over the background, per output
	gains [][]float64
}

func newBackground(e *ensemble, columns [][]float64) *background {
	n := len(columns[0])
	b := &background{e: e, rows: n, words: (n + 63) / 64, mean: make([]float64, e.outputs)}
	b.left = make([]uint64, len(e.nodes)*b.words)
	chunks(len(e.nodes), func(_, from, to int) {
		for i := from; i < to; i++ {
			nd := &e.nodes[i]
			if nd.feat&isLeaf != 0 {
				continue
			}
			for r, v := range columns[nd.feat>>flagBits] {
				if e.goesLeft(nd, v) {
					b.left[i*b.words+r>>6] |= 1 << (r & 63)
				}
			}
		}
	})
	out := make([][]float64, e.outputs)
	for k := range out {
		out[k] = make([]float64, n)
	}
	e.sumColumns(columns, out)
	for k := range out {
		for _, v := range out[k] {
			b.mean[k] += v
		}
		b.mean[k] /= float64(n)
	}
	b.gains = shapleyWeights(depth(e))
	return b
}

func (b *background) addBase(base []float64) {
	for k, v := range b.mean {
		base[k] += v
	}
}

// depth is the largest number of splits on a path.
func depth(e *ensemble) int {
	d := make([]int32, len(e.nodes))
	var most int32
	for i := range e.nodes {
		if n := &e.nodes[i]; n.feat&isLeaf == 0 {
			d[i+1], d[n.right] = d[i]+1, d[i]+1
			most = max(most, d[i]+1)
		}
	}
	return int(most)
}

// shapleyWeights gives w[a][c] = (a−1)!c!/(a+c)!, for a ≥ 1 and a+c ≤ most.
func shapleyWeights(most int) [][]float64 {
	w := make([][]float64, most+1)
	for a := 1; a <= most; a++ {
		w[a] = make([]float64, most-a+1)
		w[a][0] = 1 / float64(a)
		for c := 1; c < len(w[a]); c++ {
			w[a][c] = w[a][c-1] * float64(c) / float64(a+c)
		}
	}
	return w
}

// A walk is the state of one row's walk through a tree.
type walk struct {
	b       *background
	x       []float64
	phi     []float64 // [output][feature] of the row
	output  int       // of a tree of width 1
	side    []int8    // per feature: 1 only the row leads here, -1 only the background, 0 both
	in, out []uint32  // features with side 1 and -1
	sets    []uint64  // stack of bit sets
}

func (b *background) explain(rows []float64, n int, phi []float64) {
	e := b.e
	size := e.outputs * e.features
	w := &walk{b: b, side: make([]int8, e.features)}
	all := make([]uint64, b.words)
	for r := range b.rows {
		all[r>>6] |= 1 << (r & 63)
	}
	for t := range e.trees() {
		w.output = t % e.outputs
		for i := range n {
			w.x = rows[i*e.features : (i+1)*e.features]
			w.phi = phi[i*size : (i+1)*size]
			w.node(e.roots[t], all)
		}
	}
}

// node walks on with the background rows of set.
func (w *walk) node(i int32, set []uint64) {
	b := w.b
	n := &b.e.nodes[i]
	if n.feat&isLeaf != 0 {
		w.leaf(n, set)
		return
	}
	f := n.feat >> flagBits
	mine, other := i+1, n.right
	left := b.e.goesLeft(n, w.x[f])
	if !left {
		mine, other = other, mine
	}
	if w.side[f] > 0 {
		w.node(mine, set) // the background does not decide on this feature any more
		return
	}
	top := len(w.sets)
	same := w.grow(b.words)
	apart := w.grow(b.words)
	goes := b.left[int(i)*b.words : (int(i)+1)*b.words]
	var anySame, anyApart uint64
	for j, s := range set {
		g := goes[j]
		if !left {
			g = ^g
		}
		same[j], apart[j] = s&g, s&^g
		anySame |= same[j]
		anyApart |= apart[j]
	}
	if anySame != 0 {
		w.node(mine, same)
	}
	if anyApart != 0 {
		if w.side[f] < 0 {
			w.node(other, apart)
		} else {
			w.side[f] = 1
			w.in = append(w.in, f)
			w.node(mine, apart)
			w.in = w.in[:len(w.in)-1]
			w.side[f] = -1
			w.out = append(w.out, f)
			w.node(other, apart)
			w.out = w.out[:len(w.out)-1]
			w.side[f] = 0
		}
	}
	w.sets = w.sets[:top]
}

// grow takes a bit set from the stack. Older ones may be left behind in a smaller array, where they stay valid.
func (w *walk) grow(words int) []uint64 {
	at := len(w.sets)
	for range words {
		w.sets = append(w.sets, 0)
	}
	return w.sets[at : at+words : at+words]
}

func (w *walk) leaf(n *node, set []uint64) {
	e := w.b.e
	a, c := len(w.in), len(w.out)
	if a+c == 0 {
		return
	}
	count := 0
	for _, s := range set {
		count += bits.OnesCount64(s)
	}
	share := float64(count) / float64(w.b.rows)
	var plus, minus float64
	if a > 0 {
		plus = share * w.b.gains[a][c]
	}
	if c > 0 {
		minus = share * w.b.gains[c][a]
	}
	if e.width == 1 {
		w.spread(w.output, plus*n.value, minus*n.value)
		return
	}
	at := int(n.value)
	for k, v := range e.leaves[at : at+e.width] {
		w.spread(k, plus*v, minus*v)
	}
}

func (w *walk) spread(output int, plus, minus float64) {
	phi := w.phi[output*w.b.e.features : (output+1)*w.b.e.features]
	for _, f := range w.in {
		phi[f] += plus
	}
	for _, f := range w.out {
		phi[f] -= minus
	}
}
