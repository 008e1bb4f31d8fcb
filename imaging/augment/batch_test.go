package augment

import (
	"math"
	"reflect"
	"slices"
	"testing"
)

func TestMixUp(t *testing.T) {
	batch := []float32{1, 10, 2, 20, 3, 30}
	out := MixUp(Mix{Partner: []int{1, 2, 2}, Weight: []float64{.75, .5, .1}}, batch)
	if want := []float32{1.25, 12.5, 2.5, 25, 3, 30}; far(t, out, want) > 1e-5 {
		t.Errorf("%v in place of %v", out, want)
	}
	if out := MixUp(DrawMix(4, 3, 0), batch); !slices.Equal(out, batch) {
		t.Errorf("alpha 0 mixes: %v", out)
	}
	if !reflect.DeepEqual(DrawMix(4, 9, .3), DrawMix(4, 9, .3)) {
		t.Error("the same seed gives two mixes")
	}
}

// TestBeta holds the draws to the mean 1/2 and the variance 1/(4(2a+1)), within 5 standard errors.
func TestBeta(t *testing.T) {
	const n = 20000
	for _, a := range []float64{.01, .2, 1, 4} {
		m := DrawMix(11, n, a)
		mean, square := 0., 0.
		for _, w := range m.Weight {
			if !(w >= 0 && w <= 1) {
				t.Fatalf("alpha %g: weight %g", a, w)
			}
			mean += w / n
			square += (w - .5) * (w - .5) / n
		}
		variance := 1 / (4 * (2*a + 1))
		if se := math.Sqrt(variance / n); math.Abs(mean-.5) > 5*se || math.Abs(square-variance) > 5*math.Sqrt(variance*.25/n) {
			t.Errorf("alpha %g: mean %g, variance %g in place of %g", a, mean, square, variance)
		}
	}
}

func TestCutout(t *testing.T) {
	shape := []int{10, 12, 2}
	holes := DrawHoles(3, 200, shape, .5, .5)
	batch := slices.Repeat([]float32{1}, 200*size(shape))
	out := Cutout(holes, shape, batch, -7)
	cut := 0
	for i, hole := range holes {
		item, want := out[i*size(shape):(i+1)*size(shape)], 2
		for axis := range 3 {
			want *= hole.To[axis] - hole.From[axis]
		}
		got := 0
		for j, v := range item {
			at := [3]int{0, j / 24, j % 24 / 2}
			inside := want > 0
			for axis := range 3 {
				inside = inside && at[axis] >= hole.From[axis] && at[axis] < hole.To[axis]
			}
			if inside != (v == -7) {
				t.Fatalf("hole %v: value %v at %v", hole, v, at)
			}
			if v == -7 {
				got++
			}
		}
		if got != want || got > 5*6*2 {
			t.Fatalf("hole %v cuts %d values in place of %d", hole, got, want)
		}
		if got > 0 {
			cut++
		}
	}
	if cut < 70 || cut > 130 {
		t.Errorf("%d of 200 images are cut", cut)
	}
	if batch[0] != 1 || slices.Contains(batch, -7) {
		t.Error("the batch was changed")
	}
}
