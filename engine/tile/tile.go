// Package tile holds the register-tile kernels under every matrix product, convolution and recurrence of the
// engine: each computes one small block of C, at most MaxRows × Width, whose sums stay in registers while the
// inner dimension runs. It is the only place where products are written in assembly.
//
// Three kernels cover the needs of the packages above, because they differ in what has to be copied beforehand:
//
//   - Row reads A in place, row by row (the inner dimension is contiguous in each row), and B from a packed
//     panel. The inner dimension may be cut into segments that lie anywhere relative to the tile's first row:
//     the taps of a convolution, or the one segment of a plain product. Nothing but B is ever copied.
//   - Col reads both operands with the inner dimension outermost, in place: the weight gradients Aᵀ·B of
//     dense layers, convolutions and recurrences. Its segments add up many products in one pass.
//   - Dot reads both with the inner dimension innermost: products with a vector, where any copy would cost as
//     much as the product.
//
// A panel is K × Width floats, row-major: the Width columns of B that a tile covers, for every k, padded with
// zeros. PackB and PackBT make panels, PackA and PackAT tiles of A for Col. The method is that of Goto and van de Geijn, "Anatomy of
// high-performance matrix multiplication" (ACM TOMS 34(3), 2008), with the tile shape of BLIS.
//
// Every element of C is summed in an order that depends on the tile's shape and on the kernel family alone,
// so equal calls give equal bits. The kernels take bare pointers and check nothing: lengths are the caller's
// duty. They read and write only the elements named in their formulas, allocate nothing, and may run beside
// each other as long as their C differ.
//
// Start with Row, Col and Dot, then PackB; the kernels are in portable.go and, for amd64, written by the generator
// in asm.
package tile

//go:generate go run -tags avo ./asm -out kernel_amd64.s -stubs kernel_amd64.go -pkg tile

import "galen.dev/internal/cpu"

// Width is how many columns a packed panel of B has.
const Width = 32

// MaxRows is the most rows that one call may compute, in every family.
const MaxRows = 14

// Rows is the height of the current family's full tile: calls of that many rows run fastest. It is at most
// MaxRows.
func Rows() int {
	switch cpu.Level() {
	case cpu.AVX512:
		return 14
	case cpu.AVX2:
		return 6
	default:
		return 4
	}
}

// Cols is the width of the current family's full tile. A call with more columns runs as several tiles, which
// costs nothing but a second reading of A.
func Cols() int {
	switch cpu.Level() {
	case cpu.AVX512:
		return 32
	case cpu.AVX2:
		return 16
	default:
		return 4
	}
}

// Height is the height of the tiles into which rows are best cut: as few tiles as Rows allows, as even as can
// be. The last tile may be lower. It is at least 1.
func Height(rows int) int {
	full := Rows()
	tiles := max(1, (rows+full-1)/full)
	return max(1, (rows+tiles-1)/tiles)
}

// Seg is a run of Row's inner dimension: K elements of every row of A, from Off floats behind (or, if
// negative, before) the row's start. K may be 0.
type Seg struct{ Off, K int }

// ColSeg is a run of Col's inner dimension: K rows of A and of B, from A and B floats behind the base
// pointers. K may be 0.
type ColSeg struct{ A, B, K int }

// Row computes, for i < rows and j < cols,
//
//	C[i·ldc+j] = Σ over segments s, k < s.K of A[i·lda+s.Off+k] · B[p·Width+j]
//
// or adds that sum to C where add is set. p counts on through the segments: it is the sum of the K of earlier
// segments plus k. B is a panel of Width columns (PackB), of which all Width are read. rows is at most
// MaxRows and cols at most Width; nothing is done where either is not positive. C must not overlap A or B.
// lda, ldc and the offsets are in floats and may be negative.
func Row(c *float32, ldc int, a *float32, lda int, segs []Seg, b *float32, rows, cols int, add bool) {
	if rows <= 0 || cols <= 0 {
		return
	}
	row(c, ldc, a, lda, segs, b, rows, cols, add)
}

// Col computes, for i < rows and j < cols,
//
//	C[i·ldc+j] = Σ over segments s, k < s.K of A[s.A+k·lda+i] · B[s.B+k·ldb+j]
//
// or adds that sum to C where add is set. rows is at most MaxRows and cols at most Width; nothing is done
// where either is not positive. C must not overlap A or B. Leading dimensions and offsets are in floats and
// may be negative. With lda = Lead and ldb = Width it is the kernel of a product whose operands are both packed.
func Col(c *float32, ldc int, a *float32, lda int, b *float32, ldb int, segs []ColSeg, rows, cols int, add bool) {
	if rows <= 0 || cols <= 0 {
		return
	}
	col(c, ldc, a, lda, b, ldb, segs, rows, cols, add)
}

// Dot computes, for i < rows and j < cols,
//
//	C[i·ldc+j] = Σ over n < k of A[i·lda+n] · B[j·ldb+n]
//
// or adds that sum to C where add is set. rows and cols may be any number; Dot is fast where one of them is at
// most 4. C must not overlap A or B. Leading dimensions are in floats and may be negative.
func Dot(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, rows, cols int, add bool) {
	if rows <= 0 || cols <= 0 {
		return
	}
	dot(c, ldc, a, lda, b, ldb, max(k, 0), rows, cols, add)
}
