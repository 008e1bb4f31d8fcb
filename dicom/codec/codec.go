// Package codec describes one frame of pixels and holds what the decoders below it share: the
// frame's shape, the result, the errors, and the writing of samples as little-endian pixels.
//
// Every decoder is told what frame the data set promises before it looks at the bit stream, refuses a
// stream that declares another, and allocates only afterwards.
package codec

import (
	"encoding/binary"
	"fmt"

	"galen.dev/fault"
)

// Frame is the shape of one frame, as the attributes of the image pixel module declare it
// (DICOM PS3.3 C.7.6.3).
type Frame struct {
	Rows, Columns   int  // 1 to 65535
	SamplesPerPixel int  // 1 to 4
	BitsAllocated   int  // 8, 16 or 32 bits of memory for each sample
	BitsStored      int  // 1 to BitsAllocated
	Signed          bool // two's complement (Pixel Representation 1)
}

// Result is a decoded frame.
type Result struct {
	// Pixels are the samples, little-endian, BitsAllocated each, the samples of a pixel beside each other
	// (Planar Configuration 0), rows from top to bottom. Signed samples are extended to BitsAllocated.
	Pixels []byte
	// Photometric is the photometric interpretation of Pixels where the bit stream itself says it: "RGB",
	// "YBR_FULL" or "MONOCHROME2". It is empty where the stream says nothing: then the data set's holds, with
	// "YBR_FULL_422" to be read as "YBR_FULL", because pixels are always at full resolution.
	Photometric string
}

// MaxBytes bounds the pixels of one frame. A few bytes of JPEG 2000 or JPEG-LS may truthfully stand for
// gigabytes of one grey, so the length of the input alone is no bound.
const MaxBytes = 1 << 30

// Pixels is Rows x Columns.
func (f Frame) Pixels() int { return f.Rows * f.Columns }

// Samples is the number of samples in a row.
func (f Frame) Samples() int { return f.Columns * f.SamplesPerPixel }

// Bytes is the size of the decoded frame.
func (f Frame) Bytes() int { return f.Rows * f.Samples() * (f.BitsAllocated / 8) }

// Check refuses, with a Data error that lists every fault, a frame that no decoder can produce.
func (f Frame) Check() error {
	var found []fault.Finding
	bad := func(name, attribute, format string, args ...any) {
		found = append(found, fault.Finding{Name: name, Severity: fault.Severe, Column: attribute, Message: fmt.Sprintf(format, args...)})
	}
	if f.Rows < 1 || f.Rows > 65535 {
		bad("frame-rows", "Rows", "%d is not within 1 to 65535", f.Rows)
	}
	if f.Columns < 1 || f.Columns > 65535 {
		bad("frame-columns", "Columns", "%d is not within 1 to 65535", f.Columns)
	}
	if f.SamplesPerPixel < 1 || f.SamplesPerPixel > 4 {
		bad("frame-samples", "SamplesPerPixel", "%d is not within 1 to 4", f.SamplesPerPixel)
	}
	if f.BitsAllocated != 8 && f.BitsAllocated != 16 && f.BitsAllocated != 32 {
		bad("frame-allocated", "BitsAllocated", "%d is not 8, 16 or 32", f.BitsAllocated)
	}
	if f.BitsStored < 1 || f.BitsStored > f.BitsAllocated {
		bad("frame-stored", "BitsStored", "%d is not within 1 to BitsAllocated", f.BitsStored)
	}
	if len(found) == 0 && f.Bytes() > MaxBytes {
		bad("frame-size", "Rows", "a frame of %d bytes exceeds the bound of %d", f.Bytes(), MaxBytes)
	}
	return fault.Refuse("frame", found)
}

// Match refuses a stream whose declared size differs from the frame's, or whose samples do not fit into it.
// It is called before anything is allocated.
func (f Frame) Match(p Place, rows, columns, samples, precision int) error {
	switch {
	case rows != f.Rows || columns != f.Columns:
		return p.Errorf("the stream holds %d rows x %d columns, the data set declares %d x %d", rows, columns, f.Rows, f.Columns)
	case samples != f.SamplesPerPixel:
		return p.Errorf("the stream holds %d samples per pixel, the data set declares %d", samples, f.SamplesPerPixel)
	case precision > f.BitsAllocated:
		return p.Errorf("samples of %d bits do not fit into the %d bits that the data set allocates", precision, f.BitsAllocated)
	}
	return nil
}

// Place is where in a stream a decoder stands; errors name it.
type Place struct {
	Codec  string // "JPEG-LS"
	Offset int    // byte within the frame
	Marker string // the marker or part of the stream, e.g. "SOF3 (FFC3)"; may be empty
}

// Errorf makes a Data error at the place.
func (p Place) Errorf(format string, args ...any) error {
	at := fmt.Sprintf("%s: byte %d", p.Codec, p.Offset)
	if p.Marker != "" {
		at += ", " + p.Marker
	}
	return fault.Errorf(fault.Data, "%s: %s", at, fmt.Sprintf(format, args...))
}

// Store writes samples of precision bits into dst, as many as there are: dst must hold len(src) times
// the allocated bytes. Where the frame is signed they are extended from the highest of the precision bits.
func (f Frame) Store(dst []byte, src []uint16, precision int) {
	shift := uint(0)
	if f.Signed && precision < 16 {
		shift = uint(16 - precision)
	}
	switch f.BitsAllocated {
	case 8:
		dst = dst[:len(src)]
		if f.Signed && precision < 8 {
			for i, v := range src {
				dst[i] = byte(int16(v<<shift) >> shift)
			}
			return
		}
		for i, v := range src {
			dst[i] = byte(v)
		}
	case 16:
		dst = dst[:2*len(src)]
		for i, v := range src {
			binary.LittleEndian.PutUint16(dst[2*i:], uint16(int16(v<<shift)>>shift))
		}
	default:
		for i, v := range src {
			w := uint32(v)
			if f.Signed {
				w = uint32(int32(int16(v<<shift) >> shift))
			}
			binary.LittleEndian.PutUint32(dst[4*i:], w)
		}
	}
}

// Load is the inverse of Store for encoders: it reads the samples of one row as patterns of precision bits.
// BitsAllocated must be 8 or 16.
func (f Frame) Load(dst []uint16, src []byte, precision int) {
	mask := uint16(1<<precision - 1)
	if f.BitsAllocated == 8 {
		for i := range dst {
			dst[i] = uint16(src[i]) & mask
		}
		return
	}
	for i := range dst {
		dst[i] = binary.LittleEndian.Uint16(src[2*i:]) & mask
	}
}

// Precision is the number of bits with which an encoder must keep the samples to get every bit of pixels
// back: BitsStored where the bits above are the sign or zero, otherwise BitsAllocated.
func (f Frame) Precision(pixels []byte) int {
	shift := uint(16 - f.BitsStored)
	n := f.BitsAllocated / 8
	for i := 0; i+n <= len(pixels); i += n {
		var v uint16
		if n == 1 {
			v = uint16(pixels[i])
			if f.Signed {
				v = uint16(int8(pixels[i]))
			}
		} else {
			v = binary.LittleEndian.Uint16(pixels[i:])
		}
		back := v << shift >> shift
		if f.Signed {
			back = uint16(int16(v<<shift) >> shift)
		}
		if back != v {
			return f.BitsAllocated
		}
	}
	return f.BitsStored
}

// Accept refuses, for an encoder, pixels that are not this frame or samples over 16 bits.
func (f Frame) Accept(codec string, pixels []byte) error {
	if err := f.Check(); err != nil {
		return err
	}
	if len(pixels) != f.Bytes() {
		return fault.Errorf(fault.Data, "%s: %d bytes of pixels, the frame needs %d", codec, len(pixels), f.Bytes())
	}
	if f.BitsAllocated > 16 {
		return fault.Errorf(fault.Data, "%s: samples of %d bits cannot be written; at most 16", codec, f.BitsAllocated)
	}
	return nil
}
