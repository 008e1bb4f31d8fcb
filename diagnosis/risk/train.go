package risk

import (
	"context"
	"fmt"
	"slices"

	"galen.dev/diagnosis/intake"
	"galen.dev/fault"
	"galen.dev/task"
)

// Files that train leaves. The models of other splits than the one that is kept are in parts/, for evaluate.
const (
	modelJSON      = "model.json"
	modelBin       = "model.bin"
	neighboursFile = "neighbours.bin"
	choiceFile     = "choice.json"
)

func partFile(k int, name string) string { return fmt.Sprintf("parts/%03d-%s", k, name) }

// load reads what preprocess left.
func load(ctx context.Context, r *task.Run) (*trainer, *splits, error) {
	tr, sp := &trainer{cohort: new(cohort)}, new(splits)
	var err error
	if tr.table, err = intake.ReadTable(ctx, r, task.Preprocess, preparedFile); err != nil {
		return nil, nil, err
	}
	if err := r.ReadJSON(task.Preprocess, cohortFile, tr.cohort); err != nil {
		return nil, nil, err
	}
	return tr, sp, r.ReadJSON(task.Preprocess, splitsFile, sp)
}

// train fits a model for each split, and keeps one.
func train(ctx context.Context, r *task.Run) error {
	tr, sp, err := load(ctx, r)
	if err != nil {
		return err
	}
	tr.settings = readSettings(r)
	kinds := []string{r.String("model")}
	if kinds[0] == "auto" {
		kinds = inOrder(r.Strings("candidates"))
	}
	if err := checkMonotone(r, tr, sp, kinds); err != nil {
		return err
	}
	fits := len(sp.Parts)
	if sp.Pooled {
		fits++
	}
	done := 0
	tr.progress = func(k, n int) { r.Progress("fitting", int64(done*n+k), int64(fits*n)) }
	seed := r.Seed("fit")
	for k, p := range sp.Parts {
		f, c, err := tr.train(ctx, p.Train, kinds, seed+uint64(k))
		if err != nil {
			return err
		}
		done++
		if k == 0 && !sp.Pooled {
			if err := save(r, f, c, "", true); err != nil {
				return err
			}
			continue
		}
		if err := save(r, f, c, partFile(k, ""), false); err != nil {
			return err
		}
	}
	if !sp.Pooled {
		return nil
	}
	f, c, err := tr.train(ctx, sp.kept(), kinds, seed+uint64(len(sp.Parts)))
	if err != nil {
		return err
	}
	return save(r, f, c, "", true)
}

// checkMonotone refuses constraints that no model heeds, before the first fit.
func checkMonotone(r *task.Run, tr *trainer, sp *splits, kinds []string) error {
	if len(tr.Monotone) == 0 {
		return nil
	}
	if !slices.Contains(kinds, "boost") {
		return fault.WithHint(fault.Errorf(fault.Usage, "the parameter monotone is for boost, which this study does not fit"), "leave it out, or set model: boost")
	}
	if len(kinds) > 1 {
		r.Note("monotone binds boost alone: another model that is chosen need not follow it")
	}
	_, err := fitPlan(tr.table, sp.Parts[0].Train, tr.cohort.Options).monotone(tr.Monotone)
	return err
}

// inOrder puts kinds in the order of candidateNames, each once.
func inOrder(kinds []string) []string {
	var out []string
	for _, name := range candidateNames {
		for _, k := range kinds {
			if k == name {
				out = append(out, k)
				break
			}
		}
	}
	return out
}

// save writes a model; the one that is kept also with its choice and neighbours.
func save(r *task.Run, f *fitted, c *choice, prefix string, kept bool) error {
	numbers, err := f.bytes()
	if err != nil {
		return fmt.Errorf("encoding the model: %w", err)
	}
	if err := r.WriteJSON(prefix+modelJSON, f.modelFile); err != nil {
		return err
	}
	if err := r.WriteFile(prefix+modelBin, numbers); err != nil || !kept {
		return err
	}
	near, err := f.neighbours.MarshalBinary()
	if err != nil {
		return fmt.Errorf("encoding the neighbours: %w", err)
	}
	if err := r.WriteFile(neighboursFile, near); err != nil {
		return err
	}
	r.Note("model: %s, because %s", c.Chosen, c.Why)
	for _, n := range f.Notes {
		r.Note("%s", n)
	}
	return r.WriteJSON(choiceFile, c)
}

// loadFitted reads a model that train left; prefix "" is the one that is kept, which comes with neighbours.
func loadFitted(r *task.Run, prefix string) (*fitted, error) {
	meta, err := r.ReadFile(task.Train, prefix+modelJSON)
	if err != nil {
		return nil, err
	}
	numbers, err := r.ReadFile(task.Train, prefix+modelBin)
	if err != nil {
		return nil, err
	}
	var near []byte
	if prefix == "" {
		if near, err = r.ReadFile(task.Train, neighboursFile); err != nil {
			return nil, err
		}
	}
	f, err := readFitted(meta, numbers, near)
	if err != nil {
		return nil, fmt.Errorf("run %s: train/%s: %w", r.ID, prefix+modelJSON, err)
	}
	return f, nil
}
