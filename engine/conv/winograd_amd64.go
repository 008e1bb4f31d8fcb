package conv

import "galen.dev/internal/cpu"

func winogradInput(dst *float32, plane, ld int, src *[16]*float32, step, tiles, cols int) {
	switch cpu.Level() {
	case cpu.AVX512:
		winogradInputAVX512(dst, plane, ld, &src[0], step, tiles, cols)
	case cpu.AVX2:
		winogradInputAVX2(dst, plane, ld, &src[0], step, tiles, cols)
	default:
		winogradInputPortable(dst, plane, ld, src, step, tiles, cols)
	}
}

func winogradOutput(dst *[4]*float32, step int, src *float32, plane, ld, tiles, cols int) {
	switch cpu.Level() {
	case cpu.AVX512:
		winogradOutputAVX512(&dst[0], step, src, plane, ld, tiles, cols)
	case cpu.AVX2:
		winogradOutputAVX2(&dst[0], step, src, plane, ld, tiles, cols)
	default:
		winogradOutputPortable(dst, step, src, plane, ld, tiles, cols)
	}
}

func winogradWeights(dst *float32, plane int, src *float32, ld, n int) {
	switch cpu.Level() {
	case cpu.AVX512:
		winogradWeightsAVX512(dst, plane, src, ld, n)
	case cpu.AVX2:
		winogradWeightsAVX2(dst, plane, src, ld, n)
	default:
		winogradWeightsPortable(dst, plane, src, ld, n)
	}
}
