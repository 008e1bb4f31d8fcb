package segment

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/imaging/plan"
	"galen.dev/nn"
)

// unetOptions are the hyper-parameters of the network of a plan: a U-Net whose kernels and strides differ from axis to
// axis, so that thick slices are not mixed before the planes have become as coarse as they are.
type unetOptions struct {
	Channels int     `json:"channels"` // of the image
	Out      int     `json:"out"`      // classes with the background
	Features []int   `json:"features"`
	Kernels  [][]int `json:"kernels"`
	Strides  [][]int `json:"strides"`
}

// network is the network of a configuration: unet2d for planes, unet3d for solid patches. While training it has an
// output at each level of the decoder but the lowest, finest first.
func network(c *plan.Configuration, channels, out int) *nn.Net {
	o := unetOptions{Channels: channels, Out: out, Features: c.Features, Kernels: c.Kernels, Strides: c.Strides}
	dims := make([]int, len(c.Patch)+2)
	dims[len(dims)-1] = channels
	return &nn.Net{
		Name: fmt.Sprintf("unet%dd-planned", len(c.Patch)), Config: o,
		Inputs:  []nn.Input{{Name: "image", DType: dtypes.Float32, Dims: dims}},
		Forward: func(s *nn.Scope, in ...*nn.Node) []*nn.Node { return o.forward(s, in[0]) },
	}
}

func (o unetOptions) forward(s *nn.Scope, x *nn.Node) []*nn.Node {
	var skips []*nn.Node
	last := len(o.Features) - 1
	for level, f := range o.Features {
		at := s.In(fmt.Sprintf("down%d", level))
		x = o.block(at.In("block1"), x, level, f, o.Strides[level])
		x = o.block(at.In("block2"), x, level, f, nil)
		skips = append(skips, x)
	}
	var outputs []*nn.Node
	if last == 0 { // images of less than eight voxels are not halved
		outputs = []*nn.Node{s.In("out").Conv(x, o.Out, []int{1}, nn.Conv{})}
	}
	for level := last - 1; level >= 0; level-- {
		at := s.In(fmt.Sprintf("up%d", level))
		stride := o.Strides[level+1]
		x = at.In("enlarge").ConvTranspose(x, o.Features[level], stride, nn.ConvTranspose{Stride: stride, Init: nn.HeNormal})
		x = graph.Concatenate([]*nn.Node{skips[level], x}, x.Rank()-1)
		x = o.block(at.In("block1"), x, level, o.Features[level], nil)
		x = o.block(at.In("block2"), x, level, o.Features[level], nil)
		if level == 0 || level < last-1 {
			name := "out"
			if level > 0 {
				name = fmt.Sprintf("out%d", level)
			}
			outputs = append(outputs, s.In(name).Conv(x, o.Out, []int{1}, nn.Conv{}))
		}
	}
	slices.Reverse(outputs)
	if !s.Training() { // the others are made all the same, so that the network has the same weights, and cost nothing
		return outputs[:1]
	}
	return outputs
}

// slope of the leaky ReLU, as in nnU-Net.
const slope = .01

func (o unetOptions) block(s *nn.Scope, x *nn.Node, level, features int, stride []int) *nn.Node {
	kernel := o.Kernels[level]
	pad := make([]int, len(kernel))
	for a, k := range kernel {
		pad[a] = k / 2
	}
	// The bias that nnU-Net's convolutions have is taken away again by the norm: it is left out.
	x = s.In("conv").Conv(x, features, kernel, nn.Conv{Stride: stride, Padding: nn.Pad(pad...), NoBias: true, Init: nn.HeNormal})
	return nn.LeakyReLU(s.In("norm").InstanceNorm(x, nn.Norm{}), slope)
}

// objective is Dice and cross-entropy at every output. The weight halves from level to level: coarse levels guide the
// way down and must not outweigh the finest. The lowest level, which nnU-Net gives no weight, has no output at all.
func objective(c *plan.Configuration) nn.Objective {
	return func(outputs, targets []*nn.Node, _ *nn.Node) *nn.Node {
		loss := nn.DiceCrossEntropy{Batch: c.BatchDice}
		sum, total, weight := (*nn.Node)(nil), 0., 1.
		labels := targets[0]
		for level, y := range outputs {
			if level > 0 {
				labels = coarser(labels, c.Strides[level])
			}
			l := graph.MulScalar(loss.Loss(y, labels), weight)
			if sum == nil {
				sum = l
			} else {
				sum = graph.Add(sum, l)
			}
			total += weight
			weight /= 2
		}
		return graph.MulScalar(sum, 1/total)
	}
}

// coarser takes the label of one voxel in each window: the one behind its middle, as torch's nearest-exact.
func coarser(labels *nn.Node, stride []int) *nn.Node {
	spec := []graph.SliceAxisSpec{graph.AxisRange()}
	for a, s := range stride {
		spec = append(spec, graph.AxisRange(s/2, labels.Shape().Dimensions[a+1]).Stride(s))
	}
	return graph.Slice(labels, spec...)
}
