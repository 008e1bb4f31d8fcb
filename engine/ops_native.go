package engine

import (
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/compute/shapes"
)

// nativeKernels are operations that run functions, and those that the stock backend lacks or gets wrong. lower
// asks here before it falls back. Except for the functions, they are written to be right for every type and to be
// short, not to be fast: values pass through complex128.
var nativeKernels = map[compute.OpType]func(n *node) (kernel, error){}

// reader returns a function that reads the i-th value of mem.
func reader(d dtypes.DType, mem []byte) func(i int) complex128 {
	switch d {
	case dtypes.Bool, dtypes.Uint8:
		return read(as[uint8](mem))
	case dtypes.Int8:
		return read(as[int8](mem))
	case dtypes.Int16:
		return read(as[int16](mem))
	case dtypes.Int32:
		return read(as[int32](mem))
	case dtypes.Int64:
		return read(as[int64](mem))
	case dtypes.Uint16:
		return read(as[uint16](mem))
	case dtypes.Uint32:
		return read(as[uint32](mem))
	case dtypes.Uint64:
		return read(as[uint64](mem))
	case dtypes.Float16:
		v := as[float16.Float16](mem)
		return func(i int) complex128 { return complex(float64(v[i].Float32()), 0) }
	case dtypes.BFloat16:
		v := as[bfloat16.BFloat16](mem)
		return func(i int) complex128 { return complex(float64(v[i].Float32()), 0) }
	case dtypes.Float32:
		return read(as[float32](mem))
	case dtypes.Float64:
		return read(as[float64](mem))
	case dtypes.Complex64:
		v := as[complex64](mem)
		return func(i int) complex128 { return complex128(v[i]) }
	case dtypes.Complex128:
		v := as[complex128](mem)
		return func(i int) complex128 { return v[i] }
	}
	panic(fmt.Sprintf("engine: reading %s", d))
}

type realNumber interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

func read[T realNumber](v []T) func(i int) complex128 {
	return func(i int) complex128 { return complex(float64(v[i]), 0) }
}

// writer returns a function that writes the i-th value of mem. Of real types it takes the real part.
func writer(d dtypes.DType, mem []byte) func(i int, c complex128) {
	switch d {
	case dtypes.Bool:
		return func(i int, c complex128) {
			if mem[i] = 0; c != 0 {
				mem[i] = 1
			}
		}
	case dtypes.Uint8:
		return write(as[uint8](mem))
	case dtypes.Int8:
		return write(as[int8](mem))
	case dtypes.Int16:
		return write(as[int16](mem))
	case dtypes.Int32:
		return write(as[int32](mem))
	case dtypes.Int64:
		return write(as[int64](mem))
	case dtypes.Uint16:
		return write(as[uint16](mem))
	case dtypes.Uint32:
		return write(as[uint32](mem))
	case dtypes.Uint64:
		return write(as[uint64](mem))
	case dtypes.Float16:
		v := as[float16.Float16](mem)
		return func(i int, c complex128) { v[i] = float16.FromFloat32(float32(real(c))) }
	case dtypes.BFloat16:
		v := as[bfloat16.BFloat16](mem)
		return func(i int, c complex128) { v[i] = bfloat16.FromFloat32(float32(real(c))) }
	case dtypes.Float32:
		return write(as[float32](mem))
	case dtypes.Float64:
		return write(as[float64](mem))
	case dtypes.Complex64:
		v := as[complex64](mem)
		return func(i int, c complex128) { v[i] = complex64(c) }
	case dtypes.Complex128:
		v := as[complex128](mem)
		return func(i int, c complex128) { v[i] = c }
	}
	panic(fmt.Sprintf("engine: writing %s", d))
}

func write[T realNumber](v []T) func(i int, c complex128) {
	return func(i int, c complex128) { v[i] = T(real(c)) }
}

// isComplex reports whether n reads or makes complex numbers.
func isComplex(n *node) bool {
	for _, v := range n.in {
		if v.dtype().IsComplex() {
			return true
		}
	}
	return n.shapes[0].DType.IsComplex()
}

// repeated are the strides with which a value of shape s is read to make one of shape out: zero where it is
// repeated.
func repeated(s, out shapes.Shape) []int {
	strides := make([]int, out.Rank())
	if s.Rank() == out.Rank() {
		copy(strides, rowMajor(s.Dimensions))
		for i, d := range s.Dimensions {
			if d == 1 {
				strides[i] = 0
			}
		}
	}
	return strides
}

// walk calls body for every place of a tensor in row-major order, with the places that each list of strides leads
// to. body must not keep at.
func walk(dims []int, body func(i int, at []int), strides ...[]int) {
	size := 1
	for _, d := range dims {
		size *= d
	}
	index, at := make([]int, len(dims)), make([]int, len(strides))
	for i := range size {
		body(i, at)
		for axis := len(dims) - 1; axis >= 0; axis-- {
			index[axis]++
			for k, s := range strides {
				at[k] += s[axis]
			}
			if index[axis] < dims[axis] {
				break
			}
			for k, s := range strides {
				at[k] -= s[axis] * dims[axis]
			}
			index[axis] = 0
		}
	}
}

// Comparison in total order: −NaN < −∞ < … < −0 < +0 < … < +∞ < +NaN, which is the order of the bits as a sign
// and an amount (IEEE 754-2019, 5.10).
var totalOrder = map[compute.OpType]func(a, b int64) bool{
	compute.OpTypeEqualTotalOrder:          func(a, b int64) bool { return a == b },
	compute.OpTypeNotEqualTotalOrder:       func(a, b int64) bool { return a != b },
	compute.OpTypeLessThanTotalOrder:       func(a, b int64) bool { return a < b },
	compute.OpTypeLessOrEqualTotalOrder:    func(a, b int64) bool { return a <= b },
	compute.OpTypeGreaterThanTotalOrder:    func(a, b int64) bool { return a > b },
	compute.OpTypeGreaterOrEqualTotalOrder: func(a, b int64) bool { return a >= b },
}

func init() {
	for op := range totalOrder {
		nativeKernels[op] = totalOrderKernel
	}
}

func totalOrderKernel(n *node) (kernel, error) {
	holds, d, dims := totalOrder[n.op], n.in[0].dtype(), n.shapes[0].Dimensions
	a, b := repeated(n.in[0].shape(), n.shapes[0]), repeated(n.in[1].shape(), n.shapes[0])
	return func(in, out [][]byte) error {
		lhs, rhs := totalKey(d, in[0]), totalKey(d, in[1])
		walk(dims, func(i int, at []int) {
			if out[0][i] = 0; holds(lhs(at[0]), rhs(at[1])) {
				out[0][i] = 1
			}
		}, a, b)
		return nil
	}, nil
}

// totalKey returns a function whose values order as those of mem do.
func totalKey(d dtypes.DType, mem []byte) func(i int) int64 {
	switch d {
	case dtypes.Float16, dtypes.BFloat16:
		v := as[int16](mem)
		return func(i int) int64 { return int64(v[i] ^ v[i]>>15&math.MaxInt16) }
	case dtypes.Float32:
		v := as[int32](mem)
		return func(i int) int64 { return int64(v[i] ^ v[i]>>31&math.MaxInt32) }
	case dtypes.Float64:
		v := as[int64](mem)
		return func(i int) int64 { return v[i] ^ v[i]>>63&math.MaxInt64 }
	}
	panic(fmt.Sprintf("engine: total order of %s", d))
}
