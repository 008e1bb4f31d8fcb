package autodiff

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// The gradients in the files vjp_*.go need the parameters of a node, such as the padding of a Pad, which the graph
// library keeps to itself. They are read by reflection from the node's unexported fields, so the names of those
// fields are tied to the pinned version of the library; a missing one stops the building with a message, and every
// field used here is covered by a test.

// parameter is a field of what a node was made from.
func parameter(node *graph.Node, field string) reflect.Value {
	v := reflect.ValueOf(node).Elem().FieldByName("inputs")
	if v.IsValid() && !v.IsNil() {
		v = v.Elem().Elem().FieldByName(field)
	}
	if !v.IsValid() {
		panic(fmt.Errorf("autodiff: node %s has no parameter %q: is the graph library of another version?", node.Type(), field))
	}
	return v
}

func intParameter(node *graph.Node, field string) int { return int(parameter(node, field).Int()) }

func intsParameter(node *graph.Node, field string) []int { return intsOf(parameter(node, field)) }

func intsOf(v reflect.Value) []int {
	values := make([]int, v.Len())
	for i := range values {
		values[i] = int(v.Index(i).Int())
	}
	return values
}

func pairsParameter(node *graph.Node, field string) [][2]int {
	v := parameter(node, field)
	pairs := make([][2]int, v.Len())
	for i := range pairs {
		pairs[i] = [2]int{int(v.Index(i).Index(0).Int()), int(v.Index(i).Index(1).Int())}
	}
	return pairs
}

func padParameter(node *graph.Node) []compute.PadAxis {
	v := parameter(node, "axesConfig")
	axes := make([]compute.PadAxis, v.Len())
	for i := range axes {
		a := v.Index(i)
		axes[i] = compute.PadAxis{Start: int(a.Field(0).Int()), End: int(a.Field(1).Int()), Interior: int(a.Field(2).Int())}
	}
	return axes
}

func convAxesParameter(node *graph.Node) compute.ConvolveAxesConfig {
	v := parameter(node, "axes")
	number := func(name string) int { return int(v.FieldByName(name).Int()) }
	return compute.ConvolveAxesConfig{
		InputBatch: number("InputBatch"), InputChannels: number("InputChannels"), InputSpatial: intsOf(v.FieldByName("InputSpatial")),
		KernelInputChannels: number("KernelInputChannels"), KernelOutputChannels: number("KernelOutputChannels"), KernelSpatial: intsOf(v.FieldByName("KernelSpatial")),
		OutputBatch: number("OutputBatch"), OutputChannels: number("OutputChannels"), OutputSpatial: intsOf(v.FieldByName("OutputSpatial")),
	}
}

// orOnes is the values, or as many ones where none are given.
func orOnes(values []int, n int) []int {
	if len(values) == 0 {
		return slices.Repeat([]int{1}, n)
	}
	return values
}

// register sets the gradient of an operation of one output.
func register(kind graph.NodeType, vjp func(node, d *graph.Node) []*graph.Node) {
	graph.VJPRegistration[kind] = func(node *graph.Node, d []*graph.Node, _ shapes.Shape) []*graph.Node {
		return vjp(node, d[0])
	}
}

// unbroadcast sums a gradient over the axes along which an operand was repeated.
func unbroadcast(d, operand *graph.Node) *graph.Node {
	if d.Shape().Equal(operand.Shape()) {
		return d
	}
	if operand.IsScalar() {
		return graph.ReduceAllSum(d)
	}
	var axes []int
	for a, size := range operand.Shape().Dimensions {
		if size != d.Shape().Dimensions[a] {
			axes = append(axes, a)
		}
	}
	return graph.Reshape(graph.ReduceSum(d, axes...), operand.Shape().Dimensions...)
}

func isConstant(n *graph.Node) bool { return n.Type() == graph.NodeTypeConstant }
