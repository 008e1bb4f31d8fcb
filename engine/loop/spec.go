package loop

import (
	"fmt"
	"math"
)

// Type is the type of an element.
type Type uint8

// The types. A Bool is one byte in memory, 0 or 1 (any other byte counts as true when read).
const (
	F32 Type = iota
	F64
	I32
	I64
	U8
	Bool
)

var typeNames = []string{"f32", "f64", "i32", "i64", "u8", "bool"}

func (t Type) String() string { return typeNames[t] }

// Size is the number of bytes of an element in memory.
func (t Type) Size() int { return [...]int{4, 8, 4, 8, 1, 1}[t] }

// lane is the number of bytes of an element in a tile: a Bool is a 32-bit mask there.
func (t Type) lane() int { return [...]int{4, 8, 4, 8, 1, 4}[t] }

func (t Type) float() bool   { return t <= F64 }
func (t Type) integer() bool { return t >= I32 && t <= U8 }

// Value names a value of a Spec: what Input, Const, Iota, Do and Convert return.
type Value int

// Reduction says how a reduced output combines its elements.
type Reduction uint8

// The reductions. All and Any take Bool, the others every other type.
const (
	Sum Reduction = iota
	Product
	Maximum
	Minimum
	All
	Any
)

// A Spec describes a loop: dimensions, operands, and what is computed from them. Fill it with its methods, in
// any order that defines a value before its use, then hand it to New. A mistake, such as a wrong number of
// strides or mixed types, is kept and returned by New.
type Spec struct {
	// Dims are the lengths of the loop's dimensions, outermost first. None at all means a single element. Loops are
	// fast where most operands have stride 1 (or 0) along the last dimension; New merges neighbours by itself.
	Dims []int
	// RowDims is how many leading dimensions make up the rows of RunRows. Zero means 1.
	RowDims int

	operands []operand
	inputs   int
	code     []instr
	outputs  []output
	err      error
}

type operand struct {
	typ     Type
	strides []int  // in elements
	table   []byte // the operand's memory where the program owns it
}

type instr struct {
	op      Op
	typ     Type // of the result
	args    [3]Value
	operand int    // of load
	bits    uint64 // of constant
}

type output struct {
	value   Value
	reduced bool
	how     Reduction
	operand int
}

func (s *Spec) fail(format string, args ...any) Value {
	if s.err == nil {
		s.err = fmt.Errorf("loop: "+format, args...)
	}
	return 0
}

func (s *Spec) push(in instr) Value {
	s.code = append(s.code, in)
	return Value(len(s.code) - 1)
}

func (s *Spec) operand(t Type, strides []int) int {
	if len(strides) != len(s.Dims) {
		s.fail("operand %d has %d strides for %d dimensions", len(s.operands), len(strides), len(s.Dims))
		strides = make([]int, len(s.Dims))
	}
	for _, x := range strides {
		if x < 0 {
			s.fail("operand %d has a negative stride", len(s.operands))
		}
	}
	s.operands = append(s.operands, operand{typ: t, strides: append([]int(nil), strides...)})
	return len(s.operands) - 1
}

// Input declares an operand that is read. strides has one element stride per dimension, 0 where the operand
// does not vary along it. All inputs are declared before the first output.
func (s *Spec) Input(t Type, strides ...int) Value {
	if len(s.outputs) > 0 {
		return s.fail("an input is declared after an output")
	}
	s.inputs++
	return s.push(instr{op: load, typ: t, operand: s.operand(t, strides)})
}

// Const is the number x in type t; for Bool, anything but 0 is true. An I64 beyond 2^53 needs ConstInt.
func (s *Spec) Const(t Type, x float64) Value {
	if !t.float() {
		return s.ConstInt(t, int64(x))
	}
	bits := math.Float64bits(x)
	if t == F32 {
		bits = uint64(math.Float32bits(float32(x)))
	}
	return s.push(instr{op: constant, typ: t, bits: bits})
}

// ConstInt is the whole number x in type t, cut to its width where t is a whole type.
func (s *Spec) ConstInt(t Type, x int64) Value {
	if t.float() {
		return s.Const(t, float64(x))
	}
	bits := uint64(x)
	switch t {
	case I32:
		bits = uint64(uint32(x))
	case U8:
		bits = uint64(uint8(x))
	case Bool:
		bits = uint64(mask(x != 0))
	}
	return s.push(instr{op: constant, typ: t, bits: bits})
}

// Iota is the index along dimension dim, from 0, in type t (not Bool).
func (s *Spec) Iota(t Type, dim int) Value {
	if dim < 0 || dim >= len(s.Dims) || t == Bool {
		return s.fail("no index of type %s along dimension %d", t, dim)
	}
	return s.push(instr{op: index, typ: t, operand: dim})
}

func (s *Spec) known(v Value) bool {
	if v < 0 || int(v) >= len(s.code) {
		s.fail("value %d is not defined", v)
		return false
	}
	return true
}

// Do applies op to its arguments (Op's comment tells how many and of which types).
func (s *Spec) Do(op Op, args ...Value) Value {
	if int(op) >= len(ops) || ops[op].arity == 0 {
		return s.fail("operation %d is not known", op)
	}
	if len(args) != ops[op].arity {
		return s.fail("%s takes %d arguments, not %d", op, ops[op].arity, len(args))
	}
	in := instr{op: op}
	var types [3]Type
	for i, v := range args {
		if !s.known(v) {
			return 0
		}
		in.args[i], types[i] = v, s.code[v].typ
	}
	first := 0
	if op == Where {
		first = 1
		if types[0] != Bool {
			return s.fail("Where chooses by a %s", types[0])
		}
	}
	for _, t := range types[first:len(args)] {
		if t != types[first] {
			return s.fail("%s of %s and %s", op, types[first], t)
		}
	}
	t := types[first]
	if !ops[op].accepts(t) {
		return s.fail("%s of %s", op, t)
	}
	in.typ = t
	if ops[op].kind == comparing {
		in.typ = Bool
	}
	return s.push(in)
}

// Convert is v in type t. A float becomes whole by dropping its fraction (what does not fit has no defined
// value), and Bool by being different from 0; true is 1.
func (s *Spec) Convert(v Value, t Type) Value {
	if !s.known(v) || s.code[v].typ == t {
		return v
	}
	return s.push(instr{op: convert, typ: t, args: [3]Value{v}})
}

// Store declares an output that takes every element of v, in v's type. Its strides are not 0 along a dimension
// longer than 1. The result is the output's number among the operands.
func (s *Spec) Store(v Value, strides ...int) int {
	if !s.known(v) {
		return 0
	}
	id := s.operand(s.code[v].typ, strides)
	for d, n := range s.Dims {
		if n > 1 && s.operands[id].strides[d] == 0 {
			s.fail("output %d is stored but has stride 0 along dimension %d", id, d)
		}
	}
	s.outputs = append(s.outputs, output{value: v, operand: id})
	return id
}

// Reduce declares an output that takes v reduced over the dimensions in which its stride is 0, in v's type.
// The result is the output's number among the operands.
func (s *Spec) Reduce(how Reduction, v Value, strides ...int) int {
	if !s.known(v) {
		return 0
	}
	if t := s.code[v].typ; how > Any || (how >= All) != (t == Bool) {
		s.fail("reduction %d of %s", how, t)
	}
	id := s.operand(s.code[v].typ, strides)
	s.outputs = append(s.outputs, output{value: v, reduced: true, how: how, operand: id})
	return id
}

// TypeOf is the type of v.
func (s *Spec) TypeOf(v Value) Type {
	if !s.known(v) {
		return F32
	}
	return s.code[v].typ
}

func mask(b bool) uint32 {
	if b {
		return ^uint32(0)
	}
	return 0
}
