package signal

import (
	"context"
	"fmt"
	"slices"

	"galen.dev/assess"
	"galen.dev/explain"
	"galen.dev/fault"
	"galen.dev/internal/cpu"
	"galen.dev/task"
)

// Files that train leaves, beside the members.
const (
	modelJSON      = "model.json"
	choiceFile     = "choice.json"
	neighboursFile = "neighbours.bin"
)

// loadData reads the prepared recordings of some rows.
func loadData(r *task.Run, rows func(*splits) []int) (*data, *splits, error) {
	d, sp := &data{cohort: new(cohort), plan: new(plan)}, new(splits)
	for name, v := range map[string]any{planFile: d.plan, cohortFile: d.cohort, splitsFile: sp} {
		if err := r.ReadJSON(task.Preprocess, name, v); err != nil {
			return nil, nil, err
		}
	}
	in, err := openSamples(r, task.Preprocess, preparedFile)
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	d.x = make([][]float32, len(d.Y))
	for _, i := range rows(sp) {
		if d.x[i], err = in.read(d.Offset[i], d.Length[i]*len(d.plan.Channels)); err != nil {
			return nil, nil, err
		}
	}
	return d, sp, nil
}

// train chooses a kind by cross-validation, keeps its members, and fits the readout to what they say of recordings
// that they had not seen.
//
// The members are those of the folds, each trained on all folds but one, and answer together. Readouts are fitted to
// the answers of single members, which are a little less sure than the ensemble; they err to the cautious side.
func train(ctx context.Context, r *task.Run) error {
	d, sp, err := loadData(r, func(s *splits) []int { return s.Train })
	if err != nil {
		return err
	}
	s := readSettings(r)
	if s.Aggregate == "max" && !d.plain() {
		return fault.WithHint(fault.Errorf(fault.Usage, "the parameter aggregate: max needs two classes or several labels, and the outcome has %d classes", len(d.Heads[0].Classes)), "the greatest probabilities of classes do not sum to 1: leave mean")
	}
	candidates := []string{r.String("model")}
	if candidates[0] == "auto" {
		candidates = inOrder(r.Strings("candidates"))
	}
	features := make([][]float64, len(d.x))
	cpu.Do(len(sp.Train), func(_, k int) {
		if ctx.Err() == nil {
			features[sp.Train[k]] = d.plan.features(d.x[sp.Train[k]])
		}
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	seed := r.Seed("fit")
	c, members, held, err := s.choose(ctx, candidates, d, features, sp.Train, seed, func(done, total int64) { r.Progress("fitting", done, total) })
	if err != nil {
		return err
	}
	e := &ensemble{modelFile: modelFile{Format: modelFormat, Kind: c.Chosen, Aggregate: s.Aggregate, Settings: s, Heads: d.Heads, Members: len(members)}, plan: d.plan, members: members}
	if e.Readouts, err = s.readouts(d, sp.Train, held, seed); err != nil {
		return err
	}
	r.Note("model: %s, because %s", c.Chosen, c.Why)
	return save(ctx, r, e, c, d, features, sp.Train)
}

func inOrder(given []string) (out []string) {
	for _, k := range kinds {
		if slices.Contains(given, k) {
			out = append(out, k)
		}
	}
	return out
}

// readouts fits one for each head.
func (s *settings) readouts(d *data, rows []int, held [][]float64, seed uint64) ([]*assess.Readout, error) {
	var out []*assess.Readout
	for h := range d.Heads {
		raw, y, patient := make([][]float64, len(rows)), make([]int, len(rows)), make([]int, len(rows))
		for k, i := range rows {
			raw[k], y[k], patient[k] = rawOf(held[k], h, len(d.Heads)), d.Y[i][h], d.Patient[i]
		}
		ro, err := assess.FitReadout(raw, y, patient, len(d.Heads[h].Classes), assess.ReadoutOptions{Calibration: s.Calibration, Coverage: s.Coverage, Seed: seed})
		if err != nil {
			return nil, err
		}
		out = append(out, ro)
	}
	return out, nil
}

func save(ctx context.Context, r *task.Run, e *ensemble, c *choice, d *data, features [][]float64, rows []int) error {
	parts, err := e.encode()
	if err != nil {
		return fmt.Errorf("encoding the model: %w", err)
	}
	if e.Kind != "boost" {
		net, err := e.Settings.network(e.Kind, d.outputs())
		if err != nil {
			return err
		}
		if e.Network, err = config(net); err != nil {
			return err
		}
	}
	for k, b := range parts {
		if err := r.WriteFile(memberFile(k), b); err != nil {
			return err
		}
	}
	X := make([][]float64, len(features[rows[0]]))
	for j := range X {
		for _, i := range rows {
			X[j] = append(X[j], features[i][j])
		}
	}
	near, err := explain.NewNeighbours(ctx, X, nil, explain.NeighbourOptions{MaxRows: len(rows), Seed: r.Seed("neighbours")})
	if err != nil {
		return err
	}
	b, err := near.MarshalBinary()
	if err != nil {
		return err
	}
	if err := r.WriteFile(neighboursFile, b); err != nil {
		return err
	}
	if err := r.WriteJSON(choiceFile, c); err != nil {
		return err
	}
	for _, ro := range e.Readouts {
		for _, n := range ro.Notes {
			r.Note("%s", n)
		}
	}
	return r.WriteJSON(modelJSON, e.modelFile)
}
