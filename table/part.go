package table

import (
	"math"
	"unsafe"

	"galen.dev/fault"
)

// mode is how the cells of a column are being read.
type mode uint8

const (
	modeAuto   mode = iota // numbers until a cell is none; then the column is read again as words
	modeNumber             // a schema says numbers: other cells are findings
	modeDate               // a schema says dates: other cells are findings
	modeWords              // a dictionary of distinct strings
	modeText               // every string by itself
)

// rowList remembers the first rows of a kind of trouble and counts all.
type rowList struct {
	rows  []int
	count int
}

func (l *rowList) add(row int) {
	if l.count++; len(l.rows) < fault.MaxRows {
		l.rows = append(l.rows, row)
	}
}

// join appends another list whose rows start at base.
func (l *rowList) join(m rowList, base int) {
	for _, r := range m.rows {
		if len(l.rows) < fault.MaxRows {
			l.rows = append(l.rows, base+r)
		}
	}
	l.count += m.count
}

// part is one column of one chunk. Which slice is set follows from the mode. Rows are 1-based in the chunk.
type part struct {
	name  string
	mode  mode
	marks *markers
	order dayOrder

	rows, seen int // cells so far, and those that are not missing
	broken     bool
	own        bool // from a file that WriteParquet made: numbers in a date column are days
	zeroLed    bool
	bad, inf   rowList
	notText    rowList   // bytes that are not UTF-8
	num        []float64 // modeAuto, modeNumber, modeDate
	codes      []int32   // modeWords: index into dict, -1 = missing
	dict       []string
	index      map[string]int32
	last       string
	lastCode   int32
	texts      []string // modeText
	space      []byte   // where the next strings go
}

func newPart(name string, m mode, marks *markers, order dayOrder, capacity int) *part {
	p := &part{name: name, mode: m, marks: marks, order: order}
	switch m {
	case modeWords:
		p.codes = make([]int32, 0, capacity)
		p.index = map[string]int32{"": -1}
		p.lastCode = -1
	case modeText:
		p.texts = make([]string, 0, capacity)
	default:
		p.num = make([]float64, 0, capacity)
	}
	return p
}

// addNumber adds a number that scanNumber has read; the mode is modeAuto or modeNumber.
func (p *part) addNumber(v float64, form numeral) {
	p.rows++
	if form != plain {
		switch {
		case form == zeroLed:
			p.zeroLed = true
		case form == infinite:
			p.inf.add(p.rows)
			v = math.NaN()
		case p.mode == modeAuto:
			p.broken = true
		}
	}
	if p.marks.numbers != nil && p.marks.missingNumber(v) {
		p.num = append(p.num, math.NaN())
		return
	}
	p.seen++
	p.num = append(p.num, v)
}

// skip adds a missing cell.
func (p *part) skip() {
	p.rows++
	switch p.mode {
	case modeWords:
		p.codes = append(p.codes, -1)
	case modeText:
		p.texts = append(p.texts, "")
	default:
		p.num = append(p.num, math.NaN())
	}
}

// pad adds missing cells up to a number of rows.
func (p *part) pad(rows int) {
	for p.rows < rows {
		p.skip()
	}
}

// add adds a cell. A cell of type string in JSON is never a number when kinds are inferred.
func (p *part) add(cell []byte, isString bool) {
	switch p.mode {
	case modeWords:
		p.addWord(cell)
	case modeText:
		if p.isMissing(cell) {
			p.skip()
			return
		}
		p.rows++
		p.seen++
		p.texts = append(p.texts, p.keep(cell))
	case modeDate:
		p.addDate(cell)
	default:
		cell = trim(cell)
		if p.marks.missing(cell) {
			p.skip()
			return
		}
		v, form := parseNumber(cell)
		if form != notNumber && !(isString && p.mode == modeAuto) {
			p.addNumber(v, form)
			return
		}
		p.skip()
		if p.mode == modeAuto {
			p.broken = true
		} else {
			p.bad.add(p.rows)
		}
	}
}

// isMissing tells whether a cell of a column of words or text stands for "no value".
func (p *part) isMissing(cell []byte) bool {
	if p.marks.exact {
		return len(cell) == 0
	}
	return p.marks.missing(trim(cell))
}

func (p *part) addWord(cell []byte) {
	p.rows++
	if string(cell) == p.last {
		if p.lastCode >= 0 {
			p.seen++
		}
		p.codes = append(p.codes, p.lastCode)
		return
	}
	code, ok := p.index[string(cell)]
	if !ok {
		word := p.keep(cell)
		code = -1
		if !p.isMissing(cell) {
			code = int32(len(p.dict))
			p.dict = append(p.dict, word)
		}
		p.index[word] = code
	}
	if code >= 0 {
		p.seen++
	}
	// cell lies in a buffer that will be used again, so the copy in the dictionary is remembered.
	if code >= 0 {
		p.last, p.lastCode = p.dict[code], code
	}
	p.codes = append(p.codes, code)
}

func (p *part) addDate(cell []byte) {
	cell = trim(cell)
	if p.marks.missing(cell) {
		p.skip()
		return
	}
	days, form := parseDate(unsafe.String(unsafe.SliceData(cell), len(cell)), p.order == monthDay)
	if !p.order.allows(form) {
		p.skip()
		p.bad.add(p.rows)
		return
	}
	p.rows++
	p.seen++
	p.num = append(p.num, days)
}

// keep copies a cell into memory that strings share, so that a column of texts costs few allocations.
func (p *part) keep(cell []byte) string {
	const block = 1 << 14
	if len(cell) == 0 {
		return ""
	}
	if len(cell) > block/4 {
		return string(cell)
	}
	if len(cell) > cap(p.space)-len(p.space) {
		p.space = make([]byte, 0, max(len(cell), min(block, max(64, 2*cap(p.space)))))
	}
	at := len(p.space)
	p.space = append(p.space, cell...)
	return unsafe.String(&p.space[at], len(cell))
}
