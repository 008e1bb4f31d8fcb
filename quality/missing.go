package quality

import (
	"fmt"
	"math"
	"slices"

	"galen.dev/fault"
	"galen.dev/table"

	"gonum.org/v1/gonum/stat/distuv"
)

func (s *session) checkMissing(c *column) {
	if s.t.Rows == 0 || c.Name == s.o.Target {
		return
	}
	share := float64(c.missing) / float64(s.t.Rows)
	switch {
	case c.missing == s.t.Rows:
		c.add(fault.Finding{
			Name: "all-missing", Severity: fault.Severe, Column: c.Name,
			Message: "no row has a value", Hint: "drop the column, or look at how it was read: its name, kind and missing marks",
		})
		return
	case share > s.th.HighMissing:
		c.add(fault.Finding{
			Name: "high-missing", Severity: fault.Warning, Column: c.Name, Count: c.missing,
			Message: fmt.Sprintf("%.1f %% of the rows have no value", 100*share),
			Hint:    "drop the column, or use a model that takes missing values as they are",
		})
	}
	if c.feature && c.missing > 0 && s.target.usable() {
		s.testMissing(c)
	}
}

// testMissing compares the shares of missing cells of the classes by Pearson's chi-square test.
func (s *session) testMissing(c *column) {
	tg := s.target
	gone := make([]int, len(tg.size))
	for i, k := range tg.class {
		if k >= 0 && c.Missing(i) {
			gone[k]++
		}
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	counts := make([][]float64, len(gone))
	for k, n := range tg.size {
		share := float64(gone[k]) / float64(n)
		if n >= s.th.MinClass {
			lo, hi = min(lo, share), max(hi, share)
		}
		counts[k] = []float64{float64(gone[k]), float64(n - gone[k])}
	}
	w := test{p: chiSquare(counts), finding: fault.Finding{
		Name: "missing-differs-by-outcome", Severity: fault.Warning, Column: c.Name, Count: c.missing,
		Hint: "find out why; whether a value is missing must be known before the outcome, else drop the column",
	}}
	if hi-lo >= s.th.MissingGap {
		w.finding.Message = fmt.Sprintf("%.1f %% of one class but %.1f %% of another have no value", 100*lo, 100*hi)
	}
	c.tests = append(c.tests, w)
}

// chiSquare is the p-value of Pearson's test that the rows of a table of counts have one distribution.
// Empty rows and columns are left out; 1 when there is nothing to compare.
func chiSquare(counts [][]float64) float64 {
	total, width := 0.0, len(counts[0])
	byRow, byCol := make([]float64, len(counts)), make([]float64, width)
	for i, row := range counts {
		for j, n := range row {
			byRow[i] += n
			byCol[j] += n
			total += n
		}
	}
	x, rows, cols := 0.0, 0, 0
	for _, n := range byCol {
		if n > 0 {
			cols++
		}
	}
	for i, row := range counts {
		if byRow[i] == 0 {
			continue
		}
		rows++
		for j, n := range row {
			if byCol[j] > 0 {
				e := byRow[i] / total * byCol[j]
				x += (n - e) * (n - e) / e
			}
		}
	}
	if rows < 2 || cols < 2 {
		return 1
	}
	return distuv.ChiSquared{K: float64((rows - 1) * (cols - 1))}.Survival(x)
}

// holm keeps the findings whose p-values stand after Holm's step-down correction within each check.
func (s *session) holm() {
	for _, name := range []string{"missing-differs-by-outcome", "drift"} {
		s.holmWithin(name)
	}
}

func (s *session) holmWithin(name string) {
	type waiting struct {
		c *column
		test
	}
	var all []waiting
	for _, c := range s.cols {
		for _, t := range c.tests {
			if t.finding.Name == name {
				all = append(all, waiting{c, t})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b waiting) int {
		switch {
		case a.p < b.p:
			return -1
		case a.p > b.p:
			return 1
		}
		return 0
	})
	for i, w := range all {
		if w.p*float64(len(all)-i) > s.th.DriftP {
			return
		}
		if w.finding.Message != "" {
			w.c.add(w.finding)
		}
	}
}

func (s *session) checkConstant(c *column) {
	n := s.t.Rows - c.missing
	if n == 0 || !c.feature {
		return
	}
	share := float64(c.common) / float64(n)
	switch {
	case c.distinct == 1 && c.infinite == 0 && n > 1:
		c.add(fault.Finding{
			Name: "constant-column", Severity: fault.Warning, Column: c.Name,
			Message: "every value is the same", Hint: "drop the column; only whether it is missing can tell anything",
		})
	case share >= s.th.NearlyConstant && n >= 100:
		c.add(fault.Finding{
			Name: "nearly-constant", Severity: fault.Info, Column: c.Name, Count: n - c.common,
			Message: fmt.Sprintf("%.2f %% of the values are the same", 100*share),
			Hint:    "few rows are left to learn from; drop the column unless the rare value matters",
		})
	}
}

func (s *session) checkInfinite(c *column) {
	if c.infinite == 0 {
		return
	}
	f := rowsWhere(s.t.Rows, func(i int) bool { return math.IsInf(c.Num[i], 0) }).
		finding("infinite-value", fault.Severe, c.Name)
	f.Message = counted(f.Count, "value is", "values are") + " infinite"
	f.Hint = "an overflow or a division by zero before the export; mark them missing at the source"
	c.add(f)
}

func (s *session) checkOutliers(c *column) {
	if c.Kind != table.Numeric || len(c.order) < 20 {
		return
	}
	median, spread := c.quantile(.5), (c.quantile(.75)-c.quantile(.25))/1.349
	if spread == 0 {
		return
	}
	far := func(v float64) bool { return math.Abs(v-median) > s.th.Outlier*spread }
	if !far(c.sorted[0]) && !far(c.sorted[len(c.sorted)-1]) {
		return
	}
	f := rowsWhere(s.t.Rows, func(i int) bool { return far(c.Num[i]) && !math.IsInf(c.Num[i], 0) }).
		finding("outliers", fault.Info, c.Name)
	f.Message = fmt.Sprintf("%s over %g robust standard deviations from the median", counted(f.Count, "value lies", "values lie"), s.th.Outlier)
	f.Hint = "look at them; a long tail is natural for many laboratory values"
	c.add(f)
}
