package lbfgs

import (
	"math"
	"testing"

	"galen.dev/fault"
)

// TestRosenbrock: the curved valley that is the usual trial of minimisers.
func TestRosenbrock(t *testing.T) {
	x := []float64{-1.2, 1, -1.2, 1}
	v, err := Minimise(t.Context(), func(x, g []float64) (v float64) {
		clear(g)
		for i := 0; i+1 < len(x); i += 2 {
			a, b := 1-x[i], x[i+1]-x[i]*x[i]
			v += a*a + 100*b*b
			g[i] = -2*a - 400*x[i]*b
			g[i+1] = 200 * b
		}
		return v
	}, x, Options{Tolerance: 1e-14})
	if err != nil || v > 1e-10 {
		t.Fatalf("%v at %v, %v", v, x, err)
	}
	for _, c := range x {
		if math.Abs(c-1) > 1e-4 {
			t.Errorf("minimum at %v, want ones", x)
		}
	}
}

func TestNotFinite(t *testing.T) {
	if _, err := Minimise(t.Context(), func(_, _ []float64) float64 { return math.NaN() }, []float64{0}, Options{}); fault.KindOf(err) != fault.Data {
		t.Error(err)
	}
}
