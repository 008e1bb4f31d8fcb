package assess

import (
	"fmt"

	"galen.dev/calibrate"
	"galen.dev/conformal"
	"galen.dev/fault"
	"galen.dev/metric"
)

// Readout turns a model's raw outputs into probabilities that one can act on. It is kept with the model, as JSON.
type Readout struct {
	Calibrator *calibrate.Calibrator `json:"calibrator,omitempty"` // two classes
	Multi      *calibrate.Multi      `json:"multi,omitempty"`      // more classes
	Interval   *calibrate.Calibrator `json:"interval,omitempty"`   // Venn–Abers; two classes
	Sets       *conformal.Sets       `json:"sets"`
	// Threshold is the risk with the largest Youden index on the cases it was fitted to; two classes.
	Threshold float64 `json:"threshold,omitempty"`
	// Cases is the number of held-out cases behind all this. For information only.
	Cases int      `json:"calibration_rows"`
	Notes []string `json:"notes,omitempty"` // what could not be had, in words for the report
}

// ReadoutOptions of FitReadout.
type ReadoutOptions struct {
	Calibration string  // "auto", or a method of package calibrate
	Coverage    float64 // promised by the prediction sets, within each class; in (0, 1)
	Seed        uint64
}

// FitReadout fits a readout to raw outputs, [case][output], for cases that the model had not seen: one output
// for two classes, the event's probability; else one for each class. patient may be nil: each case its own.
//
// The sets rest on probabilities that the calibrator has seen, a map of at most three numbers but for isotonic:
// their coverage is close to the promise, not exact (Vovk 2015 on cross-conformal predictors), and test cases
// measure it. The promise is kept within each class: over all cases alone it would be kept by the common outcome
// and broken for the rare one.
func FitReadout(raw [][]float64, y, patient []int, classes int, opt ReadoutOptions) (*Readout, error) {
	r := &Readout{Cases: len(y)}
	var err error
	if classes > 2 {
		err = r.fitMulti(raw, y, patient, opt)
	} else {
		err = r.fitBinary(column(raw, 0), y, patient, opt)
	}
	if err != nil {
		return nil, err
	}
	prob := make([][]float64, len(raw))
	for i := range raw {
		prob[i] = r.Probabilities(raw[i])
	}
	if classes == 2 {
		r.Threshold = metric.YoudenThreshold(column(prob, 1), isClass(y, 1))
	}
	if r.Sets, err = conformal.FitSets(prob, y, conformal.SetOptions{Alpha: 1 - opt.Coverage, Mondrian: true}); err != nil {
		return nil, fmt.Errorf("fitting prediction sets: %w", err)
	}
	return r, nil
}

func (r *Readout) fitMulti(raw [][]float64, y, patient []int, opt ReadoutOptions) (err error) {
	if opt.Calibration == "auto" {
		r.Multi, _, err = calibrate.AutoMulti(raw, y, calibrate.AutoOptions{Groups: patient, Seed: opt.Seed})
	} else {
		r.Multi, err = calibrate.FitMulti(calibrate.Method(opt.Calibration), raw, y)
	}
	if err != nil {
		r.note("the probabilities are not recalibrated: %v", err)
		r.Multi, err = calibrate.FitMulti(calibrate.None, raw, y)
	}
	return err
}

func (r *Readout) fitBinary(raw []float64, y, patient []int, opt ReadoutOptions) (err error) {
	event := isClass(y, 1)
	if opt.Calibration == "auto" {
		r.Calibrator, _, err = calibrate.Auto(raw, event, calibrate.AutoOptions{Groups: patient, Seed: opt.Seed})
	} else {
		r.Calibrator, err = calibrate.Fit(calibrate.Method(opt.Calibration), raw, event)
	}
	if err != nil { // such as classes that a threshold parts: no finite map exists
		r.note("the probabilities are not recalibrated: %v", err)
		r.Calibrator = &calibrate.Calibrator{Method: calibrate.None}
	}
	if r.Interval, err = calibrate.Fit(calibrate.VennAbers, raw, event); err != nil {
		r.note("risks carry no interval: %v", err)
		r.Interval = nil
	}
	return nil
}

func (r *Readout) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func column(rows [][]float64, k int) []float64 {
	out := make([]float64, len(rows))
	for i := range rows {
		out[i] = rows[i][k]
	}
	return out
}

// Method is how probabilities are recalibrated.
func (r *Readout) Method() calibrate.Method {
	if r.Multi != nil {
		return r.Multi.Method
	}
	return r.Calibrator.Method
}

// Probabilities turns one raw output into the calibrated probability of every class.
func (r *Readout) Probabilities(raw []float64) []float64 {
	if r.Multi != nil {
		return r.Multi.Apply(raw)
	}
	p := r.Calibrator.Apply(raw[0])
	return []float64{1 - p, p}
}

// Bounds is the Venn–Abers interval of the event's risk, wide enough to hold the risk itself. ok is false where
// there is none.
func (r *Readout) Bounds(raw []float64) (low, high float64, ok bool) {
	if r.Interval == nil {
		return nan, nan, false
	}
	risk := r.Calibrator.Apply(raw[0])
	low, high = r.Interval.Bounds(raw[0])
	return min(low, risk), max(high, risk), true
}

// Check refuses a readout from a file that could not have come from a fit.
func (r *Readout) Check(classes int) error {
	if r.Sets == nil || classes == 2 && r.Calibrator == nil || classes > 2 && r.Multi == nil || classes < 2 {
		return fault.Errorf(fault.Corrupt, "the model has no calibrator or no prediction sets")
	}
	if classes == 2 {
		if r.Multi != nil {
			return fault.Errorf(fault.Corrupt, "the model has a calibrator of several classes for an event")
		}
		if err := r.Calibrator.Check(); err != nil {
			return err
		}
	}
	if r.Interval != nil {
		if err := r.Interval.Check(); err != nil {
			return err
		}
	}
	if r.Multi != nil {
		if err := r.Multi.Check(classes); err != nil {
			return err
		}
	}
	return r.Sets.Check(classes)
}
