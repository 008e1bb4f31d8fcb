package nn

import (
	"encoding/binary"
	"fmt"
	"math"

	"galen.dev/fault"
)

// Float32s are the values rounded to float32, whatever the type in the file; only I64 is refused, with a Data error,
// where a value has no float32 of its own.
func (e *Entry) Float32s() ([]float32, error) {
	out := make([]float32, len(e.Data)/sizes[e.DType])
	switch e.DType {
	case "F32":
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(e.Data[4*i:]))
		}
	case "F64":
		for i := range out {
			out[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(e.Data[8*i:])))
		}
	case "F16":
		for i := range out {
			out[i] = halfToFloat(binary.LittleEndian.Uint16(e.Data[2*i:]))
		}
	case "BF16":
		for i := range out {
			out[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(e.Data[2*i:])) << 16)
		}
	case "I64":
		for i := range out {
			v := int64(binary.LittleEndian.Uint64(e.Data[8*i:]))
			if v < -1<<24 || v > 1<<24 {
				return nil, fault.Errorf(fault.Data, "array %q holds integers above 2^24, which float32 cannot hold", e.Name)
			}
			out[i] = float32(v)
		}
	default:
		panic(fmt.Sprintf("nn: entry of type %q", e.DType))
	}
	return out, nil
}

// Float64s are the values as float64: exact for every type but I64 beyond 2^53, which is refused with a Data error.
func (e *Entry) Float64s() ([]float64, error) {
	out := make([]float64, len(e.Data)/sizes[e.DType])
	switch e.DType {
	case "F64":
		for i := range out {
			out[i] = math.Float64frombits(binary.LittleEndian.Uint64(e.Data[8*i:]))
		}
	case "I64":
		for i := range out {
			v := int64(binary.LittleEndian.Uint64(e.Data[8*i:]))
			if v < -1<<53 || v > 1<<53 {
				return nil, fault.Errorf(fault.Data, "array %q holds integers above 2^53, which float64 cannot hold", e.Name)
			}
			out[i] = float64(v)
		}
	default:
		narrow, err := e.Float32s()
		if err != nil {
			return nil, err
		}
		for i, v := range narrow {
			out[i] = float64(v)
		}
	}
	return out, nil
}

// Int64s are the values of an I64 entry; other types are a Data error.
func (e *Entry) Int64s() ([]int64, error) {
	if e.DType != "I64" {
		return nil, fault.Errorf(fault.Data, "array %q is of type %s, not I64", e.Name, e.DType)
	}
	out := make([]int64, len(e.Data)/8)
	for i := range out {
		out[i] = int64(binary.LittleEndian.Uint64(e.Data[8*i:]))
	}
	return out, nil
}

// Float32Entry makes an entry of type F32.
func Float32Entry(name string, dims []int, values []float32) Entry {
	return Entry{name, "F32", dims, encode(values, dims, 4, func(b []byte, v float32) {
		binary.LittleEndian.PutUint32(b, math.Float32bits(v))
	})}
}

// Float64Entry makes an entry of type F64.
func Float64Entry(name string, dims []int, values []float64) Entry {
	return Entry{name, "F64", dims, encode(values, dims, 8, func(b []byte, v float64) {
		binary.LittleEndian.PutUint64(b, math.Float64bits(v))
	})}
}

// Int64Entry makes an entry of type I64.
func Int64Entry(name string, dims []int, values []int64) Entry {
	return Entry{name, "I64", dims, encode(values, dims, 8, func(b []byte, v int64) {
		binary.LittleEndian.PutUint64(b, uint64(v))
	})}
}

func encode[T any](values []T, dims []int, size int, put func([]byte, T)) []byte {
	if len(values) != product(dims) {
		panic("nn: length mismatch")
	}
	data := make([]byte, size*len(values))
	for i, v := range values {
		put(data[size*i:], v)
	}
	return data
}

// halfToFloat widens an IEEE 754 binary16, exactly.
func halfToFloat(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exponent {
	case 0: // zero and subnormal: fraction units of 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*(1.0/(1<<24))))
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}
