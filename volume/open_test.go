package volume

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galen.dev/fault"
)

// spots is a format of one voxel for tests: "SPOT" and its value; "SPOT!" is damaged. Files of the series
// "ROW" belong together.
func spots() Formats {
	read := func(_ context.Context, fsys fs.FS, names []string) ([]*Volume, error) {
		var values []uint8
		for _, n := range names {
			b, err := fs.ReadFile(fsys, n)
			if err != nil {
				return nil, err
			}
			if string(b[4:]) == "!" {
				return nil, fault.Refuse("spot", []fault.Finding{{Name: "damaged", Severity: fault.Severe, Message: "damaged"}})
			}
			values = append(values, b[4])
		}
		return []*Volume{New(Geometry{[3]int{len(values), 1, 1}, Identity()}, values)}, nil
	}
	starts := func(s string) func([]byte) bool {
		return func(head []byte) bool { return strings.HasPrefix(string(head), s) }
	}
	return Formats{{Name: "spot", Match: starts("SPOT"), Read: read}, {Name: "row", Match: starts("ROWS"), Read: read, Series: true}}
}

func archive(t *testing.T, files map[string]string, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, n := range names {
		w, err := z.Create(n)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[n])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOpenFoldersAndArchives(t *testing.T) {
	files := map[string]string{"a/one.png": "SPOT1", "b": "SPOT2", "r/2": "ROWSy", "r/1": "ROWSx", "notes.txt": "text", ".hidden": "SPOT9", "empty": ""}
	names := []string{"a/one.png", "b", "r/2", "r/1", "notes.txt", ".hidden", "empty"}
	dir := t.TempDir()
	for n, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, n)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, n), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	packed := filepath.Join(t.TempDir(), "x.dat")
	if err := os.WriteFile(packed, archive(t, files, names...), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, packed} {
		got, err := spots().Open(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, o := range got {
			all = append(all, fmt.Sprint(o.Format, o.Files, o.Data))
		}
		if want := []string{"spot[a/one.png] [49]", "spot[b] [50]", "row[r/1 r/2] [120 121]"}; !slices.Equal(all, want) {
			t.Errorf("got %v, want %v", all, want)
		}
	}
	if got, err := spots().Open(context.Background(), filepath.Join(dir, "b")); err != nil || len(got) != 1 {
		t.Errorf("a file: %v, %v", got, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	text := put("text", []byte("nothing known"))
	if _, err := spots().Open(context.Background(), text); fault.KindOf(err) != fault.Data || !strings.Contains(fault.HintOf(err), "spot, row") {
		t.Errorf("unknown: %v", err)
	}
	if _, err := spots().Open(context.Background(), dir); fault.KindOf(err) != fault.Data {
		t.Errorf("a folder without images: %v", err)
	}
	if _, err := spots().Open(context.Background(), filepath.Join(dir, "none")); fault.KindOf(err) != fault.NotFound {
		t.Errorf("missing: %v", err)
	}
	put("bad/1", []byte("SPOT!"))
	put("bad/2", []byte("SPOT!"))
	put("bad/3", []byte("SPOT3"))
	_, err := spots().Open(context.Background(), filepath.Join(dir, "bad"))
	if f := fault.FindingsOf(err); len(f) != 2 || f[0].File != "1" || f[1].File != "2" {
		t.Errorf("damaged files: %v", err)
	}
	bomb := archive(t, map[string]string{"b": "SPOT1"}, "b")
	// The central directory, which is believed, claims 4 GB for a few bytes.
	at := bytes.Index(bomb, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(bomb[at+24:], 4_000_000_000)
	_, err = spots().Open(context.Background(), put("bomb.zip", bomb))
	if f := fault.FindingsOf(err); len(f) != 1 || f[0].Name != "archive-bomb" {
		t.Errorf("bomb: %v", err)
	}
	if _, err := spots().Open(context.Background(), put("cut.zip", bomb[:len(bomb)-9])); fault.KindOf(err) != fault.Data {
		t.Errorf("cut archive: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := spots().Open(ctx, filepath.Join(dir, "bad")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestDataInBothByteOrders(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, d := range []Data{Slice[uint8]{1, 2}, Slice[int16]{-2, 300}, Slice[float32]{1.5, -2}, Slice[float64]{1e100, 3}, Slice[uint64]{1 << 63, 5}} {
			var b bytes.Buffer
			if err := WriteData(context.Background(), &b, d, order); err != nil {
				t.Fatal(err)
			}
			if w := d.Type().Size(); w == 2 && order.Uint16(b.Bytes()[w:]) != 300 || b.Len() != 2*w {
				t.Errorf("%v: wrote %v", d, b.Bytes())
			}
			for _, trusted := range []bool{false, true} {
				got, came, err := ReadData(context.Background(), bytes.NewReader(b.Bytes()), d.Type(), 2, order, trusted)
				if err != nil || fmt.Sprint(got) != fmt.Sprint(d) || came != int64(b.Len()) {
					t.Errorf("%v, %d, %v, want %v", got, came, err, d)
				}
				if _, _, err := ReadData(context.Background(), bytes.NewReader(b.Bytes()), d.Type(), 3, order, trusted); err == nil {
					t.Error("too few bytes are enough")
				}
			}
		}
	}
}

func BenchmarkResizeCubic(b *testing.B) {
	g := Geometry{[3]int{256, 256, 96}, Scaling(Vec{1, 1, 2})}
	v := New(g, make([]float32, g.Voxels()))
	for b.Loop() {
		if _, err := v.Resize(context.Background(), [3]int{200, 200, 128}, Every(Cubic)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkComponents(b *testing.B) {
	g := Geometry{[3]int{256, 256, 96}, Identity()}
	data := make([]uint8, g.Voxels())
	for i := range data {
		if x, y, z := i%256, i/256%256, i/65536; (x/20+y/20+z/20)%2 == 0 {
			data[i] = 1
		}
	}
	m := NewLabels(g, data, nil)
	for b.Loop() {
		if _, _, err := m.Components(Corners); err != nil {
			b.Fatal(err)
		}
	}
}
