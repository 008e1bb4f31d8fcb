package augment

import "math"

// heaviestLabels gives each voxel the label with the greatest weight among the voxels around the position it is
// read from: what interpolating each label's indicator linearly and taking the largest would give. Equal weights
// go to the lower label. What lies outside under the border Zero weighs for label 0.
func heaviestLabels[L Label](s *sampler, out, in []L) {
	right, down := s.from[2], s.from[1]*s.from[2]
	s.rows(func(row int) {
		for w := range s.to[2] {
			// Nearly all voxels lie inside a part, among eight equal labels.
			if first, f, ok := s.inner(w); ok {
				a, b := in[first:][:right+2], in[first+down:][:right+2]
				v := [8]L{a[0], a[1], a[right], a[right+1], b[0], b[1], b[right], b[right+1]}
				if v[0] == v[1] && v[0] == v[2] && v[0] == v[3] && v[0] == v[4] && v[0] == v[5] && v[0] == v[6] && v[0] == v[7] {
					out[row+w] = v[0]
				} else {
					out[row+w] = heaviestOf(&v, f)
				}
				continue
			}
			if l, ok := s.weigh(w, func(from int) int { return int(in[from]) }); ok {
				out[row+w] = L(l)
			}
		}
	})
}

// heaviestOf is the heaviest of the labels at the eight corners of a cell, of equals the lowest, at a position in it.
func heaviestOf[L Label](v *[8]L, f [3]float32) L {
	var labels [8]L
	var weight [8]float32
	n := 0
	for k, l := range v {
		w := float32(1)
		for a := range 3 { // the corner's number has a bit for each axis, the last axis in the lowest
			if k>>(2-a)&1 == 1 {
				w *= f[a]
			} else {
				w *= 1 - f[a]
			}
		}
		i := 0
		for i < n && labels[i] != l {
			i++
		}
		if i == n {
			labels[n], weight[n] = l, 0
			n++
		}
		weight[i] += w
	}
	best := 0
	for i := 1; i < n; i++ {
		if weight[i] > weight[best] || weight[i] == weight[best] && labels[i] < labels[best] {
			best = i
		}
	}
	return labels[best]
}

// weigh finds the heaviest label around a position; ok is false where that lies outside.
func (s *sampler) weigh(w int, at func(from int) int) (label int, ok bool) {
	var t [3]tap
	if !s.taps(&t, [3]float64{s.read[0][w], s.read[1][w], s.read[2][w]}, 1) {
		return 0, false
	}
	var labels [9]int
	var weight [9]float32
	n, total := 0, float32(0)
	for i := range t[0].n {
		for j := range t[1].n {
			row, w := t[0].at[i]+t[1].at[j], t[0].weight[i]*t[1].weight[j]
			for k := range t[2].n {
				labels[n], weight[n] = at(row+t[2].at[k]), w*t[2].weight[k]
				total += weight[n]
				n++
			}
		}
	}
	if s.border == Zero && total < 1-1e-5 {
		labels[n], weight[n] = 0, 1-total
		n++
	}
	return heaviest(labels[:n], weight[:n]), true
}

func heaviest(label []int, weight []float32) int {
	best, most := label[0], float32(-1)
	for _, l := range label {
		sum := float32(0)
		for j := range label {
			if label[j] == l {
				sum += weight[j]
			}
		}
		if sum > most || sum == most && l < best {
			best, most = l, sum
		}
	}
	return best
}

// nearestLabels gives each voxel the label of the voxel nearest to the position it is read from.
func nearestLabels[L Label](s *sampler, out, in []L) {
	s.rows(func(row int) {
		for w := range s.to[2] {
			if from, ok := s.nearest(w); ok {
				out[row+w] = in[from]
			}
		}
	})
}

func (s *sampler) nearest(w int) (from int, ok bool) {
	for i, n := range s.from {
		x := s.read[i][w]
		if s.border != Zero {
			x = fold1(x, float64(n-1), s.border)
		}
		x = math.Floor(x + .5)
		if !(x >= 0 && x < float64(n)) {
			return 0, false
		}
		from = from*n + int(x)
	}
	return from, true
}
