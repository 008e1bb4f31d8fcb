package safety

import (
	"fmt"
	"slices"

	"galen.dev/fault"
)

// maxPairs bounds the pairs of drugs that all interactions together name, so that a file of a few lines cannot ask for
// unbounded work.
const maxPairs = 4_000_000

// contradictions finds rules that cannot both be followed: the same drug under the same circumstances, with different
// consequences. A graver stage may have a harder consequence, never a milder one.
func (s *Set) contradictions() []fault.Finding {
	found := s.interactionContradictions()
	for i, a := range s.rules {
		for _, b := range s.rules[:i] {
			if a.Kind != b.Kind || a.Kind == Interaction || !overlap(a.drugs, b.drugs) {
				continue
			}
			if why := contradict(a, b); why != "" {
				found = append(found, contradiction(a, b, why))
			}
		}
	}
	return found
}

func contradiction(a, b *Rule, why string) fault.Finding {
	return fault.Finding{
		Name: "contradictory-rules", Severity: fault.Severe, File: a.File, Line: a.Line,
		Message: fmt.Sprintf("rule %s contradicts rule %s (%s, line %d): %s", a.ID, b.ID, b.File, b.Line, why),
		Hint:    "give the rule the id of the one it is to replace, or make the consequences agree",
	}
}

func overlap(a, b []bool) bool {
	for d := range a {
		if a[d] && b[d] {
			return true
		}
	}
	return false
}

func differ(a, b *Rule) bool { return a.Action != b.Action || a.Limit != b.Limit }

// contradict says how two rules of one kind about a drug clash, or "".
func contradict(a, b *Rule) string {
	const alike = "the same circumstances have different consequences"
	switch a.Kind {
	case Lab:
		switch beyond, within := a.lab.beyond(b.lab), b.lab.beyond(a.lab); {
		case beyond && within && differ(a, b):
			return alike
		case beyond && a.hardness() < b.hardness(), within && b.hardness() < a.hardness():
			return "the graver value has the milder consequence"
		}
	case Pregnant:
		switch {
		case a.trimester == b.trimester && differ(a, b):
			return alike
		case a.trimester != 0 && b.trimester == 0 && a.hardness() < b.hardness(), b.trimester != 0 && a.trimester == 0 && b.hardness() < a.hardness():
			return "a trimester has a milder consequence than pregnancy as such"
		}
	case Condition:
		for _, p := range a.codes {
			if slices.Contains(b.codes, p) && differ(a, b) {
				return alike
			}
		}
	case Allergy:
		same := a.itself && b.itself
		for _, x := range a.allergens {
			same = same || slices.Contains(b.allergens, x)
		}
		if same && differ(a, b) {
			return alike
		}
	case Duplicate:
		if differ(a, b) && slices.Equal(a.exempt, b.exempt) {
			return alike
		}
	}
	return ""
}

func (s *Set) interactionContradictions() []fault.Finding {
	var found []fault.Finding
	first := map[[2]int]*Rule{}
	total := 0
	for _, r := range s.rules {
		if r.Kind != Interaction {
			continue
		}
		if total += count(r.drugs) * count(r.others); total > maxPairs {
			return append(found, fault.Finding{Name: "too-large", Severity: fault.Severe, File: r.File, Line: r.Line, Message: fmt.Sprintf("the interactions name more than %d pairs of drugs", maxPairs)})
		}
		told := map[*Rule]bool{}
		for x := range r.drugs {
			for y := range r.others {
				if !r.drugs[x] || !r.others[y] || x == y {
					continue
				}
				pair := [2]int{min(x, y), max(x, y)}
				if old := first[pair]; old == nil {
					first[pair] = r
				} else if old != r && differ(old, r) && !told[old] {
					told[old] = true
					found = append(found, contradiction(r, old, fmt.Sprintf("%s with %s has different consequences", s.drugs[x].name, s.drugs[y].name)))
				}
			}
		}
	}
	return found
}
