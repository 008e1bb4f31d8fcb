package nn

import (
	"context"
	"fmt"
	"math"

	"galen.dev/fault"
)

// evaluation is the program for validation batches like b.
func (t *trainer) evaluation(b *Batch) (*program, error) {
	key := b.key()
	if p := t.evaluations[key]; p != nil {
		return p, nil
	}
	p, err := t.made("validation", func() *program { return t.evaluationProgram(b) })
	if err == nil {
		t.evaluations[key] = p
	}
	return p, err
}

// validate runs inference over the validation set, always its first epoch, so that every epoch of the training is
// judged on the same batches. The scores begin with the mean loss.
func (t *trainer) validate(ctx context.Context) ([]Score, error) {
	source := t.options.Validation
	batches := t.options.Prefetch.start(ctx, source, 0, 0, 1)
	defer batches.stop()
	var meter Meter
	if t.options.Scores != nil {
		meter = t.options.Scores()
	}
	var sum, mass float64
	for range source.Batches() {
		b, err := batches.next(ctx)
		if err != nil {
			return nil, err
		}
		outputs, loss, err := t.evaluate(b)
		if err != nil {
			return nil, err
		}
		if !finite(loss) {
			return nil, fault.WithHint(fault.Errorf(fault.Data, "the loss of %s is not a finite number", b.place()), "%s", t.cure(b))
		}
		sum += loss * b.mass()
		mass += b.mass()
		if meter.Add == nil {
			continue
		}
		if err := meter.Add(outputs, b); err != nil {
			return nil, fmt.Errorf("scoring %s: %w", b.place(), err)
		}
	}
	scores := []Score{{"loss", sum / mass}}
	if meter.Result == nil {
		return scores, nil
	}
	more, err := meter.Result()
	return append(scores, more...), err
}

// evaluate runs one batch.
func (t *trainer) evaluate(b *Batch) (outputs []Array, loss float64, err error) {
	p, err := t.evaluation(b)
	if err != nil {
		return nil, math.NaN(), err
	}
	further, err := t.feed(nil, nil, b)
	if err != nil {
		return nil, math.NaN(), err
	}
	results, err := t.run(p, further)
	if err != nil {
		return nil, math.NaN(), err
	}
	if loss, err = number(results[0]); err != nil {
		return nil, math.NaN(), err
	}
	for i, r := range results[1:] {
		shape := p.results[i+1]
		a := Array{Dims: shape.Dimensions, Floats: make([]float32, shape.Size())}
		if err := read(r, a.Floats); err != nil {
			return nil, math.NaN(), err
		}
		if err := r.Finalize(); err != nil {
			return nil, math.NaN(), fault.Errorf(fault.Internal, "freeing an output: %w", err)
		}
		outputs = append(outputs, a)
	}
	return outputs, loss, nil
}
