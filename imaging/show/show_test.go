package show

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galen.dev/fault"
	"galen.dev/volume"
)

var update = flag.Bool("update", false, "rewrite golden pictures")

// phantom is a body with thick slices whose parts say where they are: a bright block on the patient's right, a bone at
// the back, air at the head. Its mask holds a ball in the left half (label 1) and a small box in front (label 7).
func phantom() (*volume.Volume, *volume.LabelMap) {
	g := volume.Geometry{Dims: [3]int{48, 40, 16}, Affine: volume.Scaling(volume.Vec{1.5, 1.5, 4})}
	data := make([]int16, g.Voxels())
	labels := make([]uint8, g.Voxels())
	sq := func(x float64) float64 { return x * x }
	for z := range g.Dims[2] {
		for y := range g.Dims[1] {
			for x := range g.Dims[0] {
				i := g.Index(x, y, z)
				data[i] = -1000
				fx, fy, fz := float64(x), float64(y), float64(z)
				if z < 14 && sq((fx-23.5)/21)+sq((fy-19.5)/17) < 1 {
					data[i] = int16(20 + 3*z)
				}
				if x > 32 && x < 40 && y > 16 && y < 22 && z < 12 {
					data[i] = 180 // x rises to the right of the patient
				}
				if sq(fx-23.5)+sq(fy-7) < 14 && z < 14 {
					data[i] = 700 // y is low at the back
				}
				if sq((fx-14)*1.5)+sq((fy-20)*1.5)+sq((fz-7)*4) < sq(10) {
					labels[i] = 1
					data[i] += 60
				}
				if x > 20 && x < 28 && y > 29 && y < 34 && z > 5 && z < 9 {
					labels[i] = 7
				}
			}
		}
	}
	v := volume.New(g, data)
	v.Modality, v.Unit = "CT", volume.Hounsfield
	return v, volume.NewLabels(g, labels, []volume.Label{{Value: 1, Name: "ball"}})
}

func heat(g volume.Geometry, signed bool) *volume.Volume {
	data := make([]float32, g.Voxels())
	for z := range g.Dims[2] {
		for y := range g.Dims[1] {
			for x := range g.Dims[0] {
				dx, dy, dz := float64(x-14), float64(y-20), 2.5*float64(z-7)
				v := math.Exp(-(dx*dx + dy*dy + dz*dz) / 60)
				if signed {
					dx = float64(x - 36)
					v -= .6 * math.Exp(-(dx*dx+dy*dy+dz*dz)/60)
				}
				data[g.Index(x, y, z)] = float32(math.Round(v*256) / 256) // the same on every machine
			}
		}
	}
	return volume.New(g, data)
}

// same compares a picture with the golden one, pixel by pixel.
func same(t *testing.T, name string, p Picture) {
	t.Helper()
	file := filepath.Join("testdata", name+".png")
	if *update {
		if err := os.WriteFile(file, p.PNG(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(p.PNG()))
	if err != nil {
		t.Fatal(err)
	}
	if m.Bounds() != got.Bounds() {
		t.Fatalf("%s: size %v, want %v", name, got.Bounds(), m.Bounds())
	}
	wrong := 0
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			if color.RGBAModel.Convert(m.At(x, y)) != color.RGBAModel.Convert(got.At(x, y)) {
				wrong++
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%s: %d pixels differ", name, wrong)
	}
}

func must(t *testing.T) func(Picture, error) Picture {
	return func(p Picture, err error) Picture {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

func TestPictures(t *testing.T) {
	v, m := phantom()
	small := View{Size: 200}
	at := func(p Plane) View { return View{Size: 200, Plane: p} }
	planes := must(t)(Row(Panel{Title: "Axial", Image: v, Mask: m, View: at(Axial)}, Panel{Title: "Coronal", Image: v, Mask: m, View: at(Coronal)},
		Panel{Image: v, Mask: m, View: at(Sagittal)}))
	same(t, "planes", planes)
	if want := "Axial: axial slice 8 of 16, -160 to 240 HU from black to white; the mask covers"; !strings.HasPrefix(planes.Alt, want) || !strings.HasSuffix(planes.Alt, "Labels: ball, label 7.") {
		t.Errorf("the picture is described as %q", planes.Alt)
	}
	numbered := at(Axial)
	numbered.NoKey = true
	with, without := must(t)(Row(Panel{Image: v, Mask: m, View: at(Axial)})), must(t)(Row(Panel{Image: v, Mask: m, View: numbered}))
	if strings.Contains(without.Alt, "Labels:") || without.Pixels.Rect.Dy() >= with.Pixels.Rect.Dy() {
		t.Errorf("without a key: %q, %v; with one %v", without.Alt, without.Pixels.Rect, with.Pixels.Rect)
	}
	shifted := m.Cut(volume.Box{From: [3]int{2, 1, 0}, To: [3]int{50, 41, 16}})
	shifted.Affine = m.Affine
	same(t, "compare", must(t)(Compare(v, m, shifted, small)))
	same(t, "slices", must(t)(Slices(Panel{Title: "z", Image: v, Mask: m, View: View{Size: 120}}, 6)))
	same(t, "heat", must(t)(Row(
		Panel{Title: "Occlusion", Image: v, Mask: m, View: small, Heat: &Heat{Values: heat(v.Geometry, false), Label: "drop of probability"}},
		Panel{Title: "Integrated gradients", Image: v, View: View{Size: 200, Slice: At(7)}, Heat: &Heat{Values: heat(v.Geometry, true), Label: "log-odds", Signed: true}},
	)))
	same(t, "picture", must(t)(Row(Panel{Title: "28 pixels", Image: plain28(), View: View{Size: 112, Blocks: true}}, Panel{Title: "smooth", Image: plain28(), View: View{Size: 112}},
		Panel{Title: "red", Image: plain28(), View: View{Size: 112, Channel: 1}}, Panel{Title: "smaller, with a long title", Image: plain28(), View: View{Size: 20}})))
}

// plain28 is a picture in colour as PNG files are read: x to the right, y down.
func plain28() *volume.Volume {
	g := volume.Geometry{Dims: [3]int{28, 28, 1}, Affine: volume.Identity()}
	data := make([]uint8, 3*g.Voxels())
	for y := range 28 {
		for x := range 28 {
			data[g.Index(x, y, 0)] = uint8(9 * x)
			data[g.Voxels()+g.Index(x, y, 0)] = uint8(9 * y)
			if x > 4 && x < 12 && y > 3 && y < 8 {
				data[2*g.Voxels()+g.Index(x, y, 0)] = 255
			}
		}
	}
	v := volume.New(g, data[:g.Voxels()])
	v.Channels, v.Data = 3, volume.Slice[uint8](data)
	return v
}

// The picture of a patient does not depend on how the voxels lie in memory: all 48 orders of axes give the same pixels.
func TestOrientation(t *testing.T) {
	v, m := phantom()
	for _, plane := range []Plane{AsIs, Axial, Coronal, Sagittal} {
		view := View{Plane: plane, Size: 96}
		want := must(t)(Draw(Panel{Image: v, Mask: m, View: view}))
		n := 0
		for _, codes := range orders() {
			vv, err := v.Reorient(codes)
			if err != nil {
				t.Fatal(err)
			}
			mm, err := m.Reorient(codes)
			if err != nil {
				t.Fatal(err)
			}
			n++
			// The largest slice of equals may be another one from the other end; the phantom has one largest.
			if got := must(t)(Draw(Panel{Image: vv, Mask: mm, View: view})); !bytes.Equal(got.Pixels.Pix, want.Pixels.Pix) {
				t.Errorf("%v: %s differs", plane, codes)
			}
		}
		if n != 48 {
			t.Fatalf("%d orders", n)
		}
	}
}

func orders() (out []volume.Codes) {
	for _, p := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		for s := range 8 {
			b := make([]byte, 3)
			for i, axis := range p {
				b[i] = [3]string{"RL", "AP", "SI"}[axis][s>>i&1]
			}
			out = append(out, volume.Codes(b))
		}
	}
	return out
}

// A bright voxel at the patient's right, front or head lies where radiologists look for it.
func TestRadiologicalConvention(t *testing.T) {
	g := volume.Geometry{Dims: [3]int{9, 9, 9}, Affine: volume.Identity()}
	for _, c := range []struct {
		plane Plane
		voxel [3]int
		x, y  float64 // where in the picture, 0 to 1
		words [4]string
	}{
		{Axial, [3]int{8, 8, 4}, 0, 0, [4]string{"R", "L", "A", "P"}},
		{Coronal, [3]int{8, 4, 8}, 0, 0, [4]string{"R", "L", "S", "I"}},
		{Sagittal, [3]int{4, 8, 8}, 0, 0, [4]string{"A", "P", "S", "I"}},
		{Axial, [3]int{0, 0, 4}, 1, 1, [4]string{"R", "L", "A", "P"}},
	} {
		data := make([]uint8, g.Voxels())
		data[g.Index(c.voxel[0], c.voxel[1], c.voxel[2])] = 255
		p := Panel{Image: volume.New(g, data), View: View{Plane: c.plane, Slice: At(4), Size: 9}}
		pl := p.place()
		if pl.o.letters != c.words {
			t.Errorf("%v: letters %q", c.plane, pl.o.letters)
		}
		m := pl.draw()
		if x, y := int(c.x*8), int(c.y*8); m.RGBAAt(x, y).R != 255 {
			t.Errorf("%v: the voxel %v is not at %d, %d", c.plane, c.voxel, x, y)
		}
	}
	// Turned by 30 degrees in the plane, edges look in two directions.
	s, c := math.Sincos(math.Pi / 6)
	g.Affine = volume.FromColumns(volume.Vec{c, s, 0}, volume.Vec{-s, c, 0}, volume.Vec{0, 0, 1}, volume.Vec{})
	if got := Axial.of(g).letters; got != [4]string{"RA", "LP", "AL", "PR"} {
		t.Errorf("oblique letters %q", got)
	}
}

func TestProportions(t *testing.T) {
	v, _ := phantom() // 72 by 60 by 64 mm
	for plane, want := range map[Plane]image.Point{Axial: {144, 120}, Coronal: {144, 128}, Sagittal: {120, 128}} {
		p := must(t)(Draw(Panel{Image: v, View: View{Plane: plane, Size: max(want.X, want.Y)}}))
		if got := p.Pixels.Rect.Size().Sub(image.Point{2 * gap, 2 * gap}); got != want {
			t.Errorf("%v: %v pixels, want %v", plane, got, want)
		}
	}
}

func TestTapsKeepTheMean(t *testing.T) {
	for in := 1; in < 40; in++ {
		for out := 1; out < 40; out++ {
			for _, nearest := range []bool{false, true} {
				for i, ts := range taps(in, out, nearest) {
					sum := 0.0
					for _, tp := range ts {
						sum += tp.weight
						if tp.at < 0 || tp.at >= in {
							t.Fatalf("%d to %d: pixel %d reads %d", in, out, i, tp.at)
						}
					}
					if math.Abs(sum-1) > 1e-12 {
						t.Fatalf("%d to %d: weights of pixel %d sum to %g", in, out, i, sum)
					}
				}
			}
		}
	}
}

func TestWindows(t *testing.T) {
	v, _ := phantom()
	if w := Auto(v, 0); w != (Window{-160, 240}) {
		t.Errorf("window of CT is %v", w)
	}
	g := volume.Geometry{Dims: [3]int{101, 1, 1}, Affine: volume.Identity()}
	data := make([]float32, 101)
	for i := range data {
		data[i] = float32(i)
	}
	data[3] = float32(math.NaN())
	v = volume.New(g, data)
	v.Slope, v.Inter = 2, 10
	if w := Percentile(v, 0, 10, 90); w != (Window{10 + 2*11, 10 + 2*90}) {
		t.Errorf("percentiles are %v", w)
	}
	for x, want := range map[float64]float64{0: 0, 22: 0, 190: 1, 106: .5} {
		if got := (Window{22, 190}).share(x); got != want {
			t.Errorf("%g has the share %g", x, got)
		}
	}
	if got := (Window{22, 190}).share(math.NaN()); got != 0 {
		t.Errorf("NaN has the share %g", got)
	}
	constant := volume.New(g, make([]float32, 101))
	must(t)(Draw(Panel{Image: constant}))
}

func TestSliceChoice(t *testing.T) {
	v, m := phantom()
	if got := Largest(m, Axial); got != 7 {
		t.Errorf("largest axial slice %d", got)
	}
	if got := Largest(m, Sagittal); got < 10 || got > 27 {
		t.Errorf("largest sagittal slice %d", got)
	}
	empty := volume.NewLabels(v.Geometry, make([]uint8, v.Voxels()), nil)
	if got := Largest(empty, Axial); got != 8 {
		t.Errorf("largest slice of nothing %d", got)
	}
	// A prediction is shown where the reference is empty.
	p := must(t)(Compare(v, empty, m, View{Size: 64}))
	if !strings.Contains(p.Alt, "slice 8 of 16") {
		t.Errorf("compare shows %q", p.Alt)
	}
	must(t)(Draw(Panel{Image: v, View: View{Slice: At(1000), Size: 64}}))
}

func TestRefused(t *testing.T) {
	v, m := phantom()
	other := *m
	other.Affine = volume.Scaling(volume.Vec{1, 1, 1})
	for name, c := range map[string]struct {
		panel Panel
		kind  fault.Kind
	}{
		"no image":         {Panel{}, fault.Usage},
		"size":             {Panel{Image: v, View: View{Size: 5000}}, fault.Usage},
		"channel":          {Panel{Image: v, View: View{Channel: 2}}, fault.Usage},
		"time":             {Panel{Image: v, View: View{Time: 1}}, fault.Usage},
		"plane":            {Panel{Image: v, View: View{Plane: 9}}, fault.Usage},
		"mask's geometry":  {Panel{Image: v, Mask: &other}, fault.Data},
		"heat without map": {Panel{Image: v, Heat: &Heat{}}, fault.Usage},
		"heat's opacity":   {Panel{Image: v, Heat: &Heat{Values: heat(v.Geometry, false), Opacity: 2}}, fault.Usage},
	} {
		if _, err := Draw(c.panel); err == nil || fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Row(make([]Panel, MaxPanels+1)...); err == nil {
		t.Error("too many panels are drawn")
	}
	many := make([]Panel, 40)
	for i := range many {
		many[i] = Panel{Image: v, View: View{Size: MaxSize}}
	}
	if _, err := Montage(0, many...); err == nil || fault.HintOf(err) == "" {
		t.Errorf("a picture of over %d pixels: %v", maxPixels, err)
	}
}

func TestText(t *testing.T) {
	m := canvas(200, 30)
	write(m, 2, 2, "−5 µm 日", color.RGBA{255, 255, 255, 255})
	want := canvas(200, 30)
	write(want, 2, 2, "-5 um ?", color.RGBA{255, 255, 255, 255})
	if !bytes.Equal(m.Pix, want.Pix) {
		t.Error("signs beyond ASCII are not replaced")
	}
	if got := fit("a long title", 7*8); got != "a long.." {
		t.Errorf("cut to %q", got)
	}
}

func TestBlock(t *testing.T) {
	v, _ := phantom()
	b := must(t)(Draw(Panel{Image: v})).Block("CT", "of a phantom")
	if b.Alt == "" || !strings.HasPrefix(string(b.Source()), "data:image/png;base64,") {
		t.Error("the picture is no block of a report")
	}
}
