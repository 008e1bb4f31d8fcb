package segment

import (
	"math"

	"galen.dev/metric/region"
	"galen.dev/volume"
)

// tidying says of which classes only the largest connected part is kept. It is decided on predictions for validation
// cases by nnU-Net's rules: of the whole foreground, if the mean Dice over classes rises and no class falls; then of
// each class by itself, on top of what was accepted, if its own Dice rises.
type tidying struct {
	Whole   bool      `json:"whole_foreground"`
	Classes []uint8   `json:"classes,omitempty"`        // of the network, in the order in which they are tidied
	Before  []float64 `json:"dice_before,omitempty"`    // mean Dice of each class on validation cases
	After   []float64 `json:"dice_after,omitempty"`     // with everything that was accepted
	Left    []int     `json:"cases_left_out,omitempty"` // of each class: neither mask has it
}

// apply keeps largest parts, in place.
func (t *tidying) apply(g volume.Geometry, classes []uint8) error {
	if t.Whole {
		if err := keepLargest(g, classes, 0); err != nil {
			return err
		}
	}
	for _, k := range t.Classes {
		if err := keepLargest(g, classes, k); err != nil {
			return err
		}
	}
	return nil
}

// keepLargest removes all parts of a class but the largest; class 0 stands for the whole foreground. Voxels that share
// a corner are connected, as in nnU-Net.
func keepLargest(g volume.Geometry, classes []uint8, class uint8) error {
	mask := make([]uint8, len(classes))
	for i, k := range classes {
		if k == class && k > 0 || class == 0 && k > 0 {
			mask[i] = 1
		}
	}
	largest, err := volume.NewLabels(g, mask, nil).Largest(volume.Corners, true)
	if err != nil {
		return err
	}
	kept := largest.Data.(volume.Slice[uint8])
	for i := range classes {
		if mask[i] == 1 && kept[i] == 0 {
			classes[i] = 0
		}
	}
	return nil
}

// judged is a validation case for choosing: prediction and reference, as classes of the network.
type judged struct {
	geometry  volume.Geometry
	predicted []uint8
	reference []uint8
}

// chooseTidying applies the rules. cases yields every validation case anew at each call, so that one is in memory at
// a time.
func chooseTidying(classes int, cases func(yield func(judged) error) error) (tidying, error) {
	var t tidying
	score := func(t tidying) ([]float64, []int, error) {
		sums, counts, left := make([]float64, classes), make([]int, classes), make([]int, classes)
		err := cases(func(j judged) error {
			p := append([]uint8{}, j.predicted...)
			if err := t.apply(j.geometry, p); err != nil {
				return err
			}
			for k := 1; k < classes; k++ {
				d := region.Count(p, j.reference, uint8(k)).Dice()
				if math.IsNaN(d) {
					left[k]++
					continue
				}
				sums[k] += d
				counts[k]++
			}
			return nil
		})
		for k := range sums {
			sums[k] /= float64(counts[k])
		}
		return sums[1:], left[1:], err
	}
	before, left, err := score(t)
	if err != nil {
		return t, err
	}
	best := before
	trial, _, err := score(tidying{Whole: true})
	if err != nil {
		return t, err
	}
	if meanOf(trial) > meanOf(best) && !anyFalls(best, trial) {
		t.Whole, best = true, trial
	}
	if classes > 2 {
		for k := 1; k < classes; k++ {
			next := tidying{Whole: t.Whole, Classes: append(append([]uint8{}, t.Classes...), uint8(k))}
			trial, _, err := score(next)
			if err != nil {
				return t, err
			}
			if trial[k-1] > best[k-1] {
				t, best = next, trial
			}
		}
	}
	t.Before, t.After, t.Left = finiteOr0(before), finiteOr0(best), left
	return t, nil
}

// finiteOr0 replaces means over no case, which JSON cannot hold; how many cases were left out stands beside.
func finiteOr0(v []float64) []float64 {
	out := append([]float64{}, v...)
	for i, x := range out {
		if math.IsNaN(x) {
			out[i] = 0
		}
	}
	return out
}

func meanOf(v []float64) float64 {
	sum, n := 0., 0
	for _, x := range v {
		if !math.IsNaN(x) {
			sum += x
			n++
		}
	}
	return sum / float64(n)
}

func anyFalls(before, after []float64) bool {
	for i := range before {
		if after[i] < before[i] {
			return true
		}
	}
	return false
}
