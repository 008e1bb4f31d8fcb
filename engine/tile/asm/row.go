//go:build avo

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// row emits the kernel of Row. Three rows of A share a base register, reached by once and twice lda: five
// bases serve fourteen rows.
func row(m *isa) {
	TEXT("row"+m.name, NOSPLIT, "func(c *float32, ldc int, a *float32, lda int, segs *int, n int, b *float32, rows, cols int, add bool)")
	Doc("row" + m.name + " is Row for 1 to its full tile's rows and columns. segs points to n pairs of offset and length.")
	Pragma("noescape")
	c, ldc, a, lda, segs, n, b := RDI, RSI, R8, R9, R10, R11, R12
	bases := []GPPhysical{RBX, RDX, R13, R14, R15}
	k, off := RCX, RAX

	load("c", c)
	load("ldc", ldc)
	load("a", a)
	load("lda", lda)
	load("segs", segs)
	load("n", n)
	load("b", b)
	load("rows", RAX)
	load("cols", RDX)
	SHLQ(U8(2), ldc)
	SHLQ(U8(2), lda)

	m.choose(RAX, RDX, RCX, RBX, func(s shape) {
		groups := (s.rows + 2) / 3
		element := func(u int) func(i int) Mem {
			return func(i int) Mem {
				e := Mem{Base: bases[i/3], Disp: 4 * u}
				if i%3 > 0 {
					e.Index, e.Scale = lda, uint8(i%3)
				}
				return e
			}
		}
		steps := func(count int) func() {
			return func() {
				for u := range count {
					for v := range s.vecs {
						VMOVUPS(Mem{Base: b, Disp: 128*u + v*s.bytes()}, s.b(v))
					}
					s.multiply(u%s.sets, element(u))
				}
				ADDQ(U32(128*count), b)
				for _, base := range bases[:groups] {
					ADDQ(U8(4*count), base)
				}
			}
		}
		Label(s.label("segment"))
		DECQ(n)
		JLT(LabelRef(s.label("done")))
		MOVQ(Mem{Base: segs}, off)
		MOVQ(Mem{Base: segs, Disp: 8}, k)
		ADDQ(U8(16), segs)
		LEAQ(Mem{Base: a, Index: off, Scale: 4}, bases[0])
		for g := 1; g < groups; g++ {
			LEAQ(Mem{Base: bases[g-1], Index: lda, Scale: 2}, bases[g])
			ADDQ(lda, bases[g])
		}
		unrolled(s, k, steps(4), steps(1), s.label("segment"))
		Label(s.label("done"))
		load("cols", RDX)
		MOVBQZX(NewParamAddr("add", 72), RAX)
		s.finish(c, ldc, RDX, RAX, RBX)
	})
}
