package note

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
	"galen.dev/nn"
)

// network is the network of a kind: words (batch, max-words) int32 and lengths to logits.
func (s *settings) network(kind string, vocabulary, out int) (*nn.Net, error) {
	switch kind {
	case "gru":
		return nn.GRU(nn.RecurrentOptions{Out: out, Vocabulary: vocabulary, Embedding: s.Width, Hidden: s.Width, Layers: 1, Bidirectional: true, Dropout: s.Dropout, Lengths: true})
	case "cnn":
		return s.convolutions(vocabulary, out), nil
	}
	return nil, fault.Errorf(fault.Corrupt, "no network is called %q", kind)
}

// convolutions is the network of Kim (EMNLP 2014): vectors of words, kernels over three, four and five words, and of
// each the greatest value over the note.
func (s *settings) convolutions(vocabulary, out int) *nn.Net {
	inputs := []nn.Input{{Name: "words", DType: dtypes.Int32, Dims: []int{0, 0}}}
	return &nn.Net{Name: "text-cnn", Config: map[string]int{"vocabulary": vocabulary, "width": s.Width, "out": out}, Inputs: inputs, Forward: func(sc *nn.Scope, in ...*nn.Node) []*nn.Node {
		x := sc.Dropout(sc.In("embedding").Embedding(in[0], vocabulary, s.Width, nn.Embedding{Init: nn.Normal(.1)}), s.Dropout)
		var parts []*nn.Node
		for _, k := range []struct {
			name string
			size int
		}{{"conv3", 3}, {"conv4", 4}, {"conv5", 5}} {
			y := nn.ReLU(sc.In(k.name).Conv(x, s.Width, []int{k.size}, nn.Conv{Padding: nn.Same}))
			parts = append(parts, graph.ReduceMax(y, 1))
		}
		y := graph.Concatenate(parts, -1)
		return []*nn.Node{sc.In("out").Dense(sc.Dropout(y, s.Dropout), out, nn.Dense{})}
	}}
}

// fitNetwork trains a network on some notes.
func (s *settings) fitNetwork(ctx context.Context, kind string, x [][]int32, y []int, vocabulary, classes int, seed uint64, progress func(float64)) (*nn.Weights, error) {
	out := outputs(classes)
	net, err := s.network(kind, vocabulary, out)
	if err != nil {
		return nil, err
	}
	backend, err := nn.Backend("")
	if err != nil {
		return nil, err
	}
	defer backend.Finalize()
	order := nn.Order{Size: min(s.Batch, len(x)), Shuffle: true, Seed: seed, DropLast: true}
	source, err := nn.FromSamples(len(x), order, false, func(_ context.Context, k int, _ *rand.Rand) (*nn.Sample, error) {
		words, n := fill(x[k], s.MaxWords)
		target := make([]float32, out)
		if out == 1 {
			target[0] = float32(y[k])
		} else {
			target[y[k]] = 1
		}
		in := []nn.Array{{Dims: []int{s.MaxWords}, Ints: words}, {Dims: []int{}, Ints: []int32{n}}}
		return &nn.Sample{Inputs: in[:len(net.Inputs)], Targets: []nn.Array{{Dims: []int{out}, Floats: target}}, Weight: 1}, nil
	})
	if err != nil {
		return nil, err
	}
	loss := func(outputs, targets []*nn.Node, _ *nn.Node) *nn.Node {
		z, want := outputs[0], targets[0]
		if out == 1 { // log(1 + e^z) - y·z, in a form that does not overflow
			return graph.ReduceAllMean(graph.Sub(nn.Softplus(z), graph.Mul(want, z)))
		}
		return graph.ReduceAllMean(graph.Neg(graph.ReduceSum(graph.Mul(want, graph.LogSoftmax(z, -1)), -1)))
	}
	result, err := nn.Train(ctx, backend, net, loss, source, nn.Options{
		Seed: seed, Epochs: s.Epochs, Optimiser: nn.AdamW{SkipVectors: true}, Schedule: nn.Schedule{Kind: "one-cycle", Rate: s.Rate}, Clip: nn.Clip{Norm: 5},
		Progress: func(p nn.Progress) { progress(float64(p.Step) / float64(max(p.Steps, 1))) },
	})
	if err != nil {
		return nil, err
	}
	return result.Weights, nil
}

// fill makes a note as long as all are. A note without words is one word that is not known.
func fill(x []int32, most int) ([]int32, int32) {
	out := make([]int32, most)
	n := copy(out, x)
	if n == 0 {
		out[0], n = 1, 1
	}
	return out, int32(n)
}

func outputs(classes int) int {
	if classes == 2 {
		return 1
	}
	return classes
}

// batchOf notes go through a network at once; always the same number, so that a note gets the same bits whatever
// stands beside it.
const batchOf = 8

// predictNetwork gives the probabilities for notes.
func (m *model) predictNetwork(ctx context.Context, x [][]int32) ([][]float64, error) {
	var out [][]float64
	most := m.Settings.MaxWords
	for at := 0; at < len(x); at += batchOf {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		words, lengths := make([]int32, batchOf*most), make([]int32, batchOf)
		n := min(batchOf, len(x)-at)
		for k := range batchOf {
			var one []int32
			if k < n {
				one = x[at+k]
			}
			row, length := fill(one, most)
			copy(words[k*most:], row)
			lengths[k] = length
		}
		in := []nn.Array{{Dims: []int{batchOf, most}, Ints: words}, {Dims: []int{batchOf}, Ints: lengths}}
		y, err := m.predictor.Run(in[:inputs(m.Model)]...)
		if err != nil {
			return nil, err
		}
		width := y[0].Dims[1]
		for k := range n {
			z := make([]float64, width)
			for o := range z {
				z[o] = float64(y[0].Floats[k*width+o])
			}
			out = append(out, softmax(z))
		}
	}
	return out, nil
}

// softmax turns scores into probabilities, in place; of one score, the log-odds, the probability.
func softmax(z []float64) []float64 {
	if len(z) == 1 {
		z[0] = 1 / (1 + math.Exp(-z[0]))
		return z
	}
	top, sum := math.Inf(-1), 0.0
	for _, v := range z {
		top = math.Max(top, v)
	}
	for o, v := range z {
		z[o] = math.Exp(v - top)
		sum += z[o]
	}
	for o := range z {
		z[o] /= sum
	}
	return z
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

// inputs is how many a network of a kind takes: the words, and of gru their number. Convolutions see what fills up a
// note as a word like another.
func inputs(kind string) int {
	if kind == "gru" {
		return 2
	}
	return 1
}
