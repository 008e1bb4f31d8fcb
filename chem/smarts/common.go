package smarts

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"galen.dev/chem"
	"galen.dev/fault"
)

// CommonOptions say what a common substructure is. The zero value compares elements and orders of bonds.
type CommonOptions struct {
	AnyAtom         bool        // atoms of different elements fit
	Bonds           BondCompare // which bonds fit each other
	RingMatchesRing bool        // atoms and bonds in rings fit only atoms and bonds in rings, those outside only such
	CompleteRings   bool        // a ring is in the result as a whole or not at all; bonds in rings fit only bonds in rings
	Steps           int         // end the search after so many attempts; 0 = 20 million
}

// BondCompare says which bonds fit each other.
type BondCompare uint8

const (
	BondOrder BondCompare = iota // equal orders; single and aromatic bonds fit
	BondExact                    // equal orders
	BondAny                      // all bonds
)

const defaultCommonSteps = 20_000_000

// Common is the largest connected substructure of some molecules, by the number of its bonds.
type Common struct {
	SMARTS   string
	Bonds    int
	Matches  [][]int // for each molecule its atoms, in the order of the SMARTS
	Complete bool    // whether the search ended by itself; otherwise a larger one may exist
}

// Atoms is the number of atoms.
func (c *Common) Atoms() int {
	if len(c.Matches) == 0 {
		return 0
	}
	return len(c.Matches[0])
}

// CommonSubstructure finds the maximum common substructure of two or more sanitized molecules. The search is exact
// unless it takes too many steps; it depends on nothing but the molecules and options. Nothing in common gives a
// result without atoms. Fewer than two molecules are fault.Usage.
//
// Substructures of the molecule with the fewest bonds grow bond by bond, as long as every other molecule has them;
// a branch ends where even all the bonds within its reach, counted by kind in every molecule, make no larger one.
func CommonSubstructure(ctx context.Context, mols []*chem.Mol, o CommonOptions) (*Common, error) {
	if len(mols) < 2 {
		return nil, fault.Errorf(fault.Usage, "a common substructure needs two molecules or more, and there are %d", len(mols))
	}
	if o.Steps <= 0 {
		o.Steps = defaultCommonSteps
	}
	s := &commonSearch{o: o, ctx: ctx, mols: mols, kinds: map[[3]int32]int32{}}
	for i, m := range mols {
		s.graphs = append(s.graphs, s.label(m))
		if len(m.Bonds) < len(mols[s.query].Bonds) {
			s.query = i
		}
	}
	s.prepare()
	s.run()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.result(), nil
}

// labeled is a molecule for comparison: atoms and bonds fit where their labels are equal.
type labeled struct {
	atoms []int32
	bonds []int32 // -1 = fits nothing
	kinds []int32 // of bonds with their atoms
	count map[int32]int32
	to    []int32 // atom on which each atom of the query lies, -1 = none
	used  []bool
}

// commonSearch grows substructures of the query.
type commonSearch struct {
	o      CommonOptions
	ctx    context.Context
	mols   []*chem.Mol
	graphs []*labeled
	kinds  map[[3]int32]int32
	query  int

	units    [][]int32 // bonds that enter together: one, or a ring
	unitsAt  [][]int32 // units through each atom
	supply   []int32   // per kind: the fewest bonds of it in any molecule
	in       []bool    // bonds of the substructure
	chosen   []int32   // its bonds, in order
	degree   []int32   // of the query's atoms within it
	excluded []bool    // units
	steps    int
	reached  []bool // scratch of bound: atoms, units
	counted  []bool
	tally    []int32
	stack    []int32

	best    []int32
	matches [][]int32 // of the best: per molecule, the atom of each atom of the query
}

func (s *commonSearch) label(m *chem.Mol) *labeled {
	g := &labeled{count: map[int32]int32{}, used: make([]bool, len(m.Atoms))}
	for i := range m.Atoms {
		l := int32(0)
		if !s.o.AnyAtom {
			l = 2 * int32(m.Atoms[i].Element)
		}
		if s.o.RingMatchesRing && m.Rings().AtomCount(int32(i)) > 0 {
			l++
		}
		g.atoms = append(g.atoms, l)
	}
	for i := range m.Bonds {
		b := &m.Bonds[i]
		order := b.Order
		switch {
		case s.o.Bonds == BondAny:
			order = 0
		case s.o.Bonds == BondOrder && order == chem.Aromatic:
			order = chem.Single
		}
		l := 2 * int32(order)
		if (s.o.RingMatchesRing || s.o.CompleteRings) && m.Rings().BondCount(int32(i)) > 0 {
			l++
		}
		x, y := g.atoms[b.Begin], g.atoms[b.End]
		key := [3]int32{min(x, y), max(x, y), l}
		kind, ok := s.kinds[key]
		if !ok {
			kind = int32(len(s.kinds))
			s.kinds[key] = kind
		}
		g.bonds, g.kinds = append(g.bonds, l), append(g.kinds, kind)
		g.count[kind]++
	}
	return g
}

// prepare finds the units of the query that can be in a result at all, the rarest first.
func (s *commonSearch) prepare() {
	q, g := s.mols[s.query], s.graphs[s.query]
	s.supply = make([]int32, len(s.kinds))
	for k := range s.supply {
		s.supply[k] = g.count[int32(k)]
		for _, o := range s.graphs {
			s.supply[k] = min(s.supply[k], o.count[int32(k)])
		}
	}
	for _, o := range s.graphs {
		o.to = make([]int32, len(q.Atoms))
		for i := range o.to {
			o.to[i] = -1
		}
	}
	rarest := func(u []int32) int32 {
		r := s.supply[g.kinds[u[0]]]
		for _, b := range u {
			r = min(r, s.supply[g.kinds[b]])
		}
		return r
	}
	add := func(u []int32) {
		if rarest(u) > 0 {
			s.units = append(s.units, u)
		}
	}
	for b := range int32(len(q.Bonds)) {
		if !s.o.CompleteRings || q.Rings().BondCount(b) == 0 {
			add([]int32{b})
		}
	}
	for r := range q.Rings().Len() {
		if s.o.CompleteRings {
			add(slices.Clone(q.Rings().Bonds(r)))
		}
	}
	slices.SortStableFunc(s.units, func(a, b []int32) int { return cmp.Compare(rarest(a), rarest(b)) })
	s.unitsAt = make([][]int32, len(q.Atoms))
	for u, bonds := range s.units {
		for _, b := range bonds {
			for _, a := range [2]int32{q.Bonds[b].Begin, q.Bonds[b].End} {
				if n := len(s.unitsAt[a]); n == 0 || s.unitsAt[a][n-1] != int32(u) {
					s.unitsAt[a] = append(s.unitsAt[a], int32(u))
				}
			}
		}
	}
	s.in, s.degree = make([]bool, len(q.Bonds)), make([]int32, len(q.Atoms))
	s.excluded, s.counted = make([]bool, len(s.units)), make([]bool, len(s.units))
	s.reached, s.tally = make([]bool, len(q.Atoms)), make([]int32, len(s.supply))
}

// run begins with each unit in turn; those before it are excluded, since all that holds them has been seen.
func (s *commonSearch) run() {
	for u := range s.units {
		if s.bound(int32(u)) > len(s.best) {
			if added, ok := s.include(s.units[u]); ok {
				s.grow()
				s.drop(added)
			}
		}
		s.excluded[u] = true
	}
}

func (s *commonSearch) over() bool {
	return s.steps >= s.o.Steps || s.steps&0xfff == 0 && s.ctx.Err() != nil
}

// grow extends the substructure in all ways.
func (s *commonSearch) grow() {
	if len(s.chosen) > len(s.best) {
		s.keep()
	}
	var here []int32
	for !s.over() && s.bound(-1) > len(s.best) {
		u := s.frontier()
		if u < 0 {
			break
		}
		if added, ok := s.include(s.units[u]); ok {
			s.grow()
			s.drop(added)
		}
		s.excluded[u] = true
		here = append(here, u)
	}
	for _, u := range here {
		s.excluded[u] = false
	}
}

// frontier returns a unit that touches the substructure, one that closes a ring if there is one, or -1.
func (s *commonSearch) frontier() int32 {
	q := s.mols[s.query]
	first := int32(-1)
	for u, bonds := range s.units {
		if s.excluded[u] {
			continue
		}
		touches, closes, fresh := false, true, false
		for _, b := range bonds {
			x, y := s.degree[q.Bonds[b].Begin] > 0, s.degree[q.Bonds[b].End] > 0
			touches = touches || x || y
			closes = closes && x && y
			fresh = fresh || !s.in[b]
		}
		if touches && fresh {
			if closes {
				return int32(u)
			}
			if first < 0 {
				first = int32(u)
			}
		}
	}
	return first
}

// bound is the number of bonds that the substructure, or that begun with a unit, can reach at most.
func (s *commonSearch) bound(start int32) int {
	q, kinds := s.mols[s.query], s.graphs[s.query].kinds
	clear(s.reached)
	clear(s.counted)
	clear(s.tally)
	s.stack = s.stack[:0]
	reach := func(b int32) {
		for _, a := range [2]int32{q.Bonds[b].Begin, q.Bonds[b].End} {
			if !s.reached[a] {
				s.reached[a] = true
				s.stack = append(s.stack, a)
			}
		}
	}
	total := 0
	count := func(b int32) {
		if k := kinds[b]; s.tally[k] < s.supply[k] {
			s.tally[k]++
			total++
		}
	}
	for _, b := range s.chosen {
		count(b)
		reach(b)
	}
	if start >= 0 {
		reach(s.units[start][0])
	}
	seen := s.in
	if s.o.CompleteRings {
		seen = slices.Clone(s.in) // rings share bonds
	}
	for len(s.stack) > 0 {
		a := s.stack[len(s.stack)-1]
		s.stack = s.stack[:len(s.stack)-1]
		for _, u := range s.unitsAt[a] {
			if s.excluded[u] || s.counted[u] {
				continue
			}
			s.counted[u] = true
			for _, b := range s.units[u] {
				if !seen[b] {
					count(b)
					if s.o.CompleteRings {
						seen[b] = true
					}
				}
				reach(b)
			}
		}
	}
	return total
}

// include adds a unit's bonds where every molecule then still has the substructure.
func (s *commonSearch) include(unit []int32) (added int, ok bool) {
	q := s.mols[s.query]
	for left := slices.Clone(unit); len(left) > 0; {
		i := slices.IndexFunc(left, func(b int32) bool {
			return s.in[b] || len(s.chosen) == 0 || s.degree[q.Bonds[b].Begin] > 0 || s.degree[q.Bonds[b].End] > 0
		})
		b := left[i]
		left = slices.Delete(left, i, i+1)
		if s.in[b] {
			continue
		}
		if !s.addBond(b) {
			s.drop(added)
			return 0, false
		}
		added++
	}
	return added, true
}

// drop takes the last bonds out again.
func (s *commonSearch) drop(n int) {
	q := s.mols[s.query]
	for range n {
		b := s.chosen[len(s.chosen)-1]
		s.chosen = s.chosen[:len(s.chosen)-1]
		s.in[b] = false
		for _, a := range [2]int32{q.Bonds[b].Begin, q.Bonds[b].End} {
			if s.degree[a]--; s.degree[a] == 0 {
				for _, g := range s.graphs {
					if g.to[a] >= 0 {
						g.used[g.to[a]] = false
						g.to[a] = -1
					}
				}
			}
		}
	}
}

// keep notes the substructure as the best.
func (s *commonSearch) keep() {
	s.best = append(s.best[:0], s.chosen...)
	s.matches = s.matches[:0]
	for _, g := range s.graphs {
		s.matches = append(s.matches, slices.Clone(g.to))
	}
}

// result describes the best.
func (s *commonSearch) result() *Common {
	c := &Common{Bonds: len(s.best), Complete: s.steps < s.o.Steps}
	atoms := s.atomsOfBest()
	if len(atoms) == 0 {
		return c
	}
	order, text := s.write(atoms)
	c.SMARTS = text
	for _, to := range s.matches {
		match := make([]int, len(order))
		for i, a := range order {
			match[i] = int(to[a])
		}
		c.Matches = append(c.Matches, match)
	}
	return c
}

// atomsOfBest lists the query's atoms of the best; without a bond in common, one atom that all molecules have.
func (s *commonSearch) atomsOfBest() []int32 {
	q := s.mols[s.query]
	var atoms []int32
	for _, b := range s.best {
		atoms = append(atoms, q.Bonds[b].Begin, q.Bonds[b].End)
	}
	slices.Sort(atoms)
	if atoms = slices.Compact(atoms); len(atoms) > 0 {
		return atoms
	}
	for a, label := range s.graphs[s.query].atoms {
		s.matches = s.matches[:0]
		for _, g := range s.graphs {
			at := slices.Index(g.atoms, label)
			if at < 0 {
				break
			}
			to := slices.Repeat([]int32{-1}, len(q.Atoms))
			to[a] = int32(at)
			s.matches = append(s.matches, to)
		}
		if len(s.matches) == len(s.graphs) {
			return []int32{int32(a)}
		}
	}
	return nil
}

// atomText and bondText are what a SMARTS says of an atom and a bond of the query.
func (s *commonSearch) atomText(a int32) string {
	text := "*"
	if !s.o.AnyAtom {
		text = fmt.Sprintf("#%d", s.mols[s.query].Atoms[a].Element)
	}
	if s.o.RingMatchesRing {
		if s.mols[s.query].Rings().AtomCount(a) > 0 {
			return "[" + text + ";R]"
		}
		return "[" + text + ";!R]"
	}
	return "[" + text + "]"
}

func (s *commonSearch) bondText(b int32) string {
	text := "~"
	order := s.mols[s.query].Bonds[b].Order
	switch {
	case s.o.Bonds == BondAny:
	case s.o.Bonds == BondOrder && (order == chem.Single || order == chem.Aromatic):
		text = "-,:"
	default:
		text = map[chem.Order]string{
			chem.Single: "-", chem.Double: "=", chem.Triple: "#", chem.Quadruple: "$", chem.Aromatic: ":", chem.Dative: "->",
		}[order]
		if text == "" {
			text = "~"
		}
	}
	if s.o.RingMatchesRing || s.o.CompleteRings {
		if s.mols[s.query].Rings().BondCount(b) > 0 {
			return text + ";@"
		}
		return text + ";!@"
	}
	return text
}
