package depict_test

import (
	"bytes"
	"fmt"

	"galen.dev/chem/depict"
	"galen.dev/chem/smarts"
	"galen.dev/chem/smiles"
)

// A molecule is drawn with a substructure highlighted.
func ExampleSVG() {
	m, err := smiles.Parse("CC(=O)Oc1ccccc1C(=O)O")
	if err != nil {
		fmt.Println(err)
		return
	}
	var h depict.Highlight
	acid, err := smarts.MustParse("C(=O)[OX2H1]").Find(m, smarts.Options{Max: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range acid[0] {
		h.Atoms = append(h.Atoms, int32(a))
	}
	svg := depict.SVG(m, depict.Options{Title: "aspirin", Highlights: []depict.Highlight{h}})
	fmt.Println(bytes.HasPrefix(svg, []byte("<svg ")), bytes.Contains(svg, []byte("<title>aspirin</title>")))
	// Output: true true
}
