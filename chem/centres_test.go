package chem_test

import (
	"slices"
	"testing"

	"galen.dev/chem/smiles"
)

// The atoms were checked against RDKit's FindMolChiralCenters with includeUnassigned.
func TestStereoCentres(t *testing.T) {
	for s, want := range map[string][]int32{
		"CCO":                     nil,
		"CC(F)Cl":                 {1},
		"C[C@H](F)Cl":             {1},
		"CC1CCC(C)CC1":            nil,
		"C[C@H](O)C(F)[C@H](O)C":  {1, 3, 5},
		"C[C@H](O)C(F)[C@@H](O)C": {1, 5},
		"C/C=C/C(O)/C=C\\C":       {3},
		"CS(=O)c1ccccc1":          {1},
		"N1(C)C2CC2C1C(F)(Cl)Br":  {2, 4, 5, 6},
	} {
		m, err := smiles.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.StereoCentres(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", s, got, want)
		}
	}
}
