package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"galen.dev/chem/stream"
	"galen.dev/fault"
)

// molReport counts the records of a command and tells the bad ones.
type molReport struct {
	Read    int             `json:"read"`
	Written int             `json:"written"`
	Bad     int             `json:"bad"`
	Output  string          `json:"output,omitempty"`
	Faults  []fault.Finding `json:"faults"` // of the first bad records

	app    *app
	verb   string
	all    *bufio.Writer // where every bad record is written, or nil
	told   time.Time
	broken error // of writing to all
}

// shownBad is how many bad records are told on stderr and in JSON; the rest is only counted.
const shownBad = 100

// bad tells a record that cannot be used.
func (r *molReport) bad(rec *stream.Record, file string, err error) {
	r.Bad++
	found := fault.FindingsOf(err)
	if len(found) == 0 {
		found = []fault.Finding{{Name: "bad-molecule", Severity: fault.Severe, Message: err.Error(), Hint: fault.HintOf(err)}}
	}
	for _, f := range found {
		if f.File == "" {
			f.File = file
		}
		if f.Line == 0 {
			f.Line = rec.Line
		}
		if r.all != nil {
			if _, err := fmt.Fprintf(r.all, "%s\t%d\t%s\t%s\n", f.File, f.Line, f.Name, f.Message); err != nil {
				r.broken = err
			}
		}
		if r.Bad <= shownBad {
			r.Faults = append(r.Faults, f)
			fmt.Fprintf(r.app.err, "galen: bad record: %s:%d: %s: %s\n", f.File, f.Line, f.Name, f.Message)
		}
	}
	if r.Bad == shownBad {
		fmt.Fprintf(r.app.err, "galen: further bad records are counted, not told; --bad FILE writes them all\n")
	}
}

// tick tells now and then how far a long command is.
func (r *molReport) tick() {
	r.Read++
	if r.Read%1000 != 0 || r.app.quiet {
		return
	}
	if now := time.Now(); now.Sub(r.told) >= lineInterval {
		if !r.told.IsZero() {
			fmt.Fprintf(r.app.err, "%-10s %s read\n", r.verb, fault.Count(r.Read, "record"))
		}
		r.told = now
	}
}

// verdict is the error of a command that has read all: bad records under --strict, or nothing but bad ones.
func (r *molReport) verdict(strict bool) error {
	switch {
	case r.broken != nil:
		return r.broken
	case r.Bad > 0 && r.Bad == r.Read:
		return fault.WithHint(fault.Errorf(fault.Data, "no molecule in %s", fault.Count(r.Read, "record")), "--from names the form of the input, --column the column of the SMILES")
	case r.Bad > 0 && strict:
		return fault.WithHint(fault.Errorf(fault.Data, "%d of %s hold no molecule", r.Bad, fault.Count(r.Read, "record")), "without --strict the others are used")
	case r.Read == 0 && strict:
		return fault.Errorf(fault.Data, "the input holds no record")
	}
	return nil
}

// summary says at the end what was read and written.
func (r *molReport) summary() {
	if r.app.quiet || r.app.json {
		return
	}
	text := fmt.Sprintf("%s read, %d bad", fault.Count(r.Read, "record"), r.Bad)
	if r.Written >= 0 {
		text += fmt.Sprintf(", %d written", r.Written)
	}
	if r.Output != "" {
		text += " to " + r.Output
	}
	fmt.Fprintf(r.app.err, "galen: %s\n", text)
}

// molRun reads the molecules of a command and lets body write. Where the command has written a file, or nothing but a
// count, its summary is the JSON answer.
func (a *app) molRun(verb string, f *molFlags, body func(r *molReport) error) (err error) {
	r := &molReport{app: a, verb: verb, Faults: []fault.Finding{}, Output: f.out}
	if f.badFile == "" {
		if err = body(r); err == nil {
			r.summary()
		}
		return err
	}
	err = writeWhole(f.badFile, func(w io.Writer) error {
		r.all = bufio.NewWriter(w)
		if err := body(r); err != nil && (fault.KindOf(err) != fault.Data || r.Bad == 0) {
			return err
		} else if flush := r.all.Flush(); flush != nil {
			return flush
		} else if err != nil {
			r.broken = err // the list of bad records is wanted most where they end the command
		}
		return nil
	})
	if err == nil {
		err = r.broken
	}
	if err == nil {
		r.summary()
	}
	return err
}

// eachMolecule goes through all records of the files, or of --smiles, or of standard input. begin hears of each
// file; work is called in parallel, for records with a molecule alone; take hears their results in order.
func eachMolecule[T any](ctx context.Context, f *molFlags, files []string, r *molReport, begin func(*stream.Reader) error,
	work func(worker int, in *stream.Reader, rec *stream.Record) T, take func(in *stream.Reader, rec *stream.Record, result T) error,
) error {
	one := func(name string, in io.Reader, form stream.Form) error {
		reader, err := stream.NewReader(in, stream.Options{File: name, Form: form, Column: f.column, NameColumn: f.name, KeepHs: f.keepHs})
		if err != nil {
			return err
		}
		if err := begin(reader); err != nil {
			return err
		}
		return stream.Each(ctx, reader, func(worker int, rec *stream.Record) (result T) {
			if rec.Err == nil {
				result = work(worker, reader, rec)
			}
			return result
		}, func(rec *stream.Record, result T) error {
			r.tick()
			if rec.Err != nil {
				r.bad(rec, name, rec.Err)
				return nil
			}
			return take(reader, rec, result)
		})
	}
	switch {
	case len(f.smiles) > 0 && len(files) > 0:
		return fault.WithHint(fault.Errorf(fault.Usage, "molecules come from --smiles and from files"), "give one of them")
	case len(f.smiles) > 0:
		return one("--smiles", strings.NewReader(strings.Join(f.smiles, "\n")), stream.SMI)
	case len(files) == 0:
		files = []string{"-"}
	}
	for _, name := range files {
		var err error
		if name == "-" {
			err = one("standard input", interruptible(ctx, r.app.in), f.input)
		} else {
			err = openMolecules(name, func(in io.Reader) error { return one(name, in, f.input) })
		}
		if err != nil {
			return err
		}
	}
	if r.Read == 0 && !r.app.quiet {
		fmt.Fprintf(r.app.err, "galen: note: the input holds no record\n")
	}
	return nil
}

func openMolecules(name string, use func(io.Reader) error) error {
	file, err := os.Open(name)
	if err != nil {
		hint := "a molecule itself is given by --smiles"
		if !errors.Is(err, os.ErrNotExist) {
			hint = "the file must be readable"
		}
		return fault.WithHint(fault.Disk("opening molecules", err), "%s", hint)
	}
	defer file.Close()
	return use(file)
}
