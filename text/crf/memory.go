package crf

import (
	"strings"

	"galen.dev/text"
)

// dictionary finds known names in folded words, the longest first.
type dictionary struct {
	names   map[string]bool
	longest int // words
}

func newDictionary(list []string) *dictionary {
	d := &dictionary{names: make(map[string]bool, len(list))}
	for _, s := range list {
		d.names[s] = true
		d.longest = max(d.longest, 1+strings.Count(s, " "))
	}
	d.longest = min(d.longest, 12)
	return d
}

// foldSpan is a name as dictionaries hold it: folded stems with a space between them.
func foldSpan(s string, tokens []text.Token) string {
	var b strings.Builder
	for k, t := range tokens {
		if k > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(stem(bounded(text.Fold(t.Of(s)))))
	}
	return b.String()
}

// mark gives each word its place in a known name: B, I, E or S; 0 outside.
func (d *dictionary) mark(folded []string, out []byte) []byte {
	out = out[:0]
	for range folded {
		out = append(out, 0)
	}
	if len(d.names) == 0 {
		return out
	}
	var buf []byte
	ends := make([]int, 0, 16)
	for i := 0; i < len(folded); {
		buf, ends = buf[:0], ends[:0]
		for j := i; j < len(folded) && j < i+d.longest; j++ {
			if j > i {
				buf = append(buf, ' ')
			}
			buf = append(buf, stem(folded[j])...)
			ends = append(ends, len(buf))
		}
		n := len(ends)
		for n > 0 && !d.names[string(buf[:ends[n-1]])] {
			n--
		}
		switch {
		case n == 1:
			out[i] = 'S'
		case n > 1:
			for j := i; j < i+n; j++ {
				out[j] = 'I'
			}
			out[i], out[i+n-1] = 'B', 'E'
		}
		i += max(n, 1)
	}
	return out
}

// remembered is what the first chain says of the words of a document.
type remembered struct {
	own   [][][]string // [sentence][token]
	sum   map[string]*tally
	words [][]string
	prob  [][]float64
}

type tally struct {
	n       int
	inside  float64
	longest float64
}

// recall sums up the marginals over the sentences of a document.
func recall(sentences []Sentence, marginals [][][]float64, tags *tagset) *remembered {
	m := &remembered{sum: map[string]*tally{}}
	for k := range sentences {
		s := &sentences[k]
		words := make([]string, len(s.Tokens))
		inside := make([]float64, len(s.Tokens))
		own := make([][]string, len(s.Tokens))
		for i, t := range s.Tokens {
			words[i] = stem(bounded(text.Fold(t.Of(s.Text))))
			p := marginals[k][i]
			best := 0
			for y := range p {
				if p[y] > p[best] {
					best = y
				}
			}
			inside[i] = 1 - p[0]
			own[i] = []string{"o=" + tags.names[best] + level(p[best])}
			c := m.sum[words[i]]
			if c == nil {
				c = &tally{}
				m.sum[words[i]] = c
			}
			c.n++
			c.inside += inside[i]
			c.longest = max(c.longest, inside[i])
		}
		m.own, m.words, m.prob = append(m.own, own), append(m.words, words), append(m.prob, inside)
	}
	return m
}

// of are the features of a sentence's tokens: what the first chain says of the token, and of the same word elsewhere
// in the document.
func (m *remembered) of(k int) [][]string {
	out := make([][]string, len(m.words[k]))
	for i, w := range m.words[k] {
		out[i] = m.own[k][i]
		c := m.sum[w]
		if c.n < 2 {
			continue
		}
		elsewhere := (c.inside - m.prob[k][i]) / float64(c.n-1)
		out[i] = append(out[i], "e="+level(elsewhere))
		if c.longest > m.prob[k][i] {
			out[i] = append(out[i], "t="+level(c.longest))
		}
	}
	return out
}

// level is a probability in words that a weight can belong to.
func level(p float64) string {
	switch {
	case p < .05:
		return "0"
	case p < .2:
		return "1"
	case p < .5:
		return "2"
	case p < .8:
		return "3"
	case p < .95:
		return "4"
	}
	return "5"
}
