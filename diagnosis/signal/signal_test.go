package signal

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	_ "galen.dev/engine" // the backend "cpu"
	"galen.dev/fault"
	waves "galen.dev/signal"
	"galen.dev/signal/wfdb"
	"galen.dev/store"
	"galen.dev/task"
	"galen.dev/task/tasktest"
)

// folder writes a folder of made-up recordings of two channels: those of the event have a second bump in each beat.
// Some patients have two recordings.
func folder(t *testing.T, dir string, n int, seed uint64, shuffled bool) string {
	t.Helper()
	dir = filepath.Join(dir, "recordings")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 7))
	labels := make([]string, n)
	for i := range labels {
		labels[i] = []string{"no", "yes"}[rng.IntN(2)]
	}
	rows := [][]string{{"record", "label", "patient"}}
	patient := 0
	for i := range n {
		if i%7 != 0 {
			patient++
		}
		name := fmt.Sprintf("r%04d", i)
		if err := wfdb.Write(dir, beat(name, labels[i] == "yes", rng)); err != nil {
			t.Fatal(err)
		}
		label := labels[i]
		if shuffled {
			label = labels[(i*31+17)%n]
		}
		rows = append(rows, []string{name, label, fmt.Sprintf("%s %04d", tasktest.Canary, patient)})
	}
	put(t, filepath.Join(dir, "labels.csv"), rows)
	return dir
}

// beat makes one recording of 64 to 100 samples.
func beat(name string, event bool, rng *rand.Rand) *waves.Recording {
	n := 64 + rng.IntN(37)
	at := 20 + 4*rng.NormFloat64()
	rec := &waves.Recording{Name: name, Channels: []waves.Channel{{Name: "I", Unit: "mV", Rate: 50}, {Name: "II", Unit: "uV", Rate: 50}}}
	for c := range rec.Channels {
		for k := range n {
			d := float64(k) - at
			v := math.Exp(-d*d/8) + .1*rng.NormFloat64()
			if event {
				v += .7 * math.Exp(-(d-18)*(d-18)/20)
			}
			if c == 1 {
				v *= 800
			}
			rec.Channels[c].Samples = append(rec.Channels[c].Samples, v)
		}
	}
	return rec
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

// heldZip zips the test recordings, named so that they come in the order of predictions.csv.
func heldZip(t *testing.T, run, data string) ([]byte, string) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	labels := readCSV(t, filepath.Join(data, "labels.csv"))
	for _, p := range readCSV(t, filepath.Join(run, "evaluate", predictionsFile))[1:] {
		row, err := strconv.Atoi(p[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, ext := range []string{".hea", ".dat"} {
			name := labels[row][0] + ext
			content, err := os.ReadFile(filepath.Join(data, name))
			if err != nil {
				t.Fatal(err)
			}
			w, err := z.Create(name)
			if err == nil {
				_, err = w.Write(content)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), "held.zip"
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
		p, err := strconv.ParseFloat(want[i][4], 64)
		if err != nil {
			t.Fatal(err)
		}
		ans := g.Answers[0]
		if *ans.Risk != p {
			t.Errorf("case %d: apply says %v, evaluate %v", i+1, *ans.Risk, p)
		}
		if ans.Low != nil && (*ans.Low > *ans.Risk || *ans.High < *ans.Risk) {
			t.Errorf("case %d: the risk lies outside its interval", i+1)
		}
		if w := g.Why; w != nil && (w.Residual != nil && *w.Residual > .2 || len(w.Parts) == 0 || len(w.Channels) != 2) {
			t.Errorf("case %d: the explanation is %+v", i+1, w)
		}
	}
	if abstained > len(got)/5 {
		t.Errorf("the model abstains on %d of %d recordings like those it learned from", abstained, len(got))
	}
}

func patientsOfSplit(t *testing.T, run string) (train, test []int) {
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

// memorise is a study whose test recordings are its training recordings, under other names.
func memorise(t *testing.T, dir string) *task.Study {
	t.Helper()
	data := folder(t, dir, 32, 5, true)
	rows := [][]string{{"record", "label", "patient", "split"}}
	for i, r := range readCSV(t, filepath.Join(data, "labels.csv"))[1:] {
		rows = append(rows, []string{r[0], r[1], fmt.Sprintf("a %d", i), "train"}, []string{"copy" + r[0], r[1], fmt.Sprintf("b %d", i), "test"})
		for _, ext := range []string{".hea", ".dat"} {
			content, err := os.ReadFile(filepath.Join(data, r[0]+ext))
			if err != nil {
				t.Fatal(err)
			}
			content = bytes.ReplaceAll(content, []byte(r[0]), []byte("copy"+r[0]))
			if err := os.WriteFile(filepath.Join(data, "copy"+r[0]+ext), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(t, filepath.Join(data, "labels.csv"), rows)
	return &task.Study{
		Name: "memorise", Task: Task.Name, Data: data, Seed: 1, Waive: []string{"duplicate-across-splits"},
		Params: map[string]any{"folds": 4, "bootstrap": 100, "model": "cnn1d", "epochs": 150, "batch": 8, "calibration": "none", "mixup": 0.0, "jitter": 0.0, "explain": "none"},
	}
}

func TestSignalConforms(t *testing.T) {
	quick := map[string]any{"model": "cnn1d", "folds": 2, "epochs": 12, "batch": 16, "bootstrap": 100, "traces": 1}
	tasktest.Run(t, tasktest.Case{
		Task: Task, Data: folder, Params: quick,
		Cover: []map[string]any{
			{"model": "auto", "candidates": []string{"boost", "cnn1d"}, "rounds": 20, "channels": []string{"II", "I"}, "resample": 100.0, "band": []float64{.5, 20}, "notch": 30.0, "baseline": true},
			{"model": "boost", "rounds": 20, "normalise": "recording", "explain": "occlusion", "trace": true, "thresholds": []float64{.4}},
			{"model": "tcn", "epochs": 1, "width": 8, "crop": 1.0, "aggregate": "max", "class-weight": "balanced"},
		},
		Score: "auroc", Learns: .9, Chance: [2]float64{.3, .7},
		Memorise: memorise, Memorises: .95,
		Held: heldZip, Same: same, Splits: patientsOfSplit,
	})
}

// matrices writes a study's data as a matrix for training and one for testing, labels first.
func matrices(t *testing.T, dir string, n int, label func(event bool) string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(4, 4))
	for _, side := range []string{"TRAIN", "TEST"} {
		var rows [][]string
		for i := range n {
			row := []string{label(i%2 == 1)}
			for _, v := range beat("x", i%2 == 1, rng).Channels[0].Samples[:64] {
				row = append(row, strconv.FormatFloat(v, 'g', 8, 64))
			}
			rows = append(rows, row)
		}
		put(t, filepath.Join(dir, "M_"+side+".csv"), rows)
	}
}

// run takes a study through its steps.
func run(t *testing.T, data string, params map[string]any, waive ...string) (*task.Runner, *task.Result, error) {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "runs"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	x := &task.Runner{Tasks: []*task.Task{Task}, Store: s, Version: "test"}
	all := map[string]any{"model": "boost", "rounds": 20, "folds": 2, "bootstrap": 100, "traces": 1}
	for k, v := range params {
		all[k] = v
	}
	res, err := x.Run(t.Context(), &task.Study{Name: "s", Task: Task.Name, Data: data, Seed: 1, Params: all, Waive: waive}, task.Evaluate)
	return x, res, err
}

func TestMatrices(t *testing.T) {
	dir := t.TempDir()
	matrices(t, dir, 40, func(event bool) string { return []string{"0", "1"}[indicator(event)] })
	x, res, err := run(t, dir, map[string]any{"rate": 50.0, "trace": true})
	if err != nil {
		t.Fatal(err)
	}
	if v := res.Metrics["auroc"]; v < .95 {
		t.Errorf("AUROC %v", v)
	}
	want := readCSV(t, filepath.Join(res.Folder, "evaluate", predictionsFile))[1:]
	if len(want) != 40 || want[0][0] != "41" {
		t.Errorf("%d test rows from row %s on, want 40 from 41 on: the split is given", len(want), want[0][0])
	}
	text, err := os.ReadFile(filepath.Join(dir, "M_TEST.csv"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := x.Apply(t.Context(), res.Run, task.Input{Path: "in.csv", Reader: bytes.NewReader(text)}, map[string]any{"labelled": true, "trace": true}, &out, task.JSON); err != nil {
		t.Fatal(err)
	}
	var got []Prediction
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got) != 40 {
		t.Fatalf("%d predictions, %v", len(got), err)
	}
	for i, g := range got {
		if !g.Abstained && strconv.FormatFloat(*g.Answers[0].Risk, 'g', -1, 64) != want[i][4] {
			t.Errorf("row %d: apply says %v, evaluate %s", i, *g.Answers[0].Risk, want[i][4])
		}
		if !g.Abstained && (!strings.HasPrefix(g.Trace, "<svg") && !strings.HasPrefix(g.Trace, "<?xml") || g.Why.Method != "occlusion") {
			t.Errorf("row %d has no trace", i)
		}
	}
	in := `{"record": "a", "channels": [{"name": "signal", "unit": "", "rate": 50, "samples": [` + strings.TrimSuffix(strings.Repeat("0.1, null, 0.3, ", 30), ", ") + `]}]}`
	out.Reset()
	if _, err := x.Apply(t.Context(), res.Run, task.Input{Path: "in.json", Reader: strings.NewReader(in)}, nil, &out, task.CSV); err != nil || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("JSON: %v\n%s", err, out.String())
	}
	for in, want := range map[string]string{
		`{"channels": 3}`: "recording 1 is not in the form",
		`[{"channels": [{"name": "II", "rate": 50, "samples": [1, 2]}]}]`:                "no channel of this name",
		`[{"channels": [{"name": "signal", "rate": 0, "samples": [1, 2]}]}]`:             "rate is not above 0",
		`[{"channels": [{"name": "signal", "unit": "mV", "rate": 50, "samples": [1]}]}]`: "another unit",
	} {
		if _, err := x.Apply(t.Context(), res.Run, task.Input{Path: "in.json", Reader: strings.NewReader(in)}, nil, new(bytes.Buffer), task.JSON); fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", in, err)
		}
	}
}

// TestSeveralLabels has a label that can be told and one that is dealt at random.
func TestSeveralLabels(t *testing.T) {
	dir := folder(t, t.TempDir(), 120, 3, false)
	rng := rand.New(rand.NewPCG(9, 9))
	path := filepath.Join(dir, "labels.csv")
	rows := readCSV(t, path)
	for i := range rows[1:] {
		var words []string
		if rows[i+1][1] == "yes" {
			words = append(words, "bump")
		}
		if rng.IntN(2) == 0 {
			words = append(words, "chance")
		}
		rows[i+1][1] = strings.Join(words, ";")
	}
	put(t, path, rows)
	for _, model := range []string{"boost", "cnn1d"} {
		_, res, err := run(t, dir, map[string]any{"several": true, "model": model, "epochs": 15, "batch": 16})
		if err != nil {
			t.Fatal(err)
		}
		var s scores
		text, err := os.ReadFile(filepath.Join(res.Folder, "evaluate", scoresFile))
		if err == nil {
			err = json.Unmarshal(text, &s)
		}
		if err != nil || len(s.Heads) != 2 || s.Heads[0].Target != "bump" {
			t.Fatalf("%d heads, %v", len(s.Heads), err)
		}
		for _, m := range s.Heads[0].Main {
			if m.Name == "auroc" && m.Value < .9 {
				t.Errorf("%s: AUROC of the label that can be told is %v", model, m.Value)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	// edit changes one row of the labels.
	edit := func(row, column int, text string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, "labels.csv")
			rows := readCSV(t, path)
			rows[row][column] = text
			put(t, path, rows)
		}
	}
	change := func(file string, f func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, file)
			b, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, f(b), 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	word := func(file, old, now string) func(*testing.T, string) {
		return change(file, func(b []byte) []byte {
			if !bytes.Contains(b, []byte(old)) {
				t.Fatalf("%s does not hold %q", file, old)
			}
			return bytes.Replace(b, []byte(old), []byte(now), 1)
		})
	}
	for what, c := range map[string]struct {
		do   func(*testing.T, string)
		want []string
	}{
		"truncated":  {change("r0003.dat", func(b []byte) []byte { return b[:len(b)/2] }), []string{"r0003.dat", "claims", "row 4"}},
		"checksum":   {change("r0003.dat", func(b []byte) []byte { b[5] ^= 8; return b }), []string{"do not match the checksum", "row 4"}},
		"no record":  {edit(5, 0, "r9999"), []string{"records that are not there", "row 5", "1 record of the folder have no label"}},
		"no label":   {edit(5, 1, ""), []string{"have no label", "row 5"}},
		"several":    {edit(5, 1, "no;yes"), []string{"several labels", "row 5", "several: true"}},
		"twice":      {edit(5, 0, "r0000"), []string{"records stand in several rows", "rows 1, 5"}},
		"no patient": {edit(5, 2, ""), []string{"name no patient", "row 5"}},
		"unit":       {word("r0003.hea", "/mV", "/mmHg"), []string{"another unit", "I", "row 4"}},
		"lead":       {word("r0003.hea", " II\n", " V9\n"), []string{"no channel of this name", "II", "row 4"}},
		"rate":       {word("r0003.hea", " 50 ", " 60 "), []string{"different sampling rates", "row 4", "resample"}},
		"same samples": {func(t *testing.T, dir string) {
			for _, ext := range []string{".hea", ".dat"} {
				b, err := os.ReadFile(filepath.Join(dir, "r0003"+ext))
				if err == nil {
					err = os.WriteFile(filepath.Join(dir, "r0007"+ext), bytes.ReplaceAll(b, []byte("r0003"), []byte("r0007")), 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			edit(8, 1, readCSV(t, filepath.Join(dir, "labels.csv"))[4][1])(t, dir)
		}, []string{"stand twice, sample for sample", "rows 4, 8"}},
	} {
		t.Run(what, func(t *testing.T) {
			dir := folder(t, t.TempDir(), 12, 1, false)
			c.do(t, dir)
			_, _, err := run(t, dir, nil)
			if fault.KindOf(err) != fault.Data {
				t.Fatalf("%v (%v)", err, fault.KindOf(err))
			}
			text := err.Error() + fault.HintOf(err)
			for _, w := range c.want {
				if !strings.Contains(text, w) {
					t.Errorf("%q is not in: %s", w, text)
				}
			}
			if strings.Contains(text, tasktest.Canary) {
				t.Error("the error names a patient")
			}
		})
	}
	dir := t.TempDir()
	matrices(t, dir, 4, func(event bool) string { return []string{"0", "1"}[indicator(event)] })
	if _, _, err := run(t, dir, nil); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), "do not say how many samples") {
		t.Errorf("a matrix without a rate: %v", err)
	}
	put(t, filepath.Join(dir, "M_TEST.csv"), [][]string{{"0", "1", "2"}, {"1", "nan", "4"}, {"0", "1", "nan"}})
	if _, _, err := run(t, dir, map[string]any{"rate": 50.0}); fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), "M_TEST.csv") || !strings.Contains(err.Error(), "row 6") {
		t.Errorf("a signal that is no number: %v", err)
	}
}

func TestWindows(t *testing.T) {
	p := &plan{Crop: 10, Stride: 5}
	for n, want := range map[int][]int{4: {0}, 10: {0}, 12: {0, 2}, 15: {0, 5}, 23: {0, 5, 10, 13}} {
		if got := p.windows(n); !slices.Equal(got, want) {
			t.Errorf("%d samples: %v, want %v", n, got, want)
		}
	}
}

func TestSegmentsAreNoRecords(t *testing.T) {
	names := []string{"f16_30.hea", "fix_0.hea", "fix_1.hea", "fixed.hea", "var_0.hea", "var_1.hea", "var_layout.hea", "variable.hea"}
	got := wholes(os.DirFS("../../signal/wfdb/testdata/records"), names)
	if want := []string{"f16_30.hea", "fixed.hea", "variable.hea"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestMatrixText(t *testing.T) {
	read := func(text string, labelled bool) (labels []string, rows [][]float32, err error) {
		err = readMatrix(t.Context(), strings.NewReader(text), "m.tsv", labelled, func(_ int, m matrixRow) error {
			labels, rows = append(labels, m.label), append(rows, m.samples)
			return nil
		})
		return labels, rows, err
	}
	labels, rows, err := read("label,s1,s2\n1.0,0.5,2\nsick,1e3,-1\n", true)
	if err != nil || !slices.Equal(labels, []string{"1", "sick"}) || !slices.Equal(rows[1], []float32{1000, -1}) {
		t.Errorf("%q %v %v", labels, rows, err)
	}
	if _, _, err := read("1\t2\t3\n4\tx\t6\n", true); err == nil || !strings.Contains(err.Error(), "m.tsv:2") {
		t.Errorf("%v", err)
	}
}

func FuzzMatrix(f *testing.F) {
	f.Add([]byte("1\t2\t3\n"), true)
	f.Add([]byte("\x93NUMPY\x01\x00"), false)
	f.Add([]byte("\x1f\x8b\x08"), false)
	f.Fuzz(func(t *testing.T, data []byte, labelled bool) {
		_ = readMatrix(t.Context(), bytes.NewReader(data), "m", labelled, func(int, matrixRow) error { return nil })
	})
}

func FuzzLabels(f *testing.F) {
	f.Add([]byte("record,label,patient,split\na,1,p,train\n"), false)
	f.Add([]byte("\ufeffrecord,label\na,x;y\n"), true)
	f.Fuzz(func(t *testing.T, data []byte, several bool) {
		rows, _, err := readLabels(bytes.NewReader(data), "labels.csv", several)
		if err == nil {
			match(rows, "labels.csv", []string{"a.hea"})
		}
	})
}
