package similar_test

import (
	"context"
	"fmt"

	"galen.dev/chem/fingerprint"
	"galen.dev/chem/similar"
	"galen.dev/chem/smiles"
)

// The molecule most like aspirin in a short list, and the one that differs most.
func Example() {
	g, err := fingerprint.NewMorgan(fingerprint.MorganOptions{})
	if err != nil {
		panic(err)
	}
	drugs := similar.NewMatrix(g.Size())
	words := make([]uint64, g.Words())
	for _, d := range [][2]string{
		{"aspirin", "CC(=O)Oc1ccccc1C(=O)O"},
		{"caffeine", "Cn1c(=O)c2c(ncn2C)n(C)c1=O"},
		{"salicylic acid", "OC(=O)c1ccccc1O"},
		{"ibuprofen", "CC(C)Cc1ccc(cc1)C(C)C(=O)O"},
	} {
		m, err := smiles.Parse(d[1])
		if err != nil {
			panic(err)
		}
		if err := g.Bits(m, words); err != nil {
			panic(err)
		}
		drugs.Append(words, d[0])
	}
	query := similar.NewMatrix(g.Size())
	query.Append(drugs.Row(0), "")
	hits, err := similar.NewIndex(drugs).Nearest(context.Background(), query, 2, similar.Tanimoto)
	if err != nil {
		panic(err)
	}
	for _, h := range hits[0] {
		fmt.Printf("%s %.2f\n", drugs.ID(h.Row), h.Score)
	}
	picks, _, err := similar.MaxMin(context.Background(), drugs, 2, []int{0})
	if err != nil {
		panic(err)
	}
	fmt.Println(drugs.ID(picks[1]))
	// Output:
	// aspirin 1.00
	// salicylic acid 0.45
	// caffeine
}
