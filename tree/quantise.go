package tree

import "math"

// A fixed is a pair of sums in one integer: a gradient in the upper half, signed, and a hessian in the lower
// half, unsigned. One integer addition then adds both, additions are exact in any order, and the histogram of
// a sibling is a plain difference. The idea is from quantised training (Shi et al., NeurIPS 2022), with
// as many bits as fit: the scales are chosen so that no sum of a tree overflows, which leaves a mean gradient
// 31 - log2(rows) bits, 11 at a million rows and 22 at five hundred. Rounding a million values to 11 bits
// moves their sum by less than one part in a million. Leaf values are computed again from the exact sums.
type fixed int64

func (v fixed) grad() int64 { return int64(v) >> 32 }
func (v fixed) hess() int64 { return int64(v) & math.MaxUint32 }

// A scale turns fixed sums into numbers.
type scale struct {
	g, h    float64 // value of one unit
	minHess int64   // smallest and largest hessian of a row, in units
	maxHess int64
}

// rowScale chooses the units for rows of the given sums of |gradient| and hessian.
func rowScale(sumG, sumH float64, rows int, unit bool) (s scale, toG, toH float64) {
	if sumG > 0 {
		toG = float64(math.MaxInt32-1-rows) / sumG
		s.g = 1 / toG
	}
	switch {
	case unit:
		toH, s.h = 1, 1
	case sumH > 0:
		toH = float64(math.MaxUint32-1-rows) / sumH
		s.h = 1 / toH
	}
	return s, toG, toH
}

// quantise fills gh for the given rows and returns the scale and the sum over all of them. unit tells that
// every hessian is 1.
func quantise(gh []fixed, rows []uint32, grad, hess []float64, unit bool) (scale, fixed) {
	all := len(rows) == len(grad)
	n := len(rows)
	part := make([]struct {
		g, h     float64
		sum      fixed
		min, max int64
	}, chunkCount(n))
	chunks(n, func(c, from, to int) {
		var sg, sh float64
		if all {
			h := hess[from:to]
			for i, g := range grad[from:to] {
				sg += math.Abs(g)
				sh += h[i]
			}
		} else {
			for _, r := range rows[from:to] {
				sg += math.Abs(grad[r])
				sh += hess[r]
			}
		}
		part[c].g, part[c].h = sg, sh
	})
	var sumG, sumH float64
	for i := range part {
		sumG += part[i].g
		sumH += part[i].h
	}
	s, toG, toH := rowScale(sumG, sumH, n, unit)
	chunks(n, func(c, from, to int) {
		var sum fixed
		lo, hi := int64(math.MaxInt64), int64(0)
		put := func(r int) {
			h := int64(hess[r]*toH + 0.5)
			q := fixed(roundEven(grad[r]*toG)<<32 + h)
			gh[r] = q
			sum += q
			lo, hi = min(lo, h), max(hi, h)
		}
		if all {
			for r := from; r < to; r++ {
				put(r)
			}
		} else {
			for _, r := range rows[from:to] {
				put(int(r))
			}
		}
		part[c].sum, part[c].min, part[c].max = sum, lo, hi
	})
	var total fixed
	s.minHess = math.MaxInt64
	for i := range part {
		total += part[i].sum
		s.minHess, s.maxHess = min(s.minHess, part[i].min), max(s.maxHess, part[i].max)
	}
	return s, total
}

// roundEven rounds to the nearest integer, for |v| < 2^51: adding and taking away 1.5·2^52 leaves no fraction.
func roundEven(v float64) int64 {
	const big = 3 << 51
	return int64(v + big - big)
}
