package nn

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"galen.dev/fault"
)

// torchOptim is testdata/train_optimisers.json.
type torchOptim struct {
	Shapes    [][]int
	Start     [][]float64
	Gradients [][][]float64
	Rates     []float64
	Cases     map[string][][][]float64
	Clips     []struct {
		Norm, Value, Before float64
		After               [][]float64
	}
	Average [][][]float64
}

func readTorchOptim(t *testing.T) (v torchOptim) {
	t.Helper()
	text, err := os.ReadFile("testdata/train_optimisers.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// eval runs a graph in float64 on flat arrays of these dimensions and returns flat outputs.
func eval(t *testing.T, dims [][]int, flat [][]float64, build func(in []*Node) []*Node) [][]float64 {
	t.Helper()
	g := graph.NewGraph(stock(t), "")
	defer g.Finalize()
	var in []*Node
	var args []any
	for i, d := range dims {
		in = append(in, graph.Parameter(g, fmt.Sprint(i), shapes.Make(dtypes.Float64, d...)))
		args = append(args, tensors.FromFlatDataAndDimensions(flat[i], d...))
	}
	if err := g.Compile(build(in)...); err != nil {
		t.Fatal(err)
	}
	var out [][]float64
	for _, r := range g.Run(args...) {
		out = append(out, tensors.MustCopyFlatData[float64](r))
	}
	return out
}

// near: both sides compute in float64 with the same formula; the order of a few operations differs.
func near(t *testing.T, what string, got, want [][]float64) {
	t.Helper()
	for i := range want {
		for j := range want[i] {
			if d := math.Abs(got[i][j] - want[i][j]); !(d <= 1e-12*(1+math.Abs(want[i][j]))) {
				t.Errorf("%s: array %d, value %d: %v, want %v", what, i, j, got[i][j], want[i][j])
				return
			}
		}
	}
}

func TestOptimisersAgainstTorch(t *testing.T) {
	v := readTorchOptim(t)
	cases := map[string]Optimiser{
		"sgd":                          SGD{},
		"sgd decay":                    SGD{WeightDecay: 0.05},
		"sgd momentum":                 SGD{Momentum: 0.9},
		"sgd momentum dampening decay": SGD{Momentum: 0.8, Dampening: 0.3, WeightDecay: 0.01},
		"sgd nesterov":                 SGD{Momentum: 0.9, Nesterov: true, WeightDecay: 0.01},
		"adam":                         Adam{},
		"adam betas decay":             Adam{Beta1: 0.5, Beta2: 0.99, Epsilon: 1e-6, WeightDecay: 0.02},
		"adam beta1 zero":              Adam{Beta1: -1, Beta2: 0.9},
		"adamw":                        AdamW{},
		"adamw betas decay":            AdamW{Beta1: 0.8, Beta2: 0.95, Epsilon: 1e-7, WeightDecay: 0.1},
		"adamw no decay":               AdamW{WeightDecay: -1},
	}
	if len(cases) != len(v.Cases) {
		t.Fatalf("%d cases of %d", len(cases), len(v.Cases))
	}
	for name, o := range cases {
		if err := o.Check(); err != nil {
			t.Error(err)
		}
		weights := v.Start
		slots := [][]float64{}
		for _, w := range weights {
			for range o.slots() {
				slots = append(slots, make([]float64, len(w)))
			}
		}
		k := len(o.slots())
		for step, want := range v.Cases[name] {
			var dims [][]int
			var flat [][]float64
			for _, s := range o.scalars(v.Rates[step], step+1) {
				dims, flat = append(dims, nil), append(flat, []float64{s})
			}
			n := len(dims)
			for i, w := range weights {
				dims, flat = append(dims, v.Shapes[i], v.Shapes[i]), append(flat, w, v.Gradients[step][i])
				for j := range k {
					dims, flat = append(dims, v.Shapes[i]), append(flat, slots[i*k+j])
				}
			}
			out := eval(t, dims, flat, func(in []*Node) (out []*Node) {
				scalars, rest := in[:n], in[n:]
				for ; len(rest) > 0; rest = rest[2+k:] {
					next, nextSlots := o.update(rest[0], rest[1], rest[2:2+k], scalars)
					out = append(append(out, next), nextSlots...)
				}
				return out
			})
			weights, slots = nil, nil
			for ; len(out) > 0; out = out[1+k:] {
				weights, slots = append(weights, out[0]), append(slots, out[1:1+k]...)
			}
			near(t, fmt.Sprintf("%s, step %d", name, step+1), weights, want)
		}
	}
}

func TestDecayOfMatricesOnly(t *testing.T) {
	for _, c := range []struct{ some, none Optimiser }{
		{SGD{WeightDecay: 0.1, SkipVectors: true}, SGD{}},
		{Adam{WeightDecay: 0.1, SkipVectors: true}, Adam{}},
		{AdamW{WeightDecay: 0.1, SkipVectors: true}, AdamW{WeightDecay: -1}},
	} {
		for rank, dims := range [][]int{nil, {1}, {1, 1}} {
			var next [2]float64
			for i, o := range []Optimiser{c.some, c.none} {
				scalars := o.scalars(0.5, 1)
				all, flat := [][]int{dims, dims}, [][]float64{{3}, {0.25}}
				for range o.slots() {
					all, flat = append(all, dims), append(flat, []float64{0})
				}
				for _, s := range scalars {
					all, flat = append(all, nil), append(flat, []float64{s})
				}
				k := len(o.slots())
				next[i] = eval(t, all, flat, func(in []*Node) []*Node {
					w, _ := o.update(in[0], in[1], in[2:2+k], in[2+k:])
					return []*Node{w}
				})[0][0]
			}
			if same := next[0] == next[1]; same != (rank < 2) {
				t.Errorf("%T, rank %d: %v", c.some, rank, next)
			}
		}
	}
}

func TestClipAgainstTorch(t *testing.T) {
	v := readTorchOptim(t)
	for _, c := range v.Clips {
		out := eval(t, v.Shapes, v.Gradients[1], func(in []*Node) []*Node {
			clipped, norm := Clip{Norm: c.Norm, Value: c.Value}.apply(in)
			return append(clipped, norm)
		})
		near(t, fmt.Sprintf("clip %g, %g", c.Norm, c.Value), out, append(c.After, []float64{c.Before}))
	}
}

func TestAverageAgainstTorch(t *testing.T) {
	v := readTorchOptim(t)
	a := Average{Decay: 0.9}
	weights, average := v.Start, v.Start
	for step, want := range v.Average {
		next := make([][]float64, len(weights))
		for i, w := range weights {
			for j := range w {
				next[i] = append(next[i], w[j]-0.1*v.Gradients[step][i][j])
			}
		}
		weights = next
		dims := append([][]int{nil}, append(append([][]int{}, v.Shapes...), v.Shapes...)...)
		flat := append([][]float64{{a.decay(step + 1)}}, append(append([][]float64{}, average...), weights...)...)
		average = eval(t, dims, flat, func(in []*Node) (out []*Node) {
			for i := range v.Shapes {
				out = append(out, a.update(in[1+i], in[1+len(v.Shapes)+i], in[0]))
			}
			return out
		})
		near(t, fmt.Sprintf("average, step %d", step+1), average, want)
	}
	if d := (Average{Decay: 0.999, WarmUp: true}).decay(2); d != 0.25 {
		t.Errorf("decay of step 2 of a warm-up: %v", d)
	}
}

func TestOptimisersThatAreRefused(t *testing.T) {
	for _, o := range []interface{ Check() error }{
		SGD{Momentum: 1},
		SGD{Momentum: math.NaN()},
		SGD{WeightDecay: -1},
		SGD{Dampening: 2},
		SGD{Nesterov: true},
		SGD{Nesterov: true, Momentum: 0.9, Dampening: 0.1},
		Adam{Beta1: 1},
		Adam{Beta2: math.NaN()},
		Adam{Epsilon: -1},
		Adam{WeightDecay: -0.1},
		AdamW{WeightDecay: math.Inf(1)},
		AdamW{Beta2: 2},
		Clip{Norm: -1},
		Clip{Value: math.NaN()},
		Average{Decay: 1},
	} {
		if err := o.Check(); fault.KindOf(err) != fault.Usage {
			t.Errorf("%T%+v: %v", o, o, err)
		}
	}
	for _, name := range OptimiserNames {
		if o, err := NewOptimiser(name); err != nil || o.Check() != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewOptimiser("adma"); fault.HintOf(err) == "" {
		t.Error("no hint")
	}
}
