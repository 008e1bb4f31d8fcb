package segment

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"galen.dev/imaging/show"
	"galen.dev/report"
	"galen.dev/task"
)

const researchNote = "For research use. Not a medical device."

// report writes the page.
func (e *evaluation) report(ctx context.Context) error {
	src := new(task.Source)
	if err := e.run.ReadJSON(task.Collect, sourceFile, src); err != nil {
		return err
	}
	pictures, err := e.pictures(ctx)
	if err != nil {
		return err
	}
	learning, err := e.learning()
	if err != nil {
		return err
	}
	title := e.run.Study.Title
	if title == "" {
		title = e.run.Task.Short
	}
	page := &report.Report{
		Title: title, Subtitle: e.run.Task.Name + ": " + e.run.Task.Short, Synthetic: src.Synthetic,
		Facts: []report.Fact{
			{Label: "Data", Value: src.Name},
			{Label: "Licence", Value: src.Licence},
			{Label: "Seed", Value: strconv.FormatUint(e.run.Study.Seed, 10)},
			{Label: "Galen", Value: e.run.Version},
			{Label: "Network", Value: e.networkText()},
		},
		Headline: e.keyFigures(),
		Sections: append([]report.Section{pictures}, e.performance(), e.volumeSection(), e.calibration(), learning, e.method()),
		Footer:   researchNote,
	}
	page.Sections = append(page.Sections, e.checks()...)
	page.Facts = slices.DeleteFunc(page.Facts, func(f report.Fact) bool { return f.Value == "" })
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

func (e *evaluation) networkText() string {
	c := e.plan.Chosen()
	return fmt.Sprintf("U-Net %s, %d stages from %d channels, patches of %v, %d networks", c.Name, len(c.Features), c.Features[0], c.Patch, e.model.choice.Folds)
}

// keyFigures are the headline scores of the first class, or of the foreground where there are several.
func (e *evaluation) keyFigures() []report.KeyFigure {
	whole := e.scores.Classes[len(e.scores.Classes)-1]
	var out []report.KeyFigure
	for _, want := range []struct{ name, label string }{{"dice", "Dice"}, {"surface_dice", "Surface Dice"}, {"hd95_mm", "HD95, mm"}, {"pq", "Panoptic quality"}, {"aji", "Aggregated Jaccard"}} {
		for _, a := range whole.Scores {
			if a.Name == want.name && !math.IsNaN(a.Mean.Value) {
				out = append(out, report.KeyFigure{
					Label: want.label, Value: report.Num(a.Mean.Value, 3), Interval: "95% CI " + report.Interval(a.Mean.Low, a.Mean.High, 3),
					Note: fmt.Sprintf("%s, mean of %d test images", whole.Class, a.Cases),
				})
			}
		}
	}
	return out
}

// pictures draws the worst, the median and the best test cases.
func (e *evaluation) pictures(ctx context.Context) (report.Section, error) {
	s := report.Section{Title: "Worst, median and best", Lead: "Test images by the mean Dice of their classes: the image, the reference, the prediction. Images without any structure are not among them."}
	dice := e.column("dice")
	type ranked struct {
		row  int
		dice float64
	}
	var list []ranked
	for i, row := range e.rows {
		var v []float64
		for k := range e.plan.Classes {
			v = append(v, row.Rows[k].Scores[dice])
		}
		if d := meanOf(v); !math.IsNaN(d) {
			list = append(list, ranked{i, d})
		}
	}
	slices.SortStableFunc(list, func(a, b ranked) int { return cmp.Compare(a.dice, b.dice) })
	if len(list) == 0 {
		s.Blocks = append(s.Blocks, report.Text("No test image shows any structure, and none was predicted."))
		return s, nil
	}
	used := map[int]bool{}
	for _, at := range []struct {
		name string
		k    int
	}{{"Worst", 0}, {"Second worst", 1}, {"Median", len(list) / 2}, {"Best", len(list) - 1}} {
		if at.k >= len(list) || used[at.k] {
			continue
		}
		used[at.k] = true
		r := list[at.k]
		i := e.splits.Test[r.row]
		x, err := e.cases.Case(ctx, i)
		if err != nil {
			return s, err
		}
		predicted, err := e.kept(i, x.Image.Geometry)
		if err != nil {
			return s, err
		}
		predicted.Labels = x.Mask.Labels
		picture, err := show.Compare(x.Image, x.Mask, predicted, show.View{Size: 256, NoKey: e.model.choice.border()})
		if err != nil {
			return s, err
		}
		s.Blocks = append(s.Blocks, picture.Block(fmt.Sprintf("%s: %s", at.name, caseName(i)), fmt.Sprintf("Dice %s. Image, reference, prediction.", report.Num(r.dice, 3))))
	}
	return s, nil
}

// performance is a table for each class.
func (e *evaluation) performance() report.Section {
	s := report.Section{Title: "Scores", Lead: "Each test image is scored by itself; intervals come from resampling patients. Scores that an empty mask leaves undefined are left out of the means, and how many stands beside."}
	for _, c := range e.scores.Classes {
		t := report.Table{Caption: c.Class, Columns: []string{"Score", "Mean", "95% CI", "Median", "Images", "Left out"}}
		for _, a := range c.Scores {
			t.Rows = append(t.Rows, []string{a.Name, report.Num(a.Mean.Value, 3), report.Interval(a.Mean.Low, a.Mean.High, 3), report.Num(a.Median.Value, 3), report.Count(a.Cases), report.Count(a.LeftOut)})
		}
		t.Footnote = fmt.Sprintf("In both masks in %d images; only predicted in %d; missed in %d; in neither in %d.", c.Present, c.NoReference, c.NoPrediction, c.Neither)
		s.Blocks = append(s.Blocks, t)
		if len(c.Pooled) > 0 {
			p := report.Table{Caption: c.Class + ": all instances of all images together", Columns: []string{"Score", "Value", "95% CI"}}
			for _, v := range c.Pooled {
				p.Rows = append(p.Rows, []string{v.Name, report.Num(v.Value, 3), report.Interval(v.Low, v.High, 3)})
			}
			s.Blocks = append(s.Blocks, p)
		}
	}
	if e.scores.Flawed > 0 {
		s.Blocks = append(s.Blocks, report.Callout{Mood: report.Caution, Title: "Slanted grids", Text: fmt.Sprintf("%d images have axes that are not at right angles: they have no distances.", e.scores.Flawed)})
	}
	s.Blocks = append(s.Blocks, report.Text(`Surfaces are the elements between voxels, weighted by area, in millimetres; in images without a scale they are in pixels. HD95 is the larger of both directions. Distances to a mask that is empty do not exist.`))
	return s
}

func (e *evaluation) volumeSection() report.Section {
	s := report.Section{Title: "Volumes", Lead: "Predicted against reference volume of each test image, and how far they differ (Bland and Altman)."}
	t := report.Table{Columns: []string{"Class", "Bias, mL", "95% CI", "Limits of agreement, mL"}}
	for _, v := range e.scores.Volumes {
		t.Rows = append(t.Rows, []string{v.Class, report.Num(v.BiasML.Value, 3), report.Interval(v.BiasML.Low, v.BiasML.High, 3), report.Interval(v.LowML, v.HighML, 3)})
	}
	s.Blocks = append(s.Blocks, t)
	for _, v := range e.scores.Volumes {
		mean, diff := make([]float64, len(v.Reference)), make([]float64, len(v.Reference))
		for i := range mean {
			mean[i], diff[i] = (v.Reference[i]+v.Predicted[i])/2, v.Predicted[i]-v.Reference[i]
		}
		s.Blocks = append(s.Blocks, figure(report.Scatter(report.ScatterData{
			Title: v.Class + ": difference against mean", XLabel: "Mean of both volumes, mL", YLabel: "Predicted minus reference, mL", X: mean, Y: diff,
		})))
	}
	return s
}

func (e *evaluation) calibration() report.Section {
	s := report.Section{Title: "How sure it is", Lead: "How often voxels are foreground that were given a probability, over all test images."}
	var c report.Curve
	for _, b := range e.scores.Calibration {
		c.X, c.Y = append(c.X, b.Predicted), append(c.Y, b.Observed)
	}
	c.Name, c.Marks = "Foreground", true
	s.Blocks = append(s.Blocks,
		figure(report.Lines(report.LineData{Title: "Calibration of voxels", XLabel: "Predicted probability", YLabel: "Observed share", YMin: 0, YMax: 1, Curves: []report.Curve{c, {Name: "Ideal", X: []float64{0, 1}, Y: []float64{0, 1}}}})),
		report.Text(fmt.Sprintf("Mean distance of predicted and observed share over voxels that are not surely background: %s. Neighbouring voxels are not independent, so no interval is given.", report.Num(e.scores.Error, 3))))
	if e.model.choice.Mirror {
		a := slices.Clone(e.scores.Agreement)
		slices.Sort(a)
		s.Blocks = append(s.Blocks, report.Text(fmt.Sprintf("Mirrored predictions agree with their average by a Dice of %s in the median test image, and %s in the worst.", report.Num(a[len(a)/2], 3), report.Num(a[0], 3))))
	}
	return s
}

func (e *evaluation) learning() (report.Section, error) {
	s := report.Section{Title: "Training"}
	var history []learned
	if err := e.run.ReadJSON(task.Train, historyFile, &history); err != nil {
		return s, err
	}
	var loss, dice []report.Curve
	for k, h := range history {
		a, b := report.Curve{Name: fmt.Sprintf("training, fold %d", k+1)}, report.Curve{Name: fmt.Sprintf("fold %d", k+1)}
		for _, r := range h.Epochs {
			a.X, a.Y = append(a.X, float64(r.Epoch)), append(a.Y, r.Loss)
			for _, v := range r.Validation {
				if v.Name == "pseudo_dice" {
					b.X, b.Y = append(b.X, float64(r.Epoch)), append(b.Y, v.Value)
				}
			}
		}
		loss, dice = append(loss, a), append(dice, b)
		s.Blocks = append(s.Blocks, report.Text(fmt.Sprintf("Fold %d: %d images trained, %d validated; epoch %d of %d was kept.", k+1, h.Cases[0], h.Cases[1], h.Best, len(h.Epochs))))
	}
	s.Blocks = append(s.Blocks, figure(report.Learning("Epoch", "Loss", loss...)),
		figure(report.Lines(report.LineData{Title: "Dice over all voxels of validation patches", XLabel: "Epoch", YLabel: "Dice", YMin: 0, YMax: 1, Integers: true, Curves: dice})))
	return s, nil
}

// checks lists what was found about the images and did not stop the study; nothing where nothing was.
func (e *evaluation) checks() []report.Section {
	found, waived := e.cases.Findings, e.cases.Waived
	if len(found)+len(waived) == 0 {
		return nil
	}
	f := report.Findings{List: slices.Concat(found, waived)}
	for _, w := range waived {
		f.Waived = append(f.Waived, w.Name)
	}
	return []report.Section{{Title: "What the checks found", Blocks: []report.Block{f}}}
}

func (e *evaluation) method() report.Section {
	c, conf := e.model.choice, e.plan.Chosen()
	apart := "no patient is on both sides"
	if !e.cases.Known {
		apart = "the data do not say which are of one patient, and each counts as a patient of its own"
	}
	facts := report.KeyValues{
		{Label: "Images", Value: fmt.Sprintf("%d train and validate, %d test; %s", len(e.splits.learning()), len(e.splits.Test), apart)},
		{Label: "Spacing", Value: millimetres(conf.SpacingMM)},
		{Label: "Memory planned for training", Value: fmt.Sprintf("%.2f of %.2f GiB", float64(e.plan.Memory.TrainingBytes)/(1<<30), float64(e.plan.Memory.LimitBytes)/(1<<30))},
	}
	for _, ch := range e.plan.Channels {
		facts = append(facts, report.Fact{Label: "Channel " + ch.Name, Value: "brought to scale by " + string(ch.Scheme)})
	}
	kept := "no part is removed"
	if c.Tidy.Whole {
		kept = "only the largest connected part of the whole foreground is kept"
	}
	for _, k := range c.Tidy.Classes {
		kept += "; only the largest part of " + e.plan.Classes[k-1].Name
	}
	facts = append(facts, report.Fact{Label: "Chosen on validation images", Value: kept})
	if c.Instances != "none" {
		text := fmt.Sprintf("parts below %d voxels are dropped", c.Rule.MinVoxels)
		if c.border() {
			text = fmt.Sprintf("seeds from a probability of %.1f, foreground from %.1f, %s", c.Rule.Seed, c.Rule.Foreground, text)
		}
		facts = append(facts, report.Fact{Label: "Instances", Value: text})
	}
	return report.Section{Title: "Method", Lead: "Rules of nnU-Net (Isensee et al., Nature Methods 2021;18:203) on the training images decided about all of this; plan.json has the whole.", Blocks: []report.Block{facts}}
}

func figure(f report.Figure) report.Block { return report.FigureBlock{Figure: f} }
