package classify

import (
	"math"
	"slices"
	"testing"

	"galen.dev/volume"
)

// Vectors of Pillow 13.0's Image.resize with BILINEAR on float images: (in, out).
func TestResampleAsPillow(t *testing.T) {
	in := []float32{0, 10, 20, 30, 40, 50, 60, 70}
	for _, c := range []struct {
		to   int
		want []float32
	}{
		{8, in},
		{4, []float32{7.142857, 25, 45, 62.857143}},
		{16, []float32{0, 2.5, 7.5, 12.5, 17.5, 22.5, 27.5, 32.5, 37.5, 42.5, 47.5, 52.5, 57.5, 62.5, 67.5, 70}},
	} {
		got := resample(in, 1, len(in), 1, c.to)
		for i, w := range c.want {
			if math.Abs(float64(got[i]-w)) > 1e-4 { // Pillow's own rounding to float32
				t.Errorf("to %d: %v, want %v", c.to, got, c.want)
				break
			}
		}
	}
}

// A constant image stays constant whatever the sizes, and padding keeps proportions.
func TestInputKeepsProportions(t *testing.T) {
	p := &plan{Height: 8, Width: 8, Channels: 1, Fit: "pad", Scheme: "training", Mean: []float64{5}, SD: []float64{2}, Low: []float64{0}, High: []float64{9}}
	data := make([]uint8, 20*10)
	for i := range data {
		data[i] = 9
	}
	x, err := p.input(volume.New(volume.Geometry{Dims: [3]int{20, 10, 1}, Affine: volume.Identity()}, data))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range x {
		want := float32(0) // the training images' mean
		if y := i / 8; y >= 2 && y < 6 {
			want = 2
		}
		if v != want {
			t.Fatalf("value %d is %v, not %v", i, v, want)
		}
	}
	if _, err := p.input(volume.New(volume.Geometry{Dims: [3]int{4, 4, 4}, Affine: volume.Identity()}, make([]uint8, 64))); err == nil {
		t.Error("a volume is taken for a picture")
	}
}

// Volumes are turned, so that the same patient gives the same input however the file lies.
func TestVolumesAreTurned(t *testing.T) {
	p := &plan{Depth: 4, Height: 5, Width: 6, Channels: 1, Fit: "stretch", Scheme: "image"}
	data := make([]float32, 4*5*6)
	for i := range data {
		data[i] = float32(i * i % 37)
	}
	v := volume.New(volume.Geometry{Dims: [3]int{6, 5, 4}, Affine: volume.Identity()}, data)
	turned, err := v.Reorient("LPI")
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.input(v)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.input(turned)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a, b) {
		t.Error("another orientation gives another input")
	}
	sum := 0.0
	for _, x := range a {
		sum += float64(x)
	}
	if math.Abs(sum) > 1e-4 {
		t.Errorf("the mean is %v", sum/float64(len(a)))
	}
}

// Probabilities of grades are a distribution even where the logits are out of order.
func TestGrades(t *testing.T) {
	l := &labelling{Kind: ordinal, Names: []string{"0", "1", "2", "3"}}
	for _, logits := range [][]float32{{2, 0, -2}, {-1, 3, 0}, {0, 0, 0}, {30, -30, 30}} {
		sum := 0.0
		for _, p := range l.probabilities(logits) {
			if p < 0 {
				t.Errorf("%v: a probability of %v", logits, p)
			}
			sum += p
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Errorf("%v: the sum is %v", logits, sum)
		}
	}
	got := l.probabilities([]float32{0, float32(math.Log(1. / 3)), -1000}) // beyond: 1/2, 1/4, 0
	for k, want := range []float64{.5, .25, .25, 0} {
		if math.Abs(got[k]-want) > 1e-7 {
			t.Errorf("grade %d: %v, want %v", k, got[k], want)
		}
	}
}

// Views of an image are movements that keep its values.
func TestViews(t *testing.T) {
	dims := [3]int{1, 28, 28}
	for _, c := range []struct {
		tta, flips string
		n          int
	}{{"none", "all", 1}, {"flips", "none", 1}, {"flips", "horizontal", 2}, {"flips", "all", 4}, {"shifts", "none", 5}, {"both", "horizontal", 10}} {
		if got := views(c.tta, c.flips, dims); len(got) != c.n {
			t.Errorf("%s, %s: %d views, want %d", c.tta, c.flips, len(got), c.n)
		}
	}
	if got := views("flips", "all", [3]int{4, 28, 28}); len(got) != 8 {
		t.Errorf("a volume has %d views, want 8", len(got))
	}
}

// What MedMNIST's evaluator (v2.2, getAUC and getACC) gives for these scores.
func TestEvaluator(t *testing.T) {
	h := &cohort{Labels: labelling{Kind: multiLabel, Names: []string{"a", "b"}}, Marks: [][]int8{{1, 0}, {0, 1}, {1, 1}, {0, 0}}, Y: make([]int, 4)}
	p := [][]float64{{.9, .2}, {.8, .7}, {.6, .4}, {.1, .5}}
	ids := []int{0, 1, 2, 3}
	if got := h.auc(p, ids); got != .75 { // (.75 + .75) / 2
		t.Errorf("AUC %v", got)
	}
	if got := h.accuracy(p, ids, .5); got != .75 { // .5 is not above .5
		t.Errorf("accuracy %v", got)
	}
}
