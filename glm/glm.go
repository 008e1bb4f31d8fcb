// Package glm fits linear, logistic and softmax regression with an elastic-net penalty, and additive models
// (explainable boosting machines) whose every term can be drawn.
//
// These are the models that a clinician can check by hand: a prediction is an intercept plus one exact
// contribution for each feature (or pair of features), so no approximation stands between model and
// explanation. On the usual small clinical data sets they are as accurate as forests and boosting.
//
// Features are columns: X[feature][row]. The linear models want complete numbers; the additive model takes
// NaN as missing and level indices for categories.
//
// # Objective
//
// Fit minimises, over an unpenalised intercept b0 and coefficients b on columns of unit variance,
//
//	(1/Σw) Σ w_i loss(y_i, b0 + x_i·b) + λ Σ_j v_j [ (1-α)/2 b_j² + α |b_j| ]
//
// where loss is ½(y-η)² (Gaussian) or the negative log likelihood (Binomial, Multinomial), w are the case
// weights and v the penalty factors. Params.Unstandardised penalises the coefficients on the columns as given
// instead. Coefficients are always returned for the columns as given.
//
//   - glmnet: the same λ and α. (glmnet rescales penalty factors to mean one; Galen uses them as given.)
//   - scikit-learn LogisticRegression on columns as given (Unstandardised): λ = 1/(C Σw), α = l1_ratio.
//   - scikit-learn ElasticNet: λ = alpha, α = l1_ratio. Ridge: λ = alpha/n, α = 0.
//
// Softmax regression has a coefficient for each class, as glmnet and scikit-learn have. Unpenalised
// coefficients and intercepts sum to zero over the classes, which the data leave open.
//
// # Method
//
// Proximal Newton steps: the weighted least-squares problem of each step is solved by cyclic coordinate
// descent, on the Gram matrix while few features are at work and on residuals otherwise, then exactly on its
// support, so that results agree with other programs far below the printed digits. Paths use warm starts and
// the sequential strong rule, and every solution is checked against the optimality conditions of all
// features. Friedman, Hastie and Tibshirani, "Regularization Paths for Generalized Linear Models via
// Coordinate Descent", J. Stat. Softw. 33(1), 2010; Tibshirani et al., "Strong rules for discarding
// predictors in lasso-type problems", J. R. Stat. Soc. B 74(2), 2012; Lee, Sun and Saunders, "Proximal
// Newton-type methods for minimizing composite functions", SIAM J. Optim. 24(3), 2014.
//
// Reading order: Params, Fit and Model here; design.go for the columns, solver.go for the Newton steps,
// descent.go for the inner problem, path.go and cv.go for the choice of λ, covariance.go for standard errors;
// then additive.go for the additive model.
package glm

import "math"

// Family is the distribution of the outcome.
type Family uint8

// The families.
const (
	Gaussian    Family = iota // y any number; identity link
	Binomial                  // y 0 or 1; logit link
	Multinomial               // y class index 0..K-1, every class present; softmax link
)

var families = [...]string{"gaussian", "binomial", "multinomial"}

func (f Family) String() string {
	if int(f) < len(families) {
		return families[f]
	}
	return "unknown"
}

// Params are the settings of a fit. The zero value is unpenalised linear regression.
type Params struct {
	Family Family  // 0 = Gaussian
	Alpha  float64 // share of the L1 penalty, 0 (ridge, the default) to 1 (lasso)
	Lambda float64 // strength of the penalty for Fit; 0 = none

	// Lambdas are the strengths for FitPath and FitCV, descending. Nil means PathLength values, evenly spaced
	// in logarithm from the smallest that makes all penalised coefficients zero (for ridge: that of α 0.001)
	// down to 1e-4 of it (1e-2 when there are fewer rows than features); such a path ends early, as glmnet's
	// does, where a fit explains .999 of the deviance or no longer gains.
	Lambdas    []float64
	PathLength int // 0 = 100

	PenaltyFactor  []float64 // one for each feature, ≥ 0; 0 = not penalised; nil = all 1
	Weights        []float64 // case weights, ≥ 0, relative except for covariances; nil = all 1
	Unstandardised bool      // penalise the coefficients on the columns as given
	OneSE          bool      // FitCV: the strongest penalty within one standard error of the best
	Names          []string  // names of the features for findings; nil = x1, x2, …
	MaxIter        int       // Newton steps for each λ; 0 = 100
}

// Model is a fitted regression. Gaussian and Binomial models have one row of coefficients, Multinomial
// models one for each class.
type Model struct {
	Family    Family
	Alpha     float64
	Lambda    float64
	Intercept []float64   // [class]
	Coef      [][]float64 // [class][feature], for the columns as given

	// Covariance is that of the estimates, row-major, in the order intercept, features, for each class: the
	// inverse Fisher information, with the weights as counts of cases. Gaussian: times RSS/(Σw-p-1). It is nil
	// unless Fit made the model with Lambda 0. A constant column has variance zero. For Multinomial models it is the
	// covariance of the sum-to-zero coefficients; contrasts of classes follow from it.
	Covariance []float64
}

// Features is the number of features of a row.
func (m *Model) Features() int { return len(m.Coef[0]) }

// Outputs is the number of values that Predict writes: 1, or the number of classes of a Multinomial model.
func (m *Model) Outputs() int { return len(m.Coef) }

// Margin writes the linear predictor of each output into out. It panics if a length is wrong.
func (m *Model) Margin(row, out []float64) {
	if len(row) != m.Features() || len(out) != m.Outputs() {
		panic("glm: length mismatch")
	}
	for k, coef := range m.Coef {
		s := m.Intercept[k]
		for j, b := range coef {
			// A zero times an infinity would spoil the sum; absent features must not.
			if b != 0 {
				s += b * row[j]
			}
		}
		out[k] = s
	}
}

// Predict writes the mean (Gaussian), the probability of class 1 (Binomial) or of each class (Multinomial)
// into out. It panics if a length is wrong.
func (m *Model) Predict(row, out []float64) {
	m.Margin(row, out)
	respond(m.Family, out)
}

// respond turns margins into means, in place.
func respond(f Family, out []float64) {
	switch f {
	case Binomial:
		out[0] = sigmoid(out[0])
	case Multinomial:
		softmax(out)
	}
}

// Contributions returns φ_j = β_j (x_j − mean_j) for one class (0 for Gaussian and Binomial) and the base,
// which is the margin at mean; base + Σφ is the margin of the row. With independent features these are the
// SHAP values of a linear model for the background mean. It panics if a length is wrong.
func (m *Model) Contributions(class int, row, mean []float64) (phi []float64, base float64) {
	if len(row) != m.Features() || len(mean) != len(row) {
		panic("glm: length mismatch")
	}
	phi = make([]float64, len(row))
	base = m.Intercept[class]
	for j, b := range m.Coef[class] {
		if b != 0 {
			phi[j] = b * (row[j] - mean[j])
			base += b * mean[j]
		}
	}
	return phi, base
}

// StdErr returns the standard error of an intercept (feature -1) or coefficient, or NaN where the model has
// no covariance.
func (m *Model) StdErr(class, feature int) float64 {
	if m.Covariance == nil {
		return math.NaN()
	}
	d := len(m.Coef) * (m.Features() + 1)
	i := class*(m.Features()+1) + feature + 1
	return math.Sqrt(m.Covariance[i*d+i])
}

func sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

// softmax turns margins into probabilities in place and returns the log of the sum of exponentials.
func softmax(v []float64) float64 {
	top := v[0]
	for _, x := range v[1:] {
		top = max(top, x)
	}
	var sum float64
	for k, x := range v {
		v[k] = math.Exp(x - top)
		sum += v[k]
	}
	for k := range v {
		v[k] /= sum
	}
	return top + math.Log(sum)
}
