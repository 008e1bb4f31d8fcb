package classify

import (
	"fmt"
	"strings"

	"galen.dev/assess"
	"galen.dev/fault"
	"galen.dev/report"
	"galen.dev/task"
)

// imagesSection says which images are in the study, and what was found wrong with them.
func (e *evaluation) imagesSection(found, waived []fault.Finding) report.Section {
	h := e.cohort
	t := report.Table{Caption: "Images of each part", Columns: append([]string{"part", "images", "patients"}, h.Labels.Names...)}
	for _, part := range []struct {
		name string
		list []int
	}{{"training", h.Splits.Train}, {"validation", h.Splits.Val}, {"test", h.Splits.Test}} {
		patients := map[int]bool{}
		counts := make([]int, len(h.Labels.Names))
		for _, i := range part.list {
			patients[h.Patient[i]] = true
			for k := range counts {
				if h.Marks != nil && h.Marks[i][k] == 1 || h.Marks == nil && h.Y[i] == k {
					counts[k]++
				}
			}
		}
		row := []string{part.name, report.Count(len(part.list)), report.Count(len(patients))}
		for _, n := range counts {
			row = append(row, assess.SmallCount(n))
		}
		t.Rows = append(t.Rows, row)
	}
	p := e.model.Plan
	how := map[string]string{"training": "by mean and spread of the training images", "window": "by mean and spread of the training images after a clip at their .5 and 99.5 percentiles", "image": "each image by its own mean and spread"}[p.Scheme]
	facts := report.KeyValues{
		{Label: "Split", Value: map[bool]string{true: "as the data give it", false: "drawn by patient, stratified by class"}[h.Splits.Given]},
		{Label: "Network's input", Value: strings.Trim(strings.Join(strings.Fields(fmt.Sprint(p.shape())), " × "), "[]") + " (channels last)"},
		{Label: "Values", Value: "standardised " + how},
	}
	if h.Left > 0 {
		facts = append(facts, report.Fact{Label: "Left out", Value: fault.Count(h.Left, "image") + " without a label"})
	}
	blocks := []report.Block{facts, t}
	if len(found)+len(waived) > 0 {
		f := report.Findings{Caption: "What the checks found", List: append(found, waived...)}
		for _, w := range waived {
			f.Waived = append(f.Waived, w.Name)
		}
		blocks = append(blocks, f)
	}
	return report.Section{ID: "images", Title: "The images", Lead: "Everything that the model takes from images as such (sizes, values) comes from training images alone.", Blocks: blocks}
}

// modelSection says what was trained, and how trainings went.
func (e *evaluation) modelSection(history []memberHistory) report.Section {
	m := e.model
	facts := report.KeyValues{
		{Label: "Network", Value: e.modelText()},
		{Label: "Views of an image that are averaged", Value: fmt.Sprint(len(m.Views))},
		{Label: "Recalibration", Value: fmt.Sprintf("%s, on %s left out of training", m.Readouts[0].Method(), fault.Count(m.Readouts[0].Cases, "image"))},
	}
	for _, n := range m.Readouts[0].Notes {
		facts = append(facts, report.Fact{Label: "Note", Value: n})
	}
	t := report.Table{Caption: "Trainings", Columns: []string{"network", "epochs", "best epoch", "updates", "batch", "loss", "AUC on images left out"}}
	blocks := []report.Block{facts}
	for k, h := range history {
		best := ""
		for _, x := range h.Epochs {
			if x.Epoch != h.Summary.BestEpoch {
				continue
			}
			for _, s := range x.Validation {
				if s.Name == "auc" {
					best = report.Num(s.Value, 3)
				}
			}
		}
		t.Rows = append(t.Rows, []string{fmt.Sprint(k + 1), fmt.Sprint(h.Summary.Epochs), fmt.Sprint(h.Summary.BestEpoch), fmt.Sprint(h.Summary.Steps), fmt.Sprintf("%d × %d", h.Adds, h.Batch), report.Num(h.Summary.Loss, 3), best})
	}
	return report.Section{ID: "model", Title: "The model", Lead: "What was trained. Images left out of a training watched it and fitted the recalibration; no test image took part in any choice.", Blocks: append(blocks, t)}
}

// pictures shows the worst, middle and best test images.
func (e *evaluation) pictures(synthetic bool) report.Section {
	s := report.Section{ID: "pictures", Title: "Worst, middle and best images", Lead: "Test images by how far the model was from the truth, each beside the map of what spoke for its answer. A map is to be trusted as far as it is faithful: covering the places that it marks must change the answer sooner than covering others."}
	if !synthetic {
		s.Lead += " These are patients' images."
	}
	for _, g := range e.shown {
		s.Blocks = append(s.Blocks, g.Image, report.Table{Caption: g.Title + ": " + g.Lead, Columns: []string{"image", "truth", "told", "probability", "loss", "faithfulness of the map"}, Rows: g.Rows})
	}
	return s
}

// trust says what prediction sets keep, and which images the model does not speak about.
func (e *evaluation) trust() report.Section {
	s := report.Section{ID: "trust", Title: "When the model does not know", Lead: fmt.Sprintf("An image that is blank, whose values lie outside those of the training images, or that is unlike them gets no finding. Of the test images, %d have such values.", e.scores.Foreign)}
	for q, a := range e.assessed {
		t := a.SetsTable(1 - e.model.Readouts[q].Sets.Alpha)
		if len(e.assessed) > 1 {
			t.Caption = e.cohort.Labels.Names[q] + ": " + t.Caption
		}
		s.Blocks = append(s.Blocks, t)
	}
	s.Blocks = append(s.Blocks, report.Callout{Title: "What this study does not tell", Text: "How the model fares on other scanners, other hospitals and other patients than those of the test images. It was not compared with readers. It is for research, and no medical device."})
	return s
}

func (e *evaluation) reproduction(src *task.Source) report.Section {
	files := report.Table{Caption: "The data", Columns: []string{"file", "bytes", "SHA-256"}}
	const most = 20
	for i, f := range src.Files {
		if i == most {
			files.Rows = append(files.Rows, []string{fmt.Sprintf("and %d more", len(src.Files)-most), "", ""})
			break
		}
		files.Rows = append(files.Rows, []string{f.Name, fmt.Sprint(f.Size), f.SHA256})
	}
	blocks := []report.Block{report.Code{Caption: "The study", Text: string(e.run.Study.YAML(e.run.Task))}, files}
	if src.Citation != "" {
		blocks = append(blocks, report.KeyValues{{Label: "Cite the data as", Value: src.Citation}})
	}
	return report.Section{ID: "reproduction", Title: "Making it again", Lead: "The same study on the same data with the same version and type of machine gives the same bytes. The manifests in the run's folder hold the hashes of everything read and written.", Blocks: blocks}
}
