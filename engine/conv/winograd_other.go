//go:build !amd64

package conv

func winogradInput(dst *float32, plane, ld int, src *[16]*float32, step, tiles, cols int) {
	winogradInputPortable(dst, plane, ld, src, step, tiles, cols)
}

func winogradOutput(dst *[4]*float32, step int, src *float32, plane, ld, tiles, cols int) {
	winogradOutputPortable(dst, step, src, plane, ld, tiles, cols)
}

func winogradWeights(dst *float32, plane int, src *float32, ld, n int) {
	winogradWeightsPortable(dst, plane, src, ld, n)
}
