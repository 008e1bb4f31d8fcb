package table

import "strings"

// unitInHeader returns the unit that a header states in brackets at its end, as in "weight (kg)" or
// "glucose [mmol/L]", or "". Only text that is made of known units counts: "Simvastatin (Zocor)" has none.
func unitInHeader(name string) string {
	name = strings.TrimSpace(name)
	if name == "" {
		return ""
	}
	open := byte('(')
	switch name[len(name)-1] {
	case ']':
		open = '['
	case ')':
	default:
		return ""
	}
	at := strings.LastIndexByte(name, open)
	if at <= 0 {
		return ""
	}
	unit := strings.TrimSpace(name[at+1 : len(name)-1])
	if !isUnit(unit) {
		return ""
	}
	return unit
}

// isUnit tells whether s is one known unit or several joined by / * . or a middle dot, each with an optional
// exponent (m2, m^2, s-1), with an optional leading count such as 10^9 or x10^9.
func isUnit(s string) bool {
	if s == "" || len(s) > 40 {
		return false
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '/' || r == '*' || r == '·' || r == '.' })
	if strings.HasPrefix(s, "/") && len(parts) > 0 {
		return allUnits(parts)
	}
	if len(parts) > 1 && isPowerOfTen(parts[0]) {
		parts = parts[1:]
	}
	return allUnits(parts)
}

func allUnits(parts []string) bool {
	for _, p := range parts {
		p = strings.TrimSpace(p)
		if !units[p] && !units[strings.TrimRight(p, "^-0123456789²³⁻¹")] {
			return false
		}
	}
	return len(parts) > 0
}

func isPowerOfTen(s string) bool {
	s = strings.TrimLeft(strings.TrimSpace(s), "x×")
	s, ok := strings.CutPrefix(s, "10")
	s = strings.TrimPrefix(s, "^")
	return ok && (s == "" || strings.Trim(s, "0123456789⁰¹²³⁴⁵⁶⁷⁸⁹") == "")
}

// units are the units that clinical files write in headers, in the spellings of UCUM and of everyday use.
var units = func() map[string]bool {
	m := map[string]bool{}
	for _, base := range []string{"g", "m", "l", "L", "mol", "s", "sec", "IU", "U", "Eq", "Osm", "osm", "Pa", "kat", "J", "V", "A", "W", "Hz", "Gy", "Sv", "Bq", "cal", "eq", "iu", "B"} {
		for _, prefix := range []string{"", "k", "M", "G", "d", "c", "m", "u", "µ", "μ", "n", "p", "f"} {
			m[prefix+base] = true
		}
	}
	for _, word := range strings.Fields(`% ‰ min h hr hrs hour hours d day days wk week weeks mo month months y yr
		yrs year years ms mmHg mm[Hg] mmhg cmH2O bpm beats breaths °C °F ° C F degC degF Cel K deg lb lbs oz in inch inches
		ft cells mcg ug cc MET mets pack-years packs dB`) {
		m[word] = true
	}
	for _, dangerous := range []string{"A", "B", "V", "W"} {
		// A single capital in brackets names a group more often than an ampere.
		delete(m, dangerous)
	}
	return m
}()
