package course

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"slices"

	"galen.dev/assess"
	"galen.dev/event"
	"galen.dev/explain"
	"galen.dev/fault"
	"galen.dev/metric"
	"galen.dev/table"
	"galen.dev/task"
)

// Files that train leaves, beside the members.
const (
	modelJSON      = "model.json"
	choiceFile     = "choice.json"
	neighboursFile = "neighbours.bin"
)

// loadData opens the prepared samples; the caller closes the file.
func loadData(r *task.Run) (*data, *splits, *os.File, error) {
	p, err := loadPlan(r)
	if err != nil {
		return nil, nil, nil, err
	}
	d, sp := &data{cohort: new(cohort), reader: p.reader(event.NewVocabulary())}, new(splits)
	if err := r.ReadJSON(task.Preprocess, cohortFile, d.cohort); err != nil {
		return nil, nil, nil, err
	}
	if err := r.ReadJSON(task.Preprocess, splitsFile, sp); err != nil {
		return nil, nil, nil, err
	}
	f, err := r.Open(task.Preprocess, preparedFile)
	d.file = f
	return d, sp, f, err
}

// train cross-validates the kinds of models and keeps the members of the one chosen and of the baselines, each with a
// readout fitted to what they say of samples that they had not seen.
//
// The members are those of the folds, each trained on all folds but one, and answer together. Readouts are fitted to the
// answers of single members, which are a little less sure than the ensemble; they err to the cautious side.
func train(ctx context.Context, r *task.Run) error {
	d, sp, f, err := loadData(r)
	if err != nil {
		return err
	}
	defer f.Close()
	s := readSettings(r)
	model := r.String("model")
	candidates, baselines := r.Strings("candidates"), r.Strings("baselines")
	if slices.Contains(baselines, "none") {
		if len(baselines) > 1 {
			return fault.Errorf(fault.Usage, "the parameter baselines names none and others")
		}
		baselines = nil
	}
	if model != "auto" {
		candidates = []string{model}
	}
	x := &selection{settings: &s, data: d, rows: sp.Train, seed: r.Seed("fit"), tell: func(done, total int64) { r.Progress("fitting", done, total) }}
	c, chosen, err := x.choose(ctx, inOrder(candidates), inOrder(baselines))
	if err != nil {
		return err
	}
	m := &modelFile{Format: modelFormat, Settings: s, Outcome: assess.Outcome{Target: d.Declare.Outcome, Classes: classes}, Ensembles: chosen}
	for _, e := range chosen {
		for _, n := range e.Readout.Notes {
			r.Note("%s: %s", e.Kind, n)
		}
	}
	r.Note("model: %s, because %s", c.Chosen, c.Why)
	return save(ctx, r, m, c, d, sp.Train)
}

func inOrder(given []string) (out []string) {
	for _, k := range kinds {
		if slices.Contains(given, k) {
			out = append(out, k)
		}
	}
	return out
}

// save writes the members, the model, the choice and the training samples' neighbourhood.
func save(ctx context.Context, r *task.Run, m *modelFile, c *choice, d *data, rows []int) error {
	for _, e := range m.Ensembles {
		parts, err := e.encode()
		if err != nil {
			return fmt.Errorf("encoding the model: %w", err)
		}
		e.Members = len(parts)
		for k, b := range parts {
			if err := r.WriteFile(memberFile(e.Kind, k), b); err != nil {
				return err
			}
		}
	}
	if kind := m.Ensembles[0].Kind; isNetwork(kind) {
		net, err := m.Settings.network(kind, d.plan)
		if err != nil {
			return err
		}
		if m.Network, err = config(net); err != nil {
			return err
		}
	}
	agg, err := d.readAggregates(ctx, rows)
	if err != nil {
		return err
	}
	columns := d.situation()
	X := make([][]float64, len(columns))
	for k, j := range columns {
		for i := range agg {
			X[k] = append(X[k], agg[i][j])
		}
	}
	near, err := explain.NewNeighbours(ctx, X, nil, explain.NeighbourOptions{MaxRows: len(rows), Seed: r.Seed("neighbours")})
	if err != nil {
		return err
	}
	b, err := near.MarshalBinary()
	if err != nil {
		return err
	}
	if err := r.WriteFile(neighboursFile, b); err != nil {
		return err
	}
	if err := r.WriteJSON(choiceFile, c); err != nil {
		return err
	}
	return r.WriteJSON(modelJSON, m)
}

// situation are the aggregates by which stays are held against each other: the last value and the number of values of
// each code, and what is known from the start.
func (r *reader) situation() (out []int) {
	for j, a := range r.names {
		if a.Static || a.Window == r.Declare.Window && (a.Stat == "last" || a.Stat == "count") {
			out = append(out, j)
		}
	}
	return out
}

// choice is how the kind of model was chosen.
type choice struct {
	Chosen string  `json:"chosen"`
	Why    string  `json:"why"`
	Trials []trial `json:"trials"`
}

// trial is the cross-validation of one kind.
type trial struct {
	Kind    string    `json:"kind"`
	LogLoss []float64 `json:"log_loss"` // of each fold
	Mean    float64   `json:"mean_log_loss"`
	AUROC   float64   `json:"auroc"`   // over all folds
	Score1  float64   `json:"score_1"` // at the best threshold, over all folds
	Behind  float64   `json:"behind"`  // of the best, with its standard error over folds
	SE      float64   `json:"se_behind"`
	Compare bool      `json:"baseline"` // fitted for comparison alone
}

// selection is one choice at work.
type selection struct {
	settings *settings
	data     *data
	rows     []int
	seed     uint64
	tell     func(done, total int64)

	folds []table.Split
}

// choose cross-validates candidates and baselines. The first ensemble returned is the one chosen, the others are the
// baselines. Of candidates whose log loss lies within one standard error of the best, the simplest is taken (Breiman et
// al. 1984).
func (x *selection) choose(ctx context.Context, candidates, baselines []string) (*choice, []*ensemble, error) {
	d := x.data
	var patient, strata []int
	for _, i := range x.rows {
		patient, strata = append(patient, d.Patient[i]), append(strata, d.Y[i])
	}
	var err error
	if x.folds, err = table.Folds(len(x.rows), x.settings.Folds, patient, strata, x.seed); err != nil {
		return nil, nil, err
	}
	all := slices.Clone(candidates)
	for _, b := range baselines {
		if !slices.Contains(all, b) {
			all = append(all, b)
		}
	}
	c := &choice{Trials: make([]trial, len(all))}
	ensembles := make([]*ensemble, len(all))
	for k, kind := range all {
		c.Trials[k].Kind, c.Trials[k].Compare = kind, !slices.Contains(candidates, kind)
		if ensembles[k], err = x.crossValidate(ctx, kind, &c.Trials[k], int64(k), int64(len(all))); err != nil {
			return nil, nil, fmt.Errorf("fitting %s: %w", kind, err)
		}
	}
	at := c.rank(len(candidates))
	out := []*ensemble{ensembles[at]}
	for k := range all {
		if k != at && slices.Contains(baselines, all[k]) {
			out = append(out, ensembles[k])
		}
	}
	return c, out, nil
}

// crossValidate fits the members of one kind and its readout.
func (x *selection) crossValidate(ctx context.Context, kind string, t *trial, at, of int64) (*ensemble, error) {
	d, e := x.data, &ensemble{Kind: kind}
	held := make([]float64, len(x.rows))
	const fine = 1000
	for f, fold := range x.folds {
		one := &ensemble{Kind: kind}
		for member := range x.membersOf(kind) {
			tell := func(share float64) {
				done := (float64(f) + (float64(member)+share)/float64(x.membersOf(kind))) / float64(len(x.folds))
				x.tell(int64((float64(at)+done)*fine), of*fine)
			}
			tell(0)
			m, err := x.settings.fitMember(ctx, kind, d, pick(x.rows, fold.Train), x.seed+uint64(f)+1000*uint64(member), tell)
			if err != nil {
				return nil, err
			}
			one.members = append(one.members, m)
		}
		e.members = append(e.members, one.members...)
		loss, err := x.holdOut(ctx, one, fold.Test, held)
		if err != nil {
			return nil, err
		}
		t.LogLoss = append(t.LogLoss, loss)
	}
	return e, x.readout(e, held, t)
}

func (x *selection) membersOf(kind string) int {
	if isNetwork(kind) {
		return x.settings.Members
	}
	return 1
}

// holdOut predicts the samples of a fold, and returns their mean log loss over those whose outcome is known.
func (x *selection) holdOut(ctx context.Context, one *ensemble, test []int, held []float64) (float64, error) {
	if err := one.open(x.settings, x.data.reader); err != nil {
		return 0, err
	}
	defer one.Close()
	loss, n := 0.0, 0.0
	var v view
	for _, k := range test {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		i := x.rows[k]
		if err := x.data.readRecord(x.data.file, i, &v); err != nil {
			return 0, err
		}
		p, _, err := one.predict(&v)
		if err != nil {
			return 0, err
		}
		held[k] = p
		if x.data.known(i) {
			if x.data.Y[i] == 0 {
				p = 1 - p
			}
			loss, n = loss-math.Log(max(p, 1e-7)), n+1
		}
	}
	return loss / max(n, 1), nil
}

// known tells whether the outcome at the end of the horizon is known.
func (co *cohort) known(i int) bool { return co.Censored == nil || !co.Censored[i] }

// readout fits what turns the ensemble's answers into calibrated risks, and chooses its threshold.
func (x *selection) readout(e *ensemble, held []float64, t *trial) (err error) {
	var raw [][]float64
	var y, patient []int
	for k, i := range x.rows {
		if x.data.known(i) {
			raw, y, patient = append(raw, []float64{held[k]}), append(y, x.data.Y[i]), append(patient, x.data.Patient[i])
		}
	}
	e.Readout, err = assess.FitReadout(raw, y, patient, 2, assess.ReadoutOptions{Calibration: x.settings.Calibration, Coverage: x.settings.Coverage, Seed: x.seed})
	if err != nil {
		return err
	}
	risk, event := make([]float64, len(y)), make([]bool, len(y))
	for k := range y {
		risk[k], event[k] = e.Readout.Probabilities(raw[k])[1], y[k] == 1
	}
	e.Threshold, e.Score1 = bestThreshold(risk, event)
	t.AUROC, t.Score1 = metric.AUROC(risk, event), e.Score1
	return nil
}

// bestThreshold is the risk at which min(sensitivity, PPV) is largest, the highest such.
func bestThreshold(p []float64, y []bool) (threshold, score float64) {
	order := make([]int, len(p))
	events := 0.0
	for i := range order {
		order[i] = i
		events += indicator(y[i])
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(p[b], p[a]), cmp.Compare(a, b)) })
	hit := 0.0
	for n, i := range order {
		hit += indicator(y[i])
		if n+1 < len(order) && p[order[n+1]] == p[i] {
			continue
		}
		if s := min(hit/events, hit/float64(n+1)); s > score {
			threshold, score = p[i], s
		}
	}
	return threshold, score
}

func pick(from, at []int) []int {
	out := make([]int, len(at))
	for k, i := range at {
		out[k] = from[i]
	}
	return out
}

// rank fills in means and differences and returns the index of the kind chosen among the first candidates.
func (c *choice) rank(candidates int) int {
	best := 0
	for k := range c.Trials {
		c.Trials[k].Mean, _ = meanSE(c.Trials[k].LogLoss)
		if k < candidates && c.Trials[k].Mean < c.Trials[best].Mean {
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
		t.Behind, t.SE = meanSE(diff)
		if k < candidates && slices.Index(kinds, t.Kind) < slices.Index(kinds, c.Trials[chosen].Kind) && t.Behind <= t.SE {
			chosen = k
		}
	}
	c.Chosen = c.Trials[chosen].Kind
	switch {
	case candidates == 1:
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
