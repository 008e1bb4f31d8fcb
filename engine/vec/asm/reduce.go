//go:build avo

package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A fold is what a reduction starts from and how it combines.
type fold struct {
	start   float64
	combine func(m *isa, a, b Op) reg.VecVirtual
	narrow  func(m *isa, a, b Op, x func() reg.VecVirtual) reg.VecVirtual // in registers that x makes
}

func sums() fold {
	return fold{0, (*isa).add, func(m *isa, a, b Op, x func() reg.VecVirtual) reg.VecVirtual {
		v := x()
		VADDPS(b, a, v)
		return v
	}}
}

// extremes is the fold of max or min; instruction gives b where it wins and a where one is NaN.
func extremes(start float64, instruction func(...Op), combine func(m *isa, a, b Op) reg.VecVirtual) fold {
	return fold{start, combine, func(m *isa, a, b Op, x func() reg.VecVirtual) reg.VecVirtual {
		v, nan, w := x(), x(), x()
		instruction(a, b, v)
		VCMPPS(U8(unordered), b, b, nan)
		VBLENDVPS(nan, b, v, w)
		return w
	}}
}

func ymm() reg.VecVirtual { return YMM() }
func xmm() reg.VecVirtual { return XMM() }

// partials makes the 64 partial results.
func (m *isa) partials() []reg.VecVirtual {
	p := make([]reg.VecVirtual, 64/m.lanes)
	for i := range p {
		p[i] = m.reg()
	}
	return p
}

func (m *isa) start(f fold, p []reg.VecVirtual) {
	for _, v := range p {
		if f.start == 0 {
			VXORPS(v, v, v)
			continue
		}
		VMOVUPS(single(f.start), v)
	}
}

// absorb folds the n numbers at x into the partials; x and n are used up. term loads a vector, label is unique.
func (m *isa) absorb(f fold, p []reg.VecVirtual, n reg.GPVirtual, label string, term func(u int, tail bool) reg.VecVirtual, advance func(u int)) {
	into := func(u int, tail bool) {
		v := term(u, tail)
		if tail && f.start != 0 {
			// Lanes behind the end hold 0, not what the fold starts from.
			lanes := m.mask
			if m.wide {
				w := m.reg()
				VBLENDMPS(v, m.copy(single(f.start)), lanes, w)
				v = w
			} else {
				v = m.choose(lanes, v, m.copy(single(f.start)))
			}
		}
		VMOVAPS(f.combine(m, p[u], v), p[u])
	}
	Label(label + "all")
	CMPQ(n, U8(64))
	JLT(LabelRef(label + "some"))
	for u := range p {
		into(u, false)
	}
	advance(len(p))
	SUBQ(U8(64), n)
	JMP(LabelRef(label + "all"))
	Label(label + "some")
	for u := range p {
		next := fmt.Sprintf("%stail%d", label, u)
		CMPQ(n, U8(uint8(m.lanes)))
		JLT(LabelRef(next))
		into(u, false)
		SUBQ(U8(uint8(m.lanes)), n)
		if u == len(p)-1 {
			break
		}
		JMP(LabelRef(fmt.Sprintf("%snext%d", label, u)))
		Label(next)
		TESTQ(n, n)
		JZ(LabelRef(label + "absorbed"))
		m.setMask(n)
		into(u, true)
		JMP(LabelRef(label + "absorbed"))
		Label(fmt.Sprintf("%snext%d", label, u))
	}
	// The last register: its label stands where its own tail would.
	JMP(LabelRef(label + "absorbed"))
	last := fmt.Sprintf("%stail%d", label, len(p)-1)
	Label(last)
	TESTQ(n, n)
	JZ(LabelRef(label + "absorbed"))
	m.setMask(n)
	into(len(p)-1, true)
	Label(label + "absorbed")
}

// total folds the partials in halves, and leaves the result in the lowest lane.
func (m *isa) total(f fold, p []reg.VecVirtual) reg.VecVirtual {
	q := append([]reg.VecVirtual(nil), p...)
	for half := len(q) / 2; half > 0; half /= 2 {
		for i := range half {
			q[i] = f.combine(m, q[i], q[i+half])
		}
	}
	return m.lowest(f, q[0])
}

func (m *isa) lowest(f fold, v reg.VecVirtual) reg.VecVirtual {
	y := v
	if m.wide {
		upper := YMM()
		VEXTRACTF32X8(U8(1), v, upper)
		y = f.narrow(m, v.AsY().(reg.VecVirtual), upper, ymm)
	}
	upper := XMM()
	VEXTRACTF128(U8(1), y, upper)
	x := f.narrow(m, y.AsX().(reg.VecVirtual), upper, xmm)
	for _, order := range []uint8{0x0e, 0x01} {
		other := XMM()
		VPERMILPS(U8(order), x, other)
		x = f.narrow(m, x, other, xmm)
	}
	return x
}

func (m *isa) whole(name string, f fold) {
	m.begin(name, "(x []float32) float32")
	x := Load(Param("x").Base(), GP64()).(reg.GPVirtual)
	n := Load(Param("x").Len(), GP64()).(reg.GPVirtual)
	p := m.partials()
	m.start(f, p)
	m.absorb(f, p, n, "", func(u int, tail bool) reg.VecVirtual {
		return m.load(Mem{Base: x, Disp: u * m.bytes()}, tail)
	}, func(u int) { ADDQ(U32(uint32(u*m.bytes())), x) })
	r := m.total(f, p)
	Store(r, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func (m *isa) dot() {
	m.begin("dot", "(a, b []float32) float32")
	a := Load(Param("a").Base(), GP64()).(reg.GPVirtual)
	b := Load(Param("b").Base(), GP64()).(reg.GPVirtual)
	n := Load(Param("a").Len(), GP64()).(reg.GPVirtual)
	f := sums()
	p := m.partials()
	m.start(f, p)
	// The product is made where the fold combines: x carries a, and b is read beside it.
	var other reg.VecVirtual
	product := f
	product.combine = func(m *isa, acc, v Op) reg.VecVirtual { return m.fma(v, other, acc) }
	m.absorb(product, p, n, "", func(u int, tail bool) reg.VecVirtual {
		other = m.load(Mem{Base: b, Disp: u * m.bytes()}, tail)
		return m.load(Mem{Base: a, Disp: u * m.bytes()}, tail)
	}, func(u int) {
		ADDQ(U32(uint32(u*m.bytes())), a)
		ADDQ(U32(uint32(u*m.bytes())), b)
	})
	r := m.total(f, p)
	Store(r, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// rows folds each row into its own number. Rows that fit one register take a short way.
func (m *isa) rows(name string, f fold) {
	m.begin(name, "(dst, x []float32, n int)")
	dst := Load(Param("dst").Base(), GP64()).(reg.GPVirtual)
	count := Load(Param("dst").Len(), GP64()).(reg.GPVirtual)
	x := Load(Param("x").Base(), GP64()).(reg.GPVirtual)
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	finish := func(r reg.VecVirtual) {
		before := XMM()
		VMOVSS(Mem{Base: dst}, before)
		r = f.narrow(m, before, r, xmm)
		VMOVSS(r, Mem{Base: dst})
		ADDQ(U8(4), dst)
		DECQ(count)
	}
	TESTQ(count, count)
	JZ(LabelRef("done"))
	CMPQ(n, U8(uint8(m.lanes)))
	JGE(LabelRef("long"))
	m.setMask(n)
	mask := m.mask
	first := m.reg()
	m.start(f, []reg.VecVirtual{first})
	Label("short")
	m.mask = mask
	v := m.load(Mem{Base: x}, true)
	if f.start != 0 {
		v = m.choose(mask, v, first)
	}
	finish(m.lowest(f, f.combine(m, first, v)))
	LEAQ(Mem{Base: x, Index: n, Scale: 4}, x)
	JNZ(LabelRef("short"))
	JMP(LabelRef("done"))
	Label("long")
	left := GP64()
	p := m.partials()
	Label("row")
	MOVQ(n, left)
	m.start(f, p)
	at := GP64()
	MOVQ(x, at)
	m.absorb(f, p, left, "row", func(u int, tail bool) reg.VecVirtual {
		return m.load(Mem{Base: at, Disp: u * m.bytes()}, tail)
	}, func(u int) { ADDQ(U32(uint32(u*m.bytes())), at) })
	finish(m.total(f, p))
	LEAQ(Mem{Base: x, Index: n, Scale: 4}, x)
	JNZ(LabelRef("row"))
	Label("done")
	VZEROUPPER()
	RET()
}

// columns adds column sums, four partial sums of interleaved rows per column, two registers of columns at once.
func (m *isa) columns() {
	m.begin("addColumns", "(dst, x []float32, rows int)")
	dst := Load(Param("dst").Base(), GP64()).(reg.GPVirtual)
	n := Load(Param("dst").Len(), GP64()).(reg.GPVirtual)
	x := Load(Param("x").Base(), GP64()).(reg.GPVirtual)
	rows := Load(Param("rows"), GP64()).(reg.GPVirtual)
	stride, three := GP64(), GP64()
	MOVQ(n, stride)
	SHLQ(U8(2), stride)
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, three)
	block := func(vecs int, tail bool, label string) {
		p := make([]reg.VecVirtual, 4*vecs)
		for i := range p {
			p[i] = m.reg()
		}
		m.start(fold{}, p)
		at, left := GP64(), GP64()
		MOVQ(x, at)
		MOVQ(rows, left)
		row := func(r, v int) Mem {
			switch r {
			case 0:
				return Mem{Base: at, Disp: v * m.bytes()}
			case 3:
				return Mem{Base: at, Index: three, Scale: 1, Disp: v * m.bytes()}
			}
			return Mem{Base: at, Index: stride, Scale: uint8(r), Disp: v * m.bytes()}
		}
		take := func(r int) {
			for v := range vecs {
				if tail {
					VADDPS(m.load(row(r, v), true), p[4*v+r], p[4*v+r])
				} else {
					VADDPS(row(r, v), p[4*v+r], p[4*v+r])
				}
			}
		}
		Label(label + "four")
		SUBQ(U8(4), left)
		JLT(LabelRef(label + "rest"))
		for r := range 4 {
			take(r)
		}
		LEAQ(Mem{Base: at, Index: stride, Scale: 4}, at)
		JMP(LabelRef(label + "four"))
		Label(label + "rest")
		ADDQ(U8(4), left)
		for r := range 3 {
			JZ(LabelRef(label + "end"))
			take(r)
			DECQ(left)
		}
		Label(label + "end")
		for v := range vecs {
			to := Mem{Base: dst, Disp: v * m.bytes()}
			s := m.add(m.add(p[4*v], p[4*v+1]), m.add(p[4*v+2], p[4*v+3]))
			m.store(m.add(m.load(to, tail), s), to, tail)
		}
	}
	for _, vecs := range []int{2, 1} {
		label := fmt.Sprintf("by%d", vecs)
		Label(label)
		CMPQ(n, U8(uint8(vecs*m.lanes)))
		JLT(LabelRef("less" + label))
		block(vecs, false, label)
		ADDQ(U32(uint32(vecs*m.bytes())), x)
		ADDQ(U32(uint32(vecs*m.bytes())), dst)
		SUBQ(U8(uint8(vecs*m.lanes)), n)
		JMP(LabelRef(label))
		Label("less" + label)
	}
	TESTQ(n, n)
	JZ(LabelRef("done"))
	m.setMask(n)
	block(1, true, "tail")
	Label("done")
	VZEROUPPER()
	RET()
}

func (m *isa) reductions() {
	least := extremes(math.Inf(1), VMINPS, (*isa).min)
	most := extremes(math.Inf(-1), VMAXPS, (*isa).max)
	m.whole("sum", sums())
	m.whole("greatest", most)
	m.whole("smallest", least)
	m.dot()
	m.rows("addRows", sums())
	m.rows("maxRows", most)
	m.rows("minRows", least)
	m.columns()
}
