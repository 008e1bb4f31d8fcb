//go:build avo

// Command asm writes the gate kernels of package rnn: gates_amd64.s and gates_amd64.go.
//
// Every kernel runs over the units of one row of one step, a register at a time, and over what is left with a
// mask. The two families run the same operations in the same order, so their results are equal.
package main

import (
	. "github.com/mmcloughlin/avo/build"
)

func main() {
	ConstraintExpr("amd64")
	for _, f := range []*family{{name: "AVX2", lanes: 8}, {name: "AVX512", lanes: 16, wide: true}} {
		f.rnnForward()
		f.gruForward()
		f.lstmForward()
		f.rnnBackward()
		f.gruBackward()
		f.lstmBackward()
	}
	Generate()
}
