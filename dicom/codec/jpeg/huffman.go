package jpeg

// huffman is one table of Huffman codes (T.81 annex C), with a table over the next lookBits bits that gives
// a code together with the extra bits that follow it, for most symbols in one step.
//
// Entries of fast: bits 0-7 the bits to drop, 0 where the long way is needed; bits 8-15 the run of zeros
// (AC tables); bits 16-31 the value that code and extra bits stand for.
type huffman struct {
	fast   [1 << lookBits]int32
	limit  [17]int32 // per length: first code behind those of the length, left-aligned in 16 bits
	offset [17]int32 // per length: index of its first value, less its first code
	values []byte
}

const lookBits = 12

// newHuffman builds a table from the numbers of codes of lengths 1 to 16 and their values. It returns nil
// where the numbers are no prefix code.
func newHuffman(counts []byte, values []byte, ac bool) *huffman {
	h := &huffman{values: values}
	code, at := int32(0), int32(0)
	for l := 1; l <= 16; l++ {
		n := int32(counts[l-1])
		h.offset[l] = at - code
		if code+n > 1<<l {
			return nil
		}
		for range n {
			h.enter(code, uint(l), values[at], ac)
			code++
			at++
		}
		h.limit[l] = code << (16 - l)
		code <<= 1
	}
	return h
}

// enter fills the fast entries of one code.
func (h *huffman) enter(code int32, length uint, symbol byte, ac bool) {
	run, size := int32(0), uint(symbol)
	if ac {
		run, size = int32(symbol>>4), uint(symbol&15)
	}
	extra := size
	if size == 16 { // lossless only: the difference 32768 has no extra bits
		extra = 0
	}
	total := length + extra
	if total > lookBits {
		return
	}
	spare := lookBits - total
	for bits := range int32(1) << extra {
		v := extend(bits, size)
		e := v<<16 | run<<8 | int32(total)
		base := (code<<extra | bits) << spare
		for i := range int32(1) << spare {
			h.fast[base+i] = e
		}
	}
}

// extend turns the extra bits of a size into a value (T.81 figure F.12).
func extend(bits int32, size uint) int32 {
	switch {
	case size == 0:
		return 0
	case size == 16:
		return -32768 // modulo 65536 the same as 32768
	case bits < 1<<(size-1):
		return bits - 1<<size + 1
	}
	return bits
}

// slow decodes one code the long way: the symbol and its length; length 0 where no code matches.
func (h *huffman) slow(acc uint64) (symbol byte, length uint) {
	peek := int32(acc >> 48)
	for l := uint(1); l <= 16; l++ {
		if peek < h.limit[l] {
			i := peek>>(16-l) + h.offset[l]
			if i < 0 || int(i) >= len(h.values) {
				return 0, 0
			}
			return h.values[i], l
		}
	}
	return 0, 0
}

// slowValue decodes a code and its extra bits the long way, in the form of an entry of fast; 0 where no code
// matches. The drop may reach 32 bits.
func (h *huffman) slowValue(acc uint64, ac bool) int32 {
	symbol, length := h.slow(acc)
	if length == 0 {
		return 0
	}
	run, size := int32(0), uint(symbol)
	if ac {
		run, size = int32(symbol>>4), uint(symbol&15)
	}
	extra := size
	if size == 16 {
		extra = 0
	}
	bits := int32(acc << length >> 1 >> (63 - extra))
	return extend(bits, size)<<16 | run<<8 | int32(length+extra)
}
