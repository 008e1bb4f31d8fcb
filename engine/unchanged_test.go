package engine_test

import (
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/engine"
)

// Packed weights are kept from run to run, and never beyond the weights themselves.
func TestWeightsThatChangeBetweenRuns(t *testing.T) {
	b, err := engine.New()
	if err != nil {
		t.Fatal(err)
	}
	g := graph.NewGraph(b, "convolution")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 1, 6, 6, 16))
	w := graph.Parameter(g, "w", shapes.Make(dtypes.Float32, 3, 3, 16, 32))
	g.Compile(graph.Convolve(x, w).ChannelsAxis(2).PadSame().Done())
	image := make([]float32, 6*6*16)
	for i := range image {
		image[i] = float32(i%7) - 3
	}
	weights := func(scale float32) []float32 {
		list := make([]float32, 9*16*32)
		for i := range list {
			list[i] = scale * (float32(i%11) - 5)
		}
		return list
	}
	buffer := func(flat []float32, dims ...int) compute.Buffer {
		made, err := b.BufferFromFlatData(0, flat, shapes.Make(dtypes.Float32, dims...))
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	run := func(w compute.Buffer) []float32 {
		out, err := g.Executable().Execute([]compute.Buffer{buffer(image, 1, 6, 6, 16), w}, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		flat, err := out[0].Data()
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(flat.([]float32))
	}
	double := func(x []float32) []float32 {
		y := slices.Clone(x)
		for i := range y {
			y[i] *= 2
		}
		return y
	}
	held := buffer(weights(1), 3, 3, 16, 32)
	first := run(held)
	for range 3 {
		if !slices.Equal(run(held), first) {
			t.Fatal("the same weights give another result")
		}
	}
	// Written to in place.
	mem, err := held.Data()
	if err != nil {
		t.Fatal(err)
	}
	copy(mem.([]float32), weights(2))
	if !slices.Equal(run(held), double(first)) {
		t.Error("weights that were written to are not read again")
	}
	copy(mem.([]float32), weights(1))
	if !slices.Equal(run(held), first) {
		t.Error("weights that were written to once more are not read again")
	}
	// Another buffer, which takes over the memory of the finalized one.
	if err := held.Finalize(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(run(buffer(weights(2), 3, 3, 16, 32)), double(first)) {
		t.Error("other weights in the same memory are not read")
	}
	// A shared buffer.
	shared, flat, err := b.NewSharedBuffer(0, shapes.Make(dtypes.Float32, 3, 3, 16, 32))
	if err != nil {
		t.Fatal(err)
	}
	for _, scale := range []float32{1, 2, 1} {
		copy(flat.([]float32), weights(scale))
		want := first
		if scale == 2 {
			want = double(first)
		}
		if !slices.Equal(run(shared), want) {
			t.Errorf("a shared buffer written to between runs is not read again (%g)", scale)
		}
	}
}
