package dicom_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"galen.dev/dicom"
	"galen.dev/dicom/codec"
)

// vector is a compressed frame of another program with the pixels that it stands for.
type vector struct {
	Name, UID              string
	Rows, Columns, Samples int
	Allocated, Stored      int
	Signed                 bool
	Tolerance              int
	Photometric            string
	Stream                 []byte
	Image                  string `json:"pixels"`
	Pixels                 []byte `json:"-"`
}

func (v vector) frame() codec.Frame {
	return codec.Frame{Rows: v.Rows, Columns: v.Columns, SamplesPerPixel: v.Samples, BitsAllocated: v.Allocated, BitsStored: v.Stored, Signed: v.Signed}
}

func vectors(t testing.TB) []vector {
	t.Helper()
	raw, err := os.ReadFile("codec/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Images  map[string][]byte
		Vectors []vector
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) < 300 {
		t.Fatalf("only %d vectors", len(file.Vectors))
	}
	for i := range file.Vectors {
		file.Vectors[i].Pixels = file.Images[file.Vectors[i].Image]
	}
	return file.Vectors
}

// sample reads sample i of pixels.
func sample(p []byte, f codec.Frame, i int) int {
	n := f.BitsAllocated / 8
	v := 0
	for j := n - 1; j >= 0; j-- {
		v = v<<8 | int(p[i*n+j])
	}
	if f.Signed && v >= 1<<(f.BitsAllocated-1) {
		v -= 1 << f.BitsAllocated
	}
	return v
}

// TestVectors holds the decoders to the pixels of DCMTK, GDCM, libjpeg and OpenJPEG. Lossless syntaxes and the
// DCT must agree to the bit. The irreversible wavelet computes in float32, in another order than OpenJPEG: one
// grey value of difference is allowed, and two of 65536, because OpenJPEG 2.5 scales the high bands by 1.625732
// where 2/K of T.800 table F.4 is 1.625786.
func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(strings.ReplaceAll(v.Name, " ", "_"), func(t *testing.T) {
			f := v.frame()
			got, err := dicom.DecodeFrame(v.UID, v.Stream, f)
			if err != nil {
				t.Fatal(err)
			}
			if got.Photometric != v.Photometric {
				t.Errorf("photometric %q, want %q", got.Photometric, v.Photometric)
			}
			if v.Tolerance == 0 && bytes.Equal(got.Pixels, v.Pixels) {
				return
			}
			if len(got.Pixels) != len(v.Pixels) {
				t.Fatalf("%d bytes, want %d", len(got.Pixels), len(v.Pixels))
			}
			wrong, worst, first := 0, 0, -1
			for i := range len(v.Pixels) / (f.BitsAllocated / 8) {
				d := sample(got.Pixels, f, i) - sample(v.Pixels, f, i)
				if d = max(d, -d); d > v.Tolerance {
					if wrong++; first < 0 {
						first = i
					}
				}
				worst = max(worst, d)
			}
			if wrong > 0 {
				t.Errorf("%d samples differ, the first at %d, by up to %d; %d is allowed", wrong, first, worst, v.Tolerance)
			}
		})
	}
}
