package wfdb

import "encoding/binary"

// layout is how samples are packed: each block of bytes holds some samples.
type layout struct {
	block, samples int
	invalid        int64 // the value that means no sample; noInvalid = none does
	decode         func(b []byte, out []int32)
}

const noInvalid = 1 << 40

// formats are the formats that are read, by number. decode is given whole blocks.
var formats = map[int]*layout{
	8:   {1, 1, noInvalid, func(b []byte, out []int32) { out[0] = int32(int8(b[0])) }}, // differences; see undo
	16:  {2, 1, -1 << 15, func(b []byte, out []int32) { out[0] = int32(int16(binary.LittleEndian.Uint16(b))) }},
	24:  {3, 1, -1 << 23, func(b []byte, out []int32) { out[0] = int32(int8(b[2]))<<16 | int32(b[1])<<8 | int32(b[0]) }},
	32:  {4, 1, -1 << 31, func(b []byte, out []int32) { out[0] = int32(binary.LittleEndian.Uint32(b)) }},
	61:  {2, 1, -1 << 15, func(b []byte, out []int32) { out[0] = int32(int16(binary.BigEndian.Uint16(b))) }},
	80:  {1, 1, -1 << 7, func(b []byte, out []int32) { out[0] = int32(b[0]) - 128 }},
	160: {2, 1, -1 << 15, func(b []byte, out []int32) { out[0] = int32(binary.LittleEndian.Uint16(b)) - 1<<15 }},
	212: {3, 2, -1 << 11, func(b []byte, out []int32) {
		out[0] = signed(uint32(b[0])|uint32(b[1]&15)<<8, 12)
		out[1] = signed(uint32(b[2])|uint32(b[1]>>4)<<8, 12)
	}},
	310: {4, 3, -1 << 9, func(b []byte, out []int32) {
		low, high := uint32(binary.LittleEndian.Uint16(b)), uint32(binary.LittleEndian.Uint16(b[2:]))
		out[0], out[1] = signed(low>>1, 10), signed(high>>1, 10)
		out[2] = signed(low>>11|high>>11<<5, 10)
	}},
	311: {4, 3, -1 << 9, func(b []byte, out []int32) {
		v := binary.LittleEndian.Uint32(b)
		out[0], out[1], out[2] = signed(v, 10), signed(v>>10, 10), signed(v>>20, 10)
	}},
}

// signed reads the lowest bits of v as two's complement.
func signed(v uint32, bits int) int32 { return int32(v<<(32-bits)) >> (32 - bits) }

// bytes is how many bytes hold n samples. The last block may be cut short after its last sample.
func (l *layout) bytes(n int64) int64 {
	whole, rest := n/int64(l.samples), n%int64(l.samples)
	need := whole * int64(l.block)
	if rest > 0 {
		need += int64(partial[l.block][rest])
	}
	return need
}

// count is how many samples some bytes hold.
func (l *layout) count(bytes int64) int64 {
	n := bytes / int64(l.block) * int64(l.samples)
	for rest := int64(l.samples) - 1; rest > 0; rest-- {
		if bytes%int64(l.block) >= int64(partial[l.block][rest]) {
			return n + rest
		}
	}
	return n
}

// partial is how many bytes of a block hold its first samples: by size of the block and number of samples. In
// formats 310 and 311 a second sample takes all four bytes or three of them; the larger number suits both writers.
var partial = map[int][]int{1: {0}, 2: {0}, 3: {0, 2}, 4: {0, 2, 4}}

// decodeAll decodes n samples from bytes that start with a block, padded with zeros where the last block is cut.
func (l *layout) decodeAll(b []byte, out []int32) {
	block := make([]byte, l.block)
	samples := make([]int32, l.samples)
	for i := 0; i < len(out); i += l.samples {
		from := i / l.samples * l.block
		if from+l.block <= len(b) && i+l.samples <= len(out) {
			l.decode(b[from:], out[i:])
			continue
		}
		clear(block)
		if from < len(b) {
			copy(block, b[from:])
		}
		l.decode(block, samples)
		copy(out[i:], samples)
	}
}
