package augment

import (
	"math"
	"math/rand/v2"
)

// defaultControl is the spacing of control points in voxels: four to a patch of 128.
const defaultControl = 32

// fold is the displacement, in spacings of control points, below which cubic B-splines in three dimensions can't
// fold (Choi and Lee 2000). Draws are cut off there.
const fold = 1 / 2.48

// Draw draws what happens to an image of the shape (height, width, channels) or (depth, height, width,
// channels). The same seed, settings and shape give the same parameters. It panics on another number of
// dimensions and on settings that Check refuses.
func Draw(seed uint64, s Settings, shape []int) Parameters {
	if err := s.Check(); err != nil {
		panic("augment: " + err.Error())
	}
	from, channels := grid(shape)
	p := Parameters{From: from, Border: s.Border, NearestLabels: s.NearestLabels}
	for i, n := range s.Size {
		if from[i] > 1 || i > 0 {
			p.To[i] = n
		}
	}
	plane := len(shape) == 3
	// Each kind has a stream of its own: switching one off leaves the others' draws as they were.
	stream := func(kind uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, kind)) }
	m := product(turns(stream(1), s, plane), product(scales(stream(2), s.Scale, plane), flips(stream(3), s.Flip, plane)))
	if m != identity {
		p.Matrix = m
	}
	p.Shift = shifts(stream(4), s, from, p.size(), plane)
	p.Elastic = elastic(stream(5), s.Elastic, p.size(), plane)
	for i, k := range s.intensities() {
		p.Steps = append(p.Steps, k.steps(stream(uint64(16+i)), channels, plane)...)
	}
	return p
}

// grid splits a shape into its grid and its channels.
func grid(shape []int) (dims [3]int, channels int) {
	switch len(shape) {
	case 3:
		return [3]int{1, shape[0], shape[1]}, shape[2]
	case 4:
		return [3]int(shape[:3]), shape[3]
	}
	panic("augment: a shape is (height, width, channels) or (depth, height, width, channels)")
}

func (r Range) draw(rng *rand.Rand) float64 { return r.Low + (r.High-r.Low)*rng.Float64() }

func (k Intensity) draw(rng *rand.Rand) float64 {
	if !k.Balanced || k.Range.Low >= 1 || k.Range.High <= 1 {
		return k.Range.draw(rng)
	}
	if rng.Float64() < .5 {
		return Range{k.Range.Low, 1}.draw(rng)
	}
	return Range{1, k.Range.High}.draw(rng)
}

// turns is the rotation in voxels: in a grid of unequal spacing it is sheared, so that the body keeps its shape.
func turns(rng *rand.Rand, s Settings, plane bool) [3][3]float64 {
	m := identity
	if rng.Float64() >= s.Rotation.Probability {
		return m
	}
	for axis, r := range s.Rotation.Degrees {
		if angle := r.draw(rng); axis == 0 || !plane {
			m = product(m, turn(axis, angle))
		}
	}
	for i := range 3 {
		for j := range 3 {
			m[i][j] *= orOne(s.Spacing[j]) / orOne(s.Spacing[i])
		}
	}
	return m
}

func orOne(v float64) float64 {
	if v == 0 {
		return 1
	}
	return v
}

func scales(rng *rand.Rand, s Scale, plane bool) [3][3]float64 {
	m := identity
	if rng.Float64() >= s.Probability {
		return m
	}
	factor := s.Factor.draw(rng)
	for axis := range 3 {
		if s.PerAxis {
			factor = s.Factor.draw(rng)
		}
		if axis > 0 || !plane && !s.InPlane {
			m[axis][axis] = 1 / factor
		}
	}
	return m
}

func flips(rng *rand.Rand, probability [3]float64, plane bool) [3][3]float64 {
	m := identity
	for axis, p := range probability {
		if rng.Float64() < p && (axis > 0 || !plane) {
			m[axis][axis] = -1
		}
	}
	return m
}

// shifts places the result in the input: cut at random or in the middle, on whole voxels, then moved.
func shifts(rng *rand.Rand, s Settings, from, to [3]int, plane bool) (d [3]float64) {
	for i := range 3 {
		u, room := rng.Float64(), from[i]-to[i]
		start := math.Floor(float64(room) / 2)
		if s.RandomCrop && room > 0 {
			start = math.Min(math.Floor(u*float64(room+1)), float64(room))
		}
		d[i] = start - float64(room)/2
	}
	if rng.Float64() >= s.Shift.Probability {
		return d
	}
	for i, f := range s.Shift.Fraction {
		if u := rng.Float64()*2 - 1; i > 0 || !plane {
			d[i] += u * f * float64(from[i])
		}
	}
	return d
}

func elastic(rng *rand.Rand, s Elastic, size [3]int, plane bool) *Grid {
	if rng.Float64() >= s.Probability {
		return nil
	}
	g := &Grid{}
	var limit [3]float64
	for i, n := range size {
		spacing := s.Spacing[i]
		if spacing == 0 {
			spacing = defaultControl
		}
		g.Points[i] = 1
		if n > 1 {
			g.Points[i] = max(2, int(math.Round(float64(n-1)/spacing))+1)
			limit[i] = fold * float64(n-1) / float64(g.Points[i]-1)
		}
	}
	sd := s.Magnitude.draw(rng)
	g.Displacement = make([]float32, voxels(g.Points)*3)
	for i := range g.Displacement {
		axis := i % 3
		v := rng.NormFloat64() * sd
		if axis == 0 && plane {
			continue
		}
		g.Displacement[i] = float32(math.Max(-limit[axis], math.Min(limit[axis], v)))
	}
	return g
}

// steps are the changes of values of one kind, channel after channel.
func (k kindOf) steps(rng *rand.Rand, channels int, plane bool) (out []Step) {
	if rng.Float64() >= k.Probability {
		return nil
	}
	common := k.Intensity.draw(rng)
	for c := range channels {
		chosen := rng.Float64() < orOne(k.PerChannel)
		step := Step{Kind: k.kind, Channel: c, Amount: k.Intensity.draw(rng)}
		switch k.kind {
		case Noise:
			step.Amount, step.Seed = common, rng.Uint64()
		case Blur:
			step.Amount = 0
			for axis := range step.Axes {
				if sigma := k.Range.draw(rng); axis > 0 || !plane {
					step.Axes[axis] = sigma
				}
			}
		}
		if chosen {
			out = append(out, step)
		}
	}
	return out
}
