package tile

import (
	"unsafe"

	"galen.dev/internal/cpu"
)

func row(c *float32, ldc int, a *float32, lda int, segs []Seg, b *float32, rows, cols int, add bool) {
	switch cpu.Level() {
	case cpu.AVX512:
		rowAVX512(c, ldc, a, lda, words(segs), len(segs), b, rows, cols, add)
	case cpu.AVX2:
		for i := 0; i < rows; i += 6 {
			for j := 0; j < cols; j += 16 {
				rowAVX2(at(c, i*ldc+j), ldc, at(a, i*lda), lda, words(segs), len(segs), at(b, j), min(6, rows-i), min(16, cols-j), add)
			}
		}
	default:
		rowPortable(c, ldc, a, lda, segs, b, rows, cols, add)
	}
}

func col(c *float32, ldc int, a *float32, lda int, b *float32, ldb int, segs []ColSeg, rows, cols int, add bool) {
	switch cpu.Level() {
	case cpu.AVX512:
		colAVX512(c, ldc, a, lda, b, ldb, words(segs), len(segs), rows, cols, add)
	case cpu.AVX2:
		for i := 0; i < rows; i += 6 {
			for j := 0; j < cols; j += 16 {
				colAVX2(at(c, i*ldc+j), ldc, at(a, i), lda, at(b, j), ldb, words(segs), len(segs), min(6, rows-i), min(16, cols-j), add)
			}
		}
	default:
		colPortable(c, ldc, a, lda, b, ldb, segs, rows, cols, add)
	}
}

// words shows segments to the kernels, whose declarations know no types of this package.
func words[S Seg | ColSeg](segs []S) *int { return (*int)(unsafe.Pointer(unsafe.SliceData(segs))) }

func packT(panel, src []float32, ld, k, wide int) {
	switch cpu.Level() {
	case cpu.AVX512:
		packAVX512(&panel[0], &src[0], ld, k, min(16, wide))
		packAVX512(&panel[16], after(src, 16, ld, wide), ld, k, max(0, wide-16))
	case cpu.AVX2:
		for j := 0; j < Width; j += 8 {
			packAVX2(&panel[j], after(src, j, ld, wide), ld, k, max(0, min(8, wide-j)))
		}
	default:
		packTPortable(panel, src, ld, k, wide)
	}
}

// after is the start of row j of src, or of row 0 where wide says that there is no such row.
func after(src []float32, j, ld, wide int) *float32 {
	if j >= wide {
		return &src[0]
	}
	return &src[j*ld]
}

func peak(rounds int) (flops int) {
	switch cpu.Level() {
	case cpu.AVX512:
		peakAVX512(rounds)
		return rounds * 12 * 16 * 2
	case cpu.AVX2:
		peakAVX2(rounds)
		return rounds * 12 * 8 * 2
	default:
		return peakPortable(rounds)
	}
}
