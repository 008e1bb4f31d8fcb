package calibrate

import (
	"math"
	"math/rand/v2"
	"slices"

	"galen.dev/metric"
)

// AutoOptions says how Auto compares methods.
type AutoOptions struct {
	Groups []int  // patient of each row: a patient is never in two folds; nil = each row is a patient
	Folds  int    // at least 2; 0 = 5
	Seed   uint64 // of the split into folds
}

// Candidate is one method's standing in the choice.
type Candidate struct {
	Method  Method          `json:"method"`
	LogLoss metric.Interval `json:"log_loss"`          // cross-validated mean, ± 1.96 standard errors over rows
	Skipped string          `json:"skipped,omitempty"` // why it was not a candidate, or empty
	Chosen  bool            `json:"chosen,omitempty"`
}

// What a method must have seen of the rarer class before it is a candidate. One slope is stable from about 20
// events, two want five times that, and a free shape wants the thousand patients that scikit-learn's
// guide names too.
var need = map[Method]struct{ rarer, rows float64 }{
	None: {}, Intercept: {5, 20}, Temperature: {5, 20}, InterceptSlope: {20, 100}, Platt: {20, 100}, Beta: {100, 300},
	VennAbers: {100, 1000}, Isotonic: {100, 1000},
}

// Auto chooses a method by cross-validated log loss and fits it on all rows. Of the methods whose loss is within one
// standard error of the best, as a paired difference, it takes the stiffest in the order of Methods: with few
// patients a flexible map mostly learns noise. The table of candidates says what was tried and why the rest was not.
func Auto(p []float64, y []bool, opt AutoOptions) (*Calibrator, []Candidate, error) {
	if _, err := Fit(None, p, y); err != nil {
		return nil, nil, err
	}
	events := 0.0
	for _, v := range y {
		if v {
			events++
		}
	}
	n := float64(len(p))
	fold := folds(len(p), func(i int) int {
		if y[i] {
			return 1
		}
		return 0
	}, opt)
	losses := func(m Method) ([]float64, bool) {
		return crossLosses(fold, func(train []bool) (func(i int) float64, error) {
			c, err := Fit(m, pick(p, train), pick(y, train))
			return func(i int) float64 {
				return metric.LogLoss([]float64{c.Apply(p[i])}, y[i:i+1])
			}, err
		})
	}
	m, table := choose(Methods(), math.Min(events, n-events), n, losses)
	c, err := Fit(m, p, y)
	return c, table, err
}

// AutoMulti is Auto for several classes, over none, temperature, platt and isotonic. The rarest class counts.
func AutoMulti(p [][]float64, y []int, opt AutoOptions) (*Multi, []Candidate, error) {
	if _, err := FitMulti(None, p, y); err != nil {
		return nil, nil, err
	}
	count := make([]float64, len(p[0]))
	for _, c := range y {
		count[c]++
	}
	fold := folds(len(p), func(i int) int { return y[i] }, opt)
	losses := func(m Method) ([]float64, bool) {
		return crossLosses(fold, func(train []bool) (func(i int) float64, error) {
			c, err := FitMulti(m, pick(p, train), pick(y, train))
			return func(i int) float64 {
				return metric.MulticlassLogLoss([][]float64{c.Apply(p[i])}, y[i:i+1])
			}, err
		})
	}
	m, table := choose([]Method{None, Temperature, Platt, Isotonic}, slices.Min(count), float64(len(p)), losses)
	c, err := FitMulti(m, p, y)
	return c, table, err
}

// choose applies the rule of Auto. losses gives one value for each row, or false if a fold has no fit.
func choose(methods []Method, rarer, rows float64, losses func(Method) ([]float64, bool)) (Method, []Candidate) {
	table := make([]Candidate, len(methods))
	each := make([][]float64, len(methods))
	best := 0
	for k, m := range methods {
		table[k] = Candidate{Method: m, LogLoss: metric.Interval{Value: math.NaN(), Low: math.NaN(), High: math.NaN()}}
		if want := need[m]; rarer < want.rarer || rows < want.rows {
			table[k].Skipped = "too few patients"
			continue
		}
		l, ok := losses(m)
		if !ok {
			table[k].Skipped = "no finite fit in a fold"
			continue
		}
		each[k] = l
		mean, se := meanAndError(l)
		table[k].LogLoss = metric.Interval{Value: mean, Low: mean - 1.96*se, High: mean + 1.96*se}
		if mean < table[best].LogLoss.Value || each[best] == nil {
			best = k
		}
	}
	for k := range methods {
		if each[k] == nil {
			continue
		}
		d := make([]float64, len(each[k]))
		for i := range d {
			d[i] = each[k][i] - each[best][i]
		}
		if mean, se := meanAndError(d); mean <= se {
			table[k].Chosen = true
			return methods[k], table
		}
	}
	return None, table // not reached: the best is within its own error
}

func meanAndError(v []float64) (mean, se float64) {
	n := float64(len(v))
	mean = sum(v) / n
	for _, x := range v {
		se += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(se / (n - 1) / n)
}

// folds gives each row a fold. Patients are shuffled and dealt out class by class (the class of their first
// row), so that a rare class is spread evenly.
func folds(n int, class func(i int) int, opt AutoOptions) []int {
	k := opt.Folds
	if k == 0 {
		k = 5
	}
	patientOf := func(i int) int { return i }
	if opt.Groups != nil {
		if len(opt.Groups) != n {
			panic("calibrate: length mismatch")
		}
		patientOf = func(i int) int { return opt.Groups[i] }
	}
	var first []int
	seen := map[int]bool{}
	for i := range n {
		if g := patientOf(i); !seen[g] {
			seen[g] = true
			first = append(first, i)
		}
	}
	rng := rand.New(rand.NewPCG(opt.Seed, 0))
	rng.Shuffle(len(first), func(i, j int) { first[i], first[j] = first[j], first[i] })
	slices.SortStableFunc(first, func(a, b int) int { return class(a) - class(b) })
	of := make(map[int]int, len(first))
	for i, row := range first {
		of[patientOf(row)] = i % k
	}
	out := make([]int, n)
	for i := range out {
		out[i] = of[patientOf(i)]
	}
	return out
}

// crossLosses scores each row by a calibrator fitted without its fold; false if one cannot be fitted.
func crossLosses(fold []int, fit func(train []bool) (func(i int) float64, error)) ([]float64, bool) {
	out := make([]float64, len(fold))
	train := make([]bool, len(fold))
	for f := range slices.Max(fold) + 1 {
		for i, g := range fold {
			train[i] = g != f
		}
		loss, err := fit(train)
		if err != nil {
			return nil, false
		}
		for i, in := range train {
			if !in {
				out[i] = loss(i)
			}
		}
	}
	return out, true
}

func pick[T any](v []T, keep []bool) []T {
	var out []T
	for i, k := range keep {
		if k {
			out = append(out, v[i])
		}
	}
	return out
}
