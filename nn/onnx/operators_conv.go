package onnx

import (
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/nn"
)

// Convolutions, pooling and norms, channels last.

// sliding is how a window moves over the spatial axes.
type sliding struct {
	kernel, stride, dilation []int
	pads                     [][2]int
	outputs                  []int // positions along each axis
}

// slide reads the attributes that convolutions and pooling share.
func slide(n *nodeProto, spatial, kernel []int) *sliding {
	axes := len(spatial)
	list := func(name string, fallback int) []int {
		v := n.ints(name)
		if v == nil {
			v = slices.Repeat([]int{fallback}, axes)
		}
		if len(v) != axes {
			fail("%d values of %s for %d spatial axes", len(v), name, axes)
		}
		for _, x := range v {
			if x < fallback || x > math.MaxInt32 {
				fail("%s %v", name, v)
			}
		}
		return v
	}
	s := &sliding{kernel: kernel, stride: list("strides", 1), dilation: list("dilations", 1), pads: make([][2]int, axes), outputs: make([]int, axes)}
	if kernel == nil {
		if !n.has("kernel_shape") {
			fail("the size of the window is missing")
		}
		s.kernel = list("kernel_shape", 1)
	}
	if pads := n.ints("pads"); pads != nil {
		if len(pads) != 2*axes {
			fail("%d paddings for %d spatial axes", len(pads), axes)
		}
		for i := range axes {
			s.pads[i] = [2]int{pads[i], pads[axes+i]}
			if pads[i] < 0 || pads[axes+i] < 0 || max(pads[i], pads[axes+i]) > math.MaxInt32 {
				fail("pads %v", pads)
			}
		}
	}
	for i, size := range spatial {
		reach := (s.kernel[i]-1)*s.dilation[i] + 1
		switch auto := n.string("auto_pad", "NOTSET"); auto {
		case "NOTSET", "":
		case "VALID":
			s.pads[i] = [2]int{}
		case "SAME_UPPER", "SAME_LOWER":
			all := max(((size+s.stride[i]-1)/s.stride[i]-1)*s.stride[i]+reach-size, 0)
			s.pads[i] = [2]int{all / 2, all - all/2}
			if auto == "SAME_LOWER" {
				s.pads[i] = [2]int{all - all/2, all / 2}
			}
		default:
			fail("auto_pad %q", auto)
		}
		room := size + s.pads[i][0] + s.pads[i][1] - reach
		if room < 0 {
			fail("a window of %d over %d positions", reach, size)
		}
		s.outputs[i] = room/s.stride[i] + 1
		if n.int("ceil_mode", 0) == 1 && room%s.stride[i] != 0 && s.outputs[i]*s.stride[i] < size+s.pads[i][0] {
			s.outputs[i]++ // a last window that begins within the input
		}
	}
	return s
}

// reach of the padding behind, so that the outputs are as many as they should be.
func (s *sliding) paddings(spatial []int) [][2]int {
	pads := slices.Clone(s.pads)
	for i, size := range spatial {
		need := (s.outputs[i]-1)*s.stride[i] + (s.kernel[i]-1)*s.dilation[i] + 1
		pads[i][1] = max(pads[i][1], need-size-pads[i][0])
	}
	return pads
}

func imageDims(v *value) []int {
	if len(v.dims) < 3 || len(v.dims) > 5 {
		fail("a value with %d axes; one to three spatial ones are supported", len(v.dims)-2)
	}
	return v.dims[2:]
}

// kernelOf is the kernel, (spatial..., in, out), and its sizes.
func (c *converter) kernelOf(n *nodeProto, x, w *value) (kernel *Node, sizes []int) {
	rank := len(x.dims)
	if len(w.dims) != rank {
		fail("a kernel with %d axes for %d", len(w.dims), rank)
	}
	switch {
	case w.turned:
		return c.node1(w), w.dims[:rank-2]
	case w.known != nil:
		turned, err := turnKernel(w.known, n)
		if err != nil {
			fail("%w", err)
		}
		return c.node1(knownValue(turned)), w.dims[2:]
	case n.op == "Conv":
		return graph.TransposeAllAxes(c.node1(w), append(sequence(rank)[2:], 1, 0)...), w.dims[2:]
	}
	groups := n.int("group", 1)
	if groups < 1 || w.dims[0]%groups != 0 {
		fail("%d groups of %d channels", groups, w.dims[0])
	}
	in, out := w.dims[0]/groups, w.dims[1]
	k := graph.Reshape(c.node1(w), append([]int{groups, in, out}, w.dims[2:]...)...)
	k = graph.TransposeAllAxes(k, append(sequence(rank + 1)[3:], 1, 0, 2)...)
	k = graph.Reshape(k, append(slices.Clone(w.dims[2:]), in, groups*out)...)
	return graph.Reverse(k, sequence(rank-2)...), w.dims[2:]
}

// convolve adds a channels-last convolution, with bias where there is one.
func (c *converter) convolve(n *nodeProto, in []*value, k *Node, s *sliding, inputDilation []int, pads [][2]int) []*value {
	rank := len(in[0].dims)
	groups := n.int("group", 1)
	channels, each, out := in[0].dims[1], k.Shape().Dimensions[rank-2], k.Shape().Dimensions[rank-1]
	if groups < 1 || each > channels || each*groups != channels || out%groups != 0 {
		fail("%d groups of kernels for %d channels of %d", groups, each, channels)
	}
	spatial := sequence(rank - 1)[1:]
	axes := compute.ConvolveAxesConfig{
		InputBatch: 0, InputSpatial: spatial, InputChannels: rank - 1,
		KernelSpatial: sequence(rank - 2), KernelInputChannels: rank - 2, KernelOutputChannels: rank - 1,
		OutputBatch: 0, OutputSpatial: spatial, OutputChannels: rank - 1,
	}
	stride := s.stride
	if inputDilation != nil {
		stride = slices.Repeat([]int{1}, rank-2)
	}
	y := graph.ConvGeneral(c.nodeLast(in[0]), k, axes, stride, pads, unlessOnes(inputDilation), unlessOnes(s.dilation), groups, 1)
	if in[2] != nil {
		y = graph.Add(y, channelsLast(c.node1(in[2]), y))
	}
	return []*value{ofLast(y)}
}

// unlessOnes is nil where every value is 1, as the graph library writes it.
func unlessOnes(v []int) []int {
	if slices.ContainsFunc(v, func(x int) bool { return x != 1 }) {
		return v
	}
	return nil
}

// channelsLast gives a vector the axes of x, along its last one.
func channelsLast(v, x *Node) *Node {
	if v.Shape().Size() != x.Shape().Dimensions[x.Rank()-1] {
		fail("%d values for %d channels", v.Shape().Size(), x.Shape().Dimensions[x.Rank()-1])
	}
	return graph.Reshape(v, append(slices.Repeat([]int{1}, x.Rank()-1), v.Shape().Size())...)
}

func conv(c *converter, n *nodeProto, in []*value) []*value {
	spatial := imageDims(in[0])
	k, sizes := c.kernelOf(n, in[0], in[1])
	s := slide(n, spatial, sizes)
	return c.convolve(n, in, k, s, nil, s.pads)
}

// convTranspose is a convolution of the input with zeros between its values.
func convTranspose(c *converter, n *nodeProto, in []*value) []*value {
	spatial := imageDims(in[0])
	k, sizes := c.kernelOf(n, in[0], in[1])
	axes := len(spatial)
	if auto := n.string("auto_pad", "NOTSET"); auto != "NOTSET" && auto != "VALID" || n.has("output_shape") {
		fail("auto_pad %q or output_shape; only pads and output_padding are supported", auto)
	}
	behind := n.ints("output_padding")
	if behind == nil {
		behind = make([]int, axes)
	}
	// The window slides over the output; that it fits there is checked below.
	wide := slices.Repeat([]int{1 << 31}, axes)
	s := slide(n, wide, sizes)
	if len(behind) != axes {
		fail("%d values of output_padding for %d spatial axes", len(behind), axes)
	}
	pads := make([][2]int, axes)
	for i := range axes {
		reach := (sizes[i] - 1) * s.dilation[i]
		pads[i] = [2]int{reach - s.pads[i][0], reach - s.pads[i][1] + behind[i]}
		size := (spatial[i]-1)*s.stride[i] + 1 + pads[i][0] + pads[i][1]
		if behind[i] < 0 || behind[i] >= max(s.stride[i], s.dilation[i]) || size <= reach {
			fail("output padding %v or an output without values", behind)
		}
		c.checked([]int{size})
	}
	return c.convolve(n, in, k, s, s.stride, pads)
}

func (c *converter) window(v *value, s *sliding, how compute.ReduceOpType, pads [][2]int) *Node {
	around := func(x []int) []int { return append(append([]int{1}, x...), 1) }
	pads = append(append([][2]int{{}}, pads...), [2]int{})
	dilation := s.dilation
	if unlessOnes(dilation) != nil {
		dilation = around(dilation)
	} else {
		dilation = nil
	}
	return graph.BackendReduceWindow(c.nodeLast(v), how, around(s.kernel), around(s.stride), nil, dilation, pads)
}

func maxPool(c *converter, n *nodeProto, in []*value) []*value {
	spatial := imageDims(in[0])
	s := slide(n, spatial, nil)
	return []*value{ofLast(c.window(in[0], s, compute.ReduceOpMax, s.paddings(spatial)))}
}

// averagePool divides each sum by the number of values in its window; with count_include_pad padding counts, but not
// what lies beyond it.
func averagePool(c *converter, n *nodeProto, in []*value) []*value {
	spatial := imageDims(in[0])
	s := slide(n, spatial, nil)
	sum := c.window(in[0], s, compute.ReduceOpSum, s.paddings(spatial))
	c.checked(s.outputs)
	counts := []float32{1}
	for i, size := range spatial {
		low, high := 0, size
		if n.int("count_include_pad", 0) == 1 {
			low, high = -s.pads[i][0], size+s.pads[i][1]
		}
		var wider []float32
		for _, before := range counts {
			for o := range s.outputs[i] {
				k := 0
				for j := range s.kernel[i] {
					if at := o*s.stride[i] - s.pads[i][0] + j*s.dilation[i]; at >= low && at < high {
						k++
					}
				}
				wider = append(wider, before*float32(k))
			}
		}
		counts = wider
	}
	dims := append(append([]int{1}, s.outputs...), 1)
	if first := counts[0]; !slices.ContainsFunc(counts, func(k float32) bool { return k != first }) {
		return []*value{ofLast(graph.MulScalar(sum, 1/float64(first)))}
	}
	return []*value{ofLast(graph.Div(sum, graph.Reshape(graph.Const(c.g, counts), dims...)))}
}

func globalPool(f func(x *Node, axes ...int) *Node) func(c *converter, n *nodeProto, in []*value) []*value {
	return func(c *converter, _ *nodeProto, in []*value) []*value {
		if len(in[0].dims) < 3 {
			fail("a value with %d axes", len(in[0].dims))
		}
		return []*value{c.reduce(in[0], sequence(len(in[0].dims))[2:], true, f)}
	}
}

func batchNorm(c *converter, n *nodeProto, in []*value) []*value {
	if n.int("training_mode", 0) != 0 || len(in[0].dims) < 2 {
		fail("training mode, or a value without channels")
	}
	x := c.nodeLast(in[0])
	scale, shift, mean, variance := c.node1(in[1]), c.node1(in[2]), c.node1(in[3]), c.node1(in[4])
	factor := graph.Mul(scale, graph.Rsqrt(graph.AddScalar(variance, n.float("epsilon", 1e-5))))
	offset := graph.Sub(shift, graph.Mul(mean, factor))
	return []*value{ofLast(graph.Add(graph.Mul(x, channelsLast(factor, x)), channelsLast(offset, x)))}
}

// with is a scope in which the weights of a layer are nodes that exist.
func (c *converter) with(weights map[string]*Node) *nn.Scope {
	return nn.NewScope(c.g, nn.ScopeOptions{Bind: func(spec nn.Spec) *Node {
		w := weights[spec.Name]
		if w == nil || w.Shape().Size() != product(spec.Dims) {
			fail("weights for %s of other dimensions than %v", spec.Name, spec.Dims)
		}
		return graph.Reshape(w, spec.Dims...)
	}})
}

// epsilonIn is what a norm adds to the variance; to package nn 0 means another value.
func epsilonIn(n *nodeProto) nn.Norm {
	return nn.Norm{Epsilon: max(n.float("epsilon", 1e-5), math.SmallestNonzeroFloat32)}
}

func instanceNorm(c *converter, n *nodeProto, in []*value) []*value {
	imageDims(in[0])
	s := c.with(map[string]*Node{"weight": c.node1(in[1]), "bias": c.node1(in[2])})
	return []*value{ofLast(s.InstanceNorm(c.nodeLast(in[0]), epsilonIn(n)))}
}

func groupNorm(c *converter, n *nodeProto, in []*value) []*value {
	groups := n.int("num_groups", 0)
	if len(in[0].dims) < 2 || groups < 1 || in[0].dims[1]%groups != 0 {
		fail("%d groups of the channels of %v", groups, in[0].dims)
	}
	scale, shift := c.node1(in[1]), c.node1(in[2])
	if c.Opset < 21 { // one value for each group
		each := func(v *Node) *Node {
			return graph.Reshape(graph.BroadcastToDims(graph.Reshape(v, groups, 1), groups, in[0].dims[1]/groups), in[0].dims[1])
		}
		scale, shift = each(scale), each(shift)
	}
	s := c.with(map[string]*Node{"weight": scale, "bias": shift})
	return []*value{ofLast(s.GroupNorm(c.nodeLast(in[0]), groups, epsilonIn(n)))}
}

func layerNorm(c *converter, n *nodeProto, in []*value) []*value {
	if len(n.outputs) > 1 {
		fail("mean and deviation as outputs")
	}
	dims := in[0].dims
	axis := axisOf(n.int("axis", -1), len(dims))
	inner := product(dims[axis:])
	spread := func(v *value) *Node { return graph.Reshape(c.expanded(c.node1(v), dims[axis:]), inner) }
	scale := spread(in[1])
	shift := graph.ZerosLike(scale)
	if in[2] != nil {
		shift = spread(in[2])
	}
	s := c.with(map[string]*Node{"weight": scale, "bias": shift})
	y := s.LayerNorm(graph.Reshape(c.node1(in[0]), -1, inner), epsilonIn(n))
	return []*value{of(graph.Reshape(y, dims...))}
}

func lpNorm(c *converter, n *nodeProto, in []*value) []*value {
	axis := axisOf(n.int("axis", -1), len(in[0].dims))
	norm := c.reduce(in[0], []int{axis}, true, func(x *Node, axes ...int) *Node {
		if n.int("p", 2) == 1 {
			return graph.ReduceSum(graph.Abs(x), axes...)
		}
		return graph.Sqrt(graph.ReduceSum(graph.Square(x), axes...))
	})
	return []*value{c.pair(in[0], norm, graph.Div)}
}
