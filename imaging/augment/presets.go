package augment

import "slices"

// Light2D varies small plane images for classification a little: position, size and exposure. It flips nothing:
// the heart lies on the left, and whoever knows that an organ may be flipped adds it.
func Light2D() Settings {
	return Settings{
		Border:   Edge,
		Rotation: Rotation{Probability: .5, Degrees: [3]Range{{-10, 10}}},
		Scale:    Scale{Probability: .5, Factor: Range{.9, 1.1}},
		Shift:    Shift{Probability: .5, Fraction: [3]float64{0, .1, .1}},
		Multiply: Intensity{Probability: .3, Range: Range{.9, 1.1}},
		Contrast: Intensity{Probability: .3, Range: Range{.9, 1.1}},
		Noise:    Intensity{Probability: .1, Range: Range{0, .05}},
	}
}

// NNUNet2D is nnU-Net's augmentation of plane patches, given their height and width. It expects images in
// standard scores. Patches longer than 1.5 times their other side turn by 15 degrees at most.
func NNUNet2D(patch [2]int) Settings {
	s := nnUNet()
	s.Flip = [3]float64{0, .5, .5}
	s.Rotation.Degrees = [3]Range{{-180, 180}}
	if float64(max(patch[0], patch[1])) > 1.5*float64(min(patch[0], patch[1])) {
		s.Rotation.Degrees = [3]Range{{-15, 15}}
	}
	return s
}

// NNUNet3D is nnU-Net's augmentation of solid patches, given their depth, height and width, the axis of the
// widest spacing first. It expects images in standard scores. Where the longest side is over 3 times the depth,
// the slices are too few to turn out of their plane: patches turn and scale in the plane only.
func NNUNet3D(patch [3]int) Settings {
	s := nnUNet()
	s.Flip = [3]float64{.5, .5, .5}
	s.Rotation.Degrees = [3]Range{{-30, 30}, {-30, 30}, {-30, 30}}
	if slices.Max(patch[:]) > 3*patch[0] {
		s.Rotation.Degrees = [3]Range{{-180, 180}}
		s.Scale.InPlane = true
	}
	return s
}

// nnUNet holds what planes and solids share. nnU-Net calls the range of its noise a variance and uses it as a
// standard deviation; so it stands here.
func nnUNet() Settings {
	exposure := Range{.75, 1.25}
	return Settings{
		Rotation:      Rotation{Probability: .2},
		Scale:         Scale{Probability: .2, Factor: Range{.7, 1.4}},
		Noise:         Intensity{Probability: .1, Range: Range{0, .1}},
		Blur:          Intensity{Probability: .2, PerChannel: .5, Range: Range{.5, 1}},
		Multiply:      Intensity{Probability: .15, Range: exposure, Balanced: true},
		Contrast:      Intensity{Probability: .15, Range: exposure, Balanced: true},
		LowResolution: Intensity{Probability: .25, PerChannel: .5, Range: Range{.5, 1}},
		InvertedGamma: Intensity{Probability: .1, Range: Range{.7, 1.5}, Balanced: true},
		Gamma:         Intensity{Probability: .3, Range: Range{.7, 1.5}, Balanced: true},
	}
}
