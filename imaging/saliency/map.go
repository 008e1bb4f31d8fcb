package saliency

import (
	"context"
	"math"
	"slices"

	"galen.dev/fault"
	"galen.dev/imaging/show"
	"galen.dev/volume"
)

// Method names a way to explain.
type Method string

// The methods.
const (
	CAM                 Method = "cam"
	GradCAM             Method = "grad-cam"
	IntegratedGradients Method = "integrated-gradients"
	Occlusion           Method = "occlusion"
)

// Map is an explanation of one class's logit for one image: positive where the image speaks for the class, negative
// where it speaks against it. GradCAM's maps have no negative values.
type Map struct {
	Method Method    `json:"method"`
	Class  int       `json:"class"`
	Dims   []int     `json:"dims"` // (height, width) or (depth, height, width) of the input
	Values []float32 `json:"-"`

	Logit    float64 `json:"logit"`    // of the class, for this image
	Baseline float64 `json:"baseline"` // the logit that the map's sum is measured from; only CAM and IntegratedGradients have one
	// Residual is how far the map's sum is from Logit - Baseline, as a share of it; nil for methods that promise no sum.
	Residual *float64 `json:"residual,omitempty"`
	Faith    *Faith   `json:"faith,omitempty"` // nil where it was not measured
}

// Signed says whether values below zero mean something.
func (m *Map) Signed() bool { return m.Method != GradCAM }

// Volume is the map on the grid of the network's input: its width, height and depth are x, y and z of the grid.
func (m *Map) Volume(input volume.Geometry) (*volume.Volume, error) {
	want := [3]int{1, 1, 1}
	for i, d := range m.Dims {
		want[len(m.Dims)-1-i] = d
	}
	if input.Dims != want {
		return nil, fault.Errorf(fault.Usage, "a map of sizes %v (slowest axis first) does not lie on a grid of %v voxels", m.Dims, input.Dims)
	}
	return volume.New(input, slices.Clone(m.Values)), nil
}

// On is the map on another grid, such as that of the patient's image: input is where the network's input lay in the
// patient, after the cropping and resampling that prepared it. Voxels that the network did not see are 0.
func (m *Map) On(ctx context.Context, input, to volume.Geometry) (*volume.Volume, error) {
	v, err := m.Volume(input)
	if err != nil || input == to {
		return v, err
	}
	return v.ResampleTo(ctx, to, volume.Resampling{})
}

// Heat is the map as package show draws it, with the values of Volume or On.
func (m *Map) Heat(values *volume.Volume) *show.Heat {
	label := map[Method]string{
		CAM: "log-odds", GradCAM: "Grad-CAM", IntegratedGradients: "log-odds", Occlusion: "fall of the log-odds",
	}[m.Method]
	return &show.Heat{Values: values, Label: label, Signed: m.Signed()}
}

// enlarge interpolates a map linearly to larger sizes that cover the same field, the centres of cells being at halves:
// what PyTorch calls align_corners=False. Beyond the outermost centres the value stays.
func enlarge(values []float32, from, to []int) []float32 {
	in := slices.Clone(values)
	dims := slices.Clone(from)
	for axis, n := range to {
		inner, outer := 1, 1
		for i, d := range dims {
			if i < axis {
				outer *= d
			}
			if i > axis {
				inner *= d
			}
		}
		size := dims[axis]
		out := make([]float32, outer*n*inner)
		for k := range n {
			at := (float64(k)+.5)*float64(size)/float64(n) - .5
			low := math.Floor(at)
			part := at - low
			a, b := min(max(int(low), 0), size-1), min(max(int(low)+1, 0), size-1)
			for o := range outer {
				for i := range inner {
					x, y := float64(in[(o*size+a)*inner+i]), float64(in[(o*size+b)*inner+i])
					out[(o*n+k)*inner+i] = float32(float64(x*(1-part)) + float64(y*part))
				}
			}
		}
		in, dims[axis] = out, n
	}
	return in
}

// perPlace sums the channels of an array (spatial..., channels).
func perPlace(values []float64, channels int) []float32 {
	out := make([]float32, len(values)/channels)
	for i := range out {
		sum := 0.0
		for _, v := range values[i*channels : (i+1)*channels] {
			sum += v
		}
		out[i] = float32(sum)
	}
	return out
}

// sum of the values.
func (m *Map) sum() (s float64) {
	for _, v := range m.Values {
		s += float64(v)
	}
	return s
}
