package note

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"galen.dev/metric"
	"galen.dev/report"
	"galen.dev/task"
)

var kindNames = map[string]string{
	"linear": "linear model of words and rows of words", "bert": "linear model of an encoder's vectors", "cnn": "convolutional network over words", "gru": "recurrent network over words",
	entities: "conditional random field", assertions: "rules and a classifier",
}

// report writes the run's page. It shows no text of a patient unless the study allows it.
func (e *evaluation) report() error {
	var src source
	if err := e.run.ReadJSON(task.Collect, sourceFile, &src); err != nil {
		return err
	}
	title := e.run.Study.Title
	if title == "" {
		title = e.run.Task.Short
	}
	kind := e.model.Model
	if kind == "" {
		kind = e.model.Kind
	}
	page := &report.Report{
		Title: title, Subtitle: fmt.Sprintf("%s: %s", e.run.Task.Name, e.run.Task.Short), Synthetic: src.Synthetic,
		Facts: []report.Fact{
			{Label: "Task", Value: e.run.Task.Name},
			{Label: "Kind", Value: e.model.Kind},
			{Label: "Data", Value: src.Name},
			{Label: "Model", Value: kindNames[kind]},
			{Label: "Seed", Value: fmt.Sprint(e.run.Study.Seed)},
			{Label: "Run", Value: e.run.ID},
			{Label: "Galen", Value: e.run.Version},
		},
		Footer:   "For research use. Not a medical device. Made again by: galen run with the study below, on the same data, with the same version of Galen and the same type of machine.",
		Sections: []report.Section{e.cohortSection()},
	}
	if src.Licence != "" {
		page.Facts = append(page.Facts, report.Fact{Label: "Licence of the data", Value: src.Licence})
	}
	if e.class != nil {
		var c choice
		if err := e.run.ReadJSON(task.Train, choiceFile, &c); err != nil {
			return err
		}
		page.Headline = e.class.KeyFigures()
		page.Sections = append(page.Sections, modelSection(&c, e.model.Settings.Folds), e.class.Discrimination(kind))
		if e.model.Outcome.Binary() {
			page.Sections = append(page.Sections, e.class.Calibration(), e.class.Decision(kind))
		}
		page.Sections = append(page.Sections, report.Section{ID: "sets", Title: "Prediction sets", Lead: "Whether the sets hold the true class as often as they promise.", Blocks: []report.Block{e.class.SetsTable(e.model.Settings.Coverage)}}, e.wordsSection())
	} else {
		page.Sections = append(page.Sections, e.scoresSection())
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

func (e *evaluation) cohortSection() report.Section {
	sp, co := e.data.splits, e.data.cohort
	facts := report.KeyValues{
		{Label: "Split", Value: map[string]string{"given": "as the data give it", "random": "drawn, whole by patient or document and stratified by label"}[sp.Kind]},
		{Label: "Records", Value: fmt.Sprintf("%d for training, %d for testing", len(sp.Train), len(sp.Test))},
		{Label: "Patients or documents", Value: fmt.Sprintf("%d for training, %d for testing", len(sp.Patients["train"]), len(sp.Patients["test"]))},
	}
	blocks := []report.Block{facts}
	if co.Kind == classify {
		t := report.Table{Caption: "Notes", Columns: []string{"class", "training", "test"}}
		for class, name := range co.Outcome.Classes {
			n := [2]int{}
			for side, rows := range [][]int{sp.Train, sp.Test} {
				for _, i := range rows {
					if co.Y[i] == class {
						n[side]++
					}
				}
			}
			t.Rows = append(t.Rows, []string{name, fmt.Sprint(n[0]), fmt.Sprint(n[1])})
		}
		blocks = append(blocks, t)
	}
	return report.Section{ID: "cohort", Title: "Notes", Lead: "What the study rests on. Words are learnt from training notes alone.", Blocks: blocks}
}

func modelSection(c *choice, folds int) report.Section {
	t := report.Table{Caption: "Cross-validation on training notes", Columns: []string{"model", "log loss", "accuracy", "behind the best", "standard error"}}
	for _, x := range c.Trials {
		name := x.Kind
		if x.Kind == c.Chosen {
			name += " (kept)"
		}
		t.Rows = append(t.Rows, []string{name, report.Num(x.Mean, 4), report.Num(x.Accuracy, 4), report.Num(x.Behind, 4), report.Num(x.SEBehind, 4)})
	}
	t.Footnote = fmt.Sprintf("Mean over %d folds. What is kept is fitted to all training notes.", folds)
	return report.Section{ID: "model", Title: "Model", Lead: fmt.Sprintf("The model is a %s, because %s.", kindNames[c.Chosen], c.Why), Blocks: []report.Block{t}}
}

// wordsSection shows what the model goes by: of linear models the words of greatest weight, all of which several
// patients have; of single notes nothing, unless the study allows it.
func (e *evaluation) wordsSection() report.Section {
	s := report.Section{ID: "words", Title: "What the model goes by", Lead: "Words and rows of words that speak most for each class. Every one of them stands in the notes of several patients."}
	if m := e.model; m.Model == "linear" {
		for o, w := range m.Linear.Weight {
			classes := []int{o}
			if len(m.Linear.Weight) == 1 {
				classes = []int{1, 0}
			}
			for _, class := range classes {
				sign := 1.0
				if len(m.Linear.Weight) == 1 && class == 0 {
					sign = -1
				}
				if len(s.Blocks) < 20 {
					s.Blocks = append(s.Blocks, e.heaviest(w, sign, m.Outcome.Classes[class]))
				}
			}
		}
	} else {
		s.Lead = "Each word of a note is taken out, and the change of the answer is its effect."
	}
	if len(e.why) > 0 {
		deletion, random := 0.0, 0.0
		for _, x := range e.why {
			deletion, random = deletion+x.Deletion/float64(len(e.why)), random+x.Random/float64(len(e.why))
		}
		s.Blocks = append(s.Blocks, report.KeyValues{
			{Label: "Explanations put to the proof", Value: fmt.Sprintf("%d test notes, by method %s", len(e.why), e.why[0].Method)},
			{Label: "Words named are taken out", Value: "the log-odds fall by " + report.Num(deletion, 3)},
			{Label: "As many others are taken out", Value: "the log-odds fall by " + report.Num(random, 3)},
			{Label: "Share of notes where the first is more", Value: report.Num(*e.scores.Faithfulness, 3)},
		})
	}
	if e.run.Bool("show-text") && len(e.why) > 0 {
		t := report.Table{Caption: "Words of single notes", Columns: []string{"row", "class", "words"}}
		for k, x := range e.why {
			i := e.shown[k]
			var words []string
			for _, w := range x.Words {
				words = append(words, fmt.Sprintf("%s (%+.2f)", w.Of(e.data.records[i].Text), w.Effect))
			}
			t.Rows = append(t.Rows, []string{fmt.Sprint(e.data.cohort.Row[i]), x.Of, strings.Join(words, ", ")})
		}
		s.Blocks = append(s.Blocks, t)
	}
	return s
}

func (e *evaluation) heaviest(w []float64, sign float64, class string) report.Table {
	order := make([]int, len(w))
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch d := sign * (w[b] - w[a]); {
		case d > 0:
			return 1
		case d < 0:
			return -1
		}
		return 0
	})
	t := report.Table{Caption: "For " + class, Columns: []string{"words", "weight"}}
	for _, k := range order[:min(15, len(order))] {
		if sign*w[k] > 0 {
			t.Rows = append(t.Rows, []string{e.model.plan.Words[k], report.Num(sign*w[k], 3)})
		}
	}
	return t
}

func (e *evaluation) scoresSection() report.Section {
	t := report.Table{Caption: "Precision, recall and F1 on test records, with 95 % intervals", Columns: []string{"", "marked", "found", "right", "precision", "recall", "F1"}}
	show := func(v metric.Interval) string {
		if math.IsNaN(v.Value) {
			return "–"
		}
		return fmt.Sprintf("%.3f (%.3f to %.3f)", v.Value, v.Low, v.High)
	}
	for _, x := range e.scores.Rows {
		t.Rows = append(t.Rows, []string{x.Name, fmt.Sprint(x.Counts.Marked), fmt.Sprint(x.Counts.Found), fmt.Sprint(x.Counts.Right), show(x.Precision), show(x.Recall), show(x.F1)})
	}
	t.Footnote = "Intervals by bootstrap over documents or patients. Strict: both ends and the type are right. Lenient: type right and a token shared."
	s := report.Section{ID: "scores", Title: "Scores", Lead: "How much of what is marked is found, and how much of what is found is right.", Blocks: []report.Block{t}}
	if len(e.scores.Errors) > 0 {
		m := report.Table{Caption: "Mistakes", Columns: []string{"sort", "number"}}
		for _, x := range e.scores.Errors {
			m.Rows = append(m.Rows, []string{x.Name, fmt.Sprint(x.Count)})
		}
		s.Blocks = append(s.Blocks, m)
	}
	return s
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
