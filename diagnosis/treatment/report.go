package treatment

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"galen.dev/assess"
	"galen.dev/diagnosis/intake"
	"galen.dev/fault"
	"galen.dev/metric"
	"galen.dev/report"
	"galen.dev/safety"
	"galen.dev/task"
)

// association is said wherever suggestions are shown.
const association = "The model learned what was given to cases, mistakes and habits included. Its suggestions are associations: they do not say that a treatment helps, and a contribution is no cause."

// page makes the sections of the report.
type page struct {
	*evaluation
	quality checked
	source  intake.Source
	choice  choice
}

// report writes the run's page.
func (e *evaluation) report() error {
	w := &page{evaluation: e}
	for _, f := range []struct {
		step task.StepName
		name string
		v    any
	}{{task.Preprocess, qualityFile, &w.quality}, {task.Collect, intake.SourceFile, &w.source}, {task.Train, choiceFile, &w.choice}} {
		if err := e.run.ReadJSON(f.step, f.name, f.v); err != nil {
			return err
		}
	}
	title := e.run.Study.Title
	if title == "" {
		title = e.run.Task.Short
	}
	p := &report.Report{
		Title: title, Subtitle: e.run.Task.Name + ": " + e.run.Task.Short, Facts: w.facts(), Synthetic: w.source.Synthetic, Headline: w.headline(),
		Footer:   "Made again by: galen run with the study below, on the same data, with the same version of Galen and the same type of machine.",
		Sections: []report.Section{w.cohortSection(), w.qualitySection(), w.modelSection(), w.suggestions(), w.calibrationSection(), w.safetySection()},
	}
	if len(e.scores.Importance) > 0 {
		p.Sections = append(p.Sections, w.explanation())
	}
	p.Sections = append(p.Sections, w.card(), w.reproduction())
	out, err := e.run.Create(reportFile)
	if err != nil {
		return err
	}
	if err := p.WriteHTML(out); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

func (w *page) facts() []report.Fact {
	facts := []report.Fact{
		{Label: "Task", Value: w.run.Task.Name},
		{Label: "Data", Value: w.source.Name},
		{Label: "Treatments", Value: fmt.Sprint(len(w.f.Treatments))},
		{Label: "Model", Value: kindNames[w.f.Kind]},
		{Label: "Rules", Value: fmt.Sprint(len(w.gate.rules.Rules()))},
		{Label: "Seed", Value: fmt.Sprint(w.run.Study.Seed)},
		{Label: "Run", Value: w.run.ID},
		{Label: "Galen", Value: w.run.Version},
	}
	if w.source.Licence != "" {
		facts = append(facts, report.Fact{Label: "Licence of the data", Value: w.source.Licence})
	}
	return facts
}

// labels are the scores in words, with their decimals.
var labels = map[string]string{
	"jaccard": "Jaccard", "prauc": "PRAUC", "f1": "F1", "precision-at-k": "Precision at k", "recall-at-k": "Recall at k", "suggestions": "Treatments a case",
	"coverage": "Coverage", "log-loss": "Log loss", "brier": "Brier score", "interaction-rate": "Interaction rate", "limited-rate": "Rate of pairs with a dose limit",
}

func (w *page) headline() []report.KeyFigure {
	var out []report.KeyFigure
	for _, name := range []string{"jaccard", "prauc", "f1", "interaction-rate"} {
		if v, ok := w.scores.Rankings[0].Scores[name]; ok {
			out = append(out, report.KeyFigure{Label: labels[name], Value: report.Num(v.Value, 3), Interval: "95 % interval " + report.Interval(v.Low, v.High, 3), Note: "test cases"})
		}
	}
	return out
}

func (w *page) cohortSection() report.Section {
	flow := report.FlowData{Start: w.cohort.Flow[0].Label, N: w.cohort.Flow[0].Rows}
	var excluded []report.Exclusion
	for _, f := range w.cohort.Flow[1:] {
		if f.Why != "" {
			excluded = append(excluded, report.Exclusion{Reason: f.Why, N: f.Rows})
			continue
		}
		flow.Steps = append(flow.Steps, report.FlowStep{Excluded: excluded, Label: f.Label, N: f.Rows})
		excluded = nil
	}
	sp := w.prepared.splits
	flow.Parts = []report.FlowPart{{Label: "training", N: len(sp.Train)}, {Label: "test", N: len(sp.Test)}}
	t := report.Table{Caption: "Treatments that are learned", Columns: []string{"treatment", "ATC", "training cases that got it", "test cases"}}
	for k, name := range w.f.Treatments {
		n := int(math.Round(w.f.Popularity[k] * float64(len(sp.Train))))
		t.Rows = append(t.Rows, []string{name, strings.Join(w.gate.rules.ATC(w.gate.drugs[k]), ", "), assess.SmallCount(n), w.scores.Treatments[k].Shown})
	}
	blocks := []report.Block{report.FigureBlock{Figure: report.Flow(flow)}, t}
	if len(w.cohort.NotLearned) > 0 {
		x := report.Table{Caption: "Treatments that are not learned, for want of patients with or without them", Columns: []string{"treatment", "training patients on the smaller side"}}
		for _, c := range w.cohort.NotLearned {
			x.Rows = append(x.Rows, []string{c.Treatment, c.Patients})
		}
		blocks = append(blocks, x)
	}
	how := map[string]string{"random": "Test patients were drawn at random, in proportion to the rarest treatment that they got.", "time": "The latest patients were set apart for testing.", "column": "A column of the data says which patients are for testing."}[sp.Kind]
	return report.Section{ID: "cohort", Title: "Patients and treatments", Lead: "A case is a row of the data. " + how + " No patient is on both sides. Every statistic of the transformation comes from training patients.", Blocks: blocks}
}

func (w *page) qualitySection() report.Section {
	var waived []string
	for _, f := range w.quality.Waived {
		waived = append(waived, f.Name)
	}
	all := append(append([]fault.Finding(nil), w.quality.Waived...), w.quality.Findings...)
	var names []string
	var shares []float64
	for _, c := range w.quality.Columns {
		if c.N+c.Missing > 0 {
			names, shares = append(names, c.Name), append(shares, float64(c.Missing)/float64(c.N+c.Missing))
		}
	}
	return report.Section{ID: "quality", Title: "Quality of the data", Lead: "Checks made before any model was fitted. A finding of severity error stops a study unless the study waives it by name; waived ones are marked.", Blocks: []report.Block{
		report.Findings{Caption: "What the checks found", List: append(all, w.source.Findings...), Waived: waived},
		report.FigureBlock{Figure: report.Missingness(names, shares), Caption: "Share of cases without a value, by column."},
	}}
}

func (w *page) modelSection() report.Section {
	t := report.Table{
		Caption: "Cross-validation within the training cases", Columns: []string{"model", "log loss", "SE", "behind the best", "SE", "PRAUC before rules"},
		Footnote: "Folds by patient; each model tunes itself within its training folds. Log loss is a mean over cases and treatments, SE the standard error over folds. Of models behind the best by no more than the standard error of the difference, the simplest is taken.",
	}
	var folds []report.FoldRow
	for k, x := range w.choice.Trials {
		mean, se := meanSE(x.PRAUC)
		t.Rows = append(t.Rows, []string{kindNames[x.Kind], report.Num(x.Mean, 4), report.Num(x.SE, 4), report.Num(x.Behind, 4), report.Num(x.SEBehind, 4), report.Num(mean, 3)})
		folds = append(folds, report.FoldRow{Label: x.Kind, Points: x.PRAUC, Mean: mean, Lo: mean - 1.96*se, Hi: mean + 1.96*se, Chosen: x.Kind == w.choice.Chosen})
		if x.Kind == w.choice.Chosen {
			t.Strong = append(t.Strong, k)
		}
	}
	return report.Section{ID: "model", Title: "Choice of the model", Lead: fmt.Sprintf("The model is %s, because %s.", kindNames[w.choice.Chosen], w.choice.Why), Blocks: []report.Block{
		t, report.FigureBlock{Figure: report.Folds("PRAUC", folds), Caption: "Each circle is a fold, the diamond their mean with its 95 % interval."},
	}}
}

func cell(v metric.Interval, ok bool) string {
	if !ok || math.IsNaN(v.Value) {
		return "–"
	}
	return report.Num(v.Value, 3) + " (" + report.Interval(v.Low, v.High, 3) + ")"
}

func (w *page) suggestions() report.Section {
	t := report.Table{
		Caption: "Suggestions for test cases, with 95 % intervals over patients", Columns: []string{"score"},
		Footnote: fmt.Sprintf("At most %d treatments of probability %s or more are suggested. Jaccard, F1, PRAUC, precision and recall at k = %d are means over cases. The interaction rate is the share of pairs, within what is suggested (prescribed) and with current drugs, that an interaction forbids; pairs of which one has a largest dose beside the other are counted apart, for they may be suggested, with the limit. Popularity suggests what most training cases got, chance draws at random; both stand behind the same rules.", w.scores.Top, report.Num(w.scores.Threshold, 2), w.scores.Top),
	}
	for _, r := range w.scores.Rankings {
		t.Columns = append(t.Columns, r.Name)
	}
	for _, name := range scoreNames {
		row := []string{labels[name]}
		for _, r := range w.scores.Rankings {
			v, ok := r.Scores[name]
			row = append(row, cell(v, ok))
		}
		t.Rows = append(t.Rows, row)
	}
	far := report.Text(fmt.Sprintf("Of %d test cases, apply would abstain from %s because they lie too far from the training cases; they count in the table.", w.scores.Cases, assess.SmallCount(w.scores.Far)))
	return report.Section{ID: "suggestions", Title: "Suggestions", Lead: "How close suggestions come to what was prescribed. Agreement with habit is not quality of care: a score below 1 may be the better treatment.", Blocks: []report.Block{
		report.Callout{Mood: report.Note, Title: "Association, not effect", Text: association}, t, far,
	}}
}

func (w *page) calibrationSection() report.Section {
	p, y := w.pooled()
	d := report.CalibrationData{}
	for _, b := range metric.CalibrationBins(p, y, metric.DefaultBins, metric.EqualCount) {
		d.Bins = append(d.Bins, report.RiskBin{Predicted: b.Mean, Observed: b.Observed.Value, Lo: b.Observed.Low, Hi: b.Observed.High, N: b.Cases})
	}
	curve := report.Curve{Name: "model"}
	for _, x := range metric.SmoothCalibration(p, y).Curve {
		curve.X, curve.Y = append(curve.X, x.Risk), append(curve.Y, x.Observed)
	}
	d.Smooth = []report.Curve{curve}
	for i, v := range y {
		if v {
			d.Positive = append(d.Positive, p[i])
		} else {
			d.Negative = append(d.Negative, p[i])
		}
	}
	t := report.Table{Caption: "Each treatment on test cases", Columns: []string{"treatment", "given", "mean probability", "share given", "AUROC", "average precision", "Brier score", "recalibration"}}
	for _, x := range w.scores.Treatments {
		t.Rows = append(t.Rows, []string{x.Treatment, x.Shown, report.Num(x.Expected, 3), report.Num(x.Observed, 3), cell(x.AUROC, true), cell(x.AP, true), cell(x.Brier, true), string(x.Method)})
	}
	blocks := []report.Block{report.FigureBlock{Figure: report.Calibration(d), Caption: "All treatments together: share that was given against the probability; points are tenths, with Wilson's intervals."}, t}
	if w.scores.Slope != nil && w.scores.ECE != nil {
		blocks = append(blocks, report.Text(fmt.Sprintf("All treatments together: calibration slope %s (1 is best), expected calibration error in ten bins of equal size %s.", report.Num(*w.scores.Slope, 3), report.Num(*w.scores.ECE, 4))))
	}
	return report.Section{ID: "calibration", Title: "Calibration", Lead: "Whether of 100 cases with a probability of 20 % about 20 got the treatment. The recalibration was fitted to predictions for training patients that the model had not seen.", Blocks: blocks}
}

func (w *page) safetySection() report.Section {
	by := map[safety.Kind]int{}
	for _, r := range w.gate.rules.Rules() {
		by[r.Kind]++
	}
	kinds := report.Table{Caption: "Rules in force", Columns: []string{"kind", "rules"}}
	for _, k := range []safety.Kind{safety.Interaction, safety.Condition, safety.Lab, safety.Pregnant, safety.Allergy, safety.Duplicate} {
		kinds.Rows = append(kinds.Rows, []string{string(k), fmt.Sprint(by[k])})
	}
	out := report.Table{Caption: "Rules that kept treatments from being suggested to test cases", Columns: []string{"rule", "cases", "why", "source"}}
	for _, r := range w.scores.RuledOut {
		out.Rows = append(out.Rows, []string{r.Rule.ID, assess.SmallCount(r.Cases), r.Rule.Text, fmt.Sprintf("%s, %d", r.Rule.Source, r.Rule.Year)})
	}
	what := "is not suggested"
	if w.gate.unknown {
		what = "is suggested and marked as unknown"
	}
	blocks := []report.Block{kinds, out, report.Text(fmt.Sprintf("Of %d treatments prescribed to test cases, %s are forbidden by a rule. A treatment that a rule cannot clear for want of a fact %s.", w.scores.Prescribed, assess.SmallCount(w.scores.PrescribedForbidden), what))}
	if off := w.gate.rules.Off(); len(off) > 0 {
		var items []string
		for _, r := range off {
			items = append(items, r.String())
		}
		blocks = append(blocks, report.Heading("Rules that the study's own file switches off"), report.List{Items: items})
	}
	var missing []string
	ro := w.cohort.Roles
	for name, column := range map[string]string{"diagnoses": ro.Diagnoses, "allergies": ro.Allergies, "current drugs": ro.Drugs, "age": ro.Age, "sex": ro.Sex, "pregnancy": ro.Pregnant} {
		if column == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		blocks = append(blocks, report.Callout{Mood: report.Note, Title: "Facts that the data do not hold", Text: strings.Join(missing, ", ") + ": rules that need them cannot be cleared for any case."})
	}
	return report.Section{ID: "safety", Title: "Safety rules", Lead: "Every treatment is held against every rule before it can be suggested; the model has no way around them. A treatment that no rule mentions counts as allowed, which does not make it safe.", Blocks: blocks}
}

func (w *page) explanation() report.Section {
	bars := report.BarData{Title: "Importance of predictors", XLabel: "mean absolute contribution (log odds)"}
	for _, i := range w.scores.Importance[:min(20, len(w.scores.Importance))] {
		bars.Bars = append(bars.Bars, report.Bar{Label: i.Predictor, Value: i.Value})
	}
	method := map[string]string{
		"logistic": "The contributions are exact: coefficient times distance from the mean.", "boost": "The contributions are Shapley values of the trees (TreeSHAP, path-dependent).",
		"mlp": "The contributions are Shapley values over eight sampled orders of the predictors, against the mean training case; they add up exactly.",
	}[w.f.Kind]
	return report.Section{ID: "explanation", Title: "What the model goes by", Lead: method + " " + association, Blocks: []report.Block{
		report.FigureBlock{Figure: report.Bars(bars), Caption: fmt.Sprintf("Over all treatments, on at most %d test cases.", explainedCases)},
	}}
}

func (w *page) card() report.Section {
	j := w.scores.Rankings[0].Scores["jaccard"]
	sp := w.prepared.splits
	names := make([]string, len(w.f.plan.Features))
	for k := range names {
		names[k] = w.f.plan.Features[k].Name
	}
	predictors := strings.Join(names[:min(100, len(names))], ", ")
	if len(names) > 100 {
		predictors += fmt.Sprintf(" and %d more", len(names)-100)
	}
	return report.Section{ID: "card", Title: "Model card", Blocks: []report.Block{report.ModelCard{
		Name: w.run.ID, Version: w.run.Version, Type: kindNames[w.f.Kind] + ", behind " + fmt.Sprint(len(w.gate.rules.Rules())) + " safety rules", Outcome: "which of " + strings.Join(w.f.Treatments, ", ") + " was given",
		Predictors: predictors, IntendedUse: "Research on cases like those of the training data.", OutOfScope: "Prescribing without a clinician and a pharmacist; conclusions on the effect of a treatment; cases from other places, times or ways of recording, without validation there.",
		TrainingData: fmt.Sprintf("%d cases of %s", len(sp.Train), w.source.Name), EvaluationData: fmt.Sprintf("%d cases of the same source", len(sp.Test)),
		Performance: fmt.Sprintf("Jaccard %s (95 %% interval %s)", report.Num(j.Value, 3), report.Interval(j.Low, j.High, 3)),
		Limitations: "Associations only. Internal validation only. The rules are a selection, and drugs that no rule mentions count as allowed. The model's files hold values of training cases, for the nearest cases of a suggestion: keep them as safe as the data.",
		Licence:     w.source.Licence,
	}}}
}

func (w *page) reproduction() report.Section {
	files := report.Table{Caption: "The data", Columns: []string{"file", "bytes", "SHA-256"}}
	for _, f := range w.source.Files {
		files.Rows = append(files.Rows, []string{f.Name, fmt.Sprint(f.Size), f.SHA256})
	}
	blocks := []report.Block{report.Code{Caption: "The study", Text: string(w.run.Study.YAML(w.run.Task))}, files}
	if w.source.Citation != "" {
		blocks = append(blocks, report.KeyValues{{Label: "Cite the data as", Value: w.source.Citation}})
	}
	return report.Section{ID: "reproduction", Title: "Making it again", Lead: "The same study on the same data with the same version and type of machine gives the same bytes. The run keeps the rules that were in force in preprocess/rules.json.", Blocks: blocks}
}
