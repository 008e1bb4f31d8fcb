package signal

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/dsp/fourier"
)

// A Feature is a number that a channel is described by.
type Feature struct {
	Name  string
	Value float64 // NaN where it is not defined
}

// Sizes of what Features describes.
const (
	parts = 24 // equal parts of the channel whose means and slopes are features
	bands = 8  // of frequency, each twice as wide as the one below
)

// Features describes a channel for a model of tables: level and spread, the shape of its distribution, slopes
// (Hjorth 1970), the mean and slope of each of 24 equal parts (Keogh et al. 2001), the share of power in octaves of
// frequency, and, where there are at least three R peaks, rhythm and the shape of the mean beat. Names are the same
// for every channel, so that rows of a table fit; what is not defined is NaN.
func Features(c *Channel) []Feature {
	x := make([]float64, len(c.Samples))
	if !bridge(x, c.Samples) {
		clear(x)
	}
	var out []Feature
	add := func(name string, v float64) {
		if math.IsInf(v, 0) {
			v = math.NaN()
		}
		out = append(out, Feature{name, v})
	}
	mean, sd := meanSD(x)
	sorted := slices.Sorted(slices.Values(x))
	at := func(q float64) float64 { return sorted[int(q*float64(len(sorted)-1))] }
	add("mean", mean)
	add("sd", sd)
	add("skewness", skew(x))
	add("kurtosis", kurtosis(x, mean, sd))
	for _, q := range []float64{0, .05, .25, .5, .75, .95, 1} {
		add(fmt.Sprintf("q%02.0f", 100*q), at(q))
	}
	add("time of maximum", float64(slices.Index(x, at(1)))/float64(len(x)))
	add("time of minimum", float64(slices.Index(x, at(0)))/float64(len(x)))
	slope := differences(x)
	_, sd1 := meanSD(slope)
	_, sd2 := meanSD(differences(slope))
	add("mobility", sd1/sd)
	add("complexity", sd2/sd1/(sd1/sd))
	add("crossings", crossings(x, mean)/float64(len(x)))
	partFeatures(x, add)
	bandFeatures(x, mean, add)
	beatFeatures(c, x, add)
	return out
}

func kurtosis(x []float64, mean, sd float64) float64 {
	sum := 0.0
	for _, v := range x {
		z := (v - mean) / sd
		sum += z * z * z * z
	}
	return sum / float64(len(x))
}

func differences(x []float64) []float64 {
	out := make([]float64, max(0, len(x)-1))
	for i := range out {
		out[i] = x[i+1] - x[i]
	}
	return out
}

func crossings(x []float64, level float64) float64 {
	n := 0.0
	for i := 1; i < len(x); i++ {
		if (x[i-1] < level) != (x[i] < level) {
			n++
		}
	}
	return n
}

// partFeatures are the mean and the rise of equal parts.
func partFeatures(x []float64, add func(string, float64)) {
	for k := range parts {
		from := k * len(x) / parts
		to := max((k+1)*len(x)/parts, min(from+1, len(x)))
		if from >= len(x) {
			from = len(x) - 1
		}
		mean, _ := meanSD(x[from:to])
		add(fmt.Sprintf("part %d mean", k+1), mean)
		add(fmt.Sprintf("part %d rise", k+1), x[to-1]-x[from])
	}
}

// bandFeatures are the logarithms of the shares of power in octaves below half the rate.
func bandFeatures(x []float64, mean float64, add func(string, float64)) {
	y := make([]float64, len(x))
	for i, v := range x {
		// Hann's window, so that what does not fit the length leaks little.
		y[i] = (v - mean) * (.5 - .5*math.Cos(2*math.Pi*(float64(i)+.5)/float64(len(x))))
	}
	coef := fourier.NewFFT(len(y)).Coefficients(nil, y)
	power, total := make([]float64, bands), 0.0
	for k := 1; k < len(coef); k++ {
		p := real(coef[k])*real(coef[k]) + imag(coef[k])*imag(coef[k])
		octave := min(bands-1, int(-math.Log2(float64(k)/float64(len(coef)))))
		power[octave] += p
		total += p
	}
	for b := range bands {
		add(fmt.Sprintf("octave %d", b+1), math.Log10(power[b]/total+1e-6))
	}
}

// beatFeatures describe rhythm and mean beat, or are NaN where there are no beats.
func beatFeatures(c *Channel, x []float64, add func(string, float64)) {
	nan := math.NaN()
	r := Rhythm{Rate: nan, SDNN: nan, RMSSD: nan, PNN50: nan}
	height, width, t, same := nan, nan, nan, nan
	if c.Seconds() >= 2 && c.Rate >= 50 {
		if peaks, err := RPeaks(x, c.Rate); err == nil && len(peaks) >= 3 {
			r = RhythmOf(peaks, c.Rate)
			height, width, t, same = shape(x, c.Rate, peaks)
		}
	}
	add("heart rate", r.Rate)
	add("SDNN", r.SDNN)
	add("RMSSD", r.RMSSD)
	add("pNN50", r.PNN50)
	add("R height", height)
	add("QRS width", width)
	add("T height", t)
	add("likeness of beats", same)
}

// shape measures the mean beat: the height of R over what lies 80 ms before it, the width of the QRS complex at
// half of that, the largest deflection of the T wave, and how alike beats are: their mean correlation with the mean.
func shape(x []float64, rate float64, peaks []int) (height, width, t, same float64) {
	const before, after = .25, .45
	beats, _ := Beats(x, rate, peaks, before, after)
	if len(beats) == 0 {
		return math.NaN(), math.NaN(), math.NaN(), math.NaN()
	}
	mean := make([]float64, len(beats[0]))
	for _, b := range beats {
		for i, v := range b {
			mean[i] += v / float64(len(beats))
		}
	}
	r := int(math.Round(before * rate))
	ground := mean[max(0, r-int(.08*rate))]
	height = mean[r] - ground
	for i := range mean {
		if d := float64(i-r) / rate; math.Abs(d) <= .12 && math.Abs(mean[i]-ground) >= .5*math.Abs(height) {
			width += 1 / rate
		}
		if d := float64(i-r) / rate; d >= .15 && math.Abs(mean[i]-ground) > math.Abs(t) {
			t = mean[i] - ground
		}
	}
	for _, b := range beats {
		same += correlation(b, mean) / float64(len(beats))
	}
	return height, width, t, same
}

func correlation(a, b []float64) float64 {
	ma, sa := meanSD(a)
	mb, sb := meanSD(b)
	sum := 0.0
	for i := range a {
		sum += (a[i] - ma) * (b[i] - mb)
	}
	return sum / float64(len(a)-1) / sa / sb
}
