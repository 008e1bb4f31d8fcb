package chem

import (
	"fmt"

	"galen.dev/fault"
)

// Sanitize derives what the graph implies, in this order: charges of groups drawn with too many bonds, valences and
// implicit hydrogens, rings, a Kekulé structure, radicals, aromaticity, conjugation, hybridisation, and the end of
// marks for chirality on atoms that are not tetrahedral. It lays out the adjacency first if that was not done.
//
// A molecule that breaks the valence rules, or whose aromatic atoms have no Kekulé structure, is refused with a
// finding for each atom; the molecule is then in no defined state.
func (m *Mol) Sanitize() error {
	if len(m.start) != len(m.Atoms)+1 {
		m.Connect()
	}
	m.cleanUp()
	m.cleanMetals()
	if found := m.checkValences(); found != nil {
		return fault.Refuse("molecule", found)
	}
	adjust := m.aromaticAtoms(nil)
	m.findRings()
	if found := m.kekulize(); found != nil {
		return fault.Refuse("molecule", found)
	}
	m.assignRadicals()
	m.perceiveAromaticity()
	adjust = m.aromaticAtoms(adjust)
	m.assignConjugation()
	m.assignHybrids()
	m.dropFlatChirality()
	if found := m.adjustHydrogens(adjust); found != nil {
		return fault.Refuse("molecule", found)
	}
	m.sanitized = true
	return nil
}

// aromaticAtoms marks atoms that are aromatic or have an aromatic bond; nil stands for no marks.
func (m *Mol) aromaticAtoms(marks []bool) []bool {
	set := func(a int32) {
		if marks == nil {
			marks = make([]bool, len(m.Atoms))
		}
		marks[a] = true
	}
	for i := range m.Atoms {
		if m.Atoms[i].Aromatic() {
			set(int32(i))
		}
	}
	for i := range m.Bonds {
		if b := &m.Bonds[i]; b.Aromatic() {
			set(b.Begin)
			set(b.End)
		}
	}
	return marks
}

// adjustHydrogens states the hydrogens that an aromatic atom would lose if its hydrogens were derived again from
// the aromatic form: the H of pyrrole's nitrogen. Only atoms that are or were aromatic can change.
func (m *Mol) adjustHydrogens(adjust []bool) []fault.Finding {
	var found []fault.Finding
	for i, touched := range adjust {
		if !touched {
			continue
		}
		a := &m.Atoms[i]
		before := int(a.ImplicitH)
		m.countBonds(int32(i))
		now, _ := m.implicit(int32(i))
		if now < before {
			a.ExplicitH += uint8(before - now)
		}
		fits := m.countBonds(int32(i))
		h, ok := m.implicit(int32(i))
		a.ImplicitH = uint8(h)
		if (!fits || !ok) && len(found) < maxFindings {
			found = append(found, fault.Finding{
				Name: "valence", Severity: fault.Severe,
				Message: fmt.Sprintf("atom %d (%s) fits no valence in its aromatic ring", i+1, elements[a.Element].Symbol),
				Hint:    "check the charge and the hydrogens of the ring",
			})
		}
	}
	return found
}

// dropFlatChirality takes chirality off atoms whose shape cannot have it.
func (m *Mol) dropFlatChirality() {
	for i := range m.Atoms {
		a := &m.Atoms[i]
		most := 0
		switch a.Chirality {
		case Counterclockwise, Clockwise:
			if a.Hybrid != HybridSP3 {
				a.Chirality = Achiral
			}
			continue
		case SquarePlanar:
			most = 4
		case TrigonalBipyramidal:
			most = 5
		case Octahedral:
			most = 6
		default:
			continue
		}
		if d := m.TotalDegree(int32(i)); d < 2 || d > most {
			a.Chirality, a.Order = Achiral, 0
		}
	}
}
