package classify

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/imaging/saliency"
	"galen.dev/imaging/show"
	"galen.dev/nn"
	"galen.dev/volume"
)

// explainer draws what spoke for a class. Maps are the mean over the members; their faithfulness is measured on the
// members together.
type explainer struct {
	labels  *labelling
	plan    *plan
	method  saliency.Method
	members []*saliency.Model
	whole   *saliency.Model
	seed    uint64
}

// newExplainer makes an explainer; "auto" is cam, or else the first that the network allows.
func newExplainer(backend compute.Backend, m *model, method string, seed uint64) (*explainer, error) {
	net, err := m.Network.build()
	if err != nil {
		return nil, err
	}
	head := saliency.Sigmoid
	if m.Labels.softmax() {
		head = saliency.Softmax
	}
	x := &explainer{labels: &m.Labels, plan: m.Plan, method: saliency.Method(method), seed: seed}
	if method == "auto" {
		switch m.Network.Model {
		case "resnet18", "resnet34":
			x.method = saliency.CAM
		case "basic-cnn", "cnn-rnn":
			x.method = saliency.GradCAM
		default:
			x.method = saliency.IntegratedGradients
		}
	}
	for _, w := range m.weights {
		one, err := saliency.NewModel(backend, net, w, head)
		if err != nil {
			x.close()
			return nil, err
		}
		x.members = append(x.members, one)
	}
	if x.whole = x.members[0]; len(x.members) == 1 {
		return x, nil
	}
	all, weights, err := together(net, m.weights)
	if err == nil {
		x.whole, err = saliency.NewModel(backend, all, weights, head)
	}
	if err != nil {
		x.whole = nil
		x.close()
		return nil, err
	}
	return x, nil
}

// together is the network whose logits are the mean of the members'.
func together(net *nn.Net, members []*nn.Weights) (*nn.Net, *nn.Weights, error) {
	name := func(k int) string { return "member" + strconv.Itoa(k) }
	var tensors []*nn.Tensor
	for k, w := range members {
		for _, t := range w.Tensors() {
			copied := *t
			copied.Name = name(k) + "." + t.Name
			tensors = append(tensors, &copied)
		}
	}
	w, err := nn.NewWeights(tensors...)
	out := &nn.Net{Name: net.Name, Config: net.Config, Inputs: net.Inputs, Forward: func(s *nn.Scope, in ...*nn.Node) []*nn.Node {
		var sum *nn.Node
		for k := range members {
			y := net.Forward(s.In(name(k)), in...)[0]
			if sum == nil {
				sum = y
			} else {
				sum = graph.Add(sum, y)
			}
		}
		return []*nn.Node{graph.DivScalar(sum, float64(len(members)))}
	}}
	return out, w, err
}

func (x *explainer) close() {
	for _, m := range x.members {
		m.Close()
	}
	if x.whole != nil && (len(x.members) == 0 || x.whole != x.members[0]) {
		x.whole.Close()
	}
}

// output is the logit that stands for a class, as package saliency counts classes.
func (x *explainer) output(class int) int {
	switch {
	case x.labels.Kind == ordinal: // being beyond the grade below
		class = max(class-1, 0)
	}
	if !x.labels.softmax() && x.labels.outputs() == 1 {
		return 1 // a single logit stands for class 1 of two
	}
	return class
}

// explain draws the map of a class for one input.
func (x *explainer) explain(ctx context.Context, input []float32, class int) (*saliency.Map, error) {
	image := saliency.Image{Dims: x.plan.shape(), Values: input}
	var maps []*saliency.Map
	for _, m := range x.members {
		one, err := m.Explain(ctx, image, x.output(class), x.method, saliency.Options{NoFaith: true})
		if err != nil {
			return nil, fmt.Errorf("explaining an image: %w", err)
		}
		maps = append(maps, one)
	}
	mean := maps[0]
	if len(maps) > 1 {
		var err error
		if mean, err = saliency.Mean(maps...); err != nil {
			return nil, err
		}
	}
	return mean, x.whole.Faith(ctx, image, mean, saliency.FaithOptions{Seed: x.seed})
}

// geometry is where the network's input lies in the patient, beside the image it was made of.
func (p *plan) geometry(v *volume.Volume) (volume.Geometry, error) {
	if p.Depth > 0 {
		turned, err := v.Reorient("RAS")
		if err != nil {
			return volume.Geometry{}, err
		}
		v = turned
	}
	to := p.dims()
	inner := p.inner([3]int{v.Dims[2], v.Dims[1], v.Dims[0]})
	var b volume.Box
	for a := range 3 {
		b.From[a] = -((to[2-a] - inner[2-a]) / 2)
		b.To[a] = b.From[a] + to[2-a]
	}
	return v.Resized([3]int{inner[2], inner[1], inner[0]}).Boxed(b), nil
}

// panels are an image, and the same with its map.
func (x *explainer) panels(ctx context.Context, v *volume.Volume, m *saliency.Map, title, mapped string) ([]show.Panel, error) {
	view := show.View{Size: 256, Blocks: max(v.Dims[0], v.Dims[1]) < 64}
	g, err := x.plan.geometry(v)
	if err != nil {
		return nil, err
	}
	values, err := m.On(ctx, g, v.Geometry)
	if err != nil {
		return nil, err
	}
	return []show.Panel{{Title: title, Image: v, View: view}, {Title: mapped, Image: v, Heat: m.Heat(values), View: view}}, nil
}

// faithText says how a map fared.
func faithText(f *saliency.Faith) string {
	if f == nil {
		return "not measured"
	}
	return fmt.Sprintf("covering the marked places first beats %d %% of random orders, uncovering them first %d %%", int(math.Round(100*f.BetterDeletion)), int(math.Round(100*f.BetterInsertion)))
}
