package nn

import (
	"math"

	"github.com/gomlx/gomlx/core/graph"
)

// Dense says how Scope.Dense maps the last axis. The zero value is PyTorch's Linear.
type Dense struct {
	NoBias   bool        // leave out the bias
	Init     Initialiser // of the weight; the zero value means PyTorch
	BiasInit Initialiser // the zero value means uniform within 1/sqrt(in), as in PyTorch
}

// Dense maps the last axis of x, (..., in), linearly to (..., out): x·weight + bias. Weights: weight (in, out),
// bias (out).
func (s *Scope) Dense(x *Node, out int, o Dense) *Node {
	if x.Rank() < 2 {
		refuse("dense takes (batch, ..., in), not %s", x.Shape())
	}
	in := lastDim(x)
	w := s.Weight("weight", o.Init.or(PyTorch), in, out)
	y := graph.DotGeneral(x, []int{x.Rank() - 1}, nil, w, []int{0}, nil)
	if !o.NoBias {
		y = addChannels(y, s.Weight("bias", o.BiasInit.or(Uniform(1/math.Sqrt(float64(in)))), out))
	}
	return y
}

// addChannels adds a vector over the last axis.
func addChannels(x, v *Node) *Node { return graph.Add(x, alongLast(x, v)) }
