package stream

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"galen.dev/chem"
	"galen.dev/chem/sdf"
	"galen.dev/chem/smiles"
	"galen.dev/fault"
)

// Bounds of what a file may make the reader keep.
const (
	maxLine   = 64 << 20  // bytes of a line
	maxRecord = 256 << 20 // bytes of a record of an SDF
	maxQuoted = 64 << 10  // bytes of a row that goes on over several lines
)

// fill reads the texts of the next records, and says what ended the file.
func (r *Reader) fill(records []Record) ([]Record, error) {
	if len(r.ahead) > 0 {
		records, r.ahead = append(records, r.ahead...), nil
		return records, r.end
	}
	size := 0
	for len(records) < batch && size < batchBytes && r.end == nil {
		line := r.line + 1
		var raw string
		switch r.form {
		case SDF:
			raw, r.end = r.block()
		case CSV, TSV:
			raw, r.end = r.row()
		default:
			raw, r.end = r.readLine()
			if line == 1 && isHeader(raw) {
				continue
			}
		}
		if r.end != nil && !errors.Is(r.end, io.EOF) {
			break // half a record
		}
		if r.form != SDF {
			raw = strings.TrimRight(raw, "\r\n")
		}
		if strings.TrimSpace(raw) == "" {
			continue
		}
		r.number++
		size += len(raw)
		records = append(records, Record{Number: r.number, Line: line, raw: raw})
	}
	return records, r.end
}

// isHeader says whether the first line of a .smi file names its columns: "smiles" is no SMILES.
func isHeader(line string) bool {
	words := strings.FieldsFunc(line, func(c rune) bool { return c <= ' ' || c == ',' || c == ';' })
	return len(words) > 0 && strings.HasSuffix(strings.ToLower(strings.Trim(words[0], `"#`)), "smiles")
}

// readLine returns the next line with its end. A line longer than maxLine is cut there.
func (r *Reader) readLine() (string, error) {
	if n := len(r.held); n > 0 {
		line := r.held[n-1]
		r.held = r.held[:n-1]
		r.line++
		return line, nil
	}
	var b []byte
	for {
		part, err := r.in.ReadSlice('\n')
		if len(b) <= maxLine {
			b = append(b, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			if len(b) > 0 {
				r.line++
			}
			if len(b) > 0 && errors.Is(err, io.EOF) {
				err = nil // the next call says it again
			}
			return string(b), err
		}
	}
}

// row returns a row of a table, which goes on over line ends within quotes. Where a quote is not closed within
// maxQuoted bytes the first line alone is the row, and the lines behind it are read again.
func (r *Reader) row() (string, error) {
	line, err := r.readLine()
	if err != nil || !openQuote(line, r.comma) {
		return line, err
	}
	row, lines := line, []string{}
	for len(row) <= maxQuoted {
		next, err := r.readLine()
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if err != nil {
			break
		}
		lines, row = append(lines, next), row+next
		if !openQuote(row, r.comma) {
			if fields, err := splitRow(strings.TrimRight(row, "\r\n"), r.comma); err == nil && (r.columns == nil || len(fields) == len(r.columns)) {
				return row, nil
			}
			break
		}
	}
	for i := len(lines) - 1; i >= 0; i-- {
		r.held = append(r.held, lines[i])
	}
	r.line -= len(lines)
	return line, nil
}

// openQuote says whether a row ends within quotes, which begin at the start of a field.
func openQuote(row string, comma byte) bool {
	if strings.IndexByte(row, '"') < 0 {
		return false
	}
	open, start := false, true
	for i := 0; i < len(row); i++ {
		switch c := row[i]; {
		case open:
			open = c != '"'
		case c == '"':
			// Two quotes within quotes are a sign of the field: the second one opens again.
			open = start || i > 0 && row[i-1] == '"'
		}
		start = !open && row[i] == comma
	}
	return open
}

// splitRow splits a row into its fields.
func splitRow(row string, comma byte) ([]string, error) {
	if strings.IndexByte(row, '"') < 0 {
		return strings.Split(row, string(comma)), nil
	}
	var fields []string
	for {
		if !strings.HasPrefix(row, `"`) {
			field, rest, more := strings.Cut(row, string(comma))
			if fields = append(fields, field); !more {
				return fields, nil
			}
			row = rest
			continue
		}
		field, n := strings.Builder{}, 1
		for {
			i := strings.IndexByte(row[n:], '"')
			if i < 0 {
				return nil, fmt.Errorf("a quote is not closed")
			}
			field.WriteString(row[n : n+i])
			if n += i + 1; n == len(row) || row[n] != '"' {
				break
			}
			field.WriteByte('"')
			n++
		}
		fields = append(fields, field.String())
		if n == len(row) {
			return fields, nil
		}
		if row[n] != comma {
			return nil, fmt.Errorf("text follows the closing quote of field %d", len(fields))
		}
		row = row[n+1:]
	}
}

// block returns the text of a record of an SDF without its end mark, cut after maxRecord.
func (r *Reader) block() (string, error) {
	var b strings.Builder
	for {
		line, err := r.readLine()
		if err != nil || strings.HasPrefix(line, "$$$$") {
			if err == nil && strings.TrimSpace(b.String()) == "" {
				return "\n", nil
			}
			return b.String(), err
		}
		if b.Len() <= maxRecord {
			b.WriteString(line)
		}
	}
}

// lookAhead reads the first records of an SDF and collects the names of their data fields.
func (r *Reader) lookAhead() {
	r.ahead, _ = r.fill(nil)
	seen := map[string]bool{}
	for i := range r.ahead {
		for line := range strings.Lines(r.ahead[i].raw) {
			if !strings.HasPrefix(line, ">") {
				continue
			}
			_, rest, _ := strings.Cut(line, "<")
			name, _, ok := strings.Cut(rest, ">")
			if ok && !seen[name] && len(r.columns) < maxColumns {
				seen[name] = true
				r.columns = append(r.columns, name)
			}
		}
	}
}

// maxColumns bounds the data fields of an SDF that become columns.
const maxColumns = 1000

// parse reads the molecule of a record.
func (r *Reader) parse(rec *Record) {
	switch r.form {
	case SDF:
		r.parseBlock(rec)
	case CSV, TSV:
		r.parseRow(rec)
	default:
		text, name := strings.TrimSpace(rec.raw), ""
		if i := strings.IndexAny(text, " \t"); i >= 0 {
			text, name = text[:i], strings.TrimSpace(text[i:])
		}
		if extension, rest, ok := cutExtension(name); ok {
			text, name = text+" "+extension, rest
		}
		r.parseSMILES(rec, text, name)
	}
	rec.raw = ""
}

// cutExtension splits the extension of a CXSMILES, |…|, from the name behind it. Bars within labels, which stand
// between $, do not end it.
func cutExtension(s string) (extension, rest string, ok bool) {
	if !strings.HasPrefix(s, "|") {
		return "", s, false
	}
	label := false
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '$':
			label = !label
		case s[i] == '|' && !label:
			return s[:i+1], strings.TrimSpace(s[i+1:]), true
		}
	}
	return "", s, false
}

func (r *Reader) parseSMILES(rec *Record, text, name string) {
	rec.Text = text
	switch {
	case text == "":
		rec.Err = r.refuse(rec, fault.Finding{Name: "no-smiles", Message: "the field is empty"})
		return
	case len(rec.raw) > maxLine:
		rec.Err = r.refuse(rec, fault.Finding{Name: "line-too-long", Message: "the line has more than 64 MiB"})
		return
	}
	m, err := smiles.ParseWith(text, smiles.Options{KeepHs: r.options.KeepHs})
	r.settle(rec, m, err)
	if m != nil && err == nil {
		m.Name = name
	}
}

func (r *Reader) parseRow(rec *Record) {
	fields, err := splitRow(rec.raw, r.comma)
	if err != nil {
		rec.Err = r.refuse(rec, fault.Finding{Name: "bad-row", Message: err.Error(), Hint: "quotes are doubled within quotes"})
		return
	}
	if len(fields) != len(r.columns) {
		rec.Err = r.refuse(rec, fault.Finding{Name: "bad-row", Message: fmt.Sprintf("the row has %s, the header %d", fault.Count(len(fields), "field"), len(r.columns))})
		return
	}
	rec.Fields = fields
	name := ""
	if r.name >= 0 {
		name = strings.TrimSpace(fields[r.name])
	}
	r.parseSMILES(rec, strings.TrimSpace(fields[r.smiles]), name)
}

func (r *Reader) parseBlock(rec *Record) {
	if len(rec.raw) > maxRecord {
		rec.Err = r.refuse(rec, fault.Finding{Name: "record-too-long", Message: "the record has more than 256 MiB", Hint: "a $$$$ may be missing"})
		return
	}
	m, err := sdf.ParseWith(rec.raw, sdf.Options{KeepHs: r.options.KeepHs})
	r.settle(rec, m, err)
	if rec.Err != nil || len(r.columns) == 0 {
		return
	}
	rec.Fields = make([]string, len(r.columns))
	for i, name := range r.columns {
		rec.Fields[i] = prop(m, name)
	}
}

// prop is the value of a data field, or empty.
func prop(m *chem.Mol, name string) string {
	for _, p := range m.Props {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// settle keeps the molecule of a record, or its error with the place in the file.
func (r *Reader) settle(rec *Record, m *chem.Mol, err error) {
	if err == nil {
		rec.Mol = m
		return
	}
	found := append([]fault.Finding(nil), fault.FindingsOf(err)...)
	if len(found) == 0 {
		found = []fault.Finding{{Name: "bad-molecule", Message: err.Error(), Hint: fault.HintOf(err)}}
	}
	for i := range found {
		if r.form == SDF && found[i].Line > 0 {
			found[i].Line += rec.Line - 1
		}
	}
	rec.Err = r.refuse(rec, found...)
}
