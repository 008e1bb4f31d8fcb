package safety

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"galen.dev/fault"
	"galen.dev/medcode"
	"galen.dev/medcode/ucum"
)

// Kind is what a rule goes by.
type Kind string

// The kinds of rules.
const (
	Interaction Kind = "interaction" // two drugs
	Condition   Kind = "condition"   // a diagnosis, by ICD-10
	Lab         Kind = "lab"         // a measurement or the age
	Pregnant    Kind = "pregnancy"
	Allergy     Kind = "allergy"
	Duplicate   Kind = "duplicate" // another drug of the same ATC level 4
)

var kinds = []Kind{Interaction, Condition, Lab, Pregnant, Allergy, Duplicate}

// Action is what a rule does, from mild to hard.
type Action string

// The actions. Off is for a later file that switches a rule of an earlier one off.
const (
	Warn   Action = "warn"
	Limit  Action = "limit" // a dose that must not be exceeded
	Forbid Action = "forbid"
	Off    Action = "off"
)

var (
	actions    = []Action{Warn, Limit, Forbid, Off}
	severities = []string{"low", "moderate", "high"}
)

// Rule is one line of a file of rules.
type Rule struct {
	ID        string `json:"id"`
	Kind      Kind   `json:"kind"`
	Drug      string `json:"-"` // as written: names, ATC codes and classes, parted by semicolons
	Other     string `json:"-"` // of interactions: the other side; of duplicates: exempt ATC classes
	Condition string `json:"condition,omitempty"`
	Severity  string `json:"severity"` // low, moderate or high
	Action    Action `json:"action"`
	Limit     string `json:"limit,omitempty"` // of Limit: the largest dose, as number and UCUM unit
	Text      string `json:"text"`
	Source    string `json:"source"`
	Year      int    `json:"year"`
	File      string `json:"-"`
	Line      int    `json:"-"`

	drugs, others []bool
	codes         []span
	lab           threshold
	trimester     int // 0 = any
	allergens     []Allergen
	itself        bool // allergy to the very drug
	exempt        []string
}

// hardness orders actions.
func (r *Rule) hardness() int { return slices.Index(actions, r.Action) }

// span is a range of ICD-10: codes without their dot that begin with low, or whose category is from low to high.
type span struct{ low, high string }

func (p span) holds(code string) bool {
	if p.high == "" {
		return strings.HasPrefix(code, p.low)
	}
	return len(code) >= 3 && code[:3] >= p.low && code[:3] <= p.high
}

// Code brings an ICD-10 code into the form that Patient takes.
func Code(text string) (string, error) {
	code, err := medcode.Parse(medcode.ICD10, text)
	if err != nil {
		return "", fault.Errorf(fault.Data, "a diagnosis is no code of ICD-10")
	}
	return strings.ReplaceAll(code, ".", ""), nil
}

func parseCodes(text string) ([]span, error) {
	var out []span
	for _, word := range split(text) {
		low, high, ranged := strings.Cut(word, "-")
		a, err := Code(low)
		b := ""
		if err == nil && ranged {
			b, err = Code(high)
		}
		if err != nil || ranged && (len(a) != 3 || len(b) != 3 || b < a) {
			return nil, fmt.Errorf("%q is no code, category or range of ICD-10", word)
		}
		out = append(out, span{a, b})
	}
	if out == nil {
		return nil, fmt.Errorf("names no diagnosis")
	}
	return out, nil
}

// Analyte is a measurement that rules may go by.
type Analyte int

// The analytes, in the units of Unit.
const (
	Age Analyte = iota
	EGFR
	CrCl
	ALT
	AST
	Bilirubin
	Potassium
	Sodium
	Platelets
	Neutrophils
	Haemoglobin
	QTc
	HeartRate
	INR
	Analytes int = iota
)

// analytes have names and units; molar masses (g/mol) and charges let mass, amount and equivalents be converted.
var analytes = [Analytes]struct {
	name, unit string
	substance  ucum.Substance
}{
	{name: "age", unit: "a"},
	{name: "egfr", unit: "mL/min/{1.73_m2}"},
	{name: "crcl", unit: "mL/min"},
	{name: "alt", unit: "U/L"},
	{name: "ast", unit: "U/L"},
	{name: "bilirubin", unit: "umol/L", substance: ucum.Substance{MolarMass: 584.66}},
	{name: "potassium", unit: "mmol/L", substance: ucum.Substance{MolarMass: 39.098, Valence: 1}},
	{name: "sodium", unit: "mmol/L", substance: ucum.Substance{MolarMass: 22.990, Valence: 1}},
	{name: "platelets", unit: "10*9/L"},
	{name: "neutrophils", unit: "10*9/L"},
	{name: "haemoglobin", unit: "g/L"},
	{name: "qtc", unit: "ms"},
	{name: "heart-rate", unit: "/min"},
	{name: "inr", unit: "1"},
}

// AnalyteNames lists what rules may measure.
func AnalyteNames() []string {
	out := make([]string, Analytes)
	for i := range analytes {
		out[i] = analytes[i].name
	}
	return out
}

// FindAnalyte finds an analyte by its name.
func FindAnalyte(name string) (Analyte, bool) {
	i := slices.Index(AnalyteNames(), fold(name))
	return Analyte(i), i >= 0
}

// Name is the analyte's name.
func (a Analyte) Name() string { return analytes[a].name }

// Unit is the UCUM unit in which Patient holds the analyte.
func (a Analyte) Unit() string { return analytes[a].unit }

// Converter turns values of a unit, as people write it, into the analyte's own. It refuses a unit that measures
// something else.
func (a Analyte) Converter(unit string) (ucum.Converter, error) {
	code, ok := ucum.Spell(unit)
	if !ok {
		return ucum.Converter{}, fault.Errorf(fault.Data, "%q is no unit of UCUM", unit)
	}
	from, err := ucum.Parse(code)
	if err != nil {
		return ucum.Converter{}, err
	}
	to, err := ucum.Parse(a.Unit())
	if err != nil {
		panic("safety: " + err.Error()) // the table above
	}
	c, err := ucum.NewConverter(from, to, analytes[a].substance)
	if err != nil {
		return c, fault.WithHint(err, "%s is measured in %s or a unit like it", a.Name(), a.Unit())
	}
	return c, nil
}

// threshold is a comparison of an analyte with a value in its own unit.
type threshold struct {
	analyte Analyte
	below   bool // < or <=
	equal   bool
	value   float64
}

func (t threshold) met(v float64) bool {
	switch {
	case t.equal && v == t.value:
		return true
	case t.below:
		return v < t.value
	}
	return v > t.value
}

// beyond tells whether a threshold is met only where another one is met too.
func (t threshold) beyond(o threshold) bool {
	if t.analyte != o.analyte || t.below != o.below {
		return false
	}
	if t.value == o.value {
		return !t.equal || o.equal
	}
	return t.below == (t.value < o.value)
}

// parseThreshold reads "egfr < 30 mL/min/{1.73_m2}".
func parseThreshold(text string) (threshold, error) {
	words := strings.Fields(text)
	if len(words) < 3 {
		return threshold{}, fmt.Errorf("is not of the form: analyte, <, <=, > or >=, number, unit")
	}
	a, ok := FindAnalyte(words[0])
	if !ok {
		return threshold{}, fmt.Errorf("%q is no analyte that rules know: %s", words[0], strings.Join(AnalyteNames(), ", "))
	}
	t := threshold{analyte: a}
	switch words[1] {
	case "<", "<=":
		t.below = true
	case ">", ">=":
	default:
		return t, fmt.Errorf("%q is no comparison: write <, <=, > or >=", words[1])
	}
	t.equal = len(words[1]) == 2
	v, err := strconv.ParseFloat(words[2], 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return t, fmt.Errorf("%q is no number from 0 up", words[2])
	}
	unit := strings.Join(words[3:], " ")
	if unit == "" {
		unit = "1"
	}
	c, err := a.Converter(unit)
	if err != nil {
		return t, err
	}
	t.value = c.Convert(v)
	return t, nil
}
