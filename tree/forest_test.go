package tree

import (
	"math"
	"testing"
)

func TestForestLearns(t *testing.T) {
	for _, levels := range []int{0, 6} {
		train, test := makeTable(1, 1500, 8, 2, levels, 0.1), makeTable(2, 1000, 8, 2, levels, 0.1)
		f := mustForest(t, train, nil, ForestParams{Classes: 2, Trees: 100, OutOfBag: true, Categories: train.cats})
		a, oob := auroc(f.PredictColumns(test.x)[0], test.y), auroc(f.OutOfBag[0], train.y)
		if a < 0.82 || math.Abs(a-oob) > 0.04 {
			t.Errorf("levels %d: AUROC %.3f on new rows, %.3f out of bag", levels, a, oob)
		}
		if in := auroc(f.PredictColumns(train.x)[0], train.y); in < oob+0.02 {
			t.Errorf("levels %d: AUROC %.3f on its own rows: not better than out of bag", levels, in)
		}
	}
	reg, regTest := makeTable(1, 1500, 8, 0, 6, 0.1), makeTable(2, 1000, 8, 0, 6, 0.1)
	f := mustForest(t, reg, nil, ForestParams{Trees: 100, Categories: reg.cats})
	var e, v float64
	my := mean(regTest.y)
	for i, p := range f.PredictColumns(regTest.x)[0] {
		e += (p - regTest.y[i]) * (p - regTest.y[i])
		v += (regTest.y[i] - my) * (regTest.y[i] - my)
	}
	if r2 := 1 - e/v; r2 < 0.5 {
		t.Errorf("regression: R² %.3f", r2)
	}
}

// Two classes can be fitted by means or by counting classes: full trees on few rows part the same way.
func TestTwoClassesBothWays(t *testing.T) {
	m := makeTable(3, 150, 5, 2, 4, 0.1)
	two := mustForest(t, m, nil, ForestParams{Classes: 2, Trees: 20, MinLeaf: 2, FeaturesPerSplit: 5, Categories: m.cats, Seed: 3})
	three := mustForest(t, m, nil, ForestParams{Classes: 3, Trees: 20, MinLeaf: 2, FeaturesPerSplit: 5, Categories: m.cats, Seed: 3})
	a, b := two.PredictColumns(m.x)[0], three.PredictColumns(m.x)
	far := 0
	for i := range a {
		if b[2][i] != 0 || math.Abs(b[0][i]+b[1][i]-1) > 1e-12 {
			t.Fatal("three classes: shares are wrong")
		}
		if math.Abs(a[i]-b[1][i]) > 0.1 { // equal gains may fall either way
			far++
		}
	}
	if far > len(a)/20 {
		t.Errorf("%d of %d risks differ by more than 0.1", far, len(a))
	}
}

// With one tree on all rows and all features, each leaf holds the share of its own rows.
func TestForestLeaves(t *testing.T) {
	for _, classes := range []int{0, 2, 4} {
		m := makeTable(4, 300, 4, classes, 0, 0.1)
		w := make([]float64, len(m.y))
		for i := range w {
			w[i] = 1 + float64(i%5)
		}
		f := mustForest(t, m, w, ForestParams{Classes: classes, Trees: 1, MinLeaf: 10, NoBootstrap: true})
		type sum struct {
			w, rows float64
			v       [4]float64
		}
		sums := map[int32]*sum{}
		for i, y := range m.y {
			leaf := f.ens.leaf(0, m.row(i))
			if sums[leaf] == nil {
				sums[leaf] = &sum{}
			}
			s := sums[leaf]
			s.w += w[i]
			s.rows++
			if classes > 2 {
				s.v[int(y)] += w[i]
			} else {
				s.v[0] += w[i] * y
			}
		}
		for leaf, s := range sums {
			if s.rows < 10 {
				t.Errorf("classes %d: a leaf of %g rows", classes, s.rows)
			}
			for k, v := range f.ens.values(leaf) {
				if math.Abs(v-s.v[k]/s.w) > 1e-12 {
					t.Errorf("classes %d: leaf holds %g, its rows %g", classes, v, s.v[k]/s.w)
				}
			}
			if f.ens.cover[leaf] != s.w {
				t.Errorf("classes %d: cover %g, want %g", classes, f.ens.cover[leaf], s.w)
			}
		}
		if len(sums) < 5 {
			t.Errorf("classes %d: %d leaves", classes, len(sums))
		}
	}
}

// Out-of-bag predictions come from the trees that did not see the row, and no others.
func TestOutOfBag(t *testing.T) {
	m := makeTable(5, 80, 3, 3, 4, 0.1)
	f := mustForest(t, m, nil, ForestParams{Classes: 3, Trees: 3, MinLeaf: 1, OutOfBag: true, Categories: m.cats, Seed: 1})
	missing, seen := 0, 0
	for i, v := range f.OutOfBag[0] {
		if math.IsNaN(v) {
			missing++
			continue
		}
		// The mean over some subset of the trees: one, two or three of them.
		x, found := m.row(i), false
		for set := 1; set < 8; set++ {
			var s, n float64
			for tree := range 3 {
				if set>>tree&1 == 1 {
					s += 3 * f.ens.values(f.ens.leaf(f.ens.roots[tree], x))[0]
					n++
				}
			}
			found = found || math.Abs(s/n-v) < 1e-12
		}
		if !found {
			t.Fatalf("row %d: %g is no mean over trees", i, v)
		}
		seen++
	}
	// A row is drawn by all three trees with chance (1-1/e)³ = 0.25.
	if missing < 8 || missing > 35 || seen == 0 {
		t.Errorf("%d of 80 rows are in every bag", missing)
	}
}

func TestForestSameBytesAnyThreads(t *testing.T) {
	for _, classes := range []int{0, 2, 3} {
		m := makeTable(6, 500, 6, classes, 5, 0.1)
		w := make([]float64, len(m.y))
		for i := range w {
			w[i] = 0.5 + float64(i%3)
		}
		sameBytesAnyThreads(t, func() []byte {
			return marshal(t, mustForest(t, m, w, ForestParams{Classes: classes, Trees: 10, Categories: m.cats, Seed: 4}))
		})
		a := marshal(t, mustForest(t, m, nil, ForestParams{Classes: classes, Trees: 10, Seed: 4}))
		if b := marshal(t, mustForest(t, m, nil, ForestParams{Classes: classes, Trees: 10, Seed: 5})); string(a) == string(b) {
			t.Error("another seed gives the same forest")
		}
	}
}
