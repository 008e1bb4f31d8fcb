package course

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"galen.dev/event"
	"galen.dev/fault"
	"galen.dev/medcode"
	"galen.dev/medcode/ucum"
)

// plan is how a stay becomes what a model sees. It is made from training stays alone, and apply follows the same one.
type plan struct {
	Format  int          `json:"format"`
	Declare *declaration `json:"declaration"`
	Bin     float64      `json:"bin_h"`
	Value   string       `json:"value"` // mean or last
	Steps   int          `json:"steps"` // of the grid
	Tokens  int          `json:"tokens"`
	RollUp  string       `json:"roll_up"`
	// Timed are the codes over time, Static those that are known from the start. A code may be both.
	Timed  []variable `json:"timed"`
	Static []variable `json:"static"`
	// Words are the codes that basic-rnn reads; token k+1 is the k-th.
	Words []string `json:"words"`
	// Hidden are codes that no model sees: facts, which are known when a stay is over.
	Hidden []string `json:"hidden,omitempty"`
}

const planFormat = 1

// variable is one code, or several that are rolled up into one.
type variable struct {
	Code  string `json:"code"`
	Unit  string `json:"unit,omitempty"`  // canonical, in UCUM where it is known there
	Coded bool   `json:"coded,omitempty"` // has no values: that it occurs is what it says
	// Low and High bound what is possible, in the canonical unit.
	Low  *float64 `json:"low,omitempty"`
	High *float64 `json:"high,omitempty"`
	// Mean and SD are over the training events within the bounds.
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`
	// Levels are the values of a static code that has few: each is a yes or no for networks and regression.
	Levels []float64 `json:"levels,omitempty"`
	// Stays is the number of training samples that have it. For information only, as are the next two.
	Stays      int   `json:"stays"`
	Events     int64 `json:"events"`
	Impossible int   `json:"impossible"` // training events out of bounds: missing
}

// maxLevels is how many values a static code may have to be taken for a category.
const maxLevels = 8

// bounds of what is possible of well-known codes: wide enough for any living patient, and narrow enough for what is
// plainly another quantity or a slip of the pen. By the names of the Challenge 2012 and by LOINC.
var bounds = map[string][2]float64{
	"HR": {1, 350}, "LOINC/8867-4": {1, 350},
	"Temp": {20, 45}, "LOINC/8310-5": {20, 45},
	"SysABP": {1, 350}, "NISysABP": {1, 350}, "LOINC/8480-6": {1, 350},
	"DiasABP": {1, 250}, "NIDiasABP": {1, 250}, "LOINC/8462-4": {1, 250},
	"MAP": {1, 300}, "NIMAP": {1, 300}, "LOINC/8478-0": {1, 300},
	"RespRate": {1, 150}, "LOINC/9279-1": {1, 150},
	"SaO2": {10, 100}, "LOINC/2708-6": {10, 100}, "LOINC/59408-5": {10, 100},
	"pH": {6.3, 8.2}, "LOINC/2744-1": {6.3, 8.2},
	"PaO2": {5, 800}, "PaCO2": {5, 250}, "FiO2": {.15, 1}, "GCS": {3, 15}, "LOINC/9269-2": {3, 15},
	"Weight": {1, 500}, "LOINC/29463-7": {.2, 500}, "Height": {30, 250}, "LOINC/8302-2": {20, 250}, "Age": {0, 130},
	"Na": {80, 220}, "LOINC/2951-2": {80, 220}, "K": {.5, 20}, "LOINC/2823-3": {.5, 20}, "Glucose": {1, 3000}, "HCT": {2, 80}, "Lactate": {.05, 50},
	"Mg": {.1, 20}, "Gender": {0, 1}, "Creatinine": {.01, 50},
}

// rolled joins codes as the study says. Codes that belong to no known vocabulary stay.
func rolled(code, how string) string {
	if how == "none" {
		return code
	}
	at := strings.LastIndex(code, "/")
	if at < 0 {
		return code
	}
	name, rest := code[:at], code[at+1:]
	system, ok := medcode.SystemOf(name[strings.LastIndex(name, "/")+1:])
	if !ok {
		return code
	}
	up := ""
	switch system {
	case medcode.ICD10:
		switch how {
		case "category":
			up = medcode.Category(rest)
		case "block":
			if g, ok := medcode.Block(rest); ok {
				up = g.Range
			}
		case "chapter":
			if g, ok := medcode.Chapter(rest); ok {
				up = fmt.Sprintf("chapter %d", g.Chapter)
			}
		}
	case medcode.ATC:
		up = medcode.ATCAt(rest, map[string]int{"category": 4, "block": 3, "chapter": 1}[how])
	}
	if up == "" {
		return code
	}
	return name + "/" + up
}

// reader maps the codes and units of one set to a plan's variables.
type reader struct {
	*plan
	timed, static, word []int32     // of each code: a place in Timed, Static, Words; -1 = none
	factor              [][]*scale  // of each timed variable, by unit
	staticFactor        [][]*scale  // likewise of each static one
	names               []aggregate // the numbers that trees and regression see
}

// scale turns values of one unit into the canonical one; nil where they do not convert.
type scale struct {
	same bool
	c    ucum.Converter
}

func (s *scale) value(v float64) float64 {
	if s.same {
		return v
	}
	return s.c.Convert(v)
}

// reader readies the plan for a set.
func (p *plan) reader(words *event.Vocabulary) *reader {
	r := &reader{plan: p, timed: make([]int32, len(words.Codes)), static: make([]int32, len(words.Codes)), word: make([]int32, len(words.Codes))}
	place := func(vars []variable, name string) int32 {
		return int32(slices.IndexFunc(vars, func(v variable) bool { return v.Code == name }))
	}
	token := map[string]int32{}
	for k, w := range p.Words {
		token[w] = int32(k)
	}
	for c, name := range words.Codes {
		name = rolled(name, p.RollUp)
		r.timed[c], r.static[c], r.word[c] = place(p.Timed, name), place(p.Static, name), -1
		if k, ok := token[name]; ok {
			r.word[c] = k
		}
	}
	for k := range p.Timed {
		r.factor = append(r.factor, scales(p.Timed[k].Unit, words.Units))
	}
	for k := range p.Static {
		r.staticFactor = append(r.staticFactor, scales(p.Static[k].Unit, words.Units))
	}
	r.names = p.aggregates()
	for _, code := range append([]string{p.Declare.Outcome}, p.Hidden...) {
		if c := words.Find(code); c >= 0 {
			r.timed[c], r.static[c], r.word[c] = -1, -1, -1
		}
	}
	return r
}

func scales(to string, units []string) []*scale {
	out := make([]*scale, len(units))
	for u, from := range units {
		out[u] = scaleOf(from, to)
	}
	return out
}

// scaleOf finds the way from one unit to another. A value without a unit is taken to be in the canonical one.
func scaleOf(from, to string) *scale {
	if from == "" || to == "" || from == to {
		return &scale{same: true}
	}
	from, to = spelt(from), spelt(to)
	if from == to {
		return &scale{same: true}
	}
	a, err := ucum.Parse(from)
	if err != nil {
		return nil
	}
	b, err := ucum.Parse(to)
	if err != nil {
		return nil
	}
	c, err := ucum.NewConverter(a, b, ucum.Substance{})
	if err != nil {
		return nil
	}
	return &scale{c: c}
}

func spelt(unit string) string {
	if code, ok := ucum.Spell(unit); ok {
		return code
	}
	return unit
}

// tally is what the training events of one code add up to.
type tally struct {
	n          int64   // with a value, within bounds
	sum, sum2  float64 // of values, shifted by the first one
	shift      float64
	impossible int
	levels     []float64 // distinct values, up to maxLevels+1
}

func (t *tally) add(v float64) {
	if t.n == 0 {
		t.shift = v
	}
	t.n++
	d := v - t.shift
	t.sum += d
	t.sum2 += d * d
	t.level(v)
}

func (t *tally) level(v float64) {
	if len(t.levels) <= maxLevels && !slices.Contains(t.levels, v) {
		t.levels = append(t.levels, v)
	}
}

// merge adds another tally; the order of merging is fixed, so the sums are.
func (t *tally) merge(o *tally) {
	t.impossible += o.impossible
	for _, v := range o.levels {
		t.level(v)
	}
	if o.n == 0 {
		return
	}
	if t.n == 0 {
		t.shift = o.shift
	}
	d := o.shift - t.shift
	t.sum2 += o.sum2 + 2*d*o.sum + d*d*float64(o.n)
	t.sum += o.sum + d*float64(o.n)
	t.n += o.n
}

func (t *tally) moments() (mean, sd float64) {
	if t.n == 0 {
		return 0, 1
	}
	n := float64(t.n)
	mean = t.shift + t.sum/n
	sd = math.Sqrt(max(0, t.sum2/n-(t.sum/n)*(t.sum/n)))
	if !(sd > 1e-9*math.Abs(mean)) || sd == 0 {
		sd = 1
	}
	return mean, sd
}

// unitOf is the commonest unit of a code, spelt in UCUM where that is known.
func unitOf(counts []int64, units []string) string {
	best := -1
	for u := 1; u < len(counts); u++ {
		if counts[u] > 0 && (best < 0 || counts[u] > counts[best]) {
			best = u
		}
	}
	if best < 0 {
		return ""
	}
	return spelt(units[best])
}

// clashFinding names the rows of events whose unit does not convert.
func clashFinding(code, file string, rows []int, count int) fault.Finding {
	return fault.Finding{Name: "unit-clash", Severity: fault.Severe, File: file, Column: code, Rows: rows, Count: count, Message: "values are in a unit that does not convert to the commonest one of this code", Hint: "mend the unit, or give the two measurements codes of their own"}
}

// rank sorts variables by the number of samples that have them, then by name.
func rank(vars []variable) {
	slices.SortFunc(vars, func(a, b variable) int {
		return cmp.Or(cmp.Compare(b.Stays, a.Stays), cmp.Compare(a.Code, b.Code))
	})
}
