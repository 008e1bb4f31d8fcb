package saliency

import (
	"context"
	"slices"
	"strings"

	"galen.dev/fault"
)

// Options tune Explain; the zero value is right for most.
type Options struct {
	Gradient  GradientOptions  // of IntegratedGradients
	Occlusion OcclusionOptions // of Occlusion
	Faith     FaithOptions     // of the measurement
	NoFaith   bool             // leave the measurement out
}

// Methods lists the methods in the order of what they cost.
var Methods = []Method{CAM, GradCAM, IntegratedGradients, Occlusion}

// Explain draws the map of a class, counted from 0, and measures how faithful it is.
func (m *Model) Explain(ctx context.Context, x Image, class int, method Method, o Options) (*Map, error) {
	var mp *Map
	var err error
	switch method {
	case CAM:
		mp, err = m.cam(ctx, x, class)
	case GradCAM:
		mp, err = m.gradCAM(ctx, x, class)
	case IntegratedGradients:
		mp, err = m.integrated(ctx, x, class, o.Gradient)
	case Occlusion:
		mp, err = m.occlusion(ctx, x, class, o.Occlusion)
	default:
		var names []string
		for _, known := range Methods {
			names = append(names, string(known))
		}
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "no method is named %q: take one of %s", method, strings.Join(names, ", ")), "%s", fault.DidYouMean(string(method), names))
	}
	if err != nil || o.NoFaith {
		return mp, err
	}
	return mp, m.Faith(ctx, x, mp, o.Faith)
}

// Mean is the mean of the maps of several models for one image and class, by one method: an ensemble's. The faithfulness
// of the mean is not that of its parts; it stays unmeasured.
func Mean(maps ...*Map) (*Map, error) {
	if len(maps) == 0 {
		return nil, fault.Errorf(fault.Usage, "the mean of no maps")
	}
	first := maps[0]
	out := &Map{Method: first.Method, Class: first.Class, Dims: slices.Clone(first.Dims), Values: make([]float32, len(first.Values))}
	sum := make([]float64, len(first.Values))
	n := float64(len(maps))
	for _, mp := range maps {
		if mp.Method != first.Method || mp.Class != first.Class || !slices.Equal(mp.Dims, first.Dims) {
			return nil, fault.Errorf(fault.Usage, "the mean of maps by other methods, of other classes or of other sizes")
		}
		out.Logit += mp.Logit / n
		out.Baseline += mp.Baseline / n
		for i, v := range mp.Values {
			sum[i] += float64(v)
		}
	}
	for i := range sum {
		out.Values[i] = float32(sum[i] / n)
	}
	if first.Residual != nil {
		out.residual()
	}
	return out, nil
}
