package risk

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strconv"

	"galen.dev/assess"
	"galen.dev/fault"
	"galen.dev/metric"
	"galen.dev/store"
	"galen.dev/task"
)

// Comparison is how two runs differ on the cases that both were tested on.
type Comparison struct {
	First  string          `json:"first"`
	Second string          `json:"second"`
	Cases  int             `json:"cases"`
	Events int             `json:"events"`
	Rows   []ComparisonRow `json:"scores"`
}

// ComparisonRow is one score of both runs. The difference is first minus second, with its 95 % interval.
type ComparisonRow struct {
	Name       string          `json:"name"`
	First      metric.Interval `json:"first"` // of the values only, without intervals
	Second     metric.Interval `json:"second"`
	Difference metric.Interval `json:"difference"`
	Method     string          `json:"method"`
	P          *float64        `json:"p,omitempty"` // two-sided; DeLong's test only
}

// compared are the scores that Compare shows beside the AUROC.
var compared = []string{"auprc", "brier", "log_loss", "calibration_slope", "ici"}

// Compare compares two runs of diagnosis/risk on the cases that both were tested on, in the first repeat of
// each: the AUROC by DeLong's test for correlated curves, other scores by the paired bootstrap over patients.
// Where patients have several rows the AUROC, too, is compared by the bootstrap, for DeLong's test takes rows
// for independent. Runs on other data, with another event or with more than two classes are refused.
func Compare(ctx context.Context, s *store.Store, a, b store.RunInfo) (*Comparison, error) {
	var sides [2]side
	for i, info := range []store.RunInfo{a, b} {
		if info.Task != Task.Name {
			return nil, fault.Errorf(fault.Usage, "run %s is of the task %s; runs of %s can be compared", info.ID, info.Task, Task.Name)
		}
		var err error
		if sides[i], err = readSide(s, info.ID); err != nil {
			return nil, err
		}
	}
	if !slices.EqualFunc(sides[0].data, sides[1].data, func(x, y store.File) bool { return x.SHA256 == y.SHA256 }) {
		return nil, fault.Errorf(fault.Usage, "the runs %s and %s read different data", a.ID, b.ID)
	}
	if a, b := sides[0].outcome, sides[1].outcome; a.Target != b.Target || !slices.Equal(a.Classes, b.Classes) {
		return nil, fault.Errorf(fault.Usage, "the runs predict different events: %s of %q and %s of %q", a.Classes[1], a.Target, b.Classes[1], b.Target)
	}
	var p1, p2 []float64
	var y []bool
	var patient []int
	events := 0
	who := 0
	if sides[1].patients() < sides[0].patients() {
		who = 1 // this run knows which rows are of one patient
	}
	for _, row := range sides[0].order {
		x, z := sides[0].cases[row], sides[1].cases[row]
		if z == nil {
			continue
		}
		p1, p2, y, patient = append(p1, x.p), append(p2, z.p), append(y, x.event), append(patient, [2]int{x.patient, z.patient}[who])
		if x.event {
			events++
		}
	}
	if events == 0 || events == len(y) {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "the runs share %d test cases, and these are of one class", len(y)), "give both studies the same seed and split, and they are tested on the same cases")
	}
	c := &Comparison{First: a.ID, Second: b.ID, Cases: len(y), Events: events}
	names := compared
	if assess.Clustered(patient) {
		names = append([]string{"auroc"}, compared...) // DeLong's test takes rows for independent
	} else {
		d := metric.DeLongTest(p1, p2, y)
		c.Rows = append(c.Rows, ComparisonRow{
			Name: "auroc", First: value(d.A), Second: value(d.B), Method: "DeLong", P: finite(d.P),
			Difference: metric.Interval{Value: d.Difference, Low: d.Low, High: d.High},
		})
	}
	one, two := metric.NewBinary(p1, y, metric.BinaryOptions{}), metric.NewBinary(p2, y, metric.BinaryOptions{})
	diff, err := one.Differences(ctx, two, metric.Resample{N: len(y), Groups: patient, Seed: 1})
	if err != nil {
		return nil, err
	}
	s1, s2 := one.Scores(nil), two.Scores(nil)
	for k, name := range one.Names() {
		if slices.Contains(names, name) {
			c.Rows = append(c.Rows, ComparisonRow{Name: name, First: value(s1[k]), Second: value(s2[k]), Difference: diff[k].Interval, Method: "paired bootstrap"})
		}
	}
	return c, nil
}

// value is a score without an interval.
func value(v float64) metric.Interval { return metric.Interval{Value: v, Low: nan, High: nan} }

// side is one run's predictions.
type side struct {
	data    []store.File
	outcome assess.Outcome
	order   []int // rows in the order of the file
	cases   map[int]*sideCase
}

// patients counts the patients of the test cases.
func (s *side) patients() int {
	seen := map[int]bool{}
	for _, c := range s.cases {
		seen[c.patient] = true
	}
	return len(seen)
}

type sideCase struct {
	p       float64
	event   bool
	patient int
}

func readSide(s *store.Store, id string) (side, error) {
	m, err := s.Manifest(id, string(task.Collect))
	if err != nil {
		return side{}, err
	}
	f, err := s.Open(id, string(task.Evaluate), predictionsFile)
	if err != nil {
		return side{}, fault.WithHint(err, "run the study to its end first")
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) == 0 {
		return side{}, fault.Errorf(fault.Corrupt, "run %s: reading %s: %v", id, predictionsFile, err)
	}
	if len(rows[0]) != 7 {
		return side{}, fault.Errorf(fault.Usage, "run %s predicts more than two classes; such runs are not compared", id)
	}
	out := side{data: m.Inputs, cases: map[int]*sideCase{}}
	if out.outcome, err = readOutcomeOf(s, id); err != nil {
		return side{}, err
	}
	for _, cells := range rows[1:] {
		if cells[0] != "0" {
			break
		}
		row, err1 := strconv.Atoi(cells[2])
		patient, err2 := strconv.Atoi(cells[3])
		p, err3 := strconv.ParseFloat(cells[6], 64)
		for _, err := range []error{err1, err2, err3} {
			if err != nil {
				return side{}, fault.Errorf(fault.Corrupt, "run %s: %s does not hold predictions", id, predictionsFile)
			}
		}
		out.order = append(out.order, row)
		out.cases[row] = &sideCase{p: p, event: cells[4] == out.outcome.Classes[1], patient: patient}
	}
	return out, nil
}

// readOutcomeOf reads what a run predicts.
func readOutcomeOf(s *store.Store, id string) (assess.Outcome, error) {
	f, err := s.Open(id, string(task.Preprocess), cohortFile)
	if err != nil {
		return assess.Outcome{}, err
	}
	defer f.Close()
	var c struct {
		Outcome assess.Outcome `json:"outcome"`
	}
	if err := json.NewDecoder(f).Decode(&c); err != nil || !c.Outcome.Binary() {
		return assess.Outcome{}, fault.Errorf(fault.Corrupt, "run %s: %s does not tell what the run predicts", id, cohortFile)
	}
	return c.Outcome, nil
}
