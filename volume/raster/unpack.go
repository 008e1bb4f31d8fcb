package raster

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/zlib"
)

// unpack fills out with the bytes of a strip or tile.
func unpack(packing int, out, in []byte) error {
	short := func(n int) error {
		return fmt.Errorf("%d of %d bytes are there: it is cut off or damaged", n, len(out))
	}
	switch packing {
	case 1:
		if n := copy(out, in); n < len(out) {
			return short(n)
		}
	case 5:
		if n := unpackLZW(out, in); n < len(out) {
			return short(n)
		}
	case 32773:
		if n := unpackBits(out, in); n < len(out) {
			return short(n)
		}
	default:
		z, err := zlib.NewReader(bytes.NewReader(in))
		if err != nil {
			return err
		}
		if n, err := io.ReadFull(z, out); err != nil {
			return short(n)
		}
	}
	return nil
}

// unpackBits undoes PackBits and returns how many bytes it made.
func unpackBits(out, in []byte) int {
	n := 0
	for len(in) > 0 && n < len(out) {
		c := int(int8(in[0]))
		in = in[1:]
		switch {
		case c >= 0:
			k := min(c+1, len(in))
			n += copy(out[n:], in[:k])
			in = in[k:]
		case c > -128 && len(in) > 0:
			for k := 0; k < 1-c && n < len(out); k++ {
				out[n] = in[0]
				n++
			}
			in = in[1:]
		}
	}
	return n
}

// unpackLZW undoes the LZW of TIFF 6.0 (codes from the highest bit; widths grow one code early) and returns how
// many bytes it made. Strings are kept as places in the output, where each was written before.
func unpackLZW(out, in []byte) int {
	const clear, end, most = 256, 257, 4096
	var from, length [most]int32
	n, next, width := 0, end+1, 9
	before := 0 // the length of the string before, which ends at n; 0 after a clear
	bits, have := uint32(0), 0
	for n < len(out) {
		for have < width {
			if len(in) == 0 {
				return n
			}
			bits, in = bits<<8|uint32(in[0]), in[1:]
			have += 8
		}
		code := int(bits >> (have - width) & (1<<width - 1))
		have -= width
		start := n
		switch {
		case code == end:
			return n
		case code == clear:
			next, width, before = end+1, 9, 0
			continue
		case code < clear:
			out[n] = byte(code)
			n++
		case code < next:
			n += copy(out[n:], out[from[code]:from[code]+length[code]])
		case code == next && before > 0:
			// The string that is only now being made: the one before, and its own first byte.
			for k := start - before; k <= start && n < len(out); k++ {
				out[n] = out[k]
				n++
			}
		default:
			return n
		}
		if before > 0 && next < most {
			from[next], length[next] = int32(start-before), int32(before+1)
			next++
			if next >= 1<<width-1 && width < 12 {
				width++
			}
		}
		before = n - start
	}
	return n
}
