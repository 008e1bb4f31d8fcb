//go:build !amd64

package tile

func row(c *float32, ldc int, a *float32, lda int, segs []Seg, b *float32, rows, cols int, add bool) {
	rowPortable(c, ldc, a, lda, segs, b, rows, cols, add)
}

func col(c *float32, ldc int, a *float32, lda int, b *float32, ldb int, segs []ColSeg, rows, cols int, add bool) {
	colPortable(c, ldc, a, lda, b, ldb, segs, rows, cols, add)
}

func packT(panel, src []float32, ld, k, wide int) { packTPortable(panel, src, ld, k, wide) }

func peak(rounds int) (flops int) { return peakPortable(rounds) }
