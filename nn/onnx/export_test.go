package onnx

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"galen.dev/internal/golden"
	"galen.dev/nn"
)

// exported are the networks of the tests, every named one among them; sizes are small.
var exported = []struct {
	title, network, config string
	inputs                 [][]int // of one sample
	ints                   int     // above 0: the first input holds integers below it
	lengths                int     // above 0: the last input holds lengths up to it
}{
	{"basic-cnn", "basic-cnn", `{"out": 3}`, [][]int{{12, 8, 2}}, 0, 0},
	{"dcgan", "dcgan", `{"channels": 2, "latent": 7, "size": 16}`, [][]int{{7}}, 0, 0},
	{"dcgan-discriminator", "dcgan-discriminator", `{"size": 16}`, [][]int{{16, 16, 1}}, 0, 0},
	{"mlp", "mlp", `{"out": 3, "hidden": [8, 6], "norm": "layer"}`, [][]int{{5}}, 0, 0},
	{"mlp-batch-gelu", "mlp", `{"hidden": [8], "norm": "batch", "activation": "gelu"}`, [][]int{{5}}, 0, 0},
	{"mlp-elu", "mlp", `{"hidden": [8, 8], "activation": "elu"}`, [][]int{{5}}, 0, 0},
	{"mlp-softplus", "mlp", `{"hidden": [8], "activation": "softplus"}`, [][]int{{5}}, 0, 0},
	{"resnet18", "resnet18", `{"out": 4, "width": 8}`, [][]int{{16, 16, 3}}, 0, 0},
	{"resnet18-large-group", "resnet18", `{"out": 4, "width": 8, "stem": "large", "norm": "group"}`, [][]int{{33, 40, 3}}, 0, 0},
	{"resnet34", "resnet34", `{"width": 4}`, [][]int{{16, 24, 1}}, 0, 0},
	{"resnet1d", "resnet1d", `{"width": 4, "blocks": [1, 2]}`, [][]int{{50, 3}}, 0, 0},
	{"tcn", "tcn", `{"channels": [4, 6], "out": 2}`, [][]int{{9, 3}}, 0, 0},
	{"tcn-steps", "tcn", `{"channels": [4], "steps": true}`, [][]int{{9, 3}}, 0, 0},
	{"transformer", "transformer", `{"vocabulary": 11, "width": 16, "layers": 1, "out": 2}`, [][]int{{7}}, 11, 0},
	{"transformer-causal", "transformer", `{"width": 16, "heads": 2, "layers": 1, "steps": true, "causal": true, "postNorm": true}`, [][]int{{7, 3}}, 0, 0},
	{"unet2d", "unet2d", `{"out": 2, "base": 4, "depth": 2}`, [][]int{{8, 12, 1}}, 0, 0},
	{"unet3d", "unet3d", `{"out": 2, "base": 4, "depth": 2}`, [][]int{{8, 4, 8, 2}}, 0, 0},
	{"basic-rnn", "basic-rnn", `{"vocabulary": 9, "hidden": 6}`, [][]int{{5}}, 9, 0},
	{"gru", "gru", `{"hidden": 6, "layers": 2, "bidirectional": true, "lengths": true, "steps": true}`, [][]int{{5, 3}, {}}, 0, 5},
	{"lstm", "lstm", `{"hidden": 6, "out": 2}`, [][]int{{5, 3}}, 0, 0},
	{"lstm-lengths", "lstm", `{"hidden": 6, "bidirectional": true, "lengths": true}`, [][]int{{5, 3}, {}}, 0, 5},
}

func stock(t testing.TB) compute.Backend {
	t.Helper()
	b, err := nn.Backend("go")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sample draws inputs of a batch.
func sample(i, batch int) []nn.Array {
	c := exported[i]
	rng := rand.New(rand.NewPCG(uint64(i), uint64(batch)))
	var arrays []nn.Array
	for k, dims := range c.inputs {
		a := nn.Array{Dims: append([]int{batch}, dims...)}
		n := product(a.Dims)
		switch {
		case k == 0 && c.ints > 0:
			for range n {
				a.Ints = append(a.Ints, rng.Int32N(int32(c.ints)))
			}
		case k == len(c.inputs)-1 && c.lengths > 0:
			for range n {
				a.Ints = append(a.Ints, 1+rng.Int32N(int32(c.lengths)))
			}
		default:
			for range n {
				a.Floats = append(a.Floats, float32(rng.NormFloat64()))
			}
		}
		arrays = append(arrays, a)
	}
	return arrays
}

// shaken makes the network of case i with weights none of which is as it starts, so that none can be left out.
func shaken(t testing.TB, i int) (*nn.Net, *nn.Weights) {
	t.Helper()
	c := exported[i]
	net, err := nn.Named(c.network, []byte(c.config))
	if err != nil {
		t.Fatal(err)
	}
	w, err := nn.Init(net, uint64(i), shapesOf(sample(i, 2))...)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(99, uint64(i)))
	for _, x := range w.Tensors() {
		for k := range x.Data {
			x.Data[k] += float32(0.2 * rng.Float64())
		}
	}
	return net, w
}

func shapesOf(arrays []nn.Array) []nn.Shape {
	var shapes []nn.Shape
	for _, a := range arrays {
		shapes = append(shapes, a.Shape())
	}
	return shapes
}

// fileArray is an array for the Python script.
type fileArray struct {
	Dims   []int     `json:"dims"`
	Floats []float32 `json:"floats,omitempty"`
	Ints   []int32   `json:"ints,omitempty"`
}

type fileCase struct {
	Model  string      `json:"model"`
	Inputs []fileArray `json:"inputs"`
	Output fileArray   `json:"output"`
}

// TestExportAgainstONNXRuntime runs what is exported in onnxruntime, where a Python that has it is named.
func TestExportAgainstONNXRuntime(t *testing.T) {
	python := os.Getenv("GALEN_ONNXRUNTIME_PYTHON")
	if python == "" {
		t.Skip("set GALEN_ONNXRUNTIME_PYTHON to a Python with onnx and onnxruntime to run exported models there")
	}
	dir := t.TempDir()
	var cases []fileCase
	for i, c := range exported {
		net, w := shaken(t, i)
		model := filepath.Join(dir, c.title+".onnx")
		if err := Export(net, w, shapesOf(sample(i, 2)), model); err != nil {
			t.Error(err)
			continue
		}
		p, err := nn.NewPredictor(stock(t), net, w)
		if err != nil {
			t.Fatal(err)
		}
		for _, batch := range []int{1, 3} {
			in := sample(i, batch)
			out, err := p.Run(in...)
			if err != nil {
				t.Fatal(err)
			}
			fc := fileCase{Model: model, Output: fileArray{Dims: out[0].Dims, Floats: append([]float32(nil), out[0].Floats...)}}
			for _, a := range in {
				fc.Inputs = append(fc.Inputs, fileArray{a.Dims, a.Floats, a.Ints})
			}
			cases = append(cases, fc)
		}
		p.Close()
	}
	b, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "cases.json")
	if err := os.WriteFile(list, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, "testdata/check_export.py", list).CombinedOutput()
	t.Log(strings.TrimSpace(string(out)))
	if err != nil {
		t.Error(fmt.Errorf("the check in onnxruntime: %w", err))
	}
}

// outline is a graph as text: inputs, operators with their attributes, outputs, initialisers with dimensions.
func outline(g *graphProto) string {
	var b strings.Builder
	value := func(v valueInfo) string {
		var dims []string
		for _, d := range v.dims {
			if d.known {
				d.name = fmt.Sprint(d.size)
			}
			dims = append(dims, d.name)
		}
		return fmt.Sprintf("%s [%s]", v.name, strings.Join(dims, " "))
	}
	for _, v := range g.inputs {
		fmt.Fprintln(&b, "input", value(v))
	}
	for _, t := range g.initialisers {
		fmt.Fprintf(&b, "array %s type %d %v", t.name, t.elem, t.dims)
		if t.elem == typeInt64 {
			a, err := t.array(nil)
			if err != nil {
				panic(err)
			}
			fmt.Fprint(&b, " = ", a.ints())
		}
		fmt.Fprintln(&b)
	}
	for _, n := range g.nodes {
		fmt.Fprintf(&b, "%s = %s(%s)", strings.Join(n.outputs, ", "), n.op, strings.Join(n.inputs, ", "))
		for _, a := range n.attributes {
			fmt.Fprintf(&b, " %s=", a.name)
			switch a.kind {
			case kindFloat:
				fmt.Fprint(&b, a.f)
			case kindInt:
				fmt.Fprint(&b, a.i)
			case kindString:
				fmt.Fprint(&b, a.s)
			case kindInts:
				fmt.Fprint(&b, a.ints)
			}
		}
		fmt.Fprintln(&b)
	}
	for _, v := range g.outputs {
		fmt.Fprintln(&b, "output", value(v))
	}
	return b.String()
}

// TestExportStructure compares each graph with its outline on record, and what is written with what is read back.
func TestExportStructure(t *testing.T) {
	for i, c := range exported {
		t.Run(c.title, func(t *testing.T) {
			net, w := shaken(t, i)
			m, err := build(net, w, shapesOf(sample(i, 2)))
			if err != nil {
				t.Fatal(err)
			}
			golden.Check(t, filepath.Join("testdata", "structure", c.title+".txt"), outline(m.graph))
			b := m.append(nil)
			again, err := parseModel(b)
			if err != nil {
				t.Fatal(err)
			}
			if outline(again.graph) != outline(m.graph) || !bytes.Equal(again.append(nil), b) {
				t.Error("what is read differs from what was written")
			}
		})
	}
}
