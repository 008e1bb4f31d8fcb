package dicom_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"galen.dev/fault"

	"galen.dev/dicom"
	"galen.dev/dicom/codec"
)

// compressions is the number of compressed transfer syntaxes that Galen reads.
const compressions = 9

// samples returns, for each transfer syntax, the first vector that is larger than a few pixels.
func samples(t *testing.T) []vector {
	t.Helper()
	seen := map[string]bool{}
	var out []vector
	for _, v := range vectors(t) {
		if v.Rows >= 33 && v.Columns >= 21 && !seen[v.UID] {
			seen[v.UID] = true
			out = append(out, v)
		}
	}
	if len(out) != compressions {
		t.Fatalf("vectors for %d of %d transfer syntaxes", len(out), compressions)
	}
	return out
}

// TestTruncatedFramesAreRefused cuts frames short. Only the end marker and padding may be missing: a frame that is
// decoded must be whole.
func TestTruncatedFramesAreRefused(t *testing.T) {
	for _, v := range samples(t) {
		refused := 0
		for n := 0; n < len(v.Stream); n += 1 + n/16 {
			got, err := dicom.DecodeFrame(v.UID, v.Stream[:n], v.frame())
			if err == nil {
				if !bytes.Equal(got.Pixels, v.Pixels) && v.Tolerance == 0 {
					t.Errorf("%s: %d of %d bytes give other pixels without an error", v.Name, n, len(v.Stream))
				}
				continue
			}
			refused++
			if fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), "byte ") {
				t.Errorf("%s cut at %d: %v", v.Name, n, err)
			}
		}
		if refused < 20 {
			t.Errorf("%s: only %d cuts were refused", v.Name, refused)
		}
	}
}

// TestOtherSizesAreRefused: the data set's frame and the stream's must agree.
func TestOtherSizesAreRefused(t *testing.T) {
	for _, v := range samples(t) {
		for _, change := range []func(*codec.Frame){
			func(f *codec.Frame) { f.Rows *= 200 },
			func(f *codec.Frame) { f.Columns *= 200 },
			func(f *codec.Frame) { f.SamplesPerPixel++ },
			func(f *codec.Frame) { f.Rows, f.Columns = 65535, 65535 },
			func(f *codec.Frame) { f.Rows = 0 },
			func(f *codec.Frame) { f.BitsAllocated = 12 },
		} {
			f := v.frame()
			change(&f)
			if _, err := dicom.DecodeFrame(v.UID, v.Stream, f); fault.KindOf(err) != fault.Data || err == nil {
				t.Errorf("%s as %+v: %v", v.Name, f, err)
			}
		}
	}
}

// TestClaimsOfGigabytes: a header of a few bytes that promises the largest frame is refused before memory is
// taken, even where the data set promises the same.
func TestClaimsOfGigabytes(t *testing.T) {
	huge := codec.Frame{Rows: 20000, Columns: 20000, SamplesPerPixel: 1, BitsAllocated: 16, BitsStored: 16}
	for _, v := range samples(t) {
		if v.Samples != 1 {
			continue
		}
		stream := bytes.Clone(v.Stream)
		size := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, uint16(v.Rows)), uint16(v.Columns))
		if at := bytes.Index(stream, size); at > 0 { // SOF of JPEG and JPEG-LS; elsewhere the size is refused
			copy(stream[at:], binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, 20000), 20000))
		}
		allocated := testing.AllocsPerRun(1, func() {
			if _, err := dicom.DecodeFrame(v.UID, stream, huge); fault.KindOf(err) != fault.Data || err == nil {
				t.Errorf("%s: %v", v.Name, err)
			}
		})
		if allocated > 100 {
			t.Errorf("%s: %v allocations", v.Name, allocated)
		}
	}
}

func TestUnknownSyntaxes(t *testing.T) {
	if dicom.Compressed("1.2.840.10008.1.2.1") || !dicom.Compressed(dicom.RLELossless+"\x00") {
		t.Error("Known")
	}
	if _, err := dicom.DecodeFrame("1.2.3", nil, codec.Frame{}); fault.KindOf(err) != fault.Data || !strings.Contains(fault.HintOf(err), "JPEG-LS") {
		t.Errorf("Decode: %v", err)
	}
	if _, err := dicom.EncodeFrame(dicom.JPEG2000, nil, codec.Frame{}); fault.KindOf(err) != fault.Usage || fault.HintOf(err) == "" {
		t.Errorf("Encode: %v", err)
	}
}
