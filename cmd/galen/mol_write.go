package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"strings"

	"galen.dev/chem/stream"
	"galen.dev/fault"
	"galen.dev/internal/cpu"
)

// molJob is a command that reads molecules and writes records.
type molJob struct {
	verb  string
	added []stream.Column
	// worker makes the function of one goroutine, which keeps memory of its own.
	worker func() (func(rec *stream.Record) molResult, error)
	// seen, if not nil, looks at the results in order and may drop them.
	seen func(res *molResult)
	// encode, if not nil, writes records in a form of the command's own, below header.
	header []byte
	encode func(buf []byte, rec *stream.Record, res *molResult) []byte
}

// molResult is what a command makes of a record.
type molResult struct {
	row  stream.Row
	drop bool // it is not written
	err  error

	text []byte
}

// molStream runs a job: read, work in parallel, write in order.
func (a *app) molStream(ctx context.Context, f *molFlags, files []string, job molJob) error {
	return a.molRun(job.verb, f, func(r *molReport) error {
		workers, err := perWorker(job.worker)
		if err != nil {
			return err
		}
		err = a.molOutput(f, r, func(w io.Writer) error {
			s := molSink{w: w, json: a.json && f.out == "", job: &job, form: f.output}
			err := eachMolecule(ctx, f, files, r, s.begin, func(worker int, in *stream.Reader, rec *stream.Record) molResult {
				res := workers[worker](rec)
				s.encode(in, rec, &res)
				return res
			}, func(in *stream.Reader, rec *stream.Record, res molResult) error {
				return s.take(r, in, rec, &res)
			})
			if err == nil {
				err = r.verdict(f.strict)
			}
			return s.end(a, r, err)
		})
		if err == nil && a.json && f.out != "" {
			return a.print(r, nil)
		}
		return err
	})
}

// perWorker makes a function for each goroutine of cpu.Do.
func perWorker[T any](one func() (func(*stream.Record) T, error)) ([]func(*stream.Record) T, error) {
	workers := make([]func(*stream.Record) T, cpu.Threads())
	for i := range workers {
		var err error
		if workers[i], err = one(); err != nil {
			return nil, err
		}
	}
	return workers, nil
}

// molOutput opens what a command writes to: a file that appears whole, packed if its name says so, or stdout.
func (a *app) molOutput(f *molFlags, r *molReport, body func(w io.Writer) error) error {
	if f.out == "" {
		w := bufio.NewWriterSize(a.out, 1<<16)
		if err := body(w); err != nil {
			_ = w.Flush() // what was written before stays whole lines
			return err
		}
		return w.Flush()
	}
	return writeWhole(f.out, func(file io.Writer) error {
		w := bufio.NewWriterSize(file, 1<<18)
		if !strings.HasSuffix(strings.ToLower(f.out), ".gz") {
			if err := body(w); err != nil {
				return err
			}
			return w.Flush()
		}
		z := gzip.NewWriter(w)
		if err := body(z); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		return w.Flush()
	})
}

// molSink writes the results of a job.
type molSink struct {
	w      io.Writer
	json   bool // one JSON value with all records
	job    *molJob
	form   stream.Form
	layout *stream.Layout
}

// begin lays the output out by the first file.
func (s *molSink) begin(in *stream.Reader) error {
	if s.layout != nil {
		return nil
	}
	if s.json {
		s.form = stream.JSONL
	}
	s.layout = stream.NewLayout(in, s.form, s.job.added)
	head := s.layout.Header()
	switch {
	case s.json:
		head = []byte("{\"molecules\": [")
	case s.job.encode != nil:
		head = s.job.header
	}
	_, err := s.w.Write(head)
	return err
}

// encode writes a result to memory. It runs in parallel.
func (s *molSink) encode(in *stream.Reader, rec *stream.Record, res *molResult) {
	if res.err != nil || res.drop {
		return
	}
	if s.job.encode != nil && !s.json {
		res.text = s.job.encode(nil, rec, res)
		return
	}
	res.text, res.err = s.layout.Append(nil, in, rec, res.row)
}

// take writes a result out.
func (s *molSink) take(r *molReport, in *stream.Reader, rec *stream.Record, res *molResult) error {
	if res.err != nil {
		r.bad(rec, in.File(), res.err)
		return nil
	}
	if s.job.seen != nil {
		s.job.seen(res)
	}
	if res.drop {
		return nil
	}
	if s.json {
		start := "\n  "
		if r.Written > 0 {
			start = ",\n  "
		}
		if _, err := io.WriteString(s.w, start); err != nil {
			return err
		}
		res.text = res.text[:len(res.text)-1]
	}
	r.Written++
	_, err := s.w.Write(res.text)
	return err
}

// end closes the JSON value. An error that comes after its beginning becomes a part of it.
func (s *molSink) end(a *app, r *molReport, err error) error {
	if !s.json || s.layout == nil {
		return err
	}
	tail := map[string]any{"summary": r}
	if err != nil {
		tail["error"] = map[string]any{"kind": fault.KindOf(err).String(), "message": err.Error(), "hint": fault.HintOf(err)}
		a.answered = true
	}
	text, bad := json.MarshalIndent(tail, "", "  ")
	if bad != nil {
		return bad
	}
	if _, bad := io.WriteString(s.w, "\n],"+string(text[1:])+"\n"); bad != nil {
		return bad
	}
	return err
}
