package risk

import (
	"fmt"
	"strings"

	"galen.dev/fault"
	"galen.dev/report"
)

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
	}[w.splits.Kind] + " No patient is on both sides. Every statistic of the transformation comes from training patients." + w.keptText()
	return report.Section{ID: "cohort", Title: "Patients", Lead: text, Blocks: []report.Block{
		report.FigureBlock{Figure: report.Flow(flowData)}, w.baseline(),
	}}
}

// keptText says which model is kept and which were tested, where these are not one.
func (w *pageWriter) keptText() string {
	switch {
	case w.splits.Pooled && w.splits.Repeats > 1:
		return fmt.Sprintf(" The model that is kept is fitted to all cases; what is measured are the models of the folds. The folds were drawn %d times, and the figures below are of the first time unless they say otherwise.", w.splits.Repeats)
	case w.splits.Pooled:
		return " The model that is kept is fitted to all cases; what is measured are the models of the folds."
	case w.splits.Repeats > 1:
		return fmt.Sprintf(" Patients were drawn %d times; the model that is kept, and the figures below unless they say otherwise, are of the first time.", w.splits.Repeats)
	}
	return ""
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
	if o.Binary() {
		return "events: " + cellText(n[1], total)
	}
	var parts []string
	for k, c := range o.Classes {
		parts = append(parts, c+": "+cellText(n[k], total))
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
