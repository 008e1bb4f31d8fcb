package event

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"galen.dev/fault"
	"galen.dev/medcode"
	"galen.dev/medcode/ucum"
)

// maxCodes bounds the vocabulary: a column of codes with more different words is none.
const maxCodes = 1 << 20

// maxName bounds a code or an identifier, in bytes.
const maxName = 1000

// coder numbers codes and units as they are written, in their usual form, and brings the values of a code into one unit:
// the one that is used most (of equals the first by the alphabet).
type coder struct {
	words      *Vocabulary
	log        *findings
	substances map[string]ucum.Substance
	codes      map[string]int32
	units      map[string]int32
	pairs      map[pair]*pairUse
	decided    bool
	spelled    map[string]string
	badCode    map[int32]bool
	badUnit    map[int32]bool
}

type pair struct{ code, unit int32 }

type pairUse struct {
	n       int
	rows    []int
	file    string
	convert *ucum.Converter
	to      int32
	clash   bool
}

func newCoder(words *Vocabulary, log *findings, substances map[string]ucum.Substance) *coder {
	return &coder{words: words, log: log, substances: substances, codes: map[string]int32{}, units: map[string]int32{}, pairs: map[pair]*pairUse{}, spelled: map[string]string{}, badCode: map[int32]bool{}, badUnit: map[int32]bool{}}
}

// code numbers a code as the source has it. A code that names a known vocabulary, as LOINC|2345-7, LOINC//2345-7 or
// http://loinc.org|2345-7, is brought into its usual form, LOINC/2345-7. It is -1 where there are too many.
func (c *coder) code(text []byte, file string, row int) int32 {
	n, ok := c.codes[string(text)]
	if !ok {
		if len(c.codes) >= maxCodes {
			c.log.row("codes", fault.Severe, file, row, "there are more than 1048576 different codes", "check which column holds the codes")
			return -1
		}
		name, good := normal(string(text))
		n = c.words.Code(name)
		c.codes[string(text)] = n
		if !good {
			c.badCode[n] = true
		}
	}
	if len(c.badCode) > 0 && c.badCode[n] {
		c.log.row("code-form", fault.Warning, file, row, "codes have not the form that their vocabulary has", "they are taken as they are; check for typing errors")
	}
	return n
}

var answer = regexp.MustCompile(`^L[AP][0-9]{1,7}-[0-9]$`)

// normal is the usual form of a code. good is false where its vocabulary is known and has no such form.
func normal(text string) (name string, good bool) {
	system, code, ok := strings.Cut(text, "|")
	if !ok {
		// The system of an address that holds slashes is "http:", which is none.
		if system, code, ok = strings.Cut(text, "/"); !ok {
			return text, true
		}
		code = strings.TrimPrefix(code, "/")
	}
	s, ok := medcode.SystemOf(system)
	if !ok {
		return text, true
	}
	// What follows another pair of slashes is MEDS's way to say more, such as LOINC//2345-7//start.
	code, more, has := strings.Cut(code, "//")
	if has {
		more = "//" + more
	}
	// LOINC's answers (LA) and parts (LP) have a check digit by another rule, which is not published.
	if s == medcode.LOINC && answer.MatchString(code) {
		return string(s) + "/" + code + more, true
	}
	usual, err := medcode.Parse(s, code)
	if err != nil {
		return string(s) + "/" + code + more, false
	}
	return string(s) + "/" + usual + more, true
}

// unit numbers a unit as the source has it, as UCUM spells it, and reports one that UCUM does not know.
func (c *coder) unit(text []byte, file string, row int) int32 {
	n, known := c.unitNumber(text)
	if !known {
		c.log.row("unit-unknown", fault.Severe, file, row, "units are unknown to UCUM", "write them as UCUM does, or allow unit-unknown to take them as they are")
	}
	return n
}

// maxUnits bounds the units of a vocabulary; what exceeds it counts as unknown.
const maxUnits = 1 << 16

func (c *coder) unitNumber(text []byte) (n int32, known bool) {
	if len(text) == 0 {
		return 0, true
	}
	if n, ok := c.units[string(text)]; ok {
		return n, len(c.badUnit) == 0 || !c.badUnit[n]
	}
	if len(c.units) >= maxUnits || len(text) > maxName {
		return 0, false
	}
	word := strings.TrimSpace(string(text))
	usual, known := ucum.Spell(word)
	if !known {
		usual = strings.ToValidUTF8(word, "?")
	} else if usual != word {
		c.spelled[word] = usual
	}
	n = c.words.Unit(usual)
	c.units[string(text)] = n
	if !known {
		c.badUnit[n] = true
	}
	return n, known
}

// use counts a unit of a code.
func (c *coder) use(e *Event, file string) {
	if e.Value != e.Value {
		return
	}
	p := pair{e.Code, e.Unit}
	u := c.pairs[p]
	if u == nil {
		if len(c.pairs) >= 4*maxCodes {
			c.log.row("units", fault.Severe, file, int(e.Row), "there are more than 4194304 pairs of a code and a unit", "check which columns hold the codes and the units")
			return
		}
		u = &pairUse{file: file}
		c.pairs[p] = u
	}
	u.n++
	if len(u.rows) < fault.MaxRows && u.file == file {
		u.rows = append(u.rows, int(e.Row))
	}
}

// decide chooses the unit of each code, after all events are counted and before the first is handed out.
func (c *coder) decide() {
	c.decided = true
	list := make([]pair, 0, len(c.pairs))
	for p := range c.pairs {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.code, b.code), cmp.Compare(min(b.unit, 1), min(a.unit, 1)), cmp.Compare(c.pairs[b].n, c.pairs[a].n), strings.Compare(c.words.Units[a.unit], c.words.Units[b.unit]))
	})
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].code == list[0].code {
			n++
		}
		if n > 1 {
			to := c.mostUsed(list[:n])
			for _, from := range list[:n] {
				if from != to {
					c.convert(to, from)
				}
			}
		}
		list = list[n:]
	}
}

// mostUsed is the unit that most values have, where spellings of one unit, such as mg/dL and mg/dl, count together.
func (c *coder) mostUsed(list []pair) pair {
	best, most := list[0], 0
	for _, p := range list[:min(len(list), 20)] { // more spellings of one unit than this are an accident
		n := 0
		for _, q := range list {
			if k, err := c.converter(q, p); q == p || err == nil && q.unit != 0 && p.unit != 0 && k.Convert(0) == 0 && math.Abs(k.Convert(1)-1) < 1e-12 {
				n += c.pairs[q].n
			}
		}
		if n > most && (p.unit != 0 || len(list) == 1) {
			best, most = p, n
		}
	}
	return best
}

func (c *coder) converter(from, to pair) (ucum.Converter, error) {
	a, err := ucum.Parse(c.words.Units[from.unit])
	if err != nil {
		return ucum.Converter{}, err
	}
	b, err := ucum.Parse(c.words.Units[to.unit])
	if err != nil {
		return ucum.Converter{}, err
	}
	return ucum.NewConverter(a, b, c.substances[c.words.Codes[to.code]])
}

func (c *coder) convert(to, from pair) {
	u := c.pairs[from]
	u.to = to.unit
	if from.unit == 0 {
		c.many("unit-missing", fault.Warning, u, "values have no unit where others of the same code have one", "they are taken to be in the unit of the others")
		return
	}
	if k, err := c.converter(from, to); err == nil {
		u.convert = &k
		return
	}
	u.clash = true
	c.many("unit-clash", fault.Severe, u, "values of one code have units that do not convert into each other", "give a code to each, or allow unit-clash to leave out those of the rarer unit")
}

func (c *coder) many(name string, severity fault.Severity, u *pairUse, message, hint string) {
	for _, row := range u.rows {
		c.log.row(name, severity, u.file, row, message, hint)
	}
	if at, ok := c.log.index[findingKey{name, u.file, message}]; ok {
		list := c.log.severe
		if at.mild {
			list = c.log.mild
		}
		list[at.at].Count += u.n - len(u.rows)
	}
}

// unify brings a value into the unit of its code. It is false where the event is left out.
func (c *coder) unify(e *Event) bool {
	if !c.decided || e.Value != e.Value {
		return true
	}
	u := c.pairs[pair{e.Code, e.Unit}]
	switch {
	case u == nil:
	case u.clash:
		c.log.leave("values in a unit that does not convert", 1)
		return false
	case u.convert != nil:
		// Fifteen digits: 1.8 g/L are 180 mg/dL, not 180.00000000000003.
		e.Unit = u.to
		if v, err := strconv.ParseFloat(strconv.FormatFloat(u.convert.Convert(e.Value), 'g', 15, 64), 64); err == nil {
			e.Value = v
		}
	case u.to != 0:
		e.Unit = u.to
	}
	return true
}

// notes reports spellings and conversions.
func (c *coder) notes() {
	for from, to := range c.spelled {
		c.log.note(fmt.Sprintf("unit %q is written %q", from, to), 1)
	}
	for p, u := range c.pairs {
		if u.convert != nil {
			c.log.note(fmt.Sprintf("%s: values in %s turned into %s", c.words.Codes[p.code], c.words.Units[p.unit], c.words.Units[u.to]), u.n)
		}
	}
}
