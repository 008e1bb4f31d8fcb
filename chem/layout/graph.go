package layout

import (
	"slices"

	"galen.dev/chem"
)

// graph is a molecule with its atoms in canonical order. Everything below works on it, and so cannot depend on the
// order in which the atoms were given. Vertices are atoms; lengths are in bond lengths; y points up.
type graph struct {
	m     *chem.Mol
	atom  []int32 // atom of each vertex
	start []int32 // edges of vertex v are near[start[v]:start[v+1]], by neighbour
	near  []edge
	bonds []bond
	rings []ring

	system  []int32 // ring systems through each vertex: the first, -1 = none
	systems [][]int // rings of each system
	bodies  []body  // of the systems, once laid
	spiro   map[int32][]int32

	at     []complex128
	placed []bool
	fixed  []bool // given by a template; nil = none

	// The tree by which the drawing grows, see tree.
	parent, up, order, in, size, height []int32
	budget                              int
}

type edge struct{ to, bond int32 }

// bond is a bond between vertices a < b. ra and rb are the neighbours of its stereo.
type bond struct {
	a, b, ra, rb int32
	stereo       chem.Stereo
	order        chem.Order
	ring         bool
	aromatic     bool
}

// ring is a ring with its vertices in order, from the lowest towards its lower neighbour.
type ring struct{ atoms, bonds []int32 }

func newGraph(m *chem.Mol) *graph {
	n := len(m.Atoms)
	g := &graph{m: m, atom: make([]int32, n), at: make([]complex128, n), placed: make([]bool, n), system: make([]int32, n)}
	rank := Order(m)
	for a, r := range rank {
		g.atom[r] = int32(a)
	}
	g.bonds = make([]bond, 0, len(m.Bonds))
	by := make([]int32, len(m.Bonds))
	for i := range by {
		by[i] = int32(i)
	}
	low := func(i int32) (int32, int32) {
		a, b := rank[m.Bonds[i].Begin], rank[m.Bonds[i].End]
		return min(a, b), max(a, b)
	}
	slices.SortFunc(by, func(x, y int32) int {
		a, b := low(x)
		c, d := low(y)
		if a != c {
			return int(a - c)
		}
		return int(b - d)
	})
	to := make([]int32, len(m.Bonds)) // the bond of each bond of m
	for _, i := range by {
		k := &m.Bonds[i]
		b := bond{a: rank[k.Begin], b: rank[k.End], stereo: k.Stereo, order: k.Order, aromatic: k.Aromatic()}
		if k.Stereo > chem.AnyStereo {
			b.ra, b.rb = rank[k.RefBegin], rank[k.RefEnd]
		}
		if b.a > b.b {
			b.a, b.b, b.ra, b.rb = b.b, b.a, b.rb, b.ra
		}
		to[i] = int32(len(g.bonds))
		g.bonds = append(g.bonds, b)
	}
	g.connect(n)
	g.findRings(rank, to)
	g.findSystems()
	return g
}

// maxRanked bounds the molecules whose canonical order is computed: symmetric ones take time with the square of the size.
const maxRanked = 10_000

// Order is the order in which a molecule is drawn, as a rank for each atom: the canonical order, or the given one
// beyond 10,000 atoms.
func Order(m *chem.Mol) []int32 {
	if len(m.Atoms) <= maxRanked {
		return m.CanonicalRanks()
	}
	rank := make([]int32, len(m.Atoms))
	for i := range rank {
		rank[i] = int32(i)
	}
	return rank
}

func (g *graph) connect(n int) {
	g.start = make([]int32, n+1)
	for i := range g.bonds {
		g.start[g.bonds[i].a+1]++
		g.start[g.bonds[i].b+1]++
	}
	for v := range n {
		g.start[v+1] += g.start[v]
	}
	g.near = make([]edge, 2*len(g.bonds))
	next := slices.Clone(g.start[:n])
	for pass := range 2 { // bonds are sorted: first all lower neighbours, then all higher ones
		for i := range g.bonds {
			b := &g.bonds[i]
			from, to := b.b, b.a
			if pass == 1 {
				from, to = b.a, b.b
			}
			g.near[next[from]] = edge{to, int32(i)}
			next[from]++
		}
	}
}

func (g *graph) edges(v int32) []edge { return g.near[g.start[v]:g.start[v+1]] }
func (g *graph) degree(v int32) int   { return int(g.start[v+1] - g.start[v]) }

func (g *graph) between(a, b int32) int32 {
	for _, e := range g.edges(a) {
		if e.to == b {
			return e.bond
		}
	}
	return -1
}

func (g *graph) of(v int32) *chem.Atom { return &g.m.Atoms[g.atom[v]] }

// findRings takes over the rings in canonical order. Where bonds that close no rings for chemistry are there, such as
// dative ones, they close rings for the drawing.
func (g *graph) findRings(rank, to []int32) {
	info := g.m.Rings()
	open := !g.m.Sanitized()
	for i := range g.bonds {
		o := g.bonds[i].order
		open = open || o == chem.Dative || o == chem.Any || o == chem.Hydrogen
	}
	if open {
		all := g.m.DrawnRings()
		info = &all
	}
	g.rings = make([]ring, info.Len())
	total := 0
	for i := range g.rings {
		total += len(info.Atoms(i))
	}
	buf := make([]int32, 0, 2*total)
	for i := range g.rings {
		lo := len(buf)
		for _, a := range info.Atoms(i) {
			buf = append(buf, rank[a])
		}
		mid := len(buf)
		for _, b := range info.Bonds(i) {
			buf = append(buf, to[b])
			g.bonds[to[b]].ring = true
		}
		g.rings[i] = ring{buf[lo:mid:mid], buf[mid:len(buf):len(buf)]}
		g.rings[i].normalise()
	}
	slices.SortFunc(g.rings, func(a, b ring) int {
		if len(a.atoms) != len(b.atoms) {
			return len(a.atoms) - len(b.atoms)
		}
		return slices.Compare(a.atoms, b.atoms)
	})
}

// normalise turns a ring so that it begins at its lowest vertex and goes on to the lower neighbour of that.
func (r *ring) normalise() {
	n := len(r.atoms)
	lowest := 0
	for i, v := range r.atoms {
		if v < r.atoms[lowest] {
			lowest = i
		}
	}
	atoms, bonds := make([]int32, n), make([]int32, n)
	forward := r.atoms[(lowest+1)%n] < r.atoms[(lowest+n-1)%n]
	for i := range n {
		if forward {
			atoms[i], bonds[i] = r.atoms[(lowest+i)%n], r.bonds[(lowest+i)%n]
		} else {
			atoms[i], bonds[i] = r.atoms[(lowest+n-i)%n], r.bonds[(lowest+2*n-i-1)%n]
		}
	}
	copy(r.atoms, atoms)
	copy(r.bonds, bonds)
}

// findSystems groups rings that share bonds.
func (g *graph) findSystems() {
	for v := range g.system {
		g.system[v] = -1
	}
	if len(g.rings) == 0 {
		return
	}
	group := newGroups(len(g.rings))
	first := make([]int32, len(g.bonds))
	for i := range g.rings {
		for _, b := range g.rings[i].bonds {
			if first[b] != 0 {
				group.join(i, int(first[b]-1))
			} else {
				first[b] = int32(i + 1)
			}
		}
	}
	g.systems = group.lists()
	g.bodies = make([]body, len(g.systems))
	for s, rings := range g.systems {
		for _, r := range rings {
			for _, v := range g.rings[r].atoms {
				switch g.system[v] {
				case int32(s):
				case -1:
					g.system[v] = int32(s)
				default:
					if g.spiro == nil {
						g.spiro = map[int32][]int32{}
					}
					if !slices.Contains(g.spiro[v], int32(s)) {
						g.spiro[v] = append(g.spiro[v], int32(s))
					}
				}
			}
		}
	}
}

// groups is a union of disjoint sets.
type groups []int

func newGroups(n int) groups {
	g := make(groups, n)
	for i := range g {
		g[i] = i
	}
	return g
}

func (g groups) root(i int) int {
	for g[i] != i {
		g[i] = g[g[i]]
		i = g[i]
	}
	return i
}

// join unites two sets under the lower root.
func (g groups) join(i, j int) {
	i, j = g.root(i), g.root(j)
	g[max(i, j)] = min(i, j)
}

func (g groups) lists() [][]int {
	var out [][]int
	at := make([]int, len(g))
	for i := range g {
		r := g.root(i)
		if r == i {
			at[i] = len(out)
			out = append(out, nil)
		}
		out[at[r]] = append(out[at[r]], i)
	}
	return out
}

// tree lays a depth-first tree over the part of a root. A bond that is no ring bond has the whole far side of it below its lower
// end.
func (g *graph) tree(root int32) {
	n := len(g.atom)
	if g.parent == nil {
		buf := make([]int32, 5*n)
		g.parent, g.up, g.in, g.size, g.height = buf[:n], buf[n:2*n], buf[2*n:3*n], buf[3*n:4*n], buf[4*n:]
	}
	type place struct{ v, k int32 }
	from := len(g.order)
	stack := []place{{root, 0}}
	g.reach(root, -1, -1)
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		es := g.edges(top.v)
		if int(top.k) == len(es) {
			stack = stack[:len(stack)-1]
			continue
		}
		e := es[top.k]
		top.k++
		if g.size[e.to] == 0 {
			g.reach(e.to, top.v, e.bond)
			stack = append(stack, place{e.to, 0})
		}
	}
	for i := len(g.order) - 1; i > from; i-- {
		v := g.order[i]
		p := g.parent[v]
		g.size[p] += g.size[v]
		g.height[p] = max(g.height[p], g.height[v]+1)
	}
}

func (g *graph) reach(v, parent, up int32) {
	g.parent[v], g.up[v], g.in[v], g.size[v] = parent, up, int32(len(g.order)), 1
	g.order = append(g.order, v)
}

// below are the vertices of v's branch of the tree.
func (g *graph) below(v int32) []int32 { return g.order[g.in[v] : g.in[v]+g.size[v]] }
