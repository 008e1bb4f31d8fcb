package similar

import (
	"context"
	"encoding/json"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"galen.dev/chem/fingerprint"
	"galen.dev/chem/smiles"
	"galen.dev/internal/cpu"
	"pgregory.net/rapid"
)

// molecules are ECFP4 bits and counts of the molecules that testdata/vectors.py takes.
func molecules(t testing.TB) (*Matrix, [][]fingerprint.Count) {
	text, err := os.ReadFile("../fingerprint/testdata/molecules.smi")
	if err != nil {
		t.Fatal(err)
	}
	g, err := fingerprint.NewMorgan(fingerprint.MorganOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m, words := NewMatrix(g.Size()), make([]uint64, g.Words())
	var counts [][]fingerprint.Count
	for s := range strings.Lines(string(text)) {
		mol, err := smiles.Parse(strings.TrimSpace(s))
		if err != nil {
			continue
		}
		if err := g.Bits(mol, words); err != nil {
			t.Fatal(err)
		}
		m.Append(words, "")
		c, err := g.Folded(mol, nil)
		if err != nil {
			t.Fatal(err)
		}
		counts = append(counts, c)
	}
	return m, counts
}

// TestRDKit holds scores, picks and clusters to RDKit's, to the last bit.
func TestRDKit(t *testing.T) {
	var want struct {
		Rows   int
		Scores map[string][][3]json.RawMessage
		Picks  []struct{ First, Picks []int }

		Clusters []struct {
			Distance float64
			Reorder  bool
			Clusters [][]int
		}
		Counts [][4]float64
	}
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	m, counts := molecules(t)
	if m.Len() != want.Rows {
		t.Fatalf("%d molecules, %d in the vectors", m.Len(), want.Rows)
	}
	ctx := context.Background()
	x := NewIndex(m)
	weighted, err := Tversky(0.9, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	for name, by := range map[string]Measure{"tanimoto": Tanimoto, "dice": Dice, "cosine": Cosine, "tversky": weighted} {
		for _, v := range want.Scores[name] {
			var q int
			var rows []int
			var scores []float64
			for i, to := range []any{&q, &rows, &scores} {
				if err := json.Unmarshal(v[i], to); err != nil {
					t.Fatal(err)
				}
			}
			query := NewMatrix(m.Bits())
			query.Append(m.Row(q), "")
			got, err := x.Nearest(ctx, query, len(rows), by)
			if err != nil {
				t.Fatal(err)
			}
			for i, h := range got[0] {
				if h.Row != rows[i] || h.Score != scores[i] {
					t.Fatalf("%s, query %d: %v, want %v %v", name, q, got[0], rows, scores)
				}
			}
		}
	}
	for _, v := range want.Picks {
		got, _, err := MaxMin(ctx, m, len(v.Picks), v.First)
		if err != nil || !slices.Equal(got, v.Picks) {
			t.Errorf("picks after %v: %v, %v; want %v", v.First, got, err, v.Picks)
		}
	}
	for _, v := range want.Clusters {
		got, err := Butina(ctx, m, v.Distance, v.Reorder)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(v.Clusters) {
			t.Errorf("clusters at %g, reorder %v: %v, %v\nwant %v", v.Distance, v.Reorder, got, err, v.Clusters)
		}
	}
	for _, v := range want.Counts {
		a, b := counts[int(v[0])], counts[int(v[1])]
		if got := [2]float64{Tanimoto.Counts(a, b), Dice.Counts(a, b)}; got != [2]float64{v[2], v[3]} {
			t.Errorf("counts of %g and %g: %v, want %v", v[0], v[1], got, v[2:])
		}
	}
}

// random is a matrix of rows with all numbers of bits, some of them empty or equal.
func random(rng *rand.Rand, rows, bits int) *Matrix {
	m := NewMatrix(bits)
	for range rows {
		fp := make([]uint64, m.Words())
		if k := rng.IntN(10); k < m.Len() && k < 3 {
			copy(fp, m.Row(rng.IntN(m.Len())))
		}
		for range rng.IntN(1 + bits/4) {
			b := rng.IntN(bits)
			fp[b/64] |= 1 << (b % 64)
		}
		m.Append(fp, "")
	}
	return m
}

// Search finds what looking at every pair finds, by each measure, in each family of instructions.
func TestSearch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		size := rapid.SampledFrom([]int{1, 60, 64, 167, 512, 1024, 2048}).Draw(t, "bits")
		m, queries := random(rng, 600, size), random(rng, 20, size)
		tv, err := Tversky(rng.Float64(), rng.Float64())
		if err != nil {
			t.Fatal(err)
		}
		by := []Measure{Tanimoto, Dice, Cosine, tv}[rng.IntN(4)]
		least, k := rng.Float64(), 1+rng.IntN(30)
		defer cpu.Use(cpu.Family(rng.IntN(3)))()
		x := NewIndex(m)
		near, err := x.Nearest(context.Background(), queries, k, by)
		if err != nil {
			t.Fatal(err)
		}
		above, err := x.Above(context.Background(), queries, least, by)
		if err != nil {
			t.Fatal(err)
		}
		for q := range queries.Len() {
			var all []Hit
			for i := range m.Len() {
				c := 0
				for w, v := range m.Row(i) {
					c += bits.OnesCount64(v & queries.Row(q)[w])
				}
				all = append(all, Hit{i, by.Score(c, queries.Count(q), m.Count(i))})
			}
			slices.SortFunc(all, compareHits)
			if !slices.Equal(near[q], all[:k]) {
				t.Fatalf("query %d: nearest %v, want %v", q, near[q], all[:k])
			}
			n := slices.IndexFunc(all, func(h Hit) bool { return h.Score < least })
			if n < 0 {
				n = len(all)
			}
			if !slices.Equal(above[q], all[:n]) {
				t.Fatalf("query %d: %d above %g, want %d", q, len(above[q]), least, n)
			}
		}
	})
}

// Lazy picks are those of the full method.
func TestMaxMin(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	m := random(rng, 300, 256)
	got, last, err := MaxMin(context.Background(), m, 80, []int{7})
	if err != nil {
		t.Fatal(err)
	}
	want, distance := []int{7}, 0.0
	for len(want) < 80 {
		best, at := -1.0, -1
		for i := range m.Len() {
			least := 2.0
			for _, p := range want {
				least = min(least, m.distance(i, p))
			}
			if !slices.Contains(want, i) && least > best {
				best, at = least, i
			}
		}
		want, distance = append(want, at), best
	}
	if !slices.Equal(got, want) || last != distance {
		t.Errorf("%v at %g\nwant %v at %g", got, last, want, distance)
	}
}

func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	m := random(rand.New(rand.NewPCG(1, 1)), 50, 128)
	if _, err := NewIndex(m).Nearest(ctx, m, 3, Tanimoto); err != context.Canceled {
		t.Error(err)
	}
	if _, _, err := MaxMin(ctx, m, 3, []int{0}); err != context.Canceled {
		t.Error(err)
	}
	if _, err := Butina(ctx, m, 0.5, true); err != context.Canceled {
		t.Error(err)
	}
}

func TestBadRequests(t *testing.T) {
	m := random(rand.New(rand.NewPCG(1, 1)), 50, 128)
	if _, err := Tversky(1.1, 0); err == nil {
		t.Error("Tversky takes a weight of 1.1")
	}
	for _, c := range []struct {
		n     int
		first []int
	}{{51, []int{0}}, {3, nil}, {3, []int{50}}, {3, []int{1, 1}}, {1, []int{1, 2}}} {
		if _, _, err := MaxMin(context.Background(), m, c.n, c.first); err == nil {
			t.Errorf("%d picks after %v are taken", c.n, c.first)
		}
	}
}
