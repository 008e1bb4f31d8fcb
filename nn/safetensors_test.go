package nn

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"galen.dev/fault"
)

// told is what testdata/train_safetensors.py says of a file.
type told struct {
	Metadata map[string]string
	Arrays   map[string]struct {
		DType  string
		Dims   []int
		Values []float64
	}
}

func (want told) compare(t *testing.T, a *Archive) {
	t.Helper()
	if len(a.Entries) != len(want.Arrays) {
		t.Errorf("%d arrays, want %d", len(a.Entries), len(want.Arrays))
	}
	for name, w := range want.Arrays {
		e := a.Lookup(name)
		if e == nil {
			t.Errorf("array %q is missing", name)
			continue
		}
		got, err := e.Float64s()
		if err != nil || !slices.Equal(e.Dims, w.Dims) {
			t.Errorf("array %q: dimensions %v, want %v (%v)", name, e.Dims, w.Dims, err)
		}
		for i := range w.Values { // bits, so that -0 counts
			if math.Float64bits(got[i]) != math.Float64bits(w.Values[i]) {
				t.Errorf("array %q: value %d is %v, want %v", name, i, got[i], w.Values[i])
			}
		}
	}
}

func TestArchiveOfPython(t *testing.T) {
	var want told
	text, err := os.ReadFile("testdata/train_safetensors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	a, err := OpenArchive("testdata/train_safetensors.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	want.compare(t, a)
	if a.Metadata["note"] != want.Metadata["note"] {
		t.Errorf("metadata %q, want %q", a.Metadata, want.Metadata)
	}
	if counts, err := a.Lookup("indices").Int64s(); err != nil || !slices.Equal(counts, []int64{-3, -2, -1, 0, 1, 2, 3, 4}) {
		t.Errorf("integers %v, %v", counts, err)
	}
}

// TestPythonReadsArchives needs the safetensors package, named by GALEN_PYTHON; the other direction is stored.
func TestPythonReadsArchives(t *testing.T) {
	python := os.Getenv("GALEN_PYTHON")
	if python == "" {
		t.Skip("GALEN_PYTHON does not name a Python with torch and safetensors")
	}
	path := filepath.Join(t.TempDir(), "a.safetensors")
	if err := sample().Save(path); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command(python, "testdata/train_safetensors.py", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want told
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	want.compare(t, sample())
	if want.Metadata["é"] != `"` {
		t.Errorf("metadata %q", want.Metadata)
	}
}

func sample() *Archive {
	return &Archive{Metadata: map[string]string{"é": `"`, "b": ""}, Entries: []Entry{
		Float32Entry("w", []int{2, 2}, []float32{1, -2, 3.5, float32(math.Copysign(0, -1))}),
		Float64Entry(`odd "name" <é>`, []int{3}, []float64{math.Pi, 1e-300, 2}),
		Int64Entry("n", nil, []int64{-7}),
		Float32Entry("nothing", []int{0, 3}, nil),
	}}
}

func TestArchiveRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := &Archive{Metadata: rapid.MapOfN(rapid.String(), rapid.String(), 1, 3).Draw(t, "words")}
		names := rapid.SliceOfDistinct(rapid.StringMatching(`[a-z.é"<]{1,8}`), rapid.ID[string]).Draw(t, "names")
		for _, name := range names {
			dims := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 3).Draw(t, "dims")
			n := product(dims)
			switch rapid.IntRange(0, 2).Draw(t, "type") {
			case 0:
				a.Entries = append(a.Entries, Float32Entry(name, dims, rapid.SliceOfN(rapid.Float32(), n, n).Draw(t, "v")))
			case 1:
				a.Entries = append(a.Entries, Float64Entry(name, dims, rapid.SliceOfN(rapid.Float64(), n, n).Draw(t, "v")))
			case 2:
				a.Entries = append(a.Entries, Int64Entry(name, dims, rapid.SliceOfN(rapid.Int64(), n, n).Draw(t, "v")))
			}
		}
		var b bytes.Buffer
		if _, err := a.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		back, err := ParseArchive(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if a.hash() != back.hash() || len(a.Metadata) != len(back.Metadata) {
			t.Fatalf("read back %v, wrote %v", back, a)
		}
		var again bytes.Buffer
		if _, err := back.WriteTo(&again); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
			t.Fatalf("written again, the bytes differ: %v", err)
		}
	})
}

// file is a safetensors file with this header.
func file(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

func TestArchivesThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		content []byte
		kind    fault.Kind
		says    string
	}{
		"empty":           {nil, fault.Corrupt, "too few"},
		"no header":       {binary.LittleEndian.AppendUint64(nil, 40), fault.Corrupt, "truncated"},
		"huge header":     {binary.LittleEndian.AppendUint64(nil, 1<<40), fault.Corrupt, "more than"},
		"no object":       {file(`[]`, 0), fault.Corrupt, "begin with {"},
		"cut JSON":        {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`, 4), fault.Corrupt, "JSON"},
		"trailing":        {file(`{}{}`, 0), fault.Corrupt, "follows"},
		"truncated data":  {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 7), fault.Corrupt, "truncated"},
		"too much data":   {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 9), fault.Corrupt, "follow the last"},
		"overlap":         {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), fault.Corrupt, "overlaps"},
		"gap":             {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), fault.Corrupt, "gap"},
		"wrong size":      {file(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, 8), fault.Corrupt, "do not hold"},
		"backwards":       {file(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[8,0]}}`, 8), fault.Corrupt, "do not hold"},
		"overflow":        {file(`{"a":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`, 0), fault.Corrupt, "do not hold"},
		"negative":        {file(`{"a":{"dtype":"F64","shape":[-1],"data_offsets":[0,0]}}`, 0), fault.Corrupt, "dimensions"},
		"twice":           {file(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, 0), fault.Corrupt, "two arrays"},
		"twice inside":    {file(`{"a":{"dtype":"F32","dtype":"F64","shape":[0],"data_offsets":[0,0]}}`, 0), fault.Corrupt, "two entries"},
		"lacking":         {file(`{"a":{"dtype":"F32","shape":[0]}}`, 0), fault.Corrupt, "lacks"},
		"unknown key":     {file(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"x":1}}`, 0), fault.Corrupt, "unknown entry"},
		"unknown type":    {file(`{"a":{"dtype":"F33","shape":[0],"data_offsets":[0,0]}}`, 0), fault.Corrupt, "does not have"},
		"type not read":   {file(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"BOOL","shape":[0],"data_offsets":[0,0]}}`, 0), fault.Data, "2 findings"},
		"metadata number": {file(`{"__metadata__":{"a":1}}`, 0), fault.Corrupt, "no string"},
	} {
		_, err := ParseArchive(c.content)
		if fault.KindOf(err) != c.kind || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := OpenArchive("testdata/none"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no file: %v", err)
	}
	var b bytes.Buffer
	if _, err := sample().WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	for n := range b.Len() {
		if _, err := ParseArchive(b.Bytes()[:n]); fault.KindOf(err) != fault.Corrupt {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

func TestArchivesThatAreNotWritten(t *testing.T) {
	for name, e := range map[string][]Entry{
		"twice":    {Float32Entry("a", nil, []float32{1}), Float32Entry("a", nil, []float32{1})},
		"reserved": {Float32Entry("__metadata__", nil, []float32{1})},
		"size":     {{Name: "a", DType: "F32", Dims: []int{2}, Data: make([]byte, 4)}},
		"type":     {{Name: "a", DType: "U8", Dims: []int{1}, Data: make([]byte, 1)}},
	} {
		path := filepath.Join(t.TempDir(), "a")
		if err := (&Archive{Entries: e}).Save(path); fault.KindOf(err) != fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 0 {
			t.Errorf("%s: %v was left behind", name, left)
		}
	}
}

func TestNarrowIntegersOnly(t *testing.T) {
	e := Int64Entry("n", []int{2}, []int64{1 << 24, -1 << 60})
	if _, err := e.Float32s(); fault.KindOf(err) != fault.Data {
		t.Error(err)
	}
	if _, err := e.Float64s(); fault.KindOf(err) != fault.Data {
		t.Error(err)
	}
	f := Float32Entry("f", nil, []float32{1})
	if _, err := f.Int64s(); fault.KindOf(err) != fault.Data {
		t.Error(err)
	}
}

func FuzzParseArchive(f *testing.F) {
	var b bytes.Buffer
	if _, err := sample().WriteTo(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(file(`{"a":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]},"__metadata__":{"x":"y"}}  `, 4))
	f.Add(file(`{"a":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`, 0))
	if python, err := os.ReadFile("testdata/train_safetensors.safetensors"); err == nil {
		f.Add(python)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		a, err := ParseArchive(content)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Corrupt && k != fault.Data {
				t.Fatalf("kind %v: %v", k, err)
			}
			return
		}
		for i := range a.Entries {
			values, err := a.Entries[i].Float64s()
			if err == nil && len(values) != product(a.Entries[i].Dims) {
				t.Fatal("length")
			}
		}
		var b bytes.Buffer
		if _, err := a.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		back, err := ParseArchive(b.Bytes())
		if err != nil || back.hash() != a.hash() {
			t.Fatalf("what was read cannot be written and read again: %v", err)
		}
	})
}

func TestModelRoundTrip(t *testing.T) {
	net := counter()
	net.Config = map[string]any{"width": 2, "layers": []int{1, 2}}
	w, err := Init(net, 1, Float32s(1, 3), Int32s(1))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Describe(net, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	m.Training = &Summary{Epochs: 2, Steps: 10, Loss: 0.1, BestEpoch: 1, BestScore: 0.25, Seed: 1 << 63}
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := SaveModel(path, w, m); err != nil {
		t.Fatal(err)
	}
	back, n, err := LoadModel(path)
	if err != nil {
		t.Fatal(err)
	}
	if fingerprint(back) != fingerprint(w) {
		t.Error("weights read back differ")
	}
	if n.Network != "counter" || n.Galen != "1.2.3" || *n.Training != *m.Training || n.CheckNet(net) != nil {
		t.Errorf("metadata %+v", n)
	}
	other := counter()
	other.Config, other.Inputs[0].Dims = 3, []int{0, 4}
	if err := n.CheckNet(other); len(fault.FindingsOf(err)) != 2 {
		t.Errorf("another network: %v", err)
	}

	text, err := os.ReadFile(metadataPath(path))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		from, to string
		kind     fault.Kind
	}{
		"other format": {`"format": 1`, `"format": 2`, fault.Data},
		"unknown key":  {`"format"`, `"fromat"`, fault.Corrupt},
		"other hash":   {`"sha256": "`, `"sha256": "0`, fault.Corrupt},
		"state":        {`"seen"`, `"sene"`, fault.Corrupt},
		"input type":   {`"float32"`, `"float8"`, fault.Corrupt},
		"more":         {"\n}\n", "\n} {}", fault.Corrupt},
	} {
		changed := bytes.Replace(text, []byte(c.from), []byte(c.to), 1)
		if bytes.Equal(changed, text) {
			t.Fatalf("%s: nothing changed", name)
		}
		if err := os.WriteFile(metadataPath(path), changed, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, err := LoadModel(path); fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte(`{"format":1,"network":"a","config":{"b":1},"inputs":[{"name":"x","dtype":"float32","dims":[0,3]}],"galen":"1","sha256":"","bytes":0}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseMetadata(text)
		if err == nil && m.Format != ModelFormat {
			t.Fatal("format")
		}
	})
}
