package standard

import (
	"slices"

	"galen.dev/chem"
)

// The metals whose bonds to N, O and F are cut, and those whose bonds to other non-metals are cut too.
var (
	ionicMetals = elementSet("Li Na K Rb Cs Fr Be Mg Ca Sr Ba Ra Sc Ti V Cr Mn Fe Co Ni Cu Zn Al Ga Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi")
	otherMetals = elementSet("Al Sc Ti V Cr Mn Fe Co Ni Cu Zn Y Zr Nb Mo Tc Ru Rh Pd Ag Cd Hf Ta W Re Os Ir Pt Au")
	nonMetals   = elementSet("B C Si P As Sb S Se Te Cl Br I At")
)

// cutLigand is an atom that lost bonds to metals.
type cutLigand struct {
	atom   int32
	orders int
	metals []int32
}

// disconnectMetals cuts covalent bonds between metals and non-metals and gives the electrons to the non-metal.
func (w *work) disconnectMetals() error {
	m := w.m
	var ligands []cutLigand
	excess := map[int32]int{}
	gone := make([]bool, len(m.Bonds))
	for i := range m.Bonds {
		b := &m.Bonds[i]
		metal, other := b.Begin, b.End
		if !cuts(&m.Atoms[metal], &m.Atoms[other]) {
			metal, other = other, metal
		}
		if !cuts(&m.Atoms[metal], &m.Atoms[other]) {
			continue
		}
		gone[i] = true
		order := 0
		switch b.Order {
		case chem.Single:
			order = 1
		case chem.Double:
			order = 2
		case chem.Triple:
			order = 3
		case chem.Quadruple:
			order = 4
		}
		at := slices.IndexFunc(ligands, func(l cutLigand) bool { return l.atom == other })
		if at < 0 {
			at = len(ligands)
			ligands = append(ligands, cutLigand{atom: other})
		}
		ligands[at].orders += order
		ligands[at].metals = append(ligands[at].metals, metal)
		excess[metal] = 0
		w.note("metal", "bond to "+chem.ElementOf(m.Atoms[metal].Element).Symbol, metal, other)
	}
	if ligands == nil {
		return nil
	}
	w.cut(gone, ligands, excess)
	return w.settle()
}

// cuts says whether the bond between a metal and another atom is cut.
func cuts(metal, other *chem.Atom) bool {
	z := other.Element
	ionic := z == 7 || z == 8 || z == 9 && !other.Aromatic()
	return ionicMetals[metal.Element] && ionic || otherMetals[metal.Element] && nonMetals[z] && !other.Aromatic()
}

// cut removes the bonds and shares out the charges.
func (w *work) cut(gone []bool, ligands []cutLigand, excess map[int32]int) {
	m := w.m
	valence, hydrogens := make([]int, len(ligands)), make([]int, len(ligands))
	slices.SortFunc(ligands, func(a, b cutLigand) int { return int(a.atom - b.atom) })
	for k, l := range ligands {
		valence[k], hydrogens[k] = m.Atoms[l.atom].TotalValence(), m.Atoms[l.atom].Hydrogens()
	}
	kept := m.Bonds[:0]
	for i := range m.Bonds {
		if !gone[i] {
			kept = append(kept, m.Bonds[i])
		}
	}
	m.Bonds = kept
	m.Connect()
	for k := range ligands {
		l := &ligands[k]
		a := &m.Atoms[l.atom]
		a.Chirality = chem.Achiral
		charge, owed := ligandCharge(a, l.orders, valence[k], m.Degree(l.atom)+hydrogens[k])
		a.Charge = int8(charge)
		slices.Sort(l.metals)
		l.metals = slices.Compact(l.metals)
		slices.SortStableFunc(l.metals, func(x, y int32) int { return excess[x] - excess[y] })
		for owed < 0 {
			for _, metal := range l.metals {
				if owed >= 0 {
					break
				}
				owed++
				excess[metal]++
			}
		}
	}
	for i := range m.Atoms {
		if more, ok := excess[int32(i)]; ok {
			metalCharge(&m.Atoms[i], more)
		}
	}
}

// ligandCharge is the charge of a non-metal after bonds of the given orders were cut, and what of it the metals owe.
func ligandCharge(a *chem.Atom, orders, valence, degree int) (charge, owed int) {
	charge = -orders
	after, lone := 0, 0
	list := chem.ElementOf(a.Element).Valences
	if list[0] != -1 {
		for k, v := range list {
			after = valence + int(a.Radicals) - orders
			if after > int(v) {
				if k+1 < len(list) {
					continue
				}
				after = int(v)
				break
			}
			charge = after - int(v)
			if a.Radicals%2 == 1 && charge < 0 {
				charge++
				lone++
			}
			break
		}
	}
	if charge == -1 && after == degree+1 {
		charge = 0 // a carbene
	}
	owed = charge
	if orders == 0 || charge == -1 && a.Element == 6 && after == degree+2 {
		owed = 0 // a ligand that gave both electrons, or an isonitrile or carbonyl
	}
	return charge, owed + lone
}

// metalCharge gives a metal the charge that its ligands took, as far as its valences go.
func metalCharge(a *chem.Atom, more int) {
	list := chem.ElementOf(a.Element).Valences
	now := int(a.Charge)
	if most := int(slices.Max(list)); most != -1 && now >= most {
		return
	}
	charge := more + max(now, 0)
	if list[0] != -1 {
		for k, v := range list {
			if v == -1 {
				continue
			}
			if charge > int(v) {
				if k+1 < len(list) {
					continue
				}
				charge = int(v)
				break
			}
		}
	}
	if charge > now {
		a.Charge = int8(charge)
	}
	a.Radicals, a.ExplicitH = 0, 0
	a.Flags &^= chem.NoImplicit
}

func elementSet(symbols string) (set [chem.MaxElement + 1]bool) {
	for len(symbols) > 0 {
		n := 0
		for n < len(symbols) && symbols[n] != ' ' {
			n++
		}
		z, ok := chem.ElementByName(symbols[:n])
		if !ok {
			panic("no element " + symbols[:n])
		}
		set[z] = true
		symbols = symbols[min(n+1, len(symbols)):]
	}
	return set
}
