package descriptor

import "galen.dev/chem"

// neutral atoms, charges and hydrogens in the rules below count as in SMARTS: H is the number of hydrogens, atoms or
// not; v the sum of bond orders; X the number of neighbours with hydrogens; D without those that are no atoms.

// hydrogens counts the hydrogens of an atom, those that are atoms too.
func hydrogens(m *chem.Mol, i int32) int {
	h := m.Atoms[i].Hydrogens()
	for _, n := range m.Neighbors(i) {
		if m.Atoms[n.Atom].Element == 1 {
			h++
		}
	}
	return h
}

// Donors counts hydrogen-bond donors: N, O and S that bear hydrogen and are not charged, and protonated amines.
// The pattern is [N&!H0&v3,N&!H0&+1&v4,O&H1&+0,S&H1&+0,n&H1&+0], after A. Gobbi, D. Poppinger, Biotechnol. Bioeng.
// 61 (1998) 47.
func Donors(m *chem.Mol) int {
	n := 0
	for i := range m.Atoms {
		a := &m.Atoms[i]
		switch a.Element {
		case 7:
			h := hydrogens(m, int32(i))
			switch {
			case a.Aromatic():
				if h == 1 && a.Charge == 0 {
					n++
				}
			case h > 0 && (a.TotalValence() == 3 || a.Charge == 1 && a.TotalValence() == 4):
				n++
			}
		case 8, 16:
			if !a.Aromatic() && a.Charge == 0 && hydrogens(m, int32(i)) == 1 {
				n++
			}
		}
	}
	return n
}

// Acceptors counts hydrogen-bond acceptors: O and S with two bonds or a negative charge, except the hydroxyl group
// of acids; N with three bonds that is no amide's or the like; aromatic n without hydrogen, o and s. After A. Gobbi,
// D. Poppinger, Biotechnol. Bioeng. 61 (1998) 47; fluorine does not count.
func Acceptors(m *chem.Mol) int {
	n := 0
	for i := range m.Atoms {
		switch m.Atoms[i].Element {
		case 7, 8, 16:
			if acceptor(m, int32(i)) {
				n++
			}
		}
	}
	return n
}

func acceptor(m *chem.Mol, i int32) bool {
	a := &m.Atoms[i]
	if a.Aromatic() {
		return a.Charge == 0 && (a.Element != 7 || m.TotalDegree(i) == 2 && hydrogens(m, i) == 0)
	}
	if a.Element == 7 {
		return a.TotalValence() == 3 && !besideOxo(m, i, true)
	}
	if a.Charge == -1 {
		return true
	}
	if a.TotalValence() != 2 {
		return false
	}
	switch hydrogens(m, i) {
	case 0:
		return true
	case 1:
		for _, n := range m.Neighbors(i) {
			if m.Bonds[n.Bond].Order == chem.Single && !oxo(m, n.Atom, i, false) {
				return true
			}
		}
	}
	return false
}

// besideOxo says whether an atom has a neighbour by a single bond that is doubly bound to O, N, P or S.
func besideOxo(m *chem.Mol, i int32, chain bool) bool {
	for _, n := range m.Neighbors(i) {
		if m.Bonds[n.Bond].Order == chem.Single && oxo(m, n.Atom, i, chain) {
			return true
		}
	}
	return false
}

// oxo says whether an atom is doubly bound to aliphatic O, N, P or S other than the atom except; by a bond outside
// rings if chain.
func oxo(m *chem.Mol, i, except int32, chain bool) bool {
	for _, n := range m.Neighbors(i) {
		o := &m.Atoms[n.Atom]
		if n.Atom == except || m.Bonds[n.Bond].Order != chem.Double || o.Aromatic() || chain && m.Rings().BondCount(n.Bond) > 0 {
			continue
		}
		switch o.Element {
		case 7, 8, 15, 16:
			return true
		}
	}
	return false
}

// LipinskiDonors counts the hydrogens on nitrogen and oxygen, the donors of the rule of five (C. A. Lipinski et al.,
// Adv. Drug Deliv. Rev. 23 (1997) 3).
func LipinskiDonors(m *chem.Mol) int {
	n := 0
	for i := range m.Atoms {
		if z := m.Atoms[i].Element; z == 7 || z == 8 {
			n += hydrogens(m, int32(i))
		}
	}
	return n
}

// LipinskiAcceptors counts the nitrogens and oxygens, the acceptors of the rule of five.
func LipinskiAcceptors(m *chem.Mol) int {
	n := 0
	for i := range m.Atoms {
		if z := m.Atoms[i].Element; z == 7 || z == 8 {
			n++
		}
	}
	return n
}

// Heteroatoms counts the atoms other than carbon and hydrogen.
func Heteroatoms(m *chem.Mol) int {
	n := 0
	for i := range m.Atoms {
		if z := m.Atoms[i].Element; z != 6 && z != 1 {
			n++
		}
	}
	return n
}

// AmideBonds counts the bonds from nitrogen to a carbonyl carbon whose oxygen lies outside rings.
func AmideBonds(m *chem.Mol) int {
	n := 0
	for i := range m.Atoms {
		if a := &m.Atoms[i]; a.Element != 6 || a.Aromatic() {
			continue
		}
		oxygens, nitrogens := 0, 0
		for _, nb := range m.Neighbors(int32(i)) {
			o := &m.Atoms[nb.Atom]
			switch {
			case o.Aromatic():
			case o.Element == 8 && m.Bonds[nb.Bond].Order == chem.Double && m.Rings().AtomCount(nb.Atom) == 0:
				oxygens++
			case o.Element == 7 && m.Bonds[nb.Bond].Order == chem.Single:
				nitrogens++
			}
		}
		n += oxygens * nitrogens
	}
	return n
}

// FractionCSP3 is the share of carbons with four neighbours (F. Lovering et al., J. Med. Chem. 52 (2009) 6752); 0
// without carbon.
func FractionCSP3(m *chem.Mol) float64 {
	sp3, all := 0, 0
	for i := range m.Atoms {
		if m.Atoms[i].Element == 6 {
			all++
			if m.TotalDegree(int32(i)) == 4 {
				sp3++
			}
		}
	}
	if all == 0 {
		return 0
	}
	return float64(sp3) / float64(all)
}

// RotatableBonds counts single bonds outside rings between atoms that are not terminal, leaving out those to CF3,
// tert-butyl and the like, those beside triple bonds, and the stiff bonds of amides, esters and their kin (RDKit's
// strict definition).
func RotatableBonds(m *chem.Mol) int {
	count := 0
	for i := range m.Bonds {
		b := &m.Bonds[i]
		if b.Order != chem.Single || m.Rings().BondCount(int32(i)) > 0 || !turns(m, b.Begin) || !turns(m, b.End) {
			continue
		}
		if !stiff(m, b.Begin) || !stiff(m, b.End) {
			count++
		}
	}
	return count
}

// turns says whether turning an end of a bond changes the shape of the molecule.
func turns(m *chem.Mol, i int32) bool {
	if m.Degree(i) == 1 {
		return false
	}
	a := &m.Atoms[i]
	var halogens [3]int // F, Cl, Br
	methyls := 0
	for _, n := range m.Neighbors(i) {
		if m.Bonds[n.Bond].Order == chem.Triple {
			return false
		}
		o := &m.Atoms[n.Atom]
		switch o.Element {
		case 9:
			halogens[0]++
		case 17:
			halogens[1]++
		case 35:
			halogens[2]++
		case 6:
			if !o.Aromatic() && m.Bonds[n.Bond].Order == chem.Single && hydrogens(m, n.Atom) == 3 {
				methyls++
			}
		}
	}
	if a.Element != 6 || a.Aromatic() {
		return true
	}
	return max(halogens[0], halogens[1], halogens[2], methyls) < 3 && hydrogens(m, i) != 3
}

// stiff says whether an atom belongs to an amide, ester, amidine or the like: a carbon of degree 3 with a double
// bond to N, O or S, and a single bond outside rings to N, O or S, or that latter atom.
func stiff(m *chem.Mol, i int32) bool {
	if stiffCarbon(m, i) {
		for _, n := range m.Neighbors(i) {
			if stiffPartner(m, n.Atom) && chainSingle(m, n.Bond) {
				return true
			}
		}
	}
	if stiffPartner(m, i) {
		for _, n := range m.Neighbors(i) {
			if chainSingle(m, n.Bond) && stiffCarbon(m, n.Atom) {
				return true
			}
		}
	}
	return false
}

func chainSingle(m *chem.Mol, b int32) bool {
	return m.Bonds[b].Order == chem.Single && m.Rings().BondCount(b) == 0
}

func stiffPartner(m *chem.Mol, i int32) bool {
	a := &m.Atoms[i]
	switch a.Element {
	case 7:
		return true
	case 8:
		return !a.Aromatic()
	case 16:
		return !a.Aromatic() && m.Degree(i) != 1
	}
	return false
}

func stiffCarbon(m *chem.Mol, i int32) bool {
	a := &m.Atoms[i]
	if a.Element != 6 || a.Aromatic() || m.Degree(i) != 3 {
		return false
	}
	for _, n := range m.Neighbors(i) {
		o := &m.Atoms[n.Atom]
		if m.Bonds[n.Bond].Order == chem.Double && !o.Aromatic() && (o.Element == 7 || o.Element == 8 || o.Element == 16) {
			return true
		}
	}
	return false
}
