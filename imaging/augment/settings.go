package augment

import (
	"fmt"
	"math"

	"galen.dev/fault"
)

// Range is an interval of a parameter, drawn from uniformly.
type Range struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Settings say how often and how far images are varied. The zero value varies nothing: a kind is off while its
// Probability is 0. Triples are in the order depth, height, width; two-dimensional images have depth 1, and
// what is said of their depth has no effect.
type Settings struct {
	Size       [3]int `json:"size"`        // voxels of the result per axis; 0 = as the input
	RandomCrop bool   `json:"random_crop"` // where the result is smaller: cut anywhere, not in the middle

	Flip     [3]float64 `json:"flip"` // probability per axis
	Rotation Rotation   `json:"rotation"`
	Scale    Scale      `json:"scale"`
	Shift    Shift      `json:"shift"`
	Elastic  Elastic    `json:"elastic"`

	Border        Border     `json:"border,omitempty"`
	NearestLabels bool       `json:"nearest_labels"` // take the nearest voxel's label: faster, with stairs at borders
	Spacing       [3]float64 `json:"spacing"`        // of voxels, in any unit, for rotations; 0 = 1. nnU-Net leaves 1

	Noise         Intensity `json:"noise"`          // Gaussian; Range is of the standard deviation, one for all channels
	Blur          Intensity `json:"blur"`           // Gaussian; Range is of sigma in voxels, drawn per axis
	Multiply      Intensity `json:"multiply"`       // brightness: values times a factor
	Add           Intensity `json:"add"`            // brightness: values plus an amount
	Contrast      Intensity `json:"contrast"`       // distances from the mean times a factor; the range of values is kept
	LowResolution Intensity `json:"low_resolution"` // shrunk by a zoom below 1 and enlarged again
	InvertedGamma Intensity `json:"inverted_gamma"` // as Gamma, on the negative image
	Gamma         Intensity `json:"gamma"`          // values within their range to a power; mean and standard deviation are kept
}

// Rotation turns an image about its centre.
type Rotation struct {
	Probability float64  `json:"probability"`
	Degrees     [3]Range `json:"degrees"` // about each axis; about the depth axis is in the plane
}

// Scale enlarges an image about its centre (factors above 1) or shrinks it.
type Scale struct {
	Probability float64 `json:"probability"`
	Factor      Range   `json:"factor"`
	PerAxis     bool    `json:"per_axis"` // a factor for each axis in place of one for all
	InPlane     bool    `json:"in_plane"` // leave depth as it is
}

// Shift moves an image.
type Shift struct {
	Probability float64    `json:"probability"`
	Fraction    [3]float64 `json:"fraction"` // up to so much of the image's size, both ways, per axis
}

// Elastic deforms an image smoothly.
type Elastic struct {
	Probability float64    `json:"probability"`
	Spacing     [3]float64 `json:"spacing"`   // voxels between control points; 0 = 32
	Magnitude   Range      `json:"magnitude"` // standard deviation of a control point's displacement, in voxels
}

// Intensity is how often and how far values are changed.
type Intensity struct {
	Probability float64 `json:"probability"`
	PerChannel  float64 `json:"per_channel"` // then each channel's probability; 0 = 1
	Range       Range   `json:"range"`
	Balanced    bool    `json:"balanced"` // below and above 1 equally often, where the range holds 1
}

// most bounds settings to what still leaves a picture; larger values are slips of the pen.
const most = 1000

// Check returns a usage error that lists every setting out of its bounds.
func (s Settings) Check() error {
	c := checker{}
	for i, p := range s.Flip {
		c.within(fmt.Sprintf("flip[%d]", i), p, 0, 1)
		c.within(fmt.Sprintf("size[%d]", i), float64(s.Size[i]), 0, math.MaxInt32)
		c.within(fmt.Sprintf("spacing[%d]", i), s.Spacing[i], 0, math.MaxFloat32)
		c.span(fmt.Sprintf("rotation.degrees[%d]", i), s.Rotation.Degrees[i], -360, 360)
		c.within(fmt.Sprintf("shift.fraction[%d]", i), s.Shift.Fraction[i], 0, 1)
		c.within(fmt.Sprintf("elastic.spacing[%d]", i), s.Elastic.Spacing[i], 0, math.MaxInt32)
		if e := s.Elastic.Spacing[i]; e > 0 && e < 4 {
			c.add(fmt.Sprintf("elastic.spacing[%d]", i), "is below 4 voxels", "8 or more gives deformations that tissue could make")
		}
	}
	c.border("border", s.Border)
	c.within("rotation.probability", s.Rotation.Probability, 0, 1)
	c.within("shift.probability", s.Shift.Probability, 0, 1)
	c.within("scale.probability", s.Scale.Probability, 0, 1)
	if s.Scale.Probability > 0 {
		c.span("scale.factor", s.Scale.Factor, .01, 100)
	}
	c.within("elastic.probability", s.Elastic.Probability, 0, 1)
	c.span("elastic.magnitude", s.Elastic.Magnitude, 0, most)
	for _, k := range s.intensities() {
		name := string(k.kind)
		c.within(name+".probability", k.Probability, 0, 1)
		c.within(name+".per_channel", k.PerChannel, 0, 1)
		if k.Probability > 0 {
			bound := k.kind.bounds()
			c.span(name+".range", k.Range, bound.Low, bound.High)
		}
	}
	return c.err("augmentation")
}

// kinds of intensity in the order in which nnU-Net applies them.
func (s Settings) intensities() []kindOf {
	return []kindOf{
		{Noise, s.Noise},
		{Blur, s.Blur},
		{Multiply, s.Multiply},
		{Add, s.Add},
		{Contrast, s.Contrast},
		{LowResolution, s.LowResolution},
		{InvertedGamma, s.InvertedGamma},
		{Gamma, s.Gamma},
	}
}

type kindOf struct {
	kind Kind
	Intensity
}

// checker gathers findings about named values.
type checker struct{ findings []fault.Finding }

func (c *checker) add(name, message, hint string) {
	c.findings = append(c.findings, fault.Finding{Name: "augmentation-setting", Severity: fault.Severe, Column: name, Message: message, Hint: hint})
}

func (c *checker) within(name string, v, low, high float64) {
	if !(v >= low && v <= high) {
		c.add(name, fmt.Sprintf("is %g, outside %g to %g", v, low, high), "")
	}
}

func (c *checker) span(name string, r Range, low, high float64) {
	c.within(name+".low", r.Low, low, high)
	c.within(name+".high", r.High, low, high)
	if r.Low > r.High {
		c.add(name, fmt.Sprintf("runs from %g down to %g", r.Low, r.High), "the lower bound comes first")
	}
}

func (c *checker) border(name string, b Border) {
	if b != Zero && b != Edge && b != Mirror {
		c.add(name, fmt.Sprintf("is %q", b), fmt.Sprintf("one of %q, %q, %q", Zero, Edge, Mirror))
	}
}

func (c *checker) err(subject string) error {
	if len(c.findings) == 0 {
		return nil
	}
	return &fault.Error{Kind: fault.Usage, Err: fmt.Errorf("%s: %s", subject, fault.Count(len(c.findings), "finding")), Findings: c.findings}
}
