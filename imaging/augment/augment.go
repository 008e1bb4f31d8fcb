// Package augment varies training images the way patients, positions and scanners do: flips, rotation, scale,
// shift, elastic deformation, brightness, contrast, gamma, noise, blur, low resolution; and mixes images of a
// batch.
//
// Randomness and work are apart. Draw turns a seed and Settings into Parameters, which are plain data and can be
// stored as JSON; Apply is a pure function of them. The same seed therefore gives the same bytes on any number
// of threads, and a strange training image can be made again from its record.
//
// All movements are composed into one map and the image is resampled once: every resampling blurs, and five in
// a row would be a sixth augmentation nobody asked for. Maps that only exchange grid points (flips, quarter
// turns, whole shifts) copy voxels and are exact, which test-time augmentation relies on: see Mirrors, Quarters
// and Inverse.
//
// Images are float32, channels last: (height, width, channels) or (depth, height, width, channels). Label maps
// have the same grid and no channels. They are never interpolated as numbers, for a value between two labels is
// a third organ: each label's indicator is interpolated and the heaviest label wins.
//
// The ranges of NNUNet2D and NNUNet3D are those of nnU-Net v2 (Isensee et al., Nature Methods 2021;18:203).
// Elastic deformation is a free-form deformation by cubic B-splines (Rueckert et al., IEEE Trans Med Imaging
// 1999;18:712), held below the bound under which it can't fold (Choi and Lee, Graphical Models 2000;62:411).
//
// Start with Settings, then Draw, Parameters and Apply.
package augment

// Label is what a label map is made of.
type Label interface{ ~uint8 | ~uint16 }

// Border says what lies outside an image.
type Border string

// Borders. Label maps follow the image, and hold label 0 where it holds 0.
const (
	Zero   Border = ""       // 0, the default, as in nnU-Net: the mean of an image in standard scores
	Edge   Border = "edge"   // the nearest voxel of the image
	Mirror Border = "mirror" // the image mirrored at the centres of its outermost voxels
)

// Apply moves and alters an image and moves its label map along; either may be nil. It returns new slices and
// leaves its inputs alone.
//
// The image's length is the number of voxels in p.From times its channels; the label map's is the number of
// voxels. Apply panics on other lengths and on parameters that Check refuses. It runs on the calling goroutine,
// so that a loader works on many images at once, and any number of goroutines may call it. It allocates its
// results and nothing else once it is warm.
func Apply[L Label](p Parameters, image []float32, labels []L) ([]float32, []L) {
	return ApplyImage(p, image), ApplyLabels(p, labels)
}

// ApplyImage is Apply for an image alone.
func ApplyImage(p Parameters, image []float32) []float32 {
	if image == nil {
		return nil
	}
	s := newSampler(p)
	defer s.free()
	n := voxels(p.From)
	if n == 0 || len(image)%n != 0 {
		panic("augment: the image does not fill the grid")
	}
	channels := len(image) / n
	out := make([]float32, voxels(s.to)*channels)
	if s.exact {
		copyGrid(s, out, image, channels)
	} else {
		s.image(out, image, channels)
	}
	for _, step := range p.Steps {
		step.apply(out, s.to, channels, &s.scratch)
	}
	return out
}

// ApplyLabels is Apply for a label map alone.
func ApplyLabels[L Label](p Parameters, labels []L) []L {
	if labels == nil {
		return nil
	}
	s := newSampler(p)
	defer s.free()
	if len(labels) != voxels(p.From) {
		panic("augment: the label map does not fill the grid")
	}
	out := make([]L, voxels(s.to))
	switch {
	case s.exact:
		copyGrid(s, out, labels, 1)
	case p.NearestLabels:
		nearestLabels(s, out, labels)
	default:
		heaviestLabels(s, out, labels)
	}
	return out
}

func voxels(d [3]int) int { return d[0] * d[1] * d[2] }
