package loop

import (
	"math"
	"unsafe"

	"galen.dev/engine/vec"
)

type (
	mapping     = func(dst, a []float32)
	pairing     = func(dst, a, b []float32)
	withScalar  = func(dst, a []float32, s float32)
	scalarFirst = func(dst []float32, s float32, a []float32)
)

func reals(p unsafe.Pointer, n int) []float32  { return unsafe.Slice((*float32)(p), n) }
func bits32(p unsafe.Pointer, n int) []uint32  { return unsafe.Slice((*uint32)(p), n) }
func wholes32(p unsafe.Pointer, n int) []int32 { return unsafe.Slice((*int32)(p), n) }
func real32(p unsafe.Pointer) float32          { return *(*float32)(p) }

func one(f mapping) kernel {
	return func(d, a, _, _ unsafe.Pointer, n int) { f(reals(d, n), reals(a, n)) }
}

// two is the kernel for the pattern of scalars in s; nil where vec has none.
func two(s [3]bool, f pairing, right withScalar, left scalarFirst) kernel {
	switch {
	case !s[0] && !s[1] && f != nil:
		return func(d, a, b, _ unsafe.Pointer, n int) { f(reals(d, n), reals(a, n), reals(b, n)) }
	case !s[0] && s[1] && right != nil:
		return func(d, a, b, _ unsafe.Pointer, n int) { right(reals(d, n), reals(a, n), real32(b)) }
	case s[0] && !s[1] && left != nil:
		return func(d, a, b, _ unsafe.Pointer, n int) { left(reals(d, n), real32(a), reals(b, n)) }
	}
	return nil
}

func flip(f withScalar) scalarFirst {
	return func(dst []float32, s float32, a []float32) { f(dst, a, s) }
}

var unaries = map[Op]mapping{
	Neg: vec.Neg, Abs: vec.Abs, Sign: vec.Sign, Square: vec.Square, Exp: vec.Exp, Expm1: vec.Expm1,
	Log: vec.Log, Log1p: vec.Log1p, Sqrt: vec.Sqrt, Rsqrt: vec.Rsqrt, Reciprocal: vec.Reciprocal,
	Sin: vec.Sin, Cos: vec.Cos, Tanh: vec.Tanh, Logistic: vec.Logistic, Erf: vec.Erf, Gelu: vec.Gelu,
	GeluTanh: vec.GeluTanh, Silu: vec.Silu, Floor: vec.Floor, Ceil: vec.Ceil, Round: vec.Round,
}

// vectorised is the kernel from package vec, or nil.
func vectorised(op Op, from, to Type, s [3]bool) kernel {
	switch {
	case from == Bool && op != Where:
		return maskKernel(op, to, s)
	case from == I32:
		return wholeVector(op, to, s)
	case from != F32:
		return nil
	case op == Where:
		return selectKernel(s)
	case op == convert && to == I32 && !s[0]:
		return func(d, a, _, _ unsafe.Pointer, n int) { vec.ToInts(wholes32(d, n), reals(a, n)) }
	}
	if f := unaries[op]; f != nil && !s[0] {
		return one(f)
	}
	if k := realBinary(op, s); k != nil {
		return k
	}
	return fusedKernel(op, s)
}

func realBinary(op Op, s [3]bool) kernel {
	switch op {
	case Add:
		return two(s, vec.Add, vec.AddScalar, flip(vec.AddScalar))
	case Sub:
		return two(s, vec.Sub, func(dst, a []float32, x float32) { vec.AddScalar(dst, a, -x) }, vec.ScalarSub)
	case Mul:
		return two(s, vec.Mul, vec.MulScalar, flip(vec.MulScalar))
	case Div:
		return two(s, vec.Div, divideBy, vec.ScalarDiv)
	case Max:
		return two(s, vec.Max, vec.MaxScalar, flip(vec.MaxScalar))
	case Min:
		return two(s, vec.Min, vec.MinScalar, flip(vec.MinScalar))
	case Pow:
		return two(s, vec.Pow, nil, nil)
	case Rem:
		return two(s, vec.Rem, nil, nil)
	case Atan2:
		return two(s, vec.Atan2, nil, nil)
	case Equal:
		return compareVector(s, vec.Equal, vec.Equal)
	case NotEqual:
		return compareVector(s, vec.NotEqual, vec.NotEqual)
	case LessThan:
		return compareVector(s, vec.Less, vec.Greater)
	case LessOrEqual:
		return compareVector(s, vec.LessEqual, vec.GreaterEqual)
	case GreaterThan:
		return compareVector(s, vec.Greater, vec.Less)
	case GreaterOrEqual:
		return compareVector(s, vec.GreaterEqual, vec.LessEqual)
	case IsNaN:
		return func(d, a, _, _ unsafe.Pointer, n int) {
			vec.Compare(vec.NotEqual, bits32(d, n), reals(a, n), reals(a, n))
		}
	case IsFinite:
		return func(d, a, _, _ unsafe.Pointer, n int) {
			vec.Abs(reals(d, n), reals(a, n))
			vec.CompareScalar(vec.LessEqual, bits32(d, n), reals(d, n), math.MaxFloat32)
		}
	}
	return nil
}

// divideBy multiplies by the reciprocal where that is exact: where s is a power of two.
func divideBy(dst, a []float32, s float32) {
	if frac, e := math.Frexp(float64(s)); math.Abs(frac) == 0.5 && e > -120 && e < 120 {
		vec.MulScalar(dst, a, 1/s)
		return
	}
	vec.DivScalar(dst, a, s)
}

func compareVector(s [3]bool, op, flipped vec.Comparison) kernel {
	switch {
	case s[0]:
		return func(d, a, b, _ unsafe.Pointer, n int) {
			vec.CompareScalar(flipped, bits32(d, n), reals(b, n), real32(a))
		}
	case s[1]:
		return func(d, a, b, _ unsafe.Pointer, n int) {
			vec.CompareScalar(op, bits32(d, n), reals(a, n), real32(b))
		}
	}
	return func(d, a, b, _ unsafe.Pointer, n int) {
		vec.Compare(op, bits32(d, n), reals(a, n), reals(b, n))
	}
}

func selectKernel(s [3]bool) kernel {
	switch {
	case s[0]:
		return nil
	case s[1] && s[2]:
		return func(d, m, a, b unsafe.Pointer, n int) {
			vec.SelectScalars(reals(d, n), bits32(m, n), real32(a), real32(b))
		}
	case s[1]:
		return func(d, m, a, b unsafe.Pointer, n int) {
			vec.ScalarSelect(reals(d, n), bits32(m, n), real32(a), reals(b, n))
		}
	case s[2]:
		return func(d, m, a, b unsafe.Pointer, n int) {
			vec.SelectScalar(reals(d, n), bits32(m, n), reals(a, n), real32(b))
		}
	}
	return func(d, m, a, b unsafe.Pointer, n int) {
		vec.Select(reals(d, n), bits32(m, n), reals(a, n), reals(b, n))
	}
}

// fusedKernel has the operations of three arguments.
func fusedKernel(op Op, s [3]bool) kernel {
	a, b, c := s[0], s[1], s[2]
	if op == Clamp {
		if a && !b && c {
			return func(d, low, x, high unsafe.Pointer, n int) {
				vec.Clamp(reals(d, n), reals(x, n), real32(low), real32(high))
			}
		}
		return nil
	}
	if op != MulAdd && op != MulSub && op != NegMulAdd {
		return nil
	}
	if a && b {
		return scalarProduct(op)
	}
	if a { // the product commutes: a scalar factor comes second
		k := fusedKernel(op, [3]bool{b, a, c})
		return func(d, x, y, z unsafe.Pointer, n int) { k(d, y, x, z, n) }
	}
	return mulAdd(op, b, c)
}

// scalarProduct is for a product of two scalars, which leaves a sum.
func scalarProduct(op Op) kernel {
	if op == MulSub {
		return func(d, x, y, z unsafe.Pointer, n int) {
			vec.ScalarSub(reals(d, n), real32(x)*real32(y), reals(z, n))
		}
	}
	sign := float32(1)
	if op == NegMulAdd {
		sign = -1
	}
	return func(d, x, y, z unsafe.Pointer, n int) {
		vec.AddScalar(reals(d, n), reals(z, n), sign*real32(x)*real32(y))
	}
}

func mulAdd(op Op, b, c bool) kernel {
	// a*b+c in the four patterns; the signs of scalars are turned where that does.
	ps, cs := float32(1), float32(1) // signs of the product and of c
	if op == MulSub {
		cs = -1
	}
	if op == NegMulAdd {
		ps = -1
	}
	switch {
	case b && c:
		return func(d, x, y, z unsafe.Pointer, n int) {
			vec.Affine(reals(d, n), reals(x, n), ps*real32(y), cs*real32(z))
		}
	case b && op == MulSub:
		return func(d, x, y, z unsafe.Pointer, n int) {
			vec.MulScalarSub(reals(d, n), reals(x, n), real32(y), reals(z, n))
		}
	case b:
		return func(d, x, y, z unsafe.Pointer, n int) {
			vec.MulScalarAdd(reals(d, n), reals(x, n), ps*real32(y), reals(z, n))
		}
	case c && op == NegMulAdd:
		return func(d, x, y, z unsafe.Pointer, n int) {
			vec.NegMulAddScalar(reals(d, n), reals(x, n), reals(y, n), real32(z))
		}
	case c:
		return func(d, x, y, z unsafe.Pointer, n int) {
			vec.MulAddScalar(reals(d, n), reals(x, n), reals(y, n), cs*real32(z))
		}
	}
	f := vec.MulAdd
	switch op {
	case MulSub:
		f = vec.MulSub
	case NegMulAdd:
		f = vec.NegMulAdd
	}
	return func(d, x, y, z unsafe.Pointer, n int) { f(reals(d, n), reals(x, n), reals(y, n), reals(z, n)) }
}

func maskKernel(op Op, to Type, s [3]bool) kernel {
	if s[0] || s[1] {
		return nil
	}
	var f func(dst, a, b []uint32)
	switch {
	case op == LogicalAnd:
		f = vec.And
	case op == LogicalOr:
		f = vec.Or
	case op == LogicalXor, op == NotEqual:
		f = vec.Xor
	case op == LogicalNot:
		return func(d, a, _, _ unsafe.Pointer, n int) { vec.Not(bits32(d, n), bits32(a, n)) }
	case op == convert && to == F32:
		return func(d, a, _, _ unsafe.Pointer, n int) { vec.FromMask(reals(d, n), bits32(a, n)) }
	default:
		return nil
	}
	return func(d, a, b, _ unsafe.Pointer, n int) { f(bits32(d, n), bits32(a, n), bits32(b, n)) }
}

func wholeVector(op Op, to Type, s [3]bool) kernel {
	if s[0] || s[1] {
		return nil
	}
	if op == convert && to == F32 {
		return func(d, a, _, _ unsafe.Pointer, n int) { vec.FromInts(reals(d, n), wholes32(a, n)) }
	}
	comparisons := map[Op]vec.Comparison{
		Equal: vec.Equal, NotEqual: vec.NotEqual, LessThan: vec.Less, LessOrEqual: vec.LessEqual,
		GreaterThan: vec.Greater, GreaterOrEqual: vec.GreaterEqual,
	}
	cmp, ok := comparisons[op]
	if !ok {
		return nil
	}
	return func(d, a, b, _ unsafe.Pointer, n int) {
		vec.CompareInt(cmp, bits32(d, n), wholes32(a, n), wholes32(b, n))
	}
}
