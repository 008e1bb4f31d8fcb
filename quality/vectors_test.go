package quality

import (
	"encoding/json"
	"math"
	"os"
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
		c.prepare()
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
	c.prepare()
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
