package move

import (
	"unsafe"

	"galen.dev/internal/cpu"
)

//go:generate go run -tags avo ./asm -out asm_amd64.s -stubs asm_amd64.go -pkg move

// transpose4 is transpose for elements of four bytes: square blocks in registers, edges in Go.
func transpose4(dst, src unsafe.Pointer, rows, cols, dstRow, srcCol int) {
	side := 0
	switch cpu.Level() {
	case cpu.AVX512:
		side = 16
	case cpu.AVX2:
		side = 8
	}
	if side == 0 || rows < side || cols < side {
		if side == 16 && rows >= 8 && cols >= 8 {
			side = 8
		} else {
			transpose[uint32](dst, src, rows, cols, dstRow, srcCol)
			return
		}
	}
	blocks := cols / side
	r := 0
	for ; r+side <= rows; r += side {
		d, s := unsafe.Add(dst, r*dstRow), unsafe.Add(src, r*4)
		if side == 16 {
			transpose16x16((*byte)(d), (*byte)(s), uintptr(dstRow), uintptr(srcCol), uintptr(blocks))
		} else {
			transpose8x8((*byte)(d), (*byte)(s), uintptr(dstRow), uintptr(srcCol), uintptr(blocks))
		}
	}
	if done := blocks * side; done < cols {
		transpose[uint32](unsafe.Add(dst, done*4), unsafe.Add(src, done*srcCol), r, cols-done, dstRow, srcCol)
	}
	if r < rows {
		transpose[uint32](unsafe.Add(dst, r*dstRow), unsafe.Add(src, r*4), rows-r, cols, dstRow, srcCol)
	}
}

// addFloatRows adds n floats for every update; false means that this machine has no kernel for it.
func addFloatRows(dst, src unsafe.Pointer, todo []update, n int) bool {
	if len(todo) == 0 {
		return true
	}
	switch cpu.Level() {
	case cpu.AVX512:
		addRowsAVX512((*byte)(dst), (*byte)(src), &todo[0].dst, len(todo), n)
	case cpu.AVX2:
		addRowsAVX2((*byte)(dst), (*byte)(src), &todo[0].dst, len(todo), n)
	default:
		return false
	}
	return true
}

// blocksToHalf rounds whole blocks of sixteen numbers and says how many numbers those are. binary16 has a kernel on
// AVX-512 alone: AVX2 does not promise its instruction.
func blocksToHalf(typ Type, dst []uint16, src []float32) int {
	blocks := len(src) / 16
	if blocks == 0 {
		return 0
	}
	switch level := cpu.Level(); {
	case typ == BFloat16 && level == cpu.AVX512:
		toBFloat16sAVX512(&dst[0], &src[0], blocks)
	case typ == BFloat16 && level == cpu.AVX2:
		toBFloat16sAVX2(&dst[0], &src[0], blocks)
	case typ == Float16 && level == cpu.AVX512:
		toFloat16sAVX512(&dst[0], &src[0], blocks)
	default:
		return 0
	}
	return blocks * 16
}

// blocksFromHalf widens whole blocks of sixteen numbers and says how many numbers those are.
func blocksFromHalf(typ Type, dst []float32, src []uint16) int {
	blocks := len(dst) / 16
	if blocks == 0 {
		return 0
	}
	switch level := cpu.Level(); {
	case typ == BFloat16 && level == cpu.AVX512:
		fromBFloat16sAVX512(&dst[0], &src[0], blocks)
	case typ == BFloat16 && level == cpu.AVX2:
		fromBFloat16sAVX2(&dst[0], &src[0], blocks)
	case typ == Float16 && level == cpu.AVX512:
		fromFloat16sAVX512(&dst[0], &src[0], blocks)
	default:
		return 0
	}
	return blocks * 16
}
