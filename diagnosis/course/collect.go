package course

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"galen.dev/event"
	"galen.dev/fault"
	"galen.dev/task"
)

// Files that collect leaves.
const (
	staysFile  = "stays.events" // docs/format/events.md
	indexFile  = "index.json"
	sourceFile = "source.json"
)

// index is what later steps need of all stays before they read them.
type index struct {
	Format int `json:"format"`
	Stays  int `json:"stays"`
	// Patient numbers the patients of the stays in order of appearance.
	Patient []int    `json:"patient"`
	Part    []int    `json:"part"` // of each stay: an index of Parts
	Parts   []string `json:"parts"`
	// FactCodes are the codes that some stay has as a fact.
	FactCodes []string `json:"fact_codes"`
}

const indexFormat = 1

// source is what collect says of the data.
type source struct {
	*task.Source
	Read   event.Report    `json:"read"` // what the reader found; findings that the study lets pass are among them
	Waived []fault.Finding `json:"waived,omitempty"`
}

// collect reads every stay, checks it and keeps its events.
func collect(ctx context.Context, r *task.Run) error {
	out, err := r.Create(staysFile)
	if err != nil {
		return err
	}
	words := event.NewVocabulary()
	c := &collector{run: r, writer: event.NewWriter(out, words), index: index{Format: indexFormat, Parts: []string{}}, patients: map[string]int{}, facts: map[int32]bool{}}
	found, err := readEvents(ctx, r, root(r.Source), c.add, words)
	if err == nil {
		err = c.writer.Close()
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fault.WithHint(err, "mend the data, or let a finding pass by its name under waive: in the study")
	}
	return c.finish(words, found)
}

// readEvents reads stays of any form that package event knows. What the study waives is let pass, and counted.
func readEvents(ctx context.Context, r *task.Run, path string, add func(*event.Stay) error, words *event.Vocabulary) (event.Report, error) {
	form := event.Form(r.String("form"))
	if form == "auto" {
		form = ""
	}
	return event.Read(ctx, path, event.Options{Form: form, TimeUnit: r.String("time-unit"), Words: r.Bool("words"), Patients: r.Bool("whole-patients"), Allow: r.Study.Waive}, add, words)
}

// root is the file or the folder that the data are.
func root(s *task.Source) string {
	first := s.Path(0)
	if len(s.Files) == 1 && !strings.HasSuffix(s.Files[0].Name, ".txt") {
		return first
	}
	return strings.TrimSuffix(first, filepath.FromSlash(s.Files[0].Name))
}

type collector struct {
	run      *task.Run
	writer   *event.Writer
	index    index
	patients map[string]int
	facts    map[int32]bool
}

func (c *collector) add(s *event.Stay) error {
	if n := c.index.Stays; n%100 == 0 {
		c.run.Progress("reading stays", int64(n), 0)
	}
	patient := s.Patient
	if patient == "" {
		patient = s.ID
	}
	p, known := c.patients[patient]
	if !known {
		p = len(c.patients)
		c.patients[patient] = p
	}
	part := slices.Index(c.index.Parts, s.Part)
	if part < 0 {
		if len(c.index.Parts) == 1000 {
			return fault.Errorf(fault.Data, "the data have more than 1000 parts")
		}
		part, c.index.Parts = len(c.index.Parts), append(c.index.Parts, s.Part)
	}
	for _, f := range s.Facts {
		c.facts[f.Code] = true
	}
	c.index.Stays++
	c.index.Patient, c.index.Part = append(c.index.Patient, p), append(c.index.Part, part)
	return c.writer.Add(s)
}

func (c *collector) finish(words *event.Vocabulary, found event.Report) error {
	r := c.run
	c.index.FactCodes = []string{}
	for code, name := range words.Codes {
		if c.facts[int32(code)] {
			c.index.FactCodes = append(c.index.FactCodes, name)
		}
	}
	if err := r.WriteJSON(indexFile, c.index); err != nil {
		return err
	}
	r.Note("%s: %s of %s, %d events", r.Source.Name, fault.Count(c.index.Stays, "stay"), fault.Count(len(c.patients), "patient"), found.Events)
	for _, n := range slices.Concat(found.LeftOut, found.Notes) {
		r.Note("%s: %d", n.What, n.N)
	}
	src := source{Source: r.Source, Read: found}
	for _, f := range found.Findings {
		if slices.Contains(r.Study.Waive, f.Name) {
			src.Waived = append(src.Waived, f)
		}
	}
	return r.WriteJSON(sourceFile, src)
}

// spool writes the input of apply to a folder of its own, for readers want a path, and returns what to read.
func spool(r *task.Run) (path string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "galen-course-")
	if err != nil {
		return "", nil, fault.Disk("reading input", err)
	}
	remove = func() { _ = os.RemoveAll(dir) }
	in, err := r.Input.Read()
	if err != nil {
		remove()
		return "", nil, err
	}
	defer in.Close()
	body := bufio.NewReader(in)
	head, _ := body.Peek(20)
	name := filepath.Base(r.Input.Path)
	if name == "." || name == string(filepath.Separator) || name == "-" || name == "" {
		name = "stays"
	}
	if path = filepath.Join(dir, name); string(head) == "Time,Parameter,Value" {
		// A single stay; its name is that of its file.
		path = dir
		if !strings.HasSuffix(name, ".txt") {
			name += ".txt"
		}
	}
	f, err := os.Create(filepath.Join(dir, name))
	if err == nil {
		_, err = io.Copy(f, body)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		remove()
		return "", nil, fmt.Errorf("reading input: %w", err)
	}
	return path, remove, nil
}
