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
	switch c.Kind {
	case Numeric, Date:
		return numbered(c, c.Num)
	case Category, Code:
		return numbered(c, c.Cat)
	}
	return numbered(c, c.Text)
}

func numbered[T comparable](c *Column, values []T) []int {
	out := make([]int, len(values))
	seen := map[T]int{}
	next := 0
	for i, v := range values {
		g, known := seen[v]
		if c.Missing(i) || !known {
			g = next
			next++
		}
		if !c.Missing(i) {
			seen[v] = g
		}
		out[i] = g
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
