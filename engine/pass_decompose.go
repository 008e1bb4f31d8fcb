package engine

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// decompose writes operations that stand for several as these: loops then fuse them with what is around them.
// ok is false for any other operation, and where the element type is not a float that loops take.
func (r *rewriter) decompose(n *node, in []value) (outputs []value, ok bool) {
	if t := n.shapes[0].DType; t != dtypes.Float32 && t != dtypes.Float64 {
		return nil, false
	}
	switch n.op {
	case compute.OpTypeFusedSoftmax:
		axis := []int{n.attr.(axisAttr).axis}
		x := in[0]
		e := r.unary(compute.OpTypeExp, r.binary(compute.OpTypeSub, x, r.spread(r.reduce(compute.OpTypeReduceMax, x, axis), x, axis)))
		return []value{r.binary(compute.OpTypeDiv, e, r.spread(r.reduce(compute.OpTypeReduceSum, e, axis), x, axis))}, true
	case compute.OpTypeFusedLayerNorm:
		a := n.attr.(normAttr)
		x := in[0]
		mean, variance := r.moments(x, a.axes)
		y := r.normalise(x, mean, variance, a.axes, a.epsilon)
		kept := without(x.shape().Rank(), a.axes)
		for i, v := range in[1:] {
			if v.node == nil {
				continue
			}
			op := compute.OpTypeMul
			if i == 1 {
				op = compute.OpTypeAdd
			}
			y = r.binary(op, y, r.spread(v, x, kept))
		}
		return []value{y}, true
	case compute.OpTypeBatchNormForTraining:
		a := n.attr.(normAttr)
		x := in[0]
		axes := without(x.shape().Rank(), []int{a.axis})
		mean, variance := r.moments(x, axes)
		y := r.normalise(x, mean, variance, axes, a.epsilon)
		y = r.binary(compute.OpTypeAdd, r.binary(compute.OpTypeMul, y, r.spread(in[1], x, axes)), r.spread(in[2], x, axes))
		return []value{y, mean, variance}, true
	case compute.OpTypeBatchNormForInference:
		a := n.attr.(normAttr)
		x := in[0]
		axes := without(x.shape().Rank(), []int{a.axis})
		scale := r.binary(compute.OpTypeMul, in[1], r.unary(compute.OpTypeRsqrt, r.binary(compute.OpTypeAdd, in[4], r.numberLike(in[4], a.epsilon))))
		shift := r.binary(compute.OpTypeSub, in[2], r.binary(compute.OpTypeMul, in[3], scale))
		return []value{r.binary(compute.OpTypeAdd, r.binary(compute.OpTypeMul, x, r.spread(scale, x, axes)), r.spread(shift, x, axes))}, true
	case compute.OpTypeBatchNormGradient:
		// With x̂ the normalised input: dscale = Σ g·x̂, doffset = Σ g, and
		// dx = scale·σ⁻¹·(g − doffset/count − x̂·dscale/count).
		a := n.attr.(normAttr)
		x, scale, mean, variance, g := in[0], in[1], in[2], in[3], in[4]
		axes := without(x.shape().Rank(), []int{a.axis})
		inverse := r.unary(compute.OpTypeRsqrt, r.binary(compute.OpTypeAdd, variance, r.numberLike(variance, a.epsilon)))
		normal := r.binary(compute.OpTypeMul, r.binary(compute.OpTypeSub, x, r.spread(mean, x, axes)), r.spread(inverse, x, axes))
		dOffset := r.reduce(compute.OpTypeReduceSum, g, axes)
		dScale := r.reduce(compute.OpTypeReduceSum, r.binary(compute.OpTypeMul, g, normal), axes)
		count := 1 / float64(x.shape().Size()/max(1, mean.shape().Size()))
		per := func(v value) value {
			return r.spread(r.binary(compute.OpTypeMul, v, r.numberLike(v, count)), x, axes)
		}
		dx := r.binary(compute.OpTypeSub, r.binary(compute.OpTypeSub, g, per(dOffset)), r.binary(compute.OpTypeMul, normal, per(dScale)))
		dx = r.binary(compute.OpTypeMul, dx, r.spread(r.binary(compute.OpTypeMul, scale, inverse), x, axes))
		return []value{dx, dScale, dOffset}, true
	}
	return nil, false
}

// moments returns mean and biased variance over axes.
func (r *rewriter) moments(x value, axes []int) (mean, variance value) {
	sum := r.reduce(compute.OpTypeReduceSum, x, axes)
	count := 1 / float64(max(1, x.shape().Size()/max(1, sum.shape().Size())))
	mean = r.binary(compute.OpTypeMul, sum, r.numberLike(sum, count))
	d := r.binary(compute.OpTypeSub, x, r.spread(mean, x, axes))
	squares := r.reduce(compute.OpTypeReduceSum, r.binary(compute.OpTypeMul, d, d), axes)
	return mean, r.binary(compute.OpTypeMul, squares, r.numberLike(squares, count))
}

func (r *rewriter) normalise(x, mean, variance value, axes []int, epsilon float64) value {
	inverse := r.unary(compute.OpTypeRsqrt, r.binary(compute.OpTypeAdd, variance, r.numberLike(variance, epsilon)))
	return r.binary(compute.OpTypeMul, r.binary(compute.OpTypeSub, x, r.spread(mean, x, axes)), r.spread(inverse, x, axes))
}

func (r *rewriter) binary(op compute.OpType, a, b value) value {
	return value{r.add(&node{op: op, shapes: []shapes.Shape{a.shape()}}, []value{a, b}), 0}
}

func (r *rewriter) unary(op compute.OpType, x value) value {
	return value{r.add(&node{op: op, shapes: []shapes.Shape{x.shape()}}, []value{x}), 0}
}

// reduce adds a reduction of x over axes.
func (r *rewriter) reduce(op compute.OpType, x value, axes []int) value {
	var dims []int
	for _, i := range without(x.shape().Rank(), axes) {
		dims = append(dims, x.shape().Dimensions[i])
	}
	n := &node{op: op, attr: axesAttr{axes}, shapes: []shapes.Shape{shapes.Make(x.dtype(), dims...)}}
	return value{r.add(n, []value{x}), 0}
}

// spread repeats v, which has the axes of x but for the given ones, along these.
func (r *rewriter) spread(v, x value, axes []int) value {
	kept := without(x.shape().Rank(), axes)
	n := &node{op: compute.OpTypeBroadcastInDim, attr: axesAttr{kept}, shapes: []shapes.Shape{shapes.Make(v.dtype(), x.shape().Dimensions...)}}
	return value{r.add(n, []value{v}), 0}
}

// numberLike is the number c in the shape of v.
func (r *rewriter) numberLike(v value, c float64) value {
	mem := newBytes(v.dtype().Size())
	if v.dtype() == dtypes.Float64 {
		view64(mem)[0] = c
	} else {
		view32(mem)[0] = float32(c)
	}
	number := value{r.add(&node{op: compute.OpTypeConstant, attr: constAttr{mem}, shapes: []shapes.Shape{shapes.Make(v.dtype())}}, nil), 0}
	n := &node{op: compute.OpTypeBroadcastInDim, attr: axesAttr{}, shapes: []shapes.Shape{v.shape()}}
	return value{r.add(n, []value{number}), 0}
}

// without lists the axes below rank that are not in axes.
func without(rank int, axes []int) []int {
	var kept []int
	for i := range rank {
		if !slices.Contains(axes, i) {
			kept = append(kept, i)
		}
	}
	return kept
}
