package chem

import "slices"

// RemoveHs takes hydrogens that are plain substituents out of the graph and counts them at their neighbours. Kept
// are hydrogens with an isotope, a charge of -1, an atom map, no neighbour or more than one, and those beside other
// hydrogens only, atoms of any kind, centres that are not tetrahedral, or beside a double bond whose arrangement
// they alone define. It works on molecules that are not sanitized yet; Sanitize comes after it. It returns marks on
// the atoms that left, by their old indices, or nil if none did.
func (m *Mol) RemoveHs() (gone []bool) {
	for i := range m.Atoms {
		if m.Atoms[i].Element == 1 && m.removable(int32(i)) {
			if gone == nil {
				gone = make([]bool, len(m.Atoms))
			}
			gone[i] = true
		}
	}
	if gone == nil {
		return nil
	}
	for i := len(gone) - 1; i >= 0; i-- {
		if gone[i] {
			m.absorb(int32(i), gone)
		}
	}
	m.compact(gone)
	for i := range m.Atoms {
		a := &m.Atoms[i]
		if a.Flags&NoImplicit == 0 && a.Chirality != Achiral && a.ExplicitH > 1 {
			a.ExplicitH = 0
		}
	}
	return gone
}

func (m *Mol) removable(i int32) bool {
	a := &m.Atoms[i]
	if m.Degree(i) != 1 || a.Isotope != 0 || a.Map != 0 || a.Charge == -1 {
		return false
	}
	n := m.Neighbors(i)[0]
	o := &m.Atoms[n.Atom]
	bond := &m.Bonds[n.Bond]
	if o.Element <= 1 || o.Chirality > Clockwise {
		return false
	}
	if m.Degree(n.Atom) == 2 {
		for _, k := range m.Neighbors(n.Atom) {
			if b := &m.Bonds[k.Bond]; b.Order == Double && (b.Stereo > AnyStereo || bond.Dir != NoDir) {
				return false
			}
		}
	}
	return true
}

// absorb counts hydrogen h at its neighbour, and moves what was said by its bond. gone tells which atoms leave;
// of those with higher indices it has been done already.
func (m *Mol) absorb(h int32, gone []bool) {
	n := m.Neighbors(h)[0]
	heavy := &m.Atoms[n.Atom]
	if heavy.ExplicitH < 255 {
		heavy.ExplicitH++
	}
	bond := &m.Bonds[n.Bond]
	stays := func(k Neighbor) bool { return !gone[k.Atom] || k.Atom < h }
	if heavy.Chirality.Tetrahedral() {
		// The hydrogen moves from its place to the last one: one exchange for each neighbour behind it.
		behind := 0
		for _, k := range m.Neighbors(n.Atom) {
			if k.Bond > n.Bond && stays(k) {
				behind++
			}
		}
		if behind%2 == 1 {
			heavy.Chirality = heavy.Chirality.inverted()
		}
	}
	if bond.Dir == Wavy && bond.Begin == n.Atom {
		heavy.Flags |= UnknownStereo
	}
	if bond.Dir.slash() {
		m.moveDir(n, bond, func(k Neighbor) bool { return k.Atom != h && stays(k) })
	}
	for _, k := range m.Neighbors(n.Atom) {
		b := &m.Bonds[k.Bond]
		if b.Stereo <= AnyStereo || b.RefBegin != h && b.RefEnd != h {
			continue
		}
		for _, o := range m.Neighbors(n.Atom) {
			if o.Atom == h || o.Bond == k.Bond || !stays(o) {
				continue
			}
			if b.RefBegin == h {
				b.RefBegin = o.Atom
			} else {
				b.RefEnd = o.Atom
			}
			b.Stereo = Cis + Trans - b.Stereo
		}
	}
}

// moveDir gives the mark of a bond that leaves to another single bond of the atom, if none has one.
func (m *Mol) moveDir(n Neighbor, bond *Bond, stays func(Neighbor) bool) {
	var other *Bond
	for _, k := range m.Neighbors(n.Atom) {
		b := &m.Bonds[k.Bond]
		if k.Bond == n.Bond || b.Order != Single || !stays(k) {
			continue
		}
		if b.Dir != NoDir {
			return
		}
		other = b
	}
	if other == nil {
		return
	}
	// Two substituents of one atom point to opposite sides, as seen from the atom.
	seen := bond.Dir
	if bond.Begin != n.Atom {
		seen = seen.flipped()
	}
	seen = seen.flipped()
	if other.Begin != n.Atom {
		seen = seen.flipped()
	}
	other.Dir = seen
}

// compact removes atoms and their bonds.
func (m *Mol) compact(gone []bool) {
	to := make([]int32, len(m.Atoms))
	k := int32(0)
	for i := range m.Atoms {
		to[i] = k
		if !gone[i] {
			m.Atoms[k] = m.Atoms[i]
			if m.Coords != nil {
				m.Coords[k] = m.Coords[i]
			}
			k++
		}
	}
	m.Atoms = m.Atoms[:k]
	if m.Coords != nil {
		m.Coords = m.Coords[:k]
	}
	m.Bonds = slices.DeleteFunc(m.Bonds, func(b Bond) bool { return gone[b.Begin] || gone[b.End] })
	for i := range m.Bonds {
		b := &m.Bonds[i]
		b.Begin, b.End = to[b.Begin], to[b.End]
		if b.Stereo > AnyStereo {
			b.RefBegin, b.RefEnd = to[b.RefBegin], to[b.RefEnd]
		}
	}
	m.Connect()
}

// AddHs returns a copy in which every hydrogen is an atom of its own, bonded after all other bonds. The copy is
// sanitized if the molecule was, and has no coordinates.
func (m *Mol) AddHs() *Mol {
	c := m.Clone()
	c.Coords = nil
	rings := c.rings
	for i := range m.Atoms {
		a := &c.Atoms[i]
		for range a.Hydrogens() {
			h := c.AddAtom(Atom{Element: 1, Flags: NoImplicit, Hybrid: HybridS})
			a = &c.Atoms[i] // the slice may have moved
			c.Atoms[h].bonded = 1
			c.AddBond(Bond{Begin: int32(i), End: h, Order: Single})
		}
		a.ExplicitH, a.ImplicitH = 0, 0
		a.Flags |= NoImplicit
	}
	c.Connect()
	for i := range m.Atoms {
		c.countBonds(int32(i))
	}
	if rings.Len() > 0 {
		rings.atomCount = append(slices.Clone(rings.atomCount), make([]uint16, len(c.Atoms)-len(m.Atoms))...)
		rings.bondCount = append(slices.Clone(rings.bondCount), make([]uint16, len(c.Bonds)-len(m.Bonds))...)
		rings.bondSmallest = append(slices.Clone(rings.bondSmallest), make([]int32, len(c.Bonds)-len(m.Bonds))...)
		c.rings = rings
	}
	c.sanitized = m.sanitized
	return c
}
