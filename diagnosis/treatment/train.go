package treatment

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"galen.dev/calibrate"
	"galen.dev/diagnosis/intake"
	"galen.dev/explain"
	"galen.dev/fault"
	"galen.dev/glm"
	"galen.dev/safety"
	"galen.dev/task"
	"galen.dev/tree"
)

// Files that train leaves.
const (
	modelJSON      = "model.json"
	modelBin       = "model.bin"
	neighboursFile = "neighbours.bin"
	choiceFile     = "choice.json"
)

// modelFile is model.json; the numbers of the models themselves are in model.bin.
type modelFile struct {
	Format      int                     `json:"format"`
	Kind        string                  `json:"kind"`
	Treatments  []string                `json:"treatments"`
	Plan        *plan                   `json:"plan"`
	Mean        []float64               `json:"mean,omitempty"`
	Constant    []*float64              `json:"constant,omitempty"`
	Votes       int                     `json:"votes,omitempty"`
	Calibrators []*calibrate.Calibrator `json:"calibrators"`
	Threshold   float64                 `json:"threshold"`
	// Popularity is the share of training cases that got each treatment, and PopularThreshold the best threshold of a
	// ranking by it alone: what the model is compared with.
	Popularity       []float64 `json:"popularity"`
	PopularThreshold float64   `json:"popular_threshold"`
}

const modelFormat = 1

// fitted is a model with what makes its numbers fit to act on.
type fitted struct {
	*predictor
	modelFile
	neighbours *explain.Neighbours
}

// prepared is what preprocess left.
type prepared struct {
	*trainer
	splits *splits
	rules  *safety.Set
	gate   *gate
}

func load(ctx context.Context, r *task.Run) (*prepared, error) {
	t, err := intake.ReadTable(ctx, r, task.Preprocess, preparedFile)
	if err != nil {
		return nil, err
	}
	s := &prepared{trainer: &trainer{cohort: new(cohort)}, splits: new(splits)}
	if err := r.ReadJSON(task.Preprocess, cohortFile, s.cohort); err != nil {
		return nil, err
	}
	if err := r.ReadJSON(task.Preprocess, splitsFile, s.splits); err != nil {
		return nil, err
	}
	if s.rules, err = loadRules(r); err != nil {
		return nil, err
	}
	if s.gate, err = newGate(s.rules, s.cohort.Treatments); err != nil {
		return nil, err
	}
	s.cases, err = readPatients(t, &s.cohort.Roles, s.rules)
	return s, err
}

func loadRules(r *task.Run) (*safety.Set, error) {
	var f safety.Files
	if err := r.ReadJSON(task.Preprocess, rulesFile, &f); err != nil {
		return nil, err
	}
	return safety.New(f)
}

// train chooses a kind of model, fits it to all training rows, recalibrates it and finds its threshold.
func train(ctx context.Context, r *task.Run) error {
	s, err := load(ctx, r)
	if err != nil {
		return err
	}
	s.settings = readSettings(r)
	s.progress = func(k, n int) { r.Progress("fitting", int64(k), int64(n)) }
	kinds := []string{r.String("model")}
	if kinds[0] == "auto" {
		kinds = slices.DeleteFunc(slices.Clone(candidateNames), func(k string) bool { return !slices.Contains(r.Strings("candidates"), k) })
	}
	if len(kinds) == 0 {
		return fault.Errorf(fault.Usage, "the parameter candidates names no model")
	}
	seed := r.Seed("fit")
	rows := s.splits.Train
	c, err := s.choose(ctx, rows, kinds, seed)
	if err != nil {
		return err
	}
	p := s.plan(rows)
	e := s.examples(p, rows)
	m, err := s.fit(ctx, c.Chosen, p, e, len(s.cohort.Treatments), seed)
	if err != nil {
		return err
	}
	f := &fitted{predictor: m, modelFile: modelFile{Format: modelFormat, Kind: m.kind, Treatments: s.cohort.Treatments, Plan: p, Mean: m.mean, Votes: s.Votes}}
	for _, v := range m.constant {
		f.Constant = append(f.Constant, finite(v))
	}
	f.Calibrators = s.calibrators(c.heldOut, rows, seed)
	s.thresholds(f, c, rows)
	if f.neighbours = m.nearest; f.neighbours == nil {
		if f.neighbours, err = explain.NewNeighbours(ctx, e.X, p.categorical(), explain.NeighbourOptions{Seed: seed}); err != nil {
			return err
		}
	}
	r.Note("model: %s, because %s", kindNames[c.Chosen], c.Why)
	return save(r, f, c)
}

// thresholds finds from where treatments are suggested, for the model and for a ranking by popularity.
func (s *prepared) thresholds(f *fitted, c *choice, rows []int) {
	given := pick(s.cohort.Given, rows)
	f.Popularity = make([]float64, len(f.Treatments))
	for _, g := range given {
		for _, t := range g {
			f.Popularity[t] += 1 / float64(len(rows))
		}
	}
	P, popular := make([][]float64, len(rows)), make([][]float64, len(rows))
	for i := range rows {
		P[i], popular[i] = f.calibrated(c.heldOut[i]), f.Popularity
	}
	patients := pick(s.cases.patients, rows)
	// What evaluate and apply make of unknown facts is not decided yet. Blocking on them here would leave no treatment to
	// choose a threshold by where the data lack a fact altogether.
	g := *s.gate
	g.unknown = true
	f.PopularThreshold = bestThreshold(&g, patients, popular, given)
	if f.Threshold = s.Threshold; f.Threshold == 0 {
		f.Threshold = bestThreshold(&g, patients, P, given)
	}
}

// calibrated recalibrates the raw probabilities of a case into a new slice.
func (f *fitted) calibrated(raw []float64) []float64 {
	out := make([]float64, len(raw))
	for t, v := range raw {
		out[t] = f.Calibrators[t].Apply(v)
	}
	return out
}

func save(r *task.Run, f *fitted, c *choice) error {
	numbers, err := f.bytes()
	if err != nil {
		return fmt.Errorf("encoding the model: %w", err)
	}
	near, err := f.neighbours.MarshalBinary()
	if err != nil {
		return fmt.Errorf("encoding the neighbours: %w", err)
	}
	if err := r.WriteFile(modelBin, numbers); err != nil {
		return err
	}
	if err := r.WriteFile(neighboursFile, near); err != nil {
		return err
	}
	if err := r.WriteJSON(modelJSON, f.modelFile); err != nil {
		return err
	}
	return r.WriteJSON(choiceFile, c)
}

// bytes writes the numbers of the models: for each treatment the length of its model and the model, or the network or
// the voters' treatments as JSON.
func (m *predictor) bytes() ([]byte, error) {
	var b bytes.Buffer
	switch m.kind {
	case "mlp":
		return json.Marshal(m.net)
	case "nearest":
		return json.Marshal(m.voters)
	}
	for t := range m.treatments {
		var one []byte
		var err error
		switch {
		case m.linear != nil && m.linear[t] != nil:
			one, err = m.linear[t].MarshalBinary()
		case m.boost != nil && m.boost[t] != nil:
			one, err = m.boost[t].MarshalBinary()
		}
		if err != nil {
			return nil, err
		}
		b.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(one))))
		b.Write(one)
	}
	return b.Bytes(), nil
}

// loadFitted reads the model that train left.
func loadFitted(r *task.Run) (*fitted, error) {
	var parts [3][]byte
	for k, name := range []string{modelJSON, modelBin, neighboursFile} {
		var err error
		if parts[k], err = r.ReadFile(task.Train, name); err != nil {
			return nil, err
		}
	}
	f, err := readFitted(parts[0], parts[1], parts[2])
	if err != nil {
		return nil, fmt.Errorf("run %s: train: %w", r.ID, err)
	}
	return f, nil
}

// readFitted rebuilds a model from its files.
func readFitted(meta, numbers, near []byte) (*fitted, error) {
	f := &fitted{neighbours: new(explain.Neighbours)}
	if err := json.Unmarshal(meta, &f.modelFile); err != nil {
		return nil, fault.Errorf(fault.Corrupt, "reading %s: %w", modelJSON, err)
	}
	T := len(f.Treatments)
	if f.Format != modelFormat || f.Plan == nil || T == 0 || len(f.Calibrators) != T || len(f.Popularity) != T {
		return nil, fault.WithHint(fault.Errorf(fault.Corrupt, "the model is of format %d, or incomplete", f.Format), "this Galen reads format %d: run the study again", modelFormat)
	}
	for _, c := range f.Calibrators {
		if c == nil {
			return nil, fault.Errorf(fault.Corrupt, "a treatment has no recalibration")
		}
		if err := c.Check(); err != nil {
			return nil, err
		}
	}
	if err := f.neighbours.UnmarshalBinary(near); err != nil {
		return nil, fmt.Errorf("reading %s: %w", neighboursFile, err)
	}
	m := &predictor{kind: f.Kind, plan: f.Plan, treatments: T, mean: f.Mean, votes: f.Votes}
	f.predictor = m
	for _, v := range f.Constant {
		m.constant = append(m.constant, orNaN(v))
	}
	if err := m.read(numbers, f.neighbours); err != nil {
		return nil, fmt.Errorf("reading %s: %w", modelBin, err)
	}
	return f, nil
}

func (m *predictor) read(numbers []byte, near *explain.Neighbours) error {
	incomplete := fault.Errorf(fault.Corrupt, "the model does not fit its plan")
	inputs := m.plan.linear()
	switch m.kind {
	case "mlp":
		m.net = new(network)
		if err := json.Unmarshal(numbers, m.net); err != nil {
			return fault.Errorf(fault.Corrupt, "%w", err)
		}
		width := len(m.net.Bias1)
		short := func(rows [][]float64, n int) bool {
			return slices.ContainsFunc(rows, func(r []float64) bool { return len(r) != n })
		}
		if len(m.net.Weight1) != inputs || short(m.net.Weight1, width) || len(m.net.Weight2) != width || short(m.net.Weight2, m.treatments) || len(m.net.Bias2) != m.treatments || len(m.mean) != inputs {
			return incomplete
		}
		return nil
	case "nearest":
		m.nearest = near
		if err := json.Unmarshal(numbers, &m.voters); err != nil {
			return fault.Errorf(fault.Corrupt, "%w", err)
		}
		for _, g := range m.voters {
			if slices.ContainsFunc(g, func(t int) bool { return t < 0 || t >= m.treatments }) {
				return incomplete
			}
		}
		if len(m.voters) != m.plan.Rows {
			return incomplete
		}
		return nil
	case "logistic":
		m.linear = make([]*glm.Model, m.treatments)
	case "boost":
		m.boost = make([]*tree.Boost, m.treatments)
	default:
		return fault.Errorf(fault.Corrupt, "no model is called %q", m.kind)
	}
	if len(m.constant) != m.treatments || m.linear != nil && len(m.mean) != inputs {
		return incomplete
	}
	for t := range m.treatments {
		if len(numbers) < 8 || binary.LittleEndian.Uint64(numbers) > uint64(len(numbers)-8) {
			return incomplete
		}
		n := binary.LittleEndian.Uint64(numbers)
		one := numbers[8 : 8+n]
		numbers = numbers[8+n:]
		var err error
		switch {
		case n == 0 && m.constant[t] == m.constant[t]:
		case m.linear != nil:
			m.linear[t] = new(glm.Model)
			if err = m.linear[t].UnmarshalBinary(one); err == nil && (m.linear[t].Features() != inputs || m.linear[t].Outputs() != 1) {
				err = incomplete
			}
		default:
			m.boost[t] = new(tree.Boost)
			if err = m.boost[t].UnmarshalBinary(one); err == nil && (m.boost[t].Features() != len(m.plan.Features) || m.boost[t].Outputs() != 1) {
				err = incomplete
			}
		}
		if err != nil {
			return err
		}
	}
	if len(numbers) != 0 {
		return incomplete
	}
	return nil
}
