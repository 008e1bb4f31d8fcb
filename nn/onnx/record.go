package onnx

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/notimplemented"
	"github.com/gomlx/compute/shapes"
)

// A network is exported by building it on a backend that writes down each operation with its attributes. Each
// operation is also given to a stock backend, which knows the shapes and, later, computes what depends on weights
// alone.

// recorder is that backend.
type recorder struct {
	compute.Backend // of the stock backend
}

// Name tells this backend apart from the stock one, so that named computations arrive as calls.
func (recorder) Name() string   { return "onnx" }
func (recorder) String() string { return "onnx" }

func (r recorder) Capabilities() compute.Capabilities {
	c := r.Backend.Capabilities()
	c.Functions, c.DynamicAxes = true, false
	return c
}

func (r recorder) Builder(name string) compute.Builder {
	b := &recording{Builder: r.Backend.Builder(name), backend: r.Backend}
	b.main = b.function(b.Builder.Main())
	return b
}

// recording is one computation.
type recording struct {
	compute.Builder
	backend compute.Backend
	main    *recorded
}

func (b *recording) Main() compute.Function { return b.main }

func (b *recording) NewFunction(name string) (compute.Function, error) {
	inner, err := b.Builder.NewFunction(name)
	if err != nil {
		return nil, err
	}
	return b.function(inner), nil
}

func (b *recording) OpShape(v compute.Value) (shapes.Shape, error) {
	r, ok := v.(ref)
	if !ok {
		return shapes.Invalid(), fmt.Errorf("%T is no value of this backend", v)
	}
	return r.shape(), nil
}

func (b *recording) function(inner compute.Function) *recorded {
	f := &recorded{inner: inner, builder: b}
	f.ErrFn = func(op compute.OpType) error {
		return fmt.Errorf("operation %s has no form in ONNX: %w", op, compute.ErrNotImplemented)
	}
	return f
}

// recorded is a function: its operations, inputs before their users.
type recorded struct {
	notimplemented.Function
	inner   compute.Function
	builder *recording
	params  []*operation
	ops     []*operation
	outputs []ref
}

// operation is one operation. Its attributes are fields of attr, by operation.
type operation struct {
	kind   compute.OpType
	name   string // of a parameter, or of the function called
	in     []ref
	attr   any
	shapes []shapes.Shape
	inner  []compute.Value
	recipe recipe    // of operations with one output
	fn     *recorded // called
	within *recorded
	id     int
}

// ref is an output of an operation.
type ref struct {
	*operation
	out int
}

func (r ref) shape() shapes.Shape { return r.shapes[r.out] }

type (
	axesAttr     struct{ axes []int }
	axisAttr     struct{ axis int }
	constantAttr struct{ values *array }
	sliceAttr    struct{ starts, limits, strides []int }
	padAttr      struct{ axes []compute.PadAxis }
	argAttr      struct {
		axis int
		min  bool
	}
	dotAttr  struct{ lhsContract, lhsBatch, rhsContract, rhsBatch []int }
	convAttr struct {
		axes                            compute.ConvolveAxesConfig
		strides                         []int
		paddings                        [][2]int
		inputDilations, kernelDilations []int
		groups                          int
	}
	windowAttr struct {
		reduction                  compute.ReduceOpType
		window, strides, dilations []int
		paddings                   [][2]int
	}
	gatherAttr struct {
		indexVectorAxis                                                 int
		offsetOutputAxes, collapsedSliceAxes, startIndexMap, sliceSizes []int
	}
)

func (f *recorded) Name() string             { return f.inner.Name() }
func (f *recorded) Builder() compute.Builder { return f.builder }
func (f *recorded) Parent() compute.Function { return nil }

func (f *recorded) Shape(v compute.Value) (shapes.Shape, error) { return f.builder.OpShape(v) }

// add records an operation whose results on the stock backend are inner.
func (f *recorded) add(o *operation, inner []compute.Value, err error) ([]compute.Value, error) {
	if err != nil {
		return nil, err
	}
	o.inner, o.within, o.id = inner, f, len(f.ops)
	out := make([]compute.Value, len(inner))
	for i, v := range inner {
		s, err := f.builder.Builder.OpShape(v)
		if err != nil {
			return nil, err
		}
		o.shapes = append(o.shapes, s)
		out[i] = ref{o, i}
	}
	f.ops = append(f.ops, o)
	return out, nil
}

// A recipe adds an operation to a function of the stock backend.
type recipe = func(f compute.Function, in []compute.Value) (compute.Value, error)

// one records an operation of one output.
func (f *recorded) one(kind compute.OpType, attr any, inputs []compute.Value, r recipe) (compute.Value, error) {
	refs, in := own(inputs...)
	inner, err := r(f.inner, in)
	out, err := f.add(&operation{kind: kind, in: refs, attr: attr, recipe: r}, []compute.Value{inner}, err)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// own are the values as recorded, and what stands for them on the stock backend.
func own(vs ...compute.Value) (refs []ref, inner []compute.Value) {
	for _, v := range vs {
		r := v.(ref)
		refs = append(refs, r)
		inner = append(inner, r.inner[r.out])
	}
	return refs, inner
}

func (f *recorded) Parameter(name string, shape shapes.Shape, sharding *compute.ShardingSpec) (compute.Value, error) {
	o := &operation{kind: compute.OpTypeParameter, name: name}
	f.params = append(f.params, o)
	inner, err := f.inner.Parameter(name, shape, sharding)
	out, err := f.add(o, []compute.Value{inner}, err)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

func (f *recorded) Constant(flat any, dims ...int) (compute.Value, error) {
	values, err := flatArray(flat, dims...)
	if err != nil {
		return nil, err
	}
	return f.one(compute.OpTypeConstant, constantAttr{values}, nil, func(g compute.Function, _ []compute.Value) (compute.Value, error) {
		return g.Constant(values.flat(), dims...)
	})
}

// Return completes a function. The main one stays open on the stock backend, where it never runs.
func (f *recorded) Return(outputs []compute.Value, shardings []*compute.ShardingSpec) error {
	refs, inner := own(outputs...)
	f.outputs = refs
	if f == f.builder.main {
		return nil
	}
	return f.inner.Return(inner, shardings)
}

func (f *recorded) Call(target compute.Function, inputs ...compute.Value) ([]compute.Value, error) {
	callee := target.(*recorded)
	refs, inner := own(inputs...)
	results, err := f.inner.Call(callee.inner, inner...)
	return f.add(&operation{kind: compute.OpTypeCall, name: callee.Name(), in: refs, fn: callee}, results, err)
}

type unaryMethod = func(compute.Function, compute.Value) (compute.Value, error)

func (f *recorded) unary(kind compute.OpType, method unaryMethod, x compute.Value) (compute.Value, error) {
	return f.one(kind, nil, []compute.Value{x}, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return method(g, in[0])
	})
}

type binaryMethod = func(_ compute.Function, lhs, rhs compute.Value) (compute.Value, error)

func (f *recorded) binary(kind compute.OpType, method binaryMethod, lhs, rhs compute.Value) (compute.Value, error) {
	return f.one(kind, nil, []compute.Value{lhs, rhs}, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return method(g, in[0], in[1])
	})
}

type reduceMethod = func(_ compute.Function, x compute.Value, axes ...int) (compute.Value, error)

func (f *recorded) reduce(kind compute.OpType, method reduceMethod, x compute.Value, axes []int) (compute.Value, error) {
	if len(axes) == 0 {
		axes = sequence(x.(ref).shape().Rank())
	}
	return f.one(kind, axesAttr{slices.Sorted(slices.Values(axes))}, []compute.Value{x}, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return method(g, in[0], axes...)
	})
}

func sequence(n int) []int {
	v := make([]int, n)
	for i := range v {
		v[i] = i
	}
	return v
}

// filled is n values: those given, or n times the fallback.
func filled(values []int, n, fallback int) []int {
	if len(values) > 0 {
		return slices.Clone(values)
	}
	return slices.Repeat([]int{fallback}, n)
}

func filledPaddings(paddings [][2]int, n int) [][2]int {
	if len(paddings) > 0 {
		return slices.Clone(paddings)
	}
	return make([][2]int, n)
}

func (f *recorded) Where(condition, onTrue, onFalse compute.Value) (compute.Value, error) {
	return f.one(compute.OpTypeWhere, nil, []compute.Value{condition, onTrue, onFalse}, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Where(in[0], in[1], in[2])
	})
}

func (f *recorded) Clamp(low, x, high compute.Value) (compute.Value, error) {
	return f.one(compute.OpTypeClamp, nil, []compute.Value{low, x, high}, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Clamp(in[0], in[1], in[2])
	})
}

func (f *recorded) ConvertDType(x compute.Value, dtype dtypes.DType) (compute.Value, error) {
	return f.one(compute.OpTypeConvertDType, nil, []compute.Value{x}, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.ConvertDType(in[0], dtype)
	})
}

func (f *recorded) OptimizationBarrier(operands ...compute.Value) ([]compute.Value, error) {
	return operands, nil
}

func (f *recorded) SchedulingBarrier(operand compute.Value, _ ...compute.Value) (compute.Value, error) {
	return operand, nil
}

func (f *recorded) Reshape(x compute.Value, dims ...int) (compute.Value, error) {
	return f.one(compute.OpTypeReshape, nil, []compute.Value{x}, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Reshape(in[0], dims...)
	})
}

func (f *recorded) Transpose(x compute.Value, perm ...int) (compute.Value, error) {
	return f.one(compute.OpTypeTranspose, axesAttr{slices.Clone(perm)}, []compute.Value{x}, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Transpose(in[0], perm...)
	})
}

func (f *recorded) BroadcastInDim(x compute.Value, shape shapes.Shape, axes []int) (compute.Value, error) {
	return f.one(compute.OpTypeBroadcastInDim, axesAttr{slices.Clone(axes)}, []compute.Value{x}, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.BroadcastInDim(in[0], shape, axes)
	})
}

func (f *recorded) Iota(shape shapes.Shape, axis int) (compute.Value, error) {
	return f.one(compute.OpTypeIota, axisAttr{axis}, nil, func(g compute.Function, _ []compute.Value) (compute.Value, error) {
		return g.Iota(shape, axis)
	})
}

func (f *recorded) Concatenate(axis int, operands ...compute.Value) (compute.Value, error) {
	return f.one(compute.OpTypeConcatenate, axisAttr{axis}, operands, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Concatenate(axis, in...)
	})
}

func (f *recorded) Slice(x compute.Value, starts, limits, strides []int) (compute.Value, error) {
	a := sliceAttr{slices.Clone(starts), slices.Clone(limits), filled(strides, len(starts), 1)}
	return f.one(compute.OpTypeSlice, a, []compute.Value{x}, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Slice(in[0], starts, limits, strides)
	})
}

func (f *recorded) Pad(x, fill compute.Value, axes ...compute.PadAxis) (compute.Value, error) {
	return f.one(compute.OpTypePad, padAttr{slices.Clone(axes)}, []compute.Value{x, fill}, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Pad(in[0], in[1], axes...)
	})
}

func (f *recorded) Reverse(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReverse, compute.Function.Reverse, x, axes)
}

func (f *recorded) ArgMinMax(x compute.Value, axis int, dtype dtypes.DType, isMin bool) (compute.Value, error) {
	return f.one(compute.OpTypeArgMinMax, argAttr{axis, isMin}, []compute.Value{x}, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.ArgMinMax(in[0], axis, dtype, isMin)
	})
}

func (f *recorded) DotGeneral(lhs compute.Value, lhsContract, lhsBatch []int, rhs compute.Value, rhsContract, rhsBatch []int, config compute.DotGeneralConfig) (compute.Value, error) {
	a := dotAttr{slices.Clone(lhsContract), slices.Clone(lhsBatch), slices.Clone(rhsContract), slices.Clone(rhsBatch)}
	return f.one(compute.OpTypeDotGeneral, a, []compute.Value{lhs, rhs}, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.DotGeneral(in[0], lhsContract, lhsBatch, in[1], rhsContract, rhsBatch, config)
	})
}

func (f *recorded) ConvGeneral(x, kernel compute.Value, axes compute.ConvolveAxesConfig, strides []int, paddings [][2]int,
	inputDilations, kernelDilations []int, channelGroups, batchGroups int,
) (compute.Value, error) {
	if batchGroups > 1 {
		return nil, f.ErrFn(compute.OpTypeConvGeneral)
	}
	n := len(axes.InputSpatial)
	a := convAttr{
		axes: axes.Clone(), strides: filled(strides, n, 1), paddings: filledPaddings(paddings, n),
		inputDilations: filled(inputDilations, n, 1), kernelDilations: filled(kernelDilations, n, 1), groups: max(channelGroups, 1),
	}
	return f.one(compute.OpTypeConvGeneral, a, []compute.Value{x, kernel}, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.ConvGeneral(in[0], in[1], axes, strides, paddings, inputDilations, kernelDilations, channelGroups, batchGroups)
	})
}

func (f *recorded) ReduceWindow(x compute.Value, reduction compute.ReduceOpType, window, strides, inputDilations, dilations []int, paddings [][2]int) (compute.Value, error) {
	n := x.(ref).shape().Rank()
	if slices.Max(append(slices.Clone(inputDilations), 1)) > 1 || reduction == compute.ReduceOpProduct {
		return nil, f.ErrFn(compute.OpTypeReduceWindow)
	}
	a := windowAttr{reduction, filled(window, n, 1), slices.Clone(strides), filled(dilations, n, 1), filledPaddings(paddings, n)}
	if len(strides) == 0 {
		a.strides = slices.Clone(a.window)
	}
	return f.one(compute.OpTypeReduceWindow, a, []compute.Value{x}, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.ReduceWindow(in[0], reduction, window, strides, inputDilations, dilations, paddings)
	})
}

func (f *recorded) Gather(x, starts compute.Value, indexVectorAxis int, offsetOutputAxes, collapsedSliceAxes, startIndexMap, sliceSizes []int, sorted bool) (compute.Value, error) {
	a := gatherAttr{indexVectorAxis, slices.Clone(offsetOutputAxes), slices.Clone(collapsedSliceAxes), slices.Clone(startIndexMap), slices.Clone(sliceSizes)}
	return f.one(compute.OpTypeGather, a, []compute.Value{x, starts}, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Gather(in[0], in[1], indexVectorAxis, offsetOutputAxes, collapsedSliceAxes, startIndexMap, sliceSizes, sorted)
	})
}
