package jpeg2000

// A code-block is decoded in stripes of four rows. Each column of a stripe has one word of flags. Row r counts
// from the row above the stripe (0) to the row below (5); column c is 0 left, 1 own, 2 right:
//
//	bit 3r+c      that sample is significant
//	bit 18+3r     the own column's sample is negative
//	bit 19+3r     it was visited in this bit plane   (rows 1 to 4)
//	bit 20+3r     it was refined before              (rows 1 to 4)
//
// Shifted right by 3i, the word shows sample i of the column with its eight neighbours in bits 0 to 8.
const (
	selfBit     = 1 << 4
	neighbours  = 0x1EF
	significant = 1<<18 - 1
	negative    = 21 // shifted by 3i
	visited     = 22
	refined     = 23
	everyThird  = 0x249
	allVisited  = everyThird << visited
)

// zeroContext gives the context of a sample's significance by its neighbours (T.800 table D.1), for the
// orientations LL, HL, LH, HH.
var zeroContext = zeroContexts()

func zeroContexts() (t [4][512]uint8) {
	for i := range 512 {
		bit := func(n int) int { return i >> n & 1 }
		h, v, d := bit(3)+bit(5), bit(1)+bit(7), bit(0)+bit(2)+bit(6)+bit(8)
		t[0][i] = zeroMain(h, v, d)
		t[1][i] = zeroMain(v, h, d)
		t[2][i] = t[0][i]
		t[3][i] = zeroDiagonal(h+v, d)
	}
	return t
}

func zeroMain(h, v, d int) uint8 {
	switch {
	case h == 2:
		return 8
	case h == 1 && v >= 1:
		return 7
	case h == 1 && d >= 1:
		return 6
	case h == 1:
		return 5
	case v == 2:
		return 4
	case v == 1:
		return 3
	}
	return uint8(min(d, 2))
}

func zeroDiagonal(hv, d int) uint8 {
	switch {
	case d >= 3:
		return 8
	case d == 2:
		return uint8(6 + min(hv, 1))
	case d == 1:
		return uint8(3 + min(hv, 2))
	}
	return uint8(min(hv, 2))
}

// signContext gives the context of a sign, and in bit 7 whether it is inverted (tables D.2 and D.3). The index
// holds, for north, west, east and south in turn, whether the neighbour is negative and whether it is
// significant.
var signContext = signContexts()

func signContexts() (t [256]uint8) {
	for i := range t {
		part := func(n int) int { return i >> (n + 1) & 1 * (1 - 2*(i>>n&1)) }
		h := min(max(part(2)+part(4), -1), 1)
		v := min(max(part(0)+part(6), -1), 1)
		flip := uint8(0)
		if h < 0 || h == 0 && v < 0 {
			h, v, flip = -h, -v, 0x80
		}
		if h == 0 {
			t[i] = uint8(9+v) | flip
		} else {
			t[i] = uint8(12+v) | flip
		}
	}
	return t
}

// candidates marks, in bits 0, 3, 6 and 9, the samples of a column that are not significant and have a
// significant neighbour.
func candidates(f uint64) uint64 {
	rows := f | f>>1 | f>>2
	return (rows | rows>>3 | rows>>6) &^ (f >> 4) & everyThird
}
