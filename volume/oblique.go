package volume

import "context"

// oblique resamples a frame at places that do not run along its axes: m takes an index of the target to one of
// the source.
func oblique(ctx context.Context, frame, out []float32, dims, to [3]int, m Affine, r Resampling) error {
	c, shape, pad := frame, dims, [3]int{}
	for axis, o := range r.Orders {
		p := coefficients(dims[axis], o, r.Edge)
		if !p.filter {
			continue
		}
		next := shape
		next[axis], pad[axis] = p.out, p.pad
		filtered := make([]float32, next[0]*next[1]*next[2])
		if err := alongAxis(ctx, c, filtered, shape, axis, &p); err != nil {
			return err
		}
		c, shape = filtered, next
	}
	do(to[1]*to[2], func(line int) {
		if ctx.Err() != nil {
			return
		}
		y, z := line%to[1], line/to[1]
		for x := range to[0] {
			at := m.Apply(Vec{float64(x), float64(y), float64(z)})
			if !inside(at[0], dims[0]) || !inside(at[1], dims[1]) || !inside(at[2], dims[2]) {
				out[line*to[0]+x] = float32(r.Fill)
				continue
			}
			out[line*to[0]+x] = float32(valueAt(c, shape, pad, at, r))
		}
	})
	return ctx.Err()
}

// valueAt weighs the coefficients around a place.
func valueAt(c []float32, shape, pad [3]int, at Vec, r Resampling) float64 {
	var index [3][4]int
	var weight [3][4]float64
	for axis := range 3 {
		start, w := weights(r.Edge.clampTo(at[axis]+float64(pad[axis]), shape[axis]), r.Orders[axis])
		weight[axis] = w
		for k := range r.Orders[axis].taps() {
			index[axis][k] = mirrorIndex(start+k, shape[axis])
		}
	}
	nx, ny, nz := r.Orders[0].taps(), r.Orders[1].taps(), r.Orders[2].taps()
	sum := 0.0
	for k := range nz {
		plane := 0.0
		for j := range ny {
			row := c[(index[2][k]*shape[1]+index[1][j])*shape[0]:][:shape[0]]
			line := 0.0
			for i := range nx {
				line += weight[0][i] * float64(row[index[0][i]])
			}
			plane += weight[1][j] * line
		}
		sum += weight[2][k] * plane
	}
	return sum
}
