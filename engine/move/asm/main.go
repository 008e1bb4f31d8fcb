//go:build avo

// Command asm writes the assembly of package move: transposes of square blocks of four-byte elements, held whole in
// registers, sums of scattered rows, and conversions of half-precision numbers. Columns of a block become rows by three (eight wide) or four (sixteen wide)
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
	addRows("addRowsAVX2", 8, false)
	addRows("addRowsAVX512", 16, true)
	for _, wide := range []bool{false, true} {
		bfloat16s(wide)
	}
	binary16s()
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

// addRows adds rows of float32 to rows of a table, in the order of a list. Fetching the row after next early hides
// the time that a random row of a large table takes to arrive.
func addRows(name string, lanes int, wide bool) {
	TEXT(name, NOSPLIT, "func(dst, src *byte, list *int, count, n int)")
	Doc(name+" adds, for each of count updates, n floats at src+list[1] to those at dst+list[0], and moves on in the list by two.", "count is at least one.")
	Pragma("noescape")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	list, count := Load(Param("list"), GP64()), Load(Param("count"), GP64())
	vector := func() reg.VecVirtual {
		if wide {
			return ZMM()
		}
		return YMM()
	}
	d, s, rem, ahead := GP64(), GP64(), GP64(), GP64()
	Label("row")
	CMPQ(count, U32(2))
	JLE(LabelRef("begin"))
	MOVQ(Mem{Base: list, Disp: 32}, ahead)
	ADDQ(dst, ahead)
	for line := range 4 {
		PREFETCHT0(Mem{Base: ahead, Disp: 64 * line})
	}
	Label("begin")
	MOVQ(Mem{Base: list}, d)
	ADDQ(dst, d)
	MOVQ(Mem{Base: list, Disp: 8}, s)
	ADDQ(src, s)
	Load(Param("n"), rem)
	for _, vectors := range []int{4, 1} {
		label, next := "four", "one"
		if vectors == 1 {
			label, next = "one", "rest"
		}
		Label(label)
		CMPQ(rem, U32(uint32(lanes*vectors)))
		JLT(LabelRef(next))
		v := make([]reg.VecVirtual, vectors)
		for i := range v {
			v[i] = vector()
			VMOVUPS(Mem{Base: d, Disp: 4 * lanes * i}, v[i])
		}
		for i := range v {
			VADDPS(Mem{Base: s, Disp: 4 * lanes * i}, v[i], v[i])
			VMOVUPS(v[i], Mem{Base: d, Disp: 4 * lanes * i})
		}
		ADDQ(U32(uint32(4*lanes*vectors)), d)
		ADDQ(U32(uint32(4*lanes*vectors)), s)
		SUBQ(U32(uint32(lanes*vectors)), rem)
		JMP(LabelRef(label))
	}
	Label("rest")
	TESTQ(rem, rem)
	JZ(LabelRef("next"))
	x := XMM()
	VMOVSS(Mem{Base: d}, x)
	VADDSS(Mem{Base: s}, x, x)
	VMOVSS(x, Mem{Base: d})
	ADDQ(Imm(4), d)
	ADDQ(Imm(4), s)
	DECQ(rem)
	JMP(LabelRef("rest"))
	Label("next")
	ADDQ(Imm(16), list)
	DECQ(count)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// conversion writes a loop over blocks of sixteen numbers.
func conversion(name, doc, dst, src string, advanceDst, advanceSrc int, constants, block func(d, s Mem)) {
	TEXT(name, NOSPLIT, "func(dst *"+dst+", src *"+src+", blocks int)")
	Doc(name + " " + doc + ", sixteen per block; blocks is at least one.")
	Pragma("noescape")
	d, s, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("blocks"), GP64())
	constants(Mem{Base: d}, Mem{Base: s})
	Label("block")
	block(Mem{Base: d}, Mem{Base: s})
	ADDQ(Imm(uint64(advanceDst)), d)
	ADDQ(Imm(uint64(advanceSrc)), s)
	DECQ(n)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// bfloat16s rounds by adding half of the last place kept, less one where that place is even; a NaN is cut off and
// made quiet instead, since rounding could make it infinite.
func bfloat16s(wide bool) {
	family, vector := "AVX2", func() reg.VecVirtual { return YMM() }
	if wide {
		family, vector = "AVX512", func() reg.VecVirtual { return ZMM() }
	}
	var one, half, quiet reg.VecVirtual
	all := func(v uint32) reg.VecVirtual {
		g, x, r := GP32(), XMM(), vector()
		MOVL(U32(v), g)
		VMOVD(g, x)
		VPBROADCASTD(x, r)
		return r
	}
	round := func(m Mem) reg.VecVirtual {
		x, t, cut := vector(), vector(), vector()
		VMOVUPS(m, x)
		VPSRLD(Imm(16), x, cut)
		if wide {
			VPANDD(one, cut, t)
			VPORD(quiet, cut, cut)
		} else {
			VPAND(one, cut, t)
			VPOR(quiet, cut, cut)
		}
		VPADDD(half, t, t)
		VPADDD(x, t, t)
		VPSRLD(Imm(16), t, t)
		if wide {
			nan := K()
			VCMPPS(Imm(3), x, x, nan)
			VMOVDQA32(cut, nan, t)
		} else {
			nan := YMM()
			VCMPPS(Imm(3), x, x, nan)
			VPBLENDVB(nan, cut, t, t)
		}
		return t
	}
	conversion("toBFloat16s"+family, "rounds float32 to bfloat16", "uint16", "float32", 32, 64,
		func(_, _ Mem) { one, half, quiet = all(1), all(0x7fff), all(0x40) },
		func(d, s Mem) {
			if wide {
				VPMOVDW(round(s), d)
				return
			}
			a, b := round(s), round(s.Offset(32))
			VPACKUSDW(b, a, a)
			VPERMQ(Imm(0xd8), a, a)
			VMOVDQU(a, d)
		})
	conversion("fromBFloat16s"+family, "widens bfloat16 to float32", "float32", "uint16", 64, 32,
		func(_, _ Mem) {},
		func(d, s Mem) {
			steps := 2
			if wide {
				steps = 1
			}
			for i := range steps {
				v := vector()
				VPMOVZXWD(s.Offset(16*i), v)
				VPSLLD(Imm(16), v, v)
				VMOVUPS(v, d.Offset(32*i))
			}
		})
}

func binary16s() {
	conversion("toFloat16sAVX512", "rounds float32 to IEEE binary16", "uint16", "float32", 32, 64,
		func(_, _ Mem) {},
		func(d, s Mem) {
			v := ZMM()
			VMOVUPS(s, v)
			VCVTPS2PH(Imm(0), v, d)
		})
	conversion("fromFloat16sAVX512", "widens IEEE binary16 to float32", "float32", "uint16", 64, 32,
		func(_, _ Mem) {},
		func(d, s Mem) {
			v := ZMM()
			VCVTPH2PS(s, v)
			VMOVUPS(v, d)
		})
}
