//go:build !amd64

package tile

func row(c *float32, ldc int, a *float32, lda int, segs []Seg, b *float32, rows, cols int, add bool) {
	rowPortable(c, ldc, a, lda, segs, b, rows, cols, add)
}

func col(c *float32, ldc int, a *float32, lda int, b *float32, ldb int, segs []ColSeg, rows, cols int, add bool) {
	colPortable(c, ldc, a, lda, b, ldb, segs, rows, cols, add)
}

func packT(dst []float32, step int, src []float32, ld, k, wide int) {
	packTPortable(dst, step, src, ld, k, wide)
}

func copyRows(dst []float32, step int, src []float32, ld, k, wide int) {
	copyPortable(dst, step, src, ld, k, wide)
}

func dot(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, rows, cols int, add bool) {
	dotPortable(c, ldc, a, lda, b, ldb, k, rows, cols, add)
}

func peak(rounds int) (flops int) { return peakPortable(rounds) }
