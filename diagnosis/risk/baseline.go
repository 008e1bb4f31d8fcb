package risk

import (
	"fmt"
	"slices"
	"strings"

	"galen.dev/assess"
	"galen.dev/report"
	"galen.dev/table"
)

// maxBaseline bounds the columns of the baseline table.
const maxBaseline = 100

// baseline is the table of patients' characteristics by class: median and quartiles of numbers, shares of
// categories, missing values. It shows aggregates only, and no cell of fewer than five patients.
func (w *pageWriter) baseline() report.Table {
	o := w.trainer.cohort.Outcome
	byClass := make([][]int, len(o.Classes))
	for i, class := range w.trainer.cohort.Y {
		byClass[class] = append(byClass[class], i)
	}
	t := report.Table{Caption: "Characteristics", Columns: []string{""}}
	for k, c := range o.Classes {
		t.Columns = append(t.Columns, fmt.Sprintf("%s (%s)", c, report.Count(len(byClass[k]))))
	}
	t.Columns = append(t.Columns, "missing")
	t.Footnote = "Median (quartiles) of numbers, number (share) of categories among known values; <5 stands for one to four patients, ≥5 for a number that would give another away."
	for j := range w.kept.plan.Columns {
		if j == maxBaseline {
			t.Footnote += fmt.Sprintf(" The first %d of %d predictors.", maxBaseline, len(w.kept.plan.Columns))
			break
		}
		pc := &w.kept.plan.Columns[j]
		c := w.trainer.table.Column(pc.Name)
		if pc.Kind == categoryColumn {
			t.Rows = append(t.Rows, categoryRows(c, byClass)...)
			continue
		}
		name := pc.Name
		if pc.Unit != "" && !strings.Contains(pc.Name, "("+pc.Unit+")") {
			name += " (" + pc.Unit + ")"
		}
		x := numbers(w.trainer.table, c, w.trainer.cohort.Options.IndexDate)
		row := []string{name}
		missing := 0
		for _, rows := range byClass {
			var known []float64
			for _, i := range rows {
				if x[i] == x[i] {
					known = append(known, x[i])
				} else {
					missing++
				}
			}
			row = append(row, quartileText(known))
		}
		t.Rows = append(t.Rows, append(row, assess.SmallCount(missing)))
	}
	return t
}

func quartileText(known []float64) string {
	if len(known) < 2*assess.SmallCell {
		return "too few"
	}
	slices.Sort(known)
	at := func(q int) string { return fmt.Sprintf("%.4g", known[(len(known)-1)*q/4]) }
	return at(2) + " (" + at(1) + " to " + at(3) + ")"
}

// shownLevels bounds the levels of a category in the table.
const shownLevels = 8

func categoryRows(c *table.Column, byClass [][]int) [][]string {
	count := make([][]int, len(byClass)) // [class][level]
	total, known, missing := make([]int, len(c.Levels)), make([]int, len(byClass)), 0
	for k, rows := range byClass {
		count[k] = make([]int, len(c.Levels))
		for _, i := range rows {
			if c.Cat[i] < 0 {
				missing++
				continue
			}
			count[k][c.Cat[i]]++
			total[c.Cat[i]]++
			known[k]++
		}
	}
	var levels []int
	for l, n := range total {
		if n > 0 {
			levels = append(levels, l)
		}
	}
	slices.SortStableFunc(levels, func(a, b int) int { return total[b] - total[a] })
	shown := 0
	for shown < min(shownLevels, len(levels)) && total[levels[shown]] >= assess.SmallCell { // the name of a rare level could name a patient
		shown++
	}
	out := make([][]string, shown)
	for n, l := range levels[:shown] {
		out[n] = []string{c.Name + ": " + c.Levels[l]}
	}
	for k := range byClass {
		cells := make([]int, len(levels))
		for n, l := range levels {
			cells[n] = count[k][l]
		}
		for n, text := range cellTexts(cells, known[k])[:shown] {
			out[n] = append(out[n], text)
		}
	}
	for n := range out {
		out[n] = append(out[n], "")
	}
	switch rest := len(levels) - shown; {
	case shown == 0 && rest > 0:
		out = append(out, []string{c.Name + ": " + plural(rest, "rare level")})
	case rest > 0:
		out = append(out, []string{c.Name + ": " + plural(rest, "more level")})
	}
	if shown > 0 {
		out[0][len(out[0])-1] = assess.SmallCount(missing)
	}
	return out
}

// cellTexts writes the counts of a category's levels in one class. Where one alone is too small to show, the
// next smallest is not told either, for the first is what the others leave of the whole.
func cellTexts(n []int, of int) []string {
	out := make([]string, len(n))
	small, next := 0, -1
	for i := range n {
		out[i] = cellText(n[i], of)
		switch {
		case n[i] > 0 && n[i] < assess.SmallCell:
			small++
		case n[i] > 0 && (next < 0 || n[i] <= n[next]):
			next = i
		}
	}
	if small == 1 && next >= 0 {
		out[next] = fmt.Sprintf("≥%d", assess.SmallCell)
	}
	return out
}

// plural writes a number of things: 1 level, 2 levels.
func plural(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

func cellText(n, of int) string {
	if n < assess.SmallCell {
		return assess.SmallCount(n)
	}
	return fmt.Sprintf("%d (%.1f %%)", n, 100*float64(n)/float64(of))
}
