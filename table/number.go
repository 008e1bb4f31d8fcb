package table

import (
	"math"
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

// scanNumber reads the longest decimal number at b[i:] and returns the index after it. The grammar is
// [+-] digits [. digits] [e [+-] digits] with at least one digit before the exponent: no hexadecimal, no
// underscores, no words. Numbers of up to 53 bits and small exponents need one exact multiplication
// (Clinger 1990); the others go to strconv, which rounds correctly.
func scanNumber(b []byte, i int) (v float64, end int, form numeral) {
	start := i
	neg := false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		neg = b[i] == '-'
		i++
	}
	var m uint64
	first := i
	for i < len(b) && b[i]-'0' <= 9 {
		m = m*10 + uint64(b[i]-'0')
		i++
	}
	digits := i - first
	form = plain
	if digits > 1 && b[first] == '0' {
		form = zeroLed
	}
	whole, exp := true, 0
	if i < len(b) && b[i] == '.' {
		whole = false
		i++
		f := i
		for i < len(b) && b[i]-'0' <= 9 {
			m = m*10 + uint64(b[i]-'0')
			i++
		}
		exp = f - i
		digits += i - f
	}
	if digits == 0 {
		return 0, start, notNumber
	}
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
	if digits <= 19 && m < 1<<53 && exp >= -22 && exp <= 22 {
		v = float64(m)
		if exp < 0 {
			v /= pow10[-exp]
		} else {
			v *= pow10[exp]
		}
		if neg {
			v = -v
		}
		return v, i, form
	}
	// The only error left is one of range, and then v is an infinity.
	v, _ = strconv.ParseFloat(unsafe.String(&b[start], i-start), 64)
	switch {
	case math.IsInf(v, 0):
		form = infinite
	case whole && (digits > 19 || m > 1<<53 && uint64(float64(m)) != m || float64(m) >= 1<<63):
		form = tooPrecise
	}
	return v, i, form
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

// missingNumber tells whether a number stands for "no value".
func (m *markers) missingNumber(v float64) bool {
	for _, w := range m.numbers {
		if v == w {
			return true
		}
	}
	return false
}
