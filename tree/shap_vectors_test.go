package tree

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// foreignTree is a tree of scikit-learn: arrays by node, children -1 for a leaf.
type foreignTree struct {
	Left, Right, Feature []int
	Threshold, Cover     []float64
	Value                [][]float64
}

type shapVectors struct {
	Rows, Background [][]float64
	Cases            []struct {
		Name             string
		Outputs          int
		Base             []float64
		Trees            []foreignTree
		Path, Background struct {
			Phi  [][][]float64 // [row][output][feature]
			Base []float64
		}
	}
}

// importTrees lays foreign trees out as an ensemble.
func importTrees(trees []foreignTree, features, outputs int) *ensemble {
	e := newEnsemble(features, outputs, outputs, make([][]uint8, features))
	for _, f := range trees {
		b := make([]buildNode, len(f.Left))
		for i := range b {
			b[i] = buildNode{left: f.Left[i], right: f.Right[i], feature: max(0, f.Feature[i]), threshold: f.Threshold[i], cover: f.Cover[i], value: f.Value[i]}
		}
		e.appendTree(b)
	}
	return e
}

// Shapley values equal those of the shap package on scikit-learn's own trees. Tolerance 1e-9: both
// work in float64, and rows and leaves are exact in float32 too, in which shap keeps them. Against a background
// shap's own weights are float32 and exact for trees of depth 2 alone, so deeper ones are compared to 1e-7 there;
// TestAgainstBruteForce holds those to 1e-10.
func TestAgainstShap(t *testing.T) {
	data, err := os.ReadFile("testdata/treeshap.json")
	if err != nil {
		t.Fatal(err)
	}
	var v shapVectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	features := len(v.Rows[0])
	columns := make([][]float64, features)
	for f := range columns {
		for _, r := range v.Background {
			columns[f] = append(columns[f], r[f])
		}
	}
	for _, c := range v.Cases {
		e := importTrees(c.Trees, features, c.Outputs)
		back, err := newBackgroundExplainer(e, c.Base, columns)
		if err != nil {
			t.Fatal(err)
		}
		check := func(kind string, ex *Explainer, phi [][][]float64, base []float64, tolerance float64) {
			worst := 0.0
			for i, row := range v.Rows {
				a := ex.Explain(row)
				for k := range phi[i] {
					worst = max(worst, math.Abs(a.Base[k]-base[k]))
					for f, want := range phi[i][k] {
						worst = max(worst, math.Abs(a.Phi[k][f]-want))
					}
				}
			}
			if !(worst <= tolerance) {
				t.Errorf("%s, %s: values differ by up to %g", c.Name, kind, worst)
			}
			t.Logf("%s, %s: values differ by up to %.2g", c.Name, kind, worst)
		}
		check("path-dependent", newPathExplainer(e, c.Base), c.Path.Phi, c.Path.Base, 1e-9)
		tolerance := 1e-7
		if depth(e) <= 2 {
			tolerance = 1e-9
		}
		check("interventional", back, c.Background.Phi, c.Background.Base, tolerance)
	}
}
