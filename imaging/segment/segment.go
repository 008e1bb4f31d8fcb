// Package segment finds organs, lesions and cells in images: which voxels belong to them, their volumes, their number.
//
// Task (this file) is the task imaging/segment: images with masks → a network that draws such masks on new images. The
// method is nnU-Net's (Isensee et al., Nature Methods 2021;18:203): the data decide by fixed rules (package plan) about
// spacing, patches and network, training varies the images heavily, and inference averages overlapping, mirrored
// patches. It was the method of most winners of segmentation challenges, without tuning by hand.
//
// Steps are in collect.go, preprocess.go, train.go, evaluate.go and apply.go. Read then network.go (the U-Net),
// prepared.go and patches.go (what training reads), fit.go (how it trains), predict.go and restore.go (inference in
// bounded memory), tidy.go and instance.go (what is chosen on validation cases), domain.go (what is too strange).
package segment

import (
	"galen.dev/task"
)

// Task is the task imaging/segment.
var Task = &task.Task{
	Name:  "imaging/segment",
	Short: "Images with masks → masks on new images",
	Needs: "Images (DICOM, NIfTI, NRRD, PNG, TIFF, JPEG, NumPy) with a mask for each",
	Long: `Learns from images with masks to mark the same structures on new images: organs and lesions in CT and MRI, cells in
microscopy, in two or three dimensions.

Rules that look at the training images decide about spacing, intensities, patches and the depth of a U-Net; they leave
plan.json, which may be changed by hand and given back. The memory that training takes is bounded by the plan and printed
before it starts. What is kept of a prediction (largest parts, how touching instances are told apart) is decided on
validation cases, and the report shows overlap, distances in millimetres, volumes and instances per case with 95 %
intervals, beside pictures of the best, the median and the worst case.

Applied to an image, the model writes a mask on the image's own grid: NIfTI, a DICOM segmentation that refers to the
source series, PNG overlays, and a report if wanted. It tells volumes in millilitres, how sure it is and what is unlike
the training images; it abstains where the image is too far from them or mirrored predictions disagree.

Refused: masks on another grid than their image, labels that no class names, voxels that are not finite, geometry that is
not certain, the same patient on both sides of a split.`,
	Example: `task: imaging/segment
data: nuclei                   # a folder with images and masks, or a name from the catalogue
seed: 1
params:
  instances: border            # touching nuclei are told apart
  epochs: 30`,
	Params: params,
	Headline: []task.Headline{
		{Metric: "dice", Label: "Dice"},
		{Metric: "surface-dice", Label: "Surface Dice"},
		{Metric: "hd95-mm", Label: "HD95 (mm)"},
		{Metric: "pq", Label: "Panoptic quality"},
		{Metric: "aji", Label: "Aggregated Jaccard"},
	},
	Folders:    true,
	Collect:    collect,
	Preprocess: preprocess,
	Train:      train,
	Evaluate:   evaluate,
	Apply:      apply,
}

var params = []task.Param{
	{Name: "patient", Kind: task.String, Step: task.Collect, Help: "The column of a table of images that identifies the patient: images of one patient stay together in every split. Without it the source's own identifiers count, and where it has none each image is a patient of its own."},
	{Name: "assume-geometry", Kind: task.Bool, Step: task.Collect, Help: "Take images that do not say where they lie in the patient by their spacing alone."},

	{Name: "classes", Kind: task.Map, Unit: "label", Min: task.Bound(1), Max: task.Bound(65535), Step: task.Preprocess, Help: "What the masks' labels stand for, as liver=1. Without it the source's own names count, or each label of the training masks is a class."},
	{Name: "instances", Kind: task.Choice, Default: "none", Choices: []string{"none", "components", "border"}, Step: task.Preprocess, Help: "How countable things are told apart: components takes each connected part of a class for one; border takes masks whose values number the instances, and learns their inside and border, so that touching ones are separated."},
	{Name: "channels", Kind: task.Strings, Step: task.Preprocess, Help: "Names of the images' channels, which decide how intensities are brought to scale: ct, nonorm, rescale_to_0_1, rgb_to_0_1, and anything else for standard scores per image. Without it the source's names or the modality of DICOM count."},
	{Name: "test", Kind: task.Float, Unit: "share of patients", Default: .2, Min: task.Bound(.05), Max: task.Bound(.8), Step: task.Preprocess, Help: "The share of patients set apart for testing, where the source does not say which."},
	{Name: "validation", Kind: task.Float, Unit: "share of patients", Default: .15, Min: task.Bound(.05), Max: task.Bound(.8), Step: task.Preprocess, Help: "The share of the other patients on whom epochs and post-processing are chosen, where the source does not say which and folds is 1."},
	{Name: "folds", Kind: task.Int, Unit: "folds", Default: 1, Min: task.Bound(1), Max: task.Bound(20), Step: task.Preprocess, Help: "With 2 or more, so many networks are trained, each validated on another part of the patients that do not test, and their predictions are averaged. nnU-Net takes 5; 1 trains one network on one validation split in a fifth of the time."},
	{Name: "plan", Kind: task.Path, Step: task.Preprocess, Help: "A plan.json that was changed by hand, to take in place of what the rules say."},
	{Name: "configuration", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "2d", "3d_fullres", "3d_lowres"}, Step: task.Preprocess, Help: "How images are seen: slice by slice, in solid patches, or in solid patches at a wider spacing; auto takes solid patches where images have depth."},
	{Name: "width", Kind: task.Int, Unit: "channels", Default: 16, Min: task.Bound(2), Max: task.Bound(128), Step: task.Preprocess, Help: "Channels of the network's first stage; each further one has twice as many, up to a bound. nnU-Net takes 32, which takes four times the work."},
	{Name: "patch", Kind: task.Int, Unit: "voxels", Step: task.Preprocess, Max: task.Bound(2048), Min: task.Bound(0), Help: "The longest side of a patch; 0 bounds it at 256 in planes and 80 in volumes, which processors can train on, and nnU-Net's rules choose below that."},
	{Name: "batch", Kind: task.Int, Unit: "patches", Step: task.Preprocess, Min: task.Bound(0), Max: task.Bound(512), Help: "The most patches in a batch; 0 leaves it to the rules, up to 8, beyond which processors gain nothing."},
	{Name: "memory", Kind: task.Float, Unit: "GiB", Default: 4., Min: task.Bound(.0625), Max: task.Bound(4096), Step: task.Preprocess, Help: "What training may take: patch and batch are made to fit, and a plan by hand that does not is refused."},

	{Name: "epochs", Kind: task.Int, Unit: "epochs", Default: 40, Min: task.Bound(1), Max: task.Bound(1e5), Step: task.Train, Help: "After each epoch the network is scored on validation patches. nnU-Net takes 1000, made for days on a graphics card."},
	{Name: "iterations", Kind: task.Int, Unit: "batches", Default: 50, Min: task.Bound(1), Max: task.Bound(1e6), Step: task.Train, Help: "Training batches in an epoch. nnU-Net takes 250."},
	{Name: "validations", Kind: task.Int, Unit: "batches", Default: 8, Min: task.Bound(1), Max: task.Bound(1e5), Step: task.Train, Help: "Batches of validation patches that score an epoch. nnU-Net takes 50."},
	{Name: "optimiser", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "sgd", "adamw"}, Step: task.Train, Help: "nnU-Net's SGD with Nesterov momentum .99 and a polynomial schedule, or AdamW with one cycle; auto takes SGD from 20,000 updates on, below which its momentum hardly gets going."},
	{Name: "learning-rate", Kind: task.Float, Unit: "1", Min: task.Bound(0), Max: task.Bound(1), Step: task.Train, Help: "The highest learning rate; 0 is .01 for sgd and .002 for adamw."},
	{Name: "augment", Kind: task.Choice, Default: "nnunet", Choices: []string{"nnunet", "none"}, Step: task.Train, Help: "How training patches are varied: as nnU-Net does, or not at all."},
	{Name: "flip", Kind: task.Bool, Default: true, Step: task.Train, Help: "Mirror training patches along every axis. Turn it off where classes differ by their side, such as left and right lung."},
	{Name: "mirror", Kind: task.Bool, Default: true, Step: task.Train, Help: "Average predictions over mirrored patches: somewhat better, four times (in volumes eight times) the work, and a measure of how sure the model is. It is off where flip is off."},
	{Name: "tidy", Kind: task.Choice, Default: "auto", Choices: []string{"auto", "none"}, Step: task.Train, Help: "Keep only the largest connected part of a class where that helps on validation cases, or never."},
	{Name: "checkpoints", Kind: task.String, Step: task.Train, Help: "A folder in which training is kept while it runs, so that it goes on after a crash as if nothing had happened; without it training starts anew."},
	{Name: "checkpoint-steps", Kind: task.Int, Unit: "updates", Default: 250, Min: task.Bound(1), Max: task.Bound(1e7), Step: task.Train, Help: "Updates between two checkpoints, where there is a folder for them."},

	{Name: "tolerance", Kind: task.Float, Unit: "mm", Default: 1., Min: task.Bound(0), Max: task.Bound(100), Step: task.Evaluate, Help: "The distance by which experts' outlines differ: what lies within it counts as right in the surface Dice."},
	{Name: "bootstrap", Kind: task.Int, Unit: "samples", Default: 1000, Min: task.Bound(100), Max: task.Bound(1e5), Step: task.Evaluate, Help: "How many bootstrap samples of patients the 95 % intervals come from."},

	{Name: "output", Kind: task.String, Default: "segmentations", Step: task.Apply, Help: "The folder that masks and pictures are written into, relative to the run's folder."},
	{Name: "write", Kind: task.Strings, Choices: []string{"nifti", "seg", "png", "pdf", "sr"}, Default: []string{"nifti", "seg", "png"}, Step: task.Apply, Help: "What is written for each image: a NIfTI mask, a DICOM segmentation (for DICOM series), a PNG with the outlines, a report as PDF, or as DICOM structured report (for DICOM series)."},
	{Name: "abstain", Kind: task.Float, Unit: "Dice", Default: .5, Min: task.Bound(0), Max: task.Bound(1), Step: task.Apply, Help: "The model abstains where mirrored predictions agree less than this, and where the image is far from all training images; 0 never abstains."},
}
