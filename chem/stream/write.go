package stream

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"galen.dev/chem"
	"galen.dev/chem/layout"
	"galen.dev/chem/sdf"
	"galen.dev/chem/smiles"
	"galen.dev/fault"
)

// Column is a column that is added to records.
type Column struct {
	Name   string
	Number bool // its values are numbers, or empty
}

// Row is what is written for a record.
type Row struct {
	Mol *chem.Mol
	// SMILES stands for the molecule in all forms but SDF; empty = written from Mol in the order of its atoms.
	SMILES string
	Extra  []string // the values of the added columns; empty = none
}

// Layout says which columns are written in which form. It does not change: many goroutines may append with it.
type Layout struct {
	form         Form
	comma        byte
	header       []Column
	smiles, name int   // places of the SMILES and the name
	extra        []int // places of the added columns
}

// NewLayout lays out records of r, and of readers like it, in a form; Auto stands for that of r, but for a table where
// r is .smi and columns are added. Tables begin with what r holds: its columns, or smiles, name and data fields. An added
// column takes the place of one of the same name.
func NewLayout(r *Reader, form Form, added []Column) *Layout {
	l := &Layout{form: form, comma: ',', smiles: -1, name: -1}
	if form == Auto {
		if l.form = r.form; r.form == SMI && len(added) > 0 {
			l.form = CSV
		}
		if r.comma != 0 {
			l.comma = r.comma
		}
	}
	if l.form == TSV {
		l.comma = '\t'
	}
	if r.smiles >= 0 {
		l.smiles, l.name = r.smiles, r.name
	} else {
		l.smiles, l.name = 0, 1
		l.header = []Column{{Name: "smiles"}, {Name: "name"}}
	}
	for _, c := range r.columns {
		if r.smiles >= 0 || l.find(c) < 0 { // a data field called name is not a second column
			l.header = append(l.header, Column{Name: c})
		}
	}
	for _, c := range added {
		i := l.find(c.Name)
		if i < 0 {
			i = len(l.header)
			l.header = append(l.header, c)
		}
		l.header[i].Number = c.Number
		l.extra = append(l.extra, i)
	}
	return l
}

func (l *Layout) find(name string) int {
	return slices.IndexFunc(l.header, func(c Column) bool { return c.Name == name })
}

// Form is the form that is written, never Auto.
func (l *Layout) Form() Form { return l.form }

// Header is the first line of a table; other forms have none.
func (l *Layout) Header() []byte {
	if l.form != CSV && l.form != TSV {
		return nil
	}
	names := make([]string, len(l.header))
	for i, c := range l.header {
		names[i] = c.Name
	}
	return l.appendRow(nil, names)
}

// Append appends a record of r to a buffer. The error is fault.Data where the form cannot hold the molecule.
func (l *Layout) Append(buf []byte, r *Reader, rec *Record, row Row) ([]byte, error) {
	text := row.SMILES
	if text == "" && l.form != SDF {
		text = smiles.Write(row.Mol, smiles.Format{})
	}
	name := rec.Mol.Name
	switch l.form {
	case SMI:
		buf = append(buf, text...)
		if name != "" {
			buf = append(append(buf, ' '), oneLine.Replace(name)...)
		}
		return append(buf, '\n'), nil
	case SDF:
		return l.appendBlock(buf, r, rec, row)
	}
	fields := l.fields(r, rec, row)
	fields[l.smiles] = text
	if l.name >= 0 {
		fields[l.name] = name
	}
	if l.form == JSONL {
		return l.appendObject(buf, fields), nil
	}
	return l.appendRow(buf, fields), nil
}

var oneLine = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ")

// fields are the values of the columns but for SMILES and name.
func (l *Layout) fields(r *Reader, rec *Record, row Row) []string {
	fields := make([]string, len(l.header))
	for i, value := range rec.Fields {
		if place := l.place(i, r.columns[i]); place >= 0 && i != r.smiles {
			fields[place] = value
		}
	}
	for i, place := range l.extra {
		fields[place] = row.Extra[i]
	}
	return fields
}

// place finds a column, first where those of the first file are.
func (l *Layout) place(i int, name string) int {
	for _, at := range []int{i, i + 2} {
		if at < len(l.header) && l.header[at].Name == name {
			return at
		}
	}
	return l.find(name)
}

// added says whether a column of this name is added.
func (l *Layout) added(name string) bool {
	return slices.ContainsFunc(l.extra, func(i int) bool { return l.header[i].Name == name })
}

// appendRow writes a row of a table, in quotes where need be.
func (l *Layout) appendRow(buf []byte, fields []string) []byte {
	for i, f := range fields {
		if i > 0 {
			buf = append(buf, l.comma)
		}
		if !strings.ContainsAny(f, "\"\r\n") && strings.IndexByte(f, l.comma) < 0 && !strings.HasPrefix(f, " ") {
			buf = append(buf, f...)
			continue
		}
		buf = append(buf, '"')
		buf = append(buf, strings.ReplaceAll(f, `"`, `""`)...)
		buf = append(buf, '"')
	}
	return append(buf, '\n')
}

// appendObject writes a line of JSON; empty values are left out.
func (l *Layout) appendObject(buf []byte, fields []string) []byte {
	buf = append(buf, '{')
	for i, f := range fields {
		if f == "" && i != l.smiles {
			continue
		}
		if buf[len(buf)-1] != '{' {
			buf = append(buf, ',')
		}
		buf = append(appendString(buf, l.header[i].Name), ':')
		if v, err := strconv.ParseFloat(f, 64); l.header[i].Number && err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
			buf = append(buf, f...)
			continue
		}
		buf = appendString(buf, f)
	}
	return append(buf, "}\n"...)
}

func appendString(buf []byte, s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string can always be encoded
	return append(buf, bytes.TrimRight(b.Bytes(), "\n")...)
}

// appendBlock writes a record of an SDF. A molecule without coordinates is laid out.
func (l *Layout) appendBlock(buf []byte, r *Reader, rec *Record, row Row) ([]byte, error) {
	m := *row.Mol // coordinates and data fields are set on a copy, as the caller may go on with its molecule
	m.Name = rec.Mol.Name
	if len(m.Coords) != len(m.Atoms) {
		laid := row.Mol.Clone()
		layout.Place(laid)
		m = *laid
		m.Name = rec.Mol.Name
	}
	m.Props = slices.DeleteFunc(slices.Clone(rec.Mol.Props), func(p chem.Prop) bool {
		return p.Name == smiles.ExtensionProp || l.added(p.Name)
	})
	if r.smiles >= 0 {
		for i, value := range rec.Fields {
			if i != r.smiles && i != r.name && value != "" && !l.added(r.columns[i]) {
				m.Props = append(m.Props, chem.Prop{Name: fieldName.Replace(r.columns[i]), Value: value})
			}
		}
	}
	for i, place := range l.extra {
		if row.Extra[i] != "" {
			m.Props = append(m.Props, chem.Prop{Name: fieldName.Replace(l.header[place].Name), Value: row.Extra[i]})
		}
	}
	start := len(buf)
	buf, err := sdf.Append(buf, &m)
	if err != nil {
		return buf[:start], r.refuse(rec, append([]fault.Finding(nil), fault.FindingsOf(err)...)...)
	}
	return buf, nil
}

// fieldName takes the signs out of a column's name that end the name of a data field.
var fieldName = strings.NewReplacer("<", "(", ">", ")", "\n", " ", "\r", " ")
