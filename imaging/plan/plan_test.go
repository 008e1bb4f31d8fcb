package plan

import (
	"encoding/json"
	"math"
	"os"
	"reflect"
	"slices"
	"testing"
)

// TestAgreesWithNNUNet holds the rules to plans that nnU-Net's planner made of random fingerprints
// (testdata/plans.py). Whole numbers agree exactly; spacings to rounding, for the order of products differs.
func TestAgreesWithNNUNet(t *testing.T) {
	data, err := os.ReadFile("testdata/plans.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Fingerprint struct {
			Spacings [][3]float64
			Shapes   [][3]int
			Relative float64 `json:"relative_size"`
			Channels []string
			Classes  int
			Memory   float64 `json:"memory_gb"`
		}
		Plan struct {
			Transpose      [3]int
			Configurations map[string]struct {
				Spacing, Median  []float64
				Patch, Features  []int
				Batch            int
				Kernels, Strides [][]int
				BatchDice        bool `json:"batch_dice"`
				Normalisation    []string
				Masked           []bool
			}
		}
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 20 {
		t.Fatalf("only %d fingerprints", len(cases))
	}
	scheme := map[string]Scheme{
		"CTNormalization": CT, "ZScoreNormalization": ZScore, "NoNormalization": Keep, "RescaleTo01Normalization": MinMax, "RGBTo01Normalization": ByteTo01,
	}
	seen := map[string]int{}
	for i, c := range cases {
		f := &Fingerprint{SpacingsMM: c.Fingerprint.Spacings, Shapes: c.Fingerprint.Shapes, RelativeSize: c.Fingerprint.Relative}
		for _, name := range c.Fingerprint.Channels {
			f.Channels = append(f.Channels, Intensity{Name: name})
		}
		p, err := Make(f, make([]Class, c.Fingerprint.Classes-1), Options{TargetGB: c.Fingerprint.Memory})
		if err != nil {
			t.Fatal(err)
		}
		if p.Transpose != c.Plan.Transpose {
			t.Errorf("%d: transpose %v, nnU-Net %v", i, p.Transpose, c.Plan.Transpose)
		}
		if len(p.Configurations) != len(c.Plan.Configurations) {
			t.Errorf("%d: %d configurations, nnU-Net %d", i, len(p.Configurations), len(c.Plan.Configurations))
		}
		for _, got := range p.Configurations {
			want, ok := c.Plan.Configurations[got.Name]
			if !ok {
				t.Errorf("%d: nnU-Net has no %s", i, got.Name)
				continue
			}
			seen[got.Name]++
			if !close(got.SpacingMM, want.Spacing) || !close(got.Median, want.Median) {
				t.Errorf("%d %s: spacing %v of %v, nnU-Net %v of %v", i, got.Name, got.SpacingMM, got.Median, want.Spacing, want.Median)
			}
			if !slices.Equal(got.Patch, want.Patch) || got.Batch != want.Batch || got.BatchDice != want.BatchDice {
				t.Errorf("%d %s: patch %v × %d, batch Dice %v; nnU-Net %v × %d, %v", i, got.Name, got.Patch, got.Batch, got.BatchDice, want.Patch, want.Batch, want.BatchDice)
			}
			if !slices.Equal(got.Features, want.Features) || !reflect.DeepEqual(got.Kernels, want.Kernels) || !reflect.DeepEqual(got.Strides, want.Strides) {
				t.Errorf("%d %s: stages %v %v %v, nnU-Net %v %v %v", i, got.Name, got.Features, got.Kernels, got.Strides, want.Features, want.Kernels, want.Strides)
			}
			for k, ch := range p.Channels {
				if ch.Scheme != scheme[want.Normalisation[k]] || ch.Masked != want.Masked[k] {
					t.Errorf("%d: channel %s: %s %v, nnU-Net %s %v", i, ch.Name, ch.Scheme, ch.Masked, want.Normalisation[k], want.Masked[k])
				}
			}
		}
	}
	for _, name := range []string{Planes, Full, Reduced} {
		if seen[name] < 5 {
			t.Errorf("only %d plans with %s", seen[name], name)
		}
	}
}

func close(a, b []float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if math.Abs(a[i]-b[i]) > 1e-9*math.Abs(b[i]) {
			return false
		}
	}
	return true
}
