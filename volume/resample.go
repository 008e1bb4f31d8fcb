package volume

import (
	"context"
	"math"

	"galen.dev/fault"
)

// Order is how values between voxels are found.
type Order uint8

// The orders.
const (
	Linear  Order = iota // between the two neighbours along each axis
	Nearest              // the nearest voxel; halfway, the higher one
	Cubic                // B-spline of order 3 through the voxels (Unser 1999), with prefilter
)

// Edge is how an image goes on beyond its outermost voxels; both as in scipy.ndimage.
type Edge uint8

// The ways.
const (
	Extend Edge = iota // the outermost value is repeated: mode "nearest"
	Mirror             // reflected about the centre of the outermost voxel: mode "mirror"
)

// Resampling says how an image is resampled.
type Resampling struct {
	Orders [3]Order // along x, y, z; the zero value is linear
	Edge   Edge
	// Fill is the real value of voxels of the target whose centre lies more than half a voxel outside the
	// source; ResampleTo alone uses it.
	Fill float64
}

// Every uses one order along all axes.
func Every(o Order) Resampling { return Resampling{Orders: [3]Order{o, o, o}} }

// Planes uses inPlane for two axes and through along the third, as nnU-Net does for thick slices: cubic in the
// plane, nearest through it.
func Planes(coarse int, inPlane, through Order) Resampling {
	r := Every(inPlane)
	r.Orders[coarse] = through
	return r
}

// anisotropic is nnU-Net's threshold for the ratio of the largest to the smallest spacing.
const anisotropic = 3

// CoarseAxis is nnU-Net's rule for resampling planes apart: where the largest spacing is over three times the
// smallest, before resampling or else after it, the axis with the largest spacing is the coarse one. ok is false
// where no spacing is so large, or two axes share it.
func CoarseAxis(before, after Vec) (axis int, ok bool) {
	for _, s := range []Vec{before, after} {
		top := max(s[0], s[1], s[2])
		if !(top/min(s[0], s[1], s[2]) > anisotropic) {
			continue
		}
		n := 0
		for i, x := range s {
			if x == top {
				axis, n = i, n+1
			}
		}
		return axis, n == 1
	}
	return 0, false
}

// DimsAt is the size of the grid that covers the same field with another spacing, rounded to whole voxels (half
// to even), at least one along each axis.
func (g Geometry) DimsAt(spacing Vec) [3]int {
	var d [3]int
	have := g.Spacing()
	for i := range 3 {
		d[i] = max(1, int(math.RoundToEven(float64(g.Dims[i])*have[i]/spacing[i])))
	}
	return d
}

// Resized is the grid of another size that covers the same field: outer edges of outer voxels stay in place.
func (g Geometry) Resized(dims [3]int) Geometry {
	m := Affine{3: {0, 0, 0, 1}}
	for i := range 3 {
		f := float64(g.Dims[i]) / float64(dims[i])
		m[i][i], m[i][3] = f, (f-1)/2
	}
	return Geometry{Dims: dims, Affine: g.Affine.Compose(m)}
}

// Resize returns the image on a grid of another size that covers the same field, as scipy.ndimage.zoom with
// grid_mode and nnU-Net do. Nothing is smoothed before: shrinking by much may alias. The result has real values
// in float32. Memory: the result, and two frames more.
func (v *Volume) Resize(ctx context.Context, dims [3]int, r Resampling) (*Volume, error) {
	to := Geometry{Dims: dims, Affine: Identity()}
	if err := to.Check("resizing"); err != nil {
		return nil, err
	}
	to = v.Resized(dims)
	var axes [3]axisPlan
	for i := range 3 {
		axes[i] = planAxis(v.Dims[i], zoomed(v.Dims[i], dims[i]), r.Orders[i], r.Edge)
	}
	return v.eachFrame(to, func(frame, out []float32) error {
		return separable(ctx, frame, out, v.Dims, axes)
	})
}

// zoomed are the places of n equal steps over a field of in voxels.
func zoomed(in, n int) []float64 {
	at := make([]float64, n)
	f := float64(in) / float64(n)
	for i := range at {
		at[i] = (float64(i)+0.5)*f - 0.5
	}
	return at
}

// ResampleTo returns the image on another grid, wherever that lies. Positions follow the two affines. The result
// has real values in float32.
func (v *Volume) ResampleTo(ctx context.Context, to Geometry, r Resampling) (*Volume, error) {
	m, err := indexMap(v.Geometry, to)
	if err != nil {
		return nil, err
	}
	if straight(m) {
		return v.resampleStraight(ctx, to, m, r)
	}
	return v.eachFrame(to, func(frame, out []float32) error {
		return oblique(ctx, frame, out, v.Dims, to.Dims, m, r)
	})
}

// indexMap takes indices of grid to into indices of grid from.
func indexMap(from, to Geometry) (Affine, error) {
	if err := to.Check("resampling onto a grid"); err != nil {
		return Affine{}, err
	}
	inv, ok := from.Affine.Inverse()
	if !ok {
		return Affine{}, fault.Errorf(fault.Data, "resampling: the affine of the source is singular")
	}
	m := inv.Compose(to.Affine)
	// Two affines that went through single precision agree to about 1e-7: what is meant to be zero or whole is
	// made so, or equal grids would be interpolated.
	for r := range 3 {
		for c := range 4 {
			if whole := math.RoundToEven(m[r][c]); math.Abs(m[r][c]-whole) < 1e-6 {
				m[r][c] = whole
			}
		}
	}
	return m, nil
}

// straight says whether each axis of the target runs along the same axis of the source.
func straight(m Affine) bool {
	return m[0][1] == 0 && m[0][2] == 0 && m[1][0] == 0 && m[1][2] == 0 && m[2][0] == 0 && m[2][1] == 0
}

func (v *Volume) resampleStraight(ctx context.Context, to Geometry, m Affine, r Resampling) (*Volume, error) {
	var axes [3]axisPlan
	var first, last [3]int // the part of the target inside the source
	for i := range 3 {
		at := make([]float64, to.Dims[i])
		first[i] = to.Dims[i]
		for k := range at {
			at[k] = m[i][i]*float64(k) + m[i][3]
			if inside(at[k], v.Dims[i]) {
				first[i], last[i] = min(first[i], k), k+1
			}
		}
		axes[i] = planAxis(v.Dims[i], at, r.Orders[i], r.Edge)
	}
	return v.eachFrame(to, func(frame, out []float32) error {
		if err := separable(ctx, frame, out, v.Dims, axes); err != nil {
			return err
		}
		do(to.Dims[2], func(z int) {
			for y := range to.Dims[1] {
				line := out[to.Index(0, y, z):][:to.Dims[0]]
				lo, hi := first[0], last[0]
				if z < first[2] || z >= last[2] || y < first[1] || y >= last[1] {
					lo, hi = len(line), len(line)
				}
				for x := range min(lo, len(line)) {
					line[x] = float32(r.Fill)
				}
				for x := hi; x < len(line); x++ {
					line[x] = float32(r.Fill)
				}
			}
		})
		return nil
	})
}

// inside says whether a place along an axis of n voxels lies within half a voxel of it. The margin lets places
// count that should lie on the border exactly.
func inside(at float64, n int) bool { return at >= -0.5-1e-6 && at <= float64(n)-0.5+1e-6 }

// eachFrame makes a float32 volume on grid to, filling it frame by frame from real values.
func (v *Volume) eachFrame(to Geometry, fill func(frame, out []float32) error) (*Volume, error) {
	out := *v
	out.Geometry, out.Slope, out.Inter = to, 0, 0
	n := to.Voxels()
	data := make([]float32, n*v.NumChannels()*v.NumTimes())
	out.Data = Slice[float32](data)
	var frame []float32
	for t := range v.NumTimes() {
		for c := range v.NumChannels() {
			frame = v.Float32(frame, c, t)
			at := (t*v.NumChannels() + c) * n
			if err := fill(frame, data[at:at+n]); err != nil {
				return nil, err
			}
		}
	}
	return &out, nil
}
