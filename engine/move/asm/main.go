//go:build avo

// Command asm writes the assembly of package move: transposes of square blocks of four-byte elements, held whole in
// registers. Columns of the source become rows of the destination by three (eight wide) or four (sixteen wide)
// rounds of interleaving, each doubling the distance.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	block8()
	block16()
	Generate()
}

type arguments struct{ dst, src, dstRow, srcCol, blocks reg.GPVirtual }

func begin(name, doc string) arguments {
	TEXT(name, NOSPLIT, "func(dst, src *byte, dstRow, srcCol, blocks uintptr)")
	Doc(doc, "Strides are in bytes; blocks is at least one.")
	Pragma("noescape")
	a := arguments{GP64(), GP64(), GP64(), GP64(), GP64()}
	Load(Param("dst"), a.dst)
	Load(Param("src"), a.src)
	Load(Param("dstRow"), a.dstRow)
	Load(Param("srcCol"), a.srcCol)
	Load(Param("blocks"), a.blocks)
	return a
}

// block8 loads the two halves of each source line into the halves of registers, so that all interleaving stays
// within halves.
func block8() {
	a := begin("transpose8x8", "transpose8x8 transposes blocks of 8 by 8 that lie side by side in dst.")
	src, dst := GP64(), GP64()
	Label("block8")
	x := make([]reg.VecVirtual, 8)
	// x[i] holds elements 0-3 of source line i and, above, of line i+4; x[i+4] the elements 4-7.
	for i := range 4 {
		x[i], x[i+4] = YMM(), YMM()
	}
	MOVQ(a.src, src)
	for i := range 4 {
		VMOVUPS(Mem{Base: src}, x[i].AsX())
		VMOVUPS(Mem{Base: src, Disp: 16}, x[i+4].AsX())
		ADDQ(a.srcCol, src)
	}
	for i := range 4 {
		VINSERTF128(Imm(1), Mem{Base: src}, x[i], x[i])
		VINSERTF128(Imm(1), Mem{Base: src, Disp: 16}, x[i+4], x[i+4])
		ADDQ(a.srcCol, src)
	}
	MOVQ(src, a.src)
	MOVQ(a.dst, dst)
	for half := range 2 {
		y := x[4*half : 4*half+4]
		lo01, hi01, lo23, hi23 := YMM(), YMM(), YMM(), YMM()
		VUNPCKLPS(y[1], y[0], lo01)
		VUNPCKHPS(y[1], y[0], hi01)
		VUNPCKLPS(y[3], y[2], lo23)
		VUNPCKHPS(y[3], y[2], hi23)
		for i, pair := range [][2]reg.VecVirtual{{lo01, lo23}, {hi01, hi23}} {
			row := YMM()
			VUNPCKLPD(pair[1], pair[0], row)
			VMOVUPS(row, Mem{Base: dst})
			ADDQ(a.dstRow, dst)
			row = YMM()
			VUNPCKHPD(pair[1], pair[0], row)
			VMOVUPS(row, Mem{Base: dst})
			if half == 0 || i == 0 {
				ADDQ(a.dstRow, dst)
			}
		}
	}
	ADDQ(Imm(32), a.dst)
	DECQ(a.blocks)
	JNZ(LabelRef("block8"))
	VZEROUPPER()
	RET()
}

func block16() {
	a := begin("transpose16x16", "transpose16x16 transposes blocks of 16 by 16 that lie side by side in dst.")
	dst := GP64()
	Label("block16")
	x := make([]reg.VecVirtual, 16)
	for i := range x {
		x[i] = ZMM()
		VMOVUPS(Mem{Base: a.src}, x[i])
		ADDQ(a.srcCol, a.src)
	}
	// Within lanes of four: t[4g+j] holds, in lane l, element 4l+j of source lines 4g to 4g+3.
	t := make([]reg.VecVirtual, 16)
	for g := range 4 {
		y := x[4*g : 4*g+4]
		lo01, hi01, lo23, hi23 := ZMM(), ZMM(), ZMM(), ZMM()
		VUNPCKLPS(y[1], y[0], lo01)
		VUNPCKHPS(y[1], y[0], hi01)
		VUNPCKLPS(y[3], y[2], lo23)
		VUNPCKHPS(y[3], y[2], hi23)
		for j := range 4 {
			t[4*g+j] = ZMM()
		}
		VUNPCKLPD(lo23, lo01, t[4*g])
		VUNPCKHPD(lo23, lo01, t[4*g+1])
		VUNPCKLPD(hi23, hi01, t[4*g+2])
		VUNPCKHPD(hi23, hi01, t[4*g+3])
	}
	// Across lanes: row 4l+j of dst is lane l of t[j], t[4+j], t[8+j], t[12+j].
	rows := make([]reg.VecVirtual, 16)
	for j := range 4 {
		even01, odd01, even23, odd23 := ZMM(), ZMM(), ZMM(), ZMM()
		VSHUFF32X4(U8(0x88), t[4+j], t[j], even01)
		VSHUFF32X4(U8(0xdd), t[4+j], t[j], odd01)
		VSHUFF32X4(U8(0x88), t[12+j], t[8+j], even23)
		VSHUFF32X4(U8(0xdd), t[12+j], t[8+j], odd23)
		for l := range 4 {
			rows[4*l+j] = ZMM()
		}
		VSHUFF32X4(U8(0x88), even23, even01, rows[j])
		VSHUFF32X4(U8(0x88), odd23, odd01, rows[4+j])
		VSHUFF32X4(U8(0xdd), even23, even01, rows[8+j])
		VSHUFF32X4(U8(0xdd), odd23, odd01, rows[12+j])
	}
	MOVQ(a.dst, dst)
	for i, row := range rows {
		VMOVUPS(row, Mem{Base: dst})
		if i < 15 {
			ADDQ(a.dstRow, dst)
		}
	}
	ADDQ(Imm(64), a.dst)
	DECQ(a.blocks)
	JNZ(LabelRef("block16"))
	VZEROUPPER()
	RET()
}
