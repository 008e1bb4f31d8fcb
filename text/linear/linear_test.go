package linear

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"galen.dev/fault"
)

// made draws rows of a few features and classes that depend on them.
func made(n, columns, classes int) (X []Row, y []int) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range n {
		var row Row
		z := make([]float64, classes)
		for j := range columns {
			if rng.IntN(3) == 0 {
				v := float32(rng.NormFloat64())
				row = append(row, Entry{int32(j), v})
				z[j%classes] += 2 * float64(v)
			}
		}
		best := 0
		for k := range z {
			if z[k]+rng.NormFloat64() > z[best] {
				best = k
			}
		}
		X, y = append(X, row), append(y, best)
	}
	return X, y
}

// TestGradient: the analytic gradient is that of finite differences.
func TestGradient(t *testing.T) {
	for _, classes := range []int{2, 3} {
		X, y := made(40, 6, classes)
		m := newModel(6, classes)
		f := objective{X: X, y: y, stride: 7, outputs: len(m.Weight), lambda: .3, w: make([]float64, len(X))}
		rng := rand.New(rand.NewPCG(3, 4))
		for i := range f.w {
			f.w[i] = rng.Float64()
		}
		x := make([]float64, 7*len(m.Weight))
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		g, scratch := make([]float64, len(x)), make([]float64, len(x))
		f.at(x, g)
		for i := range x {
			const h = 1e-5
			at := x[i]
			x[i] = at + h
			up := f.at(x, scratch)
			x[i] = at - h
			down := f.at(x, scratch)
			x[i] = at
			if d := (up - down) / (2 * h); math.Abs(d-g[i]) > 1e-5*math.Max(1, math.Abs(d)) {
				t.Errorf("%d classes, weight %d: %v, finite difference %v", classes, i, g[i], d)
			}
		}
	}
}

// TestOptimum: at the fit the gradient vanishes, so no other weights are better: the problem is convex.
func TestOptimum(t *testing.T) {
	for _, classes := range []int{2, 4} {
		X, y := made(300, 12, classes)
		m, err := Fit(t.Context(), X, y, 12, classes, Params{Iterations: 500})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		f := objective{X: X, y: y, stride: 13, outputs: len(m.Weight), lambda: 1}
		var x []float64
		for o, w := range m.Weight {
			x = append(append(x, w...), m.Intercept[o])
		}
		g := make([]float64, len(x))
		f.at(x, g)
		for i, v := range g {
			if math.Abs(v) > .05 {
				t.Errorf("%d classes: the gradient of weight %d is %v", classes, i, v)
			}
		}
		right := 0
		for i, row := range X {
			p := m.Predict(row)
			best := 0
			if len(p) == 1 && p[0] > .5 {
				best = 1
			}
			for k := range p {
				if len(p) > 1 && p[k] > p[best] {
					best = k
				}
			}
			if best == y[i] {
				right++
			}
			z := m.Scores(row)
			sum := m.Intercept[0]
			for _, c := range m.Contributions(row, 0) {
				sum += c
			}
			if math.Abs(sum-z[0]) > 1e-9 {
				t.Fatalf("contributions sum to %v, and the score is %v", sum, z[0])
			}
		}
		if right < 200 {
			t.Errorf("%d classes: %d of 300 right", classes, right)
		}
	}
}

func TestRefused(t *testing.T) {
	if _, err := Fit(t.Context(), []Row{{{5, 1}}}, []int{0}, 3, 2, Params{}); fault.KindOf(err) != fault.Usage {
		t.Errorf("a column out of range: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	X, y := made(10, 3, 2)
	if _, err := Fit(ctx, X, y, 3, 2, Params{}); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
	if err := (&Model{Classes: 3, Columns: 1}).Check(); fault.KindOf(err) != fault.Corrupt {
		t.Errorf("%v", err)
	}
}
