// Package quality looks for what is wrong with a table before any model is fitted to it: missing and
// impossible values, mixed units, misspelt categories, duplicate patients, patients in two splits, columns
// that give the answer away, and splits that do not resemble each other.
//
// Each check has a stable name (see Checks) and answers with findings: column, rows, severity and what to
// do, never a cell's value. A finding of severity "error" stops a run unless the study waives it by name
// (see Waive). The grouping follows Kahn et al., "A harmonized data quality assessment terminology and
// framework" (eGEMs 2016): conformance, completeness and plausibility; the checks on splits and leakage
// follow Kapoor and Narayanan, "Leakage and the reproducibility crisis" (Patterns 2023).
//
// Start reading at Check; every file after it holds one group of checks. One pass sorts each numeric
// column once and asks everything of that order, so a million rows of thirty columns take seconds.
package quality

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"galen.dev/fault"
	"galen.dev/table"
)

// Options tells Check what the columns are for. The zero value checks what can be checked without a target,
// patients or splits.
type Options struct {
	Target     string // column to predict; "" = none, and the checks that need one are skipped
	Regression bool   // the target is a quantity; false = classes if it has at most 20 distinct whole numbers
	Patient    string // column that identifies the patient; "" = every row is a patient of its own
	Index      string // Date column of the prediction's time: no other date may be later; "" = none
	Splits     []Split
	// Ranges are plausible ranges by column; they go before those of the table's schema, and both before the
	// shipped limits.
	Ranges     map[string]Range
	Ignore     []string // columns that no model will see: only their missing values are looked at
	Today      float64  // days since 1970-01-01 UTC: no date may be later; 0 = the clock's day
	Thresholds Thresholds
}

// Split is a named set of rows (0-based). The first split is the reference that the others are held against.
type Split struct {
	Name string
	Rows []int
}

// SplitsOf names the parts of a split; empty parts are left out.
func SplitsOf(s table.Split) []Split {
	parts := []Split{{"train", s.Train}, {"validation", s.Validation}, {"test", s.Test}}
	return slices.DeleteFunc(parts, func(p Split) bool { return len(p.Rows) == 0 })
}

// Range is the plausible range of a numeric column, in its own unit. NaN and infinite bounds are open.
type Range struct{ Low, High float64 }

// Thresholds are the numbers at which checks fire. Zero means the default of each.
type Thresholds struct {
	HighMissing float64 // share of missing cells; default .5: more cells guessed than known
	// MissingGap is the least difference between two classes' shares of missing cells that counts as
	// informative, if chance does not explain it; default .1, a tenth of the patients treated differently.
	MissingGap         float64
	NearlyConstant     float64 // share of the commonest value; default .99: under 1 % is left to learn from
	EventsPerPredictor float64 // cases of the rarest class per predictor; default 10 (Peduzzi et al. 1996)
	MinClass           int     // rows of a class; default 10: fewer cannot be cut into ten folds
	HugeCategory       int     // levels of a category; default 1000
	LeakError          float64 // AUROC of one column alone; default .99: no known single sign of a disease reaches it
	LeakWarning        float64 // the same for a warning; default .98, just over the best column of WDBC (.976)
	RowOrder           float64 // AUROC of the row number; default .8
	NearDuplicate      float64 // share of cells on which two rows agree; default .9
	DriftP             float64 // p-value of drift and of missing by outcome, after Holm's correction; default .05, as Evidently's
	DriftDistance      float64 // distance between the distributions, over 1,000 rows; default .1, as Evidently's
	Outlier            float64 // robust z-score; default 10: far beyond the usual 3.5, since labs have long tails
	Correlation        float64 // absolute Pearson correlation of two columns; default .95
}

func (th Thresholds) filled() Thresholds {
	def := func(v *float64, d float64) {
		if *v == 0 {
			*v = d
		}
	}
	def(&th.HighMissing, .5)
	def(&th.MissingGap, .1)
	def(&th.NearlyConstant, .99)
	def(&th.EventsPerPredictor, 10)
	def(&th.LeakError, .99)
	def(&th.LeakWarning, .98)
	def(&th.RowOrder, .8)
	def(&th.NearDuplicate, .9)
	def(&th.DriftP, .05)
	def(&th.DriftDistance, .1)
	def(&th.Outlier, 10)
	def(&th.Correlation, .95)
	if th.MinClass == 0 {
		th.MinClass = 10
	}
	if th.HugeCategory == 0 {
		th.HugeCategory = 1000
	}
	return th
}

// Report is what Check found, as the report page shows it. It holds aggregates only.
type Report struct {
	File     string          `json:"file,omitempty"`
	Rows     int             `json:"rows"`
	Findings []fault.Finding `json:"findings"` // errors first, then by check, then by column
	Skipped  []Skip          `json:"skipped,omitempty"`
	Columns  []Summary       `json:"columns"`
}

// Skip is a check that was not run, and why.
type Skip struct {
	Check  string `json:"check"`
	Reason string `json:"reason"`
}

// Check runs every check on a table. The error is the context's, and nothing else: whatever is wrong with
// the data is a finding.
func Check(ctx context.Context, t *table.Table, o Options) (*Report, error) {
	s := newSession(t, o)
	s.checkNamedColumns()
	s.readTarget()
	s.readSplits()
	if err := s.eachColumn(ctx); err != nil {
		return nil, err
	}
	s.holm()
	s.checkTarget()
	for _, step := range []func(context.Context) error{s.checkPatients, s.checkRows, s.checkNearDuplicates, s.checkCorrelation} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return s.report(), nil
}

// session is one run of Check: the table, what is known of its target and splits, and the findings so far.
type session struct {
	t       *table.Table
	o       Options
	th      Thresholds
	cols    []*column
	target  *target
	splitOf []int16 // split of each row, -1 = none; nil without splits
	found   []fault.Finding
	skipped []Skip
}

func newSession(t *table.Table, o Options) *session {
	if o.Today == 0 {
		o.Today = math.Floor(float64(time.Now().Unix()) / 86400)
	}
	s := &session{t: t, o: o, th: o.Thresholds.filled(), cols: make([]*column, len(t.Columns))}
	ignored := make(map[string]bool, len(o.Ignore))
	for _, name := range o.Ignore {
		ignored[name] = true
	}
	for j, c := range t.Columns {
		s.cols[j] = &column{Column: c, ignored: ignored[c.Name]}
		s.cols[j].feature = !ignored[c.Name] && c.Name != o.Target && c.Name != o.Patient && c.Name != o.Index
	}
	return s
}

// eachColumn runs the checks that look at one column, on as many columns at once as there are processors.
// Each column keeps its own findings, so the order of work does not show.
func (s *session) eachColumn(ctx context.Context) error {
	var wg sync.WaitGroup
	next := make(chan *column)
	for range min(runtime.GOMAXPROCS(0), len(s.cols)) {
		wg.Go(func() {
			var sorter sorter
			for c := range next {
				if ctx.Err() == nil {
					s.checkColumn(c, &sorter)
				}
			}
		})
	}
	for _, c := range s.cols {
		next <- c
	}
	close(next)
	wg.Wait()
	return ctx.Err()
}

// checkColumn asks everything of one column; the order of its sorted values is dropped on return.
func (s *session) checkColumn(c *column, sorter *sorter) {
	c.prepare(sorter)
	defer c.release()
	s.checkMissing(c)
	s.checkConstant(c)
	s.checkInfinite(c)
	if !c.ignored {
		s.checkLimits(c)
		s.checkUnits(c)
		s.checkZeros(c)
		s.checkDates(c)
		s.checkOutliers(c)
	}
	if c.feature {
		s.checkIdentifier(c)
	}
	if !c.index && !c.ignored {
		s.checkLevels(c)
	}
	if c.feature {
		s.checkLeakage(c)
		s.checkDrift(c)
	}
	c.summary = c.summarise(s.t.Rows)
}

func (s *session) skip(check, reason string) {
	s.skipped = append(s.skipped, Skip{check, reason})
}

func (s *session) report() *Report {
	r := &Report{File: s.t.File, Rows: s.t.Rows, Findings: s.found, Skipped: s.skipped}
	at := make(map[string]int, len(s.cols))
	for j, c := range s.cols {
		at[c.Name] = j
		r.Findings = append(r.Findings, c.found...)
		r.Columns = append(r.Columns, c.summary)
	}
	slices.SortStableFunc(r.Findings, func(a, b fault.Finding) int {
		if a.Severity != b.Severity {
			return int(b.Severity) - int(a.Severity)
		}
		if x := checkIndex[a.Name] - checkIndex[b.Name]; x != 0 {
			return x
		}
		return at[a.Column] - at[b.Column]
	})
	for i := range r.Findings {
		f := &r.Findings[i]
		f.File = s.t.File
		if len(f.Rows) > 0 && s.t.Line != nil {
			f.Line = s.t.Line[f.Rows[0]-1]
		}
	}
	return r
}
