package chem

import "slices"

// cleanUp rewrites groups that are often drawn with too many bonds into their charged form:
// nitro N(=O)=O, azide and diazo N=N#N, C=P(=O), halogen oxides.
func (m *Mol) cleanUp() {
	var odd []int32 // neutral nitrogens with five bonds
	for i := range m.Atoms {
		a := &m.Atoms[i]
		if a.Element != 7 || a.Charge != 0 || m.Degree(int32(i)) < 2 {
			continue
		}
		m.countBonds(int32(i))
		if a.bonded != 5 {
			continue
		}
		odd = append(odd, int32(i))
		m.separate(int32(i), 8, Double, Single)
		m.countBonds(int32(i))
	}
	for _, i := range odd {
		m.separate(i, 7, Triple, Double)
	}
	for i := range m.Atoms {
		switch m.Atoms[i].Element {
		case 15:
			m.cleanPhosphorus(int32(i))
		case 17, 35, 53:
			m.cleanHalogen(int32(i))
		}
	}
}

// separate turns the first bond of an order to a neutral neighbour of an element into a lower one, and gives the
// atom a plus and the neighbour a minus.
func (m *Mol) separate(i int32, element uint8, from, to Order) {
	for _, n := range m.Neighbors(i) {
		o := &m.Atoms[n.Atom]
		if b := &m.Bonds[n.Bond]; o.Element == element && o.Charge == 0 && b.Order == from {
			b.Order = to
			m.Atoms[i].Charge = 1
			o.Charge = -1
			return
		}
	}
}

func (m *Mol) cleanPhosphorus(i int32) {
	a := &m.Atoms[i]
	if a.Charge != 0 || m.Degree(i) != 3 {
		return
	}
	if m.countBonds(i); a.bonded != 5 {
		return
	}
	oxygen, carbon := int32(-1), false
	for _, n := range m.Neighbors(i) {
		o := &m.Atoms[n.Atom]
		if m.Bonds[n.Bond].Order != Double {
			continue
		}
		switch {
		case o.Element == 8 && o.Charge == 0:
			oxygen = n.Bond
		case (o.Element == 6 || o.Element == 7) && m.Degree(n.Atom) >= 2:
			carbon = true
		}
	}
	if oxygen >= 0 && carbon {
		b := &m.Bonds[oxygen]
		b.Order = Single
		a.Charge = 1
		m.Atoms[b.Other(i)].Charge = -1
	}
}

func (m *Mol) cleanHalogen(i int32) {
	a := &m.Atoms[i]
	if a.Charge != 0 || m.Degree(i) == 0 {
		return
	}
	if m.countBonds(i); a.bonded != 3 && a.bonded != 5 && a.bonded != 7 {
		return
	}
	for _, n := range m.Neighbors(i) {
		if m.Atoms[n.Atom].Element != 8 {
			return
		}
	}
	for _, n := range m.Neighbors(i) {
		if b := &m.Bonds[n.Bond]; b.Order == Double {
			b.Order = Single
			m.Atoms[n.Atom].Charge = -1
			a.Charge++
		}
	}
}

// hypervalent says whether a non-metal has more bonds than its element ever allows. Ligands of metals are drawn so.
func (m *Mol) hypervalent(i int32) bool {
	a := &m.Atoms[i]
	if IsMetal(a.Element) {
		return false
	}
	m.updateAtom(i)
	eff := int(a.Element) - int(a.Charge)
	if eff <= 0 || eff > MaxElement {
		return false
	}
	list := elements[eff].Valences
	most := int(list[len(list)-1])
	v := int(a.bonded)
	return most > 0 && (v > most || v == most && a.Aromatic() && m.TotalDegree(i) == 4)
}

// cleanMetals makes a single bond from a ligand with too many bonds to a metal dative, so that it no longer counts
// at the ligand.
func (m *Mol) cleanMetals() {
	if !slices.ContainsFunc(m.Bonds, func(b Bond) bool {
		return b.Order == Single && (IsMetal(m.Atoms[b.Begin].Element) || IsMetal(m.Atoms[b.End].Element))
	}) {
		return
	}
	var ligands []int32
	for i := range m.Atoms {
		switch m.Atoms[i].Element {
		case 1, 2, 9, 10:
			continue
		}
		if m.hypervalent(int32(i)) && slices.ContainsFunc(m.Neighbors(int32(i)), m.toMetal) {
			ligands = append(ligands, int32(i))
		}
	}
	if len(ligands) == 0 {
		return
	}
	for i := range m.Atoms {
		m.updateAtom(int32(i))
	}
	rank := m.CanonicalRanks()
	slices.SortFunc(ligands, func(a, b int32) int { return int(rank[a] - rank[b]) })
	for _, i := range ligands {
		for m.hypervalent(i) && m.makeDative(i, rank) {
			// A ligand between two metals may need it twice.
		}
	}
}

// makeDative makes one bond of a ligand dative: that to the metal with the fewest dative bonds.
func (m *Mol) makeDative(i int32, rank []int32) bool {
	best, fewest := Neighbor{Atom: -1}, 0
	for _, n := range m.Neighbors(i) {
		if !m.toMetal(n) {
			continue
		}
		datives := 0
		for _, k := range m.Neighbors(n.Atom) {
			if m.Bonds[k.Bond].Order == Dative {
				datives++
			}
		}
		if best.Atom < 0 || datives < fewest || datives == fewest && rank[n.Atom] > rank[best.Atom] {
			best, fewest = n, datives
		}
	}
	if best.Atom < 0 {
		return false
	}
	b := &m.Bonds[best.Bond]
	b.Order, b.Begin, b.End = Dative, i, best.Atom
	return true
}

func (m *Mol) toMetal(n Neighbor) bool {
	return m.Bonds[n.Bond].Order == Single && IsMetal(m.Atoms[n.Atom].Element)
}
