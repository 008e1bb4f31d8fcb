package smiles

import (
	"strings"
	"testing"

	"galen.dev/fault"
)

// Each class of mistake has its own name, and tells the character.
func TestMistakes(t *testing.T) {
	for s, want := range map[string]string{
		"C1CC": "unclosed-ring", "C%(": "bad-ring-number", "C%1": "bad-ring-number", "C%01": "bad-ring-number",
		"1CC1": "ring-without-atom", "C(1)C": "ring-without-atom", "C11": "self-ring", "C12CC12": "doubled-ring-bond", "C1C1": "doubled-ring-bond",
		"C(C": "unclosed-branch", "C)": "extra-close", "C()": "empty-branch", "C((C)C)": "empty-branch", "(C)C": "branch-without-atom",
		"C=(C)": "misplaced-bond", "C=": "dangling-bond", "C(C=)C": "dangling-bond", "C=.C": "dangling-bond", "C==C": "doubled-bond", "=C": "bond-without-atom",
		".C": "empty-part", "C.": "empty-part", "C..C": "empty-part",
		"[C": "unclosed-bracket", "[": "unclosed-bracket", "[]": "empty-bracket", "C]": "extra-bracket", "[C:1:2]": "bad-bracket", "[C@@@]": "bad-bracket",
		"[Zz]": "unknown-element", "[#119]": "unknown-element", "[13]": "empty-bracket", "[C@SP9]": "bad-chirality", "[C@TH0]": "bad-chirality",
		"[C+++]": "bad-charge", "[C+101]": "charge-out-of-range", "[70000C]": "isotope-out-of-range", "[CH101]": "hydrogens-out-of-range",
		"[C:]": "bad-map", "[C:99999999999]": "map-out-of-range", "Na": "needs-bracket", "C&C": "unknown-character", "C<C": "unknown-character", "C C": "blank",
		"C(C)(C)(C)(C)C": "valence", "[CH5]": "valence", "c1cccn1": "no-kekule-structure", "cC": "aromatic-outside-ring",
	} {
		_, err := Parse(s)
		found := fault.FindingsOf(err)
		if len(found) == 0 || found[0].Name != want || fault.KindOf(err) != fault.Data {
			t.Errorf("%q: %v, want %s", s, err, want)
			continue
		}
		if m := found[0].Message; !strings.HasPrefix(m, "character ") && !strings.HasPrefix(m, "atom ") {
			t.Errorf("%q: no place in %q", s, m)
		}
	}
}

func TestCanonical(t *testing.T) {
	for s, want := range map[string]string{
		"": "", " CCO\n": "CCO", "OCC": "CCO", "C(C)O": "CCO", "[CH3][CH2][OH]": "CCO",
		"[NH4+].[Cl-]": "[NH4+].[Cl-]", "CN(=O)=O": "C[N+]([O-])=O", "[nH]1cccc1": "c1cc[nH]c1",
		"F/C=C/F": "F/C=C/F", `F\C=C\F`: "F/C=C/F", `F/C=C\F`: `F/C=C\F`, "FC=CF": "FC=CF",
		"C/C=C(/F)F": "CC=C(F)F", "C[C@H](C)F": "CC(C)F",
		"[Pt@SP1](F)(Cl)(Br)I": "[F][Pt@SP1]([Cl])([Br])[I]", "[2H][H]": "[H][2H]",
		"Cl[Pt@SP2](N)(N)Cl": "[NH2][Pt@SP1]([NH2])([Cl])[Cl]",
	} {
		m, err := Parse(s)
		if err != nil {
			t.Errorf("%q: %v", s, err)
		} else if got := Canonical(m); got != want {
			t.Errorf("%q gives %q, want %q", s, got, want)
		}
	}
}
