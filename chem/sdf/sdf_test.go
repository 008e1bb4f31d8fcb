package sdf

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"galen.dev/chem"
	"galen.dev/chem/smiles"
	"galen.dev/fault"
)

func prop(m *chem.Mol, name string) string {
	for _, p := range m.Props {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// canonical is Galen's canonical form of a SMILES.
func canonical(t *testing.T, s string) string {
	t.Helper()
	m, err := smiles.Parse(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return smiles.Canonical(m)
}

// What RDKit wrote reads as the molecule that RDKit reads, and what Galen writes of it reads back.
func TestReadAndWrite(t *testing.T) {
	f, err := os.Open("testdata/molfiles.sdf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := NewReader(f, Options{})
	count := map[string]int{}
	for {
		m, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, want := prop(m, "kind"), canonical(t, prop(m, "SMILES"))
		count[kind]++
		if got := smiles.Canonical(m); got != want {
			t.Errorf("record %d (%s): %s, want %s", r.Record(), kind, got, want)
		}
		buf, err := Append(nil, m)
		if err != nil {
			t.Errorf("record %d: %v", r.Record(), err)
			continue
		}
		back, err := Parse(string(buf))
		if err != nil {
			t.Errorf("record %d: %v", r.Record(), err)
			continue
		}
		if got := smiles.Canonical(back); got != want || prop(back, "kind") != kind {
			t.Errorf("record %d (%s) comes back as %s, want %s", r.Record(), kind, got, want)
		}
		w := writer{m: m.Kekulized(nil)}
		if err := w.stereo(); err != nil {
			t.Fatal(err)
		}
		v3, err := Parse("\n     galen          2D\n\n" + string(w.appendV3000(nil)))
		if kind == "3D" {
			v3, err = Parse("\n     galen          3D\n\n" + string(w.appendV3000(nil)))
		}
		if err != nil || smiles.Canonical(v3) != want {
			t.Errorf("record %d (%s) as V3000: %v", r.Record(), kind, err)
		}
	}
	if count["2D"] < 15 || count["3D"] < 10 || count["V3000"] < 15 {
		t.Errorf("records: %v", count)
	}
}

// Without coordinates the parity field carries chirality, and what it cannot carry is refused.
func TestWithoutCoordinates(t *testing.T) {
	for _, s := range []string{"C[C@H](N)O", "F[C@](Cl)(Br)I", "C[C@@]1(N)CC[C@H](O)C1", "[CH3][O-]", "[13CH4]", "C[CH2]", "N[C@@H](C)C(=O)O"} {
		m, err := smiles.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		buf, err := Append(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(string(buf))
		if err != nil || smiles.Canonical(back) != smiles.Canonical(m) {
			t.Errorf("%s comes back as %v, %v\n%s", s, smiles.Canonical(back), err, buf)
		}
	}
	for s, want := range map[string]string{"F/C=C/F": "stereo-without-coordinates", "C[Pt@SP1](F)(Cl)Br": "stereo-class", "C$C": "quadruple-bond"} {
		m, err := smiles.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Append(nil, m)
		if f := fault.FindingsOf(err); len(f) != 1 || f[0].Name != want {
			t.Errorf("%s: %v, want %s", s, err, want)
		}
	}
}

const ethanol = "\n\n\n  3  2  0  0  0  0  0  0  0  0999 V2000\n" +
	"    0.0000    0.0000    0.0000 C   0  0\n    1.5000    0.0000    0.0000 C   0  0\n    2.2000    1.2000    0.0000 O   0  0\n" +
	"  1  2  1  0\n  2  3  1  0\nM  END\n"

// A broken record costs itself alone, and its error tells the record and the line.
func TestRecovery(t *testing.T) {
	for name, broken := range map[string]string{
		"bad-counts-line":     strings.Replace(ethanol, "  3  2", "  x  2", 1),
		"bad-bond-line":       strings.Replace(ethanol, "  3  2", "  3  9", 1),
		"bad-atom-line":       strings.Replace(ethanol, "  3  2", "999  2", 1),
		"unknown-element":     strings.Replace(ethanol, " O ", " Zz", 1),
		"bad-coordinate":      strings.Replace(ethanol, "1.5000", "1.5x00", 1),
		"bad-bond":            strings.Replace(ethanol, "  2  3  1", "  2  7  1", 1),
		"bad-bond-type":       strings.Replace(ethanol, "  2  3  1", "  2  3 99", 1),
		"bad-property":        strings.Replace(ethanol, "M  END", "M  CHG  1   9   1\nM  END", 1),
		"charge-out-of-range": strings.Replace(ethanol, "M  END", "M  CHG  1   1 999\nM  END", 1),
		"no-counts-line":      "\nx\n",
		"valence":             strings.Replace(ethanol, "  2  3  1", "  2  3  3", 1),
		"unclosed-ctab":       "\n\n\n  0  0  0     0  0            999 V3000\nM  V30 BEGIN CTAB\n",
	} {
		r := NewReader(strings.NewReader(ethanol+"$$$$\n"+broken+"$$$$\n"+ethanol), Options{})
		var got []string
		for {
			m, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err == nil {
				got = append(got, smiles.Canonical(m))
				continue
			}
			f := fault.FindingsOf(err)
			if len(f) == 0 || f[0].Name != name || fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), "record 2") {
				t.Errorf("%s: %v", name, err)
			} else if name != "valence" && f[0].Line <= strings.Count(ethanol, "\n") {
				t.Errorf("%s: line %d", name, f[0].Line)
			}
			got = append(got, "error")
		}
		if strings.Join(got, " ") != "CCO error CCO" {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzReader(f *testing.F) {
	data, err := os.ReadFile("testdata/molfiles.sdf")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range strings.SplitAfter(string(data), "$$$$\n")[:30] {
		f.Add(s)
	}
	f.Add(ethanol)
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 4000 {
			return
		}
		r := NewReader(strings.NewReader(s), Options{})
		for range 100 {
			m, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				continue
			}
			smiles.Canonical(m)
			if buf, err := Append(nil, m); err == nil {
				if _, err := ParseWith(string(buf), Options{Raw: true}); err != nil {
					t.Fatalf("%v\n%s", err, buf)
				}
			}
		}
	})
}
