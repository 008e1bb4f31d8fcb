package standard

import (
	"cmp"
	"errors"
	"slices"
	"sync"

	"galen.dev/chem"
	"galen.dev/chem/smarts"
	"galen.dev/chem/smiles"
)

// errBound ends an enumeration that met its bound.
var errBound = errors.New("bound")

var tautomerPatterns = sync.OnceValue(func() *smarts.Set {
	var patterns []*smarts.Pattern
	for _, t := range tautomerisms {
		patterns = append(patterns, smarts.MustParse(t.pattern))
	}
	return smarts.NewSet(patterns)
})

// tautomerBonds are the bonds of each pattern in written order, as pairs of its atoms. Patterns are chains of
// brackets, with branches.
var tautomerBonds = sync.OnceValue(func() [][][2]int {
	var all [][][2]int
	for _, t := range tautomerisms {
		var bonds [][2]int
		var stack []int
		last, atoms, depth := -1, 0, 0
		for _, c := range t.pattern {
			switch {
			case c == '[':
				if depth == 0 {
					if last >= 0 {
						bonds = append(bonds, [2]int{last, atoms})
					}
					last = atoms
					atoms++
				}
				depth++
			case c == ']':
				depth--
			case c == '(' && depth == 0:
				stack = append(stack, last)
			case c == ')' && depth == 0:
				last, stack = stack[len(stack)-1], stack[:len(stack)-1]
			}
		}
		all = append(all, bonds)
	}
	return all
})

// tautomerOrders are the orders that a rule states for its bonds, or nil.
func tautomerOrders(i int) []chem.Order {
	var orders []chem.Order
	for _, c := range tautomerisms[i].bonds {
		orders = append(orders, map[rune]chem.Order{'-': chem.Single, '=': chem.Double, '#': chem.Triple, ':': chem.Aromatic}[c])
	}
	return orders
}

// form is a tautomer.
type form struct {
	mol    *chem.Mol
	smiles string
	done   bool
}

// enumeration collects the tautomers of a molecule.
type enumeration struct {
	origin        *chem.Mol
	forms         []form
	seen          map[string]bool
	atoms, bonds  []bool // that took part in any shift
	transforms    int
	maxForms, max int
	matcher       *smarts.Matcher
}

// Tautomers enumerates the tautomers of a sanitized molecule by its rules, itself among them, sorted by canonical
// SMILES. Stereo of atoms and bonds that take part is lost. At most is the most tautomers, 0 = 1,000; complete says
// whether all were found.
func Tautomers(m *chem.Mol, most int) (mols []*chem.Mol, complete bool, err error) {
	e, complete, err := enumerate(m, Options{MaxTautomers: most})
	if err != nil {
		return nil, false, err
	}
	slices.SortFunc(e.forms, func(a, b form) int { return cmp.Compare(a.smiles, b.smiles) })
	for _, f := range e.forms {
		mols = append(mols, f.mol)
	}
	return mols, complete, nil
}

func enumerate(m *chem.Mol, o Options) (*enumeration, bool, error) {
	e := &enumeration{
		origin: m, seen: map[string]bool{}, atoms: make([]bool, len(m.Atoms)), bonds: make([]bool, len(m.Bonds)),
		maxForms: cmp.Or(o.MaxTautomers, 1000), max: cmp.Or(o.MaxTransforms, 1000), matcher: tautomerPatterns().Matcher(),
	}
	first := m.Clone()
	e.add(first)
	for {
		at := slices.IndexFunc(e.forms, func(f form) bool { return !f.done })
		if at < 0 {
			break
		}
		e.forms[at].done = true
		if err := e.shift(e.forms[at].mol); err != nil {
			e.finish()
			if errors.Is(err, errBound) {
				return e, false, nil
			}
			return nil, false, err
		}
	}
	e.finish()
	return e, true, nil
}

// add keeps a tautomer that is new. Forms are told apart without the stereo of what takes part, which finish drops.
func (e *enumeration) add(m *chem.Mol) {
	s := smiles.CanonicalWith(m, smiles.Format{Flat: true})
	if e.seen[s] {
		return
	}
	e.seen[s] = true
	e.forms = append(e.forms, form{mol: m, smiles: s})
}

// shift applies every rule at every place of a tautomer.
func (e *enumeration) shift(m *chem.Mol) error {
	kekule := m.Kekulized(m.CanonicalRanks())
	for i := range kekule.Atoms { // patterns ask for aromatic atoms, but for bonds of one order
		kekule.Atoms[i].Flags |= m.Atoms[i].Flags & chem.AromaticAtom
	}
	for rule := range tautomerisms {
		e.matcher.Reset(kekule)
		var places [][]int32
		err := e.matcher.Each(rule, smarts.Options{Unique: true, Max: 1000}, func(atoms []int32) bool {
			places = append(places, slices.Clone(atoms))
			return true
		})
		if err != nil {
			return err
		}
		if len(places) == 0 {
			continue
		}
		e.transforms++
		for _, p := range places {
			if e.transforms >= e.max || len(e.forms) >= e.maxForms {
				return errBound
			}
			if t := e.move(kekule, rule, p); t != nil {
				e.add(t)
			}
		}
	}
	return nil
}

// move shifts a hydrogen from the first atom of a place to the last; nil if the result is no molecule.
func (e *enumeration) move(kekule *chem.Mol, rule int, chain []int32) *chem.Mol {
	t := kekule.Clone()
	for i := range t.Atoms {
		t.Atoms[i].Flags &^= chem.AromaticAtom
	}
	first, last := chain[0], chain[len(chain)-1]
	hydrogens := func(i int32, by int) {
		a := &t.Atoms[i]
		a.ExplicitH, a.ImplicitH = uint8(max(a.Hydrogens()+by, 0)), 0
		a.Flags |= chem.NoImplicit
		e.atoms[i] = true
	}
	hydrogens(first, -1)
	hydrogens(last, +1)
	orders := tautomerOrders(rule)
	for k, pair := range tautomerBonds()[rule] {
		b := &t.Bonds[t.BondBetween(chain[pair[0]], chain[pair[1]])]
		switch {
		case k < len(orders):
			b.Order = orders[k]
		case b.Order == chem.Single:
			b.Order = chem.Double
		case b.Order == chem.Double:
			b.Order = chem.Single
		}
		b.Stereo, b.Dir = chem.NoStereo, chem.NoDir
	}
	for k, c := range tautomerisms[rule].charges {
		t.Atoms[chain[k]].Charge += map[rune]int8{'+': 1, '-': -1}[c]
	}
	t.Connect()
	if t.Sanitize() != nil {
		return nil
	}
	for i := range t.Bonds {
		if t.Bonds[i].Order != e.origin.Bonds[i].Order {
			e.bonds[i] = true
			t.Bonds[i].Stereo = chem.NoStereo
		}
	}
	for _, pair := range tautomerBonds()[rule] {
		e.bonds[t.BondBetween(chain[pair[0]], chain[pair[1]])] = true
	}
	return t
}

// finish drops the stereo of everything that took part from all forms, and makes one of forms that became equal.
func (e *enumeration) finish() {
	seen := map[string]bool{}
	kept := e.forms[:0]
	for _, f := range e.forms {
		for i, moved := range e.atoms {
			if moved {
				f.mol.Atoms[i].Chirality, f.mol.Atoms[i].CIP = chem.Achiral, chem.NoCIP
			}
		}
		for i, moved := range e.bonds {
			if moved {
				f.mol.Bonds[i].Stereo, f.mol.Bonds[i].Dir = chem.NoStereo, chem.NoDir
			}
		}
		f.mol.AssignStereo()
		if f.smiles = smiles.Canonical(f.mol); !seen[f.smiles] {
			seen[f.smiles] = true
			kept = append(kept, f)
		}
	}
	e.forms = kept
}

// tautomer puts the tautomer of the highest score in place of the molecule; among equals the first by SMILES.
func (w *work) tautomer(o Options) error {
	e, complete, err := enumerate(w.m, o)
	if err != nil {
		return err
	}
	best, score := 0, 0
	for i := range e.forms {
		s := tautomerScore(e.forms[i].mol)
		if i == 0 || s > score || s == score && e.forms[i].smiles < e.forms[best].smiles {
			best, score = i, s
		}
	}
	var atoms []int32
	for i := range w.m.Atoms {
		if e.forms[best].mol.Atoms[i].Hydrogens() != w.m.Atoms[i].Hydrogens() {
			atoms = append(atoms, int32(i))
		}
	}
	rule := "highest score"
	if !complete {
		rule = "highest score of those found before the bound"
	}
	if best != 0 || !complete {
		w.note("tautomer", rule, atoms...)
	}
	w.m = e.forms[best].mol
	return w.settle()
}

// tautomerTerms are the substructures that make a tautomer likely, or not.
var tautomerTerms = []struct {
	name, pattern string
	score         int
}{
	{"benzoquinone", "[#6]1([#6]=[#6][#6]([#6]=[#6]1)=,:[N,S,O])=,:[N,S,O]", 25},
	{"oxime", "[#6]=[N][OH]", 4},
	{"C=O", "[#6]=,:[#8]", 2},
	{"N=O", "[#7]=,:[#8]", 2},
	{"P=O", "[#15]=,:[#8]", 2},
	{"C=hetero", "[C]=[!#1;!#6]", 1},
	{"C(=hetero)-hetero", "[C](=[!#1;!#6])[!#1;!#6]", 2},
	{"aromatic C = exocyclic N", "[c]=!@[N]", -1},
	{"methyl", "[CX4H3]", 1},
	{"guanidine terminal=N", "[#7]C(=[NR0])[#7H0]", 1},
	{"guanidine endocyclic=N", "[#7;R][#6;R]([N])=[#7;R]", 2},
	{"aci-nitro", "[#6]=[N+]([O-])[OH]", -4},
}

var termPatterns = sync.OnceValue(func() *smarts.Set {
	var patterns []*smarts.Pattern
	for _, t := range tautomerTerms {
		patterns = append(patterns, smarts.MustParse(t.pattern))
	}
	return smarts.NewSet(patterns)
})

// tautomerScore adds 100 for each aromatic ring, 150 more if it is of carbon alone, the terms, and -1 for each
// hydrogen on P, S, Se and Te.
func tautomerScore(m *chem.Mol) int {
	score := 0
	rings := m.Rings()
	for r := range rings.Len() {
		aromatic, carbon := true, true
		for _, b := range rings.Bonds(r) {
			bond := &m.Bonds[b]
			aromatic = aromatic && bond.Aromatic()
			carbon = carbon && m.Atoms[bond.Begin].Element == 6 && m.Atoms[bond.End].Element == 6
		}
		if aromatic {
			score += 100
			if carbon {
				score += 150
			}
		}
	}
	k := termPatterns().Matcher()
	k.Reset(m)
	for i, t := range tautomerTerms {
		score += t.score * k.Count(i)
	}
	for i := range m.Atoms {
		switch m.Atoms[i].Element {
		case 15, 16, 34, 52:
			score -= m.Atoms[i].Hydrogens()
		}
	}
	return score
}
