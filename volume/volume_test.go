package volume

import (
	"math"
	"strings"
	"testing"

	"galen.dev/fault"
)

// ramp is a volume whose stored values are their places in memory.
func ramp(dims [3]int, a Affine) *Volume {
	g := Geometry{Dims: dims, Affine: a}
	data := make([]int16, g.Voxels())
	for i := range data {
		data[i] = int16(i)
	}
	return New(g, data)
}

var slanted = FromColumns(Vec{0.1, -0.8, 0.05}, Vec{0.7, 0.1, -0.02}, Vec{0.03, 0.1, 2.5}, Vec{-40, 12, 7})

func TestAffine(t *testing.T) {
	inv, ok := slanted.Inverse()
	if !ok {
		t.Fatal("no inverse")
	}
	one := slanted.Compose(inv)
	for r := range 4 {
		for c := range 4 {
			if want := Identity()[r][c]; math.Abs(one[r][c]-want) > 1e-12 {
				t.Errorf("a times its inverse at %d, %d is %g", r, c, one[r][c])
			}
		}
	}
	if got := FromLPS(slanted.LPS()); got != slanted {
		t.Errorf("LPS and back is %v", got)
	}
	if p := slanted.LPS().Origin(); p != (Vec{40, -12, 7}) {
		t.Errorf("origin in LPS is %v", p)
	}
	if _, ok := Scaling(Vec{1, 0, 1}).Inverse(); ok {
		t.Error("a flat affine has an inverse")
	}
	if _, ok := Scaling(Vec{1e-4, 1e-4, 1e-4}).Inverse(); !ok {
		t.Error("micrometres have no inverse")
	}
	tilted := FromColumns(Vec{1, 0, 0}, Vec{0, 1, 0}, Vec{0, math.Sin(math.Pi / 18), math.Cos(math.Pi / 18)}, Vec{})
	if s := tilted.Shear(); math.Abs(s-math.Sin(math.Pi/18)) > 1e-12 || tilted.IsOrthogonal() || !Identity().IsOrthogonal() {
		t.Errorf("shear of a tilt of 10 degrees is %g", s)
	}
}

func TestReorientKeepsEveryVoxelInItsPlace(t *testing.T) {
	v := ramp([3]int{3, 4, 5}, slanted)
	if c := v.Affine.Codes(); c != "PRS" {
		t.Fatalf("codes are %s", c)
	}
	for _, to := range []Codes{"RAS", "LPS", "SAR", "IPL", "PRS"} {
		out, err := v.Reorient(to)
		if err != nil || out.Affine.Codes() != to {
			t.Fatalf("%s: %v, %v", to, out.Affine.Codes(), err)
		}
		inv, _ := v.Affine.Inverse()
		for z := range out.Dims[2] {
			for y := range out.Dims[1] {
				for x := range out.Dims[0] {
					p := inv.Apply(out.Affine.Apply(Vec{float64(x), float64(y), float64(z)}))
					if got, want := out.At(x, y, z, 0, 0), v.At(int(math.Round(p[0])), int(math.Round(p[1])), int(math.Round(p[2])), 0, 0); got != want {
						t.Fatalf("%s: voxel (%d, %d, %d) is %g, want %g", to, x, y, z, got, want)
					}
				}
			}
		}
	}
	for _, bad := range []Codes{"", "RA", "RAL", "RAR", "XYZ", "ras"} {
		if _, err := v.Reorient(bad); fault.KindOf(err) != fault.Usage {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestSameGeometrySaysWhatDiffers(t *testing.T) {
	a := Geometry{Dims: [3]int{10, 20, 30}, Affine: Scaling(Vec{1, 1, 2})}
	if err := SameGeometry(a, a); err != nil {
		t.Error(err)
	}
	b := a
	b.Affine[0][3] = 0.009
	if err := SameGeometry(a, b); err != nil {
		t.Errorf("rounding is refused: %v", err)
	}
	turned := Affine{{math.Cos(0.01), -math.Sin(0.01)}, {math.Sin(0.01), math.Cos(0.01)}, {0, 0, 2}, {0, 0, 0, 1}}
	nan := a
	nan.Affine[1][3] = math.NaN()
	for _, tt := range []struct {
		b    Geometry
		want []string
	}{
		{Geometry{[3]int{10, 20, 31}, a.Affine}, []string{"sizes are 10 x 20 x 30 and 10 x 20 x 31 voxels"}},
		{Geometry{a.Dims, a.Affine.WithOrigin(Vec{0, 3, 4})}, []string{"first voxels lie 5 mm apart (0 right, -3 anterior, -4 superior)"}},
		{Geometry{a.Dims, Scaling(Vec{1, 1.5, 2})}, []string{"spacings along y are 1 and 1.5 mm"}},
		{Geometry{a.Dims, Scaling(Vec{-1, 1, 2})}, []string{"orientations are RAS and LAS"}},
		{Geometry{a.Dims, turned}, []string{"axes are turned by up to 0.573 degrees"}},
		{Geometry{[3]int{9, 20, 30}, Scaling(Vec{1, 1, 3}).WithOrigin(Vec{1})}, []string{"sizes", "spacings", "first voxels"}},
		{nan, []string{"first voxels lie NaN mm apart"}},
	} {
		err := SameGeometry(a, tt.b)
		if err == nil || len(fault.FindingsOf(err)) != len(tt.want) {
			t.Errorf("%v: %v", tt.want, err)
			continue
		}
		for _, w := range tt.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q is not in %v", w, err)
			}
		}
	}
}

func TestCheckListsEverything(t *testing.T) {
	v := &Volume{Geometry: Geometry{Dims: [3]int{2, 2, 0}}, Data: Slice[uint8]{1}, Slope: math.Inf(1)}
	if got := len(fault.FindingsOf(v.Check("x"))); got != 4 {
		t.Errorf("%d findings: %v", got, v.Check("x"))
	}
	huge := Geometry{Dims: [3]int{1 << 31, 1 << 31, 1 << 31}, Affine: Identity()}
	if huge.Check("x") == nil {
		t.Error("an absurd grid is accepted")
	}
	if err := ramp([3]int{2, 2, 2}, Identity()).Check("x"); err != nil {
		t.Error(err)
	}
}

func TestRealValues(t *testing.T) {
	v := ramp([3]int{300, 100, 2}, Identity())
	v.Slope, v.Inter = 0.5, -1024
	got := v.Float32(nil, 0, 0)
	for i := range got {
		if want := float32(0.5*float64(int16(i)) - 1024); got[i] != want {
			t.Fatalf("voxel %d is %g, want %g", i, got[i], want)
		}
	}
	r := v.Real()
	if s, i := r.Scale(); s != 1 || i != 0 || r.At(1, 0, 0, 0, 0) != -1023.5 || r.Real() != r {
		t.Error("Real leaves a rescale or copies twice")
	}
	f := []float32{0, 1, float32(math.NaN()), 3, float32(math.Inf(-1)), 5}
	bad := New(Geometry{Dims: [3]int{3, 2, 1}, Affine: Identity()}, f).CheckFinite()
	if len(bad) != 1 || !strings.Contains(bad[0].Message, "2 values") || !strings.Contains(bad[0].Message, "(2, 0, 0)") {
		t.Errorf("found %v", bad)
	}
}

func TestConvertClamps(t *testing.T) {
	if convert[int8](-300) != -128 || convert[int8](127.6) != 127 || convert[uint8](-1) != 0 || convert[uint8](2.5) != 2 ||
		convert[uint64](1e30) != math.MaxUint64 || convert[int64](-1e30) != math.MinInt64 || convert[int16](math.NaN()) != 0 || convert[float32](0.5) != 0.5 {
		t.Error("a value is not rounded or held in the range of its type")
	}
}

func TestAsLabels(t *testing.T) {
	g := Geometry{Dims: [3]int{2, 2, 1}, Affine: Identity()}
	m, err := AsLabels(New(g, []float32{0, 1, 2, 1}), []Label{{1, "liver"}, {2, "tumour"}})
	if err != nil || m.Data.Type() != Uint8 || m.At(0, 1, 0) != 2 || m.Name(2) != "tumour" || m.Name(3) != "" {
		t.Fatalf("%v, %v", m, err)
	}
	if c := m.Counts(); len(c) != 3 || c[1] != 2 {
		t.Errorf("counts are %v", c)
	}
	if m, err := AsLabels(New(g, []int32{0, 300, 0, 0}), nil); err != nil || m.Data.Type() != Uint16 {
		t.Error("labels above 255 are not uint16")
	}
	_, err = AsLabels(New(g, []float32{0.5, -1, float32(math.NaN()), 1}), nil)
	if f := fault.FindingsOf(err); len(f) != 1 || f[0].Count != 3 {
		t.Errorf("bad labels: %v", err)
	}
}
