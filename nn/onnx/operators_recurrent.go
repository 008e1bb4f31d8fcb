package onnx

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/nn"
)

// cellOf is what differs between RNN, GRU and LSTM. order has, at the place of each gate in package nn, its place in
// ONNX.
var cellOf = map[string]struct {
	layer       func(*nn.Scope, *Node, int, nn.Recurrent) nn.Sequence
	order       []int
	activations []string
}{
	"RNN":  {(*nn.Scope).RNN, []int{0}, []string{"Tanh"}},
	"GRU":  {(*nn.Scope).GRU, []int{1, 0, 2}, []string{"Sigmoid", "Tanh"}},
	"LSTM": {(*nn.Scope).LSTM, []int{0, 2, 3, 1}, []string{"Sigmoid", "Tanh", "Tanh"}},
}

// recurrent builds one layer: X, W, R, B, lengths, initial state, and for LSTM initial cell and peepholes.
func recurrent(c *converter, n *nodeProto, in []*value) []*value {
	cell := cellOf[n.op]
	direction := n.string("direction", "forward")
	directions := 1
	if direction == "bidirectional" {
		directions = 2
	}
	refuseVariants(n, in, slices.Repeat(cell.activations, directions))
	x := c.node1(in[0])
	w, r := c.node1(in[1]), c.node1(in[2])
	if x.Rank() != 3 || w.Rank() != 3 || r.Rank() != 3 || w.Shape().Dimensions[0] != directions || r.Shape().Dimensions[0] != directions {
		fail("inputs with %d, %d and %d axes, or weights for other directions", x.Rank(), w.Rank(), r.Rank())
	}
	swap := n.int("layout", 0) == 0
	if swap {
		x = graph.TransposeAllAxes(x, 1, 0, 2)
	}
	hidden, batch := r.Shape().Dimensions[2], x.Shape().Dimensions[0]
	gates := len(cell.order)
	if hidden != n.int("hidden_size", hidden) || w.Shape().Dimensions[1] != gates*hidden || r.Shape().Dimensions[1] != gates*hidden {
		fail("weights for another hidden size")
	}
	o := nn.Recurrent{Bidirectional: direction != "forward"}
	if in[4] != nil {
		o.Lengths = graph.ConvertDType(c.node1(in[4]), dtypes.Int32)
	}
	start := func(v *value) *Node {
		if v == nil {
			return nil
		}
		s := c.node1(v)
		if s.Rank() != 3 {
			fail("an initial state with %d axes", s.Rank())
		}
		if !swap {
			s = graph.TransposeAllAxes(s, 1, 0, 2)
		}
		if direction == "reverse" { // the direction that is dropped needs one too
			s = graph.Concatenate([]*Node{s, s}, 0)
		}
		return s
	}
	o.Start = start(in[5])
	if n.op == "LSTM" {
		o.StartCell = start(in[6])
	}
	seq := cell.layer(c.with(c.recurrentWeights(in, w, r, cell.order, hidden, direction)), x, hidden, o)
	return sequenceOutputs(seq, n, batch, hidden, direction, swap)
}

func refuseVariants(n *nodeProto, in []*value, activations []string) {
	if a := n.attribute("activations", kindStrings); a != nil && !slices.Equal(a.strings, activations) {
		fail("activations %q; %q are supported", a.strings, activations)
	}
	if n.has("clip") || n.int("input_forget", 0) != 0 || len(in) > 7 && in[7] != nil {
		fail("clip, input_forget and peepholes are not supported")
	}
	if n.op == "GRU" && n.int("linear_before_reset", 0) == 0 {
		fail("a reset before the product (linear_before_reset 0) is not supported")
	}
	if d := n.string("direction", "forward"); d != "forward" && d != "reverse" && d != "bidirectional" {
		fail("direction %q", d)
	}
}

// recurrentWeights are those of one layer of package nn. A single backward direction is the second of two, the first
// of which has the same weights and is dropped.
func (c *converter) recurrentWeights(in []*value, w, r *Node, order []int, hidden int, direction string) map[string]*Node {
	weights := map[string]*Node{}
	gates := func(x *Node, axis int) *Node {
		var parts []*Node
		for _, k := range order {
			parts = append(parts, graph.SliceAxis(x, axis, graph.AxisRange(k*hidden, (k+1)*hidden)))
		}
		if len(parts) == 1 {
			return x
		}
		return graph.Concatenate(parts, axis)
	}
	put := func(k int, suffix string) {
		one := func(x *Node) *Node { return graph.Squeeze(graph.SliceAxis(x, 0, graph.AxisElem(k)), 0) }
		weights["weight_ih_l0"+suffix], weights["weight_hh_l0"+suffix] = gates(one(w), 0), gates(one(r), 0)
		rows := len(order) * hidden
		if in[3] == nil {
			zero := graph.BroadcastToDims(graph.ScalarZero(c.g, w.DType()), rows)
			weights["bias_ih_l0"+suffix], weights["bias_hh_l0"+suffix] = zero, zero
			return
		}
		b := c.node1(in[3])
		if b.Rank() != 2 || b.Shape().Dimensions[1] != 2*rows {
			fail("a bias of dimensions %v", b.Shape().Dimensions)
		}
		b = one(b)
		weights["bias_ih_l0"+suffix] = gates(graph.SliceAxis(b, 0, graph.AxisRange(0, rows)), 0)
		weights["bias_hh_l0"+suffix] = gates(graph.SliceAxis(b, 0, graph.AxisRange(rows, 2*rows)), 0)
	}
	put(0, "")
	switch direction {
	case "reverse":
		put(0, "_reverse")
	case "bidirectional":
		put(1, "_reverse")
	}
	return weights
}

// sequenceOutputs are Y, Y_h and Y_c in ONNX's order of axes.
func sequenceOutputs(seq nn.Sequence, n *nodeProto, batch, hidden int, direction string, swap bool) []*value {
	steps := seq.Steps.Shape().Dimensions[1]
	second := func(x *Node, axis int) *Node {
		if direction == "reverse" {
			return graph.SliceAxis(x, axis, graph.AxisRange(1, 2))
		}
		return x
	}
	y := second(graph.Reshape(seq.Steps, batch, steps, -1, hidden), 2)
	state := func(x *Node) *value {
		x = second(x, 0)
		if !swap {
			x = graph.TransposeAllAxes(x, 1, 0, 2)
		}
		return of(x)
	}
	if swap {
		y = graph.TransposeAllAxes(y, 1, 2, 0, 3)
	}
	out := []*value{of(y), state(seq.State)}
	if n.op == "LSTM" {
		out = append(out, state(seq.Cell))
	}
	return out
}
