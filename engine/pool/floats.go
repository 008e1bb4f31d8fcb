package pool

import "math"

// The comparisons of float32 in Go, for machines and shapes without assembly. Which element wins is as good as random
// in real data, so a branch on it is mispredicted half of the time; on the bits, as integers, the compiler picks
// without one.

// extreme is the largest or smallest element at the offsets.
func extreme(op Op, src []float32, offsets []int) float32 {
	best := src[offsets[0]]
	for _, o := range offsets[1:] {
		v := src[o]
		b, c := math.Float32bits(best), math.Float32bits(v)
		low, high := best, v
		if op == Min {
			low, high = v, best
		}
		if high > low {
			b = c
		}
		if v != v {
			b = c
		}
		best = math.Float32frombits(b)
	}
	return best
}

func maxFloats(dst, src []float32) {
	src = src[:len(dst)]
	for i, v := range src {
		b, c := math.Float32bits(dst[i]), math.Float32bits(v)
		if v > dst[i] {
			b = c
		}
		if v != v {
			b = c
		}
		dst[i] = math.Float32frombits(b)
	}
}

func minFloats(dst, src []float32) {
	src = src[:len(dst)]
	for i, v := range src {
		b, c := math.Float32bits(dst[i]), math.Float32bits(v)
		if v < dst[i] {
			b = c
		}
		if v != v {
			b = c
		}
		dst[i] = math.Float32frombits(b)
	}
}

// choose lets each element of x that beats best take its place, and notes its offset in chosen.
func choose(op Op, best []float32, chosen []int, x []float32, offset int) {
	x, chosen = x[:len(best)], chosen[:len(best)]
	for i, v := range x {
		d := best[i]
		b, c, o := math.Float32bits(d), math.Float32bits(v), chosen[i]
		if op == Min {
			d, v = v, d
		}
		if v > d {
			b = c
		}
		if v > d {
			o = offset
		}
		if x[i] != x[i] {
			b = c
		}
		if x[i] != x[i] {
			o = offset
		}
		best[i], chosen[i] = math.Float32frombits(b), o
	}
}
