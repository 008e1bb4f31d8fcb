package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
)

// Operations that read or write where other values say.

// Gather collects slices of operand that begin where startIndices say.
func (f *function) Gather(operand, startIndices compute.Value, indexVectorAxis int, offsetOutputAxes, collapsedSliceAxes, startIndexMap, sliceSizes []int, sorted bool) (compute.Value, error) {
	in, err := f.use("Gather", operand, startIndices)
	if err != nil {
		return nil, err
	}
	if !in[1].dtype().IsInt() {
		return nil, fmt.Errorf("Gather: indices must be integers, got %s", in[1].shape())
	}
	a := gatherAttr{indexVectorAxis, slices.Clone(offsetOutputAxes), slices.Clone(collapsedSliceAxes), slices.Clone(startIndexMap), slices.Clone(sliceSizes), sorted}
	shape, err := shapeinference.Gather(in[0].shape(), in[1].shape(), indexVectorAxis, a.offsetOutputAxes, a.collapsedSliceAxes, a.startIndexMap, a.sliceSizes, sorted)
	if err != nil {
		return nil, err
	}
	return f.record(compute.OpTypeGather, in, a, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.Gather(in[0], in[1], a.indexVectorAxis, a.offsetOutputAxes, a.collapsedSliceAxes, a.startIndexMap, a.sliceSizes, a.sorted))
	})
}

type scatterMethod = func(f compute.Function, operand, indices, updates compute.Value, indexVectorAxis int, updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes []int, sorted, unique bool) (compute.Value, error)

// scatter records the combination of updates into a copy of operand, where indices say.
func (f *function) scatter(op compute.OpType, method scatterMethod, operand, indices, updates compute.Value, a scatterAttr) (compute.Value, error) {
	in, err := f.use(op.String(), operand, indices, updates)
	if err != nil {
		return nil, err
	}
	if !in[1].dtype().IsInt() {
		return nil, fmt.Errorf("%s: indices must be integers, got %s", op, in[1].shape())
	}
	if in[0].dtype() != in[2].dtype() {
		return nil, fmt.Errorf("%s: operand and updates must have one type, got %s and %s", op, in[0].shape(), in[2].shape())
	}
	a.updateWindowAxes = slices.Clone(a.updateWindowAxes)
	a.insertedWindowAxes = slices.Clone(a.insertedWindowAxes)
	a.scatterAxesToOperandAxes = slices.Clone(a.scatterAxesToOperandAxes)
	shape, err := shapeinference.Scatter(in[0].shape(), in[1].shape(), in[2].shape(), a.indexVectorAxis, a.updateWindowAxes, a.insertedWindowAxes, a.scatterAxesToOperandAxes)
	if err != nil {
		return nil, err
	}
	return f.record(op, in, a, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(method(f, in[0], in[1], in[2], a.indexVectorAxis, a.updateWindowAxes, a.insertedWindowAxes, a.scatterAxesToOperandAxes, a.sorted, a.unique))
	})
}

func (f *function) ScatterSum(operand, indices, updates compute.Value, indexVectorAxis int, updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes []int, sorted, unique bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterSum, compute.Function.ScatterSum, operand, indices, updates,
		scatterAttr{indexVectorAxis, updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes, sorted, unique})
}

func (f *function) ScatterMax(operand, indices, updates compute.Value, indexVectorAxis int, updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes []int, sorted, unique bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterMax, compute.Function.ScatterMax, operand, indices, updates,
		scatterAttr{indexVectorAxis, updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes, sorted, unique})
}

func (f *function) ScatterMin(operand, indices, updates compute.Value, indexVectorAxis int, updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes []int, sorted, unique bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterMin, compute.Function.ScatterMin, operand, indices, updates,
		scatterAttr{indexVectorAxis, updateWindowAxes, insertedWindowAxes, scatterAxesToOperandAxes, sorted, unique})
}

// DynamicSlice takes a slice of known size that begins where the values say, moved inside where it would leave.
func (f *function) DynamicSlice(operand compute.Value, startIndices []compute.Value, sizes []int) (compute.Value, error) {
	startIndices, err := f.splitStarts(startIndices)
	if err != nil {
		return nil, err
	}
	in, err := f.use("DynamicSlice", append([]compute.Value{operand}, startIndices...)...)
	if err != nil {
		return nil, err
	}
	if err := checkStarts("DynamicSlice", in[0].shape(), in[1:]); err != nil {
		return nil, err
	}
	sizes = slices.Clone(sizes)
	shape, err := shapeinference.DynamicSlice(in[0].shape(), sizes)
	if err != nil {
		return nil, err
	}
	return f.record(compute.OpTypeDynamicSlice, in, dynamicSliceAttr{sizes}, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.DynamicSlice(in[0], in[1:], sizes))
	})
}

// DynamicUpdateSlice replaces a slice that begins where the values say, moved inside where it would leave.
func (f *function) DynamicUpdateSlice(operand, update compute.Value, startIndices []compute.Value) (compute.Value, error) {
	startIndices, err := f.splitStarts(startIndices)
	if err != nil {
		return nil, err
	}
	in, err := f.use("DynamicUpdateSlice", append([]compute.Value{operand, update}, startIndices...)...)
	if err != nil {
		return nil, err
	}
	s, u := in[0].shape(), in[1].shape()
	shape, err := shapeinference.DynamicUpdateSlice(s, u)
	if err != nil {
		return nil, err
	}
	for axis, d := range u.Dimensions {
		if have := s.Dimensions[axis]; d > have && have != shapes.DynamicDim {
			return nil, fmt.Errorf("DynamicUpdateSlice: the update %s does not fit into %s on axis %d", u, s, axis)
		}
	}
	if err := checkStarts("DynamicUpdateSlice", s, in[2:]); err != nil {
		return nil, err
	}
	return f.record(compute.OpTypeDynamicUpdateSlice, in, dynamicSliceAttr{}, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.DynamicUpdateSlice(in[0], in[1], in[2:]))
	})
}

// splitStarts makes scalars of start indices that come as one vector, as XLA allows.
func (f *function) splitStarts(starts []compute.Value) ([]compute.Value, error) {
	if len(starts) != 1 {
		return starts, nil
	}
	shape, err := f.Shape(starts[0])
	if err != nil {
		return nil, err
	}
	if shape.Rank() != 1 || shape.IsDynamic() {
		return starts, nil
	}
	scalars := make([]compute.Value, shape.Dimensions[0])
	for i := range scalars {
		element, err := f.Slice(starts[0], []int{i}, []int{i + 1}, nil)
		if err != nil {
			return nil, err
		}
		if scalars[i], err = f.Reshape(element); err != nil {
			return nil, err
		}
	}
	return scalars, nil
}

func checkStarts(op string, s shapes.Shape, starts []value) error {
	if len(starts) != s.Rank() {
		return fmt.Errorf("%s: %d start indices for %s, want one for each axis", op, len(starts), s)
	}
	for i, v := range starts {
		if !v.shape().IsScalar() || !v.dtype().IsInt() {
			return fmt.Errorf("%s: start index %d must be an integer scalar, got %s", op, i, v.shape())
		}
	}
	return nil
}

// DynamicDimensionSize is the size of an axis, as Int32.
func (f *function) DynamicDimensionSize(operand compute.Value, axis int) (compute.Value, error) {
	in, err := f.use("DynamicDimensionSize", operand)
	if err != nil {
		return nil, err
	}
	s := in[0].shape()
	if axis < 0 || axis >= s.Rank() {
		return nil, fmt.Errorf("DynamicDimensionSize: axis %d is not one of %s", axis, s)
	}
	if d := s.Dimensions[axis]; d != shapes.DynamicDim {
		return f.Constant([]int32{int32(d)})
	}
	return f.record(compute.OpTypeDynamicDimensionSize, in, axisAttr{axis}, sizeShape(), nil)
}

// DynamicShape is the sizes of all axes, as Int32.
func (f *function) DynamicShape(operand compute.Value) (compute.Value, error) {
	in, err := f.use("DynamicShape", operand)
	if err != nil {
		return nil, err
	}
	s := in[0].shape()
	if !s.IsDynamic() {
		sizes := make([]int32, s.Rank())
		for i, d := range s.Dimensions {
			sizes[i] = int32(d)
		}
		return f.Constant(sizes, s.Rank())
	}
	return f.record(compute.OpTypeDynamicShape, in, nil, sizeShape(s.Rank()), nil)
}

// DynamicReshape reshapes to sizes of which some are known by name, by value or by what is left over.
func (f *function) DynamicReshape(operand compute.Value, dimensions ...compute.DynamicDimensionSpec) (compute.Value, error) {
	vs := []compute.Value{operand}
	for _, d := range dimensions {
		if d.Value != nil {
			vs = append(vs, d.Value)
		}
	}
	in, err := f.use("DynamicReshape", vs...)
	if err != nil {
		return nil, err
	}
	for i, v := range in[1:] {
		if !v.shape().IsScalar() || !v.dtype().IsInt() {
			return nil, fmt.Errorf("DynamicReshape: size %d must be an integer scalar, got %s", i, v.shape())
		}
	}
	shape, err := shapeinference.DynamicReshape(in[0].shape(), dimensions)
	if err != nil {
		return nil, err
	}
	if !shape.IsDynamic() {
		return f.Reshape(in[0], shape.Dimensions...)
	}
	if !slices.ContainsFunc(in, func(v value) bool { return v.shape().IsDynamic() }) && len(in) == 1 {
		return nil, errors.New("DynamicReshape: nothing tells the size of the axes")
	}
	return f.record(compute.OpTypeDynamicReshape, in, otherAttr{[]any{slices.Clone(dimensions)}}, shape, nil)
}
