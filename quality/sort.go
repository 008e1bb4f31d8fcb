package quality

import (
	"cmp"
	"math"
	"slices"
)

// pair is a sort key with its row.
type pair struct {
	key uint64
	row int32
}

// floatKey maps a float to an integer of the same order; both zeros map to one key.
func floatKey(v float64) uint64 {
	if v == 0 {
		v = 0
	}
	b := math.Float64bits(v)
	if b>>63 == 1 {
		return ^b
	}
	return b | 1<<63
}

// sortPairs sorts p by key, equal keys by row if they come in that order, and returns the rows. Radix sort
// by 11 bits: about five times as fast as a comparison sort on a million rows. p is overwritten.
func sortPairs(p []pair) []int32 {
	p = sortedPairs(p)
	rows := make([]int32, len(p))
	for i := range p {
		rows[i] = p[i].row
	}
	return rows
}

func sortedPairs(p []pair) []pair {
	const bits, size = 11, 1 << 11
	if len(p) < 4*size {
		slices.SortStableFunc(p, func(a, b pair) int { return cmp.Compare(a.key, b.key) })
		return p
	}
	q := make([]pair, len(p))
	for shift := 0; shift < 64; shift += bits {
		var start [size]int
		for i := range p {
			start[p[i].key>>shift&(size-1)]++
		}
		if start[p[0].key>>shift&(size-1)] == len(p) {
			continue // every key has the same digit here
		}
		at := 0
		for d := range start {
			start[d], at = at, at+start[d]
		}
		for i := range p {
			d := p[i].key >> shift & (size - 1)
			q[start[d]] = p[i]
			start[d]++
		}
		p, q = q, p
	}
	return p
}
