package saliency

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/integrate/quad"

	"galen.dev/fault"
	"galen.dev/nn"
)

// one is a batch of a single image.
func (x Image) one() nn.Array { return nn.Array{Dims: append([]int{1}, x.Dims...), Floats: x.Values} }

// onFeatures runs the gradients where the network names features.
func (m *Model) onFeatures(ctx context.Context, x Image, class int) (target, gradients, error) {
	t, err := m.target(ctx, x, class)
	if err != nil {
		return t, gradients{}, err
	}
	all, err := m.slope(x.one(), t)
	if err != nil {
		return t, gradients{}, err
	}
	g := all[0]
	if len(g.dims) != len(x.Dims) {
		return t, g, fault.WithHint(fault.Errorf(fault.Usage, "network %q names no features with a place for each part of the image", m.net.Name),
			"take integrated-gradients or occlusion, or call Features where the network is defined")
	}
	return t, g, nil
}

// gradCAM weights each feature by its mean gradient, sums, and keeps what speaks for the class.
func (m *Model) gradCAM(ctx context.Context, x Image, class int) (*Map, error) {
	t, g, err := m.onFeatures(ctx, x, class)
	if err != nil {
		return nil, err
	}
	channels := g.dims[len(g.dims)-1]
	places := len(g.features) / channels
	weight := make([]float64, channels)
	for i, d := range g.byFeatures {
		weight[i%channels] += float64(d)
	}
	small := make([]float32, places)
	for i := range small {
		sum := 0.0
		for c := range channels {
			sum += weight[c] / float64(places) * float64(g.features[i*channels+c])
		}
		small[i] = float32(max(sum, 0))
	}
	spatial := x.Dims[:len(x.Dims)-1]
	return &Map{Method: GradCAM, Class: class, Dims: slices.Clone(spatial), Values: enlarge(small, g.dims[:len(g.dims)-1], spatial), Logit: t.logit}, nil
}

// cam is exact where the layers behind the features are linear and treat all places alike. Both are tested, not assumed:
// the gradient is the same everywhere, and gradient times features is the whole of the answer less that of no features.
func (m *Model) cam(ctx context.Context, x Image, class int) (*Map, error) {
	t, g, err := m.onFeatures(ctx, x, class)
	if err != nil {
		return nil, err
	}
	channels := g.dims[len(g.dims)-1]
	small := make([]float32, len(g.features)/channels)
	alike := true
	for i := range small {
		sum := 0.0
		for c := range channels {
			d := g.byFeatures[i*channels+c]
			alike = alike && math.Abs(float64(d-g.byFeatures[c])) <= 1e-5*math.Abs(float64(d))+1e-12
			sum += float64(d) * float64(g.features[i*channels+c])
		}
		small[i] = float32(sum)
	}
	if m.bare == nil {
		if m.bare, err = nn.NewPredictor(m.backend, m.withoutFeatures(), m.weights); err != nil {
			return nil, err
		}
	}
	out, err := m.bare.Run(x.one())
	if err != nil {
		return nil, err
	}
	base := t.of(out[0].Floats)
	total := 0.0
	for _, v := range small {
		total += float64(v)
	}
	// Float32 sums over thousands of features leave some 1e-4 of the logit.
	if !alike || math.Abs(total-(t.logit-base)) > 1e-3*max(1, math.Abs(t.logit), math.Abs(base)) {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "network %q does not end in a mean over its features and a dense layer: a class activation map would not be exact", m.net.Name),
			"take grad-cam")
	}
	spatial := x.Dims[:len(x.Dims)-1]
	mp := &Map{Method: CAM, Class: class, Dims: slices.Clone(spatial), Values: enlarge(small, g.dims[:len(g.dims)-1], spatial), Logit: t.logit, Baseline: base}
	// Interpolation keeps the sum but for borders; each voxel gets the share of its cell.
	if s := mp.sum(); s != 0 && total != 0 {
		scale := float32(float64(len(small)) / float64(len(mp.Values)))
		for i := range mp.Values {
			mp.Values[i] *= scale
		}
	}
	mp.residual()
	return mp, nil
}

// residual tells how far the sum is off.
func (m *Map) residual() {
	span := m.Logit - m.Baseline
	if span == 0 {
		return
	}
	r := math.Abs(m.sum()-span) / math.Abs(span)
	m.Residual = &r
}

// GradientOptions tune IntegratedGradients.
type GradientOptions struct {
	Steps    int       // points of the integral (Gauss-Legendre) to begin with; 0 = 50
	Baseline []float32 // of each channel: the image that says nothing; nil = the image's own means
	// Tolerance is the share of the difference of logits that the sum may miss. Steps are doubled, at most four times,
	// until it is kept; 0 = .02. What remains is in Map.Residual.
	Tolerance float64
}

// integrated is the integral of the gradient along the straight line from the baseline to the image, times the image
// less the baseline.
func (m *Model) integrated(ctx context.Context, x Image, class int, o GradientOptions) (*Map, error) {
	t, err := m.target(ctx, x, class)
	if err != nil {
		return nil, err
	}
	if o.Steps < 0 || o.Steps > 1<<12 || o.Tolerance < 0 {
		return nil, fault.Errorf(fault.Usage, "integrated gradients with %d steps and a tolerance of %g", o.Steps, o.Tolerance)
	}
	base, err := x.constant(o.Baseline)
	if err != nil {
		return nil, err
	}
	y0, err := m.logits(ctx, Image{x.Dims, base})
	if err != nil {
		return nil, err
	}
	steps := o.Steps
	if steps == 0 {
		steps = 50
	}
	tolerance := o.Tolerance
	if tolerance == 0 {
		tolerance = .02
	}
	spatial := x.Dims[:len(x.Dims)-1]
	mp := &Map{Method: IntegratedGradients, Class: class, Dims: slices.Clone(spatial), Logit: t.logit, Baseline: t.of(y0)}
	for range 5 {
		mean, err := m.meanGradient(ctx, x, base, t, steps)
		if err != nil {
			return nil, err
		}
		for i := range mean {
			mean[i] *= float64(x.Values[i]) - float64(base[i])
		}
		mp.Values = perPlace(mean, x.Dims[len(x.Dims)-1])
		mp.residual()
		if mp.Residual == nil || *mp.Residual <= tolerance {
			break
		}
		steps *= 2
	}
	return mp, nil
}

// meanGradient is the mean of the gradient by the image between the baseline and the image.
func (m *Model) meanGradient(ctx context.Context, x Image, base []float32, t target, steps int) ([]float64, error) {
	at, weight := make([]float64, steps), make([]float64, steps)
	quad.Legendre{}.FixedLocations(at, weight, 0, 1)
	n := len(x.Values)
	batch := min(batchOf(n, 16), steps)
	in := nn.Array{Dims: append([]int{batch}, x.Dims...), Floats: make([]float32, batch*n)}
	mean := make([]float64, n)
	for from := 0; from < steps; from += batch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rows := min(batch, steps-from)
		for k := range rows {
			a := at[from+k]
			for i, v := range x.Values {
				b := float64(base[i])
				in.Floats[k*n+i] = float32(b + float64(a*(float64(v)-b)))
			}
		}
		all, err := m.slope(in, t)
		if err != nil {
			return nil, err
		}
		for k := range rows {
			for i, d := range all[k].byImage {
				mean[i] += float64(weight[from+k] * float64(d))
			}
		}
	}
	return mean, nil
}

// constant is an image of one value for each channel; nil means the image's own means.
func (x Image) constant(perChannel []float32) ([]float32, error) {
	channels := x.Dims[len(x.Dims)-1]
	if perChannel == nil {
		mean := make([]float64, channels)
		for i, v := range x.Values {
			mean[i%channels] += float64(v)
		}
		perChannel = make([]float32, channels)
		for c := range mean {
			perChannel[c] = float32(mean[c] * float64(channels) / float64(len(x.Values)))
		}
	}
	if len(perChannel) != channels {
		return nil, fault.Errorf(fault.Usage, "%s for an image of %s", fault.Count(len(perChannel), "value"), fault.Count(channels, "channel"))
	}
	return slices.Repeat(perChannel, len(x.Values)/channels), nil
}
