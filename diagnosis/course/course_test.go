package course

import (
	"archive/tar"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"galen.dev/task"
	"galen.dev/task/tasktest"
)

// made is a made-up stay: the text of its file, and its outcome.
type made struct {
	id, text string
	died     bool
}

// stays makes up stays of 12 hours: of those who die, the heart rate rises and urine is measured less.
func stays(n int, seed uint64) []made {
	rng := rand.New(rand.NewPCG(seed, 5))
	out := make([]made, n)
	for i := range out {
		died := rng.IntN(5) < 2
		id := fmt.Sprintf("%s%04d", tasktest.Canary, i)
		var b strings.Builder
		fmt.Fprintf(&b, "Time,Parameter,Value\n00:00,RecordID,%s\n00:00,Age,%d\n00:00,Gender,%d\n00:00,Weight,%d\n", id, 50+rng.IntN(40), rng.IntN(2), 60+rng.IntN(40))
		for h := range 12 {
			rise := 0.0
			if died {
				rise = 3 * float64(h)
			}
			fmt.Fprintf(&b, "%02d:%02d,HR,%.1f\n", h, rng.IntN(30), 75+rise+6*rng.NormFloat64())
			if rng.IntN(3) > 0 || !died && rng.IntN(2) == 0 {
				fmt.Fprintf(&b, "%02d:%02d,Urine,%d\n", h, 30+rng.IntN(30), 20+rng.IntN(80))
			}
			if h%4 == 0 {
				fmt.Fprintf(&b, "%02d:%02d,Lactate,%.2f\n", h, 59, 1.5+rng.ExpFloat64())
			}
		}
		b.WriteString("14:00,HR,80\n") // after the index time
		out[i] = made{id, b.String(), died}
	}
	return out
}

// archive writes stays to a tar, in a part, with their outcomes.
func archive(t testing.TB, path string, parts map[string][]made) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	put := func(name, text string) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	for _, part := range []string{"a", "b"} {
		if len(parts[part]) == 0 {
			continue
		}
		outcomes := "RecordID,In-hospital_death\n"
		for _, s := range parts[part] {
			put("set-"+part+"/"+s.id+".txt", s.text)
			outcomes += fmt.Sprintf("%s,%d\n", s.id, int(indicator(s.died)))
		}
		put("Outcomes-"+part+".txt", outcomes)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func data12(t *testing.T, dir string, n int, seed uint64, shuffled bool) string {
	all := stays(n, seed)
	if shuffled {
		y := make([]bool, n)
		for i := range all {
			y[i] = all[(i*31+17)%n].died
		}
		for i := range all {
			all[i].died = y[i]
		}
	}
	return archive(t, filepath.Join(dir, "stays.tar"), map[string][]made{"a": all})
}

func readCSV(t *testing.T, path string) [][]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// held archives the test stays in the order of predictions.csv.
func held(t *testing.T, run, data string) ([]byte, string) {
	t.Helper()
	f, err := os.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []made
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		text, err2 := io.ReadAll(r)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if strings.HasPrefix(h.Name, "set-") {
			all = append(all, made{strings.TrimSuffix(filepath.Base(h.Name), ".txt"), string(text), false})
		}
	}
	var test []made
	for _, p := range readCSV(t, filepath.Join(run, "evaluate", predictionsFile))[1:] {
		k, err := strconv.Atoi(p[0])
		if err != nil {
			t.Fatal(err)
		}
		if len(test) == 0 || test[len(test)-1].id != all[k-1].id {
			test = append(test, all[k-1])
		}
	}
	content, err := os.ReadFile(archive(t, filepath.Join(t.TempDir(), "held.tar"), map[string][]made{"a": test}))
	if err != nil {
		t.Fatal(err)
	}
	return content, "held.tar"
}

func same(t *testing.T, run string, answer []byte) {
	t.Helper()
	var got []Prediction
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatal(err)
	}
	want := readCSV(t, filepath.Join(run, "evaluate", predictionsFile))[1:]
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%d predictions, %d held-out cases", len(got), len(want))
	}
	abstained := 0
	for i, g := range got {
		if g.Abstained {
			abstained++
			continue
		}
		if p, err := strconv.ParseFloat(want[i][4], 64); err != nil || *g.Risk != p {
			t.Errorf("case %d: apply says %v, evaluate %v", i+1, *g.Risk, want[i][4])
		}
		if g.Low != nil && (*g.Low > *g.Risk || *g.High < *g.Risk) {
			t.Errorf("case %d: the risk lies outside its interval", i+1)
		}
		if g.Future != 1 {
			t.Errorf("case %d: %d events after the index time", i+1, g.Future)
		}
		if w := g.Why; w != nil && (w.Residual != nil && *w.Residual > .1 || len(w.Parts) == 0 || len(w.Hidden) != 2) {
			t.Errorf("case %d: the explanation is %+v", i+1, w)
		}
	}
	if abstained > len(got)/5 {
		t.Errorf("the model abstains on %d of %d stays like those it learned from", abstained, len(got))
	}
}

func sides(t *testing.T, run string) (train, test []int) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(run, "preprocess", splitsFile))
	if err != nil {
		t.Fatal(err)
	}
	var sp splits
	if err := json.Unmarshal(content, &sp); err != nil {
		t.Fatal(err)
	}
	return sp.Patients["train"], sp.Patients["test"]
}

// memorise is a study whose test stays are its training stays, under other names.
func memorise(t *testing.T, dir string) *task.Study {
	t.Helper()
	a := stays(32, 5)
	b := make([]made, len(a))
	for i := range a {
		a[i].died = a[(i*7+3)%32].died
		id := "copy" + a[i].id
		b[i] = made{id, strings.Replace(a[i].text, a[i].id, id, 1), a[i].died}
	}
	path := archive(t, filepath.Join(dir, "stays.tar"), map[string][]made{"a": a, "b": b})
	return &task.Study{
		Name: "memorise", Task: Task.Name, Data: path, Seed: 1,
		Params: map[string]any{"outcome": "In-hospital_death", "index-time": 12.0, "window": 12.0, "folds": 4, "bootstrap": 100, "model": "gru", "epochs": 120, "batch": 8, "dropout": 0.0, "calibration": "none", "explain": "none", "baselines": []string{"none"}, "learning-rate": .01},
	}
}

var quick = map[string]any{
	"outcome": "In-hospital_death", "index-time": 12.0, "window": 12.0, "model": "gru", "baselines": []string{"none"}, "folds": 2, "epochs": 6, "batch": 16, "width": 16, "bootstrap": 100, "pictures": 1, "rounds": 30, "learning-rate": .01, "tokens": 16,
}

func TestCourseConforms(t *testing.T) {
	tasktest.Run(t, tasktest.Case{
		Task: Task, Data: data12, Params: quick,
		Cover: []map[string]any{
			{"model": "auto", "candidates": []string{"logistic", "boost"}, "inputs": []string{"HR", "Urine", "Lactate", "Age", "Gender"}, "picture": true, "subgroups": []string{"Gender", "Age"}, "lowest": map[string]float64{"Urine": 10}, "split": "random", "class-weight": "balanced"},
			{"model": "basic-rnn", "optimiser": "sgd", "epochs": 1, "explain": "occlusion", "abstain": 1.0, "thresholds": []float64{.4}, "value": "last", "bin": .5},
		},
		Score: "auroc", Learns: .9, Chance: [2]float64{.3, .7},
		Memorise: memorise, Memorises: .95,
		Held: held, Same: same, Splits: sides,
	})
}
