package nn

import (
	"github.com/gomlx/gomlx/core/graph"
)

// Wasserstein is the loss of a critic: the mean of its scores of what was made less that of what is real (Arjovsky
// et al. 2017). The maker's loss is the negative mean of the scores of what it made.
func Wasserstein(real, made *Node) *Node {
	return graph.Sub(meanOver(made, nil), meanOver(real, nil))
}

// GradientPenalty keeps a critic's slope near 1 (WGAN-GP, Gulrajani et al. 2017): the mean of (‖∇critic‖ - 1)² at
// random points between real and made samples, both (batch, ...). mix, (batch) of numbers in [0, 1), says where
// between; Scope.Rand draws it. It is to be multiplied by 10, as in the paper, and added to Wasserstein. The critic
// must not normalise over the batch.
func GradientPenalty(critic func(x *Node) *Node, real, made, mix *Node) *Node {
	sameShape("gradient penalty", real, made)
	wantRank("the mix of a gradient penalty", mix, 1)
	dims := make([]int, real.Rank())
	for i := range dims {
		dims[i] = 1
	}
	dims[0] = real.Shape().Dimensions[0]
	if mix.Shape().Size() != dims[0] {
		refuse("gradient penalty: %s does not fit %s", mix.Shape(), real.Shape())
	}
	share := graph.Reshape(mix, dims...)
	x := graph.Add(graph.Mul(share, real), graph.Mul(graph.OneMinus(share), made))
	slope := Flatten(graph.Gradient(graph.ReduceAllSum(critic(x)), x)[0])
	// The square root has no slope at 0: keep away from there.
	length := graph.Sqrt(graph.AddScalar(graph.ReduceSum(graph.Square(slope), 1), 1e-24))
	return meanOver(graph.Square(graph.AddScalar(length, -1)), nil)
}
