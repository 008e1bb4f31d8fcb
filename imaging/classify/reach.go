package classify

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"galen.dev/explain"
	"galen.dev/volume"
)

// statNames are what describe measures, in words.
var statNames = []string{"lowest value", "highest value", "mean", "spread", "sharpness"}

// describe measures real values of an image, before any plan: lowest and highest of all channels, mean, standard
// deviation, and the mean difference of neighbours in the rows.
func describe(v *volume.Volume) []float64 {
	low, high := math.Inf(1), math.Inf(-1)
	sum, square, edge := 0.0, 0.0, 0.0
	n := 0
	for k := range v.NumChannels() {
		x := v.Float32(nil, k, 0)
		for i, value := range x {
			f := float64(value)
			low, high = min(low, f), max(high, f)
			sum += f
			square += f * f
			if i%v.Dims[0] > 0 {
				edge += math.Abs(f - float64(x[i-1]))
			}
		}
		n += len(x)
	}
	mean := sum / float64(n)
	return []float64{low, high, mean, math.Sqrt(max(square/float64(n)-mean*mean, 0)), edge / float64(n)}
}

// reach is which images the model may speak about: those whose values lie where the training images' do, and whose
// features are not farther from theirs than they are from each other.
type reach struct {
	Low  []float64 `json:"low"` // of each stat
	High []float64 `json:"high"`
	// Directions project a network's pooled features to a few numbers, at random (Johnson and Lindenstrauss 1984):
	// distances keep, and the training images' features need not be stored whole.
	Features   int    `json:"features"` // 0: the network names none, and values alone are held against
	Seed       uint64 `json:"seed"`
	neighbours *explain.Neighbours
}

const (
	projected = 24
	// margin is how far beyond the training images' range a value may lie, as a share of it.
	margin = .25
)

// fitReach learns from training images: their stats and pooled features.
func fitReach(ctx context.Context, stats, features [][]float64, seed uint64) (*reach, error) {
	a := &reach{Seed: seed}
	scale := 0.0 // of the training images' values: bounds that they all share still leave room by it
	for _, s := range stats {
		scale += (s[1] - s[0]) / float64(len(stats))
	}
	for k := range statNames {
		low, high := math.Inf(1), math.Inf(-1)
		for _, s := range stats {
			low, high = min(low, s[k]), max(high, s[k])
		}
		room := margin * (high - low)
		if k < 2 || room == 0 {
			room = margin * max(high-low, scale)
		}
		a.Low, a.High = append(a.Low, low-room), append(a.High, high+room)
	}
	if len(features) < 2 || len(features[0]) == 0 {
		return a, nil
	}
	a.Features = len(features[0])
	columns := make([][]float64, projected)
	for _, f := range features {
		for k, v := range a.project(f) {
			columns[k] = append(columns[k], v)
		}
	}
	var err error
	a.neighbours, err = explain.NewNeighbours(ctx, columns, nil, explain.NeighbourOptions{Seed: seed})
	return a, err
}

// project is the image's place among few directions.
func (a *reach) project(features []float64) []float64 {
	rng := rand.New(rand.NewPCG(a.Seed, 0xd1e))
	out := make([]float64, projected)
	for _, f := range features {
		for k := range out {
			out[k] += f * rng.NormFloat64()
		}
	}
	return out
}

// foreign says which values of an image lie outside those of the training images.
func (a *reach) foreign(stats []float64) []string {
	if stats[0] == stats[1] {
		return []string{"the image is blank: it has one value throughout"}
	}
	var out []string
	for k, v := range stats {
		if v < a.Low[k] || v > a.High[k] {
			out = append(out, fmt.Sprintf("the %s of its pixels lies outside the training images' (%.4g to %.4g)", statNames[k], a.Low[k], a.High[k]))
		}
	}
	return out
}

// distance is the share of training images that lie nearer to the others than this one does; 0 where nothing is known.
func (a *reach) distance(features []float64) float64 {
	if a.neighbours == nil {
		return 0
	}
	return a.neighbours.Applicability(a.project(features)).Percentile
}

// check says whether a reach from a file is whole.
func (a *reach) check() bool {
	finite := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
	return len(a.Low) == len(statNames) && len(a.High) == len(statNames) && !slices.ContainsFunc(append(slices.Clone(a.Low), a.High...), func(v float64) bool { return !finite(v) })
}
