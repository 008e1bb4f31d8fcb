package treatment

import (
	"context"
	"fmt"
	"math"

	"galen.dev/explain"
	"galen.dev/glm"
	"galen.dev/internal/cpu"
	"galen.dev/nn"
	"galen.dev/table"
	"galen.dev/task"
	"galen.dev/tree"
)

// candidateNames are the kinds of models, simplest first: of two that are equally good the earlier is taken.
var candidateNames = []string{"logistic", "nearest", "boost", "mlp"}

var kindNames = map[string]string{
	"logistic": "elastic-net logistic regression for each treatment", "nearest": "votes of the nearest cases", "boost": "gradient-boosted trees for each treatment", "mlp": "one network for all treatments",
}

// settings are the study's choices about the models.
type settings struct {
	Folds         int
	Calibration   string
	L1Share       float64
	Votes         int
	Rounds        int
	LearningRate  float64
	Leaves        int
	Width, Epochs int
	Dropout       float64
	Threshold     float64
}

func readSettings(r *task.Run) settings {
	return settings{
		Folds: r.Int("folds"), Calibration: r.String("calibration"), L1Share: r.Float("l1-share"), Votes: r.Int("votes"),
		Rounds: r.Int("rounds"), LearningRate: r.Float("learning-rate"), Leaves: r.Int("leaves"),
		Width: r.Int("width"), Epochs: r.Int("epochs"), Dropout: r.Float("dropout"), Threshold: r.Float("threshold"),
	}
}

// examples are cases as models take them.
type examples struct {
	X       [][]float64 // [feature][row], as plan.encode gives them
	Given   [][]int     // of each row: treatments
	Patient []int
}

// flag is 0 and 1 for one treatment.
func (e *examples) flag(t int) []float64 {
	y := make([]float64, len(e.Given))
	for i, g := range e.Given {
		for _, k := range g {
			if k == t {
				y[i] = 1
			}
		}
	}
	return y
}

// predictor is a fitted model of one kind. One of each treatment's models is set, or one for all.
type predictor struct {
	kind       string
	plan       *plan
	treatments int
	mean       []float64 // of the linear design's columns over training rows: where contributions start
	constant   []float64 // of each treatment: its probability where nothing could be fitted; NaN elsewhere

	linear  []*glm.Model
	boost   []*tree.Boost
	nearest *explain.Neighbours
	voters  [][]int // of nearest: treatments of the training rows
	votes   int
	net     *network
}

// leastClass is the fewest training rows on either side from which a treatment's own model is fitted: within its
// cross-validation each fold must hold one.
const leastClass = 10

// innerFolds is the cross-validation by which a treatment's regression tunes its penalty.
const innerFolds = 4

// fit fits one kind of model. Everything that it tunes is tuned within these cases.
func (s *settings) fit(ctx context.Context, kind string, p *plan, e *examples, treatments int, seed uint64) (*predictor, error) {
	m := &predictor{kind: kind, plan: p, treatments: treatments, votes: s.Votes}
	var err error
	switch kind {
	case "logistic":
		err = s.fitLogistic(ctx, m, e, seed)
	case "nearest":
		m.voters = e.Given
		m.nearest, err = explain.NewNeighbours(ctx, e.X, p.categorical(), explain.NeighbourOptions{Seed: seed})
	case "boost":
		err = s.fitBoost(ctx, m, e, seed)
	case "mlp":
		err = s.fitNetwork(ctx, m, e, seed)
	default:
		panic("treatment: no model is called " + kind)
	}
	if err != nil {
		return nil, fmt.Errorf("fitting %s: %w", kind, err)
	}
	return m, nil
}

// each fits the treatments' own models in parallel; those with too few cases stay constant.
func (m *predictor) each(ctx context.Context, e *examples, fit func(t int, y []float64) error) error {
	m.constant = make([]float64, m.treatments)
	errs := make([]error, m.treatments)
	cpu.Do(m.treatments, func(_, t int) {
		y := e.flag(t)
		n := 0.
		for _, v := range y {
			n += v
		}
		m.constant[t] = nan
		if n < leastClass || float64(len(y))-n < leastClass {
			m.constant[t] = (n + .5) / (float64(len(y)) + 1)
			return
		}
		if errs[t] = ctx.Err(); errs[t] == nil {
			errs[t] = fit(t, y)
		}
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// foldIDs numbers the fold of each row, whole by patient and in proportion to strata.
func foldIDs(strata, patient []int, k int, seed uint64) ([]int, error) {
	fs, err := table.Folds(len(patient), k, patient, strata, seed)
	if err != nil {
		return nil, err
	}
	id := make([]int, len(patient))
	for f, s := range fs {
		for _, i := range s.Test {
			id[i] = f
		}
	}
	return id, nil
}

func ints(y []float64) []int {
	out := make([]int, len(y))
	for i, v := range y {
		out[i] = int(v)
	}
	return out
}

func (s *settings) fitLogistic(ctx context.Context, m *predictor, e *examples, seed uint64) error {
	Z := m.plan.linearDesign(e.X)
	m.mean = make([]float64, len(Z))
	for k := range Z {
		m.mean[k], _ = meanSD(Z[k])
	}
	m.linear = make([]*glm.Model, m.treatments)
	return m.each(ctx, e, func(t int, y []float64) error {
		fold, err := foldIDs(ints(y), e.Patient, innerFolds, seed)
		if err != nil {
			return err
		}
		m.linear[t], _, err = glm.FitCV(ctx, Z, y, fold, glm.Params{Family: glm.Binomial, Alpha: s.L1Share, PathLength: 30})
		return err
	})
}

func (s *settings) fitBoost(ctx context.Context, m *predictor, e *examples, seed uint64) error {
	m.boost = make([]*tree.Boost, m.treatments)
	return m.each(ctx, e, func(t int, y []float64) error {
		p := tree.BoostParams{Loss: tree.Logistic, Rounds: s.Rounds, LearningRate: s.LearningRate, Leaves: s.Leaves, Seed: seed + uint64(t)}
		fold, err := foldIDs(ints(y), e.Patient, innerFolds, seed)
		if err != nil {
			return err
		}
		in, out := inAndOut(fold, 0)
		q := p
		q.Valid = &tree.Valid{X: columns(e.X, out), Y: pick(y, out)}
		b, err := tree.FitBoost(ctx, columns(e.X, in), pick(y, in), nil, q)
		if err != nil {
			return err
		}
		p.Rounds = max(1, b.Rounds())
		m.boost[t], err = tree.FitBoost(ctx, e.X, y, nil, p)
		return err
	})
}

func columns(X [][]float64, rows []int) [][]float64 {
	out := make([][]float64, len(X))
	for j := range X {
		out[j] = pick(X[j], rows)
	}
	return out
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

// margins are the log odds of every treatment for one encoded case; out has a place for each. work is of a worker.
func (m *predictor) margins(row, out []float64, w *work) {
	switch m.kind {
	case "logistic":
		m.plan.linearRow(row, w.z)
		for t, g := range m.linear {
			if g == nil {
				out[t] = logit(m.constant[t])
				continue
			}
			g.Margin(w.z, out[t:t+1])
		}
	case "boost":
		for t, b := range m.boost {
			if b == nil {
				out[t] = logit(m.constant[t])
				continue
			}
			out[t] = b.Margin(row)[0]
		}
	case "mlp":
		m.plan.linearRow(row, w.z)
		m.net.margins(w.z, out, w.hidden)
	default:
		m.vote(row, out)
	}
}

// vote counts treatments among the nearest cases, with half a case for and half against so that none is impossible.
func (m *predictor) vote(row, out []float64) {
	near := m.nearest.Nearest(row, m.votes)
	clear(out)
	for _, n := range near {
		for _, t := range m.voters[n.Row] {
			out[t]++
		}
	}
	for t := range out {
		out[t] = logit((out[t] + .5) / (float64(len(near)) + 1))
	}
}

func logit(p float64) float64 { return math.Log(p / (1 - p)) }

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// work is the scratch space of one goroutine.
type work struct{ row, z, hidden []float64 }

func (m *predictor) work() *work {
	w := &work{row: make([]float64, len(m.plan.Features)), z: make([]float64, m.plan.linear())}
	if m.net != nil {
		w.hidden = make([]float64, len(m.net.Bias1))
	}
	return w
}

// predict gives the probabilities of encoded cases as [row][treatment].
func (m *predictor) predict(X [][]float64) [][]float64 {
	n := rowsOf(X)
	P := make([][]float64, n)
	works := make([]*work, cpu.Threads())
	cpu.Do(n, func(worker, i int) {
		if works[worker] == nil {
			works[worker] = m.work()
		}
		w := works[worker]
		for j := range X {
			w.row[j] = X[j][i]
		}
		P[i] = make([]float64, m.treatments)
		m.margins(w.row, P[i], w)
		for t := range P[i] {
			P[i][t] = sigmoid(P[i][t])
		}
	})
	return P
}

// network is the hidden layer and the outputs of a trained network, in float64: a case is a few thousand products, for
// which a compiled graph would only be in the way.
type network struct {
	Weight1 [][]float64 // [input][unit]
	Bias1   []float64
	Weight2 [][]float64 // [unit][treatment]
	Bias2   []float64
}

func (n *network) margins(z, out, hidden []float64) {
	copy(hidden, n.Bias1)
	for k, v := range z {
		if v != 0 {
			for u, w := range n.Weight1[k] {
				hidden[u] += v * w
			}
		}
	}
	n.outputs(hidden, out)
}

// outputs goes on from the sums of the hidden units.
func (n *network) outputs(hidden, out []float64) {
	copy(out, n.Bias2)
	for u, h := range hidden {
		if h > 0 {
			for t, w := range n.Weight2[u] {
				out[t] += h * w
			}
		}
	}
}

func newNetwork(w *nn.Weights, in, width, out int) *network {
	matrix := func(name string, rows, cols int) [][]float64 {
		t := w.Lookup(name)
		m := make([][]float64, rows)
		for i := range m {
			m[i] = make([]float64, cols)
			for j := range m[i] {
				m[i][j] = float64(t.Data[i*cols+j])
			}
		}
		return m
	}
	return &network{
		Weight1: matrix("hidden1.weight", in, width), Bias1: matrix("hidden1.bias", 1, width)[0],
		Weight2: matrix("out.weight", width, out), Bias2: matrix("out.bias", 1, out)[0],
	}
}
