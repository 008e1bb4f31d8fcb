package classify

import (
	"encoding/json"
	"strconv"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
	"galen.dev/nn"
)

// modelNames are the networks that can be trained.
var modelNames = []string{"basic-cnn", "basic-rnn", "cnn-rnn", "resnet18", "resnet34"}

// network is what a network is built from; it is kept with the model.
type network struct {
	Model    string  `json:"model"`
	Outputs  int     `json:"outputs"`
	Width    int     `json:"width,omitempty"`
	Dropout  float64 `json:"dropout,omitempty"`
	Depth    int     `json:"depth"` // of the input; 0 for pictures
	Height   int     `json:"height"`
	Channels int     `json:"channels"`
}

// check refuses options that the network has not.
func (n network) check() error {
	if n.Model == "basic-cnn" && (n.Width != 0 || n.Dropout != 0) {
		return fault.WithHint(fault.Errorf(fault.Usage, "basic-cnn is the article's network: it has neither the parameter width nor dropout"), "leave them out, or take resnet18")
	}
	return nil
}

// build makes the network. Pictures go through the named networks of package nn; volumes through the same layers with
// one axis more.
func (n network) build() (*nn.Net, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	switch n.Model {
	case "basic-rnn":
		return n.rows()
	case "cnn-rnn":
		return n.net(n.features), nil
	}
	if n.Depth > 0 {
		if n.Model == "basic-cnn" {
			return n.net(n.basic3D), nil
		}
		return n.net(n.residual3D), nil
	}
	config := map[string]any{"out": n.Outputs}
	if n.Model != "basic-cnn" {
		config["width"], config["dropout"] = n.Width, n.Dropout
		if n.large() {
			config["stem"] = "large"
		}
	}
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	return nn.Named(n.Model, text)
}

// large says whether the input is so large that the first convolution strides: below, it would lose too much.
func (n network) large() bool { return n.Height > 64 }

// net makes a network of one image from a function.
func (n network) net(forward func(s *nn.Scope, x *nn.Node) *nn.Node) *nn.Net {
	dims := []int{0, 0, 0, n.Channels}
	if n.Depth > 0 {
		dims = []int{0, 0, 0, 0, n.Channels}
	}
	return &nn.Net{Name: n.Model, Config: n, Inputs: []nn.Input{{Name: "image", DType: dtypes.Float32, Dims: dims}}, Forward: func(s *nn.Scope, in ...*nn.Node) []*nn.Node {
		return []*nn.Node{forward(s, in[0])}
	}}
}

// rows is the article's recurrence, which reads a picture row by row and a volume slice by slice.
func (n network) rows() (*nn.Net, error) {
	inner, err := nn.BasicRNN(nn.RecurrentOptions{Out: n.Outputs, Hidden: n.Width, Dropout: n.Dropout})
	if err != nil {
		return nil, err
	}
	return n.net(func(s *nn.Scope, x *nn.Node) *nn.Node {
		d := x.Shape().Dimensions
		return inner.Forward(s, graph.Reshape(x, d[0], d[1], x.Shape().Size()/d[0]/d[1]))[0]
	}), nil
}

// features is a CNN whose features a recurrence reads: row by row along a picture (as Shi et al., PAMI 2017, read
// text), slice by slice along a volume.
func (n network) features(s *nn.Scope, x *nn.Node) *nn.Node {
	d := x.Shape().Dimensions
	last := func() int { return x.Shape().Dimensions[x.Rank()-1] }
	if n.Depth > 0 {
		x = graph.Reshape(x, d[0]*d[1], d[2], d[3], d[4])
	}
	for i, width := range []int{16, 32} {
		x = nn.MaxPool(s.In("block"+strconv.Itoa(i+1)).ConvNorm(x, width, nn.ConvNorm{}), nn.Pool{})
	}
	if n.Depth > 0 {
		f := x.Shape().Dimensions
		x = s.Features(graph.Reshape(x, d[0], d[1], f[1], f[2], f[3]))
		x = graph.ReduceMean(x, 2, 3)
	} else {
		x = s.Features(x)
		f := x.Shape().Dimensions
		x = graph.Reshape(x, f[0], f[1], f[2]*last())
	}
	hidden := n.Width
	if hidden == 0 {
		hidden = 128
	}
	x = s.In("gru").GRU(x, hidden, nn.Recurrent{Bidirectional: true}).Last
	return s.In("out").Dense(s.Dropout(x, n.Dropout), n.Outputs, nn.Dense{})
}

// basic3D is the article's CNN with kernels over three axes.
func (n network) basic3D(s *nn.Scope, x *nn.Node) *nn.Node {
	for i, width := range []int{32, 64} {
		x = nn.ReLU(s.In("conv"+strconv.Itoa(i+1)).Conv(x, width, []int{3}, nn.Conv{Padding: nn.Pad(1)}))
		x = nn.MaxPool(x, nn.Pool{})
	}
	x = nn.Flatten(s.Features(x))
	x = nn.ReLU(s.In("dense1").Dense(x, 128, nn.Dense{}))
	return s.In("dense2").Dense(x, n.Outputs, nn.Dense{})
}

// residual3D is ResNet-18 or -34 with kernels over three axes (Hara et al., CVPR 2018).
func (n network) residual3D(s *nn.Scope, x *nn.Node) *nn.Node {
	width, blocks := n.Width, []int{2, 2, 2, 2}
	if width == 0 {
		width = 64
	}
	if n.Model == "resnet34" {
		blocks = []int{3, 4, 6, 3}
	}
	stem := nn.Conv{Padding: nn.Pad(1), NoBias: true, Init: nn.HeNormalFanOut}
	if n.large() {
		stem.Stride = []int{2}
	}
	x = s.In("conv1").Conv(x, width, []int{3}, stem)
	x = nn.ReLU(s.In("bn1").Norm(x, "batch"))
	for i, count := range blocks {
		for j := range count {
			o := nn.ResidualOptions{}
			if i > 0 && j == 0 {
				o.Stride = 2
			}
			x = s.In("layer"+strconv.Itoa(i+1)).In(strconv.Itoa(j)).Residual(x, width<<i, o)
		}
	}
	x = s.Dropout(nn.GlobalAveragePool(s.Features(x)), n.Dropout)
	return s.In("fc").Dense(x, n.Outputs, nn.Dense{})
}
