package nn

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"

	"galen.dev/fault"
)

// Network is a named network: how to build it from its hyper-parameters.
type Network struct {
	Name  string
	Short string // one line for lists

	// Build reads hyper-parameters from JSON, as encoding/json writes Net.Config; nil means all defaults. Unknown
	// keys are errors.
	Build func(config []byte) (*Net, error)
}

// Networks lists the named networks.
var Networks = slices.Concat([]Network{
	{"basic-cnn", "two convolutions and two dense layers, for small images", builder(BasicCNN)},
	{"cnn1d", "two convolutions over time and two dense layers, for short signals", builder(CNN1D)},
	{"dcgan", "generator of a deep convolutional GAN: noise to images", builder(DCGAN)},
	{"dcgan-discriminator", "discriminator of a deep convolutional GAN: images to the log-odds of being real", builder(DCGANDiscriminator)},
	{"mlp", "dense layers, for tables", builder(MLP)},
	{"resnet18", "residual network of 18 layers, for images", builder(ResNet18)},
	{"resnet34", "residual network of 34 layers, for images", builder(ResNet34)},
	{"resnet1d", "residual network over time, for ECG and other signals", builder(ResNet1D)},
	{"tcn", "temporal convolutional network, for sequences", builder(TCN)},
	{"transformer", "transformer encoder, for tokens or sequences of measurements", builder(Transformer)},
	{"unet2d", "U-Net over two axes, for segmentation", builder(UNet2D)},
	{"unet3d", "U-Net over three axes, for segmentation", builder(UNet3D)},
}, recurrentNetworks)

// Named builds the network of a name from hyper-parameters in JSON.
func Named(name string, config []byte) (*Net, error) {
	var names []string
	for _, n := range Networks {
		if n.Name == name {
			return n.Build(config)
		}
		names = append(names, n.Name)
	}
	return nil, fault.Errorf(fault.Usage, "no network is named %q: take one of %s", name, strings.Join(names, ", "))
}

// builder reads the options of a network from JSON.
func builder[O any](build func(O) (*Net, error)) func([]byte) (*Net, error) {
	return func(config []byte) (*Net, error) {
		var o O
		if len(config) > 0 {
			d := json.NewDecoder(bytes.NewReader(config))
			d.DisallowUnknownFields()
			if err := d.Decode(&o); err != nil {
				return nil, fault.Errorf(fault.Usage, "reading the hyper-parameters of a network: %w", err)
			}
			if _, err := d.Token(); !errors.Is(err, io.EOF) {
				return nil, fault.Errorf(fault.Usage, "reading the hyper-parameters of a network: more follows the end")
			}
		}
		return build(o)
	}
}

// check collects what is wrong with hyper-parameters.
type check struct {
	network  string
	findings []fault.Finding
}

func (c *check) that(ok bool, key, message string) {
	if !ok {
		c.findings = append(c.findings, fault.Finding{Name: "hyper-parameter", Severity: fault.Severe, Column: key, Message: message})
	}
}

func (c *check) done() error {
	if len(c.findings) == 0 {
		return nil
	}
	return &fault.Error{Kind: fault.Usage, Err: errors.New("hyper-parameters of network " + c.network), Findings: c.findings}
}

// least is the default where the value is 0, and a finding where it is below 0.
func (c *check) least(value *int, fallback int, key string) {
	c.that(*value >= 0, key, key+" must not be negative")
	if *value == 0 {
		*value = fallback
	}
}

func (c *check) rate(value float64, key string) {
	c.that(value >= 0 && value < 1, key, key+" must be in [0, 1)")
}

func (c *check) oneOf(value *string, key string, allowed ...string) {
	if *value == "" {
		*value = allowed[0]
	}
	c.that(slices.Contains(allowed, *value), key, key+" must be one of "+strings.Join(allowed, ", "))
}

var norms = []string{"batch", "instance", "layer", "group", "none"}

// images is the input of networks over n spatial axes.
func images(n int) []Input {
	return []Input{{Name: "x", DType: dtypes.Float32, Dims: make([]int, n+2)}}
}

// MLPOptions are the hyper-parameters of MLP.
type MLPOptions struct {
	Out        int     `json:"out"`                  // outputs; 0 means 1
	Hidden     []int   `json:"hidden,omitempty"`     // widths of the hidden layers; none means 256, 256
	Activation string  `json:"activation,omitempty"` // "" means relu
	Norm       string  `json:"norm,omitempty"`       // after each hidden layer: none, batch or layer; "" means none
	Dropout    float64 `json:"dropout,omitempty"`    // after each hidden layer
}

// MLP maps (batch, columns) through dense layers to (batch, out).
func MLP(o MLPOptions) (*Net, error) {
	c := check{network: "mlp"}
	c.least(&o.Out, 1, "out")
	if len(o.Hidden) == 0 {
		o.Hidden = []int{256, 256}
	}
	for _, h := range o.Hidden {
		c.that(h > 0, "hidden", "hidden widths must be above 0")
	}
	c.oneOf(&o.Norm, "norm", "none", "batch", "layer")
	c.oneOf(&o.Activation, "activation", activationNames()...)
	c.rate(o.Dropout, "dropout")
	if err := c.done(); err != nil {
		return nil, err
	}
	return &Net{Name: "mlp", Config: o, Inputs: images(0), Forward: func(s *Scope, in ...*Node) []*Node {
		x := in[0]
		for i, width := range o.Hidden {
			h := s.In(numbered("hidden", i))
			x = mustActivation(o.Activation, "relu")(h.In("norm").Norm(h.Dense(x, width, Dense{}), o.Norm))
			x = s.Dropout(x, o.Dropout)
		}
		return []*Node{s.In("out").Dense(x, o.Out, Dense{})}
	}}, nil
}
