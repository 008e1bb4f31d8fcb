package nn

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"galen.dev/fault"
)

// Initialiser draws the first values of a weight. The zero value stands for the layer's default; to Scope.Weight it
// means zeros. Fans are counted for weights of
// dimensions (spatial..., in, out): fan-in is spatial × in, fan-out spatial × out.
type Initialiser struct {
	name string
	draw func(rng *rand.Rand, dims []int, data []float32)
}

func (i Initialiser) String() string {
	if i.draw == nil {
		return "zeros"
	}
	return i.name
}

func (i Initialiser) fill(rng *rand.Rand, dims []int, data []float32) {
	if i.draw == nil {
		clear(data)
		return
	}
	i.draw(rng, dims, data)
}

// Constant fills with one value.
func Constant(value float64) Initialiser {
	return Initialiser{"constant", func(_ *rand.Rand, _ []int, data []float32) {
		for i := range data {
			data[i] = float32(value)
		}
	}}
}

// Uniform draws from [-bound, bound).
func Uniform(bound float64) Initialiser {
	return Initialiser{"uniform", func(rng *rand.Rand, _ []int, data []float32) { uniform(rng, bound, data) }}
}

// Normal draws from a normal distribution of mean 0.
func Normal(sd float64) Initialiser {
	return Initialiser{"normal", func(rng *rand.Rand, _ []int, data []float32) { normal(rng, sd, data) }}
}

// The initialisers whose spread follows from the shape of the weight.
var (
	// Zeros fills with 0 and Ones with 1.
	Zeros, Ones = Constant(0), Constant(1)
	// GlorotUniform and GlorotNormal keep the variance of signals and gradients of a linear layer: variance
	// 2/(fan-in + fan-out) (Glorot and Bengio 2010). Also known as Xavier.
	GlorotUniform = scaled("glorot-uniform", uniform, func(in, out float64) float64 { return math.Sqrt(6 / (in + out)) })
	GlorotNormal  = scaled("glorot-normal", normal, func(in, out float64) float64 { return math.Sqrt(2 / (in + out)) })
	// HeUniform and HeNormal keep the variance through ReLU: variance 2/fan-in (He et al. 2015). Also known as
	// Kaiming.
	HeUniform = scaled("he-uniform", uniform, func(in, _ float64) float64 { return math.Sqrt(6 / in) })
	HeNormal  = scaled("he-normal", normal, func(in, _ float64) float64 { return math.Sqrt(2 / in) })
	// HeNormalFanOut has variance 2/fan-out: what ResNets of torchvision start from.
	HeNormalFanOut = scaled("he-normal-fan-out", normal, func(_, out float64) float64 { return math.Sqrt(2 / out) })
	// PyTorch is what torch.nn.Linear and Conv draw: uniform within 1/sqrt(fan-in), that is, kaiming_uniform_
	// with a = sqrt(5).
	PyTorch = scaled("pytorch", uniform, func(in, _ float64) float64 { return 1 / math.Sqrt(in) })
	// Orthogonal makes the rows or columns of the weight, seen as a matrix (spatial × in, out), orthonormal
	// (Saxe et al. 2014).
	Orthogonal = Initialiser{"orthogonal", orthogonal}
)

// byName lists what InitialiserByName knows, beside aliases.
var byName = map[string]Initialiser{
	"zeros": Zeros, "ones": Ones, "glorot-uniform": GlorotUniform, "glorot-normal": GlorotNormal,
	"xavier-uniform": GlorotUniform, "xavier-normal": GlorotNormal, "he-uniform": HeUniform, "he-normal": HeNormal,
	"kaiming-uniform": HeUniform, "kaiming-normal": HeNormal, "he-normal-fan-out": HeNormalFanOut,
	"pytorch": PyTorch, "orthogonal": Orthogonal,
}

// InitialiserByName is the initialiser of a name: zeros, ones, constant (value), uniform (bound), normal (standard
// deviation), glorot-uniform, glorot-normal (or xavier-), he-uniform, he-normal (or kaiming-), he-normal-fan-out,
// orthogonal, pytorch. The argument is for constant, uniform and normal; the others refuse one other than 0.
func InitialiserByName(name string, argument float64) (Initialiser, error) {
	switch name {
	case "constant":
		return Constant(argument), nil
	case "uniform":
		return Uniform(argument), nil
	case "normal":
		return Normal(argument), nil
	}
	i, ok := byName[name]
	if !ok {
		known := append(slices.Sorted(maps.Keys(byName)), "constant", "normal", "uniform")
		return i, fault.Errorf(fault.Usage, "no initialiser is named %q: take one of %s", name, strings.Join(known, ", "))
	}
	if argument != 0 {
		return i, fault.Errorf(fault.Usage, "initialiser %q takes no argument", name)
	}
	return i, nil
}

func scaled(name string, draw func(*rand.Rand, float64, []float32), scale func(in, out float64) float64) Initialiser {
	return Initialiser{name, func(rng *rand.Rand, dims []int, data []float32) {
		in, out := fans(dims)
		draw(rng, scale(in, out), data)
	}}
}

func fans(dims []int) (in, out float64) {
	n := len(dims)
	if n < 2 {
		return float64(product(dims)), float64(product(dims))
	}
	spatial := product(dims[:n-2])
	return float64(spatial * dims[n-2]), float64(spatial * dims[n-1])
}

func uniform(rng *rand.Rand, bound float64, data []float32) {
	for i := range data {
		data[i] = float32(bound * (2*rng.Float64() - 1))
	}
}

func normal(rng *rand.Rand, sd float64, data []float32) {
	for i := range data {
		data[i] = float32(sd * rng.NormFloat64())
	}
}

// orthogonal orthonormalises the shorter side of a normal matrix by modified Gram–Schmidt, done twice: once loses
// orthogonality to rounding ("twice is enough", Giraud et al. 2005).
func orthogonal(rng *rand.Rand, dims []int, data []float32) {
	if len(dims) < 2 {
		normal(rng, 1, data)
		return
	}
	cols := dims[len(dims)-1]
	rows := len(data) / cols
	count, length := min(rows, cols), max(rows, cols)
	vectors := make([][]float64, count)
	for i := range vectors {
		v := make([]float64, length)
		for j := range v {
			v[j] = rng.NormFloat64()
		}
		for range 2 {
			for _, u := range vectors[:i] {
				d := dot(u, v)
				for j := range v {
					v[j] -= d * u[j]
				}
			}
		}
		norm := 1 / math.Sqrt(dot(v, v))
		for j := range v {
			v[j] *= norm
		}
		vectors[i] = v
	}
	for r := range rows {
		for c := range cols {
			if rows >= cols {
				data[r*cols+c] = float32(vectors[c][r])
			} else {
				data[r*cols+c] = float32(vectors[r][c])
			}
		}
	}
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

// or is the initialiser itself, or the fallback where it is the zero value.
func (i Initialiser) or(fallback Initialiser) Initialiser {
	if i.name == "" {
		return fallback
	}
	return i
}
