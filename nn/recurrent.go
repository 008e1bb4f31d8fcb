package nn

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
)

// Recurrent says how Scope.RNN, GRU and LSTM work. The zero value is one layer from the first step to the last,
// which starts from zero and takes every step.
type Recurrent struct {
	Layers        int     // each takes the steps of the one before; 0 means 1
	Bidirectional bool    // each layer also runs from the last step to the first, beside
	Dropout       float64 // of what passes from layer to layer
	// Lengths, (batch), int32, is how many steps of each sequence count; nil means all. After them the state
	// stays what it is, and the steps of the result are zero. The backward direction starts at the last step
	// that counts. Steps that do not count may hold anything.
	Lengths *Node
	// Start is the state before the first step, (layers · directions, batch, hidden), and StartCell the cell,
	// for LSTM alone; nil means zero.
	Start, StartCell *Node
}

// Sequence is what a recurrence gives.
type Sequence struct {
	Steps *Node // (batch, time, directions · hidden): the last layer's state after each step
	Last  *Node // (batch, directions · hidden): the last layer's state at its end, after the first step for the backward direction
	State *Node // (layers · directions, batch, hidden): every layer's state at its end
	Cell  *Node // likewise the cell, for LSTM; else nil
}

// RNN is the simple recurrence h' = tanh(W·x + U·h + b) (Elman 1990) over x, (batch, time, channels). Weights, as in
// PyTorch, with the number of the layer k and the suffix _reverse for the backward direction: weight_ih_lk (hidden,
// channels), weight_hh_lk (hidden, hidden), bias_ih_lk, bias_hh_lk (hidden).
func (s *Scope) RNN(x *Node, hidden int, o Recurrent) Sequence {
	return s.recurrent(simple, x, hidden, o)
}

// GRU is the gated recurrent unit (Cho et al. 2014) in the variant of cuDNN and PyTorch: the reset gate acts on the
// product with the state and its bias. Weights as for RNN, with three times the rows: reset, update, new.
func (s *Scope) GRU(x *Node, hidden int, o Recurrent) Sequence {
	return s.recurrent(gru, x, hidden, o)
}

// LSTM is long short-term memory (Hochreiter and Schmidhuber 1997) with forget gates (Gers et al. 2000). Weights as
// for RNN, with four times the rows: input, forget, cell, output.
func (s *Scope) LSTM(x *Node, hidden int, o Recurrent) Sequence {
	return s.recurrent(lstm, x, hidden, o)
}

func (s *Scope) recurrent(c cell, x *Node, hidden int, o Recurrent) Sequence {
	wantRank(c.String(), x, 3)
	directions := 1
	if o.Bidirectional {
		directions = 2
	}
	layers := max(o.Layers, 1)
	batch := x.Shape().Dimensions[0]
	if o.Lengths != nil && (o.Lengths.DType() != dtypes.Int32 || o.Lengths.Rank() != 1 || o.Lengths.Shape().Dimensions[0] != batch) {
		refuse("%v takes lengths of type int32, one for each of %d sequences, not %s", c, batch, o.Lengths.Shape())
	}
	if hidden < 1 || o.Layers < 0 {
		refuse("%v of %d layers and width %d", c, o.Layers, hidden)
	}
	if o.StartCell != nil && c != lstm {
		refuse("%v has no cell to start from", c)
	}
	var states, cells []*Node
	var seq Sequence
	for layer := range layers {
		if layer > 0 {
			x = s.Dropout(x, o.Dropout)
		}
		var steps, last []*Node
		for d := range directions {
			k := layer*directions + d
			r := recurrence{cell: c, reverse: d == 1, lengths: o.Lengths != nil}
			out := r.call(s.recurrentInputs(r, x, hidden, layer, part(s, o.Start, k, batch, hidden), part(s, o.StartCell, k, batch, hidden), o.Lengths))
			steps, last = append(steps, out[0]), append(last, out[1])
			states = append(states, out[1])
			if c == lstm {
				cells = append(cells, out[2])
			}
		}
		x = join(steps, 2)
		seq.Steps, seq.Last = x, join(last, 1)
	}
	seq.State = graph.Stack(states, 0)
	if c == lstm {
		seq.Cell = graph.Stack(cells, 0)
	}
	return seq
}

// recurrentInputs are the inputs of a call, in their order, with the weights of one layer and direction.
func (s *Scope) recurrentInputs(r recurrence, x *Node, hidden, layer int, h0, c0, lengths *Node) []*Node {
	suffix := fmt.Sprintf("_l%d", layer)
	if r.reverse {
		suffix += "_reverse"
	}
	rows, init := r.cell.gates()*hidden, Uniform(1/math.Sqrt(float64(hidden)))
	inputs := []*Node{x, h0}
	if r.cell == lstm {
		inputs = append(inputs, c0)
	}
	inputs = append(inputs,
		s.Weight("weight_ih"+suffix, init, rows, lastDim(x)),
		s.Weight("weight_hh"+suffix, init, rows, hidden),
		s.Weight("bias_ih"+suffix, init, rows),
		s.Weight("bias_hh"+suffix, init, rows))
	if r.lengths {
		inputs = append(inputs, lengths)
	}
	return inputs
}

// part is state k of all, or zeros where all is nil.
func part(s *Scope, all *Node, k, batch, hidden int) *Node {
	if all == nil {
		return graph.Zeros(s.Graph(), graphShape(s, batch, hidden))
	}
	return graph.Squeeze(graph.SliceAxis(all, 0, graph.AxisElem(k)), 0)
}

func graphShape(s *Scope, dims ...int) Shape {
	shape := Float32s(dims...)
	shape.DType = s.DType()
	return shape
}

// join concatenates, or is the one node there is.
func join(nodes []*Node, axis int) *Node {
	if len(nodes) == 1 {
		return nodes[0]
	}
	return graph.Concatenate(nodes, axis)
}
