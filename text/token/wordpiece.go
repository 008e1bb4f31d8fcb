package token

import (
	"unicode/utf8"

	"galen.dev/text"
)

// wordPiece takes the longest piece of the vocabulary that a word begins with, and goes on behind it. A word of which
// some part is in no piece is unknown as a whole.
type wordPiece struct {
	normal  normal
	special *added
	ids     map[string]int32
	prefix  string // of pieces within a word
	unknown int32
	most    int // characters of a word; longer ones are unknown
	longest int // bytes of the longest piece
}

func (w *wordPiece) append(out []Piece, s string) []Piece {
	return w.special.split(s, func(id int32, part text.Span) {
		if id >= 0 {
			out = append(out, Piece{id, part})
			return
		}
		from := len(out)
		out = w.part(out, s[part.Start:part.End])
		for k := from; k < len(out); k++ {
			out[k].Start += part.Start
			out[k].End += part.Start
		}
	}, &out)
}

func (w *wordPiece) part(out []Piece, s string) []Piece {
	l := w.normal.apply(s)
	for i := 0; i < len(l.runes); {
		r := l.runes[i]
		if white(r) {
			i++
			continue
		}
		j := i + 1
		if !punctuation(r) {
			for j < len(l.runes) && !white(l.runes[j]) && !punctuation(l.runes[j]) {
				j++
			}
		}
		out = w.word(out, l, i, j)
		i = j
	}
	return out
}

func (w *wordPiece) word(out []Piece, l *letters, from, to int) []Piece {
	whole := text.Span{Start: int(l.start[from]), End: int(l.end[to-1])}
	if to-from > w.most {
		return append(out, Piece{w.unknown, whole})
	}
	before := len(out)
	buf := make([]byte, 0, 64)
	ends := make([]int, 0, 32) // of buf after each character
	for at := from; at < to; {
		buf, ends = buf[:0], ends[:0]
		if at > from {
			buf = append(buf, w.prefix...)
		}
		for k := at; k < to && len(buf) < w.longest; k++ {
			buf = utf8.AppendRune(buf, l.runes[k])
			ends = append(ends, len(buf))
		}
		found := false
		for n := len(ends); n > 0 && !found; n-- {
			if id, ok := w.ids[string(buf[:ends[n-1]])]; ok {
				out = append(out, Piece{id, text.Span{Start: int(l.start[at]), End: int(l.end[at+n-1])}})
				at += n
				found = true
			}
		}
		if !found {
			return append(out[:before], Piece{w.unknown, whole})
		}
	}
	return out
}
