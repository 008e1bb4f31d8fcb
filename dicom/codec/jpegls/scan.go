package jpegls

import (
	"encoding/binary"
	mathbits "math/bits"

	"galen.dev/dicom/codec"
)

// bits reads entropy-coded bits: acc has the next n bits at its top, what lies below is true data or zero.
// The encoder put a zero bit behind each byte FF, so that a byte after FF has seven bits.
type bits struct {
	src     []byte
	pos     int
	stuffed bool // the byte before pos was FF
	padded  uint // zero bits given out because the data ended
}

const (
	lowBits = 0x0101010101010101
	topBits = 0x8080808080808080
)

// fill tops acc up to at least 57 bits.
func (b *bits) fill(acc uint64, n uint) (uint64, uint) {
	if !b.stuffed && b.pos+8 <= len(b.src) {
		v := binary.BigEndian.Uint64(b.src[b.pos:])
		if ((v&^topBits)+lowBits)&v&topBits == 0 { // no byte is FF
			take := (64 - n) / 8
			b.pos += int(take)
			return acc | v>>n, n + 8*take
		}
	}
	for n <= 56 {
		if b.pos >= len(b.src) || b.src[b.pos] == 0xFF && (b.pos+1 >= len(b.src) || b.src[b.pos+1] >= 0x80) {
			b.padded += 8
			n += 8
			continue
		}
		c := b.src[b.pos]
		b.pos++
		if b.stuffed {
			acc |= uint64(c) << (57 - n)
			n += 7
		} else {
			acc |= uint64(c) << (56 - n)
			n += 8
		}
		b.stuffed = c == 0xFF
	}
	return acc, n
}

// scan decodes the samples of one scan.
type scan struct {
	model
	bits
	acc  uint64
	n    uint
	mask int32 // RANGE - 1 where that is a power of two and nothing is lost, otherwise 0
	bad  bool  // a code longer than the standard allows
}

// samples decodes a scan of the components at places into dst.
func (d *decoder) samples(p *params, places []int, bySample bool, pt int) error {
	s := &scan{model: model{params: p}, bits: bits{src: d.src, pos: d.pos}}
	s.reset()
	if p.near == 0 && p.span&(p.span-1) == 0 {
		s.mask = p.span - 1
	}
	w, m := d.want.Columns, len(places)
	above, row := lines(m, w), lines(m, w)
	var runIndex [4]int
	for y := range d.want.Rows {
		if d.restart > 0 && y > 0 && y%d.restart == 0 {
			if err := d.restartScan(s, y/d.restart-1); err != nil {
				return err
			}
			above, row, runIndex = lines(m, w), lines(m, w), [4]int{}
		}
		for i := range m {
			row[i][0] = above[i][1]
			above[i][w+1] = above[i][w]
			if !bySample {
				s.line(above[i], row[i], &runIndex[i])
			}
		}
		if bySample {
			s.pixels(above, row, &runIndex[0])
		}
		if s.bad || s.padded > s.n {
			return codec.Place{Codec: name, Offset: s.pos, Marker: "scan"}.Errorf("the data end, or hold no valid code, in row %d", y+1)
		}
		d.store(y, places, row, pt)
		above, row = row, above
	}
	d.pos = s.pos
	return nil
}

// lines makes a line for each component, with a sample more at both ends.
func lines(m, w int) [][]uint16 {
	out := make([][]uint16, m)
	for i := range out {
		out[i] = make([]uint16, w+2)
	}
	return out
}

// restartScan steps over a restart marker and forgets what the scan has learnt.
func (d *decoder) restartScan(s *scan, index int) error {
	d.pos = s.pos
	if m := d.marker(); m != byte(rst0+index&7) {
		return codec.Place{Codec: name, Offset: d.pos}.Errorf("restart marker FF%02X is missing", rst0+index&7)
	}
	s.bits = bits{src: d.src, pos: d.pos}
	s.acc, s.n = 0, 0
	s.reset()
	return nil
}

// store writes one line of each component of a scan.
func (d *decoder) store(y int, places []int, row [][]uint16, pt int) {
	all := len(d.ids)
	width := d.want.BitsAllocated / 8
	dst := d.dst[y*d.want.Samples()*width:][:d.want.Samples()*width]
	w := d.want.Columns
	if pt > 0 {
		for i := range row {
			shifted := make([]uint16, w+2)
			for x, v := range row[i] {
				shifted[x] = v << pt
			}
			row[i] = shifted
		}
		defer func() { // the next line is predicted from what was coded
			for i := range row {
				for x := range row[i] {
					row[i][x] >>= pt
				}
			}
		}()
	}
	if all == 1 {
		d.want.Store(dst, row[0][1:w+1], d.precision)
		return
	}
	one := make([]byte, w*width)
	for i, place := range places {
		d.want.Store(one, row[i][1:w+1], d.precision)
		if width == 1 {
			for x, v := range one {
				dst[x*all+place] = v
			}
			continue
		}
		for x := range w {
			copy(dst[(x*all+place)*width:][:width], one[x*width:])
		}
	}
}

// line decodes one line of one component. Index 0 of both lines is the sample left of the image.
func (s *scan) line(above, row []uint16, runIndex *int) {
	w := len(row) - 2
	above, row = above[:w+2], row[:w+2]
	maxVal := int32(s.maxVal)
	quant := s.quant
	reset := int32(s.preset.reset)
	acc, n := s.acc, s.n
	plain := s.limit - s.qbpp - 1
	ra, rc, rb := int32(row[0]), int32(above[0]), int32(above[1])
	q2 := int32(quant[rb-rc+maxVal])
	for x := 1; x <= w; {
		rd := int32(above[x+1])
		q1 := int32(quant[rd-rb+maxVal])
		q := 81*q1 + 9*q2 + int32(quant[rc-ra+maxVal])
		if q == 0 {
			s.acc, s.n = acc, n
			x = s.run(above, row, x, runIndex)
			acc, n = s.acc, s.n
			if x > w || s.bad {
				break
			}
			ra, rc, rb = int32(row[x-1]), int32(above[x-1]), int32(above[x])
			q2 = int32(quant[rb-rc+maxVal])
			continue
		}
		sign := q >> 31 // 0 or -1
		c := &s.contexts[(q^sign)-sign]
		px := predict(ra, rb, rc)
		px = min(max(px+((c.c^sign)-sign), 0), maxVal)
		k := golomb(c.n, c.a)
		if n < 40 {
			acc, n = s.fill(acc, n)
		}
		zeros := uint(mathbits.LeadingZeros64(acc))
		var code int32
		if zeros < plain && zeros+1+k <= n {
			code = int32(zeros<<k) | int32(acc<<(zeros+1)>>1>>(63-k))
			acc <<= zeros + 1 + k
			n -= zeros + 1 + k
		} else {
			s.acc, s.n = acc, n
			code = s.long(k, s.limit)
			acc, n = s.acc, s.n
		}
		e := code>>1 ^ -(code & 1)
		if k == 0 && s.near == 0 && 2*c.b <= -c.n {
			e = ^e
		}
		// The context learns: T.87 A.6.
		a, b, cn := c.a+max(e, -e), c.b+e*s.scale, c.n
		if cn == reset {
			a, b, cn = a>>1, b>>1, cn>>1
		}
		cn++
		// The bias is as good as random: masks instead of branches.
		under, over := (b+cn-1)>>31, -b>>31
		c.b = min(max(b+cn&under-cn&over, 1-cn), 0)
		c.c = min(max(c.c+under-over, -128), 127)
		c.a, c.n = a, cn

		if s.mask != 0 {
			ra = (px + (e ^ sign - sign)) & s.mask
		} else {
			ra = s.rebuild(px, e^sign-sign)
		}
		row[x] = uint16(ra)
		rc, rb, q2 = rb, rd, q1
		x++
	}
	s.acc, s.n = acc, n
}

// rebuild adds an error to a prediction, within the range of samples (T.87 A.4.5).
func (s *scan) rebuild(px, e int32) int32 {
	v := px + e*s.scale
	if v < -int32(s.near) {
		v += s.span * s.scale
	} else if v > int32(s.maxVal+s.near) {
		v -= s.span * s.scale
	}
	return min(max(v, 0), int32(s.maxVal))
}

// take reads k bits, at most 32.
func (s *scan) take(k uint) int32 {
	if s.n < k {
		s.acc, s.n = s.fill(s.acc, s.n)
	}
	v := int32(s.acc >> 1 >> (63 - k))
	s.acc <<= k
	s.n -= k
	return v
}

// long reads a Golomb code of any length (T.87 A.5.3).
func (s *scan) long(k, limit uint) int32 {
	zeros := uint(0)
	for {
		if s.n < 32 {
			s.acc, s.n = s.fill(s.acc, s.n)
		}
		z := uint(mathbits.LeadingZeros64(s.acc))
		if z < 32 {
			zeros += z
			s.acc <<= z + 1
			s.n -= z + 1
			break
		}
		zeros += 32
		s.acc <<= 32
		s.n -= 32
		if zeros > limit {
			s.bad = true
			return 0
		}
	}
	switch plain := limit - s.qbpp - 1; {
	case zeros < plain && k <= 31:
		return int32(zeros<<k) + s.take(k)
	case zeros == plain:
		return s.take(s.qbpp) + 1
	}
	s.bad = true
	return 0
}

// runLength reads the length of a run (T.87 A.7.1), at most left samples; ended is true where the run ends
// before the line does.
func (s *scan) runLength(left int, runIndex *int) (length int, ended bool) {
	for length < left {
		order := uint(runOrder[*runIndex])
		if s.take(1) == 0 {
			return length + min(int(s.take(order)), left-length), true
		}
		piece := 1 << order
		if piece > left-length {
			return left, false
		}
		length += piece
		*runIndex = min(*runIndex+1, 31)
	}
	return length, false
}

// run decodes a run and the sample that ends it, and returns where the line goes on.
func (s *scan) run(above, row []uint16, x int, runIndex *int) int {
	w := len(row) - 2
	length, ended := s.runLength(w+1-x, runIndex)
	a := row[x-1]
	for i := range row[x : x+length] {
		row[x+i] = a
	}
	x += length
	if !ended || x > w {
		return x
	}
	kind := int32(0)
	ra, rb := int32(a), int32(above[x])
	if d := ra - rb; max(d, -d) <= int32(s.near) {
		kind = 1
	}
	e := s.interruption(&s.runs[kind], kind, *runIndex)
	switch {
	case kind == 1:
		row[x] = uint16(s.rebuild(ra, e))
	case ra > rb:
		row[x] = uint16(s.rebuild(rb, -e))
	default:
		row[x] = uint16(s.rebuild(rb, e))
	}
	*runIndex = max(*runIndex-1, 0)
	return x + 1
}

// interruption reads the error of the sample that ends a run (T.87 A.7.2).
func (s *scan) interruption(c *runContext, kind int32, runIndex int) int32 {
	k := c.parameter(kind)
	mapped := s.long(k, s.limit-uint(runOrder[runIndex])-1)
	t := mapped + kind
	odd := t & 1
	e := (t + odd) >> 1
	if (k != 0 || 2*c.nn >= c.n) == (odd == 1) {
		e = -e
	}
	c.learn(e, mapped, kind, s.params)
	return e
}

// pixels decodes one line of all components, sample by sample. A run needs all components to be flat.
func (s *scan) pixels(above, row [][]uint16, runIndex *int) {
	w := len(row[0]) - 2
	var qs [4]int32
	for x := 1; x <= w && !s.bad; x++ {
		flat := true
		for i := range row {
			rb, rc := int32(above[i][x]), int32(above[i][x-1])
			m := int32(s.maxVal)
			qs[i] = 81*int32(s.quant[int32(above[i][x+1])-rb+m]) + 9*int32(s.quant[rb-rc+m]) + int32(s.quant[rc-int32(row[i][x-1])+m])
			flat = flat && qs[i] == 0
		}
		if !flat {
			for i := range row {
				row[i][x] = s.regular(qs[i], int32(row[i][x-1]), int32(above[i][x]), int32(above[i][x-1]))
			}
			continue
		}
		length, ended := s.runLength(w+1-x, runIndex)
		for i := range row {
			a := row[i][x-1]
			for j := range length {
				row[i][x+j] = a
			}
		}
		x += length
		if !ended || x > w {
			continue
		}
		for i := range row {
			ra, rb := int32(row[i][x-1]), int32(above[i][x])
			e := s.interruption(&s.runs[0], 0, *runIndex)
			if ra > rb {
				e = -e
			}
			row[i][x] = uint16(s.rebuild(rb, e))
		}
		*runIndex = max(*runIndex-1, 0)
	}
}

// regular decodes one sample of regular mode: what line does in place, for interleaved samples.
func (s *scan) regular(q, ra, rb, rc int32) uint16 {
	sign := q >> 31
	c := &s.contexts[q^sign-sign]
	px := predict(ra, rb, rc) + (c.c ^ sign - sign)
	px = min(max(px, 0), int32(s.maxVal))
	k := golomb(c.n, c.a)
	code := s.long(k, s.limit)
	e := code>>1 ^ -(code & 1)
	if k == 0 && s.near == 0 && 2*c.b <= -c.n {
		e = ^e
	}
	c.learn(e, s.params)
	return uint16(s.rebuild(px, e^sign-sign))
}
