package dicom

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galen.dev/fault"
	"galen.dev/volume"
)

func TestSeriesBecomesVolume(t *testing.T) {
	dir := save(t, 4, nil)
	write(t, filepath.Join(dir, "notes.txt"), []byte("nothing to see"))
	v, k, err := ReadVolume(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	checkVolume(t, v)
	if len(k.Slices) != 4 || !strings.HasSuffix(k.Slices[0].File.Name, "im04.dcm") || k.Label != "" {
		t.Errorf("slices are not in the order of positions: %v", k.Slices)
	}
}

func checkVolume(t *testing.T, v *volume.Volume) {
	t.Helper()
	if v.Dims != [3]int{6, 5, 4} || v.Data.Type() != volume.Int16 || v.Unit != volume.Hounsfield || v.Modality != "CT" {
		t.Fatalf("got %v of %v in %q, modality %q", v.Dims, v.Data.Type(), v.Unit, v.Modality)
	}
	// LPS (-10, -20, 30) is RAS (10, 20, 30).
	want := volume.FromColumns(volume.Vec{-0.5, 0, 0}, volume.Vec{0, -0.7, 0}, volume.Vec{0, 0, 2}, volume.Vec{10, 20, 30})
	for i := range 4 {
		for j := range 4 {
			if math.Abs(v.Affine[i][j]-want[i][j]) > 1e-9 {
				t.Fatalf("affine %v, want %v", v.Affine, want)
			}
		}
	}
	for z := range 4 {
		if got := v.At(5, 4, z, 0, 0); got != float64(2*(100*z+29-15)-1000) {
			t.Errorf("last voxel of slice %d is %v", z, got)
		}
	}
}

func TestZipAndFormats(t *testing.T) {
	dir := save(t, 4, nil)
	path := filepath.Join(t.TempDir(), "series.zip")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(out)
	files, _ := filepath.Glob(dir + "/*")
	for _, f := range files {
		e, err := w.Create("folder/" + filepath.Base(f))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := os.ReadFile(f)
		if _, err := e.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	e, _ := w.Create("readme")
	io.WriteString(e, strings.Repeat("no image ", 100))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out.Close()
	v, _, err := ReadVolume(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	checkVolume(t, v)
	for _, p := range []string{path, dir} {
		opened, err := volume.Formats{Format()}.Open(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		if len(opened) != 1 {
			t.Fatalf("%d volumes in %s", len(opened), p)
		}
		checkVolume(t, opened[0].Volume)
	}
}

func TestRefusedSeries(t *testing.T) {
	for _, tt := range []struct {
		name    string
		edit    func(z int, d *Dataset) bool
		finding string
		count   int
	}{
		{"missing slice", func(z int, d *Dataset) bool { return z != 3 }, "missing-slice", 1},
		{"duplicate slice", func(z int, d *Dataset) bool {
			if z == 4 {
				d.SetFloats(ImagePositionPatient, -10, -20, 36)
			}
			return true
		}, "duplicate-slice", 2},
		{"unequal gap", func(z int, d *Dataset) bool {
			if z == 5 {
				d.SetFloats(ImagePositionPatient, -10, -20, 40.7)
			}
			return true
		}, "unequal-gap", 2},
		{"gantry tilt", func(z int, d *Dataset) bool {
			d.SetFloats(ImagePositionPatient, -10, -20+0.35*float64(z), 30+2*float64(z))
			return true
		}, "gantry-tilt", 8},
		{"displaced", func(z int, d *Dataset) bool {
			if z == 2 {
				d.SetFloats(ImagePositionPatient, -9.5, -20, 34)
			}
			return true
		}, "displaced-slice", 1},
		{"mixed orientation", func(z int, d *Dataset) bool {
			if z == 2 {
				d.SetFloats(ImageOrientationPatient, 1, 0, 0, 0, 0, -1)
			}
			return true
		}, "mixed-orientation", 1},
		{"not orthonormal", func(z int, d *Dataset) bool {
			if z == 2 {
				d.SetFloats(ImageOrientationPatient, 1, 0, 0, 0.1, 1, 0)
			}
			return true
		}, "not-orthonormal", 1},
		{"mixed size", func(z int, d *Dataset) bool {
			if z == 2 {
				d.SetInts(Rows, 3)
			}
			return true
		}, "mixed-size", 1},
		{"mixed spacing", func(z int, d *Dataset) bool {
			if z == 6 {
				d.SetFloats(PixelSpacing, 0.7, 0.6)
			}
			return true
		}, "mixed-spacing", 1},
		{"mixed units", func(z int, d *Dataset) bool {
			if z == 6 {
				d.SetText(RescaleType, "OD")
			}
			return true
		}, "mixed-units", 1},
		{"mixed frames of reference", func(z int, d *Dataset) bool {
			if z == 0 {
				d.SetText(FrameOfReferenceUID, "1.2")
			}
			return true
		}, "mixed-frame-of-reference", 1},
		{"no spacing", func(z int, d *Dataset) bool { d.Remove(PixelSpacing); return true }, "no-geometry", 8},
		{"no position", func(z int, d *Dataset) bool { d.SetText(ImagePositionPatient, "1", "2"); return true }, "no-geometry", 8},
		{"short pixels", func(z int, d *Dataset) bool {
			if z == 3 {
				d.SetBytes(PixelData, OW, make([]byte, 58))
			}
			return true
		}, "truncated", 1},
		{"frames without geometry", func(z int, d *Dataset) bool {
			d.SetInts(NumberOfFrames, 5)
			d.SetInts(Rows, 1)
			return true
		}, "multi-frame-geometry", 8},
		{"another series", func(z int, d *Dataset) bool {
			if z == 3 {
				d.SetText(SeriesInstanceUID, "1.2.3")
			}
			return true
		}, "several-series", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := ReadVolume(context.Background(), save(t, 8, tt.edit))
			if fault.KindOf(err) != fault.Data || names(err)[tt.finding] != tt.count {
				t.Fatalf("got %v", err)
			}
			for _, f := range fault.FindingsOf(err) {
				if f.File == "" {
					t.Errorf("no file in %v", f)
				}
			}
			if strings.Contains(err.Error(), "Phantom") || strings.Contains(err.Error(), "SYNTH") {
				t.Errorf("the error names the patient: %v", err)
			}
		})
	}
}

func TestStacksOfOneSeries(t *testing.T) {
	dir := save(t, 8, func(z int, d *Dataset) bool {
		d.SetText(Modality, "MR")
		d.SetFloats(ImagePositionPatient, 0, 0, float64(z%4))
		d.SetFloats(EchoTime, []float64{10, 2.5}[z/4])
		d.SetText(AcquisitionTime, fmt.Sprintf("1200%02d", z)) // each slice has its own
		return true
	})
	c, err := Scan(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	stacks, err := c.Series[0].Stacks()
	if err != nil {
		t.Fatal(err)
	}
	if len(stacks) != 2 || stacks[0].Label != "echo time 2.5" || stacks[1].Label != "echo time 10" || len(stacks[0].Slices) != 4 {
		t.Fatalf("got %d stacks", len(stacks))
	}
	if v, err := stacks[0].Volume(context.Background()); err != nil || v.At(0, 0, 0, 0, 0) != 2*(400-15)-1000 {
		t.Errorf("the second echo has the wrong slices: %v", err)
	}
	if _, _, err := ReadVolume(context.Background(), dir); names(err)["several-volumes"] != 2 {
		t.Errorf("two volumes became one: %v", err)
	}
}

func TestOrientationsOfOneSeries(t *testing.T) {
	dir := save(t, 6, func(z int, d *Dataset) bool {
		if z >= 3 {
			d.SetFloats(ImageOrientationPatient, 0, 1, 0, 0, 0, -1)
			d.SetFloats(ImagePositionPatient, float64(-5*z), 0, 0)
		}
		return true
	})
	c, err := Scan(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	stacks, err := c.Series[0].Stacks()
	if err != nil || len(stacks) != 2 {
		t.Fatalf("%d stacks, %v", len(stacks), err)
	}
	if a, b := stacks[0].Geometry.Affine.Codes(), stacks[1].Geometry.Affine.Codes(); a != "LPS" || b != "PIR" && b != "PIL" {
		t.Errorf("axes %s and %s", a, b)
	}
}

func TestSlopesOfPET(t *testing.T) {
	dir := save(t, 3, func(z int, d *Dataset) bool {
		d.SetText(Modality, "PT")
		d.SetText(Units, "BQML")
		d.SetFloats(RescaleSlope, float64(z+1)/4)
		d.SetFloats(RescaleIntercept, 0)
		return true
	})
	v, _, err := ReadVolume(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if v.Data.Type() != volume.Float32 || v.Unit != "BQML" || v.At(1, 0, 2, 0, 0) != float64(200-14)*0.75 {
		t.Errorf("%v %q %v", v.Data.Type(), v.Unit, v.At(1, 0, 2, 0, 0))
	}
}

// enhanced is a multi-frame object with functional groups: frames out of order, rescale in the shared ones.
func enhanced(frames []int) *Dataset {
	d := ct(0)
	d.SetText(SOPClassUID, "1.2.840.10008.5.1.4.1.1.2.1")
	for _, t := range []Tag{ImagePositionPatient, ImageOrientationPatient, PixelSpacing, RescaleSlope, RescaleIntercept} {
		d.Remove(t)
	}
	one := func(set func(x *Dataset)) *Dataset {
		x := &Dataset{}
		set(x)
		return x
	}
	shared := &Dataset{}
	shared.SetItems(PlaneOrientationSequence, one(func(x *Dataset) { x.SetFloats(ImageOrientationPatient, 1, 0, 0, 0, 1, 0) }))
	shared.SetItems(PixelMeasuresSequence, one(func(x *Dataset) { x.SetFloats(PixelSpacing, 0.7, 0.5) }))
	shared.SetItems(PixelValueTransformSequence, one(func(x *Dataset) {
		x.SetFloats(RescaleSlope, 2)
		x.SetFloats(RescaleIntercept, -1000)
		x.SetText(RescaleType, "HU")
	}))
	d.SetItems(SharedFunctionalGroups, shared)
	var per []*Dataset
	var data []byte
	for _, z := range frames {
		g := &Dataset{}
		g.SetItems(PlanePositionSequence, one(func(x *Dataset) { x.SetFloats(ImagePositionPatient, -10, -20, 30+2*float64(z)) }))
		per = append(per, g)
		b, _ := ct(z).Find(PixelData).Bytes()
		data = append(data, b...)
	}
	d.SetItems(PerFrameFunctionalGroups, per...)
	d.SetInts(NumberOfFrames, len(frames))
	d.SetBytes(PixelData, OW, data)
	return d
}

func TestEnhancedMultiFrame(t *testing.T) {
	for _, syntax := range []string{ExplicitLittleEndian, DeflatedLittleEndian, RLELossless} {
		path := filepath.Join(t.TempDir(), "enhanced")
		if err := WriteFile(path, enhanced([]int{2, 0, 3, 1}), syntax); err != nil {
			t.Fatal(err)
		}
		v, k, err := ReadVolume(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		checkVolume(t, v)
		if k.Slices[0].Frame != 1 {
			t.Errorf("first slice is frame %d", k.Slices[0].Frame)
		}
	}
	path := filepath.Join(t.TempDir(), "gap")
	if err := WriteFile(path, enhanced([]int{0, 1, 2, 4}), ""); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReadVolume(context.Background(), path); names(err)["missing-slice"] != 1 || !strings.Contains(err.Error(), "frame 3") {
		t.Errorf("got %v", err)
	}
}

func TestScanStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Scan(ctx, save(t, 2, nil)); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}
