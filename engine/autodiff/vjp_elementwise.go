package autodiff

import (
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

func init() {
	register(graph.NodeTypeRsqrt, func(y, d *graph.Node) []*graph.Node {
		// d(x^-1/2)/dx = -1/2 x^-3/2 = -1/2 y³
		return []*graph.Node{graph.Mul(graph.MulScalar(d, -0.5), graph.Mul(y, graph.Mul(y, y)))}
	})
	register(graph.NodeTypeExpm1, func(y, d *graph.Node) []*graph.Node {
		return []*graph.Node{graph.Mul(d, graph.OnePlus(y))}
	})
	register(graph.NodeTypeClamp, clampVJP)
	register(graph.NodeTypeAtan2, func(node, d *graph.Node) []*graph.Node {
		y, x := node.Inputs()[0], node.Inputs()[1]
		r := graph.Div(d, graph.Add(graph.Mul(x, x), graph.Mul(y, y)))
		return []*graph.Node{unbroadcast(graph.Mul(r, x), y), unbroadcast(graph.Neg(graph.Mul(r, y)), x)}
	})
	register(graph.NodeTypeRem, func(node, d *graph.Node) []*graph.Node {
		// x rem y = x - y·trunc(x/y), and trunc is piecewise constant.
		x, y := node.Inputs()[0], node.Inputs()[1]
		whole := graph.Round(graph.Div(graph.Sub(x, node), y))
		return []*graph.Node{unbroadcast(d, x), unbroadcast(graph.Neg(graph.Mul(d, whole)), y)}
	})
	library := graph.VJPRegistration[graph.NodeTypeMax]
	graph.VJPRegistration[graph.NodeTypeMax] = func(node *graph.Node, d []*graph.Node, s shapes.Shape) []*graph.Node {
		if left, x := node.Inputs()[0], node.Inputs()[1]; isConstant(left) && left.IsScalar() && !x.IsScalar() {
			return floorVJP(node, left, d[0])
		}
		return library(node, d, s)
	}
	// Piecewise constant functions, and those of integers and truth values, have no gradient: asking for it must
	// not stop the building, since such values serve as masks of what is differentiated.
	for _, kind := range []graph.NodeType{
		graph.NodeTypeRound, graph.NodeTypeFloor, graph.NodeTypeCeil, graph.NodeTypeSign,
		graph.NodeTypeEqual, graph.NodeTypeNotEqual, graph.NodeTypeGreaterThan, graph.NodeTypeGreaterOrEqual,
		graph.NodeTypeLessThan, graph.NodeTypeLessOrEqual, graph.NodeTypeEqualTotalOrder, graph.NodeTypeNotEqualTotalOrder,
		graph.NodeTypeGreaterThanTotalOrder, graph.NodeTypeGreaterOrEqualTotalOrder, graph.NodeTypeLessThanTotalOrder,
		graph.NodeTypeLessOrEqualTotalOrder, graph.NodeTypeIsFinite, graph.NodeTypeIsNaN, graph.NodeTypeArgMinMax,
		graph.NodeTypeReduceLogicalAnd, graph.NodeTypeReduceLogicalOr, graph.NodeTypeReduceLogicalXor,
		graph.NodeTypeReduceBitwiseAnd, graph.NodeTypeReduceBitwiseOr, graph.NodeTypeReduceBitwiseXor,
		graph.NodeTypeShiftLeft, graph.NodeTypeShiftRightArithmetic, graph.NodeTypeShiftRightLogical,
		graph.NodeTypeBitCount, graph.NodeTypeClz, graph.NodeTypeBitcast,
	} {
		register(kind, func(node, _ *graph.Node) []*graph.Node { return make([]*graph.Node, len(node.Inputs())) })
	}
}

// floorVJP is the gradient of Max(c, x) for a constant c, the form in which ReLU is written. It needs the output
// alone, so that x need not be kept, and is 0 where x = c, as PyTorch defines it for ReLU.
func floorVJP(y, c, d *graph.Node) []*graph.Node {
	return []*graph.Node{nil, graph.Where(graph.GreaterThan(y, graph.BroadcastToShape(c, y.Shape())), d, graph.ZerosLike(d))}
}

// clampVJP lets the gradient through where x lies between the bounds, ends included, and gives the rest to the
// bound that was hit.
func clampVJP(node, d *graph.Node) []*graph.Node {
	low, x, high := node.Inputs()[0], node.Inputs()[1], node.Inputs()[2]
	spread := func(bound *graph.Node) *graph.Node { return graph.BroadcastToShape(bound, x.Shape()) }
	zero := graph.ZerosLike(d)
	below, above := graph.LessThan(x, spread(low)), graph.GreaterThan(x, spread(high))
	return []*graph.Node{
		unbroadcast(graph.Where(below, d, zero), low),
		graph.Where(graph.LogicalOr(below, above), zero, d),
		unbroadcast(graph.Where(above, d, zero), high),
	}
}
