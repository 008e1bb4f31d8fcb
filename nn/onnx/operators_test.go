package onnx

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	_ "galen.dev/engine"
	"galen.dev/nn"
)

// recordedCase is a model with inputs and onnxruntime's outputs: testdata/operators.py.
type recordedCase struct {
	Name    string      `json:"name"`
	Model   []byte      `json:"model"`
	Inputs  []fileArray `json:"inputs"`
	Outputs []fileArray `json:"outputs"`
}

func recordedCases(t testing.TB, name string) []recordedCase {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // it is only read
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var cases []recordedCase
	if err := json.NewDecoder(z).Decode(&cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// backends are the two on which models run.
func backends(t testing.TB) map[string]compute.Backend {
	t.Helper()
	all := map[string]compute.Backend{}
	for _, name := range []string{"go", "cpu"} {
		b, err := nn.Backend(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = b
	}
	return all
}

// TestAgainstONNXRuntime runs each operator and each network on both backends. The bound is 1e-5 of the largest
// value of an output, as for what is exported: both sides compute in float32 and differ in the order of sums and in
// the last digits of functions.
func TestAgainstONNXRuntime(t *testing.T) {
	on := backends(t)
	for _, file := range []string{"operators.json.gz", "networks.json.gz"} {
		for _, c := range recordedCases(t, file) {
			t.Run(c.Name, func(t *testing.T) {
				m, err := read(c.Model, nil)
				if err != nil {
					t.Fatal(err)
				}
				var in []nn.Array
				for i, a := range c.Inputs {
					x := nn.Array{Dims: a.Dims, Floats: a.Floats, Ints: a.Ints}
					if m.Inputs[i].DType.IsFloat() != (a.Ints == nil) {
						t.Fatalf("input %d is %s", i, m.Inputs[i].DType)
					}
					in = append(in, x)
				}
				for _, name := range []string{"go", "cpu"} {
					compareCase(t, m, on[name], in, c)
				}
			})
		}
	}
}

func compareCase(t *testing.T, m *Model, b compute.Backend, in []nn.Array, c recordedCase) {
	t.Helper()
	p, err := m.Predictor(b)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out, err := p.Run(in...)
	if err != nil {
		t.Fatalf("%s: %v", b.Name(), err)
	}
	for i, want := range c.Outputs {
		if !slices.Equal(out[i].Dims, want.Dims) {
			t.Fatalf("%s: output %d is %v, want %v", b.Name(), i, out[i].Dims, want.Dims)
		}
		if d := far(t, out[i].Floats, want.Floats); d > 1e-5 {
			t.Errorf("%s: output %d differs by %.2g", b.Name(), i, d)
		}
	}
}

// TestChEMBL runs a published model of 798 targets, with quantised weights, against what onnxruntime gave.
func TestChEMBL(t *testing.T) {
	data := os.Getenv("GALEN_DATA")
	path := filepath.Join(data, "drug", "chembl37", "chembl_37_multitask_q8.onnx")
	if _, err := os.Stat(path); data == "" || err != nil {
		t.Skip("set GALEN_DATA to a folder with drug/chembl37 to run the model there")
	}
	m, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var want []struct {
		Bits   []int     `json:"bits"`
		Output []float32 `json:"output"`
	}
	b, err := os.ReadFile("testdata/chembl.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	on := backends(t)
	for _, name := range []string{"go", "cpu"} {
		p, err := m.Predictor(on[name])
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range want {
			in := make([]float32, 1024)
			for _, bit := range c.Bits {
				in[bit] = 1
			}
			out, err := p.Run(nn.Array{Dims: []int{1024}, Floats: in})
			if err != nil {
				t.Fatal(err)
			}
			var got []float32
			for _, o := range out {
				got = append(got, o.Floats...)
			}
			if d := far(t, got, c.Output); d > 1e-5 {
				t.Errorf("%s: differs by %g", name, d)
			}
		}
		p.Close()
	}
}

// TestRefusals checks that everything wrong is said at once.
func TestRefusals(t *testing.T) {
	value := func(name string, dims ...dimension) valueInfo {
		return valueInfo{name: name, elem: typeFloat, hasShape: true, dims: dims}
	}
	base := func() *modelProto {
		return &modelProto{irVersion: 8, opsets: []opset{{"", 17}}, graph: &graphProto{
			name: "g", inputs: []valueInfo{value("x", dimension{size: 2, known: true})}, outputs: []valueInfo{value("y")},
			nodes: []*nodeProto{{name: "first", op: "Relu", inputs: []string{"x"}, outputs: []string{"y"}}},
		}}
	}
	if _, err := read(base().append(nil), nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(m *modelProto)
		want   []string
	}{
		{"operators", func(m *modelProto) {
			m.graph.nodes = append(m.graph.nodes,
				&nodeProto{name: "loop", op: "Loop", inputs: []string{"x"}, outputs: []string{"a"}},
				&nodeProto{op: "QLinearConv", inputs: []string{"x"}, outputs: []string{"b"}},
				&nodeProto{name: "own", op: "Relu", domain: "com.example", inputs: []string{"x"}, outputs: []string{"c"}})
		}, []string{`node "loop" (operator Loop, set 17)`, "node 3 (operator QLinearConv, set 17)", "of domain com.example"}},
		{"set", func(m *modelProto) { m.opsets[0].version = 99 }, []string{"operator set 99"}},
		{"inputs", func(m *modelProto) { m.graph.nodes[0].inputs = []string{"nowhere"} }, []string{`its input "nowhere"`}},
		{"count", func(m *modelProto) { m.graph.nodes[0].inputs = nil }, []string{"0 inputs, want 1 to 1"}},
		{"output", func(m *modelProto) { m.graph.outputs[0].name = "z" }, []string{`nothing makes output "z"`}},
		{"type", func(m *modelProto) { m.graph.inputs[0].elem = 8 }, []string{"element type 8"}},
		{"absurd", func(m *modelProto) {
			m.graph.initialisers = []*tensorProto{{name: "w", elem: typeFloat, dims: []int64{1 << 40, 1 << 40}}}
		}, []string{`initialiser "w": dimensions`}},
		{"short", func(m *modelProto) {
			m.graph.initialisers = []*tensorProto{{name: "w", elem: typeFloat, dims: []int64{3}, raw: make([]byte, 8)}}
		}, []string{"8 bytes of data"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := base()
			c.change(m)
			_, err := read(m.append(nil), nil)
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want %q in it", err, want)
				}
			}
		})
	}
}
