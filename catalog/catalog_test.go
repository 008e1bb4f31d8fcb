package catalog

import (
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"galen.dev/fault"
)

func TestTable(t *testing.T) {
	nameRE := regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	taskRE := regexp.MustCompile(`^(diagnosis|drug|imaging|therapy)/[a-z]+$`)
	hex64, hex32 := regexp.MustCompile(`^([0-9a-f]{64})?$`), regexp.MustCompile(`^([0-9a-f]{32})?$`)
	seen, owner := map[string]bool{}, map[string]string{}
	for _, e := range All() {
		if !nameRE.MatchString(e.Name) || seen[e.Name] {
			t.Errorf("name %q is malformed or there twice", e.Name)
		}
		seen[e.Name] = true
		if e.Title == "" || e.Licence == "" || e.Citation == "" || e.Page == "" && !e.Made() || len(e.Files) == 0 || len(e.Tasks) == 0 {
			t.Errorf("%s lacks a title, licence, citation, page, file or task", e.Name)
		}
		for _, task := range e.Tasks {
			if !taskRE.MatchString(task) {
				t.Errorf("%s serves task %q", e.Name, task)
			}
		}
		for _, r := range append(append([]Resource{}, e.Files...), e.Upstream...) {
			if !filepath.IsLocal(r.Name) || strings.Contains(r.Name, `\`) || !hex64.MatchString(r.SHA256) || !hex32.MatchString(r.MD5) {
				t.Errorf("%s: resource %+v is malformed", e.Name, r)
			}
			if other := owner[r.Name]; other != "" && other != e.Name {
				t.Errorf("%s and %s share the file %s", e.Name, other, r.Name)
			}
			owner[r.Name] = e.Name
			u, err := url.Parse(r.URL)
			if r.URL != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
				t.Errorf("%s: address %q", e.Name, r.URL)
			}
		}
		if !e.CanPull() && !e.Embedded() && e.Notes == "" {
			t.Errorf("%s can not be downloaded and does not say so", e.Name)
		}
		full := regexp.MustCompile(`mimic-?(iii|iv)|eicu`).MatchString(e.Name)
		if full && !strings.HasSuffix(e.Name, "-demo") {
			t.Errorf("%s: credentialed records are never in the catalogue", e.Name)
		}
	}
	for _, name := range strings.Fields(`wdbc breastmnist pneumoniamnist nuclei physionet2012 support2 heart_cleveland arrhythmia ecg5000
		negex ncbi-disease presidio-pii esol freesolv bbbp tox21 hiv moleculeace zinc250k qm9 jtvae-moses chembl37 ist warfarin nhefs
		colon pbc flchain rotterdam gbsg veteran pathmnist_224 synapsemnist3d_64 msd-hippocampus lipophilicity moses guacamol tdc-herg
		mimic-iv-demo ptb-xl heart-failure phenopackets aqsoldb`) {
		if !seen[name] {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestLookup(t *testing.T) {
	if e, err := Lookup(" BreastMNIST "); err != nil || e.Name != "breastmnist" {
		t.Errorf("%q, %v", e.Name, err)
	}
	for typed, meant := range map[string]string{
		"brestmnist": "breastmnist", "heart-cleveland": "heart_cleveland", "wbdc": "wdbc", "hippocampus": "msd-hippocampus", "suport2": "support2",
	} {
		_, err := Lookup(typed)
		wantKind(t, err, fault.NotFound, `did you mean "`+meant+`"`)
	}
	_, err := Lookup("zzzzzzzzzzzzz")
	wantKind(t, err, fault.NotFound, "galen data list")
}

// isolate gives a test empty data folders of its own.
func isolate(t *testing.T) (data, home string) {
	t.Helper()
	data, home = t.TempDir(), t.TempDir()
	t.Setenv("GALEN_DATA", data)
	t.Setenv("GALEN_HOME", home)
	return data, filepath.Join(home, "data")
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(mkdirFor(t, filepath.Join(dir, filepath.FromSlash(name))), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestFindOrder(t *testing.T) {
	data, home := isolate(t)
	second := t.TempDir()
	t.Setenv("GALEN_DATA", data+string(os.PathListSeparator)+second)

	_, err := Find(t.Context(), "esol")
	wantKind(t, err, fault.NotFound, "not on this machine", "galen data pull esol", "GALEN_DATA")
	_, err = Find(t.Context(), "negex")
	wantKind(t, err, fault.NotFound, "no address", "text/negex_annotations.txt")

	where := func() string {
		found, err := Find(t.Context(), "esol")
		if err != nil {
			t.Fatal(err)
		}
		return found.Files[0].Path
	}
	for _, step := range []struct{ dir, file string }{
		{home, "drug/moleculenet/delaney-processed.csv"}, // as Pull leaves it
		{second, "drug/moleculenet/ESOL_delaney-processed.csv"},
		{data, "drug/moleculenet/delaney-processed.csv"},
		{data, "drug/moleculenet/ESOL_delaney-processed.csv"},
	} {
		put(t, step.dir, step.file, "x")
		if got, want := where(), filepath.Join(step.dir, filepath.FromSlash(step.file)); got != want {
			t.Errorf("found %s, want %s", got, want)
		}
	}

	put(t, data, "diagnosis/ecg5000/ECG5000_TEST.npy", "x")
	_, err = Find(t.Context(), "ecg5000")
	wantKind(t, err, fault.NotFound, "not complete", "lacks diagnosis/ecg5000/ECG5000_TRAIN.tsv.gz")

	// A folder where a file is expected, and a file where a folder is.
	if err := os.MkdirAll(filepath.Join(data, "text", "negex_annotations.txt"), 0o777); err != nil {
		t.Fatal(err)
	}
	put(t, data, "therapy", "a file")
	for _, name := range []string{"negex", "veteran"} {
		if _, err := Find(t.Context(), name); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Find(ctx, "esol"); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}

func TestEmbedded(t *testing.T) {
	data, home := isolate(t)
	f, name, err := Open(t.Context(), "wdbc")
	if err != nil || name != "wdbc.csv" {
		t.Fatal(name, err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 570 || len(rows[0]) != 31 || rows[0][0] != "radius_mean" || rows[0][29] != "fractal_dimension_worst" || rows[0][30] != "diagnosis" {
		t.Fatalf("%d rows, head %v", len(rows), rows[0])
	}
	count := map[string]int{}
	for _, r := range rows[1:] {
		count[r[30]]++
	}
	if count["malignant"] != 212 || count["benign"] != 357 {
		t.Errorf("classes are %v", count)
	}
	checks, err := Verify(t.Context(), "wdbc")
	if err != nil || len(checks) != 1 || checks[0].Basis != Published {
		t.Errorf("%+v, %v", checks, err)
	}

	_, err = Pull(t.Context(), "wdbc", "", quick)
	wantKind(t, err, fault.Usage, "inside the program", "galen data path wdbc")
	path, err := Path(t.Context(), "wdbc")
	if err != nil || path != filepath.Join(home, "diagnosis", "wdbc.csv") {
		t.Fatal(path, err)
	}
	put(t, home, "diagnosis/wdbc.csv", "damaged")
	if _, err := Path(t.Context(), "wdbc"); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Size() != 123835 {
		t.Errorf("after repair: %v, %v", st, err)
	}

	// A copy in GALEN_DATA goes before the program's own.
	put(t, data, "diagnosis/wdbc.csv", "mine")
	f2, _, err := Open(t.Context(), "wdbc")
	if err != nil {
		t.Fatal(err)
	}
	defer f2.Close()
	if text, _ := io.ReadAll(f2); string(text) != "mine" {
		t.Errorf("opened %q", text)
	}
	checks, err = Verify(t.Context(), "wdbc")
	wantKind(t, err, fault.Corrupt, "wdbc", "4 bytes instead of 123835")
	if len(checks) != 0 {
		t.Errorf("checks are %+v", checks)
	}
}

func TestSeveralFiles(t *testing.T) {
	data, _ := isolate(t)
	put(t, data, "diagnosis/ecg5000/ECG5000_TEST.npy", "x")
	put(t, data, "diagnosis/ecg5000/ECG5000_TRAIN.tsv.gz", "y")
	_, _, err := Open(t.Context(), "ecg5000")
	wantKind(t, err, fault.Usage, "several files", "ECG5000_TEST.npy")
	found, err := Find(t.Context(), "ecg5000")
	if err != nil {
		t.Fatal(err)
	}
	f, err := found.Open("diagnosis/ecg5000/ECG5000_TEST.npy")
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	_, err = found.Open("other")
	wantKind(t, err, fault.NotFound, "other")
	path, err := Path(t.Context(), "ecg5000")
	if err != nil || path != filepath.Join(data, "diagnosis", "ecg5000") {
		t.Errorf("path is %q, %v", path, err)
	}
}

func TestRecordedChecksumIsVerified(t *testing.T) {
	_, home := isolate(t)
	const file = "drug/moleculenet/Lipophilicity.csv"
	put(t, home, file, "abc")
	checks, err := Verify(t.Context(), "lipophilicity")
	if err != nil || checks[0].Basis != Unknown {
		t.Fatalf("%+v, %v", checks, err)
	}
	p := Provenance{Name: "lipophilicity", Sums: checks[0].Sums}
	dest := filepath.Join(home, filepath.FromSlash(file))
	if err := p.write(dest); err != nil {
		t.Fatal(err)
	}
	if checks, err = Verify(t.Context(), "lipophilicity"); err != nil || checks[0].Basis != Recorded {
		t.Fatalf("%+v, %v", checks, err)
	}
	put(t, home, file, "abd")
	_, err = Verify(t.Context(), "lipophilicity")
	wantKind(t, err, fault.Corrupt, "Lipophilicity.csv", "galen data pull lipophilicity")
	put(t, home, file+".provenance.json", "{")
	_, err = Verify(t.Context(), "lipophilicity")
	wantKind(t, err, fault.Corrupt)
}

// Every set that a real data folder is known to hold is found there, and its files are those of the table.
func TestRealFolder(t *testing.T) {
	folder := os.Getenv("GALEN_DATA")
	if folder == "" {
		t.Skip("GALEN_DATA is not set")
	}
	t.Setenv("GALEN_HOME", t.TempDir())
	for _, name := range strings.Fields(`breastmnist pneumoniamnist nuclei physionet2012 support2 heart_cleveland arrhythmia ecg5000
		negex ncbi-disease presidio-pii esol freesolv bbbp tox21 hiv moleculeace zinc250k qm9 jtvae-moses chembl37 ist warfarin nhefs
		colon pbc flchain rotterdam gbsg veteran`) {
		checks, err := Verify(t.Context(), name)
		if fault.KindOf(err) == fault.NotFound {
			t.Logf("%s is not in this folder", name)
			continue
		}
		if err != nil {
			t.Error(err)
		}
		for _, c := range checks {
			if c.Basis != Published {
				t.Errorf("%s: %s was compared with %s", name, c.Name, c.Basis)
			}
		}
	}
}

// TestMade: a made-up set needs no folder to be found and read, and is written where its path is asked for.
func TestMade(t *testing.T) {
	home := t.TempDir()
	t.Setenv("GALEN_DATA", "")
	t.Setenv("GALEN_HOME", home)
	found, err := Find(t.Context(), "synthetic-cells")
	if err != nil || found.Dir != "" || !found.Entry.Synthetic {
		t.Fatal(found.Dir, err)
	}
	f, err := found.Open("imaging/synthetic-cells/split.csv")
	if err != nil {
		t.Fatal(err)
	}
	want, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(home); err != nil || len(entries) > 0 {
		t.Errorf("finding it wrote %v, %v", entries, err)
	}
	dir, err := Path(t.Context(), "synthetic-cells")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "split.csv")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("its path %s holds %d bytes of split.csv, %v", dir, len(got), err)
	}
}
