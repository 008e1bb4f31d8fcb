package onnx

import (
	"slices"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// Operators that make, cut and join values and change their shapes.

func constant(_ *converter, n *nodeProto, _ []*value) []*value {
	var a *array
	for i := range n.attributes {
		x := &n.attributes[i]
		switch {
		case x.name == "value" && x.kind == kindTensor:
			var err error
			if a, err = x.t.array(nil); err != nil {
				fail("%w", err)
			}
		case x.name == "value_float" && x.kind == kindFloat:
			a = floatsArray([]float32{x.f})
		case x.name == "value_floats" && x.kind == kindFloats:
			a = floatsArray(x.floats, len(x.floats))
		case x.name == "value_int" && x.kind == kindInt:
			a = int64sArray([]int64{x.i})
		case x.name == "value_ints" && x.kind == kindInts:
			a = int64sArray(x.ints, len(x.ints))
		}
	}
	if a == nil {
		fail("a constant without a value that is supported")
	}
	return []*value{knownValue(a)}
}

func constantOfShape(c *converter, n *nodeProto, in []*value) []*value {
	fill := floatsArray([]float32{0})
	if a := n.attribute("value", kindTensor); a != nil {
		var err error
		if fill, err = a.t.array(nil); err != nil || product(fill.dims) != 1 {
			fail("the value to fill with must be one: %v", err)
		}
	}
	dims := c.checked(in[0].ints("the shape"))
	x := graph.Reshape(c.node1(knownValue(fill)))
	return []*value{of(graph.BroadcastToDims(x, dims...))}
}

func shapeOperator(_ *converter, n *nodeProto, in []*value) []*value {
	dims := in[0].dims
	at := func(name string, fallback int) int {
		v := n.int(name, fallback)
		if v < 0 {
			v += len(dims)
		}
		return min(max(v, 0), len(dims))
	}
	from, to := at("start", 0), at("end", len(dims))
	part := dims[from:max(from, to)]
	return []*value{knownValue(int64sArray(int64s(part), len(part)))}
}

func size(_ *converter, _ *nodeProto, in []*value) []*value {
	return []*value{knownValue(int64sArray([]int64{int64(product(in[0].dims))}))}
}

// rangeOperator counts from a start by a step to below a limit.
func rangeOperator(c *converter, _ *nodeProto, in []*value) []*value {
	from, to, by := in[0].scalar("the start"), in[1].scalar("the limit"), in[2].scalar("the step")
	if by == 0 {
		fail("a step of 0")
	}
	n := 0
	if count := (to - from) / by; count > 0 {
		n = int(min(count, maxSize))
		if float64(n) < count {
			n++
		}
	}
	c.checked([]int{n})
	x := graph.Iota(c.g, shapes.Make(in[0].dtype, n), 0)
	return []*value{of(graph.AddScalar(graph.MulScalar(x, by), from))}
}

func expand(c *converter, _ *nodeProto, in []*value) []*value {
	dims := broadcastDims(in[0], &value{dims: c.checked(in[1].ints("the shape"))})
	return []*value{of(c.expanded(c.node1(in[0]), c.checked(dims)))}
}

func (c *converter) expanded(x *Node, dims []int) *Node {
	if more := len(dims) - x.Rank(); more > 0 {
		x = graph.Reshape(x, append(slices.Repeat([]int{1}, more), x.Shape().Dimensions...)...)
	}
	return graph.BroadcastToDims(x, dims...)
}

func tile(c *converter, _ *nodeProto, in []*value) []*value {
	x, repeats := c.node1(in[0]), in[1].ints("the repeats")
	if len(repeats) != x.Rank() {
		fail("%d repeats for %d axes", len(repeats), x.Rank())
	}
	var apart, wide, dims []int
	for i, d := range x.Shape().Dimensions {
		if repeats[i] < 0 {
			fail("%d repeats", repeats[i])
		}
		apart, wide = append(apart, 1, d), append(wide, repeats[i], d)
		c.checked([]int{repeats[i], d})
		dims = append(dims, d*repeats[i])
	}
	c.checked(dims)
	return []*value{of(graph.Reshape(graph.BroadcastToDims(graph.Reshape(x, apart...), wide...), dims...))}
}

func reshape(c *converter, n *nodeProto, in []*value) []*value {
	dims := in[1].ints("the shape")
	infer, rest := -1, 1
	for i, d := range dims {
		if d == 0 && n.int("allowzero", 0) == 0 {
			if i >= len(in[0].dims) {
				fail("a shape that keeps an axis which is not there")
			}
			dims[i] = in[0].dims[i]
		}
		if d == -1 {
			if infer >= 0 {
				fail("a shape with two sizes to infer")
			}
			infer = i
			continue
		}
		c.checked([]int{dims[i], rest})
		rest *= dims[i]
	}
	total := product(in[0].dims)
	if infer >= 0 {
		if rest == 0 || total%rest != 0 {
			fail("%d values do not fit into the shape %v", total, dims)
		}
		dims[infer] = total / rest
		rest = total
	}
	if rest != total {
		fail("%d values do not fit into the shape %v", total, dims)
	}
	return []*value{of(graph.Reshape(c.node1(in[0]), dims...))}
}

func flatten(c *converter, n *nodeProto, in []*value) []*value {
	axis, rank := n.int("axis", 1), len(in[0].dims)
	if axis != rank {
		axis = axisOf(axis, rank)
	}
	return []*value{of(graph.Reshape(c.node1(in[0]), product(in[0].dims[:axis]), product(in[0].dims[axis:])))}
}

// axesOf are the axes of an operator: an input since set 13 (18 for most reductions), before that an attribute.
func axesOf(n *nodeProto, v *value, rank int) []int {
	axes := n.ints("axes")
	if v != nil {
		axes = v.ints("the axes")
	}
	for i := range axes {
		axes[i] = axisOf(axes[i], rank)
	}
	slices.Sort(axes)
	if len(slices.Compact(slices.Clone(axes))) != len(axes) {
		fail("an axis comes twice: %v", axes)
	}
	return axes
}

func squeeze(c *converter, n *nodeProto, in []*value) []*value {
	axes := axesOf(n, in[1], len(in[0].dims))
	var dims []int
	for i, d := range in[0].dims {
		gone := slices.Contains(axes, i) || axes == nil && d == 1
		if !gone {
			dims = append(dims, d)
		} else if d != 1 {
			fail("axis %d has size %d, not 1", i, d)
		}
	}
	return []*value{of(graph.Reshape(c.node1(in[0]), dims...))}
}

func unsqueeze(c *converter, n *nodeProto, in []*value) []*value {
	count := len(n.ints("axes"))
	if in[1] != nil {
		count = len(in[1].ints("the axes"))
	}
	if count > 64 {
		fail("%d axes", count)
	}
	rank := len(in[0].dims) + count
	axes := axesOf(n, in[1], rank)
	dims := make([]int, 0, rank)
	rest := in[0].dims
	for i := range rank {
		if slices.Contains(axes, i) {
			dims = append(dims, 1)
			continue
		}
		dims, rest = append(dims, rest[0]), rest[1:]
	}
	return []*value{of(graph.Reshape(c.node1(in[0]), dims...))}
}

// transpose starts from the layout that the value has, so that one to channels-last may cost nothing.
func transpose(c *converter, n *nodeProto, in []*value) []*value {
	rank := len(in[0].dims)
	perm := n.ints("perm")
	if perm == nil {
		perm = sequence(rank)
		slices.Reverse(perm)
	}
	if !slices.Equal(slices.Sorted(slices.Values(perm)), sequence(rank)) {
		fail("perm %v for %d axes", perm, rank)
	}
	for i, p := range perm {
		perm[i] = in[0].storage(p)
	}
	x := c.stored(in[0])
	if isIdentity(perm) {
		return []*value{of(x)}
	}
	return []*value{of(graph.TransposeAllAxes(x, perm...))}
}

func concat(c *converter, n *nodeProto, in []*value) []*value {
	if slices.Contains(in, nil) {
		fail("an input is left out")
	}
	rank := len(in[0].dims)
	axis := axisOf(n.int("axis", 1), rank)
	last := false
	for _, v := range in {
		if len(v.dims) != rank {
			fail("inputs with %d and %d axes", rank, len(v.dims))
		}
		last = last || v.isLast()
	}
	var nodes []*Node
	for _, v := range in {
		if last {
			nodes = append(nodes, c.nodeLast(v))
		} else {
			nodes = append(nodes, c.node1(v))
		}
	}
	like := wrap(nodes[0], last)
	if len(nodes) == 1 {
		return []*value{like}
	}
	return []*value{wrap(graph.Concatenate(nodes, like.storage(axis)), last)}
}

func split(c *converter, n *nodeProto, in []*value) []*value {
	axis := axisOf(n.int("axis", 0), len(in[0].dims))
	total := in[0].dims[axis]
	parts := n.ints("split")
	if in[1] != nil {
		parts = in[1].ints("the sizes")
	}
	if parts == nil {
		count := n.int("num_outputs", len(n.outputs))
		if count < 1 || count != len(n.outputs) {
			fail("%d parts for %d outputs", count, len(n.outputs))
		}
		size := (total + count - 1) / count
		for from := 0; len(parts) < count; from += size {
			parts = append(parts, max(min(size, total-from), 0))
		}
	}
	out := make([]*value, 0, len(parts))
	x, from := c.stored(in[0]), 0
	for _, p := range parts {
		if p < 0 || p > total-from {
			fail("parts %v of %d", parts, total)
		}
		out = append(out, in[0].like(graph.SliceAxis(x, in[0].storage(axis), graph.AxisRange(from, from+p))))
		from += p
	}
	if from != total {
		fail("parts %v of %d", parts, total)
	}
	return out
}

func slice(c *converter, n *nodeProto, in []*value) []*value {
	starts, ends, axes, steps := n.ints("starts"), n.ints("ends"), n.ints("axes"), []int(nil)
	if in[1] != nil && in[2] != nil {
		starts, ends = in[1].ints("the start"), in[2].ints("the end")
		if in[3] != nil {
			axes = in[3].ints("the axes")
		}
		if in[4] != nil {
			steps = in[4].ints("the steps")
		}
	}
	if axes == nil {
		axes = sequence(len(starts))
	}
	if steps == nil {
		steps = slices.Repeat([]int{1}, len(starts))
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || len(steps) != len(starts) {
		fail("%d starts, %d ends, %d axes, %d steps", len(starts), len(ends), len(axes), len(steps))
	}
	x, out := c.stored(in[0]), in[0]
	for i, axis := range axes {
		axis = axisOf(axis, len(in[0].dims))
		at := in[0].storage(axis)
		x = sliced(x, at, in[0].dims[axis], starts[i], ends[i], steps[i])
	}
	return []*value{out.like(x)}
}

// sliced takes a line by ONNX's rules: negative places count from the end, those beyond it are the end.
func sliced(x *Node, axis, size, from, to, step int) *Node {
	if step == 0 {
		fail("a step of 0")
	}
	if from < 0 {
		from += size
	}
	if to < 0 && to >= -size {
		to += size
	}
	if step < 0 {
		// Backward is forward in the reversed order.
		from, to = min(max(from, -1), size-1), min(max(to, -1), size-1)
		x = graph.Reverse(x, axis)
		from, to, step = size-1-from, size-1-to, -max(step, -maxSize)
	}
	from, to = min(max(from, 0), size), min(max(to, 0), size)
	to = max(to, from)
	if from == 0 && to == size && step == 1 {
		return x
	}
	if from == to {
		fail("a slice with no values")
	}
	return graph.SliceAxis(x, axis, graph.AxisRange(from, to).Stride(min(step, size)))
}
