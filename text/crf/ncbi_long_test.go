//go:build long

package crf

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func ncbi(t *testing.T, part string) []Sentence {
	t.Helper()
	data := os.Getenv("GALEN_DATA")
	if data == "" {
		t.Skip("GALEN_DATA is not set")
	}
	f, err := os.Open(filepath.Join(data, "text/ncbi-disease", part+".tsv.gz"))
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ReadCoNLL(t.Context(), z, part+".tsv")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestNCBI: names of diseases, both ends right. Parameters were chosen on the development part.
func TestNCBI(t *testing.T) {
	train := ncbi(t, "train")
	part := os.Getenv("NCBI_PART")
	if part == "" {
		part = "test"
		n := train[len(train)-1].Document + 1
		for _, s := range ncbi(t, "devel") {
			s.Document += n
			train = append(train, s)
		}
	}
	start := time.Now()
	tagger, err := Train(t.Context(), train, nil, Params{})
	if err != nil {
		t.Fatal(err)
	}
	trained := time.Since(start)
	test := ncbi(t, part)
	start = time.Now()
	found, err := tagger.Find(t.Context(), test)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	var strict, lenient Counts
	for k := range test {
		s, l := Compare(test[k].Entities, found[k])
		strict, lenient = strict.Add(s), lenient.Add(l)
	}
	t.Logf("trained in %.1f s; %.0f sentences/s; strict F1 %.4f (precision %.4f, recall %.4f), lenient %.4f; %d and %d features", trained.Seconds(),
		float64(len(test))/took.Seconds(), strict.F1(), strict.Precision(), strict.Recall(), lenient.F1(), len(tagger.First.Features), len(tagger.Second.Features))
	if strict.F1() < .8 {
		t.Errorf("strict F1 %.4f, want .80", strict.F1())
	}
}
