package nn

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
)

// Optimiser says how gradients change weights: SGD, Adam or AdamW. All follow torch.optim to the order of the
// operations; what depends on the number of the step alone is computed in float64 outside the graph, as there.
type Optimiser interface {
	// Check returns a Usage error where a field is out of its range.
	Check() error
	// slots names the arrays of the size of a weight that the optimiser keeps for it; they start at zero.
	slots() []string
	// scalars are the numbers of step t, from 1, at the given learning rate; there are as many at every step.
	scalars(rate float64, t int) []float64
	// update builds the new weight and slots of one weight. scalars are nodes of the type of the weight.
	update(w, gradient *Node, slots, scalars []*Node) (next *Node, nextSlots []*Node)
}

// SGD is stochastic gradient descent. The zero value is the plain one.
type SGD struct {
	Momentum    float64 `json:"momentum"`     // within 0 and 1; common: 0.9
	Dampening   float64 `json:"dampening"`    // share of the gradient that momentum leaves out
	WeightDecay float64 `json:"weight_decay"` // adds this times the weight to the gradient
	Nesterov    bool    `json:"nesterov"`     // needs momentum, and no dampening
	SkipVectors bool    `json:"skip_vectors"` // no decay of biases and scales (arrays of rank below 2)
}

// Adam is Adam (Kingma and Ba 2015). Weight decay, if any, goes through the gradient; AdamW is the better decay.
type Adam struct {
	Beta1       float64 `json:"beta1"`        // 0 means 0.9; negative means 0
	Beta2       float64 `json:"beta2"`        // 0 means 0.999; negative means 0
	Epsilon     float64 `json:"epsilon"`      // 0 means 1e-8
	WeightDecay float64 `json:"weight_decay"` // adds this times the weight to the gradient
	SkipVectors bool    `json:"skip_vectors"` // no decay of biases and scales (arrays of rank below 2)
}

// AdamW is Adam whose decay shrinks the weights directly (Loshchilov and Hutter 2019).
type AdamW struct {
	Beta1       float64 `json:"beta1"`        // 0 means 0.9; negative means 0
	Beta2       float64 `json:"beta2"`        // 0 means 0.999; negative means 0
	Epsilon     float64 `json:"epsilon"`      // 0 means 1e-8
	WeightDecay float64 `json:"weight_decay"` // 0 means 0.01; negative means none
	SkipVectors bool    `json:"skip_vectors"` // no decay of biases and scales (arrays of rank below 2)
}

// OptimiserNames lists what NewOptimiser knows.
var OptimiserNames = []string{"sgd", "adam", "adamw"}

// NewOptimiser makes an optimiser with its defaults from its name; sgd without momentum.
func NewOptimiser(name string) (Optimiser, error) {
	switch name {
	case "sgd":
		return SGD{}, nil
	case "adam":
		return Adam{}, nil
	case "adamw":
		return AdamW{}, nil
	}
	return nil, fault.WithHint(fault.Errorf(fault.Usage, "unknown optimiser %q: want one of %q", name, OptimiserNames), "%s", fault.DidYouMean(name, OptimiserNames))
}

func share(what string, v float64) error {
	if !(v >= 0 && v < 1) {
		return fault.Errorf(fault.Usage, "%s is %g: want 0 or more, and below 1", what, v)
	}
	return nil
}

// Check returns a Usage error where a field is out of its range.
func (o SGD) Check() error {
	if err := share("the momentum", o.Momentum); err != nil {
		return err
	}
	switch {
	case !(o.WeightDecay >= 0) || math.IsInf(o.WeightDecay, 0):
		return fault.Errorf(fault.Usage, "the weight decay is %g: want 0 or more", o.WeightDecay)
	case o.Dampening != 0 && !(o.Dampening > 0 && o.Dampening <= 1):
		return fault.Errorf(fault.Usage, "the dampening is %g: want it within 0 and 1", o.Dampening)
	case o.Nesterov && (o.Momentum == 0 || o.Dampening != 0):
		return fault.Errorf(fault.Usage, "Nesterov needs momentum, and no dampening")
	}
	return nil
}

func (o SGD) slots() []string {
	if o.Momentum == 0 {
		return nil
	}
	return []string{"momentum"}
}

func (o SGD) scalars(rate float64, t int) []float64 {
	if o.Dampening == 0 {
		return []float64{rate}
	}
	taken := 1 - o.Dampening
	if t == 1 {
		taken = 1 // the first gradient starts the momentum undamped
	}
	return []float64{rate, taken}
}

func (o SGD) update(w, g *Node, slots, scalars []*Node) (*Node, []*Node) {
	g = decayed(w, g, o.WeightDecay, o.SkipVectors)
	rate := scalars[0]
	if o.Momentum == 0 {
		return graph.Sub(w, graph.Mul(g, rate)), nil
	}
	taken := g
	if o.Dampening != 0 {
		taken = graph.Mul(g, scalars[1])
	}
	m := graph.Add(graph.MulScalar(slots[0], o.Momentum), taken)
	step := m
	if o.Nesterov {
		step = graph.Add(g, graph.MulScalar(m, o.Momentum))
	}
	return graph.Sub(w, graph.Mul(step, rate)), []*Node{m}
}

// decayed adds the L2 penalty's gradient.
func decayed(w, g *Node, decay float64, skipVectors bool) *Node {
	if decay == 0 || skipVectors && w.Rank() < 2 {
		return g
	}
	return graph.Add(g, graph.MulScalar(w, decay))
}

// Check returns a Usage error where a field is out of its range.
func (o Adam) Check() error {
	if !(o.WeightDecay >= 0) || math.IsInf(o.WeightDecay, 0) {
		return fault.Errorf(fault.Usage, "the weight decay is %g: want 0 or more", o.WeightDecay)
	}
	return checkMoments(o.Beta1, o.Beta2, o.Epsilon)
}

func checkMoments(beta1, beta2, epsilon float64) error {
	if !(beta1 < 1) || !(beta2 < 1) {
		return fault.Errorf(fault.Usage, "beta1 and beta2 are %g and %g: want them below 1", beta1, beta2)
	}
	if !(epsilon >= 0) || math.IsInf(epsilon, 0) {
		return fault.Errorf(fault.Usage, "epsilon is %g: want a small number above 0", epsilon)
	}
	return nil
}

func (o Adam) slots() []string { return []string{"mean", "square"} }

func (o Adam) scalars(rate float64, t int) []float64 {
	return momentScalars(max(or(o.Beta1, 0.9), 0), max(or(o.Beta2, 0.999), 0), rate, t)
}

func (o Adam) update(w, g *Node, slots, scalars []*Node) (*Node, []*Node) {
	g = decayed(w, g, o.WeightDecay, o.SkipVectors)
	return moments(w, g, max(or(o.Beta1, 0.9), 0), max(or(o.Beta2, 0.999), 0), or(o.Epsilon, 1e-8), slots, scalars)
}

// momentScalars are the step size, corrected for the mean's start at zero, and the root of the correction of the
// squares.
func momentScalars(beta1, beta2, rate float64, t int) []float64 {
	return []float64{rate / (1 - math.Pow(beta1, float64(t))), math.Sqrt(1 - math.Pow(beta2, float64(t)))}
}

func moments(w, g *Node, beta1, beta2, epsilon float64, slots, scalars []*Node) (*Node, []*Node) {
	mean := graph.Add(slots[0], graph.MulScalar(graph.Sub(g, slots[0]), 1-beta1))
	square := graph.Add(graph.MulScalar(slots[1], beta2), graph.MulScalar(graph.Mul(g, g), 1-beta2))
	spread := graph.AddScalar(graph.Div(graph.Sqrt(square), scalars[1]), epsilon)
	return graph.Sub(w, graph.Mul(graph.Div(mean, spread), scalars[0])), []*Node{mean, square}
}

// Check returns a Usage error where a field is out of its range.
func (o AdamW) Check() error {
	if math.IsNaN(o.WeightDecay) || math.IsInf(o.WeightDecay, 0) {
		return fault.Errorf(fault.Usage, "the weight decay is %g: want a number", o.WeightDecay)
	}
	return checkMoments(o.Beta1, o.Beta2, o.Epsilon)
}

func (o AdamW) slots() []string { return []string{"mean", "square"} }

func (o AdamW) scalars(rate float64, t int) []float64 {
	kept := 1 - rate*max(or(o.WeightDecay, 0.01), 0)
	return append(momentScalars(max(or(o.Beta1, 0.9), 0), max(or(o.Beta2, 0.999), 0), rate, t), kept)
}

func (o AdamW) update(w, g *Node, slots, scalars []*Node) (*Node, []*Node) {
	if o.WeightDecay >= 0 && !(o.SkipVectors && w.Rank() < 2) {
		w = graph.Mul(w, scalars[2])
	}
	return moments(w, g, max(or(o.Beta1, 0.9), 0), max(or(o.Beta2, 0.999), 0), or(o.Epsilon, 1e-8), slots, scalars)
}

// Clip bounds gradients before they change weights. The zero value bounds nothing. Values are clipped first, then
// the norm.
type Clip struct {
	Norm  float64 `json:"norm"`  // the greatest Euclidean norm of all gradients together
	Value float64 `json:"value"` // the greatest size of each number
}

// Check returns a Usage error where a bound is below 0.
func (c Clip) Check() error {
	if !(c.Norm >= 0) || !(c.Value >= 0) {
		return fault.Errorf(fault.Usage, "gradients clipped at norm %g and value %g: want 0 (no clipping) or more", c.Norm, c.Value)
	}
	return nil
}

// apply builds the clipped gradients and the norm that all gradients together had before. The formula is that of
// torch.nn.utils.clip_grad_norm_. The norm is summed in float32 where gradients are of less.
func (c Clip) apply(gradients []*Node) (clipped []*Node, norm *Node) {
	norm = globalNorm(gradients)
	clipped = gradients
	before := norm
	if c.Value > 0 {
		clipped = make([]*Node, len(gradients))
		for i, g := range gradients {
			clipped[i] = graph.ClipScalar(g, -c.Value, c.Value)
		}
		if c.Norm > 0 {
			before = globalNorm(clipped)
		}
	}
	if c.Norm > 0 {
		factor := graph.Div(graph.Scalar(norm.Graph(), norm.DType(), c.Norm), graph.AddScalar(before, 1e-6))
		factor = graph.MinScalar(factor, 1)
		scaled := make([]*Node, len(gradients))
		for i, g := range clipped {
			scaled[i] = graph.Mul(g, graph.ConvertDType(factor, g.DType()))
		}
		clipped = scaled
	}
	return clipped, norm
}

func globalNorm(gradients []*Node) *Node {
	var sum *Node
	for _, g := range gradients {
		if g.DType().IsHalfPrecision() {
			g = graph.ConvertDType(g, dtypes.Float32)
		}
		s := graph.ReduceAllSum(graph.Mul(g, g))
		if sum == nil {
			sum = s
		} else {
			sum = graph.Add(sum, s)
		}
	}
	return graph.Sqrt(sum)
}

// Average keeps an exponential moving average of the weights, which is often better than the last weights (Polyak
// and Juditsky 1992); validation and the result use it. The zero value keeps none.
type Average struct {
	Decay  float64 `json:"decay"`   // share of the old average that stays at each step; common: 0.999
	WarmUp bool    `json:"warm_up"` // start with less: at most (1 + t)/(10 + t) in step t
}

// Check returns a Usage error where the decay is out of its range.
func (a Average) Check() error { return share("the decay of the average", a.Decay) }

// decay is the share that stays in step t, from 1.
func (a Average) decay(t int) float64 {
	if a.WarmUp {
		return min(a.Decay, float64(1+t)/float64(10+t))
	}
	return a.Decay
}

// update builds the next average of one array.
func (a Average) update(average, w, decay *Node) *Node {
	return graph.Add(w, graph.Mul(graph.Sub(average, w), decay))
}
