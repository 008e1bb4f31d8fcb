package main

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"galen.dev/chem"
	"galen.dev/chem/layout"
	"galen.dev/chem/scaffold"
	"galen.dev/chem/smiles"
	"galen.dev/chem/standard"
	"galen.dev/chem/stream"
)

// This file holds the commands that change how molecules are written, or the molecules themselves.

func (a *app) molConvert() *cobra.Command {
	f := &molFlags{}
	var format smiles.Format
	var random, explicit bool
	var place bool
	var seed uint64
	cmd := a.molSub("convert [FILE...]", "Convert between SMILES, tables, SDF and JSON lines",
		`Convert between SMILES, tables, SDF and JSON lines. The form of the output is that of --out's extension or --to.

SMILES are written in the order of the atoms; "galen mol canonical" writes the form that does not depend on it. A molecule
without coordinates is laid out where SDF is written, so that its stereo can be told.`,
		"  galen mol convert library.sdf.gz --out library.smi\n  galen mol convert --smiles 'C[C@H](N)C(=O)O alanine' --to sdf\n  galen mol convert ids.csv --column structure --to jsonl",
		f, cobra.ArbitraryArgs, func(cmd *cobra.Command, files []string) error {
			return a.molStream(cmd.Context(), f, files, molJob{verb: "convert", worker: simple(func(rec *stream.Record) molResult {
				m := rec.Mol
				if explicit {
					m = m.AddHs()
				}
				if place {
					m = m.Clone()
					layout.Place(m)
				}
				row := stream.Row{Mol: m}
				if random {
					row.SMILES = smiles.Random(m, seed+uint64(rec.Number))
				} else {
					row.SMILES = smiles.Write(m, format)
				}
				return molResult{row: row}
			})})
		})
	molTo(cmd, f)
	cmd.Flags().BoolVar(&format.Kekule, "kekule", false, "write single and double bonds in place of aromatic ones")
	cmd.Flags().BoolVar(&format.Flat, "flat", false, "leave out stereo and isotopes in SMILES")
	cmd.Flags().BoolVar(&format.NoMaps, "no-maps", false, "leave out atom maps in SMILES")
	cmd.Flags().BoolVar(&explicit, "hydrogens", false, "write every hydrogen as an atom")
	cmd.Flags().BoolVar(&place, "layout", false, "draw anew, also what has coordinates")
	cmd.Flags().BoolVar(&random, "random", false, "write the atoms of SMILES in a random order, drawn from --seed")
	cmd.Flags().Uint64Var(&seed, "seed", 0, "seed of --random")
	cmd.MarkFlagsMutuallyExclusive("random", "kekule")
	cmd.MarkFlagsMutuallyExclusive("random", "flat")
	return cmd
}

// simple makes workers that need no memory of their own.
func simple(work func(rec *stream.Record) molResult) func() (func(*stream.Record) molResult, error) {
	return func() (func(*stream.Record) molResult, error) { return work, nil }
}

func (a *app) molCanonical() *cobra.Command {
	f := &molFlags{}
	var format smiles.Format
	var unique bool
	cmd := a.molSub("canonical [FILE...]", "Write canonical SMILES, and leave out repeated molecules",
		`Write the canonical SMILES, which is the same for every order of a molecule's atoms. It is Galen's own: other programs
read it as the same molecule, but write others.

--unique keeps the first of equal molecules; it remembers about 50 bytes for each different one.`,
		"  galen mol canonical library.smi\n  galen mol canonical a.smi b.sdf --unique --to smi --out merged.smi\n  galen mol canonical --smiles 'OC(=O)c1ccccc1OC(C)=O'",
		f, cobra.ArbitraryArgs, func(cmd *cobra.Command, files []string) error {
			job := molJob{verb: "canonical", worker: simple(func(rec *stream.Record) molResult {
				return molResult{row: stream.Row{Mol: rec.Mol, SMILES: smiles.CanonicalWith(rec.Mol, format)}}
			})}
			if unique {
				seen := map[[16]byte]struct{}{}
				job.seen = func(res *molResult) {
					sum := sha256.Sum256([]byte(res.row.SMILES))
					key := [16]byte(sum[:16])
					_, res.drop = seen[key]
					seen[key] = struct{}{}
				}
			}
			return a.molStream(cmd.Context(), f, files, job)
		})
	molTo(cmd, f)
	cmd.Flags().BoolVar(&unique, "unique", false, "leave out molecules that came before")
	cmd.Flags().BoolVar(&format.Flat, "flat", false, "leave out stereo and isotopes")
	cmd.Flags().BoolVar(&format.Kekule, "kekule", false, "write single and double bonds in place of aromatic ones")
	cmd.Flags().BoolVar(&format.NoMaps, "no-maps", false, "leave out atom maps")
	return cmd
}

func (a *app) molStandardise() *cobra.Command {
	f := &molFlags{}
	var o standard.Options
	cmd := a.molSub("standardise [FILE...]", "Bring molecules to one form, and tell what was changed",
		`Bring molecules to one form, so that one compound from two sources is one record: metals are disconnected, groups drawn
alike, charges put on the strongest acid; and what the flags ask for. The SMILES becomes the canonical one of the result,
and the column "changes" tells the steps in order: metal, normalise, reionise, salt, fragment, uncharge, isotope, stereo,
tautomer, each with its rule.`,
		"  galen mol standardise library.smi --parent --uncharge\n  galen mol standardise --smiles '[Na+].CC(=O)[O-]' --parent --uncharge\n  galen mol standardise raw.sdf --tautomer --out clean.sdf",
		f, cobra.ArbitraryArgs, func(cmd *cobra.Command, files []string) error {
			return a.molStream(cmd.Context(), f, files, molJob{
				verb: "standardise", added: []stream.Column{{Name: "changes"}},
				worker: simple(func(rec *stream.Record) molResult {
					r, err := standard.Standardize(rec.Mol, o)
					if err != nil {
						return molResult{err: err}
					}
					changes := make([]string, len(r.Changes))
					for i, c := range r.Changes {
						changes[i] = c.Step + ": " + c.Rule
					}
					return molResult{row: stream.Row{Mol: r.Mol, SMILES: smiles.Canonical(r.Mol), Extra: []string{strings.Join(changes, "; ")}}}
				}),
			})
		})
	cmd.Aliases = []string{"standardize"}
	molTo(cmd, f)
	flags := cmd.Flags()
	flags.BoolVar(&o.StripSalts, "salts", false, "remove known ions, acids and solvents")
	flags.BoolVar(&o.Fragment, "parent", false, "keep the largest part")
	flags.BoolVar(&o.PreferOrganic, "organic", false, "a part with carbon beats a larger one without, for --parent")
	flags.BoolVar(&o.Uncharge, "uncharge", false, "neutralise charges by moving protons")
	flags.BoolVar(&o.NoIsotopes, "no-isotopes", false, "forget isotopes")
	flags.BoolVar(&o.NoStereo, "no-stereo", false, "forget stereo")
	flags.BoolVar(&o.Tautomer, "tautomer", false, "choose one tautomer")
	flags.IntVar(&o.MaxTautomers, "max-tautomers", 1000, "tautomers looked at before one is chosen")
	return cmd
}

func (a *app) molScaffold() *cobra.Command {
	f := &molFlags{}
	var generic, brics bool
	cmd := a.molSub("scaffold [FILE...]", "Add the Murcko framework, or the BRICS fragments",
		`Add the column "scaffold" with the Murcko framework: the rings and the chains between them, empty for a molecule without
rings. --generic makes every atom carbon and every bond single. --brics adds "fragments" instead: the parts that the
bonds of a synthesis would join, with dots between.`,
		"  galen mol scaffold library.smi\n  galen mol scaffold --smiles 'CC(=O)Nc1ccc(Oc2ccncc2)cc1' --generic\n  galen mol scaffold library.csv --brics",
		f, cobra.ArbitraryArgs, func(cmd *cobra.Command, files []string) error {
			ctx := cmd.Context()
			job := molJob{verb: "scaffold", added: []stream.Column{{Name: "scaffold"}}}
			work := func(m *chem.Mol) (string, error) {
				s, err := scaffold.Murcko(m)
				if err == nil && generic {
					s, err = scaffold.Generic(s)
				}
				if err != nil {
					return "", err
				}
				return smiles.Canonical(s), nil
			}
			if brics {
				job.added[0].Name = "fragments"
				work = func(m *chem.Mol) (string, error) {
					parts, err := scaffold.BRICSDecompose(ctx, m, scaffold.BRICSOptions{})
					texts := make([]string, len(parts))
					for i, p := range parts {
						texts[i] = smiles.Canonical(p)
					}
					return strings.Join(texts, "."), err
				}
			}
			job.worker = simple(func(rec *stream.Record) molResult {
				s, err := work(rec.Mol)
				if err != nil {
					return molResult{err: fmt.Errorf("no framework: %w", err)}
				}
				return molResult{row: stream.Row{Mol: rec.Mol, SMILES: rec.Text, Extra: []string{s}}}
			})
			return a.molStream(ctx, f, files, job)
		})
	molTo(cmd, f)
	cmd.Flags().BoolVar(&generic, "generic", false, "carbon and single bonds in place of every atom and bond")
	cmd.Flags().BoolVar(&brics, "brics", false, "the fragments of BRICS in place of the framework")
	cmd.MarkFlagsMutuallyExclusive("generic", "brics")
	return cmd
}
