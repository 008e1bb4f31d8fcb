package risk

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"galen.dev/diagnosis/intake"
	"galen.dev/report"
	"galen.dev/task"
)

// report writes the run's page.
func (e *evaluation) report(ctx context.Context) error {
	var q checked
	if err := e.run.ReadJSON(task.Preprocess, qualityFile, &q); err != nil {
		return err
	}
	var src intake.Source
	if err := e.run.ReadJSON(task.Collect, intake.SourceFile, &src); err != nil {
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
		Facts:    w.facts(), Synthetic: w.source.Synthetic,
		Headline: w.KeyFigures(),
		Footer:   "Made again by: galen run with the study below, on the same data, with the same version of Galen and the same type of machine.",
		Sections: []report.Section{
			w.cohortSection(), w.qualitySection(), w.modelSection(), w.Discrimination(w.kept.Kind),
		},
	}
	if e.trainer.cohort.Outcome.Binary() {
		page.Sections = append(page.Sections, w.Calibration(), w.Decision(w.kept.Kind))
		if len(e.Subgroups) > 0 {
			page.Sections = append(page.Sections, w.SubgroupSection())
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
	source  intake.Source
	choice  choice
}

func (w *pageWriter) facts() []report.Fact {
	facts := []report.Fact{
		{Label: "Task", Value: w.run.Task.Name},
		{Label: "Data", Value: w.source.Name},
		{Label: "Outcome", Value: w.outcomeText()},
		{Label: "Model", Value: kindNames[w.kept.Kind]},
		{Label: "Seed", Value: fmt.Sprint(w.run.Study.Seed)},
		{Label: "Run", Value: w.run.ID},
		{Label: "Galen", Value: w.run.Version},
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
	if o.Binary() {
		return fmt.Sprintf("%s: %s (otherwise %s)", o.Target, o.Classes[1], o.Classes[0])
	}
	return fmt.Sprintf("%s: %s", o.Target, strings.Join(o.Classes, ", "))
}

func (w *pageWriter) reproduction() report.Section {
	study := string(w.run.Study.YAML(w.run.Task))
	files := report.Table{Caption: "The data", Columns: []string{"file", "bytes", "SHA-256"}}
	for _, f := range w.source.Files {
		files.Rows = append(files.Rows, []string{f.Name, fmt.Sprint(f.Size), f.SHA256})
	}
	p, err := json.MarshalIndent(w.kept.Calibrator, "", "  ")
	blocks := []report.Block{report.Code{Caption: "The study", Text: study}, files}
	if err == nil && w.kept.Calibrator != nil && len(w.kept.Calibrator.X) == 0 {
		blocks = append(blocks, report.Code{Caption: "The recalibration", Text: string(p)})
	}
	if w.source.Citation != "" {
		blocks = append(blocks, report.KeyValues{{Label: "Cite the data as", Value: w.source.Citation}})
	}
	return report.Section{ID: "reproduction", Title: "Making it again", Lead: "The same study on the same data with the same version and type of machine gives the same bytes. The manifests in the run's folder hold the hashes of everything read and written.", Blocks: blocks}
}
