package engine

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// Operations that run functions: Call, While, If, Sort.

// callee checks that fn is a complete function of this computation.
func (f *function) callee(op, role string, fn compute.Function) (*function, error) {
	own, ok := fn.(*function)
	if !ok || own == nil {
		return nil, fmt.Errorf("%s: %s is a %T, not a function of the backend %q", op, role, fn, Name)
	}
	if own.builder != f.builder {
		return nil, fmt.Errorf("%s: %s belongs to another computation", op, role)
	}
	if !own.returned {
		return nil, fmt.Errorf("%s: %s has not returned", op, role)
	}
	return own, nil
}

// closure checks that fn is a complete closure of f, or of a function around it, and returns what it captures.
func (f *function) closure(op, role string, fn compute.Function) (*function, []value, error) {
	own, err := f.callee(op, role, fn)
	if err != nil {
		return nil, nil, err
	}
	if own.parent == nil || own.parent != f && !f.within(own.parent) {
		return nil, nil, fmt.Errorf("%s: %s is no closure of the function that uses it", op, role)
	}
	captured := make([]compute.Value, 0, len(own.captures))
	for _, v := range own.captured() {
		captured = append(captured, v)
	}
	in, err := f.use(op, captured...)
	return own, in, err
}

func (f *function) takes(op, role string, in []value) error {
	if len(f.params) != len(in) {
		return fmt.Errorf("%s: %s takes %d values, got %d", op, role, len(f.params), len(in))
	}
	for i, p := range f.params {
		if !p.shapes[0].Equal(in[i].shape()) {
			return fmt.Errorf("%s: %s takes %s as value %d, got %s", op, role, p.shapes[0], i, in[i].shape())
		}
	}
	return nil
}

// decides checks that f returns one boolean.
func (f *function) decides(op, role string) error {
	if len(f.outputs) != 1 || !f.outputs[0].shape().IsScalar() || f.outputs[0].dtype() != dtypes.Bool {
		return fmt.Errorf("%s: %s must return one boolean scalar, got %v", op, role, f.outputShapes())
	}
	return nil
}

func (f *function) outputShapes() []shapes.Shape {
	list := make([]shapes.Shape, len(f.outputs))
	for i, v := range f.outputs {
		list[i] = v.shape()
	}
	return list
}

func (f *function) Call(target compute.Function, inputs ...compute.Value) ([]compute.Value, error) {
	in, err := f.use("Call", inputs...)
	if err != nil {
		return nil, err
	}
	fn, err := f.callee("Call", "the function", target)
	if err != nil {
		return nil, err
	}
	if fn.parent != nil || fn == f.builder.main {
		return nil, errors.New("Call: only functions made by NewFunction can be called")
	}
	if err := fn.takes("Call", fmt.Sprintf("the function %q", fn.name), in); err != nil {
		return nil, err
	}
	n, err := f.recordMany(compute.OpTypeCall, in, callAttr{fn}, fn.outputShapes(), func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		copied, err := fn.copyNamed(f.Builder())
		if err != nil {
			return nil, err
		}
		return f.Call(copied, in...)
	})
	if err != nil {
		return nil, err
	}
	return n.values(), nil
}

// While repeats body on the state for as long as cond holds.
func (f *function) While(cond, body compute.Function, initialState ...compute.Value) ([]compute.Value, error) {
	if len(initialState) == 0 {
		return nil, errors.New("While: no state")
	}
	state, err := f.use("While", initialState...)
	if err != nil {
		return nil, err
	}
	condFn, condIn, err := f.closure("While", "the condition", cond)
	if err != nil {
		return nil, err
	}
	bodyFn, bodyIn, err := f.closure("While", "the body", body)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(condFn.takes("While", "the condition", state), condFn.decides("While", "the condition"), bodyFn.takes("While", "the body", state)); err != nil {
		return nil, err
	}
	outputs := make([]shapes.Shape, len(state))
	for i, v := range state {
		outputs[i] = v.shape()
	}
	if err := sameShapes("While", "the body returns", bodyFn.outputShapes(), "the state is", outputs); err != nil {
		return nil, err
	}
	in := join(state, condIn, bodyIn)
	n, err := f.recordMany(compute.OpTypeWhile, in, whileAttr{condFn, bodyFn}, outputs, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		state, condIn, bodyIn := in[:len(state)], in[len(state):len(state)+len(condIn)], in[len(state)+len(condIn):]
		c, err := condFn.copyClosure(f, condIn)
		if err != nil {
			return nil, err
		}
		b, err := bodyFn.copyClosure(f, bodyIn)
		if err != nil {
			return nil, err
		}
		return f.While(c, b, state...)
	})
	if err != nil {
		return nil, err
	}
	return n.values(), nil
}

func sameShapes(op, left string, a []shapes.Shape, right string, b []shapes.Shape) error {
	if len(a) != len(b) {
		return fmt.Errorf("%s: %s %d values, %s %d", op, left, len(a), right, len(b))
	}
	for i := range a {
		if !a[i].Equal(b[i]) {
			return fmt.Errorf("%s: %s %s as value %d, %s %s", op, left, a[i], i, right, b[i])
		}
	}
	return nil
}

func join(lists ...[]value) []value {
	var all []value
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// If runs one of two closures without parameters.
func (f *function) If(pred compute.Value, trueBranch, falseBranch compute.Function) ([]compute.Value, error) {
	in, err := f.use("If", pred)
	if err != nil {
		return nil, err
	}
	if s := in[0].shape(); !s.IsScalar() || s.DType != dtypes.Bool {
		return nil, fmt.Errorf("If: the predicate must be a boolean scalar, got %s", s)
	}
	yes, yesIn, err := f.closure("If", "the branch for true", trueBranch)
	if err != nil {
		return nil, err
	}
	no, noIn, err := f.closure("If", "the branch for false", falseBranch)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(yes.takes("If", "the branch for true", nil), no.takes("If", "the branch for false", nil)); err != nil {
		return nil, err
	}
	if err := sameShapes("If", "the branch for true returns", yes.outputShapes(), "the branch for false", no.outputShapes()); err != nil {
		return nil, err
	}
	n, err := f.recordMany(compute.OpTypeIf, join(in, yesIn, noIn), ifAttr{yes, no}, yes.outputShapes(), func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		y, err := yes.copyClosure(f, in[1:1+len(yesIn)])
		if err != nil {
			return nil, err
		}
		n, err := no.copyClosure(f, in[1+len(yesIn):])
		if err != nil {
			return nil, err
		}
		return f.If(in[0], y, n)
	})
	if err != nil {
		return nil, err
	}
	return n.values(), nil
}

// Sort orders tensors along an axis, together, by a closure that says of two places whether the first comes
// before the second. Its parameters are the values of both places of the first tensor, then of the second, and so
// on.
func (f *function) Sort(comparator compute.Function, axis int, stable bool, inputs ...compute.Value) ([]compute.Value, error) {
	if len(inputs) == 0 {
		return nil, errors.New("Sort: no tensors")
	}
	in, err := f.use("Sort", inputs...)
	if err != nil {
		return nil, err
	}
	less, captured, err := f.closure("Sort", "the comparator", comparator)
	if err != nil {
		return nil, err
	}
	first := in[0].shape()
	outputs := make([]shapes.Shape, len(in))
	var scalars []value
	for i, v := range in {
		outputs[i] = v.shape()
		if !v.shape().EqualDimensions(first) {
			return nil, fmt.Errorf("Sort: tensors must have the same dimensions, got %s and %s", first, v.shape())
		}
		scalar := value{&node{shapes: []shapes.Shape{shapes.Make(v.dtype())}}, 0}
		scalars = append(scalars, scalar, scalar)
	}
	if axis < 0 {
		axis += first.Rank()
	}
	if axis < 0 || axis >= first.Rank() {
		return nil, fmt.Errorf("Sort: axis %d is not one of %s", axis, first)
	}
	if err := errors.Join(less.takes("Sort", "the comparator", scalars), less.decides("Sort", "the comparator")); err != nil {
		return nil, err
	}
	count := len(in)
	n, err := f.recordMany(compute.OpTypeSort, join(in, captured), sortAttr{less, axis, stable, count}, outputs, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		c, err := less.copyClosure(f, in[count:])
		if err != nil {
			return nil, err
		}
		return f.Sort(c, axis, stable, in[:count]...)
	})
	if err != nil {
		return nil, err
	}
	return n.values(), nil
}
