package risk

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"galen.dev/metric"
	"galen.dev/store"
	"galen.dev/task"
)

// twoTargets is a table with two predictors, two outcomes of the same classes, and patients of two rows.
func twoTargets(t *testing.T, rows int) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(6, 2))
	var b strings.Builder
	b.WriteString("id,a,b,died,returned,grade\n")
	for i := range rows {
		x, z := rng.NormFloat64(), rng.NormFloat64()
		say := func(p float64) string {
			if rng.Float64() < 1/(1+math.Exp(-p)) {
				return "yes"
			}
			return "no"
		}
		fmt.Fprintf(&b, "P%d,%.3f,%.3f,%s,%s,g%d\n", i/2, x, z, say(x+z), say(x-z), i%3)
	}
	path := filepath.Join(t.TempDir(), "two.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCompare(t *testing.T) {
	x, data := runner(t), twoTargets(t, 240)
	run := func(name, data string, params map[string]any) store.RunInfo {
		t.Helper()
		all := map[string]any{"target": "died", "model": "logistic", "folds": 3, "bootstrap": 100, "exclude": []string{"id", "died", "returned", "grade"}}
		for k, v := range params {
			all[k] = v
		}
		left := all["exclude"].([]string)
		all["exclude"] = []string{}
		for _, c := range left {
			if c != all["target"] && c != all["patient"] {
				all["exclude"] = append(all["exclude"].([]string), c)
			}
		}
		res, err := x.Run(t.Context(), &task.Study{Name: name, Task: Task.Name, Data: data, Seed: 1, Params: all}, task.Evaluate)
		if err != nil {
			t.Fatal(err)
		}
		info, err := x.FindRun(t.Context(), res.Run)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	both := run("both", data, nil)
	one := run("one", data, map[string]any{"exclude": []string{"id", "b", "died", "returned", "grade"}})
	got, err := Compare(t.Context(), x.Store, both, one)
	if err != nil {
		t.Fatal(err)
	}
	p1, y := risks(t, x.Store, both.ID)
	p2, _ := risks(t, x.Store, one.ID)
	if got.Cases != len(y) || got.Rows[0].Method != "DeLong" || got.Rows[0].P == nil {
		t.Fatalf("%d cases, first row %+v", got.Cases, got.Rows[0])
	}
	for name, want := range map[string][2]float64{
		"auroc": {metric.AUROC(p1, y), metric.AUROC(p2, y)}, "brier": {metric.Brier(p1, y), metric.Brier(p2, y)}, "log_loss": {metric.LogLoss(p1, y), metric.LogLoss(p2, y)},
	} {
		found := false
		for _, r := range got.Rows {
			if r.Name != name {
				continue
			}
			found = true
			if d := want[0] - want[1]; math.Abs(r.First.Value-want[0]) > 1e-9 || math.Abs(r.Second.Value-want[1]) > 1e-9 || math.Abs(r.Difference.Value-d) > 1e-9 {
				t.Errorf("%s: %v and %v differ by %v; directly %v", name, r.First.Value, r.Second.Value, r.Difference.Value, want)
			}
			if r.Difference.Low > r.Difference.Value || r.Difference.High < r.Difference.Value {
				t.Errorf("%s: the difference lies outside its interval: %+v", name, r.Difference)
			}
		}
		if !found {
			t.Errorf("no score is called %s", name)
		}
	}
	if same, err := Compare(t.Context(), x.Store, both, both); err != nil || *same.Rows[0].P != 1 || same.Rows[0].Difference.Value != 0 {
		t.Errorf("a run beside itself: %+v, %v", same, err)
	}

	patients := run("patients", data, map[string]any{"patient": "id"})
	grouped, err := Compare(t.Context(), x.Store, patients, patients)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range grouped.Rows {
		if r.P != nil || r.Method != "paired bootstrap" {
			t.Errorf("%s of patients with two rows each is compared by %s", r.Name, r.Method)
		}
	}

	for name, other := range map[string]store.RunInfo{
		"different events":      run("other", data, map[string]any{"target": "returned"}),
		"different data":        run("data", twoTargets(t, 242), nil),
		"more than two classes": run("grades", data, map[string]any{"target": "grade"}),
		"can be compared":       {ID: both.ID, Task: "text/notes"},
	} {
		if _, err := Compare(t.Context(), x.Store, both, other); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

// risks reads the predictions of a run.
func risks(t *testing.T, s *store.Store, id string) (p []float64, y []bool) {
	t.Helper()
	f, err := s.Open(id, string(task.Evaluate), predictionsFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, cells := range predictions(t, filepath.Dir(filepath.Dir(f.Name()))) {
		v, err := strconv.ParseFloat(cells[6], 64)
		if err != nil {
			t.Fatal(err)
		}
		p, y = append(p, v), append(y, cells[4] == "yes")
	}
	return p, y
}
