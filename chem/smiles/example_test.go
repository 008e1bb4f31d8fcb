package smiles_test

import (
	"context"
	"fmt"
	"strings"

	"galen.dev/chem/smiles"
	"galen.dev/fault"
)

// However the atoms are ordered, the canonical SMILES is one.
func ExampleCanonical() {
	for _, s := range []string{"OC(=O)c1ccccc1OC(C)=O", "CC(=O)Oc1ccccc1C(=O)O", "C1=CC=CC(C(O)=O)=C1OC(=O)C"} {
		m, err := smiles.Parse(s)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(smiles.Canonical(m))
	}
	// Output:
	// CC(=O)Oc1ccccc1C(=O)O
	// CC(=O)Oc1ccccc1C(=O)O
	// CC(=O)Oc1ccccc1C(=O)O
}

// The error of a bad SMILES names the mistake and the place.
func ExampleParse() {
	_, err := smiles.Parse("C1CC")
	for _, f := range fault.FindingsOf(err) {
		fmt.Printf("%s: %s (%s)\n", f.Name, f.Message, f.Hint)
	}
	// Output: unclosed-ring: character 2: ring 1 is not closed (write the number again at the atom that closes the ring)
}

// A file is read in parallel and in order; bad lines are told, and reading goes on.
func ExampleRead() {
	file := strings.NewReader("CCO ethanol\nC(C broken\nCC(=O)O acetic acid\n")
	err := smiles.Read(context.Background(), file, smiles.Options{}, func(l smiles.Line) error {
		if l.Err != nil {
			fmt.Println("line", l.Number, "is bad:", fault.FindingsOf(l.Err)[0].Name)
			return nil
		}
		fmt.Println(l.Mol.Name, len(l.Mol.Atoms))
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// ethanol 3
	// line 2 is bad: unclosed-branch
	// acetic acid 4
}
