package dicom

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"galen.dev/fault"
	"galen.dev/volume"
)

var when = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func stackOf(t testing.TB, dir string) (*volume.Volume, *Stack) {
	t.Helper()
	v, k, err := ReadVolume(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return v, k
}

func segmentation() Segmentation {
	anatomy := Code{"123037004", "SCT", "Anatomical Structure"}
	return Segmentation{
		Derived: Derived{Time: when, Seed: 5, SeriesNumber: 300, SeriesDescription: "Galen organs"},
		Segments: []Segment{
			{Value: 2, Label: "Liver", Category: anatomy, Type: Code{"10200004", "SCT", "Liver"}, Algorithm: "unet3d", RGB: [3]uint8{221, 130, 101}},
			{Value: 7, Label: "Spleen", Category: anatomy, Type: Code{"78961009", "SCT", "Spleen"}, Algorithm: "unet3d"},
		},
		Creator: "Galen^Program",
	}
}

// labels has liver in all slices but the first, spleen in one voxel.
func labels(g volume.Geometry) *volume.LabelMap {
	data := make([]uint8, g.Voxels())
	for z := 1; z < g.Dims[2]; z++ {
		for x := range z + 1 {
			data[g.Index(x, 2, z)] = 2
		}
	}
	data[g.Index(5, 4, 2)] = 7
	return volume.NewLabels(g, data, nil)
}

func TestBinarySegmentation(t *testing.T) {
	_, k := stackOf(t, save(t, 4, nil))
	m := labels(k.Geometry)
	turned, err := m.Reorient("RAS")
	if err != nil {
		t.Fatal(err)
	}
	d, err := segmentation().Binary(m, k)
	if err != nil {
		t.Fatal(err)
	}
	again, err := segmentation().Binary(turned, k)
	if err != nil {
		t.Fatal(err)
	}
	b := encode(t, d, "")
	if !bytes.Equal(b, encode(t, again, "")) {
		t.Error("a label map with other axes gives another object")
	}
	f := reread(t, b)
	im, err := f.Image()
	if err != nil {
		t.Fatal(err)
	}
	if im.Frames != 4 || im.BitsAllocated != 1 {
		t.Fatalf("%d frames of %d bits", im.Frames, im.BitsAllocated)
	}
	// Frames: liver in slices 1 to 3, spleen in slice 2.
	for i, want := range []struct{ segment, z int }{{1, 1}, {1, 2}, {1, 3}, {2, 2}} {
		p, err := im.Frame(i)
		if err != nil {
			t.Fatal(err)
		}
		for y := range 5 {
			for x := range 6 {
				value := segmentation().Segments[want.segment-1].Value
				if (p.At(y*6+x) == 1) != (m.At(x, y, want.z) == value) {
					t.Errorf("frame %d: pixel %d,%d", i, x, y)
				}
			}
		}
		g := f.Items(PerFrameFunctionalGroups)[i]
		if n, _, _ := g.First(SegmentIdentificationSeq).Int(ReferencedSegmentNumber); n != want.segment {
			t.Errorf("frame %d is of segment %d", i, n)
		}
		source := g.First(DerivationImageSequence).First(SourceImageSequence)
		if source.Text(ReferencedSOPInstanceUID) != k.Slices[want.z].File.Text(SOPInstanceUID) {
			t.Errorf("frame %d refers to the wrong slice", i)
		}
	}
	if len(f.First(ReferencedSeriesSequence).Items(ReferencedInstanceSequence)) != 4 || f.Text(PatientID) != "SYNTH-1" {
		t.Error("references or patient are incomplete")
	}
}

func TestFractionalSegmentation(t *testing.T) {
	_, k := stackOf(t, save(t, 4, nil))
	liver, spleen := make([]float32, k.Geometry.Voxels()), make([]float32, k.Geometry.Voxels())
	liver[k.Geometry.Index(1, 1, 1)], spleen[k.Geometry.Index(2, 2, 3)] = 0.5, 1
	d, err := segmentation().Fractional([]*volume.Volume{volume.New(k.Geometry, liver), volume.New(k.Geometry, spleen)}, k)
	if err != nil {
		t.Fatal(err)
	}
	for _, syntax := range []string{"", RLELossless} {
		im, err := reread(t, encode(t, d, syntax)).Image()
		if err != nil {
			t.Fatal(err)
		}
		p, err := im.Frame(0)
		if err != nil || im.Frames != 2 || p.At(7) != 128 {
			t.Errorf("%d frames, %v", im.Frames, err)
		}
	}
	liver[0] = 1.5
	if _, err := segmentation().Fractional([]*volume.Volume{volume.New(k.Geometry, liver), volume.New(k.Geometry, spleen)}, k); fault.KindOf(err) != fault.Data {
		t.Errorf("a probability of 1.5: %v", err)
	}
}

func TestSegmentationRefuses(t *testing.T) {
	_, k := stackOf(t, save(t, 4, nil))
	m := labels(k.Geometry)
	s := segmentation()
	s.Segments = s.Segments[:1]
	if _, err := s.Binary(m, k); names(err)["unknown-label"] != 1 {
		t.Errorf("a label without a segment: %v", err)
	}
	s.Segments[0].Label, s.Segments[0].Type = "", Code{}
	if _, err := s.Binary(m, k); names(err)["segment"] != 2 {
		t.Errorf("an incomplete segment: %v", err)
	}
	moved := k.Geometry
	moved.Affine = moved.Affine.WithOrigin(volume.Vec{0, 0, 0})
	if _, err := segmentation().Binary(labels(moved), k); err == nil || fault.HintOf(err) == "" {
		t.Errorf("another grid: %v", err)
	}
	s = segmentation()
	s.Time = time.Time{}
	if _, err := s.Binary(m, k); fault.KindOf(err) != fault.Usage {
		t.Errorf("no time: %v", err)
	}
}

// objects makes one of each kind that Galen writes, by file name.
func objects(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	_, k := stackOf(t, dir)
	first := k.Slices[0].File
	o := Derived{Time: when, Seed: 5, SeriesNumber: 301, SeriesDescription: "Galen Überblick"}
	out := map[string][]byte{}
	add := func(name, syntax string) func(d *Dataset, err error) {
		return func(d *Dataset, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			out[name] = encode(t, d, syntax)
		}
	}
	add("seg-binary", "")(segmentation().Binary(labels(k.Geometry), k))
	prob := make([]float32, k.Geometry.Voxels())
	prob[40], prob[41] = 0.25, 1
	p := volume.New(k.Geometry, prob)
	add("seg-fractional", RLELossless)(segmentation().Fractional([]*volume.Volume{p, p}, k))
	picture := make([]uint8, 3*4*6)
	for i := range picture {
		picture[i] = uint8(3 * i)
	}
	add("capture", DeflatedLittleEndian)(Capture(o, first, 4, 6, picture, false))
	add("capture-rle", RLELossless)(Capture(o, first, 4, 6, picture, false))
	add("pdf", "")(PDF(o, first, "Research report", []byte("%PDF-1.4\nsynthetic\n%%EOF")))
	add("sr", "")(TextReport(o, []*File{first, k.Slices[1].File}, Code{"18748-4", "LN", "Diagnostic imaging study"}, []Section{
		{Heading: Code{"121070", "DCM", "Findings"}, Paragraphs: []string{"Volume of the liver: 1520 ml.", "Größe: unauffällig."}},
	}))
	add("enhanced", "")(enhanced([]int{2, 0, 3, 1}), nil)
	add("slice", "")(ct(1), nil)
	return out
}

func TestDocuments(t *testing.T) {
	all := objects(t, save(t, 4, nil))
	pdf, err := reread(t, all["pdf"]).Document()
	if err != nil || string(pdf) != "%PDF-1.4\nsynthetic\n%%EOF" {
		t.Errorf("%q, %v", pdf, err)
	}
	sr := reread(t, all["sr"])
	if got := sr.First(ContentSequence).Items(ContentSequence)[1].Text(TextValue); got != "Größe: unauffällig." {
		t.Errorf("got %q", got)
	}
	im, err := reread(t, all["capture-rle"]).Image()
	if err != nil {
		t.Fatal(err)
	}
	rgb, err := im.RGB(0)
	if err != nil || rgb[71] != uint8(3*71&0xFF) {
		t.Errorf("%v, %v", rgb, err)
	}
	if _, err := PDF(Derived{Time: when}, sr, "x", []byte("hello")); fault.KindOf(err) != fault.Usage {
		t.Errorf("text taken for PDF: %v", err)
	}
}

func TestOtherObjectsBesideASeries(t *testing.T) {
	dir := save(t, 4, nil)
	all := objects(t, dir)
	for _, name := range []string{"sr", "pdf", "seg-binary"} {
		write(t, filepath.Join(dir, name), all[name])
	}
	v, _ := stackOf(t, dir)
	checkVolume(t, v)
	only := t.TempDir()
	write(t, filepath.Join(only, "sr"), all["sr"])
	if _, _, err := ReadVolume(context.Background(), only); fault.KindOf(err) != fault.Data {
		t.Errorf("a report alone: %v", err)
	}
}

var record = flag.Bool("record", false, "store what the other programs say about written objects")

// TestOthersReadWhatIsWritten lets pydicom, highdicom, DCMTK and dicom3tools read one of each object. It needs the
// environment variable GALEN_DICOM_PYTHON, a Python with pydicom and highdicom, and dcmdump, dsrdump and dciodvfy in the path; what
// they said last is stored in testdata/others.json, together with a digest of the bytes.
func TestOthersReadWhatIsWritten(t *testing.T) {
	python := os.Getenv("GALEN_DICOM_PYTHON")
	all := objects(t, save(t, 4, nil))
	digests := map[string]string{}
	for name, b := range all {
		if name != "capture" { // what deflate makes of it may change with Go
			digests[name] = UID(0, string(b))
		}
	}
	if python == "" {
		// Without the programs: the bytes are those that they have accepted.
		b, err := os.ReadFile("testdata/others.json")
		if err != nil {
			t.Fatal(err)
		}
		var stored struct{ Digests map[string]string }
		if err := json.Unmarshal(b, &stored); err != nil {
			t.Fatal(err)
		}
		for name, d := range digests {
			if stored.Digests[name] != d {
				t.Errorf("%s is no longer what pydicom, highdicom and DCMTK have read: set GALEN_DICOM_PYTHON and run with -record", name)
			}
		}
		return
	}
	dir := t.TempDir()
	for name, b := range all {
		write(t, filepath.Join(dir, name+".dcm"), b)
	}
	out, err := exec.Command(python, "testdata/others.py", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if *record {
		b, _ := json.MarshalIndent(map[string]any{"digests": digests, "said": strings.Split(strings.TrimSpace(string(out)), "\n")}, "", " ")
		write(t, "testdata/others.json", append(b, '\n'))
	}
}
