package chem

import (
	"cmp"
	"slices"
)

// cipRanks are the priorities of atoms by Labute's topological version of the Cahn–Ingold–Prelog rules: equal
// where the rules cannot tell atoms apart by their surroundings. Higher means higher priority.
type cipRanks struct {
	m     *Mol
	rank  []int32
	order []int32 // atoms sorted by rank
	ties  [][2]int32
	list  []int32 // of all atoms, the sorted ranks of their neighbours
	from  []int32 // list[from[i]:from[i+1]] belongs to order position i
	count int
}

// cipWork bounds the atom visits of one ranking. Ties inside very long chains beyond it stay ties.
const cipWork = 50_000_000

// newCIP ranks by element, isotope and atom map, and refines.
func newCIP(m *Mol, enough func(rank []int32) bool) *cipRanks {
	c := &cipRanks{m: m, rank: make([]int32, len(m.Atoms)), order: make([]int32, len(m.Atoms))}
	invariant := make([]int64, len(m.Atoms))
	for i := range m.Atoms {
		a := &m.Atoms[i]
		mass := 0
		if a.Isotope != 0 {
			mass = int(a.Isotope) - int(elements[a.Element].Isotope)
			if mass >= 0 {
				mass++
			}
		}
		mass = max(mass+512, 0) % 1024
		mapped := 0
		if a.Map != 0 {
			mapped = int(a.Map+1) % 1024
		}
		invariant[i] = int64(a.Element)<<20 | int64(mass)<<10 | int64(mapped)
	}
	c.refine(invariant, enough)
	return c
}

// rerank takes the descriptors found so far into account: R before S before none, Z before E before none.
func (c *cipRanks) rerank(enough func(rank []int32) bool) {
	m := c.m
	factor := int64(100)
	for factor < int64(len(m.Atoms)) {
		factor *= 10
	}
	invariant := make([]int64, len(m.Atoms))
	for i := range m.Atoms {
		v := int64(c.rank[i]) * factor
		switch m.Atoms[i].CIP {
		case S:
			v += 10
		case R:
			v += 20
		}
		for _, n := range m.Neighbors(int32(i)) {
			switch m.Bonds[n.Bond].Stereo {
			case Trans:
				v++
			case Cis:
				v += 2
			}
		}
		invariant[i] = v
	}
	c.refine(invariant, enough)
}

// refine starts from invariants and splits ties by the ranks of neighbours, highest first, each as often as twice
// its bond order, until nothing changes. It stops early when the caller has seen enough: ranks that differ stay
// in their order.
func (c *cipRanks) refine(invariant []int64, enough func(rank []int32) bool) {
	n := len(c.order)
	for i := range c.order {
		c.order[i] = int32(i)
	}
	slices.SortFunc(c.order, func(a, b int32) int { return cmp.Compare(invariant[a], invariant[b]) })
	c.assign(func(x, y int32) bool { return invariant[c.order[x]] == invariant[c.order[y]] })
	if c.from == nil {
		c.from = make([]int32, n+1)
	}
	for round := 0; round < n/2+1 && len(c.ties) > 0 && round*n < cipWork; round++ {
		if enough(c.rank) {
			return
		}
		before := c.count
		c.compareTies()
		if c.count == before {
			return
		}
	}
}

// assign numbers the classes of equal neighbours in the order, and collects the ties.
func (c *cipRanks) assign(equal func(x, y int32) bool) {
	c.ties = c.ties[:0]
	r, n := int32(0), int32(len(c.order))
	for i := int32(0); i < n; {
		j := i + 1
		for j < n && equal(i, j) {
			j++
		}
		if j-i > 1 {
			c.ties = append(c.ties, [2]int32{i, j})
		}
		for k := i; k < j; k++ {
			c.rank[c.order[k]] = r
		}
		r++
		i = j
	}
	c.count = int(r)
}

// compareTies sorts each tie by the neighbours' ranks and splits it.
func (c *cipRanks) compareTies() {
	ties := slices.Clone(c.ties)
	c.list = c.list[:0]
	type entry struct{ atom, lo, hi int32 }
	var entries []entry
	split := make([]bool, len(c.order)) // a class begins here
	for i := 1; i < len(c.order); i++ {
		split[i] = c.rank[c.order[i]] != c.rank[c.order[i-1]]
	}
	for _, t := range ties {
		entries = entries[:0]
		for _, a := range c.order[t[0]:t[1]] {
			lo := int32(len(c.list))
			c.neighbours(a)
			entries = append(entries, entry{a, lo, int32(len(c.list))})
		}
		slices.SortFunc(entries, func(a, b entry) int {
			return slices.Compare(c.list[a.lo:a.hi], c.list[b.lo:b.hi])
		})
		for i, e := range entries {
			c.order[int(t[0])+i] = e.atom
			if i > 0 {
				p := entries[i-1]
				split[int(t[0])+i] = !slices.Equal(c.list[p.lo:p.hi], c.list[e.lo:e.hi])
			}
		}
	}
	c.assign(func(_, y int32) bool { return !split[y] })
}

// neighbours appends the ranks of an atom's neighbours, and zeros for hydrogens.
func (c *cipRanks) neighbours(a int32) {
	m := c.m
	lo := len(c.list)
	for _, n := range m.Neighbors(a) {
		b := &m.Bonds[n.Bond]
		times := twiceOrder[b.Order]
		if b.Order == Double && m.Atoms[n.Atom].Element == 15 {
			if d := m.Degree(n.Atom); d == 3 || d == 4 {
				times = 1 // d orbitals of phosphorus do not count (Cahn, Ingold, Prelog 1966, 2.2b)
			}
		}
		for range times {
			c.list = append(c.list, c.rank[n.Atom]+1)
		}
	}
	slices.SortFunc(c.list[lo:], func(x, y int32) int { return int(y - x) })
	for range m.Atoms[a].Hydrogens() {
		c.list = append(c.list, 0)
	}
}
