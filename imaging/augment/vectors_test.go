package augment

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

type vectors struct {
	Spatial []struct {
		Parameters  Parameters `json:"parameters"`
		Image       []float32  `json:"image"`
		Out         []float32  `json:"out"`
		Labels      []uint16   `json:"labels"`
		LabelsOut   []uint16   `json:"labels_out"`
		LabelsClear []bool     `json:"labels_clear"`
	} `json:"spatial"`
	Values []struct {
		Dims  [3]int    `json:"dims"`
		Image []float32 `json:"image"`
		Step  Step      `json:"step"`
		Out   []float32 `json:"out"`
	} `json:"values"`
}

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// far is the greatest difference between two images.
func far(t *testing.T, got, want []float32) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values in place of %d", len(got), len(want))
	}
	most := 0.
	for i := range got {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if !(d <= most) {
			most = d
		}
	}
	return most
}

// TestSpatialAsScipy compares affine and elastic maps with scipy.ndimage.map_coordinates. Weights are float32
// here and float64 there, values about 1: 2e-6 leaves room for the rounding of eight products.
func TestSpatialAsScipy(t *testing.T) {
	for i, v := range readVectors(t).Spatial {
		if err := v.Parameters.Check(); err != nil {
			t.Fatal(err)
		}
		image, labels := Apply(v.Parameters, v.Image, v.Labels)
		if d := far(t, image, v.Out); !(d < 2e-6) {
			t.Errorf("case %d: image differs by %g", i, d)
		}
		for j, l := range labels {
			if v.LabelsClear[j] && l != v.LabelsOut[j] {
				t.Errorf("case %d: label %d at voxel %d in place of %d", i, l, j, v.LabelsOut[j])
			}
		}
	}
}

// TestValuesAsPeers compares blur with scipy, low resolution with torch, the others with their formulas in numpy.
// Results are rounded to float32; gamma near 0 of an exponent below 1 is steep: 5e-6.
func TestValuesAsPeers(t *testing.T) {
	for i, v := range readVectors(t).Values {
		for _, channels := range []int{1, 3} {
			image := make([]float32, len(v.Image)*channels)
			step := v.Step
			step.Channel = channels / 2
			for j, x := range v.Image {
				image[j*channels+step.Channel] = x
			}
			out := ApplyImage(Parameters{From: v.Dims, Steps: []Step{step}}, image)
			got := make([]float32, len(v.Image))
			for j := range out {
				if j%channels == step.Channel {
					got[j/channels] = out[j]
				} else if out[j] != 0 {
					t.Fatalf("case %d: %s touches another channel", i, step.Kind)
				}
			}
			if d := far(t, got, v.Out); !(d < 5e-6) {
				t.Errorf("case %d: %s differs by %g", i, step.Kind, d)
			}
		}
	}
}
