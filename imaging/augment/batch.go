package augment

import (
	"math"
	"math/rand/v2"
)

// Mix says how the items of a batch are mixed: item i becomes Weight[i] of itself and the rest of Partner[i].
type Mix struct {
	Partner []int     `json:"partner"`
	Weight  []float64 `json:"weight"` // 0 to 1
}

// DrawMix draws partners by a random order and weights from Beta(alpha, alpha) for a batch of n items (Zhang et
// al., ICLR 2018). Alpha 0 mixes nothing; .2 to .4 is usual for images. It panics on a negative alpha.
func DrawMix(seed uint64, n int, alpha float64) Mix {
	if !(alpha >= 0) {
		panic("augment: alpha is below 0")
	}
	rng := rand.New(rand.NewPCG(seed, 32))
	m := Mix{Partner: rng.Perm(n), Weight: make([]float64, n)}
	for i := range m.Weight {
		m.Weight[i] = 1
		if alpha > 0 {
			m.Weight[i] = beta(rng, alpha)
		}
	}
	return m
}

// beta draws from Beta(a, a) as the share of two gamma variates, in logarithms: for small a both may be too
// small for a float64.
func beta(rng *rand.Rand, a float64) float64 {
	x, y := logGamma(rng, a), logGamma(rng, a)
	return 1 / (1 + math.Exp(y-x))
}

// logGamma draws the logarithm of a gamma variate of shape a (Marsaglia and Tsang 2000).
func logGamma(rng *rand.Rand, a float64) float64 {
	boost := 0.
	if a < 1 {
		boost = math.Log(1-rng.Float64()) / a
		a++
	}
	d := a - 1./3
	c := 1 / math.Sqrt(9*d)
	for {
		x := rng.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(1-rng.Float64()) < .5*x*x+d-d*v+d*math.Log(v) {
			return math.Log(d*v) + boost
		}
	}
}

// MixUp mixes a batch: images, or targets as one-hot rows or probabilities, by the same Mix. The batch holds
// len(m.Weight) items of equal length one after the other; the result is new.
func MixUp(m Mix, batch []float32) []float32 {
	n := len(m.Weight)
	if len(m.Partner) != n || n == 0 || len(batch)%n != 0 {
		panic("augment: the batch does not hold the items of the mix")
	}
	size := len(batch) / n
	out := make([]float32, len(batch))
	for i := range n {
		w := float32(m.Weight[i])
		a, b, o := batch[i*size:(i+1)*size], batch[m.Partner[i]*size:(m.Partner[i]+1)*size], out[i*size:(i+1)*size]
		for x := range o {
			o[x] = w*a[x] + (1-w)*b[x]
		}
	}
	return out
}

// Hole is a box of voxels, From included, To excluded; depth, height, width.
type Hole struct {
	From [3]int `json:"from"`
	To   [3]int `json:"to"`
}

// DrawHoles draws one hole for each of n images of a shape (height, width, channels) or (depth, height, width,
// channels), or an empty one where probability says so. Each side is fraction of the image's; the centre is any
// voxel, so that holes are cut by the border (DeVries and Taylor, arXiv 1708.04552).
func DrawHoles(seed uint64, n int, shape []int, probability, fraction float64) []Hole {
	if !(fraction >= 0 && fraction <= 1) {
		panic("augment: a hole's side is 0 to 1 of the image's")
	}
	dims, _ := grid(shape)
	rng := rand.New(rand.NewPCG(seed, 33))
	holes := make([]Hole, n)
	for i := range holes {
		cut := rng.Float64() < probability
		for axis, size := range dims {
			side := int(math.Round(fraction * float64(size)))
			if size == 1 {
				side = 1
			}
			from := rng.IntN(size) - side/2
			if cut {
				holes[i].From[axis], holes[i].To[axis] = max(0, from), min(size, from+side)
			}
		}
	}
	return holes
}

// Cutout sets the holes of a batch of images to a value; 0 is the mean of images in standard scores. The result
// is new.
func Cutout(holes []Hole, shape []int, batch []float32, fill float32) []float32 {
	dims, channels := grid(shape)
	size := voxels(dims) * channels
	if len(batch) != len(holes)*size {
		panic("augment: the batch does not hold the images of the holes")
	}
	out := append([]float32(nil), batch...)
	for i, hole := range holes {
		for d := hole.From[0]; d < hole.To[0]; d++ {
			for h := hole.From[1]; h < hole.To[1]; h++ {
				row := i*size + (d*dims[1]+h)*dims[2]*channels
				for x := row + hole.From[2]*channels; x < row+hole.To[2]*channels; x++ {
					out[x] = fill
				}
			}
		}
	}
	return out
}
