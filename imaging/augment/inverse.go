package augment

import (
	"math"

	"galen.dev/fault"
)

// Inverse returns the parameters that undo a movement: applied to what p made, they bring it back to p's input
// grid. Flips, quarter turns and whole shifts come back exactly, except what left the picture; other affine
// movements are resampled a second time. Changes of values are not undone: a prediction made on a brighter
// image needs no darkening. Elastic movements and those that flatten an axis have no inverse here.
func Inverse(p Parameters) (Parameters, error) {
	if p.Elastic != nil {
		return Parameters{}, fault.WithHint(fault.Errorf(fault.Usage, "inverting an augmentation: elastic deformation is not inverted"), "use flips, turns, scale and shift for test-time augmentation")
	}
	m, ok := inverted(p.matrix())
	if !ok {
		return Parameters{}, fault.Errorf(fault.Usage, "inverting an augmentation: its matrix has no inverse")
	}
	q := Parameters{From: p.size(), To: p.From, Matrix: m, Border: p.Border, NearestLabels: p.NearestLabels}
	for i := range 3 {
		for j := range 3 {
			q.Shift[i] -= m[i][j] * p.Shift[j]
		}
		q.Shift[i] += 0 // no negative zero in a record
	}
	return q, nil
}

// inverted is the inverse by cofactors; exact for flips and quarter turns.
func inverted(m [3][3]float64) (inv [3][3]float64, ok bool) {
	for i := range 3 {
		for j := range 3 {
			a, b, c, d := (j+1)%3, (j+2)%3, (i+1)%3, (i+2)%3
			inv[i][j] = m[a][c]*m[b][d] - m[a][d]*m[b][c]
		}
	}
	det := m[0][0]*inv[0][0] + m[0][1]*inv[1][0] + m[0][2]*inv[2][0]
	if !(math.Abs(det) > 1e-12) {
		return inv, false
	}
	for i := range 3 {
		for j := range 3 {
			inv[i][j] = inv[i][j]/det + 0
		}
	}
	return inv, true
}

// Mirrors returns every combination of flips along the axes longer than one voxel, the identity first: what
// nnU-Net averages its predictions over. Depth flips last.
func Mirrors(from [3]int) []Parameters {
	out := []Parameters{{From: from, Matrix: identity}}
	for axis := 2; axis >= 0; axis-- {
		if from[axis] < 2 {
			continue
		}
		for _, p := range out[:len(out):len(out)] {
			p.Matrix[axis][axis] = -1
			out = append(out, p)
		}
	}
	return out
}

// Quarters returns the four quarter turns in the plane, the identity first. Height and width change places in
// every other one.
func Quarters(from [3]int) []Parameters {
	out := make([]Parameters, 4)
	for i := range out {
		out[i] = Parameters{From: from, To: from, Matrix: turn(0, float64(90*i))}
		if i%2 == 1 {
			out[i].To[1], out[i].To[2] = from[2], from[1]
		}
	}
	return out
}
