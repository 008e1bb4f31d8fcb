package quality

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"galen.dev/fault"
	"galen.dev/table"

	"pgregory.net/rapid"
)

// spoilt is the clean cohort with some of the faults at once.
func spoilt(pick []int) (*table.Table, Options) {
	tb, o := clean()
	for _, k := range pick {
		x := faults[k]
		// These change the shape of the table or a name, so that others no longer apply.
		if x.check == "no-rows" || x.check == "target-absent" || x.check == "column-absent" || x.column == "measure" || x.column == "score" || x.check == "row-order-leakage" {
			continue
		}
		x.spoil(tb, &o)
	}
	return tb, o
}

// TestOrderOfRowsDoesNotMatter: a shuffled table has the same findings, but for the rows they name and
// for what the order of rows tells.
func TestOrderOfRowsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tb, o := spoilt(rapid.SliceOfNDistinct(rapid.IntRange(0, len(faults)-1), 0, 5, rapid.ID[int]).Draw(t, "faults"))
		perm := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)).Perm(tb.Rows)
		other, po := tb.Select(perm), o
		to := make([]int, tb.Rows)
		for i, r := range perm {
			to[r] = i
		}
		po.Splits = nil
		for _, s := range o.Splits {
			moved := Split{Name: s.Name}
			for _, r := range s.Rows {
				if r >= 0 && r < tb.Rows {
					r = to[r]
				}
				moved.Rows = append(moved.Rows, r)
			}
			po.Splits = append(po.Splits, moved)
		}
		a, b := essence(tb, o), essence(other, po)
		if a != b {
			t.Errorf("order of rows shows:\n%s\nshuffled:\n%s", a, b)
		}
	})
}

func essence(tb *table.Table, o Options) string {
	r := mustCheckRapid(tb, o)
	for i := range r.Findings {
		r.Findings[i].Rows, r.Findings[i].Line = nil, 0
	}
	// Random pairs of rows differ, so the number of differences allowed to near twins may too.
	kept := r.Findings[:0]
	for _, f := range r.Findings {
		if f.Name != "row-order-leakage" && !strings.HasPrefix(f.Name, "near-duplicate") {
			kept = append(kept, f)
		}
	}
	r.Findings = kept
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		panic(err)
	}
	return string(b)
}

func mustCheckRapid(tb *table.Table, o Options) *Report {
	r, err := Check(ctx, tb, o)
	if err != nil {
		panic(err)
	}
	return r
}

// TestNumberOfProcessorsDoesNotShow compares whole reports, rows included.
func TestNumberOfProcessorsDoesNotShow(t *testing.T) {
	var first string
	for _, procs := range []int{1, 2, 7} {
		before := runtime.GOMAXPROCS(procs)
		all := ""
		for k := range faults {
			tb, o := clean()
			faults[k].spoil(tb, &o)
			b, err := json.Marshal(mustCheck(t, tb, o))
			if err != nil {
				t.Fatal(err)
			}
			all += string(b)
		}
		runtime.GOMAXPROCS(before)
		if first == "" {
			first = all
		}
		if all != first {
			t.Errorf("%d processors give another report", procs)
		}
	}
}

// TestNoCellIsShown fills cells with canaries, numbers and words that nothing else writes, and looks for
// them in the whole report: findings, summaries and all.
func TestNoCellIsShown(t *testing.T) {
	canary := regexp.MustCompile(`(?i)c.?anary|73571|8642\d*97`)
	for k := range faults {
		tb, o := clean()
		faults[k].spoil(tb, &o)
		for _, c := range tb.Columns {
			for r := 0; r < tb.Rows; r += 97 {
				switch {
				case c.Name == o.Target || c.Name == o.Patient:
				case c.Kind == table.Numeric:
					c.Num[r] = 73571.97 * float64(1+r%3)
				case c.Kind == table.Category:
					c.Levels = append(c.Levels[:len(c.Levels):len(c.Levels)], []string{"Canary", "canary ", "cAnary", "canarx", "cánary", "canary-", "CANARY!"}[r/97%7])
					c.Cat[r] = int32(len(c.Levels) - 1)
				case c.Kind == table.Text:
					c.Text[r] = "canary"
				case c.Kind == table.Date:
					c.Num[r] = 86420.97
				}
			}
		}
		r := mustCheck(t, tb, o)
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if m := canary.Find(b); m != nil {
			t.Errorf("%s: the report shows %q", faults[k].check, m)
		}
		if len(r.Findings) == 0 && tb.Rows > 0 {
			t.Errorf("%s: canaries passed unseen", faults[k].check)
		}
	}
}

// TestRandomTables: nothing that a table may hold makes a check fail or a report that is not JSON.
func TestRandomTables(t *testing.T) {
	value := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, 1, 2, math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 1e308, -1e308, 5e-324}))
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 120).Draw(t, "rows")
		tb := &table.Table{Rows: n}
		for j := range rapid.IntRange(0, 8).Draw(t, "columns") {
			c := &table.Column{Name: string(rune('a' + j)), Kind: table.Kind(rapid.IntRange(0, 4).Draw(t, "kind"))}
			switch c.Kind {
			case table.Numeric, table.Date:
				c.Num = rapid.SliceOfN(value, n, n).Draw(t, "numbers")
			case table.Text:
				c.Text = rapid.SliceOfN(rapid.StringN(0, 3, 9), n, n).Draw(t, "texts")
			default:
				c.Levels = rapid.SliceOfN(rapid.String(), 1, 5).Draw(t, "levels")
				c.Cat = rapid.SliceOfN(rapid.Int32Range(-1, int32(len(c.Levels)-1)), n, n).Draw(t, "codes")
			}
			tb.Columns = append(tb.Columns, c)
		}
		name := rapid.SampledFrom([]string{"", "a", "b", "c", "z"})
		o := Options{
			Target: name.Draw(t, "target"), Patient: name.Draw(t, "patient"), Index: name.Draw(t, "index"),
			Regression: rapid.Bool().Draw(t, "regression"), Today: 20000, Splits: thirds(n),
		}
		if _, err := json.Marshal(mustCheckRapid(tb, o)); err != nil {
			t.Fatal(err)
		}
	})
}

// TestRarelyFiresOnNoise: of 40 cohorts of pure noise, at most a few show anything worse than information.
func TestRarelyFiresOnNoise(t *testing.T) {
	noisy := 0
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 77))
		const n = 400
		tb := &table.Table{Rows: n}
		tb.Columns = append(tb.Columns, category("y", n, []string{"no", "yes"}, func(int) int { return rng.IntN(2) }))
		for _, name := range []string{"weight", "glucose", "x1", "x2", "x3", "x4", "x5", "x6"} {
			switch rng.IntN(3) {
			case 0:
				tb.Columns = append(tb.Columns, numeric(name, n, func(int) float64 { return 50 + 5*rng.NormFloat64() }))
			case 1:
				tb.Columns = append(tb.Columns, numeric(name, n, func(int) float64 { return 50 * math.Exp(.8*rng.NormFloat64()) }))
			default:
				tb.Columns = append(tb.Columns, numeric(name, n, func(int) float64 { return 1 + math.Round(40*rng.Float64()) }))
			}
		}
		for name := range names(mustCheck(t, tb, Options{Target: "y", Splits: thirds(n)}), fault.Warning) {
			t.Logf("seed %d: %s", seed, name)
			noisy++
		}
	}
	if noisy > 5 { // drift alone is allowed 5 % of the cohorts
		t.Errorf("%d false alarms in 40 cohorts of noise", noisy)
	}
}
