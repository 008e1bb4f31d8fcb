package chem

import "slices"

// smallestStereoRing is the smallest ring in which a double bond can be trans.
const smallestStereoRing = 8

// AssignStereo decides which marked stereo elements are real, and forgets the others: centres with two equal
// neighbours, double bonds with two equal substituents at one end, bonds in rings below 8. Marks on bonds (Dir) become Stereo of
// double bonds. Centres get their CIP descriptor as far as topology gives it; ring centres that depend on each
// other (cis and trans of 1,4-dimethylcyclohexane) are kept without one.
//
// Sanitize comes first. It returns the bonds beside which the marks / and \ contradict each other; such double
// bonds lose their arrangement.
func (m *Mol) AssignStereo() (conflicts []int32) {
	s := stereo{m: m}
	s.prepare()
	if s.centres == nil && s.bonds == nil {
		m.clearSlashes()
		return nil
	}
	if len(s.centres)+len(s.bonds) > 0 {
		s.assign()
	}
	s.dropCentres()
	if s.ranks != nil {
		s.ranks.free()
	}
	m.clearSlashes()
	return s.conflicts
}

type stereo struct {
	m         *Mol
	centres   []int32 // marked tetrahedral atoms
	bonds     []int32 // double bonds beside which marks were seen
	ranks     *cipRanks
	conflicts []int32
}

// prepare resets what an earlier run derived and lists the marked elements.
func (s *stereo) prepare() {
	m := s.m
	for i := range m.Atoms {
		a := &m.Atoms[i]
		a.CIP = NoCIP
		if a.Chirality.Tetrahedral() {
			s.centres = append(s.centres, int32(i))
		}
	}
	slashes := slices.ContainsFunc(m.Bonds, func(b Bond) bool { return b.Dir.slash() || b.Dir == Wavy })
	for i := range m.Bonds {
		b := &m.Bonds[i]
		if b.Order != Double && (b.Order != Aromatic || b.Stereo == NoStereo) {
			continue
		}
		if !m.CanTwist(int32(i)) {
			b.Stereo = NoStereo
			if b.Dir == Crossed {
				b.Dir = NoDir
			}
			continue
		}
		if b.Dir == Crossed {
			b.Stereo, b.Dir = AnyStereo, NoDir
		}
		switch {
		case b.Stereo == AnyStereo:
			if m.Degree(b.Begin) == 1 || m.Degree(b.End) == 1 {
				b.Stereo = NoStereo
			}
		case b.Stereo > AnyStereo:
			m.markFromStereo(b)
			slashes = true
			b.Stereo = NoStereo
			s.bonds = append(s.bonds, int32(i))
		case slashes && m.marked(b.Begin, int32(i)) && m.marked(b.End, int32(i)):
			s.bonds = append(s.bonds, int32(i))
		}
	}
}

// CanTwist says whether a double bond is free to be trans: it lies in no ring below 8.
func (m *Mol) CanTwist(b int32) bool {
	size := m.rings.BondSmallest(b)
	return size == 0 || size >= smallestStereoRing
}

// markFromStereo keeps a bond's arrangement apart while it is judged again. See pinned.
func (m *Mol) markFromStereo(b *Bond) { b.Dir = pinned + Dir(b.Stereo) }

// pinned is added to a Stereo that a double bond brings along, and kept in its Dir during AssignStereo.
const pinned Dir = 100

// marked says whether a bond at an atom other than the double bond carries a mark.
func (m *Mol) marked(a, double int32) bool {
	for _, n := range m.Neighbors(a) {
		if n.Bond != double && m.Bonds[n.Bond].Dir.slash() {
			return true
		}
	}
	return false
}

// assign ranks atoms and labels elements, in rounds, since labels may tell others apart.
func (s *stereo) assign() {
	var legal []int32
	for _, i := range s.centres {
		if s.m.legalCentre(i) {
			legal = append(legal, i)
		}
	}
	bonds := s.bonds
	if len(legal)+len(bonds) == 0 && !slices.ContainsFunc(s.centres, func(i int32) bool { return s.m.rings.AtomCount(i) > 0 }) {
		return
	}
	// Marked atoms that are no legal centres may still be ring centres, which need complete ranks.
	complete := len(legal) < len(s.centres)
	enough := func(rank []int32) bool { return !complete && s.resolved(legal, bonds, rank) }
	s.ranks = newCIP(s.m, enough)
	for {
		before := len(legal) + len(bonds)
		legal = slices.DeleteFunc(legal, s.labelCentre)
		bonds = slices.DeleteFunc(bonds, s.labelBond)
		if left := len(legal) + len(bonds); left == 0 || left == before {
			break
		}
		s.ranks.rerank(enough)
	}
	for _, b := range bonds {
		s.m.Bonds[b].Dir = NoDir
	}
}

// resolved says whether the ranks tell the neighbours of all elements apart.
func (s *stereo) resolved(centres, bonds []int32, rank []int32) bool {
	for _, i := range centres {
		if s.tied(i, rank) {
			return false
		}
	}
	for _, i := range bonds {
		b := &s.m.Bonds[i]
		for _, a := range [2]int32{b.Begin, b.End} {
			if s.equalEnds(a, i, rank) {
				return false
			}
		}
	}
	return true
}

// equalEnds says whether the two substituents at one end of a double bond have equal ranks.
func (s *stereo) equalEnds(a, double int32, rank []int32) bool {
	first := int32(-1)
	for _, n := range s.m.Neighbors(a) {
		if n.Bond == double {
			continue
		}
		if first >= 0 && rank[n.Atom] == rank[first] {
			return true
		}
		first = n.Atom
	}
	return false
}

// tied says whether two neighbours of a centre have equal ranks.
func (s *stereo) tied(i int32, rank []int32) bool {
	near := s.m.Neighbors(i)
	for k, n := range near {
		if !s.m.countsAt(n, i) {
			continue
		}
		for _, o := range near[:k] {
			if rank[o.Atom] == rank[n.Atom] && s.m.countsAt(o, i) {
				return true
			}
		}
	}
	return false
}

// countsAt says whether a bond matters to the chirality of an atom.
func (m *Mol) countsAt(n Neighbor, a int32) bool {
	b := &m.Bonds[n.Bond]
	return b.Order != Any && (b.Order != Dative || b.Begin != a)
}

// legalCentre says whether an atom can be a tetrahedral stereo centre as far as its own bonds go.
func (m *Mol) legalCentre(i int32) bool {
	a := &m.Atoms[i]
	bonds := 0
	for _, n := range m.Neighbors(i) {
		if m.countsAt(n, i) {
			bonds++
		}
	}
	total := bonds + a.Hydrogens()
	switch {
	case total > 4 || total < 3:
		return false
	case bonds < 3 && a.Element != 15 && a.Element != 33:
		return false
	case bonds != 3:
		return true
	case a.Hydrogens() == 1:
		for _, n := range m.Neighbors(i) {
			if o := &m.Atoms[n.Atom]; o.Element == 1 && o.Isotope == 0 {
				return false
			}
		}
		return true
	}
	switch a.Element {
	case 7: // in a three-ring (as InChI) or at a bridgehead, and not planar
		return a.Hybrid == HybridSP3 && !m.hasConjugated(i) && (m.rings.AtomInSize(i, 3) || m.bridgehead(i))
	case 15, 33:
		return true
	case 16, 34:
		return a.BondedValence() == 4 || a.BondedValence() == 3 && a.Charge == 1
	}
	return false
}

// bridgehead says whether an atom has three ring bonds, and each of its rings shares two bonds or more with another
// ring through it.
func (m *Mol) bridgehead(i int32) bool {
	if m.Degree(i) < 3 {
		return false
	}
	count := 0
	for _, n := range m.Neighbors(i) {
		if m.rings.BondCount(n.Bond) > 0 {
			count++
		}
	}
	if count < 3 {
		return false
	}
	var through []int
	for r := range m.rings.Len() {
		if slices.Contains(m.rings.Atoms(r), i) {
			through = append(through, r)
		}
	}
	overlaps := make([]bool, len(through))
	for x, r := range through {
		for y := x + 1; y < len(through); y++ {
			shared := 0
			for _, b := range m.rings.Bonds(through[y]) {
				if slices.Contains(m.rings.Bonds(r), b) {
					shared++
				}
			}
			if shared >= 2 {
				overlaps[x], overlaps[y] = true, true
			}
		}
		if !overlaps[x] {
			return false
		}
	}
	return true
}

// labelCentre gives a centre its descriptor if all its neighbours differ.
func (s *stereo) labelCentre(i int32) bool {
	if s.tied(i, s.ranks.rank) {
		return false
	}
	a := &s.m.Atoms[i]
	odd := s.m.parity(i, s.ranks.rank)
	if s.m.Degree(i) == 3 && a.Hydrogens() == 1 {
		odd = !odd // the hydrogen ranks lowest: first here, and last in the order of neighbours
	}
	if (a.Chirality == Clockwise) != odd {
		a.CIP = R
	} else {
		a.CIP = S
	}
	return true
}

// parity says whether it takes an odd number of exchanges to bring the neighbours of an atom into the order of a
// ranking.
func (m *Mol) parity(i int32, rank []int32) bool {
	near := m.Neighbors(i)
	odd := false
	for k := range near {
		for _, o := range near[:k] {
			if rank[o.Atom] > rank[near[k].Atom] {
				odd = !odd
			}
		}
	}
	return odd
}

// labelBond gives a double bond its arrangement if its substituents differ. It reports whether the bond is done,
// with an arrangement or without.
func (s *stereo) labelBond(i int32) bool {
	m, rank := s.m, s.ranks.rank
	b := &m.Bonds[i]
	for _, a := range [2]int32{b.Begin, b.End} {
		if d := m.Degree(a); d != 2 && d != 3 {
			b.Dir = NoDir
			return true
		}
		if s.equalEnds(a, i, rank) {
			return false
		}
	}
	if b.Dir >= pinned {
		old := Stereo(b.Dir - pinned)
		b.Dir = NoDir
		begin, end := m.highest(b.Begin, i, rank), m.highest(b.End, i, rank)
		if (begin != b.RefBegin) != (end != b.RefEnd) {
			old = Cis + Trans - old
		}
		b.Stereo, b.RefBegin, b.RefEnd = old, begin, end
		return true
	}
	begin, up, okBegin := s.side(b.Begin, i)
	end, down, okEnd := s.side(b.End, i)
	if !okBegin || !okEnd {
		s.conflicts = append(s.conflicts, i)
		return true
	}
	b.RefBegin, b.RefEnd = begin, end
	b.Stereo = Trans
	if up == down {
		b.Stereo = Cis
	}
	if m.wavyBeside(b.Begin) || m.wavyBeside(b.End) {
		b.Stereo = AnyStereo
	}
	return true
}

func (m *Mol) wavyBeside(a int32) bool {
	if m.Atoms[a].Flags&UnknownStereo != 0 {
		return true
	}
	for _, n := range m.Neighbors(a) {
		if m.Bonds[n.Bond].Dir == Wavy {
			return true
		}
	}
	return false
}

// highest is the substituent of highest rank at one end of a double bond.
func (m *Mol) highest(a, double int32, rank []int32) int32 {
	best := int32(-1)
	for _, n := range m.Neighbors(a) {
		if n.Bond != double && (best < 0 || rank[n.Atom] > rank[best]) {
			best = n.Atom
		}
	}
	return best
}

// side finds the highest substituent at one end of a double bond and its mark, seen from that end. The mark of one
// substituent implies the opposite one of the other. It reports false where both have the same.
func (s *stereo) side(a, double int32) (ref int32, dir Dir, ok bool) {
	m := s.m
	ref = m.highest(a, double, s.ranks.rank)
	var own, other Dir
	for _, n := range m.Neighbors(a) {
		b := &m.Bonds[n.Bond]
		if n.Bond == double || !b.Dir.slash() {
			continue
		}
		d := b.Dir
		if b.Begin != a {
			d = d.flipped()
		}
		if n.Atom == ref {
			own = d
		} else {
			other = d
		}
	}
	switch {
	case own == NoDir:
		return ref, other.flipped(), true
	case other == own:
		return ref, NoDir, false
	}
	return ref, own, true
}

// dropCentres takes the mark off centres that are none. Ring atoms whose ring neighbours are equal may depend on
// each other; they stay where at least two of them are marked in one ring system.
func (s *stereo) dropCentres() {
	m := s.m
	var kept []bool
	for _, i := range s.centres {
		a := &m.Atoms[i]
		if a.CIP != NoCIP {
			continue
		}
		if kept == nil {
			kept = s.dependent()
		}
		if kept[i] {
			continue
		}
		a.Chirality = Achiral
		if a.ExplicitH == 1 && a.Charge == 0 && !a.Aromatic() {
			// The hydrogen was stated for the sake of the mark.
			a.ExplicitH = 0
			a.Flags &^= NoImplicit
			m.updateAtom(i)
		}
	}
}

// dependent finds the ring centres that stay without a descriptor: two or more candidates connected by ring bonds.
func (s *stereo) dependent() []bool {
	m := s.m
	kept := make([]bool, len(m.Atoms))
	candidate := func(i int32) bool {
		a := &m.Atoms[i]
		return a.Chirality != Achiral && a.CIP == NoCIP && m.rings.AtomCount(i) > 0 && s.ringCandidate(i)
	}
	atomSeen, atomUsed, bondSeen := make([]bool, len(m.Atoms)), make([]bool, len(m.Atoms)), make([]bool, len(m.Bonds))
	var queue []int32
	for i := range m.Atoms {
		if atomSeen[i] || !candidate(int32(i)) {
			continue
		}
		queue = queue[:0]
		push := func(a int32) {
			for _, n := range m.Neighbors(a) {
				if bondSeen[n.Bond] {
					continue
				}
				bondSeen[n.Bond] = true
				if m.rings.BondCount(n.Bond) > 0 && !atomSeen[n.Atom] && !atomUsed[n.Atom] {
					queue = append(queue, n.Atom)
					atomUsed[n.Atom] = true
				}
			}
		}
		push(int32(i))
		for k := 0; k < len(queue); k++ {
			o := queue[k]
			atomSeen[o] = true
			if o != int32(i) && candidate(o) {
				kept[o], kept[i] = true, true
			}
			push(o)
		}
		atomSeen[i] = true
	}
	return kept
}

// ringCandidate says whether a ring atom may be a centre although its ring neighbours are equal.
func (s *stereo) ringCandidate(i int32) bool {
	m := s.m
	if m.Atoms[i].Element == 7 && m.TotalDegree(i) == 3 && !m.rings.AtomInSize(i, 3) && !m.bridgehead(i) {
		return false
	}
	var outer, inner []int32
	for _, n := range m.Neighbors(i) {
		r := int32(0)
		if s.ranks != nil {
			r = s.ranks.rank[n.Atom]
		}
		if m.rings.BondCount(n.Bond) == 0 {
			outer = append(outer, r)
		} else {
			inner = append(inner, r)
		}
	}
	ring := len(inner)
	slices.Sort(inner)
	distinct := len(slices.Compact(inner))
	switch len(outer) {
	case 2:
		return outer[0] != outer[1] && ring != distinct
	case 1:
		return ring > distinct
	case 0:
		return ring == 4 && distinct == 3 || ring == 3 && distinct == 2
	}
	return false
}

// clearSlashes forgets the marks beside double bonds, which now have their arrangement, and wedges that mark no centre.
func (m *Mol) clearSlashes() {
	for i := range m.Bonds {
		b := &m.Bonds[i]
		if b.Dir.slash() || b.Dir >= pinned || (b.Dir == WedgeUp || b.Dir == WedgeDown) && m.Atoms[b.Begin].Chirality == Achiral {
			b.Dir = NoDir
		}
	}
}
