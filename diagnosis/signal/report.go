package signal

import (
	"fmt"

	"galen.dev/report"
	"galen.dev/task"
)

// kindNames are the models in words.
var kindNames = map[string]string{
	"boost": "gradient-boosted trees on features of the waveform", "cnn1d": "convolutional network over time", "tcn": "temporal convolutional network",
	"resnet1d": "residual network over time", "transformer": "transformer",
}

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
	title := e.run.Study.Title
	if title == "" {
		title = e.run.Task.Short
	}
	page := &report.Report{
		Title: title, Subtitle: fmt.Sprintf("%s: %s", e.run.Task.Name, e.run.Task.Short),
		Facts: []report.Fact{
			{Label: "Task", Value: e.run.Task.Name},
			{Label: "Data", Value: src.Name},
			{Label: "Model", Value: kindNames[e.model.Kind]},
			{Label: "Seed", Value: fmt.Sprint(e.run.Study.Seed)},
			{Label: "Run", Value: e.run.ID},
			{Label: "Galen", Value: e.run.Version},
		},
		Footer:   "For research use. Not a medical device. Made again by: galen run with the study below, on the same data, with the same version of Galen and the same type of machine.",
		Sections: []report.Section{e.cohortSection(&src), e.modelSection(&c)},
	}
	if src.Licence != "" {
		page.Facts = append(page.Facts, report.Fact{Label: "Licence of the data", Value: src.Licence})
	}
	if len(e.heads) == 1 {
		page.Headline = e.heads[0].KeyFigures()
	}
	for h, a := range e.heads {
		sections := []report.Section{a.Discrimination(e.model.Kind)}
		if a.Outcome.Binary() {
			sections = append(sections, a.Calibration(), a.Decision(e.model.Kind))
		}
		sections = append(sections, report.Section{ID: "sets", Title: "Prediction sets", Lead: "Whether the sets hold the true class as often as they promise.", Blocks: []report.Block{a.SetsTable(e.promised())}})
		if len(e.heads) > 1 {
			for k := range sections {
				sections[k].ID, sections[k].Title = fmt.Sprintf("%s-%d", sections[k].ID, h+1), a.Outcome.Target+": "+sections[k].Title
			}
		}
		page.Sections = append(page.Sections, sections...)
	}
	if len(e.figures) > 0 {
		page.Sections = append(page.Sections, report.Section{ID: "traces", Title: "What the model goes by", Lead: "The first test recordings of each class. Bars beneath a trace show what speaks for the class named (solid, upwards) and against it (hollow, downwards).", Blocks: e.figures})
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

// promised is the coverage that the sets were fitted to.
func (e *evaluation) promised() float64 { return e.model.Settings.Coverage }

func (e *evaluation) cohortSection(src *source) report.Section {
	p := e.data.plan
	t := report.Table{Caption: "Recordings", Columns: []string{"outcome", "class", "training", "test"}}
	for h, head := range e.data.Heads {
		for class, name := range head.Classes {
			n := [2]int{}
			for side, rows := range [][]int{e.split.Train, e.split.Test} {
				for _, i := range rows {
					n[side] += indicator(e.data.Y[i][h] == class)
				}
			}
			t.Rows = append(t.Rows, []string{head.Target, name, fmt.Sprint(n[0]), fmt.Sprint(n[1])})
		}
	}
	facts := report.KeyValues{
		{Label: "Split", Value: map[string]string{"given": "as the data give it", "random": "drawn, whole by patient and stratified by label"}[e.split.Kind]},
		{Label: "Patients", Value: fmt.Sprintf("%d for training, %d for testing", len(e.split.Patients["train"]), len(e.split.Patients["test"]))},
		{Label: "Channels", Value: fmt.Sprint(len(p.Channels))},
		{Label: "Rate", Value: fmt.Sprintf("%g samples in a second", p.Rate)},
		{Label: "Window", Value: fmt.Sprintf("%d samples, %.4g s", p.Crop, float64(p.Crop)/p.Rate)},
	}
	blocks := []report.Block{facts, t}
	if len(src.Findings)+len(src.Waived) > 0 {
		f := report.Findings{Caption: "What the checks of the recordings found", List: append(src.Findings, src.Waived...)}
		for _, w := range src.Waived {
			f.Waived = append(f.Waived, w.Name)
		}
		blocks = append(blocks, f)
	}
	return report.Section{ID: "cohort", Title: "Recordings", Lead: "Who is in the study. The plan (rate, normalisation, window) comes from training recordings alone.", Blocks: blocks}
}

func (e *evaluation) modelSection(c *choice) report.Section {
	t := report.Table{Caption: "Cross-validation on training recordings", Columns: []string{"model", "log loss", "accuracy", "behind the best", "standard error"}}
	for _, x := range c.Trials {
		name := x.Kind
		if x.Kind == c.Chosen {
			name += " (kept)"
		}
		t.Rows = append(t.Rows, []string{name, report.Num(x.Mean, 4), report.Num(x.Accuracy, 4), report.Num(x.Behind, 4), report.Num(x.SEBehind, 4)})
	}
	t.Footnote = fmt.Sprintf("Mean over %d folds. What is kept is the ensemble of the folds' models.", e.model.Members)
	return report.Section{ID: "model", Title: "Model", Lead: fmt.Sprintf("The model is %s, because %s.", kindNames[c.Chosen], c.Why), Blocks: []report.Block{t}}
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
