package jpeg

import "encoding/binary"

// bits reads the entropy-coded bits of one restart interval. The hot loops hold the accumulator in local
// variables: acc has the next n bits at its top, the bits below are the true next bits of the stream or zero.
type bits struct {
	src    []byte
	pos    int  // next byte to take; stays on the FF of a marker
	padded uint // zero bits that were given out because the data ended
}

const (
	enough = 32 // bits that one Huffman code and its extra bits need at most
	ones   = 0x0101010101010101
	tops   = 0x8080808080808080
)

// fill tops the accumulator up to at least 57 bits. A marker or the end of the data gives zero bits without
// end; overrun tells whether any of them were read.
func (b *bits) fill(acc uint64, n uint) (uint64, uint) {
	if b.pos+8 <= len(b.src) {
		v := binary.BigEndian.Uint64(b.src[b.pos:])
		if ((v&^tops)+ones)&v&tops == 0 { // no byte is FF: nothing is stuffed
			take := (64 - n) / 8
			b.pos += int(take)
			return acc | v>>n, n + 8*take
		}
	}
	for n <= 56 {
		var c byte
		if b.pos < len(b.src) {
			c = b.src[b.pos]
			if c == 0xFF {
				if b.pos+1 < len(b.src) && b.src[b.pos+1] == 0 {
					b.pos++
				} else {
					b.padded += 8
					n += 8
					continue
				}
			}
			b.pos++
		} else {
			b.padded += 8
			n += 8
			continue
		}
		acc |= uint64(c) << (56 - n)
		n += 8
	}
	return acc, n
}

// overrun tells whether bits were read that the data do not hold, given the bits still unread.
func (b *bits) overrun(n uint) bool { return b.padded > n }

// marker moves to the next marker and returns its code, or 0 at the end of the data. Bytes before it are
// passed over; the position is left behind the marker.
func (b *bits) marker() byte {
	for b.pos+1 < len(b.src) {
		if b.src[b.pos] != 0xFF {
			b.pos++
			continue
		}
		c := b.src[b.pos+1]
		if c == 0xFF {
			b.pos++
			continue
		}
		b.pos += 2
		if c != 0 {
			return c
		}
	}
	b.pos = len(b.src)
	return 0
}
