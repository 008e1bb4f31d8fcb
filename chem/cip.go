package chem

import (
	"cmp"
	"slices"
	"sync"
)

// cipRanks are the priorities of atoms by Labute's topological version of the Cahn–Ingold–Prelog rules: equal
// where the rules cannot tell atoms apart by their surroundings. Higher means higher priority.
type cipRanks struct {
	m     *Mol
	rank  []int32
	order []int32 // atoms sorted by rank
	ties  [][2]int32
	count int

	list      []int32 // scratch: the sorted ranks of the neighbours of tied atoms
	entries   []cipEntry
	split     []bool // a class begins at this place of the order
	invariant []int64
	old       [][2]int32
}

// cipEntry is an atom whose neighbours' ranks are list[lo:hi].
type cipEntry struct{ atom, lo, hi int32 }

var cipPool = sync.Pool{New: func() any { return new(cipRanks) }}

// resized returns a slice of a length, on the old memory where that suffices. Its contents are undefined.
func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/2)
	}
	return s[:n]
}

// cipWork bounds the atom visits of one ranking. Ties inside very long chains beyond it stay ties.
const cipWork = 50_000_000

// free gives the scratch memory back. The ranks may not be used any more.
func (c *cipRanks) free() {
	c.m = nil
	cipPool.Put(c)
}

// newCIP ranks by element, isotope and atom map, and refines.
func newCIP(m *Mol, enough func(rank []int32) bool) *cipRanks {
	c := cipPool.Get().(*cipRanks)
	n := len(m.Atoms)
	c.m, c.rank, c.order, c.invariant, c.split = m, resized(c.rank, n), resized(c.order, n), resized(c.invariant, n), resized(c.split, n)
	invariant := c.invariant
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
	invariant := c.invariant
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
	c.old = append(c.old[:0], c.ties...)
	c.list = c.list[:0]
	entries, split := c.entries, c.split
	for i := 1; i < len(c.order); i++ {
		split[i] = c.rank[c.order[i]] != c.rank[c.order[i-1]]
	}
	for _, t := range c.old {
		entries = entries[:0]
		for _, a := range c.order[t[0]:t[1]] {
			lo := int32(len(c.list))
			c.neighbours(a)
			entries = append(entries, cipEntry{a, lo, int32(len(c.list))})
		}
		c.sort(entries)
		for i, e := range entries {
			c.order[int(t[0])+i] = e.atom
			if i > 0 {
				p := entries[i-1]
				split[int(t[0])+i] = !slices.Equal(c.list[p.lo:p.hi], c.list[e.lo:e.hi])
			}
		}
	}
	c.entries = entries[:0]
	c.assign(func(_, y int32) bool { return !split[y] })
}

// sort orders tied atoms by the ranks of their neighbours.
func (c *cipRanks) sort(entries []cipEntry) {
	if len(entries) > 12 {
		slices.SortFunc(entries, func(a, b cipEntry) int { return slices.Compare(c.list[a.lo:a.hi], c.list[b.lo:b.hi]) })
		return
	}
	for i := 1; i < len(entries); i++ {
		for k := i; k > 0 && slices.Compare(c.list[entries[k].lo:entries[k].hi], c.list[entries[k-1].lo:entries[k-1].hi]) < 0; k-- {
			entries[k], entries[k-1] = entries[k-1], entries[k]
		}
	}
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
	for l, i := c.list[lo:], 1; i < len(l); i++ {
		for k := i; k > 0 && l[k] > l[k-1]; k-- {
			l[k], l[k-1] = l[k-1], l[k]
		}
	}
	for range m.Atoms[a].Hydrogens() {
		c.list = append(c.list, 0)
	}
}
