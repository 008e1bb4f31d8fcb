package diagnosis

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"galen.dev/conformal"
	"galen.dev/explain"
	"galen.dev/fault"
	"galen.dev/metric"
	"galen.dev/table"
	"galen.dev/task"
)

// Files that evaluate leaves.
const (
	scoresFile      = "scores.json"
	predictionsFile = "predictions.csv"
	reportFile      = "report.html"
)

// scores is everything that evaluate measures, as the report shows it; docs/format/risk.md describes it.
type scores struct {
	Cases  int            `json:"cases"` // test cases
	Counts []int          `json:"counts"`
	Main   []metric.Score `json:"main"`
	// Raw are the scores before recalibration.
	Raw       []metric.Score        `json:"raw,omitempty"`
	Threshold []metric.Operating    `json:"thresholds,omitempty"`
	Decision  []metric.DecisionBand `json:"decision,omitempty"`
	Subgroups []subgroupTable       `json:"subgroups,omitempty"`
	Sets      conformal.Coverage    `json:"sets"`
	// Repeats are the scores of each repeated split, and Spread their mean with a 95 % interval.
	Repeats []map[string]float64       `json:"repeats,omitempty"`
	Spread  map[string]metric.Interval `json:"spread,omitempty"`
	// Importance is the mean absolute contribution of each column on test cases, largest first.
	Importance []importance     `json:"importance"`
	Scale      string           `json:"scale"`
	Explained  int              `json:"explained"` // test cases that importance was measured on
	Confusion  [][]int          `json:"confusion,omitempty"`
	PerClass   []metric.Score   `json:"per_class,omitempty"` // AUROC of each class against the rest
	DeLong     *metric.Interval `json:"delong,omitempty"`    // AUROC by DeLong's method, beside the bootstrap's
}

type importance struct {
	Column string          `json:"column"`
	Value  metric.Interval `json:"value"`
}

type subgroupTable struct {
	Column string            `json:"column"`
	Rows   []metric.Subgroup `json:"rows"`
	Cases  []int             `json:"cases"` // of each row, also of those that are not scored
}

// tested is one repeat's predictions for its test cases.
type tested struct {
	rows []int       // prepared rows
	part []int       // the split that each was tested in
	y    []int       // classes
	raw  [][]float64 // [row][output], before recalibration
	prob [][]float64 // [row][class], calibrated
	sets [][]int     // conformal prediction sets
}

// evaluate measures the models on cases that they have not seen, and writes the report.
func evaluate(ctx context.Context, r *task.Run) error {
	tr, sp, err := load(ctx, r)
	if err != nil {
		return err
	}
	kept, err := loadFitted(r, "")
	if err != nil {
		return err
	}
	repeats, err := test(ctx, r, tr, sp, kept)
	if err != nil {
		return err
	}
	e := &evaluation{run: r, trainer: tr, splits: sp, kept: kept, tested: repeats[0], resample: metric.Resample{
		N: len(repeats[0].rows), Groups: pick(tr.cohort.Patient, repeats[0].rows), Rounds: r.Int("bootstrap"), Seed: r.Seed("bootstrap"),
	}}
	if err := e.measure(ctx, repeats); err != nil {
		return err
	}
	if err := r.WriteJSON(scoresFile, e.scores); err != nil {
		return err
	}
	if err := writePredictions(r, tr, repeats); err != nil {
		return err
	}
	return e.report(ctx)
}

// test predicts the test cases of each part with that part's model.
func test(ctx context.Context, r *task.Run, tr *trainer, sp *splits, kept *fitted) ([]*tested, error) {
	var out []*tested
	for k, p := range sp.Parts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f := kept
		if k > 0 || sp.Pooled {
			var err error
			if f, err = loadFitted(r, partFile(k, "")); err != nil {
				return nil, err
			}
		}
		if k%sp.perRepeat() == 0 {
			out = append(out, &tested{})
		}
		t := out[len(out)-1]
		raw := f.predict(f.plan.encode(tr.table, p.Test, tr.cohort.Options.IndexDate))
		probs := f.rowwise(raw)
		for i, row := range p.Test {
			t.rows, t.part, t.y = append(t.rows, row), append(t.part, k), append(t.y, tr.cohort.Y[row])
			t.sets = append(t.sets, f.Sets.Predict(probs[i], 0))
		}
		t.raw = append(t.raw, columnsToRows(raw)...)
		t.prob = append(t.prob, probs...)
		r.Progress("predicting", int64(k+1), int64(len(sp.Parts)))
	}
	return out, nil
}

// evaluation is the work of one evaluate step.
type evaluation struct {
	run      *task.Run
	trainer  *trainer
	splits   *splits
	kept     *fitted
	tested   *tested
	resample metric.Resample
	scores   scores

	curve []metric.SmoothBand // of calibration
	base  attributions
}

// attributions are the contributions on test cases.
type attributions struct {
	X      [][]float64 // encoded by the kept model's plan
	phi    [][]float64 // [row][column]
	output int
}

// risk is the probability of a class for each test case.
func (t *tested) risk(class int) []float64 {
	out := make([]float64, len(t.prob))
	for i := range out {
		out[i] = t.prob[i][class]
	}
	return out
}

func (e *evaluation) measure(ctx context.Context, repeats []*tested) error {
	t, o := e.tested, e.trainer.cohort.Outcome
	s := &e.scores
	s.Cases, s.Counts = len(t.rows), make([]int, len(o.Classes))
	for _, class := range t.y {
		s.Counts[class]++
	}
	s.Sets = conformal.Measure(t.sets, t.y, len(o.Classes))
	var err error
	if o.binary() {
		err = e.measureBinary(ctx)
	} else {
		err = e.measureClasses(ctx)
	}
	if err != nil {
		return err
	}
	for _, m := range s.Main {
		if slices.Contains(headline, m.Name) {
			e.run.Metric(kebab(m.Name), m.Value)
		}
	}
	if e.splits.Repeats > 1 {
		s.spread(repeats, o, e.splits)
		for name, v := range s.Spread {
			e.run.Metric("mean-"+kebab(name), v.Value)
		}
	}
	return e.importance(ctx)
}

// headline are the scores that runs are listed and compared by.
var headline = []string{"auroc", "auprc", "brier", "log_loss", "calibration_slope", "ici", "accuracy"}

func kebab(name string) string { return strings.ReplaceAll(name, "_", "-") }

func (e *evaluation) measureBinary(ctx context.Context) error {
	t, s, r := e.tested, &e.scores, e.run
	event, p := isClass(t.y, 1), t.risk(1)
	thresholds := r.Floats("thresholds")
	if len(thresholds) == 0 {
		thresholds = []float64{e.kept.Threshold}
	}
	r.Progress("bootstrap", 0, 4)
	all, err := metric.NewBinary(p, event, metric.BinaryOptions{Thresholds: thresholds}).Intervals(ctx, e.resample)
	if err != nil {
		return err
	}
	s.Main = all
	raw := make([]float64, len(t.raw))
	for i := range raw {
		raw[i] = t.raw[i][0]
	}
	r.Progress("bootstrap", 1, 4)
	if s.Raw, err = metric.NewBinary(raw, event, metric.BinaryOptions{}).Intervals(ctx, e.resample); err != nil {
		return err
	}
	d := metric.DeLong(p, event)
	s.DeLong = &d.Logit
	s.Threshold = metric.AtThresholds(p, event, thresholds)
	r.Progress("bootstrap", 2, 4)
	if s.Decision, err = metric.DecisionBands(ctx, e.resample, p, event, decisionThresholds(r.Floats("decision-range"))); err != nil {
		return err
	}
	if e.curve, err = metric.SmoothBands(ctx, e.resample, p, event, grid(p)); err != nil {
		return err
	}
	r.Progress("bootstrap", 3, 4)
	return e.subgroups(ctx, p, event, thresholds[0])
}

// decisionThresholds are evenly spaced over the range.
func decisionThresholds(span []float64) []float64 {
	lo, hi := .05, .5
	if len(span) == 2 && span[0] < span[1] {
		lo, hi = span[0], span[1]
	}
	const n = 46
	out := make([]float64, n)
	for i := range out {
		out[i] = lo + (hi-lo)*float64(i)/(n-1)
	}
	return out
}

// grid is where the smooth calibration curve is drawn: 50 risks between the 1st and 99th percentile, beyond
// which there are too few cases to say anything.
func grid(p []float64) []float64 {
	sorted := slices.Sorted(slices.Values(p))
	lo, hi := sorted[len(sorted)/100], sorted[len(sorted)-1-len(sorted)/100]
	const n = 50
	out := make([]float64, n)
	for i := range out {
		out[i] = lo + (hi-lo)*float64(i)/(n-1)
	}
	return out
}

func (e *evaluation) measureClasses(ctx context.Context) error {
	t, s := e.tested, &e.scores
	names := []string{"auroc", "log_loss", "brier", "accuracy", "balanced_accuracy", "ece"}
	for _, c := range e.trainer.cohort.Outcome.Classes {
		names = append(names, "auroc of "+c)
	}
	likeliest := metric.MostLikely(t.prob)
	ivs, err := metric.Bootstrap(ctx, e.resample, func(rows []int) []float64 {
		P, y, top := t.prob, t.y, likeliest
		if rows != nil {
			P, y, top = pick(t.prob, rows), pick(t.y, rows), pick(likeliest, rows)
		}
		return classScores(P, y, top)
	})
	if err != nil {
		return err
	}
	for k, v := range ivs {
		score := metric.Score{Name: names[k], Interval: v}
		if k < 6 {
			s.Main = append(s.Main, score)
		} else {
			s.PerClass = append(s.PerClass, score)
		}
	}
	n := len(e.trainer.cohort.Outcome.Classes)
	s.Confusion = make([][]int, n)
	for k := range s.Confusion {
		s.Confusion[k] = make([]int, n)
	}
	for i, y := range t.y {
		s.Confusion[y][likeliest[i]]++
	}
	return nil
}

func classScores(P [][]float64, y, top []int) []float64 {
	a := metric.AUROCOneVsRest(P, y)
	accuracy, balanced := math.NaN(), math.NaN()
	if c, err := metric.NewConfusion(y, top, len(P[0])); err == nil {
		accuracy, balanced = c.Accuracy(), c.BalancedAccuracy()
	}
	out := []float64{a.Macro, metric.MulticlassLogLoss(P, y), metric.MulticlassBrier(P, y), accuracy, balanced, metric.ClasswiseECE(P, y, metric.DefaultBins, metric.EqualCount)}
	return append(out, a.Each...)
}

// spread summarises repeated splits. The interval of the mean is Student's with the correction of Nadeau &
// Bengio (2003), because repeated splits share their cases.
func (s *scores) spread(repeats []*tested, o outcome, sp *splits) {
	ratio := float64(len(sp.Parts[0].Test)) / float64(len(sp.Parts[0].Train))
	for _, t := range repeats {
		one := map[string]float64{}
		if o.binary() {
			p, event := t.risk(1), isClass(t.y, 1)
			one["auroc"], one["auprc"], one["brier"], one["log_loss"] = metric.AUROC(p, event), metric.AveragePrecision(p, event), metric.Brier(p, event), metric.LogLoss(p, event)
		} else {
			c := classScores(t.prob, t.y, metric.MostLikely(t.prob))
			one["auroc"], one["log_loss"], one["brier"], one["accuracy"] = c[0], c[1], c[2], c[3]
		}
		s.Repeats = append(s.Repeats, one)
	}
	s.Spread = map[string]metric.Interval{}
	for name := range s.Repeats[0] {
		x := make([]float64, len(s.Repeats))
		for i := range x {
			x[i] = s.Repeats[i][name]
		}
		mean, sd := meanSD(x)
		n := float64(len(x))
		sd *= math.Sqrt(n / (n - 1))
		half := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(.975) * sd * math.Sqrt(1/n+ratio)
		most := 1.0 // of every score but the log loss
		if name == "log_loss" {
			most = math.Inf(1)
		}
		s.Spread[name] = metric.Interval{Value: mean, Low: math.Max(0, mean-half), High: math.Min(most, mean+half), Rounds: len(x)}
	}
}

// subgroups measures each level of the study's subgroup columns.
func (e *evaluation) subgroups(ctx context.Context, p []float64, event []bool, threshold float64) error {
	threshold = math.Min(math.Max(threshold, 1e-6), 1-1e-6)
	for _, name := range e.run.Strings("subgroups") {
		c := e.trainer.table.Column(name)
		if c == nil {
			return fault.WithHint(fault.Errorf(fault.Usage, "the parameter subgroups names a column %q that is not in the data", name), "%s", fault.DidYouMean(name, columnNames(e.trainer.table)))
		}
		group, levels := groupBy(c, e.tested.rows)
		rows, err := metric.Subgroups(ctx, e.resample, p, event, group, levels, metric.SubgroupOptions{Threshold: threshold})
		if err != nil {
			return fmt.Errorf("subgroups by %s: %w", name, err)
		}
		t := subgroupTable{Column: name, Rows: rows, Cases: make([]int, len(rows))}
		t.Cases[0] = len(group)
		for _, g := range group {
			if g >= 0 {
				t.Cases[g+1]++
			}
		}
		e.scores.Subgroups = append(e.scores.Subgroups, t)
	}
	return nil
}

// groupBy numbers the groups of rows by a column: levels of a category, quarters of a number.
func groupBy(c *table.Column, rows []int) (group []int, levels []string) {
	group = make([]int, len(rows))
	switch c.Kind {
	case table.Category, table.Code:
		for k, i := range rows {
			group[k] = int(c.Cat[i])
		}
		return group, c.Levels
	case table.Numeric:
	default:
		return make([]int, len(rows)), []string{"all"}
	}
	var known []float64
	for _, i := range rows {
		if !c.Missing(i) {
			known = append(known, c.Num[i])
		}
	}
	slices.Sort(known)
	cuts := quartiles(known)
	for k, i := range rows {
		group[k] = -1
		if !c.Missing(i) {
			group[k], _ = slices.BinarySearch(cuts, c.Num[i])
		}
	}
	last := ""
	for q, cut := range cuts {
		text := strconv.FormatFloat(cut, 'g', 4, 64)
		if q == 0 {
			levels = append(levels, "up to "+text)
		} else {
			levels = append(levels, "over "+last+" to "+text)
		}
		last = text
	}
	return group, append(levels, "over "+last)
}

// quartiles are the distinct cuts between quarters of sorted values; a number with few values has fewer.
func quartiles(sorted []float64) []float64 {
	var cuts []float64
	for q := 1; q < 4 && len(sorted) > 0; q++ {
		cut := sorted[(len(sorted)-1)*q/4]
		if cut < sorted[len(sorted)-1] && (len(cuts) == 0 || cut > cuts[len(cuts)-1]) {
			cuts = append(cuts, cut)
		}
	}
	if len(cuts) == 0 && len(sorted) > 0 {
		cuts = append(cuts, sorted[len(sorted)-1])
	}
	return cuts
}

// maxExplained bounds the test cases that importance is measured on. Shapley values of a forest take
// milliseconds a case, and five hundred cases settle the order of columns.
const maxExplained = 500

// explained draws the test cases that importance is measured on, and says how to resample them.
func (e *evaluation) explained() ([]int, metric.Resample) {
	rows := slices.Clone(e.tested.rows)
	if len(rows) > maxExplained {
		rng := e.run.Rand("explained")
		rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		rows = rows[:maxExplained]
		slices.Sort(rows)
	}
	r := e.resample
	r.N, r.Groups = len(rows), pick(e.trainer.cohort.Patient, rows)
	return rows, r
}

// importance attributes the kept model's predictions on test cases.
func (e *evaluation) importance(ctx context.Context) error {
	output := 0
	e.base.output = output
	a, err := newAttributor(e.kept)
	if err != nil {
		return err
	}
	e.scores.Scale = a.scale()
	sample, resample := e.explained()
	e.scores.Explained = len(sample)
	e.base.X = e.kept.plan.encode(e.trainer.table, sample, e.trainer.cohort.Options.IndexDate)
	sum := make([][]float64, len(sample))
	for k := range e.kept.outputs {
		all, err := a.all(ctx, e.base.X, k)
		if err != nil {
			return err
		}
		for i, x := range all {
			if err := explain.CheckAdditivity(x.phi, x.base, x.value); err != nil {
				return fmt.Errorf("explaining test cases: %w", err)
			}
			if k == 0 {
				e.base.phi = append(e.base.phi, x.phi)
				sum[i] = make([]float64, len(x.phi))
			}
			for j, v := range x.phi { // with several classes: the sum over classes
				sum[i][j] += math.Abs(v)
			}
		}
	}
	cols := len(e.kept.plan.Columns)
	ivs, err := metric.Bootstrap(ctx, resample, func(rows []int) []float64 {
		mean := make([]float64, cols)
		n := len(sum)
		if rows != nil {
			n = len(rows)
		}
		for k := range n {
			i := k
			if rows != nil {
				i = rows[k]
			}
			for j, v := range sum[i] {
				mean[j] += v
			}
		}
		for j := range mean {
			mean[j] /= float64(n)
		}
		return mean
	})
	if err != nil {
		return err
	}
	for j, v := range ivs {
		e.scores.Importance = append(e.scores.Importance, importance{e.kept.plan.Columns[j].Name, v})
	}
	slices.SortStableFunc(e.scores.Importance, func(a, b importance) int {
		switch {
		case a.Value.Value > b.Value.Value:
			return -1
		case a.Value.Value < b.Value.Value:
			return 1
		}
		return 0
	})
	return nil
}

// writePredictions writes the predictions for test cases, by the row of the user's data.
func writePredictions(r *task.Run, tr *trainer, repeats []*tested) error {
	w, err := r.Create(predictionsFile)
	if err != nil {
		return err
	}
	buf := bufio.NewWriter(w)
	out := csv.NewWriter(buf)
	header := []string{"repeat", "part", "row", "patient", "outcome"}
	for _, c := range tr.cohort.Outcome.Classes {
		header = append(header, "p("+c+")")
	}
	err = out.Write(header)
	for k, t := range repeats {
		for i, row := range t.rows {
			cells := []string{strconv.Itoa(k), strconv.Itoa(t.part[i]), strconv.Itoa(tr.cohort.Row[row]), strconv.Itoa(tr.cohort.Patient[row]), tr.cohort.Outcome.Classes[t.y[i]]}
			for _, p := range t.prob[i] {
				cells = append(cells, strconv.FormatFloat(p, 'g', -1, 64))
			}
			if err == nil {
				err = out.Write(cells)
			}
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
