package tree

import "golang.org/x/sys/cpu"

// useAVX2 picks the assembly kernels; a variable, so that tests compare both.
var useAVX2 = cpu.X86.HasAVX2

//go:noescape
func descendAVX2(down *vec, edges *edge, state *uint8, parent *int32, n int)

//go:noescape
func ascendAVX2(acc, up, down *vec, edges *edge, value *float64, state *uint8, parent, feature *int32, n int)
