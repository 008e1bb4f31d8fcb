package volume

import (
	"math"
	"slices"
)

// Map returns a float32 volume whose real values are f of those of v, every channel and time. f must give the
// same result for the same value: it is called from several threads.
func (v *Volume) Map(f func(float32) float32) *Volume {
	r := v.Real()
	in := r.Data.(Slice[float32])
	out := *r
	data := make([]float32, len(in))
	inPieces(len(in), func(from, to int) {
		for i := from; i < to; i++ {
			data[i] = f(in[i])
		}
	})
	out.Data = Slice[float32](data)
	return &out
}

// Clip holds real values between lo and hi.
func (v *Volume) Clip(lo, hi float64) *Volume {
	l, h := float32(lo), float32(hi)
	return v.Map(func(x float32) float32 { return min(max(x, l), h) })
}

// Rescale maps real values linearly: from..to becomes 0..1, and is held there. It serves windows of CT
// (from = centre - width/2) and percentiles.
func (v *Volume) Rescale(from, to float64) *Volume {
	f := 1 / (to - from)
	if to <= from {
		f = 0
	}
	return v.Map(func(x float32) float32 { return float32(min(max((float64(x)-from)*f, 0), 1)) })
}

// Standardize clips real values to lo..hi, subtracts mean and divides by sd: nnU-Net's scheme for CT, with the
// statistics of the training foreground. sd below 1e-8 counts as 1e-8.
func (v *Volume) Standardize(lo, hi, mean, sd float64) *Volume {
	sd = max(sd, 1e-8)
	return v.Map(func(x float32) float32 { return float32((min(max(float64(x), lo), hi) - mean) / sd) })
}

// ZScore gives each channel mean 0 and standard deviation 1 within mask, or everywhere where mask is nil: nnU-Net's
// scheme for MR. With a mask, voxels outside become 0. The mask is any label but 0, of the same size.
func (v *Volume) ZScore(mask *LabelMap) *Volume {
	if mask != nil && mask.Dims != v.Dims {
		panic("volume: mask of another size")
	}
	out := *v.Real()
	n := v.Voxels()
	in := out.Data.(Slice[float32])
	data := make([]float32, len(in))
	for c := range v.NumChannels() {
		// One channel at all times is one sample.
		var all Moments
		for t := range v.NumTimes() {
			all = all.join(moments(in[v.offset(c, t):][:n], mask))
		}
		mean, sd := all.Mean, max(all.SD(), 1e-8)
		for t := range v.NumTimes() {
			at := v.offset(c, t)
			inPieces(n, func(from, to int) {
				for i := from; i < to; i++ {
					if mask == nil || mask.Get(i) != 0 {
						data[at+i] = float32((float64(in[at+i]) - mean) / sd)
					}
				}
			})
		}
	}
	out.Data = Slice[float32](data)
	return &out
}

// Moments are the count, mean, and sum of squared deviations of real values, with the range.
type Moments struct {
	N               int
	Mean, M2        float64
	Lowest, Highest float32
}

// SD is the standard deviation over N, as numpy has it.
func (m Moments) SD() float64 {
	if m.N == 0 {
		return 0
	}
	return math.Sqrt(m.M2 / float64(m.N))
}

// join is the moments of two samples together (Chan, Golub, LeVeque 1983).
func (m Moments) join(o Moments) Moments {
	switch {
	case m.N == 0:
		return o
	case o.N == 0:
		return m
	}
	n := m.N + o.N
	d := o.Mean - m.Mean
	return Moments{
		N: n, Mean: m.Mean + d*float64(o.N)/float64(n),
		M2:     m.M2 + o.M2 + d*d*float64(m.N)*float64(o.N)/float64(n),
		Lowest: min(m.Lowest, o.Lowest), Highest: max(m.Highest, o.Highest),
	}
}

// Moments of the real values of one channel at one time, within mask where that is not nil.
func (v *Volume) Moments(channel, time int, mask *LabelMap) Moments {
	if mask != nil && mask.Dims != v.Dims {
		panic("volume: mask of another size")
	}
	return moments(v.Float32(nil, channel, time), mask)
}

func moments(x []float32, mask *LabelMap) Moments {
	count, size := pieces(len(x))
	parts := make([]Moments, count)
	do(count, func(p int) {
		m := Moments{Lowest: float32(math.Inf(1)), Highest: float32(math.Inf(-1))}
		from, to := p*size, min(len(x), (p+1)*size)
		sum := 0.0
		for i := from; i < to; i++ {
			if mask == nil || mask.Get(i) != 0 {
				sum += float64(x[i])
				m.N++
				m.Lowest, m.Highest = min(m.Lowest, x[i]), max(m.Highest, x[i])
			}
		}
		if m.N > 0 {
			m.Mean = sum / float64(m.N)
		}
		for i := from; i < to; i++ {
			if mask == nil || mask.Get(i) != 0 {
				d := float64(x[i]) - m.Mean
				m.M2 += d * d
			}
		}
		parts[p] = m
	})
	var all Moments
	for _, m := range parts {
		all = all.join(m)
	}
	return all
}

// Percentiles are the values below which the given percentages of the real values of one channel at one time
// lie, between neighbours linearly, as numpy.percentile. NaN counts as lowest.
func (v *Volume) Percentiles(channel, time int, percent ...float64) []float64 {
	x := v.Float32(nil, channel, time)
	slices.Sort(x)
	out := make([]float64, len(percent))
	for i, p := range percent {
		at := min(max(p, 0), 100) / 100 * float64(len(x)-1)
		lo := int(at)
		hi := min(lo+1, len(x)-1)
		out[i] = float64(x[lo]) + (at-float64(lo))*(float64(x[hi])-float64(x[lo]))
	}
	return out
}
