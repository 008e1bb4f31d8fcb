package loop

import (
	"math"
	"math/bits"
	"unsafe"
)

// A kernel computes n elements of a tile. a, b and c point to n elements, or to one for an argument that was
// a scalar when the kernel was chosen.
type kernel func(d, a, b, c unsafe.Pointer, n int)

type number interface {
	~float32 | ~float64 | ~int32 | ~int64 | ~uint8
}

// at is element i of p, or the single one where step is 0.
func at[T any](p unsafe.Pointer, i, step int) T {
	return *(*T)(unsafe.Add(p, i*step*int(unsafe.Sizeof(*new(T)))))
}

func list[T any](p unsafe.Pointer, n int) []T { return unsafe.Slice((*T)(p), n) }

func step(scalar bool) int {
	if scalar {
		return 0
	}
	return 1
}

func mapped[A, D any](f func(A) D, s [3]bool) kernel {
	sa := step(s[0])
	return func(d, a, _, _ unsafe.Pointer, n int) {
		dst := list[D](d, n)
		for i := range dst {
			dst[i] = f(at[A](a, i, sa))
		}
	}
}

func mapped2[A, D any](f func(a, b A) D, s [3]bool) kernel {
	sa, sb := step(s[0]), step(s[1])
	return func(d, a, b, _ unsafe.Pointer, n int) {
		dst := list[D](d, n)
		for i := range dst {
			dst[i] = f(at[A](a, i, sa), at[A](b, i, sb))
		}
	}
}

func mapped3[A, D any](f func(a, b, c A) D, s [3]bool) kernel {
	sa, sb, sc := step(s[0]), step(s[1]), step(s[2])
	return func(d, a, b, c unsafe.Pointer, n int) {
		dst := list[D](d, n)
		for i := range dst {
			dst[i] = f(at[A](a, i, sa), at[A](b, i, sb), at[A](c, i, sc))
		}
	}
}

func choose[D any](s [3]bool) kernel {
	sa, sb, sc := step(s[0]), step(s[1]), step(s[2])
	return func(d, a, b, c unsafe.Pointer, n int) {
		dst := list[D](d, n)
		for i := range dst {
			if at[uint32](a, i, sa) != 0 {
				dst[i] = at[D](b, i, sb)
			} else {
				dst[i] = at[D](c, i, sc)
			}
		}
	}
}

// generic is the kernel in plain Go for any operation but load, constant and index. scalar tells which
// arguments are single elements; from is the type of the arguments (of a and b, for Where).
func generic(op Op, from, to Type, scalar [3]bool) kernel {
	if op == convert {
		return converting(from, to, scalar)
	}
	if op == Where {
		switch to.lane() {
		case 1:
			return choose[uint8](scalar)
		case 4:
			return choose[uint32](scalar)
		}
		return choose[uint64](scalar)
	}
	switch from {
	case F32:
		return floatKernel[float32](op, scalar)
	case F64:
		return floatKernel[float64](op, scalar)
	case I32:
		return wholeKernel[int32](op, scalar)
	case I64:
		return wholeKernel[int64](op, scalar)
	case U8:
		return wholeKernel[uint8](op, scalar)
	}
	return boolKernel(op, scalar)
}

func boolKernel(op Op, s [3]bool) kernel {
	switch op {
	case LogicalAnd:
		return mapped2(func(a, b uint32) uint32 { return a & b }, s)
	case LogicalOr:
		return mapped2(func(a, b uint32) uint32 { return a | b }, s)
	case LogicalXor, NotEqual:
		return mapped2(func(a, b uint32) uint32 { return a ^ b }, s)
	case Equal:
		return mapped2(func(a, b uint32) uint32 { return ^(a ^ b) }, s)
	}
	return mapped(func(a uint32) uint32 { return ^a }, s)
}

func compareKernel[T number](op Op, s [3]bool) kernel {
	switch op {
	case Equal:
		return mapped2(func(a, b T) uint32 { return mask(a == b) }, s)
	case NotEqual:
		return mapped2(func(a, b T) uint32 { return mask(a != b) }, s)
	case LessThan:
		return mapped2(func(a, b T) uint32 { return mask(a < b) }, s)
	case LessOrEqual:
		return mapped2(func(a, b T) uint32 { return mask(a <= b) }, s)
	case GreaterThan:
		return mapped2(func(a, b T) uint32 { return mask(a > b) }, s)
	}
	return mapped2(func(a, b T) uint32 { return mask(a >= b) }, s)
}

func greater[T number](a, b T) T {
	if b > a || b != b {
		return b
	}
	return a
}

func smaller[T number](a, b T) T {
	if b < a || b != b {
		return b
	}
	return a
}

// commonKernel has the operations that read the same for floats and whole numbers.
func commonKernel[T number](op Op, s [3]bool) kernel {
	switch op {
	case Add:
		return mapped2(func(a, b T) T { return a + b }, s)
	case Sub:
		return mapped2(func(a, b T) T { return a - b }, s)
	case Mul:
		return mapped2(func(a, b T) T { return a * b }, s)
	case Max:
		return mapped2(greater[T], s)
	case Min:
		return mapped2(smaller[T], s)
	case Neg:
		return mapped(func(a T) T { return -a }, s)
	case Square:
		return mapped(func(a T) T { return a * a }, s)
	case Sign:
		return mapped(sign[T], s)
	case Clamp:
		return mapped3(func(low, x, high T) T { return smaller(greater(x, low), high) }, s)
	}
	return compareKernel[T](op, s)
}

func sign[T number](a T) T {
	switch {
	case a > 0:
		return 1
	case a < 0:
		return minusOne[T]()
	}
	return a
}

func minusOne[T number]() T {
	var zero T
	return zero - 1
}

func floatKernel[T float32 | float64](op Op, s [3]bool) kernel {
	if f := floatUnary(op); f != nil {
		return mapped(func(a T) T { return T(f(float64(a))) }, s)
	}
	switch op {
	case Div:
		return mapped2(func(a, b T) T { return a / b }, s)
	case Pow:
		return mapped2(func(a, b T) T { return T(math.Pow(float64(a), float64(b))) }, s)
	case Rem:
		return mapped2(func(a, b T) T { return T(math.Mod(float64(a), float64(b))) }, s)
	case Atan2:
		return mapped2(func(a, b T) T { return T(math.Atan2(float64(a), float64(b))) }, s)
	case IsNaN:
		return mapped(func(a T) uint32 { return mask(a != a) }, s)
	case IsFinite:
		return mapped(func(a T) uint32 { return mask(a-a == 0) }, s)
	case MulAdd:
		return mapped3(func(a, b, c T) T { return T(math.FMA(float64(a), float64(b), float64(c))) }, s)
	case MulSub:
		return mapped3(func(a, b, c T) T { return T(math.FMA(float64(a), float64(b), -float64(c))) }, s)
	case NegMulAdd:
		return mapped3(func(a, b, c T) T { return T(math.FMA(-float64(a), float64(b), float64(c))) }, s)
	}
	return commonKernel[T](op, s)
}

func floatUnary(op Op) func(float64) float64 {
	switch op {
	case Abs:
		return math.Abs
	case Exp:
		return math.Exp
	case Expm1:
		return math.Expm1
	case Log:
		return math.Log
	case Log1p:
		return math.Log1p
	case Sqrt:
		return math.Sqrt
	case Rsqrt:
		return func(x float64) float64 { return 1 / math.Sqrt(x) }
	case Reciprocal:
		return func(x float64) float64 { return 1 / x }
	case Sin:
		return math.Sin
	case Cos:
		return math.Cos
	case Tanh:
		return math.Tanh
	case Logistic:
		return logistic
	case Erf:
		return math.Erf
	case Gelu:
		return func(x float64) float64 { return times(x, math.Erfc(-x/math.Sqrt2)/2) }
	case GeluTanh:
		return func(x float64) float64 {
			return times(x, logistic(2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		}
	case Silu:
		return func(x float64) float64 { return times(x, logistic(x)) }
	case Floor:
		return math.Floor
	case Ceil:
		return math.Ceil
	case Round:
		return math.RoundToEven
	}
	return nil
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// times is x*p, where p vanishes faster than x grows.
func times(x, p float64) float64 {
	if math.IsInf(x, -1) {
		return math.Copysign(0, -1)
	}
	return x * p
}

func wholeKernel[T int32 | int64 | uint8](op Op, s [3]bool) kernel {
	width := uint64(unsafe.Sizeof(*new(T))) * 8
	switch op {
	case Div:
		return mapped2(func(a, b T) T {
			if b == 0 {
				return minusOne[T]()
			}
			return a / b
		}, s)
	case Rem:
		return mapped2(func(a, b T) T {
			if b == 0 {
				return a
			}
			return a % b
		}, s)
	case Pow:
		return mapped2(power[T], s)
	case Abs:
		return mapped(func(a T) T {
			if a < 0 {
				return -a
			}
			return a
		}, s)
	case BitwiseAnd:
		return mapped2(func(a, b T) T { return a & b }, s)
	case BitwiseOr:
		return mapped2(func(a, b T) T { return a | b }, s)
	case BitwiseXor:
		return mapped2(func(a, b T) T { return a ^ b }, s)
	case BitwiseNot:
		return mapped(func(a T) T { return ^a }, s)
	case ShiftLeft:
		return mapped2(func(a, b T) T { return a << uint64(b) }, s)
	case ShiftRightArithmetic:
		return mapped2(func(a, b T) T { return a >> uint64(b) }, s)
	case ShiftRightLogical:
		return mapped2(func(a, b T) T { return T(unsigned(a, width) >> uint64(b)) }, s)
	case BitCount:
		return mapped(func(a T) T { return T(bits.OnesCount64(unsigned(a, width))) }, s)
	case Clz:
		return mapped(func(a T) T { return T(uint64(bits.LeadingZeros64(unsigned(a, width))) - (64 - width)) }, s)
	}
	return commonKernel[T](op, s)
}

// unsigned is the bits of a, which has width bits.
func unsigned[T int32 | int64 | uint8](a T, width uint64) uint64 {
	return uint64(a) & (^uint64(0) >> (64 - width))
}

// power is a^b. A negative b gives 0, but for a = 1 and -1.
func power[T int32 | int64 | uint8](a, b T) T {
	if b < 0 {
		switch {
		case a == 1:
			return 1
		case a == minusOne[T]():
			if b&1 == 1 {
				return a
			}
			return 1
		}
		return 0
	}
	result := T(1)
	for ; b > 0; b >>= 1 {
		if b&1 == 1 {
			result *= a
		}
		a *= a
	}
	return result
}

func converting(from, to Type, s [3]bool) kernel {
	switch from {
	case F32:
		return convertFrom[float32](to, s)
	case F64:
		return convertFrom[float64](to, s)
	case I32:
		return convertFrom[int32](to, s)
	case I64:
		return convertFrom[int64](to, s)
	case U8:
		return convertFrom[uint8](to, s)
	}
	switch to {
	case F32:
		return mapped(func(a uint32) float32 { return float32(a & 1) }, s)
	case F64:
		return mapped(func(a uint32) float64 { return float64(a & 1) }, s)
	case I32:
		return mapped(func(a uint32) int32 { return int32(a & 1) }, s)
	case I64:
		return mapped(func(a uint32) int64 { return int64(a & 1) }, s)
	}
	return mapped(func(a uint32) uint8 { return uint8(a & 1) }, s)
}

func convertFrom[A number](to Type, s [3]bool) kernel {
	switch to {
	case F32:
		return mapped(func(a A) float32 { return float32(a) }, s)
	case F64:
		return mapped(func(a A) float64 { return float64(a) }, s)
	case I32:
		return mapped(func(a A) int32 { return int32(a) }, s)
	case I64:
		return mapped(func(a A) int64 { return int64(a) }, s)
	case U8:
		return mapped(func(a A) uint8 { return uint8(a) }, s)
	}
	return mapped(func(a A) uint32 { return mask(a != 0) }, s)
}
