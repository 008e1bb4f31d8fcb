package vec

import "math"

// lanes is the number of partial sums, the same in all families.
const lanes = 64

// fold combines the partials in halves.
func fold(p *[lanes]float32, f func(a, b float32) float32) float32 {
	for half := lanes / 2; half > 0; half /= 2 {
		for i := range half {
			p[i] = f(p[i], p[i+half])
		}
	}
	return p[0]
}

func sumGo(x []float32) float32 {
	var p [lanes]float32
	for i, v := range x {
		p[i%lanes] += v
	}
	return fold(&p, func(a, b float32) float32 { return a + b })
}

func dotGo(a, b []float32) float32 {
	var p [lanes]float32
	for i := range a {
		p[i%lanes] = fma(a[i], b[i], p[i%lanes])
	}
	return fold(&p, func(a, b float32) float32 { return a + b })
}

func extreme(x []float32, start float32, f func(a, b float32) float32) float32 {
	var p [lanes]float32
	for i := range p {
		p[i] = start
	}
	for i, v := range x {
		p[i%lanes] = f(p[i%lanes], v)
	}
	return fold(&p, f)
}

func greatestGo(x []float32) float32 { return extreme(x, float32(math.Inf(-1)), greater) }
func smallestGo(x []float32) float32 { return extreme(x, float32(math.Inf(1)), smaller) }

func addRowsGo(dst, x []float32, n int) {
	for r := range dst {
		dst[r] += sumGo(x[r*n : (r+1)*n])
	}
}

func maxRowsGo(dst, x []float32, n int) {
	for r := range dst {
		dst[r] = greater(dst[r], greatestGo(x[r*n:(r+1)*n]))
	}
}

func minRowsGo(dst, x []float32, n int) {
	for r := range dst {
		dst[r] = smaller(dst[r], smallestGo(x[r*n:(r+1)*n]))
	}
}

func addColumnsGo(dst, x []float32, rows int) {
	n := len(dst)
	for j := range dst {
		var p [4]float32
		for r := range rows {
			p[r%4] += x[r*n+j]
		}
		dst[j] += (p[0] + p[1]) + (p[2] + p[3])
	}
}
