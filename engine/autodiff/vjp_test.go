package autodiff

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

type input struct {
	dims []int
	data []float64
}

// draws are distinct values away from 0, so that no step of a difference crosses a kink.
func draws(seed uint64, dims ...int) input {
	rng := rand.New(rand.NewPCG(seed, 1))
	in := input{dims: dims, data: make([]float64, shapes.Make(dtypes.Float64, dims...).Size())}
	for i, p := range rng.Perm(len(in.data)) {
		in.data[i] = (float64(p) + 0.5 - float64(len(in.data))/2) / float64(len(in.data)) * 3
	}
	return in
}

// checkGradients compares first and second derivatives of f with central differences, in float64. The loss is the
// sum of f's output weighted by fixed numbers; for the second, the sum of the gradients weighted likewise.
func checkGradients(t *testing.T, f func([]*graph.Node) *graph.Node, inputs ...input) {
	t.Helper()
	backend, err := gobackend.New("ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	weigh := func(n *graph.Node, seed uint64) *graph.Node {
		r := draws(seed, n.Shape().Dimensions...)
		return graph.ReduceAllSum(graph.Mul(n, graph.Const(n.Graph(), tensors.FromFlatDataAndDimensions(r.data, r.dims...))))
	}
	first := func(x []*graph.Node) *graph.Node { return weigh(f(x), 77) }
	second := func(x []*graph.Node) *graph.Node {
		sum := graph.ScalarZero(x[0].Graph(), dtypes.Float64)
		for i, dx := range graph.Gradient(first(x), x...) {
			sum = graph.Add(sum, weigh(dx, uint64(88+i)))
		}
		return sum
	}
	for order, loss := range []func([]*graph.Node) *graph.Node{first, second} {
		exec := graph.MustNewExec(backend, func(x []*graph.Node) []*graph.Node {
			l := loss(x)
			return append([]*graph.Node{l}, graph.Gradient(l, x...)...)
		})
		run := func() [][]float64 {
			args := make([]any, len(inputs))
			for i, in := range inputs {
				args[i] = tensors.FromFlatDataAndDimensions(in.data, in.dims...)
			}
			results, err := exec.Call(args...)
			if err != nil {
				t.Fatalf("derivative %d: %+v", order+1, err)
			}
			values := make([][]float64, len(results))
			for i, r := range results {
				values[i] = tensors.MustCopyFlatData[float64](r)
			}
			return values
		}
		exact := run()
		const h = 1e-5
		for i, in := range inputs {
			for j, x := range in.data {
				in.data[j] = x + h
				up := run()[0][0]
				in.data[j] = x - h
				want := (up - run()[0][0]) / (2 * h)
				in.data[j] = x
				// Differences of step h are exact to h² and to rounding over h: 1e-10 and 1e-11 here, times the curvature.
				if got := exact[1+i][j]; math.Abs(got-want) > 2e-6*(1+math.Abs(want)) {
					t.Fatalf("derivative %d by element %d of input %d is %g, the difference %g", order+1, j, i, got, want)
				}
			}
		}
	}
}

func TestElementwiseGradients(t *testing.T) {
	shift := func(x *graph.Node, c float64) *graph.Node { return graph.AddScalar(x, c) }
	for name, f := range map[string]func([]*graph.Node) *graph.Node{
		"rsqrt": func(x []*graph.Node) *graph.Node { return graph.Rsqrt(shift(x[0], 4)) },
		"expm1": func(x []*graph.Node) *graph.Node { return graph.Expm1(x[0]) },
		"atan2": func(x []*graph.Node) *graph.Node { return graph.Atan2(x[0], shift(x[1], 4)) },
		"rem":   func(x []*graph.Node) *graph.Node { return graph.Rem(graph.MulScalar(x[0], 7), shift(x[1], 3.03)) },
		"clamp": func(x []*graph.Node) *graph.Node {
			return graph.Clamp(graph.Const(x[0].Graph(), -0.7), graph.Mul(x[0], graph.Exp(x[1])), graph.Const(x[0].Graph(), 1.1))
		},
		"clamp bounds": func(x []*graph.Node) *graph.Node {
			return graph.Clamp(shift(graph.Square(x[1]), -3), graph.Mul(x[0], x[0]), shift(graph.Exp(x[1]), 1))
		},
		"floor": func(x []*graph.Node) *graph.Node {
			return graph.Mul(x[1], graph.Max(graph.Const(x[0].Graph(), 0.2), graph.Exp(x[0])))
		},
		"max":     func(x []*graph.Node) *graph.Node { return graph.Max(graph.Mul(x[0], x[0]), graph.Exp(x[1])) },
		"rounded": func(x []*graph.Node) *graph.Node { return graph.Mul(x[1], graph.Sub(x[0], graph.Round(x[0]))) },
		"masked": func(x []*graph.Node) *graph.Node {
			return graph.Mul(x[1], graph.ConvertDType(graph.GreaterThan(x[0], graph.Const(x[0].Graph(), 0.1)), dtypes.Float64))
		},
		"logistic": func(x []*graph.Node) *graph.Node { return graph.Logistic(x[0]) },
		"product":  func(x []*graph.Node) *graph.Node { return graph.ReduceMultiply(shift(x[0], 0.01), 1) },
		"all":      func(x []*graph.Node) *graph.Node { return graph.ReduceAllMultiply(x[0]) },
		"reverse":  func(x []*graph.Node) *graph.Node { return graph.Mul(x[1], graph.Reverse(graph.Mul(x[0], x[0]), 1)) },
		"where": func(x []*graph.Node) *graph.Node {
			return graph.Where(graph.GreaterThan(x[0], x[1]), graph.Exp(x[0]), graph.Mul(x[1], x[0]))
		},
		"concatenate and slice": func(x []*graph.Node) *graph.Node {
			c := graph.Concatenate([]*graph.Node{graph.Mul(x[0], x[1]), x[0]}, 1)
			return graph.Square(graph.Slice(c, graph.AxisRange(1, 2), graph.AxisRange(1, 6).Stride(2)))
		},
		"gather": func(x []*graph.Node) *graph.Node {
			return graph.Square(graph.Gather(graph.Mul(x[0], x[1]), graph.Const(x[0].Graph(), [][]int32{{1}, {0}, {1}})))
		},
	} {
		t.Run(name, func(t *testing.T) { checkGradients(t, f, draws(1, 2, 4), draws(2, 2, 4)) })
	}
}

func TestBroadcastGradients(t *testing.T) {
	checkGradients(t, func(x []*graph.Node) *graph.Node {
		return graph.Atan2(x[0], graph.AddScalar(x[1], 4))
	}, draws(1, 2, 3), draws(2, 1, 3))
	checkGradients(t, func(x []*graph.Node) *graph.Node {
		return graph.Clamp(x[1], x[0], graph.AddScalar(x[1], 1))
	}, draws(1, 2, 3), draws(2))
}

// The gradient at the kinks is a convention: that of PyTorch.
func TestGradientsAtKinks(t *testing.T) {
	backend, err := gobackend.New("ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		f       func(x *graph.Node) *graph.Node
		x, want []float64
	}{
		"relu": {func(x *graph.Node) *graph.Node { return graph.Max(graph.ScalarZero(x.Graph(), x.DType()), x) }, []float64{-1, 0, 1}, []float64{0, 0, 1}},
		"clamp": {func(x *graph.Node) *graph.Node {
			return graph.Clamp(graph.Const(x.Graph(), -1.0), x, graph.Const(x.Graph(), 1.0))
		}, []float64{-2, -1, 0, 1, 2}, []float64{0, 1, 1, 1, 0}},
		"one zero":  {func(x *graph.Node) *graph.Node { return graph.ReduceAllMultiply(x) }, []float64{2, 0, 3}, []float64{0, 6, 0}},
		"two zeros": {func(x *graph.Node) *graph.Node { return graph.ReduceAllMultiply(x) }, []float64{0, 0, 3}, []float64{0, 0, 0}},
	} {
		got := graph.MustExecOnce(backend, func(x *graph.Node) *graph.Node {
			return graph.Gradient(graph.ReduceAllSum(c.f(x)), x)[0]
		}, c.x)
		if fmt.Sprint(tensors.MustCopyFlatData[float64](got)) != fmt.Sprint(c.want) {
			t.Errorf("%s at %v: %v, want %v", name, c.x, got, c.want)
		}
	}
}

func TestPadGradients(t *testing.T) {
	for _, axes := range [][]compute.PadAxis{
		{{Start: 1}, {End: 2}},
		{{Start: 1, Interior: 2}, {Start: 2, End: 1, Interior: 1}},
		{{}, {Interior: 3}},
	} {
		t.Run(fmt.Sprint(axes), func(t *testing.T) {
			checkGradients(t, func(x []*graph.Node) *graph.Node {
				return graph.Square(graph.Pad(graph.Mul(x[0], x[0]), x[1], axes...))
			}, draws(1, 2, 4), draws(2))
			checkGradients(t, func(x []*graph.Node) *graph.Node {
				return graph.Square(graph.Pad(x[0], graph.Const(x[0].Graph(), 0.0), axes...))
			}, draws(1, 2, 4))
		})
	}
}

func TestConvolutionGradients(t *testing.T) {
	axes := func(n int) compute.ConvolveAxesConfig {
		spatial := make([]int, n)
		for i := range spatial {
			spatial[i] = 1 + i
		}
		return compute.ConvolveAxesConfig{
			InputBatch: 0, InputSpatial: spatial, InputChannels: n + 1,
			KernelSpatial: upTo(n), KernelInputChannels: n, KernelOutputChannels: n + 1,
			OutputBatch: 0, OutputSpatial: spatial, OutputChannels: n + 1,
		}
	}
	for name, c := range map[string]struct {
		x, w                     []int
		stride, spread, dilation []int
		padding                  [][2]int
		groups, batchGroups      int
	}{
		"plain 1d":        {x: []int{2, 5, 2}, w: []int{3, 2, 3}},
		"padded 2d":       {x: []int{2, 3, 4, 1}, w: []int{3, 2, 1, 2}, padding: [][2]int{{1, 1}, {0, 1}}},
		"strided":         {x: []int{1, 6, 2}, w: []int{3, 2, 2}, stride: []int{2}, padding: [][2]int{{1, 1}}},
		"unused tail":     {x: []int{1, 8, 1}, w: []int{2, 1, 2}, stride: []int{3}},
		"dilated":         {x: []int{1, 7, 2}, w: []int{3, 2, 1}, dilation: []int{2}, padding: [][2]int{{2, 2}}},
		"causal":          {x: []int{1, 5, 2}, w: []int{2, 2, 1}, dilation: []int{3}, padding: [][2]int{{3, 0}}},
		"strided dilated": {x: []int{1, 9, 1}, w: []int{3, 1, 2}, stride: []int{2}, dilation: []int{2}, padding: [][2]int{{1, 2}}},
		"spread":          {x: []int{1, 4, 2}, w: []int{3, 2, 2}, spread: []int{2}, padding: [][2]int{{1, 1}}},
		"spread strided":  {x: []int{1, 4, 1}, w: []int{4, 1, 2}, spread: []int{3}, stride: []int{2}, padding: [][2]int{{2, 1}}},
		"spread tail":     {x: []int{1, 4, 1}, w: []int{2, 1, 1}, spread: []int{3}, stride: []int{4}},
		"wide padding":    {x: []int{1, 3, 1}, w: []int{2, 1, 2}, padding: [][2]int{{3, 2}}},
		"everything 2d":   {x: []int{1, 5, 4, 1}, w: []int{2, 3, 1, 2}, stride: []int{2, 1}, spread: []int{1, 2}, dilation: []int{2, 1}, padding: [][2]int{{1, 0}, {2, 1}}},
		"grouped":         {x: []int{2, 5, 4}, w: []int{3, 2, 6}, groups: 2, padding: [][2]int{{1, 1}}},
		"depthwise":       {x: []int{1, 3, 3, 3}, w: []int{2, 2, 1, 3}, groups: 3},
		"grouped strided": {x: []int{2, 6, 4}, w: []int{3, 1, 4}, groups: 4, stride: []int{2}, padding: [][2]int{{1, 1}}},
		"batch grouped":   {x: []int{4, 5, 2}, w: []int{3, 2, 4}, batchGroups: 2},
		"3d":              {x: []int{1, 3, 3, 3, 1}, w: []int{2, 2, 2, 1, 2}, stride: []int{2, 1, 1}, padding: [][2]int{{1, 0}, {0, 0}, {0, 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			checkGradients(t, func(x []*graph.Node) *graph.Node {
				return graph.ConvGeneral(x[0], x[1], axes(len(c.x)-2), c.stride, c.padding, c.spread, c.dilation, max(c.groups, 1), max(c.batchGroups, 1))
			}, draws(1, c.x...), draws(2, c.w...))
		})
	}
}

func TestWindowGradients(t *testing.T) {
	for name, c := range map[string]struct {
		x, window, stride []int
		padding           [][2]int
	}{
		"halves":      {[]int{1, 4, 4, 1}, []int{1, 2, 2, 1}, []int{1, 2, 2, 1}, nil},
		"overlapping": {[]int{1, 5, 3, 1}, []int{1, 3, 3, 1}, []int{1, 2, 2, 1}, [][2]int{{0, 0}, {1, 1}, {1, 1}, {0, 0}}},
		"unused tail": {[]int{1, 7, 2}, []int{1, 2, 1}, []int{1, 3, 1}, nil},
		"steps":       {[]int{2, 5, 2}, []int{1, 2, 1}, []int{1, 1, 1}, [][2]int{{0, 0}, {1, 0}, {0, 0}}},
	} {
		for _, kind := range []compute.ReduceOpType{compute.ReduceOpSum, compute.ReduceOpMax, compute.ReduceOpMin} {
			t.Run(fmt.Sprint(name, kind), func(t *testing.T) {
				checkGradients(t, func(x []*graph.Node) *graph.Node {
					return graph.Square(graph.BackendReduceWindow(graph.Mul(x[0], graph.Exp(x[0])), kind, c.window, c.stride, nil, nil, c.padding))
				}, draws(1, c.x...))
			})
		}
	}
	// Windows of the sum may be dilated, and may lie outside x.
	checkGradients(t, func(x []*graph.Node) *graph.Node {
		return graph.Square(graph.BackendReduceWindow(x[0], compute.ReduceOpSum, []int{2}, []int{2}, []int{2}, []int{3}, [][2]int{{5, 4}}))
	}, draws(1, 4))
}

func TestMissingParameterIsReported(t *testing.T) {
	backend, err := gobackend.New("ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a field that does not exist was read")
		}
	}()
	parameter(graph.Scalar(graph.NewGraph(backend, ""), dtypes.Float32, 1), "no such field")
}
