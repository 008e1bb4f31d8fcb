// Package task is where the areas, the command line and the server meet: a Task is a struct of five step
// functions and a table of parameters, a Study says which task to run on which data, and a Runner takes a
// study through its steps, leaving a run directory that is evidence.
//
// Start reading at Task, then Param (declared once; study keys, flags, the JSON schema and the reference
// pages come from it), Study (the YAML file), Run (what a step sees) and Runner (order, caching, locks).
// Between steps there are only files; docs/format/run.md describes them.
package task

import (
	"context"
	"sort"

	"galen.dev/fault"
)

// Task is one thing that Galen can learn and then do. A nil step is not offered.
type Task struct {
	Name  string // area/verb, e.g. "diagnosis/risk"
	Short string // one line
	Long  string // what it does, for whom, and what it refuses; paragraphs are separated by empty lines
	Needs string // the data it needs, in one line: for the README's table
	// Example is a study file, shown in help texts and in the reference.
	Example string
	Params  []Param
	// Folders tells that Apply takes a folder, handed over as a zip of its files, as well as a file.
	Folders bool
	// Headline are the metrics that lists and cards show, the most telling first.
	Headline []Headline

	Collect, Preprocess, Train, Evaluate, Apply Step
}

// Headline is a metric of a task's runs with its label for people.
type Headline struct{ Metric, Label string }

// Step does one step of a task. It reads what earlier steps published and writes its own files through r; it
// keeps nothing between calls. It returns soon after ctx is done.
type Step func(ctx context.Context, r *Run) error

// StepName names a step.
type StepName string

// The five steps, in order.
const (
	Collect    StepName = "collect"
	Preprocess StepName = "preprocess"
	Train      StepName = "train"
	Evaluate   StepName = "evaluate"
	Apply      StepName = "apply"
)

// cached are the steps that leave an artefact in the run directory; apply is done anew each time.
var cached = []StepName{Collect, Preprocess, Train, Evaluate}

// Steps returns the names of the steps that leave artefacts, in order.
func Steps() []StepName { return append([]StepName(nil), cached...) }

func order(s StepName) int {
	for i, c := range cached {
		if c == s {
			return i
		}
	}
	return len(cached) // apply
}

// step returns the function of a step, or nil.
func (t *Task) step(s StepName) Step {
	return map[StepName]Step{Collect: t.Collect, Preprocess: t.Preprocess, Train: t.Train, Evaluate: t.Evaluate, Apply: t.Apply}[s]
}

// Param returns the parameter of a name, or nil.
func (t *Task) Param(name string) *Param {
	for i := range t.Params {
		if t.Params[i].Name == name {
			return &t.Params[i]
		}
	}
	return nil
}

func (t *Task) paramNames() []string {
	names := make([]string, len(t.Params))
	for i, p := range t.Params {
		names[i] = p.Name
	}
	sort.Strings(names)
	return names
}

// Find returns the task of a name, or a NotFound error with a hint.
func Find(tasks []*Task, name string) (*Task, error) {
	names := make([]string, len(tasks))
	for i, t := range tasks {
		if t.Name == name {
			return t, nil
		}
		names[i] = t.Name
	}
	hint := fault.DidYouMean(name, names)
	if hint == "" {
		hint = "`galen tasks` lists the tasks"
	}
	return nil, fault.WithHint(fault.Errorf(fault.NotFound, "no task is called %q", name), "%s", hint)
}
