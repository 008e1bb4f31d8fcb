package chem

import "slices"

// donation is what an atom gives to a ring's π electrons.
type donation uint8

const (
	donatesNot donation = iota
	donatesVacant
	donatesOne
	donatesTwo
	donatesAny // an atom of any kind: one or two
)

// maxFused is the largest ring that takes part in fused systems: a little more than a porphyrin's outer ring.
const maxFused = 24

// piElectrons is the number of electrons that an atom can give to π systems, or -1 where it cannot take part.
func (m *Mol) piElectrons(i int32) int {
	a := &m.Atoms[i]
	usual := valence(int(a.Element))
	if usual <= 1 {
		return -1
	}
	degree := m.TotalDegree(i)
	for _, n := range m.Neighbors(i) {
		if m.Bonds[n.Bond].Twice(i) == 0 {
			degree--
		}
	}
	if degree > 3 {
		return -1
	}
	lone := max(int(elements[a.Element].Outer)-usual-int(a.Charge), 0)
	e := usual - degree + lone - int(a.Radicals)
	if e > 1 && a.BondedValence()-m.Degree(i) > 1 {
		e = 1 // one bond of a higher order: it can give one electron only
	}
	return e
}

// multipleBond looks for a bond of order two or more at an atom, in rings or outside them. It returns the atom at
// the other end.
func (m *Mol) multipleBond(i int32, inRing bool) (other int32, ok bool) {
	for _, n := range m.Neighbors(i) {
		if (m.rings.bondCount[n.Bond] > 0) == inRing && m.Bonds[n.Bond].Twice(i) >= 4 {
			return n.Atom, true
		}
	}
	return -1, false
}

// moreElectronegative compares elements by the column, then by the row.
func moreElectronegative(a, b uint8) bool {
	x, y := elements[a].Outer, elements[b].Outer
	return x > y || x == y && a < b
}

// donates decides what an atom gives to a ring.
func (m *Mol) donates(i int32) donation {
	a := &m.Atoms[i]
	if a.Element == 0 {
		if _, ok := m.multipleBond(i, true); ok {
			return donatesOne
		}
		return donatesAny
	}
	e := m.piElectrons(i)
	outer, exocyclic := m.multipleBond(i, false)
	steals := exocyclic && moreElectronegative(m.Atoms[outer].Element, a.Element)
	switch {
	case e < 0:
		return donatesNot
	case e == 0:
		if exocyclic {
			return donatesVacant
		}
		if _, ok := m.multipleBond(i, true); ok {
			return donatesOne
		}
		return donatesNot
	case e == 1:
		if exocyclic {
			if steals {
				return donatesVacant
			}
			return donatesOne
		}
		if m.unsaturated(i) {
			return donatesOne
		}
		if a.Charge == 1 { // tropylium, cyclopropenyl
			return donatesVacant
		}
		return donatesNot
	}
	if steals {
		e--
	}
	if e%2 == 1 {
		return donatesOne
	}
	return donatesTwo
}

// unsaturated says whether some bond of the atom has an order above one.
func (m *Mol) unsaturated(i int32) bool {
	degree := m.Degree(i) + int(m.Atoms[i].ExplicitH)
	for _, n := range m.Neighbors(i) {
		if m.Bonds[n.Bond].Twice(i) == 0 {
			degree--
		}
	}
	return m.Atoms[i].BondedValence() != degree
}

// mayBeAromatic says whether an atom can be part of an aromatic ring at all.
func (m *Mol) mayBeAromatic(i int32, d donation) bool {
	a := &m.Atoms[i]
	if a.Element > 18 && a.Element != 34 && a.Element != 52 || d == donatesNot {
		return false
	}
	if valence(int(a.Element)) > 0 {
		limit := -1
		if z := int(a.Element) - int(a.Charge); z >= 0 && z <= MaxElement {
			limit = valence(z)
		}
		if a.TotalValence() > limit {
			return false
		}
	}
	if a.Radicals > 0 && (a.Element != 6 || a.Charge != 0) {
		return false
	}
	if a.BondedValence()-m.Degree(i) > 1 { // allenes and their like
		multiple := 0
		for _, n := range m.Neighbors(i) {
			if o := m.Bonds[n.Bond].Order; o == Double || o == Triple {
				multiple++
			}
		}
		return multiple <= 1
	}
	return true
}

// perceiveAromaticity marks aromatic atoms and bonds. Candidate rings, alone and then in fused unions of two to
// six, are aromatic where Hückel's rule holds: 4n+2 electrons of the atoms that lie in one or two of the rings. In
// a union only the outer bonds are marked.
func (m *Mol) perceiveAromaticity() {
	r := &m.rings
	if r.Len() == 0 {
		return
	}
	give := make([]donation, len(m.Atoms))
	state := make([]uint8, len(m.Atoms)) // 0 = not looked at, 1 = no candidate, 2 = candidate
	var rings []int32
	for k := range r.Len() {
		ring := r.Atoms(k)
		all, allAny := true, true
		for _, a := range ring {
			allAny = allAny && m.Atoms[a].Element == 0
			if state[a] == 0 {
				d := m.donates(a)
				if d == donatesTwo && len(ring) >= 9 && m.isEther(a) {
					d = donatesNot // a bridge of a macrocycle, not a donor as in furan
				}
				give[a], state[a] = d, 1
				if m.mayBeAromatic(a, d) {
					state[a] = 2
				}
			}
			all = all && state[a] == 2
		}
		if all && !allAny {
			rings = append(rings, int32(k))
		}
	}
	if len(rings) == 0 {
		return
	}
	h := huckel{m: m, give: give, rings: rings}
	h.run()
}

func (m *Mol) isEther(i int32) bool {
	a := &m.Atoms[i]
	if a.Element != 8 && a.Element != 16 || a.Charge != 0 || m.Degree(i) != 2 {
		return false
	}
	for _, n := range m.Neighbors(i) {
		if o := m.Bonds[n.Bond].Order; o == Double || o == Triple {
			return false
		}
	}
	return true
}

// huckel tests rings and fused unions of rings.
type huckel struct {
	m     *Mol
	give  []donation
	rings []int32   // candidates, as indices into the ring information
	near  [][]int32 // candidates that share exactly one bond, by position in rings
	count []uint8   // of atoms in the present union
	used  []uint8   // of bonds in the present union
	done  int       // bonds of the present fused system that are marked
}

func (h *huckel) run() {
	h.count = make([]uint8, len(h.m.Atoms))
	h.used = make([]uint8, len(h.m.Bonds))
	h.neighbours()
	seen := make([]bool, len(h.rings))
	var system []int32
	for first := range h.rings {
		if seen[first] {
			continue
		}
		seen[first] = true
		system = append(system[:0], int32(first))
		for i := 0; i < len(system); i++ {
			for _, o := range h.near[system[i]] {
				if !seen[o] {
					seen[o] = true
					system = append(system, o)
				}
			}
		}
		slices.Sort(system)
		h.system(system)
	}
}

// neighbours finds the pairs of rings that share exactly one bond.
func (h *huckel) neighbours() {
	r := &h.m.rings
	h.near = make([][]int32, len(h.rings))
	if len(h.rings) == 1 {
		return
	}
	byBond := make([][]int32, len(h.m.Bonds))
	for i, k := range h.rings {
		if len(r.Bonds(int(k))) > maxFused {
			continue
		}
		for _, b := range r.Bonds(int(k)) {
			if r.bondCount[b] > 1 {
				byBond[b] = append(byBond[b], int32(i))
			}
		}
	}
	shared := make([]uint8, len(h.rings))
	for i, k := range h.rings {
		if len(r.Bonds(int(k))) > maxFused {
			continue
		}
		for pass := range 2 {
			for _, b := range r.Bonds(int(k)) {
				for _, o := range byBond[b] {
					switch {
					case int(o) == i:
					case pass == 0:
						shared[o] = min(shared[o]+1, 2)
					case shared[o] == 1:
						h.near[i] = append(h.near[i], o)
						shared[o] = 0
					default:
						shared[o] = 0
					}
				}
			}
		}
		slices.Sort(h.near[i])
	}
}

// system tests the unions of one fused system, in order of their number of rings, until all bonds are marked.
func (h *huckel) system(system []int32) {
	total := 0
	for _, i := range system {
		for _, b := range h.m.rings.Bonds(int(h.rings[i])) {
			if h.used[b] == 0 {
				h.used[b] = 1
				total++
			}
		}
	}
	for _, i := range system {
		for _, b := range h.m.rings.Bonds(int(h.rings[i])) {
			h.used[b] = 0
		}
	}
	h.done = 0
	var union []int32
	for size := 1; size <= min(len(system), 6) && h.done < total; size++ {
		if size == 3 && len(system) > 300 {
			return // the number of unions explodes; larger ones are left out, as elsewhere
		}
		for k, i := range system {
			union = append(union[:0], i)
			h.extend(union, slices.Clone(h.above(nil, i, i)), system[k], size)
		}
	}
}

// above appends the neighbours of a ring that come after the first ring of the union.
func (h *huckel) above(list []int32, ring, first int32) []int32 {
	for _, o := range h.near[ring] {
		if o > first && !slices.Contains(list, o) {
			list = append(list, o)
		}
	}
	return list
}

// extend enumerates the connected unions of a size whose lowest ring is first, each once (Wernicke's ESU).
func (h *huckel) extend(union, ext []int32, first int32, size int) {
	if len(union) == size {
		h.test(union)
		return
	}
	for k, w := range ext {
		rest := slices.Clone(ext[k+1:])
		for _, o := range h.near[w] {
			if o <= first || slices.Contains(union, o) || slices.Contains(ext, o) {
				continue
			}
			exclusive := true
			for _, u := range union {
				if slices.Contains(h.near[u], o) {
					exclusive = false
					break
				}
			}
			if exclusive {
				rest = append(rest, o)
			}
		}
		h.extend(append(slices.Clone(union), w), rest, first, size)
	}
}

// test applies Hückel's rule to a union and marks its outer bonds where it holds.
func (h *huckel) test(union []int32) {
	r := &h.m.rings
	for _, i := range union {
		for _, a := range r.Atoms(int(h.rings[i])) {
			h.count[a]++
		}
	}
	low, high, anys := 0, 0, 0
	for _, i := range union {
		for _, a := range r.Atoms(int(h.rings[i])) {
			if c := h.count[a]; c == 1 || c == 2 {
				switch h.give[a] {
				case donatesOne:
					low++
					high++
				case donatesTwo:
					low += 2
					high += 2
				case donatesAny:
					low++
					high += 2
					anys++
				}
			}
			h.count[a] = 0
		}
	}
	if anys > 1 || !isHuckel(low, high) {
		return
	}
	for _, i := range union {
		for _, b := range r.Bonds(int(h.rings[i])) {
			h.used[b]++
		}
	}
	for _, i := range union {
		for _, b := range r.Bonds(int(h.rings[i])) {
			if h.used[b] == 1 {
				h.mark(b)
			}
			h.used[b] = 0
		}
	}
}

// isHuckel says whether some number of electrons from low to high is 4n+2.
func isHuckel(low, high int) bool {
	if high < 6 {
		return high == 2
	}
	for e := low; e <= high; e++ {
		if (e-2)%4 == 0 {
			return true
		}
	}
	return false
}

func (h *huckel) mark(i int32) {
	b := &h.m.Bonds[i]
	if !b.Aromatic() {
		h.done++
		b.Flags |= AromaticBond
	}
	if b.Order == Single || b.Order == Double {
		b.Order = Aromatic
		h.m.Atoms[b.Begin].Flags |= AromaticAtom
		h.m.Atoms[b.End].Flags |= AromaticAtom
	}
}
