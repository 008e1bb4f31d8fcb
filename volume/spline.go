package volume

import "math"

// pole of the cubic B-spline's prefilter, and the gain that goes with it (Unser, Aldroubi, Eden 1993).
var pole = math.Sqrt(3) - 2

const gain = 6

// Beyond this many voxels the prefilter's response is below double precision: |pole|^30 < 1e-17.
const horizon = 30

// padding is how far scipy repeats the edge before it filters with mode "nearest".
const padding = 12

// prefilter turns samples into coefficients of the cubic B-spline through them, in place. c holds n rows of
// width values; lines run across the rows. mirror reflects about the outermost centre, else about the outer edge
// of the outermost voxel (which padded lines want).
func prefilter(c []float64, n, width int, mirror bool) {
	if n < 2 {
		return
	}
	row := func(i int) []float64 { return c[i*width : (i+1)*width] }
	for i := range c[:n*width] {
		c[i] *= gain
	}
	first, last := row(0), row(n-1)
	if mirror {
		causalMirror(c, first, n, width)
	} else {
		causalReflect(c, first, n, width)
	}
	for i := 1; i < n; i++ {
		before, now := row(i-1), row(i)
		for j := range now {
			now[j] += pole * before[j]
		}
	}
	if mirror {
		before := row(n - 2)
		for j := range last {
			last[j] = (pole*before[j] + last[j]) * pole / (pole*pole - 1)
		}
	} else {
		for j := range last {
			last[j] *= pole / (pole - 1)
		}
	}
	for i := n - 2; i >= 0; i-- {
		after, now := row(i+1), row(i)
		for j := range now {
			now[j] = pole * (after[j] - now[j])
		}
	}
}

func causalMirror(c, first []float64, n, width int) {
	end := math.Pow(pole, float64(n-1))
	for j := range first {
		sum := first[j] + end*c[(n-1)*width+j]
		p := pole
		for i := 1; i < min(n-1, horizon); i++ {
			sum += p * (c[i*width+j] + end*c[(n-1-i)*width+j])
			p *= pole
		}
		first[j] = sum / (1 - end*end)
	}
}

func causalReflect(c, first []float64, n, width int) {
	end := math.Pow(pole, float64(n))
	for j := range first {
		own := first[j]
		sum := own + end*c[(n-1)*width+j]
		p := pole
		for i := 1; i < min(n, horizon); i++ {
			sum += p * (c[i*width+j] + end*c[(n-1-i)*width+j])
			p *= pole
		}
		first[j] = sum*pole/(1-end*end) + own
	}
}

// weights of the taps around a place, the first of which is at index start.
func weights(at float64, o Order) (start int, w [4]float64) {
	switch o {
	case Nearest:
		return int(math.Floor(at + 0.5)), [4]float64{1}
	case Linear:
		f := math.Floor(at)
		return int(f), [4]float64{1 - (at - f), at - f}
	}
	f := math.Floor(at)
	y := at - f
	z := 1 - y
	w[0] = z * z * z / 6
	w[1] = (y*y*(y-2)*3 + 4) / 6
	w[2] = (z*z*(z-2)*3 + 4) / 6
	w[3] = 1 - w[0] - w[1] - w[2]
	return int(f) - 1, w
}

func (o Order) taps() int {
	switch o {
	case Nearest:
		return 1
	case Linear:
		return 2
	}
	return 4
}

// clampTo brings a place into an axis of n voxels.
func (e Edge) clampTo(at float64, n int) float64 {
	top := float64(n - 1)
	if e == Mirror {
		return reflect(at, top)
	}
	return min(max(at, 0), top)
}

// reflect folds a place into 0..top, about both ends.
func reflect(at, top float64) float64 {
	if top == 0 {
		return 0
	}
	at = math.Mod(math.Abs(at), 2*top)
	if at > top {
		at = 2*top - at
	}
	return at
}

// mirrorIndex folds the index of a tap into 0..n-1.
func mirrorIndex(i, n int) int {
	if uint(i) < uint(n) {
		return i
	}
	return int(reflect(float64(i), float64(n-1)))
}
