package nn

import (
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/engine/autodiff"
)

// Losses are scalars to be made small: means over what counts.

// CrossEntropy says how the cross-entropy of classes is taken. The zero value weighs all alike and smooths nothing.
type CrossEntropy struct {
	Weights   []float64 // of the classes; none means 1 each
	Smoothing float64   // share of each label that is spread over all classes (Szegedy et al. 2016)
	Ignore    []int     // labels that do not count, beside the negative ones, which never do
}

// Loss is the mean negative log-likelihood of the labels, (batch, ...) integers, under softmax of the logits,
// (batch, ..., classes), weighted by the class of the label; the same as torch.nn.CrossEntropyLoss. Where no label
// counts it is 0. A label that is no class, and not to be ignored, makes the loss NaN, so that it is noticed.
func (o CrossEntropy) Loss(logits, labels *Node) *Node {
	classes := lastDim(logits)
	z, y := graph.Reshape(logits, -1, classes), o.flatten("cross-entropy", logits, labels)
	counted := o.counted(y, classes, z.DType())
	weights := o.weights(z.Graph(), z.DType(), classes)
	hot := graph.MulScalar(graph.OneHot(y, classes, z.DType()), 1-o.Smoothing)
	targets := graph.AddScalar(hot, o.Smoothing/float64(classes))
	targets = graph.Mul(targets, alongLast(targets, weights))
	targets = graph.Mul(targets, graph.InsertAxes(counted, -1))
	total := graph.Mul(counted, graph.ReduceSum(graph.Mul(graph.OneHot(y, classes, z.DType()), alongLast(hot, weights)), 1))
	return ratio(graph.ReduceAllSum(SoftmaxCrossEntropy(z, targets)), graph.ReduceAllSum(total))
}

func (o CrossEntropy) flatten(loss string, logits, labels *Node) *Node {
	dims := logits.Shape().Dimensions
	if !labels.DType().IsInt() || !slices.Equal(labels.Shape().Dimensions, dims[:len(dims)-1]) {
		refuse("%s: labels %s do not fit logits %s", loss, labels.Shape(), logits.Shape())
	}
	if o.Smoothing < 0 || o.Smoothing >= 1 {
		refuse("%s: label smoothing must be in [0, 1), not %g", loss, o.Smoothing)
	}
	return graph.ConvertDType(graph.Reshape(labels, -1), dtypes.Int32)
}

// counted is 1 for each label that counts, 0 for those to be ignored, and NaN where a label is no class.
func (o CrossEntropy) counted(y *Node, classes int, t dtypes.DType) *Node {
	number := func(v int) *Node { return graph.Scalar(y.Graph(), y.DType(), v) }
	keep := graph.GreaterOrEqual(y, number(0))
	for _, label := range o.Ignore {
		keep = graph.LogicalAnd(keep, graph.NotEqual(y, number(label)))
	}
	wrong := graph.LogicalAnd(keep, graph.GreaterOrEqual(y, number(classes)))
	return graph.Where(wrong, graph.Scalar(y.Graph(), t, math.NaN()), graph.ConvertDType(keep, t))
}

func (o CrossEntropy) weights(g *graph.Graph, t dtypes.DType, classes int) *Node {
	if len(o.Weights) == 0 {
		return graph.Ones(g, shapes.Make(t, classes))
	}
	if len(o.Weights) != classes {
		refuse("cross-entropy: %d class weights for %d classes", len(o.Weights), classes)
	}
	return graph.ConstAsDType(g, t, o.Weights)
}

// SoftmaxCrossEntropy is -Σ targets·log softmax(logits) for each row: (rows, classes) twice to (rows). Targets need
// not sum to 1. It is one named operation whose gradient by the logits is softmax·Σtargets - targets.
func SoftmaxCrossEntropy(logits, targets *Node) *Node {
	return autodiff.Call("softmax_cross_entropy", nil, []*Node{logits, targets},
		func(in []*Node) []*Node {
			z, t := in[0], in[1]
			top := graph.ReduceMax(z, 1)
			e := graph.Exp(graph.Sub(z, spread(top, z, 1)))
			norm := graph.Add(top, graph.Log(graph.ReduceSum(e, 1)))
			return []*Node{graph.ReduceSum(graph.Mul(t, graph.Sub(spread(norm, z, 1), z)), 1), norm}
		},
		func(in, out, d []*Node) []*Node {
			z, t := in[0], in[1]
			below := graph.Sub(z, spread(out[1], z, 1))
			p := graph.Exp(below)
			up := spread(d[0], z, 1)
			dz := graph.Mul(up, graph.Sub(graph.Mul(p, spread(graph.ReduceSum(t, 1), z, 1)), t))
			if !isZeros(d[1]) {
				dz = graph.Add(dz, graph.Mul(p, spread(d[1], z, 1)))
			}
			return []*Node{dz, graph.Neg(graph.Mul(up, below))}
		})[0]
}

// Binary says how the cross-entropy of yes-or-no labels is taken. The zero value weighs all alike.
type Binary struct {
	PosWeight []float64 // weight of a yes, one for all or one for each column; none means 1
	Keep      *Node     // 1 where a label counts, 0 where it is missing; nil means everywhere
}

// Loss is the mean cross-entropy of labels in [0, 1] under sigmoid of the logits, both of one shape; the same as
// torch.nn.BCEWithLogitsLoss.
func (o Binary) Loss(logits, labels *Node) *Node {
	sameShape("binary cross-entropy", logits, labels)
	yes := graph.ScalarOne(logits.Graph(), logits.DType())
	switch {
	case len(o.PosWeight) == 1:
		yes = graph.Scalar(logits.Graph(), logits.DType(), o.PosWeight[0])
	case len(o.PosWeight) > 1:
		if len(o.PosWeight) != lastDim(logits) {
			refuse("binary cross-entropy: %d weights for %d columns", len(o.PosWeight), lastDim(logits))
		}
		yes = alongLast(logits, graph.ConstAsDType(logits.Graph(), logits.DType(), o.PosWeight))
	}
	if yes.IsScalar() {
		yes = graph.BroadcastToShape(yes, logits.Shape())
	}
	// (1-t)·x + (1+(w-1)·t)·softplus(-x): -log sigmoid(x) is softplus(-x), -log(1-sigmoid(x)) that plus x.
	weight := graph.OnePlus(graph.Mul(graph.AddScalar(yes, -1), labels))
	each := graph.Add(graph.Mul(graph.OneMinus(labels), logits), graph.Mul(weight, Softplus(graph.Neg(logits))))
	return meanOver(each, o.Keep)
}

// Focal says how the focal loss is taken (Lin et al. 2017): cross-entropy in which labels that are predicted well
// count little.
type Focal struct {
	Gamma float64 // power of the doubt; 0 means 2
	Alpha float64 // weight of a yes, 1-Alpha of a no; 0 means no weighting
	Keep  *Node   // as in Binary
}

// Loss is the mean over labels in [0, 1] under sigmoid of the logits, both of one shape.
func (o Focal) Loss(logits, labels *Node) *Node {
	sameShape("focal loss", logits, labels)
	gamma := o.Gamma
	if gamma == 0 {
		gamma = 2
	}
	if gamma < 1 || o.Alpha < 0 || o.Alpha > 1 {
		refuse("focal loss: gamma %g must be 1 or more, alpha %g in [0, 1]", gamma, o.Alpha)
	}
	p := graph.Sigmoid(logits)
	each := graph.Add(graph.Mul(graph.OneMinus(labels), logits), Softplus(graph.Neg(logits)))
	doubt := graph.Add(graph.Mul(labels, graph.OneMinus(p)), graph.Mul(graph.OneMinus(labels), p))
	each = graph.Mul(each, power(doubt, gamma))
	if o.Alpha > 0 {
		each = graph.Mul(each, graph.AddScalar(graph.MulScalar(labels, 2*o.Alpha-1), 1-o.Alpha))
	}
	return meanOver(each, o.Keep)
}

// power is x to a fixed power of 1 or more, without logarithms where it is whole.
func power(x *Node, by float64) *Node {
	if by != float64(int(by)) || by > 8 {
		return graph.PowScalar(x, by)
	}
	y := x
	for range int(by) - 1 {
		y = graph.Mul(y, x)
	}
	return y
}

// MSE is the mean squared difference; keep is as in Binary.
func MSE(predicted, wanted, keep *Node) *Node {
	sameShape("mean squared error", predicted, wanted)
	return meanOver(graph.Square(graph.Sub(predicted, wanted)), keep)
}

// MAE is the mean absolute difference; keep is as in Binary.
func MAE(predicted, wanted, keep *Node) *Node {
	sameShape("mean absolute error", predicted, wanted)
	return meanOver(graph.Abs(graph.Sub(predicted, wanted)), keep)
}

// Huber is half the squared difference up to delta and linear beyond (Huber 1964); keep is as in Binary.
func Huber(predicted, wanted, keep *Node, delta float64) *Node {
	sameShape("Huber loss", predicted, wanted)
	if delta <= 0 {
		refuse("Huber loss: delta must be above 0, not %g", delta)
	}
	far := graph.Abs(graph.Sub(predicted, wanted))
	near := graph.MinScalar(far, delta)
	return meanOver(graph.Mul(near, graph.Sub(far, graph.MulScalar(near, 0.5))), keep)
}

// Hinge is the mean of max(0, 1 - sign·score), signs being 1 and -1; keep is as in Binary.
func Hinge(scores, signs, keep *Node) *Node {
	sameShape("hinge loss", scores, signs)
	return meanOver(ReLU(graph.OneMinus(graph.Mul(scores, signs))), keep)
}

func sameShape(loss string, a, b *Node) {
	if !a.Shape().Equal(b.Shape()) {
		refuse("%s: %s does not fit %s", loss, b.Shape(), a.Shape())
	}
}

// meanOver is the mean of x, or of those elements for which keep is 1.
func meanOver(x, keep *Node) *Node {
	if keep == nil {
		return graph.MulScalar(graph.ReduceAllSum(x), 1/float64(x.Shape().Size()))
	}
	keep = graph.ConvertDType(keep, x.DType())
	sameShape("the mask of a loss", x, keep)
	// Not a product: what is missing may be NaN.
	kept := graph.Where(graph.NotEqual(keep, graph.ZerosLike(keep)), graph.Mul(x, keep), graph.ZerosLike(x))
	return ratio(graph.ReduceAllSum(kept), graph.ReduceAllSum(keep))
}

// ratio is a/b, or 0 where b is 0.
func ratio(a, b *Node) *Node {
	none := graph.Equal(b, graph.ZerosLike(b))
	return graph.Where(none, graph.ZerosLike(a), graph.Div(a, graph.Where(none, graph.OnesLike(b), b)))
}
