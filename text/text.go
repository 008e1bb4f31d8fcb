// Package text turns clinical notes into documents whose every part knows its bytes: sections, sentences, tokens.
//
// Every position is an offset in bytes into the text that Clean returned, so that what a model finds can be marked in
// the note it came from. Nothing is lower-cased or cut away; what differs between writings of a word is folded only
// where words are compared (Fold).
//
// Read Clean (bytes to text), Parse (text to Document), then tokens.go, sentences.go and sections.go. The packages
// below build on it: token (subwords of BERT and GPT), context (negation and its kin), crf (entities), linear
// (documents), bert (encoders).
//
// The rules are for English and Chinese. Chinese is cut into single characters: words of Chinese need a dictionary of
// many megabytes, and features of two and three characters in a row serve classifiers about as well (Zhang and LeCun
// 2017).
package text

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"galen.dev/fault"
)

// MaxBytes is the longest note that Clean takes: 16 MiB, some five thousand pages.
const MaxBytes = 16 << 20

// Span is a part of a text: the bytes from Start up to End.
type Span struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

// Of is the part of the text.
func (s Span) Of(text string) string { return text[s.Start:s.End] }

// Overlaps says whether two spans share a byte.
func (s Span) Overlaps(o Span) bool { return s.Start < o.End && o.Start < s.End }

// Document is a text with its parts, each in order.
type Document struct {
	Text      string
	Sections  []Section
	Sentences []Span
	Tokens    []Token // of all sentences
}

// Parse finds the parts of a text, which must be valid UTF-8: see Clean.
func Parse(s string) *Document {
	d := &Document{Text: s, Sections: Sections(s), Sentences: Sentences(s)}
	d.Tokens = make([]Token, 0, len(s)/5+1)
	for _, sentence := range d.Sentences {
		d.Tokens = appendTokens(d.Tokens, s, sentence)
	}
	return d
}

// SectionOf is the section that holds a position, or nil where none does.
func (d *Document) SectionOf(at int) *Section {
	k, found := slices.BinarySearchFunc(d.Sections, at, func(s Section, at int) int { return s.Header.Start - at })
	if !found {
		k--
	}
	if k < 0 {
		return nil
	}
	return &d.Sections[k]
}

// TokensOf are the tokens that lie within a span.
func (d *Document) TokensOf(s Span) []Token {
	from, _ := slices.BinarySearchFunc(d.Tokens, s.Start, func(t Token, at int) int { return t.Start - at })
	to := from
	for to < len(d.Tokens) && d.Tokens[to].End <= s.End {
		to++
	}
	return d.Tokens[from:to]
}

// CleanOptions says how Clean treats bytes that are no text. The zero value refuses them.
type CleanOptions struct {
	Replace bool // put U+FFFD in the place of each invalid byte and of each NUL
}

// Clean makes a string of a note's bytes: a byte order mark is taken off and the text composed (Unicode NFC), so that
// é is one letter however it was typed. Line ends stay as they are.
//
// Refused as Data: notes longer than MaxBytes; and, unless they are to be replaced, invalid UTF-8 and NUL bytes, with
// the offset of the first and how many there are.
func Clean(b []byte, o CleanOptions) (string, error) {
	if len(b) > MaxBytes {
		return "", fault.WithHint(fault.Errorf(fault.Data, "the note has %d bytes, and at most %d are taken", len(b), MaxBytes), "cut it into the documents that it is made of")
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	first, bad := 0, 0
	for i := 0; i < len(b); {
		if b[i] != 0 && b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == 0 || r == utf8.RuneError && n == 1 {
			if bad == 0 {
				first = i
			}
			bad++
		}
		i += n
	}
	if bad > 0 && !o.Replace {
		return "", fault.WithHint(fault.Errorf(fault.Data, "the text is not valid UTF-8: %s, the first at offset %d", fault.Count(bad, "byte"), first), "convert it to UTF-8, or let invalid bytes be replaced")
	}
	s := string(b)
	if bad > 0 {
		s = replaceInvalid(b)
	}
	if !norm.NFC.IsNormalString(s) {
		s = norm.NFC.String(s)
	}
	return s, nil
}

// replaceInvalid puts one U+FFFD for each invalid byte and NUL.
func replaceInvalid(b []byte) string {
	var out strings.Builder
	out.Grow(len(b) + 8)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == 0 {
			r = utf8.RuneError
		}
		out.WriteRune(r)
		b = b[n:]
	}
	return out.String()
}
