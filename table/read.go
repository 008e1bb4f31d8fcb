package table

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strconv"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"galen.dev/fault"
)

// Options say how to read. The zero value infers everything.
type Options struct {
	Schema   *Schema                 // what the columns are; nil = inferred
	Progress func(done, total int64) // called with bytes of the file read so far and its size; a second pass begins at 0 again; nil = not called
	// MaxColumns refuses files of more columns; 0 = 100,000.
	MaxColumns int
	// MaxLevels makes Text of an inferred category with more distinct values; 0 = 10,000.
	MaxLevels int
	// Threads bounds the goroutines that parse; 0 = GOMAXPROCS. The result does not depend on it.
	Threads int
	// Encoding names the encoding of a text file by its label, e.g. "gb18030"; "" = detected.
	Encoding string
	// AllowAbsent takes columns of the schema that the file lacks as all missing, with a finding; otherwise
	// they are errors.
	AllowAbsent bool
	// AllowExtra leaves out columns that the schema does not know, with a finding; otherwise they are errors.
	AllowExtra bool
}

const (
	defaultMaxColumns = 100_000
	defaultMaxLevels  = 10_000
	headSize          = 1 << 16
)

// Read reads a table from a file: CSV (delimiter and encoding detected), ARFF, JSON lines or a JSON array of
// flat objects, or Parquet, each plain, in gzip or in zstd. The format is told by the content, not by the name.
//
// Memory is bounded by the columns that come out, a record, and a few chunks; a Parquet file inside gzip or zstd is
// held whole. A file that unpacks to more than it seems (a "gzip bomb") is bounded by its columns only.
//
// Errors: NotFound and Storage from the system; Data with all findings for what is wrong with the file;
// ctx.Err() after cancellation.
func Read(ctx context.Context, path string, o Options) (*Table, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fault.WithHint(err, "check the path; it is taken from the folder of the study, or the current one")
		}
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "%s is a folder", quoted(path)), "name one file of the folder")
	}
	if info.Mode().IsRegular() {
		return readSeeker(ctx, f, info.Size(), path, o)
	}
	return ReadFrom(ctx, f, path, o) // a pipe
}

// ReadFrom reads a table from r as Read does; name stands for the file in findings. A reader that is no
// io.ReadSeeker is first held whole in memory, because inference may need a second pass.
func ReadFrom(ctx context.Context, r io.Reader, name string, o Options) (*Table, error) {
	if s, ok := r.(io.ReadSeeker); ok {
		if size, err := s.Seek(0, io.SeekEnd); err == nil {
			return readSeeker(ctx, s, size, name, o)
		}
	}
	b, err := io.ReadAll(&watched{src: r, ctx: ctx})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", quoted(name), err)
	}
	return readSeeker(ctx, bytes.NewReader(b), int64(len(b)), name, o)
}

// watched stops a stream after cancellation and reports progress.
type watched struct {
	src   io.Reader
	ctx   context.Context
	tell  func(done, total int64)
	done  int64
	total int64
	err   error // of src, other than its end
}

func (w *watched) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.src.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	w.done += int64(n)
	if w.tell != nil && n > 0 {
		w.tell(w.done, w.total)
	}
	return n, err
}

// input is one file being read, possibly in two passes.
type input struct {
	ctx  context.Context
	src  io.ReadSeeker
	size int64
	name string
	o    Options

	raw       *watched // the source of the current pass
	unpacking bool
}

func readSeeker(ctx context.Context, src io.ReadSeeker, size int64, name string, o Options) (*Table, error) {
	if o.MaxColumns <= 0 {
		o.MaxColumns = defaultMaxColumns
	}
	if o.MaxLevels <= 0 {
		o.MaxLevels = defaultMaxLevels
	}
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Schema != nil {
		if found := o.Schema.Check(); len(found) > 0 {
			return nil, fault.Refuse("schema", found)
		}
	}
	in := &input{ctx: ctx, src: src, size: size, name: name, o: o}
	t, err := in.read()
	if err != nil {
		return nil, in.explain(err)
	}
	return t, nil
}

// explain gives errors of the stream their kind and a hint.
func (in *input) explain(err error) error {
	var e *fault.Error
	switch {
	case in.ctx.Err() != nil:
		return in.ctx.Err()
	case errors.As(err, &e):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.WithHint(fault.Errorf(fault.Data, "reading %s: the compressed file is cut short", quoted(in.name)),
			"copy or download it again")
	case in.unpacking && in.raw.err == nil: // the error is the unpacker's, not the disk's
		return fault.WithHint(fault.Errorf(fault.Data, "reading %s: the compressed file is damaged: %w", quoted(in.name), err),
			"copy or download it again")
	}
	return fmt.Errorf("reading %s: %w", quoted(in.name), err)
}

// open rewinds, unpacks, and returns the stream with its first bytes.
func (in *input) open() (r *bufio.Reader, head []byte, err error) {
	if _, err := in.src.Seek(0, io.SeekStart); err != nil {
		return nil, nil, err
	}
	in.raw = &watched{src: in.src, ctx: in.ctx, tell: in.o.Progress, total: in.size}
	raw := bufio.NewReaderSize(in.raw, in.upTo(1<<18))
	magic, err := raw.Peek(4)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	r = raw
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		in.unpacking = true
		z, err := gzip.NewReader(raw)
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, nil, err
		}
		r = bufio.NewReaderSize(z, 1<<18)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		in.unpacking = true
		// One goroutine and a bounded window: the frame's header must not choose the memory.
		z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, nil, err
		}
		r = bufio.NewReaderSize(z, 1<<18)
	}
	head, err = r.Peek(headSize)
	if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
		return nil, nil, err
	}
	return r, head, nil
}

// portion estimates how much of the file has been read when so many bytes of text have come out of it.
func (in *input) portion(given int64) float64 {
	if in.unpacking { // the unpacker has read ahead a little
		given = in.raw.done
	}
	return float64(given) / float64(in.size)
}

// upTo bounds a buffer by the size of the file, so that a file of one case does not pay for megabytes.
func (in *input) upTo(size int) int {
	if in.unpacking {
		return size
	}
	return int(min(int64(size), in.size+16))
}

func (in *input) read() (*Table, error) {
	r, head, err := in.open()
	if err != nil {
		return nil, err
	}
	if len(head) == 0 {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "%s is empty", quoted(in.name)), "check that the export finished")
	}
	kind, err := detectFormat(head, in.name)
	if err != nil {
		return nil, err
	}
	if kind == "parquet" {
		return in.readParquet(r)
	}
	return in.readText(r, head)
}

// readText reads CSV, ARFF or JSON.
func (in *input) readText(r *bufio.Reader, head []byte) (*Table, error) {
	text, err := openText(head, r, in.name, in.o.Encoding, in.upTo(rawSize))
	if err != nil {
		return nil, err
	}
	cols := newColumns(in.o)
	first, err := in.pass(text, cols)
	if err != nil {
		return nil, err
	}
	found := first.findings()
	if first.numberedHeader {
		found = append(found, fault.Finding{
			Name: "numbered-header", Severity: fault.Warning, Line: 1, Message: "all names in the header are numbers",
			Hint: "if the file has no header, add a first line that names the columns",
		})
	}
	if t, ok := text.(*textReader); ok {
		f, err := t.finding()
		if err != nil {
			return nil, err
		}
		if f != nil {
			found = append(found, *f)
		}
	}
	if len(severe(found)) == 0 {
		if err := in.rereadColumns(cols); err != nil {
			return nil, err
		}
	}
	t := &Table{File: in.name, Line: first.lines, Rows: first.rows}
	return in.finish(t, cols, found)
}

// rereadColumns takes a second pass for the columns that began as numbers and turned out to be words.
func (in *input) rereadColumns(cols *columns) error {
	only := map[string]bool{}
	for _, a := range cols.list {
		if a.reread {
			only[a.name] = true
		}
	}
	if len(only) == 0 {
		return nil
	}
	r, head, err := in.open()
	if err != nil {
		return err
	}
	text, err := openText(head, r, in.name, in.o.Encoding, in.upTo(rawSize))
	if err != nil {
		return err
	}
	second := newColumns(in.o)
	second.only = only
	for name := range only {
		second.learned[name] = modeWords
	}
	if _, err := in.pass(text, second); err != nil {
		return err
	}
	for i, a := range cols.list {
		if !a.reread {
			continue
		}
		b := second.byName[a.name]
		if b == nil || b.rows != a.rows {
			return fault.WithHint(fault.Errorf(fault.Data, "%s changed while it was read", quoted(in.name)), "read it again when it is complete")
		}
		cols.list[i] = b
	}
	return nil
}

// pass runs once over the text of a file.
func (in *input) pass(text io.Reader, cols *columns) (*reading, error) {
	r := bufio.NewReaderSize(text, in.upTo(headSize))
	head, err := r.Peek(headSize)
	if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
		return nil, err
	}
	kind, err := detectFormat(head, in.name)
	if err != nil {
		return nil, err
	}
	size := in.upTo(chunkSize)
	run := &reading{cols: cols, file: in.name, troubles: map[string]*tally{}}
	switch kind {
	case "arff":
		err = run.startARFF(r, in.o)
	case "json":
		run.f = &jsonFormat{maxColumns: in.o.MaxColumns}
	default:
		var record int
		record, err = run.startCSV(r, head, in.o)
		size = min(max(size, minRecords*record), maxRecord/2)
	}
	if err != nil {
		return nil, err
	}
	if err := run.run(in.ctx, &cutter{src: r, f: run.f, size: size, portion: in.portion}, in.o.Threads, cols.only == nil); err != nil {
		return nil, err
	}
	cols.finish()
	run.lines = fitted(run.lines)
	return run, nil
}

func newColumns(o Options) *columns {
	c := &columns{byName: map[string]*assembly{}, learned: map[string]mode{}, unknown: map[string]bool{}, maxLevels: o.MaxLevels}
	if o.Schema != nil {
		c.spec = map[string]*ColumnSchema{}
		c.marks = map[string]*markers{}
		for i := range o.Schema.Columns {
			s := &o.Schema.Columns[i]
			m := newMarkers(s.Missing)
			c.spec[s.Name], c.marks[s.Name] = s, &m
		}
	}
	return c
}

func severe(found []fault.Finding) (out []fault.Finding) {
	for _, f := range found {
		if f.Severity == fault.Severe {
			out = append(out, f)
		}
	}
	return out
}

func quoted(name string) string { return strconv.Quote(name) }
