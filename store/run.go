package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"galen.dev/fault"
)

// RunInfo describes a run.
type RunInfo struct {
	ID      string         `json:"id"` // name of its folder
	Task    string         `json:"task"`
	Name    string         `json:"name,omitempty"` // of the study
	Data    string         `json:"data,omitempty"` // as the study names it
	Seed    uint64         `json:"seed"`
	Params  map[string]any `json:"params,omitempty"` // read back, numbers are json.Number
	Galen   string         `json:"galen,omitempty"`  // version of Galen that created it
	Created time.Time      `json:"created"`
	Steps   []Manifest     `json:"steps,omitempty"`   // of the finished steps, in their order; List leaves out inputs and outputs
	Metrics Metrics        `json:"metrics,omitempty"` // headline figures, by name
	Dir     string         `json:"dir,omitempty"`     // absolute path of the folder
	Problem string         `json:"problem,omitempty"` // why it cannot be read; set by List only, never empty for a damaged run
}

// Metrics are figures by name. In JSON a value that is not finite is null; read back it is NaN.
type Metrics map[string]float64

// MarshalJSON writes the figures sorted by name.
func (m Metrics) MarshalJSON() ([]byte, error) {
	out := make(map[string]*float64, len(m))
	for k, v := range m {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			out[k] = nil
		} else {
			out[k] = &v
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Metrics) UnmarshalJSON(text []byte) error {
	var in map[string]*float64
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*m = make(Metrics, len(in))
	for k, v := range in {
		if v == nil {
			(*m)[k] = math.NaN()
		} else {
			(*m)[k] = *v
		}
	}
	return nil
}

// runJSON is run.json: what the steps' manifests do not say.
type runJSON struct {
	Format  int            `json:"format"`
	ID      string         `json:"id"`
	Task    string         `json:"task"`
	Name    string         `json:"name,omitempty"`
	Data    string         `json:"data,omitempty"`
	Seed    uint64         `json:"seed"`
	Params  map[string]any `json:"params,omitempty"`
	Galen   string         `json:"galen,omitempty"`
	Created time.Time      `json:"created"`
	Metrics Metrics        `json:"metrics,omitempty"`
}

func encodeRun(r RunInfo) ([]byte, error) {
	return encode(runJSON{
		Format: Format, ID: r.ID, Task: r.Task, Name: r.Name, Data: r.Data, Seed: r.Seed, Params: r.Params,
		Galen: r.Galen, Created: r.Created.UTC().Round(0), Metrics: r.Metrics,
	})
}

func parseRun(text []byte) (RunInfo, error) {
	if err := checkFormat(text); err != nil {
		return RunInfo{}, err
	}
	var r runJSON
	if err := decodeStrict(text, &r); err != nil {
		return RunInfo{}, err
	}
	if checkID(r.ID) != nil {
		return RunInfo{}, errors.New("the run's id is not allowed")
	}
	return RunInfo{
		ID: r.ID, Task: r.Task, Name: r.Name, Data: r.Data, Seed: r.Seed, Params: r.Params,
		Galen: r.Galen, Created: r.Created, Metrics: r.Metrics,
	}, nil
}

// SetMetrics replaces the headline figures of a run. It takes the run's lock for the moment, unless this
// Store holds it.
func (s *Store) SetMetrics(ctx context.Context, id string, m map[string]float64) error {
	if err := checkID(id); err != nil {
		return err
	}
	if s.holding(id) == nil {
		unlock, err := s.Lock(ctx, id)
		if err != nil {
			return err
		}
		defer func() { _ = unlock() }()
	}
	info, err := readRunFile(s.runDir(id))
	if err != nil {
		return err
	}
	info.Metrics = m
	text, err := encodeRun(info)
	if err != nil {
		return fmt.Errorf("setting metrics of run %q: %w", id, err)
	}
	if err := replaceSynced(filepath.Join(s.runDir(id), runFile), text); err != nil {
		return fault.Disk(fmt.Sprintf("setting metrics of run %q", id), err)
	}
	s.index.note(ctx, id)
	return nil
}

// Study returns the study.yaml of a run as it was stored.
func (s *Store) Study(id string) ([]byte, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(s.runDir(id), studyFile))
	if err != nil {
		return nil, fault.Disk(fmt.Sprintf("reading the study of run %q", id), err)
	}
	return text, nil
}

// Run finds a run by its id, by a prefix of it that no other run shares, or by the path of its folder, which
// may lie outside the store. It reads the run's folder and not the index.
func (s *Store) Run(ctx context.Context, idOrPath string) (RunInfo, error) {
	if err := ctx.Err(); err != nil {
		return RunInfo{}, err
	}
	dir, err := s.locate(idOrPath)
	if err != nil {
		return RunInfo{}, err
	}
	return readRun(dir)
}

func (s *Store) locate(idOrPath string) (string, error) {
	if idOrPath == "" {
		return "", fault.Errorf(fault.Usage, "no run named")
	}
	isPath := strings.ContainsRune(idOrPath, filepath.Separator) || strings.Contains(idOrPath, "/")
	if !isPath && checkID(idOrPath) == nil && isRun(s.runDir(idOrPath)) {
		return s.runDir(idOrPath), nil
	}
	if isRun(idOrPath) {
		dir, err := filepath.Abs(idOrPath)
		if err != nil {
			return "", fmt.Errorf("finding run %q: %w", idOrPath, err)
		}
		return dir, nil
	}
	if isPath {
		return "", fault.WithHint(fault.Errorf(fault.NotFound, "%q is not a run", idOrPath),
			"a run is a folder with a run.json; galen runs list shows those of the store")
	}
	return s.byPrefix(idOrPath)
}

func (s *Store) byPrefix(prefix string) (string, error) {
	ids, err := s.runIDs()
	if err != nil {
		return "", err
	}
	var found []string
	for _, id := range ids {
		if strings.HasPrefix(id, prefix) && isRun(s.runDir(id)) {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 1:
		return s.runDir(found[0]), nil
	case 0:
		err := fault.Errorf(fault.NotFound, "no run %q in store %q", prefix, s.root)
		if near := fault.Nearest(prefix, ids); near != "" {
			return "", fault.WithHint(err, "did you mean %q?", near)
		}
		return "", fault.WithHint(err, "galen runs list shows the runs of the store")
	}
	shown := found[:min(len(found), 5)]
	return "", fault.WithHint(fault.Errorf(fault.Usage, "run %q is ambiguous: %d runs start so", prefix, len(found)),
		"it may be %s", strings.Join(shown, ", "))
}

// runIDs lists the folders of the store whose names may be runs, sorted.
func (s *Store) runIDs() ([]string, error) {
	entries, err := os.ReadDir(s.root)
	if err != nil {
		return nil, fault.Disk(fmt.Sprintf("listing store %q", s.root), err)
	}
	var ids []string
	for _, e := range entries {
		if (e.IsDir() || e.Type()&fs.ModeSymlink != 0) && checkID(e.Name()) == nil {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

func isRun(dir string) bool {
	st, err := os.Stat(filepath.Join(dir, runFile))
	return err == nil && st.Mode().IsRegular()
}

// readRunFile reads run.json alone.
func readRunFile(dir string) (RunInfo, error) {
	name := filepath.Join(dir, runFile)
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return RunInfo{}, fault.Errorf(fault.NotFound, "%q is not a run", dir)
	}
	if err != nil {
		return RunInfo{}, fault.Disk("reading run", err)
	}
	info, err := parseRun(text)
	if err != nil {
		return RunInfo{}, fault.WithHint(fault.Errorf(fault.Corrupt, "run file %q: %w", name, err),
			"move the run's folder away and run its study again")
	}
	info.ID, info.Dir = filepath.Base(dir), dir
	return info, nil
}

// readRun reads run.json and the manifests of the finished steps.
func readRun(dir string) (RunInfo, error) {
	info, err := readRunFile(dir)
	if err != nil {
		return info, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return info, fault.Disk(fmt.Sprintf("listing run %q", dir), err)
	}
	for _, e := range entries {
		if !e.IsDir() || checkStep(e.Name()) != nil {
			continue
		}
		m, err := readManifest(dir, e.Name())
		if fault.KindOf(err) == fault.NotFound {
			continue // a folder that is not a step
		}
		if err != nil {
			return info, err
		}
		info.Steps = append(info.Steps, m)
	}
	sort.SliceStable(info.Steps, func(i, j int) bool { return stepRank(info.Steps[i].Step) < stepRank(info.Steps[j].Step) })
	return info, nil
}

// stepRank puts the five steps into their order and all others, by name, behind them.
func stepRank(step string) int {
	order := []string{"collect", "preprocess", "train", "evaluate", "apply"}
	if i := slices.Index(order, step); i >= 0 {
		return i
	}
	return len(order)
}
