package nn

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// Contrast is the supervised contrastive loss (Khosla et al. 2020, L_out): vectors, (batch, width), of one label are
// to lie closer than those of different labels, by cosine. labels are integers, (batch). temperature above 0; 0 means
// 0.1. Samples without another of their label do not count; 0 where none counts.
func Contrast(vectors, labels *Node, temperature float64) *Node {
	wantRank("contrastive loss", vectors, 2)
	wantRank("contrastive loss", labels, 1)
	n, t, g := vectors.Shape().Dimensions[0], vectors.DType(), vectors.Graph()
	if labels.Shape().Size() != n || !labels.DType().IsInt() {
		refuse("contrastive loss: labels %s do not fit vectors %s", labels.Shape(), vectors.Shape())
	}
	if temperature == 0 {
		temperature = 0.1
	}
	if temperature < 0 {
		refuse("contrastive loss: temperature %g", temperature)
	}
	square := shapes.Make(t, n, n)
	unit := unitRows(vectors)
	similar := graph.MulScalar(graph.DotGeneral(unit, []int{1}, nil, unit, []int{1}, nil), 1/temperature)
	index := graph.Iota(g, shapes.Make(dtypes.Int32, n), 0)
	equal := func(x *Node) *Node {
		wide := shapes.Make(x.DType(), n, n)
		return graph.Equal(graph.BroadcastToShape(graph.Reshape(x, 1, n), wide), graph.BroadcastToShape(graph.Reshape(x, n, 1), wide))
	}
	itself := equal(index)
	similar = graph.Where(itself, graph.BroadcastToShape(graph.Scalar(g, t, -1e30), square), similar)
	friends := graph.Where(itself, graph.Zeros(g, square), graph.ConvertDType(equal(labels), t))
	count := graph.ReduceSum(friends, 1)
	targets := graph.Div(friends, spread(graph.MaxScalar(count, 1), friends, 1))
	counts := graph.ConvertDType(graph.GreaterThan(count, graph.ZerosLike(count)), t)
	return ratio(graph.ReduceAllSum(SoftmaxCrossEntropy(similar, targets)), graph.ReduceAllSum(counts))
}

// NTXent is the loss of SimCLR (Chen et al. 2020): a and b, (batch, width) each, are vectors of two views of the same
// samples; each view is to find its other among all. temperature is as in Contrast.
func NTXent(a, b *Node, temperature float64) *Node {
	sameShape("NT-Xent loss", a, b)
	wantRank("NT-Xent loss", a, 2)
	labels := graph.Iota(a.Graph(), shapes.Make(dtypes.Int32, a.Shape().Dimensions[0]), 0)
	return Contrast(graph.Concatenate([]*Node{a, b}, 0), graph.Concatenate([]*Node{labels, labels}, 0), temperature)
}

// unitRows divides each row by its length.
func unitRows(x *Node) *Node {
	length := graph.Rsqrt(graph.AddScalar(graph.ReduceSum(graph.Square(x), 1), 1e-24))
	return graph.Mul(x, spread(length, x, 1))
}
