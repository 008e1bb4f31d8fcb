// Package table holds typed columns of patients' data: numbers with units, categories, codes, dates and
// text, with missingness kept apart from every value.
//
// Start reading at Table and Column. Read turns a file of any supported format into a Table under a
// Schema; Infer proposes the Schema, which is a small YAML file that a person can edit. Columns are plain
// slices, so that the models in glm and tree take them without a copy.
package table

import "math"

// Kind is what a column holds.
type Kind uint8

// The kinds of columns.
const (
	Numeric  Kind = iota // float64, with an optional unit; NaN is missing
	Category             // one of Levels; -1 is missing
	Code                 // like Category, but the level is a code of a vocabulary (System), e.g. ICD-10
	Date                 // days since 1970-01-01 UTC as float64, fractions are times of day; NaN is missing
	Text                 // free text or identifiers; an empty string is missing
)

// Column is one typed column. Only the slice that belongs to its kind is set.
type Column struct {
	Name   string
	Kind   Kind
	Unit   string    // of a Numeric column, as written in the schema or file; "" = not known
	System string    // of a Code column, e.g. "ICD-10"; "" = not known
	Num    []float64 // Numeric, Date
	Cat    []int32   // Category, Code: index into Levels
	Levels []string  // Category, Code: distinct values in order of first appearance, or the schema's order
	Text   []string  // Text
}

// Len is the number of rows.
func (c *Column) Len() int {
	switch c.Kind {
	case Numeric, Date:
		return len(c.Num)
	case Category, Code:
		return len(c.Cat)
	}
	return len(c.Text)
}

// Missing tells whether row i has no value.
func (c *Column) Missing(i int) bool {
	switch c.Kind {
	case Numeric, Date:
		return math.IsNaN(c.Num[i])
	case Category, Code:
		return c.Cat[i] < 0
	}
	return c.Text[i] == ""
}

// Table is a set of columns of equal length.
type Table struct {
	Columns []*Column
	File    string // where it was read from, for findings; may be empty
	Line    []int  // 1-based line of each row in File; nil when the format has no lines
	Rows    int
}

// Column returns the column of a name, or nil.
func (t *Table) Column(name string) *Column {
	for _, c := range t.Columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Select returns a table of the given rows, in their order; rows may repeat. Nothing is shared but Levels.
func (t *Table) Select(rows []int) *Table {
	out := &Table{File: t.File, Rows: len(rows)}
	if t.Line != nil {
		out.Line = pick(t.Line, rows)
	}
	for _, c := range t.Columns {
		d := &Column{Name: c.Name, Kind: c.Kind, Unit: c.Unit, System: c.System, Levels: c.Levels}
		switch c.Kind {
		case Numeric, Date:
			d.Num = pick(c.Num, rows)
		case Category, Code:
			d.Cat = pick(c.Cat, rows)
		case Text:
			d.Text = pick(c.Text, rows)
		}
		out.Columns = append(out.Columns, d)
	}
	return out
}

func pick[T any](v []T, rows []int) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = v[r]
	}
	return out
}
