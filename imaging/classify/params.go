package classify

import "galen.dev/task"

func params() []task.Param {
	return append(append(dataParams(), trainParams()...), resultParams()...)
}

func dataParams() []task.Param {
	return []task.Param{
		{Name: "columns", Kind: task.Strings, Step: task.Collect, Help: "Of a table: the column that holds the class, or one column of 0 and 1 for each finding. Without it, a column named label, class or diagnosis, or else all columns of 0 and 1."},
		{Name: "patient", Kind: task.String, Step: task.Collect, Help: "Of a table: the column that tells patients apart, whose images stay together in every split. Without it, a column named patient, if there is one; DICOM files say it themselves."},
		{Name: "assume-geometry", Kind: task.Bool, Step: task.Collect, Help: "Take images whose files do not say how they lie in the patient by their spacing alone. They are refused otherwise, for left and right may be exchanged."},

		{Name: "labels", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "classes", "ordinal"}, Step: task.Preprocess, Help: "What the labels are: auto takes them as the data have them (an event, classes, or several findings); ordinal says that the classes are grades in rising order."},
		{Name: "positive", Kind: task.Strings, Step: task.Preprocess, Help: "The classes that make up the event. With two classes and nothing given, the second is the event."},
		{Name: "split", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "random"}, Step: task.Preprocess, Help: "How test images are set apart: auto takes the split that the data give, where they do; random draws patients, stratified by class."},
		{Name: "test", Kind: task.Float, Unit: "share of images", Default: .2, Min: task.Bound(.05), Max: task.Bound(.9), Step: task.Preprocess, Help: "The share of images set apart for testing, where the split is drawn."},
		{Name: "validation", Kind: task.Float, Unit: "share of the other images", Default: .15, Min: task.Bound(.05), Max: task.Bound(.5), Step: task.Preprocess, Help: "The share of the rest on which training is watched and probabilities are recalibrated, where the data set none apart."},
		{Name: "channels", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "grey", "colour"}, Step: task.Preprocess, Help: "Colours of pictures: auto keeps them where any picture has some, and takes grey ones for three equal channels then."},
		{Name: "size", Kind: task.Int, Unit: "pixels", Min: task.Bound(0), Max: task.Bound(1024), Step: task.Preprocess, Help: "Height and width of the network's input; 0 takes those of the training images, at most 224 (volumes: 64)."},
		{Name: "slices", Kind: task.Int, Unit: "slices", Min: task.Bound(0), Max: task.Bound(512), Step: task.Preprocess, Help: "Of volumes: the depth of the network's input; 0 takes that of the training images, at most 64."},
		{Name: "fit", Kind: task.Choice, Default: "pad", Choices: []string{"pad", "stretch"}, Step: task.Preprocess, Help: "How pictures of other proportions come to the network's input: pad keeps their proportions, stretch does not. Volumes are stretched."},
		{Name: "intensity", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "training", "window", "image"}, Step: task.Preprocess, Help: "How values are standardised: by mean and spread of the training images; the same after a clip at their .5 and 99.5 percentiles (window); or each image by its own. Auto: window for Hounsfield units, training for bytes, else image."},
	}
}

func trainParams() []task.Param {
	return []task.Param{
		{Name: "model", Kind: task.Choice, Default: "resnet18", Choices: modelNames, Step: task.Train, Help: "The network. basic-cnn and basic-rnn are those of the article; cnn-rnn reads a CNN's features row by row, or slice by slice."},
		{Name: "width", Kind: task.Int, Unit: "channels", Min: task.Bound(0), Max: task.Bound(512), Step: task.Train, Help: "Of resnet18 and resnet34: channels of the first stage; of basic-rnn and cnn-rnn: width of the state. 0 is 64 and 128. Time and memory grow with its square."},
		{Name: "dropout", Kind: task.Float, Unit: "1", Max: task.Bound(.9), Min: task.Bound(0), Step: task.Train, Help: "The share of features left out before the last layer while training; basic-cnn has none."},
		{Name: "epochs", Kind: task.Int, Unit: "epochs", Default: 30, Min: task.Bound(1), Max: task.Bound(10000), Step: task.Train, Help: "Passes over the training images."},
		{Name: "batch", Kind: task.Int, Unit: "images", Default: 64, Min: task.Bound(1), Max: task.Bound(4096), Step: task.Train, Help: "Images of one update."},
		{Name: "optimiser", Kind: task.Choice, Default: "adamw", Choices: []string{"adamw", "adam", "sgd"}, Step: task.Train, Help: "How gradients change weights."},
		{Name: "learning-rate", Kind: task.Float, Unit: "1", Default: .002, Min: task.Bound(1e-7), Max: task.Bound(10), Step: task.Train, Help: "The highest learning rate."},
		{Name: "schedule", Kind: task.Choice, Default: "one-cycle", Choices: []string{"one-cycle", "cosine", "polynomial", "constant"}, Step: task.Train, Help: "How the learning rate changes over the steps."},
		{Name: "weight-decay", Kind: task.Float, Unit: "1", Default: .01, Min: task.Bound(0), Max: task.Bound(10), Step: task.Train, Help: "How far weights are pulled to zero."},
		{Name: "momentum", Kind: task.Float, Unit: "1", Min: task.Bound(0), Max: task.Bound(.999), Step: task.Train, Help: "Of sgd: the share of the last change that goes on; the article's networks have none."},
		{Name: "ema", Kind: task.Float, Unit: "1", Default: .99, Min: task.Bound(0), Max: task.Bound(.99999), Step: task.Train, Help: "Of the average of weights over steps: the share of the old that stays at each step; 0 keeps no average."},
		{Name: "class-weight", Kind: task.Choice, Default: "none", Choices: []string{"none", "balanced"}, Step: task.Train, Help: "Balanced weighs classes inversely to their size. It spoils calibration, which recalibration must then mend, so none is the default."},
		{Name: "smoothing", Kind: task.Float, Unit: "1", Min: task.Bound(0), Max: task.Bound(.5), Step: task.Train, Help: "The share of each label that is spread over the others, against networks that are too sure."},
		{Name: "mixup", Kind: task.Float, Unit: "1", Min: task.Bound(0), Max: task.Bound(10), Step: task.Train, Help: "Alpha of mix-up: images and labels are mixed in pairs by weights from Beta(alpha, alpha); 0 mixes none, .2 is usual."},
		{Name: "augment", Kind: task.Choice, Default: "light", Choices: []string{"none", "light", "strong"}, Step: task.Train, Help: "How far training images are varied: light changes place, size and exposure a little; strong adds blur, gamma, low resolution and more of all."},
		{Name: "strength", Kind: task.Float, Unit: "1", Default: 1., Min: task.Bound(0), Max: task.Bound(3), Step: task.Train, Help: "Stretches the ranges of augment."},
		{Name: "flips", Kind: task.Choice, Default: "none", Choices: []string{"none", "horizontal", "all"}, Step: task.Train, Help: "Mirror training images along these axes. None is the default because the heart lies on the left."},
		{Name: "members", Kind: task.Int, Unit: "networks", Default: 1, Min: task.Bound(1), Max: task.Bound(50), Step: task.Train, Help: "How many networks are trained, from different seeds, and averaged. With folds there is one network for each fold and this counts nothing."},
		{Name: "folds", Kind: task.Int, Unit: "folds", Min: task.Bound(0), Max: task.Bound(20), Step: task.Train, Help: "Train one network for each fold of training and validation images together, watched and recalibrated on the images left out; 0 takes the validation part as it is."},
		{Name: "select", Kind: task.Choice, Default: "auc", Choices: []string{"auc", "loss", "last"}, Step: task.Train, Help: "Which epoch's weights are kept: those best on validation images by AUC or loss, or the last ones."},
		{Name: "patience", Kind: task.Int, Unit: "epochs", Min: task.Bound(0), Max: task.Bound(10000), Step: task.Train, Help: "Stop a training after so many epochs without a better score; 0 runs all."},
		{Name: "memory", Kind: task.Float, Unit: "GiB", Min: task.Bound(0), Max: task.Bound(4096), Step: task.Train, Help: "The most memory that training may take: batches are halved, and gradients added up over several, until it does; a study that cannot is refused. 0 is what the machine has free, and halves nothing."},
		{Name: "backend", Kind: task.String, Default: "cpu", Step: task.Train, Help: "What computes: cpu, go (slow, to compare with), or xla:cuda in programs built with it."},
		{Name: "tta", Kind: task.Choice, Default: "none", Choices: []string{"none", "flips", "shifts", "both"}, Step: task.Train, Help: "Average predictions over views of each image: mirrored as flips says, shifted by a thirtieth each way, or both."},
		{Name: "calibration", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "none", "platt", "isotonic", "beta", "temperature"}, Step: task.Train, Help: "How probabilities are recalibrated on images left out of training; auto chooses by cross-validated log loss and may choose none."},
		{Name: "coverage", Kind: task.Float, Unit: "share of images", Default: .9, Min: task.Bound(.5), Max: task.Bound(.999), Step: task.Train, Help: "The share of the images of each class whose class the conformal prediction set must hold."},
	}
}

func resultParams() []task.Param {
	return []task.Param{
		{Name: "thresholds", Kind: task.Floats, Unit: "risk", Min: task.Bound(0), Max: task.Bound(1), Step: task.Evaluate, Help: "Risks at and above which an image counts as positive, for sensitivity, specificity, PPV and NPV. Without any, the threshold with the largest Youden index on images left out of training."},
		{Name: "decision-range", Kind: task.Floats, Unit: "risk", Default: []float64{.05, .5}, Min: task.Bound(.001), Max: task.Bound(.999), Step: task.Evaluate, Help: "The lowest and highest risk threshold that is clinically sensible, for the decision curve."},
		{Name: "bootstrap", Kind: task.Int, Unit: "samples", Default: 1000, Min: task.Bound(100), Max: task.Bound(1e5), Step: task.Evaluate, Help: "How many bootstrap samples of patients the 95 % intervals come from."},
		{Name: "pictures", Kind: task.Int, Unit: "images", Default: 4, Min: task.Bound(0), Max: task.Bound(16), Step: task.Evaluate, Help: "How many of the worst, of the middle and of the best test images the report shows. It is a page with patients' images then."},

		{Name: "explain", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "none", "cam", "grad-cam", "integrated-gradients", "occlusion"}, Step: task.Apply, Help: "How a prediction is explained; auto takes cam where the network allows, else grad-cam or integrated-gradients."},
		{Name: "overlays", Kind: task.String, Step: task.Apply, Help: "A folder for a PNG of each image with the map of what spoke for its class; none are written without it."},
		{Name: "abstain", Kind: task.Float, Unit: "share of training images", Default: .995, Min: task.Bound(.5), Max: task.Bound(1), Step: task.Apply, Help: "An image farther from the training images than this share of them are from each other gets no finding but an abstention; 1 abstains from blank images and foreign ranges of values alone."},
	}
}
