package volume

import (
	"math"
	"strconv"
)

// Type is how a voxel's value is stored.
type Type uint8

// The types, in the order of their size.
const (
	Uint8 Type = iota + 1
	Int8
	Uint16
	Int16
	Uint32
	Int32
	Float32
	Uint64
	Int64
	Float64
)

var types = [...]struct {
	name string
	size int
}{
	Uint8: {"uint8", 1}, Int8: {"int8", 1}, Uint16: {"uint16", 2}, Int16: {"int16", 2}, Uint32: {"uint32", 4},
	Int32: {"int32", 4}, Float32: {"float32", 4}, Uint64: {"uint64", 8}, Int64: {"int64", 8}, Float64: {"float64", 8},
}

func (t Type) String() string {
	if int(t) < len(types) && t > 0 {
		return types[t].name
	}
	return "type " + strconv.Itoa(int(t))
}

// Size is the number of bytes of one value.
func (t Type) Size() int { return types[t].size }

// Number is what a voxel can be stored as.
type Number interface {
	uint8 | int8 | uint16 | int16 | uint32 | int32 | float32 | uint64 | int64 | float64
}

// Data are stored values of one type: a Slice of one of the Numbers, and nothing else. A type switch gives the
// slice itself: `s := v.Data.(volume.Slice[int16])`.
type Data interface {
	Len() int
	Type() Type
	At(i int) float64
	// Cut is the part from..to, in the same memory.
	Cut(from, to int) Data
	// Make is a new Data of the same type with n zeros.
	Make(n int) Data
	// Copy copies src, of the same type, over the beginning of the receiver.
	Copy(src Data)
	// Float32 writes slope*stored + inter of len(dst) values beginning at from, computed in double precision
	// and rounded once.
	Float32(dst []float32, from int, slope, inter float64)
	// move writes src[from+i*step] to the receiver's [to+i] for n values.
	move(to int, src Data, from, step, n int)
	// raw is the memory, in the byte order of the machine.
	raw() []byte
	// fill sets the values from..to to f, rounded to the nearest and held within the range of the type.
	fill(from, to int, f float64)
}

// Slice is Data over a Go slice.
type Slice[T Number] []T

// Len implements Data.
func (s Slice[T]) Len() int { return len(s) }

// At implements Data: the stored value. Integers beyond 2^53 are rounded.
func (s Slice[T]) At(i int) float64 { return float64(s[i]) }

// Cut implements Data.
func (s Slice[T]) Cut(from, to int) Data { return s[from:to:to] }

// Make implements Data.
func (s Slice[T]) Make(n int) Data { return make(Slice[T], n) }

// Copy implements Data.
func (s Slice[T]) Copy(src Data) { copy(s, src.(Slice[T])) }

// Type implements Data.
func (s Slice[T]) Type() Type { return typeOf[T]() }

func typeOf[T Number]() Type {
	var zero T
	switch any(zero).(type) {
	case uint8:
		return Uint8
	case int8:
		return Int8
	case uint16:
		return Uint16
	case int16:
		return Int16
	case uint32:
		return Uint32
	case int32:
		return Int32
	case float32:
		return Float32
	case uint64:
		return Uint64
	case int64:
		return Int64
	}
	return Float64
}

// Float32 implements Data.
func (s Slice[T]) Float32(dst []float32, from int, slope, inter float64) {
	src := s[from : from+len(dst)]
	if slope == 1 && inter == 0 {
		if same, ok := any(src).(Slice[float32]); ok {
			copy(dst, same)
			return
		}
		for i, x := range src {
			dst[i] = float32(x)
		}
		return
	}
	for i, x := range src {
		dst[i] = float32(float64(slope*float64(x)) + inter) // the conversion keeps other machines from fusing the two
	}
}

func (s Slice[T]) move(to int, src Data, from, step, n int) {
	in := src.(Slice[T])
	if step == 1 {
		copy(s[to:to+n], in[from:from+n])
		return
	}
	for i := range n {
		s[to+i] = in[from+i*step]
	}
}

func (s Slice[T]) fill(from, to int, f float64) {
	x := convert[T](f)
	for i := from; i < to; i++ {
		s[i] = x
	}
}

// convert rounds half to even and clamps to the range of T; NaN becomes 0 where T has none.
func convert[T Number](f float64) T {
	var zero T
	switch any(zero).(type) {
	case float32, float64:
		return T(f)
	}
	lo, hi := bounds[T]()
	f = math.RoundToEven(f)
	switch {
	case f != f:
		return 0
	case f <= float64(lo):
		return lo
	case f >= float64(hi):
		return hi
	}
	return T(f)
}

// bounds are the least and greatest value of an integer type.
func bounds[T Number]() (lo, hi T) {
	size := typeOf[T]().Size()
	if zero := T(0); zero-1 > zero { // unsigned
		return 0, zero - 1
	}
	top := uint64(1)<<(8*size-1) - 1
	hi = T(top)
	return -hi - 1, hi
}

// MakeData returns n zeros of type t.
func MakeData(t Type, n int) Data {
	switch t {
	case Uint8:
		return make(Slice[uint8], n)
	case Int8:
		return make(Slice[int8], n)
	case Uint16:
		return make(Slice[uint16], n)
	case Int16:
		return make(Slice[int16], n)
	case Uint32:
		return make(Slice[uint32], n)
	case Int32:
		return make(Slice[int32], n)
	case Float32:
		return make(Slice[float32], n)
	case Uint64:
		return make(Slice[uint64], n)
	case Int64:
		return make(Slice[int64], n)
	case Float64:
		return make(Slice[float64], n)
	}
	panic("volume: unknown type of data")
}
