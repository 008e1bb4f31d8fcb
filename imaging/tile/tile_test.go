package tile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"galen.dev/fault"
	"pgregory.net/rapid"
)

func noise(n int) []float32 {
	rng := rand.New(rand.NewPCG(1, 2))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

func mustPlan(t testing.TB, dims, patch [3]int, overlap float64) Plan {
	t.Helper()
	p, err := NewPlan(dims, patch, overlap)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAsScipy compares weights with scipy's filter (its kernel is normalised, ours is not: 1e-6 relative, the
// rounding of float32 is 6e-8) and starts with numpy's rounding.
func TestAsScipy(t *testing.T) {
	var v struct {
		Weights []struct {
			Patch   [3]int    `json:"patch"`
			Weights []float64 `json:"weights"`
		} `json:"weights"`
		Starts []struct {
			Image   int     `json:"image"`
			Tile    int     `json:"tile"`
			Overlap float64 `json:"overlap"`
			Starts  []int   `json:"starts"`
		} `json:"starts"`
	}
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	for _, w := range v.Weights {
		got := Weights(w.Patch)
		if len(got) != len(w.Weights) {
			t.Fatalf("patch %v: %d weights", w.Patch, len(got))
		}
		for i := range got {
			if math.Abs(float64(got[i])-w.Weights[i]) > 1e-6*w.Weights[i] {
				t.Errorf("patch %v: weight %d is %g in place of %g", w.Patch, i, got[i], w.Weights[i])
			}
		}
	}
	for _, s := range v.Starts {
		if got := starts(s.Image, s.Tile, s.Overlap); !slices.Equal(got, s.Starts) {
			t.Errorf("image %d, patch %d, overlap %g: %v in place of %v", s.Image, s.Tile, s.Overlap, got, s.Starts)
		}
	}
}

func drawPlan(t *rapid.T) Plan {
	var dims, patch [3]int
	for i := range 3 {
		dims[i] = rapid.IntRange(1, 14).Draw(t, "image")
		patch[i] = rapid.IntRange(1, 9).Draw(t, "patch")
	}
	p, err := NewPlan(dims, patch, rapid.SampledFrom([]float64{0, .25, .5, .8}).Draw(t, "overlap"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestTilesCover: every voxel is in a patch; patches lie inside where the image is large enough; neighbours
// share what was asked for.
func TestTilesCover(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, patch := rapid.IntRange(1, 400).Draw(t, "image"), rapid.IntRange(1, 70).Draw(t, "patch")
		overlap := rapid.Float64Range(0, .95).Draw(t, "overlap")
		p, err := NewPlan([3]int{n, 1, 1}, [3]int{patch, 1, 1}, overlap)
		if err != nil {
			t.Fatal(err)
		}
		s := p.Starts[0]
		if n <= patch {
			if len(s) != 1 || s[0] > 0 || s[0]+patch < n || -s[0] > patch-n {
				t.Fatalf("small image: %v", s)
			}
			return
		}
		if s[0] != 0 || s[len(s)-1] != n-patch {
			t.Fatalf("the ends are not covered: %v", s)
		}
		for i := 1; i < len(s); i++ {
			// Rounding moves a start by half a voxel at most, so two come apart by one at most.
			if d := s[i] - s[i-1]; d < 1 || d > patch || float64(d) >= math.Max(1, float64(patch)*(1-overlap))+1 {
				t.Fatalf("steps of %v", s)
			}
		}
	})
}

// TestIdentityIsExact: a predictor that returns its input gives the image back to the bit, in slabs that are in
// order and without gaps, whatever the batch and the flips.
func TestIdentityIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		channels := rapid.IntRange(1, 3).Draw(t, "channels")
		o := Options{Batch: rapid.IntRange(0, 5).Draw(t, "batch"), Mirror: [3]bool{rapid.Bool().Draw(t, "flip"), rapid.Bool().Draw(t, "flip"), rapid.Bool().Draw(t, "flip")}}
		image := noise(voxels(p.Dims) * channels)
		got, next := []float32{}, 0
		err := p.Run(context.Background(), o, channels, channels, Array(image, p.Dims, p.Patch, channels), identity, func(from, to int, values []float32) error {
			if from != next || to <= from || len(values) != (to-from)*p.Dims[1]*p.Dims[2]*channels || to-from > p.Patch[0] {
				t.Fatalf("planes %d to %d with %d values after %d", from, to, len(values), next)
			}
			next = to
			got = append(got, values...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, image) {
			t.Fatal("another image")
		}
	})
}

func identity(_ context.Context, _ int, patches, predictions []float32) error {
	copy(predictions, patches)
	return nil
}

// TestWeightedMean compares the running mean with sums over the whole image in float64.
func TestWeightedMean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		const channels = 2
		weights := Weights(p.Patch)
		sum, total := make([]float64, voxels(p.Dims)*channels), make([]float64, voxels(p.Dims))
		var got []float32
		a := NewAccumulator(p, channels, func(_, _ int, values []float32) error {
			got = append(got, values...)
			return nil
		})
		rng := rand.New(rand.NewPCG(3, 3))
		for i := range p.Tiles() {
			prediction, from := make([]float32, len(weights)*channels), p.From(i)
			for j := range prediction {
				prediction[j] = float32(rng.NormFloat64())
			}
			for j, w := range weights {
				at := [3]int{from[0] + j/(p.Patch[1]*p.Patch[2]), from[1] + j/p.Patch[2]%p.Patch[1], from[2] + j%p.Patch[2]}
				if at[0] < 0 || at[1] < 0 || at[2] < 0 || at[0] >= p.Dims[0] || at[1] >= p.Dims[1] || at[2] >= p.Dims[2] {
					continue
				}
				v := (at[0]*p.Dims[1]+at[1])*p.Dims[2] + at[2]
				total[v] += float64(w)
				for c := range channels {
					sum[v*channels+c] += float64(w) * float64(prediction[j*channels+c])
				}
			}
			if err := a.Add(prediction); err != nil {
				t.Fatal(err)
			}
		}
		for i, v := range got {
			if total[i/channels] <= 0 {
				t.Fatalf("voxel %d has no weight", i/channels)
			}
			if want := sum[i] / total[i/channels]; math.Abs(float64(v)-want) > 1e-5 { // a few hundred roundings of values about 1
				t.Fatalf("value %d is %g in place of %g", i, v, want)
			}
		}
		if len(got) != len(sum) {
			t.Fatalf("%d values in place of %d", len(got), len(sum))
		}
	})
}

// TestMirror: a predictor that only sees what is first along the width gives the mean of both sides.
func TestMirror(t *testing.T) {
	p := mustPlan(t, [3]int{1, 1, 4}, [3]int{1, 1, 4}, .5)
	first := func(_ context.Context, n int, in, out []float32) error {
		for i := range n {
			out[4*i], out[4*i+1], out[4*i+2], out[4*i+3] = in[4*i], 0, 0, 0
		}
		return nil
	}
	err := p.Run(context.Background(), Options{Mirror: [3]bool{false, false, true}}, 1, 1, Array([]float32{2, 4, 6, 8}, p.Dims, p.Patch, 1), first, func(_, _ int, v []float32) error {
		if want := []float32{1, 0, 0, 4}; !slices.Equal(v, want) {
			t.Errorf("%v in place of %v", v, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSameBytesOnAnyNumberOfThreads(t *testing.T) {
	p := mustPlan(t, [3]int{20, 15, 13}, [3]int{8, 8, 8}, .5)
	image := noise(voxels(p.Dims))
	run := func(threads int) (out []float32) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
		wavy := func(_ context.Context, _ int, in, out []float32) error {
			for i, v := range in {
				out[i] = v * float32(math.Sin(float64(i)))
			}
			return nil
		}
		if err := p.Run(context.Background(), Options{}, 1, 1, Array(image, p.Dims, p.Patch, 1), wavy, func(_, _ int, v []float32) error {
			out = append(out, v...)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if !slices.Equal(run(1), run(8)) {
		t.Error("results depend on the number of threads")
	}
}

// TestMemoryDoesNotGrowWithDepth measures what Run allocates.
func TestMemoryDoesNotGrowWithDepth(t *testing.T) {
	for _, depth := range []int{16, 400} {
		p := mustPlan(t, [3]int{depth, 40, 40}, [3]int{16, 16, 16}, .5)
		source := func(_ [3]int, dst []float32) error { clear(dst); return nil }
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := p.Run(context.Background(), Options{Batch: 2}, 1, 3, source, func(context.Context, int, []float32, []float32) error { return nil }, func(int, int, []float32) error { return nil }); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		got, bound := int64(after.TotalAlloc-before.TotalAlloc), p.Memory(1, 3, 2)
		// Closures of the loops come on top, a few dozen bytes for each patch.
		if slack := int64(1<<16 + 256*p.Tiles()); got > bound+slack {
			t.Errorf("depth %d: %d bytes, more than %d", depth, got, bound)
		}
		if want := mustPlan(t, [3]int{17, 40, 40}, [3]int{16, 16, 16}, .5).Memory(1, 3, 2); bound != want {
			t.Errorf("depth %d: a bound of %d in place of %d", depth, bound, want)
		}
	}
}

func TestRunStops(t *testing.T) {
	p := mustPlan(t, [3]int{40, 8, 8}, [3]int{8, 8, 8}, .5)
	source, none := Array(noise(40*64), p.Dims, p.Patch, 1), func(int, int, []float32) error { return nil }
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	err := p.Run(ctx, Options{}, 1, 1, source, func(context.Context, int, []float32, []float32) error {
		if calls++; calls == 2 {
			cancel()
		}
		return nil
	}, none)
	if !errors.Is(err, context.Canceled) || calls != 2 {
		t.Errorf("after %d calls: %v", calls, err)
	}
	broken := errors.New("broken")
	if err := p.Run(context.Background(), Options{}, 1, 1, source, identity, func(int, int, []float32) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("emit: %v", err)
	}
	if err := p.Run(context.Background(), Options{}, 1, 1, func([3]int, []float32) error { return broken }, identity, none); !errors.Is(err, broken) {
		t.Errorf("source: %v", err)
	}
	if err := p.Run(context.Background(), Options{}, 1, 1, source, func(context.Context, int, []float32, []float32) error { return broken }, none); !errors.Is(err, broken) {
		t.Errorf("predict: %v", err)
	}
	for _, bad := range []struct {
		dims, patch [3]int
		overlap     float64
	}{{[3]int{0, 1, 1}, [3]int{1, 1, 1}, .5}, {[3]int{1, 1, 1}, [3]int{1, -1, 1}, .5}, {[3]int{1, 1, 1}, [3]int{1, 1, 1}, 1}, {[3]int{1, 1, 1}, [3]int{1, 1, 1}, math.NaN()}} {
		if _, err := NewPlan(bad.dims, bad.patch, bad.overlap); fault.KindOf(err) != fault.Usage {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// TestNotANumberStays: what a predictor makes of one patch doesn't leave it.
func TestNotANumberStays(t *testing.T) {
	p := mustPlan(t, [3]int{24, 1, 1}, [3]int{8, 1, 1}, .5)
	var got []float32
	a := NewAccumulator(p, 1, func(_, _ int, v []float32) error { got = append(got, v...); return nil })
	for i := range p.Tiles() {
		v := float32(1)
		if i == 0 {
			v = float32(math.NaN())
		}
		if err := a.Add(slices.Repeat([]float32{v}, 8)); err != nil {
			t.Fatal(err)
		}
	}
	for i, v := range got {
		if math.IsNaN(float64(v)) != (i < 8) {
			t.Errorf("plane %d: %v", i, v)
		}
	}
}

// sampling is a case of two classes and an empty one of a small image.
func sampling() []Case {
	labels := make([]uint8, 10*12*14)
	for i := range 40 {
		labels[i+300] = 1
	}
	labels[9*12*14+11*14+13] = 2
	labels[0] = 255
	return []Case{{[3]int{10, 12, 14}, Locate(labels, 255, 0, 1)}, {[3]int{3, 12, 2}, nil}}
}

func TestLocate(t *testing.T) {
	c := sampling()[0].Classes
	if len(c) != 2 || c[0].Label != 1 || len(c[0].Voxels) != 40 || c[0].Voxels[39] != 339 || !reflect.DeepEqual(c[1], Class{2, []int{1679}}) {
		t.Errorf("%v", c)
	}
	many := slices.Repeat([]uint16{1, 2}, 5000)
	a, b, other := Locate(many, 0, 100, 7), Locate(many, 0, 100, 7), Locate(many, 0, 100, 8)
	if len(a[0].Voxels) != 100 || !slices.IsSorted(a[1].Voxels) || !reflect.DeepEqual(a, b) || reflect.DeepEqual(a, other) {
		t.Error("the draw is not the seed's")
	}
	late := 0
	for _, v := range a[0].Voxels {
		if many[v] != 1 {
			t.Fatal("a voxel of another label")
		}
		if v >= 5000 {
			late++
		}
	}
	if late < 30 || late > 70 { // 4 standard errors
		t.Errorf("%d of 100 voxels from the second half", late)
	}
}

func TestSampler(t *testing.T) {
	cases := sampling()
	s := Sampler{Patch: [3]int{4, 6, 5}, Batch: 2, Foreground: .33}
	count := map[string]int{}
	for i := range 4000 {
		p := s.Pick(5, i, cases)
		if q := s.Pick(5, i, cases); p != q {
			t.Fatal("the same index gives two patches")
		}
		c := cases[p.Case]
		for axis, n := range c.Dims {
			if n >= s.Patch[axis] && (p.From[axis] < 0 || p.From[axis]+s.Patch[axis] > n) || n < s.Patch[axis] && (p.From[axis] > 0 || p.From[axis]+s.Patch[axis] < n) {
				t.Fatalf("image %v: patch at %v", c.Dims, p.From)
			}
		}
		if forced := i%2 == 1 && p.Case == 0; p.Forced != forced {
			t.Fatalf("patch %d: forced %v", i, p.Forced)
		}
		count[fmt.Sprint(p.Case, p.Label)]++
		if !p.Forced {
			continue
		}
		holds := slices.ContainsFunc(c.Classes[p.Label-1].Voxels, func(v int) bool {
			at := [3]int{v / 168, v / 14 % 12, v % 14}
			for axis := range 3 {
				if at[axis] < p.From[axis] || at[axis] >= p.From[axis]+s.Patch[axis] {
					return false
				}
			}
			return true
		})
		if !holds {
			t.Fatalf("patch at %v holds no label %d", p.From, p.Label)
		}
	}
	for key, want := range map[string]int{"0 0": 1000, "0 1": 500, "0 2": 500, "1 0": 2000} {
		if d := count[key] - want; d > 130 || d < -130 { // 4 standard errors of the largest
			t.Errorf("case and label %s: %d times in place of %d", key, count[key], want)
		}
	}
	if err := (Sampler{Patch: [3]int{1, 1, 1}, Foreground: 2}).Check(); fault.KindOf(err) != fault.Usage {
		t.Errorf("%v", err)
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}

func TestCutPads(t *testing.T) {
	image := []uint8{1, 2, 3, 4, 5, 6}
	dst := make([]uint8, 16)
	Cut(dst, [3]int{0, -1, -1}, [3]int{1, 4, 4}, image, [3]int{1, 2, 3}, 1, 9)
	if want := []uint8{9, 9, 9, 9, 9, 1, 2, 3, 9, 4, 5, 6, 9, 9, 9, 9}; !slices.Equal(dst, want) {
		t.Errorf("%v in place of %v", dst, want)
	}
	for _, from := range [][3]int{{0, 0, 3}, {0, 0, -9}, {5, 0, 0}, {0, 0, 30}} {
		Cut(dst, from, [3]int{1, 4, 4}, image, [3]int{1, 2, 3}, 1, 9)
		if !slices.Equal(dst, slices.Repeat([]uint8{9}, 16)) {
			t.Errorf("outside at %v: %v", from, dst)
		}
	}
}

func benchmarkAdd(b *testing.B, dims, patch [3]int, channels int) {
	p := mustPlan(b, dims, patch, Overlap)
	prediction := noise(voxels(patch) * channels)
	b.SetBytes(int64(4 * len(prediction)))
	none := func(int, int, []float32) error { return nil }
	a := NewAccumulator(p, channels, none)
	for b.Loop() {
		if a.next == p.Tiles() {
			a.next, a.first = 0, 0
		}
		if err := a.Add(prediction); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAdd2D(b *testing.B) { benchmarkAdd(b, [3]int{1, 512, 512}, [3]int{1, 128, 128}, 3) }
func BenchmarkAdd3D(b *testing.B) { benchmarkAdd(b, [3]int{288, 192, 192}, [3]int{96, 96, 96}, 3) }
