package nrrd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"galen.dev/fault"
	"galen.dev/volume"
)

func TestAgreesWithOthers(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name     string
		Dims     [3]int
		Channels int
		Affine   volume.Affine
		Values   []float64
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, want := range all {
		im, err := Read(context.Background(), "testdata/"+want.Name, Options{})
		if err != nil {
			t.Errorf("%s: %v", want.Name, err)
			continue
		}
		v := im.Volume
		if v.Dims != want.Dims || v.NumChannels() != want.Channels {
			t.Errorf("%s: %v x %d, want %v x %d", want.Name, v.Dims, v.NumChannels(), want.Dims, want.Channels)
			continue
		}
		for r := range 4 {
			for c := range 4 {
				// The files hold 15 digits or more.
				if d := math.Abs(v.Affine[r][c] - want.Affine[r][c]); d > 1e-9 {
					t.Errorf("%s: affine is\n%v, want\n%v", want.Name, v.Affine, want.Affine)
				}
			}
		}
		for i, w := range want.Values {
			if got := v.Data.At(i); got != w {
				t.Fatalf("%s: value %d is %g, want %g", want.Name, i, got, w)
			}
		}
		for _, pack := range []bool{false, true} {
			var b bytes.Buffer
			if err := Write(context.Background(), &b, v, im.Pairs, pack); err != nil {
				t.Fatal(err)
			}
			again, err := Decode(context.Background(), &b, int64(b.Len()), Options{})
			if err != nil {
				t.Fatalf("%s: written back: %v", want.Name, err)
			}
			if again.Volume.Affine != v.Affine || fmt.Sprint(again.Volume.Data) != fmt.Sprint(v.Data) || again.Volume.Data.Type() != v.Data.Type() || fmt.Sprint(again.Pairs) != fmt.Sprint(im.Pairs) {
				t.Errorf("%s: written back, it differs", want.Name)
			}
		}
	}
}

func TestTimesAndRescale(t *testing.T) {
	g := volume.Geometry{Dims: [3]int{2, 1, 1}, Affine: volume.Scaling(volume.Vec{1, 2, 3})}
	v := &volume.Volume{Geometry: g, Channels: 2, Times: 3, Data: volume.Slice[int16]{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, TimeStep: 2.5, Unit: volume.Hounsfield}
	var b bytes.Buffer
	if err := Write(context.Background(), &b, v, []Pair{{"a", "b"}}, false); err != nil {
		t.Fatal(err)
	}
	im, err := Decode(context.Background(), bytes.NewReader(b.Bytes()), -1, Options{})
	if err != nil || im.Volume.TimeStep != 2.5 || im.Volume.Unit != volume.Hounsfield || im.Volume.At(1, 0, 0, 1, 2) != 12 || im.Volume.At(0, 0, 0, 1, 0) != 3 {
		t.Errorf("%+v, %v", im, err)
	}
	v.Slope, v.Inter = 2, -1
	b.Reset()
	if err := Write(context.Background(), &b, v, nil, true); err != nil {
		t.Fatal(err)
	}
	if im, err := Decode(context.Background(), &b, -1, Options{}); err != nil || im.Volume.At(1, 0, 0, 0, 0) != 3 {
		t.Errorf("%+v, %v", im, err)
	}
	for _, bad := range []Pair{{"", "x"}, {"a:b", "x"}, {"a", "x\ny"}} {
		if err := Write(context.Background(), &b, v, []Pair{bad}, false); fault.KindOf(err) != fault.Usage {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

const good = `NRRD0005
type: short
dimension: 3
space: left-posterior-superior
sizes: 2 2 2
space directions: (1,0,0) (0,1,0) (0,0,1)
kinds: domain domain domain
endian: little
encoding: raw
space units: "mm" "mm" "mm"
space origin: (0,0,0)

0123456789abcdef`

func TestBadFilesAreRefused(t *testing.T) {
	edit := func(old, with string) string { return strings.Replace(good, old, with, 1) }
	for _, tt := range []struct{ what, file, want string }{
		{"empty", "", "not-nrrd"},
		{"short", good[:len(good)-3], "truncated"},
		{"type", edit("short", "block"), "type"},
		{"several", edit("short", "block") + "", "type"},
		{"sizes", edit("2 2 2", "2 2"), "axes"},
		{"zero", edit("2 2 2", "2 0 2"), "size"},
		{"overflow", edit("2 2 2", "4611686018427387904 8 8"), "size"},
		{"4 GB", edit("2 2 2", "2048 1024 1024"), "truncated"},
		{"no endian", edit("endian: little\n", ""), "endian"},
		{"bad endian", edit("little", "middle"), "endian endian"},
		{"bzip2", edit("raw", "bzip2"), "encoding"},
		{"space", edit("left-posterior-superior", "scanner-xyz"), "geometry-unknown"},
		{"no space", edit("space: left-posterior-superior\n", ""), "geometry-unknown"},
		{"no origin", edit("space origin: (0,0,0)\n", ""), "origin"},
		{"NaN origin", edit("origin: (0,0,0)", "origin: (nan,nan,nan)"), "origin"},
		{"singular", edit("(0,1,0)", "(1,0,0)"), "affine"},
		{"directions", edit("(0,1,0) ", ""), "axes"},
		{"vector", edit("(0,1,0)", "(0,1)"), "vector axes"},
		{"part NaN", edit("(0,1,0)", "(0,nan,0)"), "vector axes"},
		{"unit", edit(`"mm" "mm" "mm"`, `"mm" "mm" "furlong"`), "unit"},
		{"field", edit("kinds", "kindness"), "unknown-field"},
		{"twice", edit("encoding: raw", "encoding: raw\nencoding: raw"), "field-twice"},
		{"line", edit("encoding: raw", "encoding: raw\nwhat"), "header-line"},
		{"outside", edit("encoding: raw", "encoding: raw\ndata file: ../x.raw"), "data-file"},
		{"list", edit("encoding: raw", "encoding: raw\ndata file: LIST"), "data-file"},
		{"missing", edit("encoding: raw", "encoding: raw\ndata file: y.raw"), "data-file"},
		{"packing", edit("encoding: raw", "encoding: gzip"), "packing"},
		{"skip", edit("encoding: raw", "encoding: raw\nbyte skip: -9"), "skip"},
		{"everything", edit("short", "quaternion-ish"), "type"},
	} {
		fsys := fstest.MapFS{"a.nrrd": {Data: []byte(tt.file)}}
		_, err := ReadFS(context.Background(), fsys, "a.nrrd", Options{})
		var names []string
		for _, f := range fault.FindingsOf(err) {
			names = append(names, f.Name)
		}
		if got := strings.Join(names, " "); fault.KindOf(err) != fault.Data || got != tt.want {
			t.Errorf("%s: %s, want %s (%v)", tt.what, got, tt.want, err)
		}
	}
	if _, err := Decode(context.Background(), strings.NewReader(good), -1, Options{}); err != nil {
		t.Error(err)
	}
	end := edit("encoding: raw", "encoding: raw\nbyte skip: -1")
	end = strings.Replace(end, "\n\n", "\n\nsome bytes before ", 1)
	if im, err := Decode(context.Background(), strings.NewReader(end), int64(len(end)), Options{}); err != nil || im.Volume.Data.At(0) != '0'+'1'<<8 {
		t.Errorf("voxels at the end: %v", err)
	}
	lines := strings.Replace(edit("encoding: raw", "encoding: raw\nline skip: 1\nbyte skip: 2"), "\n\n", "\n\none line\n..", 1)
	if im, err := Decode(context.Background(), strings.NewReader(lines), -1, Options{}); err != nil || im.Volume.Data.At(0) != '0'+'1'<<8 {
		t.Errorf("voxels after lines: %v", err)
	}
	im, err := Read(context.Background(), "testdata/plain.nrrd", Options{AssumeGeometry: true})
	if err != nil || len(im.Findings) == 0 || im.Volume.Spacing() != (volume.Vec{1, 2, 3}) {
		t.Errorf("assumed: %+v, %v", im, err)
	}
}

func TestClaimsWithoutSizeCostLittleMemory(t *testing.T) {
	file := strings.Replace(good, "2 2 2", "2048 1024 1024", 1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Decode(context.Background(), strings.NewReader(file), -1, Options{})
	runtime.ReadMemStats(&after)
	if fault.KindOf(err) != fault.Data || after.TotalAlloc-before.TotalAlloc > 32<<20 {
		t.Errorf("%v, after %d bytes", err, after.TotalAlloc-before.TotalAlloc)
	}
}

func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.nrrd")
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(good))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, size := range []int64{int64(len(b)), -1} {
			im, err := Decode(context.Background(), bytes.NewReader(b), size, Options{MaxBytes: 1 << 24, AssumeGeometry: true})
			if err != nil {
				if k := fault.KindOf(err); k != fault.Data {
					t.Fatalf("%v: %v", k, err)
				}
				continue
			}
			if err := im.Volume.Check("x"); err != nil {
				t.Fatal(err)
			}
		}
	})
}
