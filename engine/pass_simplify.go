package engine

import (
	"slices"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// simplify returns a value that equals the single output of n on the inputs in, where one can be had for less
// than n. It changes no bit of any result, but for zeros whose sign nobody can see in a sum.
func (r *rewriter) simplify(n *node, in []value) (value, bool) {
	shape := n.shapes[0]
	switch n.op {
	case compute.OpTypeIdentity, compute.OpTypeOptimizationBarrier, compute.OpTypeSchedulingBarrier:
		return in[0], true
	case compute.OpTypeReshape:
		x := in[0]
		if x.op == compute.OpTypeReshape {
			x = x.in[0]
		}
		if x.shape().Equal(shape) {
			return x, true
		}
		return value{r.add(n, []value{x}), 0}, true
	case compute.OpTypeConvertDType:
		return in[0], in[0].dtype() == shape.DType
	case compute.OpTypeTranspose:
		return r.transpose(n, in[0])
	case compute.OpTypeDotGeneral:
		return r.product(n, in)
	case compute.OpTypeConvGeneral:
		return r.convolution(n, in)
	case compute.OpTypeBroadcastInDim, compute.OpTypeSlice:
		return in[0], in[0].shape().Equal(shape) && sameDims(in[0].shape(), shape)
	case compute.OpTypeReverse:
		if a := n.attr.(axesAttr); !slices.ContainsFunc(a.axes, func(axis int) bool { return shape.Dimensions[axis] > 1 }) {
			return in[0], true
		}
		if x := in[0]; x.op == compute.OpTypeReverse && slices.Equal(x.attr.(axesAttr).axes, n.attr.(axesAttr).axes) {
			return x.in[0], true
		}
		return r.reversedWeights(in[0], n.attr.(axesAttr).axes)
	case compute.OpTypeConcatenate:
		return in[0], len(in) == 1
	case compute.OpTypePad:
		for _, p := range n.attr.(padAttr).axes {
			if p != (compute.PadAxis{}) {
				return value{}, false
			}
		}
		return in[0], true
	case compute.OpTypeMul, compute.OpTypeDiv:
		if isConst(in[1], 1) && in[0].shape().Equal(shape) {
			return in[0], true
		}
		if n.op == compute.OpTypeMul && isConst(in[0], 1) && in[1].shape().Equal(shape) {
			return in[1], true
		}
	case compute.OpTypeAdd, compute.OpTypeSub:
		if isConst(in[1], 0) && in[0].shape().Equal(shape) {
			return in[0], true
		}
		if n.op == compute.OpTypeAdd && isConst(in[0], 0) && in[1].shape().Equal(shape) {
			return in[1], true
		}
	case compute.OpTypeGreaterThan:
		// Where a rectifier's output is at hand, its input need not be kept: max(x, 0) > 0 is x > 0.
		if isConst(in[1], 0) {
			probe := &node{op: compute.OpTypeMax, in: in, shapes: []shapes.Shape{in[0].shape()}}
			if max := r.seen[r.key(probe)]; max != nil {
				return value{r.add(n, []value{{max, 0}, in[1]}), 0}, true
			}
		}
	}
	return value{}, false
}

// transpose joins a transposition with the one before it, and drops those that move nothing.
func (r *rewriter) transpose(n *node, x value) (value, bool) {
	perm := slices.Clone(n.attr.(permAttr).perm)
	for x.op == compute.OpTypeTranspose {
		before := x.attr.(permAttr).perm
		for i, p := range perm {
			perm[i] = before[p]
		}
		x = x.in[0]
	}
	still := true
	for i, p := range perm {
		still = still && i == p
	}
	if still {
		return x, true
	}
	if p, ok := r.transposedProduct(x, perm); ok {
		return p, true
	}
	m := *n
	m.attr = permAttr{perm}
	m.replay = func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		v, err := f.Transpose(in[0], perm...)
		return []compute.Value{v}, err
	}
	return value{r.add(&m, []value{x}), 0}, true
}

func sameDims(a, b shapes.Shape) bool { return slices.Equal(a.Dimensions, b.Dimensions) }

// isConst tells whether v is everywhere the number x.
func isConst(v value, x float64) bool {
	for v.op == compute.OpTypeBroadcastInDim || v.op == compute.OpTypeReshape {
		v = v.in[0]
	}
	a, ok := v.attr.(constAttr)
	if !ok || v.shape().Size() != 1 {
		return false
	}
	got, known := scalar(v.dtype(), a.mem)
	return known && got == x
}

// scalar reads one number.
func scalar(t dtypes.DType, mem []byte) (float64, bool) {
	if len(mem) == 0 {
		return 0, false
	}
	p := unsafe.Pointer(&mem[0])
	switch t {
	case dtypes.Float32:
		return float64(*(*float32)(p)), true
	case dtypes.Float64:
		return *(*float64)(p), true
	case dtypes.Int32:
		return float64(*(*int32)(p)), true
	case dtypes.Int64:
		x := *(*int64)(p)
		return float64(x), int64(float64(x)) == x
	case dtypes.Uint8, dtypes.Bool:
		return float64(mem[0]), true
	}
	return 0, false
}
