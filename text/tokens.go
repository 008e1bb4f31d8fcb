package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is what a token is made of.
type Kind uint8

// The kinds of tokens.
const (
	Word   Kind = iota // letters, perhaps with digits among them: "T2", "3beta"
	Number             // digits alone
	Han                // one Chinese character
	Mark               // one sign of punctuation, or another symbol
)

// Token is a word, a number or a sign.
type Token struct {
	Span
	Kind Kind
}

// Tokens cuts a text into tokens, left to right. Letters and digits in a row are one token, signs are one each:
// "T-cell" is three tokens, so that parts of compounds can be told apart.
func Tokens(s string) []Token { return appendTokens(nil, s, Span{0, len(s)}) }

func appendTokens(out []Token, s string, part Span) []Token {
	for i := part.Start; i < part.End; {
		class, n := classAt(s, i)
		if class == space {
			i += n
			continue
		}
		t := Token{Span{i, i + n}, Mark}
		i += n
		switch class {
		case han:
			t.Kind = Han
		case letter, digit:
			t.Kind = Word
			all := class == digit
			for i < part.End {
				c, n := classAt(s, i)
				if c != letter && c != digit {
					break
				}
				all = all && c == digit
				i += n
			}
			if t.End = i; all {
				t.Kind = Number
			}
		}
		out = append(out, t)
	}
	return out
}

type class uint8

const (
	sign class = iota
	space
	letter
	digit
	han
)

var ascii = func() (out [utf8.RuneSelf]class) {
	for r := range out {
		out[r] = classOf(rune(r))
	}
	return out
}()

// classAt is the class of the character at i and how many bytes it has.
func classAt(s string, i int) (class, int) {
	if c := s[i]; c < utf8.RuneSelf {
		return ascii[c], 1
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	return classOf(r), n
}

func classOf(r rune) class {
	switch {
	case unicode.IsSpace(r), r < ' ', r == '\u200b', r == '\ufeff':
		return space
	case unicode.Is(unicode.Han, r):
		return han
	case unicode.IsLetter(r), unicode.Is(unicode.M, r):
		return letter
	case unicode.IsDigit(r):
		return digit
	}
	return sign
}

// Fold is a word as it is compared: in lower case.
func Fold(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || c >= 'A' && c <= 'Z' {
			return strings.ToLower(s)
		}
	}
	return s
}

// Shape shows what a word is written with: X for capitals, x for small letters, d for digits, signs as they are; runs
// longer than three are cut to three. "BRCA2" is "XXXd".
func Shape(s string) string {
	out := make([]byte, 0, 16)
	last, run := byte(0), 0
	for _, r := range s {
		var c byte
		switch {
		case unicode.IsUpper(r):
			c = 'X'
		case unicode.IsLetter(r):
			c = 'x'
		case unicode.IsDigit(r):
			c = 'd'
		case r < utf8.RuneSelf:
			c = byte(r)
		default:
			c = '?'
		}
		if c != last {
			last, run = c, 0
		}
		if run++; run <= 3 && len(out) < 16 {
			out = append(out, c)
		}
	}
	return string(out)
}
