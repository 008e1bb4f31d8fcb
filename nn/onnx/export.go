package onnx

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"

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
