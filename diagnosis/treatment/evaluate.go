package treatment

import (
	"bufio"
	"context"
	"encoding/csv"
	"math"
	"slices"
	"sort"
	"strconv"

	"galen.dev/assess"
	"galen.dev/metric"
	"galen.dev/safety"
	"galen.dev/task"
)

// Files that evaluate leaves.
const (
	scoresFile      = "scores.json"
	predictionsFile = "predictions.csv"
	reportFile      = "report.html"
)

// scores is everything that evaluate measures; docs/format/treatment.md describes it.
type scores struct {
	Cases      int            `json:"cases"`
	Top        int            `json:"top"`
	Threshold  float64        `json:"threshold"`
	Rankings   []*ranking     `json:"rankings"`
	Treatments []perTreatment `json:"treatments"`
	// Slope and Intercept are of the logistic recalibration of all probabilities together; 1 and 0 are best.
	Slope     *float64 `json:"calibration_slope"`
	Intercept *float64 `json:"calibration_intercept"`
	ECE       *float64 `json:"ece"`
	// Prescribed counts what was given to test cases, and how much of it a rule forbids.
	Prescribed          int      `json:"prescribed"`
	PrescribedForbidden int      `json:"prescribed_forbidden"`
	Far                 int      `json:"far"` // test cases that apply would abstain from for their distance
	RuledOut            []ruling `json:"ruled_out"`
	Importance          []weight `json:"importance,omitempty"`
}

// ruling is a rule with the number of test cases in which it kept a treatment from being suggested.
type ruling struct {
	Rule  *safety.Rule `json:"rule"`
	Cases int          `json:"cases"`
}

// weight is the mean absolute contribution of a predictor over test cases and treatments.
type weight struct {
	Predictor string  `json:"predictor"`
	Value     float64 `json:"value"`
}

// evaluation is the work of one evaluate step.
type evaluation struct {
	*suggester
	prepared *prepared
	run      *task.Run
	X        [][]float64
	P        [][]float64 // calibrated, [test case][treatment]
	patients []*safety.Patient
	given    [][]int
	scores   scores
}

// evaluate measures suggestions on cases that the model has not seen, and writes the report.
func evaluate(ctx context.Context, r *task.Run) error {
	s, err := load(ctx, r)
	if err != nil {
		return err
	}
	f, err := loadFitted(r)
	if err != nil {
		return err
	}
	e := &evaluation{prepared: s, run: r}
	if e.suggester, err = newSuggester(r, f, s.cohort, s.splits, s.rules, s.cases.table); err != nil {
		return err
	}
	test := s.splits.Test
	e.X = f.plan.encode(s.cases, test)
	e.P = f.predict(e.X)
	for i := range e.P {
		e.P[i] = f.calibrated(e.P[i])
	}
	e.patients, e.given = pick(s.cases.patients, test), pick(s.cohort.Given, test)
	r.Progress("scoring", 1, 3)
	if err := e.measure(ctx); err != nil {
		return err
	}
	r.Progress("scoring", 2, 3)
	if err := r.WriteJSON(scoresFile, e.scores); err != nil {
		return err
	}
	if err := e.writePredictions(); err != nil {
		return err
	}
	return e.report()
}

func (e *evaluation) measure(ctx context.Context) error {
	r, test := e.run, e.prepared.splits.Test
	patient := pick(e.cohort.Patient, test)
	e.scores = scores{Cases: len(test), Top: e.gate.top, Threshold: e.gate.threshold}
	e.scores.Rankings = rankAll(e.suggester, e.P, e.patients, e.given, r.Seed("chance"))
	for _, x := range e.scores.Rankings {
		if err := x.measure(ctx, patient, r.Int("bootstrap"), r.Seed("bootstrap")); err != nil {
			return err
		}
	}
	for _, name := range scoreNames {
		if v, ok := e.scores.Rankings[0].Scores[name]; ok {
			r.Metric(name, v.Value)
		}
	}
	if err := e.treatments(ctx, patient); err != nil {
		return err
	}
	e.calibration()
	e.rulings()
	e.importance()
	return ctx.Err()
}

// treatments measures each treatment's probability.
func (e *evaluation) treatments(ctx context.Context, patient []int) error {
	for t, name := range e.f.Treatments {
		p, y := e.column(t)
		x := perTreatment{Treatment: name, Method: e.f.Calibrators[t].Method}
		for i := range p {
			x.Expected += p[i] / float64(len(p))
			if y[i] {
				x.Given++
			}
		}
		x.Observed, x.Shown = float64(x.Given)/float64(len(p)), assess.SmallCount(x.Given)
		iv, err := metric.Bootstrap(ctx, metric.Resample{N: len(p), Groups: patient, Rounds: min(e.run.Int("bootstrap"), 200), Seed: e.run.Seed("bootstrap")}, func(rows []int) []float64 {
			q, z := pick(p, rows), pick(y, rows)
			return []float64{metric.AUROC(q, z), metric.AveragePrecision(q, z), metric.Brier(q, z)}
		})
		if err != nil {
			return err
		}
		x.AUROC, x.AP, x.Brier = iv[0], iv[1], iv[2]
		e.scores.Treatments = append(e.scores.Treatments, x)
	}
	return nil
}

// column is the probability of one treatment for each test case, and whether it was given.
func (e *evaluation) column(t int) (p []float64, y []bool) {
	for i := range e.P {
		p, y = append(p, e.P[i][t]), append(y, has(e.given[i], t))
	}
	return p, y
}

// pooled is every probability with what happened.
func (e *evaluation) pooled() (p []float64, y []bool) {
	for t := range e.f.Treatments {
		q, z := e.column(t)
		p, y = append(p, q...), append(y, z...)
	}
	return p, y
}

func (e *evaluation) calibration() {
	p, y := e.pooled()
	if slices.Contains(y, true) && slices.Contains(y, false) {
		intercept, slope := metric.CalibrationSlope(p, y)
		e.scores.Slope, e.scores.Intercept = finite(slope), finite(intercept)
		e.scores.ECE = finite(metric.ECE(p, y, metric.DefaultBins, metric.EqualCount))
	}
}

// rulings counts what rules kept from being suggested, and what of the prescribed they forbid.
func (e *evaluation) rulings() {
	n := map[*safety.Rule]int{}
	for i, p := range e.patients {
		_, out := e.gate.pass(p, e.P[i])
		seen := map[*safety.Rule]bool{}
		for _, x := range out {
			for _, h := range x.verdict.Hits {
				if e.gate.blocks(h.Status()) && !seen[h.Rule] {
					seen[h.Rule] = true
					n[h.Rule]++
				}
			}
		}
		e.scores.Prescribed += len(e.given[i])
		e.scores.PrescribedForbidden += e.gate.forbidden(p, e.given[i])
	}
	e.scores.RuledOut = []ruling{}
	for r, k := range n {
		e.scores.RuledOut = append(e.scores.RuledOut, ruling{r, k})
	}
	sort.Slice(e.scores.RuledOut, func(a, b int) bool {
		x, y := e.scores.RuledOut[a], e.scores.RuledOut[b]
		return x.Cases > y.Cases || x.Cases == y.Cases && x.Rule.ID < y.Rule.ID
	})
	row := make([]float64, len(e.X))
	for i := range e.patients {
		for j := range e.X {
			row[j] = e.X[j][i]
		}
		if e.abstain < 1 && e.f.neighbours.Applicability(row).Percentile > e.abstain {
			e.scores.Far++
		}
	}
}

// explainedCases bounds the test cases that importance is measured on.
const explainedCases = 200

func (e *evaluation) importance() {
	if e.f.nearest != nil {
		return
	}
	all := make([]int, e.f.treatments)
	for t := range all {
		all[t] = t
	}
	sum := make([]float64, len(e.f.plan.Features))
	w := e.f.work()
	n := min(len(e.patients), explainedCases)
	for i := range n {
		for j := range e.X {
			w.row[j] = e.X[j][i]
		}
		for _, x := range e.attribute.explain(w.row, all, w) {
			for j, v := range x.phi {
				sum[j] += math.Abs(v) / float64(n*len(all))
			}
		}
	}
	for j, v := range sum {
		e.scores.Importance = append(e.scores.Importance, weight{e.f.plan.Features[j].Name, v})
	}
	sort.SliceStable(e.scores.Importance, func(a, b int) bool { return e.scores.Importance[a].Value > e.scores.Importance[b].Value })
}

// writePredictions writes the probabilities of test cases, by the row of the user's data.
func (e *evaluation) writePredictions() error {
	w, err := e.run.Create(predictionsFile)
	if err != nil {
		return err
	}
	buf := bufio.NewWriter(w)
	out := csv.NewWriter(buf)
	header := []string{"row", "patient"}
	for _, t := range e.f.Treatments {
		header = append(header, "p("+t+")")
	}
	err = out.Write(header)
	for i, row := range e.prepared.splits.Test {
		cells := []string{strconv.Itoa(e.cohort.Row[row]), strconv.Itoa(e.cohort.Patient[row])}
		for _, p := range e.P[i] {
			cells = append(cells, strconv.FormatFloat(p, 'g', -1, 64))
		}
		if err == nil {
			err = out.Write(cells)
		}
	}
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	if err == nil {
		err = buf.Flush()
	}
	if err != nil {
		w.Close()
		return err
	}
	return w.Close()
}
