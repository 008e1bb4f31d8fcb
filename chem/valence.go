package chem

import (
	"fmt"

	"galen.dev/fault"
)

// effective is the element with whose valences a charged atom is measured: the one with as many electrons.
// Elements that take any number of bonds stay themselves.
func effective(a *Atom) int {
	v := elements[a.Element].Valences
	if len(v) == 1 && v[0] == -1 {
		return int(a.Element)
	}
	return min(max(int(a.Element)-int(a.Charge), 0), MaxElement)
}

// hypervalentAnion says whether anions of P, S, As, Se keep the valences of their element, although the element
// with as many electrons allows none above 1 or 0: PF6 minus is the example.
func hypervalentAnion(a *Atom, eff int) bool {
	return eff > 16 && (a.Element == 15 || a.Element == 16) || eff > 34 && (a.Element == 33 || a.Element == 34)
}

// inAromatic says whether an atom is aromatic itself or has an aromatic bond.
func (m *Mol) inAromatic(a int32) bool {
	if m.Atoms[a].Aromatic() {
		return true
	}
	for _, n := range m.Neighbors(a) {
		if b := &m.Bonds[n.Bond]; b.Order == Aromatic || b.Aromatic() {
			return true
		}
	}
	return false
}

// countBonds sets the atom's bonded valence. It reports false where no valence of the element allows so much.
func (m *Mol) countBonds(i int32) bool {
	a := &m.Atoms[i]
	twice := 2 * int(a.ExplicitH)
	aromatic := a.Aromatic()
	for _, n := range m.Neighbors(i) {
		b := &m.Bonds[n.Bond]
		twice += b.Twice(i)
		aromatic = aromatic || b.Order == Aromatic || b.Aromatic()
	}
	eff := effective(a)
	own, list := elements[a.Element].Valences, elements[eff].Valences
	if usual := int(list[0]); aromatic && usual >= 0 && twice > 2*usual {
		// Bonds of one and a half overcount: the nitrogen of n-methylpyrrole sums to 4 and has 3. Up to 1.5 is
		// taken off, down to the next valence that is allowed.
		below := usual
		for _, v := range list {
			if v == -1 || 2*int(v) > twice {
				break
			}
			below = int(v)
		}
		if twice-2*below <= 3 {
			twice = 2 * below
		}
	}
	sum := (twice + 1) / 2
	a.bonded = int8(min(sum, 127))
	most, offset := int(list[len(list)-1]), 0
	if hypervalentAnion(a, eff) {
		most, offset = int(own[len(own)-1]), -int(a.Charge)
	}
	if a.Element == 1 && a.Charge == -1 {
		most = 2 // two-coordinate hydride is accepted by custom
	}
	return most < 0 || own[len(own)-1] < 0 || sum+offset <= most
}

// implicit returns the hydrogens that the atom's valence asks for; countBonds comes first. It reports false
// where the atom fits no valence.
func (m *Mol) implicit(i int32) (h int, ok bool) {
	a := &m.Atoms[i]
	if a.Flags&NoImplicit != 0 || a.Element == 0 {
		return 0, true
	}
	if a.bonded == 0 && a.Radicals == 0 && a.Element == 1 {
		switch a.Charge {
		case 0:
			return 1, true
		case 1, -1:
			return 0, true
		}
		return 0, false
	}
	used := int(a.bonded) + int(a.Radicals)
	eff := effective(a)
	usual := valence(eff)
	if eff == 0 || usual == -1 {
		return 0, true
	}
	if hypervalentAnion(a, eff) {
		eff = int(a.Element)
		used -= int(a.Charge)
	}
	own, list := elements[a.Element].Valences, elements[eff].Valences
	if m.inAromatic(i) {
		if used <= usual {
			return usual - used, true
		}
		for _, v := range list {
			if v > 0 && used == int(v) {
				return 0, true
			}
		}
		return 0, false
	}
	for _, v := range list {
		if v < 0 {
			break
		}
		if used <= int(v) {
			return int(v) - used, true
		}
	}
	return 0, list[len(list)-1] == -1 || own[len(own)-1] <= 0
}

// updateAtom counts bonds and hydrogens of an atom without judging them.
func (m *Mol) updateAtom(i int32) {
	m.countBonds(i)
	h, _ := m.implicit(i)
	m.Atoms[i].ImplicitH = uint8(min(h, 255))
}

// checkValences counts bonds and hydrogens of all atoms and returns a finding for each that has too many bonds.
func (m *Mol) checkValences() []fault.Finding {
	var found []fault.Finding
	for i := range m.Atoms {
		a := &m.Atoms[i]
		fits := m.countBonds(int32(i))
		h, ok := m.implicit(int32(i))
		a.ImplicitH = uint8(min(h, 255))
		if fits && ok {
			continue
		}
		if len(found) == maxFindings {
			break
		}
		msg := fmt.Sprintf("atom %d (%s) has a valence of %d, more than its charge of %+d permits", i+1, elements[a.Element].Symbol, a.bonded, a.Charge)
		if fits && a.Element == 1 {
			msg = fmt.Sprintf("atom %d (H) has the charge %+d", i+1, a.Charge)
		}
		found = append(found, fault.Finding{Name: "valence", Severity: fault.Severe, Message: msg, Hint: "check its bonds, and whether a charge is missing"})
	}
	return found
}

// maxFindings bounds the findings on one molecule.
const maxFindings = 20
