package conformal

import (
	"cmp"
	"math"

	"galen.dev/fault"
)

// Intervals is a fitted rule that maps a prediction of a number to an interval.
type Intervals struct {
	Alpha float64 `json:"alpha"`
	Bound Bound   `json:"bound"` // how far the interval reaches beyond the prediction; negative narrows quantiles
	N     int     `json:"n"`     // calibration patients behind it
}

// FitResidual bounds the absolute residual |y - predicted|: intervals of one width for everybody (Lei et al. 2018).
// alpha 0 means .1. It refuses no rows, NaN and infinite values and a bad alpha.
func FitResidual(predicted, y []float64, alpha float64) (*Intervals, error) {
	return FitQuantiles(predicted, predicted, y, alpha)
}

// FitQuantiles corrects the lower and upper quantiles that a model predicts, by max(low - y, y - high): conformalised
// quantile regression (Romano, Patterson & Candès 2019). Intervals stay as wide or narrow as the model found
// each patient hard or easy. Give the model quantiles alpha/2 and 1 - alpha/2. It refuses what FitResidual does, and low above
// high.
func FitQuantiles(low, high, y []float64, alpha float64) (*Intervals, error) {
	sameLength(len(low), len(y))
	sameLength(len(high), len(y))
	alpha = cmp.Or(alpha, .1)
	fs := append(checkNumbers(low, high, y), checkAlpha(alpha)...)
	if err := fault.Refuse("fitting prediction intervals", fs); err != nil {
		return nil, err
	}
	scores := make([]float64, len(y))
	for i, v := range y {
		scores[i] = math.Max(low[i]-v, v-high[i])
	}
	return &Intervals{Alpha: alpha, Bound: Bound(Quantile(scores, alpha)), N: len(y)}, nil
}

func checkNumbers(low, high, y []float64) []fault.Finding {
	if len(y) == 0 {
		return []fault.Finding{{Name: "no-predictions", Severity: fault.Severe, Message: "there are no calibration rows"}}
	}
	bad := fault.Finding{Name: "value-not-finite", Severity: fault.Severe, Message: "a prediction or outcome is missing or infinite"}
	crossed := fault.Finding{Name: "quantiles-crossed", Severity: fault.Severe, Message: "the lower quantile is above the upper one"}
	add := func(f *fault.Finding, i int) {
		f.Count++
		if len(f.Rows) < fault.MaxRows {
			f.Rows = append(f.Rows, i+1)
		}
	}
	for i, v := range y {
		// The sum of finite numbers may overflow, a difference from itself may not: it is 0 or NaN.
		if v-v != 0 || low[i]-low[i] != 0 || high[i]-high[i] != 0 {
			add(&bad, i)
		} else if low[i] > high[i] {
			add(&crossed, i)
		}
	}
	var fs []fault.Finding
	for _, f := range []fault.Finding{bad, crossed} {
		if f.Count > 0 {
			fs = append(fs, f)
		}
	}
	return fs
}

// Around returns the interval about one prediction, from FitResidual. It is (-Inf, +Inf) if the bound is infinite.
func (v *Intervals) Around(predicted float64) (low, high float64) {
	return v.Between(predicted, predicted)
}

// Between corrects a pair of predicted quantiles, from FitQuantiles. Where a negative bound would turn the interval
// over, it is the middle: an interval that holds nothing else.
func (v *Intervals) Between(low, high float64) (float64, float64) {
	b := float64(v.Bound)
	if b < 0 && low-b > high+b {
		mid := low + (high-low)/2
		return mid, mid
	}
	return low - b, high + b
}

// Infinite tells whether there were fewer than Smallest(Alpha) patients, so that every interval is endless.
func (v *Intervals) Infinite() bool { return math.IsInf(float64(v.Bound), 1) }
