package table

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"math"
	"strings"
)

// WriteCSV writes the table as CSV in UTF-8: commas, LF, a header, quotes where needed; missing values are empty
// cells, numbers the shortest decimals that read back the same, dates in ISO form. Units, levels and kinds
// are not in the file: read it again with t.Schema(), and it gives the same columns. The bytes depend on the
// table only.
func (t *Table) WriteCSV(w io.Writer) error {
	b := bufio.NewWriterSize(w, 1<<16)
	var line []byte
	for i, c := range t.Columns {
		if i > 0 {
			line = append(line, ',')
		}
		line = appendField(line, c.Name)
	}
	for r := range t.Rows {
		if len(t.Columns) == 1 && len(line) == 0 {
			line = append(line, `""`...) // an empty line would be no row
		}
		if _, err := b.Write(append(line, '\n')); err != nil {
			return err
		}
		line = line[:0]
		for i, c := range t.Columns {
			if i > 0 {
				line = append(line, ',')
			}
			line = c.appendCell(line, r)
		}
	}
	if len(t.Columns) == 1 && len(line) == 0 {
		line = append(line, `""`...)
	}
	if _, err := b.Write(append(line, '\n')); err != nil {
		return err
	}
	return b.Flush()
}

// appendCell writes a value as CSV; missing is empty.
func (c *Column) appendCell(line []byte, row int) []byte {
	if c.Missing(row) {
		return line
	}
	switch c.Kind {
	case Numeric:
		return appendNumber(line, c.Num[row])
	case Date:
		return append(line, formatDate(c.Num[row])...)
	case Text:
		return appendField(line, c.Text[row])
	}
	return appendField(line, c.Levels[c.Cat[row]])
}

func appendField(line []byte, s string) []byte {
	if !strings.ContainsAny(s, ",\"\r\n") {
		return append(line, s...)
	}
	line = append(line, '"')
	for {
		q := strings.IndexByte(s, '"')
		if q < 0 {
			return append(append(line, s...), '"')
		}
		line = append(append(line, s[:q]...), `""`...)
		s = s[q+1:]
	}
}

// WriteJSONL writes one JSON object for each row, keys in the order of the columns; missing values are null,
// numbers numbers, everything else strings. Infinite numbers, which JSON lacks, are null.
func (t *Table) WriteJSONL(w io.Writer) error {
	b := bufio.NewWriterSize(w, 1<<16)
	keys := make([][]byte, len(t.Columns))
	levels := make([][][]byte, len(t.Columns))
	for i, c := range t.Columns {
		keys[i] = append(jsonString(c.Name), ':')
		for _, l := range c.Levels {
			levels[i] = append(levels[i], jsonString(l))
		}
	}
	var line []byte
	for r := range t.Rows {
		line = append(line[:0], '{')
		for i, c := range t.Columns {
			if i > 0 {
				line = append(line, ',')
			}
			line = append(line, keys[i]...)
			switch {
			case c.Missing(r), c.Kind == Numeric && math.IsInf(c.Num[r], 0):
				line = append(line, "null"...)
			case c.Kind == Numeric:
				line = appendNumber(line, c.Num[r])
			case c.Kind == Date:
				line = append(append(append(line, '"'), formatDate(c.Num[r])...), '"')
			case c.Kind == Text:
				line = append(line, jsonString(c.Text[r])...)
			default:
				line = append(line, levels[i][c.Cat[r]]...)
			}
		}
		if _, err := b.Write(append(line, '}', '\n')); err != nil {
			return err
		}
	}
	return b.Flush()
}

func jsonString(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("table: a string that JSON cannot hold") // there is none
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
