package chem

import (
	"cmp"
	"fmt"
	"slices"

	"galen.dev/fault"
)

// kekulize replaces aromatic bonds by single and double ones and takes all aromatic marks off. Which atoms need a
// double bond follows from their valences; which bonds get one is a matching, found exactly. An atom that stays
// without one is a finding: the structure is not guessed.
func (m *Mol) kekulize() []fault.Finding {
	any := false
	for i := range m.Atoms {
		any = any || m.Atoms[i].Aromatic()
	}
	for i := range m.Bonds {
		any = any || m.Bonds[i].Aromatic()
	}
	if !any {
		return nil
	}
	if found := m.strayAromatic(); found != nil {
		return found
	}
	if m.rings.Len() == 0 {
		return nil
	}
	k := matching{m: m, mate: make([]int32, len(m.Atoms)), kind: make([]uint8, len(m.Atoms))}
	k.candidates()
	for i := range m.Bonds {
		// The bond of biphenyl, which nothing marks as single between two aromatic atoms, is one of these.
		b := &m.Bonds[i]
		if b.Aromatic() && b.Order == Aromatic && (m.rings.atomCount[b.Begin] > 0 || m.rings.atomCount[b.End] > 0) {
			b.Order = Single
		}
	}
	if found := k.solve(); found != nil {
		return found
	}
	for a, o := range k.mate {
		if int32(a) < o {
			b := &m.Bonds[m.BondBetween(int32(a), o)]
			b.Order, b.Dir = Double, NoDir
		}
	}
	return m.clearAromatic()
}

// strayAromatic finds atoms that are marked aromatic and lie in no ring.
func (m *Mol) strayAromatic() []fault.Finding {
	var found []fault.Finding
	for i := range m.Atoms {
		if m.Atoms[i].Aromatic() && m.rings.AtomCount(int32(i)) == 0 && len(found) < maxFindings {
			found = append(found, fault.Finding{
				Name: "aromatic-outside-ring", Severity: fault.Severe,
				Message: fmt.Sprintf("atom %d (%s) is marked aromatic and lies in no ring", i+1, elements[m.Atoms[i].Element].Symbol),
				Hint:    "aromatic atoms are written in lower case: is a ring closure missing?",
			})
		}
	}
	if found == nil && m.rings.Len() == 0 {
		// Only bonds are marked, outside rings. Nothing can be done with them, and they do no harm.
		for i := range m.Bonds {
			m.Bonds[i].Flags &^= AromaticBond
		}
	}
	return found
}

// clearAromatic takes the marks off and compares valences with those before.
func (m *Mol) clearAromatic() []fault.Finding {
	for i := range m.Bonds {
		m.Bonds[i].Flags &^= AromaticBond
	}
	var found []fault.Finding
	for i := range m.Atoms {
		a := &m.Atoms[i]
		if !a.Aromatic() {
			continue
		}
		a.Flags &^= AromaticAtom
		if (a.Element == 7 || a.Element == 15) && a.Charge == 0 && a.ExplicitH == 1 {
			// The H of pyrrole's nitrogen was stated because the aromatic form needs it. The Kekulé form does not.
			before := a.TotalValence()
			a.Flags &^= NoImplicit
			a.ExplicitH = 0
			m.updateAtom(int32(i))
			if a.TotalValence() != before {
				found = append(found, fault.Finding{
					Name: "kekule-valence", Severity: fault.Severe,
					Message: fmt.Sprintf("atom %d (%s) has a valence of %d, but %d in the Kekulé structure", i+1, elements[a.Element].Symbol, before, a.TotalValence()),
					Hint:    "check the hydrogens of the aromatic ring",
				})
			}
		}
	}
	return found
}

// Kinds of atoms in the matching.
const (
	outside  = iota // takes no double bond
	required        // needs one
	optional        // an atom of any kind: may have one
)

// matching assigns double bonds: a matching that covers all required atoms.
type matching struct {
	m       *Mol
	mate    []int32 // partner by a double bond, -1 = none
	kind    []uint8
	list    []int32
	base    []int32 // scratch of the blossom search
	parent  []int32
	label   []uint8
	touched []int32
	queue   []int32
}

// candidates finds the atoms that need a double bond.
func (k *matching) candidates() {
	m := k.m
	for i := range k.mate {
		k.mate[i] = -1
		a := &m.Atoms[i]
		if m.rings.atomCount[i] == 0 || a.Element != 0 && !m.inAromatic(int32(i)) || !m.nearAromatic(int32(i)) {
			continue
		}
		if a.Element == 0 {
			if k.dummyMay(int32(i)) {
				k.kind[i] = optional
			}
			continue
		}
		if m.wantsDouble(int32(i)) {
			k.kind[i] = required
		}
	}
}

// nearAromatic says whether an atom or a neighbour in its ring is aromatic; only such dummies take part.
func (m *Mol) nearAromatic(i int32) bool {
	if m.inAromatic(i) {
		return true
	}
	for _, n := range m.Neighbors(i) {
		if m.rings.bondCount[n.Bond] > 0 && m.inAromatic(n.Atom) {
			return true
		}
	}
	return false
}

// dummyMay says whether an atom of any kind may take a double bond: some ring around it has an aromatic atom of
// its own, and not all its rings go through neighbours that are not aromatic.
func (k *matching) dummyMay(i int32) bool {
	m := k.m
	plain := 0
	for _, n := range m.Neighbors(i) {
		if o := &m.Atoms[n.Atom]; o.Element != 0 && !o.Aromatic() && m.rings.bondCount[n.Bond] > 0 {
			plain++
		}
	}
	if plain >= m.rings.AtomCount(i) {
		return false
	}
	for r := range m.rings.Len() {
		ring := m.rings.Atoms(r)
		through, own := false, false
		for _, a := range ring {
			through = through || a == i
			own = own || m.inAromatic(a) && m.rings.AtomCount(a) == 1
		}
		if through && own {
			return true
		}
	}
	return false
}

// wantsDouble says whether an aromatic atom needs a double bond to come to an allowed valence.
func (m *Mol) wantsDouble(i int32) bool {
	a := &m.Atoms[i]
	sigma, idle := a.Hydrogens(), 0
	for _, n := range m.Neighbors(i) {
		b := &m.Bonds[n.Bond]
		if b.Aromatic() && (b.Order == Aromatic || b.Order == Single || b.Order == Double) {
			sigma++
			continue
		}
		t := b.Twice(i)
		sigma += (t + 1) / 2
		if t == 0 {
			idle++
		}
	}
	charge := int(a.Charge)
	if IsEarly(a.Element) || a.Element == 6 && charge > 0 {
		charge = -charge
	}
	list := elements[a.Element].Valences
	want := int(list[0]) + charge
	total, radicals := a.TotalValence(), int(a.Radicals)
	for v := 1; total > want && v < len(list) && list[v] > 0; v++ {
		want = int(list[v]) + charge
	}
	degree := m.Degree(i) + int(a.ImplicitH) - idle
	if total == 5 && sigma == 4 && want == 3 && degree == 3 && radicals == 0 && charge == 0 && a.Hydrogens() == 0 {
		switch a.Element {
		case 7, 15, 33:
			want = 5
		}
	}
	if degree+radicals >= want {
		return false
	}
	return want == sigma+1+radicals || radicals == 0 && a.Flags&NoImplicit != 0 && want == sigma+2
}

// allowed says whether a bond may become double.
func (k *matching) allowed(a int32, n Neighbor) bool {
	b := &k.m.Bonds[n.Bond]
	return k.kind[a] != outside && k.kind[n.Atom] != outside && k.m.rings.bondCount[n.Bond] > 0 &&
		(b.Aromatic() || k.m.Atoms[a].Element == 0 || k.m.Atoms[n.Atom].Element == 0)
}

// solve finds the matching. Atoms are visited ring system by ring system, breadth first from the lowest index, and
// each takes the first neighbour that is free. Where that ends in an atom without partner, augmenting paths complete
// the matching, and a second visit makes every choice the first one that a complete matching allows. The order
// decides only where several structures exist that aromaticity does not make equal.
func (k *matching) solve() []fault.Finding {
	visit := k.visits()
	stuck := false
	for _, a := range visit {
		if k.kind[a] == outside || k.mate[a] >= 0 {
			continue
		}
		for _, n := range k.choices(a) {
			if k.mate[n] < 0 {
				k.mate[a], k.mate[n] = n, a
				break
			}
		}
		stuck = stuck || k.mate[a] < 0 && k.kind[a] == required
	}
	if !stuck {
		return nil
	}
	var left []int32
	for a := range k.mate {
		if k.kind[a] == required && k.mate[a] < 0 && !k.augment(int32(a)) {
			left = append(left, int32(a))
		}
	}
	if left == nil {
		k.prefer(visit)
	}
	var found []fault.Finding
	for _, a := range left[:min(len(left), maxFindings)] {
		found = append(found, fault.Finding{
			Name: "no-kekule-structure", Severity: fault.Severe,
			Message: fmt.Sprintf("atom %d (%s) is aromatic, and no double bond is left for it", a+1, elements[k.m.Atoms[a].Element].Symbol),
			Hint:    "a hydrogen may be missing on a nitrogen of its ring, as in [nH]",
		})
	}
	return found
}

// visits lists the aromatic atoms of each ring system in the order in which they choose.
func (k *matching) visits() []int32 {
	m := k.m
	takesPart := func(a int32) bool {
		return m.rings.atomCount[a] > 0 && (m.Atoms[a].Element == 0 || m.inAromatic(a))
	}
	seen := make([]bool, len(m.Atoms))
	var order, near []int32
	for i := range m.Atoms {
		if seen[i] || !takesPart(int32(i)) {
			continue
		}
		seen[i] = true
		head := len(order)
		order = append(order, int32(i))
		for ; head < len(order); head++ {
			near = near[:0]
			for _, n := range m.Neighbors(order[head]) {
				if m.rings.bondCount[n.Bond] > 0 && !seen[n.Atom] && takesPart(n.Atom) {
					seen[n.Atom] = true
					near = append(near, n.Atom)
				}
			}
			slices.Sort(near)
			order = append(order, near...)
		}
	}
	return order
}

// choices lists the atoms to which a double bond may go, by index. The list is valid until the next call.
func (k *matching) choices(a int32) []int32 {
	k.list = k.list[:0]
	for _, n := range k.m.Neighbors(a) {
		if k.allowed(a, n) {
			k.list = append(k.list, n.Atom)
		}
	}
	slices.Sort(k.list)
	return k.list
}

// prefer gives each atom in turn the first partner that leaves a complete matching of the rest.
func (k *matching) prefer(visit []int32) {
	settled := make([]bool, len(k.mate))
	kinds := slices.Clone(k.kind)
	for _, a := range visit {
		if k.mate[a] < 0 || settled[a] {
			continue
		}
		old := k.mate[a]
		for _, n := range slices.Clone(k.choices(a)) {
			if n == old {
				break
			}
			other := k.mate[n]
			before := slices.Clone(k.mate)
			// Take a and n out, and see whether their partners can be matched among the rest.
			k.mate[a], k.mate[n], k.mate[old] = -1, -1, -1
			k.kind[a], k.kind[n] = outside, outside
			if other >= 0 {
				k.mate[other] = -1
			}
			done := k.kind[old] != required || k.augment(old)
			if done && other >= 0 && k.kind[other] == required && k.mate[other] < 0 {
				done = k.augment(other)
			}
			k.kind[a], k.kind[n] = kinds[a], kinds[n]
			if done {
				k.mate[a], k.mate[n] = n, a
				break
			}
			copy(k.mate, before)
		}
		settled[a], settled[k.mate[a]] = true, true
		k.kind[a], k.kind[k.mate[a]] = outside, outside
	}
	copy(k.kind, kinds)
}

// augment grows an alternating tree from an unmatched atom until it meets another unmatched one, or a matched
// optional atom at even distance that may go without; blossoms are shrunk (Edmonds 1965).
func (k *matching) augment(root int32) bool {
	n := len(k.mate)
	if k.base == nil {
		k.base, k.parent, k.label = make([]int32, n), make([]int32, n), make([]uint8, n)
		for i := range k.base {
			k.base[i], k.parent[i] = int32(i), -1
		}
	}
	for _, a := range k.touched {
		k.base[a], k.parent[a], k.label[a] = a, -1, 0
	}
	k.touched = append(k.touched[:0], root)
	k.label[root] = 1
	k.queue = append(k.queue[:0], root)
	for i := 0; i < len(k.queue); i++ {
		a := k.queue[i]
		if k.kind[a] == optional && a != root && k.kind[root] == required {
			k.flip(k.mate[a], a)
			return true
		}
		for _, nb := range k.m.Neighbors(a) {
			o := nb.Atom
			if !k.allowed(a, nb) || k.base[a] == k.base[o] || k.mate[a] == o {
				continue
			}
			switch {
			case o == root || k.mate[o] >= 0 && k.parent[k.mate[o]] >= 0:
				k.shrink(a, o)
			case k.parent[o] < 0:
				k.touch(o)
				k.parent[o] = a
				if k.mate[o] < 0 {
					k.flip(o, -1)
					return true
				}
				k.touch(k.mate[o])
				k.label[k.mate[o]] = 1
				k.queue = append(k.queue, k.mate[o])
			}
		}
	}
	return false
}

func (k *matching) touch(a int32) { k.touched = append(k.touched, a) }

// flip exchanges matched and unmatched bonds on the path from o back to the root; freed, if not -1, loses its mate.
func (k *matching) flip(o, freed int32) {
	if freed >= 0 {
		k.mate[freed] = -1
	}
	for o >= 0 {
		p := k.parent[o]
		next := k.mate[p]
		k.mate[o], k.mate[p] = p, o
		o = next
	}
}

// shrink makes the blossom closed by the bond a-b one vertex.
func (k *matching) shrink(a, b int32) {
	common := k.ancestor(a, b)
	inside := map[int32]bool{}
	k.climb(a, common, b, inside)
	k.climb(b, common, a, inside)
	for i := 0; i < len(k.touched); i++ {
		t := k.touched[i]
		if inside[k.base[t]] {
			k.base[t] = common
			if k.label[t] == 0 {
				k.label[t] = 1
				k.queue = append(k.queue, t)
			}
		}
	}
}

func (k *matching) ancestor(a, b int32) int32 {
	seen := map[int32]bool{}
	for {
		a = k.base[a]
		seen[a] = true
		if k.mate[a] < 0 {
			break
		}
		a = k.parent[k.mate[a]]
	}
	for {
		b = k.base[b]
		if seen[b] {
			return b
		}
		b = k.parent[k.mate[b]]
	}
}

func (k *matching) climb(a, common, child int32, inside map[int32]bool) {
	for k.base[a] != common {
		inside[k.base[a]], inside[k.base[k.mate[a]]] = true, true
		k.parent[a] = child
		child = k.mate[a]
		a = k.parent[k.mate[a]]
	}
}

// Kekulized returns a copy of a sanitized molecule with single and double bonds in place of aromatic ones. Which of
// several structures is taken depends on the order of the atoms, or on their ranks alone where these are given.
func (m *Mol) Kekulized(ranks []int32) *Mol {
	c := m.Clone()
	if c.rings.Len() == 0 {
		return c
	}
	work, from := c, []int32(nil)
	if ranks != nil {
		work, from = c.sorted(ranks)
	}
	k := matching{m: work, mate: make([]int32, len(c.Atoms)), kind: make([]uint8, len(c.Atoms))}
	k.candidates()
	k.solve() // succeeds, since Sanitize made the aromatic marks from such a structure
	for i := range c.Bonds {
		if c.Bonds[i].Order == Aromatic && c.rings.bondCount[i] > 0 {
			c.Bonds[i].Order = Single
		}
	}
	for a, o := range k.mate {
		if int32(a) < o {
			b := work.BondBetween(int32(a), o)
			if from != nil {
				b = from[b]
			}
			c.Bonds[b].Order = Double
		}
	}
	c.clearAromatic()
	return c
}

// sorted returns the molecule with atoms in order of rank and bonds in order of their ends, and where each bond
// comes from. Chirality is not carried over.
func (m *Mol) sorted(ranks []int32) (*Mol, []int32) {
	c := m.Renumbered(ranks)
	from := make([]int32, len(c.Bonds))
	for i := range from {
		from[i] = int32(i)
	}
	ends := func(i int32) (lo, hi int32) {
		b := &c.Bonds[i]
		return min(b.Begin, b.End), max(b.Begin, b.End)
	}
	slices.SortFunc(from, func(x, y int32) int {
		xl, xh := ends(x)
		yl, yh := ends(y)
		return cmp.Or(cmp.Compare(xl, yl), cmp.Compare(xh, yh))
	})
	bonds, count := c.Bonds, c.rings.bondCount
	c.Bonds = make([]Bond, len(bonds))
	sortedCount := make([]uint16, len(count))
	for i, f := range from {
		c.Bonds[i] = bonds[f]
		sortedCount[i] = count[f]
	}
	rings := c.rings
	c.Connect()
	c.rings = rings
	c.rings.bondCount = sortedCount
	return c, from
}
