package dicom

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// graphic is a set of characters that ISO 2022 can switch to (PS3.3 C.12.1.1.2, PS3.5 §6.1.2).
type graphic struct {
	double bool              // two bytes a character
	shift  byte              // added to the bytes before decode sees them: 0x80 where the escape maps them to G0
	prefix []byte            // put before each character
	table  encoding.Encoding // nil = ASCII
}

// charset is the Specific Character Set of a data set.
type charset struct {
	whole  encoding.Encoding // multi-byte sets without escapes; nil = ISO 2022
	utf8   bool
	g0, g1 graphic
}

var (
	romaji   = graphic{}
	katakana = graphic{table: japanese.ShiftJIS} // single bytes A1..DF
	kanji    = graphic{double: true, shift: 0x80, table: japanese.EUCJP}
	kanji2   = graphic{double: true, shift: 0x80, prefix: []byte{0x8F}, table: japanese.EUCJP}
	hangul   = graphic{double: true, table: korean.EUCKR}
	hanzi    = graphic{double: true, table: simplifiedchinese.GBK}
)

// right are the sets of one byte a character in G1, by their ISO registration.
var right = map[string]graphic{
	"100": {table: charmap.ISO8859_1}, "101": {table: charmap.ISO8859_2}, "109": {table: charmap.ISO8859_3},
	"110": {table: charmap.ISO8859_4}, "144": {table: charmap.ISO8859_5}, "127": {table: charmap.ISO8859_6},
	"126": {table: charmap.ISO8859_7}, "138": {table: charmap.ISO8859_8}, "148": {table: charmap.ISO8859_9},
	"203": {table: charmap.ISO8859_15}, "166": {table: charmap.Windows874}, "13": katakana,
	"149": hangul, "58": hanzi,
}

// escapes are the sequences after ESC, with the set they bring into G0 or G1.
var escapes = []struct {
	sequence string
	g1       bool
	set      graphic
}{
	{"(B", false, graphic{}},
	{"(J", false, romaji},
	{")I", true, katakana},
	{"-A", true, right["100"]},
	{"-B", true, right["101"]},
	{"-C", true, right["109"]},
	{"-D", true, right["110"]},
	{"-L", true, right["144"]},
	{"-G", true, right["127"]},
	{"-F", true, right["126"]},
	{"-H", true, right["138"]},
	{"-M", true, right["148"]},
	{"-b", true, right["203"]},
	{"-T", true, right["166"]},
	{"$B", false, kanji},
	{"$@", false, kanji},
	{"$(D", false, kanji2},
	{"$)C", true, hangul},
	{"$)A", true, hanzi},
}

var utf8Charset = &charset{utf8: true}

// parseCharset reads the values of Specific Character Set; ok is false where the first is not known, and text
// beyond ASCII then becomes replacement characters. Spelling is taken lightly: "ISO IR 100", "ISO-IR 100".
func parseCharset(values []string) (c *charset, ok bool) {
	if len(values) == 0 || values[0] == "" {
		return &charset{}, true
	}
	name := strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToUpper(values[0]))
	switch name {
	case "ISOIR192", "UTF8":
		return utf8Charset, true
	case "GB18030":
		return &charset{whole: simplifiedchinese.GB18030}, true
	case "GBK":
		return &charset{whole: simplifiedchinese.GBK}, true
	}
	number := strings.TrimPrefix(strings.TrimPrefix(name, "ISO2022IR"), "ISOIR")
	if number == "6" {
		return &charset{}, true
	}
	if number == "87" || number == "159" { // Japanese two-byte sets begin in ASCII
		return &charset{}, true
	}
	set, ok := right[number]
	return &charset{g1: set}, ok
}

// decode turns bytes into text. Nil is UTF-8.
func (c *charset) decode(b []byte, vr VR) string {
	if isASCII(b) {
		return string(b)
	}
	switch {
	case c == nil || c.utf8:
		return strings.ToValidUTF8(string(b), "\uFFFD")
	case c.whole != nil:
		return decodeWith(c.whole, b)
	}
	var out strings.Builder
	g0, g1 := c.g0, c.g1
	for len(b) > 0 {
		if b[0] == 0x1B {
			if n, to, isG1 := escape(b[1:]); n > 0 {
				if isG1 {
					g1 = to
				} else {
					g0 = to
				}
				b = b[1+n:]
				continue
			}
		}
		n := c.character(&out, b, g0, g1)
		if !g0.double && resets(b[0], vr) {
			g0, g1 = c.g0, c.g1
		}
		b = b[n:]
	}
	return out.String()
}

// character decodes one character and returns its bytes.
func (c *charset) character(out *strings.Builder, b []byte, g0, g1 graphic) int {
	set := g0
	if b[0] >= 0x80 {
		set = g1
	}
	switch {
	case b[0] <= 0x20 || set.table == nil && b[0] < 0x80:
		out.WriteByte(b[0])
		return 1
	case set.table == nil:
		out.WriteRune(utf8.RuneError)
		return 1
	case !set.double:
		out.WriteString(decodeWith(set.table, b[:1]))
		return 1
	case len(b) < 2:
		out.WriteRune(utf8.RuneError)
		return 1
	}
	pair := append(bytes.Clone(set.prefix), b[0]|set.shift, b[1]|set.shift)
	out.WriteString(decodeWith(set.table, pair))
	return 2
}

// resets says whether the character ends a value or a line, where the initial sets hold again (PS3.5 §6.1.2.5.3).
func resets(b byte, vr VR) bool {
	return b == '\\' || b == '\n' || b == '\r' || b == '\f' || b == '\t' || vr == PN && (b == '^' || b == '=')
}

func escape(b []byte) (n int, set graphic, g1 bool) {
	for _, e := range escapes {
		if bytes.HasPrefix(b, []byte(e.sequence)) {
			return len(e.sequence), e.set, e.g1
		}
	}
	return 0, graphic{}, false
}

func decodeWith(table encoding.Encoding, b []byte) string {
	out, err := table.NewDecoder().Bytes(b)
	if err != nil {
		return string(utf8.RuneError)
	}
	return string(out)
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 || c == 0x1B {
			return false
		}
	}
	return true
}
