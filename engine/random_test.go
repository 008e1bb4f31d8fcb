package engine_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	stock "github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"galen.dev/engine"
	"galen.dev/internal/cpu"
)

// A writer builds a random graph: the same one on every backend for the same seed.
type writer struct {
	rng   *rand.Rand
	g     *graph.Graph
	t     dtypes.DType
	nodes []*graph.Node
	said  []string
}

func (w *writer) pick() *graph.Node { return w.nodes[w.rng.IntN(len(w.nodes))] }

func (w *writer) keep(name string, n *graph.Node) {
	if size := n.Shape().Size(); size == 0 || size > 60_000 || n.Rank() > 5 {
		return
	}
	w.nodes = append(w.nodes, n)
	w.said = append(w.said, fmt.Sprint(name, " ", n.Shape()))
}

// step adds one random operation. Values stay between -8 and 8 or so, so that differences in rounding stay small.
func (w *writer) step() {
	x := w.pick()
	dims := x.Shape().Dimensions
	switch w.rng.IntN(24) {
	case 0, 1:
		w.keep("tanh", graph.Tanh(x))
	case 2:
		w.keep("sigmoid", graph.Sigmoid(x))
	case 3:
		w.keep("max", graph.Max(graph.ScalarZero(w.g, w.t), x))
	case 4, 5, 6:
		y := w.like(x)
		switch w.rng.IntN(4) {
		case 0:
			w.keep("add", graph.Tanh(graph.Add(x, y)))
		case 1:
			w.keep("mul", graph.Tanh(graph.Mul(x, y)))
		case 2:
			w.keep("where", graph.Where(graph.GreaterThan(x, y), x, y))
		case 3:
			w.keep("sub", graph.MulScalar(graph.Sub(x, y), 0.5))
		}
	case 7:
		if x.Rank() > 0 {
			axis := w.rng.IntN(x.Rank())
			w.keep("sum", graph.Tanh(graph.MulScalar(graph.ReduceSum(x, axis), 0.3)))
		}
	case 8:
		if x.Rank() > 1 {
			w.keep("max", graph.ReduceMax(x, w.rng.IntN(x.Rank())))
		}
	case 9:
		if x.Rank() > 0 {
			axis := w.rng.IntN(x.Rank())
			w.keep("centred", graph.Sub(x, graph.ReduceAndKeep(x, graph.ReduceMean, axis)))
		}
	case 10, 11:
		w.keep("reshape", graph.Reshape(x, w.cut(x.Shape().Size())...))
	case 12, 13:
		if x.Rank() > 1 {
			perm := w.rng.Perm(x.Rank())
			w.keep("transpose", graph.TransposeAllAxes(x, perm...))
		}
	case 14, 15:
		if x.Rank() > 0 {
			axis := w.rng.IntN(x.Rank())
			from := w.rng.IntN(dims[axis])
			to := from + 1 + w.rng.IntN(dims[axis]-from)
			specs := make([]graph.SliceAxisSpec, x.Rank())
			for i := range specs {
				specs[i] = graph.AxisRange()
			}
			specs[axis] = graph.AxisRange(from, to).Stride(1 + w.rng.IntN(2))
			w.keep("slice", graph.Slice(x, specs...))
		}
	case 16:
		if x.Rank() > 0 {
			w.keep("concatenate", graph.Concatenate([]*graph.Node{x, graph.Neg(x)}, w.rng.IntN(x.Rank())))
		}
	case 17:
		if x.Rank() > 0 {
			w.keep("reverse", graph.Reverse(x, w.rng.IntN(x.Rank())))
		}
	case 18:
		if x.Rank() < 4 {
			w.keep("broadcast", graph.BroadcastPrefix(x, 1+w.rng.IntN(3)))
		}
	case 19, 20:
		if x.Rank() == 2 {
			n := 1 + w.rng.IntN(40)
			y := graph.Reshape(graph.Sin(graph.IotaFull(w.g, shapes.Make(w.t, dims[1]*n))), dims[1], n)
			z := graph.Dot(x, y).Product()
			if w.rng.IntN(2) == 0 {
				z = graph.TransposeAllAxes(z, 1, 0)
			}
			w.keep("product", graph.MulScalar(z, 0.2))
		}
	case 21:
		if x.Rank() == 4 && dims[1] > 2 && dims[2] > 2 {
			out := 1 + w.rng.IntN(5)
			k := graph.Reshape(graph.Cos(graph.IotaFull(w.g, shapes.Make(w.t, 9*dims[3]*out))), 3, 3, dims[3], out)
			c := graph.Convolve(x, k).ChannelsAxis(2)
			if w.rng.IntN(2) == 0 {
				c = c.PadSame()
			}
			w.keep("convolution", graph.MulScalar(c.Done(), 0.2))
		}
	case 22:
		w.keep("power", graph.Sqrt(graph.AddScalar(graph.Square(x), 0.1)))
	case 23:
		if x.Rank() > 0 {
			w.keep("softmax", graph.Softmax(x, w.rng.IntN(x.Rank())))
		}
	}
}

// like is a value that can be joined with x: another one of the same shape, or one repeated to it.
func (w *writer) like(x *graph.Node) *graph.Node {
	var same []*graph.Node
	for _, n := range w.nodes {
		if n.Shape().Equal(x.Shape()) {
			same = append(same, n)
		}
	}
	y := same[w.rng.IntN(len(same))]
	if x.Rank() > 0 && w.rng.IntN(2) == 0 {
		axis := w.rng.IntN(x.Rank())
		y = graph.BroadcastToShape(graph.ReduceAndKeep(y, graph.ReduceMean, axis), x.Shape())
	}
	return y
}

// cut writes n as a product of a few factors.
func (w *writer) cut(n int) []int {
	dims := []int{}
	for n > 1 && len(dims) < 3 {
		var divisors []int
		for d := 1; d <= n; d++ {
			if n%d == 0 {
				divisors = append(divisors, d)
			}
		}
		d := divisors[w.rng.IntN(len(divisors))]
		dims = append(dims, d)
		n /= d
	}
	return append(dims, n)
}

// evaluate builds the graph of a seed on a backend and runs it.
func evaluate(t *testing.T, b compute.Backend, seed uint64, dtype dtypes.DType) (results []*tensors.Tensor, said []string) {
	t.Helper()
	w := &writer{rng: rand.New(rand.NewPCG(seed, 1)), g: graph.NewGraph(b, "random"), t: dtype}
	var inputs []any
	for i := range 1 + w.rng.IntN(3) {
		dims := make([]int, w.rng.IntN(5))
		for k := range dims {
			dims[k] = 1 + w.rng.IntN([]int{4, 9, 33}[w.rng.IntN(3)])
		}
		s := shapes.Make(dtype, dims...)
		if s.Size() > 60_000 {
			s = shapes.Make(dtype, dims[:2]...)
		}
		x := make([]float64, s.Size())
		for k := range x {
			x[k] = w.rng.NormFloat64()
		}
		w.keep("input", graph.Parameter(w.g, fmt.Sprint("x", i), s))
		flat := shapes.CastAsDType(x, dtype)
		tensor := tensors.FromShape(s)
		switch v := flat.(type) {
		case []float32:
			tensors.MustMutableFlatData(tensor, func(to []float32) { copy(to, v) })
		case []float64:
			tensors.MustMutableFlatData(tensor, func(to []float64) { copy(to, v) })
		}
		inputs = append(inputs, tensor)
	}
	for range 4 + w.rng.IntN(30) {
		w.step()
	}
	var out []*graph.Node
	for range 1 + w.rng.IntN(4) {
		out = append(out, w.pick())
	}
	out = append(out, w.nodes[len(w.nodes)-1])
	if w.rng.IntN(2) == 0 { // derivatives make graphs of another kind
		last := w.nodes[len(w.nodes)-1]
		out = append(out, graph.Gradient(graph.ReduceAllSum(graph.Tanh(last)), w.nodes[0])...)
	}
	w.g.Compile(out...)
	results = w.g.Run(inputs...)
	again := w.g.Run(inputs...) // on memory that has been used
	for i := range results {
		if !slices.Equal(numbers(results[i]), numbers(again[i])) && !slices.ContainsFunc(numbers(results[i]), math.IsNaN) {
			t.Fatalf("seed %d: output %d differs when run again\n%q", seed, i, w.said)
		}
	}
	return results, w.said
}

func numbers(t *tensors.Tensor) []float64 {
	var list []float64
	t.MustConstFlatData(func(flat any) {
		switch v := flat.(type) {
		case []float64:
			list = slices.Clone(v)
		case []float32:
			for _, x := range v {
				list = append(list, float64(x))
			}
		}
	})
	return list
}

// compare holds the engine to the stock backend on the graph of a seed.
func compare(t *testing.T, seed uint64, dtype dtypes.DType, tolerance float64) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Fatalf("seed %d, %s: %v", seed, dtype, r)
		}
	}()
	ours, err := engine.New()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := stock.New("ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	got, said := evaluate(t, ours, seed, dtype)
	want, _ := evaluate(t, theirs, seed, dtype)
	for i := range want {
		a, b := numbers(got[i]), numbers(want[i])
		if len(a) != len(b) {
			t.Fatalf("seed %d: output %d has %d elements, want %d", seed, i, len(a), len(b))
		}
		for k := range a {
			if d := math.Abs(a[k] - b[k]); d > tolerance*(1+math.Abs(b[k])) || math.IsNaN(a[k]) != math.IsNaN(b[k]) {
				t.Fatalf("seed %d, %s, output %d (%s), element %d: %g, want %g\n%q", seed, dtype, i, got[i].Shape(), k, a[k], b[k], said)
			}
		}
	}
}

func TestRandomGraphs(t *testing.T) {
	count := uint64(300)
	for seed := range count {
		compare(t, seed, dtypes.Float64, 1e-10)
	}
	for seed := range count {
		compare(t, seed+count, dtypes.Float32, 2e-4)
	}
}

func TestRandomGraphsOnEveryFamily(t *testing.T) {
	for _, f := range []cpu.Family{cpu.Portable, cpu.AVX2} {
		func() {
			defer cpu.Use(f)()
			for seed := range uint64(60) {
				compare(t, 1000+seed, dtypes.Float32, 2e-4)
			}
		}()
	}
}

// The number of threads changes no bit.
func TestRandomGraphsOnEveryNumberOfThreads(t *testing.T) {
	b, err := engine.New()
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(60) {
		var want [][]float64
		for _, threads := range []int{1, 2, 8} {
			func() {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
				got, _ := evaluate(t, b, 2000+seed, dtypes.Float32)
				for i, r := range got {
					if threads == 1 {
						want = append(want, numbers(r))
					} else if !slices.Equal(numbers(r), want[i]) && !slices.ContainsFunc(want[i], math.IsNaN) {
						t.Fatalf("seed %d: output %d differs with %d threads", 2000+seed, i, threads)
					}
				}
			}()
		}
	}
}
