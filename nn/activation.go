package nn

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/engine/autodiff"
	"galen.dev/fault"
)

// Activation is a function applied to each element.
type Activation func(x *Node) *Node

var activations = map[string]Activation{
	"relu": ReLU, "leaky-relu": func(x *Node) *Node { return LeakyReLU(x, 0.01) }, "gelu": GELU, "silu": SiLU,
	"sigmoid": graph.Sigmoid, "tanh": graph.Tanh, "softplus": Softplus, "elu": ELU,
	"none": func(x *Node) *Node { return x },
}

// ActivationByName is one of relu, leaky-relu (slope 0.01), elu, gelu, silu, sigmoid, tanh, softplus, none.
func ActivationByName(name string) (Activation, error) {
	if a, ok := activations[name]; ok {
		return a, nil
	}
	return nil, fault.Errorf(fault.Usage, "no activation is named %q: take one of %s", name, strings.Join(slices.Sorted(maps.Keys(activations)), ", "))
}

// mustActivation is for the building of graphs: "" means the fallback.
func mustActivation(name, fallback string) Activation {
	if name == "" {
		name = fallback
	}
	a, err := ActivationByName(name)
	if err != nil {
		panic(err)
	}
	return a
}

// ReLU is max(0, x). Its gradient at 0 is 0.
func ReLU(x *Node) *Node {
	// With the constant on the left, package autodiff takes the gradient from the output, and x need not be kept.
	return graph.Max(graph.ScalarZero(x.Graph(), x.DType()), x)
}

// LeakyReLU is x where positive and slope·x elsewhere; the slope is above 0. Its gradient is taken from the output,
// which has x's sign.
func LeakyReLU(x *Node, slope float64) *Node {
	if slope <= 0 {
		refuse("the slope of leaky ReLU must be above 0, not %g", slope)
	}
	scale := func(by, x *Node) *Node {
		return graph.Where(graph.GreaterThan(by, graph.ScalarZero(by.Graph(), by.DType())), x, graph.MulScalar(x, slope))
	}
	return autodiff.Call("leaky_relu", nil, []*Node{x},
		func(in []*Node) []*Node { return []*Node{scale(in[0], in[0])} },
		func(_, out, d []*Node) []*Node { return []*Node{scale(out[0], d[0])} })[0]
}

// ELU is x where positive and exp(x)-1 elsewhere (Clevert et al. 2016).
func ELU(x *Node) *Node {
	zero := graph.ZerosLike(x)
	positive := graph.GreaterThan(x, zero)
	return graph.Where(positive, x, graph.Expm1(graph.Where(positive, zero, x)))
}

// GELU is x·Φ(x), Φ the normal distribution function, exactly (Hendrycks and Gimpel 2016).
func GELU(x *Node) *Node {
	return graph.Mul(graph.MulScalar(x, 0.5), graph.OnePlus(graph.Erf(graph.MulScalar(x, math.Sqrt2/2))))
}

// SiLU is x·sigmoid(x), also known as swish.
func SiLU(x *Node) *Node { return graph.Mul(x, graph.Sigmoid(x)) }

// Softplus is log(1+exp(x)), computed without overflow. Its gradient is sigmoid(x).
func Softplus(x *Node) *Node {
	return autodiff.Call("softplus", nil, []*Node{x},
		func(in []*Node) []*Node {
			return []*Node{graph.Add(ReLU(in[0]), graph.Log1p(graph.Exp(graph.Neg(graph.Abs(in[0])))))}
		},
		func(in, _, d []*Node) []*Node { return []*Node{graph.Mul(d[0], graph.Sigmoid(in[0]))} })[0]
}

// Softmax is exp(x)/Σexp(x) over the last axis.
func Softmax(x *Node) *Node {
	axis := x.Rank() - 1
	return autodiff.Call("softmax", nil, []*Node{x},
		func(in []*Node) []*Node {
			x := in[0]
			e := graph.Exp(graph.Sub(x, spread(graph.ReduceMax(x, axis), x, axis)))
			return []*Node{graph.Div(e, spread(graph.ReduceSum(e, axis), x, axis))}
		},
		func(_, out, d []*Node) []*Node {
			y := out[0]
			return []*Node{graph.Mul(y, graph.Sub(d[0], spread(graph.ReduceSum(graph.Mul(d[0], y), axis), y, axis)))}
		})[0]
}

// spread gives a reduction of x over some axes these axes back with size 1, so that arithmetic with x repeats it.
func spread(reduced, x *Node, axes ...int) *Node {
	dims := slices.Clone(x.Shape().Dimensions)
	for _, a := range axes {
		dims[a] = 1
	}
	return graph.Reshape(reduced, dims...)
}

// alongLast gives an array over the last axes of x leading axes of size 1, so that arithmetic with x repeats it.
func alongLast(x, v *Node) *Node { return graph.ExpandLeftToRank(v, x.Rank()) }

// activationNames lists the names, the default first.
func activationNames() []string {
	return append([]string{"relu"}, slices.DeleteFunc(slices.Sorted(maps.Keys(activations)), func(n string) bool { return n == "relu" })...)
}
