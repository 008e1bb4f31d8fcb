package assertion

import (
	"context"
	"slices"
	"strconv"

	"galen.dev/fault"
	"galen.dev/text/linear"
)

// Example is a finding with what is said of it.
type Example struct {
	Finding
	Assertion
}

// fewest is how many examples of a value a classifier is learnt from; the rules decide on properties of which a value
// that occurs has fewer.
const fewest = 20

// Model is the classifier. Its fields are public for encoding/json.
type Model struct {
	Heads []*Head `json:"heads"` // by Properties; nil: the rules decide
	rules *Rules
}

// Head is the classifier of one property.
type Head struct {
	Values   []string      `json:"values"` // those that occur
	Features []string      `json:"features"`
	Weights  *linear.Model `json:"weights"`
	index    map[string]int32
}

// Params of Train.
type Params struct {
	Lambda float64 // penalty of the regression; 0 means 0.5
}

// Train learns from examples.
func Train(ctx context.Context, rules *Rules, examples []Example, p Params) (*Model, error) {
	if p.Lambda == 0 {
		p.Lambda = .5
	}
	m := &Model{Heads: make([]*Head, len(Properties)), rules: rules}
	signs := make([][]string, len(examples))
	for k := range examples {
		signs[k] = m.signs(&examples[k].Finding)
	}
	for property := range Properties {
		count := map[string]int{}
		for k := range examples {
			v := examples[k].Get(property)
			if !slices.Contains(Values[property], v) {
				return nil, fault.Errorf(fault.Data, "example %d: the %s is none of the known ones", k+1, Properties[property])
			}
			count[v]++
		}
		h := &Head{}
		enough := true
		for _, v := range Values[property] {
			if n := count[v]; n > 0 {
				h.Values, enough = append(h.Values, v), enough && n >= fewest
			}
		}
		if len(h.Values) < 2 || !enough {
			continue
		}
		if err := h.fit(ctx, signs, func(k int) string { return examples[k].Get(property) }, p.Lambda); err != nil {
			return nil, err
		}
		m.Heads[property] = h
	}
	return m, nil
}

func (h *Head) fit(ctx context.Context, signs [][]string, value func(k int) string, lambda float64) error {
	count := map[string]int{}
	for _, row := range signs {
		for _, s := range row {
			count[s]++
		}
	}
	for s, n := range count {
		if n >= 2 {
			h.Features = append(h.Features, s)
		}
	}
	slices.Sort(h.Features)
	h.open()
	X, y := make([]linear.Row, len(signs)), make([]int, len(signs))
	for k, row := range signs {
		X[k], y[k] = h.row(row), slices.Index(h.Values, value(k))
	}
	var err error
	h.Weights, err = linear.Fit(ctx, X, y, len(h.Features), len(h.Values), linear.Params{Lambda: lambda})
	return err
}

func (h *Head) open() {
	h.index = make(map[string]int32, len(h.Features))
	for k, s := range h.Features {
		h.index[s] = int32(k)
	}
}

func (h *Head) row(signs []string) linear.Row {
	var row linear.Row
	for _, s := range signs {
		if k, ok := h.index[s]; ok {
			row = append(row, linear.Entry{Col: k, Value: 1})
		}
	}
	return row
}

// Open readies a model that was read from JSON, and returns a Corrupt error if it could not have come from Train.
func (m *Model) Open(rules *Rules) error {
	m.rules = rules
	if len(m.Heads) != len(Properties) {
		return fault.Errorf(fault.Corrupt, "the model of assertions has %d properties", len(m.Heads))
	}
	for property, h := range m.Heads {
		if h == nil {
			continue
		}
		if h.Weights == nil || h.Weights.Classes != len(h.Values) || h.Weights.Columns != len(h.Features) {
			return fault.Errorf(fault.Corrupt, "the model of assertions does not fit its features")
		}
		for _, v := range h.Values {
			if !slices.Contains(Values[property], v) {
				return fault.Errorf(fault.Corrupt, "the model of assertions has a value that is not known")
			}
		}
		if err := h.Weights.Check(); err != nil {
			return err
		}
		h.open()
	}
	return nil
}

// Answer is an assertion with the probability of each property's value; 1 where the rules decided.
type Answer struct {
	Assertion
	Confidence [3]float64
	Because    []Because
}

// Assess says what the model says of a finding.
func (m *Model) Assess(f *Finding) Answer {
	var a Answer
	a.Assertion, a.Because = m.rules.Assess(f)
	signs := m.signs(f)
	for property, h := range m.Heads {
		if a.Confidence[property] = 1; h == nil {
			continue
		}
		p := h.Weights.Predict(h.row(signs))
		if len(p) == 1 {
			p = []float64{1 - p[0], p[0]}
		}
		best := 0
		for k := range p {
			if p[k] > p[best] {
				best = k
			}
		}
		a.Set(property, h.Values[best])
		a.Confidence[property] = p[best]
	}
	return a
}

// reach is how many words to either side are signs.
const reach = 6

// signs are what the classifier sees of a finding: the rules' verdict; the triggers that reach it, with how far away
// they stand; the words before, behind and within it; the section and the first words of the sentence. Each stands
// once.
func (m *Model) signs(f *Finding) []string {
	x := m.rules.Scan(f.Text, f.Tokens)
	verdict, _ := x.Assess(f.From, f.To, f.Section)
	out := []string{"rule=" + verdict.Presence, "rule=" + verdict.Temporality, "rule=" + verdict.Experiencer, "section=" + f.Section}
	x.reaching(f.From, f.To, func(h *hit, e effect, distance int) {
		phrase := directions[e.direction] + ":" + join(h.words)
		out = append(out, "t="+e.category+directions[e.direction], "t="+e.category+directions[e.direction]+far(distance), "t="+phrase, "t="+phrase+far(distance))
	})
	for k := range x.hits {
		h := &x.hits[k]
		if h.from >= f.From && h.to <= f.To {
			out = append(out, "within="+join(h.words))
		}
	}
	w := x.folded
	at := func(i int) string {
		switch {
		case i < 0:
			return "<s>"
		case i >= len(w):
			return "</s>"
		}
		return w[i]
	}
	for o := 1; o <= reach; o++ {
		before, behind := at(f.From-o), at(f.To-1+o)
		if o <= 3 {
			out = append(out, "-"+strconv.Itoa(o)+"="+before, "+"+strconv.Itoa(o)+"="+behind)
		}
		out = append(out, "before="+before, "behind="+behind, "before="+at(f.From-o-1)+" "+before, "behind="+behind+" "+at(f.To+o))
	}
	for i := f.From; i < f.To; i++ {
		out = append(out, "in="+w[i])
		if i+1 < f.To {
			out = append(out, "in="+w[i]+" "+w[i+1])
		}
	}
	out = append(out, "first="+at(f.From), "last="+at(f.To-1), "s="+at(0), "s="+at(0)+" "+at(1), "length="+strconv.Itoa(min(f.To-f.From, 6)))
	if f.From == 0 && f.To == len(w) {
		out = append(out, "whole")
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func join(words []string) string {
	out := words[0]
	for _, w := range words[1:] {
		out += " " + w
	}
	return out
}

func far(distance int) string {
	switch {
	case distance == 0:
		return "/0"
	case distance <= 2:
		return "/2"
	case distance <= 5:
		return "/5"
	}
	return "/9"
}
