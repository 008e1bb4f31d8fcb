package autodiff

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

func init() {
	library := graph.VJPRegistration[graph.NodeTypeReduceWindow]
	graph.VJPRegistration[graph.NodeTypeReduceWindow] = func(node *graph.Node, d []*graph.Node, s shapes.Shape) []*graph.Node {
		if compute.ReduceOpType(intParameter(node, "reductionType")) == compute.ReduceOpSum {
			return []*graph.Node{windowSumVJP(node, d[0])}
		}
		return library(node, d, s)
	}
	register(graph.NodeTypeSelectAndScatterMax, func(node, d *graph.Node) []*graph.Node { return selectVJP(node, d, false) })
	register(graph.NodeTypeSelectAndScatterMin, func(node, d *graph.Node) []*graph.Node { return selectVJP(node, d, true) })
}

// windowSumVJP is a sum over the same windows, run over the gradient spread by the strides. The graph library's own
// takes a detour over negative padding, which not every backend has.
func windowSumVJP(node, d *graph.Node) *graph.Node {
	x := node.Inputs()[0]
	rank := x.Rank()
	window := intsParameter(node, "windowDimensions")
	stride := orOnes(intsParameter(node, "strides"), rank)
	spread := orOnes(intsParameter(node, "inputDilations"), rank)
	dilation := orOnes(intsParameter(node, "windowDilations"), rank)
	padding := pairsParameter(node, "paddings")
	if len(padding) == 0 {
		padding = make([][2]int, rank)
	}
	reverse := make([][2]int, rank)
	crop := make([]graph.SliceAxisSpec, rank)
	cropped := false
	for a := range rank {
		in, out := x.Shape().Dimensions[a], node.Shape().Dimensions[a]
		reach := (window[a]-1)*dilation[a] + 1
		low := reach - 1 - padding[a][0]
		high := (in-1)*spread[a] + reach - ((out-1)*stride[a] + 1) - low
		// A window that lies in the padding altogether would ask for negative padding here: sum there too, and
		// cut the result.
		start := max(-low, 0)
		reverse[a] = [2]int{max(low, 0), max(high, 0)}
		cropped = cropped || low < 0 || high < 0
		crop[a] = graph.AxisRange(start, start+(in-1)*spread[a]+1).Stride(spread[a])
	}
	if !cropped {
		return graph.BackendReduceWindow(d, compute.ReduceOpSum, window, spread, unlessOnes(stride), unlessOnes(dilation), reverse)
	}
	sum := graph.BackendReduceWindow(d, compute.ReduceOpSum, window, slices.Repeat([]int{1}, rank), unlessOnes(stride), unlessOnes(dilation), reverse)
	return graph.Slice(sum, crop...)
}

// selectVJP is the gradient of the gradient of a max pooling: d is read where each window has its maximum (the first
// one), and nothing depends on the pooled values themselves. It scans the offsets within the window.
func selectVJP(node, d *graph.Node, least bool) []*graph.Node {
	x, source := node.Inputs()[0], node.Inputs()[1]
	rank := x.Rank()
	window, stride := intsParameter(node, "windowDimensions"), intsParameter(node, "windowStrides")
	padding := pairsParameter(node, "paddings")
	pads := make([]compute.PadAxis, rank)
	for a := range padding {
		pads[a] = compute.PadAxis{Start: padding[a][0], End: padding[a][1]}
	}
	worst := math.Inf(-1)
	if least {
		worst = math.Inf(1)
	}
	g := x.Graph()
	values := graph.Pad(x, graph.Scalar(g, x.DType(), worst), pads...)
	gradients := graph.Pad(d, graph.ScalarZero(g, d.DType()), pads...)
	var best, picked *graph.Node
	for offset := range windowOffsets(window) {
		cut := make([]graph.SliceAxisSpec, rank)
		for a := range cut {
			out := source.Shape().Dimensions[a]
			cut[a] = graph.AxisRange(offset[a], offset[a]+(out-1)*stride[a]+1).Stride(stride[a])
		}
		value, gradient := graph.Slice(values, cut...), graph.Slice(gradients, cut...)
		if best == nil {
			best, picked = value, gradient
			continue
		}
		better := graph.GreaterThan(value, best)
		if least {
			better = graph.LessThan(value, best)
		}
		best, picked = graph.Where(better, value, best), graph.Where(better, gradient, picked)
	}
	if best == nil {
		panic(fmt.Errorf("autodiff: window %v is empty", window))
	}
	return []*graph.Node{nil, picked}
}

// windowOffsets iterates over the positions within a window, the last axis fastest. The slice is reused.
func windowOffsets(window []int) func(yield func([]int) bool) {
	return func(yield func([]int) bool) {
		total := 1
		for _, w := range window {
			total *= w
		}
		offset := make([]int, len(window))
		for i := range total {
			for a, rest := len(window)-1, i; a >= 0; a-- {
				offset[a], rest = rest%window[a], rest/window[a]
			}
			if !yield(offset) {
				return
			}
		}
	}
}
