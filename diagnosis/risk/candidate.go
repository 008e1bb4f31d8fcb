package risk

import (
	"context"
	"fmt"
	"math"

	"galen.dev/fault"
	"galen.dev/glm"
	"galen.dev/task"
	"galen.dev/tree"
)

// candidateNames are the kinds of models, simplest first: of two that are equally good the earlier is taken.
var candidateNames = []string{"logistic", "ebm", "forest", "boost"}

// settings are the study's choices about the models.
type settings struct {
	Folds          int
	Calibration    string
	Balanced       bool
	L1Share        float64
	Trees          int
	MinLeaf        int
	Rounds         int
	LearningRate   float64
	Leaves         int
	Monotone       map[string]float64
	Interactions   int
	Interventional bool // Shapley values of trees against a background
	Coverage       float64
}

func readSettings(r *task.Run) settings {
	return settings{
		Folds: r.Int("folds"), Calibration: r.String("calibration"), Balanced: r.String("class-weight") == "balanced",
		L1Share: r.Float("l1-share"), Trees: r.Int("trees"), MinLeaf: r.Int("min-leaf"),
		Rounds: r.Int("rounds"), LearningRate: r.Float("learning-rate"), Leaves: r.Int("leaves"), Monotone: r.Map("monotone"),
		Interactions: r.Int("interactions"), Interventional: r.String("shap") == "interventional", Coverage: r.Float("coverage"),
	}
}

// cases are rows of the prepared table as the models take them: encoded by a plan, with their classes and
// patients. Classes counts the classes of the study, which all occur.
type cases struct {
	X       [][]float64 // [column][row], as plan.encode gives them
	Y       []int
	Patient []int
	Classes int
}

// floats returns the classes as numbers, as the models take them.
func (c *cases) floats() []float64 {
	y := make([]float64, len(c.Y))
	for i, v := range c.Y {
		y[i] = float64(v)
	}
	return y
}

// weights are the row weights that make classes count the same, or nil.
func (c *cases) weights(balanced bool) []float64 {
	if !balanced {
		return nil
	}
	count := make([]float64, c.Classes)
	for _, v := range c.Y {
		count[v]++
	}
	w := make([]float64, len(c.Y))
	for i, v := range c.Y {
		w[i] = float64(len(c.Y)) / (float64(c.Classes) * count[v])
	}
	return w
}

// take returns the given rows.
func (c *cases) take(rows []int) *cases {
	out := &cases{X: make([][]float64, len(c.X)), Y: pick(c.Y, rows), Patient: pick(c.Patient, rows), Classes: c.Classes}
	for j := range c.X {
		out.X[j] = pick(c.X[j], rows)
	}
	return out
}

func pick[T any](v []T, rows []int) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = v[r]
	}
	return out
}

// predictor is a fitted model of one kind with the plan of its input. Exactly one of the models is set.
type predictor struct {
	kind    string
	plan    *plan
	outputs int // 1 for two classes: the event's probability; else one for each class

	linear   *glm.Model
	mean     []float64 // of the linear design's columns over training rows: where contributions start
	additive *glm.Additive
	forest   *tree.Forest
	boost    *tree.Boost

	features []linearFeature // of the plan, for linear
}

// fit fits one kind of model to cases. Everything that it tunes is tuned within these cases.
func (s *settings) fit(ctx context.Context, kind string, p *plan, c *cases, seed uint64) (*predictor, error) {
	m := &predictor{kind: kind, plan: p, outputs: 1}
	if c.Classes > 2 {
		m.outputs = c.Classes
	}
	var err error
	switch kind {
	case "logistic":
		err = s.fitLogistic(ctx, m, c, seed)
	case "ebm":
		err = s.fitAdditive(ctx, m, c, seed)
	case "forest":
		m.forest, err = tree.FitForest(ctx, c.X, c.floats(), nil, tree.ForestParams{
			Classes: c.Classes, Trees: s.Trees, MinLeaf: s.MinLeaf, Categories: p.categorical(), Balanced: s.Balanced, Seed: seed,
		})
	case "boost":
		err = s.fitBoost(ctx, m, c, seed)
	default:
		panic("diagnosis: no model is called " + kind)
	}
	if err != nil {
		return nil, fmt.Errorf("fitting %s: %w", kind, err)
	}
	return m, nil
}

func (s *settings) fitLogistic(ctx context.Context, m *predictor, c *cases, seed uint64) error {
	m.features = m.plan.linear()
	Z := m.plan.linearDesign(c.X)
	m.mean = make([]float64, len(Z))
	names := make([]string, len(Z))
	for k := range Z {
		m.mean[k], _ = meanSD(Z[k])
		names[k] = m.features[k].Name
	}
	fold, err := foldIDs(c.Y, c.Patient, s.Folds, seed)
	if err != nil {
		return err
	}
	p := glm.Params{Family: glm.Binomial, Alpha: s.L1Share, Weights: c.weights(s.Balanced), Names: names}
	if c.Classes > 2 {
		p.Family = glm.Multinomial
	}
	m.linear, _, err = glm.FitCV(ctx, Z, c.floats(), fold, p)
	return err
}

func (s *settings) fitAdditive(ctx context.Context, m *predictor, c *cases, seed uint64) (err error) {
	p := glm.AdditiveParams{Family: glm.Binomial, Levels: m.plan.categorical(), Seed: seed, Names: m.plan.names()}
	switch {
	case s.Interactions == 0:
		p.Pairs = -1 // none
	case s.Interactions > 0:
		p.Pairs = s.Interactions
	}
	if c.Classes > 2 {
		p.Family = glm.Multinomial
	}
	m.additive, err = glm.FitAdditive(ctx, c.X, c.floats(), c.weights(s.Balanced), p)
	return err
}

// boostFolds is how many fits look for the number of rounds: enough that one unlucky split does not decide,
// few enough that boosting stays quick.
const boostFolds = 3

// fitBoost finds the number of rounds by early stopping in folds and then fits to all cases.
func (s *settings) fitBoost(ctx context.Context, m *predictor, c *cases, seed uint64) error {
	p := tree.BoostParams{
		Loss: tree.Logistic, Rounds: s.Rounds, LearningRate: s.LearningRate, Leaves: s.Leaves, RowFraction: .8, FeatureFraction: .8,
		Categories: m.plan.categorical(), Balanced: s.Balanced, Seed: seed,
	}
	if c.Classes > 2 {
		p.Loss, p.Classes = tree.Softmax, c.Classes
	}
	var err error
	if p.Monotone, err = m.plan.monotone(s.Monotone); err != nil {
		return err
	}
	fold, err := foldIDs(c.Y, c.Patient, boostFolds, seed)
	if err != nil {
		return err
	}
	total := 0
	for k := range boostFolds {
		in, out := inAndOut(fold, k)
		train, held := c.take(in), c.take(out)
		q := p
		q.Valid = &tree.Valid{X: held.X, Y: held.floats()}
		b, err := tree.FitBoost(ctx, train.X, train.floats(), nil, q)
		if err != nil {
			return err
		}
		total += b.Rounds()
	}
	p.Rounds = max(1, total/boostFolds)
	m.boost, err = tree.FitBoost(ctx, c.X, c.floats(), nil, p)
	return err
}

// monotone turns the study's map into one number for each column.
func (p *plan) monotone(want map[string]float64) ([]int8, error) {
	if len(want) == 0 {
		return nil, nil
	}
	out := make([]int8, len(p.Columns))
	var findings []fault.Finding
	for j := range p.Columns {
		v, given := want[p.Columns[j].Name]
		switch {
		case !given:
		case p.Columns[j].Kind == categoryColumn:
			findings = append(findings, fault.Finding{Name: "monotone", Severity: fault.Severe, Column: p.Columns[j].Name, Message: "the levels of a category have no order in which the risk could rise"})
		case v != -1 && v != 0 && v != 1:
			findings = append(findings, fault.Finding{Name: "monotone", Severity: fault.Severe, Column: p.Columns[j].Name, Message: "must be -1, 0 or 1"})
		default:
			out[j] = int8(v)
		}
	}
	for _, name := range sortedKeys(want) {
		if p.column(name) < 0 {
			findings = append(findings, fault.Finding{Name: "monotone", Severity: fault.Severe, Column: name, Message: "is no predictor of this study", Hint: fault.DidYouMean(name, p.names())})
		}
	}
	return out, fault.Refuse("parameter monotone", findings)
}

func (p *plan) column(name string) int {
	for j := range p.Columns {
		if p.Columns[j].Name == name {
			return j
		}
	}
	return -1
}

func inAndOut(fold []int, k int) (in, out []int) {
	for i, f := range fold {
		if f == k {
			out = append(out, i)
		} else {
			in = append(in, i)
		}
	}
	return in, out
}

// predict gives the probabilities of encoded cases as [output][row].
func (m *predictor) predict(X [][]float64) [][]float64 {
	switch {
	case m.forest != nil:
		return m.forest.PredictColumns(X)
	case m.boost != nil:
		return m.boost.PredictColumns(X)
	}
	n := 0
	if len(X) > 0 {
		n = len(X[0])
	}
	P := make([][]float64, m.outputs)
	for k := range P {
		P[k] = make([]float64, n)
	}
	row, out := make([]float64, len(X)), make([]float64, m.outputs)
	for i := range n {
		for j := range X {
			row[j] = X[j][i]
		}
		m.predictRow(row, out)
		for k, v := range out {
			P[k][i] = v
		}
	}
	return P
}

// predictRow gives the probabilities of one encoded case.
func (m *predictor) predictRow(row, out []float64) {
	switch {
	case m.linear != nil:
		m.linear.Predict(m.linearRow(row), out)
	case m.additive != nil:
		m.additive.Predict(row, out)
	case m.forest != nil:
		copy(out, m.forest.Predict(row))
	default:
		copy(out, m.boost.Predict(row))
	}
}

func (m *predictor) linearRow(row []float64) []float64 {
	z := make([]float64, len(m.features))
	for k := range m.features {
		f := &m.features[k]
		z[k] = f.value(&m.plan.Columns[f.Column], row[f.Column])
	}
	return z
}

// logLoss is the mean negative log probability of the classes that came true, in nats.
func logLoss(P [][]float64, y []int) float64 {
	sum := 0.0
	for i, class := range y {
		sum -= math.Log(max(probability(P, i, class), 1e-15))
	}
	return sum / float64(len(y))
}

// probability is that of a class for a row of [output][row].
func probability(P [][]float64, i, class int) float64 {
	if len(P) > 1 {
		return P[class][i]
	}
	if class == 0 {
		return 1 - P[0][i]
	}
	return P[0][i]
}
