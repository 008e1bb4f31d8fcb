package crf

// Counts are entities right and wrong, of which precision, recall and F1 are made.
type Counts struct {
	Right  int `json:"right"`
	Found  int `json:"found"`
	Marked int `json:"marked"`
}

// Add sums two counts.
func (c Counts) Add(o Counts) Counts {
	return Counts{c.Right + o.Right, c.Found + o.Found, c.Marked + o.Marked}
}

// Precision is the share of found entities that are right; NaN where none is found.
func (c Counts) Precision() float64 { return float64(c.Right) / float64(c.Found) }

// Recall is the share of marked entities that are found; NaN where none is marked.
func (c Counts) Recall() float64 { return float64(c.Right) / float64(c.Marked) }

// F1 is the harmonic mean of both; NaN where nothing is found and nothing is marked.
func (c Counts) F1() float64 { return 2 * float64(c.Right) / float64(c.Found+c.Marked) }

// Compare counts the entities of a sentence that agree in type and in both ends (strict), or that agree in type and
// share a token (lenient; each counts once).
func Compare(marked, found []Entity) (strict, lenient Counts) {
	strict = Counts{Found: len(found), Marked: len(marked)}
	lenient = strict
	taken := make([]bool, len(marked))
	for _, f := range found {
		hit := false
		for k, m := range marked {
			if m.Type != f.Type {
				continue
			}
			if m.From == f.From && m.To == f.To {
				strict.Right++
			}
			if !hit && !taken[k] && m.From < f.To && f.From < m.To {
				hit, taken[k] = true, true
				lenient.Right++
			}
		}
	}
	return strict, lenient
}
