package nn

import (
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
)

// Padding says how much of nothing surrounds an input along each spatial axis. The zero value is none.
type Padding struct {
	same      bool
	causal    bool
	low, high []int
}

// Same keeps the size: the output has ceil(size/stride) positions. An odd rest goes behind (as PyTorch's "same" and
// ONNX's SAME_UPPER).
var Same = Padding{same: true}

// Causal puts all padding before, so that an output sees nothing that comes after it.
var Causal = Padding{causal: true}

// Pad is the same padding on both sides: one value for all axes, or one for each.
func Pad(sizes ...int) Padding { return Padding{low: sizes, high: sizes} }

// PadEach is padding before and behind, for each axis.
func PadEach(low, high []int) Padding { return Padding{low: low, high: high} }

// sizes of the padding along each axis.
func (p Padding) sizes(layer string, in, kernel, stride, dilation []int) [][2]int {
	n := len(in)
	pads := make([][2]int, n)
	if p.same || p.causal {
		for i := range pads {
			reach := (kernel[i]-1)*dilation[i] + 1
			out := (in[i] + stride[i] - 1) / stride[i]
			total := max((out-1)*stride[i]+reach-in[i], 0)
			pads[i] = [2]int{total / 2, total - total/2}
			if p.causal {
				pads[i] = [2]int{reach - 1, 0}
			}
		}
		return pads
	}
	low, high := perAxis(layer, "padding", p.low, n, 0), perAxis(layer, "padding", p.high, n, 0)
	for i := range pads {
		pads[i] = [2]int{low[i], high[i]}
	}
	return pads
}

// perAxis repeats one value for all axes; none means the fallback.
func perAxis(layer, what string, values []int, axes, fallback int) []int {
	switch len(values) {
	case 0:
		values = []int{fallback}
		fallthrough
	case 1:
		values = slices.Repeat(values, axes)
	}
	if len(values) != axes {
		refuse("%s: %d values of %s for %d spatial axes", layer, len(values), what, axes)
	}
	least := 1
	if what == "padding" || what == "output padding" {
		least = 0
	}
	for _, v := range values {
		if v < least {
			refuse("%s: %s of %d; the least is %d", layer, what, v, least)
		}
	}
	return values
}

// Conv says how Scope.Conv convolves. The zero value is PyTorch's default: stride 1, no padding, with bias.
type Conv struct {
	Stride   []int       // one value for all axes, or one for each; none means 1
	Dilation []int       // likewise
	Padding  Padding     // the zero value means none
	Groups   int         // groups of channels that do not mix; 0 means 1
	NoBias   bool        // leave out the bias
	Init     Initialiser // of the weight; the zero value means PyTorch
	BiasInit Initialiser // the zero value means uniform within 1/sqrt(fan-in), as in PyTorch
}

// Conv convolves x, (batch, spatial..., in), with one, two or three spatial axes, to (batch, spatial..., out). The
// kernel has one size for all axes, or one for each. Weights: weight (kernel..., in/groups, out), bias (out).
func (s *Scope) Conv(x *Node, out int, kernel []int, o Conv) *Node {
	const layer = "convolution"
	wantRank(layer, x, 3, 4, 5)
	n, in, groups := x.Rank()-2, lastDim(x), max(o.Groups, 1)
	k := perAxis(layer, "kernel", kernel, n, 1)
	stride, dilation := perAxis(layer, "stride", o.Stride, n, 1), perAxis(layer, "dilation", o.Dilation, n, 1)
	if in%groups != 0 || out%groups != 0 {
		refuse("%s: %d channels in and %d out cannot be cut into %d groups", layer, in, out, groups)
	}
	w := s.Weight("weight", o.Init.or(PyTorch), append(slices.Clone(k), in/groups, out)...)
	y := convolve(x, w, o.Padding.sizes(layer, x.Shape().Dimensions[1:n+1], k, stride, dilation), stride, nil, dilation, groups, false)
	return s.convBias(y, out, product(k)*in/groups, o.NoBias, o.BiasInit)
}

func (s *Scope) convBias(y *Node, out, fanIn int, without bool, init Initialiser) *Node {
	if without {
		return y
	}
	return addChannels(y, s.Weight("bias", init.or(Uniform(1/math.Sqrt(float64(fanIn)))), out))
}

// convolve is a channels-last convolution. swapped says that the last two axes of w are (out, in).
func convolve(x, w *Node, padding [][2]int, stride, inputDilation, dilation []int, groups int, swapped bool) *Node {
	n := x.Rank() - 2
	mustFit(x, w, padding, inputDilation, dilation)
	spatial := spatialAxes(x)
	axes := compute.ConvolveAxesConfig{
		InputBatch: 0, InputSpatial: spatial, InputChannels: n + 1,
		KernelSpatial: seq(n), KernelInputChannels: n, KernelOutputChannels: n + 1,
		OutputBatch: 0, OutputSpatial: spatial, OutputChannels: n + 1,
	}
	if swapped {
		axes.KernelInputChannels, axes.KernelOutputChannels = n+1, n
	}
	return graph.ConvGeneral(x, w, axes, stride, padding, unlessOnes(inputDilation), unlessOnes(dilation), groups, 1)
}

// mustFit stops the building where the kernel reaches over more than the padded input has.
func mustFit(x, w *Node, padding [][2]int, inputDilation, dilation []int) {
	for i, pad := range padding {
		reach := (w.Shape().Dimensions[i]-1)*dilation[i] + 1
		size := x.Shape().Dimensions[1+i]
		if inputDilation != nil {
			size = (size-1)*inputDilation[i] + 1
		}
		if size += pad[0] + pad[1]; size < reach {
			refuse("convolution: a kernel that reaches over %d does not fit into %d (axis %d of %s, with padding)", reach, size, 1+i, x.Shape())
		}
	}
}

// unlessOnes is nil where every value is 1, the form in which the graph library writes it.
func unlessOnes(values []int) []int {
	if slices.ContainsFunc(values, func(v int) bool { return v != 1 }) {
		return values
	}
	return nil
}

// ConvTranspose says how Scope.ConvTranspose works. The zero value is PyTorch's default: stride 1, no padding, with
// bias.
type ConvTranspose struct {
	Stride        []int       // one value for all axes, or one for each; none means 1
	Padding       []int       // cut from both sides of the output; none means 0
	OutputPadding []int       // added behind the output; below the stride or the dilation; none means 0
	Dilation      []int       // none means 1
	Groups        int         // 0 means 1
	NoBias        bool        // leave out the bias
	Init          Initialiser // of the weight; the zero value means PyTorch
	BiasInit      Initialiser // the zero value means uniform within 1/sqrt(out·kernel), as in PyTorch
}

// ConvTranspose is the gradient of a convolution by its input, used to enlarge: along each axis the output has
// (size-1)·stride - 2·padding + dilation·(kernel-1) + output padding + 1 positions. Weights: weight
// (kernel..., out/groups, in), the layout of the convolution that it transposes; bias (out).
func (s *Scope) ConvTranspose(x *Node, out int, kernel []int, o ConvTranspose) *Node {
	const layer = "transposed convolution"
	wantRank(layer, x, 3, 4, 5)
	n, in, groups := x.Rank()-2, lastDim(x), max(o.Groups, 1)
	k := perAxis(layer, "kernel", kernel, n, 1)
	stride, dilation := perAxis(layer, "stride", o.Stride, n, 1), perAxis(layer, "dilation", o.Dilation, n, 1)
	pad, behind := perAxis(layer, "padding", o.Padding, n, 0), perAxis(layer, "output padding", o.OutputPadding, n, 0)
	if in%groups != 0 || out%groups != 0 {
		refuse("%s: %d channels in and %d out cannot be cut into %d groups", layer, in, out, groups)
	}
	padding := make([][2]int, n)
	for i := range padding {
		if behind[i] >= max(stride[i], dilation[i]) {
			refuse("%s: output padding %d must be below the stride or the dilation", layer, behind[i])
		}
		reach := (k[i] - 1) * dilation[i]
		padding[i] = [2]int{reach - pad[i], reach - pad[i] + behind[i]}
	}
	w := s.Weight("weight", o.Init.or(PyTorch), append(slices.Clone(k), out/groups, in)...)
	reversed, swapped := graph.Reverse(w, seq(n)...), true
	if groups > 1 {
		reversed, swapped = swapGroups(reversed, groups), false
	}
	y := convolve(x, reversed, padding, nil, stride, dilation, groups, swapped)
	return s.convBias(y, out, product(k)*out/groups, o.NoBias, o.BiasInit)
}

// swapGroups turns a kernel (spatial..., out/groups, in) into (spatial..., in/groups, out), group by group.
func swapGroups(w *Node, groups int) *Node {
	n := w.Rank() - 2
	dims := w.Shape().Dimensions
	out, in := dims[n], dims[n+1]/groups
	w = graph.Reshape(w, append(slices.Clone(dims[:n]), out, groups, in)...)
	w = graph.TransposeAllAxes(w, append(seq(n), n+2, n+1, n)...)
	return graph.Reshape(w, append(slices.Clone(dims[:n]), in, groups*out)...)
}

func seq(n int) []int {
	values := make([]int, n)
	for i := range values {
		values[i] = i
	}
	return values
}
