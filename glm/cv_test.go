package glm

import (
	"math"
	"testing"

	"galen.dev/fault"
)

// The chosen λ must beat both ends of the path on fresh data, and the one-standard-error rule must give a
// sparser model that is hardly worse.
func TestCrossValidationChooses(t *testing.T) {
	for _, f := range []Family{Gaussian, Binomial, Multinomial} {
		X, y := cohort(21, 600, 40, classesOf(f))
		train, fold := rect(len(X), 0), make([]int, 200)
		for j := range X {
			train[j] = X[j][:200]
		}
		for i := range fold {
			fold[i] = i % 5
		}
		p := Params{Family: f, Alpha: 1, PathLength: 40}
		m, res, err := FitCV(background, train, y[:200], fold, p)
		if err != nil {
			t.Fatal(err)
		}
		p.OneSE = true
		sparse, _, err := FitCV(background, train, y[:200], fold, p)
		if err != nil {
			t.Fatal(err)
		}
		last := res.Path.Models[len(res.Path.Models)-1]
		best, null, end, se := freshLoss(X, y, 200, m), freshLoss(X, y, 200, res.Path.Models[0]), freshLoss(X, y, 200, last), freshLoss(X, y, 200, sparse)
		if !(best < 0.9*null && best <= end) {
			t.Errorf("%s: loss %g at the choice, %g at the start, %g at the end", f, best, null, end)
		}
		if !(nonzero(sparse) < nonzero(m) && se < null) || res.OneSE > res.Min {
			t.Errorf("%s: one-standard-error model has %d of %d coefficients, loss %g of %g", f, nonzero(sparse), nonzero(m), se, best)
		}
	}
}

func freshLoss(X [][]float64, y []float64, from int, m *Model) (s float64) {
	row, eta := make([]float64, len(X)), make([]float64, m.Outputs())
	for i := from; i < len(y); i++ {
		for j := range X {
			row[j] = X[j][i]
		}
		m.Margin(row, eta)
		s += caseLoss(m.Family, y[i], eta) / float64(len(y)-from)
	}
	return s
}

func TestCrossValidationRefuses(t *testing.T) {
	X, y := cohort(22, 40, 3, 2)
	fold := make([]int, 40)
	if _, _, err := FitCV(background, X, y, fold, Params{Family: Binomial}); fault.KindOf(err) != fault.Usage {
		t.Errorf("one fold: %v", err)
	}
	fold[3] = 2
	if _, _, err := FitCV(background, X, y, fold, Params{Family: Binomial}); fault.KindOf(err) != fault.Usage {
		t.Errorf("empty fold: %v", err)
	}
	for i := range fold {
		fold[i] = int(y[i])
	}
	_, _, err := FitCV(background, X, y, fold, Params{Family: Binomial})
	wantRefusal(t, err, fault.Data, "one-class outcome")
}

// The summary follows glmnet's formulas; figures by hand.
func TestCrossValidationSummary(t *testing.T) {
	r := CVResult{Lambdas: []float64{3, 2, 1}}
	r.summarise([][]float64{{4, 2.4, 2}, {2, 1.6, 1}}, []float64{1, 3})
	for l, want := range []float64{2.5, 1.8, 1.25} {
		near(t, "loss", r.Loss[l], want, 1e-15)
	}
	near(t, "se", r.SE[2], math.Sqrt(0.25*0.75*0.75+0.75*0.25*0.25), 1e-15)
	if r.Min != 2 || r.OneSE != 2 {
		t.Errorf("chose %d and %d", r.Min, r.OneSE)
	}
	r = CVResult{Lambdas: []float64{3, 2, 1}}
	r.summarise([][]float64{{4, 2.1, 2}, {2, 1.2, 1}}, []float64{1, 3})
	if r.Min != 2 || r.OneSE != 1 {
		t.Errorf("chose %d and %d, want 2 and 1", r.Min, r.OneSE)
	}
}
