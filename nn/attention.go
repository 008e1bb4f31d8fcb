package nn

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
)

// Attention says how Scope.Attention works.
type Attention struct {
	Heads   int     // divides the width of the queries; 0 means 1
	Causal  bool    // a query sees the keys up to its own position only
	Dropout float64 // of the attention weights, while training
	NoBias  bool    // leave out the biases of the four maps
}

// Attention is multi-head scaled dot-product attention (Vaswani et al. 2017): queries (batch, n, width), keys and
// values (batch, m, any width) give (batch, n, width). keep, which may be nil, is true where a query may see a key:
// truth values (batch, m), (batch, n, m) or (batch, heads, n, m). A query that may see no key attends to all of them
// equally. Weights: q, k, v and out, each a dense layer.
func (s *Scope) Attention(queries, keys, values, keep *Node, o Attention) *Node {
	for _, x := range []*Node{queries, keys, values} {
		wantRank("attention", x, 3)
	}
	width, heads := lastDim(queries), max(o.Heads, 1)
	if width%heads != 0 {
		refuse("attention cannot cut a width of %d into %d heads", width, heads)
	}
	dense := Dense{NoBias: o.NoBias, Init: GlorotUniform}
	apart := func(name string, x *Node) *Node {
		y := s.In(name).Dense(x, width, dense)
		return graph.Reshape(y, x.Shape().Dimensions[0], x.Shape().Dimensions[1], heads, width/heads)
	}
	q, k, v := apart("q", queries), apart("k", keys), apart("v", values)
	// (batch, heads, n, m)
	scores := graph.DotGeneral(q, []int{3}, []int{0, 2}, k, []int{3}, []int{0, 2})
	scores = graph.MulScalar(scores, 1/math.Sqrt(float64(width/heads)))
	scores = maskScores(scores, keep, o.Causal)
	weights := s.Dropout(Softmax(scores), o.Dropout)
	// (batch, heads, n, width/heads)
	y := graph.DotGeneral(weights, []int{3}, []int{0, 1}, v, []int{1}, []int{0, 2})
	y = graph.Reshape(graph.TransposeAllAxes(y, 0, 2, 1, 3), queries.Shape().Dimensions[0], queries.Shape().Dimensions[1], width)
	return s.In("out").Dense(y, width, dense)
}

// maskScores puts a large negative score where a query may not look. It is finite, so that a row without any key
// gives no NaN.
func maskScores(scores, keep *Node, causal bool) *Node {
	const hidden = -1e30
	dims := scores.Shape().Dimensions
	blocked := graph.BroadcastToShape(graph.Scalar(scores.Graph(), scores.DType(), hidden), scores.Shape())
	if keep != nil {
		if keep.DType() != dtypes.Bool {
			refuse("the mask of attention must hold truth values, not %s", keep.Shape())
		}
		switch keep.Rank() {
		case 2:
			keep = graph.InsertAxes(keep, 1, 1)
		case 3:
			keep = graph.InsertAxes(keep, 1)
		}
		wantRank("the mask of attention", keep, 4)
		scores = graph.Where(graph.BroadcastToDims(keep, dims...), scores, blocked)
	}
	if causal {
		past := graph.ShapedLowerTriangular(scores.Graph(), dims[2], dims[3], 0)
		scores = graph.Where(graph.BroadcastToDims(graph.InsertAxes(past, 0, 0), dims...), scores, blocked)
	}
	return scores
}

// EncoderLayer says how one layer of a transformer encoder works. The zero value is PyTorch's default but for
// dropout, which is off: norm after each part, ReLU.
type EncoderLayer struct {
	Heads      int     // 0 means 1
	Hidden     int     // width of the feed-forward part; 0 means four times the model's
	Dropout    float64 // of attention weights, of the hidden layer and of what is added
	Activation string  // of the hidden layer; "" means relu
	PreNorm    bool    // norm before each part rather than after: trains deep stacks without warm-up (Xiong et al. 2020)
	Causal     bool    // a position sees those up to itself only
}

// EncoderLayer adds to x, (batch, n, width), its attention to itself and then a feed-forward part. keep is as in
// Attention. Weights: attention, norm1, linear1, linear2, norm2.
func (s *Scope) EncoderLayer(x, keep *Node, o EncoderLayer) *Node {
	wantRank("encoder layer", x, 3)
	width := lastDim(x)
	hidden := o.Hidden
	if hidden == 0 {
		hidden = 4 * width
	}
	attend := func(x *Node) *Node {
		y := s.In("attention").Attention(x, x, x, keep, Attention{Heads: o.Heads, Causal: o.Causal, Dropout: o.Dropout})
		return s.Dropout(y, o.Dropout)
	}
	feed := func(x *Node) *Node {
		y := mustActivation(o.Activation, "relu")(s.In("linear1").Dense(x, hidden, Dense{}))
		return s.Dropout(s.In("linear2").Dense(s.Dropout(y, o.Dropout), width, Dense{}), o.Dropout)
	}
	norm := func(name string, x *Node) *Node { return s.In(name).LayerNorm(x, Norm{}) }
	if o.PreNorm {
		x = graph.Add(x, attend(norm("norm1", x)))
		return graph.Add(x, feed(norm("norm2", x)))
	}
	x = norm("norm1", graph.Add(x, attend(x)))
	return norm("norm2", graph.Add(x, feed(x)))
}

// Positions are the sinusoidal position codes of Vaswani et al. 2017, (n, width): sines in even columns, cosines in
// odd ones, of wavelengths from 2π to 10000·2π. They depend on nothing that is trained.
func (s *Scope) Positions(n, width int) *Node {
	codes := make([][]float64, n)
	for p := range codes {
		codes[p] = make([]float64, width)
		for c := range codes[p] {
			angle := float64(p) * math.Pow(10000, -float64(c/2*2)/float64(width))
			if codes[p][c] = math.Sin(angle); c%2 == 1 {
				codes[p][c] = math.Cos(angle)
			}
		}
	}
	return graph.ConstAsDType(s.Graph(), s.DType(), codes)
}
