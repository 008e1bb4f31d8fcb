package dicom_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"galen.dev/dicom"
	"galen.dev/dicom/codec"
)

var written = []string{dicom.RLELossless, dicom.JPEGLossless, dicom.JPEGLosslessSV1, dicom.JPEGLSLossless}

// picture draws pixels that have what the coders treat apart: flat areas, slopes, edges and noise.
func picture(f codec.Frame, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]byte, 0, f.Bytes())
	span := 1 << f.BitsStored
	v := make([]int, f.SamplesPerPixel)
	for i := range f.Pixels() {
		for s := range v {
			switch kind := (i / 97) % 4; {
			case kind == 0: // flat
			case kind == 1:
				v[s]++
			case kind == 2:
				v[s] += r.IntN(9) - 4
			default:
				v[s] = r.IntN(span)
			}
			w := (v[s]%span + span) % span
			if f.Signed && w >= span/2 {
				w -= span
			}
			if f.BitsAllocated == 8 {
				out = append(out, byte(w))
			} else {
				out = binary.LittleEndian.AppendUint16(out, uint16(w))
			}
		}
	}
	return out
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := codec.Frame{
			Rows: rapid.IntRange(1, 40).Draw(t, "rows"), Columns: rapid.IntRange(1, 300).Draw(t, "columns"),
			SamplesPerPixel: rapid.IntRange(1, 4).Draw(t, "samples"), BitsAllocated: rapid.SampledFrom([]int{8, 16}).Draw(t, "allocated"),
			Signed: rapid.Bool().Draw(t, "signed"),
		}
		f.BitsStored = rapid.IntRange(1, f.BitsAllocated).Draw(t, "stored")
		pixels := picture(f, rapid.Uint64().Draw(t, "seed"))
		for _, uid := range written {
			stream, err := dicom.EncodeFrame(uid, pixels, f)
			if err != nil {
				t.Fatal(uid, err)
			}
			got, err := dicom.DecodeFrame(uid, stream, f)
			if err != nil {
				t.Fatal(uid, err)
			}
			if !bytes.Equal(got.Pixels, pixels) {
				t.Fatal(uid, "other pixels come back")
			}
		}
	})
}

// TestPixelsAboveTheStoredBits: overlays in unused bits survive, because the frame is written with more bits.
func TestPixelsAboveTheStoredBits(t *testing.T) {
	f := codec.Frame{Rows: 9, Columns: 8, SamplesPerPixel: 1, BitsAllocated: 16, BitsStored: 12}
	pixels := picture(f, 5)
	pixels[2*30+1] |= 0x80
	for _, uid := range written {
		stream, err := dicom.EncodeFrame(uid, pixels, f)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := dicom.DecodeFrame(uid, stream, f); err != nil || !bytes.Equal(got.Pixels, pixels) {
			t.Errorf("%s: %v", uid, err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	f := codec.Frame{Rows: 512, Columns: 512, SamplesPerPixel: 1, BitsAllocated: 16, BitsStored: 16}
	pixels := picture(f, 1)
	for _, uid := range written {
		b.Run(fmt.Sprint(uid), func(b *testing.B) {
			b.SetBytes(int64(len(pixels)))
			for b.Loop() {
				if _, err := dicom.EncodeFrame(uid, pixels, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
