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
	modeDays               // inferred: every word so far was a date as 2020-12-31; one that is not makes words of all
	modeTimes              // likewise, as 2020-12-31 23:59:59
	modeTimesT             // likewise, as 2020-12-31T23:59:59
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

// part is one column of one chunk. One of num, codes and texts is in use, which follows from the mode. Rows are
// 1-based in the chunk. Parts serve chunk after chunk: reset.
type part struct {
	name  string
	mode  mode
	marks *markers
	order dayOrder

	missing  int  // cells without a value
	broken   bool // holds cells that the mode cannot
	own      bool // from a file that WriteParquet made: numbers in a date column are days
	zeroLed  bool
	bad, inf rowList
	notText  rowList   // bytes that are not UTF-8
	num      []float64 // all other modes
	codes    []int32   // modeWords: index into dict.words, -1 = missing
	texts    []string  // modeText

	dict  *dictionary // modeWords; it goes on from chunk to chunk
	space arena       // modeText
}

func newPart(name string, m mode, marks *markers, order dayOrder, capacity int) *part {
	p := &part{name: name, mode: m, marks: marks, order: order}
	p.reset(capacity)
	return p
}

// maxKept bounds the dictionary that a part keeps for the next chunk.
const maxKept = 1 << 16

// reset readies a part for a chunk.
func (p *part) reset(capacity int) {
	p.missing, p.broken, p.zeroLed = 0, false, false
	p.bad, p.inf, p.notText = rowList{}, rowList{}, rowList{}
	switch p.mode {
	case modeWords:
		p.codes = emptied(p.codes, capacity)
		if p.dict == nil || len(p.dict.words) > maxKept {
			p.dict = &dictionary{}
		}
	case modeText:
		p.texts = emptied(p.texts, capacity)
	default:
		p.num = emptied(p.num, capacity)
	}
}

func emptied[T any](v []T, capacity int) []T {
	if cap(v) < capacity {
		return make([]T, 0, capacity)
	}
	return v[:0]
}

// rows is the number of cells so far.
func (p *part) rows() int { return len(p.num) + len(p.codes) + len(p.texts) }

// addNumber adds a number that scanNumber has read; the mode is modeAuto or modeNumber.
func (p *part) addNumber(v float64, form numeral) {
	if form != plain {
		switch {
		case form == zeroLed:
			p.zeroLed = true
		case form == infinite:
			p.inf.add(len(p.num) + 1)
			v = math.NaN()
		case p.mode == modeAuto:
			p.broken = true
		}
	}
	if p.marks.numbers != nil && p.marks.missingNumber(v) {
		p.skip()
		return
	}
	p.num = append(p.num, v)
}

// skip adds a missing cell.
func (p *part) skip() {
	p.missing++
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
	for p.rows() < rows {
		p.skip()
	}
}

// add adds a cell. A cell of type string in JSON is never a number when kinds are inferred.
func (p *part) add(cell []byte, isString bool) {
	switch p.mode {
	case modeWords:
		p.addWord(cell)
	case modeText:
		if p.marks.missingWord(cell) {
			p.skip()
			return
		}
		p.texts = append(p.texts, p.space.keep(cell))
	case modeDate:
		p.addDate(cell)
	case modeDays, modeTimes, modeTimesT:
		if v, n := readISO(cell, p.mode); n > 0 && n == len(cell) {
			p.num = append(p.num, v)
			return
		}
		p.broken = p.broken || !p.marks.missingWord(cell)
		p.skip()
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
			p.bad.add(p.rows())
		}
	}
}

func (p *part) addWord(cell []byte) {
	code := int32(-1)
	if len(cell) > 0 {
		code = p.dict.code(cell, p.marks)
	}
	if code < 0 {
		p.missing++
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
		p.bad.add(p.rows())
		return
	}
	p.num = append(p.num, days)
}
