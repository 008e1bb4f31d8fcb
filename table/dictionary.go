package table

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"unsafe"
)

// dictionary numbers distinct words in order of first appearance. It is a hash table with linear probing; words
// of up to 16 bytes are compared as two numbers, because nearly all levels are that short. It stands in for a
// map since looking up categories is most of the work on a file that has many.
type dictionary struct {
	words []string
	slots []slot // a power of two
	used  int
	space arena

	to    []int32 // codes of the words in the assembly of the column, as far as it has joined them
	epoch int     // of the assembly when it did
}

// slot holds one word's first and last bytes, its length, and its code; n is 0 in empty slots.
type slot struct {
	lo, hi uint64
	n      int32
	code   int32 // -1 = means "no value"
}

// hashSeed keeps files from being made to collide. Results do not depend on it.
var hashSeed = [2]uint64{rand.Uint64(), rand.Uint64()}

// ends packs a word's length and bytes: all of them up to 16, else the first and the last eight.
func ends(b []byte) (lo, hi uint64) {
	n := len(b)
	switch {
	case n >= 8:
		return binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[n-8:])
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[n-4:]))<<32, 0
	case n > 0:
		return uint64(b[0]) | uint64(b[n>>1])<<8 | uint64(b[n-1])<<16, 0
	}
	return 0, 0
}

func mixed(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^hashSeed[0], b^hashSeed[1])
	return hi ^ lo
}

func hashOf(b []byte, lo, hi uint64) uint64 {
	h := mixed(lo, hi^uint64(len(b)))
	if len(b) > 16 {
		for b = b[8:]; len(b) > 8; b = b[8:] {
			h = mixed(binary.LittleEndian.Uint64(b), h)
		}
	}
	return h
}

// code returns the number of a word that is not empty, and adds the word on first sight: as missing where
// marks say so.
func (d *dictionary) code(word []byte, marks *markers) int32 {
	if 2*d.used >= len(d.slots) {
		d.grow()
	}
	lo, hi := ends(word)
	mask := uint64(len(d.slots) - 1)
	i := hashOf(word, lo, hi) & mask
	for ; ; i = (i + 1) & mask {
		s := &d.slots[i]
		if s.n == 0 {
			break
		}
		if s.lo == lo && s.hi == hi && int(s.n) == len(word) && (s.n <= 16 || d.words[s.code] == string(word)) {
			return s.code
		}
	}
	code := int32(-1)
	if !marks.missingWord(word) {
		code = int32(len(d.words))
		d.words = append(d.words, d.space.keep(word))
	} else if len(word) > 16 {
		return -1 // it has no place in words to be compared with
	}
	d.slots[i] = slot{lo: lo, hi: hi, n: int32(len(word)), code: code}
	d.used++
	return code
}

func (d *dictionary) grow() {
	old := d.slots
	d.slots = make([]slot, max(16, 4*len(old)))
	mask := uint64(len(d.slots) - 1)
	for _, s := range old {
		if s.n == 0 {
			continue
		}
		var b []byte
		if s.n > 16 {
			b = []byte(d.words[s.code])
		} else {
			b = shortWord[:s.n] // the length alone matters
		}
		i := hashOf(b, s.lo, s.hi) & mask
		for d.slots[i].n != 0 {
			i = (i + 1) & mask
		}
		d.slots[i] = s
	}
}

var shortWord [16]byte

// arena copies strings into memory that they share, so that a column of texts costs few allocations.
type arena struct{ space []byte }

func (a *arena) keep(cell []byte) string {
	const block = 1 << 14
	if len(cell) == 0 {
		return ""
	}
	if len(cell) > block/4 {
		return string(cell)
	}
	if len(cell) > cap(a.space)-len(a.space) {
		a.space = make([]byte, 0, max(len(cell), min(block, max(64, 2*cap(a.space)))))
	}
	at := len(a.space)
	a.space = append(a.space, cell...)
	return unsafe.String(&a.space[at], len(cell))
}
