package filter

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galen.dev/chem/smiles"
)

// sample lists the molecules of testdata/answers.py.
func sample(t *testing.T, drug string) []string {
	t.Helper()
	var out []string
	take := func(path string, step int) {
		f, err := os.Open(filepath.Join(drug, path))
		if err != nil {
			t.Skip(err)
		}
		defer f.Close()
		rows, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		c := slices.Index(rows[0], "smiles")
		for i := 1; i < len(rows); i += step {
			out = append(out, rows[i][c])
		}
	}
	for _, f := range []string{"BBBP", "ESOL_delaney-processed", "FreeSolv_SAMPL", "tox21"} {
		take("moleculenet/"+f+".csv", 1)
	}
	take("moleculenet/HIV.csv", 4)
	sets, err := filepath.Glob(filepath.Join(drug, "moleculeace", "CHEMBL*.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range sets {
		take(filepath.Join("moleculeace", filepath.Base(f)), 2)
	}
	f, err := os.Open(filepath.Join(drug, "zinc250k.smi.gz"))
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(z)
	for i := 0; in.Scan(); i++ {
		if i%12 == 0 {
			out = append(out, strings.Fields(in.Text())[0])
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// asked are the names of catalogues in answers.txt. PAINS, Brenk and MCF are asked for every molecule, the others for
// every 8th, as RDKit's answers take long.
var asked = []string{
	"pains", "brenk", "nih", "zinc", "chembl_glaxo", "chembl_dundee", "chembl_bms", "chembl_surechembl",
	"chembl_mlsmr", "chembl_inpharmatica", "chembl_lint", "mcf",
}

// block sums up the answers of a catalogue for a thousand molecules.
type block struct {
	alerts int
	crc    uint32
}

// TestAgainstRDKit compares the alerts of 55,913 molecules with RDKit's, which testdata/answers.py wrote and summed
// up. GALEN_ANSWERS names a file for the whole answers, to compare them where the sums differ. Without the build tag
// "long", only the first 4,000 molecules are taken.
func TestAgainstRDKit(t *testing.T) {
	dir := os.Getenv("GALEN_DATA")
	if dir == "" {
		t.Skip("GALEN_DATA names no folder with drug/")
	}
	list := sample(t, filepath.Join(dir, "drug"))
	if !long {
		list = list[:4000]
	}
	got := map[string]*block{}
	var full strings.Builder
	checkers := make([]*Checker, len(asked))
	for i, name := range asked {
		l, err := Catalogue(name)
		if err != nil {
			t.Fatal(err)
		}
		checkers[i] = NewChecker(l)
	}
	for i, s := range list {
		m, err := smiles.Parse(s)
		if err != nil {
			continue
		}
		for j, name := range asked {
			if i%8 != 0 && !slices.Contains([]string{"pains", "brenk", "mcf"}, name) {
				continue
			}
			alerts, err := checkers[j].Check(m)
			if err != nil {
				t.Fatalf("%s: %v", s, err)
			}
			any, err := checkers[j].Any(m)
			if err != nil || any != (len(alerts) > 0) {
				t.Fatalf("%s, %s: Any says %v, Check %v (%v)", s, name, any, alerts, err)
			}
			if len(alerts) == 0 {
				continue
			}
			names := make([]string, len(alerts))
			for k, a := range alerts {
				names[k] = a.Name
			}
			key := fmt.Sprintf("%s\t%d", name, i/1000)
			if got[key] == nil {
				got[key] = &block{}
			}
			line := fmt.Sprintf("%d\t%s\t%s\n", i, name, strings.Join(names, "|"))
			got[key].alerts += len(alerts)
			got[key].crc = crc32.Update(got[key].crc, crc32.IEEETable, []byte(line))
			full.WriteString(line)
		}
	}
	if path := os.Getenv("GALEN_ANSWERS"); path != "" {
		if err := os.WriteFile(path, []byte(full.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	compare(t, got, (len(list)+999)/1000)
}

// compare holds the sums of the first blocks to those stored.
func compare(t *testing.T, got map[string]*block, blocks int) {
	t.Helper()
	b, err := os.ReadFile("testdata/answers.txt")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for line := range strings.Lines(string(b)) {
		var name string
		var k, alerts int
		var crc uint32
		if _, err := fmt.Sscan(line, &name, &k, &alerts, &crc); err != nil {
			t.Fatal(err)
		}
		if k >= blocks {
			continue
		}
		key := fmt.Sprintf("%s\t%d", name, k)
		switch g := got[key]; {
		case g == nil:
			t.Errorf("%s, thousand %d: no alerts, RDKit has %d", name, k, alerts)
		case *g != block{alerts, crc}:
			t.Errorf("%s, thousand %d: %d alerts, RDKit has %d", name, k, g.alerts, alerts)
		default:
			total += alerts
		}
		delete(got, key)
	}
	for key := range got {
		t.Errorf("%s: RDKit has no alerts", key)
	}
	t.Logf("%d alerts agree", total)
}
