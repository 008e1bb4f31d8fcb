package chem_test

import (
	"fmt"

	"galen.dev/chem"
	"galen.dev/chem/smiles"
)

// A molecule is read, and its atoms, bonds and rings are plain values.
func Example() {
	m, err := smiles.Parse("Oc1ccccc1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(m.Atoms), "atoms,", len(m.Bonds), "bonds,", m.Rings().Len(), "ring")
	for _, n := range m.Neighbors(0) {
		a := &m.Atoms[n.Atom]
		fmt.Println("the oxygen is bonded to an aromatic atom:", chem.ElementOf(a.Element).Symbol, a.Aromatic())
	}
	// Output:
	// 7 atoms, 7 bonds, 1 ring
	// the oxygen is bonded to an aromatic atom: C true
}

// A molecule can be built atom by atom.
func ExampleMol_AddAtom() {
	m := &chem.Mol{}
	c := m.AddAtom(chem.Atom{Element: 6})
	o := m.AddAtom(chem.Atom{Element: 8})
	m.AddBond(chem.Bond{Begin: c, End: o, Order: chem.Double})
	if err := m.Sanitize(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(smiles.Canonical(m), m.Atoms[c].Hydrogens(), "hydrogens")
	// Output: C=O 2 hydrogens
}
