package classify

// resample brings one axis of an array to another length: linear interpolation, widened where it shrinks so that
// every value counts (the triangle filter of image programs). The array is seen as (before, n, after).
func resample(in []float32, before, n, after, to int) []float32 {
	if n == to {
		return in
	}
	first, weights := triangle(n, to)
	out := make([]float32, before*to*after)
	for b := range before {
		src, dst := in[b*n*after:(b+1)*n*after], out[b*to*after:(b+1)*to*after]
		for o := range to {
			row := dst[o*after : (o+1)*after]
			for k, w := range weights[o] {
				from := src[(first[o]+k)*after:]
				for j := range row {
					row[j] += w * from[j]
				}
			}
		}
	}
	return out
}

// triangle is which values make each value of the longer or shorter axis, and their weights.
func triangle(n, to int) (first []int, weights [][]float32) {
	ratio := float64(n) / float64(to)
	reach := max(ratio, 1)
	for o := range to {
		centre := (float64(o)+.5)*ratio - .5
		low := max(int(centre-reach)+1, 0)
		if centre-reach < 0 {
			low = 0
		}
		high := min(int(centre+reach), n-1)
		var w []float32
		sum := 0.0
		for i := low; i <= high; i++ {
			d := (float64(i) - centre) / reach
			v := max(1-max(d, -d), 0)
			sum += v
			w = append(w, float32(v))
		}
		for i := range w {
			w[i] = float32(float64(w[i]) / sum)
		}
		first, weights = append(first, low), append(weights, w)
	}
	return first, weights
}

// resize3 brings (depth, height, width) to other sizes.
func resize3(in []float32, from, to [3]int) []float32 {
	out := resample(in, from[0]*from[1], from[2], 1, to[2])
	out = resample(out, from[0], from[1], to[2], to[1])
	return resample(out, 1, from[0], to[1]*to[2], to[0])
}

// pad lays (depth, height, width) into the middle of a larger array of zeros.
func pad(in []float32, from, to [3]int) []float32 {
	if from == to {
		return in
	}
	out := make([]float32, to[0]*to[1]*to[2])
	z0, y0, x0 := (to[0]-from[0])/2, (to[1]-from[1])/2, (to[2]-from[2])/2
	for z := range from[0] {
		for y := range from[1] {
			src := in[(z*from[1]+y)*from[2]:]
			copy(out[((z+z0)*to[1]+y+y0)*to[2]+x0:][:from[2]], src[:from[2]])
		}
	}
	return out
}
