package volume

import (
	"context"
	"math"
)

// Resize returns the labels on a grid of another size that covers the same field; see LabelMap.ResampleTo for
// how a voxel's label is chosen.
func (m *LabelMap) Resize(ctx context.Context, dims [3]int, orders [3]Order) (*LabelMap, error) {
	to := Geometry{Dims: dims, Affine: Identity()}
	if err := to.Check("resizing"); err != nil {
		return nil, err
	}
	var at [3][]float64
	for i := range 3 {
		at[i] = zoomed(m.Dims[i], dims[i])
	}
	return m.resample(ctx, m.Resized(dims), orders, func(x, y, z int) (Vec, bool) {
		return Vec{at[0][x], at[1][y], at[2][z]}, true
	})
}

// ResampleTo returns the labels on another grid. Nearest along an axis takes the nearest voxel. Linear gives
// each label the weight that linear interpolation of its own mask would have, and the heaviest label wins; of
// equals the highest, as nnU-Net has it. Cubic is treated as Linear: masks have no values beyond 0 and 1.
// Voxels whose centre lies more than half a voxel outside the source are background.
func (m *LabelMap) ResampleTo(ctx context.Context, to Geometry, orders [3]Order) (*LabelMap, error) {
	im, err := indexMap(m.Geometry, to)
	if err != nil {
		return nil, err
	}
	return m.resample(ctx, to, orders, func(x, y, z int) (Vec, bool) {
		at := im.Apply(Vec{float64(x), float64(y), float64(z)})
		return at, inside(at[0], m.Dims[0]) && inside(at[1], m.Dims[1]) && inside(at[2], m.Dims[2])
	})
}

func (m *LabelMap) resample(ctx context.Context, to Geometry, orders [3]Order, place func(x, y, z int) (Vec, bool)) (*LabelMap, error) {
	out := &LabelMap{Geometry: to, Data: m.Data.Make(to.Voxels()), Labels: m.Labels}
	do(to.Dims[2], func(z int) {
		if ctx.Err() != nil {
			return
		}
		switch d := m.Data.(type) {
		case Slice[uint8]:
			resampleSlice(d, out.Data.(Slice[uint8]), m.Dims, to.Dims, z, orders, place)
		case Slice[uint16]:
			resampleSlice(d, out.Data.(Slice[uint16]), m.Dims, to.Dims, z, orders, place)
		}
	})
	return out, ctx.Err()
}

func resampleSlice[T uint8 | uint16](in, out Slice[T], dims, to [3]int, z int, orders [3]Order, place func(x, y, z int) (Vec, bool)) {
	for y := range to[1] {
		line := out[(z*to[1]+y)*to[0]:][:to[0]]
		for x := range line {
			if at, ok := place(x, y, z); ok {
				line[x] = labelAt(in, dims, at, orders)
			}
		}
	}
}

// labelAt is the heaviest label around a place.
func labelAt[T uint8 | uint16](in Slice[T], dims [3]int, at Vec, orders [3]Order) T {
	var lo, hi [3]int
	var w [3][2]float64
	for axis := range 3 {
		x := Extend.clampTo(at[axis], dims[axis])
		if orders[axis] == Nearest {
			lo[axis] = int(math.Floor(x + 0.5))
			hi[axis], w[axis][0] = lo[axis], 1
			continue
		}
		f := math.Floor(x)
		lo[axis] = int(f)
		hi[axis] = min(lo[axis]+1, dims[axis]-1)
		w[axis] = [2]float64{1 - (x - f), x - f}
	}
	var labels [8]T
	var sums [8]float64
	n := 0
	for corner := range 8 {
		weight, i := 1.0, 0
		for axis := 2; axis >= 0; axis-- {
			side := corner >> axis & 1
			weight *= w[axis][side]
			p := lo[axis]
			if side == 1 {
				p = hi[axis]
			}
			i = i*dims[axis] + p
		}
		if weight == 0 {
			continue
		}
		k := 0
		for k < n && labels[k] != in[i] {
			k++
		}
		if k == n {
			labels[n] = in[i]
			n++
		}
		sums[k] += weight
	}
	best := 0
	for k := 1; k < n; k++ {
		// Sums of the same eight weights in another order differ by rounding alone.
		if d := sums[k] - sums[best]; d > 1e-9 || d > -1e-9 && labels[k] > labels[best] {
			best = k
		}
	}
	return labels[best]
}
