package saliency

import (
	"context"
	"encoding/json"
	"hash/crc32"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	_ "galen.dev/engine"
	"galen.dev/fault"
	"galen.dev/nn"
	"galen.dev/volume"
)

// noise are the numbers that testdata/peer.py makes from a name.
func noise(n int, name string) []float32 {
	k := float64(crc32.ChecksumIEEE([]byte(name)) % 1000)
	out := make([]float32, n)
	for i := range out {
		x := math.Sin(12.9898*float64(i)+78.233*k+1) * 43758.5453
		out[i] = float32(float64(float32(x-math.Floor(x)))*2 - 1)
	}
	return out
}

func formula(t testing.TB, net *nn.Net, dims []int) *nn.Weights {
	t.Helper()
	specs, err := nn.Specs(net, nn.Float32s(append([]int{1}, dims...)...))
	if err != nil {
		t.Fatal(err)
	}
	var tensors []*nn.Tensor
	for _, s := range specs {
		n, fan := 1, 1
		for i, d := range s.Dims {
			n *= d
			if i < len(s.Dims)-1 {
				fan *= d
			}
		}
		v := noise(n, s.Name)
		for i, x := range v {
			switch {
			case strings.HasSuffix(s.Name, "running_var"):
				v[i] = 1 + x/2
			case strings.HasSuffix(s.Name, "weight") && len(s.Dims) == 1:
				v[i] = 1 + x/4
			case strings.HasSuffix(s.Name, "weight"):
				v[i] = float32(float64(x) * math.Sqrt(6/float64(fan)))
			default:
				v[i] = x / 8
			}
		}
		tensors = append(tensors, &nn.Tensor{Name: s.Name, Dims: s.Dims, Data: v, Trained: s.Trained})
	}
	w, err := nn.NewWeights(tensors...)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// solid is a small network for volumes that ends as ResNets do.
func solid() *nn.Net {
	return &nn.Net{Name: "solid", Inputs: []nn.Input{{Name: "x", DType: dtypes.Float32, Dims: make([]int, 5)}}, Forward: func(s *nn.Scope, in ...*nn.Node) []*nn.Node {
		x := nn.MaxPool(nn.ReLU(s.In("conv1").Conv(in[0], 4, []int{3}, nn.Conv{Padding: nn.Pad(1)})), nn.Pool{})
		x = s.Features(nn.ReLU(s.In("conv2").Conv(x, 6, []int{3}, nn.Conv{Padding: nn.Pad(1)})))
		return []*nn.Node{s.In("fc").Dense(nn.GlobalAveragePool(x), 2, nn.Dense{})}
	}}
}

func named(t testing.TB, name string) *nn.Net {
	t.Helper()
	if name == "solid" {
		return solid()
	}
	config := map[string]string{"basic-cnn": `{"out": 3}`, "resnet18": `{"out": 3, "width": 4}`}[name]
	net, err := nn.Named(name, []byte(config))
	if err != nil {
		t.Fatal(err)
	}
	return net
}

func model(t testing.TB, net *nn.Net, dims []int, head Head) *Model {
	t.Helper()
	b, err := nn.Backend("cpu")
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewModel(b, net, formula(t, net, dims), head)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

func picture(dims []int) Image { return Image{dims, noise(product(dims), "image")} }

// near compares by the largest difference over the largest value. Galen computes in float32 and Captum ran in double
// precision: 1e-4 leaves room for the sums of the deepest network.
func near(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	top, worst := 0.0, 0.0
	for i, w := range want {
		top, worst = max(top, math.Abs(w)), max(worst, math.Abs(w-float64(got[i])))
	}
	if top == 0 || worst > 1e-4*top {
		t.Errorf("%s: off by %.3g of %.3g", what, worst, top)
	}
}

func TestAgainstCaptum(t *testing.T) {
	var peer struct {
		Nets []struct {
			Name          string
			Dims          []int
			Logits        []float64
			Patch, Stride []int
			Classes       []struct {
				Class                       int
				GradCAM, IG, Occlusion, CAM []float64
				Delta                       float64
			}
		}
	}
	b, err := os.ReadFile("testdata/peer.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &peer); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for _, c := range peer.Nets {
		t.Run(c.Name, func(t *testing.T) {
			m := model(t, named(t, c.Name), c.Dims, Softmax)
			x := picture(c.Dims)
			y, err := m.logits(ctx, x)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "logits", y, c.Logits)
			zero := make([]float32, c.Dims[len(c.Dims)-1])
			for _, k := range c.Classes {
				o := Options{NoFaith: true, Gradient: GradientOptions{Baseline: zero, Tolerance: 10}, Occlusion: OcclusionOptions{Patch: c.Patch, Stride: c.Stride, Fill: zero}}
				get := func(method Method) *Map {
					mp, err := m.Explain(ctx, x, k.Class, method, o)
					if err != nil {
						t.Fatal(err)
					}
					return mp
				}
				near(t, "Grad-CAM", get(GradCAM).Values, k.GradCAM)
				near(t, "occlusion", get(Occlusion).Values, k.Occlusion)
				ig := get(IntegratedGradients)
				near(t, "integrated gradients", ig.Values, k.IG)
				if got, want := *ig.Residual*math.Abs(ig.Logit-ig.Baseline), math.Abs(k.Delta); math.Abs(got-want) > 1e-4 {
					t.Errorf("residual %g, Captum's %g", got, want)
				}
				if k.CAM == nil {
					if _, err := m.Explain(ctx, x, k.Class, CAM, o); fault.KindOf(err) != fault.Usage || fault.HintOf(err) == "" {
						t.Errorf("a class activation map of two dense layers: %v", err)
					}
					continue
				}
				cam := get(CAM)
				near(t, "CAM", cam.Values, k.CAM)
				if *cam.Residual > 1e-3 {
					t.Errorf("the map sums to %g, not to %g", cam.sum(), cam.Logit-cam.Baseline)
				}
			}
		})
	}
}

// A model that looks at one corner is explained by that corner, and the measurement says so. Grad-CAM, which takes the
// mean of gradients over all places, misses it in such a model; the measurement has to say that as well.
func TestPlantedCorner(t *testing.T) {
	for _, dims := range [][]int{{16, 16, 1}, {8, 8, 8, 1}} {
		net := corner(len(dims) - 1)
		m := model(t, net, dims, Sigmoid)
		x := Image{dims, make([]float32, product(dims))}
		for i := range x.Values {
			x.Values[i] = 1 + .3*float32(math.Sin(float64(7*i)))
		}
		ctx := context.Background()
		zero := []float32{0}
		for _, method := range []Method{GradCAM, IntegratedGradients, Occlusion} {
			mp, err := m.Explain(ctx, x, 1, method, Options{Gradient: GradientOptions{Baseline: zero}, Occlusion: OcclusionOptions{Fill: zero}, Faith: FaithOptions{Fill: zero}})
			if err != nil {
				t.Fatal(err)
			}
			f := mp.Faith
			if method == GradCAM {
				if len(dims) == 3 && f.BetterDeletion > .9 {
					t.Errorf("Grad-CAM is found faithful where it cannot be: %g better", f.BetterDeletion)
				}
				continue
			}
			inside, outside := 0.0, 0.0
			for i, v := range mp.Values {
				if inCorner(dims, i) {
					inside += math.Abs(float64(v))
				} else {
					outside += math.Abs(float64(v))
				}
			}
			if inside < 2*outside {
				t.Errorf("%v: %s puts %.3g into the corner and %.3g beside it", dims, method, inside, outside)
			}
			// One cell of 64 is the corner of the volume: a random order may meet it as soon.
			if f.Deletion >= f.RandomDeletion || f.Insertion <= f.RandomInsertion || f.BetterDeletion < .9 || f.BetterInsertion < .9 {
				t.Errorf("%v: %s is not found faithful: better than %g and %g", dims, method, f.BetterDeletion, f.BetterInsertion)
			}
			// The reverse of a good map is worse than chance.
			reverse := *mp
			reverse.Values = slices.Clone(mp.Values)
			for i := range reverse.Values {
				reverse.Values[i] *= -1
			}
			if err := m.Faith(ctx, x, &reverse, FaithOptions{Fill: zero}); err != nil {
				t.Fatal(err)
			}
			if r := reverse.Faith; r.Deletion <= r.RandomDeletion || r.BetterInsertion > .1 {
				t.Errorf("%v: the reverse of %s is found faithful: better than %g and %g", dims, method, r.BetterDeletion, r.BetterInsertion)
			}
		}
	}
}

// corner gives the mean over the first quarter of each axis, times a weight.
func corner(axes int) *nn.Net {
	return &nn.Net{Name: "corner", Inputs: []nn.Input{{Name: "x", DType: dtypes.Float32, Dims: make([]int, axes+2)}}, Forward: func(s *nn.Scope, in ...*nn.Node) []*nn.Node {
		x := s.Features(nn.AveragePool(in[0], nn.Pool{}))
		spec := make([]graph.SliceAxisSpec, x.Rank())
		for a := range spec {
			spec[a] = graph.AxisRange()
			if a > 0 && a < x.Rank()-1 {
				spec[a] = graph.AxisRange(0, x.Shape().Dimensions[a]/4)
			}
		}
		mean := nn.GlobalAveragePool(graph.Slice(x, spec...))
		return []*nn.Node{graph.Add(graph.MulScalar(mean, 4), graph.AddScalar(s.Weight("bias", nn.Zeros, 1, 1), -1))}
	}}
}

func inCorner(dims []int, i int) bool {
	for a := len(dims) - 2; a >= 0; a-- {
		if i%dims[a] >= dims[a]/4 {
			return false
		}
		i /= dims[a]
	}
	return true
}

func TestProbabilities(t *testing.T) {
	dims := []int{12, 10, 2}
	ctx := context.Background()
	x := picture(dims)
	p, err := model(t, named(t, "basic-cnn"), dims, Softmax).Probabilities(ctx, x)
	if err != nil {
		t.Fatal(err)
	}
	if s := p[0] + p[1] + p[2]; len(p) != 3 || math.Abs(s-1) > 1e-9 {
		t.Errorf("probabilities %v", p)
	}
	p, err = model(t, named(t, "basic-cnn"), dims, Sigmoid).Probabilities(ctx, x)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range p {
		if v <= 0 || v >= 1 {
			t.Errorf("probabilities %v", p)
		}
	}
}

// With one output, what speaks for class 1 speaks against class 0.
func TestOneOutput(t *testing.T) {
	dims := []int{8, 8, 1}
	m := model(t, corner(2), dims, Sigmoid)
	ctx := context.Background()
	x := picture(dims)
	p, err := m.Probabilities(ctx, x)
	if err != nil || len(p) != 2 || math.Abs(p[0]+p[1]-1) > 1e-12 {
		t.Fatalf("probabilities %v, %v", p, err)
	}
	var maps [2]*Map
	for k := range maps {
		if maps[k], err = m.Explain(ctx, x, k, IntegratedGradients, Options{NoFaith: true}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range maps[0].Values {
		if maps[0].Values[i] != -maps[1].Values[i] {
			t.Fatalf("voxel %d: %g for one class and %g for the other", i, maps[0].Values[i], maps[1].Values[i])
		}
	}
}

func TestDeterminism(t *testing.T) {
	dims := []int{12, 10, 2}
	m := model(t, named(t, "basic-cnn"), dims, Softmax)
	var first []byte
	for range 2 {
		for _, method := range []Method{GradCAM, IntegratedGradients, Occlusion} {
			mp, err := m.Explain(context.Background(), picture(dims), 1, method, Options{Faith: FaithOptions{Seed: 3}})
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal([]any{mp, mp.Values})
			if err != nil {
				t.Fatal(err)
			}
			if method == Occlusion {
				if first != nil && string(first) != string(b) {
					t.Error("two runs differ")
				}
				first = b
			}
		}
	}
}

func TestRefused(t *testing.T) {
	dims := []int{12, 10, 2}
	m := model(t, named(t, "basic-cnn"), dims, Softmax)
	ctx := context.Background()
	bad := picture(dims)
	bad.Values[3] = float32(math.NaN())
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	for name, c := range map[string]struct {
		ctx    context.Context
		x      Image
		class  int
		method Method
		o      Options
		kind   fault.Kind
	}{
		"class":       {ctx, picture(dims), 3, GradCAM, Options{}, fault.Usage},
		"below":       {ctx, picture(dims), -1, Occlusion, Options{}, fault.Usage},
		"rank":        {ctx, picture([]int{12, 10}), 0, GradCAM, Options{}, fault.Usage},
		"length":      {ctx, Image{dims, make([]float32, 7)}, 0, GradCAM, Options{}, fault.Usage},
		"NaN":         {ctx, bad, 0, GradCAM, Options{}, fault.Data},
		"method":      {ctx, picture(dims), 0, "gradcam", Options{}, fault.Usage},
		"patch":       {ctx, picture(dims), 0, Occlusion, Options{Occlusion: OcclusionOptions{Patch: []int{13, 3}}}, fault.Usage},
		"gaps":        {ctx, picture(dims), 0, Occlusion, Options{Occlusion: OcclusionOptions{Patch: []int{2, 2}, Stride: []int{3, 2}}}, fault.Usage},
		"fill":        {ctx, picture(dims), 0, Occlusion, Options{Occlusion: OcclusionOptions{Fill: []float32{1}}}, fault.Usage},
		"steps":       {ctx, picture(dims), 0, IntegratedGradients, Options{Gradient: GradientOptions{Steps: -1}}, fault.Usage},
		"orders":      {ctx, picture(dims), 0, GradCAM, Options{Faith: FaithOptions{Orders: 1 << 20}}, fault.Usage},
		"stopped":     {stopped, picture(dims), 0, Occlusion, Options{}, fault.Canceled},
		"no features": {ctx, picture(dims), 0, GradCAM, Options{}, fault.Usage},
	} {
		m := m
		if name == "no features" {
			own := m.net
			plain := *own
			plain.Forward = func(s *nn.Scope, in ...*nn.Node) []*nn.Node {
				return own.Forward(s.Watch(func(f *nn.Node) *nn.Node { return f }), in...)
			}
			m = model(t, &plain, dims, Softmax)
		}
		if _, err := m.Explain(c.ctx, c.x, c.class, c.method, c.o); err == nil || fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	segmenter, err := nn.UNet2D(nn.UNetOptions{Depth: 1, Base: 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := model(t, segmenter, []int{8, 8, 1}, Softmax).Explain(ctx, picture([]int{8, 8, 1}), 0, Occlusion, Options{}); fault.KindOf(err) != fault.Usage {
		t.Errorf("a segmenting network is explained: %v", err)
	}
}

// A map returns to the patient: cut out, resampled, mirrored, its peak stays in place.
func TestOn(t *testing.T) {
	ctx := context.Background()
	full := volume.Geometry{Dims: [3]int{40, 30, 20}, Affine: volume.FromColumns(volume.Vec{-1, 0, 0}, volume.Vec{0, -1, 0}, volume.Vec{0, 0, 2}, volume.Vec{20, 15, -20})}
	input := full.Boxed(volume.Box{From: [3]int{10, 6, 4}, To: [3]int{34, 26, 16}}).Resized([3]int{12, 10, 8})
	mp := &Map{Method: Occlusion, Dims: []int{8, 10, 12}, Values: make([]float32, 8*10*12)}
	mp.Values[(3*10+4)*12+5] = 1 // x 5, y 4, z 3 of the input
	v, err := mp.On(ctx, input, full)
	if err != nil {
		t.Fatal(err)
	}
	best, at := 0.0, volume.Vec{}
	for z := range 20 {
		for y := range 30 {
			for x := range 40 {
				if p := v.At(x, y, z, 0, 0); p > best {
					best, at = p, volume.Vec{float64(x), float64(y), float64(z)}
				}
			}
		}
	}
	want := input.Affine.Apply(volume.Vec{5, 4, 3})
	if d := full.Affine.Apply(at).Minus(want).Length(); best <= 0 || d > 1.5 {
		t.Errorf("the peak lies %.2f mm from its place", d)
	}
	if outside := v.At(0, 0, 0, 0, 0); outside != 0 {
		t.Errorf("outside of the input is %g", outside)
	}
	if _, err := mp.Volume(full); fault.KindOf(err) != fault.Usage {
		t.Errorf("a map on another grid: %v", err)
	}
}

func TestEnlarge(t *testing.T) {
	// torch.nn.functional.interpolate([0, 1, 3], size=6, mode="linear", align_corners=False)
	got := enlarge([]float32{0, 1, 3}, []int{3}, []int{6})
	if want := []float32{0, .25, .75, 1.5, 2.5, 3}; !slices.Equal(got, want) {
		t.Errorf("enlarged to %v, want %v", got, want)
	}
	if got := enlarge([]float32{1, 2, 3, 4}, []int{2, 2}, []int{2, 2}); !slices.Equal(got, []float32{1, 2, 3, 4}) {
		t.Errorf("the same size gives %v", got)
	}
}

func TestWindowsCover(t *testing.T) {
	for _, spatial := range [][]int{{28, 28}, {5, 7}, {1, 1}, {9, 13, 6}} {
		windows, err := OcclusionOptions{}.windows(spatial)
		if err != nil {
			t.Fatal(err)
		}
		seen := make([]int, product(spatial))
		for _, w := range windows {
			w.runs(spatial, func(from, to int) {
				for i := from; i < to; i++ {
					seen[i]++
				}
			})
		}
		if slices.Min(seen) == 0 {
			t.Errorf("%v: parts are never covered", spatial)
		}
	}
}

func TestMean(t *testing.T) {
	r := 0.0
	a := &Map{Method: IntegratedGradients, Dims: []int{1, 2}, Values: []float32{1, 3}, Logit: 4, Residual: &r}
	b := &Map{Method: IntegratedGradients, Dims: []int{1, 2}, Values: []float32{3, 5}, Logit: 8, Residual: &r}
	m, err := Mean(a, b)
	if err != nil || !slices.Equal(m.Values, []float32{2, 4}) || m.Logit != 6 || *m.Residual != 0 {
		t.Errorf("mean %+v, %v", m, err)
	}
	b.Class = 1
	if _, err := Mean(a, b); err == nil {
		t.Error("maps of two classes are averaged")
	}
}
