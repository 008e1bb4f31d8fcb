package table

import (
	"math"
	"math/rand/v2"
	"slices"
)

// allot draws one part for each share.
func allot(n int, groups, strata []int, shares []float64, seed uint64) [][]int {
	r := rand.New(rand.NewPCG(seed, 0x73706c6974000000)) // "split"
	class, classes := make([]int, n), 1
	if strata != nil {
		class, classes = dense(strata)
	}
	var of []int
	if groups == nil {
		of = allotRows(class, classes, shares, r)
	} else {
		of = allotGroups(groups, class, classes, shares, r)
	}
	parts := make([][]int, len(shares))
	for i := range parts {
		parts[i] = []int{}
	}
	for i, p := range of {
		parts[p] = append(parts[p], i)
	}
	return parts
}

// dense renumbers values from 0 in order of first appearance.
func dense(v []int) (out []int, n int) {
	seen := make(map[int]int)
	out = make([]int, len(v))
	for i, x := range v {
		k, ok := seen[x]
		if !ok {
			k = len(seen)
			seen[x] = k
		}
		out[i] = k
	}
	return out, len(seen)
}

// allotRows deals the shuffled rows of each class out to the parts.
func allotRows(class []int, classes int, shares []float64, r *rand.Rand) []int {
	rows := make([][]int, classes)
	for i, c := range class {
		rows[c] = append(rows[c], i)
	}
	sizes := make([]int, classes)
	for c := range rows {
		sizes[c] = len(rows[c])
	}
	counts := apportion(sizes, shares, r)
	of := make([]int, len(class))
	for c, members := range rows {
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		for p, k := range counts[c] {
			for _, i := range members[:k] {
				of[i] = p
			}
			members = members[k:]
		}
	}
	return of
}

// apportion rounds the table sizes[c]·shares[p] to whole numbers that keep each class's size and each part's rounded
// size: every entry is its floor or one more (controlled rounding). The parts that are furthest below their size
// take the next row of a class, as in Gale and Ryser's construction; ties are drawn.
func apportion(sizes []int, shares []float64, r *rand.Rand) [][]int {
	n := 0
	for _, s := range sizes {
		n += s
	}
	target := largestRemainder(n, shares)
	need := slices.Clone(target)
	counts := make([][]int, len(sizes))
	for c, s := range sizes {
		counts[c] = make([]int, len(shares))
		for p, f := range shares {
			counts[c][p] = int(math.Floor(float64(s)*f + 1e-9))
			need[p] -= counts[c][p]
		}
	}
	for _, c := range r.Perm(len(sizes)) {
		left := sizes[c]
		for _, k := range counts[c] {
			left -= k
		}
		// At most one row for each part is left, because the remainders of a class are below one each.
		order := r.Perm(len(shares))
		slices.SortStableFunc(order, func(a, b int) int { return need[b] - need[a] })
		for _, p := range order[:left] {
			counts[c][p]++
			need[p]--
		}
	}
	return counts
}

// largestRemainder rounds n·shares to whole numbers with the sum n (Hamilton's method).
func largestRemainder(n int, shares []float64) []int {
	out := make([]int, len(shares))
	rest := make([]float64, len(shares))
	left := n
	for p, f := range shares {
		exact := float64(n) * f
		out[p] = int(math.Floor(exact + 1e-9))
		rest[p] = exact - float64(out[p])
		left -= out[p]
	}
	order := make([]int, len(shares))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case rest[a] > rest[b]+1e-12:
			return -1
		case rest[b] > rest[a]+1e-12:
			return 1
		}
		return 0
	})
	for _, p := range order[:left] {
		out[p]++
	}
	return out
}

// allotGroups places whole groups, the largest first and equal ones in random order, each into the part whose
// size and class counts it brings closest to their targets in sum of squares, classes weighted by their rarity.
func allotGroups(groups, class []int, classes int, shares []float64, r *rand.Rand) []int {
	group, n := dense(groups)
	members := make([][]int, n)
	for i, g := range group {
		members[g] = append(members[g], i)
	}
	order := r.Perm(n)
	slices.SortStableFunc(order, func(a, b int) int { return len(members[b]) - len(members[a]) })
	size := make([]float64, classes)
	for _, c := range class {
		size[c]++
	}
	have := make([][]float64, len(shares))
	for p := range have {
		have[p] = make([]float64, classes)
	}
	of := make([]int, len(group))
	add := make([]float64, classes)
	for _, g := range order {
		var touched []int
		for _, i := range members[g] {
			if add[class[i]] == 0 {
				touched = append(touched, class[i])
			}
			add[class[i]]++
		}
		best, bestGain := -1, math.Inf(-1)
		for p, f := range shares {
			if f == 0 {
				continue
			}
			if gain := fitGain(have[p], add, size, touched, f); gain > bestGain+1e-12 {
				best, bestGain = p, gain
			}
		}
		for _, c := range touched {
			have[best][c] += add[c]
			add[c] = 0
		}
		for _, i := range members[g] {
			of[i] = best
		}
	}
	return of
}

// fitGain is how much a group brings a part closer to its targets: the fall of the squared relative distance,
// summed over the classes of the group and over the part's whole size.
func fitGain(have, add, size []float64, touched []int, share float64) float64 {
	gain, total, adds, n := 0.0, 0.0, 0.0, 0.0
	for _, c := range touched {
		want := size[c] * share
		before, after := have[c]-want, have[c]+add[c]-want
		gain += (before*before - after*after) / (size[c] * share)
		adds += add[c]
	}
	for c := range have {
		total += have[c]
		n += size[c]
	}
	want := n * share
	before, after := total-want, total+adds-want
	return gain + (before*before-after*after)/want
}
