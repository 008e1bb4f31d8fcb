package onnx

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
	"galen.dev/nn"
)

// Node is a value in a graph under construction.
type Node = nn.Node

// value is a value of the model while its graph is built. It is known, or in the graph, or both. One with three
// axes or more may be there with its channels (axis 1) last, as convolutions make and take it; the other layout is
// made when an operator needs it.
type value struct {
	dtype  dtypes.DType
	dims   []int
	known  *array
	plain  *Node
	last   *Node
	turned bool // a kernel that turnKernel has turned
}

// converter builds a model's graph.
type converter struct {
	*Model
	scope  *nn.Scope
	g      *graph.Graph
	values map[string]*value
	inner  bool // it computes a known value
}

// operator is how one operator of ONNX is built. Inputs that are left out are nil.
type operator struct {
	least, most int // inputs
	build       func(c *converter, n *nodeProto, in []*value) []*value
}

// fail stops the building with a Data error.
func fail(format string, args ...any) {
	panic(fault.Errorf(fault.Data, format, args...))
}

// forward builds the model.
func (m *Model) forward(s *nn.Scope, inputs ...*Node) []*Node {
	c := &converter{Model: m, scope: s, g: s.Graph(), values: map[string]*value{"": nil}}
	for _, t := range m.weights.Tensors() {
		c.values[t.Name] = of(s.Weight(t.Name, nn.Zeros, t.Dims...))
		c.values[t.Name].turned = m.kernels[t.Name]
	}
	for name, a := range m.known {
		c.values[name] = knownValue(a)
	}
	for i, in := range m.Inputs {
		want, _ := m.types[in.Name].computed()
		x := inputs[i]
		switch {
		case want == dtypes.Bool:
			x = graph.NotEqual(x, graph.ZerosLike(x))
		case x.DType() != want:
			x = graph.ConvertDType(x, want)
		}
		c.values[in.Name] = of(x)
	}
	for _, n := range m.graph.nodes {
		c.node(n)
	}
	outputs := make([]*Node, len(m.Outputs))
	for i, name := range m.Outputs {
		outputs[i] = c.node1(c.values[name])
	}
	return outputs
}

// node builds one operator, and says which it was where that fails.
func (c *converter) node(n *nodeProto) {
	defer func() {
		thrown := recover()
		if thrown == nil {
			return
		}
		err, ok := thrown.(error)
		if !ok {
			err = errors.New(fmt.Sprint(thrown))
		}
		panic(fault.Errorf(fault.Data, "%s: %w", n.name, err))
	}()
	def := operators[n.op]
	size := len(n.inputs)
	if def.most != many {
		size = def.most
	}
	in := make([]*value, size)
	static := !c.inner && n.op != "Shape" && n.op != "Size" && n.op != "Constant"
	for i, name := range n.inputs {
		in[i] = c.values[name]
		static = static && (in[i] == nil || in[i].known != nil)
	}
	var out []*value
	if static {
		out = c.fold(n, in)
	} else {
		out = def.build(c, n, in)
	}
	for i, name := range n.outputs {
		switch {
		case name == "":
		case i >= len(out) || out[i] == nil:
			fail("output %d is not supported", i+1)
		default:
			c.values[name] = out[i]
		}
	}
}

// fold computes an operator whose inputs are known, now.
func (c *converter) fold(n *nodeProto, in []*value) []*value {
	backend, err := gobackend.New("ops_sequential")
	if err != nil {
		fail("starting the stock backend: %w", err)
	}
	g := graph.NewGraph(backend, "")
	defer g.Finalize()
	inside := &converter{Model: c.Model, scope: nn.NewScope(g, nn.ScopeOptions{}), g: g, inner: true}
	own := make([]*value, len(in))
	for i, v := range in {
		if v != nil {
			own[i] = knownValue(v.known)
		}
	}
	out := operators[n.op].build(inside, n, own)
	var nodes []*Node
	for i, v := range out {
		if v != nil && v.known == nil && i < len(n.outputs) {
			nodes = append(nodes, inside.node1(v))
		}
	}
	if len(nodes) == 0 {
		return out
	}
	if err := g.Compile(nodes...); err != nil {
		fail("computing a constant: %w", err)
	}
	results, err := g.Executable().Execute(nil, nil, 0)
	if err != nil {
		fail("computing a constant: %w", err)
	}
	for i, v := range out {
		if v == nil || v.known != nil || i >= len(n.outputs) {
			continue
		}
		s := v.shape()
		flat := dtypes.MakeAnySlice(s.DType, s.Size())
		err := results[0].ToFlatData(flat)
		if err == nil {
			var a *array
			a, err = flatArray(flat, s.Dimensions...)
			out[i] = knownValue(a)
		}
		if err != nil {
			fail("computing a constant: %w", err)
		}
		results = results[1:]
	}
	return out
}

func of(n *Node) *value {
	return &value{dtype: n.DType(), dims: n.Shape().Dimensions, plain: n}
}

// ofLast is a value whose channels are last in n.
func ofLast(n *Node) *value {
	if n.Rank() < 3 {
		return of(n)
	}
	return &value{dtype: n.DType(), dims: firstDims(n.Shape().Dimensions), last: n}
}

func knownValue(a *array) *value { return &value{dtype: a.dtype, dims: a.dims, known: a} }

func (v *value) shape() shapes.Shape { return shapes.Make(v.dtype, v.dims...) }

func firstDims(d []int) []int { return slices.Concat(d[:1], d[len(d)-1:], d[1:len(d)-1]) }
func lastDims(d []int) []int  { return slices.Concat(d[:1], d[2:], d[1:2]) }

// toLast has as its axes batch, spatial..., channels; toFirst is its inverse.
func toLast(rank int) []int { return lastDims(sequence(rank)) }

func toFirst(rank int) []int { return firstDims(sequence(rank)) }

// node1 is a value in the graph, as ONNX sees it.
func (c *converter) node1(v *value) *Node {
	switch {
	case v.plain != nil:
	case v.known != nil:
		v.plain = graph.Reshape(graph.Const(c.g, v.known.flat()), v.dims...)
	case product(v.dims[2:]) == 1 || v.dims[1] == 1:
		v.plain = graph.Reshape(v.last, v.dims...)
	default:
		v.plain = graph.TransposeAllAxes(v.last, toFirst(len(v.dims))...)
	}
	return v.plain
}

// nodeLast is a value in the graph with its channels last.
func (c *converter) nodeLast(v *value) *Node {
	if len(v.dims) < 3 {
		return c.node1(v)
	}
	if v.last == nil {
		n := c.node1(v)
		if product(v.dims[2:]) == 1 || v.dims[1] == 1 {
			v.last = graph.Reshape(n, lastDims(v.dims)...)
		} else {
			v.last = graph.TransposeAllAxes(n, toLast(len(v.dims))...)
		}
	}
	return v.last
}

// isLast says that a value is at hand with its channels last only.
func (v *value) isLast() bool { return v.last != nil && v.plain == nil }

// same is the result of an operation on each element, in the layout that the value has.
func (c *converter) same(v *value, f func(*Node) *Node) *value {
	if v.isLast() {
		return ofLast(f(v.last))
	}
	return of(f(c.node1(v)))
}

// storage is the axis of the stored value that ONNX calls axis.
func (v *value) storage(axis int) int {
	switch {
	case !v.isLast() || axis == 0:
		return axis
	case axis == 1:
		return len(v.dims) - 1
	}
	return axis - 1
}

// stored is the value in the layout that it has.
func (c *converter) stored(v *value) *Node {
	if v.isLast() {
		return v.last
	}
	return c.node1(v)
}

// like wraps a node in the layout of v.
func (v *value) like(n *Node) *value {
	if v.isLast() {
		return ofLast(n)
	}
	return of(n)
}

// axis brings an axis into 0..rank-1.
func axisOf(axis, rank int) int {
	if axis < -rank || axis >= rank {
		fail("axis %d of a value with %d axes", axis, rank)
	}
	if axis < 0 {
		axis += rank
	}
	return axis
}

// ints is the value of an input that must be known when the graph is built.
func (v *value) ints(what string) []int {
	if v.known == nil || v.dtype.IsFloat() {
		fail("%s depends on the values of the inputs; only what follows from their shapes is supported", what)
	}
	out := make([]int, len(v.known.ints()))
	for i, x := range v.known.ints() {
		out[i] = int(x)
	}
	return out
}

func (v *value) floats(what string) []float64 {
	if v.known == nil {
		fail("%s depends on the values of the inputs; only what follows from their shapes is supported", what)
	}
	return v.known.float64s()
}

func (v *value) scalar(what string) float64 {
	f := v.floats(what)
	if len(f) != 1 {
		fail("%s must be one value, not %d", what, len(f))
	}
	return f[0]
}

// checked refuses dimensions that no memory holds. Constants, which are computed at once, are held tighter.
func (c *converter) checked(dims []int) []int {
	n, err := checkedSize(dims)
	if err != nil {
		fail("%w", err)
	}
	if c.inner && n > 1<<26 {
		fail("a constant of %d values", n)
	}
	return dims
}

// broadcast gives values common dimensions, as far as they differ by axes of size 1. rank is that of all.
func broadcastDims(vs ...*value) []int {
	rank := 0
	for _, v := range vs {
		rank = max(rank, len(v.dims))
	}
	dims := slices.Repeat([]int{1}, rank)
	for _, v := range vs {
		for i, d := range v.dims {
			at := rank - len(v.dims) + i
			if d != 1 && dims[at] != 1 && dims[at] != d {
				fail("dimensions %v do not fit with others: %v", v.dims, dims)
			}
			if d != 1 {
				dims[at] = d
			}
		}
	}
	return dims
}

// aligned gives values the same number of axes and one layout; values of one element stay scalars.
func (c *converter) aligned(vs ...*value) (nodes []*Node, last bool, dims []int) {
	dims = broadcastDims(vs...)
	rank := len(dims)
	for _, v := range vs {
		last = last || len(v.dims) == rank && v.isLast()
	}
	for _, v := range vs {
		if len(v.dims) < rank {
			v = of(graph.Reshape(c.node1(v), append(slices.Repeat([]int{1}, rank-len(v.dims)), v.dims...)...))
		}
		n := c.node1
		if last {
			n = c.nodeLast
		}
		nodes = append(nodes, n(v))
	}
	return nodes, last, dims
}

func wrap(n *Node, last bool) *value {
	if last {
		return ofLast(n)
	}
	return of(n)
}
