package safety

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"galen.dev/fault"
	"galen.dev/medcode"
	"galen.dev/medcode/ucum"
)

// What a file may hold.
const (
	maxFile  = 16 << 20 // bytes
	maxLines = 50_000
)

// record is a line of a file by the names of its columns.
type record struct {
	line   int
	fields map[string]string
}

func severe(name string, f File, line int, column, hint, format string, args ...any) fault.Finding {
	return fault.Finding{Name: name, Severity: fault.Severe, File: f.Name, Line: line, Column: column, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// records reads a CSV file that has these columns and no others.
func records(f File, columns []string) ([]record, []fault.Finding) {
	if len(f.Data) > maxFile {
		return nil, []fault.Finding{severe("too-large", f, 0, "", "", "the file has more than %d bytes", maxFile)}
	}
	if !utf8.Valid(f.Data) {
		return nil, []fault.Finding{severe("encoding", f, 0, "", "save it as UTF-8", "the file is not UTF-8")}
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(f.Data, []byte("\ufeff"))))
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		return nil, []fault.Finding{severe("csv", f, 1, "", "", "the file has no header")}
	}
	head = slices.Clone(head)
	var found []fault.Finding
	for i, h := range head {
		head[i] = strings.TrimSpace(h)
		if !slices.Contains(columns, head[i]) {
			found = append(found, severe("column-unknown", f, 1, head[i], fault.DidYouMean(head[i], columns), "no such column is known"))
		} else if slices.Contains(head[:i], head[i]) {
			found = append(found, severe("column-twice", f, 1, head[i], "", "the column stands twice"))
		}
	}
	for _, c := range columns {
		if !slices.Contains(head, c) {
			found = append(found, severe("column-absent", f, 1, c, "the columns are "+strings.Join(columns, ", "), "the column is not there"))
		}
	}
	if found != nil {
		return nil, found
	}
	var out []record
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, found
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			return out, append(found, severe("csv", f, bad.Line, "", "quotes within a cell are doubled", "the line is no CSV"))
		}
		line, _ := r.FieldPos(0)
		switch {
		case len(out) >= maxLines:
			return nil, append(found, severe("too-large", f, line, "", "", "the file has more than %d lines", maxLines))
		case len(cells) != len(head):
			found = append(found, severe("cells", f, line, "", "quote a cell that has a comma", "the line has %d cells, the header %d", len(cells), len(head)))
			continue
		}
		rec := record{line: line, fields: map[string]string{}}
		for i, c := range cells {
			rec.fields[head[i]] = strings.TrimSpace(c)
		}
		out = append(out, rec)
	}
}

func (s *Set) readDrugs(f File) []fault.Finding {
	recs, found := records(f, []string{"name", "atc", "synonyms"})
	for _, rec := range recs {
		name := rec.fields["name"]
		if name == "" || strings.Contains(name, ";") {
			found = append(found, severe("drug", f, rec.line, "name", "", "a drug needs a name without a semicolon"))
			continue
		}
		sub := substance{name: name}
		for _, code := range split(rec.fields["atc"]) {
			c, err := medcode.Parse(medcode.ATC, code)
			if err != nil || len(c) != 7 {
				found = append(found, severe("atc", f, rec.line, "atc", "such as B01AA03; leave the cell empty for what is no drug", "%q is no ATC code of level 5", code))
				continue
			}
			sub.atc = append(sub.atc, c)
		}
		d := Drug(len(s.drugs))
		s.drugs = append(s.drugs, sub)
		for _, word := range slices.Concat([]string{name}, sub.atc, split(rec.fields["synonyms"])) {
			if old, taken := s.byName[fold(word)]; taken && old != d {
				found = append(found, severe("drug-twice", f, rec.line, "", "", "%q already means %s", word, s.drugs[old].name))
				continue
			}
			s.byName[fold(word)] = d
		}
	}
	return found
}

func (s *Set) readAllergens(f File) []fault.Finding {
	recs, found := records(f, []string{"name", "members", "synonyms"})
	for _, rec := range recs {
		if rec.fields["name"] == "" {
			found = append(found, severe("allergen", f, rec.line, "name", "", "an allergen needs a name"))
			continue
		}
		a := allergen{name: rec.fields["name"], drug: -1, class: -1}
		if list := rec.fields["members"]; list != "" {
			var unknown []string
			a.members, unknown = s.selectDrugs(list)
			found = append(found, s.unknownDrugs(f, rec.line, "members", unknown)...)
		}
		id := Allergen(len(s.allergens))
		s.allergens = append(s.allergens, a)
		for _, word := range slices.Concat([]string{a.name}, split(rec.fields["synonyms"])) {
			if old, taken := s.byAllergy[fold(word)]; taken {
				found = append(found, severe("allergen-twice", f, rec.line, "", "", "%q already means %s", word, s.allergens[old].name))
				continue
			}
			s.byAllergy[fold(word)] = id
		}
	}
	return found
}

func (s *Set) unknownDrugs(f File, line int, column string, unknown []string) (found []fault.Finding) {
	for _, word := range unknown {
		found = append(found, severe("drug-unknown", f, line, column, s.DrugHint(word), "%q is no drug of the table and no ATC class that has one", word))
	}
	return found
}

var ruleID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (s *Set) readRules(f File) []fault.Finding {
	recs, found := records(f, []string{"id", "kind", "drug", "other", "condition", "severity", "action", "limit", "text", "source", "year"})
	earlier := len(s.rules)
	seen := map[string]int{}
	for _, rec := range recs {
		r, bad := s.parseRule(f, rec)
		found = append(found, bad...)
		if first, twice := seen[r.ID]; twice {
			found = append(found, severe("rule-twice", f, rec.line, "id", "a file of your own replaces a shipped rule by its id; within one file an id stands once", "rule %s stands on line %d already", r.ID, first))
			continue
		}
		seen[r.ID] = rec.line
		at := slices.IndexFunc(s.rules[:earlier], func(o *Rule) bool { return o.ID == r.ID })
		switch {
		case at < 0 && r.Action == Off:
			found = append(found, severe("rule-off", f, rec.line, "id", "", "no earlier file has a rule %s that could be switched off", r.ID))
		case at >= 0 && r.Action == Off:
			s.off = append(s.off, s.rules[at])
			s.rules = slices.Delete(s.rules, at, at+1)
			earlier--
		case at >= 0:
			s.rules[at] = r
		default:
			s.rules = append(s.rules, r)
		}
	}
	return found
}

// parseRule reads a line; what it cannot read is in the findings.
func (s *Set) parseRule(f File, rec record) (*Rule, []fault.Finding) {
	c := rec.fields
	r := &Rule{
		ID: c["id"], Kind: Kind(c["kind"]), Drug: c["drug"], Other: c["other"], Condition: c["condition"], Severity: c["severity"],
		Action: Action(c["action"]), Limit: c["limit"], Text: c["text"], Source: c["source"], File: f.Name, Line: rec.line,
	}
	var found []fault.Finding
	wrong := func(column, hint, format string, args ...any) {
		found = append(found, severe("rule", f, rec.line, column, hint, format, args...))
	}
	if !ruleID.MatchString(r.ID) {
		wrong("id", "letters, digits, points and dashes", "the rule has no fit id")
	}
	if !slices.Contains(kinds, r.Kind) {
		wrong("kind", didYouMean(r.Kind, kinds), "%q is no kind of rule", r.Kind)
	}
	if !slices.Contains(actions, r.Action) {
		wrong("action", didYouMean(r.Action, actions), "%q is no action", r.Action)
	}
	if !slices.Contains(severities, r.Severity) {
		wrong("severity", "low, moderate or high", "%q is no severity", r.Severity)
	}
	if r.Source == "" || r.Text == "" {
		wrong("source", "a rule says why and where it is from", "the rule has no text, or no source")
	}
	var err error
	if r.Year, err = strconv.Atoi(c["year"]); err != nil || r.Year < 1900 || r.Year > 2100 {
		wrong("year", "the year of the source", "%q is no year", c["year"])
	}
	if (r.Limit != "") != (r.Action == Limit) {
		wrong("limit", "action limit needs a largest dose, the others none", "the limit does not go with the action")
	} else if r.Limit != "" && !dose(r.Limit) {
		wrong("limit", "a number and a UCUM unit, such as 20 mg/d", "%q is no dose", r.Limit)
	}
	var unknown []string
	r.drugs, unknown = s.selectDrugs(r.Drug)
	found = append(found, s.unknownDrugs(f, rec.line, "drug", unknown)...)
	if len(split(r.Drug)) == 0 {
		wrong("drug", "", "the rule names no drug")
	}
	return r, append(found, s.parseTrigger(f, r)...)
}

func didYouMean[T ~string](word T, of []T) string {
	var words []string
	for _, w := range of {
		words = append(words, string(w))
	}
	if hint := fault.DidYouMean(string(word), words); hint != "" {
		return hint
	}
	return "one of " + strings.Join(words, ", ")
}

func dose(text string) bool {
	number, unit, ok := strings.Cut(text, " ")
	v, err := strconv.ParseFloat(number, 64)
	_, bad := ucum.Parse(unit)
	return ok && err == nil && v > 0 && v < 1e9 && bad == nil
}

// parseTrigger reads what a rule goes by beside the drug.
func (s *Set) parseTrigger(f File, r *Rule) []fault.Finding {
	var found []fault.Finding
	wrong := func(column, hint, format string, args ...any) {
		found = append(found, severe("rule", f, r.Line, column, hint, format, args...))
	}
	if r.Kind != Interaction && r.Kind != Duplicate && r.Other != "" {
		wrong("other", "it is for interactions and duplicates", "a rule of kind %s has no other drug", r.Kind)
	}
	if (r.Kind == Interaction || r.Kind == Duplicate) && r.Condition != "" {
		wrong("condition", "split it into two rules", "a rule of kind %s has no condition", r.Kind)
	}
	var err error
	switch r.Kind {
	case Interaction:
		var unknown []string
		if r.others, unknown = s.selectDrugs(r.Other); len(split(r.Other)) == 0 {
			wrong("other", "", "the interaction names no other drug")
		}
		found = append(found, s.unknownDrugs(f, r.Line, "other", unknown)...)
	case Duplicate:
		for _, class := range split(r.Other) {
			code, bad := medcode.Parse(medcode.ATC, class)
			if bad != nil {
				wrong("other", "classes that are exempt, such as A10A", "%q is no ATC class", class)
			}
			r.exempt = append(r.exempt, code)
		}
	case Condition:
		r.codes, err = parseCodes(r.Condition)
	case Lab:
		r.lab, err = parseThreshold(r.Condition)
	case Pregnant:
		at := slices.Index([]string{"any", "trimester 1", "trimester 2", "trimester 3"}, r.Condition)
		if r.trimester = max(at, 0); at < 0 {
			wrong("condition", "any, trimester 1, trimester 2 or trimester 3", "%q is no stage of pregnancy", r.Condition)
		}
	case Allergy:
		for _, word := range split(r.Condition) {
			if r.itself = r.itself || word == "itself"; word == "itself" {
				continue
			}
			a, bad := s.Allergen(word)
			if bad != nil {
				wrong("condition", s.AllergenHint(word), "%q is no allergen of the table", word)
				continue
			}
			r.allergens = append(r.allergens, a)
		}
		if len(split(r.Condition)) == 0 {
			wrong("condition", "", "the rule names no allergen")
		}
	}
	if err != nil {
		wrong("condition", fault.HintOf(err), "the condition %v", err)
	}
	return found
}
