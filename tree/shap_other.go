//go:build !amd64

package tree

var useAVX2 = false

func descendAVX2(*vec, *edge, *uint8, *int32, int) { panic("tree: no AVX2") }

func ascendAVX2(_, _, _ *vec, _ *edge, _ *float64, _ *uint8, _, _ *int32, _ int) {
	panic("tree: no AVX2")
}
