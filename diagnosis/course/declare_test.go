package course

import (
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

	"pgregory.net/rapid"

	"galen.dev/event"
	"galen.dev/fault"
	"galen.dev/store"
	"galen.dev/task"
)

func bench(t testing.TB) *task.Runner {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "runs"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &task.Runner{Tasks: []*task.Task{Task}, Store: s, Version: "test", Monitor: func(task.Event) {}}
}

func study(data string, params map[string]any) *task.Study {
	s := &task.Study{Name: "study", Task: Task.Name, Data: data, Seed: 1, Params: map[string]any{"bootstrap": 100, "folds": 2, "epochs": 2, "pictures": 1, "baselines": []string{"none"}, "rounds": 20}}
	for k, v := range params {
		s.Params[k] = v
	}
	return s
}

func write(t testing.TB, dir string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestLabel tells what a stay is a sample of, at the edges of window, gap, horizon and stay.
func TestLabel(t *testing.T) {
	const death, lab, stop = 0, 1, 2
	at := func(h float64, code int32) event.Event {
		return event.Event{At: hours(h), Code: code, Value: math.NaN()}
	}
	for _, c := range []struct {
		name     string
		d        declaration
		events   []event.Event
		end      float64 // 0 = not known
		reason   int
		y        int
		interval int
		censored bool
	}{
		{"event at the index time", declaration{Index: 10, Horizon: 5}, []event.Event{at(10, death)}, 0, reasonBefore, 0, 0, false},
		{"event just after it", declaration{Index: 10, Horizon: 5}, []event.Event{at(10.001, death)}, 0, -1, 1, 0, false},
		{"event at the end of the horizon", declaration{Index: 10, Horizon: 5}, []event.Event{at(15, death)}, 0, -1, 1, 0, false},
		{"event after the horizon", declaration{Index: 10, Horizon: 5}, []event.Event{at(15.001, death)}, 20, -1, 0, 0, false},
		{"event within the gap", declaration{Index: 10, Gap: 2, Horizon: 5}, []event.Event{at(12, death)}, 0, reasonGap, 0, 0, false},
		{"event after the gap", declaration{Index: 10, Gap: 2, Horizon: 5}, []event.Event{at(12.1, death)}, 0, -1, 1, 0, false},
		{"discharged within the horizon", declaration{Index: 10, Horizon: 5, Censoring: "exclude"}, []event.Event{at(1, lab)}, 14, reasonCensored, 0, 0, false},
		{"and that rules the event out", declaration{Index: 10, Horizon: 5, Censoring: "negative"}, []event.Event{at(1, lab)}, 14, -1, 0, 0, false},
		{"no horizon", declaration{Index: 10, Censoring: "exclude"}, []event.Event{at(1, lab)}, 14, -1, 0, 0, false},
		{"excluded", declaration{Index: 10, Horizon: 5}, []event.Event{at(10, stop), at(11, death)}, 0, reasonExcluded, 0, 0, false},
		{"exclusion after the index time", declaration{Index: 10, Horizon: 5}, []event.Event{at(10.5, stop), at(11, death)}, 0, -1, 1, 0, false},
		{"third of five intervals", declaration{Index: 10, Horizon: 5, Bins: 5}, []event.Event{at(12.5, death)}, 0, -1, 1, 2, false},
		{"end of the first interval", declaration{Index: 10, Horizon: 5, Bins: 5}, []event.Event{at(11, death)}, 0, -1, 1, 0, false},
		{"censored in the third interval", declaration{Index: 10, Horizon: 5, Bins: 5, Censoring: "exclude"}, []event.Event{at(1, lab)}, 12.5, -1, 0, 1, true},
		{"censored in the first interval", declaration{Index: 10, Horizon: 5, Bins: 5, Censoring: "exclude"}, []event.Event{at(1, lab)}, 10.5, reasonCensored, 0, 0, false},
		{"survived all intervals", declaration{Index: 10, Horizon: 5, Bins: 5, Censoring: "exclude"}, []event.Event{at(1, lab)}, 15, -1, 0, 4, false},
	} {
		v := &resolved{declaration: &c.d, outcome: death, index: -1, exclude: []int32{stop}}
		s := &event.Stay{Start: 0, End: event.NoTime, Events: c.events}
		if c.end > 0 {
			s.End = hours(c.end)
		}
		got, reason := v.label(s, hours(c.d.Index))
		if reason != c.reason || reason < 0 && (got != target{c.y, c.interval, c.censored}) {
			t.Errorf("%s: %+v, reason %d", c.name, got, reason)
		}
	}
}

// TestNothingAfterIndex: whatever is after the index time, or before the window, changes nothing of what models see.
func TestNothingAfterIndex(t *testing.T) {
	words := event.NewVocabulary()
	for _, c := range []string{"HR", "Lab", "dx"} {
		words.Code(c)
	}
	p := &plan{
		Declare: &declaration{Outcome: "death", Window: 6}, Bin: 1, Steps: 6, Tokens: 8, RollUp: "none", Words: []string{"HR", "Lab", "dx"},
		Timed: []variable{{Code: "HR", SD: 1}, {Code: "Lab", SD: 1}, {Code: "dx", Coded: true, SD: 1}}, Static: []variable{{Code: "Lab", SD: 1}},
	}
	r := p.reader(words)
	rapid.Check(t, func(t *rapid.T) {
		var seen, all event.Stay
		for range rapid.IntRange(0, 20).Draw(t, "events") {
			e := event.Event{At: rapid.Int64Range(0, hours(20)).Draw(t, "at"), Code: int32(rapid.IntRange(0, 2).Draw(t, "code")), Value: rapid.Float64Range(-5, 5).Draw(t, "value")}
			if rapid.IntRange(0, 9).Draw(t, "known from the start") == 0 {
				e.At = event.NoTime
			}
			all.Events = append(all.Events, e)
			if e.At == event.NoTime || e.At >= hours(4) && e.At <= hours(10) {
				seen.Events = append(seen.Events, e)
			}
		}
		all.Sort()
		seen.Sort()
		var a, b scratch
		x, y := r.look(&seen, hours(10), &a), r.look(&all, hours(10), &b)
		if !slices.Equal(r.record(nil, x), r.record(nil, y)) {
			t.Fatal("events outside the window are seen")
		}
		var z view
		if err := r.readRecord(strings.NewReader(string(r.record(nil, x))), 0, &z); err != nil || !slices.Equal(r.record(nil, x), r.record(nil, &z)) {
			t.Fatal("a record is not read as it was written", err)
		}
	})
}

func TestAggregates(t *testing.T) {
	words := event.NewVocabulary()
	hr := words.Code("HR")
	low := 10.0
	p := &plan{Declare: &declaration{Outcome: "death", Window: 8}, Bin: 1, Value: "mean", Steps: 8, Tokens: 3, RollUp: "none", Words: []string{"HR"}, Timed: []variable{{Code: "HR", Low: &low, SD: 1}}}
	r := p.reader(words)
	s := &event.Stay{}
	for _, x := range [][2]float64{{0, 60}, {1, 70}, {1.5, 80}, {5, 100}, {7, 90}, {7.5, 2}} { // the last is impossible
		s.Events = append(s.Events, event.Event{At: hours(x[0]), Code: hr, Value: x[1]})
	}
	var w scratch
	v := r.look(s, hours(8), &w)
	want := map[string]float64{"first": 60, "last": 90, "min": 60, "max": 100, "mean": 80, "slope": 160 / 35.2, "count": 5, "since": 1}
	for j, a := range r.names {
		if a.Window == 8 && math.Abs(v.agg[j]-want[a.Stat]) > 1e-4 {
			t.Errorf("%s is %v, want %v", a.Stat, v.agg[j], want[a.Stat])
		}
		if a.Window == 4 && a.Stat == "mean" && v.agg[j] != 95 || a.Window == 2 && a.Stat == "count" && v.agg[j] != 1 || a.Window == 2 && a.Stat == "slope" && !math.IsNaN(v.agg[j]) {
			t.Errorf("%s of the last %g h is %v", a.Stat, a.Window, v.agg[j])
		}
	}
	if v.grid[1] != 75 || v.grid[5] != 100 || v.grid[7] != 90 || v.grid[2] == v.grid[2] || v.impossible != 1 || !slices.Equal(v.tokens, []int32{1, 1, 1}) {
		t.Errorf("grid %v, %d impossible, tokens %v", v.grid, v.impossible, v.tokens)
	}
	x := make([]float32, 8*3)
	p.sequence(v.grid, x)
	if x[3*3] != maxZ || x[3*3+1] != 0 || x[3*3+2] != 2./8 || x[5*3+1] != 1 || x[5*3+2] != 4./8 || x[6*3+2] != 1./8 {
		t.Errorf("the sequence is %v", x)
	}
}

// long makes a CSV of stays of 24 hours in which "death" follows a rise of the creatinine, given in two units.
func long(n int, seed uint64, more func(i int) string) string {
	rng := rand.New(rand.NewPCG(seed, 3))
	var b strings.Builder
	b.WriteString("patient,hours,code,value,unit\n")
	for i := range n {
		ill := rng.IntN(3) == 0
		dies, kind := 40.0, 0.0
		if ill {
			dies, kind = 13+rng.Float64()*10, 1
		}
		row := func(h float64, code, value, unit string) {
			if h < dies {
				fmt.Fprintf(&b, "p%03d,%.3f,%s,%s,%s\n", i, h, code, value, unit)
			}
		}
		fmt.Fprintf(&b, "p%03d,0,ICD10/I21.4,,\n", i)
		if ill {
			fmt.Fprintf(&b, "p%03d,0.5,ICD10/N17.%d,,\n", i, rng.IntN(3))
		}
		for h := range 24 {
			v, unit := 1+.1*kind*float64(h)+.2*rng.NormFloat64(), "mg/dL"
			if i%4 == 0 {
				v, unit = v*10, "mg/L"
			}
			row(float64(h)+rng.Float64()/2, "creatinine", strconv.FormatFloat(v, 'f', 3, 64), unit)
		}
		if ill {
			fmt.Fprintf(&b, "p%03d,%.3f,death,,\n", i, dies)
		}
		if more != nil {
			b.WriteString(more(i))
		}
	}
	return b.String()
}

// TestHazard predicts the time to an event, asked every six hours, from a CSV, and units are brought together.
func TestHazard(t *testing.T) {
	data := write(t, t.TempDir(), map[string]string{"events.csv": long(150, 1, nil)})
	for _, kind := range []string{"boost", "logistic", "gru"} {
		x := bench(t)
		res, err := x.Run(t.Context(), study(filepath.Join(data, "events.csv"), map[string]any{
			"outcome": "death", "index-time": 6.0, "window": 6.0, "every": 3.0, "horizon": 6.0, "bins": 3, "model": kind, "epochs": 8, "width": 16, "learning-rate": .01, "rounds": 60,
		}), task.Evaluate)
		if err != nil {
			t.Fatal(err)
		}
		if res.Metrics["auroc"] < .85 {
			t.Errorf("%s: AUROC %.3f", kind, res.Metrics["auroc"])
		}
		var s scores
		content, err := os.ReadFile(filepath.Join(res.Folder, "evaluate", scoresFile))
		if err != nil || json.Unmarshal(content, &s) != nil {
			t.Fatal(err)
		}
		if len(s.Intervals) != 3 || s.Intervals[2].Events <= s.Intervals[0].Events || s.Intervals[2].Mean <= s.Intervals[0].Mean {
			t.Errorf("%s: intervals %+v", kind, s.Intervals)
		}
		var p plan
		content, err = os.ReadFile(filepath.Join(res.Folder, "preprocess", planFile))
		if err != nil || json.Unmarshal(content, &p) != nil {
			t.Fatal(err)
		}
		k := slices.IndexFunc(p.Timed, func(v variable) bool { return v.Code == "creatinine" })
		if k < 0 || p.Timed[k].Unit != "mg/dL" || p.Timed[k].Mean > 3 {
			t.Errorf("creatinine is %+v", p.Timed)
		}
	}
}

// TestBasicRNN runs the network as it is listed, embedding, two layers of tanh recurrence of width 128, the last step,
// cross-entropy, gradient descent at .01, on coded visits: who has a kidney injury among the codes dies.
func TestBasicRNN(t *testing.T) {
	data := write(t, t.TempDir(), map[string]string{"events.csv": long(120, 2, nil)})
	res, err := bench(t).Run(t.Context(), study(filepath.Join(data, "events.csv"), map[string]any{
		"outcome": "death", "index-time": 1.0, "window": 1.0, "bin": .25, "horizon": 30.0, "model": "basic-rnn", "roll-up": "category", "epochs": 40, "batch": 8, "optimiser": "sgd", "learning-rate": .01, "tokens": 8, "explain": "occlusion", "ema": 0.0,
	}), task.Evaluate)
	if err != nil {
		t.Fatal(err)
	}
	if res.Metrics["auroc"] < .95 {
		t.Errorf("AUROC %.3f", res.Metrics["auroc"])
	}
	var p plan
	content, err := os.ReadFile(filepath.Join(res.Folder, "preprocess", planFile))
	if err != nil || json.Unmarshal(content, &p) != nil || !slices.Contains(p.Words, "ICD10/N17") || slices.Contains(p.Words, "ICD10/N17.1") || slices.Contains(p.Words, "death") {
		t.Errorf("words %v, %v", p.Words, err)
	}
}

// TestRefused: what must not be learnt from is refused, with the rows.
func TestRefused(t *testing.T) {
	declared := map[string]any{"outcome": "death", "index-time": 6.0, "window": 6.0, "horizon": 12.0, "model": "logistic"}
	with := func(more map[string]any) map[string]any {
		out := map[string]any{}
		for _, m := range []map[string]any{declared, more} {
			for k, v := range m {
				out[k] = v
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		text   string
		params map[string]any
		want   []string
	}{
		"unknown outcome":    {long(40, 3, nil), with(map[string]any{"outcome": "deaht"}), []string{"the parameter outcome names a code that no stay has", `did you mean "death"?`}},
		"outcome as input":   {long(40, 3, nil), with(map[string]any{"inputs": []string{"creatinine", "death"}}), []string{"an input is the outcome"}},
		"input in future":    {long(40, 3, func(i int) string { return fmt.Sprintf("p%03d,7,autopsy,1,\n", i) }), with(map[string]any{"inputs": []string{"creatinine", "autopsy"}}), []string{"an input lies after the index time in every stay", "rows 21"}},
		"events twice":       {long(40, 3, func(i int) string { return strings.Repeat(fmt.Sprintf("p%03d,3,HR,80,/min\n", i), 2) }), declared, []string{"duplicate-event", "row"}},
		"units clash":        {long(40, 3, func(i int) string { return fmt.Sprintf("p%03d,3,creatinine,80,mm[Hg]\n", i) }), declared, []string{"unit-clash", "row"}},
		"no events in there": {long(40, 3, nil), with(map[string]any{"window": .5, "bin": .1, "index-time": 30.0}), []string{"no stay can be asked", "no event lies in the observation window"}},
		"no stay so long":    {long(40, 3, nil), with(map[string]any{"index-code": "death"}), []string{"no stay can be asked", "the event from which the index time counts does not occur"}},
		"bins of nothing":    {long(40, 3, nil), map[string]any{"outcome": "death", "index-time": 6.0, "bins": 3}, []string{"bins need a horizon"}},
		"too few":            {long(40, 3, nil), with(map[string]any{"outcome": "creatinine", "outcome-above": 1e6}), []string{"need"}},
	} {
		data := write(t, t.TempDir(), map[string]string{"events.csv": c.text})
		_, err := bench(t).Run(t.Context(), study(filepath.Join(data, "events.csv"), c.params), task.Evaluate)
		if err == nil || fault.KindOf(err) != fault.Data && fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := err.Error() + fault.HintOf(err)
		for _, f := range fault.FindingsOf(err) {
			text += f.Name + f.Hint
		}
		for _, w := range c.want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: the error lacks %q: %v", name, w, err)
			}
		}
	}
}

// TestEveryNetwork trains and applies each network once.
func TestEveryNetwork(t *testing.T) {
	data := archive(t, filepath.Join(t.TempDir(), "stays.tar"), map[string][]made{"a": stays(60, 4)})
	for _, kind := range []string{"lstm", "cnn1d", "tcn", "transformer"} {
		params := map[string]any{"model": kind, "epochs": 8, "outcome": "In-hospital_death", "index-time": 12.0, "window": 12.0, "width": 16, "batch": 8, "learning-rate": .005, "members": 2}
		res, err := bench(t).Run(t.Context(), study(data, params), task.Evaluate)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if res.Metrics["auroc"] < .8 {
			t.Errorf("%s: AUROC %.3f", kind, res.Metrics["auroc"])
		}
	}
}
