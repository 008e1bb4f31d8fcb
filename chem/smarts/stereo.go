package smarts

import (
	"slices"

	"galen.dev/chem"
)

// settleCentres turns the arrangement of each centre from the written order of its neighbours into the order of
// its bonds, in which a missing neighbour comes last. A stated hydrogen is the neighbour that is missing.
func (g *graph) settleCentres() {
	for i := range g.atoms {
		a := &g.atoms[i]
		if !a.chirality.Tetrahedral() || len(a.written) < 3 {
			continue
		}
		odd := oddOrder(a.written, slices.Sorted(slices.Values(a.written)))
		if len(a.written) == 3 {
			if a.first && a.stated == 1 {
				odd = !odd
			}
			// With one ring and no hydrogen stated, RDKit places the missing neighbour as a hydrogen would be.
			if a.closures == 1 && a.stated != 1 && !countsOneHydrogen(a.expr) && !g.unsaturated(int32(i)) {
				odd = !odd
			}
		}
		if odd {
			a.chirality = chem.Counterclockwise + chem.Clockwise - a.chirality
		}
	}
}

// countsOneHydrogen says whether an expression demands exactly one hydrogen.
func countsOneHydrogen(n *node) bool {
	if n.op == opAnd {
		return slices.ContainsFunc(n.kids, countsOneHydrogen)
	}
	return n.op == opRange && n.prop == propHydrogens && n.lo == 1 && n.hi == 1
}

func (g *graph) unsaturated(a int32) bool {
	return slices.ContainsFunc(g.bonds, func(b queryBond) bool {
		return (b.begin == a || b.end == a) && b.order > chem.Single && b.order <= chem.Aromatic
	})
}

// oddOrder says whether an odd number of exchanges turns one order into another. Both hold the same elements.
func oddOrder(from, to []int32) bool {
	var buf [8]int32
	at := append(buf[:0], from...)
	odd := false
	for i, want := range to {
		if j := slices.Index(at[i:], want); j > 0 {
			at[i], at[i+j] = at[i+j], at[i]
			odd = !odd
		}
	}
	return odd
}

// settleDoubleBonds derives the arrangement of double bonds from the marks beside them.
func (g *graph) settleDoubleBonds() {
	for i := range g.bonds {
		b := &g.bonds[i]
		if b.order != chem.Double {
			continue
		}
		x, y := g.marked(b.begin), g.marked(b.end)
		if x == nil || y == nil {
			continue
		}
		b.refs = [2]int32{x.other(b.begin), y.other(b.end)}
		dx, dy := x.dir, y.dir
		if x.begin == b.begin {
			dx = flip(dx)
		}
		if y.end == b.end {
			dy = flip(dy)
		}
		b.stereo = chem.Cis
		if dx == dy {
			b.stereo = chem.Trans
		}
	}
}

// marked returns the first bond of an atom that carries / or \, or nil.
func (g *graph) marked(a int32) *queryBond {
	for i := range g.bonds {
		b := &g.bonds[i]
		if (b.begin == a || b.end == a) && b.order != chem.Double && b.dir != chem.NoDir {
			return b
		}
	}
	return nil
}

// accepts says whether the arrangements of a match agree, if that is asked for.
func (k *Matcher) accepts(p *program) bool {
	if !k.chirality || !p.stereo {
		return true
	}
	for q := range p.graph.atoms {
		if p.graph.atoms[q].chirality.Tetrahedral() && !k.sameHand(p, int32(q)) {
			return false
		}
	}
	for i := range p.graph.bonds {
		if b := &p.graph.bonds[i]; b.stereo > chem.AnyStereo && !k.sameSide(b) {
			return false
		}
	}
	return true
}

// sameHand compares a centre of the pattern with the molecule's. With less than three neighbours in the pattern it
// is enough that there is a centre.
func (k *Matcher) sameHand(p *program, q int32) bool {
	a := k.place[q]
	want, have := p.graph.atoms[q].chirality, k.m.Atoms[a].Chirality
	if !have.Tetrahedral() {
		return false
	}
	order := slices.Sorted(slices.Values(p.graph.atoms[q].written))
	near := k.m.Neighbors(a)
	if len(order) < 3 {
		return true
	}
	if len(order) > len(near) || len(near) > 4 {
		return false
	}
	var wanted, held [5]int32
	for i, b := range order {
		wanted[i] = k.place[p.graph.bonds[b].other(q)]
	}
	for i, nb := range near {
		held[i] = nb.Atom
		if !slices.Contains(wanted[:len(order)], nb.Atom) {
			held[i] = -1
			wanted[len(order)] = -1
		}
	}
	return oddOrder(held[:len(near)], wanted[:len(near)]) == (want != have)
}

// sameSide compares a double bond of the pattern with the molecule's, which may be of another order.
func (k *Matcher) sameSide(b *queryBond) bool {
	x, y := k.place[b.begin], k.place[b.end]
	bond := &k.m.Bonds[k.m.BondBetween(x, y)]
	if bond.Order != chem.Double {
		return true
	}
	if bond.Stereo <= chem.AnyStereo {
		return false
	}
	refX, refY := bond.RefBegin, bond.RefEnd
	if bond.Begin != x {
		refX, refY = refY, refX
	}
	same := (k.place[b.refs[0]] == refX) == (k.place[b.refs[1]] == refY)
	return (bond.Stereo == b.stereo) == same
}
