// Package classify tells what an image shows: the task imaging/classify, for pictures and volumes.
//
// Its steps are in collect.go, preprocess.go, train.go, evaluate.go and apply.go. Read labels.go first (what is told:
// an event, classes, grades or several labels, and what a network's outputs mean), then plan.go (how an image becomes
// the network's input), network.go, train.go (members of an ensemble and what they see), predict.go (the mean over
// members and views) and reach.go (which images the model may speak about).
//
// The method is that of the field's plain, strong baselines: a small residual network trained on varied images with
// weights averaged over steps (He et al. 2016; Polyak and Juditsky 1992), predictions averaged over views and members,
// and recalibrated on images that no member was trained on. The article's basic networks are there as it lists them.
package classify

import (
	_ "galen.dev/engine" // the backend "cpu"

	"galen.dev/task"
)

// Task is the task imaging/classify.
var Task = &task.Task{
	Name:  "imaging/classify",
	Short: "Images → calibrated findings",
	Needs: "Images with a label each: MedMNIST arrays (.npz), a table of paths and labels (CSV), folders by class; DICOM, NIfTI, NRRD, PNG, JPEG, TIFF, NumPy",
	Long: `Learns from labelled images (X-ray, ultrasound, CT, MRI, microscopy; pictures or volumes) to tell what a new image
shows, with a probability that can be trusted.

The labels are an event, several classes, ordered grades, or several findings that may occur together; the data say
which, or the parameter labels. Networks are a residual network, the article's basic CNN, its RNN reading the rows of a
picture or the slices of a volume, and a CNN whose features a recurrent network reads. Several may be trained and
averaged. Probabilities are recalibrated on images that the networks were not trained on. The report shows
discrimination, calibration and net benefit with 95 % intervals, the worst, middle and best cases, where the networks
look, and how faithful that picture is.

Applied to a new image, the model gives the probability of each class with an interval and a set, a map of what spoke
for it, and whether the image is like those it has learnt from: a blank image, another range of values or another kind
of picture is flagged, and no finding is told.

Refused: images that cannot be read, labels without images, patients on both sides of a given split, values that are no
numbers. A study can let a finding pass by its name; the report then says so.`,
	Example: `task: imaging/classify
data: breastmnist              # a name from the catalogue, or a path
seed: 7
params:
  model: resnet18
  width: 16
  epochs: 30`,
	Params: params(),
	Headline: []task.Headline{
		{Metric: "auc", Label: "AUC"},
		{Metric: "acc", Label: "Accuracy"},
		{Metric: "brier", Label: "Brier score"},
		{Metric: "calibration-slope", Label: "Calibration slope"},
	},
	Folders:    true,
	Collect:    collect,
	Preprocess: preprocess,
	Train:      train,
	Evaluate:   evaluate,
	Apply:      apply,
}
