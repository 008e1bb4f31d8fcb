package course

import "galen.dev/task"

// kinds are the models, simplest first.
var kinds = []string{"logistic", "boost", "basic-rnn", "gru", "lstm", "cnn1d", "tcn", "transformer"}

var params = []task.Param{
	{Name: "form", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "physionet", "csv", "meds", "fhir"}, Step: task.Collect, Help: "The form of the data; auto finds it by content: a file for each stay as in the Challenge 2012, a line for each event, MEDS, or FHIR R4."},
	{Name: "time-unit", Kind: task.Choice, Default: "", Choices: []string{"", "s", "min", "h", "d"}, Step: task.Collect, Help: "The unit of times that are numbers since the start, in CSV; without it, as the column is called."},
	{Name: "words", Kind: task.Bool, Step: task.Collect, Help: "Take values that are words into the code, as sex//female; otherwise they are refused."},
	{Name: "whole-patients", Kind: task.Bool, Step: task.Collect, Help: "Of FHIR: all of a patient is one stay; otherwise an encounter is, where there are any."},

	{Name: "outcome", Kind: task.String, Required: true, Step: task.Preprocess, Help: "What is predicted: a fact that the data give of whole stays, or the code of an event within the horizon."},
	{Name: "outcome-above", Kind: task.Float, Unit: "that of the outcome", Min: task.Bound(-1e12), Max: task.Bound(1e12), Step: task.Preprocess, Help: "The outcome counts as an event where its value is above this. A code without a value counts where it occurs."},
	{Name: "index-time", Kind: task.Float, Unit: "h", Default: 48.0, Min: task.Bound(0), Max: task.Bound(87600), Step: task.Preprocess, Help: "When the question is asked: so long after the start of the stay, or after the first event named by index-code."},
	{Name: "index-code", Kind: task.String, Step: task.Preprocess, Help: "The code of the event from which the index time counts; without it, the start of the stay."},
	{Name: "window", Kind: task.Float, Unit: "h", Default: 48.0, Min: task.Bound(.1), Max: task.Bound(87600), Step: task.Preprocess, Help: "The observation window: events so long before the index time, and up to it, are seen."},
	{Name: "gap", Kind: task.Float, Unit: "h", Min: task.Bound(0), Max: task.Bound(87600), Step: task.Preprocess, Help: "Time after the index in which an event does not count, so that there is time to act; a stay with the event in it is left out."},
	{Name: "horizon", Kind: task.Float, Unit: "h", Min: task.Bound(0), Max: task.Bound(876000), Step: task.Preprocess, Help: "How long after the gap an event counts; 0 is to the end of the stay. A fact of the stay has no time, and no horizon."},
	{Name: "every", Kind: task.Float, Unit: "h", Min: task.Bound(0), Max: task.Bound(87600), Step: task.Preprocess, Help: "Ask again every so many hours until the stay ends; 0 asks once."},
	{Name: "bins", Kind: task.Int, Unit: "intervals", Min: task.Bound(0), Max: task.Bound(100), Step: task.Preprocess, Help: "Predict the time to the event by its hazard in so many equal intervals of the horizon; 0 predicts whether it comes."},
	{Name: "censoring", Kind: task.Choice, Default: "exclude", Choices: []string{"exclude", "negative"}, Step: task.Preprocess, Help: "What a stay is that ends within the horizon without the event: left out, for nobody knows (with bins it counts until its end), or without event, where the end of the stay rules it out."},
	{Name: "exclude", Kind: task.Strings, Step: task.Preprocess, Help: "Codes: stays with one of them at or before the index time are left out."},
	{Name: "inputs", Kind: task.Strings, Step: task.Preprocess, Help: "The codes to use. Without any, all codes but the outcome, the most frequent first."},
	{Name: "variables", Kind: task.Int, Unit: "codes", Default: 200, Min: task.Bound(1), Max: task.Bound(5000), Step: task.Preprocess, Help: "The most codes that the grid and the aggregates hold, by the number of training stays that have them."},
	{Name: "roll-up", Kind: task.Choice, Default: "none", Choices: []string{"none", "category", "block", "chapter"}, Step: task.Preprocess, Help: "Join codes of ICD-10 (written ICD10/I21.4) by category, block or chapter, and of ATC by the level that is nearest to it: 4, 3 or 1."},
	{Name: "lowest", Kind: task.Map, Unit: "that of the code", Step: task.Preprocess, Help: "The least possible value of codes; a value below is counted and taken for missing. Well-known vital signs and laboratory values have bounds of their own."},
	{Name: "highest", Kind: task.Map, Unit: "that of the code", Step: task.Preprocess, Help: "The greatest possible value of codes."},
	{Name: "bin", Kind: task.Float, Unit: "h", Default: 1.0, Min: task.Bound(.01), Max: task.Bound(8760), Step: task.Preprocess, Help: "The width of a step of the grid that networks see."},
	{Name: "value", Kind: task.Choice, Default: "mean", Choices: []string{"mean", "last"}, Step: task.Preprocess, Help: "What stands for several values within a step: their mean, which is steadier, or the last."},
	{Name: "tokens", Kind: task.Int, Unit: "events", Default: 64, Min: task.Bound(1), Max: task.Bound(4096), Step: task.Preprocess, Help: "How many of the last codes before the index time basic-rnn reads."},
	{Name: "split", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "random"}, Step: task.Preprocess, Help: "How test patients are set apart: auto takes the parts that the data give, and draws where they give none; random always draws, stratified by outcome."},
	{Name: "test-part", Kind: task.String, Step: task.Preprocess, Help: "The part of the data to test on, where they give parts; without it the last one. The others are for training."},
	{Name: "test", Kind: task.Float, Unit: "share of patients", Default: .25, Min: task.Bound(.05), Max: task.Bound(.9), Step: task.Preprocess, Help: "The share of patients set apart for testing, where the split is drawn."},

	{Name: "model", Kind: task.Choice, Default: "auto", Choices: append([]string{"auto"}, kinds...), Step: task.Train, Help: "The kind of model; auto chooses by cross-validation. Gru weighs values down as they grow old; basic-rnn reads the sequence of codes; boost and logistic read aggregates."},
	{Name: "candidates", Kind: task.Strings, Choices: kinds, Default: []string{"logistic", "boost", "gru"}, Step: task.Train, Help: "The models among which auto chooses, simplest first."},
	{Name: "baselines", Kind: task.Strings, Choices: []string{"logistic", "boost", "none"}, Default: []string{"logistic", "boost"}, Step: task.Train, Help: "Models that are fitted beside the one named, so that their figures stand beside its own."},
	{Name: "folds", Kind: task.Int, Unit: "folds", Default: 5, Min: task.Bound(2), Max: task.Bound(20), Step: task.Train, Help: "The folds of the cross-validation on training patients; the models of the folds are the ensemble that is kept."},
	{Name: "members", Kind: task.Int, Unit: "networks", Default: 1, Min: task.Bound(1), Max: task.Bound(20), Step: task.Train, Help: "Of networks: how many, from different first weights, are fitted to each fold and answer together."},
	{Name: "calibration", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "none", "platt", "isotonic", "beta", "temperature"}, Step: task.Train, Help: "How risks are recalibrated on predictions for unseen training patients; auto chooses by cross-validated log loss and may choose none."},
	{Name: "coverage", Kind: task.Float, Unit: "share of cases", Default: .9, Min: task.Bound(.5), Max: task.Bound(.999), Step: task.Train, Help: "The share of the cases of each class whose class the conformal prediction set must hold."},
	{Name: "class-weight", Kind: task.Choice, Default: "none", Choices: []string{"none", "balanced"}, Step: task.Train, Help: "Balanced weighs classes inversely to their size. It spoils calibration, which recalibration must then mend, so none is the default."},
	{Name: "epochs", Kind: task.Int, Unit: "epochs", Default: 20, Min: task.Bound(1), Max: task.Bound(10000), Step: task.Train, Help: "Of networks: passes over the training samples."},
	{Name: "batch", Kind: task.Int, Unit: "samples", Default: 64, Min: task.Bound(2), Max: task.Bound(4096), Step: task.Train, Help: "Of networks: samples of a step."},
	{Name: "optimiser", Kind: task.Choice, Default: "adamw", Choices: []string{"adamw", "sgd"}, Step: task.Train, Help: "Of networks: AdamW with a rate that rises and falls in one cycle, or plain stochastic gradient descent with a constant one."},
	{Name: "learning-rate", Kind: task.Float, Unit: "1", Default: .002, Min: task.Bound(1e-6), Max: task.Bound(1), Step: task.Train, Help: "Of networks: the highest learning rate."},
	{Name: "weight-decay", Kind: task.Float, Unit: "1", Default: .01, Min: task.Bound(0), Max: task.Bound(1), Step: task.Train, Help: "Of networks: the decay of AdamW."},
	{Name: "ema", Kind: task.Float, Unit: "1", Default: .99, Min: task.Bound(0), Max: task.Bound(.99999), Step: task.Train, Help: "Of networks: how much of the running average of the weights, which is what is kept, stays at each step; 0 keeps the last weights."},
	{Name: "width", Kind: task.Int, Unit: "channels", Default: 64, Min: task.Bound(4), Max: task.Bound(1024), Step: task.Train, Help: "Of networks but basic-rnn, whose width is 128, and cnn1d: channels of the state or of each layer."},
	{Name: "dropout", Kind: task.Float, Unit: "1", Default: .3, Min: task.Bound(0), Max: task.Bound(.9), Step: task.Train, Help: "Of networks: the share of values that is left out while learning."},
	{Name: "rounds", Kind: task.Int, Unit: "trees", Default: 400, Min: task.Bound(1), Max: task.Bound(1e5), Step: task.Train, Help: "Of boost: the number of trees."},

	{Name: "thresholds", Kind: task.Floats, Unit: "risk", Min: task.Bound(0), Max: task.Bound(1), Step: task.Evaluate, Help: "Risks at and above which a case counts as positive. Without any, the one with the largest min(sensitivity, PPV) on unseen training patients."},
	{Name: "decision-range", Kind: task.Floats, Unit: "risk", Default: []float64{.05, .5}, Min: task.Bound(.001), Max: task.Bound(.999), Step: task.Evaluate, Help: "The lowest and highest risk threshold that is clinically sensible, for the decision curve."},
	{Name: "bootstrap", Kind: task.Int, Unit: "samples", Default: 1000, Min: task.Bound(100), Max: task.Bound(1e5), Step: task.Evaluate, Help: "How many bootstrap samples of patients the 95 % intervals come from."},
	{Name: "subgroups", Kind: task.Strings, Step: task.Evaluate, Help: "Codes known from the start, such as sex or age, by which performance is told apart."},
	{Name: "pictures", Kind: task.Int, Unit: "stays", Default: 4, Min: task.Bound(0), Max: task.Bound(50), Step: task.Evaluate, Help: "How many test stays the report shows with what the model goes by."},
	{Name: "explain", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "gradients", "shap", "occlusion", "none"}, Step: task.Evaluate, Help: "How a prediction is explained: integrated gradients for networks, Shapley values for trees and regression, occlusion of values for any; auto takes what fits the model."},
	{Name: "block", Kind: task.Float, Unit: "h", Default: 6.0, Min: task.Bound(.1), Max: task.Bound(8760), Step: task.Evaluate, Help: "The stretch of time that occlusion hides at once, to tell whether an explanation is true."},

	{Name: "neighbours", Kind: task.Int, Unit: "stays", Default: 5, Min: task.Bound(0), Max: task.Bound(100), Step: task.Apply, Help: "How many nearest training stays a prediction names."},
	{Name: "abstain", Kind: task.Float, Unit: "share of training stays", Default: .99, Min: task.Bound(.5), Max: task.Bound(1), Step: task.Apply, Help: "A stay farther from the training stays than this share of them are from each other gets no prediction but an abstention; 1 never abstains."},
	{Name: "picture", Kind: task.Bool, Step: task.Apply, Help: "Give each prediction a drawing (SVG) of its stay with the values and hours that it rests on."},
}
