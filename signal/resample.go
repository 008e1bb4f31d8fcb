package signal

import (
	"math"

	"galen.dev/fault"
)

// maxRatio bounds both numbers of a ratio of rates: the filter is as long as ten of the larger on each side.
const maxRatio = 10_000

// ratio writes to/from as a fraction of small whole numbers.
func ratio(from, to float64) (up, down int, ok bool) {
	want := to / from
	for d := 1; d <= maxRatio; d++ {
		u := math.Round(want * float64(d))
		if u >= 1 && u <= maxRatio && math.Abs(u/float64(d)/want-1) < 1e-9 {
			return int(u), d, true
		}
	}
	return 0, 0, false
}

// Resample changes the rate of samples by a polyphase filter: a windowed sinc (Kaiser, beta 5) over ten samples of
// the lower rate on each side, after taking out the line from the first to the last value, so that ends do not
// sag. Sample k of the result stands at the time k/to. Gaps are bridged for the filter; a sample is a gap in the
// result where the nearest one of the input is.
func Resample(x []float64, from, to float64) ([]float64, error) {
	if !(from > 0) || !(to > 0) {
		return nil, fault.Errorf(fault.Usage, "rates are above 0, not %g and %g", from, to)
	}
	up, down, ok := ratio(from, to)
	if !ok {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "from %g to %g samples in a second is no ratio of whole numbers up to %d", from, to, maxRatio), "choose a rate that divides, or is divided by, the recording's")
	}
	n := len(x)
	if int64(n)*int64(up)/int64(down) > MaxSamples {
		return nil, fault.Errorf(fault.Data, "the resampled channel would have more than %d samples", MaxSamples)
	}
	out := make([]float64, (n*up+down-1)/down)
	filled := make([]float64, n)
	if !bridge(filled, x) {
		for m := range out {
			out[m] = math.NaN()
		}
		return out, nil
	}
	if up == down {
		copy(out, x)
		return out, nil
	}
	first, slope := filled[0], 0.0
	if n > 1 {
		slope = (filled[n-1] - first) / float64(n-1)
	}
	for i := range filled {
		filled[i] -= first + slope*float64(i)
	}
	h := lowPass(up, down)
	half := len(h) / 2
	for m := range out {
		centre := m * down // in steps of the common rate
		sum := 0.0
		for i := max((centre-half+up-1)/up, 0); i < n && i*up <= centre+half; i++ {
			sum += filled[i] * h[half+centre-i*up]
		}
		at := float64(centre) / float64(up)
		out[m] = sum + first + slope*at
		if math.IsNaN(x[min(int(math.Round(at)), n-1)]) {
			out[m] = math.NaN()
		}
	}
	return out, nil
}

// lowPass is the filter between the rates, with a gain of up at rest.
func lowPass(up, down int) []float64 {
	widest := max(up, down)
	half := 10 * widest
	h := make([]float64, 2*half+1)
	const beta = 5
	sum := 0.0
	for k := range h {
		t := float64(k-half) / float64(widest)
		r := float64(k-half) / float64(half)
		h[k] = sinc(t) * bessel(beta*math.Sqrt(1-r*r))
		sum += h[k]
	}
	for k := range h {
		h[k] *= float64(up) / sum
	}
	return h
}

func sinc(t float64) float64 {
	if t == 0 {
		return 1
	}
	return math.Sin(math.Pi*t) / (math.Pi * t)
}

// bessel is the modified Bessel function of the first kind and order 0, by its series.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-17*sum; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}

// Resample changes the rate of a channel. Digital values have no meaning at another rate and are left out.
func (c *Channel) Resample(to float64) error {
	if c.Rate == to {
		return nil
	}
	x, err := Resample(c.Samples, c.Rate, to)
	if err != nil {
		return err
	}
	c.Samples, c.Rate, c.Digital, c.Gain, c.Baseline = x, to, nil, 0, 0
	return nil
}
