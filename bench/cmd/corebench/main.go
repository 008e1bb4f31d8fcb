//go:build unix

// Command corebench times the chemistry core for bench/chem.py. It reads a file of SMILES and prints, for each work, its
// name, microseconds of the clock and microseconds of processor time for one item.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"galen.dev/chem"
	"galen.dev/chem/descriptor"
	"galen.dev/chem/filter"
	"galen.dev/chem/fingerprint"
	"galen.dev/chem/similar"
	"galen.dev/chem/smiles"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// cpu is the processor time of this process, garbage collection included.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it fails for a wrong argument alone
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func measure(name string, items int, work func()) {
	start, used := time.Now(), cpu()
	work()
	wall, busy := time.Since(start), cpu()-used
	fmt.Printf("%s %.4f %.4f\n", name, wall.Seconds()*1e6/float64(items), busy.Seconds()*1e6/float64(items))
}

func run(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := strings.Fields(string(data))
	var mols []*chem.Mol
	measure("parse", len(lines), func() {
		for _, s := range lines {
			if m, err := smiles.Parse(s); err == nil {
				mols = append(mols, m)
			}
		}
	})
	measure("canonical", len(mols), func() {
		for _, m := range mols {
			smiles.Canonical(m)
		}
	})
	g, err := fingerprint.NewMorgan(fingerprint.MorganOptions{})
	if err != nil {
		return err
	}
	prints, words := similar.NewMatrix(g.Size()), make([]uint64, g.Words())
	measure("morgan", len(mols), func() {
		for _, m := range mols {
			if err = g.Bits(m, words); err != nil {
				return
			}
			prints.Append(words, "")
		}
	})
	if err != nil {
		return err
	}
	var lists []*filter.List
	for _, name := range []string{"pains", "brenk", "mcf"} {
		l, err := filter.Catalogue(name)
		if err != nil {
			return err
		}
		lists = append(lists, l)
	}
	checker := filter.NewChecker(lists...)
	if _, err := checker.Check(mols[0]); err != nil {
		return err
	}
	measure("alerts", len(mols), func() {
		for _, m := range mols {
			if _, err = checker.Check(m); err != nil {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	d, err := descriptor.NewDescriber(descriptor.Standard()...)
	if err != nil {
		return err
	}
	out := d.Describe(mols[0], nil) // loads the tables
	measure("describe", len(mols), func() {
		for _, m := range mols {
			out = d.Describe(m, out[:0])
		}
	})
	return search(prints)
}

// search compares 64 of the fingerprints with a million: those of the file again and again.
func search(prints *similar.Matrix) error {
	const rows, asked = 1_000_000, 64
	all, queries := similar.NewMatrix(prints.Bits()), similar.NewMatrix(prints.Bits())
	for i := range rows {
		all.Append(prints.Row(i%prints.Len()), "")
	}
	for i := range asked {
		queries.Append(prints.Row(i*37%prints.Len()), "")
	}
	x := similar.NewIndex(all)
	var err error
	measure("tanimoto", rows*asked, func() { _, err = x.Nearest(context.Background(), queries, 10, similar.Tanimoto) })
	return err
}
