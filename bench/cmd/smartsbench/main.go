// Command smartsbench times structural alerts on a list of SMILES: PAINS, Brenk, and MCF with hydrogens added. It
// prints microseconds per molecule and the number of alerts. bench/chem_smarts_peer.py runs it beside RDKit.
package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"galen.dev/chem"
	"galen.dev/chem/filter"
	"galen.dev/chem/smiles"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	var mols []*chem.Mol
	for _, s := range strings.Fields(string(data)) {
		if m, err := smiles.Parse(s); err == nil {
			mols = append(mols, m)
		}
	}
	for _, name := range []string{"pains", "brenk", "mcf"} {
		l, err := filter.Catalogue(name)
		if err != nil {
			return err
		}
		c := filter.NewChecker(l)
		alerts := 0
		start := time.Now()
		for _, m := range mols {
			found, err := c.Check(m)
			if err != nil {
				return err
			}
			alerts += len(found)
		}
		fmt.Printf("%.2f %d\n", float64(time.Since(start).Nanoseconds())/float64(len(mols))/1e3, alerts)
	}
	return nil
}
