package treatment

import (
	"slices"

	"galen.dev/safety"
)

// gate stands between what a model ranks and what is suggested. Models have no way around it: everything that evaluate
// measures and apply hands out comes from it.
type gate struct {
	rules     *safety.Set
	drugs     []safety.Drug // of each treatment
	unknown   bool          // a treatment that rules cannot clear for want of a fact is suggested, and marked
	top       int           // suggestions at most
	threshold float64       // probability from which a treatment is suggested
}

func newGate(rules *safety.Set, treatments []string) (*gate, error) {
	g := &gate{rules: rules}
	for _, name := range treatments {
		d, err := rules.Drug(name)
		if err != nil {
			return nil, err
		}
		g.drugs = append(g.drugs, d)
	}
	return g, nil
}

// ranked is a treatment with the model's probability and the verdict of the rules.
type ranked struct {
	treatment int
	p         float64
	verdict   safety.Verdict
}

// blocks tells whether a status keeps a treatment from being suggested.
func (g *gate) blocks(s safety.Status) bool {
	return s == safety.Forbidden || s == safety.Unknown && !g.unknown
}

// pass takes treatments from the most probable down, each only where the rules clear it beside what the patient takes
// and what was taken before it, so that suggestions can be followed together. Whatever stands in prob, NaN and numbers
// that are no probabilities included, only the order depends on it.
func (g *gate) pass(p *safety.Patient, prob []float64) (suggested, ruledOut []ranked) {
	var ordered []safety.Drug
	for _, t := range order(prob) {
		if !(prob[t] >= g.threshold) {
			break
		}
		x := ranked{t, prob[t], g.rules.Check(p, ordered, g.drugs[t])}
		switch {
		case g.blocks(x.verdict.Status):
			ruledOut = append(ruledOut, x)
		case len(suggested) < g.top:
			suggested = append(suggested, x)
			ordered = append(ordered, g.drugs[t])
		}
	}
	return suggested, ruledOut
}

// order ranks treatments by probability, the largest first; NaN last; ties by their place.
func order(prob []float64) []int {
	out := make([]int, len(prob))
	for t := range out {
		out[t] = t
	}
	slices.SortStableFunc(out, func(a, b int) int {
		switch x, y := prob[a], prob[b]; {
		case x > y || y != y && x == x:
			return -1
		case y > x || x != x && y == y:
			return 1
		}
		return 0
	})
	return out
}

// masked are probabilities with 0 for what rules block beside what the patient takes.
func (g *gate) masked(p *safety.Patient, prob []float64) []float64 {
	out := slices.Clone(prob)
	for t, d := range g.drugs {
		if g.blocks(g.rules.Check(p, nil, d).Status) {
			out[t] = 0
		}
	}
	return out
}

// pairs counts pairs of drugs, at least one of which is of the set and the others current drugs or of the set too; of
// them those that an interaction forbids, and those of which one limits a dose.
func (g *gate) pairs(p *safety.Patient, set []int) (forbidden, limited, all int) {
	meet := func(a, b safety.Drug) {
		if a == b {
			return
		}
		all++
		switch g.rules.Interacts(a, b) {
		case safety.Forbid:
			forbidden++
		case safety.Limit:
			limited++
		}
	}
	for i, t := range set {
		for _, u := range set[:i] {
			meet(g.drugs[t], g.drugs[u])
		}
		for _, d := range p.Drugs {
			meet(g.drugs[t], d)
		}
	}
	return forbidden, limited, all
}

// forbidden counts treatments of a set that a rule forbids, each beside the others.
func (g *gate) forbidden(p *safety.Patient, set []int) (n int) {
	for i, t := range set {
		var others []safety.Drug
		for k, u := range set {
			if k != i {
				others = append(others, g.drugs[u])
			}
		}
		if g.rules.Check(p, others, g.drugs[t]).Status == safety.Forbidden {
			n++
		}
	}
	return n
}
