// Package treatment is the task diagnosis/treatment: cases with the treatments that they were given → treatments ranked
// for a new case, with a hard layer of safety rules in between.
//
// Task (this file) is its declaration. Its steps are in package intake (collect), preprocess.go, train.go, evaluate.go and apply.go.
// Start with read.go (what the columns are), then plan.go (how a case becomes numbers), model.go (the models that are
// tried), choose.go (the choice between them), gate.go (how rules mask and order what a model ranks) and suggest.go.
//
// The method is multi-label recommendation with one calibrated probability for each treatment. Plain logistic
// regression is the baseline that must be beaten: on MIMIC-IV it beats networks made for the purpose (figures in
// CausalMed, Li et al. 2024). Where those lower interactions by a term of the loss (SafeDrug, Yang et al. 2021),
// package safety forbids them. Everything learned here is association in what was prescribed. Whether a treatment helps
// is another question, which needs other methods.
package treatment

import (
	"galen.dev/diagnosis/intake"
	"galen.dev/task"
)

// Task is diagnosis/treatment.
var Task = &task.Task{
	Name:  "diagnosis/treatment",
	Short: "Cases with treatments → ranked, rule-checked treatment suggestions",
	Needs: "A table with one case per row, and the treatments that it was given in one column or a column each: CSV, ARFF, Parquet or JSON lines",
	Long: `Learns from cases (facts, diagnoses, laboratory values, current drugs) which treatments were given, and ranks
treatments for a new case. Before anything is suggested, every treatment is held against rules: drug interactions,
contraindications by diagnosis, allergies, renal and hepatic limits, pregnancy, age, duplicate therapy. What a rule
forbids is never suggested, whatever the model says.

Each suggestion has a calibrated probability of having been given to such a case, what speaks for and against it, the
nearest training cases that got it with what became of them, and the rules that limit it. What was ruled out is shown
with the rule and its source. The task abstains where a case lies too far from those it learned from, or where nothing
clears the rules.

Four kinds of models compete: a logistic regression for each treatment, the votes of the nearest cases, boosted trees
for each treatment, and one network for all. With model: auto, cross-validation on the training patients chooses,
preferring the simpler one where the difference is within its standard error.

The suggestions say what was done for similar cases, mistakes included. They are associations, not effects of treatment.

Refused: drugs and allergies that the tables do not know, rules that contradict each other, treatments without
variation, treatments recorded after the outcome.`,
	Example: `task: diagnosis/treatment
data: synthetic-treatment      # a name from the catalogue, or a path
seed: 7
params:
  treatments: [given]          # one column with a list, or a column of 0 and 1 for each
  diagnoses: diagnoses
  allergies: allergies
  drugs: taking
  age: age
  sex: sex
  pregnant: pregnant
  labs: [egfr=egfr, potassium=potassium]
  outcome: improved`,
	Params: []task.Param{
		{Name: "schema", Kind: task.Path, Step: task.Collect, Help: "A schema file for the data: kinds, units, levels, missing markers and plausible ranges of columns. Without it the schema is inferred; the run's collect/schema.yaml is a start to edit."},

		{Name: "treatments", Kind: task.Strings, Required: true, Step: task.Preprocess, Help: "The treatments given: one column with a list of drugs in each cell, or columns of 0 and 1, each named by its drug or written as column=drug."},
		{Name: "separator", Kind: task.String, Default: ";", Step: task.Preprocess, Help: "What parts the items of a list within a cell. The word none is an empty list; an empty cell is not known."},
		{Name: "outcome", Kind: task.String, Step: task.Preprocess, Help: "The column that says what became of the case; it is shown with the cases that a suggestion rests on, and is no predictor."},
		{Name: "positive", Kind: task.Strings, Step: task.Preprocess, Help: "The levels of the outcome that count as good, where it does not say 0 and 1 or no and yes."},
		{Name: "diagnoses", Kind: task.String, Step: task.Preprocess, Help: "The column with a list of ICD-10 codes: predictors by their category, and what contraindications go by."},
		{Name: "allergies", Kind: task.String, Step: task.Preprocess, Help: "The column with a list of allergies: drugs or classes."},
		{Name: "drugs", Kind: task.String, Step: task.Preprocess, Help: "The column with a list of the drugs that the patient takes and will go on taking: predictors, and what interactions go by."},
		{Name: "age", Kind: task.String, Step: task.Preprocess, Help: "The numeric column of the age in years."},
		{Name: "sex", Kind: task.String, Step: task.Preprocess, Help: "The column of the sex: female, male, F or M."},
		{Name: "pregnant", Kind: task.String, Step: task.Preprocess, Help: "The column of pregnancy: no, yes, or the trimester as 1, 2 or 3; 0 is no."},
		{Name: "labs", Kind: task.Strings, Step: task.Preprocess, Help: "Laboratory columns that rules go by, as analyte=column; units come from the header or the schema."},
		{Name: "rules", Kind: task.Path, Step: task.Preprocess, Help: "A CSV file of your own rules, which extend the shipped ones or replace them by id."},
		{Name: "drug-table", Kind: task.Path, Step: task.Preprocess, Help: "A CSV file of your own drugs and other treatments, which extends the shipped table."},
		{Name: "patient", Kind: task.String, Step: task.Preprocess, Help: "The column that identifies the patient: rows of one patient stay together in every split. Without it each row is a patient of its own."},
		{Name: "exclude", Kind: task.Strings, Step: task.Preprocess, Help: "Columns that must not be predictors, such as what was recorded after the treatment."},
		{Name: "categories", Kind: task.Strings, Step: task.Preprocess, Help: "Numeric columns whose numbers are codes of categories."},
		{Name: "treatment-date", Kind: task.String, Step: task.Preprocess, Help: "The date column of the treatment: the moment of prediction."},
		{Name: "outcome-date", Kind: task.String, Step: task.Preprocess, Help: "The date column of the outcome; a treatment after it is refused."},
		{Name: "split", Kind: task.Choice, Default: "random", Choices: []string{"random", "time", "column"}, Step: task.Preprocess, Help: "How test patients are set apart: random; time, the latest patients by treatment-date; or column, as split-column says."},
		{Name: "split-column", Kind: task.String, Step: task.Preprocess, Help: "The column that says train or test, for split: column."},
		{Name: "test", Kind: task.Float, Unit: "share of patients", Default: .25, Min: task.Bound(.05), Max: task.Bound(.9), Step: task.Preprocess, Help: "The share of patients set apart for testing, for split: random and time."},
		{Name: "rare", Kind: task.Int, Unit: "rows", Default: 10, Min: task.Bound(1), Max: task.Bound(1e6), Step: task.Preprocess, Help: "Levels, diagnoses and current drugs with fewer training rows are no predictors."},
		{Name: "min-cases", Kind: task.Int, Unit: "patients", Default: 20, Min: task.Bound(2), Max: task.Bound(1e6), Step: task.Preprocess, Help: "Treatments that fewer training patients got are not learned, and the report lists them."},
		{Name: "impute", Kind: task.Choice, Default: "median", Choices: []string{"median", "mean"}, Step: task.Preprocess, Help: "What a missing number becomes in logistic and mlp, computed from training rows; a further column says that it was missing. Trees and nearest cases take missing values as they are."},

		{Name: "model", Kind: task.Choice, Default: "auto", Choices: append([]string{"auto"}, candidateNames...), Step: task.Train, Help: "The kind of model; auto chooses by cross-validation."},
		{Name: "candidates", Kind: task.Strings, Choices: candidateNames, Default: candidateNames, Step: task.Train, Help: "The models among which auto chooses, simplest first."},
		{Name: "folds", Kind: task.Int, Unit: "folds", Default: 5, Min: task.Bound(2), Max: task.Bound(50), Step: task.Train, Help: "The number of folds of the cross-validation on training patients that chooses and calibrates the model."},
		{Name: "calibration", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "none", "platt", "isotonic", "beta", "temperature"}, Step: task.Train, Help: "How the probabilities of each treatment are recalibrated on predictions for unseen training patients; auto chooses by cross-validated log loss and may choose none."},
		{Name: "l1-share", Kind: task.Float, Unit: "1", Default: .5, Min: task.Bound(0), Max: task.Bound(1), Step: task.Train, Help: "Of logistic: the share of the L1 penalty, 0 for ridge and 1 for lasso. Its strength is chosen by cross-validation."},
		{Name: "votes", Kind: task.Int, Unit: "cases", Default: 50, Min: task.Bound(1), Max: task.Bound(1000), Step: task.Train, Help: "Of nearest: how many nearest training cases vote."},
		{Name: "rounds", Kind: task.Int, Unit: "trees", Default: 300, Min: task.Bound(1), Max: task.Bound(1e5), Step: task.Train, Help: "Of boost: the most trees of a treatment; held-back training patients stop earlier."},
		{Name: "learning-rate", Kind: task.Float, Unit: "1", Default: .05, Min: task.Bound(1e-4), Max: task.Bound(1), Step: task.Train, Help: "Of boost: the share of each tree that is added."},
		{Name: "leaves", Kind: task.Int, Unit: "leaves", Default: 8, Min: task.Bound(2), Max: task.Bound(4096), Step: task.Train, Help: "Of boost: the most leaves of a tree."},
		{Name: "width", Kind: task.Int, Unit: "units", Default: 64, Min: task.Bound(1), Max: task.Bound(4096), Step: task.Train, Help: "Of mlp: the units of its hidden layer, which all treatments share."},
		{Name: "epochs", Kind: task.Int, Unit: "passes", Default: 30, Min: task.Bound(1), Max: task.Bound(10000), Step: task.Train, Help: "Of mlp: how often training goes through the cases."},
		{Name: "dropout", Kind: task.Float, Unit: "share of units", Default: .3, Min: task.Bound(0), Max: task.Bound(.9), Step: task.Train, Help: "Of mlp: the share of hidden units left out at random while training."},
		{Name: "threshold", Kind: task.Float, Unit: "probability", Default: 0., Min: task.Bound(0), Max: task.Bound(1), Step: task.Train, Help: "The probability from which a treatment is suggested; 0 takes the one with the best Jaccard index in cross-validation."},

		{Name: "bootstrap", Kind: task.Int, Unit: "samples", Default: 1000, Min: task.Bound(100), Max: task.Bound(1e5), Step: task.Evaluate, Help: "How many bootstrap samples of patients the 95 % intervals come from."},
		{Name: "top", Kind: task.Int, Unit: "treatments", Default: 5, Min: task.Bound(1), Max: task.Bound(100), Step: task.Evaluate, Help: "How many treatments are suggested at most, and the k of precision and recall at k."},
		{Name: "unknown", Kind: task.Choice, Default: "forbid", Choices: []string{"forbid", "show"}, Step: task.Evaluate, Help: "What becomes of a treatment that a rule cannot clear because the case lacks a fact: not suggested, or suggested with the status unknown."},

		{Name: "neighbours", Kind: task.Int, Unit: "cases", Default: 3, Min: task.Bound(0), Max: task.Bound(100), Step: task.Apply, Help: "How many nearest training cases that got it a suggestion names."},
		{Name: "abstain", Kind: task.Float, Unit: "share of training cases", Default: .99, Min: task.Bound(.5), Max: task.Bound(1), Step: task.Evaluate, Help: "A case farther from the training cases than this share of them are from each other gets an abstention; 1 never abstains for distance."},
	},
	Headline: []task.Headline{
		{Metric: "jaccard", Label: "Jaccard"},
		{Metric: "prauc", Label: "PRAUC"},
		{Metric: "f1", Label: "F1"},
		{Metric: "interaction-rate", Label: "Interaction rate"},
		{Metric: "brier", Label: "Brier score"},
	},
	Collect:    intake.Collect,
	Preprocess: preprocess,
	Train:      train,
	Evaluate:   evaluate,
	Apply:      apply,
}
