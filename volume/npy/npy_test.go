package npy

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galen.dev/fault"
	"galen.dev/volume"
)

func open(t *testing.T, name string) *Array {
	t.Helper()
	a, err := ReadFile(context.Background(), os.DirFS("testdata"), name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return a
}

func TestAgreesWithNumPy(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name   string
		Shape  []int
		Values []float64
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, want := range all {
		a := open(t, want.Name)
		if !slices.Equal(a.Shape, want.Shape) || a.Data.Len() != len(want.Values) {
			t.Fatalf("%s: shape %v, want %v", want.Name, a.Shape, want.Shape)
		}
		data := a.Data
		if a.Fortran {
			data, _ = volume.Rearrange(a.Data, a.Shape, "zyx")
		}
		for i, w := range want.Values {
			if got := data.At(i); got != w {
				t.Errorf("%s: value %d is %g, want %g", want.Name, i, got, w)
			}
		}
		var b bytes.Buffer
		if err := a.Write(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		original, err := os.ReadFile("testdata/" + want.Name)
		if err != nil {
			t.Fatal(err)
		}
		if foreign := strings.HasPrefix(want.Name, "big-") || strings.Contains(want.Name, "f2") || want.Name == "halves.npy"; !foreign && !bytes.Contains(b.Bytes()[10:], original[len(original)-a.Data.Len():]) {
			t.Errorf("%s: written values differ", want.Name)
		}
		again, err := Read(context.Background(), &b, -1)
		if err != nil || !slices.Equal(again.Shape, a.Shape) || again.Data.At(0) != a.Data.At(0) || again.Fortran != a.Fortran || again.Bool != a.Bool {
			t.Errorf("%s: written back: %v", want.Name, err)
		}
	}
}

func TestWritesWhatNumPyWrites(t *testing.T) {
	for _, name := range []string{"u1.npy", "little-i4.npy", "little-f4.npy", "fortran.npy", "bool.npy", "line.npy", "scalar.npy"} {
		want, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := open(t, name).Write(context.Background(), &b); err != nil || !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s: %v\n%q\n%q", name, err, b.Bytes()[:80], want[:80])
		}
	}
}

func TestAxes(t *testing.T) {
	for _, name := range []string{"little-i4.npy", "fortran.npy"} {
		a := open(t, name)
		v, err := a.Volume("zyx", volume.Identity())
		if err != nil {
			t.Fatal(err)
		}
		w, err := a.Volume("cxy", volume.Identity())
		if err != nil || w.Channels != a.Shape[0] || w.Dims != [3]int{a.Shape[1], a.Shape[2], 1} {
			t.Fatalf("channels %d, %v", w.Channels, err)
		}
		if v.At(2, 1, 0, 0, 0) != w.At(1, 2, 0, 0, 0) || v.At(0, 2, 1, 0, 0) != w.At(2, 0, 0, 1, 0) {
			t.Error("roles of axes are mixed up")
		}
		for _, bad := range []string{"yx", "zyxc", "zyq", "yyx", "zct"} {
			if _, err := a.Volume(bad, volume.Identity()); err == nil {
				t.Errorf("axes %q are accepted", bad)
			}
		}
	}
}

func TestArchive(t *testing.T) {
	for name, want := range map[string][]string{"plain.npz": {"images", "labels"}, "packed.npz": {"images"}} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		z, err := OpenZip(bytes.NewReader(b), int64(len(b)), name)
		if err != nil || !slices.Equal(z.Names(), want) {
			t.Fatalf("%v, %v", z, err)
		}
		if a, err := z.Read(context.Background(), "images"); err != nil || len(a.Shape) != 3 {
			t.Error(err)
		}
		if _, err := z.Read(context.Background(), "masks"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("missing array: %v", err)
		}
		if _, err := OpenZip(bytes.NewReader(b[:len(b)/2]), int64(len(b)/2), name); fault.KindOf(err) != fault.Data {
			t.Errorf("half an archive: %v", err)
		}
	}
	opened, err := volume.Formats{Format("zyx", volume.Identity())}.Open(context.Background(), "testdata/packed.npz")
	if err != nil || len(opened) != 1 || opened[0].Dims != [3]int{64, 64, 600} {
		t.Errorf("%v, %v", opened, err)
	}
}

func TestBadArraysAreRefused(t *testing.T) {
	good, err := os.ReadFile("testdata/little-i4.npy")
	if err != nil {
		t.Fatal(err)
	}
	swap := func(old, with string) []byte { return bytes.Replace(good, []byte(old), []byte(with), 1) }
	for what, b := range map[string][]byte{
		"empty": {}, "short header": good[:40], "short values": good[:len(good)-1],
		"mark": swap("NUMPY", "NUMPX"), "version": swap("NUMPY\x01", "NUMPY\x07"), "type": swap("<i4", "<c8"), "object": swap("<i4", "|O4"),
		"negative": swap("(2, 3, 4)", "(2,-3, 4)"), "huge": swap("(2, 3, 4), }", "(2147483647, 2147483647, 9)}"), "zero": swap("(2, 3, 4)", "(2, 0, 4)"),
		"key": swap("descr", "decsr"), "twice": swap("'shape': (2, 3, 4)", "'descr':'<i4'"), "garbage": swap("}", "} x"),
	} {
		for _, size := range []int64{int64(len(b)), -1} {
			if _, err := Read(context.Background(), bytes.NewReader(b), size); fault.KindOf(err) != fault.Data {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	for _, name := range []string{"objects.npy", "records.npy"} {
		if _, err := ReadFile(context.Background(), os.DirFS("testdata"), name); fault.KindOf(err) != fault.Data {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.npy")
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, size := range []int64{int64(len(b)), -1} {
			a, err := Read(context.Background(), bytes.NewReader(b), size)
			if err != nil {
				if fault.KindOf(err) != fault.Data {
					t.Fatal(err)
				}
				continue
			}
			var out bytes.Buffer
			if err := a.Write(context.Background(), &out); err != nil {
				t.Fatal(err)
			}
			again, err := Read(context.Background(), &out, -1)
			if err != nil || again.Data.Len() != a.Data.Len() {
				t.Fatalf("written back: %v", err)
			}
		}
	})
}

func FuzzOpenZip(f *testing.F) {
	for _, name := range []string{"plain.npz", "packed.npz"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		z, err := OpenZip(bytes.NewReader(b), int64(len(b)), "x")
		if err != nil {
			return
		}
		for _, n := range z.Names() {
			if _, err := z.Read(context.Background(), n); err != nil && fault.KindOf(err) == fault.Internal {
				t.Fatal(err)
			}
		}
	})
}
