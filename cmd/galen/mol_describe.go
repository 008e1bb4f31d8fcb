package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"galen.dev/chem"
	"galen.dev/chem/descriptor"
	"galen.dev/chem/filter"
	"galen.dev/chem/fingerprint"
	"galen.dev/chem/stream"
	"galen.dev/fault"
)

// This file holds the commands that compute something of each molecule: describe, filter, fingerprint.

func (a *app) molDescribe() *cobra.Command {
	f := &molFlags{}
	var only string
	var all, show bool
	cmd := a.molSub("describe [FILE...]", "Add descriptors: weight, logP, TPSA, counts, QED, SA score and more",
		`Add descriptors as columns, under RDKit's names and with its values: by default those that are asked for most, with --all
every one, with --only a choice. --list tells what each is. A value that does not exist for a molecule is left empty.`,
		"  galen mol describe library.smi\n  galen mol describe --smiles 'CN1C=NC2=C1C(=O)N(C(=O)N2C)C' --only MolWt,MolLogP,TPSA,qed --to jsonl\n  galen mol describe --list",
		f, cobra.ArbitraryArgs, func(cmd *cobra.Command, files []string) error {
			if show {
				return a.molDescriptors()
			}
			names := descriptor.Standard()
			if all {
				names = descriptor.Names()
			} else if only != "" {
				names = list(only)
			}
			return a.molStream(cmd.Context(), f, files, describeJob(names))
		})
	molTo(cmd, f)
	cmd.Flags().StringVar(&only, "only", "", "names of descriptors with commas between, in the order wanted")
	cmd.Flags().BoolVar(&all, "all", false, "every descriptor")
	cmd.Flags().BoolVar(&show, "list", false, "list the descriptors, with what they measure")
	cmd.MarkFlagsMutuallyExclusive("only", "all", "list")
	return cmd
}

func describeJob(names []string) molJob {
	job := molJob{verb: "describe"}
	for _, name := range names {
		job.added = append(job.added, stream.Column{Name: name, Number: true})
	}
	job.worker = func() (func(*stream.Record) molResult, error) {
		d, err := descriptor.NewDescriber(names...)
		if err != nil {
			return nil, fault.WithHint(fault.Errorf(fault.Usage, "%w", err), "%s", orHint(err, "galen mol describe --list tells the names"))
		}
		var values []float64
		return func(rec *stream.Record) molResult {
			values = d.Describe(rec.Mol, values[:0])
			texts := make([]string, len(values))
			for i, v := range values {
				if !math.IsNaN(v) && !math.IsInf(v, 0) {
					texts[i] = shortNumber(v)
				}
			}
			return molResult{row: stream.Row{Mol: rec.Mol, SMILES: rec.Text, Extra: texts}}
		}, nil
	}
	return job
}

// shortNumber writes a value with seven digits, which is more than any descriptor knows.
func shortNumber(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', 7, 64)
}

func orHint(err error, otherwise string) string {
	if h := fault.HintOf(err); h != "" {
		return h
	}
	return otherwise
}

func (a *app) molDescriptors() error {
	type row struct {
		Name   string `json:"name"`
		Doc    string `json:"doc"`
		Unit   string `json:"unit,omitempty"`
		Source string `json:"source"`
	}
	var rows []row
	for _, d := range descriptor.Table() {
		rows = append(rows, row{d.Name, d.Doc, d.Unit, d.Source})
	}
	return a.print(rows, func(w io.Writer) {
		for _, r := range rows {
			fmt.Fprintf(w, "%-26s %s", r.Name, r.Doc)
			if r.Unit != "" {
				fmt.Fprintf(w, " [%s]", r.Unit)
			}
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "\n%d descriptors; --json gives their sources\n", len(rows))
	})
}

func (a *app) molFilter() *cobra.Command {
	f := &molFlags{}
	var alerts, rules string
	var invert, mark, show bool
	cmd := a.molSub("filter [FILE...]", "Keep molecules without structural alerts that obey rules such as Lipinski's",
		`Keep the molecules that have no alert of the given catalogues of substructures and obey the given rules on their size and
polarity; by default PAINS and Lipinski's rule of five (which one range may miss). Donors and acceptors are counted as
Lipinski did: hydrogens on N and O, and all N and O. --mark keeps all and adds columns: "passes", "alerts" with the
names of what was found, "broken" with the ranges that are missed. An alert is a hint, not a verdict.`,
		"  galen mol filter library.smi\n  galen mol filter library.smi --alerts pains,brenk,mcf --rules none --mark\n  galen mol filter library.sdf --alerts none --rules lipinski,veber --out good.sdf\n  galen mol filter --list",
		f, cobra.ArbitraryArgs, func(cmd *cobra.Command, files []string) error {
			if show {
				return a.molFilters()
			}
			check, err := newMolFilter(alerts, rules)
			if err != nil {
				return err
			}
			job := molJob{verb: "filter", worker: func() (func(*stream.Record) molResult, error) { return check(invert, mark), nil }}
			if mark {
				job.added = []stream.Column{{Name: "passes"}, {Name: "alerts"}, {Name: "broken"}}
			}
			return a.molStream(cmd.Context(), f, files, job)
		})
	molTo(cmd, f)
	cmd.Flags().StringVar(&alerts, "alerts", "pains", "catalogues of substructures, with commas between, or none")
	cmd.Flags().StringVar(&rules, "rules", "lipinski", "rules, with commas between, or none")
	cmd.Flags().BoolVarP(&invert, "invert", "v", false, "keep the molecules that do not pass")
	cmd.Flags().BoolVar(&mark, "mark", false, "keep all, and add columns that say what was found")
	cmd.Flags().BoolVar(&show, "list", false, "list the catalogues and rules")
	cmd.MarkFlagsMutuallyExclusive("invert", "mark", "list")
	return cmd
}

// newMolFilter finds catalogues and rules by their names, and returns what makes the check of one goroutine.
func newMolFilter(alerts, rules string) (func(invert, mark bool) func(*stream.Record) molResult, error) {
	var lists []*filter.List
	if alerts != "none" {
		for _, name := range list(alerts) {
			l, err := filter.Catalogue(name)
			if err != nil {
				return nil, fault.WithHint(fault.Errorf(fault.Usage, "%w", err), "%s", orHint(err, "galen mol filter --list tells the catalogues"))
			}
			lists = append(lists, l)
		}
	}
	var chosen []filter.Rule
	if rules != "none" {
		for _, name := range list(rules) {
			i := slices.IndexFunc(filter.Rules(), func(r filter.Rule) bool { return r.Name == name })
			if i < 0 {
				var names []string
				for _, r := range filter.Rules() {
					names = append(names, r.Name)
				}
				hint := fault.DidYouMean(name, names)
				if hint == "" {
					hint = "galen mol filter --list tells the rules"
				}
				return nil, fault.WithHint(fault.Errorf(fault.Usage, "no rule %q", name), "%s", hint)
			}
			chosen = append(chosen, filter.Rules()[i])
		}
	}
	return func(invert, mark bool) func(*stream.Record) molResult {
		checker := filter.NewChecker(lists...)
		return func(rec *stream.Record) molResult { return filterOne(checker, lists, chosen, rec, invert, mark) }
	}, nil
}

func filterOne(checker *filter.Checker, lists []*filter.List, rules []filter.Rule, rec *stream.Record, invert, mark bool) molResult {
	res := molResult{row: stream.Row{Mol: rec.Mol, SMILES: rec.Text}}
	passes := true
	var broken []string
	if len(rules) > 0 {
		values := filterValues(rec.Mol)
		for i := range rules {
			if ok := rules[i].Passes(values); !ok {
				passes = false
				broken = append(broken, rules[i].Name+": "+strings.Join(rules[i].Broken(values), ", "))
			}
		}
	}
	var names []string
	switch {
	case len(lists) == 0:
	case mark:
		found, err := checker.Check(rec.Mol)
		if err != nil {
			return molResult{err: err}
		}
		for _, alert := range found {
			names = append(names, alert.Source+":"+alert.Name)
		}
		passes = passes && len(found) == 0
	case passes: // nothing more is asked of one that has failed
		any, err := checker.Any(rec.Mol)
		if err != nil {
			return molResult{err: err}
		}
		passes = !any
	}
	if mark {
		res.row.Extra = []string{map[bool]string{true: "yes", false: "no"}[passes], strings.Join(names, "; "), strings.Join(broken, "; ")}
		return res
	}
	res.drop = passes == invert
	return res
}

// filterValues are the numbers that rules judge.
func filterValues(m *chem.Mol) filter.Values {
	v := filter.Values{
		Weight: descriptor.Weight(m), TPSA: descriptor.TPSA(m), Rotatable: descriptor.RotatableBonds(m),
		Donors: descriptor.LipinskiDonors(m), Acceptors: descriptor.LipinskiAcceptors(m),
		Rings: descriptor.CountRings(m).Rings, HeteroAtoms: descriptor.Heteroatoms(m), Atoms: len(m.Atoms),
	}
	v.LogP, v.Refractivity = descriptor.Crippen(m)
	for i := range m.Atoms {
		at := &m.Atoms[i]
		v.Atoms += at.Hydrogens()
		if at.Element == 6 {
			v.Carbons++
		}
	}
	return v
}

func (a *app) molFilters() error {
	type row struct {
		Name      string `json:"name"`
		Kind      string `json:"kind"` // catalogue or rule
		About     string `json:"about,omitempty"`
		Patterns  int    `json:"patterns,omitempty"`
		Reference string `json:"reference"`
	}
	var rows []row
	for _, name := range filter.Names() {
		l, err := filter.Catalogue(name)
		if err != nil {
			return err
		}
		rows = append(rows, row{l.Name, "catalogue", l.About, l.Len(), l.Reference})
	}
	for _, r := range filter.Rules() {
		rows = append(rows, row{Name: r.Name, Kind: "rule", Reference: r.Reference})
	}
	return a.print(rows, func(w io.Writer) {
		for _, r := range rows {
			about := r.About
			if r.Kind == "rule" {
				about = r.Reference
			}
			fmt.Fprintf(w, "%-10s %-16s %s\n", r.Kind, r.Name, about)
		}
	})
}

func (a *app) molFingerprint() *cobra.Command {
	f := &molFlags{canFPS: true}
	var o molPrint
	cmd := a.molSub("fingerprint [FILE...]", "Write fingerprints: Morgan, FCFP, pairs, torsions, paths, MACCS",
		`Write fingerprints with RDKit's bits. The output is an FPS file (hexadecimal digits with the lowest bit first, a tab, the name),
or with --to or --out's extension csv, tsv, sdf or jsonl the same digits in a column "fingerprint"; with --bits, the
numbers of the bits that are set.`,
		"  galen mol fingerprint library.smi --out library.fps\n  galen mol fingerprint --smiles CCO --kind maccs --bits --to csv\n  galen mol fingerprint library.sdf --kind morgan --radius 3 --size 1024 --to csv",
		f, cobra.ArbitraryArgs, func(cmd *cobra.Command, files []string) error {
			job, err := o.job(f)
			if err != nil {
				return err
			}
			return a.molStream(cmd.Context(), f, files, job)
		})
	cmd.Flags().StringVar(&f.to, "to", "", "form of the output: fps, csv, tsv, sdf or jsonl; by default that of --out's extension, else fps")
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.bits, "bits", false, "the numbers of the bits that are set, from 0, in place of hexadecimal digits")
	return cmd
}

// molPrint are the flags that choose a fingerprint.
type molPrint struct {
	kind         string
	size, radius int
	chirality    bool
	bits         bool
}

func (o *molPrint) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.kind, "kind", "morgan", "kind of fingerprint: morgan (ECFP), fcfp, pairs, torsions, paths or maccs")
	cmd.Flags().IntVar(&o.size, "size", fingerprint.DefaultSize, "bits of a fingerprint; maccs has 167")
	cmd.Flags().IntVar(&o.radius, "radius", 2, "bonds around each atom, for morgan and fcfp: 2 is ECFP4")
	cmd.Flags().BoolVar(&o.chirality, "chirality", false, "R and S tell molecules apart, for morgan, fcfp, pairs and torsions")
}

func (o *molPrint) generator() (*fingerprint.Generator, error) {
	fold := fingerprint.Folding{Size: o.size}
	radius := o.radius
	if radius == 0 {
		radius = -1 // the atoms alone
	}
	if o.size < 1 || o.radius < 0 {
		return nil, fault.Errorf(fault.Usage, "a fingerprint has at least one bit, and a radius is not negative")
	}
	switch o.kind {
	case "morgan", "fcfp":
		return fingerprint.NewMorgan(fingerprint.MorganOptions{Folding: fold, Radius: radius, Features: o.kind == "fcfp", Chirality: o.chirality})
	case "pairs":
		return fingerprint.NewPairs(fingerprint.PairOptions{Folding: fold, Chirality: o.chirality})
	case "torsions":
		return fingerprint.NewTorsions(fingerprint.TorsionOptions{Folding: fold, Chirality: o.chirality})
	case "paths":
		return fingerprint.NewPaths(fingerprint.PathOptions{Folding: fold})
	case "maccs":
		return fingerprint.NewMACCS(), nil
	}
	return nil, fault.Errorf(fault.Usage, "kind %q is not one of morgan, fcfp, pairs, torsions, paths, maccs", o.kind)
}

func (o *molPrint) job(f *molFlags) (molJob, error) {
	g, err := o.generator()
	if err != nil {
		return molJob{}, err
	}
	job := molJob{verb: "fingerprint", added: []stream.Column{{Name: "fingerprint"}}}
	if f.fps {
		job.header = fmt.Appendf(nil, "#FPS1\n#num_bits=%d\n#type=%s\n#software=Galen/%s\n", g.Size(), o.describe(), version())
		job.encode = func(buf []byte, rec *stream.Record, res *molResult) []byte {
			buf = append(append(buf, res.row.Extra[0]...), '\t')
			name := oneField.Replace(rec.Mol.Name)
			if name == "" {
				name = strconv.Itoa(rec.Number)
			}
			return append(append(buf, name...), '\n')
		}
	}
	job.worker = func() (func(*stream.Record) molResult, error) {
		g := g.Clone()
		words := make([]uint64, g.Words())
		return func(rec *stream.Record) molResult {
			if err := g.Bits(rec.Mol, words); err != nil {
				return molResult{err: err}
			}
			text := hexDigits(words, g.Size())
			if o.bits {
				text = bitNumbers(words)
			}
			return molResult{row: stream.Row{Mol: rec.Mol, SMILES: rec.Text, Extra: []string{text}}}
		}, nil
	}
	return job, nil
}

func (o *molPrint) describe() string {
	switch o.kind {
	case "morgan", "fcfp":
		return fmt.Sprintf("Galen-%s radius=%d fpSize=%d chirality=%t", o.kind, o.radius, o.size, o.chirality)
	case "maccs":
		return "Galen-maccs"
	}
	return fmt.Sprintf("Galen-%s fpSize=%d chirality=%t", o.kind, o.size, o.chirality)
}

var oneField = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")

// hexDigits writes a fingerprint as FPS does: byte by byte, the lowest first.
func hexDigits(words []uint64, bits int) string {
	b := make([]byte, 0, 8*len(words))
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return hex.EncodeToString(b[:(bits+7)/8])
}

func bitNumbers(words []uint64) string {
	var b []byte
	for i := range 64 * len(words) {
		if words[i/64]>>(i%64)&1 == 1 {
			if len(b) > 0 {
				b = append(b, ' ')
			}
			b = strconv.AppendInt(b, int64(i), 10)
		}
	}
	return string(b)
}
