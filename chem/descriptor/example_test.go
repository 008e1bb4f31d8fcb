package descriptor_test

import (
	"fmt"

	"galen.dev/chem/descriptor"
	"galen.dev/chem/smiles"
)

func ExampleDescriber() {
	d, err := descriptor.NewDescriber("MolWt", "MolLogP", "TPSA", "qed")
	if err != nil {
		panic(err)
	}
	var values []float64
	for _, s := range []string{"CC(=O)Oc1ccccc1C(=O)O", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C"} {
		m, err := smiles.Parse(s)
		if err != nil {
			panic(err)
		}
		values = d.Describe(m, values[:0])
		fmt.Printf("%s %.2f\n", descriptor.Formula(m), values)
	}
	// Output:
	// C9H8O4 [180.16 1.31 63.60 0.55]
	// C8H10N4O2 [194.19 -1.03 61.82 0.54]
}
