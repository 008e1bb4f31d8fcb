package conv

import (
	"math/rand/v2"
	"testing"

	"galen.dev/engine/tile/tiletest"
	"pgregory.net/rapid"
)

// Tensors between two pages that nobody may touch: a kernel that reads or writes one float too many, on either
// side, ends the test.
func TestNothingOutsideTheSlices(t *testing.T) {
	shapes := fencedShapes()
	families(t, func(t *testing.T) {
		for _, s := range shapes {
			for _, atStart := range []bool{false, true} {
				r := rand.New(rand.NewPCG(1, 1))
				place := func(v []float32) []float32 {
					f := tiletest.Fenced(t, len(v), atStart)
					copy(f, v)
					return f
				}
				x, w, dy := place(numbers(s.XLen(), r)), place(numbers(s.WeightsLen(), r)), place(numbers(s.YLen(), r))
				y, dw := place(garbage(s.YLen())), place(garbage(s.WeightsLen()))
				plan := New(s, nil)
				plan.Forward(x, w, y)
				plan.WeightGradient(x, dy, dw)
			}
		}
	})
}

// fencedShapes are random shapes and small ones of the networks.
func fencedShapes() []Shape {
	var shapes []Shape
	draw := rapid.Custom(drawShape)
	for seed := range 150 {
		shapes = append(shapes, draw.Example(seed))
	}
	for _, s := range threadShapes() {
		s.N = min(s.N, 2)
		shapes = append(shapes, s)
	}
	return shapes
}
