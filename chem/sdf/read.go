// Package sdf reads and writes molecules as MOL blocks and SDF files, versions V2000 and V3000.
//
// [Parse] reads one MOL block; a [Reader] goes through the records of an SDF file and recovers after a broken one at
// the next "$$$$". [Append] writes. Stereo comes from the geometry in 3D, from wedges in a drawing, and from the
// drawing itself at double bonds; without coordinates, from the parity field.
//
// Source: BIOVIA, CTFile Formats (2020). Start reading at block.go.
package sdf

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"galen.dev/chem"
	"galen.dev/fault"
)

// Options change how a record is read. The zero value derives everything.
type Options struct {
	Raw    bool // leave the graph as written: no hydrogens removed, nothing derived
	KeepHs bool // keep hydrogens that are atoms
}

// Parse reads one MOL block, with data fields if it has some.
func Parse(text string) (*chem.Mol, error) { return ParseWith(text, Options{}) }

// ParseWith is Parse with options. The errors are fault.Data; their findings name the mistake and the line.
func ParseWith(text string, o Options) (*chem.Mol, error) {
	b := block{lines: strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")}
	m, err := b.read()
	if err != nil {
		return nil, err
	}
	if o.Raw {
		doubleBonds(m)
		return m, nil
	}
	if !o.KeepHs {
		m.RemoveHs()
	}
	doubleBonds(m)
	if err := m.Sanitize(); err != nil {
		return nil, err
	}
	m.AssignStereo()
	return m, nil
}

// maxRecord bounds the bytes of one record.
const maxRecord = 256 << 20

// Reader goes through the records of an SDF file.
type Reader struct {
	in      *bufio.Reader
	options Options
	record  int
	line    int
	err     error
}

// NewReader returns a reader of r.
func NewReader(r io.Reader, o Options) *Reader {
	return &Reader{in: bufio.NewReaderSize(r, 1<<16), options: o}
}

// Record is the number of the record that Next returned last, from 1.
func (r *Reader) Record() int { return r.record }

// Next returns the next molecule, or io.EOF. After another error of kind fault.Data the reader stands behind the broken
// record, and Next may be called again.
func (r *Reader) Next() (*chem.Mol, error) {
	text, first, err := r.next()
	if err != nil {
		return nil, err
	}
	m, err := ParseWith(text, r.options)
	if err == nil {
		return m, nil
	}
	var e *fault.Error
	if errors.As(err, &e) {
		found := make([]fault.Finding, len(e.Findings))
		for i, f := range e.Findings {
			if f.Line > 0 {
				f.Line += first
			}
			found[i] = f
		}
		err = &fault.Error{Kind: fault.Data, Err: fmt.Errorf("record %d: %w", r.record, e.Err), Findings: found, Hint: e.Hint}
	}
	return nil, err
}

// next reads the text of a record, up to "$$$$" or the end.
func (r *Reader) next() (text string, first int, err error) {
	if r.err != nil {
		return "", 0, r.err
	}
	first = r.line
	var b strings.Builder
	blank := true
	tooLong := false
	for {
		line, err := r.in.ReadString('\n')
		if line != "" {
			r.line++
		}
		if err != nil && !errors.Is(err, io.EOF) {
			r.err = err
			return "", 0, err
		}
		if strings.HasPrefix(line, "$$$$") {
			break
		}
		blank = blank && strings.TrimSpace(line) == ""
		if tooLong = tooLong || b.Len()+len(line) > maxRecord; !tooLong {
			b.WriteString(line)
		}
		if err != nil {
			r.err = io.EOF
			if blank {
				return "", 0, io.EOF
			}
			break
		}
	}
	r.record++
	if tooLong {
		return "", 0, fault.Refuse(fmt.Sprintf("record %d", r.record), []fault.Finding{{
			Name: "record-too-long", Severity: fault.Severe, Line: first + 1, Message: "the record has more than 256 MiB", Hint: "a $$$$ may be missing",
		}})
	}
	return b.String(), first, nil
}
