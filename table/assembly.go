package table

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	"galen.dev/fault"
)

// segment is a run of rows of one column; with no slice set all of them are missing.
type segment struct {
	rows  int
	num   []float64
	codes []int32
	texts []string
}

// assembly joins the parts of one column in the order of the file and infers the column's kind.
type assembly struct {
	name string
	spec *ColumnSchema // nil = inferred
	mode mode

	rows, seen int
	segments   []segment
	levels     []string // modeWords
	index      map[string]int32
	maxLevels  int
	huge       bool // more than maxLevels levels, and yet values repeat
	reread     bool // words turned up after numbers had been read: the file must be read again for this column
	zeroLed    bool
	bad, inf   rowList
	notText    rowList
	unit       string // that the file's type states
}

// join appends a part.
func (a *assembly) join(p *part) {
	a.bad.join(p.bad, a.rows)
	a.inf.join(p.inf, a.rows)
	a.notText.join(p.notText, a.rows)
	a.zeroLed = a.zeroLed || p.zeroLed
	a.rows += p.rows
	if a.reread {
		return
	}
	if p.seen == 0 && p.inf.count == 0 {
		a.segments = append(a.segments, segment{rows: p.rows})
		return
	}
	if a.mode == modeAuto && p.mode != modeAuto {
		if a.seen > 0 || a.inf.count > 0 {
			a.again()
			return
		}
		a.mode = modeWords
	}
	if p.mode == modeAuto && a.mode != modeAuto {
		a.again()
		return
	}
	a.seen += p.seen
	switch p.mode {
	case modeWords:
		a.joinWords(p)
	case modeText:
		if a.mode == modeWords {
			a.toText()
		}
		a.segments = append(a.segments, segment{rows: p.rows, texts: p.texts})
	default:
		a.segments = append(a.segments, segment{rows: p.rows, num: p.num})
	}
}

// again gives up what was read of the column; a second pass will read it as words.
func (a *assembly) again() {
	a.reread = true
	a.segments, a.levels, a.index = nil, nil, nil
}

// joinWords translates a chunk's dictionary into the column's.
func (a *assembly) joinWords(p *part) {
	if a.mode == modeText {
		a.segments = append(a.segments, segment{rows: p.rows, texts: spell(p.codes, p.dict)})
		return
	}
	if a.index == nil {
		a.index = make(map[string]int32)
	}
	to := make([]int32, len(p.dict))
	for i, w := range p.dict {
		code, ok := a.index[w]
		if !ok {
			code = int32(len(a.levels))
			w = strings.Clone(w)
			a.index[w] = code
			a.levels = append(a.levels, w)
		}
		to[i] = code
	}
	for i, c := range p.codes {
		if c >= 0 {
			p.codes[i] = to[c]
		}
	}
	a.segments = append(a.segments, segment{rows: p.rows, codes: p.codes})
	if a.spec == nil && len(a.levels) > a.maxLevels {
		a.huge = 2*len(a.levels) <= a.seen
		a.toText()
	}
}

func (a *assembly) toText() {
	for i, s := range a.segments {
		if s.codes != nil {
			a.segments[i] = segment{rows: s.rows, texts: spell(s.codes, a.levels)}
		}
	}
	a.mode, a.levels, a.index = modeText, nil, nil
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

// gather makes one slice of all segments and frees them on the way; missing fills the segments without values.
func gather[T any](a *assembly, of func(segment) []T, missing T) []T {
	out := make([]T, 0, a.rows)
	for i, s := range a.segments {
		if v := of(s); v != nil {
			out = append(out, v...)
		} else {
			for range s.rows {
				out = append(out, missing)
			}
		}
		a.segments[i] = segment{}
	}
	a.segments = nil
	return out
}

func (a *assembly) gatherNum() []float64 {
	return gather(a, func(s segment) []float64 { return s.num }, math.NaN())
}

func (a *assembly) gatherCodes() []int32 {
	return gather(a, func(s segment) []int32 { return s.codes }, -1)
}

func (a *assembly) gatherTexts() []string {
	return gather(a, func(s segment) []string { return s.texts }, "")
}

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
	case modeDate:
		c.Kind, c.Num = Date, a.gatherNum()
	default:
		c.Num = a.gatherNum()
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
			c.Kind, c.Text = Text, spell(a.gatherCodes(), a.levels)
			return []fault.Finding{ambiguousDates(a.name)}
		}
		days := make([]float64, len(a.levels))
		for i, w := range a.levels {
			days[i], _ = parseDate(w, order == monthDay)
		}
		codes := a.gatherCodes()
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
		c.Kind, c.Text = Text, spell(a.gatherCodes(), a.levels)
		return found
	}
	c.Kind, c.Cat, c.Levels = Category, a.gatherCodes(), a.levels
	return found
}

func (a *assembly) inferTexts(c *Column, s *ColumnSchema) []fault.Finding {
	texts := a.gatherTexts()
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
