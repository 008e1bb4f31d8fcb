// Package move carries elements of tensors from one place to another without computing with them, and the few
// operations that are mostly that: transposing, slicing, padding, joining, reversing, broadcasting, gathering,
// scattering, sorting, converting between types, and filling with random bits. Tensors are dense, row-major and
// little-endian.
//
// Every operation is a plan: made once per shape, it chooses loops and owns scratch memory; running it then
// allocates nothing. A plan may be used by one goroutine at a time. Plans that only move bytes take []byte,
// whatever the type of the elements; view a slice of numbers as bytes with Bytes. Sources and destinations must
// not overlap unless a comment allows it. Plans panic where shapes contradict each other or a slice has the wrong
// length: that is a defect of the caller. Values never make one panic, be they indices, keys or NaN.
//
// The meaning of every operation is that of OpenXLA's StableHLO (https://openxla.org/stablehlo/spec), as GoMLX
// narrows it. Results do not depend on the number of threads: work is cut by size alone, and whatever is added up
// is added up in one order.
//
// Read copy.go first: almost all movement is one nest of loops over strides (Strided), of which shape.go makes the
// named operations. Then gather.go and scatter.go, sort.go over key.go, convert.go, and bits.go.
package move

import (
	"fmt"
	"unsafe"
)

// Type is the type of a tensor's elements.
type Type uint8

// The types. A Bool is one byte, zero or one. Float16 is IEEE binary16; BFloat16 the upper half of a float32.
const (
	Bool Type = iota
	Int8
	Int16
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Float16
	BFloat16
	Float32
	Float64
	types int = iota
)

var typeSizes = [types]int{1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8}

// Size is the number of bytes of an element.
func (t Type) Size() int { return typeSizes[t] }

func (t Type) integer() bool { return t >= Int8 && t <= Uint64 }

// Fixed lists the types of elements that have a fixed size and hold no pointers.
type Fixed interface {
	~bool | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64 |
		~complex64 | ~complex128
}

// Bytes is the memory of s, seen as bytes.
func Bytes[T Fixed](s []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(zero)))
}

// view is the memory of b, seen as elements of type T.
func view[T Fixed](b []byte) []T {
	var zero T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(zero)))
}

// A piece of work moves about this many bytes: enough to pay for handing it to a thread.
const grain = 1 << 16

// At most so many pieces: more would not balance threads better.
const mostPieces = 256

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// rowMajor returns the strides of dims in bytes, for elements of size bytes.
func rowMajor(size int, dims []int) []int {
	strides := make([]int, len(dims))
	for i := len(dims) - 1; i >= 0; i-- {
		strides[i] = size
		size *= dims[i]
	}
	return strides
}

func must(ok bool, format string, args ...any) {
	if !ok {
		panic("move: " + fmt.Sprintf(format, args...))
	}
}

// sameLength and sameCount check the arguments of a run; unlike must, they allocate nothing.
func sameLength(what string, b []byte, want int) {
	if len(b) != want {
		panic(fmt.Sprintf("move: %s has %d bytes, want %d", what, len(b), want))
	}
}

func sameCount(what string, got, want int) {
	if got != want {
		panic(fmt.Sprintf("move: %d %s, want %d", got, what, want))
	}
}
