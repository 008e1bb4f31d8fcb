package jpegls

import (
	"encoding/binary"

	"galen.dev/dicom/codec"
)

// Encode writes one frame without loss, with the standard's default parameters; several components are
// interleaved by line.
func Encode(pixels []byte, f codec.Frame) ([]byte, error) {
	if err := f.Accept(name, pixels); err != nil {
		return nil, err
	}
	precision := max(f.Precision(pixels), 2)
	p, err := preset{}.complete(precision, 0)
	if err != nil {
		return nil, err
	}
	e := &encoder{model: model{params: p}}
	e.reset()
	e.header(f, precision)
	m, w := f.SamplesPerPixel, f.Columns
	above, row := lines(m, w), lines(m, w)
	flat := make([]uint16, f.Samples())
	var runIndex [4]int
	for y := range f.Rows {
		f.Load(flat, pixels[y*f.Bytes()/f.Rows:], precision)
		for i := range m {
			for x := range w {
				row[i][x+1] = flat[x*m+i]
			}
			row[i][0] = above[i][1]
			above[i][w+1] = above[i][w]
			e.line(above[i], row[i], &runIndex[i])
		}
		above, row = row, above
	}
	e.flush()
	e.out = append(e.out, 0xFF, eoi)
	return e.out, nil
}

type encoder struct {
	model
	out  []byte
	acc  uint64
	n    uint
	last byte // written before, for stuffing
}

func (e *encoder) header(f codec.Frame, precision int) {
	m := f.SamplesPerPixel
	e.out = append(e.out, 0xFF, soi, 0xFF, sof55, 0, byte(8+3*m), byte(precision))
	e.out = binary.BigEndian.AppendUint16(e.out, uint16(f.Rows))
	e.out = binary.BigEndian.AppendUint16(e.out, uint16(f.Columns))
	e.out = append(e.out, byte(m))
	for i := range m {
		e.out = append(e.out, byte(i+1), 0x11, 0)
	}
	e.out = append(e.out, 0xFF, sos, 0, byte(6+2*m), byte(m))
	for i := range m {
		e.out = append(e.out, byte(i+1), 0)
	}
	interleave := byte(0)
	if m > 1 {
		interleave = 1
	}
	e.out = append(e.out, 0, interleave, 0)
}

// put appends n bits, at most 32. A byte after FF takes seven.
func (e *encoder) put(v uint32, n uint) {
	e.acc = e.acc<<n | uint64(v)
	e.n += n
	for {
		size := uint(8)
		if e.last == 0xFF {
			size = 7
		}
		if e.n < size {
			return
		}
		e.n -= size
		e.last = byte(e.acc >> e.n & (1<<size - 1))
		e.out = append(e.out, e.last)
	}
}

// flush fills the last byte with zeros; behind FF there is always another byte.
func (e *encoder) flush() {
	size := uint(8)
	if e.last == 0xFF {
		size = 7
	}
	if e.n > 0 || e.last == 0xFF {
		e.put(0, size-e.n)
	}
}

// golomb writes a mapped error (T.87 A.5.3).
func (e *encoder) golomb(v int32, k, limit uint) {
	zeros := uint(v >> k)
	plain := limit - e.qbpp - 1
	escaped := zeros >= plain
	if escaped {
		zeros = plain
	}
	for z := zeros; z > 0; z -= min(z, 32) {
		e.put(0, min(z, 32))
	}
	e.put(1, 1)
	if escaped {
		e.put(uint32(v-1), e.qbpp)
		return
	}
	e.put(uint32(v)&(1<<k-1), k)
}

// wrap brings an error into the half-open range around zero (T.87 A.4.5).
func (e *encoder) wrap(d int32) int32 {
	if d < 0 {
		d += e.span
	}
	if d >= (e.span+1)/2 {
		d -= e.span
	}
	return d
}

func (e *encoder) line(above, row []uint16, runIndex *int) {
	w := len(row) - 2
	m := int32(e.maxVal)
	for x := 1; x <= w; x++ {
		ra, rb, rc, rd := int32(row[x-1]), int32(above[x]), int32(above[x-1]), int32(above[x+1])
		q := 81*int32(e.quant[rd-rb+m]) + 9*int32(e.quant[rb-rc+m]) + int32(e.quant[rc-ra+m])
		if q == 0 {
			x = e.run(above, row, x, runIndex)
			continue
		}
		sign := q >> 31
		c := &e.contexts[q^sign-sign]
		px := min(max(predict(ra, rb, rc)+(c.c^sign-sign), 0), m)
		d := e.wrap((int32(row[x]) - px) ^ sign - sign)
		k := golomb(c.n, c.a)
		mapped := d << 1
		if d < 0 {
			mapped = -2*d - 1
		}
		if k == 0 && 2*c.b <= -c.n {
			mapped ^= 1
		}
		e.golomb(mapped, k, e.limit)
		c.learn(d, e.params)
	}
}

// run writes a run and the sample that ends it, and returns the last sample written.
func (e *encoder) run(above, row []uint16, x int, runIndex *int) int {
	w := len(row) - 2
	a, start := row[x-1], x
	for x <= w && row[x] == a {
		x++
	}
	length := x - start
	for length >= 1<<runOrder[*runIndex] {
		e.put(1, 1)
		length -= 1 << runOrder[*runIndex]
		*runIndex = min(*runIndex+1, 31)
	}
	if x > w {
		if length > 0 {
			e.put(1, 1)
		}
		return x
	}
	e.put(uint32(length), 1+uint(runOrder[*runIndex])) // a zero, then the rest
	ra, rb := int32(a), int32(above[x])
	d, kind := int32(row[x])-rb, int32(0)
	switch {
	case ra == rb:
		kind = 1
	case ra > rb:
		d = -d
	}
	d = e.wrap(d)
	c := &e.runs[kind]
	k := c.parameter(kind)
	odd := int32(0)
	if k == 0 && d > 0 && 2*c.nn < c.n || d < 0 && (2*c.nn >= c.n || k != 0) {
		odd = 1
	}
	mapped := 2*max(d, -d) - kind - odd
	e.golomb(mapped, k, e.limit-uint(runOrder[*runIndex])-1)
	c.learn(d, mapped, kind, e.params)
	*runIndex = max(*runIndex-1, 0)
	return x
}
