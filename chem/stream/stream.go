// Package stream reads molecules from files of any common form, works on them on every thread, and hands on the
// results in order, in bounded memory.
//
// NewReader tells the form from the content: .smi lines, tables with a column of SMILES (comma, tab or semicolon), SDF
// of either version, each plain or packed with gzip. Each goes through the records: its first function works in
// parallel, its second takes the results one by one in the order of the file. A record that holds no molecule is handed
// on with its error, and reading continues behind it. A Layout writes records again, in the same or another form, with
// the columns they came with and new ones.
//
//	r, err := stream.NewReader(file, stream.Options{})
//	err = stream.Each(ctx, r, func(worker int, rec *stream.Record) float64 {
//		if rec.Err != nil {
//			return math.NaN()
//		}
//		return descriptor.LogP(rec.Mol)
//	}, func(rec *stream.Record, logP float64) error { … })
//
// Read this file first, then detect.go, read.go and write.go. Sources: RFC 4180 (tables); BIOVIA, CTFile Formats
// (2020); the OpenSMILES specification 1.0.
package stream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"galen.dev/chem"
	"galen.dev/fault"
	"galen.dev/internal/cpu"
)

// Options say how a file is read. The zero value finds everything out.
type Options struct {
	File       string // what errors call the file; its extension decides where the content leaves a doubt
	Form       Form   // Auto = by content
	Column     string // of the SMILES in a table; empty = the one named smiles, or a name like it
	NameColumn string // of the names in a table; empty = one named name, title or id, or like it
	KeepHs     bool   // keep hydrogens that are written as atoms
}

// Record is one molecule of a file, or the error that says why there is none.
type Record struct {
	Number int       // from 1; headers and empty lines do not count
	Line   int       // where it begins, from 1
	Text   string    // the SMILES as it was written; empty in an SDF
	Fields []string  // what the columns of the reader hold, see Columns; nil where the row is unreadable
	Mol    *chem.Mol // with its name; nil where Err is not
	Err    error     // fault.Data, with findings that name file, line and column

	raw string
}

// batch and batchBytes bound what is read before it is worked on.
const (
	batch      = 1024
	batchBytes = 8 << 20
)

// Reader goes through the records of one file.
type Reader struct {
	in      *bufio.Reader
	options Options
	form    Form
	comma   byte     // between the fields of a table
	columns []string // of a table, or the data fields seen at the start of an SDF
	smiles  int      // index of the column of SMILES in a table, else -1
	name    int      // index of the column of names in a table, else -1

	line, number int
	ahead        []Record // SDF: the records in which data fields were looked for
	held         []string // lines that were read too far
	end          error    // what ended the file
}

// Form is the form of the file, never Auto. It is SMI for an empty file.
func (r *Reader) Form() Form { return r.form }

// Columns are the columns of a table, with those of SMILES and names, or the names of data fields in the first
// thousand records of an SDF; none for .smi.
func (r *Reader) Columns() []string { return r.columns }

// SMILESColumn is the index of the column that holds the SMILES of a table, or -1.
func (r *Reader) SMILESColumn() int { return r.smiles }

// NameColumn is the index of the column that holds the names of a table, or -1.
func (r *Reader) NameColumn() int { return r.name }

// Each reads all records. It calls work for each on any of cpu.Threads goroutines, which a number tells apart, so that
// each may keep memory of its own; and then take for each in the order of the file, on the calling goroutine. A record
// is used again after take has returned, but for its molecule and texts. It stops at the first error of take, of the
// file, or of ctx.
func Each[T any](ctx context.Context, r *Reader, work func(worker int, rec *Record) T, take func(rec *Record, result T) error) error {
	results := make([]T, batch)
	var records []Record
	for {
		var end error
		records, end = r.fill(records[:0])
		if err := ctx.Err(); err != nil {
			return err
		}
		cpu.Do(len(records), func(worker, i int) {
			if ctx.Err() == nil {
				r.parse(&records[i])
				results[i] = work(worker, &records[i])
			}
		})
		if err := ctx.Err(); err != nil {
			return err
		}
		for i := range records {
			if err := take(&records[i], results[i]); err != nil {
				return err
			}
		}
		clear(records)
		clear(results)
		if errors.Is(end, io.EOF) {
			return nil
		}
		if end != nil {
			return r.broken(end)
		}
	}
}

// broken says how far a file was read before it broke off.
func (r *Reader) broken(err error) error {
	if kind := fault.KindOf(err); kind != fault.Internal {
		return err
	}
	return fault.WithHint(fault.Errorf(fault.Data, "%s broke off after record %d (line %d): %w", r.File(), r.number, r.line, err),
		"the file may be cut short or damaged")
}

// File is what errors call the file.
func (r *Reader) File() string {
	if r.options.File == "" {
		return "the input"
	}
	return r.options.File
}

// refuse is the error of a record.
func (r *Reader) refuse(rec *Record, found ...fault.Finding) error {
	for i := range found {
		found[i].Severity, found[i].File = fault.Severe, r.options.File
		if r.smiles >= 0 && found[i].Column == "" {
			found[i].Column = r.columns[r.smiles]
		}
		if r.form != SDF || found[i].Line == 0 {
			found[i].Line = rec.Line
		}
	}
	return fault.Refuse(fmt.Sprintf("record %d", rec.Number), found)
}
