package tile

import (
	"context"
	"fmt"
)

// Source fills dst with the patch that starts at from, (depth, height, width, channels), padded where it leaves
// the image. Cut does so for an image in memory.
type Source func(from [3]int, dst []float32) error

// Array is the source of an image in memory, padded by 0.
func Array(image []float32, dims, patch [3]int, channels int) Source {
	return func(from [3]int, dst []float32) error {
		Cut(dst, from, patch, image, dims, channels, 0)
		return nil
	}
}

// Predict writes the predictions on n patches one after the other: n times (depth, height, width, channels in)
// to n times (depth, height, width, channels out).
type Predict func(ctx context.Context, n int, patches, predictions []float32) error

// Options of Run. The zero value predicts one patch at a time, as it lies.
type Options struct {
	Batch  int     // patches to a prediction; 0 = 1
	Mirror [3]bool // also predict each patch flipped along these axes, in all combinations, and average
}

// Run predicts every patch of a plan, averages where they overlap, and emits the image's planes in order as they
// are finished. Average logits rather than probabilities, as nnU-Net does. Plan.Memory says what it holds. It
// stops between batches when ctx is done.
func (p Plan) Run(ctx context.Context, o Options, in, out int, source Source, predict Predict, emit Emit) error {
	if o.Batch < 0 || in < 1 || out < 1 {
		panic("tile: a batch below 0 or no channels")
	}
	r := run{
		plan: p, flips: combinations(o.Mirror), in: in, out: out, batch: max(o.Batch, 1),
		accumulator: NewAccumulator(p, out, emit), mean: make([]float32, voxels(p.Patch)*out),
	}
	r.patches = make([]float32, r.batch*voxels(p.Patch)*in)
	r.predictions = make([]float32, r.batch*voxels(p.Patch)*out)
	jobs := p.Tiles() * len(r.flips)
	for first := 0; first < jobs; first += r.batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.step(ctx, first, min(r.batch, jobs-first), source, predict); err != nil {
			return err
		}
	}
	return nil
}

// run is one Run. A job is one patch under one flip; a patch's flips follow each other.
type run struct {
	plan                 Plan
	flips                [][3]bool
	in, out, batch       int
	accumulator          *Accumulator
	patches, predictions []float32
	mean                 []float32
}

func (r *run) step(ctx context.Context, first, n int, source Source, predict Predict) error {
	size, k := voxels(r.plan.Patch), len(r.flips)
	for i := range n {
		job := first + i
		patch := r.patches[i*size*r.in : (i+1)*size*r.in]
		from := r.plan.From(job / k)
		if err := source(from, patch); err != nil {
			return fmt.Errorf("reading the patch at %v: %w", from, err)
		}
		flip(patch, r.plan.Patch, r.in, r.flips[job%k])
	}
	if err := predict(ctx, n, r.patches[:n*size*r.in], r.predictions[:n*size*r.out]); err != nil {
		return err
	}
	for i := range n {
		job := first + i
		prediction := r.predictions[i*size*r.out : (i+1)*size*r.out]
		flip(prediction, r.plan.Patch, r.out, r.flips[job%k])
		if k > 1 {
			if r.average(prediction, job%k); job%k < k-1 {
				continue
			}
			prediction = r.mean
		}
		if err := r.accumulator.Add(prediction); err != nil {
			return err
		}
	}
	return nil
}

// average adds the prediction under one flip to the running mean of a patch.
func (r *run) average(prediction []float32, turn int) {
	if turn == 0 {
		copy(r.mean, prediction)
		return
	}
	share := 1 / float32(turn+1)
	for i, v := range prediction {
		r.mean[i] += (v - r.mean[i]) * share
	}
}

// combinations of flips, none first.
func combinations(axes [3]bool) [][3]bool {
	out := [][3]bool{{}}
	for axis := 2; axis >= 0; axis-- {
		if !axes[axis] {
			continue
		}
		for _, f := range out[:len(out):len(out)] {
			f[axis] = true
			out = append(out, f)
		}
	}
	return out
}

// flip mirrors a patch in place.
func flip(v []float32, dims [3]int, channels int, axes [3]bool) {
	inner := channels
	for axis := 2; axis >= 0; axis-- {
		n := dims[axis]
		for start := 0; axes[axis] && start < len(v); start += n * inner {
			for i := range n / 2 {
				a, b := v[start+i*inner:][:inner], v[start+(n-1-i)*inner:][:inner]
				for x := range a {
					a[x], b[x] = b[x], a[x]
				}
			}
		}
		inner *= n
	}
}
