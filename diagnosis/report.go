package diagnosis

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"galen.dev/explain"
	"galen.dev/fault"
	"galen.dev/metric"
	"galen.dev/report"
	"galen.dev/task"
)

// report writes the run's page.
func (e *evaluation) report(ctx context.Context) error {
	var q checked
	if err := e.run.ReadJSON(task.Preprocess, qualityFile, &q); err != nil {
		return err
	}
	var src source
	if err := e.run.ReadJSON(task.Collect, sourceFile, &src); err != nil {
		return err
	}
	var c choice
	if err := e.run.ReadJSON(task.Train, choiceFile, &c); err != nil {
		return err
	}
	effects, err := e.effects(ctx)
	if err != nil {
		return err
	}
	w := &pageWriter{evaluation: e, quality: q, source: src, choice: c}
	page := &report.Report{
		Title:    e.title(),
		Subtitle: fmt.Sprintf("%s: %s", e.run.Task.Name, e.run.Task.Short),
		Facts:    w.facts(),
		Headline: w.headline(),
		Footer:   "Made again by: galen run with the study below, on the same data, with the same version of Galen and the same type of machine.",
		Sections: []report.Section{
			w.cohortSection(), w.qualitySection(), w.modelSection(), w.discrimination(),
		},
	}
	if e.trainer.cohort.Outcome.binary() {
		page.Sections = append(page.Sections, w.calibration(), w.decision())
		if len(e.scores.Subgroups) > 0 {
			page.Sections = append(page.Sections, w.subgroupSection())
		}
	}
	page.Sections = append(page.Sections, w.explanation(effects), w.trust(), w.card())
	checklist, err := w.checklist()
	if err != nil {
		return err
	}
	page.Sections = append(page.Sections, checklist, w.reproduction())
	out, err := e.run.Create(reportFile)
	if err != nil {
		return err
	}
	if err := page.WriteHTML(out); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

func (e *evaluation) title() string {
	if t := e.run.Study.Title; t != "" {
		return t
	}
	return e.run.Task.Short
}

// pageWriter makes the sections of the page.
type pageWriter struct {
	*evaluation
	quality checked
	source  source
	choice  choice
}

func (w *pageWriter) facts() []report.Fact {
	facts := []report.Fact{
		{Label: "Task", Value: w.run.Task.Name}, {Label: "Data", Value: w.source.Name}, {Label: "Outcome", Value: w.outcomeText()},
		{Label: "Model", Value: kindNames[w.kept.Kind]}, {Label: "Seed", Value: fmt.Sprint(w.run.Study.Seed)}, {Label: "Run", Value: w.run.ID}, {Label: "Galen", Value: w.run.Version},
	}
	if w.source.Licence != "" {
		facts = append(facts, report.Fact{Label: "Licence of the data", Value: w.source.Licence})
	}
	return facts
}

// kindNames are the models in words.
var kindNames = map[string]string{
	"logistic": "elastic-net logistic regression", "ebm": "explainable boosting machine", "forest": "random forest", "boost": "gradient-boosted trees",
}

func (w *pageWriter) outcomeText() string {
	o := w.trainer.cohort.Outcome
	if o.binary() {
		return fmt.Sprintf("%s: %s (otherwise %s)", o.Target, o.Classes[1], o.Classes[0])
	}
	return fmt.Sprintf("%s: %s", o.Target, strings.Join(o.Classes, ", "))
}

func (w *pageWriter) score(name string) (metric.Score, bool) {
	for _, s := range w.scores.Main {
		if s.Name == name {
			return s, true
		}
	}
	return metric.Score{}, false
}

func (w *pageWriter) headline() []report.KeyFigure {
	var out []report.KeyFigure
	for _, h := range []struct {
		name, label string
		lo, hi      float64
	}{{"auroc", "AUROC", .5, 1}, {"brier", "Brier score", 0, .25}, {"calibration_slope", "Calibration slope", 0, 2}, {"ici", "Calibration error (ICI)", 0, .2}, {"accuracy", "Accuracy", 0, 1}} {
		s, ok := w.score(h.name)
		if !ok || w.trainer.cohort.Outcome.binary() && h.name == "accuracy" {
			continue
		}
		out = append(out, report.KeyFigure{
			Label: h.label, Value: report.Num(s.Value, 3), Interval: "95 % CI " + report.Interval(s.Low, s.High, 3), Note: fmt.Sprintf("%d test cases", w.scores.Cases),
			Range: &report.Range{Min: h.lo, Max: h.hi, Value: s.Value, Lo: s.Low, Hi: s.High},
		})
	}
	return out
}

func (w *pageWriter) cohortSection() report.Section {
	flowData := report.FlowData{Start: w.trainer.cohort.Flow[0].Label, N: w.trainer.cohort.Flow[0].Rows}
	var excluded []report.Exclusion
	for _, f := range w.trainer.cohort.Flow[1:] {
		if f.Why != "" {
			excluded = append(excluded, report.Exclusion{Reason: f.Why, N: f.Rows})
			continue
		}
		flowData.Steps = append(flowData.Steps, report.FlowStep{Excluded: excluded, Label: f.Label, N: f.Rows})
		excluded = nil
	}
	first := w.splits.Parts[0]
	if w.splits.Pooled {
		flowData.Parts = []report.FlowPart{{Label: "each trained on and tested once", N: len(w.trainer.cohort.Y), Note: w.classNote(nil)}}
	} else {
		flowData.Parts = []report.FlowPart{{Label: "training", N: len(first.Train), Note: w.classNote(first.Train)}, {Label: "test", N: len(first.Test), Note: w.classNote(first.Test)}}
	}
	text := "A case is a row of the data. " + map[string]string{
		"random": "Test patients were drawn at random, in proportion to the classes.",
		"folds":  fmt.Sprintf("Patients were cut into %d folds in proportion to the classes; each fold was tested by a model of the others.", w.splits.perRepeat()),
		"time":   "The latest patients were set apart for testing.",
		"column": "A column of the data says which patients are for testing.",
	}[w.splits.Kind] + " No patient is on both sides. Every statistic of the transformation comes from training patients."
	return report.Section{ID: "cohort", Title: "Patients", Lead: text, Blocks: []report.Block{
		report.FigureBlock{Figure: report.Flow(flowData)}, w.baseline(),
	}}
}

func (w *pageWriter) classNote(rows []int) string {
	o := w.trainer.cohort.Outcome
	n, total := make([]int, len(o.Classes)), 0
	count := func(i int) { n[w.trainer.cohort.Y[i]]++; total++ }
	if rows == nil {
		for i := range w.trainer.cohort.Y {
			count(i)
		}
	}
	for _, i := range rows {
		count(i)
	}
	if o.binary() {
		return fmt.Sprintf("%s events (%.1f %%)", report.Count(n[1]), 100*float64(n[1])/float64(total))
	}
	var parts []string
	for k, c := range o.Classes {
		parts = append(parts, fmt.Sprintf("%s: %d", c, n[k]))
	}
	return strings.Join(parts, ", ")
}

func (w *pageWriter) qualitySection() report.Section {
	var names []string
	var shares []float64
	for _, c := range w.quality.Columns {
		if i := w.kept.plan.column(c.Name); i >= 0 && c.N+c.Missing > 0 {
			names = append(names, c.Name)
			shares = append(shares, float64(c.Missing)/float64(c.N+c.Missing))
		}
	}
	var waived []string
	for _, f := range w.quality.Waived {
		waived = append(waived, f.Name)
	}
	all := append(append([]fault.Finding(nil), w.quality.Waived...), w.quality.Findings...)
	s := report.Section{ID: "quality", Title: "Quality of the data", Lead: "Checks made before any model was fitted. A finding of severity error stops a study unless the study waives it by name; waived ones are marked.", Blocks: []report.Block{
		report.Findings{Caption: "What the checks found", List: append(all, w.source.Findings...), Waived: waived},
		report.FigureBlock{Figure: report.Missingness(names, shares), Caption: "Share of cases without a value, by predictor."},
	}}
	if len(w.quality.Skipped) > 0 {
		var items []string
		for _, k := range w.quality.Skipped {
			items = append(items, k.Check+": "+k.Reason)
		}
		s.Blocks = append(s.Blocks, report.Heading("Checks that were not made"), report.List{Items: items})
	}
	return s
}

func (w *pageWriter) modelSection() report.Section {
	var rows [][]string
	var folds []report.FoldRow
	strong := []int{}
	for k, t := range w.choice.Rows {
		mean, se := meanSE(t.AUROC)
		rows = append(rows, []string{kindNames[t.Kind], report.Num(t.Mean, 4), report.Num(t.SE, 4), report.Num(t.Behind, 4), report.Num(t.SEBehind, 4), report.Num(mean, 3)})
		folds = append(folds, report.FoldRow{Label: t.Kind, Points: t.AUROC, Mean: mean, Lo: mean - 1.96*se, Hi: mean + 1.96*se, Chosen: t.Kind == w.choice.Chosen})
		if t.Kind == w.choice.Chosen {
			strong = append(strong, k)
		}
	}
	method := "the probabilities are used as the model gives them"
	if c := w.kept.Calibrator; c != nil && c.Method != "none" {
		method = "the probabilities are recalibrated (" + string(c.Method) + ")"
	} else if m := w.kept.Multi; m != nil && m.Method != "none" {
		method = "the probabilities are recalibrated (" + string(m.Method) + ")"
	}
	blocks := []report.Block{
		report.Table{
			Caption: "Cross-validation within the training cases", Columns: []string{"model", "log loss", "SE", "behind the best", "SE", "AUROC"}, Rows: rows, Strong: strong,
			Footnote: fmt.Sprintf("%d folds by patient; each model tunes itself within its training folds. Of models within one standard error of the best, the simplest is taken.", len(w.choice.Rows[0].LogLoss)),
		},
		report.FigureBlock{Figure: report.Folds("AUROC", folds), Caption: "Each circle is a fold, the diamond their mean with its 95 % interval."},
	}
	if len(w.kept.Notes) > 0 {
		blocks = append(blocks, report.List{Items: w.kept.Notes})
	}
	return report.Section{ID: "model", Title: "Choice of the model", Lead: fmt.Sprintf("The model is the %s, because %s; %s.", kindNames[w.choice.Chosen], w.choice.Why, method), Blocks: blocks}
}

// scoreNames are the scores in words, with what a reader should hold them against.
var scoreNames = map[string]string{
	"prevalence": "Share of events", "auroc": "AUROC", "auprc": "Average precision (AUPRC)", "min_se_ppv": "min(sensitivity, PPV), best threshold", "brier": "Brier score", "scaled_brier": "Scaled Brier score",
	"log_loss": "Log loss (nats)", "calibration_intercept": "Calibration intercept (ideal 0)", "calibration_slope": "Calibration slope (ideal 1)", "ece": "Expected calibration error, 10 equal bins",
	"ici": "Calibration error, ICI (ideal 0)", "e50": "Calibration error, median", "e90": "Calibration error, 90th percentile", "emax": "Calibration error, largest", "accuracy": "Accuracy", "balanced_accuracy": "Balanced accuracy",
}

func (w *pageWriter) scoreTable(caption string, names ...string) report.Table {
	t := report.Table{Caption: caption, Columns: []string{"score", "value", "95 % interval"}, Footnote: fmt.Sprintf("Percentile intervals of %d bootstrap samples of patients.", w.run.Int("bootstrap"))}
	for _, name := range names {
		if s, ok := w.score(name); ok {
			t.Rows = append(t.Rows, []string{scoreNames[name], report.Num(s.Value, 3), report.Interval(s.Low, s.High, 3)})
		}
	}
	return t
}

func (w *pageWriter) discrimination() report.Section {
	s := report.Section{ID: "discrimination", Title: "Discrimination", Lead: "How well the model ranks cases that it has not seen."}
	if !w.trainer.cohort.Outcome.binary() {
		t := w.scoreTable("Scores on test cases", "auroc", "log_loss", "brier", "accuracy", "balanced_accuracy", "ece")
		for _, c := range w.scores.PerClass {
			t.Rows = append(t.Rows, []string{strings.ToUpper(c.Name[:1]) + c.Name[1:], report.Num(c.Value, 3), report.Interval(c.Low, c.High, 3)})
		}
		s.Blocks = []report.Block{t, report.FigureBlock{Figure: report.Confusion(w.trainer.cohort.Outcome.Classes, w.scores.Confusion)}}
		return w.withSpread(s)
	}
	p, event := w.tested.risk(1), isClass(w.tested.y, 1)
	var roc, pr report.Curve
	for _, x := range metric.ROC(p, event) {
		roc.X, roc.Y = append(roc.X, x.FPR), append(roc.Y, x.TPR)
	}
	for _, x := range metric.PR(p, event) {
		pr.X, pr.Y = append(pr.X, x.Recall), append(pr.Y, x.Precision)
	}
	roc.Name, pr.Name = w.kept.Kind, w.kept.Kind
	if a, ok := w.score("auroc"); ok {
		roc.Note = report.Num(a.Value, 3) + " (" + report.Interval(a.Low, a.High, 3) + ")"
	}
	if a, ok := w.score("auprc"); ok {
		pr.Note = report.Num(a.Value, 3) + " (" + report.Interval(a.Low, a.High, 3) + ")"
	}
	prevalence, _ := w.score("prevalence")
	table := w.scoreTable("Scores on test cases", "prevalence", "auroc", "auprc", "min_se_ppv", "brier", "scaled_brier", "log_loss")
	if d := w.scores.DeLong; d != nil {
		table.Footnote += fmt.Sprintf(" AUROC by DeLong's method on the logit scale: %s.", report.Interval(d.Low, d.High, 3))
	}
	s.Blocks = []report.Block{
		table,
		report.Figures{{Figure: report.ROC(roc)}, {Figure: report.PrecisionRecall(prevalence.Value, pr)}},
		w.thresholdTable(),
	}
	return w.withSpread(s)
}

func (w *pageWriter) thresholdTable() report.Table {
	t := report.Table{Caption: "At thresholds: cases at or above it count as positive", Columns: []string{"risk", "sensitivity", "specificity", "PPV", "NPV", "LR+", "LR−", "true pos.", "false pos.", "true neg.", "false neg."}}
	for _, o := range w.scores.Threshold {
		t.Rows = append(t.Rows, []string{
			report.Num(o.Threshold, 3), share(o.Sensitivity), share(o.Specificity), share(o.PPV), share(o.NPV), report.Num(o.LRPositive, 2), report.Num(o.LRNegative, 2),
			report.Num(o.Counts.TP, 0), report.Num(o.Counts.FP, 0), report.Num(o.Counts.TN, 0), report.Num(o.Counts.FN, 0),
		})
	}
	t.Footnote = "Wilson's 95 % intervals."
	if !w.run.Given("thresholds") {
		t.Footnote += " The study names no threshold: this one has the largest Youden index on training cases. A threshold for use should weigh the harms of both errors."
	}
	return t
}

// withSpread adds the table of repeated splits.
func (w *pageWriter) withSpread(s report.Section) report.Section {
	if w.scores.Spread == nil {
		return s
	}
	t := report.Table{Caption: fmt.Sprintf("Over %d repeated splits", w.splits.Repeats), Columns: []string{"score", "mean", "95 % interval of the mean", "smallest", "largest"}, Footnote: "Student's interval with the correction for overlapping splits of Nadeau & Bengio (2003)."}
	for _, name := range sortedKeys(w.scores.Spread) {
		v := w.scores.Spread[name]
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, r := range w.scores.Repeats {
			lo, hi = math.Min(lo, r[name]), math.Max(hi, r[name])
		}
		t.Rows = append(t.Rows, []string{scoreNames[name], report.Num(v.Value, 3), report.Interval(v.Low, v.High, 3), report.Num(lo, 3), report.Num(hi, 3)})
	}
	s.Blocks = append(s.Blocks, t)
	return s
}

func (w *pageWriter) calibration() report.Section {
	p, event := w.tested.risk(1), isClass(w.tested.y, 1)
	d := report.CalibrationData{}
	smooth := report.Curve{Name: "after recalibration"}
	for _, b := range w.curve {
		smooth.X, smooth.Y = append(smooth.X, b.Risk), append(smooth.Y, b.Observed.Value)
		smooth.Lo, smooth.Hi = append(smooth.Lo, b.Observed.Low), append(smooth.Hi, b.Observed.High)
	}
	d.Smooth = append(d.Smooth, smooth)
	if c := w.kept.Calibrator; c != nil && c.Method != "none" {
		raw := make([]float64, len(w.tested.raw))
		for i := range raw {
			raw[i] = w.tested.raw[i][0]
		}
		before := report.Curve{Name: "before"}
		for _, x := range metric.SmoothCalibration(raw, event).Curve {
			before.X, before.Y = append(before.X, x.Risk), append(before.Y, x.Observed)
		}
		d.Smooth = append(d.Smooth, before)
	} else {
		d.Smooth[0].Name = "model"
	}
	for _, b := range metric.CalibrationBins(p, event, metric.DefaultBins, metric.EqualCount) {
		d.Bins = append(d.Bins, report.RiskBin{Predicted: b.Mean, Observed: b.Observed.Value, Lo: b.Observed.Low, Hi: b.Observed.High, N: b.Cases})
	}
	for i, e := range event {
		if e {
			d.Positive = append(d.Positive, p[i])
		} else {
			d.Negative = append(d.Negative, p[i])
		}
	}
	names := []string{"calibration_intercept", "calibration_slope", "ici", "e50", "e90", "emax", "ece"}
	t := w.scoreTable("Calibration on test cases", names...)
	t.Columns = append(t.Columns, "before recalibration")
	for k := range t.Rows {
		cell := ""
		for _, s := range w.scores.Raw {
			if scoreNames[s.Name] == t.Rows[k][0] {
				cell = report.Num(s.Value, 3)
			}
		}
		t.Rows[k] = append(t.Rows[k], cell)
	}
	return report.Section{ID: "calibration", Title: "Calibration", Lead: "Whether a risk of 20 % means that 20 of 100 such patients have the event. The recalibration was fitted to training patients that the model had not seen; nothing was fitted to test patients.", Blocks: []report.Block{
		report.FigureBlock{Figure: report.Calibration(d), Caption: "Observed share of events against predicted risk, with its 95 % band; points are tenths of the cases. The curve runs from the 1st to the 99th percentile of the risks."}, t,
	}}
}

func (w *pageWriter) decision() report.Section {
	d := report.DecisionData{}
	if p, ok := w.score("prevalence"); ok {
		d.Prevalence = p.Value
	}
	c := report.Curve{Name: w.kept.Kind}
	for _, b := range w.scores.Decision {
		c.X, c.Y = append(c.X, b.Threshold), append(c.Y, b.Model.Value)
		c.Lo, c.Hi = append(c.Lo, b.Model.Low), append(c.Hi, b.Model.High)
		d.Threshold, d.TreatAll = append(d.Threshold, b.Threshold), append(d.TreatAll, b.All.Value)
	}
	d.Models = []report.Curve{c}
	t := report.Table{Caption: "Net benefit", Columns: []string{"threshold", "model", "95 % interval", "treat all", "better than the better of all and none", "interventions avoided per 100"}}
	for k := 0; k < len(w.scores.Decision); k += 9 {
		b := w.scores.Decision[k]
		t.Rows = append(t.Rows, []string{report.Num(b.Threshold, 2), report.Num(b.Model.Value, 3), report.Interval(b.Model.Low, b.Model.High, 3), report.Num(b.All.Value, 3),
			report.Num(b.Benefit.Value, 3) + " (" + report.Interval(b.Benefit.Low, b.Benefit.High, 3) + ")", report.Num(b.Avoided.Value, 1)})
	}
	return report.Section{ID: "decision", Title: "Net benefit", Lead: "Whether deciding by the model does more good than treating everybody or nobody, for those who act at a given risk (Vickers & Elkin 2006).", Blocks: []report.Block{
		report.FigureBlock{Figure: report.DecisionCurve(d)}, t,
	}}
}

func (w *pageWriter) subgroupSection() report.Section {
	s := report.Section{ID: "subgroups", Title: "Subgroups", Lead: "Whether the model serves some patients worse than others. Groups with too few events are named and not scored."}
	forest := report.ForestData{Measure: "AUROC", Reference: nan}
	t := report.Table{Caption: "Calibration and decisions by group", Columns: []string{"group", "cases", "events", "intercept", "slope", "sensitivity", "specificity", "PPV", "net benefit", "AUROC minus all"}}
	at := func(scores []metric.Score, name string) string {
		for _, x := range scores {
			if x.Name == name {
				return report.Num(x.Value, 2) + " (" + report.Interval(x.Low, x.High, 2) + ")"
			}
		}
		return ""
	}
	for k, table := range w.scores.Subgroups {
		for n, g := range table.Rows {
			if table.Cases[n] == 0 {
				continue // a level that no test case has
			}
			label, overall := g.Level, g.Level == ""
			if overall {
				if k > 0 {
					continue
				}
				label = "all"
			}
			row := report.ForestRow{Label: label, Overall: overall, N: g.N, Events: g.Events, Value: nan, Lo: nan, Hi: nan}
			for _, x := range g.Scores {
				if x.Name == "auroc" {
					row.Value, row.Lo, row.Hi = x.Value, x.Low, x.High
					if overall {
						forest.Reference = x.Value
					}
				}
			}
			if g.Hidden != "" {
				row.N, row.Events = table.Cases[n], -1
				t.Rows = append(t.Rows, []string{table.Column + ": " + label, report.Count(table.Cases[n]), "too few", "", "", "", "", "", "", ""})
			} else {
				name := table.Column + ": " + label
				if overall {
					name = label
				}
				t.Rows = append(t.Rows, []string{name, fmt.Sprint(g.N), fmt.Sprint(g.Events), at(g.Scores, "calibration_intercept"), at(g.Scores, "calibration_slope"), at(g.Scores, "sensitivity"), at(g.Scores, "specificity"), at(g.Scores, "ppv"), at(g.Scores, "net_benefit"), at(g.Differences, "auroc")})
			}
			forest.Rows = append(forest.Rows, row)
			if overall {
				forest.Rows = append(forest.Rows, report.ForestRow{Label: table.Column, Heading: true})
			}
		}
		if k+1 < len(w.scores.Subgroups) {
			forest.Rows = append(forest.Rows, report.ForestRow{Label: w.scores.Subgroups[k+1].Column, Heading: true})
		}
	}
	t.Align = make([]report.Align, len(t.Columns))
	for k := range t.Align {
		t.Align[k] = report.Right
	}
	t.Align[0] = report.Left
	t.Footnote = fmt.Sprintf("Values with 95 %% bootstrap intervals; decisions at risk %s. Groups with fewer than 10 events or 10 cases without are not scored.", report.Num(w.scores.Threshold[0].Threshold, 3))
	s.Blocks = []report.Block{report.FigureBlock{Figure: report.Forest(forest)}, t}
	return s
}

// effect is how predictions depend on one column.
type effect struct {
	column  int
	figure  report.Figure
	caption string
}

// shownEffects bounds the figures of single predictors.
const shownEffects = 6

// effects draws partial dependence for the most important columns.
func (e *evaluation) effects(ctx context.Context) ([]effect, error) {
	var out []effect
	event := 1
	if e.kept.outputs > 1 {
		event = 0
	}
	predict := func(X [][]float64, out []float64) {
		for i, p := range e.kept.rowwise(e.kept.predict(X)) {
			out[i] = p[event]
		}
	}
	categorical := categories(e.kept.plan)
	for _, imp := range e.scores.Importance[:min(shownEffects, len(e.scores.Importance))] {
		j := e.kept.plan.column(imp.Column)
		d, err := explain.PartialDependence(ctx, predict, e.base.X, j, explain.Grid(e.base.X[j], categorical[j], 30), nil)
		if err != nil {
			return nil, err
		}
		out = append(out, effect{column: j, figure: e.effectFigure(j, d, event)})
	}
	return out, nil
}

func (e *evaluation) effectFigure(j int, d *explain.Dependence, event int) report.Figure {
	pc := &e.kept.plan.Columns[j]
	data := report.EffectData{Predictor: pc.Name, Output: "mean predicted probability of " + e.kept.Outcome.Target + ": " + e.kept.Outcome.Classes[event]}
	if pc.Unit != "" {
		data.Predictor += " (" + pc.Unit + ")"
	}
	if pc.Kind == categoryColumn {
		for k, g := range d.Grid {
			data.Categories = append(data.Categories, report.Bar{Label: pc.placeName(int(g)), Value: d.Mean[k]})
		}
		return report.Effect(data)
	}
	data.Curve = report.Curve{X: d.Grid, Y: d.Mean}
	return report.Effect(data)
}

func (w *pageWriter) explanation(effects []effect) report.Section {
	bars := report.BarData{Title: "Importance of predictors", XLabel: "mean absolute contribution (" + w.scores.Scale + ")"}
	for _, i := range w.scores.Importance {
		bars.Bars = append(bars.Bars, report.Bar{Label: i.Column, Value: i.Value.Value, Lo: i.Value.Low, Hi: i.Value.High})
	}
	method := map[string]string{
		"logistic": "The contributions are exact: coefficient times distance from the mean.", "ebm": "The contributions are exact: the model is a sum of functions of one or two predictors.",
		"forest": "The contributions are Shapley values of the trees (TreeSHAP, path-dependent).", "boost": "The contributions are Shapley values of the trees (TreeSHAP, path-dependent).",
	}[w.kept.Kind]
	if w.kept.Background != nil {
		method = fmt.Sprintf("The contributions are Shapley values of the trees (TreeSHAP, interventional, against %d training cases).", len(w.kept.Background[0]))
	}
	s := report.Section{ID: "explanation", Title: "What the model goes by", Lead: method + " They and the base add up to the model's output before recalibration, checked to 1e-9 on the test cases below. They explain the model, not the disease: a predictor is no cause."}
	s.Blocks = append(s.Blocks, report.FigureBlock{Figure: report.Bars(bars), Caption: fmt.Sprintf("On %d test cases, with 95 %% intervals over patients.", w.scores.Explained)})
	var g report.Figures
	for _, e := range effects {
		g = append(g, report.FigureBlock{Figure: e.figure})
	}
	if len(g) > 0 {
		s.Blocks = append(s.Blocks, report.Heading("How the risk depends on single predictors"), report.Text("Partial dependence: the mean predicted probability if every test case had this value and kept its others. Where predictors go together, some of these combinations do not occur."), g)
	}
	return s
}

func share(v metric.Interval) string {
	return report.Num(v.Value, 3) + " (" + report.Interval(v.Low, v.High, 3) + ")"
}

func (w *pageWriter) trust() report.Section {
	c := w.scores.Sets
	t := report.Table{Caption: "Conformal prediction sets on test cases", Columns: []string{"", "value"}, Rows: [][]string{
		{"promised coverage", report.Num(1-w.kept.Sets.Alpha, 3)}, {"observed coverage", share(c.Covered)}, {"mean number of classes in a set", report.Num(c.Size, 2)},
		{"share of sets with one class", share(c.Single)}, {"share of empty sets", share(c.Empty)}, {"share of sets that rule nothing out", share(c.Full)},
	}}
	for k, name := range w.trainer.cohort.Outcome.Classes {
		t.Rows = append(t.Rows, []string{"coverage of " + name, share(c.ByClass[k])})
	}
	t.Footnote = "The promise holds on average over patients like the training patients, not for each kind of patient."
	return report.Section{ID: "trust", Title: "How far to trust a single prediction", Lead: "For each new case the model gives a set of classes that holds the true one with the promised coverage, the distance to the training cases, values outside theirs, and it abstains where the case lies too far away.", Blocks: []report.Block{t}}
}

func (w *pageWriter) card() report.Section {
	a, _ := w.score("auroc")
	first := w.splits.Parts[0]
	training, testing := fmt.Sprintf("%d cases of %s", len(first.Train), w.source.Name), fmt.Sprintf("%d cases of the same source", len(first.Test))
	if w.splits.Pooled {
		training, testing = fmt.Sprintf("all %d cases of %s", len(w.trainer.cohort.Y), w.source.Name), fmt.Sprintf("the same cases by %d-fold cross-validation", w.splits.perRepeat())
	}
	return report.Section{ID: "card", Title: "Model card", Blocks: []report.Block{report.ModelCard{
		Name: w.run.ID, Version: w.run.Version, Type: kindNames[w.kept.Kind], Outcome: w.outcomeText(),
		Predictors: strings.Join(w.kept.plan.names(), ", "), IntendedUse: "Research on cases like those of the training data.", OutOfScope: "Decisions on patients without a study of its effect; cases from other places, times or ways of measuring than the training data, without validation there.",
		TrainingData: training, EvaluationData: testing + "; no other site or time",
		Performance: fmt.Sprintf("AUROC %s (95 %% interval %s)", report.Num(a.Value, 3), report.Interval(a.Low, a.High, 3)),
		Limitations: "Internal validation only. The model file holds standardised values of training cases, for the nearest cases of a prediction: keep it as safe as the data.",
		Licence:     w.source.Licence,
	}}}
}

func (w *pageWriter) reproduction() report.Section {
	study := string(w.run.Study.YAML(w.run.Task))
	files := report.Table{Caption: "The data", Columns: []string{"file", "bytes", "SHA-256"}}
	for _, f := range w.source.Files {
		files.Rows = append(files.Rows, []string{f.Name, fmt.Sprint(f.Size), f.SHA256})
	}
	p, err := json.MarshalIndent(w.kept.modelFile.Calibrator, "", "  ")
	blocks := []report.Block{report.Code{Caption: "The study", Text: study}, files}
	if err == nil && w.kept.Calibrator != nil && len(w.kept.Calibrator.X) == 0 {
		blocks = append(blocks, report.Code{Caption: "The recalibration", Text: string(p)})
	}
	if w.source.Citation != "" {
		blocks = append(blocks, report.KeyValues{{Label: "Cite the data as", Value: w.source.Citation}})
	}
	return report.Section{ID: "reproduction", Title: "Making it again", Lead: "The same study on the same data with the same version and type of machine gives the same bytes. The manifests in the run's folder hold the hashes of everything read and written.", Blocks: blocks}
}
