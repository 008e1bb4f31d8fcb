package conv

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// The vectors are exact: see testdata/vectors.py.
func TestAgainstPyTorch(t *testing.T) {
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name                string
		Shape               Shape
		X, W, Y, Dy, Dx, Dw []float32
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	families(t, func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.Name, func(t *testing.T) {
				plan := New(c.Shape, nil)
				y, dw, dx := garbage(len(c.Y)), garbage(len(c.W)), garbage(len(c.X))
				plan.Forward(c.X, c.W, y)
				plan.WeightGradient(c.X, c.Dy, dw)
				New(c.Shape.DataGradient(), nil).Forward(c.Dy, c.W, dx)
				wantedY, wantedDW := make([]float32, len(y)), make([]float32, len(dw))
				Reference(c.Shape, c.X, c.W, wantedY)
				ReferenceWeightGradient(c.Shape, c.X, c.Dy, wantedDW)
				for name, got := range map[string][2][]float32{
					"y": {y, c.Y}, "dw": {dw, c.Dw}, "dx": {dx, c.Dx}, "reference y": {wantedY, c.Y}, "reference dw": {wantedDW, c.Dw},
				} {
					if !slices.Equal(got[0], got[1]) {
						t.Errorf("%s is %v, want %v", name, got[0], got[1])
					}
				}
			})
		}
	})
}
