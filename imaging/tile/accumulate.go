package tile

import (
	"galen.dev/internal/cpu"
)

// Emit takes a finished slab: the planes from, included, to to, excluded, of the image, as (to-from, height,
// width, channels). The values are only valid during the call. An error ends the run.
type Emit func(from, to int, values []float32) error

// Accumulator averages predictions on patches, weighted, and hands finished planes on. It holds one patch's
// depth of planes: 4 * depth of patch * height * width * (channels+1) bytes.
//
// The average is kept running (West 1979): each prediction moves it by its share of the weight so far. There is
// nothing to divide at the end, equal predictions give exactly their value, and no sum grows large. Predictions
// are finite: a voxel with an infinite one beside others is not a number.
//
// Use it from one goroutine.
type Accumulator struct {
	plan     Plan
	channels int
	weights  []float32
	emit     Emit
	next     int // the patch that Add expects
	first    int // the plane that the window begins with
	depth    int // planes of the window
	values   []float32
	total    []float32 // weight so far of each voxel
}

// NewAccumulator returns one for predictions of so many channels on the patches of a plan.
func NewAccumulator(p Plan, channels int, emit Emit) *Accumulator {
	if channels < 1 {
		panic("tile: no channels")
	}
	depth := min(p.Patch[0], p.Dims[0])
	n := depth * p.Dims[1] * p.Dims[2]
	return &Accumulator{
		plan: p, channels: channels, weights: Weights(p.Patch), emit: emit, depth: depth,
		values: make([]float32, n*channels), total: make([]float32, n),
	}
}

// Add takes the prediction on the next patch, (depth, height, width, channels) of the plan's patch: all of them
// in the plan's order, each once. After the last, all planes have been emitted.
func (a *Accumulator) Add(prediction []float32) error {
	if want := voxels(a.plan.Patch) * a.channels; len(prediction) != want {
		panic(mismatch("a prediction", len(prediction), want))
	}
	if a.next >= a.plan.Tiles() {
		panic("tile: more predictions than patches")
	}
	from := a.plan.From(a.next)
	if err := a.advance(max(from[0], 0)); err != nil {
		return err
	}
	planes := min(a.plan.Patch[0], a.first+a.depth-from[0])
	// Planes are apart from each other: any number of threads gives the same bits.
	cpu.Do(planes-max(0, -from[0]), func(_, item int) { a.plane(prediction, from, item+max(0, -from[0])) })
	if a.next++; a.next == a.plan.Tiles() {
		return a.advance(a.plan.Dims[0])
	}
	return nil
}

// plane adds plane d of a patch.
func (a *Accumulator) plane(prediction []float32, from [3]int, d int) {
	dims, patch, c := a.plan.Dims, a.plan.Patch, a.channels
	low, high := max(0, -from[2]), min(patch[2], dims[2]-from[2])
	for h := max(0, -from[1]); h < min(patch[1], dims[1]-from[1]); h++ {
		in := (d*patch[1] + h) * patch[2]
		at := ((from[0]+d-a.first)*dims[1]+from[1]+h)*dims[2] + from[2]
		total, weights := a.total[at+low:at+high], a.weights[in+low:in+high]
		value, x := a.values[(at+low)*c:(at+high)*c], prediction[(in+low)*c:(in+high)*c]
		for i, w := range weights {
			sum := total[i] + w
			total[i] = sum
			if sum == w { // the first
				copy(value[i*c:(i+1)*c], x[i*c:(i+1)*c])
				continue
			}
			share := w / sum
			v, y := value[i*c:(i+1)*c], x[i*c:(i+1)*c]
			for k := range v {
				v[k] += (y[k] - v[k]) * share
			}
		}
	}
}

// advance emits the planes before to and moves the window there.
func (a *Accumulator) advance(to int) error {
	if to <= a.first {
		return nil
	}
	done, plane := to-a.first, a.plan.Dims[1]*a.plan.Dims[2]
	if err := a.emit(a.first, a.first+done, a.values[:done*plane*a.channels]); err != nil {
		return err
	}
	copy(a.values, a.values[done*plane*a.channels:])
	copy(a.total, a.total[done*plane:])
	clear(a.total[(a.depth-done)*plane:])
	a.first = to
	return nil
}
