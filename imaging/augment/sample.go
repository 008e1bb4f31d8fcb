package augment

import (
	"math"
	"math/rand/v2"
	"sync"
)

// sampler is one resampling: where each voxel of the result is read. Samplers are used again, with their memory.
type sampler struct {
	from, to [3]int
	border   Border
	m        [3][3]float64
	offset   [3]float64 // source = m*o + offset + displacement
	exact    bool       // grid points go to grid points
	table    [3][]int   // for exact: what each coordinate of the result adds to the source's voxel; outside: -1
	field    *Grid
	spline   [3][]knot
	row      []float64    // the field along one row: 3 numbers for each control point of the width
	read     [3][]float64 // where the voxels of one row are read
	last     [3]float64   // the last voxel of each axis of the input
	scratch
}

// scratch is memory for changes of values.
type scratch struct {
	a, b   []float32
	pair   []float32 // sums of two rows at equal distances
	padded []float32 // a row with what lies beyond its ends
	kernel []float32
	pairs  [3][]pair
	pcg    rand.PCG
	rng    *rand.Rand
}

var samplers = sync.Pool{New: func() any {
	s := &sampler{}
	s.rng = rand.New(&s.pcg)
	return s
}}

func (s *sampler) free() { samplers.Put(s) }

// resize returns a slice of n elements, v where it is long enough. Its content is arbitrary.
func resize[T any](v []T, n int) []T {
	if cap(v) < n {
		return make([]T, n)
	}
	return v[:n]
}

func newSampler(p Parameters) *sampler {
	s := samplers.Get().(*sampler)
	s.from, s.to, s.border, s.m, s.field = p.From, p.size(), p.Border, p.matrix(), p.Elastic
	if min(s.from[0], s.from[1], s.from[2], s.to[0], s.to[1], s.to[2]) < 1 {
		panic("augment: an axis without voxels")
	}
	for i := range 3 {
		s.last[i] = float64(s.from[i] - 1)
		s.offset[i] = centre(s.from[i]) + p.Shift[i]
		for j := range 3 {
			s.offset[i] -= s.m[i][j] * centre(s.to[j])
		}
	}
	s.exact = s.field == nil && s.tabulate()
	if s.field != nil {
		s.knots()
	}
	return s
}

func centre(n int) float64 { return float64(n-1) / 2 }

// tabulate fills the tables of an exact map; false where the map is not exact.
func (s *sampler) tabulate() bool {
	strides := [3]int{s.from[1] * s.from[2], s.from[2], 1}
	var source [3]int // the axis of the result that drives each axis of the input
	for i := range 3 {
		drives := 0
		for j := range 3 {
			switch s.m[i][j] {
			case 0:
			case 1, -1:
				source[i] = j
				drives++
			default:
				return false
			}
		}
		if drives != 1 || s.offset[i] != math.Floor(s.offset[i]) || math.Abs(s.offset[i]) > math.MaxInt32 {
			return false
		}
	}
	for j := range 3 {
		s.table[j] = resize(s.table[j], s.to[j])
		clear(s.table[j])
	}
	for i := range 3 {
		j := source[i]
		for o := range s.table[j] {
			at, inside := place(int(s.m[i][j])*o+int(s.offset[i]), s.from[i], s.border)
			if !inside || s.table[j][o] < 0 {
				s.table[j][o] = -1
				continue
			}
			s.table[j][o] += at * strides[i]
		}
	}
	return true
}

// place brings an index into an axis of n voxels by the border's rule.
func place(i, n int, b Border) (int, bool) {
	if i >= 0 && i < n {
		return i, true
	}
	switch {
	case b == Zero:
		return 0, false
	case b == Edge || n == 1:
		return max(0, min(i, n-1)), true
	}
	period := 2 * (n - 1)
	i %= period
	if i < 0 {
		i += period
	}
	return min(i, period-i), true
}

func copyGrid[T any](s *sampler, out, in []T, channels int) {
	at := 0
	for _, d := range s.table[0] {
		for _, h := range s.table[1] {
			if d < 0 || h < 0 {
				at += s.to[2] * channels
				continue
			}
			for _, w := range s.table[2] {
				if w >= 0 {
					from := (d + h + w) * channels
					if channels == 1 {
						out[at] = in[from]
					} else {
						copy(out[at:at+channels], in[from:from+channels])
					}
				}
				at += channels
			}
		}
	}
}

// tap is what one axis gives to linear interpolation: at most two places, with their weights.
type tap struct {
	n      int
	at     [2]int
	weight [2]float32
}

func (t *tap) set(p float64, n, stride int, b Border) {
	t.n = 0
	switch last := float64(n - 1); {
	case p >= 0 && p <= last:
	case !(p > -1 && p < last+1) && b == Zero:
		return
	case b != Zero:
		p = fold1(p, last, b)
	}
	floor := math.Floor(p)
	i, f := int(floor), float32(p-floor)
	if f < 1 && i >= 0 {
		t.at[0], t.weight[0], t.n = i*stride, 1-f, 1
	}
	if f > 0 && i+1 < n {
		t.at[t.n], t.weight[t.n] = (i+1)*stride, f
		t.n++
	}
}

// fold1 brings a position into 0 to last by the border's rule.
func fold1(p, last float64, b Border) float64 {
	if b == Mirror && last > 0 {
		p = math.Mod(math.Abs(p), 2*last)
		p = math.Min(p, 2*last-p)
	}
	if !(p > 0) { // also what is not a number
		return 0
	}
	return math.Min(p, last)
}

// rows calls visit for every row of the result with the place of its first voxel, after filling s.read with the
// positions that the row's voxels are read from.
func (s *sampler) rows(visit func(at int)) {
	for i := range s.read {
		s.read[i] = resize(s.read[i], s.to[2])
	}
	at := 0
	for d := range s.to[0] {
		for h := range s.to[1] {
			for i := range 3 {
				base, step := s.m[i][0]*float64(d)+s.m[i][1]*float64(h)+s.offset[i], s.m[i][2]
				for w := range s.read[i] {
					s.read[i][w] = base + step*float64(w)
				}
			}
			if s.field != nil {
				s.startRow(d, h)
				s.displace()
			}
			visit(at)
			at += s.to[2]
		}
	}
}

// inner says whether all eight voxels around a position are within the input, and gives the first one's place in memory,
// counted in voxels, and the position within the cell that they span.
func (s *sampler) inner(w int) (first int, f [3]float32, ok bool) {
	z, y, x := s.read[0][w], s.read[1][w], s.read[2][w]
	if !(z >= 0 && y >= 0 && x >= 0 && z < s.last[0] && y < s.last[1] && x < s.last[2]) {
		return 0, f, false
	}
	iz, iy, ix := int(z), int(y), int(x)
	return (iz*s.from[1]+iy)*s.from[2] + ix, [3]float32{float32(z - float64(iz)), float32(y - float64(iy)), float32(x - float64(ix))}, true
}

func (s *sampler) image(out, in []float32, channels int) {
	var t [3]tap
	right, down := s.from[2]*channels, s.from[1]*s.from[2]*channels
	s.rows(func(row int) {
		for w := range s.to[2] {
			o := out[(row+w)*channels:][:channels]
			if first, f, ok := s.inner(w); ok {
				a, b := in[first*channels:], in[first*channels+down:]
				a, b = a[:right+2*channels], b[:right+2*channels]
				for c := range o {
					v0 := between(between(a[c], a[c+channels], f[2]), between(a[c+right], a[c+right+channels], f[2]), f[1])
					v1 := between(between(b[c], b[c+channels], f[2]), between(b[c+right], b[c+right+channels], f[2]), f[1])
					o[c] = between(v0, v1, f[0])
				}
				continue
			}
			if !s.taps(&t, [3]float64{s.read[0][w], s.read[1][w], s.read[2][w]}, channels) {
				continue
			}
			for i := range t[0].n {
				for j := range t[1].n {
					row, w := t[0].at[i]+t[1].at[j], t[0].weight[i]*t[1].weight[j]
					for k := range t[2].n {
						from, w := row+t[2].at[k], w*t[2].weight[k]
						for c := range o {
							o[c] += w * in[from+c]
						}
					}
				}
			}
		}
	})
}

// taps sets the taps of all axes; false where the position is outside.
func (s *sampler) taps(t *[3]tap, p [3]float64, channels int) bool {
	t[2].set(p[2], s.from[2], channels, s.border)
	t[1].set(p[1], s.from[1], s.from[2]*channels, s.border)
	t[0].set(p[0], s.from[0], s.from[1]*s.from[2]*channels, s.border)
	return t[0].n*t[1].n*t[2].n > 0
}
