package nn

import (
	"context"
	"fmt"
	"math/rand/v2"

	"galen.dev/fault"
)

// arrays is a data set that is whole in memory.
type arrays struct {
	all     *Batch
	order   Order
	augment func(rng *rand.Rand, b *Batch)
	cache   shuffled
}

// FromArrays cuts batches out of a data set in memory, given as one large batch whose IDs may be nil: they are the
// rows then. augment, which may be nil, changes a batch in place; it must be pure but for its random numbers, and is
// called by several goroutines.
func FromArrays(all *Batch, order Order, augment func(rng *rand.Rand, b *Batch)) (Source, error) {
	if err := all.check(); err != nil {
		return nil, fault.Errorf(fault.Usage, "making batches: %w", err)
	}
	if err := order.Check(all.Samples()); err != nil {
		return nil, err
	}
	return &arrays{all: all, order: order, augment: augment}, nil
}

func (s *arrays) Batches() int { return s.order.batches(s.all.Samples()) }

func (s *arrays) Next(ctx context.Context, epoch, index int) (*Batch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rows := s.cache.take(s.order, s.all.Samples(), epoch, index)
	b := &Batch{Inputs: takeAll(s.all.Inputs, rows), Targets: takeAll(s.all.Targets, rows), IDs: rows}
	if s.all.Weights != nil {
		b.Weights = takeRows(s.all.Weights, 1, rows)
	}
	if s.augment != nil {
		s.augment(sampleRNG(s.order.Seed, epoch, -1-index), b)
	}
	if s.all.IDs != nil {
		b.IDs = takeRows(s.all.IDs, 1, rows)
	}
	return b, nil
}

func takeAll(all []Array, rows []int) []Array {
	out := make([]Array, len(all))
	for i, a := range all {
		dims := append([]int{len(rows)}, a.Dims[1:]...)
		size := product(a.Dims[1:])
		out[i].Dims = dims
		if a.Ints != nil {
			out[i].Ints = takeRows(a.Ints, size, rows)
		} else {
			out[i].Floats = takeRows(a.Floats, size, rows)
		}
	}
	return out
}

func takeRows[T any](from []T, size int, rows []int) []T {
	out := make([]T, 0, size*len(rows))
	for _, r := range rows {
		out = append(out, from[r*size:(r+1)*size]...)
	}
	return out
}

// Sample is one sample: arrays without the batch dimension.
type Sample struct {
	Inputs, Targets []Array
	Weight          float32 // counts only where FromSamples was told of weights
}

// samples is a data set whose samples are loaded one by one.
type samples struct {
	n        int
	order    Order
	weighted bool
	load     func(ctx context.Context, id int, rng *rand.Rand) (*Sample, error)
	cache    shuffled
}

// FromSamples makes batches of n samples that load reads, or makes, and augments: all samples have arrays of the
// same dimensions. rng depends on the seed, the epoch and the sample alone. load must be pure but for it, and is
// called by several goroutines. weighted says that the samples' weights count.
func FromSamples(n int, order Order, weighted bool, load func(ctx context.Context, id int, rng *rand.Rand) (*Sample, error)) (Source, error) {
	if err := order.Check(n); err != nil {
		return nil, err
	}
	return &samples{n: n, order: order, weighted: weighted, load: load}, nil
}

func (s *samples) Batches() int { return s.order.batches(s.n) }

func (s *samples) Next(ctx context.Context, epoch, index int) (*Batch, error) {
	ids := s.cache.take(s.order, s.n, epoch, index)
	b := &Batch{IDs: ids}
	for i, id := range ids {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		sample, err := s.load(ctx, id, sampleRNG(s.order.Seed, epoch, id))
		if err != nil {
			return nil, fmt.Errorf("loading sample %d: %w", id, err)
		}
		if i == 0 {
			b.Inputs, b.Targets = empty(sample.Inputs, len(ids)), empty(sample.Targets, len(ids))
		}
		if err := stack(b.Inputs, sample.Inputs, len(ids)); err != nil {
			return nil, fmt.Errorf("loading sample %d: %w", id, err)
		}
		if err := stack(b.Targets, sample.Targets, len(ids)); err != nil {
			return nil, fmt.Errorf("loading sample %d: %w", id, err)
		}
		if s.weighted {
			b.Weights = append(b.Weights, sample.Weight)
		}
	}
	return b, nil
}

// empty makes room for n samples like these.
func empty(like []Array, n int) []Array {
	out := make([]Array, len(like))
	for i, a := range like {
		out[i].Dims = append([]int{n}, a.Dims...)
		if a.Ints != nil {
			out[i].Ints = make([]int32, 0, n*len(a.Ints))
		} else {
			out[i].Floats = make([]float32, 0, n*len(a.Floats))
		}
	}
	return out
}

// stack appends the arrays of a sample to those of the batch.
func stack(to, from []Array, n int) error {
	if len(to) != len(from) {
		return fault.Errorf(fault.Data, "it has %s, the first of the batch %d", fault.Count(len(from), "array"), len(to))
	}
	for i, a := range from {
		if len(a.Dims) != len(to[i].Dims)-1 || product(a.Dims) != product(to[i].Dims)/n || (a.Ints != nil) != (to[i].Ints != nil) {
			return fault.Errorf(fault.Data, "array %d is of another type or has dimensions %v, the first of the batch %v", i, a.Dims, to[i].Dims[1:])
		}
		to[i].Floats = append(to[i].Floats, a.Floats...)
		to[i].Ints = append(to[i].Ints, a.Ints...)
	}
	return nil
}
