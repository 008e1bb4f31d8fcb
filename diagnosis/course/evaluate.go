package course

import (
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"strconv"

	"galen.dev/assess"
	"galen.dev/event"
	"galen.dev/fault"
	"galen.dev/metric"
	"galen.dev/report"
	"galen.dev/task"
)

// Files that evaluate leaves.
const (
	scoresFile      = "scores.json"
	predictionsFile = "predictions.csv"
	reportFile      = "report.html"
)

// scores are what evaluate measures.
type scores struct {
	assess.Scores
	// Score1 is min(sensitivity, PPV) at the threshold that training samples chose.
	Score1 metric.Interval `json:"score_1"`
	// Baselines are the figures of the models beside this one, on the same samples.
	Baselines []rival `json:"baselines,omitempty"`
	// Intervals are the figures at the end of each interval of the horizon; with bins alone.
	Intervals []intervalScore `json:"intervals,omitempty"`
	Censored  int             `json:"censored"` // test samples whose outcome at the end of the horizon is not known
	// Faithfulness are those of the stays that the report shows.
	Faithfulness []float64 `json:"faithfulness,omitempty"`
}

// rival is what a model of another kind reaches.
type rival struct {
	Kind    string          `json:"kind"`
	AUROC   metric.Interval `json:"auroc"`
	AUPRC   metric.Interval `json:"auprc"`
	Brier   metric.Interval `json:"brier"`
	LogLoss metric.Interval `json:"log_loss"`
	Score1  metric.Interval `json:"score_1"`
	// Less is the AUROC of the model that is kept less that of this one, on the same bootstrap samples.
	Less metric.Interval `json:"auroc_behind"`
}

// intervalScore is how well the risk by the end of an interval is told, among samples of which that is known.
type intervalScore struct {
	Hours  float64  `json:"hours"`
	Cases  int      `json:"cases"`
	Events int      `json:"events"`
	AUROC  *float64 `json:"auroc"`
	Brier  float64  `json:"brier"`
	Mean   float64  `json:"mean_risk"`
}

// evaluation is the work of one evaluate step.
type evaluation struct {
	run   *task.Run
	model *loaded
	data  *data
	split *splits
	test  []int // samples whose outcome is known

	risk    [][]float64 // [ensemble][test]: raw
	curve   map[int][]float64
	result  *assess.Assessment
	scores  scores
	figures []report.Block
}

// evaluate measures the model on samples that it has not seen, and writes the report.
func evaluate(ctx context.Context, r *task.Run) error {
	if span := r.Floats("decision-range"); len(span) != 2 || span[0] >= span[1] {
		return fault.WithHint(fault.Errorf(fault.Usage, "the parameter decision-range is two risks, the lower one first"), "for example [0.05, 0.5]")
	}
	d, sp, f, err := loadData(r)
	if err != nil {
		return err
	}
	defer f.Close()
	m, err := loadModel(r, d.plan, d.reader, true)
	if err != nil {
		return err
	}
	defer m.Close()
	e := &evaluation{run: r, model: m, data: d, split: sp, risk: make([][]float64, len(m.Ensembles)), curve: map[int][]float64{}}
	for _, step := range []func(context.Context) error{e.predict, e.measure, e.rivals, e.pictures} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	e.intervals()
	if err := r.WriteJSON(scoresFile, e.scores); err != nil {
		return err
	}
	if err := e.predictions(); err != nil {
		return err
	}
	return e.report()
}

func (e *evaluation) predict(ctx context.Context) error {
	var v view
	for n, i := range e.split.Test {
		if err := ctx.Err(); err != nil {
			return err
		}
		e.run.Progress("predicting", int64(n), int64(len(e.split.Test)))
		if err := e.data.readRecord(e.data.file, i, &v); err != nil {
			return err
		}
		known := e.data.known(i)
		for k, m := range e.model.Ensembles {
			risk, curve, err := m.predict(&v)
			if err != nil {
				return err
			}
			if known {
				e.risk[k] = append(e.risk[k], risk)
			}
			if k == 0 && curve != nil {
				e.curve[i] = curve
			}
		}
		if known {
			e.test = append(e.test, i)
		} else {
			e.scores.Censored++
		}
	}
	return nil
}

// measure scores the model.
func (e *evaluation) measure(ctx context.Context) error {
	var p assess.Predictions
	main := e.model.main()
	for k, i := range e.test {
		p.Add(0, e.data.Patient[i], e.data.Y[i], []float64{e.risk[0][k]}, main.Readout)
	}
	groups, err := e.groups()
	if err != nil {
		return err
	}
	thresholds := e.run.Floats("thresholds")
	if len(thresholds) == 0 {
		thresholds = []float64{main.Threshold}
	}
	e.result, err = assess.Measure(ctx, e.model.Outcome, []*assess.Predictions{&p}, assess.Options{
		Rounds: e.run.Int("bootstrap"), Seed: e.run.Seed("bootstrap"), Thresholds: thresholds, Kept: main.Threshold, DecisionRange: e.run.Floats("decision-range"), Groups: groups,
		Progress: func(k, n int64) { e.run.Progress("bootstrap", k, n) },
	})
	if err != nil {
		return err
	}
	e.scores.Scores = e.result.Scores
	e.result.Headline(e.run.Metric)
	return nil
}

// calibrated are an ensemble's risks of the test samples.
func (e *evaluation) calibrated(k int) []float64 {
	out := make([]float64, len(e.test))
	for n, p := range e.risk[k] {
		out[n] = e.model.Ensembles[k].Readout.Probabilities([]float64{p})[1]
	}
	return out
}

// rivals scores every ensemble at the threshold of its own, and the model against the others.
func (e *evaluation) rivals(ctx context.Context) error {
	event, patient := make([]bool, len(e.test)), make([]int, len(e.test))
	for n, i := range e.test {
		event[n], patient[n] = e.data.Y[i] == 1, e.data.Patient[i]
	}
	resample := metric.Resample{N: len(e.test), Groups: patient, Rounds: e.run.Int("bootstrap"), Seed: e.run.Seed("bootstrap")}
	own := metric.NewBinary(e.calibrated(0), event, metric.BinaryOptions{})
	for k, m := range e.model.Ensembles {
		p := e.calibrated(k)
		iv, err := metric.Bootstrap(ctx, resample, func(rows []int) []float64 { return []float64{score1(p, event, m.Threshold, rows)} })
		if err != nil {
			return err
		}
		if k == 0 {
			e.scores.Score1 = iv[0]
			if !math.IsNaN(iv[0].Value) {
				e.run.Metric("score-1", iv[0].Value)
			}
			continue
		}
		b := metric.NewBinary(p, event, metric.BinaryOptions{})
		all, err := b.Intervals(ctx, resample)
		if err != nil {
			return err
		}
		less, err := own.Differences(ctx, b, resample)
		if err != nil {
			return err
		}
		r := rival{Kind: m.Kind, Score1: iv[0], AUROC: named(all, "auroc"), AUPRC: named(all, "auprc"), Brier: named(all, "brier"), LogLoss: named(all, "log_loss"), Less: named(less, "auroc")}
		e.scores.Baselines = append(e.scores.Baselines, r)
		if !math.IsNaN(r.AUROC.Value) {
			e.run.Metric(m.Kind+"-auroc", r.AUROC.Value)
			e.run.Metric(m.Kind+"-score-1", r.Score1.Value)
		}
	}
	return nil
}

func named(all []metric.Score, name string) metric.Interval {
	for _, s := range all {
		if s.Name == name {
			return s.Interval
		}
	}
	return metric.Interval{Value: math.NaN(), Low: math.NaN(), High: math.NaN()}
}

// score1 is min(sensitivity, PPV) of the cases at a threshold, the score 1 of the Challenge 2012; rows may repeat, and
// nil means all.
func score1(p []float64, event []bool, threshold float64, rows []int) float64 {
	var hit, positive, events float64
	count := func(i int) {
		events += indicator(event[i])
		if p[i] >= threshold {
			positive++
			hit += indicator(event[i])
		}
	}
	if rows == nil {
		for i := range p {
			count(i)
		}
	}
	for _, i := range rows {
		count(i)
	}
	if events == 0 {
		return math.NaN()
	}
	return min(hit/events, hit/max(positive, 1))
}

// intervals scores the risk by the end of each interval.
func (e *evaluation) intervals() {
	d := e.data
	for b := range d.Declare.Bins {
		s := intervalScore{Hours: d.Declare.Gap + d.Declare.Horizon*float64(b+1)/float64(d.Declare.Bins)}
		var p []float64
		var y []bool
		for _, i := range e.split.Test {
			came := d.Y[i] == 1 && d.Interval[i] <= b
			if !came && d.Y[i] == 0 && d.Interval[i] < b {
				continue // censored before
			}
			p, y = append(p, e.curve[i][b]), append(y, came)
			s.Events += int(indicator(came))
			s.Mean += e.curve[i][b]
		}
		if s.Cases = len(p); s.Cases == 0 {
			continue
		}
		s.Mean, s.Brier = s.Mean/float64(s.Cases), metric.Brier(p, y)
		if a := metric.AUROC(p, y); !math.IsNaN(a) {
			s.AUROC = &a
		}
		e.scores.Intervals = append(e.scores.Intervals, s)
	}
}

// groups divides the test samples by codes known from the start: by their values where these are few, else by quarters.
func (e *evaluation) groups() (out []assess.Group, err error) {
	d := e.data
	var v view
	for _, code := range e.run.Strings("subgroups") {
		k := slices.IndexFunc(d.Static, func(q variable) bool { return q.Code == code })
		if k < 0 {
			var known []string
			for _, q := range d.Static {
				known = append(known, q.Code)
			}
			return nil, fault.WithHint(fault.Errorf(fault.Usage, "the parameter subgroups names a code that is not known from the start"), "%s", fault.DidYouMean(code, known))
		}
		x := make([]float64, len(e.test))
		for n, i := range e.test {
			if err := d.readRecord(d.file, i, &v); err != nil {
				return nil, err
			}
			x[n] = v.agg[len(d.names)-len(d.Static)+k]
		}
		out = append(out, group(code, &d.Static[k], x))
	}
	return out, nil
}

func group(code string, q *variable, x []float64) assess.Group {
	g := assess.Group{Column: code, Of: make([]int, len(x))}
	var cuts []float64
	if len(q.Levels) == 0 {
		sorted := slices.DeleteFunc(slices.Clone(x), math.IsNaN)
		slices.Sort(sorted)
		for k := 1; k < 4 && len(sorted) > 3; k++ {
			cuts = append(cuts, sorted[len(sorted)*k/4])
		}
		cuts = slices.Compact(cuts)
		for k := 0; k <= len(cuts); k++ {
			switch {
			case len(cuts) == 0:
				g.Levels = append(g.Levels, "all values")
			case k == 0:
				g.Levels = append(g.Levels, fmt.Sprintf("below %.4g", cuts[0]))
			case k == len(cuts):
				g.Levels = append(g.Levels, fmt.Sprintf("%.4g and above", cuts[k-1]))
			default:
				g.Levels = append(g.Levels, fmt.Sprintf("%.4g to %.4g", cuts[k-1], cuts[k]))
			}
		}
	} else {
		for _, l := range q.Levels {
			g.Levels = append(g.Levels, strconv.FormatFloat(l, 'g', 6, 64))
		}
	}
	g.Levels = append(g.Levels, "no value")
	for n, v := range x {
		switch {
		case math.IsNaN(v) || len(q.Levels) > 0 && !slices.Contains(q.Levels, v):
			g.Of[n] = len(g.Levels) - 1
		case len(q.Levels) > 0:
			g.Of[n] = slices.Index(q.Levels, v)
		default:
			for g.Of[n] < len(cuts) && v >= cuts[g.Of[n]] {
				g.Of[n]++
			}
		}
	}
	return g
}

// pictures explains some test samples: the first of each class in turn, so that none was picked by hand.
func (e *evaluation) pictures(ctx context.Context) error {
	want := min(e.run.Int("pictures"), len(e.test))
	var set *event.Reader
	f, err := openSet(e.run, &set)
	if err != nil {
		return err
	}
	defer f.Close()
	main := e.model.main()
	main.reader = e.data.plan.reader(&set.Vocabulary)
	x, err := newExplainer(main, e.run.String("explain"), e.run.Float("block"))
	if err != nil || x == nil {
		return err
	}
	defer x.Close()
	var stay event.Stay
	shown := map[int]bool{}
	for n := 0; len(shown) < want && n < 2*len(e.test); n++ {
		k := slices.IndexFunc(e.test, func(i int) bool { return e.data.Y[i] == 1-n%2 && !shown[i] })
		if k < 0 {
			continue
		}
		i := e.test[k]
		shown[i] = true
		e.run.Progress("explaining", int64(len(shown)), int64(want))
		if err := set.Read(e.data.Stay[i], &stay); err != nil {
			return err
		}
		why, err := x.explain(ctx, &stay, e.data.At[i], e.risk[0][k])
		if err != nil {
			return err
		}
		e.scores.Faithfulness = append(e.scores.Faithfulness, why.Faithfulness)
		risk := main.Readout.Probabilities([]float64{e.risk[0][k]})[1]
		caption := fmt.Sprintf("By %s: calibrated risk %.2f. ", why.Method, risk)
		for _, p := range why.Parts[:min(4, len(why.Parts))] {
			caption += p.String() + "; "
		}
		caption += fmt.Sprintf("hidden hour by hour, the stretches named first, the risk averages %.2f, and %.2f with those named last (faithfulness %+.2f).", why.Deletion, why.Reverse, why.Faithfulness)
		e.figures = append(e.figures, report.FigureBlock{Figure: main.reader.picture(why), Title: fmt.Sprintf("Stay %d, %s: %s", e.data.Stay[i]+1, e.data.Declare.Outcome, classes[e.data.Y[i]]), Caption: caption})
	}
	return nil
}

// predictions writes what the model says of test samples, by the place of the stay in the data.
func (e *evaluation) predictions() error {
	w, err := e.run.Create(predictionsFile)
	if err != nil {
		return err
	}
	out := csv.NewWriter(w)
	rows := [][]string{{"stay", "patient", "index_us", "outcome", "risk"}}
	for n, i := range e.test {
		rows = append(rows, []string{strconv.Itoa(e.data.Stay[i] + 1), strconv.Itoa(e.data.Patient[i]), strconv.FormatInt(e.data.At[i], 10), classes[e.data.Y[i]], strconv.FormatFloat(e.result.Tested.Prob[n][1], 'g', -1, 64)})
	}
	err = out.WriteAll(rows)
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	return err
}
