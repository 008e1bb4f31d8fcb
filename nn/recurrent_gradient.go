package nn

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
)

// backward is the body of a recurrence's gradient: back-propagation through time (Werbos 1990).
func (r recurrence) backward(in []*Node) []*Node {
	more := 1 + r.results() // y and the gradients, and what was kept
	if r.cell != simple {
		more++
	}
	a, rest := r.read(in[:len(in)-more]), in[len(in)-more:]
	y, rest := rest[0], rest[1:]
	var kept, dc *Node
	if r.cell != simple {
		kept, rest = rest[0], rest[1:]
	}
	dy, dh := rest[0], rest[1]
	if r.cell == lstm {
		dc = rest[2]
	}
	// Of each step: the gradients of the input's and of the state's sums, and the state before.
	ofX, ofH, before := make([]*Node, a.steps), make([]*Node, a.steps), make([]*Node, a.steps)
	for n := a.steps - 1; n >= 0; n-- {
		t := a.step(n)
		step := moment{y: at(y, t), h: a.before(n, y, a.h0)}
		if kept != nil {
			step.kept = at(kept, t)
		}
		if r.cell == lstm {
			step.c = a.before(n, graph.SliceAxis(kept, 2, graph.AxisRange(4*a.hidden)), a.c0)
		}
		dX, dH, direct, dCell := r.retreat(step, graph.Add(dh, at(dy, t)), dc)
		before[t] = step.h
		ofX[t], ofH[t] = a.where(t, dX, graph.ZerosLike(dX)), a.where(t, dH, graph.ZerosLike(dH))
		reached := graph.DotGeneral(dH, []int{1}, nil, a.wHH, []int{0}, nil)
		if direct != nil {
			reached = graph.Add(direct, reached)
		}
		dh = a.where(t, reached, dh)
		if dCell != nil {
			dc = a.where(t, dCell, dc)
		}
	}
	dX, dH := overSteps(ofX), overSteps(ofH)
	result := []*Node{graph.DotGeneral(dX, []int{2}, nil, a.wIH, []int{0}, nil), dh}
	if r.cell == lstm {
		result = append(result, dc)
	}
	ofWeights := func(d, x *Node) *Node { return graph.DotGeneral(d, []int{0, 1}, nil, x, []int{0, 1}, nil) }
	return append(result, ofWeights(dX, a.x), ofWeights(dH, overSteps(before)),
		graph.ReduceSum(dX, 0, 1), graph.ReduceSum(dH, 0, 1))
}

// before is what the n-th step in the order of processing found: of all, (batch, time, hidden), the step before, or
// start.
func (a *arguments) before(n int, all, start *Node) *Node {
	if n == 0 {
		return start
	}
	found := at(all, a.step(n-1))
	if a.counts == nil || !a.reverse {
		return found
	}
	// In reverse a sequence starts at the last step that counts.
	inside := graph.GreaterThan(a.counts, graph.Scalar(a.counts.Graph(), dtypes.Int32, a.step(n-1)))
	return graph.Where(across(inside, found), found, start)
}

// A moment is what one step found and left, each (batch, …).
type moment struct{ y, h, c, kept *Node }

// retreat takes dh, the gradient of the state after a step, and dc, that of the cell, back through the step: to the
// input's and the state's sums, to the state before beside its product, and to the cell before.
func (r recurrence) retreat(m moment, dh, dc *Node) (dX, dH, direct, dCell *Node) {
	slope := func(s *Node) *Node { return graph.Mul(s, graph.OneMinus(s)) } // of a sigmoid whose value is s
	if r.cell == simple {
		d := graph.Mul(dh, graph.OneMinus(graph.Square(m.y)))
		return d, d, nil, nil
	}
	u := lastDim(dh)
	k := func(i int) *Node { return gate(m.kept, i, u) }
	if r.cell == gru {
		reset, update, fresh, share := k(0), k(1), k(2), k(3)
		dUpdate := graph.Mul(graph.Mul(dh, graph.Sub(m.h, fresh)), slope(update))
		dFresh := graph.Mul(graph.Mul(dh, graph.OneMinus(update)), graph.OneMinus(graph.Square(fresh)))
		dReset := graph.Mul(graph.Mul(dFresh, share), slope(reset))
		sums := []*Node{dReset, dUpdate, dFresh}
		dX = graph.Concatenate(slices.Clone(sums), 1)
		sums[2] = graph.Mul(dFresh, reset)
		return dX, graph.Concatenate(sums, 1), graph.Mul(dh, update), nil
	}
	input, forget, fresh, output, tanh := k(0), k(1), k(2), k(3), graph.Tanh(k(4))
	dOutput := graph.Mul(graph.Mul(dh, tanh), slope(output))
	dc = graph.Add(dc, graph.Mul(graph.Mul(dh, output), graph.OneMinus(graph.Square(tanh))))
	d := graph.Concatenate([]*Node{
		graph.Mul(graph.Mul(dc, fresh), slope(input)),
		graph.Mul(graph.Mul(dc, m.c), slope(forget)),
		graph.Mul(graph.Mul(dc, input), graph.OneMinus(graph.Square(fresh))),
		dOutput,
	}, 1)
	return d, d, nil, graph.Mul(dc, forget)
}
