// Package risk is the task diagnosis/risk: a table with one case per row → the calibrated probability of each class.
//
// Task (this file) is its declaration. Its steps are in package intake (collect), preprocess.go, train.go, evaluate.go and
// apply.go; each loads files, calls typed functions and saves files. Start with plan.go (how a case becomes
// numbers), then candidate.go (the models that are tried), choose.go (the choice between them) and fitted.go (the
// model that is kept, with its readout and nearest cases). Package assess scores its predictions.
//
// The method follows Steyerberg, Clinical Prediction Models (2nd ed. 2019): few assumptions, penalised and
// additive models beside trees, choice by cross-validation, recalibration on predictions for patients that
// the model had not seen, and evaluation with calibration and net benefit beside discrimination.
package risk

import (
	"galen.dev/diagnosis/intake"
	"galen.dev/task"
)

// Task is diagnosis/risk.
var Task = &task.Task{
	Name:  "diagnosis/risk",
	Short: "Tabular cases → calibrated risks",
	Needs: "A table with one case per row and a column that says what became of it: CSV, ARFF, Parquet or JSON lines",
	Long: `Learns from a table of cases (basic facts, test results) to tell the probability of an outcome for a new case, and
checks how far that probability can be trusted.

Four kinds of models compete: elastic-net logistic regression, an explainable boosting machine, a random forest and
gradient-boosted trees. With model: auto, cross-validation on the training patients chooses, preferring the simpler
model where the difference is within its standard error. Probabilities are recalibrated on predictions for patients
that the model had not seen. The report shows discrimination, calibration and net benefit with 95 % intervals,
subgroups, explanations, the quality of the data and what the study does not tell.

Applied to a new case, the model gives its risk with an interval, what speaks for and against, the nearest training
cases and the values outside what it has seen; it abstains where a case lies too far from those it learned from.

Refused: a target that is missing or has one class, columns that give the outcome away, values that cannot be,
the same patient on both sides of a split. A study can waive such a finding by name; the report then says so.`,
	Example: `task: diagnosis/risk
data: heart_cleveland          # a name from the catalogue, or a path
seed: 7
params:
  target: num
  positive: [">50_1"]          # the levels of the target that are the event
  model: auto`,
	Params: []task.Param{
		{Name: "schema", Kind: task.Path, Step: task.Collect, Help: "A schema file for the data: kinds, units, levels, missing markers and plausible ranges of columns. Without it the schema is inferred; the run's collect/schema.yaml is a start to edit."},

		{Name: "target", Kind: task.String, Required: true, Step: task.Preprocess, Help: "The column to predict: classes, or 0 and 1."},
		{Name: "positive", Kind: task.Strings, Step: task.Preprocess, Help: "The levels of the target that make up the event. Needed where two levels do not speak for themselves as 0/1 or no/yes do; with more than two levels and nothing given, each level is a class."},
		{Name: "patient", Kind: task.String, Step: task.Preprocess, Help: "The column that identifies the patient: rows of one patient stay together in every split. Without it each row is a patient of its own."},
		{Name: "exclude", Kind: task.Strings, Step: task.Preprocess, Help: "Columns that must not be predictors, such as what was recorded after the outcome."},
		{Name: "categories", Kind: task.Strings, Step: task.Preprocess, Help: "Numeric columns whose numbers are codes of categories."},
		{Name: "index-date", Kind: task.String, Step: task.Preprocess, Help: "The date column of the moment of prediction: other dates become days after it. Without it dates are left out."},
		{Name: "split", Kind: task.Choice, Default: "random", Choices: []string{"random", "folds", "time", "column"}, Step: task.Preprocess, Help: "How test patients are set apart: random and stratified by class; folds, where each patient is tested once; time, the latest patients by index-date; or column, as split-column says."},
		{Name: "split-column", Kind: task.String, Step: task.Preprocess, Help: "The column that says train or test, for split: column."},
		{Name: "test", Kind: task.Float, Unit: "share of patients", Default: .25, Min: task.Bound(.05), Max: task.Bound(.9), Step: task.Preprocess, Help: "The share of patients set apart for testing, for split: random and time."},
		{Name: "folds", Kind: task.Int, Unit: "folds", Default: 5, Min: task.Bound(2), Max: task.Bound(50), Step: task.Preprocess, Help: "The number of folds: of the test where split is folds, and of the cross-validation on training patients that chooses and calibrates the model."},
		{Name: "repeats", Kind: task.Int, Unit: "splits", Default: 1, Min: task.Bound(1), Max: task.Bound(100), Step: task.Preprocess, Help: "How many splits to draw, for split: random and folds. Each is trained and tested; the model of the first is kept, and the report shows the spread."},
		{Name: "impute", Kind: task.Choice, Default: "median", Choices: []string{"median", "mean"}, Step: task.Preprocess, Help: "What a missing number becomes in linear models, computed from training rows. Trees and additive models take missing values as they are."},
		{Name: "indicators", Kind: task.Bool, Default: true, Step: task.Preprocess, Help: "Give linear models a column for the missingness of each column that has missing values: whether a test was ordered often tells something."},
		{Name: "rare", Kind: task.Int, Unit: "rows", Default: 10, Min: task.Bound(1), Max: task.Bound(1e6), Step: task.Preprocess, Help: "Levels of categories with fewer training rows share one place."},

		{Name: "model", Kind: task.Choice, Default: "auto", Choices: append([]string{"auto"}, candidateNames...), Step: task.Train, Help: "The kind of model; auto chooses by cross-validation."},
		{Name: "candidates", Kind: task.Strings, Choices: candidateNames, Default: candidateNames, Step: task.Train, Help: "The models among which auto chooses, simplest first."},
		{Name: "calibration", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "none", "platt", "isotonic", "beta", "temperature"}, Step: task.Train, Help: "How probabilities are recalibrated on predictions for unseen training patients; auto chooses by cross-validated log loss and may choose none."},
		{Name: "class-weight", Kind: task.Choice, Default: "none", Choices: []string{"none", "balanced"}, Step: task.Train, Help: "Balanced weighs classes inversely to their size. It spoils calibration, which recalibration must then mend, so none is the default."},
		{Name: "l1-share", Kind: task.Float, Unit: "1", Default: .5, Min: task.Bound(0), Max: task.Bound(1), Step: task.Train, Help: "Of logistic: the share of the L1 penalty, 0 for ridge and 1 for lasso. Its strength is chosen by cross-validation."},
		{Name: "trees", Kind: task.Int, Unit: "trees", Default: 300, Min: task.Bound(1), Max: task.Bound(1e5), Step: task.Train, Help: "Of forest: the number of trees. Beyond some hundreds they hardly help."},
		{Name: "min-leaf", Kind: task.Int, Unit: "rows", Default: 10, Min: task.Bound(1), Max: task.Bound(1e6), Step: task.Train, Help: "Of forest: the least number of training rows in a leaf. Ten suits probabilities (Malley et al. 2012), where classifying alone would do with one."},
		{Name: "rounds", Kind: task.Int, Unit: "trees", Default: 1000, Min: task.Bound(1), Max: task.Bound(1e5), Step: task.Train, Help: "Of boost: the most trees; cross-validation within the training patients stops earlier."},
		{Name: "learning-rate", Kind: task.Float, Unit: "1", Default: .05, Min: task.Bound(1e-4), Max: task.Bound(1), Step: task.Train, Help: "Of boost: the share of each tree that is added."},
		{Name: "leaves", Kind: task.Int, Unit: "leaves", Default: 8, Min: task.Bound(2), Max: task.Bound(4096), Step: task.Train, Help: "Of boost: the most leaves of a tree. Eight allows interactions of three columns, enough for most tables of cases."},
		{Name: "monotone", Kind: task.Map, Unit: "1", Min: task.Bound(-1), Max: task.Bound(1), Step: task.Train, Help: "Of boost: columns in which the risk may only rise (1) or only fall (-1)."},
		{Name: "interactions", Kind: task.Int, Unit: "pairs", Default: -1, Min: task.Bound(-1), Max: task.Bound(1000), Step: task.Train, Help: "Of ebm: how many pair terms to add; -1 is one for every 500 training rows, at most ten. None are added where there are more than two classes."},
		{Name: "shap", Kind: task.Choice, Default: "path-dependent", Choices: []string{"path-dependent", "interventional"}, Step: task.Train, Help: "How trees are explained: path-dependent Shapley values follow the correlations of the training cases; interventional ones compare with 100 training cases, and a column that the model does not use gets exactly 0."},
		{Name: "coverage", Kind: task.Float, Unit: "share of cases", Default: .9, Min: task.Bound(.5), Max: task.Bound(.999), Step: task.Train, Help: "The share of the cases of each class whose class the conformal prediction set must hold."},

		{Name: "thresholds", Kind: task.Floats, Unit: "risk", Min: task.Bound(0), Max: task.Bound(1), Step: task.Evaluate, Help: "Risks at and above which a case counts as positive, for sensitivity, specificity, PPV and NPV. Without any, the threshold with the largest Youden index on training patients."},
		{Name: "decision-range", Kind: task.Floats, Unit: "risk", Default: []float64{.05, .5}, Min: task.Bound(.001), Max: task.Bound(.999), Step: task.Evaluate, Help: "The lowest and highest risk threshold that is clinically sensible, for the decision curve."},
		{Name: "subgroups", Kind: task.Strings, Step: task.Evaluate, Help: "Columns by whose levels the report shows performance apart; numbers are cut at their quartiles."},
		{Name: "bootstrap", Kind: task.Int, Unit: "samples", Default: 1000, Min: task.Bound(100), Max: task.Bound(1e5), Step: task.Evaluate, Help: "How many bootstrap samples of patients the 95 % intervals come from."},

		{Name: "neighbours", Kind: task.Int, Unit: "cases", Default: 5, Min: task.Bound(0), Max: task.Bound(100), Step: task.Apply, Help: "How many nearest training cases a prediction names."},
		{Name: "abstain", Kind: task.Float, Unit: "share of training cases", Default: .99, Min: task.Bound(.5), Max: task.Bound(1), Step: task.Apply, Help: "A case farther from the training cases than this share of them are from each other gets no prediction but an abstention; 1 never abstains."},
	},
	Headline: []task.Headline{
		{Metric: "auroc", Label: "AUROC"},
		{Metric: "mean-auroc", Label: "AUROC, mean of repeated splits"},
		{Metric: "brier", Label: "Brier score"},
		{Metric: "calibration-slope", Label: "Calibration slope"},
		{Metric: "accuracy", Label: "Accuracy"},
	},
	Collect:    intake.Collect,
	Preprocess: preprocess,
	Train:      train,
	Evaluate:   evaluate,
	Apply:      apply,
}
