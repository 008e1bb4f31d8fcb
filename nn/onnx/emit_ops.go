package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// simple are operations with an operator of the same meaning.
var simple = map[compute.OpType]string{
	compute.OpTypeAbs: "Abs", compute.OpTypeCeil: "Ceil", compute.OpTypeCos: "Cos", compute.OpTypeErf: "Erf", compute.OpTypeExp: "Exp",
	compute.OpTypeFloor: "Floor", compute.OpTypeIsNaN: "IsNaN", compute.OpTypeLog: "Log", compute.OpTypeLogicalNot: "Not",
	compute.OpTypeLogistic: "Sigmoid", compute.OpTypeNeg: "Neg", compute.OpTypeRound: "Round", compute.OpTypeSign: "Sign",
	compute.OpTypeSin: "Sin", compute.OpTypeSqrt: "Sqrt", compute.OpTypeTanh: "Tanh",
	compute.OpTypeAdd: "Add", compute.OpTypeSub: "Sub", compute.OpTypeMul: "Mul", compute.OpTypeDiv: "Div", compute.OpTypePow: "Pow",
	compute.OpTypeMax: "Max", compute.OpTypeMin: "Min", compute.OpTypeEqual: "Equal", compute.OpTypeGreaterThan: "Greater",
	compute.OpTypeGreaterOrEqual: "GreaterOrEqual", compute.OpTypeLessThan: "Less", compute.OpTypeLessOrEqual: "LessOrEqual",
	compute.OpTypeLogicalAnd: "And", compute.OpTypeLogicalOr: "Or", compute.OpTypeLogicalXor: "Xor", compute.OpTypeWhere: "Where",
}

var reductions = map[compute.OpType]string{
	compute.OpTypeReduceSum: "ReduceSum", compute.OpTypeReduceMax: "ReduceMax", compute.OpTypeReduceMin: "ReduceMin", compute.OpTypeReduceProduct: "ReduceProd",
}

// operation emits the operators of one operation with one output.
func (e *emitter) operation(r ref, in []*tensor) *tensor {
	if t := e.absorbed(r, in); t != nil {
		return t
	}
	if op, ok := simple[r.kind]; ok {
		return e.elementwise(r, op, in...)
	}
	if op, ok := reductions[r.kind]; ok {
		return e.reduction(r, op, in[0])
	}
	switch r.kind {
	case compute.OpTypeIdentity:
		return in[0]
	case compute.OpTypeExpm1:
		return e.elementwise(r, "Sub", e.elementwise(r, "Exp", in[0]), e.float(1))
	case compute.OpTypeLog1p:
		return e.elementwise(r, "Log", e.elementwise(r, "Add", in[0], e.float(1)))
	case compute.OpTypeRsqrt:
		return e.elementwise(r, "Reciprocal", e.elementwise(r, "Sqrt", in[0]))
	case compute.OpTypeNotEqual:
		return e.elementwise(r, "Not", e.elementwise(r, "Equal", in...))
	case compute.OpTypeIsFinite:
		// x - x is no number for infinities and for what is no number.
		return e.elementwise(r, "Not", e.elementwise(r, "IsNaN", e.elementwise(r, "Sub", in[0], in[0])))
	case compute.OpTypeClamp:
		return e.elementwise(r, "Min", e.elementwise(r, "Max", in[1], in[0]), in[2])
	case compute.OpTypeConvertDType:
		return e.cast(r, in[0], r.shape().DType)
	case compute.OpTypeReduceLogicalAnd, compute.OpTypeReduceLogicalOr:
		op := "ReduceMin"
		if r.kind == compute.OpTypeReduceLogicalOr {
			op = "ReduceMax"
		}
		return e.cast(r, e.reduction(r, op, e.cast(r.in[0], in[0], dtypes.Int32)), dtypes.Bool)
	case compute.OpTypeReshape:
		return e.reshape(in[0], e.shapesOf(r))
	case compute.OpTypeTranspose:
		t := *in[0]
		t.dims, t.perm, t.maker = e.shapesOf(r), nil, nil
		for _, a := range r.attr.(axesAttr).axes {
			t.perm = append(t.perm, in[0].perm[a])
		}
		return &t
	case compute.OpTypeBroadcastInDim:
		return e.broadcast(r, in[0])
	case compute.OpTypeIota:
		return e.iota(r)
	case compute.OpTypeConcatenate:
		return e.concatenate(r, in)
	case compute.OpTypeSlice:
		return e.slice(r, in[0])
	case compute.OpTypeReverse:
		return e.reverse(r, in[0])
	case compute.OpTypePad:
		return e.pad(r, in[0], in[1])
	case compute.OpTypeArgMinMax:
		return e.argMinMax(r, in[0])
	case compute.OpTypeDotGeneral:
		return e.dot(r, in[0], in[1])
	case compute.OpTypeConvGeneral:
		return e.convolution(r, in[0], in[1])
	case compute.OpTypeReduceWindow:
		return e.window(r, in[0])
	case compute.OpTypeGather:
		return e.gather(r, in[0], in[1])
	}
	return e.unsupported(r, "there is no operator for it")
}

func (e *emitter) cast(r ref, x *tensor, to dtypes.DType) *tensor {
	if x.dtype == to {
		return x
	}
	t, ok := typeOf(to)
	if !ok {
		return e.unsupported(r, "a type without an ONNX type")
	}
	out := *x
	out.known, out.maker, out.dtype = nil, nil, to
	out.name = e.op("Cast", []string{e.storedName(x)}, intAttr("to", int(t)))
	return &out
}

// reduction leaves the other axes in the order in which they are stored.
func (e *emitter) reduction(r ref, op string, x *tensor) *tensor {
	axes := r.attr.(axesAttr).axes
	for _, a := range axes {
		if x.stored[x.perm[a]] != x.dims[a] {
			x = e.full(x, x.perm)
			break
		}
	}
	var gone []int
	for _, a := range axes {
		gone = append(gone, x.perm[a])
	}
	slices.Sort(gone)
	name := e.op(op, []string{e.storedName(x), e.ints(gone...)}, intAttr("keepdims", 0))
	out := without(x, axes)
	out.name, out.dtype = name, x.dtype
	return out
}

// without is the layout of x less some axes.
func without(x *tensor, axes []int) *tensor {
	out := &tensor{}
	var kept []int
	for a, p := range x.perm {
		if !slices.Contains(axes, a) {
			out.dims = append(out.dims, x.dims[a])
			kept = append(kept, p)
		}
	}
	order := slices.Sorted(slices.Values(kept))
	out.perm = make([]int, len(kept))
	for i, p := range kept {
		out.perm[i] = slices.Index(order, p)
	}
	for _, p := range order {
		out.stored = append(out.stored, x.stored[p])
	}
	return out
}

func (e *emitter) broadcast(r ref, x *tensor) *tensor {
	axes, dims := r.attr.(axesAttr).axes, e.shapesOf(r)
	if slices.Equal(axes, sequence(len(dims))) {
		out := *x
		out.dims, out.maker = dims, nil
		return &out
	}
	// Put axes of size 1 where new ones come in.
	between := slices.Repeat([]dim{{1, 1}}, len(dims))
	order := sequence(len(axes))
	slices.SortFunc(order, func(i, j int) int { return axes[i] - axes[j] })
	sorted := *x
	sorted.perm, sorted.dims, sorted.maker = nil, nil, nil
	for _, i := range order {
		sorted.perm, sorted.dims = append(sorted.perm, x.perm[i]), append(sorted.dims, x.dims[i])
		between[axes[i]] = x.dims[i]
	}
	out := *e.reshape(&sorted, between)
	out.dims = dims
	return &out
}

// iota is one known line, repeated; over the batch it would depend on its size.
func (e *emitter) iota(r ref) *tensor {
	axis, dims := r.attr.(axisAttr).axis, e.shapesOf(r)
	if !dims[axis].fixed() {
		return e.unsupported(r, "numbers that count the batch")
	}
	stored := slices.Repeat([]int{1}, len(dims))
	stored[axis] = dims[axis].a
	var a *array
	switch r.shape().DType {
	case dtypes.Float32:
		values := make([]float32, dims[axis].a)
		for i := range values {
			values[i] = float32(i)
		}
		a = floatsArray(values, stored...)
	case dtypes.Int64:
		a = int64sArray(int64s(sequence(dims[axis].a)), stored...)
	case dtypes.Int32:
		values := make([]int32, dims[axis].a)
		for i := range values {
			values[i] = int32(i)
		}
		a, _ = flatArray(values, stored...)
	default:
		return e.unsupported(r, "counting in "+r.shape().DType.String())
	}
	t := knownTensor(a, "iota")
	t.dims = dims
	return t
}

func (e *emitter) concatenate(r ref, in []*tensor) *tensor {
	dims := e.shapesOf(r)
	perm := layout(in, len(dims))
	names := make([]string, len(in))
	stored := make([]dim, len(dims))
	for i, t := range in {
		names[i] = e.storedName(e.full(t, perm))
	}
	for a, p := range perm {
		stored[p] = dims[a]
	}
	name := e.op("Concat", names, intAttr("axis", perm[r.attr.(axisAttr).axis]))
	return &tensor{name: name, dtype: r.shape().DType, dims: dims, perm: perm, stored: stored}
}

// slice cuts what is stored, but for axes along which it is repeated.
func (e *emitter) slice(r ref, x *tensor) *tensor {
	a, twin, dims := r.attr.(sliceAttr), e.twins[r.operation].attr.(sliceAttr), e.shapesOf(r)
	out := &tensor{dtype: x.dtype, dims: dims, perm: x.perm, stored: slices.Clone(x.stored)}
	var starts, limits, axes, steps []int
	for i, d := range x.dims {
		p := x.perm[i]
		if x.stored[p] != d || d == dims[i] {
			continue
		}
		limit := a.limits[i]
		if a.starts[i] != twin.starts[i] || a.strides[i] != twin.strides[i] {
			return e.unsupported(r, "a cut through the batch")
		}
		if limit != twin.limits[i] {
			if limit != d.a || twin.limits[i] != d.b {
				return e.unsupported(r, "a cut through the batch")
			}
			limit = math.MaxInt64
		}
		starts, limits = append(starts, a.starts[i]), append(limits, limit)
		axes, steps = append(axes, p), append(steps, a.strides[i])
		out.stored[p] = dims[i]
	}
	if axes == nil {
		same := *x
		same.dims, same.maker = dims, nil
		return &same
	}
	out.name = e.op("Slice", []string{e.storedName(x), e.ints(starts...), e.ints(limits...), e.ints(axes...), e.ints(steps...)})
	return out
}

func (e *emitter) reverse(r ref, x *tensor) *tensor {
	var axes []int
	for _, a := range r.attr.(axesAttr).axes {
		if !x.stored[x.perm[a]].one() {
			axes = append(axes, x.perm[a])
		}
	}
	out := *x
	out.maker = nil
	if axes == nil {
		return &out
	}
	if x.known != nil {
		out.known, out.name = x.known.reversed(axes...), ""
		return &out
	}
	back := slices.Repeat([]int{-1}, len(axes))
	out.name = e.op("Slice", []string{e.storedName(x), e.ints(back...), e.ints(slices.Repeat([]int{math.MinInt64}, len(axes))...), e.ints(axes...), e.ints(back...)})
	return &out
}

func (e *emitter) pad(r ref, x, fill *tensor) *tensor {
	a, dims := r.attr.(padAttr), e.shapesOf(r)
	n := len(dims)
	x = e.full(x, x.perm)
	pads := make([]int, 2*n)
	stored := make([]dim, n)
	for i := range n {
		p := x.perm[i]
		stored[p] = dims[i]
		if i >= len(a.axes) {
			continue
		}
		if a.axes[i].Interior > 0 {
			return e.unsupported(r, "padding between values")
		}
		pads[p], pads[n+p] = a.axes[i].Start, a.axes[i].End
	}
	name := e.op("Pad", []string{e.storedName(x), e.ints(pads...), e.storedName(fill)}, stringAttr("mode", "constant"))
	return &tensor{name: name, dtype: x.dtype, dims: dims, perm: x.perm, stored: stored}
}

func (e *emitter) argMinMax(r ref, x *tensor) *tensor {
	a := r.attr.(argAttr)
	x = e.full(x, x.perm)
	op := "ArgMax"
	if a.min {
		op = "ArgMin"
	}
	name := e.op(op, []string{e.storedName(x)}, intAttr("axis", x.perm[a.axis]), intAttr("keepdims", 0))
	out := without(x, []int{a.axis})
	out.name, out.dtype = name, dtypes.Int64
	return e.cast(r, out, r.shape().DType)
}

// gather takes whole slices along one axis, where an index says. Indices out of range are brought into it, as the
// operation does; ONNX leaves them undefined.
func (e *emitter) gather(r ref, x, at *tensor) *tensor {
	a := r.attr.(gatherAttr)
	dims := x.dims
	rank := len(at.dims)
	if len(a.startIndexMap) != 1 || !slices.Equal(a.collapsedSliceAxes, a.startIndexMap) || a.indexVectorAxis < rank-1 {
		return e.unsupported(r, "indices of more than one axis")
	}
	axis := a.startIndexMap[0]
	for i, size := range a.sliceSizes {
		if i != axis && size != dims[i].a || !dims[axis].fixed() {
			return e.unsupported(r, "parts of slices")
		}
	}
	if a.indexVectorAxis == rank-1 {
		at = e.reshape(at, at.dims[:rank-1])
	}
	at = e.full(at, at.perm)
	x = e.full(x, x.perm)
	low, high := e.bound(at.dtype, 0), e.bound(at.dtype, dims[axis].a-1)
	index := e.op("Clip", []string{e.storedName(at), low, high})
	name := e.op("Gather", []string{e.storedName(x), index}, intAttr("axis", x.perm[axis]))
	// What is stored: the axes of x with those of the indices in place of one of them.
	n, from := len(at.dims), x.perm[axis]
	out := &tensor{name: name, dtype: x.dtype, dims: e.shapesOf(r)}
	out.stored = slices.Concat(x.stored[:from], at.stored, x.stored[from+1:])
	out.perm = make([]int, len(out.dims))
	offset, batch := 0, 0
	for i := range out.perm {
		if !slices.Contains(a.offsetOutputAxes, i) {
			out.perm[i] = from + at.perm[batch]
			batch++
			continue
		}
		if offset == axis {
			offset++
		}
		p := x.perm[offset]
		if p > from {
			p += n - 1
		}
		out.perm[i] = p
		offset++
	}
	return out
}

// bound is a scalar integer.
func (e *emitter) bound(d dtypes.DType, v int) string {
	key := fmt.Sprint("bound ", d, v)
	if e.moved[key] == nil {
		var a *array
		if d == dtypes.Int32 {
			a, _ = flatArray([]int32{int32(v)})
		} else {
			a = int64sArray([]int64{int64(v)})
		}
		e.moved[key] = knownTensor(a, "bound")
	}
	return e.storedName(e.moved[key])
}
