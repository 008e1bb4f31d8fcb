package onnx

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
	"galen.dev/nn"
)

// What is written: operator set 18, which IR version 8 came with. Every common runtime of 2023 and later reads it.
const (
	writtenOpset = 18
	writtenIR    = 8
)

// Export writes a network with its weights as an ONNX model for inference: operator set 18, float32. inputs are
// shapes as for nn.Init; all sizes but the batch are fixed by them.
//
// The model takes and gives the network's own arrays, channels last; inputs have the network's names, the output is
// "output", or "output1", "output2"... where there are several. The first axis of the inputs is open, by the name
// "batch", where the network takes any batch and nothing in it depends on the batch in a way that ONNX cannot say;
// else it has the size in inputs. Metadata: see docs/format/onnx.md.
//
// The errors: Usage where the inputs do not suit the network, Data where the weights do not or an operation has no
// operator (a finding for each), Storage where the file cannot be written. The file is written whole or not at all.
func Export(net *nn.Net, weights *nn.Weights, inputs []nn.Shape, path string) error {
	m, err := build(net, weights, inputs)
	if err != nil {
		return fmt.Errorf("exporting network %q to ONNX: %w", net.Name, err)
	}
	b := m.append(nil)
	if len(b) > math.MaxInt32 {
		return fault.Errorf(fault.Data, "exporting network %q to ONNX: a file of %d bytes is more than the format allows (2 GiB)", net.Name, len(b))
	}
	return fault.Disk(fmt.Sprintf("writing %q", path), writeWhole(path, b))
}

// writeWhole writes to a temporary file beside and renames it.
func writeWhole(path string, b []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.partial")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(b)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// take is one recording of a network.
type take struct {
	main    *recorded
	outputs []ref
	specs   []nn.Spec
}

// record builds a network on the recorder.
func record(net *nn.Net, inputs []nn.Shape) (*take, error) {
	stock, err := gobackend.New("ops_sequential")
	if err != nil {
		return nil, fmt.Errorf("starting the stock backend: %w", err)
	}
	if err := net.CheckInputs(inputs...); err != nil {
		return nil, err
	}
	t := &take{}
	var s *nn.Scope
	err = nn.Catch(func() {
		g := graph.NewGraph(recorder{stock}, net.Name)
		s = nn.NewScope(g, nn.ScopeOptions{})
		var nodes []*nn.Node
		for i, shape := range inputs {
			nodes = append(nodes, graph.Parameter(g, inputPrefix+net.Inputs[i].Name, shape))
		}
		outputs, err := net.Build(s, nodes...)
		if err != nil {
			panic(err)
		}
		for _, o := range outputs {
			r := graph.InternalBackendOutputs(graph.ConvertDType(o, dtypes.Float32))[0].(ref)
			t.outputs = append(t.outputs, r)
		}
		t.main = graph.InternalBackendOutputs(nodes[0])[0].(ref).within
	})
	if err != nil {
		return nil, err
	}
	for _, b := range s.Bound() {
		t.specs = append(t.specs, b.Spec)
	}
	return t, nil
}

// inputPrefix tells parameters that are inputs from weights.
const inputPrefix = "input:"

// twins pairs the operations of two recordings, or is false where they are not the same network.
func twins(a, b *recorded, into map[*operation]*operation) bool {
	if len(a.ops) != len(b.ops) {
		return false
	}
	for i, x := range a.ops {
		y := b.ops[i]
		if x.kind != y.kind || len(x.in) != len(y.in) || len(x.shapes) != len(y.shapes) {
			return false
		}
		for k, s := range x.shapes {
			t := y.shapes[k]
			if s.DType != t.DType || s.Rank() != t.Rank() || x.in != nil && k < len(x.in) && x.in[k].id != y.in[k].id {
				return false
			}
			for axis, d := range s.Dimensions {
				pair := dim{d, t.Dimensions[axis]}
				if _, grows := pair.perBatch(); !pair.fixed() && !grows {
					return false
				}
			}
		}
		into[x] = y
		if x.fn != nil && !twins(x.fn, y.fn, into) {
			return false
		}
	}
	return true
}

// build makes the model in memory.
func build(net *nn.Net, weights *nn.Weights, inputs []nn.Shape) (*modelProto, error) {
	given, err := record(net, inputs)
	if err != nil {
		return nil, err
	}
	if err := weights.Match(given.specs); err != nil {
		return nil, err
	}
	properties, err := metadata(net)
	if err != nil {
		return nil, err
	}
	var g *graphProto
	if open, pairs := openBatch(net, inputs); open != nil {
		g, err = emit(net, weights, open, pairs)
	}
	if g == nil || err != nil {
		pairs := map[*operation]*operation{}
		twins(given.main, given.main, pairs)
		if g, err = emit(net, weights, given, pairs); err != nil {
			return nil, err
		}
	}
	version := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	return &modelProto{
		irVersion: writtenIR, producer: "galen", producerVersion: version, opsets: []opset{{"", writtenOpset}}, graph: g,
		properties: append([]property{{"galen.version", version}}, properties...),
	}, nil
}

func metadata(net *nn.Net) ([]property, error) {
	config, err := json.Marshal(net.Config)
	if err != nil {
		return nil, fault.Errorf(fault.Usage, "the hyper-parameters of network %q: %w", net.Name, err)
	}
	return []property{{"galen.network", net.Name}, {"galen.config", string(config)}}, nil
}

// openBatch records the network at two sizes of the batch; nil where it does not take both, or becomes another.
func openBatch(net *nn.Net, inputs []nn.Shape) (*take, map[*operation]*operation) {
	resized := func(batch int) []nn.Shape {
		var out []nn.Shape
		for i, s := range inputs {
			s = s.Clone()
			if s.Rank() > 0 && len(net.Inputs[i].Dims) > 0 && net.Inputs[i].Dims[0] == 0 {
				s.Dimensions[0] = batch
			}
			out = append(out, s)
		}
		return out
	}
	a, err := record(net, resized(batchA))
	if err != nil {
		return nil, nil
	}
	b, err := record(net, resized(batchB))
	if err != nil {
		return nil, nil
	}
	pairs := map[*operation]*operation{}
	if !twins(a.main, b.main, pairs) || len(a.outputs) != len(b.outputs) {
		return nil, nil
	}
	return a, pairs
}

// emit turns a recording into a graph.
func emit(net *nn.Net, weights *nn.Weights, t *take, pairs map[*operation]*operation) (*graphProto, error) {
	e := &emitter{
		graph: &graphProto{name: net.Name}, names: map[string]bool{}, arrays: map[*array]string{}, moved: map[string]*tensor{},
		twins: pairs, counts: map[ref]int{},
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

// moves are operations that only look at known values in another way: they are not computed, but seen through.
var moves = []compute.OpType{
	compute.OpTypeConstant, compute.OpTypeParameter, compute.OpTypeReshape, compute.OpTypeTranspose, compute.OpTypeBroadcastInDim,
	compute.OpTypeIota, compute.OpTypeIdentity, compute.OpTypeReverse,
}

// fold computes what depends on weights and constants alone, on the stock backend.
func (e *emitter) fold(main *recorded, weights *nn.Weights) (map[ref]*array, error) {
	known := map[*operation]bool{}
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
		case slices.Contains(in, nil):
			// Its inputs were folded away together with it.
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
