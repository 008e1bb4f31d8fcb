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

// mayLack tells whether the kernel of a recurrence can do without its output i: the last states and what is kept,
// and on the way back the gradients of x and of the first states.
func mayLack(n *node, i int) bool {
	kind, _, _ := autodiff.Parse(n.attr.(callAttr).fn.name)
	if cell, ok := strings.CutSuffix(kind, gradientSuffix); ok {
		return i < 2 || i == 2 && cell == "lstm"
	}
	return i > 0
}

// lowerRecurrence returns the kernel of a call that hasKernel, whose inputs lie at the given places.
func (b *planBuilder) lowerRecurrence(n *node, at []place) kernel {
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
		loaded := b.allUnchanged(at[1+states : 5+states])
		return func(in, out [][]byte) error {
			x, w, _ := given(in)
			y, _ := results(out, true)
			if !loaded() {
				p.Load(w)
			}
			p.Run(x, y)
			return nil
		}
	}
	p := rnn.NewBackward(shape)
	b.borrowers = append(b.borrowers, p)
	return func(in, out [][]byte) error {
		x, w, rest := given(in)
		y, rest := results(rest, false)
		arriving := rnn.Arriving{Y: view32(rest[0]), HN: view32(rest[1])}
		d := rnn.Gradients{}
		if states == 2 {
			arriving.CN = view32(rest[2])
		}
		d.X, d.H0 = view32(out[0]), view32(out[1])
		if states == 2 {
			d.C0 = view32(out[2])
		}
		w4 := out[1+states:]
		d.IH, d.HH, d.BiasIH, d.BiasHH = view32(w4[0]), view32(w4[1]), view32(w4[2]), view32(w4[3])
		p.Load(w)
		p.Run(x, y, arriving, d)
		return nil
	}
}
