package dicom_test

import (
	"slices"
	"testing"

	"galen.dev/fault"

	"galen.dev/dicom"
	"galen.dev/dicom/codec"
)

// fuzz feeds a decoder with damaged frames: it must return the frame that was asked for, or a fault.Data
// error, within time and memory that the input and the frame bound.
func fuzz(f *testing.F, uids ...string) {
	for _, v := range vectors(f) {
		if slices.Contains(uids, v.UID) && len(v.Stream) < 3000 {
			f.Add(v.Stream, uint16(v.Rows), uint16(v.Columns), uint8(v.Samples), v.Allocated == 16, uint8(v.Stored), v.Signed)
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, rows, columns uint16, samples uint8, wide bool, stored uint8, signed bool) {
		want := codec.Frame{Rows: int(rows), Columns: int(columns), SamplesPerPixel: int(samples), BitsAllocated: 8, BitsStored: int(stored), Signed: signed}
		if wide {
			want.BitsAllocated = 16
		}
		if want.Check() == nil && want.Bytes() > 1<<20 {
			return
		}
		got, err := dicom.DecodeFrame(uids[0], stream, want)
		if err == nil && len(got.Pixels) != want.Bytes() {
			t.Fatalf("%d bytes, want %d", len(got.Pixels), want.Bytes())
		}
		if err != nil && fault.KindOf(err) != fault.Data {
			t.Fatalf("not a fault of the data: %v", err)
		}
	})
}

func FuzzRLE(f *testing.F) { fuzz(f, dicom.RLELossless) }
func FuzzJPEG(f *testing.F) {
	fuzz(f, dicom.JPEGBaseline, dicom.JPEGExtended, dicom.JPEGLossless, dicom.JPEGLosslessSV1)
}
func FuzzJPEGLS(f *testing.F)   { fuzz(f, dicom.JPEGLSLossless, dicom.JPEGLSNearLossless) }
func FuzzJPEG2000(f *testing.F) { fuzz(f, dicom.JPEG2000Lossless, dicom.JPEG2000) }
