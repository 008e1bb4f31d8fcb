package onnx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute"

	"galen.dev/fault"
	"galen.dev/nn"
)

// emit turns a recording into a graph.
func emit(net *nn.Net, weights *nn.Weights, t *take, pairs map[*operation]*operation) (*graphProto, error) {
	e := &emitter{
		graph: &graphProto{name: net.Name}, names: map[string]bool{}, arrays: map[*array]string{}, moved: map[string]*tensor{},
		twins: pairs, counts: map[ref]int{}, fixed: map[*operation]bool{},
	}
	e.shapesOf = func(r ref) []dim {
		s, twin := r.shape(), pairs[r.operation].shapes[r.out]
		dims := make([]dim, s.Rank())
		for i := range dims {
			dims[i] = dim{s.Dimensions[i], twin.Dimensions[i]}
		}
		return dims
	}
	for _, r := range t.outputs {
		e.counts[r]++
	}
	e.count(t.main)
	folded, err := e.fold(t.main, weights)
	if err != nil {
		return nil, err
	}
	values := map[ref]*tensor{}
	for r, a := range folded {
		values[r] = knownTensor(a, "folded")
	}
	e.parameters(net, weights, t.main, values)
	e.function(t.main, values)
	for i, r := range t.outputs {
		name := "output"
		if len(t.outputs) > 1 {
			name = fmt.Sprintf("output%d", i+1)
		}
		e.output(e.unique(name), values[r])
	}
	if e.findings != nil {
		return nil, fault.Refuse("network "+net.Name, e.findings)
	}
	e.dropUnused()
	return e.graph, nil
}

// count finds how often each value is used, from the last operation to the first: what nothing uses stays at none.
func (e *emitter) count(f *recorded) {
	for _, o := range slices.Backward(f.ops) {
		used := false
		for i := range o.shapes {
			used = used || e.counts[ref{o, i}] > 0
		}
		if !used {
			continue
		}
		for _, r := range o.in {
			e.counts[r]++
		}
		if o.fn == nil {
			continue
		}
		for i, r := range o.fn.outputs {
			if e.counts[ref{o, i}] > 0 {
				e.counts[r]++
			}
		}
		e.count(o.fn)
	}
}

// parameters makes the inputs of the model, and tensors of the weights.
func (e *emitter) parameters(net *nn.Net, weights *nn.Weights, main *recorded, values map[ref]*tensor) {
	for _, p := range main.params {
		r := ref{p, 0}
		name, isInput := strings.CutPrefix(p.name, inputPrefix)
		if !isInput {
			t := weights.Lookup(p.name)
			values[r] = knownTensor(floatsArray(t.Data, t.Dims...), p.name)
			continue
		}
		t := e.plainOf(r, e.unique(name))
		values[r] = t
		elem, _ := typeOf(t.dtype)
		e.graph.inputs = append(e.graph.inputs, valueInfo{name: t.name, elem: elem, hasShape: true, dims: dimensions(t.dims)})
		if e.input == nil && len(t.dims) > 0 && !t.dims[0].fixed() {
			e.input = t
		}
	}
}

func dimensions(dims []dim) []dimension {
	out := make([]dimension, len(dims))
	for i, d := range dims {
		k, open := d.perBatch()
		switch {
		case !open:
			out[i] = dimension{size: int64(d.a), known: true}
		case k == 1:
			out[i].name = "batch"
		default:
			out[i].name = fmt.Sprintf("%d*batch", k)
		}
	}
	return out
}

// function emits the operations that are used.
func (e *emitter) function(f *recorded, values map[ref]*tensor) {
	for _, o := range f.ops {
		if e.unused(o) || values[ref{o, 0}] != nil {
			continue
		}
		var in []*tensor
		for _, r := range o.in {
			in = append(in, values[r])
		}
		switch {
		case e.fixed[o] && !slices.Contains(moves, o.kind), slices.Contains(in, nil):
			// It was computed on the way to a value that is known.
		case o.kind == compute.OpTypeConstant:
			values[ref{o, 0}] = knownTensor(o.attr.(constantAttr).values, "constant")
		case o.kind == compute.OpTypeCall:
			for i, t := range e.call(o, in) {
				values[ref{o, i}] = t
			}
		default:
			values[ref{o, 0}] = e.operation(ref{o, 0}, in)
		}
	}
}

// output gives a value its name as an output of the model.
func (e *emitter) output(name string, t *tensor) {
	value := e.plain(t)
	renamed := false
	for _, n := range e.graph.nodes {
		for i, o := range n.outputs {
			if o == value {
				n.outputs[i], renamed = name, true
			}
		}
	}
	if taken := slices.ContainsFunc(e.graph.outputs, func(v valueInfo) bool { return v.name == value }); !renamed || taken {
		e.graph.nodes = append(e.graph.nodes, &nodeProto{name: e.unique("Identity"), op: "Identity", inputs: []string{value}, outputs: []string{name}})
	} else {
		for _, n := range e.graph.nodes {
			for i, in := range n.inputs {
				if in == value {
					n.inputs[i] = name
				}
			}
		}
	}
	elem, _ := typeOf(t.dtype)
	e.graph.outputs = append(e.graph.outputs, valueInfo{name: name, elem: elem, hasShape: true, dims: dimensions(t.dims)})
}

// dropUnused removes operators that an operator for the whole made needless, and arrays that nothing reads.
func (e *emitter) dropUnused() {
	used := map[string]bool{}
	for _, o := range e.graph.outputs {
		used[o.name] = true
	}
	var kept []*nodeProto
	for _, n := range slices.Backward(e.graph.nodes) {
		if !slices.ContainsFunc(n.outputs, func(o string) bool { return used[o] }) {
			continue
		}
		for _, in := range n.inputs {
			used[in] = true
		}
		kept = append(kept, n)
	}
	slices.Reverse(kept)
	e.graph.nodes = kept
	e.graph.initialisers = slices.DeleteFunc(e.graph.initialisers, func(t *tensorProto) bool { return !used[t.name] })
}
