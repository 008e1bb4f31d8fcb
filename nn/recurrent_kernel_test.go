package nn

import (
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"galen.dev/engine/rnn"
)

// TestRecurrentCallsMeanWhatTheKernelsDo compares every output of the two calls, what is kept for the gradient among
// them, with the kernels that a backend may put in their place.
func TestRecurrentCallsMeanWhatTheKernelsDo(t *testing.T) {
	everyRecurrence(t, func(t *testing.T, r recurrentTrial) {
		var args []any
		var flat [][]float32
		for _, a := range r.args[:r.floats()] {
			x := a.(*tensors.Tensor)
			var data []float32
			for _, v := range tensors.MustCopyFlatData[float64](x) {
				data = append(data, float32(v))
			}
			flat = append(flat, data)
			args = append(args, tensors.FromFlatDataAndDimensions(data, x.Shape().Dimensions...))
		}
		args = append(args, r.args[r.floats():]...)
		dims := r.args[0].(*tensors.Tensor).Shape().Dimensions
		s := rnn.Shape{Cell: rnn.Cell(r.cell), Batch: dims[0], Steps: dims[1], Input: dims[2], Hidden: len(flat[1]) / dims[0], Reverse: r.reverse}

		var want [][]float32
		exec := graph.MustNewExec(stock(t), func(in []*Node) []*Node {
			out := r.call(in)
			dOutputs := make([]*Node, r.results())
			for i := range dOutputs { // any gradient will do
				dOutputs[i] = graph.AddScalar(graph.MulScalar(out[i], 3), float64(1-i))
			}
			return slices.Concat(out, dOutputs, r.backward(slices.Concat(in, r.needed(out), dOutputs)))
		})
		for _, o := range exec.MustCall(args...) {
			want = append(want, tensors.MustCopyFlatData[float32](o))
		}

		got := kernels(s, r, flat, want)
		for i, g := range got {
			if len(g) != len(want[i]) {
				t.Fatalf("result %d has %d numbers, want %d", i, len(g), len(want[i]))
			}
			for j, w := range want[i] {
				if d := g[j] - w; !(d*d <= 1e-10*(1+w*w)) { // float32 in another order
					t.Fatalf("%s %d: [%d] = %v, want %v", r.cell, i, j, g[j], w)
				}
			}
		}
	})
}

// kernels runs the plans on the inputs of a call and the gradients in want, and returns results in want's order.
func kernels(s rnn.Shape, r recurrentTrial, in, want [][]float32) [][]float32 {
	inputs := rnn.Inputs{X: in[0], H0: in[1]}
	if r.lengths {
		inputs.Lengths = r.args[len(r.args)-1].([]int32)
	}
	weights := in[2:]
	if r.cell == lstm {
		inputs.C0, weights = in[2], in[3:]
	}
	w := rnn.Weights{IH: weights[0], HH: weights[1], BiasIH: weights[2], BiasHH: weights[3]}
	like := func(x []float32) []float32 { return make([]float32, len(x)) }
	out := rnn.Outputs{Y: make([]float32, s.Batch*s.Steps*s.Hidden), HN: like(in[1])}
	results := [][]float32{out.Y, out.HN}
	if r.cell == lstm {
		out.CN = like(in[1])
		results = append(results, out.CN)
	}
	if s.Kept() > 0 {
		out.Kept = make([]float32, s.Batch*s.Steps*s.Kept())
		results = append(results, out.Kept)
	}
	f, b := rnn.NewForward(s), rnn.NewBackward(s)
	f.Load(w)
	f.Run(inputs, out)
	arriving := rnn.Arriving{Y: want[len(results)], HN: want[len(results)+1]}
	grad := rnn.Gradients{X: like(in[0]), H0: like(in[1]), IH: like(w.IH), HH: like(w.HH), BiasIH: like(w.BiasIH), BiasHH: like(w.BiasHH)}
	states := [][]float32{grad.X, grad.H0}
	if r.cell == lstm {
		arriving.CN, grad.C0 = want[len(results)+2], like(in[1])
		states = append(states, grad.C0)
	}
	b.Load(w)
	b.Run(inputs, out, arriving, grad)
	results = append(results, want[len(results):len(results)+r.results()]...)
	return slices.Concat(results, states, [][]float32{grad.IH, grad.HH, grad.BiasIH, grad.BiasHH})
}
