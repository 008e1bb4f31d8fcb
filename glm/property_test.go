package glm

import (
	"bytes"
	"context"
	"math"
	"runtime"
	"testing"

	"pgregory.net/rapid"
)

var background = context.Background()

func mustFit(t testing.TB, X [][]float64, y []float64, p Params) *Model {
	t.Helper()
	m, err := Fit(background, X, y, p)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func classesOf(f Family) int { return [...]int{1, 2, 3}[f] }

// checkKKT recomputes, from the public model alone, the gradient of the mean loss and compares it with the
// subgradient of the penalty: the optimality conditions, up to tol times the scale of the residuals.
func checkKKT(t rapid.TB, X [][]float64, y []float64, p Params, m *Model, tol float64) {
	n := len(y)
	var total float64
	for i := range n {
		total += weightOf(p.Weights, i)
	}
	grad := rect(len(m.Coef), len(X)+1)
	out := make([]float64, len(m.Coef))
	row := make([]float64, len(X))
	for i := range n {
		for j := range X {
			row[j] = X[j][i]
		}
		m.Predict(row, out)
		w := weightOf(p.Weights, i) / total
		for k := range out {
			r := y[i] - out[k]
			if p.Family == Multinomial {
				r = -out[k]
				if int(y[i]) == k {
					r++
				}
			}
			grad[k][0] += w * r
			for j := range X {
				grad[k][j+1] += w * r * X[j][i]
			}
		}
	}
	for k := range grad {
		if math.Abs(grad[k][0]) > tol {
			t.Fatalf("class %d: gradient by the intercept %g", k, grad[k][0])
		}
		for j := range X {
			scale := spread(X[j], p.Weights, total)
			if p.Unstandardised {
				scale = 1
			}
			v := 1.0
			if p.PenaltyFactor != nil {
				v = p.PenaltyFactor[j]
			}
			b := m.Coef[k][j] * scale
			g := grad[k][j+1]/scale - p.Lambda*v*(1-p.Alpha)*b
			l1 := p.Lambda * v * p.Alpha
			bad := math.Abs(g) - l1
			if b != 0 {
				bad = math.Abs(g - math.Copysign(l1, b))
			}
			if bad > tol {
				t.Fatalf("class %d feature %d: coefficient %g violates its optimality condition by %g", k, j, b, bad)
			}
		}
	}
}

func spread(x, w []float64, total float64) float64 {
	var m, s float64
	for i, v := range x {
		m += weightOf(w, i) / total * v
	}
	for i, v := range x {
		s += weightOf(w, i) / total * (v - m) * (v - m)
	}
	return math.Sqrt(s)
}

func TestOptimality(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Params{Family: Family(rapid.IntRange(0, 2).Draw(t, "family"))}
		n, cols := rapid.IntRange(30, 120).Draw(t, "n"), rapid.IntRange(1, 40).Draw(t, "p")
		X, y := cohort(rapid.Uint64().Draw(t, "seed"), n, cols, classesOf(p.Family))
		if _, err := check(X, y, &p); err != nil {
			t.Skip("a class is absent")
		}
		p.Lambda = rapid.Float64Range(0.005, 0.5).Draw(t, "lambda")
		p.Alpha = rapid.SampledFrom([]float64{0, 0.1, 0.5, 0.9, 1}).Draw(t, "alpha")
		p.Unstandardised = rapid.Bool().Draw(t, "unstandardised")
		if rapid.Bool().Draw(t, "weighted") {
			p.Weights = rapid.SliceOfN(rapid.Float64Range(0.1, 4), n, n).Draw(t, "w")
		}
		if rapid.Bool().Draw(t, "factors") {
			p.PenaltyFactor = rapid.SliceOfN(rapid.Float64Range(0.1, 3), cols, cols).Draw(t, "v")
		}
		m, err := Fit(background, X, y, p)
		if err != nil {
			t.Fatal(err)
		}
		checkKKT(t, X, y, p, m, 1e-8)
	})
}

// Problems too wide for the dense solver take the other one; both must end at an optimum.
func TestOptimalityWide(t *testing.T) {
	for _, f := range []Family{Gaussian, Binomial, Multinomial} {
		for _, alpha := range []float64{0, 0.2, 1} {
			X, y := cohort(uint64(f)+5, 60, 500, classesOf(f))
			p := Params{Family: f, Alpha: alpha, Lambda: 0.05}
			checkKKT(t, X, y, p, mustFit(t, X, y, p), 1e-6)
		}
	}
}

func TestPathIsMonotone(t *testing.T) {
	for _, f := range []Family{Gaussian, Binomial, Multinomial} {
		X, y := cohort(3, 150, 12, classesOf(f))
		for _, alpha := range []float64{0, 0.5, 1} {
			path, err := FitPath(background, X, y, Params{Family: f, Alpha: alpha})
			if err != nil {
				t.Fatal(err)
			}
			if len(path.Models) < 20 {
				t.Fatalf("%s α %g: a path of %d", f, alpha, len(path.Models))
			}
			for i := range path.Models {
				if i > 0 && path.Loss[i] > path.Loss[i-1]+1e-9*path.Null {
					t.Errorf("%s α %g: the loss rises at %d", f, alpha, i)
				}
			}
			first, last := nonzero(path.Models[0]), nonzero(path.Models[len(path.Models)-1])
			if alpha > 0 && (first > 0 || nonzero(path.Models[1]) == 0 || last < 10) {
				t.Errorf("%s α %g: %d coefficients at the start, %d at the end", f, alpha, first, last)
			}
		}
	}
}

func nonzero(m *Model) (n int) {
	for _, row := range m.Coef {
		for _, v := range row {
			if v != 0 {
				n++
			}
		}
	}
	return n
}

// A point of a path is the fit at its λ, to the looser precision of paths.
func TestPathAgreesWithFit(t *testing.T) {
	for _, f := range []Family{Gaussian, Binomial, Multinomial} {
		X, y := cohort(4, 200, 30, classesOf(f))
		path, err := FitPath(background, X, y, Params{Family: f, Alpha: 0.7})
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(path.Models); i += 9 {
			m := mustFit(t, X, y, Params{Family: f, Alpha: 0.7, Lambda: path.Lambdas[i]})
			for k := range m.Coef {
				for j := range m.Coef[k] {
					near(t, "coefficient", path.Models[i].Coef[k][j], m.Coef[k][j], 1e-5)
				}
			}
		}
	}
}

func TestWeightsAreRepeatedRows(t *testing.T) {
	for _, f := range []Family{Gaussian, Binomial, Multinomial} {
		X, y := cohort(6, 90, 5, classesOf(f))
		w := make([]float64, len(y))
		rx, ry := rect(len(X), 0), []float64{}
		for i := range w {
			w[i] = float64(i % 4) // some rows do not count at all
			for range i % 4 {
				for j := range X {
					rx[j] = append(rx[j], X[j][i])
				}
				ry = append(ry, y[i])
			}
		}
		for _, p := range []Params{{Family: f}, {Family: f, Lambda: 0.02, Alpha: 0.5}} {
			a := mustFit(t, rx, ry, p)
			p.Weights = w
			b := mustFit(t, X, y, p)
			for k := range a.Coef {
				near(t, "intercept", b.Intercept[k], a.Intercept[k], 1e-8)
				for j := range X {
					near(t, "coefficient", b.Coef[k][j], a.Coef[k][j], 1e-8)
				}
			}
			for i := range a.Covariance {
				near(t, "covariance", b.Covariance[i], a.Covariance[i], 1e-8)
			}
		}
	}
}

// A feature with penalty factor zero is fitted without a penalty: where λ keeps all others out, it has the
// coefficient that it has alone.
func TestPenaltyFactorZero(t *testing.T) {
	for _, f := range []Family{Gaussian, Binomial, Multinomial} {
		X, y := cohort(10, 200, 5, classesOf(f))
		p := Params{Family: f, Alpha: 1, Lambda: 10, PenaltyFactor: []float64{1, 1, 0, 1, 1}}
		m, alone := mustFit(t, X, y, p), mustFit(t, X[2:3], y, Params{Family: f})
		for k := range m.Coef {
			near(t, "coefficient", m.Coef[k][2], alone.Coef[k][0], 1e-8)
		}
		if got, want := nonzero(m), len(m.Coef); got != want {
			t.Errorf("%s: %d coefficients, want %d", f, got, want)
		}
		path, err := FitPath(background, X, y, Params{Family: f, Alpha: 1, PenaltyFactor: p.PenaltyFactor})
		if err != nil {
			t.Fatal(err)
		}
		near(t, "first of the path", path.Models[0].Coef[0][2], alone.Coef[0][0], 1e-6)
	}
}

// Standardised fits do not depend on the units of the columns; unstandardised unpenalised ones neither.
func TestUnitsDoNotMatter(t *testing.T) {
	X, y := cohort(7, 120, 6, 2)
	scaled := clone(X)
	unit := []float64{1e-6, 1, 1e6, 60, 0.01, 1e3}
	for j := range scaled {
		for i := range scaled[j] {
			scaled[j][i] = scaled[j][i]*unit[j] + 5*unit[j]
		}
	}
	for _, p := range []Params{{Lambda: 0.03, Alpha: 0.6}, {Lambda: 0.03}, {}, {Unstandardised: true}} {
		p.Family = Binomial
		a, b := mustFit(t, X, y, p), mustFit(t, scaled, y, p)
		for j := range X {
			near(t, "coefficient", b.Coef[0][j]*unit[j], a.Coef[0][j], 1e-8)
		}
	}
}

func TestContributionsSumToMargin(t *testing.T) {
	X, y := cohort(8, 150, 20, 3)
	m := mustFit(t, X, y, Params{Family: Multinomial, Lambda: 0.01, Alpha: 0.5})
	mean := make([]float64, len(X))
	for j := range X {
		mean[j] = X[j][0] + 3
	}
	row, out := make([]float64, len(X)), make([]float64, 3)
	for i := range y {
		for j := range X {
			row[j] = X[j][i]
		}
		m.Margin(row, out)
		for k := range out {
			phi, s := m.Contributions(k, row, mean)
			for _, v := range phi {
				s += v
			}
			if math.Abs(s-out[k]) > 1e-9 {
				t.Fatalf("row %d class %d: contributions sum to %g, margin %g", i, k, s, out[k])
			}
		}
	}
}

// The same bytes come out whatever the number of processors.
func TestDeterministicOverProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, f := range []Family{Gaussian, Binomial, Multinomial} {
		X, y := cohort(9, 9000, 8, classesOf(f))
		fold := make([]int, len(y))
		for i := range fold {
			fold[i] = i % 3
		}
		var want []byte
		for _, procs := range []int{1, 2, 8} {
			runtime.GOMAXPROCS(procs)
			m, _, err := FitCV(background, X, y, fold, Params{Family: f, Alpha: 0.9, PathLength: 8})
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
			} else if !bytes.Equal(got, want) {
				t.Errorf("%s: other bytes with %d processors", f, procs)
			}
		}
	}
}
