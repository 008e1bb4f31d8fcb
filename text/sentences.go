package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// abbreviations end with a full stop that ends no sentence. Those that also end sentences, such as "etc", are left
// out, as are those that are words of their own.
var abbreviations = func() map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(`dr drs mr mrs ms prof st vs approx dept fig figs ref refs e.g i.e cf al inc
		no nos vol hx dx tx rx sx fx pt pts temp resp wt ht diff neg pos abd ext neuro gen cv b.i.d t.i.d q.i.d b.i.d. q.d q.h p.o p.r.n
		i.v i.m s.c a.m p.m u.s m.d ph.d r.n d.o jr sr jan feb mar apr jun jul aug sep sept oct nov dec min max hr hrs wk wks yr yrs
		mg ml mcg kg cm mm tab tabs cap caps inj susp sol`) {
		out[w] = true
	}
	return out
}()

// Sentences cuts a text into sentences, without the space around them. A sentence ends after a full stop, question or
// exclamation mark that a space and a beginning follow, unless an abbreviation, an initial or the number of a list
// stands before it; after the Chinese marks; at an empty line; and before a line that begins a list item or a section.
// Other line ends are taken for wrapped lines.
func Sentences(s string) []Span {
	var out []Span
	start := 0
	end := func(at int) {
		from, to := trim(s, start, at)
		if from < to {
			out = append(out, Span{from, to})
		}
		start = at
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.' || c == '?' || c == '!':
			if stops(s, start, i) {
				i = closing(s, i+1)
				end(i)
				i--
			}
		case c == '\n' || c == '\r':
			if breaks(s, i) {
				end(i)
			}
		case c == 0xe3 || c == 0xef: // 。！？；
			if r, n := utf8.DecodeRuneInString(s[i:]); strings.ContainsRune("。！？；", r) {
				i = closing(s, i+n)
				end(i)
				i--
			}
		}
	}
	end(len(s))
	return out
}

func trim(s string, from, to int) (int, int) {
	for from < to {
		c, n := classAt(s, from)
		if c != space {
			break
		}
		from += n
	}
	for from < to {
		r, n := utf8.DecodeLastRuneInString(s[from:to])
		if classOf(r) != space {
			break
		}
		to -= n
	}
	return from, to
}

// closing skips quotes and brackets that belong to the sentence that has just ended.
func closing(s string, i int) int {
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !strings.ContainsRune(`"')]”’」』）.?!`, r) {
			break
		}
		i += n
	}
	return i
}

// stops says whether the mark at i ends a sentence that begins at start.
func stops(s string, start, i int) bool {
	after := closing(s, i+1)
	if after == len(s) {
		return true
	}
	c, n := classAt(s, after)
	if c != space {
		return false
	}
	for next := after; ; {
		next += n
		if next >= len(s) {
			return true
		}
		if c, n = classAt(s, next); c != space {
			r, _ := utf8.DecodeRuneInString(s[next:])
			if unicode.IsLower(r) && s[i] == '.' {
				return false
			}
			break
		}
	}
	return s[i] != '.' || !abbreviated(s, start, i)
}

// abbreviated says whether the full stop at i belongs to the word before it.
func abbreviated(s string, start, i int) bool {
	from := i
	for from > start {
		r, n := utf8.DecodeLastRuneInString(s[start:from])
		if classOf(r) == space || r == '(' {
			break
		}
		if from -= n; i-from > 16 {
			return false
		}
	}
	word := s[from:i]
	if word == "" {
		return false
	}
	if abbreviations[Fold(word)] {
		return true
	}
	r, n := utf8.DecodeRuneInString(word)
	if n == len(word) && unicode.IsUpper(r) {
		return from > start // an initial; a single letter that begins a sentence numbers a list
	}
	// "2." at the start of a line numbers an item.
	line, _ := trim(s, strings.LastIndexByte(s[:from], '\n')+1, from)
	return line == from && len(word) <= 3 && strings.Trim(word, "0123456789") == ""
}

// breaks says whether the line end at i ends a sentence.
func breaks(s string, i int) bool {
	if s[i] == '\r' && i+1 < len(s) && s[i+1] == '\n' {
		return false // counted at the line feed
	}
	rest := s[i+1:]
	line, _, _ := strings.Cut(rest, "\n")
	line = strings.TrimSpace(line)
	if line == "" {
		return true
	}
	return item(line) || header(line) > 0
}

// item says whether a line begins an item of a list: "- ", "* ", "• ", "2. ", "2) ", "a) ".
func item(line string) bool {
	r, n := utf8.DecodeRuneInString(line)
	if strings.ContainsRune("-*•·–+", r) {
		return n < len(line) && line[n] == ' '
	}
	k := 0
	for k < len(line) && k < 3 && line[k] >= '0' && line[k] <= '9' {
		k++
	}
	if k == 0 && line[0] >= 'a' && line[0] <= 'z' && len(line) > 1 && line[1] == ')' {
		return true
	}
	return k > 0 && k+1 < len(line) && (line[k] == '.' || line[k] == ')') && line[k+1] == ' '
}
