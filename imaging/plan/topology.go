package plan

import (
	"math"
	"slices"

	"galen.dev/fault"
)

const (
	leastEdge = 4 // voxels of the lowest feature map along a pooled axis
	convs     = 2 // convolutions of each stage, on the way down and on the way up
)

// topology is where feature maps shrink, and with which kernels.
type topology struct {
	kernels, strides [][]int
	divisor          []int // a patch must be a multiple of it
	patch            []int
}

// shape finds the topology for a patch, and pads the patch to what it can halve. An axis is halved while 8 voxels are
// left of it and its spacing is within a factor of 2 of the smallest that can be halved: feature maps grow isotropic
// before they grow small.
func shape(spacing, patch []float64) topology {
	n := len(spacing)
	s, size := slices.Clone(spacing), slices.Clone(patch)
	kernel, pools := slices.Repeat([]int{1}, n), make([]int, n)
	t := topology{strides: [][]int{slices.Repeat([]int{1}, n)}}
	for {
		valid := poolable(s, size)
		if len(valid) == 0 || len(valid) == 1 && size[valid[0]] < 3*leastEdge {
			break
		}
		finest := slices.Min(s)
		for a := range kernel {
			if s[a]/finest < 2 {
				kernel[a] = 3 // for good
			}
		}
		t.kernels = append(t.kernels, slices.Clone(kernel))
		stride := slices.Repeat([]int{1}, n)
		for _, a := range valid {
			stride[a] = 2
			pools[a]++
			s[a] *= 2
			size[a] = math.Ceil(size[a] / 2)
		}
		t.strides = append(t.strides, stride)
	}
	t.kernels = append(t.kernels, slices.Repeat([]int{3}, n))
	for a, k := range pools {
		d := 1 << k
		t.divisor = append(t.divisor, d)
		t.patch = append(t.patch, int(math.Ceil(patch[a]/float64(d)))*d)
	}
	return t
}

func poolable(spacing, size []float64) []int {
	smallest := math.Inf(1)
	for a := range size {
		if size[a] >= 2*leastEdge {
			smallest = min(smallest, spacing[a])
		}
	}
	var valid []int
	for a := range size {
		if size[a] >= 2*leastEdge && spacing[a]/smallest < 2 {
			valid = append(valid, a)
		}
	}
	return valid
}

// maker holds what configurations of one data set have in common.
type maker struct {
	channels, classes, cases int
	options                  Options
}

func (m *maker) features(stages, axes int) []int {
	widest := 320
	if axes == 2 {
		widest = 512
	}
	out := make([]int, stages)
	for i := range out {
		out[i] = min(widest, m.options.base()<<min(i, 20))
	}
	return out
}

// configuration applies the rules of patch, topology and batch. voxels is the size of the whole data set.
func (m *maker) configuration(name string, spacing, median []float64, voxels float64) (Configuration, error) {
	// The values are arbitrary: they made version 2 of nnU-Net decide as version 1 did.
	reference, referenceBatch := 560e6, 2.
	if len(spacing) == 2 {
		reference, referenceBatch = 85e6, 12
	}
	reference *= m.options.target() / 8
	c := Configuration{Name: name, SpacingMM: spacing, Median: median}
	t := shape(spacing, m.firstPatch(spacing, median))
	m.take(&c, t)
	for float64(c.Estimate)/referenceBatch*2 > reference || m.breaks(c, 2) {
		axis := largest(c.Patch, median)
		trial := floats(c.Patch)
		trial[axis] -= float64(t.divisor[axis])
		if trial[axis] < 1 {
			return c, m.tooSmall(c)
		}
		step := shape(spacing, trial).divisor[axis] // of the smaller patch: a coarser step would skip sizes
		trial[axis] = float64(c.Patch[axis] - step)
		if trial[axis] < 1 {
			return c, m.tooSmall(c)
		}
		t = shape(spacing, trial)
		if slices.Equal(t.patch, c.Patch) {
			return c, m.tooSmall(c)
		}
		m.take(&c, t)
		if len(t.strides) < 2 { // a network that sees a few voxels
			return c, m.tooSmall(c)
		}
	}
	batch := math.RoundToEven(reference / float64(c.Estimate) * referenceBatch)
	share := math.RoundToEven(voxels * .05 / product(floats(c.Patch))) // of the data set in a batch: no more, it would overfit
	c.Batch = int(max(min(batch, share), 2))
	if b := m.options.MaxBatch; b > 0 {
		c.Batch = min(c.Batch, b)
	}
	for c.Batch > 2 && m.breaks(c, c.Batch) {
		c.Batch--
	}
	return c, nil
}

// firstPatch is a box with the proportions of the voxels, of 256³ voxels or 2048² pixels, but no larger than the
// median image.
func (m *maker) firstPatch(spacing, median []float64) []float64 {
	n := float64(len(spacing))
	edge := 256.
	if n == 2 {
		edge = 2048
	}
	inverse := make([]float64, len(spacing))
	for a, s := range spacing {
		inverse[a] = 1 / s
	}
	scale := math.Pow(math.Pow(edge, n)/product(inverse), 1/n)
	patch := make([]float64, len(spacing))
	for a := range patch {
		patch[a] = min(math.RoundToEven(inverse[a]*scale), median[a])
		bound := m.options.MaxSolid
		if n == 2 {
			bound = m.options.MaxPlane
		}
		if bound > 0 {
			patch[a] = min(patch[a], float64(bound))
		}
	}
	return patch
}

func (m *maker) take(c *Configuration, t topology) {
	c.Patch, c.Kernels, c.Strides = t.patch, t.kernels, t.strides
	c.Features = m.features(len(t.strides), len(t.patch))
	c.measure(m.channels, m.classes)
}

// largest is the axis along which the patch is largest in proportion to the median image; of equals the last.
func largest(patch []int, median []float64) int {
	at := 0
	for a := range patch {
		if float64(patch[a])/median[a] >= float64(patch[at])/median[at] {
			at = a
		}
	}
	return at
}

func (m *maker) breaks(c Configuration, batch int) bool {
	c.Batch = min(batch, max(m.options.MaxBatch, 1))
	if m.options.MaxBatch == 0 {
		c.Batch = batch
	}
	return m.options.Limit > 0 && Bytes(c, m.channels, m.classes) > m.options.Limit
}

func (m *maker) tooSmall(c Configuration) error {
	c.Batch = 2
	return fault.WithHint(fault.Errorf(fault.Usage, "even a patch of %v voxels would take %d MiB to train", c.Patch, Bytes(c, m.channels, m.classes)>>20),
		"allow more memory, or make the network narrower")
}
