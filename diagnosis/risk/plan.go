package risk

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"

	"galen.dev/fault"
	"galen.dev/table"
)

// plan is the fixed transformation from a table of cases to the numbers that models take. fitPlan computes
// every statistic in it from training rows only; encode applies it, the same way in training, evaluation and
// apply. It is written to plan.json, where a person can read it; docs/format/risk.md describes it.
type plan struct {
	Columns []planColumn `json:"columns"`
	// Rows is the number of training rows that the statistics come from. For information only.
	Rows int `json:"rows"`
}

// planColumn is how one column of cases enters the models.
type planColumn struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // numeric, category or days (a date as days after the index date)
	Unit string `json:"unit,omitempty"`

	// Of numeric columns and days.
	Median float64 `json:"median,omitempty"`
	Mean   float64 `json:"mean,omitempty"` // after imputation; with SD it scales the linear design
	SD     float64 `json:"sd,omitempty"`
	Fill   float64 `json:"fill,omitempty"` // what a missing value becomes in the linear design

	// Of categories: the levels that keep a place of their own. Rarer and later unseen levels share one
	// more place, "other", when Pooled says that the training rows had rare ones.
	Levels []string `json:"levels,omitempty"`
	Pooled []string `json:"pooled,omitempty"`
	Mode   int      `json:"mode,omitempty"` // place of the commonest level

	Indicator bool `json:"indicator,omitempty"` // the linear design has a column for missingness
}

// Kinds of planColumn.
const (
	numericColumn  = "numeric"
	categoryColumn = "category"
	daysColumn     = "days"
)

// planOptions are the study's choices about the transformation.
type planOptions struct {
	Impute     string   // median or mean
	Indicators bool     // a column of its own for the missingness of a column
	Rare       int      // categories with fewer training rows are pooled
	IndexDate  string   // dates become days after this column
	Exclude    []string // columns that are no predictors: target, patient, time, and the study's list
}

// usable lists the columns that may be predictors, and says of the others why not.
func usable(t *table.Table, o planOptions) (cols []*table.Column, notes []fault.Finding) {
	index := t.Column(o.IndexDate)
	for _, c := range t.Columns {
		if slices.Contains(o.Exclude, c.Name) || c.Name == o.IndexDate {
			continue
		}
		why := ""
		switch {
		case c.Kind == table.Text:
			why = "free text is no predictor of this task; diagnosis/text reads notes"
		case c.Kind == table.Date && index == nil:
			why = "a calendar date is no predictor; name an index-date, and dates become days after it"
		}
		if why != "" {
			notes = append(notes, fault.Finding{Name: "column-left-out", Severity: fault.Info, Column: c.Name, Message: "left out", Hint: why})
			continue
		}
		cols = append(cols, c)
	}
	return cols, notes
}

// fitPlan computes the plan from the given rows of the table.
func fitPlan(t *table.Table, rows []int, o planOptions) *plan {
	cols, _ := usable(t, o)
	p := &plan{Rows: len(rows)}
	for _, c := range cols {
		var pc planColumn
		if c.Kind == table.Category || c.Kind == table.Code {
			pc = fitCategory(c, rows, o)
		} else {
			pc = fitNumeric(c, numbers(t, c, o.IndexDate), rows, o)
		}
		if missing := countMissing(t, c, rows, o.IndexDate); o.Indicators && missing > 0 && missing < len(rows) {
			pc.Indicator = true
		}
		p.Columns = append(p.Columns, pc)
	}
	return p
}

// numbers returns a numeric column's values; a date's as days after the index date.
func numbers(t *table.Table, c *table.Column, indexDate string) []float64 {
	if c.Kind != table.Date {
		return c.Num
	}
	index := t.Column(indexDate)
	out := make([]float64, len(c.Num))
	for i := range out {
		out[i] = c.Num[i] - index.Num[i]
	}
	return out
}

func countMissing(t *table.Table, c *table.Column, rows []int, indexDate string) int {
	n := 0
	for _, i := range rows {
		if c.Missing(i) || c.Kind == table.Date && t.Column(indexDate).Missing(i) {
			n++
		}
	}
	return n
}

func fitNumeric(c *table.Column, x []float64, rows []int, o planOptions) planColumn {
	pc := planColumn{Name: c.Name, Kind: numericColumn, Unit: c.Unit}
	if c.Kind == table.Date {
		pc.Kind, pc.Unit = daysColumn, "days"
	}
	var known []float64
	for _, i := range rows {
		if !math.IsNaN(x[i]) {
			known = append(known, x[i])
		}
	}
	if len(known) == 0 {
		return pc
	}
	sort.Float64s(known)
	if v := known[0]; v == known[len(known)-1] { // one value: a mean that is off by rounding would make a tiny SD of it
		pc.Median, pc.Mean, pc.Fill = v, v, v
		return pc
	}
	pc.Median = (known[(len(known)-1)/2] + known[len(known)/2]) / 2
	mean, _ := meanSD(known)
	pc.Fill = pc.Median
	if o.Impute == "mean" {
		pc.Fill = mean
	}
	for range len(rows) - len(known) { // the linear design is scaled as it will be: with values filled in
		known = append(known, pc.Fill)
	}
	pc.Mean, pc.SD = meanSD(known)
	return pc
}

func meanSD(x []float64) (mean, sd float64) {
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	for _, v := range x {
		sd += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sd / float64(len(x)))
}

func fitCategory(c *table.Column, rows []int, o planOptions) planColumn {
	pc := planColumn{Name: c.Name, Kind: categoryColumn}
	count := make([]int, len(c.Levels))
	for _, i := range rows {
		if c.Cat[i] >= 0 {
			count[c.Cat[i]]++
		}
	}
	for l, n := range count {
		switch {
		case n == 0: // not in these rows: it will share the place of rare ones, or count as missing
		case n < o.Rare:
			pc.Pooled = append(pc.Pooled, c.Levels[l])
		default:
			pc.Levels = append(pc.Levels, c.Levels[l])
		}
	}
	sort.Strings(pc.Levels)
	sort.Strings(pc.Pooled)
	most := 0
	for l, n := range count {
		if k, kept := slices.BinarySearch(pc.Levels, c.Levels[l]); kept && n > most {
			pc.Mode, most = k, n
		}
	}
	return pc
}

// places is the number of places of a category: its levels and "other" where there is one.
func (pc *planColumn) places() int {
	if len(pc.Pooled) > 0 {
		return len(pc.Levels) + 1
	}
	return len(pc.Levels)
}

// place returns the place of a level, or -1 when the plan has none for it.
func (pc *planColumn) place(level string) int {
	if i, ok := slices.BinarySearch(pc.Levels, level); ok {
		return i
	}
	if len(pc.Pooled) > 0 {
		return len(pc.Levels)
	}
	return -1
}

// placeName is the level at a place, for texts.
func (pc *planColumn) placeName(i int) string {
	if i < len(pc.Levels) {
		return pc.Levels[i]
	}
	return "other" // its levels are rare: naming them could name a patient
}

// categorical tells for each column how many places it has as a category; 0 = it is numeric.
func (p *plan) categorical() []int {
	out := make([]int, len(p.Columns))
	for j := range p.Columns {
		if p.Columns[j].Kind == categoryColumn {
			out[j] = p.Columns[j].places()
		}
	}
	return out
}

// names lists the columns' names.
func (p *plan) names() []string {
	out := make([]string, len(p.Columns))
	for j := range out {
		out[j] = p.Columns[j].Name
	}
	return out
}

// encode turns rows of a table into columns of numbers, X[column][row]: one for each plan column, NaN where
// the value is missing, the place of a category as a number. Tree and additive models take it as it is.
// A table without a column of the plan is a defect of the caller, who has checked it against the schema.
func (p *plan) encode(t *table.Table, rows []int, indexDate string) [][]float64 {
	X := make([][]float64, len(p.Columns))
	for j := range p.Columns {
		pc := &p.Columns[j]
		c := t.Column(pc.Name)
		if c == nil {
			panic(fmt.Sprintf("diagnosis: column %q is not in the table", pc.Name))
		}
		x := make([]float64, len(rows))
		if pc.Kind == categoryColumn {
			place := make([]float64, len(c.Levels))
			for l, level := range c.Levels {
				place[l] = float64(pc.place(level))
				if place[l] < 0 {
					place[l] = math.NaN()
				}
			}
			for k, i := range rows {
				x[k] = math.NaN()
				if c.Cat[i] >= 0 {
					x[k] = place[c.Cat[i]]
				}
			}
		} else {
			num := numbers(t, c, indexDate)
			for k, i := range rows {
				x[k] = num[i]
			}
		}
		X[j] = x
	}
	return X
}

// typical is the encoded case that explanations hide columns with: medians and commonest levels.
func (p *plan) typical() []float64 {
	row := make([]float64, len(p.Columns))
	for j := range p.Columns {
		row[j] = p.Columns[j].Median
		if p.Columns[j].Kind == categoryColumn {
			row[j] = float64(p.Columns[j].Mode)
		}
	}
	return row
}

// linearFeature is one column of the linear design and the plan column it belongs to.
type linearFeature struct {
	Column int    // index in plan.Columns
	Name   string // for texts
	Place  int    // of a category's level: 1 where the case is at this place; -1 for others
	Miss   bool   // 1 where the value is missing
}

// linear lists the columns of the linear design: a number scaled to mean 0 and standard deviation 1 with
// missing values filled in, an indicator for each level of a category, and one for missingness.
func (p *plan) linear() []linearFeature {
	var fs []linearFeature
	for j := range p.Columns {
		pc := &p.Columns[j]
		if pc.Kind != categoryColumn {
			fs = append(fs, linearFeature{Column: j, Name: pc.Name, Place: -1})
		}
		first := 0
		if pc.places() == 2 && !pc.Indicator {
			first = 1 // two levels need one indicator
		}
		for l := first; l < pc.places(); l++ {
			fs = append(fs, linearFeature{Column: j, Name: pc.Name + " = " + pc.placeName(l), Place: l})
		}
		if pc.Indicator {
			fs = append(fs, linearFeature{Column: j, Name: pc.Name + " missing", Place: -1, Miss: true})
		}
	}
	return fs
}

// value is a feature's number for a case whose plan column holds x.
func (f *linearFeature) value(pc *planColumn, x float64) float64 {
	missing := math.IsNaN(x)
	switch {
	case f.Miss:
		return indicator(missing)
	case f.Place >= 0:
		return indicator(!missing && int(x) == f.Place)
	}
	if missing {
		x = pc.Fill
	}
	if pc.SD == 0 {
		return 0
	}
	return (x - pc.Mean) / pc.SD
}

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// linearDesign turns encoded columns into the linear design, Z[feature][row].
func (p *plan) linearDesign(X [][]float64) [][]float64 {
	fs := p.linear()
	Z := make([][]float64, len(fs))
	for k := range fs {
		f := &fs[k]
		x := X[f.Column]
		z := make([]float64, len(x))
		for i := range x {
			z[i] = f.value(&p.Columns[f.Column], x[i])
		}
		Z[k] = z
	}
	return Z
}

var nan = math.NaN()

// sortedKeys lists a map's keys in order, so that nothing depends on the order of maps.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
