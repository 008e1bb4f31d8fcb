package quality

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"galen.dev/fault"
	"galen.dev/table"
)

var ctx = context.Background()

func numeric(name string, n int, f func(i int) float64) *table.Column {
	c := &table.Column{Name: name, Kind: table.Numeric, Num: make([]float64, n)}
	for i := range c.Num {
		c.Num[i] = f(i)
	}
	return c
}

func category(name string, n int, levels []string, f func(i int) int) *table.Column {
	c := &table.Column{Name: name, Kind: table.Category, Levels: levels, Cat: make([]int32, n)}
	for i := range c.Cat {
		c.Cat[i] = int32(f(i))
	}
	return c
}

// clean is a cohort of 600 patients without fault: a target, a patient number, an index date, labs.
func clean() (*table.Table, Options) {
	const n = 600
	rng := rand.New(rand.NewPCG(1, 2))
	y := make([]int, n)
	for i := range y {
		y[i] = rng.IntN(2)
	}
	normal := func(mean, sd, effect float64) func(int) float64 {
		return func(i int) float64 { return math.Round(100*(mean+sd*(rng.NormFloat64()+effect*float64(y[i])))) / 100 }
	}
	tb := &table.Table{Rows: n, File: "cohort.csv"}
	for i := range n {
		tb.Line = append(tb.Line, i+2)
	}
	day := func(i int) float64 { return 18000 + float64(i%700) }
	tb.Columns = []*table.Column{
		category("died", n, []string{"no", "yes"}, func(i int) int { return y[i] }),
		numeric("patient", n, func(i int) float64 { return float64(1000 + 7*i) }),
		numeric("admitted", n, day),
		numeric("birth", n, func(i int) float64 { return day(i) - 20000 + float64(rng.IntN(5000)) }),
		numeric("age", n, normal(60, 10, .5)),
		numeric("weight", n, normal(80, 12, .2)),
		numeric("glucose", n, normal(120, 25, 1)),
		numeric("creatinine", n, func(int) float64 { return math.Round(100*math.Exp(.4*rng.NormFloat64())) / 100 }),
		numeric("lactate", n, func(int) float64 {
			if rng.IntN(5) == 0 {
				return math.NaN()
			}
			return 1 + rng.ExpFloat64()
		}),
		category("stage", n, []string{"stage 1", "stage 2", "stage 3", "unknown"}, func(int) int { return rng.IntN(4) }),
		category("sex", n, []string{"female", "male"}, func(int) int { return rng.IntN(2) }),
	}
	tb.Columns[2].Kind, tb.Columns[3].Kind = table.Date, table.Date
	return tb, Options{Target: "died", Patient: "patient", Index: "admitted", Today: 20000, Splits: thirds(n)}
}

func TestCleanCohortHasNoFinding(t *testing.T) {
	tb, o := clean()
	r := mustCheck(t, tb, o)
	for _, f := range r.Findings {
		t.Errorf("%s %s: %s", f.Severity, f.Name, f)
	}
	if len(r.Skipped) != 0 {
		t.Errorf("skipped: %v", r.Skipped)
	}
}

// faults spoil the clean cohort, each in the one way that its check must see.
var faults = []struct {
	check, column string
	severity      fault.Severity
	spoil         func(tb *table.Table, o *Options)
}{
	{"no-rows", "", fault.Severe, func(tb *table.Table, o *Options) { *tb = *tb.Select(nil); o.Splits = nil }},
	{"target-absent", "dead", fault.Severe, func(_ *table.Table, o *Options) { o.Target = "dead" }},
	{"column-absent", "weigth", fault.Severe, func(_ *table.Table, o *Options) { o.Ranges = map[string]Range{"weigth": {0, 1}} }},
	{"column-absent", "age", fault.Severe, func(_ *table.Table, o *Options) { o.Index = "age" }},
	{"row-outside", "", fault.Severe, func(_ *table.Table, o *Options) { o.Splits[1].Rows = append(o.Splits[1].Rows, 600, -1) }},
	{"target-missing", "died", fault.Severe, func(tb *table.Table, _ *Options) { tb.Columns[0].Cat[4] = -1 }},
	{"one-class", "died", fault.Severe, func(tb *table.Table, _ *Options) { clear(tb.Columns[0].Cat) }},
	{"class-counts", "died", fault.Warning, func(tb *table.Table, _ *Options) {
		for i := range tb.Rows {
			tb.Columns[0].Cat[i] = 0
			if i%75 == 0 {
				tb.Columns[0].Cat[i] = 1
			}
		}
	}},
	{"all-missing", "age", fault.Severe, func(tb *table.Table, _ *Options) { set(tb, "age", func(int, float64) float64 { return math.NaN() }) }},
	{"high-missing", "age", fault.Warning, func(tb *table.Table, _ *Options) {
		set(tb, "age", func(i int, v float64) float64 {
			if i%3 != 0 {
				return math.NaN()
			}
			return v
		})
	}},
	{"missing-differs-by-outcome", "lactate", fault.Warning, func(tb *table.Table, _ *Options) {
		set(tb, "lactate", func(i int, v float64) float64 {
			if tb.Columns[0].Cat[i] == 1 && i%3 == 0 {
				return math.NaN()
			}
			return v
		})
	}},
	{"constant-column", "age", fault.Warning, func(tb *table.Table, _ *Options) { set(tb, "age", func(int, float64) float64 { return 5 }) }},
	{"nearly-constant", "sex", fault.Info, func(tb *table.Table, _ *Options) { clear(tb.Column("sex").Cat[3:]) }},
	{"infinite-value", "age", fault.Severe, func(tb *table.Table, _ *Options) { tb.Column("age").Num[3] = math.Inf(-1) }},
	{"impossible-value", "age", fault.Severe, func(tb *table.Table, _ *Options) { tb.Column("age").Num[3] = -1 }},
	{"impossible-value", "weight", fault.Severe, func(tb *table.Table, o *Options) {
		o.Ranges = map[string]Range{"weight": {30, 300}}
		tb.Column("weight").Num[3] = 29
	}},
	{"impossible-value", "glucose", fault.Severe, func(tb *table.Table, _ *Options) {
		most := 150.0
		tb.Spec = &table.Schema{Columns: []table.ColumnSchema{{Name: "glucose", Max: &most}}}
	}},
	{"mixed-units", "weight", fault.Warning, func(tb *table.Table, _ *Options) { convert(tb, "weight", 4, 2.20462) }},
	{"mixed-units", "glucose", fault.Warning, func(tb *table.Table, _ *Options) { convert(tb, "glucose", 20, 1/18.016) }},
	{"mixed-units", "creatinine", fault.Warning, func(tb *table.Table, _ *Options) { convert(tb, "creatinine", 3, 88.42) }},
	{"zero-as-missing", "glucose", fault.Warning, func(tb *table.Table, _ *Options) { convert(tb, "glucose", 20, 0) }},
	{"zero-as-missing", "measure", fault.Info, func(tb *table.Table, _ *Options) {
		tb.Column("glucose").Name = "measure"
		convert(tb, "measure", 20, 0)
	}},
	{"category-typos", "sex", fault.Warning, func(tb *table.Table, _ *Options) { level(tb, "sex", " Male", 9) }},
	{"category-typos", "sex", fault.Warning, func(tb *table.Table, _ *Options) { level(tb, "sex", "femále", 9) }},
	{"category-typos", "sex", fault.Warning, func(tb *table.Table, _ *Options) { level(tb, "sex", "femle", 9) }},
	{"huge-category", "sex", fault.Warning, func(tb *table.Table, _ *Options) {
		c := tb.Column("sex")
		for i := range c.Cat {
			c.Levels = append(c.Levels, fmt.Sprint(i, "-", i*i))
			c.Cat[i] = int32(2 + i/2)
		}
	}},
	{"duplicate-rows", "", fault.Warning, func(tb *table.Table, o *Options) { repeat(tb, o, 7, 1, 0, 1) }},
	{"duplicate-across-splits", "", fault.Severe, func(tb *table.Table, o *Options) { repeat(tb, o, 7, 1, 2, 1) }},
	{"conflicting-duplicates", "", fault.Warning, func(tb *table.Table, o *Options) {
		repeat(tb, o, 7, 1, 0, 1)
		tb.Columns[0].Cat[tb.Rows-1] ^= 1
	}},
	{"near-duplicate-rows", "", fault.Warning, func(tb *table.Table, o *Options) {
		repeat(tb, o, 7, 1, 0, 1)
		tb.Column("age").Num[tb.Rows-1] += 9
	}},
	{"near-duplicate-rows", "", fault.Warning, func(tb *table.Table, o *Options) { repeat(tb, o, 7, 1, 0, 1+1e-6) }},
	{"near-duplicate-across-splits", "", fault.Warning, func(tb *table.Table, o *Options) { repeat(tb, o, 7, 1, 2, 1+1e-6) }},
	{"patient-in-two-splits", "patient", fault.Severe, func(tb *table.Table, o *Options) {
		a, b := o.Splits[0].Rows[0], o.Splits[1].Rows[0]
		tb.Column("patient").Num[a] = tb.Column("patient").Num[b]
	}},
	{"patient-in-two-splits", "", fault.Severe, func(_ *table.Table, o *Options) {
		o.Splits[1].Rows = append(o.Splits[1].Rows, o.Splits[0].Rows[5])
	}},
	{"target-leakage", "age", fault.Severe, func(tb *table.Table, _ *Options) {
		set(tb, "age", func(i int, v float64) float64 { return v + 200*float64(tb.Columns[0].Cat[i]) })
	}},
	{"target-leakage", "weight", fault.Severe, func(tb *table.Table, _ *Options) { // not monotone
		set(tb, "weight", func(i int, v float64) float64 {
			if tb.Columns[0].Cat[i] == 1 {
				return v + 100*float64(i%2) - 50
			}
			return 80 + float64(i%17)/10
		})
	}},
	{"target-leakage", "stage", fault.Severe, func(tb *table.Table, _ *Options) {
		for i := range tb.Rows {
			tb.Column("stage").Cat[i] = tb.Columns[0].Cat[i]*2 + int32(i%2)
		}
	}},
	{"target-leakage", "sex", fault.Warning, func(tb *table.Table, _ *Options) { // one level decides
		for i := range tb.Rows {
			if tb.Columns[0].Cat[i] == 1 {
				tb.Column("sex").Cat[i] = 0
			}
		}
	}},
	{"target-leakage", "lactate", fault.Severe, func(tb *table.Table, _ *Options) { // missingness
		set(tb, "lactate", func(i int, _ float64) float64 {
			if tb.Columns[0].Cat[i] == 1 {
				return math.NaN()
			}
			return 1 + float64(i%40)/10
		})
	}},
	{"target-leakage", "age", fault.Severe, func(tb *table.Table, o *Options) { // a quantity
		o.Target = "weight"
		set(tb, "age", func(i int, _ float64) float64 { return math.Exp(tb.Column("weight").Num[i] / 20) })
	}},
	{"identifier-column", "age", fault.Warning, func(tb *table.Table, _ *Options) {
		set(tb, "age", func(i int, _ float64) float64 { return float64(i) })
	}},
	{"identifier-column", "note", fault.Warning, func(tb *table.Table, _ *Options) {
		c := &table.Column{Name: "note", Kind: table.Text}
		for i := range tb.Rows {
			c.Text = append(c.Text, fmt.Sprintf("P%04d", i*i))
		}
		tb.Columns = append(tb.Columns, c)
	}},
	{"row-order-leakage", "died", fault.Warning, func(tb *table.Table, _ *Options) { slices.Sort(tb.Columns[0].Cat) }},
	{"date-after-index", "birth", fault.Severe, func(tb *table.Table, _ *Options) { tb.Column("birth").Num[8] = 19000 }},
	{"future-date", "birth", fault.Warning, func(tb *table.Table, _ *Options) { tb.Column("birth").Num[8] = 20001 }},
	{"drift", "glucose", fault.Warning, func(tb *table.Table, o *Options) {
		for _, i := range o.Splits[2].Rows {
			tb.Column("glucose").Num[i] += 25
		}
	}},
	{"drift", "sex", fault.Warning, func(tb *table.Table, o *Options) {
		for _, i := range o.Splits[1].Rows[:60] {
			tb.Column("sex").Cat[i] = 1
		}
	}},
	{"outliers", "score", fault.Info, func(tb *table.Table, _ *Options) {
		tb.Column("weight").Name = "score"
		tb.Column("score").Num[3] = 500
	}},
	{"high-correlation", "age", fault.Info, func(tb *table.Table, _ *Options) {
		set(tb, "weight", func(i int, v float64) float64 { return tb.Column("age").Num[i] + v/100 })
	}},
}

func set(tb *table.Table, name string, f func(i int, v float64) float64) {
	c := tb.Column(name)
	for i, v := range c.Num {
		c.Num[i] = f(i, v)
	}
}

// convert multiplies every k-th value.
func convert(tb *table.Table, name string, k int, factor float64) {
	set(tb, name, func(i int, v float64) float64 {
		if i%k == 0 {
			return v * factor
		}
		return v
	})
}

func level(tb *table.Table, name, text string, row int) {
	c := tb.Column(name)
	c.Cat[row] = int32(len(c.Levels))
	c.Levels = append(slices.Clone(c.Levels), text)
}

// repeat appends rows like row, as other patients, in the given split; numbers are multiplied by factor.
func repeat(tb *table.Table, o *Options, row, times, split int, factor float64) {
	all := make([]int, tb.Rows, tb.Rows+times)
	for i := range all {
		all[i] = i
	}
	for range times {
		all = append(all, row)
	}
	for k := range o.Splits {
		o.Splits[k].Rows = slices.DeleteFunc(o.Splits[k].Rows, func(r int) bool { return r == row })
	}
	o.Splits[0].Rows = append(o.Splits[0].Rows, row)
	for r := tb.Rows; r < len(all); r++ {
		o.Splits[split].Rows = append(o.Splits[split].Rows, r)
	}
	*tb = *tb.Select(all)
	for r := len(all) - times; r < len(all); r++ {
		tb.Column("patient").Num[r] = float64(100000 + r)
		for _, name := range []string{"age", "weight", "glucose", "creatinine", "lactate"} {
			tb.Column(name).Num[r] *= factor
		}
	}
}

// TestEachCheckFires spoils the clean cohort in one way at a time; TestCleanCohortHasNoFinding is the other
// half: every check stays silent there.
func TestEachCheckFires(t *testing.T) {
	tested := map[string]bool{"unused-waiver": true} // see TestWaive
	for _, x := range faults {
		tested[x.check] = true
		t.Run(x.check+" "+x.column, func(t *testing.T) {
			tb, o := clean()
			x.spoil(tb, &o)
			r := mustCheck(t, tb, o)
			if want := x.severity.String() + " " + x.check + ":" + x.column; !names(r, fault.Info)[want] {
				t.Errorf("want %q, got %v", want, names(r, fault.Info))
			}
			for _, f := range r.Findings {
				if f.Hint == "" && f.Name != "target-absent" || f.Message == "" || len(f.Rows) > fault.MaxRows || f.File != tb.File {
					t.Errorf("incomplete finding: %+v", f)
				}
				if len(f.Rows) > 0 && f.Line != f.Rows[0]+1 && tb.Line != nil && f.Rows[0] <= 600 {
					t.Errorf("wrong line of %+v", f)
				}
			}
		})
	}
	for _, c := range Checks() {
		if !tested[c.Name] {
			t.Errorf("check %s has no case that fires", c.Name)
		}
	}
}

func TestRowsAreOneBased(t *testing.T) {
	tb, o := clean()
	tb.Column("age").Num[0], tb.Column("age").Num[599] = -1, -2
	for _, f := range mustCheck(t, tb, o).Findings {
		if f.Name == "impossible-value" {
			if !slices.Equal(f.Rows, []int{1, 600}) || f.Count != 2 || f.Line != 2 {
				t.Errorf("rows %v, count %d, line %d", f.Rows, f.Count, f.Line)
			}
			return
		}
	}
	t.Error("impossible-value did not fire")
}

func TestDistinctPatientsMayBeAlikeByChance(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	tb := &table.Table{Rows: 500}
	for j := range 6 {
		tb.Columns = append(tb.Columns, category(fmt.Sprint("q", j), 500, []string{"no", "yes"}, func(int) int { return rng.IntN(2) }))
	}
	for _, f := range mustCheck(t, tb, Options{Target: "q0", Splits: thirds(500)}).Findings {
		if strings.Contains(f.Name, "duplicate") && f.Severity > fault.Info {
			t.Errorf("%s %s", f.Severity, f)
		}
	}
}

func TestWaive(t *testing.T) {
	findings := []fault.Finding{
		{Name: "target-leakage", Column: "death"}, {Name: "target-leakage", Column: "time"}, {Name: "drift", Column: "age"},
	}
	kept, waived, unknown := Waive(findings, []string{"drift", "target-leakage:death", "target-leakage:tmie", "drfit", "one-class"})
	if len(kept) != 1 || kept[0].Column != "time" || len(waived) != 2 || len(unknown) != 3 {
		t.Fatalf("kept %v, waived %v, unknown %v", kept, waived, unknown)
	}
	for i, hint := range []string{`did you mean "time"?`, `did you mean "drift"?`, "remove it from the study"} {
		if unknown[i].Hint != hint || unknown[i].Name != "unused-waiver" {
			t.Errorf("unknown[%d] = %+v, want hint %q", i, unknown[i], hint)
		}
	}
}

func TestCanceled(t *testing.T) {
	tb, o := clean()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if r, err := Check(ctx, tb, o); err != context.Canceled || r != nil {
		t.Errorf("got %v, %v", r, err)
	}
}

// TestNothingToCheck: the emptiest tables make findings, not a crash.
func TestNothingToCheck(t *testing.T) {
	mustCheck(t, &table.Table{}, Options{Target: "y", Splits: thirds(0)})
	for n := range 4 {
		tb, o := clean()
		rows := make([]int, n)
		o.Splits = thirds(n)
		mustCheck(t, tb.Select(rows), o)
	}
}

func TestReportIsJSON(t *testing.T) {
	for _, x := range append(faults, faults[0]) {
		tb, o := clean()
		x.spoil(tb, &o)
		if _, err := json.Marshal(mustCheck(t, tb, o)); err != nil {
			t.Errorf("%s: %v", x.check, err)
		}
	}
}
