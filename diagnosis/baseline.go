package diagnosis

import (
	"fmt"
	"slices"

	"galen.dev/report"
	"galen.dev/table"
)

// smallCell is the least number of patients that a table shows: fewer could be recognised.
const smallCell = 5

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
	t.Footnote = "Median (quartiles) of numbers, number (share) of categories among known values; <5 stands for one to four patients."
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
		if pc.Unit != "" {
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
		t.Rows = append(t.Rows, append(row, smallCount(missing)))
	}
	return t
}

func quartileText(known []float64) string {
	if len(known) < 2*smallCell {
		return "too few"
	}
	slices.Sort(known)
	at := func(q int) string { return fmt.Sprintf("%.4g", known[(len(known)-1)*q/4]) }
	return at(2) + " (" + at(1) + " to " + at(3) + ")"
}

func categoryRows(c *table.Column, byClass [][]int) [][]string {
	const most = 8
	count := make([]map[int32]int, len(byClass))
	total := map[int32]int{}
	known := make([]int, len(byClass))
	missing := 0
	for k, rows := range byClass {
		count[k] = map[int32]int{}
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
	levels := sortedKeys(total)
	slices.SortStableFunc(levels, func(a, b int32) int { return total[b] - total[a] })
	var out [][]string
	for n, l := range levels {
		if n == most || total[l] < smallCell { // the name of a rare level could name a patient
			more := c.Name + ": " + plural(len(levels)-n, "more level")
			if n == 0 {
				more = c.Name + ": " + plural(len(levels), "rare level")
			}
			out = append(out, []string{more})
			break
		}
		row := []string{c.Name + ": " + c.Levels[l]}
		for k := range byClass {
			row = append(row, cellText(count[k][l], known[k]))
		}
		last := ""
		if n == 0 {
			last = smallCount(missing)
		}
		out = append(out, append(row, last))
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

// smallCount writes a number of patients, and not which number it is where it is small.
func smallCount(n int) string {
	if n > 0 && n < smallCell {
		return "<5"
	}
	return report.Count(n)
}

func cellText(n, of int) string {
	if n < smallCell {
		return smallCount(n)
	}
	return fmt.Sprintf("%d (%.1f %%)", n, 100*float64(n)/float64(of))
}
