package loop

import "fmt"

// Op is an operation on values, named as in GoMLX. Arguments of an operation have one type, which is also the
// type of its result, but for comparisons, IsFinite and IsNaN, which give Bool.
type Op uint8

const (
	load Op = iota
	constant
	index
	convert

	// Two numbers. Whole numbers divided by 0 give -1 (U8: 255) and leave the dividend as remainder.
	Add
	Sub
	Mul
	Div
	Max
	Min
	Pow
	Rem
	Atan2 // floats

	// One number.
	Neg
	Abs
	Sign
	Square

	// One float.
	Exp
	Expm1
	Log
	Log1p
	Sqrt
	Rsqrt
	Reciprocal
	Sin
	Cos
	Tanh
	Logistic
	Erf
	Gelu     // exact
	GeluTanh // the tanh approximation
	Silu     // x*Logistic(x)
	Floor
	Ceil
	Round // halves to even

	// Tests of a float.
	IsFinite
	IsNaN

	// Comparisons. Bool has Equal and NotEqual alone.
	Equal
	NotEqual
	LessThan
	LessOrEqual
	GreaterThan
	GreaterOrEqual

	// Logic, of Bool.
	LogicalAnd
	LogicalOr
	LogicalXor
	LogicalNot

	// Bits, of whole numbers. A shift by the width or more (or by less than 0) leaves 0, or -1 for an
	// arithmetic shift of a negative number.
	BitwiseAnd
	BitwiseOr
	BitwiseXor
	BitwiseNot
	ShiftLeft
	ShiftRightArithmetic
	ShiftRightLogical
	BitCount
	Clz

	Where // Where(condition, a, b): a where the condition holds, else b
	Clamp // Clamp(low, x, high)
	// MulAdd(a, b, c) is a*b+c of floats, with one rounding in F32. New also makes it, MulSub and NegMulAdd
	// from Mul, Add and Sub.
	MulAdd
	MulSub    // MulSub(a, b, c) is a*b-c
	NegMulAdd // NegMulAdd(a, b, c) is c-a*b

	opCount
)

type kind uint8

const (
	same kind = iota
	comparing
)

type domain uint8

const (
	numbers domain = iota
	floats
	wholes
	bools
	everything
)

type opInfo struct {
	name  string
	arity int
	takes domain
	kind  kind
}

func (o opInfo) accepts(t Type) bool {
	switch o.takes {
	case floats:
		return t.float()
	case wholes:
		return t.integer()
	case bools:
		return t == Bool
	case numbers:
		return t != Bool
	}
	return true
}

var ops = [opCount]opInfo{
	Add: {"Add", 2, numbers, same}, Sub: {"Sub", 2, numbers, same}, Mul: {"Mul", 2, numbers, same},
	Div: {"Div", 2, numbers, same}, Max: {"Max", 2, numbers, same}, Min: {"Min", 2, numbers, same},
	Pow: {"Pow", 2, numbers, same}, Rem: {"Rem", 2, numbers, same}, Atan2: {"Atan2", 2, floats, same},
	Neg: {"Neg", 1, numbers, same}, Abs: {"Abs", 1, numbers, same}, Sign: {"Sign", 1, numbers, same},
	Square: {"Square", 1, numbers, same},
	Exp:    {"Exp", 1, floats, same}, Expm1: {"Expm1", 1, floats, same}, Log: {"Log", 1, floats, same},
	Log1p: {"Log1p", 1, floats, same}, Sqrt: {"Sqrt", 1, floats, same}, Rsqrt: {"Rsqrt", 1, floats, same},
	Reciprocal: {"Reciprocal", 1, floats, same}, Sin: {"Sin", 1, floats, same}, Cos: {"Cos", 1, floats, same},
	Tanh: {"Tanh", 1, floats, same}, Logistic: {"Logistic", 1, floats, same}, Erf: {"Erf", 1, floats, same},
	Gelu: {"Gelu", 1, floats, same}, GeluTanh: {"GeluTanh", 1, floats, same}, Silu: {"Silu", 1, floats, same},
	Floor: {"Floor", 1, floats, same}, Ceil: {"Ceil", 1, floats, same}, Round: {"Round", 1, floats, same},
	IsFinite: {"IsFinite", 1, floats, comparing}, IsNaN: {"IsNaN", 1, floats, comparing},
	Equal: {"Equal", 2, everything, comparing}, NotEqual: {"NotEqual", 2, everything, comparing},
	LessThan: {"LessThan", 2, numbers, comparing}, LessOrEqual: {"LessOrEqual", 2, numbers, comparing},
	GreaterThan: {"GreaterThan", 2, numbers, comparing}, GreaterOrEqual: {"GreaterOrEqual", 2, numbers, comparing},
	LogicalAnd: {"LogicalAnd", 2, bools, same}, LogicalOr: {"LogicalOr", 2, bools, same},
	LogicalXor: {"LogicalXor", 2, bools, same}, LogicalNot: {"LogicalNot", 1, bools, same},
	BitwiseAnd: {"BitwiseAnd", 2, wholes, same}, BitwiseOr: {"BitwiseOr", 2, wholes, same},
	BitwiseXor: {"BitwiseXor", 2, wholes, same}, BitwiseNot: {"BitwiseNot", 1, wholes, same},
	ShiftLeft:            {"ShiftLeft", 2, wholes, same},
	ShiftRightArithmetic: {"ShiftRightArithmetic", 2, wholes, same},
	ShiftRightLogical:    {"ShiftRightLogical", 2, wholes, same},
	BitCount:             {"BitCount", 1, wholes, same}, Clz: {"Clz", 1, wholes, same},
	Where: {"Where", 3, everything, same}, Clamp: {"Clamp", 3, numbers, same},
	MulAdd: {"MulAdd", 3, floats, same}, MulSub: {"MulSub", 3, floats, same}, NegMulAdd: {"NegMulAdd", 3, floats, same},
}

func (o Op) String() string {
	switch {
	case o >= opCount:
		return fmt.Sprintf("Op(%d)", uint8(o))
	case ops[o].name != "":
		return ops[o].name
	}
	return [...]string{"load", "constant", "index", "convert"}[o]
}

// arity is the number of values that an instruction reads.
func (o Op) arity() int {
	if o == convert {
		return 1
	}
	return ops[o].arity
}
