//go:build !amd64

package move

import "unsafe"

// transpose4 is transpose for elements of four bytes.
func transpose4(dst, src unsafe.Pointer, rows, cols, dstRow, srcCol int) {
	transpose[uint32](dst, src, rows, cols, dstRow, srcCol)
}
