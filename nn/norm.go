package nn

import (
	"slices"

	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/engine/autodiff"
)

// Norm says how a normalisation layer works. The zero value is PyTorch's default with a trained scale and shift.
type Norm struct {
	Epsilon  float64 // added to the variance; 0 means 1e-5
	NoAffine bool    // leave out the trained scale (weight) and shift (bias)
	Momentum float64 // of BatchNorm: the share of the batch in the running statistics; 0 means 0.1
}

func (o Norm) epsilon() float64 {
	if o.Epsilon == 0 {
		return 1e-5
	}
	return o.Epsilon
}

// affine is the trained scale and shift of c channels.
func (s *Scope) affine(c int, o Norm) (scale, shift *Node) {
	if o.NoAffine {
		g := s.Graph()
		return graph.BroadcastToDims(graph.ScalarOne(g, s.DType()), c), graph.BroadcastToDims(graph.ScalarZero(g, s.DType()), c)
	}
	return s.Weight("weight", Ones, c), s.Weight("bias", Zeros, c)
}

// BatchNorm normalises each channel of x, (batch, ..., channels), by the mean and the variance of the batch while
// training, and by their running means otherwise (Ioffe and Szegedy 2015). As in PyTorch, the batch is normalised by
// its biased variance and the running one is unbiased. Weights: weight, bias; states: running_mean, running_var.
func (s *Scope) BatchNorm(x *Node, o Norm) *Node {
	wantRank("batch norm", x, 2, 3, 4, 5)
	c := lastDim(x)
	scale, shift := s.affine(c, o)
	mean, variance := s.State("running_mean", 0, c), s.State("running_var", 1, c)
	if !s.Training() {
		factor := graph.Mul(scale, graph.Rsqrt(graph.AddScalar(variance, o.epsilon())))
		offset := graph.Sub(shift, graph.Mul(mean, factor))
		return addChannels(graph.Mul(x, alongLast(x, factor)), offset)
	}
	n := x.Shape().Size() / c
	if n < 2 {
		refuse("batch norm cannot be trained on one value for each channel: %s", x.Shape())
	}
	y := normalise("batch_norm", graph.Reshape(x, n, c), scale, shift, []int{0}, o.epsilon())
	share := o.Momentum
	if share == 0 {
		share = 0.1
	}
	blend := func(old, batch *Node, factor float64) *Node {
		batch = graph.StopGradient(graph.Reshape(batch, c))
		return graph.Add(graph.MulScalar(old, 1-share), graph.MulScalar(batch, share*factor))
	}
	s.SetState("running_mean", blend(mean, y[1], 1))
	s.SetState("running_var", blend(variance, y[2], float64(n)/float64(n-1)))
	return graph.Reshape(y[0], x.Shape().Dimensions...)
}

// InstanceNorm normalises each channel of each sample of x, (batch, spatial..., channels), by its own mean and
// variance (Ulyanov et al. 2016). Weights: weight, bias.
func (s *Scope) InstanceNorm(x *Node, o Norm) *Node {
	wantRank("instance norm", x, 3, 4, 5)
	batch, c := x.Shape().Dimensions[0], lastDim(x)
	scale, shift := s.affine(c, o)
	y := normalise("instance_norm", graph.Reshape(x, batch, -1, c), scale, shift, []int{1}, o.epsilon())
	return graph.Reshape(y[0], x.Shape().Dimensions...)
}

// GroupNorm normalises groups of channels of each sample of x, (batch, ..., channels), by their common mean and
// variance (Wu and He 2018). Weights: weight, bias.
func (s *Scope) GroupNorm(x *Node, groups int, o Norm) *Node {
	wantRank("group norm", x, 2, 3, 4, 5)
	batch, c := x.Shape().Dimensions[0], lastDim(x)
	if groups < 1 || c%groups != 0 {
		refuse("group norm cannot cut %d channels into %d groups", c, groups)
	}
	scale, shift := s.affine(c, o)
	apart := func(v *Node) *Node { return graph.Reshape(v, groups, c/groups) }
	y := normalise("group_norm", graph.Reshape(x, batch, -1, groups, c/groups), apart(scale), apart(shift), []int{1, 3}, o.epsilon())
	return graph.Reshape(y[0], x.Shape().Dimensions...)
}

// LayerNorm normalises the last axis of x, (batch, ..., channels), at each position (Ba et al. 2016). Weights:
// weight, bias.
func (s *Scope) LayerNorm(x *Node, o Norm) *Node {
	c := lastDim(x)
	scale, shift := s.affine(c, o)
	y := normalise("layer_norm", graph.Reshape(x, -1, c), scale, shift, []int{1}, o.epsilon())
	return graph.Reshape(y[0], x.Shape().Dimensions...)
}

// normalise subtracts from x its mean over the given axes and divides by the standard deviation, then scales and
// shifts by arrays over x's last axes. It returns the result, the mean and the biased variance; these two keep the
// reduced axes with size 1.
//
// The variance is taken in a second pass, from x less its mean: the one-pass form loses all digits where the mean is
// large. The gradient is explicit: with g = ∂L/∂y·scale and x̂ the normalised x,
// ∂L/∂x = (g - mean(g) - x̂·mean(g·x̂))/sd (Ioffe and Szegedy 2015).
func normalise(kind string, x, scale, shift *Node, axes []int, epsilon float64) []*Node {
	n := normaliser{axes: axes, epsilon: epsilon}
	return autodiff.Call(kind, nil, []*Node{x, scale, shift}, n.forward, n.gradient)
}

type normaliser struct {
	axes    []int
	epsilon float64
}

func (n normaliser) mean(x *Node) *Node {
	count := 1
	dims := slices.Clone(x.Shape().Dimensions)
	for _, a := range n.axes {
		count *= dims[a]
		dims[a] = 1
	}
	return graph.Reshape(graph.MulScalar(graph.ReduceSum(x, n.axes...), 1/float64(count)), dims...)
}

func (n normaliser) reciprocalSD(variance *Node) *Node {
	return graph.Rsqrt(graph.AddScalar(variance, n.epsilon))
}

func (n normaliser) forward(in []*Node) []*Node {
	x, scale, shift := in[0], in[1], in[2]
	mean := n.mean(x)
	centred := graph.Sub(x, mean)
	variance := n.mean(graph.Square(centred))
	y := graph.Mul(graph.Mul(centred, n.reciprocalSD(variance)), alongLast(x, scale))
	return []*Node{graph.Add(y, alongLast(x, shift)), mean, variance}
}

func (n normaliser) gradient(in, out, d []*Node) []*Node {
	x, scale := in[0], in[1]
	mean, variance, g := out[1], out[2], d[0]
	rsd := n.reciprocalSD(variance)
	centred := graph.Sub(x, mean)
	normalised := graph.Mul(centred, rsd)
	// The axes along which scale and shift are repeated.
	outer := seq(x.Rank() - scale.Rank())
	dShift, dScale := graph.ReduceSum(g, outer...), graph.ReduceSum(graph.Mul(g, normalised), outer...)
	var dx *Node
	if slices.Equal(n.axes, outer) {
		// Batch norm: the two sums that dx needs are the gradients of scale and shift.
		rows := float64(x.Shape().Dimensions[0])
		inner := graph.Sub(graph.Sub(g, alongLast(x, graph.MulScalar(dShift, 1/rows))),
			graph.Mul(normalised, alongLast(x, graph.MulScalar(dScale, 1/rows))))
		dx = graph.Mul(alongLast(x, graph.Mul(scale, graph.Reshape(rsd, scale.Shape().Dimensions...))), inner)
	} else {
		g = graph.Mul(g, alongLast(x, scale))
		inner := graph.Sub(graph.Sub(g, n.mean(g)), graph.Mul(normalised, n.mean(graph.Mul(g, normalised))))
		dx = graph.Mul(rsd, inner)
	}
	// Mean and variance enter the loss only in gradients of gradients.
	count := float64(x.Shape().Size() / mean.Shape().Size())
	if !isZeros(d[1]) {
		dx = graph.Add(dx, graph.MulScalar(d[1], 1/count))
	}
	if !isZeros(d[2]) {
		dx = graph.Add(dx, graph.Mul(centred, graph.MulScalar(d[2], 2/count)))
	}
	return []*Node{dx, dScale, dShift}
}

// isZeros recognises the zeros that the graph library passes as the gradient of an output that is not used.
func isZeros(n *Node) bool {
	zero := graph.ScalarZero(n.Graph(), n.DType())
	return n == zero || len(n.Inputs()) == 1 && n.Inputs()[0] == zero
}
