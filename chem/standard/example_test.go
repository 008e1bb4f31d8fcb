package standard_test

import (
	"fmt"

	"galen.dev/chem/smiles"
	"galen.dev/chem/standard"
)

func ExampleStandardize() {
	m, err := smiles.Parse("CC(=O)Oc1ccccc1C(=O)O[Na]")
	if err != nil {
		panic(err)
	}
	r, err := standard.Standardize(m, standard.Options{Fragment: true, Uncharge: true})
	if err != nil {
		panic(err)
	}
	fmt.Println(smiles.Write(r.Mol, smiles.Format{}))
	for _, c := range r.Changes {
		fmt.Println(c.Step, c.Rule, c.Atoms)
	}
	// Output:
	// CC(=O)Oc1ccccc1C(=O)O
	// metal bond to Na [13 12]
	// fragment [Na+] [13]
	// uncharge anion [12]
}
