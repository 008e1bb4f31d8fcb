package assess

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"galen.dev/metric"
	"galen.dev/report"
)

// scoreNames are the scores in words, with what a reader should hold them against.
var scoreNames = map[string]string{
	"prevalence": "Share of events", "auroc": "AUROC", "auprc": "Average precision (AUPRC)", "min_se_ppv": "min(sensitivity, PPV), best threshold", "brier": "Brier score", "scaled_brier": "Scaled Brier score",
	"log_loss": "Log loss (nats)", "calibration_intercept": "Calibration intercept (ideal 0)", "calibration_slope": "Calibration slope (ideal 1)", "ece": "Expected calibration error, 10 equal bins",
	"ici": "Calibration error, ICI (ideal 0)", "e50": "Calibration error, median", "e90": "Calibration error, 90th percentile", "emax": "Calibration error, largest", "accuracy": "Accuracy", "balanced_accuracy": "Balanced accuracy",
}

func (a *Assessment) scoreTable(caption string, names ...string) report.Table {
	t := report.Table{Caption: caption, Columns: []string{"score", "value", "95 % interval"}, Footnote: fmt.Sprintf("Percentile intervals of %d bootstrap samples of patients.", a.opt.Rounds)}
	for _, name := range names {
		if s, ok := a.Score(name); ok {
			t.Rows = append(t.Rows, []string{scoreNames[name], report.Num(s.Value, 3), report.Interval(s.Low, s.High, 3)})
		}
	}
	return t
}

func (a *Assessment) Discrimination(model string) report.Section {
	s := report.Section{ID: "discrimination", Title: "Discrimination", Lead: "How well the model ranks cases that it has not seen."}
	if !a.Outcome.Binary() {
		t := a.scoreTable("Scores on test cases", "auroc", "log_loss", "brier", "accuracy", "balanced_accuracy", "ece")
		for _, c := range a.Scores.PerClass {
			t.Rows = append(t.Rows, []string{strings.ToUpper(c.Name[:1]) + c.Name[1:], report.Num(c.Value, 3), report.Interval(c.Low, c.High, 3)})
		}
		s.Blocks = []report.Block{t, report.FigureBlock{Figure: report.Confusion(a.Outcome.Classes, a.Scores.Confusion)}}
		return a.withSpread(s)
	}
	p, event := a.Tested.Risk(1), isClass(a.Tested.Y, 1)
	var roc, pr report.Curve
	for _, x := range metric.ROC(p, event) {
		roc.X, roc.Y = append(roc.X, x.FPR), append(roc.Y, x.TPR)
	}
	for _, x := range metric.PR(p, event) {
		pr.X, pr.Y = append(pr.X, x.Recall), append(pr.Y, x.Precision)
	}
	roc.Name, pr.Name = model, model
	if v, ok := a.Score("auroc"); ok {
		roc.Note = report.Num(v.Value, 3) + " (" + report.Interval(v.Low, v.High, 3) + ")"
	}
	if v, ok := a.Score("auprc"); ok {
		pr.Note = report.Num(v.Value, 3) + " (" + report.Interval(v.Low, v.High, 3) + ")"
	}
	prevalence, _ := a.Score("prevalence")
	table := a.scoreTable("Scores on test cases", "prevalence", "auroc", "auprc", "min_se_ppv", "brier", "scaled_brier", "log_loss")
	if d := a.Scores.DeLong; d != nil {
		table.Footnote += fmt.Sprintf(" AUROC by DeLong's method on the logit scale: %s.", report.Interval(d.Low, d.High, 3))
	}
	s.Blocks = []report.Block{
		table,
		report.Figures{{Figure: report.ROC(roc)}, {Figure: report.PrecisionRecall(prevalence.Value, pr)}},
		a.thresholdTable(),
	}
	return a.withSpread(s)
}

func (a *Assessment) thresholdTable() report.Table {
	t := report.Table{Caption: "At thresholds: cases at or above it count as positive", Columns: []string{"risk", "sensitivity", "specificity", "PPV", "NPV", "LR+", "LR−", "true pos.", "false pos.", "true neg.", "false neg."}}
	for _, o := range a.Scores.Threshold {
		t.Rows = append(t.Rows, []string{
			report.Num(o.Threshold, 3), share(o.Sensitivity), share(o.Specificity), share(o.PPV), share(o.NPV), report.Num(o.LRPositive, 2), report.Num(o.LRNegative, 2),
			report.Num(o.Counts.TP, 0), report.Num(o.Counts.FP, 0), report.Num(o.Counts.TN, 0), report.Num(o.Counts.FN, 0),
		})
	}
	t.Footnote = "Wilson's 95 % intervals."
	if len(a.opt.Thresholds) == 0 {
		t.Footnote += " The study names no threshold: this one has the largest Youden index on predictions for training cases that the model had not seen. A threshold for use should weigh the harms of both errors."
		if a.opt.Pooled {
			t.Footnote += " The counts are of each fold's cases at the threshold that its own training cases chose; the one shown is that of the model that is kept."
		}
	}
	return t
}

// withSpread adds the table of repeated splits.
func (a *Assessment) withSpread(s report.Section) report.Section {
	if a.Scores.Spread == nil {
		return s
	}
	t := report.Table{Caption: fmt.Sprintf("Over %d repeated splits", a.repeats), Columns: []string{"score", "mean", "95 % interval of the mean", "smallest", "largest"}, Footnote: "Student's interval from the spread between splits, corrected for their overlap (Nadeau & Bengio 2003)."}
	if a.opt.Pooled {
		t.Footnote = "Student's interval from the spread between single folds, corrected for their overlap (Nadeau & Bengio 2003; Bouckaert & Frank 2004). Smallest and largest are of whole repeats."
	}
	for _, name := range slices.Sorted(maps.Keys(a.Scores.Spread)) {
		v := a.Scores.Spread[name]
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, r := range a.Scores.Repeats {
			lo, hi = math.Min(lo, r[name]), math.Max(hi, r[name])
		}
		t.Rows = append(t.Rows, []string{scoreNames[name], report.Num(v.Value, 3), report.Interval(v.Low, v.High, 3), report.Num(lo, 3), report.Num(hi, 3)})
	}
	s.Blocks = append(s.Blocks, t)
	return s
}

func (a *Assessment) Calibration() report.Section {
	p, event := a.Tested.Risk(1), isClass(a.Tested.Y, 1)
	d := report.CalibrationData{}
	smooth := report.Curve{Name: "after recalibration"}
	for _, b := range a.curve {
		smooth.X, smooth.Y = append(smooth.X, b.Risk), append(smooth.Y, b.Observed.Value)
		smooth.Lo, smooth.Hi = append(smooth.Lo, b.Observed.Low), append(smooth.Hi, b.Observed.High)
	}
	d.Smooth = append(d.Smooth, smooth)
	if a.Tested.Recalibrated {
		before := report.Curve{Name: "before"}
		for _, x := range metric.SmoothCalibration(column(a.Tested.Raw, 0), event).Curve {
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
	t := a.scoreTable("Calibration on test cases", names...)
	lead := "Whether a risk of 20 % means that 20 of 100 such patients have the event. "
	if a.Tested.Recalibrated {
		lead += "The recalibration was fitted to predictions for training patients that the model had not seen; nothing was fitted to test patients."
		a.beforeRecalibration(&t)
	} else {
		lead += "The probabilities are not recalibrated, and nothing was fitted to test patients."
	}
	return report.Section{ID: "calibration", Title: "Calibration", Lead: lead, Blocks: []report.Block{
		report.FigureBlock{Figure: report.Calibration(d), Caption: "Observed share of events against predicted risk, with its 95 % band; points are tenths of the cases. The curve runs from the 1st to the 99th percentile of the risks."}, t,
	}}
}

// beforeRecalibration adds a column with the scores of the models' own probabilities.
func (a *Assessment) beforeRecalibration(t *report.Table) {
	t.Columns = append(t.Columns, "before recalibration")
	for k := range t.Rows {
		cell := ""
		for _, s := range a.Scores.Raw {
			if scoreNames[s.Name] == t.Rows[k][0] {
				cell = report.Num(s.Value, 3)
			}
		}
		t.Rows[k] = append(t.Rows[k], cell)
	}
}

func (a *Assessment) Decision(model string) report.Section {
	d := report.DecisionData{}
	if p, ok := a.Score("prevalence"); ok {
		d.Prevalence = p.Value
	}
	c := report.Curve{Name: model}
	for _, b := range a.Scores.Decision {
		c.X, c.Y = append(c.X, b.Threshold), append(c.Y, b.Model.Value)
		c.Lo, c.Hi = append(c.Lo, b.Model.Low), append(c.Hi, b.Model.High)
		d.Threshold, d.TreatAll = append(d.Threshold, b.Threshold), append(d.TreatAll, b.All.Value)
	}
	d.Models = []report.Curve{c}
	t := report.Table{Caption: "Net benefit", Columns: []string{"threshold", "model", "95 % interval", "treat all", "better than the better of all and none", "interventions avoided per 100"}}
	for k := 0; k < len(a.Scores.Decision); k += 9 {
		b := a.Scores.Decision[k]
		t.Rows = append(t.Rows, []string{
			report.Num(b.Threshold, 2), report.Num(b.Model.Value, 3), report.Interval(b.Model.Low, b.Model.High, 3), report.Num(b.All.Value, 3),
			report.Num(b.Benefit.Value, 3) + " (" + report.Interval(b.Benefit.Low, b.Benefit.High, 3) + ")", report.Num(b.Avoided.Value, 1),
		})
	}
	return report.Section{ID: "decision", Title: "Net benefit", Lead: "Whether deciding by the model does more good than treating everybody or nobody, for those who act at a given risk (Vickers & Elkin 2006).", Blocks: []report.Block{
		report.FigureBlock{Figure: report.DecisionCurve(d)}, t,
	}}
}

func (a *Assessment) SubgroupSection() report.Section {
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
	for k, table := range a.Scores.Subgroups {
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
				t.Rows = append(t.Rows, []string{table.Column + ": " + label, SmallCount(table.Cases[n]), "too few", "", "", "", "", "", "", ""})
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
		if k+1 < len(a.Scores.Subgroups) {
			forest.Rows = append(forest.Rows, report.ForestRow{Label: a.Scores.Subgroups[k+1].Column, Heading: true})
		}
	}
	t.Align = make([]report.Align, len(t.Columns))
	for k := range t.Align {
		t.Align[k] = report.Right
	}
	t.Align[0] = report.Left
	t.Footnote = fmt.Sprintf("Values with 95 %% bootstrap intervals; decisions at risk %s. Groups with fewer than 10 events or 10 cases without are not scored.", report.Num(a.Scores.Threshold[0].Threshold, 3))
	if a.opt.Pooled && len(a.opt.Thresholds) == 0 {
		t.Footnote += " All cases had a part in the choice of that threshold: compare groups by it, and read the level of sensitivity and specificity from the table of thresholds."
	}
	s.Blocks = []report.Block{report.FigureBlock{Figure: report.Forest(forest)}, t}
	return s
}

func share(v metric.Interval) string {
	return report.Num(v.Value, 3) + " (" + report.Interval(v.Low, v.High, 3) + ")"
}

// SetsTable shows what the conformal prediction sets promised and kept on test cases.
func (a *Assessment) SetsTable(promised float64) report.Table {
	c := a.Scores.Sets
	t := report.Table{Caption: "Conformal prediction sets on test cases", Columns: []string{"", "value"}, Rows: [][]string{
		{"promised coverage", report.Num(promised, 3)},
		{"observed coverage", share(c.Covered)},
		{"mean number of classes in a set", report.Num(c.Size, 2)},
		{"share of sets with one class", share(c.Single)},
		{"share of empty sets", share(c.Empty)},
		{"share of sets that rule nothing out", share(c.Full)},
	}}
	for k, name := range a.Outcome.Classes {
		t.Rows = append(t.Rows, []string{"coverage of " + name, share(c.ByClass[k])})
	}
	t.Footnote = "The promise holds within each class, on average over patients like the training patients, not for each kind of patient."
	return t
}

// KeyFigures are the scores that a page begins with.
func (a *Assessment) KeyFigures() []report.KeyFigure {
	var out []report.KeyFigure
	for _, h := range []struct {
		name, label string
		lo, hi      float64
	}{{"auroc", "AUROC", .5, 1}, {"brier", "Brier score", 0, .25}, {"calibration_slope", "Calibration slope", 0, 2}, {"ici", "Calibration error (ICI)", 0, .2}, {"accuracy", "Accuracy", 0, 1}} {
		s, ok := a.Score(h.name)
		if !ok || a.Outcome.Binary() && h.name == "accuracy" {
			continue
		}
		out = append(out, report.KeyFigure{
			Label: h.label, Value: report.Num(s.Value, 3), Interval: "95 % CI " + report.Interval(s.Low, s.High, 3), Note: fmt.Sprintf("%d test cases", a.Cases),
			Range: &report.Range{Min: h.lo, Max: h.hi, Value: s.Value, Lo: s.Low, Hi: s.High},
		})
	}
	return out
}

// SmallCell is the least number of patients that a table shows: fewer could be recognised.
const SmallCell = 5

// SmallCount writes a number of patients, and not which number it is where it is small.
func SmallCount(n int) string {
	if n > 0 && n < SmallCell {
		return "<5"
	}
	return report.Count(n)
}
