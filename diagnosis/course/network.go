package course

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	_ "galen.dev/engine" // the backend "cpu"
	"galen.dev/fault"
	"galen.dev/nn"
	"galen.dev/task"
)

// settings are the parameters of training.
type settings struct {
	Folds, Members            int
	Calibration               string
	Coverage                  float64
	Balanced                  bool
	Epochs, Batch, Width      int
	Optimiser                 string
	Rate, Decay, EMA, Dropout float64
	Rounds                    int
}

func readSettings(r *task.Run) settings {
	return settings{
		Folds: r.Int("folds"), Members: r.Int("members"), Calibration: r.String("calibration"), Coverage: r.Float("coverage"), Balanced: r.String("class-weight") == "balanced",
		Epochs: r.Int("epochs"), Batch: r.Int("batch"), Width: r.Int("width"), Optimiser: r.String("optimiser"),
		Rate: r.Float("learning-rate"), Decay: r.Float("weight-decay"), EMA: r.Float("ema"), Dropout: r.Float("dropout"), Rounds: r.Int("rounds"),
	}
}

// isNetwork tells networks from trees and regression.
func isNetwork(kind string) bool { return kind != "boost" && kind != "logistic" }

// network is the network of a kind, as the study sizes it.
func (s *settings) network(kind string, p *plan) (*nn.Net, error) {
	out := max(1, p.Declare.Bins)
	if kind == "basic-rnn" {
		return nn.BasicRNN(nn.RecurrentOptions{Out: out, Vocabulary: len(p.Words) + 1, Lengths: true})
	}
	V, fixed := len(p.Timed), p.fixedWidth()
	w := (s.Width + 3) / 4 * 4
	var inner *nn.Net
	var err error
	switch kind {
	case "gru", "lstm":
	case "tcn":
		inner, err = nn.TCN(nn.TCNOptions{Out: out, Channels: []int{w, w, w, w}, Dropout: s.Dropout})
	case "transformer":
		inner, err = nn.Transformer(nn.TransformerOptions{Out: out, Width: w, Dropout: s.Dropout})
	case "cnn1d":
		inner, err = nn.CNN1D(nn.CNN1DOptions{Out: out})
	default:
		return nil, fault.Errorf(fault.Corrupt, "no network is called %q", kind)
	}
	if err != nil {
		return nil, err
	}
	inputs := []nn.Input{{Name: "course", DType: dtypes.Float32, Dims: []int{0, p.Steps, channels * V}}, {Name: "fixed", DType: dtypes.Float32, Dims: []int{0, max(1, fixed)}}}
	config := map[string]any{"kind": kind, "out": out, "width": w, "dropout": s.Dropout}
	return &nn.Net{Name: "course-" + kind, Config: config, Inputs: inputs, Forward: func(sc *nn.Scope, in ...*nn.Node) []*nn.Node {
		x, known := in[0], in[1]
		value, mask, since := channel(x, 0, V), channel(x, 1, V), channel(x, 2, V)
		if kind != "gru" && kind != "lstm" {
			all := graph.BroadcastToDims(graph.InsertAxes(known, 1), x.Shape().Dimensions[0], p.Steps, max(1, fixed))
			return inner.Forward(sc.In("inner"), graph.Concatenate([]*nn.Node{value, mask, since, all}, 2))
		}
		var states nn.Sequence
		if kind == "gru" {
			states = sc.In("gru").GRU(graph.Concatenate([]*nn.Node{decayed(sc.In("decay"), value, mask, since), mask}, 2), w, nn.Recurrent{})
		} else {
			states = sc.In("lstm").LSTM(graph.Concatenate([]*nn.Node{value, mask, since}, 2), w, nn.Recurrent{})
		}
		// The mean over time stands beside the last state: what lasted matters, not only how it ended.
		state := graph.Concatenate([]*nn.Node{states.Last, graph.ReduceMean(states.Steps, 1)}, 1)
		h := graph.Concatenate([]*nn.Node{state, known}, 1)
		h = nn.ReLU(sc.In("hidden").Dense(sc.Dropout(h, s.Dropout), w, nn.Dense{}))
		return []*nn.Node{sc.In("out").Dense(sc.Dropout(h, s.Dropout), out, nn.Dense{})}
	}}, nil
}

func channel(x *nn.Node, k, V int) *nn.Node {
	return graph.SliceAxis(x, 2, graph.AxisRange(k*V, (k+1)*V))
}

// decayed lets a value that is not measured anew fall towards the mean, at a rate that is learnt for each variable (the
// decay of inputs of GRU-D, Che et al. 2018).
func decayed(s *nn.Scope, value, mask, since *nn.Node) *nn.Node {
	V := value.Shape().Dimensions[2]
	dims := value.Shape().Dimensions
	over := func(w *nn.Node) *nn.Node { return graph.BroadcastToDims(graph.InsertAxes(w, 0, 0), dims...) }
	rate := graph.Add(graph.Mul(over(s.Weight("rate", nn.Constant(1), V)), since), over(s.Weight("bias", nn.Zeros, V)))
	left := graph.Exp(graph.Neg(nn.ReLU(rate)))
	return graph.Mul(value, graph.Add(mask, graph.Mul(graph.OneMinus(mask), left)))
}

// data are the prepared samples.
type data struct {
	*cohort
	*reader
	file io.ReaderAt
}

// inputs are what a network of a kind sees of a view.
func (r *reader) inputs(kind string, v *view) []nn.Array {
	if kind == "basic-rnn" {
		tokens := make([]int32, r.Tokens)
		n := int32(copy(tokens, v.tokens))
		if n == 0 {
			n = 1
		}
		return []nn.Array{{Dims: []int{r.Tokens}, Ints: tokens}, {Dims: []int{}, Ints: []int32{n}}}
	}
	x := make([]float32, r.Steps*channels*len(r.Timed))
	r.sequence(v.grid, x)
	fixed := make([]float32, max(1, r.fixedWidth()))
	r.fixed(v.agg[len(r.names)-len(r.Static):], fixed)
	return []nn.Array{{Dims: []int{r.Steps, channels * len(r.Timed)}, Floats: x}, {Dims: []int{len(fixed)}, Floats: fixed}}
}

// loss is the cross-entropy of whether the event comes, or the likelihood of its interval.
func (d *data) loss(outputs, targets []*nn.Node, weights *nn.Node) *nn.Node {
	logits := outputs[0]
	if d.Declare.Bins > 0 {
		// targets[0] is 1 in the interval of the event; targets[1] is 1 in those through which the sample was seen.
		each := graph.ReduceSum(graph.Mul(targets[1], graph.Sub(nn.Softplus(logits), graph.Mul(targets[0], logits))), -1)
		return mean(each, weights)
	}
	return mean(graph.ReduceMean(graph.Sub(nn.Softplus(logits), graph.Mul(targets[0], logits)), -1), weights)
}

func mean(each, weights *nn.Node) *nn.Node {
	if weights == nil {
		return graph.ReduceAllMean(each)
	}
	return graph.Div(graph.ReduceAllSum(graph.Mul(each, weights)), graph.ReduceAllSum(weights))
}

// targets of a sample.
func (d *data) targets(i int) []nn.Array {
	bins := d.Declare.Bins
	if bins == 0 {
		return []nn.Array{{Dims: []int{1}, Floats: []float32{float32(d.Y[i])}}}
	}
	event, seen := make([]float32, bins), make([]float32, bins)
	for k := range d.Interval[i] + 1 {
		seen[k] = 1
	}
	event[d.Interval[i]] = float32(d.Y[i])
	return []nn.Array{{Dims: []int{bins}, Floats: event}, {Dims: []int{bins}, Floats: seen}}
}

// weights of samples: all alike, or inversely to the size of their class.
func (d *data) weights(rows []int, balanced bool) []float32 {
	out, n := make([]float32, len(rows)), [2]float64{}
	for _, i := range rows {
		n[d.Y[i]]++
	}
	for k, i := range rows {
		out[k] = 1
		if balanced {
			out[k] = float32(float64(len(rows)) / 2 / n[d.Y[i]])
		}
	}
	return out
}

// fitNetwork trains a network on some samples.
func (s *settings) fitNetwork(ctx context.Context, kind string, d *data, rows []int, seed uint64, progress func(share float64)) (*nn.Weights, error) {
	net, err := s.network(kind, d.plan)
	if err != nil {
		return nil, err
	}
	backend, err := nn.Backend("")
	if err != nil {
		return nil, err
	}
	defer backend.Finalize()
	weights := d.weights(rows, s.Balanced)
	order := nn.Order{Size: min(s.Batch, len(rows)), Shuffle: true, Seed: seed, DropLast: true}
	source, err := nn.FromSamples(len(rows), order, s.Balanced, func(_ context.Context, k int, _ *rand.Rand) (*nn.Sample, error) {
		var v view
		if err := d.readRecord(d.file, rows[k], &v); err != nil {
			return nil, err
		}
		return &nn.Sample{Inputs: d.inputs(kind, &v), Targets: d.targets(rows[k]), Weight: weights[k]}, nil
	})
	if err != nil {
		return nil, err
	}
	o := nn.Options{
		Seed: seed, Epochs: s.Epochs, Clip: nn.Clip{Norm: 5}, Average: nn.Average{Decay: s.EMA, WarmUp: s.EMA > 0},
		Progress: func(p nn.Progress) { progress(float64(p.Step) / float64(max(p.Steps, 1))) },
	}
	if s.Optimiser == "sgd" {
		o.Optimiser, o.Schedule = nn.SGD{}, nn.Schedule{Kind: nn.ConstantRate, Rate: s.Rate}
	} else {
		decay := s.Decay
		if decay == 0 {
			decay = -1
		}
		o.Optimiser, o.Schedule = nn.AdamW{WeightDecay: decay, SkipVectors: true}, nn.Schedule{Kind: nn.OneCycleRate, Rate: s.Rate}
	}
	result, err := nn.Train(ctx, backend, net, d.loss, source, o)
	if err != nil {
		return nil, err
	}
	return result.Weights, nil
}

// batchOf samples go through a network at once where many are asked, and one where one is. The results of a sample do
// not depend on what stands beside it.
const batchOf = 8

// runner asks one network.
type runner struct {
	kind      string
	predictor *nn.Predictor
}

func newRunner(backend compute.Backend, kind string, net *nn.Net, w *nn.Weights) (*runner, error) {
	predictor, err := nn.NewPredictor(backend, net, w)
	if err != nil {
		return nil, err
	}
	return &runner{kind, predictor}, nil
}

// stack joins the inputs of samples into batches.
func stack(all [][]nn.Array) []nn.Array {
	out := make([]nn.Array, len(all[0]))
	for k, a := range all[0] {
		out[k].Dims = append([]int{len(all)}, a.Dims...)
		for _, s := range all {
			out[k].Floats, out[k].Ints = append(out[k].Floats, s[k].Floats...), append(out[k].Ints, s[k].Ints...)
		}
	}
	return out
}

// hazards gives the outputs of a sample, as probabilities.
func (n *runner) hazards(in []nn.Array) ([]float64, error) {
	out, err := n.predictor.Run(stack([][]nn.Array{in})...)
	if err != nil {
		return nil, err
	}
	p := make([]float64, len(out[0].Floats))
	for k, z := range out[0].Floats {
		p[k] = 1 / (1 + math.Exp(-float64(z)))
	}
	return p, nil
}

func encodeWeights(w *nn.Weights) ([]byte, error) {
	a := nn.Archive{Metadata: map[string]string{"format": "galen"}}
	for _, t := range w.Tensors() {
		a.Entries = append(a.Entries, nn.Float32Entry(t.Name, t.Dims, t.Data))
	}
	var b bytes.Buffer
	_, err := a.WriteTo(&b)
	return b.Bytes(), err
}

func decodeWeights(content []byte) (*nn.Weights, error) {
	a, err := nn.ParseArchive(content)
	if err != nil {
		return nil, err
	}
	return a.Weights()
}

// config is a network's hyper-parameters as JSON.
func config(net *nn.Net) (json.RawMessage, error) { return json.Marshal(net.Config) }
