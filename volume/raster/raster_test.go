package raster

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galen.dev/fault"
	"galen.dev/volume"
)

func TestAgreesWithOthers(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name      string
		Dims      [3]int
		Channels  int
		Tolerance float64
		Values    []float64
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, want := range all {
		v, err := Read(context.Background(), "testdata/"+want.Name)
		if err != nil {
			t.Errorf("%s: %v", want.Name, err)
			continue
		}
		if v.Dims != want.Dims || v.NumChannels() != want.Channels {
			t.Errorf("%s: %v x %d, want %v x %d", want.Name, v.Dims, v.NumChannels(), want.Dims, want.Channels)
			continue
		}
		for i, w := range want.Values {
			if got := v.Data.At(i); math.Abs(got-w) > want.Tolerance {
				t.Errorf("%s: value %d is %g, want %g", want.Name, i, got, w)
				break
			}
		}
		if strings.HasSuffix(want.Name, ".png") {
			var b bytes.Buffer
			if err := WritePNG(&b, v); err != nil {
				t.Fatal(err)
			}
			again, err := Decode(context.Background(), b.Bytes())
			if err != nil || again.Data.Type() != v.Data.Type() || again.Channels != v.Channels {
				t.Fatalf("%s: written back: %v", want.Name, err)
			}
			for i := range v.Data.Len() {
				if again.Data.At(i) != v.Data.At(i) {
					t.Fatalf("%s: written back, value %d differs", want.Name, i)
				}
			}
		}
	}
}

func TestDeepColours(t *testing.T) {
	v := &volume.Volume{Geometry: pixels(2, 1, 1), Channels: 3, Data: volume.Slice[uint16]{1, 256, 65535, 77, 0, 513}}
	var b bytes.Buffer
	if err := WritePNG(&b, v); err != nil {
		t.Fatal(err)
	}
	again, err := Decode(context.Background(), b.Bytes())
	if err != nil || !slices.Equal(again.Data.(volume.Slice[uint16]), v.Data.(volume.Slice[uint16])) {
		t.Errorf("%v, %v", again, err)
	}
	v.Channels = 2
	v.Data = volume.Slice[uint16]{1, 2, 3, 4}
	if err := WritePNG(&b, v); fault.KindOf(err) != fault.Usage {
		t.Errorf("two channels: %v", err)
	}
}

// patch returns a TIFF with the value of a tag of its first page replaced.
func patch(t *testing.T, b []byte, tag uint16, value uint32) []byte {
	t.Helper()
	b = bytes.Clone(b)
	at := binary.LittleEndian.Uint32(b[4:])
	for i := range binary.LittleEndian.Uint16(b[at:]) {
		e := b[at+2+12*uint32(i):]
		if binary.LittleEndian.Uint16(e) == tag {
			binary.LittleEndian.PutUint16(e[2:], 4)
			binary.LittleEndian.PutUint32(e[4:], 1)
			binary.LittleEndian.PutUint32(e[8:], value)
			return b
		}
	}
	t.Fatalf("no tag %d", tag)
	return nil
}

func TestBadFilesAreRefused(t *testing.T) {
	read := func(name string) []byte {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	png, jpg, tif := read("grey16.png"), read("rgb.jpg"), read("stack.tif")
	huge := bytes.Clone(png)
	copy(huge[16:], []byte{0, 0, 0x7f, 0xff, 0, 0, 0x7f, 0xff})
	circle := bytes.Clone(tif)
	at := binary.LittleEndian.Uint32(tif[4:])
	copy(circle[at+2+12*uint32(binary.LittleEndian.Uint16(tif[at:])):], tif[4:8])
	for what, b := range map[string][]byte{
		"empty": {}, "text": []byte("picture"), "short PNG": png[:len(png)/2], "huge PNG": huge, "short JPEG": jpg[:len(jpg)/2], "mark alone": []byte("II*\x00"),
		"circle": circle, "short TIFF": tif[:len(tif)/2], "jpeg in TIFF": read("jpeg.tif"),
		"wide": patch(t, tif, tagWidth, 1<<20), "no width": patch(t, tif, tagWidth, 0), "overflow": patch(t, tif, tagHeight, 1<<31), "bits": patch(t, tif, tagBits, 12),
		"rows": patch(t, tif, tagRows, 0), "offset": patch(t, tif, tagStripAt, 1<<30), "pages differ": patch(t, tif, tagBits, 8), "photometric": patch(t, tif, tagPhotometric, 6),
	} {
		if v, err := Decode(context.Background(), b); fault.KindOf(err) != fault.Data || len(fault.FindingsOf(err)) == 0 {
			t.Errorf("%s: %v, %v", what, v, err)
		}
	}
}

func TestSpacing(t *testing.T) {
	fsys := os.DirFS("testdata")
	v, err := volume.Formats{Format(volume.Vec{0.1, 0.1, 1})}.Open(context.Background(), "testdata/grey8.png")
	if err != nil || len(v) != 1 || v[0].Spacing() != (volume.Vec{0.1, 0.1, 1}) {
		t.Errorf("%v, %v", v, err)
	}
	if _, err := Format(volume.Vec{1, 0, 1}).Read(context.Background(), fsys, []string{"grey8.png"}); fault.KindOf(err) != fault.Data {
		t.Errorf("zero spacing: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.*")
	for _, name := range files {
		if strings.HasSuffix(name, ".json") || strings.HasSuffix(name, ".py") {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := Decode(context.Background(), b)
		if err != nil {
			if fault.KindOf(err) != fault.Data {
				t.Fatal(err)
			}
			return
		}
		if err := v.Check("x"); err != nil {
			t.Fatal(err)
		}
	})
}
