package descriptor

import "galen.dev/chem"

// LogP is the octanol–water partition coefficient by atom contributions (S. A. Wildman, G. M. Crippen,
// J. Chem. Inf. Comput. Sci. 39 (1999) 868).
func LogP(m *chem.Mol) float64 {
	logP, _ := Crippen(m)
	return logP
}

// MolarRefractivity is the molar refractivity in cm³/mol by atom contributions, from the same paper as LogP.
func MolarRefractivity(m *chem.Mol) float64 {
	_, mr := Crippen(m)
	return mr
}

// Crippen returns LogP and MolarRefractivity at once.
func Crippen(m *chem.Mol) (logP, mr float64) {
	d := describers.Get().(*Describer)
	defer describers.Put(d)
	d.load(m)
	return d.crippen()
}

// crippen computes the types of the atoms, and returns LogP and MolarRefractivity.
func (d *Describer) crippen() (logP, mr float64) {
	if d.have.set(haveTypes) {
		return d.logP, d.mr
	}
	m := d.m
	d.types = resized(d.types, len(m.Atoms))
	d.logP, d.mr = 0, 0
	for i := range m.Atoms {
		d.types[i] = uint8(crippenAtom(m, int32(i)))
		t := &crippenTypes[d.types[i]]
		d.logP += t.logP
		d.mr += t.mr
		if h := m.Atoms[i].Hydrogens(); h > 0 {
			t := &crippenTypes[crippenHydrogen(m, int32(i), -1)]
			d.logP += float64(h) * t.logP
			d.mr += float64(h) * t.mr
		}
	}
	return d.logP, d.mr
}

// CrippenType is the name of the type of an atom, such as "C18", by which it adds to LogP; empty where the method
// has none.
func CrippenType(m *chem.Mol, a int32) string { return crippenTypes[crippenAtom(m, a)].name }

// crippenAtom finds the type of an atom: the first of the ordered patterns that it matches. The patterns speak of
// neighbours that are no hydrogens, so that hydrogens need not be atoms.
func crippenAtom(m *chem.Mol, i int32) int {
	a := &m.Atoms[i]
	switch a.Element {
	case 1:
		t := hS
		if a.Hydrogens() > 0 {
			t = h1
		}
		for _, n := range m.Neighbors(i) {
			t = min(t, crippenHydrogen(m, n.Atom, i))
		}
		return t
	case 6, 7, 8:
		s := siteOf(m, i)
		switch {
		case a.Element == 6 && a.Aromatic():
			return s.aromaticCarbon(m, i)
		case a.Element == 6:
			return s.carbon()
		case a.Element == 7:
			return s.nitrogen(a.Aromatic())
		}
		return s.oxygen(m, i)
	case 9, 17, 35, 53:
		return crippenHalogen(a)
	case 15:
		return phosphorus
	case 16:
		return crippenSulfur(m, i)
	}
	return crippenMetal(a)
}

// traits are what a pattern may ask of a neighbour other than hydrogen, and of the bond to it.
type traits uint16

const (
	simple       traits = 1 << iota // a single or an aromatic bond: what a pattern without a mark of the bond means
	single                          // a single bond that is not aromatic
	aromatic                        // an aromatic bond
	double                          // a double bond
	triple                          // a triple bond
	aliphatic                       // any atom that is not aromatic
	arene                           // an aromatic atom
	carbon                          // by element, aromatic or not
	nitrogen                        // by element
	oxygen                          // by element
	sulfur                          // by element
	hetero                          // aliphatic N, O, P, S, F, Cl, Br or I
	unusual                         // aliphatic, and not C, N, O, S, F, Cl, Br or I
	negative                        // charged -1 to -3
	noPhosphorus                    // not P
)

func bondTraits(b *chem.Bond) traits {
	switch b.Order {
	case chem.Single:
		return simple | single
	case chem.Aromatic:
		return simple | aromatic
	case chem.Double:
		return double
	case chem.Triple:
		return triple
	}
	return 0
}

func atomTraits(a *chem.Atom) traits {
	t := noPhosphorus
	switch a.Element {
	case 6:
		t |= carbon
	case 7:
		t |= nitrogen
	case 8:
		t |= oxygen
	case 15:
		t = 0
	case 16:
		t |= sulfur
	}
	if a.Charge < 0 && a.Charge >= -3 {
		t |= negative
	}
	if a.Aromatic() {
		return t | arene
	}
	t |= aliphatic
	switch a.Element {
	case 7, 8, 9, 15, 16, 17, 35, 53:
		t |= hetero
	}
	switch a.Element {
	case 6, 7, 8, 9, 16, 17, 35, 53:
	default:
		t |= unusual
	}
	return t
}

// site is an atom with the traits of its neighbours.
type site struct {
	h, total, heavy int // hydrogens; all neighbours; neighbours other than hydrogen
	charge          int8
	near            [8]traits
}

// siteOf looks around an atom. Neighbours beyond the eighth are not seen; no pattern speaks of so many.
func siteOf(m *chem.Mol, i int32) site {
	a := &m.Atoms[i]
	s := site{h: a.Hydrogens(), total: m.TotalDegree(i), charge: a.Charge}
	for _, n := range m.Neighbors(i) {
		o := &m.Atoms[n.Atom]
		switch {
		case o.Element == 1:
			s.h++
		case s.heavy < len(s.near):
			s.near[s.heavy] = atomTraits(o) | bondTraits(&m.Bonds[n.Bond])
			s.heavy++
		}
	}
	return s
}

// count is the number of neighbours that have all the given traits.
func (s *site) count(t traits) int {
	n := 0
	for _, have := range s.near[:s.heavy] {
		if have&t == t {
			n++
		}
	}
	return n
}

func (s *site) has(t traits) bool { return s.count(t) > 0 }

// cation says whether the charge is +1 to +3, anion whether it is -1 to -3.
func (s *site) cation() bool { return s.charge >= 1 && s.charge <= 3 }
func (s *site) anion() bool  { return s.charge <= -1 && s.charge >= -3 }

// carbon types an aliphatic carbon.
func (s *site) carbon() int {
	h, sp3 := s.h, s.total == 4
	alkyl, others, simpleA := s.count(simple|aliphatic|carbon), s.count(simple|hetero), s.count(simple|aliphatic)
	doubleC := s.count(double | aliphatic | carbon)
	switch {
	case h == 4, h == 3 && alkyl >= 1, h == 2 && alkyl >= 2:
		return c1
	case h == 1 && alkyl >= 3, alkyl >= 4:
		return c2
	case h == 3 && others >= 1, h == 2 && sp3 && others >= 1 && simpleA >= 2:
		return c3
	case h <= 1 && sp3 && others >= 1 && simpleA >= 4-h:
		return c4
	case s.count(double|aliphatic) > doubleC:
		return c5
	case doubleC >= 1 && h <= 2 && simpleA >= 2-h, doubleC >= 2:
		return c6
	case s.total == 2 && s.has(triple|aliphatic):
		return c7
	case h == 3 && s.has(simple|arene|carbon):
		return c8
	case h == 3 && s.has(simple|arene):
		return c9
	case h <= 2 && sp3 && s.has(simple|arene):
		return [...]int{c12, c11, c10}[h]
	case doubleC >= 1 && s.alkenylArene(h, simpleA), s.has(double | arene | carbon):
		return c26
	case sp3 && s.has(simple|unusual|noPhosphorus):
		return c27
	}
	return cS
}

// alkenylArene recognises the aromatic substituents of C26 on a carbon with a double bond.
func (s *site) alkenylArene(h, simpleA int) bool {
	arenes := s.count(simple | arene)
	return arenes >= 1 && (h == 1 || simpleA >= 1) || arenes >= 2 && s.has(simple|arene|carbon)
}

// aromaticCarbon types an aromatic carbon.
func (s *site) aromaticCarbon(m *chem.Mol, i int32) int {
	if s.h == 0 && s.has(single|unusual) {
		return c13
	}
	for k, halogen := range [...]uint8{9, 17, 35, 53} {
		for _, n := range m.Neighbors(i) {
			if m.Atoms[n.Atom].Element == halogen && bondTraits(&m.Bonds[n.Bond])&simple != 0 {
				return c14 + k
			}
		}
	}
	if s.h == 1 {
		return c18
	}
	ring := s.count(aromatic | arene)
	switch {
	case ring < 2:
		return cS
	case ring >= 3:
		return c19
	case s.has(single | arene):
		return c20
	case s.has(single | aliphatic | carbon):
		return c21
	case s.has(single | aliphatic | nitrogen):
		return c22
	case s.has(single | aliphatic | oxygen):
		return c23
	case s.has(single | aliphatic | sulfur):
		return c24
	case s.has(double | aliphatic | carbon), s.has(double | aliphatic | nitrogen), s.has(double | aliphatic | oxygen):
		return c25
	}
	return cS
}

// nitrogen types a nitrogen.
func (s *site) nitrogen(isAromatic bool) int {
	h, simpleA, simpleAr, simples := s.h, s.count(simple|aliphatic), s.count(simple|arene), s.count(simple)
	doubles := s.count(double)
	switch {
	case isAromatic && s.charge == 0:
		return n11
	case isAromatic && s.cation():
		return n12
	case isAromatic:
		return nS
	case s.charge == 0:
		switch {
		case h == 2 && simpleA >= 1:
			return n1
		case h == 1 && simpleA >= 2:
			return n2
		case h == 2 && simpleAr >= 1:
			return n3
		case h == 1 && simpleAr >= 1 && simples >= 2:
			return n4
		case h == 1 && doubles >= 1:
			return n5
		case doubles >= 1 && simples >= 1:
			return n6
		case simpleA >= 3:
			return n7
		case simpleAr >= 1 && simpleA >= 1 && simples >= 3, simpleAr >= 3:
			return n8
		case s.has(triple | aliphatic):
			return n9
		}
		return nS
	case s.cation():
		switch {
		case h >= 1 && h <= 3:
			return n10
		case h == 0 && (simpleA >= 4 || s.has(double|aliphatic) && simpleA >= 1 && simples >= 2 || s.has(double|carbon) && s.has(double|nitrogen)):
			return n13
		case s.has(triple | aliphatic), s.has(double|aliphatic|nitrogen|negative) && s.count(double|aliphatic|nitrogen) >= 2:
			return n14
		}
		return nS
	case s.anion():
		return n14
	}
	return nS
}

// oxygen types an oxygen.
func (s *site) oxygen(m *chem.Mol, i int32) int {
	if m.Atoms[i].Aromatic() {
		return o1
	}
	simpleA, simples := s.count(simple|aliphatic), s.count(simple)
	ion := s.total == 1 && s.anion()
	switch {
	case s.h == 1 || s.h == 2:
		return o2
	case simpleA >= 2:
		return o3
	case s.has(simple|arene) && simples >= 2:
		return o4
	case s.has(double | nitrogen), s.has(double | oxygen), ion && s.has(simple|nitrogen):
		return o5
	case s.total == 1 && (s.charge == -1 || s.charge == -2) && s.has(simple|sulfur),
		s.charge == 0 && oxoSulfur(m, i):
		return o6
	}
	switch {
	case s.charge == -1 && carboxylate(m, i):
		return o12
	case ion && s.count(simple) > s.count(simple|aliphatic|nitrogen)+s.count(simple|aliphatic|sulfur):
		return o7
	case s.has(double | arene | carbon):
		return o8
	}
	for _, n := range m.Neighbors(i) {
		if c := &m.Atoms[n.Atom]; c.Element == 6 && m.Bonds[n.Bond].Order == chem.Double {
			s := siteOf(m, n.Atom)
			return s.carbonyl()
		}
	}
	return oS
}

// carbonyl types the oxygen on a carbonyl carbon.
func (s *site) carbonyl() int {
	alkyl, aryl := s.count(simple|aliphatic|carbon), s.count(simple|arene|carbon)
	simpleA, simpleAr := s.count(simple|aliphatic), s.count(simple|arene)
	switch {
	case s.h == 1 && alkyl >= 1, alkyl >= 1 && simpleA >= 2,
		s.h == 1 && (s.has(simple|aliphatic|nitrogen) || s.has(simple|aliphatic|oxygen)),
		s.h == 2, s.total == 2 && s.count(double|aliphatic|oxygen) >= 2:
		return o9
	case s.h == 1 && aryl >= 1, alkyl >= 1 && simpleAr >= 1, aryl >= 1 && simpleAr >= 2, aryl >= 1 && simpleA >= 1:
		return o10
	case s.count(simple)-s.count(simple|carbon) >= 2:
		return o11
	}
	return oS
}

// oxoSulfur says whether an oxygen is bound doubly to a sulfur without charge.
func oxoSulfur(m *chem.Mol, i int32) bool {
	for _, n := range m.Neighbors(i) {
		if o := &m.Atoms[n.Atom]; o.Element == 16 && o.Charge == 0 && m.Bonds[n.Bond].Order == chem.Double {
			return true
		}
	}
	return false
}

// carboxylate says whether an oxygen sits on an aliphatic carbon with a doubly bound aliphatic oxygen.
func carboxylate(m *chem.Mol, i int32) bool {
	for _, n := range m.Neighbors(i) {
		c := &m.Atoms[n.Atom]
		if c.Element != 6 || c.Aromatic() || bondTraits(&m.Bonds[n.Bond])&simple == 0 {
			continue
		}
		if s := siteOf(m, n.Atom); s.has(double | aliphatic | oxygen) {
			return true
		}
	}
	return false
}

// crippenHydrogen types a hydrogen by the atom it sits on. self is its own index, or -1 if it is no atom.
func crippenHydrogen(m *chem.Mol, on, self int32) int {
	a := &m.Atoms[on]
	switch a.Element {
	case 1, 6:
		return h1
	case 7:
		return h3
	case 8:
	default:
		return h2
	}
	if a.Aromatic() {
		return hS
	}
	if a.Hydrogens() >= 2 || self >= 0 && a.Hydrogens() == 1 {
		return h2 // water
	}
	t := hS
	for _, n := range m.Neighbors(on) {
		if n.Atom != self && bondTraits(&m.Bonds[n.Bond])&simple != 0 {
			t = min(t, hydroxylOn(m, n.Atom))
		}
	}
	return t
}

// hydroxylOn types the hydrogen of a hydroxyl group by the atom that bears the group.
func hydroxylOn(m *chem.Mol, i int32) int {
	a := &m.Atoms[i]
	switch a.Element {
	case 6:
		if a.Aromatic() || m.TotalDegree(i) == 4 {
			return h2
		}
		for _, n := range m.Neighbors(i) {
			o := &m.Atoms[n.Atom]
			if m.Bonds[n.Bond].Order != chem.Double {
				continue
			}
			if o.Element == 6 || o.Element == 7 || (o.Element == 8 || o.Element == 16) && !o.Aromatic() {
				return h4
			}
		}
	case 7:
		return h3
	case 8, 16:
		if !a.Aromatic() {
			return h4
		}
	default:
		return h2
	}
	return hS
}

func crippenHalogen(a *chem.Atom) int {
	switch {
	case a.Charge == -1, a.Element == 53 && a.Charge >= 1 && a.Charge <= 3:
		return halide
	case a.Charge != 0:
		return noType
	}
	switch a.Element {
	case 9:
		return fluorine
	case 17:
		return chlorine
	case 35:
		return bromine
	}
	return iodine
}

func crippenSulfur(m *chem.Mol, i int32) int {
	a := &m.Atoms[i]
	if a.Aromatic() {
		return s3
	}
	switch a.Charge {
	case -4, -3, -2, -1, 1, 2, 3, 5, 6:
		return s2
	case 0:
		for _, n := range m.Neighbors(i) {
			o := &m.Atoms[n.Atom]
			if m.Bonds[n.Bond].Order != chem.Double || o.Aromatic() {
				continue
			}
			switch o.Element {
			case 7, 8, 15, 16:
				return s2
			}
		}
	}
	return s1
}

func crippenMetal(a *chem.Atom) int {
	switch z := a.Element; {
	case z == 3 || z == 11 || z == 19 || z == 37 || z == 55:
		if a.Charge == 1 {
			return halide
		}
		return me1
	case z == 4 || z == 12 || z == 20 || z == 38 || z == 56,
		z == 5 || z == 13 || z == 31 || z == 49 || z == 81,
		z == 14 || z == 32 || z == 50 || z == 82,
		z == 33 || z == 51 || z == 83,
		z == 34 || z == 52 || z == 84:
		return me1
	case z >= 21 && z <= 30, z >= 39 && z <= 48, z >= 72 && z <= 80:
		return me2
	}
	return noType
}
