//go:build avo

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// col emits the kernel of Col. Four steps of the inner dimension are reached by once, twice and three times
// the leading dimensions.
func col(m *isa) {
	TEXT("col"+m.name, NOSPLIT, "func(c *float32, ldc int, a *float32, lda int, b *float32, ldb int, segs *int, n int, rows, cols int, add bool)")
	Doc("col" + m.name + " is Col for 1 to its full tile's rows and columns. segs points to n triples of offsets and length.")
	Pragma("noescape")
	c, ldc, a, lda, b, ldb, segs, n := RDI, RSI, R8, R9, R10, R11, R12, R13
	pa, pb, lda3, ldb3 := RBX, RDX, R14, R15
	k, off := RCX, RAX

	load("c", c)
	load("ldc", ldc)
	load("a", a)
	load("lda", lda)
	load("b", b)
	load("ldb", ldb)
	load("segs", segs)
	load("n", n)
	load("rows", RAX)
	load("cols", RDX)
	SHLQ(U8(2), ldc)
	SHLQ(U8(2), lda)
	SHLQ(U8(2), ldb)
	LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, lda3)
	LEAQ(Mem{Base: ldb, Index: ldb, Scale: 2}, ldb3)

	m.choose(RAX, RDX, RCX, RBX, func(s shape) {
		// at is what lies u steps behind p.
		at := func(p, ld, ld3 GPPhysical, u, disp int) Mem {
			switch u {
			case 1, 2:
				return Mem{Base: p, Index: ld, Scale: uint8(u), Disp: disp}
			case 3:
				return Mem{Base: p, Index: ld3, Scale: 1, Disp: disp}
			}
			return Mem{Base: p, Disp: disp}
		}
		step := func(u int) {
			for v := range s.vecs {
				from := at(pb, ldb, ldb3, u, v*s.bytes())
				if v == s.vecs-1 {
					s.loadTail(from, s.b(v))
					continue
				}
				VMOVUPS(from, s.b(v))
			}
			s.multiply(u%s.sets, func(i int) Mem { return at(pa, lda, lda3, u, 4*i) })
		}
		Label(s.label("segment"))
		DECQ(n)
		JLT(LabelRef(s.label("done")))
		MOVQ(Mem{Base: segs}, off)
		LEAQ(Mem{Base: a, Index: off, Scale: 4}, pa)
		MOVQ(Mem{Base: segs, Disp: 8}, off)
		LEAQ(Mem{Base: b, Index: off, Scale: 4}, pb)
		MOVQ(Mem{Base: segs, Disp: 16}, k)
		ADDQ(U8(24), segs)
		unrolled(s, k, func() {
			for u := range 4 {
				step(u)
			}
			LEAQ(Mem{Base: pa, Index: lda, Scale: 4}, pa)
			LEAQ(Mem{Base: pb, Index: ldb, Scale: 4}, pb)
		}, func() {
			step(0)
			ADDQ(lda, pa)
			ADDQ(ldb, pb)
		}, s.label("segment"))
		Label(s.label("done"))
		load("cols", RDX)
		MOVBQZX(NewParamAddr("add", 80), RAX)
		s.finish(c, ldc, RDX, RAX, RBX)
	})
}
