package explain

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"galen.dev/fault"

	"pgregory.net/rapid"
)

// cohort has numbers, some missing, and a category in the last column.
func cohort(rows, features int, seed uint64) ([][]float64, []bool) {
	rng := rand.New(rand.NewPCG(seed, 9))
	X, categorical := make([][]float64, features), make([]bool, features)
	for j := range X {
		X[j] = make([]float64, rows)
		categorical[j] = j%5 == 4
		for i := range X[j] {
			switch {
			case categorical[j]:
				X[j][i] = float64(rng.IntN(4))
			case rng.IntN(10) == 0:
				X[j][i] = math.NaN()
			default:
				X[j][i] = rng.NormFloat64() * float64(1+j)
			}
		}
	}
	return X, categorical
}

// gower is the documented distance, written plainly.
func gower(X [][]float64, categorical []bool, a, b []float64) float64 {
	sum := 0.0
	for j := range X {
		x, y := a[j], b[j]
		switch {
		case math.IsNaN(x) && math.IsNaN(y):
		case math.IsNaN(x) || math.IsNaN(y):
			sum += .5
		case categorical[j]:
			if x != y {
				sum++
			}
		default:
			v := present(X[j])
			sum += math.Abs(x-y) / (quantile(v, .95) - quantile(v, .05))
		}
	}
	return sum / float64(len(X))
}

// float32 cells keep 7 digits: 1e-5 is ample for distances near 1.
func TestNearestIsGower(t *testing.T) {
	X, categorical := cohort(300, 13, 1)
	n := must(NewNeighbours(ctx, X, categorical, NeighbourOptions{}))
	for i := range 50 {
		x := caseOf(X, i)
		x[i%13] = 1
		got := n.Nearest(x, 7)
		var want []Neighbour
		for r := range 300 {
			want = append(want, Neighbour{r, gower(X, categorical, x, caseOf(X, r))})
		}
		slices.SortStableFunc(want, func(a, b Neighbour) int { return cmp.Compare(a.Distance, b.Distance) })
		if len(got) != 7 {
			t.Fatalf("%d neighbours", len(got))
		}
		for k := range got {
			near(t, "distance", got[k].Distance, want[k].Distance, 1e-5)
			near(t, "distance of that row", got[k].Distance, gower(X, categorical, x, caseOf(X, got[k].Row)), 1e-5)
		}
	}
}

func TestNearestFindsItselfAndTies(t *testing.T) {
	X := [][]float64{{5, 1, 5, 2}, {0, 0, 0, 0}}
	n := must(NewNeighbours(ctx, X, nil, NeighbourOptions{}))
	got := n.Nearest([]float64{5, 0}, 9)
	if len(got) != 4 || got[0] != (Neighbour{0, 0}) || got[1] != (Neighbour{2, 0}) || got[2].Row != 3 {
		t.Errorf("%+v", got)
	}
	if got := n.Nearest([]float64{5, 0}, 0); len(got) != 0 {
		t.Errorf("none asked for: %+v", got)
	}
}

func TestApplicability(t *testing.T) {
	X, categorical := cohort(1000, 10, 2)
	for i := range X[0] {
		if math.IsNaN(X[0][i]) {
			X[0][i] = 0
		}
	}
	n := must(NewNeighbours(ctx, X, categorical, NeighbourOptions{}))
	// Cases of the same source lie at every percentile alike.
	fresh, _ := cohort(1000, 10, 3)
	sum := 0.0
	for i := range 1000 {
		sum += n.Applicability(caseOf(fresh, i)).Percentile / 1000
	}
	near(t, "mean percentile of fresh cases", sum, .5, .05)
	strange := caseOf(X, 0)
	strange[0], strange[1], strange[2], strange[4] = math.NaN(), 99, -99, 7
	a := n.Applicability(strange)
	want := []Outside{{0, "missing"}, {1, "above"}, {2, "below"}, {4, "unseen-level"}}
	if a.Percentile != 1 || !slices.Equal(a.Outside, want) {
		t.Errorf("%+v", a)
	}
	if a := n.Applicability(caseOf(X, 5)); a.Outside != nil || a.Distance <= 0 {
		t.Errorf("a training case: %+v", a)
	}
}

func TestMissingColumnAndConstant(t *testing.T) {
	X := [][]float64{{1, 2, 3}, {math.NaN(), math.NaN(), math.NaN()}, {4, 4, 4}, {math.Inf(1), 0, 1}}
	n := must(NewNeighbours(ctx, X, []bool{false, true, false, false}, NeighbourOptions{}))
	a := n.Applicability([]float64{1, 0, 4, 0})
	if !slices.Equal(a.Outside, []Outside{{1, "unseen-level"}}) || math.IsNaN(a.Distance) || math.IsInf(a.Distance, 0) {
		t.Errorf("%+v", a)
	}
}

func TestRowsAreBoundedAndNamed(t *testing.T) {
	X, categorical := cohort(500, 6, 4)
	n := must(NewNeighbours(ctx, X, categorical, NeighbourOptions{MaxRows: 50, Seed: 1}))
	if len(n.rows) != 50 || len(n.z) != 300 {
		t.Fatalf("%d rows, %d cells", len(n.rows), len(n.z))
	}
	for _, m := range n.Nearest(caseOf(X, 0), 50) {
		near(t, "distance", m.Distance, gower(X, categorical, caseOf(X, 0), caseOf(X, m.Row)), 1e-5)
	}
}

func TestNeighboursRoundTrip(t *testing.T) {
	X, categorical := cohort(200, 12, 5)
	n := must(NewNeighbours(ctx, X, categorical, NeighbourOptions{MaxRows: 100, Probes: 30}))
	b := must(n.MarshalBinary())
	same := must(NewNeighbours(ctx, X, categorical, NeighbourOptions{MaxRows: 100, Probes: 30}))
	if !bytes.Equal(b, must(same.MarshalBinary())) {
		t.Error("two builds differ")
	}
	var m Neighbours
	if err := m.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, must(m.MarshalBinary())) {
		t.Error("bytes change in a round trip")
	}
	x := caseOf(X, 3)
	if !slices.Equal(n.Nearest(x, 9), m.Nearest(x, 9)) || n.Applicability(x).Percentile != m.Applicability(x).Percentile {
		t.Error("answers change in a round trip")
	}
	for cut := range b {
		if err := m.UnmarshalBinary(b[:cut]); fault.KindOf(err) != fault.Corrupt {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
	if err := m.UnmarshalBinary(append(b, 0)); fault.KindOf(err) != fault.Corrupt {
		t.Errorf("a byte more: %v", err)
	}
}

// Moving a case towards another in one number never makes it farther.
func TestDistanceIsMonotone(t *testing.T) {
	X, categorical := cohort(50, 9, 6)
	n := must(NewNeighbours(ctx, X, categorical, NeighbourOptions{}))
	all := float32(math.Inf(1))
	rapid.Check(t, func(t *rapid.T) {
		i, j := rapid.IntRange(0, 49).Draw(t, "i"), rapid.IntRange(0, 49).Draw(t, "j")
		a, b := n.scaled(caseOf(X, i)), n.scaled(caseOf(X, j))
		from := func(a, b []float32) float32 { return n.distance(a, b, gone(a, 9), gone(b, 9), all) }
		d := from(a, b)
		if e := from(b, a); d != e {
			t.Errorf("not symmetric: %g, %g", d, e)
		}
		at := rapid.IntRange(0, n.numbers-1).Draw(t, "feature")
		a[at] = b[at]
		if e := from(a, b); e > d {
			t.Errorf("nearer but farther: %g, %g", d, e)
		}
	})
}

func FuzzNeighbours(f *testing.F) {
	for rows := 2; rows < 6; rows++ {
		X, categorical := cohort(rows, rows*2, uint64(rows))
		f.Add(must(must(NewNeighbours(ctx, X, categorical, NeighbourOptions{})).MarshalBinary()))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var n Neighbours
		if err := n.UnmarshalBinary(data); err != nil {
			if fault.KindOf(err) != fault.Corrupt {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(data, must(n.MarshalBinary())) {
			t.Fatal("accepted bytes that writing does not make")
		}
		x := make([]float64, len(n.features))
		n.Nearest(x, 3)
		if a := n.Applicability(x); math.IsNaN(a.Distance) {
			t.Fatal("distance is not a number")
		}
	})
}

func BenchmarkNearest(b *testing.B) {
	for _, rows := range []int{20_000, 100_000} {
		X, categorical := cohort(rows, 30, 1)
		n := must(NewNeighbours(ctx, X, categorical, NeighbourOptions{MaxRows: rows, Probes: 2}))
		x := caseOf(X, 3)
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			for b.Loop() {
				n.Nearest(x, 5)
			}
		})
	}
}

func BenchmarkNewNeighbours(b *testing.B) {
	X, categorical := cohort(20_000, 30, 1)
	for b.Loop() {
		must(NewNeighbours(ctx, X, categorical, NeighbourOptions{}))
	}
}
