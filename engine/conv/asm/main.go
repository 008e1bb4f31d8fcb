//go:build avo

// Command asm writes the kernels for AVX2 and AVX-512: channels fill the lanes of a register, and the families differ
// in how many lanes there are and in how the last channels are masked. Each part goes to a file of its own: the
// depthwise kernels, which are here, and what -part names.
package main

import (
	"flag"
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// An isa is one family of vector instructions.
type isa struct {
	name  string
	lanes int
	regs  []VecPhysical
	wide  bool
}

const (
	maxRows = 8 // outputs of one call of depthRow
	maxTaps = 6 // taps of one call of depthCol
)

var masks Mem

// parts are the kernels of each family that a run writes.
var parts = map[string][]func(*isa){
	"depthwise":         {depthRow, depthCol},
	"winograd":          {winogradInput, winogradOutput, winogradWeights},
	"winograd-gradient": {gradientInput, gradientOutput, gradientWeights, fetchLines},
}

func main() {
	part := flag.String("part", "depthwise", "which kernels to write")
	flag.Parse()
	ConstraintExpr("amd64")
	masks = GLOBL("laneMasks", RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(0xffffffff))
	}
	for i := range 8 {
		DATA(32+4*i, U32(0))
	}
	for _, m := range []*isa{
		{"AVX512", 16, []VecPhysical{Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11}, true},
		{"AVX2", 8, []VecPhysical{Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11}, false},
	} {
		for _, write := range parts[*part] {
			write(m)
		}
	}
	Generate()
}

func (m *isa) bytes() int                     { return 4 * m.lanes }
func (m *isa) factor() VecPhysical            { return m.regs[0] }
func (m *isa) spare() VecPhysical             { return m.regs[1] }
func (m *isa) mask() VecPhysical              { return m.regs[2] }
func (m *isa) sum(i int) VecPhysical          { return m.regs[3+i] }
func load(name string, to GPPhysical)         { Load(Param(name), to) }
func scaled(p, index GPPhysical, s uint8) Mem { return Mem{Base: p, Index: index, Scale: s} }

func (m *isa) clear(n int) {
	for i := range n {
		r := m.sum(i)
		if m.wide {
			VPXORD(r, r, r)
		} else {
			VXORPS(r, r, r)
		}
	}
}

// setMask makes a mask of the lowest n lanes; n is CX and is lost.
func (m *isa) setMask(n, spare GPPhysical) {
	if m.wide {
		MOVL(U32(1), spare.As32())
		SHLL(CL, spare.As32())
		DECL(spare.As32())
		KMOVW(spare.As32(), K1)
		return
	}
	LEAQ(masks, spare)
	SHLQ(U8(2), n)
	SUBQ(n, spare)
	VMOVUPS(Mem{Base: spare, Disp: 32}, m.mask())
}

func (m *isa) get(from Mem, to VecPhysical, tail bool) {
	switch {
	case !tail:
		VMOVUPS(from, to)
	case m.wide:
		VMOVUPS_Z(from, K1, to)
	default:
		VMASKMOVPS(from, m.mask(), to)
	}
}

func (m *isa) put(from VecPhysical, to Mem, tail bool) {
	switch {
	case !tail:
		VMOVUPS(from, to)
	case m.wide:
		VMOVUPS(from, K1, to)
	default:
		VMASKMOVPS(from, m.mask(), to)
	}
}

// multiply adds the register at from times the factor to sum i.
func (m *isa) multiply(from Mem, i int, tail bool) {
	if !tail {
		VFMADD231PS(from, m.factor(), m.sum(i))
		return
	}
	m.get(from, m.spare(), true)
	VFMADD231PS(m.spare(), m.factor(), m.sum(i))
}

// pick jumps to the variant of n, 1 to most.
func pick(n GPPhysical, most int, label func(int) string) {
	for i := 1; i < most; i++ {
		CMPQ(n, U32(i))
		JEQ(LabelRef(label(i)))
	}
	JMP(LabelRef(label(most)))
}

func depthRow(m *isa) {
	TEXT("depthRow"+m.name, NOSPLIT, "func(y *float32, ldy int, x *float32, ldx int, w *float32, taps *int, n, rows, cols int)")
	Doc(fmt.Sprintf("depthRow%s is depthRow for 1 to %d rows. taps points to n pairs of offsets.", m.name, maxRows))
	Pragma("noescape")
	y, ldy, x, ldx, w, cols := RDI, RSI, R8, R9, R10, R13
	bases := []GPPhysical{RAX, RDX, R15}
	at, tap, n, count := RBX, R14, R12, R11
	load("y", y)
	load("ldy", ldy)
	load("x", x)
	load("ldx", ldx)
	load("w", w)
	load("n", n)
	load("cols", cols)
	load("rows", RAX)
	SHLQ(U8(2), ldy)
	SHLQ(U8(2), ldx)
	pick(RAX, maxRows, func(i int) string { return fmt.Sprintf("rows%d", i) })
	for rows := 1; rows <= maxRows; rows++ {
		name := func(part string) string { return fmt.Sprintf("%s%d", part, rows) }
		block := func(part string, tail bool) {
			m.clear(rows)
			load("taps", tap)
			MOVQ(n, count)
			Label(name(part + "tap"))
			MOVQ(Mem{Base: tap}, bases[0])
			MOVQ(Mem{Base: tap, Disp: 8}, at)
			ADDQ(U8(16), tap)
			LEAQ(scaled(x, bases[0], 4), bases[0])
			m.get(scaled(w, at, 4), m.factor(), tail)
			for i := range rows {
				e := Mem{Base: bases[i/3]}
				if i%3 > 0 {
					e.Index, e.Scale = ldx, uint8(i%3)
				} else if i > 0 {
					LEAQ(scaled(bases[i/3-1], ldx, 2), bases[i/3])
					ADDQ(ldx, bases[i/3])
				}
				m.multiply(e, i, tail)
			}
			DECQ(count)
			JNZ(LabelRef(name(part + "tap")))
			MOVQ(y, at)
			for i := range rows {
				m.put(m.sum(i), Mem{Base: at}, tail)
				if i < rows-1 {
					ADDQ(ldy, at)
				}
			}
		}
		Label(name("rows"))
		SUBQ(U8(m.lanes), cols)
		JLT(LabelRef(name("rest")))
		block("full", false)
		for _, p := range []GPPhysical{x, w, y} {
			ADDQ(U32(m.bytes()), p)
		}
		JMP(LabelRef(name("rows")))
		Label(name("rest"))
		ADDQ(U8(m.lanes), cols)
		JZ(LabelRef(name("end")))
		MOVQ(cols, RCX)
		m.setMask(RCX, RAX)
		block("tail", true)
		Label(name("end"))
		VZEROUPPER()
		RET()
	}
}

func depthCol(m *isa) {
	TEXT("depthCol"+m.name, NOSPLIT, "func(sums, x *float32, ldx int, dy *float32, ldy int, taps *int, count int, segs *int, n, cols int, add bool)")
	Doc(fmt.Sprintf("depthCol%s is depthCol for 1 to %d taps. taps points to count pairs of offsets, segs to n triples of",
		m.name, maxTaps), "offsets and length, all above 0.")
	Pragma("noescape")
	p := []GPPhysical{RAX, RBX, RCX, RDX, RSI, RDI}
	index, ldx, dy, ldy, k, seg, c, spare := R8, R9, R10, R11, R12, R13, R14, R15
	left, channels := AllocLocal(8), AllocLocal(8)
	load("ldx", ldx)
	load("ldy", ldy)
	SHLQ(U8(2), ldx)
	SHLQ(U8(2), ldy)
	load("cols", spare)
	MOVQ(spare, channels)
	XORQ(c, c)
	load("count", RAX)
	pick(RAX, maxTaps, func(i int) string { return fmt.Sprintf("taps%d", i) })
	for taps := 1; taps <= maxTaps; taps++ {
		name := func(part string) string { return fmt.Sprintf("%s%d", part, taps) }
		block := func(part string, tail bool) {
			m.clear(taps)
			load("n", spare)
			MOVQ(spare, left)
			load("segs", seg)
			Label(name(part + "seg"))
			DECQ(left)
			JLT(LabelRef(name(part + "done")))
			load("x", spare)
			ADDQ(c, spare)
			MOVQ(Mem{Base: seg}, k)
			LEAQ(scaled(spare, k, 4), spare)
			load("taps", k)
			for t := range taps {
				MOVQ(Mem{Base: k, Disp: 16 * t}, p[t])
				LEAQ(scaled(spare, p[t], 4), p[t])
			}
			load("dy", dy)
			ADDQ(c, dy)
			MOVQ(Mem{Base: seg, Disp: 8}, k)
			LEAQ(scaled(dy, k, 4), dy)
			MOVQ(Mem{Base: seg, Disp: 16}, k)
			ADDQ(U8(24), seg)
			XORQ(index, index)
			Label(name(part + "step"))
			m.get(Mem{Base: dy}, m.factor(), tail)
			for t := range taps {
				m.multiply(scaled(p[t], index, 1), t, tail)
			}
			ADDQ(ldx, index)
			ADDQ(ldy, dy)
			DECQ(k)
			JNZ(LabelRef(name(part + "step")))
			JMP(LabelRef(name(part + "seg")))

			Label(name(part + "done"))
			load("sums", spare)
			ADDQ(c, spare)
			load("taps", index)
			for t := range taps {
				MOVQ(Mem{Base: index, Disp: 16*t + 8}, p[t])
				LEAQ(scaled(spare, p[t], 4), p[t])
			}
			MOVBQZX(NewParamAddr("add", 80), k)
			TESTQ(k, k)
			JZ(LabelRef(name(part + "store")))
			for t := range taps {
				m.get(Mem{Base: p[t]}, m.spare(), tail)
				VADDPS(m.spare(), m.sum(t), m.sum(t))
			}
			Label(name(part + "store"))
			for t := range taps {
				m.put(m.sum(t), Mem{Base: p[t]}, tail)
			}
		}
		Label(name("taps"))
		SUBQ(U8(m.lanes), channels)
		JLT(LabelRef(name("rest")))
		block("full", false)
		ADDQ(U32(m.bytes()), c)
		JMP(LabelRef(name("taps")))
		Label(name("rest"))
		MOVQ(channels, RCX)
		ADDQ(U8(m.lanes), RCX)
		JZ(LabelRef(name("end")))
		m.setMask(RCX, RAX)
		block("tail", true)
		Label(name("end"))
		VZEROUPPER()
		RET()
	}
}
