package tree

import (
	"context"
	"math"
	"math/bits"
	"slices"
)

// missingBin is the bin of missing values. Bins of values are 0..254.
const missingBin = 255

// maxBins is the largest number of bins of values.
const maxBins = 255

// sampleRows is how many rows the cut points are computed from. With 255 bins, 100,000 rows put about 400 in
// each, so a bin's share is known to some 5 %, which no accuracy depends on.
const sampleRows = 100_000

// binned is a table cut into bins.
type binned struct {
	rows int
	col  [][]uint8   // per feature: the bin of each row
	cuts [][]float64 // numeric: upper bounds (inclusive) of all bins but the last; len = bins-1
	bins []int       // per feature: number of bins of values
	cat  [][]uint8   // categorical: bin of each level, missingBin for one never seen; nil: numeric
}

// bin cuts columns into at most limit bins of about equal counts, from the given rows (ascending) alone. Where
// a feature has few distinct values each gets its own bin, so splits on small tables are exact.
func bin(ctx context.Context, x [][]float64, use []uint32, categories []int, limit int) (*binned, error) {
	p := len(x)
	b := &binned{col: make([][]uint8, p), cuts: make([][]float64, p), bins: make([]int, p), cat: make([][]uint8, p)}
	if p > 0 {
		b.rows = len(x[0])
	}
	step := max(1, (len(use)+sampleRows-1)/sampleRows)
	scratch := make([][]float64, maxWorkers)
	parallel(p, func(w, f int) {
		if ctx.Err() != nil {
			return
		}
		if len(categories) > 0 && categories[f] > 0 {
			b.binCategories(f, x[f], use, categories[f], limit)
			return
		}
		s := scratch[w][:0]
		for i := 0; i < len(use); i += step {
			if v := x[f][use[i]]; v == v {
				s = append(s, v)
			}
		}
		scratch[w] = s
		slices.Sort(s)
		b.cuts[f] = cutPoints(s, limit)
		b.bins[f] = len(b.cuts[f]) + 1
		b.col[f] = make([]uint8, b.rows)
		binColumn(b.col[f], x[f], b.cuts[f])
	})
	return b, ctx.Err()
}

// cutPoints chooses the bounds between bins from sorted values: half way between distinct neighbours.
func cutPoints(sorted []float64, limit int) []float64 {
	var values []float64
	var counts []int
	for i, v := range sorted {
		if i == 0 || v != values[len(values)-1] {
			values, counts = append(values, v), append(counts, 0)
		}
		counts[len(counts)-1]++
	}
	var cuts []float64
	if len(values) <= limit {
		for i := 1; i < len(values); i++ {
			cuts = append(cuts, between(values[i-1], values[i]))
		}
		return cuts
	}
	// A value so frequent that it fills a bin gets one of its own; the rest share what is left evenly.
	left, bins, inBin := len(sorted), limit, 0
	for i := range values[:len(values)-1] {
		inBin += counts[i]
		left -= counts[i]
		target := (left + inBin) / bins
		if inBin >= target || (counts[i+1] >= target && inBin*2 >= target) {
			cuts = append(cuts, between(values[i], values[i+1]))
			inBin = 0
			if bins--; bins == 1 {
				break
			}
		}
	}
	return cuts
}

// between is a number t with a ≤ t < b, half way where the numbers allow.
func between(a, b float64) float64 {
	t := a/2 + b/2
	if t < a || t >= b {
		return a
	}
	return t
}

// orderKey maps float64 to uint64 so that order is kept; NaN with a clear sign lies above all numbers.
func orderKey(v float64) uint64 {
	u := math.Float64bits(v)
	return u ^ (uint64(int64(u)>>63) | 1<<63)
}

// binColumn finds the bin of each value: the number of cuts below it. The search takes eight steps without a
// branch, since branches on data cannot be predicted.
func binColumn(dst []uint8, src, cuts []float64) {
	var keys [256]uint64
	for i := range keys {
		keys[i] = math.MaxUint64
	}
	for i, c := range cuts {
		if c == 0 {
			c = 0 // -0 would sort below 0, and they are equal
		}
		keys[i] = orderKey(c)
	}
	dst = dst[:len(src)]
	for i, v := range src {
		if v != v {
			dst[i] = missingBin
			continue
		}
		k := orderKey(v + 0) // -0 + 0 = 0
		var at uint64
		for s := uint64(128); s > 0; s >>= 1 {
			_, below := bits.Sub64(keys[(at+s-1)&255], k, 0)
			at += s & -below
		}
		dst[i] = uint8(at)
	}
}

// binCategories gives each level a bin of its own, the most frequent first where there are too many; the
// rare rest share the last bin.
func (b *binned) binCategories(f int, x []float64, use []uint32, levels, limit int) {
	count := make([]int, levels)
	for _, r := range use {
		if v := x[r]; v == v {
			count[int(v)]++
		}
	}
	var seen []int
	for l, c := range count {
		if c > 0 {
			seen = append(seen, l)
		}
	}
	if len(seen) > limit {
		slices.SortStableFunc(seen, func(a, b int) int { return count[b] - count[a] })
	}
	m := make([]uint8, levels)
	for l := range m {
		m[l] = missingBin
	}
	for i, l := range seen {
		m[l] = uint8(min(i, limit-1))
	}
	b.cat[f] = m
	b.bins[f] = min(len(seen), limit)
	col := make([]uint8, len(x))
	for i, v := range x {
		col[i] = levelBin(m, v)
	}
	b.col[f] = col
}

// threshold is the value at the upper bound of a bin; the last bin has none.
func (b *binned) threshold(f, bin int) float64 {
	if bin >= len(b.cuts[f]) {
		return math.Inf(1)
	}
	return b.cuts[f][bin]
}

// words lays the bins out row by row, eight features to a word, which is what the histogram kernel reads: all
// bins of a row share one or two cache lines. stride is the number of words of a row.
func (b *binned) words() (words []uint64, stride int) {
	stride = (len(b.col) + 7) / 8
	words = make([]uint64, stride*b.rows)
	chunks(b.rows, func(_, from, to int) {
		const block = 256 // rows, so that the words written stay in cache from feature to feature
		for ; from < to; from += block {
			end := min(from+block, to)
			for f, col := range b.col {
				dst, shift := words[from*stride+f/8:], uint(f%8*8)
				for i, v := range col[from:end] {
					dst[i*stride] |= uint64(v) << shift
				}
			}
		}
	})
	return words, stride
}
