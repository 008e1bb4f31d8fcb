package signal

import (
	"math"
	"slices"

	"galen.dev/fault"
)

// RPeaks finds the R peaks of an ECG lead: the samples, rising. Leads may be upside down; gaps hold none.
//
// The method is that of Pan and Tompkins (IEEE TBME 1985): the lead between 5 and 15 Hz, its slope squared and
// averaged over 150 ms, a threshold between running levels of peaks and of noise, a second look with half of it
// where a beat is overdue, no second beat within 200 ms, and none within 360 ms whose slope is below half of the
// last one's, which is a T wave. The peak is then the largest deflection of the lead without its baseline, within
// 100 ms, in the direction that most beats have.
func RPeaks(x []float64, rate float64) ([]int, error) {
	if !(rate >= 50) {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "%g samples in a second are too few to place R peaks", rate), "at least 50 are needed, 250 are customary")
	}
	high := math.Min(15, .4*rate)
	band, err := Butterworth(Band{Low: 5, High: high, Order: 2}, rate)
	if err != nil {
		return nil, err
	}
	y, err := band.Apply(x)
	if err != nil {
		return nil, err
	}
	energy := slopeEnergy(y, rate)
	found := threshold(energy, rate)
	return place(x, y, found, rate)
}

// slopeEnergy is the squared slope averaged over a window of 150 ms around each sample.
func slopeEnergy(y []float64, rate float64) []float64 {
	n := len(y)
	square := make([]float64, n)
	for i := 2; i < n-2; i++ {
		d := (2*y[i+2] + y[i+1] - y[i-1] - 2*y[i-2]) * rate / 8
		if !math.IsNaN(d) {
			square[i] = d * d
		}
	}
	half := max(1, int(.075*rate))
	out := make([]float64, n)
	sum := 0.0
	for i := -half; i < n; i++ {
		if i+half < n {
			sum += square[i+half]
		}
		if i-half-1 >= 0 {
			sum -= square[i-half-1]
		}
		if i >= 0 {
			out[i] = math.Max(sum, 0) / float64(2*half+1)
		}
	}
	return out
}

// threshold picks the peaks of the energy that are beats.
func threshold(energy []float64, rate float64) []int {
	candidates := localMaxima(energy, int(.2*rate))
	if len(candidates) == 0 {
		return nil
	}
	peak, noise := startLevels(energy, rate)
	var beats, missed []int
	var gaps []float64
	accept := func(i int) {
		if n := len(beats); n > 0 {
			gaps = append(gaps, float64(i-beats[n-1]))
			gaps = gaps[max(0, len(gaps)-8):]
		}
		beats = append(beats, i)
		missed = missed[:0]
	}
	for _, i := range candidates {
		e := energy[i]
		level := noise + .25*(peak-noise)
		if n := len(beats); n > 0 && len(gaps) >= 2 {
			if overdue := 1.66 * median(gaps); float64(i-beats[n-1]) > overdue {
				best := -1
				for _, m := range missed {
					if m-beats[n-1] > int(.36*rate) && energy[m] > level/2 && (best < 0 || energy[m] > energy[best]) {
						best = m
					}
				}
				if best >= 0 {
					peak = .25*energy[best] + .75*peak
					accept(best)
				}
			}
		}
		tWave := false
		if n := len(beats); n > 0 {
			tWave = i-beats[n-1] < int(.36*rate) && e < .5*energy[beats[n-1]]
		}
		if e > level && !tWave {
			peak = .125*math.Min(e, 4*peak) + .875*peak // an artefact must not deafen the detector
			accept(i)
			continue
		}
		noise = .125*e + .875*noise
		missed = append(missed, i)
	}
	return beats
}

// startLevels takes the middle of the largest energies of two seconds each for a peak, and half of the mean for noise.
func startLevels(energy []float64, rate float64) (peak, noise float64) {
	window := max(1, int(2*rate))
	var tops []float64
	sum := 0.0
	for i := 0; i < len(energy); i += window {
		tops = append(tops, slices.Max(energy[i:min(i+window, len(energy))]))
	}
	for _, e := range energy {
		sum += e
	}
	return median(tops), .5 * sum / float64(len(energy))
}

// localMaxima are the largest values within a distance on both sides; of equal ones the first.
func localMaxima(x []float64, distance int) []int {
	var out []int
	for i := 0; i < len(x); i++ {
		if x[i] <= 0 {
			continue
		}
		top := true
		for k := max(0, i-distance); k <= min(len(x)-1, i+distance) && top; k++ {
			top = x[k] < x[i] || x[k] == x[i] && k >= i
		}
		if top {
			out = append(out, i)
		}
	}
	return out
}

// place moves each beat to the largest deflection near it.
func place(x, y []float64, beats []int, rate float64) ([]int, error) {
	flat, err := RemoveBaseline(x, rate)
	if err != nil {
		return nil, err
	}
	near := max(1, int(.1*rate))
	up, down := 0.0, 0.0
	for _, b := range beats {
		hi, lo := 0.0, 0.0
		for k := max(0, b-near); k <= min(len(y)-1, b+near); k++ {
			if v := flat[k]; !math.IsNaN(v) {
				hi, lo = math.Max(hi, v), math.Min(lo, v)
			}
		}
		up, down = up+hi, down-lo
	}
	sign := 1.0
	if down > 1.2*up {
		sign = -1
	}
	var out []int
	for _, b := range beats {
		best := -1
		for k := max(0, b-near); k <= min(len(x)-1, b+near); k++ {
			if v := sign * flat[k]; !math.IsNaN(v) && (best < 0 || v > sign*flat[best]) {
				best = k
			}
		}
		if n := len(out); best >= 0 && (n == 0 || best-out[n-1] > int(.2*rate)) {
			out = append(out, best)
		}
	}
	return out, nil
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	n := len(s)
	if n == 0 {
		return math.NaN()
	}
	return (s[(n-1)/2] + s[n/2]) / 2
}

// Beats cuts a lead around its peaks, from before to after seconds. A beat that leaves the lead is left out: kept
// says which peaks the rows belong to.
func Beats(x []float64, rate float64, peaks []int, before, after float64) (beats [][]float64, kept []int) {
	a, b := int(math.Round(before*rate)), int(math.Round(after*rate))
	for k, p := range peaks {
		if p-a < 0 || p+b > len(x) {
			continue
		}
		beats, kept = append(beats, slices.Clone(x[p-a:p+b])), append(kept, k)
	}
	return beats, kept
}

// Rhythm is the variability of the heart rate (Task Force of the ESC and NASPE, 1996), from the intervals between
// R peaks. Intervals outside 0.3 to 2 s, and those that differ from the median by more than a half of it, are not
// counted: they are missed beats or false ones.
type Rhythm struct {
	Beats int
	Rate  float64 // beats in a minute
	Mean  float64 // s, of the intervals; this and what follows is NaN with fewer than 2 of them
	SDNN  float64 // s
	RMSSD float64 // s, of successive differences
	PNN50 float64 // share of successive differences above 50 ms
}

// RhythmOf measures the intervals between peaks.
func RhythmOf(peaks []int, rate float64) Rhythm {
	nan := math.NaN()
	r := Rhythm{Beats: len(peaks), Rate: nan, Mean: nan, SDNN: nan, RMSSD: nan, PNN50: nan}
	var all []float64
	for i := 1; i < len(peaks); i++ {
		all = append(all, float64(peaks[i]-peaks[i-1])/rate)
	}
	middle := median(all)
	sound := func(v float64) bool { return v >= .3 && v <= 2 && math.Abs(v-middle) <= .5*middle }
	var rr, steps []float64
	for i, v := range all {
		if !sound(v) {
			continue
		}
		rr = append(rr, v)
		if i > 0 && sound(all[i-1]) {
			steps = append(steps, v-all[i-1])
		}
	}
	if len(rr) < 2 {
		return r
	}
	mean, sd := meanSD(rr)
	r.Mean, r.SDNN, r.Rate = mean, sd, 60/mean
	if len(steps) > 0 {
		squares, wide := 0.0, 0
		for _, d := range steps {
			squares += d * d
			if math.Abs(d) > .05 {
				wide++
			}
		}
		r.RMSSD, r.PNN50 = math.Sqrt(squares/float64(len(steps))), float64(wide)/float64(len(steps))
	}
	return r
}

// meanSD is the mean and the standard deviation of a sample, without NaN.
func meanSD(x []float64) (mean, sd float64) {
	n := 0.0
	for _, v := range x {
		if !math.IsNaN(v) {
			mean += v
			n++
		}
	}
	if n == 0 {
		return math.NaN(), math.NaN()
	}
	mean /= n
	for _, v := range x {
		if !math.IsNaN(v) {
			sd += (v - mean) * (v - mean)
		}
	}
	return mean, math.Sqrt(sd / math.Max(n-1, 1))
}
