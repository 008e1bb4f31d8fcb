package nn

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gomlx/compute"
)

// position is how far a training is: all that changes from step to step beside the arrays. It is part of a
// checkpoint.
type position struct {
	Epoch   int           `json:"epoch"`   // from 0
	Batch   int           `json:"batch"`   // the next one, from 0
	Step    int           `json:"step"`    // updates due so far; the schedule goes by it
	Updates int           `json:"updates"` // of them made: without those left out
	Sum     float64       `json:"sum"`     // of the losses of this epoch, by mass
	Mass    float64       `json:"mass"`
	Watch   watch         `json:"watch"`
	History []EpochResult `json:"history"`
	Waited  int           `json:"waited"` // epochs since the best one
	Early   bool          `json:"early"`  // the training has ended early
	Best    int           `json:"best"`   // the best epoch, 1-based; 0: none yet
	Score   float64       `json:"score"`  // of the best epoch
}

// Train fits a network to data: it makes the objective small over some epochs of a source. Each step is one compiled
// graph, for each shape of batch: forward, loss, backward, clipping, update, recorded states and the average of
// weights (with Options.Accumulate, one graph for each batch, and one for the update). Arrays stay on the backend
// and are donated to each step, so a backend may update them in place.
//
// Same network, data, options and backend give the same bytes, whatever the number of threads, and whether the
// training ran through or was killed and resumed from a checkpoint.
//
// What stops it: ctx, after a checkpoint; numbers that are not finite and losses that explode, a Data error that
// names step and batch (Guard); a memory estimate above what there is, a Usage error before the first step.
func Train(ctx context.Context, backend compute.Backend, net *Net, objective Objective, data Source, o Options) (*Result, error) {
	r, err := train(ctx, backend, net, objective, data, &o)
	if err != nil {
		return nil, fmt.Errorf("training network %q: %w", net.Name, err)
	}
	return r, nil
}

func train(ctx context.Context, backend compute.Backend, net *Net, objective Objective, data Source, o *Options) (*Result, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	t := &trainer{backend: backend, net: net, objective: objective, options: o, data: data, programs: map[string]*program{}, evaluations: map[string]*program{}}
	defer t.close()
	if err := t.prepare(ctx); err != nil {
		return nil, err
	}
	if err := t.loop(ctx); err != nil {
		return nil, err
	}
	return t.result()
}

// prepare makes everything up to the first step.
func (t *trainer) prepare(ctx context.Context) error {
	first := makeBatch(ctx, t.data, 0, 0)
	if first.thrown != nil {
		panic(first.thrown)
	}
	if first.err != nil {
		return first.err
	}
	initial, err := t.firstWeights(first.batch)
	if err != nil {
		return err
	}
	if err := t.layOut(); err != nil {
		return err
	}
	record, err := t.options.record(t.net, initial, t.data)
	if err != nil {
		return err
	}
	saved, err := t.openCheckpoints(record)
	if err != nil {
		return err
	}
	if saved != nil {
		err = t.restore(saved)
	} else {
		err = t.begin(initial)
	}
	if err != nil {
		return err
	}
	return t.fits(ctx, first.batch)
}

func (t *trainer) firstWeights(b *Batch) (w *Weights, err error) {
	given := make([]Shape, len(b.Inputs))
	for i, a := range b.Inputs {
		given[i] = a.Shape()
	}
	if t.specs, err = Specs(t.net, given...); err != nil {
		return nil, err
	}
	if w = t.options.Initial; w == nil {
		return draw(t.specs, t.options.Seed), nil
	}
	return w, w.Match(t.specs)
}

// fits compiles the graphs for the first shapes, tells the memory that they take and refuses what does not fit.
func (t *trainer) fits(ctx context.Context, first *Batch) error {
	training, err := t.stepPrograms(first)
	if err != nil {
		return err
	}
	var validation *Batch
	var evaluation *program
	if t.options.Validation != nil {
		m := makeBatch(ctx, t.options.Validation, 0, 0)
		if m.thrown != nil {
			panic(m.thrown)
		}
		if m.err != nil {
			return fmt.Errorf("validation: %w", m.err)
		}
		if evaluation, err = t.evaluation(m.batch); err != nil {
			return err
		}
		validation = m.batch
	}
	t.memory = t.estimate(first, validation, training, evaluation)
	t.tell(Progress{Memory: &t.memory})
	return t.memory.check(t.options.Memory > 0)
}

// tell adds what is common to all reports.
func (t *trainer) tell(p Progress) {
	if t.options.Progress == nil {
		return
	}
	p.Epochs, p.Steps, p.Step = t.options.Epochs, t.totalSteps(), t.position.Step
	if p.Epoch == 0 {
		p.Epoch = min(t.position.Epoch+1, t.options.Epochs)
	}
	t.options.Progress(p)
}

func (t *trainer) stepsPerEpoch() int {
	k := t.options.accumulate()
	return (t.data.Batches() + k - 1) / k
}

func (t *trainer) totalSteps() int { return t.options.Epochs * t.stepsPerEpoch() }

// rate is the learning rate of the next step.
func (t *trainer) rate() float64 { return t.options.Schedule.At(t.position.Step, t.totalSteps()) }

// loop runs the steps and epochs that are left.
func (t *trainer) loop(ctx context.Context) error {
	p := &t.position
	if p.Early || p.Epoch >= t.options.Epochs {
		return nil
	}
	batches := t.options.Prefetch.start(ctx, t.data, p.Epoch, p.Batch, t.options.Epochs)
	defer batches.stop()
	t.meter.start(time.Now())
	for p.Epoch < t.options.Epochs && !p.Early {
		// A training that was stopped in validation has no batch left in its epoch.
		if p.Batch < t.data.Batches() {
			if err := t.step(ctx, batches); err != nil {
				return t.interrupted(ctx, err)
			}
		}
		if p.Batch == t.data.Batches() {
			if err := t.endEpoch(ctx); err != nil {
				return err
			}
		}
		if err := t.saveIfDue(); err != nil {
			return err
		}
	}
	return t.finishCheckpoints()
}

// interrupted keeps what was done where the training was stopped between two updates.
func (t *trainer) interrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil || t.amid || t.checkpoint == nil {
		return err
	}
	return errors.Join(err, t.save())
}

// result reads the weights that count.
func (t *trainer) result() (*Result, error) {
	p := &t.position
	r := &Result{Weights: t.best, History: p.History, Early: p.Early, Skipped: p.Watch.Skipped, Memory: t.memory}
	r.Summary = Summary{Epochs: p.Epoch, Steps: p.Updates, BestEpoch: p.Best, BestScore: p.Score, Seed: t.options.Seed}
	if n := len(p.History); n > 0 {
		r.Summary.Loss = p.History[n-1].Loss
	}
	if t.best != nil && !t.options.Early.KeepLast {
		return r, nil
	}
	w, err := t.weights()
	r.Weights = w
	return r, err
}

// fingerprint is a hash of weights: names, dimensions and values.
func fingerprint(w *Weights) string {
	h := sha256.New()
	for _, t := range w.Tensors() {
		fmt.Fprintf(h, "%q %v %v\n", t.Name, t.Dims, t.Trained)
		data := make([]byte, 4*len(t.Data))
		for i, v := range t.Data {
			binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(v))
		}
		h.Write(data)
	}
	return hex.EncodeToString(h.Sum(nil))
}
