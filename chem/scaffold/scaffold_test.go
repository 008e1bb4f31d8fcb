package scaffold

import (
	"bufio"
	"compress/gzip"
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"galen.dev/chem"
	"galen.dev/chem/smiles"
	"galen.dev/fault"
)

// vector is what RDKit 2026.09.1 makes of a molecule, "-" where that is no molecule. testdata/vectors.py writes them.
type vector struct{ smiles, murcko, generic, broken, fragments string }

func vectors(t testing.TB) []vector {
	f, err := os.Open("testdata/vectors.tsv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	g, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []vector
	in := bufio.NewScanner(g)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		c := strings.Split(in.Text(), "\t")
		out = append(out, vector{c[0], c[1], c[2], c[3], c[4]})
	}
	if in.Err() != nil || len(out) < 2000 {
		t.Fatalf("%d vectors, %v", len(out), in.Err())
	}
	return out
}

func parse(t testing.TB, s string) *chem.Mol {
	m, err := smiles.Parse(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return m
}

// canonical is the canonical form of SMILES of RDKit's, one or several.
func canonical(t testing.TB, list string) string {
	if list == "-" {
		return list
	}
	var out []string
	for _, s := range strings.Fields(list) {
		out = append(out, smiles.Canonical(parse(t, s)))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func written(m *chem.Mol, err error) string {
	if err != nil {
		return "-"
	}
	// What was written is read again, as RDKit's answer is: a few rings change their perception by that.
	s := smiles.Canonical(m)
	if again, err := smiles.Parse(s); err == nil {
		return smiles.Canonical(again)
	}
	return "-"
}

// unmarked is a canonical SMILES with the arrangements of double bonds forgotten.
func unmarked(t testing.TB, s string) string {
	if s == "-" || s == "" {
		return s
	}
	m := parse(t, s)
	for i := range m.Bonds {
		m.Bonds[i].Stereo, m.Bonds[i].Dir = chem.NoStereo, chem.NoDir
	}
	m.AssignStereo()
	return smiles.Canonical(m)
}

// Frameworks and fragments are RDKit's molecules, with one exception: RDKit forgets the arrangement of a double
// bond of which a substituent goes, if that one carried the mark in the SMILES that was read. Galen keeps what the
// other substituent still says, however it was written.
func TestVectors(t *testing.T) {
	forgotten := 0
	defer func() {
		if forgotten > 25 {
			t.Errorf("%d frameworks have arrangements that RDKit's lack", forgotten)
		}
	}()
	for _, v := range vectors(t) {
		m := parse(t, v.smiles)
		s, err := Murcko(m)
		if got, want := written(s, err), canonical(t, v.murcko); got != want {
			if strings.ContainsAny(got, "/\\") && unmarked(t, got) == unmarked(t, want) {
				forgotten++
				continue
			}
			t.Errorf("%s: framework %s, want %s", v.smiles, got, want)
		}
		if err == nil {
			if got, want := written(Generic(s)), canonical(t, v.generic); got != want {
				t.Errorf("%s: generic framework %s, want %s", v.smiles, got, want)
			}
		}
		if got, want := written(BRICSBreak(m, nil)), canonical(t, v.broken); got != want {
			t.Errorf("%s: broken into %s, want %s", v.smiles, got, want)
		}
		list, err := BRICSDecompose(context.Background(), m, BRICSOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, f := range list {
			keys = append(keys, written(f, nil))
		}
		slices.Sort(keys)
		if got, want := strings.Join(keys, " "), canonical(t, v.fragments); got != want {
			t.Errorf("%s: fragments\n%s, want\n%s", v.smiles, got, want)
		}
	}
}

// The examples of RDKit's documentation, and its options.
func TestDecompose(t *testing.T) {
	for _, c := range []struct {
		smiles string
		opt    BRICSOptions
		want   string
	}{
		{"CCCOCC", BRICSOptions{}, "[3*]O[3*] [4*]CC [4*]CCC"},
		{"CCCOCC", BRICSOptions{KeepAll: true}, "CCCOCC [3*]OCC [3*]OCCC [3*]O[3*] [4*]CC [4*]CCC"},
		{"CCCOCC", BRICSOptions{KeepAll: true, MinSize: 2}, "CCCOCC [3*]OCC [3*]OCCC [4*]CC [4*]CCC"},
		{"CCCOCC", BRICSOptions{KeepAll: true, MinSize: 3}, "CCCOCC [3*]OCC [4*]CCC"},
		{"CCCOCC", BRICSOptions{MinSize: 2}, "[3*]OCC [3*]OCCC [4*]CC [4*]CCC"},
		{"CCCOCc1cc(c2ncccc2)ccc1", BRICSOptions{SinglePass: true}, "CCCOCc1cccc(-c2ccccn2)c1 [14*]c1ccccn1 " +
			"[16*]c1cccc(-c2ccccn2)c1 [16*]c1cccc(COCCC)c1 [3*]OCCC [3*]OCc1cccc(-c2ccccn2)c1 [4*]CCC " +
			"[4*]Cc1cccc(-c2ccccn2)c1 [8*]COCCC"},
		{"CC(=O)OC", BRICSOptions{}, "[1*]C(C)=O [3*]OC"},
	} {
		list, err := BRICSDecompose(context.Background(), parse(t, c.smiles), c.opt)
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, f := range list {
			keys = append(keys, smiles.Canonical(f))
		}
		if !slices.IsSorted(keys) {
			t.Errorf("%s: %v is not sorted", c.smiles, keys)
		}
		if got, want := strings.Join(keys, " "), canonical(t, c.want); got != want {
			t.Errorf("%s, %+v:\n%s, want\n%s", c.smiles, c.opt, got, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := BRICSDecompose(ctx, parse(t, "CCCOCC"), BRICSOptions{}); err != context.Canceled {
		t.Error(err)
	}
}

// The example of RDKit's documentation.
func TestBonds(t *testing.T) {
	m := parse(t, "CCCOCCC(=O)c1ccccc1")
	bonds, err := BRICSBonds(m)
	if err != nil {
		t.Fatal(err)
	}
	want := []BRICSBond{{2, 3, 2, 3, 4}, {3, 3, 4, 3, 4}, {7, 6, 8, 6, 16}}
	if !slices.Equal(bonds, want) {
		t.Errorf("%v, want %v", bonds, want)
	}
	part, err := BRICSBreak(m, bonds[:1])
	if err != nil || smiles.Canonical(part) != canonical(t, "[4*]CCC.[3*]OCCC(=O)c1ccccc1") {
		t.Errorf("%s, %v", smiles.Canonical(part), err)
	}
}

// Groups are those that DeepChem's splitter makes of the same frameworks, and the split fills parts in their order.
func TestGroups(t *testing.T) {
	var mols []*chem.Mol
	for _, s := range []string{
		"CCO", "c1ccccc1C", "c1ccccc1CC", "C1CCCCC1N", "c1ccccc1[C@H](C)N", "CC", "n1ccccc1", "c1ccc(cc1)Cc1ccccc1",
	} {
		mols = append(mols, parse(t, s))
	}
	groups := Groups(mols)
	want := [][]int{{1, 2, 4}, {0, 5}, {7}, {6}, {3}}
	if !slices.EqualFunc(groups, want, slices.Equal) {
		t.Errorf("%v, want %v", groups, want)
	}
	train, validation, test := Split(groups, 0.5, 0.25)
	if !slices.Equal(train, []int{1, 2, 4, 7}) || !slices.Equal(validation, []int{0, 5}) || !slices.Equal(test, []int{6, 3}) {
		t.Errorf("%v, %v, %v", train, validation, test)
	}
}

func TestGeneric(t *testing.T) {
	if _, err := Generic(parse(t, "FS(F)(F)(F)(F)F")); fault.KindOf(err) != fault.Data {
		t.Errorf("carbon with six bonds: %v", err)
	}
	m, err := Murcko(parse(t, "CCO"))
	if err != nil || len(m.Atoms) != 0 {
		t.Errorf("framework of ethanol: %v, %v", m.Atoms, err)
	}
}

func BenchmarkMurcko(b *testing.B) {
	m := parse(b, "CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)NCCc1c[nH]c2ccc(F)cc12")
	for b.Loop() {
		if _, err := Murcko(m); err != nil {
			b.Fatal(err)
		}
	}
}
