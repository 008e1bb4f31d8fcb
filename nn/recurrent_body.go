package nn

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
)

// The recurrences step by step in ordinary operations: the meaning of the calls, and how a backend without a kernel
// runs them.

// arguments are the inputs of a call, named.
type arguments struct {
	recurrence
	x, h0, c0, wIH, wHH, bIH, bHH *Node
	counts                        *Node // lengths, or nil

	batch, steps, hidden int
}

func (r recurrence) read(in []*Node) *arguments {
	a := &arguments{recurrence: r, x: in[0], h0: in[1]}
	in = in[2:]
	if r.cell == lstm {
		a.c0, in = in[0], in[1:]
	}
	a.wIH, a.wHH, a.bIH, a.bHH = in[0], in[1], in[2], in[3]
	if r.lengths {
		a.counts = in[4]
		// What does not count may be no number, which times zero is none either.
		there := graph.LessThan(graph.Iota(a.x.Graph(), Int32s(a.x.Shape().Dimensions...), 1), across(a.counts, a.x))
		a.x = graph.Where(there, a.x, graph.ZerosLike(a.x))
	}
	a.batch, a.steps, a.hidden = a.x.Shape().Dimensions[0], a.x.Shape().Dimensions[1], lastDim(a.h0)
	return a
}

// across spreads a vector over the batch to the dimensions of x.
func across(v, x *Node) *Node {
	for v.Rank() < x.Rank() {
		v = graph.InsertAxes(v, -1)
	}
	return graph.BroadcastToDims(v, x.Shape().Dimensions...)
}

// step is the n-th step in the order of processing.
func (a *arguments) step(n int) int {
	if a.reverse {
		return a.steps - 1 - n
	}
	return n
}

// where chooses counted for the sequences whose step t counts, and other for the rest.
func (a *arguments) where(t int, counted, other *Node) *Node {
	if a.counts == nil {
		return counted
	}
	there := graph.GreaterThan(a.counts, graph.Scalar(a.counts.Graph(), dtypes.Int32, t))
	return graph.Where(across(there, counted), counted, other)
}

// at is step t of x, (batch, time, n).
func at(x *Node, t int) *Node { return graph.Squeeze(graph.SliceAxis(x, 1, graph.AxisElem(t)), 1) }

// gate is gate k of x, (batch, gates · hidden).
func gate(x *Node, k, hidden int) *Node {
	return graph.SliceAxis(x, 1, graph.AxisRange(k*hidden, (k+1)*hidden))
}

// affine is x·wᵀ + b over the last axis.
func affine(x, w, b *Node) *Node {
	return addChannels(graph.DotGeneral(x, []int{x.Rank() - 1}, nil, w, []int{1}, nil), b)
}

// overSteps puts what each step left side by side: (batch, time, n).
func overSteps(steps []*Node) *Node { return graph.Stack(steps, 1) }

// forward is the body of a recurrence.
func (r recurrence) forward(in []*Node) []*Node {
	a := r.read(in)
	if a.steps == 0 {
		refuse("%v over no steps", r.cell)
	}
	products := affine(a.x, a.wIH, a.bIH)
	h, c := a.h0, a.c0
	ys, kept := make([]*Node, a.steps), make([]*Node, a.steps)
	for n := range a.steps {
		t := a.step(n)
		next, nextC, keep := r.advance(at(products, t), affine(h, a.wHH, a.bHH), h, c)
		ys[t] = a.where(t, next, graph.ZerosLike(next))
		h = a.where(t, next, h)
		if keep != nil {
			kept[t] = a.where(t, keep, graph.ZerosLike(keep))
		}
		if nextC != nil {
			c = a.where(t, nextC, c)
		}
	}
	switch r.cell {
	case simple:
		return []*Node{overSteps(ys), h}
	case gru:
		return []*Node{overSteps(ys), h, overSteps(kept)}
	default:
		return []*Node{overSteps(ys), h, c, overSteps(kept)}
	}
}

// advance makes one step from the input's and the state's sums, (batch, gates · hidden): the new state, the new cell
// and what is kept.
func (r recurrence) advance(ofX, ofH, h, c *Node) (state, newCell, keep *Node) {
	u := lastDim(h)
	if r.cell == simple {
		return graph.Tanh(graph.Add(ofX, ofH)), nil, nil
	}
	sum := func(k int) *Node { return graph.Add(gate(ofX, k, u), gate(ofH, k, u)) }
	if r.cell == gru {
		reset, update := graph.Sigmoid(sum(0)), graph.Sigmoid(sum(1))
		share := gate(ofH, 2, u)
		fresh := graph.Tanh(graph.Add(gate(ofX, 2, u), graph.Mul(reset, share)))
		state = graph.Add(graph.Mul(graph.Sub(h, fresh), update), fresh)
		return state, nil, graph.Concatenate([]*Node{reset, update, fresh, share}, 1)
	}
	input, forget, fresh, output := graph.Sigmoid(sum(0)), graph.Sigmoid(sum(1)), graph.Tanh(sum(2)), graph.Sigmoid(sum(3))
	newCell = graph.Add(graph.Mul(forget, c), graph.Mul(input, fresh))
	state = graph.Mul(output, graph.Tanh(newCell))
	return state, newCell, graph.Concatenate([]*Node{input, forget, fresh, output, newCell}, 1)
}
