package token

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// letters is a text after normalisation, each character with the bytes that it came from.
type letters struct {
	runes      []rune
	start, end []int32
}

func (l *letters) add(r rune, start, end int) {
	l.runes, l.start, l.end = append(l.runes, r), append(l.start, int32(start)), append(l.end, int32(end))
}

// normal is BERT's normaliser: control characters go, space becomes ' ', Chinese characters stand alone, and, as told,
// letters lose their accents and capitals.
type normal struct {
	clean, chinese, accents, lower bool // accents: strip them
}

func (n normal) apply(s string) *letters {
	l := &letters{make([]rune, 0, len(s)), make([]int32, 0, len(s)), make([]int32, 0, len(s))}
	var buf [64]byte
	for i := 0; i < len(s); {
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		at := i
		i += size
		if n.clean {
			if r == 0 || r == utf8.RuneError || control(r) {
				continue
			}
			if white(r) {
				r = ' '
			}
		}
		wide := n.chinese && ideograph(r)
		if wide {
			l.add(' ', at, i)
		}
		switch {
		case r < utf8.RuneSelf:
			if n.lower && r >= 'A' && r <= 'Z' {
				r += 'a' - 'A'
			}
			l.add(r, at, i)
		case n.accents:
			for _, c := range string(norm.NFD.AppendString(buf[:0], s[at:i])) {
				if !unicode.Is(unicode.Mn, c) {
					l.lowered(n.lower, c, at, i)
				}
			}
		default:
			l.lowered(n.lower, r, at, i)
		}
		if wide {
			l.add(' ', at, i)
		}
	}
	return l
}

func (l *letters) lowered(lower bool, r rune, start, end int) {
	switch {
	case !lower:
		l.add(r, start, end)
	case r == 'İ': // the one letter whose small form is two characters (Unicode SpecialCasing)
		l.add('i', start, end)
		l.add('\u0307', start, end)
	default:
		l.add(unicode.ToLower(r), start, end)
	}
}

// control characters of BERT: all of Unicode's class Other, but for tab and line ends.
func control(r rune) bool {
	if r == '\t' || r == '\n' || r == '\r' {
		return false
	}
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs) || !assigned(r)
}

// assigned tells whether the character belongs to some class.
func assigned(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.C)
}

func white(r rune) bool { return unicode.IsSpace(r) }

// ideograph tells the blocks that BERT takes for Chinese.
func ideograph(r rune) bool {
	return r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF || r >= 0x20000 && r <= 0x2A6DF || r >= 0x2A700 && r <= 0x2B73F ||
		r >= 0x2B740 && r <= 0x2B81F || r >= 0x2B920 && r <= 0x2CEAF || r >= 0xF900 && r <= 0xFAFF || r >= 0x2F800 && r <= 0x2FA1F
}

// punctuation of BERT: all signs of ASCII, and Unicode's class P.
func punctuation(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 33 && r <= 47 || r >= 58 && r <= 64 || r >= 91 && r <= 96 || r >= 123 && r <= 126
	}
	return unicode.Is(unicode.P, r)
}
