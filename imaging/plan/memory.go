package plan

// Memory is what a training takes.
type Memory struct {
	LimitBytes    int64 `json:"limit_bytes"`    // 0 = no bound
	TrainingBytes int64 `json:"training_bytes"` // estimate of Bytes
}

// measure counts the values in all feature maps of a patch, as nnU-Net does, and the operations of its convolutions.
func (c *Configuration) measure(channels, classes int) {
	c.Estimate, c.Operations = 0, 0
	sizes := c.sizes()
	in := channels
	for s, size := range sizes {
		f := c.Features[s]
		for range convs {
			c.add(size, f, in*voxels(c.Kernels[s]))
			in = f
		}
	}
	for s := len(sizes) - 2; s >= 0; s-- {
		f := c.Features[s]
		c.add(sizes[s], f, c.Features[s+1]) // transposed convolution: each output sees one place of the input
		c.add(sizes[s], f, 2*f*voxels(c.Kernels[s]))
		c.add(sizes[s], f, f*voxels(c.Kernels[s]))
	}
	c.add(sizes[0], classes, c.Features[0])
}

func (c *Configuration) add(size int64, features, inputs int) {
	c.Estimate += size * int64(features)
	c.Operations += 2 * size * int64(features) * int64(inputs)
}

// sizes are the voxels of a patch at each stage.
func (c *Configuration) sizes() []int64 {
	out := make([]int64, len(c.Strides))
	size := append([]int{}, c.Patch...)
	for s, stride := range c.Strides {
		n := int64(1)
		for a := range size {
			size[a] /= stride[a]
			n *= int64(size[a])
		}
		out[s] = n
	}
	return out
}

// Weights is the number of trained values of the network.
func (c *Configuration) Weights(channels, classes int) int64 {
	var n int64
	in := channels
	for s, f := range c.Features {
		for range convs {
			n += int64(f) * int64(in*voxels(c.Kernels[s])+3) // bias, scale, shift
			in = f
		}
	}
	for s := len(c.Features) - 2; s >= 0; s-- {
		f := int64(c.Features[s])
		n += f * int64(c.Features[s+1]*voxels(c.Strides[s+1])+1)
		n += f*(2*f*int64(voxels(c.Kernels[s]))+3) + f*(f*int64(voxels(c.Kernels[s]))+3)
		n += int64(classes) * (f + 1) // of the output, or of deep supervision
	}
	return n
}

// valuesPerMap is how many values a step of training holds at its peak for each value of a feature map: the
// convolution, its norm, its activation, what the way back needs of them, and a fifth for the gradients that are alive
// at once. It bounds what package nn counts for these networks from above; a test holds it.
const valuesPerMap = 6

// Bytes estimates what a training takes: feature maps of a batch with what the gradients need of them, weights with
// the optimiser's two numbers for each, the best weights and the copy for a checkpoint, and batches that are made
// ahead.
func Bytes(c Configuration, channels, classes int) int64 {
	voxels := int64(voxels(c.Patch)) * int64(c.Batch)
	maps := 4 * valuesPerMap * c.Estimate * int64(c.Batch)
	weights := 4 * 8 * c.Weights(channels, classes)
	batches := 2 * 3 * 4 * voxels * int64(channels+2)
	return maps + weights + batches + 4*voxels*int64(classes)*8
}

func voxels(v []int) int {
	p := 1
	for _, x := range v {
		p *= x
	}
	return p
}
