package engine

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// Copies of recorded functions: into another backend's function, and into one of this backend in which axes that
// had only a name have a size. A computation with such axes is planned once for each set of sizes that it meets.

// sizeShape is the type of sizes that are values.
func sizeShape(dims ...int) shapes.Shape { return shapes.Make(dtypes.Int32, dims...) }

// sizesOf is what f, or the builder it belongs to, knows of named axes.
func sizesOf(b compute.Builder) shapes.AxisBindings {
	if own, ok := b.(*builder); ok {
		return own.sizes
	}
	return nil
}

// copyClosure records f again as a closure of g, in which captured stands for what f captures.
func (f *function) copyClosure(g compute.Function, captured []compute.Value) (compute.Function, error) {
	c, err := g.Closure()
	if err != nil {
		return nil, err
	}
	return c, f.copyInto(c, captured)
}

// copyNamed records f again in b, once however often it is called.
func (f *function) copyNamed(b compute.Builder) (compute.Function, error) {
	own, isOwn := b.(*builder)
	if isOwn && own.copies[f] != nil {
		return own.copies[f], nil
	}
	c, err := b.NewFunction(f.name)
	if err != nil {
		return nil, err
	}
	if err := f.copyInto(c, nil); err != nil {
		return nil, err
	}
	if isOwn {
		if own.copies == nil {
			own.copies = map[*function]*function{}
		}
		own.copies[f] = c.(*function)
	}
	return c, nil
}

// copyInto records every node of f in g, its parameters first, and returns its outputs.
func (f *function) copyInto(g compute.Function, captured []compute.Value) error {
	sizes := sizesOf(g.Builder())
	became := map[value]compute.Value{}
	next := 0
	for _, n := range f.nodes {
		in := make([]compute.Value, len(n.in))
		for i, v := range n.in {
			in[i] = became[v]
		}
		var out []compute.Value
		var err error
		switch n.op {
		case compute.OpTypeParameter:
			shape, e := n.shapes[0].Resolve(sizes)
			if e != nil {
				return e
			}
			out, err = one(g.Parameter(n.attr.(paramAttr).name, withoutNames(shape), nil))
		case compute.OpTypeCapturedValue:
			out = captured[next : next+1]
			next++
		default:
			out, err = n.copy(g, in, sizes)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", n.op, err)
		}
		for i, v := range out {
			became[value{n, i}] = v
			if err := learn(sizes, n.shapes[i], g, v); err != nil {
				return fmt.Errorf("%s: %w", n.op, err)
			}
		}
	}
	outputs := make([]compute.Value, len(f.outputs))
	for i, v := range f.outputs {
		outputs[i] = became[v]
	}
	return g.Return(outputs, nil)
}

// learn notes the sizes of axes that an operation has named.
func learn(sizes shapes.AxisBindings, named shapes.Shape, g compute.Function, v compute.Value) error {
	if sizes == nil || !named.IsDynamic() {
		return nil
	}
	shape, err := g.Shape(v)
	if err != nil {
		return err
	}
	return sizes.Extract(named, shape)
}

func withoutNames(s shapes.Shape) shapes.Shape {
	s = s.Clone()
	s.AxisNames = nil
	return s
}

// copy records n in g. Arguments that speak of axes of unknown size are replaced by what the sizes are.
func (n *node) copy(g compute.Function, in []compute.Value, sizes shapes.AxisBindings) ([]compute.Value, error) {
	if sizes == nil {
		return n.replay(g, in)
	}
	switch n.op {
	case compute.OpTypeReshape, compute.OpTypeBroadcastInDim, compute.OpTypeIota, compute.OpTypeRNGBitGenerator:
		return n.copyShaped(g, in, sizes)
	case compute.OpTypeDynamicDimensionSize:
		return one(g.DynamicDimensionSize(in[0], n.attr.(axisAttr).axis))
	case compute.OpTypeDynamicShape:
		return one(g.DynamicShape(in[0]))
	case compute.OpTypeDynamicReshape:
		return n.copyDynamicReshape(g, in, sizes)
	}
	if len(in) == 0 {
		return n.replay(g, in)
	}
	operand, err := g.Shape(in[0])
	if err != nil {
		return nil, err
	}
	switch a := n.attr.(type) {
	case sliceAttr:
		return one(g.Slice(in[0], a.starts, known(a.limits, operand), a.strides))
	case dynamicSliceAttr:
		if a.sizes != nil {
			return one(g.DynamicSlice(in[0], in[1:], known(a.sizes, operand)))
		}
	case gatherAttr:
		return one(g.Gather(in[0], in[1], a.indexVectorAxis, a.offsetOutputAxes, a.collapsedSliceAxes, a.startIndexMap, known(a.sliceSizes, operand), a.sorted))
	}
	return n.replay(g, in)
}

// known replaces sizes that are not known by those of the operand.
func known(sizes []int, operand shapes.Shape) []int {
	all := make([]int, len(sizes))
	for i, d := range sizes {
		if all[i] = d; d == shapes.DynamicDim {
			all[i] = operand.Dimensions[i]
		}
	}
	return all
}

// copyShaped is copy for operations that take their output's shape as an argument.
func (n *node) copyShaped(g compute.Function, in []compute.Value, sizes shapes.AxisBindings) ([]compute.Value, error) {
	shape, err := n.shapes[len(n.shapes)-1].Resolve(sizes)
	if err != nil {
		return nil, err
	}
	shape = withoutNames(shape)
	switch n.op {
	case compute.OpTypeReshape:
		return one(g.Reshape(in[0], shape.Dimensions...))
	case compute.OpTypeBroadcastInDim:
		return one(g.BroadcastInDim(in[0], shape, n.attr.(axesAttr).axes))
	case compute.OpTypeIota:
		return one(g.Iota(shape, n.attr.(axisAttr).axis))
	default:
		state, values, err := g.RNGBitGenerator(in[0], shape)
		return []compute.Value{state, values}, err
	}
}

// copyDynamicReshape finds each size: given, named before, computed from other sizes, or what is left over.
func (n *node) copyDynamicReshape(g compute.Function, in []compute.Value, sizes shapes.AxisBindings) ([]compute.Value, error) {
	operand, err := g.Shape(in[0])
	if err != nil {
		return nil, err
	}
	specs := n.attr.(otherAttr).args[0].([]compute.DynamicDimensionSpec)
	dims := make([]int, len(specs))
	inferred, product, next := -1, 1, 1
	for i, spec := range specs {
		switch {
		case spec.Name == "":
			dims[i] = spec.Static
		case spec.Value == nil:
			inferred = i
			continue
		default:
			if dims[i], err = constantSize(in[next]); err != nil {
				return nil, fmt.Errorf("axis %q: %w", spec.Name, err)
			}
			next++
		}
		product *= dims[i]
	}
	if inferred >= 0 {
		if product == 0 || operand.Size()%product != 0 {
			return nil, fmt.Errorf("%s cannot be cut into sizes %v", operand, dims)
		}
		dims[inferred] = operand.Size() / product
	}
	return one(g.Reshape(in[0], dims...))
}

// constantSize evaluates a size, which may be computed from other sizes but not from parameters.
func constantSize(v compute.Value) (int, error) {
	own, ok := v.(value)
	if !ok {
		return 0, errors.New("the size is no value of this backend")
	}
	lone := &function{name: "size", outputs: []value{own}}
	needed := map[*node]bool{own.node: true}
	for i := own.id; i >= 0; i-- {
		n := own.fn.nodes[i]
		if !needed[n] {
			continue
		}
		if n.op == compute.OpTypeParameter || n.op == compute.OpTypeCapturedValue {
			return 0, fmt.Errorf("the size depends on the values of the inputs: %w", compute.ErrNotImplemented)
		}
		for _, in := range n.in {
			needed[in.node] = true
		}
	}
	for _, n := range own.fn.nodes {
		if needed[n] {
			lone.nodes = append(lone.nodes, n)
		}
	}
	p, err := newPlan(lone)
	if err != nil {
		return 0, err
	}
	mem := newBytes(bytesOf(own.shape()))
	if err := p.run(nil, [][]byte{mem}); err != nil {
		return 0, err
	}
	return readInt(mem, own.dtype())
}

// readInt is the first integer in mem.
func readInt(mem []byte, dtype dtypes.DType) (int, error) {
	switch dtype {
	case dtypes.Int8:
		return int(as[int8](mem)[0]), nil
	case dtypes.Int16:
		return int(as[int16](mem)[0]), nil
	case dtypes.Int32:
		return int(as[int32](mem)[0]), nil
	case dtypes.Int64:
		return int(as[int64](mem)[0]), nil
	case dtypes.Uint8:
		return int(mem[0]), nil
	case dtypes.Uint16:
		return int(as[uint16](mem)[0]), nil
	case dtypes.Uint32:
		return int(as[uint32](mem)[0]), nil
	case dtypes.Uint64:
		return int(min(as[uint64](mem)[0], 1<<62)), nil
	}
	return 0, fmt.Errorf("%s is no integer of whole bytes", dtype)
}

// specialize returns the builder of b's computation for inputs of the given sizes.
func (b *builder) specialize(sizes shapes.AxisBindings) (*builder, error) {
	made := b.backend.newBuilder(b.name)
	made.sizes = sizes
	if err := b.main.copyInto(made.main, nil); err != nil {
		return nil, err
	}
	made.compiled = true
	return made, nil
}
