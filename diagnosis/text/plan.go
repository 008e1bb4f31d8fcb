package note

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"galen.dev/fault"
	"galen.dev/text"
	"galen.dev/text/linear"
)

// plan is what of a note a model sees. It is made from training notes alone.
type plan struct {
	Format int       `json:"format"`
	Ngrams int       `json:"ngrams"`
	Words  []string  `json:"words"`  // words and rows of words, sorted
	Weight []float64 `json:"weight"` // inverse document frequency of each
	Single []string  `json:"single"` // single words, the commonest first: numbers 2, 3, ... of networks

	index  map[string]int32
	number map[string]int32
}

const planFormat = 1

// newPlan learns the words of notes. A word counts once for each patient, and those of fewer than least patients are
// left out: they could be names.
func newPlan(docs []*text.Document, patients []int, ngrams, least, most int) *plan {
	type seen struct{ notes, patients, last int }
	all := map[string]*seen{}
	order := make([]int, len(docs)) // notes of a patient stand together
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int { return patients[a] - patients[b] })
	for _, k := range order {
		inNote := map[string]bool{}
		eachGram(docs[k], ngrams, func(gram string, _ int, _ int) {
			if inNote[gram] {
				return
			}
			inNote[gram] = true
			s := all[gram]
			if s == nil {
				s = &seen{last: -1}
				all[gram] = s
			}
			if s.notes++; s.last != patients[k] {
				s.patients, s.last = s.patients+1, patients[k]
			}
		})
	}
	var kept []string
	for gram, s := range all {
		if s.patients >= least {
			kept = append(kept, gram)
		}
	}
	slices.SortFunc(kept, func(a, b string) int {
		if d := all[b].notes - all[a].notes; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	kept = kept[:min(len(kept), most)]
	p := &plan{Format: planFormat, Ngrams: ngrams}
	for _, gram := range kept {
		if !strings.Contains(gram, " ") {
			p.Single = append(p.Single, gram)
		}
	}
	slices.Sort(kept)
	p.Words = kept
	for _, gram := range kept {
		p.Weight = append(p.Weight, 1+math.Log(float64(1+len(docs))/float64(1+all[gram].notes)))
	}
	p.open()
	return p
}

func (p *plan) open() {
	p.index, p.number = make(map[string]int32, len(p.Words)), make(map[string]int32, len(p.Single))
	for k, w := range p.Words {
		p.index[w] = int32(k)
	}
	for k, w := range p.Single {
		p.number[w] = int32(k + 2)
	}
}

// check refuses a plan that newPlan did not make, and opens it.
func (p *plan) check() error {
	if p.Format != planFormat || len(p.Words) != len(p.Weight) || p.Ngrams < 1 {
		return fault.WithHint(fault.Errorf(fault.Corrupt, "the plan is of format %d, or incomplete", p.Format), "this Galen reads format %d: run the study again", planFormat)
	}
	p.open()
	return nil
}

// eachGram hands out the folded words of a note and the rows of them within a sentence, with the first and the last
// token. Signs of punctuation break a row.
func eachGram(d *text.Document, most int, yield func(gram string, from, to int)) {
	t := 0
	for _, sentence := range d.Sentences {
		var row []string
		for ; t < len(d.Tokens) && d.Tokens[t].End <= sentence.End; t++ {
			if d.Tokens[t].Kind == text.Mark {
				row = row[:0]
				continue
			}
			row = append(row, short(text.Fold(d.Tokens[t].Of(d.Text))))
			gram := ""
			for n := 1; n <= min(most, len(row)); n++ {
				if gram == "" {
					gram = row[len(row)-1]
				} else {
					gram = row[len(row)-n] + " " + gram
				}
				yield(gram, t-n+1, t+1)
			}
			if len(row) > 16 {
				row = append(row[:0], row[len(row)-4:]...)
			}
		}
	}
}

// short bounds a word, for a hostile note may have one of megabytes.
func short(w string) string {
	const most = 64
	if len(w) <= most {
		return w
	}
	k := most
	for !utf8.RuneStart(w[k]) {
		k--
	}
	return w[:k]
}

// row is a note as the linear model sees it: (1 + log count) × inverse document frequency, divided by the norm
// (Salton and Buckley 1988).
func (p *plan) row(d *text.Document) linear.Row {
	count := map[int32]float64{}
	eachGram(d, p.Ngrams, func(gram string, _, _ int) {
		if k, ok := p.index[gram]; ok {
			count[k]++
		}
	})
	out := make(linear.Row, 0, len(count))
	for k := range count {
		out = append(out, linear.Entry{Col: k})
	}
	slices.SortFunc(out, func(a, b linear.Entry) int { return int(a.Col - b.Col) })
	norm := 0.0
	for _, e := range out {
		v := (1 + math.Log(count[e.Col])) * p.Weight[e.Col]
		norm += v * v
	}
	norm = math.Sqrt(norm)
	for i, e := range out {
		out[i].Value = float32((1 + math.Log(count[e.Col])) * p.Weight[e.Col] / norm)
	}
	return out
}

// sequence is a note as networks see it: up to most numbers, 0 being nothing and 1 a word that is not known.
func (p *plan) sequence(d *text.Document, most int) []int32 {
	var out []int32
	for _, t := range d.Tokens {
		if len(out) == most {
			break
		}
		if t.Kind == text.Mark {
			continue
		}
		k, ok := p.number[short(text.Fold(t.Of(d.Text)))]
		if !ok {
			k = 1
		}
		out = append(out, k)
	}
	return out
}

// known is the share of a note's words that the plan has; 0 for a note without words.
func (p *plan) known(d *text.Document) float64 {
	n, known := 0, 0
	for _, t := range d.Tokens {
		if t.Kind == text.Mark || t.Kind == text.Number {
			continue
		}
		n++
		if _, ok := p.number[short(text.Fold(t.Of(d.Text)))]; ok {
			known++
		}
	}
	if n == 0 {
		return 0
	}
	return float64(known) / float64(n)
}
