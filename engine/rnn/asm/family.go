//go:build avo

package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// A family is a register width; masked says that the code being written handles the last units.
type family struct {
	name   string
	lanes  int
	wide   bool
	masked bool
	mask   Op
}

func (f *family) bytes() int { return 4 * f.lanes }

func (f *family) vec() VecVirtual {
	if f.wide {
		return ZMM()
	}
	return YMM()
}

var constants = map[uint32]Mem{}

// constant is v in every lane, in memory.
func constant(v uint32) Mem {
	m, ok := constants[v]
	if !ok {
		m = GLOBL(fmt.Sprintf("lanes%08x", v), RODATA|NOPTR)
		for i := range 16 {
			DATA(4*i, U32(v))
		}
		constants[v] = m
	}
	return m
}

func number(v float32) Mem { return constant(math.Float32bits(v)) }

var table *Mem

// masks is a table of eight words of ones and eight of zeros: eight words from 32-4n on are a mask of n lanes.
func masks() Mem {
	if table == nil {
		m := GLOBL("laneMasks", RODATA|NOPTR)
		for i := range 16 { // in order: the assembler wants it so
			DATA(4*i, U32(0xffffffff*uint32(1-i/8)))
		}
		table = &m
	}
	return *table
}

// kernel writes a function over n units: the arguments after n are addresses, which move on with the units;
// body writes the work on one register of units.
func (f *family) kernel(name, doc string, args []string, body func(at map[string]Register, stride Strides)) {
	signature := "func(n int"
	for _, a := range args {
		signature += ", " + a
	}
	TEXT(name+f.name, NOSPLIT, signature+" *float32)")
	Doc(name + f.name + " " + doc)
	Pragma("noescape")
	n := Load(Param("n"), GP64())
	at := map[string]Register{}
	for _, a := range args {
		at[a] = Load(Param(a), GP64())
	}
	one, three := GP64(), GP64()
	MOVQ(n, one)
	SHLQ(U8(2), one)
	LEAQ(Mem{Base: one, Index: one, Scale: 2}, three)
	s := Strides{one, three}

	Label("full")
	CMPQ(n, U8(f.lanes))
	JLT(LabelRef("rest"))
	f.masked = false
	body(at, s)
	for _, a := range args {
		ADDQ(U8(f.bytes()), at[a])
	}
	SUBQ(U8(f.lanes), n)
	JMP(LabelRef("full"))

	Label("rest")
	TESTQ(n, n)
	JE(LabelRef("done"))
	f.masked = true
	f.setMask(n)
	body(at, s)
	Label("done")
	VZEROUPPER()
	RET()
}

func (f *family) setMask(n Register) {
	if f.wide {
		bits, count := GP32(), n.(GPVirtual)
		MOVQ(count, RCX)
		MOVL(U32(1), bits)
		SHLL(CL, bits)
		DECL(bits)
		k := K()
		KMOVW(bits, k)
		f.mask = k
		return
	}
	base, m := GP64(), YMM()
	LEAQ(masks().Offset(32), base)
	SHLQ(U8(2), n)
	SUBQ(n, base)
	VMOVUPS(Mem{Base: base}, m)
	f.mask = m
}

// Strides are once and three times the distance of one gate's units from the next gate's.
type Strides struct{ one, three Register }

// gate is the address of gate g beside p.
func (s Strides) gate(p Register, g int) Mem {
	switch g {
	case 0:
		return Mem{Base: p}
	case 1, 2, 4:
		return Mem{Base: p, Index: s.one, Scale: uint8(g)}
	default:
		return Mem{Base: p, Index: s.three, Scale: 1}
	}
}

// fetch asks for the lines of n gates that lie at p, for the second-level cache: rows of the next step, which a
// thread comes to after the products of this one.
func (f *family) fetch(p Register, s Strides, n int) {
	if f.masked {
		return
	}
	for g := range n {
		PREFETCHT1(s.gate(p, g))
	}
}

func (f *family) load(m Mem) VecVirtual {
	v := f.vec()
	switch {
	case !f.masked:
		VMOVUPS(m, v)
	case f.wide:
		VMOVUPS_Z(m, f.mask, v)
	default:
		VMASKMOVPS(m, f.mask, v)
	}
	return v
}

func (f *family) store(v VecVirtual, m Mem) {
	switch {
	case !f.masked:
		VMOVUPS(v, m)
	case f.wide:
		VMOVUPS(v, f.mask, m)
	default:
		VMASKMOVPS(v, f.mask, m)
	}
}

func (f *family) add(a VecVirtual, b Op) VecVirtual { d := f.vec(); VADDPS(b, a, d); return d }
func (f *family) mul(a VecVirtual, b Op) VecVirtual { d := f.vec(); VMULPS(b, a, d); return d }

// sub is a - b.
func (f *family) sub(a VecVirtual, b Op) VecVirtual { d := f.vec(); VSUBPS(b, a, d); return d }

// div is a / b.
func (f *family) div(a, b VecVirtual) VecVirtual { d := f.vec(); VDIVPS(b, a, d); return d }

// mulAdd is a·b + c.
func (f *family) mulAdd(a, b VecVirtual, c Op) VecVirtual {
	d := f.vec()
	VMOVAPS(a, d)
	VFMADD213PS(c, b, d)
	return d
}

// fromMul is c - a·b.
func (f *family) fromMul(c, a VecVirtual, b Op) VecVirtual {
	d := f.vec()
	VMOVAPS(c, d)
	VFNMADD231PS(b, a, d)
	return d
}

// one is 1 in every lane.
func (f *family) one() VecVirtual { v := f.vec(); VMOVUPS(number(1), v); return v }

// zero is 0 in every lane.
func (f *family) zero() VecVirtual { v := f.vec(); VXORPS(v, v, v); return v }

// expm1 returns 2ⁿ and p with exp(x) = 2ⁿ(1+p), |p| ≤ 0.42: Cody and Waite's reduction, and the polynomial of
// degree four in r that fits (exp(r)-1-r)/r² on |r| ≤ ln 2 / 2 (Chebyshev fit, error 1e-8 of exp). |x| is at
// most 87.
func (f *family) expm1(x VecVirtual) (scale, p VecVirtual) {
	whole, n := f.vec(), f.vec()
	VCVTPS2DQ(f.mul(x, number(1.4426950408889634)), whole)
	VCVTDQ2PS(whole, n)
	r := f.fromMul(x, n, number(0.693359375))
	r = f.fromMul(r, n, number(-2.12194440e-4))
	q := f.vec()
	VMOVUPS(number(0.001393368816934526), q)
	for _, c := range []float32{0.008363205008208752, 0.041666463017463684, 0.16666576266288757, 0.5} {
		VFMADD213PS(number(c), r, q)
	}
	p = f.mulAdd(f.mul(r, r), q, r)
	scale = f.vec()
	VPSLLD(U8(23), whole, scale)
	VPADDD(constant(0x3f800000), scale, scale)
	return scale, p
}

// clamp bounds x on both sides; what is no number stays none.
func (f *family) clamp(x VecVirtual, bound float32) VecVirtual {
	low, high := f.vec(), f.vec()
	VMOVUPS(number(-bound), low)
	VMOVUPS(number(bound), high)
	d := f.vec()
	VMAXPS(x, low, d)
	VMINPS(d, high, d)
	return d
}

// sigmoid is 1/(1+exp(-x)). Beyond 87 it stays what it is there, 1 or 1.6e-38.
func (f *family) sigmoid(x VecVirtual) VecVirtual {
	scale, p := f.expm1(f.clamp(f.sub(f.zero(), x), 87))
	e := f.mulAdd(p, scale, scale)
	one := f.one()
	return f.div(one, f.add(e, one))
}

// tanh is t/(t+2), t = exp(2x)-1, which keeps its digits near zero. Beyond 10 it is 1.
func (f *family) tanh(x VecVirtual) VecVirtual {
	x = f.clamp(x, 10)
	scale, p := f.expm1(f.add(x, x))
	t := f.mulAdd(p, scale, f.sub(scale, number(1)))
	return f.div(t, f.add(t, number(2)))
}
