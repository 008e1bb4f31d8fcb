// Package assertion says of a finding in a note whether it is there: affirmed, negated or possible; now, in the past or
// only thought of; the patient's or somebody else's.
//
// Rules (rules.go) follow NegEx (Chapman et al., J Biomed Inform 2001) and ConText (Harkema et al., J Biomed Inform
// 2009): phrases that change what stands before or behind them, up to a phrase that ends their reach or the end of the
// sentence. The phrases are data, triggers.csv, with the direction in which each works and where it comes from.
//
// A classifier (learn.go) takes the rules' verdict as one sign among others, such as the words around the finding, and
// learns from marked findings how far to trust it. Where there are too few marked findings of a kind, the rules decide
// alone.
//
// Start with Assertion, Rules.Assess and Train.
package assertion

import (
	"context"
	_ "embed"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"

	"galen.dev/fault"
	"galen.dev/text"
)

// Values of Assertion, the usual one first.
const (
	Affirmed = "affirmed"
	Negated  = "negated"
	Possible = "possible"

	Recent       = "recent"
	Historical   = "historical"
	Hypothetical = "hypothetical"

	Patient = "patient"
	Other   = "other"
)

// Assertion is what is said of a finding.
type Assertion struct {
	Presence    string `json:"presence"`    // affirmed, negated, possible
	Temporality string `json:"temporality"` // recent, historical, hypothetical
	Experiencer string `json:"experiencer"` // patient, other
}

// Plain is what is said of a finding that nothing changes.
var Plain = Assertion{Affirmed, Recent, Patient}

// Values are what a property may be, by its place in Properties.
var (
	Properties = []string{"presence", "temporality", "experiencer"}
	Values     = [][]string{{Affirmed, Negated, Possible}, {Recent, Historical, Hypothetical}, {Patient, Other}}
)

// Get is a property by its place in Properties, and Set changes it.
func (a *Assertion) Get(property int) string { return *a.field(property) }

// Set changes a property.
func (a *Assertion) Set(property int, value string) { *a.field(property) = value }

func (a *Assertion) field(property int) *string {
	return []*string{&a.Presence, &a.Temporality, &a.Experiencer}[property]
}

// Finding is a span of the tokens of a sentence of which something is said.
type Finding struct {
	Text     string
	Tokens   []text.Token // of the sentence
	From, To int          // tokens From … To-1 are the finding
	Section  string       // the name of the section, or ""
}

// direction is where a trigger reaches.
type direction uint8

const (
	forward direction = iota
	backward
	pseudo    // looks like a trigger and is none
	terminate // ends the reach of others
)

var directions = []string{"forward", "backward", "pseudo", "terminate"}

// categories are what triggers say, with the property and value.
var categories = map[string]struct {
	property int
	value    string
}{"negated": {0, Negated}, "possible": {0, Possible}, "historical": {1, Historical}, "hypothetical": {1, Hypothetical}, "other": {2, Other}}

type trigger struct {
	words []string
	does  []effect
}

// effect is one direction of a phrase; a phrase may work in both.
type effect struct {
	category  string
	direction direction
}

// Rules are triggers, ready to be looked for. They may be used by several goroutines at once.
type Rules struct {
	byWord map[string][]*trigger // by the first word, longest first
}

//go:embed triggers.csv
var shipped string

// Default are the rules that Galen ships, in English and Chinese.
var Default = func() *Rules {
	r, err := ReadRules(context.Background(), strings.NewReader(shipped), "triggers.csv")
	if err != nil {
		panic(err)
	}
	return r
}()

const maxTriggers = 100_000

// ReadRules reads triggers from CSV with the columns phrase, category (negated, possible, historical, hypothetical,
// other; empty for pseudo and terminate), direction (forward, backward, pseudo, terminate) and source. Everything that
// is wrong is said at once. name is for messages.
func ReadRules(ctx context.Context, in io.Reader, name string) (*Rules, error) {
	c := csv.NewReader(in)
	c.FieldsPerRecord = -1
	r := &Rules{byWord: map[string][]*trigger{}}
	all := map[string]*trigger{}
	var findings []fault.Finding
	wrong := func(line int, message string) {
		findings = append(findings, fault.Finding{Name: "trigger", Severity: fault.Severe, File: name, Line: line, Message: message})
	}
	for n := 0; len(findings) < 50; n++ {
		row, err := c.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			wrong(n+1, "the line is no row of CSV")
			break
		}
		line, _ := c.FieldPos(0)
		if n == 0 {
			if !slices.Equal(row, []string{"phrase", "category", "direction", "source"}) {
				wrong(line, "the columns must be phrase, category, direction and source")
				break
			}
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if n > maxTriggers {
			wrong(line, fmt.Sprintf("there are more than %d triggers", maxTriggers))
			break
		}
		if message := r.add(row, all); message != "" {
			wrong(line, message)
		}
	}
	for _, list := range r.byWord {
		slices.SortStableFunc(list, func(a, b *trigger) int { return len(b.words) - len(a.words) })
	}
	return r, fault.Refuse(name, findings)
}

// add takes one row and returns what is wrong with it, or "".
func (r *Rules) add(row []string, all map[string]*trigger) string {
	if len(row) != 4 {
		return "a row has four cells"
	}
	k := slices.Index(directions, row[2])
	if k < 0 {
		return "the direction is none of " + strings.Join(directions, ", ")
	}
	d := direction(k)
	if _, known := categories[row[1]]; known != (d == forward || d == backward) {
		return "the category does not go with the direction"
	}
	if row[3] == "" {
		return "the trigger names no source"
	}
	var words []string
	for _, t := range text.Tokens(row[0]) {
		words = append(words, text.Fold(t.Of(row[0])))
	}
	if len(words) == 0 || len(words) > 20 {
		return "the phrase has no words, or more than twenty"
	}
	key := strings.Join(words, " ")
	t := all[key]
	if t == nil {
		t = &trigger{words: words}
		all[key] = t
		r.byWord[words[0]] = append(r.byWord[words[0]], t)
	}
	e := effect{row[1], d}
	if slices.Contains(t.does, e) {
		return "the trigger stands twice"
	}
	t.does = append(t.does, e)
	return ""
}
