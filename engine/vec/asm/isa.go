//go:build avo

package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// An isa writes vector instructions of one family. Its methods return new registers; a constant is an operand
// in memory. Both families get the same sequence of roundings.
type isa struct {
	name  string
	wide  bool // AVX-512
	lanes int
	mask  Op // of the tail
}

func (m *isa) bytes() int { return 4 * m.lanes }

func (m *isa) reg() reg.VecVirtual {
	if m.wide {
		return ZMM()
	}
	return YMM()
}

var constants = map[string]Mem{}

// word is a constant of 32 bits in every lane.
func word(bits uint32) Mem {
	name := fmt.Sprintf("w%08x", bits)
	if c, ok := constants[name]; ok {
		return c
	}
	c := GLOBL(name, RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(bits))
	}
	constants[name] = c
	return c
}

func single(x float64) Mem { return word(math.Float32bits(float32(x))) }

// double is a float64 constant in every lane.
func double(x float64) Mem { return quad(math.Float64bits(x)) }

func quad(bits uint64) Mem {
	name := fmt.Sprintf("q%016x", bits)
	if c, ok := constants[name]; ok {
		return c
	}
	c := GLOBL(name, RODATA|NOPTR)
	for i := range 8 {
		DATA(8*i, U64(bits))
	}
	constants[name] = c
	return c
}

// laneMasks is where AVX2 finds the mask of n lanes: the 8 words that end n words behind the middle.
func laneMasks() Mem {
	if c, ok := constants["lanes"]; ok {
		return c
	}
	c := GLOBL("laneMasks", RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(0xffffffff))
	}
	for i := range 8 {
		DATA(32+4*i, U32(0))
	}
	constants["lanes"] = c
	return c
}

// setMask makes the mask of n lanes, less than a register has.
func (m *isa) setMask(n reg.GPVirtual) {
	t := GP64()
	if m.wide {
		MOVL(U32(0xffff), t.As32())
		BZHIL(n.As32(), t.As32(), t.As32())
		k := K()
		KMOVW(t.As32(), k)
		m.mask = k
		return
	}
	base, at := GP64(), GP64()
	LEAQ(laneMasks(), base)
	MOVQ(U32(8), at)
	SUBQ(n, at)
	v := YMM()
	VMOVUPS(Mem{Base: base, Index: at, Scale: 4}, v)
	m.mask = v
}

func (m *isa) load(from Mem, tail bool) reg.VecVirtual {
	v := m.reg()
	switch {
	case !tail:
		VMOVUPS(from, v)
	case m.wide:
		VMOVUPS_Z(from, m.mask, v)
	default:
		VMASKMOVPS(from, m.mask, v)
	}
	return v
}

func (m *isa) store(v Op, to Mem, tail bool) {
	switch {
	case !tail:
		VMOVUPS(v, to)
	case m.wide:
		VMOVUPS(v, m.mask, to)
	default:
		VMASKMOVPS(v, m.mask, to)
	}
}

func (m *isa) broadcast(name string) reg.VecVirtual {
	v := m.reg()
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(p.Addr, v)
	return v
}

func (m *isa) copy(a Op) reg.VecVirtual {
	v := m.reg()
	VMOVUPS(a, v)
	return v
}

func (m *isa) zero() reg.VecVirtual {
	v := m.reg()
	VXORPS(v, v, v)
	return v
}

// two applies an instruction dst = a op b; b may be in memory.
func (m *isa) two(f func(...Op), a, b Op) reg.VecVirtual {
	v := m.reg()
	f(b, a, v)
	return v
}

func (m *isa) add(a, b Op) reg.VecVirtual { return m.two(VADDPS, a, b) }
func (m *isa) sub(a, b Op) reg.VecVirtual { return m.two(VSUBPS, a, b) }
func (m *isa) mul(a, b Op) reg.VecVirtual { return m.two(VMULPS, a, b) }
func (m *isa) div(a, b Op) reg.VecVirtual { return m.two(VDIVPS, a, b) }
func (m *isa) and(a, b Op) reg.VecVirtual { return m.two(VANDPS, a, b) }
func (m *isa) or(a, b Op) reg.VecVirtual  { return m.two(VORPS, a, b) }
func (m *isa) xor(a, b Op) reg.VecVirtual { return m.two(VXORPS, a, b) }

// lower is min(x, c) and upper max(x, c) with NaN in x kept: the instructions return their second source then.
func (m *isa) lower(x Op, c Mem) reg.VecVirtual { return m.two(VMINPS, m.copy(c), x) }
func (m *isa) upper(x Op, c Mem) reg.VecVirtual { return m.two(VMAXPS, m.copy(c), x) }

// fma is a*b + c; b may be in memory.
func (m *isa) fma(a, b, c Op) reg.VecVirtual {
	v := m.copy(c)
	VFMADD231PS(b, a, v)
	return v
}

// fms is a*b - c.
func (m *isa) fms(a, b, c Op) reg.VecVirtual {
	v := m.copy(c)
	VFMSUB231PS(b, a, v)
	return v
}

// nfma is c - a*b.
func (m *isa) nfma(a, b, c Op) reg.VecVirtual {
	v := m.copy(c)
	VFNMADD231PS(b, a, v)
	return v
}

// poly is the polynomial of x with the given coefficients, lowest first.
func (m *isa) poly(x Op, c ...float64) reg.VecVirtual {
	v := m.copy(single(c[len(c)-1]))
	for i := len(c) - 2; i >= 0; i-- {
		VFMADD213PS(single(c[i]), x, v)
	}
	return v
}

func (m *isa) abs(a Op) reg.VecVirtual { return m.and(a, word(0x7fffffff)) }
func (m *isa) neg(a Op) reg.VecVirtual { return m.xor(a, word(0x80000000)) }

func (m *isa) sqrt(a Op) reg.VecVirtual {
	v := m.reg()
	VSQRTPS(a, v)
	return v
}

// The ways to round to a whole number.
const (
	nearest = 8
	down    = 9
	up      = 10
)

func (m *isa) round(a Op, how uint8) reg.VecVirtual {
	v := m.reg()
	if m.wide {
		VRNDSCALEPS(U8(how), a, v)
	} else {
		VROUNDPS(U8(how), a, v)
	}
	return v
}

// Predicates of comparisons that are false for NaN, but for differs and unordered.
const (
	equals    = 0
	below     = 17
	atMost    = 18
	unordered = 3
	differs   = 4
	atLeast   = 29
	above     = 30
)

// test compares a with b. The result is for choose.
func (m *isa) test(predicate uint8, a, b Op) Op {
	if m.wide {
		k := K()
		VCMPPS(U8(predicate), b, a, k)
		return k
	}
	v := YMM()
	VCMPPS(U8(predicate), b, a, v)
	return v
}

// choose is a where the test holds, else b; a may be in memory.
func (m *isa) choose(test, a, b Op) reg.VecVirtual {
	v := m.reg()
	if m.wide {
		VBLENDMPS(a, b, test, v)
	} else {
		VBLENDVPS(test, a, b, v)
	}
	return v
}

// lanesOf turns a test into a vector of all ones and zeros.
func (m *isa) lanesOf(test Op) reg.VecVirtual {
	if !m.wide {
		return test.(reg.VecVirtual)
	}
	v := ZMM()
	VPMOVM2D(test, v)
	return v
}

// testOf turns a vector of all ones and zeros into a test.
func (m *isa) testOf(v Op) Op {
	if !m.wide {
		return v
	}
	k := K()
	VPMOVD2M(v, k)
	return k
}

// max is b where it is greater than a or NaN, else a.
func (m *isa) max(a, b Op) reg.VecVirtual {
	v := m.two(VMAXPS, b, a)
	return m.choose(m.test(unordered, b, b), b, v)
}

// min is b where it is smaller than a or NaN, else a.
func (m *isa) min(a, b Op) reg.VecVirtual {
	v := m.two(VMINPS, b, a)
	return m.choose(m.test(unordered, b, b), b, v)
}

// power is 2^n for whole n from -126 to 127.
func (m *isa) power(n Op) reg.VecVirtual {
	v := m.two(VPADDD, n, word(127))
	VPSLLD(U8(23), v, v)
	return v
}

// ints is n, a whole number, as an integer.
func (m *isa) ints(n Op) reg.VecVirtual {
	v := m.reg()
	VCVTPS2DQ(n, v)
	return v
}

// scale is p*2^n with one rounding, for whole n from -250 to 250. AVX2 multiplies twice: only the second
// product can round.
func (m *isa) scale(p, n Op) reg.VecVirtual {
	v := m.reg()
	if m.wide {
		VSCALEFPS(n, p, v)
		return v
	}
	whole := m.ints(n)
	VPSRAD(U8(1), whole, v)
	rest := m.two(VPSUBD, whole, v)
	return m.mul(m.mul(p, m.power(v)), m.power(rest))
}
