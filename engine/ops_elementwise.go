package engine

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
)

// Operations on one value at a time. Their recipes are the methods themselves.

type (
	unaryMethod  = func(f compute.Function, x compute.Value) (compute.Value, error)
	binaryMethod = func(f compute.Function, lhs, rhs compute.Value) (compute.Value, error)
)

// unary records an operation whose output is shaped like its input.
func (f *function) unary(op compute.OpType, method unaryMethod, x compute.Value) (compute.Value, error) {
	if d, ok := allHalf(x); ok {
		return f.widenedOne(d, func(vs []compute.Value) (compute.Value, error) { return f.unary(op, method, vs[0]) }, x)
	}
	in, err := f.use(op.String(), x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.UnaryOp(op, in[0].shape())
	if err != nil {
		return nil, err
	}
	return f.recordUnary(op, method, in, shape)
}

func (f *function) recordUnary(op compute.OpType, method unaryMethod, in []value, shape shapes.Shape) (compute.Value, error) {
	return f.record(op, in, nil, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(method(f, in[0]))
	})
}

// to records an operation whose output has the shape of its input, and another type.
func (f *function) to(op compute.OpType, method unaryMethod, x compute.Value, dtype func(dtypes.DType) (dtypes.DType, error)) (compute.Value, error) {
	if d, ok := allHalf(x); ok {
		return f.widenedOne(d, func(vs []compute.Value) (compute.Value, error) { return f.to(op, method, vs[0], dtype) }, x)
	}
	in, err := f.use(op.String(), x)
	if err != nil {
		return nil, err
	}
	shape := in[0].shape().Clone()
	if shape.DType, err = dtype(shape.DType); err != nil {
		return nil, fmt.Errorf("%s: %w, got %s", op, err, in[0].shape())
	}
	return f.recordUnary(op, method, in, shape)
}

// binary records an operation on two values, of which scalars and axes of size one are repeated.
func (f *function) binary(op compute.OpType, method binaryMethod, lhs, rhs compute.Value) (compute.Value, error) {
	if d, ok := allHalf(lhs, rhs); ok && totalOrder[op] == nil {
		return f.widenedOne(d, func(vs []compute.Value) (compute.Value, error) { return f.binary(op, method, vs[0], vs[1]) }, lhs, rhs)
	}
	in, err := f.use(op.String(), lhs, rhs)
	if err != nil {
		return nil, err
	}
	if totalOrder[op] != nil && !in[0].dtype().IsFloat() {
		return nil, fmt.Errorf("%s: total order is that of floating point numbers, integers are in it anyway, got %s", op, in[0].shape())
	}
	infer := shapeinference.BinaryOp
	if shapeinference.ComparisonOperations.Has(op) {
		infer = compareShape
	}
	shape, err := infer(op, in[0].shape(), in[1].shape())
	if err != nil {
		return nil, err
	}
	return f.record(op, in, nil, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(method(f, in[0], in[1]))
	})
}

// compareShape is the shape of a comparison. The shape inference leaves out that inequality compares too, in
// total order, and that its operands may be booleans.
func compareShape(op compute.OpType, lhs, rhs shapes.Shape) (shapes.Shape, error) {
	if op == compute.OpTypeNotEqualTotalOrder {
		op = compute.OpTypeEqualTotalOrder
	}
	return shapeinference.ComparisonOp(op, lhs, rhs)
}

func (f *function) Abs(x compute.Value) (compute.Value, error) {
	return f.to(compute.OpTypeAbs, compute.Function.Abs, x, func(d dtypes.DType) (dtypes.DType, error) {
		if d.IsComplex() {
			return d.RealDType(), nil
		}
		_, err := shapeinference.UnaryOp(compute.OpTypeAbs, shapes.Make(d))
		return d, err
	})
}

func (f *function) BitCount(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeBitCount, compute.Function.BitCount, x)
}

func (f *function) BitwiseNot(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeBitwiseNot, compute.Function.BitwiseNot, x)
}

func (f *function) Ceil(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeCeil, compute.Function.Ceil, x)
}

func (f *function) Clz(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeClz, compute.Function.Clz, x)
}

func (f *function) Conj(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeConj, compute.Function.Conj, x)
}

func (f *function) Cos(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeCos, compute.Function.Cos, x)
}

func (f *function) Erf(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeErf, compute.Function.Erf, x)
}

func (f *function) Exp(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeExp, compute.Function.Exp, x)
}

func (f *function) Expm1(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeExpm1, compute.Function.Expm1, x)
}

func (f *function) Floor(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeFloor, compute.Function.Floor, x)
}

// Identity returns x.
func (f *function) Identity(x compute.Value) (compute.Value, error) {
	in, err := f.use("Identity", x)
	if err != nil {
		return nil, err
	}
	return f.recordUnary(compute.OpTypeIdentity, compute.Function.Identity, in, in[0].shape())
}

// Imag returns the imaginary part, zero for real numbers.
func (f *function) Imag(x compute.Value) (compute.Value, error) {
	return f.to(compute.OpTypeImag, compute.Function.Imag, x, realPart)
}

// Real returns the real part.
func (f *function) Real(x compute.Value) (compute.Value, error) {
	return f.to(compute.OpTypeReal, compute.Function.Real, x, realPart)
}

func realPart(d dtypes.DType) (dtypes.DType, error) {
	switch {
	case d.IsComplex():
		return d.RealDType(), nil
	case d.IsFloat():
		return d, nil
	}
	return d, fmt.Errorf("want complex or floating point numbers")
}

func (f *function) IsFinite(x compute.Value) (compute.Value, error) {
	return f.to(compute.OpTypeIsFinite, compute.Function.IsFinite, x, testable)
}

func (f *function) IsNaN(x compute.Value) (compute.Value, error) {
	return f.to(compute.OpTypeIsNaN, compute.Function.IsNaN, x, testable)
}

func testable(d dtypes.DType) (dtypes.DType, error) {
	if !d.IsFloat() && !d.IsComplex() {
		return d, fmt.Errorf("want floating point or complex numbers")
	}
	return dtypes.Bool, nil
}

func (f *function) Log(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLog, compute.Function.Log, x)
}

func (f *function) Log1p(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLog1p, compute.Function.Log1p, x)
}

func (f *function) LogicalNot(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLogicalNot, compute.Function.LogicalNot, x)
}

func (f *function) Logistic(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLogistic, compute.Function.Logistic, x)
}

func (f *function) Neg(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeNeg, compute.Function.Neg, x)
}

func (f *function) Round(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeRound, compute.Function.Round, x)
}

func (f *function) Rsqrt(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeRsqrt, compute.Function.Rsqrt, x)
}

func (f *function) Sign(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSign, compute.Function.Sign, x)
}

func (f *function) Sin(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSin, compute.Function.Sin, x)
}

func (f *function) Sqrt(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSqrt, compute.Function.Sqrt, x)
}

func (f *function) Tanh(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeTanh, compute.Function.Tanh, x)
}

// ConvertDType converts; to the type that x has already it is x.
func (f *function) ConvertDType(x compute.Value, dtype dtypes.DType) (compute.Value, error) {
	in, err := f.use("ConvertDType", x)
	if err != nil {
		return nil, err
	}
	if in[0].dtype() == dtype {
		return in[0], nil
	}
	shape := in[0].shape().Clone()
	shape.DType = dtype
	return f.record(compute.OpTypeConvertDType, in, nil, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.ConvertDType(in[0], dtype))
	})
}

func (f *function) Add(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeAdd, compute.Function.Add, lhs, rhs)
}

func (f *function) Atan2(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeAtan2, compute.Function.Atan2, lhs, rhs)
}

func (f *function) BitwiseAnd(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeBitwiseAnd, compute.Function.BitwiseAnd, lhs, rhs)
}

func (f *function) BitwiseOr(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeBitwiseOr, compute.Function.BitwiseOr, lhs, rhs)
}

func (f *function) BitwiseXor(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeBitwiseXor, compute.Function.BitwiseXor, lhs, rhs)
}

func (f *function) Div(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeDiv, compute.Function.Div, lhs, rhs)
}

func (f *function) LogicalAnd(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalAnd, compute.Function.LogicalAnd, lhs, rhs)
}

func (f *function) LogicalOr(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalOr, compute.Function.LogicalOr, lhs, rhs)
}

func (f *function) LogicalXor(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalXor, compute.Function.LogicalXor, lhs, rhs)
}

func (f *function) Max(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMax, compute.Function.Max, lhs, rhs)
}

func (f *function) Min(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMin, compute.Function.Min, lhs, rhs)
}

func (f *function) Mul(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMul, compute.Function.Mul, lhs, rhs)
}

func (f *function) Pow(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypePow, compute.Function.Pow, lhs, rhs)
}

func (f *function) Rem(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeRem, compute.Function.Rem, lhs, rhs)
}

func (f *function) ShiftLeft(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeShiftLeft, compute.Function.ShiftLeft, lhs, rhs)
}

func (f *function) ShiftRightArithmetic(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeShiftRightArithmetic, compute.Function.ShiftRightArithmetic, lhs, rhs)
}

func (f *function) ShiftRightLogical(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeShiftRightLogical, compute.Function.ShiftRightLogical, lhs, rhs)
}

func (f *function) Sub(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeSub, compute.Function.Sub, lhs, rhs)
}

func (f *function) Equal(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeEqual, compute.Function.Equal, lhs, rhs)
}

func (f *function) NotEqual(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeNotEqual, compute.Function.NotEqual, lhs, rhs)
}

func (f *function) GreaterOrEqual(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterOrEqual, compute.Function.GreaterOrEqual, lhs, rhs)
}

func (f *function) GreaterThan(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterThan, compute.Function.GreaterThan, lhs, rhs)
}

func (f *function) LessOrEqual(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessOrEqual, compute.Function.LessOrEqual, lhs, rhs)
}

func (f *function) LessThan(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessThan, compute.Function.LessThan, lhs, rhs)
}

func (f *function) EqualTotalOrder(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeEqualTotalOrder, compute.Function.EqualTotalOrder, lhs, rhs)
}

func (f *function) NotEqualTotalOrder(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeNotEqualTotalOrder, compute.Function.NotEqualTotalOrder, lhs, rhs)
}

func (f *function) GreaterOrEqualTotalOrder(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterOrEqualTotalOrder, compute.Function.GreaterOrEqualTotalOrder, lhs, rhs)
}

func (f *function) GreaterThanTotalOrder(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterThanTotalOrder, compute.Function.GreaterThanTotalOrder, lhs, rhs)
}

func (f *function) LessOrEqualTotalOrder(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessOrEqualTotalOrder, compute.Function.LessOrEqualTotalOrder, lhs, rhs)
}

func (f *function) LessThanTotalOrder(lhs, rhs compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessThanTotalOrder, compute.Function.LessThanTotalOrder, lhs, rhs)
}

// Complex joins real and imaginary parts, of which one may be a scalar.
func (f *function) Complex(lhs, rhs compute.Value) (compute.Value, error) {
	in, err := f.use("Complex", lhs, rhs)
	if err != nil {
		return nil, err
	}
	re, im := in[0].shape(), in[1].shape()
	if re.DType != im.DType || re.DType != dtypes.Float32 && re.DType != dtypes.Float64 {
		return nil, fmt.Errorf("Complex: real and imaginary part must both be Float32 or both Float64, got %s and %s", re, im)
	}
	if !re.IsScalar() && !im.IsScalar() && !re.EqualDimensions(im) {
		return nil, fmt.Errorf("Complex: real and imaginary part must have one shape, or one be a scalar, got %s and %s", re, im)
	}
	shape := re.Clone()
	if re.IsScalar() {
		shape = im.Clone()
	}
	shape.DType = dtypes.Complex64
	if re.DType == dtypes.Float64 {
		shape.DType = dtypes.Complex128
	}
	return f.record(compute.OpTypeComplex, in, nil, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.Complex(in[0], in[1]))
	})
}

// Where takes from onTrue where the condition holds, from onFalse elsewhere; scalars are repeated.
func (f *function) Where(condition, onTrue, onFalse compute.Value) (compute.Value, error) {
	in, err := f.use("Where", condition, onTrue, onFalse)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Where(in[0].shape(), in[1].shape(), in[2].shape())
	if err != nil {
		return nil, err
	}
	return f.record(compute.OpTypeWhere, in, nil, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.Where(in[0], in[1], in[2]))
	})
}

// Clamp limits x to [low, high]: the larger of low and x, and then the smaller of that and high.
func (f *function) Clamp(low, x, high compute.Value) (compute.Value, error) {
	raised, err := f.Max(low, x)
	if err != nil {
		return nil, fmt.Errorf("Clamp: %w", err)
	}
	clamped, err := f.Min(raised, high)
	if err != nil {
		return nil, fmt.Errorf("Clamp: %w", err)
	}
	return clamped, nil
}
