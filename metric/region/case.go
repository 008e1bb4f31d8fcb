package region

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"galen.dev/fault"
	"galen.dev/volume"
)

// Class is one label to score.
type Class struct {
	Value uint16 // 1 or more
	Name  string // in tables
	// Of the surface Dice, in mm: the distance by which experts differ. 0 = Options.ToleranceMM.
	ToleranceMM float64
}

// Options say what is scored. Classes alone must be given.
type Options struct {
	Classes     []Class
	Convention  Convention // of surfaces; 0 = Elements
	Percentile  float64    // of the Hausdorff distance; 0 = 95
	ToleranceMM float64    // of the surface Dice, for classes that name none and the foreground; 0 = 1 mm
	NoDistances bool       // leave out everything about surfaces, which takes most of the time
	Empty       Empty      // rules for empty masks
	// How lesions are matched, as connected parts; nil = they are not looked at.
	Instances *Matching
	// Which voxels of a part touch. 0 = those that share a face.
	Neighbours volume.Neighbours
}

// Foreground is the class of all labels together. It is scored where there is more than one class.
const Foreground = "foreground"

func (o Options) percentile() float64 {
	if o.Percentile == 0 {
		return 95
	}
	return o.Percentile
}

func (o Options) tolerance(c Class) float64 {
	switch {
	case c.ToleranceMM != 0:
		return c.ToleranceMM
	case o.ToleranceMM != 0:
		return o.ToleranceMM
	}
	return 1
}

// rows are the classes with the foreground, whose value is 0.
func (o Options) rows() []Class {
	if len(o.Classes) == 1 {
		return o.Classes
	}
	return append(o.Classes[:len(o.Classes):len(o.Classes)], Class{Name: Foreground})
}

// Check refuses options that make no sense, with every finding.
func (o Options) Check() error {
	var out []fault.Finding
	add := func(name, format string, args ...any) {
		out = append(out, fault.Finding{Name: name, Severity: fault.Severe, Message: fmt.Sprintf(format, args...)})
	}
	if len(o.Classes) == 0 {
		add("no-classes", "no class is named")
	}
	values, names := map[uint16]bool{0: true}, map[string]bool{}
	for _, c := range o.Classes {
		if values[c.Value] {
			add("class-value", "class %q has label %d, which is background or another's", c.Name, c.Value)
		}
		if c.Name == "" || names[c.Name] || c.Name == Foreground && len(o.Classes) > 1 {
			add("class-name", "label %d has no name of its own", c.Value)
		}
		if !notNegative(c.ToleranceMM) {
			add("tolerance", "the tolerance of class %q is negative or no number", c.Name)
		}
		values[c.Value], names[c.Name] = true, true
	}
	if o.Convention > Borders {
		add("convention", "the convention of surfaces is none of those known")
	}
	if !(o.Percentile >= 0 && o.Percentile <= 100) {
		add("percentile", "the percentile is outside 0 to 100")
	}
	if !notNegative(o.ToleranceMM) {
		add("tolerance", "the tolerance is negative or no number")
	}
	if o.Empty.Both > Perfect || o.Empty.One > Diagonal {
		add("empty-rule", "the rule for empty masks is none of those known")
	}
	if o.Instances != nil {
		out = append(out, o.Instances.findings()...)
	}
	if o.Neighbours > volume.Corners {
		add("neighbours", "the rule of neighbours is none of those known")
	}
	return fault.Refuse("scoring segmentations", out)
}

func notNegative(x float64) bool { return x >= 0 && !math.IsInf(x, 1) }

// Row scores one class of one case.
type Row struct {
	Class     string
	State     State
	Counts    Counts
	Detection Detection // zero without Options.Instances
	Scores    []float64 // in the order of Options.Names; NaN = left out
}

// MarshalJSON writes scores that are left out as null.
func (r Row) MarshalJSON() ([]byte, error) {
	scores := make([]*float64, len(r.Scores))
	for i := range r.Scores {
		if !math.IsNaN(r.Scores[i]) {
			scores[i] = &r.Scores[i]
		}
	}
	return json.Marshal(struct {
		Class     string     `json:"class"`
		State     State      `json:"state"`
		Counts    Counts     `json:"counts"`
		Detection Detection  `json:"detection"`
		Scores    []*float64 `json:"scores"`
	}{r.Class, r.State, r.Counts, r.Detection, scores})
}

// Case is the scores of one image.
type Case struct {
	Name string `json:"name"`
	Rows []Row  `json:"rows"` // by class, in the order of the options; the foreground is last
}

// column is a score of the table: its name and how rules for empty masks treat it.
type column struct {
	name string
	kind kind
}

func (o Options) columns() []column {
	out := []column{
		{"dice", share},
		{"iou", share},
		{"sensitivity", share},
		{"precision", share},
		{"reference_ml", size},
		{"predicted_ml", size},
		{"volume_error_ml", size},
		{"relative_volume_error", errors},
	}
	if !o.NoDistances {
		out = append(out, []column{
			{"surface_dice", share},
			{"hausdorff_mm", distance},
			{fmt.Sprintf("hd%g_mm", o.percentile()), distance},
			{"asd_predicted_mm", distance},
			{"asd_reference_mm", distance},
			{"assd_mm", distance},
			{"masd_mm", distance},
		}...)
	}
	if o.Instances != nil {
		out = append(out, []column{
			{"reference_instances", size},
			{"predicted_instances", size},
			{"detection_sensitivity", share},
			{"detection_precision", share},
			{"detection_f1", share},
			{"sq", share},
			{"pq", share},
			{"aji", share},
			{"aji_plus", share},
		}...)
	}
	return out
}

// Names returns the names of a row's scores, in order: dice, iou, sensitivity, precision, reference_ml, predicted_ml,
// volume_error_ml (predicted minus reference), relative_volume_error; unless distances are left out surface_dice,
// hausdorff_mm, hd95_mm (or another percentile), asd_predicted_mm (from the predicted surface to the reference),
// asd_reference_mm, assd_mm, masd_mm; with instances reference_instances, predicted_instances,
// detection_sensitivity, detection_precision, detection_f1, sq, pq, aji, aji_plus.
func (o Options) Names() []string {
	var out []string
	for _, c := range o.columns() {
		out = append(out, c.name)
	}
	return out
}

// Evaluate scores the classes of one case. Instances are the connected parts of a class. It refuses options and grids
// that make no sense, and labels that occur but are no class, with every finding; it stops between classes
// once ctx is done. name is only put into the table.
func Evaluate[T Label](ctx context.Context, name string, pred, ref []T, g Grid, o Options) (Case, error) {
	return evaluate(ctx, name, pred, ref, g, o, func(class T, e extent) (*Instances, error) {
		return componentsIn(pred, ref, class, g, e, o.Neighbours)
	})
}

// EvaluateInstances scores one case whose voxels carry the number of their instance, as nuclei have. All of them
// are of the one class in the options, whose Value does not matter.
func EvaluateInstances[T Number](ctx context.Context, name string, pred, ref []T, g Grid, o Options) (Case, error) {
	if len(o.Classes) != 1 {
		return Case{}, fault.Refuse("scoring instances", []fault.Finding{{
			Name: "one-class", Severity: fault.Severe, Message: fmt.Sprintf("%d classes are named; instances are of one", len(o.Classes)),
		}})
	}
	g.holds(len(pred), len(ref))
	o.Classes = []Class{{Value: 1, Name: o.Classes[0].Name, ToleranceMM: o.Classes[0].ToleranceMM}}
	all := box{to: g.Dims}
	return evaluate(ctx, name, cutOne(pred, 0, g, all), cutOne(ref, 0, g, all), g, o, func(uint8, extent) (*Instances, error) {
		return Compare(pred, ref, g), nil
	})
}

func evaluate[T Label](ctx context.Context, name string, pred, ref []T, g Grid, o Options, instances func(class T, e extent) (*Instances, error)) (Case, error) {
	if err := o.Check(); err != nil {
		return Case{}, err
	}
	if err := g.Check("scoring a segmentation"); err != nil {
		return Case{}, err
	}
	all := extents(pred, ref, g)
	if err := unknownLabels(all, o.Classes); err != nil {
		return Case{}, err
	}
	out := Case{Name: name}
	for _, c := range o.rows() {
		if err := ctx.Err(); err != nil {
			return Case{}, err
		}
		var e extent
		if int(c.Value) < len(all) {
			e = all[c.Value]
		}
		row := Row{Class: c.Name, State: stateOf(e.Counts), Counts: e.Counts, Scores: overlapScores(e.Counts, g)}
		class := T(c.Value) // a label that T cannot hold has an empty extent
		if !o.NoDistances {
			row.Scores = append(row.Scores, distanceScores(distancesIn(pred, ref, class, g, e, o.Convention), o, c)...)
		}
		if o.Instances != nil {
			p, err := instances(class, e)
			if err != nil {
				return Case{}, err
			}
			row.Detection = p.Detect(*o.Instances)
			row.Scores = append(row.Scores, instanceScores(p, row.Detection)...)
		}
		for i, column := range o.columns() {
			row.Scores[i] = o.Empty.apply(row.Scores[i], column.kind, row.State, g)
		}
		out.Rows = append(out.Rows, row)
	}
	return out, nil
}

// unknownLabels refuses labels that occur but are no class: they would count in the foreground alone.
func unknownLabels(all []extent, classes []Class) error {
	known := make([]bool, len(all))
	for _, c := range classes {
		if int(c.Value) < len(known) {
			known[c.Value] = true
		}
	}
	var out []fault.Finding
	for label := 1; label < len(all); label++ {
		if e := all[label]; !known[label] && !e.box.empty() {
			out = append(out, fault.Finding{
				Name: "unknown-label", Severity: fault.Severe, Count: e.Predicted() + e.Reference(),
				Message: fmt.Sprintf("label %d is no class, but %s predicted and %s of the reference have it", label, fault.Count(e.Predicted(), "voxel"), fault.Count(e.Reference(), "voxel")),
				Hint:    "name it as a class, or make it background",
			})
		}
	}
	return fault.Refuse("scoring a segmentation", out)
}

func overlapScores(c Counts, g Grid) []float64 {
	ref, pred := float64(c.Reference())*g.VoxelML(), float64(c.Predicted())*g.VoxelML()
	return []float64{c.Dice(), c.IoU(), c.Sensitivity(), c.Precision(), ref, pred, pred - ref, c.RelativeVolumeError()}
}

func distanceScores(d *Distances, o Options, c Class) []float64 {
	a, b := d.Average()
	return []float64{d.SurfaceDice(o.tolerance(c)), d.Hausdorff(), d.Percentile(o.percentile()), a, b, d.ASSD(), d.MASD()}
}

func instanceScores(p *Instances, d Detection) []float64 {
	return []float64{
		float64(p.NumReference()), float64(p.NumPredicted()), d.Sensitivity(), d.Precision(), d.F1(), d.SQ(), d.PQ(), p.AJI(), p.AJIPlus(),
	}
}
