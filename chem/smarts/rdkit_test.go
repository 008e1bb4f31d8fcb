package smarts

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"galen.dev/chem/smiles"
)

// lines reads a file of lines, which may be compressed.
func lines(t testing.TB, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	var out []string
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		out = append(out, sc.Text())
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func patterns(t testing.TB) []*Pattern {
	t.Helper()
	var ps []*Pattern
	for _, s := range lines(t, "testdata/patterns.smarts") {
		p, err := Parse(s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		ps = append(ps, p)
	}
	return ps
}

// describe writes the line of matches.py for a pattern on the matcher's molecule, or nothing where it does not match.
func describe(t testing.TB, k *Matcher, pattern, molecule int, o Options) string {
	t.Helper()
	all, err := k.Find(pattern, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 || len(all) > 20000 {
		return ""
	}
	slices.SortFunc(all, slices.Compare[[]int])
	sets := map[string]bool{}
	var b []byte
	for _, match := range all {
		for i, a := range match {
			if i > 0 {
				b = append(b, ',')
			}
			b = fmt.Append(b, a)
		}
		b = append(b, ';')
		slices.Sort(match)
		sets[fmt.Sprint(match)] = true
	}
	return fmt.Sprintf("%d\t%d\t%d\t%d", pattern, molecule, len(sets), crc32.ChecksumIEEE(b))
}

// TestStereoAgainstRDKit is the same for arrangements, on molecules that have some.
func TestStereoAgainstRDKit(t *testing.T) {
	var ps []*Pattern
	for _, s := range lines(t, "testdata/stereo.smarts") {
		ps = append(ps, MustParse(s))
	}
	k := NewSet(ps).Matcher()
	want := map[string]string{}
	for _, l := range lines(t, "testdata/stereo.tsv.gz") {
		f := strings.SplitN(l, "\t", 3)
		want[f[0]+" "+f[1]] = l
	}
	for i, s := range lines(t, "testdata/stereo.smi") {
		m, err := smiles.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		k.Reset(m)
		for j := range ps {
			key := fmt.Sprint(j, " ", i)
			if got := describe(t, k, j, i, Options{Chirality: true}); got != want[key] {
				t.Errorf("%v on %s: got %q, RDKit %q", ps[j], s, got, want[key])
			}
		}
	}
}

// TestAgainstRDKit compares the matches of RDKit's own patterns and of all catalogues on a sample of molecules:
// testdata/matches.py wrote what RDKit finds.
func TestAgainstRDKit(t *testing.T) {
	ps := patterns(t)
	k := NewSet(ps).Matcher()
	want := lines(t, "testdata/matches.tsv.gz")
	for i, s := range lines(t, "testdata/molecules.smi") {
		m, err := smiles.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		k.Reset(m)
		for j := range ps {
			got := describe(t, k, j, i, Options{})
			if has := k.Has(j); has != (got != "") {
				t.Errorf("%v on %s: Has says %v, Find %q", ps[j], s, has, got)
			}
			if got == "" {
				continue
			}
			if len(want) == 0 || want[0] != got {
				t.Fatalf("%v on %s: got %q, RDKit begins %q", ps[j], s, got, want[:min(1, len(want))])
			}
			want = want[1:]
			if n := strings.Split(got, "\t")[2]; fmt.Sprint(k.Count(j)) != n {
				t.Errorf("%v on %s: Count says %d, Find %s", ps[j], s, k.Count(j), n)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("RDKit has %d matches more, from %q on", len(want), want[0])
	}
}
