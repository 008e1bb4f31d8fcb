package assertion

import (
	"slices"

	"galen.dev/text"
)

// hit is a trigger found in a sentence.
type hit struct {
	*trigger
	from, to int // tokens
}

// Because is the trigger that decided a property.
type Because struct {
	Property string    `json:"property"`
	Trigger  text.Span `json:"trigger"` // in the text of the finding
}

// scan finds the triggers of a sentence, left to right, the longest at each place; they do not overlap.
func (r *Rules) scan(folded []string, out []hit) []hit {
	out = out[:0]
	for i := 0; i < len(folded); {
		n := 0
		for _, t := range r.byWord[folded[i]] {
			if len(t.words) <= len(folded)-i && slices.Equal(t.words, folded[i:i+len(t.words)]) {
				out = append(out, hit{t, i, i + len(t.words)})
				n = len(t.words)
				break
			}
		}
		i += max(n, 1)
	}
	return out
}

func (h *hit) has(d direction) bool {
	return slices.ContainsFunc(h.does, func(e effect) bool { return e.direction == d })
}

func fold(s string, tokens []text.Token, out []string) []string {
	out = out[:0]
	for _, t := range tokens {
		out = append(out, text.Fold(t.Of(s)))
	}
	return out
}

// Scanned is a sentence whose triggers have been found, so that several findings in it cost one search.
type Scanned struct {
	text   string
	tokens []text.Token
	folded []string
	hits   []hit
}

// Scan finds the triggers of a sentence.
func (r *Rules) Scan(s string, tokens []text.Token) *Scanned {
	x := &Scanned{text: s, tokens: tokens, folded: fold(s, tokens, nil)}
	x.hits = r.scan(x.folded, nil)
	return x
}

// Assess says what the rules say of a finding, and because of which triggers.
func (r *Rules) Assess(f *Finding) (Assertion, []Because) {
	return r.Scan(f.Text, f.Tokens).Assess(f.From, f.To, f.Section)
}

// Assess says what the rules say of the tokens from … to-1. Of triggers that speak for different values of a property
// the nearest counts. A section of the past or of the family speaks where no trigger does.
func (x *Scanned) Assess(from, to int, section string) (Assertion, []Because) {
	a := Plain
	var because []Because
	var nearest [3]int
	var by [3]*hit
	x.reaching(from, to, func(h *hit, e effect, distance int) {
		c := categories[e.category]
		if by[c.property] == nil || distance < nearest[c.property] {
			nearest[c.property], by[c.property] = distance, h
			a.Set(c.property, c.value)
		}
	})
	for k, h := range by {
		if h != nil {
			because = append(because, Because{Properties[k], text.Span{Start: x.tokens[h.from].Start, End: x.tokens[h.to-1].End}})
		}
	}
	switch {
	case section == "past" && by[1] == nil:
		a.Temporality = Historical
	case section == "family" && by[2] == nil:
		a.Experiencer = Other
	}
	return a, because
}

// reaching hands out the triggers whose reach holds the tokens from … to-1, with the number of tokens between.
func (x *Scanned) reaching(from, to int, yield func(h *hit, e effect, distance int)) {
	start, end := 0, len(x.folded) // what triggers reach: up to what ends their reach, on both sides
	for k := range x.hits {
		h := &x.hits[k]
		if !h.has(terminate) {
			continue
		}
		if h.to <= from {
			start = h.to
		} else if h.from >= to && end == len(x.folded) {
			end = h.from
		}
	}
	for k := range x.hits {
		h := &x.hits[k]
		for _, e := range h.does {
			switch {
			case e.direction == forward && h.to <= from && h.from >= start:
				yield(h, e, from-h.to)
			case e.direction == backward && h.from >= to && h.to <= end:
				yield(h, e, h.from-to)
			}
		}
	}
}
