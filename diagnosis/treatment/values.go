package treatment

import (
	"math"
	"slices"
	"sort"
	"strconv"

	"galen.dev/table"
)

var nan = math.NaN()

func pick[T any](v []T, rows []int) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = v[r]
	}
	return out
}

// indexes turns 1-based rows into indexes.
func indexes(rows []int) []int {
	out := make([]int, len(rows))
	for i, r := range rows {
		out[i] = r - 1
	}
	return out
}

func unique(v []int) []int {
	out := slices.Clone(v)
	sort.Ints(out)
	return slices.Compact(out)
}

func orNaN(p *float64) float64 {
	if p == nil {
		return nan
	}
	return *p
}

// finite is v, or nil where it is NaN.
func finite(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}

// toCategories turns numeric columns into categories, levels in order of value.
func toCategories(t *table.Table, names []string) {
	for _, name := range names {
		c := t.Column(name)
		if c == nil || c.Kind != table.Numeric {
			continue
		}
		values := slices.DeleteFunc(slices.Clone(c.Num), math.IsNaN)
		sort.Float64s(values)
		values = slices.Compact(values)
		for _, v := range values {
			c.Levels = append(c.Levels, strconv.FormatFloat(v, 'g', -1, 64))
		}
		c.Cat = make([]int32, len(c.Num))
		for i, v := range c.Num {
			k, ok := slices.BinarySearch(values, v)
			if c.Cat[i] = -1; ok {
				c.Cat[i] = int32(k)
			}
		}
		c.Kind, c.Num, c.Unit = table.Category, nil, ""
	}
}
