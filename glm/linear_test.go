package glm

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// reference is one fit by scikit-learn or statsmodels; see testdata/linear.py.
type reference struct {
	Name, Family string
	X            [][]float64
	Y, Weights   []float64
	Lambda       float64
	Alpha        float64
	Intercept    []float64
	Coef         [][]float64
	Cov          [][]float64
}

func readReference(t *testing.T) []reference {
	t.Helper()
	raw, err := os.ReadFile("testdata/linear.json")
	if err != nil {
		t.Fatal(err)
	}
	var refs []reference
	if err := json.Unmarshal(raw, &refs); err != nil {
		t.Fatal(err)
	}
	return refs
}

func familyOf(t *testing.T, name string) Family {
	for f, n := range families {
		if n == name {
			return Family(f)
		}
	}
	t.Fatalf("family %q", name)
	return 0
}

// Coefficients and intercepts agree to 1e-6, relative to the larger of one and the value: intercepts here are
// of the order of ten, and both programs stop at tolerances of 1e-13 or finer.
func TestReferenceCoefficients(t *testing.T) {
	for _, r := range readReference(t) {
		t.Run(r.Name, func(t *testing.T) {
			p := Params{Family: familyOf(t, r.Family), Lambda: r.Lambda, Alpha: r.Alpha, Weights: r.Weights, Unstandardised: true}
			m, err := Fit(context.Background(), r.X, r.Y, p)
			if err != nil {
				t.Fatal(err)
			}
			intercept, coef := m.Intercept, m.Coef
			if len(r.Intercept) == 2 { // statsmodels' softmax: contrasts with class 0
				intercept, coef = contrasts(m)
			}
			for k := range r.Coef {
				near(t, "intercept", intercept[k], r.Intercept[k], 1e-6)
				for j := range r.Coef[k] {
					near(t, "coefficient", coef[k][j], r.Coef[k][j], 1e-6)
				}
			}
		})
	}
}

func contrasts(m *Model) (intercept []float64, coef [][]float64) {
	for k := 1; k < len(m.Coef); k++ {
		intercept = append(intercept, m.Intercept[k]-m.Intercept[0])
		row := make([]float64, m.Features())
		for j := range row {
			row[j] = m.Coef[k][j] - m.Coef[0][j]
		}
		coef = append(coef, row)
	}
	return intercept, coef
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol*max(1, math.Abs(want))) {
		t.Errorf("%s: got %.12g, want %.12g", what, got, want)
	}
}

// Covariances agree with statsmodels to 1e-6 of the variances concerned.
func TestReferenceCovariance(t *testing.T) {
	var seen int
	for _, r := range readReference(t) {
		if r.Cov == nil {
			continue
		}
		seen++
		t.Run(r.Name, func(t *testing.T) {
			m, err := Fit(context.Background(), r.X, r.Y, Params{Family: familyOf(t, r.Family), Weights: r.Weights})
			if err != nil {
				t.Fatal(err)
			}
			got := func(i, i2 int) float64 { return m.Covariance[i*len(r.Cov)+i2] }
			if m.Family == Multinomial {
				got = contrastCovariance(m)
			}
			for i := range r.Cov {
				for i2 := range r.Cov {
					scale := math.Sqrt(r.Cov[i][i] * r.Cov[i2][i2])
					if d := math.Abs(got(i, i2) - r.Cov[i][i2]); d > 1e-6*scale {
						t.Errorf("cov[%d][%d] = %g, want %g", i, i2, got(i, i2), r.Cov[i][i2])
					}
				}
			}
		})
	}
	if seen != 5 {
		t.Errorf("%d covariances in the reference file, want 5", seen)
	}
}

// contrastCovariance gives the covariance of the contrasts with class 0 from that of the sum-to-zero form.
func contrastCovariance(m *Model) func(i, i2 int) float64 {
	w := m.Features() + 1
	dim := w * len(m.Coef)
	c := func(k, a, k2, a2 int) float64 { return m.Covariance[(k*w+a)*dim+k2*w+a2] }
	return func(i, i2 int) float64 {
		k, a, k2, a2 := i/w+1, i%w, i2/w+1, i2%w
		return c(k, a, k2, a2) - c(0, a, k2, a2) - c(k, a, 0, a2) + c(0, a, 0, a2)
	}
}

// cohort draws rows with a planted linear signal; classes is 1 for a number, 2 for binary outcomes, more for
// classes.
func cohort(seed uint64, n, p, classes int) (X [][]float64, y []float64) {
	r := rand.New(rand.NewPCG(seed, 1))
	X = rect(p, n)
	for j := range X {
		for i := range X[j] {
			X[j][i] = r.NormFloat64()*float64(1+j%3) + float64(j)
		}
	}
	beta := rect(max(classes, 1), p)
	for k := range beta {
		for j := 0; j < p; j += 2 {
			beta[k][j] = r.NormFloat64() / float64(1+j/4)
		}
	}
	y = make([]float64, n)
	for i := range y {
		eta := make([]float64, len(beta))
		for k := range beta {
			for j := range X {
				eta[k] += beta[k][j] * (X[j][i] - float64(j)) / float64(1+j%3)
			}
		}
		switch {
		case classes == 1:
			y[i] = eta[0] + r.NormFloat64()
		case classes == 2:
			if r.Float64() < sigmoid(eta[1]-eta[0]) {
				y[i] = 1
			}
		default:
			softmax(eta)
			u := r.Float64()
			for k := 0; k < classes-1 && u > eta[k]; k++ {
				u -= eta[k]
				y[i]++
			}
		}
	}
	return X, y
}
