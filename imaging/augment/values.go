package augment

import (
	"math"

	"galen.dev/engine/vec"
)

// apply changes the values of the step's channel in place. An image that lacks the channel is a defect of the
// caller.
func (p Step) apply(image []float32, dims [3]int, channels int, s *scratch) {
	if p.Channel < 0 || p.Channel >= channels {
		panic("augment: a step for a channel that the image lacks")
	}
	v := channel{image[p.Channel:], channels}
	switch p.Kind {
	case Noise:
		s.pcg.Seed(p.Seed, 0)
		v.update(func(x float64) float64 { return x + p.Amount*s.rng.NormFloat64() })
	case Blur:
		v.blur(dims, p.Axes, s)
	case Multiply:
		v.update(func(x float64) float64 { return x * p.Amount })
	case Add:
		v.update(func(x float64) float64 { return x + p.Amount })
	case Contrast:
		mean, _ := v.moments()
		low, high := v.span()
		v.update(func(x float64) float64 { return math.Max(low, math.Min(high, mean+(x-mean)*p.Amount)) })
	case LowResolution:
		v.lowResolution(dims, p.Amount, s)
	case Gamma:
		v.gamma(p.Amount, false, s)
	case InvertedGamma:
		v.gamma(p.Amount, true, s)
	default:
		panic("augment: a step of an unknown kind")
	}
}

// channel is every step-th value from the first.
type channel struct {
	values []float32
	step   int
}

func (c channel) update(f func(x float64) float64) {
	for i := 0; i < len(c.values); i += c.step {
		c.values[i] = float32(f(float64(c.values[i])))
	}
}

func (c channel) count() int { return (len(c.values) + c.step - 1) / c.step }

func (c channel) pack(dst []float32) {
	for i := range dst {
		dst[i] = c.values[i*c.step]
	}
}

func (c channel) unpack(src []float32) {
	for i, v := range src {
		c.values[i*c.step] = v
	}
}

// moments are mean and standard deviation (of the population).
func (c channel) moments() (mean, sd float64) {
	n := float64(c.count())
	for i := 0; i < len(c.values); i += c.step {
		mean += float64(c.values[i])
	}
	mean /= n
	for i := 0; i < len(c.values); i += c.step {
		d := float64(c.values[i]) - mean
		sd += d * d
	}
	return mean, math.Sqrt(sd / n)
}

func (c channel) span() (low, high float64) {
	l, h := c.values[0], c.values[0]
	for i := 0; i < len(c.values); i += c.step {
		l, h = min(l, c.values[i]), max(h, c.values[i])
	}
	return float64(l), float64(h)
}

// gamma raises values, scaled to 0..1 within their range, to a power, and gives the result the mean and the
// standard deviation they had. Inverted works on the negative image: it spreads the bright end in place of the
// dark. An image of one value stays.
func (c channel) gamma(exponent float64, inverted bool, s *scratch) {
	mean, sd := c.moments()
	low, high := c.span()
	width := high - low
	if !(width > 0) {
		return
	}
	s.a = resize(s.a, c.count())
	c.pack(s.a)
	base, sign := low, 1.
	if inverted {
		base, sign = high, -1
	}
	// x^g is exp(g log x); the logarithm of 0 is -infinity, and its exponential 0 again.
	for i, v := range s.a {
		s.a[i] = float32(sign * (float64(v) - base) / width)
	}
	vec.Log(s.a, s.a)
	vec.MulScalar(s.a, s.a, float32(exponent))
	vec.Exp(s.a, s.a)
	now, spread := channel{s.a, 1}.moments()
	if !(spread > 0) {
		return
	}
	factor := sign * sd / spread
	for i, v := range s.a {
		c.values[i*c.step] = float32(mean + (float64(v)-now)*factor)
	}
}
