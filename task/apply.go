package task

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"galen.dev/fault"
	"galen.dev/store"
)

// Input is what a model is applied to: a file, an open reader, or for tasks that take them a folder, which the step
// reads as a zip of its files.
type Input struct {
	Path   string    // for messages, and to open when Reader is nil
	Reader io.Reader // standard input or the body of a request; nil = open Path
}

// Read opens the input; the caller closes it.
func (in *Input) Read() (io.ReadCloser, error) {
	if in.Reader != nil {
		return io.NopCloser(in.Reader), nil
	}
	f, err := os.Open(in.Path)
	if err != nil {
		return nil, fmt.Errorf("reading input: %w", err)
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close()
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "%q is a folder", in.Path), "name a file of cases")
	}
	return f, nil
}

// Format is how predictions are written.
type Format string

// The formats of predictions.
const (
	CSV       Format = "csv"
	JSON      Format = "json"  // one array
	JSONLines Format = "jsonl" // one object a line
)

// FormatOf chooses the format by a file's extension.
func FormatOf(path string) (Format, error) {
	switch filepath.Ext(path) {
	case ".csv":
		return CSV, nil
	case ".json":
		return JSON, nil
	case ".jsonl", ".ndjson":
		return JSONLines, nil
	}
	return "", fault.WithHint(fault.Errorf(fault.Usage, "%q: the extension names no format for predictions", path), "end the name in .csv, .json or .jsonl")
}

// Applied says what an application of a model did.
type Applied struct {
	Run     string  `json:"run"`
	Model   string  `json:"model"` // key of the training step
	Cases   int     `json:"cases"`
	Output  string  `json:"output,omitempty"`
	Seconds float64 `json:"seconds"`
}

// Apply applies the model of a run to new input and writes the predictions to w. Each application leaves a
// line in the run's audit.jsonl: when, which model, hashes of input and output, how many cases; no values.
func (x *Runner) Apply(ctx context.Context, run string, in Input, params map[string]any, w io.Writer, f Format) (*Applied, error) {
	begin := time.Now()
	info, err := x.FindRun(ctx, run)
	if err != nil {
		return nil, err
	}
	if filepath.Dir(info.Dir) != x.Store.Root() {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "run %q lies outside the store %q", info.ID, x.Store.Root()), "name its folder of runs as the store")
	}
	t, err := Find(x.Tasks, info.Task)
	if err != nil {
		return nil, err
	}
	if t.Apply == nil {
		return nil, fault.Errorf(fault.Usage, "%s cannot be applied to new data", t.Name)
	}
	train, err := x.Store.Manifest(info.ID, string(Train))
	if err != nil {
		return nil, fault.WithHint(err, "`galen run` the study first: the run has no model yet")
	}
	s, err := x.studyOf(info)
	if err != nil {
		return nil, err
	}
	maps.Copy(s.Params, params)
	audit, err := x.openAudit(info.ID)
	if err != nil {
		return nil, err
	}
	defer audit.Close()
	inHash, outHash := sha256.New(), sha256.New()
	var body io.ReadCloser
	if info, serr := os.Stat(in.Path); t.Folders && in.Reader == nil && serr == nil && info.IsDir() {
		body = zipped(ctx, in.Path)
	} else if body, err = in.Read(); err != nil {
		return nil, err
	}
	defer body.Close()
	out := newRecordWriter(io.MultiWriter(w, outHash), f)
	r := &Run{
		Task: t, Study: s, ID: info.ID, Step: Apply, Version: x.Version, store: x.Store, monitor: x.Monitor, emit: out.write,
		Model:  info.ID + "@" + train.Key[:12],
		Input:  &Input{Path: in.Path, Reader: io.TeeReader(body, inHash)},
		inputs: map[string]store.File{}, metrics: map[string]float64{}, used: map[string]bool{},
	}
	if _, err := x.Store.Manifest(info.ID, string(Evaluate)); err != nil && t.Evaluate != nil {
		r.Note("run %s has not been evaluated: nobody knows yet how good its model is", info.ID)
	}
	err = t.Apply(ctx, r)
	if err == nil {
		err = out.close()
	}
	if err != nil {
		return nil, ctxErr(ctx, fmt.Errorf("applying run %s: %w", info.ID, err))
	}
	if x.seen != nil {
		x.seen(r)
	}
	done := &Applied{Run: info.ID, Model: train.Key[:12], Cases: out.n, Seconds: time.Since(begin).Seconds()}
	return done, x.audit(audit, done, hex.EncodeToString(inHash.Sum(nil)), hex.EncodeToString(outHash.Sum(nil)))
}

// FindRun finds a run by its id, the start of it, the path of its folder, or the name of its study, of whose
// runs it takes the newest that was evaluated, or the newest.
func (x *Runner) FindRun(ctx context.Context, run string) (store.RunInfo, error) {
	info, err := x.Store.Run(ctx, run)
	if fault.KindOf(err) != fault.Usage {
		return info, err
	}
	infos, lerr := x.Store.List(ctx, store.Filter{}) // newest first
	if lerr != nil {
		return info, err
	}
	newest := ""
	for _, i := range infos {
		if i.Name != run || i.Problem != "" {
			continue
		}
		if n := len(i.Steps); n > 0 && i.Steps[n-1].Step == string(Evaluate) {
			return x.Store.Run(ctx, i.ID)
		}
		if newest == "" {
			newest = i.ID
		}
	}
	if newest == "" {
		return info, err
	}
	return x.Store.Run(ctx, newest)
}

// openAudit opens the audit before any prediction is made, so that none goes out that could not be noted.
func (x *Runner) openAudit(id string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(x.Store.Root(), id, "audit.jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	return f, auditError(id, err)
}

func auditError(id string, err error) error {
	if err == nil {
		return nil
	}
	return fault.WithHint(fmt.Errorf("writing the audit of run %s: %w", id, err), "no prediction goes without its audit: make the run's folder writable")
}

// audit appends a line; one write of less than a page is whole even with several writers.
func (x *Runner) audit(f *os.File, a *Applied, in, out string) error {
	line, err := json.Marshal(map[string]any{
		"time": time.Now().UTC().Format(time.RFC3339Nano), "run": a.Run, "model": a.Model, "galen": x.Version,
		"cases": a.Cases, "input_sha256": in, "output_sha256": out, "seconds": a.Seconds,
	})
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	if e := f.Close(); err == nil {
		err = e
	}
	return auditError(a.Run, err)
}

// studyOf rebuilds the study of a run from what the run says of itself.
func (x *Runner) studyOf(info store.RunInfo) (*Study, error) {
	path := filepath.Join(x.Store.Root(), info.ID, "study.yaml")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Errorf(fault.Corrupt, "run %s: reading its study: %w", info.ID, err)
	}
	return ParseStudy(data, path, x.Tasks)
}

// recordWriter writes records in one of the formats.
type recordWriter struct {
	w      *bufio.Writer
	format Format
	n      int
	csv    *csv.Writer
}

func newRecordWriter(w io.Writer, f Format) *recordWriter {
	return &recordWriter{w: bufio.NewWriter(w), format: f}
}

func (rw *recordWriter) write(rec Record) error {
	rw.n++
	if rw.format == CSV {
		header, cells := rec.CSV()
		if rw.csv == nil {
			rw.csv = csv.NewWriter(rw.w)
			if err := rw.csv.Write(header); err != nil {
				return err
			}
		}
		return rw.csv.Write(cells)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(rec); err != nil {
		return fmt.Errorf("encoding a prediction: %w", err)
	}
	if rw.format == JSON {
		sep := ",\n"
		if rw.n == 1 {
			sep = "[\n"
		}
		if _, err := rw.w.WriteString(sep); err != nil {
			return err
		}
		_, err := rw.w.Write(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
		return err
	}
	_, err := rw.w.Write(b.Bytes())
	return err
}

func (rw *recordWriter) close() error {
	if rw.csv != nil {
		rw.csv.Flush()
		if err := rw.csv.Error(); err != nil {
			return err
		}
	}
	if rw.format == JSON {
		end := "\n]\n"
		if rw.n == 0 {
			end = "[]\n"
		}
		if _, err := rw.w.WriteString(end); err != nil {
			return err
		}
	}
	return rw.w.Flush()
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
