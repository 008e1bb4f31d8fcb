package signal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"

	"galen.dev/assess"
	"galen.dev/explain"
	"galen.dev/fault"
	"galen.dev/nn"
	"galen.dev/table"
	"galen.dev/task"
	"galen.dev/tree"
)

// modelFile is model.json; docs/format/signal.md describes it. The members' numbers are in files beside it.
type modelFile struct {
	Format    int               `json:"format"`
	Kind      string            `json:"kind"`
	Aggregate string            `json:"aggregate"`
	Settings  settings          `json:"settings"`
	Heads     []assess.Outcome  `json:"heads"`
	Readouts  []*assess.Readout `json:"readouts"` // of each head
	Members   int               `json:"members"`
	States    []string          `json:"states,omitempty"` // weights that are not trained
	Network   json.RawMessage   `json:"network,omitempty"`
}

const modelFormat = 1

// member is the model of one fold.
type member struct {
	weights *nn.Weights
	boosts  []*tree.Boost // one for each yes or no, or one for all classes
}

// fitMember fits one kind of model to some recordings.
func (s *settings) fitMember(ctx context.Context, kind string, d *data, features [][]float64, rows []int, seed uint64, progress func(float64)) (*member, error) {
	if kind != "boost" {
		w, err := s.fitNetwork(ctx, kind, d, rows, seed, progress)
		return &member{weights: w}, err
	}
	m := &member{}
	X := make([][]float64, len(features[rows[0]]))
	for j := range X {
		for _, i := range rows {
			X[j] = append(X[j], features[i][j])
		}
	}
	fit := func(p tree.BoostParams, class func(i int) int) error {
		y := make([]float64, len(rows))
		for k, i := range rows {
			y[k] = float64(class(i))
		}
		p.Rounds, p.Balanced, p.Seed, p.MinRows, p.FeatureFraction = s.Rounds, s.Balanced, seed, 5, .2
		b, err := tree.FitBoost(ctx, X, y, nil, p)
		m.boosts = append(m.boosts, b)
		return err
	}
	if n := d.outputs(); !d.plain() {
		return m, fit(tree.BoostParams{Loss: tree.Softmax, Classes: n}, func(i int) int { return d.Y[i][0] })
	}
	for h := range d.Heads {
		if err := fit(tree.BoostParams{Loss: tree.Logistic}, func(i int) int { return d.Y[i][h] }); err != nil {
			return nil, err
		}
		progress(float64(h+1) / float64(len(d.Heads)))
	}
	return m, nil
}

// ensemble is what answers: the members ready to run.
type ensemble struct {
	modelFile
	plan    *plan
	members []*member
	net     *nn.Net
	backend compute.Backend
	runners []*runner
}

func (e *ensemble) plain() bool { return len(e.Heads) > 1 || len(e.Heads[0].Classes) == 2 }

// open readies the members; Close frees them.
func (e *ensemble) open(outputs int) (err error) {
	if e.Kind == "boost" {
		return nil
	}
	if e.net, err = e.Settings.network(e.Kind, outputs); err != nil {
		return err
	}
	if e.backend, err = nn.Backend(""); err != nil {
		return err
	}
	for _, m := range e.members {
		r, err := newRunner(e.backend, e.net, m.weights, e.plan)
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

// predict gives the raw outputs for a prepared recording: of each window by all members, joined. each are the answers
// for the windows, nil for trees, which see the whole.
func (e *ensemble) predict(ctx context.Context, x []float32) (raw []float64, each [][]float64, err error) {
	if e.Kind == "boost" {
		f := e.plan.features(x)
		for _, m := range e.members {
			raw = accumulate(raw, m.predictRow(f), 1/float64(len(e.members)))
		}
		return raw, nil, nil
	}
	starts := e.plan.windows(len(x) / len(e.plan.Channels))
	size := e.plan.Crop * len(e.plan.Channels)
	for at := 0; at < len(starts); at += batchOf {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		var windows [][]float32
		for _, s := range starts[at:min(at+batchOf, len(starts))] {
			w := make([]float32, size)
			e.plan.window(x, s, w)
			windows = append(windows, w)
		}
		answers, err := e.windows(windows)
		if err != nil {
			return nil, nil, err
		}
		each = append(each, answers...)
	}
	return join(each, e.Aggregate), each, nil
}

// windows are the members' mean probabilities for up to batchOf windows.
func (e *ensemble) windows(windows [][]float32) ([][]float64, error) {
	out := make([][]float64, len(windows))
	for _, r := range e.runners {
		z, err := r.logits(e.plan, windows)
		if err != nil {
			return nil, err
		}
		for k := range z {
			out[k] = accumulate(out[k], probabilities(z[k], e.plain()), 1/float64(len(e.runners)))
		}
	}
	return out, nil
}

func (m *member) predictRow(f []float64) (out []float64) {
	for _, b := range m.boosts {
		out = append(out, b.Predict(f)...)
	}
	return out
}

func accumulate(sum, x []float64, share float64) []float64 {
	if sum == nil {
		sum = make([]float64, len(x))
	}
	for i, v := range x {
		sum[i] += share * v
	}
	return sum
}

// join makes one answer of those for the windows.
func join(each [][]float64, how string) []float64 {
	out := slices.Clone(each[0])
	for _, a := range each[1:] {
		for o, v := range a {
			if how == "max" {
				out[o] = math.Max(out[o], v)
			} else {
				out[o] += v
			}
		}
	}
	if how != "max" {
		for o := range out {
			out[o] /= float64(len(each))
		}
	}
	return out
}

// rawOf is what belongs to a head.
func rawOf(raw []float64, head, heads int) []float64 {
	if heads > 1 {
		return raw[head : head+1]
	}
	return raw
}

// choice is how the kind of model was chosen.
type choice struct {
	Chosen string  `json:"chosen"`
	Why    string  `json:"why"`
	Trials []trial `json:"trials"`
}

// trial is the cross-validation of one kind.
type trial struct {
	Kind     string    `json:"kind"`
	LogLoss  []float64 `json:"log_loss"` // of each fold
	Mean     float64   `json:"mean_log_loss"`
	Accuracy float64   `json:"accuracy"` // over all folds; of several labels the mean
	Behind   float64   `json:"behind"`   // of the best, with its standard error over folds
	SEBehind float64   `json:"se_behind"`
}

// choose cross-validates each kind on the training recordings; members and held-out outputs are of the one chosen. Of
// kinds whose log loss lies within one standard error of the best, the simplest is taken (Breiman et al. 1984).
func (s *settings) choose(ctx context.Context, candidates []string, d *data, features [][]float64, rows []int, seed uint64, progress func(done, total int64)) (*choice, []*member, [][]float64, error) {
	var patient, strata []int
	all := d.strata()
	for _, i := range rows {
		patient, strata = append(patient, d.Patient[i]), append(strata, all[i])
	}
	folds, err := table.Folds(len(rows), s.Folds, patient, strata, seed)
	if err != nil {
		return nil, nil, nil, err
	}
	c := &choice{Trials: make([]trial, len(candidates))}
	members, held := make([][]*member, len(candidates)), make([][][]float64, len(candidates))
	const fine = 1000
	for k, kind := range candidates {
		c.Trials[k].Kind, held[k] = kind, make([][]float64, len(rows))
		for f, fold := range folds {
			at := int64(k*len(folds)+f) * fine
			tell := func(share float64) { progress(at+int64(share*fine), int64(len(candidates)*len(folds)*fine)) }
			tell(0)
			m, err := s.fitMember(ctx, kind, d, features, pick(rows, fold.Train), seed+uint64(f), tell)
			if err != nil {
				return nil, nil, nil, fmt.Errorf("fitting %s: %w", kind, err)
			}
			members[k] = append(members[k], m)
			e := &ensemble{modelFile: modelFile{Kind: kind, Aggregate: s.Aggregate, Settings: *s, Heads: d.Heads}, plan: d.plan, members: []*member{m}}
			if err := e.open(d.outputs()); err != nil {
				return nil, nil, nil, err
			}
			loss := 0.0
			for _, i := range fold.Test {
				if held[k][i], _, err = e.predict(ctx, d.x[rows[i]]); err != nil {
					break
				}
				loss += d.logLoss(held[k][i], rows[i])
				c.Trials[k].Accuracy += d.right(held[k][i], rows[i]) / float64(len(rows))
			}
			e.Close()
			if err != nil {
				return nil, nil, nil, err
			}
			c.Trials[k].LogLoss = append(c.Trials[k].LogLoss, loss/float64(len(fold.Test)))
		}
	}
	chosen := c.rank()
	return c, members[chosen], held[chosen], nil
}

// logLoss of one recording, in nats; the mean over several labels.
func (d *data) logLoss(raw []float64, i int) float64 {
	sum := 0.0
	for h := range d.Heads {
		p := rawOf(raw, h, len(d.Heads))
		chance := 0.0
		switch {
		case len(p) > 1:
			chance = p[d.Y[i][h]]
		case d.Y[i][h] == 1:
			chance = p[0]
		default:
			chance = 1 - p[0]
		}
		sum -= math.Log(math.Max(chance, 1e-7)) / float64(len(d.Heads))
	}
	return sum
}

// right is 1 where the likeliest class is the true one; the mean over several labels.
func (d *data) right(raw []float64, i int) float64 {
	sum := 0.0
	for h := range d.Heads {
		p := rawOf(raw, h, len(d.Heads))
		class := indicator(p[0] >= .5)
		if len(p) > 1 {
			class = argmax(p)
		}
		sum += float64(indicator(class == d.Y[i][h])) / float64(len(d.Heads))
	}
	return sum
}

func argmax(v []float64) int {
	best := 0
	for k := range v {
		if v[k] > v[best] {
			best = k
		}
	}
	return best
}

func pick(from, at []int) []int {
	out := make([]int, len(at))
	for k, i := range at {
		out[k] = from[i]
	}
	return out
}

// rank fills in means and differences and returns the index of the kind chosen.
func (c *choice) rank() int {
	best := 0
	for k := range c.Trials {
		c.Trials[k].Mean, _ = meanSE(c.Trials[k].LogLoss)
		if c.Trials[k].Mean < c.Trials[best].Mean {
			best = k
		}
	}
	chosen := best
	for k := len(c.Trials) - 1; k >= 0; k-- {
		t := &c.Trials[k]
		diff := make([]float64, len(t.LogLoss))
		for f := range diff {
			diff[f] = t.LogLoss[f] - c.Trials[best].LogLoss[f]
		}
		t.Behind, t.SEBehind = meanSE(diff)
		if slices.Index(kinds, t.Kind) < slices.Index(kinds, c.Trials[chosen].Kind) && t.Behind <= t.SEBehind {
			chosen = k
		}
	}
	c.Chosen = c.Trials[chosen].Kind
	switch {
	case len(c.Trials) == 1:
		c.Why = "the study names this model"
	case chosen == best:
		c.Why = "it has the lowest cross-validated log loss"
	default:
		c.Why = "its cross-validated log loss is within one standard error of that of " + c.Trials[best].Kind + ", and it is simpler"
	}
	return chosen
}

func meanSE(x []float64) (mean, se float64) {
	n := float64(len(x))
	for _, v := range x {
		mean += v / n
	}
	for _, v := range x {
		se += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(se / (n - 1) / n)
}

// encode gives the bytes of each member.
func (e *ensemble) encode() ([][]byte, error) {
	var out [][]byte
	for _, m := range e.members {
		if m.weights != nil {
			b, states, err := encodeWeights(m.weights)
			if err != nil {
				return nil, err
			}
			e.States, out = states, append(out, b)
			continue
		}
		var parts [][]byte
		for _, b := range m.boosts {
			data, err := b.MarshalBinary()
			if err != nil {
				return nil, err
			}
			parts = append(parts, data)
		}
		var buf bytes.Buffer
		if err := json.NewEncoder(&buf).Encode(parts); err != nil {
			return nil, err
		}
		out = append(out, buf.Bytes())
	}
	return out, nil
}

// decode rebuilds a member.
func (e *ensemble) decode(content []byte) error {
	if e.Kind != "boost" {
		w, err := decodeWeights(content, e.States)
		e.members = append(e.members, &member{weights: w})
		return err
	}
	var parts [][]byte
	if err := json.Unmarshal(content, &parts); err != nil {
		return fault.Errorf(fault.Corrupt, "reading trees: %w", err)
	}
	want := 1
	if e.plain() {
		want = len(e.Heads)
	}
	m := &member{}
	for _, p := range parts {
		b := new(tree.Boost)
		if err := b.UnmarshalBinary(p); err != nil {
			return err
		}
		m.boosts = append(m.boosts, b)
	}
	if len(m.boosts) != want {
		return fault.Errorf(fault.Corrupt, "the trees do not fit the outcome")
	}
	e.members = append(e.members, m)
	return nil
}

func memberFile(k int) string { return fmt.Sprintf("members/%03d.bin", k) }

// loadModel reads what train left and opens it.
func loadModel(r *task.Run, neighbours bool) (*ensemble, *cohort, *explain.Neighbours, error) {
	e, co := &ensemble{plan: new(plan)}, new(cohort)
	if err := r.ReadJSON(task.Train, modelJSON, &e.modelFile); err != nil {
		return nil, nil, nil, err
	}
	if err := r.ReadJSON(task.Preprocess, planFile, e.plan); err != nil {
		return nil, nil, nil, err
	}
	if err := r.ReadJSON(task.Preprocess, cohortFile, co); err != nil {
		return nil, nil, nil, err
	}
	if e.Format != modelFormat || e.plan.Format != planFormat || len(e.Heads) == 0 || len(e.Readouts) != len(e.Heads) || e.Members < 1 || e.Members > 1000 {
		return nil, nil, nil, fault.WithHint(fault.Errorf(fault.Corrupt, "the model is of format %d, or incomplete", e.Format), "this Galen reads format %d: run the study again", modelFormat)
	}
	for h, ro := range e.Readouts {
		if err := ro.Check(len(e.Heads[h].Classes)); err != nil {
			return nil, nil, nil, err
		}
	}
	for k := range e.Members {
		content, err := r.ReadFile(task.Train, memberFile(k))
		if err != nil {
			return nil, nil, nil, err
		}
		if err := e.decode(content); err != nil {
			return nil, nil, nil, fmt.Errorf("run %s: train/%s: %w", r.ID, memberFile(k), err)
		}
	}
	var near *explain.Neighbours
	if neighbours {
		content, err := r.ReadFile(task.Train, neighboursFile)
		if err != nil {
			return nil, nil, nil, err
		}
		near = new(explain.Neighbours)
		if err := near.UnmarshalBinary(content); err != nil {
			return nil, nil, nil, err
		}
	}
	return e, co, near, e.open(outputsOf(co))
}
