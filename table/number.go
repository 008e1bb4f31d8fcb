package table

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
	"unsafe"
)

// numeral says how a number is written, as far as inference minds.
type numeral uint8

const (
	notNumber  numeral = iota
	plain              // a decimal number
	zeroLed            // a whole number with leading zeros, such as 007: perhaps an identifier
	tooPrecise         // a whole number that float64 cannot hold exactly: an identifier
	infinite           // out of float64's range
)

var pow10 = [...]float64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

var whole10 = [...]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// scanNumber reads the longest decimal number at b[i:] and returns the index after it. The grammar is
// [+-] digits [. digits] [e [+-] digits] with at least one digit before the exponent: no hexadecimal, no
// underscores, no words. Every result is rounded correctly, as strconv.ParseFloat does it.
//
// Most cells of a table are short: one word of eight bytes holds them whole.
func scanNumber(b []byte, i int) (v float64, end int, form numeral) {
	start := i
	neg := false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		neg = b[i] == '-'
		i++
	}
	if i+8 > len(b) {
		return scanLong(b, start, i, neg)
	}
	x := binary.LittleEndian.Uint64(b[i:]) ^ zeros8
	non := nonDigits(x)
	at := uint(bits.TrailingZeros64(non)) >> 3 // of the first byte that is no digit; 8 = none
	last, digits, exp := at, at, uint(0)
	form = plain
	if at < 8 && x>>(8*at&63)&0xff == '.'^'0' {
		last = uint(bits.TrailingZeros64(non&^(0xff<<(8*at&63)))) >> 3
		digits, exp = last-1, last-at-1
		whole := uint64(1)<<(8*at&63) - 1
		x = x&whole | x>>8&^whole // without the point
	} else if at > 1 && x&0xff == 0 {
		form = zeroLed
	}
	if last == 8 || b[i+int(last)]|0x20 == 'e' {
		return scanLong(b, start, i, neg)
	}
	if digits == 0 {
		return 0, start, notNumber
	}
	v = float64(int64(eightDigits(x<<((64-8*digits)&63)))) / pow10[exp&7]
	if neg {
		v = -v
	}
	return v, i + int(last), form
}

const zeros8 = 0x3030303030303030 // eight times '0'

// nonDigits marks, in a word of eight characters xored with zeros8, the bytes that are no digits. The mark is
// exact up to the first byte above '9', and past bytes below '0'.
func nonDigits(x uint64) uint64 { return (x + 0x0606060606060606 | x) & 0xf0f0f0f0f0f0f0f0 }

// eightDigits makes a number of eight values from 0 to 9, the first one in the lowest byte.
func eightDigits(x uint64) uint64 {
	x = x*10 + x>>8 // pairs, in bytes 0, 2, 4 and 6
	return (x&0x000000ff000000ff*(100+1_000_000<<32) + x>>16&0x000000ff000000ff*(1+10_000<<32)) >> 32
}

// scanLong is scanNumber for numbers of any length whose sign has been read.
func scanLong(b []byte, start, i int, neg bool) (v float64, end int, form numeral) {
	first := i
	m, i := scanDigits(b, i, 0)
	digits := i - first
	form = plain
	if digits > 1 && b[first] == '0' {
		form = zeroLed
	}
	whole, exp := true, 0
	if i < len(b) && b[i] == '.' {
		whole = false
		f := i + 1
		m, i = scanDigits(b, f, m)
		exp = f - i
		digits += i - f
	}
	if digits == 0 {
		return 0, start, notNumber
	}
	mantissa := b[first:i]
	if i < len(b) && b[i]|0x20 == 'e' {
		if e, j := scanExponent(b, i+1); j > 0 {
			whole = false
			exp += e
			i = j
		}
	}
	if !whole {
		form = plain
	}
	if digits <= 19 || digits-leadingZeros(mantissa) <= 19 { // m has not overflowed
		var ok bool
		if v, ok = decimal64(m, exp); ok {
			if whole && (digits > 19 || m > 1<<53 && uint64(v) != m || v >= 1<<63) {
				form = tooPrecise
			}
			if neg {
				v = -v
			}
			return v, i, form
		}
	}
	// The only error left is one of range, and then v is an infinity.
	v, _ = strconv.ParseFloat(unsafe.String(&b[start], i-start), 64)
	switch {
	case math.IsInf(v, 0):
		form = infinite
	case whole:
		form = tooPrecise // more than 19 digits
	}
	return v, i, form
}

// scanDigits goes on with m for as long as there are digits. More than 19 of them overflow.
func scanDigits(b []byte, i int, m uint64) (uint64, int) {
	for i+8 <= len(b) {
		x := binary.LittleEndian.Uint64(b[i:]) ^ zeros8
		if n := uint(bits.TrailingZeros64(nonDigits(x))) >> 3; n < 8 {
			return m*whole10[n] + eightDigits(x<<(8*(7-n))<<8), i + int(n)
		}
		m = m*1e8 + eightDigits(x)
		i += 8
	}
	for i < len(b) && b[i]-'0' <= 9 {
		m = m*10 + uint64(b[i]-'0')
		i++
	}
	return m, i
}

// leadingZeros counts the zeros before the first other digit; a point may stand among them.
func leadingZeros(b []byte) (n int) {
	for _, c := range b {
		switch c {
		case '0':
			n++
		case '.':
		default:
			return n
		}
	}
	return n
}

// decimal64 returns the float64 nearest to m * 10^exp, ties to even. It knows three exact ways: one operation on
// two exact floats (Clinger 1990); the conversion of a whole number; and for negative exponents a division of whole numbers to
// 63 bits or more, whose remainder says on which side of a tie the quotient lies. ok is false for the rest.
func decimal64(m uint64, exp int) (v float64, ok bool) {
	switch {
	case m < 1<<53 && exp >= -22 && exp <= 22:
		if exp < 0 {
			return float64(m) / pow10[-exp], true
		}
		return float64(m) * pow10[exp], true
	case exp == 0:
		return float64(m), true
	case m == 0 || exp > 0 || exp < -19:
		return 0, false
	}
	d := whole10[-exp]
	s, t := bits.LeadingZeros64(m), bits.LeadingZeros64(d)
	m <<= s
	q, r := bits.Div64(m>>1, m<<63, d<<t) // from 2^62 to 2^64
	q = q>>1 | q&1
	if r != 0 {
		q |= 1 // far below the bits that are kept: it only tells what is no tie
	}
	// The quotient is m/d * 2^(62+s-t), and no power of two here comes near the subnormal numbers.
	return float64(int64(q)) * math.Float64frombits(uint64(1023+t-s-62)<<52), true
}

// scanExponent reads [+-] digits; j is 0 where there are none. Large exponents saturate.
func scanExponent(b []byte, i int) (e, j int) {
	neg := false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		neg = b[i] == '-'
		i++
	}
	start := i
	for i < len(b) && b[i]-'0' <= 9 {
		if e < 10000 {
			e = e*10 + int(b[i]-'0')
		}
		i++
	}
	if i == start {
		return 0, 0
	}
	if neg {
		e = -e
	}
	return e, i
}

// parseNumber reads a whole cell, already trimmed, as a number. Words for infinity are numbers, too, so
// that a numeric column with them is refused rather than turned into text.
func parseNumber(cell []byte) (float64, numeral) {
	v, end, form := scanNumber(cell, 0)
	if form != notNumber {
		if end == len(cell) {
			return v, form
		}
		return 0, notNumber
	}
	word := cell
	if len(word) > 0 && (word[0] == '-' || word[0] == '+') {
		word = word[1:]
	}
	if foldEqual(word, "inf") || foldEqual(word, "infinity") {
		if cell[0] == '-' {
			return math.Inf(-1), infinite
		}
		return math.Inf(1), infinite
	}
	return 0, notNumber
}

// foldEqual compares ASCII without regard to case; word is lower case.
func foldEqual(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// trim cuts blanks and tabs at both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// markers are the cells that mean "no value". The zero value holds the default ones.
type markers struct {
	custom  bool
	exact   bool // only the empty cell is missing, not even a blank one
	words   map[string]struct{}
	numbers []float64 // those markers that are numbers, for numeric columns: -9 covers -9.0
}

// DefaultMarkers are the missing markers where a schema names none; letters match in either case, and an
// empty or blank cell is always missing.
var DefaultMarkers = []string{"NA", "N/A", "NaN", "null", ".", "?"}

func newMarkers(list []string) markers {
	if list == nil {
		return markers{}
	}
	m := markers{custom: true, words: map[string]struct{}{}}
	for _, w := range list {
		m.words[w] = struct{}{}
		if v, form := parseNumber([]byte(w)); form != notNumber && form != infinite {
			m.numbers = append(m.numbers, v)
		}
	}
	return m
}

// missing tells whether a trimmed cell is a marker.
func (m *markers) missing(cell []byte) bool {
	if len(cell) == 0 {
		return true
	}
	if m.exact {
		return false
	}
	if m.custom {
		_, ok := m.words[string(cell)]
		return ok
	}
	if len(cell) > 4 {
		return false
	}
	switch len(cell) {
	case 1:
		return cell[0] == '.' || cell[0] == '?'
	case 2:
		return foldEqual(cell, "na")
	case 3:
		return foldEqual(cell, "n/a") || foldEqual(cell, "nan")
	}
	return foldEqual(cell, "null")
}

// missingWord tells whether a cell of a column of words or text, not trimmed, stands for "no value".
func (m *markers) missingWord(cell []byte) bool {
	if m.exact {
		return len(cell) == 0
	}
	return m.missing(trim(cell))
}

// missingNumber tells whether a number stands for "no value".
func (m *markers) missingNumber(v float64) bool {
	for _, w := range m.numbers {
		if v == w {
			return true
		}
	}
	return false
}
