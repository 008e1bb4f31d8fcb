package saliency

import (
	"context"
	"slices"

	"galen.dev/fault"
)

// MaxRuns bounds how many answers one map may take.
const MaxRuns = 20000

// OcclusionOptions tune Occlusion.
type OcclusionOptions struct {
	Patch  []int     // sizes of the patch along each spatial axis; nil = an eighth of the image in planes, a sixth in volumes
	Stride []int     // steps of the patch; nil = half of it in planes, the whole in volumes
	Fill   []float32 // of each channel: what covers the image; nil = the image's own means
	Batch  int       // images at once; 0 = 32, fewer where they are large
}

// window is the place of a patch: from, included, to, excluded, along each axis.
type window struct{ from, to []int }

// occlusion covers the image with a patch, place by place. A voxel's value is the mean fall over the patches on it.
func (m *Model) occlusion(ctx context.Context, x Image, class int, o OcclusionOptions) (*Map, error) {
	t, err := m.target(ctx, x, class)
	if err != nil {
		return nil, err
	}
	spatial := x.Dims[:len(x.Dims)-1]
	windows, err := o.windows(spatial)
	if err != nil {
		return nil, err
	}
	fill, err := x.constant(o.Fill)
	if err != nil {
		return nil, err
	}
	batch := o.Batch
	if batch <= 0 {
		batch = 32
	}
	channels := x.Dims[len(x.Dims)-1]
	n := len(x.Values) / channels
	fall, patches := make([]float64, n), make([]float64, n)
	err = m.score(ctx, x.Dims, len(windows), batch, func(i int, dst []float32) {
		copy(dst, x.Values)
		windows[i].runs(spatial, func(from, to int) { copy(dst[from*channels:to*channels], fill[from*channels:to*channels]) })
	}, func(i int, logits []float32) {
		d := t.logit - t.of(logits)
		windows[i].runs(spatial, func(from, to int) {
			for k := from; k < to; k++ {
				fall[k] += d
				patches[k]++
			}
		})
	})
	if err != nil {
		return nil, err
	}
	mp := &Map{Method: Occlusion, Class: class, Dims: slices.Clone(spatial), Values: make([]float32, n), Logit: t.logit}
	for i := range fall {
		mp.Values[i] = float32(fall[i] / patches[i])
	}
	return mp, nil
}

// windows places the patch so that every voxel is covered; the last one along an axis ends with the image.
func (o OcclusionOptions) windows(spatial []int) ([]window, error) {
	axes := len(spatial)
	if o.Patch != nil && len(o.Patch) != axes || o.Stride != nil && len(o.Stride) != axes {
		return nil, fault.Errorf(fault.Usage, "occlusion of an image with %d axes by a patch of sizes %v and steps %v", axes, o.Patch, o.Stride)
	}
	share, overlap := 8, 2
	if axes == 3 {
		share, overlap = 6, 1
	}
	all := []window{{}}
	for a, size := range spatial {
		patch := max(1, (size+share-1)/share)
		if o.Patch != nil {
			patch = o.Patch[a]
		}
		stride := max(1, patch/overlap)
		if o.Stride != nil {
			stride = o.Stride[a]
		}
		if patch < 1 || patch > size || stride < 1 || stride > patch {
			return nil, fault.WithHint(fault.Errorf(fault.Usage, "occlusion: a patch of %d that moves by %d cannot cover %d", patch, stride, size),
				"a patch is at most as large as the image, and its steps at most as large as the patch")
		}
		var next []window
		for _, w := range all {
			for from := 0; ; from += stride {
				to := min(from+patch, size)
				next = append(next, window{append(slices.Clone(w.from), from), append(slices.Clone(w.to), to)})
				if to == size {
					break
				}
			}
			if len(next) > MaxRuns {
				return nil, fault.Errorf(fault.Usage, "occlusion would take more than %d answers: make patch and steps larger", MaxRuns)
			}
		}
		all = next
	}
	return all, nil
}

// runs calls f for each run of voxels of the window that lie one after the other in memory.
func (w window) runs(spatial []int, f func(from, to int)) {
	last := len(spatial) - 1
	at := slices.Clone(w.from)
	for {
		start := 0
		for a, d := range spatial {
			start = start*d + at[a]
		}
		f(start, start+w.to[last]-w.from[last])
		a := last - 1
		for ; a >= 0; a-- {
			at[a]++
			if at[a] < w.to[a] {
				break
			}
			at[a] = w.from[a]
		}
		if a < 0 {
			return
		}
	}
}
