package table

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// sides checks that every row is in exactly one part and no group in two.
func sides(t *rapid.T, n int, groups []int, parts ...[]int) {
	seen := make([]int, n)
	of := map[int]int{}
	for p, part := range parts {
		if !slices.IsSorted(part) {
			t.Fatalf("part %d is not in order", p)
		}
		for _, i := range part {
			seen[i]++
			if groups != nil {
				if at, ok := of[groups[i]]; ok && at != p {
					t.Fatalf("group %d is in parts %d and %d", groups[i], at, p)
				}
				of[groups[i]] = p
			}
		}
	}
	for i, k := range seen {
		if k != 1 {
			t.Fatalf("row %d is in %d parts", i, k)
		}
	}
}

func TestSplitsKeepPatientsTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 200).Draw(t, "n")
		var groups, strata []int
		if rapid.Bool().Draw(t, "grouped") {
			groups = rapid.SliceOfN(rapid.IntRange(-5, 40), n, n).Draw(t, "groups")
		}
		if rapid.Bool().Draw(t, "stratified") {
			strata = rapid.SliceOfN(rapid.IntRange(0, 3), n, n).Draw(t, "strata")
		}
		seed := rapid.Uint64().Draw(t, "seed")
		v, e := rapid.Float64Range(0, .4).Draw(t, "validation"), rapid.Float64Range(0, .4).Draw(t, "test")
		s, err := Holdout(n, groups, strata, v, e, seed)
		if err != nil {
			t.Fatal(err)
		}
		sides(t, n, groups, s.Train, s.Validation, s.Test)
		again, _ := Holdout(n, groups, strata, v, e, seed)
		if !slices.Equal(s.Test, again.Test) || !slices.Equal(s.Train, again.Train) {
			t.Fatal("the same seed gave another split")
		}
		k := rapid.IntRange(2, 6).Draw(t, "k")
		folds, err := RepeatedFolds(n, k, 2, groups, strata, seed)
		if err != nil {
			return // more folds than patients
		}
		var tests [][]int
		for _, f := range folds[:k] {
			sides(t, n, groups, f.Train, f.Test)
			tests = append(tests, f.Test)
		}
		sides(t, n, groups, tests...)
	})
}

func TestHoldoutShares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "n")
		strata := rapid.SliceOfN(rapid.IntRange(0, 4), n, n).Draw(t, "strata")
		v, e := rapid.Float64Range(0, .45).Draw(t, "validation"), rapid.Float64Range(0, .45).Draw(t, "test")
		s, err := Holdout(n, nil, strata, v, e, 1)
		if err != nil {
			t.Fatal(err)
		}
		count := func(rows []int, class int) (k float64) {
			for _, i := range rows {
				if strata[i] == class {
					k++
				}
			}
			return k
		}
		sizes := largestRemainder(n, []float64{1 - v - e, v, e})
		if got := []int{len(s.Train), len(s.Validation), len(s.Test)}; !slices.Equal(got, sizes) {
			t.Fatalf("sizes %v, want %v", got, sizes)
		}
		all := append(append(slices.Clone(s.Train), s.Validation...), s.Test...)
		for class := range 5 {
			total := count(all, class)
			for p, rows := range [][]int{s.Train, s.Validation, s.Test} {
				want := total * []float64{1 - v - e, v, e}[p]
				if got := count(rows, class); math.Abs(got-want) > 1+1e-6 {
					t.Fatalf("class %d in part %d: %g cases, exact share %g", class, p, got, want)
				}
			}
		}
	})
}

func TestGroupedFoldsAreBalanced(t *testing.T) {
	// 300 patients of one to five rows, a fifth of them ill in every row.
	var groups, strata []int
	for g := range 300 {
		for range g%5 + 1 {
			groups = append(groups, g)
			strata = append(strata, (g/5)%5/4)
		}
	}
	folds, err := Folds(len(groups), 5, groups, strata, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range folds {
		ill := 0
		for _, r := range f.Test {
			ill += strata[r]
		}
		if math.Abs(float64(len(f.Test))-180) > 5 || math.Abs(float64(ill)-36) > 3 {
			t.Errorf("fold %d: %d rows, %d ill; want about 180 and 36", i, len(f.Test), ill)
		}
	}
}

func TestByTimeAndColumn(t *testing.T) {
	s, err := ByTime([]float64{5, 1, 9, 6, 7}, []int{0, 0, 1, 2, 1}, 6, 8)
	if err != nil {
		t.Fatal(err)
	}
	// Row 0 and 1 are one patient, seen first at 1; rows 2 and 4 another, first at 7.
	if !slices.Equal(s.Train, []int{0, 1}) || !slices.Equal(s.Validation, []int{2, 3, 4}) || len(s.Test) != 0 {
		t.Errorf("by time: %v", s)
	}
	if _, err := ByTime([]float64{1, nan}, nil, nan, 2); err == nil {
		t.Error("a missing time was accepted")
	}
	c := &Column{Name: "split", Kind: Category, Cat: []int32{0, 1, 2, 0}, Levels: []string{"Train", "val", "TEST"}}
	s, err = ByColumn(c, []int{0, 1, 2, 0})
	if err != nil || !slices.Equal(s.Train, []int{0, 3}) || !slices.Equal(s.Validation, []int{1}) || !slices.Equal(s.Test, []int{2}) {
		t.Errorf("by column: %v, %v", s, err)
	}
	if _, err = ByColumn(c, []int{0, 0, 2, 3}); err == nil {
		t.Error("a patient in two parts was accepted")
	}
	c.Cat[1] = -1
	if _, err = ByColumn(c, nil); err == nil {
		t.Error("a row without a part was accepted")
	}
}

func TestGroups(t *testing.T) {
	for _, c := range []*Column{
		{Kind: Numeric, Num: []float64{7, nan, 7, nan, 3}},
		{Kind: Category, Cat: []int32{2, -1, 2, -1, 0}, Levels: []string{"a", "b", "c"}},
		{Kind: Text, Text: []string{"x", "", "x", "", "y"}},
	} {
		if g := Groups(c); !slices.Equal(g, []int{0, 1, 0, 2, 3}) {
			t.Errorf("%v: %v", c.Kind, g)
		}
	}
}
