package chem

import (
	"cmp"
	"slices"
)

// vismara finds relevant cycles of one ring system. Atoms and bonds have local numbers here.
type vismara struct {
	n       int
	near    [][]Neighbor
	dist    []int32 // from the root, over all paths
	reach   []int32 // the same over atoms below the root only; -1 where none
	parent  []Neighbor
	queue   []int32
	words   int
	onPath  []int32
	stamp   int32
	results []cycle
}

// relevant finds the relevant cycles of the present part, whose cycle space has the given rank.
//
// A relevant cycle is one that is no sum of shorter ones. Each has a highest atom, its root, and consists of two
// shortest paths from there. Families of such cycles are listed root by root, sorted by length, and kept while they
// are independent of everything shorter.
func (f *ringFinder) relevant(rank int) {
	v := f.localGraph()
	families := v.families()
	slices.SortFunc(families, func(a, b family) int { return cmp.Compare(a.length, b.length) })
	var basis [][]uint64
	var pivots []int
	work := make([]uint64, v.words)
	for lo := 0; lo < len(families) && len(basis) < rank; {
		hi := lo
		for hi < len(families) && families[hi].length == families[lo].length {
			hi++
		}
		shorter := len(basis)
		for i := lo; i < hi; i++ {
			copy(work, families[i].bits)
			if !independentOf(work, basis[:shorter], pivots[:shorter]) {
				continue
			}
			v.enumerate(&families[i])
			// The reduced vector, further reduced by those of this length, extends the basis.
			if independentOf(work, basis[shorter:], pivots[shorter:]) {
				basis = append(basis, slices.Clone(work))
				pivots = append(pivots, pivotOf(work))
			}
		}
		lo = hi
	}
	for _, c := range v.results {
		for i, a := range c.atoms {
			c.atoms[i] = f.atoms[a]
		}
		for i, b := range c.bonds {
			c.bonds[i] = f.bonds[b]
		}
		f.found = append(f.found, normalised(c))
	}
}

// localGraph copies the present part with local numbers.
func (f *ringFinder) localGraph() *vismara {
	n := len(f.atoms)
	v := &vismara{n: n, near: make([][]Neighbor, n), words: (len(f.bonds) + 63) / 64}
	flat := make([]Neighbor, 0, 2*len(f.bonds))
	for i, a := range f.atoms {
		from := len(flat)
		for _, nb := range f.near[f.start[a]:f.start[a+1]] {
			if f.has(nb) {
				flat = append(flat, Neighbor{f.local[nb.Atom], f.localB[nb.Bond]})
			}
		}
		v.near[i] = flat[from:len(flat):len(flat)]
	}
	buf := make([]int32, 4*n)
	v.dist, v.reach, v.onPath, v.queue = buf[:n], buf[n:2*n], buf[2*n:3*n], buf[3*n:3*n]
	v.parent = make([]Neighbor, n)
	return v
}

// families lists the candidates of all roots.
func (v *vismara) families() []family {
	var out []family
	var below []int32 // neighbours of y one step nearer to the root
	for root := int32(2); root < int32(v.n); root++ {
		v.paths(root)
		for y := int32(0); y < root; y++ {
			if !v.tight(y) {
				continue
			}
			below = below[:0]
			for _, nb := range v.near[y] {
				z := nb.Atom
				if z > root || z != root && !v.tight(z) {
					continue
				}
				switch {
				case v.dist[z]+1 == v.dist[y]:
					below = append(below, z)
				case v.dist[z] == v.dist[y] && z < y && v.disjoint(y, z):
					out = append(out, v.odd(root, y, z, nb.Bond))
				}
			}
			for i, p := range below {
				for _, q := range below[:i] {
					if v.disjoint(p, q) {
						out = append(out, v.even(root, p, q, y))
					}
				}
			}
		}
	}
	return out
}

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
			for _, nb := range v.near[a] {
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

func (v *vismara) odd(root, y, z, bond int32) family {
	f := family{root: root, p: y, q: z, y: -1, length: 2*v.dist[y] + 1, bits: make([]uint64, v.words)}
	f.bits[bond>>6] ^= 1 << (bond & 63)
	v.mark(f.bits, y)
	v.mark(f.bits, z)
	return f
}

func (v *vismara) even(root, p, q, y int32) family {
	f := family{root: root, p: p, q: q, y: y, length: 2*v.dist[p] + 2, bits: make([]uint64, v.words)}
	for _, nb := range v.near[y] {
		if nb.Atom == p || nb.Atom == q {
			f.bits[nb.Bond>>6] ^= 1 << (nb.Bond & 63)
		}
	}
	v.mark(f.bits, p)
	v.mark(f.bits, q)
	return f
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
func (v *vismara) enumerate(f *family) {
	v.paths(f.root)
	left, right := v.pathsTo(f.p), v.pathsTo(f.q)
	for _, l := range left {
		for _, r := range right {
			if len(v.results) >= maxFamily*8 {
				return
			}
			// l and r run from p and q to the root. The ring is root … p (y) q … root.
			c := cycle{}
			for i := len(l) - 1; i >= 0; i-- {
				c.atoms = append(c.atoms, l[i])
			}
			if f.y >= 0 {
				c.atoms = append(c.atoms, f.y)
			}
			c.atoms = append(c.atoms, r[:len(r)-1]...)
			for i, a := range c.atoms {
				next := c.atoms[(i+1)%len(c.atoms)]
				for _, nb := range v.near[a] {
					if nb.Atom == next {
						c.bonds = append(c.bonds, nb.Bond)
						break
					}
				}
			}
			v.results = append(v.results, c)
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
			for _, nb := range v.near[at] {
				if d := v.reach[nb.Atom]; d == v.reach[at]-1 && d == v.dist[nb.Atom] && d >= 0 && len(longer) < maxFamily {
					longer = append(longer, append(slices.Clone(p), nb.Atom))
				}
			}
		}
		done = longer
	}
	return done
}

// normalised turns a ring so that it starts at its lowest atom and goes on to that one's lower neighbour.
func normalised(c cycle) cycle {
	n := len(c.atoms)
	first := 0
	for i, a := range c.atoms {
		if a < c.atoms[first] {
			first = i
		}
	}
	out := cycle{make([]int32, n), make([]int32, n)}
	forward := c.atoms[(first+1)%n] < c.atoms[(first+n-1)%n]
	for i := range n {
		if forward {
			out.atoms[i], out.bonds[i] = c.atoms[(first+i)%n], c.bonds[(first+i)%n]
		} else {
			out.atoms[i], out.bonds[i] = c.atoms[(first-i+n)%n], c.bonds[(first-i-1+2*n)%n]
		}
	}
	return out
}
