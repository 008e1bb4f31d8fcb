package chem

import (
	"cmp"
	"slices"
)

// RankOptions say what a canonical order of atoms tells apart. The zero value tells everything apart.
type RankOptions struct {
	Flat   bool // leave out stereo and isotopes
	NoMaps bool // leave out atom maps
}

// CanonicalRanks numbers the atoms from 0 in an order that depends on the molecule alone, not on the order in which
// its atoms were given: two inputs are the same molecule exactly if their ranked graphs are equal.
//
// Cells of atoms that look alike are refined; where several atoms are left alike, each that is no image of another
// is tried, and the smallest ranked graph wins (individualisation and refinement with automorphism pruning, McKay
// 1981). Stereo counts as soon as the neighbours of an element are told apart, so that centres that depend on each
// other are handled exactly. Beyond canonBudget trials, which regular graphs of hundreds of atoms may need, the best
// so far is taken.
func (m *Mol) CanonicalRanks() []int32 { return m.RanksWith(RankOptions{}) }

// RanksWith is CanonicalRanks with options.
func (m *Mol) RanksWith(o RankOptions) []int32 {
	n := len(m.Atoms)
	rank := make([]int32, n)
	c := canon{m: m, opt: o}
	keys := c.keys()
	of, parts := m.Components()
	if parts == 1 {
		all := make([]int32, n)
		for i := range all {
			all[i] = int32(i)
		}
		for i, v := range c.rank(all, keys) {
			rank[v] = int32(i)
		}
		return rank
	}
	members := make([][]int32, parts)
	for i, p := range of {
		members[p] = append(members[p], int32(i))
	}
	type part struct {
		lab   []int32
		graph []uint32
	}
	ranked := make([]part, parts)
	for i, vs := range members {
		lab := slices.Clone(c.rank(vs, keys))
		ranked[i] = part{lab, c.certificate(nil)}
	}
	slices.SortStableFunc(ranked, func(a, b part) int {
		for k := range min(len(a.lab), len(b.lab)) {
			if d := compareKeys(keys[a.lab[k]], keys[b.lab[k]]); d != 0 {
				return d
			}
		}
		return cmp.Or(cmp.Compare(len(a.lab), len(b.lab)), slices.Compare(a.graph, b.graph))
	})
	at := int32(0)
	for _, p := range ranked {
		for _, v := range p.lab {
			rank[v] = at
			at++
		}
	}
	return rank
}

// SymmetryClasses numbers classes of atoms that refinement cannot tell apart: equal atoms have equal numbers.
func (m *Mol) SymmetryClasses() []int32 {
	class := make([]int32, len(m.Atoms))
	c := canon{m: m}
	all := make([]int32, len(m.Atoms))
	for i := range all {
		all[i] = int32(i)
	}
	c.load(all, c.keys())
	c.settle()
	copy(class, c.g.cell)
	return class
}

// canonBudget bounds the nodes of one search.
const canonBudget = 20_000

type canon struct {
	m     *Mol
	opt   RankOptions
	g     coloured
	atoms []int32 // of the present part: atom of each vertex
	local []int32 // vertex of each atom

	centres, bonds []int32 // stereo elements of the present part
	code           []uint32
	open           bool // some stereo element is not resolved yet

	path     []int32
	best     []int32 // lab of the best leaf
	bestCert []uint32
	bestPath []int32
	autos    [][]int32 // automorphisms found, as images of vertices
	nodes    int
}

// key is what an atom is by itself.
type key struct {
	what uint64
	num  int32
}

func compareKeys(a, b key) int { return cmp.Or(cmp.Compare(a.what, b.what), cmp.Compare(a.num, b.num)) }

// keys computes the initial colours. The degree comes first, so that canonical SMILES start at an end.
func (c *canon) keys() []key {
	m := c.m
	ks := make([]key, len(m.Atoms))
	for i := range m.Atoms {
		a := &m.Atoms[i]
		w := uint64(min(m.Degree(int32(i)), 255))<<48 | uint64(a.Element)<<40 | uint64(uint8(int(a.Charge)+128))<<32 |
			uint64(min(a.Hydrogens(), 255))<<24 | uint64(a.Radicals&15)<<20
		if a.Aromatic() {
			w |= 1 << 19
		}
		if !c.opt.Flat {
			if a.Chirality.Tetrahedral() {
				w |= 1 << 16
			} else if a.Chirality != Achiral {
				w |= uint64(a.Chirality) << 16
			}
			w |= uint64(a.Isotope)
		}
		ks[i].what = w
		if !c.opt.NoMaps {
			ks[i].num = a.Map
		}
	}
	return ks
}

// bondKind tells bonds apart, seen from one end. It leaves the arrangement out.
func bondKind(b *Bond, from int32) uint8 {
	k := uint8(b.Order) << 2
	if b.Aromatic() {
		k |= 1
	}
	if b.Order == Dative && b.Begin == from {
		k |= 2
	}
	return k
}

// load makes the graph of one part.
func (c *canon) load(vs []int32, keys []key) {
	m, n := c.m, len(vs)
	if c.local == nil {
		c.local = make([]int32, len(m.Atoms))
	}
	c.atoms = vs
	buf := make([]int32, 5*n+1)
	g := &c.g
	*g = coloured{n: n, partition: partition{buf[:n], buf[n : 2*n], buf[2*n : 3*n], buf[3*n : 4*n]}, start: buf[4*n:]}
	g.sum, g.queued = make([]uint64, n), make([]bool, n)
	c.code = make([]uint32, n)
	for i, a := range vs {
		c.local[a] = int32(i)
		g.start[i+1] = g.start[i] + int32(m.Degree(a))
	}
	g.edges = make([]edge, 0, g.start[n])
	c.centres, c.bonds = c.centres[:0], c.bonds[:0]
	for i, a := range vs {
		for _, nb := range m.Neighbors(a) {
			b := &m.Bonds[nb.Bond]
			g.edges = append(g.edges, edge{c.local[nb.Atom], bondKind(b, a)})
			if b.Begin == a && b.Stereo > AnyStereo && !c.opt.Flat {
				c.bonds = append(c.bonds, nb.Bond)
			}
		}
		if t := &m.Atoms[a]; !c.opt.Flat && (t.Chirality.Tetrahedral() || t.Order > 0 && Places(t.Chirality) >= m.Degree(a)) {
			c.centres = append(c.centres, a)
		}
		g.lab[i] = int32(i)
	}
	slices.SortFunc(g.lab, func(x, y int32) int { return compareKeys(keys[vs[x]], keys[vs[y]]) })
	first := int32(0)
	for i, v := range g.lab {
		if i > 0 && compareKeys(keys[vs[v]], keys[vs[g.lab[i-1]]]) != 0 {
			first = int32(i)
		}
		g.pos[v], g.cell[v] = int32(i), first
		g.size[first]++
	}
	for i := int32(0); i < int32(n); i += g.size[i] {
		g.push(i)
	}
}

// rank returns the atoms of a part in canonical order.
func (c *canon) rank(vs []int32, keys []key) []int32 {
	c.load(vs, keys)
	c.path, c.best, c.bestCert, c.bestPath, c.autos, c.nodes = c.path[:0], nil, nil, nil, nil, 0
	c.settle()
	if !c.open && c.g.forest() {
		c.finish()
		c.best = c.g.lab
	} else {
		c.search()
		for i, v := range c.best {
			c.g.lab[i], c.g.pos[v], c.g.cell[v] = v, int32(i), int32(i)
		}
	}
	order := make([]int32, len(vs))
	for i, v := range c.best {
		order[i] = vs[v]
	}
	return order
}

// settle refines, and lets stereo elements split cells as soon as they are resolved, until nothing changes.
func (c *canon) settle() {
	g := &c.g
	g.refine()
	if len(c.centres)+len(c.bonds) == 0 {
		c.open = false
		return
	}
	for {
		c.stereoCodes()
		changed := false
		for s := int32(0); s < int32(g.n); {
			size := g.size[s]
			if size > 1 {
				changed = c.splitByCode(s) || changed
			}
			s += size
		}
		if !changed {
			return
		}
		g.refine()
	}
}

// splitByCode splits a cell by the codes of its vertices.
func (c *canon) splitByCode(s int32) bool {
	g := &c.g
	cell := g.lab[s : s+g.size[s]]
	differ := false
	for _, v := range cell {
		differ = differ || c.code[v] != c.code[cell[0]]
	}
	if !differ {
		return false
	}
	for _, v := range cell {
		g.touched = append(g.touched, v)
		g.sum[v] = uint64(c.code[v]) + 1
	}
	g.splitTouched()
	return true
}

// stereoCodes computes what resolved elements say of their atoms, by the order of cells.
func (c *canon) stereoCodes() {
	m, g := c.m, &c.g
	clear(c.code)
	c.open = false
	rank := func(a int32) int32 { return g.cell[c.local[a]] }
	for _, i := range c.centres {
		odd, ok := parityBy(m.Neighbors(i), rank)
		if !ok {
			c.open = true
			continue
		}
		if !m.Atoms[i].Chirality.Tetrahedral() {
			c.code[c.local[i]] += uint32(m.arrangementBy(i, rank)) << 12
			continue
		}
		c.code[c.local[i]]++
		if (m.Atoms[i].Chirality == Clockwise) != odd {
			c.code[c.local[i]]++
		}
	}
	for _, i := range c.bonds {
		b := &m.Bonds[i]
		begin, ok1 := highestBy(m, b.Begin, i, rank)
		end, ok2 := highestBy(m, b.End, i, rank)
		if !ok1 || !ok2 {
			c.open = true
			continue
		}
		code := uint32(4)
		if (b.Stereo == Cis) != ((begin != b.RefBegin) != (end != b.RefEnd)) {
			code = 64
		}
		c.code[c.local[b.Begin]] += code
		c.code[c.local[b.End]] += code
	}
}

// arrangementBy is the number of an arrangement that is not tetrahedral in the order of a ranking.
func (m *Mol) arrangementBy(i int32, rank func(int32) int32) uint8 {
	near := m.Neighbors(i)
	list := make([]int, Places(m.Atoms[i].Chirality))
	for k := range list {
		list[k] = k
		if k < len(near) {
			list[k] = 0
			for _, o := range near {
				if rank(o.Atom) < rank(near[k].Atom) {
					list[k]++
				}
			}
		}
	}
	return Rearrange(m.Atoms[i].Chirality, m.Atoms[i].Order, list)
}

// parityBy is the parity of neighbours under a ranking; it reports false where two are equal.
func parityBy(near []Neighbor, rank func(int32) int32) (odd, ok bool) {
	for k := range near {
		r := rank(near[k].Atom)
		for _, o := range near[:k] {
			switch x := rank(o.Atom); {
			case x == r:
				return false, false
			case x > r:
				odd = !odd
			}
		}
	}
	return odd, true
}

// highestBy is the substituent of highest rank at one end of a double bond; it reports false where two are equal.
func highestBy(m *Mol, a, double int32, rank func(int32) int32) (best int32, ok bool) {
	best = -1
	for _, n := range m.Neighbors(a) {
		switch {
		case n.Bond == double:
		case best < 0 || rank(n.Atom) > rank(best):
			best = n.Atom
		case rank(n.Atom) == rank(best):
			return best, false
		}
	}
	return best, true
}

// finish breaks the remaining ties in any way.
func (c *canon) finish() {
	g := &c.g
	for s := int32(0); s < int32(g.n); {
		if g.size[s] == 1 {
			s++
			continue
		}
		g.single(g.lab[s])
		g.refine()
	}
}

// search explores the choices at the present partition, which is settled. It returns the depth to go back to:
// that of the path, or less where a leaf turned out to be the image of an earlier one.
func (c *canon) search() int {
	g := &c.g
	depth := len(c.path)
	c.nodes++
	if !c.open && g.forest() {
		c.finish()
		return c.leaf()
	}
	target := int32(-1)
	for s := int32(0); s < int32(g.n); s += g.size[s] {
		if g.size[s] > 1 && (target < 0 || g.size[s] < g.size[target]) {
			target = s
		}
	}
	if target < 0 {
		return c.leaf()
	}
	saved := g.save()
	cell := slices.Clone(g.lab[target : target+g.size[target]])
	var tried []int32
	for _, v := range cell {
		if c.imageOf(v, tried, depth) {
			continue
		}
		if len(tried) > 0 {
			if c.nodes > canonBudget {
				break
			}
			g.restore(saved)
		}
		tried = append(tried, v)
		c.path = append(c.path[:depth], v)
		g.single(v)
		c.settle()
		if back := c.search(); back < depth {
			c.path = c.path[:depth]
			return back
		}
	}
	c.path = c.path[:depth]
	return depth
}

// imageOf says whether a known automorphism that keeps the path so far maps a vertex to one that was tried.
func (c *canon) imageOf(v int32, tried []int32, depth int) bool {
	if len(tried) == 0 || len(c.autos) == 0 {
		return false
	}
	parent := make([]int32, c.g.n)
	for i := range parent {
		parent[i] = int32(i)
	}
	find := func(a int32) int32 {
		for parent[a] != a {
			parent[a] = parent[parent[a]]
			a = parent[a]
		}
		return a
	}
	for _, auto := range c.autos {
		keeps := true
		for _, p := range c.path[:depth] {
			keeps = keeps && auto[p] == p
		}
		if keeps {
			for a, b := range auto {
				parent[find(int32(a))] = find(b)
			}
		}
	}
	for _, t := range tried {
		if find(t) == find(v) {
			return true
		}
	}
	return false
}

// leaf compares the ranked graph at a discrete partition with the best one. An equal one reveals an automorphism.
func (c *canon) leaf() int {
	g := &c.g
	cert := c.certificate(nil)
	order := -1
	if c.best != nil {
		order = slices.Compare(cert, c.bestCert)
	}
	if order == 0 {
		auto := make([]int32, g.n)
		for i, v := range c.best {
			auto[v] = g.lab[i]
		}
		c.autos = append(c.autos, auto)
		common := 0
		for common < min(len(c.path), len(c.bestPath)) && c.path[common] == c.bestPath[common] {
			common++
		}
		return common
	}
	if order < 0 {
		c.best, c.bestCert, c.bestPath = slices.Clone(g.lab), cert, slices.Clone(c.path)
	}
	return len(c.path)
}

// certificate writes the graph as numbered by the discrete partition: for each position the earlier neighbours with
// their bonds, and the stereo code.
func (c *canon) certificate(out []uint32) []uint32 {
	g := &c.g
	c.stereoCodes()
	for i, v := range g.lab {
		lo := len(out)
		for _, e := range g.edges[g.start[v]:g.start[v+1]] {
			if p := g.pos[e.to]; p < int32(i) {
				out = append(out, uint32(p)<<8|uint32(e.kind))
			}
		}
		slices.Sort(out[lo:])
		out = append(out, 1<<31|c.code[v])
	}
	return out
}
