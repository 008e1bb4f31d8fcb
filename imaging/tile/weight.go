package tile

import "math"

// sigmas is the width of a patch in standard deviations of its Gaussian weight, and reach is where the Gaussian
// is cut off; both as in nnU-Net, which filters a single point with scipy.ndimage.gaussian_filter.
const (
	sigmas = 8
	reach  = 4
)

// Weights is the importance of each voxel of a patch, (depth, height, width): a Gaussian about the voxel
// size/2 (rounded down) of each axis with a standard deviation of size/8, 1 in the middle. Voxels beyond 4
// deviations get the smallest weight of the others: every voxel counts, for one at the image's border may have
// no other patch.
func Weights(patch [3]int) []float32 {
	var axes [3][]float64
	smallest := 1.
	for axis, n := range patch {
		axes[axis] = make([]float64, n)
		sigma := float64(n) / sigmas
		radius, least := int(reach*sigma+.5), 1.
		for i := range axes[axis] {
			d := i - n/2
			if max(d, -d) > radius {
				continue
			}
			w := math.Exp(-.5 * float64(d*d) / (sigma * sigma))
			axes[axis][i], least = w, math.Min(least, w)
		}
		smallest *= least
	}
	out := make([]float32, 0, voxels(patch))
	for _, d := range axes[0] {
		for _, h := range axes[1] {
			for _, w := range axes[2] {
				v := d * h * w
				if v == 0 {
					v = smallest
				}
				out = append(out, float32(v))
			}
		}
	}
	return out
}
