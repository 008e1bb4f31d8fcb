package task

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"galen.dev/fault"
	"galen.dev/store"
)

// Runner takes studies through their steps.
type Runner struct {
	Tasks   []*Task
	Store   *store.Store
	Version string // of Galen: part of each step's key, so that another version does not trust old artefacts
	Monitor Monitor

	seen func(*Run) // tasktest looks at each finished step
}

// StepResult says what became of one step.
type StepResult struct {
	Step    StepName  `json:"step"`
	Outcome EventKind `json:"outcome"` // finished, skipped or reused
	Seconds float64   `json:"seconds"`
	From    string    `json:"from,omitempty"` // the run that a reused step came from
}

// Result says what became of a run.
type Result struct {
	Run     string             `json:"run"`
	Task    string             `json:"task"`
	Name    string             `json:"name"`
	Folder  string             `json:"folder"`
	Report  string             `json:"report,omitempty"` // path of the HTML report, when there is one
	Steps   []StepResult       `json:"steps"`
	Metrics map[string]float64 `json:"metrics,omitempty"`
}

// keyFormat changes when the meaning of keys or artefacts changes.
const keyFormat = 1

// RunID names the run of a study: its name and a short hash of everything that the study says.
func RunID(t *Task, s *Study) string {
	return s.Name + "-" + digest(map[string]any{
		"task": t.Name, "data": s.Data, "seed": s.Seed, "waive": s.Waive, "params": t.params(s, Apply),
	})[:8]
}

// params returns the values of all parameters that steps up to last may read.
func (t *Task) params(s *Study, last StepName) map[string]any {
	m := map[string]any{}
	for i := range t.Params {
		p := &t.Params[i]
		if order(p.Step) > order(last) {
			continue
		}
		m[p.Name] = p.Value()
		if v, given := s.Params[p.Name]; given {
			m[p.Name] = v
		}
	}
	return m
}

// digest is a hash of the JSON form; maps are sorted by the encoder.
func digest(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic("task: encoding a key: " + err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// key identifies what a step would make: a step whose key is unchanged need not be done again.
func (x *Runner) key(t *Task, s *Study, step StepName, src *Source, earlier []store.File) (string, error) {
	params := t.params(s, step)
	for name, v := range params { // a file counts by its content
		if p := t.Param(name); p.Kind == Path && v != "" {
			h, err := hashFile(s.Resolve(v.(string)))
			if err != nil {
				return "", fault.WithHint(fmt.Errorf("parameter %q: %w", name, err), "paths are relative to the study file")
			}
			params[name] = h
		}
	}
	k := map[string]any{
		"format": keyFormat, "version": x.Version, "task": t.Name, "step": step, "params": params, "inputs": earlier,
	}
	if step == Collect {
		k["data"] = src.Files
	} else {
		k["seed"], k["waive"] = s.Seed, s.Waive
	}
	return digest(k), nil
}

// Run does the steps of a study up to last, skipping those whose inputs did not change.
func (x *Runner) Run(ctx context.Context, s *Study, last StepName) (*Result, error) {
	t, err := Find(x.Tasks, s.Task)
	if err != nil {
		return nil, err
	}
	src, err := findSource(ctx, s)
	if err != nil {
		return nil, err
	}
	id := RunID(t, s)
	info := store.RunInfo{ID: id, Task: t.Name, Name: s.Name, Data: s.Data, Seed: s.Seed, Params: t.params(s, Apply), Created: time.Now().UTC()}
	if err := x.Store.CreateRun(ctx, info, s.YAML(t)); err != nil {
		return nil, err
	}
	unlock, err := x.Store.Lock(ctx, id)
	if err != nil {
		return nil, err
	}
	defer unlock()

	res := &Result{Run: id, Task: t.Name, Name: s.Name, Folder: filepath.Join(x.Store.Root(), id)}
	var earlier []store.File
	for _, step := range cached {
		if t.step(step) == nil {
			continue
		}
		m, sr, err := x.step(ctx, t, s, id, step, src, earlier)
		if err != nil {
			return res, ctxErr(ctx, fmt.Errorf("%s: %s: %w", s.Name, step, err))
		}
		res.Steps = append(res.Steps, sr)
		for _, f := range m.Outputs {
			f.Name = string(step) + "/" + f.Name
			earlier = append(earlier, f)
			if f.Name == "evaluate/report.html" {
				res.Report = x.Store.Path(id, string(step), "report.html")
			}
		}
		if step == last {
			break
		}
	}
	if info, err := x.Store.Run(ctx, id); err == nil {
		res.Metrics = info.Metrics
	}
	return res, nil
}

// step does one step, or finds that it need not be done.
func (x *Runner) step(ctx context.Context, t *Task, s *Study, id string, step StepName, src *Source, earlier []store.File) (store.Manifest, StepResult, error) {
	r := &Run{
		Task: t, Study: s, ID: id, Step: step, Version: x.Version, store: x.Store, monitor: x.Monitor,
		inputs: map[string]store.File{}, metrics: map[string]float64{}, used: map[string]bool{},
	}
	if step == Collect {
		r.Source = src
	}
	key, err := x.key(t, s, step, src, earlier)
	if err != nil {
		return store.Manifest{}, StepResult{}, err
	}
	if m, ok := x.done(ctx, r, key); ok {
		r.tell(Event{Kind: Skipped})
		return m, StepResult{Step: step, Outcome: Skipped}, nil
	}
	begin := time.Now()
	m, ok, err := x.Store.Reuse(ctx, key, id, string(step))
	if err != nil {
		return m, StepResult{}, err
	}
	if ok {
		if from, err := x.Store.Run(ctx, m.ReusedFrom); err == nil && step == Evaluate {
			err = x.Store.SetMetrics(ctx, id, from.Metrics)
			if err != nil {
				return m, StepResult{}, err
			}
		}
		r.tell(Event{Kind: Reused, Text: m.ReusedFrom})
		return m, StepResult{Step: step, Outcome: Reused, Seconds: time.Since(begin).Seconds(), From: m.ReusedFrom}, nil
	}
	r.tell(Event{Kind: Started})
	m, err = x.do(ctx, r, key, begin, src)
	if err != nil {
		return m, StepResult{}, err
	}
	seconds := time.Since(begin).Seconds()
	r.tell(Event{Kind: Finished, Seconds: seconds})
	return m, StepResult{Step: step, Outcome: Finished, Seconds: seconds}, nil
}

// done tells whether the run already holds the step with this key, unharmed.
func (x *Runner) done(ctx context.Context, r *Run, key string) (store.Manifest, bool) {
	m, err := x.Store.Manifest(r.ID, string(r.Step))
	if err != nil || m.Key != key {
		return m, false
	}
	if err := x.Store.Verify(ctx, r.ID, string(r.Step)); err != nil {
		if ctx.Err() == nil {
			r.Note("%v: doing the step again", err)
		}
		return m, false
	}
	return m, true
}

// do runs the step's function and publishes what it left.
func (x *Runner) do(ctx context.Context, r *Run, key string, begin time.Time, src *Source) (m store.Manifest, err error) {
	r.stage, err = x.Store.Stage(r.ID, string(r.Step))
	if err != nil {
		return m, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.stage.Discard())
		}
	}()
	if err = r.Task.step(r.Step)(ctx, r); err != nil {
		return m, err
	}
	if err = ctx.Err(); err != nil {
		return m, err
	}
	m = store.Manifest{
		Task: r.Task.Name, Step: string(r.Step), Key: key, Galen: x.Version,
		Params: r.Task.params(r.Study, r.Step), Seed: r.Study.Seed, Started: begin.UTC(), Seconds: time.Since(begin).Seconds(),
	}
	if r.Step == Collect {
		m.Inputs = src.Files
	}
	for _, name := range sortedKeys(r.inputs) {
		m.Inputs = append(m.Inputs, r.inputs[name])
	}
	if m, err = r.stage.Publish(ctx, m); err != nil {
		return m, err
	}
	if r.Step == Evaluate {
		err = x.Store.SetMetrics(ctx, r.ID, r.metrics)
	}
	if x.seen != nil {
		x.seen(r)
	}
	return m, err
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return hashReader(f)
}
