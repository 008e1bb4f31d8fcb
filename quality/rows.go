package quality

import (
	"context"
	"math"
	"slices"

	"galen.dev/fault"
	"galen.dev/table"
)

// chanceLimit is the number of pairs that chance alone may make before equal rows say nothing: under a
// hundredth of a pair, every pair found needs another reason.
const chanceLimit = .01

// rowColumns are the predictors that tell patients apart: no identifiers, no constants.
func (s *session) rowColumns() []*column {
	var cols []*column
	for _, c := range s.cols {
		if c.feature && !c.index && c.distinct > 0 && (c.distinct > 1 || c.missing > 0) {
			cols = append(cols, c)
		}
	}
	return cols
}

// chanceAgree is the chance that two rows agree in the column, both missing counting as agreement.
func (c *column) chanceAgree(rows int) float64 {
	gone := float64(c.missing) / float64(rows)
	return gone*gone + (1-gone)*(1-gone)*c.agree
}

// checkRows finds equal rows by a hash of all predictors and by comparing what the hash brings together.
func (s *session) checkRows(ctx context.Context) error {
	cols := s.rowColumns()
	if s.t.Rows < 2 || len(cols) < 2 {
		s.skip("duplicate-rows", "there are fewer than two predictors or rows")
		return nil
	}
	pairs := float64(s.t.Rows) * float64(s.t.Rows-1) / 2
	for _, c := range cols {
		pairs *= c.chanceAgree(s.t.Rows)
	}
	groups, err := s.equalGroups(ctx, cols)
	if err != nil || len(groups) == 0 {
		return err
	}
	// Where so few values are possible that chance makes equal rows, they are worth a line, not a stop.
	grade := func(sev fault.Severity) fault.Severity {
		if pairs >= chanceLimit {
			return fault.Info
		}
		return sev
	}
	note := ""
	if pairs >= chanceLimit {
		note = "; the predictors have so few values that chance alone makes equal rows"
	}
	var same, conflict, across []int
	for _, g := range groups {
		same = append(same, s.repeats(g)...)
		if s.differInTarget(g) {
			conflict = append(conflict, g...)
		}
		if s.inSeveralSplits(g) {
			across = append(across, g...)
		}
	}
	report := func(rows []int, name string, sev fault.Severity, message, hint string) {
		if len(rows) == 0 {
			return
		}
		slices.Sort(rows)
		f := finding(name, grade(sev), "", rows)
		f.Message = counted(len(rows), "row", "rows") + " " + message + note
		f.Hint = hint
		s.found = append(s.found, f)
	}
	report(same, "duplicate-rows", fault.Warning, "equal to another in every predictor and the target",
		"remove the copies, unless different patients really are alike")
	report(conflict, "conflicting-duplicates", fault.Warning, "with all predictors of a row of another target",
		"find out which target is right")
	report(across, "duplicate-across-splits", fault.Severe, "with an equal in another split",
		"remove the copies or put them into one split")
	return nil
}

// equalGroups lists the groups of two or more rows that are equal in all cols, rows ascending.
func (s *session) equalGroups(ctx context.Context, cols []*column) ([][]int, error) {
	hash := make([]uint64, s.t.Rows)
	for _, c := range cols {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		c.hashInto(hash, 0)
	}
	var groups [][]int
	eachEqual(hash, func(rows []int32) {
		groups = append(groups, splitEqual(cols, rows)...)
	})
	return groups, ctx.Err()
}

// eachEqual calls f with the rows (ascending) of every hash that more than one row has.
func eachEqual(hash []uint64, f func(rows []int32)) {
	var sorter sorter
	p := sorter.fill(len(hash))
	for i, h := range hash {
		p[i] = pair{h, int32(i)}
	}
	p = sorter.sort(len(hash))
	var buf []int32
	for a := 0; a < len(p); {
		b := a + 1
		for b < len(p) && p[b].key == p[a].key {
			b++
		}
		if b-a > 1 {
			buf = buf[:0]
			for _, q := range p[a:b] {
				buf = append(buf, q.row)
			}
			f(buf)
		}
		a = b
	}
}

// splitEqual parts rows of one hash into groups that are truly equal: nearly always one group.
func splitEqual(cols []*column, rows []int32) [][]int {
	var out [][]int
	rest := slices.Clone(rows)
	for len(rest) > 1 {
		group, other := []int{int(rest[0])}, rest[:0:0]
		for _, r := range rest[1:] {
			if equalRows(cols, int(rest[0]), int(r)) {
				group = append(group, int(r))
			} else {
				other = append(other, r)
			}
		}
		if len(group) > 1 {
			out = append(out, group)
		}
		rest = other
	}
	return out
}

func equalRows(cols []*column, a, b int) bool {
	for _, c := range cols {
		if !c.same(a, b, 0) {
			return false
		}
	}
	return true
}

// same tells whether two rows agree in the column, numbers within step; two missing cells agree.
func (c *column) same(a, b int, step float64) bool {
	switch c.Kind {
	case table.Numeric, table.Date:
		x, y := c.Num[a], c.Num[b]
		return x == y || math.Abs(x-y) <= step || math.IsNaN(x) && math.IsNaN(y)
	case table.Text:
		return c.Text[a] == c.Text[b]
	}
	return c.Cat[a] == c.Cat[b]
}

// hashInto mixes the column's cells into each row's hash; numbers are rounded to step where it is not 0.
func (c *column) hashInto(hash []uint64, step float64) {
	switch c.Kind {
	case table.Numeric, table.Date:
		for i, v := range c.Num {
			switch {
			case math.IsNaN(v):
				hash[i] = mix(hash[i], 1)
			case step > 0:
				hash[i] = mix(hash[i], floatKey(math.Floor(v/step+.5)))
			default:
				hash[i] = mix(hash[i], floatKey(v))
			}
		}
	case table.Text:
		for i, t := range c.Text {
			h := uint64(14695981039346656037) // FNV-1a
			for _, b := range []byte(t) {
				h = (h ^ uint64(b)) * 1099511628211
			}
			hash[i] = mix(hash[i], h)
		}
	default:
		for i, k := range c.Cat {
			hash[i] = mix(hash[i], uint64(uint32(k)))
		}
	}
}

// mix folds x into h and spreads every bit (the finisher of SplitMix64).
func mix(h, x uint64) uint64 {
	h = (h ^ x) + 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// repeats are the rows of a group that have the same target as an earlier row of it.
func (s *session) repeats(group []int) []int {
	if s.target == nil {
		return group[1:]
	}
	var out []int
	seen := make(map[float64]bool)
	for _, r := range group {
		v := -1.0 // no target
		switch tg := s.target; {
		case tg.class != nil:
			v = float64(tg.class[r])
		case !tg.col.Missing(r):
			v = tg.rank[r]
		}
		if seen[v] {
			out = append(out, r)
		}
		seen[v] = true
	}
	return out
}

func (s *session) differInTarget(group []int) bool {
	if s.target == nil {
		return false
	}
	c, first := s.target.col, -1
	for _, r := range group {
		if c.Missing(r) {
			continue
		}
		if first >= 0 && !c.same(first, r, 0) {
			return true
		}
		first = r
	}
	return false
}

func (s *session) inSeveralSplits(group []int) bool {
	if s.splitOf == nil {
		return false
	}
	first := int16(-1)
	for _, r := range group {
		if k := s.splitOf[r]; k >= 0 {
			if first >= 0 && k != first {
				return true
			}
			first = k
		}
	}
	return false
}
