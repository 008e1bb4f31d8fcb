package scaffold

import "galen.dev/chem"

// Murcko is the framework of a sanitized molecule: its rings, the chains between them, and atoms that are bonded to
// either by a double bond. A molecule without rings has an empty framework. Aromatic heteroatoms that lose a
// substituent get a hydrogen; centres that do are no centres any more.
//
// The error is fault.Data: a ring that is aromatic only with its substituents does not stand alone.
func Murcko(m *chem.Mol) (*chem.Mol, error) {
	keep := framework(m)
	e := edit(m)
	for i := range m.Atoms {
		if !keep[i] && e.leaves(int32(i), keep) {
			e.gone[i] = true
		}
	}
	return e.finish()
}

// framework marks ring atoms and the atoms on the ways between rings: those by which each part of the molecule is
// reached from its first ring in the fewest steps. Outside rings there is one way only, unless dative bonds close
// loops that are no rings.
func framework(m *chem.Mol) []bool {
	rings, n := m.Rings(), len(m.Atoms)
	keep, walked, from := make([]bool, n), make([]bool, n), make([]int32, n)
	for i := range keep {
		keep[i] = rings.AtomCount(int32(i)) > 0
		from[i] = -1
	}
	var queue []int32
	for r := range rings.Len() {
		first := rings.Atoms(r)[0]
		if from[first] < 0 {
			from[first] = first
			queue = append(queue[:0], first)
			for k := 0; k < len(queue); k++ {
				for _, nb := range m.Neighbors(queue[k]) {
					if from[nb.Atom] < 0 {
						from[nb.Atom] = queue[k]
						queue = append(queue, nb.Atom)
					}
				}
			}
		}
		for a := first; !walked[a]; a = from[a] {
			keep[a], walked[a] = true, true
		}
	}
	return keep
}

// leaves decides whether an atom outside the framework goes, and mends its neighbours within.
func (e *editor) leaves(i int32, keep []bool) bool {
	for _, n := range e.old.Neighbors(i) {
		if !keep[n.Atom] {
			continue
		}
		if e.old.Bonds[n.Bond].Order == chem.Double {
			return false
		}
		a := &e.atoms[n.Atom]
		switch {
		case a.Aromatic() && (a.Element != 6 || a.Charge == 1):
			a.ExplicitH = 1
		case a.Flags&chem.NoImplicit != 0 || a.Chirality != chem.Achiral:
			a.Flags &^= chem.NoImplicit
			a.ExplicitH, a.Chirality, a.Order = 0, chem.Achiral, 0
		}
	}
	return true
}

// Generic turns every atom into carbon and every bond into a single one. The error is fault.Data: an atom may have
// more bonds than carbon takes.
func Generic(m *chem.Mol) (*chem.Mol, error) {
	g := &chem.Mol{Name: m.Name}
	for i := range m.Atoms {
		if m.Atoms[i].Element == 1 {
			g.AddAtom(chem.Atom{Element: 1, Map: m.Atoms[i].Map})
		} else {
			g.AddAtom(chem.Atom{Element: 6, Map: m.Atoms[i].Map})
		}
	}
	for i := range m.Bonds {
		g.AddBond(chem.Bond{Begin: m.Bonds[i].Begin, End: m.Bonds[i].End, Order: chem.Single})
	}
	g.Connect()
	g.RemoveHs()
	if err := g.Sanitize(); err != nil {
		return nil, err
	}
	return g, nil
}
