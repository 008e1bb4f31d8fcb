//go:build avo

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// dot emits the kernel of Dot for up to four rows of A and as many rows of B as fit the registers: sums run
// along the lanes and are joined at the end.
func dot(m *isa) {
	most := 4
	if !m.wide {
		most = 2
	}
	TEXT("dot"+m.name, NOSPLIT, "func(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, rows, cols int, add bool)")
	Doc(fmt.Sprintf("dot%s is Dot for 1 to 4 rows and 1 to %d columns.", m.name, most))
	Pragma("noescape")
	c, ldc, a, lda, b, ldb, k := RDI, RSI, R8, R9, R10, R11, R12
	lda3, ldb3, count := R13, R14, R15
	load("c", c)
	load("ldc", ldc)
	load("a", a)
	load("lda", lda)
	load("b", b)
	load("ldb", ldb)
	load("k", k)
	load("rows", RAX)
	load("cols", RDX)
	SHLQ(U8(2), ldc)
	SHLQ(U8(2), lda)
	SHLQ(U8(2), ldb)
	LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, lda3)
	LEAQ(Mem{Base: ldb, Index: ldb, Scale: 2}, ldb3)
	// Whole registers, then what is left, in the mask.
	MOVQ(k, count)
	MOVQ(k, RCX)
	SHRQ(U8(map[bool]uint{true: 4, false: 3}[m.wide]), count)
	ANDQ(U8(m.lanes-1), RCX)
	MOVQ(RCX, k)
	m.setMask(RCX, RBX)

	for rows := 1; rows <= 4; rows++ {
		for cols := 1; cols <= most; cols++ {
			label := fmt.Sprintf("dot_%dx%d", rows, cols)
			CMPQ(RAX, U32(rows))
			JNE(LabelRef(label + "_not"))
			CMPQ(RDX, U32(cols))
			JE(LabelRef(label))
			Label(label + "_not")
		}
	}
	for rows := 1; rows <= 4; rows++ {
		for cols := 1; cols <= most; cols++ {
			// Register 0 holds B, 3 the mask, the last ones A.
			sum := func(i, j int) VecPhysical { return m.regs[4+i*cols+j] }
			label := fmt.Sprintf("dot_%dx%d", rows, cols)
			Label(label)
			for i := range rows {
				for j := range cols {
					m.zero(sum(i, j))
				}
			}
			far := func(p, ld, ld3 GPPhysical, n int) Mem {
				return [...]Mem{{Base: p}, {Base: p, Index: ld, Scale: 1}, {Base: p, Index: ld, Scale: 2}, {Base: p, Index: ld3, Scale: 1}}[n]
			}
			step := func(get func(from Mem, to VecPhysical)) {
				// A's rows stay in registers beyond the sums while B's pass.
				for i := range rows {
					get(far(a, lda, lda3, i), m.regs[len(m.regs)-1-i])
				}
				for j := range cols {
					get(far(b, ldb, ldb3, j), m.regs[0])
					for i := range rows {
						VFMADD231PS(m.regs[0], m.regs[len(m.regs)-1-i], sum(i, j))
					}
				}
			}
			TESTQ(count, count)
			JZ(LabelRef(label + "_rest"))
			Label(label + "_loop")
			step(func(from Mem, to VecPhysical) { VMOVUPS(from, to) })
			ADDQ(U32(m.bytes()), a)
			ADDQ(U32(m.bytes()), b)
			DECQ(count)
			JNZ(LabelRef(label + "_loop"))
			Label(label + "_rest")
			TESTQ(k, k)
			JZ(LabelRef(label + "_done"))
			step(m.loadTail)
			Label(label + "_done")
			MOVBQZX(NewParamAddr("add", 72), RAX)
			for i := range rows {
				for j := range cols {
					m.join(sum(i, j), m.regs[0])
				}
			}
			TESTQ(RAX, RAX)
			JZ(LabelRef(label + "_store"))
			MOVQ(c, RBX)
			for i := range rows {
				for j := range cols {
					x := sum(i, j).(Vec).AsX()
					VADDSS(Mem{Base: RBX, Disp: 4 * j}, x, x)
				}
				ADDQ(ldc, RBX)
			}
			Label(label + "_store")
			for i := range rows {
				for j := range cols {
					VMOVSS(sum(i, j).(Vec).AsX(), Mem{Base: c, Disp: 4 * j})
				}
				ADDQ(ldc, c)
			}
			VZEROUPPER()
			RET()
		}
	}
}

// join sums the lanes of r into its lowest one.
func (m *isa) join(r, s VecPhysical) {
	v, t := r.(Vec), s.(Vec)
	if m.wide {
		VEXTRACTF64X4(U8(1), r, t.AsY())
		VADDPS(t.AsY(), v.AsY(), v.AsY())
	}
	if m.wide {
		VEXTRACTF32X4(U8(1), v.AsY(), t.AsX())
	} else {
		VEXTRACTF128(U8(1), v.AsY(), t.AsX())
	}
	VADDPS(t.AsX(), v.AsX(), v.AsX())
	VPERMILPS(U8(0x4e), v.AsX(), t.AsX())
	VADDPS(t.AsX(), v.AsX(), v.AsX())
	VPERMILPS(U8(0xb1), v.AsX(), t.AsX())
	VADDSS(t.AsX(), v.AsX(), v.AsX())
}
