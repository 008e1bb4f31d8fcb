package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"
)

// dataType is the number of an element type in ONNX (TensorProto.DataType).
type dataType int64

const (
	typeFloat    dataType = 1
	typeUint8    dataType = 2
	typeInt8     dataType = 3
	typeUint16   dataType = 4
	typeInt16    dataType = 5
	typeInt32    dataType = 6
	typeInt64    dataType = 7
	typeBool     dataType = 9
	typeFloat16  dataType = 10
	typeDouble   dataType = 11
	typeUint32   dataType = 12
	typeUint64   dataType = 13
	typeBFloat16 dataType = 16
)

// computed is the type in which values of an ONNX type are held here: all floating types become float32. ok is false
// for types that are not supported: strings, complex numbers, 8-bit floats and 4-bit integers.
func (t dataType) computed() (d dtypes.DType, ok bool) {
	switch t {
	case typeFloat, typeFloat16, typeDouble, typeBFloat16:
		return dtypes.Float32, true
	case typeUint8:
		return dtypes.Uint8, true
	case typeInt8:
		return dtypes.Int8, true
	case typeUint16:
		return dtypes.Uint16, true
	case typeInt16:
		return dtypes.Int16, true
	case typeInt32:
		return dtypes.Int32, true
	case typeInt64:
		return dtypes.Int64, true
	case typeBool:
		return dtypes.Bool, true
	case typeUint32:
		return dtypes.Uint32, true
	case typeUint64:
		return dtypes.Uint64, true
	}
	return dtypes.InvalidDType, false
}

// typeOf is the ONNX type of values held here.
func typeOf(d dtypes.DType) (dataType, bool) {
	for t := typeFloat; t <= typeUint64; t++ {
		if c, ok := t.computed(); ok && c == d {
			return t, true
		}
	}
	return 0, false
}

// bytes is the size of a value on disk, or 0 for types that are not supported.
func (t dataType) bytes() int {
	switch t {
	case typeUint8, typeInt8, typeBool:
		return 1
	case typeUint16, typeInt16, typeFloat16, typeBFloat16:
		return 2
	case typeFloat, typeInt32, typeUint32:
		return 4
	case typeInt64, typeUint64, typeDouble:
		return 8
	}
	return 0
}

// An array is a tensor whose values are known: row-major, in little-endian bytes.
type array struct {
	dtype dtypes.DType
	dims  []int
	data  []byte
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// maxSize is how many values a tensor may have: what a shape in a file asks for is checked before it is made.
const maxSize = 1 << 31

// checkedSize is the number of values, or an error where a dimension is negative or the number absurd.
func checkedSize[T int | int64](dims []T) (int, error) {
	n := int64(1)
	for _, d := range dims {
		if d < 0 || int64(d) > maxSize {
			return 0, fmt.Errorf("dimensions %v", dims)
		}
		if n *= max(int64(d), 1); n > maxSize {
			return 0, fmt.Errorf("dimensions %v: more than %d values", dims, maxSize)
		}
	}
	if slices.Contains(dims, 0) {
		return 0, nil
	}
	return int(n), nil
}

func floatsArray(values []float32, dims ...int) *array {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return &array{dtypes.Float32, dims, data}
}

func int64sArray(values []int64, dims ...int) *array {
	data := make([]byte, 0, 8*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint64(data, uint64(v))
	}
	return &array{dtypes.Int64, dims, data}
}

// flatArray takes a slice of the graph library.
func flatArray(flat any, dims ...int) (*array, error) {
	a := &array{dims: slices.Clone(dims)}
	switch v := flat.(type) {
	case []bool:
		a.dtype = dtypes.Bool
		for _, x := range v {
			a.data = append(a.data, map[bool]byte{true: 1}[x])
		}
		return a, nil
	case []float32:
		a.dtype = dtypes.Float32
	case []int32:
		a.dtype = dtypes.Int32
	case []int64:
		a.dtype = dtypes.Int64
	case []uint8:
		a.dtype = dtypes.Uint8
	case []int8:
		a.dtype = dtypes.Int8
	case []int16:
		a.dtype = dtypes.Int16
	case []uint16:
		a.dtype = dtypes.Uint16
	case []uint32:
		a.dtype = dtypes.Uint32
	case []uint64:
		a.dtype = dtypes.Uint64
	default:
		return nil, fmt.Errorf("values of type %T", flat)
	}
	var err error
	a.data, err = binary.Append(nil, binary.LittleEndian, flat)
	return a, err
}

// flat is the values as a slice of their Go type.
func (a *array) flat() any {
	n := product(a.dims)
	if a.dtype == dtypes.Bool {
		v := make([]bool, n)
		for i := range v {
			v[i] = a.data[i] != 0
		}
		return v
	}
	var v any
	switch a.dtype {
	case dtypes.Float32:
		v = make([]float32, n)
	case dtypes.Int8:
		v = make([]int8, n)
	case dtypes.Int16:
		v = make([]int16, n)
	case dtypes.Int32:
		v = make([]int32, n)
	case dtypes.Int64:
		v = make([]int64, n)
	case dtypes.Uint8:
		v = make([]uint8, n)
	case dtypes.Uint16:
		v = make([]uint16, n)
	case dtypes.Uint32:
		v = make([]uint32, n)
	default:
		v = make([]uint64, n)
	}
	if _, err := binary.Decode(a.data, binary.LittleEndian, v); err != nil {
		panic("onnx: length mismatch")
	}
	return v
}

// ints is the values as int64; floating values are cut.
func (a *array) ints() []int64 {
	v := make([]int64, product(a.dims))
	for i := range v {
		v[i] = a.intAt(i)
	}
	return v
}

func (a *array) intAt(i int) int64 {
	le := binary.LittleEndian
	switch a.dtype {
	case dtypes.Bool, dtypes.Uint8:
		return int64(a.data[i])
	case dtypes.Int8:
		return int64(int8(a.data[i]))
	case dtypes.Int16:
		return int64(int16(le.Uint16(a.data[2*i:])))
	case dtypes.Uint16:
		return int64(le.Uint16(a.data[2*i:]))
	case dtypes.Int32:
		return int64(int32(le.Uint32(a.data[4*i:])))
	case dtypes.Uint32:
		return int64(le.Uint32(a.data[4*i:]))
	case dtypes.Float32:
		return int64(math.Float32frombits(le.Uint32(a.data[4*i:])))
	}
	return int64(le.Uint64(a.data[8*i:]))
}

// float64s is the values as float64.
func (a *array) float64s() []float64 {
	v := make([]float64, product(a.dims))
	for i := range v {
		if a.dtype == dtypes.Float32 {
			v[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(a.data[4*i:])))
		} else {
			v[i] = float64(a.intAt(i))
		}
	}
	return v
}

func (a *array) reshaped(dims ...int) *array {
	if product(dims) != product(a.dims) {
		panic("onnx: length mismatch")
	}
	return &array{a.dtype, dims, a.data}
}

// transposed has as its axis i the axis perm[i] of a.
func (a *array) transposed(perm []int) *array {
	if isIdentity(perm) {
		return a
	}
	size := a.dtype.Size()
	dims, steps := make([]int, len(perm)), make([]int, len(perm))
	strides := make([]int, len(a.dims))
	for i, s := len(a.dims)-1, 1; i >= 0; i-- {
		strides[i] = s
		s *= a.dims[i]
	}
	for i, p := range perm {
		dims[i], steps[i] = a.dims[p], strides[p]
	}
	out := make([]byte, 0, len(a.data))
	at := make([]int, len(dims))
	for from, n := 0, product(dims); n > 0; n-- {
		out = append(out, a.data[from*size:(from+1)*size]...)
		for i := len(dims) - 1; i >= 0; i-- {
			from += steps[i]
			if at[i]++; at[i] < dims[i] {
				break
			}
			from -= at[i] * steps[i]
			at[i] = 0
		}
	}
	return &array{a.dtype, dims, out}
}

// reversed turns the order along some axes.
func (a *array) reversed(axes ...int) *array {
	size := a.dtype.Size()
	out := a
	for _, axis := range axes {
		inner := size * product(out.dims[axis+1:])
		n := out.dims[axis]
		data := make([]byte, len(out.data))
		for base := 0; base < len(data); base += n * inner {
			for i := range n {
				copy(data[base+i*inner:base+(i+1)*inner], out.data[base+(n-1-i)*inner:])
			}
		}
		out = &array{out.dtype, out.dims, data}
	}
	return out
}

// rows picks blocks of rows of size n each, in an order: how gates change places.
func (a *array) rows(n int, order []int) *array {
	block := n * a.dtype.Size() * product(a.dims[1:])
	data := make([]byte, 0, len(a.data))
	for _, k := range order {
		data = append(data, a.data[k*block:(k+1)*block]...)
	}
	return &array{a.dtype, a.dims, data}
}

func isIdentity(perm []int) bool {
	for i, p := range perm {
		if i != p {
			return false
		}
	}
	return true
}

// inverse of a permutation.
func inverse(perm []int) []int {
	inv := make([]int, len(perm))
	for i, p := range perm {
		inv[p] = i
	}
	return inv
}

// proto is the tensor as a file holds it.
func (a *array) proto(name string) (*tensorProto, error) {
	t, ok := typeOf(a.dtype)
	if !ok {
		return nil, fmt.Errorf("values of type %s have no ONNX type here", a.dtype)
	}
	return &tensorProto{name: name, dims: int64s(a.dims), elem: t, raw: a.data, hasRaw: true}, nil
}

func int64s(v []int) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = int64(x)
	}
	return out
}

// toFloat32 reads floating values of any ONNX type.
func toFloat32(t dataType, raw []byte) []byte {
	if t == typeFloat {
		return raw
	}
	size := t.bytes()
	out := make([]byte, 0, len(raw)/size*4)
	for i := 0; i+size <= len(raw); i += size {
		var v float32
		switch t {
		case typeDouble:
			v = float32(math.Float64frombits(binary.LittleEndian.Uint64(raw[i:])))
		case typeFloat16:
			v = float16.FromBits(binary.LittleEndian.Uint16(raw[i:])).Float32()
		default:
			v = bfloat16.FromBits(binary.LittleEndian.Uint16(raw[i:])).Float32()
		}
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}
