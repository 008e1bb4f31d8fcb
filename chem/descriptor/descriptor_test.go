package descriptor

import (
	"bufio"
	"compress/gzip"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"galen.dev/chem"
	"galen.dev/chem/smiles"
	"galen.dev/fault"
)

// vectors reads testdata of RDKit (testdata/vectors.py) and calls each for every molecule.
func vectors(t *testing.T, path string, each func(names []string, m *chem.Mol, s string, want []float64)) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	lines.Scan()
	names := strings.Split(lines.Text(), "\t")[1:]
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		m, err := smiles.Parse(fields[0])
		if err != nil {
			t.Errorf("%s: %v", fields[0], err)
			continue
		}
		want := make([]float64, len(names))
		for i, f := range fields[1:] {
			want[i] = math.NaN()
			if f != "" {
				if want[i], err = strconv.ParseFloat(f, 64); err != nil {
					t.Fatal(err)
				}
			}
		}
		each(names, m, fields[0], want)
	}
	if lines.Err() != nil {
		t.Fatal(lines.Err())
	}
}

// lossy says that RDKit's own value has lost its digits: Ipc is computed there by a recursion that breaks down.
func lossy(name string, m *chem.Mol) bool {
	return (name == "Ipc" || name == "AvgIpc") && len(m.Atoms) > 40
}

// compare holds descriptors to RDKit's to 1e-6 of the value. RDKit's eigenvalues (BCUT2D) agree with themselves only
// to 1e-5 between builds, and Ipc to 1e-3.
func compare(t *testing.T, path string, atLeast int) {
	var d *Describer
	var got []float64
	molecules, values := 0, 0
	vectors(t, path, func(names []string, m *chem.Mol, s string, want []float64) {
		if d == nil {
			var err error
			if d, err = NewDescriber(names...); err != nil {
				t.Fatal(err)
			}
		}
		got = d.Describe(m, got[:0])
		molecules++
		for i, name := range names {
			if lossy(name, m) || math.IsNaN(got[i]) && math.IsNaN(want[i]) || got[i] == want[i] {
				continue
			}
			values++
			tolerance := 1e-6
			switch {
			case strings.HasPrefix(name, "BCUT2D"):
				tolerance = 1e-5
			case strings.HasSuffix(name, "Ipc"):
				tolerance = 1e-3
			}
			if diff := math.Abs(got[i] - want[i]); !(diff <= tolerance*max(1, math.Abs(want[i]))) {
				t.Errorf("%s of %s: %v, RDKit has %v", name, s, got[i], want[i])
			}
		}
	})
	if molecules < atLeast || values == 0 {
		t.Errorf("%d molecules and %d values compared", molecules, values)
	}
}

func TestAllAgainstRDKit(t *testing.T) { compare(t, "testdata/all.tsv.gz", 290) }
func TestKeyAgainstRDKit(t *testing.T) { compare(t, "testdata/key.tsv.gz", 5000) }

// Singles agree with the table, and All with any choice in any order.
func TestOneByOne(t *testing.T) {
	m, err := smiles.Parse("C[C@@H](NC(=O)c1ccc(Cl)cc1)C1CC1")
	if err != nil {
		t.Fatal(err)
	}
	all := All(m, nil)
	names := Names()
	of := map[string]float64{}
	for i, n := range names {
		of[n] = all[i]
	}
	logP, mr := Crippen(m)
	for name, v := range map[string]float64{
		"MolWt": Weight(m), "HeavyAtomMolWt": HeavyWeight(m), "ExactMolWt": ExactWeight(m), "MolLogP": logP, "MolMR": mr,
		"TPSA": TPSA(m), "NumHDonors": float64(Donors(m)), "NumHAcceptors": float64(Acceptors(m)),
		"NumRotatableBonds": float64(RotatableBonds(m)), "RingCount": float64(CountRings(m).Rings), "qed": QED(m),
		"SAscore": SAScore(m), "LabuteASA": LabuteASA(m), "HallKierAlpha": HallKierAlpha(m), "FractionCSP3": FractionCSP3(m),
		"NumAmideBonds": float64(AmideBonds(m)), "NumHeteroatoms": float64(Heteroatoms(m)), "NHOHCount": float64(LipinskiDonors(m)),
		"NOCount": float64(LipinskiAcceptors(m)), "FormalCharge": float64(Charge(m)), "HeavyAtomCount": float64(HeavyAtoms(m)),
	} {
		if of[name] != v {
			t.Errorf("%s: %v alone, %v in All", name, v, of[name])
		}
	}
	if LogP(m) != logP || MolarRefractivity(m) != mr {
		t.Error("LogP and MolarRefractivity differ from Crippen")
	}
	d, err := NewDescriber("qed", "MolWt", "Chi3v", "qed")
	if err != nil {
		t.Fatal(err)
	}
	got := d.Describe(m, []float64{7})
	for i, want := range []float64{7, of["qed"], of["MolWt"], of["Chi3v"], of["qed"]} {
		if got[i] != want {
			t.Errorf("value %d of a choice: %v, want %v", i, got[i], want)
		}
	}
}

func TestFormula(t *testing.T) {
	for s, want := range map[string]string{
		"CCO": "C2H6O", "[Na+].[Cl-]": "ClNa", "C[N+](C)(C)C": "C4H12N+", "[O-]C(=O)C(=O)[O-]": "C2O4-2", "OS(=O)(=O)O": "H2O4S",
		"[Ca+2]": "Ca+2", "": "", "[13CH4]": "CH4", "BrC(Cl)I": "CHBrClI",
	} {
		m, err := smiles.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := Formula(m); got != want {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
	}
}

// The coefficients were computed with whole numbers of any size (Python), where RDKit's recursion gives 2.29e24.
func TestIpcOfLargeMolecule(t *testing.T) {
	const s = "CC(C)CCCC(C)C1CCC2C3CCC4CC(CCC=C(c5cc(Cl)c(OCc6ccc([N+](=O)[O-])cc6)c(C(=O)OCc6ccc([N+](=O)[O-])cc6)c5)" +
		"c5cc(Cl)c(OCc6ccc([N+](=O)[O-])cc6)c(C(=O)OCc6ccc([N+](=O)[O-])cc6)c5)CCC4(C)C3CCC12C"
	m, err := smiles.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDescriber("Ipc", "AvgIpc")
	if err != nil {
		t.Fatal(err)
	}
	got := d.Describe(m, nil)
	if math.Abs(got[0]/1.560535281820014e+20-1) > 1e-9 || math.Abs(got[1]-3.9099234600945363) > 1e-8 {
		t.Errorf("Ipc %v, AvgIpc %v", got[0], got[1])
	}
}

func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range Table() {
		if d.Name == "" || d.Doc == "" || d.Source == "" || d.Low > d.High || seen[d.Name] {
			t.Errorf("entry %+v is incomplete or there twice", d)
		}
		seen[d.Name] = true
	}
	for _, n := range Standard() {
		if !seen[n] {
			t.Errorf("standard descriptor %s does not exist", n)
		}
	}
	// Values stay in the range that the table states.
	table := Table()
	vectors(t, "testdata/all.tsv.gz", func(_ []string, m *chem.Mol, s string, _ []float64) {
		for i, v := range All(m, nil) {
			if v < table[i].Low || v > table[i].High {
				t.Errorf("%s of %s is %v, outside its range", table[i].Name, s, v)
			}
		}
	})
}

func TestUnknownName(t *testing.T) {
	_, err := NewDescriber("MolWt", "TSPA", "xyzzy")
	if fault.KindOf(err) != fault.Data || len(fault.FindingsOf(err)) != 2 || !strings.Contains(fault.FindingsOf(err)[0].Hint, "TPSA") {
		t.Errorf("error %v", err)
	}
}

// Molecules without atoms, and very large ones, have what can be had.
func TestExtremes(t *testing.T) {
	for _, s := range []string{"", strings.Repeat("C", MaxTopology+1), strings.Repeat("C1CC1", 900)} {
		m, err := smiles.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		d, err := NewDescriber(Standard()...)
		if err != nil {
			t.Fatal(err)
		}
		d.Describe(m, nil)
		d, err = NewDescriber("BalabanJ", "BertzCT", "MaxEStateIndex", "Ipc", "BCUT2D_MWHI", "Chi4v", "Kappa3")
		if err != nil {
			t.Fatal(err)
		}
		got := d.Describe(m, nil)
		if len(m.Atoms) > MaxTopology && (!math.IsNaN(got[0]) || !math.IsNaN(got[2]) || math.IsNaN(got[5])) {
			t.Errorf("%d atoms: %v", len(m.Atoms), got)
		}
	}
}

func BenchmarkStandard(b *testing.B) {
	d, err := NewDescriber(Standard()...)
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, d)
}

func BenchmarkAll(b *testing.B) { benchmark(b, &Describer{}) }

func benchmark(b *testing.B, d *Describer) {
	var mols []*chem.Mol
	for _, s := range []string{
		"CC(C)Cc1ccc(cc1)C(C)C(=O)O", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "COc1cc2c(cc1OC)CC(N)C2=O",
		"O=C(NC1CCN(Cc2ccccc2)CC1)c1ccc(Cl)cc1", "C[C@H](N)C(=O)N1CCC[C@H]1C(=O)Nc1ccc(F)cc1", "Cc1nnc(SCC(=O)Nc2ccc3c(c2)OCCO3)n1C",
	} {
		m, err := smiles.Parse(s)
		if err != nil {
			b.Fatal(err)
		}
		mols = append(mols, m)
	}
	var out []float64
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		out = d.Describe(mols[i%len(mols)], out[:0])
	}
}
