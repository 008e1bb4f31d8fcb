package nn

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
)

// shapesOf builds a network and returns the dimensions of its outputs and the number of its trained values.
func shapesOf(t *testing.T, net *Net, training bool, inputs ...Shape) (outputs [][]int, trained int) {
	t.Helper()
	g := graph.NewGraph(stock(t), "")
	defer g.Finalize()
	s := NewScope(g, ScopeOptions{Training: training})
	err := addInputs(net, s, inputs, func(o []*Node) {
		for _, x := range o {
			outputs = append(outputs, x.Shape().Dimensions)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range s.Bound() {
		if b.Trained {
			trained += product(b.Dims)
		}
	}
	return outputs, trained
}

// The counts for three channels and 1000 classes are those of torchvision's resnet18 and resnet34; the others follow
// from the PyTorch modules of the engine's workloads.
func TestNetworkSizes(t *testing.T) {
	for _, c := range []struct {
		name, config string
		training     bool
		inputs       []Shape
		outputs      [][]int
		trained      int
	}{
		{"basic-cnn", `{"out": 10}`, false, []Shape{Float32s(2, 28, 28, 3)}, [][]int{{2, 10}}, 422_218},
		{"resnet18", `{"out": 1000, "stem": "large"}`, false, []Shape{Float32s(1, 224, 224, 3)}, [][]int{{1, 1000}}, 11_689_512},
		{"resnet34", `{"out": 1000, "stem": "large"}`, false, []Shape{Float32s(1, 64, 64, 3)}, [][]int{{1, 1000}}, 21_797_672},
		{"resnet18", `{"out": 10}`, true, []Shape{Float32s(2, 28, 28, 3)}, [][]int{{2, 10}}, 11_173_962},
		{"unet2d", `{}`, false, []Shape{Float32s(1, 128, 128, 1)}, [][]int{{1, 128, 128, 1}}, 7_762_465},
		{"unet2d", `{"out": 3, "base": 4, "depth": 3, "deepSupervision": true, "norm": "group"}`, true, []Shape{Float32s(2, 16, 24, 1)}, [][]int{{2, 16, 24, 3}, {2, 8, 12, 3}}, 0},
		{"unet3d", `{"out": 2, "base": 4, "depth": 2, "widest": 6}`, false, []Shape{Float32s(1, 8, 4, 8, 2)}, [][]int{{1, 8, 4, 8, 2}}, 0},
		{"dcgan", `{"channels": 3}`, false, []Shape{Float32s(4, 100)}, [][]int{{4, 28, 28, 3}}, 761_728},
		{"dcgan-discriminator", `{"channels": 3}`, true, []Shape{Float32s(4, 28, 28, 3)}, [][]int{{4, 1}}, 0},
		{"dcgan-discriminator", `{"size": 64}`, true, []Shape{Float32s(2, 64, 64, 1)}, [][]int{{2, 1}}, 0},
		{"mlp", `{"out": 10}`, false, []Shape{Float32s(3, 64)}, [][]int{{3, 10}}, 85_002},
		{"mlp", `{"hidden": [8], "norm": "batch", "activation": "gelu", "dropout": 0.5}`, false, []Shape{Float32s(3, 64)}, [][]int{{3, 1}}, 0},
		{"cnn1d", `{"out": 5}`, true, []Shape{Float32s(2, 140, 1)}, [][]int{{2, 5}}, 293_829},
		{"resnet1d", `{"out": 5, "width": 8, "blocks": [1, 2]}`, true, []Shape{Float32s(2, 100, 12)}, [][]int{{2, 5}}, 0},
		{"tcn", `{"out": 2, "channels": [4, 8]}`, true, []Shape{Float32s(2, 9, 3)}, [][]int{{2, 2}}, 0},
		{"tcn", `{"steps": true}`, false, []Shape{Float32s(2, 9, 3)}, [][]int{{2, 9, 1}}, 0},
		{"transformer", `{"vocabulary": 50, "width": 16, "out": 3}`, false, []Shape{Int32s(2, 7)}, [][]int{{2, 3}}, 0},
		{"transformer", `{"width": 16, "steps": true, "causal": true, "postNorm": true}`, false, []Shape{Float32s(2, 7, 5)}, [][]int{{2, 7, 1}}, 0},
		{"basic-rnn", `{"vocabulary": 30, "out": 4}`, false, []Shape{Int32s(2, 5)}, [][]int{{2, 4}}, 70_404},
		{"lstm", `{"out": 10}`, true, []Shape{Float32s(2, 48, 76)}, [][]int{{2, 10}}, 238_858},
		{"gru", `{"bidirectional": true, "hidden": 8, "steps": true, "lengths": true}`, false, []Shape{Float32s(2, 4, 3), Int32s(2)}, [][]int{{2, 4, 1}}, 0},
	} {
		t.Run(c.name+c.config, func(t *testing.T) {
			net, err := Named(c.name, []byte(c.config))
			if err != nil {
				t.Fatal(err)
			}
			outputs, trained := shapesOf(t, net, c.training, c.inputs...)
			if !reflect.DeepEqual(outputs, c.outputs) {
				t.Errorf("outputs %v, want %v", outputs, c.outputs)
			}
			if c.trained > 0 && trained != c.trained {
				t.Errorf("%d trained values, want %d", trained, c.trained)
			}
			// What is recorded of a network builds it again.
			config, err := json.Marshal(net.Config)
			if err != nil {
				t.Fatal(err)
			}
			again, err := Named(net.Name, config)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(again.Config, net.Config) || !reflect.DeepEqual(again.Inputs, net.Inputs) {
				t.Errorf("recorded as %s, it is read as %+v", config, again.Config)
			}
		})
	}
}

// Whatever a network trains must be used in inference, and the other way round.
func TestTrainingAndInferenceShareWeights(t *testing.T) {
	for _, n := range Networks {
		net, err := n.Build([]byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if net.Name != n.Name {
			t.Errorf("network %q calls itself %q", n.Name, net.Name)
		}
		input := map[int]Shape{2: Float32s(2, 100), 3: Float32s(2, 16, 4), 4: Float32s(2, 28, 28, 1), 5: Float32s(2, 8, 8, 8, 1)}[len(net.Inputs[0].Dims)]
		if n.Name == "unet2d" {
			input = Float32s(2, 16, 16, 1)
		}
		_, training := shapesOf(t, net, true, input)
		_, inference := shapesOf(t, net, false, input)
		if training != inference || training == 0 {
			t.Errorf("%s trains %d values and uses %d", n.Name, training, inference)
		}
	}
}

func TestNamedRefuses(t *testing.T) {
	for name, config := range map[string]string{
		"no-such-net": `{}`,
		"mlp":         `{"width": 3}`,
		"basic-cnn":   `{"out": -1}`,
		"dcgan":       `{"size": 30}`,
		"resnet18":    `{"stem": "huge"}`,
		"resnet34":    `{"norm": "none of these"}`,
		"resnet1d":    `{"kernel": 4}`,
		"unet2d":      `{"down": "sideways"}`,
		"unet3d":      `{"base": 4} {}`,
		"tcn":         `{"channels": [0]}`,
		"transformer": `{"width": 10, "heads": 3}`,
		"lstm":        `{"dropout": 1}`,
		"gru":         `{"embedding": 4}`,
	} {
		if _, err := Named(name, []byte(config)); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s %s: %v", name, config, err)
		}
	}
	_, err := Named("resnet18", []byte(`{"stem": "huge", "out": -1, "dropout": 2}`))
	if got := len(fault.FindingsOf(err)); got != 3 {
		t.Errorf("%d findings, want all 3: %v", got, err)
	}
}

func TestNetworkInputsAreChecked(t *testing.T) {
	net := must(UNet2D(UNetOptions{Depth: 2}))
	for _, in := range [][]Shape{nil, {Float32s(1, 8, 8)}, {Float32s(1, 10, 8, 1)}, {Int32s(1, 8, 8, 1)}, {shapes.Make(dtypes.Bool, 1, 8, 8, 1)}} {
		if _, err := Specs(net, in...); fault.KindOf(err) != fault.Usage {
			t.Errorf("inputs %v: %v", in, err)
		}
	}
	if specs, err := Specs(net, Float32s(1, 8, 4, 1)); err != nil || !slices.ContainsFunc(specs, func(s Spec) bool { return s.Name == "up1.enlarge.weight" }) {
		t.Errorf("%v", err)
	}
}
