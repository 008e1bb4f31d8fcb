package tree

import (
	"errors"
	"fmt"
	"math"

	"galen.dev/fault"
)

// Bounds on what can be fitted and read.
const (
	maxRows     = 1 << 28 // integer sums keep at least 3 bits of a mean gradient
	maxFeatures = 1 << 24
	maxLevels   = 1 << 24
	maxClasses  = 1000
)

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// A checker collects what is wrong with parameters.
type checker struct{ findings []fault.Finding }

func (c *checker) require(ok bool, key, message string) {
	if ok {
		return
	}
	for _, f := range c.findings {
		if f.Column == key && f.Message == message {
			return
		}
	}
	c.findings = append(c.findings, fault.Finding{Name: "bad-parameter", Severity: fault.Severe, Column: key, Message: message})
}

func (c *checker) categories(levels []int, features int) {
	c.require(levels == nil || len(levels) == features, "categories", "needs one entry a feature")
	for _, n := range levels {
		c.require(n >= 0 && n <= maxLevels, "categories", "a feature has 0 to 16,777,216 levels")
	}
}

func (c *checker) classWeights(w []float64, classes int) {
	if w == nil {
		return
	}
	c.require(classes > 0, "class-weights", "only classification has classes")
	c.require(len(w) == classes, "class-weights", "needs one weight a class")
	for _, v := range w {
		c.require(v >= 0 && finite(v), "class-weights", "weights are finite and not negative")
	}
}

// usage returns what was found as a Usage error, or nil.
func (c *checker) usage(subject string) error {
	if len(c.findings) == 0 {
		return nil
	}
	return &fault.Error{Kind: fault.Usage, Err: errors.New(subject + " are not usable"), Findings: c.findings}
}

// rowFinding collects rows with the same trouble, up to what one finding lists.
type rowFinding struct {
	name, column, message, hint string
	rows                        []int
	count                       int
}

func (r *rowFinding) add(row int) {
	if r.count++; len(r.rows) < fault.MaxRows {
		r.rows = append(r.rows, row+1)
	}
}

func (r *rowFinding) appendTo(fs []fault.Finding) []fault.Finding {
	if r.count == 0 {
		return fs
	}
	return append(fs, fault.Finding{
		Name: r.name, Severity: fault.Severe, Column: r.column, Rows: r.rows, Count: r.count,
		Message: r.message, Hint: r.hint,
	})
}

// checkTable refuses data that no model can be fitted on, with all findings at once. classes is 0 for
// regression; features is how many columns there must be.
func checkTable(subject string, x [][]float64, y, w []float64, categories []int, classes, features int) error {
	var fs []fault.Finding
	add := func(name, column, message, hint string) {
		fs = append(fs, fault.Finding{Name: name, Severity: fault.Severe, Column: column, Message: message, Hint: hint})
	}
	n := len(y)
	switch {
	case n == 0:
		add("no-rows", "", "there are no rows", "")
	case n > maxRows:
		return errRows(n)
	}
	if len(x) == 0 {
		add("no-features", "", "there are no features", "")
	}
	if len(x) > maxFeatures {
		add("too-many-features", "", "more than 16,777,216 features", "")
	}
	if len(x) != features {
		add("column-count", "", fmt.Sprintf("%d columns where %d are needed", len(x), features), "")
	}
	if w != nil && len(w) != n {
		add("ragged-columns", "weight", fmt.Sprintf("%d weights for %d rows", len(w), n), "")
	}
	for f, c := range x {
		if len(c) != n {
			add("ragged-columns", featureName(f), fmt.Sprintf("%d rows where the target has %d", len(c), n), "")
		}
	}
	if len(fs) > 0 {
		return fault.Refuse(subject, fs)
	}
	fs = checkTarget(fs, y, w, classes)
	found := make([][]fault.Finding, len(x))
	parallel(len(x), func(_, f int) {
		levels := 0
		if len(categories) > 0 {
			levels = categories[f]
		}
		found[f] = checkColumn(f, x[f], levels)
	})
	for _, f := range found {
		fs = append(fs, f...)
	}
	return fault.Refuse(subject, fs)
}

func checkTarget(fs []fault.Finding, y, w []float64, classes int) []fault.Finding {
	bad := rowFinding{name: "bad-target", column: "target", message: "the target is missing or infinite", hint: "drop these rows"}
	class := rowFinding{name: "bad-class", column: "target", message: fmt.Sprintf("the target is not a class index below %d", classes)}
	for i, v := range y {
		if !finite(v) {
			bad.add(i)
		} else if classes > 0 && (v < 0 || v >= float64(classes) || v != math.Trunc(v)) {
			class.add(i)
		}
	}
	weight := rowFinding{name: "bad-weight", column: "weight", message: "the weight is missing, infinite or negative"}
	var sum float64
	for i, v := range w {
		if !finite(v) || v < 0 {
			weight.add(i)
		} else {
			sum += v
		}
	}
	fs = weight.appendTo(class.appendTo(bad.appendTo(fs)))
	if w != nil && weight.count == 0 && !(sum > 0 && finite(sum)) {
		fs = append(fs, fault.Finding{Name: "bad-weight", Severity: fault.Severe, Column: "weight", Message: "the weights do not add up to a positive number"})
	}
	return fs
}

func checkColumn(f int, x []float64, levels int) []fault.Finding {
	inf := rowFinding{name: "infinite", column: featureName(f), message: "the value is infinite", hint: "mark it missing or cap it"}
	level := rowFinding{name: "bad-category", column: featureName(f), message: fmt.Sprintf("the category is not a level index below %d", levels)}
	for i, v := range x {
		switch {
		case v != v:
		case v-v != 0:
			inf.add(i)
		case levels > 0 && (v < 0 || v >= float64(levels) || v != math.Trunc(v)):
			level.add(i)
		}
	}
	return level.appendTo(inf.appendTo(nil))
}

func featureName(f int) string { return fmt.Sprintf("feature %d", f) }

// target says what y is.
type target struct {
	classes      int
	classWeights []float64
	balanced     bool
}

// prepare checks the data and returns the rows that carry weight, ascending, and their weights with those
// of the classes worked in; nil weights are all 1.
func prepare(x [][]float64, y, w []float64, categories []int, t target) (use []uint32, weight []float64, err error) {
	if err := checkTable("training rows", x, y, w, categories, t.classes, len(x)); err != nil {
		return nil, nil, err
	}
	weight = w
	if t.classWeights != nil || (t.balanced && t.classes > 0) {
		weight = classWeighted(y, w, t)
	}
	use = make([]uint32, 0, len(y))
	for i := range y {
		if weight == nil || weight[i] > 0 {
			use = append(use, uint32(i))
		}
	}
	if len(use) == 0 {
		return nil, nil, fault.Refuse("training rows", []fault.Finding{{
			Name: "bad-weight", Severity: fault.Severe, Column: "weight", Message: "no row has a positive weight",
		}})
	}
	return use, weight, nil
}

// classWeighted multiplies row weights by those of their classes. Balanced weights keep the total.
func classWeighted(y, w []float64, t target) []float64 {
	factor := make([]float64, t.classes)
	fill(factor, 1)
	if t.balanced {
		sum := make([]float64, t.classes)
		var total float64
		present := 0
		for i, v := range y {
			sum[int(v)] += weightAt(w, i)
			total += weightAt(w, i)
		}
		for _, s := range sum {
			if s > 0 {
				present++
			}
		}
		for k, s := range sum {
			if s > 0 {
				factor[k] = total / (float64(present) * s)
			}
		}
	}
	for k, c := range t.classWeights {
		factor[k] *= c
	}
	out := make([]float64, len(y))
	for i, v := range y {
		out[i] = weightAt(w, i) * factor[int(v)]
	}
	return out
}

func errRows(n int) error {
	return fault.Errorf(fault.Data, "%d rows are more than one model can be fitted on", n)
}
