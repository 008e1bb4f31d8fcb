// Package nn holds the layers, initialisers, losses and named networks of Galen, and what trains and stores them.
//
// A network is a Net: a name, its hyper-parameters, and a function that builds its graph with GoMLX
// (github.com/gomlx/gomlx/core/graph). A layer is an ordinary function that takes a Scope, in which it finds its
// weights by name, and nodes. So the same definition serves to list the weights (Init), to train, and to predict
// (Predictor), on every backend of GoMLX; package engine brings Galen's own.
//
// Conventions: images and signals are channels-last, (batch, spatial..., channels); weights of a convolution are
// (spatial..., channels in, channels out); weights of a dense layer are (in, out). Definitions and defaults follow
// PyTorch, so that published recipes and figures carry over.
//
// Read in this order: module.go (Net), scope.go (Scope), weights.go and initialise.go, dense.go and conv.go for the
// style of a layer, loss.go, networks.go.
package nn

import (
	"errors"
	"runtime"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
)

// Node is a value in a graph under construction.
type Node = graph.Node

// Shape is an element type and dimensions.
type Shape = shapes.Shape

// A Net is a network: everything but its weights.
type Net struct {
	Name   string  // as in Networks, or any other
	Config any     // hyper-parameters; encoding/json of it, with Name, is enough to build the network again
	Inputs []Input // what Forward takes, in order

	// Forward adds the network to the scope's graph and returns its outputs. It panics where shapes do not fit;
	// Init, Predictor and Catch turn that into an error.
	Forward func(s *Scope, inputs ...*Node) []*Node
}

// Input describes one input of a network.
type Input struct {
	Name  string       // for messages and exported files
	DType dtypes.DType // Float32 for measurements, Int32 for indices
	Dims  []int        // batch first; 0 means any size
}

// Float32s is the shape of a float32 array.
func Float32s(dims ...int) Shape { return shapes.Make(dtypes.Float32, dims...) }

// Int32s is the shape of an int32 array.
func Int32s(dims ...int) Shape { return shapes.Make(dtypes.Int32, dims...) }

// CheckInputs returns a Usage error where shapes do not suit the inputs of the network.
func (n *Net) CheckInputs(inputs ...Shape) error {
	if len(inputs) != len(n.Inputs) {
		return fault.Errorf(fault.Usage, "network %q takes %s, not %d", n.Name, fault.Count(len(n.Inputs), "input"), len(inputs))
	}
	for i, want := range n.Inputs {
		got := inputs[i]
		fits := len(got.Dimensions) == len(want.Dims) && (got.DType == want.DType || got.DType.IsFloat() && want.DType.IsFloat())
		for a := 0; fits && a < len(want.Dims); a++ {
			fits = want.Dims[a] == 0 || want.Dims[a] == got.Dimensions[a]
		}
		if !fits {
			return fault.Errorf(fault.Usage, "network %q: input %q is %s, want %s %v (0 means any size)", n.Name, want.Name, got, want.DType, want.Dims)
		}
	}
	return nil
}

// Build adds the network to the scope's graph. Shapes that do not fit are an error.
func (n *Net) Build(s *Scope, inputs ...*Node) (outputs []*Node, err error) {
	given := make([]Shape, len(inputs))
	for i, x := range inputs {
		given[i] = x.Shape()
	}
	if err := n.CheckInputs(given...); err != nil {
		return nil, err
	}
	err = Catch(func() { outputs = n.Forward(s, inputs...) })
	if err == nil && len(outputs) == 0 {
		err = fault.Errorf(fault.Internal, "network %q has no output", n.Name)
	}
	return outputs, err
}

// Catch runs a function that builds or runs a graph and returns the error it panics with, as GoMLX and the layers
// of this package do where shapes do not fit. An error without a kind becomes a Usage error; errors of the Go
// runtime are defects and go on panicking.
func Catch(build func()) (err error) {
	defer func() {
		thrown := recover()
		if thrown == nil {
			return
		}
		e, ok := thrown.(error)
		var broken runtime.Error
		if !ok || errors.As(e, &broken) {
			panic(thrown)
		}
		var known *fault.Error
		if errors.As(e, &known) {
			err = e
			return
		}
		err = fault.Errorf(fault.Usage, "building a network: %w", e)
	}()
	build()
	return nil
}

// refuse stops the building of a graph with a Usage error.
func refuse(format string, args ...any) {
	panic(fault.Errorf(fault.Usage, format, args...))
}

// wantRank stops the building where x does not have the rank that a layer takes.
func wantRank(layer string, x *Node, ranks ...int) {
	if !slices.Contains(ranks, x.Rank()) {
		refuse("%s takes arrays of rank %v, not %s", layer, ranks, x.Shape())
	}
}

// lastDim is the size of the last axis, the channels.
func lastDim(x *Node) int { return x.Shape().Dimensions[x.Rank()-1] }
