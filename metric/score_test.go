package metric

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestEveryResultIsJSONWhereUndefined(t *testing.T) {
	p, none := []float64{.1, .2, .9}, make([]bool, 3)
	some := []bool{false, true, true}
	for _, v := range []any{
		SmoothCalibration(p, none), DeLong(p, none), DeLongTest(p, p, none), AtThresholds(p, none, []float64{0, .95}), ROC(p, some),
		PR(p, some), DecisionCurve(p, none, []float64{0, 1}), CountsAt([]float64{math.NaN()}, none[:1], 0),
		AUROCOneVsRest([][]float64{{1, 0}}, []int{0}), CalibrationBins(p, none, 2, EqualWidth),
	} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%T: %v", v, err)
		}
		if _, bins := v.([]Bin); !bins && !strings.Contains(string(b), "null") {
			t.Errorf("%T = %s hides what is undefined", v, b)
		}
	}
}

func TestMulticlassEqualsFunctions(t *testing.T) {
	v := load(t).Multiclass
	m := NewMulticlass(v.P, v.Y, 0)
	ap := 0.0
	for c := range v.P[0] {
		q, is := oneVsRest(v.P, v.Y, c)
		ap += AveragePrecision(q, is) / 4
	}
	want := []float64{
		v.Macro, v.Weighted, ap, v.Accuracy, v.BalancedAccuracy, v.MacroF1, v.MCC, v.Kappa[0], v.LogLoss, v.Brier,
		ClasswiseECE(v.P, v.Y, 0, EqualCount),
	}
	if d := cmp.Diff(want, m.Scores(nil), cmpopts.EquateApprox(0, exact)); d != "" {
		t.Error(d)
	}
	s, err := m.Intervals(context.Background(), Resample{N: len(v.Y), Rounds: 200})
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range s {
		if x.Name != m.Names()[i] || x.Value != m.Scores(nil)[i] || !(x.Low < x.High) {
			t.Errorf("%+v", x)
		}
	}
	d, err := m.Differences(context.Background(), m, Resample{N: len(v.Y), Rounds: 10})
	if err != nil || d[0].Low != 0 || d[0].High != 0 {
		t.Errorf("%v, %v", d, err)
	}
}

func TestRegressionIntervals(t *testing.T) {
	v := load(t).Regression
	g := NewRegression(v.A, v.B)
	want := []float64{v.RMSE, v.MAE, v.R2, v.Pearson, v.Spearman, v.Kendall}
	if d := cmp.Diff(want, g.Scores(nil), cmpopts.EquateApprox(0, exact)); d != "" {
		t.Error(d)
	}
	s, err := g.Intervals(context.Background(), Resample{N: len(v.A), Rounds: 200})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range s {
		if !(x.Low < x.Value && x.Value < x.High) {
			t.Errorf("%+v", x)
		}
	}
	d, err := g.Differences(context.Background(), NewRegression(v.B, v.B), Resample{N: len(v.A), Rounds: 50})
	if err != nil || !(d[0].Low > 0) {
		t.Errorf("a perfect prediction is not better: %v, %v", d, err)
	}
	for _, x := range []float64{
		RMSE(nil, nil), MAE(nil, nil), R2(nil, nil), Pearson(nil, nil),
		Spearman(nil, nil), KendallTau(nil, nil), R2([]float64{1, 2}, []float64{1, 1}),
		Spearman([]float64{1, math.NaN(), 3}, []float64{1, 2, 3}), KendallTau([]float64{1, math.NaN(), 3}, []float64{1, 2, 3}),
	} {
		if !math.IsNaN(x) {
			t.Errorf("undefined is %v", x)
		}
	}
}
