package table

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"galen.dev/fault"
)

// Split holds row indices (0-based, ascending) of the parts of a data set. No row, and no patient where groups
// were given, is in two parts. A part may be empty.
type Split struct {
	Train      []int `json:"train"`
	Validation []int `json:"validation"`
	Test       []int `json:"test"`
}

// Groups numbers the patients of a column: rows with equal values get equal numbers, from 0 in order of first
// appearance. A row without a value is a patient of its own.
func Groups(c *Column) []int {
	n := c.Len()
	out := make([]int, n)
	next := 0
	number := func(i int, known func() (int, bool), keep func(int)) {
		if !c.Missing(i) {
			if g, ok := known(); ok {
				out[i] = g
				return
			}
			keep(next)
		}
		out[i] = next
		next++
	}
	switch c.Kind {
	case Numeric, Date:
		seen := map[float64]int{}
		for i, v := range c.Num {
			number(i, func() (int, bool) { g, ok := seen[v]; return g, ok }, func(g int) { seen[v] = g })
		}
	case Category, Code:
		seen := map[int32]int{}
		for i, v := range c.Cat {
			number(i, func() (int, bool) { g, ok := seen[v]; return g, ok }, func(g int) { seen[v] = g })
		}
	default:
		seen := map[string]int{}
		for i, v := range c.Text {
			number(i, func() (int, bool) { g, ok := seen[v]; return g, ok }, func(g int) { seen[v] = g })
		}
	}
	return out
}

// Holdout draws a random split of n rows: about validation·n and test·n rows go to those parts, the rest to
// training. groups (nil = each row its own) keeps the rows of a patient together; strata (nil = none) keeps the
// shares of classes alike in all parts. Numbers in groups and strata are only compared. The same arguments give
// the same split.
//
// Without groups the parts have the sizes that rounding gives, and each class's count in a part is within one
// case of its exact share. With groups the largest patients are placed first, each where it keeps sizes and class
// counts closest to the shares, so they are only approximately met.
//
// Errors (Usage): fractions outside [0,1) or with a sum of 1 or more; slices of another length than n.
func Holdout(n int, groups, strata []int, validation, test float64, seed uint64) (Split, error) {
	for _, f := range []float64{validation, test, validation + test} {
		if !(f >= 0 && f < 1) {
			return Split{}, fault.WithHint(fault.Errorf(fault.Usage, "validation and test are %g and %g of the rows", validation, test),
				"both must be at least 0, and together less than 1")
		}
	}
	if err := checkSplit(n, groups, strata); err != nil {
		return Split{}, err
	}
	parts := allot(n, groups, strata, []float64{1 - validation - test, validation, test}, seed)
	return Split{Train: parts[0], Validation: parts[1], Test: parts[2]}, nil
}

// Folds draws k folds of n rows and returns for each a split that tests on it and trains on the others;
// Validation is nil. groups and strata are as in Holdout. Errors (Usage): k below 2 or above the number of rows
// or patients.
func Folds(n, k int, groups, strata []int, seed uint64) ([]Split, error) {
	if err := checkSplit(n, groups, strata); err != nil {
		return nil, err
	}
	units := n
	if groups != nil {
		_, units = dense(groups)
	}
	if k < 2 || k > units {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "%d folds of %d rows or patients", k, units), "choose from 2 to that number")
	}
	shares := make([]float64, k)
	for i := range shares {
		shares[i] = 1 / float64(k)
	}
	parts := allot(n, groups, strata, shares, seed)
	out := make([]Split, k)
	for i := range out {
		out[i].Test = parts[i]
		for j, p := range parts {
			if j != i {
				out[i].Train = append(out[i].Train, p...)
			}
		}
		slices.Sort(out[i].Train)
	}
	return out, nil
}

// RepeatedFolds draws Folds several times, each with its own stream of the seed; the splits of one repeat
// follow each other.
func RepeatedFolds(n, k, repeats int, groups, strata []int, seed uint64) ([]Split, error) {
	if repeats < 1 {
		return nil, fault.Errorf(fault.Usage, "%d repeats of cross-validation; at least 1 is needed", repeats)
	}
	var out []Split
	draw := rand.New(rand.NewPCG(seed, 0x7265706561740000)) // "repeat": another stream than the splits' own
	for range repeats {
		s, err := Folds(n, k, groups, strata, draw.Uint64())
		if err != nil {
			return nil, err
		}
		out = append(out, s...)
	}
	return out, nil
}

func checkSplit(n int, groups, strata []int) error {
	if n < 0 || groups != nil && len(groups) != n || strata != nil && len(strata) != n {
		return fault.Errorf(fault.Usage, "splitting %d rows by %d groups and %d strata: lengths differ", n, len(groups), len(strata))
	}
	return nil
}

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

// apportion rounds the table sizes[c]·shares[p] to whole numbers that keep each class's size and, as far as
// possible, each part's rounded size: every entry is its floor or one more (controlled rounding). The parts that
// are furthest below their size take the next row of a class; ties are drawn.
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
		order := r.Perm(len(shares))
		slices.SortStableFunc(order, func(a, b int) int { return need[b] - need[a] })
		for _, p := range order {
			if left == 0 {
				break
			}
			if float64(sizes[c])*shares[p] > float64(counts[c][p])+1e-9 {
				counts[c][p]++
				need[p]--
				left--
			}
		}
		// Only rounding of the shares themselves can leave rows; they join the first part.
		counts[c][0] += left
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

// ByTime splits by a date or another number (NaN = missing): rows before validFrom train, rows from validFrom and
// before testFrom validate, later ones test. NaN for validFrom means no validation part. With groups all rows of
// a patient go where the patient's first row goes, so that nobody is on both sides; rows that so come later
// than the cut stay with the patient. Errors: rows without a time (Data, with rows); cuts in the wrong order
// (Usage).
func ByTime(time []float64, groups []int, validFrom, testFrom float64) (Split, error) {
	if err := checkSplit(len(time), groups, nil); err != nil {
		return Split{}, err
	}
	if math.IsNaN(validFrom) {
		validFrom = testFrom
	}
	if math.IsNaN(testFrom) || validFrom > testFrom {
		return Split{}, fault.WithHint(fault.Errorf(fault.Usage, "the cuts in time are not in order"), "validation begins before test")
	}
	var missing rowList
	for i, t := range time {
		if math.IsNaN(t) {
			missing.add(i + 1)
		}
	}
	if missing.count > 0 {
		return Split{}, fault.Refuse("splitting by time", []fault.Finding{{
			Name: "no-time", Severity: fault.Severe, Rows: missing.rows, Count: missing.count,
			Message: "rows without a time cannot be split by time", Hint: "complete or leave out these rows",
		}})
	}
	first := time
	if groups != nil {
		group, n := dense(groups)
		earliest := make([]float64, n)
		for g := range earliest {
			earliest[g] = math.Inf(1)
		}
		for i, t := range time {
			earliest[group[i]] = min(earliest[group[i]], t)
		}
		first = make([]float64, len(time))
		for i, g := range group {
			first[i] = earliest[g]
		}
	}
	s := Split{Train: []int{}, Validation: []int{}, Test: []int{}}
	for i, t := range first {
		switch {
		case t < validFrom:
			s.Train = append(s.Train, i)
		case t < testFrom:
			s.Validation = append(s.Validation, i)
		default:
			s.Test = append(s.Test, i)
		}
	}
	return s, nil
}

// ByColumn splits by a column that names each row's part: train (or training), validation (valid, val, dev) or
// test, in either case. groups (nil = not checked) must not cross parts. Errors (Data, all at once): cells that
// are missing or name no part; patients in two parts.
func ByColumn(c *Column, groups []int) (Split, error) {
	if c.Kind == Numeric || c.Kind == Date {
		return Split{}, fault.WithHint(fault.Errorf(fault.Data, "column %s holds no names of parts", quoted(c.Name)),
			"it must say train, validation or test")
	}
	n := c.Len()
	if err := checkSplit(n, groups, nil); err != nil {
		return Split{}, err
	}
	s := Split{Train: []int{}, Validation: []int{}, Test: []int{}}
	var unknown, crossing rowList
	side := map[int]int{}
	for i := range n {
		part := -1
		if !c.Missing(i) {
			word := ""
			if c.Kind == Text {
				word = c.Text[i]
			} else {
				word = c.Levels[c.Cat[i]]
			}
			part = partNamed(word)
		}
		switch part {
		case 0:
			s.Train = append(s.Train, i)
		case 1:
			s.Validation = append(s.Validation, i)
		case 2:
			s.Test = append(s.Test, i)
		default:
			unknown.add(i + 1)
			continue
		}
		if groups != nil {
			if at, ok := side[groups[i]]; ok && at != part {
				crossing.add(i + 1)
			} else {
				side[groups[i]] = part
			}
		}
	}
	var found []fault.Finding
	if unknown.count > 0 {
		found = append(found, fault.Finding{
			Name: "unknown-part", Severity: fault.Severe, Column: c.Name, Rows: unknown.rows, Count: unknown.count,
			Message: "cells that name no part of the split", Hint: "write train, validation or test",
		})
	}
	if crossing.count > 0 {
		found = append(found, fault.Finding{
			Name: "patient-in-two-parts", Severity: fault.Severe, Column: c.Name, Rows: crossing.rows, Count: crossing.count,
			Message: "rows of a patient who is in another part already", Hint: "put all rows of a patient into one part",
		})
	}
	if err := fault.Refuse(fmt.Sprintf("splitting by column %s", quoted(c.Name)), found); err != nil {
		return Split{}, err
	}
	return s, nil
}

func partNamed(word string) int {
	b := trim([]byte(word))
	for _, p := range []struct {
		word string
		part int
	}{{"train", 0}, {"training", 0}, {"validation", 1}, {"valid", 1}, {"val", 1}, {"dev", 1}, {"test", 2}} {
		if foldEqual(b, p.word) {
			return p.part
		}
	}
	return -1
}
