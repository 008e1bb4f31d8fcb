package quality

import (
	"fmt"
	"math"
	"slices"

	"galen.dev/fault"
	"galen.dev/table"
)

// target is what the checks need of the column to predict: a class per row, or a rank per row.
type target struct {
	col   *column
	class []int32 // class of each row, -1 missing; nil for a quantity
	size  []int   // rows of each class that occurs
	rank  []float64
	n     int // rows with a value
}

// named is the column of an option: nil when the option is empty, even where a column has no name.
func (s *session) named(option string) *table.Column {
	if option == "" {
		return nil
	}
	return s.t.Column(option)
}

func (s *session) checkNamedColumns() {
	if s.t.Rows == 0 {
		s.found = append(s.found, fault.Finding{
			Name: "no-rows", Severity: fault.Severe, Message: "the table has no row", Hint: "check the file and the filter of rows",
		})
	}
	names := make([]string, len(s.t.Columns))
	for j, c := range s.t.Columns {
		names[j] = c.Name
	}
	absent := func(check, name, what string) {
		if name != "" && s.named(name) == nil {
			s.found = append(s.found, fault.Finding{
				Name: check, Severity: fault.Severe, Column: name,
				Message: "the " + what + " is not in the table", Hint: fault.DidYouMean(name, names),
			})
		}
	}
	absent("target-absent", s.o.Target, "column to predict")
	absent("column-absent", s.o.Patient, "patient column")
	absent("column-absent", s.o.Index, "time column")
	for _, name := range s.o.Ignore {
		absent("column-absent", name, "ignored column")
	}
	ranged := make([]string, 0, len(s.o.Ranges))
	for name := range s.o.Ranges {
		ranged = append(ranged, name)
	}
	slices.Sort(ranged)
	for _, name := range ranged {
		absent("column-absent", name, "column with a plausible range")
	}
	if c := s.named(s.o.Index); c != nil && c.Kind != table.Date {
		s.found = append(s.found, fault.Finding{
			Name: "column-absent", Severity: fault.Severe, Column: c.Name,
			Message: "the time column is not of kind date", Hint: "give it the kind date in the schema",
		})
	}
}

// readTarget turns the target into classes numbered in the order of their names or values.
func (s *session) readTarget() {
	c := s.named(s.o.Target)
	if c == nil {
		return
	}
	tc := &column{Column: c}
	tc.prepare(&sorter{})
	tg := &target{col: tc, n: s.t.Rows - tc.missing}
	s.target = tg
	const maxClasses = 20 // a number with more distinct values than this is a quantity
	if tc.isNumber() {
		if s.o.Regression || !tc.isInteger || tc.distinct > maxClasses || c.Kind == table.Date {
			tg.rank = tc.ranks(s.t.Rows)
			return
		}
		tg.class = slices.Repeat([]int32{-1}, s.t.Rows)
		tc.eachTie(func(_ float64, rows []int32) {
			for _, r := range rows {
				tg.class[r] = int32(len(tg.size))
			}
			tg.size = append(tg.size, len(rows))
		})
		return
	}
	names := tc.levelNames()
	byName := make([]int32, len(names))
	for k := range byName {
		byName[k] = int32(k)
	}
	slices.SortFunc(byName, func(a, b int32) int {
		if names[a] < names[b] {
			return -1
		}
		return 1
	})
	number := make([]int32, len(names))
	for _, k := range byName {
		if tc.counts[k] > 0 {
			number[k] = int32(len(tg.size))
			tg.size = append(tg.size, tc.counts[k])
		}
	}
	tg.class = make([]int32, s.t.Rows)
	for i, k := range tc.codes {
		tg.class[i] = -1
		if k >= 0 {
			tg.class[i] = number[k]
		}
	}
}

// ranks are the mid-ranks of the finite values; NaN where there is none.
func (c *column) ranks(rows int) []float64 {
	rank := slices.Repeat([]float64{math.NaN()}, rows)
	below := 0.0
	c.eachTie(func(_ float64, tied []int32) {
		r := below + float64(len(tied)+1)/2
		for _, i := range tied {
			rank[i] = r
		}
		below += float64(len(tied))
	})
	return rank
}

// maxLookedAt is the most classes of which each is held against the rest.
const maxLookedAt = 100

// usable tells whether there are at least two classes, and few enough for a look at each.
func (tg *target) usable() bool {
	return tg != nil && tg.class != nil && len(tg.size) >= 2 && len(tg.size) <= maxLookedAt
}

func (s *session) checkTarget() {
	tg := s.target
	if tg == nil {
		if s.o.Target == "" {
			s.skip("target-leakage", "no target is named")
		}
		return
	}
	c := tg.col
	if tg.class != nil && len(tg.size) > maxLookedAt {
		s.skip("target-leakage", fmt.Sprintf("the target has over %d classes", maxLookedAt))
	}
	if tg.n < s.t.Rows {
		f := rowsWhere(s.t.Rows, c.Missing).finding("target-missing", fault.Severe, c.Name)
		f.Message = fmt.Sprintf("the target is missing in %d of %d rows", f.Count, s.t.Rows)
		f.Hint = "leave these rows out; a model cannot learn from them nor be scored on them"
		s.found = append(s.found, f)
	}
	if tg.n > 0 && c.distinct == 1 {
		s.found = append(s.found, fault.Finding{
			Name: "one-class", Severity: fault.Severe, Column: c.Name,
			Message: "every row has the same target", Hint: "choose another target or add rows of the other class",
		})
	}
	if tg.class != nil && len(tg.size) > 1 {
		s.checkClassCounts()
		s.checkRowOrder()
	}
}

func (s *session) checkClassCounts() {
	tg, smallest := s.target, slices.Min(s.target.size)
	few := 0
	for _, n := range tg.size {
		if n < s.th.MinClass {
			few++
		}
	}
	features := 0
	for _, c := range s.cols {
		if c.feature && c.distinct > 1 && !c.index {
			features++
		}
	}
	f := fault.Finding{Name: "class-counts", Severity: fault.Warning, Column: tg.col.Name}
	switch ratio := float64(smallest) / float64(max(features, 1)); {
	case few > 0:
		f.Message = fmt.Sprintf("%d of %d classes have fewer than %d rows", few, len(tg.size), s.th.MinClass)
		f.Hint = "join rare classes, or gather more cases"
	case features > 0 && ratio < s.th.EventsPerPredictor:
		f.Message = fmt.Sprintf("the rarest class has %.1f rows for each of %d predictors", ratio, features)
		f.Hint = fmt.Sprintf("under %g, estimates are unstable: use fewer predictors or a penalised model", s.th.EventsPerPredictor)
	default:
		return
	}
	s.found = append(s.found, f)
}

// checkRowOrder asks whether the row number alone predicts a class.
func (s *session) checkRowOrder() {
	if !s.target.usable() {
		return
	}
	cells := newTally(len(s.target.size))
	for i, k := range s.target.class {
		if k >= 0 {
			cells.addRow(k)
			if i%max(1, s.t.Rows/1000) == 0 {
				cells.next()
			}
		}
	}
	cells.next()
	if a, enough := cells.overall(cells.ordered); enough && a >= s.th.RowOrder {
		s.found = append(s.found, fault.Finding{
			Name: "row-order-leakage", Severity: fault.Warning, Column: s.target.col.Name,
			Message: fmt.Sprintf("the row number alone predicts the target with AUROC %.3f", a),
			Hint:    "draw splits at random, never by row number, and do not use the row number",
		})
	}
}
