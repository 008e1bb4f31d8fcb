package onnx

import (
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"galen.dev/nn"
)

// moves are operations that only look at known values in another way: they are not computed, but seen through.
var moves = []compute.OpType{
	compute.OpTypeConstant, compute.OpTypeParameter, compute.OpTypeReshape, compute.OpTypeTranspose, compute.OpTypeBroadcastInDim,
	compute.OpTypeIota, compute.OpTypeIdentity, compute.OpTypeReverse,
}

// fold computes what depends on weights and constants alone, on the stock backend.
func (e *emitter) fold(main *recorded, weights *nn.Weights) (map[ref]*array, error) {
	known := e.fixed
	var wanted []ref
	seen := map[ref]bool{}
	var want func(r ref)
	want = func(r ref) {
		switch {
		case seen[r]:
			return
		case slices.Contains(moves, r.kind):
			for _, in := range r.in {
				want(in)
			}
		default:
			wanted = append(wanted, r)
		}
		seen[r] = true
	}
	for _, o := range main.ops {
		fixed := o.kind != compute.OpTypeCall && (o.kind != compute.OpTypeParameter || !strings.HasPrefix(o.name, inputPrefix))
		for i := range o.shapes {
			for _, d := range e.shapesOf(ref{o, i}) {
				fixed = fixed && d.fixed()
			}
		}
		for _, r := range o.in {
			fixed = fixed && known[r.operation]
		}
		known[o] = fixed
		if fixed || e.unused(o) {
			continue
		}
		for _, r := range o.in {
			if known[r.operation] {
				want(r)
			}
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	return main.evaluate(wanted, weights)
}

func (e *emitter) unused(o *operation) bool {
	for i := range o.shapes {
		if e.counts[ref{o, i}] > 0 {
			return false
		}
	}
	return true
}

// evaluate computes values of the main function that depend on weights alone, in a computation of their own.
func (f *recorded) evaluate(wanted []ref, weights *nn.Weights) (map[ref]*array, error) {
	backend := f.builder.backend
	b := backend.Builder("folded")
	main := b.Main()
	made := map[ref]compute.Value{}
	var buffers []compute.Buffer
	var value func(r ref) (compute.Value, error)
	value = func(r ref) (v compute.Value, err error) {
		if v, ok := made[r]; ok {
			return v, nil
		}
		if r.kind == compute.OpTypeParameter {
			buffer, err := backend.BufferFromFlatData(0, weights.Lookup(r.name).Data, r.shape())
			if err != nil {
				return nil, err
			}
			buffers = append(buffers, buffer)
			made[r], err = main.Parameter(r.name, r.shape(), nil)
			return made[r], err
		}
		in := make([]compute.Value, len(r.in))
		for i, x := range r.in {
			if in[i], err = value(x); err != nil {
				return nil, err
			}
		}
		made[r], err = r.recipe(main, in)
		return made[r], err
	}
	inner := make([]compute.Value, len(wanted))
	for i, r := range wanted {
		var err error
		if inner[i], err = value(r); err != nil {
			return nil, err
		}
	}
	if err := main.Return(inner, nil); err != nil {
		return nil, err
	}
	program, err := b.Compile()
	if err != nil {
		return nil, err
	}
	defer program.Finalize()
	results, err := program.Execute(buffers, nil, 0)
	if err != nil {
		return nil, err
	}
	out := map[ref]*array{}
	for i, b := range results {
		s := wanted[i].shape()
		flat := dtypes.MakeAnySlice(s.DType, s.Size())
		if err := b.ToFlatData(flat); err != nil {
			return nil, err
		}
		if out[wanted[i]], err = flatArray(flat, s.Dimensions...); err != nil {
			return nil, err
		}
	}
	return out, nil
}
