package sdf_test

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"galen.dev/chem"
	"galen.dev/chem/layout"
	"galen.dev/chem/sdf"
	"galen.dev/chem/smiles"
)

// A molecule goes into an SDF and comes back with its centre and its data.
func Example() {
	m, err := smiles.Parse("C[C@H](N)C(=O)O")
	if err != nil {
		fmt.Println(err)
		return
	}
	layout.Place(m) // a drawing, with wedges at the centre
	m.Name, m.Props = "alanine", []chem.Prop{{Name: "pKa", Value: "2.34"}}
	file, err := sdf.Append(nil, m)
	if err != nil {
		fmt.Println(err)
		return
	}
	r := sdf.NewReader(strings.NewReader(string(file)), sdf.Options{})
	for {
		back, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Println(err) // the reader stands behind the broken record
			continue
		}
		fmt.Println(back.Name, back.Props[0].Name, back.Props[0].Value, smiles.Canonical(back) == smiles.Canonical(m))
	}
	// Output: alanine pKa 2.34 true
}
