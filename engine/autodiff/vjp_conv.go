package autodiff

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
)

func init() {
	register(graph.NodeTypeConvGeneral, convVJP)
}

// A convolution of any kind, along one axis, is
//
//	y[o] = Σ_k x'[o·stride + k·dilation - low] · w[k],  x'[i·spread] = x[i], 0 elsewhere
//
// where spread is the dilation of the input. Both gradients are again convolutions, in which stride and spread
// change places (for x) or stride and dilation do (for w). So derivatives of every order exist, among them those of
// transposed convolutions, which the graph library leaves out.
type convolution struct {
	node, x, w                *graph.Node
	axes                      compute.ConvolveAxesConfig
	stride, spread, dilation  []int
	padding                   [][2]int
	channelGroups, batchGroup int
}

func convVJP(node, d *graph.Node) []*graph.Node {
	x, w := node.Inputs()[0], node.Inputs()[1]
	n := x.Rank() - 2
	c := &convolution{
		node: node, x: x, w: w, axes: convAxesParameter(node),
		stride:        orOnes(intsParameter(node, "strides"), n),
		spread:        orOnes(intsParameter(node, "inputDilations"), n),
		dilation:      orOnes(intsParameter(node, "kernelDilations"), n),
		padding:       pairsParameter(node, "paddings"),
		channelGroups: max(intParameter(node, "channelGroupCount"), 1),
		batchGroup:    max(intParameter(node, "batchGroupCount"), 1),
	}
	if len(c.padding) == 0 {
		c.padding = make([][2]int, n)
	}
	if c.batchGroup > 1 {
		return c.batchGrouped(d)
	}
	if c.channelGroups > 1 {
		return []*graph.Node{c.inputGradient(d), c.groupedWeightGradient(d)}
	}
	return []*graph.Node{c.inputGradient(d), c.weightGradient(d)}
}

// sizes along spatial axis i: of the input, the kernel, the output.
func (c *convolution) sizes(i int) (in, kernel, out int) {
	return c.x.Shape().Dimensions[c.axes.InputSpatial[i]], c.w.Shape().Dimensions[c.axes.KernelSpatial[i]],
		c.node.Shape().Dimensions[c.axes.OutputSpatial[i]]
}

// inputGradient convolves d, spread by the strides, with the reversed kernel whose channels change places.
func (c *convolution) inputGradient(d *graph.Node) *graph.Node {
	w, axes := c.w, c.axes
	if c.channelGroups > 1 {
		w, axes = c.regrouped()
	}
	reverse := axes
	reverse.KernelInputChannels, reverse.KernelOutputChannels = axes.KernelOutputChannels, axes.KernelInputChannels
	reverse.InputBatch, reverse.OutputBatch = axes.OutputBatch, axes.InputBatch
	reverse.InputChannels, reverse.OutputChannels = axes.OutputChannels, axes.InputChannels
	reverse.InputSpatial, reverse.OutputSpatial = axes.OutputSpatial, axes.InputSpatial
	padding := make([][2]int, len(c.stride))
	for i := range padding {
		in, kernel, out := c.sizes(i)
		reach := (kernel-1)*c.dilation[i] + 1
		low := reach - 1 - c.padding[i][0]
		padding[i] = [2]int{low, (in-1)*c.spread[i] + reach - ((out-1)*c.stride[i] + 1) - low}
	}
	return graph.ConvGeneral(d, graph.Reverse(w, axes.KernelSpatial...), reverse,
		c.spread, padding, unlessOnes(c.stride), unlessOnes(c.dilation), c.channelGroups, 1)
}

// regrouped orders the kernel of a grouped convolution for its reverse: (spatial..., in/groups, groups·out) becomes
// (spatial..., groups·in, out) with the same groups.
func (c *convolution) regrouped() (*graph.Node, compute.ConvolveAxesConfig) {
	n, axes := len(c.stride), c.axes
	w := graph.TransposeAllAxes(c.w, append(append([]int{}, axes.KernelSpatial...), axes.KernelInputChannels, axes.KernelOutputChannels)...)
	dims := w.Shape().Dimensions
	spatial, in, out := dims[:n:n], dims[n], dims[n+1]/c.channelGroups
	w = graph.Reshape(w, append(append([]int{}, spatial...), in, c.channelGroups, out)...)
	order := append(upTo(n), n+1, n, n+2)
	w = graph.Reshape(graph.TransposeAllAxes(w, order...), append(append([]int{}, spatial...), c.channelGroups*in, out)...)
	axes.KernelSpatial, axes.KernelInputChannels, axes.KernelOutputChannels = upTo(n), n, n+1
	return w, axes
}

// weightGradient convolves x with d, where the batch plays the part of the channels that are summed over.
func (c *convolution) weightGradient(d *graph.Node) *graph.Node {
	axes := compute.ConvolveAxesConfig{
		InputBatch: c.axes.InputChannels, InputChannels: c.axes.InputBatch, InputSpatial: c.axes.InputSpatial,
		KernelInputChannels: c.axes.OutputBatch, KernelOutputChannels: c.axes.OutputChannels, KernelSpatial: c.axes.OutputSpatial,
		OutputBatch: c.axes.KernelInputChannels, OutputChannels: c.axes.KernelOutputChannels, OutputSpatial: c.axes.KernelSpatial,
	}
	padding := make([][2]int, len(c.stride))
	for i := range padding {
		in, kernel, out := c.sizes(i)
		low := c.padding[i][0]
		reach := (out-1)*c.stride[i] + 1
		padding[i] = [2]int{low, (kernel-1)*c.dilation[i] + reach - ((in-1)*c.spread[i] + 1) - low}
	}
	return graph.ConvGeneral(c.x, d, axes, c.dilation, padding, unlessOnes(c.spread), unlessOnes(c.stride), 1, 1)
}

// groupedWeightGradient computes the gradient of one tap of the kernel after the other, each a product batched over
// the groups. (A convolution grouped over the batch would do it at once, but backends differ in what that means.)
func (c *convolution) groupedWeightGradient(d *graph.Node) *graph.Node {
	n, groups := len(c.stride), c.channelGroups
	channelsLast := func(x *graph.Node, batch int, spatial []int, channels int) *graph.Node {
		return graph.TransposeAllAxes(x, append(append([]int{batch}, spatial...), channels)...)
	}
	x := channelsLast(c.x, c.axes.InputBatch, c.axes.InputSpatial, c.axes.InputChannels)
	d = channelsLast(d, c.axes.OutputBatch, c.axes.OutputSpatial, c.axes.OutputChannels)
	pads := make([]compute.PadAxis, n+2)
	window := make([]int, n)
	for i := range n {
		pads[1+i] = compute.PadAxis{Start: c.padding[i][0], End: c.padding[i][1], Interior: c.spread[i] - 1}
		_, window[i], _ = c.sizes(i)
	}
	x = graph.Pad(x, graph.ScalarZero(x.Graph(), x.DType()), pads...)
	in, out := x.Shape().Dimensions[n+1]/groups, d.Shape().Dimensions[n+1]/groups
	d = graph.Reshape(d, -1, groups, out)
	var taps []*graph.Node
	for offset := range windowOffsets(window) {
		cut := make([]graph.SliceAxisSpec, n+2)
		cut[0], cut[n+1] = graph.AxisRange(), graph.AxisRange()
		for i := range n {
			_, _, size := c.sizes(i)
			start := offset[i] * c.dilation[i]
			cut[1+i] = graph.AxisRange(start, start+(size-1)*c.stride[i]+1).Stride(c.stride[i])
		}
		tap := graph.Reshape(graph.Slice(x, cut...), -1, groups, in)
		taps = append(taps, graph.DotGeneral(tap, []int{0}, []int{1}, d, []int{0}, []int{1}))
	}
	w := graph.TransposeAllAxes(graph.Stack(taps, 0), 0, 2, 1, 3) // (taps, in, groups, out)
	w = graph.Reshape(w, append(append([]int{}, window...), in, groups*out)...)
	order := make([]int, n+2)
	for i, a := range c.axes.KernelSpatial {
		order[a] = i
	}
	order[c.axes.KernelInputChannels], order[c.axes.KernelOutputChannels] = n, n+1
	return graph.TransposeAllAxes(w, order...)
}

// batchGrouped is the gradient of a convolution grouped over the batch, itself the weight gradient of a convolution
// grouped over channels: group by group, since no single convolution computes it.
func (c *convolution) batchGrouped(d *graph.Node) []*graph.Node {
	ds := graph.Split(d, c.axes.OutputChannels, c.batchGroup)
	xs := graph.Split(c.x, c.axes.InputBatch, c.batchGroup)
	ws := graph.Split(c.w, c.axes.KernelOutputChannels, c.batchGroup)
	var dxs, dws []*graph.Node
	for i := range ds {
		part := *c
		part.x, part.w, part.batchGroup = xs[i], ws[i], 1
		dxs, dws = append(dxs, part.inputGradient(ds[i])), append(dws, part.weightGradient(ds[i]))
	}
	return []*graph.Node{graph.Concatenate(dxs, c.axes.InputBatch), graph.Concatenate(dws, c.axes.KernelOutputChannels)}
}

// unlessOnes is nil where every value is 1, the form in which the graph library writes it.
func unlessOnes(values []int) []int {
	for _, v := range values {
		if v != 1 {
			return values
		}
	}
	return nil
}

func upTo(n int) []int {
	values := make([]int, n)
	for i := range values {
		values[i] = i
	}
	return values
}
