package glm

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/floats"
)

// AdditiveParams are the settings of an additive model. The zero value fits a number with numeric features.
//
// The defaults follow InterpretML in bags, validation share, small steps and smallest leaf. Longer smoothing,
// one stopping time for all bags and few pairs gave better held-out log loss on small data, and models that are
// shorter to read.
type AdditiveParams struct {
	Family Family   // 0 = Gaussian
	Levels []int    // number of levels of each categorical feature, 0 = numeric; nil = all numeric
	Names  []string // names of the features for findings; nil = x1, x2, …

	MaxBins int // most bins of a feature, the one for missing values included; 0 = 256, which is the limit
	// Pairs is the number of pair terms, chosen by the gain of the best cut into four; 0 = one for every 500
	// rows, at most 10; negative = none. Multinomial models have none, since their pairs cannot be read one by one.
	Pairs        int
	Bags         int     // models averaged, each from another training share; 0 = 14
	Validation   float64 // share of the rows that each bag holds back to tell when to stop; 0 = 0.15
	LearningRate float64 // 0 = 0.02
	Rounds       int     // most rounds over all terms; 0 = 5000
	Patience     int     // rounds without a better validation loss, mean over the bags, before boosting stops; 0 = 50
	Smoothing    int     // first rounds, which cut at random places: smooth shapes that follow noise less; 0 = 500; negative = none
	MinLeaf      int     // fewest training rows of a leaf; 0 = 4
	// Monotone makes the shape of a numeric feature rise (+1) or fall (-1): isotonic regression of the finished
	// shape, weighted by training rows. Such a feature takes part in no pair. nil = no constraint.
	Monotone []int8
	Seed     uint64
}

// Additive is a generalised additive model with pair terms: margin = Intercept + Σ term scores. Every term has
// a weighted mean of zero over the training rows, and pair terms have zero means along both features, so that
// each term holds only what the terms before it cannot express.
//
// It is fitted as an explainable boosting machine: bags of cyclic gradient boosting, one feature at a time with
// small steps, then pairs found by FAST. Lou, Caruana and Gehrke, "Intelligible models for classification and
// regression", KDD 2012; Lou et al., "Accurate intelligible models with pairwise interactions", KDD 2013; Nori
// et al., "InterpretML", arXiv 1909.09223; purification: Lengerich et al., AISTATS 2020.
type Additive struct {
	Family    Family
	Features  int       // length of a row
	Intercept []float64 // [class]
	Terms     []Term    // one for each feature in order, then the pairs by falling strength
}

// Term is the shape function of one feature, or the surface of two.
type Term struct {
	Axes   []Axis      // one or two
	Scores [][]float64 // [class][bin]; a pair's bins are row-major: bin of axis 0 times bins of axis 1, plus bin of axis 1
	Std    [][]float64 // standard deviation of each score over the bags
	Weight []float64   // share of the training weight in each bin; sums to one
}

// Axis tells how values of a feature fall into bins. Bin 0 is for missing values and unknown levels.
type Axis struct {
	Feature int
	Edges   []float64 // numeric: ascending; value v is in bin 1 + number of edges ≤ v
	Levels  []int     // categorical: bin of each level, from 1; nil for a numeric feature
}

// Bins is the number of bins.
func (a *Axis) Bins() int {
	if a.Levels == nil {
		return len(a.Edges) + 2
	}
	top := 0
	for _, b := range a.Levels {
		top = max(top, b)
	}
	return top + 1
}

// Bin is the bin of a value; NaN is missing.
func (a *Axis) Bin(v float64) int {
	switch {
	case math.IsNaN(v):
		return 0
	case a.Levels == nil:
		return 1 + sort.Search(len(a.Edges), func(i int) bool { return a.Edges[i] > v })
	case v >= 0 && v < float64(len(a.Levels)) && v == math.Trunc(v):
		return a.Levels[int(v)]
	}
	return 0
}

// bin is the index into the scores of a row.
func (t *Term) bin(row []float64) int {
	b := t.Axes[0].Bin(row[t.Axes[0].Feature])
	if len(t.Axes) == 2 {
		b = b*t.Axes[1].Bins() + t.Axes[1].Bin(row[t.Axes[1].Feature])
	}
	return b
}

// Importance is the mean absolute score of a class over the training rows.
func (t *Term) Importance(class int) (s float64) {
	for b, v := range t.Scores[class] {
		s += t.Weight[b] * math.Abs(v)
	}
	return s
}

// Outputs is the number of values that Predict writes: 1, or the number of classes of a Multinomial model.
func (m *Additive) Outputs() int { return len(m.Intercept) }

// Margin writes the sum of intercept and term scores of each output into out. It panics if a length is wrong.
func (m *Additive) Margin(row, out []float64) {
	if len(row) != m.Features || len(out) != m.Outputs() {
		panic("glm: length mismatch")
	}
	copy(out, m.Intercept)
	for i := range m.Terms {
		t := &m.Terms[i]
		b := t.bin(row)
		for k := range out {
			out[k] += t.Scores[k][b]
		}
	}
}

// Predict writes the mean (Gaussian), the probability of class 1 (Binomial) or of each class (Multinomial)
// into out. It panics if a length is wrong.
func (m *Additive) Predict(row, out []float64) {
	m.Margin(row, out)
	respond(m.Family, out)
}

// Contributions returns the score of each term for one class (0 for Gaussian and Binomial) and the base, which
// is the intercept; base + Σφ is the margin. It panics if a length is wrong.
func (m *Additive) Contributions(class int, row []float64) (phi []float64, base float64) {
	if len(row) != m.Features {
		panic("glm: length mismatch")
	}
	phi = make([]float64, len(m.Terms))
	for i := range m.Terms {
		phi[i] = m.Terms[i].Scores[class][m.Terms[i].bin(row)]
	}
	return phi, m.Intercept[class]
}

// Uncertainty returns the standard deviation over the bags of the score of each term for one class.
func (m *Additive) Uncertainty(class int, row []float64) []float64 {
	if len(row) != m.Features {
		panic("glm: length mismatch")
	}
	out := make([]float64, len(m.Terms))
	for i := range m.Terms {
		out[i] = m.Terms[i].Std[class][m.Terms[i].bin(row)]
	}
	return out
}

// PerFeature carries contributions of terms to features: a pair's is halved between its two, which is its
// Shapley value. phi is as Contributions returns it.
func (m *Additive) PerFeature(phi []float64) []float64 {
	out := make([]float64, m.Features)
	for i := range m.Terms {
		for _, a := range m.Terms[i].Axes {
			out[a.Feature] += phi[i] / float64(len(m.Terms[i].Axes))
		}
	}
	return out
}

// centre moves the weighted mean of each class into the intercept.
func (t *Term) centre(intercept []float64) {
	for k, s := range t.Scores {
		mean := floats.Dot(s, t.Weight)
		intercept[k] += mean
		floats.AddConst(-mean, s)
	}
}
