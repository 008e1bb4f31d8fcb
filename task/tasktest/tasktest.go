// Package tasktest is the conformance suite that every task passes: what a user may rely on whatever the
// task. A task's test calls Run with data that the test can generate; see diagnosis/risk_test.go.
package tasktest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"galen.dev/fault"
	"galen.dev/store"
	"galen.dev/task"
)

// Case is what the suite needs to know of a task.
type Case struct {
	Task *task.Task
	// Data writes a data set of about n cases with a strong planted signal into the folder and returns its path.
	// If shuffled, the outcomes are dealt at random. Every patient's name contains Canary.
	Data func(t *testing.T, folder string, n int, seed uint64, shuffled bool) string
	// Params are those of a quick study on that data.
	Params map[string]any
	// Cover are further sets of parameters, so that together every parameter is read by some step.
	Cover []map[string]any
	// Score names the metric that tells whether the task learns: at least Learns on the planted signal, within
	// Chance on shuffled outcomes.
	Score  string
	Learns float64
	Chance [2]float64
	// Memorise returns a study that trains on 32 cases with outcomes dealt at random and tests on the same
	// cases: a model that can learn at all remembers them, and the score is at least Memorises.
	Memorise  func(t *testing.T, folder string) *task.Study
	Memorises float64
	// Held returns, from a finished run, an input with the held-out cases and, for each, what evaluate said;
	// Same compares that with the predictions (JSON array) of apply.
	Held func(t *testing.T, folder, data string) (input []byte, name string)
	Same func(t *testing.T, folder string, predictions []byte)
	// Splits returns the patients of both sides from a finished run's folder.
	Splits func(t *testing.T, folder string) (train, test []int)
}

// Canary is in every patient's name. It must never reach a log, an error or a report.
const Canary = "CanaryMcPatient"

// Run runs the suite.
func Run(t *testing.T, c Case) {
	t.Run("Params", func(t *testing.T) { params(t, c.Task) })
	t.Run("SameBytes", func(t *testing.T) { sameBytes(t, c) })
	t.Run("ApplyEqualsEvaluate", func(t *testing.T) { applyEqualsEvaluate(t, c) })
	t.Run("Learns", func(t *testing.T) { learns(t, c) })
	t.Run("EveryParamIsRead", func(t *testing.T) { everyParamIsRead(t, c) })
	t.Run("CorruptArtefactIsNamed", func(t *testing.T) { corrupt(t, c) })
	t.Run("CancelPublishesNothing", func(t *testing.T) { cancels(t, c) })
	t.Run("Caching", func(t *testing.T) { caching(t, c) })
}

// params checks that each parameter is fit for flags, forms and docs.
func params(t *testing.T, x *task.Task) {
	name := regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	if !regexp.MustCompile(`^[a-z]+/[a-z]+$`).MatchString(x.Name) || x.Short == "" || x.Long == "" || x.Needs == "" || x.Example == "" {
		t.Errorf("task %q lacks a name of the form area/verb, a text or an example", x.Name)
	}
	seen := map[string]bool{}
	for i := range x.Params {
		p := &x.Params[i]
		if !name.MatchString(p.Name) || seen[p.Name] {
			t.Errorf("parameter %q: the name is not kebab-case, or stands twice", p.Name)
		}
		seen[p.Name] = true
		if len(p.Help) < 10 || !strings.HasSuffix(p.Help, ".") {
			t.Errorf("parameter %s: help must be a sentence", p.Name)
		}
		switch p.Kind {
		case task.Int, task.Float, task.Floats, task.Map:
			if p.Unit == "" {
				t.Errorf("parameter %s: a number needs a unit (\"1\" for a plain number)", p.Name)
			}
		case task.Choice:
			if len(p.Choices) == 0 {
				t.Errorf("parameter %s: a choice needs choices", p.Name)
			}
		}
		if !slices.Contains(append(task.Steps(), task.Apply), p.Step) {
			t.Errorf("parameter %s: %q is no step", p.Name, p.Step)
		}
		if err := p.Check(p.Value()); err != nil && !p.Required {
			t.Errorf("parameter %s: its default is refused: %v", p.Name, err)
		}
	}
	if len(x.Headline) == 0 {
		t.Errorf("task %s names no metric for lists", x.Name)
	}
	if _, err := task.ParseStudy([]byte(x.Example), "example.yaml", []*task.Task{x}); err != nil {
		t.Errorf("the example is refused: %v", err)
	}
	if _, err := json.Marshal(x.Schema()); err != nil {
		t.Errorf("the schema: %v", err)
	}
}

// bench is a store in a folder of its own, with what was told while it ran.
type bench struct {
	t      *testing.T
	folder string
	x      *task.Runner
	told   *bytes.Buffer
}

func newBench(t *testing.T, c Case) *bench {
	t.Helper()
	b := &bench{t: t, folder: t.TempDir(), told: new(bytes.Buffer)}
	s, err := store.Open(t.Context(), filepath.Join(b.folder, "runs"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	told := make(chan task.Event, 64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range told {
			fmt.Fprintln(b.told, e.Step, e.Kind, e.Text)
		}
	}()
	t.Cleanup(func() { close(told); <-done })
	b.x = &task.Runner{Tasks: []*task.Task{c.Task}, Store: s, Version: "test", Monitor: func(e task.Event) { told <- e }}
	return b
}

func (c Case) study(data string, seed uint64, more map[string]any) *task.Study {
	s := &task.Study{Name: "study", Task: c.Task.Name, Data: data, Seed: seed, Params: map[string]any{}}
	for k, v := range c.Params {
		s.Params[k] = v
	}
	for k, v := range more {
		s.Params[k] = v
	}
	return s
}

func (b *bench) run(s *task.Study) *task.Result {
	b.t.Helper()
	res, err := b.x.Run(b.t.Context(), s, task.Evaluate)
	if err != nil {
		b.t.Fatalf("running the study: %v", err)
	}
	return res
}

// sameBytes: same study, same seed, same bytes, whatever the number of threads.
func sameBytes(t *testing.T, c Case) {
	var first map[string]string
	data := c.Data(t, t.TempDir(), 200, 1, false)
	for _, threads := range []int{1, 2, 5} {
		before := runtime.GOMAXPROCS(threads)
		b := newBench(t, c)
		res := b.run(c.study(data, 3, nil))
		runtime.GOMAXPROCS(before)
		got := hashes(t, b, res.Run)
		if first == nil {
			first = got
			continue
		}
		for name, h := range first {
			if got[name] != h {
				t.Errorf("%s differs with %d threads", name, threads)
			}
		}
		if len(got) != len(first) {
			t.Errorf("%d files with %d threads, %d with one", len(got), threads, len(first))
		}
	}
}

func hashes(t *testing.T, b *bench, run string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, step := range task.Steps() {
		m, err := b.x.Store.Manifest(run, string(step))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range m.Outputs {
			out[string(step)+"/"+f.Name] = f.SHA256
		}
	}
	return out
}

// applyEqualsEvaluate: what apply says of held-out cases is what evaluate measured; no patient is on both
// sides; no patient's name reaches anything that is told, logged or reported.
func applyEqualsEvaluate(t *testing.T, c Case) {
	data := c.Data(t, t.TempDir(), 200, 2, false)
	b := newBench(t, c)
	res := b.run(c.study(data, 5, nil))
	input, name := c.Held(t, res.Folder, data)
	var out bytes.Buffer
	if _, err := b.x.Apply(t.Context(), res.Run, task.Input{Path: name, Reader: bytes.NewReader(input)}, nil, &out, task.JSON); err != nil {
		t.Fatal(err)
	}
	c.Same(t, res.Folder, out.Bytes())

	train, test := c.Splits(t, res.Folder)
	if len(train) == 0 || len(test) == 0 {
		t.Fatal("a side of the split is empty")
	}
	for _, p := range test {
		if slices.Contains(train, p) {
			t.Errorf("patient %d is on both sides", p)
		}
	}
	canary(t, res.Folder)
	if strings.Contains(b.told.String(), Canary) {
		t.Error("a patient's name was told while running")
	}
	audit, err := os.ReadFile(filepath.Join(res.Folder, "audit.jsonl"))
	if err != nil || bytes.Count(audit, []byte("\n")) != 1 || bytes.Contains(audit, []byte(Canary)) {
		t.Errorf("the audit must hold one line, and no patient's name: %q, %v", audit, err)
	}
}

// canary looks for a patient's name in everything that evaluate publishes, in manifests and in run.json. The
// cases themselves, which collect and preprocess keep, hold it rightly.
func canary(t *testing.T, folder string) {
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		public := strings.HasPrefix(rel, "evaluate") || strings.HasSuffix(rel, ".json") || strings.HasSuffix(rel, ".jsonl")
		text, err := os.ReadFile(path)
		if err == nil && public && bytes.Contains(text, []byte(Canary)) {
			t.Errorf("a patient's name is in %s", rel)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// learns: a planted signal is found, 32 cases are memorised, and shuffled outcomes give chance.
func learns(t *testing.T, c Case) {
	score := func(n int, seed uint64, shuffled bool) float64 {
		b := newBench(t, c)
		v, ok := b.run(c.study(c.Data(t, t.TempDir(), n, seed, shuffled), 1, nil)).Metrics[c.Score]
		if !ok {
			t.Fatalf("the run has no metric %q", c.Score)
		}
		return v
	}
	if v := score(400, 3, false); v < c.Learns {
		t.Errorf("planted signal: %s is %.3f, less than %.3f", c.Score, v, c.Learns)
	}
	if v := score(400, 4, true); v < c.Chance[0] || v > c.Chance[1] {
		t.Errorf("shuffled outcomes: %s is %.3f, not chance (%.3f to %.3f)", c.Score, v, c.Chance[0], c.Chance[1])
	}
	if v := newBench(t, c).run(c.Memorise(t, t.TempDir())).Metrics[c.Score]; v < c.Memorises {
		t.Errorf("memorising: %s is %.3f, less than %.3f", c.Score, v, c.Memorises)
	}
}

// everyParamIsRead: no option does nothing.
func everyParamIsRead(t *testing.T, c Case) {
	data := c.Data(t, t.TempDir(), 120, 6, false)
	read := map[string]bool{}
	for _, more := range append([]map[string]any{nil}, c.Cover...) {
		b := newBench(t, c)
		task.OnStep(b.x, func(names []string) {
			for _, n := range names {
				read[n] = true
			}
		})
		res := b.run(c.study(data, 1, more))
		input, name := c.Held(t, res.Folder, data)
		if _, err := b.x.Apply(t.Context(), res.Run, task.Input{Path: name, Reader: bytes.NewReader(input)}, nil, new(bytes.Buffer), task.JSONLines); err != nil {
			t.Fatal(err)
		}
	}
	for i := range c.Task.Params {
		if !read[c.Task.Params[i].Name] {
			t.Errorf("no step reads the parameter %s", c.Task.Params[i].Name)
		}
	}
}

// corrupt: a changed artefact is named, and a further run mends it.
func corrupt(t *testing.T, c Case) {
	data := c.Data(t, t.TempDir(), 120, 7, false)
	b := newBench(t, c)
	s := c.study(data, 1, nil)
	res := b.run(s)
	m, err := b.x.Store.Manifest(res.Run, string(task.Train))
	if err != nil {
		t.Fatal(err)
	}
	input, name := c.Held(t, res.Folder, data)
	for _, f := range m.Outputs {
		path := b.x.Store.Path(res.Run, string(task.Train), f.Name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(good) == 0 {
			continue
		}
		bad := slices.Clone(good)
		bad[len(bad)/2] ^= 1
		replace(t, path, bad)
		_, err = b.x.Apply(t.Context(), res.Run, task.Input{Path: name, Reader: bytes.NewReader(input)}, nil, new(bytes.Buffer), task.JSON)
		if err != nil && (fault.KindOf(err) != fault.Corrupt || !strings.Contains(err.Error(), f.Name)) {
			t.Errorf("%s was changed: the error %q (%v) does not name it", f.Name, err, fault.KindOf(err))
		}
		again := b.run(s)
		for _, st := range again.Steps {
			if st.Step == task.Train && st.Outcome != task.Finished {
				t.Errorf("%s was changed: the step was %s", f.Name, st.Outcome)
			}
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, good) {
			t.Errorf("%s was changed: running again did not mend it (%v)", f.Name, err)
		}
	}
}

// replace writes a file anew, so that a hard link elsewhere is not changed with it.
func replace(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// cancels: stopping a step leaves nothing of it, and the next run goes on as if nothing had been.
func cancels(t *testing.T, c Case) {
	data := c.Data(t, t.TempDir(), 120, 8, false)
	whole := newBench(t, c)
	progresses := map[task.StepName]bool{} // these steps are stopped in their middle, others at their start
	var mu sync.Mutex
	listen := whole.x.Monitor
	whole.x.Monitor = func(e task.Event) {
		mu.Lock()
		progresses[e.Step] = progresses[e.Step] || e.Kind == task.Progress
		mu.Unlock()
		listen(e)
	}
	want := hashes(t, whole, whole.run(c.study(data, 1, nil)).Run)
	b := newBench(t, c)
	for _, step := range task.Steps() {
		ctx, cancel := context.WithCancel(t.Context())
		monitor := b.x.Monitor
		b.x.Monitor = func(e task.Event) {
			if e.Step == step && (e.Kind == task.Progress || !progresses[step]) {
				cancel()
			}
			monitor(e)
		}
		res, err := b.x.Run(ctx, c.study(data, 1, nil), task.Evaluate)
		cancel()
		b.x.Monitor = monitor
		if fault.KindOf(err) != fault.Canceled || !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped in %s: the error is %v", step, err)
		}
		if _, err := b.x.Store.Manifest(res.Run, string(step)); fault.KindOf(err) != fault.NotFound {
			t.Errorf("stopped in %s: the step is published (%v)", step, err)
		}
		entries, err := os.ReadDir(res.Folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".stage") || e.Name() == string(step) {
				t.Errorf("stopped in %s: %s was left behind", step, e.Name())
			}
		}
		if _, err := b.x.Run(t.Context(), c.study(data, 1, nil), step); err != nil {
			t.Fatal(err)
		}
	}
	got := hashes(t, b, task.RunID(c.Task, c.study(data, 1, nil)))
	for name, h := range want {
		if got[name] != h {
			t.Errorf("%s differs from that of a run that was never stopped", name)
		}
	}
}

// caching: nothing is done twice, and a changed parameter redoes only what depends on it.
func caching(t *testing.T, c Case) {
	data := c.Data(t, t.TempDir(), 120, 9, false)
	b := newBench(t, c)
	s := c.study(data, 1, nil)
	b.run(s)
	for _, st := range b.run(s).Steps {
		if st.Outcome != task.Skipped {
			t.Errorf("nothing changed, and %s was %s", st.Step, st.Outcome)
		}
	}
	for i := range c.Task.Params {
		p := &c.Task.Params[i]
		if _, given := c.Params[p.Name]; given || p.Kind != task.Int || p.Step == task.Apply {
			continue
		}
		v := p.Value().(int) + 1
		if p.Check(v) != nil {
			continue
		}
		res, err := b.x.Run(t.Context(), c.study(data, 1, map[string]any{p.Name: v}), task.Evaluate)
		if err != nil {
			continue // some values do not fit the data; what was done before the refusal is checked below
		}
		before := true
		for _, st := range res.Steps {
			before = before && st.Step != p.Step
			if before != (st.Outcome == task.Reused) {
				t.Errorf("%s changed: %s was %s", p.Name, st.Step, st.Outcome)
			}
		}
		break
	}
}
