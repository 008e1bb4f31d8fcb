package quality

import (
	"cmp"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"galen.dev/table"
)

// TestStatisticsAgreeWithSciPy: all are sums of at most a few hundred terms, so 1e-12 is ample; the chi-square
// and Kolmogorov tails are two programs' series and get 1e-10.
func TestStatisticsAgreeWithSciPy(t *testing.T) {
	var v struct {
		Numbers, Counts []struct {
			A, B        []float64
			Distance, P float64
		}
		X     []float64
		Y     []int32
		AUROC []float64
	}
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	near := func(what string, got, want, tolerance float64) {
		t.Helper()
		if !(math.Abs(got-want) <= tolerance) {
			t.Errorf("%s: got %.15g, want %.15g", what, got, want)
		}
	}
	for _, x := range v.Numbers {
		c := &column{Column: &table.Column{Kind: table.Numeric, Num: append(x.A[:len(x.A):len(x.A)], x.B...)}}
		c.prepare(&sorter{})
		s := &session{splitOf: make([]int16, len(c.Num))}
		for i := len(x.A); i < len(c.Num); i++ {
			s.splitOf[i] = 1
		}
		p, distance := s.compareNumbers(c, 1, []int{len(x.A), len(x.B)})
		near("Wasserstein", distance, x.Distance, 1e-12)
		near("Kolmogorov–Smirnov p", p, x.P, 1e-10)
	}
	for _, x := range v.Counts {
		near("Jensen–Shannon", jensenShannon(x.A, x.B), x.Distance, 1e-12)
		near("chi-square p", chiSquare([][]float64{x.A, x.B}), x.P, 1e-10)
	}
	c := &column{Column: &table.Column{Kind: table.Numeric, Num: v.X}}
	c.prepare(&sorter{})
	tally := newTally(3)
	c.eachTie(func(_ float64, rows []int32) {
		for _, r := range rows {
			tally.addRow(v.Y[r])
		}
		tally.next()
	})
	for k, want := range v.AUROC {
		near("AUROC", tally.auroc(k, nil), want, 1e-12)
	}
}

// TestSorter holds both ways of sorting, and a second use of the same memory, against the definition.
func TestSorter(t *testing.T) {
	var s sorter
	rng := rand.New(rand.NewPCG(8, 8))
	for _, n := range []int{0, 1, 100, 30_000, 9000} {
		p := s.fill(n)
		for i := range p {
			p[i] = pair{floatKey(math.Round(rng.NormFloat64()*500) / 7), int32(i)}
		}
		want := slices.Clone(p)
		slices.SortStableFunc(want, func(a, b pair) int { return cmp.Compare(a.key, b.key) })
		if !slices.Equal(s.sort(n), want) {
			t.Errorf("%d pairs are not in order", n)
		}
	}
	for _, v := range [][2]float64{{-1, 1}, {-2, -1}, {0, 5e-324}, {-5e-324, 0}, {1, math.Inf(1)}} {
		if floatKey(v[0]) >= floatKey(v[1]) {
			t.Errorf("keys of %v", v)
		}
	}
	if floatKey(math.Copysign(0, -1)) != floatKey(0) {
		t.Error("the two zeros differ")
	}
}
