package fingerprint

import "galen.dev/chem"

// Roles of atoms in binding: the bits of FCFP's codes.
const (
	donor = 1 << iota
	acceptor
	aromatic
	halogen
	basic
	acidic
)

// roles finds the roles of atoms. RDKit's six SMARTS, which stand at the functions, are decided here by hand, since
// they are asked of every atom.
type roles struct {
	m        *chem.Mol
	hydrogen []uint8 // all hydrogens, those that are atoms included
}

// find writes the roles of each atom.
func (r *roles) find(m *chem.Mol, into []uint32) {
	r.m, r.hydrogen = m, resized(r.hydrogen, len(m.Atoms))
	for i := range m.Atoms {
		h := m.Atoms[i].Hydrogens()
		for _, n := range m.Neighbors(int32(i)) {
			if m.Atoms[n.Atom].Element == 1 {
				h++
			}
		}
		r.hydrogen[i] = uint8(min(h, 255))
	}
	for i := range m.Atoms {
		into[i] = r.of(int32(i))
	}
	r.m = nil
}

func (r *roles) of(i int32) uint32 {
	a := &r.m.Atoms[i]
	role := uint32(0)
	if a.Aromatic() {
		role |= aromatic
	}
	switch a.Element {
	case 6:
		if r.acid(i) {
			role |= acidic
		}
	case 7:
		role |= r.nitrogen(i)
	case 8, 16:
		role |= r.chalcogen(i)
		if a.Element == 16 && r.acid(i) {
			role |= acidic
		}
	case 9, 17, 35, 53:
		if !a.Aromatic() {
			role |= halogen
		}
	}
	return role
}

// nitrogen: donors [$([N;!H0;v3,v4&+1]),n&H1&+0], acceptors [$([N;v3;!$(N-*=[O,N,P,S])]),n&H0&+0], and
// basic [#7;+,$([N;H2&+0][$([C,a]);!$([C,a](=O))]),
// $([N;H1&+0]([$([C,a]);!$([C,a](=O))])[$([C,a]);!$([C,a](=O))]),
// $([N;H0&+0]([C;!$(C(=O))])([C;!$(C(=O))])[C;!$(C(=O))])].
func (r *roles) nitrogen(i int32) uint32 {
	a := &r.m.Atoms[i]
	h, valence := r.hydrogen[i], a.TotalValence()
	role := uint32(0)
	if a.Charge == 1 {
		role |= basic
	}
	if a.Aromatic() {
		if a.Charge == 0 && h == 1 {
			role |= donor
		}
		if a.Charge == 0 && h == 0 {
			role |= acceptor
		}
		return role
	}
	if h > 0 && (valence == 3 || valence == 4 && a.Charge == 1) {
		role |= donor
	}
	if valence == 3 && !r.besideDouble(i) {
		role |= acceptor
	}
	if a.Charge == 0 && h <= 2 && r.carbons(i, h == 0) >= 3-int(h) {
		role |= basic
	}
	return role
}

// carbons counts the neighbours that are carbon, or aromatic unless only aliphatic ones count, and not doubly
// bonded to oxygen.
func (r *roles) carbons(i int32, aliphatic bool) int {
	count := 0
	for _, n := range r.m.Neighbors(i) {
		o := r.m.Bonds[n.Bond].Order
		c := &r.m.Atoms[n.Atom]
		fits := c.Aromatic() && !aliphatic || c.Element == 6 && !c.Aromatic()
		if fits && (o == chem.Single || o == chem.Aromatic) && !r.doubleTo(n.Atom, -1, 8) {
			count++
		}
	}
	return count
}

// chalcogen: donors [$([O,S;H1;+0])], acceptors [$([O,S;H1;v2;!$(*-*=[O,N,P,S])]),$([O,S;H0;v2]),$([O,S;-]),
// $([o,s;+0;!$([o,s]:n);!$([o,s]:c:n)])].
func (r *roles) chalcogen(i int32) uint32 {
	a := &r.m.Atoms[i]
	h, valence := r.hydrogen[i], a.TotalValence()
	if a.Aromatic() {
		if a.Charge == 0 && !r.nearAromaticNitrogen(i) {
			return acceptor
		}
		return 0
	}
	role := uint32(0)
	if h == 1 && a.Charge == 0 {
		role |= donor
	}
	if a.Charge == -1 || valence == 2 && (h == 0 || h == 1 && !r.besideDouble(i)) {
		role |= acceptor
	}
	return role
}

// nearAromaticNitrogen: [o,s]:n or [o,s]:c:n.
func (r *roles) nearAromaticNitrogen(i int32) bool {
	m := r.m
	nitrogen := func(n chem.Neighbor) bool {
		a := &m.Atoms[n.Atom]
		return a.Element == 7 && a.Aromatic() && m.Bonds[n.Bond].Aromatic()
	}
	for _, n := range m.Neighbors(i) {
		if nitrogen(n) {
			return true
		}
		if c := &m.Atoms[n.Atom]; c.Element != 6 || !c.Aromatic() || !m.Bonds[n.Bond].Aromatic() {
			continue
		}
		for _, k := range m.Neighbors(n.Atom) {
			if k.Atom != i && nitrogen(k) {
				return true
			}
		}
	}
	return false
}

// besideDouble: *-*=[O,N,P,S].
func (r *roles) besideDouble(i int32) bool {
	for _, n := range r.m.Neighbors(i) {
		if r.m.Bonds[n.Bond].Order == chem.Single && r.doubleTo(n.Atom, i, 8, 7, 15, 16) {
			return true
		}
	}
	return false
}

// doubleTo says whether an atom has a double bond to an aliphatic atom of one of the elements, other than not.
func (r *roles) doubleTo(i, not int32, elements ...uint8) bool {
	for _, n := range r.m.Neighbors(i) {
		if n.Atom == not || r.m.Bonds[n.Bond].Order != chem.Double {
			continue
		}
		a := &r.m.Atoms[n.Atom]
		for _, z := range elements {
			if a.Element == z && !a.Aromatic() {
				return true
			}
		}
	}
	return false
}

// acid: [$([C,S](=[O,S,P])-[O;H1,-1])].
func (r *roles) acid(i int32) bool {
	if r.m.Atoms[i].Aromatic() || !r.doubleTo(i, -1, 8, 16, 15) {
		return false
	}
	for _, n := range r.m.Neighbors(i) {
		o := &r.m.Atoms[n.Atom]
		if r.m.Bonds[n.Bond].Order == chem.Single && o.Element == 8 && !o.Aromatic() &&
			(r.hydrogen[n.Atom] == 1 || o.Charge == -1) {
			return true
		}
	}
	return false
}
