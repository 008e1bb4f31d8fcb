package signal

import (
	"fmt"
	"math"

	"galen.dev/fault"
	waves "galen.dev/signal"
)

// plan is how a recording becomes what a model sees. It is made from training recordings alone, and apply follows the
// same one.
type plan struct {
	Format    int       `json:"format"`
	Channels  []channel `json:"channels"`
	Rate      float64   `json:"rate"` // samples in a second, of every channel
	Band      []float64 `json:"band,omitempty"`
	Notch     float64   `json:"notch,omitempty"`
	Baseline  bool      `json:"baseline,omitempty"`
	Normalise string    `json:"normalise"`
	Mean      []float64 `json:"mean"` // of each channel, for normalise: training
	Spread    []float64 `json:"spread"`
	Crop      int       `json:"crop"`   // samples of a window
	Stride    int       `json:"stride"` // samples between windows
}

const planFormat = 1

// filtered brings the channels of a recording to the plan's rate and filters them. Channels end together, with the
// shortest.
func (p *plan) filtered(x *raw) ([][]float64, error) {
	out := make([][]float64, len(x.samples))
	shortest := math.MaxInt
	for i, s := range x.samples {
		y := make([]float64, len(s))
		for k, v := range s {
			y[k] = float64(v)
		}
		var err error
		if x.rates[i] != p.Rate {
			if y, err = waves.Resample(y, x.rates[i], p.Rate); err != nil {
				return nil, fmt.Errorf("channel %q: %w", p.Channels[i].Name, err)
			}
		}
		if p.Baseline {
			if y, err = waves.RemoveBaseline(y, p.Rate); err != nil {
				return nil, err
			}
		}
		if y, err = p.filter(y); err != nil {
			return nil, fmt.Errorf("channel %q: %w", p.Channels[i].Name, err)
		}
		out[i], shortest = y, min(shortest, len(y))
	}
	for i := range out {
		out[i] = out[i][:shortest]
	}
	return out, nil
}

func (p *plan) filter(y []float64) ([]float64, error) {
	if len(p.Band) == 2 {
		f, err := waves.Butterworth(waves.Band{Low: p.Band[0], High: p.Band[1]}, p.Rate)
		if err != nil {
			return nil, err
		}
		if y, err = f.Apply(y); err != nil {
			return nil, err
		}
	}
	if p.Notch > 0 {
		f, err := waves.Notch(p.Notch, 0, p.Rate)
		if err != nil {
			return nil, err
		}
		return f.Apply(y)
	}
	return y, nil
}

// check refuses filters that the rate does not allow.
func (p *plan) check() error {
	if len(p.Band) != 0 && len(p.Band) != 2 {
		return fault.WithHint(fault.Errorf(fault.Usage, "the parameter band is two frequencies, the lower one first"), "for example [0.5, 40]; 0 leaves an end open")
	}
	_, err := p.filter(make([]float64, 1000))
	return err
}

// normalised is a recording as models see it: (time, channels), gaps being the mean.
func (p *plan) normalised(y [][]float64) []float32 {
	width := len(y)
	out := make([]float32, len(y[0])*width)
	for c := range y {
		mean, spread := 0.0, 1.0
		switch p.Normalise {
		case "training":
			mean, spread = p.Mean[c], p.Spread[c]
		case "recording":
			mean, spread = meanSpread([][]float64{y[c]})
		}
		for t, v := range y[c] {
			if z := (v - mean) / spread; !math.IsNaN(z) {
				out[t*width+c] = float32(z)
			}
		}
	}
	return out
}

// prepare does both.
func (p *plan) prepare(x *raw) ([]float32, error) {
	y, err := p.filtered(x)
	if err != nil {
		return nil, err
	}
	return p.normalised(y), nil
}

// meanSpread is the mean and standard deviation of what is there; a constant has spread 1.
func meanSpread(parts [][]float64) (mean, spread float64) {
	var t tally
	for _, x := range parts {
		t.add(x)
	}
	return t.result()
}

// tally sums values for a mean and a spread, about the first one, so that a large offset costs no digits.
type tally struct{ n, at, sum, squares float64 }

func (t *tally) add(x []float64) {
	for _, v := range x {
		if math.IsNaN(v) {
			continue
		}
		if t.n == 0 {
			t.at = v
		}
		d := v - t.at
		t.n, t.sum, t.squares = t.n+1, t.sum+d, t.squares+d*d
	}
}

func (t *tally) result() (mean, spread float64) {
	if t.n == 0 {
		return 0, 1
	}
	m := t.sum / t.n
	spread = math.Sqrt(math.Max(t.squares/t.n-m*m, 0))
	if !(spread > 1e-12*math.Abs(t.at+m)) {
		spread = 1
	}
	return t.at + m, spread
}

// windows are the starts of the windows of a recording of n samples; the last one ends where it ends. A recording
// shorter than a window has one, filled up with zeros, the mean.
func (p *plan) windows(n int) []int {
	starts := []int{0}
	for at := p.Stride; at+p.Crop <= n; at += p.Stride {
		starts = append(starts, at)
	}
	if last := n - p.Crop; last > starts[len(starts)-1] {
		starts = append(starts, last)
	}
	return starts
}

// window copies one window of x, (time, channels).
func (p *plan) window(x []float32, start int, to []float32) {
	width := len(p.Channels)
	clear(to)
	if from := start * width; from < len(x) {
		copy(to, x[from:])
	}
}

// features describe a prepared recording for trees and for the search of neighbours: of each channel, in order.
func (p *plan) features(x []float32) []float64 {
	var out []float64
	width := len(p.Channels)
	for c := range width {
		ch := waves.Channel{Rate: p.Rate, Samples: make([]float64, len(x)/width)}
		for t := range ch.Samples {
			ch.Samples[t] = float64(x[t*width+c])
		}
		for _, f := range waves.Features(&ch) {
			out = append(out, f.Value)
		}
	}
	return out
}
