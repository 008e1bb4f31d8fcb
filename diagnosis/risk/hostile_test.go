package risk

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galen.dev/fault"
	"galen.dev/task"
)

// study runs a CSV text as a study to its end, quickly unless params say otherwise.
func study(t *testing.T, text string, params map[string]any) (*task.Result, *task.Runner, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cases.csv")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	all := map[string]any{"target": "y", "model": "logistic", "folds": 3, "bootstrap": 100}
	for k, v := range params {
		if all[k] = v; v == nil {
			delete(all, k)
		}
	}
	x := runner(t)
	res, err := x.Run(t.Context(), &task.Study{Name: "s", Task: Task.Name, Data: path, Params: all, Waive: []string{"duplicate-rows", "duplicate-across-splits", "near-duplicate-across-splits", "target-leakage", "all-missing"}}, task.Evaluate)
	return res, x, err
}

// generated is a table of n rows whose outcome follows x; more cells come from extra.
func generated(n int, header string, extra func(i int, y int, rng *rand.Rand) string) string {
	rng := rand.New(rand.NewPCG(4, 2))
	var b strings.Builder
	fmt.Fprintf(&b, "x,y%s\n", header)
	for i := range n {
		x := rng.NormFloat64()
		y := 0
		if rng.Float64() < 1/(1+math.Exp(-1.5*x)) {
			y = 1
		}
		fmt.Fprintf(&b, "%.4f,%d", x, y)
		if extra != nil {
			b.WriteString("," + extra(i, y, rng))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// classes is a table of 90 rows with a predictor of the class, where the classes have so many rows.
func classes(n ...int) string {
	rng := rand.New(rand.NewPCG(1, 1))
	var b strings.Builder
	b.WriteString("x,y\n")
	for class, count := range n {
		for range count {
			fmt.Fprintf(&b, "%.3f,%d\n", rng.NormFloat64()+float64(class), class)
		}
	}
	return b.String()
}

// TestRefusals: what cannot be served is refused in words that tell what to do, by the step that finds it.
func TestRefusals(t *testing.T) {
	plain := generated(120, "", nil)
	note := generated(120, ",note", func(i, _ int, r *rand.Rand) string {
		return fmt.Sprintf("seen at home by a nurse after %d visits and number %d", r.IntN(1000), i)
	})
	named := generated(120, ",id", func(i, _ int, _ *rand.Rand) string { return fmt.Sprintf("P%d", i/2) })
	for _, c := range []struct {
		name, text string
		params     map[string]any
		kind       fault.Kind
		say        string
	}{
		{"one number", plain, map[string]any{"decision-range": []float64{.2}}, fault.Usage, "decision-range is two risks, the lower one first"},
		{"falling range", plain, map[string]any{"decision-range": []float64{.5, .1}}, fault.Usage, "decision-range is two risks, the lower one first"},
		{"empty range", plain, map[string]any{"decision-range": []float64{.2, .2}}, fault.Usage, "decision-range is two risks, the lower one first"},
		{"excluded target", plain, map[string]any{"exclude": []string{"y"}}, fault.Data, "exclude names the target"},
		{"target as patient", plain, map[string]any{"patient": "y"}, fault.Data, "patient names the target"},
		{"target as subgroup", plain, map[string]any{"subgroups": []string{"y"}}, fault.Data, "subgroups names the target"},
		{"patients as subgroups", named, map[string]any{"patient": "id", "subgroups": []string{"id"}}, fault.Data, "names the patients"},
		{"absent subgroup", plain, map[string]any{"subgroups": []string{"xx"}}, fault.Data, "not in the data"},
		{"text subgroup", note, map[string]any{"subgroups": []string{"note"}}, fault.Data, "a text column"},
		{"text as codes", note, map[string]any{"categories": []string{"note"}}, fault.Data, "a text column"},
		{"constraint of no model", plain, map[string]any{"monotone": map[string]float64{"x": 1}}, fault.Usage, "monotone is for boost"},
		{"constraint of no column", plain, map[string]any{"model": "boost", "monotone": map[string]float64{"xx": 1}}, fault.Data, "no predictor"},
		{"three classes, subgroups", classes(30, 30, 30), map[string]any{"subgroups": []string{"x"}}, fault.Usage, "needs an event"},
		{"three classes, thresholds", classes(30, 30, 30), map[string]any{"thresholds": []float64{.2}}, fault.Usage, "needs an event"},
		{"three events", classes(57, 3), nil, fault.Data, "2 patients with a class"},
		{"three of a class", classes(40, 40, 3), nil, fault.Data, "2 patients with a class"},
		{"all positive", plain, map[string]any{"positive": []string{"0", "1"}}, fault.Data, "every level"},
		{"beyond measure", generated(120, ",z", func(i, _ int, r *rand.Rand) string { return fmt.Sprintf("%g", r.NormFloat64()*1e200) }), nil, fault.Data, "no measurements"},
		{"one date", generated(120, ",d", func(int, int, *rand.Rand) string { return "2020-01-01" }), map[string]any{"split": "time", "index-date": "d"}, fault.Data, "lack a class"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := study(t, c.text, c.params)
			if err == nil || fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.say) {
				t.Errorf("the error is %v (kind %v), not of kind %v with %q", err, fault.KindOf(err), c.kind, c.say)
			}
		})
	}
}

// TestOddTables: tables that are unusual and yet can be served run to their end, with figures that are
// numbers and a page that shows no undefined one as text.
func TestOddTables(t *testing.T) {
	plain := generated(120, "", nil)
	date := func(_, _ int, r *rand.Rand) string { return fmt.Sprintf("20%02d-03-%02d", r.IntN(20)+1, r.IntN(28)+1) }
	separable := func() string {
		var b strings.Builder
		b.WriteString("x,y\n")
		for i := range 80 {
			fmt.Fprintf(&b, "%d,%d\n", i*i%997+1000*(i%2), i%2)
		}
		return b.String()
	}()
	wide := func(columns int) string {
		header := ""
		for j := range columns {
			header += fmt.Sprintf(",w%d", j)
		}
		return generated(60, header, func(_, _ int, r *rand.Rand) string {
			cells := make([]string, columns)
			for j := range cells {
				cells[j] = fmt.Sprintf("%.3f", r.NormFloat64())
			}
			return strings.Join(cells, ",")
		})
	}
	type odd struct {
		name, text string
		params     map[string]any
	}
	cases := []odd{
		{"twelve rows", generated(12, "", nil), nil},
		{"twenty rows in folds", generated(20, "", nil), map[string]any{"split": "folds"}},
		{"more folds than events", generated(30, "", nil), map[string]any{"folds": 10}},
		{"wide", wide(120), nil},
		{"boolean text", strings.NewReplacer(",0\n", ",False\n", ",1\n", ",True\n").Replace(plain), nil},
		{"every row twice", plain + strings.SplitN(plain, "\n", 2)[1], nil},
		{"several positive levels", classes(30, 30, 30), map[string]any{"positive": []string{"1", "2"}}},
		{"a positive level twice", plain, map[string]any{"positive": []string{"1", "1"}}},
		{"patients without a name", generated(120, ",id", func(i, _ int, _ *rand.Rand) string {
			if i%3 == 0 {
				return ""
			}
			return fmt.Sprintf("P%d", i/2)
		}), map[string]any{"patient": "id"}},
		{"groups by date", generated(200, ",d", date), map[string]any{"subgroups": []string{"d"}}},
		{"thresholds 0 and 1", plain, map[string]any{"thresholds": []float64{0, 1}, "subgroups": []string{"x"}}},
		{"ties in time", generated(120, ",d", func(_, _ int, r *rand.Rand) string { return fmt.Sprintf("2020-01-%02d", r.IntN(3)+1) }), map[string]any{"split": "time", "index-date": "d"}},
		{"constants", generated(120, ",z,k,e", func(int, int, *rand.Rand) string { return "3,same," }), nil},
		{"odd names", generated(120, ",\"a, \"\"b\"\" <script>alert(1)</script>\",größe (cm)", func(_, _ int, r *rand.Rand) string {
			return fmt.Sprintf("%g,%s", r.NormFloat64(), []string{"<b>", "\"q,\""}[r.IntN(2)])
		}), map[string]any{"subgroups": []string{"größe (cm)"}}},
		{"repeated folds", plain, map[string]any{"split": "folds", "repeats": 2, "folds": 2}},
	}
	for _, kind := range candidateNames {
		quick := func(more map[string]any) map[string]any {
			more["model"], more["rounds"], more["trees"] = kind, 20, 9
			return more
		}
		cases = append(cases,
			odd{"separable " + kind, separable, quick(map[string]any{})},
			odd{"four events " + kind, classes(56, 4), quick(map[string]any{})},
			odd{"four of a class " + kind, classes(40, 40, 4), quick(map[string]any{})},
			odd{"only categories " + kind, generated(120, ",z", func(_, y int, r *rand.Rand) string { return string(rune('a' + (r.IntN(2)+y)%3)) }), quick(map[string]any{"exclude": []string{"x"}})},
			odd{"nothing but constants " + kind, generated(120, ",z,k", func(int, int, *rand.Rand) string { return "3,same" }), quick(map[string]any{"exclude": []string{"x"}})},
		)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			res, _, err := study(t, c.text, c.params)
			if err != nil {
				t.Fatal(err)
			}
			for name, v := range res.Metrics {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Errorf("the metric %s is %v", name, v)
				}
			}
			page, err := os.ReadFile(res.Report)
			if err != nil {
				t.Fatal(err)
			}
			for _, bad := range []string{"NaN", "Inf", "<script>alert", "%!"} {
				if strings.Contains(string(page), bad) {
					t.Errorf("the page has %q", bad)
				}
			}
		})
	}
}
