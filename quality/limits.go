package quality

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

	"galen.dev/fault"
	"galen.dev/table"
)

// A Limit is what a living body, or the definition of a score, allows. Limits are wide on purpose: they
// catch errors of entry and units, not illness.
type Limit struct {
	Names  []string    // names of columns, in small letters and digits only; a column matches as a whole
	Units  []UnitRange // in the units in which the quantity is written; a column without a unit may have any
	Source string
}

// UnitRange is a limit in one unit; "" is a number without a unit.
type UnitRange struct {
	Unit      string
	Low, High float64
}

var inf = math.Inf(1)

// shippedLimits is the table of limits by name; Limits returns it.
var shippedLimits = []Limit{
	{
		[]string{"age", "ageyears", "patientage", "ageatadmission", "ageatdiagnosis", "anchorage"},
		[]UnitRange{{"year", 0, 125}, {"month", 0, 1500}, {"day", 0, 45700}},
		"longest verified life 122 years (Robine and Allard, Science 1998)",
	},
	{
		[]string{"heartrate", "hr", "pulse", "pulserate", "thalach", "maxheartrate", "hrt"},
		[]UnitRange{{"/min", 0, 500}},
		"fastest ventricular rate reported 480/min (Chhabra et al., Indian Pacing Electrophysiol J 2012)",
	},
	{
		[]string{"sbp", "sysbp", "systolicbp", "systolicbloodpressure", "nisysabp", "sysabp", "trestbps", "apsystolic", "aphi"},
		[]UnitRange{{"mmhg", 0, 480}, {"kpa", 0, 64}},
		"highest pressure measured within an artery 480/350 mmHg (MacDougall et al., J Appl Physiol 1985)",
	},
	{
		[]string{"dbp", "diasbp", "diastolicbp", "diastolicbloodpressure", "nidiasabp", "diasabp", "aplo", "map", "meanbp", "nimap", "meanarterialpressure", "meanbloodpressure"},
		[]UnitRange{{"mmhg", 0, 400}, {"kpa", 0, 54}},
		"highest pressure measured within an artery 480/350 mmHg (MacDougall et al., J Appl Physiol 1985)",
	},
	{
		[]string{"temp", "temperature", "bodytemp", "bodytemperature", "temperaturec", "tempc"},
		[]UnitRange{{"c", 10, 47}, {"f", 50, 117}},
		"survived: 11.8 °C, a child in Poland, 2014, and 13.7 °C (Gilbert et al., Lancet 2000); 46.5 °C (Slovis et al., Ann Emerg Med 1982)",
	},
	{
		[]string{"height", "heightcm", "bodyheight", "stature"},
		[]UnitRange{{"cm", 20, 280}, {"m", .2, 2.8}, {"in", 8, 110}, {"mm", 200, 2800}},
		"tallest man measured 272 cm (Wadlow); a newborn of 22 weeks has about 25 cm",
	},
	{
		[]string{"weight", "weightkg", "bodyweight", "bodymass"},
		[]UnitRange{{"kg", .2, 650}, {"lb", .4, 1433}, {"g", 200, 650000}},
		"heaviest man 635 kg (Minnoch); smallest surviving newborn 212 g (Singapore, 2020)",
	},
	{
		[]string{"bmi", "bodymassindex"},
		[]UnitRange{{"kg/m2", 5, 260}},
		"highest reported about 204 kg/m2; the bound leaves a quarter more",
	},
	{
		[]string{"ph", "arterialph", "bloodph", "phart"},
		[]UnitRange{{"", 6, 8.5}},
		"beyond every arterial pH reported with survival (about 6.3 to 8.0)",
	},
	{
		[]string{"spo2", "sao2", "sto2", "o2sat", "o2saturation", "oxygensaturation", "hematocrit", "haematocrit", "hct", "lvef", "ejectionfraction", "fio2percent"},
		[]UnitRange{{"%", 0, 100}},
		"a share of the whole, by definition",
	},
	{
		[]string{"gcs", "glasgowcomascale", "gcstotal"},
		[]UnitRange{{"", 3, 15}},
		"Teasdale and Jennett, Lancet 1974",
	},
	{[]string{"apgar", "apgar1", "apgar5"}, []UnitRange{{"", 0, 10}}, "Apgar, Anesth Analg 1953"},
	{[]string{"sofa", "sofascore"}, []UnitRange{{"", 0, 24}}, "Vincent et al., Intensive Care Med 1996"},
	{[]string{"apacheii", "apache2"}, []UnitRange{{"", 0, 71}}, "Knaus et al., Crit Care Med 1985"},
	{[]string{"sapsii", "saps2"}, []UnitRange{{"", 0, 163}}, "Le Gall et al., JAMA 1993"},
	{[]string{"nihss"}, []UnitRange{{"", 0, 42}}, "Brott et al., Stroke 1989: 15 items"},
	{[]string{"mmse"}, []UnitRange{{"", 0, 30}}, "Folstein et al., J Psychiatr Res 1975"},
	{[]string{"phq9"}, []UnitRange{{"", 0, 27}}, "Kroenke et al., J Gen Intern Med 2001"},
	{
		[]string{
			"resprate", "respiratoryrate", "resp", "glucose", "bloodglucose", "fastingglucose", "creatinine", "crea", "creat",
			"sodium", "potassium", "chloride", "bicarbonate", "hco3", "calcium", "magnesium", "phosphate", "lactate", "urea",
			"bun", "bloodureanitrogen", "albumin", "bilirubin", "totalbilirubin", "cholesterol", "chol", "totalcholesterol",
			"hdl", "ldl", "triglycerides", "hemoglobin", "haemoglobin", "hgb", "hba1c", "wbc", "wblc", "platelets", "plateletcount",
			"alt", "ast", "alp", "ggt", "crp", "troponin", "troponint", "troponini", "insulin", "psa", "pao2", "paco2", "inr", "ferritin",
			"los", "lengthofstay", "urineoutput", "pregnancies", "parity",
		},
		[]UnitRange{{"", 0, inf}},
		"a concentration, count or duration is not negative",
	},
}

// Limits returns the shipped limits, for the reference documentation.
func Limits() []Limit { return slices.Clone(shippedLimits) }

var limitOf = func() map[string]*Limit {
	m := make(map[string]*Limit)
	for i := range shippedLimits {
		for _, n := range shippedLimits[i].Names {
			m[n] = &shippedLimits[i]
		}
	}
	return m
}()

// squeeze leaves a name's letters and digits, in small letters.
func squeeze(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// unitNames maps the spellings of a unit, UCUM's among them, to the name that the tables of this package use.
var unitNames = map[string]string{
	"year": "year", "years": "year", "yr": "year", "yrs": "year", "y": "year", "a": "year",
	"month": "month", "months": "month", "mo": "month", "day": "day", "days": "day", "d": "day",
	"bpm": "/min", "beats/min": "/min", "/min": "/min", "1/min": "/min", "{beats}/min": "/min",
	"mmhg": "mmhg", "mm[hg]": "mmhg", "mm hg": "mmhg", "kpa": "kpa",
	"c": "c", "°c": "c", "cel": "c", "degc": "c", "celsius": "c", "f": "f", "°f": "f", "[degf]": "f", "degf": "f", "fahrenheit": "f",
	"cm": "cm", "m": "m", "mm": "mm", "in": "in", "[in_i]": "in", "inch": "in", "inches": "in",
	"kg": "kg", "lb": "lb", "lbs": "lb", "[lb_av]": "lb", "g": "g",
	"kg/m2": "kg/m2", "kg/m^2": "kg/m2", "kg/m²": "kg/m2", "%": "%", "percent": "%",
}

// allows is the range that holds for a column of the given unit; ok is false when the unit is a foreign one.
func (l *Limit) allows(unit string) (r Range, ok bool) {
	if unit == "" || l.Units[0].Unit == "" {
		r = Range{inf, -inf}
		for _, u := range l.Units {
			r.Low, r.High = min(r.Low, u.Low), max(r.High, u.High)
		}
		return r, true
	}
	name := unitNames[strings.ToLower(strings.TrimSpace(unit))]
	for _, u := range l.Units {
		if u.Unit == name {
			return Range{u.Low, u.High}, true
		}
	}
	return Range{}, false
}

// givenRange is the range that the study or, failing that, the table's schema gives.
func (s *session) givenRange(c *column) (Range, bool) {
	if r, ok := s.o.Ranges[c.Name]; ok {
		return r, true
	}
	r := Range{-inf, inf}
	if s.t.Spec == nil {
		return r, false
	}
	spec := s.t.Spec.Column(c.Name)
	if spec == nil || spec.Min == nil && spec.Max == nil {
		return r, false
	}
	if spec.Min != nil {
		r.Low = *spec.Min
	}
	if spec.Max != nil {
		r.High = *spec.Max
	}
	return r, true
}

// checkLimits holds a column against the study's range or, where it gives none, against the shipped limit.
func (s *session) checkLimits(c *column) {
	if c.Kind != table.Numeric || len(c.order) == 0 {
		return
	}
	r, given := s.givenRange(c)
	source := "the plausible range of the study or schema"
	if !given {
		l := limitOf[squeeze(c.Name)]
		if l == nil {
			return
		}
		var ok bool
		if r, ok = l.allows(c.Unit); !ok {
			return
		}
		source = l.Source
	}
	out := func(v float64) bool { return v < r.Low || v > r.High }
	if !out(c.sorted[0]) && !out(c.sorted[len(c.sorted)-1]) {
		return
	}
	f := rowsWhere(s.t.Rows, func(i int) bool { return out(c.Num[i]) && !math.IsInf(c.Num[i], 0) }).
		finding("impossible-value", fault.Severe, c.Name)
	unit := ""
	if c.Unit != "" {
		unit = " " + c.Unit
	}
	f.Message = fmt.Sprintf("%s outside %g to %g%s", counted(f.Count, "value lies", "values lie"), r.Low, r.High, unit)
	f.Hint = "correct them or mark them missing (" + source + ")"
	c.add(f)
}
