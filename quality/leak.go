package quality

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"galen.dev/fault"
	"galen.dev/table"
)

// binRows is the least number of rows of a bin or level whose share of a class is taken as a score: with
// fewer, the rows would predict themselves.
const binRows = 25

// checkLeakage asks how well the column predicts the target alone: by its order, by bins or levels in any
// order, and by its missing values.
func (s *session) checkLeakage(c *column) {
	if s.target == nil || c.distinct == 0 {
		return
	}
	if s.target.rank != nil {
		s.leakOfQuantity(c)
		return
	}
	if !s.target.usable() {
		return
	}
	var best float64
	if c.isNumber() {
		best = max(s.scoreOrder(c), s.scoreBins(c))
	} else {
		best = s.scoreLevels(c)
	}
	gone := s.scoreMissing(c)
	const alone, missing = "the column alone predicts the target with AUROC %.3f", "whether a value is missing predicts the target with AUROC %.3f"
	switch {
	case gone >= s.th.LeakError:
		s.leak(c, fault.Severe, missing, gone)
	case best >= s.th.LeakError:
		s.leak(c, fault.Severe, alone, best)
	case best >= s.th.LeakWarning:
		s.leak(c, fault.Warning, alone, best)
	case best >= .9 && soundsLate(c.Name):
		s.leak(c, fault.Warning, "the column's name sounds like something known after the outcome, and it predicts the target with AUROC %.3f", best)
	default:
		s.leakOfLevel(c)
	}
}

func (s *session) leak(c *column, sev fault.Severity, format string, args ...any) {
	c.add(fault.Finding{
		Name: "target-leakage", Severity: sev, Column: c.Name, Message: fmt.Sprintf(format, args...),
		Hint: "drop the column unless its value is known at the time of prediction, before the outcome",
	})
}

func (s *session) scoreOrder(c *column) float64 {
	t, step := newTally(len(s.target.size)), max(1, len(c.order)/2000)
	c.eachTie(func(_ float64, rows []int32) {
		for _, r := range rows {
			if k := s.target.class[r]; k >= 0 {
				t.addRow(k)
			}
		}
		if t.n >= step {
			t.next()
		}
	})
	t.next()
	a, _ := t.overall(t.ordered)
	return a
}

// scoreBins finds predictors that are not monotone, such as a value in two ranges.
func (s *session) scoreBins(c *column) float64 {
	t, step := newTally(len(s.target.size)), max(binRows, len(c.order)/64)
	c.eachTie(func(_ float64, rows []int32) {
		for _, r := range rows {
			if k := s.target.class[r]; k >= 0 {
				t.addRow(k)
			}
		}
		if t.n >= step {
			t.next()
		}
	})
	t.next()
	s.addMissingCell(c, t)
	a, _ := t.overall(t.pooled)
	return a
}

func (s *session) addMissingCell(c *column, t *tally) {
	if c.missing == 0 {
		return
	}
	for i, k := range s.target.class {
		if k >= 0 && c.Missing(i) {
			t.addRow(k)
		}
	}
	t.next()
}

// scoreLevels pools levels under binRows rows into one.
func (s *session) scoreLevels(c *column) float64 {
	classes := len(s.target.size)
	t, rare := newTally(classes), make([]int, classes)
	counts := s.byLevel(c)
	for level, n := range c.counts {
		cell := counts[level*classes : (level+1)*classes]
		for k, m := range cell {
			if n >= binRows {
				t.open[k] += m
				t.n += m
			} else {
				rare[k] += m
			}
		}
		t.next()
	}
	for k, m := range rare {
		t.open[k] += m
		t.n += m
	}
	t.next()
	s.addMissingCell(c, t)
	a, _ := t.overall(t.pooled)
	return a
}

// byLevel counts the classes of each level.
func (s *session) byLevel(c *column) []int {
	classes := len(s.target.size)
	counts := make([]int, classes*len(c.counts))
	for i, level := range c.codes {
		if k := s.target.class[i]; k >= 0 && level >= 0 {
			counts[int(level)*classes+int(k)]++
		}
	}
	return counts
}

func (s *session) scoreMissing(c *column) float64 {
	if c.missing == 0 {
		return 0
	}
	t := newTally(len(s.target.size))
	for i, k := range s.target.class {
		if k >= 0 && !c.Missing(i) {
			t.addRow(k)
		}
	}
	t.next()
	s.addMissingCell(c, t)
	a, _ := t.overall(t.pooled)
	return a
}

// leakOfLevel looks for a level, or missingness, in which a class is all but certain although a good number
// of other rows would be expected: dead patients have no discharge, and "alive at six months" no death.
func (s *session) leakOfLevel(c *column) {
	const levels = 20 // a number with more distinct values is judged by its bins
	t := newTally(len(s.target.size))
	switch {
	case c.isNumber() && c.distinct <= levels:
		c.eachTie(func(_ float64, rows []int32) {
			for _, r := range rows {
				if k := s.target.class[r]; k >= 0 {
					t.addRow(k)
				}
			}
			t.next()
		})
	case c.isNumber():
	default:
		counts := s.byLevel(c)
		for level := range c.counts {
			for k := range s.target.size {
				m := counts[level*t.classes+k]
				t.open[k] += m
				t.n += m
			}
			t.next()
		}
	}
	s.addMissingCell(c, t)
	rows := 0
	for at := 0; at < len(t.cells); at += t.classes {
		if cell := t.cells[at : at+t.classes]; s.determines(cell) {
			for _, m := range cell {
				rows += m
			}
		}
	}
	if rows == 0 {
		return
	}
	s.leak(c, fault.Warning, "some levels all but decide the target: in %.1f %% of the rows", 100*float64(rows)/float64(s.target.n))
}

// determines: at least 50 rows, of which 20 or more would be expected outside one class and at most a
// hundredth of those are seen.
func (s *session) determines(cell []int) bool {
	n := 0
	for _, m := range cell {
		n += m
	}
	if n < 50 {
		return false
	}
	for k, m := range cell {
		expected := float64(n) * (1 - float64(s.target.size[k])/float64(s.target.n))
		if expected >= 20 && float64(n-m) <= expected/100 {
			return true
		}
	}
	return false
}

// lateWords are parts of names of things that are seldom known before an outcome.
var lateWords = []string{
	"time", "futime", "followup", "follow", "fup", "death", "dead", "died", "deceased", "mortality", "surv", "survival",
	"outcome", "discharge", "discharged", "expired", "los", "slos", "autopsy", "event", "status", "relapse", "recurrence",
}

func soundsLate(name string) bool {
	for _, w := range words(name) {
		if slices.Contains(lateWords, w) {
			return true
		}
	}
	return false
}

// words splits a name at everything but letters.
func words(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r < 'a' || r > 'z' })
}

// leakOfQuantity compares ranks by Spearman's correlation over the rows that have both values.
func (s *session) leakOfQuantity(c *column) {
	if !c.isNumber() || len(c.order) < 20 {
		return
	}
	rank := c.ranks(s.t.Rows)
	var n, sx, sy, sxx, syy, sxy float64
	mid := float64(s.t.Rows) / 2 // keeps the sums small
	for i, x := range rank {
		y := s.target.rank[i]
		if math.IsNaN(x) || math.IsNaN(y) {
			continue
		}
		x, y = x-mid, y-mid
		n++
		sx += x
		sy += y
		sxx += x * x
		syy += y * y
		sxy += x * y
	}
	rho := math.Abs((sxy - sx*sy/n) / math.Sqrt((sxx-sx*sx/n)*(syy-sy*sy/n)))
	switch {
	case n < 20:
	case rho >= .999:
		s.leak(c, fault.Severe, "the column's ranks follow the target's: Spearman's correlation is %.4f", rho)
	case rho >= .99:
		s.leak(c, fault.Warning, "the column's ranks follow the target's: Spearman's correlation is %.4f", rho)
	}
}

// identifierWords mark a column as an identifier where its values do not speak against it.
var identifierWords = []string{"id", "index", "identifier", "mrn", "rowid", "uuid", "subjectid", "patientid", "recordid", "unnamed", "serial"}

// checkIdentifier looks for columns that number or name the rows: all values distinct, and either a dense
// run of whole numbers, a name that says so, or so many distinct whole numbers that no measurement has them.
func (s *session) checkIdentifier(c *column) {
	n := s.t.Rows - c.missing
	if n < 20 || c.missing > 0 || c.distinct != n || c.Kind == table.Date {
		return
	}
	named := slices.ContainsFunc(words(c.Name), func(w string) bool { return slices.Contains(identifierWords, w) })
	if c.Kind == table.Numeric {
		if !c.isInteger {
			return
		}
		dense := c.sorted[n-1]-c.sorted[0] < 2*float64(n)
		if !dense && !named && n < 5000 {
			return
		}
	} else if c.Kind == table.Text && !named && c.spaced() {
		return // free text is distinct as well, but nobody takes it for a number
	}
	c.index = true
	c.add(fault.Finding{
		Name: "identifier-column", Severity: fault.Warning, Column: c.Name,
		Message: "every row has a value of its own, like a number or name of the row",
		Hint:    "leave it out of the predictors; name it as the patient column if it identifies patients",
	})
}

// spaced tells whether most texts have several words.
func (c *column) spaced() bool {
	spaced := 0
	for _, t := range c.texts {
		if strings.ContainsAny(strings.TrimSpace(t), " \t\n") {
			spaced++
		}
	}
	return spaced*2 > len(c.texts)
}
