// Package table holds typed columns of patients' data: numbers with units, categories, codes, dates and
// text, with missingness kept apart from every value.
//
// Start reading at Table and Column. Read turns a file of any supported format into a Table; it infers a
// Schema, which is a small YAML file that a person can edit, or reads under a given one. Columns are plain
// slices, so that the models in glm and tree take them without a copy. Holdout, ByTime, ByColumn and Folds
// split rows so that no patient stands on two sides.
//
// Text formats (CSV after RFC 4180, ARFF, JSON) are cut into chunks at record boundaries, parsed by several
// goroutines and put together in order, so the result does not depend on their number. The path through the
// code: Read (read.go) opens and recognises the format; text.go decodes; csv.go, arff.go and json.go cut and
// parse; pipeline.go runs them; part.go holds the columns of one chunk; assembly.go joins chunks and infers
// kinds. Parquet goes straight from pages to columns (parquet.go). docs/format/schema.md states the rules.
package table

import (
	"math"

	"galen.dev/fault"
)

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

	// Findings are what reading met and could go on from: columns left out, levels that the schema does
	// not know and that became missing, ambiguous dates left as text. In a fixed order; nil = none.
	Findings []fault.Finding
	// Spec is the schema that the table was read under or that was inferred; nil for tables made in code.
	// Schema combines it with the columns as they are.
	Spec *Schema
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

// Select returns a table of the given rows, in their order; rows may repeat. Nothing is shared but Levels and
// Spec; the findings of reading stay with t.
func (t *Table) Select(rows []int) *Table {
	out := &Table{File: t.File, Rows: len(rows), Spec: t.Spec}
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
