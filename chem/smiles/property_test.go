package smiles

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"galen.dev/chem"
	"pgregory.net/rapid"
)

// vector is what RDKit 2026.09.1 says of a molecule; testdata/perception.py writes them.
type vector struct {
	SMILES                            string
	Refused                           bool
	H, Charge, Radicals, Hybrid       []int
	Aromatic, Rings                   []int // of the atoms
	BondAromatic, Conjugated, InRings []int // of the bonds, sorted by their ends
	CIP                               []string
	Same                              string // another SMILES of the molecule
}

func vectors(t testing.TB) []vector {
	data, err := os.ReadFile("testdata/perception.json")
	if err != nil {
		t.Fatal(err)
	}
	var vs []vector
	if err := json.Unmarshal(data, &vs); err != nil {
		t.Fatal(err)
	}
	return vs
}

// Every derived property of atoms and bonds equals RDKit's.
func TestPerception(t *testing.T) {
	for _, v := range vectors(t) {
		m, err := ParseWith(v.SMILES, Options{})
		if (err != nil) != v.Refused {
			t.Errorf("%s: %v, RDKit refuses: %v", v.SMILES, err, v.Refused)
		}
		if err != nil || v.Refused {
			continue
		}
		var got vector
		for i := range m.Atoms {
			a := &m.Atoms[i]
			got.H = append(got.H, a.Hydrogens())
			got.Charge = append(got.Charge, int(a.Charge))
			got.Radicals = append(got.Radicals, int(a.Radicals))
			got.Hybrid = append(got.Hybrid, int(a.Hybrid))
			got.Aromatic = append(got.Aromatic, bit(a.Aromatic()))
			got.Rings = append(got.Rings, m.Rings().AtomCount(int32(i)))
			got.CIP = append(got.CIP, [3]string{"", "R", "S"}[a.CIP])
		}
		for a := range int32(len(m.Atoms)) {
			for b := a + 1; b < int32(len(m.Atoms)); b++ {
				if k := m.BondBetween(a, b); k >= 0 {
					got.BondAromatic = append(got.BondAromatic, bit(m.Bonds[k].Aromatic()))
					got.Conjugated = append(got.Conjugated, bit(m.Bonds[k].Flags&chem.Conjugated != 0))
					got.InRings = append(got.InRings, m.Rings().BondCount(k))
				}
			}
		}
		for _, c := range []struct {
			what      string
			got, want any
		}{
			{"hydrogens", got.H, v.H},
			{"charges", got.Charge, v.Charge},
			{"radicals", got.Radicals, v.Radicals},
			{"hybridisation", got.Hybrid, v.Hybrid},
			{"aromatic atoms", got.Aromatic, v.Aromatic},
			{"rings of atoms", got.Rings, v.Rings},
			{"aromatic bonds", got.BondAromatic, v.BondAromatic},
			{"conjugated bonds", got.Conjugated, v.Conjugated},
			{"rings of bonds", got.InRings, v.InRings},
			{"CIP", got.CIP, v.CIP},
		} {
			if g, w := fmt.Sprint(c.got), fmt.Sprint(c.want); g != w {
				t.Errorf("%s: %s\n got %s\nwant %s", v.SMILES, c.what, g, w)
			}
		}
		same, err := Parse(v.Same)
		if err != nil || Canonical(same) != Canonical(m) {
			t.Errorf("%s and %s differ: %v", v.SMILES, v.Same, err)
		}
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// stable checks that a canonical SMILES reads as itself and does not depend on the order of atoms.
func stable(s string, orders int) error {
	m, err := Parse(s)
	if err != nil {
		return nil
	}
	c := Canonical(m)
	for _, r := range append([]string{c}, randoms(m, orders)...) {
		again, err := Parse(r)
		if err != nil {
			return fmt.Errorf("%s is written as %s: %w", s, r, err)
		}
		if got := Canonical(again); got != c {
			return fmt.Errorf("%s gives %s, but as %s it gives %s", s, c, r, got)
		}
	}
	return nil
}

func randoms(m *chem.Mol, n int) []string {
	var out []string
	for seed := range uint64(n) {
		out = append(out, Random(m, seed))
	}
	return out
}

func TestCanonicalIsStable(t *testing.T) {
	for _, v := range vectors(t) {
		if err := stable(v.SMILES, 10); err != nil {
			t.Error(err)
		}
	}
}

// Atoms may be renumbered at will, with the same canonical SMILES, aromatic and Kekulé.
func TestRenumbering(t *testing.T) {
	vs := vectors(t)
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SampledFrom(vs).Draw(t, "molecule")
		m, err := Parse(v.SMILES)
		if err != nil {
			return
		}
		to := make([]int32, len(m.Atoms))
		for i := range to {
			to[i] = int32(i)
		}
		r := m.Renumbered(rapid.Permutation(to).Draw(t, "order"))
		if a, b := Canonical(m), Canonical(r); a != b {
			t.Fatalf("%s and %s", a, b)
		}
		k := Format{Kekule: true}
		a, b := CanonicalWith(m, k), CanonicalWith(r, k)
		if a != b {
			t.Fatalf("Kekulé: %s and %s", a, b)
		}
		back, err := Parse(a)
		if err != nil || Canonical(back) != Canonical(m) {
			t.Fatalf("Kekulé form %s of %s: %v", a, Canonical(m), err)
		}
	})
}

// Long chains, deep branches and many rings take time in proportion and no recursion.
func TestLarge(t *testing.T) {
	n := 100_000
	for name, s := range map[string]string{
		"chain":    strings.Repeat("C", n),
		"branches": strings.Repeat("C(", n-1) + "C" + strings.Repeat(")", n-1),
		"comb":     "C" + strings.Repeat("(F)C", n/2),
		"dots":     strings.Repeat("C.", n-1) + "C",
		"rings":    strings.Repeat("C1CC1", n/3),
		"benzenes": strings.Repeat("c1ccccc1", n/6),
	} {
		m, err := Parse(s)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := Write(m, Format{}); len(got) < n/2 {
			t.Errorf("%s: %d bytes", name, len(got))
		}
		if name == "chain" || name == "comb" {
			Canonical(m)
		}
	}
}

func TestRead(t *testing.T) {
	var got []string
	err := Read(context.Background(), strings.NewReader("CCO ethanol \n\nC1\tring\nc1ccccc1"), Options{}, func(l Line) error {
		if l.Err != nil {
			got = append(got, fmt.Sprintf("%d bad", l.Number))
		} else {
			got = append(got, fmt.Sprintf("%d %s %s", l.Number, Canonical(l.Mol), l.Mol.Name))
		}
		return nil
	})
	if want := "[1 CCO ethanol 3 bad 4 c1ccccc1 ]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v; want %s", got, err, want)
	}
	m, err := Parse("OCC")
	if err != nil {
		t.Fatal(err)
	}
	m.Name = "a\nb"
	var b bytes.Buffer
	if err := WriteTo(&b, []*chem.Mol{m, m}, Format{}, true); err != nil || b.String() != "CCO a b\nCCO a b\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}

// TestData holds all molecules of the data folder to idempotence and independence of order.
func TestData(t *testing.T) {
	dir := os.Getenv("GALEN_DATA")
	if dir == "" {
		t.Skip("GALEN_DATA names no folder with drug/")
	}
	list := dataSMILES(t, dir)
	if testing.Short() || !long {
		list = list[:min(len(list), 4000)]
	}
	jobs := make(chan string, 64)
	errs := make(chan error, len(list))
	workers := runtime.GOMAXPROCS(0)
	done := make(chan bool)
	for range workers {
		go func() {
			for s := range jobs {
				if err := stable(s, 2); err != nil {
					errs <- err
				}
			}
			done <- true
		}()
	}
	for _, s := range list {
		jobs <- s
	}
	close(jobs)
	for range workers {
		<-done
	}
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	t.Logf("%d molecules", len(list))
}

// dataSMILES lists the SMILES of the data folder, every 7th of ZINC first.
func dataSMILES(t testing.TB, dir string) []string {
	var out []string
	files, err := filepath.Glob(filepath.Join(dir, "drug", "mol*", "*.csv"))
	if err != nil || len(files) == 0 {
		t.Skip("no molecules in the data folder")
	}
	for _, f := range files {
		in, err := os.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(in).ReadAll()
		in.Close()
		if err != nil {
			t.Fatal(err)
		}
		for c, h := range rows[0] {
			if h := strings.ToLower(h); h == "smiles" || h == "mol" {
				for i, r := range rows[1:] {
					if long || i%20 == 0 {
						out = append(out, r[c])
					}
				}
			}
		}
	}
	if z, err := os.Open(filepath.Join(dir, "drug", "zinc250k.smi.gz")); err == nil {
		defer z.Close()
		g, err := gzip.NewReader(z)
		if err != nil {
			t.Fatal(err)
		}
		for in := bufio.NewScanner(io.Reader(g)); in.Scan(); {
			if f := strings.Fields(in.Text()); len(f) > 0 {
				out = append(out, f[0])
			}
		}
	}
	return out
}

func FuzzParse(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.SMILES)
	}
	for _, s := range []string{"C%(12345)CC%(12345)", "[13C@@H+:7]", "F/C=C/1.C\\1", "[Co@OH12](F)(Cl)(Br)(I)(N)O", "C->[Fe]<-C", "*1:*:*:1", "[H]C([H])[H]", "C~C$C"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 400 {
			return
		}
		m, err := Parse(s)
		if err != nil {
			return
		}
		// Not every SMILES here is one that reads again: rings of boron are perceived as aromatic that no reader
		// kekulizes. What is read again must be written in the same way.
		c := Canonical(m)
		if again, err := Parse(c); err == nil && len(again.Atoms) != len(m.Atoms) && !strings.Contains(c, "[H]") {
			t.Fatalf("%q is written as %q, which has other atoms", s, c)
		}
		Write(m, Format{Kekule: true})
		m.AddHs()
	})
}
