package onnx

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// Operators that pick values by their places, pad, and rearrange.

// take picks places along an axis: known ones.
func (c *converter) take(x *Node, axis int, places []int) *Node {
	at := graph.Const(c.g, int32s(places))
	return c.gathered(x, axis, at)
}

func int32s(values []int) []int32 {
	out := make([]int32, len(values))
	for i, v := range values {
		out[i] = int32(v)
	}
	return out
}

// gathered replaces an axis of x by the axes of at, whose values are places along it, 0 or more.
func (c *converter) gathered(x *Node, axis int, at *Node) *Node {
	dims := x.Shape().Dimensions
	n := at.Rank()
	sizes := slices.Clone(dims)
	sizes[axis] = 1
	var offset []int
	for i := range dims {
		switch {
		case i < axis:
			offset = append(offset, i)
		case i > axis:
			offset = append(offset, i+n-1)
		}
	}
	at = graph.Reshape(at, append(slices.Clone(at.Shape().Dimensions), 1)...)
	return graph.BackendGather(x, at, n, offset, []int{axis}, []int{axis}, sizes, false)
}

// places are indices with negative ones counted from the end; known ones are checked.
func (c *converter) places(v *value, size int) *Node {
	if v.dtype.IsFloat() || v.dtype == dtypes.Bool {
		fail("indices of type %s", v.dtype)
	}
	if v.known != nil {
		places := v.ints("indices")
		for i, p := range places {
			if p < -size || p >= size {
				fail("index %d into %d", p, size)
			}
			if p < 0 {
				places[i] = p + size
			}
		}
		return graph.Reshape(graph.Const(c.g, int32s(places)), v.dims...)
	}
	x := c.node1(v)
	zero := graph.ScalarZero(c.g, x.DType())
	return graph.Where(graph.LessThan(x, zero), graph.AddScalar(x, float64(size)), x)
}

func gather(c *converter, n *nodeProto, in []*value) []*value {
	axis := axisOf(n.int("axis", 0), len(in[0].dims))
	size := in[0].dims[axis]
	if size == 0 {
		fail("a choice from no values")
	}
	if in[1].known != nil && product(in[1].dims) == 0 {
		fail("a choice of no values")
	}
	return []*value{of(c.gathered(c.node1(in[0]), axis, c.places(in[1], size)))}
}

func gatherElements(c *converter, n *nodeProto, in []*value) []*value {
	x := c.node1(in[0])
	axis := axisOf(n.int("axis", 0), x.Rank())
	if len(in[1].dims) != x.Rank() {
		fail("indices with %d axes for %d", len(in[1].dims), x.Rank())
	}
	at := c.places(in[1], in[0].dims[axis])
	var parts []*Node
	dims := at.Shape().Dimensions
	for i := range dims {
		part := at
		if i != axis {
			part = graph.Iota(c.g, at.Shape(), i)
		}
		parts = append(parts, graph.Reshape(part, append(slices.Clone(dims), 1)...))
	}
	return []*value{of(graph.Gather(x, graph.Concatenate(parts, len(dims))))}
}

func gatherND(c *converter, n *nodeProto, in []*value) []*value {
	rank := len(in[1].dims)
	if n.int("batch_dims", 0) != 0 || rank == 0 || in[1].dims[rank-1] > len(in[0].dims) {
		fail("batch_dims, or indices of more axes than there are")
	}
	if in[1].dtype.IsFloat() || in[1].dtype == dtypes.Bool {
		fail("indices of type %s", in[1].dtype)
	}
	at := c.node1(in[1])
	ends := make([]int64, in[1].dims[rank-1])
	for i := range ends {
		ends[i] = int64(in[0].dims[i])
	}
	size := graph.Reshape(graph.ConvertDType(graph.Const(c.g, ends), at.DType()), append(slices.Repeat([]int{1}, rank-1), len(ends))...)
	negative := graph.LessThan(at, graph.ScalarZero(c.g, at.DType()))
	at = graph.Where(negative, graph.Add(at, size), at)
	return []*value{of(graph.Gather(c.node1(in[0]), at))}
}

// pad fills around a value, or repeats its edge or its mirror image.
func pad(c *converter, n *nodeProto, in []*value) []*value {
	rank := len(in[0].dims)
	pads := n.ints("pads")
	if in[1] != nil {
		pads = in[1].ints("the padding")
	}
	axes := sequence(rank)
	if in[3] != nil {
		axes = in[3].ints("the axes")
	}
	if len(pads) != 2*len(axes) {
		fail("%d paddings for %d axes", len(pads), len(axes))
	}
	x := c.stored(in[0])
	config := make([]compute.PadAxis, rank)
	mode := n.string("mode", "constant")
	for i, axis := range axes {
		axis = axisOf(axis, rank)
		low, high, size := pads[i], pads[len(axes)+i], in[0].dims[axis]
		c.checked([]int{max(low, 0), max(high, 0)})
		c.checked([]int{max(low, 0) + max(high, 0) + size})
		at := in[0].storage(axis)
		if low < 0 || high < 0 {
			cut, end := max(-low, 0), size-max(-high, 0)
			if cut >= end {
				fail("padding %v that leaves nothing", pads)
			}
			x, low, high, size = graph.SliceAxis(x, at, graph.AxisRange(cut, end)), max(low, 0), max(high, 0), end-cut
		}
		if mode == "constant" {
			config[at] = compute.PadAxis{Start: low, End: high}
		} else if low+high > 0 {
			x = c.take(x, at, mirrored(mode, low, high, size))
		}
	}
	if mode == "constant" {
		fill := graph.Scalar(c.g, in[0].dtype, n.float("value", 0))
		if in[2] != nil {
			fill = graph.Reshape(c.node1(in[2]))
		}
		x = graph.Pad(x, fill, config...)
	}
	return []*value{in[0].like(x)}
}

// mirrored are the places from which a padded line is taken.
func mirrored(mode string, low, high, size int) []int {
	if mode != "edge" && mode != "reflect" && mode != "wrap" {
		fail("padding of mode %q", mode)
	}
	if mode == "reflect" && max(low, high) >= size {
		fail("a mirror image of %d for a line of %d", max(low, high), size)
	}
	var places []int
	for i := -low; i < size+high; i++ {
		p := i
		switch {
		case mode == "edge":
			p = min(max(i, 0), size-1)
		case mode == "wrap":
			p = ((i % size) + size) % size
		case i < 0:
			p = -i
		case i >= size:
			p = 2*(size-1) - i
		}
		places = append(places, p)
	}
	return places
}

func depthToSpace(c *converter, n *nodeProto, in []*value) []*value {
	b, d := n.int("blocksize", 1), in[0].dims
	if len(d) != 4 || b < 1 || b > maxSize || d[1]%b != 0 || d[1]/b%b != 0 {
		fail("blocks of %d of %v", b, d)
	}
	x, depth := c.node1(in[0]), d[1]/b/b
	if n.string("mode", "DCR") == "CRD" {
		x = graph.TransposeAllAxes(graph.Reshape(x, d[0], depth, b, b, d[2], d[3]), 0, 1, 4, 2, 5, 3)
	} else {
		x = graph.TransposeAllAxes(graph.Reshape(x, d[0], b, b, depth, d[2], d[3]), 0, 3, 4, 1, 5, 2)
	}
	return []*value{of(graph.Reshape(x, d[0], depth, d[2]*b, d[3]*b))}
}

func spaceToDepth(c *converter, n *nodeProto, in []*value) []*value {
	b, d := n.int("blocksize", 1), in[0].dims
	if len(d) != 4 || b < 1 || b > maxSize || d[2]%b != 0 || d[3]%b != 0 {
		fail("blocks of %d of %v", b, d)
	}
	x := graph.Reshape(c.node1(in[0]), d[0], d[1], d[2]/b, b, d[3]/b, b)
	return []*value{of(graph.Reshape(graph.TransposeAllAxes(x, 0, 3, 5, 1, 2, 4), d[0], d[1]*b*b, d[2]/b, d[3]/b))}
}

func trilu(c *converter, n *nodeProto, in []*value) []*value {
	x := c.node1(in[0])
	rank := x.Rank()
	if rank < 2 {
		fail("a triangle of a value with %d axes", rank)
	}
	k := 0
	if in[1] != nil {
		k = int(in[1].scalar("the diagonal"))
	}
	shape := shapes.Make(dtypes.Int64, x.Shape().Dimensions...)
	row, column := graph.AddScalar(graph.Iota(c.g, shape, rank-2), float64(k)), graph.Iota(c.g, shape, rank-1)
	keep := graph.LessOrEqual(column, row)
	if n.int("upper", 1) == 1 {
		keep = graph.GreaterOrEqual(column, row)
	}
	return []*value{of(graph.Where(keep, x, graph.ZerosLike(x)))}
}

func cumSum(c *converter, n *nodeProto, in []*value) []*value {
	if n.int("exclusive", 0) != 0 {
		fail("sums that leave their own value out")
	}
	x := c.node1(in[0])
	axis := axisOf(int(in[1].scalar("the axis")), x.Rank())
	if n.int("reverse", 0) == 1 {
		return []*value{of(graph.Reverse(graph.CumSum(graph.Reverse(x, axis), axis), axis))}
	}
	return []*value{of(graph.CumSum(x, axis))}
}

func oneHot(c *converter, n *nodeProto, in []*value) []*value {
	depth := int(in[1].scalar("the depth"))
	c.checked([]int{depth, product(in[0].dims)})
	at := c.places(c.convert(&value{dtype: in[0].dtype, dims: in[0].dims, plain: c.node1(in[0])}, dtypes.Int64), depth)
	rank := at.Rank() + 1
	axis := axisOf(n.int("axis", -1), rank)
	dims := slices.Insert(slices.Clone(at.Shape().Dimensions), axis, 1)
	wide := slices.Clone(dims)
	wide[axis] = depth
	hot := graph.Equal(graph.BroadcastToDims(graph.Reshape(at, dims...), wide...), graph.Iota(c.g, shapes.Make(at.DType(), wide...), axis))
	values := c.node1(in[2])
	pick := func(i int) *Node {
		return graph.BroadcastToDims(graph.Reshape(graph.SliceAxis(values, 0, graph.AxisElem(i))), wide...)
	}
	if values.Rank() != 1 || values.Shape().Dimensions[0] != 2 {
		fail("the values must be two")
	}
	return []*value{of(graph.Where(hot, pick(1), pick(0)))}
}
