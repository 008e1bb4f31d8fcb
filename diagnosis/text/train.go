package note

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"galen.dev/assess"
	"galen.dev/fault"
	"galen.dev/nn"
	"galen.dev/table"
	"galen.dev/task"
	"galen.dev/text"
	"galen.dev/text/assertion"
	"galen.dev/text/crf"
	"galen.dev/text/linear"
)

// data are the prepared notes of some rows.
type data struct {
	cohort  *cohort
	splits  *splits
	plan    *plan
	records []record
}

func loadData(ctx context.Context, r *task.Run) (*data, error) {
	d := &data{cohort: new(cohort), splits: new(splits), plan: new(plan)}
	for name, v := range map[string]any{planFile: d.plan, cohortFile: d.cohort, splitsFile: d.splits} {
		if err := r.ReadJSON(task.Preprocess, name, v); err != nil {
			return nil, err
		}
	}
	if err := d.plan.check(); err != nil {
		return nil, err
	}
	var err error
	d.records, err = loadRecords(ctx, r)
	return d, err
}

// docs parses the notes of some rows.
func (d *data) docs(rows []int) []*text.Document {
	out := make([]*text.Document, len(rows))
	for k, i := range rows {
		out[k] = text.Parse(d.records[i].Text)
	}
	return out
}

// train fits what the kind of study asks for.
func train(ctx context.Context, r *task.Run) error {
	d, err := loadData(ctx, r)
	if err != nil {
		return err
	}
	m := &model{Format: modelFormat, Kind: d.cohort.Kind, Outcome: d.cohort.Outcome, plan: d.plan, Settings: settings{
		Folds: r.Int("folds"), Calibration: r.String("calibration"), Coverage: r.Float("coverage"), Penalty: r.Float("penalty"), Rate: r.Float("learning-rate"), Dropout: r.Float("dropout"),
		Epochs: r.Int("epochs"), Batch: r.Int("batch"), Width: r.Int("width"), MaxWords: r.Int("max-words"), Encoder: r.Study.Resolve(r.String("encoder")),
		Iterations: r.Int("iterations"), Smoothing: r.Float("smoothing"),
	}}
	words, err := readDictionary(r.String("dictionary"))
	if err != nil {
		return err
	}
	if len(words) > 0 && m.Kind != entities {
		return fault.Errorf(fault.Usage, "the parameter dictionary is for kind: entities")
	}
	switch m.Kind {
	case entities:
		err = trainEntities(ctx, r, m, d, words)
	case assertions:
		m.Assertions, err = assertion.Train(ctx, assertion.Default, examples(d, d.splits.Train), assertion.Params{Lambda: m.Settings.Smoothing})
	default:
		err = trainClassify(ctx, r, m, d)
	}
	if err != nil {
		return err
	}
	return r.WriteJSON(modelFile, m)
}

// trial is the cross-validation of one kind of model.
type trial struct {
	Kind     string    `json:"kind"`
	LogLoss  []float64 `json:"log_loss"` // of each fold
	Mean     float64   `json:"mean_log_loss"`
	Accuracy float64   `json:"accuracy"`
	Behind   float64   `json:"behind"` // of the best, with its standard error over folds
	SEBehind float64   `json:"se_behind"`
	held     [][]float64
}

type choice struct {
	Chosen string   `json:"chosen"`
	Why    string   `json:"why"`
	Trials []*trial `json:"trials"`
}

// trainClassify cross-validates each kind of model, keeps the best, fits it to all training notes, and fits the readout
// to what it said of notes that it had not seen. Of kinds whose log loss lies within one standard error of the best, the
// simplest is taken (Breiman et al. 1984).
func trainClassify(ctx context.Context, r *task.Run, m *model, d *data) error {
	candidates := []string{r.String("model")}
	if candidates[0] == "auto" {
		candidates = nil
		for _, k := range kinds {
			if slices.Contains(r.Strings("candidates"), k) {
				candidates = append(candidates, k)
			}
		}
	}
	if slices.Contains(candidates, "bert") {
		if r.String("encoder") == "" {
			return fault.WithHint(fault.Errorf(fault.Usage, "the model bert needs an encoder"), "the parameter encoder names its folder")
		}
		var err error
		if m.Encoder, err = hashEncoder(m.Settings.Encoder); err != nil {
			return err
		}
	}
	rows := d.splits.Train
	docs := d.docs(rows)
	y, patient := make([]int, len(rows)), make([]int, len(rows))
	for k, i := range rows {
		y[k], patient[k] = d.cohort.Y[i], d.cohort.Patient[i]
	}
	folds, err := table.Folds(len(rows), m.Settings.Folds, patient, y, r.Seed("folds"))
	if err != nil {
		return err
	}
	c := &choice{}
	const fine = 1000
	for k, kind := range candidates {
		t := &trial{Kind: kind, held: make([][]float64, len(rows))}
		c.Trials = append(c.Trials, t)
		for f, fold := range folds {
			at := int64(k*len(folds)+f) * fine
			tell := func(share float64) {
				r.Progress("fitting", at+int64(share*fine), int64(len(candidates)*len(folds)+1)*fine)
			}
			tell(0)
			one, _, err := m.fit(ctx, kind, pick(docs, fold.Train), pick(y, fold.Train), r.Seed("fit")+uint64(f), tell)
			if err != nil {
				return fmt.Errorf("fitting %s: %w", kind, err)
			}
			said, err := one.predict(ctx, pick(docs, fold.Test))
			one.Close()
			if err != nil {
				return err
			}
			t.judge(said, fold.Test, y)
		}
	}
	best := c.rank()
	var w *nn.Weights
	one, w, err := m.fit(ctx, c.Chosen, docs, y, r.Seed("fit"), func(float64) {})
	if err != nil {
		return err
	}
	one.Close()
	m.Model, m.Linear = c.Chosen, one.Linear
	if m.Model != "bert" {
		m.Encoder, m.Settings.Encoder = "", ""
	}
	m.Readout, err = assess.FitReadout(c.Trials[best].held, y, patient, m.classes(), assess.ReadoutOptions{Calibration: m.Settings.Calibration, Coverage: m.Settings.Coverage, Seed: r.Seed("fit")})
	if err != nil {
		return err
	}
	if w != nil {
		b, err := encodeWeights(w)
		if err != nil {
			return err
		}
		if err := r.WriteFile(weightsFile, b); err != nil {
			return err
		}
	}
	r.Note("model: %s, because %s", c.Chosen, c.Why)
	for _, n := range m.Readout.Notes {
		r.Note("%s", n)
	}
	return r.WriteJSON(choiceFile, c)
}

func pick[T any](from []T, at []int) []T {
	out := make([]T, len(at))
	for k, i := range at {
		out[k] = from[i]
	}
	return out
}

// fit makes a model of one kind, ready to predict.
func (m *model) fit(ctx context.Context, kind string, docs []*text.Document, y []int, seed uint64, progress func(float64)) (*model, *nn.Weights, error) {
	one := &model{Kind: classify, Model: kind, Settings: m.Settings, Outcome: m.Outcome, plan: m.plan}
	if kind == "cnn" || kind == "gru" {
		x := make([][]int32, len(docs))
		for k, d := range docs {
			x[k] = m.plan.sequence(d, m.Settings.MaxWords)
		}
		w, err := m.Settings.fitNetwork(ctx, kind, x, y, len(m.plan.Single)+2, m.classes(), seed, progress)
		if err != nil {
			return nil, nil, err
		}
		return one, w, one.open(w)
	}
	if err := one.open(nil); err != nil {
		return nil, nil, err
	}
	columns := len(m.plan.Words)
	if kind == "bert" {
		columns = one.encoder.Width
	}
	rows, err := one.rows(ctx, docs)
	if err == nil {
		one.Linear, err = linear.Fit(ctx, rows, y, columns, m.classes(), linear.Params{Lambda: m.Settings.Penalty, Progress: func(done, most int) { progress(float64(done) / float64(most)) }})
	}
	if err != nil {
		one.Close()
		return nil, nil, err
	}
	return one, nil, nil
}

// judge scores one fold.
func (t *trial) judge(said [][]float64, rows []int, y []int) {
	loss := 0.0
	for k, i := range rows {
		t.held[i] = said[k]
		p := said[k]
		if len(p) == 1 {
			p = []float64{1 - p[0], p[0]}
		}
		loss -= math.Log(math.Max(p[y[i]], 1e-7))
		if argmax(p) == y[i] {
			t.Accuracy += 1 / float64(len(y))
		}
	}
	t.LogLoss = append(t.LogLoss, loss/float64(len(rows)))
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

// rank fills in means and differences and returns the index of the kind chosen.
func (c *choice) rank() int {
	best := 0
	for k, t := range c.Trials {
		t.Mean, _ = meanSE(t.LogLoss)
		if t.Mean < c.Trials[best].Mean {
			best = k
		}
	}
	chosen := best
	for k := len(c.Trials) - 1; k >= 0; k-- {
		t := c.Trials[k]
		diff := make([]float64, len(t.LogLoss))
		for f := range diff {
			diff[f] = t.LogLoss[f] - c.Trials[best].LogLoss[f]
		}
		if t.Behind, t.SEBehind = meanSE(diff); k < chosen && t.Behind <= t.SEBehind {
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

// sentences are records as the tagger takes them.
func sentences(d *data, rows []int) []crf.Sentence {
	out := make([]crf.Sentence, len(rows))
	for k, i := range rows {
		x := &d.records[i]
		out[k] = crf.Sentence{Text: x.Text, Tokens: x.Tokens, Document: x.Document, Entities: x.Entities}
	}
	return out
}

func trainEntities(ctx context.Context, r *task.Run, m *model, d *data, words []string) (err error) {
	m.Tagger, err = crf.Train(ctx, sentences(d, d.splits.Train), words, crf.Params{
		Iterations: m.Settings.Iterations, L2: m.Settings.Smoothing, Progress: func(done, total int) { r.Progress("fitting", int64(done), int64(total)) },
	})
	return err
}

// readDictionary reads a name from each line.
func readDictionary(path string) (out []string, err error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Disk("reading the dictionary", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		s, err := text.Clean(lines.Bytes(), text.CleanOptions{})
		if err != nil {
			return nil, fmt.Errorf("dictionary, line %d: %w", n, err)
		}
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
		if n > 5_000_000 {
			return nil, fault.Errorf(fault.Data, "the dictionary has more than 5,000,000 lines")
		}
	}
	if lines.Err() != nil {
		return nil, fault.Errorf(fault.Data, "the dictionary has a line longer than 64 KiB")
	}
	return out, nil
}

// examples are findings with what is said of them.
func examples(d *data, rows []int) []assertion.Example {
	out := make([]assertion.Example, len(rows))
	for k, i := range rows {
		x := &d.records[i]
		out[k] = assertion.Example{Finding: locate(x.Text, x.Phrase), Assertion: assertion.Plain}
		if x.Said != nil {
			out[k].Assertion = *x.Said
		}
	}
	return out
}

// locate finds a phrase in the sentence of a text that has most of it. A phrase that is nowhere is the whole of the
// first sentence.
func locate(s, phrase string) assertion.Finding {
	doc := text.Parse(s)
	whole := assertion.Finding{Text: s, Tokens: doc.Tokens, To: len(doc.Tokens)}
	best := -1
	for _, sentence := range doc.Sentences {
		f, ok := assertion.Locate(sentence.Of(s), phrase)
		if !ok || f.To-f.From <= best {
			continue
		}
		best = f.To - f.From
		f.Text, f.Tokens = s, doc.TokensOf(sentence)
		if sec := doc.SectionOf(sentence.Start); sec != nil {
			f.Section = sec.Name
		}
		whole = f
	}
	return whole
}
