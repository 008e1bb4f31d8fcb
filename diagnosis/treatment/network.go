package treatment

import (
	"context"
	"math/rand/v2"

	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/nn"
)

// fitNetwork trains one network for all treatments: a hidden layer that they share, so that rare treatments learn from
// frequent ones, and the mean cross-entropy of yes and no over treatments.
func (s *settings) fitNetwork(ctx context.Context, m *predictor, e *examples, seed uint64) error {
	Z := m.plan.linearDesign(e.X)
	m.mean = make([]float64, len(Z)) // where contributions start
	for k := range Z {
		m.mean[k], _ = meanSD(Z[k])
	}
	net, err := nn.MLP(nn.MLPOptions{Out: m.treatments, Hidden: []int{s.Width}, Dropout: s.Dropout})
	if err != nil {
		return err
	}
	backend, err := nn.Backend("")
	if err != nil {
		return err
	}
	defer backend.Finalize()
	n := len(e.Given)
	source, err := nn.FromSamples(n, nn.Order{Size: min(32, n), Shuffle: true, Seed: seed, DropLast: true}, false, func(_ context.Context, i int, _ *rand.Rand) (*nn.Sample, error) {
		x, y := make([]float32, len(Z)), make([]float32, m.treatments)
		for k := range Z {
			x[k] = float32(Z[k][i])
		}
		for _, t := range e.Given[i] {
			y[t] = 1
		}
		return &nn.Sample{Inputs: []nn.Array{{Dims: []int{len(x)}, Floats: x}}, Targets: []nn.Array{{Dims: []int{len(y)}, Floats: y}}}, nil
	})
	if err != nil {
		return err
	}
	result, err := nn.Train(ctx, backend, net, multiLabel, source, nn.Options{
		Seed: seed, Epochs: s.Epochs, Optimiser: nn.AdamW{WeightDecay: .01, SkipVectors: true}, Schedule: nn.Schedule{Kind: "one-cycle", Rate: 5e-3}, Clip: nn.Clip{Norm: 5},
	})
	if err != nil {
		return err
	}
	m.net = newNetwork(result.Weights, len(Z), s.Width, m.treatments)
	return nil
}

// multiLabel is the mean over cases and treatments of log(1 + e^z) - y·z, in a form that does not overflow.
func multiLabel(outputs, targets []*nn.Node, _ *nn.Node) *nn.Node {
	return graph.ReduceAllMean(graph.Sub(nn.Softplus(outputs[0]), graph.Mul(targets[0], outputs[0])))
}
