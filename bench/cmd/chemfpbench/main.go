// Command chemfpbench times fingerprints, search by similarity and frameworks on a list of SMILES.
// bench/chem_fingerprint_peer.py runs it beside RDKit.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"galen.dev/chem"
	"galen.dev/chem/fingerprint"
	"galen.dev/chem/scaffold"
	"galen.dev/chem/similar"
	"galen.dev/chem/smiles"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// generators are the kinds that are timed, in RDKit's defaults.
func generators() (names []string, list []*fingerprint.Generator, err error) {
	add := func(name string, g *fingerprint.Generator, e error) {
		names, list = append(names, name), append(list, g)
		if e != nil {
			err = e
		}
	}
	counted := fingerprint.Folding{CountSimulation: true}
	g, e := fingerprint.NewMorgan(fingerprint.MorganOptions{})
	add("morgan", g, e)
	g, e = fingerprint.NewMorgan(fingerprint.MorganOptions{Features: true})
	add("fcfp", g, e)
	g, e = fingerprint.NewPairs(fingerprint.PairOptions{Folding: counted})
	add("pairs", g, e)
	g, e = fingerprint.NewTorsions(fingerprint.TorsionOptions{Folding: counted})
	add("torsions", g, e)
	g, e = fingerprint.NewPaths(fingerprint.PathOptions{})
	add("paths", g, e)
	add("maccs", fingerprint.NewMACCS(), nil)
	return names, list, err
}

func run(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	names, list, err := generators()
	if err != nil {
		return err
	}
	lines := strings.Fields(string(data))
	var mols []*chem.Mol
	start := time.Now()
	report := func(name string, n int) {
		fmt.Println(name, float64(time.Since(start).Nanoseconds())/1e3/float64(n))
		start = time.Now()
	}
	rows := similar.NewMatrix(list[0].Size())
	words := make([]uint64, list[0].Words())
	for _, s := range lines {
		m, err := smiles.Parse(s)
		if err != nil {
			continue
		}
		if err := list[0].Bits(m, words); err != nil {
			return err
		}
		rows.Append(words, "")
		mols = append(mols, m)
	}
	report("parse+morgan", len(lines))
	for k, g := range list {
		words := make([]uint64, g.Words())
		for _, m := range mols {
			if err := g.Bits(m, words); err != nil {
				return err
			}
		}
		report(names[k], len(mols))
	}
	ctx := context.Background()
	if _, err := similar.NewIndex(rows).Nearest(ctx, rows, 10, similar.Tanimoto); err != nil {
		return err
	}
	report("tanimoto", rows.Len()*rows.Len())
	if _, _, err := similar.MaxMin(ctx, rows, min(500, rows.Len()), []int{0}); err != nil {
		return err
	}
	report("maxmin500", 1)
	for _, m := range mols {
		if s, err := scaffold.Murcko(m); err == nil {
			_ = smiles.Canonical(s)
		}
	}
	report("murcko", len(mols))
	few := mols[:min(500, len(mols))]
	for _, m := range few {
		if _, err := scaffold.BRICSDecompose(ctx, m, scaffold.BRICSOptions{}); err != nil {
			return err
		}
	}
	report("brics", len(few))
	return nil
}
