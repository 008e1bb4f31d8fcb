package nn

import (
	"compress/gzip"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// vector is an array of testdata/layers.json.gz.
type vector struct {
	Dims []int     `json:"dims"`
	Data []float64 `json:"data"`
	Int  bool      `json:"int"`
}

func (v vector) tensor() *tensors.Tensor {
	if !v.Int {
		return tensors.FromFlatDataAndDimensions(v.Data, v.Dims...)
	}
	ints := make([]int32, len(v.Data))
	for i, x := range v.Data {
		ints[i] = int32(x)
	}
	return tensors.FromFlatDataAndDimensions(ints, v.Dims...)
}

type layerCase struct {
	Name     string            `json:"name"`
	Inputs   []vector          `json:"inputs"`
	Weights  map[string]vector `json:"weights"`
	States   map[string]vector `json:"states"`
	Outputs  []vector          `json:"outputs"`
	DInputs  []*vector         `json:"dinputs"`
	DWeights map[string]vector `json:"dweights"`
	After    map[string]vector `json:"after"`
}

func readJSON(t testing.TB, name string, into any) {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// weigh is the sum of the outputs weighted as in testdata/layers.py.
func weigh(outputs []*Node) *Node {
	var loss *Node
	for k, o := range outputs {
		w := make([]float64, o.Shape().Size())
		for i := range w {
			w[i] = math.Cos(float64(1 + i + 10*k))
		}
		c := graph.Const(o.Graph(), tensors.FromFlatDataAndDimensions(w, len(w)))
		term := graph.ReduceAllSum(graph.Mul(graph.Reshape(o, -1), c))
		if loss == nil {
			loss = term
		} else {
			loss = graph.Add(loss, term)
		}
	}
	return loss
}

// layersOf says how each case of testdata/layers.py is written with this package.
var layersOf = map[string]func(s *Scope, in []*Node) []*Node{
	"dense":                  one(func(s *Scope, x *Node) *Node { return s.Dense(x, 5, Dense{}) }),
	"dense no bias":          one(func(s *Scope, x *Node) *Node { return s.Dense(x, 2, Dense{NoBias: true}) }),
	"conv1d":                 conv(4, []int{3}, Conv{}),
	"conv1d causal dilated":  conv(2, []int{3}, Conv{Padding: Causal, Dilation: []int{2}}),
	"conv2d padded strided":  conv(3, []int{3}, Conv{Stride: []int{2}, Padding: Pad(1)}),
	"conv2d same":            conv(3, []int{2, 3}, Conv{Padding: Same}),
	"conv2d dilated":         conv(3, []int{3, 2}, Conv{Dilation: []int{2, 1}, Padding: Pad(2, 0)}),
	"conv2d strided dilated": conv(2, []int{3}, Conv{Dilation: []int{2}, Stride: []int{2}, Padding: PadEach([]int{2}, []int{2, 2}), NoBias: true}),
	"conv2d grouped":         conv(6, []int{3}, Conv{Groups: 2, Padding: Pad(1)}),
	"conv2d depthwise":       conv(3, []int{3}, Conv{Groups: 3, Stride: []int{2}}),
	"conv3d":                 conv(2, []int{3}, Conv{Stride: []int{2, 1, 1}, Padding: Pad(1)}),
	"transpose1d":            transpose(2, []int{3}, ConvTranspose{Stride: []int{2}, Padding: []int{1}, OutputPadding: []int{1}}),
	"transpose2d":            transpose(2, []int{4}, ConvTranspose{Stride: []int{2}, Padding: []int{1}}),
	"transpose2d from one":   transpose(2, []int{3}, ConvTranspose{NoBias: true}),
	"transpose2d dilated":    transpose(3, []int{2, 3}, ConvTranspose{Dilation: []int{2}, Stride: []int{1, 3}, Padding: []int{3, 1}}),
	"transpose2d grouped":    transpose(6, []int{2}, ConvTranspose{Groups: 2, Stride: []int{2}}),
	"transpose3d":            transpose(2, []int{2}, ConvTranspose{Stride: []int{2}}),

	"max pool": one(func(_ *Scope, x *Node) *Node { return MaxPool(x, Pool{}) }),
	"max pool overlapping": one(func(_ *Scope, x *Node) *Node {
		return MaxPool(x, Pool{Size: []int{3}, Stride: []int{2}, Padding: Pad(1)})
	}),
	"max pool 1d": one(func(_ *Scope, x *Node) *Node { return MaxPool(x, Pool{Stride: []int{1}}) }),
	"max pool 3d": one(func(_ *Scope, x *Node) *Node { return MaxPool(x, Pool{}) }),
	"average pool": one(func(_ *Scope, x *Node) *Node {
		return AveragePool(x, Pool{Size: []int{3}, Stride: []int{2}, Padding: Pad(1)})
	}),
	"average pool 3d": one(func(_ *Scope, x *Node) *Node { return AveragePool(x, Pool{}) }),
	"global pools":    func(_ *Scope, in []*Node) []*Node { return []*Node{GlobalAveragePool(in[0]), GlobalMaxPool(in[0])} },
	"upsample":        one(func(_ *Scope, x *Node) *Node { return Upsample(x, 2) }),

	"batch norm training":       one(func(s *Scope, x *Node) *Node { return s.BatchNorm(x, Norm{}) }),
	"batch norm inference":      one(func(s *Scope, x *Node) *Node { return s.BatchNorm(x, Norm{}) }),
	"batch norm dense training": one(func(s *Scope, x *Node) *Node { return s.BatchNorm(x, Norm{}) }),
	"instance norm":             one(func(s *Scope, x *Node) *Node { return s.InstanceNorm(x, Norm{}) }),
	"instance norm plain":       one(func(s *Scope, x *Node) *Node { return s.InstanceNorm(x, Norm{NoAffine: true}) }),
	"group norm":                one(func(s *Scope, x *Node) *Node { return s.GroupNorm(x, 2, Norm{}) }),
	"layer norm":                one(func(s *Scope, x *Node) *Node { return s.LayerNorm(x, Norm{}) }),
	"layer norm epsilon":        one(func(s *Scope, x *Node) *Node { return s.LayerNorm(x, Norm{NoAffine: true, Epsilon: 0.1}) }),

	"activation relu":       activated("relu"),
	"activation leaky-relu": activated("leaky-relu"),
	"activation elu":        activated("elu"),
	"activation gelu":       activated("gelu"),
	"activation silu":       activated("silu"),
	"activation sigmoid":    activated("sigmoid"),
	"activation tanh":       activated("tanh"),
	"activation softplus":   activated("softplus"),
	"softmax":               one(func(_ *Scope, x *Node) *Node { return Softmax(x) }),
	"embedding":             one(func(s *Scope, x *Node) *Node { return s.Embedding(x, 4, 3, Embedding{}) }),
	"embedding padding":     one(func(s *Scope, x *Node) *Node { return s.Embedding(x, 4, 3, Embedding{Padding: true}) }),

	"attention": func(s *Scope, in []*Node) []*Node {
		return []*Node{s.Attention(in[0], in[1], in[2], nil, Attention{Heads: 2})}
	},
	"attention masked": func(s *Scope, in []*Node) []*Node {
		return []*Node{s.Attention(in[0], in[1], in[2], graph.ConvertDType(in[3], dtypes.Bool), Attention{Heads: 2})}
	},
	"attention causal": func(s *Scope, in []*Node) []*Node {
		return []*Node{s.Attention(in[0], in[1], in[2], nil, Attention{Causal: true})}
	},
	"encoder post-norm": one(func(s *Scope, x *Node) *Node { return s.EncoderLayer(x, nil, EncoderLayer{Heads: 2, Hidden: 6}) }),
	"encoder pre-norm": one(func(s *Scope, x *Node) *Node {
		return s.EncoderLayer(x, nil, EncoderLayer{Heads: 2, Hidden: 6, PreNorm: true, Activation: "gelu"})
	}),
	"temporal block": one(func(s *Scope, x *Node) *Node { return s.Temporal(x, 3, 3, 2, 0) }),
	"message passing": func(s *Scope, in []*Node) []*Node {
		m := Molecules{Atoms: in[0], Bonds: in[1], From: in[2], To: in[3], Reverse: in[4], Owner: in[5], Count: 2}
		v := s.MessagePassing(m, MessagePassing{Width: 4})
		return []*Node{v, SumRows(v, m.Owner, 2), MeanRows(v, m.Owner, 2)}
	},

	"cross-entropy":            classes(CrossEntropy{}),
	"cross-entropy weights":    classes(CrossEntropy{Weights: []float64{0.5, 2, 1, 3}}),
	"cross-entropy smoothing":  classes(CrossEntropy{Smoothing: 0.1}),
	"cross-entropy everything": classes(CrossEntropy{Weights: []float64{0.5, 2, 1, 3}, Smoothing: 0.2}),
	"cross-entropy images":     classes(CrossEntropy{Ignore: []int{2}}),
	"binary":                   two(func(a, b *Node) *Node { return Binary{}.Loss(a, b) }),
	"binary weights":           two(func(a, b *Node) *Node { return Binary{PosWeight: []float64{2, 0.5}}.Loss(a, b) }),
	"binary missing":           func(_ *Scope, in []*Node) []*Node { return []*Node{Binary{Keep: in[2]}.Loss(in[0], in[1])} },
	"focal":                    two(func(a, b *Node) *Node { return Focal{Alpha: 0.25}.Loss(a, b) }),
	"focal fraction":           two(func(a, b *Node) *Node { return Focal{Gamma: 1.5}.Loss(a, b) }),
	"dice":                     two(func(a, b *Node) *Node { return DiceCrossEntropy{}.Loss(a, b) }),
	"dice batch background": two(func(a, b *Node) *Node {
		return DiceCrossEntropy{Batch: true, Background: true, DiceOnly: true}.Loss(a, b)
	}),
	"dice ignore": two(func(a, b *Node) *Node {
		return DiceCrossEntropy{Classes: CrossEntropy{Ignore: []int{1}}}.Loss(a, b)
	}),
	"dice regions": two(func(a, b *Node) *Node {
		return DiceCrossEntropy{DiceShare: 0.5, CrossShare: 2}.RegionLoss(a, b, nil)
	}),
	"mse":         two(func(a, b *Node) *Node { return MSE(a, b, nil) }),
	"mae":         two(func(a, b *Node) *Node { return MAE(a, b, nil) }),
	"huber":       two(func(a, b *Node) *Node { return Huber(a, b, nil, 0.7) }),
	"hinge":       two(func(a, b *Node) *Node { return Hinge(a, b, nil) }),
	"cox breslow": func(_ *Scope, in []*Node) []*Node { return []*Node{Cox(in[0], in[1], in[2], Breslow)} },
	"cox efron":   func(_ *Scope, in []*Node) []*Node { return []*Node{Cox(in[0], in[1], in[2], Efron)} },
	"discrete hazard": func(_ *Scope, in []*Node) []*Node {
		return []*Node{DiscreteHazard(in[0], in[1], in[2])}
	},
	"contrast": two(func(a, b *Node) *Node { return Contrast(a, b, 0) }),
	"nt-xent":  two(func(a, b *Node) *Node { return NTXent(a, b, 0.5) }),
	"gradient penalty": func(s *Scope, in []*Node) []*Node {
		critic := func(x *Node) *Node {
			y := LeakyReLU(s.In("c").Conv(x, 3, []int{3}, Conv{Stride: []int{2}, Padding: Pad(1)}), 0.2)
			y = LeakyReLU(s.In("t").ConvTranspose(y, 2, []int{2}, ConvTranspose{Stride: []int{2}}), 0.2)
			return s.In("d").Dense(Flatten(y), 1, Dense{})
		}
		mix := graph.Const(s.Graph(), []float64{0.3, 0.8})
		penalty := GradientPenalty(critic, in[0], in[1], mix)
		return []*Node{graph.Add(Wasserstein(critic(in[0]), critic(in[1])), graph.MulScalar(penalty, 10))}
	},
}

func one(f func(s *Scope, x *Node) *Node) func(*Scope, []*Node) []*Node {
	return func(s *Scope, in []*Node) []*Node { return []*Node{f(s, in[0])} }
}

func two(f func(a, b *Node) *Node) func(*Scope, []*Node) []*Node {
	return func(_ *Scope, in []*Node) []*Node { return []*Node{f(in[0], in[1])} }
}

func conv(out int, kernel []int, o Conv) func(*Scope, []*Node) []*Node {
	return one(func(s *Scope, x *Node) *Node { return s.Conv(x, out, kernel, o) })
}

func transpose(out int, kernel []int, o ConvTranspose) func(*Scope, []*Node) []*Node {
	return one(func(s *Scope, x *Node) *Node { return s.ConvTranspose(x, out, kernel, o) })
}

func classes(o CrossEntropy) func(*Scope, []*Node) []*Node {
	return two(func(a, b *Node) *Node { return o.Loss(a, b) })
}

func activated(name string) func(*Scope, []*Node) []*Node {
	return one(func(_ *Scope, x *Node) *Node { return mustActivation(name, "")(x) })
}

func TestLayersAgainstPyTorch(t *testing.T) {
	var cases []layerCase
	readJSON(t, "layers.json.gz", &cases)
	seen := map[string]bool{}
	for _, c := range cases {
		seen[c.Name] = true
		for name, backend := range backends(t) {
			t.Run(c.Name+"/"+name, func(t *testing.T) { c.check(t, backend, layersOf[c.Name]) })
		}
	}
	for name := range layersOf {
		if !seen[name] {
			t.Errorf("no vectors for %q: run testdata/layers.py", name)
		}
	}
}

// backends are those that a test compares: the stock one, and Galen's own where the test binary has it.
func backends(t testing.TB) map[string]compute.Backend {
	t.Helper()
	all := map[string]compute.Backend{"stock": stock(t)}
	if slices.Contains(compute.List(), "cpu") {
		own, err := compute.NewWithConfig("cpu")
		if err != nil {
			t.Fatal(err)
		}
		all["cpu"] = own
	}
	return all
}

// A label outside the classes must not pass unnoticed.
func TestLabelsOutsideTheClasses(t *testing.T) {
	for _, c := range []struct {
		label  int32
		ignore []int
		nan    bool
	}{{-1, nil, false}, {2, nil, false}, {3, nil, true}, {255, nil, true}, {255, []int{255}, false}} {
		out := graph.MustExecOnceN(stock(t), func(z, y *Node) []*Node {
			image := func(n *Node, dims ...int) *Node { return graph.Reshape(n, dims...) }
			o := CrossEntropy{Ignore: c.ignore}
			return []*Node{o.Loss(z, y), DiceCrossEntropy{Classes: o}.Loss(image(z, 1, 2, 3), image(y, 1, 2))}
		}, [][]float64{{1, 2, 3}, {1, 0, 0}}, []int32{1, c.label})
		for _, r := range out {
			if loss := tensors.ToScalar[float64](r); math.IsNaN(loss) != c.nan {
				t.Errorf("label %d, ignoring %v: loss %g", c.label, c.ignore, loss)
			}
		}
	}
}

// check runs a case in float64 and compares values, gradients and states.
func (c layerCase) check(t *testing.T, backend compute.Backend, build func(*Scope, []*Node) []*Node) {
	if build == nil {
		t.Fatal("the test does not know this case")
	}
	g := graph.NewGraph(backend, "")
	defer g.Finalize()
	var feed []any
	parameter := func(name string, v vector) *Node {
		feed = append(feed, v.tensor())
		return graph.Parameter(g, name, v.tensor().Shape())
	}
	var want []vector
	var names []string
	err := Catch(func() {
		var in, wanted, results []*Node
		for i, v := range c.Inputs {
			x := parameter("in"+string(rune('0'+i)), v)
			in = append(in, x)
			if c.DInputs[i] != nil {
				wanted = append(wanted, x)
				want, names = append(want, *c.DInputs[i]), append(names, "gradient of an input")
			}
		}
		s := NewScope(g, ScopeOptions{DType: dtypes.Float64, Training: len(c.After) > 0 && c.Name != "batch norm inference", Bind: func(spec Spec) *Node {
			v, ok := c.Weights[spec.Name]
			if !ok {
				v, ok = c.States[spec.Name]
			}
			if !ok {
				t.Fatalf("PyTorch has no weight %q", spec.Name)
			}
			return parameter(spec.Name, v)
		}})
		outputs := build(s, in)
		for _, b := range s.Bound() {
			if b.Trained {
				wanted = append(wanted, b.Node)
				want, names = append(want, c.DWeights[b.Name]), append(names, "gradient of "+b.Name)
			}
		}
		gradients := graph.Gradient(weigh(outputs), wanted...)
		results = append(results, gradients...)
		if len(outputs) != len(c.Outputs) {
			t.Fatalf("%d outputs, want %d", len(outputs), len(c.Outputs))
		}
		for i, o := range outputs {
			results, want, names = append(results, o), append(want, c.Outputs[i]), append(names, "output")
		}
		for _, b := range s.Bound() {
			if b.Update != nil {
				results, want, names = append(results, b.Update), append(want, c.After[b.Name]), append(names, b.Name)
			}
		}
		if used := len(s.Bound()); used != len(c.Weights)+len(c.States) {
			t.Fatalf("%d weights are used, PyTorch has %d", used, len(c.Weights)+len(c.States))
		}
		if err := g.Compile(results...); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatalf("%+v", err)
	}
	for i, r := range g.Run(feed...) {
		if !r.Shape().Equal(shapes.Make(dtypes.Float64, want[i].Dims...)) {
			t.Fatalf("%s is %s, want %v", names[i], r.Shape(), want[i].Dims)
		}
		for j, got := range tensors.MustCopyFlatData[float64](r) {
			// Both sides compute in float64, in another order: 1e-9 leaves room for sums of a few hundred terms.
			if w := want[i].Data[j]; !(math.Abs(got-w) <= 1e-9*(1+math.Abs(w))) {
				t.Fatalf("%s, element %d: %.15g, want %.15g", names[i], j, got, w)
			}
		}
	}
}
