package plan

import (
	"context"
	"math"

	"galen.dev/fault"
	"galen.dev/internal/cpu"
	"galen.dev/volume"
)

// Prepared is an image as the network sees it, and the way back.
type Prepared struct {
	Values []float32 // (depth, height, width, channels)
	Dims   [3]int    // depth, height, width
	Labels []uint16  // (depth, height, width); nil where there were none
	Back   Back
}

// Back says how a prepared image came from its own grid.
type Back struct {
	Geometry volume.Geometry // of the image
	Order    [3]int          // of Permute: the image's axes in transposed order
	Box      volume.Box      // what cropping left of the transposed image
	Dims     [3]int          // depth, height, width of the prepared image
	Coarse   int             // axis (depth, height, width) that is resampled to the nearest plane; -1 = none
}

// permutation is Transpose for the axes of a volume, which count from x.
func (p *Plan) permutation() [3]int {
	var o [3]int
	for j := range o {
		o[j] = 2 - p.Transpose[2-j]
	}
	return o
}

// Prepare brings an image to its plan: axes, crop to what is not zero, intensities, spacing. labels may be nil; they
// lie on the image's grid. The image's channels are those of the plan. Voxels must be finite.
//
// numbered says that labels number instances, of which there may be thousands: they are then taken from the nearest
// voxel, where classes follow the weight of each.
func (p *Plan) Prepare(ctx context.Context, v *volume.Volume, labels *volume.LabelMap, numbered bool) (*Prepared, error) {
	if v.NumChannels() != len(p.Channels) {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "the image has %s, and the plan %d", fault.Count(v.NumChannels(), "channel"), len(p.Channels)), "a model reads images with the channels that it was trained on")
	}
	if v.NumTimes() > 1 {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "the image has %d points of time", v.NumTimes()), "give one point of time as an image of its own")
	}
	out := &Prepared{Back: Back{Geometry: v.Geometry, Order: p.permutation(), Coarse: -1}}
	b := &out.Back
	if b.Order != [3]int{0, 1, 2} {
		v = v.Permute(b.Order)
		if labels != nil {
			labels = labels.Permute(b.Order)
		}
	}
	var found bool
	if b.Box, found = v.Bounds(); !found {
		b.Box = volume.Box{To: v.Dims} // black throughout: nothing to crop to
	}
	if b.Box.From != [3]int{} || b.Box.To != v.Dims {
		v = v.Cut(b.Box, 0)
		if labels != nil {
			labels = labels.Cut(b.Box)
		}
	}
	dims, spacing := p.sizes(v.Geometry)
	b.Dims = [3]int{dims[2], dims[1], dims[0]}
	r, labelOrders := volume.Every(volume.Cubic), [3]volume.Order{}
	if axis, ok := volume.CoarseAxis(v.Spacing(), spacing); ok {
		r = volume.Planes(axis, volume.Cubic, volume.Nearest)
		labelOrders = volume.Planes(axis, volume.Linear, volume.Nearest).Orders
		b.Coarse = 2 - axis
	}
	if numbered {
		labelOrders = [3]volume.Order{volume.Nearest, volume.Nearest, volume.Nearest}
	}
	n := dims[0] * dims[1] * dims[2]
	out.Values = make([]float32, n*len(p.Channels))
	out.Dims = b.Dims
	inside := p.inside(v)
	for k := range p.Channels {
		one := volume.New(v.Geometry, v.Float32(nil, k, 0))
		p.Channels[k].normalise(one.Data.(volume.Slice[float32]), inside)
		if dims != v.Dims {
			var err error
			if one, err = one.Resize(ctx, dims, r); err != nil {
				return nil, err
			}
		}
		interleave(out.Values, one.Data.(volume.Slice[float32]), k, len(p.Channels))
	}
	if labels == nil {
		return out, nil
	}
	if dims != labels.Dims {
		var err error
		if labels, err = labels.Resize(ctx, dims, labelOrders); err != nil {
			return nil, err
		}
	}
	out.Labels = make([]uint16, n)
	for i := range out.Labels {
		out.Labels[i] = labels.Get(i)
	}
	return out, ctx.Err()
}

// sizes are the size along x, y, z and the spacing of the prepared grid of a transposed, cropped image.
func (p *Plan) sizes(g volume.Geometry) ([3]int, volume.Vec) {
	c := p.Chosen()
	from := g.Spacing()
	to := from
	for a := range c.SpacingMM { // the last axes: x is the last
		to[a] = c.SpacingMM[len(c.SpacingMM)-1-a]
	}
	if len(c.SpacingMM) == 3 && g.Dims[2] == 1 {
		to[2] = from[2]
	}
	return Resized(g.Dims, from, to), to
}

// inside marks the voxels that are not zero in some channel, with holes filled, where a channel's scheme asks for it.
func (p *Plan) inside(v *volume.Volume) []bool {
	need := false
	for _, c := range p.Channels {
		need = need || c.Masked
	}
	if !need {
		return nil
	}
	empty := make([]uint8, v.Voxels())
	for i := range empty {
		empty[i] = 1
	}
	for k := range v.NumChannels() {
		for i, x := range v.Float32(nil, k, 0) {
			if x != 0 {
				empty[i] = 0
			}
		}
	}
	in := make([]bool, len(empty))
	numbers, parts, err := volume.NewLabels(v.Geometry, empty, nil).Components(volume.Faces)
	if err != nil {
		return nil // more parts than numbers: statistics of the whole image then
	}
	hole := make([]bool, len(parts)+1)
	hole[0] = true
	for _, part := range parts {
		touches := false
		for a := range 3 {
			touches = touches || v.Dims[a] > 1 && (part.Box.From[a] == 0 || part.Box.To[a] == v.Dims[a])
		}
		hole[part.Number] = !touches
	}
	for i, k := range numbers {
		in[i] = hole[k]
	}
	return in
}

const leastSD = 1e-8

// normalise applies the scheme in place.
func (c *Channel) normalise(v []float32, inside []bool) {
	if !c.Masked {
		inside = nil
	}
	switch c.Scheme {
	case CT:
		lo, hi, mean, scale := float32(c.Low), float32(c.High), float32(c.Mean), float32(1/max(c.SD, leastSD))
		each(v, func(x float32) float32 { return (min(max(x, lo), hi) - mean) * scale })
	case ZScore:
		mean, sd := moments(v, inside)
		m, scale := float32(mean), float32(1/max(sd, leastSD))
		if inside == nil {
			each(v, func(x float32) float32 { return (x - m) * scale })
			return
		}
		for i := range v {
			if inside[i] {
				v[i] = (v[i] - m) * scale
			}
		}
	case MinMax:
		lo, hi := float32(math.Inf(1)), float32(math.Inf(-1))
		for _, x := range v {
			lo, hi = min(lo, x), max(hi, x)
		}
		scale := float32(1 / max(float64(hi)-float64(lo), leastSD))
		each(v, func(x float32) float32 { return (x - lo) * scale })
	case ByteTo01:
		each(v, func(x float32) float32 { return x / 255 })
	}
}

// block is how many voxels a thread takes at once; sums are made per block, so that they do not depend on threads.
const block = 1 << 16

func each(v []float32, f func(float32) float32) {
	cpu.Do((len(v)+block-1)/block, func(_, item int) {
		part := v[item*block : min((item+1)*block, len(v))]
		for i, x := range part {
			part[i] = f(x)
		}
	})
}

// moments are mean and standard deviation, in double precision, of all voxels or of those inside.
func moments(v []float32, inside []bool) (mean, sd float64) {
	blocks := (len(v) + block - 1) / block
	sums, counts := make([]float64, blocks), make([]int, blocks)
	walk := func(f func(x float64) float64) float64 {
		cpu.Do(blocks, func(_, item int) {
			s, n := 0., 0
			for i := item * block; i < min((item+1)*block, len(v)); i++ {
				if inside == nil || inside[i] {
					s += f(float64(v[i]))
					n++
				}
			}
			sums[item], counts[item] = s, n
		})
		total, n := 0., 0
		for i := range sums {
			total += sums[i]
			n += counts[i]
		}
		if n == 0 {
			return 0
		}
		return total / float64(n)
	}
	mean = walk(func(x float64) float64 { return x })
	return mean, math.Sqrt(walk(func(x float64) float64 { return (x - mean) * (x - mean) }))
}

// interleave writes one channel into an array with channels last.
func interleave(dst, src []float32, channel, channels int) {
	if channels == 1 {
		copy(dst, src)
		return
	}
	for i, x := range src {
		dst[i*channels+channel] = x
	}
}
