package layout

import (
	"math/cmplx"
	"slices"

	"galen.dev/chem"
)

// Like lays m out with a scaffold's atoms where the scaffold has them, so that a series of compounds is drawn alike.
// The scaffold needs coordinates; it is found in m by elements, bonds and aromaticity. Where m does not hold it, m is laid out as by Place and
// Like reports false.
func Like(m, scaffold *chem.Mol) bool {
	if scaffold.Coords == nil {
		Place(m)
		return false
	}
	match := find(m, scaffold)
	place(m, scaffold, match)
	return match != nil
}

// LikeAtoms is Like with the atoms given: atom i of the scaffold is atom match[i] of m, or none where match[i] < 0.
func LikeAtoms(m, scaffold *chem.Mol, match []int32) {
	if len(match) != len(scaffold.Atoms) || scaffold.Coords == nil {
		panic("layout: a match needs an entry for each atom of a scaffold with coordinates")
	}
	place(m, scaffold, match)
}

// fix places the atoms of a scaffold, in bond lengths.
func (g *graph) fix(from *chem.Mol, match []int32) {
	vertex := make([]int32, len(g.atom))
	for v, a := range g.atom {
		vertex[a] = int32(v)
	}
	unit := complex(meanBond(from), 0)
	g.fixed = make([]bool, len(g.atom))
	for i, a := range match {
		if a < 0 {
			continue
		}
		v, p := vertex[a], from.Coords[i]
		g.at[v], g.placed[v], g.fixed[v] = complex(p.X, p.Y)/unit, true, true
	}
	// A ring system of which a part is fixed follows it.
	for s := range g.bodies {
		b := &g.bodies[s]
		var x, y []complex128
		for i, v := range b.atoms {
			if g.fixed[v] {
				x, y = append(x, b.at[i]), append(y, g.at[v])
			}
		}
		if len(x) < 2 || len(x) == len(b.atoms) {
			continue
		}
		t := superpose(x, y, false)
		if u := superpose(x, y, true); misfit(u, x, y) < misfit(t, x, y)-1e-9 {
			t = u
		}
		for i, v := range b.atoms {
			if !g.fixed[v] {
				g.at[v], g.placed[v], g.fixed[v] = t.apply(b.at[i]), true, true
			}
		}
	}
}

func misfit(t transform, from, to []complex128) float64 {
	sum := 0.0
	for i := range from {
		d := cmplx.Abs(t.apply(from[i]) - to[i])
		sum += d * d
	}
	return sum
}

func meanBond(m *chem.Mol) float64 {
	sum, n := 0.0, 0
	for i := range m.Bonds {
		p, q := m.Coords[m.Bonds[i].Begin], m.Coords[m.Bonds[i].End]
		sum += cmplx.Abs(complex(p.X-q.X, p.Y-q.Y))
		n++
	}
	if n == 0 || sum == 0 {
		return BondLength
	}
	return sum / float64(n)
}

// maxSearch bounds the steps of a search for a scaffold.
const maxSearch = 200_000

// find looks for a scaffold in a molecule: the atom of m for each of its atoms, or nil.
func find(m, scaffold *chem.Mol) []int32 {
	n := len(scaffold.Atoms)
	if n == 0 || n > len(m.Atoms) {
		return nil
	}
	f := finder{m: m, s: scaffold, match: make([]int32, n), used: make([]bool, len(m.Atoms)), left: maxSearch}
	for i := range f.match {
		f.match[i] = -1
	}
	f.order = searchOrder(scaffold)
	rank := m.CanonicalRanks()
	f.starts = make([]int32, len(rank))
	for a, r := range rank {
		f.starts[r] = int32(a)
	}
	f.rank = rank
	if f.search(0) {
		return f.match
	}
	return nil
}

type finder struct {
	m, s   *chem.Mol
	order  []int32 // scaffold atoms, each next to an earlier one where that is possible
	match  []int32
	used   []bool
	starts []int32
	rank   []int32
	left   int
}

// searchOrder walks over the scaffold breadth first.
func searchOrder(s *chem.Mol) []int32 {
	seen := make([]bool, len(s.Atoms))
	var order []int32
	for i := range s.Atoms {
		if seen[i] {
			continue
		}
		seen[i] = true
		order = append(order, int32(i))
		for k := len(order) - 1; k < len(order); k++ {
			for _, n := range s.Neighbors(order[k]) {
				if !seen[n.Atom] {
					seen[n.Atom] = true
					order = append(order, n.Atom)
				}
			}
		}
	}
	return order
}

func (f *finder) search(k int) bool {
	if k == len(f.order) {
		return true
	}
	q := f.order[k]
	candidates := f.starts
	for _, n := range f.s.Neighbors(q) {
		if a := f.match[n.Atom]; a >= 0 {
			candidates = nil
			for _, o := range f.m.Neighbors(a) {
				candidates = append(candidates, o.Atom)
			}
			slices.SortFunc(candidates, func(x, y int32) int { return int(f.rank[x] - f.rank[y]) })
			break
		}
	}
	for _, a := range candidates {
		if f.left--; f.left < 0 {
			return false
		}
		if f.used[a] || !f.fits(q, a) {
			continue
		}
		f.match[q], f.used[a] = a, true
		if f.search(k + 1) {
			return true
		}
		f.match[q], f.used[a] = -1, false
	}
	return false
}

func (f *finder) fits(q, a int32) bool {
	x, y := &f.s.Atoms[q], &f.m.Atoms[a]
	if x.Element != 0 && x.Element != y.Element || f.s.Degree(q) > f.m.Degree(a) {
		return false
	}
	for _, n := range f.s.Neighbors(q) {
		o := f.match[n.Atom]
		if o < 0 {
			continue
		}
		b := f.m.BondBetween(a, o)
		if b < 0 {
			return false
		}
		if s, t := &f.s.Bonds[n.Bond], &f.m.Bonds[b]; s.Order != chem.Any && s.Order != t.Order {
			return false
		}
	}
	return true
}
