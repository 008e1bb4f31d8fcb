package jpeg

import "galen.dev/dicom/codec"

// prepareLossless allocates the output, once the data are long enough to hold one bit for each sample.
func (d *decoder) prepareLossless() error {
	if d.maxH != 1 || d.maxV != 1 {
		for _, c := range d.components {
			if c.h != d.maxH || c.v != d.maxV {
				return d.at.Errorf("lossless JPEG with subsampled components is not part of DICOM")
			}
		}
	}
	if d.want.Bytes()/(d.want.BitsAllocated/8) > 8*len(d.src) {
		return d.at.Errorf("%d bytes of data cannot hold %d rows x %d columns", len(d.src), d.want.Rows, d.want.Columns)
	}
	d.dst = make([]byte, d.want.Bytes())
	return nil
}

// lossless decodes one scan of process 14 (T.81 annex H) into dst.
func (d *decoder) lossless(list []*component, predictor, pt int) error {
	if predictor < 1 || predictor > 7 || pt >= d.precision {
		return d.at.Errorf("predictor %d with point transform %d is not allowed", predictor, pt)
	}
	if d.restart%d.want.Columns != 0 {
		return d.at.Errorf("a restart interval of %d samples is not a multiple of %d columns", d.restart, d.want.Columns)
	}
	s := losslessScan{d: d, list: list, predictor: predictor, half: 1 << (d.precision - pt - 1), bits: bits{src: d.src, pos: d.pos}}
	width := d.want.Columns * len(list)
	row, above := make([]uint16, width), make([]uint16, width)
	var shifted []uint16
	if pt > 0 {
		shifted = make([]uint16, width)
	}
	interval := d.restart / d.want.Columns
	for y := range d.want.Rows {
		first := y == 0
		if interval > 0 && y > 0 && y%interval == 0 {
			if err := d.nextRestart(&s.bits, s.n, y/interval-1); err != nil {
				return err
			}
			s.acc, s.n, first = 0, 0, true
		}
		if err := s.line(row, above, first); err != nil {
			return err
		}
		out := row
		if pt > 0 {
			for i, v := range row {
				shifted[i] = v << pt
			}
			out = shifted
		}
		d.storeLine(y, list, out)
		row, above = above, row
	}
	d.pos = s.bits.pos
	return nil
}

// storeLine writes one line of the components of a scan.
func (d *decoder) storeLine(y int, list []*component, line []uint16) {
	stride := d.want.Samples() * (d.want.BitsAllocated / 8)
	dst := d.dst[y*stride : (y+1)*stride]
	if len(list) == len(d.components) {
		d.want.Store(dst, line, d.precision)
		return
	}
	width := d.want.BitsAllocated / 8
	one := make([]byte, len(line)*width)
	d.want.Store(one, line, d.precision)
	for i, c := range list {
		place := 0
		for &d.components[place] != c {
			place++
		}
		for x := range d.want.Columns {
			copy(dst[(x*len(d.components)+place)*width:][:width], one[(x*len(list)+i)*width:])
		}
	}
}

type losslessScan struct {
	d         *decoder
	list      []*component
	predictor int
	half      uint16 // prediction of the first sample
	bits      bits
	acc       uint64
	n         uint
}

// line decodes one line of samples, the components beside each other.
func (s *losslessScan) line(row, above []uint16, first bool) error {
	var err error
	m := len(s.list)
	switch {
	case first:
		err = s.left(row, s.half, nil)
	case s.predictor == 1:
		err = s.left(row, 0, above[:m])
	default:
		if err = s.differences(row); err == nil {
			for i := range m {
				predict(row, above, i, m, s.predictor)
			}
		}
	}
	if err != nil {
		return err
	}
	if s.bits.overrun(s.n) {
		return s.d.truncated(&s.bits)
	}
	return nil
}

// left decodes a line predicted from the left; its first sample from start, or from the line above.
func (s *losslessScan) left(row []uint16, start uint16, above []uint16) error {
	if len(s.list) > 1 {
		if err := s.differences(row); err != nil {
			return err
		}
		m := len(s.list)
		for i := range m {
			if above != nil {
				start = above[i]
			}
			v := start
			for x := i; x < len(row); x += m {
				v += row[x]
				row[x] = v
			}
		}
		return nil
	}
	v := start
	if above != nil {
		v = above[0]
	}
	h := s.list[0].dc
	acc, n := s.acc, s.n
	for x := range row {
		if n < enough {
			acc, n = s.bits.fill(acc, n)
		}
		e := h.fast[acc>>(64-lookBits)]
		if e == 0 {
			if e = h.slowValue(acc, false); e == 0 {
				return s.badCode()
			}
		}
		drop := uint(e & 0xFF)
		acc <<= drop & 63
		n -= drop
		v += uint16(e >> 16)
		row[x] = v
	}
	s.acc, s.n = acc, n
	return nil
}

// differences decodes a line of differences, the components in turn.
func (s *losslessScan) differences(row []uint16) error {
	acc, n := s.acc, s.n
	m := len(s.list)
	for i := 0; i < len(row); i += m {
		px := row[i:]
		for j, c := range s.list {
			if n < enough {
				acc, n = s.bits.fill(acc, n)
			}
			e := c.dc.fast[acc>>(64-lookBits)]
			if e == 0 {
				if e = c.dc.slowValue(acc, false); e == 0 {
					return s.badCode()
				}
			}
			drop := uint(e & 0xFF)
			acc <<= drop & 63
			n -= drop
			px[j] = uint16(e >> 16)
		}
	}
	s.acc, s.n = acc, n
	return nil
}

func (s *losslessScan) badCode() error {
	return codec.Place{Codec: name, Offset: s.bits.pos, Marker: "scan"}.Errorf("a bit pattern that is no code of the Huffman table")
}

// predict adds the predictions of T.81 table H.1 to the differences of one component of a line, modulo 2^16.
func predict(row, above []uint16, start, step, predictor int) {
	a, c := int32(above[start]), int32(above[start]) // the first sample is predicted from above
	row[start] += uint16(a)
	a = int32(row[start])
	for x := start + step; x < len(row); x += step {
		b := int32(above[x])
		var p int32
		switch predictor {
		case 1:
			p = a
		case 2:
			p = b
		case 3:
			p = c
		case 4:
			p = a + b - c
		case 5:
			p = a + (b-c)>>1
		case 6:
			p = b + (a-c)>>1
		case 7:
			p = (a + b) >> 1
		}
		v := uint16(p) + row[x]
		row[x] = v
		a, c = int32(v), b
	}
}
