package classify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
	"galen.dev/imaging/cases"
	"galen.dev/nn"
	"galen.dev/task"
)

// settings are the parameters of training.
type settings struct {
	Net                         network
	Epochs, Batch               int
	Optimiser, Schedule, Select string
	Rate, Decay, Momentum, EMA  float64
	Balanced                    bool
	Smoothing, Mixup            float64
	Augment, Flips              string
	Strength                    float64
	Patience                    int
	Memory                      int64
	Backend                     string
}

func readSettings(r *task.Run, l *labelling, p *plan) settings {
	return settings{
		Net:    network{Model: r.String("model"), Outputs: l.outputs(), Width: r.Int("width"), Dropout: r.Float("dropout"), Depth: p.Depth, Height: p.Height, Channels: p.Channels},
		Epochs: r.Int("epochs"), Batch: r.Int("batch"), Optimiser: r.String("optimiser"), Schedule: r.String("schedule"), Select: r.String("select"),
		Rate: r.Float("learning-rate"), Decay: r.Float("weight-decay"), Momentum: r.Float("momentum"), EMA: r.Float("ema"),
		Balanced: r.String("class-weight") == "balanced", Smoothing: r.Float("smoothing"), Mixup: r.Float("mixup"),
		Augment: r.String("augment"), Flips: r.String("flips"), Strength: r.Float("strength"), Patience: r.Int("patience"),
		Memory: int64(r.Float("memory") * (1 << 30)), Backend: r.String("backend"),
	}
}

// trainer trains the members of an ensemble on prepared images.
type trainer struct {
	settings
	run     *task.Run
	cohort  *cohort
	plan    *plan
	inputs  *inputs
	backend compute.Backend
	net     *nn.Net
}

// part is what one member learns from and is watched on.
type part struct{ train, watch []int }

// train trains the members, and fits to images that they were not trained on what makes their answers fit to act on.
func train(ctx context.Context, r *task.Run) error {
	h, p := new(cohort), new(plan)
	if err := r.ReadJSON(task.Preprocess, cohortFile, h); err != nil {
		return err
	}
	if err := r.ReadJSON(task.Preprocess, planFile, p); err != nil {
		return err
	}
	if err := p.check(); err != nil {
		return err
	}
	t := &trainer{settings: readSettings(r, &h.Labels, p), run: r, cohort: h, plan: p}
	var err error
	if t.net, err = t.Net.build(); err != nil {
		return err
	}
	if t.backend, err = nn.Backend(t.Backend); err != nil {
		return err
	}
	defer t.backend.Finalize()
	if t.inputs, err = openInputs(r, p, len(h.Case)); err != nil {
		return err
	}
	defer t.inputs.close()
	parts, err := t.parts(r)
	if err != nil {
		return err
	}
	var members []*nn.Weights
	var history []memberHistory
	for k := range parts {
		w, x, err := t.member(ctx, k, len(parts), parts[k])
		if err != nil {
			return err
		}
		members, history = append(members, w), append(history, *x)
	}
	m, err := t.finish(ctx, members, parts)
	if err != nil {
		return err
	}
	if err := m.write(r, members); err != nil {
		return err
	}
	if err := r.WriteJSON(historyFile, history); err != nil {
		return err
	}
	return t.forget()
}

// parts deals the images to the members.
func (t *trainer) parts(r *task.Run) ([]part, error) {
	s := &t.cohort.Splits
	k := r.Int("folds")
	if k == 0 {
		out := make([]part, r.Int("members"))
		for i := range out {
			out[i] = part{s.Train, s.Val}
		}
		return out, nil
	}
	if r.Given("members") {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "with folds there is one network for each fold, and members counts nothing"), "leave one of them out")
	}
	if k < 2 {
		return nil, fault.Errorf(fault.Usage, "the parameter folds is 0, or 2 at least")
	}
	all := append(slices.Clone(s.Train), s.Val...)
	slices.Sort(all)
	folds := cases.Folds(t.collection(), all, k, r.Seed("folds"))
	out := make([]part, k)
	for i := range out {
		out[i].watch = folds[i]
		if missing := t.cohort.Labels.checkCounts(fmt.Sprintf("fold %d", i+1), folds[i], t.cohort.Y, t.cohort.Marks); len(missing) > 0 {
			return nil, fault.WithHint(fault.Errorf(fault.Data, "%s", strings.Join(missing, "; ")), "take fewer folds")
		}
		for j, f := range folds {
			if j != i {
				out[i].train = append(out[i].train, f...)
			}
		}
		slices.Sort(out[i].train)
	}
	return out, nil
}

// collection is the cohort as package cases deals it.
func (t *trainer) collection() *cases.Collection {
	h := t.cohort
	c := &cases.Collection{Kind: cases.Classes, Names: h.Labels.Names}
	for i := range h.Case {
		rec := cases.Record{Patient: h.Patient[i], Class: h.Y[i]}
		if h.Marks != nil {
			rec.Class, rec.Labels = -1, h.Marks[i]
		}
		c.Records = append(c.Records, rec)
	}
	return c
}

// memberHistory is how one training went.
type memberHistory struct {
	Summary nn.Summary       `json:"summary"`
	Batch   int              `json:"batch"`
	Adds    int              `json:"accumulated"` // batches whose gradients make one update
	Bytes   int64            `json:"estimated_bytes"`
	Epochs  []nn.EpochResult `json:"epochs"`
}

const historyFile = "history.json"

// member trains one network. Where the memory is capped, batches are halved until the estimate keeps to it.
func (t *trainer) member(ctx context.Context, k, of int, p part) (*nn.Weights, *memberHistory, error) {
	for batch, adds := t.Batch, 1; ; batch, adds = batch/2, adds*2 {
		res, err := t.fit(ctx, k, of, p, batch, adds)
		if err == nil {
			s := res.Summary
			t.run.Note("network %d of %d: %d epochs, the best is %d", k+1, of, s.Epochs, max(s.BestEpoch, 0))
			return res.Weights, &memberHistory{s, batch, adds, res.Memory.Total, res.History}, nil
		}
		if t.Memory == 0 || batch < 2 || !isTooLarge(err) {
			return nil, nil, err
		}
	}
}

// isTooLarge recognises the refusal of a memory estimate.
func isTooLarge(err error) bool {
	return fault.KindOf(err) == fault.Usage && strings.Contains(err.Error(), "the training would take")
}

func (t *trainer) fit(ctx context.Context, k, of int, p part, batch, adds int) (*nn.Result, error) {
	seed := t.run.Seed(fmt.Sprintf("member %d", k))
	order := nn.Order{Size: min(batch, len(p.train)), Shuffle: true, Seed: seed, DropLast: len(p.train) > batch}
	data, err := nn.FromSamples(len(p.train), order, false, t.varied(p.train))
	if err != nil {
		return nil, err
	}
	watch, err := nn.FromSamples(len(p.watch), nn.Order{Size: min(batch, len(p.watch))}, false, t.plain(p.watch))
	if err != nil {
		return nil, err
	}
	o := nn.Options{
		Seed: seed, Epochs: t.Epochs, Optimiser: t.optimiser(), Schedule: nn.Schedule{Kind: t.Schedule, Rate: t.Rate},
		Average: nn.Average{Decay: t.EMA, WarmUp: t.EMA > 0}, Accumulate: adds, Validation: watch, Scores: t.scores(p.watch),
		Early:  nn.Early{Patience: t.Patience, KeepLast: t.Select == "last"},
		Memory: t.Memory, Data: t.fingerprint(p), Galen: t.run.Version,
		Checkpoints: nn.Checkpoints{Dir: t.checkpoints(k, batch), Resume: true, Keep: 1},
	}
	if t.Select == "auc" {
		o.Early.Score, o.Early.Greater = "auc", true
	}
	steps := int64(t.Epochs * of)
	o.Progress = func(x nn.Progress) {
		done := int64(k*t.Epochs + x.Epoch - 1)
		if x.Ended != nil {
			done++
		}
		if x.Ended != nil || x.Memory != nil || x.Step%50 == 0 {
			t.run.Progress("training", done, steps)
		}
	}
	return nn.Train(ctx, t.backend, t.net, t.objective(p.train), data, o)
}

func (t *trainer) optimiser() nn.Optimiser {
	switch t.Optimiser {
	case "sgd":
		return nn.SGD{Momentum: t.Momentum, WeightDecay: t.Decay}
	case "adam":
		return nn.Adam{WeightDecay: t.Decay}
	}
	decay := t.Decay
	if decay == 0 {
		decay = -1 // nn's zero is its default
	}
	return nn.AdamW{WeightDecay: decay, SkipVectors: true}
}

// objective is the cross-entropy of classes, or of each yes or no, with the classes' weights.
func (t *trainer) objective(train []int) nn.Objective {
	l := &t.cohort.Labels
	var pos []float64
	if t.Balanced && !l.softmax() {
		pos = t.oddsAgainst(train)
	}
	return func(outputs, targets []*nn.Node, _ *nn.Node) *nn.Node {
		if l.softmax() {
			return graph.ReduceAllMean(nn.SoftmaxCrossEntropy(outputs[0], targets[0]))
		}
		return nn.Binary{PosWeight: pos, Keep: targets[1]}.Loss(outputs[0], targets[0])
	}
}

// oddsAgainst is how many times more no than yes there are in each column of the training targets.
func (t *trainer) oddsAgainst(train []int) []float64 {
	l := &t.cohort.Labels
	n := l.outputs()
	yes, no := make([]float64, n), make([]float64, n)
	target, keep := make([]float32, n), make([]float32, n)
	for _, i := range train {
		l.target(t.cohort.Y[i], t.marks(i), 0, target, keep)
		for k := range target {
			yes[k] += float64(target[k] * keep[k])
			no[k] += float64((1 - target[k]) * keep[k])
		}
	}
	out := make([]float64, n)
	for k := range out {
		out[k] = no[k] / max(yes[k], 1)
	}
	return out
}

func (t *trainer) marks(i int) []int8 {
	if t.cohort.Marks == nil {
		return nil
	}
	return t.cohort.Marks[i]
}

// classWeights are inverse to the classes' sizes, 1 on average over images.
func (t *trainer) classWeights(train []int) []float32 {
	l := &t.cohort.Labels
	w := make([]float32, l.outputs())
	count := make([]int, len(w))
	for _, i := range train {
		count[t.cohort.Y[i]]++
	}
	for k := range w {
		w[k] = 1
		if t.Balanced {
			w[k] = float32(len(train)) / float32(len(w)*max(count[k], 1))
		}
	}
	return w
}

// scores measures the AUC on the images that a member is watched on.
func (t *trainer) scores(watch []int) func() nn.Meter {
	l := &t.cohort.Labels
	return func() nn.Meter {
		p := make([][]float64, 0, len(watch))
		ids := make([]int, 0, len(watch))
		return nn.Meter{
			Add: func(outputs []nn.Array, b *nn.Batch) error {
				n := l.outputs()
				for i := range b.Samples() {
					p = append(p, l.probabilities(outputs[0].Floats[i*n:(i+1)*n]))
					ids = append(ids, watch[b.IDs[i]])
				}
				return nil
			},
			Result: func() ([]nn.Score, error) { return []nn.Score{{Name: "auc", Value: t.cohort.auc(p, ids)}}, nil },
		}
	}
}

// fingerprint names the data of a member, so that a training goes on with no other.
func (t *trainer) fingerprint(p part) string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, v := range []any{t.plan, t.settings, p.train, p.watch, t.cohort.Case, t.cohort.Y, t.cohort.Marks} {
		if err := enc.Encode(v); err != nil {
			panic("classify: " + err.Error()) // plain data of this package
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// checkpoints is the folder in which a member's training is kept while it runs, beside the steps of the run, so that it
// goes on after a crash. Its name depends on everything that the training does.
func (t *trainer) checkpoints(k, batch int) string {
	return filepath.Join(t.checkpointRoot(), fmt.Sprintf("%s-%d-%d", t.fingerprint(part{}), k, batch))
}

func (t *trainer) checkpointRoot() string {
	return filepath.Join(filepath.Dir(filepath.Dir(t.inputs.file.Name())), ".training")
}

// forget removes checkpoints once the model is written.
func (t *trainer) forget() error {
	if err := os.RemoveAll(t.checkpointRoot()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fault.Disk("removing checkpoints", err)
	}
	return nil
}
