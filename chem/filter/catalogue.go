// Package filter tells which molecules a chemist would not want: those with a substructure that disturbs assays, is
// reactive or toxic, and those whose size or polarity makes a poor drug.
//
// A catalogue is a published list of substructures:
//
//	pains, err := filter.Catalogue("pains")
//	alerts, err := pains.Check(m) // [{Name: "catechol_A(92)", Source: "pains_b", Atoms: [1 2 …]}]
//
// Several catalogues on many molecules are checked fastest together, through a [Checker]. [Rules] judge numbers that
// package chem/descriptor or another source computed.
//
// An alert is a hint, not a verdict: 5 % of approved drugs have a PAINS alert (S. J. Capuzzi et al., J. Chem. Inf.
// Model. 57 (2017) 417).
//
// The answers are RDKit's (FilterCatalog of version 2026.09), and for MCF those of the MOSES benchmark. Read
// catalogue.go, then check.go; data/extract.py tells where the lists are from.
package filter

import (
	"bytes"
	"embed"
	"encoding/csv"
	"slices"
	"strconv"
	"strings"
	"sync"

	"galen.dev/chem/smarts"
	"galen.dev/fault"
)

//go:embed data/*.csv
var data embed.FS

// source is one list of the data folder.
type source struct {
	name      string
	about     string
	reference string
	withHs    bool // its patterns mean hydrogens as atoms: they are looked for in the molecule with all of them
}

const (
	baell  = "J. B. Baell, G. A. Holloway, J. Med. Chem. 53 (2010) 2719"
	chembl = "ChEMBL 23, structural alerts; collected by P. Walters, rd_filters"
)

var sources = []source{
	{"pains_a", "pan assay interference compounds, the most frequent", baell, false},
	{"pains_b", "pan assay interference compounds, less frequent", baell, false},
	{"pains_c", "pan assay interference compounds, rare", baell, false},
	{"brenk", "groups that are toxic, reactive or unstable", "R. Brenk et al., ChemMedChem 3 (2008) 435", false},
	{"mcf", "groups that medicinal chemists exclude", "D. Polykovskiy et al., Molecular Sets (MOSES), Front. Pharmacol. 11 (2020) 565644", true},
	{"nih", "groups that were troublesome in screens", "A. Jadhav et al., J. Med. Chem. 53 (2010) 37; R. Doveston et al., Org. Biomol. Chem. 13 (2015) 859", false},
	{"zinc", "drug-likeness and unwanted groups; some patterns are allowed a number of times", "ZINC, blaster.docking.org/filtering", false},
	{"chembl_glaxo", "reactive groups, Glaxo", chembl, false},
	{"chembl_dundee", "unwanted groups, University of Dundee", chembl, false},
	{"chembl_bms", "unwanted groups, Bristol-Myers Squibb", chembl, false},
	{"chembl_surechembl", "unwanted groups, SureChEMBL", chembl, false},
	{"chembl_mlsmr", "excluded from the NIH's small molecule repository", chembl, false},
	{"chembl_inpharmatica", "unwanted groups, Inpharmatica", chembl, false},
	{"chembl_lint", "unwanted groups, Pfizer's LINT", chembl, false},
}

// unions are names for several lists.
var unions = []struct {
	name, about string
	prefix      string
}{
	{"pains", "pan assay interference compounds: pains_a, pains_b and pains_c", "pains_"},
	{"chembl", "all lists of ChEMBL", "chembl_"},
}

// List is a catalogue. It does not change and may be used by many goroutines.
type List struct {
	Name      string
	About     string
	Reference string
	entries   []entry
	pool      sync.Pool // of *Checker
}

type entry struct {
	name    string
	source  string
	pattern *smarts.Pattern
	max     int // matches that are allowed
	withHs  bool
}

var lists = struct {
	sync.Mutex
	read map[string]*List
}{read: map[string]*List{}}

// Names are the names of all catalogues, in order.
func Names() []string {
	var names []string
	for _, u := range unions {
		names = append(names, u.name)
	}
	for _, s := range sources {
		names = append(names, s.name)
	}
	return names
}

// Catalogue returns a catalogue by its name; see Names. An unknown name is fault.NotFound.
func Catalogue(name string) (*List, error) {
	lists.Lock()
	defer lists.Unlock()
	if l := lists.read[name]; l != nil {
		return l, nil
	}
	l := &List{Name: name}
	for _, u := range unions {
		if u.name == name {
			l.About = u.about
			for _, s := range sources {
				if strings.HasPrefix(s.name, u.prefix) {
					l.Reference = s.reference
					l.entries = append(l.entries, s.entries()...)
				}
			}
		}
	}
	if i := slices.IndexFunc(sources, func(s source) bool { return s.name == name }); i >= 0 {
		l.About, l.Reference, l.entries = sources[i].about, sources[i].reference, sources[i].entries()
	}
	if l.entries == nil {
		return nil, fault.WithHint(fault.Errorf(fault.NotFound, "no catalogue of filters is named %q", name),
			"there are %s", strings.Join(Names(), ", "))
	}
	lists.read[name] = l
	return l, nil
}

// Len is the number of patterns.
func (l *List) Len() int { return len(l.entries) }

// entries reads a list of the data folder, which is right: a test reads all of them.
func (s source) entries() []entry {
	b, err := data.ReadFile("data/" + s.name + ".csv")
	if err != nil {
		panic(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		panic("filter: " + s.name + ": " + err.Error())
	}
	var out []entry
	for _, r := range rows[1:] {
		p := smarts.MustParse(r[1])
		if !s.withHs {
			p = p.MergeHs()
		}
		most, err := strconv.Atoi(r[2])
		if err != nil {
			panic("filter: " + s.name + ": " + err.Error())
		}
		out = append(out, entry{r[0], s.name, p, most, s.withHs})
	}
	return out
}
