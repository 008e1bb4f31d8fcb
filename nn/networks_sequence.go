package nn

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
)

// CNN1DOptions are the hyper-parameters of CNN1D.
type CNN1DOptions struct {
	Out int `json:"out"` // classes or other outputs; 0 means 1
}

// CNN1D is BasicCNN over time: signals (batch, time, channels) to logits (batch, out), by two convolutions of kernel 3,
// to 32 and 64 channels, each with ReLU and max pooling by 2, then a dense layer of 128 with ReLU and one of the
// outputs. All signals have one length, of 4 samples or more.
func CNN1D(o CNN1DOptions) (*Net, error) {
	c := check{network: "cnn1d"}
	c.least(&o.Out, 1, "out")
	if err := c.done(); err != nil {
		return nil, err
	}
	return &Net{Name: "cnn1d", Config: o, Inputs: images(1), Forward: func(s *Scope, in ...*Node) []*Node {
		x := in[0]
		for i, width := range []int{32, 64} {
			x = MaxPool(ReLU(s.In(numbered("conv", i)).Conv(x, width, []int{3}, Conv{Padding: Pad(1)})), Pool{})
		}
		x = ReLU(s.In("dense1").Dense(Flatten(x), 128, Dense{}))
		return []*Node{s.In("dense2").Dense(x, o.Out, Dense{})}
	}}, nil
}

// ResNet1DOptions are the hyper-parameters of ResNet1D.
type ResNet1DOptions struct {
	Out     int     `json:"out"`               // classes or other outputs; 0 means 1
	Width   int     `json:"width,omitempty"`   // channels of the first stage, doubled at each; 0 means 64
	Blocks  []int   `json:"blocks,omitempty"`  // residual blocks of each stage; none means 2, 2, 2, 2
	Kernel  int     `json:"kernel,omitempty"`  // of the residual blocks, odd; 0 means 7
	Stem    int     `json:"stem,omitempty"`    // kernel of the first convolution, odd; 0 means 15
	Dropout float64 `json:"dropout,omitempty"` // within blocks and before the last layer
}

// ResNet1D maps signals (batch, time, channels), such as twelve leads of an ECG, to logits (batch, out). Its
// kernels are longer than those for images, since a wave of an ECG spans many samples (cf. Ribeiro et al. 2020).
func ResNet1D(o ResNet1DOptions) (*Net, error) {
	c := check{network: "resnet1d"}
	c.least(&o.Out, 1, "out")
	c.least(&o.Width, 64, "width")
	c.least(&o.Kernel, 7, "kernel")
	c.least(&o.Stem, 15, "stem")
	c.that(o.Kernel%2 == 1 && o.Stem%2 == 1, "kernel", "kernel and stem must be odd")
	c.rate(o.Dropout, "dropout")
	if len(o.Blocks) == 0 {
		o.Blocks = []int{2, 2, 2, 2}
	}
	for _, b := range o.Blocks {
		c.that(b > 0, "blocks", "each stage needs a block")
	}
	if err := c.done(); err != nil {
		return nil, err
	}
	return &Net{Name: "resnet1d", Config: o, Inputs: images(1), Forward: func(s *Scope, in ...*Node) []*Node {
		stem := Conv{Stride: []int{2}, Padding: Pad(o.Stem / 2), NoBias: true, Init: HeNormalFanOut}
		x := s.In("conv1").Conv(in[0], o.Width, []int{o.Stem}, stem)
		x = ReLU(s.In("bn1").BatchNorm(x, Norm{}))
		x = s.stages(x, o.Blocks, o.Width, ResidualOptions{Kernel: o.Kernel, Dropout: o.Dropout})
		x = s.Dropout(GlobalAveragePool(s.Features(x)), o.Dropout)
		return []*Node{s.In("fc").Dense(x, o.Out, Dense{})}
	}}, nil
}

// TCNOptions are the hyper-parameters of TCN.
type TCNOptions struct {
	Out      int     `json:"out"`                // outputs; 0 means 1
	Channels []int   `json:"channels,omitempty"` // of each level, whose dilation doubles; none means 64 four times
	Kernel   int     `json:"kernel,omitempty"`   // 0 means 3
	Dropout  float64 `json:"dropout,omitempty"`
	Steps    bool    `json:"steps,omitempty"` // an output at each time rather than at the last
}

// TCN maps sequences (batch, time, channels) to (batch, out), or with Steps to (batch, time, out), by causal dilated
// convolutions (Bai et al. 2018).
func TCN(o TCNOptions) (*Net, error) {
	c := check{network: "tcn"}
	c.least(&o.Out, 1, "out")
	c.least(&o.Kernel, 3, "kernel")
	c.rate(o.Dropout, "dropout")
	if len(o.Channels) == 0 {
		o.Channels = []int{64, 64, 64, 64}
	}
	for _, width := range o.Channels {
		c.that(width > 0, "channels", "channels must be above 0")
	}
	if err := c.done(); err != nil {
		return nil, err
	}
	return &Net{Name: "tcn", Config: o, Inputs: images(1), Forward: func(s *Scope, in ...*Node) []*Node {
		x := in[0]
		for i, width := range o.Channels {
			x = s.In(numbered("block", i)).Temporal(x, width, o.Kernel, 1<<i, o.Dropout)
		}
		if !o.Steps {
			x = lastStep(x)
		}
		return []*Node{s.In("out").Dense(x, o.Out, Dense{})}
	}}, nil
}

// lastStep is x, (batch, time, channels), at the last time.
func lastStep(x *Node) *Node {
	return graph.Squeeze(graph.SliceAxis(x, 1, graph.AxisRange(x.Shape().Dimensions[1]-1)), 1)
}

// TransformerOptions are the hyper-parameters of Transformer.
type TransformerOptions struct {
	Out        int     `json:"out"`                  // outputs; 0 means 1
	Vocabulary int     `json:"vocabulary,omitempty"` // number of tokens, 0 being padding; 0 means that the input is measurements
	Width      int     `json:"width,omitempty"`      // of the model; 0 means 128
	Layers     int     `json:"layers,omitempty"`     // 0 means 2
	Heads      int     `json:"heads,omitempty"`      // divides the width; 0 means 4
	Hidden     int     `json:"hidden,omitempty"`     // width of the feed-forward parts; 0 means four times the width
	Dropout    float64 `json:"dropout,omitempty"`
	Activation string  `json:"activation,omitempty"` // "" means gelu
	PostNorm   bool    `json:"postNorm,omitempty"`   // norm after each part, as in the original; otherwise before
	Causal     bool    `json:"causal,omitempty"`     // a position sees those up to itself only
	Steps      bool    `json:"steps,omitempty"`      // an output at each position rather than of their mean
}

// Transformer maps tokens (batch, n), int32, or sequences of measurements (batch, n, channels) to (batch, out), or
// with Steps to (batch, n, out), by a transformer encoder (Vaswani et al. 2017) with sinusoidal positions. Padding
// is neither seen nor counted in the mean.
func Transformer(o TransformerOptions) (*Net, error) {
	c := check{network: "transformer"}
	c.least(&o.Out, 1, "out")
	c.least(&o.Width, 128, "width")
	c.least(&o.Layers, 2, "layers")
	c.least(&o.Heads, 4, "heads")
	c.least(&o.Hidden, 4*o.Width, "hidden")
	c.that(o.Vocabulary >= 0, "vocabulary", "vocabulary must not be negative")
	c.that(o.Heads <= 0 || o.Width%o.Heads == 0, "heads", "heads must divide the width")
	c.rate(o.Dropout, "dropout")
	if o.Activation == "" {
		o.Activation = "gelu"
	}
	c.oneOf(&o.Activation, "activation", activationNames()...)
	if err := c.done(); err != nil {
		return nil, err
	}
	inputs := images(1)
	if o.Vocabulary > 0 {
		inputs = []Input{{Name: "tokens", DType: dtypes.Int32, Dims: []int{0, 0}}}
	}
	return &Net{Name: "transformer", Config: o, Inputs: inputs, Forward: func(s *Scope, in ...*Node) []*Node { return o.forward(s, in[0]) }}, nil
}

func (o TransformerOptions) forward(s *Scope, in *Node) []*Node {
	var x, keep *Node
	if o.Vocabulary > 0 {
		x = s.In("embedding").Embedding(in, o.Vocabulary, o.Width, Embedding{Padding: true, Init: Normal(0.02)})
		keep = graph.NotEqual(in, graph.ZerosLike(in))
	} else {
		x = s.In("embedding").Dense(in, o.Width, Dense{})
	}
	n := x.Shape().Dimensions[1]
	x = s.Dropout(graph.Add(x, alongLast(x, s.Positions(n, o.Width))), o.Dropout)
	layer := EncoderLayer{Heads: o.Heads, Hidden: o.Hidden, Dropout: o.Dropout, Activation: o.Activation, PreNorm: !o.PostNorm, Causal: o.Causal}
	for i := range o.Layers {
		x = s.In(numbered("layer", i)).EncoderLayer(x, keep, layer)
	}
	if !o.PostNorm {
		x = s.In("norm").LayerNorm(x, Norm{})
	}
	if !o.Steps {
		x = meanSteps(x, keep)
	}
	return []*Node{s.In("out").Dense(x, o.Out, Dense{})}
}

// meanSteps is the mean of x, (batch, n, width), over the positions that keep, (batch, n) or nil, names.
func meanSteps(x, keep *Node) *Node {
	if keep == nil {
		return graph.MulScalar(graph.ReduceSum(x, 1), 1/float64(x.Shape().Dimensions[1]))
	}
	weight := graph.ConvertDType(keep, x.DType())
	sum := graph.ReduceSum(graph.Mul(x, graph.InsertAxes(weight, -1)), 1)
	count := graph.MaxScalar(graph.InsertAxes(graph.ReduceSum(weight, 1), -1), 1)
	return graph.Div(sum, count)
}
