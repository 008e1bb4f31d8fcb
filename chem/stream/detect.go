package stream

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"galen.dev/fault"
	"galen.dev/volume/gunzip"
)

// Form is how molecules stand in a file.
type Form uint8

const (
	Auto  Form = iota // found out from content and extension
	SMI               // a SMILES on each line, then blanks and a name
	CSV               // a table with a header and a column of SMILES, commas or semicolons between fields
	TSV               // the same with tabs
	SDF               // MOL blocks with data fields, V2000 or V3000
	JSONL             // an object on each line; only written
)

var formNames = []string{"auto", "smi", "csv", "tsv", "sdf", "jsonl"}

// String is the usual extension of the form.
func (f Form) String() string { return formNames[f] }

// ParseForm reads the name of a form: smi, csv, tsv, sdf or jsonl. The error is fault.Usage.
func ParseForm(name string) (Form, error) {
	if i := slices.Index(formNames[1:], strings.ToLower(name)); i >= 0 {
		return Form(i + 1), nil
	}
	return Auto, fault.Errorf(fault.Usage, "form %q is not one of %s", name, strings.Join(formNames[1:], ", "))
}

// FormOf tells the form from the extension of a file, whether packed (.gz) or not. It is Auto where the extension says
// nothing.
func FormOf(file string) Form {
	switch path.Ext(strings.TrimSuffix(strings.ToLower(file), ".gz")) {
	case ".smi", ".smiles", ".ism", ".cxsmi", ".can":
		return SMI
	case ".csv":
		return CSV
	case ".tsv", ".tab":
		return TSV
	case ".sdf", ".sd", ".mol", ".mdl":
		return SDF
	case ".jsonl", ".ndjson":
		return JSONL
	}
	return Auto
}

// peek is how much of a file is looked at to find its form.
const peek = 1 << 16

// NewReader opens a file of molecules. It reads the first records and, of a table, the header. The error is fault.Data
// where the content is no text, or a table has no column of SMILES.
func NewReader(in io.Reader, o Options) (*Reader, error) {
	r := &Reader{in: bufio.NewReaderSize(in, peek), options: o, smiles: -1, name: -1}
	if head, _ := r.in.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gunzip.NewReader(r.in)
		if err != nil {
			return nil, fault.Errorf(fault.Data, "%s: %w", r.File(), err)
		}
		r.in = bufio.NewReaderSize(z, peek)
	}
	head, err := r.in.Peek(peek)
	if err != nil && !errors.Is(err, io.EOF) && len(head) == 0 {
		return nil, r.broken(err)
	}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		_, _ = r.in.Discard(3)
		head = head[3:]
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "%s is no text", r.File()), "molecules are read from .smi, .csv, .tsv and .sdf, plain or packed with gzip")
	}
	r.detect(head)
	switch r.form {
	case CSV, TSV:
		return r, r.readHeader()
	case SDF:
		r.lookAhead()
	}
	return r, nil
}

// detect finds the form, and the separator of a table.
func (r *Reader) detect(head []byte) {
	first, _, _ := bytes.Cut(head, []byte("\n"))
	line := strings.TrimRight(string(first), "\r")
	r.form = r.options.Form
	r.comma = separator(line)
	extension := FormOf(r.options.File)
	if r.form == Auto {
		switch {
		case looksLikeSDF(head):
			r.form = SDF
		case r.comma != 0 && (r.smilesColumn(strings.Split(line, string(r.comma))) >= 0 || r.options.Column != ""):
			r.form = CSV
		case extension != Auto && extension != JSONL:
			r.form = extension
		default:
			r.form = SMI
		}
	}
	switch {
	case r.form == JSONL:
		r.form = SMI
	case r.form == TSV && r.comma == 0:
		r.comma = '\t'
	case r.comma == 0:
		r.comma = ','
	}
	if r.form == CSV && r.comma == '\t' {
		r.form = TSV
	}
}

// separator is what stands between the names of a header: the first kind that is there, or 0.
func separator(line string) byte {
	for _, c := range []byte("\t,;") {
		if strings.IndexByte(line, c) >= 0 {
			return c
		}
	}
	return 0
}

func looksLikeSDF(head []byte) bool {
	for i, line := range bytes.SplitN(head, []byte("\n"), 5) {
		if i == 3 && (bytes.Contains(line, []byte("V2000")) || bytes.Contains(line, []byte("V3000"))) {
			return true
		}
	}
	return bytes.Contains(head, []byte("\nM  END")) || bytes.HasPrefix(head, []byte("$$$$")) || bytes.Contains(head, []byte("\n$$$$"))
}

// smilesColumn finds the column of SMILES in a header: the one asked for, or the one called smiles, or the first whose
// name has smiles in it, or one called mol or structure.
func (r *Reader) smilesColumn(header []string) int {
	return findColumn(header, r.options.Column, func(s string) bool { return s == "smiles" },
		func(s string) bool { return strings.Contains(s, "smiles") },
		func(s string) bool { return s == "mol" || s == "molecule" || s == "structure" })
}

func findColumn(header []string, asked string, tests ...func(lower string) bool) int {
	if asked != "" {
		return slices.IndexFunc(header, func(s string) bool { return tidy(s) == asked })
	}
	for _, test := range tests {
		if i := slices.IndexFunc(header, func(s string) bool { return test(strings.ToLower(tidy(s))) }); i >= 0 {
			return i
		}
	}
	return -1
}

// tidy takes blanks and quotes off a name.
func tidy(s string) string { return strings.TrimSpace(strings.Trim(strings.TrimSpace(s), `"`)) }

// readHeader reads the first row of a table and finds its columns.
func (r *Reader) readHeader() error {
	raw, err := r.row()
	if raw == "" && errors.Is(err, io.EOF) {
		r.form, r.end = SMI, io.EOF // an empty file has no header to complain of
		return nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return r.broken(err)
	}
	r.columns, err = splitRow(raw, r.comma)
	if err != nil {
		return fault.Refuse(r.File(), []fault.Finding{{Name: "bad-header", Severity: fault.Severe, File: r.options.File, Line: 1, Message: err.Error()}})
	}
	for i := range r.columns {
		r.columns[i] = strings.TrimSpace(r.columns[i])
	}
	if r.smiles = r.smilesColumn(r.columns); r.smiles < 0 {
		return r.noColumn("no-smiles-column", r.options.Column, "SMILES")
	}
	r.name = findColumn(r.columns, r.options.NameColumn, func(s string) bool { return s == "name" || s == "title" },
		func(s string) bool { return s == "id" },
		func(s string) bool {
			return strings.HasSuffix(s, "_id") || strings.HasSuffix(s, " id") || strings.HasSuffix(s, "_name")
		})
	if r.name < 0 && r.options.NameColumn != "" {
		return r.noColumn("no-name-column", r.options.NameColumn, "names")
	}
	if r.name == r.smiles {
		r.name = -1
	}
	return nil
}

// noColumn says which columns there are.
func (r *Reader) noColumn(name, asked, what string) error {
	message := "the header names no column of " + what
	if asked != "" {
		message = fmt.Sprintf("there is no column %q", asked)
	}
	list := r.columns[:min(len(r.columns), 20)]
	message += "; it has " + strings.Join(list, ", ")
	if len(list) < len(r.columns) {
		message += ", …"
	}
	hint := fault.DidYouMean(asked, r.columns)
	if asked == "" || hint == "" {
		hint = "name the column that holds the " + what
	}
	return fault.Refuse(r.File(), []fault.Finding{{Name: name, Severity: fault.Severe, File: r.options.File, Line: 1, Message: message, Hint: hint}})
}
