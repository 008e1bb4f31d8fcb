package main

import (
	"strings"

	"github.com/spf13/cobra"

	"galen.dev/chem/stream"
)

// This file holds the table of `galen mol` and the flags that its commands share; mol_read.go has how they read and
// report, mol_write.go how they write.

func (a *app) molCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mol",
		Short: "Convert, clean, describe, filter, compare and draw molecules",
		Long: `Convert, clean, describe, filter, compare and draw molecules.

Files are .smi (a SMILES, a blank, a name on each line), tables with a header and a column of SMILES (commas,
semicolons or tabs), and SDF, V2000 or V3000; each may be packed with gzip. The content tells which it is. Without a
file, or with "-", molecules come from standard input. They are worked on in parallel and stay in order, and memory
does not grow with the file. Other columns and data fields are carried along.

A record that holds no molecule is reported on stderr with file, line and reason, and counted at the end; the others go
on. The exit code is 0 then, and 3 with --strict, or where no record holds a molecule. A file named by --out appears when
it is complete, and not before.`,
		Example: "  galen mol canonical library.smi\n  galen mol describe library.csv --out described.csv\n  gzip -dc big.sdf.gz | galen mol filter --rules lipinski,veber > good.sdf",
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		a.molConvert(), a.molCanonical(), a.molStandardise(), a.molDescribe(), a.molFingerprint(), a.molFilter(),
		a.molSimilar(), a.molSubstructure(), a.molScaffold(), a.molCluster(), a.molDiverse(), a.molDraw(),
	)
	return cmd
}

// molFlags are the flags that all commands on molecules share.
type molFlags struct {
	smiles         []string
	from, to, out  string
	column, name   string
	badFile        string
	strict, keepHs bool
	canFPS, fps    bool        // whether the command writes FPS files, and is asked to
	input, output  stream.Form // from, and to or the extension of out
}

// molSub makes a command on molecules with the shared flags.
func (a *app) molSub(use, short, long, example string, f *molFlags, args cobra.PositionalArgs, run func(cmd *cobra.Command, args []string) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Example: example, Args: usageArgs(args),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return run(cmd, args)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.smiles, "smiles", "s", nil, "a molecule given here, in place of files; may be repeated")
	flags.StringVar(&f.from, "from", "", "form of the input, where its content misleads: smi, csv, tsv or sdf")
	flags.StringVar(&f.column, "column", "", "column of the SMILES in a table; by default the one named smiles or a name like it")
	flags.StringVar(&f.name, "name", "", "column of the names in a table; by default one named name, title or id, or like it")
	flags.StringVarP(&f.out, "out", "o", "", "write to this file, in the form of its extension; .gz packs it")
	flags.StringVar(&f.badFile, "bad", "", "write every bad record to this file: file, line, name of the fault and reason, with tabs between")
	flags.BoolVar(&f.strict, "strict", false, "exit code 3, and no file written, if a record is bad")
	flags.BoolVar(&f.keepHs, "keep-hydrogens", false, "keep hydrogens that are written as atoms")
	return cmd
}

// molTo adds the flag of the output's form, where a command has a choice.
func molTo(cmd *cobra.Command, f *molFlags) {
	cmd.Flags().StringVar(&f.to, "to", "", "form of the output: smi, csv, tsv, sdf or jsonl; by default that of --out's extension, or of the input")
}

// check reads the flags that name forms.
func (f *molFlags) check() (err error) {
	f.input, f.output = stream.Auto, stream.Auto
	if f.from != "" {
		if f.input, err = stream.ParseForm(f.from); err != nil {
			return err
		}
	}
	plain := strings.TrimSuffix(strings.ToLower(f.out), ".gz")
	if f.fps = f.canFPS && (f.to == "fps" || f.to == "" && (strings.HasSuffix(plain, ".fps") || stream.FormOf(f.out) == stream.Auto)); f.fps {
		return nil
	}
	switch {
	case f.to != "":
		f.output, err = stream.ParseForm(f.to)
	case f.out != "":
		f.output = stream.FormOf(f.out)
	}
	return err
}

// list splits a flag's value at commas.
func list(s string) []string {
	var out []string
	for word := range strings.SplitSeq(s, ",") {
		if word = strings.TrimSpace(word); word != "" {
			out = append(out, word)
		}
	}
	return out
}
