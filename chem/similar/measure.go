package similar

import (
	"math"
	"sort"

	"galen.dev/chem/fingerprint"
	"galen.dev/fault"
)

// Measure is a similarity of two sets of bits, from 0 to 1. The zero value is Tanimoto.
type Measure struct {
	kind        measureKind
	alpha, beta float64
}

type measureKind uint8

const (
	tanimoto measureKind = iota
	dice
	cosine
	tversky
)

// The measures without parameters: with a and b bits, c of them in common, Tanimoto is c/(a+b-c), Dice 2c/(a+b),
// Cosine c/√(ab). Nothing is similar to an empty fingerprint.
var (
	Tanimoto = Measure{kind: tanimoto}
	Dice     = Measure{kind: dice}
	Cosine   = Measure{kind: cosine}
)

// Tversky is c/(alpha*a + beta*b + (1-alpha-beta)*c): alpha 1 and beta 0 ask how much of the query lies in the other.
// Both lie between 0 and 1.
func Tversky(alpha, beta float64) (Measure, error) {
	if !(alpha >= 0 && alpha <= 1 && beta >= 0 && beta <= 1) {
		return Measure{}, fault.Errorf(fault.Usage, "similar: Tversky weights %g and %g; both lie between 0 and 1", alpha, beta)
	}
	return Measure{tversky, alpha, beta}, nil
}

// Score is the similarity of sets of a and b bits with c in common.
func (m Measure) Score(c, a, b int) float64 {
	if a == 0 || b == 0 {
		return 0
	}
	x, y, z := float64(c), float64(a), float64(b)
	switch m.kind {
	case dice:
		return 2 * x / (y + z)
	case cosine:
		return x / math.Sqrt(y*z)
	case tversky:
		d := m.alpha*y + m.beta*z + (1-m.alpha-m.beta)*x
		if d == 0 {
			return 1
		}
		return x / d
	}
	return x / (y + z - x)
}

// need is the smallest number of common bits for which good holds, more than min(a, b) if it never does. good holds
// for all scores from some one on.
func (m Measure) need(a, b int, good func(score float64) bool) int {
	return sort.Search(min(a, b)+1, func(c int) bool { return good(m.Score(c, a, b)) })
}

// Counts is the similarity of two count fingerprints by rising code (fingerprint.Folded, Codes): sums of counts take
// the place of numbers of bits, and the sum of the smaller of each two counts that of the common bits.
func (m Measure) Counts(p, q []fingerprint.Count) float64 {
	var a, b, c int
	for _, x := range p {
		a += int(x.Count)
	}
	for _, x := range q {
		b += int(x.Count)
	}
	for len(p) > 0 && len(q) > 0 {
		switch {
		case p[0].Code < q[0].Code:
			p = p[1:]
		case p[0].Code > q[0].Code:
			q = q[1:]
		default:
			c += int(min(p[0].Count, q[0].Count))
			p, q = p[1:], q[1:]
		}
	}
	return m.Score(c, a, b)
}
