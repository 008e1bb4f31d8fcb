package event

import (
	"bytes"
	"math"
	"strings"
	"time"
)

// clockKind is what times count from.
type clockKind uint8

const (
	clockNone  clockKind = iota
	clockStart           // since the start of the stay
	clockLocal           // dates and times without a zone: one local zone, whichever it is
	clockUTC             // times with a zone
)

func (k clockKind) String() string { return [...]string{"", "start", "local", "utc"}[k] }

// calendar reads a date, alone or with a time: 2020-12-31, 2020-12-31T23:59, 2020-12-31 23:59:59.5+01:00, Z for UTC.
// The result is µs since 1970, in UTC or in the zone that is not named; what is finer than a microsecond is cut off.
func calendar(b []byte) (at int64, kind clockKind, ok bool) {
	y, ok1 := fixed(b, 0, 4)
	m, ok2 := fixed(b, 5, 2)
	d, ok3 := fixed(b, 8, 2)
	if !ok1 || !ok2 || !ok3 || b[4] != '-' || b[7] != '-' || y == 0 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, 0, false
	}
	at = days(y, m, d) * 86400e6
	b = b[10:]
	if len(b) == 0 {
		return at, clockLocal, true
	}
	hour, ok1 := fixed(b, 1, 2)
	minute, ok2 := fixed(b, 4, 2)
	if !ok1 || !ok2 || b[0] != 'T' && b[0] != ' ' && b[0] != 't' || b[3] != ':' || hour > 23 || minute > 59 {
		return 0, 0, false
	}
	at += int64(hour*60+minute) * 60e6
	b = b[6:]
	if len(b) > 0 && b[0] == ':' {
		second, ok := fixed(b, 1, 2)
		if !ok || second > 60 { // 60: a leap second is taken as the next second
			return 0, 0, false
		}
		at += int64(second) * 1e6
		b = b[3:]
		if len(b) > 1 && (b[0] == '.' || b[0] == ',') {
			i, scale := 1, int64(1e5)
			for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
				at += int64(b[i]-'0') * scale
				scale /= 10
			}
			if i == 1 {
				return 0, 0, false
			}
			b = b[i:]
		}
	}
	if len(b) == 0 {
		return at, clockLocal, true
	}
	shift, ok := zone(b)
	return at - shift, clockUTC, ok
}

func zone(b []byte) (shift int64, ok bool) {
	if b[0] == ' ' {
		b = b[1:]
	}
	if len(b) == 1 && (b[0] == 'Z' || b[0] == 'z') {
		return 0, true
	}
	if len(b) < 3 || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	hour, ok := fixed(b, 1, 2)
	minute, rest := 0, b[3:]
	if len(rest) > 0 {
		rest = bytes.TrimPrefix(rest, []byte(":"))
		var ok2 bool
		minute, ok2 = fixed(rest, 0, 2)
		ok = ok && ok2 && len(rest) == 2
	}
	if !ok || hour > 14 || minute > 59 {
		return 0, false
	}
	shift = int64(hour*60+minute) * 60e6
	if b[0] == '-' {
		shift = -shift
	}
	return shift, true
}

func fixed(b []byte, at, n int) (v int, ok bool) {
	if len(b) < at+n {
		return 0, false
	}
	for _, c := range b[at : at+n] {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = 10*v + int(c-'0')
	}
	return v, true
}

func daysIn(y, m int) int {
	if m == 2 {
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 30 + (m+m>>3)&1
}

// days since 1970 of a date, by the proleptic Gregorian calendar.
func days(y, m, d int) int64 {
	return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

// elapsed reads hh:mm or hh:mm:ss since the start; hours may be many.
func elapsed(b []byte) (at int64, ok bool) {
	minus := len(b) > 0 && b[0] == '-'
	if minus {
		b = b[1:]
	}
	i := bytes.IndexByte(b, ':')
	if i < 1 || i > 6 {
		return 0, false
	}
	hour, ok := fixed(b, 0, i)
	minute, ok2 := fixed(b, i+1, 2)
	second, ok3 := 0, len(b) == i+3
	if len(b) == i+6 && b[i+3] == ':' {
		second, ok3 = fixed(b, i+4, 2)
	}
	if !ok || !ok2 || !ok3 || minute > 59 || second > 59 {
		return 0, false
	}
	at = int64(hour)*Hour + int64(minute)*60e6 + int64(second)*1e6
	if minus {
		at = -at
	}
	return at, true
}

// microseconds turns a number of units since the start into µs.
func microseconds(v, unit float64) (int64, bool) {
	at := math.Round(v * unit)
	return int64(at), math.Abs(at) < 1<<60 // NaN is not
}

// timeUnits are what a column of numbers may count, in µs.
var timeUnits = map[string]float64{"s": 1e6, "min": 60e6, "h": 3600e6, "d": 86400e6}

// timeUnitOf tells what a column counts by its name: hours, time_h, minutes_since_admission.
func timeUnitOf(column string) string {
	for _, word := range strings.FieldsFunc(strings.ToLower(column), func(r rune) bool { return r < 'a' || r > 'z' }) {
		switch word {
		case "h", "hr", "hrs", "hour", "hours":
			return "h"
		case "min", "mins", "minute", "minutes":
			return "min"
		case "s", "sec", "secs", "second", "seconds":
			return "s"
		case "d", "day", "days":
			return "d"
		}
	}
	return ""
}
