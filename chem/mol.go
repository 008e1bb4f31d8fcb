package chem

import "slices"

// Mol is a molecule, or several side by side. Atoms and bonds are known by their indices. A Mol that only grows is
// made with AddAtom and AddBond; Connect (called by Sanitize) then lays out the adjacency. Reading a Mol from many
// goroutines is safe, changing it is not.
type Mol struct {
	Atoms []Atom
	Bonds []Bond
	Name  string // a title, or empty
	// Coords has a place for each atom, in Å, or is nil. Flat says that it is a drawing: z is 0 everywhere.
	Coords []Point
	Flat   bool
	// Props are the data fields of an SDF record in their order, or nil.
	Props []Prop

	start     []int32 // neighbours of atom a are near[start[a]:start[a+1]], in the order of the bonds
	near      []Neighbor
	rings     RingInfo
	sanitized bool
}

// Prop is one data field of a record.
type Prop struct{ Name, Value string }

// Point is a place in space.
type Point struct{ X, Y, Z float64 }

// Neighbor is an atom next to another, and the bond between them.
type Neighbor struct{ Atom, Bond int32 }

// Atom is an atom with what was said of it and what Sanitize derived.
type Atom struct {
	Map       int32  // number in a reaction or a scaffold, 0 = none
	Isotope   uint16 // mass number, 0 = as found in nature
	Element   uint8  // atomic number, 0 = any atom
	Charge    int8   // formal
	ExplicitH uint8  // hydrogens that were stated, and are not atoms of their own
	ImplicitH uint8  // derived: hydrogens that the valence asks for
	Radicals  uint8  // unpaired electrons
	Chirality Chirality
	Order     uint8 // number of the arrangement, for chiralities other than the tetrahedral ones; 0 = not stated
	CIP       CIP   // derived by AssignStereo
	Hybrid    Hybrid
	Flags     AtomFlags
	bonded    int8 // derived: sum of the orders of the bonds and ExplicitH, -1 = not known
}

// AtomFlags are yes-or-no properties of atoms.
type AtomFlags uint8

const (
	NoImplicit    AtomFlags = 1 << iota // hydrogens are as stated: nothing is filled up
	AromaticAtom                        // as read; after Sanitize: as perceived
	UnknownStereo                       // drawn with a wavy bond
)

// Chirality is the arrangement of neighbours around an atom. The two tetrahedral ones are meant so: looking from
// the first neighbour in the order of Neighbors, the others follow counterclockwise, or clockwise; a hydrogen that
// is no atom, or a lone pair, comes last.
type Chirality uint8

const (
	Achiral Chirality = iota
	Counterclockwise
	Clockwise
	Allene
	SquarePlanar
	TrigonalBipyramidal
	Octahedral
)

// Tetrahedral says whether c is one of the two tetrahedral arrangements.
func (c Chirality) Tetrahedral() bool { return c == Counterclockwise || c == Clockwise }

// inverted is the mirror image of a tetrahedral arrangement.
func (c Chirality) inverted() Chirality {
	if c.Tetrahedral() {
		return Counterclockwise + Clockwise - c
	}
	return c
}

// CIP is the descriptor of a stereo centre by the Cahn–Ingold–Prelog rules, as far as topology decides it.
type CIP uint8

const (
	NoCIP CIP = iota
	R
	S
)

// Hybrid is the hybridisation of an atom's orbitals.
type Hybrid uint8

const (
	HybridUnknown Hybrid = iota
	HybridS
	HybridSP
	HybridSP2
	HybridSP3
	HybridSP2D
	HybridSP3D
	HybridSP3D2
)

// Bond joins two atoms. Dative bonds give from Begin to End.
type Bond struct {
	Begin, End int32
	Order      Order
	Dir        Dir
	Stereo     Stereo
	Flags      BondFlags
	// RefBegin and RefEnd are the neighbours of Begin and End that Stereo speaks of, the higher ranking ones.
	RefBegin, RefEnd int32
}

// Other is the atom at the other end.
func (b *Bond) Other(a int32) int32 { return b.Begin + b.End - a }

// BondFlags are yes-or-no properties of bonds.
type BondFlags uint8

const (
	AromaticBond BondFlags = 1 << iota // as read; after Sanitize: as perceived
	Conjugated                         // derived
)

// Order is the kind of a bond.
type Order uint8

const (
	Any Order = iota // not known, "~" in SMILES; counts nothing to the valence
	Single
	Double
	Triple
	Quadruple
	Aromatic
	Dative
	Hydrogen // between molecules; counts nothing to the valence
)

// twiceOrder is twice the order that counts to the valence of the end.
var twiceOrder = [...]int{Any: 0, Single: 2, Double: 4, Triple: 6, Quadruple: 8, Aromatic: 3, Dative: 2, Hydrogen: 0}

// Twice is twice what the bond counts to the valence of atom a: 3 for an aromatic one, 0 at the giving end.
func (b *Bond) Twice(a int32) int {
	if b.Order == Dative && a == b.Begin {
		return 0
	}
	return twiceOrder[b.Order]
}

// Dir is what a reader found drawn on a bond. Seen from Begin, Up and Down are the marks / and \ of SMILES, which
// stereo perception turns into Stereo of the double bonds beside; wedges mark the centre at Begin.
type Dir uint8

const (
	NoDir Dir = iota
	Up
	Down
	WedgeUp
	WedgeDown
	Wavy
	Crossed
)

// flipped is the mark as seen from the other end.
func (d Dir) flipped() Dir {
	switch d {
	case Up:
		return Down
	case Down:
		return Up
	}
	return d
}

func (d Dir) slash() bool { return d == Up || d == Down }

// Stereo is the arrangement at a double bond.
type Stereo uint8

const (
	NoStereo  Stereo = iota
	AnyStereo        // stated to be unknown
	Cis              // RefBegin and RefEnd on one side; Z, since the references rank highest
	Trans            // on opposite sides; E
)

// Clone is a copy that shares nothing that changes.
func (m *Mol) Clone() *Mol {
	c := *m
	c.Atoms, c.Bonds = slices.Clone(m.Atoms), slices.Clone(m.Bonds)
	c.Coords, c.Props = slices.Clone(m.Coords), slices.Clone(m.Props)
	// start, near and rings are replaced as a whole and never changed in place: sharing them is safe.
	return &c
}

// AddAtom appends an atom and returns its index.
func (m *Mol) AddAtom(a Atom) int32 {
	a.bonded = -1
	m.Atoms = append(m.Atoms, a)
	return int32(len(m.Atoms) - 1)
}

// AddBond appends a bond and returns its index.
func (m *Mol) AddBond(b Bond) int32 {
	m.Bonds = append(m.Bonds, b)
	return int32(len(m.Bonds) - 1)
}

// Connect lays out the adjacency anew. It is needed after atoms or bonds were added or removed, before Neighbors.
func (m *Mol) Connect() {
	n := len(m.Atoms)
	buf := make([]int32, n+1)
	for i := range m.Bonds {
		buf[m.Bonds[i].Begin]++
		buf[m.Bonds[i].End]++
	}
	sum := int32(0)
	for i, d := range buf {
		buf[i] = sum
		sum += d
	}
	near := make([]Neighbor, sum)
	for i := range m.Bonds {
		b := &m.Bonds[i]
		near[buf[b.Begin]] = Neighbor{b.End, int32(i)}
		buf[b.Begin]++
		near[buf[b.End]] = Neighbor{b.Begin, int32(i)}
		buf[b.End]++
	}
	copy(buf[1:], buf[:n]) // each entry now holds the end of its atom, which is the start of the next
	if n >= 0 {
		buf[0] = 0
	}
	m.start, m.near = buf, near
	m.rings = RingInfo{}
	m.sanitized = false
}

// Neighbors are the neighbours of an atom, in the order of their bonds. The slice belongs to the molecule.
func (m *Mol) Neighbors(a int32) []Neighbor { return m.near[m.start[a]:m.start[a+1]] }

// Degree is the number of neighbours that are atoms.
func (m *Mol) Degree(a int32) int { return int(m.start[a+1] - m.start[a]) }

// BondBetween returns the bond between two atoms, or -1.
func (m *Mol) BondBetween(a, b int32) int32 {
	if m.Degree(b) < m.Degree(a) {
		a, b = b, a
	}
	for _, n := range m.Neighbors(a) {
		if n.Atom == b {
			return n.Bond
		}
	}
	return -1
}

// Hydrogens are the hydrogens of an atom that are not atoms of their own.
func (a *Atom) Hydrogens() int { return int(a.ExplicitH) + int(a.ImplicitH) }

// TotalDegree counts neighbours and hydrogens.
func (m *Mol) TotalDegree(a int32) int { return m.Degree(a) + m.Atoms[a].Hydrogens() }

// BondedValence is the sum of an atom's bond orders and stated hydrogens; implicit ones do not count.
func (a *Atom) BondedValence() int { return int(a.bonded) }

// TotalValence is the sum of bond orders and all hydrogens.
func (a *Atom) TotalValence() int { return int(a.bonded) + int(a.ImplicitH) }

// Aromatic says whether the atom is aromatic.
func (a *Atom) Aromatic() bool { return a.Flags&AromaticAtom != 0 }

// Aromatic says whether the bond is aromatic.
func (b *Bond) Aromatic() bool { return b.Flags&AromaticBond != 0 }

// Rings is the molecule's ring information. It is empty before Sanitize.
func (m *Mol) Rings() *RingInfo { return &m.rings }

// Sanitized says whether Sanitize ran since the graph last changed.
func (m *Mol) Sanitized() bool { return m.sanitized }

// Renumbered returns a copy in which atom a has become atom to[a]. The order of bonds stays, and with it the meaning
// of chirality.
func (m *Mol) Renumbered(to []int32) *Mol {
	c := m.Clone()
	for a, t := range to {
		c.Atoms[t] = m.Atoms[a]
		if m.Coords != nil {
			c.Coords[t] = m.Coords[a]
		}
	}
	for i := range c.Bonds {
		b := &c.Bonds[i]
		b.Begin, b.End = to[b.Begin], to[b.End]
		if b.Stereo > AnyStereo {
			b.RefBegin, b.RefEnd = to[b.RefBegin], to[b.RefEnd]
		}
	}
	sanitized, r := m.sanitized, m.rings
	c.Connect()
	if r.Len() > 0 {
		r.atoms = make([]int32, len(m.rings.atoms))
		for i, a := range m.rings.atoms {
			r.atoms[i] = to[a]
		}
		r.atomCount = make([]uint16, len(m.Atoms))
		for a, n := range m.rings.atomCount {
			r.atomCount[to[a]] = n
		}
	}
	c.rings, c.sanitized = r, sanitized
	return c
}

// Components numbers the connected parts of a molecule: of[a] is the part of atom a, in the order of first atoms.
func (m *Mol) Components() (of []int32, n int) {
	of = make([]int32, len(m.Atoms))
	for i := range of {
		of[i] = -1
	}
	var stack []int32
	for a := range m.Atoms {
		if of[a] >= 0 {
			continue
		}
		of[a] = int32(n)
		stack = append(stack[:0], int32(a))
		for len(stack) > 0 {
			at := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			for _, nb := range m.Neighbors(at) {
				if of[nb.Atom] < 0 {
					of[nb.Atom] = int32(n)
					stack = append(stack, nb.Atom)
				}
			}
		}
		n++
	}
	return of, n
}
