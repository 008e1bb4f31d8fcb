package classify

import (
	"context"
	"fmt"
	"slices"

	"github.com/gomlx/compute"

	"galen.dev/assess"
	"galen.dev/explain"
	"galen.dev/fault"
	"galen.dev/imaging/augment"
	"galen.dev/nn"
	"galen.dev/task"
)

// Files that train leaves, with one of weights for each member.
const (
	modelFile = "model.json"
	reachFile = "neighbours.bin"
)

func memberFile(k int) string { return fmt.Sprintf("member-%02d.safetensors", k) }

// model is model.json: everything but weights.
type model struct {
	Format   int                  `json:"format"`
	Network  network              `json:"network"`
	Labels   labelling            `json:"labels"`
	Plan     *plan                `json:"plan"`
	Members  int                  `json:"members"`
	Folds    bool                 `json:"folds"` // each member was trained on other folds
	TTA      string               `json:"tta"`
	Views    []augment.Parameters `json:"views"`
	States   []string             `json:"states,omitempty"` // arrays of the weights that are not trained
	Backend  string               `json:"backend"`
	Readouts []*assess.Readout    `json:"readouts"` // one, or one for each finding
	Reach    *reach               `json:"reach"`

	weights []*nn.Weights
}

const modelFormat = 1

// finish fits readouts to predictions for images that their networks were not trained on, and learns the reach.
//
// With folds, those predictions are of single networks, and serve their mean, which is a little better: the map errs to
// the cautious side.
func (t *trainer) finish(ctx context.Context, members []*nn.Weights, parts []part) (*model, error) {
	r, h := t.run, t.cohort
	m := &model{
		Format: modelFormat, Network: t.Net, Labels: h.Labels, Plan: t.plan, Members: len(members), Folds: r.Int("folds") > 0,
		TTA: r.String("tta"), Views: views(r.String("tta"), t.Flips, t.plan.dims()), Backend: t.Backend, weights: members,
	}
	for _, x := range members[0].Tensors() {
		if !x.Trained {
			m.States = append(m.States, x.Name)
		}
	}
	ids, answers, err := t.unseen(ctx, m, members, parts)
	if err != nil {
		return nil, err
	}
	if err := t.watched(ids, answers); err != nil {
		return nil, err
	}
	for q := range h.Labels.questions() {
		f, err := t.readout(m, q, ids, answers)
		if err != nil {
			return nil, err
		}
		m.Readouts = append(m.Readouts, f)
	}
	return m, t.learnReach(ctx, m, members)
}

// unseen predicts the images that the members were watched on: those of its own fold by each, or all by their mean.
func (t *trainer) unseen(ctx context.Context, m *model, members []*nn.Weights, parts []part) (ids []int, answers []answer, err error) {
	groups := [][]*nn.Weights{members}
	if m.Folds {
		groups = nil
		for _, w := range members {
			groups = append(groups, []*nn.Weights{w})
		}
	}
	for k, g := range groups {
		list := parts[k].watch
		more, err := t.predictAll(ctx, m, g, list)
		if err != nil {
			return nil, nil, err
		}
		ids, answers = append(ids, list...), append(answers, more...)
	}
	return ids, answers, nil
}

// watchedFile says how the members did on the images that they were watched on, for the choice between studies.
const watchedFile = "validation.json"

// validation is validation.json: scores on images left out of training, by MedMNIST's rules, before recalibration.
type validation struct {
	Images int     `json:"images"`
	AUC    float64 `json:"auc"`
	ACC    float64 `json:"acc"`
}

func (t *trainer) watched(ids []int, answers []answer) error {
	p := make([][]float64, len(answers))
	for j := range answers {
		p[j] = answers[j].p
	}
	v := validation{len(ids), t.cohort.auc(p, ids), t.cohort.accuracy(p, ids, .5)}
	t.run.Note("on %s left out of training: AUC %.3f, accuracy %.3f", fault.Count(v.Images, "image"), v.AUC, v.ACC)
	return t.run.WriteJSON(watchedFile, v)
}

func (t *trainer) predictAll(ctx context.Context, m *model, members []*nn.Weights, list []int) ([]answer, error) {
	e, err := newEnsemble(t.backend, t.net, members, &m.Labels, t.plan, m.Views)
	if err != nil {
		return nil, err
	}
	defer e.close()
	return e.predict(ctx, len(list), func(i int, dst []float32) error { return t.inputs.read(list[i], dst) }, nil)
}

func (t *trainer) readout(m *model, question int, ids []int, answers []answer) (*assess.Readout, error) {
	h := t.cohort
	var raw [][]float64
	var y, patient []int
	for j, i := range ids {
		class := h.class(i, question)
		if class < 0 {
			continue
		}
		raw, y, patient = append(raw, h.Labels.raw(answers[j].p, question)), append(y, class), append(patient, h.Patient[i])
	}
	f, err := assess.FitReadout(raw, y, patient, h.Labels.classes(), assess.ReadoutOptions{Calibration: t.run.String("calibration"), Coverage: t.run.Float("coverage"), Seed: t.run.Seed("readout")})
	if err != nil {
		return nil, fmt.Errorf("recalibrating %q: %w", h.Labels.outcome(question).Target, err)
	}
	for _, n := range f.Notes {
		t.run.Note("%s", n)
	}
	return f, nil
}

// class is the answer to a question for an image, -1 where nobody knows.
func (h *cohort) class(i, question int) int {
	if h.Labels.Kind == multiLabel {
		return int(h.Marks[i][question])
	}
	return h.Y[i]
}

// mostReach bounds the training images whose features are kept.
const mostReach = 4000

func (t *trainer) learnReach(ctx context.Context, m *model, members []*nn.Weights) error {
	list := t.cohort.Splits.Train
	var stats [][]float64
	for _, i := range list {
		stats = append(stats, t.cohort.Stats[i])
	}
	if len(list) > mostReach {
		rng := t.run.Rand("reach")
		picked := rng.Perm(len(list))[:mostReach]
		slices.Sort(picked)
		less := make([]int, mostReach)
		for k, j := range picked {
			less[k] = list[j]
		}
		list = less
	}
	plain := *m
	plain.Views = m.Views[:1]
	answers, err := t.predictAll(ctx, &plain, members[:1], list)
	if err != nil {
		return err
	}
	var features [][]float64
	for _, a := range answers {
		features = append(features, a.features)
	}
	m.Reach, err = fitReach(ctx, stats, features, t.run.Seed("reach"))
	return err
}

// write leaves the model's files.
func (m *model) write(r *task.Run, members []*nn.Weights) error {
	for k, w := range members {
		a := nn.Archive{}
		for _, x := range w.Tensors() {
			a.Entries = append(a.Entries, nn.Float32Entry(x.Name, x.Dims, x.Data))
		}
		out, err := r.Create(memberFile(k))
		if err != nil {
			return err
		}
		if _, err := a.WriteTo(out); err != nil {
			out.Close()
			return err
		}
		if err := out.Close(); err != nil {
			return err
		}
	}
	if m.Reach.neighbours != nil {
		near, err := m.Reach.neighbours.MarshalBinary()
		if err != nil {
			return fmt.Errorf("encoding the neighbours: %w", err)
		}
		if err := r.WriteFile(reachFile, near); err != nil {
			return err
		}
	}
	return r.WriteJSON(modelFile, m)
}

// loadModel reads what train left.
func loadModel(r *task.Run) (*model, error) {
	m := new(model)
	if err := r.ReadJSON(task.Train, modelFile, m); err != nil {
		return nil, err
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("run %s: train/%s: %w", r.ID, modelFile, err)
	}
	for k := range m.Members {
		data, err := r.ReadFile(task.Train, memberFile(k))
		if err != nil {
			return nil, err
		}
		a, err := nn.ParseArchive(data)
		if err != nil {
			return nil, fmt.Errorf("run %s: train/%s: %w", r.ID, memberFile(k), err)
		}
		w, err := a.Weights(m.States...)
		if err != nil {
			return nil, fmt.Errorf("run %s: train/%s: %w", r.ID, memberFile(k), err)
		}
		m.weights = append(m.weights, w)
	}
	if m.Reach.Features > 0 {
		data, err := r.ReadFile(task.Train, reachFile)
		if err != nil {
			return nil, err
		}
		m.Reach.neighbours = new(explain.Neighbours)
		if err := m.Reach.neighbours.UnmarshalBinary(data); err != nil {
			return nil, fmt.Errorf("run %s: train/%s: %w", r.ID, reachFile, err)
		}
	}
	return m, nil
}

// check refuses a model that this package cannot have written.
func (m *model) check() error {
	if m.Format != modelFormat || m.Plan == nil || m.Reach == nil || !m.Reach.check() || m.Members < 1 || m.Members > 1000 || len(m.Views) < 1 {
		return fault.WithHint(fault.Errorf(fault.Corrupt, "the model is of format %d, or incomplete", m.Format), "this Galen reads format %d: run the study again", modelFormat)
	}
	if err := m.Plan.check(); err != nil {
		return err
	}
	if len(m.Labels.Names) < 1 || m.Labels.Kind != multiLabel && len(m.Labels.Names) < 2 || len(m.Readouts) != m.Labels.questions() || m.Network.Outputs != m.Labels.outputs() {
		return fault.Errorf(fault.Corrupt, "the model's labels do not fit its outputs")
	}
	for _, v := range m.Views {
		if err := v.Check(); err != nil || v.From != m.Plan.dims() {
			return fault.Errorf(fault.Corrupt, "a view of the model does not fit its plan")
		}
	}
	for _, f := range m.Readouts {
		if f == nil {
			return fault.Errorf(fault.Corrupt, "the model lacks a readout")
		}
		if err := f.Check(m.Labels.classes()); err != nil {
			return err
		}
	}
	return nil
}

// start makes the model's networks ready; the caller calls stop.
func (m *model) start() (e *ensemble, backend compute.Backend, stop func(), err error) {
	net, err := m.Network.build()
	if err != nil {
		return nil, nil, nil, err
	}
	if backend, err = nn.Backend(m.Backend); err != nil {
		return nil, nil, nil, err
	}
	if e, err = newEnsemble(backend, net, m.weights, &m.Labels, m.Plan, m.Views); err != nil {
		backend.Finalize()
		return nil, nil, nil, err
	}
	return e, backend, func() { e.close(); backend.Finalize() }, nil
}
