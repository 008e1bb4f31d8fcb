package chem

import (
	"cmp"
	"slices"
)

// vismara finds relevant cycles of one ring system. Atoms and bonds have local numbers here.
type vismara struct {
	n        int
	start    []int32
	near     []Neighbor
	dist     []int32 // from the root, over all paths
	reach    []int32 // the same over atoms below the root only; -1 where none
	parent   []Neighbor
	queue    []int32
	words    int
	onPath   []int32
	stamp    int32
	families []family
	bits     []uint64 // of the families, words each
	basis    []uint64 // vectors in echelon form, words each
	pivots   []int
	work     []uint64
	below    []int32
	ring     []int32 // a ring being put together
}

// relevant finds the relevant cycles of the present part, whose cycle space has the given rank.
//
// A relevant cycle is one that is no sum of shorter ones. Each has a highest atom, its root, and consists of two
// shortest paths from there. Families of such cycles are listed root by root, sorted by length, and kept while they
// are independent of everything shorter.
func (f *ringFinder) relevant(rank int) {
	v := &f.v
	f.localGraph()
	v.candidates()
	fs := v.families
	slices.SortStableFunc(fs, func(a, b family) int { return cmp.Compare(a.length, b.length) })
	v.basis, v.pivots, v.work = v.basis[:0], v.pivots[:0], resized(v.work, v.words)
	for lo := 0; lo < len(fs) && len(v.pivots) < rank; {
		hi := lo
		for hi < len(fs) && fs[hi].length == fs[lo].length {
			hi++
		}
		shorter := len(v.pivots)
		for i := lo; i < hi; i++ {
			copy(v.work, v.bits[int(fs[i].bits)*v.words:])
			if !v.independent(0, shorter) {
				continue
			}
			f.enumerate(&fs[i])
			// The reduced vector, further reduced by those of this length, extends the basis.
			if v.independent(shorter, len(v.pivots)) {
				v.basis = append(v.basis, v.work...)
				v.pivots = append(v.pivots, pivotOf(v.work))
			}
		}
		lo = hi
	}
}

// independent reduces work by the vectors lo to hi of the basis and reports whether something is left.
func (v *vismara) independent(lo, hi int) bool {
	for i := lo; i < hi; i++ {
		if p := v.pivots[i]; v.work[p>>6]>>(p&63)&1 != 0 {
			for k, w := range v.basis[i*v.words : (i+1)*v.words] {
				v.work[k] ^= w
			}
		}
	}
	for _, w := range v.work {
		if w != 0 {
			return true
		}
	}
	return false
}

// localGraph copies the present part with local numbers.
func (f *ringFinder) localGraph() {
	n := len(f.atoms)
	v := &f.v
	v.n, v.words = n, (len(f.bonds)+63)/64
	v.start, v.near = resized(v.start, n+1), v.near[:0]
	v.start[0] = 0
	for i, a := range f.atoms {
		for _, nb := range f.near[f.start[a]:f.start[a+1]] {
			if f.has(nb) {
				v.near = append(v.near, Neighbor{f.local[nb.Atom], f.localB[nb.Bond]})
			}
		}
		v.start[i+1] = int32(len(v.near))
	}
	v.dist, v.reach, v.onPath, v.parent = resized(v.dist, n), resized(v.reach, n), resized(v.onPath, n), resized(v.parent, n)
	clear(v.onPath)
	v.stamp = 0
	v.families, v.bits = v.families[:0], v.bits[:0]
}

// candidates lists the families of all roots.
func (v *vismara) candidates() {
	for root := int32(2); root < int32(v.n); root++ {
		v.paths(root)
		for y := int32(0); y < root; y++ {
			if !v.tight(y) {
				continue
			}
			below := v.below[:0] // neighbours of y one step nearer to the root
			for _, nb := range v.at(y) {
				z := nb.Atom
				if z > root || z != root && !v.tight(z) {
					continue
				}
				switch {
				case v.dist[z]+1 == v.dist[y]:
					below = append(below, z)
				case v.dist[z] == v.dist[y] && z < y && v.disjoint(y, z):
					v.odd(root, y, z, nb.Bond)
				}
			}
			for i, p := range below {
				for _, q := range below[:i] {
					if v.disjoint(p, q) {
						v.even(root, p, q, y)
					}
				}
			}
			v.below = below
		}
	}
}

// at lists the neighbours of an atom.
func (v *vismara) at(a int32) []Neighbor { return v.near[v.start[a]:v.start[a+1]] }

// tight says whether a shortest path from the root to an atom passes below the root only.
func (v *vismara) tight(a int32) bool { return v.reach[a] > 0 && v.reach[a] == v.dist[a] }

// paths computes distances from a root, over all atoms and over those below the root.
func (v *vismara) paths(root int32) {
	for pass, d := range [2][]int32{v.dist, v.reach} {
		for i := range d {
			d[i] = -1
		}
		d[root] = 0
		v.queue = append(v.queue[:0], root)
		for k := 0; k < len(v.queue); k++ {
			a := v.queue[k]
			for _, nb := range v.at(a) {
				if d[nb.Atom] < 0 && (pass == 0 || nb.Atom < root) {
					d[nb.Atom] = d[a] + 1
					if pass == 1 {
						v.parent[nb.Atom] = Neighbor{a, nb.Bond}
					}
					v.queue = append(v.queue, nb.Atom)
				}
			}
		}
	}
}

// disjoint says whether the paths of two atoms meet at the root only.
func (v *vismara) disjoint(p, q int32) bool {
	v.stamp++
	for v.reach[p] > 0 {
		v.onPath[p] = v.stamp
		p = v.parent[p].Atom
	}
	for v.reach[q] > 0 {
		if v.onPath[q] == v.stamp {
			return false
		}
		q = v.parent[q].Atom
	}
	return true
}

// add adds a family and returns the room for its bonds.
func (v *vismara) add(f family) []uint64 {
	f.bits = int32(len(v.families))
	v.families = append(v.families, f)
	lo := len(v.bits)
	for range v.words {
		v.bits = append(v.bits, 0)
	}
	return v.bits[lo:]
}

func (v *vismara) odd(root, y, z, bond int32) {
	bits := v.add(family{root: root, p: y, q: z, y: -1, length: 2*v.dist[y] + 1})
	bits[bond>>6] ^= 1 << (bond & 63)
	v.mark(bits, y)
	v.mark(bits, z)
}

func (v *vismara) even(root, p, q, y int32) {
	bits := v.add(family{root: root, p: p, q: q, y: y, length: 2*v.dist[p] + 2})
	for _, nb := range v.at(y) {
		if nb.Atom == p || nb.Atom == q {
			bits[nb.Bond>>6] ^= 1 << (nb.Bond & 63)
		}
	}
	v.mark(bits, p)
	v.mark(bits, q)
}

// mark toggles the bonds of the path from an atom to the root.
func (v *vismara) mark(bits []uint64, a int32) {
	for v.reach[a] > 0 {
		b := v.parent[a].Bond
		bits[b>>6] ^= 1 << (b & 63)
		a = v.parent[a].Atom
	}
}

// enumerate adds every ring of a family: each pair of shortest paths. Families of drug-like molecules have one.
func (f *ringFinder) enumerate(fam *family) {
	v := &f.v
	v.paths(fam.root)
	if v.only(fam.p) && v.only(fam.q) {
		v.ring = v.ring[:0]
		for a := fam.p; ; a = v.parent[a].Atom {
			v.ring = append(v.ring, a)
			if v.reach[a] == 0 {
				break
			}
		}
		slices.Reverse(v.ring)
		if fam.y >= 0 {
			v.ring = append(v.ring, fam.y)
		}
		for a := fam.q; v.reach[a] > 0; a = v.parent[a].Atom {
			v.ring = append(v.ring, a)
		}
		f.add(v.ring)
		return
	}
	left, right := v.pathsTo(fam.p), v.pathsTo(fam.q)
	for _, l := range left {
		for _, r := range right {
			if len(f.found) >= 8*maxFamily {
				return
			}
			// l and r run from p and q to the root. The ring is root … p (y) q … root.
			ring := slices.Clone(l)
			slices.Reverse(ring)
			if fam.y >= 0 {
				ring = append(ring, fam.y)
			}
			f.add(append(ring, r[:len(r)-1]...))
		}
	}
}

// only says whether an atom has one shortest path to the root.
func (v *vismara) only(a int32) bool {
	for v.reach[a] > 0 {
		ways := 0
		for _, nb := range v.at(a) {
			if d := v.reach[nb.Atom]; d == v.reach[a]-1 && d == v.dist[nb.Atom] {
				ways++
			}
		}
		if ways > 1 {
			return false
		}
		a = v.parent[a].Atom
	}
	return true
}

// add adds a ring given by local atoms in order, turned so that it starts at its lowest atom and goes on to that
// one's lower neighbour.
func (f *ringFinder) add(ring []int32) {
	n := len(ring)
	atoms, bonds := f.place(n)
	first := 0
	for i, a := range ring {
		if f.atoms[a] < f.atoms[ring[first]] {
			first = i
		}
	}
	step := 1
	if f.atoms[ring[(first+1)%n]] > f.atoms[ring[(first+n-1)%n]] {
		step = n - 1
	}
	for i := range n {
		a, next := ring[(first+i*step)%n], ring[(first+(i+1)*step)%n]
		atoms[i] = f.atoms[a]
		for _, nb := range f.v.at(a) {
			if nb.Atom == next {
				bonds[i] = f.bonds[nb.Bond]
				break
			}
		}
	}
}

// pathsTo lists the shortest paths from an atom to the root, at most maxFamily of them.
func (v *vismara) pathsTo(a int32) [][]int32 {
	done := [][]int32{{a}}
	for v.reach[done[0][len(done[0])-1]] > 0 {
		var longer [][]int32
		for _, p := range done {
			at := p[len(p)-1]
			for _, nb := range v.at(at) {
				if d := v.reach[nb.Atom]; d == v.reach[at]-1 && d == v.dist[nb.Atom] && d >= 0 && len(longer) < maxFamily {
					longer = append(longer, append(slices.Clone(p), nb.Atom))
				}
			}
		}
		done = longer
	}
	return done
}
