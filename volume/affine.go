package volume

import "math"

// Affine maps a voxel's index (x, y, z, 1) to millimetres in the patient, RAS+: the centre of voxel (0, 0, 0)
// lies at the fourth column. The last row is 0 0 0 1.
type Affine [4][4]float64

// Vec is a point or a direction, in voxels or in millimetres.
type Vec [3]float64

// Identity maps indices to millimetres as they are: voxels of 1 mm, the first at the origin.
func Identity() Affine { return Scaling(Vec{1, 1, 1}) }

// Scaling has the given spacing in mm and no rotation; the first voxel lies at the origin.
func Scaling(spacing Vec) Affine {
	return Affine{{spacing[0]}, {0, spacing[1]}, {0, 0, spacing[2]}, {0, 0, 0, 1}}
}

// Translation moves by d.
func Translation(d Vec) Affine {
	return Affine{{1, 0, 0, d[0]}, {0, 1, 0, d[1]}, {0, 0, 1, d[2]}, {0, 0, 0, 1}}
}

// FromColumns has the columns x, y, z (the step in mm from one voxel to the next along each axis) and the
// position of the first voxel.
func FromColumns(x, y, z, origin Vec) Affine {
	var a Affine
	for r := range 3 {
		a[r] = [4]float64{x[r], y[r], z[r], origin[r]}
	}
	a[3][3] = 1
	return a
}

// FromLPS converts an affine in DICOM's coordinates, where left and posterior are positive, to RAS+.
func FromLPS(lps Affine) Affine { return flipLPS(lps) }

// LPS returns the affine in DICOM's coordinates, where left and posterior are positive.
func (a Affine) LPS() Affine { return flipLPS(a) }

func flipLPS(a Affine) Affine {
	for c := range 4 {
		a[0][c], a[1][c] = 0-a[0][c], 0-a[1][c] // 0-x makes no minus zero
	}
	return a
}

// Apply maps an index, whole or not, to mm.
func (a Affine) Apply(p Vec) Vec {
	var out Vec
	for r := range 3 {
		out[r] = a[r][0]*p[0] + a[r][1]*p[1] + a[r][2]*p[2] + a[r][3]
	}
	return out
}

// Column is the step in mm to the next voxel along an axis.
func (a Affine) Column(axis int) Vec { return Vec{a[0][axis], a[1][axis], a[2][axis]} }

// Origin is the position of voxel (0, 0, 0) in mm.
func (a Affine) Origin() Vec { return a.Column(3) }

// WithOrigin returns a with another position of voxel (0, 0, 0).
func (a Affine) WithOrigin(p Vec) Affine {
	for r := range 3 {
		a[r][3] = p[r]
	}
	return a
}

// Compose returns the map that applies b first, then a: the matrix product a*b.
func (a Affine) Compose(b Affine) Affine {
	var out Affine
	for r := range 4 {
		for c := range 4 {
			for k := range 4 {
				out[r][c] += float64(a[r][k] * b[k][c])
			}
		}
	}
	return out
}

// Det is the determinant of the 3x3 part: the volume of a voxel in cubic mm, negative where the axes are
// left-handed.
func (a Affine) Det() float64 {
	return a[0][0]*(a[1][1]*a[2][2]-a[1][2]*a[2][1]) - a[0][1]*(a[1][0]*a[2][2]-a[1][2]*a[2][0]) + a[0][2]*(a[1][0]*a[2][1]-a[1][1]*a[2][0])
}

// Inverse maps mm to indices; ok is false where the axes do not span the space or an entry is not finite.
func (a Affine) Inverse() (inv Affine, ok bool) {
	det := a.Det()
	s := a.Spacing()
	// The determinant of unit columns says how far from flat the axes are, whatever their lengths.
	if flat := math.Abs(det / (s[0] * s[1] * s[2])); !(flat > 1e-9) || !isFinite(det) {
		return inv, false
	}
	for r := range 3 {
		for c := range 3 {
			r1, r2, c1, c2 := (c+1)%3, (c+2)%3, (r+1)%3, (r+2)%3
			inv[r][c] = (a[r1][c1]*a[r2][c2] - a[r1][c2]*a[r2][c1]) / det
		}
	}
	for r := range 3 {
		inv[r][3] = 0 - (inv[r][0]*a[0][3] + inv[r][1]*a[1][3] + inv[r][2]*a[2][3])
	}
	inv[3][3] = 1
	for r := range 3 {
		for c := range 4 {
			if !isFinite(inv[r][c]) {
				return inv, false
			}
		}
	}
	return inv, true
}

// Spacing is the distance in mm between neighbouring voxels along each axis.
func (a Affine) Spacing() Vec {
	var s Vec
	for c := range 3 {
		s[c] = a.Column(c).Length()
	}
	return s
}

// Length of a vector.
func (p Vec) Length() float64 { return math.Sqrt(p.Dot(p)) }

// Dot is the scalar product.
func (p Vec) Dot(q Vec) float64 { return p[0]*q[0] + p[1]*q[1] + p[2]*q[2] }

// Cross is the vector product.
func (p Vec) Cross(q Vec) Vec {
	return Vec{p[1]*q[2] - p[2]*q[1], p[2]*q[0] - p[0]*q[2], p[0]*q[1] - p[1]*q[0]}
}

// Times scales a vector.
func (p Vec) Times(f float64) Vec { return Vec{p[0] * f, p[1] * f, p[2] * f} }

// Plus adds two vectors.
func (p Vec) Plus(q Vec) Vec { return Vec{p[0] + q[0], p[1] + q[1], p[2] + q[2]} }

// Minus subtracts.
func (p Vec) Minus(q Vec) Vec { return Vec{p[0] - q[0], p[1] - q[1], p[2] - q[2]} }

// Directions are the unit vectors of the three axes, as columns, without spacing and origin.
func (a Affine) Directions() [3]Vec {
	s := a.Spacing()
	var d [3]Vec
	for c := range 3 {
		d[c] = a.Column(c).Times(1 / s[c])
	}
	return d
}

// Shear is the largest |cosine| between two axes: 0 where they are orthogonal. A gantry tilt of 10 degrees
// gives 0.17.
func (a Affine) Shear() float64 {
	d := a.Directions()
	return max(math.Abs(d[0].Dot(d[1])), math.Abs(d[0].Dot(d[2])), math.Abs(d[1].Dot(d[2])))
}

// IsOrthogonal says whether the axes stand at right angles within what single-precision headers can hold.
func (a Affine) IsOrthogonal() bool { return a.Shear() < 1e-4 }

// IsFinite says whether every entry is a number and the last row is 0 0 0 1.
func (a Affine) IsFinite() bool {
	for r := range 3 {
		for c := range 4 {
			if !isFinite(a[r][c]) {
				return false
			}
		}
	}
	return a[3] == [4]float64{0, 0, 0, 1}
}
