package dicom

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"galen.dev/fault"
)

// ct is one slice of a generated CT series: no patient, 6 x 5 pixels of 0.5 x 0.7 mm, slices of 2 mm.
func ct(z int) *Dataset {
	d := &Dataset{}
	d.SetText(SOPClassUID, "1.2.840.10008.5.1.4.1.1.2")
	d.SetText(SOPInstanceUID, UID(1, "slice", fmt.Sprint(z)))
	d.SetText(StudyInstanceUID, UID(1, "study"))
	d.SetText(SeriesInstanceUID, UID(1, "series"))
	d.SetText(FrameOfReferenceUID, UID(1, "frame"))
	d.SetText(Modality, "CT")
	d.SetText(ImageType, "ORIGINAL", "PRIMARY", "AXIAL")
	d.SetText(PatientName, "Synthetic^Phantom")
	d.SetText(PatientID, "SYNTH-1")
	d.SetInts(InstanceNumber, z+1)
	d.SetFloats(ImagePositionPatient, -10, -20, 30+2*float64(z))
	d.SetFloats(ImageOrientationPatient, 1, 0, 0, 0, 1, 0)
	d.SetFloats(PixelSpacing, 0.7, 0.5)
	d.SetFloats(SliceThickness, 2)
	d.SetFloats(RescaleSlope, 2)
	d.SetFloats(RescaleIntercept, -1000)
	d.SetFloats(WindowCenter, 40)
	d.SetFloats(WindowWidth, 400)
	pixels(d, 5, 6, 12, true)
	values := make([]int16, 30)
	for i := range values {
		values[i] = int16(100*z + i - 15)
	}
	d.SetBytes(PixelData, OW, words(values))
	return d
}

func pixels(d *Dataset, rows, columns, stored int, signed bool) {
	d.SetInts(SamplesPerPixel, 1)
	d.SetText(PhotometricInterpretation, "MONOCHROME2")
	d.SetInts(Rows, rows)
	d.SetInts(Columns, columns)
	allocated := 16
	if stored <= 8 {
		allocated = 8
	}
	d.SetInts(BitsAllocated, allocated)
	d.SetInts(BitsStored, stored)
	d.SetInts(HighBit, stored-1)
	d.SetInts(PixelRepresentation, 0)
	if signed {
		d.SetInts(PixelRepresentation, 1)
	}
}

func words(v []int16) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint16(b, uint16(x))
	}
	return b
}

// encode writes an object into memory.
func encode(t testing.TB, d *Dataset, syntax string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, d, syntax); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func reread(t testing.TB, b []byte) *File {
	t.Helper()
	f, err := Parse(bytes.NewReader(b), int64(len(b)), "memory.dcm")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// save writes n slices into a folder, changed by edit, which may drop one by returning false.
func save(t testing.TB, n int, edit func(z int, d *Dataset) bool) string {
	t.Helper()
	dir := t.TempDir()
	for z := range n {
		d := ct(z)
		if edit != nil && !edit(z, d) {
			continue
		}
		// Names run against the positions.
		if err := WriteFile(filepath.Join(dir, fmt.Sprintf("im%02d.dcm", n-z)), d, ""); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func names(err error) map[string]int {
	out := map[string]int{}
	for _, f := range fault.FindingsOf(err) {
		out[f.Name]++
	}
	return out
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
