package signal

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
	"galen.dev/nn"
	"galen.dev/task"
)

// settings are the parameters of training.
type settings struct {
	Folds                  int
	Calibration, Aggregate string
	Coverage               float64
	Balanced               bool
	Epochs, Batch, Width   int
	Rate, Decay, EMA       float64
	Mixup, Jitter, Dropout float64
	Rounds                 int
}

func readSettings(r *task.Run) settings {
	return settings{
		Folds: r.Int("folds"), Calibration: r.String("calibration"), Aggregate: r.String("aggregate"), Coverage: r.Float("coverage"), Balanced: r.String("class-weight") == "balanced",
		Epochs: r.Int("epochs"), Batch: r.Int("batch"), Width: r.Int("width"), Rate: r.Float("learning-rate"), Decay: r.Float("weight-decay"), EMA: r.Float("ema"),
		Mixup: r.Float("mixup"), Jitter: r.Float("jitter"), Dropout: r.Float("dropout"), Rounds: r.Int("rounds"),
	}
}

// network is the network of a kind, as the study sizes it.
func (s *settings) network(kind string, out int) (*nn.Net, error) {
	switch kind {
	case "cnn1d":
		return nn.CNN1D(nn.CNN1DOptions{Out: out})
	case "tcn":
		w := s.Width
		return nn.TCN(nn.TCNOptions{Out: out, Channels: []int{w, w, w, w, w}, Kernel: 5, Dropout: s.Dropout})
	case "resnet1d":
		return nn.ResNet1D(nn.ResNet1DOptions{Out: out, Width: s.Width, Blocks: []int{1, 1, 1}, Dropout: s.Dropout})
	case "transformer":
		return nn.Transformer(nn.TransformerOptions{Out: out, Width: (s.Width + 3) / 4 * 4, Dropout: s.Dropout})
	}
	return nil, fault.Errorf(fault.Corrupt, "no network is called %q", kind)
}

// data are the prepared recordings.
type data struct {
	*cohort
	plan *plan
	x    [][]float32
}

// outputs is how many numbers a model gives: a probability of the event for two classes, one for each of more
// classes, and one for each of several labels.
func (d *data) outputs() int { return outputsOf(d.cohort) }

func outputsOf(co *cohort) int {
	if len(co.Heads) > 1 {
		return len(co.Heads)
	}
	if n := len(co.Heads[0].Classes); n > 2 {
		return n
	}
	return 1
}

// target is what a network should give for a recording.
func (d *data) target(i int, to []float32) {
	clear(to)
	switch {
	case len(d.Heads) > 1:
		for h, y := range d.Y[i] {
			to[h] = float32(y)
		}
	case len(to) == 1:
		to[0] = float32(d.Y[i][0])
	default:
		to[d.Y[i][0]] = 1
	}
}

// weights of the recordings: all alike, or inversely to the size of their class.
func (d *data) weights(rows []int, balanced bool) []float32 {
	out := make([]float32, len(rows))
	for k := range out {
		out[k] = 1
	}
	if !balanced {
		return out
	}
	strata := d.strata()
	count := map[int]float64{}
	for _, i := range rows {
		count[strata[i]]++
	}
	for k, i := range rows {
		out[k] = float32(float64(len(rows)) / float64(len(count)) / count[strata[i]])
	}
	return out
}

// loss is the cross-entropy of classes, or the mean of those of yes and no.
func (d *data) loss(outputs, targets []*nn.Node, weights *nn.Node) *nn.Node {
	logits, want := outputs[0], targets[0]
	var each *nn.Node
	if d.plain() {
		// log(1 + e^z) - y·z, in a form that does not overflow.
		each = graph.ReduceMean(graph.Sub(nn.Softplus(logits), graph.Mul(want, logits)), -1)
	} else {
		each = graph.Neg(graph.ReduceSum(graph.Mul(want, graph.LogSoftmax(logits, -1)), -1))
	}
	if weights == nil {
		return graph.ReduceAllMean(each)
	}
	return graph.Div(graph.ReduceAllSum(graph.Mul(each, weights)), graph.ReduceAllSum(weights))
}

// plain says that each output is a yes or no of its own.
func (d *data) plain() bool { return len(d.Heads) > 1 || d.outputs() == 1 }

// fitNetwork trains a network on some recordings: a random window of each in each pass, made larger or smaller and
// noisier, and mixed with another one.
func (s *settings) fitNetwork(ctx context.Context, kind string, d *data, rows []int, seed uint64, progress func(share float64)) (*nn.Weights, error) {
	net, err := s.network(kind, d.outputs())
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
	source, err := nn.FromSamples(len(rows), order, s.Balanced, func(_ context.Context, k int, rng *rand.Rand) (*nn.Sample, error) {
		x, y := s.draw(d, rows, k, rng)
		return &nn.Sample{Inputs: []nn.Array{{Dims: []int{d.plan.Crop, len(d.plan.Channels)}, Floats: x}}, Targets: []nn.Array{{Dims: []int{len(y)}, Floats: y}}, Weight: weights[k]}, nil
	})
	if err != nil {
		return nil, err
	}
	decay := s.Decay
	if decay == 0 {
		decay = -1
	}
	result, err := nn.Train(ctx, backend, net, d.loss, source, nn.Options{
		Seed: seed, Epochs: s.Epochs, Optimiser: nn.AdamW{WeightDecay: decay, SkipVectors: true}, Schedule: nn.Schedule{Kind: "one-cycle", Rate: s.Rate},
		Clip: nn.Clip{Norm: 5}, Average: nn.Average{Decay: s.EMA, WarmUp: s.EMA > 0},
		Progress: func(p nn.Progress) { progress(float64(p.Step) / float64(max(p.Steps, 1))) },
	})
	if err != nil {
		return nil, err
	}
	return result.Weights, nil
}

// draw makes one training window with its target.
func (s *settings) draw(d *data, rows []int, k int, rng *rand.Rand) (x, y []float32) {
	i := rows[k]
	x, y = d.crop(i, rng), make([]float32, d.outputs())
	d.target(i, y)
	if s.Mixup > 0 {
		share := float32(beta(s.Mixup, rng))
		j := rows[rng.IntN(len(rows))]
		other, its := d.crop(j, rng), make([]float32, len(y))
		d.target(j, its)
		for t := range x {
			x[t] = share*x[t] + (1-share)*other[t]
		}
		for o := range y {
			y[o] = share*y[o] + (1-share)*its[o]
		}
	}
	if s.Jitter > 0 {
		scale := float32(math.Exp(s.Jitter * rng.NormFloat64()))
		for t := range x {
			x[t] = scale*x[t] + float32(s.Jitter*rng.NormFloat64())
		}
	}
	return x, y
}

func (d *data) crop(i int, rng *rand.Rand) []float32 {
	p := d.plan
	x := make([]float32, p.Crop*len(p.Channels))
	start := 0
	if room := d.Length[i] - p.Crop; room > 0 {
		start = rng.IntN(room + 1)
	}
	p.window(d.x[i], start, x)
	return x
}

// beta draws from Beta(a, a), from 1/2 up, so that a window keeps most of itself: by two gamma variates (Marsaglia and
// Tsang 2000).
func beta(a float64, rng *rand.Rand) float64 {
	x, y := gamma(a, rng), gamma(a, rng)
	if x+y == 0 {
		return 1
	}
	return math.Max(x, y) / (x + y)
}

func gamma(a float64, rng *rand.Rand) float64 {
	if a < 1 {
		return gamma(a+1, rng) * math.Pow(rng.Float64(), 1/a)
	}
	d := a - 1./3
	c := 1 / math.Sqrt(9*d)
	for {
		z := rng.NormFloat64()
		v := math.Pow(1+c*z, 3)
		if v > 0 && math.Log(1-rng.Float64()) < z*z/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

// batchOf windows go through a network at once. The number is always the same, filled up with zeros, so that a
// recording gets the same bits whatever stands beside it, and one graph is compiled.
const batchOf = 8

// runner asks one network.
type runner struct {
	predictor *nn.Predictor
	in        []float32
}

func newRunner(backend compute.Backend, net *nn.Net, w *nn.Weights, p *plan) (*runner, error) {
	predictor, err := nn.NewPredictor(backend, net, w)
	if err != nil {
		return nil, err
	}
	return &runner{predictor, make([]float32, batchOf*p.Crop*len(p.Channels))}, nil
}

// logits gives the outputs of up to batchOf windows, each as long as a window.
func (n *runner) logits(p *plan, windows [][]float32) ([][]float64, error) {
	size := p.Crop * len(p.Channels)
	clear(n.in)
	for k, w := range windows {
		copy(n.in[k*size:], w)
	}
	out, err := n.predictor.Run(nn.Array{Dims: []int{batchOf, p.Crop, len(p.Channels)}, Floats: n.in})
	if err != nil {
		return nil, err
	}
	width := out[0].Dims[1]
	rows := make([][]float64, len(windows))
	for k := range rows {
		rows[k] = make([]float64, width)
		for o := range rows[k] {
			rows[k][o] = float64(out[0].Floats[k*width+o])
		}
	}
	return rows, nil
}

// probabilities turns logits into probabilities, in place.
func probabilities(z []float64, plain bool) []float64 {
	if plain {
		for o, v := range z {
			z[o] = 1 / (1 + math.Exp(-v))
		}
		return z
	}
	top := math.Inf(-1)
	for _, v := range z {
		top = math.Max(top, v)
	}
	sum := 0.0
	for o, v := range z {
		z[o] = math.Exp(v - top)
		sum += z[o]
	}
	for o := range z {
		z[o] /= sum
	}
	return z
}

func encodeWeights(w *nn.Weights) ([]byte, []string, error) {
	a := nn.Archive{Metadata: map[string]string{"format": "galen"}}
	var states []string
	for _, t := range w.Tensors() {
		a.Entries = append(a.Entries, nn.Float32Entry(t.Name, t.Dims, t.Data))
		if !t.Trained {
			states = append(states, t.Name)
		}
	}
	var b bytes.Buffer
	_, err := a.WriteTo(&b)
	return b.Bytes(), states, err
}

func decodeWeights(content []byte, states []string) (*nn.Weights, error) {
	a, err := nn.ParseArchive(content)
	if err != nil {
		return nil, err
	}
	return a.Weights(states...)
}

// config is a network's hyper-parameters as JSON.
func config(net *nn.Net) (json.RawMessage, error) { return json.Marshal(net.Config) }
