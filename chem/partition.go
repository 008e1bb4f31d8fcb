package chem

import (
	"cmp"
	"slices"
)

// partition is an ordered partition of the vertices of a graph into cells, refined until it is equitable: vertices
// of a cell have equally many neighbours, by each kind of bond, in every cell. All choices depend on positions and
// sizes alone, so isomorphic graphs get corresponding partitions.
type partition struct {
	lab  []int32 // vertices, cell by cell
	pos  []int32 // of each vertex in lab
	cell []int32 // of each vertex: where its cell starts in lab
	size []int32 // of the cell that starts here
}

// coloured is a connected graph whose vertices have colours; vertices have local numbers.
type coloured struct {
	partition
	n       int
	start   []int32
	edges   []edge
	sum     []uint64 // scratch: what the splitter sends to each vertex
	touched []int32
	queue   []int32 // cells that may split others
	queued  []bool
	members []int32
	bounds  []int32
}

// edge leads to a vertex by a kind of bond.
type edge struct {
	to   int32
	kind uint8
}

// spread turns the kind of a bond into a number whose sums tell multisets apart (splitmix64).
func spread(kind uint8) uint64 {
	z := (uint64(kind) + 1) * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

var spreads = func() (t [256]uint64) {
	for i := range t {
		t[i] = spread(uint8(i))
	}
	return t
}()

func (g *coloured) push(cell int32) {
	if !g.queued[cell] {
		g.queued[cell] = true
		g.queue = append(g.queue, cell)
	}
}

// refine splits cells until the partition is equitable.
func (g *coloured) refine() {
	for head := 0; head < len(g.queue); head++ {
		c := g.queue[head]
		g.queued[c] = false
		for _, v := range g.lab[c : c+g.size[c]] {
			for _, e := range g.edges[g.start[v]:g.start[v+1]] {
				if g.size[g.cell[e.to]] == 1 {
					continue
				}
				if g.sum[e.to] == 0 {
					g.touched = append(g.touched, e.to)
				}
				g.sum[e.to] += spreads[e.kind]
			}
		}
		if len(g.touched) > 0 {
			g.splitTouched()
		}
	}
	g.queue = g.queue[:0]
}

// splitTouched splits the cells of the touched vertices by their sums, and clears these.
func (g *coloured) splitTouched() {
	t := g.touched
	if len(t) > 1 {
		less := func(a, b int32) int {
			return cmp.Or(cmp.Compare(g.cell[a], g.cell[b]), cmp.Compare(g.sum[a], g.sum[b]))
		}
		if len(t) <= 16 {
			for i := 1; i < len(t); i++ {
				for k := i; k > 0 && less(t[k], t[k-1]) < 0; k-- {
					t[k], t[k-1] = t[k-1], t[k]
				}
			}
		} else {
			slices.SortFunc(t, less)
		}
	}
	for i := 0; i < len(t); {
		c := g.cell[t[i]]
		j := i + 1
		for j < len(t) && g.cell[t[j]] == c {
			j++
		}
		g.split(c, t[i:j])
		i = j
	}
	for _, v := range t {
		g.sum[v] = 0
	}
	g.touched = t[:0]
}

// split moves the given vertices of a cell, sorted by their sums, to its end, and makes a cell of each sum; the
// vertices that were not touched stay at the front.
func (g *coloured) split(c int32, vs []int32) {
	size := g.size[c]
	rest := size - int32(len(vs))
	if rest == 0 && g.sum[vs[0]] == g.sum[vs[len(vs)-1]] {
		return
	}
	at := c + size
	for i := len(vs) - 1; i >= 0; i-- {
		at--
		v, other := vs[i], g.lab[at]
		p := g.pos[v]
		g.lab[p], g.pos[other] = other, p
		g.lab[at], g.pos[v] = v, at
	}
	b := g.bounds[:0]
	if rest > 0 {
		b = append(b, c)
	}
	for i, v := range vs {
		if i == 0 || g.sum[v] != g.sum[vs[i-1]] {
			b = append(b, c+rest+int32(i))
		}
	}
	largest := 0
	for k, s := range b {
		end := c + size
		if k+1 < len(b) {
			end = b[k+1]
		}
		g.size[s] = end - s
		if s != c {
			for _, v := range g.lab[s:end] {
				g.cell[v] = s
			}
		}
		if g.size[s] > g.size[b[largest]] {
			largest = k
		}
	}
	waiting := g.queued[c]
	for k, s := range b {
		if k != largest || waiting {
			g.push(s)
		}
	}
	g.bounds = b
}

// single makes a vertex the first of its cell, and a cell of its own.
func (g *coloured) single(v int32) {
	c := g.cell[v]
	p, first := g.pos[v], g.lab[c]
	g.lab[p], g.pos[first] = first, p
	g.lab[c], g.pos[v] = v, c
	g.size[c+1] = g.size[c] - 1
	g.size[c] = 1
	for _, o := range g.lab[c+1 : c+1+g.size[c+1]] {
		g.cell[o] = c + 1
	}
	g.push(c)
}

// save and restore copy the partition, for backtracking.
func (g *coloured) save() partition {
	buf := make([]int32, 0, 4*g.n)
	buf = append(append(append(append(buf, g.lab...), g.pos...), g.cell...), g.size...)
	return partition{buf[:g.n], buf[g.n : 2*g.n], buf[2*g.n : 3*g.n], buf[3*g.n:]}
}

func (g *coloured) restore(p partition) {
	copy(g.lab, p.lab)
	copy(g.pos, p.pos)
	copy(g.cell, p.cell)
	copy(g.size, p.size)
}

// forest says whether the vertices of cells with more than one member, and the edges between them, form trees. Then
// the members of each cell are images of one another (refinement tells vertices of forests apart exactly), and any of
// them may be picked without a search.
func (g *coloured) forest() bool {
	vertices, edges := 0, 0
	for v := range int32(g.n) {
		if g.size[g.cell[v]] == 1 {
			continue
		}
		vertices++
		for _, e := range g.edges[g.start[v]:g.start[v+1]] {
			if e.to < v && g.size[g.cell[e.to]] > 1 {
				edges++
			}
		}
	}
	if edges == 0 {
		return true
	}
	if edges >= vertices {
		return false
	}
	parent := g.members[:0]
	for v := range int32(g.n) {
		parent = append(parent, v)
	}
	g.members = parent
	find := func(v int32) int32 {
		for parent[v] != v {
			parent[v] = parent[parent[v]]
			v = parent[v]
		}
		return v
	}
	for v := range int32(g.n) {
		if g.size[g.cell[v]] == 1 {
			continue
		}
		for _, e := range g.edges[g.start[v]:g.start[v+1]] {
			if e.to < v && g.size[g.cell[e.to]] > 1 {
				a, b := find(v), find(e.to)
				if a == b {
					return false
				}
				parent[a] = b
			}
		}
	}
	return true
}
