package chem

// RecountHydrogens derives the implicit hydrogens of an atom anew, after its charge, its bonds' orders or its stated
// hydrogens were changed. A valence that does not exist is no error here; Sanitize finds it.
func (m *Mol) RecountHydrogens(a int32) { m.updateAtom(a) }

// Keep removes the atoms that are not marked, and their bonds; keep has a place for each atom. Centres that lose a
// neighbour lose their arrangement. Sanitize comes after it.
func (m *Mol) Keep(keep []bool) {
	gone := make([]bool, len(m.Atoms))
	for i, k := range keep {
		gone[i] = !k
	}
	for i := range m.Bonds {
		b := &m.Bonds[i]
		if gone[b.Begin] == gone[b.End] {
			continue
		}
		m.Atoms[b.Begin].flatten()
		m.Atoms[b.End].flatten()
	}
	for i := range m.Bonds {
		if b := &m.Bonds[i]; b.Stereo > AnyStereo && (gone[b.RefBegin] || gone[b.RefEnd]) {
			b.Stereo = NoStereo
		}
	}
	m.compact(gone)
}

// flatten forgets an arrangement, and that a hydrogen was stated for its sake.
func (a *Atom) flatten() {
	if a.Chirality == Achiral {
		return
	}
	a.Chirality, a.Order = Achiral, 0
	if a.ExplicitH == 1 && a.Charge == 0 && !a.Aromatic() {
		a.ExplicitH = 0
		a.Flags &^= NoImplicit
	}
}
