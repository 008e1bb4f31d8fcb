// Package safety is the hard layer between a model and a suggestion: rules of interactions, contraindications,
// allergies, renal and hepatic limits, pregnancy, age and duplicate therapy. A model ranks; what a rule forbids is
// never suggested, whatever the model says.
//
// Rules are data, so that pharmacists read and change them without a program: data/rules.csv, each with its source, over
// the substances of data/drugs.csv. They are known facts with a citation, not learned from cases, because the cases
// that a model learns from hold the mistakes too. A learned interaction loss, as SafeDrug has (Yang et al. 2021), makes
// violations rarer; a mask makes them impossible.
//
// Nothing is ignored: a drug or an allergy that is not in the tables is an error with the nearest known word, rules
// that contradict each other are refused, and a fact that a rule needs and the case lacks gives the verdict Unknown.
//
// Read in this order: Set and New (this file), rule.go (what a rule is), parse.go (how files are read), contradict.go,
// check.go (Patient, Check, Verdict). docs/format/rules.md describes the files. Most of the interactions that forbid are
// the high-priority list of the US Office of the National Coordinator (Phansalkar et al., JAMIA 19 (2012) 735).
package safety

import (
	"embed"
	"fmt"
	"slices"
	"sort"
	"strings"

	"galen.dev/fault"
	"galen.dev/medcode"
)

//go:embed data/*.csv
var shipped embed.FS

// File is a CSV file in memory; Name is for messages.
type File struct {
	Name string `json:"name"`
	Data []byte `json:"data"`
}

// Files are the tables that a Set is made of. Later files extend earlier ones: a drug or allergen adds, and a rule
// with the id of a rule of an earlier file replaces it.
type Files struct {
	Drugs     []File `json:"drugs"`
	Allergens []File `json:"allergens"`
	Rules     []File `json:"rules"`
}

// Shipped are the files inside the program.
func Shipped() Files {
	read := func(name string) []File {
		data, err := shipped.ReadFile("data/" + name)
		if err != nil {
			panic("safety: " + err.Error()) // embedded
		}
		return []File{{Name: name, Data: data}}
	}
	return Files{Drugs: read("drugs.csv"), Allergens: read("allergens.csv"), Rules: read("rules.csv")}
}

// Drug is the number of a substance in a Set.
type Drug int

// Allergen is the number of an allergen in a Set: a substance, or a class.
type Allergen int

// Set is a checked set of rules over a table of drugs. It does not change and is safe for concurrent use.
type Set struct {
	drugs     []substance
	byName    map[string]Drug // names, synonyms and ATC codes, folded
	allergens []allergen
	byAllergy map[string]Allergen
	rules     []*Rule
	off       []*Rule   // rules that a later file switched off
	about     [][]*Rule // by drug: rules of one drug
	pairs     [][]*Rule // by drug: interactions and duplicates in which it may be either side
}

type substance struct {
	name string
	atc  []string
}

// allergen is a class with its member drugs, or (drug >= 0) one substance.
type allergen struct {
	name    string
	drug    Drug
	members []bool // by drug; nil of a substance and of what is no drug
	class   Allergen
}

// New reads and checks tables. The error lists everything that is wrong with them, each with file and line.
func New(f Files) (*Set, error) {
	s := &Set{byName: map[string]Drug{}, byAllergy: map[string]Allergen{}}
	var found []fault.Finding
	for _, file := range f.Drugs {
		found = append(found, s.readDrugs(file)...)
	}
	if len(s.drugs) == 0 && found == nil {
		found = append(found, fault.Finding{Name: "no-drugs", Severity: fault.Severe, Message: "the table of drugs is empty"})
	}
	for _, file := range f.Allergens {
		found = append(found, s.readAllergens(file)...)
	}
	s.drugAllergens()
	for _, file := range f.Rules {
		found = append(found, s.readRules(file)...)
	}
	if found == nil {
		found = s.contradictions()
	}
	if err := fault.Refuse("safety rules", found); err != nil {
		return nil, err
	}
	s.index()
	return s, nil
}

// drugAllergens makes an allergen of every drug. It counts as one of its narrowest class: who is allergic to
// amoxicillin is allergic to penicillins, but not for that to all beta-lactams.
func (s *Set) drugAllergens() {
	classes := len(s.allergens)
	for d := range s.drugs {
		a := allergen{name: s.drugs[d].name, drug: Drug(d), class: -1}
		least := 0
		for c := range classes {
			m := s.allergens[c].members
			if m == nil || !m[d] {
				continue
			}
			if n := count(m); a.class < 0 || n < least {
				a.class, least = Allergen(c), n
			}
		}
		s.allergens = append(s.allergens, a)
	}
	for word, d := range s.byName {
		if _, taken := s.byAllergy[word]; !taken {
			s.byAllergy[word] = Allergen(classes + int(d))
		}
	}
}

func count(set []bool) (n int) {
	for _, in := range set {
		if in {
			n++
		}
	}
	return n
}

func (s *Set) index() {
	s.about, s.pairs = make([][]*Rule, len(s.drugs)), make([][]*Rule, len(s.drugs))
	for _, r := range s.rules {
		for d := range s.drugs {
			switch {
			case r.Kind == Interaction && (r.drugs[d] || r.others[d]), r.Kind == Duplicate && r.drugs[d]:
				s.pairs[d] = append(s.pairs[d], r)
			case r.Kind != Interaction && r.Kind != Duplicate && r.drugs[d]:
				s.about[d] = append(s.about[d], r)
			}
		}
	}
}

func fold(text string) string { return strings.Join(strings.Fields(strings.ToLower(text)), " ") }

// Drug finds a substance by its name, a synonym or its ATC code, in any case of letters.
func (s *Set) Drug(text string) (Drug, error) {
	if d, ok := s.byName[fold(text)]; ok {
		return d, nil
	}
	return -1, fault.WithHint(fault.Errorf(fault.Data, "a drug is not in the table of drugs"), "%s", s.DrugHint(text))
}

// DrugHint says what to do about a drug that is not known: a likely misspelling, or the table to add it to. The hint
// quotes words of the table only.
func (s *Set) DrugHint(text string) string {
	hint := fault.DidYouMean(fold(text), sortedKeys(s.byName))
	if hint == "" {
		return "name drugs by substance or ATC code of level 5, or add them to a table of your own"
	}
	return hint
}

// Allergen finds an allergen by its name or a synonym: a class such as penicillins, a drug, or another known allergen.
func (s *Set) Allergen(text string) (Allergen, error) {
	if a, ok := s.byAllergy[fold(text)]; ok {
		return a, nil
	}
	return -1, fault.WithHint(fault.Errorf(fault.Data, "an allergy is not in the table of allergens"), "%s", s.AllergenHint(text))
}

// AllergenHint says what to do about an allergy that is not known.
func (s *Set) AllergenHint(text string) string {
	hint := fault.DidYouMean(fold(text), sortedKeys(s.byAllergy))
	if hint == "" {
		return "name a drug, or a class of the table of allergens, or add the allergen to a table of your own"
	}
	return hint
}

// Name is the name of a drug.
func (s *Set) Name(d Drug) string { return s.drugs[d].name }

// ATC are the ATC codes of a drug; none for treatments that are no drugs.
func (s *Set) ATC(d Drug) []string { return s.drugs[d].atc }

// Class is the ATC code of a drug's first code at a level, 1 to 4, or its name where it has no code.
func (s *Set) Class(d Drug, level int) string {
	if len(s.drugs[d].atc) == 0 {
		return s.drugs[d].name
	}
	return medcode.ATCAt(s.drugs[d].atc[0], level)
}

// Drugs is the number of substances.
func (s *Set) Drugs() int { return len(s.drugs) }

// Rules lists the rules in force, by their place in the files.
func (s *Set) Rules() []*Rule { return slices.Clone(s.rules) }

// Off lists the rules that a later file switched off.
func (s *Set) Off() []*Rule { return slices.Clone(s.off) }

// select marks the drugs that a list of names, ATC codes and ATC classes means.
func (s *Set) selectDrugs(list string) (set []bool, unknown []string) {
	set = make([]bool, len(s.drugs))
	for _, word := range split(list) {
		if word == "*" {
			for d := range set {
				set[d] = true
			}
			continue
		}
		if d, ok := s.byName[fold(word)]; ok {
			set[d] = true
			continue
		}
		class, err := medcode.Parse(medcode.ATC, word)
		hit := false
		for d := range s.drugs {
			for _, code := range s.drugs[d].atc {
				if err == nil && strings.HasPrefix(code, class) {
					set[d], hit = true, true
				}
			}
		}
		if !hit {
			unknown = append(unknown, word)
		}
	}
	return set, unknown
}

func split(list string) []string {
	var out []string
	for word := range strings.SplitSeq(list, ";") {
		if word = strings.TrimSpace(word); word != "" {
			out = append(out, word)
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// String names a rule with its source, as suggestions quote it.
func (r *Rule) String() string { return fmt.Sprintf("%s: %s [%s, %d]", r.ID, r.Text, r.Source, r.Year) }
