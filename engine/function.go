package engine

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
)

var _ compute.Function = (*function)(nil)

// A recipe records an operation in a function, over other inputs.
type recipe = func(f compute.Function, in []compute.Value) ([]compute.Value, error)

func (f *function) Name() string             { return f.name }
func (f *function) Builder() compute.Builder { return f.builder }

func (f *function) Parent() compute.Function {
	if f.parent == nil {
		return nil
	}
	return f.parent
}

// Closure returns a function that may use values of f and of the functions around it.
func (f *function) Closure() (compute.Function, error) {
	if err := f.open("Closure"); err != nil {
		return nil, err
	}
	return &function{parent: f, builder: f.builder}, nil
}

// open refuses to add to a function that is complete.
func (f *function) open(op string) error {
	switch {
	case f.builder == nil:
		return fmt.Errorf("%s: the function belongs to no builder", op)
	case f.builder.compiled:
		return fmt.Errorf("%s: the computation %q is compiled, nothing can be added", op, f.builder.name)
	case f.returned:
		return fmt.Errorf("%s: the function %q has returned, nothing can be added", op, f.name)
	}
	return nil
}

// use turns what the caller holds into values of f. Values of the functions around a closure are captured.
func (f *function) use(op string, vs ...compute.Value) ([]value, error) {
	if err := f.open(op); err != nil {
		return nil, err
	}
	in := make([]value, len(vs))
	for i, v := range vs {
		own, err := f.builder.own(op, i, v)
		if err != nil {
			return nil, err
		}
		if own.fn != f {
			if !f.within(own.fn) {
				return nil, fmt.Errorf("%s: input %d is a value of another function, %q, which does not surround this one, %q", op, i, own.fn.name, f.name)
			}
			own = f.capture(own)
		}
		in[i] = own
	}
	return in, nil
}

// own checks that v is a value of this builder.
func (b *builder) own(op string, i int, v compute.Value) (value, error) {
	if v == nil {
		return value{}, fmt.Errorf("%s: input %d is nil", op, i)
	}
	own, ok := v.(value)
	if !ok || own.node == nil {
		return value{}, fmt.Errorf("%s: input %d is a %T, not a value of the backend %q", op, i, v, Name)
	}
	if own.fn.builder != b {
		return value{}, fmt.Errorf("%s: input %d belongs to another computation, %q, and cannot be used in %q", op, i, own.fn.builder.name, b.name)
	}
	return own, nil
}

// within reports whether outer is around f.
func (f *function) within(outer *function) bool {
	for p := f.parent; p != nil; p = p.parent {
		if p == outer {
			return true
		}
	}
	return false
}

// capture returns what stands in f for a value of a function around it.
func (f *function) capture(v value) value {
	if v.fn != f.parent {
		v = f.parent.capture(v)
	}
	for _, c := range f.captures {
		if c.attr.(captureAttr).of == v {
			return value{c, 0}
		}
	}
	n := f.add(&node{op: compute.OpTypeCapturedValue, attr: captureAttr{of: v}, shapes: []shapes.Shape{v.shape()}})
	f.captures = append(f.captures, n)
	return value{n, 0}
}

// captured lists the values of the parent that f uses.
func (f *function) captured() []value {
	vs := make([]value, len(f.captures))
	for i, c := range f.captures {
		vs[i] = c.attr.(captureAttr).of
	}
	return vs
}

func (f *function) add(n *node) *node {
	n.fn, n.id = f, len(f.nodes)
	f.nodes = append(f.nodes, n)
	return n
}

// record adds an operation of one output.
func (f *function) record(op compute.OpType, in []value, attr any, shape shapes.Shape, r recipe) (compute.Value, error) {
	n, err := f.recordMany(op, in, attr, []shapes.Shape{shape}, r)
	if err != nil {
		return nil, err
	}
	return value{n, 0}, nil
}

func (f *function) recordMany(op compute.OpType, in []value, attr any, outputs []shapes.Shape, r recipe) (*node, error) {
	for i, s := range outputs {
		if !s.Ok() || !capabilities.DTypes[s.DType] {
			return nil, fmt.Errorf("%s: output %d would be %s, a type that the backend %q does not have", op, i, s, Name)
		}
		if !slices.ContainsFunc(s.AxisNames, func(name string) bool { return name != "" }) {
			outputs[i].AxisNames = nil // empty names say no more than none, but compare as different
		}
	}
	return f.add(&node{op: op, in: in, attr: attr, shapes: outputs, replay: r}), nil
}

// values lists the outputs of a node for the caller.
func (n *node) values() []compute.Value {
	vs := make([]compute.Value, len(n.shapes))
	for i := range n.shapes {
		vs[i] = value{n, i}
	}
	return vs
}

// one makes a list of a single result.
func one(v compute.Value, err error) ([]compute.Value, error) {
	if err != nil {
		return nil, err
	}
	return []compute.Value{v}, nil
}

func (f *function) Shape(v compute.Value) (shapes.Shape, error) { return f.builder.OpShape(v) }

// Parameter adds an input. Shardings are refused: there is one device.
func (f *function) Parameter(name string, shape shapes.Shape, sharding *compute.ShardingSpec) (compute.Value, error) {
	if err := f.open("Parameter"); err != nil {
		return nil, err
	}
	if !shape.Ok() || shape.IsTuple() || !capabilities.DTypes[shape.DType] {
		return nil, fmt.Errorf("Parameter: %q is %s, a type that the backend %q does not have", name, shape, Name)
	}
	if sharding != nil {
		return nil, fmt.Errorf("Parameter: %q is sharded over devices, the backend %q has one: %w", name, Name, compute.ErrNotImplemented)
	}
	n := f.add(&node{op: compute.OpTypeParameter, attr: paramAttr{name}, shapes: []shapes.Shape{shape.Clone()}})
	f.params = append(f.params, n)
	return value{n, 0}, nil
}

// Constant adds a copy of the values.
func (f *function) Constant(flat any, dims ...int) (compute.Value, error) {
	if err := f.open("Constant"); err != nil {
		return nil, err
	}
	dtype, err := flatDType(flat)
	if err != nil {
		return nil, fmt.Errorf("Constant: %w", err)
	}
	for _, d := range dims {
		if d < 0 {
			return nil, fmt.Errorf("Constant: dimensions %v cannot be negative", dims)
		}
	}
	shape := shapes.Make(dtype, dims...)
	if err := checkFlat(flat, shape); err != nil {
		return nil, fmt.Errorf("Constant: %w", err)
	}
	mem := newBytes(bytesOf(shape))
	copy(mem, rawBytes(flat))
	return value{f.constant(mem, shape), 0}, nil
}

// constant adds values that nobody changes.
func (f *function) constant(mem []byte, shape shapes.Shape) *node {
	return f.add(&node{
		op: compute.OpTypeConstant, attr: constAttr{mem}, shapes: []shapes.Shape{shape},
		replay: func(f compute.Function, _ []compute.Value) ([]compute.Value, error) {
			return one(f.Constant(typed(mem, shape.DType, shape.Size()), shape.Dimensions...))
		},
	})
}

// Return completes the function.
func (f *function) Return(outputs []compute.Value, shardings []*compute.ShardingSpec) error {
	if len(outputs) == 0 {
		return fmt.Errorf("Return: the function %q has no output", f.name)
	}
	if slices.ContainsFunc(shardings, func(s *compute.ShardingSpec) bool { return s != nil }) {
		return fmt.Errorf("Return: outputs sharded over devices, the backend %q has one: %w", Name, compute.ErrNotImplemented)
	}
	vs, err := f.use("Return", outputs...)
	if err != nil {
		return err
	}
	f.outputs, f.returned = vs, true
	return nil
}
