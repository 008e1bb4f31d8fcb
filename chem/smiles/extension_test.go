package smiles

import (
	"context"
	"strings"
	"testing"
)

// An extension never changes the graph; its coordinates are read, the whole is kept.
func TestExtension(t *testing.T) {
	for _, c := range []struct {
		text   string
		placed bool
	}{
		{"CCO |(0,0,;1.5,0,;2.2,1.2,)|", true},
		{"CCO |(0,0,1;1.5,0,0;2.2,1.2,0)|", true},
		{"CCO |(0,0,;1.5,0,)|", false},
		{"CCO |(0,0,;1.5,x,;1,1,)|", false},
		{"CCO |$a;b|c;d$|", false},
		{"CCO |&1:0,o1:2|", false},
		{"CCO |(|", false},
		{"CCO |$|", false},
	} {
		m, err := Parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if Canonical(m) != "CCO" || (m.Coords != nil) != c.placed {
			t.Errorf("%s: %s, placed %v", c.text, Canonical(m), m.Coords != nil)
		}
		if len(m.Props) != 1 || "CCO |"+m.Props[0].Value+"|" != c.text {
			t.Errorf("%s: properties %v", c.text, m.Props)
		}
	}
	for _, bad := range []string{"CCO |", "CCO x", "CC|O|"} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
	err := Read(context.Background(), strings.NewReader("CCO |&1:0| ethyl alcohol\nCC ethane | two\n"), Options{}, func(l Line) error {
		if want := map[int]string{1: "ethyl alcohol", 2: "ethane | two"}[l.Number]; l.Err != nil || l.Mol.Name != want {
			t.Errorf("line %d: %v, %v", l.Number, l.Mol, l.Err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Rooted SMILES begin at their atom and mean the same molecule.
func TestRooted(t *testing.T) {
	for _, s := range []string{"C[C@H](N)C(=O)O", "c1ccc2[nH]ccc2c1", "F/C=C/Cl.[Na+]", "C[C@@]12CCC[C@H]1CCC2"} {
		m, err := Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		for a := range m.Atoms {
			for _, f := range []Format{{}, {Kekule: true}} {
				out := Rooted(m, int32(a), f)
				k, err := Parse(out)
				if err != nil || Canonical(k) != Canonical(m) {
					t.Errorf("%s at %d: %s, %v", s, a, out, err)
					continue
				}
				if k.Atoms[0].Element != m.Atoms[a].Element || k.Degree(0) != m.Degree(int32(a)) {
					t.Errorf("%s at %d begins elsewhere: %s", s, a, out)
				}
			}
		}
	}
}

func TestCSV(t *testing.T) {
	text := "id,Smiles,y\n1,CCO,0.5\n2,C1CC,1\n3,\"C[C@H](N)F |a:1|\",2\n"
	var got []string
	each := func(l Line, header, fields []string) error {
		out := "bad"
		if l.Err == nil {
			out = Canonical(l.Mol)
		}
		got = append(got, fields[0]+" "+out)
		return nil
	}
	if err := ReadCSV(context.Background(), strings.NewReader(text), "", Options{}, each); err != nil {
		t.Fatal(err)
	}
	if s := strings.Join(got, ";"); s != "1 CCO;2 bad;3 C[C@@H](F)N" && s != "1 CCO;2 bad;3 C[C@H](N)F" {
		t.Error(s)
	}
	for _, bad := range []string{"", "id,y\n1,2\n", "smiles\nC,C\n", "smiles\n\"C\n"} {
		if err := ReadCSV(context.Background(), strings.NewReader(bad), "", Options{}, each); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}
