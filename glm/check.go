package glm

import (
	"fmt"
	"math"

	"galen.dev/fault"
)

// huge bounds the values of a column, so that squares and sums stay finite.
const huge = 1e150

func (p *Params) name(j int) string { return featureName(p.Names, j) }

func featureName(names []string, j int) string {
	if j < len(names) {
		return names[j]
	}
	return fmt.Sprintf("x%d", j+1)
}

// check refuses wrong parameters (Usage) and unusable data (Data, with every finding), and returns the
// number of margins.
func check(X [][]float64, y []float64, p *Params) (k int, err error) {
	if err := checkParams(X, y, p); err != nil {
		return 0, err
	}
	var fs []fault.Finding
	if len(y) == 0 {
		fs = append(fs, fault.Finding{Name: "no-rows", Severity: fault.Severe, Message: "there are no rows to fit"})
		return 0, fault.Refuse("glm: fitting "+p.Family.String()+" regression", fs)
	}
	for j, x := range X {
		if f, bad := badNumbers(x, false); bad {
			f.Column = p.name(j)
			fs = append(fs, f)
		}
	}
	if f, bad := badWeights(p.Weights); bad {
		fs = append(fs, f)
	}
	k, more := checkOutcome(y, p)
	fs = append(fs, more...)
	return k, fault.Refuse("glm: fitting "+p.Family.String()+" regression", fs)
}

func checkParams(X [][]float64, y []float64, p *Params) error {
	switch {
	case p.Family > Multinomial:
		return fault.Errorf(fault.Usage, "glm: unknown family %d", p.Family)
	case !(p.Alpha >= 0 && p.Alpha <= 1):
		return fault.Errorf(fault.Usage, "glm: alpha %v is not between 0 and 1", p.Alpha)
	case !(p.Lambda >= 0) || math.IsInf(p.Lambda, 1):
		return fault.Errorf(fault.Usage, "glm: lambda %v is not a number ≥ 0", p.Lambda)
	case p.PathLength < 0, p.MaxIter < 0:
		return fault.Errorf(fault.Usage, "glm: path length and iterations must not be negative")
	case p.Weights != nil && len(p.Weights) != len(y):
		return fault.Errorf(fault.Usage, "glm: %d weights for %d rows", len(p.Weights), len(y))
	case p.PenaltyFactor != nil && len(p.PenaltyFactor) != len(X):
		return fault.Errorf(fault.Usage, "glm: %d penalty factors for %d features", len(p.PenaltyFactor), len(X))
	case p.Names != nil && len(p.Names) != len(X):
		return fault.Errorf(fault.Usage, "glm: %d names for %d features", len(p.Names), len(X))
	}
	for j, x := range X {
		if len(x) != len(y) {
			return fault.Errorf(fault.Usage, "glm: column %q has %d rows, the outcome %d", p.name(j), len(x), len(y))
		}
	}
	for _, v := range p.PenaltyFactor {
		if !(v >= 0) || math.IsInf(v, 1) {
			return fault.Errorf(fault.Usage, "glm: a penalty factor is not a number ≥ 0")
		}
	}
	for i, l := range p.Lambdas {
		if !(l >= 0) || math.IsInf(l, 1) || i > 0 && l >= p.Lambdas[i-1] {
			return fault.Errorf(fault.Usage, "glm: lambdas must be ≥ 0, finite and strictly descending")
		}
	}
	return nil
}

// badNumbers is a finding about the values of a column that no fit can use; NaN passes where missing is allowed.
func badNumbers(x []float64, missing bool) (f fault.Finding, bad bool) {
	var nan, inf, big int
	var rows []int
	for i, v := range x {
		switch {
		case math.IsNaN(v):
			if missing {
				continue
			}
			nan++
		case math.IsInf(v, 0):
			inf++
		case math.Abs(v) > huge:
			big++
		default:
			continue
		}
		if len(rows) < fault.MaxRows {
			rows = append(rows, i+1)
		}
	}
	f = fault.Finding{Severity: fault.Severe, Rows: rows, Count: nan + inf + big}
	switch {
	case f.Count == 0:
		return f, false
	case nan > 0 && inf+big == 0:
		f.Name, f.Message, f.Hint = "missing-value", "missing values", "impute them, or use the additive or a tree model"
	case nan+big == 0:
		f.Name, f.Message, f.Hint = "infinite-value", "infinite values", "mark them as missing, or correct them"
	case nan+inf == 0:
		f.Name, f.Message, f.Hint = "huge-value", "values beyond 1e150", "correct them, or change the unit"
	default:
		f.Name, f.Message = "not-a-number", fmt.Sprintf("%d missing, %d infinite, %d values beyond 1e150", nan, inf, big)
	}
	return f, true
}

func badWeights(w []float64) (f fault.Finding, bad bool) {
	if w == nil {
		return f, false
	}
	f = fault.Finding{Name: "bad-weight", Severity: fault.Severe, Message: "weights that are negative or not finite"}
	var sum float64
	for i, v := range w {
		if !(v >= 0) || v > huge {
			f.Count++
			if len(f.Rows) < fault.MaxRows {
				f.Rows = append(f.Rows, i+1)
			}
		}
		sum += v
	}
	if f.Count == 0 && sum == 0 {
		f.Name, f.Message = "no-weight", "all weights are zero"
		return f, true
	}
	return f, f.Count > 0
}

// checkOutcome returns the number of margins. Rows of weight zero do not count as members of a class.
func checkOutcome(y []float64, p *Params) (int, []fault.Finding) {
	if p.Family == Gaussian {
		if f, bad := badNumbers(y, false); bad {
			f.Column, f.Hint = "outcome", "drop these rows"
			return 1, []fault.Finding{f}
		}
		return 1, nil
	}
	limit := 1.0
	if p.Family == Multinomial {
		limit = maxClasses - 1
	}
	f := fault.Finding{Name: "not-a-class", Severity: fault.Severe, Column: "outcome", Message: "outcomes that are not classes"}
	f.Hint = "number the classes 0, 1, …"
	k := 2
	seen := make([]bool, 2)
	for i, v := range y {
		if !(v >= 0 && v <= limit) || v != math.Trunc(v) {
			f.Count++
			if len(f.Rows) < fault.MaxRows {
				f.Rows = append(f.Rows, i+1)
			}
			continue
		}
		for int(v) >= len(seen) {
			seen = append(seen, false)
		}
		if p.Weights == nil || p.Weights[i] > 0 {
			seen[int(v)] = true
		}
	}
	if f.Count > 0 {
		return k, []fault.Finding{f}
	}
	var absent []int
	for c, ok := range seen {
		if !ok {
			absent = append(absent, c)
		}
	}
	switch {
	case len(seen)-len(absent) < 2:
		return k, []fault.Finding{{
			Name: "one-class", Severity: fault.Severe, Column: "outcome",
			Message: "all rows are of one class", Hint: "a risk cannot be learned from one class: check the outcome and the selection of rows",
		}}
	case len(absent) > 0:
		return k, []fault.Finding{{
			Name: "absent-class", Severity: fault.Severe, Column: "outcome",
			Message: fmt.Sprintf("no rows of class %d", absent[0]), Hint: "number the classes that occur 0, 1, … without gaps",
		}}
	}
	if p.Family == Binomial {
		return 1, nil
	}
	return len(seen), nil
}

// maxClasses bounds softmax regression; more classes than this are an identifier, not an outcome.
const maxClasses = 1000
