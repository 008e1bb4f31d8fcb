// Package smarts finds substructures: patterns written as SMARTS, or whole molecules, in molecules.
//
//	amide := smarts.MustParse("C(=O)[NX3]")
//	amide.Matches(m)                            // does m have one?
//	places, err := amide.Find(m, smarts.Options{Unique: true})
//	places[0]                                   // the atoms of m, in the order of the pattern's atoms
//
// Many patterns on many molecules are asked through a [Set]: patterns of one set share what they learn of a
// molecule, so that six hundred patterns cost little more than a few:
//
//	set := smarts.NewSet(patterns)
//	k := set.Matcher() // one for each goroutine
//	for _, m := range mols {
//		k.Reset(m)
//		if k.Has(7) { … }
//	}
//
// The language is Daylight's SMARTS as RDKit reads it, with its extensions: ^n hybridisation, d, k, z and Z,
// ranges such as D{2-4}, and dative bonds; and with Daylight's component groups, "(C).(C)", which RDKit lacks.
// [H] is a hydrogen atom, and H elsewhere counts hydrogens. Matches agree with RDKit 2026.09 atom for atom and come
// in its order.
//
// How it works. An expression of an atom becomes a set of atoms of the molecule, kept as bits: primitives fill sets
// from tables of properties, and "and", "or" and "not" combine them word by word. Equal expressions of all patterns
// of a set are one expression, evaluated once for each molecule, recursive ones too. A pattern whose expressions
// have too few atoms is refused without a search; the others are searched depth first along their bonds.
//
// Read pattern.go first, then parse.go and atom.go (the language), expr.go (sets of atoms), search.go.
//
// Sources: Daylight Theory Manual, chapter 4 (SMARTS); L. P. Cordella et al., A (sub)graph isomorphism algorithm
// for matching large graphs, IEEE Trans. Pattern Anal. Mach. Intell. 26 (2004) 1367, whose order of visits RDKit
// has; for common substructures: A. Dalke, J. Hastings, FMCS, J. Cheminform. 5 (2013) O6.
package smarts

import (
	"sync"

	"galen.dev/chem"
	"galen.dev/fault"
)

// Pattern is a substructure to look for. It does not change and may be used by many goroutines.
type Pattern struct {
	source string
	graph  *graph
	set    *Set // of this pattern alone
}

// Options say what Find returns. The zero value finds all matches without regard to chirality.
type Options struct {
	Max       int  // stop after this many, 0 = all
	Unique    bool // only the first match on each set of atoms
	Chirality bool // arrangements of the pattern must agree with those of the molecule
	Steps     int  // give up with an error after so many attempts to place an atom; 0 = 100 million
}

const defaultSteps = 100_000_000

// Parse reads a SMARTS. The error of a bad one is fault.Data; its finding names the class of the mistake
// ("unclosed-ring") and the character.
func Parse(s string) (*Pattern, error) {
	g, err := parse(s)
	if err != nil {
		return nil, err
	}
	return fromGraph(s, g), nil
}

// MustParse is Parse for patterns in source code: it panics where the SMARTS is bad.
func MustParse(s string) *Pattern {
	p, err := Parse(s)
	if err != nil {
		panic("smarts: " + s + ": " + err.Error())
	}
	return p
}

func fromGraph(source string, g *graph) *Pattern {
	p := &Pattern{source: source, graph: g}
	p.set = NewSet([]*Pattern{p})
	return p
}

// String is the SMARTS that the pattern was read from, or empty for one made from a molecule.
func (p *Pattern) String() string { return p.source }

// Len is the number of atoms of the pattern.
func (p *Pattern) Len() int { return len(p.graph.atoms) }

// Map is the map number of an atom of the pattern, 0 = none.
func (p *Pattern) Map(atom int) int { return p.graph.atoms[atom].mapNumber }

// Matches says whether a sanitized molecule contains the pattern. A search that is given up (see Options.Steps)
// counts as none; Find tells the difference.
func (p *Pattern) Matches(m *chem.Mol) bool {
	k := p.set.borrow()
	defer p.set.pool.Put(k)
	k.Reset(m)
	return k.Has(0)
}

// Find returns the matches: for each, the molecule's atoms in the order of the pattern's atoms. The order of matches
// depends on the order of the molecule's atoms and bonds alone. A search of too many steps is fault.Data.
func (p *Pattern) Find(m *chem.Mol, o Options) ([][]int, error) {
	k := p.set.borrow()
	defer p.set.pool.Put(k)
	k.Reset(m)
	return k.Find(0, o)
}

// Count is the number of matches on different sets of atoms, 0 where the search was given up.
func (p *Pattern) Count(m *chem.Mol) int {
	k := p.set.borrow()
	defer p.set.pool.Put(k)
	k.Reset(m)
	return k.Count(0)
}

// Set is a list of patterns that are looked for together. It does not change and may be used by many goroutines.
type Set struct {
	exprs    []expr
	programs []*program // the patterns, in order
	subs     []*program // recursive environments
	links    []link     // kinds of bonds that patterns ask for
	pool     sync.Pool
}

// NewSet makes a set. Pattern i of the list is pattern i of the set.
func NewSet(patterns []*Pattern) *Set {
	s := &Set{}
	c := compiler{set: s, byKey: map[string]int32{}, subByKey: map[string]int32{}, linkByKey: map[link]int32{}}
	for _, p := range patterns {
		s.programs = append(s.programs, c.program(p.graph))
	}
	return s
}

// Len is the number of patterns.
func (s *Set) Len() int { return len(s.programs) }

func (s *Set) borrow() *Matcher {
	if k, ok := s.pool.Get().(*Matcher); ok {
		return k
	}
	return s.Matcher()
}

// tooLong is the error of a search that was given up.
func tooLong(steps int) error {
	return fault.WithHint(fault.Errorf(fault.Data, "substructure search given up after %d steps", steps),
		"the pattern fits in too many ways: make its atoms more specific, or allow more steps")
}
