package course

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/gomlx/compute"

	"galen.dev/assess"
	"galen.dev/fault"
	"galen.dev/glm"
	"galen.dev/nn"
	"galen.dev/table"
	"galen.dev/task"
	"galen.dev/tree"
)

// modelFile is model.json; docs/format/course.md describes it. The first ensemble is the model, the others are the
// baselines beside it. Their members' numbers are in files beside it.
type modelFile struct {
	Format    int             `json:"format"`
	Settings  settings        `json:"settings"`
	Outcome   assess.Outcome  `json:"outcome"`
	Ensembles []*ensemble     `json:"ensembles"`
	Network   json.RawMessage `json:"network,omitempty"` // hyper-parameters, for information
}

const modelFormat = 1

// ensemble is the models of the folds of one kind, which answer together, with their readout.
type ensemble struct {
	Kind    string          `json:"kind"`
	Members int             `json:"members"`
	Readout *assess.Readout `json:"readout"`
	// Threshold is the calibrated risk with the largest min(sensitivity, PPV) on training samples that the members had
	// not seen, and Score1 that number.
	Threshold float64 `json:"threshold"`
	Score1    float64 `json:"score_1"`

	members  []*member
	settings *settings
	reader   *reader
	net      *nn.Net
	backend  compute.Backend
	runners  []*runner
}

// member is the model of one fold: one of the three.
type member struct {
	weights *nn.Weights
	boost   *tree.Boost
	linear  *linear
}

// linear is a regression on some of the aggregates, whose gaps are filled with the training mean.
type linear struct {
	Columns []int     // aggregates; statics with levels are spread over columns of their own by fixed
	Mean    []float64 // of each column
	Model   []byte
	model   *glm.Model
}

// linearStats are the aggregates that regression sees, of the whole window.
var linearStats = map[string]bool{"last": true, "min": true, "max": true, "mean": true, "count": true}

// linearColumns chooses them.
func (r *reader) linearColumns() (out []int) {
	for j, a := range r.names {
		if !a.Static && a.Window == r.Declare.Window && linearStats[a.Stat] {
			out = append(out, j)
		}
	}
	return out
}

// row is what regression sees of aggregates.
func (l *linear) row(r *reader, agg []float64, bin int) []float64 {
	out := make([]float64, 0, len(l.Mean))
	for _, j := range l.Columns {
		x := agg[j]
		if r.names[j].Stat == "count" {
			x = math.Log1p(x)
		}
		out = append(out, x)
	}
	fixed := make([]float32, r.fixedWidth())
	r.fixed(agg[len(r.names)-len(r.Static):], fixed)
	for _, x := range fixed {
		out = append(out, float64(x))
	}
	for k := 1; k < r.Declare.Bins; k++ {
		out = append(out, indicator(bin == k))
	}
	for c, x := range out {
		if math.IsNaN(x) && c < len(l.Mean) {
			out[c] = l.Mean[c]
		}
	}
	return out
}

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// periods lists the rows of a sample: one, or each interval through which it was seen, with whether the event came.
func (d *data) periods(i int) (y []float64) {
	if d.Declare.Bins == 0 {
		return []float64{float64(d.Y[i])}
	}
	y = make([]float64, d.Interval[i]+1)
	y[d.Interval[i]] = float64(d.Y[i])
	return y
}

// aggregates reads those of some samples.
func (d *data) readAggregates(ctx context.Context, rows []int) ([][]float64, error) {
	out := make([][]float64, len(rows))
	var v view
	for k, i := range rows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := d.readRecord(d.file, i, &v); err != nil {
			return nil, err
		}
		out[k] = append([]float64(nil), v.agg...)
	}
	return out, nil
}

// fitTable fits boosting or regression to aggregates.
func (s *settings) fitTable(ctx context.Context, kind string, d *data, rows []int, seed uint64) (*member, error) {
	agg, err := d.readAggregates(ctx, rows)
	if err != nil {
		return nil, err
	}
	l := &linear{Columns: d.linearColumns()}
	var X [][]float64
	var y, w []float64
	var patient []int
	weights := d.weights(rows, s.Balanced)
	for k, i := range rows {
		for bin, event := range d.periods(i) {
			x := d.tableRow(agg[k], bin)
			if kind == "logistic" {
				x = l.row(d.reader, agg[k], bin)
			}
			if X == nil {
				X = make([][]float64, len(x))
			}
			for j := range x {
				X[j] = append(X[j], x[j])
			}
			y, w, patient = append(y, event), append(w, float64(weights[k])), append(patient, d.Patient[i])
		}
	}
	if kind == "boost" {
		b, err := tree.FitBoost(ctx, X, y, w, tree.BoostParams{Loss: tree.Logistic, Rounds: s.Rounds, Seed: seed, LearningRate: .03, Leaves: 16, MinRows: 15, FeatureFraction: .2, L2: 5})
		return &member{boost: b}, err
	}
	return l.fit(ctx, X, y, w, patient, seed)
}

// tableRow is what trees see: aggregates, and with bins the interval.
func (r *reader) tableRow(agg []float64, bin int) []float64 {
	if r.Declare.Bins == 0 {
		return agg
	}
	return append(agg[:len(agg):len(agg)], float64(bin))
}

// fit chooses the penalty by cross-validation within the training samples.
func (l *linear) fit(ctx context.Context, X [][]float64, y, w []float64, patient []int, seed uint64) (*member, error) {
	for j := range X {
		sum, n := 0.0, 0.0
		for _, x := range X[j] {
			if !math.IsNaN(x) {
				sum, n = sum+x, n+1
			}
		}
		m := 0.0
		if n > 0 {
			m = sum / n
		}
		l.Mean = append(l.Mean, m)
		for k, x := range X[j] {
			if math.IsNaN(x) {
				X[j][k] = m
			}
		}
	}
	strata := make([]int, len(y))
	for k := range y {
		strata[k] = int(y[k])
	}
	folds, err := table.Folds(len(y), 3, patient, strata, seed)
	if err != nil {
		return nil, err
	}
	fold := make([]int, len(y))
	for f := range folds {
		for _, k := range folds[f].Test {
			fold[k] = f
		}
	}
	l.model, _, err = glm.FitCV(ctx, X, y, fold, glm.Params{Family: glm.Binomial, Alpha: .2, PathLength: 25, Weights: w})
	if err != nil {
		return nil, err
	}
	l.Model, err = l.model.MarshalBinary()
	return &member{linear: l}, err
}

// fitMember fits one kind of model to some samples.
func (s *settings) fitMember(ctx context.Context, kind string, d *data, rows []int, seed uint64, progress func(float64)) (*member, error) {
	if !isNetwork(kind) {
		return s.fitTable(ctx, kind, d, rows, seed)
	}
	w, err := s.fitNetwork(ctx, kind, d, rows, seed, progress)
	return &member{weights: w}, err
}

// open readies the members; Close frees them.
func (e *ensemble) open(s *settings, r *reader) (err error) {
	e.settings, e.reader = s, r
	if !isNetwork(e.Kind) {
		return nil
	}
	if e.net, err = s.network(e.Kind, r.plan); err != nil {
		return err
	}
	if e.backend, err = nn.Backend(""); err != nil {
		return err
	}
	for _, m := range e.members {
		r, err := newRunner(e.backend, e.Kind, e.net, m.weights)
		if err != nil {
			return err
		}
		e.runners = append(e.runners, r)
	}
	return nil
}

func (e *ensemble) Close() {
	for _, r := range e.runners {
		r.predictor.Close()
	}
	if e.backend != nil {
		e.backend.Finalize()
	}
}

// predict gives the risk at the end of the horizon before recalibration, and with bins that at the end of each.
func (e *ensemble) predict(v *view) (risk float64, curve []float64, err error) {
	bins := max(1, e.reader.Declare.Bins)
	sum := make([]float64, bins)
	var in []nn.Array
	if isNetwork(e.Kind) {
		in = e.reader.inputs(e.Kind, v)
	}
	for k, m := range e.members {
		var h []float64
		switch {
		case m.weights != nil:
			if h, err = e.runners[k].hazards(in); err != nil {
				return 0, nil, err
			}
		default:
			h = m.hazards(e.reader, v.agg)
		}
		alive := 1.0
		for b := range sum {
			alive *= 1 - h[b]
			sum[b] += (1 - alive) / float64(len(e.members))
		}
	}
	if e.reader.Declare.Bins > 0 {
		curve = sum
	}
	return sum[bins-1], curve, nil
}

// hazards of trees or regression.
func (m *member) hazards(r *reader, agg []float64) []float64 {
	out := make([]float64, max(1, r.Declare.Bins))
	for b := range out {
		if m.boost != nil {
			out[b] = m.boost.Predict(r.tableRow(agg, b))[0]
		} else {
			m.linear.model.Predict(m.linear.row(r, agg, b), out[b:b+1])
		}
	}
	return out
}

// encode gives the bytes of each member.
func (e *ensemble) encode() (out [][]byte, err error) {
	for _, m := range e.members {
		var b []byte
		switch {
		case m.weights != nil:
			b, err = encodeWeights(m.weights)
		case m.boost != nil:
			b, err = m.boost.MarshalBinary()
		default:
			var buf bytes.Buffer
			err = json.NewEncoder(&buf).Encode(m.linear)
			b = buf.Bytes()
		}
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// decode rebuilds a member.
func (e *ensemble) decode(content []byte, r *reader) error {
	m := &member{}
	e.members = append(e.members, m)
	var err error
	switch e.Kind {
	case "boost":
		m.boost = new(tree.Boost)
		if err = m.boost.UnmarshalBinary(content); err == nil && m.boost.Features() != len(r.tableRow(make([]float64, len(r.names)), 0)) {
			err = fault.Errorf(fault.Corrupt, "the trees do not fit the plan")
		}
	case "logistic":
		m.linear = new(linear)
		if err := json.Unmarshal(content, m.linear); err != nil {
			return fault.Errorf(fault.Corrupt, "reading a regression: %w", err)
		}
		m.linear.model = new(glm.Model)
		if err = m.linear.model.UnmarshalBinary(m.linear.Model); err != nil {
			return err
		}
		for _, j := range m.linear.Columns {
			if j < 0 || j >= len(r.names) {
				return fault.Errorf(fault.Corrupt, "a regression does not fit the plan")
			}
		}
		if n := m.linear.model.Features(); n != len(m.linear.Mean) || n != len(m.linear.row(r, make([]float64, len(r.names)), 0)) {
			return fault.Errorf(fault.Corrupt, "a regression does not fit the plan")
		}
	default:
		m.weights, err = decodeWeights(content)
	}
	return err
}

func memberFile(kind string, k int) string { return fmt.Sprintf("members/%s-%03d.bin", kind, k) }

// loaded is a model from its files.
type loaded struct {
	modelFile
	plan *plan
}

func (m *loaded) Close() {
	for _, e := range m.Ensembles {
		e.Close()
	}
}

// main is the ensemble that answers.
func (m *loaded) main() *ensemble { return m.Ensembles[0] }

// loadPlan reads the plan and looks at whether it could be one.
func loadPlan(r *task.Run) (*plan, error) {
	p := new(plan)
	if err := r.ReadJSON(task.Preprocess, planFile, p); err != nil {
		return nil, err
	}
	if p.Format != planFormat || p.Declare == nil || p.Steps < 4 || p.Steps > 20000 || len(p.Timed) == 0 || p.Steps*len(p.Timed) > 1<<22 || p.Tokens < 1 || p.Tokens > 4096 || p.Bin <= 0 || p.Declare.Window <= 0 || p.Declare.Bins < 0 || p.Declare.Bins > 100 {
		return nil, fault.WithHint(fault.Errorf(fault.Corrupt, "the plan is of format %d, or incomplete", p.Format), "this Galen reads format %d: run the study again", planFormat)
	}
	return p, nil
}

// loadModel reads what train left; reader makes the plan's reader. Baselines are left out where they are not wanted.
func loadModel(r *task.Run, p *plan, rd *reader, baselines bool) (*loaded, error) {
	m := &loaded{plan: p}
	if err := r.ReadJSON(task.Train, modelJSON, &m.modelFile); err != nil {
		return nil, err
	}
	if m.Format != modelFormat || len(m.Ensembles) == 0 {
		return nil, fault.WithHint(fault.Errorf(fault.Corrupt, "the model is of format %d, or incomplete", m.Format), "this Galen reads format %d: run the study again", modelFormat)
	}
	if !baselines {
		m.Ensembles = m.Ensembles[:1]
	}
	for _, e := range m.Ensembles {
		if e.Members < 1 || e.Members > 1000 || e.Readout == nil {
			return nil, fault.Errorf(fault.Corrupt, "an ensemble of the model is incomplete")
		}
		if err := e.Readout.Check(2); err != nil {
			return nil, err
		}
		for k := range e.Members {
			content, err := r.ReadFile(task.Train, memberFile(e.Kind, k))
			if err != nil {
				return nil, err
			}
			if err := e.decode(content, rd); err != nil {
				return nil, fmt.Errorf("run %s: train/%s: %w", r.ID, memberFile(e.Kind, k), err)
			}
		}
		if err := e.open(&m.Settings, rd); err != nil {
			return nil, err
		}
	}
	return m, nil
}
