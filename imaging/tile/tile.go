// Package tile cuts images into patches and puts predictions on patches together again: sliding windows for
// inference in bounded memory, and the sampling of patches for training.
//
// Inference follows nnU-Net (Isensee et al., Nature Methods 2021;18:203): patches overlap by half, the last one
// is moved inside, small images are padded, and predictions are averaged with Gaussian weights, because a
// network sees least context at a patch's border. nnU-Net holds sums and weights of the whole volume; here the
// average is kept running in a window that is one patch deep, and finished slabs are handed on as the window
// moves. Memory doesn't grow with the depth.
//
// Arrays are float32, channels last: (depth, height, width, channels). A plane image is a volume of depth 1; it
// may as well be given as {height, width, 1}, for the numbers lie the same way, and is then finished in slabs of
// rows.
//
// Start with NewPlan and Plan.Run; Sampler stands alone.
package tile

import (
	"fmt"
	"math"

	"galen.dev/fault"
)

// Overlap is nnU-Net's: half a patch.
const Overlap = .5

// Plan says where the patches of one image lie. Axes are depth, height, width.
type Plan struct {
	Dims  [3]int // voxels of the image
	Patch [3]int // voxels of a patch

	// Starts are the first voxels of the patches along each axis, ascending; patches lie at all combinations. A
	// start is negative where the image is smaller than the patch and is padded on both sides.
	Starts [3][]int
}

// NewPlan places patches so that neighbours share at least overlap of a patch, 0 to below 1, with the least
// number of patches, evenly spread. It is a usage error to ask for an axis without voxels or another overlap.
func NewPlan(dims, patch [3]int, overlap float64) (Plan, error) {
	p := Plan{Dims: dims, Patch: patch}
	if !(overlap >= 0 && overlap < 1) {
		return p, fault.Errorf(fault.Usage, "planning patches: the overlap is %g, outside 0 to below 1", overlap)
	}
	for axis := range 3 {
		if dims[axis] < 1 || patch[axis] < 1 {
			return p, fault.Errorf(fault.Usage, "planning patches: image %v or patch %v has an axis without voxels", dims, patch)
		}
		p.Starts[axis] = starts(dims[axis], patch[axis], overlap)
	}
	return p, nil
}

// starts is nnU-Net's rule: as many steps as cover the axis when one step is a patch less the overlap, then
// spread evenly; halves are rounded to the even neighbour, as numpy does. At least one voxel is stepped.
func starts(n, patch int, overlap float64) []int {
	room := n - patch
	if room <= 0 {
		return []int{-((-room) / 2)}
	}
	step := math.Max(1, float64(patch)*(1-overlap))
	steps := int(math.Ceil(float64(room)/step)) + 1
	out := make([]int, steps)
	for i := range out {
		out[i] = int(math.RoundToEven(float64(i) * float64(room) / float64(steps-1)))
	}
	return out
}

// Tiles is the number of patches.
func (p Plan) Tiles() int { return len(p.Starts[0]) * len(p.Starts[1]) * len(p.Starts[2]) }

// From is the first voxel of patch i. Patches are numbered with the width running fastest, so that depth never
// goes back.
func (p Plan) From(i int) [3]int {
	h, w := len(p.Starts[1]), len(p.Starts[2])
	return [3]int{p.Starts[0][i/(h*w)], p.Starts[1][i/w%h], p.Starts[2][i%w]}
}

// Memory is the most bytes that Run holds itself for this plan, with so many channels in and out and so many
// patches at once: the window of averages and weights, the patches and their predictions. It does not depend on
// the depth of the image.
func (p Plan) Memory(in, out, batch int) int64 {
	window := int64(min(p.Patch[0], p.Dims[0])) * int64(p.Dims[1]) * int64(p.Dims[2]) * int64(out+1)
	patch := int64(voxels(p.Patch))
	return 4 * (window + patch*int64(max(batch, 1))*int64(in+out) + patch*int64(out+1))
}

func voxels(d [3]int) int { return d[0] * d[1] * d[2] }

// Cut copies the patch that starts at from out of an image into dst; what lies outside becomes fill. It panics
// where the lengths do not fit.
func Cut[T any](dst []T, from, patch [3]int, image []T, dims [3]int, channels int, fill T) {
	if len(dst) != voxels(patch)*channels || len(image) != voxels(dims)*channels {
		panic("tile: length mismatch")
	}
	low, high := max(0, -from[2]), max(0, min(patch[2], dims[2]-from[2]))
	low = min(low, high)
	row := patch[2] * channels
	for d := range patch[0] {
		for h := range patch[1] {
			out := dst[(d*patch[1]+h)*row:][:row]
			y, x := from[0]+d, from[1]+h
			if y < 0 || y >= dims[0] || x < 0 || x >= dims[1] || low == high {
				all(out, fill)
				continue
			}
			all(out[:low*channels], fill)
			at := ((y*dims[1]+x)*dims[2] + from[2] + low) * channels
			copy(out[low*channels:high*channels], image[at:])
			all(out[high*channels:], fill)
		}
	}
}

func all[T any](v []T, fill T) {
	for i := range v {
		v[i] = fill
	}
}

func mismatch(what string, got, want int) string {
	return fmt.Sprintf("tile: %s: %d values in place of %d", what, got, want)
}
