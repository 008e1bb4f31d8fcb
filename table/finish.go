package table

import (
	"fmt"

	"galen.dev/fault"
)

// finish makes the columns of a table, in the order of the schema or of the file, and refuses it with every
// severe finding at once.
func (in *input) finish(t *Table, cols *columns, found []fault.Finding) (*Table, error) {
	t.Spec = &Schema{}
	found = append(found, in.missed(cols)...)
	list := cols.list
	if in.o.Schema != nil {
		list = list[:0:0]
		for _, s := range in.o.Schema.Columns {
			a := cols.byName[s.Name]
			if a == nil {
				a = cols.add(s.Name, modeAuto)
				a.rows = t.Rows
			}
			list = append(list, a)
		}
	}
	for _, a := range cols.list {
		if isBlank(a.name) {
			found = append(found, blankColumn(a, in.o))
		}
	}
	if t.Rows == 0 && len(severe(found)) == 0 {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "%s has columns but no rows", quoted(in.name)),
			"check that the export finished")
	}
	for i, a := range list {
		if err := in.ctx.Err(); err != nil {
			return nil, err
		}
		if isBlank(a.name) {
			continue
		}
		c, s, f := a.column()
		if cols.declared {
			undeclared(f)
		}
		list[i] = nil // lets go of the chunks
		t.Columns = append(t.Columns, c)
		t.Spec.Columns = append(t.Spec.Columns, s)
		found = append(found, f...)
	}
	for i := range found {
		if found[i].File == "" {
			found[i].File = in.name
		}
	}
	if bad := severe(found); len(bad) > 0 {
		return nil, fault.Refuse("reading "+quoted(in.name), bad)
	}
	t.Findings = found
	return t, nil
}

// maxMissed bounds the findings about absent, and about extra, columns.
const maxMissed = 50

// missed compares the file's columns with the schema's.
func (in *input) missed(cols *columns) (found []fault.Finding) {
	if in.o.Schema == nil {
		return nil
	}
	var absent []string
	for _, s := range in.o.Schema.Columns {
		if cols.byName[s.Name] == nil {
			absent = append(absent, s.Name)
		}
	}
	f := fault.Finding{Name: "absent-column", Severity: fault.Severe, Message: "the schema has this column and the file does not"}
	if in.o.AllowAbsent {
		f.Severity = fault.Warning
		f.Message += "; all its values are missing"
	}
	found = missedEach(found, f, absent, cols.extra)
	f = fault.Finding{Name: "extra-column", Severity: fault.Severe, Message: "the file has this column and the schema does not"}
	if in.o.AllowExtra {
		f.Severity = fault.Info
		f.Message += "; it was left out"
		return missedEach(found, f, cols.extra, nil)
	}
	return missedEach(found, f, cols.extra, in.o.Schema.names())
}

// missedEach adds a finding for each name, with a hint at what may have been meant, and one for those beyond maxMissed.
func missedEach(found []fault.Finding, f fault.Finding, names, meant []string) []fault.Finding {
	for i, name := range names {
		if i == maxMissed {
			f.Column, f.Hint, f.Message = "", "", fmt.Sprintf("and %d more columns of which the same is true", len(names)-i)
			return append(found, f)
		}
		f.Column, f.Hint = name, fault.DidYouMean(name, meant)
		found = append(found, f)
	}
	return found
}

// undeclared makes errors of values that a file's own declarations do not list.
func undeclared(found []fault.Finding) {
	for i := range found {
		if found[i].Name == "unknown-level" {
			found[i].Severity = fault.Severe
			found[i].Message = "values that the attribute's declaration does not list"
			found[i].Hint = "correct the cells or the declaration"
		}
	}
}

func (s *Schema) names() []string {
	names := make([]string, len(s.Columns))
	for i := range s.Columns {
		names[i] = s.Columns[i].Name
	}
	return names
}

func blankName(name string) bool { return len(trim([]byte(name))) == 0 }

// blankColumn leaves out a column without name and values, which spreadsheets leave at the right edge, and
// refuses one that has values.
func blankColumn(a *assembly, o Options) fault.Finding {
	at := a.name[1:] // see blankKey
	if a.seen == 0 && a.inf.count == 0 && !a.reread {
		return fault.Finding{
			Name: "blank-column", Severity: fault.Info, Message: "column " + at + " has neither name nor values; it was left out",
		}
	}
	if o.Schema != nil && o.AllowExtra {
		return fault.Finding{Name: "blank-column", Severity: fault.Info, Message: "column " + at + " has no name; it was left out"}
	}
	return fault.Finding{
		Name: "blank-name", Severity: fault.Severe, Message: "column " + at + " has values but no name",
		Hint: "name it in the header; row names written by R or pandas come without one",
	}
}
