package dicom

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"galen.dev/fault"
	"galen.dev/volume"
)

// grid is that of the series that testdata/segments.py segments.
func grid() volume.Geometry {
	return volume.Geometry{Dims: [3]int{6, 5, 4}, Affine: volume.FromLPS(volume.FromColumns(
		volume.Vec{.5, 0, 0}, volume.Vec{0, .7, 0}, volume.Vec{0, 0, 2}, volume.Vec{-10, -20, 30}))}
}

func segmentsOf(t testing.TB, name string) *Segments {
	t.Helper()
	f, err := Open(filepath.Join("testdata", "seg-"+name+".dcm"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.Segments()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What highdicom wrote is read as highdicom reads it: binary, fractional and label maps, native and RLE.
func TestSegmentsOfHighdicom(t *testing.T) {
	b, err := os.ReadFile("testdata/segments.json")
	if err != nil {
		t.Fatal(err)
	}
	var peer struct{ Masks map[string][][]float64 }
	if err := json.Unmarshal(b, &peer); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for name, masks := range peer.Masks {
		s := segmentsOf(t, name)
		if len(s.List) != 2 || s.List[0].Label != "Liver" || s.List[1].Type.Value != "78961009" || !s.List[0].Semi || s.List[1].Algorithm != "" {
			t.Errorf("%s: segments %+v", name, s.List)
		}
		if len(masks) != 2 {
			t.Fatalf("%s: highdicom has %d masks", name, len(masks))
		}
		for _, turned := range []volume.Codes{"", "RAS", "ILP"} {
			g := grid()
			at := func(x, y, z int) int { return g.Index(x, y, z) }
			if turned != "" {
				v, err := volume.New(g, numbered(g)).Reorient(turned)
				if err != nil {
					t.Fatal(err)
				}
				g = v.Geometry
				places := make([]int, g.Voxels())
				for i := range places {
					places[int(v.Data.At(i))] = i
				}
				own := grid()
				at = func(x, y, z int) int { return places[own.Index(x, y, z)] }
			}
			for k, x := range s.List {
				m, err := s.Mask(ctx, x.Value, g)
				if err != nil {
					t.Fatal(err)
				}
				for i := range g.Voxels() {
					want := masks[k][i]
					// highdicom's fractions are single precision.
					if got := m.Data.At(at(i%6, i/6%5, i/30)); math.Abs(got-want) > 1e-6 {
						t.Fatalf("%s, %q, segment %d: voxel %d is %g, want %g", name, turned, x.Value, i, got, want)
					}
				}
			}
		}
	}
}

func numbered(g volume.Geometry) []uint16 {
	out := make([]uint16, g.Voxels())
	for i := range out {
		out[i] = uint16(i)
	}
	return out
}

func TestLabelMapOfSegments(t *testing.T) {
	ctx := context.Background()
	want := make([]uint8, 120)
	for z := 1; z < 3; z++ {
		for y := 1; y < 4; y++ {
			for x := 2; x < 5; x++ {
				want[z*30+y*6+x] = 1
			}
		}
	}
	fractional := slices.Clone(want) // spleen is below a half but for one voxel; a tie goes to the lower number
	fractional[2*30+6+3] = 2
	want[3*30+5], want[3*30+24] = 2, 2
	for name, want := range map[string][]uint8{"binary": want, "labelmap": want, "labelmap-rle": want, "fractional": fractional, "fractional-rle": fractional} {
		s := segmentsOf(t, name)
		m, err := s.LabelMap(ctx, grid())
		if err != nil {
			t.Fatal(err)
		}
		if got := []uint8(m.Data.(volume.Slice[uint8])); !slices.Equal(got, want) {
			t.Errorf("%s: labels %v", name, got)
		}
		if m.Name(1) != "Liver" || m.Name(2) != "Spleen" {
			t.Errorf("%s: names %v", name, m.Labels)
		}
		if err := m.Check("the label map"); err != nil {
			t.Error(err)
		}
	}
	_, err := segmentsOf(t, "overlap").LabelMap(ctx, grid())
	if names(err)["overlap"] != 1 || fault.FindingsOf(err)[0].Count != 1 {
		t.Errorf("segments that overlap: %v", err)
	}
}

// Without the images, segments lie on a grid of their own, which ends with their frames.
func TestOwnGrid(t *testing.T) {
	for name, want := range map[string][3]int{"binary": {6, 5, 3}, "labelmap": {6, 5, 4}} {
		s := segmentsOf(t, name)
		g, err := s.Geometry()
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.LabelMap(context.Background(), g)
		if err != nil {
			t.Fatal(err)
		}
		if sp := g.Spacing(); math.Abs(sp[2]-2) > 1e-9 || sp[1] != .7 {
			t.Errorf("%s: spacing %v", name, sp)
		}
		counts := m.Counts()
		if name == "binary" && g.Dims != want || counts[1] != 18 || counts[2] != 2 {
			t.Errorf("%s: %v voxels of %v", name, counts, g.Dims)
		}
		// Liver begins in slice 1 of the images, 32 mm in z.
		if b, _ := m.Bounds(); math.Abs(g.Affine.Apply(volume.Vec{0, 0, float64(b.From[2])})[2]-32) > 1e-9 {
			t.Errorf("%s: begins at %v of %v", name, b, g)
		}
	}
}

// Galen reads what Galen writes, and finds the images that it belongs to.
func TestSegmentationRoundTrip(t *testing.T) {
	dir := save(t, 4, nil)
	_, k := stackOf(t, dir)
	m := labels(k.Geometry)
	d, err := segmentation().Binary(m, k)
	if err != nil {
		t.Fatal(err)
	}
	for _, syntax := range []string{"", DeflatedLittleEndian} {
		if err := WriteFile(filepath.Join(dir, "seg.dcm"), d, syntax); err != nil {
			t.Fatal(err)
		}
		c, err := Scan(context.Background(), dir)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Open(filepath.Join(dir, "seg.dcm"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.Segments()
		if err != nil {
			t.Fatal(err)
		}
		source, err := s.Source(c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.LabelMap(context.Background(), source.Geometry)
		if err != nil {
			t.Fatal(err)
		}
		for i := range m.Voxels() {
			want := map[uint16]uint16{0: 0, 2: 1, 7: 2}[m.Get(i)]
			if got.Get(i) != want {
				t.Fatalf("voxel %d is %d, want %d", i, got.Get(i), want)
			}
		}
		rgb := s.List[0].RGB
		for i, v := range [3]uint8{221, 130, 101} {
			if d := int(rgb[i]) - int(v); d < -1 || d > 1 {
				t.Errorf("the colour came back as %v", rgb)
			}
		}
		other, err := Scan(context.Background(), filepath.Join(dir, "seg.dcm"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Source(other); fault.KindOf(err) != fault.Data || fault.HintOf(err) == "" {
			t.Errorf("no images: %v", err)
		}
	}
}

func TestSegmentsRefused(t *testing.T) {
	ctx := context.Background()
	s := segmentsOf(t, "binary")
	for name, change := range map[string]func(g *volume.Geometry){
		"moved":   func(g *volume.Geometry) { g.Affine = g.Affine.WithOrigin(g.Affine.Origin().Plus(volume.Vec{.2, 0, 0})) },
		"spacing": func(g *volume.Geometry) { g.Affine = g.Affine.Compose(volume.Scaling(volume.Vec{1.1, 1, 1})) },
		"turned": func(g *volume.Geometry) {
			sin, cos := math.Sincos(.1)
			g.Affine = volume.FromColumns(volume.Vec{cos, sin, 0}, volume.Vec{-sin, cos, 0}, volume.Vec{0, 0, 1}, volume.Vec{}).Compose(g.Affine)
		},
		"smaller": func(g *volume.Geometry) { g.Dims[0] = 4 },
	} {
		g := grid()
		change(&g)
		if _, err := s.LabelMap(ctx, g); names(err)["other-grid"] == 0 || fault.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	fewer := grid()
	fewer.Dims[2] = 3 // spleen's slice is missing
	if _, err := s.LabelMap(ctx, fewer); names(err)["outside"] != 1 {
		t.Errorf("marked voxels outside: %v", err)
	}
	if _, err := s.Mask(ctx, 9, grid()); fault.KindOf(err) != fault.Usage {
		t.Errorf("a segment that is not there: %v", err)
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.LabelMap(stopped, grid()); fault.KindOf(err) != fault.Canceled {
		t.Errorf("stopped: %v", err)
	}
	if _, err := reread(t, encode(t, ct(0), "")).Segments(); names(err)["no-segmentation"] != 1 {
		t.Errorf("a CT slice: %v", err)
	}
	_, k := stackOf(t, save(t, 4, nil))
	for name, change := range map[string]func(d *Dataset){
		"no-segments":       func(d *Dataset) { d.Remove(SegmentSequence) },
		"segment-number":    func(d *Dataset) { d.Items(SegmentSequence)[1].SetInts(SegmentNumber, 1) },
		"segmentation-type": func(d *Dataset) { d.SetText(SegmentationType, "SOLID") },
		"absent":            func(d *Dataset) { d.SetText(SegmentationType, "FRACTIONAL") },
		"unknown-segment": func(d *Dataset) {
			d.Items(PerFrameFunctionalGroups)[2].First(SegmentIdentificationSeq).SetInts(ReferencedSegmentNumber, 5)
		},
		"multi-frame-geometry": func(d *Dataset) { d.SetItems(PerFrameFunctionalGroups, d.Items(PerFrameFunctionalGroups)[:2]...) },
		"no-geometry":          func(d *Dataset) { d.First(SharedFunctionalGroups).Remove(PlaneOrientationSequence) },
	} {
		d, err := segmentation().Binary(labels(k.Geometry), k)
		if err != nil {
			t.Fatal(err)
		}
		change(d)
		if _, err := reread(t, encode(t, d, "")).Segments(); names(err)[name] == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOverlaysAreReported(t *testing.T) {
	d := ct(0)
	for _, group := range []Tag{0x60000000, 0x60020000} {
		d.SetBytes(group|0x10, US, []byte{5, 0})
		d.SetBytes(group|0x3000, OW, []byte{1, 2, 3, 4})
	}
	f := reread(t, encode(t, d, ""))
	if len(f.Findings) != 1 || f.Findings[0].Name != "overlay" || f.Findings[0].Severity != fault.Info {
		t.Errorf("findings %v", f.Findings)
	}
}

func FuzzSegments(f *testing.F) {
	for _, name := range []string{"binary", "overlap", "fractional", "fractional-rle", "labelmap", "labelmap-rle"} {
		b, err := os.ReadFile(filepath.Join("testdata", "seg-"+name+".dcm"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	maxInflated = 1 << 20
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Parse(bytes.NewReader(b), int64(len(b)), "fuzz")
		if err != nil {
			return
		}
		s, err := file.Segments()
		if err != nil {
			return
		}
		grids := []volume.Geometry{grid()}
		if g, err := s.Geometry(); err == nil && g.Voxels() < 1<<20 {
			grids = append(grids, g)
		}
		for _, g := range grids {
			if m, err := s.LabelMap(context.Background(), g); err == nil {
				if err := m.Check("a label map"); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.Mask(context.Background(), s.List[0].Value, g); fault.KindOf(err) == fault.Internal && err != nil {
				t.Fatal(err)
			}
		}
	})
}
