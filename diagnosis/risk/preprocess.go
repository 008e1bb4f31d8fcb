package risk

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sort"

	"galen.dev/assess"
	"galen.dev/diagnosis/intake"
	"galen.dev/fault"
	"galen.dev/quality"
	"galen.dev/table"
	"galen.dev/task"
)

// Files that preprocess leaves.
const (
	preparedFile = "prepared.parquet" // the cases that have an outcome, with every column
	cohortFile   = "cohort.json"      // outcome, classes of the rows, flow of patients
	splitsFile   = "splits.json"      // which rows train and which test
	planFile     = "plan.json"        // the transformation, from the first split's training rows
	qualityFile  = "quality.json"     // what the checks found
)

// cohort is who is in the study and what became of them.
type cohort struct {
	Outcome assess.Outcome `json:"outcome"`
	Y       []int          `json:"y"`       // class of each prepared row
	Row     []int          `json:"row"`     // 1-based row in the user's data of each prepared row
	Patient []int          `json:"patient"` // patient of each prepared row, numbered in order of appearance
	Flow    []flow         `json:"flow"`
	// Options are the choices that a plan depends on, so that training can fit plans within folds.
	Options planOptions `json:"options"`
	Seed    uint64      `json:"seed"`
}

// flow is one station of the flow of rows into the study.
type flow struct {
	Label string `json:"label"`
	Rows  int    `json:"rows"`
	Why   string `json:"why,omitempty"` // rows were left out here for this reason
}

// checked is the quality report with the study's waivers.
type checked struct {
	*quality.Report
	Waived []fault.Finding `json:"waived,omitempty"`
}

// preprocess checks the cases, sets test patients apart and fixes the plan from training rows.
func preprocess(ctx context.Context, r *task.Run) error {
	t, err := intake.ReadTable(ctx, r, task.Collect, intake.CasesFile)
	if err != nil {
		return err
	}
	if err := checkColumns(t, r); err != nil {
		return err
	}
	toCategories(t, r.Strings("categories"))
	o, y, err := readOutcome(t, r.String("target"), r.Strings("positive"))
	if err != nil {
		return err
	}
	c := newCohort(t, o, y, r)
	if err := checkSizes(t, c.Options); err != nil {
		return err
	}
	prepared := t.Select(indexes(c.Row))
	sp, err := split(prepared, c, r)
	if err != nil {
		return err
	}
	if err := check(ctx, r, t, c, sp); err != nil {
		return err
	}
	p := fitPlan(prepared, sp.Parts[0].Train, c.Options)
	if len(p.Columns) == 0 {
		return fault.WithHint(fault.Errorf(fault.Data, "%s: no column is left that could be a predictor", subject(t)), "predictors are numbers, categories and dates with an index-date; a schema file says what a column is")
	}
	return saveAll(r, prepared, c, sp, p)
}

func saveAll(r *task.Run, t *table.Table, c *cohort, sp *splits, p *plan) error {
	if err := intake.WriteTable(r, preparedFile, t); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		v    any
	}{{cohortFile, c}, {splitsFile, sp}, {planFile, p}} {
		if err := r.WriteJSON(f.name, f.v); err != nil {
			return err
		}
	}
	return nil
}

// checkColumns finds every column that the study names and the table has not.
func checkColumns(t *table.Table, r *task.Run) error {
	var findings []fault.Finding
	names := columnNames(t)
	need := func(param string, columns ...string) {
		for _, name := range columns {
			if name != "" && t.Column(name) == nil {
				findings = append(findings, fault.Finding{
					Name: "column-absent", Severity: fault.Severe, File: t.File, Column: name,
					Message: fmt.Sprintf("the parameter %s names a column that is not there", param), Hint: fault.DidYouMean(name, names),
				})
			}
		}
	}
	need("target", r.String("target"))
	need("patient", r.String("patient"))
	need("index-date", r.String("index-date"))
	need("split-column", r.String("split-column"))
	need("exclude", r.Strings("exclude")...)
	need("categories", r.Strings("categories")...)
	if c := t.Column(r.String("index-date")); c != nil && c.Kind != table.Date {
		findings = append(findings, fault.Finding{
			Name: "not-a-date", Severity: fault.Severe, File: t.File, Column: c.Name, Message: "the index-date is a " + c.Kind.String() + " column", Hint: "write dates as 2024-12-31, or say in a schema file how they are written",
		})
	}
	for _, name := range r.Strings("categories") {
		if c := t.Column(name); c != nil && (c.Kind == table.Text || c.Kind == table.Date) {
			findings = append(findings, fault.Finding{
				Name: "not-a-number", Severity: fault.Severe, File: t.File, Column: name, Message: "the parameter categories names a " + c.Kind.String() + " column", Hint: "categories is for numbers that are codes; say kind: category in a schema file",
			})
		}
	}
	return fault.Refuse(subject(t), append(findings, targetElsewhere(t, r)...))
}

// targetElsewhere finds a target that the study also uses for something else. Excluded, it would escape the
// checks for columns that give it away; as patient or split it would part the classes.
func targetElsewhere(t *table.Table, r *task.Run) []fault.Finding {
	var findings []fault.Finding
	target := r.String("target")
	used := func(param string, columns ...string) {
		if slices.Contains(columns, target) {
			findings = append(findings, fault.Finding{
				Name: "target", Severity: fault.Severe, File: t.File, Column: target, Message: fmt.Sprintf("the parameter %s names the target", param), Hint: "name another column; the target is never a predictor",
			})
		}
	}
	used("exclude", r.Strings("exclude")...)
	used("patient", r.String("patient"))
	used("split-column", r.String("split-column"))
	return findings
}

// largest bounds numbers: no measurement is larger, and squares of larger ones leave the range of float64.
const largest = 1e100

// checkSizes refuses predictors with numbers whose mean and spread cannot be computed.
func checkSizes(t *table.Table, o planOptions) error {
	cols, _ := usable(t, o)
	var findings []fault.Finding
	for _, c := range cols {
		f := fault.Finding{
			Name: "too-large", Severity: fault.Severe, File: t.File, Column: c.Name, Message: fmt.Sprintf("numbers beyond %g are no measurements", largest), Hint: "mark them as missing in a schema file, or exclude the column",
		}
		for i, v := range c.Num {
			if math.Abs(v) > largest {
				if f.Count++; len(f.Rows) < 10 {
					f.Rows = append(f.Rows, i+1)
				}
			}
		}
		if f.Count > 0 {
			findings = append(findings, f)
		}
	}
	return fault.Refuse(subject(t), findings)
}

// toCategories turns numeric columns into categories, levels in order of value.
func toCategories(t *table.Table, names []string) {
	for _, name := range names {
		c := t.Column(name)
		if c == nil || c.Kind != table.Numeric {
			continue
		}
		level := map[float64]int32{}
		var values []float64
		for i, v := range c.Num {
			if _, seen := level[v]; !seen && !c.Missing(i) {
				level[v] = 0
				values = append(values, v)
			}
		}
		sort.Float64s(values)
		for k, v := range values {
			level[v] = int32(k)
			c.Levels = append(c.Levels, numberText(v))
		}
		c.Cat = make([]int32, len(c.Num))
		for i, v := range c.Num {
			c.Cat[i] = -1
			if !c.Missing(i) {
				c.Cat[i] = level[v]
			}
		}
		c.Kind, c.Num, c.Unit = table.Category, nil, ""
	}
}

// newCohort takes the rows that have an outcome.
func newCohort(t *table.Table, o *assess.Outcome, y []int, r *task.Run) *cohort {
	c := &cohort{Outcome: *o, Seed: r.Seed("split"), Options: planOptions{
		Impute: r.String("impute"), Indicators: r.Bool("indicators"), Rare: r.Int("rare"), IndexDate: r.String("index-date"),
		Exclude: append([]string{o.Target, r.String("patient"), r.String("split-column")}, r.Strings("exclude")...),
	}}
	for i, class := range y {
		if class >= 0 {
			c.Row = append(c.Row, i+1)
			c.Y = append(c.Y, class)
		}
	}
	c.Flow = append(c.Flow, flow{Label: "rows in the data", Rows: t.Rows})
	if left := t.Rows - len(c.Row); left > 0 {
		c.Flow = append(c.Flow, flow{Label: "left out", Rows: left, Why: "the outcome is missing"})
	}
	if name := r.String("patient"); name != "" {
		c.Patient = pick(table.Groups(t.Column(name)), indexes(c.Row))
	} else {
		c.Patient = make([]int, len(c.Row))
		for i := range c.Patient {
			c.Patient[i] = i
		}
	}
	patients := slices.Clone(c.Patient)
	sort.Ints(patients)
	patients = slices.Compact(patients)
	c.Flow = append(c.Flow, flow{Label: fmt.Sprintf("cases of %d patients", len(patients)), Rows: len(c.Row)})
	return c
}

func indexes(rows []int) []int {
	out := make([]int, len(rows))
	for i, r := range rows {
		out[i] = r - 1
	}
	return out
}

// check runs the quality checks and stops where a finding of severity error is not waived. Rows of findings
// are the rows of the user's data.
func check(ctx context.Context, r *task.Run, t *table.Table, c *cohort, sp *splits) error {
	o := quality.Options{
		Target: c.Outcome.Target, Patient: r.String("patient"), Index: r.String("index-date"), Ranges: map[string]quality.Range{},
		Ignore: r.Strings("exclude"),
	}
	if s := r.String("split-column"); s != "" {
		o.Ignore = append(o.Ignore, s)
	}
	for _, col := range t.Schema().Columns {
		if col.Min != nil || col.Max != nil {
			o.Ranges[col.Name] = quality.Range{Low: orNaN(col.Min), High: orNaN(col.Max)}
		}
	}
	at := func(rows []int) []int {
		out := make([]int, len(rows))
		for i, k := range rows {
			out[i] = c.Row[k] - 1
		}
		return out
	}
	o.Splits = []quality.Split{{Name: "training", Rows: at(sp.Parts[0].Train)}, {Name: "test", Rows: at(sp.Parts[0].Test)}}
	report, err := quality.Check(ctx, t, o)
	if err != nil {
		return err
	}
	_, left := usable(t, c.Options)
	report.Findings = append(report.Findings, left...)
	kept, waived, unknown := quality.Waive(report.Findings, r.Study.Waive)
	report.Findings = append(kept, unknown...)
	var severe []fault.Finding
	for _, f := range report.Findings {
		if f.Severity == fault.Severe {
			severe = append(severe, f)
		}
	}
	if len(severe) > 0 {
		return fault.WithHint(fault.Refuse(subject(t), severe), "mend the data, exclude the column, or let a finding pass by its name under waive: in the study (for example waive: [%s])", waiver(severe[0]))
	}
	if n := len(report.Findings); n > 0 {
		r.Note("%d findings on the quality of the data; the report lists them", n)
	}
	return r.WriteJSON(qualityFile, checked{Report: report, Waived: waived})
}

func waiver(f fault.Finding) string {
	if f.Column == "" {
		return f.Name
	}
	return f.Name + ":" + f.Column
}

func orNaN(p *float64) float64 {
	if p == nil {
		return nan
	}
	return *p
}
