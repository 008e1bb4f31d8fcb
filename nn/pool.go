package nn

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
)

// Pool says over which windows a pooling runs. The zero value is windows of 2 side by side.
type Pool struct {
	Size    []int   // one value for all axes, or one for each; none means 2
	Stride  []int   // none means the size
	Padding Padding // the zero value means none
}

// MaxPool is the maximum of each window of x, (batch, spatial..., channels). Padding is never the maximum.
func MaxPool(x *Node, o Pool) *Node {
	window, stride, padding := o.windows("max pooling", x)
	return graph.BackendReduceWindow(x, compute.ReduceOpMax, window, stride, nil, nil, padding)
}

// AveragePool is the mean of each window of x, (batch, spatial..., channels). Padding counts as zeros, as in
// PyTorch's default.
func AveragePool(x *Node, o Pool) *Node {
	window, stride, padding := o.windows("average pooling", x)
	sum := graph.BackendReduceWindow(x, compute.ReduceOpSum, window, stride, nil, nil, padding)
	return graph.MulScalar(sum, 1/float64(product(window)))
}

func (o Pool) windows(layer string, x *Node) (window, stride []int, padding [][2]int) {
	wantRank(layer, x, 3, 4, 5)
	n := x.Rank() - 2
	size := perAxis(layer, "size", o.Size, n, 2)
	step := size
	if len(o.Stride) > 0 {
		step = perAxis(layer, "stride", o.Stride, n, 1)
	}
	in := x.Shape().Dimensions[1 : n+1]
	pads := o.Padding.sizes(layer, in, size, step, slices.Repeat([]int{1}, n))
	for i := range n {
		if in[i]+pads[i][0]+pads[i][1] < size[i] {
			refuse("%s: a window of %d does not fit into axis %d of %s", layer, size[i], 1+i, x.Shape())
		}
		if max(pads[i][0], pads[i][1]) >= size[i] {
			refuse("%s: padding %v must be below the window's %d", layer, pads[i], size[i])
		}
	}
	around := func(values []int) []int { return append(append([]int{1}, values...), 1) }
	return around(size), around(step), append(append([][2]int{{}}, pads...), [2]int{})
}

// GlobalAveragePool is the mean over all spatial axes: (batch, spatial..., channels) to (batch, channels).
func GlobalAveragePool(x *Node) *Node {
	wantRank("global average pooling", x, 3, 4, 5)
	dims := x.Shape().Dimensions
	n := x.Rank() - 2
	return graph.MulScalar(graph.ReduceSum(x, spatialAxes(x)...), 1/float64(product(dims[1:n+1])))
}

// GlobalMaxPool is the maximum over all spatial axes: (batch, spatial..., channels) to (batch, channels). Where it
// is reached more than once, the gradient goes to the first place.
func GlobalMaxPool(x *Node) *Node {
	wantRank("global max pooling", x, 3, 4, 5)
	dims := x.Shape().Dimensions
	y := MaxPool(x, Pool{Size: dims[1 : x.Rank()-1]})
	return graph.Reshape(y, dims[0], lastDim(x))
}

func spatialAxes(x *Node) []int {
	axes := seq(x.Rank() - 1)
	return axes[1:]
}

// Upsample repeats each position of x, (batch, spatial..., channels), factor times along each spatial axis.
func Upsample(x *Node, factor int) *Node {
	wantRank("upsampling", x, 3, 4, 5)
	if factor < 1 {
		refuse("upsampling by %d", factor)
	}
	dims := x.Shape().Dimensions
	n := x.Rank() - 2
	apart, repeated, final := []int{dims[0]}, []int{dims[0]}, []int{dims[0]}
	for _, d := range dims[1 : n+1] {
		apart, repeated, final = append(apart, d, 1), append(repeated, d, factor), append(final, d*factor)
	}
	c := lastDim(x)
	y := graph.BroadcastToDims(graph.Reshape(x, append(apart, c)...), append(repeated, c)...)
	return graph.Reshape(y, append(final, c)...)
}

// Flatten joins all axes but the first.
func Flatten(x *Node) *Node { return graph.Reshape(x, x.Shape().Dimensions[0], -1) }
