package chem

import "testing"

// Octahedral numbers after the exchange of two neighbours, as the OpenSMILES tables imply: rows of the table that RDKit
// publishes, for pairs (0,1), (0,2) … (4,5).
func TestRearrange(t *testing.T) {
	for number, row := range map[uint8][15]uint8{
		1:  {17, 16, 30, 21, 2, 14, 2, 10, 25, 8, 2, 22, 4, 7, 3},
		3:  {18, 2, 29, 16, 22, 15, 16, 26, 11, 9, 21, 16, 6, 5, 1},
		6:  {16, 14, 18, 26, 24, 17, 29, 18, 13, 19, 12, 18, 3, 4, 7},
		19: {11, 24, 4, 30, 18, 25, 23, 24, 22, 6, 9, 14, 21, 24, 20},
		25: {30, 9, 2, 24, 7, 19, 17, 11, 1, 29, 30, 28, 27, 30, 26},
	} {
		k := 0
		for x := range 6 {
			for y := x + 1; y < 6; y++ {
				list := []int{0, 1, 2, 3, 4, 5}
				list[x], list[y] = y, x
				if got := Rearrange(Octahedral, number, list); got != row[k] {
					t.Errorf("@OH%d with %d and %d exchanged: %d, want %d", number, x, y, got, row[k])
				}
				k++
			}
		}
	}
	for c, want := range map[Chirality]int{SquarePlanar: 3 * 8, TrigonalBipyramidal: 20 * 6, Octahedral: 30 * 24} {
		if got := len(numberOf[c]); got != want {
			t.Errorf("class %d has %d forms, want %d", c, got, want)
		}
	}
}

func ring(n int) *Mol {
	m := &Mol{}
	for i := range n {
		m.AddAtom(Atom{Element: 6})
		if i > 0 {
			m.AddBond(Bond{Begin: int32(i - 1), End: int32(i), Order: Single})
		}
	}
	m.AddBond(Bond{Begin: int32(n - 1), End: 0, Order: Single})
	return m
}

// Rings: a cube has six relevant cycles and five independent ones; a dative bond closes none.
func TestRings(t *testing.T) {
	cube := ring(4)
	for i := range int32(4) {
		cube.AddAtom(Atom{Element: 6})
		cube.AddBond(Bond{Begin: i, End: i + 4, Order: Single})
	}
	for i := range int32(4) {
		cube.AddBond(Bond{Begin: 4 + i, End: 4 + (i+1)%4, Order: Single})
	}
	if err := cube.Sanitize(); err != nil {
		t.Fatal(err)
	}
	if r := cube.Rings(); r.Len() != 6 || r.Independent() != 5 || r.AtomCount(0) != 3 || r.BondSmallest(0) != 4 {
		t.Errorf("cube: %d rings, %d independent", r.Len(), r.Independent())
	}
	open := ring(6)
	open.Bonds[5].Order = Dative
	open.Atoms[5].Element, open.Atoms[0].Element = 7, 26
	if err := open.Sanitize(); err != nil {
		t.Fatal(err)
	}
	if open.Rings().Len() != 0 {
		t.Error("a dative bond closes a ring")
	}
}

// Atoms that look alike get ranks of their own all the same.
func TestTies(t *testing.T) {
	m := ring(6)
	if err := m.Sanitize(); err != nil {
		t.Fatal(err)
	}
	if c := m.SymmetryClasses(); c[0] != c[3] {
		t.Error("atoms of cyclohexane differ")
	}
	seen := map[int32]bool{}
	for _, r := range m.CanonicalRanks() {
		seen[r] = true
	}
	if len(seen) != 6 {
		t.Errorf("%d ranks for 6 atoms", len(seen))
	}
}

// AddHs and RemoveHs undo each other.
func TestHydrogens(t *testing.T) {
	m := &Mol{}
	m.AddAtom(Atom{Element: 6})
	m.AddAtom(Atom{Element: 8})
	m.AddBond(Bond{Begin: 0, End: 1, Order: Single})
	if err := m.Sanitize(); err != nil {
		t.Fatal(err)
	}
	h := m.AddHs()
	if len(h.Atoms) != 6 || h.Atoms[0].Hydrogens() != 0 || len(m.Atoms) != 2 {
		t.Fatalf("%d atoms", len(h.Atoms))
	}
	h.RemoveHs()
	if err := h.Sanitize(); err != nil || len(h.Atoms) != 2 || h.Atoms[0].Hydrogens() != 3 || h.Atoms[1].Hydrogens() != 1 {
		t.Errorf("%d atoms, %v", len(h.Atoms), err)
	}
}
