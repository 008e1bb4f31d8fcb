package move

import (
	"math"
	"unsafe"
)

// Keys: every type of number maps to unsigned integers that sort as the numbers do. The two zeros map to one key,
// and so do all NaN, above every number. Types of up to four bytes have keys of 32 bits; the others are sorted by
// their lower 32 bits first and by their upper ones next.

// A keyer writes keys of len(dst) elements of a lane: step elements apart, each as key<<32 | place. flip inverts
// the keys, for descending order. order lists which element of the lane is read for which place; nil means in order.
type keyer func(dst []uint64, src unsafe.Pointer, step int, flip uint32, order []int32)

var lowKeyers = [types]keyer{
	Bool: narrowKeys[uint8], Uint8: narrowKeys[uint8], Uint16: narrowKeys[uint16], Uint32: narrowKeys[uint32],
	Int8: narrowKeys[int8], Int16: narrowKeys[int16], Int32: narrowKeys[int32],
	Float32: float32Keys, Float16: halfKeys(fromFloat16), BFloat16: halfKeys(fromBFloat16),
	Int64: wideKeys(int64Key, 0), Uint64: wideKeys(uint64Key, 0), Float64: wideKeys(float64Key, 0),
}

var highKeyers = [types]keyer{
	Int64: wideKeys(int64Key, 32), Uint64: wideKeys(uint64Key, 32), Float64: wideKeys(float64Key, 32),
}

func narrowKeys[T int8 | int16 | int32 | uint8 | uint16 | uint32](dst []uint64, src unsafe.Pointer, step int, flip uint32, _ []int32) {
	var offset uint32
	if ^T(0) < 0 {
		offset = 1 << 31
	}
	for i := range dst {
		v := *(*T)(unsafe.Add(src, i*step*int(unsafe.Sizeof(T(0)))))
		dst[i] = uint64(uint32(v)^offset^flip)<<32 | uint64(i)
	}
}

func float32Key(v float32) uint32 {
	b := math.Float32bits(v)
	switch {
	case v != v:
		return math.MaxUint32
	case b == 1<<31:
		b = 0
	}
	return b ^ (uint32(int32(b)>>31) | 1<<31)
}

func float32Keys(dst []uint64, src unsafe.Pointer, step int, flip uint32, _ []int32) {
	for i := range dst {
		v := *(*float32)(unsafe.Add(src, i*step*4))
		dst[i] = uint64(float32Key(v)^flip)<<32 | uint64(i)
	}
}

func halfKeys(widen func(uint16) float32) keyer {
	return func(dst []uint64, src unsafe.Pointer, step int, flip uint32, _ []int32) {
		for i := range dst {
			v := widen(*(*uint16)(unsafe.Add(src, i*step*2)))
			dst[i] = uint64(float32Key(v)^flip)<<32 | uint64(i)
		}
	}
}

func int64Key(b uint64) uint64  { return b ^ 1<<63 }
func uint64Key(b uint64) uint64 { return b }

func float64Key(b uint64) uint64 {
	switch v := math.Float64frombits(b); {
	case v != v:
		return math.MaxUint64
	case b == 1<<63:
		b = 0
	}
	return b ^ (uint64(int64(b)>>63) | 1<<63)
}

func wideKeys(key func(uint64) uint64, shift int) keyer {
	return func(dst []uint64, src unsafe.Pointer, step int, flip uint32, order []int32) {
		for i := range dst {
			from := i
			if order != nil {
				from = int(order[i])
			}
			k := key(*(*uint64)(unsafe.Add(src, from*step*8)))
			dst[i] = uint64(uint32(k>>shift)^flip)<<32 | uint64(i)
		}
	}
}
