package transform

import (
	"strings"
	"testing"

	"galen.dev/chem/smiles"
	"galen.dev/fault"
)

func TestApply(t *testing.T) {
	for _, c := range []struct{ rule, in, want string }{
		{"[C:1](=[O:2])[OH:3]>>[C:1](=[O:2])[O-:3]", "CC(=O)O", "CC(=O)[O-]"},
		{"[C:1][Br:2]>>[C:1][F:2]", "CCBr", "CCF"},
		{"[C:1]Br>>[C:1]", "CCBr", "CC"},
		{"[C:1]Br>>[C:1]O", "CCBr", "CCO"},
		{"[C:1]=[C:2]>>[C:1][C:2]", "CC=CC", "CCCC"},
		{"[C:1]=[C:2]>>[C:1]#[C:2]", "CC=CC", "CC#CC"},
		{"[C:1][N:2]>>[C:1].[N:2]", "CCNCC", "CC.NCC"},
		{"[cH:1]>>[c:1]Cl", "c1ccccc1", "Clc1ccccc1"},
		{"[C:1]1[C:2][O:3]1>>[C:1]1[C:2]C[O:3]1", "C1CO1", "C1CCO1"},
		{"[n:1]>>[n+:1][O-]", "c1ccncc1", "[O-][n+]1ccccc1"},
		{"[NH2:1]>>[NH3+:1]", "CCN", "CC[NH3+]"},
		{"[S:1](=[O:2])>>[S+:1][O-:2]", "CS(C)=O", "C[S+](C)[O-]"},
		{"[F:1]>>[F:1]", "CC", ""},
		{"[CH3:1]>>[CH3:1](C)(C)C", "C", ""},  // no place
		{"[CH4:1]>>[C:1](=O)(=O)=O", "C", ""}, // no molecule
	} {
		rule, err := Parse(c.rule)
		if err != nil {
			t.Errorf("%s: %v", c.rule, err)
			continue
		}
		m, err := smiles.Parse(c.in)
		if err != nil {
			t.Fatal(err)
		}
		before := smiles.Canonical(m)
		r, err := rule.Apply(m)
		switch {
		case err != nil:
			t.Errorf("%s on %s: %v", c.rule, c.in, err)
		case (r.Mol == nil) != (c.want == ""):
			t.Errorf("%s on %s: result %v, want %q", c.rule, c.in, r.Mol != nil, c.want)
		case r.Mol != nil:
			want, err := smiles.Parse(c.want)
			if err != nil {
				t.Fatal(err)
			}
			if got := smiles.Canonical(r.Mol); got != smiles.Canonical(want) {
				t.Errorf("%s on %s: %s, want %s", c.rule, c.in, got, smiles.Canonical(want))
			}
		}
		if smiles.Canonical(m) != before {
			t.Errorf("%s changed the molecule it was given", c.rule)
		}
	}
}

// A chiral centre that takes no part stays; one that changes its neighbours loses its mark.
func TestStereo(t *testing.T) {
	rule := MustParse("[C:1]Br>>[C:1]O")
	for in, want := range map[string]string{"C[C@H](F)CBr": "C[C@H](F)CO", "C[C@H](F)Br": "CC(F)O"} {
		m, err := smiles.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		r, err := rule.Apply(m)
		if err != nil {
			t.Fatal(err)
		}
		w, err := smiles.Parse(want)
		if err != nil {
			t.Fatal(err)
		}
		if got := smiles.Canonical(r.Mol); got != smiles.Canonical(w) {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestAll(t *testing.T) {
	m, err := smiles.Parse("Cc1ccccc1")
	if err != nil {
		t.Fatal(err)
	}
	rule := MustParse("[cH:1]>>[c:1]F")
	all, err := rule.All(m, 0)
	if err != nil || len(all) != 5 {
		t.Fatalf("%d results, %v; want 5", len(all), err)
	}
	if all, err = rule.All(m, 2); err != nil || len(all) != 2 {
		t.Errorf("%d results, %v; want 2", len(all), err)
	}
}

func TestBadRules(t *testing.T) {
	for _, s := range []string{
		"", "C", "C>>", "[C:1>>[C:1]", "[C:1]>>[Q:1]", "[C:1]>>[C:1]=", "[C:1][C:1]>>[C:1]", "[C:1]>>[C:1][C:1]", "C>>*",
		"[C:1]>>[C:1]~[C:1]", "[C:1]>>[C:1]@N", "[C:1]>>([C:1]", "[C:1]>>C1", "C>>1C1", "C>>C11", "C>C>C", "[C:1]>>[C+99:1]",
		"C>>[#0]", "C>>[#]", "C>>[CH99]", "C>>[]", strings.Repeat("C", 5000) + ">>C",
	} {
		if r, err := Parse(s); err == nil {
			if s == "C>>" {
				continue // deletes an atom
			}
			t.Errorf("%s is taken for a rule: %v", s, r)
		} else if fault.KindOf(err) != fault.Data {
			t.Errorf("%s: %v has the wrong kind", s, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"[C:1](=[O:2])[OH:3]>>[C:1](=[O:2])[O-:3]", "[c:1]1[c:2]%12>>[c:1]1[c:2]%12", "[$(C[N]):1]>>[*+2:1].[Na+]", "C>>[#6H3-]",
		"[N,P,As,Sb;X3:1](=[O,S,Se,Te:2])=[O,S,Se,Te:3]>>[*+1:1]([*-1:2])=[*:3]",
	} {
		f.Add(s)
	}
	m, err := smiles.Parse("CC(=O)Nc1ccc(O)c([N+](=O)[O-])c1")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rule, err := Parse(s)
		if err != nil {
			return
		}
		if _, err := rule.All(m, 3); err != nil && fault.KindOf(err) != fault.Data {
			t.Error(err)
		}
	})
}
