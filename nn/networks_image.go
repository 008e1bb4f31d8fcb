package nn

import (
	"strconv"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
)

func numbered(name string, i int) string { return name + strconv.Itoa(i+1) }

// BasicCNNOptions are the hyper-parameters of BasicCNN.
type BasicCNNOptions struct {
	Out int `json:"out"` // classes or other outputs; 0 means 1
}

// BasicCNN maps images (batch, height, width, channels) to logits (batch, out): two 3×3 convolutions, of 32 and
// 64 channels, each with ReLU and max pooling by 2, then a dense layer of 128 with ReLU and one of the outputs.
func BasicCNN(o BasicCNNOptions) (*Net, error) {
	c := check{network: "basic-cnn"}
	c.least(&o.Out, 1, "out")
	if err := c.done(); err != nil {
		return nil, err
	}
	return &Net{Name: "basic-cnn", Config: o, Inputs: images(2), Forward: func(s *Scope, in ...*Node) []*Node {
		x := in[0]
		for i, width := range []int{32, 64} {
			at, in := s.In(numbered("conv", i)), lastDim(x)
			x = at.Conv(x, width, []int{3}, Conv{Padding: Pad(1), NoBias: true})
			// Pooling first: a maximum stays one when a bias is added and negatives are cut, to the bit, and a quarter
			// of the elements is left to do it for.
			x = ReLU(at.convBias(MaxPool(x, Pool{}), width, 9*in, false, Initialiser{}))
		}
		x = s.Features(x)
		x = ReLU(s.In("dense1").Dense(Flatten(x), 128, Dense{}))
		return []*Node{s.In("dense2").Dense(x, o.Out, Dense{})}
	}}, nil
}

// DCGANOptions are the hyper-parameters of DCGAN and its discriminator (Radford et al. 2016).
type DCGANOptions struct {
	Channels int `json:"channels,omitempty"` // of the images; 0 means 1
	Latent   int `json:"latent,omitempty"`   // width of the noise; 0 means 100
	Size     int `json:"size,omitempty"`     // height and width of the images, a multiple of 4 from 16 up; 0 means 28
}

func (o *DCGANOptions) check(network string) error {
	c := check{network: network}
	c.least(&o.Channels, 1, "channels")
	c.least(&o.Latent, 100, "latent")
	c.least(&o.Size, 28, "size")
	c.that(o.Size >= 16 && o.Size%4 == 0, "size", "size must be a multiple of 4 from 16 up")
	return c.done()
}

// DCGAN maps noise (batch, latent) to images (batch, size, size, channels) in (-1, 1): transposed convolutions to
// 128, 64 and the channels, batch norm and ReLU between, tanh at the end.
func DCGAN(o DCGANOptions) (*Net, error) {
	if err := o.check("dcgan"); err != nil {
		return nil, err
	}
	inputs := []Input{{Name: "noise", DType: dtypes.Float32, Dims: []int{0, o.Latent}}}
	return &Net{Name: "dcgan", Config: o, Inputs: inputs, Forward: func(s *Scope, in ...*Node) []*Node {
		up := func(name string, x *Node, out int, kernel int, c ConvTranspose) *Node {
			c.NoBias, c.Init = true, Normal(0.02)
			return s.In(name).ConvTranspose(x, out, []int{kernel}, c)
		}
		twice := ConvTranspose{Stride: []int{2}, Padding: []int{1}}
		x := graph.InsertAxes(in[0], 1, 1)
		x = ReLU(s.In("norm1").BatchNorm(up("up1", x, 128, o.Size/4, ConvTranspose{}), Norm{}))
		x = ReLU(s.In("norm2").BatchNorm(up("up2", x, 64, 4, twice), Norm{}))
		return []*Node{graph.Tanh(up("up3", x, o.Channels, 4, twice))}
	}}, nil
}

// DCGANDiscriminator maps images (batch, size, size, channels) to the log-odds (batch, 1) of being real:
// convolutions to 64, 128, 256 and 1 with leaky ReLU of slope 0.2, and batch norm on the second and the third.
// Sigmoid of the output is the probability; the losses take the log-odds.
func DCGANDiscriminator(o DCGANOptions) (*Net, error) {
	if err := o.check("dcgan-discriminator"); err != nil {
		return nil, err
	}
	inputs := []Input{{Name: "images", DType: dtypes.Float32, Dims: []int{0, o.Size, o.Size, o.Channels}}}
	return &Net{Name: "dcgan-discriminator", Config: o, Inputs: inputs, Forward: func(s *Scope, in ...*Node) []*Node {
		x := in[0]
		for i, width := range []int{64, 128, 256} {
			x = s.In(numbered("conv", i)).Conv(x, width, []int{4}, Conv{Stride: []int{2}, Padding: Pad(1), NoBias: true, Init: Normal(0.02)})
			if i > 0 {
				x = s.In(numbered("norm", i)).BatchNorm(x, Norm{})
			}
			x = LeakyReLU(x, 0.2)
		}
		rest := x.Shape().Dimensions[1]
		return []*Node{Flatten(s.In("conv4").Conv(x, 1, []int{rest}, Conv{NoBias: true, Init: Normal(0.02)}))}
	}}, nil
}

// ResNetOptions are the hyper-parameters of ResNet18 and ResNet34 (He et al. 2016).
type ResNetOptions struct {
	Out     int     `json:"out"`               // classes or other outputs; 0 means 1
	Stem    string  `json:"stem,omitempty"`    // small: 3×3; large: 7×7 of stride 2 and max pooling; "" means small
	Width   int     `json:"width,omitempty"`   // channels of the first stage, doubled at each; 0 means 64
	Norm    string  `json:"norm,omitempty"`    // "" means batch
	Dropout float64 `json:"dropout,omitempty"` // before the last layer
}

// ResNet18 maps images (batch, height, width, channels) to logits (batch, out). The small stem is for images
// below about 64 pixels.
func ResNet18(o ResNetOptions) (*Net, error) { return resNet("resnet18", []int{2, 2, 2, 2}, o) }

// ResNet34 is ResNet18 with more blocks.
func ResNet34(o ResNetOptions) (*Net, error) { return resNet("resnet34", []int{3, 4, 6, 3}, o) }

func resNet(name string, blocks []int, o ResNetOptions) (*Net, error) {
	c := check{network: name}
	c.least(&o.Out, 1, "out")
	c.least(&o.Width, 64, "width")
	c.oneOf(&o.Stem, "stem", "small", "large")
	c.oneOf(&o.Norm, "norm", norms...)
	c.rate(o.Dropout, "dropout")
	if err := c.done(); err != nil {
		return nil, err
	}
	return &Net{Name: name, Config: o, Inputs: images(2), Forward: func(s *Scope, in ...*Node) []*Node {
		stem := Conv{Padding: Pad(1), NoBias: true, Init: HeNormalFanOut}
		kernel := 3
		if o.Stem == "large" {
			kernel, stem.Stride, stem.Padding = 7, []int{2}, Pad(3)
		}
		x := s.In("conv1").Conv(in[0], o.Width, []int{kernel}, stem)
		x = ReLU(s.In("bn1").Norm(x, o.Norm))
		if o.Stem == "large" {
			x = MaxPool(x, Pool{Size: []int{3}, Stride: []int{2}, Padding: Pad(1)})
		}
		x = s.stages(x, blocks, o.Width, ResidualOptions{Norm: o.Norm})
		x = s.Dropout(GlobalAveragePool(s.Features(x)), o.Dropout)
		return []*Node{s.In("fc").Dense(x, o.Out, Dense{})}
	}}, nil
}

// stages are the residual blocks of a ResNet: each stage but the first halves the axes and doubles the channels.
func (s *Scope) stages(x *Node, blocks []int, width int, o ResidualOptions) *Node {
	for i, count := range blocks {
		stage := s.In(numbered("layer", i))
		for j := range count {
			o.Stride = 1
			if i > 0 && j == 0 {
				o.Stride = 2
			}
			x = stage.In(strconv.Itoa(j)).Residual(x, width<<i, o)
		}
	}
	return x
}

// UNetOptions are the hyper-parameters of UNet2D and UNet3D.
type UNetOptions struct {
	Out             int    `json:"out"`                       // channels of the output: classes or regions; 0 means 1
	Base            int    `json:"base,omitempty"`            // channels of the first level, doubled at each; 0 means 32
	Depth           int    `json:"depth,omitempty"`           // levels below the first; 0 means 4, in 3-D 3
	Widest          int    `json:"widest,omitempty"`          // the most channels of a level; 0 means no bound
	Norm            string `json:"norm,omitempty"`            // "" means batch, in 3-D instance
	Activation      string `json:"activation,omitempty"`      // "" means relu, in 3-D leaky-relu
	Down            string `json:"down,omitempty"`            // pool: max pooling; stride: the first convolution has stride 2; "" means pool, in 3-D stride
	DeepSupervision bool   `json:"deepSupervision,omitempty"` // while training, an output at each level of the decoder but the lowest, finest first
}

// UNet2D maps images (batch, height, width, channels) to logits (batch, height, width, out) (Ronneberger et al.
// 2015). Height and width must be multiples of 2^depth.
func UNet2D(o UNetOptions) (*Net, error) {
	return uNet("unet2d", 2, o, UNetOptions{Depth: 4, Norm: "batch", Activation: "relu", Down: "pool"})
}

// UNet3D is UNet2D for volumes (batch, depth, height, width, channels), with the defaults of nnU-Net (Isensee et al.
// 2021): instance norm, leaky ReLU, strided convolutions.
func UNet3D(o UNetOptions) (*Net, error) {
	return uNet("unet3d", 3, o, UNetOptions{Depth: 3, Norm: "instance", Activation: "leaky-relu", Down: "stride"})
}

func uNet(name string, axes int, o, fallback UNetOptions) (*Net, error) {
	c := check{network: name}
	c.least(&o.Out, 1, "out")
	c.least(&o.Base, 32, "base")
	c.least(&o.Depth, fallback.Depth, "depth")
	c.that(o.Widest >= 0, "widest", "widest must not be negative")
	pick := func(value *string, key, first string, all []string) {
		if *value == "" {
			*value = first
		}
		c.oneOf(value, key, all...)
	}
	pick(&o.Norm, "norm", fallback.Norm, norms)
	pick(&o.Activation, "activation", fallback.Activation, activationNames())
	pick(&o.Down, "down", fallback.Down, []string{"pool", "stride"})
	if err := c.done(); err != nil {
		return nil, err
	}
	return &Net{Name: name, Config: o, Inputs: images(axes), Forward: func(s *Scope, in ...*Node) []*Node { return o.forward(s, in[0]) }}, nil
}

func (o UNetOptions) forward(s *Scope, x *Node) []*Node {
	for _, d := range x.Shape().Dimensions[1 : x.Rank()-1] {
		if d%(1<<o.Depth) != 0 {
			refuse("U-Net of depth %d: each spatial size of %s must be a multiple of %d", o.Depth, x.Shape(), 1<<o.Depth)
		}
	}
	width := func(level int) int {
		if w := o.Base << level; o.Widest == 0 || w < o.Widest {
			return w
		}
		return o.Widest
	}
	var skips []*Node
	for level := range o.Depth {
		x = o.double(s.In(numbered("down", level)), x, width(level), level > 0)
		skips = append(skips, x)
		if o.Down == "pool" {
			x = MaxPool(x, Pool{})
		}
	}
	x = o.double(s.In("middle"), x, width(o.Depth), true)
	var outputs []*Node
	for level := o.Depth - 1; level >= 0; level-- {
		up := s.In(numbered("up", level))
		x = up.In("enlarge").ConvTranspose(x, width(level), []int{2}, ConvTranspose{Stride: []int{2}})
		x = o.double(up, graph.Concatenate([]*Node{skips[level], x}, x.Rank()-1), width(level), false)
		head := "out"
		if level > 0 {
			head = numbered("out", level)
		}
		if level == 0 || o.DeepSupervision && (level < o.Depth-1 || o.Depth == 1) {
			outputs = append([]*Node{s.In(head).Conv(x, o.Out, []int{1}, Conv{})}, outputs...)
		}
	}
	if !s.Training() {
		return outputs[:1]
	}
	return outputs
}

// double is two convolutions with norm and activation; the first has stride 2 where a level is entered so.
func (o UNetOptions) double(s *Scope, x *Node, out int, entered bool) *Node {
	block := ConvNorm{Norm: o.Norm, Activation: o.Activation}
	first := block
	if entered && o.Down == "stride" {
		first.Stride = []int{2}
	}
	x = s.In("block1").ConvNorm(x, out, first)
	return s.In("block2").ConvNorm(x, out, block)
}
