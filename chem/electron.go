package chem

// assignRadicals gives unpaired electrons to atoms whose hydrogens were stated and leave the shell open.
func (m *Mol) assignRadicals() {
	for i := range m.Atoms {
		a := &m.Atoms[i]
		if a.Flags&NoImplicit == 0 || a.Element == 0 {
			continue
		}
		list := elements[a.Element].Valences
		outer := int(elements[a.Element].Outer)
		charge := int(a.Charge)
		if len(list) == 1 && list[0] == -1 {
			// Of metals without a usual valence only lone atoms are judged, by the parity of their electrons.
			a.Radicals = 0
			if m.Degree(int32(i)) == 0 {
				a.Radicals = uint8(max(outer-charge, 0) % 2)
			}
			continue
		}
		twice := 2 * int(a.ExplicitH)
		for _, n := range m.Neighbors(int32(i)) {
			twice += m.Bonds[n.Bond].Twice(int32(i))
		}
		total := twice / 2
		shell := 8
		if a.Element <= 2 {
			shell = 2
		}
		open := shell - outer - total + charge
		if open < 0 {
			open = 0
			if len(list) > 1 {
				for _, v := range list {
					if d := int(v) - total + charge; d >= 0 {
						open = d
						break
					}
				}
			}
		}
		if early := outer - total - charge; early >= 0 {
			open = min(open, early)
		}
		a.Radicals = uint8(min(open, 255))
	}
}

// assignConjugation marks bonds whose π electrons can spread: aromatic ones, and single bonds beside multiple ones
// where the atom on the far side has electrons to share.
func (m *Mol) assignConjugation() {
	substituents := make([]int8, len(m.Atoms)) // -1 = no candidate
	any := false
	for i := range m.Bonds {
		b := &m.Bonds[i]
		b.Flags &^= Conjugated
		if b.Aromatic() {
			b.Flags |= Conjugated
		}
		any = any || b.Order != Single
	}
	if !any {
		return
	}
	for i := range m.Atoms {
		substituents[i] = -1
		if m.mayConjugate(int32(i)) {
			substituents[i] = int8(min(m.TotalDegree(int32(i)), 127))
		}
	}
	for i := range m.Atoms {
		if substituents[i] < 2 || substituents[i] > 3 {
			continue
		}
		for _, n := range m.Neighbors(int32(i)) {
			b := &m.Bonds[n.Bond]
			if b.Twice(int32(i)) < 3 || substituents[n.Atom] < 0 {
				continue
			}
			for _, o := range m.Neighbors(int32(i)) {
				if s := substituents[o.Atom]; o.Bond != n.Bond && s >= 0 && s <= 3 {
					b.Flags |= Conjugated
					m.Bonds[o.Bond].Flags |= Conjugated
				}
			}
		}
	}
}

func (m *Mol) mayConjugate(i int32) bool {
	a := &m.Atoms[i]
	e := &elements[a.Element]
	if least := int(e.Valences[0]); a.Charge == 0 && least >= 0 && a.TotalValence() > least {
		return false
	}
	if a.Element > 10 && (e.Outer == 5 || e.Outer == 6 && m.TotalDegree(i) >= 2) {
		return false // P and S beyond the first row do not conjugate as substituents
	}
	return m.piElectrons(i) > 0
}

// assignHybrids derives hybridisation from neighbours, lone pairs and conjugation.
func (m *Mol) assignHybrids() {
	for i := range m.Atoms {
		a := &m.Atoms[i]
		a.Hybrid = m.hybrid(int32(i), a)
	}
}

func (m *Mol) hybrid(i int32, a *Atom) Hybrid {
	if a.Element == 0 {
		return HybridUnknown
	}
	degree := m.TotalDegree(i)
	switch a.Chirality {
	case Counterclockwise, Clockwise:
		if degree == 4 {
			return HybridSP3
		}
	case SquarePlanar:
		if degree >= 2 && degree <= 4 {
			return HybridSP2D
		}
	case TrigonalBipyramidal:
		if degree >= 2 && degree <= 5 {
			return HybridSP3D
		}
	case Octahedral:
		if degree >= 2 && degree <= 6 {
			return HybridSP3D2
		}
	}
	orbitals := degree
	if a.Element < 89 {
		orbitals = m.bondsAndPairs(i, a)
	}
	switch orbitals {
	case 0, 1:
		return HybridS
	case 2:
		return HybridSP
	case 3:
		return HybridSP2
	case 4:
		if degree <= 3 && m.hasConjugated(i) {
			return HybridSP2 // the second oxygen of an acid
		}
		return HybridSP3
	case 5:
		return HybridSP3D
	case 6:
		return HybridSP3D2
	}
	return HybridUnknown
}

func (m *Mol) hasConjugated(i int32) bool {
	for _, n := range m.Neighbors(i) {
		if m.Bonds[n.Bond].Flags&Conjugated != 0 {
			return true
		}
	}
	return false
}

// bondsAndPairs counts the neighbours, lone pairs and unpaired electrons around an atom.
func (m *Mol) bondsAndPairs(i int32, a *Atom) int {
	degree := m.TotalDegree(i)
	for _, n := range m.Neighbors(i) {
		if b := &m.Bonds[n.Bond]; b.Order == Dative && b.Begin == i {
			degree--
		}
	}
	if a.Element <= 1 {
		return degree
	}
	outer, total, charge := int(elements[a.Element].Outer), a.TotalValence(), int(a.Charge)
	free := outer - (total + charge)
	if total+outer-charge < 8 {
		return degree + (free-int(a.Radicals))/2 + int(a.Radicals)
	}
	return degree + free/2
}
