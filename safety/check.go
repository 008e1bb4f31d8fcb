package safety

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Pregnancy is what is known of one.
type Pregnancy uint8

// The states of knowledge. Expecting is a pregnancy of unknown age.
const (
	PregnancyUnknown Pregnancy = iota
	NotPregnant
	Trimester1
	Trimester2
	Trimester3
	Expecting
)

// Sex matters for rules of pregnancy alone.
type Sex uint8

// What is known of the sex.
const (
	SexUnknown Sex = iota
	Female
	Male
)

// Patient is what rules go by. The zero value knows nothing, which clears nothing: NewPatient makes it.
type Patient struct {
	Sex       Sex
	Pregnancy Pregnancy
	Labs      [Analytes]float64 // in the analyte's unit; NaN = not known. Labs[Age] is the age in years
	Codes     []string          // diagnoses, in the form of Code
	Allergies []Allergen
	Drugs     []Drug // that are taken now

	CodesKnown, AllergiesKnown, DrugsKnown bool // false = not known, which is not the same as none
}

// NewPatient is a patient of whom nothing is known.
func NewPatient() *Patient {
	p := &Patient{}
	for i := range p.Labs {
		p.Labs[i] = math.NaN()
	}
	return p
}

// Childbearing age, outside of which rules of pregnancy do not ask (years): wider than any definition in use.
const (
	earliestPregnancy = 10
	latestPregnancy   = 60
)

// Status is what becomes of a candidate, from best to worst.
type Status uint8

// The states. Unknown means that a rule that forbids or limits needs a fact that is not known: it cannot be cleared.
const (
	Allowed Status = iota
	Warned
	Limited
	Unknown
	Forbidden
)

var statusNames = [...]string{"allowed", "warned", "limited", "unknown", "forbidden"}

func (s Status) String() string { return statusNames[s] }

// MarshalText writes a status as its word.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a status's word.
func (s *Status) UnmarshalText(text []byte) error {
	i := slices.Index(statusNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("%q is no status", text)
	}
	*s = Status(i)
	return nil
}

// Hit is a rule that applies, or that cannot be cleared.
type Hit struct {
	Rule *Rule
	// With is what it meets: the other drug, an analyte, a class of allergens; "" where the rule says it all.
	With string
	// Missing is the fact that the rule needs and that is not known; "" where the rule applies.
	Missing string
}

// Status is what the hit alone would make of the candidate.
func (h Hit) Status() Status {
	switch {
	case h.Missing != "":
		return Unknown
	case h.Rule.Action == Forbid:
		return Forbidden
	case h.Rule.Action == Limit:
		return Limited
	}
	return Warned
}

// Verdict is what the rules say of a candidate: the worst of its hits.
type Verdict struct {
	Status Status
	Hits   []Hit // the gravest first, then by the order of the rules
}

// Check holds a candidate against every rule, beside what the patient takes and what is ordered with it.
func (s *Set) Check(p *Patient, ordered []Drug, candidate Drug) Verdict {
	var v Verdict
	for _, r := range s.about[candidate] {
		with, missing, hit := s.meets(p, r, candidate)
		if hit && missing != "" && r.Action == Warn {
			continue // what would only warn needs no fact
		}
		if hit {
			v.Hits = append(v.Hits, Hit{Rule: r, With: with, Missing: missing})
		}
	}
	if !p.DrugsKnown {
		for _, r := range s.pairs[candidate] {
			if r.Action != Warn {
				v.Hits = append(v.Hits, Hit{Rule: r, Missing: "current drugs"})
				break // one rule stands for all that ask the same
			}
		}
	}
	for _, r := range s.pairs[candidate] {
		for _, d := range p.Drugs {
			v.pair(s, r, candidate, d)
		}
		for _, d := range ordered {
			if !slices.Contains(p.Drugs, d) {
				v.pair(s, r, candidate, d)
			}
		}
	}
	for _, h := range v.Hits {
		v.Status = max(v.Status, h.Status())
	}
	slices.SortStableFunc(v.Hits, func(a, b Hit) int { return int(b.Status()) - int(a.Status()) })
	return v
}

func (v *Verdict) pair(s *Set, r *Rule, candidate, d Drug) {
	if s.together(r, candidate, d) {
		v.Hits = append(v.Hits, Hit{Rule: r, With: s.drugs[d].name})
	}
}

// together tells whether a rule of two drugs meets these.
func (s *Set) together(r *Rule, a, b Drug) bool {
	if r.Kind == Duplicate {
		return r.drugs[b] && s.duplicate(r, a, b)
	}
	return a != b && (r.drugs[a] && r.others[b] || r.drugs[b] && r.others[a])
}

// duplicate tells whether two drugs are the same or share an ATC class of level 4. Classes of leftovers, whose last
// letter is X, hold unlike drugs.
func (s *Set) duplicate(r *Rule, a, b Drug) bool {
	if a == b {
		return true
	}
	for _, x := range s.drugs[a].atc {
		for _, y := range s.drugs[b].atc {
			class := x[:5]
			if class == y[:5] && class[4] != 'X' && !slices.ContainsFunc(r.exempt, func(e string) bool { return strings.HasPrefix(class, e) }) {
				return true
			}
		}
	}
	return false
}

// Interacts is the hardest action of the interactions that meet two drugs, or "": for rates of interactions.
func (s *Set) Interacts(a, b Drug) Action {
	var hardest *Rule
	for _, r := range s.pairs[a] {
		if r.Kind == Interaction && s.together(r, a, b) && (hardest == nil || r.hardness() > hardest.hardness()) {
			hardest = r
		}
	}
	if hardest == nil {
		return ""
	}
	return hardest.Action
}

// meets tells whether a rule of one drug applies to the patient, with what, and which fact is missing to tell.
func (s *Set) meets(p *Patient, r *Rule, candidate Drug) (with, missing string, hit bool) {
	switch r.Kind {
	case Lab:
		v := p.Labs[r.lab.analyte]
		if math.IsNaN(v) {
			return "", r.lab.analyte.Name(), true
		}
		return r.lab.analyte.Name(), "", r.lab.met(v)
	case Condition:
		if !p.CodesKnown {
			return "", "diagnoses", true
		}
		for _, c := range p.Codes {
			for _, span := range r.codes {
				if span.holds(c) {
					return r.Condition, "", true
				}
			}
		}
	case Allergy:
		return s.meetsAllergy(p, r, candidate)
	case Pregnant:
		return meetsPregnancy(p, r)
	}
	return "", "", false
}

func (s *Set) meetsAllergy(p *Patient, r *Rule, candidate Drug) (with, missing string, hit bool) {
	if !p.AllergiesKnown {
		return "", "allergies", true
	}
	for _, id := range p.Allergies {
		a := &s.allergens[id]
		if r.itself && a.drug == candidate {
			return a.name, "", true
		}
		if slices.Contains(r.allergens, id) || a.class >= 0 && slices.Contains(r.allergens, a.class) {
			return a.name, "", true
		}
	}
	return "", "", false
}

func meetsPregnancy(p *Patient, r *Rule) (with, missing string, hit bool) {
	age := p.Labs[Age]
	switch {
	case p.Pregnancy == NotPregnant, p.Pregnancy == PregnancyUnknown && (p.Sex == Male || age < earliestPregnancy || age > latestPregnancy):
		return "", "", false
	case p.Pregnancy == PregnancyUnknown:
		return "", "pregnancy", true
	case r.trimester == 0:
		return "pregnancy", "", true
	case p.Pregnancy == Expecting:
		return "", "trimester", true
	}
	return "pregnancy", "", int(p.Pregnancy-Trimester1)+1 == r.trimester
}
