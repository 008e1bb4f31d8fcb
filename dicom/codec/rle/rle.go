// Package rle reads and writes DICOM's run-length encoding (DICOM PS3.5 annex G).
//
// A frame is a header of 64 bytes and up to 15 segments; each segment is one byte of every sample (the most
// significant byte first, one sample of the pixel after the other), packed as runs and literals.
package rle

import (
	"encoding/binary"

	"galen.dev/dicom/codec"
)

const (
	name        = "RLE"
	headerSize  = 64
	maxSegments = 15
)

// Decode reads one frame. Bytes after the last sample of a segment are padding and ignored.
func Decode(src []byte, want codec.Frame) (codec.Result, error) {
	if err := want.Check(); err != nil {
		return codec.Result{}, err
	}
	segments, err := header(src, want)
	if err != nil {
		return codec.Result{}, err
	}
	// Two bytes make at most 128: a shorter segment cannot fill its plane.
	for i, s := range segments {
		if (s[1]-s[0])*64 < want.Pixels() {
			return codec.Result{}, codec.Place{Codec: name, Offset: s[0]}.Errorf("segment %d of %d bytes is too short for %d samples", i+1, s[1]-s[0], want.Pixels())
		}
	}
	width := want.BitsAllocated / 8
	step := width * want.SamplesPerPixel
	dst := make([]byte, want.Bytes())
	for i, s := range segments {
		at := i/width*width + width - 1 - i%width // big end first, little-endian out
		if err := plane(dst[at:], src[:s[1]], s[0], step, want.Pixels()); err != nil {
			return codec.Result{}, err
		}
	}
	return codec.Result{Pixels: dst}, nil
}

// header returns the start and end of each segment.
func header(src []byte, want codec.Frame) ([][2]int, error) {
	p := codec.Place{Codec: name}
	if len(src) < headerSize {
		return nil, p.Errorf("the header needs %d bytes, there are %d", headerSize, len(src))
	}
	n := binary.LittleEndian.Uint32(src)
	if need := want.SamplesPerPixel * want.BitsAllocated / 8; n > maxSegments || int(n) != need {
		return nil, p.Errorf("%d segments, the data set needs %d", n, need)
	}
	out := make([][2]int, n)
	for i := range out {
		p.Offset = 4 + 4*i
		start := binary.LittleEndian.Uint32(src[p.Offset:])
		if start < headerSize || int64(start) > int64(len(src)) {
			return nil, p.Errorf("segment %d starts at %d, outside of the frame", i+1, start)
		}
		out[i] = [2]int{int(start), len(src)}
		if i > 0 {
			if int(start) < out[i-1][0] {
				return nil, p.Errorf("segment %d starts before segment %d", i+1, i)
			}
			out[i-1][1] = int(start)
		}
	}
	return out, nil
}

// plane unpacks n bytes from src[pos:] into every step-th byte of dst.
func plane(dst, src []byte, pos, step, n int) error {
	start := pos
	for out := 0; out < n; {
		if pos >= len(src) {
			return codec.Place{Codec: name, Offset: start}.Errorf("the segment ends after %d of %d samples", out, n)
		}
		c := int(int8(src[pos]))
		pos++
		switch {
		case c >= 0:
			count := min(c+1, n-out)
			if pos+count > len(src) {
				return codec.Place{Codec: name, Offset: pos}.Errorf("a literal run of %d bytes passes the end of its segment", c+1)
			}
			literal(dst[out*step:], src[pos:pos+count], step)
			pos += c + 1
			out += count
		case c != -128: // -128 is no operation
			if pos >= len(src) {
				return codec.Place{Codec: name, Offset: pos}.Errorf("a run without its byte at the end of the segment")
			}
			count := min(1-c, n-out)
			run(dst[out*step:], src[pos], count, step)
			pos++
			out += count
		}
	}
	return nil
}

func literal(dst, src []byte, step int) {
	switch step {
	case 1:
		copy(dst, src)
	case 2:
		for len(src) > 8 {
			d, s := dst[:16], src[:8]
			d[0], d[2], d[4], d[6], d[8], d[10], d[12], d[14] = s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
			dst, src = dst[16:], src[8:]
		}
		dst = dst[:2*len(src)-1]
		for i, v := range src {
			dst[2*i] = v
		}
	default:
		for i, v := range src {
			dst[i*step] = v
		}
	}
}

func run(dst []byte, v byte, count, step int) {
	if step == 2 {
		for ; count > 8; count -= 8 {
			d := dst[:16]
			d[0], d[2], d[4], d[6], d[8], d[10], d[12], d[14] = v, v, v, v, v, v, v, v
			dst = dst[16:]
		}
	}
	dst = dst[:(count-1)*step+1]
	for i := 0; i < len(dst); i += step {
		dst[i] = v
	}
}

// Encode writes one frame. Runs end with the row, and every segment has an even length, as annex G asks.
func Encode(pixels []byte, f codec.Frame) ([]byte, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	p := codec.Place{Codec: name}
	width := f.BitsAllocated / 8
	if len(pixels) != f.Bytes() {
		return nil, p.Errorf("%d bytes of pixels, the frame needs %d", len(pixels), f.Bytes())
	}
	n := width * f.SamplesPerPixel
	if n > maxSegments {
		return nil, p.Errorf("%d segments are needed, the format has %d", n, maxSegments)
	}
	out := make([]byte, headerSize, headerSize+len(pixels)/2)
	binary.LittleEndian.PutUint32(out, uint32(n))
	row := make([]byte, f.Columns)
	for i := range n {
		binary.LittleEndian.PutUint32(out[4+4*i:], uint32(len(out)))
		at := i/width*width + width - 1 - i%width
		for range f.Rows {
			for x := range row {
				row[x] = pixels[at]
				at += n
			}
			out = pack(out, row)
		}
		if len(out)%2 == 1 {
			out = append(out, 0)
		}
	}
	return out, nil
}

// pack appends one row. A run of two inside of literals is left literal: it would save nothing.
func pack(out, row []byte) []byte {
	for i := 0; i < len(row); {
		same := runLength(row[i:])
		if same >= 2 {
			out = append(out, byte(1-same), row[i])
			i += same
			continue
		}
		end := i + 1
		for end < len(row) && end-i < 128 && runLength(row[end:]) < 3 {
			end++
		}
		out = append(out, byte(end-i-1))
		out = append(out, row[i:end]...)
		i = end
	}
	return out
}

func runLength(row []byte) int {
	n := 1
	for n < len(row) && n < 128 && row[n] == row[0] {
		n++
	}
	return n
}
