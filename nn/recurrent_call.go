package nn

import (
	"slices"

	"galen.dev/engine/autodiff"
)

// A recurrence of one layer and direction is a call of package autodiff, which a backend may run by a kernel
// (engine/rnn has them). The kinds are "rnn", "gru" and "lstm", with the attributes reverse and lengths, each 0 or 1.
//
// Inputs: x (batch, time, channels); h0 (batch, hidden); for LSTM c0 (batch, hidden); w_ih (gates·hidden, channels);
// w_hh (gates·hidden, hidden); b_ih, b_hh (gates·hidden); where lengths is 1, lengths (batch), int32.
//
// Outputs: y (batch, time, hidden); hN (batch, hidden); for LSTM cN (batch, hidden); then, for GRU and LSTM, what the
// gradient needs: (batch, time, 4·hidden) with r, z, n and the state's share of n before the reset; (batch, time,
// 5·hidden) with i, f, g, o and the cell. Beyond the lengths y and that are zero.
//
// The kinds with _gradient have the same attributes. Inputs: those of the recurrence, then its y, for GRU and LSTM what
// the gradient needs, dy, dhN, and for LSTM dcN. Outputs: dx, dh0, for LSTM dc0, dw_ih, dw_hh, db_ih, db_hh.
type recurrence struct {
	cell             cell
	reverse, lengths bool
}

// cell is a kind of recurrence.
type cell int

const (
	simple cell = iota
	gru
	lstm
)

func (c cell) String() string { return [...]string{"rnn", "gru", "lstm"}[c] }

// gates is how many times hidden rows the weights have.
func (c cell) gates() int { return [...]int{1, 3, 4}[c] }

func (r recurrence) attrs() []int {
	attrs := []int{0, 0}
	if r.reverse {
		attrs[0] = 1
	}
	if r.lengths {
		attrs[1] = 1
	}
	return attrs
}

// call adds the recurrence to the graph and returns its outputs.
func (r recurrence) call(inputs []*Node) []*Node {
	return autodiff.Call(r.cell.String(), r.attrs(), inputs, r.forward, r.gradient)
}

// gradient is a call of its own.
func (r recurrence) gradient(inputs, outputs, dOutputs []*Node) []*Node {
	n := len(inputs)
	all := slices.Concat(inputs, r.needed(outputs), dOutputs[:r.results()])
	d := autodiff.Call(r.cell.String()+"_gradient", r.attrs(), all, r.backward, func(in, _, d []*Node) []*Node {
		// The gradient of a gradient: what the recurrence kept follows from its inputs, so it is computed anew, and
		// all that depends on it counts as depending on them.
		given := slices.Concat(in[:n], in[len(in)-r.results():])
		second := autodiff.Differentiate(func(in []*Node) []*Node {
			again := r.forward(in[:n])
			return r.backward(slices.Concat(in[:n], r.needed(again), in[n:]))
		}, given, d)
		return slices.Concat(second[:n], make([]*Node, len(in)-len(given)), second[n:])
	})
	if r.lengths {
		d = append(d, nil)
	}
	return d
}

// results is how many outputs a loss may depend on: y, hN, and cN.
func (r recurrence) results() int {
	if r.cell == lstm {
		return 3
	}
	return 2
}

// needed are the outputs that the gradient needs: y, and what was kept for it.
func (r recurrence) needed(outputs []*Node) []*Node {
	return slices.Concat(outputs[:1], outputs[r.results():])
}
