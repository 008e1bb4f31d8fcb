package crf

import (
	"strings"
	"unicode/utf8"

	"galen.dev/text"
)

// extractor says what is seen of each token, as short names, in buffers that are used again.
//
// The features are those of Settles (BioNLP 2004) and Leaman and Gonzalez (BANNER, PSB 2008): words, stems, affixes
// and shapes in a window of two tokens to either side; a dictionary; brackets and the long form that an abbreviation
// stands behind.
type extractor struct {
	buf  []byte
	ends []int32 // of each feature in buf
	upTo []int32 // features of the tokens before and of this one, in ends

	folded, shapes []string
	dict           []byte
	long           []int
}

const (
	maxAffix = 5
	window   = 2
)

func (x *extractor) put(parts ...string) {
	for k, p := range parts {
		if k > 1 {
			x.buf = append(x.buf, '|')
		}
		x.buf = append(x.buf, p...)
	}
	x.ends = append(x.ends, int32(len(x.buf)))
}

// features describes a sentence. seen is what the first chain says of its words elsewhere, or nil.
func (x *extractor) features(s *Sentence, d *dictionary, seen [][]string) {
	n := len(s.Tokens)
	x.buf, x.ends, x.upTo = x.buf[:0], x.ends[:0], x.upTo[:0]
	x.folded, x.shapes = x.folded[:0], x.shapes[:0]
	for _, t := range s.Tokens {
		w := t.Of(s.Text)
		x.folded, x.shapes = append(x.folded, bounded(text.Fold(w))), append(x.shapes, text.Shape(w))
	}
	x.dict = d.mark(x.folded, x.dict)
	x.long = longForms(s, x.folded, x.long)
	depth := 0
	for i := range n {
		if x.folded[i] == ")" && depth > 0 {
			depth--
		}
		x.token(s, i, depth)
		if x.folded[i] == "(" {
			depth++
		}
		if seen != nil {
			for o := -1; o <= 1; o++ {
				if j := i + o; j >= 0 && j < n {
					for _, f := range seen[j] {
						x.put(offset(o), "m", f)
					}
				}
			}
			for _, f := range seen[i] {
				x.put("mw=", f, x.folded[i])
			}
		}
		x.upTo = append(x.upTo, int32(len(x.ends)))
	}
}

var offsets = [...]string{"-2", "-1", "0", "+1", "+2"}

func offset(o int) string { return offsets[o+window] }

// at is the folded word at a place, or a word for what lies outside.
func (x *extractor) at(i int) string {
	switch {
	case i < 0:
		return "<s>"
	case i >= len(x.folded):
		return "</s>"
	}
	return x.folded[i]
}

func (x *extractor) token(s *Sentence, i, depth int) {
	w := x.folded[i]
	x.put("b")
	for o := -window; o <= window; o++ {
		x.put(offset(o), "w", x.at(i+o))
	}
	x.put("w-0=", x.at(i-1), w)
	x.put("w0+=", w, x.at(i+1))
	x.put("st=", stem(w))
	x.put("st-=", stem(x.at(i-1)), stem(w))
	x.put("st+=", stem(w), stem(x.at(i+1)))
	for n := 2; n <= maxAffix && n < len(w); n++ {
		if utf8.RuneStart(w[len(w)-n]) {
			x.put("suf=", w[len(w)-n:])
		}
		if utf8.RuneStart(w[n]) {
			x.put("pre=", w[:n])
		}
	}
	for _, o := range []int{-1, 1} {
		if v := x.at(i + o); len(v) > 4 && utf8.RuneStart(v[len(v)-4]) {
			x.put(offset(o), "suf", v[len(v)-4:])
		}
	}
	x.put("sh=", x.shapes[i])
	if i > 0 {
		x.put("sh-=", x.shapes[i-1], x.shapes[i])
	}
	if i+1 < len(x.shapes) {
		x.put("sh+=", x.shapes[i], x.shapes[i+1])
	}
	for o := -1; o <= 1; o++ {
		if j := i + o; j >= 0 && j < len(x.dict) && x.dict[j] != 0 {
			x.put(offset(o), "d", string(x.dict[j:j+1]))
			if o == 0 {
				x.put("dw=", string(x.dict[j:j+1]), w)
			}
		}
	}
	if depth > 0 {
		x.put("in()")
		x.put("in()=", x.shapes[i])
	}
	if k := x.long[i]; k >= 0 {
		x.put("abbr")
		x.put("abbr=", stem(x.folded[k]))
		if x.dict[k] != 0 {
			x.put("abbrd=", string(x.dict[k:k+1]))
		}
	}
	if len(w) == len(s.Tokens[i].Of(s.Text)) && len(w) > 6 {
		// The four letters within long words, for compounds such as "adenomatous" and "leukodystrophy".
		for k := 1; k+4 < len(w) && k < 12; k++ {
			x.put("in=", w[k:k+4])
		}
	}
}

// bounded keeps a word of a hostile note from becoming a feature of megabytes.
func bounded(w string) string {
	const most = 64
	if len(w) <= most {
		return w
	}
	k := most
	for k > 0 && !utf8.RuneStart(w[k]) {
		k--
	}
	return w[:k]
}

// stem takes off a plural.
func stem(w string) string {
	switch {
	case len(w) > 4 && strings.HasSuffix(w, "ies"):
		return w[:len(w)-3] + "y"
	case len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") && !strings.HasSuffix(w, "is") && !strings.HasSuffix(w, "us"):
		return w[:len(w)-1]
	}
	return w
}

// longForms finds for each token in brackets, such as "( APC )", the last word of the long form before it, whose
// words begin with its letters (after Schwartz and Hearst 2003); -1 where there is none. The same token further on in
// the sentence gets the same.
func longForms(s *Sentence, folded []string, out []int) []int {
	out = out[:0]
	for range folded {
		out = append(out, -1)
	}
	for i := 2; i+1 < len(folded); i++ {
		if folded[i-1] != "(" {
			continue
		}
		w := s.Tokens[i].Of(s.Text)
		if len(w) < 2 || len(w) > 8 || strings.ToLower(w[1:]) == w[1:] && w[0] >= 'a' {
			continue
		}
		if initials(folded[:i-1], folded[i]) {
			for j := range folded {
				if folded[j] == folded[i] {
					out[j] = i - 2
				}
			}
		}
	}
	return out
}

// initials says whether the letters of an abbreviation begin the last words, most of them in order.
func initials(words []string, short string) bool {
	k := len(short) - 1
	hits := 0
	for i := len(words) - 1; i >= 0 && i >= len(words)-len(short)-3 && k >= 0; i-- {
		w := words[i]
		if w == "" {
			continue
		}
		for j := k; j >= 0; j-- {
			if w[0] == short[j] {
				hits++
				k = j - 1
				break
			}
		}
	}
	return hits >= 2 && 2*hits >= len(short)
}

// each hands out the features of the tokens, as parts of the buffer.
func (x *extractor) each(yield func(token int, feature []byte)) {
	from, f := int32(0), 0
	for i, upTo := range x.upTo {
		for ; f < int(upTo); f++ {
			yield(i, x.buf[from:x.ends[f]])
			from = x.ends[f]
		}
	}
}

// numbers are the features that a chain knows.
func (x *extractor) numbers(index map[string]int32) [][]int32 {
	out := make([][]int32, len(x.upTo))
	x.each(func(i int, f []byte) {
		if k, ok := index[string(f)]; ok {
			out[i] = append(out[i], k)
		}
	})
	return out
}

// names gives features numbers while they are met.
type names struct {
	index map[string]int32
	list  []string
}

func (n *names) of(x *extractor) [][]int32 {
	out := make([][]int32, len(x.upTo))
	x.each(func(i int, f []byte) {
		k, ok := n.index[string(f)]
		if !ok {
			k = int32(len(n.list))
			n.list = append(n.list, string(f))
			n.index[n.list[k]] = k
		}
		out[i] = append(out[i], k)
	})
	return out
}
