package filter

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galen.dev/chem/smiles"
	"galen.dev/fault"
)

func ExampleCatalogue() {
	m, err := smiles.Parse("Cc1cc(O)c(O)cc1")
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"pains", "brenk"} {
		l, err := Catalogue(name)
		if err != nil {
			panic(err)
		}
		alerts, err := l.Check(m)
		fmt.Println(alerts, err)
	}
	// Output:
	// [{catechol_A(92) pains_b [1 2 3 5 7 8 6 4]}] <nil>
	// [{catechol brenk [2 3 4 5 6 7 8 1]}] <nil>
}

// TestSizes counts the patterns of each catalogue, as published.
func TestSizes(t *testing.T) {
	want := map[string]int{
		"pains": 480, "pains_a": 16, "pains_b": 55, "pains_c": 409, "brenk": 105, "mcf": 22, "nih": 180, "zinc": 50,
		"chembl": 770,
	}
	for _, name := range Names() {
		l, err := Catalogue(name)
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := want[name]; ok && l.Len() != n || l.Len() == 0 || l.About == "" || l.Reference == "" {
			t.Errorf("%s: %d patterns, %q, %q", name, l.Len(), l.About, l.Reference)
		}
	}
	_, err := Catalogue("pain")
	if fault.KindOf(err) != fault.NotFound || !strings.Contains(fault.HintOf(err), "pains_a") {
		t.Errorf("unknown name: %v", err)
	}
}

// TestAlerts are molecules whose alerts are plain to see.
func TestAlerts(t *testing.T) {
	for _, c := range []struct{ list, smiles, want string }{
		{"mcf", "CCBr", "MCF4"}, // its hydrogens are no atoms of the molecule
		{"mcf", "C1OC1C", "MCF5"},
		{"mcf", "CCO", ""},
		{"mcf", "FC(F)(F)C(F)(F)C(F)F", "MCF22"},
		{"mcf", "FC(F)(F)CC(F)(F)F", ""}, // one too few
		{"brenk", "CC=O", "aldehyde"},
		{"zinc", "CCC(=O)Cl", ""},                   // one acid halide is allowed
		{"zinc", "ClC(=O)CC(=O)Cl", "Acid_halides"}, // two are not
		{"pains", "c1ccccc1", ""},
	} {
		m, err := smiles.Parse(c.smiles)
		if err != nil {
			t.Fatal(err)
		}
		l, err := Catalogue(c.list)
		if err != nil {
			t.Fatal(err)
		}
		alerts, err := l.Check(m)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, a := range alerts {
			names = append(names, a.Name)
			for _, at := range a.Atoms {
				if at >= len(m.Atoms) {
					t.Errorf("%s: atom %d is not in the molecule", c.smiles, at)
				}
			}
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s on %s: %q, want %q", c.list, c.smiles, got, c.want)
		}
		if any, err := l.Any(m); err != nil || any != (c.want != "") {
			t.Errorf("%s on %s: Any says %v, %v", c.list, c.smiles, any, err)
		}
	}
}

// TestTogether asks several catalogues through one checker: the answers are those of each alone.
func TestTogether(t *testing.T) {
	m, err := smiles.Parse("O=C1C=CC(=O)c2ccccc12.ClCCBr.O=CC=Nc1ccc(O)c(O)c1")
	if err != nil {
		t.Fatal(err)
	}
	var all []*List
	var want []Alert
	for _, name := range []string{"pains", "brenk", "chembl", "mcf"} {
		l, err := Catalogue(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
		alerts, err := l.Check(m)
		if err != nil || len(alerts) == 0 {
			t.Fatal(name, alerts, err)
		}
		want = append(want, alerts...)
	}
	got, err := NewChecker(all...).Check(m)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("together %v, apart %v (%v)", got, want, err)
	}
}

func TestRules(t *testing.T) {
	aspirin := Values{
		Weight: 180.16, LogP: 1.31, TPSA: 63.6, Refractivity: 44.7, Donors: 1, Acceptors: 3, Rotatable: 2,
		Rings: 1, Atoms: 21, Carbons: 9, HeteroAtoms: 4,
	}
	ciclosporin := Values{
		Weight: 1202.6, LogP: 3.27, TPSA: 278.8, Refractivity: 325, Donors: 5, Acceptors: 12, Rotatable: 15,
		Rings: 1, Atoms: 196, Carbons: 62, HeteroAtoms: 23,
	}
	passes := func(v Values) (names []string) {
		for _, r := range Rules() {
			if r.Passes(v) {
				names = append(names, r.Name)
			}
		}
		return names
	}
	if got := passes(aspirin); !slices.Equal(got, []string{"lipinski", "veber", "ghose", "egan"}) {
		t.Errorf("aspirin passes %v", got)
	}
	if got := passes(ciclosporin); got != nil {
		t.Errorf("ciclosporin passes %v", got)
	}
	lipinski := Rules()[0]
	if got := fmt.Sprint(lipinski.Broken(ciclosporin)); got != "[weight 1203 above 500 acceptors 12 above 10]" {
		t.Error(got)
	}
	aspirin.Weight = 501 // one miss is allowed
	if !lipinski.Passes(aspirin) || len(lipinski.Broken(aspirin)) != 1 {
		t.Error("one miss is allowed")
	}
	aspirin.LogP = math.NaN()
	if lipinski.Passes(aspirin) {
		t.Error("a value that is not a number passes")
	}
}

// TestMoses judges the 30,000 published samples of JT-VAE: MOSES reports that 0.97438 of the valid ones pass.
func TestMoses(t *testing.T) {
	dir := os.Getenv("GALEN_DATA")
	if dir == "" {
		t.Skip("GALEN_DATA names no folder with drug/")
	}
	f, err := os.Open(filepath.Join(dir, "drug", "jtvae_moses_samples.smi.gz"))
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	judge := NewMoses()
	valid, passed := 0, 0
	in := bufio.NewScanner(z)
	in.Scan() // the header
	for in.Scan() {
		m, err := smiles.Parse(in.Text())
		if err != nil {
			continue
		}
		valid++
		ok, err := judge.Passes(m)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			passed++
		}
	}
	if got := float64(passed) / float64(valid); math.Abs(got-0.97438) > 0.001 {
		t.Errorf("%d of %d pass, %.5f; MOSES 0.97438", passed, valid, got)
	} else {
		t.Logf("%d of %d pass, %.5f; MOSES 0.97438", passed, valid, got)
	}
}
