package treatment

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"

	"galen.dev/assess"
	"galen.dev/diagnosis/intake"
	"galen.dev/fault"
	"galen.dev/quality"
	"galen.dev/safety"
	"galen.dev/table"
	"galen.dev/task"
)

// Files that preprocess leaves.
const (
	preparedFile = "prepared.parquet" // the cases of which treatments are known, with every column
	cohortFile   = "cohort.json"      // treatments given, outcomes, roles of columns, flow
	splitsFile   = "splits.json"      // which rows train and which test
	planFile     = "plan.json"        // the transformation, from training rows
	rulesFile    = "rules.json"       // drugs, allergens and rules in force, as files
	qualityFile  = "quality.json"     // what the checks found
)

// cohort is who is in the study and what was done.
type cohort struct {
	Roles      roles     `json:"roles"`
	Treatments []string  `json:"treatments"` // that are learned, by name
	NotLearned []count   `json:"not_learned,omitempty"`
	Given      [][]int   `json:"given"`   // of each prepared row: indexes of treatments
	Outcome    []int     `json:"outcome"` // 1 good, 0 not, -1 not known; nil without an outcome
	Row        []int     `json:"row"`     // 1-based row in the user's data of each prepared row
	Patient    []int     `json:"patient"` // patient of each prepared row, numbered in order of appearance
	Flow       []station `json:"flow"`
	Rare       int       `json:"rare"`
	Impute     string    `json:"impute"`
}

// count is a treatment with the training patients that got it, in words that hide small numbers.
type count struct {
	Treatment string `json:"treatment"`
	Patients  string `json:"patients"`
}

// station is one of the flow of rows into the study.
type station struct {
	Label string `json:"label"`
	Rows  int    `json:"rows"`
	Why   string `json:"why,omitempty"` // rows were left out here for this reason
}

// splits are the rows of both sides, and their patients for whoever checks that none is on both.
type splits struct {
	Kind     string           `json:"kind"`
	Train    []int            `json:"train"`
	Test     []int            `json:"test"`
	Patients map[string][]int `json:"patients"`
}

// checked is the quality report with the study's waivers.
type checked struct {
	*quality.Report
	Waived []fault.Finding `json:"waived,omitempty"`
}

// preprocess checks cases and rules, sets test patients apart and fixes the plan from training rows.
func preprocess(ctx context.Context, r *task.Run) error {
	t, err := intake.ReadTable(ctx, r, task.Collect, intake.CasesFile)
	if err != nil {
		return err
	}
	files, rules, err := readRules(r)
	if err != nil {
		return err
	}
	toCategories(t, r.Strings("categories"))
	ro, err := readRoles(t, r, rules)
	if err != nil {
		return err
	}
	co := &cohort{Roles: *ro, Rare: r.Int("rare"), Impute: r.String("impute")}
	given, err := co.read(t, r, rules)
	if err != nil {
		return err
	}
	prepared := t.Select(indexes(co.Row))
	sp, err := split(prepared, co, r, given)
	if err != nil {
		return err
	}
	if err := co.choose(t, given, sp.Train, rules, r.Int("min-cases")); err != nil {
		return err
	}
	if err := check(ctx, r, t, co, sp); err != nil {
		return err
	}
	cs, err := readPatients(prepared, ro, rules)
	if err != nil {
		return err
	}
	p := fitPlan(cs, sp.Train, ro, co.Rare, co.Impute)
	if len(p.Features) == 0 {
		return fault.WithHint(fault.Errorf(fault.Data, "%s: no column is left that could be a predictor", subject(t)), "predictors are numbers, categories, and lists of diagnoses and drugs; a schema file says what a column is")
	}
	if err := intake.WriteTable(r, preparedFile, prepared); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		v    any
	}{{cohortFile, co}, {splitsFile, sp}, {planFile, p}, {rulesFile, files}} {
		if err := r.WriteJSON(f.name, f.v); err != nil {
			return err
		}
	}
	return nil
}

// readRules reads the shipped tables with the user's own behind them.
func readRules(r *task.Run) (safety.Files, *safety.Set, error) {
	files := safety.Shipped()
	add := func(param string, to *[]safety.File) error {
		path := r.String(param)
		if path == "" {
			return nil
		}
		data, err := os.ReadFile(path)
		*to = append(*to, safety.File{Name: path, Data: data})
		return fault.Disk("reading "+param, err)
	}
	if err := add("rules", &files.Rules); err != nil {
		return files, nil, err
	}
	if err := add("drug-table", &files.Drugs); err != nil {
		return files, nil, err
	}
	s, err := safety.New(files)
	return files, s, err
}

// read finds out which rows were treated how, and with what outcome.
func (co *cohort) read(t *table.Table, r *task.Run, rules *safety.Set) ([][]safety.Drug, error) {
	rd, err := newReader(t, &co.Roles, rules)
	if err != nil {
		return nil, err
	}
	var given [][]safety.Drug
	for i := range t.Rows {
		rd.patient(i) // for its findings
		g, known := rd.given(i)
		if known {
			co.Row = append(co.Row, i+1)
			given = append(given, g)
		}
	}
	if a, b := t.Column(named(t, r, "treatment-date")), t.Column(named(t, r, "outcome-date")); a != nil && b != nil {
		for i := range t.Rows {
			if a.Num[i] > b.Num[i] {
				rd.found("treatment-after-outcome", a.Name, "the treatment is recorded after the outcome ("+b.Name+")", "a suggestion can only learn from treatments before their outcome: mend the dates or leave the rows out", i)
			}
		}
	}
	if err := rd.err(); err != nil {
		return nil, err
	}
	co.Flow = append(co.Flow, station{Label: "rows in the data", Rows: t.Rows})
	if left := t.Rows - len(co.Row); left > 0 {
		co.Flow = append(co.Flow, station{Label: "left out", Rows: left, Why: "the treatments are not known"})
	}
	if len(co.Row) == 0 {
		return nil, fault.Errorf(fault.Data, "%s: no row says which treatments were given", subject(t))
	}
	co.Patient = make([]int, len(co.Row))
	for k := range co.Patient {
		co.Patient[k] = k
	}
	if name := r.String("patient"); name != "" {
		co.Patient = pick(table.Groups(t.Column(name)), indexes(co.Row))
	}
	co.Flow = append(co.Flow, station{Label: fmt.Sprintf("cases of %d patients", len(unique(co.Patient))), Rows: len(co.Row)})
	return given, co.outcomes(t, r.Strings("positive"))
}

// outcomes reads which cases did well.
func (co *cohort) outcomes(t *table.Table, positive []string) error {
	c := t.Column(co.Roles.Outcome)
	if c == nil {
		if len(positive) > 0 {
			return fault.Errorf(fault.Usage, "the parameter positive needs the parameter outcome")
		}
		return nil
	}
	if len(positive) == 0 && !flags(c) {
		return fault.Refuse(subject(t), []fault.Finding{{Name: "outcome", Severity: fault.Severe, File: t.File, Column: c.Name, Message: "the outcome does not say by itself which of its levels are good", Hint: "name them under positive"}})
	}
	seen := map[string]bool{}
	for _, row := range co.Row {
		text := cellText(c, row-1)
		seen[text] = true
		yes, ok := yesNo(text)
		if len(positive) > 0 {
			yes, ok = slices.Contains(positive, text), text != ""
		}
		switch {
		case !ok:
			co.Outcome = append(co.Outcome, -1)
		case yes:
			co.Outcome = append(co.Outcome, 1)
		default:
			co.Outcome = append(co.Outcome, 0)
		}
	}
	for _, p := range positive {
		if !seen[p] {
			return fault.Refuse(subject(t), []fault.Finding{{Name: "outcome", Severity: fault.Severe, File: t.File, Column: c.Name, Message: "the parameter positive names a level that the outcome has not"}})
		}
	}
	return nil
}

// choose takes the treatments that vary and that enough training patients got.
func (co *cohort) choose(t *table.Table, given [][]safety.Drug, train []int, rules *safety.Set, least int) error {
	got := map[safety.Drug]map[int]bool{}
	all := map[safety.Drug]bool{}
	for k, g := range given {
		for _, d := range g {
			all[d] = true
			if _, in := slices.BinarySearch(train, k); in {
				if got[d] == nil {
					got[d] = map[int]bool{}
				}
				got[d][co.Patient[k]] = true
			}
		}
	}
	for _, c := range co.Roles.Treatments { // columns of flags that nobody has set
		if d, err := rules.Drug(c.Drug); c.Drug != "" && err == nil {
			all[d] = true
		}
	}
	patients := len(unique(pick(co.Patient, train)))
	var drugs []safety.Drug
	for d := range all {
		drugs = append(drugs, d)
	}
	sort.Slice(drugs, func(a, b int) bool { return rules.Name(drugs[a]) < rules.Name(drugs[b]) })
	index := map[safety.Drug]int{}
	var findings []fault.Finding
	for _, d := range drugs {
		switch n := len(got[d]); {
		case n == patients:
			findings = append(findings, fault.Finding{Name: "no-variation", Severity: fault.Severe, File: t.File, Column: co.Roles.column(rules.Name(d)), Message: rules.Name(d) + " was given to every training patient: there is nothing to learn about it", Hint: "leave the treatment out of the data"})
		case n == 0 && co.Roles.Treatments[0].Drug != "":
			findings = append(findings, fault.Finding{Name: "no-variation", Severity: fault.Severe, File: t.File, Column: co.Roles.column(rules.Name(d)), Message: rules.Name(d) + " was given to no training patient: there is nothing to learn about it", Hint: "leave the column out of treatments"})
		case n < least || patients-n < least:
			co.NotLearned = append(co.NotLearned, count{rules.Name(d), assess.SmallCount(min(n, patients-n))})
		default:
			index[d] = len(co.Treatments)
			co.Treatments = append(co.Treatments, rules.Name(d))
		}
	}
	if len(findings) == 0 && len(co.Treatments) == 0 {
		findings = append(findings, fault.Finding{Name: "few-cases", Severity: fault.Severe, File: t.File, Message: fmt.Sprintf("no treatment was given to at least %d training patients, and not to as many", least), Hint: "gather more cases, or lower min-cases"})
	}
	for _, g := range given {
		row := []int{}
		for _, d := range g {
			if k, ok := index[d]; ok {
				row = append(row, k)
			}
		}
		sort.Ints(row)
		co.Given = append(co.Given, row)
	}
	return fault.Refuse(subject(t), findings)
}

func (ro *roles) column(drug string) string {
	for _, c := range ro.Treatments {
		if c.Drug == drug || c.Drug == "" {
			return c.Column
		}
	}
	return ""
}

// readPatients reads rules' facts and lists of each row.
func readPatients(t *table.Table, ro *roles, rules *safety.Set) (*cases, error) {
	rd, err := newReader(t, ro, rules)
	if err != nil {
		return nil, err
	}
	cs := &cases{table: t}
	for i := range t.Rows {
		p := rd.patient(i)
		cs.patients = append(cs.patients, p)
		cs.tokens = append(cs.tokens, rd.tokens(p))
	}
	return cs, rd.err()
}

// split sets test patients apart. Random ones are drawn in proportion to the rarest treatment that they got.
func split(t *table.Table, co *cohort, r *task.Run, given [][]safety.Drug) (*splits, error) {
	sp := &splits{Kind: r.String("split")}
	test := r.Float("test")
	var h table.Split
	var err error
	switch sp.Kind {
	case "random":
		h, err = table.Holdout(len(co.Row), co.Patient, rarest(given), 0, test, r.Seed("split"))
	case "time":
		name := named(t, r, "treatment-date")
		if name == "" {
			return nil, fault.WithHint(fault.Errorf(fault.Usage, "split: time needs the parameter treatment-date"), "name the date column of the treatment")
		}
		when := t.Column(name).Num
		known := slices.DeleteFunc(slices.Clone(when), func(v float64) bool { return v != v })
		if len(known) == 0 {
			return nil, fault.Errorf(fault.Data, "%s: %s: no case has a date", subject(t), name)
		}
		sort.Float64s(known)
		h, err = table.ByTime(when, co.Patient, nan, known[min(len(known)-1, int(float64(len(known))*(1-test)+.5))])
	case "column":
		name := r.String("split-column")
		if name == "" {
			return nil, fault.Errorf(fault.Usage, "split: column needs the parameter split-column")
		}
		h, err = table.ByColumn(t.Column(name), co.Patient)
	}
	if err != nil {
		for _, f := range fault.FindingsOf(err) {
			for k, row := range f.Rows {
				f.Rows[k] = co.Row[row-1]
			}
		}
		return nil, err
	}
	sp.Train, sp.Test = append(h.Train, h.Validation...), h.Test
	sort.Ints(sp.Train)
	if len(sp.Train) < 10 || len(sp.Test) < 2 {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "%s: the split leaves %d training and %d test cases", subject(t), len(sp.Train), len(sp.Test)), "gather more cases, or set another share apart")
	}
	sp.Patients = map[string][]int{"train": unique(pick(co.Patient, sp.Train)), "test": unique(pick(co.Patient, sp.Test))}
	return sp, nil
}

// rarest numbers each row by the rarest treatment that it got.
func rarest[T ~int](given [][]T) []int {
	n := map[T]int{}
	for _, g := range given {
		for _, d := range g {
			n[d]++
		}
	}
	out := make([]int, len(given))
	for i, g := range given {
		out[i] = -1
		for _, d := range g {
			if out[i] < 0 || n[d] < n[T(out[i])] || n[d] == n[T(out[i])] && int(d) < out[i] {
				out[i] = int(d)
			}
		}
	}
	return out
}

// check runs the quality checks and stops where a finding of severity error is not waived.
func check(ctx context.Context, r *task.Run, t *table.Table, co *cohort, sp *splits) error {
	o := quality.Options{Patient: r.String("patient"), Ignore: slices.DeleteFunc(slices.Clone(co.Roles.NoPredictor), func(s string) bool { return s == "" || s == r.String("patient") }), Ranges: map[string]quality.Range{}}
	for _, col := range t.Schema().Columns {
		if col.Min != nil || col.Max != nil {
			o.Ranges[col.Name] = quality.Range{Low: orNaN(col.Min), High: orNaN(col.Max)}
		}
	}
	at := func(rows []int) []int { return indexes(pick(co.Row, rows)) }
	o.Splits = []quality.Split{{Name: "training", Rows: at(sp.Train)}, {Name: "test", Rows: at(sp.Test)}}
	rep, err := quality.Check(ctx, t, o)
	if err != nil {
		return err
	}
	kept, waived, unknown := quality.Waive(rep.Findings, r.Study.Waive)
	rep.Findings = append(kept, unknown...)
	if severe := quality.Severe(rep.Findings); len(severe) > 0 {
		name := severe[0].Name
		if severe[0].Column != "" {
			name += ":" + severe[0].Column
		}
		return fault.WithHint(fault.Refuse(subject(t), severe), "mend the data, exclude the column, or let a finding pass by its name under waive: in the study (for example waive: [%s])", name)
	}
	if n := len(rep.Findings); n > 0 {
		r.Note("%d findings on the quality of the data; the report lists them", n)
	}
	if n := len(co.NotLearned); n > 0 {
		var names []string
		for _, c := range co.NotLearned {
			names = append(names, c.Treatment)
		}
		r.Note("not learned, for want of cases: %s", strings.Join(names, ", "))
	}
	return r.WriteJSON(qualityFile, checked{Report: rep, Waived: waived})
}
