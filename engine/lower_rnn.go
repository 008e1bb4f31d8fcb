package engine

import (
	"strings"

	"github.com/gomlx/compute/dtypes"

	"galen.dev/engine/autodiff"
	"galen.dev/engine/rnn"
)

// recurrences are the kinds of named subgraphs (package autodiff) that package rnn has kernels for; package nn
// says what their inputs and outputs are.
var recurrences = map[string]rnn.Cell{"rnn": rnn.RNN, "gru": rnn.GRU, "lstm": rnn.LSTM}

const gradientSuffix = "_gradient"

// hasKernel tells whether a call runs by a kernel of its own instead of being inlined.
func hasKernel(call *node) bool {
	kind, _, ok := autodiff.Parse(call.attr.(callAttr).fn.name)
	_, known := recurrences[strings.TrimSuffix(kind, gradientSuffix)]
	return ok && known && call.in[0].dtype() == dtypes.Float32 && call.in[0].shape().Size() > 0
}

// lowerRecurrence returns the kernel of a call that hasKernel. wanted says which outputs anybody reads.
func lowerRecurrence(n *node, wanted []bool) kernel {
	kind, attrs, _ := autodiff.Parse(n.attr.(callAttr).fn.name)
	cell := recurrences[strings.TrimSuffix(kind, gradientSuffix)]
	dims, hidden := n.in[0].shape().Dimensions, n.in[1].shape().Dimensions[1]
	shape := rnn.Shape{Cell: cell, Batch: dims[0], Steps: dims[1], Input: dims[2], Hidden: hidden, Reverse: attrs[0] == 1}
	states := 1
	if cell == rnn.LSTM {
		states = 2
	}
	// given splits the inputs that both directions share from the rest.
	given := func(in [][]byte) (rnn.Inputs, rnn.Weights, [][]byte) {
		x := rnn.Inputs{X: view32(in[0]), H0: view32(in[1])}
		if states == 2 {
			x.C0 = view32(in[2])
		}
		rest := in[1+states:]
		w := rnn.Weights{IH: view32(rest[0]), HH: view32(rest[1]), BiasIH: view32(rest[2]), BiasHH: view32(rest[3])}
		rest = rest[4:]
		if attrs[1] == 1 {
			x.Lengths = viewAs[int32](rest[0])
			rest = rest[1:]
		}
		return x, w, rest
	}
	// results are y, the last states, and what is kept.
	results := func(mem [][]byte, withStates bool) (out rnn.Outputs, rest [][]byte) {
		out.Y, rest = view32(mem[0]), mem[1:]
		if withStates {
			out.HN = view32(rest[0])
			if states == 2 {
				out.CN = view32(rest[1])
			}
			rest = rest[states:]
		}
		if cell != rnn.RNN {
			out.Kept = view32(rest[0])
			rest = rest[1:]
		}
		return out, rest
	}
	if !strings.HasSuffix(kind, gradientSuffix) {
		p := rnn.NewForward(shape)
		return func(in, out [][]byte) error {
			x, w, _ := given(in)
			y, _ := results(out, true)
			p.Load(w)
			p.Run(x, y)
			return nil
		}
	}
	p := rnn.NewBackward(shape)
	return func(in, out [][]byte) error {
		x, w, rest := given(in)
		y, rest := results(rest, false)
		arriving := rnn.Arriving{Y: view32(rest[0]), HN: view32(rest[1])}
		d := rnn.Gradients{}
		d.H0 = view32(out[1])
		if states == 2 {
			arriving.CN, d.C0 = view32(rest[2]), view32(out[2])
		}
		if wanted[0] {
			d.X = view32(out[0])
		}
		w4 := out[1+states:]
		d.IH, d.HH, d.BiasIH, d.BiasHH = view32(w4[0]), view32(w4[1]), view32(w4[2]), view32(w4[3])
		p.Load(w)
		p.Run(x, y, arriving, d)
		return nil
	}
}
