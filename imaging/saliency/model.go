// Package saliency shows which parts of an image a classifier's answer rests on, and measures whether that is true.
//
// A heat map looks convincing whatever it shows: several published methods draw edges, and change little when the
// network's weights are replaced by noise (Adebayo et al., NeurIPS 2018). So each map can be held against the network:
// Faith takes the parts that the map ranks highest out of the image, first to last, puts them back the same way, and
// compares both curves with those of random orders. The figures stay with the map.
//
// The methods, for planes and volumes and for any class:
//
//   - CAM: exact where the network ends in a mean over its features and a dense layer: the share of each place in the
//     answer (Zhou et al., CVPR 2016). Refused elsewhere.
//   - GradCAM: features weighted by their mean gradient (Selvaraju et al., ICCV 2017). As coarse as the features.
//   - IntegratedGradients: as fine as the image; its sum is the difference of the answer from that to a baseline
//     (Sundararajan et al., ICML 2017). How far the sum is off is told with the map.
//   - Occlusion: the fall of the answer when a patch is covered (Zeiler and Fergus, ECCV 2014). Slow, and needs nothing
//     but answers.
//
// All explain the logit of a class, before softmax or sigmoid, which adds up; Faith measures probabilities, which
// clinicians read.
//
// Start with Model, then Explain. Map.On brings a map to the grid of the patient's image.
package saliency

import (
	"context"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
	"galen.dev/nn"
)

// Head says what a network's outputs are.
type Head uint8

// The heads.
const (
	Softmax Head = iota // one logit for each class
	Sigmoid             // logits of outcomes that may come together; a single one stands for class 1 of two
)

// Model is a trained classifier of images under explanation. It belongs to one goroutine at a time.
type Model struct {
	net     *nn.Net
	head    Head
	answers *nn.Predictor // logits
	slopes  *nn.Predictor // logits; gradient by the image; features and the gradient by them
	bare    *nn.Predictor // logits with features of zero; made when first asked for
	backend compute.Backend
	weights *nn.Weights
}

// Image is the input of one case, prepared as in training: (height, width, channels) or (depth, height, width, channels).
type Image struct {
	Dims   []int
	Values []float32
}

// NewModel makes a network ready to be explained. It takes one image and returns logits; networks that name no features
// (nn.Scope.Features) can be explained by IntegratedGradients and Occlusion alone. Weights are held on the backend up to
// three times.
func NewModel(backend compute.Backend, net *nn.Net, w *nn.Weights, head Head) (*Model, error) {
	if len(net.Inputs) != 1 || len(net.Inputs[0].Dims) != 4 && len(net.Inputs[0].Dims) != 5 || net.Inputs[0].DType != dtypes.Float32 {
		return nil, fault.Errorf(fault.Usage, "network %q does not take one image or volume: no map can be drawn", net.Name)
	}
	m := &Model{net: net, head: head, backend: backend, weights: w}
	var err error
	if m.answers, err = nn.NewPredictor(backend, net, w); err != nil {
		return nil, err
	}
	if m.slopes, err = nn.NewPredictor(backend, m.withSlopes(), w); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// Close frees what the model holds.
func (m *Model) Close() {
	for _, p := range []*nn.Predictor{m.answers, m.slopes, m.bare} {
		if p != nil {
			p.Close()
		}
	}
}

// withSlopes is the network with gradients. Its second input chooses the logit: one weight for each.
func (m *Model) withSlopes() *nn.Net {
	chosen := nn.Input{Name: "chosen", DType: dtypes.Float32, Dims: []int{0, 0}}
	return &nn.Net{Name: m.net.Name, Inputs: []nn.Input{m.net.Inputs[0], chosen}, Forward: func(s *nn.Scope, in ...*nn.Node) []*nn.Node {
		var features *nn.Node
		logits := m.net.Forward(s.Watch(func(f *nn.Node) *nn.Node {
			features = f
			return f
		}), in[0])[0]
		y := graph.ReduceAllSum(graph.Mul(logits, in[1]))
		if features == nil {
			return []*nn.Node{logits, graph.Gradient(y, in[0])[0]}
		}
		d := graph.Gradient(y, in[0], features)
		return []*nn.Node{logits, d[0], features, d[1]}
	}}
}

// withoutFeatures is the network with zeros in place of its features.
func (m *Model) withoutFeatures() *nn.Net {
	return &nn.Net{Name: m.net.Name, Inputs: m.net.Inputs, Forward: func(s *nn.Scope, in ...*nn.Node) []*nn.Node {
		return m.net.Forward(s.Watch(graph.ZerosLike), in[0])
	}}
}

// check refuses an image that the network cannot take or a class that it does not have.
func (m *Model) check(x Image) error {
	n := 1
	for _, d := range x.Dims {
		if d <= 0 {
			n = -1
			break
		}
		n *= d
	}
	if len(x.Dims) != len(m.net.Inputs[0].Dims)-1 || n != len(x.Values) {
		return fault.Errorf(fault.Usage, "an image of sizes %v with %d values does not suit network %q", x.Dims, len(x.Values), m.net.Name)
	}
	for _, v := range x.Values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fault.Errorf(fault.Data, "the image to be explained holds values that are not finite")
		}
	}
	return nil
}

// maxBatch is how many values a batch may hold.
const maxBatch = 1 << 24

// batchOf is how many images of a size run at once.
func batchOf(values, wanted int) int { return max(1, min(wanted, maxBatch/max(values, 1))) }

// score runs the network on n images, which fill writes one at a time, and calls take for each one's logits, in order.
// Batches are full, so that one compiled graph serves all.
func (m *Model) score(ctx context.Context, dims []int, n, batch int, fill func(i int, dst []float32), take func(i int, logits []float32)) error {
	size := 1
	for _, d := range dims {
		size *= d
	}
	batch = min(batchOf(size, batch), n)
	x := nn.Array{Dims: append([]int{batch}, dims...), Floats: make([]float32, batch*size)}
	for from := 0; from < n; from += batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i := range min(batch, n-from) {
			fill(from+i, x.Floats[i*size:(i+1)*size])
		}
		out, err := m.answers.Run(x)
		if err != nil {
			return err
		}
		if len(out[0].Dims) != 2 || out[0].Dims[1] == 0 {
			return fault.Errorf(fault.Usage, "network %q gives an output of sizes %v, not logits of classes", m.net.Name, out[0].Dims)
		}
		outputs := out[0].Dims[1]
		for i := range min(batch, n-from) {
			take(from+i, out[0].Floats[i*outputs:(i+1)*outputs])
		}
	}
	return nil
}

// logits of one image.
func (m *Model) logits(ctx context.Context, x Image) (y []float32, err error) {
	if err := m.check(x); err != nil {
		return nil, err
	}
	err = m.score(ctx, x.Dims, 1, 1, func(_ int, dst []float32) { copy(dst, x.Values) }, func(_ int, logits []float32) { y = slices.Clone(logits) })
	return y, err
}

// Probabilities of all classes for one image. A single output gives those of class 0 and class 1.
func (m *Model) Probabilities(ctx context.Context, x Image) ([]float64, error) {
	y, err := m.logits(ctx, x)
	if err != nil {
		return nil, err
	}
	classes := len(y)
	if classes == 1 && m.head == Sigmoid {
		classes = 2
	}
	out := make([]float64, classes)
	for k := range out {
		out[k] = m.probability(y, k)
	}
	return out, nil
}

// probability of a class.
func (m *Model) probability(logits []float32, class int) float64 {
	if m.head == Sigmoid {
		column, sign := class, 1.0
		if len(logits) == 1 {
			column, sign = 0, float64(2*class-1)
		}
		return 1 / (1 + math.Exp(-sign*float64(logits[column])))
	}
	top := float64(slices.Max(logits))
	sum := 0.0
	for _, l := range logits {
		sum += math.Exp(float64(l) - top)
	}
	return math.Exp(float64(logits[class])-top) / sum
}

// target is the answer of one image that is explained.
type target struct {
	class   int
	outputs int
	column  int     // the output that stands for the class
	sign    float64 // and how: -1 for class 0 of a single output
	logit   float64 // of the class
}

// target answers the image once, which also finds how many classes there are.
func (m *Model) target(ctx context.Context, x Image, class int) (target, error) {
	y, err := m.logits(ctx, x)
	if err != nil {
		return target{}, err
	}
	t := target{class: class, outputs: len(y), column: class, sign: 1}
	classes := len(y)
	if classes == 1 && m.head == Sigmoid {
		classes, t.column, t.sign = 2, 0, float64(2*class-1)
	}
	if class < 0 || class >= classes {
		return target{}, fault.Errorf(fault.Usage, "class %d is not one of the %d of network %q", class, classes, m.net.Name)
	}
	t.logit = t.of(y)
	return t, nil
}

func (t target) of(logits []float32) float64 { return t.sign * float64(logits[t.column]) }

// gradients of a class's logit for one image. The slices are valid until the network's next run.
type gradients struct {
	byImage    []float32
	dims       []int // of the features: spatial, then channels; nil where the network names none
	features   []float32
	byFeatures []float32
}

// slope runs the network with its gradients on a batch of images of one size.
func (m *Model) slope(x nn.Array, t target) ([]gradients, error) {
	batch := x.Dims[0]
	chosen := nn.Array{Dims: []int{batch, t.outputs}, Floats: make([]float32, batch*t.outputs)}
	for i := range batch {
		chosen.Floats[i*t.outputs+t.column] = float32(t.sign)
	}
	out, err := m.slopes.Run(x, chosen)
	if err != nil {
		return nil, err
	}
	all := make([]gradients, batch)
	for i := range all {
		part := func(a nn.Array) []float32 {
			n := len(a.Floats) / batch
			return a.Floats[i*n : (i+1)*n]
		}
		all[i].byImage = part(out[1])
		if len(out) > 2 {
			all[i].dims, all[i].features, all[i].byFeatures = out[2].Dims[1:], part(out[2]), part(out[3])
		}
	}
	return all, nil
}
