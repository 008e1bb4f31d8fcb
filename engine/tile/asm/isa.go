//go:build avo

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// An isa is one family of vector instructions.
type isa struct {
	name  string
	lanes int // floats in a register
	rows  int // height of the full tile, which is two registers wide
	regs  []VecPhysical
	wide  bool // AVX-512: mask registers and broadcasting operands
}

func avx512() *isa {
	m := &isa{name: "AVX512", lanes: 16, rows: 14, wide: true}
	m.regs = []VecPhysical{
		Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15,
		Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31,
	}
	return m
}

func avx2() *isa {
	m := &isa{name: "AVX2", lanes: 8, rows: 6}
	m.regs = []VecPhysical{Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15}
	// A mask of n lanes is the 8 words that end n words behind the middle.
	table := GLOBL("laneMasks", RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(0xffffffff))
	}
	for i := range 8 {
		DATA(32+4*i, U32(0))
	}
	maskTable = table
	return m
}

var maskTable Mem

// bytes in a register.
func (m *isa) bytes() int { return 4 * m.lanes }

// The first registers hold B (two), a broadcast element of A and the tail's mask; sums fill the others.
func (m *isa) b(v int) VecPhysical { return m.regs[v] }
func (m *isa) a() VecPhysical      { return m.regs[2] }
func (m *isa) mask() Op {
	if m.wide {
		return K1
	}
	return m.regs[3]
}

// setMask makes a mask of the lowest n lanes, where 1 ≤ n ≤ lanes is in the register n, which is lost. It
// uses no other register than those given.
func (m *isa) setMask(n, spare GPPhysical) {
	if m.wide {
		// 0xffff shifted right by 16-n; the count must be in CL.
		if n != RCX {
			panic("the lanes must be counted in CX")
		}
		NEGQ(n)
		ADDQ(U8(16), n)
		MOVL(U32(0xffff), spare.As32())
		SHRL(CL, spare.As32())
		KMOVW(spare.As32(), K1)
		return
	}
	LEAQ(maskTable, spare)
	SHLQ(U8(2), n)
	SUBQ(n, spare)
	VMOVUPS(Mem{Base: spare, Disp: 32}, m.regs[3])
}

func (m *isa) zero(r VecPhysical) {
	if m.wide {
		VPXORD(r, r, r)
		return
	}
	VXORPS(r, r, r)
}

// loadTail loads the lanes in the mask; the others become zero and their memory is not read.
func (m *isa) loadTail(from Mem, to VecPhysical) {
	if m.wide {
		VMOVUPS_Z(from, K1, to)
		return
	}
	VMASKMOVPS(from, m.regs[3], to)
}

func (m *isa) storeTail(from VecPhysical, to Mem) {
	if m.wide {
		VMOVUPS(from, K1, to)
		return
	}
	VMASKMOVPS(from, m.regs[3], to)
}

// A shape is one variant of a kernel: a tile of rows rows and vecs registers, every sum kept sets times, over
// every sets-th k, so that low tiles have enough independent sums to hide the latency of an addition.
type shape struct {
	*isa
	rows, vecs, sets int
}

func (m *isa) shapeOf(rows, vecs int) shape {
	sets := 1
	for sets < 4 && rows*vecs*sets < 8 {
		sets *= 2
	}
	return shape{m, rows, vecs, sets}
}

func (s shape) sum(set, row, vec int) VecPhysical {
	return s.regs[4+(set*s.rows+row)*s.vecs+vec]
}

func (s shape) label(part string) string {
	return fmt.Sprintf("%s_%dx%d", part, s.rows, s.vecs)
}

// multiply adds, for each row, its element of A times the registers of B to the sums of set.
func (s shape) multiply(set int, element func(row int) Mem) {
	for i := range s.rows {
		if s.wide && s.vecs == 1 {
			VFMADD231PS_BCST(element(i), s.b(0), s.sum(set, i, 0))
			continue
		}
		VBROADCASTSS(element(i), s.a())
		for v := range s.vecs {
			VFMADD231PS(s.a(), s.b(v), s.sum(set, i, v))
		}
	}
}

func (s shape) clear() {
	for set := range s.sets {
		for i := range s.rows {
			for v := range s.vecs {
				s.zero(s.sum(set, i, v))
			}
		}
	}
}

// finish joins the sets, adds C where add is not 0 and stores the tile. c and ldc are lost.
func (s shape) finish(c, ldc, cols, add, spare GPPhysical) {
	for half := s.sets / 2; half > 0; half /= 2 {
		for set := range half {
			for i := range s.rows {
				for v := range s.vecs {
					VADDPS(s.sum(set+half, i, v), s.sum(set, i, v), s.sum(set, i, v))
				}
			}
		}
	}
	// Masked stores are slow on some machines: full tiles go another way.
	CMPQ(cols, U32(s.vecs*s.lanes))
	JNE(LabelRef(s.label("tail")))
	s.put(c, ldc, add, spare, "full", func(i, v int, to Mem) { VADDPS(to, s.sum(0, i, v), s.sum(0, i, v)) },
		func(i, v int, to Mem) { VMOVUPS(s.sum(0, i, v), to) })
	Label(s.label("tail"))
	last := s.vecs - 1
	s.put(c, ldc, add, spare, "masked", func(i, v int, to Mem) {
		if v == last {
			s.loadTail(to, s.b(0))
			VADDPS(s.b(0), s.sum(0, i, v), s.sum(0, i, v))
			return
		}
		VADDPS(to, s.sum(0, i, v), s.sum(0, i, v))
	}, func(i, v int, to Mem) {
		if v == last {
			s.storeTail(s.sum(0, i, v), to)
			return
		}
		VMOVUPS(s.sum(0, i, v), to)
	})
}

func (s shape) put(c, ldc, add, spare GPPhysical, part string, plus, store func(i, v int, to Mem)) {
	TESTQ(add, add)
	JZ(LabelRef(s.label(part + "_store")))
	MOVQ(c, spare)
	s.each(spare, ldc, plus)
	Label(s.label(part + "_store"))
	s.each(c, ldc, store)
	VZEROUPPER()
	RET()
}

func (s shape) each(c, ldc GPPhysical, body func(i, v int, at Mem)) {
	for i := range s.rows {
		for v := range s.vecs {
			body(i, v, Mem{Base: c, Disp: v * s.bytes()})
		}
		if i < s.rows-1 {
			ADDQ(ldc, c)
		}
	}
}

// choose jumps to the variant for the number of rows and columns, then emits all variants. The mask of the
// last register is set on the way. rows, cols and spare must be other registers than the kernel's own, and
// lanes must be CX.
func (m *isa) choose(rows, cols, lanes, spare GPPhysical, variant func(s shape)) {
	MOVQ(cols, lanes)
	CMPQ(cols, U32(m.lanes))
	JLE(LabelRef("narrow"))
	SUBQ(U32(m.lanes), lanes)
	m.setMask(lanes, spare)
	m.pick(rows, 1, m.rows, 2)
	Label("narrow")
	m.setMask(lanes, spare)
	m.pick(rows, 1, m.rows, 1)
	for vecs := 2; vecs >= 1; vecs-- {
		for n := m.rows; n >= 1; n-- {
			s := m.shapeOf(n, vecs)
			Label(s.label("tile"))
			s.clear()
			variant(s)
		}
	}
}

// pick emits a search for the variant among those of lo to hi rows.
func (m *isa) pick(rows GPPhysical, lo, hi, vecs int) {
	if lo == hi {
		JMP(LabelRef(m.shapeOf(lo, vecs).label("tile")))
		return
	}
	middle := (lo + hi + 1) / 2
	label := fmt.Sprintf("pick_%d_%d_%d", middle, hi, vecs)
	CMPQ(rows, U32(middle))
	JGE(LabelRef(label))
	m.pick(rows, lo, middle-1, vecs)
	Label(label)
	m.pick(rows, middle, hi, vecs)
}

// load puts a parameter into a register.
func load(name string, to GPPhysical) {
	Load(Param(name), to)
}

// unrolled emits a loop over the count k of steps of four, then single ones. k is lost.
func unrolled(s shape, k GPPhysical, four, one func(), next string) {
	SUBQ(U8(4), k)
	JLT(LabelRef(s.label("rest")))
	Label(s.label("four"))
	four()
	SUBQ(U8(4), k)
	JGE(LabelRef(s.label("four")))
	Label(s.label("rest"))
	ADDQ(U8(4), k)
	JZ(LabelRef(next))
	Label(s.label("one"))
	one()
	DECQ(k)
	JNZ(LabelRef(s.label("one")))
	JMP(LabelRef(next))
}
