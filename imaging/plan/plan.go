// Package plan decides from a data set how images are prepared for a segmenting network, and what network that is:
// spacing, resampling, intensities, patch, batch, depth. The rules are those of nnU-Net (Isensee et al., Nature
// Methods 2021;18:203; version 2), which replace tuning by hand, and the tests hold them to nnU-Net's own planner.
//
// A Fingerprint is what the rules need to know of the training cases; Collector makes it, one case after the other.
// Make turns it into a Plan, which is plain data for JSON: readable, and meant to be changed by hand. Read takes such
// a file back and refuses it with every finding at once. Prepare applies a plan to an image; training and inference
// call the same function.
//
// Axes are in the order of memory, slowest first: depth, height, width, which are z, y, x of a volume. After Transpose
// the axis with the widest spacing comes first.
//
// Start with Fingerprint and Make, then spacing.go, topology.go and memory.go, then prepare.go.
package plan

import (
	"math"

	"galen.dev/fault"
)

// Format is the version of plan files that this package writes and reads.
const Format = 1

// Names of configurations, as nnU-Net has them.
const (
	Planes  = "2d"         // slice by slice
	Full    = "3d_fullres" // solid patches at the target spacing
	Reduced = "3d_lowres"  // solid patches at a wider spacing, where patches see little of the full image
)

// Plan says how images become the input of a network, and which network reads them.
type Plan struct {
	Format int `json:"format"`
	// Use names the configuration that is trained.
	Use       string    `json:"use"`
	Transpose [3]int    `json:"transpose"` // axis i of prepared images is axis Transpose[i] of the image
	Channels  []Channel `json:"channels"`
	Classes   []Class   `json:"classes"` // background 0 is not named
	// Configurations that the rules give; the one in use is first.
	Configurations []Configuration `json:"configurations"`
	// Resampling is for information: the orders that Prepare and the way back use.
	Resampling  Resampling `json:"resampling"`
	Memory      Memory     `json:"memory"`
	Fingerprint Summary    `json:"fingerprint"` // for information: what the rules were given
}

// Class is one label that is learned.
type Class struct {
	Value uint16 `json:"value"`
	Name  string `json:"name"`
}

// Configuration is one way to see the images, and the network for it.
type Configuration struct {
	Name      string    `json:"name"`
	SpacingMM []float64 `json:"spacing_mm"` // of prepared images; two numbers leave the first axis as it is
	Median    []float64 `json:"median"`     // size of the median prepared image; for information
	Patch     []int     `json:"patch"`
	Batch     int       `json:"batch"`
	Features  []int     `json:"features"` // channels of each stage
	Kernels   [][]int   `json:"kernels"`  // of each stage's convolutions
	Strides   [][]int   `json:"strides"`  // of each stage's first convolution; the first stage has none
	BatchDice bool      `json:"batch_dice"`
	// Estimate is nnU-Net's measure of memory: the number of values in all feature maps of one patch.
	Estimate int64 `json:"estimate"`
	// Operations of one patch, forward: multiplications and additions.
	Operations int64 `json:"operations"`
}

// Resampling names the orders of interpolation.
type Resampling struct {
	Image         string `json:"image"`
	Labels        string `json:"labels"`
	Probabilities string `json:"probabilities"`
	Coarse        string `json:"coarse_axis"` // along the coarse axis of thick slices, for all three
}

// orders are nnU-Net's.
var orders = Resampling{Image: "cubic", Labels: "linear", Probabilities: "linear", Coarse: "nearest"}

// Options of Make. The zero value is nnU-Net's.
type Options struct {
	Use  string // the configuration; "" = 3d_fullres where images have depth, else 2d
	Base int    // channels of the first stage; 0 = 32
	// TargetGB is nnU-Net's target of memory on a graphics card, which scales its reference; 0 = 8
	TargetGB float64
	Limit    int64 // bytes that a training may take by Bytes; 0 = no bound
	MaxPlane int   // longest side of a patch in planes, in pixels; 0 = no bound
	MaxSolid int   // and of a solid patch, in voxels; 0 = no bound
	MaxBatch int   // 0 = no bound
}

func (o Options) base() int {
	if o.Base == 0 {
		return 32
	}
	return o.Base
}

func (o Options) target() float64 {
	if o.TargetGB == 0 {
		return 8
	}
	return o.TargetGB
}

// Make applies the rules to a fingerprint. It refuses a fingerprint without cases, a configuration that the data do
// not have, and a limit of memory that even the smallest patch breaks.
func Make(f *Fingerprint, classes []Class, o Options) (*Plan, error) {
	if len(f.SpacingsMM) == 0 {
		return nil, fault.Errorf(fault.Data, "no training case to plan from")
	}
	spacing := targetSpacing(f)
	order := transpose(spacing)
	median := medianShape(f, spacing)
	p := &Plan{Format: Format, Transpose: order, Channels: channels(f), Classes: classes, Resampling: orders, Fingerprint: f.summary()}
	m := &maker{channels: len(f.Channels), classes: len(classes) + 1, options: o, cases: len(f.SpacingsMM)}
	s, d := permute(spacing, order), permute(median, order)
	made, err := m.all(s[:], d[:])
	if err != nil {
		return nil, err
	}
	p.Use = o.Use
	if p.Use == "" {
		p.Use = made[0].Name
	}
	for _, c := range made {
		if c.Name == p.Use {
			p.Configurations = append([]Configuration{c}, p.Configurations...)
		} else {
			p.Configurations = append(p.Configurations, c)
		}
	}
	if p.Configurations[0].Name != p.Use {
		names := ""
		for i, c := range made {
			if i > 0 {
				names += ", "
			}
			names += c.Name
		}
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "the data have no configuration %q", p.Use), "they have %s", names)
	}
	c := p.Configurations[0]
	p.Memory = Memory{LimitBytes: o.Limit, TrainingBytes: Bytes(c, m.channels, m.classes)}
	return p, nil
}

// Chosen is the configuration in use.
func (p *Plan) Chosen() *Configuration {
	for i := range p.Configurations {
		if p.Configurations[i].Name == p.Use {
			return &p.Configurations[i]
		}
	}
	return nil
}

// Patch3 is the patch as depth, height, width; in planes the depth is 1.
func (c *Configuration) Patch3() [3]int {
	if len(c.Patch) == 2 {
		return [3]int{1, c.Patch[0], c.Patch[1]}
	}
	return [3]int{c.Patch[0], c.Patch[1], c.Patch[2]}
}

// all makes the configurations of transposed spacing and median size: solid ones first.
func (m *maker) all(spacing, median []float64) ([]Configuration, error) {
	voxels := product(median)
	var out []Configuration
	if median[0] != 1 {
		full, err := m.configuration(Full, spacing, median, voxels*float64(m.cases))
		if err != nil {
			return nil, err
		}
		low, err := m.reduced(full, spacing, median)
		if err != nil {
			return nil, err
		}
		full.BatchDice = low != nil
		out = append(out, full)
		if low != nil {
			out = append(out, *low)
		}
	}
	planes, err := m.configuration(Planes, spacing[1:], median[1:], voxels*float64(m.cases))
	if err != nil {
		return nil, err
	}
	planes.BatchDice = true
	return append(out, planes), nil
}

// reduced widens the spacing until a patch covers a quarter of the median image; nil where that is not needed or
// gains too little.
func (m *maker) reduced(full Configuration, spacing, median []float64) (*Configuration, error) {
	const quarter, growth = .25, 1.03
	wide := append([]float64{}, spacing...)
	whole := product(median)
	voxels, patch := whole, product(floats(full.Patch))
	var low *Configuration
	for patch/voxels < quarter {
		widest := max(wide[0], wide[1], wide[2])
		behind := false // axes that are finer than half the coarsest grow first
		for i := range wide {
			behind = behind || widest/wide[i] > 2
		}
		var sizes, rounded [3]float64
		for i := range wide {
			if !behind || widest/wide[i] > 2 {
				wide[i] *= growth
			}
			sizes[i] = spacing[i] / wide[i] * median[i]
			rounded[i] = math.RoundToEven(sizes[i])
		}
		voxels = product(sizes[:])
		c, err := m.configuration(Reduced, append([]float64{}, wide...), rounded[:], voxels*float64(m.cases))
		if err != nil {
			return nil, err
		}
		low, patch = &c, product(floats(c.Patch))
	}
	if whole/voxels < 2 {
		return nil, nil
	}
	return low, nil
}

func product(v []float64) float64 {
	p := 1.
	for _, x := range v {
		p *= x
	}
	return p
}

func floats(v []int) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}

func permute[T any](v [3]T, order [3]int) (out [3]T) {
	for i, k := range order {
		out[i] = v[k]
	}
	return out
}
