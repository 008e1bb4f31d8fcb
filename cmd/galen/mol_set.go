package main

import (
	"context"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"galen.dev/chem/fingerprint"
	"galen.dev/chem/similar"
	"galen.dev/chem/stream"
	"galen.dev/fault"
)

// This file holds the commands that must see all molecules before they can write one: cluster, diverse, and what they
// share with the nearest neighbours of similar.

// molKept is a record that was kept, with the values of the added columns.
type molKept struct {
	in    *stream.Reader
	rec   stream.Record
	extra []string
}

// molHeld runs a command that keeps records and writes them at the end. gather reads the molecules.
func (a *app) molHeld(verb string, f *molFlags, added []stream.Column, gather func(r *molReport, first func(*stream.Reader) error) ([]molKept, error)) error {
	return a.molRun(verb, f, func(r *molReport) error {
		err := a.molOutput(f, r, func(w io.Writer) error {
			s := molSink{w: w, json: a.json && f.out == "", job: &molJob{added: added}, form: f.output}
			kept, err := gather(r, s.begin)
			for i := 0; i < len(kept) && err == nil; i++ {
				k := &kept[i]
				res := molResult{row: stream.Row{Mol: k.rec.Mol, SMILES: k.rec.Text, Extra: k.extra}}
				s.encode(k.in, &k.rec, &res)
				err = s.take(r, k.in, &k.rec, &res)
			}
			if err == nil {
				err = r.verdict(f.strict)
			}
			return s.end(a, r, err)
		})
		if err == nil && a.json && f.out != "" {
			return a.print(r, nil)
		}
		return err
	})
}

// molMatrix keeps all records and their fingerprints.
func molMatrix(ctx context.Context, f *molFlags, files []string, g *fingerprint.Generator, r *molReport, first func(*stream.Reader) error) ([]molKept, *similar.Matrix, error) {
	type print struct {
		words []uint64
		err   error
	}
	workers, err := perWorker(func() (func(*stream.Record) print, error) {
		g := g.Clone()
		return func(rec *stream.Record) print {
			words := make([]uint64, g.Words())
			return print{words, g.Bits(rec.Mol, words)}
		}, nil
	})
	if err != nil {
		return nil, nil, err
	}
	m := similar.NewMatrix(g.Size())
	var kept []molKept
	err = eachMolecule(ctx, f, files, r, first,
		func(worker int, _ *stream.Reader, rec *stream.Record) print { return workers[worker](rec) },
		func(in *stream.Reader, rec *stream.Record, p print) error {
			if p.err != nil {
				r.bad(rec, in.File(), p.err)
				return nil
			}
			m.Append(p.words, "")
			kept = append(kept, molKept{in: in, rec: *rec})
			return nil
		})
	return kept, m, err
}

func (a *app) molCluster() *cobra.Command {
	f := &molFlags{}
	var o molPrint
	var distance float64
	cmd := a.molSub("cluster [FILE...]", "Put similar molecules together (Butina)",
		`Put similar molecules together by Butina's method: the molecule with most neighbours within --distance (1 - Tanimoto) takes
them as its cluster, then the one with most of what is left, and so on. Columns are added: "cluster", from 1 for the
largest, and "centre", yes for the molecule that took the others. Clusters come one after the other, each with its
centre first. All molecules are kept in memory, and all pairs within the distance.`,
		"  galen mol cluster library.smi\n  galen mol cluster hits.sdf --distance 0.3 --out clusters.csv",
		f, cobra.ArbitraryArgs, func(cmd *cobra.Command, files []string) error {
			g, err := o.generator()
			if err != nil {
				return err
			}
			if distance < 0 || distance > 1 {
				return fault.Errorf(fault.Usage, "--distance %g is not between 0 and 1", distance)
			}
			return a.molHeld("cluster", f, []stream.Column{{Name: "cluster", Number: true}, {Name: "centre"}}, func(r *molReport, first func(*stream.Reader) error) ([]molKept, error) {
				all, matrix, err := molMatrix(cmd.Context(), f, files, g, r, first)
				if err != nil {
					return nil, err
				}
				clusters, err := similar.Butina(cmd.Context(), matrix, distance, true)
				var kept []molKept
				for n, rows := range clusters {
					for i, row := range rows {
						k := all[row]
						k.extra = []string{strconv.Itoa(n + 1), map[bool]string{true: "yes", false: "no"}[i == 0]}
						kept = append(kept, k)
					}
				}
				return kept, err
			})
		})
	molTo(cmd, f)
	o.flags(cmd)
	cmd.Flags().Float64Var(&distance, "distance", 0.35, "greatest distance from the centre, 1 - Tanimoto, from 0 to 1")
	return cmd
}

func (a *app) molDiverse() *cobra.Command {
	f := &molFlags{}
	var o molPrint
	var n int
	cmd := a.molSub("diverse [FILE...]", "Pick molecules that differ most (MaxMin)",
		`Pick the molecules that differ most, beginning with the first: each next one is that whose greatest Tanimoto similarity to
those picked is least. They come in the order of picking. All molecules are kept in memory.`,
		"  galen mol diverse library.smi -n 100\n  galen mol diverse library.sdf -n 24 --out plate.sdf",
		f, cobra.ArbitraryArgs, func(cmd *cobra.Command, files []string) error {
			g, err := o.generator()
			if err != nil {
				return err
			}
			if n < 1 {
				return fault.Errorf(fault.Usage, "-n %d: at least one is picked", n)
			}
			return a.molHeld("diverse", f, nil, func(r *molReport, first func(*stream.Reader) error) ([]molKept, error) {
				all, matrix, err := molMatrix(cmd.Context(), f, files, g, r, first)
				if err != nil || len(all) == 0 {
					return nil, err
				}
				picks, _, err := similar.MaxMin(cmd.Context(), matrix, min(n, len(all)), []int{0})
				kept := make([]molKept, len(picks))
				for i, row := range picks {
					kept[i] = all[row]
				}
				return kept, err
			})
		})
	molTo(cmd, f)
	o.flags(cmd)
	cmd.Flags().IntVarP(&n, "number", "n", 10, "how many are picked")
	return cmd
}
