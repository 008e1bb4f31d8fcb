//go:build unix

package note

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"galen.dev/text"
	"galen.dev/text/assertion"
	"galen.dev/text/crf"
)

// BenchmarkSentences finds entities in the NegEx sentences by a tagger that learned from 600 sentences of NCBI disease,
// and says of each what the rules make of it. testdata/beside_medspacy.py runs it beside medspaCy.
func BenchmarkSentences(b *testing.B) {
	data := os.Getenv("GALEN_DATA")
	if data == "" {
		b.Skip("GALEN_DATA is not set")
	}
	f, err := os.Open(filepath.Join(data, "text/ncbi-disease/train.tsv.gz"))
	if err != nil {
		b.Skip(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	marked, err := crf.ReadCoNLL(b.Context(), z, "train.tsv")
	if err != nil {
		b.Fatal(err)
	}
	tagger, err := crf.Train(b.Context(), marked[:600], nil, crf.Params{Iterations: 15})
	if err != nil {
		b.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(data, "text/negex_annotations.txt"))
	if err != nil {
		b.Skip(err)
	}
	whole, err := text.Clean(raw, text.CleanOptions{Replace: true})
	if err != nil {
		b.Fatal(err)
	}
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(whole), "\n")[1:] {
		lines = append(lines, strings.Split(line, "\t")[2])
	}
	used := func() float64 { // seconds of processor time
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
	}
	found, before := 0, used()
	b.ResetTimer()
	for b.Loop() {
		found = 0
		for _, line := range lines {
			d := text.Parse(line)
			list := make([]crf.Sentence, len(d.Sentences))
			for k, s := range d.Sentences {
				list[k] = crf.Sentence{Text: d.Text, Tokens: d.TokensOf(s)}
			}
			entities, err := tagger.Find(b.Context(), list)
			if err != nil {
				b.Fatal(err)
			}
			for k, s := range list {
				scan := assertion.Default.Scan(s.Text, s.Tokens)
				for _, e := range entities[k] {
					scan.Assess(e.From, e.To, "")
					found++
				}
			}
		}
	}
	b.ReportMetric(float64(len(lines)*b.N)/b.Elapsed().Seconds(), "sentences/s")
	b.ReportMetric(float64(len(lines)*b.N)/(used()-before), "sentences/CPU-s")
	b.ReportMetric(float64(found), "entities")
}
