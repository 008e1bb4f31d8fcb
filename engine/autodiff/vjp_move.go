package autodiff

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
)

func init() {
	register(graph.NodeTypePad, padVJP)
	register(graph.NodeTypeReverse, func(node, d *graph.Node) []*graph.Node {
		return []*graph.Node{graph.Reverse(d, intsParameter(node, "axes")...)}
	})
	register(graph.NodeTypeReduceProduct, productVJP)
}

// padVJP takes from the gradient the elements that came from x; the fill value gets the sum of the others.
func padVJP(node, d *graph.Node) []*graph.Node {
	fill := node.Inputs()[1]
	axes := padParameter(node)
	cut := make([]graph.SliceAxisSpec, len(axes))
	restore := make([]compute.PadAxis, len(axes))
	cropped := false
	for a, p := range axes {
		start, size := max(p.Start, 0), node.Shape().Dimensions[a]
		cut[a] = graph.AxisRange(start, size-max(p.End, 0))
		restore[a] = compute.PadAxis{Start: max(-p.Start, 0), End: max(-p.End, 0)}
		cropped = cropped || p.Start < 0 || p.End < 0
	}
	dx := graph.Slice(d, cut...)
	if cropped {
		dx = graph.Pad(dx, graph.ScalarZero(d.Graph(), d.DType()), restore...)
	}
	if slices.ContainsFunc(axes, func(p compute.PadAxis) bool { return p.Interior > 0 }) {
		for a, p := range axes {
			cut[a] = graph.AxisRange().Stride(p.Interior + 1)
		}
		dx = graph.Slice(dx, cut...)
	}
	if isConstant(fill) {
		return []*graph.Node{dx, nil}
	}
	return []*graph.Node{dx, graph.Sub(graph.ReduceAllSum(d), graph.ReduceAllSum(dx))}
}

// productVJP divides the product by each factor. Where a factor is 0 it counts: one zero leaves the product of the
// others to that factor, two leave nothing. Further derivatives are right where no factor is 0.
func productVJP(node, d *graph.Node) []*graph.Node {
	x := node.Inputs()[0]
	axes := intsParameter(node, "axes")
	if len(axes) == 0 {
		for a := range x.Rank() {
			axes = append(axes, a)
		}
	}
	kept := slices.Clone(x.Shape().Dimensions)
	for _, a := range axes {
		kept[a] = 1
	}
	spread := func(n *graph.Node) *graph.Node {
		return graph.BroadcastToShape(graph.Reshape(n, kept...), x.Shape())
	}
	zero, one := graph.ZerosLike(x), graph.OnesLike(x)
	isZero := graph.Equal(x, zero)
	factors := graph.Where(isZero, one, x)
	others := graph.Div(spread(graph.ReduceMultiply(factors, axes...)), factors)
	zeros := spread(graph.ReduceSum(graph.Where(isZero, one, zero), axes...))
	elsewhere := graph.Sub(zeros, graph.Where(isZero, one, zero))
	return []*graph.Node{graph.Where(graph.Equal(elsewhere, zero), graph.Mul(spread(d), others), zero)}
}
