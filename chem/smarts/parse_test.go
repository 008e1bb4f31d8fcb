package smarts

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"galen.dev/chem"
	"galen.dev/chem/smiles"
	"galen.dev/fault"
)

func Example() {
	m, err := smiles.Parse("CC(=O)Nc1ccc(O)cc1")
	if err != nil {
		panic(err)
	}
	amide := MustParse("[NX3][CX3]=O")
	places, err := amide.Find(m, Options{})
	fmt.Println(amide.Matches(m), places, err)
	// Output: true [[3 1 2]] <nil>
}

// TestMistakes reads bad patterns: the finding names the class and the character.
func TestMistakes(t *testing.T) {
	for s, want := range map[string]string{
		"C1CC":                     "unclosed-ring 2",
		"C1C1":                     "doubled-ring-bond 4",
		"C11":                      "self-ring 3",
		"1C":                       "ring-without-atom 1",
		"C%1":                      "bad-ring-number 2",
		"C(C":                      "unclosed-branch 2",
		"CC)":                      "extra-close 3",
		"C()C":                     "empty-branch 3",
		"C((C))":                   "empty-branch 3",
		"C=":                       "dangling-bond 2",
		"=C":                       "bond-without-atom 1",
		"C=(C)":                    "misplaced-bond 2",
		"C-!":                      "dangling-bond 3",
		"C..C":                     "empty-part 3",
		".C":                       "empty-part 1",
		"C.":                       "empty-part 2",
		"[C":                       "unclosed-bracket 1",
		"[":                        "unclosed-bracket 1",
		"C]":                       "extra-bracket 2",
		"[]":                       "empty-expression 2",
		"[C,]":                     "empty-expression 4",
		"[C:]":                     "bad-map 3",
		"[C:1N]":                   "bad-bracket 5",
		"[Q]":                      "unknown-primitive 2",
		"[#]":                      "unknown-element 2",
		"[^9]":                     "bad-hybridisation 2",
		"[D{3}]":                   "bad-range 3",
		"[D{-}]":                   "bad-range 3",
		"[$C]":                     "bad-environment 2",
		"[$(C]":                    "extra-bracket 5",
		"[$()]":                    "empty-environment 4",
		"[@TH0]":                   "bad-arrangement 2",
		"[C+99999999999]":          "number-out-of-range 3",
		"Si":                       "needs-bracket 2",
		"C C":                      "blank 2",
		"C?":                       "unknown-character 2",
		"(C":                       "unclosed-group 1",
		"(C)C":                     "joined-group 4",
		"C(.C)C":                   "empty-part 3",
		strings.Repeat("[$(C", 70): "too-deep 258",
	} {
		p, err := Parse(s)
		if p != nil || err == nil {
			t.Errorf("%s is read", s)
			continue
		}
		var e *fault.Error
		if !errors.As(err, &e) || e.Kind != fault.Data || len(e.Findings) != 1 {
			t.Errorf("%s: %v", s, err)
			continue
		}
		at := 0
		if _, err := fmt.Sscanf(e.Findings[0].Message, "character %d:", &at); err != nil {
			t.Errorf("%s: %v", s, err)
		}
		if got := fmt.Sprint(e.Findings[0].Name, " ", at); got != want {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
	}
}

// TestGroups has Daylight's examples of component groups, which RDKit does not read.
func TestGroups(t *testing.T) {
	for _, c := range []struct {
		smarts, smiles string
		want           bool
	}{
		{"C.C", "CCCC", true},
		{"(C.C)", "CCCC", true},
		{"(C).(C)", "CCCC", false},
		{"(C).(C)", "CCCC.CCCC", true},
		{"(C.C)", "CCCC.CCCC", true},
		{"(C).C", "CCCC", true},
		{"(C).(C).C", "CCCC.CCCC", true},
		{"(O.O)", "CO.CO", false},
		{"(O.N).(O)", "NCO.CO", true},
		{"(O.N).(O)", "NCOCO", false},
	} {
		m, err := smiles.Parse(c.smiles)
		if err != nil {
			t.Fatal(err)
		}
		if got := MustParse(c.smarts).Matches(m); got != c.want {
			t.Errorf("%s in %s: %v", c.smarts, c.smiles, got)
		}
	}
}

// TestStepLimit has a pattern that fits a lattice in countless ways: the search is given up, with an error.
func TestStepLimit(t *testing.T) {
	m, err := smiles.Parse("C12C3C4C1C5C2C3C45.c1cc2ccc3ccc4ccc5ccc6ccc1c7c2c3c4c5c67")
	if err != nil {
		t.Fatal(err)
	}
	p := MustParse("*" + strings.Repeat("~*", 20) + ".[#6].[#6].[#6].[#6].[#9,#6].[#7,#6]")
	if _, err := p.Find(m, Options{Steps: 100_000}); fault.KindOf(err) != fault.Data || fault.HintOf(err) == "" {
		t.Errorf("no error: %v", err)
	}
	k := NewSet([]*Pattern{p, MustParse("[$(C~C)]")}).Matcher()
	k.Steps = 1000
	k.Reset(m)
	if k.Count(0) != 0 || k.Err() == nil {
		t.Error("a search of few steps ends")
	}
	if k.Steps = 0; !k.Has(1) || k.Err() != nil {
		t.Error("the next search is not free of the last one's limit", k.Err())
	}
}

// TestOptions has the ways to ask for fewer matches.
func TestOptions(t *testing.T) {
	m, err := smiles.Parse("C[C@H](N)C(=O)O")
	if err != nil {
		t.Fatal(err)
	}
	find := func(s string, o Options) string {
		all, err := MustParse(s).Find(m, o)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(all)
	}
	for _, c := range []struct {
		smarts string
		o      Options
		want   string
	}{
		{"CC", Options{}, "[[0 1] [1 0] [1 3] [3 1]]"},
		{"CC", Options{Unique: true}, "[[0 1] [1 3]]"},
		{"CC", Options{Max: 3}, "[[0 1] [1 0] [1 3]]"},
		{"C[C@H](N)C(=O)O", Options{Chirality: true}, "[[0 1 2 3 4 5]]"},
		{"C[C@@H](N)C(=O)O", Options{Chirality: true}, "[]"},
		{"C[C@@H](N)C(=O)O", Options{}, "[[0 1 2 3 4 5]]"},
		// A centre in an environment means what it means outside. RDKit 2026.09 takes the mirror image here, where a
		// centre with a stated hydrogen comes first.
		{"[C@@H](C)(N)C=O", Options{Chirality: true}, "[[1 0 2 3 4]]"},
		{"[$([C@@H](C)(N)C=O)]", Options{Chirality: true}, "[[1]]"},
		{"[$([C@H](C)(N)C=O)]", Options{Chirality: true}, "[]"},
	} {
		if got := find(c.smarts, c.o); got != c.want {
			t.Errorf("%s %+v: %s, want %s", c.smarts, c.o, got, c.want)
		}
	}
}

// TestMoleculeAsPattern looks for molecules in each other; hydrogens do not count, charges do.
func TestMoleculeAsPattern(t *testing.T) {
	for _, c := range []struct {
		pattern, smiles string
		want            bool
	}{
		{"CCO", "CCCO", true},
		{"CC[O-]", "CCCO", false},
		{"CCO", "CC[O-]", true},
		{"c1ccccc1", "Cc1ccncc1", false},
		{"C1=CC=CC=C1", "Cc1ccccc1", true},
		{"[13CH4]", "CC", false},
		{"C", "[13CH4]", true},
		{"*C", "CC", false},
		{"[1*]C", "*C", true},
		{"[CH3]", "CC", false},
	} {
		m, err := smiles.Parse(c.smiles)
		if err != nil {
			t.Fatal(err)
		}
		q, err := smiles.Parse(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := FromMol(q).Matches(m); got != c.want {
			t.Errorf("%s in %s: %v", c.pattern, c.smiles, got)
		}
	}
}

// FuzzParse reads anything, and looks for what can be read in fixed molecules, alone and with merged hydrogens.
func FuzzParse(f *testing.F) {
	for _, s := range lines(f, "testdata/patterns.smarts") {
		f.Add(s)
	}
	for _, s := range []string{"(C.C).(N)", "[C@H](F)(Cl)Br", "F/C=C\\F", "[NH3]->[Pt]", "[r{5-7};k{-6}]", "C%(123)CC%(123)", "[2H]", "[!$([#1])]"} {
		f.Add(s)
	}
	var mols []*chem.Mol
	for _, s := range []string{"C[C@H](N)C(=O)Oc1ccc2[nH]ccc2c1.[Na+].[Cl-]", "F/C=C/C1CC2CCC1C2", "[NH3]->[Pt](Cl)(Cl)<-[NH3]", "C"} {
		m, err := smiles.Parse(s)
		if err != nil {
			f.Fatal(err)
		}
		mols = append(mols, m, m.AddHs())
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Parse(s)
		if err != nil {
			if fault.KindOf(err) != fault.Data || len(fault.FindingsOf(err)) == 0 {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		for _, q := range []*Pattern{p, p.MergeHs()} {
			k := q.set.Matcher()
			k.Steps = 20_000
			for _, m := range mols {
				k.Reset(m)
				has := k.Has(0)
				given := k.Err()
				for _, chirality := range []bool{true, false} {
					all, err := k.Find(0, Options{Steps: 20_000, Chirality: chirality, Max: 50})
					if err == nil && given == nil && !chirality && has != (len(all) > 0) {
						t.Fatalf("%q: Has says %v, Find %v", s, has, all)
					}
					for _, match := range all {
						sorted := slices.Sorted(slices.Values(match))
						if len(match) != q.Len() || !reflect.DeepEqual(sorted, slices.Compact(slices.Clone(sorted))) {
							t.Fatalf("%q: match %v", s, match)
						}
					}
				}
			}
		}
	})
}
