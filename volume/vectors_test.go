package volume

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"runtime"
	"slices"
	"testing"
)

type grid struct {
	Dims [3]int
	Data []float32
}

type sampled struct {
	grid
	Order int
	Mode  string
}

type vectors struct {
	Image  grid
	Zoom   []sampled
	Planes grid
	Turned struct {
		Source, Target Affine
		Dims           [3]int
		Cases          []sampled
	}
	Labels struct {
		grid
		Cases []grid
	}
	Components []struct {
		grid
		Numbers [3][]uint32
	}
	Codes []struct {
		Affine Affine
		Codes  Codes
	}
	Percentiles struct{ Percent, Values []float64 }
	Moments     struct{ Mean, SD float64 }
}

func load(t *testing.T) *vectors {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return &v
}

var orders = map[int]Order{0: Nearest, 1: Linear, 3: Cubic}

// close compares float32 values with a double-precision oracle. Images are of about 100; three passes that are
// each rounded to single precision may lose some 1e-7 of the largest value each.
func closeTo(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Abs(float64(got[i]-want[i])) > 2e-4 {
			t.Errorf("%s: value %d is %g, want %g", what, i, got[i], want[i])
			return
		}
	}
}

func (s sampled) how() Resampling {
	r := Every(orders[s.Order])
	if s.Mode == "mirror" {
		r.Edge = Mirror
	}
	return r
}

func TestResizeAgreesWithScipy(t *testing.T) {
	vec := load(t)
	v := New(Geometry{vec.Image.Dims, Scaling(Vec{1, 2, 3})}, vec.Image.Data)
	for _, c := range vec.Zoom {
		out, err := v.Resize(context.Background(), c.Dims, c.how())
		if err != nil {
			t.Fatal(err)
		}
		closeTo(t, c.Mode, out.Data.(Slice[float32]), c.Data)
		corner := func(v *Volume) Vec { // the outer corner of the field
			return v.Affine.Apply(Vec{float64(v.Dims[0]) - 0.5, float64(v.Dims[1]) - 0.5, float64(v.Dims[2]) - 0.5})
		}
		if d := corner(v).Minus(corner(out)).Length(); d > 1e-9 {
			t.Errorf("the field's corner moved by %g mm", d)
		}
	}
	out, err := v.Resize(context.Background(), vec.Planes.Dims, Planes(2, Cubic, Nearest))
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, "planes", out.Data.(Slice[float32]), vec.Planes.Data)
}

func TestResampleToAgreesWithScipyAndSimpleITK(t *testing.T) {
	vec := load(t)
	v := New(Geometry{vec.Image.Dims, vec.Turned.Source}, vec.Image.Data)
	to := Geometry{vec.Turned.Dims, vec.Turned.Target}
	m, err := indexMap(v.Geometry, to)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range vec.Turned.Cases {
		r := c.how()
		r.Fill = -1000
		out, err := v.ResampleTo(context.Background(), to, r)
		if err != nil {
			t.Fatal(err)
		}
		got := out.Data.(Slice[float32])
		if c.Mode == "nearest" || c.Mode == "mirror" {
			// scipy fills what lies outside too: only what lies inside is compared.
			n := 0
			for i := range got {
				at := m.Apply(Vec{float64(i % to.Dims[0]), float64(i / to.Dims[0] % to.Dims[1]), float64(i / to.Dims[0] / to.Dims[1])})
				if !inside(at[0], v.Dims[0]) || !inside(at[1], v.Dims[1]) || !inside(at[2], v.Dims[2]) {
					if got[i] != -1000 {
						t.Fatalf("voxel %d outside is %g", i, got[i])
					}
					got[i] = c.Data[i]
					n++
				}
			}
			if n == 0 || n == len(got) {
				t.Fatalf("%d voxels lie outside", n)
			}
		}
		closeTo(t, c.Mode, got, c.Data)
	}
}

func TestResampleToSameOrMirroredGrid(t *testing.T) {
	vec := load(t)
	v := New(Geometry{vec.Image.Dims, vec.Turned.Source}, vec.Image.Data)
	same, err := v.ResampleTo(context.Background(), v.Geometry, Every(Cubic))
	if err != nil || !slices.Equal(same.Data.(Slice[float32]), vec.Image.Data) {
		t.Errorf("onto its own grid the image changes: %v", err)
	}
	// A straight and an oblique walk over the same places agree.
	big := v.Resized([3]int{12, 5, 9})
	big.Affine = big.Affine.WithOrigin(big.Affine.Apply(Vec{-2, 1, -3}))
	m, err := indexMap(v.Geometry, big)
	if err != nil || !straight(m) {
		t.Fatal("the grid is not straight")
	}
	for _, o := range orders {
		r := Every(o)
		r.Fill = 7
		out, err := v.ResampleTo(context.Background(), big, r)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float32, big.Voxels())
		if err := oblique(context.Background(), vec.Image.Data, want, v.Dims, big.Dims, m, r); err != nil {
			t.Fatal(err)
		}
		closeTo(t, "straight", out.Data.(Slice[float32]), want)
	}
}

func TestLabelsAgreeWithOneHotMasks(t *testing.T) {
	vec := load(t)
	data := make([]uint8, len(vec.Labels.Data))
	for i, x := range vec.Labels.Data {
		data[i] = uint8(x)
	}
	m := NewLabels(Geometry{vec.Labels.Dims, Identity()}, data, nil)
	for _, c := range vec.Labels.Cases {
		out, err := m.Resize(context.Background(), c.Dims, [3]Order{})
		if err != nil {
			t.Fatal(err)
		}
		wide, err := m.ResampleTo(context.Background(), m.Resized(c.Dims), [3]Order{})
		if err != nil {
			t.Fatal(err)
		}
		compared := 0
		for i, want := range c.Data {
			if want >= 0 { // elsewhere no label has half the weight, where nnU-Net takes background
				compared++
				if got := out.Get(i); got != uint16(want) {
					t.Fatalf("%v: label %d is %d, want %g", c.Dims, i, got, want)
				}
			}
			if out.Get(i) != wide.Get(i) {
				t.Fatalf("%v: Resize and ResampleTo differ at %d", c.Dims, i)
			}
		}
		if compared < len(c.Data)*3/4 {
			t.Errorf("%v: only %d of %d compared", c.Dims, compared, len(c.Data))
		}
	}
}

func TestComponentsAgreeWithScipy(t *testing.T) {
	for _, c := range load(t).Components {
		mask := make([]uint8, len(c.Data))
		for i, x := range c.Data {
			mask[i] = uint8(x)
		}
		m := NewLabels(Geometry{c.Dims, Identity()}, mask, nil)
		for n, want := range c.Numbers {
			got, parts, err := m.Components(Neighbours(n))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v, neighbours %d: numbers differ", c.Dims, n)
			}
			total := 0
			for _, p := range parts {
				total += p.Voxels
			}
			if counts := m.Counts(); total != counts[1] {
				t.Errorf("%d voxels in parts, want %d", total, counts[1])
			}
		}
	}
}

func TestCodesAgreeWithNibabel(t *testing.T) {
	for _, c := range load(t).Codes {
		if got := c.Affine.Codes(); got != c.Codes {
			t.Errorf("%v: %s, want %s", c.Affine, got, c.Codes)
		}
	}
}

func TestStatisticsAgreeWithNumpy(t *testing.T) {
	vec := load(t)
	v := New(Geometry{vec.Image.Dims, Identity()}, vec.Image.Data)
	for i, got := range v.Percentiles(0, 0, vec.Percentiles.Percent...) {
		if math.Abs(got-vec.Percentiles.Values[i]) > 1e-9 {
			t.Errorf("percentile %g is %g, want %g", vec.Percentiles.Percent[i], got, vec.Percentiles.Values[i])
		}
	}
	m := v.Moments(0, 0, nil)
	if math.Abs(m.Mean-vec.Moments.Mean) > 1e-9 || math.Abs(m.SD()-vec.Moments.SD) > 1e-9 {
		t.Errorf("moments %v", m)
	}
	z := v.ZScore(nil).Moments(0, 0, nil)
	if math.Abs(z.Mean) > 1e-6 || math.Abs(z.SD()-1) > 1e-6 {
		t.Errorf("after z-score: %v, sd %g", z, z.SD())
	}
}

func TestSameBitsForAnyNumberOfThreads(t *testing.T) {
	g := Geometry{[3]int{70, 61, 40}, slanted}
	data := make([]float32, g.Voxels())
	mask := make([]uint8, g.Voxels())
	for i := range data {
		data[i] = float32(math.Sin(float64(i) * 0.37))
		if data[i] > 0.2 {
			mask[i] = 1
		}
	}
	v, m := New(g, data), NewLabels(g, mask, nil)
	to := Geometry{[3]int{50, 50, 50}, Scaling(Vec{1, 1, 1}).WithOrigin(v.Affine.Apply(Vec{30, 30, 20}))}
	run := func(threads int) (all []float32, numbers []uint32) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
		a, err := v.Resize(context.Background(), [3]int{40, 90, 55}, Every(Cubic))
		if err != nil {
			t.Fatal(err)
		}
		b, err := v.ResampleTo(context.Background(), to, Every(Cubic))
		if err != nil {
			t.Fatal(err)
		}
		numbers, _, err = m.Components(Corners)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Concat(a.Data.(Slice[float32]), b.Data.(Slice[float32]), v.ZScore(m).Data.(Slice[float32])), numbers
	}
	first, numbers := run(1)
	for _, threads := range []int{2, 5} {
		again, n := run(threads)
		if !slices.Equal(first, again) || !slices.Equal(numbers, n) {
			t.Errorf("%d threads change bits", threads)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := v.ResampleTo(ctx, to, Every(Cubic)); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}
