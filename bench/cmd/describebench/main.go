// Command describebench times descriptors and standard forms for chem_descriptor_peer.py: it reads a file of SMILES
// and prints microseconds per molecule for the common descriptors, for all of them, and for the clean-up, and how
// many molecules there were.
package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"galen.dev/chem"
	"galen.dev/chem/descriptor"
	"galen.dev/chem/smiles"
	"galen.dev/chem/standard"
)

func main() {
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var mols []*chem.Mol
	for _, s := range strings.Fields(string(data)) {
		if m, err := smiles.Parse(s); err == nil {
			mols = append(mols, m)
		}
	}
	common, err := descriptor.NewDescriber(descriptor.Standard()...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	all := &descriptor.Describer{}
	var out []float64
	out = common.Describe(mols[0], out) // loads the tables
	out = all.Describe(mols[0], out)
	for _, do := range []func(m *chem.Mol){
		func(m *chem.Mol) { out = common.Describe(m, out[:0]) },
		func(m *chem.Mol) { out = all.Describe(m, out[:0]) },
		func(m *chem.Mol) { _, _ = standard.Standardize(m, standard.Options{}) },
	} {
		start := time.Now()
		for _, m := range mols {
			do(m)
		}
		fmt.Printf("%.3f ", float64(time.Since(start).Nanoseconds())/1e3/float64(len(mols)))
	}
	fmt.Println(len(mols))
}
