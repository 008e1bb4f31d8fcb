package table

import (
	"math"
	"strings"
	"time"
)

// dateForm says how a date is written, as far as the order of day and month is concerned.
type dateForm uint8

const (
	notDate   dateForm = iota
	certain            // the form itself tells: year first, dots, or a month's name
	dayFirst           // 31/12/2020: only day/month/year is possible
	monthLead          // 12/31/2020: only month/day/year is possible
	eitherWay          // 05/04/2020: both are possible
)

// dayOrder is the order of day and month that a column's schema states for dates written with / or -.
type dayOrder uint8

const (
	noOrder dayOrder = iota // only forms that tell by themselves
	dayMonth
	monthDay
)

var dayOrders = [...]string{noOrder: "", dayMonth: "d/m/y", monthDay: "m/d/y"}

// allows tells whether a date of a form can be read under the order.
func (o dayOrder) allows(form dateForm) bool {
	switch form {
	case certain:
		return true
	case dayFirst:
		return o == dayMonth
	case monthLead:
		return o == monthDay
	case eitherWay:
		return o != noOrder
	}
	return false
}

var monthNames = [...]string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

// parseDate reads a date with an optional time of day and returns days since 1970-01-01 UTC. A time
// without a zone is taken as UTC. For dates written with / or - whose order of day and month is open,
// monthFirst decides.
//
// Forms: 2020-12-31, 2020/12/31, 31.12.2020, 31/12/2020, 12/31/2020, 31-12-2020, 31-Dec-2020, 31 Dec 2020,
// 31DEC2020; then T or blanks and 23:59, 23:59:59 or 23:59:59.123; then Z, +01:00 or +0100. Years have
// four digits: two-digit years are not dates, because their century would be a guess.
func parseDate(s string, monthFirst bool) (days float64, form dateForm) {
	s = strings.Trim(s, " \t")
	if len(s) < 8 || len(s) > 40 {
		return 0, notDate
	}
	y, m, d, rest, form := scanDay(s, monthFirst)
	if form == notDate || !validDay(y, m, d) {
		return 0, notDate
	}
	days = float64(dayNumber(y, m, d))
	if rest == "" {
		return days, form
	}
	nanos, ok := scanClock(rest)
	if !ok {
		return 0, notDate
	}
	return joinDays(int64(days), nanos), form
}

const dayNanos = 24 * int64(time.Hour)

// joinDays makes one number of whole days and nanoseconds, which may be negative or more than a day.
func joinDays(days, nanos int64) float64 {
	days += nanos / dayNanos
	nanos %= dayNanos
	if nanos < 0 {
		days--
		nanos += dayNanos
	}
	return float64(days) + float64(nanos)/float64(dayNanos)
}

// splitDays is the inverse of joinDays; it rounds to nanoseconds.
func splitDays(v float64) (days, nanos int64) {
	whole := math.Floor(v)
	days = int64(whole)
	nanos = int64(math.Round((v - whole) * float64(dayNanos)))
	if nanos == dayNanos {
		return days + 1, 0
	}
	return days, nanos
}

func scanDay(s string, monthFirst bool) (y, m, d int, rest string, form dateForm) {
	a, an, s1 := scanInt(s)
	if an == 0 || an > 4 || s1 == "" {
		return 0, 0, 0, "", notDate
	}
	if an <= 2 {
		if m, s2 := scanMonth(s1); m > 0 {
			y, n, rest := scanInt(s2)
			if n != 4 {
				return 0, 0, 0, "", notDate
			}
			return y, m, a, rest, certain
		}
	}
	sep := s1[0]
	b, bn, s2 := scanInt(s1[1:])
	if bn == 0 || bn > 2 || s2 == "" || s2[0] != sep {
		return 0, 0, 0, "", notDate
	}
	c, cn, rest := scanInt(s2[1:])
	switch {
	case an == 4 && (sep == '-' || sep == '/') && (cn == 1 || cn == 2):
		return a, b, c, rest, certain
	case an > 2 || cn != 4:
		return 0, 0, 0, "", notDate
	case sep == '.':
		return c, b, a, rest, certain
	case sep != '/' && sep != '-':
		return 0, 0, 0, "", notDate
	case a > 12:
		return c, b, a, rest, dayFirst
	case b > 12:
		return c, a, b, rest, monthLead
	case monthFirst:
		return c, a, b, rest, eitherWay
	}
	return c, b, a, rest, eitherWay
}

func scanInt(s string) (v, n int, rest string) {
	for n < len(s) && n < 9 && s[n]-'0' <= 9 {
		v = v*10 + int(s[n]-'0')
		n++
	}
	return v, n, s[n:]
}

// scanMonth reads a month's three-letter English name with an optional blank or hyphen on both sides.
func scanMonth(s string) (month int, rest string) {
	if s[0] == '-' || s[0] == ' ' {
		s = s[1:]
	}
	if len(s) < 4 {
		return 0, ""
	}
	for i, name := range monthNames {
		if strings.EqualFold(s[:3], name) {
			s = s[3:]
			if s[0] == '-' || s[0] == ' ' {
				s = s[1:]
			}
			return i + 1, s
		}
	}
	return 0, ""
}

// scanClock reads the part after the day: a T or blanks, the time, and the zone.
func scanClock(s string) (nanos int64, ok bool) {
	if s[0] != 'T' && s[0] != 't' && s[0] != ' ' {
		return 0, false
	}
	s = strings.TrimLeft(s[1:], " ")
	h, hn, s := scanInt(s)
	if hn != 2 && hn != 1 || s == "" || s[0] != ':' {
		return 0, false
	}
	m, mn, s := scanInt(s[1:])
	if mn != 2 || h > 23 || m > 59 {
		return 0, false
	}
	nanos = (int64(h)*60 + int64(m)) * int64(time.Minute)
	if s != "" && s[0] == ':' {
		sec, sn, rest := scanInt(s[1:])
		if sn != 2 || sec > 59 {
			return 0, false
		}
		nanos += int64(sec) * int64(time.Second)
		s = rest
		if s != "" && (s[0] == '.' || s[0] == ',') {
			f, fn, rest := scanInt(s[1:])
			if fn == 0 {
				return 0, false
			}
			nanos += int64(float64(f)*pow10[9-fn] + .5)
			s = rest
		}
	}
	zone, ok := scanZone(strings.TrimLeft(s, " "))
	return nanos - zone, ok
}

func scanZone(s string) (nanos int64, ok bool) {
	if s == "" || s == "Z" || s == "z" || s == "UTC" {
		return 0, true
	}
	if s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	h, hn, rest := scanInt(s[1:])
	m := 0
	switch {
	case hn == 4 && rest == "":
		h, m = h/100, h%100
	case hn == 2 && len(rest) == 3 && rest[0] == ':':
		var mn int
		if m, mn, _ = scanInt(rest[1:]); mn != 2 {
			return 0, false
		}
	case hn == 2 && rest == "":
	default:
		return 0, false
	}
	if h > 18 || m > 59 {
		return 0, false
	}
	nanos = (int64(h)*60 + int64(m)) * int64(time.Minute)
	if s[0] == '-' {
		nanos = -nanos
	}
	return nanos, true
}

var monthDays = [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func validDay(y, m, d int) bool {
	if y < 1 || m < 1 || m > 12 || d < 1 {
		return false
	}
	n := monthDays[m-1]
	if m == 2 && (y%4 == 0 && y%100 != 0 || y%400 == 0) {
		n = 29
	}
	return d <= n
}

// dayNumber counts days since 1970-01-01 in the Gregorian calendar; years are 1 to 9999. Years begin in March here,
// so that the leap day comes last.
func dayNumber(y, m, d int) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	return int64(365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 719469)
}

// formatDate writes days since 1970-01-01 as parseDate reads them: the day alone, or with the time of day.
func formatDate(v float64) string {
	days, nanos := splitDays(v)
	t := time.Unix(days*86400, nanos).UTC()
	switch {
	case nanos == 0:
		return t.Format("2006-01-02")
	case nanos%int64(time.Second) == 0:
		return t.Format("2006-01-02T15:04:05")
	}
	return t.Format("2006-01-02T15:04:05.999999999")
}
