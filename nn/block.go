package nn

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
)

// ConvNorm is how convolution, norm and activation follow each other in one block.
type ConvNorm struct {
	Kernel     []int   // none means 3
	Stride     []int   // none means 1
	Dilation   []int   // none means 1
	Padding    Padding // none means half the kernel on each side
	Norm       string  // as in Scope.Norm; "" means batch; "none" leaves it out and gives the convolution a bias
	Activation string  // "" means relu; "none" leaves it out
}

// ConvNorm is a convolution, a norm and an activation. Weights: conv, norm.
func (s *Scope) ConvNorm(x *Node, out int, o ConvNorm) *Node {
	kernel := perAxis("convolution", "kernel", o.Kernel, x.Rank()-2, 3)
	padding := o.Padding
	if padding.low == nil && !padding.same && !padding.causal {
		half := make([]int, len(kernel))
		for i, k := range kernel {
			half[i] = k / 2
		}
		padding = Pad(half...)
	}
	y := s.In("conv").Conv(x, out, kernel, Conv{Stride: o.Stride, Dilation: o.Dilation, Padding: padding, NoBias: o.Norm != "none"})
	return mustActivation(o.Activation, "relu")(s.In("norm").Norm(y, o.Norm))
}

// Norm is the norm of a name: batch (also ""), instance, layer, group (of up to 32 groups), none.
func (s *Scope) Norm(x *Node, name string) *Node {
	switch name {
	case "", "batch":
		return s.BatchNorm(x, Norm{})
	case "instance":
		return s.InstanceNorm(x, Norm{})
	case "layer":
		return s.LayerNorm(x, Norm{})
	case "group":
		groups := min(32, lastDim(x))
		for lastDim(x)%groups != 0 {
			groups--
		}
		return s.GroupNorm(x, groups, Norm{})
	case "none":
		return x
	}
	refuse("no norm is named %q: take one of batch, instance, layer, group, none", name)
	return nil
}

// Residual is the basic block of a ResNet (He et al. 2016), with one, two or three spatial axes: two convolutions
// with norm are added to x, which passes through a convolution of size 1 where its shape changes. Weights: conv1,
// bn1, conv2, bn2, downsample.
func (s *Scope) Residual(x *Node, out int, o ResidualOptions) *Node {
	kernel, stride := max(o.Kernel, 1), max(o.Stride, 1)
	if o.Kernel == 0 {
		kernel = 3
	}
	conv := func(name string, x *Node, kernel, stride int) *Node {
		return s.In(name).Conv(x, out, []int{kernel}, Conv{Stride: []int{stride}, Padding: Pad(kernel / 2), NoBias: true, Init: HeNormalFanOut})
	}
	norm := func(name string, x *Node) *Node { return s.In(name).Norm(x, o.Norm) }
	y := ReLU(norm("bn1", conv("conv1", x, kernel, stride)))
	y = norm("bn2", conv("conv2", s.Dropout(y, o.Dropout), kernel, 1))
	skip := x
	if stride != 1 || lastDim(x) != out {
		down := s.In("downsample")
		skip = down.In("norm").Norm(down.In("conv").Conv(x, out, []int{1}, Conv{Stride: []int{stride}, NoBias: true, Init: HeNormalFanOut}), o.Norm)
	}
	return ReLU(graph.Add(y, skip))
}

// ResidualOptions says how Scope.Residual works.
type ResidualOptions struct {
	Kernel  int     // odd; 0 means 3
	Stride  int     // of the first convolution; 0 means 1
	Norm    string  // as in Scope.Norm; "" means batch
	Dropout float64 // between the convolutions
}

// Temporal is the block of a temporal convolutional network (Bai et al. 2018), for x (batch, time, channels): two
// causal convolutions, dilated, each with ReLU and dropout of channels, are added to x. Unlike the paper, weights
// are not normalised. Weights: conv1, conv2, downsample.
func (s *Scope) Temporal(x *Node, out, kernel, dilation int, dropout float64) *Node {
	wantRank("temporal block", x, 3)
	y := x
	for i := range 2 {
		y = s.In(fmt.Sprintf("conv%d", i+1)).Conv(y, out, []int{kernel}, Conv{Dilation: []int{dilation}, Padding: Causal, Init: HeNormal})
		y = s.DropoutChannels(ReLU(y), dropout)
	}
	if lastDim(x) != out {
		x = s.In("downsample").Conv(x, out, []int{1}, Conv{})
	}
	return ReLU(graph.Add(y, x))
}
