package jpeg

import "galen.dev/dicom/codec"

// zigzag gives the place of the k-th coefficient of a block (T.81 figure A.6).
var zigzag = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

// prepareSequential allocates the planes, once the data are long enough to hold two bits for each block.
func (d *decoder) prepareSequential() error {
	mcusX := ceil(d.want.Columns, 8*d.maxH)
	mcusY := ceil(d.want.Rows, 8*d.maxV)
	blocks := 0
	for i := range d.components {
		c := &d.components[i]
		if d.maxH%c.h != 0 || d.maxV%c.v != 0 {
			return d.at.Errorf("sampling factors of %d x %d beside %d x %d are no whole ratio", c.h, c.v, d.maxH, d.maxV)
		}
		c.width, c.height = ceil(d.want.Columns*c.h, d.maxH), ceil(d.want.Rows*c.v, d.maxV)
		c.stride, c.lines = mcusX*c.h*8, mcusY*c.v*8
		blocks += ceil(c.width, 8) * ceil(c.height, 8)
	}
	if blocks > 4*len(d.src) {
		return d.at.Errorf("%d bytes of data cannot hold %d blocks", len(d.src), blocks)
	}
	for i := range d.components {
		c := &d.components[i]
		c.plane = make([]uint16, c.stride*c.lines)
	}
	return nil
}

func ceil(a, b int) int { return (a + b - 1) / b }

// dctScan is the state of one sequential scan (T.81 annex F.2).
type dctScan struct {
	bits
	acc    uint64
	n      uint
	coef   [64]int32
	shift  uint // fraction bits between the two passes of the inverse DCT
	limits int32
}

// sequential decodes one scan into the planes of its components.
func (d *decoder) sequential(list []*component) error {
	for _, c := range list {
		if d.quant[c.quant] == nil {
			return d.at.Errorf("component %d uses a quantisation table that is not defined", c.id)
		}
	}
	s := &dctScan{bits: bits{src: d.src, pos: d.pos}, shift: 2, limits: 1<<d.precision - 1}
	if d.precision == 12 {
		s.shift = 1
	}
	alone := len(list) == 1
	mcusX, mcusY := ceil(d.want.Columns, 8*d.maxH), ceil(d.want.Rows, 8*d.maxV)
	if alone { // one block is the unit, and only blocks that hold samples are coded (T.81 A.2.2)
		mcusX, mcusY = ceil(list[0].width, 8), ceil(list[0].height, 8)
	}
	var last [4]int32
	count, restarts := 0, 0
	for my := range mcusY {
		for mx := range mcusX {
			if d.restart > 0 && count == d.restart {
				if err := d.nextRestart(&s.bits, s.n, restarts); err != nil {
					return err
				}
				s.acc, s.n, last, count = 0, 0, [4]int32{}, 0
				restarts++
			}
			count++
			for i, c := range list {
				h, v := c.h, c.v
				if alone {
					h, v = 1, 1
				}
				for by := range v {
					for bx := range h {
						at := (my*v+by)*8*c.stride + (mx*h+bx)*8
						if !s.block(c, d.quant[c.quant], &last[i], at) {
							return codec.Place{Codec: name, Offset: s.pos, Marker: "scan"}.Errorf("a bit pattern that is no code, or coefficients past the end of a block")
						}
					}
				}
			}
		}
		if s.overrun(s.n) {
			return d.truncated(&s.bits)
		}
	}
	d.pos = s.pos
	return nil
}

// block decodes one block into the plane of its component; false where the bits are no valid block.
func (s *dctScan) block(c *component, q *[64]int32, last *int32, at int) bool {
	acc, n := s.acc, s.n
	if n < enough {
		acc, n = s.fill(acc, n)
	}
	e := c.dc.fast[acc>>(64-lookBits)]
	if e == 0 {
		if e = c.dc.slowValue(acc, false); e == 0 {
			return false
		}
	}
	acc <<= uint(e&0xFF) & 63
	n -= uint(e & 0xFF)
	*last = int32(int16(*last + e>>16))
	coef := &s.coef
	coef[0] = *last * q[0]
	highest := 0
	for k := 1; k < 64; k++ {
		if n < enough {
			acc, n = s.fill(acc, n)
		}
		e := c.ac.fast[acc>>(64-lookBits)]
		if e == 0 {
			if e = c.ac.slowValue(acc, true); e == 0 {
				return false
			}
		}
		acc <<= uint(e&0xFF) & 63
		n -= uint(e & 0xFF)
		run := int(e >> 8 & 0xFF)
		v := e >> 16
		if v == 0 {
			if run != 15 {
				break // end of block
			}
			k += 15
			continue
		}
		k += run
		if k > 63 {
			return false
		}
		coef[zigzag[k]] = v * q[k]
		highest = k
	}
	s.acc, s.n = acc, n
	dst := c.plane[at:]
	if highest == 0 {
		s.flat(dst, c.stride)
		return true
	}
	s.inverse(dst, c.stride)
	*coef = [64]int32{}
	return true
}
