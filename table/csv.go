package table

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"strings"
)

// csvFormat reads records as RFC 4180 states them: fields between delimiters, quoted where they hold a
// delimiter, a quote (doubled) or a line break. Lines end in LF or CRLF. Blank lines are skipped.
type csvFormat struct {
	delim byte
	names []string
}

// cut finds the last line break outside quotes. A quote opens only at the start of a field.
func (f *csvFormat) cut(buf []byte, end bool) (int, *trouble) {
	n, open := lastBreak(buf, f.delim)
	if !end {
		return n, nil
	}
	if open >= 0 {
		return len(buf), &trouble{
			name: "unclosed-quote", line: bytes.Count(buf[:open], []byte{'\n'}) - bytes.Count(buf, []byte{'\n'}),
			message: "a quote opens here and is never closed",
			hint:    "double the quotes inside a quoted field, and close it",
		}
	}
	return len(buf), nil
}

// lastBreak returns the index after the last line break outside quotes (0 = none), and where a quote opened
// that is still open (-1 = none).
func lastBreak(buf []byte, delim byte) (n, open int) {
	// Quotes must be followed from the start, but the break is nearly always near the end.
	const near = 1 << 14
	n, open = lastBreakFrom(buf, delim, len(buf)-near)
	if n == 0 && len(buf) > near {
		n, open = lastBreakFrom(buf, delim, 0)
	}
	return n, open
}

// lastBreakFrom is lastBreak that may miss breaks before an index.
func lastBreakFrom(buf []byte, delim byte, from int) (n, open int) {
	at := 0
	for {
		q := bytes.IndexByte(buf[at:], '"')
		if q < 0 {
			break
		}
		q += at
		if q >= from {
			if i := bytes.LastIndexByte(buf[at:q], '\n'); i >= 0 {
				n = at + i + 1
			}
		}
		if q > 0 && buf[q-1] != delim && buf[q-1] != '\n' {
			at = q + 1 // a quote within an unquoted field is only a character
			continue
		}
		end := closingQuote(buf, q+1)
		if end < 0 {
			return n, q
		}
		at = end + 1
	}
	if i := bytes.LastIndexByte(buf[at:], '\n'); i >= 0 {
		n = at + i + 1
	}
	return n, -1
}

// closingQuote returns the index of the quote that closes a field whose contents begin at i, or -1.
func closingQuote(b []byte, i int) int {
	for {
		q := bytes.IndexByte(b[i:], '"')
		if q < 0 {
			return -1
		}
		i += q
		if i+1 < len(b) && b[i+1] == '"' {
			i += 2
			continue
		}
		return i
	}
}

// csvChunk is the parsing of one chunk.
type csvChunk struct {
	*block
	data    []byte
	delim   byte
	line    int
	scratch []byte
}

func (f *csvFormat) parse(data []byte, b *block, make partMaker) {
	b.ready(f.names, make, bytes.Count(data, []byte{'\n'})+1)
	c := &csvChunk{block: b, data: data, delim: f.delim}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		c.noteNULs(i)
	}
	for i := 0; i < len(data); {
		if n := lineEnd(data, i); n > 0 { // a blank line
			i += n
			c.line++
			continue
		}
		i = c.record(i)
	}
}

// lineEnd returns the length of the line break at i, or 0.
func lineEnd(b []byte, i int) int {
	if b[i] == '\n' {
		return 1
	}
	if b[i] == '\r' && (i+1 == len(b) || b[i+1] == '\n') {
		return min(2, len(b)-i)
	}
	return 0
}

// record reads the record at i and returns the index after it.
func (c *csvChunk) record(i int) int {
	b := c.data
	c.rows++
	c.lines = append(c.lines, int32(c.line))
	start, col := c.line, 0
	for {
		var p *part
		if col < len(c.parts) {
			p = c.parts[col]
		}
		col++
		end := -1
		if p != nil {
			end = c.plain(i, p)
		}
		if end < 0 {
			end = c.field(i, p)
		}
		i = end
		if i == len(b) {
			c.line++
			break
		}
		if b[i] == c.delim {
			i++
			continue
		}
		i += lineEnd(b, i)
		c.line++
		break
	}
	if col != len(c.parts) {
		c.ragged(col, start)
	}
	return i
}

// plain reads the usual cell of a column of numbers, days or words and returns the index after it, or -1 for all others.
func (c *csvChunk) plain(i int, p *part) int {
	b := c.data
	switch p.mode {
	case modeAuto, modeNumber:
		if i < len(b) && b[i] == c.delim {
			p.missing++
			p.num = append(p.num, math.NaN())
			return i
		}
		v, end, form := scanNumber(b, i)
		if form == notNumber || !c.ends(end) {
			return -1
		}
		if form == plain && p.marks.numbers == nil {
			p.num = append(p.num, v)
		} else {
			p.addNumber(v, form)
		}
		return end
	case modeDays, modeTimes, modeTimesT:
		v, n := readISO(b[i:], p.mode)
		if n == 0 || !c.ends(i+n) {
			return -1
		}
		p.num = append(p.num, v)
		return i + n
	case modeWords:
		if i >= len(b) || b[i] == '"' {
			return -1
		}
		end := fieldEnd(b, i, c.delim)
		if end > i && b[end-1] == '\r' {
			return -1
		}
		p.addWord(b[i:end])
		return end
	}
	return -1
}

// ends tells whether a field ends before i.
func (c *csvChunk) ends(i int) bool {
	return i == len(c.data) || c.data[i] == c.delim || lineEnd(c.data, i) > 0
}

// field reads one field in full generality and returns the index of the delimiter or line break after it.
func (c *csvChunk) field(i int, p *part) int {
	b := c.data
	if i < len(b) && b[i] == '"' {
		return c.quoted(i, p)
	}
	start := i
	i = fieldEnd(b, i, c.delim)
	end := i
	if end > start && b[end-1] == '\r' && (i == len(b) || b[i] == '\n') {
		end--
		i--
	}
	if p != nil {
		p.add(b[start:end], false)
	}
	return i
}

// fieldEnd returns the index of the delimiter or line feed after i, or len(b). It looks at eight bytes at a time:
// subtracting one borrows from the high bit of the first byte that is zero.
func fieldEnd(b []byte, i int, delim byte) int {
	d := uint64(delim) * ones
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		y, z := x^d, x^'\n'*ones
		if hit := ((y-ones)&^y | (z-ones)&^z) & highs; hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
	}
	for i < len(b) && b[i] != delim && b[i] != '\n' {
		i++
	}
	return i
}

// quoted reads a quoted field that begins at i.
func (c *csvChunk) quoted(i int, p *part) int {
	b := c.data
	end, lines, doubled := scanQuoted(b, i+1)
	c.line += lines
	cell := b[i+1 : end]
	if p != nil {
		if doubled {
			c.scratch = undouble(c.scratch[:0], cell)
			cell = c.scratch
		}
		p.add(cell, false)
	}
	i = min(end+1, len(b))
	if i < len(b) && b[i] != c.delim && lineEnd(b, i) == 0 {
		c.note(trouble{
			name: "text-after-quote", line: c.line, row: c.rows, message: "text follows a closing quote",
			hint: "double the quotes inside a quoted field",
		})
		i = fieldEnd(b, i, c.delim)
	}
	return i
}

// scanQuoted returns the index of the quote that closes a field whose contents begin at i, or len(b) where the
// cutter has reported that there is none; and the line feeds before it, and whether quotes are doubled.
func scanQuoted(b []byte, i int) (end, lines int, doubled bool) {
	for i < len(b) {
		if i+8 <= len(b) {
			x := binary.LittleEndian.Uint64(b[i:])
			quotes, feeds := zeroBytes(x^'"'*ones), zeroBytes(x^'\n'*ones)
			if quotes == 0 {
				lines += bits.OnesCount64(feeds)
				i += 8
				continue
			}
			lines += bits.OnesCount64(feeds & (quotes&-quotes - 1))
			i += bits.TrailingZeros64(quotes) >> 3
		}
		switch b[i] {
		case '\n':
			lines++
		case '"':
			if i+1 == len(b) || b[i+1] != '"' {
				return i, lines, doubled
			}
			doubled = true
			i++
		}
		i++
	}
	return len(b), lines, doubled
}

const ones, highs = 0x0101010101010101, 0x8080808080808080

// zeroBytes sets the high bit of exactly those bytes that are zero in x.
func zeroBytes(x uint64) uint64 { return ^(x&^highs + ^uint64(highs) | x) & highs }

// undouble appends cell to dst with "" made ".
func undouble(dst, cell []byte) []byte {
	for {
		q := bytes.IndexByte(cell, '"')
		if q < 0 {
			return append(dst, cell...)
		}
		dst = append(dst, cell[:q+1]...)
		cell = cell[min(q+2, len(cell)):]
	}
}

// ragged completes a record of too few fields and reports it, as it does one of too many.
func (c *csvChunk) ragged(fields, line int) {
	for _, p := range c.parts[min(fields, len(c.parts)):] {
		if p != nil {
			p.skip()
		}
	}
	hint := "the record may be cut short, or a line break in a field is not quoted"
	if fields > len(c.parts) {
		hint = fmt.Sprintf("quote fields that hold a %s", delimName(c.delim))
	}
	c.note(trouble{
		name: "ragged-row", line: line, row: c.rows, hint: hint,
		message: fmt.Sprintf("%s where the header has %d", countOf(fields, "field"), len(c.parts)),
	})
}

func (c *csvChunk) noteNULs(i int) {
	line, last := bytes.Count(c.data[:i], []byte{'\n'}), -1
	for ; i < len(c.data); i++ {
		switch c.data[i] {
		case '\n':
			line++
		case 0:
			if line != last {
				c.note(nulTrouble(line))
				last = line
			}
		}
	}
}

func nulTrouble(line int) trouble {
	return trouble{
		name: "nul-byte", line: line, message: "a NUL byte",
		hint: "the file is damaged, or binary; text files hold none",
	}
}

func countOf(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func delimName(d byte) string {
	switch d {
	case ',':
		return "comma"
	case ';':
		return "semicolon"
	case '\t':
		return "tab"
	}
	return "vertical bar"
}

// detectDelimiter chooses among comma, semicolon, tab and vertical bar by the first records: the delimiter
// under which most of them have as many fields as the header, and then the one that gives more fields.
// Comma stands for a file of one column.
func detectDelimiter(head []byte) byte {
	best, bestScore, bestFields := byte(','), -1.0, 1
	for _, d := range []byte{',', ';', '\t', '|'} {
		counts := fieldCounts(head, d, 50)
		if len(counts) == 0 || counts[0] < 2 {
			continue
		}
		same := 0
		for _, n := range counts {
			if n == counts[0] {
				same++
			}
		}
		score := float64(same) / float64(len(counts))
		if score > bestScore || score == bestScore && counts[0] > bestFields {
			best, bestScore, bestFields = d, score, counts[0]
		}
	}
	return best
}

// fieldCounts counts the fields of the first whole records.
func fieldCounts(head []byte, delim byte, limit int) (counts []int) {
	n, _ := lastBreak(head, delim)
	if n == 0 {
		n = len(head)
	}
	head = head[:n]
	for i := 0; i < len(head) && len(counts) < limit; {
		if k := lineEnd(head, i); k > 0 {
			i += k
			continue
		}
		fields, next := splitRecord(head[i:], delim)
		counts = append(counts, len(fields))
		i += next
	}
	return counts
}

// splitRecord returns the fields of the record at the start of b and the index after it.
func splitRecord(b []byte, delim byte) (fields []string, next int) {
	i := 0
	for {
		start := i
		if i < len(b) && b[i] == '"' {
			end := closingQuote(b, i+1)
			if end < 0 {
				end = len(b)
			}
			fields = append(fields, strings.ReplaceAll(string(b[start+1:end]), `""`, `"`))
			i = min(end+1, len(b))
			for i < len(b) && b[i] != delim && b[i] != '\n' {
				i++
			}
		} else {
			for i < len(b) && b[i] != delim && b[i] != '\n' {
				i++
			}
			fields = append(fields, strings.TrimSuffix(string(b[start:i]), "\r"))
		}
		if i == len(b) || b[i] == '\n' {
			return fields, min(i+1, len(b))
		}
		i++
	}
}
