package onnx

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
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
