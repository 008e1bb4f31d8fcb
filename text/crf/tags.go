package crf

import "slices"

// tagset are the labels of tokens: O, and for each type B (begins), I (goes on), E (ends) and S (alone). The four say
// where an entity ends before the next token is seen, which plain B and I do not (Ratinov and Roth 2009).
type tagset struct {
	types []string
	names []string
	allow []bool // [from*n+to]
	start []bool
	end   []bool
}

func newTagset(types []string) *tagset {
	t := &tagset{types: types, names: []string{"O"}}
	for _, y := range types {
		t.names = append(t.names, "B-"+y, "I-"+y, "E-"+y, "S-"+y)
	}
	n := len(t.names)
	t.allow, t.start, t.end = make([]bool, n*n), make([]bool, n), make([]bool, n)
	for a := range n {
		outside := a == 0 || part(a) >= 2 // nothing is open behind it
		t.end[a] = outside
		t.start[a] = a == 0 || part(a) == 0 || part(a) == 3
		for b := range n {
			begins := b == 0 || part(b) == 0 || part(b) == 3
			if outside {
				t.allow[a*n+b] = begins
			} else {
				t.allow[a*n+b] = b > 0 && (part(b) == 1 || part(b) == 2) && typeOf(a) == typeOf(b)
			}
		}
	}
	return t
}

// part is 0 for B, 1 for I, 2 for E and 3 for S.
func part(label int) int   { return (label - 1) % 4 }
func typeOf(label int) int { return (label - 1) / 4 }

// labels are those of a sentence with these entities, which do not overlap.
func (t *tagset) labels(n int, entities []Entity) []int {
	out := make([]int, n)
	for _, e := range entities {
		k := slices.Index(t.types, e.Type)
		if k < 0 || e.From < 0 || e.To > n || e.From >= e.To {
			continue
		}
		if e.To-e.From == 1 {
			out[e.From] = 1 + 4*k + 3
			continue
		}
		for i := e.From; i < e.To; i++ {
			out[i] = 1 + 4*k + 1
		}
		out[e.From], out[e.To-1] = 1+4*k, 1+4*k+2
	}
	return out
}

// entities are those of a path that keeps to the rules.
func (t *tagset) entities(labels []int) (out []Entity) {
	from := 0
	for i, y := range labels {
		if y == 0 {
			continue
		}
		switch part(y) {
		case 0:
			from = i
		case 2:
			out = append(out, Entity{From: from, To: i + 1, Type: t.types[typeOf(y)]})
		case 3:
			out = append(out, Entity{From: i, To: i + 1, Type: t.types[typeOf(y)]})
		}
	}
	return out
}
