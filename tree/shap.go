package tree

import (
	"math"
	"unsafe"
)

// Path-dependent Shapley values by quadrature.
//
// Take one leaf of value V, and let its path test d different features. For a row, let o_i be 1 if the row
// passes all tests of feature i on the path and else 0, and z_i the product of the shares of training weight
// that passed them. With the features S known, the leaf is worth V ∏_{i∈S} o_i ∏_{i∉S} z_i, and the Shapley
// value of feature i in this game is
//
//	φ_i = V (o_i − z_i) ∫₀¹ ∏_{j≠i} (t·o_j + (1−t)·z_j) dt
//
// (the integral over t puts Shapley's weights on the subsets: Owen 1972). The integrand is a polynomial of
// degree d−1, so Gauss–Legendre quadrature with ⌈d/2⌉ nodes is exact, and all its terms are positive, so
// nothing cancels. At one node t, the product over a path is built on the way down the tree, sums over the leaves
// below a node are built on the way up, and each edge adds its share to its feature: time is linear in nodes
// times quadrature nodes, instead of nodes times depth squared. Summing over a whole tree this way is the idea
// of Linear TreeSHAP (Yu et al., NeurIPS 2022), which interpolates where this integrates.
//
// Where a feature is tested again further down, the edge replaces the factor of the edge above it.

// lanes is how many quadrature nodes are worked on at once.
const lanes = 4

type vec [lanes]float64

// An edge leads from a node to a child. For a row it is in one of three states: 0 the row had failed this
// feature above, 1 it fails here, 2 it passes.
type edge [3]edgeState

// ratio is what the product of the path is multiplied with, and gain times the sum over the leaves below is what
// the feature gets. A state is a cache line.
type edgeState struct{ ratio, gain vec }

// pathTables are the edges of all trees, prepared.
type pathTables struct {
	e      *ensemble
	trees  []pathTree
	stored bool // edges of all trees are kept; else they are made anew for each block of rows
	most   int  // nodes of the largest tree
}

// A pathTree is one tree. Slices are indexed by node within the tree.
type pathTree struct {
	root    int32
	parent  []int32
	feature []int32   // that the parent splits on
	above   []int32   // the edge above that tests the same feature, named by its lower node; -1: none
	share   []float64 // z: product of the shares of this feature's tests down to here
	blocks  int       // of lanes quadrature nodes
	t, w    []float64 // quadrature nodes and weights on [0,1], padded with weight 0
	edges   []edge    // [block*nodes + node]
	value   []float64 // [value of a leaf][node], 0 for splits
}

// tableBudget bounds the memory of stored edges.
const tableBudget = 256 << 20

func newPathTables(e *ensemble) *pathTables {
	p := &pathTables{e: e, trees: make([]pathTree, e.trees())}
	parallel(len(p.trees), func(_, t int) { p.trees[t] = newPathTree(e, t) })
	size := 0
	for i := range p.trees {
		p.most = max(p.most, len(p.trees[i].parent))
		size += p.trees[i].blocks * len(p.trees[i].parent) * int(unsafe.Sizeof(edge{}))
	}
	if p.stored = size <= tableBudget; p.stored {
		parallel(len(p.trees), func(_, t int) {
			tr := &p.trees[t]
			tr.edges = make([]edge, tr.blocks*len(tr.parent))
			for b := range tr.blocks {
				tr.prepare(b, tr.edges[b*len(tr.parent):])
			}
		})
	}
	return p
}

func newPathTree(e *ensemble, t int) pathTree {
	root, end := e.roots[t], e.roots[t+1]
	n := int(end - root)
	p := pathTree{root: root, parent: make([]int32, n), above: make([]int32, n), share: make([]float64, n)}
	p.feature, p.value = make([]int32, n), make([]float64, n*e.width)
	distinct := make([]int32, n) // features on the path to a node
	most := int32(1)
	p.share[0], p.parent[0], p.above[0] = 1, -1, -1
	for i := range n {
		nd := &e.nodes[root+int32(i)]
		if nd.feat&isLeaf != 0 {
			most = max(most, distinct[i])
			for k, v := range e.values(root + int32(i)) {
				p.value[k*n+i] = v
			}
			continue
		}
		l, r := int32(i)+1, nd.right-root
		p.parent[l], p.parent[r] = int32(i), int32(i)
		p.feature[l] = int32(nd.feat >> flagBits)
		p.feature[r] = p.feature[l]
		cl, cr := e.cover[root+l], e.cover[root+r]
		up := int32(-1)
		for j := int32(i); j > 0; j = p.parent[j] {
			if p.feature[j] == p.feature[l] {
				up = j
				break
			}
		}
		for _, c := range [2]int32{l, r} {
			share := cl / (cl + cr)
			if c == r {
				share = cr / (cl + cr)
			}
			p.above[c], p.share[c] = up, share
			distinct[c] = distinct[i] + 1
			if up >= 0 {
				p.share[c] *= p.share[up]
				distinct[c] = distinct[i]
			}
		}
	}
	p.t, p.w = gaussLegendre((int(most) + 1) / 2)
	for len(p.t)%lanes != 0 {
		p.t, p.w = append(p.t, 0.5), append(p.w, 0)
	}
	p.blocks = len(p.t) / lanes
	return p
}

// prepare fills the edges of one block of quadrature nodes.
func (p *pathTree) prepare(block int, edges []edge) {
	for i := 1; i < len(p.parent); i++ {
		ed, z, up := &edges[i], p.share[i], p.above[i]
		for q := range lanes {
			t, w := p.t[block*lanes+q], p.w[block*lanes+q]
			fail, pass := (1-t)*z, t+(1-t)*z
			gainFail, gainPass := -w/(1-t), w*(1-z)/pass // w(o−z)/(t·o+(1−t)z) for o = 0 and 1
			if up < 0 {
				ed[1].ratio[q], ed[2].ratio[q] = fail, pass
				ed[1].gain[q], ed[2].gain[q] = gainFail, gainPass
				continue
			}
			y := p.share[up]
			before := t + (1-t)*y
			was := w * (1 - y) / before
			ed[0].ratio[q], ed[0].gain[q] = z/y, 0
			ed[1].ratio[q], ed[2].ratio[q] = fail/before, pass/before
			ed[1].gain[q], ed[2].gain[q] = gainFail-was, gainPass-was
		}
	}
}

// gaussLegendre gives n nodes and weights on [0,1], from Newton steps on the Legendre polynomial.
func gaussLegendre(n int) (t, w []float64) {
	t, w = make([]float64, n), make([]float64, n)
	for i := range n {
		x := math.Cos(math.Pi * (float64(i) + 0.75) / (float64(n) + 0.5))
		var slope float64
		for range 100 {
			p0, p1 := 1.0, x
			for k := 2; k <= n; k++ {
				p0, p1 = p1, (float64(2*k-1)*x*p1-float64(k-1)*p0)/float64(k)
			}
			slope = float64(n) * (x*p1 - p0) / (x*x - 1)
			step := p1 / slope
			x -= step
			if math.Abs(step) < 1e-16 {
				break
			}
		}
		t[i] = (1 - x) / 2
		w[i] = 1 / ((1 - x*x) * slope * slope)
	}
	return t, w
}

// addBase adds the mean of each tree over its training weight.
func (p *pathTables) addBase(base []float64) {
	e := p.e
	for t := range p.trees {
		tr := &p.trees[t]
		reach := make([]float64, len(tr.parent))
		reach[0] = 1
		for i := range reach {
			at := tr.root + int32(i)
			n := &e.nodes[at]
			if n.feat&isLeaf != 0 {
				if e.width == 1 {
					base[t%e.outputs] += reach[i] * n.value
				} else {
					for k, v := range e.leaves[int(n.value) : int(n.value)+e.width] {
						base[k] += reach[i] * v
					}
				}
				continue
			}
			l, r := at+1, n.right
			s := e.cover[l] / (e.cover[l] + e.cover[r])
			reach[l-tr.root] = reach[i] * s
			reach[r-tr.root] = reach[i] * (e.cover[r] / (e.cover[l] + e.cover[r]))
		}
	}
}

// A pathRow is scratch for one row in one tree.
type pathRow struct {
	state []uint8 // per node: state of the edge to it
	open  []bool  // per node: the row passes all tests of the edge's feature down to here
	down  []vec   // product of the path
	up    []vec   // sum over the leaves below
}

// explain adds the contributions of rows to phi[row][output][feature].
func (p *pathTables) explain(rows []float64, n int, phi []float64) {
	e := p.e
	s := pathRow{make([]uint8, p.most), make([]bool, p.most), make([]vec, p.most), make([]vec, p.most)}
	acc := make([]vec, len(phi))
	var own []edge
	for t := range p.trees {
		tr := &p.trees[t]
		nodes := len(tr.parent)
		if nodes == 1 {
			continue
		}
		edges := tr.edges
		if !p.stored {
			if own == nil {
				own = make([]edge, p.most)
			}
			edges = own
		}
		for b := range tr.blocks {
			at := edges
			if p.stored {
				at = edges[b*nodes : (b+1)*nodes]
			} else {
				tr.prepare(b, own[:nodes])
			}
			for i := range n {
				x := rows[i*e.features : (i+1)*e.features]
				tr.follow(e, x, &s)
				tr.descend(at[:nodes], &s)
				for k := range e.width {
					o := k
					if e.width == 1 {
						o = t % e.outputs
					}
					o += i * e.outputs
					tr.ascend(at[:nodes], tr.value[k*nodes:(k+1)*nodes], &s, acc[o*e.features:(o+1)*e.features])
				}
			}
		}
	}
	for i := range acc {
		phi[i] += (acc[i][0] + acc[i][1]) + (acc[i][2] + acc[i][3])
	}
}

// follow finds the state of every edge for a row.
func (p *pathTree) follow(e *ensemble, x []float64, s *pathRow) {
	nodes := e.nodes[p.root:]
	s.open[0] = true
	for i := range p.parent {
		n := &nodes[i]
		if n.feat&isLeaf != 0 {
			continue
		}
		left := e.goesLeft(n, x[n.feat>>flagBits])
		l, r := i+1, int(n.right-p.root)
		before := p.above[l] < 0 || s.open[p.above[l]]
		s.open[l], s.open[r] = before && left, before && !left
		var st uint8
		if before {
			st = 1
		}
		s.state[l], s.state[r] = st, st
		if before {
			if left {
				s.state[l] = 2
			} else {
				s.state[r] = 2
			}
		}
	}
}
