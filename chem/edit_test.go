package chem_test

import (
	"testing"

	"galen.dev/chem/smiles"
)

func TestKeep(t *testing.T) {
	m, err := smiles.Parse("C[C@H](F)Cl.O")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		keep []bool
		want string
	}{
		{[]bool{true, true, true, true, false}, "C[C@H](F)Cl"}, // nothing at the centre changes
		{[]bool{true, true, false, true, true}, "CCCl.O"},
	} {
		part := m.Clone()
		part.Keep(c.keep)
		if err := part.Sanitize(); err != nil {
			t.Fatal(err)
		}
		part.AssignStereo()
		want, err := smiles.Parse(c.want)
		if err != nil {
			t.Fatal(err)
		}
		if got := smiles.Canonical(part); got != smiles.Canonical(want) {
			t.Errorf("kept %v: %s, want %s", c.keep, got, c.want)
		}
	}
}

func TestRecountHydrogens(t *testing.T) {
	m, err := smiles.Parse("CO")
	if err != nil {
		t.Fatal(err)
	}
	m.Atoms[1].Charge = -1
	m.RecountHydrogens(1)
	if got := smiles.Canonical(m); got != "C[O-]" && got != "[O-]C" {
		t.Errorf("methanol that lost a proton: %s", got)
	}
}
