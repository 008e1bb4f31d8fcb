package smarts

import "slices"

// program is a pattern made ready for search.
type program struct {
	graph   *graph
	exprs   []int32 // of each atom; the number of its neighbours is a part of it
	need    []need
	links   []int32
	ordered []step // in the order that RDKit visits
	quick   []step // rare atoms first
	stereo  bool   // has arrangements
	groups  bool   // has component groups
	dative  bool   // has dative bonds, whose direction counts
}

// need is an expression and the number of atoms of the pattern that have it.
type need struct {
	expr  int32
	count int32
}

// link is a kind of bond that a pattern asks for: bonds of a mask between atoms of two expressions.
type link struct {
	a, b int32
	mask uint32
}

// step places one atom of the pattern.
type step struct {
	atom     int32
	parent   int32  // a neighbour that is placed already, -1 = none
	mask     uint32 // kinds of bonds to the parent that fit
	closures []closing
}

// closing is a further bond to an atom that is placed already.
type closing struct {
	atom int32
	mask uint32
}

// program compiles a graph.
func (c *compiler) program(g *graph) *program {
	p := &program{graph: g, exprs: make([]int32, len(g.atoms))}
	degree := make([]int, len(g.atoms))
	for i := range g.bonds {
		b := &g.bonds[i]
		degree[b.begin]++
		degree[b.end]++
		p.dative = p.dative || b.dative
		p.stereo = p.stereo || b.stereo > 0
	}
	rare := make([]float64, len(g.atoms))
	for i := range g.atoms {
		a := &g.atoms[i]
		id := c.expr(a.expr)
		rare[i] = c.set.rarity(id)
		if degree[i] > 1 {
			id = c.expr(and(a.expr, &node{op: opRange, prop: propDegree, lo: degree[i], hi: anyMore}))
		}
		p.exprs[i] = id
		p.stereo = p.stereo || a.chirality.Tetrahedral()
		p.groups = p.groups || a.group > 0
	}
	near := g.adjacency()
	p.ordered = g.plan(near, nil)
	p.quick = g.plan(near, rare)
	p.needs(c, rare)
	return p
}

// needs lists what a molecule must have for a search to make sense, the rare things first.
func (p *program) needs(c *compiler, rare []float64) {
	order := make([]int32, len(p.exprs))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, byRarity(rare))
	for _, a := range order {
		id := p.exprs[a]
		if i := slices.IndexFunc(p.need, func(n need) bool { return n.expr == id }); i >= 0 {
			p.need[i].count++
		} else {
			p.need = append(p.need, need{id, 1})
		}
	}
	for _, s := range p.quick {
		if s.parent < 0 {
			continue
		}
		l := link{p.exprs[s.atom], p.exprs[s.parent], s.mask}
		if l.a > l.b {
			l.a, l.b = l.b, l.a
		}
		id, ok := c.linkByKey[l]
		if !ok {
			id = int32(len(c.set.links))
			c.linkByKey[l] = id
			c.set.links = append(c.set.links, l)
		}
		if !slices.Contains(p.links, id) {
			p.links = append(p.links, id)
		}
	}
}

// adjacency lists the bonds of each atom in their order.
func (g *graph) adjacency() [][]int32 {
	near := make([][]int32, len(g.atoms))
	for i := range g.bonds {
		b := &g.bonds[i]
		near[b.begin] = append(near[b.begin], int32(i))
		near[b.end] = append(near[b.end], int32(i))
	}
	return near
}

// plan orders the atoms so that each follows a neighbour where it has one. Without rare, the next atom is the lowest
// that has a placed neighbour, or the lowest of all, as RDKit visits them; with it, the one with most placed
// neighbours, then the rarest.
func (g *graph) plan(near [][]int32, rare []float64) []step {
	n := len(g.atoms)
	placed := make([]bool, n)
	reached := make([]int, n)
	steps := make([]step, 0, n)
	better := func(a, b int32) bool {
		if (reached[a] > 0) != (reached[b] > 0) {
			return reached[a] > 0
		}
		if rare == nil {
			return a < b
		}
		if reached[a] != reached[b] {
			return reached[a] > reached[b]
		}
		return byRarity(rare)(a, b) < 0
	}
	roots := make([]int32, n) // where a component may begin, the best first
	for i := range roots {
		roots[i] = int32(i)
	}
	if rare != nil {
		slices.SortFunc(roots, byRarity(rare))
	}
	frontier := make([]int32, 0, n) // atoms that are reached and not placed
	for len(steps) < n {
		best := int32(-1)
		for _, a := range frontier {
			if best < 0 || better(a, best) {
				best = a
			}
		}
		if best < 0 {
			for placed[roots[0]] {
				roots = roots[1:]
			}
			best = roots[0]
		} else {
			frontier = slices.Delete(frontier, slices.Index(frontier, best), slices.Index(frontier, best)+1)
		}
		placed[best] = true
		s := step{atom: best, parent: -1}
		for _, i := range near[best] {
			b := &g.bonds[i]
			o := b.other(best)
			switch {
			case !placed[o]:
				if reached[o]++; reached[o] == 1 {
					frontier = append(frontier, o)
				}
			case s.parent < 0:
				s.parent, s.mask = o, b.mask
			default:
				s.closures = append(s.closures, closing{o, b.mask})
			}
		}
		steps = append(steps, s)
	}
	return steps
}
