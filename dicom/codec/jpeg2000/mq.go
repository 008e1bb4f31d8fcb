package jpeg2000

import mathbits "math/bits"

// The MQ decoder (T.800 annex C) keeps, beside the interval A and the code register C, their common slack:
// how much may be taken off both before C falls into the lower part or A must be renormalised. Nearly all
// decisions then are one subtraction and one comparison, done by the caller:
//
//	v := m.cx[k]
//	bit := v & 1
//	if slack -= int64(v >> 16 << 16); slack < 0 {
//		bit, slack = m.slow(k, slack)
//	}
//
// (D. Taubman, M. Marcellin: JPEG2000, Kluwer 2002, section 17.1.1.) Registers are scaled by 2^16.
type mq struct {
	data []byte // one codeword segment
	pos  int    // of the byte that was taken last
	a, c int64  // less the slack
	ct   uint   // shifts before the next byte
	cx   [32]uint32
}

// A context's word: the probability Qe in the upper half; below, state x 2 + more probable symbol.
const (
	contextRun     = 17
	contextUniform = 18
	half           = 0x8000 << 16
)

// states is table C.2: Qe, next state after the more and the less probable symbol, whether they change roles.
var states = [47]struct {
	qe         uint32
	mps, lps   uint8
	changeRole bool
}{
	{0x5601, 1, 1, true},
	{0x3401, 2, 6, false},
	{0x1801, 3, 9, false},
	{0x0AC1, 4, 12, false},
	{0x0521, 5, 29, false},
	{0x0221, 38, 33, false},
	{0x5601, 7, 6, true},
	{0x5401, 8, 14, false},
	{0x4801, 9, 14, false},
	{0x3801, 10, 14, false},
	{0x3001, 11, 17, false},
	{0x2401, 12, 18, false},
	{0x1C01, 13, 20, false},
	{0x1601, 29, 21, false},
	{0x5601, 15, 14, true},
	{0x5401, 16, 14, false},
	{0x5101, 17, 15, false},
	{0x4801, 18, 16, false},
	{0x3801, 19, 17, false},
	{0x3401, 20, 18, false},
	{0x3001, 21, 19, false},
	{0x2801, 22, 19, false},
	{0x2401, 23, 20, false},
	{0x2201, 24, 21, false},
	{0x1C01, 25, 22, false},
	{0x1801, 26, 23, false},
	{0x1601, 27, 24, false},
	{0x1401, 28, 25, false},
	{0x1201, 29, 26, false},
	{0x1101, 30, 27, false},
	{0x0AC1, 31, 28, false},
	{0x09C1, 32, 29, false},
	{0x08A1, 33, 30, false},
	{0x0521, 34, 31, false},
	{0x0441, 35, 32, false},
	{0x02A1, 36, 33, false},
	{0x0221, 37, 34, false},
	{0x0141, 38, 35, false},
	{0x0111, 39, 36, false},
	{0x0085, 40, 37, false},
	{0x0049, 41, 38, false},
	{0x0025, 42, 39, false},
	{0x0015, 43, 40, false},
	{0x0009, 44, 41, false},
	{0x0005, 45, 42, false},
	{0x0001, 45, 43, false},
	{0x5601, 46, 46, false},
}

// after gives a context's next word by the lower half of its present one and, in bit 0, whether the symbol
// was the less probable.
var after = transitions()

func transitions() (next [256]uint32) {
	for s, t := range states {
		for symbol := range uint32(2) {
			at := 4*uint32(s) | symbol<<1
			next[at] = word(int(t.mps), symbol)
			if t.changeRole {
				next[at|1] = word(int(t.lps), 1-symbol)
			} else {
				next[at|1] = word(int(t.lps), symbol)
			}
		}
	}
	return next
}

func word(state int, symbol uint32) uint32 {
	return states[state].qe<<16 | uint32(state)<<1 | symbol
}

// forget sets the contexts to their first states (table D.7).
func (m *mq) forget() {
	for i := range m.cx {
		m.cx[i] = word(0, 0)
	}
	m.cx[0], m.cx[contextRun], m.cx[contextUniform] = word(4, 0), word(3, 0), word(46, 0)
}

// start begins a codeword segment and returns the slack.
func (m *mq) start(data []byte) int64 {
	m.data, m.pos = data, 0
	c := int64(0xFF)
	if len(data) > 0 {
		c = int64(data[0])
	}
	c <<= 16
	m.ct = 0
	c = m.byteIn(c)
	c <<= 7
	m.ct -= 7
	return m.split(half, c)
}

// split takes the slack out of both registers.
func (m *mq) split(a, c int64) int64 {
	slack := min(a-half, c)
	m.a, m.c = a-slack, c-slack
	return slack
}

// byteIn feeds the next byte; behind FF only seven bits, and behind the end or a marker ones.
func (m *mq) byteIn(c int64) int64 {
	cur, next := byte(0xFF), byte(0xFF)
	if m.pos < len(m.data) {
		cur = m.data[m.pos]
		if m.pos+1 < len(m.data) {
			next = m.data[m.pos+1]
		}
	}
	if cur == 0xFF {
		if next > 0x8F {
			m.ct = 8
			return c + 0xFF00
		}
		m.pos++
		m.ct = 7
		return c + int64(next)<<9
	}
	m.pos++
	m.ct = 8
	return c + int64(next)<<8
}

// slow finishes a decision that needs more than the subtraction, and renormalises. Which part of the interval
// C lies in is as good as random, so nothing branches on it: masks choose.
func (m *mq) slow(k uint, slack int64) (uint32, int64) {
	v := m.cx[k&31]
	qe := int64(v >> 16 << 16)
	a, c := m.a+slack, m.c+slack
	lower := c >> 63                      // all ones where C lies in the lower part
	less := uint32(lower^(a-qe)>>63) & 1  // the parts change roles where the lower one is the larger
	m.cx[k&31] = after[(v&127)<<1|less&1] // table C.2
	a ^= (a ^ qe) & lower                 // what is left of the interval
	c += qe & lower                       // the lower part starts where it did
	shift := uint(mathbits.LeadingZeros32(uint32(a)))
	if shift <= m.ct {
		m.ct -= shift
		a <<= shift & 63
		c <<= shift & 63
	} else {
		a <<= shift & 63
		for shift > m.ct {
			c <<= m.ct & 63
			shift -= m.ct
			c = m.byteIn(c)
		}
		c <<= shift & 63
		m.ct -= shift
	}
	s := min(a-half, c)
	m.a, m.c = a-s, c-s
	return v&1 ^ less, s
}
