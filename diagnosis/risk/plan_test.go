package risk

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"galen.dev/table"
)

// drawTable makes a table with a number, a number that is never known, a category, a date and an index date,
// all but the index date with missing cells.
func drawTable(t *rapid.T) *table.Table {
	n := rapid.IntRange(2, 60).Draw(t, "rows")
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	levels := []string{"a", "b", "c, d", "é"}
	x := &table.Column{Name: "x", Kind: table.Numeric, Unit: "mmol/l"}
	none := &table.Column{Name: "none", Kind: table.Numeric}
	cat := &table.Column{Name: "cat", Kind: table.Category, Levels: levels}
	day, index := &table.Column{Name: "day", Kind: table.Date}, &table.Column{Name: "index", Kind: table.Date}
	for range n {
		v, l, d := 10+3*rng.NormFloat64(), int32(rng.IntN(len(levels))), float64(19000+rng.IntN(900))
		if rng.IntN(5) == 0 {
			v = nan
		}
		if rng.IntN(5) == 0 {
			l = -1
		}
		if rng.IntN(5) == 0 {
			d = nan
		}
		x.Num, none.Num, cat.Cat = append(x.Num, v), append(none.Num, nan), append(cat.Cat, l)
		day.Num, index.Num = append(day.Num, d), append(index.Num, 18000)
	}
	return &table.Table{Rows: n, Columns: []*table.Column{x, none, cat, day, index}}
}

func drawOptions(t *rapid.T) planOptions {
	return planOptions{
		Impute: rapid.SampledFrom([]string{"median", "mean"}).Draw(t, "impute"), Indicators: rapid.Bool().Draw(t, "indicators"),
		Rare: rapid.IntRange(1, 8).Draw(t, "rare"), IndexDate: "index",
	}
}

func drawRows(t *rapid.T, n int) []int {
	return slices.Sorted(slices.Values(rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), 1, n, rapid.ID[int]).Draw(t, "training rows")))
}

// TestPlanSeesTrainingRowsOnly: the plan stays the same whatever stands in other rows.
func TestPlanSeesTrainingRowsOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cases, o := drawTable(t), drawOptions(t)
		rows := drawRows(t, cases.Rows)
		before := fmt.Sprintf("%#v", fitPlan(cases, rows, o))
		for i := range cases.Rows {
			if _, train := slices.BinarySearch(rows, i); train {
				continue
			}
			for _, c := range cases.Columns {
				switch c.Kind {
				case table.Category:
					c.Cat[i] = (c.Cat[i]+2)%5 - 1
				default:
					c.Num[i] = 1e6
				}
			}
		}
		if after := fmt.Sprintf("%#v", fitPlan(cases, rows, o)); after != before {
			t.Errorf("other rows changed the plan:\n%s\n%s", before, after)
		}
	})
}

// TestEncode: numbers and days are themselves, categories the place of their level, missing values NaN; a
// row's code does not depend on the rows beside it; and the linear design of training rows has mean 0 and
// standard deviation 1, the same by columns and by rows.
func TestEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cases, o := drawTable(t), drawOptions(t)
		rows := drawRows(t, cases.Rows)
		p := fitPlan(cases, rows, o)
		X := p.encode(cases, rows, o.IndexDate)
		at := func(name string) ([]float64, *planColumn) { j := p.column(name); return X[j], &p.Columns[j] }
		x, _ := at("x")
		days, _ := at("day")
		places, cat := at("cat")
		for k, i := range rows {
			c := cases.Columns
			if x[k] != c[0].Num[i] && !math.IsNaN(c[0].Num[i]) {
				t.Fatalf("row %d: x is %v, not %v", i, x[k], c[0].Num[i])
			}
			if d := c[3].Num[i] - 18000; days[k] != d && !math.IsNaN(d) {
				t.Fatalf("row %d: %v days, not %v", i, days[k], d)
			}
			switch l := c[2].Cat[i]; {
			case l < 0 && !math.IsNaN(places[k]):
				t.Fatalf("row %d: a missing category is %v", i, places[k])
			case l >= 0 && int(places[k]) < len(cat.Levels) && cat.Levels[int(places[k])] != c[2].Levels[l]:
				t.Fatalf("row %d: level %q is at the place of %q", i, c[2].Levels[l], cat.Levels[int(places[k])])
			case l >= 0 && int(places[k]) == len(cat.Levels) && !slices.Contains(cat.Pooled, c[2].Levels[l]):
				t.Fatalf("row %d: level %q is at the place of rare ones %q", i, c[2].Levels[l], cat.Pooled)
			}
			one := p.encode(cases, []int{i}, o.IndexDate)
			for j := range one {
				if a, b := one[j][0], X[j][k]; a != b && !(math.IsNaN(a) && math.IsNaN(b)) {
					t.Fatalf("row %d alone is %v in column %d, and %v with others", i, a, j, b)
				}
			}
		}
		m := &predictor{plan: p, features: p.linear()}
		for f, z := range p.linearDesign(X) {
			row := make([]float64, len(X))
			for i := range z {
				for j := range X {
					row[j] = X[j][i]
				}
				if v := m.linearRow(row)[f]; v != z[i] {
					t.Fatalf("%s: %v by rows, %v by columns", m.features[f].Name, v, z[i])
				}
			}
			pc := &p.Columns[m.features[f].Column]
			if pc.Kind == categoryColumn || m.features[f].Miss || pc.SD == 0 {
				continue
			}
			if mean, sd := meanSD(z); math.Abs(mean) > 1e-9 || math.Abs(sd-1) > 1e-9 {
				t.Fatalf("%s: mean %v and standard deviation %v", pc.Name, mean, sd)
			}
		}
	})
}

// TestConstant: a number that is the same in all training rows has no spread, whatever its mean rounds to;
// another value in a test row must not become a huge one.
func TestConstant(t *testing.T) {
	for _, v := range []float64{.1, 12.34567, 8.100000000000001, -1e-9, 1e80} {
		for n := 1; n < 40; n++ {
			c := &table.Column{Name: "c", Kind: table.Numeric}
			for i := range n + 1 {
				if c.Num = append(c.Num, v); i%3 == 1 {
					c.Num[i] = nan
				}
			}
			cases := &table.Table{Rows: n + 1, Columns: []*table.Column{c}}
			for _, impute := range []string{"median", "mean"} {
				p := fitPlan(cases, upTo(n), planOptions{Impute: impute})
				f := p.linear()[0]
				if p.Columns[0].SD != 0 || p.Columns[0].Fill != v || f.value(&p.Columns[0], v+1) != 0 {
					t.Fatalf("%v in %d rows: %+v", v, n, p.Columns[0])
				}
			}
		}
	}
}

// TestLevelsOfTestRows: a level that training rows lack counts as missing, or as rare where there are rare ones.
func TestLevelsOfTestRows(t *testing.T) {
	cases := &table.Table{Rows: 7, Columns: []*table.Column{{Name: "c", Kind: table.Category, Levels: []string{"a", "b", "new"}, Cat: []int32{0, 0, 0, 1, 1, 1, 2}}}}
	train := []int{0, 1, 2, 3, 4, 5}
	p := fitPlan(cases, train, planOptions{Rare: 2, Impute: "median"})
	if got := p.encode(cases, []int{6}, "")[0][0]; !math.IsNaN(got) || slices.Contains(p.Columns[0].Levels, "new") {
		t.Errorf("the level of a test row is at place %v of %q", got, p.Columns[0].Levels)
	}
	p = fitPlan(cases, train[:4], planOptions{Rare: 2, Impute: "median"})
	if got := p.encode(cases, []int{6}, "")[0][0]; got != 1 || p.Columns[0].placeName(1) != "other" {
		t.Errorf("beside a rare level the new one is at place %v", got)
	}
}

// TestOutcome: which class each row has, and what is refused.
func TestOutcome(t *testing.T) {
	text := func(levels []string, cat ...int32) *table.Column {
		return &table.Column{Name: "y", Kind: table.Category, Levels: levels, Cat: cat}
	}
	number := func(v ...float64) *table.Column { return &table.Column{Name: "y", Kind: table.Numeric, Num: v} }
	many := make([]float64, 30)
	for i := range many {
		many[i] = float64(i)
	}
	for _, c := range []struct {
		name     string
		column   *table.Column
		positive []string
		classes  string // joined by |
		y        string
		refuse   string
	}{
		{"0 and 1", number(1, 0, nan, 1), nil, "0|1", "[1 0 -1 1]", ""},
		{"yes and no", text([]string{"Yes", "NO"}, 0, 1, -1), nil, "NO|Yes", "[1 0 -1]", ""},
		{"codes", number(22298006, 38341003, 22298006), []string{"22298006"}, "38341003|22298006", "[1 0 1]", ""},
		{"several levels", number(0, 1, 2, 3), []string{"3", "1"}, "0 or 2|3 or 1", "[0 1 0 1]", ""},
		{"a level twice", number(0, 1), []string{"1", "1"}, "0|1", "[0 1]", ""},
		{"a level that no row has", text([]string{"no", "yes", "unused"}, 0, 1), nil, "no|yes", "[0 1]", ""},
		{"three classes", number(2, 1, 3), nil, "1|2|3", "[1 0 2]", ""},
		{"one class", number(1, 1, nan), nil, "", "", "fewer than two classes"},
		{"two unclear levels", text([]string{"red", "blue"}, 0, 1), nil, "", "", "not plain which one is the event"},
		{"another level", number(0, 1), []string{"2"}, "", "", "no case has the level"},
		{"every level", number(0, 1), []string{"1", "0"}, "", "", "every level"},
		{"a quantity", number(many...), nil, "", "", "at most 20"},
		{"text", &table.Column{Name: "y", Kind: table.Text, Text: []string{"a", "b"}}, nil, "", "", "holds no classes"},
	} {
		rows := max(len(c.column.Cat), len(c.column.Num), len(c.column.Text))
		o, y, err := readOutcome(&table.Table{Rows: rows, Columns: []*table.Column{c.column}}, "y", c.positive)
		switch {
		case c.refuse != "":
			if err == nil || !strings.Contains(err.Error(), c.refuse) {
				t.Errorf("%s: the error is %v", c.name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", c.name, err)
		case strings.Join(o.Classes, "|") != c.classes || fmt.Sprint(y) != c.y:
			t.Errorf("%s: classes %q and rows %v", c.name, o.Classes, y)
		}
	}
}
