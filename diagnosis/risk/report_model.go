package risk

import (
	"context"
	"fmt"
	"strings"

	"galen.dev/calibrate"
	"galen.dev/explain"
	"galen.dev/report"
)

func (w *pageWriter) modelSection() report.Section {
	var rows [][]string
	var folds []report.FoldRow
	strong := []int{}
	for k, t := range w.choice.Rows {
		defined := t.defined()
		mean, se := meanSE(defined)
		rows = append(rows, []string{kindNames[t.Kind], report.Num(t.Mean, 4), report.Num(t.SE, 4), report.Num(t.Behind, 4), report.Num(t.SEBehind, 4), report.Num(mean, 3)})
		folds = append(folds, report.FoldRow{Label: t.Kind, Points: defined, Mean: mean, Lo: mean - 1.96*se, Hi: mean + 1.96*se, Chosen: t.Kind == w.choice.Chosen})
		if t.Kind == w.choice.Chosen {
			strong = append(strong, k)
		}
	}
	method := "the probabilities are used as the model gives them"
	switch m := w.kept.Method(); {
	case m != calibrate.None:
		method = "the probabilities are recalibrated (" + string(m) + ")"
	case w.run.String("class-weight") == "balanced":
		method += ", though it was fitted to classes of equal weight: they are too high for rare classes"
	}
	blocks := []report.Block{
		report.Table{
			Caption: "Cross-validation within the training cases", Columns: []string{"model", "log loss", "SE", "behind the best", "SE", "AUROC"}, Rows: rows, Strong: strong,
			Footnote: w.choiceNote(),
		},
		report.FigureBlock{Figure: report.Folds("AUROC", folds), Caption: "Each circle is a fold, the diamond their mean with its 95 % interval."},
	}
	if w.splits.Pooled {
		blocks = append(blocks, report.Text("Each fold chose in the same way among its own training cases: "+tally(w.tested.models)+"."))
	}
	if len(w.kept.Notes) > 0 {
		blocks = append(blocks, report.List{Items: w.kept.Notes})
	}
	return report.Section{ID: "model", Title: "Choice of the model", Lead: fmt.Sprintf("The model is the %s, because %s; %s.", kindNames[w.choice.Chosen], w.choice.Why, method), Blocks: blocks}
}

func (w *pageWriter) choiceNote() string {
	note := fmt.Sprintf("%d folds by patient; each model tunes itself within its training folds. SE is the standard error over folds.", len(w.choice.Rows[0].LogLoss))
	if len(w.choice.Rows) > 1 {
		note += " Of models whose log loss is behind the best by no more than the standard error of the difference, the simplest is taken."
	}
	return note
}

// tally counts equal names: forest (3), logistic (2).
func tally(names []string) string {
	count := map[string]int{}
	for _, n := range names {
		count[n]++
	}
	var parts []string
	for _, n := range sortedKeys(count) {
		parts = append(parts, fmt.Sprintf("%s (%d)", kindNames[n], count[n]))
	}
	return strings.Join(parts, ", ")
}

// effect is how predictions depend on one column.
type effect struct {
	column int
	figure report.Figure
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
	for _, imp := range e.Importance[:min(shownEffects, len(e.Importance))] {
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
	if pc.Unit != "" && !strings.Contains(pc.Name, "("+pc.Unit+")") {
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
	bars := report.BarData{Title: "Importance of predictors", XLabel: "mean absolute contribution (" + w.Scale + ")"}
	for _, i := range w.Importance {
		bars.Bars = append(bars.Bars, report.Bar{Label: i.Column, Value: i.Value.Value, Lo: i.Value.Low, Hi: i.Value.High})
	}
	method := map[string]string{
		"logistic": "The contributions are exact: coefficient times distance from the mean.", "ebm": "The contributions are exact: the model is a sum of functions of one or two predictors.",
		"forest": "The contributions are Shapley values of the trees (TreeSHAP, path-dependent).", "boost": "The contributions are Shapley values of the trees (TreeSHAP, path-dependent).",
	}[w.kept.Kind]
	if w.kept.Background != nil {
		method = fmt.Sprintf("The contributions are Shapley values of the trees (TreeSHAP, interventional, against %d training cases).", len(w.kept.Background[0]))
	}
	s := report.Section{ID: "explanation", Title: "What the model goes by", Lead: method + " They and the base add up to the model's output before recalibration, checked to 1e-9 on the cases below. They explain the model, not the disease: a predictor is no cause."}
	s.Blocks = append(s.Blocks, report.FigureBlock{Figure: report.Bars(bars), Caption: w.importanceCaption()})
	var g report.Figures
	for _, e := range effects {
		g = append(g, report.FigureBlock{Figure: e.figure})
	}
	if len(g) > 0 {
		s.Blocks = append(s.Blocks, report.Heading("How the risk depends on single predictors"), report.Text("Partial dependence: the mean predicted probability if each of these cases had this value and kept its others. Where predictors go together, some of these combinations do not occur."), g)
	}
	return s
}

func (w *pageWriter) importanceCaption() string {
	what := "test cases"
	if w.splits.Pooled {
		what = "cases, by the model that is kept, which was fitted to them"
	}
	caption := fmt.Sprintf("On %d %s, with 95 %% intervals over patients.", w.Explained, what)
	if w.kept.outputs > 1 {
		caption += " Contributions are summed over the classes."
	}
	return caption
}

func (w *pageWriter) trust() report.Section {
	t := w.SetsTable(1 - w.kept.Sets.Alpha)
	return report.Section{ID: "trust", Title: "How far to trust a single prediction", Lead: "For each new case the model gives a set of classes that holds the true one for the promised share of the cases of each class, the distance to the training cases, values outside theirs, and it abstains where the case lies too far away.", Blocks: []report.Block{t}}
}

// apart says how far test cases are from training cases.
var apart = map[string]string{
	"random": "; no other site or time", "folds": "; no other site or time", "time": ", later than the training cases; no other site", "column": ", as a column of the data says",
}

// listed names things, or the first hundred of them.
func listed(names []string) string {
	const most = 100
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func (w *pageWriter) card() report.Section {
	a, _ := w.Score("auroc")
	first := w.splits.Parts[0]
	training, testing := fmt.Sprintf("%d cases of %s", len(first.Train), w.source.Name), fmt.Sprintf("%d cases of the same source", len(first.Test))
	if w.splits.Pooled {
		training, testing = fmt.Sprintf("all %d cases of %s", len(w.trainer.cohort.Y), w.source.Name), fmt.Sprintf("the same cases by %d-fold cross-validation", w.splits.perRepeat())
	}
	return report.Section{ID: "card", Title: "Model card", Blocks: []report.Block{report.ModelCard{
		Name: w.run.ID, Version: w.run.Version, Type: kindNames[w.kept.Kind], Outcome: w.outcomeText(),
		Predictors: listed(w.kept.plan.names()), IntendedUse: "Research on cases like those of the training data.", OutOfScope: "Decisions on patients without a study of its effect; cases from other places, times or ways of measuring than the training data, without validation there.",
		TrainingData: training, EvaluationData: testing + apart[w.splits.Kind],
		Performance: fmt.Sprintf("AUROC %s (95 %% interval %s)", report.Num(a.Value, 3), report.Interval(a.Low, a.High, 3)),
		Limitations: "Internal validation only. The model file holds standardised values of training cases, for the nearest cases of a prediction: keep it as safe as the data.",
		Licence:     w.source.Licence,
	}}}
}
