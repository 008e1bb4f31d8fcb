package segment

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gomlx/compute"

	_ "galen.dev/engine" // the backend "cpu"
	"galen.dev/fault"
	"galen.dev/imaging/cases"
	"galen.dev/imaging/plan"
	"galen.dev/nn"
	"galen.dev/task"
)

// Files that train leaves, beside fold-K.safetensors and fold-K.json.
const (
	choiceFile  = "choice.json"  // what was decided on validation cases
	historyFile = "history.json" // losses and scores of every epoch of every fold
)

func weightsFile(k int) string { return fmt.Sprintf("fold-%d.safetensors", k) }

// learned is what training left of one fold, for the report.
type learned struct {
	Epochs []nn.EpochResult `json:"epochs"`
	Best   int              `json:"best_epoch"`
	Cases  [2]int           `json:"cases"` // that trained and validated
}

// work is what train, evaluate and apply have in common: the plan, the splits, the backend.
type work struct {
	run     *task.Run
	plan    *plan.Plan
	splits  *splits
	backend compute.Backend
}

func begin(r *task.Run) (*work, error) {
	w := &work{run: r, splits: new(splits)}
	text, err := r.ReadFile(task.Preprocess, planFile)
	if err != nil {
		return nil, err
	}
	if w.plan, err = plan.Read(text, "preprocess/"+planFile); err != nil {
		return nil, err
	}
	if err := r.ReadJSON(task.Preprocess, splitsFile, w.splits); err != nil {
		return nil, err
	}
	w.backend, err = nn.Backend("cpu")
	return w, err
}

func (w *work) close() { w.backend.Finalize() }

// train trains a network for each fold and decides on validation cases what is kept of predictions.
func train(ctx context.Context, r *task.Run) error {
	w, err := begin(r)
	if err != nil {
		return err
	}
	defer w.close()
	text, err := r.ReadFile(task.Preprocess, indexFile)
	if err != nil {
		return err
	}
	file, err := r.Open(task.Preprocess, preparedFile)
	if err != nil {
		return err
	}
	defer file.Close()
	reader, err := openPrepared(file, text)
	if err != nil {
		return err
	}
	how := recipe{
		Epochs: r.Int("epochs"), Iterations: r.Int("iterations"), Validations: r.Int("validations"), Optimiser: r.String("optimiser"),
		Rate: r.Float("learning-rate"), Augment: r.String("augment"), Flip: r.Bool("flip"),
	}
	c := &choice{Instances: w.splits.Instances, Mirror: r.Bool("mirror") && how.Flip, Folds: len(w.splits.Folds)}
	if err := r.ReadJSON(task.Preprocess, domainFile, &c.Domain); err != nil {
		return err
	}
	if err := w.foretell(how, len(w.splits.Folds)); err != nil {
		return err
	}
	var history []learned
	var nets []*nn.Weights
	for k, f := range w.splits.Folds {
		how.Seed = r.Seed(fmt.Sprintf("fold %d", k))
		job := &fitting{
			backend: w.backend, plan: w.plan, out: outputs(w.plan, c.border()), reader: reader, recipe: how, limit: w.plan.Memory.LimitBytes,
			fold: fold{Train: w.splits.entries(f.Train), Val: w.splits.entries(f.Val)}, version: r.Version, progress: w.progress(k),
		}
		if dir := r.String("checkpoints"); dir != "" {
			job.steps = r.Int("checkpoint-steps")
			job.folder = filepath.Join(r.Study.Resolve(dir), r.ID, fmt.Sprintf("fold-%d", k))
		}
		res, net, err := job.fit(ctx)
		if err != nil {
			return fmt.Errorf("fold %d: %w", k+1, err)
		}
		if err := saveWeights(r, k, net, res); err != nil {
			return err
		}
		nets = append(nets, res.Weights)
		history = append(history, learned{Epochs: res.History, Best: res.Summary.BestEpoch, Cases: [2]int{len(f.Train), len(f.Val)}})
	}
	if err := w.decide(ctx, c, nets); err != nil {
		return err
	}
	if peak := peakMemory(); peak > 0 {
		r.Note("at its peak the program has taken %.2f GiB; the plan allows training %.2f GiB", float64(peak)/(1<<30), float64(w.plan.Memory.LimitBytes)/(1<<30))
	}
	if err := r.WriteJSON(historyFile, history); err != nil {
		return err
	}
	if err := r.WriteJSON(choiceFile, c); err != nil {
		return err
	}
	if dir := r.String("checkpoints"); dir != "" { // of this run alone, and of no use any more
		return fault.Disk("removing checkpoints", os.RemoveAll(filepath.Join(r.Study.Resolve(dir), r.ID)))
	}
	return nil
}

// foretell says how much work lies ahead, from one pass over a patch. Training takes about three of them for each
// patch: forward, and twice as much on the way back.
func (w *work) foretell(how recipe, folds int) error {
	c := w.plan.Chosen()
	net := network(c, len(w.plan.Channels), outputs(w.plan, w.splits.Instances == "border"))
	dims := append(append([]int{1}, c.Patch...), len(w.plan.Channels))
	weights, err := nn.Init(net, 0, nn.Float32s(dims...))
	if err != nil {
		return err
	}
	x, err := nn.NewPredictor(w.backend, net, weights)
	if err != nil {
		return err
	}
	defer x.Close()
	n := 1
	for _, d := range dims {
		n *= d
	}
	in := nn.Array{Dims: dims, Floats: make([]float32, n)}
	var took time.Duration
	for range 2 { // the first one compiles
		start := time.Now()
		if _, err := x.Run(in); err != nil {
			return err
		}
		took = time.Since(start)
	}
	patches := float64(folds*how.Epochs) * float64(c.Batch*(3*how.Iterations+how.Validations))
	w.run.Note("training will take about %s: %d × %d × %d batches of %d patches, %.3g GFLOP forward each; memory about %.2f GiB of %.2f",
		time.Duration(patches*float64(took)).Round(time.Second), folds, how.Epochs, how.Iterations, c.Batch, float64(c.Operations)/1e9,
		float64(w.plan.Memory.TrainingBytes)/(1<<30), float64(w.plan.Memory.LimitBytes)/(1<<30))
	return nil
}

func (w *work) progress(k int) func(nn.Progress) {
	label := "training"
	if n := len(w.splits.Folds); n > 1 {
		label = fmt.Sprintf("training fold %d of %d", k+1, n)
	}
	return func(p nn.Progress) {
		switch {
		case p.Memory != nil:
			if k == 0 {
				w.run.Note("memory of training: %s", p.Memory)
			}
		case p.Ended == nil:
			w.run.Progress(label, int64(p.Step), int64(p.Steps))
		}
	}
}

func saveWeights(r *task.Run, k int, net *nn.Net, res *nn.Result) error {
	dir, err := os.MkdirTemp("", "galen-weights-")
	if err != nil {
		return fault.Disk("saving weights", err)
	}
	defer os.RemoveAll(dir)
	meta, err := nn.Describe(net, r.Version)
	if err != nil {
		return err
	}
	meta.Training = &res.Summary
	if err := nn.SaveModel(filepath.Join(dir, weightsFile(k)), res.Weights, meta); err != nil {
		return err
	}
	for _, name := range []string{weightsFile(k), fmt.Sprintf("fold-%d.json", k)} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return fault.Disk("saving weights", err)
		}
		if err := r.WriteFile(name, data); err != nil {
			return err
		}
	}
	return nil
}

// load puts the networks of a finished training on the backend.
func (w *work) load() (*model, error) {
	c := new(choice)
	if err := w.run.ReadJSON(task.Train, choiceFile, c); err != nil {
		return nil, err
	}
	net := network(w.plan.Chosen(), len(w.plan.Channels), outputs(w.plan, c.border()))
	var nets []*nn.Weights
	for k := range c.Folds {
		for _, name := range []string{weightsFile(k), fmt.Sprintf("fold-%d.json", k)} { // checked against their hashes
			f, err := w.run.Open(task.Train, name)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			if name != weightsFile(k) {
				continue
			}
			x, meta, err := nn.LoadModel(f.Name())
			if err != nil {
				return nil, err
			}
			if err := meta.CheckNet(net); err != nil {
				return nil, err
			}
			nets = append(nets, x)
		}
	}
	return newModel(w.backend, w.plan, c, nets)
}

// decide chooses, on predictions for validation cases by networks that have not seen them, which largest parts are
// kept and how instances are told apart, and notes how well mirrored predictions agree.
func (w *work) decide(ctx context.Context, c *choice, nets []*nn.Weights) error {
	all, err := openCases(w.run)
	if err != nil {
		return err
	}
	defer all.Close()
	dir, err := os.MkdirTemp("", "galen-validation-")
	if err != nil {
		return fault.Disk("keeping predictions", err)
	}
	defer os.RemoveAll(dir)
	v := &validation{work: w, choice: c, cases: all, dir: dir}
	if err := v.predict(ctx, nets); err != nil {
		return err
	}
	slices.Sort(c.Agreement)
	if !c.border() && w.run.String("tidy") == "auto" {
		if c.Tidy, err = chooseTidying(outputs(w.plan, false), v.judge(ctx)); err != nil {
			return err
		}
	}
	if c.Instances != "none" {
		c.Rule, err = chooseInstances(ctx, c.border(), v.instances(ctx))
	}
	return err
}

// validation holds the predictions for validation cases, in files: one case is in memory at a time.
type validation struct {
	*work
	choice *choice
	cases  *cases.Container
	dir    string
	list   []int
}

func (v *validation) predict(ctx context.Context, nets []*nn.Weights) error {
	total := 0
	for _, f := range v.splits.Folds {
		total += len(f.Val)
	}
	for k, f := range v.splits.Folds {
		one, err := newModel(v.backend, v.plan, v.choice, nets[k:k+1])
		if err != nil {
			return err
		}
		for _, i := range f.Val {
			err := v.predictOne(ctx, one, i)
			if err != nil {
				one.close()
				return err
			}
			v.run.Progress("predicting validation images", int64(len(v.list)), int64(total))
		}
		one.close()
	}
	return nil
}

func (v *validation) predictOne(ctx context.Context, m *model, i int) error {
	image, err := v.cases.Image(ctx, i)
	if err != nil {
		return err
	}
	p, err := m.predict(ctx, image, false)
	if err != nil {
		return fmt.Errorf("predicting %q: %w", v.cases.Records[i].Name, err)
	}
	v.choice.Agreement = append(v.choice.Agreement, p.agreement)
	v.list = append(v.list, i)
	data, err := json.Marshal(kept{p.classes, asBytes(p.foreground), asBytes(p.inside)})
	if err != nil {
		return err
	}
	return fault.Disk("keeping predictions", os.WriteFile(filepath.Join(v.dir, fmt.Sprint(i)), data, 0o600))
}

// kept is a prediction on disk.
type kept struct{ Classes, Foreground, Inside []byte }

// each hands out every validation case with its prediction and its mask.
func (v *validation) each(ctx context.Context, use func(x *cases.Case, k *kept) error) error {
	for _, i := range v.list {
		if err := ctx.Err(); err != nil {
			return err
		}
		mask, err := v.cases.Mask(ctx, i)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(filepath.Join(v.dir, fmt.Sprint(i)))
		if err != nil {
			return fault.Disk("reading predictions", err)
		}
		k := new(kept)
		if err := json.Unmarshal(data, k); err != nil {
			return err
		}
		if err := use(&cases.Case{Record: &v.cases.Records[i], Mask: mask}, k); err != nil {
			return err
		}
	}
	return nil
}

func (v *validation) judge(ctx context.Context) func(yield func(judged) error) error {
	return func(yield func(judged) error) error {
		return v.each(ctx, func(x *cases.Case, k *kept) error {
			return yield(judged{x.Mask.Geometry, k.Classes, referenceClasses(v.plan, x.Mask)})
		})
	}
}

func (v *validation) instances(ctx context.Context) func(yield func(instanceCase) error) error {
	return func(yield func(instanceCase) error) error {
		return v.each(ctx, func(x *cases.Case, k *kept) error {
			reference, err := referenceNumbers(v.plan, x.Mask, v.choice.border())
			if err != nil {
				return err
			}
			if err := v.choice.Tidy.apply(x.Mask.Geometry, k.Classes); err != nil {
				return err
			}
			return yield(instanceCase{x.Mask.Geometry, k.Classes, fromBytes(k.Foreground), fromBytes(k.Inside), reference})
		})
	}
}
