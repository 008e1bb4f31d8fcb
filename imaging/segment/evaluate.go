package segment

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"galen.dev/fault"
	"galen.dev/imaging/cases"
	"galen.dev/internal/cpu"
	"galen.dev/metric"
	"galen.dev/metric/region"
	"galen.dev/task"
	"galen.dev/volume"
)

// Files that evaluate leaves.
const (
	scoresFile = "scores.json"
	casesFile  = "cases.csv"
	reportFile = "report.html"
)

// scores is everything that evaluate measures, as the report shows it.
type scores struct {
	Cases     int              `json:"cases"`
	Classes   []region.Summary `json:"classes"`
	Agreement []float64        `json:"agreement"` // of the mirrored predictions on each test case
	// Volumes in millilitres of each class: mean of predicted minus reference, with the limits of agreement.
	Volumes []agreement `json:"volumes"`
	// Calibration of the probability of the foreground, over all voxels of all cases.
	Calibration []bin   `json:"calibration"`
	Error       float64 `json:"calibration_error"` // mean distance of predicted and observed share, weighted by voxels that are not certain
	Flawed      int     `json:"not_orthogonal"`    // cases whose grid is slanted, which have no distances
}

// agreement compares volumes as Bland and Altman do (Lancet 1986;1:307).
type agreement struct {
	Class     string          `json:"class"`
	BiasML    metric.Interval `json:"bias_ml"`
	LowML     float64         `json:"limit_low_ml"` // bias ± 1.96 standard deviations of the differences
	HighML    float64         `json:"limit_high_ml"`
	Reference []float64       `json:"reference_ml"`
	Predicted []float64       `json:"predicted_ml"`
}

// bin is a range of predicted probabilities.
type bin struct {
	Predicted float64 `json:"predicted"` // mean
	Observed  float64 `json:"observed"`
	Voxels    int64   `json:"voxels"`
}

// bins of calibration.
const bins = 10

type evaluation struct {
	*work
	model  *model
	cases  *cases.Container
	dir    string // of predicted classes and numbers, one file a case
	rows   []region.Case
	scores scores
	table  *region.Table
	sums   [bins]struct {
		p, y float64
		n    int64
	}
}

// evaluate measures the model on test cases and writes the report.
func evaluate(ctx context.Context, r *task.Run) error {
	w, err := begin(r)
	if err != nil {
		return err
	}
	defer w.close()
	e := &evaluation{work: w}
	if e.model, err = w.load(); err != nil {
		return err
	}
	defer e.model.close()
	if e.cases, err = openCases(r); err != nil {
		return err
	}
	defer e.cases.Close()
	if e.dir, err = os.MkdirTemp("", "galen-test-"); err != nil {
		return fault.Disk("keeping predictions", err)
	}
	defer os.RemoveAll(e.dir)
	for n, i := range w.splits.Test {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := e.test(ctx, i); err != nil {
			return fmt.Errorf("testing %q: %w", e.cases.Records[i].Name, err)
		}
		r.Progress("predicting test images", int64(n+1), int64(len(w.splits.Test)))
	}
	if err := e.summarise(ctx); err != nil {
		return err
	}
	if err := r.WriteJSON(scoresFile, e.scores); err != nil {
		return err
	}
	out, err := r.Create(casesFile)
	if err != nil {
		return err
	}
	if err := e.table.WriteCSV(out); err != nil {
		out.Close()
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return e.report(ctx)
}

// options of scoring; instances are looked at where the study tells them apart.
func (e *evaluation) options() region.Options {
	o := region.Options{ToleranceMM: e.run.Float("tolerance")}
	if o.ToleranceMM == 0 {
		o.ToleranceMM = 1e-9 // 0 would be the default of package region
	}
	for k, c := range e.plan.Classes {
		o.Classes = append(o.Classes, region.Class{Value: uint16(k + 1), Name: c.Name})
	}
	if e.splits.Instances != "none" {
		o.Instances = &region.Matching{}
	}
	return o
}

// caseName names a case by its place in the data: file names may hold a patient's name.
func caseName(i int) string { return fmt.Sprintf("image %d", i+1) }

func (e *evaluation) test(ctx context.Context, i int) error {
	x, err := e.cases.Case(ctx, i)
	if err != nil {
		return err
	}
	res, err := e.model.segment(ctx, x.Image, true)
	if err != nil {
		return err
	}
	e.scores.Agreement = append(e.scores.Agreement, res.agreement)
	o := e.options()
	grid, err := region.GridOf(x.Image.Geometry)
	if err != nil { // axes that are not at right angles: overlap has a meaning, distances have none
		e.scores.Flawed++
		o.NoDistances = true
		spacing := x.Image.Spacing()
		grid = region.Grid{Dims: x.Image.Dims, SpacingMM: [3]float64(spacing)}
	}
	var row region.Case
	var reference []uint8
	if e.model.choice.border() {
		numbers, err := referenceNumbers(e.plan, x.Mask, true)
		if err != nil {
			return err
		}
		reference = make([]uint8, len(numbers))
		for k, v := range numbers {
			if v > 0 {
				reference[k] = 1
			}
		}
		row, err = region.EvaluateInstances(ctx, caseName(i), res.numbers, numbers, grid, o)
		if err != nil {
			return err
		}
	} else {
		reference = referenceClasses(e.plan, x.Mask)
		if row, err = region.Evaluate(ctx, caseName(i), res.classes, reference, grid, o); err != nil {
			return err
		}
	}
	if o.NoDistances {
		fillDistances(&row, e.options(), o)
	}
	e.rows = append(e.rows, row)
	e.calibrate(res.foreground, reference)
	mask, err := e.model.mask(res, x.Image.Geometry)
	if err != nil {
		return err
	}
	return fault.Disk("keeping predictions", os.WriteFile(filepath.Join(e.dir, fmt.Sprint(i)), labelBytes(mask), 0o600))
}

// fillDistances gives a row that was scored without distances their places, left out.
func fillDistances(row *region.Case, whole, part region.Options) {
	names, have := whole.Names(), part.Names()
	for k := range row.Rows {
		full := make([]float64, len(names))
		for i, name := range names {
			full[i] = math.NaN()
			for j, h := range have {
				if h == name {
					full[i] = row.Rows[k].Scores[j]
				}
			}
		}
		row.Rows[k].Scores = full
	}
}

func labelBytes(m *volume.LabelMap) []byte {
	out := make([]byte, 0, 2*m.Voxels())
	for i := range m.Voxels() {
		v := m.Get(i)
		out = append(out, byte(v), byte(v>>8))
	}
	return out
}

// kept reads back what test kept of a case.
func (e *evaluation) kept(i int, g volume.Geometry) (*volume.LabelMap, error) {
	data, err := os.ReadFile(filepath.Join(e.dir, fmt.Sprint(i)))
	if err != nil {
		return nil, fault.Disk("reading predictions", err)
	}
	labels := make([]uint16, len(data)/2)
	for k := range labels {
		labels[k] = uint16(data[2*k]) | uint16(data[2*k+1])<<8
	}
	return volume.NewLabels(g, labels, nil), nil
}

// calibrate counts predicted and observed shares of foreground.
func (e *evaluation) calibrate(p []float32, reference []uint8) {
	type tally [bins]struct {
		p, y float64
		n    int64
	}
	parts := make([]tally, (len(p)+voteBlock-1)/voteBlock)
	cpu.Do(len(parts), func(_, item int) {
		t := &parts[item]
		for i := item * voteBlock; i < min((item+1)*voteBlock, len(p)); i++ {
			b := &t[min(int(p[i]*bins), bins-1)]
			b.p += float64(p[i])
			b.n++
			if reference[i] > 0 {
				b.y++
			}
		}
	})
	for i := range parts {
		for k := range e.sums {
			e.sums[k].p += parts[i][k].p
			e.sums[k].y += parts[i][k].y
			e.sums[k].n += parts[i][k].n
		}
	}
}

// summarise turns the rows of all cases into scores with intervals.
func (e *evaluation) summarise(ctx context.Context) error {
	e.table = region.NewTable(e.options(), e.rows)
	s := &e.scores
	s.Cases = len(e.rows)
	again := metric.Resample{Groups: e.testPatients(), Rounds: e.run.Int("bootstrap"), Seed: e.run.Seed("bootstrap")}
	var err error
	if s.Classes, err = e.table.Summarise(ctx, again); err != nil {
		return err
	}
	weighted, certain := 0., int64(0)
	for _, b := range e.sums {
		if b.n == 0 {
			continue
		}
		n := float64(b.n)
		s.Calibration = append(s.Calibration, bin{Predicted: b.p / n, Observed: b.y / n, Voxels: b.n})
	}
	for k, b := range s.Calibration {
		if k == 0 && b.Predicted < .01 { // nearly all voxels are surely background, and would drown the others
			continue
		}
		weighted += math.Abs(b.Predicted-b.Observed) * float64(b.Voxels)
		certain += b.Voxels
	}
	if certain > 0 {
		s.Error = weighted / float64(certain)
	}
	if err := e.volumes(ctx, again); err != nil {
		return err
	}
	e.metrics()
	return nil
}

func (e *evaluation) testPatients() []int {
	out := make([]int, len(e.splits.Test))
	for k, i := range e.splits.Test {
		out[k] = e.cases.Records[i].Patient
	}
	return out
}

// column is the index of a score by name.
func (e *evaluation) column(name string) int {
	for i, n := range e.table.Names {
		if n == name {
			return i
		}
	}
	panic("segment: no score " + name)
}

func (e *evaluation) volumes(ctx context.Context, again metric.Resample) error {
	ref, pred := e.column("reference_ml"), e.column("predicted_ml")
	again.N = len(e.rows)
	for k := range e.plan.Classes {
		a := agreement{Class: e.plan.Classes[k].Name}
		for _, row := range e.rows {
			a.Reference = append(a.Reference, row.Rows[k].Scores[ref])
			a.Predicted = append(a.Predicted, row.Rows[k].Scores[pred])
		}
		mean := func(rows []int) []float64 {
			sum := 0.
			for _, i := range rows {
				sum += a.Predicted[i] - a.Reference[i]
			}
			return []float64{sum / float64(len(rows))}
		}
		bias, err := metric.Bootstrap(ctx, again, mean)
		if err != nil {
			return err
		}
		a.BiasML = bias[0]
		square := 0.
		for i := range a.Reference {
			d := a.Predicted[i] - a.Reference[i] - bias[0].Value
			square += d * d
		}
		sd := math.Sqrt(square / float64(max(1, len(a.Reference)-1)))
		a.LowML, a.HighML = bias[0].Value-1.96*sd, bias[0].Value+1.96*sd
		e.scores.Volumes = append(e.scores.Volumes, a)
	}
	return nil
}

// metrics are the run's headline figures: means over classes of the means over cases.
func (e *evaluation) metrics() {
	for name, score := range map[string]string{"dice": "dice", "surface-dice": "surface_dice", "hd95-mm": "hd95_mm", "pq": "pq", "aji": "aji"} {
		if v := e.headline(score); !math.IsNaN(v) {
			e.run.Metric(name, v)
		}
	}
}

// headline is the mean of a score over the classes that have it.
func (e *evaluation) headline(score string) float64 {
	var values []float64
	for _, c := range e.scores.Classes[:len(e.plan.Classes)] {
		for _, a := range c.Scores {
			if a.Name == score {
				values = append(values, a.Mean.Value)
			}
		}
	}
	return meanOf(values)
}
