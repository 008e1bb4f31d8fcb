package note

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"galen.dev/fault"
	"galen.dev/text"
	"galen.dev/text/assertion"
	"galen.dev/text/crf"
)

// record is a note, or a sentence of one, as the data give it.
type record struct {
	Row      int                  `json:"row"` // 1-based
	Name     string               `json:"name,omitempty"`
	Text     string               `json:"text"`
	Label    string               `json:"label,omitempty"`
	Patient  string               `json:"patient,omitempty"`
	Split    string               `json:"split,omitempty"` // train or test
	Phrase   string               `json:"phrase,omitempty"`
	Said     *assertion.Assertion `json:"said,omitempty"`
	Document int                  `json:"document,omitempty"`
	Tokens   []text.Token         `json:"tokens,omitempty"`
	Entities []crf.Entity         `json:"entities,omitempty"`
}

const (
	maxRecords = 5_000_000
	maxAll     = 4 << 30 // bytes of a file after decompression
	severe     = 50      // by then the user knows what is wrong
)

// reader reads records of any form and notes what is wrong with them.
type reader struct {
	columns  map[string]string // our name to the data's
	replace  bool
	need     []string // of the columns
	file     string
	records  []record
	findings []fault.Finding
	place    map[string]int // of what is the same but for the row, in findings
}

func newReader(columns map[string]string, replace bool, need ...string) *reader {
	return &reader{columns: columns, replace: replace, need: need, place: map[string]int{}}
}

// wrong notes a finding; rows of the same one are joined.
func (x *reader) wrong(name, column, message, hint string, row int) {
	key := name + "\x00" + column + "\x00" + message + "\x00" + x.file
	at, known := x.place[key]
	if !known {
		at = len(x.findings)
		x.place[key] = at
		x.findings = append(x.findings, fault.Finding{Name: name, Severity: fault.Severe, File: x.file, Column: column, Message: message, Hint: hint})
	}
	f := &x.findings[at]
	if f.Count++; len(f.Rows) < fault.MaxRows && row > 0 {
		f.Rows = append(f.Rows, row)
	}
}

// unzip takes off gzip where the name says so.
func unzip(in io.Reader, name string) (io.Reader, string, error) {
	inner, zipped := strings.CutSuffix(name, ".gz")
	if zipped {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, "", fault.Errorf(fault.Data, "%s: the file is not gzip, or damaged", path.Base(name))
		}
		in = z
	}
	return io.LimitReader(in, maxAll), inner, nil
}

// table reads a table or JSON Lines by what the file looks like.
func (x *reader) table(ctx context.Context, in io.Reader, name string) error {
	in, name, err := unzip(in, name)
	if err != nil {
		return err
	}
	x.file = path.Base(name)
	buf := bufio.NewReaderSize(in, 1<<16)
	head, _ := buf.Peek(1 << 12)
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	if first := bytes.TrimLeft(head, " \t\r\n"); len(first) > 0 && (first[0] == '{' || first[0] == '[') {
		return x.json(ctx, buf, first[0] == '[')
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	comma := ','
	if bytes.Count(line, []byte("\t")) > 0 {
		comma = '\t'
	}
	return x.csv(ctx, buf, comma)
}

func (x *reader) csv(ctx context.Context, in io.Reader, comma rune) error {
	c := csv.NewReader(&bounded{r: in, most: text.MaxBytes + 1<<16})
	c.Comma, c.LazyQuotes, c.FieldsPerRecord = comma, comma == '\t', -1
	header, err := c.Read()
	if err != nil {
		return fault.Errorf(fault.Data, "%s: the table has no header", x.file)
	}
	place := map[string]int{}
	for i, name := range header {
		place[strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))] = i
	}
	for _, need := range x.need {
		if _, ok := place[x.columns[need]]; !ok {
			x.wrong("column-absent", x.columns[need], "the table has no column of this name", "the parameter "+need+" names it; the table has "+fault.Count(len(header), "column")+fault.DidYouMean(x.columns[need], header), 0)
		}
	}
	if len(x.findings) > 0 {
		return x.refuse()
	}
	for len(x.findings) < severe {
		if err := ctx.Err(); err != nil {
			return err
		}
		cells, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		row := len(x.records) + 1
		var long *longError
		if errors.As(err, &long) {
			x.wrong("note-too-long", "", fmt.Sprintf("a row is longer than %d bytes", text.MaxBytes), "cut it into the documents that it is made of", row)
			return nil
		}
		if err != nil {
			x.wrong("no-row", "", "the line is no row of the table", "quotes around a text must be closed, and doubled within it", row)
			return nil
		}
		if len(cells) != len(header) {
			x.wrong("cells", "", "rows do not have as many cells as the header", "a text with commas or line ends stands in quotes", row)
			x.records = append(x.records, record{Row: row})
			continue
		}
		x.take(func(name string) (string, bool) {
			if k, ok := place[x.columns[name]]; ok {
				return cells[k], true
			}
			return "", false
		}, "")
	}
	return nil
}

// bounded ends with a longError where no line end comes for too long: a quote that is never closed would otherwise ask
// for the memory of the whole file.
type bounded struct {
	r          io.Reader
	most, seen int
}

type longError struct{}

func (*longError) Error() string { return "the row is too long" }

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if k := bytes.LastIndexByte(p[:n], '\n'); k >= 0 {
		b.seen = n - k
	} else if b.seen += n; b.seen > b.most {
		return 0, &longError{}
	}
	return n, err
}

func (x *reader) json(ctx context.Context, in *bufio.Reader, list bool) error {
	if head, _ := in.Peek(3); bytes.Equal(head, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3)
	}
	dec := json.NewDecoder(in)
	if list {
		if _, err := dec.Token(); err != nil {
			return fault.Errorf(fault.Data, "%s: not JSON", x.file)
		}
	}
	for len(x.findings) < severe {
		if err := ctx.Err(); err != nil {
			return err
		}
		if list && !dec.More() {
			return nil
		}
		var raw map[string]json.RawMessage
		row := len(x.records) + 1
		if err := dec.Decode(&raw); errors.Is(err, io.EOF) && !list {
			return nil
		} else if err != nil {
			return fault.WithHint(fault.Errorf(fault.Data, "%s: record %d is not an object", x.file, row), `{"text": "No fever.", "label": "well"}`)
		}
		x.take(func(name string) (string, bool) {
			v, ok := raw[x.columns[name]]
			if !ok {
				return "", false
			}
			var s string
			if json.Unmarshal(v, &s) == nil {
				return s, true
			}
			return strings.Trim(string(v), `"`), string(v) != "null"
		}, "")
	}
	return nil
}

// take makes a record of cells and checks it.
func (x *reader) take(cell func(name string) (string, bool), name string) {
	row := len(x.records) + 1
	r := record{Row: row, Name: name}
	s, ok := cell("text")
	if !ok {
		x.wrong("no-text", x.columns["text"], "records have no text", "", row)
	}
	r.Text = x.clean(s, row)
	if slices.Contains(x.need, "label") {
		v, _ := cell("label")
		if r.Label = strings.TrimSpace(v); r.Label == "" {
			x.wrong("no-label", x.columns["label"], "notes have no label", "label them, or leave them out", row)
		}
	}
	if v, ok := cell("patient"); ok {
		if r.Patient = strings.TrimSpace(v); r.Patient == "" && len(x.need) > 1 {
			x.wrong("no-patient", x.columns["patient"], "notes name no patient", "say whose they are, or leave the column out", row)
		}
	}
	if v, ok := cell("split"); ok {
		r.Split = strings.ToLower(strings.TrimSpace(v))
		if r.Split == "devel" || r.Split == "val" || r.Split == "validation" {
			r.Split = "train"
		}
		if r.Split != "train" && r.Split != "test" && len(x.need) > 1 {
			x.wrong("split", "split", "the split is none of train, devel and test", "", row)
		}
	}
	if slices.Contains(x.need, "phrase") {
		x.said(&r, cell)
	}
	if len(x.records) >= maxRecords {
		x.wrong("too-many", "", fmt.Sprintf("there are more than %d records", maxRecords), "", row)
		return
	}
	x.records = append(x.records, r)
}

// clean checks a text; what is wrong is a finding.
func (x *reader) clean(s string, row int) string {
	out, err := text.Clean([]byte(s), text.CleanOptions{Replace: x.replace})
	switch {
	case err != nil && len(s) > text.MaxBytes:
		x.wrong("note-too-long", x.columns["text"], fmt.Sprintf("notes have more than %d bytes", text.MaxBytes), "cut them into the documents that they are made of", row)
	case err != nil:
		x.wrong("encoding", x.columns["text"], err.Error(), "convert it to UTF-8, or set replace-invalid", row)
	case strings.TrimSpace(out) == "" && len(x.need) > 1:
		x.wrong("empty-note", x.columns["text"], "notes are empty", "leave them out", row)
	}
	return out
}

// spellings are further ways of writing what is said of a finding, those of the NegEx corpus among them.
var spellings = map[string]string{"not particular": assertion.Hypothetical, "family member": assertion.Other, "uncertain": assertion.Possible, "present": assertion.Affirmed, "absent": assertion.Negated}

// said reads the columns of an assertion.
func (x *reader) said(r *record, cell func(string) (string, bool)) {
	r.Phrase, _ = cell("phrase")
	if r.Phrase = strings.TrimSpace(x.clean(r.Phrase, r.Row)); r.Phrase == "" {
		return
	}
	a := assertion.Plain
	r.Said = &a
	for k, property := range assertion.Properties {
		v, ok := cell(property)
		if !ok {
			continue
		}
		v = strings.ToLower(strings.TrimSpace(v))
		if other, known := spellings[v]; known {
			v = other
		}
		if !slices.Contains(assertion.Values[k], v) {
			if len(x.need) > 2 {
				x.wrong("assertion", x.columns[property], "what is said of the finding is none of "+strings.Join(assertion.Values[k], ", "), "", r.Row)
			}
			continue
		}
		a.Set(k, v)
	}
}

// conll reads a file of marked sentences.
func (x *reader) conll(ctx context.Context, in io.Reader, name, split string) error {
	in, name, err := unzip(in, name)
	if err != nil {
		return err
	}
	s, err := crf.ReadCoNLL(ctx, in, name)
	if err != nil {
		return err
	}
	base := 0
	if n := len(x.records); n > 0 {
		base = x.records[n-1].Document + 1
	}
	for _, v := range s {
		x.records = append(x.records, record{Row: len(x.records) + 1, Text: v.Text, Split: split, Document: base + v.Document, Tokens: v.Tokens, Entities: v.Entities})
	}
	return nil
}

func (x *reader) refuse() error { return fault.Refuse("data", x.findings) }
