package bert

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/nn"
)

// activation is a function of config.json, or nil where it is not known.
func activation(name string) nn.Activation {
	switch name {
	case "gelu":
		return nn.GELU
	case "gelu_new", "gelu_pytorch_tanh":
		return func(x *nn.Node) *nn.Node { // ½x(1 + tanh(√(2/π)(x + 0.044715x³)))
			inner := graph.MulScalar(graph.Add(x, graph.MulScalar(graph.Mul(x, graph.Square(x)), .044715)), math.Sqrt(2/math.Pi))
			return graph.MulScalar(graph.Mul(x, graph.AddScalar(graph.Tanh(inner), 1)), .5)
		}
	case "relu":
		return nn.ReLU
	case "silu", "swish":
		return nn.SiLU
	}
	return nil
}

// Network is the encoder: ids and mask, (batch, pieces) int32, where the mask is 1 for what counts, to hidden states
// (batch, pieces, width). Weights have the names of Hugging Face, and the layout of package nn.
func (c *Config) Network() *nn.Net {
	pieces := func(name string) nn.Input { return nn.Input{Name: name, DType: dtypes.Int32, Dims: []int{0, 0}} }
	return &nn.Net{Name: "bert", Config: c, Inputs: []nn.Input{pieces("input_ids"), pieces("attention_mask")}, Forward: c.forward}
}

func (c *Config) forward(s *nn.Scope, in ...*nn.Node) []*nn.Node {
	ids, mask := in[0], in[1]
	n := ids.Shape().Dimensions[1]
	e := s.In("embeddings")
	x := e.In("word_embeddings").Embedding(ids, c.Vocabulary, c.Width, nn.Embedding{})
	places := e.In("position_embeddings").Weight("weight", nn.Normal(.02), c.Positions, c.Width)
	kinds := e.In("token_type_embeddings").Weight("weight", nn.Normal(.02), c.Types, c.Width)
	x = graph.Add(x, graph.BroadcastToShape(graph.InsertAxes(graph.Slice(places, graph.AxisRange(0, n)), 0), x.Shape()))
	x = graph.Add(x, graph.BroadcastToShape(graph.InsertAxes(graph.Slice(kinds, graph.AxisRange(0, 1)), 0), x.Shape()))
	x = e.In("LayerNorm").LayerNorm(x, nn.Norm{Epsilon: c.Epsilon})
	keep := graph.InsertAxes(graph.NotEqual(mask, graph.ZerosLike(mask)), 1, 1) // (batch, 1, 1, pieces)
	for k := range c.Layers {
		x = c.layer(s.In("encoder").In("layer").In(fmt.Sprint(k)), x, keep)
	}
	return []*nn.Node{x}
}

// layer is attention and a feed-forward part, each added and normed.
func (c *Config) layer(s *nn.Scope, x, keep *nn.Node) *nn.Node {
	norm := nn.Norm{Epsilon: c.Epsilon}
	y := s.In("attention").In("output").In("dense").Dense(c.attend(s.In("attention").In("self"), x, keep), c.Width, nn.Dense{})
	x = s.In("attention").In("output").In("LayerNorm").LayerNorm(graph.Add(x, y), norm)
	y = activation(c.Activation)(s.In("intermediate").In("dense").Dense(x, c.Hidden, nn.Dense{}))
	y = s.In("output").In("dense").Dense(y, c.Width, nn.Dense{})
	return s.In("output").In("LayerNorm").LayerNorm(graph.Add(x, y), norm)
}

func (c *Config) attend(s *nn.Scope, x, keep *nn.Node) *nn.Node {
	d := x.Shape().Dimensions
	width := c.Width / c.Heads
	part := func(name string) *nn.Node {
		return graph.Reshape(s.In(name).Dense(x, c.Width, nn.Dense{}), d[0], d[1], c.Heads, width)
	}
	q, k, v := part("query"), part("key"), part("value")
	scores := graph.DotGeneral(q, []int{3}, []int{0, 2}, k, []int{3}, []int{0, 2}) // (batch, heads, n, n)
	scores = graph.MulScalar(scores, 1/math.Sqrt(float64(width)))
	blocked := graph.BroadcastToShape(graph.Scalar(x.Graph(), x.DType(), -1e30), scores.Shape())
	scores = graph.Where(graph.BroadcastToDims(keep, scores.Shape().Dimensions...), scores, blocked)
	y := graph.DotGeneral(nn.Softmax(scores), []int{3}, []int{0, 1}, v, []int{1}, []int{0, 2})
	return graph.Reshape(graph.TransposeAllAxes(y, 0, 2, 1, 3), d[0], d[1], c.Width)
}
