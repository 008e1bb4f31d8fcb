package engine

import "unsafe"

func view32(mem []byte) []float32 { return viewAs[float32](mem) }
func view64(mem []byte) []float64 { return viewAs[float64](mem) }

// viewAs returns mem as numbers of type T.
func viewAs[T float32 | float64 | int32 | int64 | uint64](mem []byte) []T {
	if len(mem) == 0 {
		return nil
	}
	var x T
	return unsafe.Slice((*T)(unsafe.Pointer(&mem[0])), len(mem)/int(unsafe.Sizeof(x)))
}
