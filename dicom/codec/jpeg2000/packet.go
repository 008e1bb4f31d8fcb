package jpeg2000

import (
	"encoding/binary"
	mathbits "math/bits"

	"galen.dev/dicom/codec"
)

// headerBits reads a packet's header: behind a byte FF a zero bit is stuffed (T.800 B.10.1).
type headerBits struct {
	src  []byte
	pos  int
	cur  byte
	left uint
	bad  bool // bits were read past the end
}

func (r *headerBits) bit() int {
	if r.left == 0 {
		r.left = 8
		if r.cur == 0xFF {
			r.left = 7
		}
		if r.pos >= len(r.src) {
			r.bad = true
			r.cur = 0
			return 0
		}
		r.cur = r.src[r.pos]
		r.pos++
	}
	r.left--
	return int(r.cur >> r.left & 1)
}

func (r *headerBits) take(n int) int {
	v := 0
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

// align moves behind the header.
func (r *headerBits) align() {
	if r.cur == 0xFF && r.pos < len(r.src) {
		r.pos++
	}
}

// passCount reads a number of coding passes (table B.4).
func (r *headerBits) passCount() int {
	if r.bit() == 0 {
		return 1
	}
	if r.bit() == 0 {
		return 2
	}
	if n := r.take(2); n < 3 {
		return 3 + n
	}
	if n := r.take(5); n < 31 {
		return 6 + n
	}
	return 37 + r.take(7)
}

// segmentRoom is how many passes still fit into the codeword segment that pass number n begins or continues.
func segmentRoom(style byte, n int) int {
	switch {
	case style&terminate != 0:
		return 1
	case style&bypass == 0:
		return 255
	case n < 10:
		return 10 - n
	case (n-10)%3 == 0: // two raw passes, then one that is coded
		return 2
	}
	return 1
}

// packets reads the packets of one tile.
type packets struct {
	t       *tile
	data    []byte
	pos     int
	headers headerBits // where they lie apart
	tier    [][]resolution
	chunks  []chunk
	pending []pending
	budget  int // steps left, against headers that make work without bits
	at      func(pos int) codec.Place
}

// pending is a chunk whose length is known and whose data come behind the header.
type pending struct {
	b      *block
	length int
	passes uint8
}

// read reads one packet: a layer of a precinct (B.9, B.10).
func (p *packets) read(res *resolution, k, layer int) error {
	pre := &res.precincts[k]
	if pre.layers != layer {
		return nil // an earlier progression brought it, or a later one will
	}
	pre.layers++
	if p.t.sop && p.pos+6 <= len(p.data) && binary.BigEndian.Uint16(p.data[p.pos:]) == sop {
		p.pos += 6
	}
	r := &headerBits{src: p.data, pos: p.pos}
	if p.t.packed {
		p.headers = headerBits{src: p.t.headers, pos: p.headers.pos}
		r = &p.headers
	}
	p.pending = p.pending[:0]
	if r.bit() == 1 {
		style := p.t.components[res.component].style
		for i := range pre.parts {
			if err := p.part(r, &pre.parts[i], &res.bands[i], layer, style, p.t.components[res.component].shift); err != nil {
				return err
			}
		}
	}
	if r.bad {
		return p.at(p.pos).Errorf("the data end within a packet's header")
	}
	r.align()
	if p.t.eph && r.pos+2 <= len(r.src) && binary.BigEndian.Uint16(r.src[r.pos:]) == eph {
		r.pos += 2
	}
	if !p.t.packed {
		p.pos = r.pos
	}
	for _, q := range p.pending {
		if q.length > len(p.data)-p.pos {
			return p.at(p.pos).Errorf("a code-block's %d bytes pass the end of the tile", q.length)
		}
		p.add(q)
	}
	return nil
}

// add files a chunk with its code-block.
func (p *packets) add(q pending) {
	p.chunks = append(p.chunks, chunk{data: p.data[p.pos : p.pos+q.length], passes: q.passes})
	p.pos += q.length
	n := int32(len(p.chunks) - 1)
	if q.b.first == 0 {
		q.b.first = n
	} else {
		p.chunks[q.b.last].next = n
	}
	q.b.last = n
}

// part reads the header of one sub-band's code-blocks.
func (p *packets) part(r *headerBits, s *part, b *band, layer int, style byte, shift int) error {
	p.budget -= len(s.blocks)
	if p.budget < 0 {
		return p.at(p.pos).Errorf("packet headers that cost more work than their tile has samples")
	}
	for i := range s.blocks {
		k := &s.blocks[i]
		x, y := i%s.across, i/s.across
		if k.included {
			if r.bit() == 0 {
				continue
			}
		} else {
			if !s.inclusion.below(r, x, y, int32(layer)+1) {
				continue
			}
			zero := 0
			for !s.zeros.below(r, x, y, int32(zero)+1) {
				if zero++; zero > b.planes+shift {
					return p.at(p.pos).Errorf("a code-block lacks more bit planes than its sub-band has")
				}
			}
			planes := b.planes + shift - zero
			if planes < 0 || planes > 30 {
				return p.at(p.pos).Errorf("a code-block of %d bit planes; 0 to 30 are read", planes)
			}
			k.included, k.planes = true, uint8(planes)
		}
		passes := r.passCount()
		if int(k.passes)+passes > max(3*int(k.planes)-2, 0) {
			return p.at(p.pos).Errorf("a code-block of %d bit planes has more than %d coding passes", k.planes, 3*int(k.planes)-2)
		}
		for r.bit() == 1 {
			if k.lengthBits++; k.lengthBits > 32 {
				return p.at(p.pos).Errorf("a code-block's length of more than 32 bits")
			}
		}
		for passes > 0 {
			n := min(passes, segmentRoom(style, int(k.passes)))
			bits := int(k.lengthBits) + mathbits.Len(uint(n)) - 1
			p.pending = append(p.pending, pending{k, r.take(bits), uint8(n)})
			k.passes += uint8(n)
			passes -= n
		}
		if r.bad {
			return p.at(p.pos).Errorf("the data end within a packet's header")
		}
	}
	return nil
}
