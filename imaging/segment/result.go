package segment

import (
	"context"
	"math"
	"slices"
	"time"

	"galen.dev/fault"
	"galen.dev/volume"
)

// result is what the model says of an image, on the image's grid.
type result struct {
	classes    []uint8  // of the plan, from 1 in its order; in border mode 1 is the foreground
	numbers    []uint32 // of instances; nil where none are told apart
	count      []int    // of instances of each class
	foreground []float32
	confidence []float64 // of each class, NaN where it has no voxel
	agreement  float64
	voxels     []int // of each class
	time       timing
	tidyTime   time.Duration
}

// segment predicts an image and keeps what the validation cases taught to keep.
func (m *model) segment(ctx context.Context, v *volume.Volume, probabilities bool) (*result, error) {
	p, err := m.predict(ctx, v, probabilities)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	r := &result{classes: p.classes, agreement: p.agreement, time: p.time, foreground: p.foreground}
	n := len(m.plan.Classes)
	r.confidence = p.confidence[1:min(1+n, len(p.confidence))]
	if err := m.keep(r, v.Geometry, p); err != nil {
		return nil, err
	}
	r.voxels, r.count = make([]int, n), make([]int, n)
	for _, k := range r.classes {
		if k > 0 {
			r.voxels[k-1]++
		}
	}
	seen := uint32(0) // instances are numbered in the order of memory
	for i, k := range r.numbers {
		if k > seen {
			seen = k
			r.count[r.classes[i]-1]++
		}
	}
	for k := range r.confidence {
		if r.voxels[k] == 0 {
			r.confidence[k] = math.NaN()
		}
	}
	r.tidyTime = time.Since(begin)
	return r, ctx.Err()
}

func (m *model) keep(r *result, g volume.Geometry, p *predicted) (err error) {
	if m.choice.border() {
		if r.numbers, err = m.choice.Rule.fromBorder(g, p.foreground, p.inside); err != nil {
			return err
		}
		for i, k := range r.numbers {
			r.classes[i] = 0
			if k > 0 {
				r.classes[i] = 1
			}
		}
		return nil
	}
	if err := m.choice.Tidy.apply(g, r.classes); err != nil {
		return err
	}
	if m.choice.Instances == "none" {
		return nil
	}
	if r.numbers, err = m.choice.Rule.fromClasses(g, r.classes); err != nil {
		return err
	}
	for i, k := range r.numbers {
		if k == 0 {
			r.classes[i] = 0
		}
	}
	return nil
}

// mask is the result as a label map: the labels of the plan's classes, or in border mode the numbers of instances.
func (m *model) mask(r *result, g volume.Geometry) (*volume.LabelMap, error) {
	if m.choice.border() {
		out := make([]uint16, len(r.numbers))
		for i, k := range r.numbers {
			if k > math.MaxUint16 {
				return nil, fault.Errorf(fault.Data, "%d instances: a mask numbers at most 65535", slices.Max(r.numbers))
			}
			out[i] = uint16(k)
		}
		return volume.NewLabels(g, out, nil), nil
	}
	var labels []volume.Label
	var table [256]uint16
	small, same := true, true
	for k, c := range m.plan.Classes {
		table[k+1] = c.Value
		labels = append(labels, volume.Label{Value: c.Value, Name: c.Name})
		small, same = small && c.Value < 256, same && int(c.Value) == k+1
	}
	slices.SortFunc(labels, func(a, b volume.Label) int { return int(a.Value) - int(b.Value) })
	if same {
		return volume.NewLabels(g, r.classes, labels), nil
	}
	if small {
		out := make([]uint8, len(r.classes))
		for i, k := range r.classes {
			out[i] = uint8(table[k])
		}
		return volume.NewLabels(g, out, labels), nil
	}
	out := make([]uint16, len(r.classes))
	for i, k := range r.classes {
		out[i] = table[k]
	}
	return volume.NewLabels(g, out, labels), nil
}
