package token

import (
	"strings"

	"galen.dev/text"
)

// added are words that are looked for in the text as it is, before anything else: [SEP], <|endoftext|>. A longer one
// goes before a shorter one that begins alike.
type added struct {
	words []string // longest first
	ids   []int32
	first [256]bool
}

// split hands out the text in parts, id -1 for what holds no added word. out is what the parts were appended to.
func (a *added) split(s string, part func(id int32, at text.Span), out *[]Piece) []Piece {
	start := 0
	if a != nil && len(a.words) > 0 {
		for i := 0; i < len(s); {
			if !a.first[s[i]] {
				i++
				continue
			}
			k := a.at(s[i:])
			if k < 0 {
				i++
				continue
			}
			if start < i {
				part(-1, text.Span{Start: start, End: i})
			}
			end := i + len(a.words[k])
			part(a.ids[k], text.Span{Start: i, End: end})
			i, start = end, end
		}
	}
	if start < len(s) {
		part(-1, text.Span{Start: start, End: len(s)})
	}
	return *out
}

func (a *added) at(s string) int {
	for k, w := range a.words {
		if strings.HasPrefix(s, w) {
			return k
		}
	}
	return -1
}
