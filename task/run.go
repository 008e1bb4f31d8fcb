package task

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"sync"

	"galen.dev/fault"
	"galen.dev/store"
)

// Run is what a step sees: its task and study, the files of earlier steps, a place for its own files, its
// parameters, seed and progress. Steps do not open files of the run directory by other ways, so that every
// input is checked against its hash and recorded.
type Run struct {
	Task    *Task
	Study   *Study
	ID      string
	Step    StepName
	Version string  // of Galen
	Source  *Source // the study's data; set for Collect only
	Input   *Input  // what to apply the model to; set for Apply only
	Model   string  // the run and the version of its model, for predictions; set for Apply only

	store   *store.Store
	stage   *store.Stage
	monitor Monitor
	emit    func(Record) error

	mu      sync.Mutex
	inputs  map[string]store.File
	known   map[StepName]map[string]store.File
	metrics map[string]float64
	used    map[string]bool // parameters read, for tasktest
}

// Record is one prediction of Apply: it is written as JSON by its fields, or as a row of CSV.
type Record interface {
	// CSV gives the header and the cells of one row. The header is the same for every record of a run.
	CSV() (header, cells []string)
}

// Create makes a file among the outputs of the current step. name may have folders in it.
func (r *Run) Create(name string) (io.WriteCloser, error) { return r.stage.Create(name) }

// WriteFile writes one whole file among the outputs of the current step.
func (r *Run) WriteFile(name string, data []byte) error {
	w, err := r.Create(name)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		w.Close()
		return err
	}
	return w.Close()
}

// WriteJSON writes v among the outputs of the current step, indented, with lists of plain values on one line.
func (r *Run) WriteJSON(name string, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encoding %q: %w", name, err)
	}
	return r.WriteFile(name, indent(b.Bytes()))
}

// indent lays out compact JSON by two spaces a level. Lists that hold no list or object stay on one line:
// a column of ten thousand numbers is one line, not ten thousand.
func indent(compact []byte) []byte {
	out := make([]byte, 0, len(compact)+len(compact)/4)
	depth, inText := 0, false
	for i := 0; i < len(compact); i++ {
		c := compact[i]
		if inText {
			out = append(out, c)
			if c == '\\' {
				i++
				out = append(out, compact[i])
			}
			inText = c != '"'
			continue
		}
		switch c {
		case '"':
			inText = true
			out = append(out, c)
		case '[', '{':
			if end := flat(compact[i:]); end > 0 {
				out = append(out, compact[i:i+end]...)
				i += end - 1
				continue
			}
			depth++
			out = newline(append(out, c), depth)
		case ']', '}':
			depth--
			out = append(newline(out, depth), c)
		case ',':
			out = newline(append(out, c), depth)
		case ':':
			out = append(out, ':', ' ')
		default:
			out = append(out, c)
		}
	}
	return out
}

// flat returns the length of a list of plain values, or of an empty list or object, at the start of data; else 0.
func flat(data []byte) int {
	if data[1] == '}' || data[1] == ']' {
		return 2
	}
	if data[0] != '[' {
		return 0
	}
	for i := 1; i < len(data); i++ {
		switch data[i] {
		case '[', '{':
			return 0
		case ']':
			return i + 1
		case '"':
			for i++; data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		}
	}
	return 0
}

func newline(out []byte, depth int) []byte {
	out = append(out, '\n')
	for range depth {
		out = append(out, ' ', ' ')
	}
	return out
}

// outputs returns the published files of an earlier step by name.
func (r *Run) outputs(step StepName) (map[string]store.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if files, ok := r.known[step]; ok {
		return files, nil
	}
	if order(step) >= order(r.Step) {
		panic(fmt.Sprintf("task: step %s reads files of %s", r.Step, step))
	}
	m, err := r.store.Manifest(r.ID, string(step))
	if err != nil {
		return nil, err
	}
	files := map[string]store.File{}
	for _, f := range m.Outputs {
		files[f.Name] = f
	}
	if r.known == nil {
		r.known = map[StepName]map[string]store.File{}
	}
	r.known[step] = files
	return files, nil
}

// Outputs lists the files that an earlier step published, sorted by name.
func (r *Run) Outputs(step StepName) ([]string, error) {
	files, err := r.outputs(step)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	sort.Strings(names)
	return names, nil
}

// ReadFile returns a whole file of an earlier step, checked against its hash.
func (r *Run) ReadFile(step StepName, name string) ([]byte, error) {
	want, err := r.expected(step, name)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(r.store.Path(r.ID, string(step), name))
	if err != nil {
		return nil, r.unread(step, name, err)
	}
	sum := sha256.Sum256(data)
	if hex.EncodeToString(sum[:]) != want.SHA256 {
		return nil, r.corrupt(step, name)
	}
	return data, nil
}

// Open opens a file of an earlier step for streaming, after checking it against its hash.
func (r *Run) Open(step StepName, name string) (*os.File, error) {
	want, err := r.expected(step, name)
	if err != nil {
		return nil, err
	}
	f, err := r.store.Open(r.ID, string(step), name)
	if err != nil {
		return nil, r.unread(step, name, err)
	}
	h := sha256.New()
	if _, err = io.Copy(h, f); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil && hex.EncodeToString(h.Sum(nil)) != want.SHA256 {
		err = r.corrupt(step, name)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (r *Run) expected(step StepName, name string) (store.File, error) {
	files, err := r.outputs(step)
	if err != nil {
		return store.File{}, err
	}
	f, ok := files[name]
	if !ok {
		return store.File{}, fault.Errorf(fault.Corrupt, "run %s: step %s left no file %q", r.ID, step, name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inputs[string(step)+"/"+name] = store.File{Name: string(step) + "/" + name, SHA256: f.SHA256, Size: f.Size}
	return f, nil
}

// unread is the error of a file that cannot be opened. One that the manifest names and is not there means a
// damaged run, not a wrong name.
func (r *Run) unread(step StepName, name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.WithHint(fault.Errorf(fault.Corrupt, "run %s: %s/%s is gone", r.ID, step, name), "run the study again: the step is then done anew")
	}
	return fmt.Errorf("reading %s/%s: %w", step, name, err)
}

func (r *Run) corrupt(step StepName, name string) error {
	return fault.WithHint(fault.Errorf(fault.Corrupt, "run %s: %s/%s does not match its checksum", r.ID, step, name),
		"run the study again: the step is then done anew")
}

// ReadJSON reads a JSON file of an earlier step into v.
func (r *Run) ReadJSON(step StepName, name string, v any) error {
	data, err := r.ReadFile(step, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fault.Errorf(fault.Corrupt, "run %s: reading %s/%s: %w", r.ID, step, name, err)
	}
	return nil
}

// Rand returns a random generator for a purpose within the current step: the same study and seed give the
// same stream, other purposes give independent ones.
func (r *Run) Rand(purpose string) *rand.Rand {
	s := r.Seed(purpose)
	return rand.New(rand.NewPCG(s, s^0x9e3779b97f4a7c15))
}

// Seed derives a seed for a purpose from the study's seed. It does not depend on the step.
func (r *Run) Seed(purpose string) uint64 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], r.Study.Seed)
	h := sha256.New()
	h.Write(b[:])
	h.Write([]byte(purpose))
	return binary.LittleEndian.Uint64(h.Sum(nil))
}

// Progress tells how far the step is; total 0 means that the end is not known.
func (r *Run) Progress(label string, done, total int64) {
	r.tell(Event{Kind: Progress, Text: label, Done: done, Total: total})
}

// Note tells the user something worth a line. It must not hold patients' values.
func (r *Run) Note(format string, args ...any) {
	r.tell(Event{Kind: Note, Text: fmt.Sprintf(format, args...)})
}

func (r *Run) tell(e Event) {
	if r.monitor != nil {
		e.Run, e.Step = r.ID, r.Step
		r.monitor(e)
	}
}

// Metric records a headline figure of the run, shown by `galen runs`. Names are kebab-case.
func (r *Run) Metric(name string, v float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.metrics[name] = v
}

// Emit hands out one prediction of Apply.
func (r *Run) Emit(rec Record) error { return r.emit(rec) }

// value returns a parameter's value and marks it read. A step that reads a parameter of a later step, or one
// that is not declared, is a defect: the cache would not know of the dependence.
func (r *Run) value(name string, kinds ...Kind) any {
	p := r.Task.Param(name)
	if p == nil {
		panic(fmt.Sprintf("task: %s declares no parameter %q", r.Task.Name, name))
	}
	ok := false
	for _, k := range kinds {
		ok = ok || p.Kind == k
	}
	if !ok {
		panic(fmt.Sprintf("task: parameter %q of %s is a %v", name, r.Task.Name, p.Kind))
	}
	if order(p.Step) > order(r.Step) {
		panic(fmt.Sprintf("task: step %s reads parameter %q, which is declared for %s", r.Step, name, p.Step))
	}
	r.mu.Lock()
	r.used[name] = true
	r.mu.Unlock()
	if v, given := r.Study.Params[name]; given {
		return v
	}
	return p.Value()
}

// String returns the value of a parameter of kind String, Choice or Path. A Path is given relative to the
// study file and returned ready to open.
func (r *Run) String(name string) string {
	v := r.value(name, String, Choice, Path).(string)
	if v != "" && r.Task.Param(name).Kind == Path {
		return r.Study.Resolve(v)
	}
	return v
}

// Bool returns the value of a parameter of kind Bool.
func (r *Run) Bool(name string) bool { return r.value(name, Bool).(bool) }

// Int returns the value of a parameter of kind Int.
func (r *Run) Int(name string) int { return r.value(name, Int).(int) }

// Float returns the value of a parameter of kind Float.
func (r *Run) Float(name string) float64 { return r.value(name, Float).(float64) }

// Strings returns the value of a parameter of kind Strings; it may be nil.
func (r *Run) Strings(name string) []string { return r.value(name, Strings).([]string) }

// Floats returns the value of a parameter of kind Floats; it may be nil.
func (r *Run) Floats(name string) []float64 { return r.value(name, Floats).([]float64) }

// Map returns the value of a parameter of kind Map; it may be nil.
func (r *Run) Map(name string) map[string]float64 { return r.value(name, Map).(map[string]float64) }

// Given tells whether the study sets a parameter.
func (r *Run) Given(name string) bool {
	_, given := r.Study.Params[name]
	return given
}

// Resolve makes a path of the study file ready to open: relative paths start at the study's folder.
func (s *Study) Resolve(path string) string {
	if filepath.IsAbs(path) || s.File == "" {
		return path
	}
	return filepath.Join(filepath.Dir(s.File), path)
}

// Event is something that a run tells while it works.
type Event struct {
	Run     string
	Step    StepName
	Kind    EventKind
	Text    string
	Done    int64   // of Progress
	Total   int64   // of Progress; 0 = not known
	Seconds float64 // of Finished
}

// EventKind is what an Event tells.
type EventKind string

// The kinds of events. A step ends with exactly one of Finished, Skipped and Reused, unless the run fails.
const (
	Started  EventKind = "started"
	Progress EventKind = "progress"
	Note     EventKind = "note"
	Finished EventKind = "finished"
	Skipped  EventKind = "skipped" // nothing that it depends on has changed
	Reused   EventKind = "reused"  // another run had done the same; Text names it
)

// Monitor hears the events of a run. It may be called from several goroutines at once.
type Monitor func(Event)

// ctxErr is ctx's error as one that a user understands.
func ctxErr(ctx context.Context, err error) error {
	if ctx.Err() != nil && fault.KindOf(err) != fault.Canceled {
		return fault.Errorf(fault.Canceled, "%w", context.Cause(ctx))
	}
	return err
}
