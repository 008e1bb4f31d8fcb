package risk

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"galen.dev/task"
	"galen.dev/task/tasktest"
)

// cohortCSV writes a generated cohort: the outcome follows age, a laboratory value with missing cells and a
// category; some patients have two rows.
func cohortCSV(t *testing.T, folder string, n int, seed uint64, shuffled bool) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	w := csv.NewWriter(&b)
	rows := [][]string{}
	patient := 0
	for i := range n {
		if i%7 != 0 {
			patient++
		}
		age, lab := 40+20*rng.NormFloat64()/2, rng.NormFloat64()
		site := []string{"north", "south", "west"}[rng.IntN(3)]
		logit := 2.5*(age-40)/10 + 2.5*lab
		if site == "west" {
			logit++
		}
		died := "no"
		if rng.Float64() < 1/(1+math.Exp(-logit)) {
			died = "yes"
		}
		labText := strconv.FormatFloat(lab, 'f', 3, 64)
		if rng.Float64() < .1 {
			labText = ""
		}
		rows = append(rows, []string{
			fmt.Sprintf("%s %04d", tasktest.Canary, patient), fmt.Sprintf("2024-%02d-%02d", 1+i*12/n, 1+rng.IntN(28)),
			strconv.FormatFloat(age, 'f', 1, 64), labText, strconv.FormatFloat(rng.NormFloat64(), 'f', 3, 64), site, died,
		})
	}
	if shuffled {
		for i := range rows {
			j := rng.IntN(i + 1)
			rows[i][6], rows[j][6] = rows[j][6], rows[i][6]
		}
	}
	if err := w.Write([]string{"name", "seen", "age", "lab (mmol/l)", "noise", "site", "died"}); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "cohort.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// held returns the test rows of the user's data as a CSV, in the order of predictions.csv.
func held(t *testing.T, folder, data string) ([]byte, string) {
	t.Helper()
	source, err := os.ReadFile(data)
	if err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(strings.NewReader(string(source))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	rows := [][]string{all[0]}
	for _, p := range predictions(t, folder) {
		row, err := strconv.Atoi(p[2])
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, all[row])
	}
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return []byte(b.String()), "held.csv"
}

// predictions are the rows of the first repeat of evaluate's predictions.csv, without header.
func predictions(t *testing.T, folder string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(folder, "evaluate", predictionsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for _, r := range rows[1:] {
		if r[0] == "0" {
			out = append(out, r)
		}
	}
	return out
}

func same(t *testing.T, folder string, answer []byte) {
	t.Helper()
	var got []Prediction
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatal(err)
	}
	want := predictions(t, folder)
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%d predictions, %d held-out cases", len(got), len(want))
	}
	abstained := 0
	for i, g := range got {
		if g.Abstained {
			abstained++
			continue
		}
		p, err := strconv.ParseFloat(want[i][6], 64)
		if err != nil {
			t.Fatal(err)
		}
		if *g.Risk != p {
			t.Errorf("case %d: apply says %v, evaluate %v", i+1, *g.Risk, p)
		}
		sum := g.Why.Base
		for _, c := range g.Why.Contributions {
			sum += c.Effect
		}
		if g.Why.Scale == "log odds" && g.Low != nil && (*g.Low > *g.Risk || *g.High < *g.Risk) {
			t.Errorf("case %d: the risk lies outside its interval", i+1)
		}
		if math.IsNaN(sum) {
			t.Errorf("case %d: the contributions do not add up", i+1)
		}
	}
	if abstained > len(got)/5 {
		t.Errorf("the model abstains on %d of %d cases like those it learned from", abstained, len(got))
	}
}

func patientsOfSplit(t *testing.T, folder string) (train, test []int) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, "preprocess", splitsFile))
	if err != nil {
		t.Fatal(err)
	}
	var sp splits
	if err := json.Unmarshal(data, &sp); err != nil {
		t.Fatal(err)
	}
	return sp.Patients["train"], sp.Patients["test"]
}

// memorise is a study whose test cases are its training cases, as patients of other names.
func memorise(t *testing.T, folder string) *task.Study {
	t.Helper()
	data, err := os.ReadFile(cohortCSV(t, folder, 32, 5, true))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	out := lines[0] + ",part\n"
	for _, part := range []string{"train", "test"} {
		for i, line := range lines[1:] {
			_, rest, _ := strings.Cut(line, ",")
			out += fmt.Sprintf("%s %d,%s,%s\n", part, i, rest, part)
		}
	}
	path := filepath.Join(folder, "twice.csv")
	if err := os.WriteFile(path, []byte(out), 0o644); err != nil {
		t.Fatal(err)
	}
	return &task.Study{
		Name: "memorise", Task: Task.Name, Data: path, Seed: 1, Waive: []string{"duplicate-across-splits", "near-duplicate-across-splits", "duplicate-rows"},
		Params: map[string]any{
			"target": "died", "patient": "name", "split": "column", "split-column": "part", "folds": 2, "bootstrap": 100,
			"model": "forest", "trees": 100, "min-leaf": 1, "calibration": "none",
		},
	}
}

func TestRiskConforms(t *testing.T) {
	schema := filepath.Join(t.TempDir(), "schema.yaml")
	if err := os.WriteFile(schema, []byte(`columns:
  - {name: name, kind: text}
  - {name: seen, kind: date}
  - {name: age, kind: numeric, unit: a}
  - {name: lab (mmol/l), kind: numeric, unit: mmol/l}
  - {name: noise, kind: numeric}
  - {name: site, kind: category}
  - {name: died, kind: category}
`), 0o644); err != nil {
		t.Fatal(err)
	}
	quick := map[string]any{"target": "died", "patient": "name", "model": "logistic", "folds": 3, "bootstrap": 100, "index-date": "seen"}
	tasktest.Run(t, tasktest.Case{
		Task: Task, Data: cohortCSV, Params: quick,
		Cover: []map[string]any{
			{"schema": schema, "split": "folds", "model": "auto", "candidates": []string{"logistic", "boost"}, "rounds": 20, "shap": "interventional"},
			{"model": "ebm", "split": "time", "thresholds": []float64{.3}},
			{"model": "forest", "trees": 10, "subgroups": []string{"site", "age"}},
		},
		Score: "auroc", Learns: .9, Chance: [2]float64{.3, .7},
		Memorise: memorise, Memorises: .95,
		Held: held, Same: same, Splits: patientsOfSplit,
	})
}
