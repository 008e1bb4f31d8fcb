package conv

import "fmt"

// Shape is one convolution problem. The axes of an image are depth, height and width, in this order; images with
// fewer axes have 1 on the leading ones. All tensors are row-major with the channels last:
//
//	x       (N, In[0], In[1], In[2], Cin)
//	weights (Kernel[0], Kernel[1], Kernel[2], Cin/Groups, Cout)
//	y       (N, Out()[0], Out()[1], Out()[2], Cout)
//
// With x' for x after input dilation, and zero outside of it, along one axis
//
//	y[o] = Σ_k x'[o·Stride + k·Dilation − PadLow] · w[k]
type Shape struct {
	N         int    // images
	In        [3]int // positions of an image of x
	Cin, Cout int    // channels of x and of y
	Kernel    [3]int // taps along each axis, at least 1

	Stride        [3]int // step between outputs; 0 means 1
	PadLow        [3]int // zeros before the first position; a negative number crops positions
	PadHigh       [3]int // zeros after the last position; a negative number crops positions
	Dilation      [3]int // distance between taps; 0 means 1
	InputDilation [3]int // distance between the positions of x, zeros between them (transposed convolution); 0 means 1
	Groups        int    // parts of the channels that do not see each other; 0 means 1

	Flip         bool // taps are taken in reversed order along all three axes
	SwapChannels bool // weights are stored as (spatial, Cout/Groups, Cin)
}

// normal returns s with the defaults filled in. It panics where s is no convolution: whoever builds a graph checks
// its shapes, so that this can only be a defect.
func (s Shape) normal() Shape {
	if s.Groups == 0 {
		s.Groups = 1
	}
	if s.N < 0 || s.Cin < 0 || s.Cout < 0 || s.Groups < 0 || s.Cin%s.Groups != 0 || s.Cout%s.Groups != 0 {
		panic(fmt.Sprintf("conv: %d images, %d and %d channels in %d groups", s.N, s.Cin, s.Cout, s.Groups))
	}
	for i := range 3 {
		for _, p := range []*int{&s.Stride[i], &s.Dilation[i], &s.InputDilation[i]} {
			if *p == 0 {
				*p = 1
			}
		}
		if s.In[i] < 0 || s.Kernel[i] < 1 || s.Stride[i] < 1 || s.Dilation[i] < 1 || s.InputDilation[i] < 1 {
			panic(fmt.Sprintf("conv: axis %d of %+v", i, s))
		}
	}
	return s
}

// span is how many positions n positions take with distance d between them.
func span(n, d int) int {
	if n == 0 {
		return 0
	}
	return (n-1)*d + 1
}

// Out is how many outputs there are along each axis.
func (s Shape) Out() [3]int {
	s = s.normal()
	var out [3]int
	for i := range out {
		room := span(s.In[i], s.InputDilation[i]) + s.PadLow[i] + s.PadHigh[i] - span(s.Kernel[i], s.Dilation[i])
		if room >= 0 {
			out[i] = room/s.Stride[i] + 1
		}
	}
	return out
}

// XLen, WeightsLen and YLen are the lengths of the three tensors.
func (s Shape) XLen() int { return s.N * volume(s.In) * s.Cin }

// WeightsLen is the length of the weights.
func (s Shape) WeightsLen() int { return volume(s.Kernel) * s.Cin / max(s.Groups, 1) * s.Cout }

// YLen is the length of y.
func (s Shape) YLen() int { return s.N * volume(s.Out()) * s.Cout }

func volume(a [3]int) int { return a[0] * a[1] * a[2] }

// Flops is how many additions and multiplications the product takes when taps on padding are counted, and taps on the
// zeros of input dilation are not: the figure that speeds are given in. It is the same for all three products.
func (s Shape) Flops() float64 {
	s = s.normal()
	return 2 * float64(volume(s.Kernel)) / float64(max(s.Groups, 1)) *
		min(float64(s.YLen())*float64(s.Cin), float64(s.XLen())*float64(s.Cout))
}

// DataGradient is the convolution that takes the gradient of y, with the same weights, to the gradient of x.
func (s Shape) DataGradient() Shape {
	s = s.normal()
	out := s.Out()
	g := s
	g.In, g.Cin, g.Cout = out, s.Cout, s.Cin
	g.Stride, g.InputDilation = s.InputDilation, s.Stride
	g.Flip, g.SwapChannels = !s.Flip, !s.SwapChannels
	for i := range 3 {
		kernel := span(s.Kernel[i], s.Dilation[i])
		g.PadLow[i] = kernel - 1 - s.PadLow[i]
		// Exactly so much that there are as many outputs as x has positions.
		g.PadHigh[i] = (s.In[i]-1)*s.InputDilation[i] + kernel - span(out[i], s.Stride[i]) - g.PadLow[i]
	}
	return g
}

// A layout says where the weight of a tap, an input channel within its group and an output channel lies.
type layout struct{ tap, ci, co int }

func (s Shape) layout() layout {
	in := s.Cin / s.Groups
	if s.SwapChannels {
		// (Cout/Groups, Cin): the input channel counts over all groups, the output channel within its group.
		return layout{tap: s.Cout / s.Groups * s.Cin, ci: 1, co: s.Cin}
	}
	return layout{tap: in * s.Cout, ci: s.Cout, co: 1}
}

// tapBase is where the weights of the tap k of the group g begin in the slice of all weights.
func (s Shape) tapBase(k [3]int, g int) int {
	if s.Flip {
		for i := range k {
			k[i] = s.Kernel[i] - 1 - k[i]
		}
	}
	l := s.layout()
	base := ((k[0]*s.Kernel[1]+k[1])*s.Kernel[2] + k[2]) * l.tap
	if s.SwapChannels {
		return base + g*(s.Cin/s.Groups)
	}
	return base + g*(s.Cout/s.Groups)
}
