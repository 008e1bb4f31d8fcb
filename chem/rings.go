package chem

import (
	"cmp"
	"math/bits"
	"slices"
)

// RingInfo holds the rings of a molecule: its relevant cycles, that is, every ring that belongs to some smallest
// set of smallest rings (SSSR). Unlike one SSSR this set does not depend on the order of the atoms; a cube has 6,
// not 5. Dative bonds, bonds of unknown order and hydrogen bonds close no ring.
type RingInfo struct {
	start        []int32 // ring r is atoms[start[r]:start[r+1]], and its bonds likewise
	atoms, bonds []int32
	atomCount    []uint16 // rings through each atom
	bondCount    []uint16
	bondSmallest []int32 // size of the smallest ring through each bond, 0 = none
	independent  int
}

// Len is the number of rings.
func (r *RingInfo) Len() int { return max(len(r.start)-1, 0) }

// Independent is the number of rings of one SSSR: bonds - atoms + parts, over bonds that may close rings.
func (r *RingInfo) Independent() int { return r.independent }

// Atoms are the atoms of a ring in order around it, from the lowest index towards its lower neighbour.
func (r *RingInfo) Atoms(ring int) []int32 { return r.atoms[r.start[ring]:r.start[ring+1]] }

// Bonds are the bonds of a ring: Bonds(r)[i] joins Atoms(r)[i] with the next.
func (r *RingInfo) Bonds(ring int) []int32 { return r.bonds[r.start[ring]:r.start[ring+1]] }

// AtomCount is the number of rings through an atom.
func (r *RingInfo) AtomCount(a int32) int {
	if len(r.atomCount) == 0 {
		return 0
	}
	return int(r.atomCount[a])
}

// BondCount is the number of rings through a bond.
func (r *RingInfo) BondCount(b int32) int {
	if len(r.bondCount) == 0 {
		return 0
	}
	return int(r.bondCount[b])
}

// BondSmallest is the size of the smallest ring through a bond, 0 where there is none.
func (r *RingInfo) BondSmallest(b int32) int {
	if len(r.bondSmallest) == 0 {
		return 0
	}
	return int(r.bondSmallest[b])
}

// AtomInSize says whether an atom lies in a ring of a size.
func (r *RingInfo) AtomInSize(a int32, size int) bool {
	for i := range r.Len() {
		if ring := r.Atoms(i); len(ring) == size && slices.Contains(ring, a) {
			return true
		}
	}
	return false
}

// maxFamily bounds the rings taken from one family of equivalent rings. Macrocycles with k para-linked benzenes
// have 2^k of one size.
const maxFamily = 1024

// findRings finds the relevant cycles (Vismara 1997) of each ring system.
func (m *Mol) findRings() {
	n := len(m.Atoms)
	f := ringFinder{m: m}
	if !f.prune(n) {
		m.rings = RingInfo{}
		return
	}
	m.rings = RingInfo{atomCount: make([]uint16, n), bondCount: make([]uint16, len(m.Bonds)), bondSmallest: make([]int32, len(m.Bonds))}
	f.systems()
	f.store()
}

type ringFinder struct {
	m      *Mol
	start  []int32 // adjacency over bonds that may lie in rings
	near   []Neighbor
	local  []int32 // index of an atom in the present ring system, -1 = not in it
	atoms  []int32 // of the present system
	bonds  []int32
	localB []int32
	found  []cycle
}

// cycle is a ring with its atoms in order.
type cycle struct{ atoms, bonds []int32 }

// closes says whether a bond may close a ring.
func (b *Bond) closes() bool { return b.Order != Dative && b.Order != Any && b.Order != Hydrogen }

// prune removes everything outside rings end by end and reports whether anything is left.
func (f *ringFinder) prune(n int) bool {
	m := f.m
	usable := 0
	for i := range m.Bonds {
		if m.Bonds[i].closes() {
			usable++
		}
	}
	if usable < 3 {
		return false
	}
	buf := make([]int32, 2*n)
	degree, queue := buf[:n], buf[n:n]
	left := n
	for i := range n {
		for _, nb := range m.Neighbors(int32(i)) {
			if m.Bonds[nb.Bond].closes() {
				degree[i]++
			}
		}
		if degree[i] < 2 {
			queue = append(queue, int32(i))
		}
	}
	for len(queue) > 0 {
		a := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		left--
		degree[a] = -1
		for _, nb := range m.Neighbors(a) {
			if m.Bonds[nb.Bond].closes() && degree[nb.Atom] > 0 {
				if degree[nb.Atom]--; degree[nb.Atom] == 1 {
					queue = append(queue, nb.Atom)
				}
			}
		}
	}
	if left == 0 {
		return false
	}
	f.local = degree
	f.start = make([]int32, n+1)
	f.near = make([]Neighbor, 0, 2*left+left/2)
	for i := range n {
		if degree[i] > 0 {
			for _, nb := range m.Neighbors(int32(i)) {
				if degree[nb.Atom] > 0 && m.Bonds[nb.Bond].closes() {
					f.near = append(f.near, nb)
				}
			}
		}
		f.start[i+1] = int32(len(f.near))
	}
	return true
}

// systems splits the pruned graph into biconnected parts by depth-first search, and finds the rings of each.
// Bridges between ring systems come out as parts of one bond.
func (f *ringFinder) systems() {
	n := len(f.m.Atoms)
	buf := make([]int32, 4*n+len(f.m.Bonds))
	order, low, next, stack := buf[:n], buf[n:2*n], buf[2*n:3*n], buf[3*n:3*n]
	f.localB = buf[4*n:]
	for i := range f.local {
		f.local[i] = -1
	}
	entered := make([]int32, 0, 32) // bonds by which the atoms on the stack were entered
	var open []int32                // bonds of parts not closed yet
	clock := int32(0)
	for root := range n {
		if f.start[root] == f.start[root+1] || order[root] != 0 {
			continue
		}
		clock++
		order[root], low[root] = clock, clock
		stack, entered = append(stack, int32(root)), append(entered, -1)
		for len(stack) > 0 {
			a := stack[len(stack)-1]
			in := entered[len(entered)-1]
			if k := f.start[a] + next[a]; k < f.start[a+1] {
				next[a]++
				nb := f.near[k]
				switch {
				case nb.Bond == in:
				case order[nb.Atom] == 0:
					clock++
					order[nb.Atom], low[nb.Atom] = clock, clock
					open = append(open, nb.Bond)
					stack, entered = append(stack, nb.Atom), append(entered, nb.Bond)
				case order[nb.Atom] < order[a]:
					open = append(open, nb.Bond)
					low[a] = min(low[a], order[nb.Atom])
				}
				continue
			}
			stack, entered = stack[:len(stack)-1], entered[:len(entered)-1]
			if len(stack) == 0 {
				break
			}
			p := stack[len(stack)-1]
			low[p] = min(low[p], low[a])
			if low[a] >= order[p] {
				k := len(open) - 1
				for open[k] != in {
					k--
				}
				if len(open)-k >= 3 {
					f.system(open[k:])
				}
				open = open[:k]
			}
		}
	}
}

// system finds the rings of one biconnected part, given by its bonds.
func (f *ringFinder) system(bonds []int32) {
	f.bonds = bonds
	f.atoms = f.atoms[:0]
	for i, b := range bonds {
		f.localB[b] = int32(i)
		for _, a := range [2]int32{f.m.Bonds[b].Begin, f.m.Bonds[b].End} {
			if f.local[a] < 0 {
				f.local[a] = int32(len(f.atoms))
				f.atoms = append(f.atoms, a)
			}
		}
	}
	rank := len(bonds) - len(f.atoms) + 1
	f.m.rings.independent += rank
	if rank == 1 {
		f.single()
	} else {
		f.relevant(rank)
	}
	for _, a := range f.atoms {
		f.local[a] = -1
	}
}

// single walks around a part that is one ring.
func (f *ringFinder) single() {
	c := cycle{make([]int32, 0, len(f.atoms)), make([]int32, 0, len(f.atoms))}
	first := slices.Min(f.atoms)
	at, came := first, int32(-1)
	for {
		two := f.inside(at)
		step := two[0]
		if step.Bond == came || came < 0 && two[1].Atom < step.Atom {
			step = two[1]
		}
		c.atoms, c.bonds = append(c.atoms, at), append(c.bonds, step.Bond)
		if at, came = step.Atom, step.Bond; at == first {
			break
		}
	}
	f.found = append(f.found, c)
}

// inside lists the neighbours of an atom within the present part.
func (f *ringFinder) inside(a int32) []Neighbor {
	all := f.near[f.start[a]:f.start[a+1]]
	for i, nb := range all {
		if !f.has(nb) {
			kept := append([]Neighbor(nil), all[:i]...)
			for _, x := range all[i+1:] {
				if f.has(x) {
					kept = append(kept, x)
				}
			}
			return kept
		}
	}
	return all
}

// has says whether a bond belongs to the present part: two parts share atoms at most.
func (f *ringFinder) has(nb Neighbor) bool {
	return f.local[nb.Atom] >= 0 && int(f.localB[nb.Bond]) < len(f.bonds) && f.bonds[f.localB[nb.Bond]] == nb.Bond
}

// family is a set of rings of one length that share a root and one or two atoms at the far side.
type family struct {
	root, p, q, y int32 // local; y = -1 for odd rings, where p and q are neighbours
	length        int32
	bits          []uint64
}

// store sorts the rings by size and atoms and lays them out.
func (f *ringFinder) store() {
	r := &f.m.rings
	slices.SortFunc(f.found, func(a, b cycle) int {
		return cmp.Or(cmp.Compare(len(a.atoms), len(b.atoms)), slices.Compare(a.atoms, b.atoms))
	})
	total := 0
	for _, c := range f.found {
		total += len(c.atoms)
	}
	r.start = make([]int32, 1, len(f.found)+1)
	buf := make([]int32, 0, 2*total)
	for _, c := range f.found {
		buf = append(buf, c.atoms...)
		r.start = append(r.start, int32(len(buf)))
	}
	for _, c := range f.found {
		buf = append(buf, c.bonds...)
		for _, b := range c.bonds {
			r.bondCount[b]++
			if r.bondSmallest[b] == 0 {
				r.bondSmallest[b] = int32(len(c.bonds))
			}
		}
		for _, a := range c.atoms {
			r.atomCount[a]++
		}
	}
	r.atoms, r.bonds = buf[:total:total], buf[total:]
}

// independentOf reduces v by a basis in echelon form and reports whether something is left.
func independentOf(v []uint64, basis [][]uint64, pivots []int) bool {
	for i, p := range pivots {
		if v[p>>6]>>(p&63)&1 != 0 {
			for k := range v {
				v[k] ^= basis[i][k]
			}
		}
	}
	for _, w := range v {
		if w != 0 {
			return true
		}
	}
	return false
}

// pivotOf is the lowest bit that is set.
func pivotOf(v []uint64) int {
	for k, w := range v {
		if w != 0 {
			return k<<6 + bits.TrailingZeros64(w)
		}
	}
	return -1
}
