package onnx

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/nn"
)

// many stands for any number of inputs.
const many = 1 << 30

// operators are those that are read, with what differs between the sets from oldestOpset to newestOpset.
var operators map[string]operator

// The table is filled here since operators refer to it while constants are computed.
func init() {
	operators = map[string]operator{
		"Abs": unary(graph.Abs), "Neg": unary(graph.Neg), "Exp": unary(graph.Exp), "Log": unary(graph.Log), "Sqrt": unary(graph.Sqrt),
		"Reciprocal": unary(graph.Reciprocal), "Floor": unary(graph.Floor), "Ceil": unary(graph.Ceil), "Round": unary(graph.Round),
		"Sign": unary(graph.Sign), "Sin": unary(graph.Sin), "Cos": unary(graph.Cos), "Tanh": unary(graph.Tanh), "Sigmoid": unary(graph.Sigmoid),
		"Erf": unary(graph.Erf), "Not": unary(graph.LogicalNot), "IsNaN": unary(graph.IsNaN), "Relu": unary(relu), "Softplus": unary(nn.Softplus),
		"Softsign":  unary(func(x *Node) *Node { return graph.Div(x, graph.OnePlus(graph.Abs(x))) }),
		"HardSwish": unary(func(x *Node) *Node { return graph.Mul(x, hardSigmoid(x, 1./6, 0.5)) }),
		"Mish":      unary(func(x *Node) *Node { return graph.Mul(x, graph.Tanh(nn.Softplus(x))) }),
		"Tan":       unary(func(x *Node) *Node { return graph.Div(graph.Sin(x), graph.Cos(x)) }),
		"LeakyRelu": shaped(func(n *nodeProto, x *Node) *Node { return leaky(x, n.float("alpha", 0.01)) }),
		"Elu":       shaped(func(n *nodeProto, x *Node) *Node { return elu(x, n.float("alpha", 1)) }),
		"Celu": shaped(func(n *nodeProto, x *Node) *Node {
			a := n.float("alpha", 1)
			return elu2(x, a, a)
		}),
		"Selu": shaped(func(n *nodeProto, x *Node) *Node {
			return graph.MulScalar(elu(x, n.float("alpha", 1.67326319217681884765625)), n.float("gamma", 1.05070102214813232421875))
		}),
		"ThresholdedRelu": shaped(func(n *nodeProto, x *Node) *Node {
			return graph.Where(graph.GreaterThan(x, graph.Scalar(x.Graph(), x.DType(), n.float("alpha", 1))), x, graph.ZerosLike(x))
		}),
		"HardSigmoid": shaped(func(n *nodeProto, x *Node) *Node { return hardSigmoid(x, n.float("alpha", 0.2), n.float("beta", 0.5)) }),
		"Swish": shaped(func(n *nodeProto, x *Node) *Node {
			return graph.Mul(x, graph.Sigmoid(graph.MulScalar(x, n.float("alpha", 1))))
		}),
		"Gelu": shaped(func(n *nodeProto, x *Node) *Node {
			if n.string("approximate", "none") != "tanh" {
				return nn.GELU(x)
			}
			cube := graph.Mul(x, graph.Mul(x, x))
			inner := graph.MulScalar(graph.Add(x, graph.MulScalar(cube, 0.044715)), math.Sqrt(2/math.Pi))
			return graph.Mul(graph.MulScalar(x, 0.5), graph.OnePlus(graph.Tanh(inner)))
		}),
		"Identity": {1, 1, func(_ *converter, _ *nodeProto, in []*value) []*value { return in[:1] }},
		"Dropout":  {1, 3, dropout},
		"Clip":     {1, 3, clip},
		"IsInf":    shaped(isInf),

		"Add": pairwise(graph.Add), "Sub": pairwise(graph.Sub), "Mul": pairwise(graph.Mul), "Div": pairwise(graph.Div), "Pow": {2, 2, power},
		"Mod": {2, 2, modulo}, "PRelu": pairwise(func(x, slope *Node) *Node {
			zero := graph.ScalarZero(x.Graph(), x.DType())
			return graph.Add(graph.Max(x, zero), graph.Mul(slope, graph.Min(x, zero)))
		}),
		"And": pairwise(graph.LogicalAnd), "Or": pairwise(graph.LogicalOr), "Xor": pairwise(graph.LogicalXor), "Equal": pairwise(graph.Equal),
		"Greater": pairwise(graph.GreaterThan), "Less": pairwise(graph.LessThan), "GreaterOrEqual": pairwise(graph.GreaterOrEqual),
		"LessOrEqual": pairwise(graph.LessOrEqual),
		"Max":         variadic(graph.Max, false), "Min": variadic(graph.Min, false), "Sum": variadic(graph.Add, false), "Mean": variadic(graph.Add, true),
		"Where": {3, 3, where},
		"Cast":  {1, 1, cast}, "CastLike": {2, 2, castLike},

		"Constant": {0, 0, constant}, "ConstantOfShape": {1, 1, constantOfShape}, "Shape": {1, 1, shapeOperator}, "Size": {1, 1, size},
		"Range": {3, 3, rangeOperator}, "Expand": {2, 2, expand}, "Tile": {2, 2, tile}, "Reshape": {2, 2, reshape}, "Flatten": {1, 1, flatten},
		"Squeeze": {1, 2, squeeze}, "Unsqueeze": {1, 2, unsqueeze}, "Transpose": {1, 1, transpose}, "Concat": {1, many, concat},
		"Split": {1, 2, split}, "Slice": {1, 5, slice}, "Gather": {2, 2, gather}, "GatherElements": {2, 2, gatherElements},
		"GatherND": {2, 2, gatherND}, "Pad": {1, 4, pad}, "DepthToSpace": {1, 1, depthToSpace}, "SpaceToDepth": {1, 1, spaceToDepth},
		"Trilu": {1, 2, trilu}, "CumSum": {2, 2, cumSum}, "OneHot": {3, 3, oneHot},

		"MatMul": {2, 2, matMul}, "Gemm": {2, 3, gemm}, "Einsum": {1, many, einsum},
		"MatMulInteger": {2, 4, matMulInteger}, "DynamicQuantizeLinear": {1, 1, dynamicQuantize},
		"QuantizeLinear": {2, 3, quantize}, "DequantizeLinear": {2, 3, dequantize},

		"ReduceSum": reduction(graph.ReduceSum), "ReduceMax": reduction(graph.ReduceMax), "ReduceMin": reduction(graph.ReduceMin),
		"ReduceProd": reduction(graph.ReduceMultiply), "ReduceMean": reduction(graph.ReduceMean),
		"ReduceL1":        reduction(func(x *Node, axes ...int) *Node { return graph.ReduceSum(graph.Abs(x), axes...) }),
		"ReduceL2":        reduction(func(x *Node, axes ...int) *Node { return graph.Sqrt(graph.ReduceSum(graph.Square(x), axes...)) }),
		"ReduceSumSquare": reduction(func(x *Node, axes ...int) *Node { return graph.ReduceSum(graph.Square(x), axes...) }),
		"ReduceLogSum":    reduction(func(x *Node, axes ...int) *Node { return graph.Log(graph.ReduceSum(x, axes...)) }),
		"ReduceLogSumExp": reduction(logSumExp),
		"ArgMax":          {1, 1, argMax(false)}, "ArgMin": {1, 1, argMax(true)},
		"Softmax": {1, 1, softmax(false)}, "LogSoftmax": {1, 1, softmax(true)},

		"Conv": {2, 3, conv}, "ConvTranspose": {2, 3, convTranspose}, "MaxPool": {1, 1, maxPool}, "AveragePool": {1, 1, averagePool},
		"GlobalAveragePool": {1, 1, globalPool(graph.ReduceMean)}, "GlobalMaxPool": {1, 1, globalPool(graph.ReduceMax)},
		"BatchNormalization": {5, 5, batchNorm}, "InstanceNormalization": {3, 3, instanceNorm}, "LayerNormalization": {2, 3, layerNorm},
		"GroupNormalization": {3, 3, groupNorm}, "LpNormalization": {1, 1, lpNorm},
		"Resize": {1, 4, resize}, "Upsample": {1, 2, upsample},
		"RNN": {3, 6, recurrent}, "GRU": {3, 6, recurrent}, "LSTM": {3, 8, recurrent},
	}
}

func unary(f func(*Node) *Node) operator {
	return operator{1, 1, func(c *converter, _ *nodeProto, in []*value) []*value { return []*value{c.same(in[0], f)} }}
}

func shaped(f func(n *nodeProto, x *Node) *Node) operator {
	return operator{1, 1, func(c *converter, n *nodeProto, in []*value) []*value {
		return []*value{c.same(in[0], func(x *Node) *Node { return f(n, x) })}
	}}
}

func pairwise(f func(a, b *Node) *Node) operator {
	return operator{2, 2, func(c *converter, _ *nodeProto, in []*value) []*value { return []*value{c.pair(in[0], in[1], f)} }}
}

func (c *converter) pair(a, b *value, f func(a, b *Node) *Node) *value {
	x, last, _ := c.aligned(a, b)
	return wrap(f(x[0], x[1]), last)
}

func variadic(f func(a, b *Node) *Node, mean bool) operator {
	return operator{1, many, func(c *converter, _ *nodeProto, in []*value) []*value {
		out := in[0]
		for _, v := range in[1:] {
			out = c.pair(out, v, f)
		}
		if mean {
			out = c.same(out, func(x *Node) *Node { return graph.MulScalar(x, 1/float64(len(in))) })
		}
		return []*value{out}
	}}
}

func relu(x *Node) *Node { return graph.Max(graph.ScalarZero(x.Graph(), x.DType()), x) }

func hardSigmoid(x *Node, alpha, beta float64) *Node {
	return graph.ClipScalar(graph.AddScalar(graph.MulScalar(x, alpha), beta), 0, 1)
}

func leaky(x *Node, slope float64) *Node {
	if slope > 0 {
		return nn.LeakyReLU(x, slope)
	}
	return graph.Where(graph.GreaterThan(x, graph.ScalarZero(x.Graph(), x.DType())), x, graph.MulScalar(x, slope))
}

func elu(x *Node, alpha float64) *Node { return elu2(x, alpha, 1) }

// elu2 is x where positive and alpha·(exp(x/width)-1) elsewhere.
func elu2(x *Node, alpha, width float64) *Node {
	zero := graph.ZerosLike(x)
	negative := graph.MulScalar(graph.Expm1(graph.MulScalar(graph.Min(x, zero), 1/width)), alpha)
	return graph.Where(graph.GreaterThan(x, zero), x, negative)
}

func isInf(n *nodeProto, x *Node) *Node {
	up, down := graph.Infinity(x.Graph(), x.DType(), 1), graph.Infinity(x.Graph(), x.DType(), -1)
	positive, negative := n.int("detect_positive", 1) == 1, n.int("detect_negative", 1) == 1
	switch {
	case positive && negative:
		return graph.LogicalOr(graph.Equal(x, up), graph.Equal(x, down))
	case positive:
		return graph.Equal(x, up)
	case negative:
		return graph.Equal(x, down)
	}
	return graph.NotEqual(x, x)
}

// dropout passes everything on; a mask, which is true everywhere, is made where one is asked for.
func dropout(c *converter, n *nodeProto, in []*value) []*value {
	if in[2] != nil && in[2].scalar("the training mode") != 0 {
		fail("the operator is in training mode")
	}
	out := []*value{in[0]}
	if len(n.outputs) > 1 {
		x := c.node1(in[0])
		out = append(out, of(graph.BroadcastToDims(graph.Const(c.g, true), x.Shape().Dimensions...)))
	}
	return out
}

func clip(c *converter, n *nodeProto, in []*value) []*value {
	bound := func(v *value, name string) *Node {
		switch {
		case v != nil:
			return graph.Reshape(c.node1(v))
		case n.has(name):
			return graph.Scalar(c.g, in[0].dtype, n.float(name, 0))
		}
		return nil
	}
	low, high := bound(in[1], "min"), bound(in[2], "max")
	return []*value{c.same(in[0], func(x *Node) *Node {
		if low != nil {
			x = graph.Max(x, low)
		}
		if high != nil {
			x = graph.Min(x, high)
		}
		return x
	})}
}

// power multiplies where the exponent is 2, which is exact, and takes the root where it is a half.
func power(c *converter, _ *nodeProto, in []*value) []*value {
	if in[1].known != nil && product(in[1].dims) == 1 && len(in[1].dims) <= len(in[0].dims) {
		switch in[1].scalar("the exponent") {
		case 2:
			return []*value{c.same(in[0], graph.Square)}
		case 0.5:
			if in[0].dtype.IsFloat() {
				return []*value{c.same(in[0], graph.Sqrt)}
			}
		}
	}
	return []*value{c.pair(in[0], in[1], func(a, b *Node) *Node { return graph.Pow(a, graph.ConvertDType(b, a.DType())) })}
}

// modulo has the sign of the divisor, or with fmod that of the dividend.
func modulo(c *converter, n *nodeProto, in []*value) []*value {
	return []*value{c.pair(in[0], in[1], func(a, b *Node) *Node {
		r := graph.Mod(a, b)
		if n.int("fmod", 0) == 1 || a.DType().IsUnsigned() {
			return r
		}
		zero := graph.ScalarZero(c.g, a.DType())
		differ := graph.LogicalXor(graph.LessThan(r, zero), graph.LessThan(graph.BroadcastToDims(b, r.Shape().Dimensions...), zero))
		return graph.Where(graph.LogicalAnd(differ, graph.NotEqual(r, zero)), graph.Add(r, b), r)
	})}
}

func where(c *converter, _ *nodeProto, in []*value) []*value {
	x, last, dims := c.aligned(in[0], in[1], in[2])
	if last {
		dims = lastDims(dims)
	}
	for i := range x {
		x[i] = graph.BroadcastToDims(x[i], dims...)
	}
	return []*value{wrap(graph.Where(x[0], x[1], x[2]), last)}
}

func cast(c *converter, n *nodeProto, in []*value) []*value {
	to, ok := dataType(n.int("to", 0)).computed()
	if !ok {
		fail("type %d is not supported", n.int("to", 0))
	}
	return []*value{c.convert(in[0], to)}
}

func castLike(c *converter, _ *nodeProto, in []*value) []*value {
	return []*value{c.convert(in[0], in[1].dtype)}
}

func (c *converter) convert(v *value, to dtypes.DType) *value {
	if v.dtype == to {
		return v
	}
	return c.same(v, func(x *Node) *Node {
		if to == dtypes.Bool {
			return graph.NotEqual(x, graph.ScalarZero(c.g, x.DType()))
		}
		return graph.ConvertDType(x, to)
	})
}
