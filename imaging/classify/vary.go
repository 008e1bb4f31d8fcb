package classify

import (
	"context"
	"math/rand/v2"

	"galen.dev/imaging/augment"
	"galen.dev/nn"
)

// sample makes the arrays of one image with its answer.
func (t *trainer) sample(x []float32, target, keep []float32) *nn.Sample {
	s := &nn.Sample{Inputs: []nn.Array{{Dims: t.plan.shape(), Floats: x}}, Targets: []nn.Array{{Dims: []int{len(target)}, Floats: target}}}
	if !t.cohort.Labels.softmax() {
		s.Targets = append(s.Targets, nn.Array{Dims: []int{len(keep)}, Floats: keep})
	}
	return s
}

func (t *trainer) answer(i int, smoothing float64) (target, keep []float32) {
	n := t.cohort.Labels.outputs()
	target, keep = make([]float32, n), make([]float32, n)
	t.cohort.Labels.target(t.cohort.Y[i], t.marks(i), smoothing, target, keep)
	return target, keep
}

// plain loads images as they are.
func (t *trainer) plain(list []int) func(ctx context.Context, id int, rng *rand.Rand) (*nn.Sample, error) {
	return func(_ context.Context, id int, _ *rand.Rand) (*nn.Sample, error) {
		x := make([]float32, t.plan.values())
		if err := t.inputs.read(list[id], x); err != nil {
			return nil, err
		}
		target, keep := t.answer(list[id], 0)
		return t.sample(x, target, keep), nil
	}
}

// varied loads images as training sees them: varied, mixed in pairs, with weighted answers.
func (t *trainer) varied(list []int) func(ctx context.Context, id int, rng *rand.Rand) (*nn.Sample, error) {
	how := variation(t.Augment, t.Flips, t.Strength, t.plan.Depth > 0)
	var weights []float32
	if t.cohort.Labels.softmax() {
		weights = t.classWeights(list)
	}
	load := func(i int, rng *rand.Rand) (x, target, keep []float32, err error) {
		x = make([]float32, t.plan.values())
		if err := t.inputs.read(i, x); err != nil {
			return nil, nil, nil, err
		}
		x = augment.ApplyImage(augment.Draw(rng.Uint64(), how, t.plan.shape()), x)
		target, keep = t.answer(i, t.Smoothing)
		return x, target, keep, nil
	}
	return func(_ context.Context, id int, rng *rand.Rand) (*nn.Sample, error) {
		x, target, keep, err := load(list[id], rng)
		if err != nil {
			return nil, err
		}
		if t.Mixup > 0 {
			mix := augment.DrawMix(rng.Uint64(), 1, t.Mixup)
			y, other, kept, err := load(list[rng.IntN(len(list))], rng)
			if err != nil {
				return nil, err
			}
			w := float32(mix.Weight[0])
			blend(x, y, w)
			blend(target, other, w)
			for k := range keep {
				keep[k] = min(keep[k], kept[k])
			}
		}
		for k, w := range weights {
			target[k] *= w
		}
		return t.sample(x, target, keep), nil
	}
}

func blend(a, b []float32, w float32) {
	for i := range a {
		a[i] = w*a[i] + (1-w)*b[i]
	}
}

// variation is how training images are varied.
func variation(preset, flips string, strength float64, solid bool) augment.Settings {
	s := augment.Settings{Border: augment.Edge}
	if preset != "none" {
		s = augment.Light2D()
		if preset == "strong" {
			s.Rotation = augment.Rotation{Probability: .7, Degrees: [3]augment.Range{{Low: -20, High: 20}}}
			s.Scale = augment.Scale{Probability: .7, Factor: augment.Range{Low: .8, High: 1.25}}
			s.Multiply = augment.Intensity{Probability: .5, Range: augment.Range{Low: .8, High: 1.2}}
			s.Contrast = augment.Intensity{Probability: .5, Range: augment.Range{Low: .75, High: 1.25}}
			s.Gamma = augment.Intensity{Probability: .3, Range: augment.Range{Low: .7, High: 1.5}}
			s.Noise = augment.Intensity{Probability: .2, Range: augment.Range{Low: 0, High: .1}}
			s.Blur = augment.Intensity{Probability: .2, Range: augment.Range{Low: .3, High: .8}}
			s.LowResolution = augment.Intensity{Probability: .15, Range: augment.Range{Low: .6, High: 1}}
		}
		stretch(&s, strength)
		if solid {
			s.Scale.InPlane = false
		}
	}
	if flips != "none" {
		s.Flip[2] = .5
	}
	if flips == "all" {
		s.Flip = [3]float64{.5, .5, .5}
	}
	return s
}

// stretch makes ranges of change longer or shorter about what changes nothing.
func stretch(s *augment.Settings, by float64) {
	about := func(r *augment.Range, one, least float64) {
		r.Low, r.High = max(one+(r.Low-one)*by, least), one+(r.High-one)*by
	}
	for k := range s.Rotation.Degrees {
		about(&s.Rotation.Degrees[k], 0, -180)
		s.Rotation.Degrees[k].High = min(s.Rotation.Degrees[k].High, 180)
	}
	about(&s.Scale.Factor, 1, .3)
	for k := range s.Shift.Fraction {
		s.Shift.Fraction[k] = min(s.Shift.Fraction[k]*by, .5)
	}
	about(&s.Multiply.Range, 1, .1)
	about(&s.Contrast.Range, 1, .1)
	about(&s.Gamma.Range, 1, .2)
	about(&s.Noise.Range, 0, 0)
	about(&s.Blur.Range, 0, 0)
	about(&s.LowResolution.Range, 1, .2)
}
