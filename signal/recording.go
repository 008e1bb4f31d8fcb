// Package signal holds recordings of waveforms, such as an ECG, and what is done to them before anything is
// learned from them: filters, resampling, checks of leads, beats and what they look like.
//
// Samples are physical, in the unit of the channel, and NaN where the recording has a gap. The files' own whole
// numbers are kept beside them, so that a reader can be held to the sample. Formats are read by packages of their
// own (signal/wfdb, signal/edf); whoever opens files puts them into Formats. A matrix without a rate, a unit that
// nobody named and a file shorter than it claims are refused, not guessed.
//
// Start with Recording; then filter.go and resample.go for filters (Butterworth designs as in Oppenheim and Schafer,
// applied forwards and backwards), beats.go for R peaks, leads.go for what is wrong with a lead, features.go for
// numbers that a table model can take.
package signal

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"galen.dev/fault"
)

// Recording is one recording: channels that start together, and what was noted on them.
type Recording struct {
	Name        string // of the record, without folder and extension
	Start       time.Time
	Channels    []Channel
	Annotations []Annotation
	Comments    []string // of the header, as they stand; they may describe the patient
}

// Channel is one signal. Channels of a recording may have rates of their own.
type Channel struct {
	Name     string
	Unit     string    // UCUM where the file's unit has one: see UCUM; "" = the file names none
	Rate     float64   // samples in a second, above 0
	Samples  []float64 // physical; NaN where there is no valid sample
	Digital  []int32   // as stored; nil where the file holds no whole numbers
	Gain     float64   // digital steps in a unit; 0 where Digital is nil
	Baseline float64   // the digital value of physical zero
}

// Annotation is a remark on a moment or a span of a recording.
type Annotation struct {
	Time     float64 // seconds after the start
	Duration float64 // seconds; 0 = a moment
	Sample   int64   // of the annotation file's clock, where it has one
	Symbol   string  // of WFDB, e.g. "N" for a normal beat; "" in other formats
	Subtype  int     // these three are WFDB's
	Channel  int
	Number   int
	Text     string
}

// Span is a run of samples: from, inclusive, to, exclusive.
type Span struct{ From, To int }

// Seconds is the length of the longest channel.
func (r *Recording) Seconds() float64 {
	longest := 0.0
	for i := range r.Channels {
		longest = math.Max(longest, r.Channels[i].Seconds())
	}
	return longest
}

// Channel returns the channel of a name, or nil. Upper and lower case differ, as in the files.
func (r *Recording) Channel(name string) *Channel {
	for i := range r.Channels {
		if r.Channels[i].Name == name {
			return &r.Channels[i]
		}
	}
	return nil
}

// Names lists the channels.
func (r *Recording) Names() []string {
	names := make([]string, len(r.Channels))
	for i := range names {
		names[i] = r.Channels[i].Name
	}
	return names
}

// Seconds is the length of the channel.
func (c *Channel) Seconds() float64 { return float64(len(c.Samples)) / c.Rate }

// Gaps lists the runs of samples without a value.
func (c *Channel) Gaps() []Span {
	var gaps []Span
	for i := 0; i < len(c.Samples); i++ {
		if !math.IsNaN(c.Samples[i]) {
			continue
		}
		from := i
		for i < len(c.Samples) && math.IsNaN(c.Samples[i]) {
			i++
		}
		gaps = append(gaps, Span{from, i})
	}
	return gaps
}

// units maps what waveform files write to UCUM. What is not here is kept as it is.
var units = map[string]string{
	"mv": "mV", "uv": "uV", "µv": "uV", "μv": "uV", "microvolt": "uV", "microvolts": "uV", "millivolt": "mV", "millivolts": "mV", "nv": "nV", "v": "V", "volt": "V", "volts": "V",
	"mmhg": "mm[Hg]", "cmh2o": "cm[H2O]", "bpm": "/min", "degc": "Cel", "degreec": "Cel", "deg_c": "Cel", "ohm": "Ohm", "ohms": "Ohm", "sec": "s", "nu": "1", "au": "1", "adu": "1", "g": "[g]",
}

// UCUM returns the UCUM code of a unit as waveform files write it, or the unit itself where none is known. "V"
// and "v" are volts; "mV" is never confused with a megavolt, which no patient gives.
func UCUM(unit string) string {
	unit = strings.TrimSpace(unit)
	if code, ok := units[strings.ToLower(unit)]; ok {
		return code
	}
	return unit
}

// volts are the powers of ten of the units that are converted.
var volts = map[string]float64{"V": 1, "mV": 1e-3, "uV": 1e-6, "nV": 1e-9}

// UnitFactor is what a value in one unit is multiplied by to be in another; ok is false where they do not measure
// the same, or nothing is known of one of them.
func UnitFactor(from, to string) (factor float64, ok bool) {
	if from == to {
		return 1, true
	}
	a, b := volts[from], volts[to]
	if a == 0 || b == 0 {
		return 0, false
	}
	return math.Round(a/b*1e9) / 1e9, true
}

// Convert changes the unit of the physical samples; digital ones stay, with a gain for the new unit.
func (c *Channel) Convert(unit string) error {
	f, ok := UnitFactor(c.Unit, unit)
	if !ok {
		return fault.Errorf(fault.Data, "channel %q is in %q, which is not a multiple of %q", c.Name, c.Unit, unit)
	}
	if f == 1 {
		return nil
	}
	for i := range c.Samples {
		c.Samples[i] *= f
	}
	c.Unit, c.Gain = unit, c.Gain/f
	return nil
}

// Check finds what makes a recording unfit to work with: no channel, rates that are no rates, names that stand
// twice.
func (r *Recording) Check() error {
	var findings []fault.Finding
	add := func(name, column, message string) {
		findings = append(findings, fault.Finding{Name: name, Severity: fault.Severe, File: r.Name, Column: column, Message: message})
	}
	if len(r.Channels) == 0 {
		add("no-channel", "", "there is no channel")
	}
	for i := range r.Channels {
		c := &r.Channels[i]
		if !(c.Rate > 0) || math.IsInf(c.Rate, 0) {
			add("rate", c.Name, "the sampling rate is not above 0")
		}
		if slices.Index(r.Names(), c.Name) != i {
			add("channel-twice", c.Name, "the name stands twice")
		}
		if len(c.Samples) == 0 {
			add("no-sample", c.Name, "there is no sample")
		}
	}
	return fault.Refuse("recording "+r.Name, findings)
}

// Select returns the channels of these names, in this order, and says which are missing.
func (r *Recording) Select(names []string) (*Recording, error) {
	out := *r
	out.Channels = nil
	var findings []fault.Finding
	for _, name := range names {
		if c := r.Channel(name); c != nil {
			out.Channels = append(out.Channels, *c)
			continue
		}
		findings = append(findings, fault.Finding{
			Name: "channel-absent", Severity: fault.Severe, File: r.Name, Column: name, Message: "there is no channel of this name", Hint: fault.DidYouMean(name, r.Names()),
		})
	}
	return &out, fault.Refuse(fmt.Sprintf("recording %s", r.Name), findings)
}
