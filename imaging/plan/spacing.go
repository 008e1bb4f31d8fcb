package plan

import (
	"math"
	"slices"
)

// anisotropy is how much wider than the others a spacing must be to be treated apart, and how much shorter an axis.
const anisotropy = 3

// targetSpacing is the median spacing of each axis. The axis of thick and few slices takes its tenth percentile
// instead, since resampling thin slices to the median would throw too many of the few away.
func targetSpacing(f *Fingerprint) [3]float64 {
	var spacing, size [3]float64
	for a := range 3 {
		spacing[a] = percentile(column(f.SpacingsMM, a), 50)
		size[a] = percentile(floats(column(f.Shapes, a)), 50)
	}
	worst := widest(spacing)
	other, smallest := 0., math.Inf(1)
	for a := range 3 {
		if a != worst {
			other, smallest = max(other, spacing[a]), min(smallest, size[a])
		}
	}
	if spacing[worst] > anisotropy*other && size[worst]*anisotropy < smallest {
		tenth := percentile(column(f.SpacingsMM, worst), 10)
		if tenth < other {
			tenth = other + 1e-5
		}
		spacing[worst] = tenth
	}
	return spacing
}

// transpose brings the axis of the widest spacing to the front.
func transpose(spacing [3]float64) [3]int {
	worst := widest(spacing)
	order, at := [3]int{worst}, 1
	for a := range 3 {
		if a != worst {
			order[at] = a
			at++
		}
	}
	return order
}

// widest is the first axis of the widest spacing.
func widest(spacing [3]float64) int {
	worst := 0
	for a := range 3 {
		if spacing[a] > spacing[worst] {
			worst = a
		}
	}
	return worst
}

// medianShape is the median size of the training images at the target spacing.
func medianShape(f *Fingerprint, target [3]float64) [3]float64 {
	sizes := make([][3]float64, len(f.Shapes))
	for i := range f.Shapes {
		for a, n := range Resized(f.Shapes[i], f.SpacingsMM[i], target) {
			sizes[i][a] = float64(n)
		}
	}
	var median [3]float64
	for a := range 3 {
		median[a] = percentile(column(sizes, a), 50)
	}
	return median
}

// Resized is the size of an image at another spacing, rounded half to even. Nothing vanishes: at least 1.
func Resized(size [3]int, from, to [3]float64) (out [3]int) {
	for a := range 3 {
		out[a] = max(1, int(math.RoundToEven(from[a]/to[a]*float64(size[a]))))
	}
	return out
}

func column[T any](rows [][3]T, a int) []T {
	out := make([]T, len(rows))
	for i := range rows {
		out[i] = rows[i][a]
	}
	return out
}

// percentile interpolates linearly between neighbours, as numpy.percentile; it sorts v.
func percentile(v []float64, p float64) float64 {
	slices.Sort(v)
	at := p / 100 * float64(len(v)-1)
	below := int(at)
	if below+1 >= len(v) {
		return v[len(v)-1]
	}
	share := at - float64(below)
	// numpy's formula, which loses least near either neighbour
	d := v[below+1] - v[below]
	if share >= .5 {
		return v[below+1] - d*(1-share)
	}
	return v[below] + d*share
}
