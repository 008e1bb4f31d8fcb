package engine

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"galen.dev/engine/pool"
)

var poolOps = map[compute.ReduceOpType]pool.Op{
	compute.ReduceOpSum: pool.Sum, compute.ReduceOpProduct: pool.Product, compute.ReduceOpMax: pool.Max, compute.ReduceOpMin: pool.Min,
}

// lowerPool returns the kernel of an operation on windows; ok is false where n is none, or of a type without one.
func lowerPool(n *node) (k kernel, ok bool) {
	switch n.op {
	case compute.OpTypeReduceWindow, compute.OpTypeSelectAndScatterMax, compute.OpTypeSelectAndScatterMin:
	default:
		return nil, false
	}
	switch n.shapes[0].DType {
	case dtypes.Float32:
		return lowerPoolOf[float32](n)
	case dtypes.Float64:
		return lowerPoolOf[float64](n)
	case dtypes.Int32:
		return lowerPoolOf[int32](n)
	case dtypes.Int64:
		return lowerPoolOf[int64](n)
	}
	return nil, false
}

func lowerPoolOf[T float32 | float64 | int32 | int64](n *node) (k kernel, ok bool) {
	dims := n.in[0].shape().Dimensions
	axes := make([]pool.Axis, len(dims))
	if a, is := n.attr.(windowAttr); is {
		for i := range axes {
			axes[i] = pool.Axis{Size: a.window[i], Stride: a.strides[i], Dilation: a.dilations[i], InputDilation: a.inputDilations[i], Before: a.paddings[i][0], After: a.paddings[i][1]}
		}
		op, known := poolOps[a.reduction]
		if !known {
			return nil, false
		}
		p := pool.NewReduce[T](op, dims, axes)
		return func(in, out [][]byte) error { p.Run(viewAs[T](out[0]), viewAs[T](in[0])); return nil }, true
	}
	a := n.attr.(selectAttr)
	for i := range axes {
		axes[i] = pool.Axis{Size: a.window[i], Stride: a.strides[i], Before: a.paddings[i][0], After: a.paddings[i][1]}
	}
	op := pool.Max
	if n.op == compute.OpTypeSelectAndScatterMin {
		op = pool.Min
	}
	p := pool.NewSelect[T](op, dims, axes)
	return func(in, out [][]byte) error {
		p.Run(viewAs[T](out[0]), viewAs[T](in[0]), viewAs[T](in[1]))
		return nil
	}, true
}
