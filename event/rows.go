package event

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxLine bounds a record of a CSV, in bytes.
const maxLine = 1 << 20

var (
	errLine  = errors.New("a line of more than 1 MiB")
	errQuote = errors.New("a quote that is not closed, or text after one")
)

// rows reads CSV after RFC 4180, one record at a time, in the memory of one.
type rows struct {
	r     *bufio.Reader
	limit int // of a record, in bytes
	sep   byte
	line  int // on which the record began, from 1
	lines int // read so far
	cells [][]byte
	text  []byte
	ends  []int
}

func newRows(r io.Reader) *rows { return sizedRows(r, maxLine) }

// sizedRows bounds a line.
func sizedRows(r io.Reader, limit int) *rows {
	return &rows{r: bufio.NewReaderSize(r, limit), limit: limit}
}

// head reads the first record, and finds the separator: of comma, semicolon and tab the one that is there most.
func (s *rows) head() ([]string, error) {
	if b, _ := s.r.Peek(3); bytes.Equal(b, []byte("\xef\xbb\xbf")) {
		_, _ = s.r.Discard(3)
	}
	peek, err := s.r.Peek(s.limit)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if i := bytes.IndexByte(peek, '\n'); i >= 0 {
		peek = peek[:i]
	}
	s.sep = ','
	for _, c := range []byte{';', '\t'} {
		if bytes.Count(peek, []byte{c}) > bytes.Count(peek, []byte{s.sep}) {
			s.sep = c
		}
	}
	cells, err := s.next()
	if err != nil {
		return nil, err
	}
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = string(bytes.TrimSpace(c))
	}
	return out, nil
}

// next reads a record; its cells are valid until the following one. Blank lines are passed over. After errQuote the
// reader is at the line after.
func (s *rows) next() ([][]byte, error) {
	for {
		line, err := s.read()
		if err != nil {
			return nil, err
		}
		s.line = s.lines
		if len(line) == 0 {
			continue
		}
		s.cells = s.cells[:0]
		if bytes.IndexByte(line, '"') >= 0 {
			return s.quoted(line)
		}
		for {
			i := bytes.IndexByte(line, s.sep)
			if i < 0 {
				s.cells = append(s.cells, line)
				return s.cells, nil
			}
			s.cells = append(s.cells, line[:i])
			line = line[i+1:]
		}
	}
}

func (s *rows) read() ([]byte, error) {
	line, err := s.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, errLine
	case errors.Is(err, io.EOF) && len(line) > 0:
	case err != nil:
		return nil, err
	}
	s.lines++
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

// quoted reads a record with quotes, which may span lines.
func (s *rows) quoted(line []byte) ([][]byte, error) {
	s.text, s.ends = s.text[:0], s.ends[:0]
	for {
		if len(line) == 0 || line[0] != '"' {
			i := bytes.IndexByte(line, s.sep)
			cell := line
			if i >= 0 {
				cell = line[:i]
			}
			if bytes.IndexByte(cell, '"') >= 0 {
				return nil, errQuote
			}
			s.text = append(s.text, cell...)
			s.ends = append(s.ends, len(s.text))
			if i < 0 {
				break
			}
			line = line[i+1:]
			continue
		}
		line = line[1:]
		for {
			i := bytes.IndexByte(line, '"')
			if i < 0 { // the cell goes on in the next line
				s.text = append(append(s.text, line...), '\n')
				if len(s.text) > s.limit {
					return nil, errLine
				}
				var err error
				if line, err = s.read(); err != nil {
					if errors.Is(err, io.EOF) {
						err = errQuote
					}
					return nil, err
				}
				continue
			}
			s.text = append(s.text, line[:i]...)
			line = line[i+1:]
			if len(line) == 0 || line[0] != '"' {
				break
			}
			s.text = append(s.text, '"')
			line = line[1:]
		}
		s.ends = append(s.ends, len(s.text))
		if len(line) == 0 {
			break
		}
		if line[0] != s.sep {
			return nil, errQuote
		}
		line = line[1:]
	}
	begin := 0
	for _, end := range s.ends {
		s.cells = append(s.cells, s.text[begin:end])
		begin = end
	}
	return s.cells, nil
}
