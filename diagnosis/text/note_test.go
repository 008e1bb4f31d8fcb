package note

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	_ "galen.dev/engine" // the backend "cpu"
	"galen.dev/fault"
	"galen.dev/store"
	"galen.dev/task"
	"galen.dev/task/tasktest"
)

var (
	plainWords = strings.Fields("the patient was seen today and feels well after dinner with her husband at home walking slowly in the garden reading news sleeping through most nights eating bread soup rice")
	badWords   = strings.Fields("fever cough sputum crackles hypoxia tachypnea")
	goodWords  = strings.Fields("headache rash sprain reflux itching bruise")
)

// notes writes made-up notes: those of the event speak of one illness, others of others. Some patients have two.
func notes(t *testing.T, dir string, n int, seed uint64, shuffled bool) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 7))
	labels := make([]string, n)
	for i := range labels {
		labels[i] = []string{"no", "yes"}[rng.IntN(2)]
	}
	rows := [][]string{{"text", "label", "patient"}}
	patient := 0
	for i := range n {
		if i%7 != 0 {
			patient++
		}
		name := fmt.Sprintf("%s %04d", tasktest.Canary, patient)
		words := []string{"Mr", name, "came."}
		for range 20 + rng.IntN(20) {
			words = append(words, plainWords[rng.IntN(len(plainWords))])
		}
		from := goodWords
		if labels[i] == "yes" {
			from = badWords
		}
		for range 3 {
			words[3+rng.IntN(len(words)-3)] = from[rng.IntN(len(from))]
		}
		label := labels[i]
		if shuffled {
			label = labels[(i*31+17)%n]
		}
		rows = append(rows, []string{strings.Join(words, " ") + ".", label, name})
	}
	path := filepath.Join(dir, "notes.csv")
	put(t, path, rows)
	return path
}

func put(t *testing.T, path string, rows [][]string) {
	t.Helper()
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
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

// held are the test notes, in the order of predictions.csv.
func held(t *testing.T, run, data string) ([]byte, string) {
	t.Helper()
	all := readCSV(t, data)
	rows := [][]string{{"text"}}
	for _, p := range readCSV(t, filepath.Join(run, "evaluate", predictionsFile))[1:] {
		row, err := strconv.Atoi(p[0])
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, []string{all[row][0]})
	}
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), "held.csv"
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
	for i, g := range got {
		p, err := strconv.ParseFloat(want[i][4], 64)
		if err != nil {
			t.Fatal(err)
		}
		if g.Abstained || *g.Risk != p {
			t.Errorf("case %d: apply says %v, evaluate %v", i+1, g.Risk, p)
		}
		if g.Why == nil || len(g.Why.Words) == 0 {
			t.Errorf("case %d is not explained", i+1)
		}
	}
}

func sides(t *testing.T, run string) (train, test []int) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(run, "preprocess", splitsFile))
	if err != nil {
		t.Fatal(err)
	}
	var sp splits
	if err := json.Unmarshal(data, &sp); err != nil {
		t.Fatal(err)
	}
	return sp.Patients["train"], sp.Patients["test"]
}

// memorise is a study whose test notes are its training notes, under other names.
func memorise(t *testing.T, dir string) *task.Study {
	t.Helper()
	all := readCSV(t, notes(t, dir, 32, 5, true))
	rows := [][]string{{"text", "label", "patient", "split"}}
	for i, r := range all[1:] {
		// Words of its own, that two patients have.
		s := r[0] + fmt.Sprintf(" word%c%c.", 'a'+i/6, 'a'+i%6)
		rows = append(rows, []string{s, r[1], fmt.Sprint("a", i), "train"}, []string{s, r[1], fmt.Sprint("c", i), "train"}, []string{s, r[1], fmt.Sprint("b", i), "test"})
	}
	path := filepath.Join(dir, "twice.csv")
	put(t, path, rows)
	return &task.Study{Name: "memorise", Task: Task.Name, Data: path, Seed: 1, Params: map[string]any{"folds": 2, "bootstrap": 100, "model": "linear", "min-count": 2, "penalty": .001, "calibration": "none", "explained": 0}}
}

func TestTextConforms(t *testing.T) {
	tasktest.Run(t, tasktest.Case{
		Task: Task, Data: notes, Params: map[string]any{"model": "linear", "folds": 2, "bootstrap": 100, "explained": 3, "min-count": 3},
		Cover: []map[string]any{{"model": "auto", "candidates": []string{"linear", "cnn"}, "epochs": 1, "max-words": 32, "width": 8, "show-text": true}},
		Score: "auroc", Learns: .9, Chance: [2]float64{.3, .7},
		Memorise: memorise, Memorises: .95, Held: held, Same: same, Splits: sides,
	})
}

// run takes a study through its steps.
func run(t *testing.T, data string, params map[string]any) (*task.Runner, *task.Result, error) {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "runs"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	x := &task.Runner{Tasks: []*task.Task{Task}, Store: s, Version: "test"}
	all := map[string]any{"folds": 2, "bootstrap": 100, "explained": 2}
	for k, v := range params {
		all[k] = v
	}
	res, err := x.Run(t.Context(), &task.Study{Name: "s", Task: Task.Name, Data: data, Seed: 1, Params: all}, task.Evaluate)
	return x, res, err
}

func TestNetworksLearn(t *testing.T) {
	data := notes(t, t.TempDir(), 300, 3, false)
	for _, model := range []string{"cnn", "gru"} {
		_, res, err := run(t, data, map[string]any{"model": model, "epochs": 10, "max-words": 48, "width": 16, "learning-rate": .01})
		if err != nil {
			t.Fatal(err)
		}
		if v := res.Metrics["auroc"]; v < .9 {
			t.Errorf("%s: AUROC %v", model, v)
		}
	}
}

func TestEncoder(t *testing.T) {
	dir := "../../text/bert/testdata/safetensors"
	abs, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	rows := [][]string{{"text", "label"}}
	for i := range 80 {
		rows = append(rows, []string{[]string{"the patient has no cough and no pain", "heart failure and fever"}[i%2] + strings.Repeat(" a", i%5), []string{"no", "yes"}[i%2]})
	}
	data := filepath.Join(t.TempDir(), "n.csv")
	put(t, data, rows)
	x, res, err := run(t, data, map[string]any{"model": "bert", "encoder": abs})
	if err != nil {
		t.Fatal(err)
	}
	if v := res.Metrics["auroc"]; v < .95 {
		t.Errorf("AUROC %v", v)
	}
	var out bytes.Buffer
	if _, err := x.Apply(t.Context(), res.Run, task.Input{Path: "n.txt", Reader: strings.NewReader("heart failure and fever")}, nil, &out, task.JSON); err != nil || !strings.Contains(out.String(), "occlusion") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// marked writes CoNLL sentences in which words that end in -itis are diseases.
func marked(t *testing.T, dir string) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 7))
	for _, part := range []struct {
		name string
		n    int
	}{{"train.tsv", 200}, {"test.tsv", 60}} {
		var b strings.Builder
		for range part.n {
			for range 4 + rng.IntN(4) {
				fmt.Fprintf(&b, "%s\tO\n", plainWords[rng.IntN(len(plainWords))])
			}
			if rng.IntN(2) == 0 {
				fmt.Fprintf(&b, "no\tO\nacute\tB-Disease\n%c%c%citis\tI-Disease\n", 'a'+rng.IntN(26), 'a'+rng.IntN(26), 'a'+rng.IntN(26))
			}
			b.WriteString(".\tO\n\n")
		}
		if err := os.WriteFile(filepath.Join(dir, part.name), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestEntities(t *testing.T) {
	dictionary := filepath.Join(t.TempDir(), "names.txt")
	if err := os.WriteFile(dictionary, []byte("scarlet fever\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	x, res, err := run(t, marked(t, t.TempDir()), map[string]any{"kind": "entities", "dictionary": dictionary})
	if err != nil {
		t.Fatal(err)
	}
	if res.Metrics["f1"] < .9 || res.Metrics["f1-lenient"] < res.Metrics["f1"] {
		t.Errorf("%v", res.Metrics)
	}
	note := "Family History: mother had acute foxitis.\nPlan: The patient had no acute wolfitis today."
	var out bytes.Buffer
	if _, err := x.Apply(t.Context(), res.Run, task.Input{Path: "n.txt", Reader: strings.NewReader(note)}, nil, &out, task.JSON); err != nil {
		t.Fatal(err)
	}
	var got []Prediction
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got) != 1 || len(got[0].Entities) != 2 {
		t.Fatalf("%v\n%s", err, out.String())
	}
	a, b := got[0].Entities[0], got[0].Entities[1]
	if a.Of(note) != "acute foxitis" || a.Assertion.Experiencer != "other" || a.Section != "family" || b.Of(note) != "acute wolfitis" || b.Assertion.Presence != "negated" || b.Confidence < .5 {
		t.Errorf("%s", out.String())
	}
	html, err := os.ReadFile(filepath.Join(res.Folder, "evaluate", reportFile))
	if err != nil || bytes.Contains(html, []byte("itis")) {
		t.Errorf("the report quotes the text (%v)", err)
	}
}

func TestAssertions(t *testing.T) {
	rows := [][]string{{"text", "phrase", "presence", "temporality", "experiencer"}}
	for i := range 200 {
		w := badWords[i%len(badWords)]
		switch i % 3 {
		case 0:
			rows = append(rows, []string{"She denies " + w + " today.", w, "negated", "recent", "patient"})
		case 1:
			rows = append(rows, []string{"History of " + w + ".", w, "affirmed", "historical", "patient"})
		default:
			rows = append(rows, []string{"There is " + w + " now.", w, "affirmed", "recent", "patient"})
		}
	}
	data := filepath.Join(t.TempDir(), "said.csv")
	put(t, data, rows)
	x, res, err := run(t, data, map[string]any{"kind": "assertion"})
	if err != nil {
		t.Fatal(err)
	}
	if res.Metrics["f1-negated"] < .95 || res.Metrics["f1-historical"] < .95 {
		t.Errorf("%v", res.Metrics)
	}
	var out bytes.Buffer
	if _, err := x.Apply(t.Context(), res.Run, task.Input{Path: "n.csv", Reader: strings.NewReader("text,phrase\nHe denies fever.,fever\n")}, nil, &out, task.CSV); err != nil || !strings.Contains(out.String(), "10-15  negated recent patient") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestRefused(t *testing.T) {
	long := strings.Repeat("word ", 17<<20/5)
	for what, c := range map[string]struct {
		name, in string
		want     []string
	}{
		"no column":  {"n.csv", "note,label\na,b\n", []string{"text: the table has no column of this name"}},
		"no label":   {"n.csv", "text,label\nfever,yes\ncough,\n", []string{"notes have no label", "row 2"}},
		"empty":      {"n.csv", "text,label\n  ,yes\ncough,no\n", []string{"notes are empty", "row 1"}},
		"invalid":    {"n.csv", "text,label\nSecret\xffName,yes\ncough,no\n", []string{"not valid UTF-8: 1 byte, the first at offset 6", "row 1", "replace-invalid"}},
		"one label":  {"n.csv", "text,label\nfever,yes\ncough,yes\n", []string{"nothing can be told apart"}},
		"cells":      {"n.csv", "text,label\nfever,yes,more\ncough,no\n", []string{"as many cells", "row 1"}},
		"long":       {"n.csv", "text,label\n" + long + ",yes\n", []string{"longer than"}},
		"open quote": {"n.csv", "text,label\n\"" + strings.Repeat("word\n", 1000), []string{"no row of the table"}},
		"json":       {"n.jsonl", "{\"text\": \"a\", \"label\": \"yes\"}\n[]\n", []string{"record 2 is not an object"}},
		"both sides": {"n.csv", "text,label,patient,split\na,yes,1,train\nb,no,1,test\n", []string{"1 patient on both sides"}},
		"split":      {"n.csv", "text,label,split\na,yes,here\nb,no,test\n", []string{"none of train, devel and test", "row 1"}},
		"rare words": {"n.csv", "text,label\na,yes\nb,no\nc,yes\nd,no\ne,yes\nf,no\ng,yes\nh,no\n", []string{"no word stands"}},
		"too few":    {"n.csv", "text,label\na,yes\na,yes\na,yes\na,no\n", []string{"class \"no\" has"}},
	} {
		data := filepath.Join(t.TempDir(), c.name)
		if err := os.WriteFile(data, []byte(c.in), 0o644); err != nil {
			t.Fatal(err)
		}
		_, _, err := run(t, data, nil)
		if fault.KindOf(err) != fault.Data {
			t.Errorf("%s: %v (%v)", what, err, fault.KindOf(err))
			continue
		}
		for _, w := range c.want {
			if s := err.Error() + fault.HintOf(err); !strings.Contains(s, w) || strings.Contains(s, "Secret") {
				t.Errorf("%s: %q is not in: %.300s", what, w, s)
			}
		}
	}
	dir := t.TempDir()
	for name, s := range map[string]string{"labels.csv": "record,label\na,yes\nzz,no\n", "a.txt": "fever", "b.txt": "cough"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := run(t, dir, nil); fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), "1 note of the folder have no label") || !strings.Contains(err.Error(), "name notes that are not there") {
		t.Errorf("labels without notes: %v", err)
	}
}

func TestAbstains(t *testing.T) {
	x, res, err := run(t, notes(t, t.TempDir(), 200, 3, false), map[string]any{"model": "linear"})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	in := "{\"text\": \"Квартальный отчёт компании\"}\n{\"text\": \"\"}\n{\"text\": \"高血压 fever cough the patient\"}\n"
	if _, err := x.Apply(t.Context(), res.Run, task.Input{Path: "n.jsonl", Reader: strings.NewReader(in)}, nil, &out, task.JSON); err != nil {
		t.Fatal(err)
	}
	var got []Prediction
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got) != 3 {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !got[0].Abstained || !got[1].Abstained || got[2].Abstained {
		t.Errorf("%s", out.String())
	}
}

func FuzzTable(f *testing.F) {
	f.Add([]byte("text,label\nfever,yes\n"))
	f.Add([]byte("text\tlabel\nfever\tyes\n"))
	f.Add([]byte("[{\"text\": \"a\", \"label\": 1}]"))
	f.Add([]byte("\xef\xbb\xbf{\"text\": null}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		x := newReader(map[string]string{"text": "text", "label": "label", "patient": "patient", "split": "split"}, false, "text", "label")
		_ = x.table(t.Context(), bytes.NewReader(b), "n.csv")
	})
}
