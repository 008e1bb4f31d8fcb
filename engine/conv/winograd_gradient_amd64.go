package conv

import "galen.dev/internal/cpu"

func gradientInput(dst *float32, plane, ld int, from **float32, count, cols int) {
	switch cpu.Level() {
	case cpu.AVX512:
		gradientInputAVX512(dst, plane, ld, from, count, cols)
	case cpu.AVX2:
		gradientInputAVX2(dst, plane, ld, from, count, cols)
	default:
		gradientInputPortable(dst, plane, ld, from, count, cols)
	}
}

func gradientOutput(dst *float32, plane, ld int, from **float32, count, cols int) {
	switch cpu.Level() {
	case cpu.AVX512:
		gradientOutputAVX512(dst, plane, ld, from, count, cols)
	case cpu.AVX2:
		gradientOutputAVX2(dst, plane, ld, from, count, cols)
	default:
		gradientOutputPortable(dst, plane, ld, from, count, cols)
	}
}

func gradientWeights(dst *float32, tap, ldd int, u *float32, plane, ldu, rows, cols int) {
	switch cpu.Level() {
	case cpu.AVX512:
		gradientWeightsAVX512(dst, tap, ldd, u, plane, ldu, rows, cols)
	case cpu.AVX2:
		gradientWeightsAVX2(dst, tap, ldd, u, plane, ldu, rows, cols)
	default:
		gradientWeightsPortable(dst, tap, ldd, u, plane, ldu, rows, cols)
	}
}
