//go:build !amd64

package move

import "unsafe"

// transpose4 is transpose for elements of four bytes.
func transpose4(dst, src unsafe.Pointer, rows, cols, dstRow, srcCol int) {
	transpose[uint32](dst, src, rows, cols, dstRow, srcCol)
}

// addFloatRows is for machines that have a kernel.
func addFloatRows(_, _ unsafe.Pointer, _ []update, _ int) bool { return false }

// blocksToHalf and blocksFromHalf say how many numbers a kernel has converted: none.
func blocksToHalf(Type, []uint16, []float32) int { return 0 }

func blocksFromHalf(Type, []float32, []uint16) int { return 0 }
