package signal

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"galen.dev/fault"
)

// Limits of CheckLeads. They are generous: a finding means that somebody should look.
const (
	flatShare    = .5  // of the samples in runs of one value, a fifth of a second or longer
	clippedShare = .01 // of the samples at the largest or smallest value, in runs of three or more
	gapShare     = .05 // of the samples without a value
	noiseShare   = .5  // of the power above 1 Hz that lies above 40 Hz
	limbError    = .2  // of the amplitude, by which II may differ from I + III
)

// CheckLeads looks for what is wrong with the leads of an ECG: gaps, flat and clipped leads, noise, and limb leads
// that contradict each other or look swapped. Findings are warnings; they name leads and no values.
func CheckLeads(r *Recording) []fault.Finding {
	var out []fault.Finding
	add := func(name, channel, message, hint string) {
		out = append(out, fault.Finding{Name: name, Severity: fault.Warning, File: r.Name, Column: channel, Message: message, Hint: hint})
	}
	for i := range r.Channels {
		c := &r.Channels[i]
		n := float64(len(c.Samples))
		gap := 0
		for _, s := range c.Gaps() {
			gap += s.To - s.From
		}
		switch flat, clipped := runs(c.Samples, c.Rate); {
		case gap == len(c.Samples):
			add("lead-missing", c.Name, "the lead has no sample", "")
			continue
		case float64(gap) > gapShare*n:
			add("lead-gaps", c.Name, fmt.Sprintf("%.0f %% of the lead are gap", 100*float64(gap)/n), "")
		case flat > flatShare*n:
			add("lead-flat", c.Name, "the lead is flat for most of the time", "an electrode may be off")
			continue
		case clipped > clippedShare*n:
			add("lead-clipped", c.Name, "the lead is cut off at the ends of its range", "the amplifier was driven too hard")
		}
		if share, ok := fastPower(c); ok && share > noiseShare {
			add("lead-noise", c.Name, "most of the lead's power lies above 40 Hz", "muscle or mains; a filter may help")
		}
	}
	return append(out, limbLeads(r)...)
}

// runs counts the samples in long runs of one value, and those in runs at the largest or smallest value.
func runs(x []float64, rate float64) (flat, clipped float64) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range x {
		if !math.IsNaN(v) {
			low, high = math.Min(low, v), math.Max(high, v)
		}
	}
	long := max(3, int(.2*rate))
	for i := 0; i < len(x); {
		k := i + 1
		for k < len(x) && x[k] == x[i] {
			k++
		}
		if n := k - i; n >= long {
			flat += float64(n)
		} else if n >= 3 && (x[i] == low || x[i] == high) {
			clipped += float64(n)
		}
		i = k
	}
	return flat, clipped
}

// fastPower is the share of the power above 1 Hz that lies above 40 Hz.
func fastPower(c *Channel) (share float64, ok bool) {
	if c.Rate < 100 {
		return 0, false
	}
	power := func(o Band) float64 {
		f, err := Butterworth(o, c.Rate)
		if err != nil {
			return math.NaN()
		}
		y, err := f.Apply(c.Samples)
		if err != nil {
			return math.NaN()
		}
		_, sd := meanSD(y)
		return sd * sd
	}
	all, fast := power(Band{Low: 1, Order: 2}), power(Band{Low: 40, Order: 2})
	return fast / all, all > 0 && !math.IsNaN(fast)
}

// limb finds a lead whatever its case is.
func limb(r *Recording, name string) *Channel {
	i := slices.IndexFunc(r.Channels, func(c Channel) bool { return strings.EqualFold(c.Name, name) })
	if i < 0 {
		return nil
	}
	return &r.Channels[i]
}

// limbLeads holds limb leads to Einthoven's law, II = I + III, and looks for arms that were swapped: then I is
// upside down, and aVR, which should point down, points up.
func limbLeads(r *Recording) []fault.Finding {
	one, two, three, avr := limb(r, "I"), limb(r, "II"), limb(r, "III"), limb(r, "aVR")
	var out []fault.Finding
	if one != nil && two != nil && three != nil && len(one.Samples) == len(two.Samples) && len(one.Samples) == len(three.Samples) {
		var wrong, size []float64
		for i := range one.Samples {
			wrong = append(wrong, two.Samples[i]-one.Samples[i]-three.Samples[i])
			size = append(size, two.Samples[i])
		}
		_, e := meanSD(wrong)
		_, s := meanSD(size)
		if e > limbError*s {
			out = append(out, fault.Finding{Name: "limb-leads", Severity: fault.Warning, File: r.Name, Column: "II", Message: "lead II is not the sum of I and III", Hint: "leads may be swapped or misnamed"})
		}
	}
	if one != nil && avr != nil && direction(one) < -1 && direction(avr) > 1 {
		out = append(out, fault.Finding{Name: "limb-leads-swapped", Severity: fault.Warning, File: r.Name, Column: "I", Message: "lead I points down and aVR up", Hint: "the electrodes of the arms may be swapped"})
	}
	return out
}

// direction is the skewness of a lead without its baseline: beats that point up make it positive.
func direction(c *Channel) float64 {
	x, err := RemoveBaseline(c.Samples, c.Rate)
	if err != nil {
		return 0 // the rate is too low to say
	}
	return skew(x)
}

// skew is the skewness: positive where the large deflections point up.
func skew(x []float64) float64 {
	mean, sd := meanSD(x)
	sum, n := 0.0, 0.0
	for _, v := range x {
		if !math.IsNaN(v) {
			z := (v - mean) / sd
			sum, n = sum+z*z*z, n+1
		}
	}
	return sum / n
}
