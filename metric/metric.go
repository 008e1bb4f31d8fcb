// Package metric scores predictions: how well they separate (AUROC, average precision), whether a predicted
// risk of 20 % means 20 of 100 patients (calibration), and whether acting on them does more good than harm
// (net benefit), each with an interval that respects that one patient may have many rows.
//
// All binary metrics are computed from one form, the tally: distinct predictions in ascending order with
// the weight of events and non-events at each. Sorting once and counting per resample is what makes a
// bootstrap of all metrics take seconds. Reading order: metric.go, tally.go, rank.go, probability.go,
// calibration.go, loess.go, threshold.go, netbenefit.go, bootstrap.go, binary.go, subgroup.go; multi.go and
// regression.go are for other outcomes.
//
// Conventions. y[i] is true where patient i had the event; p[i] is the predicted risk. A metric that is not
// defined (no events, no non-events, no rows, a NaN prediction) is NaN, never zero. Functions panic only if
// lengths differ. Callers run Check first and show its findings; no function prints or returns a
// patient's values in a message.
//
// The measures follow Steyerberg, Clinical Prediction Models (2nd ed., 2019) and Van Calster et al., "Calibration:
// the Achilles heel of predictive analytics", BMC Medicine 2019; each function names its own source.
package metric

import (
	"encoding/json"
	"math"

	"galen.dev/fault"
)

// Interval is an estimate with the bounds of its confidence interval, 95 % unless a function says otherwise.
// Value, Low and High are NaN where undefined, and null in JSON.
type Interval struct {
	Value, Low, High float64
	Rounds           int // bootstrap rounds that were drawn; 0 where the interval comes from a formula
	Undefined        int // rounds of these that gave no value, e.g. because a resample had one class
}

type intervalJSON struct {
	Value     *float64 `json:"value"`
	Low       *float64 `json:"low"`
	High      *float64 `json:"high"`
	Rounds    int      `json:"rounds,omitempty"`
	Undefined int      `json:"undefined,omitempty"`
}

// MarshalJSON writes undefined and infinite numbers as null, since JSON has neither.
func (v Interval) MarshalJSON() ([]byte, error) {
	return json.Marshal(v.wire())
}

// UnmarshalJSON reads null as NaN.
func (v *Interval) UnmarshalJSON(b []byte) error {
	var j intervalJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*v = j.interval()
	return nil
}

func (v Interval) wire() intervalJSON {
	return intervalJSON{finite(v.Value), finite(v.Low), finite(v.High), v.Rounds, v.Undefined}
}

func (j intervalJSON) interval() Interval {
	return Interval{orNaN(j.Value), orNaN(j.Low), orNaN(j.High), j.Rounds, j.Undefined}
}

// Width is High - Low.
func (v Interval) Width() float64 { return v.High - v.Low }

func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

func orNaN(x *float64) float64 {
	if x == nil {
		return math.NaN()
	}
	return *x
}

// z975 is the .975 quantile of the standard normal distribution.
const z975 = 1.959963984540054

// Wilson returns a proportion with its 95 % score interval (Wilson 1927), which stays within 0 and 1 and is
// sensible for few cases, unlike the textbook ± 1.96 standard errors. NaN if total is 0.
func Wilson(successes, total float64) Interval {
	if total <= 0 {
		return undefinedInterval()
	}
	p := successes / total
	z2 := z975 * z975 / total
	mid := (p + z2/2) / (1 + z2)
	half := z975 / (1 + z2) * math.Sqrt(p*(1-p)/total+z2/(4*total))
	return Interval{Value: p, Low: math.Max(0, mid-half), High: math.Min(1, mid+half)}
}

func undefinedInterval() Interval {
	return Interval{Value: math.NaN(), Low: math.NaN(), High: math.NaN()}
}

func sameLength(a, b int) {
	if a != b {
		panic("metric: length mismatch")
	}
}

// Check returns everything that makes binary predictions unfit for scoring: none at all, NaN, outside 0 to 1,
// one class only. One class is a warning, since accuracy and Brier score still exist; the rest is severe.
func Check(p []float64, y []bool) []fault.Finding {
	sameLength(len(p), len(y))
	if len(p) == 0 {
		return []fault.Finding{{Name: "no-predictions", Severity: fault.Severe, Message: "there are no predictions to score"}}
	}
	var missing, outside rowList
	events := 0
	for i, v := range p {
		switch {
		case math.IsNaN(v):
			missing.add(i)
		case v < 0 || v > 1:
			outside.add(i)
		}
		if y[i] {
			events++
		}
	}
	var fs []fault.Finding
	fs = missing.finding(fs, "prediction-missing", "predicted probability is not a number")
	fs = outside.finding(fs, "prediction-out-of-range", "predicted probability is outside 0 to 1")
	if events == 0 || events == len(y) {
		fs = append(fs, fault.Finding{
			Name: "one-class", Severity: fault.Warning, Message: "all outcomes are of one class",
			Hint: "AUROC, calibration slope and the like are undefined; score a larger or differently split set",
		})
	}
	return fs
}

// CheckClasses is Check for class probabilities p[row][class] and labels 0 … classes-1: it also finds rows
// of unequal length, labels out of range and rows that do not sum to 1 within 1e-6.
func CheckClasses(p [][]float64, y []int) []fault.Finding {
	sameLength(len(p), len(y))
	if len(p) == 0 {
		return []fault.Finding{{Name: "no-predictions", Severity: fault.Severe, Message: "there are no predictions to score"}}
	}
	k := len(p[0])
	var ragged, missing, outside, sums, labels rowList
	seen := map[int]bool{}
	for i, row := range p {
		if len(row) != k {
			ragged.add(i)
		}
		sum, nan, out := 0.0, false, false
		for _, v := range row {
			sum += v
			nan = nan || math.IsNaN(v)
			out = out || v < 0 || v > 1
		}
		switch {
		case nan:
			missing.add(i)
		case out:
			outside.add(i)
		case math.Abs(sum-1) > 1e-6:
			sums.add(i)
		}
		if y[i] < 0 || y[i] >= k {
			labels.add(i)
		}
		seen[y[i]] = true
	}
	var fs []fault.Finding
	fs = ragged.finding(fs, "ragged-predictions", "number of class probabilities differs from the first row's")
	fs = missing.finding(fs, "prediction-missing", "a class probability is not a number")
	fs = outside.finding(fs, "prediction-out-of-range", "a class probability is outside 0 to 1")
	fs = sums.finding(fs, "prediction-sum", "class probabilities do not sum to 1")
	fs = labels.finding(fs, "label-out-of-range", "label is not one of the predicted classes")
	if len(seen) == 1 {
		fs = append(fs, fault.Finding{Name: "one-class", Severity: fault.Warning, Message: "all outcomes are of one class"})
	}
	return fs
}

// rowList collects the first fault.MaxRows rows and counts all of them.
type rowList struct {
	rows  []int
	count int
}

func (l *rowList) add(i int) {
	l.count++
	if len(l.rows) < fault.MaxRows {
		l.rows = append(l.rows, i+1)
	}
}

func (l *rowList) finding(fs []fault.Finding, name, message string) []fault.Finding {
	if l.count == 0 {
		return fs
	}
	return append(fs, fault.Finding{Name: name, Severity: fault.Severe, Rows: l.rows, Count: l.count, Message: message})
}
