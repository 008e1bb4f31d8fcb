package augment

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"

	"galen.dev/fault"
	"pgregory.net/rapid"
)

func noise(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

// blobs is a label map of a few values in blocks of 3 voxels.
func blobs(dims [3]int, values []uint8) []uint8 {
	rng := rand.New(rand.NewPCG(5, 5))
	coarse := map[[3]int]uint8{}
	out := make([]uint8, 0, voxels(dims))
	for d := range dims[0] {
		for h := range dims[1] {
			for w := range dims[2] {
				k := [3]int{d / 3, h / 3, w / 3}
				if _, ok := coarse[k]; !ok {
					coarse[k] = values[rng.IntN(len(values))]
				}
				out = append(out, coarse[k])
			}
		}
	}
	return out
}

// everything switches every kind on.
func everything() Settings {
	on := func(low, high float64) Intensity {
		return Intensity{Probability: 1, PerChannel: .7, Range: Range{low, high}}
	}
	return Settings{
		Flip:     [3]float64{.5, .5, .5},
		Rotation: Rotation{Probability: 1, Degrees: [3]Range{{-40, 40}, {-20, 20}, {-20, 20}}},
		Scale:    Scale{Probability: 1, Factor: Range{.8, 1.2}, PerAxis: true},
		Shift:    Shift{Probability: 1, Fraction: [3]float64{.1, .1, .1}},
		Elastic:  Elastic{Probability: 1, Spacing: [3]float64{6, 6, 6}, Magnitude: Range{1, 2}},
		Noise:    on(0, .1), Blur: on(.5, 1), Multiply: on(.8, 1.2), Add: on(-.1, .1), Contrast: on(.8, 1.2),
		LowResolution: on(.5, 1), Gamma: on(.7, 1.5), InvertedGamma: on(.7, 1.5),
	}
}

var shapes = [][]int{{15, 18, 1}, {16, 9, 3}, {9, 12, 10, 1}, {5, 8, 7, 2}}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func TestZeroSettingsChangeNothing(t *testing.T) {
	for _, shape := range shapes {
		dims, _ := grid(shape)
		image, labels := noise(size(shape), 3), blobs(dims, []uint8{0, 7, 200})
		p := Draw(9, Settings{}, shape)
		gotImage, gotLabels := Apply(p, image, labels)
		if !slices.Equal(gotImage, image) || !slices.Equal(gotLabels, labels) {
			t.Errorf("shape %v: changed", shape)
		}
		if &gotImage[0] == &image[0] || &gotLabels[0] == &labels[0] {
			t.Error("the result is the input's memory")
		}
	}
}

// TestLabelsKeepTheirValues: no movement makes a label that was not there, whatever the border; under Zero,
// label 0 comes in.
func TestLabelsKeepTheirValues(t *testing.T) {
	values := []uint8{3, 90, 91, 255}
	for seed := range uint64(40) {
		s := everything()
		s.Border = []Border{Edge, Mirror, Zero}[seed%3]
		s.NearestLabels = seed%2 == 1
		shape := shapes[seed%4]
		dims, _ := grid(shape)
		for i, l := range ApplyLabels(Draw(seed, s, shape), blobs(dims, values)) {
			if !slices.Contains(values, l) && (s.Border != Zero || l != 0) {
				t.Fatalf("seed %d: label %d at %d", seed, l, i)
			}
		}
	}
}

func TestSameBytesOnAnyNumberOfThreads(t *testing.T) {
	shape := []int{9, 12, 10, 2}
	dims, _ := grid(shape)
	image, labels := noise(size(shape), 4), blobs(dims, []uint8{0, 1, 2})
	before, beforeLabels := slices.Clone(image), slices.Clone(labels)
	run := func(threads int) ([16][]float32, [16][]uint8) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
		var a [16][]float32
		var b [16][]uint8
		var wg sync.WaitGroup
		for i := range a {
			wg.Go(func() { a[i], b[i] = Apply(Draw(uint64(i), everything(), shape), image, labels) })
		}
		wg.Wait()
		return a, b
	}
	a1, b1 := run(1)
	a8, b8 := run(8)
	if !reflect.DeepEqual(a1, a8) || !reflect.DeepEqual(b1, b8) {
		t.Error("results depend on the number of threads")
	}
	if slices.Equal(a1[0], a1[1]) {
		t.Error("two seeds gave the same image")
	}
	if !slices.Equal(image, before) || !slices.Equal(labels, beforeLabels) {
		t.Error("the inputs were changed")
	}
}

func TestParametersSurviveJSON(t *testing.T) {
	for _, shape := range shapes {
		p := Draw(1<<63+12345, everything(), shape)
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var q Parameters
		if err := json.Unmarshal(b, &q); err != nil {
			t.Fatal(err)
		}
		if err := q.Check(); err != nil {
			t.Error(err)
		}
		if !reflect.DeepEqual(p, q) {
			t.Errorf("shape %v: another after JSON", shape)
		}
	}
}

// TestMirrorsAndQuartersComeBack: test-time augmentation is undone to the bit.
func TestMirrorsAndQuartersComeBack(t *testing.T) {
	for _, from := range [][3]int{{1, 5, 8}, {1, 6, 6}, {4, 5, 6}} {
		image, labels := noise(voxels(from)*2, 8), blobs(from, []uint8{1, 2, 9})
		all := append(Mirrors(from), Quarters(from)...)
		for i, p := range all {
			inv, err := Inverse(p)
			if err != nil {
				t.Fatal(err)
			}
			moved, movedLabels := Apply(p, image, labels)
			back, backLabels := Apply(inv, moved, movedLabels)
			if !slices.Equal(back, image) || !slices.Equal(backLabels, labels) {
				t.Errorf("grid %v: movement %d does not come back", from, i)
			}
			for j, q := range all[:i] {
				if other := ApplyImage(q, image); q.Matrix != p.Matrix && slices.Equal(other, moved) {
					t.Errorf("grid %v: movements %d and %d are the same", from, i, j)
				}
			}
		}
	}
	if n := len(Mirrors([3]int{4, 5, 6})); n != 8 {
		t.Errorf("%d mirrors in space", n)
	}
	if n := len(Mirrors([3]int{1, 5, 6})); n != 4 {
		t.Errorf("%d mirrors in the plane", n)
	}
}

func TestQuarterTurnsTheExpectedWay(t *testing.T) {
	// 1 2 3      From the result's first row: column 0 read upwards or column 2 downwards; as M says,
	// 4 5 6      source = M(o-c)+c' with M = (0 -1; 1 0): height' = -width, width' = height.
	got := ApplyImage(Quarters([3]int{1, 2, 3})[1], []float32{1, 2, 3, 4, 5, 6})
	if want := []float32{4, 1, 5, 2, 6, 3}; !slices.Equal(got, want) {
		t.Errorf("%v in place of %v", got, want)
	}
}

// TestInverseOfAffine: a smooth image comes back within the blur of two linear interpolations.
func TestInverseOfAffine(t *testing.T) {
	from := [3]int{1, 40, 44}
	image := make([]float32, voxels(from))
	for i := range image {
		h, w := i/44, i%44
		image[i] = float32(math.Sin(float64(h)/7) + math.Cos(float64(w)/6))
	}
	s := Settings{Rotation: Rotation{Probability: 1, Degrees: [3]Range{{-30, 30}}}, Scale: Scale{Probability: 1, Factor: Range{.9, 1.1}}, Shift: Shift{Probability: 1, Fraction: [3]float64{0, .05, .05}}}
	for seed := range uint64(10) {
		p := Draw(seed, s, []int{40, 44, 1})
		inv, err := Inverse(p)
		if err != nil {
			t.Fatal(err)
		}
		back := ApplyImage(inv, ApplyImage(p, image))
		for h := 15; h < 25; h++ {
			for w := 17; w < 27; w++ {
				if d := math.Abs(float64(back[h*44+w] - image[h*44+w])); d > .02 {
					t.Fatalf("seed %d: %g away", seed, d)
				}
			}
		}
	}
	if _, err := Inverse(Draw(1, everything(), []int{40, 44, 1})); fault.KindOf(err) != fault.Usage {
		t.Errorf("inverse of an elastic movement: %v", err)
	}
	if _, err := Inverse(Parameters{From: from, Matrix: [3][3]float64{{1, 0, 0}, {0, 1, 1}, {0, 1, 1}}}); fault.KindOf(err) != fault.Usage {
		t.Errorf("inverse of a flattening: %v", err)
	}
}

// TestExactIsResampling: the shortcut of exact maps and the resampling agree to the bit.
func TestExactIsResampling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := [3]int{rapid.IntRange(1, 4).Draw(t, "d"), rapid.IntRange(2, 6).Draw(t, "h"), rapid.IntRange(2, 6).Draw(t, "w")}
		p := Parameters{From: from, Matrix: turn(0, float64(rapid.IntRange(0, 3).Draw(t, "quarters")*90)), Border: rapid.SampledFrom([]Border{Zero, Edge, Mirror}).Draw(t, "border")}
		p.To = [3]int{rapid.IntRange(1, 5).Draw(t, "to d"), rapid.IntRange(1, 7).Draw(t, "to h"), rapid.IntRange(1, 7).Draw(t, "to w")}
		p.Shift = [3]float64{float64(rapid.IntRange(-6, 6).Draw(t, "s")) / 2, float64(rapid.IntRange(-6, 6).Draw(t, "s")) / 2, float64(rapid.IntRange(-6, 6).Draw(t, "s")) / 2}
		image, labels := noise(voxels(from), 2), blobs(from, []uint8{4, 5})
		fast, fastLabels := Apply(p, image, labels)
		p.Elastic = &Grid{Points: [3]int{1, 1, 1}, Displacement: make([]float32, 3)} // no displacement, but no shortcut
		slow, slowLabels := Apply(p, image, labels)
		if !slices.Equal(fast, slow) || !slices.Equal(fastLabels, slowLabels) {
			t.Fatal("the shortcut gives another image")
		}
	})
}

// TestElasticDoesNotFold: along every axis, positions keep their order.
func TestElasticDoesNotFold(t *testing.T) {
	s := Settings{Elastic: Elastic{Probability: 1, Spacing: [3]float64{8, 8, 8}, Magnitude: Range{50, 50}}}
	for seed := range uint64(20) {
		smp := newSampler(Draw(seed, s, []int{33, 41, 1}))
		smp.rows(func(row int) {
			for w := 1; w < 41; w++ {
				if smp.read[2][w] <= smp.read[2][w-1] {
					t.Fatalf("seed %d folds at voxel %d", seed, row+w)
				}
			}
		})
		smp.free()
	}
}

func TestCrop(t *testing.T) {
	image := make([]float32, 7*9)
	for i := range image {
		image[i] = float32(i)
	}
	starts := map[float32]bool{}
	for seed := range uint64(300) {
		out := ApplyImage(Draw(seed, Settings{Size: [3]int{0, 5, 4}, RandomCrop: true}, []int{7, 9, 1}), image)
		if len(out) != 20 || out[3] != out[0]+3 || out[4] != out[0]+9 {
			t.Fatalf("seed %d: %v", seed, out)
		}
		starts[out[0]] = true
	}
	if len(starts) != 3*6 {
		t.Errorf("%d places in place of 18", len(starts))
	}
	if out := ApplyImage(Draw(1, Settings{Size: [3]int{0, 5, 5}}, []int{7, 9, 1}), image); out[0] != 9+2 {
		t.Errorf("the middle starts at %v", out[0])
	}
	if out := ApplyImage(Draw(1, Settings{Size: [3]int{0, 9, 9}}, []int{7, 9, 1}), image); out[0] != 0 || out[9] != 0 || out[10] != 1 {
		t.Errorf("padding: %v", out[:20])
	}
}

func TestNoiseAndRetainedMoments(t *testing.T) {
	const n = 40000
	image := noise(n, 6)
	c := channel{image, 1}
	mean, sd := c.moments()
	for _, k := range []Kind{Gamma, InvertedGamma} {
		m, s := channel{ApplyImage(Parameters{From: [3]int{1, 200, 200}, Steps: []Step{{Kind: k, Amount: 1.4}}}, image), 1}.moments()
		if math.Abs(m-mean) > 1e-6 || math.Abs(s-sd) > 1e-6 {
			t.Errorf("%s: mean %g, deviation %g in place of %g, %g", k, m, s, mean, sd)
		}
	}
	m, s := channel{ApplyImage(Parameters{From: [3]int{1, 200, 200}, Steps: []Step{{Kind: Noise, Amount: .1, Seed: 4}}}, make([]float32, n)), 1}.moments()
	if math.Abs(m) > .002 || math.Abs(s-.1) > .002 { // 4 standard errors
		t.Errorf("noise of mean %g, deviation %g", m, s)
	}
	flat := slices.Repeat([]float32{2}, 12)
	if got := ApplyImage(Parameters{From: [3]int{1, 3, 4}, Steps: []Step{{Kind: Gamma, Amount: .7}}}, flat); !slices.Equal(got, flat) {
		t.Errorf("gamma of a flat image: %v", got)
	}
}

// TestDrawsKeepTheirOdds counts how often kinds are drawn: within 4 standard errors of their probability.
func TestDrawsKeepTheirOdds(t *testing.T) {
	const n = 4000
	s := NNUNet2D([2]int{64, 64})
	count := map[Kind]float64{}
	moved, below := 0., 0.
	for seed := range uint64(n) {
		p := Draw(seed, s, []int{64, 64, 1})
		for _, step := range p.Steps {
			count[step.Kind]++
			if step.Kind == Gamma && step.Amount < 1 {
				below++
			}
		}
		if p.Matrix == ([3][3]float64{}) {
			moved++
		}
	}
	near := func(what string, got, p, n float64) {
		if math.Abs(got/n-p) > 4*math.Sqrt(p*(1-p)/n) {
			t.Errorf("%s: %g of %g in place of %g", what, got, n, p)
		}
	}
	near("noise", count[Noise], .1, n)
	near("blur", count[Blur], .1, n)
	near("multiply", count[Multiply], .15, n)
	near("low resolution", count[LowResolution], .125, n)
	near("gamma", count[Gamma], .3, n)
	near("gamma below 1", below, .5, count[Gamma])
	near("unmoved", moved, .8*.8*.25, n)
}

func TestPresets(t *testing.T) {
	for _, s := range []Settings{{}, Light2D(), NNUNet2D([2]int{64, 128}), NNUNet3D([3]int{96, 96, 96}), everything()} {
		if err := s.Check(); err != nil {
			t.Error(err)
		}
	}
	if r := NNUNet2D([2]int{64, 128}).Rotation.Degrees[0]; r != (Range{-15, 15}) {
		t.Errorf("a long patch turns by %v", r)
	}
	s := NNUNet3D([3]int{16, 128, 128})
	for seed := range uint64(50) {
		if p := Draw(seed, s, []int{16, 128, 128, 1}); p.Matrix != ([3][3]float64{}) && math.Abs(p.Matrix[0][0]) != 1 {
			t.Fatalf("a flat patch leaves its plane: %v", p.Matrix)
		}
	}
}

func TestBadSettings(t *testing.T) {
	s := Settings{Border: "wrap", Flip: [3]float64{0, 2, math.NaN()}, Gamma: Intensity{Probability: 1, Range: Range{2, 1}}, Elastic: Elastic{Spacing: [3]float64{1, 0, 0}}}
	err := s.Check()
	if fault.KindOf(err) != fault.Usage || len(fault.FindingsOf(err)) != 5 {
		t.Errorf("%v", err)
	}
	p := Parameters{From: [3]int{1, 2, 2}, Shift: [3]float64{math.Inf(1)}, Elastic: &Grid{Points: [3]int{1, 2, 2}}, Steps: []Step{{Kind: "sepia"}, {Kind: Gamma, Amount: -1}}}
	if err := p.Check(); len(fault.FindingsOf(err)) != 4 {
		t.Errorf("%v", err)
	}
}

// TestHostileParameters: whatever numbers a record holds, nothing outside the slices is touched.
func TestHostileParameters(t *testing.T) {
	image, labels := noise(4*5, 1), blobs([3]int{1, 4, 5}, []uint8{1})
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1e18} {
		for _, b := range []Border{Zero, Edge, Mirror} {
			for _, nearest := range []bool{false, true} {
				Apply(Parameters{From: [3]int{1, 4, 5}, Shift: [3]float64{0, v, .5}, Border: b, NearestLabels: nearest}, image, labels)
				Apply(Parameters{From: [3]int{1, 4, 5}, Matrix: [3][3]float64{{1}, {0, v, 0}, {0, 0, v}}, Border: b, NearestLabels: nearest}, image, labels)
			}
		}
	}
}

func TestAllocatesOnlyItsResults(t *testing.T) {
	shape := []int{32, 32, 2}
	p := Draw(3, everything(), shape)
	image, labels := noise(size(shape), 1), blobs([3]int{1, 32, 32}, []uint8{0, 1})
	if n := testing.AllocsPerRun(50, func() { Apply(p, image, labels) }); n > 2 {
		t.Errorf("%g allocations in place of 2", n)
	}
}
