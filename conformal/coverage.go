package conformal

import (
	"math"
	"slices"

	"galen.dev/metric"
)

// Coverage says how prediction sets did on patients used neither for training nor for calibration. Shares carry
// Wilson's 95 % interval; those of nobody are NaN.
type Coverage struct {
	N       int               `json:"n"`
	Covered metric.Interval   `json:"covered"`   // share of patients whose set holds their class
	ByClass []metric.Interval `json:"by_class"`  // the same among patients of each class
	Size    float64           `json:"mean_size"` // mean number of classes in a set; 0 if N is 0
	Single  metric.Interval   `json:"single"`    // share of sets with one class, which can be acted on
	Empty   metric.Interval   `json:"empty"`     // share of empty sets: unlike any class seen
	Full    metric.Interval   `json:"full"`      // share of sets that rule nothing out
}

// Measure compares sets with the classes y, 0 … classes-1. For coverage by subgroup, measure the rows of each.
func Measure(sets [][]int, y []int, classes int) Coverage {
	sameLength(len(sets), len(y))
	var covered, single, empty, full, size float64
	hit, of := make([]float64, classes), make([]float64, classes)
	for i, set := range sets {
		of[y[i]]++
		if slices.Contains(set, y[i]) {
			covered++
			hit[y[i]]++
		}
		size += float64(len(set))
		switch len(set) {
		case 0:
			empty++
		case 1:
			single++
		}
		if len(set) == classes {
			full++
		}
	}
	n := float64(len(y))
	c := Coverage{
		N: len(y), Covered: metric.Wilson(covered, n), Size: size / math.Max(n, 1),
		Single: metric.Wilson(single, n), Empty: metric.Wilson(empty, n), Full: metric.Wilson(full, n),
	}
	for k := range of {
		c.ByClass = append(c.ByClass, metric.Wilson(hit[k], of[k]))
	}
	return c
}

// IntervalCoverage says how prediction intervals did.
type IntervalCoverage struct {
	N         int             `json:"n"`
	Covered   metric.Interval `json:"covered"`    // share of outcomes within their interval, with Wilson's 95 % interval
	MeanWidth Bound           `json:"mean_width"` // in the outcome's unit; +Inf (null) if one is endless
}

// MeasureIntervals compares intervals [low, high] with outcomes y.
func MeasureIntervals(low, high, y []float64) IntervalCoverage {
	sameLength(len(low), len(y))
	sameLength(len(high), len(y))
	var covered, width float64
	for i, v := range y {
		if v >= low[i] && v <= high[i] {
			covered++
		}
		width += high[i] - low[i]
	}
	n := float64(len(y))
	return IntervalCoverage{N: len(y), Covered: metric.Wilson(covered, n), MeanWidth: Bound(width / math.Max(n, 1))}
}
