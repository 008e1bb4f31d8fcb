package nifti

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/klauspost/compress/gzip"

	"galen.dev/fault"
	"galen.dev/volume"
)

type vector struct {
	Name          string
	Shape         []int
	Affine, Qform volume.Affine
	Values        []float64
	Zooms         []float64
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v []vector
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// apartBy is the largest difference between two affines' entries.
func apartBy(a, b volume.Affine) float64 {
	worst := 0.0
	for r := range 4 {
		for c := range 4 {
			worst = max(worst, math.Abs(a[r][c]-b[r][c]))
		}
	}
	return worst
}

func TestAgreesWithNibabel(t *testing.T) {
	for _, want := range vectors(t) {
		im, err := Read(context.Background(), "testdata/"+want.Name, Options{AssumeGeometry: want.Name == "no-geometry.nii"})
		if err != nil {
			t.Errorf("%s: %v", want.Name, err)
			continue
		}
		v := im.Volume
		if err := v.Check(want.Name); err != nil {
			t.Error(err)
		}
		// nibabel computes in double precision what the header holds in single.
		if want.Name != "no-geometry.nii" && apartBy(v.Affine, want.Affine) > 1e-5 || apartBy(im.Header.Qform(), want.Qform) > 1e-5 {
			t.Errorf("%s: affine\n%v\nqform\n%v\nwant\n%v\n%v", want.Name, v.Affine, im.Header.Qform(), want.Affine, want.Qform)
		}
		at := 0
		inner := datatypes[im.Header.Datatype].channels
		for c := 0; c < v.NumChannels(); c += inner {
			for tm := range v.NumTimes() {
				for z := range v.Dims[2] {
					for y := range v.Dims[1] {
						for x := range v.Dims[0] {
							for k := range inner {
								if got := v.At(x, y, z, c+k, tm); got != want.Values[at] {
									t.Fatalf("%s: voxel (%d, %d, %d), channel %d, time %d is %g, want %g", want.Name, x, y, z, c+k, tm, got, want.Values[at])
								}
								at++
							}
						}
					}
				}
			}
		}
		if at != len(want.Values) {
			t.Errorf("%s: %d values, want %d", want.Name, at, len(want.Values))
		}
	}
	im, err := Read(context.Background(), "testdata/series.nii.gz", Options{})
	if err != nil || im.Volume.TimeStep != 1.5 {
		t.Errorf("time step %v, %v", im.Volume.TimeStep, err)
	}
}

// contents of a file, unpacked.
func contents(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(name, ".gz") {
		return b
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWritesBackBitForBit(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Name == "no-geometry.nii" {
			continue // what was assumed is written as known
		}
		im, err := Read(context.Background(), "testdata/"+v.Name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(t.TempDir(), v.Name)
		if err := im.Write(context.Background(), to); err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		names := []string{v.Name}
		if base, ok := strings.CutSuffix(v.Name, ".hdr"); ok {
			names = append(names, base+".img")
		}
		for _, n := range names {
			if !bytes.Equal(contents(t, "testdata/"+n), contents(t, filepath.Join(filepath.Dir(to), n))) {
				t.Errorf("%s is not the same when written back", n)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(to), ".nifti-*")); len(left) > 0 {
			t.Errorf("left over: %v", left)
		}
	}
}

func TestFindings(t *testing.T) {
	im, err := Read(context.Background(), "testdata/forms-differ.nii", Options{})
	if err != nil || len(im.Findings) == 0 || !hasFinding(im.Findings, "forms-differ") {
		t.Errorf("differing forms: %v, %v", im.Findings, err)
	}
	q, err := Read(context.Background(), "testdata/forms-differ.nii", Options{Prefer: Qform})
	if err != nil || apartBy(q.Volume.Affine, im.Volume.Affine) < 1 || apartBy(q.Volume.Affine, im.Header.Qform()) > 0 {
		t.Error("the qform is not preferred")
	}
	_, err = Read(context.Background(), "testdata/no-geometry.nii", Options{})
	if fault.KindOf(err) != fault.Data || !hasFinding(fault.FindingsOf(err), "geometry-unknown") {
		t.Errorf("unknown geometry: %v", err)
	}
	if im, err := Read(context.Background(), "testdata/scaled-extensions.nii.gz", Options{}); err != nil || len(im.Extensions) != 2 || !strings.HasPrefix(string(im.Extensions[0].Data), "made for a test") || im.Extensions[1].Code != 4 {
		t.Errorf("extensions: %v", err)
	}
	if _, err := Read(context.Background(), "testdata/missing.nii", Options{}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("missing: %v", err)
	}
}

func hasFinding(f []fault.Finding, name string) bool {
	for _, x := range f {
		if x.Name == name {
			return true
		}
	}
	return false
}

// sample is a NIfTI-1 file of 4 x 3 x 2 float32, changed by edit.
func sample(t testing.TB, edit func(h *Header)) []byte {
	t.Helper()
	g := volume.Geometry{Dims: [3]int{4, 3, 2}, Affine: volume.Scaling(volume.Vec{1, 2, 3})}
	data := make([]float32, 24)
	for i := range data {
		data[i] = float32(i)
	}
	im := New(volume.New(g, data))
	var b bytes.Buffer
	if err := im.Encode(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	raw := b.Bytes()
	edit(&im.Header)
	copy(raw, im.Header.bytes())
	return raw
}

func packed(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	p := newPacker(&out)
	if _, err := p.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestBadFilesAreRefused(t *testing.T) {
	same := func(*Header) {}
	good := sample(t, same)
	nan := bytes.Clone(good)
	copy(nan[352+40:], []byte{0, 0, 0xc0, 0x7f})
	damaged := packed(t, good)
	damaged[len(damaged)-6] ^= 1
	for _, tt := range []struct {
		what string
		file []byte
		want []string
	}{
		{"empty", nil, []string{"truncated"}},
		{"no NIfTI", bytes.Repeat([]byte("galen"), 200), []string{"not-nifti"}},
		{"cut header", good[:200], []string{"truncated"}},
		{"cut voxels", good[:400], []string{"truncated"}},
		{"cut packed", packed(t, good)[:60], []string{"truncated"}},
		{"checksum", damaged, []string{"packing"}},
		{"NaN", nan, []string{"not-finite"}},
		{"no mark", sample(t, func(h *Header) { h.magic = [8]byte{} }), []string{"magic"}},
		{"dimensions", sample(t, func(h *Header) { h.Dim[0] = 9 }), []string{"dimensions"}},
		{"everything", sample(t, func(h *Header) {
			h.Dim[1], h.Dim[2], h.Datatype, h.VoxOffset, h.SclSlope = 0, -4, 77, 3, math.Inf(1)
		}), []string{"size", "size", "datatype", "vox-offset", "rescale"}},
		{"bits", sample(t, func(h *Header) { h.Bitpix = 8 }), []string{"bitpix"}},
		{"float128", sample(t, func(h *Header) { h.Datatype = 1536 }), []string{"datatype"}},
		{"4 GB claim", sample(t, func(h *Header) { h.Dim[1], h.Dim[2], h.Dim[3] = 1024, 1024, 1024 }), []string{"truncated"}},
		{"4 GB claim, packed", packed(t, sample(t, func(h *Header) { h.Dim[1], h.Dim[2], h.Dim[3] = 1024, 1024, 1024 })), []string{"claims-too-much"}},
		{"100 GB", sample(t, func(h *Header) { h.Dim[1], h.Dim[2], h.Dim[3] = 30000, 30000, 9 }), []string{"too-large", "truncated"}},
		{"overflow", sample(t, func(h *Header) { h.Dim = [8]int64{7, 32767, 32767, 32767, 32767, 32767, 32767, 32767} }), []string{"size"}},
		{"sixth", sample(t, func(h *Header) { h.Dim = [8]int64{6, 4, 3, 1, 1, 1, 2} }), []string{"size"}},
		{"singular", sample(t, func(h *Header) { h.Srow[1] = [4]float64{} }), []string{"affine"}},
		{"NaN affine", sample(t, func(h *Header) { h.Srow[1][1] = math.NaN() }), []string{"affine"}},
		{"quaternion", sample(t, func(h *Header) { h.SformCode, h.Quatern[0] = 0, 3 }), []string{"quaternion"}},
		{"spacing", sample(t, func(h *Header) { h.SformCode, h.Pixdim[2] = 0, -1 }), []string{"spacing"}},
		{"unit", sample(t, func(h *Header) { h.XYZTUnits = 5 }), []string{"unit"}},
		{"pair alone", sample(t, func(h *Header) { h.Pair, h.magic[1] = true, 'i' }), []string{"pair"}},
	} {
		for _, size := range []int64{int64(len(tt.file)), -1} {
			if size < 0 && strings.Contains(tt.what, "GB") {
				continue // without a size the claim is met by the end of the stream: below
			}
			_, err := Decode(context.Background(), bytes.NewReader(tt.file), size, Options{})
			var got []string
			for _, f := range fault.FindingsOf(err) {
				got = append(got, f.Name)
			}
			if fault.KindOf(err) != fault.Data || strings.Join(got, " ") != strings.Join(tt.want, " ") {
				t.Errorf("%s, size %d: %v, want %v (%v)", tt.what, size, got, tt.want, err)
			}
		}
	}
	if _, err := Decode(context.Background(), bytes.NewReader(good), int64(len(good)), Options{}); err != nil {
		t.Error(err)
	}
	if im, err := Decode(context.Background(), bytes.NewReader(nan), -1, Options{AllowNaN: true}); err != nil || !hasFinding(im.Findings, "not-finite") {
		t.Errorf("allowed NaN: %v", err)
	}
	if im, err := Decode(context.Background(), bytes.NewReader(append(bytes.Clone(good), 1, 2)), int64(len(good)+2), Options{}); err != nil || !hasFinding(im.Findings, "bytes-left") {
		t.Errorf("bytes left: %v", err)
	}
}

func TestClaimsWithoutSizeCostLittleMemory(t *testing.T) {
	for _, file := range [][]byte{
		sample(t, func(h *Header) { h.Dim[1], h.Dim[2], h.Dim[3] = 1024, 1024, 1024 }),
		packed(t, sample(t, func(h *Header) { h.Dim[1], h.Dim[2], h.Dim[3] = 1024, 1024, 1024 })),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decode(context.Background(), bytes.NewReader(file), -1, Options{})
		runtime.ReadMemStats(&after)
		if fault.KindOf(err) != fault.Data || after.TotalAlloc-before.TotalAlloc > 32<<20 {
			t.Errorf("%v, after %d bytes", err, after.TotalAlloc-before.TotalAlloc)
		}
	}
}

func TestSlabAndStream(t *testing.T) {
	for _, name := range []string{"series.nii.gz", "v1-big-int16.nii", "vectors.nii", "rgb.nii.gz", "pair.hdr"} {
		if _, err := os.Stat("testdata/" + name); err != nil {
			name = "v1-little-int16.nii"
		}
		fsys := os.DirFS("testdata")
		im, err := ReadFS(context.Background(), fsys, name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for z := range im.Volume.Dims[2] {
			v, err := ReadSlab(context.Background(), fsys, name, z, z+1, Options{})
			if err != nil {
				t.Fatal(err)
			}
			for c := range v.NumChannels() {
				for tm := range v.NumTimes() {
					if a, b := v.At(1, 1, 0, c, tm), im.Volume.At(1, 1, z, c, tm); a != b {
						t.Errorf("%s: plane %d has %g, want %g", name, z, a, b)
					}
				}
			}
			if d := v.Affine.Origin().Minus(im.Volume.Affine.Apply(volume.Vec{0, 0, float64(z)})).Length(); d > 1e-9 {
				t.Errorf("%s: plane %d lies %g mm off", name, z, d)
			}
		}
		if _, err := ReadSlab(context.Background(), fsys, name, 1, 99, Options{}); fault.KindOf(err) != fault.Usage {
			t.Errorf("planes beyond the end: %v", err)
		}
	}
}

func TestNewImages(t *testing.T) {
	dir := t.TempDir()
	a := volume.FromColumns(volume.Vec{0, 0.8, 0.1}, volume.Vec{-0.9, 0, 0}, volume.Vec{0, 0.3, -2.4}, volume.Vec{10, -20, 30})
	for _, tt := range []struct {
		what string
		v    *volume.Volume
	}{
		{"orthogonal", volume.New(volume.Geometry{Dims: [3]int{2, 3, 4}, Affine: volume.Scaling(volume.Vec{-0.5, 0.7, 3.1})}, make([]int16, 24))},
		{"sheared", volume.New(volume.Geometry{Dims: [3]int{2, 3, 4}, Affine: a.Compose(volume.Affine{{1, 0.2}, {0, 1}, {0, 0, 1}, {0, 0, 0, 1}})}, make([]uint64, 24))},
		{"wide", volume.New(volume.Geometry{Dims: [3]int{40000, 1, 1}, Affine: a}, make([]uint8, 40000))},
		{"colours", &volume.Volume{Geometry: volume.Geometry{Dims: [3]int{1, 1, 2}, Affine: a}, Channels: 3, Data: volume.Slice[uint8]{1, 2, 3, 4, 5, 6}}},
		{"channels and times", &volume.Volume{Geometry: volume.Geometry{Dims: [3]int{1, 1, 2}, Affine: a}, Channels: 2, Times: 3, Data: volume.Slice[int32]{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, TimeStep: 2}},
		{"slope beyond single precision", &volume.Volume{Geometry: volume.Geometry{Dims: [3]int{1, 1, 2}, Affine: a}, Slope: 0.1, Inter: 3, Data: volume.Slice[int16]{-5, 7}}},
	} {
		for _, name := range []string{"a.nii", "a.nii.gz", "b.hdr", "c.img.gz"} {
			to := filepath.Join(dir, name)
			if err := New(tt.v).Write(context.Background(), to); err != nil {
				t.Fatalf("%s: %v", tt.what, err)
			}
			im, err := Read(context.Background(), to, Options{})
			if err != nil {
				t.Fatalf("%s, %s: %v", tt.what, name, err)
			}
			if err := volume.SameGeometry(im.Volume.Geometry, tt.v.Geometry); err != nil || im.Volume.TimeStep != tt.v.TimeStep {
				t.Errorf("%s: %v", tt.what, err)
			}
			if len(im.Findings) > 0 {
				t.Errorf("%s: %v", tt.what, im.Findings)
			}
			for i := range tt.v.Data.Len() {
				if im.Volume.Data.At(i) != tt.v.Data.At(i) || im.Volume.Data.Type() != tt.v.Data.Type() {
					t.Fatalf("%s, %s: value %d differs", tt.what, name, i)
				}
			}
			gs, gi := im.Volume.Scale()
			if ws, wi := tt.v.Scale(); gs != ws || gi != wi {
				t.Errorf("%s: rescale %g, %g", tt.what, gs, gi)
			}
		}
	}
	labels := volume.NewLabels(volume.Geometry{Dims: [3]int{1, 1, 2}, Affine: a}, []uint8{0, 3}, nil)
	if im := NewLabels(labels); im.Header.IntentCode != 1002 {
		t.Error("labels are not marked")
	}
	if err := New(labels2(a)).Write(context.Background(), filepath.Join(dir, "x.png")); fault.KindOf(err) != fault.Usage {
		t.Errorf("wrong ending: %v", err)
	}
}

func labels2(a volume.Affine) *volume.Volume {
	return volume.New(volume.Geometry{Dims: [3]int{1, 1, 2}, Affine: a}, []uint8{0, 3})
}

func TestPackedBytesDoNotDependOnThreads(t *testing.T) {
	b := make([]byte, 20<<20)
	for i := range b {
		b[i] = byte(i * i >> 9)
	}
	var first []byte
	for _, threads := range []int{1, 4} {
		func() {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
			got := packed(t, b)
			if first == nil {
				first = got
			}
			if !bytes.Equal(first, got) {
				t.Error("packed bytes depend on threads")
			}
		}()
	}
	z, err := gzip.NewReader(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	if back, err := io.ReadAll(z); err != nil || !bytes.Equal(back, b) {
		t.Errorf("unpacked: %v", err)
	}
}

func TestOpenByContent(t *testing.T) {
	b, err := os.ReadFile("testdata/series.nii.gz")
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{"a/picture.png": {Data: b}, "readme": {Data: []byte("text")}, "b": {Data: sample(t, func(*Header) {})}}
	got, err := volume.Formats{Format(Options{})}.OpenFS(context.Background(), fsys)
	if err != nil || len(got) != 2 || got[0].Files[0] != "a/picture.png" || got[0].Times != 5 || got[1].Format != "NIfTI" {
		t.Errorf("%v, %v", got, err)
	}
}

func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.nii*")
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(sample(f, func(*Header) {}))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, size := range []int64{int64(len(b)), -1} {
			im, err := Decode(context.Background(), bytes.NewReader(b), size, Options{MaxBytes: 1 << 24, AssumeGeometry: true, AllowNaN: true})
			if err != nil {
				if k := fault.KindOf(err); k != fault.Data {
					t.Fatalf("%v: %v", k, err)
				}
				continue
			}
			if err := im.Volume.Check("x"); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := im.Encode(context.Background(), &out); err != nil {
				t.Fatal(err)
			}
			again, err := Decode(context.Background(), &out, -1, Options{AssumeGeometry: true, AllowNaN: true})
			if err != nil {
				t.Fatal(err)
			}
			if again.Volume.Data.Len() != im.Volume.Data.Len() || again.Volume.Dims != im.Volume.Dims {
				t.Fatal("written back, the image differs")
			}
		}
	})
}
