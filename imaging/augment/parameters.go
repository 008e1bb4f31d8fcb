package augment

import (
	"fmt"
	"math"
	"slices"
)

// Parameters are everything that Apply does to one image, drawn: nothing in them is random any more. They are
// plain data for JSON. The zero value of each field but From changes nothing.
//
// A voxel o of the result is read from the input at M(o-c) + c' + Shift + u(o), where c and c' are the centres
// (size-1)/2 of the result and the input, and u is the elastic displacement. Axes are depth, height, width.
type Parameters struct {
	From [3]int `json:"from"` // voxels of the input
	To   [3]int `json:"to"`   // voxels of the result; 0 = as the input

	Matrix  [3][3]float64 `json:"matrix"` // M; all 0 = the identity
	Shift   [3]float64    `json:"shift"`  // in voxels of the input
	Elastic *Grid         `json:"elastic,omitempty"`

	Border        Border `json:"border,omitempty"`
	NearestLabels bool   `json:"nearest_labels,omitempty"`

	Steps []Step `json:"steps,omitempty"` // changes of values after the movement, in their order
}

// Grid is a displacement field by uniform cubic B-splines. Control points span the result from its first voxel
// to its last on each axis; beyond the outermost, their values repeat.
type Grid struct {
	Points       [3]int    `json:"points"`       // control points per axis; 1 = the field does not vary along it
	Displacement []float32 `json:"displacement"` // (points..., 3): voxels of the input along depth, height, width
}

// Kind names a change of values.
type Kind string

// Kinds of steps, with what their Amount is. Settings tells what they do.
const (
	Noise         Kind = "noise"          // standard deviation; Seed drives the numbers
	Blur          Kind = "blur"           // sigma in voxels per axis, in Axes
	Multiply      Kind = "multiply"       // factor
	Add           Kind = "add"            // summand
	Contrast      Kind = "contrast"       // factor
	LowResolution Kind = "low_resolution" // zoom, above 0 and at most 1
	InvertedGamma Kind = "inverted_gamma" // exponent
	Gamma         Kind = "gamma"          // exponent
)

// bounds of the amount of a kind; those that no kind has are [0, 0].
func (k Kind) bounds() Range {
	switch k {
	case Noise, Multiply, Contrast:
		return Range{0, most}
	case Add:
		return Range{-math.MaxFloat32, math.MaxFloat32}
	case Blur:
		return Range{0, 64}
	case LowResolution:
		return Range{.01, 1}
	case Gamma, InvertedGamma:
		return Range{.01, 100}
	}
	return Range{}
}

// Step changes the values of one channel.
type Step struct {
	Kind    Kind       `json:"kind"`
	Channel int        `json:"channel"` // 0-based
	Amount  float64    `json:"amount,omitempty"`
	Axes    [3]float64 `json:"axes,omitzero"`
	Seed    uint64     `json:"seed,omitempty"`
}

// Check returns a usage error that lists everything wrong with parameters that were read from a file.
func (p Parameters) Check() error {
	c := checker{}
	for i := range 3 {
		c.within(fmt.Sprintf("from[%d]", i), float64(p.From[i]), 1, math.MaxInt32)
		c.within(fmt.Sprintf("to[%d]", i), float64(p.To[i]), 0, math.MaxInt32)
		c.within(fmt.Sprintf("shift[%d]", i), p.Shift[i], -math.MaxInt32, math.MaxInt32)
		for j := range 3 {
			c.within(fmt.Sprintf("matrix[%d][%d]", i, j), p.Matrix[i][j], -1e6, 1e6)
		}
	}
	c.border("border", p.Border)
	if p.Elastic != nil {
		c.grid(*p.Elastic)
	}
	for i, s := range p.Steps {
		name := fmt.Sprintf("steps[%d].", i)
		bound := s.Kind.bounds()
		if bound == (Range{}) {
			c.add(name+"kind", fmt.Sprintf("is %q", s.Kind), "see the list of kinds")
			continue
		}
		c.within(name+"channel", float64(s.Channel), 0, math.MaxInt32)
		if s.Kind != Blur {
			c.within(name+"amount", s.Amount, bound.Low, bound.High)
			continue
		}
		for _, sigma := range s.Axes {
			c.within(name+"axes", sigma, bound.Low, bound.High)
		}
	}
	return c.err("augmentation parameters")
}

func (c *checker) grid(g Grid) {
	before := len(c.findings)
	for i, n := range g.Points {
		c.within(fmt.Sprintf("elastic.points[%d]", i), float64(n), 1, 1<<10)
	}
	if len(c.findings) > before {
		return
	}
	if want := voxels(g.Points) * 3; len(g.Displacement) != want {
		c.add("elastic.displacement", fmt.Sprintf("has %d numbers in place of %d", len(g.Displacement), want), "")
	}
	if i := slices.IndexFunc(g.Displacement, func(v float32) bool { return !(math.Abs(float64(v)) <= math.MaxInt32) }); i >= 0 {
		c.add("elastic.displacement", fmt.Sprintf("is not a usable number at index %d", i), "")
	}
}

// size is To with its default.
func (p Parameters) size() [3]int {
	for i := range p.To {
		if p.To[i] == 0 {
			p.To[i] = p.From[i]
		}
	}
	return p.To
}

var identity = [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}

// matrix is Matrix with its default.
func (p Parameters) matrix() [3][3]float64 {
	if p.Matrix == [3][3]float64{} {
		return identity
	}
	return p.Matrix
}

func product(a, b [3][3]float64) (c [3][3]float64) {
	for i := range 3 {
		for j := range 3 {
			c[i][j] = a[i][0]*b[0][j] + a[i][1]*b[1][j] + a[i][2]*b[2][j]
		}
	}
	return c
}

// turn is the matrix of a rotation about an axis. Quarter turns are exact: sine and cosine of them are whole.
func turn(axis int, degrees float64) [3][3]float64 {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	if math.Mod(degrees, 90) == 0 {
		sin, cos = math.Round(sin), math.Round(cos)
	}
	i, j := (axis+1)%3, (axis+2)%3
	m := identity
	m[i][i], m[i][j], m[j][i], m[j][j] = cos, -sin, sin, cos
	return m
}
