package nn

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"galen.dev/fault"
)

// CheckpointFormat is the version of checkpoints that this package writes and reads: docs/format/checkpoint.md.
const CheckpointFormat = 1

// Checkpoints says where and how often a training is kept, so that it can go on after a crash as if nothing had
// happened. The zero value keeps nothing.
type Checkpoints struct {
	Dir    string        // folder of its own, made where it is missing; "" means no checkpoints
	Steps  int           // updates between two checkpoints; 0: only by time
	Every  time.Duration // time between two; 0: only by steps, or 10 minutes where Steps is 0 too
	Keep   int           // how many are kept, beside that of the best epoch; 0 means 2
	Resume bool          // go on from the newest one, or begin where there is none; without it, a used folder is refused
}

func (c Checkpoints) check() error {
	switch {
	case c.Steps < 0 || c.Every < 0 || c.Keep < 0:
		return fault.Errorf(fault.Usage, "checkpoints every %d steps and %v, of which %d are kept: want 0 or more", c.Steps, c.Every, c.Keep)
	case c.Dir == "" && c != Checkpoints{}:
		return fault.Errorf(fault.Usage, "checkpoints have no folder")
	}
	return nil
}

// checkpoints is the folder of a training.
type checkpoints struct {
	Checkpoints
	record map[string]string // of the options
	step   int               // of the last checkpoint, and its epoch
	epoch  int
	at     time.Time // when it was written
}

// saved is what a checkpoint says beside the arrays.
type saved struct {
	Format   int               `json:"format"`
	Galen    string            `json:"galen"`
	Options  map[string]string `json:"options"` // what decides the result, each as JSON
	Hash     string            `json:"hash"`    // SHA-256 of Options
	Position position          `json:"position"`
	States   []string          `json:"states"` // the arrays of the network that are not trained
	SHA256   string            `json:"sha256"` // of the arrays: names, dimensions and data
	archive  *Archive
}

const bestFile = "best.safetensors"

// fileOf is the name of the checkpoint after a step: names sort by step.
func fileOf(step int) string { return fmt.Sprintf("step-%012d.safetensors", step) }

// openCheckpoints looks for a checkpoint to go on from; nil means to begin.
func (t *trainer) openCheckpoints(record map[string]string) (*saved, error) {
	c := t.options.Checkpoints
	if c.Dir == "" {
		return nil, nil
	}
	t.checkpoint = &checkpoints{Checkpoints: c, record: record, at: time.Now()}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return nil, fault.Disk("making the folder of checkpoints", err)
	}
	if err := removePartial(c.Dir); err != nil {
		return nil, err
	}
	files, err := t.checkpoint.list()
	if err != nil || len(files) == 0 {
		return nil, err
	}
	if !c.Resume {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "the folder %q holds checkpoints of a training", c.Dir), "resume it, or choose another folder")
	}
	path := filepath.Join(c.Dir, files[len(files)-1])
	s, err := readCheckpoint(path)
	if err != nil {
		return nil, fault.WithHint(fmt.Errorf("resuming from %q: %w", path, err), "remove this file to resume from the checkpoint before it")
	}
	if err := s.agree(record); err != nil {
		return nil, fmt.Errorf("resuming from %q: %w", path, err)
	}
	return s, nil
}

// list is the names of the checkpoints, oldest first.
func (c *checkpoints) list() ([]string, error) {
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return nil, fault.Disk("listing checkpoints", err)
	}
	var files []string
	for _, e := range entries {
		var step int
		if _, err := fmt.Sscanf(e.Name(), "step-%d.safetensors", &step); err == nil && e.Name() == fileOf(step) {
			files = append(files, e.Name())
		}
	}
	slices.Sort(files)
	return files, nil
}

func readCheckpoint(path string) (*saved, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Disk("reading a checkpoint", err)
	}
	return parseCheckpoint(content)
}

// parseCheckpoint reads the bytes of a checkpoint.
func parseCheckpoint(content []byte) (*saved, error) {
	a, err := ParseArchive(content)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(strings.NewReader(a.Metadata["checkpoint"]))
	d.DisallowUnknownFields()
	s := &saved{archive: a}
	if err := d.Decode(s); err != nil {
		return nil, fault.Errorf(fault.Corrupt, "it is no checkpoint of a training: %w", err)
	}
	if s.Format != CheckpointFormat {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "a checkpoint of format %d; this version reads %d", s.Format, CheckpointFormat), "use the version of Galen that wrote it")
	}
	if s.SHA256 != a.hash() {
		return nil, fault.Errorf(fault.Corrupt, "its arrays do not match their hash")
	}
	return s, nil
}

// hash is the SHA-256 of names, dimensions and data of all entries.
func (a *Archive) hash() string {
	h := sha256.New()
	for _, e := range a.Entries {
		fmt.Fprintf(h, "%q %s %v\n", e.Name, e.DType, e.Dims)
		h.Write(e.Data)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// agree refuses to go on with other options, and says which.
func (s *saved) agree(record map[string]string) error {
	var findings []fault.Finding
	for _, name := range slices.Sorted(maps.Keys(record)) {
		if was, now := s.Options[name], record[name]; was != now {
			findings = append(findings, fault.Finding{Name: "other-option", Severity: fault.Severe, Column: name, Message: fmt.Sprintf("%s in the checkpoint, %s now", was, now)})
		}
	}
	if len(findings) == 0 && s.Hash != hashOf(record) {
		return fault.Errorf(fault.Corrupt, "the options of the checkpoint do not match their hash")
	}
	if len(findings) == 0 {
		return nil
	}
	err := &fault.Error{Kind: fault.Usage, Err: errors.New("the checkpoint is of a training with other options"), Findings: findings}
	return fault.WithHint(err, "train with the options of the checkpoint, or begin anew in another folder")
}

func hashOf(record map[string]string) string {
	text, err := json.Marshal(record) // sorts the keys
	if err != nil {
		panic(err) // strings always marshal
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// restore puts the arrays and the position of a checkpoint in place.
func (t *trainer) restore(s *saved) error {
	values := func(name string, dims []int) ([]float32, error) {
		e := s.archive.Lookup(name)
		if e == nil || e.DType != "F32" || !slices.Equal(e.Dims, dims) {
			return nil, fault.Errorf(fault.Corrupt, "the checkpoint lacks the array %q of dimensions %v", name, dims)
		}
		return e.Float32s()
	}
	for _, a := range t.kept() {
		v, err := values(t.arrays[a].name, t.arrays[a].shape.Dimensions)
		if err != nil {
			return err
		}
		if err := t.fill(a, v); err != nil {
			return err
		}
	}
	p := s.Position
	if p.Epoch < 0 || p.Epoch > t.options.Epochs || p.Batch < 0 || p.Batch > t.data.Batches() || p.Step < 0 || p.Updates < 0 {
		return fault.Errorf(fault.Corrupt, "the checkpoint stands at batch %d of epoch %d, which is no place of this training", p.Batch, p.Epoch)
	}
	t.position, t.checkpoint.step, t.checkpoint.epoch = p, p.Step, p.Epoch
	if p.Best == 0 || t.options.Early.KeepLast {
		return nil
	}
	var best []*Tensor
	for _, spec := range t.specs {
		v, err := values("best/"+spec.Name, spec.Dims)
		if err != nil {
			return err
		}
		best = append(best, &Tensor{Name: spec.Name, Dims: slices.Clone(spec.Dims), Data: v, Trained: spec.Trained})
	}
	var err error
	t.best, err = NewWeights(best...)
	return err
}

// saveIfDue writes a checkpoint where it is time.
func (t *trainer) saveIfDue() error {
	c := t.checkpoint
	if c == nil || t.position.Step == c.step {
		return nil
	}
	every := c.Every
	if every == 0 && c.Steps == 0 {
		every = 10 * time.Minute
	}
	if c.Steps > 0 && t.position.Step-c.step >= c.Steps || every > 0 && time.Since(c.at) >= every {
		return t.save()
	}
	return nil
}

// finishCheckpoints keeps the end of the training, so that resuming a finished one gives its result.
func (t *trainer) finishCheckpoints() error {
	if t.checkpoint == nil || t.position.Step == t.checkpoint.step && t.position.Epoch == t.checkpoint.epoch {
		return nil
	}
	return t.save()
}

// save writes a checkpoint and removes those that are too many.
func (t *trainer) save() error {
	c := t.checkpoint
	if err := t.write(fileOf(t.position.Step)); err != nil {
		return err
	}
	c.step, c.epoch, c.at = t.position.Step, t.position.Epoch, time.Now()
	files, err := c.list()
	if err != nil {
		return err
	}
	keep := c.Keep
	if keep == 0 {
		keep = 2
	}
	for _, old := range files[:max(len(files)-keep, 0)] {
		if err := os.Remove(filepath.Join(c.Dir, old)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault.Disk("removing an old checkpoint", err)
		}
	}
	return nil
}

// saveBest keeps the checkpoint of the best epoch.
func (t *trainer) saveBest() error {
	if t.checkpoint == nil {
		return nil
	}
	return t.write(bestFile)
}

func (t *trainer) write(file string) error {
	a := &Archive{}
	for _, i := range t.kept() {
		values := make([]float32, t.arrays[i].shape.Size())
		if err := read(t.arrays[i].buffer, values); err != nil {
			return err
		}
		a.Entries = append(a.Entries, Float32Entry(t.arrays[i].name, t.arrays[i].shape.Dimensions, values))
	}
	if t.best != nil {
		for _, w := range t.best.Tensors() {
			a.Entries = append(a.Entries, Float32Entry("best/"+w.Name, w.Dims, w.Data))
		}
	}
	s := saved{Format: CheckpointFormat, Galen: t.options.Galen, Options: t.checkpoint.record, Hash: hashOf(t.checkpoint.record), Position: t.position, SHA256: a.hash()}
	for _, spec := range t.specs {
		if !spec.Trained {
			s.States = append(s.States, spec.Name)
		}
	}
	var text bytes.Buffer
	if err := json.NewEncoder(&text).Encode(s); err != nil {
		return fault.Errorf(fault.Internal, "writing a checkpoint: %w", err)
	}
	a.Metadata = map[string]string{"checkpoint": text.String()}
	return writeWhole(filepath.Join(t.checkpoint.Dir, file), func(to io.Writer) error {
		_, err := a.WriteTo(to)
		return err
	})
}
