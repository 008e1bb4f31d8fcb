package augment

import "math"

// heaviestLabels gives each voxel the label with the greatest weight among the voxels around the position it is
// read from: what interpolating each label's indicator linearly and taking the largest would give. Equal weights
// go to the lower label. What lies outside under the border Zero weighs for label 0.
func heaviestLabels[L Label](s *sampler, out, in []L) {
	var t [3]tap
	var label [9]L
	var weight [9]float32
	s.each(func(at int, p [3]float64) {
		if !s.taps(&t, p, 1) {
			return
		}
		n, total, same := 0, float32(0), true
		for i := range t[0].n {
			for j := range t[1].n {
				row, w := t[0].at[i]+t[1].at[j], t[0].weight[i]*t[1].weight[j]
				for k := range t[2].n {
					label[n], weight[n] = in[row+t[2].at[k]], w*t[2].weight[k]
					total += weight[n]
					same = same && label[n] == label[0]
					n++
				}
			}
		}
		if s.border == Zero && total < 1-1e-5 {
			label[n], weight[n] = 0, 1-total
			same = same && label[0] == 0
			n++
		}
		if same {
			out[at] = label[0]
			return
		}
		out[at] = heaviest(label[:n], weight[:n])
	})
}

func heaviest[L Label](label []L, weight []float32) L {
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
	s.each(func(at int, p [3]float64) {
		from := 0
		for i, n := range s.from {
			x := p[i]
			if s.border != Zero {
				x = fold1(x, float64(n-1), s.border)
			}
			x = math.Floor(x + .5)
			if !(x >= 0 && x < float64(n)) {
				return
			}
			from = from*n + int(x)
		}
		out[at] = in[from]
	})
}
