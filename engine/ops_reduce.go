package engine

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
)

// Operations that make fewer values of many.

type reduceMethod = func(f compute.Function, x compute.Value, axes ...int) (compute.Value, error)

// reduce records a reduction over axes, over all of them where none is given.
func (f *function) reduce(op compute.OpType, method reduceMethod, x compute.Value, axes []int) (compute.Value, error) {
	if d, ok := allHalf(x); ok {
		return f.widenedOne(d, func(vs []compute.Value) (compute.Value, error) { return f.reduce(op, method, vs[0], axes) }, x)
	}
	in, err := f.use(op.String(), x)
	if err != nil {
		return nil, err
	}
	s := in[0].shape()
	if err := reducible(op, s); err != nil {
		return nil, err
	}
	if len(axes) == 0 {
		for axis := range s.Rank() {
			axes = append(axes, axis)
		}
	}
	sorted, err := sortedAxes(axes, s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	shape, err := shapeinference.Reduce(s, sorted)
	if err != nil {
		return nil, err
	}
	return f.record(op, in, axesAttr{sorted}, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(method(f, in[0], sorted...))
	})
}

func reducible(op compute.OpType, s shapes.Shape) error {
	d := s.DType
	want, ok := "numbers", d.IsInt() || d.IsFloat() || d.IsComplex() && (op == compute.OpTypeReduceSum || op == compute.OpTypeReduceProduct)
	switch op {
	case compute.OpTypeReduceLogicalAnd, compute.OpTypeReduceLogicalOr, compute.OpTypeReduceLogicalXor:
		want, ok = "booleans", d == dtypes.Bool
	case compute.OpTypeReduceBitwiseAnd, compute.OpTypeReduceBitwiseOr, compute.OpTypeReduceBitwiseXor:
		want, ok = "integers", d.IsInt()
	}
	if !ok {
		return fmt.Errorf("%s: want %s, got %s", op, want, s)
	}
	return nil
}

func (f *function) ReduceSum(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceSum, compute.Function.ReduceSum, x, axes)
}

func (f *function) ReduceProduct(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceProduct, compute.Function.ReduceProduct, x, axes)
}

func (f *function) ReduceMax(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceMax, compute.Function.ReduceMax, x, axes)
}

func (f *function) ReduceMin(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceMin, compute.Function.ReduceMin, x, axes)
}

func (f *function) ReduceBitwiseAnd(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceBitwiseAnd, compute.Function.ReduceBitwiseAnd, x, axes)
}

func (f *function) ReduceBitwiseOr(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceBitwiseOr, compute.Function.ReduceBitwiseOr, x, axes)
}

func (f *function) ReduceBitwiseXor(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceBitwiseXor, compute.Function.ReduceBitwiseXor, x, axes)
}

func (f *function) ReduceLogicalAnd(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceLogicalAnd, compute.Function.ReduceLogicalAnd, x, axes)
}

func (f *function) ReduceLogicalOr(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceLogicalOr, compute.Function.ReduceLogicalOr, x, axes)
}

func (f *function) ReduceLogicalXor(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceLogicalXor, compute.Function.ReduceLogicalXor, x, axes)
}

// ArgMinMax returns where the smallest or largest value is, the first of equal ones; a NaN counts as that.
func (f *function) ArgMinMax(x compute.Value, axis int, dtype dtypes.DType, isMin bool) (compute.Value, error) {
	in, err := f.use("ArgMinMax", x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.ArgMinMax(in[0].shape(), axis, dtype)
	if err != nil {
		return nil, err
	}
	return f.record(compute.OpTypeArgMinMax, in, argAttr{axis, isMin}, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.ArgMinMax(in[0], axis, dtype, isMin))
	})
}

// ReduceWindow reduces over a window that moves; strides left out are the window.
func (f *function) ReduceWindow(x compute.Value, reduction compute.ReduceOpType, window, strides, inputDilations, windowDilations []int, paddings [][2]int) (compute.Value, error) {
	if d, ok := allHalf(x); ok {
		return f.widenedOne(d, func(vs []compute.Value) (compute.Value, error) {
			return f.ReduceWindow(vs[0], reduction, window, strides, inputDilations, windowDilations, paddings)
		}, x)
	}
	in, err := f.use("ReduceWindow", x)
	if err != nil {
		return nil, err
	}
	if reduction < compute.ReduceOpSum || reduction > compute.ReduceOpMin {
		return nil, fmt.Errorf("ReduceWindow: want a sum, a product, a maximum or a minimum, got %s", reduction)
	}
	s := in[0].shape()
	if s.DType == dtypes.Bool && (reduction == compute.ReduceOpMin || reduction == compute.ReduceOpMax) {
		bytes, err := f.ConvertDType(x, dtypes.Uint8)
		if err != nil {
			return nil, err
		}
		if bytes, err = f.ReduceWindow(bytes, reduction, window, strides, inputDilations, windowDilations, paddings); err != nil {
			return nil, err
		}
		return f.ConvertDType(bytes, dtypes.Bool)
	}
	if d := s.DType; !d.IsInt() && !d.IsFloat() {
		return nil, fmt.Errorf("ReduceWindow: want numbers, got %s", s)
	}
	shape, err := shapeinference.ReduceWindow(s, window, strides, inputDilations, windowDilations, paddings)
	if err != nil {
		return nil, err
	}
	a := windowAttr{
		reduction: reduction, window: filled(window, s.Rank()), inputDilations: filled(inputDilations, s.Rank()),
		dilations: filled(windowDilations, s.Rank()), paddings: filledPaddings(paddings, s.Rank()),
	}
	a.strides = slices.Clone(strides)
	if len(strides) == 0 {
		a.strides = slices.Clone(a.window)
	}
	return f.record(compute.OpTypeReduceWindow, in, a, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.ReduceWindow(in[0], a.reduction, a.window, a.strides, a.inputDilations, a.dilations, a.paddings))
	})
}

func filledPaddings(paddings [][2]int, n int) [][2]int {
	if len(paddings) > 0 {
		return slices.Clone(paddings)
	}
	return make([][2]int, n)
}

type selectMethod = func(f compute.Function, operand, source compute.Value, window, strides []int, paddings [][2]int) (compute.Value, error)

// selectAndScatter records the reverse of a window reduction: each value of source is added where the window
// chose a value of the operand.
func (f *function) selectAndScatter(op compute.OpType, method selectMethod, operand, source compute.Value, window, strides []int, paddings [][2]int) (compute.Value, error) {
	if d, ok := allHalf(operand, source); ok {
		return f.widenedOne(d, func(vs []compute.Value) (compute.Value, error) {
			return f.selectAndScatter(op, method, vs[0], vs[1], window, strides, paddings)
		}, operand, source)
	}
	in, err := f.use(op.String(), operand, source)
	if err != nil {
		return nil, err
	}
	s := in[0].shape()
	if d := s.DType; !d.IsInt() && !d.IsFloat() {
		return nil, fmt.Errorf("%s: want numbers, got %s", op, s)
	}
	shape, err := shapeinference.SelectAndScatter(s, in[1].shape(), window, strides, paddings)
	if err != nil {
		return nil, err
	}
	a := selectAttr{window: filled(window, s.Rank()), strides: slices.Clone(strides), paddings: filledPaddings(paddings, s.Rank())}
	if len(strides) == 0 {
		a.strides = slices.Clone(a.window)
	}
	return f.record(op, in, a, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(method(f, in[0], in[1], a.window, a.strides, a.paddings))
	})
}

func (f *function) SelectAndScatterMax(operand, source compute.Value, window, strides []int, paddings [][2]int) (compute.Value, error) {
	return f.selectAndScatter(compute.OpTypeSelectAndScatterMax, compute.Function.SelectAndScatterMax, operand, source, window, strides, paddings)
}

func (f *function) SelectAndScatterMin(operand, source compute.Value, window, strides []int, paddings [][2]int) (compute.Value, error) {
	return f.selectAndScatter(compute.OpTypeSelectAndScatterMin, compute.Function.SelectAndScatterMin, operand, source, window, strides, paddings)
}

// AllReduce reduces over devices. With one there is nothing to add up: the operands are the result.
func (f *function) AllReduce(operands []compute.Value, reduction compute.ReduceOpType, groups [][]int) ([]compute.Value, error) {
	in, err := f.use("AllReduce", operands...)
	if err != nil {
		return nil, err
	}
	for _, group := range groups {
		for _, device := range group {
			if device != 0 {
				return nil, fmt.Errorf("AllReduce: device %d in groups %v, the backend %q has device 0 only", device, groups, Name)
			}
		}
	}
	if reduction < compute.ReduceOpSum || reduction > compute.ReduceOpMin {
		return nil, fmt.Errorf("AllReduce: want a sum, a product, a maximum or a minimum, got %s", reduction)
	}
	outputs := make([]compute.Value, len(in))
	for i, v := range in {
		if outputs[i], err = f.Identity(v); err != nil {
			return nil, err
		}
	}
	return outputs, nil
}
