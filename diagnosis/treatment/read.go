package treatment

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"galen.dev/fault"
	"galen.dev/medcode/ucum"
	"galen.dev/safety"
	"galen.dev/table"
	"galen.dev/task"
)

// roles says what the columns of the data are for. It is part of the cohort, so that apply reads cases as training did.
type roles struct {
	Treatments  []treatmentColumn `json:"treatments"`
	Separator   string            `json:"separator"`
	Outcome     string            `json:"outcome,omitempty"`
	Diagnoses   string            `json:"diagnoses,omitempty"`
	Allergies   string            `json:"allergies,omitempty"`
	Drugs       string            `json:"drugs,omitempty"`
	Age         string            `json:"age,omitempty"`
	Sex         string            `json:"sex,omitempty"`
	Pregnant    string            `json:"pregnant,omitempty"`
	Labs        []labColumn       `json:"labs,omitempty"`
	Categories  []string          `json:"categories,omitempty"`
	NoPredictor []string          `json:"no_predictor,omitempty"`
}

// treatmentColumn is a column of lists (Drug is ""), or of 0 and 1 for one drug.
type treatmentColumn struct {
	Column string `json:"column"`
	Drug   string `json:"drug,omitempty"`
}

type labColumn struct {
	Analyte string `json:"analyte"`
	Column  string `json:"column"`
}

// readRoles takes the roles from the parameters. What it finds wrong is told all at once, with the columns that the
// study names and the table has not.
func readRoles(t *table.Table, r *task.Run, rules *safety.Set) (*roles, error) {
	ro := &roles{
		Separator: r.String("separator"), Outcome: named(t, r, "outcome"), Diagnoses: named(t, r, "diagnoses"), Allergies: named(t, r, "allergies"),
		Drugs: named(t, r, "drugs"), Age: named(t, r, "age"), Sex: named(t, r, "sex"), Pregnant: named(t, r, "pregnant"), Categories: r.Strings("categories"),
	}
	c := &columnCheck{table: t}
	if ro.Separator == "" {
		c.wrong("separator", "", "such as ; or |", "the parameter separator is empty")
	}
	c.treatments(ro, r.Strings("treatments"), rules)
	for _, text := range r.Strings("labs") {
		name, column, ok := strings.Cut(text, "=")
		a, known := safety.FindAnalyte(name)
		if !ok || !known {
			c.wrong("labs", "", "analyte=column, with one of "+strings.Join(safety.AnalyteNames()[1:], ", "), "the parameter labs names no analyte that rules know")
			continue
		}
		column = columnOf(t, column)
		c.lab("labs", a, column)
		ro.Labs = append(ro.Labs, labColumn{a.Name(), column})
	}
	if ro.Age != "" {
		c.kind("age", ro.Age, table.Numeric)
	}
	for param, column := range map[string]string{"diagnoses": ro.Diagnoses, "allergies": ro.Allergies, "drugs": ro.Drugs, "sex": ro.Sex} {
		c.words(param, column)
	}
	for _, param := range []string{"outcome", "pregnant", "patient", "split-column"} {
		c.has(param, named(t, r, param))
	}
	for _, param := range []string{"treatment-date", "outcome-date"} {
		if column := named(t, r, param); column != "" {
			c.kind(param, column, table.Date)
		}
	}
	for _, param := range []string{"exclude", "categories"} {
		for _, column := range r.Strings(param) {
			c.has(param, column)
		}
	}
	ro.NoPredictor = append([]string{ro.Outcome, r.String("patient"), r.String("split-column"), ro.Diagnoses, ro.Allergies, ro.Drugs}, r.Strings("exclude")...)
	for _, x := range ro.Treatments {
		ro.NoPredictor = append(ro.NoPredictor, x.Column)
	}
	slices.SortStableFunc(c.findings, func(a, b fault.Finding) int { return strings.Compare(a.Column+a.Message, b.Column+b.Message) })
	return ro, fault.Refuse(subject(t), c.findings)
}

// columnOf finds a column by its name, or by its name without the unit behind it: "egfr" is "egfr (mL/min)", if only one
// is. Where there is none, the name comes back as it is.
func columnOf(t *table.Table, name string) string {
	found := name
	for _, c := range t.Columns {
		if c.Name == name {
			return name
		}
		if short, _, ok := strings.Cut(c.Name, " ("); ok && short == name {
			if found != name {
				return name
			}
			found = c.Name
		}
	}
	return found
}

// named is the column that a parameter names.
func named(t *table.Table, r *task.Run, param string) string { return columnOf(t, r.String(param)) }

// columnCheck gathers what is wrong with the columns that the parameters name.
type columnCheck struct {
	table    *table.Table
	findings []fault.Finding
}

func (c *columnCheck) wrong(name, column, hint, format string, args ...any) {
	c.findings = append(c.findings, fault.Finding{Name: name, Severity: fault.Severe, File: c.table.File, Column: column, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (c *columnCheck) has(param, column string) bool {
	if column == "" || c.table.Column(column) != nil {
		return column != ""
	}
	c.wrong("column-absent", column, fault.DidYouMean(column, columnNames(c.table)), "the parameter %s names a column that is not there", param)
	return false
}

func (c *columnCheck) kind(param, column string, want table.Kind) bool {
	if !c.has(param, column) {
		return false
	}
	if k := c.table.Column(column).Kind; k != want {
		c.wrong("column-kind", column, "a schema file says what a column is", "the parameter %s needs a %s column, and this is a %s one", param, want, k)
		return false
	}
	return true
}

func (c *columnCheck) words(param, column string) {
	if !c.has(param, column) {
		return
	}
	if x := c.table.Column(column); x.Kind == table.Date || x.Kind == table.Numeric && slices.ContainsFunc(x.Num, func(v float64) bool { return !math.IsNaN(v) }) {
		c.wrong("column-kind", column, "a schema file says what a column is", "the parameter %s needs words, and this is a %s column", param, x.Kind)
	}
}

func (c *columnCheck) lab(param string, a safety.Analyte, column string) {
	if !c.kind(param, column, table.Numeric) {
		return
	}
	unit := unitOf(c.table.Column(column))
	if unit == "" && a.Unit() != "1" {
		c.wrong("unit", column, "write it into the header in brackets behind the name, such as ("+a.Unit()+"), or into a schema file", "the unit of a column that rules go by is not known")
		return
	}
	if _, err := a.Converter(orOne(unit)); err != nil {
		c.wrong("unit", column, fault.HintOf(err), "%v", err)
	}
}

// unitOf is a column's unit; where reading has not found one, what stands in brackets at the end of its name and is a
// unit of UCUM, such as mL/min/1.73m2.
func unitOf(c *table.Column) string {
	at := strings.Index(c.Name, " (")
	if c.Unit != "" || at < 0 || !strings.HasSuffix(c.Name, ")") {
		return c.Unit
	}
	unit := c.Name[at+2 : len(c.Name)-1]
	if _, ok := ucum.Spell(unit); !ok {
		return ""
	}
	return unit
}

func orOne(unit string) string {
	if unit == "" {
		return "1"
	}
	return unit
}

func (c *columnCheck) treatments(ro *roles, given []string, rules *safety.Set) {
	for _, text := range given {
		column, drug, named := strings.Cut(text, "=")
		if column = columnOf(c.table, column); !c.has("treatments", column) {
			continue
		}
		if !named && !flags(c.table.Column(column)) {
			if len(given) > 1 {
				c.wrong("treatments", column, "name one column with lists, or columns of 0 and 1 alone", "a list of treatments stands beside other columns of treatments")
			}
			c.words("treatments", column)
			ro.Treatments = append(ro.Treatments, treatmentColumn{Column: column})
			continue
		}
		if !named {
			drug = column
		}
		d, err := rules.Drug(drug)
		if err != nil {
			c.wrong("drug-unknown", column, rules.DrugHint(drug)+"; a column of another name is written as column=drug", "the column names no drug of the table")
			continue
		}
		if !flags(c.table.Column(column)) {
			c.wrong("treatments", column, "", "the column has values beside 0 and 1, no and yes")
			continue
		}
		ro.Treatments = append(ro.Treatments, treatmentColumn{column, rules.Name(d)})
	}
}

// flags tells whether a column says yes or no.
func flags(c *table.Column) bool {
	if c.Kind == table.Numeric {
		return !slices.ContainsFunc(c.Num, func(v float64) bool { return !math.IsNaN(v) && v != 0 && v != 1 })
	}
	return c.Kind == table.Category && !slices.ContainsFunc(c.Levels, func(l string) bool { _, ok := yesNo(l); return !ok })
}

func yesNo(text string) (yes, ok bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "1", "yes", "true", "y":
		return true, true
	case "0", "no", "false", "n":
		return false, true
	}
	return false, false
}

// cellText is a cell as words; "" = missing.
func cellText(c *table.Column, i int) string {
	switch {
	case c.Missing(i):
		return ""
	case c.Kind == table.Numeric:
		return strconv.FormatFloat(c.Num[i], 'g', -1, 64)
	case c.Kind == table.Text:
		return c.Text[i]
	}
	return c.Levels[c.Cat[i]]
}

// reader turns rows of a table into what rules and models go by. Words that it does not know become findings.
type reader struct {
	table    *table.Table
	roles    *roles
	rules    *safety.Set
	findings map[string]*fault.Finding
	order    []string
	labs     []ucum.Converter
	drugs    map[string]safety.Drug // what was looked up already
}

func newReader(t *table.Table, ro *roles, rules *safety.Set) (*reader, error) {
	r := &reader{table: t, roles: ro, rules: rules, findings: map[string]*fault.Finding{}, drugs: map[string]safety.Drug{}}
	for _, l := range ro.Labs {
		a, ok := safety.FindAnalyte(l.Analyte)
		if !ok {
			return nil, fault.Errorf(fault.Corrupt, "no analyte is called %q", l.Analyte)
		}
		c, err := a.Converter(orOne(unitOf(t.Column(l.Column))))
		if err != nil {
			return nil, err
		}
		r.labs = append(r.labs, c)
	}
	return r, nil
}

// found notes a cell that cannot be read. Cells with the same fault and hint make one finding.
func (r *reader) found(name, column, message, hint string, row int) {
	key := name + "\x00" + column + "\x00" + message + "\x00" + hint
	f := r.findings[key]
	if f == nil {
		f = &fault.Finding{Name: name, Severity: fault.Severe, File: r.table.File, Column: column, Message: message, Hint: hint}
		r.findings[key] = f
		r.order = append(r.order, key)
	}
	if n := len(f.Rows); n > 0 && f.Rows[n-1] == row+1 {
		return
	}
	if f.Count++; len(f.Rows) < fault.MaxRows {
		f.Rows = append(f.Rows, row+1)
	}
}

func (r *reader) err() error {
	var all []fault.Finding
	for _, k := range r.order {
		all = append(all, *r.findings[k])
	}
	return fault.Refuse(subject(r.table), all)
}

// list splits a cell; known is false where it is empty.
func (r *reader) list(column string, i int) (items []string, known bool) {
	if column == "" {
		return nil, false
	}
	text := cellText(r.table.Column(column), i)
	if text == "" {
		return nil, false
	}
	for word := range strings.SplitSeq(text, r.roles.Separator) {
		if word = strings.TrimSpace(word); word != "" && !strings.EqualFold(word, "none") {
			items = append(items, word)
		}
	}
	return items, true
}

func (r *reader) drug(column, word string, i int) (safety.Drug, bool) {
	d, seen := r.drugs[word]
	if !seen {
		var err error
		if d, err = r.rules.Drug(word); err == nil {
			r.drugs[word] = d
		} else {
			r.found("drug-unknown", column, "a drug is not in the table of drugs", r.rules.DrugHint(word), i)
			return 0, false
		}
	}
	return d, true
}

func (r *reader) drugList(column string, i int) (out []safety.Drug, known bool) {
	items, known := r.list(column, i)
	for _, word := range items {
		if d, ok := r.drug(column, word, i); ok && !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out, known
}

// given is what a row was treated with; known is false where the data do not say.
func (r *reader) given(i int) (out []safety.Drug, known bool) {
	if first := r.roles.Treatments[0]; first.Drug == "" {
		return r.drugList(first.Column, i)
	}
	known = true
	for _, t := range r.roles.Treatments {
		yes, ok := yesNo(cellText(r.table.Column(t.Column), i))
		known = known && ok
		if d, fine := r.drug(t.Column, t.Drug, i); yes && fine {
			out = append(out, d)
		}
	}
	return out, known
}

// patient is what rules go by.
func (r *reader) patient(i int) *safety.Patient {
	p, ro := safety.NewPatient(), r.roles
	if ro.Age != "" {
		p.Labs[safety.Age] = r.table.Column(ro.Age).Num[i]
	}
	for k, l := range ro.Labs {
		a, _ := safety.FindAnalyte(l.Analyte)
		p.Labs[a] = r.labs[k].Convert(r.table.Column(l.Column).Num[i])
	}
	var items []string
	items, p.CodesKnown = r.list(ro.Diagnoses, i)
	for _, word := range items {
		code, err := safety.Code(word)
		if err != nil {
			r.found("diagnosis-unknown", ro.Diagnoses, "a diagnosis has not the form of a code of ICD-10", "write codes such as I50.1", i)
			continue
		}
		p.Codes = append(p.Codes, code)
	}
	items, p.AllergiesKnown = r.list(ro.Allergies, i)
	for _, word := range items {
		a, err := r.rules.Allergen(word)
		if err != nil {
			r.found("allergy-unknown", ro.Allergies, "an allergy is not in the table of allergens", r.rules.AllergenHint(word), i)
			continue
		}
		p.Allergies = append(p.Allergies, a)
	}
	p.Drugs, p.DrugsKnown = r.drugList(ro.Drugs, i)
	r.sexAndPregnancy(p, i)
	return p
}

func (r *reader) sexAndPregnancy(p *safety.Patient, i int) {
	if r.roles.Sex != "" {
		switch strings.ToLower(cellText(r.table.Column(r.roles.Sex), i)) {
		case "":
		case "f", "female", "woman":
			p.Sex = safety.Female
		case "m", "male", "man":
			p.Sex = safety.Male
		default:
			r.found("sex-unknown", r.roles.Sex, "a sex is neither female nor male", "leave a cell empty where it is not known", i)
		}
	}
	if r.roles.Pregnant == "" {
		return
	}
	switch strings.ToLower(cellText(r.table.Column(r.roles.Pregnant), i)) {
	case "":
	case "no", "0", "false":
		p.Pregnancy = safety.NotPregnant
	case "yes", "true":
		p.Pregnancy = safety.Expecting
	case "1":
		p.Pregnancy = safety.Trimester1
	case "2":
		p.Pregnancy = safety.Trimester2
	case "3":
		p.Pregnancy = safety.Trimester3
	default:
		r.found("pregnancy-unknown", r.roles.Pregnant, "a pregnancy is not no, yes, or a trimester", "write no, yes, 1, 2 or 3", i)
	}
}

// tokens are the predictors that lists make: categories of diagnoses, and current drugs.
func (r *reader) tokens(p *safety.Patient) []string {
	var out []string
	for _, c := range p.Codes {
		out = append(out, diagnosisToken+c[:min(3, len(c))])
	}
	for _, d := range p.Drugs {
		out = append(out, drugToken+r.rules.Name(d))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// What the names of predictors from lists begin with.
const (
	diagnosisToken = "diagnosis "
	drugToken      = "takes "
)

func subject(t *table.Table) string {
	if t.File != "" {
		return t.File
	}
	return "the data"
}

func columnNames(t *table.Table) []string {
	out := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		out[i] = c.Name
	}
	return out
}
