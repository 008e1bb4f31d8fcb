// Package linear fits logistic and softmax regression on sparse features, such as the words of documents, of which a
// row has a few hundred out of many thousands. Package glm, which takes dense columns, is for tables.
//
// The penalty is ½λ|w|² on weights and none on intercepts, which is scikit-learn's LogisticRegression with C = 1/λ.
// A prediction is an intercept plus one exact contribution for each feature that a row has: see Model.Contributions.
//
// Start with Row and Fit.
package linear

import (
	"context"
	"math"

	"galen.dev/fault"
	"galen.dev/internal/cpu"
	"galen.dev/text/lbfgs"
)

// Entry is a feature's value.
type Entry struct {
	Col   int32
	Value float32
}

// Row are the features of a case that are not zero, columns rising.
type Row []Entry

// Params of Fit.
type Params struct {
	Lambda     float64   // of the penalty; 0 means 1, negative means none
	Weights    []float64 // of the rows; nil means all 1
	Iterations int       // at most; 0 means 200
	Progress   func(done, most int)
}

// Model is a fitted regression. Two classes have one row of weights, for the log-odds of the second; more have one
// each. The fields are public for encoding/json.
type Model struct {
	Classes   int         `json:"classes"`
	Columns   int         `json:"columns"`
	Intercept []float64   `json:"intercept"`
	Weight    [][]float64 `json:"weight"` // [output][column]
}

// pieces bounds into how many parts rows are cut for summing; the same on every machine.
const pieces = 8

// Fit fits a model for classes 0 … classes-1. It refuses (Usage) fewer than two classes and columns out of range.
func Fit(ctx context.Context, X []Row, y []int, columns, classes int, p Params) (*Model, error) {
	if classes < 2 || columns < 1 || len(X) == 0 || len(X) != len(y) {
		return nil, fault.Errorf(fault.Usage, "a regression needs rows, columns and two classes; it was given %d, %d and %d", len(X), columns, classes)
	}
	for i, row := range X {
		if y[i] < 0 || y[i] >= classes {
			return nil, fault.Errorf(fault.Usage, "row %d has class %d of %d", i+1, y[i], classes)
		}
		for _, e := range row {
			if e.Col < 0 || int(e.Col) >= columns {
				return nil, fault.Errorf(fault.Usage, "row %d has column %d of %d", i+1, e.Col, columns)
			}
		}
	}
	lambda := p.Lambda
	if lambda == 0 {
		lambda = 1
	}
	m := newModel(columns, classes)
	stride := columns + 1
	x := make([]float64, len(m.Weight)*stride)
	f := objective{X: X, y: y, w: p.Weights, stride: stride, outputs: len(m.Weight), lambda: math.Max(lambda, 0)}
	if _, err := lbfgs.Minimise(ctx, f.at, x, lbfgs.Options{Iterations: p.Iterations, Tolerance: 1e-7, Progress: p.Progress}); err != nil {
		return nil, err
	}
	for o := range m.Weight {
		copy(m.Weight[o], x[o*stride:])
		m.Intercept[o] = x[o*stride+columns]
	}
	return m, nil
}

func newModel(columns, classes int) *Model {
	outputs := classes
	if classes == 2 {
		outputs = 1
	}
	m := &Model{Classes: classes, Columns: columns, Intercept: make([]float64, outputs), Weight: make([][]float64, outputs)}
	for o := range m.Weight {
		m.Weight[o] = make([]float64, columns)
	}
	return m
}

// objective is the penalised negative log likelihood.
type objective struct {
	X               []Row
	y               []int
	w               []float64
	stride, outputs int
	lambda          float64
}

func (f *objective) at(x, g []float64) float64 {
	n, size := cpu.Chunks(len(f.X), 64, pieces)
	parts, values := make([][]float64, n), make([]float64, n)
	cpu.Do(n, func(_, k int) {
		parts[k] = make([]float64, len(x))
		for i := k * size; i < min((k+1)*size, len(f.X)); i++ {
			values[k] += f.row(i, x, parts[k])
		}
	})
	clear(g)
	value := 0.0
	for k := range parts {
		value += values[k]
		for j, v := range parts[k] {
			g[j] += v
		}
	}
	for o := range f.outputs {
		for j := o * f.stride; j < (o+1)*f.stride-1; j++ {
			value += f.lambda / 2 * x[j] * x[j]
			g[j] += f.lambda * x[j]
		}
	}
	return value
}

// row adds the gradient of one row and returns its loss.
func (f *objective) row(i int, x, g []float64) float64 {
	w := 1.0
	if f.w != nil {
		w = f.w[i]
	}
	z := make([]float64, f.outputs)
	for o := range z {
		z[o] = x[(o+1)*f.stride-1]
		at := x[o*f.stride:]
		for _, e := range f.X[i] {
			z[o] += at[e.Col] * float64(e.Value)
		}
	}
	var loss float64
	if f.outputs == 1 {
		s := z[0]
		if f.y[i] == 0 {
			s = -s
		}
		loss = math.Max(-s, 0) + math.Log1p(math.Exp(-math.Abs(s)))
	} else {
		top := z[0]
		for _, v := range z {
			top = math.Max(top, v)
		}
		sum := 0.0
		for _, v := range z {
			sum += math.Exp(v - top)
		}
		loss = top + math.Log(sum) - z[f.y[i]]
	}
	p := softmax(z)
	for o := range p {
		d := p[o]
		if f.y[i] == o && f.outputs > 1 || f.outputs == 1 && f.y[i] == 1 {
			d--
		}
		d *= w
		g[(o+1)*f.stride-1] += d
		at := g[o*f.stride:]
		for _, e := range f.X[i] {
			at[e.Col] += d * float64(e.Value)
		}
	}
	return w * loss
}

// softmax turns scores into probabilities, in place; of one score, the log-odds, the probability.
func softmax(z []float64) []float64 {
	if len(z) == 1 {
		z[0] = 1 / (1 + math.Exp(-z[0]))
		return z
	}
	top, sum := math.Inf(-1), 0.0
	for _, v := range z {
		top = math.Max(top, v)
	}
	for o, v := range z {
		z[o] = math.Exp(v - top)
		sum += z[o]
	}
	for o := range z {
		z[o] /= sum
	}
	return z
}

// Scores are the log-odds of the second class, or a score for each of more classes.
func (m *Model) Scores(row Row) []float64 {
	z := make([]float64, len(m.Weight))
	for o := range z {
		z[o] = m.Intercept[o]
		for _, e := range row {
			if int(e.Col) < m.Columns {
				z[o] += m.Weight[o][e.Col] * float64(e.Value)
			}
		}
	}
	return z
}

// Predict is the probability of the second class, or one for each of more classes.
func (m *Model) Predict(row Row) []float64 { return softmax(m.Scores(row)) }

// Contributions are what each entry of a row adds to the score of an output; with Intercept[output] they sum to it.
func (m *Model) Contributions(row Row, output int) []float64 {
	out := make([]float64, len(row))
	for k, e := range row {
		if int(e.Col) < m.Columns {
			out[k] = m.Weight[output][e.Col] * float64(e.Value)
		}
	}
	return out
}

// Check returns a Corrupt error if m could not have come from Fit.
func (m *Model) Check() error {
	outputs := m.Classes
	if m.Classes == 2 {
		outputs = 1
	}
	good := m.Classes >= 2 && m.Columns >= 1 && len(m.Intercept) == outputs && len(m.Weight) == outputs
	for _, w := range m.Weight {
		good = good && len(w) == m.Columns
		for _, v := range w {
			good = good && !math.IsNaN(v) && !math.IsInf(v, 0)
		}
	}
	if !good {
		return fault.Errorf(fault.Corrupt, "the regression's weights do not fit each other")
	}
	return nil
}
