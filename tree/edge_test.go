package tree

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"galen.dev/fault"
)

// Odd tables are fitted without a crash, and predictions stay finite.
func TestOddTables(t *testing.T) {
	nan := math.NaN()
	same := func(v float64, n int) []float64 {
		c := make([]float64, n)
		fill(c, v)
		return c
	}
	ramp := make([]float64, 60)
	yes := make([]float64, 60)
	for i := range ramp {
		ramp[i] = float64(i)
		yes[i] = float64(i / 30)
	}
	wide := []float64{-math.MaxFloat64, math.MaxFloat64, 0, math.SmallestNonzeroFloat64}
	for name, c := range map[string]struct {
		x    [][]float64
		y    []float64
		cats []int
	}{
		"one row":           {[][]float64{{1}}, []float64{1}, nil},
		"one class":         {[][]float64{ramp}, same(1, 60), nil},
		"constant feature":  {[][]float64{same(3, 60), ramp}, yes, nil},
		"missing feature":   {[][]float64{same(nan, 60), ramp}, yes, nil},
		"all missing":       {[][]float64{same(nan, 60)}, yes, nil},
		"missing category":  {[][]float64{same(nan, 60)}, yes, []int{4}},
		"widest numbers":    {[][]float64{wide}, []float64{0, 1, 0, 1}, nil},
		"million levels":    {[][]float64{ramp}, yes, []int{1 << 20}},
		"one level":         {[][]float64{same(0, 60)}, yes, []int{1}},
		"zero of both sign": {[][]float64{{0, math.Copysign(0, -1), 1, -1}}, []float64{0, 0, 1, 1}, nil},
	} {
		for _, loss := range []Loss{Squared, Logistic, Softmax, Absolute, Huber, Quantile} {
			b, err := FitBoost(context.Background(), c.x, c.y, nil, BoostParams{Loss: loss, Classes: 2, Rounds: 5, MinRows: -1, Categories: c.cats})
			if err != nil {
				t.Fatalf("%s, %v: %v", name, loss, err)
			}
			finiteEverywhere(t, name, b.PredictColumns(c.x), b.Explainer(), c.x)
		}
		for _, classes := range []int{0, 2, 3} {
			f, err := FitForest(context.Background(), c.x, c.y, nil, ForestParams{Classes: classes, Trees: 3, MinLeaf: 1, OutOfBag: true, Categories: c.cats})
			if err != nil {
				t.Fatalf("%s, forest: %v", name, err)
			}
			finiteEverywhere(t, name, f.PredictColumns(c.x), f.Explainer(), c.x)
		}
	}
}

func finiteEverywhere(t *testing.T, name string, p [][]float64, ex *Explainer, x [][]float64) {
	t.Helper()
	phi, err := ex.ExplainColumns(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	for k := range p {
		for i, v := range p[k] {
			if !finite(v) {
				t.Fatalf("%s: prediction of row %d is %v", name, i, v)
			}
			for f := range phi[k] {
				if !finite(phi[k][f][i]) {
					t.Fatalf("%s: contribution in row %d is %v", name, i, phi[k][f][i])
				}
			}
		}
	}
}

// A feature that separates by being missing is used, and a value never seen in training follows the rest.
func TestMissingIsInformative(t *testing.T) {
	x, y := make([]float64, 200), make([]float64, 200)
	for i := range x {
		x[i] = float64(i % 7)
		if i%2 == 1 {
			x[i], y[i] = math.NaN(), 1
		}
	}
	for _, cats := range [][]int{nil, {20}} {
		b, err := FitBoost(context.Background(), [][]float64{x}, y, nil, BoostParams{Loss: Logistic, Categories: cats})
		if err != nil {
			t.Fatal(err)
		}
		f, err := FitForest(context.Background(), [][]float64{x}, y, nil, ForestParams{Classes: 2, Categories: cats})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []interface{ Predict([]float64) []float64 }{b, f} {
			if p := m.Predict([]float64{math.NaN()})[0]; p < 0.9 {
				t.Errorf("categories %v: risk %.3f where missing means ill", cats, p)
			}
			if p := m.Predict([]float64{3})[0]; p > 0.1 {
				t.Errorf("categories %v: risk %.3f where a value means well", cats, p)
			}
		}
		if p := f.Predict([]float64{1e9})[0]; cats == nil && p > 0.1 {
			t.Errorf("risk %.3f for a value above all seen", p)
		}
	}
}

// Bad data are refused with all findings at once, by kind, and without values.
func TestBadData(t *testing.T) {
	x := [][]float64{{1, math.Inf(1), 3, 4}, {0, 1, 7, 0.5}}
	y := []float64{0, 1, math.NaN(), 5}
	w := []float64{1, -12345, 1, 1}
	_, err := FitBoost(context.Background(), x, y, w, BoostParams{Loss: Logistic, Categories: []int{0, 3}})
	if fault.KindOf(err) != fault.Data {
		t.Fatalf("error %v, want a Data one", err)
	}
	got := map[string]int{}
	for _, f := range fault.FindingsOf(err) {
		got[f.Name] = f.Count
	}
	want := map[string]int{"infinite": 1, "bad-category": 2, "bad-target": 1, "bad-class": 1, "bad-weight": 1}
	for k, n := range want {
		if got[k] != n {
			t.Errorf("finding %s concerns %d rows, want %d", k, got[k], n)
		}
	}
	if strings.Contains(err.Error(), "12345") {
		t.Error("the error holds a value")
	}
	for name, f := range map[string]func() error{
		"ragged":   func() error { return fitErr([][]float64{{1, 2}, {1}}, []float64{0, 1}, nil) },
		"no rows":  func() error { return fitErr([][]float64{{}}, nil, nil) },
		"no cols":  func() error { return fitErr(nil, []float64{1}, nil) },
		"weights":  func() error { return fitErr([][]float64{{1, 2}}, []float64{0, 1}, []float64{0, 0}) },
		"w length": func() error { return fitErr([][]float64{{1, 2}}, []float64{0, 1}, []float64{1}) },
	} {
		if err := f(); fault.KindOf(err) != fault.Data {
			t.Errorf("%s: error %v, want a Data one", name, err)
		}
	}
}

func fitErr(x [][]float64, y, w []float64) error {
	_, err := FitBoost(context.Background(), x, y, w, BoostParams{})
	if err != nil {
		_, err = FitForest(context.Background(), x, y, w, ForestParams{})
	}
	return err
}

// Bad parameters are refused all at once as Usage.
func TestBadParams(t *testing.T) {
	x, y := [][]float64{{1, 2}}, []float64{0, 1}
	_, err := FitBoost(context.Background(), x, y, nil, BoostParams{
		Loss: 99, Rounds: -1, LearningRate: 2, Leaves: 1, Bins: 300, RowFraction: 1.5, Monotone: []int8{1, 1},
		Categories: []int{-1}, Interactions: [][]int{{4}}, L1: math.NaN(),
	})
	if fault.KindOf(err) != fault.Usage || len(fault.FindingsOf(err)) != 10 {
		t.Errorf("kind %v, %d findings: %v", fault.KindOf(err), len(fault.FindingsOf(err)), err)
	}
	_, err = FitForest(context.Background(), x, y, nil, ForestParams{Classes: 1, Trees: -1, MinLeaf: -1, Bins: 1, NoBootstrap: true, OutOfBag: true})
	if fault.KindOf(err) != fault.Usage || len(fault.FindingsOf(err)) != 5 {
		t.Errorf("kind %v, %d findings: %v", fault.KindOf(err), len(fault.FindingsOf(err)), err)
	}
	b := mustBoost(t, made{x: x, y: y}, nil, BoostParams{})
	for _, bg := range [][][]float64{nil, {{1}, {1}}, {{}}} {
		if _, err := b.ExplainerAgainst(bg); fault.KindOf(err) != fault.Data {
			t.Errorf("background %v: %v", bg, err)
		}
	}
}

func TestCancel(t *testing.T) {
	m := makeTable(1, 2000, 10, 2, 0, 0)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := FitBoost(ctx, m.x, m.y, nil, BoostParams{Loss: Logistic}); !errors.Is(err, context.Canceled) {
		t.Errorf("boosting: %v", err)
	}
	if _, err := FitForest(ctx, m.x, m.y, nil, ForestParams{Classes: 2}); !errors.Is(err, context.Canceled) {
		t.Errorf("forest: %v", err)
	}
}

// Bins hold what cuts say, at the cuts too.
func TestBinColumn(t *testing.T) {
	cuts := []float64{-1e300, -1, math.Copysign(0, -1), 0.5, 2, math.MaxFloat64 / 2}
	for _, v := range []float64{-math.MaxFloat64, -1e300, -1, -0.5, 0, math.Copysign(0, -1), 1e-320, 0.5, 0.75, 2, 3, math.MaxFloat64} {
		want := 0
		for _, c := range cuts {
			if c < v {
				want++
			}
		}
		var got [1]uint8
		binColumn(got[:], []float64{v}, cuts)
		if int(got[0]) != want {
			t.Errorf("%g is in bin %d, want %d", v, got[0], want)
		}
	}
}
