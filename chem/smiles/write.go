package smiles

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strconv"

	"galen.dev/chem"
)

// Format changes how a molecule is written. The zero value writes aromatic, isomeric SMILES in the order of the
// atoms.
type Format struct {
	Kekule bool // single and double bonds in place of aromatic ones
	Flat   bool // leave out stereo and isotopes
	NoMaps bool // leave out atom maps
	// Ranks say which atom comes first and which neighbour is written first, lower ones before; nil stands for the
	// order of the atoms. Parts come in the order of their lowest ranks.
	Ranks []int32
}

// Write writes a sanitized molecule. The arrangement of allenes (@AL) is read and kept, but not written, since it speaks
// of atoms that are no neighbours of the centre.
func Write(m *chem.Mol, f Format) string { return string(Append(nil, m, f)) }

// Append appends the SMILES of a molecule to a buffer.
func Append(buf []byte, m *chem.Mol, f Format) []byte {
	if f.Kekule {
		m = m.Kekulized(f.Ranks)
	}
	w := writer{m: m, f: f, out: buf}
	w.write()
	return w.out
}

// Canonical writes the SMILES that is the same for every order of the atoms of a molecule, and different for
// different molecules. It is Galen's own: other programs write other ones.
func Canonical(m *chem.Mol) string { return CanonicalWith(m, Format{}) }

// CanonicalWith is Canonical in a format; its Ranks are not used.
func CanonicalWith(m *chem.Mol, f Format) string {
	f.Ranks = m.RanksWith(chem.RankOptions{Flat: f.Flat, NoMaps: f.NoMaps})
	return Write(m, f)
}

// Random writes a molecule in an order drawn from a seed.
func Random(m *chem.Mol, seed uint64) string {
	ranks := make([]int32, len(m.Atoms))
	for i, k := range rand.New(rand.NewPCG(seed, 0x5317e5)).Perm(len(ranks)) {
		ranks[i] = int32(k)
	}
	return Write(m, Format{Ranks: ranks})
}

// writer lays a spanning tree, then writes it. The tree is deep-first, so that every other bond leads from an atom
// to one of its ancestors and becomes a ring number.
type writer struct {
	m   *chem.Mol
	f   Format
	out []byte

	start  []int32         // near[start[a]:start[a+1]] are the neighbours of a in order of rank
	near   []chem.Neighbor // for tree bonds below an atom, until sorted, for all others too
	order  []int32         // when an atom is first reached, from 1
	seq    []int32         // atoms by order
	parent []int32         // bond to the parent, -1 = none
	size   []int32         // atoms below and including
	mark   []chem.Dir      // on bonds, seen from the end that is reached first
	number []int32         // ring number of an open bond, 0 = none
	taken  []bool          // ring numbers in use; index 0 stands for 1
	orders [8]int32
}

func (w *writer) rank(a int32) int32 {
	if w.f.Ranks == nil {
		return a
	}
	return w.f.Ranks[a]
}

func (w *writer) write() {
	m := w.m
	n := len(m.Atoms)
	buf := make([]int32, 5*n+1+len(m.Bonds))
	w.start, w.order, w.parent, w.size, w.seq = buf[:n+1], buf[n+1:2*n+1], buf[2*n+1:3*n+1], buf[3*n+1:4*n+1], buf[4*n+1:4*n+1:5*n+1]
	w.number = buf[5*n+1:]
	w.near = make([]chem.Neighbor, 0, 2*len(m.Bonds))
	for a := range int32(n) {
		w.near = append(w.near, m.Neighbors(a)...)
		w.start[a+1] = int32(len(w.near))
		list := w.near[w.start[a]:]
		for i := 1; i < len(list); i++ {
			for k := i; k > 0 && w.rank(list[k].Atom) < w.rank(list[k-1].Atom); k-- {
				list[k], list[k-1] = list[k-1], list[k]
			}
		}
	}
	var roots []int32
	for _, a := range w.byRank() {
		if w.order[a] == 0 {
			roots = append(roots, a)
			w.tree(a)
		}
	}
	for i := n - 1; i >= 0; i-- {
		a := w.seq[i]
		w.size[a]++
		if b := w.parent[a]; b >= 0 {
			w.size[m.Bonds[b].Other(a)] += w.size[a]
		}
	}
	if !w.f.Flat {
		w.markBonds()
	}
	for i, a := range roots {
		if i > 0 {
			w.out = append(w.out, '.')
		}
		w.part(a)
	}
}

// sorted are the neighbours of an atom in order of rank.
func (w *writer) sorted(a int32) []chem.Neighbor { return w.near[w.start[a]:w.start[a+1]] }

// byRank lists the atoms in order of rank.
func (w *writer) byRank() []int32 {
	atoms := make([]int32, len(w.m.Atoms))
	if w.f.Ranks == nil {
		for i := range atoms {
			atoms[i] = int32(i)
		}
		return atoms
	}
	for a, r := range w.f.Ranks {
		atoms[r] = int32(a)
	}
	return atoms
}

// tree lays the spanning tree of a part.
func (w *writer) tree(root int32) {
	type place struct{ atom, next int32 }
	stack := []place{{root, w.start[root]}}
	w.reach(root, -1)
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if top.next == w.start[top.atom+1] {
			stack = stack[:len(stack)-1]
			continue
		}
		n := w.near[top.next]
		top.next++
		if w.order[n.Atom] == 0 {
			w.reach(n.Atom, n.Bond)
			stack = append(stack, place{n.Atom, w.start[n.Atom]})
		}
	}
}

func (w *writer) reach(a, bond int32) {
	w.seq = append(w.seq, a)
	w.order[a] = int32(len(w.seq))
	w.parent[a] = bond
}

// part writes the tree below a root. The largest branch comes last, without parentheses.
func (w *writer) part(root int32) {
	type item struct {
		atom  int32
		close bool // a parenthesis
		open  bool // a parenthesis before the atom
	}
	stack := []item{{atom: root}}
	var children []int32
	for len(stack) > 0 {
		it := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if it.close {
			w.out = append(w.out, ')')
			continue
		}
		if it.open {
			w.out = append(w.out, '(')
		}
		a := it.atom
		if b := w.parent[a]; b >= 0 {
			w.bond(b, w.m.Bonds[b].Other(a))
		}
		children = children[:0]
		rings := 0
		for _, n := range w.sorted(a) {
			switch {
			case w.parent[n.Atom] == n.Bond && w.order[n.Atom] > w.order[a]:
				children = append(children, n.Atom)
			case n.Bond != w.parent[a]:
				rings++
			}
		}
		slices.SortStableFunc(children, func(x, y int32) int { return cmp.Compare(w.size[x], w.size[y]) })
		w.atom(a, children, rings)
		if rings > 0 {
			w.rings(a)
		}
		for i := len(children) - 1; i >= 0; i-- {
			if i == len(children)-1 {
				stack = append(stack, item{atom: children[i]})
			} else {
				stack = append(stack, item{close: true}, item{atom: children[i], open: true})
			}
		}
	}
}

// isRing says whether a bond is written as a ring number, and whether it closes at atom a.
func (w *writer) isRing(a int32, n chem.Neighbor) (ring, closes bool) {
	if n.Bond == w.parent[a] || n.Bond == w.parent[n.Atom] {
		return false, false
	}
	return true, w.order[n.Atom] < w.order[a]
}

// rings writes the ring numbers of an atom: first those that close here, then those that open.
func (w *writer) rings(a int32) {
	near := w.sorted(a)
	var free [8]int32
	freed := free[:0]
	for _, n := range near {
		if ring, closes := w.isRing(a, n); ring && closes {
			w.ringNumber(w.number[n.Bond])
			freed = append(freed, w.number[n.Bond])
		}
	}
	for _, n := range near {
		if ring, closes := w.isRing(a, n); ring && !closes {
			k := int32(slices.Index(w.taken, false) + 1)
			if k == 0 {
				w.taken = append(w.taken, true)
				k = int32(len(w.taken))
			}
			w.taken[k-1] = true
			w.number[n.Bond] = k
			w.bond(n.Bond, a)
			w.ringNumber(k)
		}
	}
	for _, k := range freed {
		w.taken[k-1] = false // not before: a number that closes and opens at one atom is hard to read
	}
}

func (w *writer) ringNumber(k int32) {
	switch {
	case k < 10:
		w.out = append(w.out, byte('0'+k))
	case k < 100:
		w.out = append(w.out, '%', byte('0'+k/10), byte('0'+k%10))
	default:
		w.out = append(w.out, '%', '(')
		w.out = strconv.AppendInt(w.out, int64(k), 10)
		w.out = append(w.out, ')')
	}
}

// bond writes the sign of a bond whose end on the left is given.
func (w *writer) bond(i, left int32) {
	b := &w.m.Bonds[i]
	if w.mark != nil && w.mark[i] != chem.NoDir {
		if w.mark[i] == chem.Up {
			w.out = append(w.out, '/')
		} else {
			w.out = append(w.out, '\\')
		}
		return
	}
	both := w.m.Atoms[b.Begin].Aromatic() && w.m.Atoms[b.End].Aromatic()
	switch b.Order {
	case chem.Single:
		if both {
			w.out = append(w.out, '-')
		}
	case chem.Double:
		w.out = append(w.out, '=')
	case chem.Triple:
		w.out = append(w.out, '#')
	case chem.Quadruple:
		w.out = append(w.out, '$')
	case chem.Aromatic:
		if !both {
			w.out = append(w.out, ':')
		}
	case chem.Dative:
		if b.Begin == left {
			w.out = append(w.out, "->"...)
		} else {
			w.out = append(w.out, "<-"...)
		}
	default:
		w.out = append(w.out, '~')
	}
}
