package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"galen.dev/chem/depict"
	"galen.dev/chem/smarts"
	"galen.dev/chem/stream"
	"galen.dev/fault"
)

func (a *app) molDraw() *cobra.Command {
	f := &molFlags{}
	d := molDrawing{}
	cmd := a.molSub("draw [FILE...]", "Draw molecules as SVG, with substructures highlighted",
		`Draw molecules as SVG: one alone, several in rows with their names. Coordinates of a drawing are used, other molecules are
laid out. --highlight colours the atoms and bonds of a SMARTS. The SVG needs no scripts, fonts or network, and follows the
reader's light or dark setting.`,
		"  galen mol draw --smiles 'CC(=O)Oc1ccccc1C(=O)O aspirin' --out aspirin.svg\n  galen mol draw hits.sdf --columns 5 --highlight c1ccncc1 --out hits.svg\n  galen mol draw --smiles c1ccccc1O --numbers --colour light",
		f, cobra.ArbitraryArgs, func(cmd *cobra.Command, files []string) error {
			if err := d.check(); err != nil {
				return err
			}
			return a.molRun("draw", f, func(r *molReport) error {
				cells, err := d.cells(cmd, f, files, r)
				if err == nil {
					err = r.verdict(f.strict)
				}
				if err == nil && len(cells) == 0 {
					err = fault.Errorf(fault.Data, "there is no molecule to draw")
				}
				if err != nil {
					return err
				}
				r.Written = len(cells)
				if a.json && f.out == "" {
					return fault.WithHint(fault.Errorf(fault.Usage, "an SVG is no JSON"), "give --out FILE, or leave out --json")
				}
				err = a.molOutput(f, r, func(w io.Writer) error {
					_, err := w.Write(d.svg(cells))
					return err
				})
				if err == nil && a.json {
					return a.print(r, nil)
				}
				return err
			})
		})
	flags := cmd.Flags()
	flags.StringArrayVar(&d.highlight, "highlight", nil, "SMARTS whose atoms and bonds are coloured; may be repeated, each in a colour of its own")
	flags.IntVar(&d.columns, "columns", 4, "molecules in a row")
	flags.IntVar(&d.most, "max", 200, "draw at most so many molecules")
	flags.Float64Var(&d.width, "width", 0, "width of a molecule in pixels; 0 = as needed, or 210 in rows")
	flags.Float64Var(&d.height, "height", 0, "height of a molecule in pixels; 0 = as needed, or 170 in rows")
	flags.StringVar(&d.colour, "colour", "adaptive", "what it is coloured for: adaptive, light, dark or current (the colour of the text around)")
	flags.BoolVar(&d.numbers, "numbers", false, "number the atoms from 1")
	return cmd
}

// molDrawing are the flags of draw.
type molDrawing struct {
	highlight     []string
	patterns      []*smarts.Pattern
	columns, most int
	width, height float64
	colour        string
	numbers       bool
	tone          depict.Colour
}

func (d *molDrawing) check() error {
	tones := map[string]depict.Colour{"adaptive": depict.Adaptive, "light": depict.Light, "dark": depict.Dark, "current": depict.Current}
	tone, ok := tones[d.colour]
	switch {
	case !ok:
		return fault.Errorf(fault.Usage, "colour %q is not one of adaptive, light, dark, current", d.colour)
	case d.columns < 1 || d.most < 1:
		return fault.Errorf(fault.Usage, "--columns and --max are at least 1")
	case d.width < 0 || d.height < 0 || d.width > 10_000 || d.height > 10_000:
		return fault.Errorf(fault.Usage, "--width and --height are between 0 and 10000")
	}
	d.tone = tone
	for _, text := range d.highlight {
		p, err := smarts.Parse(text)
		if err != nil {
			return fault.Errorf(fault.Usage, "--highlight: %w", err)
		}
		d.patterns = append(d.patterns, p)
	}
	return nil
}

// cells reads the molecules that are drawn.
func (d *molDrawing) cells(cmd *cobra.Command, f *molFlags, files []string, r *molReport) ([]depict.Cell, error) {
	var cells []depict.Cell
	passed := 0
	err := eachMolecule(cmd.Context(), f, files, r, func(*stream.Reader) error { return nil },
		func(int, *stream.Reader, *stream.Record) struct{} { return struct{}{} },
		func(in *stream.Reader, rec *stream.Record, _ struct{}) error {
			if len(cells) == d.most {
				passed++
				return nil
			}
			o := depict.Options{Width: d.width, Height: d.height, Colour: d.tone}
			if d.numbers {
				o.Numbers = depict.Indices
			}
			for i, p := range d.patterns {
				h, err := highlightOf(p, rec, i)
				if err != nil {
					r.bad(rec, in.File(), err)
					return nil
				}
				o.Highlights = append(o.Highlights, h)
			}
			cells = append(cells, depict.Cell{Mol: rec.Mol, Caption: rec.Mol.Name, Options: o})
			return nil
		})
	if err == nil && passed > 0 {
		fmt.Fprintf(r.app.err, "galen: note: %s more not drawn; --max says how many are\n", fault.Count(passed, "molecule"))
	}
	return cells, err
}

// highlightOf marks all atoms and bonds of a pattern's matches.
func highlightOf(p *smarts.Pattern, rec *stream.Record, colour int) (depict.Highlight, error) {
	h := depict.Highlight{Colour: colour % 6}
	matches, err := p.Find(rec.Mol, smarts.Options{Unique: true})
	if err != nil {
		return h, err
	}
	atom, bond := make([]bool, len(rec.Mol.Atoms)), make([]bool, len(rec.Mol.Bonds))
	for _, match := range matches {
		inside := map[int32]bool{}
		for _, a := range match {
			inside[int32(a)] = true
			atom[a] = true
		}
		for i := range rec.Mol.Bonds {
			b := &rec.Mol.Bonds[i]
			bond[i] = bond[i] || inside[b.Begin] && inside[b.End]
		}
	}
	for i, on := range atom {
		if on {
			h.Atoms = append(h.Atoms, int32(i))
		}
	}
	for i, on := range bond {
		if on {
			h.Bonds = append(h.Bonds, int32(i))
		}
	}
	return h, nil
}

func (d *molDrawing) svg(cells []depict.Cell) []byte {
	if len(cells) == 1 {
		return depict.SVG(cells[0].Mol, cells[0].Options)
	}
	return depict.Grid(cells, depict.GridOptions{Columns: d.columns, Width: d.width, Height: d.height, Colour: d.tone})
}
