package nn

import (
	"github.com/gomlx/gomlx/core/graph"
)

// DiceCrossEntropy says how the loss of a segmentation is taken: soft Dice and cross-entropy together, as in nnU-Net
// (Isensee et al. 2021). The zero value is the sum of both, with one Dice score for each sample and class but the
// background.
type DiceCrossEntropy struct {
	Classes    CrossEntropy // the cross-entropy part; places that it ignores do not count in the Dice part either
	Background bool         // count class 0 in the Dice part too
	Batch      bool         // one Dice score for the whole batch rather than for each sample: steadier where a class is rare
	Smooth     float64      // added above and below; 0 means 1e-5
	DiceShare  float64      // weight of the Dice part; 0 means 1
	CrossShare float64      // weight of the cross-entropy part; 0 means 1
	DiceOnly   bool         // leave the cross-entropy out
}

// Loss compares logits, (batch, spatial..., classes), with labels, (batch, spatial...) integers.
func (o DiceCrossEntropy) Loss(logits, labels *Node) *Node {
	y := o.Classes.flatten("Dice loss", logits, labels)
	classes, batch := lastDim(logits), logits.Shape().Dimensions[0]
	hot := graph.Reshape(graph.OneHot(y, classes, logits.DType()), batch, -1, classes)
	p := graph.Reshape(Softmax(logits), batch, -1, classes)
	keep := graph.BroadcastToShape(graph.Reshape(o.Classes.counted(y, classes, logits.DType()), batch, -1, 1), p.Shape())
	if !o.Background {
		if classes < 2 {
			refuse("Dice loss without background needs two classes or more, not %d", classes)
		}
		inner := func(x *Node) *Node { return graph.SliceAxis(x, 2, graph.AxisRange(1)) }
		hot, p, keep = inner(hot), inner(p), inner(keep)
	}
	loss := graph.MulScalar(o.dice(p, hot, keep), orOne(o.DiceShare))
	if o.DiceOnly {
		return loss
	}
	return graph.Add(loss, graph.MulScalar(o.Classes.Loss(logits, labels), orOne(o.CrossShare)))
}

// RegionLoss is the same for classes that may overlap: logits and labels in [0, 1], both (batch, spatial...,
// classes); keep is as in Binary, or nil. Every class counts.
func (o DiceCrossEntropy) RegionLoss(logits, labels, keep *Node) *Node {
	sameShape("Dice loss", logits, labels)
	classes, batch := lastDim(logits), logits.Shape().Dimensions[0]
	if keep == nil {
		keep = graph.OnesLike(logits)
	}
	flat := func(x *Node) *Node { return graph.Reshape(x, batch, -1, classes) }
	loss := graph.MulScalar(o.dice(flat(graph.Sigmoid(logits)), flat(labels), flat(keep)), orOne(o.DiceShare))
	if o.DiceOnly {
		return loss
	}
	return graph.Add(loss, graph.MulScalar(Binary{Keep: keep}.Loss(logits, labels), orOne(o.CrossShare)))
}

// dice is 1 less the mean soft Dice score of p and t, (batch, places, classes).
func (o DiceCrossEntropy) dice(p, t, keep *Node) *Node {
	smooth := o.Smooth
	if smooth == 0 {
		smooth = 1e-5
	}
	axes := []int{1}
	if o.Batch {
		axes = []int{0, 1}
	}
	p, t = graph.Mul(p, keep), graph.Mul(t, keep)
	both := graph.ReduceSum(graph.Mul(p, t), axes...)
	total := graph.Add(graph.ReduceSum(p, axes...), graph.ReduceSum(t, axes...))
	score := graph.Div(graph.AddScalar(graph.MulScalar(both, 2), smooth), graph.AddScalar(total, smooth))
	return graph.OneMinus(meanOver(score, nil))
}

func orOne(v float64) float64 {
	if v == 0 {
		return 1
	}
	return v
}
