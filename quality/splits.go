package quality

import (
	"context"
	"fmt"
	"math"

	"galen.dev/fault"
	"galen.dev/table"
)

// readSplits notes the first split of each row. A row that is listed twice is one patient in two splits.
func (s *session) readSplits() {
	if len(s.o.Splits) == 0 {
		return
	}
	s.splitOf = make([]int16, s.t.Rows)
	for i := range s.splitOf {
		s.splitOf[i] = -1
	}
	twice := make([]bool, s.t.Rows)
	shared, outside := 0, 0
	for k, split := range s.o.Splits {
		for _, r := range split.Rows {
			switch {
			case r < 0 || r >= s.t.Rows:
				outside++
			case s.splitOf[r] < 0:
				s.splitOf[r] = int16(k)
			case s.splitOf[r] != int16(k):
				twice[r] = true
				shared++
			}
		}
	}
	if outside > 0 {
		s.found = append(s.found, fault.Finding{
			Name: "row-outside", Severity: fault.Severe, Count: outside,
			Message: fmt.Sprintf("the splits name %d rows that the table of %d rows does not have", outside, s.t.Rows),
			Hint:    "the splits belong to another table; make them again",
		})
	}
	if shared > 0 {
		f := rowsWhere(s.t.Rows, func(i int) bool { return twice[i] }).finding("patient-in-two-splits", fault.Severe, "")
		f.Message = fmt.Sprintf("%d rows are listed in more than one split", f.Count)
		f.Hint = "draw splits that share no row"
		s.found = append(s.found, f)
	}
}

// checkPatients looks for patients whose rows lie in more than one split.
func (s *session) checkPatients(ctx context.Context) error {
	c := s.named(s.o.Patient)
	if s.splitOf == nil || c == nil {
		return nil
	}
	const several = -2
	ids := s.patientCodes()
	first := make(map[int32]int16)
	for i, id := range ids {
		if i%(1<<16) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if k := s.splitOf[i]; id >= 0 && k >= 0 {
			if seen, ok := first[id]; !ok {
				first[id] = k
			} else if seen != k {
				first[id] = several
			}
		}
	}
	patients := 0
	for _, k := range first {
		if k == several {
			patients++
		}
	}
	if patients == 0 {
		return nil
	}
	f := rowsWhere(s.t.Rows, func(i int) bool { return ids[i] >= 0 && s.splitOf[i] >= 0 && first[ids[i]] == several }).
		finding("patient-in-two-splits", fault.Severe, c.Name)
	f.Message = fmt.Sprintf("%d patients have rows in more than one split", patients)
	f.Hint = "split by patient, not by row"
	s.found = append(s.found, f)
	return nil
}

// patientCodes numbers the patients; -1 where the patient is not known. nil without a patient column.
func (s *session) patientCodes() []int32 {
	c := s.named(s.o.Patient)
	if c == nil {
		return nil
	}
	switch c.Kind {
	case table.Category, table.Code:
		return c.Cat
	case table.Text:
		p := &column{Column: c}
		p.intern()
		return p.codes
	}
	ids, at := make([]int32, s.t.Rows), make(map[float64]int32)
	for i, v := range c.Num {
		ids[i] = -1
		if !math.IsNaN(v) {
			id, ok := at[v]
			if !ok {
				id = int32(len(at))
				at[v] = id
			}
			ids[i] = id
		}
	}
	return ids
}

// checkDrift compares the column in each split with the first one. The rule is Evidently's: up to 1,000
// reference rows a test (Kolmogorov–Smirnov for numbers, chi-square for categories and few-valued numbers);
// over that a distance (Wasserstein's over the standard deviation, Jensen–Shannon's), for with many rows a
// test finds differences too small to matter. Here the distance must in addition not be explained by chance,
// since a small split is far from anything, and all p-values are corrected for the number of tests.
func (s *session) checkDrift(c *column) {
	if s.splitOf == nil || len(s.o.Splits) < 2 || c.distinct < 2 || c.Kind == table.Text || c.index {
		return
	}
	const fewValues = 5
	n := make([]int, len(s.o.Splits))
	for i, k := range s.splitOf {
		if k >= 0 && !c.Missing(i) {
			n[k]++
		}
	}
	var counts [][]float64 // split -> value or level -> rows
	if !c.isNumber() || c.distinct <= fewValues {
		counts = s.countBySplit(c)
	}
	for k := 1; k < len(n); k++ {
		if n[0] < 20 || n[k] < 20 {
			continue
		}
		var p, distance float64
		what := ""
		if counts != nil {
			p, distance = chiSquare([][]float64{counts[0], counts[k]}), jensenShannon(counts[0], counts[k])
			what = "Jensen–Shannon distance"
		} else {
			p, distance = s.compareNumbers(c, int16(k), n)
			what = "Wasserstein distance over the standard deviation"
		}
		w := test{p: p, finding: fault.Finding{
			Name: "drift", Severity: fault.Warning, Column: c.Name,
			Hint: "look at how the splits were drawn; scores in one may not hold in the other",
		}}
		if n[0] <= 1000 || distance >= s.th.DriftDistance {
			w.finding.Message = fmt.Sprintf("split %q is distributed otherwise than %q: %s %.3f, p %.2g",
				s.o.Splits[k].Name, s.o.Splits[0].Name, what, distance, p)
		}
		c.tests = append(c.tests, w)
	}
}

func (s *session) countBySplit(c *column) [][]float64 {
	counts := make([][]float64, len(s.o.Splits))
	width := len(c.counts)
	if c.isNumber() {
		width = c.distinct
	}
	for k := range counts {
		counts[k] = make([]float64, width)
	}
	if !c.isNumber() {
		for i, level := range c.codes {
			if k := s.splitOf[i]; k >= 0 && level >= 0 {
				counts[k][level]++
			}
		}
		return counts
	}
	value := 0
	c.eachTie(func(_ float64, rows []int32) {
		for _, r := range rows {
			if k := s.splitOf[r]; k >= 0 {
				counts[k][value]++
			}
		}
		value++
	})
	return counts
}

// compareNumbers is the p-value of the two-sample Kolmogorov–Smirnov test and the first Wasserstein distance
// over the reference's standard deviation.
func (s *session) compareNumbers(c *column, split int16, n []int) (p, distance float64) {
	var below [2]float64
	size := [2]float64{float64(n[0]), float64(n[split])}
	var sum, squares, gap, area, last float64
	started := false
	c.eachTie(func(v float64, rows []int32) {
		if started {
			area += math.Abs(below[0]/size[0]-below[1]/size[1]) * (v - last)
		}
		started, last = true, v
		for _, r := range rows {
			switch s.splitOf[r] {
			case 0:
				below[0]++
				sum += v - c.mean
				squares += (v - c.mean) * (v - c.mean)
			case split:
				below[1]++
			}
		}
		gap = max(gap, math.Abs(below[0]/size[0]-below[1]/size[1]))
	})
	sd := math.Sqrt((squares - sum*sum/size[0]) / size[0])
	return kolmogorov(gap, size[0]*size[1]/(size[0]+size[1])), area / max(sd, 1e-3*c.sd)
}

// kolmogorov is the asymptotic p-value of a distance d between two empirical distributions of effective size
// n, with Stephens' correction for small n (J R Stat Soc B 1970).
func kolmogorov(d, n float64) float64 {
	x := (math.Sqrt(n) + .12 + .11/math.Sqrt(n)) * d
	if x < .2 {
		return 1
	}
	p, sign := 0.0, 1.0
	for j := 1.0; j <= 100; j++ {
		term := math.Exp(-2 * j * j * x * x)
		p += 2 * sign * term
		if term < 1e-18 {
			break
		}
		sign = -sign
	}
	return min(max(p, 0), 1)
}

// jensenShannon is the square root of the Jensen–Shannon divergence in nats, from 0 to √ln 2 = .833.
func jensenShannon(a, b []float64) float64 {
	sa, sb, d := 0.0, 0.0, 0.0
	for i := range a {
		sa += a[i]
		sb += b[i]
	}
	for i := range a {
		p, q := a[i]/sa, b[i]/sb
		m := (p + q) / 2
		if p > 0 {
			d += p / 2 * math.Log(p/m)
		}
		if q > 0 {
			d += q / 2 * math.Log(q/m)
		}
	}
	return math.Sqrt(max(d, 0))
}
