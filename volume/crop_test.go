package volume

import (
	"slices"
	"testing"
)

func TestCutCropsAndPads(t *testing.T) {
	v := ramp([3]int{4, 3, 2}, slanted)
	v.Slope, v.Inter = 2, -10
	b := Box{From: [3]int{1, -1, 0}, To: [3]int{6, 2, 3}}
	out := v.Cut(b, -10)
	for z := range out.Dims[2] {
		for y := range out.Dims[1] {
			for x := range out.Dims[0] {
				sx, sy, sz := x+1, y-1, z
				want := -10.0
				if sx < 4 && sy >= 0 && sz < 2 {
					want = v.At(sx, sy, sz, 0, 0)
				}
				if got := out.At(x, y, z, 0, 0); got != want {
					t.Errorf("(%d, %d, %d) is %g, want %g", x, y, z, got, want)
				}
			}
		}
	}
	if d := out.Affine.Apply(Vec{1, 2, 1}).Minus(v.Affine.Apply(Vec{2, 1, 1})).Length(); d > 1e-12 {
		t.Errorf("voxels moved by %g mm", d)
	}
	back := out.Cut(Box{From: [3]int{-1, 1, 0}, To: [3]int{3, 4, 2}}, 0)
	if back.Dims != v.Dims || back.At(1, 0, 0, 0, 0) != v.At(1, 0, 0, 0, 0) || SameGeometry(back.Geometry, v.Geometry) != nil {
		t.Error("the cut does not undo")
	}
	if far := v.Cut(Box{From: [3]int{10, 0, 0}, To: [3]int{12, 1, 1}}, 4); far.At(1, 0, 0, 0, 0) != 4 {
		t.Error("a box beside the volume is not filled")
	}
	if c := v.Centered([3]int{2, 6, 2}); c != (Box{From: [3]int{1, -1, 0}, To: [3]int{3, 5, 2}}) {
		t.Errorf("centred box is %v", c)
	}
}

func TestBounds(t *testing.T) {
	g := Geometry{[3]int{5, 4, 3}, Identity()}
	data := make([]uint8, g.Voxels())
	m := NewLabels(g, data, nil)
	if _, ok := m.Bounds(); ok {
		t.Error("an empty mask has bounds")
	}
	data[g.Index(1, 2, 0)], data[g.Index(3, 1, 2)] = 1, 2
	want := Box{From: [3]int{1, 1, 0}, To: [3]int{4, 3, 3}}
	if b, ok := m.Bounds(); !ok || b != want {
		t.Errorf("bounds are %v", b)
	}
	v := New(g, data)
	if b, ok := v.Bounds(); !ok || b != want {
		t.Errorf("bounds of the image are %v", b)
	}
	if b := want.Grow(1, g.Dims); b != (Box{To: [3]int{5, 4, 3}}) {
		t.Errorf("grown to %v", b)
	}
}

func TestLargestAndAtLeast(t *testing.T) {
	g := Geometry{[3]int{9, 1, 1}, Identity()}
	in := []uint16{1, 1, 0, 300, 1, 1, 1, 0, 300}
	m := NewLabels(g, in, []Label{{1, "a"}, {300, "b"}})
	for _, tt := range []struct {
		got  func() (*LabelMap, error)
		want []uint16
	}{
		{func() (*LabelMap, error) { return m.Largest(Faces, false) }, []uint16{0, 0, 0, 300, 1, 1, 1, 0, 0}},
		{func() (*LabelMap, error) { return m.Largest(Faces, true) }, []uint16{0, 0, 0, 300, 1, 1, 1, 0, 0}},
		{func() (*LabelMap, error) { return m.AtLeast(Faces, 2) }, []uint16{1, 1, 0, 0, 1, 1, 1, 0, 0}},
	} {
		out, err := tt.got()
		if err != nil || !slices.Equal(out.Data.(Slice[uint16]), tt.want) || out.Name(300) != "b" {
			t.Errorf("%v, %v, want %v", out, err, tt.want)
		}
	}
	_, parts, _ := m.Components(Faces)
	BySize(parts)
	if len(parts) != 4 || parts[0].Voxels != 3 || parts[0].Centre != (Vec{5, 0, 0}) || parts[2].Label != 300 {
		t.Errorf("parts are %v", parts)
	}
}

func TestIntensity(t *testing.T) {
	v := New(Geometry{[3]int{4, 1, 1}, Identity()}, []int16{-2000, 0, 40, 3000})
	if got := v.Rescale(-160, 240).Data.(Slice[float32]); !slices.Equal(got, []float32{0, 0.4, 0.5, 1}) {
		t.Errorf("window gives %v", got)
	}
	if got := v.Clip(-1000, 1000).Data.(Slice[float32]); !slices.Equal(got, []float32{-1000, 0, 40, 1000}) {
		t.Errorf("clip gives %v", got)
	}
	if got := v.Standardize(-100, 100, 20, 10).Data.(Slice[float32]); !slices.Equal(got, []float32{-12, -2, 2, 8}) {
		t.Errorf("standardised to %v", got)
	}
	mask := NewLabels(v.Geometry, []uint8{0, 1, 1, 0}, nil)
	if got := v.ZScore(mask).Data.(Slice[float32]); !slices.Equal(got, []float32{0, -1, 1, 0}) {
		t.Errorf("z-score gives %v", got)
	}
}
