package plan

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// Fingerprint is what the rules need to know of the training cases.
type Fingerprint struct {
	SpacingsMM [][3]float64 // depth, height, width of each case
	Shapes     [][3]int     // after cropping to the box of values that are not zero
	// RelativeSize is the median of the share of voxels that cropping leaves.
	RelativeSize float64
	Channels     []Intensity
}

// Intensity describes the values of one channel within the foreground, each case weighing the same.
type Intensity struct {
	Name             string
	Mean, SD         float64
	Median, Min, Max float64
	Low, High        float64 // percentiles .5 and 99.5
	Cases            int     // that have foreground
}

// Summary is a fingerprint in a few numbers.
type Summary struct {
	Cases           int        `json:"cases"`
	MedianSpacingMM [3]float64 `json:"median_spacing_mm"`
	MedianShape     [3]float64 `json:"median_shape"`
	RelativeSize    float64    `json:"median_relative_size"`
}

func (f *Fingerprint) summary() Summary {
	s := Summary{Cases: len(f.SpacingsMM), RelativeSize: f.RelativeSize}
	for a := range 3 {
		s.MedianSpacingMM[a] = percentile(column(f.SpacingsMM, a), 50)
		s.MedianShape[a] = percentile(floats(column(f.Shapes, a)), 50)
	}
	return s
}

// Channel says how the values of one channel become the network's input.
type Channel struct {
	Name   string  `json:"name"`
	Scheme Scheme  `json:"scheme"`
	Masked bool    `json:"masked"` // zscore: statistics of the voxels that are not zero, which stay zero outside
	Mean   float64 `json:"mean"`   // of the training foreground, as the next three
	SD     float64 `json:"sd"`
	Low    float64 `json:"low"` // percentile .5
	High   float64 `json:"high"`
	Min    float64 `json:"min"` // of the training images' foreground, to know what is out of the ordinary
	Max    float64 `json:"max"`
}

// Scheme names a normalisation.
type Scheme string

// The schemes.
const (
	CT       Scheme = "ct"             // clip to the percentiles, then subtract the mean and divide by the deviation of the training foreground
	ZScore   Scheme = "zscore"         // mean 0 and deviation 1 in each image
	Keep     Scheme = "nonorm"         // as they are
	MinMax   Scheme = "rescale_to_0_1" // each image's range to 0..1
	ByteTo01 Scheme = "rgb_to_0_1"     // divided by 255
)

// SchemeOf is nnU-Net's choice by the channel's name.
func SchemeOf(channel string) Scheme {
	switch s := Scheme(strings.ToLower(channel)); s {
	case CT, Keep, MinMax, ByteTo01:
		return s
	}
	return ZScore
}

// croppedShare is the share of voxels left below which images count as mostly empty.
const croppedShare = 3. / 4

func channels(f *Fingerprint) []Channel {
	out := make([]Channel, len(f.Channels))
	for i, c := range f.Channels {
		s := SchemeOf(c.Name)
		out[i] = Channel{
			Name: c.Name, Scheme: s, Masked: s == ZScore && f.RelativeSize < croppedShare,
			Mean: c.Mean, SD: c.SD, Low: c.Low, High: c.High, Min: c.Min, Max: c.Max,
		}
	}
	return out
}

// samples is how many foreground values of a channel are kept in all. nnU-Net takes 1e8; the error that fewer make is
// a thousandth of a standard deviation, and they fit into memory.
const samples = 1 << 21

// Collector gathers a fingerprint case by case. Its memory does not grow with the number of cases beyond their sizes:
// each gives an equal share of samples.
type Collector struct {
	f        Fingerprint
	seed     uint64
	per      int
	relative []float64
	kept     [][]float32 // by channel
}

// NewCollector begins a fingerprint of so many cases with these channels. The seed decides which voxels are sampled.
func NewCollector(channels []string, cases int, seed uint64) *Collector {
	c := &Collector{seed: seed, per: max(1, samples/max(1, cases)), kept: make([][]float32, len(channels))}
	for _, name := range channels {
		c.f.Channels = append(c.f.Channels, Intensity{Name: name, Min: math.Inf(1), Max: math.Inf(-1)})
	}
	return c
}

// Add takes a case: its spacing, its size before and after cropping, the cropped channels and, of the same size, which
// voxels are foreground.
func (c *Collector) Add(spacing [3]float64, before, after [3]int, values [][]float32, foreground []bool) {
	n := len(c.f.SpacingsMM)
	c.f.SpacingsMM, c.f.Shapes = append(c.f.SpacingsMM, spacing), append(c.f.Shapes, after)
	c.relative = append(c.relative, float64(voxels(after[:]))/float64(voxels(before[:])))
	var places []int32
	for i, in := range foreground {
		if in {
			places = append(places, int32(i))
		}
	}
	if len(places) == 0 {
		return
	}
	rng := rand.New(rand.NewPCG(c.seed, uint64(n)))
	draws := make([]int32, c.per) // the same voxels in every channel
	for i := range draws {
		draws[i] = places[rng.IntN(len(places))]
	}
	for k, v := range values {
		ch := &c.f.Channels[k]
		ch.Cases++
		for _, i := range places {
			ch.Min, ch.Max = min(ch.Min, float64(v[i])), max(ch.Max, float64(v[i]))
		}
		for _, i := range draws {
			c.kept[k] = append(c.kept[k], v[i])
		}
	}
}

// Fingerprint ends the collection.
func (c *Collector) Fingerprint() *Fingerprint {
	f := c.f
	if len(c.relative) > 0 {
		f.RelativeSize = percentile(slices.Clone(c.relative), 50)
	}
	for k := range f.Channels {
		ch := &f.Channels[k]
		if len(c.kept[k]) == 0 {
			ch.Min, ch.Max, ch.SD = 0, 0, 1
			continue
		}
		v := make([]float64, len(c.kept[k]))
		sum := 0.
		for i, x := range c.kept[k] {
			v[i] = float64(x)
			sum += v[i]
		}
		ch.Mean = sum / float64(len(v))
		sum = 0
		for _, x := range v {
			sum += (x - ch.Mean) * (x - ch.Mean)
		}
		ch.SD = math.Sqrt(sum / float64(len(v)))
		ch.Median, ch.Low, ch.High = percentile(v, 50), percentile(v, .5), percentile(v, 99.5)
	}
	return &f
}
