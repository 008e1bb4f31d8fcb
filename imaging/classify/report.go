package classify

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/compute"

	"galen.dev/imaging/show"
	"galen.dev/metric"
	"galen.dev/report"
	"galen.dev/task"
)

// shown is a group of test images with what the model made of them.
type shown struct {
	Title, Lead string
	Image       report.Image
	Rows        [][]string
}

// loss is how far an answer is from the truth: the negative log of what the model gave to it.
func (e *evaluation) loss(j int) float64 {
	i := e.cohort.Splits.Test[j]
	p := e.model.calibrated(e.answers[j].p)
	if e.cohort.Labels.Kind != multiLabel {
		return -math.Log(max(p[e.cohort.Y[i]], 1e-15))
	}
	sum, n := 0.0, 0
	for k, v := range e.cohort.Marks[i] {
		if v >= 0 {
			q := p[k]
			if v == 0 {
				q = 1 - q
			}
			sum -= math.Log(max(q, 1e-15))
			n++
		}
	}
	return sum / float64(max(n, 1))
}

// show draws the worst, the middle and the best test images with the maps of what the model said of them.
func (e *evaluation) show(ctx context.Context, backend compute.Backend, in *inputs) ([]shown, error) {
	n := min(e.run.Int("pictures"), len(e.answers))
	if n == 0 {
		return nil, nil
	}
	order := make([]int, len(e.answers))
	for j := range order {
		order[j] = j
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(e.loss(b), e.loss(a)) })
	mid := max((len(order)-n)/2, 0)
	groups := []struct {
		title, lead string
		list        []int
	}{
		{"Worst", "The test images on which the model was most wrong.", order[:n]},
		{"Middle", "Test images about the median.", order[mid : mid+n]},
		{"Best", "The test images on which the model was surest and right.", order[len(order)-n:]},
	}
	x, err := newExplainer(backend, e.model, "auto", e.run.Seed("faith"))
	if err != nil {
		return nil, err
	}
	defer x.close()
	c, err := openCases(e.run)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var out []shown
	for k, g := range groups {
		s := shown{Title: g.title, Lead: g.lead}
		var panels []show.Panel
		for _, j := range g.list {
			i := e.cohort.Splits.Test[j]
			v, err := c.Image(ctx, e.cohort.Case[i])
			if err != nil {
				return nil, err
			}
			input := make([]float32, e.model.Plan.values())
			if err := in.read(i, input); err != nil {
				return nil, err
			}
			p := e.model.calibrated(e.answers[j].p)
			top := largest(p)
			m, err := x.explain(ctx, input, top)
			if err != nil {
				return nil, err
			}
			number := fmt.Sprint(e.cohort.Case[i] + 1)
			two, err := x.panels(ctx, v, m, "image "+number, "for "+e.cohort.Labels.Names[top])
			if err != nil {
				return nil, err
			}
			panels = append(panels, two...)
			s.Rows = append(s.Rows, []string{number, e.truth(i), e.cohort.Labels.Names[top], report.Num(p[top], 3), report.Num(e.loss(j), 2), faithText(m.Faith)})
			e.run.Progress("explaining", int64(k*n+len(s.Rows)), int64(len(groups)*n))
		}
		picture, err := show.Montage(4, panels...)
		if err != nil {
			return nil, err
		}
		s.Image = picture.Block(g.title+" test images", "Each image beside the map of what spoke for the class that the model gave most.")
		out = append(out, s)
	}
	return out, nil
}

// truth is the answer to an image in words.
func (e *evaluation) truth(i int) string {
	if e.cohort.Labels.Kind != multiLabel {
		return e.cohort.Labels.Names[e.cohort.Y[i]]
	}
	var all []string
	for k, v := range e.cohort.Marks[i] {
		if v == 1 {
			all = append(all, e.cohort.Labels.Names[k])
		}
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

// report writes the run's page.
func (e *evaluation) report() error {
	var src task.Source
	if err := e.run.ReadJSON(task.Collect, sourceFile, &src); err != nil {
		return err
	}
	c, err := openCases(e.run)
	if err != nil {
		return err
	}
	defer c.Close()
	var history []memberHistory
	if err := e.run.ReadJSON(task.Train, historyFile, &history); err != nil {
		return err
	}
	title := e.run.Study.Title
	if title == "" {
		title = e.run.Task.Short
	}
	page := &report.Report{
		Title: title, Subtitle: e.run.Task.Name + ": " + e.run.Task.Short, Synthetic: src.Synthetic,
		Facts: []report.Fact{
			{Label: "Task", Value: e.run.Task.Name},
			{Label: "Data", Value: src.Name},
			{Label: "Labels", Value: fmt.Sprintf("%s: %s", e.cohort.Labels.Kind, strings.Join(e.cohort.Labels.Names, ", "))},
			{Label: "Model", Value: e.modelText()},
			{Label: "Seed", Value: fmt.Sprint(e.run.Study.Seed)},
			{Label: "Run", Value: e.run.ID},
			{Label: "Galen", Value: e.run.Version},
		},
		Headline: e.keyFigures(),
		Footer:   "Made again by: galen run with the study below, on the same data, with the same version of Galen and the same type of machine.",
	}
	if src.Licence != "" {
		page.Facts = append(page.Facts, report.Fact{Label: "Licence of the data", Value: src.Licence})
	}
	page.Sections = append(page.Sections, e.imagesSection(c.Findings, c.Waived), e.modelSection(history))
	page.Sections = append(page.Sections, e.performance()...)
	if len(e.shown) > 0 {
		page.Sections = append(page.Sections, e.pictures(src.Synthetic))
	}
	page.Sections = append(page.Sections, e.trust(), e.reproduction(&src))
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

func (e *evaluation) modelText() string {
	text := e.model.Network.Model
	if e.model.Members > 1 {
		text = fmt.Sprintf("%d × %s, averaged", e.model.Members, text)
	}
	return text
}

func (e *evaluation) keyFigures() []report.KeyFigure {
	figures := []report.KeyFigure{{Label: "AUC", Value: report.Num(e.scores.AUC, 3)}, {Label: "Accuracy", Value: report.Num(e.scores.ACC, 3)}}
	if e.cohort.Labels.Kind == multiLabel {
		figures[0].Label, figures[1].Label = "Mean AUC of the findings", "Mean accuracy of the findings"
		return figures
	}
	return append(e.assessed[0].KeyFigures(), figures[1])
}

// performance are the sections of package assess, or a table of findings.
func (e *evaluation) performance() []report.Section {
	model := e.modelText()
	if e.cohort.Labels.Kind == multiLabel {
		return []report.Section{e.findingsSection()}
	}
	a := e.assessed[0]
	first := a.Discrimination(model)
	rows := [][]string{{"AUC", report.Num(e.scores.AUC, 3)}, {"accuracy", report.Num(e.scores.ACC, 3)}, {"accuracy before recalibration", report.Num(e.scores.ACCRaw, 3)}}
	if e.cohort.Labels.Kind == binary {
		rows = append(rows, []string{"accuracy at the threshold chosen on validation images", report.Num(e.scores.ACCAtThreshold, 3)})
	}
	if e.cohort.Labels.Kind == ordinal {
		rows = append(rows, []string{"Cohen's kappa, quadratic weights", report.Num(e.scores.QuadraticKappa, 3)}, []string{"mean distance in grades", report.Num(e.scores.MeanGradesApart, 2)})
	}
	first.Blocks = append(first.Blocks, report.Table{Caption: "As MedMNIST's evaluator scores: an event at above .5, or the likeliest class", Columns: []string{"score", "test images"}, Rows: rows})
	out := []report.Section{first}
	if e.cohort.Labels.Kind == binary {
		out = append(out, a.Calibration(), a.Decision(model))
	}
	return out
}

// findingsSection scores each of several findings.
func (e *evaluation) findingsSection() report.Section {
	t := report.Table{Caption: "Each finding on test images, with 95 % intervals over patients", Columns: []string{"finding", "images with it", "AUROC", "average precision", "Brier score", "calibration slope"}}
	for q, a := range e.assessed {
		row := []string{e.cohort.Labels.Names[q], fmt.Sprintf("%d of %d", a.Counts[1], a.Cases)}
		for _, name := range []string{"auroc", "auprc", "brier", "calibration_slope"} {
			s, ok := a.Score(name)
			if !ok {
				row = append(row, "–")
				continue
			}
			row = append(row, interval(s.Interval))
		}
		t.Rows = append(t.Rows, row)
	}
	return report.Section{ID: "discrimination", Title: "How well findings are told", Lead: fmt.Sprintf("Over the findings, the mean AUC is %s and the mean accuracy at a probability above .5 is %s.", report.Num(e.scores.AUC, 3), report.Num(e.scores.ACC, 3)), Blocks: []report.Block{t}}
}

func interval(v metric.Interval) string {
	return fmt.Sprintf("%s (%s)", report.Num(v.Value, 3), report.Interval(v.Low, v.High, 3))
}
