package assess

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"galen.dev/metric"
	"galen.dev/table"
)

// SubgroupTable is the performance in each level of a column.
type SubgroupTable struct {
	Column string            `json:"column"`
	Rows   []metric.Subgroup `json:"rows"`
	Cases  []int             `json:"cases"` // of each row, also of those that are not scored
}

// subgroups measures each level of the study's subgroup columns.
func (a *Assessment) subgroups(ctx context.Context, resample metric.Resample, p []float64, event []bool, threshold float64) error {
	threshold = math.Min(math.Max(threshold, 1e-6), 1-1e-6)
	for _, g := range a.opt.Groups {
		rows, err := metric.Subgroups(ctx, resample, p, event, g.Of, g.Levels, metric.SubgroupOptions{Threshold: threshold})
		if err != nil {
			return fmt.Errorf("subgroups by %s: %w", g.Column, err)
		}
		t := SubgroupTable{Column: g.Column, Rows: rows, Cases: make([]int, len(rows))}
		t.Cases[0] = len(g.Of)
		for _, k := range g.Of {
			if k >= 0 {
				t.Cases[k+1]++
			}
		}
		a.Scores.Subgroups = append(a.Scores.Subgroups, t)
	}
	return nil
}

// GroupBy numbers the groups of rows by a column: levels of a category, quarters of a number or date. Rows
// without a value are a group of their own, for a model may serve worse those who were not asked or tested.
func GroupBy(c *table.Column, rows []int) Group {
	var group []int
	var levels []string
	if c.Kind == table.Category || c.Kind == table.Code {
		group, levels = groupByLevel(c, rows)
	} else {
		group, levels = groupByQuarter(c, rows)
	}
	missing := false
	for k := range group {
		if group[k] < 0 {
			group[k], missing = len(levels), true
		}
	}
	if missing {
		levels = append(slices.Clip(levels), "no value")
	}
	return Group{Column: c.Name, Of: group, Levels: levels}
}

// maxGroups bounds the levels of a category that are measured apart: a table of hundreds tells nobody
// anything, and each costs a bootstrap.
const maxGroups = 20

// groupByLevel gives the commonest levels a group each, in the order of the column, and the others one together.
// Levels of few cases are among these: their names could name a patient.
func groupByLevel(c *table.Column, rows []int) (group []int, levels []string) {
	count := make([]int, len(c.Levels))
	for _, i := range rows {
		if c.Cat[i] >= 0 {
			count[c.Cat[i]]++
		}
	}
	order := make([]int, 0, len(count))
	for l, n := range count {
		if n > 0 {
			order = append(order, l)
		}
	}
	shown := slices.Clone(order)
	if len(order) > maxGroups {
		slices.SortStableFunc(shown, func(a, b int) int { return count[b] - count[a] })
		shown = shown[:maxGroups-1]
		slices.Sort(shown)
	}
	shown = slices.DeleteFunc(shown, func(l int) bool { return count[l] < SmallCell })
	place := make([]int, len(c.Levels))
	for l := range place {
		place[l] = len(shown)
	}
	for k, l := range shown {
		place[l], levels = k, append(levels, c.Levels[l])
	}
	if rest := len(order) - len(shown); rest > 0 {
		name := "other levels"
		if rest == 1 {
			name = "other level"
		}
		levels = append(levels, fmt.Sprintf("%d %s", rest, name))
	}
	group = make([]int, len(rows))
	for k, i := range rows {
		group[k] = -1
		if c.Cat[i] >= 0 {
			group[k] = place[c.Cat[i]]
		}
	}
	return group, levels
}

func groupByQuarter(c *table.Column, rows []int) (group []int, levels []string) {
	var known []float64
	for _, i := range rows {
		if !c.Missing(i) {
			known = append(known, c.Num[i])
		}
	}
	group = make([]int, len(rows))
	slices.Sort(known)
	cuts := quartiles(known)
	for k, i := range rows {
		group[k] = -1
		if !c.Missing(i) {
			group[k], _ = slices.BinarySearch(cuts, c.Num[i])
		}
	}
	text := func(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
	if c.Kind == table.Date {
		text = func(v float64) string { return time.Unix(int64(math.Floor(v*86400)), 0).UTC().Format(time.DateOnly) }
	}
	for q, cut := range cuts {
		if q == 0 {
			levels = append(levels, "up to "+text(cut))
		} else {
			levels = append(levels, "over "+text(cuts[q-1])+" to "+text(cut))
		}
	}
	if n := len(cuts); n > 0 && known[len(known)-1] > cuts[n-1] {
		levels = append(levels, "over "+text(cuts[n-1]))
	}
	return group, levels
}

// quartiles are the distinct cuts between quarters of sorted values; a number with few values has fewer.
func quartiles(sorted []float64) []float64 {
	var cuts []float64
	for q := 1; q < 4 && len(sorted) > 0; q++ {
		cut := sorted[(len(sorted)-1)*q/4]
		if cut < sorted[len(sorted)-1] && (len(cuts) == 0 || cut > cuts[len(cuts)-1]) {
			cuts = append(cuts, cut)
		}
	}
	if len(cuts) == 0 && len(sorted) > 0 {
		cuts = append(cuts, sorted[len(sorted)-1])
	}
	return cuts
}
