package nifti

import (
	"fmt"
	"math"

	"galen.dev/fault"
	"galen.dev/volume"
)

// Form is one of the two affines a header can hold.
type Form uint8

// The forms.
const (
	Sform Form = iota // an affine, as it is
	Qform             // a rotation, spacings and an offset
)

// unitMM are the lengths of the spatial units in mm; 0 stands for unknown and is taken as mm, which the standard
// gives the coordinates.
var unitMM = map[int64]float64{0: 1, 1: 1000, 2: 1, 3: 0.001}

// unitSeconds are the lengths of the units of time. Frequencies have none.
var unitSeconds = map[int64]float64{8: 1, 16: 1e-3, 24: 1e-6}

// Sform returns the affine of the header's sform in mm, whatever its code.
func (h *Header) Sform() volume.Affine {
	var a volume.Affine
	a[3][3] = 1
	for r := range 3 {
		a[r] = h.Srow[r]
	}
	return h.inMM(a)
}

// Qform returns the affine of the header's quaternion, spacings and offset in mm, whatever its code.
func (h *Header) Qform() volume.Affine {
	b, c, d := h.Quatern[0], h.Quatern[1], h.Quatern[2]
	a := 1 - (b*b + c*c + d*d)
	if a < 1e-7 { // a half turn: what single precision leaves of a is noise
		n := 1 / math.Sqrt(b*b+c*c+d*d)
		a, b, c, d = 0, b*n, c*n, d*n
	} else {
		a = math.Sqrt(a)
	}
	dx, dy, dz := h.Pixdim[1], h.Pixdim[2], h.Pixdim[3]
	if h.Pixdim[0] < 0 {
		dz = -dz
	}
	return h.inMM(volume.FromColumns(
		volume.Vec{a*a + b*b - c*c - d*d, 2 * (b*c + a*d), 2 * (b*d - a*c)}.Times(dx),
		volume.Vec{2 * (b*c - a*d), a*a + c*c - b*b - d*d, 2 * (c*d + a*b)}.Times(dy),
		volume.Vec{2 * (b*d + a*c), 2 * (c*d - a*b), a*a + d*d - c*c - b*b}.Times(dz),
		volume.Vec{h.Qoffset[0], h.Qoffset[1], h.Qoffset[2]},
	))
}

func (h *Header) inMM(a volume.Affine) volume.Affine {
	f := unitMM[h.XYZTUnits&7]
	for r := range 3 {
		for c := range 4 {
			if f > 0 && f != 1 {
				a[r][c] *= f
			}
		}
	}
	return a
}

// geometry chooses the affine: the preferred form where its code is set, else the other one. Two set forms that
// differ are a warning; none set is an error unless assume allows spacing alone.
func (h *Header) geometry(prefer Form, assume bool) (volume.Geometry, []fault.Finding) {
	var out []fault.Finding
	add := func(name string, s fault.Severity, message, hint string) {
		out = append(out, fault.Finding{Name: name, Severity: s, Message: message, Hint: hint})
	}
	d := h.dims()
	g := volume.Geometry{Dims: [3]int{int(d[0]), int(d[1]), int(d[2])}}
	if _, known := unitMM[h.XYZTUnits&7]; !known {
		add("unit", fault.Severe, fmt.Sprintf("spatial unit %d is none of the standard", h.XYZTUnits&7), "")
	} else if h.XYZTUnits&7 == 0 {
		add("unit-unknown", fault.Warning, "the header names no unit of length: millimetres are taken, in which the standard gives positions", "")
	}
	s, q := h.SformCode > 0, h.QformCode > 0
	switch {
	case s && (prefer == Sform || !q):
		g.Affine = h.Sform()
	case q:
		g.Affine = h.Qform()
	case assume:
		add("geometry-assumed", fault.Warning, "the header does not say where the voxels lie: spacing alone is used, and the orientation is assumed", "")
		g.Affine = h.inMM(volume.Scaling(volume.Vec{h.Pixdim[1], h.Pixdim[2], h.Pixdim[3]}))
	default:
		add("geometry-unknown", fault.Severe, "the header does not say where the voxels lie: qform_code and sform_code are 0", "set the orientation with the program that made the file, or ask for the assumption of spacing alone")
		return g, out
	}
	if q && (!s || prefer == Qform) || assume && !s {
		for i := 1; i <= 3; i++ {
			if p := h.Pixdim[i]; !(p > 0) || math.IsInf(p, 0) {
				add("spacing", fault.Severe, fmt.Sprintf("pixdim[%d] is %g mm", i, p), "")
			}
		}
	}
	if b, c, d := h.Quatern[0], h.Quatern[1], h.Quatern[2]; q && (!s || prefer == Qform) && !(b*b+c*c+d*d < 1.001) {
		add("quaternion", fault.Severe, "the quaternion of the qform is no rotation: it is longer than 1", "")
	}
	if err := g.Check("geometry"); err != nil {
		return g, append(out, fault.FindingsOf(err)...)
	}
	if s && q {
		other := volume.Geometry{Dims: g.Dims, Affine: h.Qform()}
		if prefer == Qform {
			other.Affine = h.Sform()
		}
		for _, f := range fault.FindingsOf(volume.SameGeometry(g, other)) {
			f.Name, f.Severity = "forms-differ", fault.Warning
			f.Message = [...]string{"sform (used) and qform: ", "qform (used) and sform: "}[prefer] + f.Message
			out = append(out, f)
		}
	}
	return g, out
}

// setGeometry writes an affine into both forms, in mm. Where the axes are not orthogonal a quaternion cannot hold
// them, and the qform is left unset.
func (h *Header) setGeometry(a volume.Affine) {
	h.XYZTUnits = h.XYZTUnits&^7 | 2
	for r := range 3 {
		h.Srow[r] = a[r]
	}
	h.SformCode = max(h.SformCode, 1)
	s := a.Spacing()
	copy(h.Pixdim[1:4], s[:])
	h.Pixdim[0] = 1
	h.Qoffset = a.Origin()
	h.Quatern = [3]float64{}
	if h.QformCode = 0; a.IsOrthogonal() {
		h.QformCode = h.SformCode
		var mirrored bool
		if h.Quatern, mirrored = quaternion(a); mirrored {
			h.Pixdim[0] = -1
		}
	}
}

// quaternion is b, c, d of the rotation in an affine with orthogonal axes; mirrored says that the third axis was
// turned round to make it one. The largest component is found first, so that none is divided by a small number
// (Shepperd 1978).
func quaternion(a volume.Affine) (q [3]float64, mirrored bool) {
	d := a.Directions()
	if a.Det() < 0 {
		d[2], mirrored = d[2].Times(-1), true
	}
	m := func(r, c int) float64 { return d[c][r] }
	trace := m(0, 0) + m(1, 1) + m(2, 2)
	squares := [4]float64{1 + trace, 1 + 2*m(0, 0) - trace, 1 + 2*m(1, 1) - trace, 1 + 2*m(2, 2) - trace}
	big := 0
	for i, s := range squares {
		if s > squares[big]+1e-9 {
			big = i
		}
	}
	r := math.Sqrt(squares[big]) / 2
	f := 1 / (4 * r)
	var w float64
	switch big {
	case 0:
		w, q = r, [3]float64{(m(2, 1) - m(1, 2)) * f, (m(0, 2) - m(2, 0)) * f, (m(1, 0) - m(0, 1)) * f}
	case 1:
		w, q = (m(2, 1)-m(1, 2))*f, [3]float64{r, (m(0, 1) + m(1, 0)) * f, (m(0, 2) + m(2, 0)) * f}
	case 2:
		w, q = (m(0, 2)-m(2, 0))*f, [3]float64{(m(0, 1) + m(1, 0)) * f, r, (m(1, 2) + m(2, 1)) * f}
	default:
		w, q = (m(1, 0)-m(0, 1))*f, [3]float64{(m(0, 2) + m(2, 0)) * f, (m(1, 2) + m(2, 1)) * f, r}
	}
	if w < 0 {
		q = [3]float64{-q[0], -q[1], -q[2]}
	}
	return q, mirrored
}
