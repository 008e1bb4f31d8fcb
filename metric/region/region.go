// Package region scores segmentations: how much of an organ or lesion was found (overlap), how far the outline is
// off in millimetres (surface distances), how many lesions or nuclei were found at all (instances), each per case
// and as a mean over cases with a bootstrap interval. Voxels are never pooled over cases: a large tumour would
// drown ten small ones.
//
// Choose one overlap score and one boundary score, as Metrics Reloaded advises (Maier-Hein, Reinke et al., Nature
// Methods 2024;21:195): Dice with the normalised surface Dice at the tolerance within which experts differ, or with
// the 95th percentile of the Hausdorff distance where single large errors hurt. Where structures are many and
// small, count them: a Dice of .9 may miss every small one.
//
// Programs differ by more than 100 mm on the same masks (Podobnik and Vrtovec, arXiv 2410.02630), so this is what
// is computed here. The surface of a mask is taken in one of two published ways, see Convention. What lies beyond
// the image is background, so a mask that reaches the image's edge has a surface there. Distances go to the nearest
// point of the other surface, exactly, in millimetres along each axis. A percentile is the larger of those of both
// directions. A grid of one slice is an image: its surface is a contour.
//
// Where a mask is empty, 0/0 stays undefined (NaN in the functions, never zero), and Empty says what a table and
// a mean do about it; every mean says how many cases it left out.
//
// Reading order: region.go, overlap.go; surface.go, element.go, nearest.go, distance.go; instance.go, match.go,
// assign.go; empty.go, case.go, summary.go. All loops run on every thread and give the same bits for any number of
// threads.
package region

import (
	"fmt"
	"math"

	"galen.dev/fault"
	"galen.dev/volume"
)

// Label is the type of a voxel's class; 0 is background.
type Label interface{ ~uint8 | ~uint16 }

// Grid is the grid that both masks lie on. Voxel (x, y, z) is at (z*Dims[1]+y)*Dims[0]+x.
type Grid struct {
	Dims      [3]int     // voxels along x, y, z, each at least 1; an image has one slice
	SpacingMM [3]float64 // between neighbouring voxels; a single slice's thickness matters to volumes alone
}

// maxSide bounds an axis: steps to the nearest point are kept in 16 bits.
const maxSide = 1<<16 - 3

// Spacings beyond these, in mm, are no spacings, and their squares would lose the smaller steps.
const minSpacing, maxSpacing = 1e-9, 1e6

// GridOf is the grid of a geometry. It refuses one whose axes are not at right angles, because distances along
// slanted axes do not add up by Pythagoras, and what Check refuses.
func GridOf(g volume.Geometry) (Grid, error) {
	out := Grid{g.Dims, g.Spacing()}
	if !g.Affine.IsOrthogonal() {
		return out, fault.Refuse("scoring a segmentation", []fault.Finding{{
			Name: "slanted-axes", Severity: fault.Severe,
			Message: fmt.Sprintf("the axes are not at right angles (shear %.3g)", g.Affine.Shear()),
			Hint:    "resample image and masks to a grid with right angles",
		}})
	}
	return out, out.Check("scoring a segmentation")
}

// Check refuses a grid without voxels, one with an axis of more than 65533 voxels, and spacings that
// cannot be.
func (g Grid) Check(subject string) error {
	var findings []fault.Finding
	for axis, d := range g.Dims {
		if d < 1 || d > maxSide {
			findings = append(findings, fault.Finding{
				Name: "grid-size", Severity: fault.Severe,
				Message: fmt.Sprintf("%d voxels along %s; from 1 to %d can be scored", d, axisName(axis), maxSide),
			})
		}
		if s := g.SpacingMM[axis]; !(s >= minSpacing && s <= maxSpacing) {
			findings = append(findings, fault.Finding{
				Name: "spacing", Severity: fault.Severe,
				Message: fmt.Sprintf("the spacing along %s is not between a picometre and a kilometre", axisName(axis)),
				Hint:    "read it from the image; for a picture without a scale, use 1 and read millimetres as pixels",
			})
		}
	}
	return fault.Refuse(subject, findings)
}

func axisName(axis int) string { return "xyz"[axis : axis+1] }

// Voxels is the number of voxels.
func (g Grid) Voxels() int { return g.Dims[0] * g.Dims[1] * g.Dims[2] }

// VoxelML is the volume of a voxel in millilitres.
func (g Grid) VoxelML() float64 { return g.SpacingMM[0] * g.SpacingMM[1] * g.SpacingMM[2] / 1000 }

// DiagonalMM is the longest distance in the image, from the outer corner of the first voxel to that of the last:
// the worst that a distance can be. The thickness of a single slice does not count.
func (g Grid) DiagonalMM() float64 {
	sum := 0.0
	for axis, d := range g.Dims {
		if axis < 2 || !g.flat() {
			side := float64(d) * g.SpacingMM[axis]
			sum += side * side
		}
	}
	return math.Sqrt(sum)
}

// flat is true for an image.
func (g Grid) flat() bool { return g.Dims[2] == 1 }

func (g Grid) holds(a, b int) {
	if a != g.Voxels() || b != a {
		panic("region: length mismatch")
	}
}
