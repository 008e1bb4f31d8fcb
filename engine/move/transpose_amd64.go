package move

import (
	"unsafe"

	"galen.dev/internal/cpu"
)

//go:generate go run -tags avo ./asm -out transpose_kernel_amd64.s -stubs transpose_kernel_amd64.go -pkg move

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
