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

func packT(dst []float32, step int, src []float32, ld, k, wide int) {
	switch cpu.Level() {
	case cpu.AVX512:
		for j := 0; j < step; j += 16 {
			packAVX512(&dst[j], step, after(src, j, ld, wide), ld, k, max(0, min(16, wide-j)))
		}
	case cpu.AVX2:
		for j := 0; j < step; j += 8 {
			packAVX2(&dst[j], step, after(src, j, ld, wide), ld, k, max(0, min(8, wide-j)))
		}
	default:
		packTPortable(dst, step, src, ld, k, wide)
	}
}

// after is the start of row j of src, or of row 0 where wide says that there is no such row.
func after(src []float32, j, ld, wide int) *float32 {
	if j >= wide {
		return &src[0]
	}
	return &src[j*ld]
}

func copyRows(dst []float32, step int, src []float32, ld, k, wide int) {
	switch cpu.Level() {
	case cpu.AVX512:
		for j := 0; j < step; j += 16 {
			copyAVX512(&dst[j], step, after(src, j, 1, wide), ld, k, max(0, min(16, wide-j)))
		}
	case cpu.AVX2:
		for j := 0; j < step; j += 8 {
			copyAVX2(&dst[j], step, after(src, j, 1, wide), ld, k, max(0, min(8, wide-j)))
		}
	default:
		copyPortable(dst, step, src, ld, k, wide)
	}
}

func dot(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, rows, cols int, add bool) {
	level, wide := cpu.Level(), 4
	if level == cpu.AVX2 {
		wide = 2
	}
	if level == cpu.Portable {
		dotPortable(c, ldc, a, lda, b, ldb, k, rows, cols, add)
		return
	}
	for i := 0; i < rows; i += 4 {
		for j := 0; j < cols; j += wide {
			high, wide := min(4, rows-i), min(wide, cols-j)
			if level == cpu.AVX512 {
				dotAVX512(at(c, i*ldc+j), ldc, at(a, i*lda), lda, at(b, j*ldb), ldb, k, high, wide, add)
			} else {
				dotAVX2(at(c, i*ldc+j), ldc, at(a, i*lda), lda, at(b, j*ldb), ldb, k, high, wide, add)
			}
		}
	}
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
