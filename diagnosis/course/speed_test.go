package course

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"galen.dev/event"
	"galen.dev/task"
)

// generated is a set of n stays of 48 hours in which each of 40 codes is measured about once an hour.
func generated(t testing.TB, n int) ([]byte, index) {
	words := event.NewVocabulary()
	var codes []int32
	for k := range 40 {
		codes = append(codes, words.Code("code "+string(rune('A'+k%26))+string(rune('a'+k/26))))
	}
	died := words.Code("died")
	var b bytes.Buffer
	w := event.NewWriter(&b, words)
	ix := index{Format: indexFormat, Stays: n, Parts: []string{""}, FactCodes: []string{"died"}}
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range n {
		s := event.Stay{ID: "x", File: "made", End: event.NoTime, Facts: []event.Fact{{Code: died, Value: float64(i % 2)}}}
		for h := range 48 {
			for _, c := range codes {
				s.Events = append(s.Events, event.Event{At: hours(float64(h)) + rng.Int64N(event.Hour), Code: c, Value: math.Round(100*rng.NormFloat64()) / 100, Row: int64(len(s.Events))})
			}
		}
		s.Sort()
		if err := w.Add(&s); err != nil {
			t.Fatal(err)
		}
		ix.Patient, ix.Part = append(ix.Patient, i), append(ix.Part, 0)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), ix
}

// BenchmarkPreprocess is the whole step over 20,000 stays of 48 hours with 40 codes, from the file of collect to the
// prepared samples on disk. The bar is 2,000 stays in a second.
func BenchmarkPreprocess(b *testing.B) {
	const stays = 20000
	content, ix := generated(b, stays)
	made := *Task
	made.Collect = func(_ context.Context, r *task.Run) error {
		if err := r.WriteFile(staysFile, content); err != nil {
			return err
		}
		return r.WriteJSON(indexFile, ix)
	}
	data := filepath.Join(write(b, b.TempDir(), map[string]string{"made.csv": "made"}), "made.csv")
	for b.Loop() {
		x := bench(b)
		x.Tasks = []*task.Task{&made}
		res, err := x.Run(b.Context(), study(data, map[string]any{"outcome": "died"}), task.Preprocess)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(stays/res.Steps[1].Seconds, "stays/s")
	}
}

// TestOneStaySoon: a prediction for one stay, from its events, by the models of the ready study takes less than 5 ms.
func TestOneStaySoon(t *testing.T) {
	data := archive(t, filepath.Join(t.TempDir(), "stays.tar"), map[string][]made{"a": stays(60, 4)})
	for _, kind := range []string{"boost", "gru"} {
		x := bench(t)
		res, err := x.Run(t.Context(), study(data, map[string]any{"model": kind, "outcome": "In-hospital_death", "index-time": 48.0, "window": 48.0, "bin": 2.0, "folds": 4, "epochs": 1}), task.Train)
		if err != nil {
			t.Fatal(err)
		}
		took := func(n int) time.Duration {
			input := archive(t, filepath.Join(t.TempDir(), "some.tar"), map[string][]made{"a": stays(n, 4)})
			best := time.Hour
			for range 5 {
				var out bytes.Buffer
				begin := time.Now()
				if _, err := x.Apply(t.Context(), res.Run, task.Input{Path: input}, map[string]any{"explain": "none"}, &out, task.JSONLines); err != nil {
					t.Fatal(err)
				}
				best = min(best, time.Since(begin))
			}
			return best
		}
		best := (took(101) - took(1)) / 100 // what loading the model takes is not the stay's
		t.Logf("%s: %v a stay", kind, best)
		if best > 5*time.Millisecond {
			t.Errorf("%s: a prediction takes %v", kind, best)
		}
	}
}
