package metric

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"
)

// The vectors come from testdata/vectors.py. 1e-12 is the rounding of sums of a few hundred terms; looser
// tolerances say why where they are used.
const exact = 1e-12

type curve struct{ FPR, TPR, Precision, Recall, Threshold []float64 }

type binaryVector struct {
	P, P2, W         []float64
	Y                []bool
	AUROC            float64
	AUROCW           float64 `json:"auroc_weighted"`
	AP               float64
	APW              float64 `json:"ap_weighted"`
	Brier            float64
	BrierW           float64 `json:"brier_weighted"`
	LogLoss          float64 `json:"log_loss"`
	LogLossW         float64 `json:"log_loss_weighted"`
	ROC, PR          curve
	ROCW             curve   `json:"roc_weighted"`
	PRW              curve   `json:"pr_weighted"`
	MinSePPV         float64 `json:"min_se_ppv"`
	MCC, F1, Kappa   float64
	BalancedAccuracy float64 `json:"balanced_accuracy"`
	Accuracy         float64
	DeLong           struct {
		AUROC      []float64
		Covariance [][]float64
	}
	Intercept float64
	Slope     []float64
	Loess     *struct {
		Direct              []float64
		ICI, E50, E90, EMax float64
		InterpolatedICI     float64 `json:"interpolated_ici"`
	}
	Wilson [][]float64
}

type vectors struct {
	Binary     []binaryVector
	Multiclass struct {
		P                    [][]float64
		Y                    []int
		Macro, Weighted      float64
		LogLoss              float64 `json:"log_loss"`
		Brier, Accuracy, MCC float64
		BalancedAccuracy     float64 `json:"balanced_accuracy"`
		MacroF1              float64 `json:"macro_f1"`
		WeightedF1           float64 `json:"weighted_f1"`
		Kappa                []float64
		Confusion            [][]float64
	}
	Regression struct {
		A, B                                      []float64
		RMSE, MAE, R2, Pearson, Spearman, Kendall float64
	}
}

func load(t *testing.T) vectors {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s = %.17g, want %.17g (off by %.2g)", what, got, want, got-want)
	}
}

func nearAll(t *testing.T, what string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		near(t, fmt.Sprintf("%s[%d]", what, i), got[i], want[i], tol)
	}
}

func TestBinaryAgainstScikitLearn(t *testing.T) {
	for k, v := range load(t).Binary {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			near(t, "AUROC", AUROC(v.P, v.Y), v.AUROC, exact)
			near(t, "weighted AUROC", AUROCWeighted(v.P, v.Y, v.W), v.AUROCW, exact)
			near(t, "AP", AveragePrecision(v.P, v.Y), v.AP, exact)
			near(t, "weighted AP", AveragePrecisionWeighted(v.P, v.Y, v.W), v.APW, exact)
			near(t, "Brier", Brier(v.P, v.Y), v.Brier, exact)
			near(t, "weighted Brier", BrierWeighted(v.P, v.Y, v.W), v.BrierW, exact)
			near(t, "log loss", LogLoss(v.P, v.Y), v.LogLoss, exact)
			near(t, "weighted log loss", LogLossWeighted(v.P, v.Y, v.W), v.LogLossW, exact)
			near(t, "min(Se, PPV)", MinSensitivityPPV(v.P, v.Y), v.MinSePPV, exact)
			c := CountsAt(v.P, v.Y, .3)
			near(t, "MCC", c.MCC(), v.MCC, exact)
			near(t, "F1", c.F1(), v.F1, exact)
			near(t, "kappa", c.Kappa(), v.Kappa, exact)
			near(t, "accuracy", c.Accuracy(), v.Accuracy, exact)
			near(t, "balanced accuracy", c.BalancedAccuracy(), v.BalancedAccuracy, exact)
			sameROC(t, ROC(v.P, v.Y), v.ROC)
			sameROC(t, ROCWeighted(v.P, v.Y, v.W), v.ROCW)
			samePR(t, PR(v.P, v.Y), v.PR)
			samePR(t, PRWeighted(v.P, v.Y, v.W), v.PRW)
		})
	}
}

// The stored curves leave out the opening points, which are conventions.
func sameROC(t *testing.T, got []ROCPoint, want curve) {
	t.Helper()
	if first := got[0]; !math.IsInf(first.Threshold, 1) || first.FPR != 0 || first.TPR != 0 {
		t.Errorf("curve opens at %v", first)
	}
	var f, s, th []float64
	for _, p := range got[1:] {
		f, s, th = append(f, p.FPR), append(s, p.TPR), append(th, p.Threshold)
	}
	nearAll(t, "FPR", f, want.FPR, exact)
	nearAll(t, "TPR", s, want.TPR, exact)
	nearAll(t, "threshold", th, want.Threshold, 0)
}

func samePR(t *testing.T, got []PRPoint, want curve) {
	t.Helper()
	if first := got[0]; !math.IsInf(first.Threshold, 1) || first.Recall != 0 || first.Precision != 1 {
		t.Errorf("curve opens at %v", first)
	}
	var p, r, th []float64
	for _, q := range got[1:] {
		p, r, th = append(p, q.Precision), append(r, q.Recall), append(th, q.Threshold)
	}
	nearAll(t, "precision", p, want.Precision, exact)
	nearAll(t, "recall", r, want.Recall, exact)
	nearAll(t, "threshold", th, want.Threshold, 0)
}

func TestDeLongAgainstDefinition(t *testing.T) {
	for _, v := range load(t).Binary {
		s := v.DeLong.Covariance
		a, b := DeLong(v.P, v.Y), DeLong(v.P2, v.Y)
		near(t, "AUROC", a.AUROC, v.DeLong.AUROC[0], exact)
		near(t, "variance", a.Variance, s[0][0], exact)
		near(t, "variance of the second", b.Variance, s[1][1], exact)
		d := DeLongTest(v.P, v.P2, v.Y)
		se := math.Sqrt(s[0][0] + s[1][1] - 2*s[0][1])
		near(t, "SE", d.SE, se, 1e-10) // the definition subtracts nearly equal numbers
		near(t, "z", d.Z, (v.DeLong.AUROC[0]-v.DeLong.AUROC[1])/se, 1e-8)
		near(t, "p", d.P, 2*(1-normalCDF(math.Abs(d.Z))), 1e-10)
		near(t, "low", a.Plain.Low, a.AUROC-1.959963984540054*math.Sqrt(s[0][0]), 1e-10)
		if !(a.Logit.Low < a.AUROC && a.AUROC < a.Logit.High && a.Logit.High < 1) {
			t.Errorf("logit interval %v does not hold its value", a.Logit)
		}
	}
}

func normalCDF(z float64) float64 { return .5 * math.Erfc(-z/math.Sqrt2) }

func TestCalibrationAgainstStatsmodels(t *testing.T) {
	for _, v := range load(t).Binary {
		near(t, "intercept", CalibrationIntercept(v.P, v.Y), v.Intercept, 1e-9)
		a, b := CalibrationSlope(v.P, v.Y)
		near(t, "intercept of slope", a, v.Slope[0], 1e-8) // statsmodels stops at 1e-13 of deviance
		near(t, "slope", b, v.Slope[1], 1e-8)
	}
}

func TestSmoothCalibrationAgainstDirectLoess(t *testing.T) {
	v := load(t).Binary[0]
	s := SmoothCalibration(v.P, v.Y)
	var f loess
	f.compact(newTally(v.P, v.Y, nil))
	for i, x := range v.P {
		got, _ := f.localQuadratic(x, Span*float64(len(v.P)))
		near(t, "direct fit", got, v.Loess.Direct[i], 1e-10)
	}
	// Between vertices the curve is interpolated: a thousandth of probability is far below what anybody reads.
	near(t, "ICI", s.ICI, v.Loess.ICI, 1e-3)
	near(t, "E50", s.E50, v.Loess.E50, 2e-3)
	near(t, "E90", s.E90, v.Loess.E90, 2e-3)
	near(t, "Emax", s.EMax, v.Loess.EMax, 2e-3)
	near(t, "ICI of interpolating loess", s.ICI, v.Loess.InterpolatedICI, 2e-3)
}

func TestWilsonAgainstStatsmodels(t *testing.T) {
	for i, k := range [][2]float64{{0, 7}, {3, 11}, {20, 20}, {480, 1000}} {
		w, want := Wilson(k[0], k[1]), load(t).Binary[0].Wilson[i]
		near(t, "low", w.Low, want[0], exact)
		near(t, "high", w.High, want[1], exact)
	}
}

func TestMulticlassAgainstScikitLearn(t *testing.T) {
	v := load(t).Multiclass
	a := AUROCOneVsRest(v.P, v.Y)
	near(t, "macro AUROC", a.Macro, v.Macro, exact)
	near(t, "weighted AUROC", a.Weighted, v.Weighted, exact)
	near(t, "log loss", MulticlassLogLoss(v.P, v.Y), v.LogLoss, exact)
	near(t, "Brier", MulticlassBrier(v.P, v.Y), v.Brier, exact)
	c, err := NewConfusion(v.Y, MostLikely(v.P), 4)
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.N {
		nearAll(t, "confusion", c.N[i], v.Confusion[i], 0)
	}
	near(t, "accuracy", c.Accuracy(), v.Accuracy, exact)
	near(t, "balanced accuracy", c.BalancedAccuracy(), v.BalancedAccuracy, exact)
	near(t, "MCC", c.MCC(), v.MCC, exact)
	near(t, "macro F1", c.MacroF1(), v.MacroF1, exact)
	near(t, "weighted F1", c.WeightedF1(), v.WeightedF1, exact)
	for i, w := range []KappaWeights{Unweighted, Linear, Quadratic} {
		near(t, "kappa", c.Kappa(w), v.Kappa[i], exact)
	}
}

func TestRegressionAgainstSciPy(t *testing.T) {
	v := load(t).Regression
	near(t, "RMSE", RMSE(v.A, v.B), v.RMSE, exact)
	near(t, "MAE", MAE(v.A, v.B), v.MAE, exact)
	near(t, "R2", R2(v.A, v.B), v.R2, exact)
	near(t, "Pearson", Pearson(v.A, v.B), v.Pearson, exact)
	near(t, "Spearman", Spearman(v.A, v.B), v.Spearman, exact)
	near(t, "Kendall", KendallTau(v.A, v.B), v.Kendall, exact)
}
