package cases_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galen.dev/dicom"
	"galen.dev/fault"
	"galen.dev/imaging/cases"
	"galen.dev/nifti"
	"galen.dev/volume"
	"galen.dev/volume/npy"
	"galen.dev/volume/raster"
)

// folder is a source under construction.
type folder struct {
	t   *testing.T
	dir string
}

func newFolder(t *testing.T) *folder { return &folder{t, t.TempDir()} }

func (f *folder) path(name string) string {
	f.t.Helper()
	p := filepath.Join(f.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		f.t.Fatal(err)
	}
	return p
}

func (f *folder) write(name, text string) {
	f.t.Helper()
	if err := os.WriteFile(f.path(name), []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// picture writes a PNG of noise that depends on the seed alone.
func (f *folder) picture(name string, size int, seed uint64) {
	f.t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	data := make([]uint8, size*size)
	for i := range data {
		data[i] = uint8(rng.IntN(256))
	}
	f.png(name, size, data)
}

func (f *folder) png(name string, size int, data []uint8) {
	f.t.Helper()
	var b bytes.Buffer
	if err := raster.WritePNG(&b, volume.New(volume.Geometry{Dims: [3]int{size, size, 1}, Affine: volume.Identity()}, data)); err != nil {
		f.t.Fatal(err)
	}
	f.write(name, b.String())
}

// nifti writes a volume of noise at a place.
func (f *folder) nifti(name string, dims [3]int, origin volume.Vec, seed uint64, label bool) {
	f.t.Helper()
	rng := rand.New(rand.NewPCG(seed, 2))
	g := volume.Geometry{Dims: dims, Affine: volume.Scaling(volume.Vec{1, 1, 2}).WithOrigin(origin)}
	data := make([]int16, g.Voxels())
	for i := range data {
		if data[i] = int16(rng.IntN(1000)); label {
			data[i] %= 3
		}
	}
	if err := nifti.New(volume.New(g, data)).Write(f.t.Context(), f.path(name)); err != nil {
		f.t.Fatal(err)
	}
}

// slice writes a slice of a DICOM series.
func (f *folder) slice(name, patient string, z int, modality string, photometric string) {
	f.t.Helper()
	d := new(dicom.Dataset)
	d.SetText(dicom.SOPClassUID, "1.2.840.10008.5.1.4.1.1.2")
	d.SetText(dicom.SOPInstanceUID, dicom.UID(1, name))
	d.SetText(dicom.StudyInstanceUID, dicom.UID(2, patient))
	d.SetText(dicom.SeriesInstanceUID, dicom.UID(3, patient, modality))
	d.SetText(dicom.Modality, modality)
	d.SetText(dicom.PatientID, patient)
	d.SetInts(dicom.InstanceNumber, z+1)
	if modality == "CT" {
		d.SetFloats(dicom.ImagePositionPatient, 0, 0, float64(2*z))
		d.SetFloats(dicom.ImageOrientationPatient, 1, 0, 0, 0, 1, 0)
		d.SetFloats(dicom.PixelSpacing, .5, .5)
		d.SetFloats(dicom.RescaleSlope, 1)
		d.SetFloats(dicom.RescaleIntercept, -1024)
	}
	d.SetText(dicom.PhotometricInterpretation, photometric)
	for tag, v := range map[dicom.Tag]int{dicom.SamplesPerPixel: 1, dicom.Rows: 8, dicom.Columns: 8, dicom.BitsAllocated: 16, dicom.BitsStored: 12, dicom.HighBit: 11, dicom.PixelRepresentation: 0} {
		d.SetInts(tag, v)
	}
	pixels := make([]byte, 2*64)
	for i := range 64 {
		pixels[2*i], pixels[2*i+1] = byte(i+z), byte(i/16)
	}
	d.SetBytes(dicom.PixelData, dicom.OW, pixels)
	if err := dicom.WriteFile(f.path(name), d, ""); err != nil {
		f.t.Fatal(err)
	}
}

// npz writes an archive of arrays of bytes.
func npz(t *testing.T, path string, arrays map[string]*npy.Array) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, a := range arrays {
		w, err := z.Create(name + ".npy")
		if err == nil {
			err = a.Write(t.Context(), w)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func array(seed uint64, most int, shape ...int) *npy.Array {
	n := 1
	for _, d := range shape {
		n *= d
	}
	rng := rand.New(rand.NewPCG(seed, 3))
	data := make(volume.Slice[uint8], n)
	for i := range data {
		data[i] = uint8(rng.IntN(most))
	}
	return &npy.Array{Shape: shape, Data: data}
}

// store keeps a container in a folder.
type store string

func (s store) create(name string) (io.WriteCloser, error) {
	return os.Create(filepath.Join(string(s), name))
}

func (s store) open(name string) (*os.File, error) { return os.Open(filepath.Join(string(s), name)) }

func collect(t *testing.T, path string, o cases.Options) (*cases.Container, error) {
	t.Helper()
	s := store(t.TempDir())
	if _, err := cases.Collect(t.Context(), path, s.create, o); err != nil {
		return nil, err
	}
	c, err := cases.Open(s.open)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	for i := range c.Records { // every case can be read
		if _, err := c.Case(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	return c, nil
}

func mustCollect(t *testing.T, path string, o cases.Options) *cases.Container {
	t.Helper()
	c, err := collect(t, path, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// refused collects and checks that exactly these findings, as "name file", stop it.
func refused(t *testing.T, path string, o cases.Options, want ...string) string {
	t.Helper()
	_, err := collect(t, path, o)
	if fault.KindOf(err) != fault.Data {
		t.Fatalf("error %v is of kind %v, not data", err, fault.KindOf(err))
	}
	var got []string
	for _, f := range fault.FindingsOf(err) {
		got = append(got, strings.TrimSpace(f.Name+" "+f.File))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("findings %q, want %q\n%v", got, want, err)
	}
	return err.Error()
}

func TestMedMNISTArrays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "set.npz")
	npz(t, path, map[string]*npy.Array{
		"train_images": array(1, 256, 20, 6, 5, 3), "train_labels": array(2, 2, 20, 3),
		"val_images": array(3, 256, 4, 6, 5, 3), "val_labels": array(4, 2, 4, 3),
		"test_images": array(5, 256, 7, 6, 5, 3), "test_labels": array(6, 2, 7, 3),
	})
	c := mustCollect(t, path, cases.Options{})
	if c.Kind != cases.Findings || len(c.Names) != 3 || len(c.Records) != 31 || !c.Given() || c.Known {
		t.Fatalf("kind %s, names %q, %d cases", c.Kind, c.Names, len(c.Records))
	}
	x, err := c.Case(t.Context(), 24)
	if err != nil {
		t.Fatal(err)
	}
	want := array(5, 256, 7, 6, 5, 3).Data.(volume.Slice[uint8])
	labels := array(6, 2, 7, 3).Data.(volume.Slice[uint8])
	if x.Split != cases.Test || x.Name != "test_images[0]" || x.Image.Dims != [3]int{5, 6, 1} || x.Image.NumChannels() != 3 {
		t.Fatalf("%+v %v", x.Record, x.Image.Dims)
	}
	for k := range 3 {
		if x.Labels[k] != int8(labels[k]) {
			t.Errorf("label %d is %d", k, x.Labels[k])
		}
		for p := range 30 {
			if got := x.Image.At(p%5, p/5, 0, k, 0); got != float64(want[3*p+k]) {
				t.Fatalf("pixel %d of channel %d is %v, not %d", p, k, got, want[3*p+k])
			}
		}
	}
}

func TestVolumesInArrays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "set.npz")
	npz(t, path, map[string]*npy.Array{"train_images": array(1, 256, 6, 7, 6, 5), "train_labels": {Shape: []int{6, 1}, Data: volume.Slice[uint8]{0, 1, 2, 0, 1, 2}}})
	c := mustCollect(t, path, cases.Options{})
	if c.Kind != cases.Classes || len(c.Names) != 3 || !c.Depth() || c.Records[0].Image.Dims != [3]int{5, 6, 7} {
		t.Errorf("%s %q %v", c.Kind, c.Names, c.Records[0].Image.Dims)
	}
}

func TestBreastMNIST(t *testing.T) {
	data := os.Getenv("GALEN_DATA")
	if data == "" {
		t.Skip("GALEN_DATA is not set")
	}
	c := mustCollect(t, filepath.Join(data, "imaging", "breastmnist.npz"), cases.Options{})
	s, err := cases.Split(c.Collection, nil, cases.SplitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Train) != 546 || len(s.Val) != 78 || len(s.Test) != 156 || !s.Given || c.Kind != cases.Classes {
		t.Errorf("%d/%d/%d", len(s.Train), len(s.Val), len(s.Test))
	}
	n := 0
	for _, i := range s.Test {
		n += c.Records[i].Class
	}
	if n != 114 { // of the published test part 114 are normal or benign
		t.Errorf("%d of class 1 in the test part", n)
	}
}

func TestNuclei(t *testing.T) {
	data := os.Getenv("GALEN_DATA")
	if data == "" {
		t.Skip("GALEN_DATA is not set")
	}
	c := mustCollect(t, filepath.Join(data, "imaging", "nuclei"), cases.Options{Masks: true})
	if len(c.Records) != 334 || !c.Masks || !c.Given() || c.Layout != "images and masks" {
		t.Errorf("%d cases, layout %q", len(c.Records), c.Layout)
	}
	for i := range c.Records {
		if c.Records[i].Mask == nil || c.Records[i].Split == "" {
			t.Fatalf("case %s lacks a mask or a split", c.Records[i].Name)
		}
	}
}

func TestFoldersByClass(t *testing.T) {
	f := newFolder(t)
	for i := range 6 {
		f.picture(fmt.Sprintf("benign/%d.png", i), 12, uint64(i))
		f.picture(fmt.Sprintf("malignant/%d.dat", i), 12, uint64(10+i)) // contents count, names do not
	}
	f.write("benign/notes.txt", "hello")
	c := mustCollect(t, f.dir, cases.Options{})
	if c.Layout != "folders by class" || !slices.Equal(c.Names, []string{"benign", "malignant"}) || len(c.Records) != 12 || c.Records[11].Class != 1 {
		t.Errorf("layout %q, classes %q, %d cases", c.Layout, c.Names, len(c.Records))
	}
	split := newFolder(t)
	for k, part := range []string{"train", "valid", "test"} {
		for i := range 4 {
			split.picture(fmt.Sprintf("set/%s/a/%d.png", part, i), 8, uint64(100*k+i))
			split.picture(fmt.Sprintf("set/%s/b/%d.png", part, i), 8, uint64(100*k+50+i))
		}
	}
	if c := mustCollect(t, split.dir, cases.Options{}); c.Layout != "folders by split and class" || !c.Given() || len(c.Names) != 2 || len(c.Records) != 24 {
		t.Errorf("layout %q, classes %q, %d cases", c.Layout, c.Names, len(c.Records))
	}
}

func TestTable(t *testing.T) {
	f := newFolder(t)
	var rows strings.Builder
	rows.WriteString("path,label,patient,split\n")
	for i := range 8 {
		f.picture(fmt.Sprintf("img/%d.png", i), 9, uint64(i))
		fmt.Fprintf(&rows, "img/%d.png,%s,p%d,%s\n", i, []string{"no", "yes"}[i%2], i/2, []string{"train", "test"}[i/6])
	}
	f.write("cases.csv", rows.String())
	for _, path := range []string{f.dir, f.path("cases.csv")} {
		c := mustCollect(t, path, cases.Options{})
		if c.Kind != cases.Classes || c.Patients != 4 || !c.Known || c.Records[7].Class != 1 || c.Records[7].Split != cases.Test || c.Records[7].Row != 8 {
			t.Errorf("%s: %s, %d patients, %+v", path, c.Kind, c.Patients, c.Records[7])
		}
	}
	f.write("cases.csv", "path,effusion,mass\nimg/0.png,1,0\nimg/1.png,0,\nimg/2.png,,1\n")
	c := mustCollect(t, f.dir, cases.Options{})
	if c.Kind != cases.Findings || !slices.Equal(c.Names, []string{"effusion", "mass"}) || !slices.Equal(c.Records[1].Labels, []int8{0, -1}) {
		t.Errorf("%s %q %v", c.Kind, c.Names, c.Records[1].Labels)
	}
	f.write("cases.csv", "Image,Finding Labels\nimg/0.png,Mass|Effusion\nimg/1.png,No Finding\nimg/2.png,Mass\n")
	c = mustCollect(t, f.dir, cases.Options{})
	if c.Kind != cases.Findings || !slices.Equal(c.Names, []string{"Effusion", "Mass"}) || !slices.Equal(c.Records[1].Labels, []int8{0, 0}) || !slices.Equal(c.Records[2].Labels, []int8{0, 1}) {
		t.Errorf("%s %q %v", c.Kind, c.Names, c.Records[1].Labels)
	}
}

func TestTableIsRefusedWhole(t *testing.T) {
	f := newFolder(t)
	for i := range 4 {
		f.picture(fmt.Sprintf("%d.png", i), 9, uint64(i))
	}
	f.write("broken.png", "\x89PNG\r\n\x1a\nbut no more")
	f.write("cases.csv", "path,label,patient,split\n0.png,a,p,train\n1.png,b,p,test\n2.png,a,q,train\n3.png,b,r,sometimes\ngone.png,a,s,train\nbroken.png,b,u,train\n../out.png,b,v,train\n")
	text := refused(t, f.dir, cases.Options{}, "patient-leakage", "labels-without-images cases.csv", "split-word cases.csv", "unreadable broken.png", "unreadable ../out.png")
	if !strings.Contains(text, "1 patient") || !strings.Contains(text, "rows 5") && !strings.Contains(text, "row 5") {
		t.Errorf("the message lacks patients or rows: %s", text)
	}
	if _, err := collect(t, f.dir, cases.Options{Waive: []string{"patient-leakage", "labels-without-images", "split-word", "unreadable"}}); err != nil {
		t.Errorf("waived: %v", err)
	}
}

func TestPairs(t *testing.T) {
	f := newFolder(t)
	for i := range 3 {
		f.nifti(fmt.Sprintf("images/c%d.nii.gz", i), [3]int{6, 5, 4}, volume.Vec{1, 2, 3}, uint64(i), false)
		f.nifti(fmt.Sprintf("masks/c%d_mask.nii", i), [3]int{6, 5, 4}, volume.Vec{1, 2, 3}, uint64(10+i), true)
	}
	c := mustCollect(t, f.dir, cases.Options{Masks: true})
	if len(c.Records) != 3 || c.Records[0].Mask == nil || !slices.Equal(c.Records[0].Present, []int{0, 1, 2}) || c.Records[0].Image.Type != volume.Int16 {
		t.Fatalf("%+v", c.Records)
	}
	x, err := c.Case(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := volume.SameGeometry(x.Image.Geometry, x.Mask.Geometry); err != nil || x.Image.Affine.Origin() != (volume.Vec{1, 2, 3}) {
		t.Errorf("geometry is lost: %v", err)
	}
	f.nifti("masks/c1_mask.nii", [3]int{6, 5, 4}, volume.Vec{1, 2, 9}, 11, true)
	f.nifti("masks/other.nii", [3]int{6, 5, 4}, volume.Vec{}, 11, true)
	f.picture("images/lonely.png", 8, 5)
	text := refused(t, f.dir, cases.Options{Masks: true}, "mask-geometry images/c1.nii.gz", "images-without-masks images/lonely.png", "masks-without-images masks/other.nii")
	if !strings.Contains(text, "(1, 2, 3) mm") || !strings.Contains(text, "(1, 2, 9) mm") {
		t.Errorf("both geometries must be named: %s", text)
	}
}

func TestNNUNet(t *testing.T) {
	f := newFolder(t)
	f.write("dataset.json", `{"channel_names":{"0":"T1","1":"T2"},"labels":{"background":0,"edema":1,"core":2}}`)
	for i := range 2 {
		for k := range 2 {
			f.nifti(fmt.Sprintf("imagesTr/brain_%03d_%04d.nii.gz", i, k), [3]int{6, 5, 4}, volume.Vec{}, uint64(10*i+k), false)
		}
		f.nifti(fmt.Sprintf("labelsTr/brain_%03d.nii.gz", i), [3]int{6, 5, 4}, volume.Vec{}, uint64(100+i), true)
	}
	c := mustCollect(t, f.dir, cases.Options{Masks: true})
	if len(c.Records) != 2 || c.Records[1].Image.Channels != 2 || !slices.Equal(c.Channels, []string{"T1", "T2"}) || len(c.Regions) != 2 || c.Regions[1].Name != "core" {
		t.Errorf("%+v", c.Collection)
	}
	if err := os.Remove(f.path("imagesTr/brain_001_0001.nii.gz")); err != nil {
		t.Fatal(err)
	}
	refused(t, f.dir, cases.Options{Masks: true}, "channels imagesTr/brain_001_0000.nii.gz")
}

func TestDICOM(t *testing.T) {
	f := newFolder(t)
	for p := range 4 {
		for z := range 4 {
			f.slice(fmt.Sprintf("%s/p%d/%d", []string{"healthy", "ill"}[p%2], p, z), fmt.Sprintf("Secret^%d", p), z, "CT", "MONOCHROME2")
		}
	}
	f.slice("ill/x.dcm", "Secret^1", 0, "DX", "MONOCHROME1")
	f.slice("healthy/x.dcm", "Secret^0", 0, "DX", "MONOCHROME2")
	c := mustCollect(t, f.dir, cases.Options{})
	if len(c.Records) != 6 || c.Patients != 4 || !c.Known {
		t.Fatalf("%d cases of %d patients", len(c.Records), c.Patients)
	}
	if b := c.Records[0].Image; b.Dims != [3]int{8, 8, 4} || b.Inter != -1024 || b.Modality != "CT" {
		t.Errorf("%+v", b)
	}
	var grey []*volume.Volume
	for i := range c.Records {
		if c.Records[i].Image.Modality == "DX" {
			v, err := c.Image(t.Context(), i)
			if err != nil {
				t.Fatal(err)
			}
			grey = append(grey, v)
		}
	}
	for i := range 64 {
		if a, b := grey[0].Data.At(i), grey[1].Data.At(i); a != 255-b {
			t.Fatalf("MONOCHROME1 is not the inverse at %d: %v, %v", i, a, b)
		}
	}
	if err := os.Remove(f.path("ill/p3/1")); err != nil {
		t.Fatal(err)
	}
	if text := refused(t, f.dir, cases.Options{}, "missing-slice ill/p3/0"); strings.Contains(text, "Secret") {
		t.Error("a patient's name is in the error")
	}
}

func TestNothingUsable(t *testing.T) {
	f := newFolder(t)
	f.write("a.txt", "hello")
	if _, err := collect(t, f.dir, cases.Options{}); fault.KindOf(err) != fault.Data {
		t.Errorf("%v", err)
	}
	if _, err := collect(t, f.path("a.txt"), cases.Options{}); fault.KindOf(err) != fault.Data {
		t.Errorf("%v", err)
	}
	if _, err := collect(t, f.path("none"), cases.Options{}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := store(t.TempDir())
	f.picture("b.png", 8, 1)
	if _, err := cases.Collect(ctx, f.dir, s.create, cases.Options{}); fault.KindOf(err) != fault.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}

func TestSplitsKeepPatientsTogether(t *testing.T) {
	c := &cases.Collection{Kind: cases.Classes, Names: []string{"a", "b"}}
	rng := rand.New(rand.NewPCG(5, 5))
	for p := range 60 {
		for range 1 + rng.IntN(4) {
			c.Records = append(c.Records, cases.Record{Patient: p, Class: p / 40})
		}
	}
	s, err := cases.Split(c, nil, cases.SplitOptions{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	side := map[int]int{}
	ill := []int{0, 0, 0}
	for k, part := range [][]int{s.Train, s.Val, s.Test} {
		for _, i := range part {
			p := c.Records[i].Patient
			if was, ok := side[p]; ok && was != k {
				t.Fatalf("patient %d is on sides %d and %d", p, was, k)
			}
			side[p] = k
			ill[k] += c.Records[i].Class
		}
	}
	if len(side) != 60 || len(s.Train)+len(s.Val)+len(s.Test) != len(c.Records) {
		t.Error("a case is lost")
	}
	for k, part := range [][]int{s.Train, s.Val, s.Test} {
		if share := float64(ill[k]) / float64(len(part)); share < .25 || share > .42 {
			t.Errorf("part %d has a share of %.2f of the class, and all have a third", k, share)
		}
	}
	if again, err := cases.Split(c, nil, cases.SplitOptions{Seed: 3}); err != nil || !slices.Equal(again.Test, s.Test) {
		t.Error("the same seed gives another split")
	}
	if other, err := cases.Split(c, nil, cases.SplitOptions{Seed: 4}); err != nil || slices.Equal(other.Test, s.Test) {
		t.Error("another seed gives the same split")
	}
	n := 0
	for _, f := range cases.Folds(c, s.Train, 3, 1) {
		if n += len(f); len(f) < len(s.Train)/4 {
			t.Errorf("a fold of %d of %d", len(f), len(s.Train))
		}
	}
	if n != len(s.Train) {
		t.Error("folds lose cases")
	}
}

func TestCopiesAreReported(t *testing.T) {
	f := newFolder(t)
	for i := range 4 {
		f.picture(fmt.Sprintf("train/a/%d.png", i), 24, uint64(i))
		f.picture(fmt.Sprintf("train/b/%d.png", i), 24, uint64(10+i))
		f.picture(fmt.Sprintf("test/a/%d.png", i), 24, uint64(20+i))
		f.picture(fmt.Sprintf("test/b/%d.png", i), 24, uint64(30+i))
	}
	f.picture("test/a/copy.png", 24, 2)
	f.picture("train/b/conflict.png", 24, 3)
	f.png("train/b/blank.png", 24, make([]byte, 576))
	rng := rand.New(rand.NewPCG(1, 1))
	near := make([]byte, 576)
	for i := range near { // noise of seed 1 with a few pixels changed by a little
		near[i] = uint8(rng.IntN(256))
	}
	near[100] ^= 1
	f.png("test/b/near.png", 24, near)
	c := mustCollect(t, f.dir, cases.Options{})
	got := map[string]int{}
	for _, x := range c.Findings {
		got[x.Name] = x.Count
	}
	want := map[string]int{"copies-across-split": 1, "label-conflict": 1, "blank-images": 1, "look-alikes-across-split": 1}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("findings %v, want %v", got, want)
	}
}

func TestNotFinite(t *testing.T) {
	f := newFolder(t)
	var b bytes.Buffer
	nan := float32(0)
	nan /= nan
	a := &npy.Array{Shape: []int{2, 3}, Data: volume.Slice[float32]{1, 2, nan, 3, 4, 5}}
	if err := a.Write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	f.write("a.npy", b.String())
	f.picture("b.png", 8, 1)
	refused(t, f.dir, cases.Options{}, "not-finite a.npy")
}

func TestZeroSlices(t *testing.T) {
	path := filepath.Join(t.TempDir(), "set.npz")
	npz(t, path, map[string]*npy.Array{"train_images": array(1, 2, 3, 0, 6, 5), "train_labels": array(1, 2, 3, 1)})
	refused(t, path, cases.Options{}, "no-voxels train_images.npy")
}

func TestImagesForAModel(t *testing.T) {
	f := newFolder(t)
	f.picture("a.png", 8, 1)
	f.picture("b.png", 8, 2)
	f.write("c.png", "\x89PNG\r\n\x1a\nshort")
	var names []string
	broken := 0
	err := cases.Images(t.Context(), f.dir, cases.Options{}, func(rec *cases.Record, v *volume.Volume, err error) error {
		if err != nil {
			broken++
			return nil
		}
		names = append(names, rec.Name)
		return nil
	})
	if err != nil || broken != 1 || !slices.Equal(names, []string{"a.png", "b.png"}) {
		t.Errorf("%v, %d broken, %q", err, broken, names)
	}
	err = cases.Spool(t.Context(), strings.NewReader("text"), "-", func(path string) error {
		return cases.Images(t.Context(), path, cases.Options{}, func(*cases.Record, *volume.Volume, error) error { return nil })
	})
	if fault.KindOf(err) != fault.Data {
		t.Errorf("no image: %v", err)
	}
}
