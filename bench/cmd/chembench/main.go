// Command chembench times the chemistry core on a list of SMILES: reading with full perception, and canonical
// SMILES of the molecules read. bench/chem_peer.py runs it beside RDKit.
package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"galen.dev/chem"
	"galen.dev/chem/smiles"
)

func main() {
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var mols []*chem.Mol
	start := time.Now()
	lines := strings.Fields(string(data))
	for _, s := range lines {
		if m, err := smiles.Parse(s); err == nil {
			mols = append(mols, m)
		}
	}
	parsed := time.Now()
	size := 0
	for _, m := range mols {
		size += len(smiles.Canonical(m))
	}
	written := time.Now()
	n := float64(len(lines))
	fmt.Printf("%.2f %.2f %d %d\n", float64(parsed.Sub(start).Nanoseconds())/n/1e3, float64(written.Sub(parsed).Nanoseconds())/n/1e3, len(mols), size)
}
