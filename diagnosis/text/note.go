// Package note is the task diagnosis/text: clinical notes → classes of documents, entities in them, or what is said of
// findings (negated, past, somebody else's).
//
// Task (this file) declares it. The steps are in collect.go, preprocess.go, train.go, evaluate.go and apply.go. Start
// with read.go (what a note is), then plan.go (what of a note a model sees), model.go (what is kept) with network.go, and
// explain.go (why). Entities and assertions are the work of packages text/crf and text/assertion.
//
// Models of documents follow Wang and Manning (ACL 2012: words and pairs of words in a linear model are hard to beat),
// Kim (EMNLP 2014: convolutions) and gated recurrent units; a BERT encoder that the user has may give the features.
package note

import "galen.dev/task"

// The kinds of studies.
const (
	classify   = "classify"
	entities   = "entities"
	assertions = "assertion"
)

// Task is diagnosis/text.
var Task = &task.Task{
	Name:  "diagnosis/text",
	Short: "Clinical notes → classes, entities, and what is said of findings",
	Needs: "CSV or JSON Lines with a text in each row, or a folder of .txt with labels.csv; for entities CoNLL files",
	Long: `Learns from labelled notes, and says how far it can be trusted. There are three kinds of studies.

kind: classify tells documents apart: a diagnosis, a triage group, a sentiment. Data are CSV or JSON Lines with the
columns text and label (patient and split where there are such), or a folder of .txt files with labels.csv (record and
label). A linear model of words and pairs of words, a convolutional and a recurrent network compete, and with an encoder
that the user gives (BERT as safetensors or ONNX) a linear model of its vectors. Probabilities are recalibrated on notes
that the model had not seen.

kind: entities finds names, such as diseases, in marked text (CoNLL: a token and its label in each line) by a
conditional random field with a dictionary. kind: assertion learns from findings (columns text and phrase, with presence,
temporality, experiencer) what is said of them; entities that are found are given an assertion by the rules too.

Reports show no text of patients: they count, and name only words that the notes of several patients share (min-count,
five unless the study says otherwise). With show-text: true, for public or made-up notes, they quote.

Refused, with the rows: invalid UTF-8, notes longer than 16 MiB, empty notes, notes without label and labels without
note, labels of another form. A note of words that the training notes did not have gets an abstention.`,
	Example: `task: diagnosis/text
data: notes.csv               # columns text, label, patient
seed: 7
params:
  kind: classify
  model: linear`,
	Params: params,
	Headline: []task.Headline{
		{Metric: "auroc", Label: "AUROC"}, {Metric: "accuracy", Label: "Accuracy"}, {Metric: "f1", Label: "F1 (strict)"}, {Metric: "f1-lenient", Label: "F1 (lenient)"}, {Metric: "f1-negated", Label: "F1 of negation"},
	},
	Collect: collect, Preprocess: preprocess, Train: train, Evaluate: evaluate, Apply: apply,
}

// kinds are the models of documents, simplest first.
var kinds = []string{"linear", "bert", "cnn", "gru"}

var params = []task.Param{
	{Name: "kind", Kind: task.Choice, Default: classify, Choices: []string{classify, entities, assertions}, Step: task.Collect, Help: "What is learnt: classes of whole notes, entities in them, or what is said of findings."},
	{Name: "text", Kind: task.String, Default: "text", Step: task.Collect, Help: "The column of the text."},
	{Name: "label", Kind: task.String, Default: "label", Step: task.Collect, Help: "The column of the class."},
	{Name: "patient", Kind: task.String, Default: "patient", Step: task.Collect, Help: "The column that says whose note it is, where there is such; notes of a patient stay together."},
	{Name: "labels", Kind: task.String, Default: "labels.csv", Step: task.Collect, Help: "The table of labels inside a folder of .txt files: CSV with the columns record and label, and patient and split where there are such."},
	{Name: "phrase", Kind: task.String, Default: "phrase", Step: task.Collect, Help: "Of assertion: the column of the finding, as it stands in the text."},
	{Name: "presence", Kind: task.String, Default: "presence", Step: task.Collect, Help: "Of assertion: the column that says affirmed, negated or possible."},
	{Name: "temporality", Kind: task.String, Default: "temporality", Step: task.Collect, Help: "Of assertion: the column that says recent, historical or hypothetical, where there is such."},
	{Name: "experiencer", Kind: task.String, Default: "experiencer", Step: task.Collect, Help: "Of assertion: the column that says patient or other, where there is such."},
	{Name: "replace-invalid", Kind: task.Bool, Step: task.Collect, Help: "Put U+FFFD in the place of bytes that are not valid UTF-8, rather than refuse the note."},

	{Name: "positive", Kind: task.Strings, Step: task.Preprocess, Help: "The labels that make up the event. Without any, each label is a class, and of two that speak for themselves (0 and 1, no and yes, negative and positive) the second is the event."},
	{Name: "split", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "random"}, Step: task.Preprocess, Help: "How test patients are set apart: auto takes the split that the data give, by the column split or by files whose names hold train, devel and test, and draws one where they give none; random always draws, stratified by label."},
	{Name: "test", Kind: task.Float, Unit: "share of patients", Default: .25, Min: task.Bound(.05), Max: task.Bound(.9), Step: task.Preprocess, Help: "The share of patients set apart for testing, where the split is drawn."},
	{Name: "ngrams", Kind: task.Int, Unit: "words", Default: 2, Min: task.Bound(1), Max: task.Bound(4), Step: task.Preprocess, Help: "Of the linear model: how many words in a row are a feature at most. Chinese characters count as words."},
	{Name: "min-count", Kind: task.Int, Unit: "patients", Default: 5, Min: task.Bound(2), Max: task.Bound(10000), Step: task.Preprocess, Help: "Words that fewer training patients have are not learnt, so that no model or report keeps what one patient alone had."},
	{Name: "max-features", Kind: task.Int, Unit: "features", Default: 100000, Min: task.Bound(10), Max: task.Bound(1000000), Step: task.Preprocess, Help: "How many words and rows of words are learnt at most, the commonest first."},

	{Name: "model", Kind: task.Choice, Default: "auto", Choices: append([]string{"auto"}, kinds...), Step: task.Train, Help: "Of classify: the kind of model; auto chooses by cross-validation."},
	{Name: "candidates", Kind: task.Strings, Choices: kinds, Default: []string{"linear", "cnn"}, Step: task.Train, Help: "The models among which auto chooses, simplest first."},
	{Name: "folds", Kind: task.Int, Unit: "folds", Default: 5, Min: task.Bound(2), Max: task.Bound(20), Step: task.Train, Help: "The number of folds of the cross-validation on training patients."},
	{Name: "calibration", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "none", "platt", "isotonic", "beta", "temperature"}, Step: task.Train, Help: "How probabilities are recalibrated on predictions for unseen training patients; auto chooses by cross-validated log loss and may choose none."},
	{Name: "coverage", Kind: task.Float, Unit: "share of cases", Default: .9, Min: task.Bound(.5), Max: task.Bound(.999), Step: task.Train, Help: "The share of the cases of each class whose class the conformal prediction set must hold."},
	{Name: "penalty", Kind: task.Float, Unit: "1", Default: .1, Min: task.Bound(1e-6), Max: task.Bound(1e6), Step: task.Train, Help: "Of the linear models: the weight of the quadratic penalty, 1/C of scikit-learn."},
	{Name: "epochs", Kind: task.Int, Unit: "epochs", Default: 10, Min: task.Bound(1), Max: task.Bound(10000), Step: task.Train, Help: "Of networks: passes over the training notes."},
	{Name: "batch", Kind: task.Int, Unit: "notes", Default: 32, Min: task.Bound(2), Max: task.Bound(4096), Step: task.Train, Help: "Of networks: notes of a step."},
	{Name: "learning-rate", Kind: task.Float, Unit: "1", Default: .003, Min: task.Bound(1e-6), Max: task.Bound(1), Step: task.Train, Help: "Of networks: the highest rate of AdamW, which rises and falls in one cycle."},
	{Name: "width", Kind: task.Int, Unit: "channels", Default: 64, Min: task.Bound(4), Max: task.Bound(1024), Step: task.Train, Help: "Of networks: channels of the vectors of words and of the layers."},
	{Name: "dropout", Kind: task.Float, Unit: "1", Default: .3, Min: task.Bound(0), Max: task.Bound(.9), Step: task.Train, Help: "Of networks: the share of values that is left out while learning."},
	{Name: "max-words", Kind: task.Int, Unit: "words", Default: 256, Min: task.Bound(8), Max: task.Bound(4096), Step: task.Train, Help: "Of networks: how many words of a note are seen, from its beginning."},
	{Name: "encoder", Kind: task.String, Step: task.Train, Help: "Of bert: the folder of the encoder, with tokenizer, and config.json and model.safetensors or model.onnx."},
	{Name: "dictionary", Kind: task.Path, Step: task.Train, Help: "Of entities: a file with a further name in each line, whatever its type."},
	{Name: "iterations", Kind: task.Int, Unit: "iterations", Default: 70, Min: task.Bound(1), Max: task.Bound(10000), Step: task.Train, Help: "Of entities: steps of L-BFGS of each chain that is kept."},
	{Name: "smoothing", Kind: task.Float, Unit: "1", Default: .5, Min: task.Bound(1e-6), Max: task.Bound(1e6), Step: task.Train, Help: "Of entities and assertion: the weight of the quadratic penalty."},

	{Name: "thresholds", Kind: task.Floats, Unit: "risk", Min: task.Bound(0), Max: task.Bound(1), Step: task.Evaluate, Help: "Risks at and above which a note counts as positive, for sensitivity, specificity, PPV and NPV. Without any, the threshold with the largest Youden index on training patients."},
	{Name: "decision-range", Kind: task.Floats, Unit: "risk", Default: []float64{.05, .5}, Min: task.Bound(.001), Max: task.Bound(.999), Step: task.Evaluate, Help: "The lowest and highest risk threshold that is clinically sensible, for the decision curve."},
	{Name: "bootstrap", Kind: task.Int, Unit: "samples", Default: 1000, Min: task.Bound(100), Max: task.Bound(100000), Step: task.Evaluate, Help: "How many bootstrap samples of patients or documents the 95 % intervals come from."},
	{Name: "explained", Kind: task.Int, Unit: "notes", Default: 20, Min: task.Bound(0), Max: task.Bound(1000), Step: task.Evaluate, Help: "On how many test notes the explanations are put to the proof."},
	{Name: "show-text", Kind: task.Bool, Step: task.Evaluate, Help: "Let the report quote words of single notes. Only for notes that are public or made up."},

	{Name: "words", Kind: task.Int, Unit: "words", Default: 10, Min: task.Bound(0), Max: task.Bound(1000), Step: task.Apply, Help: "How many words an explanation names; 0 explains nothing."},
	{Name: "abstain", Kind: task.Float, Unit: "share of words", Default: .3, Min: task.Bound(0), Max: task.Bound(1), Step: task.Apply, Help: "A note of whose words a smaller share is known from the training notes gets no class but an abstention; 0 never abstains."},
	{Name: "least", Kind: task.Float, Unit: "probability", Default: .5, Min: task.Bound(0), Max: task.Bound(1), Step: task.Apply, Help: "Of entities and assertion: what is found with a lower confidence is marked as unsure."},
}
