package augment

import (
	"math"

	"galen.dev/engine/vec"
)

// truncate is how many sigmas a Gaussian kernel reaches, as in scipy.
const truncate = 4

// blur smooths by a Gaussian along each axis; sigma 0 leaves an axis as it is. Beyond the border the image is
// mirrored at the outer faces of its voxels.
func (c channel) blur(dims [3]int, sigma [3]float64, s *scratch) {
	n := c.count()
	s.a, s.b = resize(s.a, n), resize(s.b, n)
	c.pack(s.a)
	inner := 1
	for axis := 2; axis >= 0; axis-- {
		if sigma[axis] > 0 && dims[axis] > 1 {
			s.gaussian(sigma[axis])
			s.smooth(dims[axis], inner)
			s.a, s.b = s.b, s.a
		}
		inner *= dims[axis]
	}
	c.unpack(s.a)
}

// gaussian fills the kernel: weights of distance 0, 1, 2 ... that sum to 1 over both sides.
func (s *scratch) gaussian(sigma float64) {
	radius := int(truncate*sigma + .5)
	s.kernel = resize(s.kernel, radius+1)
	sum := 0.
	for i := range s.kernel {
		w := math.Exp(-.5 * float64(i*i) / (sigma * sigma))
		s.kernel[i] = float32(w)
		if sum += w; i > 0 {
			sum += w
		}
	}
	for i := range s.kernel {
		s.kernel[i] = float32(float64(s.kernel[i]) / sum)
	}
}

// smooth convolves a into b along an axis of n voxels that are inner apart.
func (s *scratch) smooth(n, inner int) {
	if inner == 1 {
		s.smoothRows(n)
		return
	}
	s.pair = resize(s.pair, inner)
	for start := 0; start < len(s.a); start += n * inner {
		in, out := s.a[start:start+n*inner], s.b[start:start+n*inner]
		for i := range n {
			o := out[i*inner : (i+1)*inner]
			vec.MulScalar(o, in[i*inner:(i+1)*inner], s.kernel[0])
			for k := 1; k < len(s.kernel); k++ {
				down, up := reflected(i-k, n)*inner, reflected(i+k, n)*inner
				vec.Add(s.pair, in[down:down+inner], in[up:up+inner])
				vec.MulScalarAdd(o, s.pair, s.kernel[k], o)
			}
		}
	}
}

// smoothRows convolves a into b along rows of n voxels.
func (s *scratch) smoothRows(n int) {
	reach := len(s.kernel) - 1
	s.pair, s.padded = resize(s.pair, n), resize(s.padded, n+2*reach)
	for start := 0; start < len(s.a); start += n {
		in, o := s.a[start:start+n], s.b[start:start+n]
		copy(s.padded[reach:], in)
		for k := 1; k <= reach; k++ {
			s.padded[reach-k], s.padded[reach+n-1+k] = in[reflected(-k, n)], in[reflected(n-1+k, n)]
		}
		vec.MulScalar(o, in, s.kernel[0])
		for k := 1; k <= reach; k++ {
			vec.Add(s.pair, s.padded[reach-k:][:n], s.padded[reach+k:][:n])
			vec.MulScalarAdd(o, s.pair, s.kernel[k], o)
		}
	}
}

// reflected brings an index into 0..n-1, mirrored at the outer faces.
func reflected(i, n int) int {
	for i < 0 || i >= n {
		if i < 0 {
			i = -1 - i
		} else {
			i = 2*n - 1 - i
		}
	}
	return i
}

// pair is where linear interpolation reads along one axis.
type pair struct {
	at     [2]int
	weight float32 // of at[1]
}

// lowResolution takes the nearest voxels of a grid that is smaller by zoom and interpolates between them
// linearly, with the outer faces of both grids on one another.
func (c channel) lowResolution(dims [3]int, zoom float64, s *scratch) {
	s.a = resize(s.a, c.count())
	c.pack(s.a)
	stride := 1
	for axis := 2; axis >= 0; axis-- {
		s.pairs[axis] = coarse(s.pairs[axis], dims[axis], zoom, stride)
		stride *= dims[axis]
	}
	at := 0
	for _, d := range s.pairs[0] {
		for _, h := range s.pairs[1] {
			r00, r01 := s.a[d.at[0]+h.at[0]:], s.a[d.at[0]+h.at[1]:]
			r10, r11 := s.a[d.at[1]+h.at[0]:], s.a[d.at[1]+h.at[1]:]
			for _, w := range s.pairs[2] {
				i, j, f := w.at[0], w.at[1], w.weight
				v0 := between(between(r00[i], r00[j], f), between(r01[i], r01[j], f), h.weight)
				v1 := between(between(r10[i], r10[j], f), between(r11[i], r11[j], f), h.weight)
				c.values[at] = between(v0, v1, d.weight)
				at += c.step
			}
		}
	}
}

func between(a, b, f float32) float32 { return a + (b-a)*f }

func coarse(out []pair, n int, zoom float64, stride int) []pair {
	small := max(1, int(math.RoundToEven(float64(n)*zoom)))
	nearest := func(i int) int {
		return min(int((float64(i)+.5)*float64(n)/float64(small)), n-1) * stride
	}
	out = resize(out, n)
	for o := range out {
		p := math.Max(0, (float64(o)+.5)*float64(small)/float64(n)-.5)
		i := int(p)
		out[o] = pair{[2]int{nearest(i), nearest(min(i+1, small-1))}, float32(p - float64(i))}
	}
	return out
}
