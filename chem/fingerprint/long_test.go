//go:build long

package fingerprint

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"galen.dev/chem"
	"galen.dev/chem/smiles"
	"galen.dev/internal/cpu"
)

// exception is the one molecule whose rings differ from RDKit's: a cluster of iron in which other bonds are dative.
const exception = "C1C[N+]23CCC[N+]4(C1)CC[S-]1[Fe+2]24([SH+]CC3)[S-]2CC[N+]34CCC[N+]5(CCC3)CC[SH+][Fe+2]1254"

// Of 129,048 molecules, in digests of a thousand each, bits and unfolded codes equal RDKit's, but for the exception.
func TestManyMolecules(t *testing.T) {
	list := dataSMILES(t)
	text, err := os.ReadFile("testdata/digests.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if want := (len(list) + 999) / 1000; len(lines) != want {
		t.Fatalf("%d lines of digests, %d thousands of molecules", len(lines), want)
	}
	var lock sync.Mutex
	wrong, all := map[string][]string{}, 0
	cpu.Do(len(lines), func(_, i int) {
		got := thousand(t, list[1000*i:min(1000*i+1000, len(list))])
		fields := strings.Fields(lines[i])
		lock.Lock()
		defer lock.Unlock()
		for _, f := range fields[1:] {
			name, want, _ := strings.Cut(f, "=")
			all++
			if got[name] != want {
				wrong[name] = append(wrong[name], fields[0])
			}
		}
	})
	for name, at := range wrong {
		t.Errorf("%s differs in the thousands from %v", name, at)
	}
	t.Logf("%d molecules, %d digests", len(list), all)
}

// thousand digests a part of the list with each kind.
func thousand(t *testing.T, part []string) map[string]string {
	var mols []*chem.Mol
	for _, s := range part {
		var m *chem.Mol // nil where it cannot be read, as RDKit's
		if s != exception {
			m, _ = smiles.Parse(s)
		}
		mols = append(mols, m)
	}
	out := map[string]string{}
	for name, g := range kinds(t) {
		d := digest{sha256.New()}
		for _, m := range mols {
			if m == nil {
				d.list(nil)
				continue
			}
			d.list(onBits(t, g, m))
			if name == "maccs" {
				continue
			}
			d.counts(sparse(t, g.Codes, m))
		}
		out[name] = d.short()
	}
	return out
}

// dataSMILES lists molecules of the data folder in the order of vectors.py.
func dataSMILES(t testing.TB) []string {
	dir := os.Getenv("GALEN_DATA")
	if dir == "" {
		t.Skip("GALEN_DATA is not set")
	}
	files, err := filepath.Glob(filepath.Join(dir, "drug", "mol*", "*.csv"))
	if err != nil || len(files) == 0 {
		t.Skip("no molecules in the data folder")
	}
	var out []string
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
			if strings.EqualFold(h, "smiles") {
				for _, r := range rows[1:] {
					out = append(out, r[c])
				}
			}
		}
	}
	z, err := os.Open(filepath.Join(dir, "drug", "zinc250k.smi.gz"))
	if err != nil {
		t.Skip("no ZINC in the data folder")
	}
	defer z.Close()
	g, err := gzip.NewReader(z)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(g)
	for i := 0; in.Scan(); i++ {
		if i%5 == 0 {
			out = append(out, strings.Fields(in.Text())[0])
		}
	}
	return out
}
