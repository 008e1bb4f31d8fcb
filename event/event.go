// Package event holds what happened to patients over time: coded, timed values, grouped into stays. Readers bring
// foreign forms into it; models of courses read from it one stay at a time, so that memory does not grow with their
// number.
//
// Read (read.go) recognises the form of a source and hands out its stays: PhysioNet's files (physionet.go), long CSV (csv.go,
// rows.go), MEDS (meds.go), FHIR R4 (fhir.go and its neighbours). coder.go brings codes and units together; spill.go groups
// what comes in any order. A set is a file of stays with the vocabulary of their codes and units (set.go: Writer, Reader).
//
// Times are microseconds: of Unix time in UTC, or as a clock without a zone showed them, or since the start of the stay, as
// the source has them; a set never mixes them. What is known from the start, such as the age, has NoTime. Outcomes that the source gives apart from the
// events are facts of the stay, so that no window can take them for input.
//
// Following MEDS, the Medical Event Data Standard 0.4: subject, time, code, value.
package event

import (
	"cmp"
	"math"
	"slices"
)

// NoTime is the time of what is known from the start.
const NoTime = math.MinInt64

// Hour in the unit of At.
const Hour = int64(3_600_000_000)

// Event is one coded fact.
type Event struct {
	At    int64   // µs; NoTime = known from the start
	Code  int32   // index of Vocabulary.Codes
	Unit  int32   // index of Vocabulary.Units; 0 = none given
	Value float64 // NaN = none: the code alone says it
	Row   int64   // line of the source file, from 1, for findings; 0 = not known
}

// Fact is an outcome that the source gives of a whole stay.
type Fact struct {
	Code  int32 // index of Vocabulary.Codes
	Value float64
}

// Stay is one patient's events between an admission and a discharge; where the source knows no stays, all events of a
// patient. Its identifiers are the source's and are shown to nobody.
type Stay struct {
	ID      string
	Patient string // stays of one patient share it; "" = as ID
	File    string // of the source, for findings
	Part    string // of a split that the source gives; "" = none
	Start   int64  // µs; NoTime = not known
	End     int64  // µs; NoTime = not known
	Events  []Event
	Facts   []Fact
}

// Sort orders events by time, those without one first. Equal times keep the order of the source.
func (s *Stay) Sort() {
	slices.SortStableFunc(s.Events, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
}

// Vocabulary numbers the codes and units of a set. Unit 0 is "", no unit.
type Vocabulary struct {
	Codes []string `json:"codes"`
	Units []string `json:"units"`
	// Relative tells that times count from the start of each stay, not from 1970.
	Relative bool `json:"relative"`

	code, unit map[string]int32
}

// NewVocabulary has no code and the empty unit.
func NewVocabulary() *Vocabulary {
	return &Vocabulary{Codes: []string{}, Units: []string{""}}
}

// Code numbers a code, a new one if need be.
func (v *Vocabulary) Code(name string) int32 { return number(&v.code, &v.Codes, name) }

// Unit numbers a unit, a new one if need be.
func (v *Vocabulary) Unit(name string) int32 { return number(&v.unit, &v.Units, name) }

func number(index *map[string]int32, names *[]string, name string) int32 {
	if *index == nil {
		*index = map[string]int32{}
		for i, n := range *names {
			(*index)[n] = int32(i)
		}
	}
	if i, ok := (*index)[name]; ok {
		return i
	}
	i := int32(len(*names))
	*names = append(*names, name)
	(*index)[name] = i
	return i
}

// Find returns the number of a code, or -1.
func (v *Vocabulary) Find(code string) int32 {
	if v.code == nil && len(v.Codes) > 0 {
		v.Code(v.Codes[0]) // builds the index
	}
	if i, ok := v.code[code]; ok {
		return i
	}
	return -1
}
