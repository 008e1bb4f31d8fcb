// Package conformal turns predictions into sets or intervals that hold the truth for a promised share of patients,
// whatever the model: with level Alpha = .1, 90 of 100. A set of several diagnoses, or an empty one, says in
// plain sight that the model does not know, which a single probability hides.
//
// The method is split conformal prediction (Vovk, Gammerman & Shafer 2005; Angelopoulos & Bates 2023): on n
// calibration patients that the model was not trained on, each gets a score of how badly the prediction fits; the
// ceil((n+1)(1-α))-th smallest score, Quantile, bounds what a new patient may score. If the calibration patients
// and the new one are exchangeable, 1-α ≤ P(truth in the set) ≤ 1-α + 1/(n+1), the upper bound for scores without
// ties. The promise is about patients on average, not about each kind of patient: Mondrian keeps it within each class,
// at the price of larger sets. It is void if patients have changed (another site, another year), and with several rows for
// each patient it needs one row a patient.
//
// Reading order: conformal.go, sets.go, interval.go, coverage.go.
package conformal

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"

	"galen.dev/fault"
)

// Quantile returns the ceil((n+1)(1-alpha))-th smallest score, or +Inf if there are not that many: too few patients to
// promise anything short of everything. For alpha .1, 9 scores give the largest and 8 give +Inf. Equal
// scores count each. alpha is between 0 and 1; a NaN score counts as +Inf, so that it can only widen.
func Quantile(scores []float64, alpha float64) float64 {
	s := slices.Clone(scores)
	for i, v := range s {
		if math.IsNaN(v) {
			s[i] = math.Inf(1)
		}
	}
	slices.Sort(s)
	k := rank(len(s), alpha)
	if k > len(s) {
		return math.Inf(1)
	}
	return s[k-1]
}

// rank is ceil((n+1)(1-alpha)), at least 1. The allowance undoes rounding: 10 (1 - .1) is 9, not above it.
func rank(n int, alpha float64) int {
	return max(int(math.Ceil(float64(n+1)*(1-alpha)-1e-9)), 1)
}

// Smallest returns the smallest n from which Quantile is finite at this alpha.
func Smallest(alpha float64) int {
	n := max(int(1/alpha)-2, 0)
	for rank(n, alpha) > n {
		n++
	}
	return n
}

// Bound is a bound on scores. It may be +Inf, which is null in JSON and makes every set full.
type Bound float64

// MarshalJSON writes +Inf as null.
func (b Bound) MarshalJSON() ([]byte, error) {
	if math.IsInf(float64(b), 1) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(b))
}

// UnmarshalJSON reads null as +Inf.
func (b *Bound) UnmarshalJSON(text []byte) error {
	if bytes.Equal(text, []byte("null")) {
		*b = Bound(math.Inf(1))
		return nil
	}
	return json.Unmarshal(text, (*float64)(b))
}

func sameLength(a, b int) {
	if a != b {
		panic("conformal: length mismatch")
	}
}

func checkAlpha(alpha float64) []fault.Finding {
	if alpha > 0 && alpha < 1 {
		return nil
	}
	return []fault.Finding{{Name: "alpha-out-of-range", Severity: fault.Severe, Message: "alpha is not between 0 and 1"}}
}
