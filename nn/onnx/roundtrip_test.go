package onnx

import (
	"math"
	"testing"

	"galen.dev/nn"
)

// far is the largest difference of two lists, relative to the largest absolute value of the second.
func far(t testing.TB, got, want []float32) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	worst, scale := 0., 0.
	for i := range want {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		worst, scale = max(worst, d), max(scale, math.Abs(float64(want[i])))
	}
	if worst == 0 {
		return 0
	}
	return worst / scale
}

// TestRoundTrip exports each network, reads the file and compares: both sides differ in the order of sums alone.
func TestRoundTrip(t *testing.T) {
	for i, c := range exported {
		t.Run(c.title, func(t *testing.T) {
			net, w := shaken(t, i)
			path := t.TempDir() + "/model.onnx"
			if err := Export(net, w, shapesOf(sample(i, 2)), path); err != nil {
				t.Fatal(err)
			}
			m, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if m.Metadata["galen.network"] != c.network {
				t.Errorf("metadata %v", m.Metadata)
			}
			first, err := nn.NewPredictor(stock(t), net, w)
			if err != nil {
				t.Fatal(err)
			}
			defer first.Close()
			second, err := m.Predictor(stock(t))
			if err != nil {
				t.Fatal(err)
			}
			defer second.Close()
			for _, batch := range []int{1, 3} {
				want, err := first.Run(sample(i, batch)...)
				if err != nil {
					t.Fatal(err)
				}
				got, err := second.Run(sample(i, batch)...)
				if err != nil {
					t.Fatal(err)
				}
				if d := far(t, got[0].Floats, want[0].Floats); d > 1e-5 {
					t.Errorf("batch %d: differs by %g", batch, d)
				}
			}
		})
	}
}
