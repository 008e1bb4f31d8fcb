package gunzip

import (
	"encoding/binary"
	"io"
	"math/bits"
)

const (
	inSize  = 1 << 16
	outSize = 1 << 18
	history = 1 << 15 // how far back a copy may reach
	slack   = 320     // room behind a full buffer: the longest copy, and words that reach beyond it

	litBits, distBits = 11, 9 // of the first tables
	maxBits           = 15
)

// A table entry: bits 0-7 how many bits of the code are used up at this level, bits 8-12 extra bits, flags,
// and from bit 16 on the value: a literal, the base of a length or distance, or the place of a further table.
type entry uint32

const (
	literal entry = 1 << 13
	further entry = 1 << 14 // extra holds the number of bits that index the further table
	special entry = 1 << 15 // value 0: end of block; 1: no such code
)

type inflater struct {
	r    io.Reader
	in   []byte // in[pos:end] is not yet looked at; slack behind end
	pos  int
	end  int
	eof  bool // r has no more; zeros follow end
	hold uint64
	have uint // bits in hold

	out []byte
	n   int // bytes of out that are filled; a copy may reach back to all of them

	begun, finished bool
	last            bool
	state           byte
	stored          int
	lit             [2 << litBits]entry // 2342 entries are the most that complete codes need
	dist            [2 << distBits]entry
}

// states
const (
	newBlock byte = iota
	inStored
	inCodes
)

// start begins a new stream of blocks, with nothing to copy from.
func (z *inflater) start() {
	z.state, z.last, z.finished, z.n = newBlock, false, false, 0
}

// fill reads more input where little is left. Behind the end of everything stand zeros; using them up is found
// out by overrun.
func (z *inflater) fill() error {
	if z.eof || z.end-z.pos >= slack {
		return nil
	}
	// Bytes that lie in hold already stay before pos: align gives them back.
	kept := min(z.pos, 8)
	copy(z.in, z.in[z.pos-kept:z.end])
	z.end -= z.pos - kept
	z.pos = kept
	for z.end < inSize {
		n, err := z.r.Read(z.in[z.end:inSize])
		z.end += n
		if err == io.EOF {
			z.eof = true
			clear(z.in[z.end : z.end+slack])
			return nil
		}
		if err != nil {
			return err
		}
		if z.end-z.pos >= slack {
			return nil
		}
	}
	return nil
}

// overrun says whether bits behind the end of the input were used.
func (z *inflater) overrun() bool { return z.eof && z.pos-int(z.have/8) > z.end }

// refill makes at least 56 bits.
func (z *inflater) refill() {
	z.hold |= binary.LittleEndian.Uint64(z.in[z.pos:]) << z.have
	z.pos += int(63-z.have) >> 3
	z.have |= 56
}

func (z *inflater) take(n uint) uint32 {
	v := uint32(z.hold & (1<<n - 1))
	z.hold >>= n
	z.have -= n
	return v
}

// need makes n bits available, at most 48. Behind the end they are zeros: see overrun.
func (z *inflater) need(n uint) error {
	if z.have >= n {
		return nil
	}
	if err := z.fill(); err != nil {
		return err
	}
	if z.overrun() {
		return io.ErrUnexpectedEOF
	}
	z.refill()
	return nil
}

// align drops bits up to a whole byte, and gives whole bytes in hold back.
func (z *inflater) align() {
	z.take(z.have % 8)
	z.pos -= int(z.have / 8)
	z.hold, z.have = 0, 0
}

// byte is the next one; hold is empty.
func (z *inflater) byte() (byte, error) {
	if z.pos == z.end {
		if err := z.fill(); err != nil {
			return 0, err
		}
	}
	if z.pos >= z.end {
		return 0, io.EOF
	}
	z.pos++
	return z.in[z.pos-1], nil
}

// inflate fills out until it is full or the last block ends.
func (z *inflater) inflate() error {
	for z.n < history+outSize && !z.finished {
		var err error
		switch z.state {
		case newBlock:
			if z.last {
				z.finished = true
				return nil
			}
			err = z.block()
		case inStored:
			err = z.copyStored()
		case inCodes:
			err = z.codes()
		}
		// A code that cannot be may be one that was cut off: zeros stand behind the end.
		if z.overrun() || err == ErrPacked && z.eof && (z.end-z.pos)*8+int(z.have) < maxBits {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// block reads the beginning of one.
func (z *inflater) block() error {
	if err := z.need(3); err != nil {
		return err
	}
	z.last = z.take(1) == 1
	switch z.take(2) {
	case 0:
		z.align()
		var head [4]byte
		for i := range head {
			b, err := z.byte()
			if err != nil {
				return noEnd(err)
			}
			head[i] = b
		}
		z.stored = int(binary.LittleEndian.Uint16(head[:]))
		if z.stored != int(^binary.LittleEndian.Uint16(head[2:])) {
			return ErrPacked
		}
		z.state = inStored
		return nil
	case 1:
		var lengths [288 + 32]uint8
		for i := range lengths {
			switch {
			case i < 144:
				lengths[i] = 8
			case i < 256:
				lengths[i] = 9
			case i < 280:
				lengths[i] = 7
			case i < 288:
				lengths[i] = 8
			default:
				lengths[i] = 5
			}
		}
		z.state = inCodes
		return z.tables(lengths[:288], lengths[288:])
	case 2:
		z.state = inCodes
		return z.dynamic()
	}
	return ErrPacked
}

func (z *inflater) copyStored() error {
	for z.stored > 0 && z.n < history+outSize {
		if z.pos == z.end {
			if err := z.fill(); err != nil {
				return err
			}
			if z.pos == z.end {
				return io.ErrUnexpectedEOF
			}
		}
		n := copy(z.out[z.n:history+outSize], z.in[z.pos:min(z.end, z.pos+z.stored)])
		z.n, z.pos, z.stored = z.n+n, z.pos+n, z.stored-n
	}
	if z.stored == 0 {
		z.state = newBlock
	}
	return nil
}

// dynamic reads the lengths of the codes, which are packed themselves.
func (z *inflater) dynamic() error {
	if err := z.need(14); err != nil {
		return err
	}
	nlit, ndist, nclen := int(z.take(5))+257, int(z.take(5))+1, int(z.take(4))+4
	if nlit > 286 || ndist > 30 {
		return ErrPacked
	}
	var lengths [19]uint8
	for i := range nclen {
		if err := z.need(3); err != nil {
			return err
		}
		lengths[[...]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}[i]] = uint8(z.take(3))
	}
	var table [1 << 7]entry
	if !build(table[:], 7, lengths[:], func(i int) entry { return entry(i) << 16 }) {
		return ErrPacked
	}
	var all [286 + 30]uint8
	for i := 0; i < nlit+ndist; {
		if err := z.need(14); err != nil {
			return err
		}
		e := table[z.hold&127]
		if e&special != 0 {
			return ErrPacked
		}
		z.take(uint(e & 255))
		repeat, value := 1, uint8(e>>16)
		switch e >> 16 {
		case 16:
			if i == 0 {
				return ErrPacked
			}
			value = all[i-1]
			repeat = 3 + int(z.take(2))
		case 17:
			value, repeat = 0, 3+int(z.take(3))
		case 18:
			value, repeat = 0, 11+int(z.take(7))
		}
		if i+repeat > nlit+ndist {
			return ErrPacked
		}
		for range repeat {
			all[i] = value
			i++
		}
	}
	if all[256] == 0 {
		return ErrPacked
	}
	return z.tables(all[:nlit], all[nlit:nlit+ndist])
}

// Bases and extra bits of lengths from code 257 on, and of distances.
var (
	lengthBase  = [...]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra = [...]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distBase    = [...]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distExtra   = [...]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

func (z *inflater) tables(lit, dist []uint8) error {
	ok := build(z.lit[:], litBits, lit, func(i int) entry {
		switch {
		case i < 256:
			return literal | entry(i)<<16
		case i == 256:
			return special
		case i-257 < len(lengthBase):
			return entry(lengthBase[i-257])<<16 | entry(lengthExtra[i-257])<<8
		}
		return special | 1<<16
	})
	ok = ok && build(z.dist[:], distBits, dist, func(i int) entry {
		if i < len(distBase) {
			return entry(distBase[i])<<16 | entry(distExtra[i])<<8
		}
		return special | 1<<16
	})
	if !ok {
		return ErrPacked
	}
	return nil
}

// build makes a table of 2^first entries, and further tables behind it, for codes of the given lengths. A set of
// codes that is not complete is refused, but for a single code, which RFC 1951 allows, and none at all.
func build(table []entry, first uint, lengths []uint8, value func(int) entry) bool {
	var count [maxBits + 1]int
	for _, l := range lengths {
		count[l]++
	}
	used := len(lengths) - count[0]
	count[0] = 0
	var next [maxBits + 2]int
	code, left := 0, 1
	for l := 1; l <= maxBits; l++ {
		code = (code + count[l-1]) << 1
		next[l] = code
		left = left<<1 - count[l]
		if left < 0 {
			return false
		}
	}
	size := 1 << first
	none := special | 1<<16 | 1
	if left > 0 {
		if used > 1 || used == 1 && count[1] != 1 {
			return false
		}
		for i := range table[:size] {
			table[i] = none
		}
	}
	// The longest code behind each place of the first table says how large its further table is.
	var longest [1 << litBits]uint8
	starts := next
	for _, l := range lengths {
		if uint(l) > first {
			r := reversed(starts[l], l)
			longest[r&(size-1)] = max(longest[r&(size-1)], l)
		}
		starts[l]++
	}
	free := size
	for i := range size {
		if l := longest[i]; l > 0 {
			width := uint(l) - first
			if free+1<<width > len(table) {
				return false
			}
			table[i] = further | entry(free)<<16 | entry(width)<<8 | entry(first)
			free += 1 << width
		}
	}
	for i, l := range lengths {
		if l == 0 {
			continue
		}
		r := reversed(next[l], l)
		next[l]++
		if uint(l) <= first {
			e := value(i) | entry(l)
			for k := r; k < size; k += 1 << l {
				table[k] = e
			}
			continue
		}
		top := table[r&(size-1)]
		width := uint(top >> 8 & 31)
		e := value(i) | entry(uint(l)-first)
		for k := r >> first; k < 1<<width; k += 1 << (uint(l) - first) {
			table[int(top>>16)+k] = e
		}
	}
	return true
}

func reversed(code int, length uint8) int {
	return int(bits.Reverse16(uint16(code)) >> (16 - length))
}

// codes is the loop that takes the time: it unpacks symbols until the block ends, the output is full, or little
// input is left.
func (z *inflater) codes() error {
	in, out := z.in, z.out
	hold, have, pos, n := z.hold, z.have, z.pos, z.n
	lit, dist := &z.lit, &z.dist
	const litMask, distMask = 1<<litBits - 1, 1<<distBits - 1
	// Masks of shifts change nothing but spare the machine the question whether they are too far.
	for n < history+outSize {
		if pos+16 > z.end {
			z.hold, z.have, z.pos, z.n = hold, have, pos, n
			if z.overrun() {
				return io.ErrUnexpectedEOF
			}
			if err := z.fill(); err != nil {
				return err
			}
			pos = z.pos
			if pos > z.end+16 {
				return io.ErrUnexpectedEOF
			}
		}
		hold |= binary.LittleEndian.Uint64(in[pos:]) << (have & 63)
		pos += int(63-have) >> 3
		have |= 56
		e := lit[hold&litMask]
		// Up to three literals of 15 bits fit into 56.
		if e&literal != 0 {
			hold >>= e & 63
			have -= uint(e & 255)
			out[n] = byte(e >> 16)
			n++
			e = lit[hold&litMask]
			if e&literal != 0 {
				hold >>= e & 63
				have -= uint(e & 255)
				out[n] = byte(e >> 16)
				n++
				e = lit[hold&litMask]
				if e&literal != 0 {
					hold >>= e & 63
					have -= uint(e & 255)
					out[n] = byte(e >> 16)
					n++
					continue
				}
			}
		}
		if e&further != 0 {
			hold >>= litBits
			have -= litBits
			e = lit[e>>16+entry(hold&(1<<(e>>8&31)-1))]
			if e&literal != 0 {
				hold >>= e & 63
				have -= uint(e & 255)
				out[n] = byte(e >> 16)
				n++
				continue
			}
		}
		hold >>= e & 63
		have -= uint(e & 255)
		if e&special != 0 {
			z.hold, z.have, z.pos, z.n = hold, have, pos, n
			if e>>16 != 0 {
				return ErrPacked
			}
			z.state = newBlock
			return nil
		}
		// 26 bits may be left; a length's extra bits and a distance need 33.
		hold |= binary.LittleEndian.Uint64(in[pos:]) << (have & 63)
		pos += int(63-have) >> 3
		have |= 56
		extra := e >> 8 & 31
		length := int(e>>16) + int(hold&(1<<(extra&63)-1))
		hold >>= extra & 63
		have -= uint(extra)
		d := dist[hold&distMask]
		if d&further != 0 {
			hold >>= distBits
			have -= distBits
			d = dist[d>>16+entry(hold&(1<<(d>>8&31)-1))]
		}
		hold >>= d & 63
		have -= uint(d & 255)
		if d&special != 0 {
			z.hold, z.have, z.pos, z.n = hold, have, pos, n
			return ErrPacked
		}
		extra = d >> 8 & 31
		back := int(d>>16) + int(hold&(1<<(extra&63)-1))
		hold >>= extra & 63
		have -= uint(extra)
		if back > n {
			z.hold, z.have, z.pos, z.n = hold, have, pos, n
			return ErrPacked
		}
		src := n - back
		if back >= 8 {
			// Words may reach beyond the length: there is slack, and what follows overwrites it.
			for k := 0; k < length; k += 8 {
				binary.LittleEndian.PutUint64(out[n+k:], binary.LittleEndian.Uint64(out[src+k:]))
			}
		} else {
			for k := range length {
				out[n+k] = out[src+k]
			}
		}
		n += length
	}
	z.hold, z.have, z.pos, z.n = hold, have, pos, n
	return nil
}
