package table

import (
	"fmt"

	"galen.dev/fault"
)

// modeOf is how a column of a schema is read.
func modeOf(s *ColumnSchema) mode {
	switch s.Kind {
	case Numeric:
		return modeNumber
	case Date:
		return modeDate
	case Text:
		return modeText
	}
	return modeWords
}

// specified finishes a column that a schema describes.
func (a *assembly) specified() (*Column, ColumnSchema, []fault.Finding) {
	c := &Column{Name: a.name, Kind: a.spec.Kind, Unit: a.spec.Unit, System: a.spec.System}
	var found []fault.Finding
	switch c.Kind {
	case Numeric:
		c.Num = a.wholeNum()
		found = a.numberFindings()
		if len(found) > 0 && found[len(found)-1].Name == "leading-zeros" {
			found = found[:len(found)-1] // the schema has settled it
		}
		found = append(found, a.wrongCells("not-a-number", "cells that are not numbers",
			"list markers of missing values under missing: in the schema, or change the column's kind")...)
	case Date:
		c.Num = a.wholeNum()
		hint := "write dates as 2020-12-31, or set format: d/m/y or format: m/d/y in the schema"
		if a.spec.Format != "" {
			hint = fmt.Sprintf("the schema's format is %s; other forms need a year of four digits and an order that is clear", a.spec.Format)
		}
		found = a.wrongCells("not-a-date", "cells that are not dates, or whose order of day and month is not clear", hint)
	case Text:
		c.Text = a.wholeTexts()
	default:
		c.Cat = a.wholeCodes()
		c.Levels = a.levels
		if a.spec.Levels != nil {
			found = fitLevels(c, a.spec.Levels)
		}
	}
	s := *a.spec
	s.Levels = c.Levels
	return c, s, found
}

func (a *assembly) wrongCells(name, message, hint string) []fault.Finding {
	if a.bad.count == 0 {
		return nil
	}
	return []fault.Finding{{
		Name: name, Severity: fault.Severe, Column: a.name, Rows: a.bad.rows, Count: a.bad.count,
		Message: message, Hint: hint,
	}}
}

// fitLevels gives the column the schema's levels; values that are none of them become missing, and are found.
func fitLevels(c *Column, levels []string) []fault.Finding {
	known := make(map[string]int32, len(levels))
	for i, l := range levels {
		known[l] = int32(i)
	}
	to := make([]int32, len(c.Levels))
	unseen := 0
	for i, l := range c.Levels {
		code, ok := known[l]
		if !ok {
			code = -1
			unseen++
		}
		to[i] = code
	}
	var rows rowList
	for i, k := range c.Cat {
		if k < 0 {
			continue
		}
		if c.Cat[i] = to[k]; to[k] < 0 {
			rows.add(i + 1)
		}
	}
	c.Levels = levels
	if unseen == 0 {
		return nil
	}
	return []fault.Finding{{
		Name: "unknown-level", Severity: fault.Warning, Column: c.Name, Rows: rows.rows, Count: rows.count,
		Message: fmt.Sprintf("values that are none of the schema's %d levels became missing", len(levels)),
		Hint:    "correct the cells, or add the levels to the schema and train again",
	}}
}
