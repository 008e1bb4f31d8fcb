package fingerprint_test

import (
	"fmt"

	"galen.dev/chem/fingerprint"
	"galen.dev/chem/smiles"
)

// ECFP4 of benzene has three bits; Explain tells which atoms stand behind each.
func ExampleNewMorgan() {
	m, err := smiles.Parse("c1ccccc1")
	if err != nil {
		fmt.Println(err)
		return
	}
	g, err := fingerprint.NewMorgan(fingerprint.MorganOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	words := make([]uint64, g.Words())
	if err := g.Bits(m, words); err != nil {
		fmt.Println(err)
		return
	}
	found, err := g.Explain(m)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range found {
		set := words[b.Bit/64]>>(b.Bit%64)&1 == 1
		fmt.Println("bit", b.Bit, set, len(b.Places), "places of radius", b.Places[0].Radius)
	}
	// Output:
	// bit 389 true 6 places of radius 2
	// bit 1088 true 6 places of radius 1
	// bit 1873 true 6 places of radius 0
}
