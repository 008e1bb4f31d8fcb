package volume

import (
	"fmt"
	"math"
	"strings"

	"galen.dev/fault"
)

// Geometry is a grid of voxels in the patient.
type Geometry struct {
	Dims   [3]int // voxels along x, y, z; x runs fastest in memory
	Affine Affine
}

// MaxVoxels bounds a grid: more is a mistake or an attack. It is a cube of 2048 voxels.
const MaxVoxels = 1 << 33

// Voxels is the number of voxels in the grid.
func (g Geometry) Voxels() int { return g.Dims[0] * g.Dims[1] * g.Dims[2] }

// Index is the place of a voxel in memory.
func (g Geometry) Index(x, y, z int) int { return (z*g.Dims[1]+y)*g.Dims[0] + x }

// Spacing is the distance in mm between neighbouring voxels along each axis.
func (g Geometry) Spacing() Vec { return g.Affine.Spacing() }

// VoxelML is the volume of one voxel in millilitres.
func (g Geometry) VoxelML() float64 { return math.Abs(g.Affine.Det()) / 1000 }

// Check refuses impossible sizes and a singular affine. subject names the grid in the error.
func (g Geometry) Check(subject string) error { return fault.Refuse(subject, g.findings()) }

func (g Geometry) findings() (out []fault.Finding) {
	left := int64(MaxVoxels)
	for axis, d := range g.Dims {
		if d < 1 || int64(d) > left {
			out = append(out, fault.Finding{
				Name: "grid-size", Severity: fault.Severe,
				Message: fmt.Sprintf("size %d x %d x %d is not between 1 voxel and %d voxels (axis %s)", g.Dims[0], g.Dims[1], g.Dims[2], int64(MaxVoxels), "xyz"[axis:axis+1]),
			})
			break
		}
		left /= int64(d)
	}
	if !g.Affine.IsFinite() {
		return append(out, fault.Finding{Name: "affine", Severity: fault.Severe, Message: "the affine has an entry that is no finite number, or its last row is not 0 0 0 1"})
	}
	if _, ok := g.Affine.Inverse(); !ok {
		out = append(out, fault.Finding{Name: "affine", Severity: fault.Severe, Message: "the affine is singular: two axes coincide, or a spacing is zero"})
	}
	return out
}

// sameWithin is how far, as a part of the smallest voxel edge, corners of equal grids may lie apart: more than
// single-precision headers and decimal strings of DICOM lose, less than anybody can see.
const sameWithin = 0.01

// SameGeometry returns nil where two grids are the same: equal sizes, and no corner further from its partner
// than a hundredth of the smallest voxel edge. Otherwise the error says every difference, in mm.
func SameGeometry(a, b Geometry) error {
	var out []fault.Finding
	add := func(name, format string, args ...any) {
		out = append(out, fault.Finding{Name: name, Severity: fault.Severe, Message: fmt.Sprintf(format, args...)})
	}
	if a.Dims != b.Dims {
		add("sizes-differ", "sizes are %s and %s voxels", dimsText(a.Dims), dimsText(b.Dims))
	}
	sa, sb := a.Spacing(), b.Spacing()
	tolerance := sameWithin * min(sa[0], sa[1], sa[2], sb[0], sb[1], sb[2])
	if worst := cornerDistance(a, b); a.Dims == b.Dims && worst <= tolerance {
		return nil
	}
	ca, cb := a.Affine.Codes(), b.Affine.Codes()
	if ca != cb {
		add("orientations-differ", "orientations are %s and %s", ca, cb)
	}
	for axis := range 3 {
		if n := float64(max(a.Dims[axis], b.Dims[axis], 2) - 1); !(math.Abs(sa[axis]-sb[axis])*n <= tolerance) {
			add("spacings-differ", "spacings along %s are %.6g and %.6g mm", "xyz"[axis:axis+1], sa[axis], sb[axis])
		}
	}
	if d := a.Affine.Origin().Minus(b.Affine.Origin()); !(d.Length() <= tolerance) {
		add("origins-differ", "first voxels lie %.6g mm apart (%.6g right, %.6g anterior, %.6g superior)", d.Length(), d[0], d[1], d[2])
	}
	if angle := axisAngle(a.Affine, b.Affine); ca == cb && angle > 0.001 {
		add("directions-differ", "axes are turned by up to %.4g degrees", angle)
	}
	if worst := cornerDistance(a, b); a.Dims == b.Dims && len(out) == 0 {
		add("corners-differ", "corners lie up to %.6g mm apart", worst)
	}
	if len(out) == 0 {
		return nil
	}
	return fault.WithHint(fault.Refuse("the grids differ", out), "resample one of the two onto the grid of the other")
}

func dimsText(d [3]int) string { return fmt.Sprintf("%d x %d x %d", d[0], d[1], d[2]) }

// cornerDistance is the largest distance in mm of a corner of a to the same corner of b; sizes are a's.
func cornerDistance(a, b Geometry) float64 {
	worst := 0.0
	for corner := range 8 {
		var p Vec
		for axis := range 3 {
			p[axis] = float64((corner >> axis & 1) * (a.Dims[axis] - 1))
		}
		d := a.Affine.Apply(p).Minus(b.Affine.Apply(p)).Length()
		if !(d <= worst) { // a NaN is as far as can be
			worst = d
		}
	}
	return worst
}

// axisAngle is the largest angle in degrees between the same axes of two grids.
func axisAngle(a, b Affine) float64 {
	da, db := a.Directions(), b.Directions()
	worst := 0.0
	for axis := range 3 {
		// The half-chord keeps small angles exact, which an arc cosine loses.
		half := da[axis].Minus(db[axis]).Length() / 2
		worst = max(worst, 2*math.Asin(min(half, 1))*180/math.Pi)
	}
	return worst
}

// Codes are three letters that say where each axis of a volume points: of R, L, A, P, S, I the one nearest, as
// "RAS" or "LPS".
type Codes string

// Codes of the affine's axes.
func (a Affine) Codes() Codes {
	axes, signs := a.orientation()
	var b strings.Builder
	for axis := range 3 {
		b.WriteByte(letters[axes[axis]][signs[axis]])
	}
	return Codes(b.String())
}

// letters of the patient's axes: towards the negative and the positive end.
var letters = [3][2]byte{{'L', 'R'}, {'P', 'A'}, {'I', 'S'}}

// orientation gives for each voxel axis the patient's axis nearest to it and 1 where it runs in the positive
// direction. The axes of the nearest rotation (the polar factor) are compared, the most certain first, as
// nibabel does; no two voxel axes get the same patient axis.
func (a Affine) orientation() (axes, signs [3]int) {
	m := polar(a)
	var voxelDone, patientDone [3]bool
	for range 3 {
		bv, bp, best := -1, -1, -1.0
		for v := range 3 {
			for p := range 3 {
				if c := math.Abs(m[p][v]); !voxelDone[v] && !patientDone[p] && (bv < 0 || c > best) {
					bv, bp, best = v, p, c
				}
			}
		}
		voxelDone[bv], patientDone[bp] = true, true
		axes[bv] = bp
		if m[bp][bv] >= 0 {
			signs[bv] = 1
		}
	}
	return axes, signs
}

// polar is the orthogonal matrix nearest to the affine's directions, by Newton's iteration (Higham 1986).
func polar(a Affine) [3][3]float64 {
	var m [3][3]float64
	d := a.Directions()
	for r := range 3 {
		for c := range 3 {
			m[r][c] = d[c][r]
		}
	}
	for range 50 {
		inv, ok := Affine{{m[0][0], m[0][1], m[0][2]}, {m[1][0], m[1][1], m[1][2]}, {m[2][0], m[2][1], m[2][2]}, {0, 0, 0, 1}}.Inverse()
		if !ok {
			return m
		}
		change := 0.0
		for r := range 3 {
			for c := range 3 {
				next := (m[r][c] + inv[c][r]) / 2
				change = max(change, math.Abs(next-m[r][c]))
				m[r][c] = next
			}
		}
		if change < 1e-14 {
			break
		}
	}
	return m
}
