package table

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"galen.dev/fault"
)

// textReader gives UTF-8 from a file of text. UTF-8, and UTF-16 with a byte order mark or recognisable by its
// zero bytes, are certain. Bytes that are not UTF-8 are read as Windows-1252, which holds Latin-1's letters,
// unless the file shows that this is wrong; a finding says so. Everything else needs Options.Encoding.
type textReader struct {
	src  io.Reader
	file string

	raw   []byte
	fill  int // bytes in raw
	out   []byte
	ready []byte // decoded, not yet given
	err   error

	line      int // line breaks before raw
	multibyte bool
	western   bool // switched to Windows-1252
	high      int  // bytes above 0x7f since then
	paired    int  // those beside another one
	lastHigh  bool
	firstLine int // where the switch happened
}

const rawSize = 1 << 18

// openText strips byte order marks and decodes. name is an encoding's label as browsers know it, or "".
func openText(head []byte, src io.Reader, file, name string, buffer int) (io.Reader, error) {
	if name != "" {
		enc, err := htmlindex.Get(name)
		if err != nil {
			return nil, fault.WithHint(fault.Errorf(fault.Usage, "unknown encoding %q", name),
				"use a label such as utf-8, windows-1252, iso-8859-2 or gb18030")
		}
		return decoded(enc, src, file), nil
	}
	switch {
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		if _, err := io.CopyN(io.Discard, src, 3); err != nil {
			return nil, err
		}
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}) || looksUTF16(head, 1):
		return decoded(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), src, file), nil
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}) || looksUTF16(head, 0):
		return decoded(unicode.UTF16(unicode.BigEndian, unicode.UseBOM), src, file), nil
	}
	return &textReader{src: src, file: file, raw: make([]byte, buffer), firstLine: -1}, nil
}

// looksUTF16 tells whether nearly all bytes at the given parity are zero and none at the other is.
func looksUTF16(head []byte, parity int) bool {
	if len(head) < 4 {
		return false
	}
	zeros := 0
	for i := parity; i < len(head); i += 2 {
		if head[i] == 0 {
			zeros++
		}
	}
	return 10*zeros >= 8*(len(head)/2) && bytes.Count(head, []byte{0}) == zeros
}

// decoded turns an encoding into UTF-8 and refuses what it cannot decode.
func decoded(enc encoding.Encoding, src io.Reader, file string) io.Reader {
	r := transform.NewReader(src, unicode.BOMOverride(enc.NewDecoder()))
	return &strictReader{src: r, file: file}
}

// strictReader refuses the replacement character, which decoders put where bytes make no sense.
type strictReader struct {
	src  io.Reader
	file string
	line int
	tail []byte // the last bytes given, so that a character cut in two is seen
}

func (s *strictReader) Read(p []byte) (int, error) {
	n, err := s.src.Read(p)
	seen := append(s.tail, p[:n]...)
	if i := bytes.Index(seen, []byte("\uFFFD")); i >= 0 {
		line := s.line + bytes.Count(p[:max(0, i-len(s.tail))], []byte{'\n'})
		return 0, encodingError(s.file, line, "bytes that the encoding does not allow")
	}
	s.line += bytes.Count(p[:n], []byte{'\n'})
	s.tail = append([]byte(nil), seen[max(0, len(seen)-2):]...)
	return n, err
}

func encodingError(file string, line int, message string) error {
	return fault.Refuse("encoding of "+quoted(file), []fault.Finding{{
		Name: "wrong-encoding", Severity: fault.Severe, File: file, Line: line + 1, Message: message,
		Hint: "save the file as UTF-8, or name its encoding in the options, e.g. windows-1252, iso-8859-2 or gb18030",
	}})
}

func (t *textReader) Read(p []byte) (int, error) {
	for len(t.ready) == 0 {
		if t.err != nil {
			return 0, t.err
		}
		if t.fill == 0 && !t.western && !t.multibyte && len(p) >= len(t.raw) {
			// ASCII, which nearly all files are, goes straight to where it is wanted.
			n, err := t.src.Read(p[:len(t.raw)])
			if asciiPrefix(p[:n]) == n {
				t.err = err
				t.line += bytes.Count(p[:n], []byte{'\n'})
				return n, nil
			}
			t.fill = copy(t.raw, p[:n])
			t.decode(err)
			continue
		}
		n, err := t.src.Read(t.raw[t.fill:])
		t.fill += n
		t.decode(err)
	}
	n := copy(p, t.ready)
	t.ready = t.ready[n:]
	return n, nil
}

// decode turns the bytes in raw to text; err is what came with the last of them.
func (t *textReader) decode(err error) {
	end := err != nil
	if err != nil {
		t.err = err
	}
	b := t.raw[:t.fill]
	if t.western {
		t.decodeWestern(b)
		t.fill = 0
		return
	}
	ascii := asciiPrefix(b)
	if ascii == len(b) {
		t.give(b)
		t.fill = 0
		return
	}
	// Characters may be cut by the end of the stretch: they wait for the next one.
	whole := len(b)
	if !end {
		whole -= cutRune(b)
	}
	if utf8.Valid(b[ascii:whole]) {
		t.multibyte = t.multibyte || whole > ascii
		t.out = append(t.out[:0], b[:whole]...)
		t.give(t.out)
		t.fill = copy(t.raw, b[whole:])
		return
	}
	i := firstInvalid(b)
	if t.multibyte || asciiPrefix(b[:i]) < i {
		t.fail(i, b, "the file begins as UTF-8, but not all of its bytes are")
		return
	}
	t.western = true
	t.firstLine = t.line + bytes.Count(b[:i], []byte{'\n'})
	t.decodeWestern(b)
	t.fill = 0
}

func (t *textReader) give(b []byte) {
	t.ready = b
	t.line += bytes.Count(b, []byte{'\n'})
}

func (t *textReader) fail(i int, b []byte, message string) {
	t.ready = nil
	t.err = encodingError(t.file, t.line+bytes.Count(b[:i], []byte{'\n'}), message)
}

// decodeWestern decodes Windows-1252 and watches for signs that the bytes are something else: codes that it
// leaves undefined, valid UTF-8 sequences, and letters beyond ASCII that mostly stand side by side, as they
// do in Chinese, Greek or Cyrillic encodings.
func (t *textReader) decodeWestern(b []byte) {
	out := t.out[:0]
	for i, c := range b {
		if c < 0x80 {
			out = append(out, c)
			t.lastHigh = false
			continue
		}
		t.high++
		if t.lastHigh {
			t.paired++
		}
		t.lastHigh = true
		r := charmap.Windows1252.DecodeByte(c)
		if c == 0x81 || c == 0x8d || c == 0x8f || c == 0x90 || c == 0x9d || r == utf8.RuneError {
			t.fail(i, b, "bytes that are neither UTF-8 nor Windows-1252")
			return
		}
		out = utf8.AppendRune(out, r)
	}
	t.out = out
	t.give(out)
}

// finding tells, at the end of the file, that it was taken as Windows-1252, or refuses it.
func (t *textReader) finding() (*fault.Finding, error) {
	if !t.western {
		return nil, nil
	}
	if t.paired*2 > t.high {
		return nil, encodingError(t.file, t.firstLine, "bytes that are not UTF-8 and do not look like Windows-1252 either")
	}
	return &fault.Finding{
		Name: "read-as-windows-1252", Severity: fault.Warning, File: t.file, Line: t.firstLine + 1, Count: t.high,
		Message: fmt.Sprintf("the file is not UTF-8; %s beyond ASCII read as Windows-1252", countOf(t.high, "character")),
		Hint:    "save the file as UTF-8, or name its encoding in the options",
	}, nil
}

// asciiPrefix returns how many bytes from the start are ASCII.
func asciiPrefix(b []byte) int {
	i := 0
	for ; i+32 <= len(b); i += 32 {
		x := binary.LittleEndian.Uint64(b[i:]) | binary.LittleEndian.Uint64(b[i+8:]) |
			binary.LittleEndian.Uint64(b[i+16:]) | binary.LittleEndian.Uint64(b[i+24:])
		if x&0x8080808080808080 != 0 {
			break
		}
	}
	for ; i+8 <= len(b); i += 8 {
		if binary.LittleEndian.Uint64(b[i:])&0x8080808080808080 != 0 {
			break
		}
	}
	for i < len(b) && b[i] < 0x80 {
		i++
	}
	return i
}

// cutRune returns how many bytes at the end of b begin a character that goes on after it.
func cutRune(b []byte) int {
	for n := 1; n <= min(3, len(b)); n++ {
		c := b[len(b)-n]
		if utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

func firstInvalid(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return len(b)
}
