package show

import (
	"math"
	"slices"
	"strings"

	"galen.dev/volume"
)

// Plane is how a volume is cut.
type Plane uint8

// The planes, drawn as radiologists read them.
const (
	// AsIs is Axial for volumes, and for a single slice the picture as it is stored, x to the right and y down, without
	// letters: what PNG files and X-ray films want.
	AsIs     Plane = iota
	Axial          // the patient's right on the left, front up
	Coronal        // the patient's right on the left, head up
	Sagittal       // front on the left, head up
)

func (p Plane) String() string {
	return [...]string{"as stored", "axial", "coronal", "sagittal"}[min(p, Sagittal)]
}

// Slice chooses a slice of a plane. The zero value is the one with most of the mask, or the middle one where there is no
// mask or an empty one.
type Slice struct{ number int }

// At is the slice at an index along the axis of the volume that lies across the plane, counted from 0. What lies beyond
// the volume is the outermost slice.
func At(index int) Slice { return Slice{max(index, 0) + 1} }

// Center is the slice in the middle, whatever the mask.
var Center = Slice{-1}

// Middle is the index of the slice in the middle of a grid.
func Middle(g volume.Geometry, p Plane) int {
	o := p.of(g)
	return o.along(g.Dims[o.axis]/2, g.Dims[o.axis])
}

// Largest is the index of the slice of a plane with most voxels that are not background; of equals the leftmost,
// rearmost or lowest in the patient. Where all are background it is the middle one.
func Largest(m *volume.LabelMap, p Plane) int {
	o := p.of(m.Geometry)
	count := make([]int, m.Dims[o.axis])
	i := 0
	for z := range m.Dims[2] {
		for y := range m.Dims[1] {
			at := [3]int{0, y, z}
			for x := range m.Dims[0] {
				if m.Get(i) != 0 {
					at[0] = x
					count[at[o.axis]]++
				}
				i++
			}
		}
	}
	best, most := 0, 0
	for k := range count {
		if at := o.along(k, len(count)); count[at] > most {
			best, most = at, count[at]
		}
	}
	if most > 0 {
		return best
	}
	return Middle(m.Geometry, p)
}

func (s Slice) index(p Panel, o orientation) int {
	n := p.Image.Dims[o.axis]
	switch {
	case s.number > 0:
		return min(s.number-1, n-1)
	case s.number == 0 && p.Mask != nil:
		return Largest(p.Mask, p.View.Plane)
	}
	return o.along(n/2, n)
}

// orientation says how a plane lies in a volume: the axis across it, and the axes that run to the right and down the
// picture, mirrored or not.
type orientation struct {
	plane       Plane
	axis        int  // across the plane
	against     bool // that axis runs to the patient's left, back or feet
	right, down int
	flipRight   bool
	flipDown    bool
	letters     [4]string // left, right, up, down; "" = none
}

// of finds the orientation. Axes are the nearest ones of the volume: nothing is resampled.
func (p Plane) of(g volume.Geometry) orientation {
	if p == AsIs {
		if g.Dims[2] == 1 {
			return orientation{plane: AsIs, axis: 2, right: 0, down: 1}
		}
		p = Axial
	}
	// What the right and the lower edge of the picture look at, in RAS+.
	toRight, toDown := volume.Vec{-1, 0, 0}, volume.Vec{0, 0, -1}
	switch p {
	case Axial:
		toDown = volume.Vec{0, -1, 0}
	case Sagittal:
		toRight = volume.Vec{0, -1, 0}
	}
	d := g.Affine.Directions()
	o := orientation{plane: p}
	of := patientAxes(g.Affine.Codes())
	o.right, o.down = of[patient(toRight)], of[patient(toDown)]
	o.axis = 3 - o.right - o.down
	o.flipRight = d[o.right].Dot(toRight) < 0
	o.flipDown = d[o.down].Dot(toDown) < 0
	o.against = d[o.axis][patient(toRight.Cross(toDown))] < 0
	right, down := d[o.right], d[o.down]
	if o.flipRight {
		right = right.Times(-1)
	}
	if o.flipDown {
		down = down.Times(-1)
	}
	o.letters = [4]string{letters(right.Times(-1)), letters(right), letters(down.Times(-1)), letters(down)}
	return o
}

// along is the index of the k-th of n slices in the patient's direction, which does not depend on how voxels are stored.
func (o orientation) along(k, n int) int {
	if o.against {
		return n - 1 - k
	}
	return k
}

// patientAxes says which axis of the volume runs along the patient's x, y and z.
func patientAxes(c volume.Codes) (of [3]int) {
	for axis, letter := range []byte(c) {
		switch letter {
		case 'R', 'L':
			of[0] = axis
		case 'A', 'P':
			of[1] = axis
		default:
			of[2] = axis
		}
	}
	return of
}

func patient(v volume.Vec) int {
	return slices.IndexFunc(v[:], func(x float64) bool { return x != 0 })
}

// letters names a direction: the letter of the nearest axis of the patient, then others that it leans to by over 15
// degrees, as viewers of DICOM do.
func letters(d volume.Vec) string {
	order := []int{0, 1, 2}
	slices.SortStableFunc(order, func(a, b int) int {
		return int(math.Copysign(1, math.Abs(d[b])-math.Abs(d[a])))
	})
	var b strings.Builder
	for _, i := range order {
		if math.Abs(d[i]) > math.Sin(15*math.Pi/180) {
			pair := [3]string{"LR", "PA", "IS"}[i]
			if d[i] < 0 {
				b.WriteByte(pair[0])
			} else {
				b.WriteByte(pair[1])
			}
		}
	}
	return b.String()
}

// places calls f for the pixels of a slice, row by row from the picture's upper left, with the voxel's place in a frame.
func (o orientation) places(g volume.Geometry, index int, f func(pixel, voxel int)) (w, h int) {
	w, h = g.Dims[o.right], g.Dims[o.down]
	stride := [3]int{1, g.Dims[0], g.Dims[0] * g.Dims[1]}
	for y := range h {
		row := y
		if o.flipDown {
			row = h - 1 - y
		}
		for x := range w {
			col := x
			if o.flipRight {
				col = w - 1 - x
			}
			f(y*w+x, index*stride[o.axis]+row*stride[o.down]+col*stride[o.right])
		}
	}
	return w, h
}
