package segment

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galen.dev/dicom"
	"galen.dev/nifti"
	"galen.dev/store"
	"galen.dev/task"
	"galen.dev/volume"
)

// oblique is a grid of thick slices whose axes are turned out of the patient's.
func oblique(dims [3]int, spacing volume.Vec) volume.Geometry {
	c, s := math.Cos(.3), math.Sin(.3)
	return volume.Geometry{Dims: dims, Affine: volume.FromColumns(
		volume.Vec{-c, -s, 0}.Times(spacing[0]), volume.Vec{s * .8, -c * .8, -.6}.Times(spacing[1]), volume.Vec{s * .6, -c * .6, .8}.Times(spacing[2]), volume.Vec{30, -20, 100},
	)}
}

// body is a generated CT: water with noise, and an ellipsoid of 80 HU with a kernel of 250 HU: labels 1 and 2.
func body(g volume.Geometry, seed uint64) (*volume.Volume, *volume.LabelMap) {
	rng := rand.New(rand.NewPCG(seed, 3))
	spacing := g.Spacing()
	var centre, radius [3]float64
	for a := range 3 {
		extent := float64(g.Dims[a]) * spacing[a]
		centre[a] = extent * (.4 + .2*rng.Float64())
		radius[a] = extent * (.2 + .1*rng.Float64())
	}
	hu, labels := make([]int16, g.Voxels()), make([]uint8, g.Voxels())
	for i := range hu {
		x, y, z := i%g.Dims[0], i/g.Dims[0]%g.Dims[1], i/(g.Dims[0]*g.Dims[1])
		d := 0.
		for a, k := range [3]int{x, y, z} {
			r := ((float64(k)+.5)*spacing[a] - centre[a]) / radius[a]
			d += r * r
		}
		v := 0.
		switch {
		case d < .2:
			labels[i], v = 2, 250
		case d < 1:
			labels[i], v = 1, 80
		}
		hu[i] = int16(v + 15*rng.NormFloat64())
	}
	v := volume.New(g, hu)
	v.Modality, v.Unit = "CT", volume.Hounsfield
	return v, volume.NewLabels(g, labels, nil)
}

// bodies writes a folder of NIfTI images and masks.
func bodies(t testing.TB, n int, dims [3]int) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"images", "labels"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		v, m := body(oblique(dims, volume.Vec{1, 1, 3}), uint64(i))
		name := fmt.Sprintf("case%02d.nii.gz", i)
		if err := nifti.New(v).Write(t.Context(), filepath.Join(folder, "images", name)); err != nil {
			t.Fatal(err)
		}
		if err := nifti.NewLabels(m).Write(t.Context(), filepath.Join(folder, "labels", name)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// series packs a CT as a DICOM series of one file a slice.
func series(t testing.TB, v *volume.Volume) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	lps := v.Affine.LPS()
	row, column := lps.Directions()[0], lps.Directions()[1]
	spacing := v.Spacing()
	uid := dicom.UID(1, "series")
	plane := v.Dims[0] * v.Dims[1]
	data := v.Data.(volume.Slice[int16])
	for z := range v.Dims[2] {
		d := new(dicom.Dataset)
		text := func(tag dicom.Tag, values ...string) { d.SetText(tag, values...) }
		text(dicom.SOPClassUID, "1.2.840.10008.5.1.4.1.1.2")
		text(dicom.SOPInstanceUID, dicom.UID(1, fmt.Sprint("slice", z)))
		text(dicom.StudyDate, "20240102")
		text(dicom.StudyTime, "101112")
		text(dicom.AccessionNumber, "")
		text(dicom.Modality, "CT")
		text(dicom.Manufacturer, "generated")
		text(dicom.ReferringPhysicianName, "")
		text(dicom.PatientName, "Made^Up")
		text(dicom.PatientID, "1")
		text(dicom.PatientBirthDate, "")
		text(dicom.PatientSex, "")
		text(dicom.StudyInstanceUID, dicom.UID(1, "study"))
		text(dicom.SeriesInstanceUID, uid)
		text(dicom.StudyID, "1")
		d.SetInts(dicom.SeriesNumber, 1)
		d.SetInts(dicom.InstanceNumber, z+1)
		text(dicom.FrameOfReferenceUID, dicom.UID(1, "frame"))
		text(dicom.PositionReferenceIndicator, "")
		text(dicom.ImageType, "ORIGINAL", "PRIMARY", "AXIAL")
		d.SetFloats(dicom.SliceThickness, spacing[2])
		origin := lps.Apply(volume.Vec{0, 0, float64(z)})
		d.SetFloats(dicom.ImagePositionPatient, origin[:]...)
		d.SetFloats(dicom.ImageOrientationPatient, row[0], row[1], row[2], column[0], column[1], column[2])
		d.SetInts(dicom.SamplesPerPixel, 1)
		text(dicom.PhotometricInterpretation, "MONOCHROME2")
		d.SetInts(dicom.Rows, v.Dims[1])
		d.SetInts(dicom.Columns, v.Dims[0])
		d.SetFloats(dicom.PixelSpacing, spacing[1], spacing[0])
		d.SetInts(dicom.BitsAllocated, 16)
		d.SetInts(dicom.BitsStored, 16)
		d.SetInts(dicom.HighBit, 15)
		d.SetInts(dicom.PixelRepresentation, 1)
		d.SetFloats(dicom.RescaleIntercept, 0)
		d.SetFloats(dicom.RescaleSlope, 1)
		text(dicom.RescaleType, "HU")
		pixels := make([]byte, 0, 2*plane)
		for _, x := range data[z*plane : (z+1)*plane] {
			pixels = append(pixels, byte(x), byte(uint16(x)>>8))
		}
		d.SetBytes(dicom.PixelData, dicom.OW, pixels)
		f, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%04d.dcm", z), Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if err := dicom.Write(f, d, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bench is a runner in a store of its own, with what it told.
type bench struct {
	x     *task.Runner
	notes *strings.Builder
}

func newBench(t testing.TB) *bench {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "runs"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{notes: new(strings.Builder)}
	b.x = &task.Runner{Tasks: []*task.Task{Task}, Store: s, Version: "test", Monitor: func(e task.Event) {
		if e.Kind == task.Note {
			b.notes.WriteString(e.Text + "\n")
		}
	}}
	return b
}

func (b *bench) apply(ctx context.Context, t testing.TB, run, name string, input []byte) []Prediction {
	t.Helper()
	var out bytes.Buffer
	if _, err := b.x.Apply(ctx, run, task.Input{Path: name, Reader: bytes.NewReader(input)}, nil, &out, task.JSON); err != nil {
		t.Fatal(err)
	}
	var got []Prediction
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// solid is a study on generated volumes.
func solid(data, output string) *task.Study {
	return &task.Study{Name: "solid", Task: Task.Name, Data: data, Seed: 4, Params: map[string]any{
		"width": 4, "patch": 24, "batch": 2, "epochs": 5, "iterations": 12, "validations": 2, "bootstrap": 100, "learning-rate": .02, "memory": .5,
		"channels": []string{"CT"}, "classes": map[string]float64{"organ": 1, "lesion": 2}, "output": output, "write": []string{"nifti", "seg", "png", "pdf", "sr"}, "mirror": true,
	}}
}

// TestSolid trains a solid network on oblique, anisotropic NIfTI volumes and applies it to a DICOM series: the mask lies
// on the series' grid, agrees with what was planted, and the segmentation object refers to the series.
func TestSolid(t *testing.T) {
	out := t.TempDir()
	b := newBench(t)
	s := solid(bodies(t, 8, [3]int{30, 26, 12}), out)
	res, err := b.x.Run(t.Context(), s, task.Evaluate)
	if err != nil {
		t.Fatal(err)
	}
	if d := res.Metrics["dice"]; d < .8 {
		t.Errorf("Dice on test volumes is %.3f, less than .8", d)
	}
	v, reference := body(oblique([3]int{28, 30, 11}, volume.Vec{1, 1, 3}), 99)
	got := b.apply(t.Context(), t, res.Run, "series.zip", series(t, v))
	if len(got) != 1 || got[0].Abstained {
		t.Fatalf("%+v", got)
	}
	p := got[0]
	mask, err := nifti.Read(t.Context(), p.Files["nifti"], nifti.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := volume.SameGeometry(mask.Volume.Geometry, v.Geometry); err != nil {
		t.Errorf("the mask lies elsewhere than the series: %v", err)
	}
	labels, err := volume.AsLabels(mask.Volume, nil)
	if err != nil {
		t.Fatal(err)
	}
	var both, all [3]float64
	for i := range labels.Voxels() {
		a, b := labels.Get(i), reference.Get(i)
		all[a]++
		all[b]++
		if a == b {
			both[a]++
		}
	}
	for k := 1; k < 3; k++ {
		if dice := 2 * both[k] / all[k]; dice < []float64{0, .8, .5}[k] { // the small kernel takes more than sixty steps
			t.Errorf("Dice of class %d on the series is %.3f", k, dice)
		}
	}
	refersTo(t, p.Files["seg"], labels, v)
	for _, kind := range []string{"png", "pdf", "sr"} {
		if info, err := os.Stat(p.Files[kind]); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", kind, err)
		}
	}
	for _, want := range []string{"training will take about", "at its peak", "network", "resampling back"} {
		if !strings.Contains(b.notes.String(), want) {
			t.Errorf("nothing was told of %q in:\n%s", want, b.notes.String())
		}
	}
	if dir := os.Getenv("GALEN_KEEP"); dir != "" { // for the programs that read it back: testdata/seg.py
		if err := os.CopyFS(dir, os.DirFS(filepath.Dir(p.Files["seg"]))); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "series.zip"), series(t, v), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	again := b.apply(t.Context(), t, res.Run, "series.zip", series(t, v))
	if again[0].Findings[0].Voxels != p.Findings[0].Voxels || again[0].Files["seg"] != p.Files["seg"] {
		t.Error("the same series gives another prediction, or another place")
	}
}

// refersTo checks a segmentation object: it names the series, and its frames hold as many voxels as the mask.
func refersTo(t *testing.T, name string, mask *volume.LabelMap, v *volume.Volume) {
	t.Helper()
	f, err := dicom.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if ref := f.First(dicom.ReferencedSeriesSequence); ref.Text(dicom.SeriesInstanceUID) != dicom.UID(1, "series") || len(ref.Items(dicom.ReferencedInstanceSequence)) != v.Dims[2] {
		t.Error("the segmentation does not refer to the series and all its slices")
	}
	if f.Text(dicom.FrameOfReferenceUID) != dicom.UID(1, "frame") {
		t.Error("the segmentation is in another frame of reference")
	}
	counts := countSegments(t, f)
	for k, n := range mask.Counts() {
		if k > 0 && counts[k] != n {
			t.Errorf("segment %d has %d voxels, the mask %d", k, counts[k], n)
		}
	}
}

// countSegments counts the voxels of each segment.
func countSegments(t *testing.T, f *dicom.File) map[int]int {
	t.Helper()
	im, err := f.Image()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[int]int{}
	frames := f.Items(dicom.PerFrameFunctionalGroups)
	for i := range im.Frames {
		d, err := im.Frame(i)
		if err != nil {
			t.Fatal(err)
		}
		segment, _, err := frames[i].First(dicom.SegmentIdentificationSeq).Int(dicom.ReferencedSegmentNumber)
		if err != nil {
			t.Fatal(err)
		}
		for k := range d.Len() {
			counts[segment] += int(d.At(k))
		}
	}
	return counts
}
