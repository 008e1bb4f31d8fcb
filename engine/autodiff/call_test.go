package autodiff_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"galen.dev/engine/autodiff"
)

type nodes = []*graph.Node

func backend(t testing.TB) compute.Backend {
	t.Helper()
	b, err := compute.NewWithConfig("go:ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

func run(t testing.TB, build func(inputs []*graph.Node) []*graph.Node, args ...any) [][]float64 {
	t.Helper()
	exec, err := graph.NewExec(backend(t), build)
	if err != nil {
		t.Fatal(err)
	}
	results, err := exec.Call(args...)
	if err != nil {
		t.Fatal(err)
	}
	values := make([][]float64, len(results))
	for i, r := range results {
		values[i] = tensors.MustCopyFlatData[float64](r)
	}
	return values
}

func near(t *testing.T, what string, got []float64, want ...float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
	for i := range got {
		if math.Abs(got[i]-want[i]) > 1e-12*(1+math.Abs(want[i])) {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	}
}

// polar is a call with two outputs: x·y and sin(x)+y. Its own gradient is scaled by own, so that a test sees which
// gradient was used.
func polar(x, y *graph.Node, own float64) nodes {
	body := func(in nodes) nodes {
		return nodes{graph.Mul(in[0], in[1]), graph.Add(graph.Sin(in[0]), in[1])}
	}
	if own == 0 {
		return autodiff.Call("polar", nil, nodes{x, y}, body, nil)
	}
	return autodiff.Call("polar", []int{7}, nodes{x, y}, body, func(in, out, d nodes) nodes {
		if !out[0].Shape().Equal(d[0].Shape()) || len(out) != 2 {
			panic("outputs do not reach the gradient")
		}
		return autodiff.Call("polar_gradient", nil, slices.Concat(in, d), func(p nodes) nodes {
			x, y, d0, d1 := p[0], p[1], p[2], p[3]
			dx := graph.Add(graph.Mul(d0, y), graph.Mul(d1, graph.Cos(x)))
			return nodes{graph.MulScalar(dx, own), graph.MulScalar(graph.Add(graph.Mul(d0, x), d1), own)}
		}, nil)
	})
}

// TestCalls runs each test with the calls as functions, and inlined.
func TestCalls(t *testing.T) {
	for name, test := range map[string]func(t *testing.T){
		"ValuesAndBothGradients":          testValuesAndBothGradients,
		"OneOutputUsed":                   testOneOutputUsed,
		"SameKindTwiceAndDependentInputs": testSameKindTwiceAndDependentInputs,
		"CallsInsideCalls":                testCallsInsideCalls,
		"SecondDerivative":                testSecondDerivative,
		"IntegersCarryNoGradient":         testIntegersCarryNoGradient,
		"OutputsThatAreInputsOrRepeat":    testOutputsThatAreInputsOrRepeat,
		"EqualOutputs":                    testEqualOutputs,
		"CheckpointedCall":                testCheckpointedCall,
	} {
		t.Run(name+"/inlined", test)
		t.Run(name+"/function", func(t *testing.T) {
			defer autodiff.AsFunctions()()
			test(t)
		})
	}
}

func testValuesAndBothGradients(t *testing.T) {
	x, y := 0.7, -1.3
	for _, own := range []float64{0, 1, 10} {
		out := run(t, func(in nodes) nodes {
			o := polar(in[0], in[1], own)
			loss := graph.ReduceAllSum(graph.Add(graph.MulScalar(o[0], 2), graph.Square(o[1])))
			return append(graph.Gradient(loss, in...), o...)
		}, []float64{x}, []float64{y})
		scale := max(own, 1)
		s := math.Sin(x) + y
		near(t, "dx", out[0], scale*(2*y+2*s*math.Cos(x)))
		near(t, "dy", out[1], scale*(2*x+2*s))
		near(t, "first output", out[2], x*y)
		near(t, "second output", out[3], s)
	}
}

func testOneOutputUsed(t *testing.T) {
	for _, own := range []float64{0, 1} {
		out := run(t, func(in nodes) nodes {
			return graph.Gradient(graph.ReduceAllSum(polar(in[0], in[1], own)[1]), in...)
		}, []float64{0.7}, []float64{2})
		near(t, "dx", out[0], math.Cos(0.7))
		near(t, "dy", out[1], 1)
	}
}

func testSameKindTwiceAndDependentInputs(t *testing.T) {
	// The second call takes the first one's output beside its input: each is a variable of its own.
	x := 0.4
	for _, own := range []float64{0, 1} {
		out := run(t, func(in nodes) nodes {
			a := polar(in[0], in[0], own)    // x², sin x + x
			b := polar(in[0], a[0], own)     // x³, sin x + x²
			c := polar(b[0], b[1], own)      // x³(sin x + x²), …
			loss := graph.ReduceAllSum(c[0]) // x³ sin x + x⁵
			return append(graph.Gradient(loss, in[0]), loss)
		}, []float64{x})
		near(t, "value", out[1], x*x*x*math.Sin(x)+math.Pow(x, 5))
		near(t, "gradient", out[0], 3*x*x*math.Sin(x)+x*x*x*math.Cos(x)+5*math.Pow(x, 4))
	}
}

func testCallsInsideCalls(t *testing.T) {
	x := 0.9
	for _, own := range []float64{0, 1} {
		out := run(t, func(in nodes) nodes {
			outer := autodiff.Call("outer", []int{1, 2}, nodes{in[0]}, func(p nodes) nodes {
				inner := polar(p[0], graph.AddScalar(p[0], 3), own)
				return nodes{graph.OnePlus(graph.Mul(inner[0], inner[1]))}
			}, nil)
			// The scalars 1 and 3 are used again outside the function that made them first.
			loss := graph.ReduceAllSum(graph.AddScalar(graph.OnePlus(outer[0]), 3))
			return append(graph.Gradient(loss, in[0]), loss)
		}, []float64{x})
		p, q := x*(x+3), math.Sin(x)+x+3
		near(t, "value", out[1], p*q+5)
		near(t, "gradient", out[0], (2*x+3)*q+p*(math.Cos(x)+1))
	}
}

func testSecondDerivative(t *testing.T) {
	x, y := 0.7, -1.3
	for _, own := range []float64{0, 1} {
		out := run(t, func(in nodes) nodes {
			o := polar(in[0], in[1], own)
			first := graph.Gradient(graph.ReduceAllSum(graph.Mul(o[0], o[1])), in[0])[0]
			return graph.Gradient(graph.ReduceAllSum(first), in...)
		}, []float64{x}, []float64{y})
		// f = xy(sin x + y); f' = y(sin x + y) + xy cos x
		near(t, "dxx", out[0], 2*y*math.Cos(x)-x*y*math.Sin(x))
		near(t, "dxy", out[1], math.Sin(x)+2*y+x*math.Cos(x))
	}
}

func testIntegersCarryNoGradient(t *testing.T) {
	body := func(in nodes) nodes {
		return nodes{graph.Mul(in[0], graph.ConvertDType(in[1], in[0].DType())), graph.AddScalar(in[1], 1)}
	}
	own := func(in, _, d nodes) nodes {
		return nodes{graph.Mul(d[0], graph.ConvertDType(in[1], in[0].DType())), nil}
	}
	for _, gradient := range []autodiff.Gradient{nil, own} {
		out := run(t, func(in nodes) nodes {
			o := autodiff.Call("scale", nil, nodes{in[0], in[1]}, body, gradient)
			return graph.Gradient(graph.ReduceAllSum(o[0]), in[0])
		}, []float64{1, 2}, []int32{5, 6})
		near(t, "gradient", out[0], 5, 6)
	}
}

func testOutputsThatAreInputsOrRepeat(t *testing.T) {
	out := run(t, func(in nodes) nodes {
		o := autodiff.Call("same", nil, nodes{in[0]}, func(p nodes) nodes {
			twice := graph.MulScalar(p[0], 2)
			return nodes{p[0], twice, twice, p[0]}
		}, nil)
		loss := graph.ReduceAllSum(graph.Add(graph.Add(o[0], o[1]), graph.Add(o[2], o[3])))
		return append(graph.Gradient(loss, in[0]), o...)
	}, []float64{3})
	near(t, "gradient", out[0], 6)
	for i, want := range []float64{3, 6, 6, 3} {
		near(t, fmt.Sprint("output ", i), out[i+1], want)
	}
}

// testEqualOutputs has two outputs that a backend finds to be one computation.
func testEqualOutputs(t *testing.T) {
	out := run(t, func(in nodes) nodes {
		return autodiff.Call("same", nil, nodes{in[0]}, func(p nodes) nodes {
			return nodes{graph.Sin(p[0]), graph.Sin(p[0])}
		}, nil)
	}, []float64{3})
	near(t, "second output", out[1], out[0][0])
}

// TestBroadcastInBody has an operation that the stock backend loses inside functions, which is why Call inlines there.
func TestBroadcastInBody(t *testing.T) {
	out := run(t, func(in nodes) nodes {
		return autodiff.Call("outer", nil, nodes{in[0]}, func(p nodes) nodes {
			row := graph.InsertAxes(p[0], 0)
			square := graph.BroadcastToDims(row, 2, 2)
			return nodes{graph.Add(square, graph.Transpose(square, 0, 1))}
		}, nil)
	}, []float64{1, 10})
	near(t, "sums", out[0], 2, 11, 11, 20)
}

func testCheckpointedCall(t *testing.T) {
	out := run(t, func(in nodes) nodes {
		x := in[0].Checkpoint()
		o := polar(graph.Sin(x), x, 1)
		loss := graph.ReduceAllSum(graph.Mul(o[0], o[1]).StopCheckpoint())
		return graph.Gradient(loss, in[0])
	}, []float64{0.3})
	f := func(x float64) float64 { s := math.Sin(x); return s * x * (math.Sin(s) + x) }
	slope := (f(0.3+1e-5) - f(0.3-1e-5)) / 2e-5
	if math.Abs(out[0][0]-slope) > 1e-8 {
		t.Fatalf("gradient %v, want %v", out[0][0], slope)
	}
}

func TestNames(t *testing.T) {
	defer autodiff.AsFunctions()()
	var seen []string
	run(t, func(in nodes) nodes {
		var outs nodes
		for _, attrs := range [][]int{nil, nil, {0, 12}} {
			o := autodiff.Call("conv2d_gradient", attrs, in, func(p nodes) nodes {
				seen = append(seen, p[0].Graph().CurrentFunc().Name())
				return nodes{graph.Neg(p[0])}
			}, nil)
			outs = append(outs, o...)
		}
		return outs
	}, []float64{1})
	if slices.Sort(seen); len(slices.Compact(slices.Clone(seen))) != 3 {
		t.Fatalf("names %v are not unique", seen)
	}
	for _, name := range seen {
		kind, attrs, ok := autodiff.Parse(name)
		if !ok || kind != "conv2d_gradient" || len(attrs) != 0 && !slices.Equal(attrs, []int{0, 12}) {
			t.Errorf("%s is read as %q, %v, %v", name, kind, attrs, ok)
		}
	}
	if kind, attrs, ok := autodiff.Parse("galen_rnn_1_0_17"); !ok || kind != "rnn" || !slices.Equal(attrs, []int{1, 0}) {
		t.Errorf("read as %q %v %v", kind, attrs, ok)
	}
	for _, other := range []string{"", "main", "galen_", "galen_rnn", "galen_1", "galen__1", "galen_Rnn_1", "rnn_1", "galen_rnn_99999999999999999999_1"} {
		if kind, attrs, ok := autodiff.Parse(other); ok {
			t.Errorf("%q is read as %q %v", other, kind, attrs)
		}
	}
}

func TestRefusals(t *testing.T) {
	fails := func(want string, build func(x *graph.Node) *graph.Node) {
		t.Helper()
		exec, err := graph.NewExec(backend(t), func(in nodes) nodes { return nodes{build(in[0])} })
		if err == nil {
			_, err = exec.Call([]float64{1})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	keep := func(in nodes) nodes { return nodes{graph.Neg(in[0])} }
	for _, kind := range []string{"", "Rnn", "rnn_2", "a__b", "a-b"} {
		fails("is no kind of call", func(x *graph.Node) *graph.Node { return autodiff.Call(kind, nil, nodes{x}, keep, nil)[0] })
	}
	fails("want zero or more", func(x *graph.Node) *graph.Node { return autodiff.Call("a", []int{1, -1}, nodes{x}, keep, nil)[0] })
	fails("only functions made by autodiff.Call", func(x *graph.Node) *graph.Node {
		f := graph.NewFunction(x.Graph(), "plain", func(g *graph.Graph) []*graph.Node {
			return nodes{graph.Neg(graph.Parameter(g, "p", x.Shape()))}
		})
		return graph.Gradient(graph.ReduceAllSum(f.Call(x)[0]), x)[0]
	})
}
