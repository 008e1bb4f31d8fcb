package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"galen.dev/engine/autodiff"
)

type recurrentCase struct {
	Name          string            `json:"name"`
	Cell          string            `json:"cell"`
	Layers        int               `json:"layers"`
	Bidirectional bool              `json:"bidirectional"`
	Lengths       []int32           `json:"lengths"`
	Inputs        []vector          `json:"inputs"`
	DInputs       []vector          `json:"dinputs"`
	Outputs       []vector          `json:"outputs"`
	Weights       map[string]vector `json:"weights"`
	DWeights      map[string]vector `json:"dweights"`
}

func (s *Scope) recurrentNamed(name string, x *Node, hidden int, o Recurrent) Sequence {
	switch name {
	case "rnn":
		return s.RNN(x, hidden, o)
	case "gru":
		return s.GRU(x, hidden, o)
	default:
		return s.LSTM(x, hidden, o)
	}
}

// runGraph builds and runs a graph on float64 and int32 arrays.
func runGraph(t testing.TB, build func(in []*Node) []*Node, args ...any) [][]float64 {
	t.Helper()
	exec, err := graph.NewExec(stock(t), build)
	if err != nil {
		t.Fatal(err)
	}
	args = slices.Clone(args)
	for i, a := range args {
		if x, ok := a.(*tensors.Tensor); ok { // a tensor stays with the first backend that it meets
			if args[i], err = x.LocalClone(); err != nil {
				t.Fatal(err)
			}
		}
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

func near64(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d elements, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		if !(math.Abs(got[i]-w) <= tolerance*(1+math.Abs(w))) {
			t.Fatalf("%s[%d] = %v, want %v", what, i, got[i], w)
		}
	}
}

// TestRecurrentAgainstPyTorch compares values and all gradients with PyTorch in float64; the file has eleven digits.
func TestRecurrentAgainstPyTorch(t *testing.T) {
	var cases []recurrentCase
	readJSON(t, "recurrent.json.gz", &cases)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			names := slices.Sorted(func(yield func(string) bool) {
				for n := range c.Weights {
					if !yield(n) {
						return
					}
				}
			})
			var args []any
			for _, v := range c.Inputs {
				args = append(args, v.tensor())
			}
			for _, n := range names {
				args = append(args, c.Weights[n].tensor())
			}
			if c.Lengths != nil {
				args = append(args, c.Lengths)
			}
			count := len(c.Inputs)
			out := runGraph(t, func(in []*Node) []*Node {
				s := NewScope(in[0].Graph(), ScopeOptions{DType: dtypes.Float64, Bind: func(spec Spec) *Node {
					i := slices.Index(names, spec.Name)
					if i < 0 || !slices.Equal(spec.Dims, c.Weights[spec.Name].Dims) {
						t.Errorf("weight %q of dimensions %v is not PyTorch's", spec.Name, spec.Dims)
					}
					return in[count+i]
				}})
				o := Recurrent{Layers: c.Layers, Bidirectional: c.Bidirectional, Start: in[1]}
				if c.Cell == "lstm" {
					o.StartCell = in[2]
				}
				if c.Lengths != nil {
					o.Lengths = in[len(in)-1]
				}
				seq := s.recurrentNamed(c.Cell, in[0], 4, o)
				outs := []*Node{seq.Steps, seq.State}
				if c.Cell == "lstm" {
					outs = append(outs, seq.Cell)
				}
				return append(outs, graph.Gradient(weigh(outs), in[:count+len(names)]...)...)
			}, args...)
			for i, v := range c.Outputs {
				near64(t, fmt.Sprint("output ", i), out[i], v.Data, 1e-9)
			}
			out = out[len(c.Outputs):]
			for i, v := range c.DInputs {
				near64(t, fmt.Sprint("gradient of input ", i), out[i], v.Data, 1e-9)
			}
			for i, n := range names {
				near64(t, "gradient of "+n, out[count+i], c.DWeights[n].Data, 1e-9)
			}
		})
	}
}

// recurrentTrial is a recurrence of one call with random inputs in float64.
type recurrentTrial struct {
	recurrence
	args []any // float64 tensors, then lengths
}

func newRecurrentTrial(r recurrence) recurrentTrial {
	const batch, steps, channels, hidden = 3, 4, 2, 3
	random := rand.New(rand.NewPCG(7, uint64(r.cell)))
	draw := func(dims ...int) any {
		data := make([]float64, product(dims))
		for i := range data {
			data[i] = random.NormFloat64()
		}
		return tensors.FromFlatDataAndDimensions(data, dims...)
	}
	rows := r.cell.gates() * hidden
	trial := recurrentTrial{r, []any{draw(batch, steps, channels), draw(batch, hidden)}}
	if r.cell == lstm {
		trial.args = append(trial.args, draw(batch, hidden))
	}
	trial.args = append(trial.args, draw(rows, channels), draw(rows, hidden), draw(rows), draw(rows))
	if r.lengths {
		trial.args = append(trial.args, []int32{3, 0, 4})
	}
	return trial
}

func (r recurrentTrial) floats() int {
	if r.lengths {
		return len(r.args) - 1
	}
	return len(r.args)
}

func everyRecurrence(t *testing.T, check func(t *testing.T, r recurrentTrial)) {
	for _, c := range []cell{simple, gru, lstm} {
		for i := range 4 {
			r := recurrence{c, i&1 == 1, i&2 == 2}
			t.Run(fmt.Sprintf("%v/reverse=%v/lengths=%v", c, r.reverse, r.lengths), func(t *testing.T) {
				check(t, newRecurrentTrial(r))
			})
		}
	}
}

// TestRecurrentGradientOfTheBody compares the gradient written by hand with the one that follows from the operations
// of the body, and the gradient of its square with that of the other: first and second derivatives.
func TestRecurrentGradientOfTheBody(t *testing.T) {
	everyRecurrence(t, func(t *testing.T, r recurrentTrial) {
		derivatives := func(call func(in []*Node) []*Node) [][]float64 {
			return runGraph(t, func(in []*Node) []*Node {
				first := graph.Gradient(weigh(call(in)[:r.results()]), in[:r.floats()]...)
				var squares *Node
				for _, d := range first {
					term := graph.ReduceAllSum(graph.Square(d))
					if squares == nil {
						squares = term
					} else {
						squares = graph.Add(squares, term)
					}
				}
				return append(first, graph.Gradient(squares, in[:r.floats()]...)...)
			}, r.args...)
		}
		got := derivatives(r.call)
		want := derivatives(func(in []*Node) []*Node { return autodiff.Call("plain", nil, in, r.forward, nil) })
		for i := range want {
			near64(t, fmt.Sprintf("derivative %d of input %d", 1+i/r.floats(), i%r.floats()), got[i], want[i], 1e-10)
		}
	})
}

// TestRecurrentFiniteDifferences compares each gradient with the slope of the loss along a random direction.
func TestRecurrentFiniteDifferences(t *testing.T) {
	everyRecurrence(t, func(t *testing.T, r recurrentTrial) {
		exec, err := graph.NewExec(stock(t), func(in []*Node) []*Node {
			loss := weigh(r.call(in)[:r.results()])
			return append(graph.Gradient(loss, in[:r.floats()]...), loss)
		})
		if err != nil {
			t.Fatal(err)
		}
		run := func() [][]float64 {
			var values [][]float64
			for _, o := range exec.MustCall(r.args...) {
				values = append(values, tensors.MustCopyFlatData[float64](o))
			}
			return values
		}
		gradients := run()
		random := rand.New(rand.NewPCG(1, 2))
		for i := range r.floats() {
			x := r.args[i].(*tensors.Tensor)
			base, slope := tensors.MustCopyFlatData[float64](x), 0.0
			direction := make([]float64, len(base))
			for j := range direction {
				direction[j] = random.NormFloat64()
				slope += direction[j] * gradients[i][j]
			}
			along := func(step float64) float64 {
				moved := slices.Clone(base)
				for j := range moved {
					moved[j] += step * direction[j]
				}
				r.args[i] = tensors.FromFlatDataAndDimensions(moved, x.Shape().Dimensions...)
				out := run()
				return out[len(out)-1][0]
			}
			const step = 1e-5
			want := (along(step) - along(-step)) / (2 * step)
			r.args[i] = x
			if math.Abs(slope-want) > 1e-7*(1+math.Abs(want)) { // step² of curvature, rounding / step
				t.Errorf("slope along input %d is %v, want %v", i, slope, want)
			}
		}
	})
}

// TestRecurrentIgnoresWhatDoesNotCount fills the steps beyond the lengths with no numbers.
func TestRecurrentIgnoresWhatDoesNotCount(t *testing.T) {
	everyRecurrence(t, func(t *testing.T, r recurrentTrial) {
		if !r.lengths {
			return
		}
		results := func() [][]float64 {
			return runGraph(t, func(in []*Node) []*Node {
				out := r.call(in)
				return append(graph.Gradient(weigh(out[:r.results()]), in[:r.floats()]...), out...)
			}, r.args...)
		}
		want := results()
		x := r.args[0].(*tensors.Tensor)
		data := tensors.MustCopyFlatData[float64](x)
		lengths, steps, channels := r.args[len(r.args)-1].([]int32), x.Shape().Dimensions[1], x.Shape().Dimensions[2]
		for b, n := range lengths {
			for i := int(n) * channels; i < steps*channels; i++ {
				data[b*steps*channels+i] = math.NaN()
			}
		}
		r.args[0] = tensors.FromFlatDataAndDimensions(data, x.Shape().Dimensions...)
		for i, got := range results() {
			near64(t, fmt.Sprint("result ", i), got, want[i], 0)
		}
	})
}

func TestRecurrentDropoutBetweenLayers(t *testing.T) {
	build := func(rate float64, layers int) []float64 {
		state := RandomState(1, 1)
		return runGraph(t, func(in []*Node) []*Node {
			s := NewScope(in[0].Graph(), ScopeOptions{DType: dtypes.Float64, Training: true, RNG: in[1], Bind: func(spec Spec) *Node {
				return graph.MulScalar(graph.OnesLike(graph.Zeros(in[0].Graph(), graphShapeOf(spec))), 0.3)
			}})
			return []*Node{s.RNN(in[0], 5, Recurrent{Layers: layers, Dropout: rate}).Steps}
		}, [][][]float64{{{1}, {2}, {-1}}}, state[:])[0]
	}
	if !slices.Equal(build(0.5, 1), build(0, 1)) {
		t.Error("a single layer drops")
	}
	if slices.Equal(build(0.5, 2), build(0, 2)) {
		t.Error("nothing is dropped between two layers")
	}
}

func graphShapeOf(spec Spec) Shape {
	shape := Float32s(spec.Dims...)
	shape.DType = dtypes.Float64
	return shape
}

func TestRecurrentRefusals(t *testing.T) {
	for want, build := range map[string]func(s *Scope, x *Node){
		"takes arrays of rank":  func(s *Scope, x *Node) { s.GRU(graph.Squeeze(x, 0), 2, Recurrent{}) },
		"lengths of type int32": func(s *Scope, x *Node) { s.LSTM(x, 2, Recurrent{Lengths: x}) },
		"no cell to start from": func(s *Scope, x *Node) { s.RNN(x, 2, Recurrent{StartCell: x}) },
		"of 1 layers and width": func(s *Scope, x *Node) { s.RNN(x, 0, Recurrent{Layers: 1}) },
	} {
		exec, err := graph.NewExec(stock(t), func(in []*Node) []*Node {
			build(NewScope(in[0].Graph(), ScopeOptions{}), in[0])
			return in
		})
		if err == nil {
			_, err = exec.Call([][][]float32{{{1, 2}}})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}
