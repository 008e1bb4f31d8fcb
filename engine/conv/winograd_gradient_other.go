//go:build !amd64

package conv

func gradientInput(dst *float32, plane, ld int, from **float32, count, cols int) {
	gradientInputPortable(dst, plane, ld, from, count, cols)
}

func gradientOutput(dst *float32, plane, ld int, from **float32, count, cols int) {
	gradientOutputPortable(dst, plane, ld, from, count, cols)
}

func gradientWeights(dst *float32, tap, ldd int, u *float32, plane, ldu, rows, cols int) {
	gradientWeightsPortable(dst, tap, ldd, u, plane, ldu, rows, cols)
}

func fetchLines(_ **float32, _, _ int) {}
