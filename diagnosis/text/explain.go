package note

import (
	"context"
	"math"
	"slices"
	"strings"

	"galen.dev/metric"
	"galen.dev/text"
)

// Explanation says which words a class of a note rests on.
type Explanation struct {
	// Method is "exact", the contributions of a linear model's words to the log-odds or score, which sum to it with
	// the intercept; or "occlusion", the change of the log-odds of the class when a word is taken out.
	Method string   `json:"method"`
	Of     string   `json:"of"` // the class
	Words  []Effect `json:"words"`
	// Deletion is by how much the log-odds fall when the words named first are taken out, and Random when as many
	// others are, evenly spread over the note; the explanation is true where Deletion is larger.
	Deletion float64 `json:"deletion"`
	Random   float64 `json:"random"`
}

// Effect is what a place of a note contributes.
type Effect struct {
	text.Span
	Effect float64 `json:"effect"`
}

// maxOccluded bounds the words that occlusion takes out one by one; of a longer note stretches of words are.
const maxOccluded = 200

// explain says why a note has its class: of two classes why it is the event, or why not.
func (m *model) explain(ctx context.Context, d *text.Document, class, most int) (*Explanation, error) {
	x := &Explanation{Of: m.Outcome.Classes[class], Words: []Effect{}}
	var err error
	if m.Model == "linear" {
		x.Method, x.Words = "exact", m.contributions(d, class)
	} else {
		x.Method = "occlusion"
		x.Words, err = m.occlude(ctx, d, class)
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(x.Words, func(a, b Effect) int {
		switch d := math.Abs(b.Effect) - math.Abs(a.Effect); {
		case d > 0:
			return 1
		case d < 0:
			return -1
		}
		return a.Start - b.Start
	})
	if x.Deletion, x.Random, err = m.prove(ctx, d, x.Words, class); err != nil {
		return nil, err
	}
	x.Words = x.Words[:min(most, len(x.Words))]
	return x, nil
}

// contributions shares each feature's contribution among the places where it stands.
func (m *model) contributions(d *text.Document, class int) []Effect {
	row := m.plan.row(d)
	output, sign := class, 1.0
	if len(m.Linear.Weight) == 1 {
		if output = 0; class == 0 {
			sign = -1
		}
	}
	value := map[int32]float64{}
	for k, c := range m.Linear.Contributions(row, output) {
		value[row[k].Col] = sign * c
	}
	places := map[int32]float64{}
	eachGram(d, m.plan.Ngrams, func(gram string, _, _ int) {
		if k, ok := m.plan.index[gram]; ok {
			places[k]++
		}
	})
	var out []Effect
	eachGram(d, m.plan.Ngrams, func(gram string, from, to int) {
		if k, ok := m.plan.index[gram]; ok && value[k] != 0 {
			out = append(out, Effect{text.Span{Start: d.Tokens[from].Start, End: d.Tokens[to-1].End}, value[k] / places[k]})
		}
	})
	return out
}

// occlude takes out words, or stretches of them, one by one.
func (m *model) occlude(ctx context.Context, d *text.Document, class int) ([]Effect, error) {
	var parts []text.Span
	for _, t := range d.Tokens {
		if t.Kind != text.Mark {
			parts = append(parts, t.Span)
		}
	}
	if size := (len(parts) + maxOccluded - 1) / maxOccluded; size > 1 {
		var joined []text.Span
		for k := 0; k < len(parts); k += size {
			joined = append(joined, text.Span{Start: parts[k].Start, End: parts[min(k+size, len(parts))-1].End})
		}
		parts = joined
	}
	docs := []*text.Document{d}
	for _, p := range parts {
		docs = append(docs, without(d.Text, []text.Span{p}))
	}
	said, err := m.predict(ctx, docs)
	if err != nil {
		return nil, err
	}
	whole := odds(said[0], class)
	out := make([]Effect, len(parts))
	for k, p := range parts {
		out[k] = Effect{p, whole - odds(said[k+1], class)}
	}
	return out, nil
}

// odds are the log-odds of a class.
func odds(raw []float64, class int) float64 {
	if len(raw) == 1 {
		if class == 0 {
			return -metric.Logit(raw[0])
		}
		return metric.Logit(raw[0])
	}
	return metric.Logit(raw[class])
}

// without is a text with some parts taken out.
func without(s string, parts []text.Span) *text.Document {
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b text.Span) int { return a.Start - b.Start })
	var b strings.Builder
	at := 0
	for _, p := range parts {
		if p.Start > at {
			b.WriteString(s[at:p.Start])
		}
		at = max(at, p.End)
	}
	b.WriteString(s[at:])
	return text.Parse(b.String())
}

// prove takes out a fifth of the words, those that speak most for the class, and as many others.
func (m *model) prove(ctx context.Context, d *text.Document, sorted []Effect, class int) (deletion, random float64, err error) {
	n := max(len(sorted)/5, 1)
	var top, other []text.Span
	for _, e := range sorted {
		if e.Effect > 0 && len(top) < n {
			top = append(top, e.Span)
		}
	}
	if len(top) == 0 {
		return 0, 0, nil
	}
	byPlace := slices.Clone(sorted)
	slices.SortStableFunc(byPlace, func(a, b Effect) int { return a.Start - b.Start })
	for k := range len(top) {
		other = append(other, byPlace[k*len(byPlace)/len(top)].Span)
	}
	said, err := m.predict(ctx, []*text.Document{d, without(d.Text, top), without(d.Text, other)})
	if err != nil {
		return 0, 0, err
	}
	whole := odds(said[0], class)
	return whole - odds(said[1], class), whole - odds(said[2], class), nil
}
