package ucum

import (
	"math"
	"strings"
	"sync"
)

// entry defines an atom by a value of another unit.
type entry struct {
	code   string
	metric bool // takes prefixes
	value  float64
	of     string // UCUM expression of atoms defined above; "" = the unity
}

// base are the base units, and the mole and the equivalent, which UCUM counts as plain numbers. Here they are apart:
// a mole is no number of cells, and an equivalent is a mole only of what carries one charge.
var base = map[string]Unit{
	"m": {Factor: 1, Dimensions: Dimensions{Length: 1}}, "s": {Factor: 1, Dimensions: Dimensions{Time: 1}}, "g": {Factor: 1, Dimensions: Dimensions{Mass: 1}},
	"rad": {Factor: 1, Dimensions: Dimensions{Angle: 1}}, "K": {Factor: 1, Dimensions: Dimensions{Temperature: 1}}, "C": {Factor: 1, Dimensions: Dimensions{Charge: 1}},
	"cd": {Factor: 1, Dimensions: Dimensions{Luminosity: 1}}, "mol": {Factor: 1, Dimensions: Dimensions{Amount: 1}},
}

// defined are the atoms on ratio scales, in the order in which they build on each other. Left out are units that no
// medical record needs: typesetting, British and US lengths before 1959, homoeopathic potencies.
var defined = []entry{
	{"10*", false, 10, ""},
	{"10^", false, 10, ""},
	{"[pi]", false, math.Pi, ""},
	{"%", false, .01, ""},
	{"[ppth]", false, 1e-3, ""},
	{"[ppm]", false, 1e-6, ""},
	{"[ppb]", false, 1e-9, ""},
	{"[pptr]", false, 1e-12, ""},
	{"min", false, 60, "s"},
	{"h", false, 60, "min"},
	{"d", false, 24, "h"},
	{"wk", false, 7, "d"},
	{"a_t", false, 365.24219, "d"},
	{"a_j", false, 365.25, "d"},
	{"a_g", false, 365.2425, "d"},
	{"a", false, 365.25, "d"},
	{"mo_s", false, 29.53059, "d"},
	{"mo_j", false, 1. / 12, "a_j"},
	{"mo_g", false, 1. / 12, "a_g"},
	{"mo", false, 1. / 12, "a_j"},
	{"sr", true, 1, "rad2"},
	{"Hz", true, 1, "s-1"},
	{"N", true, 1, "kg.m/s2"},
	{"Pa", true, 1, "N/m2"},
	{"J", true, 1, "N.m"},
	{"W", true, 1, "J/s"},
	{"A", true, 1, "C/s"},
	{"V", true, 1, "J/C"},
	{"F", true, 1, "C/V"},
	{"Ohm", true, 1, "V/A"},
	{"S", true, 1, "Ohm-1"},
	{"Wb", true, 1, "V.s"},
	{"T", true, 1, "Wb/m2"},
	{"H", true, 1, "Wb/A"},
	{"lm", true, 1, "cd.sr"},
	{"lx", true, 1, "lm/m2"},
	{"Bq", true, 1, "s-1"},
	{"Gy", true, 1, "J/kg"},
	{"Sv", true, 1, "J/kg"},
	{"deg", false, 2 * math.Pi / 360, "rad"},
	{"gon", false, .9, "deg"},
	{"'", false, 1. / 60, "deg"},
	{"''", false, 1. / 60, "'"},
	{"l", true, 1, "dm3"},
	{"L", true, 1, "dm3"},
	{"ar", true, 100, "m2"},
	{"t", true, 1000, "kg"},
	{"bar", true, 1e5, "Pa"},
	{"u", true, 1.6605402e-24, "g"},
	{"[c]", true, 299792458, "m/s"},
	{"[g]", true, 9.80665, "m/s2"},
	{"[e]", true, 1.60217733e-19, "C"},
	{"eV", true, 1, "[e].V"},
	{"[k]", true, 1.380658e-23, "J/K"},
	{"Torr", false, 133.322, "Pa"},
	{"atm", false, 101325, "Pa"},
	{"gf", true, 1, "g.[g]"},
	{"att", false, 98066.5, "Pa"},
	{"[psi]", false, 6894.757293168359, "Pa"},
	{"Gal", true, 1, "cm/s2"},
	{"dyn", true, 1, "g.cm/s2"},
	{"erg", true, 1, "dyn.cm"},
	{"P", true, 1, "dyn.s/cm2"},
	{"St", true, 1, "cm2/s"},
	{"G", true, 1e-4, "T"},
	{"Ci", true, 3.7e10, "Bq"},
	{"R", true, 2.58e-4, "C/kg"},
	{"RAD", true, 100, "erg/g"},
	{"REM", true, 1, "RAD"},
	{"[in_i]", false, 2.54, "cm"},
	{"[ft_i]", false, 12, "[in_i]"},
	{"[yd_i]", false, 3, "[ft_i]"},
	{"[mi_i]", false, 5280, "[ft_i]"},
	{"[sin_i]", false, 1, "[in_i]2"},
	{"[sft_i]", false, 1, "[ft_i]2"},
	{"[cin_i]", false, 1, "[in_i]3"},
	{"[cft_i]", false, 1, "[ft_i]3"},
	{"Ao", false, .1, "nm"},
	{"[gal_us]", false, 231, "[cin_i]"},
	{"[qt_us]", false, .25, "[gal_us]"},
	{"[pt_us]", false, .5, "[qt_us]"},
	{"[gil_us]", false, .25, "[pt_us]"},
	{"[foz_us]", false, .25, "[gil_us]"},
	{"[fdr_us]", false, .125, "[foz_us]"},
	{"[tbs_us]", false, .5, "[foz_us]"},
	{"[tsp_us]", false, 1. / 3, "[tbs_us]"},
	{"[cup_us]", false, 16, "[tbs_us]"},
	{"[foz_m]", false, 30, "mL"},
	{"[cup_m]", false, 240, "mL"},
	{"[tsp_m]", false, 5, "mL"},
	{"[tbs_m]", false, 15, "mL"},
	{"[gal_br]", false, 4.54609, "l"},
	{"[qt_br]", false, .25, "[gal_br]"},
	{"[pt_br]", false, .5, "[qt_br]"},
	{"[foz_br]", false, .05, "[pt_br]"},
	{"[drp]", false, .05, "ml"},
	{"[gr]", false, 64.79891, "mg"},
	{"[lb_av]", false, 7000, "[gr]"},
	{"[oz_av]", false, 1. / 16, "[lb_av]"},
	{"[dr_av]", false, 1. / 16, "[oz_av]"},
	{"[stone_av]", false, 14, "[lb_av]"},
	{"[ston_av]", false, 2000, "[lb_av]"},
	{"[lton_av]", false, 2240, "[lb_av]"},
	{"[oz_tr]", false, 480, "[gr]"},
	{"[dr_ap]", false, 60, "[gr]"},
	{"[oz_ap]", false, 480, "[gr]"},
	{"[lb_ap]", false, 5760, "[gr]"},
	{"[oz_m]", false, 28, "g"},
	{"cal_[15]", true, 4.1858, "J"},
	{"cal_[20]", true, 4.1819, "J"},
	{"cal_m", true, 4.19002, "J"},
	{"cal_IT", true, 4.1868, "J"},
	{"cal_th", true, 4.184, "J"},
	{"cal", true, 4.184, "J"},
	{"[Cal]", false, 1, "kcal_th"},
	{"[degR]", false, 5. / 9, "K"},
	{"m[H2O]", true, 9.80665, "kPa"},
	{"m[Hg]", true, 133.322, "kPa"},
	{"[in_i'H2O]", false, .0254, "m[H2O]"},
	{"[in_i'Hg]", false, .0254, "m[Hg]"},
	{"[PRU]", false, 1, "mm[Hg].s/ml"},
	{"[wood'U]", false, 1, "mm[Hg].min/L"},
	{"[diop]", false, 1, "m-1"},
	{"[Ch]", false, 1. / 3, "mm"},
	{"[hnsf'U]", false, 1, ""},
	{"[MET]", false, 3.5, "mL/min/kg"},
	{"g%", true, 1, "g/dl"},
	{"[S]", false, 1e-13, "s"},
	{"[HPF]", false, 1, ""},
	{"[LPF]", false, 1, ""},
	{"kat", true, 1, "mol/s"},
	{"U", true, 1, "umol/min"},
	{"circ", false, 2 * math.Pi, "rad"},
	{"sph", false, 4 * math.Pi, "sr"},
	{"mho", true, 1, "S"},
	{"st", true, 1, "m3"},
	{"b", false, 100, "fm2"},
	{"bit", true, 1, ""},
	{"By", true, 8, "bit"},
	{"Bd", true, 1, "/s"},
}

// arbitrary are units that a procedure defines: they convert into themselves alone. The equivalent and the osmole
// are among them, for what a mole of a substance has of them depends on the substance.
var arbitrary = map[string]bool{ // true: takes prefixes
	"eq": true, "osm": true, "[iU]": true, "[IU]": true, "[arb'U]": false, "[USP'U]": false, "[GPL'U]": false, "[MPL'U]": false, "[APL'U]": false, "[beth'U]": false, "[anti'Xa'U]": false,
	"[todd'U]": false, "[dye'U]": false, "[smgy'U]": false, "[bdsk'U]": false, "[ka'U]": false, "[knk'U]": false, "[mclg'U]": false, "[tb'U]": false, "[CCID_50]": false, "[TCID_50]": false, "[EID_50]": false,
	"[PFU]": false, "[FFU]": false, "[CFU]": false, "[IR]": false, "[BAU]": false, "[AU]": false, "[Amb'a'1'U]": false, "[PNU]": false, "[Lf]": false, "[D'ag'U]": false, "[FEU]": false, "[ELU]": false, "[EU]": false,
}

// scales are those that are no multiple of their base. Prefixed ones, such as the decibel, multiply the value.
var scales = map[string]struct {
	metric bool
	in     string // unit of the base that the functions work in
	special
}{
	"Cel":           {true, "K", special{"degrees Celsius", func(v float64) float64 { return v + 273.15 }, func(v float64) float64 { return v - 273.15 }}},
	"[degF]":        {false, "K", special{"degrees Fahrenheit", func(v float64) float64 { return (v + 459.67) * 5 / 9 }, func(v float64) float64 { return v*9/5 - 459.67 }}},
	"[pH]":          {false, "mol/L", special{"pH", func(v float64) float64 { return math.Pow(10, -v) }, func(v float64) float64 { return -math.Log10(v) }}},
	"Np":            {true, "", special{"neper", math.Exp, math.Log}},
	"B":             {true, "", special{"bel", func(v float64) float64 { return math.Pow(10, v) }, math.Log10}},
	"B[SPL]":        {true, "Pa", special{"bel of sound pressure", func(v float64) float64 { return 2e-5 * math.Pow(10, v/2) }, func(v float64) float64 { return 2 * math.Log10(v/2e-5) }}},
	"[p'diop]":      {false, "rad", special{"prism dioptre", func(v float64) float64 { return math.Atan(v / 100) }, func(v float64) float64 { return 100 * math.Tan(v) }}},
	"%[slope]":      {false, "rad", special{"percent of slope", func(v float64) float64 { return math.Atan(v / 100) }, func(v float64) float64 { return 100 * math.Tan(v) }}},
	"[m/s2/Hz^0.5]": {false, "m2/s3", special{"root of a power density", func(v float64) float64 { return v * v }, math.Sqrt}},
}

var prefixes = map[string]float64{
	"Y": 1e24, "Z": 1e21, "E": 1e18, "P": 1e15, "T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "h": 1e2, "da": 1e1, "d": 1e-1, "c": 1e-2, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18, "z": 1e-21, "y": 1e-24,
	"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40,
}

// atoms are the units without a prefix, and whether they take one.
type atoms struct {
	units  map[string]Unit
	metric map[string]bool
}

var known = sync.OnceValue(func() *atoms {
	a := &atoms{map[string]Unit{}, map[string]bool{}}
	for code, u := range base {
		a.units[code], a.metric[code] = u, true
	}
	for code, metric := range arbitrary {
		name := code
		switch code {
		case "[iU]": // two spellings of one unit
			name = "[IU]"
		case "eq", "osm":
			name = "[" + code + "]"
		}
		a.units[code], a.metric[code] = Unit{Factor: 1, Dimensions: Dimensions{Arbitrary: name + "1"}}, metric
	}
	for _, e := range defined {
		a.units[e.code], a.metric[e.code] = a.of(e.value, e.of), e.metric
	}
	for code, s := range scales {
		u := a.of(1, s.in)
		s.special.toBase, s.special.fromBase = scaled(s.special, u.Factor)
		u.Factor, u.special = 1, &s.special
		a.units[code], a.metric[code] = u, s.metric
	}
	return a
})

// scaled moves a scale from its own base unit to the base units.
func scaled(s special, factor float64) (to, from func(float64) float64) {
	return func(v float64) float64 { return s.toBase(v) * factor }, func(v float64) float64 { return s.fromBase(v / factor) }
}

// of is a value of a unit that is made of atoms known by now.
func (a *atoms) of(value float64, code string) Unit {
	if code == "" {
		return Unit{Factor: value}
	}
	p := parser{text: code, atoms: a}
	u, err := p.main()
	if err != nil {
		panic("ucum: table: " + code + ": " + err.Error())
	}
	u.Factor *= value
	return u
}

// find finds an atom with or without a prefix.
func (a *atoms) find(word string) (Unit, bool) {
	if u, ok := a.units[word]; ok {
		return u, true
	}
	for n := 1; n <= 2 && n < len(word); n++ {
		factor, ok := prefixes[word[:n]]
		if u, is := a.units[word[n:]]; ok && is && a.metric[word[n:]] {
			u.Factor *= factor
			return u, true
		}
	}
	return Unit{}, false
}

// spellings are what people write for UCUM codes, in lower case.
var spellings = map[string]string{
	"mcg": "ug", "µg": "ug", "μg": "ug", "mcl": "uL", "µl": "uL", "μl": "uL", "mmhg": "mm[Hg]", "mm hg": "mm[Hg]", "cmh2o": "cm[H2O]", "cm h2o": "cm[H2O]", "inhg": "[in_i'Hg]", "°c": "Cel", "degc": "Cel", "deg c": "Cel", "celsius": "Cel", "°f": "[degF]", "degf": "[degF]", "deg f": "[degF]", "fahrenheit": "[degF]",
	"iu": "[IU]", "miu": "m[IU]", "uiu": "u[IU]", "µiu": "u[IU]", "bpm": "/min", "beats/min": "/min", "breaths/min": "/min", "insp/min": "/min", "lb": "[lb_av]", "lbs": "[lb_av]", "oz": "[oz_av]", "inch": "[in_i]", "inches": "[in_i]", "ft": "[ft_i]", "feet": "[ft_i]",
	"sec": "s", "secs": "s", "seconds": "s", "second": "s", "mins": "min", "minutes": "min", "minute": "min", "hr": "h", "hrs": "h", "hour": "h", "hours": "h", "day": "d", "days": "d", "week": "wk", "weeks": "wk", "month": "mo", "months": "mo", "year": "a", "years": "a", "yr": "a", "yrs": "a",
	"meq": "meq", "mosm": "mosm", "mosmol": "mosm", "units": "[arb'U]", "percent": "%", "ratio": "1", "msec": "ms", "µmol": "umol", "μmol": "umol", "gm": "g", "gms": "g", "cc": "cm3", "k": "10*3", "thou": "10*3", "mill": "10*6", "m²": "m2", "hpf": "[HPF]", "lpf": "[LPF]", "cfu": "[CFU]", "ppm": "[ppm]",
	"ml": "mL", "dl": "dL", "ul": "uL", "l": "L", "mg": "mg", "kg": "kg", "g": "g", "mmol": "mmol", "umol": "umol", "nmol": "nmol", "ng": "ng", "pg": "pg", "ug": "ug", "cm": "cm", "mm": "mm", "mol": "mol", "kpa": "kPa", "iu/l": "[IU]/L", "u": "U", "mu": "mU", "fl": "fL",
}

// misread are texts that are UCUM by accident and are never meant so: kelvin per microlitre.
var misread = map[string]string{
	"k/ul": "10*3/uL", "k/mcl": "10*3/uL", "k/µl": "10*3/uL", "k/μl": "10*3/uL", "k/mm3": "10*3/mm3", "k/cumm": "10*3/mm3", "m/ul": "10*6/uL", "m/mcl": "10*6/uL", "m/µl": "10*6/uL", "m/μl": "10*6/uL", "m/mm3": "10*6/mm3", "m/cumm": "10*6/mm3",
}

var powers = strings.NewReplacer(
	"/1.73m2", "/{1.73_m2}", "/1.73 m2", "/{1.73_m2}", "/1.73m²", "/{1.73_m2}", "x10^", "10*", "×10^", "10*", "x10e", "10*", "x10E", "10*", "x10*", "10*",
	"10^", "10*", "10e", "10*", "10E", "10*", "10*", "10*", " per ", "/", "·", ".", "#", "{#}",
)

// Spell turns what people write into UCUM: a valid code stays; "mmHg", "mcg/kg/min", "K/uL", "°C", "MG/DL" and their
// like are rewritten, part by part, where only one reading makes sense. ok is false where the result is no unit
// either.
func Spell(text string) (code string, ok bool) {
	text = strings.TrimSpace(text)
	lower := strings.ToLower(text)
	if code, ok := misread[lower]; ok {
		return code, true
	}
	if _, err := Parse(text); err == nil && !shouted(text) {
		return text, true
	}
	if code, ok := spellings[lower]; ok {
		return code, true
	}
	parts := strings.Split(powers.Replace(text), "/")
	for i, part := range parts {
		parts[i] = spellPart(strings.TrimSpace(part))
	}
	code = strings.Join(parts, "/")
	_, err := Parse(code)
	return code, err == nil
}

// shouted tells whether a text has a word of several letters without a small one, as old systems write: MG/DL.
func shouted(text string) bool {
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == '/' || r == '.' }) {
		if _, known := spellings[strings.ToLower(part)]; known && len(part) > 1 && strings.ToUpper(part) == part {
			return true
		}
	}
	return false
}

func spellPart(part string) string {
	if code, ok := spellings[strings.ToLower(part)]; ok && (len(part) > 1 || part != strings.ToUpper(part)) {
		return strings.TrimPrefix(code, "/")
	}
	if _, err := Parse(part); err == nil {
		return part
	}
	if n := strings.TrimRight(part, "0123456789"); n != "" && n != part { // an exponent: MM3
		if code, ok := spellings[strings.ToLower(n)]; ok {
			return code + part[len(n):]
		}
	}
	if n := strings.TrimLeft(part, "0123456789"); n != "" && n != part { // a number: 24h
		if code := spellPart(strings.TrimSpace(n)); code != "" {
			return "(" + part[:len(part)-len(n)] + "." + code + ")"
		}
	}
	return part
}
