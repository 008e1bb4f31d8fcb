package course

import (
	"fmt"

	"galen.dev/metric"
	"galen.dev/report"
	"galen.dev/task"
)

// kindNames are the models in words.
var kindNames = map[string]string{
	"logistic": "logistic regression on aggregates", "boost": "gradient-boosted trees on aggregates", "basic-rnn": "recurrent network over the sequence of codes", "gru": "gated recurrent units with decay",
	"lstm": "long short-term memory", "cnn1d": "convolutional network over time", "tcn": "temporal convolutional network", "transformer": "transformer over time",
}

// clocks are the times of a source in words.
var clocks = map[string]string{"start": "since the start of the stay", "local": "local time without a zone, taken as it is", "utc": "UTC"}

// report writes the run's page.
func (e *evaluation) report() error {
	var src source
	if err := e.run.ReadJSON(task.Collect, sourceFile, &src); err != nil {
		return err
	}
	var c choice
	if err := e.run.ReadJSON(task.Train, choiceFile, &c); err != nil {
		return err
	}
	kind, title := e.model.main().Kind, e.run.Study.Title
	if title == "" {
		title = e.run.Task.Short
	}
	page := &report.Report{
		Title: title, Subtitle: fmt.Sprintf("%s: %s", e.run.Task.Name, e.run.Task.Short),
		Facts: []report.Fact{
			{Label: "Task", Value: e.run.Task.Name},
			{Label: "Data", Value: src.Name},
			{Label: "Outcome", Value: e.data.Declare.Outcome},
			{Label: "Model", Value: kindNames[kind]},
			{Label: "Seed", Value: fmt.Sprint(e.run.Study.Seed)},
			{Label: "Run", Value: e.run.ID},
			{Label: "Galen", Value: e.run.Version},
		},
		Footer:   "For research use. Not a medical device. Made again by: galen run with the study below, on the same data, with the same version of Galen and the same type of machine.",
		Headline: e.result.KeyFigures(),
	}
	if src.Licence != "" {
		page.Facts = append(page.Facts, report.Fact{Label: "Licence of the data", Value: src.Licence})
	}
	if src.Synthetic {
		page.Facts = append(page.Facts, report.Fact{Label: "Synthetic", Value: "no real patient is behind these data"})
	}
	page.Sections = []report.Section{
		e.cohortSection(&src), e.inputSection(), e.modelSection(&c), e.result.Discrimination(kind), e.rivalSection(), e.result.Calibration(), e.result.Decision(kind),
		{ID: "sets", Title: "Prediction sets", Lead: "Whether the sets hold the true class as often as they promise.", Blocks: []report.Block{e.result.SetsTable(e.model.Settings.Coverage)}},
	}
	if len(e.scores.Subgroups) > 0 {
		page.Sections = append(page.Sections, e.result.SubgroupSection())
	}
	if len(e.scores.Intervals) > 0 {
		page.Sections = append(page.Sections, e.intervalSection())
	}
	if len(e.figures) > 0 {
		page.Sections = append(page.Sections, report.Section{ID: "stays", Title: "What the model goes by", Lead: "The first test stays with the outcome and without it, in turn. Bars beneath the values show what raises the risk (solid, upwards) and what lowers it (hollow, downwards). A prediction model tells what goes with the outcome, not what causes it.", Blocks: e.figures})
	}
	page.Sections = append(page.Sections, e.reproduction(&src))
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

func (e *evaluation) cohortSection(src *source) report.Section {
	d := e.data.Declare
	what := "in the stay as a whole"
	if !d.Fact {
		what = "until the stay ends"
		if d.Horizon > 0 {
			what = fmt.Sprintf("within %g h", d.Horizon)
		}
		if d.Gap > 0 {
			what += fmt.Sprintf(", after a gap of %g h", d.Gap)
		}
	}
	from := "the start of the stay"
	if d.IndexCode != "" {
		from = "the first " + d.IndexCode
	}
	often := "once"
	if d.Every > 0 {
		often = fmt.Sprintf("every %g h", d.Every)
	}
	facts := report.KeyValues{
		{Label: "Outcome", Value: d.Outcome + " " + what},
		{Label: "Index time", Value: fmt.Sprintf("%g h after %s, %s", d.Index, from, often)},
		{Label: "Observation window", Value: fmt.Sprintf("%g h up to the index time", d.Window)},
		{Label: "Split", Value: map[string]string{"given": "by the parts that the data give", "random": "drawn, whole by patient and stratified by outcome"}[e.split.Kind]},
		{Label: "Patients", Value: fmt.Sprintf("%d for training, %d for testing", len(e.split.Patients["train"]), len(e.split.Patients["test"]))},
		{Label: "Events after the last index time, which nothing sees", Value: fmt.Sprint(e.data.Future)},
	}
	t := report.Table{Caption: "Samples", Columns: []string{"outcome", "training", "test"}}
	for y, name := range classes {
		n := [2]int{}
		for side, rows := range [][]int{e.split.Train, e.split.Test} {
			for _, i := range rows {
				if e.data.Y[i] == y {
					n[side]++
				}
			}
		}
		t.Rows = append(t.Rows, []string{name, fmt.Sprint(n[0]), fmt.Sprint(n[1])})
	}
	if e.scores.Censored > 0 {
		t.Footnote = fmt.Sprintf("%d test samples are censored before the end of the horizon: they count in the intervals that they were seen through, and not in the other figures.", e.scores.Censored)
	}
	blocks := []report.Block{facts, t}
	left := report.Table{Caption: "Left out", Columns: []string{"reason", "stays or times"}}
	for _, text := range reasonText {
		if n := e.data.LeftOut[text]; n > 0 {
			left.Rows = append(left.Rows, []string{text, fmt.Sprint(n)})
		}
	}
	if len(left.Rows) > 0 {
		blocks = append(blocks, left)
	}
	if len(src.Read.Findings) > 0 {
		f := report.Findings{Caption: "What the reader of the data found", List: src.Read.Findings}
		for _, w := range src.Waived {
			f.Waived = append(f.Waived, w.Name)
		}
		blocks = append(blocks, f)
	}
	read := report.KeyValues{{Label: "Form of the data", Value: string(src.Read.Form)}, {Label: "Clock", Value: clocks[src.Read.Clock]}}
	for _, n := range append(src.Read.LeftOut, src.Read.Notes...) {
		read = append(read, report.Fact{Label: n.What, Value: fmt.Sprint(n.N)})
	}
	blocks = append(blocks, read)
	return report.Section{ID: "cohort", Title: "Stays", Lead: "Who is asked what, and when.", Blocks: blocks}
}

func (e *evaluation) inputSection() report.Section {
	t := report.Table{Caption: "Codes", Columns: []string{"code", "unit", "training stays", "events", "mean", "SD", "possible", "impossible"}}
	row := func(q *variable, start bool) {
		possible, name := "", q.Code
		if q.Low != nil {
			possible = fmt.Sprintf("from %g ", *q.Low)
		}
		if q.High != nil {
			possible += fmt.Sprintf("to %g", *q.High)
		}
		if start {
			name += " (at the start)"
		}
		mean, sd := report.Num(q.Mean, 2), report.Num(q.SD, 2)
		if q.Coded {
			mean, sd = "", ""
		}
		t.Rows = append(t.Rows, []string{name, q.Unit, fmt.Sprint(q.Stays), fmt.Sprint(q.Events), mean, sd, possible, fmt.Sprint(q.Impossible)})
	}
	for k := range e.data.Static {
		row(&e.data.Static[k], true)
	}
	const most = 60
	for k := range e.data.Timed[:min(most, len(e.data.Timed))] {
		row(&e.data.Timed[k], false)
	}
	t.Footnote = fmt.Sprintf("From training stays alone. In all samples %d impossible values, and %d in units that do not convert, count as missing.", e.data.Impossible, e.data.OddUnits)
	if n := len(e.data.Timed) - most; n > 0 {
		t.Footnote += fmt.Sprintf(" %d further codes are listed in preprocess/plan.json.", n)
	}
	return report.Section{ID: "inputs", Title: "Inputs", Lead: "What the model may see.", Blocks: []report.Block{t}}
}

func (e *evaluation) modelSection(c *choice) report.Section {
	t := report.Table{Caption: "Cross-validation on training stays", Columns: []string{"model", "log loss", "AUROC", "min(sensitivity, PPV)", "behind the best", "standard error"}}
	for _, x := range c.Trials {
		name := x.Kind
		switch {
		case x.Kind == c.Chosen:
			name += " (kept)"
		case x.Compare:
			name += " (baseline)"
		}
		t.Rows = append(t.Rows, []string{name, report.Num(x.Mean, 4), report.Num(x.AUROC, 4), report.Num(x.Score1, 4), report.Num(x.Behind, 4), report.Num(x.SE, 4)})
	}
	t.Footnote = fmt.Sprintf("Over %d folds. What is kept is the ensemble of the folds' models.", e.model.Settings.Folds)
	return report.Section{ID: "model", Title: "Model", Lead: fmt.Sprintf("The model is %s, because %s.", kindNames[c.Chosen], c.Why), Blocks: []report.Block{t}}
}

// rivalSection sets the model beside the baselines.
func (e *evaluation) rivalSection() report.Section {
	t := report.Table{Caption: "On the same test samples", Columns: []string{"model", "AUROC", "AUPRC", "Brier", "log loss", "score 1", "AUROC of the model less this"}}
	cell := func(v metric.Interval) string {
		return report.Num(v.Value, 3) + " (" + report.Interval(v.Low, v.High, 3) + ")"
	}
	own := []string{e.model.main().Kind + " (kept)"}
	for _, name := range []string{"auroc", "auprc", "brier", "log_loss"} {
		own = append(own, cell(named(e.scores.Main, name)))
	}
	t.Rows = append(t.Rows, append(own, cell(e.scores.Score1), ""))
	for _, b := range e.scores.Baselines {
		t.Rows = append(t.Rows, []string{b.Kind, cell(b.AUROC), cell(b.AUPRC), cell(b.Brier), cell(b.LogLoss), cell(b.Score1), cell(b.Less)})
	}
	t.Footnote = "Score 1 is min(sensitivity, PPV) at the threshold at which it was largest on training stays that the models had not seen (PhysioNet Challenge 2012). Bootstrap intervals over patients; differences are on the same bootstrap samples."
	return report.Section{ID: "baselines", Title: "Beside simpler models", Lead: "Whether the model earns its keep.", Blocks: []report.Block{t}}
}

func (e *evaluation) intervalSection() report.Section {
	t := report.Table{Caption: "Risk by the end of each interval", Columns: []string{"h after the index", "samples", "events", "AUROC", "Brier", "mean risk", "share of events"}}
	for _, s := range e.scores.Intervals {
		auc := ""
		if s.AUROC != nil {
			auc = report.Num(*s.AUROC, 3)
		}
		t.Rows = append(t.Rows, []string{fmt.Sprintf("%g", s.Hours), fmt.Sprint(s.Cases), fmt.Sprint(s.Events), auc, report.Num(s.Brier, 4), report.Num(s.Mean, 3), report.Num(float64(s.Events)/float64(s.Cases), 3)})
	}
	t.Footnote = "From the discrete-time hazard, before recalibration, among samples of which it is known whether the event came by then."
	return report.Section{ID: "intervals", Title: "Time to the event", Lead: "How well the model tells when.", Blocks: []report.Block{t}}
}

func (e *evaluation) reproduction(src *source) report.Section {
	files := report.Table{Caption: "The data", Columns: []string{"file", "bytes", "SHA-256"}}
	const most = 20
	for _, f := range src.Files[:min(most, len(src.Files))] {
		files.Rows = append(files.Rows, []string{f.Name, fmt.Sprint(f.Size), f.SHA256})
	}
	if left := len(src.Files) - most; left > 0 {
		files.Footnote = fmt.Sprintf("%d more are listed in collect/source.json.", left)
	}
	blocks := []report.Block{report.Code{Caption: "The study", Text: string(e.run.Study.YAML(e.run.Task))}, files}
	if src.Citation != "" {
		blocks = append(blocks, report.KeyValues{{Label: "Cite the data as", Value: src.Citation}})
	}
	return report.Section{ID: "reproduction", Title: "Making it again", Lead: "The same study on the same data with the same version and type of machine gives the same bytes.", Blocks: blocks}
}
