package table

import (
	"fmt"
	"math"
	"slices"

	"galen.dev/fault"
)

// Schema says what the columns of a table are. It is inferred by Read, written as YAML, edited by people,
// and then decides how later files are read.
type Schema struct {
	Columns []ColumnSchema
	File    string // where it was parsed from, for findings; may be empty
}

// ColumnSchema says what one column is.
type ColumnSchema struct {
	Name   string
	Kind   Kind
	Unit   string   // Numeric: the unit, as written; "" = not known
	System string   // Code: the vocabulary, e.g. "ICD-10"; "" = not known
	Format string   // Date: "d/m/y" or "m/d/y" for dates written with / or -; "" = forms that tell by themselves
	Levels []string // Category, Code: the values allowed, in order; nil = those that occur, in order of appearance

	// Missing lists the cells that mean "no value", besides the empty cell. For a Numeric column markers that
	// are numbers match by value. nil = DefaultMarkers; empty but not nil = the empty cell alone.
	Missing []string
	// Min and Max bound the plausible values of a Numeric column, inclusive; nil = no bound. Reading does not
	// enforce them: package quality reports what lies outside.
	Min, Max *float64
}

// Column returns the schema of a column by name, or nil.
func (s *Schema) Column(name string) *ColumnSchema {
	for i := range s.Columns {
		if s.Columns[i].Name == name {
			return &s.Columns[i]
		}
	}
	return nil
}

// Schema describes the table's columns as they are now. What a Column does not hold itself (missing markers,
// plausible range, date format) comes from Spec by name. The result shares nothing with the table.
func (t *Table) Schema() *Schema {
	out := &Schema{Columns: make([]ColumnSchema, 0, len(t.Columns))}
	var spec map[string]*ColumnSchema
	if t.Spec != nil {
		spec = make(map[string]*ColumnSchema, len(t.Spec.Columns))
		for i := range t.Spec.Columns {
			spec[t.Spec.Columns[i].Name] = &t.Spec.Columns[i]
		}
	}
	for _, c := range t.Columns {
		d := ColumnSchema{Name: c.Name, Kind: c.Kind}
		if s := spec[c.Name]; s != nil && s.Kind == c.Kind {
			d.Format, d.Missing = s.Format, slices.Clone(s.Missing)
			d.Min, d.Max = clonePointer(s.Min), clonePointer(s.Max)
		}
		switch c.Kind {
		case Numeric:
			d.Unit = c.Unit
		case Category, Code:
			d.System, d.Levels = c.System, slices.Clone(c.Levels)
			if d.Levels == nil {
				d.Levels = []string{}
			}
		}
		if d.Missing == nil && holdsMarker(c) {
			d.Missing = []string{}
		}
		out.Columns = append(out.Columns, d)
	}
	return out
}

func clonePointer(p *float64) *float64 {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// holdsMarker tells whether a value of the column would be read as missing under the default markers: the
// column's schema must then say otherwise.
func holdsMarker(c *Column) bool {
	var m markers
	for _, words := range [][]string{c.Levels, c.Text} {
		for _, w := range words {
			if w != "" && len(w) < 16 && m.missing(trim([]byte(w))) {
				return true
			}
		}
	}
	return false
}

// Check returns what is wrong with a schema: columns without name or listed twice, and keys that do not fit
// the column's kind. ParseSchema has checked already what it returns.
func (s *Schema) Check() (found []fault.Finding) {
	seen := map[string]bool{}
	for i := range s.Columns {
		c := &s.Columns[i]
		bad := func(format string, args ...any) {
			found = append(found, fault.Finding{
				Name: "bad-schema", Severity: fault.Severe, File: s.File, Column: c.Name, Message: fmt.Sprintf(format, args...),
			})
		}
		switch {
		case blankName(c.Name) || isBlank(c.Name):
			bad("column %d has no name", i+1)
		case seen[c.Name]:
			bad("the column is listed twice")
		}
		seen[c.Name] = true
		c.checkKeys(bad)
	}
	return found
}

func (c *ColumnSchema) checkKeys(bad func(format string, args ...any)) {
	if int(c.Kind) >= len(kindNames) {
		bad("unknown kind %d", c.Kind)
		return
	}
	if c.Unit != "" && c.Kind != Numeric {
		bad("unit belongs to numeric columns; this one is %s", c.Kind)
	}
	if c.System != "" && c.Kind != Code {
		bad("system belongs to code columns; this one is %s", c.Kind)
	}
	if c.Format != "" && c.Kind != Date {
		bad("format belongs to date columns; this one is %s", c.Kind)
	}
	if !slices.Contains(dayOrders[:], c.Format) {
		bad("format must be d/m/y or m/d/y")
	}
	if c.Levels != nil && c.Kind != Category && c.Kind != Code {
		bad("levels belong to category and code columns; this one is %s", c.Kind)
	}
	if (c.Min != nil || c.Max != nil) && c.Kind != Numeric {
		bad("min and max belong to numeric columns; this one is %s", c.Kind)
	}
	for _, v := range []*float64{c.Min, c.Max} {
		if v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0)) {
			bad("min and max must be finite")
		}
	}
	if c.Min != nil && c.Max != nil && *c.Min > *c.Max {
		bad("min is greater than max")
	}
	levels := map[string]bool{}
	for _, l := range c.Levels {
		if l == "" {
			bad("a level is empty; an empty cell is missing")
		}
		if levels[l] {
			bad("level %q is listed twice", l)
		}
		levels[l] = true
	}
}
