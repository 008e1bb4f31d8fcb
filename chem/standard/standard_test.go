package standard

import (
	"bufio"
	"compress/gzip"
	"os"
	"strings"
	"testing"

	"galen.dev/chem/smiles"
)

// forms are the columns of testdata/parents.tsv.gz, and the least share that must equal RDKit's. What differs in the
// clean-up are complexes whose dative bonds RDKit draws otherwise; among tautomers, ones of equal score, of which
// RDKit takes the first by its own canonical SMILES, and molecules with more tautomers than are looked at.
var forms = []struct {
	name    string
	options Options
	least   float64
}{
	{"cleanup", Options{}, 0.999},
	{"fragment", Options{Fragment: true}, 0.999},
	{"charge", Options{Fragment: true, Uncharge: true}, 0.999},
	{"tautomer", Options{Tautomer: true}, 0.95},
	{"salts", Options{StripSalts: true}, 0.999},
}

func TestAgainstRDKit(t *testing.T) {
	f, err := os.Open("testdata/parents.tsv.gz")
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
	same, of, n := make([]int, len(forms)), make([]int, len(forms)), 0
	for lines.Scan() {
		columns := strings.Split(lines.Text(), "\t")
		m, err := smiles.Parse(columns[0])
		if err != nil {
			t.Errorf("%s: %v", columns[0], err)
			continue
		}
		n++
		for k, form := range forms {
			want, err := smiles.Parse(columns[k+1])
			if err != nil || form.options.Tautomer && n%tautomerEvery != 0 {
				continue
			}
			of[k]++
			r, err := Standardize(m, form.options)
			if err != nil {
				t.Logf("%s of %s: %v", form.name, columns[0], err)
				continue
			}
			back, err := smiles.Parse(smiles.Canonical(r.Mol))
			if err != nil {
				t.Errorf("%s of %s cannot be read: %v", form.name, columns[0], err)
				continue
			}
			if got, want := smiles.Canonical(back), smiles.Canonical(want); got == want {
				same[k]++
			} else if testing.Verbose() {
				t.Logf("%s of %s\n got  %s\n want %s", form.name, columns[0], got, want)
			}
		}
	}
	if n < 700 {
		t.Fatalf("%d molecules", n)
	}
	for k, form := range forms {
		t.Logf("%s: %d of %d equal", form.name, same[k], of[k])
		if of[k] < 200 || float64(same[k]) < form.least*float64(of[k]) {
			t.Errorf("%s: %d of %d molecules equal RDKit's", form.name, same[k], of[k])
		}
	}
}

// what joins the changes of a result to a text.
func what(r Result) string {
	var parts []string
	for _, c := range r.Changes {
		parts = append(parts, c.Step+":"+c.Rule)
	}
	return strings.Join(parts, "; ")
}

func TestRecord(t *testing.T) {
	for _, c := range []struct {
		in, out, changes string
		options          Options
	}{
		{"CCO", "CCO", "", Options{}},
		{"CC(=O)O[Na]", "CC(=O)[O-].[Na+]", "metal:bond to Na", Options{}},
		{"CS(=O)C", "C[S+]([O-])C", "normalise:Sulfoxide to -S+(O-)-", Options{}},
		{"[Na].CC(=O)O", "[Na+].CC(=O)[O-]", "reionise:charge of a lone Na; reionise:-CO2H balances the charge of ions", Options{}},
		{"CC(=O)[O-].OS(=O)(=O)c1ccccc1", "CC(=O)O.[O-]S(=O)(=O)c1ccccc1", "reionise:proton from -SO3H to -CO2H", Options{}},
		{"CCN.Cl", "CCN", "salt:chlorine", Options{StripSalts: true}},
		{"Cl.O", "O", "salt:chlorine", Options{StripSalts: true}},
		{"CCCCN.OC(=O)C", "CCCCN", "fragment:", Options{Fragment: true}},
		{"CC[NH3+].[Cl-]", "CCN", "fragment:[Cl-]; uncharge:cation", Options{Fragment: true, Uncharge: true}},
		{"[13CH3]O", "CO", "isotope:", Options{NoIsotopes: true}},
		{"C[C@H](F)Cl", "CC(F)Cl", "stereo:", Options{NoStereo: true}},
		{"CC(O)=CC(C)=O", "CC(=O)CC(C)=O", "tautomer:highest score", Options{Tautomer: true}},
		{"", "", "", Options{Fragment: true, Uncharge: true, Tautomer: true, StripSalts: true}},
	} {
		m, err := smiles.Parse(c.in)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Standardize(m, c.options)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		want, err := smiles.Parse(c.out)
		if err != nil {
			t.Fatal(err)
		}
		if got := smiles.Canonical(r.Mol); got != smiles.Canonical(want) {
			t.Errorf("%s: %s, want %s", c.in, got, smiles.Canonical(want))
		}
		if got := what(r); got != c.changes && !(strings.HasSuffix(c.changes, ":") && strings.HasPrefix(got, c.changes)) {
			t.Errorf("%s: changes %q, want %q", c.in, got, c.changes)
		}
		for _, change := range r.Changes {
			for _, a := range change.Atoms {
				if int(a) >= len(m.Atoms) {
					t.Errorf("%s: %s names atom %d", c.in, change.Step, a)
				}
			}
		}
	}
}

// The atoms of a change are those of the molecule that was given, also after parts left.
func TestRecordNamesOriginalAtoms(t *testing.T) {
	m, err := smiles.Parse("Cl.CC[NH3+]")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Standardize(m, Options{Fragment: true, Uncharge: true})
	if err != nil {
		t.Fatal(err)
	}
	last := r.Changes[len(r.Changes)-1]
	if last.Step != "uncharge" || len(last.Atoms) != 1 || m.Atoms[last.Atoms[0]].Element != 7 {
		t.Errorf("last change %+v", last)
	}
}

// The order in which atoms were given does not matter to the result.
func TestOrderOfAtoms(t *testing.T) {
	for _, s := range []string{"Oc1ccccn1.[Na]", "CC(=O)CC(=O)C.OS(=O)(=O)[O-]", "Nc1nc(O)c2nc[nH]c2n1", "C[S](=O)CC(=N)N.Cl"} {
		m, err := smiles.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Fragment: true, Uncharge: true, Tautomer: true}
		r, err := Standardize(m, o)
		if err != nil {
			t.Fatal(err)
		}
		want := smiles.Canonical(r.Mol)
		for seed := range uint64(5) {
			again, err := smiles.Parse(smiles.Random(m, seed))
			if err != nil {
				t.Fatal(err)
			}
			if r, err = Standardize(again, o); err != nil || smiles.Canonical(r.Mol) != want {
				t.Errorf("%s in another order: %s (%v), want %s", s, smiles.Canonical(r.Mol), err, want)
			}
		}
	}
}

func TestTautomers(t *testing.T) {
	m, err := smiles.Parse("CC(=O)CC(C)=O")
	if err != nil {
		t.Fatal(err)
	}
	all, complete, err := Tautomers(m, 0)
	if err != nil || !complete || len(all) < 3 {
		t.Errorf("%d tautomers, complete %v, %v", len(all), complete, err)
	}
	if all, complete, err = Tautomers(m, 2); err != nil || complete || len(all) > 2 {
		t.Errorf("bounded by 2: %d tautomers, complete %v, %v", len(all), complete, err)
	}
}
