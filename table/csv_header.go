package table

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"galen.dev/fault"
)

// startCSV reads the header and readies the format; it returns the length of the header's record.
func (r *reading) startCSV(src *bufio.Reader, head []byte, o Options) (int, error) {
	if bytes.IndexByte(head, '\n') < 0 && bytes.IndexByte(head, '\r') >= 0 {
		return 0, fault.WithHint(fault.Errorf(fault.Data, "%s: lines end in CR alone", quoted(r.file)),
			"save the file with LF or CRLF line ends")
	}
	delim := detectDelimiter(head)
	record, err := r.headerRecord(src, delim)
	if err != nil {
		return 0, err
	}
	if n := countFields(record, delim); n > o.MaxColumns {
		return 0, tooManyColumns(r.file, n, o.MaxColumns)
	}
	names, _ := splitRecord(record, delim)
	f := &csvFormat{delim: delim}
	seen := make(map[string]int, len(names))
	var found []fault.Finding
	blanks, numbers := 0, 0
	for i, name := range names {
		name = strings.TrimSpace(name)
		if name == "" {
			name = blankKey(i)
			blanks++
		} else if _, form := parseNumber([]byte(name)); form != notNumber {
			numbers++
		}
		if at, dup := seen[name]; dup {
			found = append(found, duplicateName(r.file, r.line, name, at, i))
		}
		seen[name] = i
		f.names = append(f.names, name)
		if r.cols.spec != nil && r.cols.spec[name] == nil && !isBlank(name) {
			r.cols.extra = append(r.cols.extra, name)
		}
	}
	if bytes.IndexByte(record, 0) >= 0 {
		r.note(nulTrouble(0))
		found = append(found, r.findings()...)
	}
	if blanks == len(names) {
		found = append(found, fault.Finding{
			Name: "blank-name", Severity: fault.Severe, File: r.file, Line: r.line + 1,
			Message: "the header names no column", Hint: "the first line must hold the columns' names",
		})
	}
	if len(found) > 0 {
		return 0, fault.Refuse("reading "+quoted(r.file), found)
	}
	r.numberedHeader = numbers == len(names) && !countsUp(names)
	r.f = f
	r.line += bytes.Count(record, []byte{'\n'})
	return len(record), nil
}

// headerRecord reads the first record that is not blank.
func (r *reading) headerRecord(src *bufio.Reader, delim byte) ([]byte, error) {
	var record []byte
	quotes := quoteScan{open: -1}
	for {
		line, err := src.ReadSlice('\n')
		record = append(record, line...)
		if err != nil && err != bufio.ErrBufferFull && err != io.EOF {
			return nil, err
		}
		if len(record) > maxRecord {
			return nil, fault.WithHint(fault.Errorf(fault.Data, "%s: the header is longer than %d MiB", quoted(r.file), maxRecord>>20),
				"a quote that is never closed does this; or the file is no table")
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		quotes.goOn(record, delim)
		blank := quotes.open < 0 && len(trim(bytes.TrimRight(record, "\r\n"))) == 0
		switch {
		case err == io.EOF && quotes.open >= 0:
			r.note(trouble{
				name: "unclosed-quote", line: bytes.Count(record[:quotes.open], []byte{'\n'}),
				message: "a quote opens here and is never closed", hint: "double the quotes inside a quoted field, and close it",
			})
			return nil, fault.Refuse("reading "+quoted(r.file), r.findings())
		case err == io.EOF && blank:
			return nil, fault.WithHint(fault.Errorf(fault.Data, "%s holds only blank lines", quoted(r.file)), "check that the export finished")
		case quotes.open >= 0:
		case blank:
			record, quotes = record[:0], quoteScan{open: -1}
			r.line++
		default:
			return record, nil
		}
	}
}

// quoteScan follows the quotes of a record that grows line by line; each byte is looked at once.
type quoteScan struct {
	open int // where the quote stands that is open, -1 = none
	at   int // what comes before has been seen
}

// goOn sees the record to its end, which is the end of a line or of the file.
func (s *quoteScan) goOn(record []byte, delim byte) {
	for {
		q := bytes.IndexByte(record[s.at:], '"')
		if q < 0 {
			s.at = len(record)
			return
		}
		q += s.at
		s.at = q + 1
		switch {
		case s.open < 0:
			if q == 0 || record[q-1] == delim || record[q-1] == '\n' {
				s.open = q
			}
		case s.at < len(record) && record[s.at] == '"':
			s.at++
		default:
			s.open = -1
		}
	}
}

func countFields(record []byte, delim byte) int {
	n := 1
	for i := 0; i < len(record); i++ {
		switch {
		case record[i] == delim:
			n++
		case record[i] == '"' && (i == 0 || record[i-1] == delim):
			if i = closingQuote(record, i+1); i < 0 {
				return n
			}
		}
	}
	return n
}

func tooManyColumns(file string, n, limit int) error {
	return fault.WithHint(fault.Errorf(fault.Data, "%s has %d columns; the limit is %d", quoted(file), n, limit),
		"choose the columns you need, or raise the limit (MaxColumns); a table turned on its side looks like this, too")
}

func duplicateName(file string, line int, name string, first, second int) fault.Finding {
	return fault.Finding{
		Name: "duplicate-column", Severity: fault.Severe, File: file, Line: line + 1, Column: name,
		Message: fmt.Sprintf("columns %d and %d have the same name", first+1, second+1),
		Hint:    "give each column its own name",
	}
}

// blankKey stands for the name of a column without one; names in files hold no NUL.
func blankKey(i int) string { return "\x00" + strconv.Itoa(i+1) }

func isBlank(name string) bool { return name != "" && name[0] == 0 }

// countsUp tells whether names are whole numbers one after the other, as pandas and R number columns.
func countsUp(names []string) bool {
	if len(names) < 2 {
		return true
	}
	first, err := strconv.Atoi(strings.TrimSpace(names[0]))
	if err != nil {
		return false
	}
	for i, n := range names {
		if v, err := strconv.Atoi(strings.TrimSpace(n)); err != nil || v != first+i {
			return false
		}
	}
	return true
}
