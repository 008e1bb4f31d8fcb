//go:build avo

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// prefetch asks for the cache lines of n bytes from from on behind each pointer. It runs on every amd64.
func prefetch() {
	TEXT("prefetchLines", NOSPLIT, "func(at []uintptr, from, n int)")
	Pragma("noescape")
	Doc("prefetchLines asks for the cache lines of n bytes from from on behind each pointer.")
	list := Load(Param("at").Base(), GP64()).(reg.GPVirtual)
	count := Load(Param("at").Len(), GP64()).(reg.GPVirtual)
	from := Load(Param("from"), GP64()).(reg.GPVirtual)
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	p, end := GP64(), GP64()
	Label("pointer")
	DECQ(count)
	JLT(LabelRef("done"))
	MOVQ(Mem{Base: list}, p)
	ADDQ(U8(8), list)
	ADDQ(from, p)
	LEAQ(Mem{Base: p, Index: n, Scale: 1}, end)
	Label("line")
	CMPQ(p, end)
	JGE(LabelRef("pointer"))
	PREFETCHT0(Mem{Base: p})
	ADDQ(U8(64), p)
	JMP(LabelRef("line"))
	Label("done")
	RET()
}
