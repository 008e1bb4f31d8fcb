// Package tree fits ensembles of decision trees on tables of patients: gradient boosting and random
// forests, with exact Shapley explanations of what they predict.
//
// Both learners work on histograms: every feature is cut once into at most 255 bins, and a split looks at
// sums over bins instead of sorted rows (Ke et al., LightGBM, NeurIPS 2017). On tables of the size of a
// clinical cohort this is the most accurate family of models known, it needs no scaling or imputation, and it
// takes missing values and categories as they are. Sums are kept in integers (see quantise.go), so a fit
// gives the same bytes whatever the number of threads.
//
// Reading order: this file (the trees themselves and how they predict one row; batch.go predicts many), bins.go,
// boost.go with loss.go, quantise.go, hist.go, grow.go and split.go, then forest.go with forest_grow.go, then
// explain.go with shap.go and background.go, and encode.go for the bytes on disk (docs/format/tree.md).
//
// Data are columns: X[feature][row]. NaN is a missing value. A categorical feature holds the index of a level
// as a float64, 0 ≤ index < the number of levels declared in the parameters. Infinite values are refused.
package tree

import "math"

// A node is one split or one leaf. A tree is stored in pre-order, so the left child of node i is i+1 and
// only the right child needs an index; 16 bytes keep four nodes in a cache line.
type node struct {
	value float64 // split: threshold, x ≤ value goes left; categorical split: index into sets; leaf: value or offset
	right int32   // split: index of the right child
	feat  uint32  // feature<<flagBits | flags
}

// Flags in node.feat.
const (
	isLeaf   = 1 << iota // a leaf
	missLeft             // a missing value goes left
	isCat                // a split on a set of categories
	flagBits = iota
)

// A catSet is a set of category bins: bit b tells that bin b goes left.
type catSet [4]uint64

func (s *catSet) has(b uint8) bool { return s[b>>6]>>(b&63)&1 != 0 }
func (s *catSet) add(b uint8)      { s[b>>6] |= 1 << (b & 63) }

// An ensemble is the trees of a model. Each leaf holds width values. With width 1, tree t adds to output
// t mod outputs; otherwise width = outputs and each tree adds to all.
type ensemble struct {
	features int
	levels   [][]uint8 // per feature: nil, or the bin of each level of a categorical feature
	outputs  int
	width    int
	nodes    []node
	cover    []float64 // per node: training weight that passed through it, > 0
	roots    []int32   // start of each tree in nodes, and the end of the last: len = trees+1
	sets     []catSet
	leaves   []float64 // leaf values where width > 1
	gain     []float64 // per feature: sum of the gains of its splits
	splits   []int     // per feature: number of its splits
}

func (e *ensemble) trees() int { return len(e.roots) - 1 }

// goesLeft decides a split for the value of its feature.
func (e *ensemble) goesLeft(n *node, v float64) bool {
	if n.feat&isCat != 0 {
		f := n.feat >> flagBits
		return e.sets[int(n.value)].has(levelBin(e.levels[f], v))
	}
	if v != v {
		return n.feat&missLeft != 0
	}
	return v <= n.value
}

// levelBin is the bin of a category; a missing, unseen or unknown level shares the bin of missing values.
func levelBin(levels []uint8, v float64) uint8 {
	if v >= 0 && v < float64(len(levels)) {
		return levels[int(v)]
	}
	return missingBin
}

// leaf follows a row from a root down to its leaf.
func (e *ensemble) leaf(i int32, x []float64) int32 {
	nodes := e.nodes
	for {
		n := &nodes[i]
		if n.feat&isLeaf != 0 {
			return i
		}
		v := x[n.feat>>flagBits]
		if n.feat&isCat == 0 {
			if v <= n.value || (v != v && n.feat&missLeft != 0) {
				i++
			} else {
				i = n.right
			}
			continue
		}
		if e.goesLeft(n, v) {
			i++
		} else {
			i = n.right
		}
	}
}

// values returns the width values of a leaf.
func (e *ensemble) values(i int32) []float64 {
	if e.width == 1 {
		return []float64{e.nodes[i].value}
	}
	at := int(e.nodes[i].value)
	return e.leaves[at : at+e.width]
}

// addTree adds what trees t says of a row to out.
func (e *ensemble) addTree(t int, x, out []float64) {
	i := e.leaf(e.roots[t], x)
	if e.width == 1 {
		out[t%e.outputs] += e.nodes[i].value
		return
	}
	at := int(e.nodes[i].value)
	for k, v := range e.leaves[at : at+e.width] {
		out[k] += v
	}
}

// sum adds all trees in order for one row to out, which has e.outputs values.
func (e *ensemble) sum(x, out []float64) {
	if len(x) != e.features {
		panic("tree: row length mismatch")
	}
	for t := range e.trees() {
		e.addTree(t, x, out)
	}
}

// gather copies rows from..to of columns into buf, row after row.
func gather(buf []float64, x [][]float64, from, to int) {
	p := len(x)
	for f, col := range x {
		for i, v := range col[from:to] {
			buf[i*p+f] = v
		}
	}
}

// rowCount is the length of the columns; it panics on a shape that no caller should pass.
func rowCount(x [][]float64, features int) int {
	if len(x) != features {
		panic("tree: number of columns mismatch")
	}
	if features == 0 {
		return 0
	}
	n := len(x[0])
	for _, c := range x {
		if len(c) != n {
			panic("tree: column length mismatch")
		}
	}
	return n
}

// Importance tells how much each feature served a model. Both slices have one entry a feature.
//
// Importance by gain or count describes the fit, not the world: correlated features share it by chance.
type Importance struct {
	Gain   []float64 // sum of the loss reductions of the splits on the feature, in the units of the loss
	Splits []int     // number of splits on the feature
}

func (e *ensemble) importance() Importance {
	im := Importance{Gain: make([]float64, e.features), Splits: make([]int, e.features)}
	copy(im.Gain, e.gain)
	copy(im.Splits, e.splits)
	return im
}

// A buildNode is a node of a tree that is being grown, before it is laid out in pre-order.
type buildNode struct {
	left, right int // children, or left = -1 for a leaf
	feature     int
	threshold   float64
	missLeft    bool
	cat         bool
	set         catSet
	gain        float64
	cover       float64
	value       []float64 // leaf: width values
}

// appendTree lays out a grown tree, of which node 0 is the root, behind the others.
func (e *ensemble) appendTree(b []buildNode) {
	if len(e.roots) == 0 {
		e.roots = append(e.roots, 0)
	}
	type todo struct{ node, parent int }
	stack := []todo{{0, -1}} // parent ≥ 0: set its right child
	for len(stack) > 0 {
		t := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		at := len(e.nodes)
		if t.parent >= 0 {
			e.nodes[t.parent].right = int32(at)
		}
		n := &b[t.node]
		e.cover = append(e.cover, n.cover)
		if n.left < 0 {
			v := n.value[0]
			if e.width > 1 {
				v = float64(len(e.leaves))
				e.leaves = append(e.leaves, n.value...)
			}
			e.nodes = append(e.nodes, node{value: v, feat: isLeaf})
			continue
		}
		m := node{value: n.threshold, feat: uint32(n.feature) << flagBits}
		if n.missLeft {
			m.feat |= missLeft
		}
		if n.cat {
			m.feat |= isCat
			m.value = float64(len(e.sets))
			e.sets = append(e.sets, n.set)
		}
		e.gain[n.feature] += n.gain
		e.splits[n.feature]++
		e.nodes = append(e.nodes, m)
		stack = append(stack, todo{n.right, at}, todo{n.left, -1})
	}
	e.roots = append(e.roots, int32(len(e.nodes)))
}

func newEnsemble(features, outputs, width int, levels [][]uint8) *ensemble {
	return &ensemble{
		features: features, outputs: outputs, width: width, levels: levels, roots: []int32{0},
		gain: make([]float64, features), splits: make([]int, features),
	}
}

// truncate keeps the first trees only. Importance is that of the kept trees, so it is given.
func (e *ensemble) truncate(trees int, gain []float64, splits []int) {
	e.roots = e.roots[:trees+1]
	end := e.roots[trees]
	e.nodes, e.cover = e.nodes[:end], e.cover[:end]
	sets := 0
	for i := range e.nodes {
		if n := &e.nodes[i]; n.feat&isCat != 0 {
			sets = max(sets, int(n.value)+1)
		}
	}
	e.sets = e.sets[:sets]
	e.gain, e.splits = gain, splits
}

func sigmoid(m float64) float64 { return 1 / (1 + math.Exp(-m)) }
