package table

import (
	"encoding/binary"
	"math"
	"time"
)

// Nearly all files write a date as 2020-12-31 and a time as 2020-12-31 23:59:59, with a blank or a T. A column
// whose first chunk holds nothing but one of these forms is read as numbers from then on. That keeps no strings, and
// loses nothing: when a word of another kind turns up, the strings can be written again from the numbers.

// isISO tells whether a mode reads one of these forms.
func (m mode) isISO() bool { return m == modeDays || m == modeTimes || m == modeTimesT }

// readISO reads the form of a mode at the start of b; n is its length, or 0 where b begins with something else.
func readISO(b []byte, m mode) (v float64, n int) {
	day, ok := isoDay(b)
	if !ok {
		return 0, 0
	}
	if m == modeDays {
		return float64(day), 10
	}
	if len(b) < 19 || (b[10] != ' ' || m != modeTimes) && (b[10] != 'T' || m != modeTimesT) {
		return 0, 0
	}
	const colons = 0x30303a30303a3030 // 00:00:00 in little-endian order
	x := binary.LittleEndian.Uint64(b[11:]) ^ colons
	if nonDigits(x)|x&0x0000ff0000ff0000 != 0 {
		return 0, 0
	}
	hours, minutes, seconds := x&0xff*10+x>>8&0xff, x>>24&0xff*10+x>>32&0xff, x>>48&0xff*10+x>>56
	if hours > 23 || minutes > 59 || seconds > 59 {
		return 0, 0
	}
	return joinDays(day, int64((hours*60+minutes)*60+seconds)*int64(time.Second)), 19
}

// isoDay reads the first ten bytes as a date such as 2020-12-31.
func isoDay(b []byte) (day int64, ok bool) {
	if len(b) < 10 {
		return 0, false
	}
	const dashed = 0x2d30302d30303030 // 0000-00- in little-endian order
	x := binary.LittleEndian.Uint64(b) ^ dashed
	tens, ones := b[8]-'0', b[9]-'0'
	if nonDigits(x)|x&0xff0000ff00000000 != 0 || tens > 9 || ones > 9 {
		return 0, false
	}
	y := int(x&0xff)*1000 + int(x>>8&0xff)*100 + int(x>>16&0xff)*10 + int(x>>24&0xff)
	m := int(x>>40&0xff)*10 + int(x>>48&0xff)
	d := int(tens)*10 + int(ones)
	if !validDay(y, m, d) {
		return 0, false
	}
	return dayNumber(y, m, d), true
}

// writeISO is the inverse of readISO.
func writeISO(v float64, m mode) string {
	if m == modeDays {
		return formatDate(v)
	}
	day, nanos := splitDays(v)
	seconds := (nanos + int64(time.Second)/2) / int64(time.Second) // a float64 of days holds them to microseconds
	layout := "2006-01-02 15:04:05"
	if m == modeTimesT {
		layout = "2006-01-02T15:04:05"
	}
	return time.Unix(day*86400+seconds, 0).UTC().Format(layout)
}

// isoMode returns the mode whose form a word has; ok is false if there is none.
func isoMode(word string) (m mode, ok bool) {
	for _, m := range []mode{modeDays, modeTimes, modeTimesT} {
		if _, n := readISO([]byte(word), m); n > 0 && n == len(word) {
			return m, true
		}
	}
	return 0, false
}

// daysOf reads words under a mode; ok is false if one has another form.
func daysOf(words []string, m mode) (days []float64, ok bool) {
	days = make([]float64, len(words))
	for i, w := range words {
		v, n := readISO([]byte(w), m)
		if n == 0 || n != len(w) {
			return nil, false
		}
		days[i] = v
	}
	return days, true
}

// wordsOf is a part of modeWords that holds days as they were written before they were read under a mode.
func wordsOf(name string, days []float64, m mode) *part {
	p := newPart(name, modeWords, defaultMarks, noOrder, len(days))
	last, code := math.NaN(), int32(-1)
	for _, v := range days {
		switch {
		case v != v:
			p.skip()
			continue
		case v != last:
			last, code = v, p.dict.code([]byte(writeISO(v, m)), defaultMarks)
		}
		p.codes = append(p.codes, code)
	}
	return p
}
