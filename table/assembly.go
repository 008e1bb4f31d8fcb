package table

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	"galen.dev/fault"
)

// assembly joins the parts of one column in the order of the file and infers the column's kind. One of num, codes
// and texts is in use, as the mode says; it may be shorter than rows, and then its end is missing.
type assembly struct {
	name string
	spec *ColumnSchema // nil = inferred
	mode mode

	rows, seen int
	expect     int // rows that the file seems to have; 0 = not known
	num        []float64
	codes      []int32
	texts      []string
	levels     []string // modeWords
	index      map[string]int32
	epoch      int // counts how often levels began anew
	maxLevels  int
	huge       bool // more than maxLevels levels, and yet values repeat
	reread     bool // words turned up after numbers had been read: the file must be read again for this column
	noDays     bool // words have turned up that are not days
	zeroLed    bool
	bad, inf   rowList
	notText    rowList
	unit       string // that the file's type states
}

// join appends a part and keeps nothing of it but its strings.
func (a *assembly) join(p *part) {
	a.bad.join(p.bad, a.rows)
	a.inf.join(p.inf, a.rows)
	a.notText.join(p.notText, a.rows)
	a.zeroLed = a.zeroLed || p.zeroLed
	if p.missing < p.rows() && !a.reread {
		a.take(p)
	}
	a.rows += p.rows()
}

// take appends a part that holds values.
func (a *assembly) take(p *part) {
	if a.mode == modeAuto && p.mode != modeAuto {
		if a.seen > 0 {
			a.again()
			return
		}
		a.mode = modeWords
	}
	if p.mode == modeAuto && a.mode != modeAuto {
		a.again()
		return
	}
	if a.mode.isISO() || p.mode.isISO() {
		if p = a.agree(p); p == nil {
			return
		}
	}
	a.seen += p.rows() - p.missing
	switch p.mode {
	case modeWords:
		a.joinWords(p)
	case modeText:
		if a.mode == modeWords {
			a.toText()
		}
		a.texts = append(room(a, a.texts, p.rows(), ""), p.texts...)
	default:
		a.num = append(room(a, a.num, p.rows(), math.NaN()), p.num...)
	}
}

// room fills v up to the rows joined so far and makes room for n more. Where the file's rows can be foreseen
// there are few steps and the last one fits; a file that begins with short rows must not make them too long.
func room[T any](a *assembly, v []T, n int, missing T) []T {
	v = roomy(v, a.rows+n, a.expect)
	for len(v) < a.rows {
		v = append(v, missing)
	}
	return v
}

// roomy grows a slice to a capacity of n or more. The steps to the expected rows are eightfold up to the last one, which
// copies an eighth of the column then.
func roomy[T any](v []T, n, expect int) []T {
	if n <= cap(v) {
		return v
	}
	for expect > max(8*n, 1024) {
		expect /= 8
	}
	n = max(n, len(v)+len(v)/4, expect)
	return append(make([]T, 0, n), v...)
}

// whole fills v up to the column's rows and gives back room that is left, unless it is little.
func whole[T any](a *assembly, v *[]T, missing T) []T {
	out := fitted(room(a, *v, 0, missing))
	*v = nil
	return out
}

func fitted[T any](v []T) []T {
	if cap(v)-len(v) > len(v)/16+64 {
		return append(make([]T, 0, len(v)), v...)
	}
	return v[:len(v):len(v)]
}

// agree brings the assembly and a part to the same mode where one of them has days for words. It returns what is
// left to join, or nil.
func (a *assembly) agree(p *part) *part {
	if a.mode == p.mode {
		return p
	}
	if !a.mode.isISO() {
		return wordsOf(a.name, p.num, p.mode)
	}
	if days, ok := daysOf(p.dict.words, a.mode); ok {
		a.seen += p.rows() - p.missing
		a.joinDays(p, days)
		return nil
	}
	q, rows := wordsOf(a.name, room(a, a.num, 0, math.NaN()), a.mode), a.rows
	a.mode, a.noDays, a.num, a.rows, a.seen = modeWords, true, nil, 0, len(q.codes)-q.missing
	a.joinWords(q)
	a.rows = rows
	return p
}

// startDays takes the column's first words as days, if they all have one form.
func (a *assembly) startDays(p *part) bool {
	m, ok := isoMode(p.dict.words[0])
	if !ok {
		return false
	}
	days, ok := daysOf(p.dict.words, m)
	if ok {
		a.mode = m
		a.joinDays(p, days)
	}
	return ok
}

// joinDays appends a part of words that are days.
func (a *assembly) joinDays(p *part, days []float64) {
	a.num = room(a, a.num, p.rows(), math.NaN())
	for _, c := range p.codes {
		if c >= 0 {
			a.num = append(a.num, days[c])
		} else {
			a.num = append(a.num, math.NaN())
		}
	}
}

// again gives up what was read of the column; a second pass will read it as words.
func (a *assembly) again() {
	a.reread = true
	a.num, a.codes, a.texts, a.levels, a.index = nil, nil, nil, nil, nil
}

// joinWords translates a chunk's dictionary into the column's.
func (a *assembly) joinWords(p *part) {
	if a.mode == modeText {
		a.texts = append(room(a, a.texts, p.rows(), ""), spell(p.codes, p.dict.words)...)
		return
	}
	if a.index == nil {
		if a.spec == nil && !a.noDays && a.startDays(p) {
			return
		}
		a.index = make(map[string]int32)
		a.epoch++
	}
	d := p.dict
	if d.epoch != a.epoch {
		d.epoch, d.to = a.epoch, d.to[:0]
	}
	for _, w := range d.words[len(d.to):] {
		code, ok := a.index[w]
		if !ok {
			code = int32(len(a.levels))
			w = strings.Clone(w)
			a.index[w] = code
			a.levels = append(a.levels, w)
		}
		d.to = append(d.to, code)
	}
	a.codes = room(a, a.codes, p.rows(), -1)
	for _, c := range p.codes {
		if c >= 0 {
			c = d.to[c]
		}
		a.codes = append(a.codes, c)
	}
	if a.spec == nil && len(a.levels) > a.maxLevels {
		a.huge = 2*len(a.levels) <= a.seen
		a.toText()
	}
}

func (a *assembly) toText() {
	a.texts = roomy(a.texts, len(a.codes), a.expect)
	for _, c := range a.codes {
		if c >= 0 {
			a.texts = append(a.texts, a.levels[c])
		} else {
			a.texts = append(a.texts, "")
		}
	}
	a.mode, a.codes, a.levels, a.index = modeText, nil, nil, nil
}

func spell(codes []int32, levels []string) []string {
	out := make([]string, len(codes))
	for i, c := range codes {
		if c >= 0 {
			out[i] = levels[c]
		}
	}
	return out
}

func (a *assembly) wholeNum() []float64  { return whole(a, &a.num, math.NaN()) }
func (a *assembly) wholeCodes() []int32  { return whole(a, &a.codes, -1) }
func (a *assembly) wholeTexts() []string { return whole(a, &a.texts, "") }

// column finishes the assembly: the column, its schema, and what was found. Severe findings refuse the table.
func (a *assembly) column() (c *Column, s ColumnSchema, found []fault.Finding) {
	if a.spec != nil {
		c, s, found = a.specified()
	} else {
		c, s, found = a.inferred()
	}
	if a.notText.count > 0 {
		found = append(found, fault.Finding{
			Name: "not-text", Severity: fault.Severe, Column: a.name, Rows: a.notText.rows, Count: a.notText.count,
			Message: "bytes that are not UTF-8 text", Hint: "write the column as strings, or leave it out",
		})
	}
	return c, s, found
}

func (a *assembly) inferred() (*Column, ColumnSchema, []fault.Finding) {
	c := &Column{Name: a.name}
	s := ColumnSchema{Name: a.name}
	var found []fault.Finding
	switch a.mode {
	case modeWords:
		found = a.inferWords(c, &s)
	case modeText:
		found = a.inferTexts(c, &s)
	case modeDate, modeDays, modeTimes, modeTimesT:
		c.Kind, c.Num = Date, a.wholeNum()
	default:
		c.Num = a.wholeNum()
		if c.Unit = unitInHeader(a.name); c.Unit == "" {
			c.Unit = a.unit
		}
		found = a.numberFindings()
	}
	s.Kind, s.Unit, s.Levels = c.Kind, c.Unit, c.Levels
	return c, s, found
}

func (a *assembly) numberFindings() (found []fault.Finding) {
	if a.inf.count > 0 {
		found = append(found, fault.Finding{
			Name: "infinite-value", Severity: fault.Severe, Column: a.name, Rows: a.inf.rows, Count: a.inf.count,
			Message: "infinite values, or numbers too large for a 64-bit float",
			Hint:    "leave the cell empty where a value is not known",
		})
	}
	if a.zeroLed {
		found = append(found, fault.Finding{
			Name: "leading-zeros", Severity: fault.Info, Column: a.name,
			Message: "whole numbers with leading zeros were read as numbers",
			Hint:    "if they are identifiers or codes, set kind: text or kind: code in the schema",
		})
	}
	return found
}

// inferWords decides between dates, categories and text by the distinct strings.
func (a *assembly) inferWords(c *Column, s *ColumnSchema) []fault.Finding {
	if order, n := dateOrder(a.levels); n == len(a.levels) {
		if order == unclear {
			c.Kind, c.Text = Text, spell(a.wholeCodes(), a.levels)
			return []fault.Finding{ambiguousDates(a.name)}
		}
		days := make([]float64, len(a.levels))
		for i, w := range a.levels {
			days[i], _ = parseDate(w, order == monthDay)
		}
		codes := a.wholeCodes()
		c.Kind, c.Num = Date, make([]float64, len(codes))
		for i, k := range codes {
			if c.Num[i] = math.NaN(); k >= 0 {
				c.Num[i] = days[k]
			}
		}
		s.Format = dayOrders[order]
		return nil
	}
	found := a.decimalCommas(a.levels)
	d := len(a.levels)
	if d > 20 && 2*d > a.seen || d >= 10 && d == a.seen {
		c.Kind, c.Text = Text, spell(a.wholeCodes(), a.levels)
		return found
	}
	c.Kind, c.Cat, c.Levels = Category, a.wholeCodes(), a.levels
	return found
}

func (a *assembly) inferTexts(c *Column, s *ColumnSchema) []fault.Finding {
	texts := a.wholeTexts()
	if order, n := dateOrder(texts); n == len(texts) {
		if order == unclear {
			c.Kind, c.Text = Text, texts
			return []fault.Finding{ambiguousDates(a.name)}
		}
		c.Kind, c.Num = Date, make([]float64, len(texts))
		for i, w := range texts {
			if c.Num[i] = math.NaN(); w != "" {
				c.Num[i], _ = parseDate(w, order == monthDay)
			}
		}
		s.Format = dayOrders[order]
		return nil
	}
	c.Kind, c.Text = Text, texts
	if found := a.decimalCommas(texts); found != nil {
		return found
	}
	if a.huge {
		return []fault.Finding{{
			Name: "huge-category", Severity: fault.Warning, Column: a.name,
			Message: fmt.Sprintf("more than %d distinct values; read as text", a.maxLevels),
			Hint:    "set kind: category or kind: code in the schema if they are levels",
		}}
	}
	return nil
}

// decimalCommas finds columns that would be numbers if a comma were a decimal point. Whether 1,234 is more than a
// thousand or a little over one is not guessed.
func (a *assembly) decimalCommas(words []string) []fault.Finding {
	commas := 0
	for _, w := range words {
		commas += strings.Count(w, ",")
		if _, form := parseNumber(bytes.Replace([]byte(w), []byte{','}, []byte{'.'}, 1)); w != "" && form == notNumber {
			return nil
		}
	}
	if commas == 0 {
		return nil
	}
	return []fault.Finding{{
		Name: "decimal-commas", Severity: fault.Warning, Column: a.name,
		Message: "numbers with a comma, which were not read as numbers",
		Hint:    "write them with a decimal point and without separators of thousands",
	}}
}

// unclear says that every date of a column can be read in two ways, or that the column mixes both orders.
const unclear dayOrder = 255

// dateOrder tells how many of the strings, up to the first that fails, are dates or empty, and the order of
// day and month that they settle.
func dateOrder(words []string) (order dayOrder, n int) {
	var day, month, either bool
	for n, w := range words {
		if w == "" {
			continue
		}
		switch _, form := parseDate(w, false); form {
		case notDate:
			return noOrder, n
		case dayFirst:
			day = true
		case monthLead:
			month = true
		case eitherWay:
			either = true
		}
	}
	switch {
	case day && month, either && !day && !month:
		return unclear, len(words)
	case day:
		return dayMonth, len(words)
	case month:
		return monthDay, len(words)
	}
	return noOrder, len(words)
}

func ambiguousDates(name string) fault.Finding {
	return fault.Finding{
		Name: "ambiguous-dates", Severity: fault.Warning, Column: name,
		Message: "dates whose order of day and month cannot be told; left as text",
		Hint:    "set kind: date with format: d/m/y or format: m/d/y in the schema, or write dates as 2020-12-31",
	}
}
