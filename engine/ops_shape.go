package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/compute/support/sets"
)

// Operations that move values without computing, or make them from nothing.

func (f *function) Reshape(x compute.Value, dims ...int) (compute.Value, error) {
	in, err := f.use("Reshape", x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Reshape(in[0].shape(), dims)
	if err != nil {
		return nil, err
	}
	dims = slices.Clone(dims)
	return f.record(compute.OpTypeReshape, in, nil, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.Reshape(in[0], dims...))
	})
}

func (f *function) Transpose(x compute.Value, permutation ...int) (compute.Value, error) {
	in, err := f.use("Transpose", x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Transpose(in[0].shape(), permutation)
	if err != nil {
		return nil, err
	}
	perm := slices.Clone(permutation)
	return f.record(compute.OpTypeTranspose, in, permAttr{perm}, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.Transpose(in[0], perm...))
	})
}

func (f *function) BroadcastInDim(x compute.Value, outputShape shapes.Shape, broadcastAxes []int) (compute.Value, error) {
	in, err := f.use("BroadcastInDim", x)
	if err != nil {
		return nil, err
	}
	if outputShape.DType != in[0].dtype() {
		return nil, fmt.Errorf("BroadcastInDim: %s cannot become %s, of another type", in[0].shape(), outputShape)
	}
	if err := shapeinference.BroadcastInDim(in[0].shape(), outputShape, broadcastAxes, f.axisNames()); err != nil {
		return nil, err
	}
	if !slices.IsSorted(broadcastAxes) {
		return nil, fmt.Errorf("BroadcastInDim: axes %v must increase", broadcastAxes)
	}
	shape, axes := outputShape.Clone(), slices.Clone(broadcastAxes)
	return f.record(compute.OpTypeBroadcastInDim, in, axesAttr{axes}, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.BroadcastInDim(in[0], shape, axes))
	})
}

// axisNames are the names of the axes of unknown size among the parameters.
func (f *function) axisNames() sets.Set[string] {
	names := sets.Make[string]()
	for g := f; g != nil; g = g.parent {
		for _, p := range g.params {
			for axis, d := range p.shapes[0].Dimensions {
				if d == shapes.DynamicDim {
					names.Insert(p.shapes[0].AxisName(axis))
				}
			}
		}
	}
	return names
}

func (f *function) Iota(shape shapes.Shape, axis int) (compute.Value, error) {
	if err := f.open("Iota"); err != nil {
		return nil, err
	}
	if axis < 0 || axis >= shape.Rank() {
		return nil, fmt.Errorf("Iota: axis %d is not one of %s", axis, shape)
	}
	if shape.DType == dtypes.Bool {
		return nil, fmt.Errorf("Iota: want numbers, got %s", shape)
	}
	shape = shape.Clone()
	return f.record(compute.OpTypeIota, nil, axisAttr{axis}, shape, func(f compute.Function, _ []compute.Value) ([]compute.Value, error) {
		return one(f.Iota(shape, axis))
	})
}

// Slice takes every stride-th value between start and limit; strides may be left out.
func (f *function) Slice(x compute.Value, starts, limits, strides []int) (compute.Value, error) {
	in, err := f.use("Slice", x)
	if err != nil {
		return nil, err
	}
	a := sliceAttr{slices.Clone(starts), slices.Clone(limits), filled(strides, in[0].shape().Rank())}
	shape, err := shapeinference.Slice(in[0].shape(), a.starts, a.limits, a.strides)
	if err != nil {
		return nil, err
	}
	return f.record(compute.OpTypeSlice, in, a, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.Slice(in[0], a.starts, a.limits, a.strides))
	})
}

// filled is a copy of list, or n ones where it is left out.
func filled(list []int, n int) []int {
	if len(list) > 0 {
		return slices.Clone(list)
	}
	return slices.Repeat([]int{1}, n)
}

// Concatenate joins along an axis; of one operand it is that operand.
func (f *function) Concatenate(axis int, operands ...compute.Value) (compute.Value, error) {
	if len(operands) == 0 {
		return nil, errors.New("Concatenate: no operands")
	}
	in, err := f.use("Concatenate", operands...)
	if err != nil {
		return nil, err
	}
	if len(in) == 1 {
		return in[0], nil
	}
	inputs := make([]shapes.Shape, len(in))
	for i, v := range in {
		inputs[i] = v.shape()
	}
	shape, err := shapeinference.Concatenate(inputs, axis)
	if err != nil {
		return nil, err
	}
	return f.record(compute.OpTypeConcatenate, in, axisAttr{axis}, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.Concatenate(axis, in...))
	})
}

// Reverse turns axes around.
func (f *function) Reverse(x compute.Value, axes ...int) (compute.Value, error) {
	in, err := f.use("Reverse", x)
	if err != nil {
		return nil, err
	}
	axes, err = sortedAxes(axes, in[0].shape())
	if err != nil {
		return nil, fmt.Errorf("Reverse: %w", err)
	}
	return f.record(compute.OpTypeReverse, in, axesAttr{axes}, in[0].shape(), func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.Reverse(in[0], axes...))
	})
}

// sortedAxes is a sorted copy of axes of s, each once.
func sortedAxes(axes []int, s shapes.Shape) ([]int, error) {
	sorted := slices.Clone(axes)
	slices.Sort(sorted)
	for i, axis := range sorted {
		if axis < 0 || axis >= s.Rank() {
			return nil, fmt.Errorf("axis %d is not one of %s", axis, s)
		}
		if i > 0 && axis == sorted[i-1] {
			return nil, fmt.Errorf("axis %d is given twice", axis)
		}
	}
	return sorted, nil
}

// Pad puts the fill value around and between values; negative amounts take values away.
func (f *function) Pad(x, fill compute.Value, axes ...compute.PadAxis) (compute.Value, error) {
	in, err := f.use("Pad", x, fill)
	if err != nil {
		return nil, err
	}
	s := in[0].shape()
	if !in[1].shape().IsScalar() || in[1].dtype() != s.DType {
		return nil, fmt.Errorf("Pad: the fill value of %s must be a scalar of its type, got %s", s, in[1].shape())
	}
	if len(axes) > s.Rank() {
		return nil, fmt.Errorf("Pad: %d axes are padded, %s has %d", len(axes), s, s.Rank())
	}
	all := make([]compute.PadAxis, s.Rank())
	copy(all, axes)
	shape, err := paddedShape(s, all)
	if err != nil {
		return nil, err
	}
	return f.record(compute.OpTypePad, in, padAttr{all}, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.Pad(in[0], in[1], all...))
	})
}

func paddedShape(s shapes.Shape, axes []compute.PadAxis) (shapes.Shape, error) {
	shape := s.Clone()
	for i, p := range axes {
		d := s.Dimensions[i]
		if p == (compute.PadAxis{}) {
			continue
		}
		if d == shapes.DynamicDim {
			return shape, fmt.Errorf("Pad: axis %d of %s has no known size, it cannot be padded", i, s)
		}
		if p.Interior < 0 {
			return shape, fmt.Errorf("Pad: axis %d of %s has negative padding %d between values", i, s, p.Interior)
		}
		shape.Dimensions[i] = p.Start + p.End + d + max(d-1, 0)*p.Interior
		if shape.Dimensions[i] < 0 {
			return shape, fmt.Errorf("Pad: axis %d of %s is cut by more than it has (%d before, %d after)", i, s, -p.Start, -p.End)
		}
	}
	return shape, nil
}

// Bitcast reads the same bits as another type; a last axis appears or goes where the sizes differ.
func (f *function) Bitcast(x compute.Value, dtype dtypes.DType) (compute.Value, error) {
	in, err := f.use("Bitcast", x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Bitcast(in[0].shape(), dtype)
	if err != nil {
		return nil, err
	}
	return f.record(compute.OpTypeBitcast, in, nil, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.Bitcast(in[0], dtype))
	})
}

// RNGBitGenerator fills a shape with random bits and returns the state that follows.
func (f *function) RNGBitGenerator(state compute.Value, shape shapes.Shape) (newState, values compute.Value, err error) {
	in, err := f.use("RNGBitGenerator", state)
	if err != nil {
		return nil, nil, err
	}
	if !in[0].shape().Equal(compute.RNGStateShape) {
		return nil, nil, fmt.Errorf("RNGBitGenerator: the state must be %s, got %s", compute.RNGStateShape, in[0].shape())
	}
	shape = shape.Clone()
	n, err := f.recordMany(compute.OpTypeRNGBitGenerator, in, nil, []shapes.Shape{in[0].shape(), shape},
		func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
			a, b, err := f.RNGBitGenerator(in[0], shape)
			return []compute.Value{a, b}, err
		})
	if err != nil {
		return nil, nil, err
	}
	return value{n, 0}, value{n, 1}, nil
}

// OptimizationBarrier returns its operands.
func (f *function) OptimizationBarrier(operands ...compute.Value) ([]compute.Value, error) {
	if len(operands) == 0 {
		return nil, errors.New("OptimizationBarrier: no operands")
	}
	in, err := f.use("OptimizationBarrier", operands...)
	if err != nil {
		return nil, err
	}
	outputs := make([]shapes.Shape, len(in))
	for i, v := range in {
		outputs[i] = v.shape()
	}
	n, err := f.recordMany(compute.OpTypeOptimizationBarrier, in, nil, outputs, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return f.OptimizationBarrier(in...)
	})
	if err != nil {
		return nil, err
	}
	return n.values(), nil
}

// SchedulingBarrier returns its operand once the dependencies are computed.
func (f *function) SchedulingBarrier(operand compute.Value, dependencies ...compute.Value) (compute.Value, error) {
	in, err := f.use("SchedulingBarrier", append([]compute.Value{operand}, dependencies...)...)
	if err != nil {
		return nil, err
	}
	return f.record(compute.OpTypeSchedulingBarrier, in, nil, in[0].shape(), func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.SchedulingBarrier(in[0], in[1:]...))
	})
}
