package nn

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/gomlx/compute"

	"galen.dev/fault"
)

// stepPrograms compiles what a step on batches like b needs, where it is not there yet.
func (t *trainer) stepPrograms(b *Batch) (list []*program, err error) {
	get := func(kind string, build func() *program) *program {
		key := kind + b.key()
		if t.programs[key] == nil && err == nil {
			t.programs[key], err = t.made("the step", build)
		}
		return t.programs[key]
	}
	if t.options.accumulate() == 1 {
		return []*program{get("", func() *program { return t.stepProgram(b) })}, err
	}
	list = append(list, get("first ", func() *program { return t.partProgram(b, true) }), get("", func() *program { return t.partProgram(b, false) }))
	if t.update == nil && err == nil {
		t.update, err = t.made("the update", t.applyProgram)
	}
	return append(list, t.update), err
}

// outcome is what a step told.
type outcome struct {
	loss, norm float64
	mass       float64 // of all its batches
	samples    int
	batches    int
	shown      *Batch // the batch to name in a message: the first one whose loss is not finite, else the last one
}

// step makes one update. Where it fails, the position is the one before.
func (t *trainer) step(ctx context.Context, batches *stream) error {
	p := &t.position
	rate := t.rate()
	take := t.wholeStep
	if t.options.accumulate() > 1 {
		take = t.stepInParts
	}
	u, err := take(ctx, batches, rate)
	if err != nil {
		return err
	}
	skip, err := t.see(&p.Watch, u)
	if err != nil {
		return err
	}
	p.Batch += u.batches
	p.Step++
	if !skip {
		p.Updates++
		p.Sum += u.loss * u.mass
		p.Mass += u.mass
	}
	t.amid = false
	t.meter.add(time.Now(), u.samples)
	t.tell(t.report(u, rate, skip))
	return nil
}

func (t *trainer) report(u outcome, rate float64, skip bool) Progress {
	r := Progress{Loss: u.loss, GradientNorm: u.norm, Rate: rate, Skipped: skip, SamplesPerSecond: t.meter.perSecond()}
	if t.position.Batch == t.data.Batches() {
		r.Epoch = t.position.Epoch + 1
	}
	if r.SamplesPerSecond > 0 {
		perStep := float64(u.samples) / r.SamplesPerSecond
		r.Remaining = time.Duration(perStep * float64(t.totalSteps()-t.position.Step) * float64(time.Second))
	}
	return r
}

// wholeStep makes an update from one batch by one graph.
func (t *trainer) wholeStep(ctx context.Context, batches *stream, rate float64) (outcome, error) {
	b, err := batches.next(ctx)
	if err != nil {
		return outcome{}, err
	}
	programs, err := t.stepPrograms(b)
	if err != nil {
		return outcome{}, err
	}
	t.amid = true
	results, err := t.runOn(programs[0], t.stepScalars(rate, t.position.Updates+1), 0, b)
	if err != nil {
		return outcome{}, err
	}
	return outcome{loss: results[0], norm: results[1], mass: b.mass(), samples: b.Samples(), batches: 1, shown: b}, nil
}

// stepInParts makes an update from several batches.
func (t *trainer) stepInParts(ctx context.Context, batches *stream, rate float64) (u outcome, err error) {
	sum, named := 0.0, false
	for n := min(t.options.accumulate(), t.data.Batches()-t.position.Batch); u.batches < n; u.batches++ {
		b, err := batches.next(ctx)
		if err != nil {
			return u, err
		}
		programs, err := t.stepPrograms(b)
		if err != nil {
			return u, err
		}
		t.amid = true
		part := programs[1]
		if u.batches == 0 {
			part = programs[0]
		}
		mass := b.mass()
		results, err := t.runOn(part, []float64{mass}, u.batches, b)
		if err != nil {
			return u, err
		}
		sum += results[0] * mass
		u.mass += mass
		u.samples += b.Samples()
		if !named {
			u.shown, named = b, !finite(results[0])
		}
	}
	u.loss = sum / u.mass
	scalars := append(t.stepScalars(rate, t.position.Updates+1), 1/u.mass, u.loss)
	results, err := t.runOn(t.update, scalars, 0, nil)
	if err != nil {
		return u, err
	}
	u.norm = results[0]
	return u, nil
}

// runOn runs a program whose results are numbers, on a batch that lies offset batches behind the position; without
// one it takes scalars alone.
func (t *trainer) runOn(p *program, scalars []float64, offset int, b *Batch) ([]float64, error) {
	var rng *[3]uint64
	if b != nil {
		n := t.position.Epoch*t.data.Batches() + t.position.Batch + offset
		state := RandomState(t.options.Seed, uint64(n))
		rng = &state
	}
	further, err := t.feed(scalars, rng, b)
	if err != nil {
		return nil, err
	}
	results, err := t.run(p, further)
	if err != nil {
		return nil, err
	}
	return numbers(results)
}

func numbers(results []compute.Buffer) ([]float64, error) {
	values := make([]float64, len(results))
	for i, r := range results {
		v, err := number(r)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

// endEpoch scores the epoch and moves on to the next one.
func (t *trainer) endEpoch(ctx context.Context) error {
	p := &t.position
	if p.Mass == 0 {
		return fault.WithHint(fault.Errorf(fault.Data, "every step of epoch %d was left out", p.Epoch+1), "lower the learning rate (%g), or check the inputs", t.rate())
	}
	r := EpochResult{Epoch: p.Epoch + 1, Loss: p.Sum / p.Mass}
	if t.options.Validation != nil {
		scores, err := t.validate(ctx)
		if err != nil {
			return t.interrupted(ctx, fmt.Errorf("validation after epoch %d: %w", r.Epoch, err))
		}
		r.Validation = scores
		if r.Best, err = t.judge(scores); err != nil {
			return err
		}
	}
	p.Epoch, p.Batch, p.Sum, p.Mass = p.Epoch+1, 0, 0, 0
	p.History = append(p.History, r)
	t.tell(Progress{Epoch: r.Epoch, Loss: r.Loss, SamplesPerSecond: t.meter.perSecond(), Ended: &r})
	t.meter.start(time.Now())
	if r.Best {
		return t.saveBest()
	}
	return nil
}

// judge compares an epoch with the best one, keeps its weights where it is better, and ends the training where none
// was for too long.
func (t *trainer) judge(scores []Score) (better bool, err error) {
	p, e := &t.position, t.options.Early
	name := e.Score
	if name == "" {
		name = "loss"
	}
	var names []string
	value := math.NaN()
	for _, s := range scores {
		names = append(names, s.Name)
		if s.Name == name {
			value = s.Value
		}
	}
	if !finite(value) {
		for _, n := range names {
			if n == name {
				return false, fault.Errorf(fault.Data, "the score %q after epoch %d is not a finite number, so no epoch can be called the best", name, p.Epoch+1)
			}
		}
		return false, fault.WithHint(fault.Errorf(fault.Usage, "there is no score %q: want one of %q", name, names), "%s", fault.DidYouMean(name, names))
	}
	gain := p.Score - value
	if e.Greater {
		gain = -gain
	}
	if better = p.Best == 0 || gain > e.MinDelta; better {
		p.Best, p.Score, p.Waited = p.Epoch+1, value, 0
		if e.KeepLast {
			return true, nil
		}
		t.best, err = t.weights()
		return true, err
	}
	p.Waited++
	p.Early = e.Patience > 0 && p.Waited >= e.Patience
	return false, nil
}
