package nn

import (
	"slices"

	"github.com/gomlx/gomlx/core/graph"
)

// Dropout sets each element to 0 with probability rate while training, and divides the others by 1-rate, so that the
// expectation stays (Srivastava et al. 2014). In inference it does nothing.
func (s *Scope) Dropout(x *Node, rate float64) *Node {
	return s.drop(x, rate, x.Shape().Dimensions)
}

// DropoutChannels is Dropout of whole channels of a sample, for x (batch, spatial..., channels), whose neighbouring
// positions are too alike for dropping single ones to matter (Tompson et al. 2015).
func (s *Scope) DropoutChannels(x *Node, rate float64) *Node {
	dims := slices.Clone(x.Shape().Dimensions)
	for i := 1; i < len(dims)-1; i++ {
		dims[i] = 1
	}
	return s.drop(x, rate, dims)
}

func (s *Scope) drop(x *Node, rate float64, dims []int) *Node {
	if rate < 0 || rate >= 1 {
		refuse("the rate of dropout must be in [0, 1), not %g", rate)
	}
	if rate == 0 || !s.Training() {
		return x
	}
	random := s.Rand(dims...)
	keep := graph.GreaterOrEqual(random, graph.Scalar(x.Graph(), random.DType(), rate))
	return graph.Mul(x, graph.MulScalar(graph.ConvertDType(keep, x.DType()), 1/(1-rate)))
}

// Embedding says how Scope.Embedding works. The zero value is PyTorch's default.
type Embedding struct {
	Padding bool        // index 0 stands for nothing: its vector is zero and is not trained
	Init    Initialiser // the zero value means normal with standard deviation 1
}

// Embedding looks up vectors of width out: indices of integers, any shape, each in [0, count), become (shape...,
// out). Weights: weight (count, out).
func (s *Scope) Embedding(indices *Node, count, out int, o Embedding) *Node {
	if !indices.DType().IsInt() {
		refuse("embedding takes integers, not %s", indices.Shape())
	}
	y := gatherRows(s.Weight("weight", o.Init.or(Normal(1)), count, out), indices)
	if !o.Padding {
		return y
	}
	there := graph.NotEqual(indices, graph.ZerosLike(indices))
	return graph.Mul(y, graph.InsertAxes(graph.ConvertDType(there, y.DType()), -1))
}

// gatherRows takes rows of x by integers of any shape.
func gatherRows(x, indices *Node) *Node { return graph.Gather(x, graph.InsertAxes(indices, -1)) }
