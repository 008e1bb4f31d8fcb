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

// arffFormat reads the Attribute-Relation File Format of Weka: declarations, then rows, dense or sparse.
// Numeric attributes are Numeric, nominal ones Category with the declared levels, dates Date; strings are
// inferred as in CSV. A question mark without quotes is missing.
type arffFormat struct {
	attrs []arffAttr
	names []string
}

type arffAttr struct {
	name   string
	kind   byte // 'n' number, 'c' nominal, 'd' date, 's' string
	levels []string
}

// startARFF reads the declarations up to @data.
func (r *reading) startARFF(src *bufio.Reader, o Options) error {
	f := &arffFormat{}
	seen := map[string]int{}
	var found []fault.Finding
	bad := func(name, column, message, hint string) {
		found = append(found, fault.Finding{Name: name, Severity: fault.Severe, File: r.file, Line: r.line, Column: column, Message: message, Hint: hint})
	}
	for {
		raw, err := readLine(src)
		if err == io.EOF {
			bad("arff-no-data", "", "the file ends before @data", "check that the export finished")
			break
		} else if err != nil {
			return err
		}
		r.line++
		line := bytes.TrimSpace(raw)
		if len(line) == 0 || line[0] == '%' || hasFoldPrefix(line, "@relation") {
			continue
		}
		if hasFoldPrefix(line, "@data") {
			break
		}
		if !hasFoldPrefix(line, "@attribute") {
			bad("arff-bad-line", "", "a line that is no declaration", "only @relation, @attribute and comments stand before @data")
			continue
		}
		a, problem := parseAttribute(line[len("@attribute"):])
		if problem != "" {
			bad("arff-bad-attribute", a.name, problem, "types are numeric, real, integer, string, date and {levels}")
			continue
		}
		if at, dup := seen[a.name]; dup {
			found = append(found, duplicateName(r.file, r.line-1, a.name, at, len(f.attrs)))
		}
		seen[a.name] = len(f.attrs)
		f.attrs = append(f.attrs, a)
		f.names = append(f.names, a.name)
		if len(f.attrs) > o.MaxColumns {
			return fault.WithHint(fault.Errorf(fault.Data, "%s has more than %d columns, which is the limit", quoted(r.file), o.MaxColumns),
				"choose the columns you need, or raise the limit (MaxColumns)")
		}
	}
	if len(found) == 0 && len(f.attrs) == 0 {
		bad("arff-no-attributes", "", "no attributes are declared", "declare each column with @attribute")
	}
	if len(found) > 0 {
		return fault.Refuse("reading "+quoted(r.file), found)
	}
	if r.cols.spec != nil {
		for _, n := range f.names {
			if r.cols.spec[n] == nil {
				r.cols.extra = append(r.cols.extra, n)
			}
		}
	} else {
		f.declare(r.cols)
	}
	r.f = f
	return nil
}

// declare fixes the kinds that the header states.
func (f *arffFormat) declare(c *columns) {
	c.spec, c.marks = map[string]*ColumnSchema{}, map[string]*markers{}
	c.declared = true
	for i := range f.attrs {
		a := &f.attrs[i]
		s, m := &ColumnSchema{Name: a.name}, newMarkers([]string{"?"})
		switch a.kind {
		case 'n':
			s.Kind, s.Unit = Numeric, unitInHeader(a.name)
		case 'c':
			s.Kind, s.Levels = Category, a.levels
			// A level may be called "?" when it is quoted; put tells the two apart.
			m = newMarkers([]string{})
		case 'd':
			s.Kind = Date
		default:
			c.learned[a.name] = modeWords
			continue
		}
		c.spec[a.name] = s
		c.marks[a.name] = &m
	}
}

func readLine(src *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		b, err := src.ReadSlice('\n')
		line = append(line, b...)
		switch {
		case err == bufio.ErrBufferFull && len(line) < maxRecord:
			continue
		case err == io.EOF && len(line) > 0:
			return line, nil
		case err == bufio.ErrBufferFull:
			return nil, fault.Errorf(fault.Data, "a line of more than %d MiB", maxRecord>>20)
		}
		return line, err
	}
}

// parseAttribute reads a name and a type; problem says what is wrong, if anything.
func parseAttribute(b []byte) (a arffAttr, problem string) {
	b = bytes.TrimLeft(b, " \t")
	name, rest, ok := arffToken(b, " \t{")
	if !ok || len(name) == 0 {
		return a, "an attribute without a name, or with an open quote"
	}
	a.name = strings.TrimSpace(string(name))
	if blankName(a.name) || strings.IndexByte(a.name, 0) >= 0 {
		return arffAttr{}, "an attribute without a name, or with a NUL byte in it"
	}
	rest = bytes.TrimSpace(rest)
	if len(rest) > 0 && rest[0] == '{' {
		a.kind = 'c'
		a.levels, problem = arffLevels(rest[1:])
		return a, problem
	}
	word, format, _ := bytes.Cut(rest, []byte{' '})
	switch strings.ToLower(string(word)) {
	case "numeric", "real", "integer":
		a.kind = 'n'
	case "string":
		a.kind = 's'
	case "date":
		a.kind = 'd'
		pattern := strings.Trim(string(bytes.TrimSpace(format)), `"'`)
		if !isoPattern(pattern) {
			return a, "a date format that is not year, month, day"
		}
	case "relational":
		return a, "a relational attribute: tables inside a table are not read"
	default:
		return a, "an attribute without a known type"
	}
	return a, ""
}

// isoPattern tells whether a Java date pattern writes what parseDate reads without doubt.
func isoPattern(p string) bool {
	switch p {
	case "", "yyyy-MM-dd", "yyyy/MM/dd", "dd.MM.yyyy":
		return true
	}
	day, clock, ok := strings.Cut(strings.ReplaceAll(p, "'T'", " "), " ")
	if !ok || !isoPattern(day) {
		return false
	}
	switch strings.TrimRight(clock, "XZz'") {
	case "HH:mm", "HH:mm:ss", "HH:mm:ss.SSS":
		return true
	}
	return false
}

func arffLevels(b []byte) (levels []string, problem string) {
	seen := map[string]bool{}
	for {
		b = bytes.TrimLeft(b, " \t,")
		if len(b) == 0 {
			return nil, "a list of levels without a closing brace"
		}
		if b[0] == '}' {
			if len(levels) == 0 {
				return nil, "an empty list of levels"
			}
			return levels, ""
		}
		word, rest, ok := arffToken(b, ",}")
		if !ok {
			return nil, "an open quote in the list of levels"
		}
		b = rest
		if seen[string(word)] {
			return nil, "a level that is listed twice"
		}
		seen[string(word)] = true
		levels = append(levels, string(word))
	}
}

// arffToken reads a token, in quotes or up to one of the stop bytes, and unescapes it.
func arffToken(b []byte, stop string) (token, rest []byte, ok bool) {
	if len(b) > 0 && (b[0] == '\'' || b[0] == '"') {
		q := b[0]
		for i := 1; i < len(b); i++ {
			switch b[i] {
			case '\\':
				i++
			case q:
				return unescape(b[1:i]), b[i+1:], true
			}
		}
		return nil, nil, false
	}
	i := bytes.IndexAny(b, stop)
	if i < 0 {
		i = len(b)
	}
	return bytes.TrimSpace(b[:i]), b[i:], true
}

// unescape replaces Weka's backslash sequences.
func unescape(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '\\' && i+1 < len(b) {
			i++
			switch c = b[i]; c {
			case 'n':
				c = '\n'
			case 't':
				c = '\t'
			case 'r':
				c = '\r'
			}
		}
		out = append(out, c)
	}
	return out
}

// cut cuts at the last line break: quoted values hold none.
func (f *arffFormat) cut(buf []byte, end bool) (int, *trouble) {
	if end {
		return len(buf), nil
	}
	return bytes.LastIndexByte(buf, '\n') + 1, nil
}

func (f *arffFormat) parse(data []byte, b *block, make partMaker) {
	b.ready(f.names, make, bytes.Count(data, []byte{'\n'})+1)
	for line := 0; len(data) > 0; line++ {
		var raw []byte
		raw, data, _ = bytes.Cut(data, []byte{'\n'})
		raw = bytes.TrimSpace(raw)
		if len(raw) == 0 || raw[0] == '%' {
			continue
		}
		b.rows++
		b.lines = append(b.lines, int32(line))
		var problem string
		if bytes.IndexByte(raw, 0) >= 0 {
			b.note(nulTrouble(line))
		}
		if raw[0] == '{' {
			problem = f.sparse(b, raw[1:])
		} else {
			problem = f.dense(b, raw)
		}
		if problem != "" {
			b.note(trouble{name: "ragged-row", line: line, row: b.rows, message: problem, hint: "quote values that hold commas or blanks"})
		}
		for _, p := range b.parts {
			if p != nil {
				p.pad(b.rows)
			}
		}
	}
}

func (f *arffFormat) dense(b *block, raw []byte) (problem string) {
	n := 0
	for ; ; n++ {
		raw = bytes.TrimLeft(raw, " \t")
		isQuoted := len(raw) > 0 && (raw[0] == '\'' || raw[0] == '"')
		token, rest, ok := arffToken(raw, ",\t")
		if !ok {
			return "an open quote"
		}
		if n < len(f.attrs) {
			f.put(b, n, token, isQuoted)
		}
		raw = bytes.TrimLeft(rest, " \t")
		if len(raw) == 0 {
			n++
			break
		}
		if raw[0] == ',' {
			raw = raw[1:]
		} else if len(raw) == len(rest) {
			return "text after a closing quote"
		}
		if bytes.HasPrefix(bytes.TrimLeft(raw, " \t"), []byte("{")) && n+1 == len(f.attrs) {
			return "a weight of the row, which is not read"
		}
	}
	if n != len(f.attrs) {
		return fmt.Sprintf("%s where %d are declared", countOf(n, "value"), len(f.attrs))
	}
	return ""
}

// sparse reads {index value, ...}; absent indices stand for zero or the first level.
func (f *arffFormat) sparse(b *block, raw []byte) (problem string) {
	next := 0
	fill := func(to int) {
		for ; next < to; next++ {
			switch f.attrs[next].kind {
			case 'n':
				f.put(b, next, []byte("0"), true)
			case 'c':
				f.put(b, next, []byte(f.attrs[next].levels[0]), true)
			default:
				problem = "a sparse row that leaves out a string or a date, which have no zero"
			}
		}
	}
	for {
		raw = bytes.TrimLeft(raw, " \t,")
		if len(raw) == 0 {
			return "a sparse row without a closing brace"
		}
		if raw[0] == '}' {
			fill(len(f.attrs))
			return problem
		}
		index, rest, _ := arffToken(raw, " \t,}")
		at, err := strconv.Atoi(string(index))
		if err != nil || at < next || at >= len(f.attrs) {
			return "a sparse row whose indices do not rise within the attributes"
		}
		fill(at)
		raw = bytes.TrimLeft(rest, " \t")
		isQuoted := len(raw) > 0 && (raw[0] == '\'' || raw[0] == '"')
		token, rest, ok := arffToken(raw, ",}")
		if !ok {
			return "an open quote"
		}
		f.put(b, at, token, isQuoted)
		next = at + 1
		raw = rest
	}
}

// put adds a value to a column. Only a question mark without quotes is missing.
func (f *arffFormat) put(b *block, at int, token []byte, isQuoted bool) {
	p := b.parts[at]
	switch {
	case p == nil:
	case !isQuoted && string(token) == "?":
		p.skip()
	default:
		p.add(token, f.attrs[at].kind == 's')
	}
}
