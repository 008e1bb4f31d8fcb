package smarts

import (
	"slices"

	"galen.dev/chem"
)

// FromMol makes a pattern of a molecule: an atom fits atoms of its element, and where it has a charge, an isotope or
// unpaired electrons, those must be the same; a bond fits bonds of its order. Hydrogens that are not atoms do not
// count, nor does whether an atom is aromatic: its bonds say that. An atom of any kind (*) fits another such atom.
func FromMol(m *chem.Mol) *Pattern {
	g := &graph{atoms: make([]queryAtom, len(m.Atoms)), bonds: make([]queryBond, len(m.Bonds))}
	for i := range m.Atoms {
		a := &m.Atoms[i]
		g.atoms[i] = queryAtom{expr: atomLike(a), mapNumber: int(a.Map), chirality: a.Chirality, stated: -1}
		for _, nb := range m.Neighbors(int32(i)) {
			g.atoms[i].written = append(g.atoms[i].written, nb.Bond)
		}
	}
	for i := range m.Bonds {
		b := &m.Bonds[i]
		q := queryBond{begin: b.Begin, end: b.End, order: b.Order, mask: either(b.Order) | either(chem.Any), dative: b.Order == chem.Dative}
		if b.Order == chem.Any {
			q.mask = allKinds
		}
		if b.Stereo > chem.AnyStereo {
			q.stereo, q.refs = b.Stereo, [2]int32{b.RefBegin, b.RefEnd}
		}
		g.bonds[i] = q
	}
	return fromGraph("", g)
}

func atomLike(a *chem.Atom) *node {
	n := is(propElement, int(a.Element))
	if a.Element == chem.Unknown {
		if a.Isotope > 0 {
			n = and(n, &node{op: opOr, kids: []*node{is(propIsotope, int(a.Isotope)), is(propIsotope, 0)}})
		}
		return n
	}
	if a.Charge != 0 {
		n = and(n, is(propCharge, int(a.Charge)))
	}
	if a.Isotope > 0 {
		n = and(n, is(propIsotope, int(a.Isotope)))
	}
	if a.Radicals > 0 {
		n = and(n, is(propRadicals, int(a.Radicals)))
	}
	return n
}

// MergeHs returns the pattern with its hydrogen atoms turned into counts: C[H] becomes [C;!H0], in environments
// too. It then fits molecules whose hydrogens are not atoms. Hydrogens that have no other neighbour stay, as do
// those that are one choice of several ([#1,#6]).
func (p *Pattern) MergeHs() *Pattern { return fromGraph(p.source, p.graph.mergeHs()) }

func (g *graph) mergeHs() *graph {
	near := g.adjacency()
	gone := make([]bool, len(g.atoms))
	out := &graph{}
	for i := range g.atoms {
		gone[i] = isHydrogen(g.atoms[i].expr, len(near[i]))
	}
	kept := slices.Clone(gone) // which of the hydrogens have no heavier neighbour
	exprs := make([]*node, len(g.atoms))
	for i := range g.atoms {
		exprs[i] = g.atoms[i].expr
		if gone[i] {
			continue
		}
		exprs[i] = mergeInside(exprs[i])
		hydrogens := 0
		for _, b := range near[i] {
			if o := g.bonds[b].other(int32(i)); gone[o] {
				kept[o] = false
				hydrogens++
			}
		}
		if hydrogens > 0 {
			exprs[i] = and(exprs[i], &node{op: opRange, prop: propHydrogens, lo: hydrogens, hi: anyMore})
		}
	}
	to := make([]int32, len(g.atoms))
	for i := range g.atoms {
		if to[i] = -1; gone[i] && !kept[i] {
			continue
		}
		to[i] = int32(len(out.atoms))
		a := g.atoms[i]
		a.expr, a.written = exprs[i], nil
		out.atoms = append(out.atoms, a)
	}
	for _, b := range g.bonds {
		if to[b.begin] < 0 || to[b.end] < 0 {
			continue
		}
		if b.stereo > 0 && (to[b.refs[0]] < 0 || to[b.refs[1]] < 0) {
			b.stereo = chem.NoStereo
		} else if b.stereo > 0 {
			b.refs = [2]int32{to[b.refs[0]], to[b.refs[1]]}
		}
		b.begin, b.end = to[b.begin], to[b.end]
		for _, end := range [2]int32{b.begin, b.end} {
			out.atoms[end].written = append(out.atoms[end].written, int32(len(out.bonds)))
		}
		out.bonds = append(out.bonds, b)
	}
	return out
}

// isHydrogen says whether an expression can only be a hydrogen: the element alone, or at the end of a bond also
// with further conditions.
func isHydrogen(n *node, degree int) bool {
	one := func(n *node) bool { return n.op == opRange && n.prop == propElement && n.lo == 1 && n.hi == 1 }
	if one(n) {
		return true
	}
	return degree <= 1 && n.op == opAnd && slices.ContainsFunc(n.kids, one)
}

// mergeInside merges hydrogens in environments.
func mergeInside(n *node) *node {
	c := *n
	c.kids = make([]*node, len(n.kids))
	for i, k := range n.kids {
		c.kids[i] = mergeInside(k)
	}
	if n.op == opRecursive {
		c.sub = n.sub.mergeHs()
	}
	return &c
}
