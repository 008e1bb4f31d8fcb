//go:build bench

package glm

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"testing"
	"time"
)

// job is one measurement that bench/glm.py asks for: columns and outcome in a file of little-endian floats.
type job struct {
	What     string // fit, cv, additive
	File     string
	Rows     int
	Features int
	Folds    int
	Tests    int // last rows, not fitted
	Family   Family
	Alpha    float64
	Lambda   float64
}

// TestPeer runs the job described by the file in GLM_JOB and prints seconds and scores as JSON.
func TestPeer(t *testing.T) {
	raw, err := os.ReadFile(os.Getenv("GLM_JOB"))
	if err != nil {
		t.Skip("GLM_JOB names no job: run bench/glm.py")
	}
	var j job
	if err := json.Unmarshal(raw, &j); err != nil {
		t.Fatal(err)
	}
	X, y := readColumns(t, j)
	n := j.Rows - j.Tests
	train := make([][]float64, len(X))
	for c := range X {
		train[c] = X[c][:n]
	}
	p := Params{Family: j.Family, Alpha: j.Alpha, Lambda: j.Lambda, Unstandardised: true}
	out := map[string]float64{}
	start := time.Now()
	var m predictor
	switch j.What {
	case "fit":
		m = mustFit(t, train, y[:n], p)
	case "cv":
		fold := make([]int, n)
		for i := range fold {
			fold[i] = i % j.Folds
		}
		best, res, err := FitCV(background, train, y[:n], fold, p)
		if err != nil {
			t.Fatal(err)
		}
		m = best
		out["points"] = float64(len(res.Lambdas))
	case "additive":
		m = mustFitAdditive(t, train, y[:n], nil, AdditiveParams{Family: j.Family})
	default:
		t.Fatalf("job %q", j.What)
	}
	out["seconds"] = time.Since(start).Seconds()
	score := make([]float64, 0, j.Tests)
	row, one := make([]float64, len(X)), []float64{0}
	start = time.Now()
	for i := n; i < j.Rows; i++ {
		for c := range X {
			row[c] = X[c][i]
		}
		m.Predict(row, one)
		score = append(score, one[0])
	}
	out["predict_us"] = time.Since(start).Seconds() * 1e6 / float64(max(j.Tests, 1))
	if j.Family == Binomial {
		out["auroc"] = auroc(score, y[n:])
	} else {
		for i, s := range score {
			out["mse"] += (s - y[n+i]) * (s - y[n+i]) / float64(len(score))
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		t.Fatal(err)
	}
}

func readColumns(t *testing.T, j job) (X [][]float64, y []float64) {
	raw, err := os.ReadFile(j.File)
	if err != nil {
		t.Fatal(err)
	}
	X = rect(j.Features+1, j.Rows)
	for c := range X {
		for i := range X[c] {
			X[c][i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*(c*j.Rows+i):]))
		}
	}
	return X[:j.Features], X[j.Features]
}
