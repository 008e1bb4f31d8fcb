package onnx

import (
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/nn"
)

// Products, reductions, softmax, and products of quantised values.

func matMul(c *converter, _ *nodeProto, in []*value) []*value {
	return []*value{of(product2(c.node1(in[0]), c.node1(in[1])))}
}

// product2 is the product of matrices, or of batches of them that broadcast; vectors count as one row or column.
func product2(a, b *Node) *Node {
	if a.Rank() == 0 || b.Rank() == 0 {
		fail("a product with a scalar")
	}
	if b.Rank() <= 2 {
		return graph.DotGeneral(a, []int{a.Rank() - 1}, nil, b, []int{0}, nil)
	}
	row := a.Rank() == 1
	if row {
		a = graph.InsertAxes(a, 0)
	}
	n := len(a.Shape().Dimensions) - 2
	m := len(b.Shape().Dimensions) - 2
	outer := broadcastDims(&value{dims: a.Shape().Dimensions[:n]}, &value{dims: b.Shape().Dimensions[:m]})
	spread := func(x *Node) *Node {
		d := x.Shape().Dimensions
		dims := append(slices.Clone(outer), d[len(d)-2:]...)
		if slices.Equal(d, dims) {
			return x
		}
		return graph.BroadcastToDims(graph.Reshape(x, append(slices.Repeat([]int{1}, len(dims)-len(d)), d...)...), dims...)
	}
	batch := sequence(len(outer))
	last := len(outer) + 1
	y := graph.DotGeneral(spread(a), []int{last}, batch, spread(b), []int{last - 1}, batch)
	if row {
		y = graph.Squeeze(y, last-1)
	}
	return y
}

func gemm(c *converter, n *nodeProto, in []*value) []*value {
	if len(in[0].dims) != 2 || len(in[1].dims) != 2 {
		fail("matrices with %d and %d axes", len(in[0].dims), len(in[1].dims))
	}
	y := graph.DotGeneral(c.node1(in[0]), []int{1 - n.int("transA", 0)&1}, nil, c.node1(in[1]), []int{n.int("transB", 0) & 1}, nil)
	if alpha := n.float("alpha", 1); alpha != 1 {
		y = graph.MulScalar(y, alpha)
	}
	out := of(y)
	if beta := n.float("beta", 1); in[2] != nil && beta != 0 {
		bias := in[2]
		if beta != 1 {
			bias = c.same(bias, func(x *Node) *Node { return graph.MulScalar(x, beta) })
		}
		out = c.pair(out, bias, graph.Add)
	}
	return []*value{out}
}

func einsum(c *converter, n *nodeProto, in []*value) []*value {
	equation := strings.ReplaceAll(n.string("equation", ""), " ", "")
	if len(in) != 2 || in[0] == nil || in[1] == nil || strings.Contains(equation, ".") || !strings.Contains(equation, "->") {
		fail("equation %q of %d inputs; only two, with the output's axes named, are supported", equation, len(in))
	}
	return []*value{of(graph.Einsum(equation, c.node1(in[0]), c.node1(in[1])))}
}

func reduction(f func(x *Node, axes ...int) *Node) operator {
	return operator{1, 2, func(c *converter, n *nodeProto, in []*value) []*value {
		rank := len(in[0].dims)
		axes := axesOf(n, in[1], rank)
		if len(axes) == 0 {
			if n.int("noop_with_empty_axes", 0) == 1 {
				return in[:1]
			}
			axes = sequence(rank)
		}
		return []*value{c.reduce(in[0], axes, n.int("keepdims", 1) == 1, f)}
	}}
}

func (c *converter) reduce(v *value, axes []int, keep bool, f func(x *Node, axes ...int) *Node) *value {
	if len(axes) == 0 {
		return v
	}
	stored := make([]int, len(axes))
	for i, a := range axes {
		stored[i] = v.storage(a)
	}
	x := c.stored(v)
	dims := slices.Clone(x.Shape().Dimensions)
	if !keep {
		// Without the axes that are gone the layouts differ.
		x, stored = c.node1(v), axes
		return of(f(x, stored...))
	}
	for _, a := range stored {
		dims[a] = 1
	}
	return v.like(graph.Reshape(f(x, stored...), dims...))
}

// logSumExp leaves the largest out of the exponential, so that nothing overflows.
func logSumExp(x *Node, axes ...int) *Node {
	dims := slices.Clone(x.Shape().Dimensions)
	for _, a := range axes {
		dims[a] = 1
	}
	top := graph.ReduceMax(x, axes...)
	return graph.Add(top, graph.Log(graph.ReduceSum(graph.Exp(graph.Sub(x, graph.Reshape(top, dims...))), axes...)))
}

func argMax(least bool) func(c *converter, n *nodeProto, in []*value) []*value {
	return func(c *converter, n *nodeProto, in []*value) []*value {
		if n.int("select_last_index", 0) != 0 {
			fail("the last of equal values is not supported, only the first")
		}
		axis := axisOf(n.int("axis", 0), len(in[0].dims))
		f := func(x *Node, axes ...int) *Node {
			if least {
				return graph.ArgMin(x, axes[0], dtypes.Int64)
			}
			return graph.ArgMax(x, axes[0], dtypes.Int64)
		}
		return []*value{c.reduce(in[0], []int{axis}, n.int("keepdims", 1) == 1, f)}
	}
}

// softmax runs along one axis; before set 13 along all axes from one on.
func softmax(log bool) func(c *converter, n *nodeProto, in []*value) []*value {
	run := func(x *Node) *Node {
		if log {
			return graph.LogSoftmax(x)
		}
		return nn.Softmax(x)
	}
	return func(c *converter, n *nodeProto, in []*value) []*value {
		rank := len(in[0].dims)
		if c.Opset < 13 {
			axis := n.int("axis", 1)
			if axis != rank {
				axis = axisOf(axis, rank)
			}
			x := graph.Reshape(c.node1(in[0]), product(in[0].dims[:axis]), product(in[0].dims[axis:]))
			return []*value{of(graph.Reshape(run(x), in[0].dims...))}
		}
		if rank == 0 {
			fail("a value without axes")
		}
		x := c.stored(in[0])
		axis := in[0].storage(axisOf(n.int("axis", -1), rank))
		if axis == rank-1 {
			return []*value{in[0].like(run(x))}
		}
		swap := sequence(rank)
		swap[axis], swap[rank-1] = rank-1, axis
		return []*value{in[0].like(graph.TransposeAllAxes(run(graph.TransposeAllAxes(x, swap...)), swap...))}
	}
}

// dynamicQuantize brings values into 0..255 by the range that they have, with 0 in it (ONNX DynamicQuantizeLinear).
func dynamicQuantize(c *converter, _ *nodeProto, in []*value) []*value {
	x := c.node1(in[0])
	zero := graph.ScalarZero(c.g, x.DType())
	axes := sequence(x.Rank())
	low, high := x, x
	if len(axes) > 0 {
		low, high = graph.ReduceMin(x, axes...), graph.ReduceMax(x, axes...)
	}
	low, high = graph.Min(low, zero), graph.Max(high, zero)
	scale := graph.Div(graph.Sub(high, low), graph.Scalar(c.g, x.DType(), 255))
	scale = graph.Where(graph.Equal(scale, zero), graph.ScalarOne(c.g, x.DType()), scale)
	point := graph.Round(graph.ClipScalar(graph.Neg(graph.Div(low, scale)), 0, 255))
	y := graph.ClipScalar(graph.Add(graph.Round(graph.Div(x, scale)), point), 0, 255)
	return []*value{of(graph.ConvertDType(y, dtypes.Uint8)), of(scale), of(graph.ConvertDType(point, dtypes.Uint8))}
}

// matMulInteger multiplies integers less their zero points, exactly, in int32.
func matMulInteger(c *converter, _ *nodeProto, in []*value) []*value {
	whole := func(v, point *value, column bool) *Node {
		x := graph.ConvertDType(c.node1(v), dtypes.Int32)
		if point == nil {
			return x
		}
		p := graph.ConvertDType(c.node1(point), dtypes.Int32)
		if p.Shape().Size() == 1 {
			p = graph.Reshape(p)
		} else if !column && p.Rank() == 1 {
			p = graph.InsertAxes(p, 1)
		}
		return c.stored(c.pair(of(x), of(p), graph.Sub))
	}
	return []*value{of(product2(whole(in[0], in[2], false), whole(in[1], in[3], true)))}
}

// alongAxis gives a vector, or a scalar, the axes of v.
func (c *converter) alongAxis(v, per *value, axis int) *Node {
	x := c.node1(per)
	if x.Shape().Size() == 1 {
		return graph.Reshape(x)
	}
	dims := slices.Repeat([]int{1}, len(v.dims))
	axis = axisOf(axis, len(v.dims))
	if x.Rank() != 1 || x.Shape().Size() != v.dims[axis] {
		fail("a scale of dimensions %v for axis %d of %v", per.dims, axis, v.dims)
	}
	dims[axis] = v.dims[axis]
	return graph.Reshape(x, dims...)
}

func quantize(c *converter, n *nodeProto, in []*value) []*value {
	to := dtypes.Uint8
	axis := n.int("axis", 1)
	x := graph.Round(graph.Div(c.node1(in[0]), c.alongAxis(in[0], in[1], axis)))
	if in[2] != nil {
		to = in[2].dtype
		x = graph.Add(x, graph.ConvertDType(c.alongAxis(in[0], in[2], axis), x.DType()))
	}
	low, high := 0., 255.
	switch to {
	case dtypes.Uint8:
	case dtypes.Int8:
		low, high = -128, 127
	default:
		fail("quantised values of type %s", to)
	}
	return []*value{of(graph.ConvertDType(graph.ClipScalar(x, low, high), to))}
}

func dequantize(c *converter, n *nodeProto, in []*value) []*value {
	if n.int("block_size", 0) != 0 {
		fail("scales for blocks")
	}
	axis := n.int("axis", 1)
	x := graph.ConvertDType(c.node1(in[0]), dtypes.Int32)
	if in[2] != nil {
		x = graph.Sub(x, graph.ConvertDType(c.alongAxis(in[0], in[2], axis), dtypes.Int32))
	}
	return []*value{of(graph.Mul(graph.ConvertDType(x, dtypes.Float32), c.alongAxis(in[0], in[1], axis)))}
}
