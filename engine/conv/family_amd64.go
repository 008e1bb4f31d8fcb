package conv

import (
	"unsafe"

	"galen.dev/internal/cpu"
)

func depthRow(y *float32, ldy int, x *float32, ldx int, w *float32, taps []depthTap, rows, cols int) {
	first := (*int)(unsafe.Pointer(unsafe.SliceData(taps)))
	switch cpu.Level() {
	case cpu.AVX512:
		depthRowAVX512(y, ldy, x, ldx, w, first, len(taps), rows, cols)
	case cpu.AVX2:
		depthRowAVX2(y, ldy, x, ldx, w, first, len(taps), rows, cols)
	default:
		depthRowPortable(y, ldy, x, ldx, w, taps, rows, cols)
	}
}

func depthCol(sums, x *float32, ldx int, dy *float32, ldy int, taps []depthTap, segs []depthSeg, cols int, add bool) {
	first, segment := (*int)(unsafe.Pointer(unsafe.SliceData(taps))), (*int)(unsafe.Pointer(unsafe.SliceData(segs)))
	switch cpu.Level() {
	case cpu.AVX512:
		depthColAVX512(sums, x, ldx, dy, ldy, first, len(taps), segment, len(segs), cols, add)
	case cpu.AVX2:
		depthColAVX2(sums, x, ldx, dy, ldy, first, len(taps), segment, len(segs), cols, add)
	default:
		depthColPortable(sums, x, ldx, dy, ldy, taps, segs, cols, add)
	}
}
