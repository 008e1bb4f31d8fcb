package chem

import (
	"cmp"
	"math/bits"
	"slices"
	"sync"
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
	f := finders.Get().(*ringFinder)
	f.m, f.found, f.flat = m, f.found[:0], f.flat[:0]
	defer func() {
		f.m = nil
		finders.Put(f)
	}()
	if !f.prune(n) {
		m.rings = RingInfo{}
		return
	}
	counts := make([]uint16, n+len(m.Bonds))
	m.rings = RingInfo{atomCount: counts[:n:n], bondCount: counts[n:], bondSmallest: make([]int32, len(m.Bonds))}
	f.systems()
	f.store()
}

// ringFinder finds the rings of one molecule. Finders are used again, with their memory.
type ringFinder struct {
	m       *Mol
	start   []int32 // adjacency over bonds that may lie in rings
	near    []Neighbor
	local   []int32 // index of an atom in the present ring system, -1 = not in it
	atoms   []int32 // of the present system
	bonds   []int32
	localB  []int32
	found   []cycle
	flat    []int32 // atoms of all rings found, then their bonds, ring by ring
	scratch []int32
	stack   []int32
	entered []int32
	open    []int32
	two     []Neighbor
	v       vismara
}

var finders = sync.Pool{New: func() any { return new(ringFinder) }}

// cycle is a ring: size atoms of flat from at, in order, then as many bonds.
type cycle struct{ at, size int32 }

func (f *ringFinder) ringAtoms(c cycle) []int32 { return f.flat[c.at : c.at+c.size] }
func (f *ringFinder) ringBonds(c cycle) []int32 { return f.flat[c.at+c.size : c.at+2*c.size] }

// place makes room for a ring.
func (f *ringFinder) place(size int) (atoms, bonds []int32) {
	c := cycle{int32(len(f.flat)), int32(size)}
	for range 2 * size {
		f.flat = append(f.flat, 0)
	}
	f.found = append(f.found, c)
	return f.ringAtoms(c), f.ringBonds(c)
}

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
	f.local, f.scratch = resized(f.local, n), resized(f.scratch, 3*n)
	degree, queue := f.local, f.scratch[:0]
	clear(degree)
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
	f.start = resized(f.start, n+1)
	f.start[0] = 0
	f.near = f.near[:0]
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
	buf := f.scratch
	clear(buf)
	order, low, next := buf[:n], buf[n:2*n], buf[2*n:3*n]
	f.localB = resized(f.localB, len(f.m.Bonds))
	clear(f.localB)
	stack := f.stack[:0]
	for i := range f.local {
		f.local[i] = -1
	}
	entered := f.entered[:0] // bonds by which the atoms on the stack were entered
	open := f.open[:0]       // bonds of parts not closed yet
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
	f.stack, f.entered, f.open = stack, entered, open
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
	atoms, bonds := f.place(len(f.atoms))
	first := slices.Min(f.atoms)
	at, came := first, int32(-1)
	for i := range atoms {
		two := f.inside(at)
		step := two[0]
		if step.Bond == came || came < 0 && two[1].Atom < step.Atom {
			step = two[1]
		}
		atoms[i], bonds[i] = at, step.Bond
		at, came = step.Atom, step.Bond
	}
}

// inside lists the neighbours of an atom within the present part. The list is valid until the next call.
func (f *ringFinder) inside(a int32) []Neighbor {
	f.two = f.two[:0]
	for _, nb := range f.near[f.start[a]:f.start[a+1]] {
		if f.has(nb) {
			f.two = append(f.two, nb)
		}
	}
	return f.two
}

// has says whether a bond belongs to the present part: two parts share atoms at most.
func (f *ringFinder) has(nb Neighbor) bool {
	return f.local[nb.Atom] >= 0 && int(f.localB[nb.Bond]) < len(f.bonds) && f.bonds[f.localB[nb.Bond]] == nb.Bond
}

// family is a set of rings of one length that share a root and one or two atoms at the far side.
type family struct {
	root, p, q, y int32 // local; y = -1 for odd rings, where p and q are neighbours
	length        int32
	bits          int32 // which vector of bonds
}

// store sorts the rings by size and atoms and lays them out.
func (f *ringFinder) store() {
	r := &f.m.rings
	slices.SortFunc(f.found, func(a, b cycle) int {
		return cmp.Or(cmp.Compare(a.size, b.size), slices.Compare(f.ringAtoms(a), f.ringAtoms(b)))
	})
	total := int32(0)
	for _, c := range f.found {
		total += c.size
	}
	buf := make([]int32, 2*int(total)+len(f.found)+1)
	r.atoms, r.bonds, r.start = buf[:total:total], buf[total:2*total:2*total], buf[2*total:]
	at := int32(0)
	for i, c := range f.found {
		copy(r.atoms[at:], f.ringAtoms(c))
		copy(r.bonds[at:], f.ringBonds(c))
		at += c.size
		r.start[i+1] = at
		for _, b := range f.ringBonds(c) {
			r.bondCount[b]++
			if r.bondSmallest[b] == 0 {
				r.bondSmallest[b] = c.size
			}
		}
		for _, a := range f.ringAtoms(c) {
			r.atomCount[a]++
		}
	}
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

// DrawnRings are the rings of a drawing: dative bonds and bonds of unknown order close rings too. The molecule need
// not be sanitized.
func (m *Mol) DrawnRings() RingInfo {
	c := m.Clone()
	for i := range c.Bonds {
		c.Bonds[i].Order = Single
	}
	c.findRings()
	return c.rings
}
