// Package signal is the task diagnosis/signal: recordings of waveforms, such as ECGs → the calibrated probability of
// each class.
//
// Task (this file) is its declaration. The steps are in collect.go (with labels.go, matrix.go and read.go),
// preprocess.go, train.go, evaluate.go and apply.go. Start with plan.go (how a recording becomes the windows that a
// model sees), then network.go and boost.go (the models), choose.go (the choice between them by cross-validation) and
// model.go (what is kept: an ensemble with its readout). explain.go and trace.go say why, on the trace.
//
// The recipe follows Strodthoff et al., Deep learning for ECG analysis (IEEE JBHI 2021): random crops in training,
// overlapping windows in use, a residual network over time; held against boosting on features, which must be beaten.
package signal

import "galen.dev/task"

// Task is diagnosis/signal.
var Task = &task.Task{
	Name:  "diagnosis/signal",
	Short: "ECGs and other waveforms → calibrated diagnoses",
	Needs: "A folder of recordings (WFDB, EDF, BDF) with a table of labels, or matrices with a label and a signal in each row: TSV, CSV, NumPy",
	Long: `Learns from labelled recordings of waveforms to tell the probability of a diagnosis for a new recording, and checks
how far that probability can be trusted.

Data are a folder of recordings with labels.csv (columns record and label; patient and split where there are such), or
matrices in which each row is a label and a signal. Recordings are brought to one rate, filtered where the study says
so, and normalised by the training recordings. Networks see random crops while they learn, and all overlapping windows
of a recording afterwards, whose answers are joined.

Gradient-boosted trees on features of the waveform compete with networks. With model: auto, cross-validation on the
training patients chooses, preferring the simpler model where the difference is within its standard error. The model
that is kept is the ensemble of its folds' models, and its probabilities are recalibrated on the recordings that each
of them had not seen. Several labels at once (several: true) are told apart each by its own probability.

Applied to a new recording, the model gives its risks with intervals and prediction sets, the parts of the trace that
they rest on and how far that explanation is true, what is wrong with the leads, and the nearest training recordings; it
abstains where a recording lies too far from those it learned from.

Refused, with the rows: truncated files, wrong checksums, records without label and labels without record, recordings
that stand twice, channels that are missing or in units that do not fit, samples that are no numbers.`,
	Example: `task: diagnosis/signal
data: ecg5000                 # a name from the catalogue, or a folder of recordings
seed: 7
params:
  rate: 140                   # of matrices, which do not say
  model: auto`,
	Params:     params,
	Headline:   headline,
	Folders:    true,
	Collect:    collect,
	Preprocess: preprocess,
	Train:      train,
	Evaluate:   evaluate,
	Apply:      apply,
}

var headline = []task.Headline{
	{Metric: "accuracy", Label: "Accuracy"},
	{Metric: "auroc", Label: "AUROC"},
	{Metric: "brier", Label: "Brier score"},
	{Metric: "calibration-slope", Label: "Calibration slope"},
}

var params = []task.Param{
	{Name: "labels", Kind: task.String, Default: "labels.csv", Step: task.Collect, Help: "The table of labels inside a folder of recordings: CSV with the columns record and label, and patient and split where there are such."},
	{Name: "several", Kind: task.Bool, Step: task.Collect, Help: "A recording may have several labels at once, which the label column separates by semicolons; each is a yes or no of its own."},
	{Name: "channels", Kind: task.Strings, Step: task.Collect, Help: "The channels to use, by name and in this order. Without any, those of the first recording; every recording must have them all."},
	{Name: "rate", Kind: task.Float, Unit: "samples/s", Min: task.Bound(0), Max: task.Bound(1e6), Step: task.Collect, Help: "The sampling rate of matrices, which do not say; recordings in files bring theirs."},

	{Name: "positive", Kind: task.Strings, Step: task.Preprocess, Help: "The labels that make up the event. Without any, each label is a class, and of two that speak for themselves (0 and 1, no and yes) the second is the event."},
	{Name: "split", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "random"}, Step: task.Preprocess, Help: "How test patients are set apart: auto takes the split that the data give, by the column split of the labels or by matrices whose names hold TRAIN and TEST, and draws one where they give none; random always draws, stratified by label."},
	{Name: "test", Kind: task.Float, Unit: "share of patients", Default: .25, Min: task.Bound(.05), Max: task.Bound(.9), Step: task.Preprocess, Help: "The share of patients set apart for testing, where the split is drawn."},
	{Name: "resample", Kind: task.Float, Unit: "samples/s", Min: task.Bound(0), Max: task.Bound(1e5), Step: task.Preprocess, Help: "The rate that all recordings are brought to. 0 keeps theirs, which must then be one; 100 is enough for ECG (Strodthoff et al. 2021)."},
	{Name: "band", Kind: task.Floats, Unit: "Hz", Min: task.Bound(0), Max: task.Bound(1e5), Step: task.Preprocess, Help: "The lowest and highest frequency that a Butterworth filter of order 4 lets pass, forwards and backwards; 0 leaves an end open. None is applied without it."},
	{Name: "notch", Kind: task.Float, Unit: "Hz", Min: task.Bound(0), Max: task.Bound(1e5), Step: task.Preprocess, Help: "A frequency to take out, such as 50 or 60 for mains; 0 takes out none."},
	{Name: "baseline", Kind: task.Bool, Step: task.Preprocess, Help: "Take out slow drift by medians over 0.2 and 0.6 seconds, which leaves the waves of an ECG as they are."},
	{Name: "normalise", Kind: task.Choice, Default: "training", Choices: []string{"training", "recording", "none"}, Step: task.Preprocess, Help: "Bring each channel to mean 0 and spread 1: by all training recordings, which keeps differences of size, or each recording by itself."},
	{Name: "crop", Kind: task.Float, Unit: "s", Min: task.Bound(0), Max: task.Bound(3600), Step: task.Preprocess, Help: "The length of the windows that networks see; 0 is the shortest training recording. 2.5 seconds suit 12-lead ECG."},
	{Name: "stride", Kind: task.Float, Unit: "share of a window", Default: .5, Min: task.Bound(.05), Max: task.Bound(1), Step: task.Preprocess, Help: "How far windows of a long recording lie apart."},

	{Name: "model", Kind: task.Choice, Default: "auto", Choices: append([]string{"auto"}, kinds...), Step: task.Train, Help: "The kind of model; auto chooses by cross-validation."},
	{Name: "candidates", Kind: task.Strings, Choices: kinds, Default: []string{"boost", "cnn1d", "resnet1d"}, Step: task.Train, Help: "The models among which auto chooses, simplest first."},
	{Name: "folds", Kind: task.Int, Unit: "folds", Default: 5, Min: task.Bound(2), Max: task.Bound(20), Step: task.Train, Help: "The number of folds of the cross-validation on training patients; the models of the folds are the ensemble that is kept."},
	{Name: "calibration", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "none", "platt", "isotonic", "beta", "temperature"}, Step: task.Train, Help: "How probabilities are recalibrated on predictions for unseen training patients; auto chooses by cross-validated log loss and may choose none."},
	{Name: "coverage", Kind: task.Float, Unit: "share of cases", Default: .9, Min: task.Bound(.5), Max: task.Bound(.999), Step: task.Train, Help: "The share of the cases of each class whose class the conformal prediction set must hold."},
	{Name: "class-weight", Kind: task.Choice, Default: "none", Choices: []string{"none", "balanced"}, Step: task.Train, Help: "Balanced weighs classes inversely to their size. It spoils calibration, which recalibration must then mend, so none is the default."},
	{Name: "aggregate", Kind: task.Choice, Default: "mean", Choices: []string{"mean", "max"}, Step: task.Train, Help: "How the answers for the windows of a recording are joined; max suits findings that come and go, and needs several: true or two classes."},
	{Name: "epochs", Kind: task.Int, Unit: "epochs", Default: 40, Min: task.Bound(1), Max: task.Bound(10000), Step: task.Train, Help: "Of networks: passes over the training recordings."},
	{Name: "batch", Kind: task.Int, Unit: "recordings", Default: 32, Min: task.Bound(2), Max: task.Bound(4096), Step: task.Train, Help: "Of networks: recordings of a step."},
	{Name: "learning-rate", Kind: task.Float, Unit: "1", Default: .003, Min: task.Bound(1e-6), Max: task.Bound(1), Step: task.Train, Help: "Of networks: the highest rate of AdamW, which rises and falls in one cycle."},
	{Name: "weight-decay", Kind: task.Float, Unit: "1", Default: .01, Min: task.Bound(0), Max: task.Bound(1), Step: task.Train, Help: "Of networks: the decay of AdamW."},
	{Name: "ema", Kind: task.Float, Unit: "1", Default: .99, Min: task.Bound(0), Max: task.Bound(.99999), Step: task.Train, Help: "Of networks: how much of the running average of the weights, which is what is kept, stays at each step; 0 keeps the last weights."},
	{Name: "mixup", Kind: task.Float, Unit: "1", Default: .2, Min: task.Bound(0), Max: task.Bound(10), Step: task.Train, Help: "Of networks: the parameter of the beta distribution by which two recordings and their labels are mixed (Zhang et al. 2018); 0 mixes none."},
	{Name: "jitter", Kind: task.Float, Unit: "spread of the signal", Default: .05, Min: task.Bound(0), Max: task.Bound(2), Step: task.Train, Help: "Of networks: the noise, and the share by which the size varies, that training recordings are given anew in each pass."},
	{Name: "width", Kind: task.Int, Unit: "channels", Default: 32, Min: task.Bound(4), Max: task.Bound(1024), Step: task.Train, Help: "Of resnet1d, tcn and transformer: channels of the first stage, or of all."},
	{Name: "dropout", Kind: task.Float, Unit: "1", Default: .1, Min: task.Bound(0), Max: task.Bound(.9), Step: task.Train, Help: "Of resnet1d, tcn and transformer: the share of values that is left out while learning."},
	{Name: "rounds", Kind: task.Int, Unit: "trees", Default: 500, Min: task.Bound(1), Max: task.Bound(1e5), Step: task.Train, Help: "Of boost: the trees of each class."},

	{Name: "thresholds", Kind: task.Floats, Unit: "risk", Min: task.Bound(0), Max: task.Bound(1), Step: task.Evaluate, Help: "Risks at and above which a case counts as positive, for sensitivity, specificity, PPV and NPV. Without any, the threshold with the largest Youden index on training patients."},
	{Name: "decision-range", Kind: task.Floats, Unit: "risk", Default: []float64{.05, .5}, Min: task.Bound(.001), Max: task.Bound(.999), Step: task.Evaluate, Help: "The lowest and highest risk threshold that is clinically sensible, for the decision curve."},
	{Name: "bootstrap", Kind: task.Int, Unit: "samples", Default: 1000, Min: task.Bound(100), Max: task.Bound(1e5), Step: task.Evaluate, Help: "How many bootstrap samples of patients the 95 % intervals come from."},
	{Name: "traces", Kind: task.Int, Unit: "recordings", Default: 4, Min: task.Bound(0), Max: task.Bound(50), Step: task.Evaluate, Help: "How many test recordings the report shows with the parts that the model goes by."},

	{Name: "explain", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "integrated-gradients", "occlusion", "none"}, Step: task.Evaluate, Help: "How a prediction is explained on the trace: by integrated gradients, which need a network; by covering parts of it; or not. Auto takes gradients where there are such."},

	{Name: "labelled", Kind: task.Bool, Step: task.Apply, Help: "The first number of each row of a matrix is its label, and is passed over."},
	{Name: "neighbours", Kind: task.Int, Unit: "recordings", Default: 5, Min: task.Bound(0), Max: task.Bound(100), Step: task.Apply, Help: "How many nearest training recordings a prediction names."},
	{Name: "abstain", Kind: task.Float, Unit: "share of training recordings", Default: .99, Min: task.Bound(.5), Max: task.Bound(1), Step: task.Apply, Help: "A recording farther from the training recordings than this share of them are from each other gets no prediction but an abstention; 1 never abstains."},
	{Name: "trace", Kind: task.Bool, Step: task.Apply, Help: "Give each prediction a drawing (SVG) of its trace with the parts that it rests on."},
}

// kinds are the models, simplest first.
var kinds = []string{"boost", "cnn1d", "tcn", "resnet1d", "transformer"}
