package risk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galen.dev/internal/golden"
	"galen.dev/store"
	"galen.dev/studies"
	"galen.dev/task"
)

// runner is a runner over a store of its own.
func runner(t *testing.T) *task.Runner {
	t.Helper()
	s, err := store.Open(t.Context(), t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &task.Runner{Tasks: []*task.Task{Task}, Store: s, Version: "test"}
}

// TestThreeClasses: the whole task with more than two classes, by every kind of model.
func TestThreeClasses(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	b.WriteString("x,y,site,grade\n")
	for range 240 {
		x, y := rng.NormFloat64(), rng.NormFloat64()
		grade := "low"
		switch {
		case x+rng.NormFloat64()/3 > .6:
			grade = "high"
		case y+rng.NormFloat64()/3 > .3:
			grade = "middle"
		}
		fmt.Fprintf(&b, "%.4f,%.4f,%s,%s\n", x, y, []string{"a", "b", "c"}[rng.IntN(3)], grade)
	}
	path := filepath.Join(t.TempDir(), "grades.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, kind := range candidateNames {
		t.Run(kind, func(t *testing.T) {
			x := runner(t)
			res, err := x.Run(t.Context(), &task.Study{Name: kind, Task: Task.Name, Data: path, Params: map[string]any{
				"target": "grade", "model": kind, "folds": 3, "bootstrap": 100, "trees": 30, "rounds": 60, "split": "folds",
			}}, task.Evaluate)
			if err != nil {
				t.Fatal(err)
			}
			if v := res.Metrics["auroc"]; v < .85 {
				t.Errorf("AUROC of one against the rest is %.3f", v)
			}
			var out bytes.Buffer
			in := "x,y,site\n2,0,a\n-2,2,b\n,,c\n"
			if _, err := x.Apply(t.Context(), res.Run, task.Input{Path: "in.csv", Reader: strings.NewReader(in)}, nil, &out, task.JSON); err != nil {
				t.Fatal(err)
			}
			var got []Prediction
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			for i, want := range []string{"high", "middle"} {
				sum, best := 0.0, Chance{}
				for _, c := range got[i].Classes {
					sum += c.Probability
					if c.Probability > best.Probability {
						best = c
					}
				}
				if math.Abs(sum-1) > 1e-9 || best.Class != want {
					t.Errorf("case %d: %v, not mostly %s", i+1, got[i].Classes, want)
				}
			}
			if len(got[2].Missing) != 2 {
				t.Errorf("missing values go unnamed: %v", got[2].Missing)
			}
		})
	}
}

// TestQuality holds the ready studies' figures in a file, so that a drop shows as a difference. The figures
// are rounded: processors differ in their last digits.
func TestQuality(t *testing.T) {
	for _, name := range []string{"wdbc", "heart_cleveland", "support2"} {
		t.Run(name, func(t *testing.T) {
			if name != "wdbc" && os.Getenv("GALEN_DATA") == "" {
				t.Skip("set GALEN_DATA to a folder that has " + name)
			}
			data, ok := studies.Read(name)
			if !ok {
				t.Fatal("no such study")
			}
			x := runner(t)
			s, err := task.ParseStudy(data, name+".yaml", x.Tasks)
			if err != nil {
				t.Fatal(err)
			}
			s.File = ""
			s.Params["model"], s.Params["bootstrap"], s.Params["repeats"] = "logistic", 100, 1
			delete(s.Params, "subgroups")
			res, err := x.Run(t.Context(), s, task.Evaluate)
			if err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprintf("study: %s, model: logistic\nAUROC: %.2f\nBrier: %.2f\n", name, res.Metrics["auroc"], res.Metrics["brier"])
			golden.Check(t, filepath.Join("testdata", "quality", name+".txt"), text)
		})
	}
}
