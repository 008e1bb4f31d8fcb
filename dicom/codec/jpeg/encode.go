package jpeg

import (
	"encoding/binary"
	mathbits "math/bits"

	"galen.dev/dicom/codec"
)

// Encode writes one frame by lossless JPEG with selection value 1 (process 14 SV1), all components in one
// scan and one Huffman table that is the best for the frame.
func Encode(pixels []byte, f codec.Frame) ([]byte, error) {
	if err := f.Accept(name, pixels); err != nil {
		return nil, err
	}
	e := &encoder{f: f, pixels: pixels, precision: max(f.Precision(pixels), 2)}
	e.lines(func(size uint, _ uint32) { e.freq[size]++ })
	e.codes()
	e.header()
	e.lines(func(size uint, extra uint32) {
		e.put(uint64(e.code[size]), e.length[size])
		if size < 16 {
			e.put(uint64(extra), size)
		}
	})
	if e.n > 0 {
		e.put(1<<(8-e.n%8)-1, 8-e.n%8) // pad with ones
	}
	e.out = append(e.out, 0xFF, eoi)
	return e.out, nil
}

type encoder struct {
	f         codec.Frame
	pixels    []byte
	precision int
	freq      [18]int // of each size; the last entry reserves the code of all ones
	code      [17]uint32
	length    [17]uint
	out       []byte
	acc       uint64
	n         uint
}

// lines calls emit with the size and extra bits of each difference.
func (e *encoder) lines(emit func(size uint, extra uint32)) {
	f := e.f
	m := f.SamplesPerPixel
	stride := f.Bytes() / f.Rows
	row, above := make([]uint16, f.Samples()), make([]uint16, f.Samples())
	for y := range f.Rows {
		f.Load(row, e.pixels[y*stride:], e.precision)
		for i, v := range row {
			var p uint16
			switch {
			case i >= m:
				p = row[i-m]
			case y > 0:
				p = above[i]
			default:
				p = 1 << (e.precision - 1)
			}
			diff := int32(int16(v - p))
			size := uint(mathbits.Len32(uint32(max(diff, -diff))))
			if diff < 0 {
				diff--
			}
			emit(size, uint32(diff)&(1<<size-1))
		}
		row, above = above, row
	}
}

// codes computes the Huffman code lengths by merging the two rarest symbols again and again (T.81 K.2);
// with 17 symbols no code exceeds 16 bits unless the frequencies grow like Fibonacci numbers, and then the
// lengths are adjusted as figure K.3 says.
func (e *encoder) codes() {
	e.freq[17] = 1
	var size [18]int
	var next [18]int
	freq := e.freq
	for i := range next {
		next[i] = -1
	}
	for {
		a, b := -1, -1
		for i, f := range freq {
			switch {
			case f == 0:
			case a < 0 || f <= freq[a]:
				a, b = i, a
			case b < 0 || f <= freq[b]:
				b = i
			}
		}
		if b < 0 {
			break
		}
		freq[a] += freq[b]
		freq[b] = 0
		for i := a; ; i = next[i] {
			size[i]++
			if next[i] < 0 {
				next[i] = b
				break
			}
		}
		for i := b; i >= 0; i = next[i] {
			size[i]++
		}
	}
	var counts [33]int
	for _, s := range size {
		if s > 0 {
			counts[s]++
		}
	}
	for l := len(counts) - 1; l > 16; l-- {
		for counts[l] > 0 {
			j := l - 2
			for counts[j] == 0 {
				j--
			}
			counts[l] -= 2
			counts[l-1]++
			counts[j+1] += 2
			counts[j]--
		}
	}
	last := 16
	for counts[last] == 0 {
		last--
	}
	counts[last]-- // the reserved code
	e.assign(counts[:17], size)
}

// assign writes the table's segment and the codes, shorter ones to the more frequent symbols.
func (e *encoder) assign(counts []int, size [18]int) {
	var symbols []byte
	for l := 1; l < 33; l++ {
		for s := range 17 {
			if size[s] == l {
				symbols = append(symbols, byte(s))
			}
		}
	}
	e.out = append(e.out, 0xFF, soi, 0xFF, dht, 0, byte(19+len(symbols)), 0)
	code, at := uint32(0), 0
	for l := 1; l <= 16; l++ {
		e.out = append(e.out, byte(counts[l]))
		for range counts[l] {
			s := symbols[at]
			e.code[s], e.length[s] = code, uint(l)
			code++
			at++
		}
		code <<= 1
	}
	e.out = append(e.out, symbols...)
}

func (e *encoder) header() {
	m := e.f.SamplesPerPixel
	e.out = append(e.out, 0xFF, sof3, 0, byte(8+3*m), byte(e.precision))
	e.out = binary.BigEndian.AppendUint16(e.out, uint16(e.f.Rows))
	e.out = binary.BigEndian.AppendUint16(e.out, uint16(e.f.Columns))
	e.out = append(e.out, byte(m))
	for i := range m {
		e.out = append(e.out, byte(i+1), 0x11, 0)
	}
	e.out = append(e.out, 0xFF, sos, 0, byte(6+2*m), byte(m))
	for i := range m {
		e.out = append(e.out, byte(i+1), 0)
	}
	e.out = append(e.out, 1, 0, 0)
}

// put appends n bits, at most 16, and stuffs a zero byte behind each FF.
func (e *encoder) put(v uint64, n uint) {
	e.acc = e.acc<<n | v
	e.n += n
	for e.n >= 8 {
		e.n -= 8
		c := byte(e.acc >> e.n)
		e.out = append(e.out, c)
		if c == 0xFF {
			e.out = append(e.out, 0)
		}
	}
}
