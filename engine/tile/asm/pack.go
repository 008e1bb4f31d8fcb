//go:build avo

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// pack emits the transposition of as many rows as a register has lanes into one part of a panel, block by
// block: log2(lanes) rounds of exchanges between registers.
func pack(m *isa) {
	TEXT("pack"+m.name, NOSPLIT, "func(dst *float32, step int, src *float32, ld, k, wide int)")
	Doc(fmt.Sprintf("pack%s writes src[j·ld+p], or 0 where j ≥ wide, to dst[p·step+j] for p < k and j < %d.", m.name, m.lanes))
	Pragma("noescape")
	dst, step, src, ld, k, wide, p := RDI, RDX, RSI, R8, R9, R10, RBX
	load("dst", dst)
	load("step", step)
	load("src", src)
	load("ld", ld)
	load("k", k)
	load("wide", wide)
	SHLQ(U8(2), ld)
	SHLQ(U8(2), step)
	in, out := m.regs[:m.lanes], m.regs[m.lanes:]

	Label("block")
	CMPQ(k, U32(m.lanes))
	JLT(LabelRef("last"))
	m.fetch(in, src, ld, wide, p, "whole", func(from Mem, to VecPhysical) { VMOVUPS(from, to) })
	done := m.transpose(in, out)
	for _, r := range done {
		VMOVUPS(r, Mem{Base: dst})
		ADDQ(step, dst)
	}
	ADDQ(U32(m.bytes()), src)
	SUBQ(U32(m.lanes), k)
	JMP(LabelRef("block"))

	Label("last")
	TESTQ(k, k)
	JZ(LabelRef("end"))
	MOVQ(k, RCX)
	if m.wide {
		m.setMask(RCX, p)
	}
	m.fetch(in, src, ld, wide, p, "part", func(from Mem, to VecPhysical) {
		if m.wide {
			VMOVUPS_Z(from, K1, to)
			return
		}
		VMASKMOVPS(from, m.regs[15], to)
	})
	done = m.transpose(in, out)
	for i, r := range done {
		VMOVUPS(r, Mem{Base: dst})
		ADDQ(step, dst)
		if i < m.lanes-1 {
			CMPQ(k, U32(i+1))
			JEQ(LabelRef("end"))
		}
	}
	Label("end")
	VZEROUPPER()
	RET()
}

// fetch loads one register from each of the first wide rows and clears the others.
func (m *isa) fetch(in []VecPhysical, src, ld, wide, p GPPhysical, part string, get func(from Mem, to VecPhysical)) {
	if part == "part" && !m.wide {
		LEAQ(maskTable, p)
		SHLQ(U8(2), RCX)
		SUBQ(RCX, p)
		VMOVUPS(Mem{Base: p, Disp: 32}, m.regs[15]) // free until the transposition
	}
	MOVQ(src, p)
	// Clear first: then the loads may stop at any row.
	CMPQ(wide, U32(m.lanes))
	JEQ(LabelRef(part + "_load"))
	for _, r := range in {
		m.zero(r)
	}
	Label(part + "_load")
	for i := range m.lanes {
		CMPQ(wide, U32(i))
		JEQ(LabelRef(part + "_loaded"))
		get(Mem{Base: p}, in[i])
		ADDQ(ld, p)
	}
	Label(part + "_loaded")
}

// transpose exchanges rows and columns of the block in, using out as well, and returns the registers of the
// result in order.
func (m *isa) transpose(in, out []VecPhysical) []VecPhysical {
	n := m.lanes
	// Round 1 and 2, inside lanes of 128 bits: pairs, then quadruples.
	for i := 0; i < n; i += 2 {
		VUNPCKLPS(in[i+1], in[i], out[i])
		VUNPCKHPS(in[i+1], in[i], out[i+1])
	}
	for i := 0; i < n; i += 4 {
		VUNPCKLPD(out[i+2], out[i], in[i])
		VUNPCKHPD(out[i+2], out[i], in[i+1])
		VUNPCKLPD(out[i+3], out[i+1], in[i+2])
		VUNPCKHPD(out[i+3], out[i+1], in[i+3])
	}
	// Now lane l of in[4g+c] holds column 4l+c of the rows 4g to 4g+3.
	result := make([]VecPhysical, n)
	if !m.wide {
		for c := range 4 {
			VPERM2F128(U8(0x20), in[4+c], in[c], out[c])
			VPERM2F128(U8(0x31), in[4+c], in[c], out[4+c])
			result[c], result[4+c] = out[c], out[4+c]
		}
		return result
	}
	for c := range 4 {
		VSHUFF32X4(U8(0x88), in[4+c], in[c], out[c])      // lanes 0, 2 of both
		VSHUFF32X4(U8(0xdd), in[4+c], in[c], out[4+c])    // lanes 1, 3 of both
		VSHUFF32X4(U8(0x88), in[12+c], in[8+c], out[8+c]) // and of the other two
		VSHUFF32X4(U8(0xdd), in[12+c], in[8+c], out[12+c])
	}
	for c := range 4 {
		VSHUFF32X4(U8(0x88), out[8+c], out[c], in[c])      // column c: lane 0
		VSHUFF32X4(U8(0xdd), out[8+c], out[c], in[8+c])    // lane 2
		VSHUFF32X4(U8(0x88), out[12+c], out[4+c], in[4+c]) // lane 1
		VSHUFF32X4(U8(0xdd), out[12+c], out[4+c], in[12+c])
		result[c], result[8+c], result[4+c], result[12+c] = in[c], in[8+c], in[4+c], in[12+c]
	}
	return result
}

// copyRows emits a copy of k rows, one register wide.
func copyRows(m *isa) {
	TEXT("copy"+m.name, NOSPLIT, "func(dst *float32, step int, src *float32, ld, k, wide int)")
	Doc(fmt.Sprintf("copy%s writes src[p·ld+j], or 0 where j ≥ wide, to dst[p·step+j] for p < k and j < %d.", m.name, m.lanes))
	Pragma("noescape")
	dst, step, src, ld, k, wide := RDI, RSI, R8, R9, R10, R11
	load("dst", dst)
	load("step", step)
	load("src", src)
	load("ld", ld)
	load("k", k)
	load("wide", wide)
	MOVQ(wide, RCX)
	m.setMask(RCX, RAX)
	SHLQ(U8(2), ld)
	SHLQ(U8(2), step)
	SUBQ(U8(4), k)
	JLT(LabelRef("rest"))
	Label("four")
	for range 4 {
		m.loadTail(Mem{Base: src}, m.b(0))
		VMOVUPS(m.b(0), Mem{Base: dst})
		ADDQ(ld, src)
		ADDQ(step, dst)
	}
	SUBQ(U8(4), k)
	JGE(LabelRef("four"))
	Label("rest")
	ADDQ(U8(4), k)
	JZ(LabelRef("end"))
	Label("one")
	m.loadTail(Mem{Base: src}, m.b(0))
	VMOVUPS(m.b(0), Mem{Base: dst})
	ADDQ(ld, src)
	ADDQ(step, dst)
	DECQ(k)
	JNZ(LabelRef("one"))
	Label("end")
	VZEROUPPER()
	RET()
}
