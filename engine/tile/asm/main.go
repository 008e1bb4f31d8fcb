//go:build avo

// Command asm writes the tile kernels for AVX2 and AVX-512. One description of each kernel serves both
// families: they differ in the width of a register, in how many there are, and in how a tail is masked, which
// is what isa.go holds.
//
// Read isa.go, then row.go and col.go (the kernels), dot.go, pack.go (copies), peak.go.
package main

import (
	. "github.com/mmcloughlin/avo/build"
)

func main() {
	ConstraintExpr("amd64")
	for _, m := range []*isa{avx512(), avx2()} {
		row(m)
		col(m)
		pack(m)
		copyRows(m)
		dot(m)
		peak(m)
	}
	Generate()
}
