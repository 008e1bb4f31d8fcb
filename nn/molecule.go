package nn

import (
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// Molecules is a batch of molecular graphs, or of any graphs, joined into one. Every bond stands twice, once in each
// direction. Arrays of one size suit batches of many: fill up with bonds between a last atom that belongs to a last
// molecule, which stand for nothing.
type Molecules struct {
	Atoms    *Node // (atoms, features)
	Bonds    *Node // (bonds, features)
	From, To *Node // (bonds): atoms that a bond leads from and to
	Reverse  *Node // (bonds): the same bond in the other direction
	Owner    *Node // (atoms): the molecule of an atom
	Count    int   // of molecules
}

// MessagePassing says how Scope.MessagePassing works.
type MessagePassing struct {
	Width      int     // of the messages; 0 means 300
	Steps      int     // of passing on; 0 means 3
	Dropout    float64 // of each new message and of the atoms
	Activation string  // "" means relu
	Bias       bool    // give the maps between messages a bias
}

// MessagePassing learns a vector for each atom, (atoms, width), from messages along directed bonds (D-MPNN, Yang et
// al. 2019): a bond's message is made of the atom it leaves and of the messages that arrive there, but for its own
// reverse, so that nothing is told back at once. Weights: input, hidden, output.
func (s *Scope) MessagePassing(m Molecules, o MessagePassing) *Node {
	wantRank("message passing", m.Atoms, 2)
	wantRank("message passing", m.Bonds, 2)
	width, steps := o.Width, o.Steps
	if width == 0 {
		width = 300
	}
	if steps == 0 {
		steps = 3
	}
	act := mustActivation(o.Activation, "relu")
	atoms := m.Atoms.Shape().Dimensions[0]
	first := s.In("input").Dense(graph.Concatenate([]*Node{gatherRows(m.Atoms, m.From), m.Bonds}, 1), width, Dense{NoBias: !o.Bias})
	message := act(first)
	for range steps - 1 {
		arrived := SumRows(message, m.To, atoms)
		others := graph.Sub(gatherRows(arrived, m.From), gatherRows(message, m.Reverse))
		message = s.Dropout(act(graph.Add(first, s.In("hidden").Dense(others, width, Dense{NoBias: !o.Bias}))), o.Dropout)
	}
	all := graph.Concatenate([]*Node{m.Atoms, SumRows(message, m.To, atoms)}, 1)
	return s.Dropout(act(s.In("output").Dense(all, width, Dense{})), o.Dropout)
}

// SumRows adds up rows of x, (n, width), by owner, (n) integers below count: (count, width).
func SumRows(x, owner *Node, count int) *Node {
	wantRank("sum by owner", x, 2)
	return graph.Scatter(graph.InsertAxes(owner, -1), x, shapes.Make(x.DType(), count, lastDim(x)), false, false)
}

// MeanRows is the mean of the rows of x by owner, or zeros where an owner has none.
func MeanRows(x, owner *Node, count int) *Node {
	sums := SumRows(x, owner, count)
	ones := graph.Ones(x.Graph(), shapes.Make(x.DType(), x.Shape().Dimensions[0], 1))
	n := graph.MaxScalar(SumRows(ones, owner, count), 1)
	return graph.Div(sums, n)
}
