package onnx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"galen.dev/fault"
	"galen.dev/nn"
)

// besideModel is a model that adds a weight whose data are elsewhere.
func besideModel(location string) []byte {
	tensor := (&tensorProto{name: "w", elem: typeFloat, dims: []int64{2}}).append(nil)
	for _, p := range []property{{"location", location}, {"offset", "4"}, {"length", "8"}} {
		tensor = appendBytes(tensor, 13, appendString(appendString(nil, 1, p.key), 2, p.value))
	}
	tensor = appendInt(tensor, 14, 1)
	shape := []dimension{{name: "batch"}, {size: 2, known: true}}
	g := &graphProto{
		name: "g", inputs: []valueInfo{{name: "x", elem: typeFloat, hasShape: true, dims: shape}},
		outputs: []valueInfo{{name: "y", elem: typeFloat, hasShape: true, dims: shape}},
		nodes:   []*nodeProto{{name: "n", op: "Add", inputs: []string{"x", "w"}, outputs: []string{"y"}}},
	}
	b := appendInt(nil, 1, 8)
	b = appendBytes(b, 7, appendBytes(g.append(nil), 5, tensor))
	return appendBytes(b, 8, appendInt(nil, 2, 17))
}

func TestExternalData(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "model")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	data := floatsArray([]float32{9, 1, 2}, 3).data
	for _, p := range []string{filepath.Join(dir, "w.bin"), filepath.Join(outer, "w.bin")} {
		if err := os.WriteFile(p, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../w.bin", filepath.Join(dir, "link.bin")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "short.bin"), data[:10], 0o600); err != nil {
		t.Fatal(err)
	}
	load := func(location string) (*Model, error) {
		path := filepath.Join(dir, "m.onnx")
		if err := os.WriteFile(path, besideModel(location), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(path)
	}
	m, err := load("w.bin")
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Predictor(stock(t))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out, err := p.Run(nn.Array{Dims: []int{1, 2}, Floats: []float32{10, 20}})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]float32{11, 22}, out[0].Floats); d != "" {
		t.Error(d)
	}
	for location, want := range map[string]string{
		"../w.bin": "outside the folder", filepath.Join(outer, "w.bin"): "outside the folder", "": "outside the folder",
		"link.bin": "external data", "short.bin": "beyond the end", "none.bin": "external data",
	} {
		if _, err := load(location); fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q in it", location, err, want)
		}
	}
}

// TestTruncated cuts a model everywhere: no part of it reads as a whole.
func TestTruncated(t *testing.T) {
	b := besideModel("w.bin")
	for n := range b {
		if m, err := read(b[:n], nil); err == nil {
			t.Errorf("%d of %d bytes read as %+v", n, len(b), m)
		}
	}
}

func TestExportRefuses(t *testing.T) {
	net, w := shaken(t, 0)
	in := shapesOf(sample(0, 2))
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := Export(net, w, nil, path); fault.KindOf(err) != fault.Usage {
		t.Errorf("without inputs: %v", err)
	}
	empty, err := nn.NewWeights()
	if err != nil {
		t.Fatal(err)
	}
	if err := Export(net, empty, in, path); fault.KindOf(err) != fault.Data {
		t.Errorf("without weights: %v", err)
	}
	if err := Export(net, w, in, filepath.Join(path, "no", "folder")); err == nil {
		t.Error("a folder that is not there")
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestSameBytes exports twice.
func TestSameBytes(t *testing.T) {
	net, w := shaken(t, 13)
	var files [2][]byte
	for i := range files {
		path := filepath.Join(t.TempDir(), "m.onnx")
		if err := Export(net, w, shapesOf(sample(13, 2)), path); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[i] = b
	}
	if string(files[0]) != string(files[1]) {
		t.Error("two exports differ")
	}
}
