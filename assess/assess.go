// Package assess measures predicted probabilities of classes on cases that a model has not seen, and writes the
// sections of a report that show them: discrimination, calibration, net benefit, subgroups, prediction sets.
// Every task that tells cases apart (tables, courses, signals, notes, images) is judged by it, so that their
// figures mean the same.
//
// A model's raw outputs first pass a Readout (readout.go), fitted to predictions for training cases that the
// model had not seen: recalibration, the interval of a risk, conformal prediction sets, a threshold. Predictions
// (this file) collects what it says of test cases; Measure (measure.go) scores them with bootstrap intervals over
// patients; the Assessment that comes back writes its sections (report.go).
//
// It follows Steyerberg, Clinical Prediction Models (2nd ed. 2019), and Van Calster et al., Calibration: the
// Achilles heel of predictive analytics, BMC Medicine 17 (2019) 230.
package assess

import (
	"math"

	"galen.dev/calibrate"
	"galen.dev/conformal"
	"galen.dev/metric"
)

var nan = math.NaN()

// Outcome is what is predicted: one of some classes. With two classes the second is the event, whose
// probability is the risk.
type Outcome struct {
	Target  string   `json:"target"`
	Classes []string `json:"classes"`
	Event   []string `json:"event,omitempty"` // levels of the target that make up the event; two classes only
}

// Binary tells whether the outcome is an event and its absence.
func (o *Outcome) Binary() bool { return len(o.Classes) == 2 }

// Predictions are what the models of one repeat say of its test cases. The slices run over these cases.
type Predictions struct {
	Patient []int       // cases of one patient share a number
	Part    []int       // the split, and so the model, that each case was tested in; rising
	Y       []int       // classes
	Raw     [][]float64 // [case][output], before recalibration: one output for two classes, else one for each
	Prob    [][]float64 // [case][class], calibrated
	Sets    [][]int     // conformal prediction sets
	// Thresholds is for each case the threshold that its model's training cases chose; two classes.
	Thresholds []float64
	// Recalibrated tells whether some model's probabilities are recalibrated.
	Recalibrated bool
}

// Add appends a test case: raw is the model's output for it, and r the readout of that model.
func (p *Predictions) Add(part, patient, class int, raw []float64, r *Readout) {
	prob := r.Probabilities(raw)
	p.Part, p.Patient, p.Y = append(p.Part, part), append(p.Patient, patient), append(p.Y, class)
	p.Raw, p.Prob = append(p.Raw, raw), append(p.Prob, prob)
	p.Sets = append(p.Sets, r.Sets.Predict(prob, 0))
	p.Thresholds = append(p.Thresholds, r.Threshold)
	p.Recalibrated = p.Recalibrated || r.Method() != calibrate.None
}

// Risk is the probability of a class for each case.
func (p *Predictions) Risk(class int) []float64 {
	out := make([]float64, len(p.Prob))
	for i := range out {
		out[i] = p.Prob[i][class]
	}
	return out
}

// Scores is everything that Measure finds; docs/format/scores.md describes it.
type Scores struct {
	Cases  int            `json:"cases"` // test cases
	Counts []int          `json:"counts"`
	Main   []metric.Score `json:"main"`
	// Raw are the scores before recalibration.
	Raw       []metric.Score        `json:"raw,omitempty"`
	Threshold []metric.Operating    `json:"thresholds,omitempty"`
	Decision  []metric.DecisionBand `json:"decision,omitempty"`
	Subgroups []SubgroupTable       `json:"subgroups,omitempty"`
	Sets      conformal.Coverage    `json:"sets"`
	// Repeats are the scores of each repeated split, and Spread their mean with a 95 % interval.
	Repeats   []map[string]float64       `json:"repeats,omitempty"`
	Spread    map[string]metric.Interval `json:"spread,omitempty"`
	Confusion [][]int                    `json:"confusion,omitempty"`
	PerClass  []metric.Score             `json:"per_class,omitempty"` // AUROC of each class against the rest
	DeLong    *metric.Interval           `json:"delong,omitempty"`    // AUROC by DeLong's method, beside the bootstrap's
}

// Options of Measure.
type Options struct {
	Rounds int    // bootstrap samples of patients; 0 = 1000
	Seed   uint64 // of the bootstrap
	// Thresholds are risks at and above which a case counts as positive. Without any, each case is decided by
	// the threshold of its own model, and Kept is the one that is shown.
	Thresholds []float64
	Kept       float64
	// DecisionRange is the lowest and highest sensible threshold of the decision curve; nil = .05 to .5.
	DecisionRange []float64
	// Pooled tells that the parts of a repeat are folds, and that the model that is kept is another one.
	Pooled bool
	// TestShare is the number of test cases of a split over its training cases; needed for repeats alone.
	TestShare float64
	Groups    []Group
	// Progress is told of the stages; nil = nobody.
	Progress func(stage, of int64)
}

// Group divides test cases for a table of subgroups. GroupBy makes it from a column.
type Group struct {
	Column string
	Of     []int    // of each test case: an index of Levels, or -1
	Levels []string // not naming a patient
}

// Assessment is what Measure found, with what its sections are drawn from.
type Assessment struct {
	Scores
	Outcome Outcome
	Tested  *Predictions // of the first repeat

	opt     Options
	repeats int
	curve   []metric.SmoothBand // of calibration
}

func pick[T any](v []T, rows []int) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = v[r]
	}
	return out
}

func isClass(y []int, class int) []bool {
	out := make([]bool, len(y))
	for i, v := range y {
		out[i] = v == class
	}
	return out
}
