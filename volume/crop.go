package volume

import "fmt"

// Box is a part of a grid: voxels from From to, but not including, To.
type Box struct{ From, To [3]int }

// Dims is the size of the box.
func (b Box) Dims() [3]int {
	return [3]int{b.To[0] - b.From[0], b.To[1] - b.From[1], b.To[2] - b.From[2]}
}

// Grow makes the box larger by n voxels on every side, within dims.
func (b Box) Grow(n int, dims [3]int) Box {
	for i := range 3 {
		b.From[i], b.To[i] = max(0, b.From[i]-n), min(dims[i], b.To[i]+n)
	}
	return b
}

// Boxed is the grid of a box that may reach beyond g: the affine follows.
func (g Geometry) Boxed(b Box) Geometry {
	from := Vec{float64(b.From[0]), float64(b.From[1]), float64(b.From[2])}
	return Geometry{Dims: b.Dims(), Affine: g.Affine.WithOrigin(g.Affine.Apply(from))}
}

// Cut returns the part of the volume in a box, which may reach beyond the volume: there, voxels have the real
// value fill, or the stored value nearest to it. Cropping and padding are both this. Voxels keep their place in
// the patient. It panics where the box is empty.
func (v *Volume) Cut(b Box, fill float64) *Volume {
	slope, inter := v.Scale()
	out := *v
	out.Geometry = v.Boxed(b)
	out.Data = cut(v.Data, v.Dims, b, (fill-inter)/slope)
	return &out
}

// Cut returns the part of the label map in a box; what lies beyond is background. See Volume.Cut.
func (m *LabelMap) Cut(b Box) *LabelMap {
	return &LabelMap{Geometry: m.Boxed(b), Data: cut(m.Data, m.Dims, b, 0), Labels: m.Labels}
}

func cut(in Data, dims [3]int, b Box, fill float64) Data {
	to := b.Dims()
	if min(to[0], to[1], to[2]) < 1 {
		panic(fmt.Sprintf("volume: the box from %v to %v is empty", b.From, b.To))
	}
	voxels, n := dims[0]*dims[1]*dims[2], to[0]*to[1]*to[2]
	frames := in.Len() / voxels
	out := in.Make(frames * n)
	lo, hi := max(b.From[0], 0), min(b.To[0], dims[0])
	do(frames*to[2], func(item int) {
		frame, z := item/to[2], item%to[2]+b.From[2]
		for y := b.From[1]; y < b.To[1]; y++ {
			line := item*to[0]*to[1] + (y-b.From[1])*to[0]
			if z < 0 || z >= dims[2] || y < 0 || y >= dims[1] || lo >= hi {
				out.fill(line, line+to[0], fill)
				continue
			}
			out.fill(line, line+lo-b.From[0], fill)
			out.move(line+lo-b.From[0], in, frame*voxels+(z*dims[1]+y)*dims[0]+lo, 1, hi-lo)
			out.fill(line+hi-b.From[0], line+to[0], fill)
		}
	})
	return out
}

// Centered is the box of the given size about the middle of a grid; it may reach beyond it. Where the margins
// cannot be equal, the one at the lower end is the smaller when cropping and padding alike.
func (g Geometry) Centered(dims [3]int) Box {
	var b Box
	for i := range 3 {
		d := g.Dims[i] - dims[i]
		b.From[i] = d / 2 // towards zero: both margins of a pad round down at the lower end
		b.To[i] = b.From[i] + dims[i]
	}
	return b
}

// Bounds is the smallest box around the voxels that are not zero in some channel at some time, as nnU-Net crops;
// ok is false where there are none.
func (v *Volume) Bounds() (b Box, ok bool) {
	slope, inter := v.Scale()
	return bounds3(v.Data, v.Dims, func(i int) bool { return slope*v.Data.At(i)+inter != 0 })
}

// Bounds is the smallest box around all voxels that are not background; ok is false where there are none.
func (m *LabelMap) Bounds() (b Box, ok bool) {
	return bounds3(m.Data, m.Dims, func(i int) bool { return m.Get(i) != 0 })
}

func bounds3(in Data, dims [3]int, set func(i int) bool) (Box, bool) {
	planes := in.Len() / (dims[0] * dims[1])
	parts := make([]Box, planes)
	do(planes, func(p int) {
		b := Box{From: [3]int{dims[0], dims[1], dims[2]}}
		z := p % dims[2]
		for y := range dims[1] {
			line := (p*dims[1] + y) * dims[0]
			first := 0
			for first < dims[0] && !set(line+first) {
				first++
			}
			if first == dims[0] {
				continue
			}
			last := dims[0] - 1
			for !set(line + last) {
				last--
			}
			b.join(Box{From: [3]int{first, y, z}, To: [3]int{last + 1, y + 1, z + 1}})
		}
		parts[p] = b
	})
	all := Box{From: dims}
	for _, b := range parts {
		all.join(b)
	}
	return all, all.To[0] > 0
}

// join makes the box hold another one.
func (b *Box) join(o Box) {
	for i := range 3 {
		b.From[i], b.To[i] = min(b.From[i], o.From[i]), max(b.To[i], o.To[i])
	}
}
