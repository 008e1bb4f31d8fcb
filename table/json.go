package table

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// jsonFormat reads flat objects (RFC 8259), one after the other as in JSON lines, or in one array. A column is a
// key; objects may lack keys. Numbers, strings, true, false and null are values; a string is never taken for a
// number when kinds are inferred.
type jsonFormat struct{ maxColumns int }

// cut finds the end of the last whole object at the top level.
func (f *jsonFormat) cut(buf []byte, end bool) (n int, t *trouble) {
	depth, quote := 0, false
	for i := 0; i < len(buf); i++ {
		c := buf[i]
		switch {
		case quote:
			if c == '\\' {
				i++
			} else if c == '"' {
				quote = false
			}
		case c == '"':
			quote = true
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth <= 0 {
				depth = 0
				n = i + 1
			}
		}
	}
	if !end {
		return n, nil
	}
	if depth > 0 || quote {
		line := bytes.Count(buf[:n], []byte{'\n'}) - bytes.Count(buf, []byte{'\n'})
		for i := n; i < len(buf) && buf[i] != '{'; i++ {
			if buf[i] == '\n' {
				line++
			}
		}
		return len(buf), &trouble{name: "json-cut-short", line: line, message: "an object that begins here does not end", hint: "check that the export finished"}
	}
	return len(buf), nil
}

// jsonChunk is the parsing of one chunk.
type jsonChunk struct {
	*block
	b       []byte
	i, line int
	make    partMaker
	byName  map[string]*part
	known   map[string]bool
	scratch []byte
	max     int
}

func (f *jsonFormat) parse(data []byte, b *block, make partMaker) {
	c := &jsonChunk{block: b, b: data, make: make, byName: map[string]*part{}, known: map[string]bool{}, max: f.maxColumns}
	for {
		c.space()
		if c.i < len(c.b) && (c.b[c.i] == ',' || c.b[c.i] == '[' || c.b[c.i] == ']') {
			c.i++
			continue
		}
		if c.i == len(c.b) {
			return
		}
		c.rows++
		c.lines = append(c.lines, int32(c.line))
		if c.b[c.i] != '{' {
			c.wrong("something other than an object")
			c.resync()
			continue
		}
		if !c.object() {
			c.resync()
		}
		for _, p := range c.parts {
			if p != nil {
				p.pad(c.rows)
			}
		}
	}
}

func (c *jsonChunk) wrong(what string) {
	c.note(trouble{
		name: "bad-json", line: c.line, row: c.rows, message: what + " where a flat JSON object was expected",
		hint: "write one object per line, or an array of objects, with plain values",
	})
}

// resync goes on at the next line.
func (c *jsonChunk) resync() {
	for c.i < len(c.b) && c.b[c.i] != '\n' {
		c.i++
	}
}

func (c *jsonChunk) space() {
	for c.i < len(c.b) {
		switch c.b[c.i] {
		case '\n':
			c.line++
		case ' ', '\t', '\r':
		default:
			return
		}
		c.i++
	}
}

// take skips white space and then the byte, if it is next.
func (c *jsonChunk) take(b byte) bool {
	c.space()
	if c.i < len(c.b) && c.b[c.i] == b {
		c.i++
		return true
	}
	return false
}

func (c *jsonChunk) object() bool {
	c.i++
	if c.take('}') {
		return true
	}
	for {
		c.space()
		key, ok := c.str()
		if !ok || !c.take(':') {
			c.wrong("a key that is not a string with a colon")
			return false
		}
		c.space()
		if !c.value(string(key)) {
			return false
		}
		if c.take('}') {
			return true
		}
		if !c.take(',') {
			c.wrong("no comma or closing brace")
			return false
		}
	}
}

// value reads the value of a key into its column.
func (c *jsonChunk) value(key string) bool {
	p := c.column(key)
	if p != nil && p.rows() == c.rows {
		c.note(trouble{name: "duplicate-key", column: key, line: c.line, row: c.rows, message: "the key occurs twice in one object", hint: "keep one of them"})
		p = nil
	}
	if c.i == len(c.b) {
		c.wrong("no value")
		return false
	}
	switch c.b[c.i] {
	case '"':
		s, ok := c.str()
		if !ok {
			c.wrong("a string that is not valid")
			return false
		}
		if p != nil {
			p.add(s, true)
		}
		return true
	case '{', '[':
		c.note(trouble{name: "nested-value", column: key, line: c.line, row: c.rows, message: "an object or array inside a row", hint: "write its parts as columns of their own"})
		return c.nested()
	}
	start := c.i
	for c.i < len(c.b) && !bytes.ContainsRune([]byte(",}] \t\r\n"), rune(c.b[c.i])) {
		c.i++
	}
	word := c.b[start:c.i]
	switch {
	case string(word) == "null":
		if p != nil {
			p.skip()
		}
	case string(word) == "true", string(word) == "false", validNumber(word):
		if p != nil {
			p.add(word, false)
		}
	default:
		c.wrong("a value that is no number, string, true, false or null")
		return false
	}
	return true
}

// validNumber holds the value against RFC 8259, and lets NaN and the infinities of other writers through, so
// that they are reported as what they are.
func validNumber(word []byte) bool {
	if json.Valid(word) {
		return true
	}
	_, form := parseNumber(word)
	return form == infinite || string(word) == "NaN"
}

// nested skips an object or array.
func (c *jsonChunk) nested() bool {
	depth := 0
	for c.i < len(c.b) {
		switch c.b[c.i] {
		case '"':
			if _, ok := c.str(); !ok {
				return false
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				c.i++
				return true
			}
		case '\n':
			c.line++
		}
		c.i++
	}
	return false
}

// column returns the part of a key, making it on first sight; nil where it is not wanted.
func (c *jsonChunk) column(key string) *part {
	if p := c.byName[key]; p != nil {
		if p.rows() < c.rows-1 {
			p.pad(c.rows - 1)
		}
		return p
	}
	if c.known[key] {
		return nil
	}
	c.known[key] = true
	if len(c.known) > c.max {
		if len(c.known) == c.max+1 {
			c.note(trouble{
				name: "too-many-columns", line: c.line, row: c.rows,
				message: fmt.Sprintf("more than %d keys; the limit is %d", c.max, c.max), hint: "keys that hold data should be values",
			})
		}
		return nil
	}
	if blankName(key) || isBlank(key) {
		c.note(trouble{name: "blank-name", line: c.line, row: c.rows, message: "a key without a name", hint: "name it"})
		return nil
	}
	p := c.make(key, 64)
	if p == nil {
		c.unknown = append(c.unknown, key)
		return nil
	}
	p.pad(c.rows - 1)
	c.byName[key] = p
	c.parts = append(c.parts, p)
	return p
}

// str reads a string; the result is valid until the next call.
func (c *jsonChunk) str() ([]byte, bool) {
	if c.i >= len(c.b) || c.b[c.i] != '"' {
		return nil, false
	}
	start := c.i
	escaped := false
	for i := c.i + 1; i < len(c.b); i++ {
		switch ch := c.b[i]; {
		case ch == '\\':
			escaped = true
			i++
		case ch == '"':
			c.i = i + 1
			if !escaped {
				return c.b[start+1 : i], true
			}
			var s string
			if json.Unmarshal(c.b[start:i+1], &s) != nil || !utf8.ValidString(s) {
				return nil, false
			}
			c.scratch = append(c.scratch[:0], s...)
			return c.scratch, true
		case ch < 0x20:
			return nil, false
		}
	}
	return nil, false
}
