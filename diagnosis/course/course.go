// Package course is the task diagnosis/course: what happened to a patient over time → the calibrated risk of an event,
// such as death in hospital within a day.
//
// Task (this file) is its declaration, params.go its parameters. Read declare.go first (index time, windows, outcome:
// who is asked what, and when), then plan.go (units, plausible ranges, statistics, from training stays alone) and
// prepare.go (how events become what a model sees). The steps are in collect.go, preprocess.go, train.go (with
// network.go, choose.go and model.go), evaluate.go (with report.go) and apply.go; explain.go says why.
//
// Networks see a grid of time with masks and the time since the last value, whose influence decays (Che et al., GRU-D,
// Scientific Reports 2018); trees and regression see aggregates over windows, which on once-per-stay questions are hard
// to beat (van de Water et al., YAIB, ICLR 2024).
package course

import "galen.dev/task"

// Task is diagnosis/course.
var Task = &task.Task{
	Name:  "diagnosis/course",
	Short: "What happened over time → calibrated risk of what will happen",
	Needs: "Events of stays, timed and coded: PhysioNet 2012 files, a CSV with a line for each event, MEDS, FHIR R4",
	Long: `Learns from the events of past stays (vital signs, laboratory values, codes) to tell the risk of an outcome for a
new one, and checks how far that risk can be trusted.

One declaration says what is predicted: the index time at which the question is asked, the observation window before
it, the gap and the horizon after it, and the outcome: a fact of the stay, or an event within the horizon. Nothing after
the index time can reach a model, for events after it are left out before anything is computed. The question may be
asked once in a stay, or again every so many hours; with bins, time to the event is predicted by its hazard in each
interval of the horizon.

Gated recurrent units with decay, other networks, gradient-boosted trees and logistic regression compete; the figures of
the last two stand beside those of the model that is kept. With model: auto, cross-validation on the training patients
chooses. The model that is kept is the ensemble of its folds' models, recalibrated on stays that each had not seen.

Applied to a new stay, the model gives its risk with interval and prediction set, the values and hours that it rests on
and how far that explanation is true, and abstains where a stay lies too far from those it learned from.

Refused, with the rows: times out of order, events that stand twice, units of one code that do not convert, an input
that lies after the index time or is the outcome itself, outcomes that no stay has. Impossible values are counted and
taken for missing.`,
	Example: `task: diagnosis/course
data: physionet2012           # a name from the catalogue, or a folder or archive of stays
seed: 7
params:
  outcome: In-hospital_death  # a fact of the stay, or the code of an event
  index-time: 48                   # hours after its start
  window: 48
  model: auto`,
	Params:     params,
	Headline:   headline,
	Collect:    collect,
	Preprocess: preprocess,
	Train:      train,
	Evaluate:   evaluate,
	Apply:      apply,
}

var headline = []task.Headline{
	{Metric: "auroc", Label: "AUROC"},
	{Metric: "score-1", Label: "min(sensitivity, PPV) at the chosen threshold"},
	{Metric: "brier", Label: "Brier score"},
	{Metric: "calibration-slope", Label: "Calibration slope"},
}
